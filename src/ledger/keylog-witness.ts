/**
 * Witnesses of a recovery: what members sign to say that they saw it settled, and that its delay is over by their own clocks.
 *
 * Votes read no clock. Time comes in here, as statements that prove themselves: whoever votes checks signatures and a difference of numbers. A quorum of weight
 * must say so, and more than a third of the weight would have to lie to shorten a delay. Each statement is signed with the key of a seat and epoch; layout:
 * `src/PROTOCOL.md`.
 */

import { type Cbor, decode, encode } from '../core/codec.ts'
import { type SignatureCheck, verifyGroups } from '../core/crypto.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Genesis } from '../identity/genesis.ts'
import { quorumOf, type Seating, seatingDigest, seatingOf, weightOf } from '../identity/seats.ts'

/** What one seat says about one recovery. Times are milliseconds since 1970 by its own clock. */
export interface Witness {
  readonly seat: number
  /** When it saw the recovery settled. */
  readonly firstSeenMs: number
  /** When it signed. */
  readonly nowMs: number
  /** 64 bytes, over `witnessMessage`. */
  readonly signature: Uint8Array
}

/** Whose statements count. */
export interface Jury {
  /** Committee digest. */
  readonly cid: Uint8Array
  readonly seats: Seating['seats']
  /** Weight that decides. */
  readonly quorum: number
}

const TITLE = 'webx v1 witness'

/** The jury of a genesis. */
export function juryOf(genesis: Genesis): Jury {
  const seating = seatingOf(genesis)
  return { cid: seatingDigest(seating), seats: seating.seats, quorum: quorumOf(weightOf(seating.seats)) }
}

/** What a witness signs. `recovery`: 32-byte digest of the event. */
export function witnessMessage(
  cid: Uint8Array,
  recovery: Uint8Array,
  { firstSeenMs, nowMs }: Pick<Witness, 'firstSeenMs' | 'nowMs'>,
): Uint8Array {
  return encode([TITLE, cid, recovery, firstSeenMs, nowMs])
}

/** The signature of a witness, which must hold. Throws `unknown-sender` for a seat that there is not. */
export function witnessCheck(jury: Jury, recovery: Uint8Array, witness: Witness): SignatureCheck {
  const seat = jury.seats[witness.seat]
  if (!seat) throw new WebxError('unknown-sender', `the committee has no seat ${witness.seat}`)
  const message = witnessMessage(jury.cid, recovery, witness)
  return { key: seat.epochKey, message, signature: witness.signature }
}

/** Bytes of witnesses as they are attached to an order: ascending by seat. */
export function encodeWitnesses(witnesses: readonly Witness[]): Uint8Array {
  return encode([...witnesses].sort((a, b) => a.seat - b.seat).map(witnessFields))
}

/** Fields of one witness as they travel. */
export function witnessFields({ seat, firstSeenMs, nowMs, signature }: Witness): Cbor[] {
  return [seat, firstSeenMs, nowMs, signature]
}

/** Reads the fields of one witness. Throws `bad-shape`. */
export function readWitness(fields: Fields): Witness {
  return {
    seat: fields.uint('seat', LIMITS.seatsMax - 1),
    firstSeenMs: fields.uint('firstSeenMs'),
    nowMs: fields.uint('nowMs'),
    signature: fields.bytes('signature', 64),
  }
}

/** Reads what `encodeWitnesses` wrote. Throws `too-long`, `not-canonical`, `bad-shape`. */
export function readWitnesses(bytes: Uint8Array): Witness[] {
  const list = decode(bytes, LIMITS.keyEventBytesMax)
  if (!Array.isArray(list) || list.length > LIMITS.seatsMax) {
    throw new WebxError('bad-shape', `witnesses: expected an array of up to ${LIMITS.seatsMax}`)
  }
  return list.map((item) => {
    const fields = new Fields('witness', item)
    const witness = readWitness(fields)
    fields.end()
    return witness
  })
}

/** True where a witness says that the delay is over. */
export function isDue({ firstSeenMs, nowMs }: Pick<Witness, 'firstSeenMs' | 'nowMs'>, delayMs: number): boolean {
  return nowMs - firstSeenMs >= delayMs
}

/** Weight of the seats of these witnesses, which must be different ones. */
export function weightOfWitnesses({ seats }: Jury, witnesses: Iterable<Pick<Witness, 'seat'>>): number {
  let weight = 0
  for (const { seat } of witnesses) weight += seats[seat]?.weight ?? 0
  return weight
}

/**
 * Throws unless a quorum has witnessed that the delay of a recovery is over: `too-long`, `not-canonical`, `bad-shape` (seats unsorted or repeated too),
 * `unknown-sender` for a seat that there is not, `not-yet-valid` for a witness who signed too early, `too-few-signatures` for too little weight, `bad-signature`.
 *
 * @param bytes as `encodeWitnesses` writes them
 */
export function assertWitnessed(jury: Jury, bytes: Uint8Array, recovery: Uint8Array, delayMs: number): void {
  const witnesses = readWitnesses(bytes)
  if (witnesses.some(({ seat }, i) => i > 0 && seat <= (witnesses[i - 1] as Witness).seat)) {
    throw new WebxError('bad-shape', 'witnesses: seats are not sorted, or repeated')
  }
  const checks = witnesses.map((witness) => witnessCheck(jury, recovery, witness))
  const early = witnesses.find((witness) => !isDue(witness, delayMs))
  if (early) throw new WebxError('not-yet-valid', `seat ${early.seat} signed before the delay of the recovery was over`)
  const weight = weightOfWitnesses(jury, witnesses)
  if (weight < jury.quorum) {
    throw new WebxError('too-few-signatures', `witnesses of weight ${weight}, a quorum is ${jury.quorum}`)
  }
  if (!verifyGroups([checks])[0]) throw new WebxError('bad-signature', 'a signature of the witnesses does not hold')
}

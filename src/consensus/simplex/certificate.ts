/**
 * BLOCKCERT: proof that a quorum cast one vote in a slot.
 *
 * Body: [kind, slot, hash, bitmap, [signature …]], bit i of the bitmap for seat i, signatures in the order of the seats; scope: the committee digest; no signature of its own.
 * The ballots that were signed can be made again from it, so it proves itself to anyone who knows the committee.
 */

import { encode } from '../../core/codec.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { type Envelope, encodeEnvelope, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Committee } from '../committee.ts'
import { assertScope } from '../statement.ts'
import { type Ballot, ballotCheck, readVerdict, type Verdict } from './ballot.ts'
import { signingSeat } from './leaders.ts'

const BITMAP_MAX = 2 ** LIMITS.seatsMax - 1

/** A quorum of ballots of one kind for one block, or for none. */
export interface BlockCertificate extends Verdict {
  /** Sorted by seat, one of each. */
  readonly ballots: readonly Ballot[]
  /** Weight of the seats that voted; at least the quorum. */
  readonly weight: number
}

/** The statement made of these ballots, one of each seat, in any order; seats beyond the quorum are left out. Throws `no-quorum` where the weight does not suffice. */
export function blockCertificateBytes(committee: Committee, verdict: Verdict, ballots: readonly Ballot[]): Uint8Array {
  const chosen: Ballot[] = []
  let weight = 0
  for (const ballot of [...ballots].sort((one, other) => one.seat - other.seat)) {
    if (weight >= committee.quorum) break
    chosen.push(ballot)
    weight += signingSeat(committee, ballot.seat).weight
  }
  if (weight < committee.quorum) {
    throw new WebxError('no-quorum', `ballots of weight ${weight}, a quorum is ${committee.quorum}`)
  }
  return statementOf(committee, verdict, chosen)
}

/** The same with every ballot in it: puts on record who voted. Null where the weight does not suffice. */
export function attendanceBytes(committee: Committee, verdict: Verdict, ballots: readonly Ballot[]): Uint8Array | null {
  const weight = ballots.reduce((sum, { seat }) => sum + signingSeat(committee, seat).weight, 0)
  if (weight < committee.quorum) return null
  return statementOf(
    committee,
    verdict,
    [...ballots].sort((one, other) => one.seat - other.seat),
  )
}

function statementOf(committee: Committee, { kind, slot, hash }: Verdict, ballots: readonly Ballot[]): Uint8Array {
  const bitmap = ballots.reduce((bits, { seat }) => bits + 2 ** seat, 0)
  const body = encode([kind, slot, hash, bitmap, ballots.map(({ signature }) => signature)])
  return encodeEnvelope({
    type: TYPE.blockCertificate,
    scope: committee.cid,
    body,
    signature: NOTHING,
    attachment: NOTHING,
  })
}

/**
 * Decodes a certificate and counts its weight; whether the signatures hold is the business of `blockCertificateChecks`.
 *
 * Throws `wrong-epoch`, `bad-certificate` (too little weight, other seats than signatures), `unknown-sender`, `bad-shape`, `not-canonical`.
 */
export function readBlockCertificate(envelope: Envelope, committee: Committee): BlockCertificate {
  if (envelope.type !== TYPE.blockCertificate) throw new WebxError('bad-shape', 'not a certificate of a block')
  assertScope(envelope, committee)
  if (envelope.signature.length !== 0 || envelope.attachment.length !== 0) {
    throw new WebxError('bad-shape', 'certificate of a block: has neither signature nor attachment of its own')
  }
  const fields = Fields.of('certificate of a block', envelope.body, LIMITS.certificateBytesMax)
  const verdict = readVerdict(fields)
  const bitmap = fields.uint('bitmap', BITMAP_MAX)
  const signatures = fields.list('signatures', LIMITS.seatsMax, (item) => {
    if (item instanceof Uint8Array && item.length === 64) return item
    throw new WebxError('bad-shape', 'certificate of a block: a signature has 64 bytes')
  })
  fields.end()
  const seats = seatsOf(bitmap)
  if (seats.length !== signatures.length) {
    throw new WebxError('bad-certificate', `${seats.length} seats, ${signatures.length} signatures`)
  }
  const weight = seats.reduce((sum, seat) => sum + signingSeat(committee, seat).weight, 0)
  if (weight < committee.quorum) {
    throw new WebxError('bad-certificate', `weight ${weight}, a quorum is ${committee.quorum}`)
  }
  const ballots = seats.map((seat, i) => ({ ...verdict, seat, signature: signatures[i] as Uint8Array }))
  return { ...verdict, ballots, weight }
}

/** The signatures that must hold for a certificate to count; `known` says which ballots were verified before. */
export function blockCertificateChecks(
  committee: Committee,
  certificate: BlockCertificate,
  known: (ballot: Ballot) => boolean = never,
): SignatureCheck[] {
  return certificate.ballots.filter((ballot) => !known(ballot)).map((ballot) => ballotCheck(committee, ballot))
}

/** The numbers of the bits that are set. */
export function seatsOf(bitmap: number): number[] {
  const seats: number[] = []
  for (let seat = 0, rest = bitmap; rest > 0; seat++, rest = Math.floor(rest / 2)) if (rest % 2 === 1) seats.push(seat)
  return seats
}

function never(): boolean {
  return false
}

const NOTHING = new Uint8Array(0)

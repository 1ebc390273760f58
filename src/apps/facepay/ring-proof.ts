/**
 * The proof by which a guest checks in: "I am one of this ring, and this is my tag in this shop today".
 *
 * It says who may speak for the enrolled shopper – the guest's identity, with pseudonym, check-in key and face model – and nothing else needs a proof: lifetimes and
 * repetitions are under the guest's own signature. The nonce is the digest of the till's RING statement, so a proof counts for one list of rings at one till.
 */

import { type Cbor, encode } from '../../core/codec.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import { dayNumberAt } from '../../proof/day.ts'
import { decodeProof } from '../../proof/format.ts'
import { checkLinkable, proveLinkable } from '../../proof/linkable.ts'
import type { ProofKey, Random } from '../../proof/secret.ts'
import type { ProofContext } from '../../proof/transcript.ts'
import type { GroupDoor } from '../../wasm/group.ts'
import { type Ring, type RingStatement, ringOf } from './rings.ts'

/** The fifth field of a CHECKIN of somebody who is enrolled. */
export interface RingProof {
  /** Number of the RING statement, and which of its rings. */
  readonly number: number
  readonly index: number
  /** Day of the tag, as `proof/day.ts` counts them, by UTC. */
  readonly day: number
  readonly proof: Uint8Array
}

/** A list of rings that was signed by its till. */
export interface SignedRings extends RingStatement {
  /** 32-byte digest of the statement. */
  readonly digest: Uint8Array
}

/** Who checks in, and with what: fields of the check-in as they are. */
export interface Bound {
  /** 32-byte identity of the guest. */
  readonly guestId: Uint8Array
  readonly pseudonym: Uint8Array
  readonly key: Uint8Array
  readonly model: string
}

/** What a proof must be right about beside its maker. */
export interface ProofPlace {
  readonly rings: SignedRings
  /** 32-byte identity of the shop: the organization of the net. */
  readonly shop: Uint8Array
}

const DAY_MS = 86_400_000
const NO_PING = new Uint8Array(0)

/** Proves that the holder of `key` checks in. Throws `not-enrolled` where the key is in none of the rings. */
export function proveCheckin(
  group: GroupDoor,
  { rings, shop }: ProofPlace,
  bound: Bound,
  key: ProofKey,
  nowMs: number,
  random: Random,
): RingProof {
  const index = ringOf(rings.rings, key.publicKey)
  const keys = rings.rings[index]
  if (!keys) throw notEnrolled()
  const day = dayNumberAt(nowMs)
  const proof = proveLinkable(group, { keys, about: about(bound) }, { shop, day }, key, contextOf(rings), random)
  return { number: rings.number, index, day, proof }
}

/** The refusal of a device that the till does not list. */
export function notEnrolled(): WebxError {
  return new WebxError('not-enrolled', 'that terminal does not list this device among its shoppers', {
    hint: 'Have the shop enrol what webx device proof-key prints; at least two shoppers must be enrolled there.',
  })
}

/** The tag, 32 bytes, of whoever made the proof. Throws `bad-proof`, or a decoder's code, unless somebody of that ring did. */
export function checkCheckin(group: GroupDoor, { rings, shop }: ProofPlace, bound: Bound, ring: RingProof): Uint8Array {
  const keys = ringAt(rings, ring)
  const where = { shop, day: ring.day }
  return checkLinkable(group, { keys, about: about(bound) }, where, ring.proof, contextOf(rings))
}

/**
 * All that can be wrong with a proof before anything is reckoned, and the tag that it claims.
 *
 * Throws `wrong-version` for another list of rings than today's, `expired` or `from-the-future` for the tag of another day, `bad-shape`.
 */
export function claimedTag(rings: RingStatement, ring: RingProof, nowMs: number): Uint8Array {
  if (ring.number !== rings.number) {
    throw new WebxError('wrong-version', `a proof for list ${ring.number} of the rings, ${rings.number} is in force`)
  }
  const keys = ringAt(rings, ring)
  if (tagEndsMs(ring.day) <= nowMs) throw new WebxError('expired', 'a tag of an earlier day')
  if (ring.day > dayNumberAt(nowMs + LIMITS.checkinDayGraceMs))
    throw new WebxError('from-the-future', 'a tag of a later day')
  const [tag] = decodeProof('check-in proof', ring.proof, keys.length + 2)
  return (tag as Uint8Array).slice()
}

/** When the place that a tag of that day holds ends at the latest: a little after its midnight (UTC). */
export function tagEndsMs(day: number): number {
  return (day - dayNumberAt(0) + 1) * DAY_MS + LIMITS.checkinDayGraceMs
}

/** The end of the day (UTC) that holds a time. */
export function dayEndsMs(nowMs: number): number {
  return (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS
}

/** How it travels; `[]` stands for a check-in by name. */
export function ringProofField(ring: RingProof | null): Cbor {
  return ring ? [ring.number, ring.index, ring.day, ring.proof] : []
}

/** Throws `bad-shape`. */
export function readRingProof(field: Cbor): RingProof | null {
  if (Array.isArray(field) && field.length === 0) return null
  const fields = new Fields('check-in proof', field)
  const ring = {
    number: fields.uint('number'),
    index: fields.uint('index', LIMITS.checkinRingsMax - 1),
    day: fields.uint('day'),
    proof: fields.bytesBetween('proof', 1, LIMITS.proofBytesMax).slice(),
  }
  fields.end()
  return ring
}

function ringAt(rings: RingStatement, { index }: RingProof): Ring {
  const ring = rings.rings[index]
  if (ring) return ring
  throw new WebxError('bad-shape', `check-in proof: there is no ring ${index}`)
}

function about({ guestId, pseudonym, key, model }: Bound): Uint8Array {
  return encode(['webx v1 check-in', guestId, pseudonym, key, model])
}

function contextOf({ terminalId, digest }: SignedRings): ProofContext {
  return { audience: terminalId, nonce: digest, purpose: 'check-in', ping: NO_PING }
}

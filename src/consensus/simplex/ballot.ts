/**
 * BALLOT: one vote of a seat in a slot. NOTARIZE: "this block may stand here". SKIP: "nothing came in time". FINALIZE: "I did not skip, and never will".
 *
 * Body: [seat, kind, slot, hash], `hash` zeros for a SKIP; signed with the seat's epoch key over the committee digest. Each is signed alone, so that certificates are
 * small and every vote convicts by itself.
 */

import { encode } from '../../core/codec.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { type Envelope, encodeEnvelope, signedBytes, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { Fields } from '../../core/shape.ts'
import type { Committee } from '../committee.ts'
import { assertScope } from '../statement.ts'
import { SLOT_MAX } from './candidate.ts'
import { signingSeat } from './leaders.ts'

/** What a ballot may say. */
export const BALLOT = { notarize: 0, skip: 1, finalize: 2 } as const
export type BallotKind = (typeof BALLOT)[keyof typeof BALLOT]

/** The hash in a SKIP, which names no block. */
export const NO_BLOCK: Uint8Array = new Uint8Array(32)

/** What is voted for. */
export interface Verdict {
  readonly kind: BallotKind
  readonly slot: number
  /** 32-byte hash of the block; zeros for a SKIP. */
  readonly hash: Uint8Array
}

/** A decoded ballot; whether its signature holds is another matter. */
export interface Ballot extends Verdict {
  readonly seat: number
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** Canonical body bytes of a ballot. */
export function ballotBody(seat: number, { kind, slot, hash }: Verdict): Uint8Array {
  return encode([seat, kind, slot, hash])
}

/** What a seat signs for a ballot. */
export function ballotMessage(committee: Committee, seat: number, verdict: Verdict): Uint8Array {
  return signedBytes(TYPE.ballot, committee.cid, ballotBody(seat, verdict))
}

/** The signature check of a ballot. Throws `unknown-sender`. */
export function ballotCheck(committee: Committee, ballot: Ballot): SignatureCheck {
  const { epochKey } = signingSeat(committee, ballot.seat)
  return { key: epochKey, message: ballotMessage(committee, ballot.seat, ballot), signature: ballot.signature }
}

/** The statement of a signed ballot. */
export function ballotBytes(committee: Committee, ballot: Ballot): Uint8Array {
  return encodeEnvelope({
    type: TYPE.ballot,
    scope: committee.cid,
    body: ballotBody(ballot.seat, ballot),
    signature: ballot.signature,
    attachment: NOTHING,
  })
}

/** Decodes a ballot. Throws `wrong-epoch` (another committee), `unknown-sender` (nobody in that seat), `bad-shape`, `not-canonical`. */
export function readBallot(envelope: Envelope, committee: Committee): Ballot {
  if (envelope.type !== TYPE.ballot) throw new WebxError('bad-shape', 'not a ballot')
  assertScope(envelope, committee)
  if (envelope.signature.length !== 64 || envelope.attachment.length !== 0) {
    throw new WebxError('bad-shape', 'ballot: has a signature and no attachment')
  }
  const fields = Fields.of('ballot', envelope.body)
  const ballot = readBallotFields(fields, committee)
  fields.end()
  return { ...ballot, signature: envelope.signature }
}

/** Reads the four fields of a ballot. Throws `bad-shape`, `unknown-sender`. */
export function readBallotFields(fields: Fields, committee: Committee): Omit<Ballot, 'signature'> {
  const seat = fields.uint('seat')
  const verdict = readVerdict(fields)
  signingSeat(committee, seat)
  return { seat, ...verdict }
}

/** Reads kind, slot and hash. Throws `bad-shape`. */
export function readVerdict(fields: Fields): Verdict {
  const kind = fields.uint('kind', BALLOT.finalize) as BallotKind
  const slot = fields.uint('slot', SLOT_MAX)
  const hash = fields.bytes('hash', 32)
  if (kind === BALLOT.skip && hash.some((byte) => byte !== 0)) {
    throw new WebxError('bad-shape', 'ballot: a SKIP names no block')
  }
  return { kind, slot, hash }
}

const NOTHING = new Uint8Array(0)

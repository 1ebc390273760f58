/**
 * COSIGNATURE: what members of one neighborhood cosign, bundled for the road; every signature still counts for itself.
 *
 * Body: [kind, subject, seats, [[time, signature] …]], `seats` a bitmap of the seats that signed, the signatures in their order; scope: the committee digest of the
 * neighborhood. Kind 0: a checkpoint, signed as a C2SP `cosignature/v1` at a time in seconds, so that the same 64 bytes count in the world of transparency logs.
 * Kind 1: a vote to draw new MasterNodes (`redraw.ts`), signed as a statement, with the time 0. Bundles of one committee and subject merge by OR.
 */

import { equal, fromText, toHex } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { type Envelope, signedBytes, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Committee } from '../committee.ts'
import { assertScope } from '../statement.ts'
import { keyOfSeat, netName, readCheckpointText, weightOfSeats } from './checkpoint.ts'
import { cosignedBytes, NOTE_SIGNATURE, type NoteKey, type NoteLine, noteLine } from './note.ts'

/** What is cosigned. */
export const SUBJECT = { checkpoint: 0, redraw: 1 } as const
export type SubjectKind = (typeof SUBJECT)[keyof typeof SUBJECT]

/** What many sign: the text of a checkpoint, or a vote. */
export interface Subject {
  readonly kind: SubjectKind
  /** Text of a checkpoint in UTF-8, or the canonical bytes of a vote. */
  readonly content: Uint8Array
}

/** One member's cosignature. */
export interface Cosignature {
  readonly seat: number
  /** Seconds since 1970 by the cosigner's clock; 0 for a vote. */
  readonly seconds: number
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** Cosignatures of one committee; whether they hold is another matter. */
export interface Bundle extends Subject {
  /** Digest of the committee. */
  readonly cid: Uint8Array
  /** Sorted by seat, one for each. */
  readonly cosignatures: readonly Cosignature[]
  /** Weight of the seats in their committee. */
  readonly weight: number
}

/** The subject of a checkpoint's text. */
export function checkpointSubject(text: string): Subject {
  return { kind: SUBJECT.checkpoint, content: fromText(text) }
}

/** Text of a checkpoint that is a subject. */
export function textOf({ content }: Subject): string {
  return decoder.decode(content)
}

export function sameSubject(one: Subject, other: Subject): boolean {
  return one.kind === other.kind && equal(one.content, other.content)
}

/** What a member of a committee signs. */
export function subjectSignedBytes(cid: Uint8Array, subject: Subject, seconds: number): Uint8Array {
  if (subject.kind === SUBJECT.checkpoint) return cosignedBytes(textOf(subject), seconds)
  return signedBytes(TYPE.cosignature, cid, encode([subject.kind, subject.content]))
}

/** The statement of these cosignatures, in any order, one for each seat. */
export function bundleEnvelope(cid: Uint8Array, subject: Subject, cosignatures: readonly Cosignature[]): Envelope {
  const sorted = [...cosignatures].sort((a, b) => a.seat - b.seat)
  const seats = sorted.reduce((bits, { seat }) => (bits | (1 << seat)) >>> 0, 0)
  const signed = sorted.map(({ seconds, signature }) => [seconds, signature])
  const body = encode([subject.kind, subject.content, seats, signed])
  return { type: TYPE.cosignature, scope: cid, body, signature: NOTHING, attachment: NOTHING }
}

/** Decodes a bundle; the signatures of `bundleChecks` must hold too. Throws `wrong-epoch`, `unknown-sender`, `bad-shape`, `not-canonical`, `too-long`. */
export function readBundle(envelope: Envelope, committee: Committee): Bundle {
  if (envelope.type !== TYPE.cosignature) refuse('not a cosignature')
  assertScope(envelope, committee)
  if (envelope.signature.length !== 0 || envelope.attachment.length !== 0) {
    refuse('has neither signature nor attachment of its own')
  }
  const fields = Fields.of('cosignature', envelope.body)
  const kind = fields.uint('kind', SUBJECT.redraw) as SubjectKind
  const content = fields.bytesBetween('subject', 1, LIMITS.logTextBytesMax)
  const seats = seatsOf(fields.uint('seats', 0xffff_ffff))
  const cosignatures = fields.list('cosignatures', LIMITS.seatsMax, (item, i): Cosignature => {
    const one = new Fields('cosignature', item)
    const read = { seat: seats[i] ?? LIMITS.seatsMax, seconds: one.uint('time'), signature: one.bytes('signature', 64) }
    one.end()
    return read
  })
  fields.end()
  if (cosignatures.length !== seats.length) refuse('as many signatures as seats')
  if (kind === SUBJECT.checkpoint) readCheckpointText(decoder.decode(content), committee.netId)
  else if (cosignatures.some(({ seconds }) => seconds !== 0)) refuse('a vote has no time')
  return { kind, content, cid: committee.cid, cosignatures, weight: weightOfSeats(committee, cosignatures) }
}

/** The signatures that must hold. Throws `unknown-sender`. */
export function bundleChecks(committee: Committee, bundle: Bundle): SignatureCheck[] {
  return bundle.cosignatures.map(({ seat, seconds, signature }) => {
    return { key: keyOfSeat(committee, seat), message: subjectSignedBytes(bundle.cid, bundle, seconds), signature }
  })
}

/** Both bundles in one; a seat keeps its cosignature of `one`. Their checks must have held, or a bad signature displaces a good one. Throws `bad-argument` where committees or subjects differ. */
export function mergeBundles(committee: Committee, one: Bundle, other: Bundle): Bundle {
  if (!equal(one.cid, other.cid) || !equal(one.cid, committee.cid) || !sameSubject(one, other)) {
    throw new WebxError('bad-argument', 'bundles of different committees or subjects do not merge')
  }
  const bySeat = new Map([...other.cosignatures, ...one.cosignatures].map((signed) => [signed.seat, signed]))
  const cosignatures = [...bySeat.values()].sort((a, b) => a.seat - b.seat)
  return { ...one, cosignatures, weight: weightOfSeats(committee, cosignatures) }
}

/** The key of a member as strangers' tools are configured with it, for as long as its committee votes. */
export function memberNoteKey(committee: Committee, seat: number): NoteKey {
  const key = keyOfSeat(committee, seat)
  const id = committee.seats[seat]?.memberId ?? NOTHING
  return { name: `${netName(committee.netId)}/node/${toHex(id)}`, type: NOTE_SIGNATURE.cosigner, key }
}

/** The lines of a bundle over a checkpoint, for its signed note. */
export function bundleLines(committee: Committee, bundle: Bundle): NoteLine[] {
  return bundle.cosignatures.map(({ seat, seconds, signature }) => {
    return noteLine(memberNoteKey(committee, seat), signature, seconds)
  })
}

const NOTHING = new Uint8Array(0)
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

function seatsOf(bits: number): number[] {
  return Array.from({ length: LIMITS.seatsMax }, (_, seat) => seat).filter((seat) => ((bits >>> seat) & 1) === 1)
}

function refuse(why: string): never {
  throw new WebxError('bad-shape', `cosignature: ${why}`)
}

/**
 * SHARED CHANGE: what somebody asks of an object that several write, signed under the key of its identity and ordered by the chain of blocks.
 *
 * Its body is [kind, nid, epoch, writer, idem, inception, content…], its scope the net id. It counts in the epoch that it names and in no other, so that what was refused stays refused; whoever waits for
 * it signs it anew when the epoch turns, under the same idempotence id. CDDL: `src/PROTOCOL.md` §37.
 */

import { compare, concat } from '../../core/bytes.ts'
import { type Cbor, encode } from '../../core/codec.ts'
import { blake3Of } from '../../core/digest.ts'
import { type Envelope, encodeEnvelope, signedBytes, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'

/** Who writes an object, and how many of them must want another rule before it is in force. */
export interface SharedRule {
  /** 32-byte identities, ascending, each once. */
  readonly writers: readonly Uint8Array[]
  /** 1 to as many as there are writers. */
  readonly needed: number
}

/** What is asked for. */
export type SharedWish =
  | { readonly kind: 'create'; readonly nonce: Uint8Array; readonly rule: SharedRule; readonly value: Uint8Array }
  /** `follows`: the sequence number that the object must have come to; 0 for whatever comes. */
  | { readonly kind: 'write'; readonly oid: Uint8Array; readonly follows: number; readonly value: Uint8Array }
  /** A writer's word that this rule should come; the present one takes its word back. */
  | { readonly kind: 'rule'; readonly oid: Uint8Array; readonly rule: SharedRule }

export interface SharedChange {
  /** 16-byte id of the object's home. */
  readonly nid: Uint8Array
  /** The epoch in which this counts. */
  readonly epoch: number
  readonly writer: Uint8Array
  /** 16 bytes: what this writer has said under them once counts once, over the turn of an epoch too. */
  readonly idem: Uint8Array
  /** Encoded inception event of a writer whose key log was not settled when the epoch began; else empty. */
  readonly inception: Uint8Array
  readonly wish: SharedWish
}

const KINDS = ['create', 'write', 'rule'] as const satisfies readonly SharedWish['kind'][]
const NOTHING = new Uint8Array(0)

/** 32-byte id of the object that `creator` (32 bytes) begins with `nonce` (16) at `home` (16) in the net `netId` (32). */
export function sharedId(netId: Uint8Array, home: Uint8Array, creator: Uint8Array, nonce: Uint8Array): Uint8Array {
  return blake3Of('webx v1 shared object', concat(netId, home, creator, nonce))
}

/** The object that a change is about. */
export function objectOf({ nid, writer, wish }: SharedChange, netId: Uint8Array): Uint8Array {
  return wish.kind === 'create' ? sharedId(netId, nid, writer, wish.nonce) : wish.oid
}

/** 16 bytes that stand for an idempotence id of a writer, so that nobody else can use it up. */
export function markOf({ writer, idem }: Pick<SharedChange, 'writer' | 'idem'>): Uint8Array {
  return blake3Of('webx v1 shared mark', concat(writer, idem)).slice(0, 16)
}

/** 32-byte digest of a rule: what a writer's word about it is counted by. */
export function ruleDigest(rule: SharedRule): Uint8Array {
  return blake3Of('webx v1 shared rule', encode(ruleFields(rule)))
}

/** A rule with its writers in order, each once. Throws `bad-argument` without writers, with too many, or where more are needed than there are. */
export function sharedRule(writers: readonly Uint8Array[], needed: number): SharedRule {
  const sorted = [...writers]
    .sort(compare)
    .filter((id, i, all) => i === 0 || compare(all[i - 1] as Uint8Array, id) !== 0)
  const rule = { writers: sorted, needed }
  const fault = faultOf(rule)
  if (fault) throw new WebxError('bad-argument', fault)
  return rule
}

/** Body bytes, to be signed with the writer's key over `sharedSignedBytes`. */
export function sharedBody({ nid, epoch, writer, idem, inception, wish }: SharedChange): Uint8Array {
  return encode([KINDS.indexOf(wish.kind), nid, epoch, writer, idem, inception, ...wishFields(wish)])
}

export function sharedSignedBytes(netId: Uint8Array, body: Uint8Array): Uint8Array {
  return signedBytes(TYPE.sharedChange, netId, body)
}

/** The statement of a signed change. */
export function sharedBytes(netId: Uint8Array, body: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeEnvelope({ type: TYPE.sharedChange, scope: netId, body, signature, attachment: NOTHING })
}

/** Decodes a change; whose key must have signed it is for others to say. Throws `bad-shape`, `not-canonical`, `too-long`. */
export function readShared(envelope: Envelope): SharedChange {
  if (envelope.type !== TYPE.sharedChange || envelope.signature.length !== 64 || envelope.attachment.length !== 0)
    throw new WebxError('bad-shape', 'not a change of a shared object, signed and with nothing attached')
  return readSharedBody(envelope.body)
}

/** The same for the body alone. */
export function readSharedBody(body: Uint8Array): SharedChange {
  const fields = Fields.of('shared change', body, LIMITS.sharedChangeBytesMax)
  const kind = KINDS[fields.uint('kind', KINDS.length - 1)] as SharedWish['kind']
  const change = {
    nid: fields.bytes('nid', 16),
    epoch: fields.uint('epoch'),
    writer: fields.bytes('writer', 32),
    idem: fields.bytes('idem', 16),
    inception: fields.bytesBetween('inception', 0, LIMITS.sharedInceptionBytesMax),
    wish: readWish(kind, fields),
  }
  fields.end()
  return change
}

export function ruleFields({ writers, needed }: SharedRule): Cbor {
  return [[...writers], needed]
}

/** Throws `bad-shape` for a rule that nobody could keep, or that could be written in another way. */
export function readRule(fields: Fields): SharedRule {
  const writers = fields.list('writers', LIMITS.sharedWritersMax, (item) =>
    new Fields('writer', [item]).bytes('id', 32),
  )
  const rule = { writers, needed: fields.uint('needed', LIMITS.sharedWritersMax) }
  const fault = faultOf(rule)
  if (fault) throw new WebxError('bad-shape', fault)
  return rule
}

function faultOf({ writers, needed }: SharedRule): string | null {
  if (writers.length === 0 || writers.length > LIMITS.sharedWritersMax)
    return `a shared object has 1 to ${LIMITS.sharedWritersMax} writers`
  if (writers.some((id, i) => i > 0 && compare(writers[i - 1] as Uint8Array, id) >= 0))
    return 'writers stand in ascending order, each once'
  return needed < 1 || needed > writers.length ? 'a rule needs one of its writers at least, and all at most' : null
}

function wishFields(wish: SharedWish): Cbor[] {
  switch (wish.kind) {
    case 'create':
      return [wish.nonce, ruleFields(wish.rule), wish.value]
    case 'write':
      return [wish.oid, wish.follows, wish.value]
    case 'rule':
      return [wish.oid, ruleFields(wish.rule)]
  }
}

function readWish(kind: SharedWish['kind'], fields: Fields): SharedWish {
  const value = (): Uint8Array => fields.bytesBetween('value', 0, LIMITS.sharedValueBytesMax)
  switch (kind) {
    case 'create':
      return { kind, nonce: fields.bytes('nonce', 16), rule: fields.tuple('rule', readRule), value: value() }
    case 'write':
      return { kind, oid: fields.bytes('oid', 32), follows: fields.uint('follows'), value: value() }
    case 'rule':
      return { kind, oid: fields.bytes('oid', 32), rule: fields.tuple('rule', readRule) }
  }
}

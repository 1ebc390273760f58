/**
 * What a register writes down, and how: spaces, keys and values of the store.
 *
 *     object        oid              → [certified, head, settled, settledHead, locked, hasState, state]
 *     order         oid ‖ version    → the ORDER statement that is locked here, or certified
 *     vote          oid ‖ version    → [lock, lockSequence, confirm, confirmSequence]: own votes and the batches that carry them
 *     certificate   oid ‖ version    → the CERT statement, until the settlement takes its place
 *     settlement    oid ‖ version    → the SETTLEMENT statement
 *     batch         sequence         → own VOTEBATCH statements
 *     meta          'own' → [sequence, root] of the newest own batch; 'abstain' → [epoch]
 *     evidence      digest of the offence → the EVIDENCE statement
 *
 * Values are canonical CBOR. Numbers in keys are big-endian, so that keys sort as numbers do.
 */

import { fromText } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** Names of the spaces. */
export const SPACE = {
  object: 'object',
  order: 'order',
  vote: 'vote',
  certificate: 'certificate',
  settlement: 'settlement',
  batch: 'batch',
  meta: 'meta',
  evidence: 'evidence',
} as const
export type Space = (typeof SPACE)[keyof typeof SPACE]

/** Keys of the space `meta`. */
export const META = { own: fromText('own'), abstain: fromText('abstain') } as const

/** What is stored of an object. */
export interface ObjectRecord {
  readonly certified: number
  readonly head: Uint8Array
  readonly settled: number
  readonly settledHead: Uint8Array
  /** Own LOCK for the version after `certified` is in a sealed batch. */
  readonly locked: boolean
  /** Encoded state, or null. */
  readonly state: Uint8Array | null
}

/** Own votes at a slot; `od` is null, and the sequence 0, where none is sealed. */
export interface VoteRecord {
  readonly lock: Uint8Array | null
  readonly lockSequence: number
  readonly confirm: Uint8Array | null
  readonly confirmSequence: number
}

/** The place of a batch in its seat's chain. */
export interface BatchMark {
  /** 0 for none. */
  readonly sequence: number
  /** 32 bytes; zeros for none. */
  readonly root: Uint8Array
}

/** The mark before the first batch. */
export const NO_BATCH: BatchMark = { sequence: 0, root: new Uint8Array(32) }

/** Key of a slot. */
export function slotKey(oid: Uint8Array, version: number): Uint8Array {
  const key = new Uint8Array(40)
  key.set(oid)
  new DataView(key.buffer).setBigUint64(32, BigInt(version))
  return key
}

/** Key of an own batch. */
export function batchKey(sequence: number): Uint8Array {
  const key = new Uint8Array(8)
  new DataView(key.buffer).setBigUint64(0, BigInt(sequence))
  return key
}

export function encodeObject(record: ObjectRecord): Uint8Array {
  const { certified, head, settled, settledHead, locked, state } = record
  return encode([certified, head, settled, settledHead, locked, state !== null, state ?? NOTHING])
}

export function decodeObject(bytes: Uint8Array): ObjectRecord {
  const fields = Fields.of('object record', bytes, LIMITS.storeValueBytesMax)
  const record = {
    certified: fields.uint('certified'),
    head: fields.bytes('head', 32),
    settled: fields.uint('settled'),
    settledHead: fields.bytes('settledHead', 32),
    locked: fields.boolean('locked'),
  }
  const hasState = fields.boolean('hasState')
  const state = fields.bytesBetween('state', 0, LIMITS.storeValueBytesMax)
  fields.end()
  return { ...record, state: hasState ? state : null }
}

export function encodeVote(record: VoteRecord): Uint8Array {
  const { lock, lockSequence, confirm, confirmSequence } = record
  return encode([lock ?? NOTHING, lockSequence, confirm ?? NOTHING, confirmSequence])
}

export function decodeVote(bytes: Uint8Array): VoteRecord {
  const fields = Fields.of('vote record', bytes)
  const lock = fields.bytesBetween('lock', 0, 32)
  const lockSequence = fields.uint('lockSequence')
  const confirm = fields.bytesBetween('confirm', 0, 32)
  const confirmSequence = fields.uint('confirmSequence')
  fields.end()
  return {
    lock: lock.length === 0 ? null : lock,
    lockSequence,
    confirm: confirm.length === 0 ? null : confirm,
    confirmSequence,
  }
}

export function encodeMark(mark: BatchMark): Uint8Array {
  return encode([mark.sequence, mark.root])
}

export function decodeMark(bytes: Uint8Array): BatchMark {
  const fields = Fields.of('batch mark', bytes)
  const mark = { sequence: fields.uint('sequence'), root: fields.bytes('root', 32) }
  fields.end()
  return mark
}

const NOTHING = new Uint8Array(0)

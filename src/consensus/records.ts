/**
 * What a register writes down, and how: spaces, keys and values of the store.
 *
 *     object        oid              → [certified, head, settled, settledHead, locked, hasState, state, covered, baseKind, base]; without the last three in
 *                                      stores from before there were epochs
 *     order         oid ‖ version    → the ORDER statement that is locked here, or certified
 *     vote          oid ‖ version    → [lock, lockSequence, confirm, confirmSequence]: own votes and the batches that carry them
 *     certificate   oid ‖ version    → the CERT statement, until the settlement takes its place
 *     settlement    oid ‖ version    → the SETTLEMENT statement
 *     batch         sequence         → own VOTEBATCH statements
 *     meta          'own' → [sequence, root] of the newest own batch; 'abstain' → [epoch]; 'epoch' → [epoch, frozen, closed]
 *     evidence      digest of the offence → the EVIDENCE statement
 *     epoch-opening epoch            → the opening of the epoch under way
 *     said          name             → [name, statement]: what this node put before the neighborhood in the epoch
 *     hand-over     epoch            → the HAND-OVER that ended it
 *     frozen        oid ‖ version    → []: an object that takes no more votes from that version on
 *     decided       oid ‖ version    → [od]: what the chain of blocks has decided, where no settlement says the same
 *     opening       oid              → [settled, settledHead, hasState, state]: what an object that has changed since was when the epoch began
 *     shared        oid              → what `shared/shelf.ts` says: a shared object as it was when the epoch began
 *
 * Values are canonical CBOR. Numbers in keys are big-endian, so that keys sort as numbers do.
 */

import { fromText } from '../core/bytes.ts'
import { type Cbor, decode, encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
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
  epochOpening: 'epoch-opening',
  said: 'said',
  handOver: 'hand-over',
  frozen: 'frozen',
  decided: 'decided',
  opening: 'opening',
  shared: 'shared',
} as const
export type Space = (typeof SPACE)[keyof typeof SPACE]

/** Keys of the space `meta`. */
export const META = { own: fromText('own'), abstain: fromText('abstain'), epoch: fromText('epoch') } as const

/** What the settled state is, beside the one with open debits. `same`: nothing is open. `unknown`: written before there were epochs. */
export const BASE = { same: 0, own: 1, none: 2, unknown: 3 } as const
export type BaseKind = (typeof BASE)[keyof typeof BASE]

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
  readonly covered: number
  readonly baseKind: BaseKind
  /** Encoded settled state where its kind is `own`, else empty. */
  readonly base: Uint8Array
}

/** How far a register has come with its epoch. */
export interface EpochMark {
  readonly epoch: number
  readonly frozen: boolean
  readonly closed: boolean
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

/** The slot that a key names. */
export function slotOfKey(key: Uint8Array): { readonly oid: Uint8Array; readonly version: number } {
  const version = new DataView(key.buffer, key.byteOffset).getBigUint64(32)
  return { oid: key.slice(0, 32), version: Number(version) }
}

/** Head of a version that was consumed by nothing: what the order after it names as its `previous`. */
export function voidHead(oid: Uint8Array, version: number): Uint8Array {
  return blake3Of('webx v1 void', slotKey(oid, version))
}

/** Key of an own batch. */
export function batchKey(sequence: number): Uint8Array {
  const key = new Uint8Array(8)
  new DataView(key.buffer).setBigUint64(0, BigInt(sequence))
  return key
}

export function encodeObject(record: ObjectRecord): Uint8Array {
  const { certified, head, settled, settledHead, locked, state, covered, baseKind, base } = record
  const own = [certified, head, settled, settledHead, locked, state !== null, state ?? NOTHING]
  return encode([...own, covered, baseKind, base])
}

export function decodeObject(bytes: Uint8Array): ObjectRecord {
  const value = decode(bytes, LIMITS.storeValueBytesMax)
  const fields = new Fields('object record', value)
  const record = {
    certified: fields.uint('certified'),
    head: fields.bytes('head', 32),
    settled: fields.uint('settled'),
    settledHead: fields.bytes('settledHead', 32),
    locked: fields.boolean('locked'),
  }
  const hasState = fields.boolean('hasState')
  const state = fields.bytesBetween('state', 0, LIMITS.storeValueBytesMax)
  const isOld = (value as readonly Cbor[]).length === FIELDS_BEFORE_EPOCHS
  const epochs = isOld ? withoutEpochs(record) : readEpochFields(fields)
  fields.end()
  return { ...record, state: hasState ? state : null, ...epochs }
}

const FIELDS_BEFORE_EPOCHS = 7

function readEpochFields(fields: Fields): Pick<ObjectRecord, 'covered' | 'baseKind' | 'base'> {
  return {
    covered: fields.uint('covered'),
    baseKind: fields.uint('baseKind', BASE.unknown) as BaseKind,
    base: fields.bytesBetween('base', 0, LIMITS.storeValueBytesMax),
  }
}

function withoutEpochs({
  certified,
  settled,
}: Pick<ObjectRecord, 'certified' | 'settled'>): Pick<ObjectRecord, 'covered' | 'baseKind' | 'base'> {
  return { covered: 0, baseKind: certified > settled ? BASE.unknown : BASE.same, base: NOTHING }
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

export function encodeEpochMark({ epoch, frozen, closed }: EpochMark): Uint8Array {
  return encode([epoch, frozen, closed])
}

export function decodeEpochMark(bytes: Uint8Array): EpochMark {
  const fields = Fields.of('epoch mark', bytes)
  const mark = { epoch: fields.uint('epoch'), frozen: fields.boolean('frozen'), closed: fields.boolean('closed') }
  fields.end()
  return mark
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

/**
 * What a Simplex lane writes down, and how: spaces, keys and values of the store. Every key begins with the committee digest, so that lanes of several epochs, or
 * of several committees, lie side by side.
 *
 *     simplex-candidate    slot ‖ hash  → CANDIDATE statements that are not final, or not executed yet
 *     simplex-block        slot         → the CANDIDATE statement that was final there
 *     simplex-ballot       slot ‖ kind  → [hash, signature]: own ballots
 *     simplex-certificate  slot ‖ kind  → BLOCKCERT statements above the newest final block; of FINALIZE the newest one
 *     simplex-meta         'executed' → [slotPlusOne, hash, ended]; 'abstain' → []
 *
 * Values are canonical CBOR. Numbers in keys are big-endian, so that keys sort as numbers do.
 */

import { concat, equal, fromText } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { Fields } from '../../core/shape.ts'
import type { Records, Write } from '../effects.ts'
import { Journal } from '../journal.ts'
import type { Ballot, BallotKind } from './ballot.ts'
import { SLOT_MAX } from './candidate.ts'
import type { BlockMark } from './finality.ts'

/** Names of the spaces. */
export const SIMPLEX_SPACE = {
  candidate: 'simplex-candidate',
  block: 'simplex-block',
  ballot: 'simplex-ballot',
  certificate: 'simplex-certificate',
  meta: 'simplex-meta',
} as const
export type SimplexSpace = (typeof SIMPLEX_SPACE)[keyof typeof SIMPLEX_SPACE]

/** Keys of the space `simplex-meta`. */
export const SIMPLEX_META = { executed: fromText('executed'), abstain: fromText('abstain') } as const

/** How far a lane has got. */
export interface ExecutedRecord extends BlockMark {
  /** The epoch has ended with this block. */
  readonly ended: boolean
}

/** The records of one lane. */
export class LaneLog {
  readonly #cid: Uint8Array
  readonly #records: Records
  readonly #journal: { put(space: string, key: Uint8Array, value: Uint8Array | null): void } & Pick<Journal, 'flush'> &
    Pick<Records, 'get'>

  constructor(records: Records, cid: Uint8Array) {
    this.#cid = cid
    this.#records = records
    this.#journal = new Journal(records)
  }

  put(space: SimplexSpace, key: Uint8Array, value: Uint8Array | null): void {
    this.#journal.put(space, concat(this.#cid, key), value)
  }

  get(space: SimplexSpace, key: Uint8Array): Uint8Array | null {
    return this.#journal.get(space, concat(this.#cid, key))
  }

  /** A record that is shared with the register: its key does not begin with the committee. */
  putShared(space: string, key: Uint8Array, value: Uint8Array): void {
    this.#journal.put(space, key, value)
  }

  getShared(space: string, key: Uint8Array): Uint8Array | null {
    return this.#journal.get(space, key)
  }

  /** What is stored of this lane, in the order of the keys. */
  *scan(space: SimplexSpace): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    for (const { key, value } of this.#records.scan(space)) {
      if (equal(key.subarray(0, 32), this.#cid)) yield { key: key.subarray(32), value }
    }
  }

  flush(): Write[] {
    return this.#journal.flush()
  }
}

/** Deletes all that a lane of this committee has stored: an epoch is over, and what it signed with is erased. */
export function* forgetLane(records: Records, cid: Uint8Array): Iterable<Write> {
  for (const space of Object.values(SIMPLEX_SPACE)) {
    for (const { key } of records.scan(space)) if (equal(key.subarray(0, 32), cid)) yield { space, key, value: null }
  }
}

/** Key of a slot. */
export function slotKey(slot: number): Uint8Array {
  const key = new Uint8Array(8)
  new DataView(key.buffer).setBigUint64(0, BigInt(slot))
  return key
}

export function candidateKey({ slot, hash }: { readonly slot: number; readonly hash: Uint8Array }): Uint8Array {
  return concat(slotKey(slot), hash)
}

/** Key of what there is one of for each slot and kind of ballot. */
export function kindKey(slot: number, kind: BallotKind): Uint8Array {
  return concat(slotKey(slot), Uint8Array.of(kind))
}

/** The slot that a key begins with. */
function slotOfKey(key: Uint8Array): number {
  return Number(new DataView(key.buffer, key.byteOffset, 8).getBigUint64(0))
}

export function encodeExecuted({ slot, hash, ended }: ExecutedRecord): Uint8Array {
  return encode([slot === null ? 0 : slot + 1, hash, ended])
}

export function decodeExecuted(bytes: Uint8Array): ExecutedRecord {
  const fields = Fields.of('executed mark', bytes)
  const slotPlusOne = fields.uint('slotPlusOne', SLOT_MAX + 1)
  const record = { hash: fields.bytes('hash', 32), ended: fields.boolean('ended') }
  fields.end()
  return { slot: slotPlusOne === 0 ? null : slotPlusOne - 1, ...record }
}

export function encodeBallot({ hash, signature }: Ballot): Uint8Array {
  return encode([hash, signature])
}

/** An own ballot from its record. */
export function decodeBallot(key: Uint8Array, value: Uint8Array, seat: number): Ballot {
  const fields = Fields.of('own ballot', value)
  const words = { hash: fields.bytes('hash', 32), signature: fields.bytes('signature', 64) }
  fields.end()
  return { seat, slot: slotOfKey(key), kind: key[8] as BallotKind, ...words }
}

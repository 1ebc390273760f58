/**
 * Where shared objects lie between epochs: as the epoch under way began with them. What its final blocks have done to them since is worked out again from the blocks.
 *
 *     shared        oid → [sequence, head, state, [[sequence, head before, statement] …]]: an object and the newest changes to it
 */

import { encode } from '../../core/codec.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Journal } from '../journal.ts'
import { SPACE } from '../records.ts'
import type { SettledObject } from '../statetree.ts'
import { type KeptObject, SharedBook } from './book.ts'
import { isShared, readSharedObject, settledOf } from './object.ts'

export class SharedShelf {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /** The book of the epoch that begins with what lies here. */
  open({ netId, epoch }: { readonly netId: Uint8Array; readonly epoch: number }): SharedBook {
    const kept = [...this.#journal.scan(SPACE.shared)].map(({ key, value }) => readKept(key, value))
    return new SharedBook(netId, epoch, kept)
  }

  /** An epoch has ended with this. */
  turn(book: SharedBook): void {
    for (const one of book.changed()) this.#put(one)
  }

  /** A whole settled state takes the place of what lies here; the objects that are none of ours are returned. What has happened to them before is not told by a state. */
  replace(state: Iterable<SettledObject>): SettledObject[] {
    this.#journal.clear(SPACE.shared)
    const others: SettledObject[] = []
    for (const object of state) {
      if (isShared(object)) this.#put({ object: readSharedObject(object), history: [] })
      else others.push(object)
    }
    return others
  }

  #put({ object, history }: KeptObject): void {
    const { oid, settled, head, state } = settledOf(object)
    const told = history.map(({ sequence, previous, bytes }) => [sequence, previous, bytes])
    this.#journal.put(SPACE.shared, oid, encode([settled, head, state as Uint8Array, told]))
  }
}

function readKept(oid: Uint8Array, value: Uint8Array): KeptObject {
  const fields = Fields.of('shared record', value, LIMITS.storeValueBytesMax)
  const settled = fields.uint('sequence')
  const head = fields.bytes('head', 32).slice()
  const state = fields.bytesBetween('state', 1, LIMITS.storeValueBytesMax).slice()
  const history = fields.list('history', LIMITS.sharedHistoryMax, (item) => {
    const nested = new Fields('entry', item)
    const entry = {
      sequence: nested.uint('sequence'),
      previous: nested.bytes('previous', 32).slice(),
      bytes: nested.bytesBetween('bytes', 1, LIMITS.envelopeBytesMax).slice(),
    }
    nested.end()
    return entry
  })
  fields.end()
  return { object: readSharedObject({ oid: oid.slice(), settled, head, state }), history }
}

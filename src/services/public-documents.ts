/**
 * Documents of this node's owner in the public log: signs leaves for them, says them until they are logged, and makes receipts.
 */

import { readCheckpointText } from '../consensus/publiclog/checkpoint.ts'
import { documentEnvelope, documentSignedBytes, leafBytes, readLeafBody } from '../consensus/publiclog/leaf.ts'
import { encodePortable } from '../consensus/publiclog/portable.ts'
import { leafHash } from '../consensus/publiclog/proof.ts'
import { encodeReceipt } from '../consensus/publiclog/receipt.ts'
import { equal } from '../core/bytes.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Context } from '../kernel/context.ts'
import type { PublicHomes } from './public-homes.ts'
import type { Now } from './public-intake.ts'
import type { PublicRecords } from './public-records.ts'

/** How far a document has come. `carried`: the log's home has cosigned, nothing undoes that any more; a receipt takes the other homes, one of which may be away for long. */
export type Stage = 'sent' | 'logged' | 'carried' | 'witnessed'

/** A leaf with the newest receipt for it. */
export interface Proven {
  readonly index: number
  /** Leaves under the checkpoint that it is shown in. */
  readonly size: number
  /** See `portable.ts`. */
  readonly document: Uint8Array
}

/** What documents are made with. */
export interface DocumentParts {
  readonly records: PublicRecords
  readonly homes: PublicHomes
  readonly now: () => Now
  /** Hands a leaf to the own queue; in a turn. */
  readonly submit: (bytes: Uint8Array) => void
}

interface Pending {
  readonly bytes: Uint8Array
  readonly hash: Uint8Array
  readonly done: (proven: Proven) => void
  readonly failed: (error: WebxError) => void
  readonly onStage: (stage: Stage) => void
  stage: Stage
  saidTicks: number
}

/** Ticks between two attempts to have a leaf logged. */
const SAY_TICKS = 4

export class PublicDocuments {
  readonly #context: Context
  readonly #parts: DocumentParts
  readonly #pending = new Set<Pending>()

  constructor(context: Context, parts: DocumentParts) {
    this.#context = context
    this.#parts = parts
  }

  /**
   * Has a digest logged; resolves when it is WITNESSED, with its receipt. Once more is no error.
   *
   * @param digest 32 bytes
   * @throws WebxError `limit` with too many under way, `wrong-home` where the key log has gone on in another home than that of the log, `stopped` when the signal aborts or the node stops, `too-long` for a note of more than 200 characters
   */
  async append(
    digest: Uint8Array,
    note: string,
    { onStage = () => {}, signal }: { onStage?: (stage: Stage) => void; signal?: AbortSignal } = {},
  ): Promise<Proven> {
    const { keys, netId, road, topics } = this.#context
    if (this.#pending.size >= LIMITS.logPendingMax) throw new WebxError('limit', 'too many documents wait to be logged')
    this.#assertKnownKey(keys.position)
    const leaf = { kind: 'document', owner: keys.id, keyPosition: keys.position, digest, note } as const
    const bytes = leafBytes(documentEnvelope(netId, leaf, await keys.sign(documentSignedBytes(netId, leaf))))
    const { body } = decodeEnvelope(bytes)
    readLeafBody(body)
    const hash = leafHash(body)
    const { promise, resolve: done, reject: failed } = Promise.withResolvers<Proven>()
    const pending: Pending = { bytes, hash, done, failed, onStage, stage: 'sent', saidTicks: 0 }
    this.#pending.add(pending)
    const giveUp = (): void => {
      this.#pending.delete(pending)
      failed(new WebxError('stopped', 'nobody waits for this document any more; it may be logged nevertheless'))
    }
    signal?.addEventListener('abort', giveUp, { once: true })
    try {
      await road.run(() => {
        this.#parts.submit(bytes)
        return { emit: [{ topic: topics.log('leaf'), bytes }] }
      })
      onStage('sent')
      this.look()
      return await promise
    } finally {
      signal?.removeEventListener('abort', giveUp)
      this.#pending.delete(pending)
    }
  }

  /** The newest receipt for the leaf of a digest; null where it is not WITNESSED. `owner`: whose leaf, the last one's unless given. Throws `broken-chain` where this node lacks a hand-over. */
  prove(digest: Uint8Array): Proven | null {
    const book = this.#parts.now().generation?.sequencer.book
    const places = book ? this.#parts.records.placesOf(digest, book) : []
    for (const index of places.toReversed()) {
      const proven = this.#provenAt(index)
      if (proven) return proven
    }
    return null
  }

  /** Something new stands in the log, or behind it. */
  look(): void {
    const book = this.#parts.now().generation?.sequencer.book
    if (!book) return
    for (const pending of this.#pending) {
      const index = book.indexOf(pending.hash)
      if (index === null) {
        // a generation has begun below it
        pending.stage = 'sent'
        continue
      }
      const proven = this.#provenAt(index)
      if (pending.stage === 'sent') this.#reach(pending, 'logged')
      if (!proven && pending.stage === 'logged' && this.#isCarried(index)) this.#reach(pending, 'carried')
      if (!proven) continue
      this.#pending.delete(pending)
      this.#reach(pending, 'witnessed')
      pending.done(proven)
    }
  }

  #reach(pending: Pending, stage: Stage): void {
    pending.stage = stage
    pending.onStage(stage)
  }

  #isCarried(index: number): boolean {
    const { generation, witness } = this.#parts.now()
    const { carried } = witness.standings
    const tree = generation?.sequencer.book.tree
    if (!carried || !tree || index >= carried.size || carried.size > tree.size) return false
    return equal(tree.headAt(carried.size).root, carried.root)
  }

  /** Says again what is not logged yet. */
  tick(): void {
    this.look()
    const { road, topics, log } = this.#context
    for (const pending of this.#pending) {
      if (++pending.saidTicks % SAY_TICKS !== 0 || pending.stage !== 'sent') continue
      const { bytes } = pending
      const said = road.run(() => {
        this.#parts.submit(bytes)
        return { emit: [{ topic: topics.log('leaf'), bytes }] }
      })
      said.catch((error: unknown) => log.debug({ error }, 'a leaf was not said again'))
    }
  }

  stop(): void {
    for (const { failed } of this.#pending) failed(new WebxError('stopped', 'this node is stopped'))
    this.#pending.clear()
  }

  /** Which key speaks after the first is settled in its owner's home, and MasterNodes read no other home's key logs: they would never order the leaf. */
  #assertKnownKey(position: number): void {
    if (position === 0 || this.#parts.homes.isSeat) return
    throw new WebxError('wrong-home', 'this key log has gone on in a home whose key logs MasterNodes cannot read', {
      hint: 'Have it logged by an identity whose key log has not gone on, or that is at home in the first neighborhood.',
    })
  }

  #provenAt(index: number): Proven | null {
    const { records, homes, now } = this.#parts
    const book = now().generation?.sequencer.book
    const proof = records.proof
    const body = book?.entry(index)
    if (!book || !proof || !body) return null
    const text = Fields.of('checkpoint', decodeEnvelope(proof.checkpoint).body).text('text', LIMITS.logTextBytesMax)
    const { size, root, epoch, network } = readCheckpointText(text, this.#context.netId)
    // two thirds of the net may have cosigned it without a quorum of each home: then a reader believes what it says is final, and no more
    if (!proof.witnessed && !(proof.reached && index < network)) return null
    const holds = index < size && size <= book.tree.size && equal(book.tree.headAt(size).root, root)
    if (!holds) return null
    const receipt = encodeReceipt({ body, index, path: book.tree.inclusion(index, size), ...proof, lines: [] })
    const { seat, others } = homes.chainsTo(epoch, proof.epochs)
    return { index, size, document: encodePortable(receipt, seat, others) }
  }
}

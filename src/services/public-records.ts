/**
 * What a node keeps of the public log beside the log itself: statements that prove its leaves until these are final, where documents stand, the newest checkpoint with what stands behind it,
 * and what began the present generation.
 *
 *     log-statement  index u64 → LEAF statement
 *     log-document   digest → [index …], the newest last
 *     log-meta       'indexed' → [leaves that are in the index of documents, leaves whose statements are not kept any more]
 *     log-proof      'newest' → [checkpoint, [cosignatures …], [epoch …], whether the network has cosigned it, whether it is WITNESSED], with the epochs of the other homes as they were counted (older stores:
 *                    without the last two); 'carried' → likewise, of a newer one that is carried and not so far; 'decision' → [generation, epoch, size, root, [cosignatures …]]; 'share' → CHECKPOINT: the own share that was signed last;
 *                    'lost' → [epoch]: in that epoch of its home this node cosigns nothing
 */

import type { LogBook } from '../consensus/publiclog/book.ts'
import { readLeafBody } from '../consensus/publiclog/leaf.ts'
import type { TreeHead } from '../consensus/publiclog/proof.ts'
import { indexKey, LOG_SPACE, LogStore } from '../consensus/publiclog/store.ts'
import { fromText } from '../core/bytes.ts'
import { decode, encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Store, Write } from '../kernel/ports.ts'

const SPACE = { statement: 'log-statement', document: 'log-document', proof: 'log-proof' } as const
const KEY = {
  indexed: fromText('indexed'),
  newest: fromText('newest'),
  carried: fromText('carried'),
  decision: fromText('decision'),
  share: fromText('share'),
  lost: fromText('lost'),
}

/** What began a generation. */
export interface Beginning {
  readonly generation: number
  readonly epoch: number
  readonly base: TreeHead
  /** COSIGNATURE statements of those who voted for it; none for the first. */
  readonly votes: readonly Uint8Array[]
}

/** A checkpoint as it is shown to strangers. */
export interface StoredProof {
  readonly checkpoint: Uint8Array
  readonly bundles: readonly Uint8Array[]
  /** Epochs in which the other homes were counted, in the order of the genesis. */
  readonly epochs: readonly number[]
  /** The network has cosigned it. */
  readonly reached: boolean
  /** It is WITNESSED as is usual: a quorum of each of as many homes as a reader asks for. The network may have cosigned it without that. */
  readonly witnessed: boolean
}

export class PublicRecords {
  readonly #store: LogStore
  /** So many leaves are in the index of documents; of so many the statements are forgotten. */
  #indexed = 0
  /** The epoch in which something was lost that this node had signed: asked at the end of every turn. */
  #lost: number | null
  #forgotten = 0

  constructor(store: Store) {
    this.#store = new LogStore(store)
    const lost = this.#store.get(SPACE.proof, KEY.lost)
    this.#lost = lost && ((decode(lost) as readonly number[])[0] ?? null)
    const stored = this.#store.get(LOG_SPACE.meta, KEY.indexed)
    if (!stored) return
    const fields = Fields.of('index of the public log', stored)
    this.#indexed = fields.uint('indexed')
    this.#forgotten = fields.uint('forgotten')
    fields.end()
  }

  statement(index: number): Uint8Array | null {
    return this.#store.get(SPACE.statement, indexKey(index))
  }

  /** Null: forgets it. */
  keepStatement(index: number, bytes: Uint8Array | null): void {
    this.#store.put(SPACE.statement, indexKey(index), bytes)
  }

  /** So many leaves need no proof here any more; some of them are forgotten at a time. */
  forgetStatements(leaves: number): void {
    const until = Math.min(leaves, this.#forgotten + LIMITS.logOfferedLeavesMax)
    if (until <= this.#forgotten) return
    for (let index = this.#forgotten; index < until; index++) this.keepStatement(index, null)
    this.#forgotten = until
    this.#keepPlace()
  }

  /** Notes where documents stand that came since the last call; answers the indexes of all leaves that did. */
  index(book: LogBook): number[] {
    this.#indexed = Math.min(this.#indexed, book.tree.size)
    const from = this.#indexed
    for (; this.#indexed < book.tree.size; this.#indexed++) {
      const body = book.entry(this.#indexed)
      const leaf = body && readLeafBody(body)
      if (leaf?.kind !== 'document') continue
      const known = this.#indexes(leaf.digest)
      if (known.includes(this.#indexed)) continue
      const kept = [...known, this.#indexed].slice(-LIMITS.logPlacesPerDigestMax)
      this.#store.put(SPACE.document, leaf.digest, encode(kept))
    }
    if (this.#indexed > from) this.#keepPlace()
    return Array.from({ length: this.#indexed - from }, (_, i) => from + i)
  }

  #keepPlace(): void {
    this.#store.put(LOG_SPACE.meta, KEY.indexed, encode([this.#indexed, this.#forgotten]))
  }

  /** Where a digest stands in the log, the newest last. */
  placesOf(digest: Uint8Array, book: LogBook): number[] {
    return this.#indexes(digest).filter((index) => {
      const body = book.entry(index)
      const leaf = body && readLeafBody(body)
      return leaf?.kind === 'document' && leaf.digest.every((byte, i) => byte === digest[i])
    })
  }

  /** What receipts are made of. */
  get proof(): StoredProof | null {
    return this.#proofAt(KEY.newest)
  }

  keepProof(proof: StoredProof): void {
    this.#keepAt(KEY.newest, proof)
  }

  /** What shows others the newest base that a generation may go on from. */
  get carried(): StoredProof | null {
    return this.#proofAt(KEY.carried)
  }

  keepCarried(proof: StoredProof): void {
    this.#keepAt(KEY.carried, proof)
  }

  #proofAt(key: Uint8Array): StoredProof | null {
    const stored = this.#store.get(SPACE.proof, key)
    if (!stored) return null
    const fields = Fields.of('proof of the public log', stored, LIMITS.logReceiptBytesMax)
    const checkpoint = fields.bytesBetween('checkpoint', 1, LIMITS.envelopeBytesMax)
    const bundles = fields.list('bundles', LIMITS.logBundlesMax, asBytes)
    const isOlder = fields.isEmpty
    const epochs = isOlder ? [] : fields.list('epochs', LIMITS.homesKnownMax, asCount)
    const reached = isOlder ? false : fields.boolean('reached')
    const witnessed = isOlder ? true : fields.boolean('witnessed')
    fields.end()
    return { checkpoint, bundles, epochs, reached, witnessed }
  }

  #keepAt(key: Uint8Array, { checkpoint, bundles, epochs, reached, witnessed }: StoredProof): void {
    this.#store.put(SPACE.proof, key, encode([checkpoint, [...bundles], [...epochs], reached, witnessed]))
  }

  get beginning(): Beginning | null {
    const stored = this.#store.get(SPACE.proof, KEY.decision)
    if (!stored) return null
    const fields = Fields.of('beginning of a generation', stored, LIMITS.logReceiptBytesMax)
    const generation = fields.uint('generation')
    const epoch = fields.uint('epoch')
    const base = { size: fields.uint('size', LIMITS.logLeavesMax), root: fields.bytes('root', 32) }
    const votes = fields.list('votes', LIMITS.logBundlesMax, asBytes)
    fields.end()
    return { generation, epoch, base, votes }
  }

  keepBeginning({ generation, epoch, base, votes }: Beginning): void {
    this.#store.put(SPACE.proof, KEY.decision, encode([generation, epoch, base.size, base.root, [...votes]]))
  }

  get share(): Uint8Array | null {
    return this.#store.get(SPACE.proof, KEY.share)
  }

  keepShare(bytes: Uint8Array): void {
    this.#store.put(SPACE.proof, KEY.share, bytes)
  }

  isLost(epoch: number): boolean {
    return this.#lost === epoch
  }

  lose(epoch: number): void {
    this.#lost = epoch
    this.#store.put(SPACE.proof, KEY.lost, encode([epoch]))
  }

  take(): Write[] {
    return this.#store.take()
  }

  #indexes(digest: Uint8Array): number[] {
    const stored = this.#store.get(SPACE.document, digest)
    return stored ? (decode(stored) as number[]) : []
  }
}

function asBytes(item: unknown): Uint8Array {
  if (item instanceof Uint8Array) return item
  throw new WebxError('bad-shape', 'public log: a statement is bytes')
}

function asCount(item: unknown): number {
  if (Number.isSafeInteger(item) && (item as number) >= 0) return item as number
  throw new WebxError('bad-shape', 'public log: an epoch is a number')
}

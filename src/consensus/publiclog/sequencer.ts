/**
 * What the MasterNodes' blocks mean: leaves in the order of final blocks become the public log, and each block that adds some a checkpoint.
 *
 * Sans-I/O. Transactions are LEAF statements, and complete CHECKPOINT statements of the log itself, which say "this one is carried" (`homes-count.ts`): a member votes for such a
 * block only if it has counted that itself. Checkpoints follow from blocks alone, so members sign the same texts and their shares add up. `flush` answers what to write and
 * what to publish once that is on the disk.
 */

import { equal, fromText, toHex } from '../../core/bytes.ts'
import { type SignatureCheck, verifyGroups } from '../../core/crypto.ts'
import { decodeEnvelope, encodeEnvelope, TYPE } from '../../core/envelope.ts'
import { asWebxError, WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Write } from '../effects.ts'
import type { Block, BlockRules, FinalBlock, Opinion } from '../simplex/rules.ts'
import { LogBook } from './book.ts'
import {
  type Checkpoint,
  checkpointEnvelope,
  checkpointText,
  type LogTerm,
  mergeSignatures,
  readCheckpoint,
  readCheckpointText,
  type SeatSignature,
  weightOfSeats,
} from './checkpoint.ts'
import { type LeafJudge, type ProvenLeaf, readLeaf, readLeafBody } from './leaf.ts'
import { leafHash, type TreeHead } from './proof.ts'
import {
  decodeSigned,
  encodeSigned,
  LOG_KEY,
  LOG_SPACE,
  type LogRecords,
  NOTHING_SIGNED,
  type SignedMark,
} from './store.ts'

/** A drawn committee, its epoch and one member of it. */
export interface SequencerTerms extends LogTerm {
  /** Own seat, null for one who only follows. */
  readonly seat: number | null
  /** The head that these MasterNodes go on from: what the network decided for a new generation, or where the last block of those before left it. */
  readonly base: TreeHead
  /** So many leaves of it are final. */
  readonly network: number
  readonly judge: LeafJudge
  /** Must see every write that `flush` has returned. */
  readonly records: LogRecords
  readonly verify?: typeof verifyGroups
}

/** What is to be signed with the own epoch key. */
export interface CheckpointDraft {
  readonly text: string
  readonly message: Uint8Array
}

/** What to write, and what may leave once that is on the disk. */
export interface SequencerFlush {
  readonly writes: readonly Write[]
  /** Own shares of checkpoints. */
  readonly publish: readonly Uint8Array[]
  /** What any member can publish, and one must. */
  readonly complete: readonly CompleteCheckpoint[]
}

/** A checkpoint with the signatures of a quorum, and its statement. */
export interface CompleteCheckpoint {
  readonly checkpoint: Checkpoint
  readonly bytes: Uint8Array
}

export class Sequencer implements BlockRules {
  /** No earlier life has begun this generation in this store: what the one before logged behind the base has just been dropped. */
  readonly isNew: boolean
  readonly #terms: SequencerTerms
  readonly #verify: typeof verifyGroups
  readonly #book: LogBook
  /** By the hash of the leaf, the oldest first. */
  readonly #queue = new Map<string, QueuedLeaf>()
  /** How many leaves of each owner or home wait. */
  readonly #waiting = new Map<string, number>()
  /** Signatures under the texts that follow from blocks executed here; nobody can fill it with others. */
  readonly #shares = new Map<string, readonly SeatSignature[]>()
  /** Leaves that were here before others were fetched; 0 once these have been seen to lead nowhere, for what an earlier life fetched may be a lie as well. */
  #firm: number
  #mark: { readonly size: number; readonly bytes: Uint8Array } | null = null
  #network: number
  #signed: SignedMark
  #drafts: string[] = []
  #publish: Uint8Array[] = []
  #complete: CompleteCheckpoint[] = []

  /** Goes on with the log in the store; what another generation put behind the base is dropped. Throws `inconsistent-log` where the base is not the log's. */
  constructor(terms: SequencerTerms) {
    this.#terms = terms
    this.#verify = terms.verify ?? verifyGroups
    this.#book = new LogBook(terms.records)
    this.#network = terms.network
    const stored = this.#book.store.get(LOG_SPACE.meta, LOG_KEY.signed)
    const signed = stored ? decodeSigned(stored) : NOTHING_SIGNED
    this.isNew = signed.generation !== terms.generation
    this.#signed = this.isNew ? { generation: terms.generation, size: 0, network: 0 } : signed
    if (this.isNew) this.#beginGeneration()
    this.#firm = this.#book.tree.size
    if (this.lacks > 0) return
    this.#assertBase()
    this.#draftBeginning()
  }

  /** The log: for reading. */
  get book(): LogBook {
    return this.#book
  }

  /** Leaves before the base that are not here yet: fetch the entries and `fill`. */
  get lacks(): number {
    return Math.max(0, this.#terms.base.size - this.#book.tree.size)
  }

  /** Takes entries from anyone, in order, from the end of the own log up to the base. Throws `inconsistent-log` where they do not lead to it; then all that was filled is dropped, and the second time everything. */
  fill(entries: readonly Uint8Array[]): void {
    for (const entry of entries.slice(0, this.lacks)) this.#book.append(entry)
    if (this.lacks > 0) return
    try {
      this.#assertBase()
    } catch (error) {
      this.#book.truncate(this.#firm)
      this.#firm = 0
      throw error
    }
    this.#draftBeginning()
  }

  /** Takes a leaf whose checks have held; `statement` are its bytes. False where it is logged or waits already, or the queue is full for its owner or home, or at all. */
  submit({ hash, leaf }: ProvenLeaf, statement: Uint8Array): boolean {
    const name = toHex(hash)
    const source = toHex(leaf.kind === 'settled' ? leaf.home : leaf.owner)
    const waiting = this.#waiting.get(source) ?? 0
    const isFull = this.#queue.size >= LIMITS.logQueuedLeavesMax || waiting >= LIMITS.logQueuedPerSourceMax
    if (isFull || this.knows(hash)) return false
    this.#queue.set(name, { statement, source })
    this.#waiting.set(source, waiting + 1)
    return true
  }

  /** Whether a leaf is logged or waits already, by its hash. */
  knows(hash: Uint8Array): boolean {
    return this.#queue.has(toHex(hash)) || this.#book.indexOf(hash) !== null
  }

  /** This checkpoint of the present generation is carried, says `HomesCount`. */
  cosigned(checkpoint: Checkpoint): void {
    if (checkpoint.generation !== this.#terms.generation || checkpoint.size <= (this.#mark?.size ?? 0)) return
    const { masterNodes } = this.#terms
    const envelope = checkpointEnvelope(masterNodes, checkpoint.text, checkpoint.signatures)
    this.#mark = { size: checkpoint.size, bytes: encodeEnvelope(envelope) }
  }

  wantsAtMs(): number | null {
    return this.lacks === 0 && (this.#queue.size > 0 || this.#markIsDue()) ? 0 : null
  }

  compose(ancestors: readonly Block[]): readonly Uint8Array[] | null {
    if (this.lacks > 0) return null
    const before = new Set(ancestors.flatMap(({ transactions }) => transactions.map(nameOfTransaction)))
    const chosen: Uint8Array[] = []
    let bytes = 0
    if (this.#mark && this.#markIsDue() && !before.has(nameOfTransaction(this.#mark.bytes))) {
      chosen.push(this.#mark.bytes)
      bytes += this.#mark.bytes.length
    }
    for (const [name, { statement }] of this.#queue) {
      if (before.has(name)) continue
      bytes += statement.length + HEAD_BYTES
      if (bytes > LIMITS.blockBytesMax - BLOCK_HEAD_BYTES || chosen.length >= LIMITS.logBlockLeavesMax) break
      chosen.push(statement)
    }
    return chosen.length > 0 ? chosen : null
  }

  opinion(block: Block): Opinion {
    if (this.lacks > 0) return 'later'
    if (block.transactions.length > LIMITS.logBlockLeavesMax) return 'no'
    let opinion: Opinion = 'yes'
    const unseen: (readonly SignatureCheck[])[] = []
    for (const bytes of block.transactions) {
      try {
        const envelope = decodeEnvelope(bytes)
        if (envelope.type === TYPE.checkpoint) {
          const { generation, size } = readCheckpoint(envelope, this.#terms.masterNodes)
          if (generation !== this.#terms.generation) return 'no'
          if (size > (this.#mark?.size ?? 0)) opinion = 'later'
        } else {
          const { hash, checks } = readLeaf(envelope, this.#terms.judge)
          const own = this.#queue.get(toHex(hash))?.statement
          if (!own || !equal(own, bytes)) unseen.push(checks)
        }
      } catch (error) {
        if (asWebxError(error).code !== 'unknown-sender') return 'no'
        opinion = 'later'
      }
    }
    return this.#verify(unseen).includes(false) ? 'no' : opinion
  }

  /** Appends the leaves of a final block, each once ever. */
  execute(block: FinalBlock): boolean {
    const [size, network] = [this.#book.tree.size, this.#network]
    for (const bytes of block.transactions) {
      try {
        const envelope = decodeEnvelope(bytes)
        if (envelope.type === TYPE.checkpoint) this.#executeMark(readCheckpoint(envelope, this.#terms.masterNodes))
        else if (envelope.type === TYPE.leaf) this.#executeLeaf(envelope.body)
      } catch {
        // no member that keeps the rules votes for such a transaction; all skip it alike
      }
    }
    if (this.#book.tree.size !== size || this.#network !== network) this.#draft()
    return false
  }

  /** The next checkpoint to sign, the oldest first; null where none is due. */
  next(): CheckpointDraft | null {
    const text = this.#drafts[0]
    return text === undefined ? null : { text, message: fromText(text) }
  }

  /** Takes the signature over what `next` returned. False where it is not due any more. */
  seal({ text }: CheckpointDraft, signature: Uint8Array): boolean {
    const { seat, masterNodes, netId, generation } = { ...this.#terms, netId: this.#terms.masterNodes.netId }
    if (this.#drafts[0] !== text || seat === null) return false
    this.#drafts.shift()
    const { size, network } = readCheckpointText(text, netId)
    this.#signed = { generation, size, network }
    this.#book.store.put(LOG_SPACE.meta, LOG_KEY.signed, encodeSigned(this.#signed))
    this.#publish.push(encodeEnvelope(checkpointEnvelope(masterNodes, text, [{ seat, signature }])))
    this.#add(text, [{ seat, signature }])
    return true
  }

  /** Takes a share of another member, whose checks have held. Who executes a block first hears all shares that follow; one who is late hears of the whole. */
  share({ text, signatures }: Checkpoint): void {
    this.#add(text, signatures)
  }

  /** The statement of a checkpoint with what signatures are here, for repetition; null where the text is not of a block executed here lately, or nobody has signed. */
  statementOf(text: string): Uint8Array | null {
    const signatures = this.#shares.get(text) ?? []
    const { masterNodes } = this.#terms
    return signatures.length === 0 ? null : encodeEnvelope(checkpointEnvelope(masterNodes, text, signatures))
  }

  flush(): SequencerFlush {
    const flushed = { writes: this.#book.take(), publish: this.#publish, complete: this.#complete }
    this.#publish = []
    this.#complete = []
    return flushed
  }

  #markIsDue(): boolean {
    return (this.#mark?.size ?? 0) > this.#network
  }

  #executeMark({ generation, size }: Checkpoint): void {
    const isMark = generation === this.#terms.generation && size <= this.#book.tree.size
    if (isMark) this.#network = Math.max(this.#network, size)
  }

  #executeLeaf(body: Uint8Array): void {
    readLeafBody(body)
    const hash = leafHash(body)
    this.#unqueue(toHex(hash))
    if (this.#book.indexOf(hash) === null) this.#book.append(body)
  }

  #unqueue(name: string): void {
    const source = this.#queue.get(name)?.source
    if (source === undefined) return
    this.#queue.delete(name)
    const left = (this.#waiting.get(source) ?? 1) - 1
    if (left > 0) this.#waiting.set(source, left)
    else this.#waiting.delete(source)
  }

  #beginGeneration(): void {
    const { base } = this.#terms
    this.#book.truncate(base.size)
    if (this.lacks === 0 && !this.#book.beginsWith(base)) this.#book.truncate(0)
    this.#book.store.put(LOG_SPACE.meta, LOG_KEY.signed, encodeSigned(this.#signed))
  }

  #assertBase(): void {
    const { base } = this.#terms
    if (this.#book.beginsWith(base)) return
    throw new WebxError('inconsistent-log', `public log: its first ${base.size} leaves are others than was agreed`)
  }

  /** Where no leaf comes for long, what a generation began with is final all the same, and cosigned by homes that lagged when the one before ended. */
  #draftBeginning(): void {
    if (this.#book.tree.size > 0) this.#draft()
  }

  /** A checkpoint of what is executed. It is not signed where it was before, or something beyond it: then this log has lost what it signed for. */
  #draft(): void {
    const { masterNodes, generation, epoch, seed, seat } = this.#terms
    const { size, root } = this.#book.tree.head
    const network = this.#network
    const text = checkpointText({ netId: masterNodes.netId, generation, size, root, epoch, seed, network })
    this.#shares.set(text, [])
    for (const oldest of this.#shares.keys()) {
      if (this.#shares.size > LIMITS.logDraftsMax) this.#shares.delete(oldest)
    }
    const isNew = size > this.#signed.size || (size === this.#signed.size && network > this.#signed.network)
    if (seat === null || !isNew) return
    this.#drafts.push(text)
    if (this.#drafts.length > LIMITS.logDraftsMax) this.#drafts.shift()
  }

  #add(text: string, signatures: readonly SeatSignature[]): void {
    const { masterNodes } = this.#terms
    const before = this.#shares.get(text)
    if (!before || signatures.length === 0) return
    const merged = mergeSignatures(before, signatures)
    this.#shares.set(text, merged)
    const wasComplete = before.length > 0 && weightOfSeats(masterNodes, before) >= masterNodes.quorum
    if (wasComplete || weightOfSeats(masterNodes, merged) < masterNodes.quorum) return
    const envelope = checkpointEnvelope(masterNodes, text, merged)
    this.#complete.push({ checkpoint: readCheckpoint(envelope, masterNodes), bytes: encodeEnvelope(envelope) })
  }
}

interface QueuedLeaf {
  readonly statement: Uint8Array
  readonly source: string
}

/** Bytes that a block needs beside its transactions, and each transaction beside its own. */
const BLOCK_HEAD_BYTES = 512
const HEAD_BYTES = 3

/** One name for all proofs of one leaf. */
function nameOfTransaction(bytes: Uint8Array): string {
  const { type, body } = decodeEnvelope(bytes)
  return type === TYPE.leaf ? toHex(leafHash(body)) : toHex(bytes)
}

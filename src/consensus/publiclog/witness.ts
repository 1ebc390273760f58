/**
 * The witness that every node is: looks at each checkpoint of the public log, cosigns one line of growth and no other.
 *
 * Sans-I/O, in two steps like a register: `offer` judges, `next` says what to sign, `seal` takes the signature, and `flush` answers what to write and what to publish.
 * Nothing that `flush` returns may leave before its writes are on the disk, so the head is durable before anybody sees the cosignature. A node that has lost what it
 * stored cosigns nothing until its neighborhood's next epoch, like any voter.
 */

import { type Cbor, encode } from '../../core/codec.ts'
import { type SignatureCheck, verifyGroups } from '../../core/crypto.ts'
import { type Envelope, encodeEnvelope } from '../../core/envelope.ts'
import { asWebxError, type Code } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Committee } from '../committee.ts'
import type { Write } from '../effects.ts'
import { type Assignment, assignedLeaves } from './assignment.ts'
import { type Checkpoint, isOfTerm, type LogTerm, sameHead } from './checkpoint.ts'
import { bundleEnvelope, checkpointSubject, SUBJECT, type Subject, subjectSignedBytes } from './cosignature.ts'
import { type LeafJudge, readLeaf, readLeafBody } from './leaf.ts'
import { EMPTY_TREE, leafHash, type TreeHead, verifyConsistency, verifyInclusion } from './proof.ts'
import { type RedrawVote, redrawSubject } from './redraw.ts'
import { LOG_KEY, LOG_SPACE, type LogRecords } from './store.ts'

/** What a witness has promised, and what it knows. */
export interface WitnessState {
  readonly generation: number
  /** The head that was cosigned last: only what extends it follows. */
  readonly head: TreeHead
  /** The newest head of this generation that is known to be carried (`homes-count.ts`). */
  readonly network: TreeHead
  /** The vote for the highest number so far: there is no other for that number, and nothing of a lower one is cosigned any more. */
  readonly voted: GivenVote | null
}

/** A vote for new MasterNodes that was given. */
export interface GivenVote {
  readonly generation: number
  /** In which its key was valid. */
  readonly epoch: number
  /** Null where an older version of this program has voted, and kept no more than that. */
  readonly base: TreeHead | null
}

/** A leaf with what proves it, and where it stands. */
export interface OfferedLeaf {
  readonly index: number
  readonly statement: Envelope
  readonly path: readonly Uint8Array[]
}

/** A checkpoint and all that a witness must see. */
export interface Offer {
  /** Its signatures have held. */
  readonly checkpoint: Checkpoint
  /** The term in whose committee its signers sit. */
  readonly term: LogTerm
  /** From the head that the witness has cosigned last. */
  readonly consistency: readonly Uint8Array[]
  /** From the newest head that is carried, as the witness knows it. */
  readonly networkConsistency: readonly Uint8Array[]
  /** The leaves since then that are the witness' to validate; more do no harm. */
  readonly leaves: readonly OfferedLeaf[]
}

/**
 * What a witness thinks of an offer. `later`: it lacks something. `refused`: it contradicts what stands. `unproven`: a leaf is in the tree and what was shown does not
 * prove it; who is to blame is open, for anybody can hand on a leaf with a bad proof. `fraud`: what stands in the tree is no leaf at all, which convicts who signed it.
 */
export type Verdict =
  | { readonly kind: 'cosign' }
  | { readonly kind: 'later' | 'refused'; readonly code: Code }
  | { readonly kind: 'unproven' | 'fraud'; readonly index: number; readonly code: Code }

/** What is to be signed with the own epoch key. */
export interface Signable {
  readonly subject: Subject
  readonly seconds: number
  readonly message: Uint8Array
}

/** The node, its place and its helpers. */
export interface WitnessTerms {
  /** Committee of the own neighborhood, and the own seat in it. */
  readonly committee: Committee
  readonly seat: number
  readonly judge: LeafJudge
  readonly records: LogRecords
  /** Judges signatures; replaced where they are simulated. */
  readonly verify?: (groups: readonly (readonly SignatureCheck[])[]) => boolean[]
}

export class Witness {
  readonly #terms: WitnessTerms
  readonly #verify: NonNullable<WitnessTerms['verify']>
  #state: WitnessState
  #pending: { readonly subject: Subject; readonly after: WitnessState } | null = null
  #changed = false
  #publish: Uint8Array[] = []

  /** Goes on from what is stored. */
  constructor(terms: WitnessTerms) {
    this.#terms = terms
    this.#verify = terms.verify ?? verifyGroups
    const stored = terms.records.get(LOG_SPACE.witness, LOG_KEY.state)
    this.#state = stored ? decodeState(stored) : BEGINNING
  }

  get state(): WitnessState {
    return this.#state
  }

  /** Judges a checkpoint; where the answer is `cosign`, `next` says what to sign. */
  offer(offer: Offer, assignment: Omit<Assignment, 'seed'>): Verdict {
    const verdict = this.#judgeHead(offer) ?? this.#judgeLeaves(offer, assignment)
    if (verdict) return verdict
    const { text, size, root } = offer.checkpoint
    this.#pending = { subject: checkpointSubject(text), after: { ...this.#state, head: { size, root } } }
    return { kind: 'cosign' }
  }

  /** This head of the present generation is carried, says `HomesCount`. */
  cosigned(generation: number, { size, root }: TreeHead): void {
    if (generation !== this.#state.generation || size <= this.#state.network.size) return
    this.#become({ ...this.#state, network: { size, root } })
  }

  /** The number that was voted for in this epoch and is not decided here; null where there is none. */
  get voting(): number | null {
    const { generation, voted } = this.#state
    return voted && voted.generation > generation && voted.epoch === this.#terms.committee.epoch
      ? voted.generation
      : null
  }

  /**
   * Prepares a vote for new MasterNodes, on the newest head that is carried; sealing it ends all generations below here. One for each number: for the one that was
   * voted for last the very same vote, null for every other up to it.
   */
  vote(generation: number, seed: Uint8Array): RedrawVote | null {
    const { voted, network } = this.#state
    const isAgain = generation === this.voting
    if (!isAgain && generation <= Math.max(this.#state.generation, voted?.generation ?? 0)) return null
    const base = isAgain ? voted?.base : network
    if (!base) return null
    const vote = { generation, seed, base }
    const given = { generation, epoch: this.#terms.committee.epoch, base }
    this.#pending = { subject: redrawSubject(vote), after: { ...this.#state, voted: given } }
    return vote
  }

  /** The home in which the log is seated has decided for a later generation: goes on there. For a joiner, too. False where it is not later. */
  adopt({ generation, base }: Pick<RedrawVote, 'generation' | 'base'>): boolean {
    if (generation <= this.#state.generation) return false
    this.#pending = null
    this.#become({ ...this.#state, generation, head: base, network: base })
    return true
  }

  /** Goes on from a head of this generation that is carried: how a joiner, or who was away, skips what others have validated. False where it does not extend what was cosigned here. */
  join(head: TreeHead, consistency: readonly Uint8Array[]): boolean {
    if (this.#isClosed || !verifyConsistency(this.#state.head, head, consistency)) return false
    this.#pending = null
    this.#become({ ...this.#state, head })
    this.cosigned(this.#state.generation, head)
    return true
  }

  /** What to sign next, at a time in seconds since 1970; null where nothing is due. */
  next(nowSeconds: number): Signable | null {
    if (!this.#pending) return null
    const { subject } = this.#pending
    const seconds = subject.kind === SUBJECT.checkpoint ? nowSeconds : 0
    return { subject, seconds, message: subjectSignedBytes(this.#terms.committee.cid, subject, seconds) }
  }

  /** Takes the signature over what `next` returned. False where something else has come up since: then it never leaves. */
  seal({ subject, seconds }: Signable, signature: Uint8Array): boolean {
    if (this.#pending?.subject !== subject) return false
    const { head, voted } = this.#pending.after
    const { committee, seat } = this.#terms
    this.#pending = null
    this.#become({ ...this.#state, head, voted })
    this.#publish.push(encodeEnvelope(bundleEnvelope(committee.cid, subject, [{ seat, seconds, signature }])))
    return true
  }

  /** What to write, and what may be published once that is on the disk. */
  flush(): { readonly writes: readonly Write[]; readonly publish: readonly Uint8Array[] } {
    const writes = this.#changed
      ? [{ space: LOG_SPACE.witness, key: LOG_KEY.state, value: encodeState(this.#state) }]
      : []
    const publish = this.#publish
    this.#changed = false
    this.#publish = []
    return { writes, publish }
  }

  /** This generation is voted to end, or about to be. */
  get #isClosed(): boolean {
    const { generation, voted } = this.#pending?.after ?? this.#state
    return voted !== null && voted.generation > generation
  }

  #judgeHead({ checkpoint, term, consistency, networkConsistency }: Offer): Verdict | null {
    const { generation, head, network } = this.#state
    if (checkpoint.generation > generation) return { kind: 'later', code: 'wrong-epoch' }
    if (checkpoint.generation < generation || this.#isClosed) return { kind: 'refused', code: 'wrong-epoch' }
    if (!isOfTerm(checkpoint, term)) return { kind: 'refused', code: 'wrong-epoch' }
    if (checkpoint.weight < term.masterNodes.quorum) return { kind: 'later', code: 'no-quorum' }
    if (checkpoint.size < head.size || (checkpoint.size === head.size && !sameHead(checkpoint, head))) {
      return { kind: 'refused', code: 'inconsistent-log' }
    }
    if (checkpoint.network > network.size) return { kind: 'later', code: 'no-quorum' }
    const grew = verifyConsistency(head, checkpoint, consistency)
    const keeps = verifyConsistency(network, checkpoint, networkConsistency)
    // whether the log or only the proof is wrong cannot be told: not cosigned in either case
    return grew && keeps ? null : { kind: 'later', code: 'bad-proof' }
  }

  #judgeLeaves({ checkpoint, leaves }: Offer, assignment: Omit<Assignment, 'seed'>): Verdict | null {
    const { head } = this.#state
    if (checkpoint.size - head.size > LIMITS.logGapLeavesMax) return { kind: 'later', code: 'limit' }
    const mine = assignedLeaves({ ...assignment, seed: checkpoint.seed }, head.size, checkpoint.size)
    if (mine.length > LIMITS.logOfferedLeavesMax) return { kind: 'later', code: 'limit' }
    const offered = new Map(leaves.map((leaf) => [leaf.index, leaf]))
    const groups: (readonly SignatureCheck[])[] = []
    for (const index of mine) {
      const leaf = offered.get(index)
      const { body } = leaf?.statement ?? NO_STATEMENT
      const isIn = leaf && verifyInclusion(checkpoint, index, leafHash(body), leaf.path)
      if (!isIn) return { kind: 'later', code: 'bad-proof' }
      const malformed = codeOf(() => readLeafBody(body))
      if (malformed) return { kind: 'fraud', index, code: malformed }
      const unproven = codeOf(() => groups.push(readLeaf(leaf.statement, this.#terms.judge).checks))
      if (unproven === 'unknown-sender') return { kind: 'later', code: unproven }
      if (unproven) return { kind: 'unproven', index, code: unproven }
    }
    const broken = this.#verify(groups).indexOf(false)
    return broken < 0 ? null : { kind: 'unproven', index: mine[broken] as number, code: 'bad-signature' }
  }

  #become(state: WitnessState): void {
    this.#state = state
    this.#changed = true
  }
}

const BEGINNING: WitnessState = { generation: 0, head: EMPTY_TREE, network: EMPTY_TREE, voted: null }

const NO_STATEMENT = { body: new Uint8Array(0) }

function codeOf(action: () => unknown): Code | null {
  try {
    action()
    return null
  } catch (error) {
    return asWebxError(error).code
  }
}

function encodeState({ generation, head, network, voted }: WitnessState): Uint8Array {
  const { base } = voted ?? {}
  const given = voted ? [voted.generation, voted.epoch, ...(base ? [base.size, base.root] : [])] : []
  return encode([generation, head.size, head.root, network.size, network.root, given])
}

function decodeState(bytes: Uint8Array): WitnessState {
  const fields = Fields.of('witness of the public log', bytes)
  const state = {
    generation: fields.uint('generation'),
    head: { size: fields.uint('size'), root: fields.bytes('root', 32) },
    network: { size: fields.uint('networkSize'), root: fields.bytes('networkRoot', 32) },
  }
  const voted = readGiven(fields.any('voted'), state.generation)
  fields.end()
  return { ...state, voted }
}

/** An older version kept only whether it had voted. */
function readGiven(item: Cbor, generation: number): GivenVote | null {
  if (item === false) return null
  if (item === true) return { generation: generation + 1, epoch: 0, base: null }
  const fields = new Fields('vote of a witness', item)
  if (fields.isEmpty) return null
  const given = { generation: fields.uint('generation'), epoch: fields.uint('epoch') }
  const base = fields.isEmpty ? null : { size: fields.uint('size'), root: fields.bytes('root', 32) }
  fields.end()
  return { ...given, base }
}

/**
 * What this node thinks of checkpoints, and what all nodes think: its witness, who stands behind what, and votes for the next generation of the log.
 *
 * A generation ends with its epoch, or when its MasterNodes stall or show two views. Then everybody tells the others of the newest head that it knows the network has
 * cosigned, and votes for the next one on it: once for each number, so where votes split, all go on to the next number, and by then they know the same head.
 */

import type { Committee } from '../consensus/committee.ts'
import type { Opening } from '../consensus/epoch/opening.ts'
import { type Checkpoint, checkpointEnvelope, readCheckpointText, sameHead } from '../consensus/publiclog/checkpoint.ts'
import { type Bundle, checkpointSubject, SUBJECT, type Subject, textOf } from '../consensus/publiclog/cosignature.ts'
import type { LeafJudge } from '../consensus/publiclog/leaf.ts'
import type { TreeHead } from '../consensus/publiclog/proof.ts'
import { type RedrawVote, readRedraw, redrawSeed, redrawSubject } from '../consensus/publiclog/redraw.ts'
import { networkNodesOf } from '../consensus/publiclog/term.ts'
import { type OfferedLeaf, type Verdict, Witness } from '../consensus/publiclog/witness.ts'
import { equal } from '../core/bytes.ts'
import { decodeEnvelope, encodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import type { Store } from '../kernel/ports.ts'
import type { Generation } from './public-generation.ts'
import type { Beginning, PublicRecords } from './public-records.ts'
import { isNewer, Standings } from './public-standing.ts'

/** How long a decision is waited for before the next number is voted for, once for each number that led to none. */
const VOTE_TICKS = 20

/** The node's place in the epoch under way. */
export interface Place {
  readonly opening: Opening
  readonly committee: Committee
  /** In its neighborhood; null for who only looks on. */
  readonly seat: number | null
  /** In the whole network. */
  readonly neighborhoods: number
}

export class PublicWitness {
  readonly place: Place
  readonly witness: Witness | null
  readonly standings: Standings
  readonly #records: PublicRecords
  /** The newest head of the epoch before, and who stood behind it: what the vote goes on from. */
  readonly #before: Standings | null
  #cosigned: string | null = null
  /** The newest checkpoint whose proof is kept. */
  #kept: Checkpoint | null = null
  /** The base that the next vote would have had one tick ago; and ticks in which the last one could have been decided. */
  #wavering: TreeHead | null = null
  #waitedTicks = 0

  constructor(place: Place, parts: { records: PublicRecords; store: Store; judge: LeafJudge; before: Opening | null }) {
    const { records, store, judge, before } = parts
    this.place = place
    this.#records = records
    const { committee, seat, opening } = place
    this.standings = new Standings(opening.epoch, networkNodesOf(opening))
    this.#before = before && new Standings(before.epoch, networkNodesOf(before))
    this.witness = seat === null ? null : new Witness({ committee, seat, judge, records: store })
  }

  /** The standings that a checkpoint belongs to. Throws `wrong-epoch`. */
  standingsOf(epoch: number): Standings {
    if (epoch === this.standings.epoch) return this.standings
    if (epoch === this.#before?.epoch) return this.#before
    throw new WebxError('wrong-epoch', 'public log: of an epoch that is over')
  }

  /** Goes on where a generation begins. */
  adopt(beginning: Pick<Beginning, 'generation' | 'base'>): void {
    this.witness?.adopt(beginning)
    this.#wavering = null
    this.#waitedTicks = 0
    this.#cosigned = null
  }

  /** A checkpoint is whole. False where it was known. */
  whole(checkpoint: Checkpoint): boolean {
    return this.standingsOf(checkpoint.epoch).addCheckpoint(checkpoint)
  }

  /** Judges the newest whole checkpoint of a generation, where the log here has come so far. */
  consider({ term, sequencer }: Generation): Verdict | null {
    const { witness, standings, place } = this
    const checkpoint = standings.newest
    const { tree } = sequencer.book
    if (!witness || !checkpoint || checkpoint.text === this.#cosigned || checkpoint.size > tree.size) return null
    if (checkpoint.generation !== term.generation || checkpoint.generation !== witness.state.generation) return null
    const { head, network } = witness.state
    const since = (size: number): Uint8Array[] => {
      return size <= checkpoint.size ? tree.consistency(size, checkpoint.size) : []
    }
    const leaves: OfferedLeaf[] = []
    for (let index = head.size; index < checkpoint.size; index++) {
      const statement = this.#records.statement(index)
      if (statement)
        leaves.push({ index, statement: decodeEnvelope(statement), path: tree.inclusion(index, checkpoint.size) })
    }
    const offer = { checkpoint, term, consistency: since(head.size), networkConsistency: since(network.size), leaves }
    const { committee, neighborhoods } = place
    const verdict = witness.offer(offer, { nid: committee.nid, neighborhoods, all: false })
    if (verdict.kind === 'cosign') this.#cosigned = checkpoint.text
    else if (head.size < checkpoint.size && standings.standing(checkpointSubject(checkpoint.text))?.reached) {
      // who was away skips what more than two thirds have seen
      witness.join(checkpoint, offer.consistency)
    }
    return verdict
  }

  /** Takes cosignatures whose checks have held. Answers a checkpoint that the network has cosigned by them, else null. */
  cosignatures(bundle: Bundle, committee: Committee): Checkpoint | null {
    const text = textOf(bundle)
    const { epoch } = readCheckpointText(text, committee.netId)
    const standings = this.standingsOf(epoch)
    if (committee.epoch !== epoch) throw new WebxError('wrong-epoch', 'cosignature by a committee of another epoch')
    const before = standings.standing(bundle)?.reached ?? false
    const standing = standings.addCosignatures(bundle, committee)
    if (standing) this.#keep(text, standings)
    const checkpoint = standings.checkpoint(text)
    if (!standing?.reached || !checkpoint) return null
    this.witness?.cosigned(checkpoint.generation, checkpoint)
    return before ? null : checkpoint
  }

  /** Takes votes whose checks have held; what they decide, or null, and EVIDENCE against who has voted twice. */
  votes(
    bundle: Bundle,
    committee: Committee,
  ): { readonly decided: Beginning | null; readonly evidence: readonly Uint8Array[] } {
    const { epoch } = this.place.opening
    const { generation, base } = this.sensible(bundle, committee)
    const { reached, evidence } = this.standings.votes.add(bundle, committee)
    const votes = reached ? this.standings.votes.statements(bundle) : []
    return { decided: reached ? { generation, epoch, base, votes } : null, evidence }
  }

  /** The vote in a bundle of this epoch. Throws `wrong-epoch`, `bad-shape` for a seed that somebody chose. */
  sensible(bundle: Bundle, committee: Committee): RedrawVote {
    const { opening } = this.place
    if (committee.epoch !== opening.epoch) throw new WebxError('wrong-epoch', 'a vote of another epoch')
    const vote = readRedraw(bundle)
    if (equal(vote.seed, redrawSeed(opening.seed, vote.generation))) return vote
    throw new WebxError('bad-shape', 'redraw: this is not the seed of that generation')
  }

  /**
   * Prepares this node's vote, where one is due; call it tick by tick while the generation is over. There is one for each number, so the others' newest heads are waited for:
   * true where the own one should be shown now.
   */
  vote(): boolean {
    const { witness, place } = this
    const number = this.#numberDue()
    if (!witness || number === null) return false
    const { network } = witness.state
    const wavered = !this.#wavering || !sameHead(this.#wavering, network)
    this.#wavering = network
    if (wavered && number !== witness.voting) return true
    if (number !== witness.voting) this.#waitedTicks = 0
    witness.vote(number, redrawSeed(place.opening.seed, number))
    return false
  }

  /** This node's vote as it stands; null where there is none. */
  get voted(): Subject | null {
    const generation = this.witness?.voting ?? null
    const base = this.witness?.state.voted?.base
    if (generation === null || !base) return null
    return redrawSubject({ generation, seed: redrawSeed(this.place.opening.seed, generation), base })
  }

  /** The number to vote for: the next one, or that which others are at; the last one again where nobody has heard of it; null while that may still be decided. */
  #numberDue(): number | null {
    const { witness, standings } = this
    if (!witness) return null
    const { generation, voted } = witness.state
    const given = Math.max(generation, voted?.generation ?? 0)
    const { wanted } = standings.votes
    if (wanted > given) return wanted
    const { voting } = witness
    if (voting === null) return given + 1
    const { votes } = standings
    if (votes.entered >= voting && ++this.#waitedTicks > VOTE_TICKS * (voting - generation)) return given + 1
    if (votes.isSplit(voting)) return given + 1
    const heard = votes.lastOf(this.place.committee, this.place.seat as number)
    return heard && readRedraw(heard).generation === voting ? null : voting
  }

  /**
   * What should be said again: the newest whole checkpoint while the network has not cosigned it, and the newest that it has, without which nobody who was away can cosign; while
   * the generation is over, the latter of the epoch before.
   */
  unfinished(isOver: boolean): Uint8Array[] {
    const { newest, reached } = this.standings
    if (isOver) {
      const [standings, last] = reached ? [this.standings, reached] : [this.#before, this.#before?.reached]
      return standings && last ? this.statementsOf(last, standings) : []
    }
    if (!newest || newest === reached) return []
    const said = this.statementsOf(newest, this.standings)
    return reached ? [...this.statementsOf(reached, this.standings), ...said] : said
  }

  statementsOf(checkpoint: Checkpoint, standings: Standings): Uint8Array[] {
    const bundles = standings.backed(checkpoint.text)?.bundles ?? []
    const subject = bundles[0]?.bundle
    return [this.#checkpointBytes(checkpoint), ...(subject ? standings.statements(subject) : [])]
  }

  /** Whether this node signed what its log does not know of: then it was put back to an older copy. */
  shownOwn(bundle: Bundle, committee: Committee): boolean {
    const { witness, place } = this
    if (!witness || !equal(committee.cid, place.committee.cid)) return false
    if (!bundle.cosignatures.some(({ seat }) => seat === place.seat)) return false
    const { generation, head, voted } = witness.state
    if (bundle.kind === SUBJECT.redraw) {
      const vote = readRedraw(bundle)
      const isOther = vote.generation === witness.voting && voted?.base && !sameHead(vote.base, voted.base)
      return vote.generation > Math.max(generation, voted?.generation ?? 0) || Boolean(isOther)
    }
    const shown = readCheckpointText(textOf(bundle), committee.netId)
    return shown.generation > generation || (shown.generation === generation && shown.size > head.size)
  }

  #checkpointOf = new WeakMap<Checkpoint, Uint8Array>()

  /** The committee of a checkpoint is known by who took it in. */
  remember(checkpoint: Checkpoint, masterNodes: Committee): void {
    const bytes = encodeEnvelope(checkpointEnvelope(masterNodes, checkpoint.text, checkpoint.signatures))
    this.#checkpointOf.set(checkpoint, bytes)
  }

  #checkpointBytes(checkpoint: Checkpoint): Uint8Array {
    return this.#checkpointOf.get(checkpoint) as Uint8Array
  }

  /** The newest checkpoint that a quorum of this neighborhood stands behind is what receipts are made of. */
  #keep(text: string, standings: Standings): void {
    const backed = standings.backed(text)
    if (!backed || (this.#kept && isNewer(this.#kept, backed.checkpoint))) return
    const { checkpoint, bundles } = backed
    if (!bundles.some(({ bundle, committee }) => bundle.weight >= committee.quorum)) return
    const [, ...cosigned] = this.statementsOf(checkpoint, standings)
    this.#kept = checkpoint
    this.#records.keepProof({ checkpoint: this.#checkpointBytes(checkpoint), bundles: cosigned })
  }
}

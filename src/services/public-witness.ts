/**
 * What this node thinks of checkpoints, and what all nodes think: its witness, who stands behind what, and votes for the next generation of the log.
 *
 * A generation ends with its epoch, or when its MasterNodes stall or show two views. Then everybody votes for the next one on the newest head that it knows the network has
 * cosigned, and tells the others of that head, so that all come to the same.
 */

import type { Committee } from '../consensus/committee.ts'
import type { Opening } from '../consensus/epoch/opening.ts'
import { type Checkpoint, checkpointEnvelope, readCheckpointText } from '../consensus/publiclog/checkpoint.ts'
import { type Bundle, checkpointSubject, SUBJECT, type Subject, textOf } from '../consensus/publiclog/cosignature.ts'
import type { LeafJudge } from '../consensus/publiclog/leaf.ts'
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
  #voted: RedrawVote | null = null

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
    this.#voted = null
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

  /** Takes votes whose checks have held; what they decide, or null. */
  votes(bundle: Bundle, committee: Committee): Beginning | null {
    const { opening } = this.place
    const vote = this.sensible(bundle, committee)
    const standing = this.standings.addVotes(bundle, committee)
    if (!standing?.reached) return null
    const { generation, base } = vote
    return { generation, epoch: opening.epoch, base, votes: this.standings.statements(bundle) }
  }

  /** Whether more than may lie have voted so, for a generation that is not here yet. */
  isWanted(bundle: Bundle): boolean {
    const weight = this.standings.standing(bundle)?.weight ?? 0
    const isNext = readRedraw(bundle).generation > (this.witness?.state.generation ?? 0)
    return isNext && weight > Math.floor((this.standings.total - 1) / 3)
  }

  /** The vote in a bundle of this epoch. Throws `wrong-epoch`, `bad-shape` for a seed that somebody chose. */
  sensible(bundle: Bundle, committee: Committee): RedrawVote {
    const { opening } = this.place
    if (committee.epoch !== opening.epoch) throw new WebxError('wrong-epoch', 'a vote of another epoch')
    const vote = readRedraw(bundle)
    if (equal(vote.seed, redrawSeed(opening.seed, vote.generation))) return vote
    throw new WebxError('bad-shape', 'redraw: this is not the seed of that generation')
  }

  /** Prepares this node's vote for the next generation, anew where a newer head is known. */
  vote(): void {
    const { witness, place } = this
    if (!witness) return
    const { generation, network } = witness.state
    if (this.#voted && this.#voted.generation > generation && this.#voted.base.size >= network.size) return
    this.#voted = witness.vote(redrawSeed(place.opening.seed, generation + 1))
  }

  /** This node's vote as it stands; null before. */
  get voted(): Subject | null {
    return this.#voted && redrawSubject(this.#voted)
  }

  /**
   * What should be said again: the newest whole checkpoint while the network has not cosigned it, and the newest that it has, without which nobody who was away can cosign; while
   * there is a vote, the latter of the epoch before.
   */
  unfinished(isVoting: boolean): Uint8Array[] {
    const { newest, reached } = this.standings
    if (isVoting) {
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
    const { generation, head } = witness.state
    if (bundle.kind === SUBJECT.redraw) return readRedraw(bundle).generation > generation && !witness.state.closed
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
    if (!backed || isNewer(standings.newest as Checkpoint, backed.checkpoint)) return
    const { checkpoint, bundles } = backed
    if (!bundles.some(({ bundle, committee }) => bundle.weight >= committee.quorum)) return
    const [, ...cosigned] = this.statementsOf(checkpoint, standings)
    this.#records.keepProof({ checkpoint: this.#checkpointBytes(checkpoint), bundles: cosigned })
  }
}

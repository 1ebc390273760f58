/**
 * What this node thinks of checkpoints, and what all nodes think: its witness, who stands behind what, and votes for the next generation of the log.
 *
 * A generation ends with its epoch, or when its MasterNodes stall or show two views. Then everybody tells the others of the newest head that it knows to be carried, and the members of
 * the home in which the log is seated vote for the next one on it: once for each number, so where votes split, all go on to the next number, and by then they know the same head.
 */

import type { Committee } from '../consensus/committee.ts'
import type { Opening } from '../consensus/epoch/opening.ts'
import { type Checkpoint, readCheckpointText, sameHead } from '../consensus/publiclog/checkpoint.ts'
import { type Bundle, checkpointSubject, SUBJECT, type Subject, textOf } from '../consensus/publiclog/cosignature.ts'
import type { LeafJudge } from '../consensus/publiclog/leaf.ts'
import { isWitnessed, usualPolicy } from '../consensus/publiclog/network.ts'
import type { TreeHead } from '../consensus/publiclog/proof.ts'
import { type RedrawVote, readRedraw, redrawSeed, redrawSubject } from '../consensus/publiclog/redraw.ts'
import { type OfferedLeaf, type Verdict, Witness } from '../consensus/publiclog/witness.ts'
import { equal } from '../core/bytes.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import type { Store } from '../kernel/ports.ts'
import type { Generation } from './public-generation.ts'
import type { Beginning, PublicRecords, StoredProof } from './public-records.ts'
import { isNewer, type Standings } from './public-standing.ts'

/** How long a decision is waited for before the next number is voted for, once for each number that led to none. */
const VOTE_TICKS = 20

/** The node's place in the epochs under way: the public one, and that of its own home. */
export interface Place {
  /** Of the public epoch. */
  readonly opening: Opening
  /** Of the own home. */
  readonly committee: Committee
  /** In its neighborhood; null for who only looks on. */
  readonly seat: number | null
  /** In the whole network. */
  readonly neighborhoods: number
  /** The log is seated in the own home: it votes on generations. */
  readonly isSeat: boolean
}

/** What a node's view of the log is made of. */
export interface WitnessParts {
  readonly records: PublicRecords
  readonly store: Store
  readonly judge: LeafJudge
  /** Of the public epoch. */
  readonly standings: Standings
  /** Of the one before: its newest head, and who stood behind it, is what the first vote goes on from. */
  readonly before: Standings | null
}

/** What cosignatures have brought about. */
export interface Cosigned {
  /** A quorum of the log's home stands behind this checkpoint since. */
  readonly carried: Checkpoint | null
  /** The network has cosigned this one since. */
  readonly reached: Checkpoint | null
}

export class PublicWitness {
  readonly place: Place
  readonly witness: Witness | null
  readonly standings: Standings
  readonly #records: PublicRecords
  /** Of the public epoch before. */
  readonly before: Standings | null
  #cosigned: string | null
  /** The newest checkpoint whose proof is kept, and whether it shows that the network has cosigned it. */
  #kept: ({ readonly checkpoint: Checkpoint } & Pick<StoredProof, 'reached' | 'witnessed'>) | null = null
  /** The base that the next vote would have had one tick ago; and ticks in which the last one could have been decided. */
  #wavering: TreeHead | null = null
  #waitedTicks = 0

  constructor(place: Place, { records, store, judge, standings, before }: WitnessParts) {
    this.place = place
    this.#records = records
    this.standings = standings
    this.before = before
    // what the network has cosigned needs no cosignature more when the own home has begun an epoch
    this.#cosigned = standings.reached?.text ?? null
    const { committee, seat } = place
    this.witness = seat === null ? null : new Witness({ committee, seat, judge, records: store })
  }

  /** The standings that a checkpoint belongs to. Throws `wrong-epoch`. */
  standingsOf(epoch: number): Standings {
    if (epoch === this.standings.epoch) return this.standings
    if (epoch === this.before?.epoch) return this.before
    throw new WebxError('wrong-epoch', 'public log: of an epoch that is over')
  }

  /** Goes on where a generation begins. */
  adopt(beginning: Pick<Beginning, 'generation' | 'base'>): void {
    this.witness?.adopt(beginning)
    this.#wavering = null
    this.#waitedTicks = 0
    this.#cosigned = null
  }

  /** A checkpoint of these MasterNodes is whole. False where it was known. */
  whole(checkpoint: Checkpoint, masterNodes: Committee): boolean {
    return this.standingsOf(checkpoint.epoch).addCheckpoint(checkpoint, masterNodes)
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
    else if (head.size < checkpoint.size && standings.standing(checkpointSubject(checkpoint.text))?.carried) {
      // who was away skips what more than two thirds of the log's home have seen
      witness.join(checkpoint, offer.consistency)
    }
    return verdict
  }

  /** Takes cosignatures whose checks have held. Throws `wrong-epoch` for those of a committee that does not count in the epoch of their text. */
  cosignatures(bundle: Bundle, committee: Committee): Cosigned {
    const text = textOf(bundle)
    const standings = this.counting(bundle, committee)
    const before = standings.standing(bundle)
    const standing = standings.addCosignatures(bundle, committee)
    const checkpoint = standings.checkpoint(text)
    if (!standing || !checkpoint) return { carried: null, reached: null }
    this.#keep(text, standings)
    if (standing.carried) this.witness?.cosigned(checkpoint.generation, checkpoint)
    return {
      carried: standing.carried && !before?.carried ? checkpoint : null,
      reached: standing.reached && !before?.reached ? checkpoint : null,
    }
  }

  /** The standings in which cosignatures of a checkpoint count. Throws `wrong-epoch`. */
  counting(bundle: Bundle, committee: Committee): Standings {
    const standings = this.standingsOf(readCheckpointText(textOf(bundle), committee.netId).epoch)
    if (standings.counts(committee)) return standings
    throw new WebxError('wrong-epoch', 'cosignature by a committee of another epoch')
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
    if (!this.standings.isSeat(committee))
      throw new WebxError('wrong-epoch', 'a vote of another epoch, or another home')
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
    const number = place.isSeat ? this.#numberDue() : null
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
   * What should be said again: the newest whole checkpoint while the network has not cosigned it, and the newest that is carried, without which nobody who was away can cosign; while
   * the generation is over, the latter, or that of the epoch before. `times`: how often this was asked. Where only other homes are waited for, the members take turns: it may take long.
   */
  unfinished(isOver: boolean, times: number): Uint8Array[] {
    const { newest, carried, reached } = this.standings
    const { committee, seat } = this.place
    if (isOver) {
      const [standings, last] = carried ? [this.standings, carried] : [this.before, this.before?.carried]
      return standings && last ? shown(last, standings) : []
    }
    if (!newest || newest === reached) return []
    if (newest === carried && times % committee.seats.length !== seat) return []
    const said = shown(newest, this.standings)
    return carried && carried !== newest ? [...shown(carried, this.standings), ...said] : said
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

  /** The newest checkpoint that is WITNESSED as is usual, or that the network has cosigned, is what receipts are made of. */
  #keep(text: string, standings: Standings): void {
    const backed = standings.backed(text)
    if (!backed || (this.#kept && isNewer(this.#kept.checkpoint, backed.checkpoint))) return
    const { checkpoint, bundles } = backed
    const { carried = false, reached = false } = standings.standing(checkpointSubject(text)) ?? {}
    // in a new epoch of another home, who stands behind it is counted anew: less is not kept in the place of more
    const witnessed = isWitnessed(usualPolicy(this.place.neighborhoods), bundles, 0)
    const kept = this.#kept?.checkpoint.text === text ? this.#kept : null
    if ((kept?.reached && !reached) || (kept?.witnessed && !witnessed)) return
    const shows = standings.proofOf(checkpoint)
    if (!shows) return
    const proof = { ...shows, epochs: standings.others.map(({ committee }) => committee.epoch), reached, witnessed }
    if (reached || witnessed) {
      this.#kept = { checkpoint, reached, witnessed }
      this.#records.keepProof(proof)
    } else if (carried && standings.carried === checkpoint) this.#records.keepCarried(proof)
  }

  /** The proof that an earlier life has kept of a checkpoint that is whole here. */
  recall(text: string, { reached, witnessed }: StoredProof): void {
    for (const standings of [this.standings, this.before]) {
      const checkpoint = standings?.checkpoint(text)
      if (!checkpoint) continue
      if (reached) standings?.recall(checkpoint)
      if (!this.#kept || !isNewer(this.#kept.checkpoint, checkpoint)) this.#kept = { checkpoint, reached, witnessed }
    }
  }
}

/** All that shows a checkpoint to the others. */
function shown(checkpoint: Checkpoint, standings: Standings): Uint8Array[] {
  const proof = standings.proofOf(checkpoint)
  return proof ? [proof.checkpoint, ...proof.bundles] : []
}

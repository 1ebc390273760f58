/**
 * Counts votes for new MasterNodes in one epoch: what is decided, what cannot be any more, and who has voted for two bases of one generation.
 *
 * Whoever keeps the rules votes once for a number, so no number has two decisions, and where a number is split the next one is voted for. Kept of each voter are its votes for the
 * highest numbers: a liar with many votes pushes out its own and nobody else's.
 */

import { toHex } from '../../core/bytes.ts'
import { encodeEnvelope } from '../../core/envelope.ts'
import { quorumOf } from '../../identity/seats.ts'
import type { Committee } from '../committee.ts'
import { weightOfSeats } from './checkpoint.ts'
import { type Bundle, bundleEnvelope, mergeBundles, type Subject } from './cosignature.ts'
import { redrawEvidence } from './fork.ts'
import type { NetworkNode, Standing } from './network.ts'
import { type RedrawVote, readRedraw } from './redraw.ts'

/** Votes that are kept of one voter. */
const VOTES_PER_NODE = 4

/** What votes have come to, and EVIDENCE against whoever has voted twice. */
export interface Counted extends Standing {
  readonly evidence: readonly Uint8Array[]
}

export class RedrawCount {
  readonly total: number
  readonly #quorum: number
  readonly #weights: ReadonlyMap<string, number>
  /** By the bytes of the vote. */
  readonly #choices = new Map<string, Choice>()
  readonly #voters = new Map<string, Voter>()

  constructor(nodes: readonly NetworkNode[]) {
    this.#weights = new Map(nodes.map(({ id, weight }) => [toHex(id), weight]))
    this.total = nodes.reduce((sum, { weight }) => sum + weight, 0)
    this.#quorum = quorumOf(this.total)
  }

  /** The highest number that, or a higher one, more than may lie have voted for; 0 for none. One of them at least has a reason. */
  get wanted(): number {
    return this.#numberOf(Math.floor((this.total - 1) / 3) + 1)
  }

  /** The highest number that, or a higher one, a quorum has voted for; 0 for none. Nobody need wait for a decision on one that is beyond it. */
  get entered(): number {
    return this.#numberOf(this.#quorum)
  }

  /** Whether a bundle holds a vote that is not counted here. */
  isNews(bundle: Bundle): boolean {
    const known = this.#choices.get(nameOf(bundle))?.bundles.get(toHex(bundle.cid))?.bundle.cosignatures ?? []
    return bundle.cosignatures.some(({ seat }) => !known.some((other) => other.seat === seat))
  }

  /** Takes votes that make sense and whose checks have held. */
  add(bundle: Bundle, committee: Committee): Counted {
    const choice = this.#choiceOf(bundle)
    const cid = toHex(bundle.cid)
    const known = choice.bundles.get(cid)
    choice.bundles.set(cid, { committee, bundle: known ? mergeBundles(committee, known.bundle, bundle) : bundle })
    const evidence = bundle.cosignatures.flatMap(({ seat }) => this.#note(choice, bundle, committee, seat))
    const weight = this.#weightOf(new Set(this.#votersOf(choice)))
    for (const { seat } of bundle.cosignatures) this.#trim(committee, seat)
    return { weight, reached: weight >= this.#quorum, evidence }
  }

  /** True where no base of this number can be decided any more, however those vote who have not. */
  isSplit(generation: number): boolean {
    const choices = [...this.#choices.values()].filter(({ vote }) => vote.generation === generation)
    const voters = choices.map((choice) => this.#votersOf(choice))
    const open = this.total - this.#weightOf(new Set(voters.flat()))
    return Math.max(0, ...voters.map((ids) => this.#weightOf(new Set(ids)))) + open < this.#quorum
  }

  /** The vote of a member for the highest number, in a bundle of its own; null where there is none. */
  lastOf(committee: Committee, seat: number): Bundle | null {
    const choice = this.#voters.get(idOf(committee, seat))?.votes.at(-1)
    const bundle = choice?.bundles.get(toHex(committee.cid))?.bundle
    const cosignatures = bundle?.cosignatures.filter((one) => one.seat === seat) ?? []
    return bundle && cosignatures.length > 0 ? { ...bundle, cosignatures } : null
  }

  /** COSIGNATURE statements of all who voted so, one for each neighborhood. */
  statements(subject: Subject): Uint8Array[] {
    return [...(this.#choices.get(nameOf(subject))?.bundles.values() ?? [])].map(({ bundle }) => {
      return encodeEnvelope(bundleEnvelope(bundle.cid, bundle, bundle.cosignatures))
    })
  }

  #numberOf(needed: number): number {
    const byNumber = [...this.#voters].map(([id, { votes }]) => ({ id, number: votes.at(-1)?.vote.generation ?? 0 }))
    let weight = 0
    for (const { id, number } of byNumber.sort((a, b) => b.number - a.number)) {
      weight += this.#weights.get(id) ?? 0
      if (weight >= needed) return number
    }
    return 0
  }

  #choiceOf(bundle: Bundle): Choice {
    const name = nameOf(bundle)
    const known = this.#choices.get(name)
    if (known) return known
    const choice = { name, vote: readRedraw(bundle), bundles: new Map() }
    this.#choices.set(name, choice)
    return choice
  }

  /** Notes what a seat has voted for; evidence where that was something else before. */
  #note(choice: Choice, bundle: Bundle, committee: Committee, seat: number): Uint8Array[] {
    const id = idOf(committee, seat)
    const voter = this.#voters.get(id) ?? { votes: [], isConvicted: false }
    this.#voters.set(id, voter)
    if (voter.votes.includes(choice)) return []
    const other = voter.votes.find(({ vote }) => vote.generation === choice.vote.generation)
    voter.votes.push(choice)
    voter.votes.sort((a, b) => a.vote.generation - b.vote.generation)
    const before = other?.bundles.get(toHex(committee.cid))?.bundle
    if (!before || voter.isConvicted) return []
    const own = { ...bundle, cosignatures: bundle.cosignatures.filter((one) => one.seat === seat) }
    const evidence = redrawEvidence(committee, own, before)
    voter.isConvicted = evidence.length > 0
    return evidence
  }

  /** Forgets what a seat has voted for beyond what is kept of it. */
  #trim(committee: Committee, seat: number): void {
    const cid = toHex(committee.cid)
    const votes = this.#voters.get(idOf(committee, seat))?.votes ?? []
    while (votes.length > VOTES_PER_NODE) {
      const { name, bundles } = votes.shift() as Choice
      const bundle = bundles.get(cid)?.bundle
      const cosignatures = bundle?.cosignatures.filter((one) => one.seat !== seat) ?? []
      if (!bundle || cosignatures.length === 0) bundles.delete(cid)
      else
        bundles.set(cid, {
          committee,
          bundle: { ...bundle, cosignatures, weight: weightOfSeats(committee, cosignatures) },
        })
      if (bundles.size === 0) this.#choices.delete(name)
    }
  }

  #votersOf({ bundles }: Choice): string[] {
    return [...bundles.values()].flatMap(({ bundle, committee }) => {
      return bundle.cosignatures.map(({ seat }) => idOf(committee, seat))
    })
  }

  #weightOf(ids: ReadonlySet<string>): number {
    return [...ids].reduce((sum, id) => sum + (this.#weights.get(id) ?? 0), 0)
  }
}

/** One vote, and everybody who gave it. */
interface Choice {
  readonly name: string
  readonly vote: RedrawVote
  /** By the digest of the committee. */
  readonly bundles: Map<string, { readonly bundle: Bundle; readonly committee: Committee }>
}

interface Voter {
  /** By number, the highest last. */
  readonly votes: Choice[]
  isConvicted: boolean
}

function idOf(committee: Committee, seat: number): string {
  return toHex(committee.seats[seat]?.memberId as Uint8Array)
}

function nameOf({ content }: Subject): string {
  return toHex(content)
}

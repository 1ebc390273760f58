/**
 * WITNESSED and NETWORK: how many stand behind a checkpoint, each counted for itself however the signatures travelled.
 *
 * More than two thirds of the weight of some nodes over one text: two that contradict each other would need more than a third to sign both. Which nodes are asked about what says
 * `homes-count.ts`. Leaves are NETWORK where a network-cosigned checkpoint says so of their number in its line `network`: then two thirds have seen that they were carried, and no
 * re-draw undoes that. WITNESSED is the reader's policy: so many neighborhoods with a quorum of cosigners each, and so many cosigners from elsewhere.
 */

import { toHex } from '../../core/bytes.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { quorumOf } from '../../identity/seats.ts'
import { type Bitmaps, createBitmaps } from '../../wasm/bitmap.ts'
import type { Committee } from '../committee.ts'
import type { Bundle, Subject } from './cosignature.ts'
import type { NoteKey } from './note.ts'

/** Somebody whose weight counts in a public epoch. */
export interface NetworkNode {
  /** 32-byte identity: it counts once, in whichever committee it signs. */
  readonly id: Uint8Array
  readonly weight: number
}

/** What the weight behind a subject has come to. */
export interface Standing {
  readonly weight: number
  /** More than two thirds of all weight. */
  readonly reached: boolean
}

/** Counts cosignatures of one public epoch. Subjects are opened by who knows that they make sense, so that nobody fills the table with inventions. */
export class NetworkCount {
  /** More than two thirds. */
  readonly quorum: number
  /** Weight of all nodes. */
  readonly total: number
  readonly #bitmaps: Bitmaps
  readonly #indexes: ReadonlyMap<string, number>
  readonly #signed = new Map<string, Uint8Array>()

  /** Throws `bad-argument` without nodes, with too many, or with one that stands twice. */
  constructor(nodes: readonly NetworkNode[]) {
    if (nodes.length === 0 || nodes.length > LIMITS.logNodesMax) {
      throw new WebxError('bad-argument', `a network has 1 to ${LIMITS.logNodesMax} nodes, got ${nodes.length}`)
    }
    this.#indexes = new Map(nodes.map(({ id }, index) => [toHex(id), index]))
    if (this.#indexes.size !== nodes.length) throw new WebxError('bad-argument', 'a node stands twice in the network')
    this.#bitmaps = createBitmaps({ weights: nodes.map(({ weight }) => weight) })
    this.total = this.#bitmaps.total
    this.quorum = quorumOf(this.total)
  }

  /** Begins to count for a subject; beyond `LIMITS.logSubjectsMax` the oldest is forgotten. */
  open(subject: Subject): void {
    const name = nameOf(subject)
    if (this.#signed.has(name)) return
    this.#signed.set(name, new Uint8Array(this.#bitmaps.bytes))
    if (this.#signed.size <= LIMITS.logSubjectsMax) return
    for (const oldest of this.#signed.keys()) {
      this.#signed.delete(oldest)
      break
    }
  }

  /** Counts a bundle whose signatures have held. Null where its subject is not open. */
  add(bundle: Bundle, committee: Committee): Standing | null {
    const signed = this.#signed.get(nameOf(bundle))
    if (!signed) return null
    for (const { seat } of bundle.cosignatures) {
      const member = committee.seats[seat]
      const index = member && this.#indexes.get(toHex(member.memberId))
      if (index !== undefined) signed[index >> 3] = (signed[index >> 3] as number) | (1 << (index & 7))
    }
    return this.#standingOf(signed)
  }

  /** Null where the subject is not open. */
  standing(subject: Subject): Standing | null {
    const signed = this.#signed.get(nameOf(subject))
    return signed ? this.#standingOf(signed) : null
  }

  #standingOf(signed: Uint8Array): Standing {
    const weight = this.#bitmaps.weightOf(signed)
    return { weight, reached: weight >= this.quorum }
  }
}

/** What WITNESSED means to a reader. */
export interface WitnessPolicy {
  /** Neighborhoods in each of which a quorum has cosigned. */
  readonly neighborhoods: number
  /** Cosigners from elsewhere, out of those named. */
  readonly cosigners: number
  readonly known: readonly NoteKey[]
}

/** Three neighborhoods, nobody from elsewhere. */
export const DEFAULT_POLICY: WitnessPolicy = { neighborhoods: 3, cosigners: 0, known: [] }

/** What is usual in a net of so many neighborhoods: all of them, and no more than three. */
export function usualPolicy(neighborhoods: number): WitnessPolicy {
  return { ...DEFAULT_POLICY, neighborhoods: Math.min(DEFAULT_POLICY.neighborhoods, neighborhoods) }
}

/** Whether bundles over one checkpoint, whose signatures have held, fulfil the policy. `cosigners`: how many different known ones from elsewhere have cosigned. */
export function isWitnessed(
  policy: WitnessPolicy,
  bundles: readonly { readonly bundle: Bundle; readonly committee: Committee }[],
  cosigners: number,
): boolean {
  const quorate = bundles.filter(({ bundle, committee }) => bundle.weight >= committee.quorum)
  const neighborhoods = new Set(quorate.map(({ committee }) => toHex(committee.nid)))
  return neighborhoods.size >= policy.neighborhoods && cosigners >= policy.cosigners
}

function nameOf({ kind, content }: Subject): string {
  return `${kind}${toHex(content)}`
}

/**
 * Who stands behind what in one public epoch: cosignatures of checkpoints and votes for new MasterNodes, merged by neighborhood and counted one by one.
 *
 * Votes are counted in the home in which the log is seated alone. The other homes go through epochs of their own meanwhile: then everything is counted anew, without what was
 * signed in the epoch before; what the network has cosigned once stays so here.
 */

import type { Committee } from '../consensus/committee.ts'
import { type Checkpoint, checkpointEnvelope } from '../consensus/publiclog/checkpoint.ts'
import {
  type Bundle,
  bundleEnvelope,
  checkpointSubject,
  mergeBundles,
  type Subject,
  textOf,
} from '../consensus/publiclog/cosignature.ts'
import { HomesCount, type HomesStanding, type LogHome, type LogHomes } from '../consensus/publiclog/homes-count.ts'
import { RedrawCount } from '../consensus/publiclog/redraw-count.ts'
import { equal, toHex } from '../core/bytes.ts'
import { encodeEnvelope } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import type { StoredProof } from './public-records.ts'

/** A whole checkpoint and everything that is known to stand behind it. */
export interface Backed {
  readonly checkpoint: Checkpoint
  readonly bundles: readonly { readonly bundle: Bundle; readonly committee: Committee }[]
}

export class Standings {
  readonly epoch: number
  #count: HomesCount
  /** Votes for new MasterNodes. */
  readonly votes: RedrawCount
  readonly #behind = new Map<string, Map<string, { readonly bundle: Bundle; readonly committee: Committee }>>()
  readonly #checkpoints = new Map<string, Checkpoint>()
  /** The statement of a checkpoint, by its text. */
  readonly #statements = new Map<string, Uint8Array>()
  #newest: Checkpoint | null = null
  #carried: Checkpoint | null = null
  #reached: Checkpoint | null = null

  constructor(homes: LogHomes) {
    this.epoch = homes.seat.committee.epoch
    this.#count = new HomesCount(homes)
    this.votes = new RedrawCount(homes.seat.nodes)
  }

  /** As whom the other homes are counted. */
  get others(): readonly LogHome[] {
    return this.#count.homes.others
  }

  /** Another home has begun an epoch: its seats are others now, and sign with other keys. */
  recount(others: readonly LogHome[]): void {
    this.#count = new HomesCount({ ...this.#count.homes, others })
    for (const checkpoint of this.#checkpoints.values()) {
      const subject = checkpointSubject(checkpoint.text)
      this.#count.open(subject)
      const byCommittee = this.#behind.get(nameOf(subject))
      for (const [cid, { bundle, committee }] of byCommittee ?? []) {
        if (!this.#count.add(bundle, committee)) byCommittee?.delete(cid)
      }
      this.#note(checkpoint)
    }
  }

  /** Whether cosignatures of this committee count. */
  counts(committee: Committee): boolean {
    return this.#count.counts(committee)
  }

  /** Whether this is the committee whose votes count, and whose quorum carries checkpoints. */
  isSeat({ cid }: Committee): boolean {
    return equal(this.#count.homes.seat.committee.cid, cid)
  }

  /** Weight of all nodes. */
  get total(): number {
    return this.#count.total
  }

  /** The whole checkpoint with most leaves, and of these the one that says most of them are final. */
  get newest(): Checkpoint | null {
    return this.#newest
  }

  /** The newest checkpoint that a quorum of the log's home has cosigned. */
  get carried(): Checkpoint | null {
    return this.#carried
  }

  /** The newest checkpoint that the network has cosigned. */
  get reached(): Checkpoint | null {
    return this.#reached
  }

  checkpoint(text: string): Checkpoint | null {
    return this.#checkpoints.get(text) ?? null
  }

  /** Takes a whole checkpoint of these MasterNodes, whose checks have held. False where it is known. */
  addCheckpoint(checkpoint: Checkpoint, masterNodes: Committee): boolean {
    const { text, signatures } = checkpoint
    if (this.#checkpoints.has(text)) return false
    this.#checkpoints.set(text, checkpoint)
    this.#statements.set(text, encodeEnvelope(checkpointEnvelope(masterNodes, text, signatures)))
    bound(this.#checkpoints)
    bound(this.#statements)
    this.#count.open(checkpointSubject(checkpoint.text))
    if (isNewer(checkpoint, this.#newest)) this.#newest = checkpoint
    return true
  }

  /** Whether a bundle holds a cosignature that is not counted here. */
  isNews(bundle: Bundle): boolean {
    const known = this.#behind.get(nameOf(bundle))?.get(toHex(bundle.cid))?.bundle.cosignatures ?? []
    return bundle.cosignatures.some(({ seat }) => !known.some((other) => other.seat === seat))
  }

  /** Takes a bundle whose checks have held, over a checkpoint that is whole here. Null where it is not, or its committee does not count. */
  addCosignatures(bundle: Bundle, committee: Committee): HomesStanding | null {
    const standing = this.#count.add(bundle, committee)
    if (!standing) return null
    this.#merge(bundle, committee)
    const checkpoint = this.#checkpoints.get(textOf(bundle))
    if (checkpoint) this.#note(checkpoint)
    return standing
  }

  /** The network had cosigned this whole checkpoint, in epochs of the other homes that may be over. */
  recall(checkpoint: Checkpoint): void {
    if (isNewer(checkpoint, this.#reached)) this.#reached = checkpoint
  }

  /** The newest cosignature of a member that was counted here, in a bundle of its own; null where there is none. */
  lastOf(committee: Committee, seat: number): Bundle | null {
    let last: Bundle | null = null
    for (const byCommittee of this.#behind.values()) {
      const bundle = byCommittee.get(toHex(committee.cid))?.bundle
      const cosignatures = bundle?.cosignatures.filter((one) => one.seat === seat) ?? []
      if (bundle && cosignatures.length > 0) last = { ...bundle, cosignatures }
    }
    return last
  }

  standing(subject: Subject): HomesStanding | null {
    return this.#count.standing(subject)
  }

  /** All that stands behind a checkpoint; null where it is not whole here. */
  backed(text: string): Backed | null {
    const checkpoint = this.#checkpoints.get(text)
    return checkpoint ? { checkpoint, bundles: this.#bundlesOf(checkpointSubject(text)) } : null
  }

  /** What shows a checkpoint, and who stands behind it: its statement, and COSIGNATURE statements, one for each neighborhood. Null where it is not whole here, or not any more. */
  proofOf({ text }: Checkpoint): Pick<StoredProof, 'checkpoint' | 'bundles'> | null {
    const checkpoint = this.#statements.get(text)
    if (!checkpoint) return null
    const bundles = this.#bundlesOf(checkpointSubject(text)).map(({ bundle }) => {
      return encodeEnvelope(bundleEnvelope(bundle.cid, bundle, bundle.cosignatures))
    })
    return { checkpoint, bundles }
  }

  #note(checkpoint: Checkpoint): void {
    const standing = this.#count.standing(checkpointSubject(checkpoint.text))
    if (standing?.carried && isNewer(checkpoint, this.#carried)) this.#carried = checkpoint
    if (standing?.reached && isNewer(checkpoint, this.#reached)) this.#reached = checkpoint
  }

  #bundlesOf(subject: Subject): Backed['bundles'] {
    return [...(this.#behind.get(nameOf(subject))?.values() ?? [])]
  }

  #merge(bundle: Bundle, committee: Committee): void {
    const name = nameOf(bundle)
    const byCommittee = this.#behind.get(name) ?? new Map()
    this.#behind.set(name, byCommittee)
    bound(this.#behind)
    const cid = toHex(bundle.cid)
    const known = byCommittee.get(cid)
    const whole = known ? mergeBundles(committee, known.bundle, bundle) : bundle
    byCommittee.set(cid, { bundle: whole, committee })
  }
}

/** Whether a checkpoint says more than another one. */
export function isNewer(one: Checkpoint, other: Checkpoint | null): boolean {
  if (!other || one.generation !== other.generation) return !other || one.generation > other.generation
  return one.size > other.size || (one.size === other.size && one.network > other.network)
}

function nameOf({ kind, content }: Subject): string {
  return `${kind}${toHex(content)}`
}

function bound(table: Map<string, unknown>): void {
  for (const oldest of table.keys()) {
    if (table.size <= LIMITS.logSubjectsMax) return
    table.delete(oldest)
  }
}

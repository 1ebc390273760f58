/**
 * Who stands behind what in one epoch: cosignatures of checkpoints and votes for new MasterNodes, merged by neighborhood and counted one by one.
 */

import type { Committee } from '../consensus/committee.ts'
import type { Checkpoint } from '../consensus/publiclog/checkpoint.ts'
import {
  type Bundle,
  bundleEnvelope,
  checkpointSubject,
  mergeBundles,
  type Subject,
  textOf,
} from '../consensus/publiclog/cosignature.ts'
import { NetworkCount, type NetworkNode, type Standing } from '../consensus/publiclog/network.ts'
import { RedrawCount } from '../consensus/publiclog/redraw-count.ts'
import { toHex } from '../core/bytes.ts'
import { encodeEnvelope } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'

/** A whole checkpoint and everything that is known to stand behind it. */
export interface Backed {
  readonly checkpoint: Checkpoint
  readonly bundles: readonly { readonly bundle: Bundle; readonly committee: Committee }[]
}

export class Standings {
  readonly epoch: number
  readonly #count: NetworkCount
  /** Votes for new MasterNodes. */
  readonly votes: RedrawCount
  readonly #behind = new Map<string, Map<string, { readonly bundle: Bundle; readonly committee: Committee }>>()
  readonly #checkpoints = new Map<string, Checkpoint>()
  #newest: Checkpoint | null = null
  #reached: Checkpoint | null = null

  constructor(epoch: number, nodes: readonly NetworkNode[]) {
    this.epoch = epoch
    this.#count = new NetworkCount(nodes)
    this.votes = new RedrawCount(nodes)
  }

  /** Weight of all nodes. */
  get total(): number {
    return this.#count.total
  }

  /** The whole checkpoint with most leaves, and of these the one that says most of them are final. */
  get newest(): Checkpoint | null {
    return this.#newest
  }

  /** The newest checkpoint that the network has cosigned. */
  get reached(): Checkpoint | null {
    return this.#reached
  }

  checkpoint(text: string): Checkpoint | null {
    return this.#checkpoints.get(text) ?? null
  }

  /** Takes a whole checkpoint whose checks have held. False where it is known. */
  addCheckpoint(checkpoint: Checkpoint): boolean {
    if (this.#checkpoints.has(checkpoint.text)) return false
    this.#checkpoints.set(checkpoint.text, checkpoint)
    bound(this.#checkpoints)
    this.#count.open(checkpointSubject(checkpoint.text))
    if (isNewer(checkpoint, this.#newest)) this.#newest = checkpoint
    return true
  }

  /** Whether a bundle holds a cosignature that is not counted here. */
  isNews(bundle: Bundle): boolean {
    const known = this.#behind.get(nameOf(bundle))?.get(toHex(bundle.cid))?.bundle.cosignatures ?? []
    return bundle.cosignatures.some(({ seat }) => !known.some((other) => other.seat === seat))
  }

  /** Takes a bundle whose checks have held, over a checkpoint that is whole here. Null where it is not. */
  addCosignatures(bundle: Bundle, committee: Committee): Standing | null {
    const standing = this.#count.add(bundle, committee)
    if (!standing) return null
    this.#merge(bundle, committee)
    const checkpoint = this.#checkpoints.get(textOf(bundle))
    if (checkpoint && standing.reached && isNewer(checkpoint, this.#reached)) this.#reached = checkpoint
    return standing
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

  standing(subject: Subject): Standing | null {
    return this.#count.standing(subject)
  }

  /** All that stands behind a checkpoint; null where it is not whole here. */
  backed(text: string): Backed | null {
    const checkpoint = this.#checkpoints.get(text)
    return checkpoint ? { checkpoint, bundles: this.#bundlesOf(checkpointSubject(text)) } : null
  }

  /** COSIGNATURE statements over a subject, one for each neighborhood. */
  statements(subject: Subject): Uint8Array[] {
    return this.#bundlesOf(subject).map(({ bundle }) => {
      return encodeEnvelope(bundleEnvelope(bundle.cid, bundle, bundle.cosignatures))
    })
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

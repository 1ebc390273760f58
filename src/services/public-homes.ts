/**
 * The homes of the net as the public log needs them: that in which it is seated, and the others, whose members witness it.
 *
 * The log is seated in the first home of the genesis. Its generations are those of that home's epochs, whichever home a node runs.
 */

import type { Committee } from '../consensus/committee.ts'
import type { Opening } from '../consensus/epoch/opening.ts'
import type { HomeChain } from '../consensus/publiclog/portable.ts'
import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import type { Conducted } from '../kernel/agreed.ts'
import type { Chains } from '../kernel/chains.ts'
import type { Context } from '../kernel/context.ts'
import type { KnownHomes } from '../kernel/homes.ts'

/** What is known of the homes that this node does not run. */
export interface OtherHomes {
  readonly homes: KnownHomes
  readonly chains: Chains
  /** Asks a home for hand-overs that seem to be missing here. */
  readonly ask: (nid: Uint8Array) => void
}

export class PublicHomes {
  /** 16-byte id of the home in which the log is seated. */
  readonly seat: Uint8Array
  /** Of this node's own. */
  readonly own: Uint8Array
  /** Of all homes, that of the log first. */
  readonly nids: readonly Uint8Array[]
  readonly #agreement: Conducted
  readonly #others: OtherHomes

  constructor({ genesis }: Pick<Context, 'genesis'>, agreement: Conducted, others: OtherHomes) {
    this.#agreement = agreement
    this.#others = others
    this.nids = genesis.homes.map(({ neighborhood }) => neighborhood)
    this.seat = this.nids[0] as Uint8Array
    this.own = genesis.neighborhood
  }

  /** Whether this node's own home is the one in which the log is seated: then its members vote on generations. */
  get isSeat(): boolean {
    return equal(this.seat, this.own)
  }

  /** How the public epoch under way began. */
  get opening(): Opening {
    return this.#newest(this.seat)
  }

  /** How the newest epochs known of all other homes than the log's began, in the order of the genesis. */
  get others(): Opening[] {
    return this.nids.slice(1).map((nid) => this.#newest(nid))
  }

  /** How a public epoch began; null where that is not on this disk. */
  openingOf(epoch: number): Opening | null {
    return this.#others.chains.opening(this.seat, epoch)
  }

  /** The committee of any home by its digest; null for one that is not known here. */
  committee(cid: Uint8Array): Committee | null {
    return this.#agreement.hood.book.find(cid) ?? this.#others.homes.committee(cid)
  }

  /** Somebody speaks for a committee that is not known here: hand-overs may be missing. */
  missing(): void {
    for (const nid of this.nids) if (!equal(nid, this.own)) this.#others.ask(nid)
  }

  /** What leads a stranger from the genesis to a public epoch, and to these of the other homes. Throws `broken-chain` where a hand-over is not on this disk. */
  chainsTo(epoch: number, others: readonly number[]): { readonly seat: Uint8Array[]; readonly others: HomeChain[] } {
    const { chains } = this.#others
    return {
      seat: chains.upTo(this.seat, epoch),
      others: this.nids.slice(1).map((nid, i) => ({ nid, handOvers: chains.upTo(nid, others[i] ?? 0) })),
    }
  }

  #newest(nid: Uint8Array): Opening {
    if (equal(nid, this.own)) return this.#agreement.hood.term.opening
    const opening = this.#others.homes.openings.find((each) => equal(each.nid, nid))
    if (!opening) throw new WebxError('wrong-home', 'the genesis names a home that is not known here')
    return opening
  }
}

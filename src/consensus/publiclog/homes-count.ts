/**
 * Who stands behind the checkpoints of one public epoch, home by home.
 *
 * The log is seated in the first home of the net: its MasterNodes are drawn there, and it alone decides on generations. A checkpoint is *carried* where a quorum of that home
 * has cosigned it in the log's epoch, and all that must never be contradicted rests on this alone: what is carried follows from one opening, so it is the same at every node, whatever else is known
 * there. It is *network-cosigned* where more than two thirds of the weight of all homes stand behind it besides. Of the other homes those seats count that the newest opening known here names, under
 * that epoch's committee, so a home that lags delays what readers call NETWORK, and neither blocks nor draws of MasterNodes.
 */

import { equal, toHex } from '../../core/bytes.ts'
import type { Committee } from '../committee.ts'
import type { Bundle, Subject } from './cosignature.ts'
import { NetworkCount, type NetworkNode, type Standing } from './network.ts'

/** One home of the net in one of its epochs. */
export interface LogHome {
  readonly committee: Committee
  /** Whose weight counts there. */
  readonly nodes: readonly NetworkNode[]
}

/** The homes of a net, as a public epoch counts them. */
export interface LogHomes {
  /** Where the log is seated, in the public epoch. */
  readonly seat: LogHome
  /** All others, each in the newest epoch that is known of it. */
  readonly others: readonly LogHome[]
}

/** What stands behind a subject. `weight`: of the whole network. */
export interface HomesStanding extends Standing {
  /** A quorum of the home in which the log is seated has cosigned. */
  readonly carried: boolean
  /** Carried, and more than two thirds of all weight. */
  readonly reached: boolean
}

export class HomesCount {
  readonly homes: LogHomes
  readonly #carrying: NetworkCount
  readonly #network: NetworkCount

  /** Throws `bad-argument` where a home has no nodes, or there are too many. */
  constructor(homes: LogHomes) {
    this.homes = homes
    this.#carrying = new NetworkCount(homes.seat.nodes)
    this.#network = new NetworkCount(networkOf(homes))
  }

  /** Weight of all nodes. */
  get total(): number {
    return this.#network.total
  }

  /** Whether cosignatures of this committee count: not those of an epoch that is over. */
  counts({ cid }: Pick<Committee, 'cid'>): boolean {
    return this.#isOfSeat(cid) || this.homes.others.some(({ committee }) => equal(committee.cid, cid))
  }

  /** Begins to count for a subject. */
  open(subject: Subject): void {
    this.#carrying.open(subject)
    this.#network.open(subject)
  }

  /** Counts a bundle whose signatures have held. Null where its subject is not open, or its committee does not count. */
  add(bundle: Bundle, committee: Committee): HomesStanding | null {
    if (!this.counts(committee)) return null
    if (this.#isOfSeat(committee.cid)) this.#carrying.add(bundle, committee)
    this.#network.add(bundle, committee)
    return this.standing(bundle)
  }

  /** Null where the subject is not open. */
  standing(subject: Subject): HomesStanding | null {
    const [carrying, network] = [this.#carrying.standing(subject), this.#network.standing(subject)]
    if (!carrying || !network) return null
    return { weight: network.weight, carried: carrying.reached, reached: carrying.reached && network.reached }
  }

  #isOfSeat(cid: Uint8Array): boolean {
    return equal(this.homes.seat.committee.cid, cid)
  }
}

/** Everybody in a net, each identity once: with the weight that it has in the first home that seats it. */
function networkOf({ seat, others }: LogHomes): NetworkNode[] {
  const nodes = new Map<string, NetworkNode>()
  for (const home of [seat, ...others])
    for (const node of home.nodes) if (!nodes.has(toHex(node.id))) nodes.set(toHex(node.id), node)
  return [...nodes.values()]
}

/**
 * Who sits in the 25 seats of a neighborhood, who waits as a spare, and why: the same answer on every member, and none that a node can choose for itself.
 *
 * Incumbents stay where they are. A hole is taken by the first spare by rank, a digest of the epoch's seed and the identity, so nobody else moves. New
 * names come slowly (a capture can be seen coming, and data are held by those who stay), never on probation, and never so many of one voucher tree or
 * organization that they could block the rest. How fast or busy a node is has no say here: votes do not follow what can be measured, for that can be faked.
 */

import { compare, concat, toHex } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'

/** One of those who belong to a neighborhood, as far as its place depends on it. */
export interface Seatable {
  /** 32-byte identity. */
  readonly id: Uint8Array
  /** 32-byte identity of its organization. */
  readonly organization: Uint8Array
  /** 32-byte identity of the member that answered for it; zeros for founders. */
  readonly voucher: Uint8Array
  /** Epoch in which it was admitted. */
  readonly since: number
}

/** What decides who sits where in the next epoch. */
export interface SeatingInput {
  readonly epoch: number
  /** 32-byte seed of that epoch. */
  readonly seed: Uint8Array
  /** Everyone who may be seated, in any order. */
  readonly roster: readonly Seatable[]
  /** Identity in each seat of the epoch that ends, by seat number; null for a vacant seat. Empty for a neighborhood that begins. */
  readonly incumbents: readonly (Uint8Array | null)[]
  /** The neighborhood is divided with that epoch, or begins with it: all seats are filled at once. */
  readonly isDivided?: boolean
}

/** What a net asks of those whom it seats. */
export interface SeatingRules {
  /** Seats of a neighborhood, where the last epoch had fewer. */
  readonly seats: number
  /** For so many epochs a newcomer is a spare. Founders are no newcomers. */
  readonly probationEpochs: number
  /** Seats of all that one founder answers for, directly or through others; null: as many as there are. */
  readonly perTreeMax: number | null
  /** Seats of one organization; null: as many as there are. */
  readonly perOrganizationMax: number | null
  /** Seats that get a new holder in one epoch; null: an eighth of them. A neighborhood that was split or founded fills all at once. */
  readonly replacedMax: number | null
  /** In every epoch whose number is a multiple of it all seats are filled anew by rank; null: never. */
  readonly reshuffleEpochs: number | null
  /** Members that either half has at least where a neighborhood is divided; null: its seats and a fifth more. */
  readonly halfMin?: number | null
  /** People of its kin come into a neighborhood with fewer members; null: an eighth less than it has seats. */
  readonly mergeBelow?: number | null
}

/** A net of one organization. */
export const BRANCH_NET: SeatingRules = {
  seats: 25,
  probationEpochs: 24,
  perTreeMax: 5,
  perOrganizationMax: null,
  replacedMax: null,
  reshuffleEpochs: null,
}
/** The net of nets: five seats of 25 are a fifth, below what could stop it. */
export const MASTER_NET: SeatingRules = { ...BRANCH_NET, perOrganizationMax: 5 }

/** Why somebody has the place that it has. */
export type SeatingReason =
  | 'incumbent'
  | 'first-by-rank'
  | 'probation'
  | 'tree-full'
  | 'organization-full'
  | 'enough-replaced'
  | 'no-hole'

/** What became of one of the roster. */
export interface Placed {
  readonly id: Uint8Array
  /** Number of its seat; null for a spare. */
  readonly seat: number | null
  readonly why: SeatingReason
  /** 32 bytes; the lowest comes first. */
  readonly rank: Uint8Array
  /** The founder at the root of its voucher tree, 32 bytes. */
  readonly tree: Uint8Array
}

const NOBODY = new Uint8Array(32)

/** Identity for each seat of the next epoch by seat number, null where a seat stays vacant. */
export function seatsOf(input: SeatingInput, rules: SeatingRules): (Uint8Array | null)[] {
  const seats = new Array<Uint8Array | null>(seatCount(input, rules)).fill(null)
  for (const { id, seat } of placesOf(input, rules)) if (seat !== null) seats[seat] = id
  return seats
}

/** The same, said for everyone on the roster and with reasons, in order of rank: so the spares stand in the order in which they are called. */
export function placesOf(input: SeatingInput, rules: SeatingRules): Placed[] {
  const { epoch, seed, roster } = input
  const anew = rules.reshuffleEpochs !== null && epoch % rules.reshuffleEpochs === 0
  const count = seatCount(input, rules)
  const trees = treesOf(roster)
  const ranked = roster
    .map((entry) => ({ entry, rank: rankOf(seed, entry.id), tree: trees.get(toHex(entry.id)) ?? entry.id }))
    .sort((a, b) => compare(a.rank, b.rank))
  const kept = anew ? new Map<string, number>() : seatsKept(input)
  const taken = new Set(kept.values())
  const holes = Array.from({ length: count }, (_, seat) => seat).filter((seat) => !taken.has(seat))
  const replacedMax = anew || input.isDivided ? count : (rules.replacedMax ?? replacedMaxOf(count))
  const [perTree, perOrganization] = [new Tally(rules.perTreeMax), new Tally(rules.perOrganizationMax)]
  for (const { entry, tree } of ranked) {
    if (!kept.has(toHex(entry.id))) continue
    perTree.add(tree)
    perOrganization.add(entry.organization)
  }
  let replaced = 0
  return ranked.map(({ entry, rank, tree }): Placed => {
    const { id, organization } = entry
    const placed = (seat: number | null, why: SeatingReason): Placed => ({ id, seat, why, rank, tree })
    const own = kept.get(toHex(id))
    if (own !== undefined) return placed(own, 'incumbent')
    if (isOnProbation(entry, epoch, rules)) return placed(null, 'probation')
    const hole = holes[replaced]
    if (hole === undefined) return placed(null, 'no-hole')
    if (perTree.isFull(tree)) return placed(null, 'tree-full')
    if (perOrganization.isFull(organization)) return placed(null, 'organization-full')
    if (replaced === replacedMax) return placed(null, 'enough-replaced')
    replaced++
    perTree.add(tree)
    perOrganization.add(organization)
    return placed(hole, 'first-by-rank')
  })
}

/** How many seats get a new holder in one epoch at most: an eighth of them. */
export function replacedMaxOf(seats: number): number {
  return Math.max(1, Math.floor(seats / 8))
}

/** Where somebody stands in the line for a seat; the seed is not known when identities are made. */
export function rankOf(seed: Uint8Array, id: Uint8Array): Uint8Array {
  return blake3Of('webx v1 rank', concat(seed, id))
}

/**
 * The root of each one's voucher tree, by identity in hexadecimal: who answered for it, who answered for that one, and so on to a founder, or to one who
 * has left and is remembered by name only.
 *
 * So that a tree does not fall apart into many when one in its middle leaves, an entry should name the root right away when it is admitted.
 */
export function treesOf(roster: readonly Pick<Seatable, 'id' | 'voucher'>[]): Map<string, Uint8Array> {
  const vouchers = new Map(roster.map(({ id, voucher }) => [toHex(id), voucher]))
  const climb = (id: Uint8Array): Uint8Array => {
    let root = id
    for (let steps = 0; steps <= vouchers.size; steps++) {
      const voucher = vouchers.get(toHex(root))
      if (voucher === undefined || compare(voucher, NOBODY) === 0) return root
      root = voucher
    }
    // Those who vouch for each other in a circle are one tree, without a founder.
    return NOBODY
  }
  return new Map(roster.map(({ id }) => [toHex(id), climb(id)]))
}

/**
 * The weight of each seat where organizations are capped: one whose seats weigh more than `organizationMax` together has just that, split over its seats in
 * the ratio of their own weights, what is left over to the lower seat numbers.
 *
 * @param seats by seat number; null for a vacant seat, whose weight is 0
 */
export function cappedWeights(
  seats: readonly ({ readonly organization: Uint8Array; readonly weight: number } | null)[],
  organizationMax: number,
): number[] {
  const totals = new Map<string, number>()
  for (const entry of seats) {
    if (entry) totals.set(toHex(entry.organization), (totals.get(toHex(entry.organization)) ?? 0) + entry.weight)
  }
  const left = new Map<string, number>()
  const shares = seats.map((entry) => {
    if (!entry) return 0
    const name = toHex(entry.organization)
    const total = totals.get(name) as number
    if (total <= organizationMax) return entry.weight
    const share = Math.floor((entry.weight * organizationMax) / total)
    left.set(name, (left.get(name) ?? organizationMax) - share)
    return share
  })
  return shares.map((share, seat) => {
    const entry = seats[seat]
    const rest = entry ? (left.get(toHex(entry.organization)) ?? 0) : 0
    if (!entry || rest === 0 || entry.weight === 0) return share
    left.set(toHex(entry.organization), rest - 1)
    return share + 1
  })
}

function isOnProbation({ voucher, since }: Seatable, epoch: number, { probationEpochs }: SeatingRules): boolean {
  return compare(voucher, NOBODY) !== 0 && since + probationEpochs > epoch
}

function seatCount({ incumbents }: SeatingInput, { seats }: SeatingRules): number {
  return Math.max(seats, incumbents.length)
}

/** Seat number by identity of those who keep theirs. */
function seatsKept({ roster, incumbents }: SeatingInput): Map<string, number> {
  const known = new Set(roster.map(({ id }) => toHex(id)))
  const kept = new Map<string, number>()
  for (const [seat, id] of incumbents.entries()) {
    if (id && known.has(toHex(id)) && !kept.has(toHex(id))) kept.set(toHex(id), seat)
  }
  return kept
}

/** How many of each, and whether there may be more. */
class Tally {
  readonly #max: number
  readonly #counts = new Map<string, number>()

  constructor(max: number | null) {
    this.#max = max ?? Number.POSITIVE_INFINITY
  }

  add(name: Uint8Array): void {
    this.#counts.set(toHex(name), (this.#counts.get(toHex(name)) ?? 0) + 1)
  }

  isFull(name: Uint8Array): boolean {
    return (this.#counts.get(toHex(name)) ?? 0) >= this.#max
  }
}

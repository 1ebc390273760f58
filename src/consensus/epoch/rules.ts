/**
 * What the hand-over of an epoch asks of those who know places, chance and money: consensus itself knows none of them.
 *
 * Pure and deterministic: all members compute the same.
 */

import type { VersionRange } from '../../core/versions.ts'

/** One of those who belong to a neighborhood, with or without a seat. */
export interface RosterEntry {
  /** 32-byte identity. */
  readonly id: Uint8Array
  /** Raw Ed25519 key that speaks for the identity. */
  readonly key: Uint8Array
  /** Raw Ed25519 key of its verifiable random function, fixed before any seed that it could be chosen for. */
  readonly vrfKey: Uint8Array
  /** 32-byte identity of the organization that it belongs to. */
  readonly organization: Uint8Array
  /** 32-byte identity of the founder at the root of the tree of those who answered for it; zeros for founders. */
  readonly voucher: Uint8Array
  /** Epoch in which it was admitted. */
  readonly since: number
  /** Bits of `CAPABILITY`. */
  readonly capabilities: number
  readonly weight: number
}

/** What a node can do for others, as bits. */
export const CAPABILITY = { broker: 1, masterNode: 2, operator: 4, relay: 8, natOpen: 16, natConsistent: 32 } as const

/** What decides who sits where in the next epoch. */
export interface SeatingInput {
  readonly epoch: number
  /** 32-byte seed of that epoch. */
  readonly seed: Uint8Array
  /** Everyone who may be seated: those who left, died or were convicted are gone from it. */
  readonly roster: readonly RosterEntry[]
  /** Identity in each seat of the epoch that ends, by seat number; null for a vacant seat. Empty for a neighborhood that begins. */
  readonly incumbents: readonly (Uint8Array | null)[]
  /** The neighborhood is divided with that epoch, or begins with it: all seats are filled at once. */
  readonly isDivided?: boolean
}

/** What decides who of its kin comes into a neighborhood that has become too small. */
export interface LendingInput extends Pick<SeatingInput, 'seed' | 'roster'> {
  /** People of the kin who may come, and are not on the roster. */
  readonly offered: readonly RosterEntry[]
}

/** One who has a seat in the next epoch and is ready for it. */
export interface ReadyCandidate {
  readonly versions: VersionRange
  readonly weight: number
}

/** Who gives places, chance and rewards their meaning. */
export interface EpochRules {
  /** Identity for each seat of the next epoch by seat number, null where a seat stays vacant. Keeps incumbents; fills holes with spares by rank; at most `replacedMax` replaced. */
  seat(input: SeatingInput): readonly (Uint8Array | null)[]
  /**
   * Identities of those who found a neighborhood of their own with the next epoch; null where all stay together. Left out: they always do.
   *
   * Asked anew when seats are planned anew. `ready`: who may be seated; those of the roster beside them did not get ready when they had a place.
   */
  divide?(input: SeatingInput & { readonly ready: readonly RosterEntry[] }): readonly Uint8Array[] | null
  /** Identities of those of its kin who come into the neighborhood with the next epoch, without a seat yet; null where it needs none. Left out: nobody ever comes. */
  lend?(input: LendingInput): readonly Uint8Array[] | null
  /** Wire version of the next epoch, not lower than `today`'s; null where there is none that enough of them speak: then nothing is handed over. */
  version(candidates: readonly ReadyCandidate[], today: number): number | null
}

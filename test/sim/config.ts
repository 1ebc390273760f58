/**
 * What one run is made of, drawn from its seed: every run leaves most faults out and lets the others rage, so that together they meet in all combinations
 * (swarm testing, Groce et al. 2012).
 */

import { Chance } from './chance.ts'
import type { Weather } from './network.ts'
import { SPARES } from './stage.ts'

/** Committees up to this one are small. */
const SMALL = 7

/** How a member lies: it says nothing; it is two nodes with one key; it follows a script of lies; it does as others do, but offers strangers where people of the kin may come, and takes what it is told. */
export type Treason = 'silent' | 'twin' | 'liar' | 'forger'

/** What is driven: the register lane alone, whole neighborhoods, one that has grown and is divided, or one whose sprout is too small and is joined by people of the stem. */
export type Lane = 'register' | 'hood' | 'divided' | 'joined'

export interface Config {
  readonly lane: Lane
  readonly n: number
  readonly seed: number
  readonly orders: number
  /** Owners rest for so long between their orders, at most: where epochs turn there is always something under way. */
  readonly restMs: number
  /** Faults end after so long. */
  readonly faultMs: number
  /** After that all must be final within so long. */
  readonly boundMs: number
  readonly weather: Weather
  /** By seat. */
  readonly traitors: ReadonlyMap<number, Treason>
  readonly partitions: number
  readonly splits: number
  readonly brokerRestarts: number
  readonly crashes: number
  readonly powerCuts: number
  readonly flips: number
  readonly fullDisks: number
  readonly slowDisks: boolean
  readonly skew: number
  readonly leaps: number
  readonly thief: boolean
  readonly vandal: boolean
  /** How often members wish for the end of their epoch. */
  readonly turns: number
  /** How often they do so when all faults have ended, each time with somebody who leaves, before they do it a last time. */
  readonly quietTurns: number
  /** How many members wish to leave, all at once: no more than there are spares, so that the liars among those who stay do not become too many. */
  readonly leaves: number
  /** First skip timer of the Simplex lane. */
  readonly skipMs: number
  /** Three people write one shared object. */
  readonly writers: boolean
}

const BOUND_MS = 60_000

/** Whole neighborhoods are driven by one seed of eight, or of sixteen where the committee is large; by all others the register lane alone. Of the small ones one in five is divided, and of these one in three is joined. */
export function laneOf(n: number, seed: number): Lane {
  if (n <= SMALL && seed % 40 === 12) return seed % 120 === 52 ? 'joined' : 'divided'
  return seed % (n <= SMALL ? 8 : 16) === 4 ? 'hood' : 'register'
}

/** Fewer where each costs more. */
function ordersOf(n: number, seed: number, chance: Chance): number {
  const most = n <= SMALL && laneOf(n, seed) === 'register' ? 64 : 48
  return Math.round(chance.between(0.35, 1) * most)
}

/** The configuration of a seed. */
export function configOf(n: number, seed: number): Config {
  const chance = new Chance(seed, n)
  const faultyMax = Math.floor((n - 1) / 3)
  const traitors = new Map<number, Treason>()
  if (chance.hits(0.65)) {
    const seats = Array.from({ length: n }, (_, seat) => seat)
    for (const seat of chance.sample(seats, 1 + chance.below(faultyMax))) {
      traitors.set(seat, chance.pick(['silent', 'twin', 'twin', 'liar', 'liar']))
    }
  }
  if (laneOf(n, seed) === 'joined' && chance.hits(0.7)) {
    traitors.clear()
    traitors.set(chance.below(n), 'forger')
  }
  const sometimes = (probability: number, max: number) => (chance.hits(probability) ? 1 + chance.below(max) : 0)
  const slowMs = chance.pick([10, 40, 150, 600])
  return {
    lane: laneOf(n, seed),
    n,
    seed,
    orders: ordersOf(n, seed, chance),
    restMs: laneOf(n, seed) === 'register' ? 250 : 2_000,
    faultMs: chance.between(4_000, 12_000),
    boundMs: BOUND_MS,
    weather: {
      loss: chance.hits(0.6) ? chance.between(0.01, 0.5) : 0,
      duplication: chance.hits(0.4) ? chance.between(0.01, 0.3) : 0,
      delayMs: [1, chance.hits(0.5) ? slowMs : 8],
      straggling: chance.hits(0.3) ? 0.05 : 0,
    },
    traitors,
    partitions: sometimes(0.4, 3),
    splits: sometimes(0.2, 2),
    brokerRestarts: sometimes(0.3, 3),
    crashes: sometimes(0.6, n <= SMALL ? 8 : 12),
    powerCuts: sometimes(0.15, 2),
    flips: traitors.size < faultyMax && chance.hits(0.3) ? 1 : 0,
    fullDisks: sometimes(0.15, 2),
    slowDisks: chance.hits(0.3),
    skew: chance.hits(0.5) ? 0.1 : 0,
    leaps: sometimes(0.3, 3),
    thief: chance.hits(0.6),
    vandal: chance.hits(0.5),
    turns: Math.max(sometimes(0.8, 3), laneOf(n, seed) === 'divided' || laneOf(n, seed) === 'joined' ? 1 : 0),
    quietTurns: laneOf(n, seed) === 'joined' ? 2 : 0,
    skipMs: chance.pick([60, 150, 400, 1_000]),
    leaves: sometimes(0.4, SPARES),
    // a third of the seeds of whole neighborhoods; not drawn, so that all others stay what they were
    writers: laneOf(n, seed) === 'hood' && seed % 24 === 20,
  }
}

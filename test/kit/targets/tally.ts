/** The tally on any target: arbitrary votes, removals and evictions against a model in Maps. */

import type { Build } from '../../../src/wasm/load.ts'
import { createTally, type Tally, type TallyOptions } from '../../../src/wasm/tally.ts'
import { Chance } from './chance.ts'
import type { Extent, Ledger } from './ledger.ts'

/** Asks one build everything about counting votes. */
export function tallyVectors(ledger: Ledger, build: Build, extent: Extent): void {
  for (let seed = 0; seed < (extent === 'all' ? 40 : 5); seed++) {
    const chance = new Chance(40 + seed)
    const members = chance.one([1, 4, 9, 25, 32])
    const weights = Array.from({ length: members }, (_, i) => chance.integer(i === 0 ? 1 : 0, chance.one([1, 9, 1e8])))
    const total = weights.reduce((sum, weight) => sum + weight)
    const quorum = Math.ceil((2 * total) / 3)
    const options = { weights, quorum, strong: chance.integer(quorum, total), capacity: chance.one([1, 2, 8, 64]) }
    const tally = createTally({ ...options, seed: chance.bytes(8), build })
    let model = new TallyModel(options)
    for (let call = 0; call < 60; call++) {
      if (call === 40) {
        // the next epoch: the same members in another order
        const committee = { ...options, weights: weights.toReversed() }
        tally.renew(committee)
        const { evictions } = model
        model = new TallyModel(committee)
        model.evictions = evictions
      }
      round(ledger, `tally ${seed}, call ${call}`, tally, model, chance)
    }
    ledger.answer(`tally ${seed}: evictions`, tally.evictions, model.evictions)
  }
}

function round(ledger: Ledger, name: string, tally: Tally, model: TallyModel, chance: Chance): void {
  const member = chance.integer(0, model.options.weights.length - 1)
  const votes = Array.from(
    { length: chance.integer(0, 40) },
    () => [chance.integer(0, 11), chance.integer(0, 3)] as const,
  )
  const entries = Uint8Array.from(votes.flatMap(([key, candidate]) => [...digest(key), ...digest(candidate)]))
  const expected = votes.flatMap(([key, candidate], i) =>
    model.add(member, key, candidate).map((kind) => `${i} ${kind}`),
  )
  const got = tally.addBatch(member, entries).map(({ index, kind }) => `${index} ${kind}`)
  ledger.answer(name, got.join(), expected.join())
  const [key, candidate] = [chance.integer(0, 11), chance.integer(0, 3)]
  const held = model.keys.get(key)
  const vote = held?.votes.get(candidate)
  ledger.answer(`${name}: mask`, tally.mask(digest(key), digest(candidate)), vote?.mask ?? 0)
  ledger.answer(`${name}: weight`, tally.weight(digest(key), digest(candidate)), vote?.weight ?? 0)
  ledger.answer(`${name}: voters`, tally.voters(digest(key)), held?.voters ?? 0)
  ledger.answer(`${name}: certified`, tally.certified(digest(key)), held?.certified ?? null)
  if (chance.integer(0, 5) === 0)
    ledger.answer(`${name}: removal`, tally.remove(digest(key)) === 1, model.keys.delete(key))
  ledger.answer(`${name}: size`, tally.size, model.keys.size)
}

interface Held {
  voters: number
  certified: boolean
  readonly votes: Map<number, { mask: number; weight: number }>
}

/** What a tally does, in Maps, with small numbers in place of digests; a Map's order is the order of last use. */
export class TallyModel {
  readonly keys = new Map<number, Held>()
  readonly options: TallyOptions & { capacity: number }
  evictions = 0

  constructor(options: TallyOptions & { capacity: number }) {
    this.options = options
  }

  /** The kinds of events that this vote brings about. */
  add(member: number, key: number, candidate: number): string[] {
    const { weights, quorum, strong, capacity } = this.options
    const held = this.keys.get(key) ?? { voters: 0, certified: false, votes: new Map() }
    if (!this.keys.has(key) && this.keys.size === capacity) {
      const idle = [...this.keys].find(([, other]) => !other.certified)
      if (idle === undefined) return ['FULL']
      this.keys.delete(idle[0])
      this.evictions++
    }
    this.keys.delete(key)
    this.keys.set(key, held)
    const bit = (1 << member) >>> 0
    const vote = held.votes.get(candidate) ?? { mask: 0, weight: 0 }
    if ((held.voters & bit) !== 0) return (vote.mask & bit) !== 0 ? [] : ['EQUIVOCATION']
    held.voters = (held.voters | bit) >>> 0
    held.votes.set(candidate, vote)
    const before = vote.weight
    vote.mask = (vote.mask | bit) >>> 0
    vote.weight += weights[member] as number
    const reached = (bound: number): boolean => before < bound && vote.weight >= bound
    held.certified ||= reached(quorum)
    return [...(reached(quorum) ? ['QUORUM'] : []), ...(reached(strong) ? ['STRONG'] : [])]
  }
}

/** A digest that differs from others in two bytes only, in places that depend on it. */
export function digest(number: number): Uint8Array {
  const bytes = new Uint8Array(32).fill(7)
  bytes[number % 32] = number
  bytes[(number * 5 + 3) % 32] = number >> 8
  return bytes
}

/** Bitmaps of the network's nodes on any target: unions, counts and weights against sets. */

import { createBitmaps } from '../../../src/wasm/bitmap.ts'
import type { Build } from '../../../src/wasm/load.ts'
import { Chance } from './chance.ts'
import type { Extent, Ledger } from './ledger.ts'

const NODES = [1, 7, 31, 32, 33, 127, 128, 129, 255, 1000, 4097, 65_535, 65_536]

/** Asks one build everything about bitmaps. */
export function bitmapVectors(ledger: Ledger, build: Build, extent: Extent): void {
  for (const nodes of extent === 'all' ? NODES : NODES.slice(0, 9)) {
    const chance = new Chance(70 + nodes)
    // sums beyond 2^32, which must be exact
    const weights = Uint32Array.from({ length: nodes }, () => 0xffffffff - chance.integer(0, 1000))
    const bitmaps = createBitmaps({ weights, build })
    for (const percent of [0, 3, 50, 100]) {
      const name = `${percent} % of ${nodes}`
      const [one, other] = [subset(chance, nodes, percent), subset(chance, nodes, percent >> 1)]
      const [both, more] = [toBitmap(one, bitmaps.bytes), toBitmap(other, bitmaps.bytes)]
      ledger.answer(`${name}: count`, bitmaps.count(both), one.size)
      ledger.answer(`${name}: weight`, bitmaps.weightOf(both), weigh(one, weights))
      const union = new Set([...one, ...other])
      bitmaps.orBitmap(both, more)
      ledger.bytes(`${name}: union`, both, toBitmap(union, bitmaps.bytes))
      ledger.answer(`${name}: weight of the union`, bitmaps.weightOf(both), weigh(union, weights))
    }
  }
}

/** About so many of the nodes. */
export function subset(chance: Chance, nodes: number, percent: number): Set<number> {
  return new Set(Array.from({ length: nodes }, (_, node) => node).filter(() => chance.integer(0, 99) < percent))
}

/** Bit i of byte j for node 8 j + i. */
export function toBitmap(nodes: ReadonlySet<number>, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (const node of nodes) bytes[node >> 3] = (bytes[node >> 3] as number) | (1 << (node & 7))
  return bytes
}

/** The sum of their weights. */
export function weigh(nodes: ReadonlySet<number>, weights: ArrayLike<number>): number {
  let sum = 0
  for (const node of nodes) sum += weights[node] as number
  return sum
}

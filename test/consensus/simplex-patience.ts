/**
 * How far the skip timers of members differ after a partition, and what that costs: Simplex lanes that are parted again and again for 15 s, then healed, with work all the time.
 *
 * `npm run sim -- --patience 300` prints what many seeds come to.
 */

import { committeeFor, SimplexNet, textsOf } from './simplex-net.ts'

const HEAL_MS = 15_000
const END_MS = 30_000
const TEXT_MS = 400
/** Blocks after the heal at which timers are compared. */
export const LOOKS = [0, 4, 8, 16] as const

/** What one seed came to. */
export interface Patience {
  /** Longest skip timer over the shortest, so many final blocks after the heal; null where there were not so many. */
  readonly spread: readonly (number | null)[]
  /** Slots skipped for each final block in the first 16 after the heal. */
  readonly skipped: number
  /** Final blocks from the heal to the end. */
  readonly blocks: number
  /** From the heal until every member had executed a block made after it, in ms. */
  readonly healedMs: number
  /** From the order to its execution at a member, for what was ordered after the heal: the mean, in ms. */
  readonly finalMs: number
}

/** Runs a seed. Throws where the oracles of the net complain. */
export function patienceOf(seed: number): Patience {
  const seats = seed % 12 === 0 ? 25 : ([4, 7, 10][seed % 3] as number)
  const delayMs = [
    [1, 20],
    [5, 60],
    [40, 160],
  ][Math.floor(seed / 3) % 3] as [number, number]
  const loss = [0, 0.02, 0.1][Math.floor(seed / 9) % 3] as number
  const net = new SimplexNet({ committee: committeeFor(seats), seed, delayMs, loss })
  partAgainAndAgain(net)
  for (let atMs = 0, i = 0; atMs < END_MS - 1_000; atMs += TEXT_MS, i++) {
    net.at(atMs, () => net.submit(`text ${i}`))
  }
  net.runUntil(HEAL_MS)
  const healedAt = net.peers.reduce((slot, { lane }) => Math.max(slot, lane.lastFinal.slot ?? -1), -1)
  const spread: (number | null)[] = LOOKS.map(() => null)
  const after = new Set<number>()
  const tookMs: number[] = []
  let healedMs = END_MS - HEAL_MS
  let read = 0
  for (let atMs = HEAL_MS; atMs < END_MS; atMs += 25) {
    net.runUntil(atMs)
    for (; read < net.effects.length; read++) {
      const { effect, atMs: finalAtMs } = net.effects[read] as (typeof net.effects)[number]
      if (effect.kind !== 'final' || effect.block.slot <= healedAt) continue
      after.add(effect.block.slot)
      const orderedMs = textsOf(effect.block).map((text) => TEXT_MS * Number(text.slice('text '.length)))
      tookMs.push(...orderedMs.filter((ms) => ms >= HEAL_MS).map((ms) => finalAtMs - ms))
    }
    for (const [i, blocks] of LOOKS.entries()) if (after.size >= blocks) spread[i] ??= spreadOf(net)
    if (healedMs === END_MS - HEAL_MS && net.peers.every(({ lane }) => (lane.lastFinal.slot ?? -1) > healedAt))
      healedMs = atMs - HEAL_MS
  }
  const [complaint] = net.complaints()
  if (complaint) throw new Error(`seed ${seed}: ${complaint}`)
  const counted = [...after].sort((one, other) => one - other).slice(0, 16)
  const skipped = ((counted.at(-1) ?? healedAt) - healedAt - counted.length) / Math.max(1, counted.length)
  return {
    spread,
    skipped,
    blocks: after.size,
    healedMs,
    finalMs: tookMs.reduce((sum, ms) => sum + ms, 0) / Math.max(1, tookMs.length),
  }
}

function spreadOf({ peers }: SimplexNet): number {
  const timers = peers.map(({ lane }) => lane.sizes.skipMs)
  return Math.max(...timers) / Math.min(...timers)
}

/** Cuts the net in two every few seconds, elsewhere each time, and leaves it whole for a while now and then: one side may hold a quorum, and whoever is on the other has to wait. */
function partAgainAndAgain(net: SimplexNet): void {
  let sides: number[] | null = null
  net.reaches = (from, to) => sides === null || sides[from] === sides[to]
  const again = () => {
    const share = [0.1, 0.3, 0.5][Math.floor(3 * net.random())] as number
    sides = sides !== null && net.random() < 0.4 ? null : net.peers.map(() => (net.random() < share ? 1 : 0))
    if (net.nowMs < HEAL_MS - 500) net.at(Math.min(HEAL_MS, net.nowMs + 500 + 4_500 * net.random()), again)
    else sides = null
  }
  net.at(1_000, again)
}

/** What many seeds came to, in lines for people. */
export function patienceReport(results: readonly Patience[]): string {
  const line = (name: string, values: readonly number[], digits = 1) => {
    const sorted = [...values].sort((one, other) => one - other)
    const at = (share: number) =>
      (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(digits)
    const mean = sorted.reduce((sum, value) => sum + value, 0) / Math.max(1, sorted.length)
    return `${name}: mean ${mean.toFixed(digits)}, half ${at(0.5)}, nine of ten ${at(0.9)}, 99 of 100 ${at(0.99)}, most ${at(1)}`
  }
  return [
    `${results.length} seeds`,
    ...LOOKS.map((blocks, i) =>
      line(
        `timers, longest over shortest, ${blocks} blocks after the heal`,
        results.flatMap(({ spread }) => spread[i] ?? []),
      ),
    ),
    line(
      'slots skipped for each of the first 16 blocks after the heal',
      results.map(({ skipped }) => skipped),
      2,
    ),
    line(
      'from an order to its execution, mean of a seed, ms',
      results.map(({ finalMs }) => finalMs),
      0,
    ),
    line(
      'blocks from the heal to the end',
      results.map(({ blocks }) => blocks),
      0,
    ),
    line(
      'from the heal until all have executed a new block, ms',
      results.map(({ healedMs }) => healedMs),
      0,
    ),
  ].join('\n')
}

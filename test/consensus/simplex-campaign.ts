/**
 * Campaigns over Simplex lanes: everything that a network, a disk and a third of the members can do, judged by the oracles of `simplex-net.ts`.
 */

import type { Committee } from '../../src/consensus/committee.ts'
import { lie } from './simplex-liar.ts'
import type { Mutant } from './simplex-mutants.ts'
import { mutantOf } from './simplex-mutants.ts'
import { committeeFor, type NetOptions, SimplexNet } from './simplex-net.ts'

const TEXTS = 20

export interface Campaign {
  readonly seats: number
  readonly seed: number
  /** How many of the seats lie by a script, or are played by two lanes. */
  readonly liars?: number
  readonly twins?: number
  readonly crashes?: number
  /** The network is never cut in two. */
  readonly isWhole?: boolean
  readonly untilMs?: number
  readonly changes?: Partial<NetOptions>
}

/** Runs one, heals the network and lets it come to rest; answers what is wrong, in words. */
export function complaintsOf(campaign: Campaign): string[] {
  const net = runCampaign(campaign)
  const wanting = net.honest.filter(({ rules }) => rules.executed.filter((text) => /^text/.test(text)).length !== TEXTS)
  return [...net.complaints(), ...wanting.map(({ seat }) => `seat ${seat} has not executed everything`)]
}

export function runCampaign(campaign: Campaign): SimplexNet {
  const { seats, seed, liars = 0, twins = 0, crashes = 0, isWhole = false, untilMs = 60_000, changes = {} } = campaign
  const committee: Committee = committeeFor(seats)
  const chosen = Array.from({ length: Math.max(liars, twins) }, (_, i) => (seed + i) % seats)
  const net = new SimplexNet({
    committee,
    seed,
    delayMs: [1, 60],
    loss: 0.15,
    duplication: 0.1,
    timing: { skipMs: [50, 150, 400][seed % 3] as number, skipMsMin: 30, standstillMs: 500 },
    twins: twins > 0 ? chosen : [],
    ...changes,
  })
  if (liars > 0) lie(net, chosen, 4_000)
  for (let i = 0; i < TEXTS; i++) net.at(75 * i, () => net.submit(`text ${i}`))
  if (!isWhole) partition(net, twins > 0)
  for (let i = 0; i < crashes; i++) net.at(100 + 3_500 * net.random(), () => cutPower(net))
  net.at(4_500, () => {
    for (const peer of net.honest) {
      peer.fails = false
      net.restart(peer)
    }
    for (let i = 0; i < TEXTS; i++) net.submit(`text ${i}`)
  })
  net.runUntil(untilMs)
  return net
}

/** What is unsafe in a few kinds of campaigns with timers so short that votes of all kinds cross; whether anything gets done is not asked. */
export function unsafeIn(seed: number, changes: Partial<NetOptions>): string[] {
  const plans = [
    { liars: 1, isWhole: true },
    { liars: 1, crashes: 12 },
    { twins: 1, crashes: 12 },
  ]
  const timing = { skipMs: 80, skipMsMin: 30, skipMsMax: 400, standstillMs: 500 }
  const plan = plans[seed % plans.length]
  return runCampaign({ seats: 4, seed, ...plan, untilMs: 10_000, changes: { timing, ...changes } }).complaints()
}

/** The first seed at which the oracles notice a mutant; null where none of so many does. */
export async function caughtAt(mutant: Mutant, seedsMax: number): Promise<number | null> {
  const create = await mutantOf(mutant)
  for (let seed = 1; seed <= seedsMax; seed++) if (unsafeIn(seed, { create }).length > 0) return seed
  return null
}

/** Cuts the net in two, elsewhere four times a second; twins hear a part each. */
function partition(net: SimplexNet, hasTwins: boolean): void {
  const seats = net.committee.seats.length
  const side = new Map<number, number>()
  net.reaches = (from, to) => {
    const [one, other] = [side.get(from), side.get(to)]
    return one === undefined || other === undefined || one === other
  }
  for (let atMs = 0; atMs < 4_000; atMs += 250) {
    net.at(atMs, () => {
      side.clear()
      for (const { number, seat } of net.peers) {
        if (hasTwins && net.liars.has(seat)) side.set(number, number >= seats ? 1 : 0)
        else if (net.random() < 0.6) side.set(number, net.random() < 0.5 ? 0 : 1)
      }
    })
  }
  net.at(4_000, () => side.clear())
}

function cutPower(net: SimplexNet): void {
  const { honest } = net
  const peer = honest[Math.floor(net.random() * honest.length)]
  if (!peer) return
  peer.fails = true
  net.at(net.nowMs + 50 + 400 * net.random(), () => net.restart(peer))
}

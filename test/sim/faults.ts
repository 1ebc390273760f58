/** What goes wrong in a run, and when; and how it ends: after `faultMs` everything that can be mended is, and stays so. */

import type { Chance } from './chance.ts'
import type { Config } from './config.ts'
import type { Network } from './network.ts'
import type { SimNode } from './node.ts'
import type { Timeline } from './timeline.ts'

export interface Ground {
  readonly config: Config
  readonly timeline: Timeline
  readonly chance: Chance
  readonly network: Network
  readonly nodes: readonly SimNode[]
}

/** Lays all faults of a configuration on the timeline. */
export function scheduleFaults(ground: Ground): void {
  const { config, timeline, chance, network, nodes } = ground
  const sometime = (count: number, run: () => void) => {
    for (let i = 0; i < count; i++) timeline.at(chance.between(100, config.faultMs - 200), run)
  }
  sometime(config.crashes, () => crash(ground, chance.pick(nodes)))
  sometime(config.powerCuts, () => {
    for (const node of nodes) crash(ground, node)
  })
  sometime(config.partitions, () => part(ground, false))
  sometime(config.splits, () => part(ground, true))
  sometime(config.brokerRestarts, () => network.restartBroker(chance.between(50, 1_500)))
  sometime(config.flips, () => chance.pick(nodes.filter(({ honest }) => honest)).disk.flip(chance))
  sometime(config.fullDisks, () => fill(ground, chance.pick(nodes)))
  sometime(config.leaps, () => chance.pick(nodes).leap(chance.between(100, 8_000)))
  if (config.lane !== 'register') {
    sometime(config.turns, () => {
      for (const node of nodes) node.wish({ kind: 'turn' })
    })
    sometime(1, () => {
      const seated = nodes.filter(({ honest, seat }) => honest && seat < config.n)
      for (const node of chance.sample(seated, config.leaves)) node.wish({ kind: 'leave' })
    })
    for (const [of, treason] of config.traitors) {
      if (treason === 'silent') sometime(1, () => suspect(ground, of))
    }
  }
  timeline.at(config.faultMs, () => {
    network.calm()
    for (const node of nodes) {
      node.disk.full = false
      node.syncMs = [1, 6]
      node.start()
    }
  })
}

function crash({ timeline, chance }: Ground, node: SimNode): void {
  if (!node.up) return
  node.crash()
  timeline.after(chance.between(10, 2_500), () => node.start())
}

/** Nobody hears of a member: the others say so. */
function suspect({ nodes }: Ground, of: number): void {
  for (const node of nodes) node.wish({ kind: 'suspect', of })
}

/** Two sides, for a time. */
function part({ timeline, chance, network }: Ground, holds: boolean): void {
  const share = chance.between(0.2, 0.8)
  network.part(
    Array.from({ length: network.size }, () => (chance.hits(share) ? 1 : 0)),
    holds,
  )
  timeline.after(chance.between(300, 4_000), () => network.rejoin())
}

/** No room for a while: the node dies of it, and comes back when there is room again. */
function fill({ timeline, chance }: Ground, node: SimNode): void {
  node.disk.full = true
  timeline.after(chance.between(200, 2_000), () => {
    node.disk.full = false
    node.start()
  })
}

/**
 * The swarm at its size: 10,000 nodes, 20,000 pairs of one who goes and one who comes; and messages in 1,000 neighborhoods of bad weather. It prints what it measures.
 */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { type Member, neighborhoodId, Placement } from '../../src/swarm/placement.ts'
import { BRANCH_NET, type Seatable, seatsOf } from '../../src/swarm/seating.ts'
import { dice, idOf, memberOf } from './nodes.ts'
import { reachAll } from './spread.ts'

/** What a scheme did in a campaign. */
interface Measure {
  readonly movedPerPair: number
  readonly smallest: number
  readonly largest: number
}

const PAIRS = 20_000
const NOBODY = new Uint8Array(32)

/** Comings and goings in pairs; `after` looks at the sizes. */
function campaign(
  nodes: number,
  pairs: number,
  scheme: (members: readonly Member[]) => {
    leave(member: Member): number
    join(member: Member): number
    sizes(): number[]
  },
): Measure {
  const roll = dice(nodes)
  const members = Array.from({ length: nodes }, (_, i) => memberOf(i))
  const net = scheme(members)
  let [moved, smallest, largest] = [0, Number.POSITIVE_INFINITY, 0]
  for (let pair = 0; pair < pairs; pair++) {
    const index = roll(nodes)
    moved += net.leave(members[index] as Member)
    const newcomer = memberOf(`late ${pair}`)
    moved += net.join(newcomer)
    members[index] = newcomer
    if (pair % 20 !== 0) continue
    for (const size of net.sizes()) {
      smallest = Math.min(smallest, size)
      largest = Math.max(largest, size)
    }
  }
  return { movedPerPair: moved / pairs, smallest, largest }
}

function movable(members: readonly Member[]) {
  const tree = Placement.of(members)
  const moved = (changes: ReturnType<Placement['join']>) => changes.reduce((sum, change) => sum + change.moved, 0)
  return {
    leave: ({ id }: Member) => moved(tree.leave(id)),
    join: (member: Member) => moved(tree.join(member)),
    sizes: () => tree.leaves.map((leaf) => leaf.members.length),
  }
}

/** The tree with borders at the bits: split where both halves have 30, merged where one has fewer than 22. */
function fixed(members: readonly Member[]) {
  const leaves = new Map<string, Set<Member>>([['', new Set()]])
  const bitsOf = new Map<Member, string>()
  const bits = (member: Member): string => {
    const known =
      bitsOf.get(member) ??
      [...member.position.subarray(0, 4)].map((byte) => byte.toString(2).padStart(8, '0')).join('')
    bitsOf.set(member, known)
    return known
  }
  const leafOf = (member: Member): string => {
    for (let length = 0; ; length++) if (leaves.has(bits(member).slice(0, length))) return bits(member).slice(0, length)
  }
  const settle = (prefix: string): number => {
    const leaf = leaves.get(prefix) as Set<Member>
    const [low, high] = ['0', '1'].map((bit) => [...leaf].filter((member) => bits(member)[prefix.length] === bit)) as [
      Member[],
      Member[],
    ]
    if (Math.min(low.length, high.length) >= 30) {
      leaves.delete(prefix)
      leaves.set(`${prefix}0`, new Set(low)).set(`${prefix}1`, new Set(high))
      return Math.min(low.length, high.length) + settle(`${prefix}0`) + settle(`${prefix}1`)
    }
    const parent = prefix.slice(0, -1)
    const sibling = leaves.get(`${parent}${prefix.endsWith('0') ? '1' : '0'}`)
    if (leaf.size >= 22 || prefix === '' || sibling === undefined) return 0
    leaves.delete(`${parent}0`)
    leaves.delete(`${parent}1`)
    leaves.set(parent, new Set([...leaf, ...sibling]))
    return Math.min(leaf.size, sibling.size)
  }
  for (const member of members) leaves.get('')?.add(member)
  settle('')
  const change = (member: Member, how: 'add' | 'delete'): number => {
    const prefix = leafOf(member)
    leaves.get(prefix)?.[how](member)
    return settle(prefix)
  }
  return {
    leave: (member: Member) => change(member, 'delete'),
    join: (member: Member) => change(member, 'add'),
    sizes: () => [...leaves.values()].map((leaf) => leaf.size),
  }
}

const swarm = suite('swarm at its size')

swarm('a tree of 10,000 nodes in less than a second', () => {
  const members = Array.from({ length: 10_000 }, (_, i) => memberOf(i))
  const started = performance.now()
  Placement.of(members)
  const tookMs = performance.now() - started
  print(`tree of 10,000 nodes: ${tookMs.toFixed(0)} ms`)
  assert.ok(tookMs < 1_000)
})

swarm('20,000 pairs of one who goes and one who comes, at four sizes of the net', () => {
  for (const nodes of [10_000, 7_500, 5_000, 1_000]) {
    const ours = campaign(nodes, PAIRS, movable)
    print(`${nodes} nodes: ${told(ours)}`)
    assert.ok(ours.movedPerPair <= 0.05)
    assert.ok(ours.smallest >= 25 && ours.largest <= 67)
  }
})

swarm('what borders at the bits would cost', () => {
  for (const nodes of [10_000, 7_500]) {
    const bits = campaign(nodes, PAIRS, fixed)
    print(`${nodes} nodes: ${told(bits)}`)
    assert.ok(bits.smallest < 25 && bits.largest > 67)
  }
})

swarm('10,000 nodes over 100 epochs: the seats of every neighborhood are filled', () => {
  const roll = dice(8)
  const members = Array.from({ length: 10_000 }, (_, i) => memberOf(i))
  const tree = Placement.of(members)
  const rules = { ...BRANCH_NET, probationEpochs: 0 }
  let seated = new Map<string, (Uint8Array | null)[]>()
  let [seatEpochs, vacant, emptiest] = [0, 0, 25]
  for (let epoch = 0; epoch <= 100; epoch++) {
    for (let pair = 0; pair < 100 && epoch < 100; pair++) {
      const index = roll(members.length)
      tree.leave((members[index] as Member).id)
      members[index] = memberOf(`late ${epoch} ${pair}`)
      tree.join(members[index] as Member)
    }
    const next = new Map<string, (Uint8Array | null)[]>()
    for (const leaf of tree.leaves) {
      const name = toHex(neighborhoodId(NOBODY, leaf.prefix))
      const roster = leaf.members.map(({ id }): Seatable => ({ id, organization: NOBODY, voucher: NOBODY, since: 0 }))
      const incumbents = seated.get(name) ?? new Array<null>(25).fill(null)
      const left = incumbents.filter((id) => id !== null && roster.some((entry) => equal(entry.id, id))).length
      // Founded, or cut in two: then all places are filled at once.
      const terms = left < 17 ? { ...rules, replacedMax: 25 } : rules
      const seats = seatsOf({ epoch, seed: idOf(`seed ${epoch}`), roster, incumbents }, terms)
      const filled = seats.filter((id) => id !== null).length
      next.set(name, seats)
      seatEpochs += 25
      vacant += 25 - filled
      emptiest = Math.min(emptiest, filled)
    }
    seated = next
  }
  print(`seats vacant for an epoch: ${vacant} of ${seatEpochs}; the emptiest neighborhood had ${emptiest}`)
  assert.ok(emptiest >= 22 && vacant / seatEpochs < 0.0005)
  for (const seats of seated.values()) assert.is(seats.filter((id) => id !== null).length, 25)
})

swarm('reach: the table of dead seats and lost messages', () => {
  for (const [dead, loss] of [
    [0, 0],
    [4, 0],
    [8, 0],
    [4, 0.1],
    [4, 0.2],
    [8, 0.1],
  ] as const) {
    const rumor = reachAll({ dead, loss, reconcileMs: 0 }, 1_000)
    const both = reachAll({ dead, loss, reconcileMs: 30_000 }, 1_000)
    print(
      `${dead} dead, ${100 * loss} % lost: the rumor reaches all in ${(100 * rumor.all).toFixed(1)} % (mean ${(100 * rumor.mean).toFixed(2)} %, ` +
        `${rumor.messagesMax} messages at most), with reconciling in ${(100 * both.all).toFixed(1)} %`,
    )
    if (dead <= 4 && loss <= 0.1) assert.ok(both.all >= 0.995)
  }
})

function told({ movedPerPair, smallest, largest }: Measure): string {
  return `${movedPerPair.toFixed(4)} moved, ${smallest} to ${largest} members`
}

function print(line: string): void {
  process.stdout.write(`  ${line}\n`)
}

swarm.run()

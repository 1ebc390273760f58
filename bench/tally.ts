/**
 * Votes counted a second: 25 members vote on the same 64 keys for the same candidates, each in an order of his own; then the keys are forgotten and the
 * next 64 come.
 *
 * The rivals are the best plain JavaScript that we could write (`tally-rivals.ts`): the same bounds, weights, events and equivocation.
 */

import '../src/drivers/wasm-files.ts'
import { createBitmaps } from '../src/wasm/bitmap.ts'
import { blake3 } from '../src/wasm/hash.ts'
import { createTally } from '../src/wasm/tally.ts'
import { uniform } from '../test/kit/vectors.ts'
import { type Contender, race } from './kit/measure.ts'
import { builtIn } from './kit/peers.ts'
import { OURS, type Report, type Row, reportOf, rowOf } from './kit/report.ts'
import type { BenchOptions } from './run.ts'
import { createArrayCounter, createMapCounter, type VoteCounter } from './tally-rivals.ts'

const MEMBERS = 25
const BATCH = 64
const GROUPS = 8
const ENTRY_BYTES = 64
/** Nodes of a network, for the bitmaps. */
const NODES = 4_096
const OPTIONS = { weights: Array.from({ length: MEMBERS }, () => 1), quorum: 17, strong: 21, capacity: 4_096 }

/** What is voted on in one run: the keys, and by member the entries (key ‖ candidate). */
interface Group {
  readonly keys: Uint8Array
  readonly entries: readonly Uint8Array[]
}

/** Measures. */
export async function run({ quick }: BenchOptions): Promise<Report> {
  const groups = Array.from({ length: GROUPS }, (_, i) => groupOf(i))
  const counters: [string, () => VoteCounter][] = [
    [OURS, () => createTally(OPTIONS)],
    [builtIn('JavaScript Map'), () => createMapCounter(OPTIONS)],
    [builtIn('JavaScript typed arrays'), () => createArrayCounter(OPTIONS)],
  ]
  const rates = await race(
    counters.map(([name, create]) => contender(name, create, groups)),
    { quick },
  )
  const row = rowOf('votes of 25 members', 'ops/s', rates, MEMBERS * BATCH, {
    note: `${BATCH} votes a batch, keys forgotten after the last one; an operation is a vote`,
  })
  return reportOf('tally', [row, ...(await bitmaps(quick))], {})
}

/** Bitmaps of a whole network: one joined to another, and the weight of one in which two thirds of the nodes are. */
async function bitmaps(quick: boolean): Promise<Row[]> {
  const random = uniform(NODES)
  const weights = Uint32Array.from({ length: NODES }, () => random() * 2 ** 32)
  const kernel = createBitmaps({ weights })
  const [one, other] = [1 / 2, 2 / 3].map((share) => {
    const bitmap = new Uint8Array(NODES / 8)
    for (let node = 0; node < NODES; node++) if (random() < share) bitmap[node >> 3]! |= 1 << (node & 7)
    return bitmap
  }) as [Uint8Array, Uint8Array]
  const joining = (name: string, join: (into: Uint8Array, more: Uint8Array) => void): Contender => {
    const into = one.slice()
    return { name, run: () => join(into, other), answer: () => [join(into, other), Buffer.from(into).toString('hex')] }
  }
  const weighing = (name: string, weigh: (bitmap: Uint8Array) => number): Contender => {
    return { name, run: () => weigh(other), answer: () => weigh(other) }
  }
  const plain = builtIn('JavaScript typed arrays')
  const joined = await race([joining(OURS, kernel.orBitmap), joining(plain, joinWords)], { quick })
  const weighed = await race(
    [
      weighing(OURS, kernel.weightOf),
      weighing(`${plain}, bit by bit`, (bitmap) => weighBits(bitmap, weights)),
      weighing(`${plain}, node by node`, (bitmap) => weighNodes(bitmap, weights)),
    ],
    { quick },
  )
  return [
    rowOf(`join bitmaps of ${NODES} nodes`, 'ops/s', joined, 1),
    rowOf(`weigh ${NODES} nodes`, 'ops/s', weighed, 1),
  ]
}

function joinWords(into: Uint8Array, more: Uint8Array): void {
  const a = new Uint32Array(into.buffer, into.byteOffset, into.length >> 2)
  const b = new Uint32Array(more.buffer, more.byteOffset, more.length >> 2)
  for (let i = 0; i < a.length; i++) a[i]! |= b[i]!
}

/** Only the bits that are set, one after the other. */
function weighBits(bitmap: Uint8Array, weights: Uint32Array): number {
  const words = new Uint32Array(bitmap.buffer, bitmap.byteOffset, bitmap.length >> 2)
  let sum = 0
  for (let i = 0; i < words.length; i++) {
    for (let word = words[i]! | 0; word !== 0; word &= word - 1) sum += weights[32 * i + 31 - Math.clz32(word & -word)]!
  }
  return sum
}

/** Every node, without a branch. */
function weighNodes(bitmap: Uint8Array, weights: Uint32Array): number {
  let sum = 0
  for (let node = 0; node < weights.length; node++) sum += weights[node]! * ((bitmap[node >> 3]! >> (node & 7)) & 1)
  return sum
}

function contender(name: string, create: () => VoteCounter, groups: readonly Group[]): Contender {
  const counter = create()
  const events = new Uint32Array(4 * BATCH)
  let turn = 0
  return {
    name,
    run() {
      turn = turn === GROUPS - 1 ? 0 : turn + 1
      return round(counter, groups[turn]!, events)
    },
    answer: () => told(create(), groups[0]!, groups[1]!, events),
  }
}

/** All members vote on all keys of a group, which are forgotten then. Answers how many events there were. */
function round(counter: VoteCounter, { keys, entries }: Group, events: Uint32Array): number {
  let count = 0
  for (let member = 0; member < MEMBERS; member++) count += counter.addBatchInto(events, member, entries[member]!)
  counter.remove(keys)
  return count
}

/** Every event of a round with one double vote in it, and the masks at its end. */
function told(counter: VoteCounter, one: Group, other: Group, events: Uint32Array): string {
  const lines: string[] = []
  const add = (member: number, entries: Uint8Array): void => {
    const count = counter.addBatchInto(events, member, entries)
    lines.push(`${member}: ${[...events.subarray(0, 2 * count)].join()}`)
  }
  for (let member = 0; member < MEMBERS; member++) add(member, one.entries[member]!)
  const double = new Uint8Array(ENTRY_BYTES)
  double.set(one.entries[0]!.subarray(0, 32))
  double.set(other.entries[0]!.subarray(32, 64), 32)
  add(3, double)
  const key = double.subarray(0, 32)
  lines.push(String(counter.mask(key, one.entries[0]!.subarray(32, 64))))
  lines.push(String(counter.remove(key)), String(counter.remove(key)))
  return lines.join('\n')
}

function groupOf(number: number): Group {
  const random = uniform(number)
  const votes = Array.from({ length: BATCH }, (_, i) => {
    const vote = new Uint8Array(ENTRY_BYTES)
    vote.set(blake3(Uint8Array.of(1, number, i)))
    vote.set(blake3(Uint8Array.of(2, number, i)), 32)
    return vote
  })
  const entries = Array.from({ length: MEMBERS }, () => {
    const order = votes.map((vote) => ({ vote, place: random() })).sort((a, b) => a.place - b.place)
    return new Uint8Array(Buffer.concat(order.map(({ vote }) => vote)))
  })
  return { keys: new Uint8Array(Buffer.concat(votes.map((vote) => vote.subarray(0, 32)))), entries }
}

/**
 * Counts some millions of votes and nothing else, for a process that is watched for garbage: `node --expose-gc --trace-gc tally-votes.ts WAY`.
 *
 * WAY is `into`, which promises to make none, or `list`, which makes an object for every event: the proof that garbage would be seen.
 * Prints `begin` when all is warm and `end` when the votes are counted.
 */

import { createTally } from '../../src/wasm/tally.ts'
import './wasm.ts'

const MEMBERS = 25
const ENTRIES = 256
const ROUNDS = 400
const WARM_UP_ROUNDS = 100

const [, , way = 'into'] = process.argv
const weights = Array.from({ length: MEMBERS }, () => 1)
const tally = createTally({ weights, quorum: 17, strong: 21, capacity: 1024 })
const batch = Uint8Array.from({ length: 64 * ENTRIES }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 21)
const second = batch.slice()
for (let entry = 0; entry < ENTRIES; entry++) second[64 * entry + 32] = (second[64 * entry + 32] as number) ^ 1
const keys = Array.from({ length: ENTRIES }, (_, i) => batch.slice(64 * i, 64 * i + 32))
const events = new Uint32Array(4 * ENTRIES)

/** Every member votes for every key, then for another candidate; then the keys are forgotten. Answers the number of events. */
function round(): number {
  let count = 0
  for (let member = 0; member < MEMBERS; member++) count += cast(member, batch) + cast(member, second)
  for (let i = 0; i < ENTRIES; i++) tally.remove(keys[i] as Uint8Array)
  return count
}

function cast(member: number, entries: Uint8Array): number {
  if (way === 'list') return tally.addBatch(member, entries).length
  return tally.addBatchInto(events, member, entries)
}

function rounds(times: number): number {
  let count = 0
  for (let i = 0; i < times; i++) count += round()
  return count
}

rounds(WARM_UP_ROUNDS)
const { gc } = globalThis
if (gc === undefined) throw new Error('start with --expose-gc')
gc()
process.stdout.write('begin\n')
const expected = ROUNDS * ENTRIES * (MEMBERS + 2)
if (rounds(ROUNDS) !== expected) throw new Error('the events are not as many as there must be')
process.stdout.write('end\n')

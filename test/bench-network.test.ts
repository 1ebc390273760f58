/** The network suite's machinery on small nets: what is counted, what is made of it, and where it goes on the page. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import './kit/wasm.ts'
import { runLog } from '../bench/kit/network-log.ts'
import { laneOf, Meter, sumOf } from '../bench/kit/network-meter.ts'
import { type Estimate, estimate, fit, QUANTITIES, type SizeFigures, unevenness } from '../bench/kit/network-model.ts'
import { networkPage } from '../bench/kit/network-page.ts'
import { runTown } from '../bench/kit/network-run.ts'
import { CountedStage, townOf } from '../bench/kit/network-town.ts'
import { type Outcome, page } from '../bench/kit/results.ts'
import { merged } from '../bench/kit/results-merge.ts'
import { toHex } from '../src/core/bytes.ts'
import { TYPE } from '../src/core/envelope.ts'
import { world } from './consensus/people.ts'

const MEMBERS = 4
const stage = new CountedStage(world(MEMBERS), [])
const town = runTown([{ nid: stage.world.genesis.neighborhood, stage }], {
  ...{ idleMs: 8_000, loadMs: 2_000, paymentsPerHood: 2 },
})
const log = runLog([10, 15])
const small: SizeFigures = { town, log }

const counting = suite('bench network: counting')

counting('a message is of one lane, sums are over all', () => {
  assert.equal([TYPE.voteBatch, TYPE.ballot, TYPE.handOver, TYPE.summary, TYPE.swim].map(laneOf), [
    'orders',
    'blocks',
    'blocks',
    'repair',
    'presence',
  ])
  const meter = new Meter()
  meter.sent('orders', 10)
  meter.heard('orders', 10, 3)
  meter.heard('presence', 7)
  meter.checked('blocks', 2)
  assert.equal(sumOf(meter.take()), { sent: 1, sentBytes: 10, heard: 4, heardBytes: 37, checks: 2 })
  assert.is(sumOf(meter.take()).heard, 0, 'taken is gone')
})

counting('a net is laid out in neighborhoods that fill their seats, everybody in one place', () => {
  const hoods = townOf(60)
  const ids = hoods.flatMap(({ stage: of }) => of.people.map(({ id }) => toHex(id)))
  assert.is(new Set(ids).size, 60)
  assert.ok(hoods.every(({ stage: of }) => of.committee.seats.length === 25 && of.people.length >= 25))
  assert.is(new Set(hoods.map(({ nid }) => toHex(nid))).size, hoods.length)
})

counting(
  'what is said to all is heard by all others; a member at rest says two things a second and nothing of orders',
  () => {
    const { repair, orders, blocks } = town.idleOf
    assert.is(orders.sent + blocks.sent, 0)
    assert.ok(repair.sent > 0)
    assert.ok(town.idle.sent > 1.8 && town.idle.sent < 2.6, `${town.idle.sent}`)
    // an order comes from outside: it is heard by one more than what a member says
    assert.ok(Math.abs(town.payment.heard - (town.payment.sent * (MEMBERS - 1) + 1 / MEMBERS)) < 0.3)
    assert.ok(town.payment.sent >= 2, 'each locks and confirms')
    assert.ok(town.payment.checks >= 2 * (MEMBERS - 1))
    assert.ok(town.rowsPerPayment > 0 && town.bytesPerPayment > 0 && town.turn.sent > 0 && town.handOverBytes > 0)
  },
)

counting('few neighborhoods validate every leaf, and each cosigner is heard in two rounds', () => {
  assert.is(log.neighborhoods, 2)
  assert.is(log.leaves, 10)
  assert.is(log.validated, 10)
  assert.is(log.validatedChecks, 170)
  assert.is(figureOf('a checkpoint: cosignatures heard'), 100)
  assert.ok(log.bundledBytes < log.singleBytes / 2 && log.countMs > 0)
})

counting.run()

const model = suite('bench network: the model')

model('finds the line that is there, and says how far points are from it', () => {
  const line = fit([1, 10, 100].map((x) => ({ x, y: 3 + 0.5 * x })))
  assert.ok(Math.abs(line.a - 3) < 1e-9 && Math.abs(line.b - 0.5) < 1e-9 && line.residual < 1e-9)
  assert.equal(fit([{ x: 5, y: 2 }]), { a: 2, b: 0, residual: 0 })
  assert.ok(fit([1, 2, 3].map((x) => ({ x, y: x === 2 ? 4 : x }))).residual > 0.2)
  assert.throws(() => fit([{ x: 1, y: 0 }]), /above 0/)
})

model('what stays in a neighborhood stays as it is, what all hear of all grows with what it is made of', () => {
  const larger = {
    town: { ...town, nodes: 250, neighborhoods: 20, idle: { ...town.idle, sent: town.idle.sent * 1.1 } },
    log: { ...log, nodes: 250, neighborhoods: 20, cosigners: 500, leaves: 100, validated: 12 },
  }
  const found = estimate([small, larger], 1_000_000)
  const idle = byName(found, 'idle, a second: messages sent')
  assert.is(idle.line, null)
  assert.ok(Math.abs((idle.drift as number) - 0.1) < 1e-9)
  assert.is(idle.extrapolated, idle.values[1])
  const heard = byName(found, 'a checkpoint: cosignatures heard')
  assert.ok(Math.abs(heard.extrapolated - 2 * 2_000_000) < 1)
  assert.ok(
    estimate([small], 1_000).every(({ extrapolated }) => Number.isFinite(extrapolated)),
    'one size does',
  )
  assert.ok(Math.abs(unevenness([small, larger], 25) - 100 / 11) < 1e-9)
  assert.is(unevenness([small, larger], 100), 0)
  const three = [small, larger, larger]
  const text = networkPage(three, estimate(three, 1_000_000), 1_000_000).join('\n')
  for (const { name } of QUANTITIES) assert.ok(text.includes(`| ${name}`), name)
  assert.match(text, /What breaks on the way to 1,000,000 nodes/)
  assert.match(networkPage([small], estimate([small], 1_000), 1_000).join('\n'), /No model/)
  assert.not.match(text, /NaN|undefined|Infinity/)
})

model.run()

const merging = suite('bench network: one part of the page')

merging('a part that is made anew replaces the old one, in its place, and nothing else', () => {
  const before = page({ date: '2026-01-02', quick: false, outcomes: outcomes(['hash', 'commit', 'faces'], 1) })
  const made = { date: '2026-03-04', quick: false, outcomes: outcomes(['network'], 5) }
  const once = merged(before, 'network', made)
  assert.equal(titles(once), ['## What is demanded', '## hash', '## commit', '## network', '## faces'])
  for (const part of ['`npm run bench -- all` on 2026-01-02', '--only network` on 2026-03-04', '| idle 5 |']) {
    assert.ok(once.includes(part), part)
  }
  assert.is(once.match(/\| network \| an idle node/g)?.length, 1)
  const others = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('| hash |'))
  assert.equal(others(once), others(before))
  const later = { ...made, date: '2026-05-06', outcomes: outcomes(['network'], 6) }
  const twice = merged(once, 'network', later)
  assert.equal(titles(twice), titles(once))
  assert.not.match(twice, /2026-03-04|\| idle 5 \|/)
  assert.is(merged(twice, 'network', later), twice)
  assert.throws(() => merged('# something else\n', 'network', made), /no|not a page/)
})

merging.run()

function figureOf(name: string): number | undefined {
  return QUANTITIES.find((quantity) => quantity.name === name)?.of(small)
}

function byName(found: readonly Estimate[], name: string): Estimate {
  return found.find(({ quantity }) => quantity.name === name) as Estimate
}

function titles(text: string): string[] {
  return text.split('\n').filter((line) => line.startsWith('## '))
}

function outcomes(suites: readonly string[], figure: number): Map<string, Outcome> {
  const machine = { cpu: 'test', cores: 2, arch: 'x64', os: 'Linux', memoryGiB: 1, node: '24', v8: '13', load: 1 }
  const rows = [{ case: 'idle, a second: messages sent, 25 nodes', unit: 'messages', ours: figure, peers: {} }]
  return new Map(
    suites.map((name) => [
      name,
      { report: { suite: name, machine, rows, unavailable: {}, page: [`| idle ${figure} |`] } },
    ]),
  )
}

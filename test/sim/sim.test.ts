/** The simulator itself, in small: the same seed tells the same story, faults are seen, and its parts keep their promises. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { fromText } from '../../src/core/bytes.ts'
import { WebxError } from '../../src/core/errors.ts'
import { readCorpus } from './campaign.ts'
import { Chance } from './chance.ts'
import { configOf } from './config.ts'
import { Disk } from './disk.ts'
import { judgeMutant, staleMutants } from './gate.ts'
import { MUTANTS, type Mutant, patched } from './mutants.ts'
import { Network } from './network.ts'
import type { Oracle } from './oracle.ts'
import { StaysUp } from './oracles-books.ts'
import { runSeed } from './run.ts'
import { Timeline } from './timeline.ts'

const runs = suite('sim: runs')

runs('a seed ends well, and twice the same way; another seed goes another way', () => {
  const [one, two, other] = [runSeed(4, 1), runSeed(4, 1), runSeed(4, 2)]
  assert.equal(one.violations, [])
  assert.ok(one.settled > 50)
  assert.equal(one, two)
  assert.is.not(one.hash, other.hash)
})

runs('every seed of the corpus can be played', () => {
  for (const { seed, n, why } of readCorpus()) {
    assert.is(configOf(n, seed).seed, seed)
    assert.ok(why.length > 0)
  }
})
runs.run()

const parts = suite('sim: parts')

parts('things happen in the order of their times, and ties in the order in which they were planned', () => {
  const timeline = new Timeline()
  const seen: number[] = []
  for (const [i, atMs] of [5, 1, 5, 3, 1, 9, 3, 0].entries()) timeline.at(atMs, () => seen.push(i))
  while (timeline.step(8)) assert.ok(timeline.nowMs <= 8)
  assert.equal(seen, [7, 1, 4, 3, 6, 0, 2])
})

parts('a transaction survives a power cut as a whole or not at all, and a flipped bit is seen', () => {
  const key = fromText('k')
  const disk = new Disk()
  const write = (text: string) => disk.begin([{ space: 's', key, value: fromText(text) }])
  write('one')
  disk.sync()
  write('two')
  disk.crash(false)
  assert.equal(disk.get('s', key), fromText('one'))
  write('three')
  disk.crash(true)
  assert.equal(disk.get('s', key), fromText('three'))
  disk.begin([{ space: 's', key, value: null }])
  assert.is(disk.get('s', key), null)
  disk.crash(false)
  assert.equal(disk.get('s', key), fromText('three'))
  disk.flip(new Chance(1))
  assert.throws(
    () => disk.get('s', key),
    (error: unknown) => error instanceof WebxError && error.code === 'store-damaged',
  )
  disk.full = true
  assert.throws(
    () => write('four'),
    (error: unknown) => error instanceof WebxError && error.code === 'store-failed',
  )
})

parts(
  'a parted net lets nothing through; what two brokers kept comes when they are joined; a restart loses what is under way',
  () => {
    const timeline = new Timeline()
    const weather = { loss: 0, duplication: 0, delayMs: [1, 2], straggling: 0 } as const
    const network = new Network(timeline, new Chance(1), weather, () => {})
    const heard: string[] = []
    for (const name of ['a', 'b']) network.join({ receive: (bytes) => heard.push(name + bytes.length) })
    const say = (length: number) => {
      network.send(0, new Uint8Array(length), [0, 1])
      while (timeline.step(timeline.nowMs + 10));
    }
    say(1)
    network.part([0, 1], false)
    say(2)
    network.part([0, 1], true)
    say(3)
    assert.equal(heard, ['b1'])
    network.rejoin()
    while (timeline.step(timeline.nowMs + 10));
    assert.equal(heard, ['b1', 'b3'])
    network.send(0, new Uint8Array(4), [1])
    network.restartBroker(5)
    say(5)
    say(6)
    assert.equal(heard, ['b1', 'b3', 'b6'])
  },
)

parts('streams of one seed have nothing in common, and numbers are spread', () => {
  const [one, two] = [new Chance(7, 1), new Chance(7, 2)]
  const numbers = Array.from({ length: 2_000 }, () => [one.unit(), two.unit()] as const)
  assert.ok(numbers.every(([a, b]) => a !== b))
  const mean = numbers.reduce((sum, [a]) => sum + a, 0) / numbers.length
  assert.ok(mean > 0.47 && mean < 0.53, String(mean))
})

parts('an oracle accuses', () => {
  const said: string[] = []
  const oracle = new StaysUp((by: Oracle, what: string) => said.push(`${by.name}: ${what}`))
  oracle.reported({ seat: 2, honest: true }, { kind: 'abstains' })
  assert.equal(said, ['stays up: seat 2 abstains though its log is whole'])
})
parts.run()

const mutants = suite('sim: mutants')

mutants('there are enough of them, each with a name of its own, and none is stale', () => {
  assert.ok(MUTANTS.length >= 20)
  assert.is(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length)
  assert.equal(staleMutants(), [])
})

mutants('one that gives no answer in time is not caught: the run has failed', async () => {
  const said = await judgeMutant(MUTANTS[0] as Mutant, 4, 1).catch(String)
  assert.match(String(said), /no answer/)
})

mutants('what is to be replaced must be there once', () => {
  const patch = { file: 'f', find: 'b', replace: 'x' }
  assert.is(patched('abc', patch), 'axc')
  assert.throws(() => patched('ac', patch), /stale/)
  assert.throws(() => patched('abcb', patch), /stale/)
})
mutants.run()

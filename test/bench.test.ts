/** The benches' own arithmetic: what is compared, what is counted, what is demanded, and what people read of it. No figure of speed is judged here. */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { drive, sampleOf } from '../bench/kit/commit-load.ts'
import { crowdOf, moments } from '../bench/kit/crowd.ts'
import { DEMANDS, type Demand, standings } from '../bench/kit/demands.ts'
import { pinned } from '../bench/kit/install.ts'
import { agree, type Contender, median, race, repetitionsFor } from '../bench/kit/measure.ts'
import { normal, perturbed, unit } from '../bench/kit/random.ts'
import { isReport, OURS, type Report, type Row, rowOf, textOf } from '../bench/kit/report.ts'
import { type Outcome, page, unmet } from '../bench/kit/results.ts'
import { SUITES } from '../bench/kit/suites.ts'
import { Best, sameScores } from '../bench/match-rivals.ts'
import { ROOT, sourcesOf } from './kit/source.ts'
import { uniform } from './kit/vectors.ts'

const measure = suite('bench: measuring')

measure('the median is the middle, or the mean of the two middle ones', () => {
  assert.is(median([3, 1, 2]), 2)
  assert.is(median([4, 1, 2, 3]), 2.5)
  assert.is(median([7]), 7)
  assert.throws(() => median([]), /at least one/)
})

measure('a sample gets as many repetitions as fill it, and at least one', () => {
  assert.is(repetitionsFor(10, 100, 5), 200)
  assert.is(repetitionsFor(10, 1, 2_000), 1)
  assert.is(repetitionsFor(10, 3, 10), 3)
  assert.ok(Number.isFinite(repetitionsFor(10, 1, 0)))
})

measure('answers are compared with the first one, or with what is expected of them', async () => {
  await agree([answering('a', [1]), answering('b', [1])])
  await agree([answering('a', [1]), { ...answering('b', [2]), expected: [2] }])
  await rejects(
    agree([answering('a', [1]), answering('b', [1]), answering('c', [2])]),
    /^c answers \[2\], expected \[1\]$/,
  )
  await rejects(agree([answering('a', [1]), { ...answering('b', [1]), expected: [2] }]), /^b answers/)
  await rejects(agree([{ ...answering('a', [1]), expected: [2] }]), /^a answers/)
  await rejects(agree([answering('a', Promise.resolve(1)), answering('b', 2)]), /^b answers 2, expected 1$/)
})

measure('nobody is timed before all have been compared', async () => {
  let runs = 0
  const wrong = [answering('a', 1), { ...answering('b', 2), run: () => runs++ }]
  await rejects(race(wrong, { quick: true }), /^b answers/)
  assert.is(runs, 0)
})

measure('who does a hundred times the work has a fraction of the rate, alone and awaited', async () => {
  const spin = (count: number): Contender => ({
    name: String(count),
    run() {
      let sum = 0
      for (let i = 0; i < count; i++) sum = (sum + i * i) | 0
      return sum
    },
    answer: () => null,
  })
  for (const parallel of [false, true]) {
    const rates = await race([spin(2_000), spin(200_000)], { quick: true, parallel })
    const [few = 0, many = 1] = rates.values()
    const ratio = few / many
    assert.ok(ratio > 10, `ratio ${ratio}`)
  }
})

measure('a load keeps as many writes under way as it has lanes, and its figures are of what was written', async () => {
  let underWay = 0
  let most = 0
  let writes = 0
  const write = async (): Promise<void> => {
    most = Math.max(most, ++underWay)
    await new Promise((resolve) => setTimeout(resolve, 5))
    underWay--
    writes++
  }
  const startMs = performance.now()
  const { p50Ms, valuesPerSecond } = await drive({ lanes: 3, valuesPerWrite: 10, write }, 30)
  const longestMs = performance.now() - startMs
  assert.is(most, 3)
  assert.is(underWay, 0)
  assert.ok(p50Ms >= 4, `p50 ${p50Ms}`)
  assert.ok(valuesPerSecond >= (writes * 10 * 1000) / longestMs, 'every write counts')
  assert.ok(valuesPerSecond <= (writes * 10 * 1000) / 30, 'over all of the time')
  assert.equal(sampleOf([4, 1, 3, 2], 1, 2_000), { p50Ms: 3, p99Ms: 4, valuesPerSecond: 2 })
  await rejects(drive({ lanes: 2, valuesPerWrite: 1, write: () => Promise.reject(new Error('no')) }, 5), /^no$/)
})

const report = suite('bench: reports')

report('a row has our figure, theirs and the ratio', () => {
  const rates = new Map([
    [OURS, 3_000],
    ['peer@1.0.0', 1_500],
    ['other@2.0.0', 9_000],
  ])
  assert.equal(rowOf('1 KiB', 'MB/s', rates, 1024 / 1e6), {
    case: '1 KiB',
    unit: 'MB/s',
    ours: 3.072,
    peers: { 'peer@1.0.0': { value: 1.536, ratio: 2 }, 'other@2.0.0': { value: 9.216, ratio: 0.3333 } },
  })
  assert.throws(() => rowOf('x', 'ops/s', new Map([['peer', 1]]), 1), /webx/)
})

report('a person reads figures, ratios, recall, notes and what is missing', () => {
  const text = textOf(
    sampleReport('hash', [sampleRow('64 B', 10, { 'peer@1.0.0': 2 }, { recallAt1: 0.5, note: 'why' })]),
  )
  for (const part of ['64 B: 10 MB/s, recall@1 0.5', '(why)', 'peer@1.0.0', '2.00 x', 'gone@1.0.0: not installed']) {
    assert.ok(text.includes(part), part)
  }
  assert.ok(isReport(sampleReport('hash', [])))
  for (const other of [null, undefined, 1, {}, { rows: [] }, { suite: 'x', rows: [] }]) assert.not(isReport(other))
})

const demands = suite('bench: demands')

demands('the worst case counts, and what was not measured is not met', () => {
  const demand: Demand = { suite: 'hash', text: 'x', cases: /^64/, peers: /^peer/, ratioMin: 2 }
  const rows = [
    sampleRow('64 B', 1, { 'peer@1': 3, 'else@1': 0.1 }),
    sampleRow('64 KiB', 1, { 'peer@1': 2, 'peer@2': 2.5 }),
    sampleRow('1 KiB', 1, { 'peer@1': 0.5 }),
  ]
  assert.equal(judged(demand, rows), { value: 2, where: '64 KiB: peer@1', isMet: true })
  assert.is(judged({ ...demand, ratioMin: 2.1 }, rows).isMet, false)
  assert.is(judged({ ...demand, peers: /^nobody/ }, rows).value, null)
  assert.is(judged({ ...demand, suite: 'seal' }, rows).isMet, false)
})

demands('bounds on our own figure and on the recall', () => {
  const rows = [sampleRow('a', 5, {}), sampleRow('ab', 7, {}, { recallAt1: 0.98 })]
  const base = { suite: 'hash', text: 'x', cases: /^a/ } as const
  assert.equal(judged({ ...base, oursMax: 7 }, rows), { value: 7, where: 'ab', isMet: true })
  assert.equal(judged({ ...base, oursMax: 6 }, rows), { value: 7, where: 'ab', isMet: false })
  assert.equal(judged({ ...base, oursMin: 6 }, rows), { value: 5, where: 'a', isMet: false })
  assert.equal(judged({ ...base, recallMin: 0.98 }, rows), { value: 0.98, where: 'ab', isMet: true })
  assert.equal(judged({ ...base, recallMin: 0.99 }, rows), { value: 0.98, where: 'ab', isMet: false })
})

demands('every demand bounds exactly one thing', () => {
  for (const { text, ratioMin, oursMin, oursMax, recallMin, peers } of DEMANDS) {
    assert.is([ratioMin, oursMin, oursMax, recallMin].filter((bound) => bound !== undefined).length, 1, text)
    assert.is(ratioMin === undefined, peers === undefined, text)
  }
})

const results = suite('bench: the page of results')

results('names the machine, the standing of demands, every row, and what failed', () => {
  const outcomes = new Map<string, Outcome>([
    [
      'hash',
      { report: sampleReport('hash', [sampleRow('64 B', 12_345, { 'hash-wasm@4.13.0': 1.2 }, { note: 'so it was' })]) },
    ],
    ['seal', { failure: 'Error: no' }],
    ['settle', { report: { rows: [{ case: 'n=25 c=64', p50Ms: 80, p99Ms: 90, perSecond: 700 }] } }],
  ])
  const before = { rows: [{ case: 'n=25 c=64', p50Ms: 100, p99Ms: 120, perSecond: 500 }] }
  const made = { date: '2026-01-02', quick: true, outcomes, before }
  const text = page(made)
  for (const part of [
    'Generated by `npm run bench -- all --quick` on 2026-01-02',
    'Machine: test processor, 2 cores',
    '| 64 B [1] | 12,350 MB/s | hash-wasm@4.13.0 10,290 (1.20 ×) |',
    '[1] so it was.',
    '- gone@1.0.0: not installed',
    'Did not run: Error: no',
    '| n=25 c=64 | 100 → 80 | 120 → 90 | 500 → 700 |',
    '| 1.2 | 64 B: hash-wasm@4.13.0 | **no** |',
  ]) {
    assert.ok(text.includes(part), `${part}\n${text}`)
  }
  assert.ok(unmet(made).some((line) => line.endsWith('1.2 (64 B: hash-wasm@4.13.0)')))
  assert.ok(unmet(made).some((line) => line.startsWith('seal: ') && line.endsWith('not measured')))
})

const folder = suite('bench: the folder')

folder('every suite is a file with the door that run.ts opens', () => {
  const sources = sourcesOf('bench')
  for (const name of [...SUITES, 'all']) {
    const source = sources.find(({ path }) => path === `bench/${name}.ts`)
    assert.match(source?.bare ?? '', /export async function run\(/, name)
  }
  assert.not(sources.some(({ path }) => path.includes('node_modules')))
})

folder('peers are pinned to exact versions, and the lock file says the same', async () => {
  const lock = JSON.parse(readFileSync(`${ROOT}/bench/package-lock.json`, 'utf8')) as {
    packages: Record<string, { version: string; integrity: string }>
  }
  const versions = Object.entries(await pinned())
  assert.ok(versions.length > 10)
  for (const [name, version] of versions) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name)
    assert.is(lock.packages[`node_modules/${name}`]?.version, version, name)
    assert.match(lock.packages[`node_modules/${name}`]?.integrity ?? '', /^sha512-/, name)
  }
})

folder('an unknown suite, two suites and an unknown option are answered with the usage', () => {
  for (const args of [[], ['nothing'], ['hash', 'seal'], ['all', '--only', 'kit/report'], ['hash', '--sizes', 'x']]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [`${ROOT}/bench/run.ts`, ...args], {
      encoding: 'utf8',
    })
    assert.is(status, 2, args.join(' '))
    assert.is(stdout, '')
    assert.match(stderr, /usage: npm run bench -- SUITE/)
  }
})

const vectors = suite('bench: vectors')

vectors('a perturbed vector has the cosine that was asked for', () => {
  const random = uniform(1)
  const vector = normal(random, 128)
  for (const cosine of [0, 0.5, 0.65, 1]) {
    const near = perturbed(random, vector, cosine)
    assert.ok(Math.abs(dot(near, unit(vector)) - cosine) < 1e-5)
    assert.ok(Math.abs(dot(near, near) - 1) < 1e-5)
  }
})

vectors('normal numbers have mean 0 and deviation 1, and come again with their seed', () => {
  const [mean, deviation] = moments([...normal(uniform(9), 20_000)])
  assert.ok(Math.abs(mean) < 0.03 && Math.abs(deviation - 1) < 0.03)
  assert.equal(normal(uniform(3), 8), normal(uniform(3), 8))
  assert.not.equal(normal(uniform(3), 8), normal(uniform(4), 8))
})

vectors('a crowd has the cosines of the people it is drawn from', () => {
  const random = uniform(7)
  const spot = unit(normal(random, 512))
  const people = Array.from({ length: 4 }, () => {
    const own = perturbed(random, spot, 0.3)
    return Array.from({ length: 6 }, () => perturbed(random, own, 0.85))
  })
  const crowd = crowdOf(people, random)
  const { genuineMean, strangerMean, strangerDeviation, crowdMean, crowdDeviation } = crowd.fit
  assert.ok(Math.abs(crowdMean - strangerMean) < 0.02, `${crowdMean} for ${strangerMean}`)
  assert.ok(Math.abs(crowdDeviation - strangerDeviation) < 0.03, `${crowdDeviation} for ${strangerDeviation}`)
  const photos = Array.from({ length: 100 }, () => crowd.stranger(random, 2) as [Float32Array, Float32Array])
  const [between] = moments(photos.map(([one, other]) => dot(one, other)))
  assert.ok(Math.abs(between - genuineMean) < 0.05, `${between} for ${genuineMean}`)
  assert.throws(() => crowdOf([people[0]!], random), /at least two/)
})

vectors('the best of many are the first of all sorted', () => {
  const random = uniform(5)
  const scores = Array.from({ length: 300 }, () => Math.round(random() * 50))
  const best = new Best(10)
  scores.forEach((score, row) => {
    best.offer(score, row)
  })
  assert.equal([...best.scores], [...scores].sort((a, b) => b - a).slice(0, 10))
  assert.equal(
    [...best.rows].map((row) => scores[row]),
    [...best.scores],
  )
  best.clear()
  assert.is(best.scores[0], Number.NEGATIVE_INFINITY)
})

vectors('scores that differ by more than rounding are not the same', () => {
  assert.ok(sameScores([0.5, 0.25], [0.50001, 0.25]))
  assert.not(sameScores([0.5, 0.25], [0.501, 0.25]))
  assert.not(sameScores([0.5], [0.5, 0.25]))
  assert.not(sameScores([Number.NaN], [0.5]))
})

measure.run()
report.run()
demands.run()
results.run()
folder.run()
vectors.run()

function answering(name: string, answer: unknown): Contender {
  return { name, run: () => answer, answer: () => answer }
}

function sampleRow(name: string, ours: number, ratios: Record<string, number>, extra: Partial<Row> = {}): Row {
  const peers = Object.entries(ratios).map(([peer, ratio]) => [peer, { value: ours / ratio, ratio }])
  return { case: name, unit: 'MB/s', ours, peers: Object.fromEntries(peers), ...extra }
}

function sampleReport(name: string, rows: Row[]): Report {
  const machine = {
    cpu: 'test processor',
    cores: 2,
    arch: 'x64',
    os: 'Linux',
    memoryGiB: 1,
    node: '24',
    v8: '13',
    load: 1,
  }
  return { suite: name, machine, rows, unavailable: { 'gone@1.0.0': 'not installed' } }
}

function judged(demand: Demand, rows: Row[]): { value: number | null; where?: string; isMet: boolean } {
  const [{ worst, isMet }] = standings([sampleReport('hash', rows)], [demand]) as [ReturnType<typeof standings>[number]]
  return worst === null ? { value: null, isMet } : { ...worst, isMet }
}

function dot(one: Float32Array, other: Float32Array): number {
  return one.reduce((sum, x, i) => sum + x * other[i]!, 0)
}

async function rejects(promise: Promise<unknown>, pattern: RegExp): Promise<void> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  )
  assert.match(error instanceof Error ? error.message : '', pattern)
}

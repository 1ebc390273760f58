/** What members say about who is there: golden bytes, what is refused, what the document says; and which version an epoch speaks, how long ways take. */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { decode, encode } from '../../src/core/codec.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { type Candidate, helloPayload, readHello, versionOf } from '../../src/swarm/hello.ts'
import { Latency } from '../../src/swarm/latency.ts'
import { readSwim, type SwimMessage, swimPayload } from '../../src/swarm/liveness-message.ts'
import { Cddl, readCbor } from '../kit/cddl.ts'
import { codeOf } from '../kit/refusal.ts'
import { HELLO, type LivenessVectors, livenessVectors, SWIMS } from './liveness-vectors.ts'

const formats = suite('liveness: formats')
const vectors = JSON.parse(
  readFileSync(new URL('../vectors/liveness.json', import.meta.url), 'utf8'),
) as LivenessVectors

formats('today’s code makes the golden bytes and reads them back', () => {
  assert.equal(livenessVectors(), vectors)
  for (const [name, message] of Object.entries(SWIMS)) {
    assert.equal(readSwim(decode(fromHex(vectors.golden[name] as string))), message, name)
  }
  assert.equal(readHello(decode(fromHex(vectors.golden['hello'] as string))), HELLO)
})

formats('the golden bytes fit the document, and what is refused does not', () => {
  const cddl = new Cddl(readFileSync(new URL('../../src/PROTOCOL.md', import.meta.url), 'utf8'))
  for (const [name, hex] of Object.entries(vectors.golden)) {
    assert.is(cddl.complaint(name === 'hello' ? 'hello' : 'swim', readCbor(fromHex(hex))), '', name)
  }
  // arithmetic between fields, and the units of text, are beyond what the rules can say
  const beyond = ['two words about one', 'versions upside down', 'a name of 41 characters']
  for (const rule of ['swim', 'hello'] as const) {
    for (const [name, hex] of Object.entries(vectors.refused[rule])) {
      const fits = cddl.complaint(rule, readCbor(fromHex(hex))) === ''
      assert.is(fits, beyond.includes(name), name)
    }
  }
})

formats('what is not so is refused by name', () => {
  for (const [name, hex] of Object.entries(vectors.refused.swim)) {
    assert.is(
      codeOf(() => readSwim(decode(fromHex(hex)))),
      'bad-shape',
      name,
    )
  }
  for (const [name, hex] of Object.entries(vectors.refused.hello)) {
    assert.is(
      codeOf(() => readHello(decode(fromHex(hex)))),
      'bad-shape',
      name,
    )
  }
})

formats('whatever can be said is read as it was said', () => {
  const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex)
  const count = fc.maxSafeNat()
  const plain = { noNullPrototype: true }
  const word = fc.record({ about: id, accuses: fc.boolean(), incarnation: count }, plain)
  const words = fc.uniqueArray(word, { maxLength: LIMITS.swimWordsMax, selector: ({ about }) => about })
  const said = { incarnation: count, words }
  const message = fc.oneof(
    fc.record({ kind: fc.constantFrom('ping', 'ack', 'nack'), number: count, ...said }, plain),
    fc.record({ kind: fc.constant('request'), number: count, target: id, ...said }, plain),
    fc.record({ kind: fc.constant('news'), ...said }, plain),
  ) as fc.Arbitrary<SwimMessage>
  fc.assert(
    fc.property(message, (said) => assert.equal(readSwim(decode(encode(swimPayload(said)))), said)),
    { numRuns: 50 },
  )
})

formats('bits that are not known yet are passed over', () => {
  assert.is(readHello(helloPayload({ ...HELLO, capabilities: 0xffff })).capabilities, 0xffff)
})

formats.run()

const versions = suite('liveness: the version of an epoch')
const seats = (...ranges: readonly (readonly [count: number, min: number, max: number])[]): Candidate[] =>
  ranges.flatMap(([count, min, max]) => Array.from({ length: count }, () => ({ versions: { min, max }, weight: 1 })))

versions('is the highest that all speak', () => {
  assert.equal(versionOf(seats([25, 1, 1]), 1), { version: 1, left: [] })
  assert.equal(versionOf(seats([10, 1, 3], [15, 1, 2]), 1), { version: 2, left: [] })
  assert.equal(versionOf(seats([24, 1, 2], [1, 1, 1]), 1), { version: 1, left: [] })
})

versions('is else the highest that a strong quorum speaks; the others stay spare', () => {
  assert.equal(versionOf(seats([21, 2, 3], [4, 1, 1]), 1), { version: 3, left: [21, 22, 23, 24] })
  assert.equal(versionOf(seats([1, 1, 1], [3, 2, 2], [21, 2, 3]), 1), { version: 3, left: [0, 1, 2, 3] })
  assert.equal(versionOf(seats([2, 1, 1], [3, 2, 2], [20, 2, 3]), 1), { version: 2, left: [0, 1] })
  assert.is(versionOf(seats([20, 2, 3], [5, 1, 1]), 1), null)
})

versions('never goes back, so one straggler takes nobody with him', () => {
  assert.equal(versionOf(seats([24, 1, 2], [1, 1, 1]), 2), { version: 2, left: [24] })
  assert.is(versionOf(seats([20, 1, 2], [5, 1, 1]), 2), null)
  assert.is(versionOf([], 1), null)
})

versions('goes by weight', () => {
  const heavy: Candidate = { versions: { min: 2, max: 2 }, weight: 10 }
  assert.equal(versionOf([heavy, ...seats([2, 1, 1])], 1), { version: 2, left: [1, 2] })
  assert.is(versionOf([heavy, ...seats([3, 1, 1])], 1), null)
})

versions('is the same whoever counts first, and no better one was overlooked', () => {
  const range = fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 }))
    .map(([min, more]) => ({ min, max: min + more }))
  const candidate = fc.record({ versions: range, weight: fc.integer({ min: 1, max: 3 }) })
  const speaks = ({ versions }: Candidate, version: number): boolean =>
    versions.min <= version && version <= versions.max
  const weigh = (list: readonly Candidate[]): number => list.reduce((sum, { weight }) => sum + weight, 0)
  fc.assert(
    fc.property(fc.array(candidate, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 3 }), (list, today) => {
      const total = weigh(list)
      const possible = [1, 2, 3, 4, 5, 6, 7].filter((version) => version >= today)
      const ofAll = possible.filter((version) => list.every((one) => speaks(one, version)))
      const strong = possible.filter(
        (version) => weigh(list.filter((one) => speaks(one, version))) >= total - Math.floor(total / 6),
      )
      const expected = ofAll.at(-1) ?? strong.at(-1) ?? null
      const choice = versionOf(list, today)
      assert.is(choice?.version ?? null, expected)
      assert.is(versionOf(list.toReversed(), today)?.version ?? null, expected)
      for (const [i, one] of list.entries()) {
        if (choice) assert.is(choice.left.includes(i), !speaks(one, choice.version))
      }
    }),
    { numRuns: 100 },
  )
})

versions.run()

const latency = suite('liveness: round trips')

latency('the mean follows slowly, the p95 is that of the newest 64', () => {
  const measured = new Latency()
  assert.is(measured.of('a'), null)
  for (let i = 0; i < 200; i++) measured.note('a', 1_000)
  for (let i = 0; i < 60; i++) measured.note('a', 10)
  const before = measured.of('a')
  assert.equal([before?.p95Ms, before?.samples], [1_000, 64], 'four of 64 are more than one in twenty')
  measured.note('a', 10)
  assert.is(measured.of('a')?.p95Ms, 10)
  measured.note('b', 80)
  measured.note('b', 160)
  assert.equal(measured.of('b'), { meanMs: 90, p95Ms: 160, samples: 2 })
})

latency('what is no time changes nothing, and who was measured longest ago makes room', () => {
  const measured = new Latency()
  for (const ms of [Number.NaN, -1, Number.POSITIVE_INFINITY]) measured.note('a', ms)
  assert.is(measured.of('a'), null)
  for (let i = 0; i <= LIMITS.latencyPeersMax; i++) {
    measured.note(`${i}`, i)
    measured.note('a', 5)
  }
  assert.is(measured.of('0'), null)
  assert.is(measured.of('1'), null)
  assert.is(measured.of('2')?.meanMs, 2)
  assert.is(measured.of('a')?.samples, 64)
})

latency('a quorum is as far as its last member', () => {
  const measured = new Latency()
  for (const [peer, ms] of [
    ['a', 30],
    ['b', 10],
    ['c', 20],
  ] as const)
    measured.note(peer, ms)
  assert.is(measured.reachMs(['a', 'b', 'c', 'd'], 2), 20)
  assert.is(measured.reachMs(['a', 'b', 'c', 'd'], 3), 30)
  assert.is(measured.reachMs(['a', 'b', 'c', 'd'], 4), null)
})

latency.run()

/** The tally: against a short implementation with Maps under arbitrary votes, and each rule by itself. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  createTally,
  type Tally,
  type TallyCommittee,
  type TallyEventKind,
  type TallyOptions,
} from '../../src/wasm/tally.ts'
import { BUILDS } from '../kit/wasm.ts'

/** A digest that differs from others of its kind in one byte only, in a place that depends on it. */
function digest(number: number): Uint8Array {
  const bytes = new Uint8Array(32).fill(7)
  bytes[number % 32] = number
  bytes[(number * 5 + 3) % 32] = number >> 8
  return bytes
}

/** A digest as digests are: differing everywhere. */
function spread(number: number): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Math.imul(number + 1, 0x9e3779b1 + 2 * i * i) >>> 13)
}

function entry(key: number, candidate: number): Uint8Array {
  return Uint8Array.of(...digest(key), ...digest(candidate))
}

function entries(...pairs: readonly (readonly [number, number])[]): Uint8Array {
  return Uint8Array.from(pairs.flatMap(([key, candidate]) => [...entry(key, candidate)]))
}

interface Held {
  any: number
  votes: Map<number, { mask: number; weight: number }>
  certified: boolean
}

/** What the kernel does, in Maps; a Map's order is the order of last use. */
class Model {
  readonly keys = new Map<number, Held>()
  readonly options: TallyOptions
  evictions = 0

  constructor(options: TallyOptions) {
    this.options = options
  }

  add(member: number, key: number, candidate: number): TallyEventKind[] {
    const { weights, quorum, strong, capacity = 4096 } = this.options
    let held = this.keys.get(key)
    if (held === undefined && this.keys.size === capacity) {
      const oldest = this.#oldest()
      if (oldest === null) return ['FULL']
      this.keys.delete(oldest)
      this.evictions++
    }
    held ??= { any: 0, votes: new Map(), certified: false }
    this.keys.delete(key)
    this.keys.set(key, held)
    const bit = (1 << member) >>> 0
    const vote = held.votes.get(candidate) ?? { mask: 0, weight: 0 }
    if ((held.any & bit) !== 0) return (vote.mask & bit) !== 0 ? [] : ['EQUIVOCATION']
    held.any = (held.any | bit) >>> 0
    const before = vote.weight
    vote.mask = (vote.mask | bit) >>> 0
    vote.weight += weights[member] as number
    held.votes.set(candidate, vote)
    const crossed = (bound: number): boolean => before < bound && vote.weight >= bound
    held.certified ||= crossed(quorum)
    return [...(crossed(quorum) ? ['QUORUM' as const] : []), ...(crossed(strong) ? ['STRONG' as const] : [])]
  }

  #oldest(): number | null {
    for (const [key, { certified }] of this.keys) if (!certified) return key
    return null
  }
}

function assertSame(tally: Tally, model: Model, keys: number, candidates: number): void {
  assert.is(tally.size, model.keys.size)
  assert.is(tally.evictions, model.evictions)
  for (let key = 0; key < keys; key++) {
    const held = model.keys.get(key)
    assert.is(tally.certified(digest(key)), held?.certified ?? null)
    assert.is(tally.voters(digest(key)), held?.any ?? 0)
    for (let candidate = 0; candidate < candidates; candidate++) {
      assert.is(tally.mask(digest(key), digest(candidate)), held?.votes.get(candidate)?.mask ?? 0)
      assert.is(tally.weight(digest(key), digest(candidate)), held?.votes.get(candidate)?.weight ?? 0)
    }
  }
}

const twentyFive: TallyOptions = { weights: Array.from({ length: 25 }, () => 1), quorum: 17, strong: 21 }

for (const build of BUILDS) {
  const test = suite(`wasm/tally ${build}`)

  test('arbitrary votes, removals and evictions, like the model', () => {
    const keys = 12
    const candidates = 6
    const call = fc.record({
      member: fc.nat(8),
      votes: fc.array(fc.tuple(fc.nat(keys - 1), fc.nat(candidates - 1)), { maxLength: 12 }),
      remove: fc.option(fc.nat(keys - 1), { freq: 6 }),
    })
    const weights = fc.array(fc.nat(5), { minLength: 9, maxLength: 9 })
    fc.assert(
      fc.property(weights, fc.constantFrom(1, 2, 4, 8), fc.array(call, { maxLength: 60 }), (base, capacity, calls) => {
        const weights = base.map((weight, i) => (i === 0 ? weight + 1 : weight))
        const total = weights.reduce((sum, weight) => sum + weight)
        const quorum = Math.ceil(total / 2)
        const options = { weights, quorum, strong: Math.ceil((total + quorum) / 2), capacity }
        const tally = createTally({ ...options, build })
        const model = new Model(options)
        for (const { member, votes, remove } of calls) {
          const expected = votes.flatMap(([key, candidate], index) =>
            model.add(member, key, candidate).map((kind) => ({ index, kind })),
          )
          assert.equal(tally.addBatch(member, entries(...votes)), expected)
          if (remove !== null) assert.is(tally.remove(digest(remove)), model.keys.delete(remove) ? 1 : 0)
        }
        assertSame(tally, model, keys, candidates)
      }),
      { numRuns: 120 },
    )
  })

  test('25 members: the 17th vote is the quorum, the 21st the strong one, each once', () => {
    const tally = createTally({ ...twentyFive, build })
    const seen: [number, string][] = []
    for (let member = 0; member < 25; member++) {
      for (const { kind } of tally.add(member, digest(1), digest(2))) seen.push([member, kind])
      assert.equal(tally.add(member, digest(1), digest(2)), [], 'a repeated vote is no event')
    }
    assert.equal(seen, [
      [16, 'QUORUM'],
      [20, 'STRONG'],
    ])
    assert.is(tally.mask(digest(1), digest(2)), 2 ** 25 - 1)
  })

  test('one vote that crosses both bounds tells both', () => {
    const tally = createTally({ weights: [1, 9], quorum: 7, strong: 9, build })
    tally.add(0, digest(1), digest(2))
    assert.equal(tally.addBatch(1, entries([5, 5], [1, 2])), [
      { index: 0, kind: 'QUORUM' },
      { index: 0, kind: 'STRONG' },
      { index: 1, kind: 'QUORUM' },
      { index: 1, kind: 'STRONG' },
    ])
  })

  test('who votes for a second candidate is told and not counted', () => {
    const tally = createTally({ ...twentyFive, build })
    assert.equal(tally.addBatch(3, entries([1, 2], [1, 3])), [{ index: 1, kind: 'EQUIVOCATION' }])
    assert.is(tally.mask(digest(1), digest(3)), 0)
    assert.is(tally.mask(digest(1), digest(2)), 8)
    assert.is(tally.voters(digest(1)), 8)
  })

  test('32 members, each for a candidate of its own, at every key: none is lost', () => {
    const weights = Array.from({ length: 32 }, () => 1)
    const tally = createTally({ weights, quorum: 22, strong: 27, capacity: 16, build })
    for (let round = 0; round < 4; round++) {
      for (let key = 0; key < 16; key++) {
        for (let member = 0; member < 32; member++) tally.add(member, digest(key), digest(100 + member))
      }
      for (let key = 0; key < 16; key++) {
        for (let member = 0; member < 32; member++) {
          assert.is(tally.mask(digest(key), digest(100 + member)), (1 << member) >>> 0)
        }
        assert.is(tally.voters(digest(key)), 2 ** 32 - 1)
        if (round < 2 || key % 2 === 0) assert.is(tally.remove(digest(key)), 1)
      }
      if (round === 2) tally.renew({ weights, quorum: 22, strong: 27 })
    }
  })

  test('many keys are forgotten at once, more than the kernel takes in one call too', () => {
    const tally = createTally({ weights: [1], quorum: 1, strong: 1, capacity: 2048, build })
    const keys = Array.from({ length: 1_200 }, (_, key) => digest(key))
    for (const key of keys) tally.add(0, key, digest(0))
    const gone = Buffer.concat([digest(5_000), ...keys.slice(0, 1_100), digest(3)])
    assert.is(tally.remove(new Uint8Array(gone)), 1_100)
    assert.is(tally.size, 100)
    assert.ok(keys.every((key, i) => (tally.certified(key) === null) === i < 1_100))
    assert.is(tally.remove(new Uint8Array(0)), 0)
    assert.throws(() => tally.remove(new Uint8Array(33)), /keys: expected a multiple of 32/)
  })

  test('a certified key is never evicted; when all are, a new one is refused and told', () => {
    const tally = createTally({ weights: [1, 1], quorum: 2, strong: 2, capacity: 2, build })
    const certify = (key: number): void => [0, 1].forEach((member) => void tally.add(member, digest(key), digest(0)))
    certify(1)
    tally.add(0, digest(2), digest(0))
    tally.add(0, digest(3), digest(0))
    assert.is(tally.certified(digest(2)), null)
    assert.is(tally.certified(digest(1)), true)
    assert.is(tally.evictions, 1)
    certify(3)
    assert.equal(tally.add(0, digest(4), digest(0)), [{ index: 0, kind: 'FULL' }])
    assert.is(tally.certified(digest(4)), null)
    assert.is(tally.remove(digest(1)), 1)
    assert.is(tally.remove(digest(1)), 0)
    assert.equal(tally.add(0, digest(4), digest(0)), [])
    assert.is(tally.size, 2)
  })

  test('a batch longer than the kernel takes at once keeps its indices', () => {
    const tally = createTally({ weights: [1, 1], quorum: 2, strong: 2, build })
    const batch = entries(...Array.from({ length: 700 }, (_, key) => [key, key] as const))
    assert.equal(tally.addBatch(0, batch), [])
    assert.equal(
      tally.addBatch(1, batch).map(({ index, kind }) => `${index} ${kind}`),
      Array.from({ length: 700 }, (_, key) => [`${key} QUORUM`, `${key} STRONG`]).flat(),
    )
  })

  test('a seed moves keys about and changes no answer', () => {
    const seeds = [1, 2].map((step) => Uint8Array.from({ length: 8 }, (_, i) => (i * 37 * step) & 255))
    const tallies = [undefined, ...seeds].map((seed) => {
      return createTally({ ...twentyFive, capacity: 8, build, ...(seed === undefined ? {} : { seed }) })
    })
    for (let i = 0; i < 2000; i++) {
      const votes = entries([(i * 7) % 13, i % 3], [(i * 5) % 11, i % 2])
      const told = tallies.map((tally) => JSON.stringify(tally.addBatch((i * 11) % 25, votes)))
      assert.is(new Set(told).size, 1)
    }
    assert.is(new Set(tallies.map((tally) => tally.evictions)).size, 1)
  })

  test('thousands of keys in little room: the one used longest ago goes, each time', () => {
    const options = { weights: [1, 2, 3, 4], quorum: 7, strong: 9, capacity: 512, build }
    const tally = createTally(options)
    const model = new Model(options)
    let state = 1
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return (state >>> 8) % below
    }
    for (let i = 0; i < 4500; i++) {
      const member = random(4)
      const votes = Array.from({ length: 20 }, () => [random(700), random(2)] as const)
      const batch = Uint8Array.from(votes.flatMap(([key, candidate]) => [...spread(key), ...digest(candidate)]))
      const expected = votes.flatMap(([key, candidate], index) => {
        return model.add(member, key, candidate).map((kind) => ({ index, kind }))
      })
      assert.equal(tally.addBatch(member, batch), expected)
      const gone = random(700)
      assert.is(tally.remove(spread(gone)), model.keys.delete(gone) ? 1 : 0)
      assert.is(tally.evictions, model.evictions)
    }
    assert.ok(model.evictions > 1000, `only ${model.evictions} evictions`)
    assert.is(tally.size, model.keys.size)
    for (let key = 0; key < 700; key++) assert.is(tally.voters(spread(key)), model.keys.get(key)?.any ?? 0)
  })

  test('keys of nothing but zeros or ones are keys like others', () => {
    const tally = createTally({ weights: [1, 1], quorum: 2, strong: 2, capacity: 2, build })
    for (const byte of [0, 0xff]) {
      const key = new Uint8Array(32).fill(byte)
      assert.is(tally.mask(key, key), 0)
      assert.equal(tally.add(0, key, key), [])
      assert.is(tally.mask(key, key), 1)
      assert.is(tally.add(1, key, key).length, 2)
      assert.is(tally.mask(key, key), 3)
    }
    assert.is(tally.size, 2)
  })

  test('events into an array: the same as a list', () => {
    const options = { weights: [1, 1, 1], quorum: 2, strong: 3, capacity: 1024, build }
    const [listed, into] = [createTally(options), createTally(options)]
    const batch = entries(...Array.from({ length: 300 }, (_, i) => [i, i % 3] as const), [1, 7], [2, 7])
    const events = new Uint32Array(4 * 302)
    const told = (tally: Tally, count: number) => {
      return Array.from({ length: count }, (_, i) => {
        return { index: events[2 * i] as number, kind: tally.kindOf(events[2 * i + 1] as number) }
      })
    }
    for (const member of [0, 1, 2, 1]) {
      const expected = listed.addBatch(member, batch)
      assert.equal(told(into, into.addBatchInto(events, member, batch)), expected)
    }
    assert.throws(
      () => into.addBatchInto(new Uint32Array(3), 0, entry(1, 1)),
      /events: expected a Uint32Array of at least 4/,
    )
    assert.throws(() => into.addBatchInto(events, 3, entry(1, 1)), /member: expected an integer in 0 … 2, got 3/)
    assert.throws(() => into.kindOf(0), /kind: expected a kind of event, got 0/)
    assert.throws(() => into.kindOf(5), RangeError)
  })

  test('a renewed tally is as good as new, for more members and for fewer', () => {
    const votes = fc.array(fc.tuple(fc.nat(3), fc.nat(9), fc.nat(3)), { maxLength: 40 })
    const committees = [
      { weights: [1, 1, 1, 1], quorum: 3, strong: 4 },
      { weights: Array.from({ length: 32 }, (_, i) => i + 1), quorum: 5, strong: 9 },
      { weights: [5, 1, 1, 1], quorum: 6, strong: 8 },
    ]
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), votes), { maxLength: 5 }), (epochs) => {
        const used = createTally({ ...(committees[0] as TallyCommittee), capacity: 8, build })
        let evictions = 0
        for (const [number, cast] of epochs) {
          const committee = committees[number] as TallyCommittee
          used.renew(committee)
          const fresh = createTally({ ...committee, capacity: 8, build })
          assert.is(used.size, 0)
          for (const [member, key, candidate] of cast) {
            assert.equal(
              used.add(member, digest(key), digest(candidate)),
              fresh.add(member, digest(key), digest(candidate)),
            )
            assert.is(used.mask(digest(key), digest(candidate)), fresh.mask(digest(key), digest(candidate)))
          }
          evictions += fresh.evictions
          assert.is(used.evictions, evictions)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('nothing is left of a large table, which begins in memory that nobody has written to, once it is renewed', () => {
    const options = { weights: [1, 1, 1, 1], quorum: 3, strong: 4, capacity: 2048, build }
    const tally = createTally(options)
    for (let round = 0; round < 2; round++) {
      for (let key = 0; key < 300; key++) assert.equal(tally.add(0, digest(key), digest(1)), [])
      assert.is(tally.size, 300)
      tally.renew(options)
      for (let key = 0; key < 300; key++) assert.is(tally.voters(digest(key)), 0)
      assert.is(tally.size, 0)
    }
  })

  test('weights up to 2^32 − 1 do not wrap', () => {
    const tally = createTally({ weights: [0xfffffffe, 1], quorum: 0xffffffff, strong: 0xffffffff, build })
    assert.equal(tally.add(0, digest(1), digest(1)), [])
    assert.is(tally.weight(digest(1), digest(1)), 0xfffffffe)
    assert.is(tally.add(1, digest(1), digest(1)).length, 2)
  })

  test('misuse is refused', () => {
    const make = (change: Partial<TallyOptions>) => () => createTally({ ...twentyFive, ...change, build })
    assert.throws(make({ weights: [] }), /weights.length: expected an integer in 1 … 32, got 0/)
    assert.throws(make({ weights: Array.from({ length: 33 }, () => 1) }), RangeError)
    assert.throws(make({ weights: [1, -1] }), /weights\[1\]/)
    assert.throws(make({ weights: [0xffffffff, 1] }), /sum of weights/)
    assert.throws(make({ quorum: 26 }), /quorum: expected an integer in 1 … 25, got 26/)
    assert.throws(make({ strong: 16 }), /strong: expected an integer in 17 … 25, got 16/)
    assert.throws(make({ capacity: 48 }), /power of two/)
    assert.throws(make({ capacity: 131_072 }), RangeError)
    assert.throws(make({ seed: new Uint8Array(7) }), /seed: expected 8 bytes/)
    const tally = make({})()
    assert.throws(() => tally.addBatch(25, entry(1, 1)), /member: expected an integer in 0 … 24, got 25/)
    assert.throws(() => tally.addBatch(0, entry(1, 1).subarray(1)), /entries: expected a multiple of 64 bytes, got 63/)
    assert.throws(() => tally.add(0, digest(1).subarray(1), digest(1)), /key: expected 32 bytes, got 31/)
    assert.throws(() => tally.mask(digest(1), new Uint8Array(33)), /candidate: expected 32 bytes, got 33/)
    assert.is(tally.size, 0)
  })

  test.run()
}

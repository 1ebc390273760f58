/**
 * Some 180,000 cases of chance for both builds of every kernel and for the codec, against @noble, plain loops,
 * Maps and an encoder of its own. The seed is printed; `FUZZ_SEED=n` repeats a run.
 */

import { randomInt } from 'node:crypto'
import { chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { blake3 } from '@noble/hashes/blake3.js'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromText } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { createBitmaps } from '../../src/wasm/bitmap.ts'
import { createGallery } from '../../src/wasm/gallery.ts'
import { createHashDoor } from '../../src/wasm/hash.ts'
import { createMatchDoor } from '../../src/wasm/match.ts'
import { createSealDoor } from '../../src/wasm/seal.ts'
import { createTally } from '../../src/wasm/tally.ts'
import { createVerifyDoor } from '../../src/wasm/verify.ts'
import { subset, toBitmap, weigh } from '../kit/targets/bitmap.ts'
import { Chance } from '../kit/targets/chance.ts'
import { mangled, plainEncode, plainReads, refusalOf } from '../kit/targets/codec.ts'
import { isEqual } from '../kit/targets/ledger.ts'
import { near, sameRanks } from '../kit/targets/match.ts'
import { anySignature, byOracle } from '../kit/targets/signature.ts'
import { digest, TallyModel } from '../kit/targets/tally.ts'
import { cosine, dot } from '../kit/vectors.ts'
import { BUILDS } from '../kit/wasm.ts'

const fuzz = suite('system: fuzz')
const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31))
const CASES_MIN = 175_000
const BYTES_MAX = 100_000
let cases = 0

/** Content comes from a seed, which is quicker than from the generator and as good; lengths shrink. */
const seed = fc.nat(2 ** 31)
const length = fc.oneof(
  { weight: 12, arbitrary: fc.nat(260) },
  { weight: 6, arbitrary: fc.nat(2100) },
  { weight: 1, arbitrary: fc.nat(20_000) },
)
const bits = fc.boolean()

fuzz.before(() => void process.stdout.write(`FUZZ_SEED=${SEED}\n`))

fuzz('hashing: hash, keyed hash, derived key and in pieces', () => {
  const doors = BUILDS.map((build) => createHashDoor(build))
  const size = fc.oneof(fc.constant(32), fc.integer({ min: 1, max: 300 }))
  const pieces = fc.array(fc.integer({ min: 1, max: 1500 }), { maxLength: 6 })
  const way = fc.constantFrom('hash', 'keyed', 'derived', 'pieces', 'keyed pieces')
  run(
    50_000,
    fc.property(seed, length, size, way, pieces, (from, bytes, dkLen, how, cuts) => {
      const chance = new Chance(from)
      const [message, key] = [chance.bytes(bytes), chance.bytes(32)]
      const context = `context ${from % 50}`
      const secret = how.startsWith('keyed') ? { key } : how === 'derived' ? { context: fromText(context) } : {}
      const expected = blake3(message, { dkLen, ...secret })
      for (const door of doors) {
        if (how === 'hash') same(door.hash(message, dkLen), expected)
        else if (how === 'keyed') same(door.keyed(key, message, dkLen), expected)
        else if (how === 'derived') same(door.deriveKey(context, message, dkLen), expected)
        else {
          const hasher = door.create(how === 'pieces' ? undefined : key)
          let at = 0
          for (const cut of cuts) {
            hasher.update(message.subarray(at, at + cut))
            at += cut
          }
          same(hasher.update(message.subarray(at)).digest(dkLen), expected)
        }
      }
    }),
  )
})

fuzz('sealing: sealed, opened, and any change refused', () => {
  const doors = BUILDS.map((build) => createSealDoor(build))
  const part = fc.constantFrom('key', 'nonce', 'sealed', 'aad')
  run(
    50_000,
    fc.property(seed, length, fc.nat(100), bits, part, (from, bytes, besides, extended, changed) => {
      const chance = new Chance(from)
      const [key, nonce, aad] = [chance.bytes(32), chance.bytes(extended ? 24 : 12), chance.bytes(besides + 1)]
      const plaintext = chance.bytes(bytes)
      const sealed = (extended ? xchacha20poly1305 : chacha20poly1305)(key, nonce, aad).encrypt(plaintext)
      const forged = { key, nonce, sealed: sealed as Uint8Array, aad }
      forged[changed] = chance.flip(forged[changed])
      for (const door of doors) {
        const out = new Uint8Array(sealed.length)
        const text = new Uint8Array(bytes)
        door.sealInto(out, key, nonce, plaintext, aad)
        same(out, sealed)
        assert.ok(door.openInto(text, key, nonce, sealed, aad))
        same(text, plaintext)
        assert.not.ok(door.openInto(text, forged.key, forged.nonce, forged.sealed, forged.aad))
        assert.ok(text.every((byte) => byte === 0))
      }
    }),
  )
})

fuzz('the codec: values to bytes and back, and bytes that are nearly right', () => {
  const { value } = fc.letrec<{ value: Cbor }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', maxDepth: 6 },
      fc.maxSafeNat(),
      fc.nat(300),
      fc.boolean(),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.uint8Array({ maxLength: 70 }),
      fc.array(tie('value'), { maxLength: 8 }),
    ),
  }))
  run(
    60_000,
    fc.property(value, seed, (sent, from) => {
      const bytes = encode(sent)
      same(bytes, plainEncode(sent))
      assert.equal(decode(bytes, BYTES_MAX), sent)
      const changed = mangled(new Chance(from), bytes)
      assert.is(refusalOf(changed), plainReads(changed) ? null : 'not-canonical')
      if (plainReads(changed)) same(encode(decode(changed, BYTES_MAX)), changed)
    }),
  )
})

fuzz('signatures: alone and in batches', () => {
  // tables of all keys, and of two at a time
  const doors = BUILDS.flatMap((build) => [createVerifyDoor({ build }), createVerifyDoor({ build, keys: 2 })])
  const always = new Chance(SEED)
  const secrets = Array.from({ length: 12 }, () => always.bytes(32))
  let accepted = 0
  run(
    1_500,
    fc.property(seed, fc.integer({ min: 1, max: 12 }), (from, count) => {
      const chance = new Chance(from)
      // most keys are met again, some never
      const known = [...secrets, chance.bytes(32)]
      const items = Array.from({ length: count }, () => anySignature(chance, known))
      const expected = items.map(byOracle)
      accepted += expected.filter((valid) => valid).length
      cases += count - 1
      for (const door of doors) {
        assert.equal(door.verifyBatch(items), expected)
        assert.equal(
          items.map(({ key, message, signature }) => door.verify(key, message, signature)),
          expected,
        )
      }
    }),
  )
  assert.ok(accepted > 200, `only ${accepted} held`)
})

fuzz('matching: verdicts and ranks', () => {
  const dimensions = fc.integer({ min: 1, max: 32 }).map((blocks) => 16 * blocks)
  const doors = BUILDS.map((build) => createMatchDoor(build))
  run(
    8_000,
    fc.property(seed, dimensions, fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 99 }), (...args) => {
      const [from, size, count, percent] = args
      const chance = new Chance(from)
      const probe = chance.signed(size)
      const few = Array.from({ length: count }, () => near(probe, chance))
      const match = few.some((template) => cosine(probe, template) >= percent / 100)
      for (const door of doors) {
        assert.is(door.matchesAny(probe, few, percent / 100), match)
        assert.is(door.bestDot(probe, few), Math.max(...few.map((template) => dot(probe, template))))
      }
    }),
  )
  run(
    1_000,
    fc.property(seed, dimensions, fc.integer({ min: 1, max: 150 }), bits, (from, size, count, isCosine) => {
      const options = { kind: 'int8', dimensions: size, capacity: count, metric: isCosine ? 'cosine' : 'dot' } as const
      const chance = new Chance(from)
      const rows = Array.from({ length: count }, (_, i) => (i % 7 === 6 ? near(rows0(), chance) : chance.signed(size)))
      const probe = near(rows0(), chance)
      const scores = rows.map((row) => (isCosine ? cosine(row, probe) : dot(row, probe)))
      const found = BUILDS.map((build) => {
        const gallery = createGallery({ ...options, build })
        for (const row of rows) gallery.add(row)
        return gallery.search(probe, 10)
      })
      assert.equal(found[0], found[1])
      assert.ok(sameRanks(found[0] ?? [], scores, 10))

      function rows0(): Int8Array {
        return new Chance(from + 1).signed(size)
      }
    }),
  )
})

fuzz('the tally: votes in any order', () => {
  const vote = fc.tuple(fc.nat(12), fc.nat(3))
  const call = fc.tuple(fc.nat(31), fc.array(vote, { maxLength: 10 }))
  const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 32 })
  run(
    3_000,
    fc.property(weights, fc.constantFrom(1, 4, 16), fc.array(call, { maxLength: 30 }), (each, capacity, calls) => {
      const total = each.reduce((sum, weight) => sum + weight)
      const options = { weights: each, quorum: Math.ceil((2 * total) / 3), strong: total, capacity }
      const tallies = BUILDS.map((build) => createTally({ ...options, build }))
      const model = new TallyModel(options)
      for (const [number, votes] of calls) {
        const member = number % each.length
        const expected = votes.flatMap(([key, candidate], i) =>
          model.add(member, key, candidate).map((kind) => `${i} ${kind}`),
        )
        const entries = Uint8Array.from(votes.flatMap(([key, candidate]) => [...digest(key), ...digest(candidate)]))
        for (const tally of tallies) {
          const events = tally.addBatch(member, entries).map(({ index, kind }) => `${index} ${kind}`)
          assert.equal(events, expected)
        }
      }
      for (const tally of tallies) assert.equal([tally.size, tally.evictions], [model.keys.size, model.evictions])
    }),
  )
})

fuzz('bitmaps: unions, counts and weights', () => {
  run(
    2_000,
    fc.property(seed, fc.integer({ min: 1, max: 700 }), fc.nat(100), fc.nat(100), (from, nodes, some, others) => {
      const chance = new Chance(from)
      const weights = Array.from({ length: nodes }, () => chance.integer(0, 0xffffffff))
      const [one, other] = [subset(chance, nodes, some), subset(chance, nodes, others)]
      const union = new Set([...one, ...other])
      for (const build of BUILDS) {
        const bitmaps = createBitmaps({ weights, build })
        const into = toBitmap(one, bitmaps.bytes)
        bitmaps.orBitmap(into, toBitmap(other, bitmaps.bytes))
        same(into, toBitmap(union, bitmaps.bytes))
        assert.is(bitmaps.count(into), union.size)
        assert.is(bitmaps.weightOf(into), weigh(union, weights))
      }
    }),
  )
})

fuzz('those were enough', () => {
  process.stdout.write(`${cases} cases\n`)
  assert.ok(cases >= CASES_MIN, `${cases} cases`)
})

fuzz.run()

/** Asks a property that many times; a failure says the seed and the least example. */
function run<T>(numRuns: number, property: fc.IProperty<T>): void {
  fc.assert(property, { numRuns, seed: SEED })
  cases += numRuns
}

function same(got: Uint8Array, expected: Uint8Array): void {
  if (!isEqual(got, expected)) assert.equal(got, expected)
}

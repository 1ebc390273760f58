/** BLAKE3: the official vectors, the tree's edges and arbitrary inputs against @noble/hashes, on both builds. */

import { readFileSync } from 'node:fs'
import { blake3 as oracle } from '@noble/hashes/blake3.js'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { blake3, blake3Into, blake3Keyed, createBlake3, createHashDoor, deriveKey } from '../../src/wasm/hash.ts'
import { instantiate } from '../../src/wasm/load.ts'
import { BUILDS, memoryOf } from '../kit/wasm.ts'

interface Vectors {
  key: string
  context_string: string
  cases: { input_len: number; hash: string; keyed_hash: string; derive_key: string }[]
}

/** The content of BLAKE3's test_vectors/test_vectors.json. */
const vectors = JSON.parse(readFileSync(new URL('../vectors/blake3.json', import.meta.url), 'utf8')) as Vectors

const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i % 251)
const key = fromText(vectors.key)
const context = vectors.context_string

/** Lengths about every power of two and every multiple of a subtree, of the buffer and of both. */
const EDGES = [2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 66, 80, 96, 127, 128, 129, 192, 256].flatMap(
  (chunks) => [1024 * chunks - 1, 1024 * chunks, 1024 * chunks + 1],
)

for (const build of BUILDS) {
  const test = suite(`wasm/hash ${build}`)
  const door = createHashDoor(build)

  test('official vectors, extended and default output, hash, keyed hash and derived key', () => {
    assert.is(vectors.cases.length, 35)
    for (const { input_len: length, hash, keyed_hash, derive_key } of vectors.cases) {
      const message = pattern(length)
      assert.is(toHex(door.hash(message, 131)), hash, `hash of ${length}`)
      assert.is(toHex(door.hash(message)), hash.slice(0, 64))
      assert.is(toHex(door.keyed(key, message, 131)), keyed_hash, `keyed hash of ${length}`)
      assert.is(toHex(door.keyed(key, message)), keyed_hash.slice(0, 64))
      assert.is(toHex(door.deriveKey(context, message, 131)), derive_key, `key derived from ${length}`)
      assert.is(toHex(door.deriveKey(context, message)), derive_key.slice(0, 64))
    }
  })

  test('edges of chunks, subtrees and the input buffer', () => {
    const whole = pattern(Math.max(...EDGES))
    for (const length of EDGES) {
      const message = whole.subarray(0, length)
      assert.is(toHex(door.hash(message)), toHex(oracle(message)), `${length} bytes`)
    }
  })

  test('every output length about the edges of blocks, up to the greatest', () => {
    const long = oracle(pattern(2000), { dkLen: 65_536 })
    for (const length of [1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 65_535, 65_536]) {
      assert.equal(door.hash(pattern(2000), length), long.slice(0, length))
    }
  })

  test('any pieces give the same as one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 900, max: 20_000 })), { maxLength: 12 }),
        fc.boolean(),
        (lengths, isKeyed) => {
          const message = pattern(lengths.reduce((sum, length) => sum + length, 0))
          const hasher = door.create(isKeyed ? key : undefined)
          let at = 0
          for (const length of lengths) {
            hasher.update(message.subarray(at, at + length))
            at += length
          }
          const expected = isKeyed ? oracle(message, { key, dkLen: 70 }) : oracle(message, { dkLen: 70 })
          assert.equal(hasher.digest(70), expected)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('interleaved hashers and one-shot calls do not disturb each other', () => {
    const first = door.create().update(pattern(3000))
    const second = door.create(key).update(pattern(5))
    assert.equal(door.hash(pattern(2049)), oracle(pattern(2049)))
    first.update(pattern(1500))
    door.keyed(key, pattern(10))
    second.update(pattern(9000))
    const third = door.create()
    assert.equal(first.digest(), oracle(Uint8Array.of(...pattern(3000), ...pattern(1500))))
    assert.equal(second.digest(), oracle(Uint8Array.of(...pattern(5), ...pattern(9000)), { key }))
    assert.equal(third.digest(), oracle(new Uint8Array(0)))
  })

  test('arbitrary content against the oracle', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.uint8Array({ minLength: 32, maxLength: 32 }), (message, k) => {
        assert.equal(door.hash(message), oracle(message))
        assert.equal(door.keyed(k, message), oracle(message, { key: k }))
        assert.equal(door.deriveKey('a context', message), oracle(message, { context: fromText('a context') }))
      }),
      { numRuns: 60 },
    )
  })

  test('a derived key depends on every character of its context, and long contexts work', () => {
    const long = 'webx é '.repeat(300)
    assert.equal(door.deriveKey(long, key), oracle(key, { context: fromText(long) }))
    assert.not.equal(door.deriveKey('a', key), door.deriveKey('b', key))
  })

  test('views into larger buffers, and output into a part of one', () => {
    const buffer = pattern(400)
    const out = new Uint8Array(80)
    door.hashInto(out.subarray(40, 72), buffer.subarray(100, 300))
    assert.equal(out.slice(40, 72), oracle(buffer.slice(100, 300)))
    assert.ok(out.slice(0, 40).every((byte) => byte === 0) && out.slice(72).every((byte) => byte === 0))
    assert.equal(buffer, pattern(400))
  })

  test('the kernel keeps nothing of a keyed hash', () => {
    const clean = memoryOf(instantiate('hash', build))
    const kernel = instantiate<Kernel>('hash', build)
    const memory = new Uint8Array(kernel.memory.buffer)
    for (const length of [40, 40_000]) {
      memory.set(key, kernel.key.value)
      memory.set(pattern(length), kernel.input.value)
      kernel.begin(16)
      kernel.update(length)
      kernel.finish(64)
      assert.not.equal(toHex(memoryOf(kernel)), toHex(clean))
      kernel.wipe(length, 64, 1)
      assert.ok(Buffer.from(memoryOf(kernel)).equals(clean), `after ${length} bytes`)
    }
    for (const length of [0, 40, 100, 1024]) {
      memory.set(key, kernel.key.value)
      memory.set(pattern(length), kernel.input.value)
      kernel.hashShort(16, length, 40)
      kernel.wipe(length, 40, 0)
      assert.ok(Buffer.from(memoryOf(kernel)).equals(clean), `after a short one of ${length} bytes`)
    }
  })

  test('misuse is refused', () => {
    assert.throws(() => door.hash('text' as never), /message: expected a Uint8Array, got string/)
    assert.throws(() => door.hash(key, 0), /length: expected an integer in 1 … 65536, got 0/)
    assert.throws(() => door.hash(key, 65_537), RangeError)
    assert.throws(() => door.hash(key, 1.5), RangeError)
    assert.throws(() => door.keyed(key.subarray(1), key), /key: expected 32 bytes, got 31/)
    assert.throws(() => door.deriveKey(key as never, key), /context: expected a string/)
    assert.throws(() => door.hashInto(new Uint8Array(0), key), RangeError)
    const hasher = door.create()
    hasher.digest()
    assert.throws(() => hasher.digest(), TypeError)
    assert.throws(() => hasher.update(key), TypeError)
  })

  test.run()
}

const conveniences = suite('wasm/hash conveniences')

conveniences('use the default build', () => {
  const out = new Uint8Array(64)
  blake3Into(out, key)
  assert.equal(out, oracle(key, { dkLen: 64 }))
  assert.equal(blake3(key), oracle(key))
  assert.equal(blake3Keyed(key, key, 40), oracle(key, { key, dkLen: 40 }))
  assert.equal(deriveKey(context, key, 64), oracle(key, { context: fromText(context), dkLen: 64 }))
  assert.equal(createBlake3().update(key).update(key).digest(), oracle(Uint8Array.of(...key, ...key)))
})

conveniences.run()

interface Kernel {
  readonly memory: WebAssembly.Memory
  readonly key: WebAssembly.Global
  readonly input: WebAssembly.Global
  begin(mode: number): void
  update(length: number): void
  finish(length: number): void
  wipe(inputBytes: number, outputBytes: number, begun: number): void
  hashShort(mode: number, length: number, outLength: number): void
}

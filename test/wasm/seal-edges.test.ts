/**
 * Edge cases of sealing, in the manner of Wycheproof: every combination of lengths at which a block, a buffer or a way
 * of working changes, every bit of a tag, every cut, and all that must be refused. Against @noble/ciphers.
 */

import { chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeSeal } from '../../src/drivers/native-seal.ts'
import { createSealDoor, type SealDoor } from '../../src/wasm/seal.ts'
import { BUILDS } from '../kit/wasm.ts'

const LENGTHS = [
  ...[0, 1, 15, 16, 17, 63, 64, 65, 191, 192, 193, 255, 256, 257, 1023, 1024, 1025],
  ...[8191, 8192, 8193, 16_383, 16_384, 16_385],
]
const MIB = 1_048_576
const PAIRS = [
  ...LENGTHS.flatMap((text) => LENGTHS.map((aad) => [text, aad] as const)),
  ...[[MIB, 0] as const, [MIB + 1, 17] as const, [0, MIB] as const, [65, MIB - 1] as const, [MIB - 1, MIB] as const],
]
const KEY = pattern(32, 11)
const CASES = PAIRS.map(([textLength, aadLength], i) => {
  const nonce = pattern(i % 2 === 0 ? 12 : 24, i)
  const text = pattern(textLength, i + 5)
  const aad = pattern(aadLength, i + 7)
  return { nonce, text, aad, sealed: oracle(nonce)(KEY, nonce, aad).encrypt(text) }
})

const doors: [string, SealDoor][] = [
  ...BUILDS.map((build): [string, SealDoor] => [build, createSealDoor(build)]),
  ['node:crypto', createSealDoor('scalar', { native: nodeSeal, fromBytes: 0 })],
]

for (const [name, door] of doors) {
  const test = suite(`wasm/seal edges ${name}`)

  test('every pair of lengths of text and associated data', () => {
    for (const { nonce, text, aad, sealed } of CASES) {
      const lengths = `${text.length} and ${aad.length}`
      const out = new Uint8Array(sealed.length).fill(0xaa)
      door.sealInto(out, KEY, nonce, text, aad)
      assert.ok(Buffer.from(out).equals(sealed), `sealed ${lengths}`)
      const back = new Uint8Array(text.length).fill(0xaa)
      assert.ok(door.openInto(back, KEY, nonce, sealed, aad), `authentic ${lengths}`)
      assert.ok(Buffer.from(back).equals(text), `opened ${lengths}`)
    }
  })

  test('every bit of the tag, of the text and of the associated data counts', () => {
    for (const nonce of [pattern(12, 1), pattern(24, 2)]) {
      for (const length of [0, 1, 40, 300]) {
        const aad = pattern(21, 9)
        const sealed = oracle(nonce)(KEY, nonce, aad).encrypt(pattern(length, 3))
        const bits = length > 40 ? 8 * (length + 16) : 8 * sealed.length
        for (let bit = length > 40 ? 8 * length : 0; bit < bits; bit++) {
          refused(KEY, nonce, flipped(sealed, bit), aad)
        }
        for (let bit = 0; bit < 8 * aad.length; bit++) refused(KEY, nonce, sealed, flipped(aad, bit))
        for (let bit = 0; bit < 8 * nonce.length; bit++) refused(KEY, flipped(nonce, bit), sealed, aad)
        for (let bit = 0; bit < 256; bit++) refused(flipped(KEY, bit), nonce, sealed, aad)
      }
    }
  })

  test('in long messages, too: first and last bit of everything', () => {
    for (const length of [16_384, 16_385, 70_000]) {
      for (const nonce of [pattern(12, 1), pattern(24, 2)]) {
        const aad = pattern(length, 9)
        const sealed = oracle(nonce)(KEY, nonce, aad).encrypt(pattern(length, 3))
        for (const bit of [0, 8 * length - 1, 8 * length, 8 * length + 127]) {
          refused(KEY, nonce, flipped(sealed, bit), aad)
        }
        for (const bit of [0, 8 * length - 1]) refused(KEY, nonce, sealed, flipped(aad, bit))
      }
    }
  })

  test('every cut is refused, and text is not taken for associated data', () => {
    const [nonce, aad] = [pattern(24, 1), pattern(32, 2)]
    const sealed = oracle(nonce)(KEY, nonce, aad).encrypt(pattern(48, 3))
    for (let length = 0; length < sealed.length; length++) refused(KEY, nonce, sealed.subarray(0, length), aad)
    for (let length = 0; length < aad.length; length++) refused(KEY, nonce, sealed, aad.subarray(0, length))
    refused(KEY, nonce, sealed, Uint8Array.of(...aad, 0))
    refused(KEY, nonce, sealed.subarray(16), Uint8Array.of(...aad, ...sealed.subarray(0, 16)))
    refused(KEY, nonce, Uint8Array.of(...aad.subarray(16), ...sealed), aad.subarray(0, 16))
    refused(KEY, nonce, new Uint8Array(64), aad)
  })

  test('keys and nonces of other lengths are refused', () => {
    const text = pattern(10, 1)
    const out = new Uint8Array(26)
    for (let length = 0; length <= 40; length++) {
      if (length !== 12 && length !== 24) {
        assert.throws(() => door.sealInto(out, KEY, pattern(length, 1), text), /nonce: expected 12 or 24 bytes/)
        assert.throws(() => door.openInto(text, KEY, pattern(length, 1), out), /nonce: expected 12 or 24 bytes/)
      }
      if (length !== 32) {
        assert.throws(() => door.sealInto(out, pattern(length, 1), pattern(24, 1), text), /key: expected 32 bytes/)
        assert.throws(() => door.openInto(text, pattern(length, 1), pattern(24, 1), out), /key: expected 32 bytes/)
      }
    }
  })

  test('in place, in place of what follows, and apart; never half over each other', () => {
    for (const length of [0, 1, 100, 1000, 16_384, 40_000]) {
      const nonce = pattern(24, 4)
      const text = pattern(length, 5)
      const sealed = oracle(nonce)(KEY, nonce).encrypt(text)
      const room = new Uint8Array(2 * length + 64)
      room.set(text, 8)
      door.sealInto(room.subarray(8, 8 + length + 16), KEY, nonce, room.subarray(8, 8 + length))
      assert.ok(Buffer.from(room.subarray(8, 8 + length + 16)).equals(sealed), `sealed ${length} in place`)
      assert.ok(room.subarray(0, 8).every(isZero) && room.subarray(8 + length + 16).every(isZero), 'no byte beside')
      assert.ok(door.openInto(room.subarray(8, 8 + length), KEY, nonce, room.subarray(8, 8 + length + 16)))
      assert.ok(Buffer.from(room.subarray(8, 8 + length)).equals(text), `opened ${length} in place`)
      door.sealInto(room.subarray(8 + length, 24 + 2 * length), KEY, nonce, room.subarray(8, 8 + length))
      assert.ok(
        Buffer.from(room.subarray(8 + length, 24 + 2 * length)).equals(sealed),
        `sealed ${length} behind itself`,
      )
      if (length > 16) {
        const over = room.subarray(9, 9 + length + 16)
        assert.throws(() => door.sealInto(over, KEY, nonce, room.subarray(8, 8 + length)), /overlaps/)
        assert.throws(
          () => door.openInto(room.subarray(7, 7 + length), KEY, nonce, room.subarray(8, 24 + length)),
          /overlaps/,
        )
      }
    }
  })

  /** A refusal is `false` and zeros. */
  function refused(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): void {
    const out = new Uint8Array(Math.max(0, sealed.length - 16)).fill(0xaa)
    assert.is(door.openInto(out, key, nonce, sealed, aad), false)
    assert.ok(out.every(isZero))
  }

  test.run()
}

const mixed = suite('wasm/seal edges: what one way sealed, the other opens')

mixed('about the threshold', () => {
  const door = createSealDoor('scalar', { native: nodeSeal, fromBytes: 4_096 })
  for (const [textLength, aadLength] of [
    ...[4_095, 4_096, 4_097, 0].map((length) => [length, 0] as const),
    ...[[4_000, 95] as const, [4_000, 96] as const, [0, 4_096] as const],
  ]) {
    for (const nonce of [pattern(12, 1), pattern(24, 1)]) {
      const [text, aad] = [pattern(textLength, 2), pattern(aadLength, 3)]
      const out = new Uint8Array(textLength + 16)
      door.sealInto(out, KEY, nonce, text, aad)
      assert.equal(out, oracle(nonce)(KEY, nonce, aad).encrypt(text))
    }
  }
})

mixed('a native cipher that fails leaves nothing in the output', () => {
  const failing = {
    sealInto: nodeSeal.sealInto,
    openInto(out: Uint8Array): boolean {
      out.fill(7)
      throw new Error('out of memory')
    },
  }
  const door = createSealDoor('scalar', { native: failing, fromBytes: 0 })
  const out = new Uint8Array(10)
  assert.throws(() => door.openInto(out, KEY, pattern(24, 1), pattern(26, 1)), /out of memory/)
  assert.ok(out.every(isZero))
})

mixed('the native cipher gets a subkey, and that is wiped', () => {
  const keys: Uint8Array[] = []
  const watching = {
    sealInto(out: Uint8Array, key: Uint8Array, nonce: Uint8Array, text: Uint8Array, aad: Uint8Array): void {
      keys.push(key)
      assert.ok(key.some((byte) => byte !== 0) && !Buffer.from(key).equals(KEY))
      assert.is(nonce.length, 12)
      nodeSeal.sealInto(out, key, nonce, text, aad)
    },
    openInto: nodeSeal.openInto,
  }
  const door = createSealDoor('scalar', { native: watching, fromBytes: 0 })
  door.sealInto(new Uint8Array(26), KEY, pattern(24, 1), pattern(10, 1))
  assert.ok(keys.length === 1 && keys[0]?.every(isZero))
})

mixed.run()

function oracle(nonce: Uint8Array): typeof chacha20poly1305 {
  return nonce.length === 12 ? chacha20poly1305 : xchacha20poly1305
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = bytes.slice()
  changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
  return changed
}

function pattern(length: number, salt: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => (i * 167 + (i >> 8) * 13 + salt * 29) & 255)
}

function isZero(byte: number): boolean {
  return byte === 0
}

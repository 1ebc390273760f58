/** The calibration of sealing: under a clock of our own it finds what it is shown, and a cipher that errs is never used. */

import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { calibrateNodeSeal, nodeSeal } from '../../src/drivers/native-seal.ts'
import { createSealDoor, type NativeSeal, seal, setSealDoor } from '../../src/wasm/seal.ts'
import { calibrateSeal } from '../../src/wasm/seal-calibration.ts'
import '../kit/wasm.ts'

const test = suite('wasm/seal-calibration')

test.after(() => setSealDoor(createSealDoor()))

test('a cipher that wins down to a class is used from there on', () => {
  for (const winsFrom of [262_144, 65_536, 16_384, 4_096, 1_024]) {
    const { native, nowMs } = timed((bytes) => (bytes >= winsFrom ? -1e-9 : 1))
    const found = calibrateSeal(native, nowMs)
    assert.is(found.isTrusted, true)
    assert.is(found.nativeFromBytes, winsFrom)
    assert.is(found.timings.at(-1)?.bytes, Math.max(1_024, winsFrom / 4))
  }
})

test('a cipher that always loses is never used, however right it is', () => {
  const { native, nowMs } = timed(() => 5)
  assert.is(calibrateSeal(native, nowMs).nativeFromBytes, null)
})

test('the doors use what was found', () => {
  const { native, nowMs, calls } = timed((bytes) => (bytes >= 65_536 ? -1e-9 : 1))
  calibrateSeal(native, nowMs)
  const [key, nonce] = [new Uint8Array(32).fill(1), new Uint8Array(12).fill(2)]
  for (const [length, expected] of [[65_535, 0] as const, [65_536, 1] as const]) {
    calls.length = 0
    const text = new Uint8Array(length).fill(3)
    assert.ok(Buffer.from(seal(key, nonce, text)).equals(chacha20poly1305(key, nonce).encrypt(text)))
    assert.is(calls.length, expected)
  }
})

test('one wrong byte, one forgery let through, and the cipher is not used', () => {
  const lies: NativeSeal[] = [
    {
      ...nodeSeal,
      sealInto(out, key, nonce, plaintext, aad) {
        nodeSeal.sealInto(out, key, nonce, plaintext, aad)
        if (plaintext.length > 100_000) out[100_000] = (out[100_000] as number) ^ 1
      },
    },
    {
      ...nodeSeal,
      sealInto: (out, key, nonce, plaintext) => nodeSeal.sealInto(out, key, nonce, plaintext, new Uint8Array(0)),
    },
    { ...nodeSeal, openInto: (...given) => nodeSeal.openInto(...given) || true },
    { ...nodeSeal, openInto: () => false },
    {
      ...nodeSeal,
      sealInto() {
        throw new Error('forbidden here')
      },
    },
    {
      ...nodeSeal,
      openInto(out, key, nonce, sealed, aad) {
        const isAuthentic = nodeSeal.openInto(out, key, nonce, sealed, aad)
        if (isAuthentic && out.length > 0) out[out.length - 1] = (out[out.length - 1] as number) ^ 1
        return isAuthentic
      },
    },
  ]
  for (const lie of lies) {
    const found = calibrateSeal(lie, () => 0)
    assert.is(found.isTrusted, false)
    assert.is(found.nativeFromBytes, null)
    const [key, nonce, text] = [new Uint8Array(32), new Uint8Array(12), new Uint8Array(300_000)]
    assert.ok(Buffer.from(seal(key, nonce, text)).equals(chacha20poly1305(key, nonce).encrypt(text)))
  }
})

test('on this machine: node:crypto is right, and the classes are ordered', () => {
  const found = calibrateNodeSeal()
  assert.is(found.isTrusted, true)
  const sizes = found.timings.map(({ bytes }) => bytes)
  assert.ok(sizes.length >= 1 && sizes[0] === 262_144)
  assert.equal(
    sizes,
    [...sizes].sort((a, b) => b - a),
  )
  assert.ok(found.timings.every(({ wasmMs, nativeMs }) => wasmMs > 0 && nativeMs > 0))
})

test.run()

/** node:crypto under a clock that moves only while it works: by `addsMs(bytes)`, beside a thousandth at every look. */
function timed(addsMs: (bytes: number) => number): { native: NativeSeal; nowMs: () => number; calls: number[] } {
  let now = 0
  const calls: number[] = []
  const native: NativeSeal = {
    ...nodeSeal,
    sealInto(out, key, nonce, plaintext, aad) {
      calls.push(plaintext.length)
      nodeSeal.sealInto(out, key, nonce, plaintext, aad)
      now += addsMs(plaintext.length)
    },
  }
  return {
    native,
    calls,
    nowMs: () => {
      now += 1e-6
      return now
    },
  }
}

/** The platform's cipher behind the doors of sealing: official vector, pieces, tampering, and memory given back at once. */

import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, fromText, toHex } from '../../src/core/bytes.ts'
import { nodeSeal } from '../../src/drivers/native-seal.ts'

const test = suite('drivers/native-seal')
const KEY = new Uint8Array(32).map((_, i) => i + 0x80)
const NONCE = fromHex('070000004041424344454647')
const NONE = new Uint8Array(0)

test('RFC 8439, 2.8.2', () => {
  const plaintext = fromText(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  )
  const aad = fromHex('50515253c0c1c2c3c4c5c6c7')
  const sealed = new Uint8Array(plaintext.length + 16)
  nodeSeal.sealInto(sealed, KEY, NONCE, plaintext, aad)
  assert.is(
    toHex(sealed),
    'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b29' +
      '05d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b' +
      '61161ae10b594f09e26a7e902ecbd0600691',
  )
  const opened = new Uint8Array(plaintext.length)
  assert.ok(nodeSeal.openInto(opened, KEY, NONCE, sealed, aad))
  assert.equal(opened, plaintext)
})

test('about the edges of pieces, apart and in place', () => {
  for (const length of [65_535, 65_536, 65_537, 131_072, 200_000]) {
    const text = new Uint8Array(length).map((_, i) => i * 3 + (i >> 8))
    const wanted = chacha20poly1305(KEY, NONCE).encrypt(text)
    const room = new Uint8Array(length + 16)
    room.set(text)
    nodeSeal.sealInto(room, KEY, NONCE, room.subarray(0, length), NONE)
    assert.ok(Buffer.from(room).equals(wanted), `${length} sealed`)
    assert.ok(nodeSeal.openInto(room.subarray(0, length), KEY, NONCE, room, NONE))
    assert.ok(Buffer.from(room.subarray(0, length)).equals(text), `${length} opened`)
  }
})

test('a changed text, tag, nonce, key or data is refused, and the same cipher works on', () => {
  const [text, aad] = [new Uint8Array(70_000).fill(5), new Uint8Array(3)]
  const sealed = chacha20poly1305(KEY, NONCE, aad).encrypt(text)
  const out = new Uint8Array(text.length)
  const change = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
  for (const at of [0, 69_999, 70_000, 70_015]) {
    assert.is(nodeSeal.openInto(out, KEY, NONCE, change(sealed, at), aad), false)
  }
  assert.is(nodeSeal.openInto(out, change(KEY, 31), NONCE, sealed, aad), false)
  assert.is(nodeSeal.openInto(out, KEY, change(NONCE, 11), sealed, aad), false)
  assert.is(nodeSeal.openInto(out, KEY, NONCE, sealed, change(aad, 2)), false)
  assert.is(nodeSeal.openInto(out, KEY, NONCE, sealed, NONE), false)
  assert.ok(nodeSeal.openInto(out, KEY, NONCE, sealed, aad))
})

test('buffers of node:crypto do not pile up', () => {
  const text = new Uint8Array(8_388_608)
  const out = new Uint8Array(text.length + 16)
  const before = process.memoryUsage().arrayBuffers
  nodeSeal.sealInto(out, KEY, NONCE, text, NONE)
  assert.ok(nodeSeal.openInto(text, KEY, NONCE, out, NONE))
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_048_576)
})

test.run()

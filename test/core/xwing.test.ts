/**
 * X-Wing and HPKE over it.
 *
 * Oracles: the draft's vectors, what another HPKE library made of the same seeds, ML-KEM and X25519 of OpenSSL, and the X-Wing of @noble/post-quantum.
 */

import { createPrivateKey, createPublicKey, decapsulate, diffieHellman } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { x25519 } from '@noble/curves/ed25519.js'
import { ml_kem768_x25519 } from '@noble/post-quantum/hybrid.js'
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, toHex } from '../../src/core/bytes.ts'
import { type AgreementHalf, receiverOf, senderOf } from '../../src/core/hpke.ts'
import {
  expandXWingSeed,
  latticePublicKey,
  type XWingHalf,
  xwingDecapsulate,
  xwingEncapsulate,
  xwingPublicKey,
} from '../../src/core/xwing.ts'
import { codeOf } from '../kit/refusal.ts'
import '../kit/wasm.ts'

const test = suite('x-wing')

interface Vector {
  seed: string
  eseed: string
  publicKeyStart: string
  publicKeyEnd: string
  encStart: string
  encEnd: string
  shared: string
  info: string
  plaintext: string
  seals: { aad: string; ciphertext: string }[]
  exports: { context: string; value: string }[]
}

const { vectors } = JSON.parse(readFileSync(new URL('../vectors/xwing.json', import.meta.url), 'utf8')) as {
  vectors: Vector[]
}

test('the draft’s vectors: keys, ciphertexts and secrets', () => {
  for (const vector of vectors) {
    const half = halfOf(fromHex(vector.seed))
    const publicKey = xwingPublicKey(half)
    assert.is(toHex(publicKey).slice(0, vector.publicKeyStart.length), vector.publicKeyStart)
    assert.is(toHex(publicKey).slice(-vector.publicKeyEnd.length), vector.publicKeyEnd)
    const made = encapsulateWith(publicKey, fromHex(vector.eseed))
    assert.is(made.kemId, 0x647a)
    assert.is(toHex(made.enc).slice(0, vector.encStart.length), vector.encStart)
    assert.is(toHex(made.enc).slice(-vector.encEnd.length), vector.encEnd)
    assert.is(toHex(made.shared), vector.shared)
    assert.is(toHex(xwingDecapsulate(made.enc, half).shared), vector.shared)
  }
})

test('HPKE over X-Wing: what another library seals and exports', () => {
  for (const vector of vectors) {
    const half = halfOf(fromHex(vector.seed))
    const made = encapsulateWith(xwingPublicKey(half), fromHex(vector.eseed))
    const info = fromHex(vector.info)
    const receiver = receiverOf(xwingDecapsulate(made.enc, half), info)
    const sender = senderOf(made, info)
    for (const { aad, ciphertext } of vector.seals) {
      assert.is(toHex(sender.seal(fromHex(vector.plaintext), fromHex(aad))), ciphertext)
      assert.is(toHex(receiver.open(fromHex(ciphertext), fromHex(aad))), vector.plaintext)
    }
    for (const { context, value } of vector.exports) {
      assert.is(toHex(sender.exportSecret(fromHex(context), 32)), value)
      assert.is(toHex(receiver.exportSecret(fromHex(context), 32)), value)
    }
    assert.equal(made.shared, new Uint8Array(32), 'the secret is wiped by who takes it')
  }
})

test('the X-Wing of another library, byte for byte', () => {
  for (let i = 0; i < 8; i++) {
    const [seed, eseed] = [new Uint8Array(32).fill(i), new Uint8Array(64).fill(i + 100)]
    const theirs = ml_kem768_x25519.keygen(seed)
    const half = halfOf(seed)
    assert.equal(xwingPublicKey(half), theirs.publicKey)
    const ours = encapsulateWith(theirs.publicKey, eseed)
    const other = ml_kem768_x25519.encapsulate(theirs.publicKey, eseed)
    assert.equal(ours.enc, other.cipherText)
    assert.equal(ours.shared, other.sharedSecret)
  }
})

test('halves that OpenSSL keeps, made of the same seed', () => {
  for (let i = 0; i < 4; i++) {
    const seed = new Uint8Array(32).fill(i + 30)
    const { latticeSeed, curveSecret } = expandXWingSeed(seed)
    // PKCS #8 of ML-KEM-768 with the seed alone (draft-ietf-lamps-kyber-certificates)
    const der = Buffer.concat([Buffer.from('3054020100300b060960864801650304040204428040', 'hex'), latticeSeed])
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
    const half: XWingHalf = {
      lattice: {
        publicKey: new Uint8Array(spki.subarray(-1184)),
        decapsulate: (ciphertext) => new Uint8Array(decapsulate(privateKey, ciphertext)),
      },
      curve: opensslHalf(curveSecret),
    }
    assert.equal(xwingPublicKey(half), xwingPublicKey(halfOf(seed)))
    const made = encapsulateWith(xwingPublicKey(half), new Uint8Array(64).fill(i))
    assert.equal(xwingDecapsulate(made.enc, half).shared, made.shared)
  }
})

test('the lattice half of a decoy is a public key like any other', () => {
  const { latticeSeed } = expandXWingSeed(new Uint8Array(32).fill(7))
  assert.equal(latticePublicKey(latticeSeed), halfOf(new Uint8Array(32).fill(7)).lattice.publicKey)
})

test('a forged enc yields another secret, wherever it was changed', () => {
  const half = halfOf(new Uint8Array(32).fill(9))
  const made = encapsulateWith(xwingPublicKey(half), new Uint8Array(64).fill(5))
  for (const at of [0, 500, 1_087, 1_088, 1_110]) {
    const enc = made.enc.slice()
    enc[at] = (enc[at] as number) ^ 1
    assert.not.equal(xwingDecapsulate(enc, half).shared, made.shared, `byte ${at}`)
  }
  const receiver = receiverOf(xwingDecapsulate(made.enc, halfOf(new Uint8Array(32).fill(10))), new Uint8Array(0))
  const sealed = senderOf(made, new Uint8Array(0)).seal(fromHex('01'))
  assert.is(
    codeOf(() => receiver.open(sealed)),
    'tampered',
  )
})

test('keys and lengths that are refused', () => {
  const half = halfOf(new Uint8Array(32).fill(9))
  const publicKey = xwingPublicKey(half)
  const [message, ephemeral] = [new Uint8Array(32), nobleHalf(new Uint8Array(32).fill(1))]
  // 0xfff in the first coefficient: beyond the modulus
  const beyond = concat(fromHex('ffff'), publicKey.subarray(2))
  assert.is(
    codeOf(() => xwingEncapsulate(beyond, message, ephemeral)),
    'bad-key',
  )
  for (const action of [
    () => xwingEncapsulate(publicKey.subarray(1), message, ephemeral),
    () => xwingEncapsulate(publicKey, message.subarray(1), ephemeral),
    () => xwingDecapsulate(new Uint8Array(1_119), half),
    () => expandXWingSeed(new Uint8Array(31)),
    () => latticePublicKey(new Uint8Array(63)),
    () => senderOf({ kemId: 1, enc: message, shared: new Uint8Array(31) }, message),
  ]) {
    assert.is(codeOf(action), 'bad-argument')
  }
})

function encapsulateWith(publicKey: Uint8Array, eseed: Uint8Array) {
  return xwingEncapsulate(publicKey, eseed.subarray(0, 32), opensslHalf(eseed.subarray(32)))
}

function halfOf(seed: Uint8Array): XWingHalf {
  const { latticeSeed, curveSecret } = expandXWingSeed(seed)
  const { publicKey, secretKey } = ml_kem768.keygen(latticeSeed)
  const lattice = { publicKey, decapsulate: (ciphertext: Uint8Array) => ml_kem768.decapsulate(ciphertext, secretKey) }
  return { lattice, curve: nobleHalf(curveSecret) }
}

function nobleHalf(secret: Uint8Array): AgreementHalf {
  return { publicKey: x25519.getPublicKey(secret), agree: (peer) => x25519.getSharedSecret(secret, peer) }
}

function opensslHalf(secret: Uint8Array): AgreementHalf {
  const der = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), secret])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32))
  const agree = (peer: Uint8Array) => {
    const key = Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), peer])
    const peerKey = createPublicKey({ key, format: 'der', type: 'spki' })
    return new Uint8Array(diffieHellman({ privateKey, publicKey: peerKey }))
  }
  return { publicKey, agree }
}

test.run()

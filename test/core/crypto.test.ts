import { createHash, generateKeyPairSync, type KeyObject, sign as nodeSign, verify as nodeVerify } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex } from '../../src/core/bytes.ts'
import { assertPublicKey, RecheckBudget, verifySignature, verifySignatureSync } from '../../src/core/crypto.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { codeOf, codeOfAsync } from '../kit/refusal.ts'

const test = suite('crypto: the one Ed25519 rule')
const { Point } = ed25519
const ORDER = Point.Fn.ORDER
const MESSAGE = new TextEncoder().encode('a vote')

/** The eight points of small order; those of order 8 generate the torsion that libraries disagree about. */
const TORSION_8 = Point.fromBytes(fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'))

function littleEndian(scalar: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((scalar >> BigInt(8 * i)) & 255n))
}

function challenge(r: Uint8Array, a: Uint8Array, message: Uint8Array): bigint {
  const digest = createHash('sha512')
    .update(concat(r, a, message))
    .digest()
  return digest.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) % ORDER
}

/** A signature by scalar `a` whose public key and nonce point carry chosen torsion. */
function craft(torsionOfKey: number, torsionOfNonce: number): { key: Uint8Array; signature: Uint8Array } {
  const a = 123456789n
  const r = 987654321n
  const key = Point.BASE.multiply(a).add(torsion(torsionOfKey)).toBytes()
  const nonce = Point.BASE.multiply(r).add(torsion(torsionOfNonce)).toBytes()
  const s = (r + challenge(nonce, key, MESSAGE) * a) % ORDER
  return { key, signature: concat(nonce, littleEndian(s)) }
}

function torsion(times: number): InstanceType<typeof Point> {
  return times === 0 ? Point.ZERO : TORSION_8.multiply(BigInt(times))
}

function nativeVerdict(key: Uint8Array, signature: Uint8Array): boolean {
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key])
  return nodeVerify(null, MESSAGE, { key: spki, format: 'der', type: 'spki' } as unknown as KeyObject, signature)
}

test('accepts RFC 8032 test 3 and what node:crypto signs', async () => {
  const key = fromHex('fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025')
  const signature = fromHex(
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  )
  assert.ok(await verifySignature(key, fromHex('af82'), signature))
  assert.not(await verifySignature(key, fromHex('af83'), signature))
  const pair = generateKeyPairSync('ed25519')
  const raw = new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
  assert.ok(await verifySignature(raw, MESSAGE, nodeSign(null, MESSAGE, pair.privateKey)))
})

test('torsion in the nonce point: the network accepts what OpenSSL rejects', async () => {
  for (let times = 1; times < 8; times++) {
    const { key, signature } = craft(0, times)
    assert.not(nativeVerdict(key, signature), 'the vector is meant to divide libraries')
    assert.ok(await verifySignature(key, MESSAGE, signature), `torsion ${times}`)
    assert.ok(verifySignatureSync(key, MESSAGE, signature))
  }
})

test('a key of mixed order is accepted alike by both ways', async () => {
  for (let times = 1; times < 8; times++) {
    const { key, signature } = craft(times, 0)
    assert.ok(await verifySignature(key, MESSAGE, signature), `torsion ${times}`)
    assert.ok(verifySignatureSync(key, MESSAGE, signature))
  }
})

test('the second look is spared where the budget is spent', async () => {
  const { key, signature } = craft(0, 1)
  assert.not(await verifySignature(key, MESSAGE, signature, () => false))
})

test('refuses s ≥ L', async () => {
  const { key, signature } = craft(0, 0)
  assert.ok(await verifySignature(key, MESSAGE, signature))
  const s = signature.subarray(32).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  const malleable = concat(signature.subarray(0, 32), littleEndian(s + ORDER))
  assert.not(await verifySignature(key, MESSAGE, malleable))
  assert.not(verifySignatureSync(key, MESSAGE, malleable))
})

test('refuses keys of small order and keys that are not canonical', async () => {
  const small = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  ]
  const notCanonical = [
    // y = p, p + 1, 2^255 − 1, and x = 0 with a sign
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0100000000000000000000000000000000000000000000000000000000000080',
  ]
  for (const hex of [...small, ...notCanonical]) {
    assert.is(
      codeOf(() => assertPublicKey(fromHex(hex))),
      'bad-key',
      hex,
    )
    assert.is(await codeOfAsync(() => verifySignature(fromHex(hex), MESSAGE, new Uint8Array(64))), 'bad-key')
  }
})

test('refuses a nonce point that is not canonical or no point at all', async () => {
  const { key, signature } = craft(0, 0)
  for (const hex of [
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0200000000000000000000000000000000000000000000000000000000000000',
  ]) {
    assert.not(await verifySignature(key, MESSAGE, concat(fromHex(hex), signature.subarray(32))))
  }
  assert.not(await verifySignature(key, MESSAGE, signature.subarray(0, 63)))
})

test('the budget is per peer and second', () => {
  const budget = new RecheckBudget()
  for (let i = 0; i < LIMITS.recheckPerPeerPerSecondMax; i++) assert.ok(budget.spend('a', 1000))
  assert.not(budget.spend('a', 1999))
  assert.ok(budget.spend('b', 1999))
  assert.ok(budget.spend('a', 2000))
})

test.run()

import { createHash, generateKeyPairSync, type KeyObject, sign as nodeSign, verify as nodeVerify } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex } from '../../src/core/bytes.ts'
import { assertPublicKey, type SignatureCheck, verifyGroups, verifySignature } from '../../src/core/crypto.ts'
import '../../src/drivers/wasm-files.ts'
import { codeOf } from '../kit/refusal.ts'

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

test('accepts RFC 8032 test 3 and what node:crypto signs', () => {
  const key = fromHex('fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025')
  const signature = fromHex(
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  )
  assert.ok(verifySignature(key, fromHex('af82'), signature))
  assert.not(verifySignature(key, fromHex('af83'), signature))
  const pair = generateKeyPairSync('ed25519')
  const raw = new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
  assert.ok(verifySignature(raw, MESSAGE, nodeSign(null, MESSAGE, pair.privateKey)))
})

test('torsion in the nonce point: the network accepts what OpenSSL rejects', () => {
  for (let times = 1; times < 8; times++) {
    const { key, signature } = craft(0, times)
    assert.not(nativeVerdict(key, signature), 'the vector is meant to divide libraries')
    assert.ok(verifySignature(key, MESSAGE, signature), `torsion ${times}`)
  }
})

test('a key of mixed order is accepted', () => {
  for (let times = 1; times < 8; times++) {
    const { key, signature } = craft(times, 0)
    assert.ok(verifySignature(key, MESSAGE, signature), `torsion ${times}`)
  }
})

test('refuses s ≥ L', () => {
  const { key, signature } = craft(0, 0)
  assert.ok(verifySignature(key, MESSAGE, signature))
  const s = signature.subarray(32).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  const malleable = concat(signature.subarray(0, 32), littleEndian(s + ORDER))
  assert.not(verifySignature(key, MESSAGE, malleable))
})

test('refuses keys of small order and keys that are not canonical', () => {
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
    assert.is(
      codeOf(() => verifySignature(fromHex(hex), MESSAGE, new Uint8Array(64))),
      'bad-key',
    )
  }
})

test('refuses a nonce point that is not canonical or no point at all', () => {
  const { key, signature } = craft(0, 0)
  for (const hex of [
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0200000000000000000000000000000000000000000000000000000000000000',
  ]) {
    assert.not(verifySignature(key, MESSAGE, concat(fromHex(hex), signature.subarray(32))))
  }
  assert.not(verifySignature(key, MESSAGE, signature.subarray(0, 63)))
})

test('many at once: the same verdict for each, and no word is said of a key that breaks the rule', () => {
  const [good, odd] = [craft(0, 0), craft(0, 3)]
  const small = new Uint8Array(32)
  const checks = [
    { ...good, message: MESSAGE },
    { ...good, message: new Uint8Array(7) },
    { ...odd, message: MESSAGE },
    { key: small, message: MESSAGE, signature: good.signature },
    { ...good, message: MESSAGE, signature: good.signature.subarray(1) },
  ]
  const singly = [true, false, true, false, false]
  assert.equal(verifyGroups(checks.map((check) => [check])), singly)
  const [valid, , torsion] = checks as [SignatureCheck, SignatureCheck, SignatureCheck]
  const short = { ...valid, key: good.key.subarray(1) }
  const groups = [
    [],
    [valid, torsion],
    [valid],
    ...checks.map((check) => [valid, check, torsion]),
    [short],
    [valid, short],
  ]
  assert.equal(verifyGroups(groups), [true, true, true, ...singly, false, false])
  assert.equal(verifyGroups([[valid, ...Array.from({ length: 99 }, () => torsion)]]), [true])
  assert.equal(verifyGroups([[...Array.from({ length: 99 }, () => torsion), checks[1] as SignatureCheck]]), [false])
})

test.run()

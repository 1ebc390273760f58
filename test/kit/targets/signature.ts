/**
 * Signatures by chance about which libraries disagree, made with @noble's curve arithmetic: keys and nonce points with
 * torsion, of small order and in encodings that are not canonical, and scalars beyond the group's order.
 *
 * Ed25519 after RFC 8032; what the network accepts is said in `src/core/crypto.ts`.
 */

import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concat, fromHex } from '../../../src/core/bytes.ts'
import type { Chance } from './chance.ts'

const { Point } = ed25519
/** Order of the base point. */
const ORDER = Point.Fn.ORDER
const PRIME = Point.Fp.ORDER
/** Where an encoding has the sign of x. */
const SIGN = 1n << 255n
const EIGHTH = Point.fromBytes(fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'))
/** The eight points whose eightfold is the identity. */
const TORSION = Array.from({ length: 8 }, (_, times) => (times === 0 ? Point.ZERO : EIGHTH.multiply(BigInt(times))))

/** Points of small order with y + p in place of y, or with a sign where x is zero; and what is no point at all. */
const STRANGE = [
  ...[PRIME, PRIME + 1n, PRIME + SIGN, PRIME + 1n + SIGN],
  ...[1n + SIGN, PRIME - 1n + SIGN],
  ...[2n, SIGN - 1n, 2n * SIGN - 1n],
].map(littleEndian)

/** A signature to be judged. */
export interface Signature {
  readonly key: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** Ways to come to a signature that may or may not hold. */
const WAYS = ['honest', 'message', 'signature', 'key', 'torsion', 'small', 'beyond', 'strange', 'noise'] as const

/** A signature by one of these secrets (of 32 bytes) or by none, spoilt or crafted in one of many ways. */
export function anySignature(chance: Chance, secrets: readonly Uint8Array[]): Signature {
  const secret = chance.one(secrets)
  const message = chance.bytes(chance.integer(0, chance.one([3, 100, 300])))
  const honest = { key: ed25519.getPublicKey(secret), message, signature: ed25519.sign(message, secret) }
  const [a, r] = [ed25519.utils.getExtendedPublicKey(secret).scalar, scalar(chance)]
  switch (chance.one(WAYS)) {
    case 'honest':
      return honest
    case 'message':
      return { ...honest, message: concat(message, chance.bytes(1)) }
    case 'signature':
      return { ...honest, signature: chance.flip(honest.signature) }
    case 'key':
      return { ...honest, key: chance.flip(honest.key) }
    case 'torsion':
      return signed(message, encoded([a, chance.one(TORSION)]), a, encoded([r, chance.one(TORSION)]), r)
    case 'small':
      return signed(message, encoded([0n, chance.one(TORSION)]), 0n, encoded([r, chance.one(TORSION)]), r)
    case 'beyond': {
      const s = fromLittleEndian(honest.signature.subarray(32)) + BigInt(chance.integer(1, 14)) * ORDER
      return { ...honest, signature: concat(honest.signature.subarray(0, 32), littleEndian(s)) }
    }
    case 'strange':
      return signed(message, honest.key, a, chance.one(STRANGE), 0n)
    case 'noise':
      return {
        key: chance.bytes(32),
        message,
        signature: concat(chance.bytes(63), Uint8Array.of(chance.integer(0, 15))),
      }
  }
}

/** A random scalar, 0 < x < L. */
function scalar(chance: Chance): bigint {
  return 1n + (fromLittleEndian(chance.bytes(64)) % (ORDER - 1n))
}

/**
 * A signature of `message` by the key whose discrete logarithm is `a`, up to torsion, with a nonce point whose
 * logarithm is `r`, up to torsion; both points as they are encoded.
 */
function signed(message: Uint8Array, key: Uint8Array, a: bigint, nonce: Uint8Array, r: bigint): Signature {
  const challenge = fromLittleEndian(sha512(concat(nonce, key, message))) % ORDER
  return { key, message, signature: concat(nonce, littleEndian((r + challenge * a) % ORDER)) }
}

type Shifted = readonly [logarithm: bigint, torsion: (typeof TORSION)[number]]

function encoded([logarithm, torsion]: Shifted): Uint8Array {
  const point = logarithm === 0n ? Point.ZERO : Point.BASE.multiply(logarithm)
  return point.add(torsion).toBytes()
}

/** @noble's verdict under the network's rule; it throws where a key is not one. */
export function byOracle({ key, message, signature }: Signature): boolean {
  try {
    return ed25519.verify(signature, message, key, { zip215: false })
  } catch {
    return false
  }
}

/** Whether @noble reads these bytes as a point, without the leniency of ZIP 215, and not one of small order. */
export function isKeyByOracle(key: Uint8Array): boolean {
  try {
    return !Point.fromBytes(key, false).isSmallOrder()
  } catch {
    return false
  }
}

/** 32 bytes of a number below 2^256, the least first. */
function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
}

/** The number of which these are the bytes, the least first. */
function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

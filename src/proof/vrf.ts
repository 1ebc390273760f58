/**
 * A verifiable random function: chance that nobody chooses and everybody can check. RFC 9381, ECVRF-EDWARDS25519-SHA512-TAI (suite 3).
 *
 * Whoever holds the secret of a key computes one output for each input, cannot compute another, and proves it; who does not hold it cannot foretell a bit
 * of it. Epoch seeds and the draws of roles rest on that. The key is validated as in §5.4.5 (a key of small order has the same output for every
 * input), encodings are the canonical ones of RFC 8032.
 *
 * It runs on @noble/curves and not on our own kernel: `wasm/group.ts` is ristretto255, which by design does not tell apart the points that this proof hashes.
 */

import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { assertBytes, concat, equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { ORDER } from '../wasm/group.ts'

/** Bytes of a proof: a point, a challenge of 16 bytes, a scalar. */
export const VRF_PROOF_BYTES = 80
/** Bytes of an output. */
export const VRF_OUTPUT_BYTES = 64

const { Point } = ed25519
type Point = InstanceType<typeof Point>

const SUITE = 3
const DOMAIN = { encode: 1, challenge: 2, output: 3 } as const
const POINT_BYTES = 32
const CHALLENGE_BYTES = 16
const SCALAR_AT = POINT_BYTES + CHALLENGE_BYTES
/** Half of all tries give a point: 256 failures in a row have probability 2^−256. */
const TRIES = 256

/** The public key of a secret of 32 random bytes; the same as its Ed25519 key. */
export function vrfKeyOf(secret: Uint8Array): Uint8Array {
  assertBytes('secret', secret, 32)
  return Point.BASE.multiply(expand(secret).scalar).toBytes()
}

/**
 * The proof of the output for this input, 80 bytes (RFC 9381 §5.1). The same input has the same proof.
 *
 * Its time depends little on the secret (@noble keeps to a fixed sequence of operations, on BigInts): prove for one input an epoch, not for whoever asks.
 *
 * @param secret 32 random bytes that serve nothing else
 */
export function vrfProve(secret: Uint8Array, input: Uint8Array): Uint8Array {
  assertBytes('secret', secret, 32)
  const { scalar, prefix } = expand(secret)
  const key = Point.BASE.multiply(scalar)
  const hashed = hashToCurve(key.toBytes(), input)
  const gamma = hashed.multiply(scalar)
  const nonce = modulo(littleEndian(sha512(concat(prefix, hashed.toBytes()))))
  const challenge = challengeOf([key, hashed, gamma, Point.BASE.multiply(nonce), hashed.multiply(nonce)])
  const response = modulo(nonce + littleEndian(challenge) * scalar)
  return concat(gamma.toBytes(), challenge, Point.Fn.toBytes(response))
}

/**
 * The output that the holder of `key` has for this input, 64 bytes (RFC 9381 §5.3 with validate_key), or null unless `proof` proves it: of another
 * length, not canonical, by another key, for another input, or under a key that is no canonical point or of small order.
 */
export function vrfVerify(key: Uint8Array, input: Uint8Array, proof: Uint8Array): Uint8Array | null {
  const owner = key.length === POINT_BYTES ? toPoint(key) : null
  const parts = readProof(proof)
  if (owner === null || owner.isSmallOrder() || parts === null) return null
  const { gamma, challenge, response } = parts
  const hashed = hashToCurve(key, input)
  const c = littleEndian(challenge)
  const u = Point.BASE.multiplyUnsafe(response).subtract(owner.multiplyUnsafe(c))
  const v = hashed.multiplyUnsafe(response).subtract(gamma.multiplyUnsafe(c))
  return equal(challenge, challengeOf([owner, hashed, gamma, u, v])) ? outputOf(gamma) : null
}

/** The output of a proof that holds (RFC 9381 §5.2): its maker knows it without checking. Null for what cannot be a proof. */
export function vrfOutput(proof: Uint8Array): Uint8Array | null {
  const parts = readProof(proof)
  return parts && outputOf(parts.gamma)
}

function readProof(proof: Uint8Array): { gamma: Point; challenge: Uint8Array; response: bigint } | null {
  if (proof.length !== VRF_PROOF_BYTES) return null
  const gamma = toPoint(proof.subarray(0, POINT_BYTES))
  const response = littleEndian(proof.subarray(SCALAR_AT))
  if (gamma === null || response >= ORDER) return null
  return { gamma, challenge: proof.subarray(POINT_BYTES, SCALAR_AT), response }
}

/** ECVRF_encode_to_curve_try_and_increment, with the key as salt (§5.4.1.1). */
function hashToCurve(key: Uint8Array, input: Uint8Array): Point {
  for (let count = 0; count < TRIES; count++) {
    const digest = sha512(concat(Uint8Array.of(SUITE, DOMAIN.encode), key, input, Uint8Array.of(count, 0)))
    const point = toPoint(digest.subarray(0, POINT_BYTES))?.clearCofactor()
    if (point !== undefined && !point.is0()) return point
  }
  throw new WebxError('internal', 'vrf: no point in 256 tries')
}

/** §5.4.3, with the key among the points. */
function challengeOf(points: readonly Point[]): Uint8Array {
  const said = points.map((point) => point.toBytes())
  const digest = sha512(concat(Uint8Array.of(SUITE, DOMAIN.challenge), ...said, Uint8Array.of(0)))
  return digest.slice(0, CHALLENGE_BYTES)
}

function outputOf(gamma: Point): Uint8Array {
  const cleared = gamma.clearCofactor().toBytes()
  return sha512(concat(Uint8Array.of(SUITE, DOMAIN.output), cleared, Uint8Array.of(0)))
}

/** The secret scalar and what nonces are made from (RFC 8032 §5.1.5). The scalar is reduced: the base has order L, and so has every hashed point. */
function expand(secret: Uint8Array): { scalar: bigint; prefix: Uint8Array } {
  const digest = sha512(secret)
  digest[0] = (digest[0] as number) & 248
  digest[31] = ((digest[31] as number) & 127) | 64
  return { scalar: modulo(littleEndian(digest.subarray(0, 32))), prefix: digest.slice(32) }
}

/** The point of a canonical encoding (RFC 8032 §5.1.3), or null. */
function toPoint(bytes: Uint8Array): Point | null {
  try {
    return Point.fromBytes(bytes)
  } catch {
    return null
  }
}

function modulo(value: bigint): bigint {
  return value % ORDER
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number)
  return value
}

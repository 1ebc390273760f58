/**
 * A verifiable random function: chance that nobody chooses and everybody can check. RFC 9381, ECVRF-EDWARDS25519-SHA512-TAI (suite 3).
 *
 * Whoever holds the secret of a key computes one output for each input, cannot compute another, and proves it; who does not hold it cannot foretell a bit
 * of it. Epoch seeds and the draws of roles rest on that. The key is validated as in §5.4.5 (a key of small order has the same output for every
 * input), encodings are the canonical ones of RFC 8032.
 */

import { sha512 } from '@noble/hashes/sha2.js'
import { assertBytes, concat, equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { type CurveDoor, group, ORDER, type Point } from '../wasm/group.ts'

/** Bytes of a proof: a point, a challenge of 16 bytes, a scalar. */
export const VRF_PROOF_BYTES = 80
/** Bytes of an output. */
export const VRF_OUTPUT_BYTES = 64

const SUITE = 3
const DOMAIN = { encode: 1, challenge: 2, output: 3 } as const
const POINT_BYTES = 32
const CHALLENGE_BYTES = 16
const SCALAR_AT = POINT_BYTES + CHALLENGE_BYTES
/** Half of all tries give a point: 256 failures in a row have probability 2^−256. */
const TRIES = 256
const COFACTOR = 8n
/** The base point: y = 4/5, and an even x. */
const BASE = new Uint8Array(POINT_BYTES).fill(0x66).fill(0x58, 0, 1)

/** The public key of a secret of 32 random bytes; the same as its Ed25519 key. */
export function vrfKeyOf(secret: Uint8Array): Uint8Array {
  assertBytes('secret', secret, 32)
  return inScope((curve) => encodingOf(curve, curve.mulSecret(expand(secret).scalar, baseOf(curve))))
}

/**
 * The proof of the output for this input, 80 bytes (RFC 9381 §5.1). The same input has the same proof.
 *
 * @param secret 32 random bytes that serve nothing else
 */
export function vrfProve(secret: Uint8Array, input: Uint8Array): Uint8Array {
  const key = vrfKeyOf(secret)
  const { scalar, prefix } = expand(secret)
  return inScope((curve) => {
    const hashed = hashToCurve(curve, key, input)
    const nonce = curve.reduceWide(sha512(concat(prefix, encodingOf(curve, hashed))))
    const gamma = curve.mulSecret(scalar, hashed)
    const commitments = [curve.mulSecret(nonce, baseOf(curve)), curve.mulSecret(nonce, hashed)]
    const [hashedBytes, gammaBytes, ...said] = curve.encodeOfCurve([hashed, gamma, ...commitments]) as Encodings
    const challenge = challengeOf([key, hashedBytes, gammaBytes, ...said])
    const response = curve.mulAdd(concat(challenge, new Uint8Array(CHALLENGE_BYTES)), scalar, nonce)
    return concat(gammaBytes, challenge, response)
  })
}

/**
 * The output that the holder of `key` has for this input, 64 bytes (RFC 9381 §5.3 with validate_key), or null unless `proof` proves it: of another
 * length, not canonical, by another key, for another input, or under a key that is no canonical point or of small order.
 */
export function vrfVerify(key: Uint8Array, input: Uint8Array, proof: Uint8Array): Uint8Array | null {
  const parts = readProof(proof)
  if (parts === null || key.length !== POINT_BYTES) return null
  const { gammaBytes, challenge, response } = parts
  return inScope((curve) => {
    const owner = curve.decodeOfCurve(key)
    const gamma = curve.decodeOfCurve(gammaBytes)
    if (owner === null || gamma === null || curve.isIdentity(clearCofactor(curve, owner))) return null
    const hashed = hashToCurve(curve, key, input)
    const scalars = [response, littleEndian(challenge)]
    // −c·P as c·(−P): P may have a part of small order, for which −c modulo L is another number
    const u = curve.msm(scalars, [baseOf(curve), curve.negate(owner)])
    const v = curve.msm(scalars, [hashed, curve.negate(gamma)])
    const [hashedBytes, ...said] = curve.encodeOfCurve([hashed, u, v]) as Encodings
    return equal(challenge, challengeOf([key, hashedBytes, gammaBytes, ...said])) ? outputOf(curve, gamma) : null
  })
}

/** The output of a proof that holds (RFC 9381 §5.2): its maker knows it without checking. Null for what cannot be a proof. */
export function vrfOutput(proof: Uint8Array): Uint8Array | null {
  const parts = readProof(proof)
  if (parts === null) return null
  return inScope((curve) => {
    const gamma = curve.decodeOfCurve(parts.gammaBytes)
    return gamma && outputOf(curve, gamma)
  })
}

type Encodings = [Uint8Array, Uint8Array, ...Uint8Array[]]

interface Parts {
  readonly gammaBytes: Uint8Array
  readonly challenge: Uint8Array
  readonly response: bigint
}

function readProof(proof: Uint8Array): Parts | null {
  if (proof.length !== VRF_PROOF_BYTES) return null
  const response = littleEndian(proof.subarray(SCALAR_AT))
  if (response >= ORDER) return null
  return { gammaBytes: proof.subarray(0, POINT_BYTES), challenge: proof.subarray(POINT_BYTES, SCALAR_AT), response }
}

/** ECVRF_encode_to_curve_try_and_increment, with the key as salt (§5.4.1.1). */
function hashToCurve(curve: CurveDoor, key: Uint8Array, input: Uint8Array): Point {
  for (let count = 0; count < TRIES; count++) {
    const digest = sha512(concat(Uint8Array.of(SUITE, DOMAIN.encode), key, input, Uint8Array.of(count, 0)))
    const found = curve.decodeOfCurve(digest.subarray(0, POINT_BYTES))
    const point = found && clearCofactor(curve, found)
    if (point !== null && !curve.isIdentity(point)) return point
  }
  throw new WebxError('internal', 'vrf: no point in 256 tries')
}

/** §5.4.3, with the key among the points. */
function challengeOf(encodings: readonly Uint8Array[]): Uint8Array {
  const digest = sha512(concat(Uint8Array.of(SUITE, DOMAIN.challenge), ...encodings, Uint8Array.of(0)))
  return digest.slice(0, CHALLENGE_BYTES)
}

function outputOf(curve: CurveDoor, gamma: Point): Uint8Array {
  const cleared = encodingOf(curve, clearCofactor(curve, gamma))
  return sha512(concat(Uint8Array.of(SUITE, DOMAIN.output), cleared, Uint8Array.of(0)))
}

/** The secret scalar, below 2^255, and what nonces are made from (RFC 8032 §5.1.5). */
function expand(secret: Uint8Array): { scalar: Uint8Array; prefix: Uint8Array } {
  const digest = sha512(secret)
  digest[0] = (digest[0] as number) & 248
  digest[31] = ((digest[31] as number) & 127) | 64
  return { scalar: digest.slice(0, 32), prefix: digest.slice(32) }
}

function inScope<T>(work: (curve: CurveDoor) => T): T {
  const curve = group()
  return curve.scope(() => work(curve))
}

function baseOf(curve: CurveDoor): Point {
  return curve.decodeOfCurve(BASE) as Point
}

/** 8 times the point: one of the group of prime order. */
function clearCofactor(curve: CurveDoor, point: Point): Point {
  return curve.msm([COFACTOR], [point])
}

function encodingOf(curve: CurveDoor, point: Point): Uint8Array {
  return curve.encodeOfCurve([point])[0] as Uint8Array
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number)
  return value
}

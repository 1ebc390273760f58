/**
 * X-Wing: a key encapsulation that holds as long as either ML-KEM-768 or X25519 does, so that what is recorded today stays closed to a quantum computer of tomorrow.
 *
 * draft-connolly-cfrg-xwing-kem (combiner and key expansion of -06 and later), KEM 0x647a of HPKE; ML-KEM-768 is FIPS 203. The private halves never come here: both
 * answer for themselves, as in `hpke.ts`, and randomness is handed in.
 */

import { sha3_256, shake256 } from '@noble/hashes/sha3.js'
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { assertBytes, concat, fromText } from './bytes.ts'
import { WebxError } from './errors.ts'
import type { AgreementHalf, Encapsulation } from './hpke.ts'

/** Bytes of a public key: ML-KEM-768's 1184, then X25519's 32. */
export const XWING_PUBLIC_KEY_LENGTH = 1216
/** Bytes that the receiver needs: ML-KEM-768's ciphertext of 1088, then the ephemeral X25519 key of 32. */
export const XWING_ENC_LENGTH = 1120

/** The private half of an ML-KEM-768 key pair, as far as X-Wing needs it. */
export interface LatticeHalf {
  /** 1184 bytes. */
  readonly publicKey: Uint8Array
  /** 32-byte shared secret in a ciphertext of 1088 bytes; a forged one yields another secret, never an error. */
  decapsulate(ciphertext: Uint8Array): Uint8Array
}

/** Both private halves of an X-Wing key. */
export interface XWingHalf {
  readonly lattice: LatticeHalf
  readonly curve: AgreementHalf
}

/** The public key (1216 bytes) of two halves. */
export function xwingPublicKey(half: XWingHalf): Uint8Array {
  return concat(half.lattice.publicKey, half.curve.publicKey)
}

/**
 * What a 32-byte private key stands for: 64 bytes from which FIPS 203 makes the ML-KEM-768 pair (d, then z), and an X25519 private key of 32 bytes.
 *
 * Whoever keeps keys makes the two halves of these; both are secret.
 */
export function expandXWingSeed(seed: Uint8Array): { latticeSeed: Uint8Array; curveSecret: Uint8Array } {
  assertBytes('X-Wing seed', seed, 32)
  const expanded = shake256(seed, { dkLen: 96 })
  const parts = {
    latticeSeed: expanded.slice(0, LATTICE_SEED_LENGTH),
    curveSecret: expanded.slice(LATTICE_SEED_LENGTH),
  }
  expanded.fill(0)
  return parts
}

/** The ML-KEM-768 public key (1184 bytes) of a seed of 64 bytes: the half of an X-Wing key that no X25519 library makes. */
export function latticePublicKey(latticeSeed: Uint8Array): Uint8Array {
  assertBytes('lattice seed', latticeSeed, LATTICE_SEED_LENGTH)
  const { publicKey, secretKey } = ml_kem768.keygen(latticeSeed)
  secretKey.fill(0)
  return publicKey
}

/**
 * A new shared secret for the holder of `publicKey` (1216 bytes).
 *
 * @param message 32 random bytes made for this one call: ML-KEM's m
 * @param ephemeral an X25519 key made for this one call
 * @throws WebxError `bad-argument` for other lengths, `bad-key` where FIPS 203 §7.2 refuses the key
 */
export function xwingEncapsulate(publicKey: Uint8Array, message: Uint8Array, ephemeral: AgreementHalf): Encapsulation {
  assertBytes('X-Wing public key', publicKey, XWING_PUBLIC_KEY_LENGTH)
  assertBytes('message', message, 32)
  const curveKey = publicKey.subarray(LATTICE_KEY_LENGTH)
  const lattice = encapsulateLattice(publicKey.subarray(0, LATTICE_KEY_LENGTH), message)
  const agreed = ephemeral.agree(curveKey)
  const shared = combine(lattice.sharedSecret, agreed, ephemeral.publicKey, curveKey)
  return { kemId: KEM_XWING, enc: concat(lattice.cipherText, ephemeral.publicKey), shared }
}

/** The shared secret in `enc` (1120 bytes); a forged one yields another secret, so that what was sealed under it does not open. Throws `bad-argument`. */
export function xwingDecapsulate(enc: Uint8Array, half: XWingHalf): Encapsulation {
  assertBytes('enc', enc, XWING_ENC_LENGTH)
  const curveEnc = enc.subarray(LATTICE_ENC_LENGTH)
  const secret = half.lattice.decapsulate(enc.subarray(0, LATTICE_ENC_LENGTH))
  const agreed = half.curve.agree(curveEnc)
  return { kemId: KEM_XWING, enc, shared: combine(secret, agreed, curveEnc, half.curve.publicKey) }
}

const KEM_XWING = 0x647a
const LATTICE_KEY_LENGTH = 1184
const LATTICE_ENC_LENGTH = 1088
const LATTICE_SEED_LENGTH = 64
/** `\.//^\`, the draft's picture of the ship. */
const LABEL = fromText('\\.//^\\')

function encapsulateLattice(publicKey: Uint8Array, message: Uint8Array) {
  try {
    return ml_kem768.encapsulate(publicKey, message)
  } catch (cause) {
    throw new WebxError('bad-key', 'the ML-KEM-768 half of a public key is not valid', { cause })
  }
}

/** SHA3-256 over both secrets and the curve's public side; takes over the secrets and wipes them. */
function combine(lattice: Uint8Array, curve: Uint8Array, curveEnc: Uint8Array, curveKey: Uint8Array): Uint8Array {
  const input = concat(lattice, curve, curveEnc, curveKey, LABEL)
  const shared = sha3_256(input)
  for (const secret of [input, lattice, curve]) secret.fill(0)
  return shared
}

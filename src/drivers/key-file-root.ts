/**
 * All secrets of an identity out of one root of 32 bytes, so that 24 words or a few guardians bring back the very same identity on another machine.
 *
 * The first four bits of a root say what its inception is made of – bits 4 and 5 the kind of identity, bit 6 whether it commits to a later key –, the
 * other 252 are random: nobody has to remember anything beside the words. Every secret is BLAKE3 in `derive_key` mode under a context of its own, so that
 * none tells of another. Signing key number n is the one after n rotations: the inception shows key 0 and commits to key 1. The later key is an
 * ML-DSA-65 key (FIPS 204) that nothing signs with yet: should Ed25519 fall one day, who the owner is can still be shown.
 *
 * An identity that was reclaimed with its recovery keys goes on with a new root. Bit 7 marks that one: words and shares of it bring nothing back without the
 * key log, which alone says whose root it is.
 */

import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import { assertBytes, concat, equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { signedBytes, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { inceptionBody, keyEventBytes, NO_SCOPE, readInception } from '../identity/keylog.ts'
import { laterKeyDigest } from '../identity/keylog-promises.ts'
import { KINDS, type Kind } from '../identity/xqident.ts'

const ROOT_BYTES = 32
const SALT_BYTES = 16
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX_BYTES = 12
/** In the first byte of a root: its inception commits to a later key. */
const LATER_KEY = 0x40
/** In the first byte of a root: it goes on with an identity that began with another one. */
const RECLAIMING = 0x80
const KIND_BITS = 0x30
/** RFC 9881: ML-DSA-65 (2.16.840.1.101.3.4.3.18) as a seed of 32 bytes. */
const LATER_PKCS8_PREFIX = Buffer.from('3034020100300b060960864801650304031204228020', 'hex')
const LATER_KEY_BYTES = 1952

/** A new root for an identity of this kind. */
export function newRoot(kind: Kind): Uint8Array {
  return markedRoot(LATER_KEY, kind)
}

/** A new root that goes on with an identity of this kind which began with another one. */
export function newReclaimingRoot(kind: Kind): Uint8Array {
  return markedRoot(RECLAIMING, kind)
}

/** Whether a root goes on with an identity that began with another one. */
export function isReclaimingRoot(root: Uint8Array): boolean {
  assertBytes('root', root, ROOT_BYTES)
  return ((root[0] as number) & ~(KIND_BITS | 0x0f)) === RECLAIMING
}

/** What kind of identity a root is of. Throws `bad-identity` for what is no root. */
export function kindOfRoot(root: Uint8Array): Kind {
  assertBytes('root', root, ROOT_BYTES)
  const first = root[0] as number
  if (first < 2 * LATER_KEY) return KINDS[(first & KIND_BITS) >> 4] as Kind
  if (isReclaimingRoot(root)) {
    throw new WebxError('bad-identity', 'these are words or shares of a reclaimed identity, or of something else', {
      hint: 'Give the key log of that identity, too: it alone says whose they are.',
    })
  }
  throw new WebxError('bad-identity', 'these are not the words or shares of an identity', {
    hint: 'Words of a wallet or of another program look alike; give those that webx printed.',
  })
}

/** What kind of identity a root goes on with. Throws `bad-identity` for a root that does not. */
export function kindOfReclaimingRoot(root: Uint8Array): Kind {
  if (isReclaimingRoot(root)) return KINDS[((root[0] as number) & KIND_BITS) >> 4] as Kind
  throw new WebxError('bad-identity', 'this root does not go on with another identity')
}

/** The signing key after so many rotations. Throws `bad-argument` for a number out of bounds. */
export function keyOfRoot(root: Uint8Array, rotation: number): KeyObject {
  const seed = seedOfRoot(root, rotation)
  try {
    return privateKeyOf(seed)
  } finally {
    seed.fill(0)
  }
}

/** The 32-byte seed of that key; the caller wipes it. */
export function seedOfRoot(root: Uint8Array, rotation: number): Uint8Array {
  if (!Number.isInteger(rotation) || rotation < 0 || rotation > LIMITS.rotationsMax) {
    throw new WebxError('bad-argument', `there is no rotation ${rotation}`)
  }
  const material = concat(root, encode(rotation))
  const seed = blake3Of('webx v1 signing key of a root', material)
  material.fill(0)
  return seed
}

/**
 * The key by which this root, kept apart, brings another identity back. Each serves once, then comes the one with the next number.
 *
 * @param id 32-byte identity that is protected; every one has keys of its own, so that nobody sees that one root protects several
 */
export function recoveryKeyOfRoot(root: Uint8Array, id: Uint8Array, number: number): KeyObject {
  const material = concat(root, id, encode(number))
  const seed = blake3Of('webx v1 recovery key of a root', material)
  try {
    return privateKeyOf(seed)
  } finally {
    material.fill(0)
    seed.fill(0)
  }
}

/** What the voting keys of epochs come from; 32 bytes. */
export function epochSecretOfRoot(root: Uint8Array): Uint8Array {
  return blake3Of('webx v1 epoch secret of a root', root)
}

/** What secrets for sealing at rest come from; 32 bytes. */
export function restSecretOfRoot(root: Uint8Array): Uint8Array {
  return blake3Of('webx v1 rest secret of a root', root)
}

/** The ML-DSA-65 public key of a root, 1,952 bytes. */
export function laterKeyOfRoot(root: Uint8Array): Uint8Array {
  const seed = blake3Of('webx v1 later key of a root', root)
  const der = Buffer.concat([LATER_PKCS8_PREFIX, seed])
  try {
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-LATER_KEY_BYTES))
  } finally {
    seed.fill(0)
    der.fill(0)
  }
}

/** The encoded, signed inception event of a root: the same bytes every time. */
export function inceptionOfRoot(root: Uint8Array): Uint8Array {
  const kind = kindOfRoot(root)
  const key = keyOfRoot(root, 0)
  const nextKey = publicKeyOf(keyOfRoot(root, 1))
  const salt = blake3Of('webx v1 inception salt of a root', root).slice(0, SALT_BYTES)
  const later = (root[0] as number) & LATER_KEY ? { laterKeyDigest: laterKeyDigest(laterKeyOfRoot(root)) } : {}
  const body = inceptionBody({ kind, key: publicKeyOf(key), nextKey, salt, ...later })
  return keyEventBytes(body, signWith(key, signedBytes(TYPE.keyEvent, NO_SCOPE, body)))
}

/** Throws `bad-identity` unless the key that this inception shows is the first one of the root. */
export function assertRootOf(root: Uint8Array, inception: Uint8Array): void {
  kindOfRoot(root)
  if (equal(publicKeyOf(keyOfRoot(root, 0)), readInception(inception).keys[0] as Uint8Array)) return
  throw new WebxError('bad-identity', 'these are the words or shares of another identity')
}

/** An Ed25519 private key of its 32-byte seed. */
export function privateKeyOf(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([PKCS8_PREFIX, seed])
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } finally {
    der.fill(0)
  }
}

/** 32 raw bytes. */
export function publicKeyOf(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX_BYTES))
}

/** 64 bytes of a signature. */
export function signWith(key: KeyObject, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, key))
}

function markedRoot(mark: number, kind: Kind): Uint8Array {
  const root = new Uint8Array(randomBytes(ROOT_BYTES))
  root[0] = mark | (KINDS.indexOf(kind) << 4) | ((root[0] as number) & 0x0f)
  return root
}

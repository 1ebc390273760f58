/**
 * Whoever .qnt files are sealed to: the X-Wing key of an identity's device, and the X25519 key by which it redeems pings, from secrets that only that device can derive.
 *
 * The private halves are held by `node:crypto`; what they are made of is wiped.
 */

import { createPrivateKey, createPublicKey, decapsulate, type KeyObject, randomFillSync } from 'node:crypto'
import type { AgreementHalf } from '../core/hpke.ts'
import { expandXWingSeed, type XWingHalf } from '../core/xwing.ts'
import type { Chance, Holder, RecipientSuite } from '../data/recipients.ts'
import type { Keys } from '../kernel/ports.ts'
import { agree, ephemeralAgreement } from './host.ts'

/** The holder that these keys are. The same keys, and nothing else, make the same one again. */
export async function holderOf(keys: Pick<Keys, 'deriveSecret'>): Promise<Holder> {
  const seed = await keys.deriveSecret('webx v1 qnt recipient')
  try {
    return { suite: 'x-wing', half: xwingHalfOf(seed) }
  } finally {
    seed.fill(0)
  }
}

/** All holders that these keys are: by X-Wing, and by X25519 for files that small devices open, too. */
export async function holdersOf(keys: Pick<Keys, 'deriveSecret'>): Promise<Record<RecipientSuite, Holder>> {
  const secret = await keys.deriveSecret('webx v1 qnt recipient x25519')
  try {
    const half = agreementOf(privateKeyOf(CURVE_PKCS8_PREFIX, secret))
    return { 'x-wing': await holderOf(keys), x25519: { suite: 'x25519', half } }
  } finally {
    secret.fill(0)
  }
}

/** The X25519 half to which owners' pings let content keys be wrapped: what a holder names beside its signing key. The same keys make the same one again. */
export async function agreementHalfOf(keys: Pick<Keys, 'deriveSecret'>): Promise<AgreementHalf> {
  const secret = await keys.deriveSecret('webx v1 ping agreement')
  try {
    return agreementOf(privateKeyOf(CURVE_PKCS8_PREFIX, secret))
  } finally {
    secret.fill(0)
  }
}

/** The private half of an X25519 key of 32 bytes. */
export function curveHalfOf(secret: Uint8Array): AgreementHalf {
  return agreementOf(privateKeyOf(CURVE_PKCS8_PREFIX, secret))
}

/** The private halves of an X-Wing key of a seed of 32 bytes. */
export function xwingHalfOf(seed: Uint8Array): XWingHalf {
  const { latticeSeed, curveSecret } = expandXWingSeed(seed)
  try {
    const lattice = privateKeyOf(LATTICE_PKCS8_PREFIX, latticeSeed)
    return {
      lattice: {
        publicKey: rawPublicKey(lattice, LATTICE_PUBLIC_BYTES),
        decapsulate: (ciphertext) => taken(decapsulate(lattice, ciphertext)),
      },
      curve: agreementOf(privateKeyOf(CURVE_PKCS8_PREFIX, curveSecret)),
    }
  } finally {
    latticeSeed.fill(0)
    curveSecret.fill(0)
  }
}

/** The machine's chance, for wrapping keys. */
export const HOST_CHANCE: Chance = {
  random: (length) => randomFillSync(new Uint8Array(length)),
  ephemeral: ephemeralAgreement,
}

/** RFC 9935: ML-KEM-768 (2.16.840.1.101.3.4.4.2) as a seed of 64 bytes. */
const LATTICE_PKCS8_PREFIX = Buffer.from('3054020100300b060960864801650304040204428040', 'hex')
const LATTICE_PUBLIC_BYTES = 1184
/** RFC 8410: X25519. */
const CURVE_PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex')
const CURVE_PUBLIC_BYTES = 32

function agreementOf(privateKey: KeyObject): AgreementHalf {
  return {
    publicKey: rawPublicKey(privateKey, CURVE_PUBLIC_BYTES),
    agree: (peerPublicKey) => agree(privateKey, peerPublicKey),
  }
}

function privateKeyOf(prefix: Buffer, secret: Uint8Array): KeyObject {
  const der = Buffer.concat([prefix, secret])
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } finally {
    der.fill(0)
  }
}

/** The last so many bytes of an SPKI are the key itself. */
function rawPublicKey(key: KeyObject, length: number): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-length))
}

function taken(secret: Buffer): Uint8Array {
  const copy = new Uint8Array(secret)
  secret.fill(0)
  return copy
}

/**
 * What the machine itself gives: time, chance and ephemeral X25519 agreements.
 *
 * The only place where a clock, a random generator or an agreement key is made, so that everything above can be run under a simulated one.
 */

import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject, randomFillSync } from 'node:crypto'
import { assertBytes } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import type { AgreementKey, Clock, Random } from '../kernel/ports.ts'

const X25519_SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex')
/** Node clamps longer delays to one millisecond. */
const DELAY_MS_MAX = 0x7fff_ffff

/** The machine's clock. */
export function hostClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after(delayMs, action) {
      const timer = setTimeout(action, Math.min(Math.max(delayMs, 0), DELAY_MS_MAX))
      return () => clearTimeout(timer)
    },
  }
}

/** The operating system's cryptographic random generator. */
export function hostRandom(): Random {
  return { bytes: (length) => randomFillSync(new Uint8Array(length)) }
}

/** A new X25519 key pair. `wipe` gives the private half back to OpenSSL, which cleanses it when it is collected. */
export function ephemeralAgreement(): AgreementKey {
  const pair = generateKeyPairSync('x25519')
  const exported = pair.publicKey.export({ format: 'der', type: 'spki' })
  let privateKey: KeyObject | null = pair.privateKey
  return {
    publicKey: new Uint8Array(exported.subarray(X25519_SPKI_PREFIX.length)),
    agree(peerPublicKey) {
      if (!privateKey) throw new WebxError('stopped', 'this agreement key was wiped')
      return agree(privateKey, peerPublicKey)
    },
    wipe() {
      privateKey = null
    },
  }
}

/** The X25519 secret of two keys. RFC 7748 §6.1: an all-zero one means a peer key of small order. Throws `bad-key`. */
export function agree(privateKey: KeyObject, peerPublicKey: Uint8Array): Uint8Array {
  assertBytes('peer public key', peerPublicKey, 32)
  const der = Buffer.concat([X25519_SPKI_PREFIX, peerPublicKey])
  const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' })
  let shared: Buffer
  try {
    shared = diffieHellman({ privateKey, publicKey })
  } catch (cause) {
    throw new WebxError('bad-key', 'peer public key is of small order', { cause })
  }
  if (shared.every((byte) => byte === 0)) throw new WebxError('bad-key', 'peer public key is of small order')
  const secret = new Uint8Array(shared)
  shared.fill(0)
  return secret
}

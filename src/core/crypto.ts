/**
 * Ed25519 under the ONE acceptance rule of the network.
 *
 * A signature (R, s) of key A over m is valid if and only if: A and R are canonical encodings of points, A is not of small order, s < L, and
 * 8·s·B = 8·R + 8·H(R‖A‖m)·A (the cofactored equation of RFC 8032 §5.1.7). Common libraries disagree on crafted signatures; nodes that used
 * different ones for the same vote would split the network. So: a key is checked once; then an accept by OpenSSL (cofactorless, which implies
 * the rule) is final, and a reject is checked again under the rule itself, with a budget per peer because that costs milliseconds.
 */

import { createPublicKey, type KeyObject, verify as nodeVerify } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { assertBytes, toHex } from './bytes.ts'
import { WebxError } from './errors.ts'
import { LIMITS } from './limits.ts'

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const keys = new Map<string, KeyObject>()

/** Throws `bad-key` unless these 32 bytes are a canonical encoding of a point that is not of small order. */
export function assertPublicKey(raw: Uint8Array): void {
  publicKeyObject(raw)
}

/**
 * True where the signature is valid under the network's rule.
 *
 * @param key 32 raw bytes; throws `bad-key` where it breaks the rule by itself
 * @param signature 64 raw bytes
 * @param recheck asked before the slow second look at a signature that OpenSSL rejects; false skips it (the peer is over its budget)
 */
export async function verifySignature(
  key: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  recheck: () => boolean = always,
): Promise<boolean> {
  if (signature.length !== 64) return false
  const object = publicKeyObject(key)
  const accepted = await new Promise<boolean>((resolve, reject) => {
    nodeVerify(null, message, object, signature, (error, valid) => (error ? reject(error) : resolve(valid)))
  })
  return accepted || (recheck() && cofactoredVerify(key, message, signature))
}

/** The same verdict in the calling thread. */
export function verifySignatureSync(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false
  return nodeVerify(null, message, publicKeyObject(key), signature) || cofactoredVerify(key, message, signature)
}

/** A budget of slow second looks per peer and second; what is refused for want of budget is counted by the caller. */
export class RecheckBudget {
  readonly #spent = new Map<string, { second: number; count: number }>()

  /** True, and spends one, where `peer` has budget left in the second that `nowMs` falls in. */
  spend(peer: string, nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000)
    let entry = this.#spent.get(peer)
    if (!entry || entry.second !== second) {
      if (!entry && this.#spent.size >= LIMITS.recheckPeersMax) this.#spent.clear()
      entry = { second, count: 0 }
      this.#spent.set(peer, entry)
    }
    if (entry.count >= LIMITS.recheckPerPeerPerSecondMax) return false
    entry.count++
    return true
  }
}

function publicKeyObject(raw: Uint8Array): KeyObject {
  assertBytes('public key', raw, 32)
  const name = toHex(raw)
  const known = keys.get(name)
  if (known) return known
  let smallOrder = true
  try {
    smallOrder = ed25519.Point.fromBytes(raw, false).isSmallOrder()
  } catch (cause) {
    throw new WebxError('bad-key', 'public key is not a canonical point', { cause })
  }
  if (smallOrder) throw new WebxError('bad-key', 'public key is of small order')
  const object = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' })
  if (keys.size >= LIMITS.keyCacheMax) {
    for (const oldest of keys.keys()) {
      keys.delete(oldest)
      break
    }
  }
  keys.set(name, object)
  return object
}

function cofactoredVerify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, message, key, { zip215: false })
  } catch {
    // noble throws on an encoding that is no point at all: such a signature is invalid, not an accident
    return false
  }
}

function always(): boolean {
  return true
}

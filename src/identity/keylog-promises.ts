/**
 * Promises of keys: a digest commits to a key that nobody has seen, the key that is shown must keep it, and a key serves once.
 *
 * A key that was promised twice, or shown before its time, would let the thief of one thing speak for another; so every digest that a log commits to is
 * held against all keys that it ever showed and everything else that it promises.
 */

import { assertBytes, equal, toHex } from '../core/bytes.ts'
import { assertPublicKey } from '../core/crypto.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { keyDigest, type Shown } from './delegation.ts'
import type { Commitment } from './keylog-event.ts'

const ML_DSA_65_BYTES = 1952

/** Throws `bad-key` or `key-not-committed` unless these are committed keys, in the order of their commitments. Whether enough of them sign is `assertSigned`'s question. */
export function assertCommitted(commitment: Commitment, keys: readonly Uint8Array[]): void {
  let from = 0
  for (const key of keys) {
    assertPublicKey(key)
    const digest = keyDigest(key)
    const at = commitment.digests.findIndex((promised, i) => i >= from && equal(promised, digest))
    if (at < 0) throw new WebxError('key-not-committed', 'the log does not promise this key', { hint: HINT_COMMITTED })
    from = at + 1
  }
}

const HINT_COMMITTED = 'Sign with the keys that the event before committed to; whoever lacks them cannot speak here.'

/** Throws `key-reused` where a digest is that of a key that was seen, is in use, or is promised for something else. */
export function assertFresh(
  digests: readonly Uint8Array[],
  shown: ReadonlyMap<string, Shown>,
  used: readonly Uint8Array[],
): void {
  for (const [i, digest] of digests.entries()) {
    if (shown.has(toHex(digest)) || includes(used, digest) || includes(digests.slice(0, i), digest)) {
      throw new WebxError('key-reused', 'a key serves once: this one was shown or is promised already')
    }
  }
}

/** The keys that were shown, and these. */
export function withShown(
  shown: ReadonlyMap<string, Shown>,
  keys: readonly Uint8Array[],
  as: Shown,
): Map<string, Shown> {
  const more = new Map(shown)
  for (const key of keys) more.set(toHex(keyDigest(key)), as)
  return more
}

/** Whether the same bytes are in the list. */
export function includes(list: readonly Uint8Array[], one: Uint8Array): boolean {
  return list.some((other) => equal(other, one))
}

/**
 * Commitment to an ML-DSA-65 key (FIPS 204) that an inception may hold, for the day when Ed25519 falls.
 *
 * @param publicKey 1,952 bytes; throws `bad-argument` for another length
 */
export function laterKeyDigest(publicKey: Uint8Array): Uint8Array {
  assertBytes('ML-DSA-65 public key', publicKey, ML_DSA_65_BYTES)
  return blake3Of('webx v1 later key', publicKey)
}

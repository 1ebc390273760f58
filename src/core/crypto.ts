/**
 * Ed25519 under the ONE acceptance rule of the network.
 *
 * A signature (R, s) of key A over m is valid if and only if: A and R are canonical encodings of points, A is not of small order, s < L, and
 * 8·s·B = 8·R + 8·H(R‖A‖m)·A (the cofactored equation of RFC 8032 §5.1.7). Common libraries disagree on crafted signatures; nodes that used
 * different ones for the same vote would split the network. So every node, and every browser, asks the same kernel (`wasm/verify.ts`), which
 * checks all signatures of a turn together.
 */

import { isKey, pinKeys, type Signed, verify, verifyAll, verifyBatch } from '../wasm/verify.ts'
import { assertBytes } from './bytes.ts'
import { WebxError } from './errors.ts'

/** A signature that must hold: 32 bytes of a key, any message, 64 bytes of a signature. */
export type SignatureCheck = Signed

/** Throws `bad-key` unless these 32 bytes are a canonical encoding of a point that is not of small order. */
export function assertPublicKey(raw: Uint8Array): void {
  assertBytes('public key', raw, 32)
  if (!isKey(raw)) throw new WebxError('bad-key', 'public key is not a canonical point, or is of small order')
}

/**
 * True where the signature is valid under the network's rule.
 *
 * @param key 32 raw bytes; throws `bad-key` where it breaks the rule by itself
 * @param signature 64 raw bytes; false for another length
 */
export function verifySignature(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  assertBytes('public key', key, 32)
  if (verify(key, message, signature)) return true
  assertPublicKey(key)
  return false
}

/**
 * The verdict on each group of signatures, all of which must hold; several times faster than one by one. An empty group holds, a key that breaks the
 * rule by itself makes a group that does not.
 *
 * Who is at fault matters only between groups: those of one signature are checked together and split where they fail, a larger one is a batch of its
 * own and refused as a whole. So a flood of bad certificates costs what good ones cost.
 */
export function verifyGroups(groups: readonly (readonly SignatureCheck[])[]): boolean[] {
  const singles = groups.flatMap((group) => (group.length === 1 && isKeyLong(group) ? group : []))
  const verdicts = verifyBatch(singles)
  let next = 0
  return groups.map((group) => {
    if (!isKeyLong(group)) return false
    return group.length === 1 ? verdicts[next++] === true : verifyAll(group)
  })
}

/** Keeps what checks these keys fast, whatever other keys come along: the members of the present epoch. Replaces those named before. */
export function expectKeys(keys: readonly Uint8Array[]): void {
  pinKeys(keys)
}

function isKeyLong(group: readonly SignatureCheck[]): boolean {
  return group.every(({ key }) => key.length === 32)
}

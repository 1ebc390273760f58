/**
 * An independent verifier of Merkle proofs: RFC 9162 §2.1.1 and the loops of §2.1.3.2 and §2.1.4.2, word by word, on node:crypto alone.
 *
 * Shares nothing with `src`, so that what both accept is what the RFC says. Sizes are bigints, as the RFC's are of 64 bits.
 */

import { createHash } from 'node:crypto'

/** Hash of a leaf: HASH(0x00 || d). */
export function leafHash9162(entry: Uint8Array): Buffer {
  return createHash('sha256').update(Uint8Array.of(0)).update(entry).digest()
}

/** MTH(D[n]) as §2.1.1 defines it. */
export function rootHash9162(entries: readonly Uint8Array[]): Buffer {
  if (entries.length === 0) return createHash('sha256').digest()
  if (entries.length === 1) return leafHash9162(entries[0] as Uint8Array)
  let k = 1
  while (k * 2 < entries.length) k *= 2
  return pair(rootHash9162(entries.slice(0, k)), rootHash9162(entries.slice(k)))
}

/** §2.1.3.2: verifying an inclusion proof. */
export function verifyInclusion9162(
  hash: Uint8Array,
  leafIndex: number,
  treeSize: number,
  inclusionPath: readonly Uint8Array[],
  rootHash: Uint8Array,
): boolean {
  if (leafIndex >= treeSize) return false
  let fn = BigInt(leafIndex)
  let sn = BigInt(treeSize) - 1n
  let r: Uint8Array = hash
  for (const p of inclusionPath) {
    if (sn === 0n) return false
    if ((fn & 1n) === 1n || fn === sn) {
      r = pair(p, r)
      if ((fn & 1n) === 0n) {
        while ((fn & 1n) === 0n && fn !== 0n) {
          fn >>= 1n
          sn >>= 1n
        }
      }
    } else {
      r = pair(r, p)
    }
    fn >>= 1n
    sn >>= 1n
  }
  return sn === 0n && Buffer.compare(r, rootHash) === 0
}

/** §2.1.4.2: verifying consistency between two tree heads. */
export function verifyConsistency9162(
  first: number,
  firstHash: Uint8Array,
  second: number,
  secondHash: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (first === second) return proof.length === 0 && Buffer.compare(firstHash, secondHash) === 0
  if (first === 0 || first > second) return false
  let consistencyPath: readonly Uint8Array[] = proof
  if (consistencyPath.length === 0) return false
  if ((BigInt(first) & (BigInt(first) - 1n)) === 0n) consistencyPath = [firstHash, ...consistencyPath]
  let fn = BigInt(first) - 1n
  let sn = BigInt(second) - 1n
  while ((fn & 1n) === 1n) {
    fn >>= 1n
    sn >>= 1n
  }
  let fr = consistencyPath[0] as Uint8Array
  let sr = fr
  for (const c of consistencyPath.slice(1)) {
    if (sn === 0n) return false
    if ((fn & 1n) === 1n || fn === sn) {
      fr = pair(c, fr)
      sr = pair(c, sr)
      if ((fn & 1n) === 0n) {
        while ((fn & 1n) === 0n && fn !== 0n) {
          fn >>= 1n
          sn >>= 1n
        }
      }
    } else {
      sr = pair(sr, c)
    }
    fn >>= 1n
    sn >>= 1n
  }
  return sn === 0n && Buffer.compare(fr, firstHash) === 0 && Buffer.compare(sr, secondHash) === 0
}

function pair(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(Uint8Array.of(1)).update(left).update(right).digest()
}

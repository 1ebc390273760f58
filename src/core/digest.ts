/**
 * BLAKE3 with domain separation: every internal digest, id and tree of webx names what it is a digest of.
 *
 * `derive_key` mode of BLAKE3 (the paper's §2.3): a context string of its own for each use, so that bytes hashed for one purpose can
 * never pass for another.
 */

import { deriveKey } from '../wasm/hash.ts'

/** 32-byte digest of `bytes` under a context such as `webx v1 order`. */
export function blake3Of(context: string, bytes: Uint8Array): Uint8Array {
  return deriveKey(context, bytes)
}

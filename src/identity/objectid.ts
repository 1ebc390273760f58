/**
 * The id of a single-owner object: a hash of what it belongs to, so that nobody can claim another's.
 *
 * It binds the net, the home neighborhood that alone applies the object's orders, the owner, and a nonce that tells the owner's objects apart.
 */

import { assertBytes, concat } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'

/** 32-byte id of the object of `owner` (32 bytes) with `nonce` (16) at `home` (16) in the net `netId` (32). */
export function objectId(netId: Uint8Array, home: Uint8Array, owner: Uint8Array, nonce: Uint8Array): Uint8Array {
  assertBytes('net id', netId, 32)
  assertBytes('home', home, 16)
  assertBytes('owner', owner, 32)
  assertBytes('nonce', nonce, 16)
  return blake3Of('webx v1 object', concat(netId, home, owner, nonce))
}

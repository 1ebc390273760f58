/** What a root gives, by the document and with other libraries than ours: the oracle of the tests of key files. */

import { ed25519 } from '@noble/curves/ed25519.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { concat, fromText } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { signedBytes, TYPE } from '../../src/core/envelope.ts'
import { inceptionBody, keyEventBytes, NO_SCOPE } from '../../src/identity/keylog.ts'
import type { Kind } from '../../src/identity/xqident.ts'

/** BLAKE3 in `derive_key` mode. */
export function rootDerived(what: string, material: Uint8Array): Uint8Array {
  return blake3(material, { context: fromText(`webx v1 ${what}`) })
}

/** The seed of the signing key after so many rotations. */
export function seedByHand(root: Uint8Array, rotation: number): Uint8Array {
  return rootDerived('signing key of a root', concat(root, encode(rotation)))
}

/** An inception with the keys of a root, and a salt and a kind that need not be its own. */
export function inceptionByHand(root: Uint8Array, kind: Kind, salt = new Uint8Array(16)): Uint8Array {
  const [key, nextKey] = [0, 1].map((rotation) => ed25519.getPublicKey(seedByHand(root, rotation)))
  const body = inceptionBody({ kind, key: key as Uint8Array, nextKey: nextKey as Uint8Array, salt })
  return keyEventBytes(body, ed25519.sign(signedBytes(TYPE.keyEvent, NO_SCOPE, body), seedByHand(root, 0)))
}

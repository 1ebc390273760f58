/**
 * Port Keys for an identity of a few hours: made in memory, written nowhere, and gone with the object.
 *
 * The inception commits to a next key that nobody keeps, so such an identity cannot be rotated, recovered or delegated from, and need not be.
 */

import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { WebxError } from '../core/errors.ts'
import { inceptionBody, keyEventBytes, keyEventMessage, readInception } from '../identity/keylog.ts'
import type { Keys, Random } from '../kernel/ports.ts'
import { ephemeralAgreement } from './host.ts'

const SPKI_PREFIX_BYTES = 12

/** A new identity of kind `device`. Voting and sealing at rest are refused (`not-allowed`): it has nothing to vote on and nothing to keep. */
export function guestKeys(random: Random): Keys {
  const { privateKey } = generateKeyPairSync('ed25519')
  const publicKey = rawPublicKey(privateKey)
  const nextKey = rawPublicKey(generateKeyPairSync('ed25519').privateKey)
  const body = inceptionBody({ kind: 'device', key: publicKey, nextKey, salt: random.bytes(16) })
  const signed = (message: Uint8Array): Uint8Array => new Uint8Array(sign(null, message, privateKey))
  const inception = keyEventBytes(body, signed(keyEventMessage(body)))
  return {
    id: readInception(inception).id,
    publicKey,
    inception,
    position: 0,
    log: [inception],
    sign: async (message) => signed(message),
    epochSigner: async () => refuse('votes'),
    vrf: { publicKey: new Uint8Array(32), prove: async () => refuse('draws lots') },
    deriveSecret: async () => refuse('keeps secrets'),
    ephemeral: ephemeralAgreement,
  }
}

function refuse(what: string): never {
  throw new WebxError('not-allowed', `an identity of one stay never ${what}`)
}

function rawPublicKey(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX_BYTES))
}

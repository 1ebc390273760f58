/**
 * What a shopper hands to a shop, once and by name: the proof key of the device, with the proof that the device holds it.
 *
 * `[1, proof key, proof of possession]` as base64url. The proof is made for one organization in one net, so that nobody enrols elsewhere with a text that he has seen.
 */

import { fromBase64url, toBase64url } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { asWebxError, WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Genesis } from '../../identity/genesis.ts'
import type { Keys } from '../../kernel/ports.ts'
import { checkPossession, provePossession } from '../../proof/possession.ts'
import { type ProofKey, proofKeyOf, type Random } from '../../proof/secret.ts'
import type { ProofContext } from '../../proof/transcript.ts'
import type { GroupDoor } from '../../wasm/group.ts'

const VERSION = 1
const TEXT_CHARACTERS_MAX = 1_024

/** The proof key of a device; the same one every time for the same keys. */
export async function proofKeyOfDevice(group: GroupDoor, keys: Pick<Keys, 'deriveSecret'>): Promise<ProofKey> {
  const secret = await keys.deriveSecret('webx v1 proof key')
  try {
    return proofKeyOf(group, secret)
  } finally {
    secret.fill(0)
  }
}

/** The text by which a shop enrols this key. */
export function proofKeyText(group: GroupDoor, key: ProofKey, genesis: Genesis, random: Random): string {
  const proof = provePossession(group, key, enrolmentContext(genesis), random)
  return toBase64url(encode([VERSION, key.publicKey, proof]))
}

/**
 * The 32-byte proof key of a text.
 *
 * Throws `bad-argument` where it is no such text, `bad-proof` where its maker does not hold the key, or made it for another net.
 */
export function readProofKeyText(group: GroupDoor, text: string, genesis: Genesis): Uint8Array {
  const { key, proof } = fieldsOf(text)
  try {
    checkPossession(group, key, proof, enrolmentContext(genesis))
  } catch (cause) {
    throw new WebxError('bad-proof', 'whoever made this text does not hold its key, or made it for another net', {
      hint: 'Have it made anew by the shopper’s device in this net: webx device proof-key.',
      cause,
    })
  }
  return key
}

function fieldsOf(text: string): { readonly key: Uint8Array; readonly proof: Uint8Array } {
  try {
    if (text.length > TEXT_CHARACTERS_MAX) throw new WebxError('too-long', `a text of ${text.length} characters`)
    const fields = Fields.of('proof key', fromBase64url(text.trim()))
    const version = fields.uint('version')
    if (version !== VERSION) throw new WebxError('bad-version', `proof key: version ${version} is unknown`)
    const key = fields.bytes('key', 32)
    const proof = fields.bytesBetween('proof', 1, LIMITS.proofBytesMax)
    fields.end()
    return { key, proof }
  } catch (cause) {
    throw new WebxError('bad-argument', `this is no proof key: ${asWebxError(cause).message}`, {
      hint: 'Use the text that webx device proof-key prints.',
      cause,
    })
  }
}

function enrolmentContext({ netId, organizationState }: Genesis): ProofContext {
  return { audience: organizationState.id, nonce: netId, purpose: 'enrolment', ping: new Uint8Array(0) }
}

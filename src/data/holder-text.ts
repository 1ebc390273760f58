/**
 * Whom a ping is minted for, or passed on to, as people hand it on: base64url of `[version, identity, holder key, agreement key]`, 139 characters.
 *
 * The holder key signs redemptions and narrowings, the agreement key is what content keys get wrapped to. Nothing here proves that the keys are the identity's: who mints
 * gets the text from the holder, on a way that he trusts.
 */

import { fromBase64url, toBase64url } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { assertPublicKey } from '../core/crypto.ts'
import { WebxError } from '../core/errors.ts'
import { Fields } from '../core/shape.ts'

/** Whoever holds pings. */
export interface PingHolder {
  /** 32-byte identity. */
  readonly id: Uint8Array
  /** 32-byte Ed25519 key. */
  readonly holderKey: Uint8Array
  /** 32-byte X25519 key. */
  readonly agreementKey: Uint8Array
}

const VERSION = 1

/** The text of a holder. */
export function holderText({ id, holderKey, agreementKey }: PingHolder): string {
  return toBase64url(encode([VERSION, id, holderKey, agreementKey]))
}

/** The holder of a text. Throws `bad-argument` where it is no base64url, `bad-version`, `not-canonical`, `bad-shape`, `bad-key`. */
export function readHolderText(text: string): PingHolder {
  const fields = Fields.of('holder', fromBase64url(text))
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `holder: version ${version}, known is ${VERSION}`)
  const holder = {
    id: fields.bytes('id', 32).slice(),
    holderKey: fields.bytes('holderKey', 32).slice(),
    agreementKey: fields.bytes('agreementKey', 32).slice(),
  }
  fields.end()
  assertPublicKey(holder.holderKey)
  return holder
}

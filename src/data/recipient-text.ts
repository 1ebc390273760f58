/**
 * The public key of a recipient as people hand it on: base64url of `[version, suite, key]`, about 1,630 characters with X-Wing, 48 with X25519.
 */

import { fromBase64url, toBase64url } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { Fields } from '../core/shape.ts'
import { XWING_PUBLIC_KEY_LENGTH } from '../core/xwing.ts'
import type { RecipientKey } from './recipients.ts'

/** The text of a recipient. */
export function recipientText({ suite, publicKey }: RecipientKey): string {
  return toBase64url(encode([VERSION, SUITES.indexOf(suite) + 1, publicKey]))
}

/** The recipient of a text. Throws `bad-argument` where it is no base64url, `bad-version`, `not-canonical`, `bad-shape`. */
export function readRecipientText(text: string): RecipientKey {
  const fields = Fields.of('recipient', fromBase64url(text))
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `recipient: version ${version}, known is ${VERSION}`)
  const suite = SUITES[fields.uint('suite', SUITES.length) - 1]
  if (suite === undefined) throw new WebxError('bad-shape', 'recipient: of no suite')
  const publicKey = fields.bytes('publicKey', suite === 'x-wing' ? XWING_PUBLIC_KEY_LENGTH : 32).slice()
  fields.end()
  return { suite, publicKey }
}

const VERSION = 1
const SUITES = ['x25519', 'x-wing'] as const

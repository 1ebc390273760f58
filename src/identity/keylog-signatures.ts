/**
 * Who signed a key event: one key in the envelope's signature, several in its attachment.
 *
 * An event names groups of keys, each with a threshold (the keys of the identity, and for some events its recovery keys). Where there is one key in all,
 * the envelope carries its signature as that of any statement. Otherwise its signature is empty and the attachment is `[[index, signature] …]` in
 * ascending order of the index among all keys; every signature that is there must hold. The attachment is not signed, and need not be: a statement is
 * its body, whoever of the keyholders signed it.
 */

import { decode } from '../core/codec.ts'
import { verifyGroups } from '../core/crypto.ts'
import type { Envelope } from '../core/envelope.ts'
import { type Code, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { keyEventMessage } from './keylog-event.ts'

/** Keys of which so many must sign. */
export interface SignerGroup {
  readonly keys: readonly Uint8Array[]
  readonly threshold: number
}

/** Keys that have no say here, and what it is called when one of them signs nevertheless. */
export interface Strangers {
  readonly keys: readonly Uint8Array[]
  readonly code: Code
  readonly message: string
}

/**
 * Throws unless each group reached its threshold with signatures that hold.
 *
 * Throws `too-few-signatures`, `repeated-signer`, `bad-shape`, `bad-signature`, `bad-key`, or the code of the stranger who signed.
 */
export function assertSigned(
  envelope: Envelope,
  groups: readonly SignerGroup[],
  strangers: readonly Strangers[],
): void {
  const keys = groups.flatMap((group) => group.keys)
  const signatures = keys.length === 1 ? [{ index: 0, signature: onlySignature(envelope) }] : sharedSignatures(envelope)
  let first = 0
  for (const group of groups) {
    const end = first + group.keys.length
    const count = signatures.filter(({ index }) => index >= first && index < end).length
    if (count < group.threshold) {
      throw new WebxError('too-few-signatures', `key event: ${count} signatures where ${group.threshold} are needed`)
    }
    first = end
  }
  const message = keyEventMessage(envelope.body)
  const verdicts = verifyGroups(
    signatures.map(({ index, signature }) => {
      const key = keys[index]
      if (key === undefined) throw new WebxError('bad-shape', `key event: there is no key ${index}`)
      return [{ key, message, signature }]
    }),
  )
  const bad = signatures.find((_, i) => !verdicts[i])
  if (bad) throw refusalOf(message, bad.signature, strangers)
}

function onlySignature({ signature, attachment }: Envelope): Uint8Array {
  if (attachment.length > 0) throw new WebxError('bad-shape', 'key event: nothing is attached where one key signs')
  if (signature.length === 0) throw new WebxError('bad-signature', 'key event: not signed')
  return signature
}

function sharedSignatures({ signature, attachment }: Envelope): { index: number; signature: Uint8Array }[] {
  if (signature.length > 0) throw new WebxError('bad-shape', 'key event: several keys sign in the attachment')
  if (attachment.length === 0) throw new WebxError('too-few-signatures', 'key event: not signed')
  const pairs = decode(attachment, LIMITS.keyEventBytesMax)
  if (!Array.isArray(pairs) || pairs.length > 2 * LIMITS.keysPerIdentityMax) {
    throw new WebxError('bad-shape', 'key event: expected a list of signatures')
  }
  let last = -1
  return pairs.map((pair) => {
    const fields = new Fields('signature', pair)
    const read = {
      index: fields.uint('index', 2 * LIMITS.keysPerIdentityMax),
      signature: fields.bytes('signature', 64),
    }
    fields.end()
    if (read.index === last) throw new WebxError('repeated-signer', `key event: key ${last} signs twice`)
    if (read.index < last) throw new WebxError('bad-shape', 'key event: signatures are not in order')
    last = read.index
    return read
  })
}

/** One bad signature costs one batch over all strangers, whatever their number. */
function refusalOf(message: Uint8Array, signature: Uint8Array, strangers: readonly Strangers[]): WebxError {
  for (const { keys, code, message: why } of strangers) {
    if (verifyGroups(keys.map((key) => [{ key, message, signature }])).includes(true)) return new WebxError(code, why)
  }
  return new WebxError('bad-signature', 'key event is not signed by the keys that may')
}

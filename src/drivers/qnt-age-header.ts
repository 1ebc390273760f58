/**
 * The head of an age file (C2SP age.md, version 1): a file key wrapped to recipients by X25519, or by X-Wing against quantum computers.
 *
 * Texts of keys are age's own: `age1…` and `age1pq1…`, `AGE-SECRET-KEY-1…` and `AGE-SECRET-KEY-PQ-1…`. Passphrases, plugins and armor are not in use here.
 */

import { createHmac, hkdfSync } from 'node:crypto'
import { fromBech32 } from '../core/bech32.ts'
import { concat, equalConstantTime, fromText } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { receiverOf, senderOf } from '../core/hpke.ts'
import { LIMITS } from '../core/limits.ts'
import { XWING_ENC_LENGTH, XWING_PUBLIC_KEY_LENGTH, xwingDecapsulate, xwingEncapsulate } from '../core/xwing.ts'
import type { Holder, RecipientKey } from '../data/recipients.ts'
import { open, seal } from '../wasm/seal.ts'
import { curveHalfOf, HOST_CHANCE, xwingHalfOf } from './qnt-holder.ts'

/** Bytes of a file key. */
export const FILE_KEY_BYTES = 16

/** A head that was read. */
export interface AgeHeader {
  readonly stanzas: readonly Stanza[]
  /** What the MAC is of. */
  readonly covered: Uint8Array
  readonly mac: Uint8Array
  /** Where the payload begins. */
  readonly bytes: number
}

/** One recipient's line and what follows it. */
export interface Stanza {
  readonly words: readonly string[]
  readonly body: Uint8Array
}

/** The recipient of a text such as `age1…` or `age1pq1…`. Throws `bad-argument`. */
export function readAgeRecipient(text: string): RecipientKey {
  const { prefix, bytes } = fromBech32(text)
  if (prefix === 'age' && bytes.length === 32) return { suite: 'x25519', publicKey: bytes }
  if (prefix === 'age1pq' && bytes.length === XWING_PUBLIC_KEY_LENGTH) return { suite: 'x-wing', publicKey: bytes }
  throw new WebxError('bad-argument', 'no recipient of age that is in use here', {
    hint: 'There are age1… and age1pq1….',
  })
}

/** Whoever a text such as `AGE-SECRET-KEY-1…` or `AGE-SECRET-KEY-PQ-1…` makes. Throws `bad-argument`. */
export function readAgeIdentity(text: string): Holder {
  const { prefix, bytes } = fromBech32(text)
  try {
    if (bytes.length === 32 && prefix === 'age-secret-key-') return { suite: 'x25519', half: curveHalfOf(bytes) }
    if (bytes.length === 32 && prefix === 'age-secret-key-pq-') return { suite: 'x-wing', half: xwingHalfOf(bytes) }
  } finally {
    bytes.fill(0)
  }
  const hint = 'There are AGE-SECRET-KEY-1… and AGE-SECRET-KEY-PQ-1….'
  throw new WebxError('bad-argument', 'no identity of age that is in use here', { hint })
}

/** The head of a file whose key goes to these recipients. Throws `limit`, `bad-key`, and `bad-argument` where only some of them withstand quantum computers. */
export function ageHeader(fileKey: Uint8Array, recipients: readonly RecipientKey[]): Uint8Array {
  if (recipients.length === 0 || recipients.length > LIMITS.qntRecipientsMax) {
    throw new WebxError('limit', `an age file is for 1 to ${LIMITS.qntRecipientsMax} recipients`)
  }
  if (new Set(recipients.map(({ suite }) => suite)).size > 1) {
    throw new WebxError('bad-argument', 'age1… beside age1pq1… would take away what the latter is for')
  }
  const lines = [VERSION_LINE]
  for (const recipient of recipients) {
    const { words, body } = recipient.suite === 'x25519' ? wrapCurve(fileKey, recipient) : wrapXWing(fileKey, recipient)
    lines.push(`-> ${words.join(' ')}`, toBase64(body))
  }
  const covered = fromText(`${lines.join('\n')}\n---`)
  return concat(covered, fromText(` ${toBase64(macOf(fileKey, covered))}\n`))
}

/** The file key in a head, if one of these can unwrap it; the caller wipes it. Throws `not-allowed`, `bad-shape`, `bad-key`; `tampered` for a wrong MAC. */
export function fileKeyOf(header: AgeHeader, holders: readonly Holder[]): Uint8Array {
  for (const stanza of header.stanzas) {
    for (const holder of holders) {
      const fileKey = holder.suite === 'x25519' ? unwrapCurve(stanza, holder.half) : unwrapXWing(stanza, holder.half)
      if (fileKey === null) continue
      if (equalConstantTime(macOf(fileKey, header.covered), header.mac)) return fileKey
      fileKey.fill(0)
      throw new WebxError('tampered', 'the head of this age file was changed')
    }
  }
  if (header.stanzas.some(({ words }) => words[0] === 'scrypt')) {
    const hint = 'Open it with age, or let it be encrypted to age1….'
    throw new WebxError('not-allowed', 'this age file is sealed by a passphrase, which is not in use here', { hint })
  }
  throw new WebxError('not-allowed', 'this age file is for none of these identities')
}

/** Reads the head at the beginning of `bytes`. Throws `bad-shape`, `bad-version`, `too-long`. */
export function readAgeHeader(bytes: Uint8Array): AgeHeader {
  const lines = new Lines(bytes)
  const first = lines.next()
  if (first === ARMOR_LINE) refuse('it is armored', 'Take the armor off with age -d | age -e, or without -a.')
  if (first !== VERSION_LINE) {
    if (first.startsWith('age-encryption.org/')) throw new WebxError('bad-version', `age: ${first} is not known`)
    refuse('it does not begin like one')
  }
  const stanzas: Stanza[] = []
  for (let line = lines.next(); ; line = lines.next()) {
    if (line.startsWith('---')) {
      const mac = line.startsWith('--- ') ? fromBase64(line.slice(4)) : null
      if (mac === null || mac.length !== 32 || stanzas.length === 0) refuse('the end of its head')
      const end = lines.at - line.length - 1
      return { stanzas, covered: bytes.subarray(0, end + 3), mac, bytes: lines.at }
    }
    if (stanzas.length === LIMITS.qntRecipientsMax) throw new WebxError('too-long', 'age: too many recipients')
    stanzas.push(readStanza(line, lines))
  }
}

const VERSION_LINE = 'age-encryption.org/v1'
const ARMOR_LINE = '-----BEGIN AGE ENCRYPTED FILE-----'
const COLUMNS = 64
const ARGUMENTS = /^-> ([\x21-\x7e]+(?: [\x21-\x7e]+)*)$/
const CURVE_INFO = 'age-encryption.org/v1/X25519'
const XWING_WORD = 'mlkem768x25519'
const XWING_INFO = fromText('age-encryption.org/mlkem768x25519')
const WRAPPED_BYTES = FILE_KEY_BYTES + 16
const NONCE = new Uint8Array(12)
const NOTHING = new Uint8Array(0)

function readStanza(line: string, lines: Lines): Stanza {
  const words = ARGUMENTS.exec(line)?.[1]?.split(' ')
  if (words === undefined) refuse('a line of its head')
  let text = ''
  for (;;) {
    const part = lines.next()
    if (part.length > COLUMNS) refuse('a line of its head is too long')
    text += part
    if (part.length < COLUMNS) break
  }
  const body = fromBase64(text)
  if (body === null) refuse('a line of its head is no base64')
  return { words, body }
}

/** Lines of ASCII that end in LF. */
class Lines {
  readonly #bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  next(): string {
    const end = this.#bytes.indexOf(0x0a, this.at)
    if (end < 0) refuse(this.#bytes.length < LIMITS.ageHeaderBytesMax ? 'its head is cut off' : 'its head has no end')
    const line = Buffer.from(this.#bytes.subarray(this.at, end)).toString('latin1')
    this.at = end + 1
    return line
  }
}

function wrapCurve(fileKey: Uint8Array, { publicKey }: RecipientKey): Stanza {
  const ephemeral = HOST_CHANCE.ephemeral()
  const key = curveKey(ephemeral.agree(publicKey), ephemeral.publicKey, publicKey)
  const body = seal(key, NONCE, fileKey)
  key.fill(0)
  return { words: ['X25519', toBase64(ephemeral.publicKey)], body }
}

function unwrapCurve({ words, body }: Stanza, half: Extract<Holder, { suite: 'x25519' }>['half']): Uint8Array | null {
  if (words[0] !== 'X25519') return null
  const share = argumentOf(words, 32)
  assertWrapped(body)
  const key = curveKey(half.agree(share), share, half.publicKey)
  const fileKey = open(key, NONCE, body)
  key.fill(0)
  return fileKey
}

function curveKey(shared: Uint8Array, share: Uint8Array, recipient: Uint8Array): Uint8Array {
  const key = hkdf(shared, concat(share, recipient), CURVE_INFO)
  shared.fill(0)
  return key
}

function wrapXWing(fileKey: Uint8Array, { publicKey }: RecipientKey): Stanza {
  const encapsulated = xwingEncapsulate(publicKey, HOST_CHANCE.random(32), HOST_CHANCE.ephemeral())
  const sender = senderOf(encapsulated, XWING_INFO)
  const body = sender.seal(fileKey)
  sender.wipe()
  return { words: [XWING_WORD, toBase64(sender.enc)], body }
}

function unwrapXWing({ words, body }: Stanza, half: Extract<Holder, { suite: 'x-wing' }>['half']): Uint8Array | null {
  if (words[0] !== XWING_WORD) return null
  const enc = argumentOf(words, XWING_ENC_LENGTH)
  assertWrapped(body)
  const receiver = receiverOf(xwingDecapsulate(enc, half), XWING_INFO)
  try {
    return receiver.open(body)
  } catch (cause) {
    // of another recipient: nothing in a stanza says whose it is
    if (cause instanceof WebxError && cause.code === 'tampered') return null
    throw cause
  } finally {
    receiver.wipe()
  }
}

function argumentOf(words: readonly string[], length: number): Uint8Array {
  const bytes = words.length === 2 ? fromBase64(words[1] as string) : null
  if (bytes?.length !== length) refuse('a recipient in its head')
  return bytes
}

/** Of another length it could be made to open under several keys. */
function assertWrapped(body: Uint8Array): void {
  if (body.length !== WRAPPED_BYTES) refuse('a wrapped key in its head')
}

function macOf(fileKey: Uint8Array, covered: Uint8Array): Uint8Array {
  const key = hkdf(fileKey, NOTHING, 'header')
  const mac = new Uint8Array(createHmac('sha256', key).update(covered).digest())
  key.fill(0)
  return mac
}

/** HKDF-SHA-256, 32 bytes. */
export function hkdf(secret: Uint8Array, salt: Uint8Array, info: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, 32))
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '')
}

/** Bytes of base64 without padding in its one form; null for anything else. */
function fromBase64(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Buffer.from(text, 'base64'))
  return toBase64(bytes) === text ? bytes : null
}

function refuse(why: string, hint = ''): never {
  throw new WebxError('bad-shape', `not an age file: ${why}`, { hint })
}

/**
 * Signed notes (C2SP signed-note): a text, an empty line, and a line for each who signed, which any tool of the transparency world reads.
 *
 * Ed25519 only: 0x01, over the text itself, is how a log signs; 0x04, over the text and a time, is how a witness cosigns (C2SP tlog-cosignature).
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { concat, equal, fromText } from '../../core/bytes.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { WebxError } from '../../core/errors.ts'

/** How a line of a note is signed. */
export const NOTE_SIGNATURE = { log: 0x01, cosigner: 0x04 } as const
export type NoteSignature = (typeof NOTE_SIGNATURE)[keyof typeof NOTE_SIGNATURE]

/** A key as others configure it. */
export interface NoteKey {
  /** Without spaces and without `+`. */
  readonly name: string
  readonly type: NoteSignature
  /** Raw Ed25519 key. */
  readonly key: Uint8Array
}

/** A signature line that names no key that could be checked without knowing it. */
export interface NoteLine {
  readonly name: string
  /** 4 bytes. */
  readonly id: Uint8Array
  /** What follows the id. */
  readonly content: Uint8Array
}

/** The first four bytes of SHA-256 over name, newline, type and key. */
export function noteKeyId({ name, type, key }: NoteKey): Uint8Array {
  return sha256(concat(fromText(`${name}\n`), Uint8Array.of(type), key)).slice(0, 4)
}

/** The key as C2SP writes it, `name+id+key`, for the configuration of strangers' tools. */
export function verifierKey(key: NoteKey): string {
  const id = [...noteKeyId(key)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${key.name}+${id}+${toBase64(concat(Uint8Array.of(key.type), key.key))}`
}

/** What a cosigner signs at a time in seconds since 1970. */
export function cosignedBytes(text: string, seconds: number): Uint8Array {
  return fromText(`cosignature/v1\ntime ${seconds}\n${text}`)
}

/** The line of a signature; `seconds` for a cosigner. */
export function noteLine(key: NoteKey, signature: Uint8Array, seconds = 0): NoteLine {
  const content = key.type === NOTE_SIGNATURE.log ? signature : concat(uint64(seconds), signature)
  return { name: key.name, id: noteKeyId(key), content }
}

/** The note as text; `text` ends with a newline. */
export function writeNote(text: string, lines: readonly NoteLine[]): string {
  return `${text}\n${lines.map(({ name, id, content }) => `— ${name} ${toBase64(concat(id, content))}\n`).join('')}`
}

/** The text and lines of a note. Throws `bad-shape` for what is none, or has more than `linesMax` lines. */
export function readNote(note: string, linesMax: number): { readonly text: string; readonly lines: NoteLine[] } {
  const end = note.lastIndexOf('\n\n')
  const text = note.slice(0, end + 1)
  const rest = note.slice(end + 2).split('\n')
  if (end < 0 || !note.isWellFormed() || hasControls(note) || rest.pop() !== '')
    refuse('not a text with signature lines')
  if (rest.length === 0 || rest.length > linesMax) refuse(`expected 1 to ${linesMax} signature lines`)
  return { text, lines: rest.map(readLine) }
}

/** The signature that must hold for a line by this key; null for a line by another. */
export function noteCheck(text: string, line: NoteLine, key: NoteKey): SignatureCheck | null {
  if (line.name !== key.name || !equal(line.id, noteKeyId(key))) return null
  if (key.type === NOTE_SIGNATURE.log) return { key: key.key, message: fromText(text), signature: line.content }
  if (line.content.length !== 72) refuse('a cosignature is a time and 64 bytes')
  const seconds = new DataView(line.content.buffer, line.content.byteOffset).getBigUint64(0)
  const message = fromText(`cosignature/v1\ntime ${seconds}\n${text}`)
  return { key: key.key, message, signature: line.content.subarray(8) }
}

/** Standard base64 with padding (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** Bytes of a base64 text. Throws `bad-shape` for what does not encode back to the same text. */
export function fromBase64(text: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, 'base64'))
  return toBase64(bytes) === text ? bytes : refuse('this is not base64 in its one form')
}

const LINE = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u
const ID_BYTES = 4

function readLine(line: string): NoteLine {
  const match = LINE.exec(line)
  if (!match) return refuse('this is not a signature line')
  const [, name = '', encoded = ''] = match
  const bytes = fromBase64(encoded)
  if (bytes.length <= ID_BYTES) refuse('a signature line has an id and a signature')
  return { name, id: bytes.subarray(0, ID_BYTES), content: bytes.subarray(ID_BYTES) }
}

function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 && unit !== 0x0a) return true
  }
  return false
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}

function refuse(why: string): never {
  throw new WebxError('bad-shape', `signed note: ${why}`)
}

/**
 * Bytes as text that a person copies from paper: Crockford's base32 in groups of four, nine groups a line (20 bytes), the last of them a checksum of its line.
 *
 * So a mistake is found in its line, not somewhere in the whole. Case, spaces, dashes and line breaks do not matter, O is read as 0, I and L as 1;
 * lines that start with # are for people.
 */

import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const GROUP = 4
const LINE = 32
const CHECK = 4

/** What a person typed: the bytes as they stand, and the first line (from 1) whose checksum does not hold, or 0. */
export interface Typed {
  readonly bytes: Uint8Array
  readonly wrongLine: number
}

/** Lines of groups, without a line break at the end. */
export function toPaper(bytes: Uint8Array): string {
  const characters = toBase32(bytes)
  const lines: string[] = []
  for (let at = 0; at < characters.length; at += LINE) {
    const line = characters.slice(at, at + LINE)
    const checked = line + checkOf(lines.length, line)
    lines.push((checked.match(new RegExp(`.{1,${GROUP}}`, 'g')) as string[]).join(' '))
  }
  return lines.join('\n')
}

/** The bytes of a text. Throws `mistyped` with the number of the first wrong line. */
export function fromPaper(text: string): Uint8Array {
  const { bytes, wrongLine } = readPaper(text)
  if (wrongLine > 0) throw mistyped(wrongLine)
  return bytes
}

/** The same without a throw for a wrong line, for finding out whose paper it is. Throws `too-long`. */
export function readPaper(text: string): Typed {
  if (text.length > LIMITS.paperCharactersMax) throw new WebxError('too-long', 'this is too long a text for one paper')
  const typed = text
    .replace(/^\s*#.*$/gm, '')
    .replace(/[\s\p{Pd}]/gu, '')
    .toUpperCase()
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1')
  let characters = ''
  let wrongLine = typed === '' ? 1 : 0
  for (let at = 0, number = 0; at < typed.length; at += LINE + CHECK, number++) {
    const whole = typed.slice(at, at + LINE + CHECK)
    const line = whole.slice(0, Math.max(0, whole.length - CHECK))
    const isRight = line !== '' && checkOf(number, line) === whole.slice(line.length)
    if (wrongLine === 0 && !isRight) wrongLine = number + 1
    characters += line
  }
  const bytes = fromBase32(characters)
  // bits left over, or a line cut short that happens to check
  if (wrongLine === 0 && toBase32(bytes) !== characters) wrongLine = Math.ceil(characters.length / LINE)
  return { bytes, wrongLine }
}

/** The error for a wrong line. */
export function mistyped(line: number): WebxError {
  return new WebxError('mistyped', `line ${line} is not as it was printed`, {
    hint: `Compare line ${line} with the paper, character by character.`,
  })
}

function checkOf(number: number, line: string): string {
  return toBase32(blake3Of('webx v1 paper line', encode([number, line]))).slice(0, CHECK)
}

function toBase32(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET[(held >>> bits) & 31]
    }
  }
  return bits > 0 ? text + ALPHABET[(held << (5 - bits)) & 31] : text
}

/** Whole bytes only; a character that is none of ours counts as 0 and does not encode back. */
function fromBase32(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8))
  let held = 0
  let bits = 0
  let at = 0
  for (const character of text) {
    held = ((held << 5) | Math.max(0, ALPHABET.indexOf(character))) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (held >>> bits) & 0xff
    }
  }
  return bytes
}

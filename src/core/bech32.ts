/**
 * Bech32 (BIP 173) without its bound on length, as age writes keys: text with a checksum that finds typing errors.
 */

import { WebxError } from './errors.ts'

/** A text in lower case: what it is, `1`, the bytes in groups of five bits, and six characters of checksum. */
export function toBech32(prefix: string, bytes: Uint8Array): string {
  const groups = regroup(bytes, 8, 5)
  if (groups === null) throw new WebxError('internal', 'bytes that are none')
  const sum = checksum([...expanded(prefix), ...groups, 0, 0, 0, 0, 0, 0]) ^ 1
  for (let i = 0; i < CHECKSUM_CHARACTERS; i++) groups.push((sum >>> (5 * (5 - i))) & 31)
  return `${prefix}1${groups.map((group) => CHARACTERS[group]).join('')}`
}

/**
 * What it is, in lower case, and the bytes of a text that is all in lower or all in upper case.
 *
 * @throws WebxError `bad-argument` for any other text, and for one whose checksum is wrong
 */
export function fromBech32(text: string): { readonly prefix: string; readonly bytes: Uint8Array } {
  const lower = text.toLowerCase()
  const at = lower.lastIndexOf('1')
  const groups = [...lower.slice(at + 1)].map((character) => CHARACTERS.indexOf(character))
  const prefix = lower.slice(0, at)
  const isText = (text === lower || text === text.toUpperCase()) && VISIBLE.test(text) && at > 0
  if (isText && groups.length >= CHECKSUM_CHARACTERS && !groups.includes(-1)) {
    const bytes = regroup(groups.slice(0, -CHECKSUM_CHARACTERS), 5, 8)
    if (checksum([...expanded(prefix), ...groups]) === 1 && bytes !== null) {
      return { prefix, bytes: Uint8Array.from(bytes) }
    }
  }
  throw new WebxError('bad-argument', 'this text is cut off, mistyped or none in Bech32')
}

const CHARACTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const CHECKSUM_CHARACTERS = 6
const VISIBLE = /^[\x21-\x7e]+$/
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]

function checksum(groups: readonly number[]): number {
  let sum = 1
  for (const group of groups) {
    const top = sum >>> 25
    sum = ((sum & 0x1ff_ffff) << 5) ^ group
    for (const [i, term] of GENERATOR.entries()) if ((top >>> i) & 1) sum ^= term
  }
  return sum
}

function expanded(prefix: string): number[] {
  const codes = [...prefix].map((character) => character.charCodeAt(0))
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)]
}

/** Bits in groups of another size; null where bits that are left over are not zero or fill a group. */
function regroup(groups: Iterable<number>, from: number, to: number): number[] | null {
  const out: number[] = []
  let held = 0
  let bits = 0
  for (const group of groups) {
    held = ((held << from) | group) & 0xfff
    bits += from
    while (bits >= to) {
      bits -= to
      out.push((held >> bits) & (2 ** to - 1))
    }
  }
  const rest = held & (2 ** bits - 1)
  if (to < from) {
    if (bits > 0) out.push(rest << (to - bits))
    return out
  }
  return bits >= from || rest !== 0 ? null : out
}

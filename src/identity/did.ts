/**
 * did:key of a raw Ed25519 public key: how other systems name the key that speaks for an identity today.
 *
 * The did:key method (W3C CCG, https://w3c-ccg.github.io/did-key-spec/): multicodec 0xed01, multibase base58btc. Such a name knows no rotation: it is
 * good for one generation of keys, and only the key log says for which.
 */

import { assertPublicKey } from '../core/crypto.ts'

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const ED25519_PUBLIC = Uint8Array.of(0xed, 0x01)

/** `did:key:z6Mk…` of 32 raw bytes. Throws `bad-argument`, `bad-key`. */
export function didKey(publicKey: Uint8Array): string {
  assertPublicKey(publicKey)
  return `did:key:z${base58(Uint8Array.of(...ED25519_PUBLIC, ...publicKey))}`
}

/** Base58 in Bitcoin's alphabet: each leading zero byte is a `1`. */
export function base58(bytes: Uint8Array): string {
  const digits: number[] = []
  for (const byte of bytes) {
    let carry = byte
    for (let i = 0; i < digits.length; i++) {
      carry += (digits[i] as number) * 256
      digits[i] = carry % 58
      carry = Math.floor(carry / 58)
    }
    for (; carry > 0; carry = Math.floor(carry / 58)) digits.push(carry % 58)
  }
  const zeros = bytes.findIndex((byte) => byte !== 0)
  const ones = '1'.repeat(zeros < 0 ? bytes.length : zeros)
  return (
    ones +
    digits
      .reverse()
      .map((digit) => ALPHABET[digit])
      .join('')
  )
}

/** Bytes of a base58 text; none for a text that is no base58 or longer than 128 characters. */
export function base58Bytes(text: string): Uint8Array {
  const bytes: number[] = []
  if (text.length > 128) return new Uint8Array(0)
  for (const character of text) {
    let carry = ALPHABET.indexOf(character)
    if (carry < 0) return new Uint8Array(0)
    for (let i = 0; i < bytes.length; i++) {
      carry += (bytes[i] as number) * 58
      bytes[i] = carry & 0xff
      carry >>= 8
    }
    for (; carry > 0; carry >>= 8) bytes.push(carry & 0xff)
  }
  const rest = text.replace(/^1+/, '')
  return Uint8Array.from([...new Array(text.length - rest.length).fill(0), ...bytes.reverse()])
}

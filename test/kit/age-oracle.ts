/**
 * A second reader of age files for X25519, written from C2SP age.md with the noble libraries, as the oracle of `drivers/qnt-age.ts`.
 */

import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'

/** The content of a file for the owner of a secret key of 32 bytes. Throws where any of it is wrong. */
export function oracleOpenAge(file: Uint8Array, secret: Uint8Array): Uint8Array {
  const text = Buffer.from(file).toString('latin1')
  const head = /^age-encryption\.org\/v1\n((?:-> X25519 [A-Za-z0-9+/]{43}\n[A-Za-z0-9+/]{43}\n)+)---/.exec(text)
  if (head === null) throw new Error('head')
  const [share = '', body = ''] = (head[1] as string).split('\n').map((line) => line.replace('-> X25519 ', ''))
  const [ephemeral, wrapped] = [Buffer.from(share, 'base64'), Buffer.from(body, 'base64')]
  const salt = Buffer.concat([ephemeral, x25519.getPublicKey(secret)])
  const shared = x25519.getSharedSecret(secret, new Uint8Array(ephemeral))
  const wrapKey = hkdf(sha256, shared, salt, ascii('age-encryption.org/v1/X25519'), 32)
  const fileKey = chacha20poly1305(wrapKey, new Uint8Array(12)).decrypt(new Uint8Array(wrapped))
  const macKey = hkdf(sha256, fileKey, undefined, ascii('header'), 32)
  const mac = Buffer.from(hmac(sha256, macKey, ascii(head[0])))
    .toString('base64')
    .replace(/=+$/, '')
  const line = ` ${mac}\n`
  if (text.slice(head[0].length, head[0].length + line.length) !== line) throw new Error('MAC')
  const payload = file.subarray(head[0].length + line.length)
  return openChunks(hkdf(sha256, fileKey, payload.subarray(0, 16), ascii('payload'), 32), payload.subarray(16))
}

function openChunks(key: Uint8Array, sealed: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = []
  for (let at = 0; at < sealed.length; at += 65_552) {
    const nonce = Buffer.alloc(12)
    nonce.writeUInt32BE(at / 65_552, 7)
    nonce[11] = at + 65_552 >= sealed.length ? 1 : 0
    parts.push(chacha20poly1305(key, nonce).decrypt(sealed.slice(at, at + 65_552)))
  }
  return Buffer.concat(parts)
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

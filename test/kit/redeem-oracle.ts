/**
 * A second reader of what is sealed in a redemption, which shares nothing with `src`: written from PROTOCOL.md alone with a CBOR reader of the tests' own and the @noble
 * libraries.
 */

import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { type Item, readCbor } from './cddl.ts'

/** Net, server, holder. */
type Place = readonly [Uint8Array, Uint8Array, Uint8Array]

/** What a server finds in a REDEEM, and the two secrets for the way back. */
export function seeRequest(payload: Uint8Array, sealSecret: Uint8Array, place: Place) {
  const [nonce, enc, sealed] = readCbor(payload) as [Uint8Array, Uint8Array, Uint8Array]
  const info = cbor('webx v1 redeem request', ...place, nonce)
  const { key, baseNonce, exporter } = schedule(enc, sealSecret, info)
  const answerSecret = labeledExpand(SUITE, exporter, 'sec', cbor('webx v1 redeem answer'), 32)
  const blockKey = labeledExpand(SUITE, exporter, 'sec', cbor('webx v1 redeem block'), 32)
  return { ask: unpad(chacha20poly1305(key, baseNonce).decrypt(sealed)), answerSecret, blockKey }
}

/** What a holder finds in an ANSWER. */
export function seeAnswer(payload: Uint8Array, answerSecret: Uint8Array): Uint8Array {
  const [, salt, sealed] = readCbor(payload) as [Uint8Array, Uint8Array, Uint8Array]
  const key = blake3(Buffer.concat([answerSecret, salt]), { context: Buffer.from('webx v1 redeem answer key') })
  return unpad(chacha20poly1305(key, new Uint8Array(12)).decrypt(sealed))
}

/** What is in a BLOCK. */
export function seeBlock(payload: Uint8Array, blockKey: Uint8Array): Uint8Array {
  const [, at, sealed] = readCbor(payload) as [Item, number, Uint8Array]
  const nonce = Buffer.alloc(12)
  nonce.writeBigUInt64BE(BigInt(at / 32_768), 4)
  return chacha20poly1305(blockKey, nonce).decrypt(sealed)
}

/** What is in a NOTICE. */
export function seeNotice(payload: Uint8Array, agreementSecret: Uint8Array, place: Place): Uint8Array {
  const [enc, sealed] = readCbor(payload) as [Uint8Array, Uint8Array]
  const { key, baseNonce } = schedule(enc, agreementSecret, cbor('webx v1 redeem notice', ...place))
  return unpad(chacha20poly1305(key, baseNonce).decrypt(sealed))
}

const SUITE = Buffer.concat([Buffer.from('HPKE'), Buffer.of(0, 0x20, 0, 1, 0, 3)])
const NOTHING = Buffer.alloc(0)

/** DHKEM(X25519, HKDF-SHA256) and the key schedule of the base mode: RFC 9180 §4.1, §5.1. */
function schedule(enc: Uint8Array, secret: Uint8Array, info: Uint8Array) {
  const kem = Buffer.from('4b454d0020', 'hex')
  const prk = labeledExtract(kem, NOTHING, 'eae_prk', x25519.getSharedSecret(secret, enc))
  const context = Buffer.concat([enc, x25519.getPublicKey(secret)])
  const shared = labeledExpand(kem, prk, 'shared_secret', context, 32)
  const hashes = [
    labeledExtract(SUITE, NOTHING, 'psk_id_hash', NOTHING),
    labeledExtract(SUITE, NOTHING, 'info_hash', info),
  ]
  const whole = Buffer.concat([Buffer.of(0), ...hashes])
  const root = labeledExtract(SUITE, shared, 'secret', NOTHING)
  return {
    key: labeledExpand(SUITE, root, 'key', whole, 32),
    baseNonce: labeledExpand(SUITE, root, 'base_nonce', whole, 12),
    exporter: labeledExpand(SUITE, root, 'exp', whole, 32),
  }
}

function labeledExtract(suite: Uint8Array, salt: Uint8Array, label: string, material: Uint8Array): Uint8Array {
  return extract(sha256, Buffer.concat([Buffer.from('HPKE-v1'), suite, Buffer.from(label), material]), salt)
}

function labeledExpand(suite: Uint8Array, prk: Uint8Array, label: string, info: Uint8Array, length: number) {
  const labeled = Buffer.concat([Buffer.of(0, length), Buffer.from('HPKE-v1'), suite, Buffer.from(label), info])
  return expand(sha256, prk, labeled, length)
}

/** An array of a text and byte strings of 16 or 32 bytes. */
function cbor(title: string, ...parts: readonly Uint8Array[]): Buffer {
  const strings = parts.flatMap((part) => [
    part.length < 24 ? Buffer.of(0x40 + part.length) : Buffer.of(0x58, part.length),
    Buffer.from(part),
  ])
  const text = Buffer.from(title)
  const head = text.length < 24 ? [0x60 + text.length] : [0x78, text.length]
  return Buffer.concat([Buffer.of(0x81 + parts.length, ...head), text, ...strings])
}

function unpad(bytes: Uint8Array): Uint8Array {
  const end = bytes.findLastIndex((byte) => byte !== 0)
  if (bytes.length % 1_024 !== 0 || bytes[end] !== 0x80) throw new Error('not padded')
  return bytes.slice(0, end)
}

/**
 * A second reader of manifests that shares nothing with `src`: written from PROTOCOL.md alone with a CBOR reader of the tests' own and the @noble libraries, down to HPKE.
 */

import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { ml_kem768_x25519 } from '@noble/post-quantum/hybrid.js'
import { type Item, readCbor } from './cddl.ts'

/** The fields of a manifest whose signature, data id and modules hold. Throws where one does not. */
export function seeManifest(document: Uint8Array, ownerKey: Uint8Array): Item[] {
  const { tag, of } = readCbor(document) as { tag: number; of: Item[] }
  const [header, empty, payload, signature] = of as [Uint8Array, string, Uint8Array, Uint8Array]
  const fields = readCbor(payload) as Item[]
  const owner = fields[2] as Uint8Array
  const type = Buffer.from('application/webx-qnt')
  const expected = Buffer.concat([Buffer.of(0xa3, 1, 0x27, 3, 0x60 + type.length), type, Buffer.of(4, 0x58, 32), owner])
  assertThat(tag === 18 && empty === 'map' && expected.equals(header), 'frame of the document')
  const title = Buffer.from('Signature1')
  const message = [Buffer.of(0x84, 0x60 + title.length), title, string(header), Buffer.of(0x40), string(payload)]
  assertThat(ed25519.verify(signature, Buffer.concat(message), ownerKey), 'signature')
  const dataId = digest('webx v1 qnt data id', Buffer.concat([owner, fields[3] as Uint8Array]))
  assertThat(dataId.equals(fields[1] as Uint8Array), 'data id')
  for (const [, named, , , , module] of fields[17] as [number, Uint8Array, number, number, Uint8Array, Uint8Array][]) {
    if (module.length > 0) assertThat(digest('webx v1 runnable', module).equals(named), 'module')
  }
  return fields
}

/** What the next version names this one by. */
export function seeDigest(payload: Uint8Array): Uint8Array {
  return new Uint8Array(digest('webx v1 qnt manifest', payload))
}

/** The digest by which a manifest names a disclosed field. */
export function seeFieldDigest(disclosure: Uint8Array): Uint8Array {
  return new Uint8Array(digest('webx v1 field', disclosure))
}

/** The content key for the holder of a private key or an X-Wing seed (32 bytes), or null. */
export function seeContentKey(fields: Item[], suite: 1 | 2, secret: Uint8Array): Uint8Array | null {
  const [dataId, keyEpoch] = [fields[1] as Uint8Array, fields[11] as number]
  assertThat(keyEpoch < 24, 'this oracle writes small numbers only')
  const publicKey = suite === 1 ? x25519.getPublicKey(secret) : ml_kem768_x25519.keygen(secret).publicKey
  const seen = Buffer.concat([Buffer.of(0x84), string(dataId), Buffer.of(keyEpoch, suite), string(publicKey)])
  const hint = digest('webx v1 qnt hint', seen).subarray(0, 8)
  for (const [kind, named, enc, ciphertext] of fields[14] as [number, Uint8Array, Uint8Array, Uint8Array][]) {
    if (kind !== suite || !hint.equals(named)) continue
    const title = Buffer.from('webx v1 qnt recipient')
    const info = [Buffer.of(0x84, 0x60 + title.length), title, Buffer.of(suite), string(dataId), Buffer.of(keyEpoch)]
    const shared = suite === 1 ? dhkem(enc, secret, publicKey) : ml_kem768_x25519.decapsulate(enc, secret)
    return openBase(suite === 1 ? 0x0020 : 0x647a, shared, Buffer.concat(info), ciphertext)
  }
  return null
}

/** DHKEM(X25519, HKDF-SHA256), RFC 9180 §4.1. */
function dhkem(enc: Uint8Array, secret: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const suite = Buffer.from('4b454d0020', 'hex')
  const prk = labeledExtract(suite, Buffer.alloc(0), 'eae_prk', x25519.getSharedSecret(secret, enc))
  return labeledExpand(suite, prk, 'shared_secret', Buffer.concat([enc, publicKey]), 32)
}

/** SetupBaseR and the first message, RFC 9180 §5.1. */
function openBase(kem: number, shared: Uint8Array, info: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const suite = Buffer.concat([Buffer.from('HPKE'), Buffer.of(kem >> 8, kem & 255, 0, 1, 0, 3)])
  const nothing = Buffer.alloc(0)
  const hashes = [
    labeledExtract(suite, nothing, 'psk_id_hash', nothing),
    labeledExtract(suite, nothing, 'info_hash', info),
  ]
  const context = Buffer.concat([Buffer.of(0), ...hashes])
  const secret = labeledExtract(suite, shared, 'secret', nothing)
  const key = labeledExpand(suite, secret, 'key', context, 32)
  const nonce = labeledExpand(suite, secret, 'base_nonce', context, 12)
  return chacha20poly1305(key, nonce).decrypt(ciphertext)
}

function labeledExtract(suite: Uint8Array, salt: Uint8Array, label: string, material: Uint8Array): Uint8Array {
  return extract(sha256, Buffer.concat([Buffer.from('HPKE-v1'), suite, Buffer.from(label), material]), salt)
}

function labeledExpand(suite: Uint8Array, prk: Uint8Array, label: string, info: Uint8Array, length: number) {
  const labeled = Buffer.concat([Buffer.of(0, length), Buffer.from('HPKE-v1'), suite, Buffer.from(label), info])
  return expand(sha256, prk, labeled, length)
}

function digest(context: string, bytes: Uint8Array): Buffer {
  return Buffer.from(blake3(bytes, { context: Buffer.from(context) }))
}

/** A byte string with its head. */
function string(bytes: Uint8Array): Buffer {
  const length = bytes.length
  const head = length < 24 ? [0x40 + length] : length < 256 ? [0x58, length] : [0x59, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), bytes])
}

function assertThat(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the oracle refuses the ${what}`)
}

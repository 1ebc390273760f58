/**
 * Backups written and read a second time, from `src/PROTOCOL.md` alone and with the noble libraries, so that what our code makes and takes can be held against it –
 * and so that backups can be made that our code would never write.
 */

import { chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { scrypt } from '@noble/hashes/scrypt.js'
import { Encoder } from 'cbor-x'

/** What a backup is sealed with; fixed, so that the same content gives the same bytes. */
export interface OracleSeal {
  readonly passphrase: string
  readonly log2N: number
  readonly parallel: number
  /** 16 bytes. */
  readonly salt: Uint8Array
  /** 24 bytes. */
  readonly nonce: Uint8Array
  /** 32 bytes. */
  readonly contentKey: Uint8Array
}

type Sealed = [number, number, log2N: number, parallel: number, salt: Uint8Array, nonce: Uint8Array, text: Uint8Array]

const CHUNK = 65_536
const cbor = new Encoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false })

/** CBOR as another library writes it. */
export function oracleCbor(value: unknown): Uint8Array {
  return new Uint8Array(cbor.encode(Array.isArray(value) ? value.map(whole) : value))
}

/** The library writes large numbers as floats unless they are BigInts. */
function whole(value: unknown): unknown {
  return typeof value === 'number' && value > 0xffff_ffff ? BigInt(value) : value
}

/** A record behind its length. */
export function oracleRecord(value: unknown): Uint8Array {
  const bytes = oracleCbor(value)
  return join(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes)
}

/** A file: its record, its bytes, their digest. */
export function oracleFile(path: string, bytes: Uint8Array): Uint8Array {
  return join(oracleRecord([1, path, bytes.length]), bytes, blake3(bytes))
}

/** A head around a sealed key; `version` is 1 in all that are good. */
export function oracleHead(seal: OracleSeal, version = 1): Uint8Array {
  const { log2N, parallel, salt, nonce, contentKey } = seal
  const front = [1, 1, log2N, parallel, salt, nonce]
  const aad = oracleCbor([...front, oracleCbor(['webx backup', 1])])
  const text = xchacha20poly1305(passphraseKey(seal), nonce, aad).encrypt(contentKey)
  return oracleHeadAround(oracleCbor([version, oracleCbor([...front, text])]))
}

/** Magic, length and digest around anything. */
export function oracleHeadAround(content: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  const head = join(ascii('WBK1'), length, content)
  return join(head, blake3(head, { context: ascii('webx v1 backup head') }))
}

/** The chunks of a content. */
export function oracleChunks(contentKey: Uint8Array, head: Uint8Array, content: Uint8Array): Uint8Array {
  const { key, aad } = payload(contentKey, head)
  const parts: Uint8Array[] = []
  const room = CHUNK - 16
  for (let at = 0; at === 0 || at < content.length; at += room) {
    const isLast = at + room >= content.length
    parts.push(chacha20poly1305(key, nonceOf(at / room, isLast), aad).encrypt(content.slice(at, at + room)))
  }
  return join(...parts)
}

/** The content of a backup by its passphrase. Throws where something does not open. */
export function oracleOpenBackup(file: Uint8Array, passphrase: string): Uint8Array {
  const length = Buffer.from(file).readUInt32BE(4)
  const head = file.slice(0, 8 + length + 32)
  const [, sealed] = cbor.decode(file.slice(8, 8 + length)) as [number, Uint8Array]
  const [, , log2N, parallel, salt, nonce, text] = cbor.decode(sealed) as Sealed
  const front = [1, 1, log2N, parallel, salt, nonce]
  const aad = oracleCbor([...front, oracleCbor(['webx backup', 1])])
  const key = passphraseKey({ passphrase, log2N, parallel, salt })
  const contentKey = xchacha20poly1305(key, nonce, aad).decrypt(text)
  const chunk = payload(contentKey, head)
  const parts: Uint8Array[] = []
  for (let at = head.length; at < file.length; at += CHUNK) {
    const number = (at - head.length) / CHUNK
    const opened = chacha20poly1305(chunk.key, nonceOf(number, at + CHUNK >= file.length), chunk.aad)
    parts.push(opened.decrypt(file.slice(at, at + CHUNK)))
  }
  return join(...parts)
}

function payload(contentKey: Uint8Array, head: Uint8Array): { key: Uint8Array; aad: Uint8Array } {
  const aad = join(head.slice(-32), new Uint8Array(8))
  return { key: blake3(join(contentKey, aad), { context: ascii('webx v1 qnt payload') }), aad }
}

function passphraseKey(seal: Pick<OracleSeal, 'passphrase' | 'log2N' | 'parallel' | 'salt'>): Uint8Array {
  const { passphrase, log2N, parallel, salt } = seal
  const derived = scrypt(passphrase.normalize('NFKC'), salt, { N: 2 ** log2N, r: 8, p: parallel, dkLen: 32 })
  return blake3(derived, { context: ascii('webx v1 passphrase seal') })
}

function nonceOf(chunk: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(12)
  nonce.writeBigUInt64BE(BigInt(chunk), 3)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

/** All in one. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

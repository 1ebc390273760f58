/**
 * A second reader of .qnt bodies, written from the description alone with the noble libraries, as the oracle of `src/data`: it decrypts chunk by
 * chunk, hashes the ciphertext as a whole, and builds the stored tree by recursion over the leaves of BLAKE3.
 */

import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { blake3 } from '@noble/hashes/blake3.js'

/** What opening takes. */
export interface OracleKeys {
  readonly contentKey: Uint8Array
  readonly dataId: Uint8Array
  readonly keyEpoch: number
}

/** A file taken apart; the tree is whatever follows the chunks. */
export interface OracleFile {
  readonly manifest: Uint8Array
  readonly body: Uint8Array
  readonly tree: Uint8Array
}

/** Content of 0, 1, 2 … 250, 0, 1 … */
export function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < Math.min(length, 251); i++) bytes[i] = i
  for (let done = 251; done < length; done *= 2) bytes.copyWithin(done, 0, Math.min(done, length - done))
  return bytes
}

/** The parts of a file with so much content. */
export function takeApart(file: Uint8Array, contentBytes: number): OracleFile {
  if (Buffer.from(file.subarray(0, 4)).toString('latin1') !== 'QNT1') throw new Error('magic')
  const length = Buffer.from(file.subarray(4, 8)).readUInt32BE()
  const bodyAt = 8 + length
  const treeAt = bodyAt + contentBytes + 16 * Math.max(1, Math.ceil(contentBytes / 65_520))
  return { manifest: file.slice(8, bodyAt), body: file.slice(bodyAt, treeAt), tree: file.slice(treeAt) }
}

/** The content of sealed chunks. Throws where one of them does not open. */
export function oracleOpen(keys: OracleKeys, body: Uint8Array, chunkLog2 = 16): Uint8Array {
  const aad = Buffer.alloc(40)
  aad.set(keys.dataId)
  aad.writeBigUInt64BE(BigInt(keys.keyEpoch), 32)
  const key = blake3(Buffer.concat([keys.contentKey, aad]), { context: ascii('webx v1 qnt payload') })
  const size = 2 ** chunkLog2
  const parts: Uint8Array[] = []
  for (let at = 0; at < body.length; at += size) {
    const nonce = Buffer.alloc(12)
    nonce.writeBigUInt64BE(BigInt(at / size), 3)
    nonce[11] = at + size >= body.length ? 1 : 0
    parts.push(chacha20poly1305(key, nonce, aad).decrypt(body.slice(at, at + size)))
  }
  return Buffer.concat(parts)
}

/** The commitment to a content key. */
export function oracleCommitment(keys: OracleKeys): Uint8Array {
  return blake3(Buffer.concat([keys.contentKey, keys.dataId]), { context: ascii('webx v1 qnt commitment') })
}

/** The root: plain BLAKE3. */
export function oracleRoot(body: Uint8Array): Uint8Array {
  return blake3(body)
}

/** The stored tree: the chaining values of all chunks, of all runs of 256 chunks, of all runs of 65,536, as long as there is more than one run. */
export function oracleTree(body: Uint8Array, chunkLog2 = 16): Uint8Array {
  const parts: Uint8Array[] = []
  for (let run = 2 ** chunkLog2; body.length > run; run *= 256) {
    for (let at = 0; at < body.length; at += run) {
      parts.push(chainingValue(body.subarray(at, Math.min(at + run, body.length)), at / 1024))
    }
  }
  return Buffer.concat(parts)
}

/** The chaining value of a subtree that is not the root, as the paper's reference implementation defines it. */
function chainingValue(bytes: Uint8Array, firstLeaf: number): Uint8Array {
  if (bytes.length <= 1024) return leafValue(bytes, BigInt(firstLeaf))
  let half = 1024
  while (2 * half < bytes.length) half *= 2
  const left = chainingValue(bytes.subarray(0, half), firstLeaf)
  const right = chainingValue(bytes.subarray(half), firstLeaf + half / 1024)
  return wordsOut(compress(IV, wordsIn(Buffer.concat([left, right])), 0n, 64, 4))
}

function leafValue(bytes: Uint8Array, counter: bigint): Uint8Array {
  let chain = IV
  const blocks = Math.max(1, Math.ceil(bytes.length / 64))
  for (let i = 0; i < blocks; i++) {
    const block = bytes.subarray(64 * i, 64 * i + 64)
    const padded = Buffer.alloc(64)
    padded.set(block)
    chain = compress(chain, wordsIn(padded), counter, block.length, (i === 0 ? 1 : 0) | (i === blocks - 1 ? 2 : 0))
  }
  return wordsOut(chain)
}

const IV = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19]
const PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]

function compress(chain: number[], block: number[], counter: bigint, length: number, flags: number): number[] {
  const low = Number(counter & 0xffff_ffffn)
  const v = [...chain, ...IV.slice(0, 4), low, Number(counter >> 32n), length, flags]
  let m = block
  const g = (a: number, b: number, c: number, d: number, x: number, y: number): void => {
    for (const [word, r, s] of [[x, 16, 12] as const, [y, 8, 7] as const]) {
      v[a] = (v[a]! + v[b]! + word) >>> 0
      v[d] = rotate(v[d]! ^ v[a]!, r)
      v[c] = (v[c]! + v[d]!) >>> 0
      v[b] = rotate(v[b]! ^ v[c]!, s)
    }
  }
  for (let round = 0; round < 7; round++) {
    for (let i = 0; i < 4; i++) g(i, 4 + i, 8 + i, 12 + i, m[2 * i]!, m[2 * i + 1]!)
    for (let i = 0; i < 4; i++) {
      g(i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4), m[8 + 2 * i]!, m[9 + 2 * i]!)
    }
    m = PERMUTATION.map((from) => m[from]!)
  }
  return v.slice(0, 8).map((word, i) => (word ^ v[i + 8]!) >>> 0)
}

function rotate(word: number, bits: number): number {
  return ((word >>> bits) | (word << (32 - bits))) >>> 0
}

function wordsIn(bytes: Buffer): number[] {
  return Array.from({ length: 16 }, (_, i) => bytes.readUInt32LE(4 * i))
}

function wordsOut(words: number[]): Uint8Array {
  const out = Buffer.alloc(32)
  words.forEach((word, i) => {
    out.writeUInt32LE(word, 4 * i)
  })
  return out
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

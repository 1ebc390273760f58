/**
 * Signatures on which verifiers fall out: torsion, encodings that are not canonical, an s that is too long, and plain
 * forgeries. `edgeCases` makes them anew with @noble/curves' points; `test/vectors/ed25519.json` holds what it made.
 */

import { createHash } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { toBytes32, toNumber } from './scalars.ts'

const { Point } = ed25519
type Point = InstanceType<typeof Point>

/** The order of the base point. */
export const ORDER = Point.Fn.ORDER
/** The field's prime. */
export const PRIME = Point.Fp.ORDER
/** A generator of the eight points of small order. */
const TORSION = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')

/** A case: who signed what how, and whether the rule of the network accepts it. */
export interface EdgeCase {
  readonly name: string
  readonly key: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
  readonly valid: boolean
}

/** What a crafted signature deviates in. */
export interface Craft {
  readonly message?: Uint8Array
  /** The secret scalar; default is a constant. */
  readonly a?: bigint
  /** The nonce; 0 leaves only the torsion. */
  readonly r?: bigint
  /** Multiples of the generator of small order that are added to key and nonce point. */
  readonly keyTorsion?: number
  readonly nonceTorsion?: number
  /** Encodings to use instead of the canonical ones, in the hash too. */
  readonly keyBytes?: Uint8Array
  readonly nonceBytes?: Uint8Array
  /** Added to s after all. */
  readonly plus?: bigint
}

/** The eight points of small order. */
export function torsion(times: number): Point {
  return times % 8 === 0 ? Point.ZERO : TORSION.multiply(BigInt(times % 8))
}

/** A signature for which the cofactored equation holds, if `plus` is a multiple of L and the bytes encode the points. */
export function craft(options: Craft = {}): Omit<EdgeCase, 'name' | 'valid'> {
  const { message = new TextEncoder().encode('a vote'), a = 123456789n, r = 987654321n, plus = 0n } = options
  const key =
    options.keyBytes ??
    times(a)
      .add(torsion(options.keyTorsion ?? 0))
      .toBytes()
  const nonce =
    options.nonceBytes ??
    times(r)
      .add(torsion(options.nonceTorsion ?? 0))
      .toBytes()
  const digest = createHash('sha512').update(nonce).update(key).update(message).digest()
  const s = ((r + toNumber(digest) * a) % ORDER) + plus
  return { key, message, signature: Uint8Array.of(...nonce, ...toBytes32(s)) }
}

function times(scalar: bigint): Point {
  return scalar === 0n ? Point.ZERO : Point.BASE.multiply(scalar)
}

/** All cases, the same at every call. */
export function edgeCases(): EdgeCase[] {
  const cases: EdgeCase[] = []
  const add = (name: string, valid: boolean, made: Omit<EdgeCase, 'name' | 'valid'>): void => {
    cases.push({ name, ...made, valid })
  }
  addTorsion(add)
  addEncodings(add)
  addScalars(add)
  addForgeries(add)
  return cases
}

type Add = (name: string, valid: boolean, made: Omit<EdgeCase, 'name' | 'valid'>) => void

function addTorsion(add: Add): void {
  for (let i = 0; i < 8; i++) {
    for (const j of i === 0 ? [0, 1, 2, 3, 4, 5, 6, 7] : [0, i, (3 * i + 1) % 8]) {
      add(`key plus torsion ${i}, nonce plus torsion ${j}`, true, craft({ keyTorsion: i, nonceTorsion: j }))
    }
    add(`nonce of small order ${i}`, true, craft({ r: 0n, nonceTorsion: i }))
    add(`nonce of small order ${i}, key plus torsion 5`, true, craft({ r: 0n, nonceTorsion: i, keyTorsion: 5 }))
    add(`key of small order ${i}`, false, craft({ a: 0n, keyTorsion: i }))
    add(`key and nonce of small order ${i}`, false, craft({ a: 0n, r: 0n, keyTorsion: i, nonceTorsion: (8 - i) % 8 }))
  }
}

/** Every encoding of a number of 255 bits that is p or more, or has a sign without an x. */
function addEncodings(add: Add): void {
  const sign = 1n << 255n
  for (let y = PRIME; y < sign; y++) {
    for (const bytes of [toBytes32(y), toBytes32(y | sign)]) {
      const name = `${bytes[31] === 255 ? 'negative ' : ''}p + ${y - PRIME}`
      add(`key encoded as ${name}`, false, craft({ keyBytes: bytes, a: 0n }))
      // for p and p + 1 the equation holds: these are points of small order
      add(`nonce encoded as ${name}`, false, craft({ nonceBytes: bytes, r: 0n }))
    }
  }
  for (const y of [1n, PRIME - 1n]) {
    const bytes = toBytes32(y | sign)
    add(`key x = 0 with a sign, y = ${y === 1n ? '1' : '−1'}`, false, craft({ keyBytes: bytes, a: 0n }))
    add(`nonce x = 0 with a sign, y = ${y === 1n ? '1' : '−1'}`, false, craft({ nonceBytes: bytes, r: 0n }))
  }
  for (const y of [2n, 7n, PRIME - 2n]) {
    add(`key not on the curve, y = ${y}`, false, craft({ keyBytes: toBytes32(y) }))
    add(`nonce not on the curve, y = ${y}`, false, craft({ nonceBytes: toBytes32(y) }))
  }
}

function addScalars(add: Add): void {
  for (let i = 1n; i < 16n; i++) add(`s + ${i} L`, false, craft({ plus: i * ORDER }))
  for (const delta of [1n, -1n, 1n << 128n, 1n << 251n]) add(`s plus ${delta}`, false, craft({ plus: delta }))
  const good = craft()
  for (const s of [0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, 2n ** 253n - 1n, 2n ** 253n, 2n ** 255n, 2n ** 256n - 1n]) {
    const signature = Uint8Array.of(...good.signature.subarray(0, 32), ...toBytes32(s))
    add(`s = ${s}`, false, { ...good, signature })
  }
  const scalars = [1n, 2n, 3n, 8n, ORDER - 1n, ORDER - 8n, 1n << 128n, (1n << 128n) - 1n, (1n << 252n) - 1n, 1n << 252n]
  for (const a of scalars) {
    add(`secret scalar ${a}`, true, craft({ a }))
    add(`secret scalar and nonce ${a}`, true, craft({ a, r: a }))
    add(`secret scalar ${a}, nonce its negative`, true, craft({ a, r: ORDER - a }))
  }
}

function addForgeries(add: Add): void {
  const good = craft()
  add('another message', false, { ...good, message: new TextEncoder().encode('b vote') })
  add('no message', false, { ...good, message: new Uint8Array(0) })
  add('another key', false, { ...good, key: craft({ a: 5n }).key })
  add('the negative key', false, { ...good, key: flip(good.key, 255) })
  add('all zeros', false, { ...good, signature: new Uint8Array(64) })
  add('all ones', false, { ...good, signature: new Uint8Array(64).fill(255) })
  for (let bit = 0; bit < 512; bit += 17)
    add(`bit ${bit} changed`, false, { ...good, signature: flip(good.signature, bit) })
}

/** A copy with one bit changed. */
export function flip(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
}

/**
 * Verification of Ed25519 signatures (RFC 8032) under the one rule of the network, alone and in batches.
 *
 * A signature (R, s) of key A over m is valid if and only if A and R are canonical encodings of points, A is not of
 * small order, s < L, and 8·s·B = 8·R + 8·k·A with k = SHA-512(R ‖ A ‖ m) mod L.
 *
 * A range of signatures is checked by 8 · Σ zᵢ (Rᵢ + kᵢAᵢ − sᵢB) = 0. With zᵢ of 128 random bits an invalid one passes
 * with a probability of 2^−127 at most (Bernstein et al., "High-speed high-security signatures", section 5). A range of
 * one takes z = 1 and is exact. The same zᵢ serve for all other ranges of a batch, each as good a sum as the next.
 *
 * The caller calls `begin`; writes `key`, `signature` and the message at `data` and calls `add` for every signature;
 * writes the z at `coefficients`, calls `prepare`, then `check` as often as needed. Only public data comes here:
 * time and addresses depend on it, so nothing of this may ever touch a secret.
 */

import { copy32, same32 } from './bytes'
import { addTerm, beginSum, isSumOfSmallOrder, placeSum } from './verify/chain'
import { decompress, ENCODINGS, POINTS } from './verify/decompress'
import { QUAD } from './verify/field'
import {
  earnPlace, highTable, keep, KEPT_WIDTH, lowTable, pinKept, pinPlace, placeOf, reserveKeys, tick, unpinAll,
} from './verify/keys'
import { double, isSmallOrder, makeTable } from './verify/point'
import { addProduct, isReduced, negate, reduce } from './verify/scalar'
import * as sha512 from './verify/sha512'

export { keysMax } from './verify/keys'
// arithmetic, so that it can be tried at its bounds
export { multiply, squareNegatingLast } from './verify/field'
export { reduce } from './verify/scalar'
/** Signatures of one batch. */
export const batchMax: u32 = 64
/** Bytes that `data` holds. */
export const dataLength: u32 = 4096
export const data: usize = memory.data(4096, 16)
export const key: usize = memory.data(32, 16)
export const signature: usize = memory.data(64, 16)
/** The z: 16 bytes for each signature of the batch. A 0 counts as 1. */
export const coefficients: usize = memory.data(16 * 64, 16)

const BASE_WIDTH: u32 = 8
const FRESH_WIDTH: u32 = 5
const NONCE_WIDTH: u32 = 4
const BASE_ENTRIES: u32 = 64, FRESH_ENTRIES: u32 = 8, NONCE_ENTRIES: u32 = 4
const FRESH_TABLE: u32 = 8 * 160, NONCE_TABLE: u32 = 4 * 160

/** Tables of B and 2^128 · B. */
const BASE_LOW: usize = memory.data(64 * 160, 16)
const BASE_HIGH: usize = memory.data(64 * 160, 16)

// of each signature: R as it came, s, k, the number of its key, whether it may be valid, R's point and table
const NONCES: usize = memory.data(32 * 64, 16)
const RESPONSES: usize = memory.data(32 * 64, 16)
const CHALLENGES: usize = memory.data(32 * 64, 16)
const KEY_OF: usize = memory.data(64, 16)
const LIVE: usize = memory.data(64, 16)
const NONCE_POINTS: usize = memory.data(160 * 64, 16)
const NONCE_TABLES: usize = memory.data(4 * 160 * 64, 16)
// of each different key: its bytes, its tables (the second 0 where it is not kept), whether it is one, Σ z k
const KEYS: usize = memory.data(32 * 64, 16)
const LOW: usize = memory.data(4 * 64, 16)
const HIGH: usize = memory.data(4 * 64, 16)
const VALID: usize = memory.data(64, 16)
const KEY_POINTS: usize = memory.data(160 * 64, 16)
const FRESH_TABLES: usize = memory.data(8 * 160 * 64, 16)
const KEY_SUMS: usize = memory.data(64 * 64, 16)
const USED: usize = memory.data(64, 16)

// what a sum takes: a term for each signature, two for each key and two for B
const DIGITS: usize = memory.data(257 * 200, 16)
const TABLES: usize = memory.data(4 * 200, 16)

const ONE: usize = memory.data<u32>([1, 0, 0, 0], 16)
const BASE_SUM: usize = memory.data(64, 16)
const VERDICTS: usize = memory.data(16, 16)
const SCALAR: usize = memory.data(32, 16)
const POINT: usize = memory.data(160, 16)

let items: u32 = 0
let keys: u32 = 0

/** Makes the tables of B and room for those of `count` (1 … keysMax) keys, once. False if there is no such memory. */
export function reserve(count: u32): bool {
  // B has y = 4/5 and an even x
  memory.fill(key, 0x66, 32)
  store<u8>(key, 0x58)
  readPoint(key, POINT)
  makeTable(BASE_LOW, POINT, BASE_ENTRIES)
  for (let i = 0; i < 128; i++) double(POINT, POINT)
  makeTable(BASE_HIGH, POINT, BASE_ENTRIES)
  placeSum(DIGITS, TABLES)
  return reserveKeys(count)
}

/** Whether `key` is a canonical encoding of a point that is not of small order. */
export function isKey(): bool {
  if (placeOf(key) >= 0) return true
  return readPoint(key, POINT) && !isSmallOrder(POINT)
}

/** Keeps the tables of `key` until `unpin`. False if it is no key, or all places are taken by pinned ones. */
export function pin(): bool {
  tick()
  let place = placeOf(key)
  if (place >= 0) {
    pinKept(place)
    return true
  }
  if (!isKey()) return false
  place = pinPlace()
  if (place < 0) return false
  readPoint(key, POINT)
  keep(place, key, POINT, true)
  return true
}

/** Makes all pinned keys like the others again. */
export function unpin(): void {
  unpinAll()
}

/** Begins a batch. */
export function begin(): void {
  tick()
  items = 0
  keys = 0
}

/** Adds a signature whose message is the first `length` bytes of `data`. */
export function add(length: u32): void {
  open()
  absorb(length)
  close()
}

/** Begins a message of any length for `key` and `signature`. */
export function open(): void {
  sha512.begin()
  sha512.update(signature, 32)
  sha512.update(key, 32)
}

/** Takes in the first `length` bytes of `data`. */
export function absorb(length: u32): void {
  sha512.update(data, length)
}

/** Ends the message and adds its signature to the batch. */
export function close(): void {
  sha512.finish()
  reduce(CHALLENGES + 32 * items, sha512.DIGEST)
  copy32(NONCES + 32 * items, signature)
  copy32(RESPONSES + 32 * items, signature + 32)
  store<u8>(LIVE + items, isReduced(signature + 32) ? 1 : 0)
  store<u8>(KEY_OF + items, keyNumber())
  items++
}

/** Reads the points of all signatures and of the keys that are not kept, and makes their tables. */
export function prepare(): void {
  // what to read: first the nonces, then the keys
  let group: u32 = 0
  for (let i: u32 = 0; i < items; i++) {
    if (load<u8>(LIVE + i) != 0) group = readLater(group, NONCES + 32 * i, NONCE_POINTS + 160 * i, LIVE + i)
  }
  for (let i: u32 = 0; i < keys; i++) {
    if (load<u32>(HIGH + 4 * i) == 0) group = readLater(group, KEYS + 32 * i, KEY_POINTS + 160 * i, VALID + i)
  }
  readNow(group)
  for (let i: u32 = 0; i < keys; i++) {
    if (load<u32>(HIGH + 4 * i) == 0 && load<u8>(VALID + i) != 0) prepareKey(i)
  }
  for (let i: u32 = 0; i < items; i++) prepareItem(i)
}

/** Whether signature number `i` of the batch was refused by itself: its s, its nonce or its key is none. */
export function isRefused(i: u32): bool {
  return load<u8>(LIVE + i) == 0
}

/**
 * Whether signatures `first` … `first` + `count` − 1 of the batch, but for those refused by themselves, are all valid
 * (see above for the probability).
 */
export function check(first: u32, count: u32): bool {
  let most: u32 = 2, bits: u32 = 128
  const z = count == 1 ? ONE : coefficients, step: u32 = count == 1 ? 0 : 16
  memory.fill(USED, 0, keys)
  memory.fill(BASE_SUM, 0, 64)
  for (let i = first; i < first + count; i++) {
    if (load<u8>(LIVE + i) == 0) continue
    const number: u32 = load<u8>(KEY_OF + i)
    const sum = KEY_SUMS + 64 * number
    if (load<u8>(USED + number) == 0) {
      store<u8>(USED + number, 1)
      memory.fill(sum, 0, 64)
      if (load<u32>(HIGH + 4 * number) == 0) bits = 256
      most += 2
    }
    most++
    addProduct(sum, z + step * i, CHALLENGES + 32 * i)
    addProduct(BASE_SUM, z + step * i, RESPONSES + 32 * i)
  }
  beginSum(most, bits)
  for (let i = first; i < first + count; i++) {
    if (load<u8>(LIVE + i) != 0) addTerm(NONCE_TABLES + NONCE_TABLE * i, NONCE_WIDTH, z + step * i, 0, 128)
  }
  for (let i: u32 = 0; i < keys; i++) if (load<u8>(USED + i) != 0) addKeyTerms(i)
  reduce(SCALAR, BASE_SUM)
  negate(SCALAR, SCALAR)
  addTerm(BASE_LOW, BASE_WIDTH, SCALAR, 0, 128)
  addTerm(BASE_HIGH, BASE_WIDTH, SCALAR, 128, 128)
  return isSumOfSmallOrder()
}

/** The number within the batch of the present `key`. */
function keyNumber(): u32 {
  for (let i: u32 = 0; i < keys; i++) if (same32(KEYS + 32 * i, key)) return i
  copy32(KEYS + 32 * keys, key)
  const place = placeOf(key)
  store<u8>(VALID + keys, 1)
  store<u32>(LOW + 4 * keys, place < 0 ? 0 : <u32>lowTable(place))
  store<u32>(HIGH + 4 * keys, place < 0 ? 0 : <u32>highTable(place))
  return keys++
}

/** Reads one point. */
function readPoint(encoding: usize, point: usize): bool {
  store<u32>(ENCODINGS, <u32>encoding)
  store<u32>(POINTS, <u32>point)
  return decompress(1) != 0
}

/** Notes a point to be read, and reads four when there are four. Returns how many are noted. */
function readLater(noted: u32, encoding: usize, point: usize, verdict: usize): u32 {
  store<u32>(ENCODINGS + 4 * noted, <u32>encoding)
  store<u32>(POINTS + 4 * noted, <u32>point)
  store<u32>(VERDICTS + 4 * noted, <u32>verdict)
  if (noted < 3) return noted + 1
  readNow(4)
  return 0
}

/** Reads the points noted; a byte for each says whether it is one. */
function readNow(noted: u32): void {
  if (noted == 0) return
  const found = decompress(noted)
  for (let i: u32 = 0; i < noted; i++) store<u8>(load<u32>(VERDICTS + 4 * i), <u8>(found >> i & 1))
}

/** Tables of a key that is not kept: its first small one, or those that it has earned. */
function prepareKey(number: u32): void {
  const encoding = KEYS + 32 * number, point = KEY_POINTS + 160 * number
  memory.copy(POINT, point, QUAD)
  if (isSmallOrder(POINT)) {
    store<u8>(VALID + number, 0)
    return
  }
  const place = earnPlace(encoding)
  if (place >= 0) {
    keep(place, encoding, point, false)
    store<u32>(LOW + 4 * number, <u32>lowTable(place))
    store<u32>(HIGH + 4 * number, <u32>highTable(place))
  } else {
    const table = FRESH_TABLES + FRESH_TABLE * number
    makeTable(table, point, FRESH_ENTRIES)
    store<u32>(LOW + 4 * number, <u32>table)
  }
}

function prepareItem(i: u32): void {
  if (load<u8>(VALID + load<u8>(KEY_OF + i)) == 0) store<u8>(LIVE + i, 0)
  if (load<u8>(LIVE + i) == 0) return
  const z = coefficients + 16 * i
  if ((load<u64>(z) | load<u64>(z, 8)) == 0) store<u64>(z, 1)
  // a single signature is weighed by 1, whose only digit is 1
  makeTable(NONCE_TABLES + NONCE_TABLE * i, NONCE_POINTS + 160 * i, items == 1 ? 1 : NONCE_ENTRIES)
}

function addKeyTerms(number: u32): void {
  reduce(SCALAR, KEY_SUMS + 64 * number)
  const low = load<u32>(LOW + 4 * number), high = load<u32>(HIGH + 4 * number)
  if (high == 0) {
    addTerm(low, FRESH_WIDTH, SCALAR, 0, 256)
  } else {
    addTerm(low, KEPT_WIDTH, SCALAR, 0, 128)
    addTerm(high, KEPT_WIDTH, SCALAR, 128, 128)
  }
}

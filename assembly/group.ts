/**
 * The group ristretto255 (RFC 9496) over the arithmetic of the Ed25519 kernel: elements, their encodings, their sums.
 *
 * Elements live in slots: the first `pinsMax` for good, with tables, the others as the caller likes. The caller calls
 * `reserve` once, writes encodings or scalars at `data` and the slots of terms at `terms`, and calls. `sumSecret`,
 * `encode`, `reduceWide` and `multiplyAdd` may touch secrets; of what the others are given, time and addresses tell.
 *
 * Sums of public scalars are Straus's: up to some 400 terms Pippenger's buckets would take as many additions, at 640
 * they would spare a sixth of them, and a point that has a table takes fewer than either.
 */

import { encode as encodeFourOfCurve } from './group/edwards'
import { decode as decodeFour, encode as encodeFour, mapUniform, POINTS_AT } from './group/encoding'
import {
  makeMultiples, multiplyAdd as multiplyAddSecret, recodeSecret, reduceSecret, sumOfSecrets,
} from './group/secret'
import { addTerm, beginSum, finishSum, placeSum } from './verify/chain'
import { decompress, ENCODINGS, POINTS as DECOMPRESSED } from './verify/decompress'
import { copyLane, isZero, multiply, QUAD, twiceP } from './verify/field'
import { add as addCached, cache, makeTable, setIdentity } from './verify/point'

/** Slots of pinned elements: from 0 on, the neutral one first, then the base point. */
export const pinsMax: u32 = 544
/** Slots of others, from `pinsMax` on. */
export const pointsMax: u32 = 2048
/** Terms of a sum. */
export const termsMax: u32 = 640
/** 32 bytes for each term. */
export const data: usize = memory.data(32 * 640, 16)
/** A slot (4 bytes) for each term. */
export const terms: usize = memory.data(4 * 640, 16)

const PIN_WIDTH: u32 = 7
const PIN_ENTRIES: u32 = 32
const FRESH_WIDTH: u32 = 5
const FRESH_ENTRIES: u32 = 8
const FRESH_TABLE: usize = 8 * 160
/** Of a pinned element: its odd multiples, then its first eight. */
const PIN_TABLES: usize = (32 + 8) * 160
const PAGE: usize = 0x10000

const POINTS: usize = memory.data(160 * (544 + 2048), 16)
const FRESH: usize = memory.data(8 * 160 * 640, 16)
const TABLES: usize = memory.data(4 * 640, 16)
const DIGITS: usize = memory.data(257 * 640, 16)
const CACHED: usize = memory.data(160, 16)
const LEFT: usize = memory.data(160, 16)
const RIGHT: usize = memory.data(160, 16)
/** The encoding of the base point. */
const BASE: usize = memory.data<u64>([
  0x714ebc6a0aaef2e2, 0x5f5100c561a984a8, 0x8ddd82a56a0be358, 0x762d8de04559a6b6,
], 16)

let pins: u32 = 0

/** Pins the neutral element and the base point, once. False if there is no memory. */
export function reserve(): bool {
  placeSum(DIGITS, TABLES)
  setIdentity(slot(0))
  memory.copy(data, BASE, 32)
  store<u32>(terms, 1)
  return decode(1) == 1 && pin(0) == 0 && pin(1) == 1
}

/** Copies an element to the next pinned slot and makes its tables. The slot, or −1 where there is no room. */
export function pin(from: u32): i32 {
  if (pins == pinsMax) return -1
  const end = pinTables(pins + 1)
  const pages = <i32>((end + PAGE - 1) / PAGE) - memory.size()
  if (pages > 0 && memory.grow(pages) < 0) return -1
  memory.copy(slot(pins), slot(from), QUAD)
  makeTable(pinTables(pins), slot(pins), PIN_ENTRIES)
  makeMultiples(pinTables(pins) + PIN_ENTRIES * QUAD, slot(pins))
  return pins++
}

/** Reads the encodings of `count` (1 … 4) elements at `data` into the slots at `terms`. Bit i: the i-th is one. */
export function decode(count: u32): u32 {
  placePoints(count)
  return decodeFour(data, count)
}

/** Writes the encodings of the `count` (1 … 4) elements in the slots at `terms` to `data`. */
export function encode(count: u32): void {
  placePoints(count)
  encodeFour(data, count)
}

/** The same of points of the curve edwards25519, not only of its group of prime order, in their canonical encodings (RFC 8032, section 5.1.3). */
export function decodeOfCurve(count: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(ENCODINGS + 4 * i, <u32>(data + 32 * i))
    store<u32>(DECOMPRESSED + 4 * i, <u32>slot(load<u32>(terms + 4 * i)))
  }
  return decompress(count)
}

/** Writes the encodings of the `count` (1 … 4) points in the slots at `terms`, as points of the curve, to `data`. Time and addresses tell what they are. */
export function encodeOfCurve(count: u32): void {
  placePoints(count)
  encodeFourOfCurve(data, count)
}

/** Maps the 64 bytes at `data` to an element. */
export function fromUniform(to: u32): void {
  mapUniform(slot(to), data)
}

/** a + b */
export function add(to: u32, a: u32, b: u32): void {
  cache(CACHED, slot(b))
  addCached(slot(to), slot(a), CACHED, false)
}

/** a − b */
export function subtract(to: u32, a: u32, b: u32): void {
  cache(CACHED, slot(b))
  addCached(slot(to), slot(a), CACHED, true)
}

/** Whether both are the same element (RFC 9496, section 4.3.3): x₁ y₂ = y₁ x₂ or y₁ y₂ = x₁ x₂. */
export function equal(a: u32, b: u32): bool {
  const p = slot(a), q = slot(b)
  copyLane(LEFT, 0, p, 0); copyLane(LEFT, 1, p, 1); copyLane(LEFT, 2, p, 1); copyLane(LEFT, 3, p, 0)
  copyLane(RIGHT, 0, q, 1); copyLane(RIGHT, 1, q, 0); copyLane(RIGHT, 2, q, 1); copyLane(RIGHT, 3, q, 0)
  multiply(LEFT, LEFT, RIGHT, 4)
  return sameLanes(0, 1) || sameLanes(2, 3)
}

/** Whether it is the neutral element. */
export function isIdentity(a: u32): bool {
  return isZero(slot(a), 0) || isZero(slot(a), 1)
}

/** Σ scalar · element over `count` terms: public scalars below 2^255 at `data`, slots at `terms`. */
export function sum(to: u32, count: u32): void {
  beginSum(count, 256)
  for (let i: u32 = 0; i < count; i++) {
    const scalar = data + 32 * i, from = load<u32>(terms + 4 * i)
    if (from < pins) {
      addTerm(pinTables(from), PIN_WIDTH, scalar, 0, 256)
    } else if ((load<u64>(scalar) | load<u64>(scalar, 8) | load<u64>(scalar, 16) | load<u64>(scalar, 24)) != 0) {
      const table = FRESH + FRESH_TABLE * i
      makeTable(table, slot(from), FRESH_ENTRIES)
      addTerm(table, FRESH_WIDTH, scalar, 0, 256)
    }
  }
  finishSum(slot(to))
}

/** The same of secret scalars, which are gone afterwards. */
export function sumSecret(to: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const from = load<u32>(terms + 4 * i)
    let table = pinTables(from) + PIN_ENTRIES * QUAD
    if (from >= pins) {
      table = FRESH + FRESH_TABLE * i
      makeMultiples(table, slot(from))
    }
    store<u32>(TABLES + 4 * i, <u32>table)
    recodeSecret(DIGITS + 64 * i, data + 32 * i)
  }
  memory.fill(data, 0, 32 * count)
  sumOfSecrets(slot(to), DIGITS, TABLES, count)
  memory.fill(DIGITS, 0, 64 * count)
}

/** The 64 bytes at `data` modulo L, in the place of the first 32. */
export function reduceWide(): void {
  reduceSecret(data, data)
}

/** a · b + c modulo L, of 32 bytes each at `data`, in the place of a. */
export function multiplyAdd(): void {
  multiplyAddSecret(data, data, data + 32, data + 64)
  memory.fill(data + 32, 0, 64)
}

function placePoints(count: u32): void {
  for (let i: u32 = 0; i < count; i++) store<u32>(POINTS_AT + 4 * i, <u32>slot(load<u32>(terms + 4 * i)))
}

function sameLanes(a: u32, b: u32): bool {
  copyLane(RIGHT, 0, LEFT, a)
  copyLane(RIGHT, 1, LEFT, b)
  for (let at: usize = 0; at < QUAD; at += 16) {
    // 2p keeps the difference positive
    store<u32>(RIGHT + at, load<u32>(RIGHT + at) + twiceP(at) - load<u32>(RIGHT + at, 4))
  }
  return isZero(RIGHT, 0)
}

@inline
function slot(index: u32): usize {
  return POINTS + QUAD * index
}

@inline
function pinTables(index: u32): usize {
  return ((__heap_base + 15) & ~15) + PIN_TABLES * index
}

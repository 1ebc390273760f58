/**
 * Σ scalar · point over many points with one chain of doublings (Straus), each scalar in few signed digits.
 *
 * Digits lie in a matrix: a row for each power of two, a column for each point, so that a step of the chain finds its
 * digits side by side, most of them 0.
 */

import { QUAD } from './field'
import { add, double, isSmallOrder, setIdentity } from './point'
import { recode } from './scalar'

const TOTAL: usize = memory.data(160, 16)

let matrix: usize = 0
let tables: usize = 0
let rows: u32 = 0
let columns: u32 = 0
let stride: u32 = 0

/** Says where digits and addresses of tables go, once: for `n` terms, a multiple of 8, 257 · n and 4 · n bytes. */
export function placeSum(digitsAt: usize, tablesAt: usize): void {
  matrix = digitsAt
  tables = tablesAt
}

/** Begins a sum of at most `most` terms whose scalars have `bits` (128 or 256) bits at most. */
export function beginSum(most: u32, bits: u32): void {
  rows = bits + 1
  columns = 0
  stride = (most + 7) & ~7
  memory.fill(matrix, 0, rows * stride)
}

/**
 * Adds a term: `bits` bits of `scalar` from bit `first` on, times the point whose table has 2^(`width` − 2) entries.
 */
export function addTerm(table: usize, width: u32, scalar: usize, first: u32, bits: u32): void {
  store<u32>(tables + 4 * columns, <u32>table)
  recode(matrix + columns, stride, scalar, first, bits, width)
  columns++
}

/** Whether 8 times the sum is the identity. */
export function isSumOfSmallOrder(): bool {
  finishSum(TOTAL)
  return isSmallOrder(TOTAL)
}

/** Writes the sum to the point at `total`. */
export function finishSum(total: usize): void {
  setIdentity(total)
  let begun = false
  for (let row: i32 = rows - 1; row >= 0; row--) {
    if (begun) double(total, total)
    const from = matrix + row * stride
    for (let at: u32 = 0; at < stride; at += 8) {
      for (let eight = load<u64>(from + at); eight != 0; ) {
        const column = at + (<u32>ctz(eight) >> 3)
        eight &= ~((<u64>0xff) << (8 * <u64>(column & 7)))
        const digit = <i32>load<i8>(from + column)
        const table: usize = load<u32>(tables + 4 * column)
        add(total, total, table + <usize>(abs(digit) >> 1) * QUAD, digit < 0)
        begun = true
      }
    }
  }
}

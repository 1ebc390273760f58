/**
 * ChaCha20's block function (RFC 8439, section 2.3) and HChaCha20 (draft-irtf-cfrg-xchacha-03, section 2.2), written
 * once for a lane type `T`: `u32` makes one block, `v128` four blocks in step, one per 32-bit lane.
 */

import { at, plus, put, rotateLeft, xor } from '../lanes'
import { polyBlock, polyBlocks } from './poly'
import { STATE } from './rooms'

const KEY: usize = STATE + 16
const COUNTER: usize = STATE + 48

/** What `blocks` does with the result. */
const XOR_ONTO = 0, HCHACHA = 1, BESIDE_POLY = 2

@inline
function turn16<T>(d: T, a: T): T { return rotateLeft<T>(xor<T>(d, a), 16) }
@inline
function turn12<T>(b: T, c: T): T { return rotateLeft<T>(xor<T>(b, c), 12) }
@inline
function turn8<T>(d: T, a: T): T { return rotateLeft<T>(xor<T>(d, a), 8) }
@inline
function turn7<T>(b: T, c: T): T { return rotateLeft<T>(xor<T>(b, c), 7) }

/** State word `index` in every lane. */
@inline
function word<T>(index: i32): T {
  if (isVector<T>()) return v128.load_splat<u32>(STATE + 4 * index)
  return load<T>(STATE + 4 * index)
}

/**
 * Completes the state at block 0: a nonce of 12 bytes lies behind the counter; one of 24 begins in its place, and its
 * first 16 bytes turn the key into a subkey.
 */
export function begin(nonceLength: u32): void {
  store<u32>(STATE, 0x61707865); store<u32>(STATE, 0x3320646e, 4)
  store<u32>(STATE, 0x79622d32, 8); store<u32>(STATE, 0x6b206574, 12)
  if (nonceLength == 24) {
    blocks<u32>(KEY, 0, HCHACHA)
    store<u32>(STATE, 0, 52)
    store<u64>(STATE, load<u64>(STATE, 64), 56)
  }
  setCounter(0)
}

/** Makes `counter` the next block. */
@inline
export function setCounter(counter: u32): void {
  store<u32>(COUNTER, counter)
}

/** Writes at `to` the 256 bytes at `from` (the same place or apart) exclusive-ored with the next keystream. */
export function cryptFour(to: usize, from: usize): void {
  if (ASC_FEATURE_SIMD) {
    blocks<v128>(to, from, XOR_ONTO)
    setCounter(load<u32>(COUNTER) + 4)
  } else {
    for (let i = 0; i < 4; i++) {
      cryptOne(to + 64 * i, from + 64 * i)
      setCounter(load<u32>(COUNTER) + 1)
    }
  }
}

/**
 * As `cryptFour`, while Poly1305 takes in the 256 bytes at `text` (before anything is written): its scalar
 * multiplications fill what the vector rounds leave idle of a processor.
 */
export function cryptFourBeside(to: usize, from: usize, text: usize): void {
  if (ASC_FEATURE_SIMD) {
    blocks<v128>(to, from, BESIDE_POLY, text)
    setCounter(load<u32>(COUNTER) + 4)
  } else {
    polyBlocks(text, 256)
    cryptFour(to, from)
  }
}

function cryptOne(to: usize, from: usize): void {
  blocks<u32>(to, from, XOR_ONTO)
}

@inline
function blocks<T>(to: usize, from: usize, use: i32, text: usize = 0): void {
  let v0 = word<T>(0), v1 = word<T>(1), v2 = word<T>(2), v3 = word<T>(3)
  let v4 = word<T>(4), v5 = word<T>(5), v6 = word<T>(6), v7 = word<T>(7)
  let v8 = word<T>(8), v9 = word<T>(9), v10 = word<T>(10), v11 = word<T>(11)
  let v12 = counters<T>(), v13 = word<T>(13), v14 = word<T>(14), v15 = word<T>(15)
  for (let round = 0; round < 10; round++) {
    v0 = plus<T>(v0, v4); v1 = plus<T>(v1, v5); v2 = plus<T>(v2, v6); v3 = plus<T>(v3, v7)
    v12 = turn16<T>(v12, v0); v13 = turn16<T>(v13, v1); v14 = turn16<T>(v14, v2); v15 = turn16<T>(v15, v3)
    v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
    v4 = turn12<T>(v4, v8); v5 = turn12<T>(v5, v9); v6 = turn12<T>(v6, v10); v7 = turn12<T>(v7, v11)
    v0 = plus<T>(v0, v4); v1 = plus<T>(v1, v5); v2 = plus<T>(v2, v6); v3 = plus<T>(v3, v7)
    v12 = turn8<T>(v12, v0); v13 = turn8<T>(v13, v1); v14 = turn8<T>(v14, v2); v15 = turn8<T>(v15, v3)
    v8 = plus<T>(v8, v12); v9 = plus<T>(v9, v13); v10 = plus<T>(v10, v14); v11 = plus<T>(v11, v15)
    v4 = turn7<T>(v4, v8); v5 = turn7<T>(v5, v9); v6 = turn7<T>(v6, v10); v7 = turn7<T>(v7, v11)
    if (use == BESIDE_POLY && round < 8) polyBlock(text + 32 * round)
    v0 = plus<T>(v0, v5); v1 = plus<T>(v1, v6); v2 = plus<T>(v2, v7); v3 = plus<T>(v3, v4)
    v15 = turn16<T>(v15, v0); v12 = turn16<T>(v12, v1); v13 = turn16<T>(v13, v2); v14 = turn16<T>(v14, v3)
    v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
    v5 = turn12<T>(v5, v10); v6 = turn12<T>(v6, v11); v7 = turn12<T>(v7, v8); v4 = turn12<T>(v4, v9)
    v0 = plus<T>(v0, v5); v1 = plus<T>(v1, v6); v2 = plus<T>(v2, v7); v3 = plus<T>(v3, v4)
    v15 = turn8<T>(v15, v0); v12 = turn8<T>(v12, v1); v13 = turn8<T>(v13, v2); v14 = turn8<T>(v14, v3)
    v10 = plus<T>(v10, v15); v11 = plus<T>(v11, v12); v8 = plus<T>(v8, v13); v9 = plus<T>(v9, v14)
    v5 = turn7<T>(v5, v10); v6 = turn7<T>(v6, v11); v7 = turn7<T>(v7, v8); v4 = turn7<T>(v4, v9)
    if (use == BESIDE_POLY && round < 8) polyBlock(text + 32 * round + 16)
  }
  if (use == HCHACHA) {
    put<T>(to, 0, v0); put<T>(to, 1, v1); put<T>(to, 2, v2); put<T>(to, 3, v3)
    put<T>(to, 4, v12); put<T>(to, 5, v13); put<T>(to, 6, v14); put<T>(to, 7, v15)
  } else {
    v0 = own<T>(v0, 0); v1 = own<T>(v1, 1); v2 = own<T>(v2, 2); v3 = own<T>(v3, 3)
    onto<T>(to, from, 0, v0, v1, v2, v3)
    v4 = own<T>(v4, 4); v5 = own<T>(v5, 5); v6 = own<T>(v6, 6); v7 = own<T>(v7, 7)
    onto<T>(to, from, 4, v4, v5, v6, v7)
    v8 = own<T>(v8, 8); v9 = own<T>(v9, 9); v10 = own<T>(v10, 10); v11 = own<T>(v11, 11)
    onto<T>(to, from, 8, v8, v9, v10, v11)
    v12 = plus<T>(v12, counters<T>()); v13 = own<T>(v13, 13); v14 = own<T>(v14, 14); v15 = own<T>(v15, 15)
    onto<T>(to, from, 12, v12, v13, v14, v15)
  }
}

/** A mixed word, plus what the state held in its place. */
@inline
function own<T>(mixed: T, index: i32): T { return plus<T>(mixed, word<T>(index)) }

/** The block counter: consecutive in the four lanes, modulo 2^32. */
@inline
function counters<T>(): T {
  if (isVector<T>()) return i32x4.add(v128.load_splat<u32>(COUNTER), i32x4(0, 1, 2, 3))
  return load<T>(COUNTER)
}

/** Exclusive-ors words `first` … `first + 3` of each block onto the text. */
@inline
function onto<T>(to: usize, from: usize, first: i32, a: T, b: T, c: T, d: T): void {
  if (isVector<T>()) {
    const put = to + 4 * first, get = from + 4 * first
    const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5)
    const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7), cd2 = v128.shuffle<i32>(c, d, 2, 6, 3, 7)
    v128.store(put, v128.xor(v128.load(get), v128.shuffle<i64>(ab, cd, 0, 2)))
    v128.store(put, v128.xor(v128.load(get, 64), v128.shuffle<i64>(ab, cd, 1, 3)), 64)
    v128.store(put, v128.xor(v128.load(get, 128), v128.shuffle<i64>(ab2, cd2, 0, 2)), 128)
    v128.store(put, v128.xor(v128.load(get, 192), v128.shuffle<i64>(ab2, cd2, 1, 3)), 192)
  } else {
    put<T>(to, first, xor<T>(at<T>(from, first), a)); put<T>(to, first + 1, xor<T>(at<T>(from, first + 1), b))
    put<T>(to, first + 2, xor<T>(at<T>(from, first + 2), c)); put<T>(to, first + 3, xor<T>(at<T>(from, first + 3), d))
  }
}

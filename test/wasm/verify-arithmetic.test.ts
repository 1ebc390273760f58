/** The arithmetic of the Ed25519 kernel against BigInt: products at the stated bounds of limbs, remainders at their edges. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { instantiate, type KernelExports } from '../../src/wasm/load.ts'
import { ORDER, PRIME } from '../kit/ed25519.ts'
import { toNumber } from '../kit/scalars.ts'
import { BUILDS } from '../kit/wasm.ts'

interface ArithmeticExports extends KernelExports {
  readonly data: WebAssembly.Global
  multiply(to: number, a: number, b: number, lanes: number): void
  squareNegatingLast(to: number, a: number): void
  reduce(to: number, wide: number): void
}

/** Four elements: rows of limbs, four lanes each. */
type Quad = Uint32Array

/** Excess of a first factor, of a second, of a base of a negated square, and of what comes out. */
const FIRST = 5.1
const SECOND = 3.2
const BASE = 2.02
const RESULT = 1.006

function elementOf(quad: Quad, lane: number): bigint {
  let value = 0n
  let bit = 0n
  for (let i = 0; i < 10; i++) {
    value += BigInt(quad[4 * i + lane] as number) << bit
    bit += BigInt(26 - (i & 1))
  }
  return value % PRIME
}

/** Quads whose limbs are below `excess` · 2^26 (even) or 2^25 (odd): mostly at that bound, at 0 or at the full limb. */
function quads(excess: number): fc.Arbitrary<Quad> {
  const limb = (i: number): fc.Arbitrary<number> => {
    const bits = 26 - (i & 1)
    const most = Math.floor(excess * 2 ** bits) - 1
    return fc.oneof(fc.constantFrom(0, 1, 2 ** bits - 1, 2 ** bits, most, most), fc.integer({ min: 0, max: most }))
  }
  return fc.tuple(...Array.from({ length: 40 }, (_, i) => limb(i >> 2))).map((limbs) => Uint32Array.from(limbs))
}

function most(excess: number): Quad {
  return Uint32Array.from({ length: 40 }, (_, i) => Math.floor(excess * 2 ** (26 - ((i >> 2) & 1))) - 1)
}

function assertBound(quad: Quad): void {
  quad.forEach((limb, i) => {
    assert.ok(limb < RESULT * 2 ** (26 - ((i >> 2) & 1)), `limb ${i >> 2} of lane ${i & 3}: ${limb}`)
  })
}

for (const build of BUILDS) {
  const test = suite(`wasm/verify arithmetic ${build}`)
  const kernel = instantiate<ArithmeticExports>('verify', build)
  const at = kernel.data.value
  const [to, a, b] = [0, 1, 2].map((i) => new Uint32Array(kernel.memory.buffer, at + 160 * i, 40)) as [Quad, Quad, Quad]

  function multiply(first: Quad, second: Quad, lanes: number): Quad {
    to.fill(0)
    a.set(first)
    b.set(second)
    kernel.multiply(at, at + 160, at + 320, lanes)
    return to.slice()
  }

  function square(base: Quad): Quad {
    to.set(base)
    kernel.squareNegatingLast(at, at)
    return to.slice()
  }

  function assertProduct(first: Quad, second: Quad, lanes: number): void {
    const product = multiply(first, second, lanes)
    for (let lane = 0; lane < lanes; lane++) {
      assert.is(elementOf(product, lane), (elementOf(first, lane) * elementOf(second, lane)) % PRIME, `lane ${lane}`)
    }
    assertBound(product)
  }

  function assertSquare(base: Quad): void {
    const squares = square(base)
    for (let lane = 0; lane < 4; lane++) {
      const value = elementOf(base, lane) ** 2n
      assert.is(elementOf(squares, lane), (lane < 3 ? value : PRIME * PRIME - value) % PRIME, `lane ${lane}`)
    }
    assertBound(squares)
  }

  test('products, each lane by itself', () => {
    assertProduct(most(FIRST), most(SECOND), 4)
    fc.assert(fc.property(quads(FIRST), quads(SECOND), fc.integer({ min: 1, max: 4 }), assertProduct), { numRuns: 400 })
  })

  test('squares, the last lane negated', () => {
    assertSquare(most(BASE))
    assertSquare(new Uint32Array(40))
    fc.assert(fc.property(quads(BASE), assertSquare), { numRuns: 400 })
  })

  test('remainders modulo L of any 64 bytes', () => {
    const [result, wide] = [0, 64].map((i) => new Uint8Array(kernel.memory.buffer, at + i)) as [Uint8Array, Uint8Array]
    const assertRemainder = (value: bigint): void => {
      for (let i = 0; i < 64; i++) wide[i] = Number((value >> BigInt(8 * i)) & 255n)
      kernel.reduce(at, at + 64)
      assert.is(toNumber(result.slice(0, 32)), value % ORDER, `${value}`)
    }
    const top = (1n << 512n) - 1n
    for (const value of [0n, 1n, ORDER, top, (1n << 256n) - 1n, 1n << 256n, 1n << 511n, 1n << 252n])
      assertRemainder(value)
    const quotient = fc.oneof(fc.bigInt(0n, top / ORDER), fc.bigInt(0n, 8n), fc.bigInt(top / ORDER - 8n, top / ORDER))
    const offset = fc.oneof(fc.bigInt(-3n, 3n), fc.bigInt(0n, ORDER - 1n))
    fc.assert(
      fc.property(quotient, offset, (times, rest) => {
        const value = times * ORDER + rest
        assertRemainder(value < 0n ? 0n : value > top ? top : value)
      }),
      { numRuns: 500 },
    )
  })

  test.run()
}

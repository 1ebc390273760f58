/**
 * Sums of secret scalars, scalars modulo the order, and encodings go the same way over the same addresses whatever the
 * numbers and the elements are, and leave nothing of the secrets in memory. A public sum does not: the control.
 */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readKernel } from '../../src/drivers/wasm-files.ts'
import { instantiate, type KernelExports } from '../../src/wasm/load.ts'
import { ORDER } from '../kit/ed25519.ts'
import { toBytes32 } from '../kit/scalars.ts'
import { Chance } from '../kit/targets/chance.ts'
import { parting, type Traced, traced } from '../kit/trace.ts'
import { BUILDS } from '../kit/wasm.ts'

type Functions = Record<string, (...numbers: number[]) => number>

const chance = new Chance(710)
const SECRETS: readonly Uint8Array[] = [
  ...[0n, 1n, 8n, ORDER - 1n, ORDER, (1n << 255n) - 1n, 1n << 254n, 0x7777n << 200n, 0x8888n << 100n].map(toBytes32),
  ...[0, 1, 2].map(() => chance.bytes(32).map((byte, i) => (i === 31 ? byte & 127 : byte))),
]
/** Slots: pinned are 0, the neutral element, and 1, the base point. */
const [BASE, FRESH, OTHER, RESULT] = [1, 600, 601, 602]

for (const build of BUILDS) {
  const test = suite(`wasm/group secrets ${build}`)
  const module = traced(readKernel('group')[build])
  const kernel = module.exports as Functions
  kernel['reserve']?.()
  put(module, 'data', new Chance(711).bytes(64))
  kernel['fromUniform']?.(FRESH)

  test('a sum of secret scalars shows how many there are', () => {
    const runs = SECRETS.map((secret, i) => {
      put(module, 'terms', new Uint8Array(Uint32Array.of(BASE, FRESH).buffer))
      put(module, 'data', secret)
      put(module, 'data', SECRETS[(i + 5) % SECRETS.length] as Uint8Array, 32)
      return module.run(() => kernel['sumSecret']?.(RESULT, 2))
    })
    same(module, runs)
    const one = module.run(() => kernel['sumSecret']?.(RESULT, 1))
    assert.match(parting(module, runs[0] as Float64Array, one) ?? '', /step/)
  })

  test('scalars modulo the order show nothing', () => {
    const wide = [...SECRETS, new Uint8Array(32).fill(255)]
    const products = wide.map((secret, i) => {
      put(module, 'data', secret)
      put(module, 'data', wide[(i + 1) % wide.length] as Uint8Array, 32)
      put(module, 'data', wide[(i + 2) % wide.length] as Uint8Array, 64)
      return module.run(() => kernel['multiplyAdd']?.())
    })
    same(module, products)
    const remainders = wide.map((secret, i) => {
      put(module, 'data', secret)
      put(module, 'data', wide[(i + 3) % wide.length] as Uint8Array, 32)
      return module.run(() => kernel['reduceWide']?.())
    })
    same(module, remainders)
  })

  test('an encoding shows nothing of the element', () => {
    const runs = SECRETS.map((secret) => {
      put(module, 'terms', new Uint8Array(Uint32Array.of(FRESH).buffer))
      put(module, 'data', secret)
      kernel['sumSecret']?.(RESULT, 1)
      put(module, 'terms', new Uint8Array(Uint32Array.of(RESULT).buffer))
      return module.run(() => kernel['encode']?.(1))
    })
    same(module, runs)
  })

  test('a public sum shows its scalars: what depends on them is seen', () => {
    const runs = [SECRETS[9], SECRETS[10]].map((scalar) => {
      put(module, 'terms', new Uint8Array(Uint32Array.of(FRESH).buffer))
      put(module, 'data', scalar as Uint8Array)
      return module.run(() => kernel['sum']?.(OTHER, 1))
    })
    assert.match(parting(module, runs[0] as Float64Array, runs[1] as Float64Array) ?? '', /step/)
  })

  test('no instruction takes longer for some numbers', () => {
    // dividing by the size of a page, when memory grows, is a shift
    assert.ok(module.places.length > 100)
    assert.equal(
      module.places.filter((place) => /^\([a-z0-9]+\.(div|rem|sqrt)/.test(place)),
      [],
    )
  })

  test('no secret stays in memory', () => {
    const own = instantiate<KernelExports & Record<string, unknown>>('group', build)
    const functions = own as unknown as Functions
    const memory = () => Buffer.from(own.memory.buffer)
    const at = (own['data'] as WebAssembly.Global).value as number
    functions['reserve']?.()
    const secrets = [1, 2, 3].map((seed) =>
      new Chance(720 + seed).bytes(32).map((byte, i) => (i === 31 ? byte & 15 : byte)),
    )
    const write = () => secrets.forEach((secret, i) => void new Uint8Array(own.memory.buffer).set(secret, at + 32 * i))
    const assertGone = (result: number) => {
      const left = memory()
      const made = Uint8Array.from(left.subarray(at, at + result))
      left.fill(0, at, at + result)
      if (result > 0) assert.is(left.indexOf(made), -1, 'no second copy of the result')
      for (const secret of secrets) {
        assert.is(left.indexOf(secret.subarray(0, 8)), -1)
        assert.is(left.indexOf(secret.subarray(20, 28)), -1)
        assert.is(left.indexOf(digitsOf(secret).subarray(0, 6)), -1)
      }
    }
    write()
    assert.is.not(memory().indexOf(secrets[0] as Uint8Array), -1)
    new Uint32Array(own.memory.buffer, (own['terms'] as WebAssembly.Global).value as number, 3).fill(BASE)
    functions['sumSecret']?.(RESULT, 3)
    assertGone(0)
    write()
    functions['multiplyAdd']?.()
    assertGone(32)
    write()
    new Uint8Array(own.memory.buffer).fill(0, at + 64, at + 96)
    functions['reduceWide']?.()
    assertGone(32)
  })

  test.run()
}

/** Digits of four bits with sign, −8 … 7, the lowest first, as bytes. */
function digitsOf(secret: Uint8Array): Uint8Array {
  let carry = 0
  return Uint8Array.from({ length: 63 }, (_, i) => {
    const digit = (((secret[i >> 1] as number) >> (4 * (i & 1))) & 15) + carry
    carry = digit > 7 ? 1 : 0
    return (digit - 16 * carry) & 255
  })
}

function put(module: Traced, name: string, bytes: Uint8Array, offset = 0): void {
  new Uint8Array(module.memory.buffer).set(bytes, (module.exports[name] as WebAssembly.Global).value + offset)
}

function same(module: Traced, runs: readonly Float64Array[]): void {
  const first = runs[0] as Float64Array
  assert.ok(first.length > 100, 'something was reported')
  for (const shows of runs) assert.is(parting(module, first, shows), null)
}

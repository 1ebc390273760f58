/** The check of the profile DSR-1: what it refuses and why, that the engine agrees with what it accepts, and how it takes damaged bytes. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WebxError } from '../../src/core/errors.ts'
import { checkModule } from '../../src/data/dsr-module.ts'
import { FRAME_SLOTS } from '../../src/data/dsr-stack.ts'
import { assemble, I64, i64, runOf } from '../kit/dsr-assembler.ts'
import { hostileModules, PLAIN } from '../kit/dsr-hostile.ts'
import { randomModule } from '../kit/dsr-random.ts'
import { Chance } from '../kit/targets/chance.ts'

const test = suite('data/dsr: modules')

test('every hostile module is refused for its reason, or is a valid module', () => {
  const hostile = hostileModules()
  assert.ok(hostile.filter(({ refusal }) => refusal !== null).length >= 50)
  assert.is(new Set(hostile.map(({ name }) => name)).size, hostile.length)
  for (const { name, bytes, refusal } of hostile) {
    const said = sayingOf(bytes)
    if (refusal === null) {
      assert.is(said, '', name)
      assert.ok(WebAssembly.validate(bytes), name)
    } else assert.match(said, refusal, name)
  }
})

test('a refusal names function and byte', () => {
  const wrong = assemble(runOf([0x43, 0, 0, 0, 0, 0x1a, ...i64(0)], { functions: [{ code: [0x01] }] }))
  const at = wrong.indexOf(0x43)
  assert.match(sayingOf(wrong), new RegExp(`function 1: instruction 0x43 .* at byte ${at} of the module`))
})

test('random modules are accepted, and the engine agrees', () => {
  for (let seed = 10_000; seed < 10_200; seed++) {
    const bytes = randomModule(seed)
    assert.is(sayingOf(bytes), '', `seed ${seed}`)
    assert.ok(WebAssembly.validate(bytes), `seed ${seed}`)
  }
})

test('what it accepts of damaged modules, the engine accepts', () => {
  const chance = new Chance(4)
  let accepted = 0
  for (let seed = 0; seed < 40; seed++) {
    const bytes = randomModule(seed)
    for (let i = 0; i < 100; i++) {
      const damaged = chance.flip(bytes)
      if (sayingOf(damaged) !== '') continue
      accepted++
      assert.ok(WebAssembly.validate(damaged), `seed ${seed}, change ${i}`)
    }
    for (let length = 0; length < bytes.length; length += 17) {
      const cut = bytes.slice(0, length)
      assert.ok(sayingOf(cut) !== '' || WebAssembly.validate(cut), `seed ${seed}, cut to ${length}`)
    }
  }
  assert.ok(accepted > 100, `only ${accepted} were still modules`)
})

test('counts the stack along the deepest path', () => {
  assert.is(checkModule(PLAIN).slots, FRAME_SLOTS + 2)
  const leaf = { locals: [I64, I64], code: [...i64(1), ...i64(2), ...i64(3), 0x1a, 0x1a, 0x1a] }
  const calling = { code: [0x10, 0, 0x10, 0] }
  const { slots } = checkModule(assemble(runOf([0x10, 0, 0x10, 1, ...i64(0)], { functions: [leaf, calling] })))
  assert.is(slots, FRAME_SLOTS + 5 + FRAME_SLOTS + 0 + FRAME_SLOTS + 2)
})

test.run()

/** What the refusal says; '' where there is none. */
function sayingOf(bytes: Uint8Array): string {
  try {
    checkModule(bytes)
    return ''
  } catch (error) {
    if (error instanceof WebxError && ['runnable-refused', 'too-long'].includes(error.code)) return error.message
    throw error
  }
}

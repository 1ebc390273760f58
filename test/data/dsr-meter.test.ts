/** The meter, against a second opinion: what a run costs to the last unit, what it answers, what it leaves in the memory. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeRequest } from '../../src/data/dsr-abi.ts'
import { meter } from '../../src/data/dsr-meter.ts'
import { checkModule } from '../../src/data/dsr-module.ts'
import { execute, prepareRunnable, runRunnable } from '../../src/data/dsr-run.ts'
import { provideFromFiles } from '../../src/drivers/wasm-files.ts'
import { assemble, runOf } from '../kit/dsr-assembler.ts'
import { REQUESTS } from '../kit/dsr-cases.ts'
import { hostileModules, PLAIN } from '../kit/dsr-hostile.ts'
import { walk } from '../kit/dsr-interpreter.ts'
import { randomModule } from '../kit/dsr-random.ts'

provideFromFiles()
const test = suite('data/dsr: the meter')
const REQUEST = encodeRequest(REQUESTS['access']!)
const FUEL = 30_000
const [UNREACHABLE, LOOP, IF, END, NO_RESULT, I32_CONST] = [0x00, 0x03, 0x04, 0x0b, 0x40, 0x41] as const

test('random modules cost, answer and leave what the interpreter says', () => {
  const ends = { completed: 0, trapped: 0, exhausted: 0 }
  for (let seed = 20_000; seed < 20_300; seed++) ends[heldAgainst(randomModule(seed), `seed ${seed}`)]++
  assert.ok(ends.completed > 150 && ends.trapped > 20 && ends.exhausted > 10, JSON.stringify(ends))
})

test('so do the hostile ones that are accepted', () => {
  for (const { name, bytes, refusal } of hostileModules()) if (refusal === null) heldAgainst(bytes, name)
})

test('one unit less than a run costs stops it', () => {
  for (let seed = 20_000; seed < 20_100; seed++) {
    const bytes = randomModule(seed)
    const walked = walk(bytes, REQUEST, FUEL)
    if (walked.answer === null) continue
    const runnable = prepareRunnable(bytes)
    assert.is(execute(runnable, REQUEST, walked.fuelUsed).fuelLeft, 0, `seed ${seed}`)
    assert.ok(execute(runnable, REQUEST, walked.fuelUsed - 1).fuelLeft < 0, `seed ${seed}`)
  }
})

test('whether a run trapped or was stopped does not depend on how its function counts', () => {
  const nops = new Array<number>(20).fill(1)
  const [loop, plain] = [
    [LOOP, NO_RESULT, END],
    [I32_CONST, 0, IF, NO_RESULT, END],
  ]
  for (const before of [loop, plain] as number[][]) {
    const runnable = prepareRunnable(assemble(runOf([...before, ...nops, UNREACHABLE])))
    const failureAt = (fuel: number) => runRunnable(runnable, REQUEST, fuel).failure
    // charged in full before it runs, and nobody looks before it traps
    assert.equal([1, 10, 1_000].map(failureAt), ['out-of-fuel', 'runnable-failed', 'runnable-failed'], `${before}`)
  }
})

test('many blocks over many waiting operands are refused: compilers keep account of both', () => {
  const times = (count: number, code: readonly number[]) => Array.from({ length: count }, () => code).flat()
  const code = [...times(3_900, [0x20, 0]), ...times(17_500, [LOOP, NO_RESULT, END]), ...times(3_899, [0x6a]), 0xad]
  assert.throws(() => checkModule(assemble(runOf(code))), /too many blocks/)
})

test('metering twice is refused, and the same bytes come out each time', () => {
  const once = meter(checkModule(PLAIN))
  assert.equal(meter(checkModule(PLAIN)), once)
  assert.throws(() => checkModule(once), /exports 4/)
})

test.run()

function heldAgainst(bytes: Uint8Array, name: string): 'completed' | 'trapped' | 'exhausted' {
  const walked = walk(bytes, REQUEST, FUEL)
  const { answer, fuelLeft, memory } = execute(prepareRunnable(bytes), REQUEST, FUEL)
  if (walked.answer !== null) {
    assert.is(answer, walked.answer, name)
    assert.is(FUEL - fuelLeft, walked.fuelUsed, name)
    assert.ok(Buffer.compare(memory, walked.memory) === 0, `${name}: memory`)
    return 'completed'
  }
  if (walked.isExhausted) {
    // blocks are charged in full before they run: what traps in its last block may be exhausted before
    assert.ok(answer === null || fuelLeft < 0, name)
    return 'exhausted'
  }
  assert.is(answer, null, name)
  return 'trapped'
}

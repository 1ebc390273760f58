/** Runnables in a thread behind a fence: the same outcomes as at once, an end to what takes too long, nothing left behind. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/core/limits.ts'
import { encodeRequest } from '../../src/data/dsr-abi.ts'
import { prepareRunnable, runRunnable } from '../../src/data/dsr-run.ts'
import { createRunnableHost } from '../../src/drivers/dsr-worker.ts'
import { provideFromFiles } from '../../src/drivers/wasm-files.ts'
import { assemble, i64, runOf } from '../kit/dsr-assembler.ts'
import { PLAIN } from '../kit/dsr-hostile.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { within } from '../kit/within.ts'

provideFromFiles()
const test = suite('drivers/dsr-worker')
const LONG = LIMITS.runnableFuelInThreadMax + 1
const SPIN = assemble(runOf([0x03, 0x40, 0x0c, 0, 0x0b, ...i64(0)]))
const REQUEST = encodeRequest({
  ...{ hook: 'access', nowMs: 1, requester: new Uint8Array(32), purpose: '', operation: 1, from: 0, to: 1 },
  ...{ params: new Uint8Array(0), fields: [] },
})

test('a run in the thread and one at once come to the same', async () => {
  const host = createRunnableHost()
  try {
    const [plain, spin] = await within(
      10_000,
      Promise.all([host.run(PLAIN, REQUEST, LONG), host.run(SPIN, REQUEST, LONG)]),
    )
    assert.equal(plain, runRunnable(prepareRunnable(PLAIN), REQUEST, LONG))
    assert.is(plain.verdict.kind, 'allow')
    assert.equal(spin, runRunnable(prepareRunnable(SPIN), REQUEST, LONG))
    assert.is(spin.failure, 'out-of-fuel')
    assert.equal((await host.run(PLAIN, REQUEST, 1_000)).verdict, plain.verdict)
  } finally {
    await host.close()
  }
})

test('the fence ends a run, and the next one has a new thread', async () => {
  const host = createRunnableHost({ fenceMs: 20 })
  try {
    const spinning = codeOfAsync(() => host.run(SPIN, REQUEST, LIMITS.runnableFuelMax))
    assert.is(await within(10_000, spinning), 'timeout')
    const { verdict } = await within(10_000, host.run(PLAIN, REQUEST, LONG))
    assert.is(verdict.kind, 'allow')
  } finally {
    await host.close()
  }
})

test('refuses what it should, and everything once it is closed', async () => {
  const host = createRunnableHost()
  assert.is(await codeOfAsync(() => host.run(new Uint8Array(8), REQUEST, LONG)), 'runnable-refused')
  assert.is(await codeOfAsync(() => host.run(PLAIN, new Uint8Array(1), LONG)), 'bad-shape')
  assert.is(await codeOfAsync(() => host.run(PLAIN, REQUEST, 0)), 'bad-argument')
  const beyond = codeOfAsync(() => host.run(PLAIN, REQUEST, LIMITS.runnableFuelMax + 1))
  assert.is(await within(10_000, beyond), 'bad-argument')
  const waiting = Array.from({ length: LIMITS.runnablesWaitingMax + 2 }, () =>
    codeOfAsync(() => host.run(SPIN, REQUEST, LIMITS.runnableFuelMax)),
  )
  assert.is(await within(10_000, waiting.at(-1) as Promise<string>), 'limit')
  await within(10_000, host.close())
  assert.ok((await Promise.all(waiting.slice(0, -2))).every((code) => code === 'stopped'))
  assert.is(await codeOfAsync(() => host.run(PLAIN, REQUEST, 1)), 'stopped')
})

test.run()

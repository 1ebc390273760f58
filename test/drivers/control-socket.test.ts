import { spawn } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WebxError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { type ControlMethod, callControl, openControlSocket } from '../../src/drivers/control-socket.ts'
import { hostClock } from '../../src/drivers/host.ts'
import { createCounters } from '../../src/kernel/observe.ts'
import { withTemp } from '../kit/temp.ts'
import { until, within } from '../kit/within.ts'

const test = suite('drivers/control-socket')
const clock = hostClock()

type Door = {
  path: string
  counters: ReturnType<typeof createCounters>
  call: (method: string, params?: unknown, more?: object) => Promise<unknown>
}

function withDoor(methods: Record<string, ControlMethod>, use: (door: Door) => Promise<void>): () => Promise<void> {
  return () =>
    withTemp(async (directory) => {
      const path = join(directory, 'control')
      const counters = createCounters()
      const server = await openControlSocket({ path, methods, counters })
      try {
        const call: Door['call'] = (method, params = null, more = {}) =>
          callControl({ path, method, params, timeoutMs: 2_000, clock, ...more })
        await within(10_000, use({ path, counters, call }))
      } finally {
        await server.close()
      }
      assert.not(existsSync(path))
    })
}

async function errorOf(attempt: Promise<unknown>): Promise<WebxError> {
  return attempt.then(
    () => assert.unreachable('nothing was thrown') as never,
    (error) => error,
  )
}

test(
  'a method answers with progress and a result, in whatever language JSON can say it',
  withDoor(
    {
      pay: async ({ params, progress }) => {
        progress({ stage: 'match' })
        progress('locks 17')
        return { echo: params, text: 'grüße\n"' }
      },
      nothing: async () => undefined,
    },
    async ({ call, path, counters }) => {
      const seen: unknown[] = []
      const result = await call('pay', { amount: 420 }, { onProgress: (value: unknown) => seen.push(value) })
      assert.equal(result, { echo: { amount: 420 }, text: 'grüße\n"' })
      assert.equal(seen, [{ stage: 'match' }, 'locks 17'])
      assert.is(await call('nothing'), null)
      assert.is(statSync(path).mode & 0o777, 0o600)
      assert.is(counters.read()['control.calls'], 2)
    },
  ),
)

test(
  'errors keep code, message and hint; bugs are our own fault',
  withDoor(
    {
      refuse: async () => {
        throw new WebxError('no-quorum', 'only 16 of 17 answer', { hint: 'Wait.' })
      },
      bug: async () => {
        throw new TypeError('oops')
      },
    },
    async ({ call }) => {
      const refused = await errorOf(call('refuse'))
      assert.ok(refused instanceof WebxError)
      assert.equal([refused.code, refused.message, refused.hint], ['no-quorum', 'only 16 of 17 answer', 'Wait.'])
      assert.is((await errorOf(call('bug'))).code, 'internal')
      assert.is((await errorOf(call('none'))).code, 'bad-argument')
      assert.is((await errorOf(call('toString'))).code, 'bad-argument')
    },
  ),
)

test(
  'a caller that leaves aborts its call; one that waits too long is told',
  withDoor(
    { wait: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(aborted++))) },
    async ({ call }) => {
      const before = aborted
      assert.is((await errorOf(call('wait', null, { timeoutMs: 30 }))).code, 'timeout')
      await until(1_000, () => aborted === before + 1)
    },
  ),
)
let aborted = 0

test(
  'long lines, garbage and too much at once are refused',
  withDoor(
    { long: async () => 'x'.repeat(LIMITS.controlLineBytesMax), slow: ({ signal }) => untilAborted(signal) },
    async ({ call, path, counters }) => {
      assert.is((await errorOf(call('long'))).code, 'too-long')
      const lines = await speak(path, ['nonsense', '[]', 'null', '{"id":"x","method":"slow"}', '{"id":1}'], 5)
      for (const line of lines) assert.is(JSON.parse(line).error.code, 'bad-shape')
      const requests = Array.from(
        { length: LIMITS.controlRequestsPerClientMax + 1 },
        (_, id) => `{"id":${id},"method":"slow"}`,
      )
      const [first] = await speak(path, requests, 1)
      assert.equal(JSON.parse(first as string).id, LIMITS.controlRequestsPerClientMax)
      assert.is(JSON.parse(first as string).error.code, 'limit')
      assert.equal(await speak(path, ['x'.repeat(LIMITS.controlLineBytesMax + 1)], 1), [])
      assert.is(counters.read()['control.refused.bad-shape'], 5)
    },
  ),
)

test(
  'clients are bounded',
  withDoor({ wait: ({ signal }) => untilAborted(signal) }, async ({ path, counters }) => {
    const open = Array.from({ length: LIMITS.controlClientsMax + 2 }, () => connect(path).on('error', () => undefined))
    await until(2_000, () => counters.read()['control.full'] === 2)
    for (const socket of open) socket.destroy()
  }),
)

test('where no node runs, the caller hears it at once', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'control')
    const error = await errorOf(callControl({ path, method: 'pay', params: null, timeoutMs: 1_000, clock }))
    assert.is(error.code, 'unreachable')
    assert.match(error.hint, 'webx run')
  }))

test('a socket left by a killed node is replaced, a living one and other files never', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'control')
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    await within(5_000, new Promise((resolve) => child.stdout.once('data', resolve)))
    const methods = { hello: async () => 'new' }
    const counters = createCounters()
    const error = await errorOf(openControlSocket({ path, methods, counters }))
    assert.is(error.code, 'bad-config')
    assert.match(error.message, 'another node')
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await within(2_000, ended)
    assert.ok(existsSync(path))
    const server = await openControlSocket({ path, methods, counters })
    assert.is(await callControl({ path, method: 'hello', params: null, timeoutMs: 1_000, clock }), 'new')
    await server.close()

    const file = join(directory, 'file')
    writeFileSync(file, 'dear')
    assert.is((await errorOf(openControlSocket({ path: file, methods, counters }))).code, 'bad-config')
    assert.is(readFileSync(file, 'utf8'), 'dear')
    const deep = join(directory, 'x'.repeat(120))
    assert.match((await errorOf(openControlSocket({ path: deep, methods, counters }))).hint, 'shorter')
  }))

test('a node that stops ends the calls of its callers', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'control')
    const methods: Record<string, ControlMethod> = { wait: ({ signal }) => untilAborted(signal) }
    const server = await openControlSocket({ path, methods, counters: createCounters() })
    const call = errorOf(callControl({ path, method: 'wait', params: null, timeoutMs: 5_000, clock }))
    await new Promise((resolve) => setTimeout(resolve, 30))
    await within(1_000, server.close())
    assert.is((await within(1_000, call)).code, 'unreachable')
  }))

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
}

/** Writes lines and returns the first answers; fewer where the server hangs up before. */
function speak(path: string, lines: readonly string[], count: number): Promise<string[]> {
  return within(
    2_000,
    new Promise((resolve) => {
      let said = ''
      const socket = connect(path, () => socket.write(`${lines.join('\n')}\n`))
      const answers = (): string[] => said.split('\n').slice(0, -1)
      socket.setEncoding('utf8')
      socket.on('data', (chunk) => {
        said += chunk
        if (answers().length >= count) socket.destroy()
      })
      socket.on('error', () => undefined)
      socket.once('close', () => resolve(answers()))
    }),
  )
}

test.run()

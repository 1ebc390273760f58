/** The launcher as a process: it hands over to the packaged Node, and nothing is lost on the way. */

import { spawn } from 'node:child_process'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { within } from '../kit/within.ts'

const launcher = suite('cli: launcher')
const WEBX = fileURLToPath(new URL('../../src/cli/webx.js', import.meta.url))
/** Loaded first, makes this Node say that it is an old one; the packaged one is started without it. */
const OLD = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"16.20.2"})'
const FOREIGN = `${OLD};Object.defineProperty(process,"arch",{value:"pdp11"})`

function run(preload: string | null, args: readonly string[]) {
  const all = [...(preload ? ['--import', preload] : []), WEBX, ...args]
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk
  })
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk
  })
  const ended = new Promise<{ code: number | null; signal: string | null; out: string; err: string }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, out, err }))
  })
  return within(20_000, ended)
}

launcher('runs the command line in place where Node is new enough', async () => {
  const { code, out } = await run(null, ['--version'])
  assert.is(code, 0)
  assert.match(out, /^\d+\.\d+\.\d+\n$/)
})

launcher('hands over where Node is old: arguments, output and exit code come through', async () => {
  if (process.platform !== 'linux') return
  const version = await run(OLD, ['--version'])
  assert.is(version.err, '')
  assert.match(version.out, /^\d+\.\d+\.\d+\n$/)
  const usage = await run(OLD, ['id', 'create'])
  assert.is(usage.code, 2)
  assert.is(usage.err, 'usage: webx id create needs FILE. See webx id create --help.\n')
})

launcher('passes a signal on, and ends as the command ended', async () => {
  if (process.platform !== 'linux') return
  const silent = createServer()
  await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening))
  const { port } = silent.address() as AddressInfo
  const doctor = ['doctor', '--broker', `mqtt://127.0.0.1:${port}`, '--data', '/tmp']
  const child = spawn(process.execPath, ['--import', OLD, WEBX, ...doctor], { stdio: 'ignore' })
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.on('close', (_, signal) => resolve(signal)))
  try {
    const met = new Promise<void>((resolve) => {
      silent.once('connection', (socket) => {
        socket.on('error', () => undefined).resume()
        resolve()
      })
    })
    await within(20_000, met, 'the doctor’s call')
    child.kill('SIGTERM')
    assert.is(await within(5_000, ended, 'the end'), 'SIGTERM')
  } finally {
    child.kill('SIGKILL')
    await new Promise((closed) => silent.close(closed))
  }
})

launcher('says what to do where no Node is packaged for the machine', async () => {
  const { code, err } = await run(FOREIGN, ['--version'])
  assert.is(code, 4)
  assert.match(
    err,
    /^unreachable: webx needs Node 24\.6 or newer; this is Node 16\.20\.2 on \w+-pdp11.*\. Install Node 24\.6/,
  )
})

launcher.run()

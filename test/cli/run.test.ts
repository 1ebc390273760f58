/** `webx run` before anything runs, and as a process whose sensor is missing. */

import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { hostClock, hostRandom } from '../../src/drivers/host.ts'
import { createKeyFile } from '../../src/drivers/key-file.ts'
import { foundNet, offerSeat } from '../../src/net.ts'
import { recordingIo } from '../kit/io.ts'
import { ROOT } from '../kit/source.ts'
import { withTemp } from '../kit/temp.ts'
import { until, within } from '../kit/within.ts'
import '../kit/wasm.ts'

const run = suite('cli: run')

run('the settings are printed as JSON where that is asked for, each with its source, without a password', async () => {
  const env = { WEBX_NAME: 'till 3', WEBX_BROKER_URL: 'mqtt://webx:secret@ann:1883' }
  const io = recordingIo({ env })
  assert.is(await runCommandLine(['run', '--print-config', '--json', '--data', '/d'], io), 0)
  assert.is(io.out().trim().split('\n').length, 1)
  assert.not.match(io.out(), 'secret')
  const { ok, settings } = JSON.parse(io.out()) as { ok: boolean; settings: Record<string, unknown> }
  assert.is(ok, true)
  assert.equal(settings['name'], { value: 'till 3', source: 'WEBX_NAME' })
  assert.equal(settings['data.dir'], { value: '/d', source: 'flag' })
  assert.equal(settings['broker.port'], { value: 1883, source: 'default' })
  const text = recordingIo({ env })
  await runCommandLine(['run', '--print-config'], text)
  assert.match(text.out(), /^name = "till 3" +# WEBX_NAME\n/)
})

run('a member without a seat is refused, with what to do', () =>
  withTemp(async (directory) => {
    const net = await found(directory)
    await createKeyFile(join(directory, 'other', 'node.key'), 'device')
    const io = recordingIo({ env: { WEBX_LOG_LEVEL: 'silent' } })
    const args = ['run', '--net', net, '--data', join(directory, 'other'), '--broker', 'mqtt://127.0.0.1:1']
    assert.is(await within(5_000, runCommandLine(args, io)), 1)
    assert.match(
      io.err(),
      /^bad-config: roles has "member", and this identity has no seat in the net shop\. Name .*roles/,
    )
  }),
)

run('a climate sensor that is missing stops nothing; it is logged once, under the name of the node', () =>
  withTemp(async (directory) => {
    const net = await found(directory)
    const env = {
      ...{ PATH: process.env['PATH'], WEBX_NAME: 'till 3', WEBX_LOG_LEVEL: 'warn', WEBX_SENSOR_KIND: 'iio' },
      ...{ WEBX_BROKER_EMBEDDED: 'true', WEBX_BROKER_PORT: '0' },
    }
    const args = ['run', '--net', net, '--data', join(directory, 'member'), '--json']
    const child = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...args], { cwd: directory, env })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    try {
      await until(20_000, () => out.includes('"voting":true'), 'the vote')
      child.kill('SIGTERM')
      assert.is(await within(10_000, ended), 0, err)
    } finally {
      child.kill('SIGKILL')
    }
    const said = err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; error?: { code: string; hint: string } })
    assert.ok(
      said.every(({ name }) => name === 'till 3'),
      err,
    )
    const missing = said.filter(({ error }) => error?.code === 'sensor-missing')
    assert.is(missing.length, 1, err)
    assert.match(missing[0]?.error?.hint ?? '', 'dtoverlay')
  }),
)

run('a sealed key file is opened by the passphrase in a file, and by nothing else', () =>
  withTemp(async (directory) => {
    const net = await found(directory)
    const data = join(directory, 'sealed')
    const cost = { log2N: 14, parallel: 1 }
    await createKeyFile(join(data, 'node.key'), 'device', { passphrase: 'a b c', cost })
    writeFileSync(join(directory, 'right'), '\ufeffa b c\r\n')
    writeFileSync(join(directory, 'wrong'), 'a b d\n')
    const outcome = async (...more: string[]): Promise<string> => {
      const io = recordingIo({ workingDirectory: directory, env: { WEBX_LOG_LEVEL: 'silent' } })
      const args = ['run', '--net', net, '--data', data, '--broker', 'mqtt://127.0.0.1:1', ...more]
      await within(10_000, runCommandLine(args, io))
      return io.err().split(':')[0] as string
    }
    assert.is(await outcome(), 'passphrase-needed')
    assert.is(await outcome('--passphrase-file', 'wrong'), 'wrong-passphrase')
    assert.is(await outcome('--passphrase-file', 'nothing'), 'file-unreadable')
    // it is opened: what stops it is that it has no seat
    assert.is(await outcome('--passphrase-file', 'right'), 'bad-config')
  }),
)

/** A net of one seat, whose member keeps its keys in `member`. Answers the genesis file. */
async function found(directory: string): Promise<string> {
  const file = (name: string): string => {
    mkdirSync(join(directory, name), { mode: 0o700 })
    return join(directory, name, 'node.key')
  }
  const shop = await createKeyFile(file('shop'), 'organization')
  const member = await createKeyFile(file('member'), 'device')
  const assets = [{ code: 'EUR', decimals: 2, cap: 1_000 }]
  const terms = { name: 'shop', seats: [await offerSeat(member)], terminals: [], assets }
  const { bytes } = await foundNet(terms, shop, { clock: hostClock(), random: hostRandom() })
  const path = join(directory, 'shop.genesis')
  writeFileSync(path, bytes)
  return path
}

run.run()

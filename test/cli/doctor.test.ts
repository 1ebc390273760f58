/** The doctor's checks on things made for it: brokers that answer or not, keys, programs, disks, clocks. */

import { chmodSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkBroker } from '../../src/cli/check-broker.ts'
import { checkCodec } from '../../src/cli/check-codec.ts'
import { checkCamera, checkKeys, checkNet, checkReader, type Target } from '../../src/cli/check-devices.ts'
import { checkClock, checkDisk, checkKernels, checkNode } from '../../src/cli/check-machine.ts'
import { command } from '../../src/cli/doctor.ts'
import { createKeyFile } from '../../src/drivers/key-file.ts'
import { recordingIo } from '../kit/io.ts'
import { tempForProcess } from '../kit/temp.ts'
import { within } from '../kit/within.ts'
import '../kit/wasm.ts'

const doctor = suite('cli: doctor')
const TEMP = tempForProcess()
const NOTHING: Target = {
  dataDirectory: '/',
  camera: { kind: 'none', command: [], files: [] },
  model: { manifest: 'faceplugin', backend: 'auto', needed: false },
  tagCommand: [],
  sensor: 'none',
}

async function withServer(answer: (server: Server) => void, use: (port: number) => Promise<void>): Promise<void> {
  const server = createServer()
  answer(server)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  try {
    await within(8_000, use((server.address() as AddressInfo).port))
  } finally {
    await new Promise((closed) => server.close(closed))
  }
}

doctor('broker: none, nonsense, nobody there', async () => {
  assert.is((await checkBroker(undefined)).state, 'skip')
  for (const url of ['192.168.1.10', 'http://192.168.1.10', 'mqtt:', '::']) {
    assert.is((await checkBroker(url)).state, 'fail', url)
  }
  const nobody = await within(8_000, checkBroker('mqtt://127.0.0.1:1'))
  assert.is(nobody.state, 'fail')
  assert.ok(nobody.remedy.startsWith('Nothing listens there'), nobody.remedy)
})

doctor('broker: what answers is told apart', async () => {
  const say = (bytes: number[]) => (server: Server) => {
    server.on('connection', (socket) =>
      socket.on('error', () => undefined).once('data', () => socket.end(Uint8Array.from(bytes))),
    )
  }
  const cases: [number[], string, string][] = [
    [[0x20, 2, 0, 0], 'ok', 'lets anyone in'],
    [[0x20, 2, 0, 5], 'ok', 'who signs in'],
    [[0x20, 2, 0, 1], 'fail', 'version'],
    [[0x20, 2, 0, 3], 'fail', 'not available'],
    [[...Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], 'fail', 'does not speak MQTT'],
    [[], 'fail', 'hung up'],
  ]
  for (const [bytes, state, found] of cases) {
    await withServer(say(bytes), async (port) => {
      const finding = await checkBroker(`mqtt://user:secret@127.0.0.1:${port}`)
      assert.is(finding.state, state, finding.found)
      assert.ok(finding.found.includes(found), finding.found)
      assert.not.ok(finding.found.includes('secret'))
    })
  }
})

doctor('clock: what cannot be is said', async () => {
  assert.is((await checkClock(0)).state, 'fail')
  assert.is((await checkClock(Date.UTC(2150, 0, 1))).state, 'fail')
  assert.ok(['ok', 'warn'].includes((await checkClock()).state))
})

doctor('disk: timed where it can be written, also before the folder exists', async () => {
  const finding = await checkDisk(join(TEMP, 'doctor-disk', 'not', 'yet'))
  assert.ok(['ok', 'warn'].includes(finding.state), finding.found)
  assert.ok(/a synced write takes \d/.test(finding.found), finding.found)
  if (process.getuid?.() !== 0) assert.is((await checkDisk('/proc')).state, 'fail')
})

doctor('node and kernels are in order here', async () => {
  assert.is((await checkNode()).state, 'ok')
  const kernels = await checkKernels()
  assert.ok(kernels.state === 'ok' || kernels.state === 'warn', kernels.found)
  const codec = await checkCodec()
  assert.is(codec.state, 'ok', codec.found)
})

doctor('keys: closed, open to others, not there', async () => {
  const path = join(TEMP, 'doctor-keys', 'a.keys')
  assert.is((await checkKeys({ ...NOTHING, keys: path })).state, 'fail')
  await createKeyFile(path, 'device')
  assert.is((await checkKeys({ ...NOTHING, keys: path })).state, 'ok')
  chmodSync(path, 0o644)
  const open = await checkKeys({ ...NOTHING, keys: path })
  assert.is(open.state, 'fail')
  assert.ok(open.remedy.includes('chmod'), open.remedy)
})

doctor('net: a genesis that is there, whole, and signed', async () => {
  assert.is((await checkNet(NOTHING)).state, 'skip')
  const genesis = join(TEMP, 'none.genesis')
  assert.is((await checkNet({ ...NOTHING, genesis })).state, 'fail')
  writeFileSync(genesis, 'no genesis')
  const finding = await checkNet({ ...NOTHING, genesis })
  assert.is(finding.state, 'fail')
  assert.ok(finding.remedy.includes('--net FILE'))
})

doctor('the profile, the environment and the flags say what is looked at', async () => {
  const profile = join(TEMP, 'my.toml')
  writeFileSync(
    profile,
    '[broker]\nurl = "mqtt://127.0.0.1:2"\n[camera]\nkind = "command"\ncommand = ["no-such-camera"]\n',
  )
  const look = async (env: Record<string, string>, ...more: string[]) => {
    const io = recordingIo({ env, workingDirectory: TEMP })
    assert.is(await within(30_000, command(['--json', '--profile', './my.toml', ...more], io)), 1)
    const { findings } = JSON.parse(io.out()) as { findings: { check: string; found: string }[] }
    return Object.fromEntries(findings.map(({ check, found }) => [check, found]))
  }
  const plain = await look({})
  assert.ok(plain['broker']?.includes('127.0.0.1:2'))
  assert.is(plain['camera'], 'there is no program no-such-camera')
  assert.ok(plain['disk']?.includes(TEMP))
  assert.ok((await look({ WEBX_BROKER_URL: 'mqtt://127.0.0.1:3' }))['broker']?.includes('127.0.0.1:3'))
  const flagged = await look({ WEBX_BROKER_URL: 'mqtt://127.0.0.1:3' }, '--broker', 'mqtt://127.0.0.1:4')
  assert.ok(flagged['broker']?.includes('127.0.0.1:4'))
  const misspelt = recordingIo({ env: { WEBX_BROKER_URI: 'x' } })
  try {
    await command([], misspelt)
    assert.unreachable()
  } catch (thrown) {
    assert.is((thrown as { code: string }).code, 'unknown-key')
  }
})

doctor('camera and reader: programs and pictures that are there or not', async () => {
  const io = recordingIo()
  const camera = (kind: string, command: string[], files: string[] = []) =>
    checkCamera({ ...NOTHING, camera: { kind, command, files } }, io)
  assert.is((await camera('command', ['sh', '-c', 'true'])).state, 'ok')
  assert.is((await camera('command', ['/bin/sh'])).state, 'ok')
  assert.is((await camera('command', ['no-such-camera-program'])).state, 'fail')
  assert.is((await camera('command', [])).state, 'fail')
  const picture = join(TEMP, 'a.jpg')
  assert.is((await camera('still', [], [picture])).state, 'fail')
  writeFileSync(picture, 'x')
  assert.is((await camera('still', [], [picture])).state, 'ok')
  assert.is((await camera('none', [])).state, 'skip')
  assert.is((await checkReader({ ...NOTHING, tagCommand: ['no-such-reader'] }, io)).state, 'fail')
  assert.is((await checkReader({ ...NOTHING, tagCommand: ['sh'] }, io)).state, 'ok')
})

doctor('the command answers one line of JSON, and 1 only where something fails', async () => {
  const data = join(TEMP, 'doctor-data')
  const io = recordingIo()
  assert.is(await within(30_000, command(['--json', '--data', data], io)), 0)
  const report = JSON.parse(io.out()) as { ok: boolean; findings: { check: string; state: string }[] }
  assert.is(io.out().split('\n').length, 2)
  assert.is(report.ok, true)
  assert.is(io.err(), '')
  const checks = report.findings.map(({ check }) => check)
  assert.equal(checks, [
    'node',
    'clock',
    'disk',
    'kernels',
    'codec',
    'broker',
    'net',
    'keys',
    'model',
    'camera',
    'reader',
    'sensor',
  ])
  const failing = recordingIo()
  assert.is(await within(30_000, command(['--data', data, '--broker', 'mqtt://127.0.0.1:1'], failing)), 1)
  assert.ok(/fail {2}broker .*\n +→ Nothing listens there/.test(failing.out()), failing.out())
})

doctor.run()

/** `webx id settled`, asked of a node that runs behind a real control socket: how an owner hears of a recovery that is not hers, and objects. */

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import { runCommandLine } from '../../src/cli/main.ts'
import { fromBase64url, toHex } from '../../src/core/bytes.ts'
import { type ControlServer, openControlSocket } from '../../src/drivers/control-socket.ts'
import { readKeyLogFile } from '../../src/drivers/key-file-log.ts'
import { CONTROL_SOCKET } from '../../src/station.ts'
import { keyLogMethods } from '../../src/station-keylogs.ts'
import { recordingIo } from '../kit/io.ts'
import { LogOwner, pairOf } from '../kit/keylog.ts'
import { MemoryNet } from '../kit/node.ts'
import type { Pair } from '../kit/people.ts'
import { tempForProcess } from '../kit/temp.ts'

const TEMP = tempForProcess()
const DATA = join(TEMP, 'data')
const test = suite('cli: settled key logs')
const net = new MemoryNet(1)
const owner = new LogOwner({ from: 95_000, delaySeconds: 86_400 })
let control: ControlServer

async function webx(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo({ workingDirectory: TEMP })
  const code = await runCommandLine(['id', 'settled', ...args, '--data', DATA], io)
  return { code, out: io.out(), err: io.err() }
}

test.before(async () => {
  mkdirSync(DATA)
  await net.members()
  const state = owner.state()
  const [pair] = owner.keys as [Pair]
  const person = { ...pair, id: state.id, inception: owner.events[0] as Uint8Array, state }
  for (let i = 0; i < 40; i++) owner.append(owner.delegation(pairOf(5).publicKey, { scopes: ['a'.repeat(40), 'pay'] }))
  const node = await net.node(person, { keys: { log: owner.events } })
  const { counters, directory } = node.context
  await net.until(() => directory.stateOf(state.id)?.position === 40)
  const methods = keyLogMethods(node as unknown as WebxNode)
  control = await openControlSocket({ path: join(DATA, CONTROL_SOCKET), methods, counters })
})
test.after(async () => {
  await control.close()
  await net.close()
})

test('what is settled, for people and for programs', async () => {
  const { code, out } = await webx()
  assert.is(code, 0)
  assert.ok(out.includes(toHex((owner.keys[0] as Pair).publicKey)) && !out.includes('recovery'))
  const data = JSON.parse((await webx('--json')).out) as { log: string; recoveries: unknown[]; position: number }
  assert.equal([data.recoveries, data.position], [[], 0])
  assert.equal(readKeyLogFile('text', fromBase64url(data.log)), owner.events)
})

test('a recovery that waits is shown, with a log that ends there and that a veto can follow', async () => {
  const [member] = net.nodes
  const { bytes } = owner.recoveryEvent()
  member?.orders.publishKeyLog([owner.events[0] as Uint8Array, bytes])
  await net.until(() => (member?.context.directory.stateOf(owner.link().id)?.pending ?? null) !== null)
  await net.pass(1_000, 250)
  const { code, out } = await webx('--out', 'seen.txt')
  assert.is(code, 0)
  assert.ok(out.includes('a recovery waits for 86400 s') && out.includes('webx id veto'))
  owner.append(bytes)
  const text = readFileSync(join(TEMP, 'seen.txt'), 'utf8').trim()
  assert.equal(readKeyLogFile('text', fromBase64url(text)), owner.events)
  const again = await webx('--out', 'seen.txt')
  assert.ok(again.code !== 0 && again.err.startsWith('bad-argument'))
})

test('of somebody who is not settled here nothing is known', async () => {
  const { code, err } = await webx('ab'.repeat(32))
  assert.ok(code !== 0 && err.startsWith('unknown-owner'), err)
})

test.run()

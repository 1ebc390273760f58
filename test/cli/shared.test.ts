/** `webx shared` asked of a node behind a real control socket. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import { runCommandLine } from '../../src/cli/main.ts'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { type ControlServer, openControlSocket } from '../../src/drivers/control-socket.ts'
import { genesisBody, genesisFile, genesisSignedBytes, readGenesis } from '../../src/identity/genesis.ts'
import { CONTROL_SOCKET } from '../../src/station.ts'
import { sharedMethods } from '../../src/station-shared.ts'
import { swarmMethods } from '../../src/station-swarm.ts'
import { recordingIo } from '../kit/io.ts'
import { MemoryNet, type MemoryNode, vrfOf } from '../kit/node.ts'
import { makeNet, type Net } from '../kit/people.ts'
import { tempForProcess } from '../kit/temp.ts'

const TEMP = tempForProcess()
const DATA = join(TEMP, 'data')
const test = suite('cli: shared objects')
const net = new MemoryNet(1, netWithEpochs())
let node: MemoryNode
let control: ControlServer

/** A net of one seat that can draw lots, so that its epochs turn. */
function netWithEpochs(): Net {
  const made = makeNet(1)
  const vrfKey = vrfOf(fromText('vrf'), (made.members[0] as Net['members'][number]).person).publicKey
  const seats = made.genesis.seats.map((seat) => ({ ...seat, vrfKey }))
  const policy = { seats: 1, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0 }
  const body = genesisBody({ ...made.genesis, seats, policy })
  return { ...made, genesis: readGenesis(genesisFile(body, made.organization.sign(genesisSignedBytes(body)))) }
}

async function webx(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo({ workingDirectory: TEMP })
  const code = await net.during(runCommandLine(['shared', ...args, '--data', DATA], io))
  return { code, out: io.out(), err: io.err() }
}

async function json<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await webx(...args, '--json')
  assert.is(code, 0, out + err)
  return JSON.parse(out) as T
}

test.before(async () => {
  mkdirSync(DATA)
  node = await net.member(0)
  await net.until(() => node.recovered())
  const methods = { ...sharedMethods(node as unknown as WebxNode), ...swarmMethods(node) }
  control = await openControlSocket({ path: join(DATA, CONTROL_SOCKET), methods, counters: node.context.counters })
})
test.after(async () => {
  await control.close()
  await net.close()
})

test('an object is begun, written, read and listed; who comes too late is told, and how to go on', async () => {
  assert.is((await webx('list')).out, 'no shared objects\n')
  const other = await net.node()
  const { oid } = await json<{ oid: string }>('create', 'in the yard', '--writers', toHex(other.person.id))
  const written = await webx('write', oid, 'on the \u{1b}truck', '--after', '1')
  assert.is(written.out, `${oid}  #2  FINAL\n`)
  const late = await webx('write', oid, 'elsewhere', '--after', '1')
  assert.is(late.code, 3)
  assert.match(late.err, /^wrong-sequence: .*Read it again/)
  writeFileSync(join(TEMP, 'value'), Uint8Array.of(0xff, 0))
  assert.is((await webx('write', oid, '--file', 'value')).code, 0)
  const { out } = await webx('read', oid)
  assert.match(out, /sequence +3\nvalue +0xff00\n/)
  assert.match(out, /\n#2 .* on the \\u\{1b\}truck\n/)
  const told = await json<{ writers: string[]; history: unknown[] }>('read', oid, '--last', '2')
  assert.is(told.writers.length, 2)
  assert.is(told.history.length, 2)
  assert.match((await webx('list')).out, /^[0-9a-f]{64} {2}#3 +0xff00\n$/)
})

test('a rule changes with the words of its writers', async () => {
  const other = toHex((await net.node()).person.id)
  const { oid } = await json<{ oid: string }>('create', '', '--writers', other, '--needed', '2')
  const said = await webx('rule', oid, '--writers', toHex(node.person.id))
  assert.match(said.out, /said; more writers must say the same/)
  assert.match((await webx('read', oid)).out, /\nwanted +[0-9a-f]{8} by /)
})

test('a receipt shows a change to whoever has genesis and epochs, once the epoch has turned', async () => {
  const { oid } = await json<{ oid: string }>('create', 'sealed')
  assert.is((await webx('prove', oid, '1', '--out', 'early')).code, 4, 'no state shows it yet')
  const status = recordingIo({ workingDirectory: TEMP })
  assert.is(await net.during(runCommandLine(['swarm', 'status', '--data', DATA], status)), 0)
  assert.match(status.out(), new RegExp(`^objects .* and ${node.shared.list().length} shared$`, 'm'))
  const { epoch } = node.agreed.committee
  node.turning.wish()
  await net.until(() => node.agreed.committee.epoch > epoch)
  writeFileSync(join(TEMP, 'net.genesis'), net.net.genesis.bytes)
  const epochs = recordingIo({ workingDirectory: TEMP })
  const asked = ['swarm', 'epochs', '--out', 'net.epochs', '--data', DATA]
  assert.is(await net.during(runCommandLine(asked, epochs)), 0, epochs.err())
  assert.is((await webx('prove', oid, '1', '--out', 'receipt')).code, 0)
  assert.is((await webx('prove', oid, '1', '--out', 'receipt')).code, 2, 'it is there')
  const verify = async (file: string, ...args: string[]) => {
    const io = recordingIo({ workingDirectory: TEMP })
    return { code: await runCommandLine(['shared', 'verify', file, '--net', 'net.genesis', ...args], io), io }
  }
  const { code, io } = await verify('receipt', '--epochs', 'net.epochs', '--json')
  assert.is(code, 0, io.err())
  const { sequence, writerId } = JSON.parse(io.out()) as { sequence: number; writerId: string }
  assert.equal([sequence, writerId], [1, toHex(node.person.id)])
  assert.is((await verify('receipt')).code, 2, 'no epochs')
  const forged = readFileSync(join(TEMP, 'receipt'))
  forged[forged.length >> 1] = (forged[forged.length >> 1] as number) ^ 1
  writeFileSync(join(TEMP, 'forged'), forged)
  assert.is.not((await verify('forged', '--epochs', 'net.epochs')).code, 0)
})

test('mistakes are told in words', async () => {
  const none = 'ab'.repeat(32)
  const mistakes: [string[], number, RegExp][] = [
    [['read', none], 1, /^unknown-object: .*webx shared list/],
    [['write', none, 'x'], 1, /^unknown-object/],
    [['write', 'short', 'x'], 2, /64 hexadecimal digits/],
    [['write', none], 2, /VALUE, or --file/],
    [['write', none, 'x', '--after', '0'], 2, /--after/],
    [['create', 'x'.repeat(1_025)], 1, /^too-long: .*\.qnt/],
    [['create', 'x', '--needed', '2'], 2, /one of its writers/],
    [['create', '--file', 'nothing there'], 1, /^file-unreadable/],
    [['rule', none], 2, /--writers/],
    [['read', none, '--last', '33'], 2, /--last/],
  ]
  for (const [args, code, words] of mistakes) {
    const answer = await webx(...args)
    assert.is(answer.code, code, args.join(' '))
    assert.match(answer.err, words)
  }
})

test.run()

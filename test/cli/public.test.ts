/** `webx public` asked of a node behind a real control socket, and offline against its receipts. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import { runCommandLine } from '../../src/cli/main.ts'
import { fromBase64, readNote } from '../../src/consensus/publiclog/note.ts'
import { toHex } from '../../src/core/bytes.ts'
import { type ControlServer, openControlSocket } from '../../src/drivers/control-socket.ts'
import { CONTROL_SOCKET } from '../../src/station.ts'
import { publicMethods } from '../../src/station-public.ts'
import { blake3 } from '../../src/wasm/hash.ts'
import { recordingIo } from '../kit/io.ts'
import { MemoryNet, type MemoryNode } from '../kit/node.ts'
import { leafHash9162 } from '../kit/rfc9162.ts'
import { tempForProcess } from '../kit/temp.ts'
import { twoNeighborhoods } from '../kit/two-homes.ts'

const TEMP = tempForProcess()
const DATA = join(TEMP, 'data')
const test = suite('cli: the public log')
const net = new MemoryNet(1)
let node: MemoryNode
let control: ControlServer

async function webx(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo({ workingDirectory: TEMP })
  const code = await net.during(runCommandLine(args, io))
  return { code, out: io.out(), err: io.err() }
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await webx(...args, '--json')
  assert.is(err, '')
  assert.is(code, 0, out)
  return JSON.parse(out) as Record<string, unknown>
}

async function refusal(...args: string[]): Promise<string> {
  const { code, err } = await webx(...args)
  return `${code} ${err.split(':')[0]}`
}

test.before(async () => {
  mkdirSync(DATA)
  node = await net.member(0)
  await net.until(() => node.recovered())
  const methods = publicMethods(node as unknown as WebxNode)
  const { counters } = node.context
  control = await openControlSocket({ path: join(DATA, CONTROL_SOCKET), methods, counters })
  writeFileSync(join(TEMP, 'net.genesis'), net.net.genesis.bytes)
  writeFileSync(join(TEMP, 'contract'), 'the text of a contract')
  writeFileSync(join(TEMP, 'other'), 'another text')
})
test.after(async () => {
  await control.close()
  await net.close()
})

test('append logs a digest and keeps the receipt; verify needs nothing but the genesis', async () => {
  const said = await json('public', 'append', 'contract', '--note', 'a note', '--out', 'receipt', '--data', DATA)
  const digest = toHex(blake3(new TextEncoder().encode('the text of a contract')))
  assert.equal([said['digest'], said['grade'], said['index'], said['out']], [digest, 'WITNESSED', 0, 'receipt'])
  const verified = await json('public', 'verify', 'receipt', '--net', 'net.genesis', '--file', 'contract')
  assert.equal([verified['digest'], verified['note'], verified['byId']], [digest, 'a note', toHex(node.person.id)])
  assert.equal([verified['weight'], verified['weightMax']], [1, 1])
  const told = await webx('public', 'verify', 'receipt', '--net', 'net.genesis', '--digest', digest)
  assert.match(told.out, /^grade +WITNESSED: weight 1 of 1 has cosigned$/m)
})

test('a receipt is for one document, and no byte of it can be changed', async () => {
  const verify = ['public', 'verify', 'receipt', '--net', 'net.genesis']
  assert.is(await refusal(...verify, '--file', 'other'), '3 wrong-file')
  assert.is(await refusal('public', 'append', 'contract', '--out', 'receipt', '--data', DATA), '2 bad-argument')
  const bytes = readFileSync(join(TEMP, 'receipt'))
  for (let at = 0; at < bytes.length; at += 29) {
    const forged = Buffer.from(bytes)
    forged[at] = (forged[at] as number) ^ 1
    writeFileSync(join(TEMP, 'forged'), forged)
    const { code } = await webx('public', 'verify', 'forged', '--net', 'net.genesis', '--file', 'contract')
    assert.ok(code !== 0, `byte ${at}`)
  }
})

test('prove makes the receipt again, of a later grade, and as text for the tools of others', async () => {
  await net.pass(2_000)
  const { receipt } = await json('public', 'prove', 'contract', '--data', DATA)
  writeFileSync(join(TEMP, 'again'), Buffer.from(receipt as string, 'base64url'))
  assert.is((await json('public', 'verify', 'again', '--net', 'net.genesis'))['grade'], 'NETWORK')
  const { out } = await webx('public', 'prove', 'contract', '--text', '--net', 'net.genesis', '--data', DATA)
  const [head = '', ...note] = out.split('\n\n')
  const entry = fromBase64(head.split('\n')[1]?.replace('extra ', '') ?? '')
  const { text, lines } = readNote(note.join('\n\n'), 8)
  // the only leaf is the root
  assert.is(text.split('\n')[2], leafHash9162(entry).toString('base64'))
  assert.is(lines.length, 2)
  assert.is(await refusal('public', 'prove', 'other', '--data', DATA), '4 not-settled')
  assert.is(await refusal('public', 'prove', '--data', DATA), '2 usage')
})

test('watch tells what is new, until its time is over', async () => {
  const io = recordingIo({ workingDirectory: TEMP })
  const watching = runCommandLine(['public', 'watch', '--for', '1', '--data', DATA, '--json'], io)
  await net.until(() => io.out().includes('checkpoint'))
  await json('public', 'append', 'other', '--note', 'watched', '--data', DATA)
  assert.is(await watching, 0)
  const news = io
    .out()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.ok(news.some(({ kind, index, note }) => kind === 'leaf' && index === 1 && note === 'watched'))
  assert.ok(news.some(({ kind, size, weight }) => kind === 'cosigned' && size === 2 && weight === 1))
})

test.run()

const away = suite('cli: the public log while a home is away')

away('who waits in vain is told that the document is carried, and has the receipt when the home is back', async () => {
  const two = new MemoryNet(2, twoNeighborhoods(1))
  const folder = join(TEMP, 'away')
  mkdirSync(folder)
  const here = await two.member(0)
  await two.until(() => here.recovered())
  const { publicLog, context } = here
  const methods = publicMethods(here as unknown as WebxNode)
  const socket = await openControlSocket({ path: join(folder, CONTROL_SOCKET), methods, counters: context.counters })
  const run = async (...args: string[]) => {
    const io = recordingIo({ workingDirectory: TEMP })
    return { code: await two.during(runCommandLine(['public', ...args, '--data', folder], io)), err: io.err() }
  }
  const digest = blake3(new TextEncoder().encode('another text'))
  const waiting = publicLog.documents.append(digest, '')
  await two.until(() => publicLog.witness.standings.carried?.size === 1)
  const late = await run('append', 'other', '--timeout', '1')
  assert.is(late.code, 4)
  assert.match(late.err, /^timeout: no receipt after 1 s: it is carried.*webx public prove/)
  assert.match((await run('prove', 'other', '--out', 'away.receipt')).err, /^not-settled/)
  await two.member(1)
  await two.during(waiting)
  assert.is((await run('prove', 'other', '--out', 'away.receipt')).code, 0)
  await socket.close()
  await two.close()
})

away.run()

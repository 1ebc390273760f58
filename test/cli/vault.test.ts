/** `webx qnt keep`, `list` and `log`, asked of a vault that runs behind a real control socket. */

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import { runCommandLine } from '../../src/cli/main.ts'
import { toHex } from '../../src/core/bytes.ts'
import { type ControlMethod, type ControlServer, openControlSocket } from '../../src/drivers/control-socket.ts'
import { CONTROL_SOCKET } from '../../src/station.ts'
import { COPIES_FOLDER, type OpenVault, openVault } from '../../src/station-vault.ts'
import { recordingIo } from '../kit/io.ts'
import { MemoryNet, type MemoryNode } from '../kit/node.ts'
import { pattern } from '../kit/qnt.ts'
import { tempForProcess } from '../kit/temp.ts'
import { type Sealed, sealed, tombstoneAfter } from '../kit/vault.ts'

const TEMP = tempForProcess()
const DATA = join(TEMP, 'data')
/** Rows of an answer here: few enough to see that the commands ask on. */
const PAGE = 2
const test = suite('cli: the vault')
const net = new MemoryNet(1)
let node: MemoryNode
let opened: OpenVault
let control: ControlServer
let first: Sealed
let second: Sealed

async function webx(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo({ workingDirectory: TEMP })
  const code = await runCommandLine([...args, '--data', DATA], io)
  return { code, out: io.out(), err: io.err() }
}

async function json<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await webx(...args, '--json')
  assert.is(err, '')
  assert.is(code, 0, out)
  return JSON.parse(out) as T
}

async function refusal(...args: string[]): Promise<string> {
  const { code, err } = await webx(...args)
  return `${code} ${err.split(':')[0]}`
}

test.before(async () => {
  mkdirSync(DATA)
  node = await net.node()
  opened = await openVault(node as unknown as WebxNode, { dataDir: DATA })
  const { counters } = node.context
  const paged = (name: string): ControlMethod => {
    return async (call) => opened.methods[name]?.({ ...call, params: { ...(call.params as object), max: PAGE } })
  }
  const methods = { ...opened.methods, files: paged('files'), versions: paged('versions') }
  control = await openControlSocket({ path: join(DATA, CONTROL_SOCKET), methods, counters })
  first = await sealed(TEMP, node.context.keys, { content: pattern(123_456) })
  second = await sealed(TEMP, node.context.keys, { tier: 'protected' }, first)
})
test.after(async () => {
  await control.close()
  await opened.close()
  await net.close()
})

test('keeps files by their paths, relative to where the caller is', async () => {
  assert.is((await webx('qnt', 'list')).err, 'This node keeps no files.\n')
  const kept = await json<Record<string, unknown>>('qnt', 'keep', first.path.slice(TEMP.length + 1))
  assert.is(kept['dataId'], toHex(first.manifest.dataId))
  assert.equal([kept['version'], kept['contentBytes'], kept['tier'], kept['certified']], [1, 123_456, 'private', false])
  assert.equal(readdirSync(join(DATA, COPIES_FOLDER)), [`${toHex(first.digest)}.qnt`])
  const told = await webx('qnt', 'keep', second.path)
  assert.match(told.out, /^version +2$/m)
})

test('lists what is kept and tells its history, for people and for programs', async () => {
  const { files } = await json<{ files: Record<string, unknown>[] }>('qnt', 'list')
  assert.equal(
    files.map(({ version, tier }) => [version, tier]),
    [[2, 'protected']],
  )
  assert.match((await webx('qnt', 'list')).out, /v2 +\S+Z {2}1000 bytes {2}epoch 2 {2}protected, not certified {2}here/)
  const dataId = toHex(first.manifest.dataId)
  for (const name of [dataId, first.path, second.path]) {
    const told = await json<{ versions: Record<string, unknown>[]; gone: unknown }>('qnt', 'log', name)
    assert.is(told.gone, null)
    assert.equal(
      told.versions.map(({ version, digest, fileBytes }) => [version, digest, fileBytes === 0]),
      [
        [1, toHex(first.digest), true],
        [2, toHex(second.digest), false],
      ],
    )
  }
  assert.match((await webx('qnt', 'log', dataId)).out, /v1 .+ private {2}manifest only {2}[0-9a-f]{64}\n/)
})

test('more files than fit one answer', async () => {
  for (let i = 0; i < 2 * PAGE; i++) {
    const { path } = await sealed(TEMP, node.context.keys, { content: pattern(1), suite: 'x25519' })
    await opened.vault.keep(path)
  }
  const { files } = await json<{ files: { dataId: string }[] }>('qnt', 'list')
  assert.is(files.length, 2 * PAGE + 1)
  assert.is(new Set(files.map(({ dataId }) => dataId)).size, 2 * PAGE + 1)
  const call = { signal: new AbortController().signal, progress: () => {} }
  for (const params of [{ from: -1 }, { from: 'x' }, { max: 0 }, { max: 101 }]) {
    const refused = await opened.methods['files']?.({ ...call, params }).catch((error: { code: string }) => error.code)
    assert.is(refused, 'bad-argument')
  }
})

test('a tombstone ends the file', async () => {
  const dataId = toHex(first.manifest.dataId)
  writeFileSync(join(TEMP, 'end'), await tombstoneAfter(node.context.keys, second))
  const buried = await json<Record<string, unknown>>('qnt', 'keep', 'end')
  assert.equal(buried, { ok: true, dataId, version: 3, gone: true })
  assert.not.ok(readdirSync(join(DATA, COPIES_FOLDER)).includes(`${toHex(second.digest)}.qnt`))
  const { gone } = await json<{ gone: { version: number } }>('qnt', 'log', 'end')
  assert.is(gone.version, 3)
  assert.match((await webx('qnt', 'log', dataId)).out, /v3 .+ gone: nothing follows/)
  assert.is(await refusal('qnt', 'keep', second.path), '3 shredded')
})

test('what cannot be kept is refused by its code', async () => {
  writeFileSync(join(TEMP, 'text'), 'no document at all')
  assert.is(await refusal('qnt', 'keep', 'text'), '2 bad-argument')
  assert.is(await refusal('qnt', 'keep', 'nothing-there'), '1 file-unreadable')
  assert.is(await refusal('qnt', 'log', 'ff'.repeat(32)), '3 wrong-file')
  const { path } = await sealed(TEMP, node.context.keys, {}, { ...second, manifest: { ...second.manifest } })
  assert.is(await refusal('qnt', 'keep', path), '3 shredded')
  const io = recordingIo({ workingDirectory: TEMP })
  assert.is(await runCommandLine(['qnt', 'list', '--data', TEMP], io), 4)
})

test('paths that are not absolute are none for the node', async () => {
  const call = { signal: new AbortController().signal, progress: () => {} }
  for (const params of [{ path: 'x.qnt' }, { path: '' }, {}, null]) {
    const refused = await opened.methods['keep']?.({ ...call, params }).catch((error: { code: string }) => error.code)
    assert.is(refused, 'bad-argument')
  }
})

test.run()

/** `webx backup`, `webx restore`, `webx id backup|restore` as people call them: what they print, their exit codes, and what stays untouched. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { toHex } from '../../src/core/bytes.ts'
import { layerFromToml } from '../../src/kernel/profile.ts'
import { type NodeOnDisk, nodeOnDisk } from '../kit/backup-node.ts'
import { recordingIo } from '../kit/io.ts'
import { tempForProcess } from '../kit/temp.ts'

const TEMP = tempForProcess()
const at = (...names: string[]): string => join(TEMP, ...names)
const backup = suite('cli: backup')
const SEAL = ['--passphrase-file', 'pass']
let node: NodeOnDisk

async function webx(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo({ workingDirectory: TEMP, env: { WEBX_ROLES: 'device', WEBX_BROKER_URL: 'mqtt://a:b@c:1' } })
  const code = await runCommandLine(args, io)
  return { code, out: io.out(), err: io.err() }
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await webx(...args, '--json')
  assert.is(code, 0, err)
  return JSON.parse(out)
}

/** Exit code and error code of a refusal. */
async function refusal(...args: string[]): Promise<string> {
  const { code, err } = await webx(...args)
  return `${code} ${err.split(':')[0]}`
}

backup.before(async () => {
  node = await nodeOnDisk(TEMP)
  writeFileSync(at('pass'), 'a passphrase of words\n')
  writeFileSync(at('wrong'), 'another one\n')
})

backup('a node goes into one file and comes back, with its settings and the way to start it', async () => {
  const made = await json('backup', 'b', '--data', 'node', '--net', 'genesis', ...SEAL)
  assert.equal([made['id'], made['running'], made['genesis']], [toHex(node.keys.id), false, true])
  assert.equal([made['files'], made['damaged'], made['missing']], [7, [], []])
  const restored = await json('restore', 'b', '--data', 'deep/r', ...SEAL)
  assert.equal([restored['id'], restored['data'], restored['files']], [made['id'], at('deep', 'r'), 7])
  assert.is(
    restored['next'],
    `webx run --profile ${at('deep/r/settings.toml')} --net ${at('deep/r/genesis.webx')} --data ${at('deep/r')}`,
  )
  for (const word of ['ping', 'tombstone']) {
    assert.ok(
      (restored['warnings'] as string[]).some((warning) => warning.includes(word)),
      word,
    )
  }
  const { values } = layerFromToml('settings', readFileSync(at('deep', 'r', 'settings.toml'), 'utf8'))
  assert.equal(values, { roles: ['device'], 'broker.url': 'mqtt://a:b@c:1' })
  assert.equal(readdirSync(at('deep', 'r', 'qnt')).sort(), node.copies)
})

backup('people read lines, and a note where there is no genesis', async () => {
  const { out, err, code } = await webx('backup', 'c', '--data', 'node', ...SEAL)
  assert.is(code, 0)
  assert.match(out, /^file {10}\/.*\/c\n/)
  assert.match(err, /^not in it: no genesis/)
})

backup('an identity alone', async () => {
  const made = await json('id', 'backup', 'node/node.key', 'i', ...SEAL)
  assert.is(made['files'], 2)
  assert.is((await json('id', 'restore', 'i', 'back.key', ...SEAL))['id'], toHex(node.keys.id))
  assert.is(readFileSync(at('back.key')).compare(readFileSync(node.keyFile)), 0)
  assert.is(await refusal('id', 'restore', 'i', 'back.key', ...SEAL), '1 key-file-exists')
})

backup('every refusal has its code and touches nothing', async () => {
  const before = readdirSync(TEMP).sort()
  assert.is(await refusal('backup', 'x', '--data', 'node'), '2 usage')
  assert.is(await refusal('restore', 'b', ...SEAL), '2 usage')
  assert.is(await refusal('restore', 'b', '--data', 'x'), '2 usage')
  assert.is(await refusal('backup', 'b', '--data', 'node', ...SEAL), '2 bad-argument')
  assert.is(await refusal('backup', 'x', '--data', 'none', ...SEAL), '1 key-file-missing')
  assert.is(await refusal('backup', 'x', '--data', 'node', '--net', 'pass', ...SEAL), '1 bad-config')
  assert.is(await refusal('restore', 'b', '--data', 'x', '--passphrase-file', 'wrong'), '1 wrong-passphrase')
  assert.is(await refusal('restore', 'b', '--data', 'node', ...SEAL), '2 bad-argument')
  assert.is(await refusal('restore', 'none', '--data', 'x', ...SEAL), '1 file-unreadable')
  assert.is(await refusal('restore', 'genesis', '--data', 'x', ...SEAL), '1 backup-broken')
  assert.equal(readdirSync(TEMP).sort(), before)
  assert.not(existsSync(at('x')))
})

backup('a wish to stop ends it with nothing left', async () => {
  const controller = new AbortController()
  controller.abort()
  const io = recordingIo({ workingDirectory: TEMP, signal: controller.signal })
  assert.is(await runCommandLine(['restore', 'b', '--data', 'x', ...SEAL], io), 1)
  assert.match(io.err(), /^stopped/)
  assert.not(readdirSync(TEMP).some((name) => name.startsWith('x')))
})

backup.run()

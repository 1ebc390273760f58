/**
 * A node that is backed up while it runs, killed, wiped and put back: identity, money, files and pings are there again, and it pays.
 *
 * And what only processes show: a restore that is killed at any step, and how much memory a large vault takes.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { fromHex } from '../../src/core/bytes.ts'
import '../../src/drivers/wasm-files.ts'
import { backUpNode } from '../../src/backup.ts'
import { readProfile } from '../../src/drivers/profile-files.ts'
import { createLog } from '../../src/kernel/observe.ts'
import { layerFromFlags, resolveProfile } from '../../src/kernel/profile.ts'
import { openStation } from '../../src/station.ts'
import { createTestnet, type Testnet } from '../../src/testnet.ts'
import { CHEAP, contentsOf, nodeOnDisk, PASSPHRASE } from '../kit/backup-node.ts'
import { recordingIo } from '../kit/io.ts'
import { ROOT } from '../kit/source.ts'
import { tempForProcess, withTemp } from '../kit/temp.ts'
import { within } from '../kit/within.ts'

const MIB = 2 ** 20
const TEMP = tempForProcess()
const at = (...names: string[]): string => join(TEMP, ...names)
const CHILD = join(ROOT, 'test/system/backup-child.ts')
const SEAL = ['--passphrase-file', 'pass']
const backups = suite('system: backup')

type Json = Readonly<Record<string, unknown>>

let net: Testnet
let phone: ChildProcess | null = null
let before: Json = {}

backups.before(async () => {
  net = await createTestnet(4)
  writeFileSync(at('pass'), 'a passphrase of words\n')
  writeFileSync(at('wrong'), 'another one\n')
  mkdirSync(at('phone'), { mode: 0o700 })
  mkdirSync(at('phone', 'backup-999999999-0123456789ab.draft'))
  writeFileSync(at('phone.toml'), 'roles = ["device"]\n[payments]\nconfirm = "never"\nfloorLimit = 2500\n')
  writeFileSync(at('plain'), new Uint8Array(300_000).fill(7))
})

backups.after(async () => {
  phone?.kill('SIGKILL')
  await net?.close()
})

backups('a device has money, keeps a file, and has minted a ping for it', async () => {
  await json('id', 'create', 'phone/node.key', '--kind', 'human')
  await json('id', 'create', 'ben.key', '--kind', 'human')
  await start('phone.toml', join(net.directory, 'genesis.webx'))
  const { account } = await json('wallet', 'show', '--data', 'phone')
  const [asset] = net.organization.assets.all
  if (asset === undefined) throw new Error('the net has no asset')
  await net.organization.wallet.issue(asset, 5_000, fromHex(String(account)))
  await holds((status) => (status['balances'] as Json)['EUR'] === '50.00')
  const sealed = await json('qnt', 'seal', 'plain', 'x.qnt', '--keys', 'phone/node.key')
  await json('qnt', 'keep', 'x.qnt', '--data', 'phone')
  const { text } = await json('ping', 'holder', '--keys', 'ben.key')
  const grant = ['--to', String(text), '--operations', 'read', '--purposes', 'billing', '--expires', '7d']
  await json('ping', 'mint', String(sealed['dataId']), ...grant, '--out', 'x.ping', '--data', 'phone')
})

backups('it is backed up while it runs', async () => {
  before = await stateOf()
  const made = await json('backup', 'phone.backup', '--data', 'phone', '--profile', 'phone.toml', ...SEAL)
  assert.equal([made['running'], made['genesis'], made['damaged']], [true, true, []])
  assert.ok(Number(made['backupBytes']) > 300_000)
  assert.not(readdirSync(at('phone')).some((name) => name.endsWith('.draft')))
  assert.not(readFileSync(at('phone.backup')).includes(Buffer.from(String(before['id']), 'hex')))
})

backups('killed, wiped and put back, everything is there again', async () => {
  await kill()
  rmSync(at('phone'), { recursive: true })
  const wrong = await webx('restore', 'phone.backup', '--data', 'phone', '--passphrase-file', 'wrong')
  assert.is(wrong.code, 1)
  assert.match(wrong.err, /^wrong-passphrase/)
  assert.not(existsSync(at('phone')))
  const restored = await json('restore', 'phone.backup', '--data', 'phone', ...SEAL)
  assert.is(restored['id'], before['id'])
  await start('phone/settings.toml', at('phone', 'genesis.webx'))
  await holds((status) => (status['balances'] as Json)['EUR'] === '50.00')
  assert.equal(await stateOf(), before)
  const [copy] = readdirSync(at('phone', 'qnt'))
  await json('qnt', 'open', join('phone', 'qnt', String(copy)), 'back', '--keys', 'phone/node.key')
  assert.is(readFileSync(at('back')).compare(readFileSync(at('plain'))), 0)
  await json('ping', 'revoke', 'x.ping', '--data', 'phone')
})

backups('and it pays', async () => {
  await stop()
  const flags = { 'data.dir': at('phone'), 'net.genesis': at('phone', 'genesis.webx'), 'broker.url': net.brokerUrl }
  const { profile } = resolveProfile([readProfile(at('phone', 'settings.toml')), layerFromFlags(flags)])
  const { node, stop: stopStation } = await openStation(profile, createLog('silent'))
  try {
    const [asset] = node.assets.all
    const to = net.organization.wallet.account
    const reference = new Uint8Array(32).fill(1)
    const paid = await node.wallet.pay({ reference, asset: asset?.id as Uint8Array, amount: 1_234, to }, 30_000)
    assert.is(paid.confirms >= 3, true)
    assert.is(node.wallet.balance(asset?.id as Uint8Array), 3_766)
  } finally {
    await stopStation()
  }
})

backups('a restore that is killed at any step left nothing under the name, and the next one works', async () => {
  await withTemp(async (folder) => {
    const node = await nodeOnDisk(folder)
    await backUpNode(join(folder, 'b'), node, { passphrase: PASSPHRASE, cost: CHEAP })
    const target = join(folder, 'new', 'node')
    let killed = 0
    for (let steps = 0; steps < 60; steps += 5) {
      const { status, signal, stderr } = spawnSync(process.execPath, [
        CHILD,
        'restore',
        join(folder, 'b'),
        target,
        String(steps),
      ])
      if (signal === 'SIGKILL') {
        killed++
        // after the rename it is whole
        if (existsSync(target)) break
        continue
      }
      assert.is(status, 0, stderr.toString())
      break
    }
    assert.ok(killed >= 6, String(killed))
    rmSync(target, { recursive: true, force: true })
    assert.is(spawnSync(process.execPath, [CHILD, 'restore', join(folder, 'b'), target]).status, 0)
    assert.equal(readdirSync(join(folder, 'new')), ['node'])
    const { 'genesis.webx': _, 'settings.toml': __, ...rest } = await contentsOf(target)
    assert.equal(rest, await contentsOf(node.dataDir))
  })
})

backups('a vault of 64 MiB takes no more memory than one of 1 MiB, to 24 MiB', async () => {
  await withTemp(async (folder) => {
    const peaks: number[][] = []
    for (const bytes of [MIB, 64 * MIB]) {
      const own = join(folder, String(bytes))
      mkdirSync(own)
      const { dataDir } = await nodeOnDisk(own, [bytes])
      peaks.push(
        ['backup', 'restore'].map((what) => weigh(what, join(own, 'b'), what === 'backup' ? dataDir : join(own, 'r'))),
      )
    }
    const [[smallBackup = 0, smallRestore = 0] = [], [backup = 0, restore = 0] = []] = peaks
    assert.ok(backup - smallBackup < 24 * MIB, `backup ${smallBackup} → ${backup}`)
    assert.ok(restore - smallRestore < 24 * MIB, `restore ${smallRestore} → ${restore}`)
  })
})

/** Bytes of memory that a backup or restore had at most. */
function weigh(what: string, file: string, dataDir: string): number {
  const { stdout, stderr, status } = spawnSync(process.execPath, [CHILD, what, file, dataDir])
  assert.is(status, 0, stderr.toString())
  return Number(stdout.toString())
}

/** All that must come back, as commands show it. */
async function stateOf(): Promise<Json> {
  const { id, account, balances } = await json('status', '--data', 'phone')
  const list = await json('qnt', 'list', '--data', 'phone')
  const pings = await json('ping', 'list', '--data', 'phone')
  return { id, account, balances, list, pings }
}

async function start(profile: string, genesis: string): Promise<void> {
  const main = join(ROOT, 'src/cli/main.ts')
  const args = ['run', '--profile', profile, '--net', genesis, '--data', 'phone', '--broker', net.brokerUrl, '--json']
  const child = spawn(process.execPath, [main, ...args], { cwd: TEMP, stdio: ['ignore', 'pipe', 'inherit'] })
  phone = child
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  child.once('exit', (code) => reject(new Error(`the phone ended with ${code}`)))
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    if ((JSON.parse(line) as Json)['event'] === 'connected') resolve()
  })
  await within(30_000, promise, 'the start of the phone')
}

async function kill(): Promise<void> {
  await end('SIGKILL')
}

async function stop(): Promise<void> {
  await end('SIGTERM')
}

async function end(signal: NodeJS.Signals): Promise<void> {
  const child = phone as ChildProcess
  phone = null
  const ended = once(child, 'exit')
  child.kill(signal)
  await within(30_000, ended, 'the end of the phone')
}

async function holds(condition: (status: Json) => boolean): Promise<void> {
  const endMs = performance.now() + 30_000
  for (;;) {
    const status = await json('status', '--data', 'phone')
    if (condition(status)) return
    if (performance.now() > endMs) throw new Error(`the phone shows ${JSON.stringify(status)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function webx(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo({ workingDirectory: TEMP })
  const code = await within(60_000, runCommandLine(args, io), args.join(' '))
  return { code, out: io.out(), err: io.err() }
}

async function json(...args: string[]): Promise<Json> {
  const { code, out, err } = await webx(...args, '--json')
  assert.is(code, 0, `${args.join(' ')}: ${err}`)
  return JSON.parse(out) as Json
}

backups.run()

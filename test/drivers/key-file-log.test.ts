/** Key logs beside key files: what is said stays said, also through a cut between the two files, and two who speak at once are both heard. */

import '../kit/wasm.ts'
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { blake3 } from '@noble/hashes/blake3.js'
import { Decoder } from 'cbor-x'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromText, toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { createKeyFile, describeKeyFile, openKeyFile } from '../../src/drivers/key-file.ts'
import { createDailyKeyFile } from '../../src/drivers/key-file-change.ts'
import { delegateByKeyFile, revokeByKeyFile, rotateKeyFile, takeKeyLog } from '../../src/drivers/key-file-events.ts'
import { withKeyFileLock } from '../../src/drivers/key-file-lock.ts'
import { keyLogFileBytes, readKeyLogFile } from '../../src/drivers/key-file-log.ts'
import type { Delegation } from '../../src/identity/delegation.ts'
import { readKeyLog } from '../../src/identity/keylog.ts'
import { LogOwner, pairOf } from '../kit/keylog.ts'
import { withTemp } from '../kit/temp.ts'
import { within } from '../kit/within.ts'

const logs = suite('drivers/key-file: key logs')
const locks = suite('drivers/key-file: locks')
const CHILD = fileURLToPath(new URL('./key-file-child.ts', import.meta.url))

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'nothing was thrown',
    (error: { code?: string }) => error.code ?? String(error),
  )
}

function delegationTo(number: number, more: Partial<Delegation> = {}): Delegation {
  const delegate = new Uint8Array(32).fill(7)
  const limits = { amountPerDayMax: 500, usesMax: null, expiresMs: 2 ** 45 }
  return { delegate, key: pairOf(number).publicKey, scopes: ['pay'], ...limits, ...more }
}

logs('a log grows beside the file, and whoever reads it elsewhere comes to the same', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const made = await createKeyFile(path, 'human')
    assert.equal(made.log, [made.inception])
    assert.is(existsSync(`${path}.log`), false)
    assert.is(await delegateByKeyFile(path, delegationTo(1)), 1)
    assert.is(await delegateByKeyFile(path, delegationTo(2)), 2)
    const rotated = await rotateKeyFile(path, { kept: [pairOf(2).publicKey] })
    assert.is(await revokeByKeyFile(path, () => pairOf(2).publicKey, 'stolen'), 4)
    const opened = await openKeyFile(path)
    assert.equal([opened.publicKey, opened.position, opened.rotation], [rotated.publicKey, 3, 1])
    assert.is(statSync(`${path}.log`).mode & 0o777, 0o600)
    const state = readKeyLog(opened.log)
    assert.equal([state.position, state.keys, state.id], [4, [opened.publicKey], made.id])
    assert.is(state.delegations.size, 0)
    const shown = await describeKeyFile(path)
    assert.equal([shown.position, shown.publicKey, shown.log.length, shown.isWhole], [3, opened.publicKey, 5, true])
    assert.equal(readdirSync(directory).sort(), ['k', 'k.log'])
  }),
)

logs('what a log forbids is not written', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const keys = await createKeyFile(path, 'device')
    assert.is(await codeOf(delegateByKeyFile(path, delegationTo(1, { key: keys.publicKey }))), 'key-reused')
    assert.is(await codeOf(delegateByKeyFile(path, delegationTo(1, { scopes: ['rotate'] }))), 'bad-scope')
    assert.is(await codeOf(revokeByKeyFile(path, () => pairOf(1).publicKey, 'lost')), 'not-delegated')
    assert.is(await codeOf(rotateKeyFile(path, { kept: [pairOf(1).publicKey] })), 'not-delegated')
    assert.equal(readdirSync(directory), ['k'])
  }),
)

logs('an independent reader finds the events in the file, and every damaged byte is seen', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    await createKeyFile(path, 'human')
    await delegateByKeyFile(path, delegationTo(1))
    const { log } = await openKeyFile(path)
    const bytes = new Uint8Array(readFileSync(`${path}.log`))
    const content = bytes.subarray(0, -32)
    assert.equal(bytes.subarray(-32), blake3(content, { context: fromText('webx v1 key log file') }))
    const [format, version, events] = new Decoder({ useRecords: false }).decode(content)
    assert.equal([format, version], ['webx key log', 1])
    assert.equal(
      events.map((event: Uint8Array) => toHex(event)),
      log.map(toHex),
    )
    for (let at = 0; at < bytes.length; at++) {
      const hurt = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 0x10 : byte))
      assert.throws(() => readKeyLogFile('k', hurt), /k is not a whole key log/)
    }
    writeFileSync(`${path}.log`, bytes.subarray(0, -1))
    assert.is(await codeOf(openKeyFile(path)), 'key-file-broken')
    writeFileSync(`${path}.log`, bytes)
    chmodSync(`${path}.log`, 0o644)
    assert.is(await codeOf(openKeyFile(path)), 'key-file-open-to-others')
  }),
)

logs('other formats, versions and lengths are no key logs', () => {
  const { events } = new LogOwner()
  const sealed = (...content: Parameters<typeof encode>): Uint8Array => {
    const bytes = encode(...content)
    return concat(bytes, blake3(bytes, { context: fromText('webx v1 key log file') }))
  }
  assert.equal(readKeyLogFile('k', sealed(['webx key log', 1, events])), events)
  for (const odd of [
    ['webx key log', 2, events],
    ['webx key logs', 1, events],
    ['webx key log', 1, []],
    ['webx key log', 1, events, 0],
    ['webx key log', 1, ['event']],
    ['webx key log', 1],
  ]) {
    assert.throws(() => readKeyLogFile('k', sealed(odd)), /not a whole key log/)
  }
  assert.throws(() => keyLogFileBytes(new Array(4_098).fill(new Uint8Array(1))), /too long/)
  assert.throws(() => keyLogFileBytes(new Array(300).fill(new Uint8Array(8_000))), /too long/)
})

logs('a log of another identity, of another key or without its beginning is refused', () =>
  withTemp(async (directory) => {
    const [path, other] = [join(directory, 'k'), join(directory, 'other')]
    await createKeyFile(path, 'human')
    await createKeyFile(other, 'human')
    await rotateKeyFile(path)
    await rotateKeyFile(other)
    const [own, foreign] = [readFileSync(`${path}.log`), readFileSync(`${other}.log`)]
    writeFileSync(`${path}.log`, foreign)
    assert.is(await codeOf(openKeyFile(path)), 'key-file-broken')
    writeFileSync(`${path}.log`, keyLogFileBytes(readKeyLogFile('other', foreign).slice(0, 1)))
    assert.is(await codeOf(openKeyFile(path)), 'key-file-broken', 'also where it ends before the position of the file')
    const events = readKeyLogFile('k', own)
    writeFileSync(`${path}.log`, keyLogFileBytes(events.slice(1)))
    assert.is(await codeOf(openKeyFile(path)), 'key-file-broken')
    rmSync(`${path}.log`)
    const alone = await openKeyFile(path)
    assert.equal([alone.position, alone.log.length], [1, 1])
    assert.is(await codeOf(rotateKeyFile(path)), 'stale-log')
    assert.is(await codeOf(delegateByKeyFile(path, delegationTo(1))), 'stale-log')
    assert.is(await takeKeyLog(path, events), 1)
    assert.is((await rotateKeyFile(path)).position, 2)
    assert.is(await codeOf(takeKeyLog(path, events)), 'stale-log')
  }),
)

logs('a rotation that is cut off counts wholly or not at all, wherever the cut is', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const before = await createKeyFile(path, 'human')
    await delegateByKeyFile(path, delegationTo(1))
    await killAtRename(path, 1)
    const unrotated = await openKeyFile(path)
    assert.equal([unrotated.publicKey, unrotated.rotation, unrotated.log.length], [before.publicKey, 0, 2])
    await killAtRename(path, 2)
    const shown = await describeKeyFile(path)
    const rotated = await openKeyFile(path)
    assert.equal([rotated.rotation, rotated.position, rotated.log.length], [1, 2, 3])
    assert.equal(readKeyLog(rotated.log).keys, [rotated.publicKey])
    assert.equal([shown.publicKey, shown.position], [rotated.publicKey, 2])
    const again = await rotateKeyFile(path)
    assert.equal([again.rotation, again.position, readKeyLog(again.log).keys], [2, 3, [again.publicKey]])
    assert.equal((await openKeyFile(path)).publicKey, again.publicKey)
    assert.equal(readdirSync(directory).sort(), ['k', 'k.log'])
  }),
)

logs('a daily file says what current keys may, and is told when its key is over', () =>
  withTemp(async (directory) => {
    const [home, daily] = [join(directory, 'home'), join(directory, 'daily')]
    await createKeyFile(home, 'human')
    await delegateByKeyFile(home, delegationTo(1))
    await createDailyKeyFile(home, daily)
    assert.is(await delegateByKeyFile(daily, delegationTo(2)), 2)
    assert.is(await codeOf(rotateKeyFile(daily)), 'no-root')
    const { log } = await openKeyFile(daily)
    assert.is(await takeKeyLog(home, log), 2)
    const { log: rotated } = await rotateKeyFile(home)
    assert.is(await codeOf(takeKeyLog(daily, rotated)), 'retired-key')
    copyFileSync(`${home}.log`, `${daily}.log`)
    assert.is(await codeOf(openKeyFile(daily)), 'retired-key')
  }),
)

logs('two machines that said different things: the other log is taken only where that is meant', () =>
  withTemp(async (directory) => {
    const [one, other] = [join(directory, 'one'), join(directory, 'other')]
    await createKeyFile(one, 'human')
    copyFileSync(one, other)
    chmodSync(other, 0o600)
    await delegateByKeyFile(one, delegationTo(1))
    await delegateByKeyFile(other, delegationTo(2))
    const { log } = await openKeyFile(other)
    assert.is(await codeOf(takeKeyLog(one, log)), 'forked-log')
    assert.is(await takeKeyLog(one, log, { isInstead: true }), 1)
    assert.equal((await openKeyFile(one)).log, log)
  }),
)

logs('a new file is not made beside the log of another one', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    writeFileSync(`${path}.log`, keyLogFileBytes(new LogOwner().events), { mode: 0o600 })
    assert.is(await codeOf(createKeyFile(path, 'human')), 'key-file-exists')
    assert.equal(readdirSync(directory), ['k.log'])
  }),
)

locks('two processes that change one file at the same moment are both heard', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    await createKeyFile(path, 'human')
    const children = [1, 2].map((number) => childOf(path, 'delegate', String(number)))
    await Promise.all(children.map((child) => said(child, 'ready\n')))
    const ends = children.map((child) => new Promise((resolve) => child.once('close', resolve)))
    for (const child of children) child.stdin?.write('go\n')
    assert.equal(await within(20_000, Promise.all(ends), 'the children'), [0, 0])
    const { delegations } = readKeyLog((await openKeyFile(path)).log)
    assert.equal([...delegations.keys()].sort(), [1, 2].map((number) => toHex(pairOf(number).publicKey)).sort())
    assert.equal(readdirSync(directory).sort(), ['k', 'k.log'])
  }),
)

locks('many changes in one process wait for each other', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    await createKeyFile(path, 'human')
    const positions = await Promise.all([1, 2, 3, 4].map((number) => delegateByKeyFile(path, delegationTo(number))))
    assert.equal(positions.sort(), [1, 2, 3, 4])
    assert.is((await openKeyFile(path)).log.length, 5)
  }),
)

locks('a living holder is waited for, then named; a dead one is not', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const lock = `${path}.lock`
    await createKeyFile(path, 'human')
    const attempt = (waitMs: number) => codeOf(withKeyFileLock(path, async () => 'done', waitMs))
    await withKeyFileLock(path, async () => {
      const error = await withKeyFileLock(path, async () => 'done', 50).catch((thrown) => thrown)
      assert.is(error.code, 'key-file-busy')
      assert.match(error.message, `process ${process.pid}`)
    })
    assert.is(existsSync(lock), false)
    const token = '0123456789abcdef'
    const dead = `${hostname()} 4194305 1 ${token}\n`
    writeFileSync(lock, dead)
    assert.is(await attempt(50), 'nothing was thrown')
    const laterOfThatNumber = `${hostname()} ${process.pid} 1 ${token}\n`
    writeFileSync(lock, laterOfThatNumber)
    assert.is(await attempt(50), 'nothing was thrown')
    for (const strange of [`elsewhere 1 1 ${token}\n`, '', 'something else']) {
      writeFileSync(lock, strange)
      assert.is(await attempt(0), 'key-file-busy')
      assert.is(readFileSync(lock, 'utf8'), strange)
    }
    writeFileSync(lock, dead)
    writeFileSync(`${lock}.${token}`, '')
    assert.is(await attempt(0), 'key-file-busy')
    rmSync(`${lock}.${token}`)
    assert.is(await attempt(0), 'nothing was thrown')
    assert.equal(readdirSync(directory), ['k'])
    assert.is(await codeOf(withKeyFileLock(join(directory, 'none'), async () => 'done')), 'key-file-missing')
  }),
)

locks('what a change throws is thrown, and the lock is gone', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    await createKeyFile(path, 'human')
    const failing = withKeyFileLock(path, async () => {
      throw new Error('halfway')
    })
    assert.is(await codeOf(failing), 'Error: halfway')
    assert.equal(readdirSync(directory), ['k'])
  }),
)

logs.run()
locks.run()

function childOf(...args: string[]): ChildProcess {
  return spawn(process.execPath, [CHILD, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
}

async function said(child: ChildProcess, text: string): Promise<void> {
  const heard = new Promise<string>((resolve) => child.stdout?.once('data', (bytes) => resolve(String(bytes))))
  const ended = new Promise<string>((resolve) => child.once('close', () => resolve('ended')))
  assert.is(await within(20_000, Promise.race([heard, ended]), 'the child'), text)
}

/** Rotates in a process of its own and kills it before one of its renames. */
async function killAtRename(path: string, number: number): Promise<void> {
  const child = childOf(path, 'rotate', String(number))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  try {
    await said(child, 'held\n')
  } finally {
    child.kill('SIGKILL')
    await within(20_000, ended, 'the end of the child')
  }
}

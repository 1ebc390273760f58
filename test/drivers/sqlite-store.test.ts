import '../kit/wasm.ts'
import { type ChildProcess, spawn } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { blake3 } from '@noble/hashes/blake3.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { checksumOf } from '../../src/drivers/sqlite-changes.ts'
import { checkStoreFile } from '../../src/drivers/sqlite-check.ts'
import { openSqliteStore } from '../../src/drivers/sqlite-store.ts'
import type { Store } from '../../src/kernel/ports.ts'
import { withTemp } from '../kit/temp.ts'
import { within } from '../kit/within.ts'

const CHILD = fileURLToPath(new URL('./sqlite-store-child.ts', import.meta.url))
const test = suite('drivers/sqlite-store')

const key = (name: string): Uint8Array => fromText(name)
const entry = (space: string, name: string, value: string | null) => ({
  space,
  key: key(name),
  value: value === null ? null : fromText(value),
})
const text = (bytes: Uint8Array | null): string | null => (bytes ? new TextDecoder().decode(bytes) : null)
const listing = (store: Store, space: string): string[] =>
  [...store.scan(space)].map((found) => `${text(found.key)}=${text(found.value)}`)

async function codeOf(attempt: () => unknown): Promise<string> {
  try {
    await attempt()
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
  return 'nothing was thrown'
}

test('reads see held-back changes, and a sync makes them last', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const store = await openSqliteStore({ path })
    assert.is(store.get('order', key('a')), null)
    store.write([entry('order', 'b', '2'), entry('order', 'a', '1'), entry('lock', 'a', 'other')])
    assert.is(text(store.get('order', key('a'))), '1')
    assert.equal(listing(store, 'order'), ['a=1', 'b=2'])
    await store.sync()
    store.write([entry('order', 'a', null), entry('order', 'aa', '1½'), entry('order', 'c', '3')])
    assert.is(store.get('order', key('a')), null)
    assert.equal(listing(store, 'order'), ['aa=1½', 'b=2', 'c=3'])
    await store.sync()
    await store.close()
    const again = await openSqliteStore({ path, quickCheck: true })
    assert.equal(listing(again, 'order'), ['aa=1½', 'b=2', 'c=3'])
    assert.equal(listing(again, 'lock'), ['a=other'])
    assert.equal(listing(again, 'none'), [])
    await again.close()
    assert.is(await codeOf(() => again.get('order', key('a'))), 'stopped')
    assert.is(await codeOf(() => again.sync()), 'stopped')
  }))

test('an empty value is a value, and neither side can change what the other holds', () =>
  withTemp(async (directory) => {
    const store = await openSqliteStore({ path: join(directory, 'store.db') })
    const value = fromText('held')
    store.write([
      { space: 's', key: key('empty'), value: new Uint8Array(0) },
      { space: 's', key: key('k'), value },
    ])
    value.fill(0)
    store.get('s', key('k'))?.fill(0)
    assert.is(text(store.get('s', key('k'))), 'held')
    await store.sync()
    assert.is(store.get('s', key('empty'))?.length, 0)
    assert.is(text(store.get('s', key('k'))), 'held')
    await store.close()
  }))

test('a scan of several pages merges disk and memory in the order of keys, and may sync on its way', () =>
  withTemp(async (directory) => {
    const store = await openSqliteStore({ path: join(directory, 'store.db') })
    const number = (n: number): Uint8Array => Uint8Array.of(n >> 8, n & 0xff)
    const numbered = (n: number) => ({ space: 's', key: number(n), value: number(n) })
    store.write(Array.from({ length: 1000 }, (_, n) => numbered(n)).filter((_, n) => n % 2 === 0))
    await store.sync()
    store.write(Array.from({ length: 1000 }, (_, n) => numbered(n)).filter((_, n) => n % 2 === 1))
    store.write([{ space: 's', key: number(500), value: null }])
    const seen: number[] = []
    for (const found of store.scan('s')) {
      const value = ((found.key[0] as number) << 8) | (found.key[1] as number)
      assert.is(toHex(found.key), toHex(found.value))
      if (value === 300) await store.sync()
      seen.push(value)
    }
    assert.equal(
      seen,
      Array.from({ length: 1000 }, (_, n) => n).filter((n) => n !== 500),
    )
    await store.close()
  }))

test('sync calls of one turn share a commit; close keeps what was written', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const store = await openSqliteStore({ path })
    store.write([entry('s', 'a', '1')])
    const first = store.sync()
    store.write([entry('s', 'b', '2')])
    assert.is(store.sync(), first)
    await first
    assert.is.not(store.sync(), first)
    store.write([entry('s', 'c', '3')])
    await store.close()
    await store.close()
    const again = await openSqliteStore({ path })
    assert.equal(listing(again, 's'), ['a=1', 'b=2', 'c=3'])
    await again.close()
  }))

test('sizes are bounded before anything is held', () =>
  withTemp(async (directory) => {
    const store = await openSqliteStore({ path: join(directory, 'store.db') })
    const long = new Uint8Array(LIMITS.storeKeyBytesMax + 1)
    const huge = new Uint8Array(LIMITS.storeValueBytesMax + 1)
    const good = entry('s', 'a', '1')
    assert.is(await codeOf(() => store.write([good, { space: 's', key: long, value: null }])), 'bad-argument')
    assert.is(await codeOf(() => store.write([good, { space: 's', key: key('k'), value: huge }])), 'bad-argument')
    assert.is(await codeOf(() => store.write([good, { space: 'S p', key: key('k'), value: null }])), 'bad-argument')
    assert.is(await codeOf(() => store.write([{ space: 's', key: new Uint8Array(0), value: null }])), 'bad-argument')
    assert.is(store.get('s', key('a')), null)
    await store.close()
  }))

test('the file is its owner’s alone, and one opener holds it', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const store = await openSqliteStore({ path })
    assert.is(statSync(path).mode & 0o777, 0o600)
    const error = (await openSqliteStore({ path }).catch((thrown) => thrown)) as { code: string; message: string }
    assert.is(error.code, 'store-failed')
    assert.match(error.message, 'in use')
    await store.close()
    await (await openSqliteStore({ path })).close()
  }))

test('a foreign or newer file is refused and left as it is', () =>
  withTemp(async (directory) => {
    const notes = join(directory, 'notes.txt')
    writeFileSync(notes, 'not a database, but dear to somebody')
    assert.is(await codeOf(() => openSqliteStore({ path: notes })), 'store-damaged')
    assert.is(readFileSync(notes, 'utf8'), 'not a database, but dear to somebody')

    const other = join(directory, 'other.db')
    const database = new DatabaseSync(other)
    database.exec('CREATE TABLE mine (x); INSERT INTO mine VALUES (1)')
    database.close()
    const before = readFileSync(other)
    assert.is(await codeOf(() => openSqliteStore({ path: other })), 'store-damaged')
    assert.equal(readFileSync(other), before)

    const newer = join(directory, 'newer.db')
    await (await openSqliteStore({ path: newer })).close()
    const raised = new DatabaseSync(newer)
    raised.exec('PRAGMA user_version = 3')
    raised.close()
    const error = (await openSqliteStore({ path: newer }).catch((thrown) => thrown)) as { message: string }
    assert.match(error.message, 'schema version 3')
  }))

test('a flipped bit anywhere in a value is noticed on get and on scan', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const store = await openSqliteStore({ path })
    store.write([entry('s', 'fine', 'a healthy value'), entry('s', 'hurt', 'the value under attack')])
    await store.close()
    const at = readFileSync(path).indexOf('the value under attack')
    assert.ok(at > 0)
    const file = openSync(path, 'r+')
    writeSync(file, Uint8Array.of('t'.charCodeAt(0) ^ 4), 0, 1, at)
    closeSync(file)
    const again = await openSqliteStore({ path })
    assert.is(text(again.get('s', key('fine'))), 'a healthy value')
    assert.is(await codeOf(() => again.get('s', key('hurt'))), 'store-damaged')
    assert.is(await codeOf(() => [...again.scan('s')]), 'store-damaged')
    await again.close()
  }))

test('the checksum is the documented one, by another implementation of BLAKE3', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const store = await openSqliteStore({ path })
    store.write([{ space: 'lock', key: Uint8Array.of(1, 2, 3), value: fromText('value') }])
    await store.close()
    const database = new DatabaseSync(path)
    const row = database.prepare('SELECT checksum FROM kv').get() as { checksum: Uint8Array }
    database.close()
    const material = Buffer.concat([
      Uint8Array.of(4, 0, 3),
      fromText('lock'),
      Uint8Array.of(1, 2, 3),
      fromText('value'),
    ])
    const expected = blake3(material, { context: fromText('webx v1 stored value') }).subarray(0, 8)
    assert.is(toHex(row.checksum), toHex(expected))
  }))

test('a value moved to another key does not pass there', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const store = await openSqliteStore({ path })
    store.write([entry('s', 'a', '1'), entry('s', 'b', '2')])
    await store.close()
    const database = new DatabaseSync(path)
    database.exec(
      `UPDATE kv SET (value, checksum) = (SELECT value, checksum FROM kv WHERE key = x'61') WHERE key = x'62'`,
    )
    database.close()
    const again = await openSqliteStore({ path })
    assert.is(text(again.get('s', key('a'))), '1')
    assert.is(await codeOf(() => again.get('s', key('b'))), 'store-damaged')
    await again.close()
  }))

test('damaged pages are found by the quick check', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const store = await openSqliteStore({ path })
    store.write(Array.from({ length: 400 }, (_, n) => entry('s', `key-${n}`, 'x'.repeat(200))))
    await store.close()
    const file = openSync(path, 'r+')
    writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, 4096 * 3)
    closeSync(file)
    assert.is(await codeOf(() => openSqliteStore({ path, quickCheck: true })), 'store-damaged')
  }))

test('a process killed between write and sync loses exactly the unsynced turn', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const child = spawn(process.execPath, [CHILD, path, '5'], { stdio: ['ignore', 'pipe', 'inherit'] })
    await within(
      20_000,
      lines(child, (line) => line === 'held'),
      'the child',
    )
    await kill(child)
    const store = await openSqliteStore({ path, quickCheck: true })
    assert.equal(turnsIn(store), [1, 2, 3, 4, 5])
    await store.close()
  }))

test('a process killed in the middle of its work keeps every synced turn whole', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const child = spawn(process.execPath, [CHILD, path, '1000000'], { stdio: ['ignore', 'pipe', 'inherit'] })
    let synced = 0
    await within(
      20_000,
      lines(child, (line) => {
        synced = Number(line)
        return synced >= 40
      }),
      'the child',
    )
    synced = Math.max(synced, await kill(child))
    const store = await openSqliteStore({ path, quickCheck: true })
    const turns = turnsIn(store)
    assert.ok(turns.length >= synced && turns.length <= synced + 1, `${turns.length} turns of ${synced} synced`)
    await store.close()
  }))

test('where the disk refuses to grow, sync fails, and every later one', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const command = `ulimit -f 1000; exec "${process.execPath}" "${CHILD}" "${path}" 1000000`
    const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    await within(
      20_000,
      lines(child, (line) => {
        said = line
        return line.startsWith('error')
      }),
      'the child',
    )
    assert.match(said, /^error store-failed/)
    await kill(child)
    assert.ok(existsSync(path))
    const store = await openSqliteStore({ path, quickCheck: true })
    assert.ok(turnsIn(store).length > 3)
    await store.close()
  }))

test('after one failed commit nothing is promised again, and nothing more is taken', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const store = await openSqliteStore({ path })
    const piece = new Uint8Array(LIMITS.storeValueBytesMax)
    const write = (n: number): void => store.write([{ space: 's', key: Uint8Array.of(n), value: piece }])
    for (let n = 0; n < 3; n++) write(n)
    assert.is(await codeOf(() => write(3)), 'store-failed')
    assert.is(await codeOf(() => store.sync()), 'store-failed')
    assert.is(await codeOf(() => store.sync()), 'store-failed')
    assert.is(await codeOf(() => write(4)), 'store-failed')
    await store.close()
    const again = await openSqliteStore({ path })
    assert.is(again.get('s', Uint8Array.of(0)), null)
    await again.close()
  }))

test('a turn is one row until it is folded: a power cut before loses nothing of it', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const store = await openSqliteStore({ path })
    store.write([entry('s', 'a', '1'), entry('s', 'b', '2')])
    await store.sync()
    store.write([entry('s', 'a', null), entry('s', 'c', '3')])
    await store.sync()
    const cut = asAfterPowerCut(path, join(directory, 'cut.db'))
    assert.equal(rowsIn(cut), { turn: 2, kv: 0 })
    assert.is(checkStoreFile(cut), 2)
    const again = await openSqliteStore({ path: cut })
    assert.equal(listing(again, 's'), ['b=2', 'c=3'])
    assert.equal(listing(store, 's'), ['b=2', 'c=3'])
    await again.close()
    assert.equal(rowsIn(cut), { turn: 0, kv: 2 })
    await store.close()
    assert.equal(rowsIn(path), { turn: 0, kv: 2 })
  }))

test('too much to keep as turns is folded with the commit', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const store = await openSqliteStore({ path })
    const part = new Uint8Array(Math.floor(LIMITS.storeUnfoldedBytesMax / 2.5))
    const commit = (name: string): Promise<void> => {
      store.write([{ space: 's', key: key(name), value: part }])
      return store.sync()
    }
    await commit('a')
    await commit('a')
    assert.equal(rowsIn(asAfterPowerCut(path, join(directory, 'before.db'))), { turn: 2, kv: 0 })
    await commit('b')
    assert.equal(rowsIn(asAfterPowerCut(path, join(directory, 'after.db'))), { turn: 0, kv: 2 })
    await store.close()
  }))

test('a store of schema 1 is read on, and no turn passes that was changed', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'store.db')
    const old = new DatabaseSync(path)
    old.exec(`CREATE TABLE kv (space TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, checksum BLOB NOT NULL,
      PRIMARY KEY (space, key)) WITHOUT ROWID, STRICT; PRAGMA application_id = ${0x77656278}; PRAGMA user_version = 1`)
    const insert = old.prepare('INSERT INTO kv VALUES (?, ?, ?, ?)')
    insert.run('s', key('a'), fromText('1'), checksumOf('s', key('a'), fromText('1')))
    old.close()
    assert.is(checkStoreFile(path), 1)
    const store = await openSqliteStore({ path })
    assert.equal(listing(store, 's'), ['a=1'])
    await store.close()
    const forged = new DatabaseSync(path)
    forged
      .prepare('INSERT INTO turn VALUES (1, ?, ?)')
      .run(Uint8Array.of(1, 115, 0, 1, 97, 0, 0, 0, 0), new Uint8Array(8))
    forged.close()
    assert.is(await codeOf(() => openSqliteStore({ path })), 'store-damaged')
    assert.is(await codeOf(() => checkStoreFile(path)), 'store-damaged')
  }))

/** The file of an open store and its log, copied as a power cut leaves them. */
function asAfterPowerCut(path: string, to: string): string {
  for (const suffix of ['', '-wal']) copyFileSync(path + suffix, to + suffix)
  return to
}

/** How many rows each table of a file has that nobody has open. */
function rowsIn(path: string): { turn: number; kv: number } {
  const database = new DatabaseSync(path)
  const count = (table: string): number =>
    (database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n
  const rows = { turn: count('turn'), kv: count('kv') }
  database.close()
  return rows
}

/** The numbers of all turns in the store, each checked to be whole. */
function turnsIn(store: Store): number[] {
  const counts = new Map<number, number>()
  for (const found of store.scan('turn')) {
    const number = Number(text(found.key)?.slice(0, 8))
    assert.ok(found.value.every((byte) => byte === number % 251))
    counts.set(number, (counts.get(number) ?? 0) + 1)
  }
  for (const [number, count] of counts) assert.is(count, 8, `turn ${number} is torn`)
  return [...counts.keys()]
}

/** Resolves at the first line that `last` says yes to; rejects where the child ends before. */
function lines(child: ChildProcess, last: (line: string) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let rest = ''
    child.once('exit', () => setImmediate(reject, new Error('the child ended too early')))
    child.stdout?.on('data', (chunk) => {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop() as string
      for (const line of parts) if (last(line)) resolve()
    })
  })
}

/** Kills and waits; resolves to the last turn the child had printed after all. */
function kill(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    let late = 0
    child.stdout?.on('data', (chunk) => {
      for (const line of String(chunk).split('\n').slice(0, -1)) late = Math.max(late, Number(line) || 0)
    })
    child.once('close', () => resolve(late))
    if (!child.kill('SIGKILL')) resolve(late)
  })
}

test.run()

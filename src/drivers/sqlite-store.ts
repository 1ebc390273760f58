/**
 * Port Store on SQLite (`node:sqlite`): one file, one table, one commit for everything that a turn wrote.
 *
 * WAL with synchronous=FULL: a commit is one append and one fsync of the log (https://sqlite.org/wal.html). `write` only fills a table in memory; the
 * commit runs once per turn of the event loop for all who called `sync` in it, on the calling thread (about half a millisecond on an SSD).
 * The file is locked for one process. It is never repaired, migrated or replaced here: what is damaged or somebody else's stays as it is.
 */

import { closeSync, constants, existsSync, fsyncSync, openSync, readSync } from 'node:fs'
import { dirname } from 'node:path'
import { backup, DatabaseSync, type StatementSync } from 'node:sqlite'
import { compare, concat, equal, fromText } from '../core/bytes.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Store, Write } from '../kernel/ports.ts'

/** How a store is opened. */
export interface SqliteStoreOptions {
  readonly path: string
  /** Has SQLite walk the whole file first; seconds on a large one. */
  readonly quickCheck?: boolean
}

/** 'webx' in SQLite's application id; says that a file is ours. */
const APPLICATION_ID = 0x77656278
const SCHEMA_VERSION = 1
const SCHEMA = `CREATE TABLE kv (space TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, checksum BLOB NOT NULL,
  PRIMARY KEY (space, key)) WITHOUT ROWID, STRICT`
const MAGIC = 'SQLite format 3\0'
const SCAN_PAGE_ROWS = 256
const CHECKSUM_BYTES = 8
/** Keys are digests, so a commit of 256 orders touches pages all over the file: with 1 MiB they are read and spilled in its midst, at twice the system time. */
const CACHE_KIB = 8_192
/** Pages that a snapshot copies at once: a megabyte. */
const SNAPSHOT_PAGES = 256

/**
 * Opens the store of a node, and makes it where there is no file.
 *
 * Throws `store-damaged` for a file that is damaged, foreign or of a newer version; `store-failed` where it cannot be opened, or another process holds it.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  return new SqliteStore(options.path, openDatabase(options))
}

interface Held {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

interface Row {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly checksum: Uint8Array
}

class SqliteStore implements Store {
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #get: StatementSync
  readonly #page: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  /** Changes not yet on the disk, by space and key. */
  #held = new Map<string, Map<string, Held>>()
  #heldBytes = 0
  #nextCommit: Promise<void> | null = null
  #failure: WebxError | null = null
  #closed = false

  constructor(path: string, database: DatabaseSync) {
    this.#path = path
    this.#database = database
    this.#get = database.prepare('SELECT key, value, checksum FROM kv WHERE space = ? AND key = ?')
    this.#page = database.prepare(
      `SELECT key, value, checksum FROM kv WHERE space = ? AND key > ? ORDER BY key LIMIT ${SCAN_PAGE_ROWS}`,
    )
    this.#put = database.prepare('INSERT OR REPLACE INTO kv (space, key, value, checksum) VALUES (?, ?, ?, ?)')
    this.#delete = database.prepare('DELETE FROM kv WHERE space = ? AND key = ?')
    this.#begin = database.prepare('BEGIN IMMEDIATE')
    this.#commit = database.prepare('COMMIT')
  }

  get(space: string, key: Uint8Array): Uint8Array | null {
    this.#assertOpen()
    const held = this.#held.get(space)?.get(nameOf(key))
    if (held) return held.value?.slice() ?? null
    const row = this.#query(() => this.#get.get(space, key)) as Row | undefined
    return row ? this.#checked(space, row).value : null
  }

  *scan(space: string): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    this.#assertOpen()
    const held = [...(this.#held.get(space)?.values() ?? [])].sort((a, b) => compare(a.key, b.key))
    let next = 0
    for (const row of this.#rows(space)) {
      for (; next < held.length && compare((held[next] as Held).key, row.key) < 0; next++) {
        yield* present(held[next] as Held)
      }
      const replaced = next < held.length && equal((held[next] as Held).key, row.key)
      if (replaced) yield* present(held[next++] as Held)
      else yield { key: row.key, value: this.#checked(space, row).value }
    }
    for (; next < held.length; next++) yield* present(held[next] as Held)
  }

  write(writes: readonly Write[]): void {
    this.#assertOpen()
    if (this.#failure) throw this.#failure
    for (const { space, key, value } of writes) assertSizes(space, key, value)
    for (const { space, key, value } of writes) {
      let entries = this.#held.get(space)
      if (!entries) {
        entries = new Map()
        this.#held.set(space, entries)
      }
      const name = nameOf(key)
      this.#heldBytes += sizeOf({ key, value }) - sizeOf(entries.get(name))
      entries.set(name, { key: key.slice(), value: value?.slice() ?? null })
    }
    if (this.#heldBytes > LIMITS.storeHeldBackBytesMax) {
      throw this.#fail(
        new WebxError('limit', `more than ${LIMITS.storeHeldBackBytesMax} bytes were written without a sync`),
      )
    }
  }

  sync(): Promise<void> {
    if (this.#closed) return Promise.reject(stopped(this.#path))
    this.#nextCommit ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        this.#nextCommit = null
        try {
          this.#commitHeld()
          resolve()
        } catch (error) {
          reject(error)
        }
      })
    })
    return this.#nextCommit
  }

  async snapshot(path: string): Promise<void> {
    this.#assertOpen()
    try {
      closeSync(openSync(path, 'wx', 0o600))
      // what this connection commits meanwhile is in the copy, too
      await backup(this.#database, path, { rate: SNAPSHOT_PAGES })
    } catch (cause) {
      throw storeFailure(path, cause)
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    try {
      if (this.#nextCommit) await this.#nextCommit
      if (!this.#failure) this.#commitHeld()
    } finally {
      this.#closed = true
      if (this.#database.isOpen) this.#database.close()
    }
  }

  /** All changes or none; after a failure nothing is ever promised again, since nobody knows what the disk holds. */
  #commitHeld(): void {
    if (this.#failure) throw this.#failure
    if (this.#closed) throw stopped(this.#path)
    if (this.#held.size === 0) return
    try {
      this.#begin.run()
      for (const [space, entries] of this.#held) {
        for (const { key, value } of entries.values()) {
          if (value) this.#put.run(space, key, value, checksumOf(space, key, value))
          else this.#delete.run(space, key)
        }
      }
      this.#commit.run()
    } catch (cause) {
      throw this.#fail(storeFailure(this.#path, cause))
    }
    this.#held = new Map()
    this.#heldBytes = 0
  }

  *#rows(space: string): Iterable<Row> {
    let after: Uint8Array = new Uint8Array(0)
    for (;;) {
      const rows = this.#query(() => this.#page.all(space, after)) as unknown as Row[]
      yield* rows
      const last = rows.at(-1)
      if (!last || rows.length < SCAN_PAGE_ROWS) return
      after = last.key
    }
  }

  #query<T>(ask: () => T): T {
    this.#assertOpen()
    try {
      return ask()
    } catch (cause) {
      throw storeFailure(this.#path, cause)
    }
  }

  #checked(space: string, row: Row): Row {
    if (equal(row.checksum, checksumOf(space, row.key, row.value))) return row
    throw new WebxError('store-damaged', `${this.#path}: a value in "${space}" does not match its checksum`, {
      hint: 'Stop the node, check the disk, and let it catch up from its neighbors with a new data directory.',
    })
  }

  #fail(failure: WebxError): WebxError {
    this.#failure ??=
      failure.code === 'store-failed'
        ? failure
        : new WebxError('store-failed', `${this.#path}: ${failure.message}`, { hint: failure.hint, cause: failure })
    return this.#failure
  }

  #assertOpen(): void {
    if (this.#closed) throw stopped(this.#path)
  }
}

function* present(held: Held): Iterable<{ key: Uint8Array; value: Uint8Array }> {
  if (held.value) yield { key: held.key.slice(), value: held.value.slice() }
}

function sizeOf(held: Held | undefined): number {
  return held ? held.key.length + (held.value?.length ?? 0) : 0
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

/** First bytes of BLAKE3 over the length-prefixed space, key and value, so that a value cannot pass for one stored elsewhere. */
export function checksumOf(space: string, key: Uint8Array, value: Uint8Array): Uint8Array {
  const name = fromText(space)
  const head = Uint8Array.of(name.length, key.length >> 8, key.length & 0xff)
  return blake3Of('webx v1 stored value', concat(head, name, key, value)).subarray(0, CHECKSUM_BYTES)
}

function assertSizes(space: string, key: Uint8Array, value: Uint8Array | null): void {
  if (!/^[a-z0-9-]+$/.test(space) || space.length > LIMITS.storeSpaceCharactersMax) {
    throw new WebxError(
      'bad-argument',
      `space "${space.slice(0, 40)}": lower-case letters, digits and hyphens expected`,
    )
  }
  if (key.length === 0 || key.length > LIMITS.storeKeyBytesMax) {
    throw new WebxError('bad-argument', `key: 1 to ${LIMITS.storeKeyBytesMax} bytes expected, got ${key.length}`)
  }
  if (value && value.length > LIMITS.storeValueBytesMax) {
    throw new WebxError('bad-argument', `value: at most ${LIMITS.storeValueBytesMax} bytes, got ${value.length}`)
  }
}

function openDatabase({ path, quickCheck }: SqliteStoreOptions): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    prepareFile(path)
    database = new DatabaseSync(path, { enableForeignKeyConstraints: false })
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    const isNew = assertOurs(path, database)
    // what is deleted is overwritten, in so far as the medium does that: wrapped keys of shredded files were here
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON')
    database.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
    database.exec('PRAGMA journal_size_limit = 16777216; BEGIN IMMEDIATE')
    if (isNew) {
      database.exec(`${SCHEMA}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`)
    }
    database.exec('COMMIT')
    if (quickCheck) assertWhole(path, database)
    return database
  } catch (cause) {
    if (database?.isOpen) database.close()
    throw storeFailure(path, cause)
  }
}

/** Makes an empty file that only its owner can read, with a durable directory entry, or looks whether an old one is SQLite's at all. */
function prepareFile(path: string): void {
  if (!existsSync(path)) {
    closeSync(openSync(path, constants.O_CREAT | constants.O_RDWR, 0o600))
    const directory = openSync(dirname(path), 'r')
    fsyncSync(directory)
    closeSync(directory)
    return
  }
  const head = Buffer.alloc(MAGIC.length)
  const file = openSync(path, 'r')
  const length = readSync(file, head, 0, head.length, 0)
  closeSync(file)
  if (length !== 0 && head.toString('latin1', 0, length) !== MAGIC) throw foreign(path)
}

/** True for an empty database; throws where it holds anything but our schema in a version that we know. */
export function assertOurs(path: string, database: DatabaseSync): boolean {
  const number = (sql: string): number => Object.values(database.prepare(sql).get() ?? {})[0] as number
  const applicationId = number('PRAGMA application_id')
  if (applicationId === 0 && number('SELECT count(*) FROM sqlite_schema') === 0) return true
  if (applicationId !== APPLICATION_ID) throw foreign(path)
  const version = number('PRAGMA user_version')
  if (version === SCHEMA_VERSION) return false
  throw new WebxError('store-damaged', `${path} has schema version ${version}, this program knows ${SCHEMA_VERSION}`, {
    hint: 'Use the version of webx that wrote it.',
  })
}

function assertWhole(path: string, database: DatabaseSync): void {
  const said = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {})[0]
  if (said !== 'ok') throw new WebxError('store-damaged', `${path} is damaged: ${said}`)
}

function foreign(path: string): WebxError {
  return new WebxError('store-damaged', `${path} is not a webx store; it was left as it is`, {
    hint: 'Choose another data directory, or move the file away.',
  })
}

function stopped(path: string): WebxError {
  return new WebxError('stopped', `${path} is closed`)
}

const BUSY = new Set([5, 6])
const DAMAGED = new Set([11, 26])

/** What SQLite said, as one of ours. https://sqlite.org/rescode.html */
export function storeFailure(path: string, cause: unknown): WebxError {
  if (cause instanceof WebxError) return cause
  const { errcode, message } = cause as { errcode?: number; message?: string }
  const primary = (errcode ?? 0) & 0xff
  if (BUSY.has(primary)) {
    return new WebxError('store-failed', `${path} is in use by another process`, {
      hint: 'Stop the other node, or give this one a data directory of its own.',
      cause,
    })
  }
  if (DAMAGED.has(primary)) return new WebxError('store-damaged', `${path} is damaged: ${message}`, { cause })
  return new WebxError('store-failed', `${path}: ${message}`, {
    hint: 'Check free space and rights of the disk.',
    cause,
  })
}

/**
 * Port Store on SQLite (`node:sqlite`): one file, and one commit for everything that a turn wrote.
 *
 * WAL with synchronous=FULL: a commit is one append and one fsync of the log (https://sqlite.org/wal.html). `write` only fills a table in memory; the
 * commit runs once per turn of the event loop for all who called `sync` in it, on the calling thread (about half a millisecond on an SSD).
 *
 * Keys are digests: a turn of 256 orders would touch thousands of pages all over the table of values, many of them for what the next turn changes again or deletes. So
 * a turn is one row at the end of a table of turns, and stays in memory; a second later, or when there is too much of it, all of that is folded into the table
 * of values in the order of its keys, each key once.
 */

import { closeSync, openSync } from 'node:fs'
import { backup, type DatabaseSync, type StatementSync } from 'node:sqlite'
import { compare, equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Store, Write } from '../kernel/ports.ts'
import { type Change, Changes, checksumOf, checksumOfTurn } from './sqlite-changes.ts'
import { openDatabase, type SqliteStoreOptions, stopped, storeFailure, turnsIn } from './sqlite-file.ts'

export type { SqliteStoreOptions } from './sqlite-file.ts'

const SCAN_PAGE_ROWS = 256
/** Pages that a snapshot copies at once: a megabyte. */
const SNAPSHOT_PAGES = 256
/** How long a turn stays unfolded: what it deleted is in the file as long as that. */
const FOLD_MS = 1_000

/**
 * Opens the store of a node, and makes it where there is no file. The file is locked for one process.
 *
 * Throws `store-damaged` for a file that is damaged, foreign or of a newer version; `store-failed` where it cannot be opened, or another process holds it.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  return new SqliteStore(options.path, openDatabase(options))
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
  readonly #append: StatementSync
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #forgetTurns: StatementSync
  /** Not yet on the disk. */
  readonly #held = new Changes()
  /** On the disk as turns, and not yet in the table of values. */
  readonly #turns = new Changes()
  #turnNumber = 0
  /** What the table of turns holds. */
  #turnBytes = 0
  #foldTimer: NodeJS.Timeout | null = null
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
    this.#append = database.prepare('INSERT INTO turn (number, changes, checksum) VALUES (?, ?, ?)')
    this.#begin = database.prepare('BEGIN IMMEDIATE')
    this.#commit = database.prepare('COMMIT')
    this.#forgetTurns = database.prepare('DELETE FROM turn')
    this.#takeUpTurns()
  }

  get(space: string, key: Uint8Array): Uint8Array | null {
    this.#assertOpen()
    const change = this.#held.get(space, key) ?? this.#turns.get(space, key)
    if (change) return change.value?.slice() ?? null
    const row = this.#query(() => this.#get.get(space, key)) as Row | undefined
    return row ? this.#checked(space, row).value : null
  }

  *scan(space: string): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    this.#assertOpen()
    const changes = this.#changesOf(space)
    let next = 0
    for (const row of this.#rows(space)) {
      for (; next < changes.length && compare((changes[next] as Change).key, row.key) < 0; next++) {
        yield* present(changes[next] as Change)
      }
      const replaced = next < changes.length && equal((changes[next] as Change).key, row.key)
      if (replaced) yield* present(changes[next++] as Change)
      else yield { key: row.key, value: this.#checked(space, row).value }
    }
    for (; next < changes.length; next++) yield* present(changes[next] as Change)
  }

  write(writes: readonly Write[]): void {
    this.#assertOpen()
    if (this.#failure) throw this.#failure
    for (const { space, key, value } of writes) assertSizes(space, key, value)
    for (const { space, key, value } of writes) {
      this.#held.put(space, { key: key.slice(), value: value?.slice() ?? null })
    }
    if (this.#held.bytes > LIMITS.storeHeldBackBytesMax) {
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
      if (!this.#failure) {
        this.#commitHeld()
        this.#fold()
      }
    } finally {
      this.#closed = true
      if (this.#foldTimer) clearTimeout(this.#foldTimer)
      if (this.#database.isOpen) this.#database.close()
    }
  }

  /** What an earlier life did not come to fold. */
  #takeUpTurns(): void {
    try {
      for (const { number, changes } of turnsIn(this.#path, this.#database)) {
        this.#turns.putAll(changes)
        this.#turnNumber = number
      }
      this.#fold()
    } catch (cause) {
      this.#database.close()
      throw storeFailure(this.#path, cause)
    }
  }

  /** All changes or none; after a failure nothing is ever promised again, since nobody knows what the disk holds. */
  #commitHeld(): void {
    if (this.#failure) throw this.#failure
    if (this.#closed) throw stopped(this.#path)
    if (this.#held.isEmpty) return
    const isTooMuch = this.#turnBytes + this.#held.bytes > LIMITS.storeUnfoldedBytesMax
    if (!isTooMuch) this.#commitTurn()
    this.#turns.putAll(this.#held)
    if (isTooMuch) this.#fold()
    this.#held.clear()
  }

  /** What is held as the next turn: one statement, and so one transaction. */
  #commitTurn(): void {
    const number = this.#turnNumber + 1
    const changes = this.#held.encode()
    try {
      this.#append.run(number, changes, checksumOfTurn(number, changes))
    } catch (cause) {
      throw this.#fail(storeFailure(this.#path, cause))
    }
    this.#turnNumber = number
    this.#turnBytes += changes.length
    this.#foldTimer ??= setTimeout(() => {
      this.#foldTimer = null
      try {
        if (!this.#failure && !this.#closed) this.#fold()
      } catch {
        // it is kept, and thrown at whoever writes or syncs next
      }
    }, FOLD_MS).unref()
  }

  /** Takes all turns over into the table of values. */
  #fold(): void {
    if (this.#turns.isEmpty) return
    try {
      this.#begin.run()
      for (const space of this.#turns.spaces()) {
        for (const { key, value } of this.#turns.of(space)) {
          if (value) this.#put.run(space, key, value, checksumOf(space, key, value))
          else this.#delete.run(space, key)
        }
      }
      this.#forgetTurns.run()
      this.#commit.run()
    } catch (cause) {
      throw this.#fail(storeFailure(this.#path, cause))
    }
    this.#turns.clear()
    this.#turnBytes = 0
  }

  /** Changes of a space that are not in the table of values, in the order of their keys. */
  #changesOf(space: string): Change[] {
    const changes = new Changes()
    for (const change of this.#turns.of(space)) changes.put(space, change)
    for (const change of this.#held.of(space)) changes.put(space, change)
    return changes.of(space)
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

function* present({ key, value }: Change): Iterable<{ key: Uint8Array; value: Uint8Array }> {
  if (value) yield { key: key.slice(), value: value.slice() }
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

/**
 * The file of a SQLite store: opened, made, told from others', and what SQLite says of it. It is never repaired or replaced here: what is damaged or somebody else's stays
 * as it is; one of schema 1 lacks the table of turns, and is given it.
 */

import { closeSync, constants, existsSync, fsyncSync, openSync, readSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { type Changes, checksumOfTurn, decodeChanges } from './sqlite-changes.ts'

/** How a store is opened. */
export interface SqliteStoreOptions {
  readonly path: string
  /** Has SQLite walk the whole file first; seconds on a large one. */
  readonly quickCheck?: boolean
}

/** 'webx' in SQLite's application id; says that a file is ours. */
const APPLICATION_ID = 0x77656278
const SCHEMA_VERSION = 2
const SCHEMA = `CREATE TABLE IF NOT EXISTS kv (space TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, checksum BLOB NOT NULL,
  PRIMARY KEY (space, key)) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS turn (number INTEGER PRIMARY KEY, changes BLOB NOT NULL, checksum BLOB NOT NULL) STRICT`
const MAGIC = 'SQLite format 3\0'
/** Keys are digests, so a commit of 256 orders touches pages all over the file: with 1 MiB they are read and spilled in its midst, at twice the system time. */
const CACHE_KIB = 8_192

/**
 * Opens the file of a store, and makes it where there is none.
 *
 * Throws `store-damaged` for a file that is damaged, foreign or of a newer version; `store-failed` where it cannot be opened, or another process holds it.
 */
export function openDatabase({ path, quickCheck }: SqliteStoreOptions): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    prepareFile(path)
    database = new DatabaseSync(path, { enableForeignKeyConstraints: false })
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    const version = schemaOf(path, database)
    // what is deleted is overwritten, in so far as the medium does that: wrapped keys of shredded files were here
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON')
    database.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
    database.exec('PRAGMA journal_size_limit = 16777216; BEGIN IMMEDIATE')
    if (version < SCHEMA_VERSION) {
      // whoever knows schema 1 only must not take the file for whole
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

/** The version of our schema that a database has, 0 for an empty one; throws where it holds anything but that. */
export function schemaOf(path: string, database: DatabaseSync): number {
  const number = (sql: string): number => Object.values(database.prepare(sql).get() ?? {})[0] as number
  const applicationId = number('PRAGMA application_id')
  if (applicationId === 0 && number('SELECT count(*) FROM sqlite_schema') === 0) return 0
  if (applicationId !== APPLICATION_ID) throw foreign(path)
  const version = number('PRAGMA user_version')
  if (version === 1 || version === SCHEMA_VERSION) return version
  throw new WebxError('store-damaged', `${path} has schema version ${version}, this program knows ${SCHEMA_VERSION}`, {
    hint: 'Use the version of webx that wrote it.',
  })
}

/** The turns that are not folded into the table of values yet, the oldest first. Throws `store-damaged` where one does not match its checksum. */
export function* turnsIn(path: string, database: DatabaseSync): Iterable<{ number: number; changes: Changes }> {
  const rows = database.prepare('SELECT number, changes, checksum FROM turn ORDER BY number')
  for (const row of rows.iterate() as Iterable<unknown> as Iterable<TurnRow>) {
    const { number, changes, checksum } = row
    if (!equal(checksum, checksumOfTurn(number, changes))) {
      throw new WebxError('store-damaged', `${path}: turn ${number} does not match its checksum`)
    }
    yield { number, changes: decodeChanges(changes) }
  }
}

interface TurnRow {
  readonly number: number
  readonly changes: Uint8Array
  readonly checksum: Uint8Array
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

export function stopped(path: string): WebxError {
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

/**
 * Whether the file of a store is whole: its pages by SQLite's own walk, its values by the checksum that each of them carries.
 *
 * For copies that are about to be kept or put back; a running node reads its own values one by one and checks them then.
 */

import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { Changes, checksumOf } from './sqlite-changes.ts'
import { schemaOf, storeFailure, turnsIn } from './sqlite-file.ts'

interface StoredRow {
  readonly space: string
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly checksum: Uint8Array
}

/**
 * Walks through all of a store that nobody has open. Answers how many values it holds.
 *
 * Throws `store-damaged` for what is damaged, foreign or of a newer version; `store-failed` where it cannot be read.
 */
export function checkStoreFile(path: string): number {
  let database: DatabaseSync | undefined
  try {
    if (!existsSync(path)) throw new WebxError('store-failed', `there is no store at ${path}`)
    database = new DatabaseSync(path, { enableForeignKeyConstraints: false })
    // as the node opens it: without a file of shared memory beside it
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    const version = schemaOf(path, database)
    if (version === 0) throw new WebxError('store-damaged', `${path} is empty`)
    const said = Object.values(database.prepare('PRAGMA integrity_check(1)').get() ?? {})[0]
    if (said !== 'ok') throw new WebxError('store-damaged', `${path} is damaged: ${said}`)
    const unfolded = new Changes()
    if (version > 1) for (const { changes } of turnsIn(path, database)) unfolded.putAll(changes)
    let values = 0
    for (const row of database.prepare('SELECT space, key, value, checksum FROM kv').iterate()) {
      const { space, key, value, checksum } = row as unknown as StoredRow
      if (!equal(checksum, checksumOf(space, key, value))) {
        throw new WebxError('store-damaged', `${path}: a value in "${space}" does not match its checksum`)
      }
      if (!unfolded.get(space, key)) values++
    }
    for (const space of unfolded.spaces()) values += unfolded.of(space).filter(({ value }) => value !== null).length
    return values
  } catch (cause) {
    throw storeFailure(path, cause)
  } finally {
    if (database?.isOpen) database.close()
  }
}

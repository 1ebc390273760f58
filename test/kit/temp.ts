/** Temporary directories for tests, gone afterwards whatever happens. */

import { mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs `use` with a fresh directory and removes it. */
export async function withTemp<T>(use: (directory: string) => Promise<T> | T): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'webx-test-'))
  try {
    return await use(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** A fresh directory that is removed when the process ends; for what several tests share. */
export function tempForProcess(): string {
  const directory = mkdtempSync(join(tmpdir(), 'webx-test-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/**
 * Fetches one npm package's tarball with the machine's own npm client, by `npm pack`.
 *
 * That runs no code of the package, takes none of its dependencies along, and uses the registry, proxy and
 * credentials that npm is set up with.
 */

import { spawn } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { WebxError } from '../core/errors.ts'

/**
 * The path of the package's tarball in `directory`, which must be empty (so that no project's settings apply).
 *
 * @param onBytes is told how much of it is there already. Throws `download-failed` with what npm said.
 */
export async function npmPack(
  wanted: { readonly package: string; readonly version: string },
  directory: string,
  onBytes: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<string> {
  const name = `${wanted.package}@${wanted.version}`
  const ended = new AbortController()
  const watched = watch(directory, onBytes, ended.signal)
  try {
    await runNpm(name, directory, signal)
  } finally {
    ended.abort()
    await watched
  }
  const path = await tarballIn(directory)
  if (path === null) throw failed(name, 'npm pack left no file')
  return path
}

const DOWNLOAD_MS_MAX = 10 * 60_000
const PROGRESS_MS = 250
const SAID_CHARACTERS_MAX = 4_000

async function runNpm(name: string, directory: string, signal: AbortSignal | undefined): Promise<void> {
  const limit = AbortSignal.timeout(DOWNLOAD_MS_MAX)
  const args = ['pack', name, '--ignore-scripts', '--loglevel=error', '--pack-destination', directory]
  const child = spawn('npm', args, {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
    signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
  })
  let said = ''
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (text: string) => {
    said = (said + text).slice(-SAID_CHARACTERS_MAX)
  })
  await new Promise<void>((resolve, reject) => {
    child.on('error', (cause) => reject(failed(name, cause.message, cause)))
    child.on('close', (code) => {
      if (code === 0) resolve()
      else reject(failed(name, gist(said) || `npm ended with ${code}`))
    })
  })
}

/** Tells the size of the growing tarball now and then, until the signal aborts. */
async function watch(directory: string, onBytes: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await wait(PROGRESS_MS, undefined, { signal })
    } catch (cause) {
      if (!signal.aborted) throw cause
    }
    const path = await tarballIn(directory)
    if (path !== null) onBytes((await stat(path)).size)
  }
}

async function tarballIn(directory: string): Promise<string | null> {
  const name = (await readdir(directory)).find((entry) => entry.endsWith('.tgz'))
  return name === undefined ? null : join(directory, name)
}

function failed(name: string, why: string, cause?: unknown): WebxError {
  return new WebxError('download-failed', `npm could not fetch ${name}: ${why}`, {
    hint: `Check that npm is installed and reaches its registry: npm view ${name} version.`,
    cause,
  })
}

/** The first lines of npm's complaint, without its pointers to log files. */
function gist(said: string): string {
  const lines = said.split('\n').map((line) => line.replace(/^npm (error|warn) ?/i, '').trim())
  return lines
    .filter((line) => line !== '' && !line.includes('complete log'))
    .slice(0, 3)
    .join(' ')
}

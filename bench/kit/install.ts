/**
 * Installs the peers below `bench/`, once and again when their list changes.
 *
 * Install scripts stay off, with one exception made on purpose: hnswlib-node has no binary in its package and is compiled here, which takes
 * python3 and a C++ compiler. Where that fails the rest is measured without it.
 */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { WebxError } from '../../src/core/errors.ts'

/** The folder with the peers' `package.json`. */
export const BENCH = fileURLToPath(new URL('..', import.meta.url))

const run = promisify(execFile)
const MARK = `${BENCH}node_modules/.webx-installed`
const COMPILED = 'hnswlib-node'

/** The peers that `bench/package.json` pins: versions by name. */
export async function pinned(): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(`${BENCH}package.json`, 'utf8')
  return (JSON.parse(text) as { optionalDependencies: Record<string, string> }).optionalDependencies
}

/** The version of a peer that is installed; null where none is. */
export async function installedVersion(name: string): Promise<string | null> {
  const file = `${BENCH}node_modules/${name}/package.json`
  if (!existsSync(file)) return null
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version
}

/**
 * Installs what is not installed yet, saying so through `say`. Throws `download-failed` where npm fails or nothing at all could be had.
 * A single peer that could not be had is no error.
 */
export async function ensurePeers(say: (line: string) => void): Promise<void> {
  const wanted = createHash('sha256')
    .update(await readFile(`${BENCH}package-lock.json`))
    .update(await readFile(`${BENCH}package.json`))
    .digest('hex')
  if (existsSync(MARK) && (await readFile(MARK, 'utf8')).startsWith(wanted)) return
  say('bench: installing the libraries to compare with into bench/node_modules (once, some 300 MB)')
  try {
    await npm(['install', '--no-save', '--no-audit', '--no-fund'])
  } catch (cause) {
    throw new WebxError('download-failed', 'npm could not install the libraries to compare with', { hint: HINT, cause })
  }
  const names = Object.keys(await pinned())
  const found = await Promise.all(names.map(installedVersion))
  if (found.every((version) => version === null)) {
    throw new WebxError('download-failed', 'none of the libraries to compare with could be installed', { hint: HINT })
  }
  await writeFile(MARK, `${wanted}\n${await compile(say)}`)
}

/** Why the peer that is to be compiled was not; '' where it was. */
export async function compileFailure(): Promise<string> {
  return existsSync(MARK) ? (await readFile(MARK, 'utf8')).split('\n').slice(1).join(' ').trim() : ''
}

const HINT =
  'Run it once with a connection to the npm registry, or run npm install in bench/ yourself; then it works offline.'

async function compile(say: (line: string) => void): Promise<string> {
  say(`bench: compiling ${COMPILED} (once, half a minute)`)
  try {
    await npm(['rebuild', COMPILED, '--ignore-scripts=false'])
    return ''
  } catch (error) {
    const reason = reasonOf(error)
    say(`bench: ${COMPILED} does not compile here and is left out: ${reason}`)
    return `does not compile here: ${reason}. It takes python3 and a C++ compiler; remove bench/node_modules to try again`
  }
}

async function npm(args: readonly string[]): Promise<void> {
  await run('npm', [...args], { cwd: BENCH, maxBuffer: 2 ** 26 })
}

/** The line of npm's and gyp's complaints that says most: what the compiler or gyp itself stumbled over. */
function reasonOf(error: unknown): string {
  const { stderr = '', message } = error as Error & { stderr?: string }
  const lines = stderr.split('\n').map((line) => line.replace(/^(?:npm (?:error|ERR!)\s*)?(?:gyp ERR!\s*)?/, ''))
  const telling = lines.find((line) => /\berror:|\*\*\*|^stack Error|^find Python/i.test(line)) ?? message
  return telling.replace(/^stack /, '').slice(0, 200)
}

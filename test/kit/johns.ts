/**
 * The five-person example set of Debian's dlib source package: 55 photographs of different days, for measuring accuracy.
 *
 * Debian's copyright file puts the examples into the public domain; the people in them were never asked, so the
 * photographs are fetched when needed and never committed. Only the one archive of 9 MB that holds them is fetched,
 * through apt, which checks it against Debian's signatures; the machine's own package lists stay untouched.
 */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { defaultCache } from '../../src/drivers/face-files.ts'

const run = promisify(execFile)
const SOURCES = '/etc/apt/sources.list.d/debian.sources'
const HELPER = '/usr/lib/apt/apt-helper'
const PEOPLE = 5
const PHOTOS = 11

/** The directory with a folder of 11 photographs for each of 5 people, fetched if need be. Debian only. */
export async function johns(cacheDir: string = defaultCache()): Promise<string> {
  const directory = join(cacheDir, 'photos', 'dlib-johns')
  if (await complete(directory)) return directory
  const work = await mkdtemp(join(tmpdir(), 'webx-johns-'))
  try {
    const archive = await fetchArchive(work)
    const unpacked = join(work, 'johns')
    await mkdir(unpacked)
    await run('tar', [
      'xjf',
      archive,
      '-C',
      unpacked,
      '--strip-components=3',
      '--wildcards',
      '*/examples/johns/*/*.jpg',
    ])
    if (!(await complete(unpacked))) throw new Error('the dlib source package no longer holds the example set')
    await mkdir(join(cacheDir, 'photos'), { recursive: true })
    await rm(directory, { recursive: true, force: true })
    await run('cp', ['-r', unpacked, `${directory}.part`])
    await rename(`${directory}.part`, directory)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return directory
}

/** Asks apt, with package lists of its own, where the archive is and what it must contain; answers its path. */
async function fetchArchive(work: string): Promise<string> {
  await writeFile(join(work, 'sources.list'), `deb-src ${await mirror()}\n`)
  await mkdir(join(work, 'lists', 'partial'), { recursive: true })
  await mkdir(join(work, 'cache', 'archives', 'partial'), { recursive: true })
  const own = [
    ['Dir::Etc::sourcelist', join(work, 'sources.list')],
    ['Dir::Etc::sourceparts', '-'],
    ['Dir::State::lists', join(work, 'lists')],
    ['Dir::Cache', join(work, 'cache')],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`])
  await run('apt-get', [...own, 'update'])
  const { stdout } = await run('apt-get', [...own, '--print-uris', '--only-source', 'source', 'dlib'], { cwd: work })
  const line = /^'([^']+\.orig\.tar\.bz2)' \S+ \d+ SHA256:([0-9a-f]{64})/m.exec(stdout)
  if (line === null) throw new Error('apt names no archive of the dlib sources')
  const path = join(work, 'dlib.tar.bz2')
  await run(HELPER, ['download-file', line[1] as string, path, `SHA256:${line[2]}`])
  return path
}

/** The first mirror of this machine, as the rest of a line of an apt source list. */
async function mirror(): Promise<string> {
  const text = await readFile(SOURCES, 'utf8')
  const field = (name: string): string | undefined => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1]
  const uri = field('URIs')
  const suite = field('Suites')
  if (uri === undefined || suite === undefined) throw new Error(`${SOURCES} names no mirror`)
  const keyring = field('Signed-By') ?? '/usr/share/keyrings/debian-archive-keyring.gpg'
  return `[signed-by=${keyring}] ${uri} ${suite} main`
}

async function complete(directory: string): Promise<boolean> {
  if (
    !(await stat(directory).then(
      (entry) => entry.isDirectory(),
      () => false,
    ))
  )
    return false
  const people = await readdir(directory)
  const counts = await Promise.all(people.map(async (person) => (await readdir(join(directory, person))).length))
  return counts.length === PEOPLE && counts.every((count) => count === PHOTOS)
}

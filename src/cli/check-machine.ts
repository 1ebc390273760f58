/**
 * The doctor's checks of the machine: Node, clock, disk, the compiled kernels.
 */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { open, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { broken, type Finding, fine } from './finding.ts'

const NODE_MAJOR_MIN = 24
/** No clock that is right shows less than the day this was written on. */
const CLOCK_MS_MIN = Date.UTC(2026, 10, 1)
const CLOCK_MS_MAX = Date.UTC(2100, 0, 1)
const FREE_BYTES_FAIL = 32 * 1024 * 1024
const FREE_BYTES_WARN = 512 * 1024 * 1024
const SYNC_MS_WARN = 100
const SYNC_ROUNDS = 9
/** From linux/magic.h: where these lie, nothing outlives a power cut, or SQLite's write-ahead log does not work. */
const VOLATILE_FILESYSTEMS = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
])
const REMOTE_FILESYSTEMS = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
])

/** Version and machine. */
export async function checkNode(): Promise<Finding> {
  const found = `Node ${process.versions.node} on ${process.platform}-${process.arch}`
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) return fine('node', found)
  return { check: 'node', state: 'fail', found, remedy: `Install Node ${NODE_MAJOR_MIN} or newer.` }
}

/** Plausible, and set by someone who knows. Receipts, sign-in and frames expire by it; votes never read it. */
export async function checkClock(nowMs: number = Date.now()): Promise<Finding> {
  const shown = new Date(nowMs).toISOString()
  if (nowMs < CLOCK_MS_MIN || nowMs > CLOCK_MS_MAX) {
    const remedy = 'Set the clock (sudo timedatectl set-ntp true), or fit a battery-backed clock.'
    return { check: 'clock', state: 'fail', found: `the clock says ${shown}, which cannot be`, remedy }
  }
  const synchronized = await isSynchronized()
  if (synchronized) return fine('clock', `${shown}, synchronized`)
  if (synchronized === false) {
    const rtc = existsSync('/sys/class/rtc/rtc0') ? 'a' : 'no'
    const found = `${shown}, not synchronized, ${rtc} battery-backed clock`
    return {
      check: 'clock',
      state: 'warn',
      found,
      remedy: 'Turn time synchronization on: sudo timedatectl set-ntp true.',
    }
  }
  return fine('clock', `${shown}; whether it is synchronized cannot be seen here`)
}

/** What systemd knows; null where it is not there to ask (a container, another init). */
async function isSynchronized(): Promise<boolean | null> {
  if (existsSync('/run/systemd/timesync/synchronized')) return true
  try {
    const ask = promisify(execFile)
    const { stdout } = await ask('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'], { timeout: 2_000 })
    return stdout.trim() === 'yes' ? true : stdout.trim() === 'no' ? false : null
  } catch {
    return null
  }
}

/** Room, kind and speed of the disk under the data directory: a vote leaves only when its record is on that disk. */
export async function checkDisk(dataDirectory: string): Promise<Finding> {
  const folder = nearestExisting(dataDirectory)
  const problem = (state: 'warn' | 'fail', found: string, remedy: string) => ({ check: 'disk', state, found, remedy })
  const { bavail, bsize, type } = await statfs(folder)
  const freeBytes = bavail * bsize
  const free = `${(freeBytes / 2 ** 30).toFixed(1)} GiB free at ${folder}`
  if (freeBytes < FREE_BYTES_FAIL)
    return problem('fail', free, 'Make room: without it nothing can be voted or settled.')
  let syncMs: number
  try {
    syncMs = await medianSyncMs(folder)
  } catch (cause) {
    return broken('disk', cause, `Make ${folder} writable for this user, or choose another place with --data DIR.`)
  }
  const found = `${free}, a synced write takes ${syncMs.toFixed(1)} ms`
  const remote = REMOTE_FILESYSTEMS.get(type)
  if (remote)
    return problem('fail', `${found}, on ${remote}`, 'Use a local disk: the store does not work over a network.')
  const lost = VOLATILE_FILESYSTEMS.get(type)
  if (lost)
    return problem(
      'warn',
      `${found}, on ${lost}`,
      'What lies there is gone after a restart: choose --data DIR on a disk.',
    )
  if (freeBytes < FREE_BYTES_WARN) return problem('warn', found, 'Make room soon.')
  if (syncMs > SYNC_MS_WARN)
    return problem('warn', found, 'Use a faster card or an SSD: every settlement waits for it.')
  return fine('disk', found)
}

function nearestExisting(path: string): string {
  let folder = path
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}

async function medianSyncMs(folder: string): Promise<number> {
  const path = join(folder, `.webx-doctor-${process.pid}`)
  const file = await open(path, 'wx', 0o600)
  try {
    const times: number[] = []
    for (let i = 0; i < SYNC_ROUNDS; i++) {
      const startMs = performance.now()
      await file.write(new Uint8Array(4_096).fill(i))
      await file.datasync()
      times.push(performance.now() - startMs)
    }
    return times.sort((a, b) => a - b)[SYNC_ROUNDS >> 1]!
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
}

/** The compiled kernels: there, right, and with SIMD where this processor has it. */
export async function checkKernels(): Promise<Finding> {
  try {
    await import('../drivers/wasm-files.ts')
    const { selfTest } = await import('../wasm/self-test.ts')
    const tested = selfTest()
    const scalar = tested.filter(({ build }) => build === 'scalar').map(({ kernel }) => kernel)
    const names = tested.map(({ kernel, build }) => `${kernel} ${build}`).join(', ')
    const { calibrateNodeSeal } = await import('../drivers/native-seal.ts')
    const { nativeFromBytes } = calibrateNodeSeal()
    const sealing = nativeFromBytes === null ? '' : `; node:crypto seals what has ${nativeFromBytes} bytes or more`
    if (scalar.length === 0) return fine('kernels', `${names}: self-test passed${sealing}`)
    const found = `${scalar.join(', ')} run without SIMD on this machine: right, but slower`
    return { check: 'kernels', state: 'warn', found, remedy: 'A 64-bit system on a newer processor has SIMD.' }
  } catch (thrown) {
    return broken('kernels', thrown, 'Run npm run build:wasm, or install webx again.')
  }
}

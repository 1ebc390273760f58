/**
 * Runs uvu over the files whose names match a pattern, and believes its answer only where it is one.
 *
 * uvu has no timeouts, exits 0 when no test ran or a `before` hook threw, and waits for ever on a server that a test left open. Here a run has
 * a deadline, must have run something, must have passed all of it, and must end soon after its last test.
 *
 *     node test/kit/run.ts '\.test\.ts$' [minutes [folder [lingerMs]]]
 */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const [pattern = '\\.test\\.ts$', minutes = '4', folder = 'test', lingerMs = '10000'] = process.argv.slice(2)
const root = fileURLToPath(new URL('../..', import.meta.url))

const color = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined
const uvu = fileURLToPath(new URL('../../node_modules/uvu/bin.js', import.meta.url))
const args = [uvu, folder, pattern, color ? '--color' : '--no-color']
// A group of its own, so that at the deadline everything it started ends with it.
const child = spawn(process.execPath, args, { cwd: root, detached: true, stdio: ['inherit', 'pipe', 'inherit'] })

let tail = ''
let verdict = ''
const deadline = setTimeout(() => stop(`still running after ${minutes} minutes`), Number(minutes) * 60_000)
let linger: NodeJS.Timeout | undefined

child.stdout.on('data', (chunk: Buffer) => {
  process.stdout.write(chunk)
  tail = (tail + chunk.toString()).slice(-4_096)
  if (linger === undefined && /Duration:/.test(tail)) {
    linger = setTimeout(() => stop('a test left a server, timer or child process open'), Number(lingerMs))
  }
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(`ended by ${signal}`))

child.on('close', (code) => {
  clearTimeout(deadline)
  clearTimeout(linger)
  verdict ||= judge(code)
  endGroup()
  if (verdict) process.stderr.write(`tests: ${verdict}\n`)
  process.exitCode = verdict ? 1 : 0
})

function stop(reason: string): void {
  verdict ||= reason
  endGroup()
}

/** Ends whatever a test started and left behind. */
function endGroup(): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** What is wrong with a run that ended by itself; '' where nothing is. */
function judge(code: number | null): string {
  const total = count('Total')
  if (total === null) return `ended with exit code ${code} before its summary`
  if (total === 0) return `no test ran (pattern ${pattern})`
  if (count('Passed') !== total) return `${total - (count('Passed') ?? 0)} of ${total} did not pass`
  if (count('Skipped') !== 0) return 'some were skipped: a test runs or is not there'
  return code === 0 ? '' : `exit code ${code}`
}

/** A number of uvu's summary; null where it is not there, or printed in a color of its own (as only skipped ones are). */
function count(name: string): number | null {
  const found = tail.match(new RegExp(`${name}:\\s+(\\d+)`))
  return found ? Number(found[1]) : null
}

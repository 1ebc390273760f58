/**
 * Runs uvu over the files whose names match a pattern, in as many processes as it is told, and believes its answer only where it is one.
 *
 * uvu has no timeouts, exits 0 when no test ran or a `before` hook threw, and waits for ever on a server that a test left open. Here a run has
 * a deadline, must have run something, must have passed all of it, and must end soon after its last test.
 *
 *     node test/kit/run.ts '\.test\.ts$' [minutes [folder [lingerMs [processes]]]]
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const [pattern = '\\.test\\.ts$', minutes = '4', folder = 'test', lingerMs = '10000', processes = '1'] =
  process.argv.slice(2)
const root = fileURLToPath(new URL('../..', import.meta.url))
const color = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined

/** So many files are named as the slowest ones. */
const SLOWEST_SHOWN = 30

/** What came of the files of one process. */
interface Result {
  readonly total: number
  readonly passed: number
  /** What is wrong with the run; '' where nothing is. */
  readonly verdict: string
}

const running = new Set<ChildProcess>()
let stopped = ''
const beganMs = performance.now()
const deadline = setTimeout(() => stop(`still running after ${minutes} minutes`), Number(minutes) * 60_000)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(`ended by ${signal}`))

const results = await Promise.all(shares().map((files, i) => run(files, i === 0)))
clearTimeout(deadline)
const total = results.reduce((sum, result) => sum + result.total, 0)
const passed = results.reduce((sum, result) => sum + result.passed, 0)
if (results.length > 1) {
  process.stdout.write(`\n  All processes\n  Total:     ${total}\n  Passed:    ${passed}\n`)
  process.stdout.write(`  Duration:  ${((performance.now() - beganMs) / 1000).toFixed(1)}s\n\n`)
}
const verdict = stopped || results.map((result) => result.verdict).find(Boolean)
if (verdict) process.stderr.write(`tests: ${verdict}\n`)
process.exitCode = verdict ? 1 : 0

/** The files of each process: every second, third … of all, so that neighbors, which are alike, are spread. */
function shares(): string[][] {
  const matching = new RegExp(pattern)
  const at = resolve(root, folder)
  const files = readdirSync(at, { recursive: true, encoding: 'utf8' })
    .filter((name) => matching.test(name) && !name.includes('node_modules'))
    .sort()
  const count = Math.max(1, Math.min(Number(processes), files.length))
  return Array.from({ length: count }, (_, i) =>
    files.filter((_name, at) => at % count === i).map((name) => resolve(at, name)),
  )
}

/** Runs some files in a process of their own; all but the first say what they have to say when they have ended. */
function run(files: readonly string[], isLoud: boolean): Promise<Result> {
  const script = fileURLToPath(new URL('./run-files.ts', import.meta.url))
  // hundreds of processes load the same sources
  const NODE_COMPILE_CACHE = join(root, 'node_modules/.cache/compiled')
  const env = { NODE_COMPILE_CACHE, ...process.env, FORCE_COLOR: color ? '1' : '0' }
  // A group of its own, so that at the deadline everything it started ends with it.
  const options = { cwd: root, env, detached: true, stdio: ['inherit', 'pipe', 'inherit'] as const }
  const child = spawn(process.execPath, [script, ...files], { ...options, stdio: [...options.stdio] })
  running.add(child)
  const { promise, resolve: done } = Promise.withResolvers<Result>()
  const clock = fileClock()
  let said = ''
  let lingers = ''
  let linger: NodeJS.Timeout | undefined
  child.stdout?.on('data', (chunk: Buffer) => {
    if (isLoud) process.stdout.write(chunk)
    said += chunk.toString()
    clock.hear(chunk.toString())
    if (linger === undefined && /Duration:/.test(said.slice(-4_096))) {
      linger = setTimeout(() => {
        lingers = 'a test left a server, timer or child process open'
        endGroup(child)
      }, Number(lingerMs))
    }
  })
  child.on('close', (code) => {
    clearTimeout(linger)
    running.delete(child)
    endGroup(child)
    if (!isLoud) process.stdout.write(said)
    if (files.length > 1) process.stdout.write(clock.slowest())
    const tail = said.slice(-4_096)
    done({
      total: count(tail, 'Total') ?? 0,
      passed: count(tail, 'Passed') ?? 0,
      verdict: lingers || judge(tail, code),
    })
  })
  return promise
}

/** How long each file takes, told by when its name is printed. */
function fileClock(): { hear(text: string): void; slowest(): string } {
  const tookMs = new Map<string, number>()
  let current = ''
  let fromMs = 0
  const hear = (text: string): void => {
    for (const [, name = ''] of text.matchAll(/^([\w-]+\/[\w.-]+\.ts)$|^ {2}Total:/gm)) {
      const nowMs = performance.now()
      if (current) tookMs.set(current, nowMs - fromMs)
      current = name
      fromMs = nowMs
    }
  }
  const slowest = (): string => {
    const files = [...tookMs].sort(([, a], [, b]) => b - a).slice(0, SLOWEST_SHOWN)
    return `  Slowest:   ${files.map(([name, ms]) => `${name} ${(ms / 1000).toFixed(1)} s`).join(', ')}\n`
  }
  return { hear, slowest }
}

function stop(reason: string): void {
  stopped ||= reason
  for (const child of running) endGroup(child)
}

/** Ends whatever a test started and left behind. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** What is wrong with files that ended by themselves; '' where nothing is. */
function judge(tail: string, code: number | null): string {
  const ran = count(tail, 'Total')
  if (ran === null) return `ended with exit code ${code} before its summary`
  if (ran === 0) return `no test ran (pattern ${pattern})`
  if (count(tail, 'Passed') !== ran) return `${ran - (count(tail, 'Passed') ?? 0)} of ${ran} did not pass`
  if (count(tail, 'Skipped') !== 0) return 'some were skipped: a test runs or is not there'
  return code === 0 ? '' : `exit code ${code}`
}

/** A number of uvu's summary; null where it is not there, or printed in a color of its own (as only skipped ones are). */
function count(tail: string, name: string): number | null {
  const found = tail.match(new RegExp(`${name}:\\s+(\\d+)`))
  return found ? Number(found[1]) : null
}

/**
 * Times several ways of doing one thing against each other, so that the ratios hold even where the machine is shared.
 *
 * All contenders run in one process, in rounds: each takes one sample a round, and another one begins each round, so that a slow minute of the
 * machine falls on all of them alike. Before that their answers are compared (whoever is wrong is not fast but wrong: it throws), and each is
 * warmed up and gets as many repetitions a sample as fill it. Before each sample young garbage is collected (not all of it, which would throw away compiled
 * code, too): nobody pays for what another left behind. The figure is the median over the rounds. One thread's work is timed by the clock
 * on the wall or, where that is less, by the process's processor time, so that what other processes take does not count (the thread's own
 * processor time would be better still, but the system tells it in steps of milliseconds); parallel work is timed by the clock alone.
 */

import { isDeepStrictEqual } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** One way of doing the thing. */
export interface Contender {
  readonly name: string
  /** Does it once. Its result is kept alive but not looked at. */
  readonly run: () => unknown
  /** What doing it yields, in the one form in which all contenders' answers are compared. */
  readonly answer: () => unknown
  /** What its answer is to be where it is not the first contender's: for one that does something else by design. */
  readonly expected?: unknown
}

/** How to time. */
export interface RaceOptions {
  /** Fewer rounds and shorter samples. */
  readonly quick: boolean
  /** The runs work in several threads or answer promises: they are awaited, and timed by the clock on the wall. */
  readonly parallel?: boolean
  /** When two answers are the same (default: deeply equal). */
  readonly same?: (answer: unknown, expected: unknown) => boolean
}

/** Runs per second of every contender, the median over the rounds, by name. */
export type Rates = ReadonlyMap<string, number>

interface Plan {
  readonly rounds: number
  readonly sampleMs: number
  readonly warmUpMs: number
}

const THOROUGH: Plan = { rounds: 15, sampleMs: 10, warmUpMs: 120 }
const QUICK: Plan = { rounds: 5, sampleMs: 6, warmUpMs: 80 }

let kept: unknown
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as (options: { type: 'minor' }) => void

/** Compares the contenders' answers, then their speed. The first one is the reference of the answers. */
export async function race(contenders: readonly Contender[], options: RaceOptions): Promise<Rates> {
  await agree(contenders, options.same ?? isDeepStrictEqual)
  const plan = options.quick ? QUICK : THOROUGH
  const timers = contenders.map(({ run }): Timer => {
    if (options.parallel === true) return (count) => timeAwaited(run, count)
    const loop = ownLoop(run)
    return (count) => timeAlone(loop, count)
  })
  const repetitions: number[] = []
  for (const time of timers) repetitions.push(await warmUp(time, plan))
  const samples = contenders.map((): number[] => [])
  for (let round = 0; round < plan.rounds; round++) {
    for (const turn of contenders.keys()) {
      const i = (round + turn) % contenders.length
      const count = repetitions[i]!
      collectGarbage({ type: 'minor' })
      samples[i]!.push((1000 * count) / (await timers[i]!(count)))
    }
  }
  return new Map(contenders.map(({ name }, i) => [name, median(samples[i]!)]))
}

/** Throws an Error that names the first contender whose answer is not what it is to be. */
export async function agree(
  contenders: readonly Contender[],
  same: (answer: unknown, expected: unknown) => boolean = isDeepStrictEqual,
): Promise<void> {
  const [first] = contenders
  if (first === undefined) throw new RangeError('contenders: expected at least one')
  const reference = first.expected ?? (await first.answer())
  for (const { name, answer, expected = reference } of contenders) {
    const given = await answer()
    if (!same(given, expected)) throw new Error(`${name} answers ${show(given)}, expected ${show(expected)}`)
  }
}

/** The middle of the values, the mean of the two middle ones where there are two. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('values: expected at least one')
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** How many repetitions fill a sample, where `count` of them took `spentMs`: at least one. */
export function repetitionsFor(sampleMs: number, count: number, spentMs: number): number {
  return Math.max(1, Math.round((count * sampleMs) / Math.max(spentMs, 1e-3)))
}

/** Milliseconds that so many runs take. */
type Timer = (count: number) => number | Promise<number>

/** Runs it until it is warm and answers how often it fits into a sample. */
async function warmUp(time: Timer, plan: Plan): Promise<number> {
  let count = 1
  let spentMs = 0
  let lastMs = await time(count)
  for (spentMs = lastMs; spentMs < plan.warmUpMs; spentMs += lastMs) {
    count = Math.min(repetitionsFor(plan.sampleMs, count, lastMs), 8 * count)
    lastMs = await time(count)
  }
  return repetitionsFor(plan.sampleMs, count, lastMs)
}

/**
 * A call whose code is its own. Engines remember by place in the source what a call has met there: contenders that are called from one place
 * would keep each other from being compiled as their users' code is.
 */
export function ownCall<A extends unknown[]>(call: (...args: A) => unknown, ...args: A): () => unknown {
  const names = args.map((_, i) => `a${i}`).join()
  return new Function('call', ...args.map((_, i) => `a${i}`), `return () => call(${names})`)(call, ...args)
}

/** Runs it so many times and returns the last result; with code of its own. */
function ownLoop(run: () => unknown): (count: number) => unknown {
  return new Function(
    'run',
    'return (count) => { let kept; for (let i = 0; i < count; i++) kept = run(); return kept }',
  )(run)
}

/** Milliseconds by the clock, or of the processor where that is less: where others held it meanwhile. */
function timeAlone(loop: (count: number) => unknown, count: number): number {
  const startMs = performance.now()
  const start = process.cpuUsage()
  kept = loop(count)
  const { user, system } = process.cpuUsage(start)
  return Math.min(performance.now() - startMs, Math.max(user + system, 1) / 1000)
}

async function timeAwaited(run: () => unknown, count: number): Promise<number> {
  const startMs = performance.now()
  for (let i = 0; i < count; i++) kept = await run()
  return performance.now() - startMs
}

function show(answer: unknown): string {
  const text = typeof answer === 'string' ? answer : (JSON.stringify(answer) ?? String(answer))
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}

/** Whether anything has been kept: reading it is what forbids the engine to leave the runs out. */
export function isKept(): boolean {
  return kept !== undefined
}

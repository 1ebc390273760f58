/**
 * A campaign: the corpus first, then one seed twice, then the mutants, then as many seeds as the time allows, on all cores.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { judgeMutant, rememberCatches, staleMutants, type Verdict } from './gate.ts'
import { MUTANTS } from './mutants.ts'
import { Worker } from './pool.ts'
import type { Result } from './run.ts'

const CORPUS = new URL('./corpus.json', import.meta.url)
const SEED_MS_MAX = 120_000
/** Share of the time for seeds that goes to the large committee. */
const LARGE_SHARE = 0.2
const LARGE_MIN = 64
const CHUNK = 8

/** A seed to be remembered. */
export interface Kept {
  readonly seed: number
  readonly n: number
  readonly why: string
}

export interface Plan {
  readonly minutes: number
  /** First seed of each committee size. */
  readonly seed: number
  /** Sizes of committees. */
  readonly sizes: readonly number[]
  readonly mutants: boolean
  readonly cores: number
  readonly say: (line: string) => void
}

export interface Report {
  readonly seeds: Readonly<Record<string, number>>
  readonly virtualSeconds: number
  readonly events: number
  readonly settled: number
  /** The longest time from the end of all faults until everything was final. */
  readonly healedMsMax: number
  readonly violations: readonly { seed: number; n: number; oracle: string; what: string; replay: string }[]
  readonly mutants: readonly Verdict[]
  readonly staleMutants: readonly string[]
  readonly traceCheck: { seed: number; hashOne: string; hashTwo: string }
  readonly seconds: number
}

/** What a report must say for the campaign to have passed. */
export function hasPassed({ violations, mutants, staleMutants: stale, traceCheck }: Report): boolean {
  const sameTrace = traceCheck.hashOne !== '' && traceCheck.hashOne === traceCheck.hashTwo
  return violations.length === 0 && stale.length === 0 && sameTrace && mutants.every(({ caught }) => caught)
}

/** Seeds that once broke something, or are worth seeing each time. */
export function readCorpus(file: string | URL = CORPUS): Kept[] {
  return JSON.parse(readFileSync(file, 'utf8')) as Kept[]
}

export async function runCampaign(plan: Plan): Promise<Report> {
  const beganMs = performance.now()
  const endMs = beganMs + plan.minutes * 60_000
  const campaign = new Campaign(plan)
  try {
    await campaign.replay(readCorpus())
    const traceCheck = await campaign.checkTrace(plan.sizes[0] as number)
    const stale = plan.mutants ? staleMutants() : []
    const mutants = plan.mutants && stale.length === 0 ? await campaign.judgeMutants() : []
    await campaign.search(endMs)
    const seconds = Math.round((performance.now() - beganMs) / 1000)
    return { ...campaign.sums(), mutants, staleMutants: stale, traceCheck, seconds }
  } finally {
    campaign.stop()
  }
}

class Campaign {
  readonly #plan: Plan
  readonly #workers: Worker[]
  readonly #seeds: Record<string, number> = {}
  readonly #violations: Report['violations'][number][] = []
  #virtualMs = 0
  #events = 0
  #settled = 0
  #healedMsMax = 0

  constructor(plan: Plan) {
    this.#plan = plan
    this.#workers = Array.from({ length: plan.cores }, () => new Worker())
    for (const n of plan.sizes) this.#seeds[`n${n}`] = 0
  }

  async replay(corpus: readonly Kept[]): Promise<void> {
    const left = [...corpus]
    await this.#onAllCores(async (worker) => {
      for (let next = left.shift(); next; next = left.shift()) await this.#runSeeds(worker, next.n, next.seed, 1)
    })
  }

  /** The same seed twice, in two processes. */
  async checkTrace(n: number): Promise<Report['traceCheck']> {
    const { seed } = this.#plan
    const hashes = ['', '']
    const pair = [new Worker(), new Worker()]
    await Promise.all(
      pair.map(async (worker, i) => {
        const done = await worker.run({ n, from: seed, count: 1, stopsAtViolation: false }, SEED_MS_MAX)
        hashes[i] = done?.results[0]?.hash ?? ''
        worker.stop()
      }),
    )
    return { seed, hashOne: hashes[0] as string, hashTwo: hashes[1] as string }
  }

  async judgeMutants(): Promise<Verdict[]> {
    const left = [...MUTANTS]
    const verdicts: Verdict[] = []
    await this.#onAllCores(async () => {
      for (let next = left.shift(); next; next = left.shift()) {
        const verdict = await judgeMutant(next)
        verdicts.push(verdict)
        const { name, caught, seed, oracle, ms } = verdict
        this.#plan.say(caught ? `caught: ${name} (seed ${seed}, ${oracle}, ${ms} ms)` : `NOT CAUGHT: ${name}`)
      }
    })
    rememberCatches(verdicts)
    return verdicts
  }

  /** As many seeds as the time allows: the large committees first, and at least so many of them. */
  async search(endMs: number): Promise<void> {
    const [small, ...large] = [...this.#plan.sizes].sort((a, b) => a - b) as [number, ...number[]]
    const largeUntilMs = performance.now() + LARGE_SHARE * Math.max(0, endMs - performance.now())
    for (const n of large) {
      const mayEnd = (count: number) => count >= LARGE_MIN && performance.now() >= largeUntilMs
      await this.#searchSize(n, 1, (count) => mayEnd(count) || performance.now() >= endMs)
    }
    await this.#searchSize(small, CHUNK, () => performance.now() >= endMs)
  }

  sums(): Pick<Report, 'seeds' | 'virtualSeconds' | 'events' | 'settled' | 'healedMsMax' | 'violations'> {
    return {
      seeds: this.#seeds,
      virtualSeconds: Math.round(this.#virtualMs / 1000),
      events: this.#events,
      settled: this.#settled,
      healedMsMax: this.#healedMsMax,
      violations: this.#violations,
    }
  }

  stop(): void {
    for (const worker of this.#workers) worker.stop()
  }

  async #searchSize(n: number, chunk: number, isOver: (count: number) => boolean): Promise<void> {
    let next = this.#plan.seed
    await this.#onAllCores(async (worker) => {
      while (!isOver(this.#seeds[`n${n}`] ?? 0)) {
        const from = next
        next += chunk
        await this.#runSeeds(worker, n, from, chunk)
        const count = this.#seeds[`n${n}`] as number
        if (count % (32 * chunk) < chunk)
          this.#plan.say(`n = ${n}: ${count} seeds, ${this.#violations.length} violations`)
      }
    })
  }

  async #runSeeds(worker: Worker, n: number, from: number, count: number): Promise<void> {
    try {
      const done = await worker.run({ n, from, count, stopsAtViolation: false }, SEED_MS_MAX * count)
      if (done) for (const result of done.results) this.#take(result)
      else this.#blame(n, from, 'comes to an end', `seeds ${from} to ${from + count - 1}: no answer`)
    } catch (error) {
      this.#blame(n, from, 'stays up', (error as Error).message)
    }
  }

  #take({ n, seed, events, virtualMs, settled, healedMs, violations }: Result): void {
    this.#seeds[`n${n}`] = (this.#seeds[`n${n}`] ?? 0) + 1
    this.#events += events
    this.#virtualMs += virtualMs
    this.#settled += settled
    this.#healedMsMax = Math.max(this.#healedMsMax, healedMs ?? 0)
    for (const { oracle, what } of violations) this.#blame(n, seed, oracle, what)
  }

  #blame(n: number, seed: number, oracle: string, what: string): void {
    const replay = `npm run sim -- --seed ${seed} --n ${n}`
    this.#violations.push({ seed, n, oracle, what, replay })
    this.#plan.say(`VIOLATION of "${oracle}": ${what}\n  ${replay}`)
    remember({ seed, n, why: `${oracle}: ${what.split('\n')[0]}` })
  }

  async #onAllCores(work: (worker: Worker) => Promise<void>): Promise<void> {
    await Promise.all(this.#workers.map(work))
  }
}

/** Keeps a seed for every later campaign. */
function remember(kept: Kept): void {
  const corpus = readCorpus()
  if (corpus.some(({ seed, n }) => seed === kept.seed && n === kept.n)) return
  const lines = [...corpus, kept].map((one) => `  ${JSON.stringify(one)}`)
  writeFileSync(CORPUS, `[\n${lines.join(',\n')}\n]\n`)
}

/** A process that runs seeds for the campaign, one job after the other: `main.ts` forks one for each core, and one with a mutant's patches for each mutant. */

import './knobs.ts'
import '../kit/wasm.ts'
import { type Lane, laneOf } from './config.ts'
import { type Result, runSeed } from './run.ts'

/** Seeds to be run; with `stopsAtViolation` no further than the first that breaks something. */
export interface Job {
  readonly n: number
  readonly from: number
  readonly count: number
  readonly stopsAtViolation: boolean
  /** Seeds of other lanes are left out, and not counted. */
  readonly lane?: Lane
}

/** What came of a job. */
export interface Done {
  readonly results: readonly Result[]
  readonly residentBytes: number
}

process.on('message', ({ n, from, count, stopsAtViolation, lane }: Job) => {
  const results: Result[] = []
  for (let seed = from; results.length < count; seed++) {
    if (lane && laneOf(n, seed) !== lane) continue
    const result = runSeed(n, seed)
    results.push(result)
    if (stopsAtViolation && result.violations.length > 0) break
  }
  process.send?.({ results, residentBytes: process.memoryUsage.rss() } satisfies Done)
})

/** The mutation gate: every mutant in a process of its own, until a seed shows it. */

import { readFileSync } from 'node:fs'
import { MUTANTS, type Mutant, patched } from './mutants.ts'
import { Worker } from './pool.ts'

const TOP = new URL('../../', import.meta.url)
const CHUNK = 4
const CHUNK_MS_MAX = 120_000

/** What became of a mutant. */
export interface Verdict {
  readonly name: string
  readonly caught: boolean
  readonly n: number
  /** The seed that showed it, and who saw it; null where none did. */
  readonly seed: number | null
  readonly oracle: string | null
  readonly what: string | null
  readonly ms: number
}

/** Why mutants are stale: one line for each. Found before anything runs. */
export function staleMutants(mutants: readonly Mutant[] = MUTANTS): string[] {
  return mutants.flatMap(({ name, patches }) => {
    try {
      const texts = new Map<string, string>()
      for (const patch of patches) {
        const text = texts.get(patch.file) ?? readFileSync(new URL(patch.file, TOP), 'utf8')
        texts.set(patch.file, patched(text, patch))
      }
      return []
    } catch (error) {
      return [`${name}: ${(error as Error).message}`]
    }
  })
}

/** Runs a mutant until it is caught or its seeds are used up. One that comes to no end, or whose process dies, is caught as well. */
export async function judgeMutant({ name, seedsMax, lane }: Mutant, n = 4): Promise<Verdict> {
  const worker = new Worker(name)
  const beganMs = performance.now()
  const verdict = (seed: number | null, oracle: string | null, what: string | null): Verdict => {
    worker.stop()
    return { name, caught: oracle !== null, n, seed, oracle, what, ms: Math.round(performance.now() - beganMs) }
  }
  try {
    let from = 1
    for (let left = seedsMax; left > 0; left -= CHUNK) {
      const job = { n, from, count: Math.min(CHUNK, left), stopsAtViolation: true, lane }
      const done = await worker.run(job, CHUNK_MS_MAX)
      const last = done?.results.at(-1)
      if (!last) return verdict(from, 'comes to an end', `no answer within ${CHUNK_MS_MAX} ms`)
      const [violation] = last.violations
      if (violation) return verdict(last.seed, violation.oracle, violation.what)
      from = last.seed + 1
    }
    return verdict(null, null, null)
  } catch (error) {
    return verdict(null, 'stays up', (error as Error).message)
  }
}

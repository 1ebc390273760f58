/** The mutation gate: every mutant in a process of its own, until a seed shows it. */

import { readFileSync } from 'node:fs'
import { MUTANTS, type Mutant, patched } from './mutants.ts'
import { Worker } from './pool.ts'

const TOP = new URL('../../', import.meta.url)
const PATIENCE_MS = 180_000

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
export async function judgeMutant({ name, seedsMax }: Mutant, n = 4): Promise<Verdict> {
  const worker = new Worker(name)
  const beganMs = performance.now()
  const verdict = (seed: number | null, oracle: string | null, what: string | null): Verdict => {
    worker.stop()
    return { name, caught: oracle !== null, n, seed, oracle, what, ms: Math.round(performance.now() - beganMs) }
  }
  try {
    const done = await worker.run({ n, from: 1, count: seedsMax, stopsAtViolation: true }, PATIENCE_MS)
    const last = done?.results.at(-1)
    if (!last) return verdict(null, 'comes to an end', `no answer within ${PATIENCE_MS} ms`)
    const [violation] = last.violations
    return verdict(violation ? last.seed : null, violation?.oracle ?? null, violation?.what ?? null)
  } catch (error) {
    return verdict(null, 'stays up', (error as Error).message)
  }
}

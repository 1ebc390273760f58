/** The mutation gate: every mutant in a process of its own, until a seed shows it. */

import { readFileSync, writeFileSync } from 'node:fs'
import { MUTANTS, type Mutant, patched } from './mutants.ts'
import { Worker } from './pool.ts'
import type { Done } from './worker.ts'

const TOP = new URL('../../', import.meta.url)
/** Seeds that caught a mutant the last time, by its name: they are tried first. */
const CATCHES = new URL('./catches.json', import.meta.url)
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

/** A mutant that is no program proves nothing. */
const NONSENSE = /ReferenceError|SyntaxError/

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

/**
 * Runs a mutant until it is caught or its seeds are used up. One whose process dies is caught as well. Rejects where there is no answer in time: that says of a slow machine and of a mutant that comes
 * to no end the same, and so nothing of either.
 */
export async function judgeMutant(
  { name, seedsMax, lane }: Mutant,
  n = 4,
  chunkMsMax = CHUNK_MS_MAX,
): Promise<Verdict> {
  const worker = new Worker(name)
  const beganMs = performance.now()
  const verdict = (seed: number | null, oracle: string | null, what: string | null): Verdict => {
    worker.stop()
    return { name, caught: oracle !== null, n, seed, oracle, what, ms: Math.round(performance.now() - beganMs) }
  }
  const remembered = readCatches()[name]
  let job = { n, from: remembered ?? 1, count: remembered ? 1 : CHUNK, stopsAtViolation: true, lane }
  let isFirst = true
  for (let left = seedsMax; left > 0; left -= job.count) {
    let done: Done | null
    try {
      done = await worker.run(job, chunkMsMax)
    } catch (error) {
      return verdict(null, 'stays up', (error as Error).message)
    }
    const last = done?.results.at(-1)
    if (!last) throw new Error(`mutant "${name}": no answer for seeds from ${job.from} on within ${chunkMsMax} ms`)
    const [violation] = last.violations
    if (violation && NONSENSE.test(violation.what)) return verdict(null, null, `makes no sense: ${violation.what}`)
    if (violation) return verdict(last.seed, violation.oracle, violation.what)
    // the remembered seed may also be the last of a later chunk, where the search goes on
    job = { ...job, from: isFirst && remembered ? 1 : last.seed + 1, count: CHUNK }
    isFirst = false
  }
  return verdict(null, null, null)
}

function readCatches(): Record<string, number> {
  return JSON.parse(readFileSync(CATCHES, 'utf8')) as Record<string, number>
}

/** Keeps which seeds caught what, for the next time. */
export function rememberCatches(verdicts: readonly Verdict[]): void {
  const known = readCatches()
  const found = verdicts.flatMap(({ name, seed }) => (seed === null ? [] : [[name, seed] as const]))
  const next = { ...known, ...Object.fromEntries(found) }
  if (JSON.stringify(next) !== JSON.stringify(known)) writeFileSync(CATCHES, `${JSON.stringify(next, null, 2)}\n`)
}

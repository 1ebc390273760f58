/**
 * All vectors of all kernels, for any engine that runs WebAssembly: nothing here or below imports anything of Node.
 * The kernels must have been handed to `wasm/load.ts` before.
 *
 * What is asked is the same on every target to the last bit, and so must be what is answered: besides checking each
 * answer, every part leaves a digest over all of them, to be held against `test/vectors/targets.json`.
 */

import type { HashThreads } from '../../../src/drivers/hash-pool.ts'
import type { Build } from '../../../src/wasm/load.ts'
import { selfTest } from '../../../src/wasm/self-test.ts'
import { bitmapVectors } from './bitmap.ts'
import { codecVectors } from './codec.ts'
import { groupVectors } from './group.ts'
import { hashVectors } from './hash.ts'
import { type Extent, Ledger } from './ledger.ts'
import { matchVectors } from './match.ts'
import { sealVectors } from './seal.ts'
import { tallyVectors } from './tally.ts'
import { threadVectors } from './threads.ts'
import { verifyVectors } from './verify.ts'

/** What a target answered. */
export interface TargetReport {
  readonly build: Build
  /** Threads that hashed together; 0 where none were lent or memory cannot be shared. */
  readonly threads: number
  readonly passed: number
  /** Each says which case, what came and what was expected. */
  readonly failed: readonly string[]
  /** A digest over all answers, for each part. */
  readonly digests: Readonly<Record<string, string>>
  /** Milliseconds each part took. */
  readonly tookMs: Readonly<Record<string, number>>
}

/** Asks one build of the kernels everything. A part that throws is a failed case, and the others go on. */
export async function runVectors(build: Build, extent: Extent, lent?: HashThreads): Promise<TargetReport> {
  const report = { build, threads: 0, passed: 0, failed: [] as string[], digests: {}, tookMs: {} }
  const parts: Record<string, (ledger: Ledger) => void | Promise<void>> = {
    selfTest: (ledger) => {
      for (const { kernel, ok } of selfTest(build)) ledger.answer(kernel, ok, true)
    },
    hash: (ledger) => hashVectors(ledger, build, extent),
    threads: async (ledger) => {
      report.threads = await threadVectors(ledger, build, extent, lent)
    },
    seal: (ledger) => sealVectors(ledger, build, extent),
    verify: (ledger) => verifyVectors(ledger, build, extent),
    group: (ledger) => groupVectors(ledger, build, extent),
    tally: (ledger) => tallyVectors(ledger, build, extent),
    bitmap: (ledger) => bitmapVectors(ledger, build, extent),
    match: (ledger) => matchVectors(ledger, build, extent),
    codec: (ledger) => codecVectors(ledger, extent),
  }
  for (const [name, ask] of Object.entries(parts)) {
    const ledger = new Ledger(name)
    const startMs = performance.now()
    try {
      await ask(ledger)
    } catch (error) {
      ledger.broken(error)
    }
    report.passed += ledger.passed
    report.failed.push(...ledger.failed)
    Object.assign(report.digests, { [name]: ledger.digest() })
    Object.assign(report.tookMs, { [name]: Math.round(performance.now() - startMs) })
  }
  return report
}

/**
 * What random and hostile runnables come to in this process, whatever flags it was started with: a line of JSON, one short digest for each module, to be held against
 * that of a process with other flags.
 *
 *     node [--liftoff-only | --no-liftoff] test/kit/dsr-tier.ts COUNT
 */

import { createHash } from 'node:crypto'
import { WebxError } from '../../src/core/errors.ts'
import { encodeRequest } from '../../src/data/dsr-abi.ts'
import { execute, outcomeDigest, prepareRunnable, runRunnable } from '../../src/data/dsr-run.ts'
import { provideFromFiles } from '../../src/drivers/wasm-files.ts'
import { hostileModules } from './dsr-hostile.ts'
import { randomModule } from './dsr-random.ts'

/** What a process prints. */
export interface TierReport {
  /** One for each module, the random ones first. */
  readonly digests: readonly string[]
  /** How many ended in which way. */
  readonly counts: Readonly<Record<string, number>>
}

const FUEL = 200_000

provideFromFiles()
const request = encodeRequest({
  hook: 'access',
  nowMs: 1_800_000_000_000,
  requester: new Uint8Array(32).fill(7),
  purpose: 'care',
  operation: 1,
  from: 0,
  to: 4_096,
  params: Uint8Array.of(1, 2, 3),
  fields: [{ key: Uint8Array.of(110), value: new Uint8Array(40).fill(9) }],
})
const counts: Record<string, number> = {}
const random = Array.from({ length: Number(process.argv[2] ?? 0) }, (_, seed) => randomModule(seed))
const modules = [...random, ...hostileModules().map(({ bytes }) => bytes)]
const report: TierReport = { digests: modules.map(judge), counts }
process.stdout.write(`${JSON.stringify(report)}\n`)

function judge(bytes: Uint8Array): string {
  const sum = createHash('sha256')
  try {
    const runnable = prepareRunnable(bytes)
    const outcome = runRunnable(runnable, request, FUEL)
    const { answer, fuelLeft, memory } = execute(runnable, request, FUEL)
    count(outcome.failure === 'none' ? outcome.verdict.kind : outcome.failure)
    sum
      .update(outcomeDigest(runnable, request, FUEL, outcome))
      .update(`${answer} ${fuelLeft}`)
      .update(memory)
  } catch (error) {
    if (!(error instanceof WebxError)) throw error
    count(error.code)
    sum.update(`${error.code} ${error.message}`)
  }
  return sum.digest('hex').slice(0, 16)
}

function count(what: string): void {
  counts[what] = (counts[what] ?? 0) + 1
}

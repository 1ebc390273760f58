/** Three tiers of the engine come to the same end: verdict, fuel and memory of random and hostile runnables, in a process each. */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { TierReport } from '../kit/dsr-tier.ts'
import { within } from '../kit/within.ts'

const test = suite('data/dsr: tiers')
const RANDOM = 1_000
const SCRIPT = fileURLToPath(new URL('../kit/dsr-tier.ts', import.meta.url))

test('liftoff, turbofan and both together agree on every module', async () => {
  const usual = await reportOf([])
  const baseline = await reportOf(['--liftoff-only'])
  const optimized = await reportOf(['--no-liftoff'])
  assert.ok(usual.digests.length >= RANDOM + 50)
  assert.equal(differing(usual, baseline), [])
  assert.equal(differing(usual, optimized), [])
  assert.equal(baseline.counts, usual.counts)
  for (const [what, least] of Object.entries({ allow: 50, deny: 50, 'out-of-fuel': 30, 'runnable-failed': 100 })) {
    assert.ok((usual.counts[what] ?? 0) >= least, `only ${usual.counts[what]} came to ${what}`)
  }
})

test.run()

/** Places of the modules that came to different ends. */
function differing(a: TierReport, b: TierReport): number[] {
  return a.digests.flatMap((digest, i) => (digest === b.digests[i] ? [] : [i]))
}

async function reportOf(flags: readonly string[]): Promise<TierReport> {
  const child = spawn(process.execPath, [...flags, SCRIPT, String(RANDOM)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  try {
    assert.is(await within(60_000, ended, `a process with ${flags.join(' ') || 'no flags'}`), 0)
  } finally {
    child.kill('SIGKILL')
  }
  return JSON.parse(Buffer.concat(chunks).toString()) as TierReport
}

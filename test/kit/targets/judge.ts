/** Judges what targets answered, and makes the bundle that they run. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Build } from '../../../src/wasm/load.ts'
import { ROOT } from '../source.ts'
import type { Extent } from './ledger.ts'
import type { TargetReport } from './run.ts'

/** Where the kernels are. */
export const KERNEL_FOLDER = join(ROOT, 'build')
/** Of all answers, for each extent and part: the same on every target and build. */
export type GoldenDigests = Readonly<Record<Extent, Readonly<Record<string, string>>>>

const BUILDS: readonly Build[] = ['scalar', 'simd']
const FAILURES_SHOWN = 10

/** Bundles the vectors into one module for any engine. */
export async function bundleVectors(outfile: string): Promise<void> {
  const entry = join(ROOT, 'test/kit/targets/entry.ts')
  await build({ entryPoints: [entry], outfile, bundle: true, format: 'esm', platform: 'browser', logLevel: 'error' })
}

/**
 * What is wrong with these reports: wrong answers, too few cases, builds that were not asked, and bits that are not
 * those of the golden digests. Nothing where a target is as good as any other.
 */
export function complaints(reports: readonly TargetReport[], extent: Extent, casesMin: number): string[] {
  const file = new URL('../../vectors/targets.json', import.meta.url)
  const golden = (JSON.parse(readFileSync(file, 'utf8')) as GoldenDigests)[extent]
  const missing = BUILDS.filter((build) => !reports.some((report) => report.build === build))
  return [
    ...missing.map((build) => `${build}: was not asked`),
    ...reports.flatMap(({ build, passed, failed, digests }) => {
      const others = Object.keys({ ...golden, ...digests }).filter((part) => digests[part] !== golden[part])
      return [
        ...failed.slice(0, FAILURES_SHOWN).map((failure) => `${build}: ${failure}`),
        ...(failed.length > 0 ? [`${build}: ${failed.length} cases failed`] : []),
        ...(passed < casesMin ? [`${build}: only ${passed} cases, expected ${casesMin}`] : []),
        ...others.map((part) => `${build}: ${part}: other answers than the golden ones`),
      ]
    }),
  ]
}

/** A line that says what was run, for the log. */
export function summary(target: string, reports: readonly TargetReport[]): string {
  const builds = reports.map(({ build, passed, tookMs }) => {
    const seconds = Object.values(tookMs).reduce((sum, ms) => sum + ms, 0) / 1000
    return `${build} ${passed} cases in ${seconds.toFixed(1)} s`
  })
  return `${target}: ${builds.join(', ')}\n`
}

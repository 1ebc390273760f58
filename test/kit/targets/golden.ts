/**
 * Writes the digests over all answers to the vectors, as JSON:
 *
 *     node test/kit/targets/golden.ts > test/vectors/targets.json
 *
 * Only where what is asked was changed on purpose; the tests of the targets fail until then. Fails where an answer is
 * wrong by itself or the builds differ.
 */

import '../../../src/drivers/wasm-files.ts'
import type { Extent } from './ledger.ts'
import { runVectors } from './run.ts'

const extents: readonly Extent[] = ['quick', 'all']
const digests: Record<string, unknown> = {}
for (const extent of extents) {
  const reports = [await runVectors('scalar', extent), await runVectors('simd', extent)]
  const [scalar, simd] = reports.map((report) => JSON.stringify(report.digests))
  const failed = reports.flatMap((report) => report.failed)
  if (failed.length > 0 || scalar !== simd) {
    process.stderr.write(`${extent}: ${failed.slice(0, 10).join('\n')}\n${scalar}\n${simd}\n`)
    process.exit(1)
  }
  digests[extent] = reports[0]?.digests
}
process.stdout.write(`${JSON.stringify(digests, null, 2)}\n`)

/**
 * One size of the network suite in a process of its own: `node network-child.ts NODES` prints its figures as JSON.
 *
 * So that memory is that of one net alone, and so that the simulator's limits, which lay out small tables for votes that are open, stay in here.
 */

import '../../test/sim/knobs.ts'
import '../../src/drivers/wasm-files.ts'
import { runLog } from './network-log.ts'
import type { SizeFigures } from './network-model.ts'
import { runTown } from './network-run.ts'
import { townOf } from './network-town.ts'

const nodes = Number(process.argv[2])
const sinceMs = performance.now()
const say = (line: string): void => {
  process.stderr.write(`network: ${nodes}: ${line} (${Math.round((performance.now() - sinceMs) / 1000)} s)\n`)
}
const town = townOf(nodes)
const members = town.map(({ stage }) => stage.people.length)
const figures: SizeFigures = { log: runLog(members), town: runTown(town, undefined, say) }
process.stdout.write(JSON.stringify(figures))

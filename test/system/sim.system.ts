/** The simulator, for a minute and a half, four members: known bad seeds, every mutant of the protocol, and as many new seeds as fit. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../kit/source.ts'

interface Report {
  readonly seeds: { readonly n4: number }
  readonly violations: readonly unknown[]
  readonly mutants: readonly { readonly name: string; readonly caught: boolean }[]
  readonly traceCheck: { readonly hashOne: string; readonly hashTwo: string }
}

const test = suite('simulator')

test('finds no violation, catches every mutant, and runs the same way twice', async () => {
  const child = spawn(process.execPath, ['test/sim/main.ts', '--minutes', '1.5', '--n', '4', '--json'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const parts: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => parts.push(part))
  const [code] = (await once(child, 'close')) as [number]
  const report = JSON.parse(Buffer.concat(parts).toString()) as Report
  console.log(`${report.seeds.n4} seeds, ${report.mutants.length} mutants`)
  assert.equal(report.violations, [])
  assert.equal(
    report.mutants.filter(({ caught }) => !caught).map(({ name }) => name),
    [],
  )
  assert.ok(report.mutants.length >= 20)
  assert.is(report.traceCheck.hashOne, report.traceCheck.hashTwo)
  assert.is(code, 0)
})

test.run()

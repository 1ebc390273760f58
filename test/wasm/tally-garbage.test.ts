/** Five million votes and more, with an event for every second one, and not one collection of garbage; in a process of its own. */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { within } from '../kit/within.ts'

const test = suite('wasm/tally: garbage')
const script = fileURLToPath(new URL('../kit/tally-votes.ts', import.meta.url))

/** Collections of garbage while the votes are counted; the young generation holds 1 MiB, a fifth of a byte for each vote. */
async function collections(way: string): Promise<number> {
  const options = ['--expose-gc', '--trace-gc', '--max-semi-space-size=1', script, way]
  const { stdout } = await within(30_000, promisify(execFile)(process.execPath, options))
  const [, counting = ''] = stdout.match(/^begin\n([\s\S]*)^end\n/m) ?? assert.unreachable(`no end: ${stdout}`) ?? []
  return counting.split('\n').filter((line) => /Scavenge|Mark-Compact/.test(line)).length
}

test('events into an array: none', async () => assert.is(await collections('into'), 0))

test('a list of events: some, so that this would be seen', async () => {
  assert.ok((await collections('list')) > 5)
})

test.run()

/** The runner of these tests, on files made for it: what uvu would let pass must fail. */

import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from './kit/source.ts'
import { tempForProcess } from './kit/temp.ts'
import { within } from './kit/within.ts'

const runner = suite('runner')
const TEMP = tempForProcess()
const UVU = new URL('../node_modules/uvu/dist/index.mjs', import.meta.url).href
const HEAD = `import { suite } from '${UVU}'\nconst a = suite('a')\n`
const PASSES = "a('passes', () => {})\n"

/** Exit code and last words of a run over one file. Waits 300 ms for what lingers. */
function run(name: string, text: string, minutes = '1'): Promise<{ code: number | null; said: string }> {
  const folder = join(TEMP, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'one.test.mjs'), text)
  const script = fileURLToPath(new URL('./kit/run.ts', import.meta.url))
  const args = [script, '\\.test\\.mjs$', minutes, folder, '300']
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk
  })
  const ended = new Promise<{ code: number | null; said: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, said }))
  })
  return within(90_000, ended)
}

runner('passes what passes', async () => {
  const { code, said } = await run('good', `${HEAD}${PASSES}a.run()`)
  assert.is(said, '')
  assert.is(code, 0)
})

runner('fails what uvu would let pass, and says why', async () => {
  const cases: [string, string, RegExp][] = [
    ['never', `${HEAD}${PASSES}`, /no test ran/],
    ['fails', `${HEAD}a('x', () => { throw new Error('x') })\na.run()`, /1 of 1 did not pass/],
    ['before', `${HEAD}a.before(() => { throw new Error('x') })\n${PASSES}a.run()`, /1 of 1 did not pass/],
    ['skips', `${HEAD}${PASSES}a.skip('x', () => {})\na.run()`, /some were skipped/],
    ['open', `${HEAD}${PASSES}a.run()\nsetInterval(() => {}, 1000)`, /left a server, timer or child process open/],
    [
      'hangs',
      `${HEAD}a('x', () => new Promise(() => setInterval(() => {}, 1000)))\na.run()`,
      /still running after 0\.02/,
    ],
    ['crashes', `${HEAD}a('x', () => process.exit(0))\na.run()`, /before its summary/],
    ['empty', 'export {}', /no test ran/],
  ]
  const results = await Promise.all(cases.map(([name, text]) => run(name, text, name === 'hangs' ? '0.02' : '1')))
  for (const [i, [name, , message]] of cases.entries()) {
    assert.is(results[i]?.code, 1, name)
    assert.match(results[i]?.said ?? '', message, name)
  }
})

runner.run()

/** `webx dsr …`: from a template to a module that has passed its cases, and what is said where something is wrong. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { PLAIN } from '../kit/dsr-hostile.ts'
import { recordingIo } from '../kit/io.ts'
import { tempForProcess } from '../kit/temp.ts'

const test = suite('cli: dsr')
const TEMP = tempForProcess()

async function webx(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo({ workingDirectory: TEMP })
  const code = await runCommandLine(['dsr', ...args], io)
  return { code, out: io.out(), err: io.err() }
}

test('new, build, check, test', async () => {
  assert.equal((await webx('new', 'my-rule', '--json')).code, 0)
  const again = await webx('new', 'my-rule')
  assert.equal([again.code, again.err.split(':')[0]], [2, 'bad-argument'])
  const built = await webx('build', 'my-rule.ts')
  assert.is(built.code, 0, built.err)
  const checked = JSON.parse((await webx('check', 'my-rule.wasm', '--json')).out) as Record<string, unknown>
  assert.ok(built.out.includes(String(checked['digest'])))
  assert.is(checked['pages'], 1)
  const tried = await webx('test', 'my-rule.wasm', 'my-rule.json')
  assert.is(tried.code, 0, tried.out)
  assert.match(tried.out, /5 of 5 as expected/)
})

test('a case that comes out otherwise fails the test', async () => {
  writeFileSync(join(TEMP, 'plain.wasm'), PLAIN)
  const cases = [
    { name: 'right', request: {}, expect: 'allow' },
    { name: 'wrong', request: {}, expect: 'deny 1' },
  ]
  writeFileSync(join(TEMP, 'plain.json'), JSON.stringify(cases))
  const { code, out } = await webx('test', 'plain.wasm', 'plain.json', '--json')
  assert.is(code, 1)
  const { failed, cases: results } = JSON.parse(out) as { failed: number; cases: { ok: boolean }[] }
  assert.equal([failed, ...results.map(({ ok }) => ok)], [1, true, false])
})

test('run says the verdict, and by its exit code that it denies', async () => {
  const request = { nowMs: 5, params: [10], purpose: 'care', fields: [{ key: 'name', value: { hex: '00ff' } }] }
  writeFileSync(join(TEMP, 'request.json'), JSON.stringify(request))
  const allowed = await webx('run', 'my-rule.wasm', 'request.json')
  assert.equal([allowed.code, allowed.out.split('\n')[0]], [0, 'allow'])
  writeFileSync(join(TEMP, 'late.json'), JSON.stringify({ ...request, nowMs: 10 }))
  const denied = await webx('run', 'my-rule.wasm', 'late.json', '--json')
  assert.is(denied.code, 3)
  assert.is((JSON.parse(denied.out) as { said: string }).said, 'deny 1')
  const starved = await webx('run', 'my-rule.wasm', 'request.json', '--fuel', '20')
  assert.equal([starved.code, starved.out.split('\n')[0]], [3, 'out-of-fuel'])
})

test('says what is wrong', async () => {
  writeFileSync(join(TEMP, 'broken.ts'), 'export function run(length: i32): u64 { return nothing() }\n')
  const broken = await webx('build', 'broken.ts')
  assert.equal([broken.code, broken.err.split(':')[0]], [1, 'runnable-refused'])
  assert.match(broken.err, /Cannot find name 'nothing'/)
  const float = readFileSync(join(TEMP, 'my-rule.ts'), 'utf8').replace('nowMs < untilMs', '(nowMs as f64) < 1.5')
  writeFileSync(join(TEMP, 'float.ts'), float)
  assert.match((await webx('build', 'float.ts')).err, /floating point/)
  writeFileSync(join(TEMP, 'cut.wasm'), PLAIN.subarray(0, 20))
  const cut = await webx('check', 'cut.wasm')
  assert.equal([cut.code, cut.err.split(':')[0]], [1, 'runnable-refused'])
  assert.match((await webx('check', 'none.wasm')).err, /^file-unreadable/)
  writeFileSync(join(TEMP, 'odd.json'), '{"porpose": "care"}')
  assert.match((await webx('run', 'plain.wasm', 'odd.json')).err, /Did you mean purpose\?/)
  assert.match((await webx('run', 'plain.wasm', 'request.json', '--fuel', '0')).err, /^bad-argument/)
})

test.run()

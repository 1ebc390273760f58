/** `webx dsr override` on sealed files: what it signs lets their owner in, and nobody else, and what is refused has its code. */

import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { type OverrideQuestion, overriddenVerdict } from '../../src/data/dsr-override.ts'
import { runnableDigest } from '../../src/data/dsr-run.ts'
import { PLAIN } from '../kit/dsr-hostile.ts'
import { codeOf } from '../kit/refusal.ts'
import { type Run, withShell } from '../kit/shell.ts'

const test = suite('cli: dsr override')
const DAY_MS = 86_400_000

/** Files of Anna's with an `access` runnable, with another one, and with none. */
function withFiles(use: (run: Run, path: (name: string) => string) => Promise<void>): () => Promise<void> {
  return withShell(async (run, path) => {
    for (const name of ['anna', 'ben']) await run(`id create ${name}.key --kind human`)
    writeFileSync(path('plain'), 'what Anna knows')
    writeFileSync(path('rule.wasm'), PLAIN)
    for (const [file, more] of [
      ['ruled', ' --runnable access=rule.wasm'],
      ['other', ' --runnable expire=rule.wasm'],
      ['free', ''],
    ]) {
      assert.is((await run(`qnt seal plain ${file}.qnt --keys anna.key${more}`)).code, 0)
    }
    await use(run, path)
  })
}

async function questionOf(run: Run, file: string, nowMs = Date.now()): Promise<OverrideQuestion> {
  const { id, publicKey } = (await run('id show anna.key')).json
  const { dataId } = (await run(`qnt info ${file}`)).json
  const owner = fromHex(id)
  const known = { owner, ownerKey: fromHex(publicKey), requester: owner, nowMs }
  return { dataId: fromHex(dataId), moduleDigest: runnableDigest(PLAIN), ...known }
}

test(
  'what it signs allows for a day, or until it says, and to the owner alone',
  withFiles(async (run, path) => {
    const said = (await run('dsr override ruled.qnt ruled.override --keys anna.key')).json
    const question = await questionOf(run, 'ruled.qnt')
    assert.equal([said.dataId, said.module], [toHex(question.dataId), toHex(question.moduleDigest)])
    const untilMs = Date.parse(said.until)
    assert.ok(Math.abs(untilMs - Date.now() - DAY_MS) < 60_000, said.until)
    assert.is(statSync(path('ruled.override')).mode & 0o777, 0o600)
    const document = new Uint8Array(readFileSync(path('ruled.override')))
    assert.is(overriddenVerdict(document, question).kind, 'allow')
    const ben = fromHex((await run('id show ben.key')).json.id)
    for (const [changed, code] of [
      [{ requester: ben }, 'not-allowed'],
      [{ owner: ben, requester: ben }, 'not-allowed'],
      [{ dataId: fromHex((await run('qnt info free.qnt')).json.dataId) }, 'wrong-file'],
      [{ moduleDigest: new Uint8Array(32) }, 'wrong-file'],
      [{ ownerKey: fromHex((await run('id show ben.key')).json.publicKey) }, 'bad-signature'],
      [{ nowMs: untilMs }, 'expired'],
    ] as const) {
      assert.is(
        codeOf(() => overriddenVerdict(document, { ...question, ...changed })),
        code,
      )
    }
    const dated = await run('dsr override ruled.qnt dated.override --keys anna.key --until 2099-01-31')
    assert.is(dated.json.until, '2099-01-31T00:00:00.000Z')
    assert.match((await run('~dsr override ruled.qnt plain.override --keys anna.key --until 12h')).out, /^file .*\n/)
  }),
)

test(
  'after a rotation it is signed by the key of today',
  withFiles(async (run, path) => {
    await run('id rotate anna.key')
    assert.is((await run('dsr override ruled.qnt ruled.override --keys anna.key')).code, 0)
    const document = new Uint8Array(readFileSync(path('ruled.override')))
    assert.is(overriddenVerdict(document, await questionOf(run, 'ruled.qnt')).kind, 'allow')
  }),
)

test(
  'what cannot be overridden is refused, and nothing is written',
  withFiles(async (run, path) => {
    writeFileSync(path('there'), 'something')
    for (const [line, code] of [
      ['ruled.qnt x.override', 'usage'],
      ['ruled.qnt x.override --keys ben.key', 'wrong-owner'],
      ['other.qnt x.override --keys anna.key', 'bad-argument'],
      ['free.qnt x.override --keys anna.key', 'bad-argument'],
      ['plain x.override --keys anna.key', 'bad-shape'],
      ['none.qnt x.override --keys anna.key', 'file-unreadable'],
      ['ruled.qnt x.override --keys none.key', 'key-file-missing'],
      ['ruled.qnt x.override --keys anna.key --until 2020-01-01', 'bad-argument'],
      ['ruled.qnt x.override --keys anna.key --until 280000y', 'bad-argument'],
      ['ruled.qnt nowhere/x.override --keys anna.key', 'store-failed'],
      ['ruled.qnt there --keys anna.key', 'bad-argument'],
    ] as const) {
      assert.is((await run(`dsr override ${line}`)).error, code, line)
    }
    assert.throws(() => statSync(path('x.override')), /ENOENT/)
    assert.is(readFileSync(path('there'), 'utf8'), 'something')
  }),
)

test.run()

/** `webx qnt …` on real files and key files: sealed to two, opened by both, refused to a third, and every refusal with its code. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { equal } from '../../src/core/bytes.ts'
import { recordingIo } from '../kit/io.ts'
import { pattern } from '../kit/qnt.ts'
import { tempForProcess } from '../kit/temp.ts'

const TEMP = tempForProcess()
const qnt = suite('cli: qnt')
const at = (name: string): string => join(TEMP, name)

async function webx(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo({ workingDirectory: TEMP })
  const code = await runCommandLine(args, io)
  return { code, out: io.out(), err: io.err() }
}

/** Exit code and error code of a refusal. */
async function refusal(...args: string[]): Promise<string> {
  const { code, err } = await webx(...args)
  return `${code} ${err.trimEnd().split('\n').at(-1)?.split(':')[0]}`
}

let anna = ''

qnt.before(async () => {
  for (const name of ['anna', 'ben', 'eve']) assert.is((await webx('id', 'create', `${name}.key`)).code, 0)
  anna = (JSON.parse((await webx('id', 'show', 'anna.key', '--json')).out) as { inception: string }).inception
  writeFileSync(at('ben.recipient'), (await webx('qnt', 'recipient', '--keys', 'ben.key')).out)
  writeFileSync(at('plain'), pattern(200_000))
  const sealed = await webx('qnt', 'seal', 'plain', 'x.qnt', '--keys', 'anna.key', '--to', 'ben.recipient', '--json')
  assert.is(sealed.err, '')
  assert.is(sealed.code, 0)
  assert.is((JSON.parse(sealed.out) as { recipients: number }).recipients, 2)
})

qnt('the owner and the other open it, without any word on stderr', async () => {
  assert.equal(await webx('qnt', 'open', 'x.qnt', 'a.out', '--keys', 'anna.key', '--json').then(({ err }) => err), '')
  assert.is((await webx('qnt', 'open', 'x.qnt', 'b.out', '--keys', 'ben.key', '--owner', anna)).code, 0)
  for (const name of ['a.out', 'b.out']) assert.ok(equal(new Uint8Array(readFileSync(at(name))), pattern(200_000)))
})

qnt('a third, and who does not know the owner, are refused', async () => {
  assert.is(await refusal('qnt', 'open', 'x.qnt', 'e.out', '--keys', 'eve.key', '--owner', anna), '3 not-allowed')
  assert.is(await refusal('qnt', 'open', 'x.qnt', 'e.out', '--keys', 'ben.key'), '1 unknown-owner')
  assert.is(await refusal('qnt', 'verify', 'x.qnt'), '1 unknown-owner')
  const eve = (JSON.parse((await webx('id', 'show', 'eve.key', '--json')).out) as { inception: string }).inception
  assert.is(await refusal('qnt', 'verify', 'x.qnt', '--owner', eve), '1 unknown-owner')
  assert.not(existsSync(at('e.out')))
})

qnt('verify and info say what is there', async () => {
  const verified = await webx('qnt', 'verify', 'x.qnt', '--owner', anna, '--json')
  assert.is(verified.code, 0)
  assert.is((JSON.parse(verified.out) as { chunks: number }).chunks, 4)
  const shown = JSON.parse((await webx('qnt', 'info', 'x.qnt', '--json')).out) as Record<string, unknown>
  assert.equal([shown['version'], shown['recipients'], shown['contentBytes'], shown['hasTree']], [1, 2, 200_000, true])
  assert.match((await webx('qnt', 'info', 'x.qnt')).out, /^contentBytes {2}200000$/m)
})

qnt('damage and mistakes are refused with their codes', async () => {
  const bytes = new Uint8Array(readFileSync(at('x.qnt')))
  bytes[bytes.length - 70_000]! ^= 1
  writeFileSync(at('d.qnt'), bytes)
  assert.is(await refusal('qnt', 'verify', 'd.qnt', '--owner', anna), '1 tampered')
  assert.is(await refusal('qnt', 'open', 'd.qnt', 'd.out', '--keys', 'anna.key'), '1 tampered')
  assert.is(await refusal('qnt', 'info', 'plain'), '1 bad-shape')
  assert.is(await refusal('qnt', 'info', 'none'), '1 file-unreadable')
  assert.is(await refusal('qnt', 'seal', 'plain', 'x.qnt', '--keys', 'anna.key'), '2 bad-argument')
  assert.is(await refusal('qnt', 'seal', 'plain', 'y.qnt'), '2 usage')
  assert.is(await refusal('qnt', 'seal', 'plain', 'y.qnt', '--keys', 'anna.key', '--to', 'nobody'), '2 bad-argument')
  assert.is(await refusal('qnt', 'verify', 'x.qnt', '--owner', 'none'), '2 bad-argument')
  writeFileSync(at('anna.inception'), `${anna}\n`)
  assert.is((await webx('qnt', 'verify', 'x.qnt', '--owner', 'anna.inception')).code, 0)
  for (const name of ['d.out', 'y.qnt']) assert.not(existsSync(at(name)))
})

qnt.run()

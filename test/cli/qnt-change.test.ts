/** `webx qnt grant|revoke|rekey|update|shred|export|import` on real files and key files: who reads which version, what is said of those who do not, and every refusal with its code. */

import { existsSync, linkSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { equal, fromHex } from '../../src/core/bytes.ts'
import { readTombstoneDocument } from '../../src/data/tombstone.ts'
import { recordingIo } from '../kit/io.ts'
import { pattern } from '../kit/qnt.ts'
import { tempForProcess } from '../kit/temp.ts'

const TEMP = tempForProcess()
const test = suite('cli: qnt, next versions')
const at = (name: string): string => join(TEMP, name)

async function webx(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo({ workingDirectory: TEMP })
  const code = await runCommandLine(['qnt', ...args], io)
  return { code, out: io.out(), err: io.err() }
}

async function told(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await webx(...args, '--json')
  assert.is(code, 0, err)
  return JSON.parse(out) as Record<string, unknown>
}

/** Exit code and error code of a refusal. */
async function refusal(...args: string[]): Promise<string> {
  const { code, err } = await webx(...args)
  return `${code} ${err.trimEnd().split('\n').at(-1)?.split(':')[0]}`
}

/** What `who` reads in a file of Anna's, or the code of why not. */
async function reads(who: string, file: string): Promise<Uint8Array | string> {
  const target = `${file}-${who}`
  const { code, err } = await webx('open', file, target, '--keys', `${who}.key`, '--owner', 'anna.inception')
  return code === 0 ? new Uint8Array(readFileSync(at(target))) : String(err.trimEnd().split('\n').at(-1)?.split(':')[0])
}

const OWN = ['--keys', 'anna.key'] as const
const FIRST = pattern(100_000)

test.before(async () => {
  for (const name of ['anna', 'ben', 'carla']) {
    const io = recordingIo({ workingDirectory: TEMP })
    assert.is(await runCommandLine(['id', 'create', `${name}.key`], io), 0, io.err())
    writeFileSync(at(`${name}.recipient`), (await webx('recipient', '--keys', `${name}.key`)).out)
  }
  const io = recordingIo({ workingDirectory: TEMP })
  await runCommandLine(['id', 'show', 'anna.key', '--json'], io)
  writeFileSync(at('anna.inception'), (JSON.parse(io.out()) as { inception: string }).inception)
  writeFileSync(at('plain'), FIRST)
  await told('seal', 'plain', '1.qnt', ...OWN, '--to', 'ben.recipient', '--purposes', 'care', '--decoys', '1')
})

test('granted, taken back, sealed anew and updated: each version is read by whoever is named', async () => {
  const granted = await told('grant', '1.qnt', '2.qnt', ...OWN, '--to', 'carla.recipient')
  assert.equal([granted['version'], granted['keyEpoch'], granted['recipients']], [2, 1, 4])
  assert.ok(equal((await reads('carla', '2.qnt')) as Uint8Array, FIRST))
  assert.is(await reads('carla', '1.qnt'), 'not-allowed')

  const revoke = ['revoke', '2.qnt', '3.qnt', ...OWN, '--from', 'carla.recipient', '--to', 'ben.recipient', '--json']
  const taken = await webx(...revoke)
  // the decoy of version 1, which its owner cannot tell from a reader either
  assert.match(taken.err, /^wrapped keys of the version before that are gone, decoys among them: 1\./)
  const revoked = JSON.parse(taken.out) as Record<string, unknown>
  assert.equal([revoked['version'], revoked['keyEpoch'], revoked['dropped']], [3, 2, 1])
  assert.is(await reads('carla', '3.qnt'), 'not-allowed')
  for (const name of ['anna', 'ben']) assert.ok(equal((await reads(name, '3.qnt')) as Uint8Array, FIRST), name)

  const rekeyed = await webx('rekey', '3.qnt', '4.qnt', ...OWN, '--tier', 'protected', '--retain-until', '2099-01-01')
  assert.match(rekeyed.err, /: 1\. Only who is named/)
  assert.is(await reads('ben', '4.qnt'), 'not-allowed')
  const info = await told('info', '4.qnt')
  assert.equal(
    [info['version'], info['tier'], info['purposes'], info['retainUntil']],
    [4, 'protected', 'care', '2099-01-01T00:00:00.000Z'],
  )

  writeFileSync(at('news'), 'news')
  const updated = await told('update', '4.qnt', 'news', '5.qnt', ...OWN, '--to', 'carla.recipient')
  assert.equal([updated['version'], updated['keyEpoch'], updated['contentBytes']], [5, 4, 4])
  assert.is(Buffer.from((await reads('carla', '5.qnt')) as Uint8Array).toString(), 'news')
  assert.is((await told('info', '5.qnt'))['tier'], 'protected')
  assert.ok(equal((await reads('anna', '1.qnt')) as Uint8Array, FIRST))
})

test('what cannot be meant is refused, and nothing is written', async () => {
  const ben = ['--from', 'ben.recipient'] as const
  assert.is(await refusal('grant', '1.qnt', 'x.qnt', ...OWN), '2 usage')
  assert.is(await refusal('grant', '1.qnt', 'x.qnt', ...OWN, '--to', 'ben.recipient'), '2 bad-argument')
  assert.is(await refusal('grant', '1.qnt', '2.qnt', ...OWN, '--to', 'carla.recipient'), '2 bad-argument')
  assert.is(
    await refusal(
      'grant',
      '1.qnt',
      'x.qnt',
      '--keys',
      'ben.key',
      '--to',
      'carla.recipient',
      '--owner',
      'anna.inception',
    ),
    '3 wrong-owner',
  )
  assert.is(await refusal('grant', '1.qnt', 'x.qnt', '--keys', 'ben.key', '--to', 'carla.recipient'), '1 unknown-owner')
  assert.is(await refusal('revoke', '1.qnt', 'x.qnt', ...OWN), '2 usage')
  assert.is(await refusal('revoke', '1.qnt', 'x.qnt', ...OWN, '--from', 'carla.recipient'), '2 bad-argument')
  assert.is(await refusal('revoke', '1.qnt', 'x.qnt', ...OWN, '--from', 'anna.recipient'), '2 bad-argument')
  assert.is(await refusal('revoke', '1.qnt', 'x.qnt', ...OWN, ...ben, '--to', 'ben.recipient'), '2 bad-argument')
  assert.is(await refusal('revoke', '1.qnt', 'x.qnt', ...OWN, ...ben, '--to', 'carla.recipient'), '2 bad-argument')
  writeFileSync(at('empty'), '')
  assert.is(await refusal('update', '1.qnt', 'empty', 'x.qnt', ...OWN), '1 empty-replica')
  assert.not(existsSync(at('x.qnt')))
})

test('shredded: a tombstone that the owner signed, and no file any more where that is wanted', async () => {
  const shred = await told('shred', '1.qnt', '1.tombstone', ...OWN)
  assert.equal([shred['version'], shred['wiped'], existsSync(at('1.qnt'))], [2, false, true])
  const { tombstone } = readTombstoneDocument(new Uint8Array(readFileSync(at('1.tombstone'))))
  assert.is(tombstone.fileVersion, 2)
  writeFileSync(at('copy.qnt'), readFileSync(at('1.qnt')))
  linkSync(at('copy.qnt'), at('name-of-the-same.qnt'))
  const wiped = await webx('shred', 'copy.qnt', '2.tombstone', ...OWN, '--wipe')
  assert.match(wiped.err, /Flash memory/)
  assert.equal([existsSync(at('copy.qnt')), existsSync(at('2.tombstone'))], [false, true])
  const [noise, whole] = [readFileSync(at('name-of-the-same.qnt')), readFileSync(at('1.qnt'))]
  const left = noise.filter((byte, i) => byte === whole[i]).length
  assert.ok(noise.length === whole.length && left < noise.length / 100, `${left} bytes are as they were`)
  assert.is(
    await refusal('shred', '1.qnt', 'x.tombstone', '--keys', 'ben.key', '--owner', 'anna.inception', '--wipe'),
    '3 wrong-owner',
  )
  assert.equal([existsSync(at('1.qnt')), existsSync(at('x.tombstone'))], [true, false])
})

test('to age and back', async () => {
  const { files } = JSON.parse(readFileSync(new URL('../vectors/age.json', import.meta.url), 'utf8')) as {
    files: { identity: string; recipient: string; content: string; file: string }[]
  }
  const [, small, , hybrid] = files as [never, (typeof files)[0], never, (typeof files)[0]]
  writeFileSync(at('age.txt'), `# created: today\n# public key: ${small.recipient}\n${small.identity}\n`)
  writeFileSync(at('hybrid.txt'), `${hybrid.identity}\n`)
  const exported = await webx('export', '1.qnt', '1.age', ...OWN, '--to', small.recipient)
  assert.is(exported.code, 0, exported.err)
  assert.match(exported.err, /left behind/)
  await told('import', '1.age', 'back.qnt', ...OWN, '--identity', 'age.txt', '--purposes', 'care')
  assert.ok(equal((await reads('anna', 'back.qnt')) as Uint8Array, FIRST))
  writeFileSync(at('made.age'), fromHex(hybrid.file))
  await told('import', 'made.age', 'made.qnt', ...OWN, '--identity', 'hybrid.txt')
  assert.equal(await reads('anna', 'made.qnt'), fromHex(hybrid.content))
  assert.is(await refusal('import', '1.age', 'x.qnt', ...OWN, '--identity', 'hybrid.txt'), '3 not-allowed')
  assert.is(await refusal('import', '1.age', 'x.qnt', ...OWN), '2 usage')
  assert.is(await refusal('import', 'plain', 'x.qnt', ...OWN, '--identity', 'age.txt'), '1 bad-shape')
  assert.is(await refusal('export', '1.qnt', 'x.age', ...OWN), '2 usage')
  assert.is(await refusal('export', '1.qnt', 'x.age', ...OWN, '--to', small.recipient.slice(1)), '2 bad-argument')
  assert.is(await refusal('export', '1.qnt', 'x.age', ...OWN, '--as', 'zip', '--to', small.recipient), '2 bad-argument')
  const torn = readFileSync(at('1.age')).subarray(0, -1)
  writeFileSync(at('torn.age'), torn)
  assert.is(await refusal('import', 'torn.age', 'x.qnt', ...OWN, '--identity', 'age.txt'), '1 tampered')
  for (const name of ['x.qnt', 'x.age']) assert.not(existsSync(at(name)))
})

test.run()

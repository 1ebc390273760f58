/** What `webx qnt seal` is told of a file stands in its manifest: tier, rules, blinded fields with their disclosures, runnables, parents, and small recipients. */

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { disclosuresOf, readDisclosures } from '../../src/cli/disclosures.ts'
import { runCommandLine } from '../../src/cli/main.ts'
import { whenMs } from '../../src/cli/when.ts'
import { toHex } from '../../src/core/bytes.ts'
import { runnableDigest } from '../../src/data/dsr-run.ts'
import { type Manifest, readManifestDocument } from '../../src/data/manifest.ts'
import { checkDisclosure } from '../../src/data/metadata.ts'
import { PLAIN } from '../kit/dsr-hostile.ts'
import { recordingIo } from '../kit/io.ts'
import { codeOf, codeOfAsync } from '../kit/refusal.ts'
import { tempForProcess } from '../kit/temp.ts'

const TEMP = tempForProcess()
const test = suite('cli: qnt, what a file says')
const at = (name: string): string => join(TEMP, name)
const io = recordingIo({ workingDirectory: TEMP })

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const own = recordingIo({ workingDirectory: TEMP })
  const code = await runCommandLine(args, own)
  return { code, out: own.out(), err: own.err() }
}

async function seal(target: string, ...options: string[]): Promise<string> {
  const { code, err } = await run('qnt', 'seal', 'plain', target, '--keys', 'anna.key', ...options)
  return code === 0 ? '0' : `${code} ${err.split(':')[0]}`
}

function manifestOf(name: string): { manifest: Manifest; digest: Uint8Array } {
  const bytes = readFileSync(at(name))
  return readManifestDocument(new Uint8Array(bytes.subarray(8, 8 + bytes.readUInt32BE(4))))
}

test.before(async () => {
  for (const name of ['anna', 'ben']) assert.is((await run('id', 'create', `${name}.key`)).code, 0)
  writeFileSync(at('plain'), 'content')
  writeFileSync(at('rule.wasm'), PLAIN)
})

test('tier and rules', async () => {
  const rules = ['--purposes', 'research, care', '--jurisdictions', 'EU,CH', '--legal-basis', 'consent']
  assert.is(await seal('rules.qnt', '--tier', 'public', ...rules, '--retain-until', '2030-06-01'), '0')
  const { tier, policy } = manifestOf('rules.qnt').manifest
  assert.is(tier, 'public')
  const retainUntilMs = Date.UTC(2030, 5, 1)
  assert.equal(policy, {
    purposes: ['care', 'research'],
    retainUntilMs,
    jurisdictions: ['CH', 'EU'],
    legalBasis: 'consent',
  })
  for (const [option, value] of [
    ['--tier', 'secret'],
    ['--legal-basis', 'because'],
    ['--jurisdictions', 'eu'],
    ['--retain-until', 'soon'],
    ['--suite', 'rsa'],
    ['--decoys', '-1'],
    ['--decoys', '1.5'],
    ['--parents', 'plain'],
    ['--runnable', 'always=rule.wasm'],
    ['--runnable', 'access=rule.wasm:0'],
    ['--runnable', 'access=rule.wasm,access=rule.wasm'],
    ['--runnable', 'access=plain'],
    ['--fields', 'title'],
    ['--disclosures', 'none.disclosures'],
  ] as const) {
    assert.match(
      await seal('x.qnt', `${option}=${value}`),
      /^[12] (?:bad-argument|usage|bad-shape|runnable-refused)$/,
      `${option} ${value}`,
    )
  }
  assert.not(existsSync(at('x.qnt')))
})

test('fields are blinded, and what discloses them is kept for their owner alone', async () => {
  const fields = ['--fields', 'title=Blood pressure,rows=17280,zip=08001,draft=false', '--decoys', '2']
  assert.is(await seal('x.qnt', ...fields), '2 usage')
  assert.is(await seal('f.qnt', ...fields, '--disclosures', 'f.disclosures'), '0')
  assert.is(statSync(at('f.disclosures')).mode & 0o777, 0o600)
  const { manifest } = manifestOf('f.qnt')
  assert.equal([manifest.fieldDigests.length, manifest.recipients.length], [6, 3])
  const read = await readDisclosures('f.disclosures', io)
  assert.is(toHex(read.dataId), toHex(manifest.dataId))
  const shown = disclosuresOf(read, 'all').map((one) => checkDisclosure(one, manifest.fieldDigests))
  assert.equal(shown, [
    { name: 'title', value: 'Blood pressure' },
    { name: 'rows', value: 17_280 },
    { name: 'zip', value: '08001' },
    { name: 'draft', value: false },
  ])
  assert.equal(
    disclosuresOf(read, 'rows, title').map((one) => checkDisclosure(one, manifest.fieldDigests)?.name),
    ['rows', 'title'],
  )
  assert.is(
    codeOf(() => disclosuresOf(read, 'row')),
    'bad-argument',
  )
  // neither is replaced, and what was not sealed leaves no disclosures
  assert.is(await seal('g.qnt', ...fields, '--disclosures', 'f.disclosures'), '2 bad-argument')
  assert.is(await seal('no/folder.qnt', ...fields, '--disclosures', 'g.disclosures'), '1 store-failed')
  assert.equal([existsSync(at('g.qnt')), existsSync(at('g.disclosures'))], [false, false])

  writeFileSync(at('fields.json'), '{"seal": {"hex": "00ff"}, "name": "Äpfel", "n": 0, "yes": true}')
  assert.is(await seal('j.qnt', '--fields-file', 'fields.json', '--disclosures', 'j.disclosures'), '0')
  const values = (await readDisclosures('j.disclosures', io)).list.map(({ field }) => field.value)
  assert.equal(values, [Uint8Array.of(0, 255), 'Äpfel', 0, true])
  for (const text of ['[]', '{', '{"a": null}', '{"a": 1.5}', '{"a": -1}', '{"a": {"hex": "0"}}', '{"a": {}}']) {
    writeFileSync(at('fields.json'), text)
    assert.is(
      await seal('x.qnt', '--fields-file', 'fields.json', '--disclosures', 'x.disclosures'),
      '2 bad-argument',
      text,
    )
  }
})

test('what is no file of disclosures is none', async () => {
  const good = readFileSync(at('f.disclosures'), 'utf8')
  const [head = '', first = '', ...rest] = good.trimEnd().split('\n')
  const texts = [
    '',
    head.slice(1),
    `${head}\n${first}=`,
    `${head}\n${first}\n${first}`,
    `${head}\n${first.slice(0, -4)}`,
  ]
  for (const text of [...texts, `${head}\n\n${rest[0]}`, `${head}0\n${first}`]) {
    writeFileSync(at('bad.disclosures'), text)
    assert.is(await codeOfAsync(() => readDisclosures('bad.disclosures', io)), 'bad-argument', text)
  }
})

test('an update keeps the fields of the version before, or takes others with their own disclosures', async () => {
  const keys = ['--keys', 'anna.key']
  assert.is((await run('qnt', 'rekey', 'f.qnt', 'f2.qnt', ...keys, '--decoys', '1')).code, 0)
  assert.equal(manifestOf('f2.qnt').manifest.fieldDigests, manifestOf('f.qnt').manifest.fieldDigests)
  const fields = ['--fields', 'title=New', '--disclosures', 'f3.disclosures']
  assert.is((await run('qnt', 'update', 'f.qnt', 'plain', 'f3.qnt', ...keys, ...fields)).code, 0)
  const read = await readDisclosures('f3.disclosures', io)
  assert.is(toHex(read.dataId), toHex(manifestOf('f.qnt').manifest.dataId))
  assert.is(manifestOf('f3.qnt').manifest.fieldDigests.length, 1)
})

test('runnables travel in the manifest, in the order of their hooks, and parents are named', async () => {
  assert.is(
    await seal('r.qnt', '--runnable', 'expire=rule.wasm:7:00ff,access=rule.wasm', '--parents', 'f.qnt,rules.qnt,f.qnt'),
    '0',
  )
  const { runnables, parents } = manifestOf('r.qnt').manifest
  const moduleDigest = runnableDigest(PLAIN)
  const module = new Uint8Array(PLAIN)
  assert.equal(runnables, [
    { hook: 'access', moduleDigest, fuel: 1_000_000, pages: 1, params: new Uint8Array(0), module },
    { hook: 'expire', moduleDigest, fuel: 7, pages: 1, params: Uint8Array.of(0, 255), module },
  ])
  const digests = ['f.qnt', 'rules.qnt'].map((name) => toHex(manifestOf(name).digest)).sort()
  assert.equal(parents.map(toHex), digests)
  const info = await run('qnt', 'info', 'r.qnt')
  assert.match(info.out, /^runnables {5}access, expire$/m)
  assert.match(info.out, /^parents {7}2$/m)
})

test('x25519: small for its owner and for others', async () => {
  const text = (await run('qnt', 'recipient', '--keys', 'ben.key', '--suite', 'x25519')).out.trim()
  assert.ok(text.length < 60)
  assert.is(await seal('small.qnt', '--suite', 'x25519', '--to', text, '--decoys', '1'), '0')
  const { recipients } = manifestOf('small.qnt').manifest
  assert.equal(
    recipients.map(({ suite }) => suite),
    ['x25519', 'x25519', 'x25519'],
  )
  assert.ok(statSync(at('small.qnt')).size < 1_000)
  assert.is((await run('qnt', 'open', 'small.qnt', 'small.out', '--keys', 'anna.key')).code, 0)
  // the next version is wrapped to its owner as the one before, and so are its decoys
  const rekey = ['rekey', 'small.qnt', 'small2.qnt', '--keys', 'anna.key', '--to', text, '--decoys', '1']
  assert.is((await run('qnt', ...rekey)).code, 0)
  assert.equal(
    manifestOf('small2.qnt').manifest.recipients.map(({ suite }) => suite),
    ['x25519', 'x25519', 'x25519'],
  )
})

test('one file of recipients, one a line', async () => {
  const ben = (await run('qnt', 'recipient', '--keys', 'ben.key')).out
  const small = (await run('qnt', 'recipient', '--keys', 'ben.key', '--suite', 'x25519')).out
  writeFileSync(at('all.recipients'), `${ben}\n${small}`)
  assert.is(await seal('all.qnt', '--to', 'all.recipients'), '0')
  assert.is(manifestOf('all.qnt').manifest.recipients.length, 3)
})

test('times as people write them', () => {
  assert.is(whenMs('2027-01-31', 'x', 0), Date.UTC(2027, 0, 31))
  assert.is(whenMs('2027-01-31T12:30:00+02:00', 'x', 0), Date.UTC(2027, 0, 31, 10, 30))
  assert.equal(
    ['15m', '12h', '30d', '1y'].map((text) => whenMs(text, 'x', 1)),
    [900_001, 43_200_001, 2_592_000_001, 31_536_000_001],
  )
  for (const text of [
    '',
    '30',
    'd',
    '-1d',
    '1.5d',
    '2027-02-30',
    '2027-13-01',
    '2027-01-31T25:00Z',
    '31.1.2027',
    '1969-12-31',
  ]) {
    assert.is(
      codeOf(() => whenMs(text, 'x', 0)),
      'bad-argument',
      text,
    )
  }
})

test.run()

/** The author's kit: template and examples compile to the profile, and decide as they say, held against the same rules in TypeScript. */

import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compileRunnable } from '../../src/cli/dsr-compile.ts'
import { fromText } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { blake3Of } from '../../src/core/digest.ts'
import { encodeRequest, type RunnableRequest } from '../../src/data/dsr-abi.ts'
import { type Outcome, prepareRunnable, type Runnable, runRunnable } from '../../src/data/dsr-run.ts'
import { provideFromFiles } from '../../src/drivers/wasm-files.ts'
import { uniform } from '../kit/vectors.ts'

provideFromFiles()
const test = suite('data/dsr: the author’s kit')
const compiled = new Map<string, Promise<Runnable>>()
const DAY = 86_400_000
const NOW = 1_800_000_000_000

test('the template allows until its time', async () => {
  const ask = await asker('template', [NOW])
  assert.is(ask({ nowMs: NOW - 1 }), 'allow')
  assert.is(ask({ nowMs: NOW }), 'deny 1')
  assert.is(ask({ hook: 'expire', nowMs: NOW + 1 }), 'deny 1')
  assert.is(ask({ hook: 'notify' }), 'bad-verdict', 'no answer to this hook')
})

test('purpose and expiry', async () => {
  const ask = await asker('purpose-and-expiry', [NOW + DAY, ['care', 'billing']])
  assert.is(ask({ purpose: 'care' }), 'allow')
  assert.is(ask({ purpose: 'billing' }), 'allow')
  for (const purpose of ['car', 'care ', 'Care', '', 'research']) assert.is(ask({ purpose }), 'deny 2')
  assert.is(ask({ purpose: 'care', nowMs: NOW + DAY }), 'deny 1')
  assert.is(ask({ hook: 'expire' }), 'allow')
  assert.is(ask({ hook: 'expire', nowMs: NOW + DAY }), 'deny 1')
  assert.is(ask({ hook: 'aggregate' }), 'deny 3')
})

test('parameters that are not what the author expects deny', async () => {
  for (const params of [5, [], ['care'], [[NOW]]]) {
    const ask = await asker('purpose-and-expiry', params)
    assert.is(ask({ purpose: 'care' }), 'runnable-failed')
  }
})

test('a sum over at least k contributors', async () => {
  const ask = await asker('k-anonymous-sum', [3])
  const sum = (...records: [string, number][]) => ask({ hook: 'aggregate', fields: records.map(record) })
  assert.is(sum(['a', 1], ['b', 20], ['c', 300]), 'aggregate [3,321]')
  assert.is(sum(['a', 1], ['b', 20]), 'deny 1')
  assert.is(sum(['a', 1], ['a', 2], ['a', 3], ['b', 4]), 'deny 1', 'one who contributes often is one')
  assert.is(sum(['a', 1], ['b', 2], ['b', 3], ['c', 4], ['a', 5]), 'aggregate [3,15]')
  assert.is(sum(), 'deny 1')
  assert.is(sum(['a', 2 ** 53 - 1], ['b', 1], ['c', 0]), 'deny 3')
  assert.is(sum(['a', 2 ** 53 - 3], ['b', 1], ['c', 1]), `aggregate [3,${2 ** 53 - 1}]`)
  assert.is(ask({ hook: 'access', fields: [record(['a', 1])] }), 'deny 2')
  assert.is((await asker('k-anonymous-sum', [0]))({ hook: 'aggregate' }), 'deny 1', 'nobody is never enough')
})

test('random sums, as plain code has them', async () => {
  const random = uniform(5)
  for (let round = 0; round < 40; round++) {
    const least = Math.floor(random() * 12)
    const records = Array.from({ length: Math.floor(random() * 60) }, (): [string, number] => [
      `person ${Math.floor(random() * 20)}`,
      Math.floor(random() * 2 ** 40),
    ])
    const contributors = new Set(records.map(([who]) => who)).size
    const total = records.reduce((sum, [, value]) => sum + value, 0)
    const expected = contributors < Math.max(least, 1) ? 'deny 1' : `aggregate [${contributors},${total}]`
    assert.is((await asker('k-anonymous-sum', [least]))({ hook: 'aggregate', fields: records.map(record) }), expected)
  }
})

test('a request as large as there may be', async () => {
  const fields = Array.from({ length: 700 }, (_, i) => ({
    ...record(['', i]),
    key: blake3Of('contributor', encode(i)),
  }))
  const outcome = await ran('k-anonymous-sum', [3], { hook: 'aggregate', fields }, 100_000_000)
  assert.is(spoken(outcome), `aggregate [700,${(699 * 700) / 2}]`)
  assert.ok(outcome.fuelUsed < 80_000_000, `${outcome.fuelUsed} of fuel`)
})

test('each purpose sees what it needs', async () => {
  const needs = [
    ['care', ['name', 'allergies', 'blood']],
    ['billing', ['name', 'iban']],
    ['nothing', []],
  ]
  const ask = await asker('need-to-know', needs)
  const fields = ['name', 'iban', 'blood', 'allergies', 'religion'].map((name) => ({
    key: fromText(name),
    value: fromText(`the ${name}`),
  }))
  assert.is(ask({ purpose: 'care', fields }), 'redact 1 4')
  assert.is(ask({ purpose: 'billing', fields }), 'redact 2 3 4')
  assert.is(ask({ purpose: 'care', fields: [fields[0]!, fields[2]!] }), 'allow')
  assert.is(ask({ purpose: 'nothing', fields }), 'deny 2')
  assert.is(ask({ purpose: 'research', fields }), 'deny 1')
  assert.is(ask({ hook: 'expire', fields }), 'deny 3')
  assert.is(ask({ purpose: 'care', fields: [] }), 'allow')
})

test.run()

type Asked = Partial<Omit<RunnableRequest, 'params'>>

/** Asks the runnable of a source with these parameters; answers in words. */
async function asker(source: string, params: Cbor): Promise<(asked: Asked) => string> {
  const runnable = await runnableOf(source)
  return (asked) => spoken(runRunnable(runnable, requestOf(params, asked), 1_000_000))
}

async function ran(source: string, params: Cbor, asked: Asked, fuel: number): Promise<Outcome> {
  return runRunnable(await runnableOf(source), requestOf(params, asked), fuel)
}

function runnableOf(source: string): Promise<Runnable> {
  const known = compiled.get(source)
  if (known !== undefined) return known
  const path = fileURLToPath(new URL(`../../assembly/dsr/${source}.ts`, import.meta.url))
  const made = compileRunnable(path).then(prepareRunnable)
  compiled.set(source, made)
  return made
}

function requestOf(params: Cbor, asked: Asked): Uint8Array {
  return encodeRequest({
    ...{ hook: 'access', nowMs: NOW, requester: new Uint8Array(32), purpose: '', operation: 1, from: 0, to: 0 },
    fields: [],
    ...asked,
    params: encode(params),
  })
}

function spoken({ failure, verdict }: Outcome): string {
  if (failure !== 'none') return failure
  if (verdict.kind === 'deny') return `deny ${verdict.reason}`
  if (verdict.kind === 'aggregate') return `aggregate ${JSON.stringify(decode(verdict.payload))}`
  return [verdict.kind, ...verdict.fields].join(' ')
}

function record([who, value]: [string, number]): { key: Uint8Array; value: Uint8Array } {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return { key: fromText(who), value: bytes }
}

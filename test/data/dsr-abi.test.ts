/** Requests, verdicts and outcomes of runnables, against golden vectors and other people's CBOR and BLAKE3. */

import { readFileSync } from 'node:fs'
import { blake3 } from '@noble/hashes/blake3.js'
import { Decoder } from 'cbor-x'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { encodeRequest, encodeVerdict, HOOKS, readRequest, readVerdict, VERDICTS } from '../../src/data/dsr-abi.ts'
import { meter } from '../../src/data/dsr-meter.ts'
import { checkModule } from '../../src/data/dsr-module.ts'
import { outcomeDigest, prepareRunnable, runRunnable } from '../../src/data/dsr-run.ts'
import { provideFromFiles } from '../../src/drivers/wasm-files.ts'
import { assemble, i64, runOf } from '../kit/dsr-assembler.ts'
import { REQUESTS, SMALL, VERDICTS_GIVEN, VERDICTS_REFUSED } from '../kit/dsr-cases.ts'
import { codeOf } from '../kit/refusal.ts'

provideFromFiles()
const test = suite('data/dsr: requests, verdicts, outcomes')
const vectors = JSON.parse(readFileSync(new URL('../vectors/dsr.json', import.meta.url), 'utf8')) as Vectors
const foreign = new Decoder({ useRecords: false, mapsAsObjects: false })

test('requests are as in the vectors, and foreign CBOR reads them', () => {
  assert.equal(Object.keys(vectors.requests), Object.keys(REQUESTS))
  for (const [name, request] of Object.entries(REQUESTS)) {
    const bytes = encodeRequest(request)
    assert.is(toHex(bytes), vectors.requests[name], name)
    assert.equal(readRequest(bytes), request)
    const [version, hook, nowMs, requester, purpose, operation, range, params, fields] = foreign.decode(bytes)
    assert.equal(
      [version, hook, purpose, operation],
      [1, HOOKS.indexOf(request.hook), request.purpose, request.operation],
    )
    assert.equal([Number(nowMs), range], [request.nowMs, [request.from, request.to]])
    assert.equal([toHex(requester), toHex(params)], [toHex(request.requester), toHex(request.params)])
    const pairs = (fields as Uint8Array[][]).map((pair) => pair.map((part) => toHex(part)))
    assert.equal(
      pairs,
      request.fields.map(({ key, value }) => [toHex(key), toHex(value)]),
    )
  }
})

test('verdicts are as in the vectors', () => {
  for (const [name, [verdict, hook, fieldsAsked]] of Object.entries(VERDICTS_GIVEN)) {
    const bytes = encodeVerdict(verdict)
    assert.is(toHex(bytes), vectors.verdicts[name], name)
    assert.equal(readVerdict(bytes, hook, fieldsAsked), verdict)
    const [version, kind, reason, fields, payload] = foreign.decode(bytes)
    const read = { kind: VERDICTS[kind as number], reason, fields, payload: new Uint8Array(payload as Uint8Array) }
    assert.equal([version, read], [1, verdict])
  }
})

test('what is no verdict is refused by its code', () => {
  assert.equal(Object.keys(vectors.refused), Object.keys(VERDICTS_REFUSED))
  for (const [name, [code, bytes]] of Object.entries(VERDICTS_REFUSED)) {
    assert.equal(vectors.refused[name], { code, verdict: toHex(Uint8Array.from(bytes)) })
    assert.is(
      codeOf(() => readVerdict(Uint8Array.from(bytes), 'access', 2)),
      code,
      name,
    )
  }
  const long = encode([1, 4, 0, [], new Uint8Array(LIMITS.runnablePayloadBytesMax + 1)])
  assert.is(
    codeOf(() => readVerdict(long, 'aggregate', 0)),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readVerdict(new Uint8Array(LIMITS.runnableVerdictBytesMax + 1), 'access', 0)),
    'too-long',
  )
})

test('each hook takes only the verdicts that make sense', () => {
  const fitting = HOOKS.map((hook) =>
    VERDICTS.filter((kind) => {
      const fields = kind === 'redact' ? [0] : []
      const bytes = encodeVerdict({ kind, reason: kind === 'deny' ? 1 : 0, fields, payload: new Uint8Array(0) })
      try {
        return readVerdict(bytes, hook, 1).kind === kind
      } catch {
        return false
      }
    }).join(' '),
  )
  assert.equal(fitting, ['allow deny redact', 'allow deny', 'allow notify', 'deny aggregate'])
})

test('requests that are wrong are refused', () => {
  const parts = (...changed: [number, Parameters<typeof encode>[0]][]) => {
    const value = [1, 0, 5, new Uint8Array(32), '', 1, [0, 9], new Uint8Array(0), []]
    return encode(Object.assign(value, Object.fromEntries(changed)))
  }
  assert.is(readRequest(parts()).to, 9)
  assert.is(
    codeOf(() => readRequest(parts([0, 2]))),
    'bad-version',
  )
  assert.is(
    codeOf(() => readRequest(parts([1, 4]))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readRequest(parts([3, new Uint8Array(31)]))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readRequest(parts([6, [9, 8]]))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readRequest(parts([7, new Uint8Array(LIMITS.runnableParamsBytesMax + 1)]))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readRequest(parts([8, [[new Uint8Array(1)]]]))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readRequest(parts([9, 0]))),
    'bad-shape',
  )
  const large = { key: fromText('k'), value: new Uint8Array(1_000) }
  const request = { ...REQUESTS['access']!, fields: Array.from({ length: 40 }, () => large) }
  assert.is(
    codeOf(() => encodeRequest(request)),
    'too-long',
  )
})

test('a module, its metered form and its outcome are as in the vectors', () => {
  const { module, digest, metered, runs } = vectors
  assert.is(toHex(SMALL), module)
  const runnable = prepareRunnable(SMALL)
  assert.is(toHex(runnable.digest), digest)
  assert.is(toHex(blake3(SMALL, { context: fromText('webx v1 runnable') })), digest)
  assert.is(toHex(meter(checkModule(SMALL))), metered)
  for (const run of runs) {
    const request = encodeRequest(REQUESTS[run.request]!)
    const outcome = runRunnable(runnable, request, run.fuel)
    const { verdict, failure, fuelUsed, memoryDigest } = outcome
    const said = { verdict: toHex(encodeVerdict(verdict)), failure, fuelUsed, memoryDigest: toHex(memoryDigest) }
    const outcomeSaid = toHex(outcomeDigest(runnable, request, run.fuel, outcome))
    assert.equal({ request: run.request, fuel: run.fuel, ...said, outcome: outcomeSaid }, run)
  }
  assert.ok(runs.some(({ failure }) => failure === 'out-of-fuel') && runs.some(({ failure }) => failure === 'none'))
})

test('the last unit of fuel decides', () => {
  const runnable = prepareRunnable(SMALL)
  const request = encodeRequest(REQUESTS['access']!)
  const { fuelUsed } = runRunnable(runnable, request, 100_000)
  assert.is(runRunnable(runnable, request, fuelUsed).failure, 'none')
  const short = runRunnable(runnable, request, fuelUsed - 1)
  assert.is(short.failure, 'out-of-fuel')
  assert.equal([short.verdict.kind, short.verdict.reason, short.fuelUsed], ['deny', 0, fuelUsed - 1])
  for (const fuel of [0, -1, 1.5, Number.NaN, LIMITS.runnableFuelMax + 1]) {
    assert.is(
      codeOf(() => runRunnable(runnable, request, fuel)),
      'bad-argument',
    )
  }
})

test('a run leaves nothing to the next one', () => {
  const counting = [0x23, 1, ...i64(1), 0x7c, 0x24, 1, ...[0x41, 0, 0x41, 0, 0x28, 2, 0, 0x41, 1, 0x6a, 0x36, 2, 0]]
  const answer = [0x23, 1, ...i64(2_047n << 32n), 0x7c, ...i64(1n << 32n), 0x7c, ...i64(5), 0x7c]
  const globals = [
    [0x7f, 0, [0x41, 0x80, 0x08]],
    [0x7e, 1, i64(0)],
  ] as const
  const data = [[2_048, [0x85, 1, 0, 0, 0x80, 0x40]]] as const
  const runnable = prepareRunnable(assemble(runOf([...counting, ...answer], { globals, data })))
  const request = encodeRequest(REQUESTS['access']!)
  const first = runRunnable(runnable, request, 1_000)
  assert.is(first.failure, 'none')
  assert.equal(runRunnable(runnable, request, 1_000), first)
})

test.run()

interface Vectors {
  readonly requests: Readonly<Record<string, string>>
  readonly verdicts: Readonly<Record<string, string>>
  readonly refused: Readonly<Record<string, { readonly code: string; readonly verdict: string }>>
  readonly module: string
  readonly digest: string
  readonly metered: string
  readonly runs: readonly {
    readonly request: string
    readonly fuel: number
    readonly verdict: string
    readonly failure: string
    readonly fuelUsed: number
    readonly memoryDigest: string
    readonly outcome: string
  }[]
}

/** The demonstration's judgment of itself, and how it stops; the whole of it runs in the system tests. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pay, succeeded } from '../../src/cli/demo.ts'
import { type PaymentLine, Report } from '../../src/cli/demo-report.ts'
import type { Shopper, Stage } from '../../src/cli/demo-stage.ts'
import { runCommandLine } from '../../src/cli/main.ts'
import { unlessAborted } from '../../src/cli/wish.ts'
import { WebxError } from '../../src/core/errors.ts'
import { recordingIo } from '../kit/io.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { within } from '../kit/within.ts'

const demo = suite('cli: demo')
const CASES = ['replayed-probe', 'double-order', 'expired', 'tampered', 'unknown-sender'] as const
const PAYMENT: PaymentLine = {
  ...{ shopper: 'a', amount: 1, asset: 'EUR', grade: 'SETTLED', locks: 17, confirms: 17 },
  ...{ msCapture: 1, msMatch: 1, msSettle: 1, receipt: '' },
}

/** A report of a demonstration in which all went well. */
function wellDone(json = false): Report {
  const report = new Report(recordingIo(), json, { nodes: 25, quorum: 17 })
  for (let i = 0; i < 3; i++) report.payment(PAYMENT)
  for (let i = 0; i < 2; i++) report.stranger('s', { claims: 0, nearest: 0.1 })
  for (const name of CASES) report.refused({ case: name, code: name })
  report.result.supply = { issued: 5, held: 5 }
  return report
}

demo('it has succeeded only where nothing at all went wrong', () => {
  assert.ok(succeeded(wellDone()))
  const wrongs: ((report: Report) => void)[] = [
    (report) => report.failure('a', new WebxError('no-quorum', 'too few')),
    (report) => report.stranger('s', { claims: 1, nearest: 0.9 }),
    (report) => report.payment({ ...PAYMENT, confirms: 16 }),
    ({ result }) => void result.payments.pop(),
    ({ result }) => void result.strangers.pop(),
    ({ result }) => void result.refused.pop(),
    ({ result }) => {
      result.supply = { issued: 5, held: 4 }
    },
  ]
  for (const wrong of wrongs) {
    const report = wellDone()
    wrong(report)
    assert.not.ok(succeeded(report), String(wrong))
  }
})

demo('a payment by somebody else than who stood there is a failure, said also with --json', async () => {
  const io = recordingIo()
  const report = new Report(io, true, { nodes: 25, quorum: 17 })
  const takePayment = async () => ({ shopperId: new Uint8Array(32).fill(2) })
  const stage = { asset: {}, till: { terminal: { takePayment } } } as unknown as Stage
  const id = new Uint8Array(32).fill(1)
  const shopper = { person: { name: 'ann' }, node: { context: { keys: { id } } }, asked: [] } as unknown as Shopper
  await pay({ report, stage, signal: new AbortController().signal }, shopper, 420)
  assert.equal([report.failures, report.result.payments.length], [1, 0])
  assert.match(io.err(), /^ann: internal, somebody else paid/)
  assert.is(io.out(), '')
})

demo('a person who does not want it any more ends it at once', async () => {
  const person = new AbortController()
  const waiting = unlessAborted(person.signal, new Promise(() => undefined))
  person.abort('SIGINT')
  assert.is(
    await within(
      1_000,
      codeOfAsync(() => waiting),
    ),
    'stopped',
  )
  assert.is(await unlessAborted(new AbortController().signal, Promise.resolve(3)), 3)
  const io = recordingIo({ signal: person.signal })
  assert.is(await within(2_000, runCommandLine(['demo'], io)), 1)
  assert.is(io.err(), 'stopped: it was asked to stop.\n')
})

demo.run()

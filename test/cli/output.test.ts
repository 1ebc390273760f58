/** How errors, colors and progress look, and which exit code an error has. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createProgress, describeError, exitCodeOf, painter, reportError } from '../../src/cli/output.ts'
import { CODES, type Code, WebxError } from '../../src/core/errors.ts'
import { recordingIo } from '../kit/io.ts'

const output = suite('cli: output')

output('every code has an exit code; those that programs wait for are right', () => {
  const expected: Partial<Record<Code, number>> = {
    ...{ usage: 2, 'bad-argument': 2, declined: 3, 'not-allowed': 3, ambiguous: 3, 'no-claim': 3, 'over-cap': 3 },
    ...{ 'insufficient-funds': 3, unreachable: 4, 'no-quorum': 4, 'broker-unreachable': 4, timeout: 4 },
    ...{ internal: 1, 'store-failed': 1, 'key-file-missing': 1, 'bad-config': 1 },
  }
  for (const code of Object.keys(CODES) as Code[]) {
    const exit = exitCodeOf(new WebxError(code, 'x'))
    assert.ok([1, 2, 3, 4].includes(exit), code)
    if (expected[code] !== undefined) assert.is(exit, expected[code], code)
  }
})

output('code: sentence. What to do.', () => {
  const error = new WebxError('broker-unreachable', 'no broker at x', { hint: 'Start it.' })
  assert.is(describeError(error), 'broker-unreachable: no broker at x. Start it.\n')
  assert.is(describeError(new WebxError('usage', 'What now?')), 'usage: What now?\n')
})

output('a bug of ours shows where it happened, others do not', () => {
  const bug = new TypeError('x is not a function')
  assert.ok(describeError(bug).startsWith('internal: x is not a function.\n'))
  assert.ok(describeError(bug).includes('output.test.ts'))
  assert.not.ok(describeError(new WebxError('usage', 'x')).includes('output.test.ts'))
})

output('with --json an error is one line on stdout, too', () => {
  const io = recordingIo()
  assert.is(reportError(new WebxError('no-quorum', 'alone', { hint: 'Wait.' }), io, true), 4)
  assert.equal(JSON.parse(io.out()), {
    ok: false,
    error: { code: 'no-quorum', fault: 'world', message: 'alone', hint: 'Wait.' },
  })
  assert.is(io.err(), 'no-quorum: alone. Wait.\n')
  const plain = recordingIo()
  reportError(new WebxError('no-quorum', 'alone'), plain, false)
  assert.is(plain.out(), '')
})

output('colors only for a terminal that wants them', () => {
  const color = (env: Record<string, string>, terminal: boolean) =>
    painter(recordingIo({ env, stdoutIsTerminal: terminal }), 'stdout')('red', 'x')
  assert.is(color({}, true), '\u001b[31mx\u001b[0m')
  assert.is(color({}, false), 'x')
  assert.is(color({ NO_COLOR: '1' }, true), 'x')
  assert.is(color({ NO_COLOR: '' }, true), '\u001b[31mx\u001b[0m')
  assert.is(color({ TERM: 'dumb' }, true), 'x')
})

output('progress is one line that goes away, and silence where no person looks', () => {
  const silent = recordingIo()
  const nothing = createProgress(silent)
  nothing.show('working', 0.5)
  nothing.end()
  assert.is(silent.err(), '')
  const io = recordingIo({ stderrIsTerminal: true, env: { NO_COLOR: '1' } })
  const progress = createProgress(io)
  progress.show('working', 0.5)
  assert.ok(io.err().includes('[============            ]  50 % working'), io.err())
  progress.show('working', 2)
  progress.show('other', -1)
  progress.end()
  assert.ok(io.err().endsWith('\r\u001b[K'))
  assert.is(io.out(), '')
})

output.run()

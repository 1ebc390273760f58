import { PassThrough } from 'node:stream'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { consoleConsent, harmless } from '../../src/drivers/console-consent.ts'
import { hostClock } from '../../src/drivers/host.ts'
import { until, within } from '../kit/within.ts'

const test = suite('drivers/console-consent')

function console(isTTY = true) {
  const input = Object.assign(new PassThrough(), { isTTY })
  const output = new PassThrough()
  let shown = ''
  output.on('data', (chunk) => {
    shown += chunk
  })
  const consent = consoleConsent({ input, output, clock: hostClock() })
  return {
    input,
    shown: () => shown,
    ask: (text: string, timeoutMs = 2_000) => within(5_000, consent.ask({ text, timeoutMs })),
    questions: (count: number) => until(3_000, () => shown.split('[y/N]').length > count),
  }
}

test('only a clear yes is a yes', async () => {
  for (const [typed, expected] of [
    ['y', true],
    ['Yes ', true],
    ['YES', true],
    ['', false],
    ['n', false],
    ['yep', false],
    ['y y', false],
    ['no, y', false],
  ] as const) {
    const { ask, input, questions } = console()
    const answer = ask('Pay 4.20 EUR?')
    await questions(1)
    input.write(`${typed}\n`)
    assert.is(await answer, expected, `"${typed}"`)
  }
})

test('what was typed before the question was shown does not answer it', async () => {
  const { ask, input, questions, shown } = console()
  input.write('y\n')
  const answer = ask('Pay?')
  input.write('y\n')
  await questions(1)
  assert.match(shown(), 'Pay? [y/N]')
  input.write('n\n')
  assert.is(await answer, false)
})

test('silence, the end of input, and no terminal at all are a no', async () => {
  const silent = console()
  assert.is(await silent.ask('Pay?', 50), false)
  assert.match(silent.shown(), 'no answer: no')
  const ended = console()
  const answer = ended.ask('Pay?')
  await ended.questions(1)
  ended.input.end()
  assert.is(await answer, false)
  const piped = console(false)
  piped.input.write('y\n')
  assert.is(await piped.ask('Pay?'), false)
  assert.is(piped.shown(), '')
})

test('questions come one after the other, each with its own answer', async () => {
  const { ask, input, questions, shown } = console()
  const answers = [ask('First?'), ask('Second?')]
  await questions(1)
  assert.not.match(shown(), 'Second')
  input.write('n\n')
  await questions(2)
  input.write('y\n')
  assert.equal(await Promise.all(answers), [false, true])
})

test('a merchant’s text cannot redraw the terminal', () => {
  assert.is(harmless('Pay\u001b[2J\r\n1 EUR\u202e \u2028?\u0007'), 'Pay [2J  1 EUR   ? ')
  assert.is(harmless('x'.repeat(10_000)).length, 400)
  assert.is(harmless('Café 4,20 € – ok?'), 'Café 4,20 € – ok?')
})

test.run()

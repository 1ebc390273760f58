/** `webx credential`, `question`, `prove` and `check` on real files: yes is 0, no is 3, and nothing says more than that. */

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { commandsIn } from '../kit/shell.ts'
import { tempForProcess } from '../kit/temp.ts'

const TEMP = tempForProcess()
const test = suite('cli: questions')
const { done, refusal } = commandsIn(TEMP)
const at = (name: string): string => join(TEMP, name)

const ids: Record<string, { id: string; inception: string }> = {}

function issue(out: string, value: string, ...more: string[]): Promise<string> {
  const usual = ['--keys', 'town.key', '--to', 'anna.inception', '--what', 'birthday', '--value', value, '--out', out]
  return done('credential', 'issue', ...usual, ...more)
}

function ask(out: string, ...more: string[]): Promise<string> {
  return done('question', 'ask', '--audience', 'shop.inception', '--purpose', 'age', '--out', out, ...more)
}

test.before(async () => {
  for (const name of ['town', 'anna', 'shop', 'eve']) {
    await done('id', 'create', `${name}.key`)
    ids[name] = JSON.parse(await done('id', 'show', `${name}.key`, '--json')) as { id: string; inception: string }
    writeFileSync(at(`${name}.inception`), `${ids[name]?.inception}\n`)
  }
  await issue('anna.credential', '1990-05-01')
  await ask('age.question', '--age', '18')
  await done('prove', 'age.question', '--credential', 'anna.credential', '--out', 'age.answer')
})

test('a credential is for its owner’s eyes, and shows its value only when asked', async () => {
  assert.is(statSync(at('anna.credential')).mode & 0o777, 0o600)
  const shown = JSON.parse(await done('credential', 'show', 'anna.credential', '--json')) as Record<string, unknown>
  assert.equal([shown['what'], shown['issuerId'], shown['subjectId']], ['birthday', ids['town']?.id, ids['anna']?.id])
  assert.not('value' in shown)
  const opened = JSON.parse(await done('credential', 'show', 'anna.credential', '--value', '--json')) as {
    value: string
  }
  assert.is(opened.value, '726893')
})

test('an adult is, by the word of who knows the birthday, and the answer does not tell it', async () => {
  const yes = JSON.parse(
    await done('check', 'age.question', 'age.answer', '--issuer', 'town.inception', '--json'),
  ) as object
  assert.is((yes as { yes: boolean }).yes, true)
  await done(
    'check',
    'age.question',
    'age.answer',
    '--issuer',
    'town.inception',
    '--subject',
    ids['anna']?.id as string,
  )
  assert.match(
    await done('check', 'age.question', 'age.answer', '--issuer', ids['town']?.inception as string),
    /^yes: birthday of /,
  )
  const [question, answer] = ['age.question', 'age.answer'].map((name) => readFileSync(at(name), 'utf8').trim())
  await done('check', question as string, answer as string, '--issuer', 'town.inception')
})

test('a child has no answer', async () => {
  const year = new Date().getUTCFullYear() - 10
  await issue('child.credential', `${year}-01-15`)
  assert.is(
    await refusal('prove', 'age.question', '--credential', 'child.credential', '--out', 'c.answer'),
    '2 bad-argument',
  )
  assert.not(existsSync(at('c.answer')))
})

test('another question, issuer or subject, and a changed answer are a no', async () => {
  await ask('other.question', '--age', '18')
  const no = (question: string, answer: string, ...more: string[]) =>
    refusal('check', question, answer, ...(more.length > 0 ? more : ['--issuer', 'town.inception']))
  assert.is(await no('other.question', 'age.answer'), '3 bad-proof')
  assert.is(await no('age.question', 'age.answer', '--issuer', 'eve.inception'), '3 bad-signature')
  assert.is(
    await no('age.question', 'age.answer', '--issuer', 'town.inception', '--subject', 'eve.inception'),
    '3 wrong-claim',
  )
  const bytes = Buffer.from(readFileSync(at('age.answer'), 'utf8').trim(), 'base64url')
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
  writeFileSync(at('changed.answer'), bytes)
  assert.is(await no('age.question', 'changed.answer'), '3 bad-proof')
  writeFileSync(at('short.answer'), bytes.subarray(0, 100))
  assert.match(await no('age.question', 'short.answer'), /^3 /)
})

test('an answer counts once where the checker keeps a mark', async () => {
  await ask('once.question', '--age', '18')
  await done('prove', 'once.question', '--credential', 'anna.credential', '--out', 'once.answer')
  const check = ['check', 'once.question', 'once.answer', '--issuer', 'town.inception', '--spend']
  await done(...check)
  assert.is(await refusal(...check), '3 replayed')
  const text = readFileSync(at('once.question'), 'utf8').trim()
  assert.is(await refusal('check', text, 'once.answer', '--issuer', 'town.inception', '--spend'), '2 usage')
  assert.equal(
    readdirSync(TEMP).filter((name) => name.endsWith('.answered')),
    ['once.question.answered'],
  )
})

test('numbers: at least, with the bits that are needed', async () => {
  const balance = ['--keys', 'town.key', '--to', ids['anna']?.id as string, '--what', 'balance', '--value', '250000']
  await done('credential', 'issue', ...balance, '--out', 'balance.credential')
  const asked = ['question', 'ask', '--audience', ids['shop']?.id as string, '--purpose', 'rent', '--what', 'balance']
  await done(...asked, '--at-least', '200000', '--out', 'b.question')
  await done('prove', 'b.question', '--credential', 'balance.credential', '--out', 'b.answer')
  await done('check', 'b.question', 'b.answer', '--issuer', 'town.inception')
  await done(...asked, '--at-least', '250001', '--out', 'more.question')
  assert.is(await refusal('prove', 'more.question', '--credential', 'balance.credential'), '2 bad-argument')
  assert.is(await refusal('prove', 'b.question', '--credential', 'anna.credential'), '2 bad-argument')
})

test('mistakes are named', async () => {
  const asked = ['question', 'ask', '--audience', ids['shop']?.id as string, '--purpose', 'x']
  assert.is(await refusal(...asked, '--what', 'n'), '2 usage')
  assert.is(await refusal(...asked, '--what', 'n', '--at-least', '1', '--at-most', '2'), '2 usage')
  assert.is(await refusal(...asked, '--what', 'n', '--at-least', '-1'), '2 usage')
  assert.is(await refusal(...asked, '--what', 'n', '--at-least', '2021-02-30'), '2 bad-argument')
  assert.is(await refusal(...asked, '--what', 'n', '--at-least', '1', '--bits', '9'), '2 bad-argument')
  assert.is(await refusal(...asked, '--age', '18', '--out', 'age.question'), '2 bad-argument')
  assert.is(await refusal('prove', 'age.question', '--credential', 'age.question'), '1 bad-shape')
  assert.is(await refusal('check', 'nowhere.question', 'age.answer', '--issuer', 'town.inception'), '2 bad-argument')
  assert.is(await refusal('check', 'age.question', 'age.answer'), '2 usage')
  const wrong = [
    'credential',
    'issue',
    '--keys',
    'town.key',
    '--to',
    'nobody!',
    '--what',
    'x',
    '--value',
    '1',
    '--out',
    'z',
  ]
  assert.is(await refusal(...wrong), '2 bad-argument')
})

test.run()

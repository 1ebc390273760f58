/**
 * `webx question ask`, `webx prove` and `webx check`: is this number at least, or at most, that bound? The answer is yes, and nothing else is shown.
 *
 * That each question is answered for once is the checker's business, who alone knows what it asked: with `--spend` it leaves a mark beside the question's file, and a
 * second answer to it is refused.
 */

import { existsSync, realpathSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fromHex, toBase64url, toHex } from '../core/bytes.ts'
import { asWebxError, type Code, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { hostClock } from '../drivers/host.ts'
import { HOST_CHANCE } from '../drivers/qnt-holder.ts'
import '../drivers/wasm-files.ts'
import { labelOf } from '../identity/xqident.ts'
import { latestBirthday } from '../proof/day.ts'
import { commitmentIn } from '../proof/issued.ts'
import {
  answerQuestion,
  checkAnswer,
  encodeQuestion,
  type Question,
  type Relation,
  readQuestion,
} from '../proof/question.ts'
import { group } from '../wasm/group.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { calendarDay, credentialOf, numberOf } from './credential.ts'
import { documentBytes, newPath, required, writeNew } from './handed.ts'
import type { Io } from './io.ts'
import { namedId, namedIdentity } from './named.ts'
import { EXIT, printJson, reportError } from './output.ts'
import { printable } from './printable.ts'

const NONCE_BYTES = 32
/** 179 years of days. */
const DAY_BITS = 16
const NUMBER_BITS = 64
/** What says no; all else says that something is wrong with what was asked. */
const SAYS_NO: ReadonlySet<Code> = new Set<Code>([
  ...(['bad-proof', 'wrong-claim', 'bad-signature', 'expired', 'from-the-future', 'replayed'] as const),
  ...(['not-canonical', 'bad-shape', 'bad-version', 'too-long'] as const),
])

/** Writes a question with a fresh nonce. Throws `usage`, `bad-argument`, `store-failed`. */
export async function ask(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('question ask', args)
  const out = newPath(given.text('out'), io)
  const what =
    given.text('what') ?? (given.text('age') === undefined ? required(given, 'what', 'about what?') : 'birthday')
  const ping = given.text('ping')
  const { relation, bound, bits } = boundOf(given)
  const question: Question = {
    audience: await namedId(required(given, 'audience', 'who asks?'), io, 'audience'),
    nonce: HOST_CHANCE.random(NONCE_BYTES),
    purpose: required(given, 'purpose', 'what for?'),
    ping: ping === undefined ? new Uint8Array(0) : fromHex(ping),
    ...{ what, relation, bound, bits },
  }
  const bytes = encodeQuestion(question)
  // a question that no prover would read is never asked
  readQuestion(bytes)
  const text = toBase64url(bytes)
  if (out !== null) await writeNew(out, `${text}\n`)
  if (given.flag('json'))
    printJson(io, { ok: true, question: text, ...questionRows(question), ...(out && { file: out }) })
  else io.stdout(out === null ? `${text}\n` : `${what} ${relation} ${bound}? written to ${out}\n`)
  return EXIT.done
}

/** Answers a question with yes. Throws `bad-argument` where the truth is no, or the credential is about something else. */
export async function prove(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('prove', args)
  const out = newPath(given.text('out'), io)
  const question = await questionOf(given, io)
  const { document, opening } = await credentialOf(required(given, 'credential', 'proved from what?'), io)
  try {
    const answer = answerQuestion(group(), question, document, opening, HOST_CHANCE.random)
    const text = toBase64url(answer)
    if (out !== null) await writeNew(out, `${text}\n`)
    if (given.flag('json')) printJson(io, { ok: true, bytes: answer.length, answer: text, ...(out && { file: out }) })
    else io.stdout(out === null ? `${text}\n` : `answer written to ${out} (${answer.length} bytes)\n`)
    return EXIT.done
  } finally {
    opening.blinding.fill(0)
  }
}

/** Checks an answer: 0 is yes, 3 is no, with the code that says why. Throws `usage`, `bad-argument`, and what files do. */
export async function check(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('check', args)
  const question = await questionOf(given, io)
  const mark = given.flag('spend') ? markPath(given, io) : null
  const issuer = await namedIdentity(required(given, 'issuer', 'vouched for by whom?'), io, 'issuer')
  const subjectName = given.text('subject')
  const named = subjectName === undefined ? null : await namedId(subjectName, io, 'subject')
  const answer = await documentBytes(given.operands['ANSWER'] ?? '', io, 'an answer', LIMITS.proofAnswerBytesMax)
  try {
    const subject = named ?? subjectIn(answer)
    const expected = { issuer: issuer.id, issuerKey: issuer.key, subject, nowMs: hostClock().nowMs() }
    const { issuedAtMs, expiresAtMs } = checkAnswer(group(), question, answer, expected)
    if (mark !== null) await spend(mark)
    const rows = { ...questionRows(question), subject: labelOf(subject), issuer: labelOf(issuer.id) }
    const since = { issuerPosition: issuer.position, issuedAtMs, expiresAtMs }
    if (given.flag('json')) printJson(io, { ok: true, yes: true, ...rows, ...since })
    else
      io.stdout(
        `yes: ${printable(question.what)} of ${rows.subject} is ${question.relation} ${question.bound}, says ${rows.issuer}\n`,
      )
    return EXIT.done
  } catch (thrown) {
    const error = asWebxError(thrown)
    if (!SAYS_NO.has(error.code)) throw error
    reportError(error, io, given.flag('json'))
    return EXIT.refused
  }
}

/** Where the mark of an answered question stands: beside its file. Throws `usage` for a question that is a text, beside which nothing stands. */
function markPath(given: Arguments, io: Io): string {
  const path = resolve(io.workingDirectory, given.operands['QUESTION'] ?? '')
  if (existsSync(path)) return `${realpathSync(path)}.answered`
  throw new WebxError('usage', '--spend needs QUESTION as a file, beside which it leaves a mark')
}

/** Marks a question as answered: on the disk, with its name, when this resolves. Throws `replayed` where it is marked already. */
async function spend(path: string): Promise<void> {
  try {
    const mark = await open(path, 'wx', 0o600)
    await mark.sync().finally(() => mark.close())
    const folder = await open(dirname(path), 'r')
    await folder.sync().finally(() => folder.close())
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new WebxError('replayed', 'this question was answered before', { hint: 'Ask anew: webx question ask.' })
    }
    throw new WebxError('store-failed', `${path} cannot be written`, { cause })
  }
}

async function questionOf(given: Arguments, io: Io): Promise<Question> {
  const named = given.operands['QUESTION'] ?? ''
  return readQuestion(await documentBytes(named, io, 'a question', LIMITS.proofQuestionBytesMax))
}

/** Whom an answer is about, as it says itself. */
function subjectIn(answer: Uint8Array): Uint8Array {
  const fields = Fields.of('answer', answer, LIMITS.proofAnswerBytesMax)
  fields.uint('version')
  return commitmentIn(fields.bytesBetween('document', 1, LIMITS.issuedBytesMax)).subject
}

function questionRows({ what, relation, bound, purpose, audience, nonce }: Question): Record<string, string> {
  return { what, relation, bound: String(bound), purpose, audience: labelOf(audience), nonce: toHex(nonce) }
}

/** Exactly one of `--at-least`, `--at-most` and `--age` says it. */
function boundOf(given: Arguments): { relation: Relation; bound: bigint; bits: number } {
  const [least, most, age] = [given.text('at-least'), given.text('at-most'), given.text('age')]
  if ([least, most, age].filter((text) => text !== undefined).length !== 1) {
    throw new WebxError('usage', 'one of --at-least, --at-most and --age says what is asked')
  }
  if (age !== undefined) {
    if (!/^\d{1,3}$/.test(age)) throw new WebxError('bad-argument', `--age: "${age}" is no number of years`)
    const today = calendarDay(new Date(hostClock().nowMs()).toISOString().slice(0, 10))
    if (today === null) throw new WebxError('internal', 'today is no day')
    return { relation: 'at most', bound: latestBirthday(today, Number(age)), bits: DAY_BITS }
  }
  const { value, isDay } = numberOf((least ?? most) as string)
  return { relation: least === undefined ? 'at most' : 'at least', bound: value, bits: bitsOf(given, isDay) }
}

function bitsOf(given: Arguments, isDay: boolean): number {
  const text = given.text('bits')
  if (text === undefined) return isDay ? DAY_BITS : NUMBER_BITS
  if (['8', '16', '32', '64'].includes(text)) return Number(text)
  throw new WebxError('bad-argument', `--bits: "${text}" is none of 8, 16, 32, 64`)
}

/**
 * What people write about the rights of a ping, and how rights are shown to them.
 */

import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { END_OF_ANY_FILE, type Grant, OPERATION, type Operation, operationNames } from '../data/rights.ts'
import { type Arguments, didYouMean } from './arguments.ts'
import { whenMs } from './when.ts'

/** Rights but for the holder's keys. */
export type GrantTerms = Omit<Grant, 'holderKey' | 'agreementKey'>

/** What stands where nothing is said; operations and purposes of a fresh ping must be said. */
export type GrantDefaults = Partial<Pick<GrantTerms, 'operations' | 'purposes'>> &
  Omit<GrantTerms, 'operations' | 'purposes'>

/** A ping that a server with a clock a little behind redeems at once. */
export function freshDefaults(nowMs: number): GrantDefaults {
  return {
    from: 0,
    to: END_OF_ANY_FILE,
    notBeforeMs: nowMs - LIMITS.clockSkewMsMax,
    expiresMs: nowMs + WEEK_MS,
    uses: 0,
  }
}

/** The terms that options give. Throws `usage` for what must be said, `bad-argument` for what cannot be read. */
export function grantTerms(given: Arguments, otherwise: GrantDefaults, nowMs: number): GrantTerms {
  const operations = given.text('operations')
  const purposes = given.text('purposes')
  const range = given.text('range')
  const uses = given.text('uses')
  const time = (option: string, usual: number): number => {
    const text = given.text(option)
    return text === undefined ? usual : whenMs(text, `--${option}`, nowMs)
  }
  return {
    operations: operations === undefined ? needed(otherwise.operations, 'operations') : operationBits(operations),
    purposes: purposes === undefined ? needed(otherwise.purposes, 'purposes') : listOf(purposes),
    ...(range === undefined ? { from: otherwise.from, to: otherwise.to } : rangeOf(range)),
    notBeforeMs: time('not-before', otherwise.notBeforeMs),
    expiresMs: time('expires', otherwise.expiresMs),
    uses: uses === undefined ? otherwise.uses : countOf(uses, '--uses'),
  }
}

/** The bytes [from, to) of `from:to`, either of which may be left out. Throws `bad-argument`. */
export function rangeOf(text: string): { from: number; to: number } {
  const [, from = '', to = ''] = /^(\d{0,16}):(\d{0,16})$/.exec(text) ?? []
  const range = { from: from === '' ? 0 : Number(from), to: to === '' ? END_OF_ANY_FILE : Number(to) }
  if (text.includes(':') && /^[\d:]+$/.test(text) && range.from <= range.to && range.to <= END_OF_ANY_FILE) return range
  throw new WebxError('bad-argument', `"${text}" is no range of bytes`, {
    hint: 'Write 0:65536, or 4096: for the rest.',
  })
}

/** An operation by its name. Throws `bad-argument`. */
export function operationOf(name: string): Operation {
  if (Object.hasOwn(OPERATION, name)) return name as Operation
  const known = Object.keys(OPERATION)
  throw new WebxError('bad-argument', `there is no operation "${name}"`, {
    hint: didYouMean(name, known) ?? `There are: ${known.join(', ')}.`,
  })
}

/** Rights as rows of a name and a text. */
export function grantRows(grant: Grant): Record<string, string> {
  const { operations, from, to, purposes, notBeforeMs, expiresMs, uses } = grant
  return {
    operations: operationNames(operations).join(', '),
    purposes: purposes.join(', '),
    range: `${from}:${to === END_OF_ANY_FILE ? '' : to}`,
    notBefore: dateText(notBeforeMs),
    expires: dateText(expiresMs),
    uses: uses === 0 ? 'without end' : String(uses),
  }
}

/** A time as people read it; one beyond the calendar's end as a number. */
export function dateText(ms: number): string {
  return ms <= LAST_DATE_MS ? new Date(ms).toISOString() : `${ms} ms`
}

const WEEK_MS = 7 * 86_400_000
const LAST_DATE_MS = 8_640_000_000_000_000

function operationBits(text: string): number {
  return listOf(text).reduce((bits, name) => bits | OPERATION[operationOf(name)], 0)
}

function listOf(text: string): string[] {
  return [...new Set(text.split(',').map((each) => each.trim()))].filter((each) => each !== '')
}

/** One or more: in a grant, 0 would be without end. */
function countOf(text: string, option: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new WebxError('bad-argument', `${option}: "${text}" is no number from 1 on`)
}

function needed<T>(value: T | undefined, option: string): T {
  if (value !== undefined) return value
  throw new WebxError('usage', `what may be done, and for what? --${option} is missing`)
}

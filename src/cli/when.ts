/**
 * Times as people write them: a date, a date with its time, or how long from now.
 */

import { WebxError } from '../core/errors.ts'

/**
 * Milliseconds since 1970 of `2027-01-31` (the beginning of that day in UTC), of `2027-01-31T12:00:00Z`, or of `30d`, `12h`, `15m`, `2y` from now on (a year has 365 days).
 *
 * @throws WebxError `bad-argument` that names `what`
 */
export function whenMs(text: string, what: string, nowMs: number): number {
  const span = SPAN.exec(text)
  if (span !== null) {
    const ms = nowMs + Number(span[1]) * (UNIT_MS[span[2] as keyof typeof UNIT_MS] as number)
    if (ms <= CALENDAR_MS_MAX) return ms
  }
  const [, day, time = 'T00:00:00Z'] = DATE.exec(text) ?? []
  const ms = day === undefined ? Number.NaN : Date.parse(`${day}${time}`)
  // Date.parse makes the 3rd of March out of the 31st of February
  if (Number.isFinite(ms) && ms >= 0 && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day as string)) return ms
  throw new WebxError('bad-argument', `${what}: "${text}" is no time`, {
    hint: 'Write 2027-01-31, 2027-01-31T12:00:00Z or 30d (m, h, d, y).',
  })
}

/** Beyond this there is no date to show. */
const CALENDAR_MS_MAX = 8.64e15
const MINUTE_MS = 60_000
const UNIT_MS = { m: MINUTE_MS, h: 60 * MINUTE_MS, d: 1440 * MINUTE_MS, y: 365 * 1440 * MINUTE_MS }
const SPAN = /^(\d{1,9})([mhdy])$/
const DATE = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2}))?$/

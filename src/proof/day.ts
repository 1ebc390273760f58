/**
 * Days as numbers that a commitment can hide: counted from 1 March of the year 0 of the Gregorian calendar, so that birthdays are never negative.
 *
 * After Hinnant, "chrono-compatible low-level date algorithms": a year begins in March, its leap day is its last.
 */

import { WebxError } from '../core/errors.ts'

const MONTH_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
/** Day number of 1 January 1970. */
const DAYS_TO_1970 = 719_468
const DAY_MS = 86_400_000

/** A day of the Gregorian calendar; months and days begin at 1. */
export interface CalendarDay {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** Number of a day. Throws `bad-argument` for a day that does not exist, or one before the year 1. */
export function dayNumber({ year, month, day }: CalendarDay): number {
  const known = [year, month, day].every(Number.isInteger) && year >= 1 && month >= 1 && month <= 12 && day >= 1
  if (!known || day > monthLength(year, month)) throw new WebxError('bad-argument', 'there is no such day')
  const marchYear = month > 2 ? year : year - 1
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return (
    marchYear * 365 + Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400) + dayOfYear
  )
}

/** Number of the day (UTC) of a time in milliseconds since 1970. */
export function dayNumberAt(nowMs: number): number {
  return DAYS_TO_1970 + Math.floor(nowMs / DAY_MS)
}

/** The last birthday on which whoever was born is that many years old on `today`; 29 February counts from 1 March on. */
export function latestBirthday(today: CalendarDay, years: number): bigint {
  const year = today.year - years
  dayNumber(today)
  return BigInt(dayNumber({ year, month: today.month, day: Math.min(today.day, monthLength(year, today.month)) }))
}

function monthLength(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return month === 2 && isLeap ? 29 : (MONTH_LENGTHS[month - 1] as number)
}

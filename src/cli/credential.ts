/**
 * `webx credential issue` and `show`: an issuer vouches for a number that its subject can later prove things about without showing it.
 */

import { toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { HOST_CHANCE } from '../drivers/qnt-holder.ts'
import '../drivers/wasm-files.ts'
import { hostClock } from '../drivers/host.ts'
import { labelOf } from '../identity/xqident.ts'
import { commit, openingOf } from '../proof/commitment.ts'
import { type Credential, encodeCredential, readCredential } from '../proof/credential.ts'
import { type CalendarDay, dayNumber } from '../proof/day.ts'
import { encodeIssued, issuedMessage, issuedPayload } from '../proof/issued.ts'
import { group } from '../wasm/group.ts'
import { readArguments } from './arguments.ts'
import { documentBytes, newPath, ownKeys, required, writeNew } from './handed.ts'
import type { Io } from './io.ts'
import { namedId } from './named.ts'
import { EXIT, printJson } from './output.ts'
import { dateText } from './ping-terms.ts'
import { printable } from './printable.ts'
import { whenMs } from './when.ts'

const LIFE = '365d'

/** Vouches for a number or a day. Throws `usage`, `bad-argument`, and what key files and disks do. */
export async function issue(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('credential issue', args)
  const out = newPath(required(given, 'out', 'where to? It is a secret of its subject.'), io) as string
  const keys = await ownKeys(given, io)
  const subject = await namedId(required(given, 'to', 'about whom?'), io, 'to')
  const what = required(given, 'what', 'what is it that is vouched for?')
  const { value } = numberOf(required(given, 'value', 'which number or day?'))
  const issuedAtMs = hostClock().nowMs()
  const expiresAtMs = whenMs(given.text('expires') ?? LIFE, '--expires', issuedAtMs)
  const door = group()
  const opening = openingOf(door, value, HOST_CHANCE.random)
  const issued = { issuer: keys.id, subject, what, commitment: commit(door, opening), issuedAtMs, expiresAtMs }
  const payload = issuedPayload(issued)
  const bytes = encodeCredential(encodeIssued(payload, await keys.sign(issuedMessage(payload))), opening)
  opening.blinding.fill(0)
  await writeNew(out, bytes)
  bytes.fill(0)
  const shown = { file: out, issuer: labelOf(keys.id), subject: labelOf(subject), what, expires: dateText(expiresAtMs) }
  if (given.flag('json')) printJson(io, { ok: true, ...shown })
  else for (const [name, text] of Object.entries(shown)) io.stdout(`${name.padEnd(10)}${text}\n`)
  return EXIT.done
}

/** Shows whom and what a credential is about; the value itself only where `--value` asks for it. Throws as `readCredential`. */
export async function show(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('credential show', args)
  const { issued, opening } = await credentialOf(given.operands['FILE'] ?? '', io)
  const shown = {
    ...{ what: issued.what, issuer: labelOf(issued.issuer), issuerId: toHex(issued.issuer) },
    ...{ subject: labelOf(issued.subject), subjectId: toHex(issued.subject) },
    ...{ issued: dateText(issued.issuedAtMs), expires: dateText(issued.expiresAtMs), signature: 'not checked' },
    ...(given.flag('value') && { value: String(opening.value) }),
  }
  opening.blinding.fill(0)
  if (given.flag('json')) printJson(io, { ok: true, ...shown })
  else for (const [name, text] of Object.entries(shown)) io.stdout(`${name.padEnd(11)}${printable(String(text))}\n`)
  return EXIT.done
}

/** The credential in a file. Throws as `readCredential` and `documentBytes`. */
export async function credentialOf(named: string, io: Io): Promise<Credential> {
  const bytes = await documentBytes(named, io, 'a credential', LIMITS.credentialBytesMax)
  try {
    return readCredential(group(), bytes)
  } finally {
    bytes.fill(0)
  }
}

/** A number, or the number of a day that is written as `1990-05-01`. Throws `bad-argument`. */
export function numberOf(text: string): { readonly value: bigint; readonly isDay: boolean } {
  const day = calendarDay(text)
  if (day !== null) return { value: BigInt(dayNumber(day)), isDay: true }
  if (/^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n) return { value: BigInt(text), isDay: false }
  throw new WebxError('bad-argument', `"${text}" is neither a number nor a day`, {
    hint: 'Write 250000 or 1990-05-01.',
  })
}

/** The day of `1990-05-01`; null for other texts. Whether there is such a day is another matter. */
export function calendarDay(text: string): CalendarDay | null {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? []
  return year === undefined ? null : { year: Number(year), month: Number(month), day: Number(day) }
}

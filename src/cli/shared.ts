/**
 * `webx shared create`, `write`, `rule`, `read` and `list`: objects that several identities write, as the node on this machine sees them.
 */

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fromBase64url, fromHex, fromText, toBase64url, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { labelOf } from '../identity/xqident.ts'
import type { ToldChange, ToldDone, ToldShared } from '../station-shared.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { namedId } from './named.ts'
import { EXIT, painter, printJson } from './output.ts'
import { printable } from './printable.ts'

/** A little longer than the node itself waits. */
const TIMEOUT_MS = 40_000
const WAITING = 'waiting for the neighborhood'
const LAST = 5

/** Begins an object. Throws `unknown-owner`, `limit`, `too-long`, `not-settled`, `unreachable`. */
export async function create(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('shared create', args)
  const value = await givenValue(given, io)
  return change(given, io, 'sharedCreate', { value, ...(await ruleOf(given, io)) })
}

/** Writes an object. Throws `wrong-sequence`, `not-allowed`, `unknown-object`, `limit`, `too-long`, `not-settled`, `unreachable`. */
export async function write(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('shared write', args)
  const after = given.text('after') === undefined ? 0 : numberOf(given, 'after', Number.MAX_SAFE_INTEGER, 0)
  const value = await givenValue(given, io)
  return change(given, io, 'sharedWrite', { oid: given.operands['OBJECT'], value, ...(after > 0 && { after }) })
}

/** Says which rule should come. Throws as `write`. */
export async function rule(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('shared rule', args)
  if (given.text('writers') === undefined)
    throw new WebxError('usage', 'webx shared rule needs --writers', { hint: 'Name all who should write it.' })
  return change(given, io, 'sharedRule', { oid: given.operands['OBJECT'], ...(await ruleOf(given, io)) })
}

/** Shows an object. Throws `unknown-object`, `unreachable`. */
export async function read(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('shared read', args)
  const params = { oid: given.operands['OBJECT'], last: numberOf(given, 'last', LIMITS.sharedHistoryMax, LAST) }
  const answer = { method: 'sharedRead', params }
  const { object, history } = await askStation<{ object: ToldShared; history: ToldChange[] }>(given, io, answer)
  if (given.flag('json')) {
    printJson(io, { ok: true, ...object, history })
    return EXIT.done
  }
  const rows: [string, string][] = [
    ['object', object.oid],
    ['sequence', String(object.sequence)],
    ['value', shown(object.value)],
    ...object.writers.map((id): [string, string] => ['writer', named(id)]),
    ['rule', `changes when ${object.needed} of ${object.writers.length} want the same`],
    ...object.words.map((word): [string, string] => ['wanted', `${word.rule.slice(0, 8)} by ${named(word.writer)}`]),
  ]
  for (const [name, text] of rows) io.stdout(`${name.padEnd(12)}${text}\n`)
  for (const { sequence, writer, value } of history)
    io.stdout(`#${String(sequence).padEnd(11)}${named(writer)}  ${value === null ? '(another rule)' : shown(value)}\n`)
  return EXIT.done
}

/** Lists all objects. Throws `unreachable`. */
export async function list(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('shared list', args)
  const objects: ToldShared[] = []
  for (let total = 1; objects.length < total; ) {
    const question = { method: 'sharedList', params: { from: objects.length } }
    const page = await askStation<{ total: number; objects: ToldShared[] }>(given, io, question)
    objects.push(...page.objects)
    total = page.objects.length === 0 ? 0 : page.total
  }
  if (given.flag('json')) printJson(io, { ok: true, objects })
  else if (objects.length === 0) io.stdout('no shared objects\n')
  else
    for (const { oid, sequence, value } of objects)
      io.stdout(`${oid}  #${String(sequence).padEnd(6)} ${shown(value).slice(0, VALUE_CHARACTERS)}\n`)
  return EXIT.done
}

const VALUE_CHARACTERS = 60

async function change(given: Arguments, io: Io, method: string, params: object): Promise<number> {
  const done = await askStation<ToldDone>(given, io, { method, params, timeoutMs: TIMEOUT_MS, waiting: WAITING })
  if (given.flag('json')) {
    printJson(io, { ok: true, ...done })
    return EXIT.done
  }
  const grade = painter(io, 'stdout')('green', 'FINAL')
  const place = done.sequence === null ? 'applied before' : `#${done.sequence}`
  io.stdout(`${done.oid}  ${done.isWord ? 'said; more writers must say the same' : place}  ${grade}\n`)
  return EXIT.done
}

async function ruleOf(given: Arguments, io: Io): Promise<{ writers: string[]; needed: number }> {
  const writers: string[] = []
  for (const who of (given.text('writers') ?? '').split(',').filter(Boolean))
    writers.push(toHex(await namedId(who, io, 'writers')))
  return { writers, needed: numberOf(given, 'needed', LIMITS.sharedWritersMax, 1) }
}

/** As base64url text. Throws `usage`, `file-unreadable`, `too-long`. */
async function givenValue(given: Arguments, io: Io): Promise<string> {
  const text = given.operands['VALUE']
  const file = given.text('file')
  if ((text === undefined) === (file === undefined))
    throw new WebxError('usage', 'one value is expected: VALUE, or --file FILE', { hint: 'An empty text is a value.' })
  const bytes = file === undefined ? fromText(text ?? '') : await bytesOf(resolve(io.workingDirectory, file))
  if (bytes.length <= LIMITS.sharedValueBytesMax) return toBase64url(bytes)
  throw new WebxError('too-long', `a value has up to ${LIMITS.sharedValueBytesMax} bytes, this one ${bytes.length}`, {
    hint: 'Keep what is larger in a .qnt file, and share its digest.',
  })
}

async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    throw new WebxError('file-unreadable', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}

function numberOf(given: Arguments, option: string, most: number, usual: number): number {
  const text = given.text(option)
  if (text === undefined) return usual
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= 1 && number <= most) return number
  throw new WebxError('usage', `--${option}: expected a number from 1 to ${most}`)
}

/** A value for people: text where it is text, else hexadecimal. */
export function shown(value: string): string {
  const bytes = fromBase64url(value)
  try {
    return printable(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return `0x${toHex(bytes)}`
  }
}

function named(id: string): string {
  return labelOf(fromHex(id))
}

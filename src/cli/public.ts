/**
 * `webx public append`, `prove` and `watch`: the public log, as the node that runs on this machine sees it.
 */

import { access, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { portableText } from '../consensus/publiclog/portable.ts'
import { concat, fromBase64url, toBase64url } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import '../drivers/wasm-files.ts'
import { anchorsOf } from '../epochs.ts'
import type { HeldReceipt, ToldNews } from '../station-public.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, painter, printJson } from './output.ts'
import { digestGiven, genesisGiven, policyOf } from './public-verify.ts'

const STAGES: Readonly<Record<string, string>> = {
  sent: 'waiting for the MasterNodes to order it',
  logged: 'waiting for the witnesses to cosign it',
  carried: 'carried by the home of the log; waiting for the other homes to cosign it',
  witnessed: 'witnessed',
}
const AGAIN = 'Have it logged again: once more is no error.'
const LATER = 'It needs nothing more from you: webx public prove makes the receipt once they have.'
/** What is known of a document for whose receipt nobody waits any longer, and what to do. */
const UNFINISHED: Readonly<Record<string, readonly [string, string]>> = {
  sent: ['no MasterNode has ordered it', AGAIN],
  logged: ['it is ordered, and the witnesses of the log’s home have not cosigned it', AGAIN],
  carried: ['it is carried, so nothing undoes it, and other homes have not cosigned it', LATER],
}
const WATCH_MS_MAX = 86_400_000

/** Has a document logged. Throws `usage`, `unreachable`, `timeout` where it is not witnessed in time. */
export async function append(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('public append', args)
  const digest = await digestGiven(given, io, given.operands['FILE'], 'public append')
  const timeoutMs = secondsOf(given, 'timeout', 60, 3_600) * 1_000
  await assertFree(given, io)
  let reached = ''
  const progressOf = (value: unknown): string => {
    reached = (value as { stage: string }).stage
    return STAGES[reached] ?? ''
  }
  const params = { digest, note: given.text('note') ?? '' }
  const question = { method: 'publicAppend', params, timeoutMs, waiting: 'logging', progressOf }
  const held = await askStation<HeldReceipt>(given, io, question).catch((error: unknown) => {
    const known = error instanceof WebxError && error.code === 'timeout' ? UNFINISHED[reached] : undefined
    if (!known) throw error
    const [state, hint] = known
    throw new WebxError('timeout', `no receipt after ${timeoutMs / 1_000} s: ${state}`, { hint })
  })
  await hand(given, io, { digest, held, document: await fetch(given, io, held) })
  return EXIT.done
}

/** Makes a receipt. Throws `usage`, `unreachable`, `not-settled` for a document that is not witnessed. */
export async function prove(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('public prove', args)
  const digest = await digestGiven(given, io, given.operands['FILE'], 'public prove')
  const held = await askStation<HeldReceipt>(given, io, { method: 'publicProve', params: { digest } })
  const document = await fetch(given, io, held)
  if (!given.flag('text')) {
    await hand(given, io, { digest, held, document })
    return EXIT.done
  }
  const genesis = await genesisGiven(given, io, 'public prove')
  const text = portableText(document, anchorsOf(genesis), policyOf(genesis))
  const out = given.text('out')
  if (out !== undefined) await keep(resolve(io.workingDirectory, out), new TextEncoder().encode(text))
  if (given.flag('json'))
    printJson(io, { ok: true, digest, ...placeOf(held), ...(out === undefined ? { text } : { out }) })
  else if (out === undefined) io.stdout(text)
  else io.stdout(`${out}\n`)
  return EXIT.done
}

/** Follows the log until it is interrupted. Throws `unreachable`. */
export async function watch(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('public watch', args)
  const isJson = given.flag('json')
  const limited = given.text('for') !== undefined
  const lastsMs = limited ? secondsOf(given, 'for', 1, 86_400) * 1_000 : WATCH_MS_MAX
  const paint = painter(io, 'stdout')
  const signal = AbortSignal.any([AbortSignal.timeout(lastsMs), io.signal])
  let forks = 0
  const progressOf = (value: unknown): string => {
    const news = value as ToldNews
    if (news.kind === 'fork') forks++
    if (isJson) printJson(io, news)
    else io.stdout(`${news.kind === 'fork' ? paint('red', lineOf(news)) : lineOf(news)}\n`)
    return ''
  }
  try {
    await askStation(given, io, { method: 'publicWatch', timeoutMs: WATCH_MS_MAX, progressOf, signal })
  } catch (error) {
    if (!(error instanceof WebxError) || error.code !== 'stopped') throw error
  }
  return forks > 0 ? EXIT.failed : EXIT.done
}

function lineOf(news: ToldNews): string {
  switch (news.kind) {
    case 'leaf':
      return `leaf        #${news.index}  ${news.digest}  ${news.by}  ${JSON.stringify(news.note)}`
    case 'checkpoint':
      return `checkpoint  ${news.size} leaves, ${news.final} final  epoch ${news.epoch}  root ${news.root.slice(0, 16)}…`
    case 'cosigned':
      return `cosigned    ${news.size} leaves, weight ${news.weight} of ${news.total}`
    case 'generation':
      return `generation  ${news.generation} in epoch ${news.epoch}, from ${news.size} leaves on`
    case 'fork':
      return `ALARM       ${news.guilty} has signed two views of the log (${news.offence}); the evidence is out`
  }
}

async function fetch(given: Arguments, io: Io, { id, bytes }: HeldReceipt): Promise<Uint8Array> {
  if (bytes > LIMITS.logDocumentBytesMax) throw new WebxError('too-long', 'the node holds too long a receipt')
  const pieces: Uint8Array[] = []
  for (let from = 0; from < bytes; from += pieces.at(-1)?.length ?? bytes) {
    const params = { id, from }
    const { piece } = await askStation<{ piece: string }>(given, io, { method: 'publicPiece', params })
    if (piece === '') break
    pieces.push(fromBase64url(piece))
  }
  return concat(...pieces)
}

interface Handed {
  readonly digest: string
  readonly held: HeldReceipt
  readonly document: Uint8Array
}

async function hand(given: Arguments, io: Io, { digest, held, document }: Handed): Promise<void> {
  const out = given.text('out')
  if (out !== undefined) await keep(resolve(io.workingDirectory, out), document)
  const receipt = out === undefined ? { receipt: toBase64url(document) } : { out }
  if (given.flag('json')) {
    printJson(io, { ok: true, grade: 'WITNESSED', digest, ...placeOf(held), ...receipt })
    return
  }
  io.stdout(`grade       WITNESSED\ndigest      ${digest}\nplace       #${held.index} of ${held.size} leaves\n`)
  io.stdout(out === undefined ? `receipt     ${toBase64url(document)}\n` : `receipt     ${out}\n`)
}

function placeOf({ index, size }: HeldReceipt): { readonly index: number; readonly size: number } {
  return { index, size }
}

/** Nothing is put on the record whose receipt could not be kept. */
async function assertFree(given: Arguments, io: Io): Promise<void> {
  const out = given.text('out')
  if (out === undefined) return
  const path = resolve(io.workingDirectory, out)
  const isThere = await access(path).then(
    () => true,
    () => false,
  )
  if (isThere) throw new WebxError('bad-argument', `${path} exists already`, { hint: 'Name another file with --out.' })
}

async function keep(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes, { flag: 'wx' })
  } catch (cause) {
    throw new WebxError('bad-argument', `cannot write ${path}: ${(cause as Error).message}`, { cause })
  }
}

function secondsOf(given: Arguments, option: string, usual: number, max: number): number {
  const text = given.text(option)
  const seconds = text === undefined ? usual : Number(text)
  if (Number.isSafeInteger(seconds) && seconds >= 1 && seconds <= max) return seconds
  throw new WebxError('usage', `--${option}: expected 1 to ${max} seconds`)
}

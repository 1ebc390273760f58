/**
 * The key log of a key file, in `<key file>.log` beside it: what the identity has said of its keys, oldest first.
 *
 * It holds no secret, but it is the owner's memory, without which no event can be added: so it is kept as key files are (mode 0600, digest behind it, written
 * beside and renamed). Where it is missing the log is the inception that stands in the key file. An event that changes the key is written here first and into
 * the key file second: a cut between the two leaves a key file behind its log, and what opens it goes on with the key that the log says, for the root has it.
 */

import { lstat, unlink } from 'node:fs/promises'
import { concat, equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { believing, eventOf, type KeyHistory, readKeyHistory } from '../identity/keylog-history.ts'
import { broken, putPrivate, readPrivate, truePath, writeExclusive } from './key-file-disk.ts'
import type { KeyContent } from './key-file-format.ts'
import { publicKeyOf } from './key-file-root.ts'

/** A key file's content where its log says it stands, and that log. */
export interface PlacedContent {
  readonly content: KeyContent
  /** Encoded events, the inception first. */
  readonly log: readonly Uint8Array[]
  readonly history: KeyHistory
  /** False where events are missing from the log, so that nothing can be added to it. */
  readonly isWhole: boolean
}

const FORMAT = 'webx key log'
const VERSION = 1
const DIGEST_BYTES = 32
/** What the list of events adds to each of them. */
const EVENT_HEAD_BYTES = 3

/** Where the key log of a key file lies. */
export async function keyLogPath(path: string): Promise<string> {
  return `${await truePath(path)}.log`
}

/** The bytes of a key log file. Throws `limit` for a log that is too long to be kept. */
export function keyLogFileBytes(events: readonly Uint8Array[]): Uint8Array {
  const bytesCount = events.reduce((sum, event) => sum + event.length + EVENT_HEAD_BYTES, 0)
  if (events.length > LIMITS.keyEventsPerLogMax + 1 || bytesCount > LIMITS.keyLogFileBytesMax - 128) {
    throw new WebxError('limit', `a key log of ${events.length} events and ${bytesCount} bytes is too long to be kept`)
  }
  const content = encode([FORMAT, VERSION, events])
  return concat(content, digestOf(content))
}

/** The events in the bytes of a key log file; whether they make a log is for who reads it. Throws `key-file-broken` with the path in its message. */
export function readKeyLogFile(path: string, bytes: Uint8Array): Uint8Array[] {
  try {
    const content = bytes.subarray(0, Math.max(0, bytes.length - DIGEST_BYTES))
    if (!equal(digestOf(content), bytes.subarray(content.length))) throw broken('its digest does not match')
    const fields = Fields.of('key log file', content, LIMITS.keyLogFileBytesMax)
    if (fields.text('format', 32) !== FORMAT) throw broken('it is something else')
    const version = fields.uint('version')
    if (version !== VERSION) throw new WebxError('bad-version', `its version is ${version}, which is not known here`)
    const events = fields.list('events', LIMITS.keyEventsPerLogMax + 1, (event) => {
      if (event instanceof Uint8Array) return event.slice()
      throw new WebxError('bad-shape', 'an event is a byte string')
    })
    fields.end()
    if (events.length === 0) throw broken('it is empty')
    return events
  } catch (cause) {
    throw new WebxError('key-file-broken', `${path} is not a whole key log: ${(cause as Error).message}`, {
      hint: 'Restore it from a copy, or move it away and take the log from where it was published: webx id log --take.',
      cause,
    })
  }
}

/** The events beside a key file, or null where there are none. Throws `key-file-broken`, `key-file-open-to-others`. */
export async function eventsBeside(path: string): Promise<Uint8Array[] | null> {
  const log = await keyLogPath(path)
  return (await isThere(log)) ? readKeyLogFile(log, await readPrivate(log, LIMITS.keyLogFileBytesMax)) : null
}

/** Puts a log beside a key file, durable before this returns. Throws `limit`, `store-failed`; what was there is then as it was. */
export async function putKeyLog(path: string, events: readonly Uint8Array[]): Promise<void> {
  const file = await truePath(path)
  await putPrivate(`${file}.log`, keyLogFileBytes(events), file)
}

/**
 * Makes a key file of these bytes, and its log before it. A log without its key file says of itself what it is, a key file without its log does not.
 *
 * Throws `key-file-exists`, `limit`, `store-failed`.
 */
export async function createWithLog(path: string, bytes: Uint8Array, log: readonly Uint8Array[]): Promise<void> {
  const file = await truePath(path)
  const logPath = `${file}.log`
  if (await isThere(logPath)) {
    throw new WebxError('key-file-exists', `${logPath} is the key log of another key file and was left as it is`, {
      hint: 'Choose another path, or move that log away.',
    })
  }
  if (log.length <= 1 || (await isThere(path))) return writeExclusive(path, bytes)
  await writeExclusive(logPath, keyLogFileBytes(log))
  await writeExclusive(path, bytes).catch(async (cause: unknown) => {
    await unlink(logPath)
    throw cause
  })
}

/** The content of a key file as its log says. Throws as `placedIn`, and what reading the log throws. */
export async function placed(path: string, content: KeyContent, isLastInForce = false): Promise<PlacedContent> {
  return placedIn(path, content, await eventsBeside(path), isLastInForce)
}

/**
 * Where the content of a key file stands in a log.
 *
 * Throws `key-file-broken` for a log of another identity or one that does not show this key, `retired-key` where the log went on to a key that is not here.
 *
 * @param events null where there is no log, which is as good as the inception alone
 * @param isLastInForce whether a recovery at the end of the log is in force
 */
export function placedIn(
  path: string,
  content: KeyContent,
  events: readonly Uint8Array[] | null,
  isLastInForce = false,
): PlacedContent {
  const log = events ?? [content.inception]
  const history = historyOf(path, log, content.inception, isLastInForce)
  if (content.position >= log.length) return { content, log, history, isWhole: false }
  assertShows(path, log[content.position] as Uint8Array, content.publicKey)
  const { generations, state } = history
  const at = generations.findIndex(({ position }) => position === content.position)
  if (at < 0) {
    if (state.pending?.event.position === content.position) return { content, log, history, isWhole: true }
    throw retired(path, 'the recovery that it was made for never came into force')
  }
  let here = content
  for (const { position, keys } of generations.slice(at + 1)) {
    const rotation = here.rotation + 1
    const publicKey = keyOrNull(content, rotation)
    if (publicKey === null || !equal(publicKey, keys[0] as Uint8Array)) {
      throw retired(path, `the identity has another key from position ${position} of its log on`)
    }
    here = { ...content, rotation, position, publicKey }
  }
  return { content: here, log, history, isWhole: true }
}

/** The history of one's own log, which must begin with this inception. Throws `key-file-broken`. */
export function historyOf(
  path: string,
  log: readonly Uint8Array[],
  inception: Uint8Array,
  isLastInForce = false,
): KeyHistory {
  if (!equal(log[0] as Uint8Array, inception)) throw broken(`the key log of ${path} is of another identity`)
  try {
    return readKeyHistory(log, believing(log, isLastInForce))
  } catch (cause) {
    throw broken(`the key log of ${path} does not hold: ${(cause as Error).message}`, cause)
  }
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

function assertShows(path: string, bytes: Uint8Array, publicKey: Uint8Array): void {
  const event = eventOf(bytes)
  if ('keys' in event && event.keys.some((key) => equal(key, publicKey))) return
  throw broken(`the key log of ${path} does not lead to its key`)
}

function keyOrNull(content: KeyContent, rotation: number): Uint8Array | null {
  try {
    return publicKeyOf(content.keyAt(rotation))
  } catch (error) {
    if (error instanceof WebxError && error.code === 'no-root') return null
    throw error
  }
}

function retired(path: string, why: string): WebxError {
  return new WebxError('retired-key', `the key in ${path} does not act any more: ${why}`, {
    hint: 'Make a daily file anew from the file that holds the root: webx id daily.',
  })
}

function digestOf(content: Uint8Array): Uint8Array {
  return blake3Of('webx v1 key log file', content)
}

/**
 * The generations of an identity: which keys acted from which position of its log on.
 *
 * Whatever was signed names the position of the event that showed its key, so a reader with the log finds the key of a document that is older than the
 * newest rotation. Whether it was signed before that rotation, the log does not say.
 */

import { decodeEnvelope, statementDigest } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import { keyDigest } from './delegation.ts'
import { applyKeyEvent, type LogContext, readKeyLog } from './keylog.ts'
import { type KeyEvent, type RecoveryEvent, readKeyEvent } from './keylog-event.ts'
import { includes } from './keylog-promises.ts'
import { type KeyState, rankOf, stateAt } from './keylog-state.ts'

/** Keys that acted, from one event to the next one that changed them. */
export interface Generation {
  readonly event: 'inception' | 'rotation' | 'recovery'
  /** Position of the event that showed these keys. */
  readonly position: number
  /** Raw Ed25519 public keys. */
  readonly keys: readonly Uint8Array[]
}

/** What a log says, and how it came to that. */
export interface KeyHistory {
  readonly state: KeyState
  /** Ascending by position; the first is the inception's. A recovery is among them once it is in force. */
  readonly generations: readonly Generation[]
}

const WITNESSED_MS_APART = 2 ** 36
const LONG_AFTER_MS = 2 ** 50

/** Replays a log. Throws as `readKeyLog`. */
export function readKeyHistory(events: readonly Uint8Array[], context: LogContext = {}): KeyHistory {
  if (context.known !== undefined || events.length > LIMITS.keyEventsPerLogMax + 1) readKeyLog(events, context)
  const { nowMs = 0 } = context
  let state = readKeyLog(events.slice(0, 1))
  const generations: Generation[] = [{ event: 'inception', position: 0, keys: state.keys }]
  const settleRecovery = (atMs: number): void => {
    const after = stateAt(state, atMs)
    if (after === state) return
    generations.push({ event: 'recovery', position: state.pending?.event.position as number, keys: after.keys })
    state = after
  }
  for (const bytes of events.slice(1)) {
    const witnessedMs = context.witnessedMs?.(digestOf(bytes)) ?? null
    settleRecovery(witnessedMs ?? nowMs)
    state = applyKeyEvent(state, bytes, { nowMs, witnessedMs })
    const { event, position } = eventOf(bytes)
    if (event === 'rotation') generations.push({ event, position, keys: state.keys })
  }
  settleRecovery(nowMs)
  return { state, generations }
}

/** The generation that acted at a position of the log, or null for a position behind its end. */
export function generationAt({ state, generations }: KeyHistory, position: number): Generation | null {
  if (position > state.position) return null
  return generations.findLast((generation) => generation.position <= position) ?? null
}

/**
 * What a reader supposes who believes a log and has no witnesses, such as an owner of his own: a recovery came into force where the log goes on with what
 * only its keys can say, and did not where a veto follows or a renewal by the keys before it. Of one at the end he says so himself.
 *
 * @param isLastInForce whether a recovery at the end of the log is in force
 */
export function believing(events: readonly Uint8Array[], isLastInForce: boolean): LogContext {
  const witnessed = new Map<string, number>()
  const read = events.map(eventOf)
  for (const [i, event] of read.entries()) {
    if (event.event !== 'recovery') continue
    const after = read[i + 1]
    const inForce = after === undefined ? isLastInForce : !isObjection(after, event)
    if (inForce) witnessed.set(nameOf(digestOf(events[i] as Uint8Array)), event.position * WITNESSED_MS_APART)
  }
  return { nowMs: LONG_AFTER_MS, witnessedMs: (digest) => witnessed.get(nameOf(digest)) ?? null }
}

/** The event in its encoded envelope. Throws as `readKeyEvent`. */
export function eventOf(bytes: Uint8Array): KeyEvent {
  return readKeyEvent(decodeEnvelope(bytes, LIMITS.keyEventBytesMax))
}

/** Whether an event ends a recovery that is pending; whoever the recovery made owner renews with keys that it committed to. */
function isObjection(event: KeyEvent, { next }: RecoveryEvent): boolean {
  if (event.event !== 'rotation' || rankOf(event) !== 3) return event.event === 'veto'
  return !event.keys.every((key) => includes(next.digests, keyDigest(key)))
}

function digestOf(bytes: Uint8Array): Uint8Array {
  return statementDigest(decodeEnvelope(bytes, LIMITS.keyEventBytesMax))
}

function nameOf(digest: Uint8Array): string {
  return digest.join()
}

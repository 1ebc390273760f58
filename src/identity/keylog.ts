/**
 * The key event log of an identity: which keys speak for it, from the inception on.
 *
 * After KERI's pre-rotation: every event commits by hash to the keys that come next, so that a thief of today's key cannot rotate to his own. Whoever has
 * the log verifies it offline. Layout: `keylog-event.ts`; rules, and what thieves of which keys can do: `keylog-state.ts`; two histories: `keylog-fork.ts`.
 *
 * What a log alone cannot show is that there is no other one: who steals the keys of a past or present generation can write another history from their
 * rotation on, as if the true one did not exist. Against that stand witnesses (the register lane settles one event per position) and memory (`known`).
 */

import { equal } from '../core/bytes.ts'
import { decodeEnvelope, type Envelope, statementDigest } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { keyDigest } from './delegation.ts'
import { type InceptionEvent, keyEventBody, readKeyEvent } from './keylog-event.ts'
import { advanced, incepted, type KeyState, type Seen, stateAt } from './keylog-state.ts'
import type { Kind } from './xqident.ts'

export { keyDigest } from './delegation.ts'
export { keyEventBytes, keyEventMessage, NO_SCOPE } from './keylog-event.ts'
export type { KeyState } from './keylog-state.ts'

/** What a new identity of one key starts from. Keys are raw 32-byte Ed25519 public keys; the next key stays unused until a rotation. */
export interface Inception {
  readonly kind: Kind
  readonly key: Uint8Array
  readonly nextKey: Uint8Array
  /** 16 random bytes. */
  readonly salt: Uint8Array
  /** Commitment to an ML-DSA-65 key (`laterKeyDigest`), where there is one. */
  readonly laterKeyDigest?: Uint8Array
}

/** What a reader of a log knows beside the log. */
export interface LogContext {
  /** Now, in milliseconds since 1970; without it no recovery takes effect. */
  readonly nowMs?: number
  /** When witnesses first saw the event of this digest, in milliseconds since 1970; null where none did. */
  readonly witnessedMs?: (digest: Uint8Array) => number | null
  /** The newest event that was seen of this identity before: an older or another log is refused. */
  readonly known?: { readonly position: number; readonly digest: Uint8Array }
}

const UNSEEN: Seen = { nowMs: 0, witnessedMs: null }

/** Body bytes of the inception of one key without recovery, to be signed as `keyEventMessage`. */
export function inceptionBody({ kind, key, nextKey, salt, laterKeyDigest }: Inception): Uint8Array {
  const next = { digests: [keyDigest(nextKey)], threshold: 1 }
  const more = { recovery: null, delegator: null, laterKeyDigest: laterKeyDigest ?? null }
  return keyEventBody({ event: 'inception', position: 0, kind, keys: [key], threshold: 1, next, salt, ...more })
}

/**
 * The state after a log: an inception and what follows it, each event an encoded envelope.
 *
 * Throws `bad-identity` where there is no inception, `limit` for a log that is too long, `stale-log` or `forked-log` where `known` says otherwise, and the
 * code of the first rule that an event breaks.
 */
export function readKeyLog(events: readonly Uint8Array[], context: LogContext = {}): KeyState {
  const [first, ...rest] = events
  if (first === undefined) throw new WebxError('bad-identity', 'a key log begins with an inception')
  if (rest.length > LIMITS.keyEventsPerLogMax) {
    throw new WebxError('limit', `key log of ${events.length} events, at most ${LIMITS.keyEventsPerLogMax + 1} allowed`)
  }
  const { nowMs = 0, known } = context
  let state = readFounding(decodeKeyEnvelope(first))
  assertKnown(state, known)
  for (const bytes of rest) {
    const envelope = decodeKeyEnvelope(bytes)
    const witnessedMs = context.witnessedMs?.(statementDigest(envelope)) ?? null
    state = advanced(state, readKeyEvent(envelope), envelope, { nowMs, witnessedMs })
    assertKnown(state, known)
  }
  if (known && state.position < known.position) {
    throw new WebxError('stale-log', `key log ends at ${state.position}, but ${known.position} was seen before`, {
      hint: 'Ask a witness or another node for the newer log.',
    })
  }
  return stateAt(state, nowMs)
}

/** The state after one more event. A recovery whose witnesses come later than the event needs the log to be read again. */
export function applyKeyEvent(state: KeyState, bytes: Uint8Array, seen: Seen = UNSEEN): KeyState {
  const envelope = decodeKeyEnvelope(bytes)
  return advanced(state, readKeyEvent(envelope), envelope, seen)
}

/**
 * The state after the inception of an identity with one key, which is what members, terminals and payers have: shape, keys, and the signature by its own key.
 *
 * Throws `bad-identity`, `bad-key`, `bad-signature`, `unsupported-key-event`, or what decoding throws.
 */
export function readInception(bytes: Uint8Array): KeyState {
  return verifyInception(decodeEnvelope(bytes))
}

/** The same for an envelope that is decoded already. */
export function verifyInception(envelope: Envelope): KeyState {
  const event = readKeyEvent(envelope, 'inception') as InceptionEvent
  if (event.keys.length !== 1 || event.next.digests.length !== 1) {
    throw new WebxError('unsupported-key-event', 'an identity of several keys cannot take this part')
  }
  return incepted(event, envelope)
}

function readFounding(envelope: Envelope): KeyState {
  const event = readKeyEvent(envelope)
  if (event.event !== 'inception') throw new WebxError('bad-identity', 'a key log begins with an inception')
  return incepted(event, envelope)
}

function decodeKeyEnvelope(bytes: Uint8Array): Envelope {
  return decodeEnvelope(bytes, LIMITS.keyEventBytesMax)
}

function assertKnown(state: KeyState, known: LogContext['known']): void {
  if (known && state.position === known.position && !equal(state.digest, known.digest)) {
    throw new WebxError('forked-log', `another event was seen at position ${known.position} before`)
  }
}

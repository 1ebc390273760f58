/** Owners of key logs with all their keys in memory, and thieves who hold some of them. */

import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { decodeEnvelope, statementDigest } from '../../src/core/envelope.ts'
import { type Delegation, keyDigest } from '../../src/identity/delegation.ts'
import { applyKeyEvent, type LogContext, readKeyLog } from '../../src/identity/keylog.ts'
import {
  type EventLink,
  type InceptionEvent,
  type KeyEvent,
  keyEventBody,
  keyEventBytes,
  keyEventMessage,
  type RecoveryTerms,
  sharedKeyEventBytes,
} from '../../src/identity/keylog-event.ts'
import type { KeyState } from '../../src/identity/keylog-state.ts'
import type { Kind } from '../../src/identity/xqident.ts'
import type { Pair } from './people.ts'

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
export const HOUR_MS = 3_600_000
export const DELAY_SECONDS = 86_400

/** The key pair of a number: the same at every run. */
export function pairOf(number: number): Pair {
  const seed = new Uint8Array(32)
  new DataView(seed.buffer).setUint32(0, number)
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  const publicKey = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32))
  return { publicKey, sign: (message) => new Uint8Array(sign(null, message, key)) }
}

/** Keys that are promised, and how many of them must sign. */
export function promise(
  pairs: readonly Pair[],
  threshold = pairs.length,
): { digests: Uint8Array[]; threshold: number } {
  return { digests: pairs.map(({ publicKey }) => keyDigest(publicKey)), threshold }
}

export function publicKeys(pairs: readonly Pair[]): Uint8Array[] {
  return pairs.map(({ publicKey }) => publicKey)
}

/** An event as these pairs sign it: `pairs` are all keys of the event, `signing` the indexes of those who do. */
export function signedEvent(event: KeyEvent, pairs: readonly Pair[], signing = pairs.map((_, i) => i)): Uint8Array {
  const body = keyEventBody(event)
  const message = keyEventMessage(body)
  const [only] = pairs as [Pair]
  if (pairs.length === 1) return keyEventBytes(body, only.sign(message))
  return sharedKeyEventBytes(body, new Map(signing.map((i) => [i, (pairs[i] as Pair).sign(message)])))
}

/** What an owner begins with; defaults are one key, one next key, one recovery key. */
export interface Start {
  readonly from?: number
  readonly kind?: Kind
  /** How many of every rank. */
  readonly keys?: number
  readonly threshold?: number
  readonly recovery?: boolean
  readonly delaySeconds?: number
}

/** Keys of every rank that a recovery brings. */
export type Recovered = Pick<LogOwner, 'keys' | 'next' | 'recovery'>

/** A log that grows, with the keys of every rank. */
export class LogOwner {
  events: Uint8Array[] = []
  keys: Pair[]
  next: Pair[]
  recovery: Pair[]
  readonly count: number
  readonly threshold: number
  readonly delaySeconds: number
  number: number

  constructor(start: Start = {}) {
    const { from = 1000, kind = 'human', keys = 1, threshold = keys, recovery = true } = start
    this.delaySeconds = start.delaySeconds ?? DELAY_SECONDS
    this.number = from
    this.count = keys
    this.threshold = threshold
    this.keys = this.fresh(keys)
    this.next = this.fresh(keys)
    this.recovery = recovery ? this.fresh(keys) : []
    const event: InceptionEvent = {
      ...{ event: 'inception', position: 0, kind, keys: publicKeys(this.keys), threshold },
      next: promise(this.next, threshold),
      salt: new Uint8Array(16).fill(from & 255),
      recovery: recovery ? this.terms(this.recovery) : null,
      ...{ delegator: null, laterKeyDigest: null },
    }
    this.events.push(signedEvent(event, this.keys))
  }

  /** A copy that goes its own way: a thief's, or another machine's. */
  copy(): LogOwner {
    const twin = Object.assign(Object.create(LogOwner.prototype), this) as LogOwner
    twin.events = [...this.events]
    twin.number = this.number + 500_000
    return twin
  }

  fresh(count = this.count): Pair[] {
    return Array.from({ length: count }, () => pairOf(this.number++))
  }

  terms(pairs: readonly Pair[]): RecoveryTerms {
    return { ...promise(pairs, this.threshold), delaySeconds: this.delaySeconds }
  }

  state(context: LogContext = {}): KeyState {
    return readKeyLog(this.events, context)
  }

  link(): EventLink {
    const { id } = readKeyLog(this.events.slice(0, 1))
    return { id, position: this.events.length, previous: this.digest() }
  }

  /** Digest of the newest event. */
  digest(): Uint8Array {
    return statementDigest(decodeEnvelope(this.events.at(-1) as Uint8Array))
  }

  /** Appends whatever it is; whether it is taken shows when the log is read. */
  append(event: Uint8Array): this {
    this.events.push(event)
    return this
  }

  rotation(kept: readonly Uint8Array[] = [], next = this.fresh(), link = this.link()): Uint8Array {
    const event = {
      event: 'rotation',
      ...link,
      keys: publicKeys(this.next),
      next: promise(next, this.threshold),
    }
    const bytes = signedEvent({ ...event, kept, renewal: null } as KeyEvent, this.next)
    this.keys = this.next
    this.next = next
    return bytes
  }

  /** A rotation with new recovery keys. */
  renewal(): Uint8Array {
    const [next, recovery] = [this.fresh(), this.fresh()]
    const event = {
      event: 'rotation',
      ...this.link(),
      keys: publicKeys(this.next),
      next: promise(next, this.threshold),
    }
    const renewal = { recoveryKeys: publicKeys(this.recovery), recovery: this.terms(recovery) }
    const bytes = signedEvent({ ...event, kept: [], renewal } as KeyEvent, [...this.next, ...this.recovery])
    Object.assign(this, { keys: this.next, next, recovery })
    return bytes
  }

  delegation(key: Uint8Array, more: Partial<Delegation> = {}): Uint8Array {
    const delegation = {
      ...{ delegate: new Uint8Array(32).fill(7), key, scopes: ['pay'], amountPerDayMax: 500, usesMax: null },
      ...{ expiresMs: 1_000 * HOUR_MS, ...more },
    }
    return signedEvent({ event: 'delegation', ...this.link(), delegation }, this.keys)
  }

  revocation(key: Uint8Array): Uint8Array {
    return signedEvent({ event: 'revocation', ...this.link(), key, reason: 'stolen' }, this.keys)
  }

  /** A recovery to fresh keys of every rank. The owner holds `recovered` once it is in force. */
  recoveryEvent(link = this.link()): {
    bytes: Uint8Array
    recovered: Recovered
  } {
    const recovered = { keys: this.fresh(), next: this.fresh(), recovery: this.fresh() }
    const event: KeyEvent = {
      ...{ event: 'recovery', ...link, recoveryKeys: publicKeys(this.recovery), keys: publicKeys(recovered.keys) },
      ...{ threshold: this.threshold, next: promise(recovered.next, this.threshold) },
      recovery: this.terms(recovered.recovery),
    }
    return { bytes: signedEvent(event, [...recovered.keys, ...this.recovery]), recovered }
  }

  veto(link = this.link()): Uint8Array {
    return signedEvent({ event: 'veto', ...link }, this.keys)
  }
}

/** Witnesses that saw every event of a log at once, one event an hour from `startMs` on. */
export function witnessed(events: readonly Uint8Array[], startMs: number): (digest: Uint8Array) => number | null {
  const times = new Map(events.map((bytes, i) => [digestHex(bytes), startMs + i * HOUR_MS]))
  return (digest) => times.get(Buffer.from(digest).toString('hex')) ?? null
}

/** The state after one more event, for a log that is read without witnesses. */
export function taken(owner: LogOwner, bytes: Uint8Array): KeyState {
  return applyKeyEvent(owner.state(), bytes)
}

function digestHex(bytes: Uint8Array): string {
  return Buffer.from(statementDigest(decodeEnvelope(bytes))).toString('hex')
}

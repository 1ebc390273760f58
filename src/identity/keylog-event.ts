/**
 * Key events as bytes: what each says, written and read. Whether it may be said is the business of `keylog-state.ts`.
 *
 * A key event is a statement that belongs to no net: an envelope of type 1 whose scope is 32 zero bytes. Every event but the first names the identity, its
 * position and the digest of the event before, so it fits one place of one log. Layout and CDDL: `src/PROTOCOL.md`.
 */

import { compare, equal } from '../core/bytes.ts'
import { type Cbor, decode, encode } from '../core/codec.ts'
import { type Envelope, encodeEnvelope, signedBytes, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import {
  type Delegation,
  delegationFields,
  REVOCATION_REASONS,
  type RevocationReason,
  readDelegation,
} from './delegation.ts'
import { KINDS, type Kind } from './xqident.ts'

/** Key events belong to no net: their scope is 32 zero bytes. */
export const NO_SCOPE: Uint8Array = new Uint8Array(32)

/** Kinds of events; the number is what travels. */
export const EVENTS = ['inception', 'rotation', 'delegation', 'revocation', 'recovery', 'veto'] as const

/** Keys named by their digests (`keyDigest`), and how many of them must sign together. */
export interface Commitment {
  readonly digests: readonly Uint8Array[]
  readonly threshold: number
}

/** Keys that bring an identity back, and how long everybody else may object. */
export interface RecoveryTerms extends Commitment {
  readonly delaySeconds: number
}

/** The first event: its digest is the identity. */
export interface InceptionEvent {
  readonly event: 'inception'
  readonly position: 0
  readonly kind: Kind
  /** Raw Ed25519 public keys. */
  readonly keys: readonly Uint8Array[]
  readonly threshold: number
  readonly next: Commitment
  /** 16 random bytes. */
  readonly salt: Uint8Array
  readonly recovery: RecoveryTerms | null
  /** 32-byte identity that answers for a device or agent, or null. */
  readonly delegator: Uint8Array | null
  /** 32-byte commitment to an ML-DSA-65 public key for later, or null. */
  readonly laterKeyDigest: Uint8Array | null
}

/** The place of an event. */
export interface EventLink {
  /** 32 bytes. */
  readonly id: Uint8Array
  readonly position: number
  /** Digest of the event before: `statementDigest`, 32 bytes. */
  readonly previous: Uint8Array
}

export interface RotationEvent extends EventLink {
  readonly event: 'rotation'
  /** Those of the committed keys that are shown, in the order of their commitments. */
  readonly keys: readonly Uint8Array[]
  readonly next: Commitment
  /** Delegated keys that go on, ascending; all others end. */
  readonly kept: readonly Uint8Array[]
  /** New recovery keys, by leave of the old ones, which are shown; null: as they were. */
  readonly renewal: { readonly recoveryKeys: readonly Uint8Array[]; readonly recovery: RecoveryTerms } | null
}

export interface DelegationEvent extends EventLink {
  readonly event: 'delegation'
  readonly delegation: Delegation
}

export interface RevocationEvent extends EventLink {
  readonly event: 'revocation'
  /** The delegated key. */
  readonly key: Uint8Array
  readonly reason: RevocationReason
}

export interface RecoveryEvent extends EventLink {
  readonly event: 'recovery'
  /** Those of the committed recovery keys that are shown, in the order of their commitments. */
  readonly recoveryKeys: readonly Uint8Array[]
  readonly keys: readonly Uint8Array[]
  readonly threshold: number
  readonly next: Commitment
  readonly recovery: RecoveryTerms
}

export interface VetoEvent extends EventLink {
  readonly event: 'veto'
}

export type KeyEvent = InceptionEvent | RotationEvent | DelegationEvent | RevocationEvent | RecoveryEvent | VetoEvent

/** Body bytes of an event, to be signed as `keyEventMessage`. Throws `bad-argument` or `bad-scope` for what cannot be said. */
export function keyEventBody(event: KeyEvent): Uint8Array {
  const number = EVENTS.indexOf(event.event)
  if (event.event === 'inception') return encode([number, 0, ...inceptionFields(event)])
  return encode([number, event.position, event.id, event.previous, ...ownFields(event)])
}

/** What a signature of a key event covers. */
export function keyEventMessage(body: Uint8Array): Uint8Array {
  return signedBytes(TYPE.keyEvent, NO_SCOPE, body)
}

/** Encoded envelope of an event that one key signs. */
export function keyEventBytes(body: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeEnvelope({ type: TYPE.keyEvent, scope: NO_SCOPE, body, signature, attachment: new Uint8Array(0) })
}

/**
 * Encoded envelope of an event that several keys sign.
 *
 * @param signatures by index of the key among all keys that the event must be signed with: those of the identity, then recovery keys
 */
export function sharedKeyEventBytes(body: Uint8Array, signatures: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const pairs = [...signatures].sort(([a], [b]) => a - b)
  const envelope = { type: TYPE.keyEvent, scope: NO_SCOPE, body, signature: new Uint8Array(0) }
  return encodeEnvelope({ ...envelope, attachment: encode(pairs) })
}

/**
 * The event in an envelope.
 *
 * Throws `bad-identity`, `unsupported-key-event`, `bad-shape`, `bad-scope`, `bad-key`.
 *
 * @param only the one kind that is understood here; others are `unsupported-key-event`
 */
export function readKeyEvent(envelope: Envelope, only?: KeyEvent['event']): KeyEvent {
  if (envelope.type !== TYPE.keyEvent || envelope.scope.some((byte) => byte !== 0)) {
    throw new WebxError('bad-identity', 'not a key event')
  }
  const value = decode(envelope.body, LIMITS.keyEventBytesMax)
  const fields = new Fields('key event', value)
  const number = fields.uint('event', 255)
  const event = EVENTS[number]
  if (event === undefined || (only !== undefined && event !== only)) {
    throw new WebxError('unsupported-key-event', `key event ${number} is not understood here`)
  }
  const read = event === 'inception' ? readInceptionFields(fields, value) : readLater(event, fields)
  fields.end()
  return read
}

function inceptionFields(event: InceptionEvent): Cbor[] {
  const { kind, keys, threshold, next, salt, recovery, delegator, laterKeyDigest } = event
  const fields: Cbor[] = [KINDS.indexOf(kind), keys, threshold, next.digests, next.threshold, salt]
  const nothing = new Uint8Array(0)
  if (recovery || delegator || laterKeyDigest) {
    fields.push([recovery ? recoveryFields(recovery) : [], delegator ?? nothing, laterKeyDigest ?? nothing])
  }
  return fields
}

function ownFields(event: Exclude<KeyEvent, InceptionEvent>): Cbor[] {
  switch (event.event) {
    case 'rotation': {
      const { keys, next, kept, renewal } = event
      const renewed = renewal ? [renewal.recoveryKeys, recoveryFields(renewal.recovery)] : []
      return [keys, next.digests, next.threshold, kept, renewed]
    }
    case 'delegation':
      return delegationFields(event.delegation)
    case 'revocation':
      return [event.key, REVOCATION_REASONS.indexOf(event.reason)]
    case 'recovery': {
      const { recoveryKeys, keys, threshold, next, recovery } = event
      return [recoveryKeys, keys, threshold, next.digests, next.threshold, recoveryFields(recovery)]
    }
    case 'veto':
      return []
  }
}

function recoveryFields({ digests, threshold, delaySeconds }: RecoveryTerms): Cbor {
  return [digests, threshold, delaySeconds]
}

function readInceptionFields(fields: Fields, value: Cbor): InceptionEvent {
  fields.uint('position', 0)
  const kind = KINDS[fields.uint('kind', KINDS.length - 1)] as Kind
  const keys = readKeys(fields, 'keys', 1)
  const threshold = readThreshold(fields, 'threshold', keys.length)
  const next = readCommitment(fields)
  const salt = fields.bytes('salt', 16)
  const simple = { event: 'inception', position: 0, kind, keys, threshold, next, salt } as const
  if ((value as readonly Cbor[]).length === INCEPTION_FIELDS) {
    return { ...simple, recovery: null, delegator: null, laterKeyDigest: null }
  }
  const more = fields.tuple('more', (nested) => ({
    recovery: readAbsent(nested, 'recovery', readRecovery),
    delegator: readDigestOrNothing(nested, 'delegator'),
    laterKeyDigest: readDigestOrNothing(nested, 'laterKeyDigest'),
  }))
  if (!more.recovery && !more.delegator && !more.laterKeyDigest) {
    throw new WebxError('bad-shape', 'key event: what says nothing is left out')
  }
  return { ...simple, ...more }
}

const INCEPTION_FIELDS = 8

function readLater(event: Exclude<KeyEvent['event'], 'inception'>, fields: Fields): KeyEvent {
  const position = fields.uint('position')
  const link = { position, id: fields.bytes('id', 32), previous: fields.bytes('previous', 32) }
  switch (event) {
    case 'rotation':
      return {
        ...{ event, ...link },
        keys: readKeys(fields, 'keys', 1),
        next: readCommitment(fields),
        kept: readKept(fields),
        renewal: readAbsent(fields, 'renewal', (nested) => ({
          recoveryKeys: readKeys(nested, 'recoveryKeys', 0),
          recovery: nested.tuple('recovery', readRecovery),
        })),
      }
    case 'delegation':
      return { event, ...link, delegation: readDelegation(fields) }
    case 'revocation': {
      const key = fields.bytes('key', 32)
      const reason = REVOCATION_REASONS[fields.uint('reason', REVOCATION_REASONS.length - 1)] as RevocationReason
      return { event, ...link, key, reason }
    }
    case 'recovery': {
      const recoveryKeys = readKeys(fields, 'recoveryKeys', 1)
      const keys = readKeys(fields, 'keys', 1)
      const threshold = readThreshold(fields, 'threshold', keys.length)
      const next = readCommitment(fields)
      return {
        ...{ event, ...link, recoveryKeys, keys, threshold, next },
        recovery: fields.tuple('recovery', readRecovery),
      }
    }
    case 'veto':
      return { event, ...link }
  }
}

function readCommitment(fields: Fields): Commitment {
  const digests = readKeys(fields, 'digests', 1)
  return { digests, threshold: readThreshold(fields, 'nextThreshold', digests.length) }
}

function readRecovery(fields: Fields): RecoveryTerms {
  const commitment = readCommitment(fields)
  const delaySeconds = fields.uint('delaySeconds', LIMITS.recoveryDelaySecondsMax)
  if (delaySeconds < LIMITS.recoveryDelaySecondsMin) {
    throw new WebxError(
      'bad-shape',
      `key event: a delay of less than ${LIMITS.recoveryDelaySecondsMin} s protects nobody`,
    )
  }
  return { ...commitment, delaySeconds }
}

/** Keys or digests, no two alike: a key that is listed twice would count twice. */
function readKeys(fields: Fields, name: string, min: number): Uint8Array[] {
  const keys = fields.list(name, LIMITS.keysPerIdentityMax, (value) => {
    if (value instanceof Uint8Array && value.length === 32) return value
    throw new WebxError('bad-shape', 'key event: keys and digests have 32 bytes')
  })
  if (keys.length < min) throw new WebxError('bad-shape', `key event: ${name} is empty`)
  if (keys.some((key, i) => keys.slice(0, i).some((other) => equal(key, other)))) {
    throw new WebxError('bad-shape', `key event: ${name} names one key twice`)
  }
  return keys
}

function readKept(fields: Fields): Uint8Array[] {
  const kept = fields.list('kept', LIMITS.delegationsPerIdentityMax, (value) => {
    if (value instanceof Uint8Array && value.length === 32) return value
    throw new WebxError('bad-shape', 'key event: keys have 32 bytes')
  })
  if (kept.some((key, i) => i > 0 && compare(kept[i - 1] as Uint8Array, key) >= 0)) {
    throw new WebxError('bad-shape', 'key event: kept keys are not in order')
  }
  return kept
}

function readThreshold(fields: Fields, name: string, count: number): number {
  const threshold = fields.uint(name, 255)
  if (threshold < 1 || threshold > count) {
    throw new WebxError('bad-shape', `key event: ${name} ${threshold} of ${count} keys`)
  }
  return threshold
}

/** A nested array, or null where it is empty. */
function readAbsent<T>(fields: Fields, name: string, read: (nested: Fields) => T): T | null {
  const value = fields.any(name)
  if (Array.isArray(value) && value.length === 0) return null
  const nested = new Fields(`key event.${name}`, value)
  const result = read(nested)
  nested.end()
  return result
}

function readDigestOrNothing(fields: Fields, name: string): Uint8Array | null {
  const bytes = fields.bytesBetween(name, 0, 32)
  if (bytes.length !== 0 && bytes.length !== 32)
    throw new WebxError('bad-shape', `key event: ${name} has 32 bytes or none`)
  return bytes.length === 0 ? null : bytes
}

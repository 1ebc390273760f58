/**
 * The key log as a state machine: what an identity's log says after each event, and which events it refuses.
 *
 * **Ladder of keys.** Each step outranks those below, and no step can be climbed with the keys of a lower one:
 * 0. *delegated keys* act within their scopes (`delegation.ts`) and never write here;
 * 1. *current keys* act, delegate, revoke and veto. They are online, so they are the ones that are stolen;
 * 2. *next keys* rotate. They are committed by digest only and stay unused until then, so a thief of all current and delegated keys stays where he is; a
 *    rotation ends his delegations, too, for it keeps none that it does not name;
 * 3. *recovery keys* replace everything, but only `delaySeconds` after witnesses saw the recovery, so that nobody is taken over unseen;
 * 4. *next and recovery keys together* change the recovery keys, at once, and end a pending recovery.
 *
 * **How a war of vetoes ends.** Current keys can veto a recovery once: enough against whoever found the words, as the owner, who has 3 and 2, then renews
 * his recovery keys (step 4) and is rid of him. A second recovery cannot be vetoed and waits three times as long; so a thief of the whole key file (current
 * and next keys), who would veto for ever, loses to the owner of the words. Only step 4 stops a second recovery: a thief of the words alone never has it. A
 * rotation does not give the veto back, and waits while a recovery is pending. Whoever holds the only copy of the recovery keys therefore wins in the end:
 * they are the root of an identity, and belong on paper or with guardians. Without recovery keys a lost or stolen next key is final.
 *
 * **Floods.** A thief may write one delegation after the other, so that nothing else finds a place. After `keyEventsPerRotationMax` events since anybody above
 * the current keys spoke, theirs are not taken any more; a rotation, a renewal or a recovery in force opens the log again.
 *
 * Time is that of witnesses, not of whoever reads: an event counts for when it was witnessed, and what is not witnessed yet counts for now. A recovery that
 * nobody witnessed never takes effect.
 */

import { equal, toHex } from '../core/bytes.ts'
import { assertPublicKey } from '../core/crypto.ts'
import { type Envelope, statementDigest } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type Delegation, keyDigest, type Shown } from './delegation.ts'
import type {
  DelegationEvent,
  EventLink,
  InceptionEvent,
  KeyEvent,
  RecoveryEvent,
  RecoveryTerms,
  RevocationEvent,
  RotationEvent,
  VetoEvent,
} from './keylog-event.ts'
import { assertCommitted, assertFresh, includes, withShown } from './keylog-promises.ts'
import { assertSigned, type SignerGroup, type Strangers } from './keylog-signatures.ts'
import { identityOf, type Kind, labelOf } from './xqident.ts'

/** What a log says about its identity as of its newest event. */
export interface KeyState {
  /** 32 bytes. */
  readonly id: Uint8Array
  readonly label: string
  readonly kind: Kind
  /** Position of the newest event, an inception is 0: with `digest`, how old this view is. */
  readonly position: number
  /** Digest of the newest event (`statementDigest`). */
  readonly digest: Uint8Array
  /** Raw Ed25519 public keys that act. */
  readonly keys: readonly Uint8Array[]
  readonly threshold: number
  /** BLAKE3 commitments to the keys that come next, and how many of them must sign a rotation. */
  readonly nextKeyDigests: readonly Uint8Array[]
  readonly nextThreshold: number
  readonly recovery: RecoveryTerms | null
  /** 32-byte identity that answers for this one, or null. */
  readonly delegator: Uint8Array | null
  /** Commitment to an ML-DSA-65 key, or null. */
  readonly laterKeyDigest: Uint8Array | null
  /** By key in hexadecimal. */
  readonly delegations: ReadonlyMap<string, Delegation>
  /** Keys that were shown and are not the current ones, by digest in hexadecimal. */
  readonly shown: ReadonlyMap<string, Shown>
  /** Keys that the last rotation or recovery retired. */
  readonly retiredKeys: readonly Uint8Array[]
  readonly pending: PendingRecovery | null
  /** True from a veto until a recovery is in force or the recovery keys are renewed. */
  readonly vetoed: boolean
  /** Newest positions at which each rank spoke, by `RANKS`; −1 for never. */
  readonly spoken: readonly [rotation: number, recovery: number, renewal: number]
  readonly frozen: Frozen | null
}

/** A recovery that waits. */
export interface PendingRecovery {
  readonly event: RecoveryEvent
  readonly digest: Uint8Array
  /** When it takes effect, in milliseconds since 1970; null as long as nobody witnessed it. */
  readonly effectiveMs: number | null
  /** True for the second one, which cannot be vetoed. */
  readonly final: boolean
}

/** Two histories of an identity are signed, and neither outranks the other. */
export interface Frozen {
  readonly position: number
  /** Events of a higher rank end it. */
  readonly rank: Rank
}

/** Authority of an event, ascending: by current keys, next keys, recovery keys, next and recovery keys together. */
export const RANKS = ['current', 'rotation', 'recovery', 'renewal'] as const
export type Rank = 0 | 1 | 2 | 3

/** When an event was seen. */
export interface Seen {
  /** Now, in milliseconds since 1970. */
  readonly nowMs: number
  /** When witnesses first saw the event, or null where none did. */
  readonly witnessedMs: number | null
}

const NO_DELEGATIONS: ReadonlyMap<string, Delegation> = new Map()
const NONE_SHOWN: ReadonlyMap<string, Shown> = new Map()

/** The state after an inception. Throws `bad-key`, `key-reused`, or as `assertSigned`. */
export function incepted(event: InceptionEvent, envelope: Envelope): KeyState {
  const { kind, keys, threshold, next, recovery, delegator, laterKeyDigest } = event
  for (const key of keys) assertPublicKey(key)
  assertFresh([...next.digests, ...(recovery?.digests ?? [])], NONE_SHOWN, keys.map(keyDigest))
  assertSigned(envelope, [{ keys, threshold }], [])
  const id = identityOf(envelope.body)
  return {
    ...{ id, label: labelOf(id), kind, position: 0, digest: statementDigest(envelope), keys, threshold },
    ...{ nextKeyDigests: next.digests, nextThreshold: next.threshold, recovery, delegator, laterKeyDigest },
    ...{ delegations: NO_DELEGATIONS, shown: NONE_SHOWN, retiredKeys: [] },
    ...{ pending: null, vetoed: false, spoken: [-1, -1, -1], frozen: null },
  }
}

/** The place of the event that comes next. */
export function nextLink(state: KeyState): EventLink {
  return { id: state.id, position: state.position + 1, previous: state.digest }
}

/** The state as of a time: a recovery whose delay is over has taken effect. */
export function stateAt(state: KeyState, nowMs: number): KeyState {
  const { pending } = state
  if (pending === null || pending.effectiveMs === null || nowMs < pending.effectiveMs) return state
  const { keys, threshold, next, recovery, position } = pending.event
  return {
    ...state,
    ...{ keys, threshold, nextKeyDigests: next.digests, nextThreshold: next.threshold, recovery },
    ...{ delegations: NO_DELEGATIONS, retiredKeys: state.keys, shown: withShown(state.shown, state.keys, 'own') },
    ...{ pending: null, vetoed: false, spoken: [state.spoken[0], position, state.spoken[2]] },
    frozen: state.frozen && state.frozen.rank < 2 ? null : state.frozen,
  }
}

/** Authority that an event claims. */
export function rankOf(event: KeyEvent): Rank {
  if (event.event === 'rotation') return event.renewal?.recoveryKeys.length ? 3 : 1
  return event.event === 'recovery' ? 2 : 0
}

/** The state after an event that is no inception. Throws the code of the first rule that the event breaks. */
export function advanced(state: KeyState, event: KeyEvent, envelope: Envelope, seen: Seen): KeyState {
  if (event.event === 'inception') throw new WebxError('wrong-position', 'an inception is the first event of a log')
  const before = stateAt(state, seen.witnessedMs ?? seen.nowMs)
  assertPlace(before, event)
  assertOpen(before, event)
  const digest = statementDigest(envelope)
  const after = step(before, event, envelope, digest, seen)
  return { ...after, position: event.position, digest }
}

function step(state: KeyState, event: KeyEvent, envelope: Envelope, digest: Uint8Array, seen: Seen): KeyState {
  switch (event.event) {
    case 'rotation':
      return rotated(state, event, envelope)
    case 'delegation':
      return delegated(state, event, envelope)
    case 'revocation':
      return revoked(state, event, envelope)
    case 'recovery':
      return recovering(state, event, envelope, digest, seen.witnessedMs)
    case 'veto':
      return vetoed(state, event, envelope)
    case 'inception':
      return state
  }
}

function assertPlace(state: KeyState, { id, position, previous }: EventLink): void {
  if (position > LIMITS.keyEventsPerLogMax) throw new WebxError('limit', 'the key log is full for good')
  if (!equal(id, state.id)) throw new WebxError('wrong-identity', 'key event of another identity')
  if (position !== state.position + 1) {
    throw new WebxError('wrong-position', `key event ${position} where ${state.position + 1} comes next`)
  }
  if (!equal(previous, state.digest)) throw new WebxError('wrong-previous', 'key event follows another history')
}

/** Whether an event of this kind is due at all, whoever signed it. */
function assertOpen(state: KeyState, event: Exclude<KeyEvent, InceptionEvent>): void {
  const rank = rankOf(event)
  if (state.frozen && rank <= state.frozen.rank) {
    throw new WebxError('frozen', `two histories are signed from position ${state.frozen.position} on`, {
      hint: `Only keys that outrank "${RANKS[state.frozen.rank]}" can end this: recover the identity.`,
    })
  }
  if (state.pending && event.event !== 'veto' && rank !== 3) {
    throw new WebxError('recovery-pending', 'a recovery waits; until it is vetoed or in force nothing else is taken')
  }
  if (!state.pending && event.event === 'veto') throw new WebxError('nothing-to-veto', 'no recovery is pending')
  // by current keys alone: whoever stole them can fill this generation's share of the log, and not keep its owner from the next one
  const count = event.position - Math.max(0, ...state.spoken)
  if (rank === 0 && event.event !== 'veto' && count > LIMITS.keyEventsPerRotationMax) {
    throw new WebxError('limit', 'these keys have signed as much as they may; a rotation opens the log again')
  }
}

function rotated(state: KeyState, event: RotationEvent, envelope: Envelope): KeyState {
  const { keys, next, kept, renewal } = event
  const committed = { digests: state.nextKeyDigests, threshold: state.nextThreshold }
  assertCommitted(committed, keys)
  const groups: SignerGroup[] = [{ keys, threshold: state.nextThreshold }]
  if (renewal) groups.push(renewingGroup(state, renewal.recoveryKeys))
  const oldRecovery = renewal ? [] : (state.recovery?.digests ?? [])
  const newKeys = [...keys, ...(renewal?.recoveryKeys ?? [])].map(keyDigest)
  const promised = [...next.digests, ...(renewal?.recovery.digests ?? [])]
  assertFresh(promised, state.shown, [...state.keys.map(keyDigest), ...newKeys, ...oldRecovery])
  assertSigned(envelope, groups, strangersOf(state))
  const shown = withShown(state.shown, [...state.keys, ...(renewal?.recoveryKeys ?? [])], 'own')
  return {
    ...state,
    ...{ keys, threshold: state.nextThreshold, nextKeyDigests: next.digests, nextThreshold: next.threshold },
    ...{
      recovery: renewal?.recovery ?? state.recovery,
      delegations: keptOf(state, kept),
      shown,
      retiredKeys: state.keys,
    },
    ...{ pending: renewal ? null : state.pending, vetoed: renewal ? false : state.vetoed, frozen: null },
    spoken: [event.position, state.spoken[1], rankOf(event) === 3 ? event.position : state.spoken[2]],
  }
}

/** Recovery keys that must agree to their own replacement; none where there were none. */
function renewingGroup(state: KeyState, recoveryKeys: readonly Uint8Array[]): SignerGroup {
  if (state.recovery) {
    assertCommitted(state.recovery, recoveryKeys)
    return { keys: recoveryKeys, threshold: state.recovery.threshold }
  }
  if (recoveryKeys.length > 0) throw new WebxError('no-recovery', 'this identity has no recovery keys')
  return { keys: [], threshold: 0 }
}

function keptOf(state: KeyState, kept: readonly Uint8Array[]): ReadonlyMap<string, Delegation> {
  return new Map(
    kept.map((key) => {
      const name = toHex(key)
      const delegation = state.delegations.get(name)
      if (!delegation) throw new WebxError('not-delegated', 'rotation keeps a key that is not delegated')
      return [name, delegation]
    }),
  )
}

function delegated(state: KeyState, { delegation }: DelegationEvent, envelope: Envelope): KeyState {
  const digest = keyDigest(delegation.key)
  const before = state.shown.get(toHex(digest))
  if (before === 'revoked') throw new WebxError('revoked-key', 'a revoked key is never delegated again')
  if (before === 'own' || includes(state.keys, delegation.key)) {
    throw new WebxError('key-reused', "the identity's own key cannot be a delegated one")
  }
  if (includes([...state.nextKeyDigests, ...(state.recovery?.digests ?? [])], digest)) {
    throw new WebxError('key-shown-early', 'this key is promised to a rotation or recovery and must stay unseen')
  }
  assertSigned(envelope, [state], strangersOf(state))
  const delegations = new Map(state.delegations).set(toHex(delegation.key), delegation)
  if (delegations.size > LIMITS.delegationsPerIdentityMax) {
    throw new WebxError('limit', `at most ${LIMITS.delegationsPerIdentityMax} delegated keys`)
  }
  const shown = before ? state.shown : withShown(state.shown, [delegation.key], 'delegate')
  return { ...state, delegations, shown }
}

function revoked(state: KeyState, { key }: RevocationEvent, envelope: Envelope): KeyState {
  const name = toHex(keyDigest(key))
  if (state.shown.get(name) === 'revoked') throw new WebxError('revoked-key', 'this key is revoked already')
  if (state.shown.get(name) !== 'delegate') throw new WebxError('not-delegated', 'this key was never delegated')
  assertSigned(envelope, [state], strangersOf(state))
  const delegations = new Map(state.delegations)
  delegations.delete(toHex(key))
  return { ...state, delegations, shown: new Map(state.shown).set(name, 'revoked') }
}

function recovering(
  state: KeyState,
  event: RecoveryEvent,
  envelope: Envelope,
  digest: Uint8Array,
  witnessedMs: number | null,
): KeyState {
  const { recovery } = state
  if (!recovery) throw new WebxError('no-recovery', 'this identity has no recovery keys')
  assertCommitted(recovery, event.recoveryKeys)
  for (const key of event.keys) assertPublicKey(key)
  const shownNow = event.recoveryKeys.map(keyDigest)
  const ours = [...state.keys.map(keyDigest), ...state.nextKeyDigests, ...recovery.digests, ...shownNow]
  const newKeys = event.keys.map(keyDigest)
  assertFresh(newKeys, state.shown, ours)
  assertFresh([...event.next.digests, ...event.recovery.digests], state.shown, [...ours, ...newKeys])
  const groups = [
    { keys: event.keys, threshold: event.threshold },
    { keys: event.recoveryKeys, threshold: recovery.threshold },
  ]
  assertSigned(envelope, groups, strangersOf(state))
  const delays = state.vetoed ? LIMITS.recoveryAfterVetoDelays : 1
  const effectiveMs = witnessedMs === null ? null : witnessedMs + recovery.delaySeconds * 1000 * delays
  return {
    ...state,
    shown: withShown(state.shown, [...event.keys, ...event.recoveryKeys], 'own'),
    pending: { event, digest, effectiveMs, final: state.vetoed },
  }
}

function vetoed(state: KeyState, _event: VetoEvent, envelope: Envelope): KeyState {
  if (state.pending?.final) throw new WebxError('recovery-final', 'a second recovery cannot be vetoed')
  assertSigned(envelope, [state], strangersOf(state))
  return { ...state, pending: null, vetoed: true }
}

function strangersOf(state: KeyState): Strangers[] {
  const delegates = [...state.delegations.values()].map(({ key }) => key)
  return [
    { keys: state.retiredKeys, code: 'retired-key', message: 'signed by a key that was retired' },
    { keys: delegates, code: 'delegated-key', message: 'a delegated key does not write into the key log' },
  ]
}

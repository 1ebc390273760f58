/**
 * One settled key event: in which lane it was settled, and what the log says up to it.
 *
 * Events are settled in *lanes*: one for each rank (`keylog-state.ts`) since the newest event of a higher rank, so that nobody can take away a place that he has
 * no keys for. A thief of current keys who signs two delegations for one place brings that lane to a stop, and no other: the rotation that ends him goes its own
 * way, and the lane after it is a new one.
 *
 * A recovery is settled as one that waits. Whether it came into force the event does not show: members say it by an order of their own (`keylog-recovery.ts`), once
 * for ever. Here it counts as seen long ago if they did, and as not seen by anybody if not, so that no clock is read.
 */

import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { decodeEnvelope, type Envelope, statementDigest } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { applyKeyEvent, readInception } from '../identity/keylog.ts'
import { type KeyEvent, readKeyEvent } from '../identity/keylog-event.ts'
import { type KeyState, type PendingRecovery, RANKS, type Rank, rankOf, stateAt } from '../identity/keylog-state.ts'

/** An event whose place in the tree is known. */
export interface KeyNode {
  /** Encoded envelope. */
  readonly bytes: Uint8Array
  readonly kind: KeyEvent['event']
  readonly digest: Uint8Array
  readonly rank: Rank
  /** Version of its lane; 0 for the inception. */
  readonly version: number
  readonly lane: Uint8Array
  /** Digest of the event that its lane begins behind; its own for the inception. */
  readonly base: Uint8Array
  readonly parent: KeyNode | null
  /** The log up to here; a recovery that was put in force has taken effect. */
  readonly state: KeyState
  /** By rank: digest of the newest event up to here, itself included, that outranks it; the inception's where none does. */
  readonly bases: readonly Uint8Array[]
  /** Of a recovery. */
  readonly recovery: SettledRecovery | null
}

/** What becomes of a recovery. */
export interface SettledRecovery {
  /** How long everybody else may object, from when witnesses saw it. */
  readonly delayMs: number
  /** True where members put it in force. */
  readonly inForce: boolean
  /** The log up to here as long as it waits. */
  readonly waiting: KeyState
}

/** A key event as it came, read but not judged. */
export interface ReadEvent {
  readonly bytes: Uint8Array
  readonly envelope: Envelope
  readonly event: Exclude<KeyEvent, { event: 'inception' }>
  readonly digest: Uint8Array
  readonly rank: Rank
}

const NO_LANE = new Uint8Array(32)
/** Later than the end of every delay. */
const FAR_MS = Number.MAX_SAFE_INTEGER

/** 32-byte name of a lane, which owns the lane's object: H([identity, rank, base]). No inception has it for an identity, so no key but those of the events speaks in it. */
export function laneName(id: Uint8Array, rank: Rank, base: Uint8Array): Uint8Array {
  return blake3Of('webx v1 key log lane', encode([id, rank, base]))
}

/** Reads an event that can be settled. Throws `unsupported-key-event` for inceptions, which open a log, and what decoding throws. */
export function readSettling(bytes: Uint8Array): ReadEvent {
  const envelope = decodeEnvelope(bytes, LIMITS.keyEventBytesMax)
  const event = readKeyEvent(envelope)
  if (event.event === 'inception') {
    throw new WebxError('unsupported-key-event', 'an inception opens a key log, and is settled by an order of its own')
  }
  return { bytes, envelope, event, digest: statementDigest(envelope), rank: rankOf(event) }
}

/** The node of an inception. Throws as `readInception`. */
export function rootNode(inception: Uint8Array): KeyNode {
  const state = readInception(inception)
  const { digest } = state
  const place = { rank: 0, version: 0, lane: NO_LANE, base: digest, parent: null } as const
  return {
    ...{ bytes: inception, kind: 'inception', digest, ...place, state },
    ...{ bases: RANKS.map(() => digest), recovery: null },
  }
}

/**
 * The event behind its parent. Throws the code of the first rule of key logs that it breaks there.
 *
 * @param inForce of a recovery: whether members put it in force
 */
export function nodeBehind(parent: KeyNode, read: ReadEvent, version: number, inForce: boolean): KeyNode {
  const { bytes, digest, rank, event } = read
  const base = parent.bases[rank] as Uint8Array
  const bases = parent.bases.map((before, of) => (rank > of ? digest : before))
  const place = { rank, version, lane: laneName(event.id, rank, base), base, parent, bases }
  const node = { bytes, kind: event.event, digest, ...place }
  if (event.event !== 'recovery') return { ...node, state: stateBehind(parent, read), recovery: null }
  const seen = applyKeyEvent(parent.state, bytes, { nowMs: 0, witnessedMs: 0 })
  const pending = seen.pending as PendingRecovery
  const waiting = { ...seen, pending: { ...pending, effectiveMs: null } }
  const recovery = { delayMs: pending.effectiveMs as number, inForce, waiting }
  return { ...node, state: inForce ? stateAt(seen, FAR_MS) : waiting, recovery }
}

/**
 * Next and recovery keys together end a recovery also where it came into force meanwhile: such a renewal and the order that puts the recovery in force go side by
 * side, and what stands must not depend on which of them was settled first.
 */
function stateBehind({ state, recovery }: KeyNode, { bytes, rank }: ReadEvent): KeyState {
  try {
    return applyKeyEvent(state, bytes)
  } catch (error) {
    if (!recovery?.inForce || rank !== 3) throw error
    return applyKeyEvent(recovery.waiting, bytes)
  }
}

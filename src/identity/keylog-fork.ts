/**
 * Duplicity: two histories of one identity, both signed by keys that may.
 *
 * Where two logs part, three questions decide, in this order. Which of the two events did witnesses see? Which branch was continued by keys of a higher
 * rank (`keylog-state.ts`)? So a thief of the current key, or of one that a rotation retired, who signs another delegation at an old position gains
 * nothing: the owner's rotation outranks it. If neither answers, both branches are evidence, nobody is believed, and the identity is frozen: only events
 * of a higher rank than those of the fork end it, so that a fork of current keys is healed by a rotation, one of rotations by a recovery, and one of
 * recoveries only by next and recovery keys together.
 *
 * Evidence is `[1, branch, branch]`: from the parting on, each branch up to the event that gives it its rank, the smaller bytes first. With the log up to
 * there, which both branches name by its digest, it convicts whoever brings it.
 */

import { compare, equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeEnvelope, statementDigest } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { type LogContext, readKeyLog } from './keylog.ts'
import { type KeyEvent, readKeyEvent } from './keylog-event.ts'
import { type KeyState, type Rank, rankOf } from './keylog-state.ts'

/** Two histories that part. */
export interface Duplicity {
  /** 32 bytes. */
  readonly id: Uint8Array
  /** First position at which they differ. */
  readonly position: number
  /** Which of the two is to be believed; null: neither, the identity is frozen. */
  readonly standing: 'one' | 'other' | null
  /** Rank of the fork: the lower one's where one stands. */
  readonly rank: Rank
  /** Both branches, sorted, each cut after the event that gives it its rank. */
  readonly branches: readonly [readonly Uint8Array[], readonly Uint8Array[]]
}

const EVIDENCE_VERSION = 1

/**
 * Where two logs of one identity part, or null where one continues the other.
 *
 * Throws `wrong-identity` for logs of two identities, and what `readKeyLog` throws where one of them is not valid: that is no duplicity but a forgery.
 */
export function findDuplicity(
  one: readonly Uint8Array[],
  other: readonly Uint8Array[],
  context: LogContext = {},
): Duplicity | null {
  const { known: _, ...unbiased } = context
  const states = [readKeyLog(one, unbiased), readKeyLog(other, unbiased)] as const
  if (!equal(states[0].id, states[1].id)) throw new WebxError('wrong-identity', 'these are logs of two identities')
  const digests = [one.map(digestOf), other.map(digestOf)] as const
  const shared = Math.min(one.length, other.length)
  let position = 0
  while (position < shared && equal(digests[0][position] as Uint8Array, digests[1][position] as Uint8Array)) position++
  if (position === shared) return null
  const seen = digests.map((list) => unbiased.witnessedMs?.(list[position] as Uint8Array) ?? null)
  const ranks = states.map((state) => rankFrom(state, position)) as [Rank, Rank]
  const branches = [one, other].map((log, i) => cut(log, states[i] as KeyState, position, ranks[i] as Rank))
  const standing = standingOf(seen, ranks)
  const rank = Math.min(...ranks) as Rank
  return {
    ...{ id: states[0].id, position, standing, rank },
    branches: branches.sort((a, b) => compare(encode(a), encode(b))) as [Uint8Array[], Uint8Array[]],
  }
}

/** Evidence of a fork, to be kept and passed on. */
export function duplicityBytes({ branches }: Duplicity): Uint8Array {
  return encode([EVIDENCE_VERSION, ...branches])
}

/**
 * The state of a log as of evidence that somebody brought: frozen, if the branches continue this log and it does not outrank them.
 *
 * Throws `outranked` where the log stands nevertheless, `forked-log` where a branch outranks it, `wrong-position` where the evidence does not continue
 * it, `bad-shape`, `bad-version`, and what `readKeyLog` throws where a branch is a forgery or belongs to another identity.
 *
 * @param log the log that is believed so far
 * @param evidence bytes of `duplicityBytes`
 */
export function frozenBy(log: readonly Uint8Array[], evidence: Uint8Array, context: LogContext = {}): KeyState {
  const [one, other] = readEvidence(evidence)
  const position = eventOf(one[0] as Uint8Array).position
  if (position < 1 || position > log.length || eventOf(other[0] as Uint8Array).position !== position) {
    throw new WebxError('wrong-position', `evidence about position ${position} does not continue this log`)
  }
  const before = log.slice(0, position)
  const [first, second] = [
    [...before, ...one],
    [...before, ...other],
  ]
  const fork = findDuplicity(first, second, context)
  if (fork?.position !== position)
    throw new WebxError('bad-shape', 'evidence of nothing: one branch continues the other')
  const forks = log.length === position ? [fork] : [first, second].map((branch) => findDuplicity(log, branch, context))
  if (log.length > position && forks.some((found) => found?.standing === 'other')) {
    throw new WebxError('forked-log', `another history outranks this log from position ${position} on`)
  }
  const tie = forks.find((found) => found?.position === position && found.standing === null)
  if (!tie)
    throw new WebxError('outranked', `the fork at position ${position} is settled: one branch outranks the other`)
  return { ...readKeyLog(log, context), frozen: { position, rank: tie.rank } }
}

function readEvidence(bytes: Uint8Array): [Uint8Array[], Uint8Array[]] {
  const fields = Fields.of('evidence', bytes, LIMITS.keyEvidenceBytesMax)
  const version = fields.uint('version', 255)
  if (version !== EVIDENCE_VERSION) throw new WebxError('bad-version', `evidence of version ${version}`)
  const branch = (name: string): Uint8Array[] => {
    const events = fields.list(name, LIMITS.keyEventsPerLogMax, (value) => {
      if (value instanceof Uint8Array) return value
      throw new WebxError('bad-shape', 'evidence: a branch is a list of key events')
    })
    if (events.length === 0) throw new WebxError('bad-shape', 'evidence: a branch is empty')
    return events
  }
  const branches: [Uint8Array[], Uint8Array[]] = [branch('one'), branch('other')]
  fields.end()
  if (compare(encode(branches[0]), encode(branches[1])) >= 0)
    throw new WebxError('bad-shape', 'evidence is not in order')
  return branches
}

function standingOf(seen: readonly (number | null)[], [one, other]: readonly [Rank, Rank]): Duplicity['standing'] {
  if ((seen[0] === null) !== (seen[1] === null)) return seen[0] === null ? 'other' : 'one'
  return one === other ? null : one > other ? 'one' : 'other'
}

/** Highest authority that spoke on a log from a position on. */
function rankFrom({ spoken }: KeyState, position: number): Rank {
  return (spoken.findLastIndex((at) => at >= position) + 1) as Rank
}

/** A branch up to the first event of its rank; of recoveries, which may have been vetoed, up to the one in force. */
function cut(log: readonly Uint8Array[], { spoken }: KeyState, position: number, rank: Rank): readonly Uint8Array[] {
  if (rank === 0) return log.slice(position, position + 1)
  if (rank === 2) return log.slice(position, spoken[1] + 1)
  return log.slice(position, log.findIndex((bytes, at) => at >= position && rankOf(eventOf(bytes)) >= rank) + 1)
}

function eventOf(bytes: Uint8Array): KeyEvent {
  return readKeyEvent(decodeEnvelope(bytes, LIMITS.keyEventBytesMax))
}

function digestOf(bytes: Uint8Array): Uint8Array {
  return statementDigest(decodeEnvelope(bytes, LIMITS.keyEventBytesMax))
}

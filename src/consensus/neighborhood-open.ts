/**
 * What a statement must pass before a neighborhood hears of it: decoding, and a list of the signatures that must hold.
 *
 * What is known is dropped before a signature is checked. A statement of an epoch that is unknown here is refused as `wrong-epoch`: whoever drives the neighborhood lets it know.
 */

import { equal } from '../core/bytes.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import { type Envelope, encodeEnvelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { checksOf, readCertificate } from './certificate.ts'
import type { Event } from './effects.ts'
import { readHandOver } from './epoch/handover.ts'
import { openOrdered } from './epoch/ordered.ts'
import { transactionDigest } from './epoch/transaction.ts'
import type { Neighborhood } from './neighborhood.ts'
import type { NeighborhoodEvent } from './neighborhood-effects.ts'
import { orderMessage, readOrder } from './order.ts'
import { readBallot } from './simplex/ballot.ts'
import { candidateCheck, readCandidate } from './simplex/candidate.ts'
import { readBlockCertificate } from './simplex/certificate.ts'
import { headerCheck, readVoteBatch } from './statement.ts'

/** A statement whose shape holds; true only if all checks hold. */
export interface OpenedStatement {
  readonly event: NeighborhoodEvent
  readonly checks: readonly SignatureCheck[]
}

/** Types of statements that a neighborhood hears. */
export const HEARD: readonly number[] = [
  ...[TYPE.order, TYPE.voteBatch, TYPE.certificate, TYPE.settlement, TYPE.evidence],
  ...[TYPE.candidate, TYPE.ballot, TYPE.blockCertificate, TYPE.transaction, TYPE.candidacy, TYPE.handOver],
  TYPE.sharedChange,
]

/** What nobody needs any more once its epoch is over. */
const OF_ONE_EPOCH: ReadonlySet<number> = new Set([
  ...[TYPE.voteBatch, TYPE.evidence, TYPE.candidate, TYPE.ballot, TYPE.blockCertificate, TYPE.transaction],
])

/** Decodes a statement; null where it can tell nothing new. Throws what decoding throws, and `wrong-epoch`. */
export function openStatement<S>(
  hood: Neighborhood<S>,
  envelope: Envelope,
  bytes: Uint8Array = encodeEnvelope(envelope),
): OpenedStatement | null {
  const { committee } = hood.term
  if (OF_ONE_EPOCH.has(envelope.type) && !equal(envelope.scope, committee.cid) && hood.book.find(envelope.scope))
    return null
  switch (envelope.type) {
    case TYPE.order:
      return openOrder(hood, envelope)
    case TYPE.voteBatch: {
      const batch = readVoteBatch(envelope, committee)
      return { event: register({ kind: 'votes', batch }), checks: [headerCheck(committee, batch)] }
    }
    case TYPE.certificate:
    case TYPE.settlement:
      return openCertificate(hood, envelope, bytes)
    case TYPE.candidate:
      return openCandidate(hood, envelope, bytes)
    case TYPE.ballot: {
      const ballot = readBallot(envelope, committee)
      const event = { kind: 'ballot', ballot } as const
      const news = hood.term.simplex.checksFor(event)
      return news && { event: { kind: 'block', cid: committee.cid, event }, checks: news }
    }
    case TYPE.blockCertificate: {
      const event = { kind: 'certificate', certificate: readBlockCertificate(envelope, committee), bytes } as const
      const news = hood.term.simplex.checksFor(event)
      return news && { event: { kind: 'block', cid: committee.cid, event }, checks: news }
    }
    case TYPE.evidence:
    case TYPE.transaction:
    case TYPE.candidacy:
      return openOnce(hood, bytes)
    case TYPE.sharedChange:
      return openShared(hood, bytes)
    case TYPE.handOver:
      return openHandOver(hood, envelope, bytes)
    default:
      throw new WebxError('unknown-type', `statements of type ${envelope.type} are nothing for a neighborhood`)
  }
}

function register(event: Event): NeighborhoodEvent {
  return { kind: 'register', event }
}

function openOrder<S>(hood: Neighborhood<S>, envelope: Envelope): OpenedStatement {
  const order = readOrder(envelope)
  const owner = hood.register.keyOf(order)
  const event = register({ kind: 'order', order, verified: owner !== null })
  const key = owner?.key
  return { event, checks: key ? [{ key, message: orderMessage(order), signature: envelope.signature }] : [] }
}

/** A certificate tells the register something, and may be what a report needs to be complete. */
function openCertificate<S>(hood: Neighborhood<S>, envelope: Envelope, bytes: Uint8Array): OpenedStatement | null {
  const committee = hood.book.of(envelope)
  const certificate = readCertificate(envelope, committee)
  const news = hood.register.checksFor(certificate)
  const isWanted = equal(committee.cid, hood.term.committee.cid) && hood.term.wantsProof(certificate)
  if (news === null && !isWanted) return null
  const also = { kind: 'certificate', certificate, bytes } as const
  const checks = news ?? (hood.register.recognizes(certificate) ? [] : checksOf(certificate, committee))
  return { event: isWanted ? { kind: 'transaction', cid: committee.cid, bytes, also } : register(also), checks }
}

function openCandidate<S>(hood: Neighborhood<S>, envelope: Envelope, bytes: Uint8Array): OpenedStatement | null {
  const { committee, simplex, pool, context, state } = hood.term
  const candidate = readCandidate(envelope, committee)
  const event = { kind: 'candidate', candidate, bytes } as const
  const news = simplex.checksFor(event)
  if (news === null) return null
  const checks = [...(news.length > 0 ? [candidateCheck(committee, candidate)] : [])]
  for (const transaction of candidate.transactions) {
    const digest = transactionDigest(transaction)
    if (!pool.has(digest) && !state.isDone(digest)) checks.push(...openOrdered(transaction, context).checks)
  }
  return { event: { kind: 'block', cid: committee.cid, event }, checks }
}

/** What waits for a block needs to be heard once. */
function openOnce<S>(hood: Neighborhood<S>, bytes: Uint8Array): OpenedStatement | null {
  if (bytes.length > LIMITS.transactionBytesMax)
    throw new WebxError('too-long', 'a transaction that no block has room for')
  const { pool, state, context } = hood.term
  const digest = transactionDigest(bytes)
  if (pool.has(digest) || state.isDone(digest)) return null
  const { checks } = openOrdered(bytes, context)
  return { event: { kind: 'transaction', cid: hood.term.committee.cid, bytes, also: null }, checks }
}

/** A change of a shared object that would not be applied now is not let in: so nobody but its writers can fill the room where changes wait. */
function openShared<S>(hood: Neighborhood<S>, bytes: Uint8Array): OpenedStatement | null {
  const { pool, state, context } = hood.term
  const digest = transactionDigest(bytes)
  if (pool.has(digest) || state.isDone(digest)) return null
  const { ordered, checks } = openOrdered(bytes, context)
  if (ordered.kind !== 'shared') throw new WebxError('internal', 'another type than its envelope has')
  const code = hood.term.refusalOf(ordered)
  if (code === 'replayed') return null
  if (code !== null) throw new WebxError(code, 'a change of a shared object that would not be applied')
  // blocks know keys as they were when the epoch began; a key that was retired since gets no help from here
  const acting = hood.register.ownerNow(ordered.change.writer)
  const [check] = checks
  if (acting && !(check && acting.key && equal(acting.key, check.key)))
    throw new WebxError('retired-key', 'a change of a shared object under a key that does not act any more, or not yet')
  return { event: { kind: 'transaction', cid: hood.term.committee.cid, bytes, also: null }, checks }
}

function openHandOver<S>(hood: Neighborhood<S>, envelope: Envelope, bytes: Uint8Array): OpenedStatement | null {
  if (!equal(envelope.scope, hood.standing.cid) && hood.book.find(envelope.scope)) return null
  const handOver = readHandOver(envelope, hood.standing)
  return { event: { kind: 'hand-over', cid: envelope.scope, handOver, bytes }, checks: handOver.checks }
}

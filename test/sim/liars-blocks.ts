/** Lies about blocks and epochs: a leader of two blocks, votes for everything at once, reports that list too little or too much, words out of season. */

import type { Committee } from '../../src/consensus/committee.ts'
import {
  type Proposal,
  readTransaction,
  transactionBody,
  transactionBytes,
  transactionSignedBytes,
} from '../../src/consensus/epoch/transaction.ts'
import { keyOf } from '../../src/consensus/key.ts'
import type { Order } from '../../src/consensus/order.ts'
import { BALLOT, ballotBytes, ballotMessage, NO_BLOCK } from '../../src/consensus/simplex/ballot.ts'
import {
  type Candidate,
  candidateBytes,
  candidateMessage,
  composeHeader,
  payloadDigestOf,
  payloadOf,
} from '../../src/consensus/simplex/candidate.ts'
import { Leaders } from '../../src/consensus/simplex/leaders.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import type { Chance } from './chance.ts'

/** Where a liar stands: its committee now, its seat there, and what that seat signs with. */
export interface Standpoint {
  readonly committee: Committee
  readonly seat: number
  readonly seed: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** Says something to each of the others with a probability. */
export type Send = (bytes: Uint8Array, share: number) => void

/** A candidate came: everything that can be voted is voted, and the next slot gets two blocks if it is this seat's. */
export function lieAboutBlock(at: Standpoint, seen: Candidate, chance: Chance, send: Send): void {
  const { committee, seat } = at
  const verdicts = [
    { kind: BALLOT.notarize, slot: seen.slot, hash: seen.hash },
    { kind: BALLOT.finalize, slot: seen.slot, hash: seen.hash },
    { kind: BALLOT.skip, slot: seen.slot, hash: NO_BLOCK },
  ]
  for (const verdict of verdicts) {
    const ballot = { seat, ...verdict, signature: at.sign(ballotMessage(committee, seat, verdict)) }
    if (chance.hits(0.8)) send(ballotBytes(committee, ballot), chance.pick([0.5, 1]))
  }
  const next = seen.slot + 1
  if (new Leaders(committee, at.seed).of(next) !== seat || seen.leader === seat) return
  for (const { memberId: id } of chance.sample(committee.seats, 2)) {
    const transactions = [proposalBytes(at, { kind: 'accuse', id })]
    const payloadDigest = payloadDigestOf(payloadOf(transactions))
    const place = { leader: seat, slot: next, parentSlot: seen.slot, parentHash: seen.hash, payloadDigest }
    const header = composeHeader(committee, place)
    const candidate = { ...header, signature: at.sign(candidateMessage(committee, header)), transactions }
    send(candidateBytes(committee, candidate), 0.6)
  }
}

/** Something about epochs that is not so; said whenever there is a block, it is said in every phase of an epoch. */
export function lieAboutEpoch(
  at: Standpoint,
  place: { readonly oid: Uint8Array; readonly version: number; readonly od: Uint8Array },
  chance: Chance,
  send: Send,
): void {
  const { oid, version, od } = place
  const victim = chance.pick(at.committee.seats).memberId
  const proposal = chance.pick<Proposal>([
    { kind: 'close-report', part: 0, parts: 1, entries: [] },
    { kind: 'close-report', part: 0, parts: 1, entries: [{ oid, version, od }] },
    { kind: 'close-report', part: 0, parts: 2, entries: [{ oid: chance.bytes(32), version: 1, od: chance.bytes(32) }] },
    { kind: 'unlock', oid, version },
    { kind: 'report', oid, version, od: null },
    { kind: 'report', oid, version, od: chance.bytes(32) },
    { kind: 'accuse', id: victim },
    { kind: 'vouch', id: victim },
    { kind: 'close' },
    { kind: 'replan' },
    { kind: 'turn', proof: chance.bytes(80) },
  ])
  propose(at, proposal, chance.pick([0.5, 1]), send)
}

/** The epoch is closing: reports at once, before anybody honest can, that nothing was certified, or what never was. */
export function lieAboutClosing(
  at: Standpoint,
  seen: Candidate,
  orders: readonly Order[],
  chance: Chance,
  send: Send,
): void {
  const isClosing = seen.transactions.some((bytes) => {
    const envelope = decodeEnvelope(bytes)
    return envelope.type === TYPE.transaction && CLOSING.has(readTransaction(envelope, at.committee).proposal.kind)
  })
  if (!isClosing) return
  const listed = new Map(chance.sample(orders, chance.below(4)).map((order) => [keyOf(order.oid), order]))
  const entries = [...listed.values()].map(({ oid, version, od }) => ({ oid, version, od }))
  propose(at, { kind: 'close-report', part: 0, parts: 1, entries }, 1, send)
}

const CLOSING: ReadonlySet<Proposal['kind']> = new Set(['close', 'close-report'])

function propose(at: Standpoint, proposal: Proposal, share: number, send: Send): void {
  send(proposalBytes(at, proposal), share)
}

function proposalBytes({ committee, seat, sign }: Standpoint, proposal: Proposal): Uint8Array {
  const body = transactionBody({ seat, proposal })
  return transactionBytes(committee, body, sign(transactionSignedBytes(committee, body)))
}

/**
 * Statements of an epoch, made of fixed keys. Written to `test/vectors/epochs.json` by
 *
 *     node test/kit/epoch-vectors.ts > test/vectors/epochs.json
 */

import './wasm.ts'
import type { Committee } from '../../src/consensus/committee.ts'
import { divisionOf } from '../../src/consensus/epoch/division.ts'
import { handOverBytes } from '../../src/consensus/epoch/handover.ts'
import { offerOf } from '../../src/consensus/epoch/kin.ts'
import { committeeOfOpening, encodeOpening, type Opening, openingDigest } from '../../src/consensus/epoch/opening.ts'
import type { RosterEntry } from '../../src/consensus/epoch/rules.ts'
import {
  admissionBytes,
  type Candidature,
  candidacyBody,
  candidacyBytes,
  candidacySignedBytes,
  isLeaders,
  leadersBytes,
  type Proposal,
  transactionBody,
  transactionBytes,
  transactionSignedBytes,
} from '../../src/consensus/epoch/transaction.ts'
import { encodeReceipt } from '../../src/consensus/publiclog/receipt.ts'
import { BALLOT, ballotMessage } from '../../src/consensus/simplex/ballot.ts'
import { composeHeader, payloadDigestOf, payloadOf } from '../../src/consensus/simplex/candidate.ts'
import { blockCertificateBytes } from '../../src/consensus/simplex/certificate.ts'
import { finalityBytes } from '../../src/consensus/simplex/finality.ts'
import { emptyStateRoot } from '../../src/consensus/statetree.ts'
import { compare, equal, toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { vrfKeyOf } from '../../src/proof/vrf.ts'
import { anchorOf } from '../consensus/hoods.ts'
import { bytesOf, type KeyPair, person, world } from '../consensus/people.ts'
import { goldenParts } from '../consensus/publiclog-golden.ts'

/** The rule of `src/PROTOCOL.md` that each golden message must fit. */
export const EPOCH_RULES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'turn',
      'vouch',
      'accuse',
      'unlock',
      'report',
      'reportOfNothing',
      'close',
      'replan',
      'closeReport',
      'checkpoint',
      'final',
      'offer',
    ].map((name) => [name, 'transaction-message']),
  ),
  ...Object.fromEntries(
    ['join', 'leave', 'ready', 'readyNewcomer', 'alive'].map((name) => [name, 'candidacy-message']),
  ),
  finalOfTwo: 'transaction-message',
  handOver: 'hand-over-message',
  handOverToStem: 'hand-over-message',
  handOverToSprout: 'hand-over-message',
  handOverWithLoan: 'hand-over-message',
  epochQuery: 'epoch-query',
  blockQuery: 'block-query',
  stateChunk: 'state-chunk',
  policy: 'seating-policy',
  policyOfMerging: 'seating-policy',
  logBlockQuery: 'log-query',
  logEntryQuery: 'log-query',
  logBeginningQuery: 'log-query',
  logEntries: 'log-entries',
  publicReceipt: 'public-receipt',
  publicReceiptOfTwoHomes: 'public-receipt',
}

/** All of them in hexadecimal, by name. */
export function epochVectors(): Record<string, string> {
  const four = world(4)
  const anchor = anchorOf(four)
  const committee = committeeOfOpening(anchor)
  const seat = 2
  const key = four.epochKeys[seat] as KeyPair
  const lenderId = bytesOf('vector kin', 16)
  const oid = bytesOf('vector object')
  const decided = { oid, version: 3, od: bytesOf('vector order') }
  const id = bytesOf('vector member')
  const opening = { ...anchor, epoch: 1, seed: bytesOf('seed 1'), stateRoot: bytesOf('root') }
  const openingBytes = encodeOpening({
    ...opening,
    shares: [{ id, proof: new Uint8Array(80).fill(9) }],
    attendance: [{ id, attended: 5, led: 1 }],
    convicted: [id],
  })
  const final: Proposal = { kind: 'final', opening: openingDigest(openingBytes), sprout: null }
  const proposals: Record<string, Proposal> = {
    turn: { kind: 'turn', proof: new Uint8Array(80).fill(7) },
    vouch: { kind: 'vouch', id },
    accuse: { kind: 'accuse', id },
    unlock: { kind: 'unlock', oid, version: 3 },
    report: { kind: 'report', ...decided },
    reportOfNothing: { kind: 'report', oid, version: 3, od: null },
    close: { kind: 'close' },
    replan: { kind: 'replan' },
    closeReport: { kind: 'close-report', part: 1, parts: 2, entries: [decided] },
    checkpoint: { kind: 'checkpoint', entries: [decided] },
    final,
    offer: { kind: 'offer', offer: offerOf({ ...anchor, nid: lenderId }, anchor.roster.slice(0, 2)) },
  }
  const propose = (proposal: Proposal): Uint8Array => {
    if (isLeaders(proposal)) return leadersBytes(committee, { seat, proposal })
    const body = transactionBody({ seat, proposal })
    return transactionBytes(committee, body, key.sign(transactionSignedBytes(committee, body)))
  }
  const applicant = person('vector applicant', 'device')
  const vrfKey = vrfKeyOf(bytesOf('vector vrf'))
  const admission = four.organization.sign(admissionBytes(anchor.netId, applicant.id, vrfKey))
  const { inception } = applicant
  const candidatures: Record<string, Candidature> = {
    join: { kind: 'join', inception, vrfKey, organization: four.organization.id, capabilities: 3, admission },
    leave: { kind: 'leave' },
    ready: { kind: 'ready', epochKey: key.publicKey, inception: new Uint8Array(0), versions: { min: 1, max: 2 } },
    readyNewcomer: { kind: 'ready', epochKey: key.publicKey, inception, versions: { min: 1, max: 1 } },
    alive: { kind: 'alive', answers: 0 },
  }
  const declare = (candidature: Candidature): Uint8Array => {
    const body = candidacyBody({ nid: anchor.nid, epoch: 0, id: applicant.id, candidature })
    return candidacyBytes(anchor.netId, body, applicant.sign(candidacySignedBytes(anchor.netId, body)))
  }
  const { block: header, finality } = endedBy(committee, four.epochKeys, propose(final))
  const handOver = handOverBytes(committee, header, finality, openingBytes)
  const lent = lentVector(opening, lenderId)
  const lentEnd = endedBy(
    committee,
    four.epochKeys,
    propose({ kind: 'final', opening: openingDigest(lent), sprout: null }),
  )
  const [stem, sprout] = dividedVectors(opening)
  const finalOfTwo = propose({ kind: 'final', opening: openingDigest(stem), sprout: openingDigest(sprout) })
  const endOfTwo = endedBy(committee, four.epochKeys, finalOfTwo)
  const all = [
    ...Object.entries(proposals).map(([name, proposal]) => [name, propose(proposal)] as const),
    ...Object.entries(candidatures).map(([name, candidature]) => [name, declare(candidature)] as const),
    ['finalOfTwo', finalOfTwo] as const,
    ['handOver', handOver] as const,
    ['handOverToStem', handOverBytes(committee, endOfTwo.block, endOfTwo.finality, stem, sprout)] as const,
    ['handOverToSprout', handOverBytes(committee, endOfTwo.block, endOfTwo.finality, sprout, stem)] as const,
    ['handOverWithLoan', handOverBytes(committee, lentEnd.block, lentEnd.finality, lent)] as const,
    ['epochQuery', encode([7, [0, 3], 2])] as const,
    ['blockQuery', encode([7, 9, header.hash, 8])] as const,
    ['stateChunk', encode([7, 3, bytesOf('vector chunk')])] as const,
    ['policy', encode([25, 24, 5, 0])] as const,
    ['policyOfMerging', encode([25, 24, 5, 0, 30, 22])] as const,
    ['logBlockQuery', encode([0, 2, 9, header.hash, 8])] as const,
    ['logEntryQuery', encode([1, 64])] as const,
    ['logBeginningQuery', encode([2, 7])] as const,
    ['logEntries', encode([64, []])] as const,
    ['publicReceipt', encode([1, encodeReceipt(goldenParts(2)), [handOver]])] as const,
    ['publicReceiptOfTwoHomes', encode([1, encodeReceipt(goldenParts(2)), [], [[anchor.nid, [handOver]]]])] as const,
  ]
  return Object.fromEntries(all.map(([name, bytes]) => [name, toHex(bytes)]))
}

/** The last block of an epoch, and the proof that it is final. */
function endedBy(committee: Committee, keys: readonly KeyPair[], final: Uint8Array) {
  const transactions = [final]
  const header = composeHeader(committee, {
    ...{ leader: 2, slot: 9, parentSlot: 8, parentHash: bytesOf('vector parent') },
    payloadDigest: payloadDigestOf(payloadOf(transactions)),
  })
  const verdict = { kind: BALLOT.finalize, slot: 9, hash: header.hash }
  const ballots = [0, 1, 2].map((voter) => {
    const signature = (keys[voter] as KeyPair).sign(ballotMessage(committee, voter, verdict))
    return { ...verdict, seat: voter, signature }
  })
  const finality = finalityBytes(blockCertificateBytes(committee, verdict, ballots), []) as Uint8Array
  return { block: { ...header, transactions }, finality }
}

/** Opening of a neighborhood that somebody of its kin has come into. */
function lentVector(opening: Opening, lender: Uint8Array): Uint8Array {
  const [lent] = anchorOf(world(4), [person('vector lent', 'device')]).roster.filter(
    ({ id }) => !opening.roster.some((entry) => equal(entry.id, id)),
  ) as [RosterEntry]
  const roster = [...opening.roster, lent].sort((a, b) => compare(a.id, b.id))
  const loan = { lender, epoch: 4, opening: bytesOf('vector opening'), lent: [lent.id] }
  return encodeOpening({ ...opening, roster, loan })
}

/** Openings of both parts of a neighborhood that was divided: two members each. */
function dividedVectors(opening: Opening): [Uint8Array, Uint8Array] {
  const division = divisionOf(opening)
  const both = { ...opening, division }
  const part = (from: number): Pick<Opening, 'roster' | 'seats'> => ({
    roster: opening.roster.slice(from, from + 2),
    seats: opening.roster
      .slice(from, from + 2)
      .map(({ id: memberId }) => ({ memberId, epochKey: memberId, weight: 1 })),
  })
  const sprout = { ...both, ...part(2), nid: division.sprout, stateRoot: emptyStateRoot() }
  return [encodeOpening({ ...both, ...part(0) }), encodeOpening(sprout)]
}

if (process.argv[1]?.endsWith('epoch-vectors.ts')) {
  process.stdout.write(`${JSON.stringify({ golden: epochVectors() }, null, 2)}\n`)
}

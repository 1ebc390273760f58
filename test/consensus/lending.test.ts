/** A neighborhood that has become too small is joined by people of its kin: who may come, what they may do when, and that nobody waits for a kin that is not heard of. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import type { Committee } from '../../src/consensus/committee.ts'
import { handOverBytes, readHandOver } from '../../src/consensus/epoch/handover.ts'
import { assertLent, type Kin, kinOf, type Offer, offerOf } from '../../src/consensus/epoch/kin.ts'
import type { Loan } from '../../src/consensus/epoch/loan.ts'
import { committeeOfOpening, encodeOpening, type Opening, openingDigest } from '../../src/consensus/epoch/opening.ts'
import { leadersBytes } from '../../src/consensus/epoch/transaction.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { BALLOT, ballotMessage } from '../../src/consensus/simplex/ballot.ts'
import { composeHeader, payloadDigestOf, payloadOf } from '../../src/consensus/simplex/candidate.ts'
import { blockCertificateBytes } from '../../src/consensus/simplex/certificate.ts'
import { finalityBytes } from '../../src/consensus/simplex/finality.ts'
import { compare, equal } from '../../src/core/bytes.ts'
import type { SignatureCheck } from '../../src/core/crypto.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { KnownHomes } from '../../src/kernel/homes.ts'
import { balanceOf } from '../../src/ledger/account.ts'
import { codeOf } from '../ledger/stage.ts'
import { anchorOf, cheapSignature, Hoods, type HoodsOptions, type Node, sparePeople } from './hoods.ts'
import { bytesOf, issuerWallet, mint, person, Wallet, world } from './people.ts'

const FUNDS = 1_000
/** With four seats: joined where it has fewer than five people, until it has six. */
const LENDING = { below: 5, to: 6 }
const four = world(4)
const elders = sparePeople(4)
const own = anchorOf(four)
/** Whoever belonged to both parts when they were one. */
const founders = anchorOf(four, elders).roster
const KIN = bytesOf('kin', 16)
const test = suite('neighborhood: lending')

/** How the kin began an epoch: with three of the founders, and one whom it admitted later. */
function kinsOpening(epoch: number): Opening {
  const newcomer = anchorOf(four, [person('newcomer of the kin', 'device')]).roster
  const ids = new Set([...elders.slice(0, 3), person('newcomer of the kin', 'device')].map(({ id }) => keyOf(id)))
  const roster = [...founders, ...newcomer].filter(({ id }) => ids.has(keyOf(id))).sort((a, b) => compare(a.id, b.id))
  const seats = roster.map(({ id: memberId }) => ({ memberId, epochKey: memberId, weight: 1 }))
  return { ...own, nid: KIN, epoch, roster, seats }
}

const knowing = (...epochs: number[]): Kin => kinOf(() => epochs.map(kinsOpening), founders)

/** Four people in four seats, and those of the kin who follow. */
function small(options: Partial<HoodsOptions> = {}): { net: Hoods; one: Wallet; other: Wallet } {
  const spares = elders.slice(0, 3)
  const kin = knowing(6, 7)
  const net = new Hoods({ world: four, spares, anchor: own, lending: LENDING, kin: () => kin, ...options })
  const [one, other] = [0, 1].map((i) => new Wallet(four, person(`owner ${i}`))) as [Wallet, Wallet]
  for (const wallet of [one, other]) net.send(wallet.incept())
  net.run(200)
  net.send(issuerWallet(four).order(mint(four, FUNDS, one.oid)))
  net.run(300)
  return { net, one, other }
}

function turn(net: Hoods): void {
  for (const [i, { isUp }] of net.nodes.entries()) if (isUp) net.act(i, (hood) => hood.wantTurn())
  net.run(3_000)
}

const openings = (net: Hoods): Opening[] => net.nodes.map(({ hood }) => hood.term.opening)
const nodeOf = (net: Hoods, id: Uint8Array): Node => net.nodes.find(({ person: who }) => equal(who.id, id)) as Node

test('people of the kin come with the next epoch, have seats with the one after, and their votes count', () => {
  const { net, one, other } = small()
  turn(net)
  const [first] = openings(net) as [Opening]
  for (const opening of openings(net)) assert.equal(encodeOpening(opening), encodeOpening(first))
  assert.is(first.epoch, 1)
  assert.is(first.roster.length, 6)
  const { lender, epoch, lent } = first.loan as Loan
  assert.equal([lender, epoch, lent.length], [KIN, 7, 2])
  for (const id of lent) assert.is(nodeOf(net, id).hood.term.seat, null)
  net.act(0, (hood) => hood.declare({ kind: 'leave' }))
  turn(net)
  const [second] = openings(net) as [Opening]
  assert.is(second.epoch, 2)
  assert.is(second.loan, undefined, 'five are enough')
  const seated = lent.filter((id) => second.seats.some(({ memberId }) => equal(memberId, id)))
  assert.is(seated.length, 1)
  // three of four make a quorum: with a founder asleep nothing is settled without whoever has come
  ;(net.nodes[1] as Node).isUp = false
  net.send(one.order(one.pay(other.oid, 5)))
  net.run(600)
  const { hood } = nodeOf(net, seated[0] as Uint8Array)
  assert.ok(hood.term.seat !== null)
  assert.is(balanceOf(hood.register.object(other.oid)?.state ?? null, four.asset), 5)
})

test('a crash of everybody while the offer is under way comes back to one roster', () => {
  const { net } = small()
  for (const i of net.nodes.keys()) net.act(i, (hood) => hood.wantTurn())
  const isUnderWay = ({ hood }: Node): boolean => hood.term.state.turning.isGathering
  while (!net.nodes.some(isUnderWay)) net.run(50)
  for (const node of net.nodes) node.restart()
  turn(net)
  const [first] = openings(net) as [Opening]
  assert.ok(first.epoch >= 1)
  for (const opening of openings(net)) assert.equal(encodeOpening(opening), encodeOpening(first))
  const known = new Set(founders.map(({ id }) => keyOf(id)))
  assert.ok(first.roster.every(({ id }) => known.has(keyOf(id))))
})

test('what a quorum has not heard of the kin keeps no epoch from ending', () => {
  // two know what the kin has come to, the others do not, or know of no kin at all
  const { net } = small({ kin: (node) => (node < 2 ? knowing(7) : node === 2 ? knowing(5) : null) })
  turn(net)
  for (const opening of openings(net)) {
    assert.is(opening.epoch, 1)
    assert.is(opening.loan, undefined)
    assert.is(opening.roster.length, 4)
  }
})

test('only founders of both parts may come, by their own keys, as the opening of the kin has them', () => {
  const kin = knowing(6, 7)
  const offer = kin.offer() as Offer
  assert.is(offer.epoch, 7)
  assert.equal(
    offer.entries.map(({ id }) => id),
    elders
      .slice(0, 3)
      .map(({ id }) => id)
      .sort(compare),
  )
  assert.is(kin.opinion(offer), 'yes')
  assert.is(kin.opinion(offerOf(kinsOpening(6), founders)), 'yes', 'a hand-over of the kin may be under way')
  assert.is(kin.opinion(offerOf(kinsOpening(8), founders)), 'later')
  assert.is(kin.opinion(offerOf(kinsOpening(5), founders)), 'no', 'too old')
  for (const epoch of [7, 8])
    assert.is(kin.opinion({ ...offer, epoch, lender: bytesOf('another', 16) }), 'no', 'no kin of ours')
  const { roster } = kinsOpening(7)
  assert.is(kin.opinion({ ...offer, entries: roster }), 'no', 'whom the kin admitted later')
  assert.is(kin.opinion({ ...offer, entries: offer.entries.slice(1) }), 'no', 'one who is left out')
  assert.is(kin.opinion({ ...offer, opening: bytesOf('opening') }), 'no', 'an opening that there never was')
  const stolen = offer.entries.map((entry) => ({ ...entry, key: bytesOf('key of somebody else') }))
  assert.is(kin.opinion({ ...offer, entries: stolen }), 'no')
  const rewritten = kinsOpening(7).roster.map((entry) => ({ ...entry, vrfKey: bytesOf('another key') }))
  assert.is(offerOf({ ...kinsOpening(7), roster: rewritten }, founders).entries.length, 0)
  assert.is(kinOf(() => [], founders).offer(), null)
})

test('a loan hangs together, or its hand-over is none; whoever follows the lender checks it by that, too', () => {
  const committee = committeeOfOpening(own)
  const lender = kinsOpening(7)
  const [lent, another] = offerOf(lender, founders).entries as [Opening['roster'][number], Opening['roster'][number]]
  const digest = openingDigest(encodeOpening(lender))
  const loan = { lender: KIN, epoch: 7, opening: digest, lent: [lent.id] }
  const roster = [...own.roster, lent].sort((a, b) => compare(a.id, b.id))
  const next = { ...own, epoch: 1, roster, loan }
  const read = (opening: Opening): string =>
    codeOf(() => readHandOver(decodeEnvelope(ended(committee, opening)), committee))
  assert.is(read(next), 'nothing was thrown')
  const [seat, ...seats] = own.seats as [Opening['seats'][number], ...Opening['seats']]
  for (const [why, broken] of Object.entries({
    'nobody is lent': { ...next, loan: { ...loan, lent: [] } },
    'twice the same': { ...next, loan: { ...loan, lent: [lent.id, lent.id] } },
    'not on the roster': { ...next, loan: { ...loan, lent: [another.id] } },
    'a seat at once': { ...next, seats: [{ ...seat, memberId: lent.id }, ...seats] },
    'lent to itself': { ...next, loan: { ...loan, lender: own.nid } },
  }))
    assert.is(read(broken), 'bad-hand-over', why)
  const isCheap = ({ key, message, signature }: SignatureCheck): boolean =>
    equal(cheapSignature(key, message), signature)
  const follow = (opening: Opening, kin: Opening | null): string => {
    const known = new KnownHomes(own.netId, (checks) => checks.every(isCheap))
    known.add(own)
    if (kin) known.add(kin)
    return codeOf(() => known.follow(ended(committee, opening)))
  }
  assert.is(follow(next, lender), 'nothing was thrown')
  assert.is(follow(next, null), 'nothing was thrown', 'who does not know the lender cannot tell')
  assert.is(follow(next, kinsOpening(8)), 'nothing was thrown', 'nor who knows another epoch of it')
  assert.is(follow({ ...next, loan: { ...loan, opening: bytesOf('opening') } }, lender), 'bad-hand-over')
  const stranger = { ...lent, id: bytesOf('stranger') }
  const strangers = { ...next, roster: [...own.roster, stranger], loan: { ...loan, lent: [stranger.id] } }
  assert.is(follow(strangers, lender), 'bad-hand-over')
  assert.is(
    codeOf(() => assertLent({ ...next, roster: [...own.roster, { ...lent, key: bytesOf('key') }] }, lender)),
    'bad-hand-over',
  )
})

/** A hand-over into this opening, as the seats of an epoch sign it. */
function ended(committee: Committee, opening: Opening): Uint8Array {
  const bytes = encodeOpening(opening)
  const proposal = { kind: 'final', opening: openingDigest(bytes), sprout: null } as const
  const transactions = [leadersBytes(committee, { seat: 2, proposal })]
  const block = { leader: 2, slot: 9, parentSlot: 8, parentHash: bytesOf('parent') }
  const header = composeHeader(committee, { ...block, payloadDigest: payloadDigestOf(payloadOf(transactions)) })
  const verdict = { kind: BALLOT.finalize, slot: 9, hash: header.hash }
  const ballots = [0, 1, 2].map((seat) => {
    const { epochKey } = committee.seats[seat] as Committee['seats'][number]
    return { ...verdict, seat, signature: cheapSignature(epochKey, ballotMessage(committee, seat, verdict)) }
  })
  const finality = finalityBytes(blockCertificateBytes(committee, verdict, ballots), []) as Uint8Array
  return handOverBytes(committee, { ...header, transactions }, finality, bytes)
}

test.run()

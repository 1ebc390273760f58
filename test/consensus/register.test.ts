/** The rules of the register lane, one member at a time. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { readCertificate } from '../../src/consensus/certificate.ts'
import { type Evidence, verifyEvidence } from '../../src/consensus/evidence.ts'
import type { Order } from '../../src/consensus/order.ts'
import type { Head } from '../../src/consensus/register.ts'
import { readVoteBatch, VOTE, type VoteEntry } from '../../src/consensus/statement.ts'
import { equal } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { balanceOf } from '../../src/ledger/account.ts'
import { type Forger, forger } from './forger.ts'
import { Member, of, published } from './member.ts'
import { bytesOf, issuerWallet, mint, person, Wallet, world } from './people.ts'

const four = world(4)
const twentyFive = world(25)

function alice(member: Member, amount = 1000): Wallet {
  return member.fund(new Wallet(member.world, person('alice')), amount)
}

function bob(member: Member): Wallet {
  return new Wallet(member.world, person('bob'))
}

function balance(member: Member, wallet: Wallet): number {
  return balanceOf(member.register.object(wallet.oid)?.state ?? null, member.world.asset)
}

/** Own votes in the batches among these effects. */
function ownVotes(member: Member, effects: ReturnType<Member['turn']>): VoteEntry[] {
  return of(effects, 'publish')
    .filter(({ what }) => what === 'batch')
    .flatMap(({ bytes }) => readVoteBatch(decodeEnvelope(bytes), member.committee).entries)
}

function refusals(effects: ReturnType<Member['turn']>): string[] {
  return of(effects, 'refused').map(({ code }) => code)
}

function accusations(member: Member, effects: ReturnType<Member['turn']>): Evidence[] {
  return of(effects, 'evidence').map(({ bytes }) => verifyEvidence(bytes, member.committee))
}

const way = suite('register: the way of an order')

way('LOCK, certificate, CONFIRM, settlement, strong', () => {
  const member = new Member(twentyFive)
  const payer = alice(member)
  const payee = bob(member)
  const order = payer.order(payer.pay(payee.oid, 300))
  assert.equal(member.order(order), [], 'nothing is said before the vote is sealed')
  assert.equal(
    ownVotes(member, member.turn()).map(({ kind, od }) => [kind, equal(od, order.od)]),
    [[VOTE.lock, true]],
  )
  assert.equal(member.votes(VOTE.lock, order, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]), [])
  assert.is(balance(member, payer), 1000)
  const certified = member.votes(VOTE.lock, order, [16])
  assert.is(of(certified, 'certified').length, 1)
  assert.is(published(certified).length, 1)
  assert.is(balance(member, payer), 700, 'debited when certified')
  assert.is(balance(member, payee), 0, 'credited only when settled')
  assert.equal(member.register.inFlight(), [order])
  assert.equal(
    ownVotes(member, member.turn()).map(({ kind }) => kind),
    [VOTE.confirm],
  )
  member.votes(VOTE.confirm, order, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
  const settled = member.votes(VOTE.confirm, order, [16, 17, 18, 19, 20])
  const [effect] = of(settled, 'settled')
  assert.is(effect?.locks, 17)
  assert.is(effect?.confirms, 17)
  assert.is(balance(member, payee), 300)
  assert.is(of(settled, 'strong')[0]?.confirms, 21)
  assert.equal(member.register.inFlight(), [])
  assert.is(member.register.sizes.openSlots, 0)
  assert.is(member.register.sizes.countedQuestions, 0, 'nothing is counted that nobody waits for')
  const settlement = member.register.settlementOf(order.oid, order.version) as Uint8Array
  const read = readCertificate(decodeEnvelope(settlement), member.committee)
  assert.is(read.kind, VOTE.confirm)
  assert.equal(read.od, order.od)
  assert.equal(effect?.settlement, settlement)
})

way('pipelining: the next version may be voted for once the last is certified', () => {
  const member = new Member(four)
  const payer = alice(member)
  const first = payer.order(payer.pay(bytesOf('x'), 1))
  const second = payer.order(payer.pay(bytesOf('x'), 1))
  assert.is(of(member.order(second), 'parked')[0]?.code, 'wrong-version')
  member.order(first)
  member.turn()
  member.votes(VOTE.lock, first, [1, 2])
  assert.equal(
    ownVotes(member, member.turn()).map(({ kind, version }) => [kind, version]),
    [
      [VOTE.confirm, 1],
      [VOTE.lock, 2],
    ],
  )
  member.votes(VOTE.lock, second, [1, 2])
  member.votes(VOTE.confirm, second, [1, 2, 3])
  assert.is(member.register.object(payer.oid)?.settled, 0, 'versions settle in their order')
  member.votes(VOTE.confirm, first, [1, 2, 3])
  assert.is(member.register.object(payer.oid)?.settled, 2)
  assert.is(balanceOf(member.register.object(bytesOf('x'))?.state ?? null, four.asset), 2)
})

way('votes may come before the order', () => {
  const member = new Member(four)
  const payer = alice(member)
  const order = payer.order(payer.pay(bytesOf('x'), 1))
  member.votes(VOTE.lock, order, [1, 2, 3])
  member.votes(VOTE.confirm, order, [1, 2, 3])
  assert.is(member.register.object(payer.oid)?.certified, 0)
  const effects = member.order(order)
  assert.is(of(effects, 'certified').length, 1)
  assert.is(of(effects, 'settled').length, 1)
  assert.equal(
    ownVotes(member, member.turn()).map(({ kind }) => kind),
    [VOTE.confirm],
    'no LOCK on what is certified',
  )
})

way('certificates and settlements are taken from anyone, once', () => {
  const member = new Member(four)
  const payer = alice(member)
  const order = payer.order(payer.pay(bytesOf('x'), 1))
  const proof = member.proof(VOTE.lock, order)
  const certificate = readCertificate(decodeEnvelope(proof), member.committee)
  assert.is(member.register.checksFor(certificate)?.length, 3)
  assert.equal(of(member.adopt(proof), 'need')[0]?.fromVersion, 1, 'asks for the order')
  assert.is(of(member.order(order), 'certified').length, 1)
  assert.is(member.register.checksFor(certificate), null, 'tells nothing new')
  const settlement = member.proof(VOTE.confirm, order)
  const [effect] = of(member.adopt(settlement), 'settled')
  assert.equal([effect?.locks, effect?.confirms], [3, 3], 'as many seats as the proofs show')
  assert.equal(member.adopt(settlement), [])
  assert.equal(member.adopt(proof), [])
  assert.is(balanceOf(member.register.object(bytesOf('x'))?.state ?? null, four.asset), 1)
})

way('a signature that was checked with its batch is not checked again', () => {
  const member = new Member(four)
  const payer = alice(member)
  const order = payer.order(payer.pay(bytesOf('x'), 1))
  const proof = member.proof(VOTE.lock, order)
  const certificate = readCertificate(decodeEnvelope(proof), member.committee)
  const { proofs } = certificate
  const batch = (member.others[1] as Forger).batch(
    [{ kind: VOTE.lock, oid: order.oid, version: 1, od: order.od }],
    proofs[0]?.sequence,
  )
  member.register.step({ kind: 'votes', batch }, 0)
  assert.is(member.register.checksFor(certificate)?.length, 2)
  const bent = { ...certificate, proofs: [{ ...proofs[0], signature: new Uint8Array(64) }, ...proofs.slice(1)] }
  assert.is(
    member.register.checksFor(bent as typeof certificate)?.length,
    3,
    'the same batch under another signature is',
  )
  assert.not.ok(member.register.recognizes(certificate))
  for (const seat of [2, 3]) {
    const { sequence } = proofs[seat - 1] as (typeof proofs)[number]
    const entry = { kind: VOTE.lock, oid: order.oid, version: 1, od: order.od }
    member.register.step({ kind: 'votes', batch: (member.others[seat] as Forger).batch([entry], sequence) }, 0)
  }
  assert.ok(member.register.recognizes(certificate))
})
way.run()

const rules = suite('register: whom it refuses and whom it lets wait')

rules('another net, another home, an epoch that is over, a chain that does not fit', () => {
  const member = new Member(four)
  const payer = alice(member)
  const order = payer.peek(payer.pay(bytesOf('x'), 1))
  const changed = (changes: object): Order => ({ ...order, od: bytesOf('od'), ...changes })
  const envelope = { ...order.envelope, scope: bytesOf('other') }
  assert.equal(refusals(member.order(changed({ envelope }))), ['wrong-net'])
  assert.equal(refusals(member.order(changed({ home: bytesOf('elsewhere', 16) }))), ['wrong-home'])
  assert.equal(refusals(member.order(changed({ maxEpoch: -1 }))), ['expired'])
  const spent = payer.order(payer.pay(bytesOf('x'), 1))
  member.settle(spent)
  const next = payer.peek(payer.pay(bytesOf('x'), 1))
  assert.equal(refusals(member.order({ ...next, previous: bytesOf('other') })), ['wrong-version'])
})

rules('what the ledger refuses for good, and what it lets wait', () => {
  const member = new Member(four)
  const payer = alice(member, 100)
  const mallory = new Wallet(four, person('mallory'))
  member.settle(mallory.incept())
  assert.equal(refusals(member.order(mallory.peek(mint(four, 5, mallory.oid)))), ['not-allowed'])
  const order = payer.order(payer.pay(bytesOf('x'), 150))
  assert.is(of(member.order(order), 'parked')[0]?.code, 'insufficient-funds')
  assert.equal(member.order(order), [], 'waits already')
  assert.equal(member.turn(), [])
  const issuer = issuerWallet(four)
  issuer.order(mint(four, 100, payer.oid))
  member.settle(issuer.order(mint(four, 150, payer.oid)))
  assert.equal(
    ownVotes(member, member.turn()).map(({ od }) => equal(od, order.od)),
    [true],
    'money came: voted for',
  )
})

rules('a stranger waits until the key log is settled, and is verified then', () => {
  const member = new Member(four)
  const carol = new Wallet(four, person('carol'))
  const order = carol.order(carol.pay(bytesOf('x'), 1))
  const parked = member.order(order)
  assert.is(of(parked, 'parked')[0]?.code, 'unknown-owner')
  assert.is(of(parked, 'need').length, 0, 'strangers cost nobody a question')
  const settled = member.settle(carol.incept())
  assert.equal(
    of(settled, 'verify').map(({ order: { od } }) => od),
    [order.od],
  )
  assert.equal(member.register.keyOf(order)?.key, carol.owner.publicKey)
})

rules('the key log of a stranger is asked for where more members vote for the order than may lie', () => {
  const member = new Member(four)
  const carol = new Wallet(four, person('carol'))
  const order = carol.order(carol.pay(bytesOf('x'), 1))
  member.order(order)
  member.votes(VOTE.lock, order, [1])
  assert.equal(of(member.order(order), 'need'), [], 'one of four may lie')
  member.votes(VOTE.lock, order, [2])
  const keyLog = carol.incept().oid
  assert.equal(of(member.order(order), 'need'), [{ kind: 'need', oid: keyLog, fromVersion: 1 }])
})

rules('an order by a key position that the log does not have waits or is refused', () => {
  const member = new Member(four)
  const payer = alice(member)
  const order = payer.peek(payer.pay(bytesOf('x'), 1))
  assert.is(of(member.order({ ...order, keyPosition: 1 }), 'parked')[0]?.code, 'unknown-owner')
})

rules('no more than four open slots of one owner; the rest wait their turn', () => {
  const member = new Member(four)
  const payer = alice(member)
  const orders = Array.from({ length: 6 }, () => payer.order(payer.pay(bytesOf('x'), 1)))
  for (const order of orders) {
    member.order(order)
    member.turn()
    member.votes(VOTE.lock, order, [1, 2])
  }
  member.turn()
  assert.is(member.register.object(payer.oid)?.certified, LIMITS.openSlotsPerOwnerMax)
  assert.is(member.register.sizes.parkedOrders, 2)
  member.votes(VOTE.confirm, orders[0] as Order, [1, 2, 3])
  assert.equal(
    ownVotes(member, member.turn()).map(({ kind, version }) => [kind, version]),
    [[VOTE.lock, 5]],
  )
})

rules('parked orders of one owner are bounded', () => {
  const member = new Member(four)
  const payer = alice(member)
  payer.order(payer.pay(bytesOf('x'), 1))
  const effects = Array.from({ length: 6 }, () => member.order(payer.order(payer.pay(bytesOf('x'), 1)))).flat()
  assert.is(member.register.sizes.parkedOrders, LIMITS.parkedOrdersPerOwnerMax)
  assert.equal(refusals(effects), ['limit', 'limit'])
})

rules('a member that floods with votes for orders nobody has seen loses only its own votes', () => {
  const member = new Member(four)
  const payer = alice(member)
  const order = payer.order(payer.pay(bytesOf('x'), 1))
  member.votes(VOTE.lock, order, [1, 2])
  const lies = member.others[3] as Forger
  const quota = Math.max(LIMITS.batchEntriesMax, LIMITS.openSlotsMax / 4)
  for (let i = 0; i < 2 * quota; i += LIMITS.batchEntriesMax) {
    const entries = Array.from({ length: LIMITS.batchEntriesMax }, (_, j) => ({
      kind: VOTE.lock,
      oid: bytesOf(`nowhere ${i + j}`),
      version: 1,
      od: bytesOf('d'),
    }))
    member.register.step({ kind: 'votes', batch: lies.batch(entries) }, 0)
  }
  assert.ok(member.register.sizes.openSlots <= quota + 1)
  member.order(order)
  assert.is(of(member.turn(), 'certified').length, 1, 'two honest votes and ours are a quorum')
})
rules.run()

const offences = suite('register: offences')

offences('a second order for a locked version: evidence once, never a second vote', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.peek(payer.pay(bytesOf('x'), 1))
  const other = payer.peek(payer.pay(bytesOf('y'), 1))
  member.order(one)
  member.turn()
  const effects = member.order(other)
  assert.equal(refusals(effects), ['double-order'])
  assert.equal(
    accusations(member, effects).map(({ kind, guilty }) => [kind, equal(guilty, payer.owner.id)]),
    [['double-order', true]],
  )
  assert.equal(accusations(member, member.order(other)), [])
  assert.equal(member.turn(), [])
  member.restart()
  const after = member.order(other)
  assert.equal(refusals(after), ['double-order'])
  assert.equal(member.turn(), [], 'after a restart neither')
})

offences('a second order for a settled version', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.peek(payer.pay(bytesOf('x'), 1))
  const other = payer.peek(payer.pay(bytesOf('y'), 1))
  member.settle(one)
  member.turn()
  const effects = member.order(other)
  assert.equal(refusals(effects), ['double-order'])
  assert.is(accusations(member, effects).length, 1)
  assert.is(accusations(member, member.order(other)).length, 0)
})

offences('a member that locked one follows the quorum that certified the other', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.peek(payer.pay(bytesOf('x'), 1))
  const other = payer.peek(payer.pay(bytesOf('y'), 1))
  member.order(one)
  member.turn()
  member.votes(VOTE.lock, other, [1, 2, 3])
  assert.is(of(member.order(other), 'certified').length, 1)
  assert.equal(
    ownVotes(member, member.turn()).map(({ kind, od }) => [kind, equal(od, other.od)]),
    [[VOTE.confirm, true]],
  )
  member.restart()
  assert.equal(member.register.object(payer.oid)?.head, other.od)
})

offences('double votes and double batches', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.peek(payer.pay(bytesOf('x'), 1))
  const other = payer.peek(payer.pay(bytesOf('y'), 1))
  member.votes(VOTE.lock, one, [2])
  const effects = [...member.votes(VOTE.lock, other, [2]), ...member.votes(VOTE.lock, other, [2])]
  assert.equal(
    accusations(member, effects).map(({ kind }) => kind),
    ['double-vote'],
  )
  member.votes(VOTE.lock, other, [1])
  assert.equal(of(member.votes(VOTE.lock, other, [3]), 'certified'), [], 'the second vote of seat 2 does not count')
  const lies = forger(member, 3)
  const entry = { kind: VOTE.confirm, oid: bytesOf('o'), version: 1, od: bytesOf('d') }
  member.register.step({ kind: 'votes', batch: lies.batch([entry], 9) }, 0)
  const twice = member.register.step({ kind: 'votes', batch: lies.batch([{ ...entry, oid: bytesOf('p') }], 9) }, 0)
  assert.equal(
    accusations(member, twice).map(({ kind }) => kind),
    ['double-batch'],
  )
})

offences('accusations of one seat are bounded', () => {
  const member = new Member(four)
  const lies = forger(member, 3)
  let count = 0
  for (let i = 0; i < 3 * LIMITS.evidencePerGuiltyMax; i++) {
    for (const od of ['d', 'e']) {
      const batch = lies.batch([{ kind: VOTE.lock, oid: bytesOf(`o${i}`), version: 1, od: bytesOf(od) }])
      count += of(member.register.step({ kind: 'votes', batch }, 0), 'evidence').length
    }
  }
  assert.is(count, LIMITS.evidencePerGuiltyMax)
})
offences.run()

const again = suite('register: repetition and catch-up')

again('a repeated order is answered byte for byte, at a bounded rate', () => {
  const member = new Member(four)
  const payer = alice(member)
  const order = payer.order(payer.pay(bytesOf('x'), 1))
  member.order(order)
  const said = of(member.turn(), 'publish')[0]?.bytes as Uint8Array
  member.nowMs = 1000
  const repeated = member.order(order)
  assert.equal(
    of(repeated, 'publish').map(({ bytes }) => bytes),
    [said],
  )
  assert.equal(member.order(order), [])
  member.votes(VOTE.lock, order, [1, 2])
  member.turn()
  member.votes(VOTE.confirm, order, [1, 2])
  member.turn()
  member.restart()
  member.nowMs = 2000
  const settled = member.order(order)
  assert.equal(
    published(settled).map((name) => name.split('@')[0]),
    ['settlement'],
  )
  assert.equal(member.order(order), [])
})

again('NEED is answered with orders and their best proofs', () => {
  const member = new Member(four)
  const payer = alice(member)
  const orders = Array.from({ length: 3 }, () => payer.order(payer.pay(bytesOf('x'), 1)))
  member.settle(orders[0] as Order)
  member.order(orders[1] as Order)
  member.adopt(member.proof(VOTE.lock, orders[1] as Order))
  member.order(orders[2] as Order)
  member.turn()
  const need = (): string[] => {
    const effects = member.register.step({ kind: 'need', oid: payer.oid, fromVersion: 1 }, member.nowMs)
    return published(effects).map((name) => name.split('@')[0] as string)
  }
  assert.equal(need(), ['order', 'settlement', 'order', 'certificate', 'order'])
  assert.equal(need(), [])
  assert.equal(member.register.step({ kind: 'need', oid: bytesOf('nobody'), fromVersion: 0 }, 0), [])
})

again('heads tell who lacks what', () => {
  const ahead = new Member(four, 0)
  const behind = new Member(four, 1)
  const payer = alice(ahead)
  alice(behind)
  assert.equal(ahead.register.summary(), behind.register.summary())
  ahead.settle(payer.order(payer.pay(bytesOf('x'), 1)))
  ahead.settle(payer.order(payer.pay(bytesOf('x'), 1)))
  const theirs = ahead.register.summary()
  const differing = behind.register
    .summary()
    .flatMap((digest, i) => (equal(digest, theirs[i] as Uint8Array) ? [] : [i]))
  assert.is(differing.length, 1)
  const heads = ahead.register.heads(differing[0] as number, null, 100)
  assert.equal(behind.register.missing(heads), [{ oid: payer.oid, fromVersion: 1 }])
  assert.equal(ahead.register.missing(behind.register.heads(differing[0] as number, null, 100)), [])
  ahead.turn()
  ahead.restart()
  assert.equal(ahead.register.summary(), theirs)
  const all = Array.from({ length: LIMITS.summaryBuckets }, (_, i) => ahead.register.heads(i, null, 100)).flat()
  assert.is(all.length, 3)
})

again('a page of heads begins anywhere in its bucket and goes on at the start', () => {
  const member = new Member(four)
  for (let i = 0; i < 40; i++) member.settle(new Wallet(four, person(`owner ${i}`)).incept())
  const buckets = Array.from({ length: LIMITS.summaryBuckets }, (_, i) => member.register.heads(i, null, 100))
  const bucket = buckets.findIndex((heads) => heads.length >= 3)
  const [first, second, third] = buckets[bucket] as [Head, Head, Head]
  const rest = (buckets[bucket] as Head[]).slice(3)
  const page = (after: Uint8Array, countMax: number) => member.register.heads(bucket, after, countMax)
  assert.equal(page(first.oid, 100), [second, third, ...rest, first])
  assert.equal(page(first.oid, 2), [second, third])
  assert.equal(page(new Uint8Array(32).fill(255), 2), [first, second], 'after the last comes the first')
})

again('an open slot is repeated unasked, ever more seldom', () => {
  const member = new Member(four)
  const payer = alice(member)
  const order = payer.order(payer.pay(bytesOf('x'), 1))
  member.order(order)
  member.turn()
  let times = 0
  for (let second = 0; second < 300; second++) {
    member.nowMs = second * 1000
    times += of(member.register.step({ kind: 'tick' }, member.nowMs), 'need').length
  }
  assert.is(times, LIMITS.openSlotRetriesMax)
  member.votes(VOTE.lock, order, [1, 2])
  member.turn()
  member.nowMs += LIMITS.openSlotRetryMsMax
  const effects = member.register.step({ kind: 'tick' }, member.nowMs)
  assert.equal(
    published(effects).map((name) => name.split('@')[0]),
    ['batch', 'batch', 'certificate'],
  )
})
again.run()

const lives = suite('register: restarts and abstention')

lives('what is sealed is never voted again otherwise; what is not is forgotten', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.peek(payer.pay(bytesOf('x'), 1))
  const other = payer.peek(payer.pay(bytesOf('y'), 1))
  member.order(one)
  member.turn(false)
  member.restart()
  member.order(other)
  assert.equal(
    ownVotes(member, member.turn()).map(({ od }) => equal(od, other.od)),
    [true],
    'the first was never given',
  )
  const { sequence, root } = member.register.highestBatch()
  member.restart()
  assert.equal(refusals(member.order(one)), ['double-order'])
  assert.equal(member.register.highestBatch(), { sequence, root })
})

lives('a certified order is confirmed after a restart if it was not before', () => {
  const member = new Member(four)
  const payer = alice(member)
  const order = payer.order(payer.pay(bytesOf('x'), 1))
  member.order(order)
  member.adopt(member.proof(VOTE.lock, order))
  member.disk.write(member.register.flush())
  member.disk.sync()
  member.restart()
  assert.equal(
    member.register.inFlight().map(({ od }) => od),
    [order.od],
  )
  assert.equal(
    ownVotes(member, member.turn()).map(({ kind }) => kind),
    [VOTE.confirm],
  )
  member.votes(VOTE.confirm, order, [1, 2])
  assert.is(member.register.object(payer.oid)?.settled, 1, 'the own vote of the earlier life counts')
})

lives('a batch of ours that our log lacks ends voting for the epoch', () => {
  const member = new Member(four)
  const payer = alice(member)
  const order = payer.order(payer.pay(bytesOf('x'), 1))
  member.order(order)
  const lost = forger(member, 0).batch([{ kind: VOTE.lock, oid: order.oid, version: 1, od: bytesOf('other') }], 4)
  const effects = member.register.step({ kind: 'votes', batch: lost }, 0)
  assert.is(of(effects, 'log-lost')[0]?.sequence, 4)
  assert.ok(member.register.abstaining)
  assert.is(member.register.nextBatch(), null)
  member.turn()
  member.restart()
  assert.ok(member.register.abstaining, 'for the whole epoch')
  const next = payer.order(payer.pay(bytesOf('x'), 1))
  member.settle(order)
  member.settle(next)
  assert.equal(member.turn(), [])
  assert.is(member.register.object(payer.oid)?.settled, 2, 'adopting goes on')
})

lives('abstaining while a batch is being signed gives that batch up', () => {
  const member = new Member(four)
  const payer = alice(member)
  member.order(payer.order(payer.pay(bytesOf('x'), 1)))
  assert.ok(member.register.nextBatch())
  assert.is(member.register.nextBatch(), null, 'one at a time')
  member.register.abstain()
  assert.equal(member.register.sealBatch(new Uint8Array(64)), [])
})

lives('no more votes in a batch than it holds', () => {
  const member = new Member(four)
  const payer = alice(member)
  for (let i = 0; i < LIMITS.batchEntriesMax + 10; i++) {
    const owner = new Wallet(four, person(`owner ${i}`))
    member.order(owner.incept())
  }
  assert.is(ownVotes(member, member.turn()).length, LIMITS.batchEntriesMax)
  assert.is(ownVotes(member, member.turn()).length, 10)
  assert.is(member.register.highestBatch().sequence, 2)
  assert.ok(payer)
})

lives('an observer counts and adopts, and neither votes nor publishes', () => {
  const observer = new Member(four, null)
  const payer = alice(observer)
  const order = payer.order(payer.pay(bytesOf('x'), 1))
  const effects = [
    ...observer.order(order),
    ...observer.votes(VOTE.lock, order, [0, 1, 2]),
    ...observer.votes(VOTE.confirm, order, [0, 1, 3]),
    ...observer.order(order),
    ...observer.turn(),
  ]
  assert.equal(
    effects.map(({ kind }) => kind),
    ['certified', 'settled'],
  )
  assert.is(observer.register.nextBatch(), null)
})
lives.run()

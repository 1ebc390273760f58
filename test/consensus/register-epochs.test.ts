/** The register lane and the chain of blocks: freezing, unlocking, checkpoints, reports, and the way from one epoch to the next, one member at a time. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { type Certificate, certificateEnvelope, checksOf, readCertificate } from '../../src/consensus/certificate.ts'
import { type Committee, createCommittee } from '../../src/consensus/committee.ts'
import { CommitteeBook } from '../../src/consensus/committee-book.ts'
import type { Effect } from '../../src/consensus/effects.ts'
import { type Order, orderBytes } from '../../src/consensus/order.ts'
import { BASE, decodeObject, slotKey, voidHead } from '../../src/consensus/records.ts'
import { createRegister } from '../../src/consensus/register.ts'
import { readVoteBatch, VOTE, type VoteBatch, type VoteEntry, type VoteKind } from '../../src/consensus/statement.ts'
import { decode, encode } from '../../src/core/codec.ts'
import { verifySignature } from '../../src/core/crypto.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { balanceOf } from '../../src/ledger/account.ts'
import { assertConserved, supplies } from '../../src/ledger/conservation.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import { nextOrder } from '../../src/ledger/terms.ts'
import { codeOf } from '../kit/refusal.ts'
import { type Forger, forger } from './forger.ts'
import { Member, of } from './member.ts'
import { bytesOf, person, signOrder, Wallet, type World, world } from './people.ts'

const four = world(4)
const twentyFive = world(25)
const to = bytesOf('somebody')

/** The same seats one epoch later. */
function following(committee: Committee): Committee {
  return createCommittee({ ...committee, epoch: committee.epoch + 1 })
}

function alice(member: Member, amount = 1000): Wallet {
  return member.fund(new Wallet(member.world, person('alice')), amount)
}

function holds(member: Member, wallet: Wallet): number {
  return balanceOf(member.register.object(wallet.oid)?.state ?? null, member.world.asset)
}

function ownVotes(committee: Committee, effects: readonly Effect[]): [VoteKind, number][] {
  return of(effects, 'publish')
    .filter(({ what }) => what === 'batch')
    .flatMap(({ bytes }) => readVoteBatch(decodeEnvelope(bytes), committee).entries)
    .map(({ kind, version }) => [kind, version])
}

function conserved({ register, world }: Member): void {
  assertConserved(supplies({ objects: register.objects(), inFlight: register.inFlight() }, world.genesis))
}

/** LOCK of this member, CERT by the others, CONFIRM of this member. */
function certify(member: Member, order: Order): void {
  member.order(order)
  member.turn()
  member.adopt(member.proof(VOTE.lock, order))
  member.turn()
}

/** What the seats 1, 2, … of a committee prove. */
function proofIn(committee: Committee, w: World, kind: VoteKind, order: Order, count = committee.quorum): Uint8Array {
  const entry: VoteEntry = { kind, oid: order.oid, version: order.version, od: order.od }
  const votes = Array.from({ length: count }, (_, i) => ({
    batch: forger({ committee, world: w }, i + 1).batch([entry]),
    index: 0,
  }))
  return encodeEnvelope(certificateEnvelope(committee, entry, votes))
}

/** The next order of a wallet, standing on another head than the wallet knows. */
function orderOn(wallet: Wallet, version: number, head: Uint8Array, amount: number): Order {
  const { genesis } = wallet.world
  const standing = {
    ...{ home: genesis.neighborhood, owner: wallet.owner.id, keyPosition: 0, nonce: wallet.nonce },
    ...{ version: version - 1, head },
  }
  return signOrder(genesis, wallet.owner, nextOrder(standing, wallet.pay(to, amount), bytesOf(`${version}`, 16), 1000))
}

const freezing = suite('register: freezing')

freezing('a frozen object gets no vote any more, sealed or not, in this life and the next; others do', () => {
  const member = new Member(four)
  const payer = alice(member)
  const [one, two] = [payer.order(payer.pay(to, 1)), payer.order(payer.pay(to, 2))] as const
  certify(member, one)
  member.order(two)
  assert.is(member.register.sizes.queuedVotes, 1)
  assert.ok(member.register.nextBatch(), 'its LOCK is being signed')
  member.register.freeze(payer.oid, 2)
  assert.equal(member.register.sealBatch(new Uint8Array(64)), [], 'and is not sealed')
  assert.equal(ownVotes(member.committee, member.turn()), [])
  for (let life = 0; life < 2; life++) {
    const effects = [...member.order(two), ...member.adopt(member.proof(VOTE.lock, two)), ...member.turn()]
    assert.equal(ownVotes(member.committee, effects), [], 'adopted as knowledge, without a CONFIRM')
    assert.is(member.register.object(payer.oid)?.certified, 2)
    member.restart()
  }
  const bob = new Wallet(four, person('bob'))
  member.order(bob.incept())
  assert.equal(ownVotes(member.committee, member.turn()), [[VOTE.lock, 1]])
  assert.is(of(member.adopt(member.proof(VOTE.confirm, one)), 'settled').length, 1)
  assert.is(of(member.adopt(member.proof(VOTE.confirm, two)), 'settled').length, 1, 'a settlement still settles')
})

freezing('what is frozen twice thaws once for each; votes that were held back are given then', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.order(payer.pay(to, 1))
  const two = payer.order(payer.pay(to, 2))
  member.register.freeze(payer.oid, 1)
  member.register.freeze(payer.oid, 2)
  assert.is(of(member.order(one), 'parked')[0]?.code, 'frozen')
  member.adopt(member.proof(VOTE.lock, one))
  assert.equal(ownVotes(member.committee, member.turn()), [])
  const bytes = orderBytes(one)
  const effects = member.register.resolve(payer.oid, 1, { od: one.od, order: bytes })
  assert.is(of(effects, 'settled-by-chain')[0]?.order?.version, 1)
  assert.is(of(member.order(two), 'parked')[0]?.code, 'frozen', 'version 2 is being unlocked, too')
  member.register.resolve(payer.oid, 2, 'void')
  member.order(orderOn(payer, 3, voidHead(payer.oid, 2), 5))
  assert.equal(ownVotes(member.committee, member.turn()), [[VOTE.lock, 3]])
  conserved(member)
})

freezing('the whole lane: nothing is voted for until the next epoch', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.order(payer.pay(to, 1))
  member.order(one)
  member.register.freezeAll()
  assert.equal(ownVotes(member.committee, member.turn()), [], 'what was queued neither')
  for (let life = 0; life < 2; life++) {
    member.votes(VOTE.lock, one, [1, 2, 3])
    assert.equal(ownVotes(member.committee, member.turn()), [])
    member.restart()
  }
  member.votes(VOTE.confirm, one, [1, 2, 3])
  assert.is(of(member.adopt(member.proof(VOTE.lock, one)), 'certified').length + member.order(one).length > 0, true)
  assert.is(member.register.object(payer.oid)?.settled, 1, 'confirmations of others still settle')
})
freezing.run()

const unlocking = suite('register: unlocking')

unlocking('a voided version is consumed by nothing: money is back, proofs of it are refused, the next goes on', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.order(payer.pay(to, 700))
  certify(member, one)
  assert.is(holds(member, payer), 300)
  member.register.freeze(payer.oid, 1)
  const effects = member.register.resolve(payer.oid, 1, 'void')
  assert.is(of(effects, 'rolled-back')[0]?.order, one)
  assert.is(of(effects, 'settled-by-chain')[0]?.order, null)
  assert.is(holds(member, payer), 1000)
  conserved(member)
  member.turn()
  member.restart()
  assert.equal([member.register.object(payer.oid)?.settled, holds(member, payer)], [1, 1000])
  assert.equal(member.adopt(member.proof(VOTE.lock, one)), [])
  assert.equal(member.adopt(member.proof(VOTE.confirm, one)), [])
  assert.is(of(member.order(one), 'refused')[0]?.code, 'wrong-version')
  assert.ok(member.register.holdsSettled(payer.oid, 1, voidHead(payer.oid, 1)))
  const two = orderOn(payer, 2, voidHead(payer.oid, 1), 50)
  member.order(two)
  assert.equal(ownVotes(member.committee, member.turn()), [[VOTE.lock, 2]])
  member.settle(two)
  assert.is(holds(member, payer), 950)
  conserved(member)
  assert.ok(member.register.holdsSettled(payer.oid, 1, voidHead(payer.oid, 1)), 'remembered below the head')
  assert.is(
    codeOf(() => member.register.resolve(payer.oid, 1, { od: one.od })),
    'internal',
  )
})

unlocking('a void that comes before the version before it waits for that; a late certificate of it is refused', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.order(payer.pay(to, 1))
  const two = payer.order(payer.pay(to, 2))
  member.register.freeze(payer.oid, 2)
  member.register.resolve(payer.oid, 2, 'void')
  assert.is(of(member.adopt(member.proof(VOTE.lock, two)), 'refused')[0]?.code, 'bad-certificate')
  assert.equal(member.register.lacking(), [{ oid: payer.oid, version: 2 }])
  member.turn()
  member.restart()
  assert.equal(member.register.lacking(), [{ oid: payer.oid, version: 2 }])
  member.settle(one)
  assert.is(member.register.object(payer.oid)?.settled, 2)
  assert.equal(member.register.lacking(), [])
})

unlocking('who follows no chain of blocks sees a void from the order after it', () => {
  const observer = new Member(four, null)
  const payer = alice(observer)
  const two = orderOn(payer, 2, voidHead(payer.oid, 1), 40)
  observer.adopt(observer.proof(VOTE.confirm, two))
  const effects = observer.order(two)
  assert.equal(
    of(effects, 'settled-by-chain').map(({ version, order }) => [version, order]),
    [[1, null]],
  )
  assert.is(of(effects, 'settled').length, 1)
  assert.is(holds(observer, payer), 960)
})

unlocking('a LOCK on what follows a void stays the only one of this member; who gave none may vote anew', () => {
  for (const hasLocked of [true, false]) {
    const member = new Member(four)
    const payer = alice(member)
    const one = payer.order(payer.pay(to, 1))
    const two = payer.order(payer.pay(to, 2))
    certify(member, one)
    if (!hasLocked) member.register.freeze(payer.oid, 2)
    member.order(two)
    member.turn()
    member.register.freeze(payer.oid, 1)
    if (!hasLocked) member.register.resolve(payer.oid, 2, 'void')
    const effects = member.register.resolve(payer.oid, 1, 'void')
    assert.is(of(effects, 'rolled-back').length, 1)
    member.turn()
    member.restart()
    const anew = hasLocked ? orderOn(payer, 2, voidHead(payer.oid, 1), 3) : orderOn(payer, 3, voidHead(payer.oid, 2), 3)
    const after = member.order(anew)
    assert.is(of(after, 'evidence').length, 0, 'an owner who goes on after a void is accused of nothing')
    assert.equal(ownVotes(member.committee, member.turn()), hasLocked ? [] : [[VOTE.lock, 3]])
  }
})

unlocking('an outcome whose order is not here is asked for; the newest order decides those before it', () => {
  const member = new Member(four)
  const payer = alice(member)
  const orders = [1, 2, 3].map((amount) => payer.order(payer.pay(to, amount)))
  const [one, two, three] = orders as [Order, Order, Order]
  const effects = member.register.cover(payer.oid, 3, three.od)
  assert.is(of(effects, 'need')[0]?.fromVersion, 1)
  assert.equal(member.register.lacking(), [{ oid: payer.oid, version: 3 }])
  assert.is(of(member.order(one), 'parked').length, 1, 'no vote where the chain has decided already')
  assert.equal(ownVotes(member.committee, member.turn()), [])
  member.order(three)
  member.turn()
  member.restart()
  assert.is(of(member.order(two), 'settled-by-chain').length, 0)
  assert.is(of(member.order(one), 'settled-by-chain').length, 3)
  assert.is(holds(member, payer), 994)
  conserved(member)
})

unlocking(
  'a slot with two orders, or one by a key that was retired, calls for an unlock when it does not get on',
  () => {
    const member = new Member(four)
    const payer = alice(member)
    const [one, other] = [payer.peek(payer.pay(to, 1)), payer.peek(payer.pay(to, 2))] as const
    member.order(one)
    member.turn()
    const stuckAfter = (): number[] => {
      const found: number[] = []
      for (let i = 1; i <= LIMITS.openSlotRetriesMax + 2; i++) {
        member.nowMs += LIMITS.openSlotRetryMsMax
        const effects = of(member.register.step({ kind: 'tick' }, member.nowMs), 'stuck')
        if (effects.length > 0) found.push(effects[0]?.orders.length ?? 0)
      }
      return found
    }
    assert.equal(stuckAfter(), [], 'one order, nobody votes: that is the network')
    member.order(other)
    assert.equal(stuckAfter().slice(0, 2), [2, 2])
  },
)
unlocking.run()

const covering = suite('register: checkpoints and reports')

covering('what is settled and not covered, the one that is open for longest first; what is covered is pruned', () => {
  const member = new Member(four)
  const payer = alice(member)
  member.register.freezeAll()
  const before = member.register.uncovered(10).map(({ version }) => version)
  assert.equal(before, [1, 1], 'key log and mint')
  for (const { oid, version, od } of member.register.uncovered(10)) member.register.cover(oid, version, od)
  const one = payer.order(payer.pay(to, 1))
  member.settle(one)
  assert.equal(member.register.uncovered(10), [{ oid: payer.oid, version: 1, od: one.od }])
  assert.equal(member.register.uncovered(0), [])
  assert.ok(member.register.holdsSettled(payer.oid, 1, one.od))
  assert.not.ok(member.register.holdsSettled(payer.oid, 1, bytesOf('other')))
  assert.not.ok(member.register.holdsSettled(payer.oid, 2, one.od))
  member.turn()
  member.restart()
  assert.equal(member.register.uncovered(10), [{ oid: payer.oid, version: 1, od: one.od }])
  assert.equal(member.register.cover(payer.oid, 1, one.od), [])
  member.turn()
  assert.is(member.register.covered(payer.oid), 1)
  assert.equal(member.register.uncovered(10), [])
  assert.ok(member.register.settlementOf(payer.oid, 1), 'the proof for strangers stays')
})

covering('own votes go with the checkpoint, and a settled version is not voted for again', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.order(payer.pay(to, 1))
  certify(member, one)
  const key = slotKey(payer.oid, 1)
  assert.ok(member.disk.get('vote', key) && member.disk.get('certificate', key))
  member.adopt(member.proof(VOTE.confirm, one))
  member.register.cover(payer.oid, 1, one.od)
  member.turn()
  assert.equal([member.disk.get('vote', key), member.disk.get('certificate', key)], [null, null])
  member.restart()
  member.order(payer.peek(payer.pay(to, 2)))
  member.order({ ...one, od: bytesOf('other') })
  assert.equal(
    ownVotes(member.committee, member.turn()).filter(([, version]) => version === 1),
    [],
  )
})

covering('a report lists the best proof of every certified version that is not covered', () => {
  const member = new Member(four)
  const payer = alice(member)
  for (const { oid, version, od } of member.register.uncovered(10)) member.register.cover(oid, version, od)
  const [one, two] = [payer.order(payer.pay(to, 1)), payer.order(payer.pay(to, 2))] as const
  certify(member, one)
  certify(member, two)
  member.adopt(member.proof(VOTE.confirm, one))
  member.register.freezeAll()
  member.turn()
  member.restart()
  const report = member.register.openProofs()
  assert.equal(
    report.map(({ version, bytes }) => [version, readCertificate(decodeEnvelope(bytes), member.committee).kind]),
    [
      [1, VOTE.confirm],
      [2, VOTE.lock],
    ],
  )
  assert.equal(member.register.proofOf(payer.oid, 2)?.od, two.od)
  assert.is(member.register.proofOf(payer.oid, 3), null)
  member.disk.write([{ space: 'certificate', key: slotKey(payer.oid, 2), value: null }])
  member.disk.sync()
  member.restart()
  assert.is(
    codeOf(() => member.register.openProofs()),
    'store-damaged',
    'who cannot tell all must not report',
  )
})
covering.run()

const turning = suite('register: from epoch to epoch')

turning(
  'what the closing lists is settled, what is certified beside it is taken back, what was locked is forgotten',
  () => {
    const member = new Member(four)
    const payer = alice(member)
    const [one, two, three] = [10, 20, 40].map((amount) => payer.order(payer.pay(to, amount))) as [Order, Order, Order]
    for (const order of [one, two]) certify(member, order)
    member.order(three)
    member.turn()
    assert.is(holds(member, payer), 970)
    const next = following(member.committee)
    member.register.freezeAll()
    member.turn()
    const effects = member.register.enterEpoch(next, 0, [{ oid: payer.oid, version: 1, od: one.od }])
    assert.equal(
      of(effects, 'settled-by-chain').map(({ version }) => version),
      [1],
    )
    assert.equal(
      of(effects, 'rolled-back').map(({ order }) => order.version),
      [2],
    )
    assert.is(holds(member, payer), 990)
    conserved(member)
    member.turn()
    const { register } = member
    assert.equal(register.highestBatch().sequence, 0)
    assert.equal(register.covered(payer.oid), 1)
    for (const space of ['vote', 'batch', 'certificate']) assert.equal([...member.disk.scan(space)], [], space)
    const other = orderOn(payer, 2, one.od, 33)
    const again = createRegister({
      committee: next,
      seat: 0,
      rules: createLedgerRules(four.genesis),
      records: member.disk,
    })
    for (const life of [register, again]) {
      assert.is(of(life.step({ kind: 'order', order: other, verified: true }, 0), 'refused').length, 0)
      const batch = life.nextBatch()
      assert.ok(batch)
      const sealed = life.sealBatch(
        (four.epochKeys[0] as World['epochKeys'][number]).sign(batch?.message as Uint8Array),
      )
      assert.equal(ownVotes(next, sealed), [[VOTE.lock, 2]], 'another order for the version of the lock')
      assert.is(life.highestBatch().sequence, 1, 'numbers begin anew')
    }
    assert.is(
      codeOf(() =>
        createRegister({
          committee: member.committee,
          seat: 0,
          rules: createLedgerRules(four.genesis),
          records: member.disk,
        }),
      ),
      'wrong-epoch',
      'an old epoch never votes again',
    )
  },
)

turning('orders that may not be voted for any more are refused, the others wait on', () => {
  const member = new Member(four)
  const payer = alice(member)
  const { genesis } = four
  const standing = {
    home: genesis.neighborhood,
    owner: payer.owner.id,
    keyPosition: 0,
    nonce: payer.nonce,
    version: 0,
    head: new Uint8Array(32),
  }
  const old = signOrder(genesis, payer.owner, nextOrder(standing, payer.pay(to, 1), bytesOf('old', 16), 0))
  member.register.freezeAll()
  const bob = new Wallet(four, person('bob'))
  assert.is(of(member.order(old), 'parked')[0]?.code, 'frozen')
  member.order(bob.incept())
  const effects = member.register.enterEpoch(following(member.committee), 0, [])
  assert.equal(
    of(effects, 'refused').map(({ code }) => code),
    ['expired'],
  )
  assert.is(member.register.sizes.queuedVotes, 1, 'the other is voted for')
})

turning('a member that lacks an order of the closing asks for it, and votes for that object only then', () => {
  const member = new Member(four)
  const payer = alice(member)
  const lost = payer.order(payer.pay(to, 5))
  const next = following(member.committee)
  const effects = member.register.enterEpoch(next, 0, [{ oid: payer.oid, version: 1, od: lost.od }])
  assert.equal(of(effects, 'need'), [{ kind: 'need', oid: payer.oid, fromVersion: 1 }])
  member.disk.write(member.register.flush())
  const rules = createLedgerRules(four.genesis)
  const register = createRegister({ committee: next, seat: 0, rules, records: member.disk })
  assert.equal(register.lacking(), [{ oid: payer.oid, version: 1 }])
  const rival = payer.peek(payer.pay(to, 9))
  const step = (order: Order): Effect[] => register.step({ kind: 'order', order, verified: true }, 0)
  assert.equal(
    of(step(orderOn(payer, 1, new Uint8Array(32), 77)), 'refused').map(({ code }) => code),
    ['double-order'],
  )
  step(rival)
  assert.is(register.sizes.queuedVotes, 0)
  step(new Wallet(four, person('bob')).incept())
  assert.is(register.sizes.queuedVotes, 1, 'other objects go on')
  assert.is(of(step(lost), 'settled-by-chain').length, 1)
  step(orderOn(payer, 2, lost.od, 1))
  assert.is(register.sizes.queuedVotes, 2, 'and now this one')
})

turning('a settlement of an earlier epoch proves what that epoch ended with and no more; a certificate nothing', () => {
  const member = new Member(four)
  const payer = alice(member)
  const [one, two] = [payer.order(payer.pay(to, 1)), payer.order(payer.pay(to, 2))] as const
  const { committee } = member
  const next = following(committee)
  member.register.enterEpoch(next, 0, [{ oid: payer.oid, version: 1, od: one.od }])
  const observer = new Member(four, null)
  alice(observer)
  observer.register.enterEpoch(next, null, [])
  const book = new CommitteeBook(committee, next)
  const read = (bytes: Uint8Array): ReturnType<typeof readCertificate> => {
    const envelope = decodeEnvelope(bytes)
    return readCertificate(envelope, book.of(envelope))
  }
  const proofs = { cert: proofIn(committee, four, VOTE.lock, one), one: proofIn(committee, four, VOTE.confirm, one) }
  const late = proofIn(committee, four, VOTE.confirm, two)
  const { register } = member
  assert.is(register.checksFor(read(proofs.cert)), null)
  assert.is(register.checksFor(read(proofs.one))?.length, 3)
  assert.is(register.checksFor(read(late)), null, 'keys that were stolen after the epoch decide nothing')
  register.step({ kind: 'certificate', certificate: read(late), bytes: late }, 0)
  register.step({ kind: 'certificate', certificate: read(proofs.one), bytes: proofs.one }, 0)
  const effects = register.step({ kind: 'order', order: one, verified: true }, 0)
  assert.is(of(effects, 'settled').length, 1)
  assert.equal(register.settlementOf(payer.oid, 1), proofs.one)
  assert.is(register.object(payer.oid)?.settled, 1)
  for (const order of [one, two]) {
    const bytes = proofIn(committee, four, VOTE.confirm, order)
    observer.register.step({ kind: 'order', order, verified: true }, 0)
    observer.register.step({ kind: 'certificate', certificate: read(bytes), bytes }, 0)
  }
  assert.is(observer.register.object(payer.oid)?.settled, 2, 'who follows no chain takes them by their own strength')
  const stranger = createCommittee({ ...committee, epoch: 0, nid: bytesOf('elsewhere', 16) })
  assert.is(
    codeOf(() => read(proofIn(stranger, four, VOTE.confirm, two))),
    'wrong-epoch',
  )
})

turning('a header that was verified in this epoch vouches for none of another', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.order(payer.pay(to, 1))
  const next = following(member.committee)
  member.register.enterEpoch(next, 0, [{ oid: payer.oid, version: 1, od: one.od }])
  const entry: VoteEntry = { kind: VOTE.confirm, oid: one.oid, version: 1, od: one.od }
  const batches = [1, 2, 3].map((seat) => forger({ committee: next, world: four }, seat).batch([entry]))
  for (const batch of batches.slice(0, 2)) member.register.step({ kind: 'votes', batch }, 0)
  const votes = batches.map((batch) => ({ batch, index: 0 }))
  const [here, moved] = [next, member.committee].map((committee) =>
    readCertificate(certificateEnvelope(committee, entry, votes), committee),
  ) as [Certificate, Certificate]
  assert.is(member.register.checksFor(here)?.length, 1)
  assert.is(member.register.checksFor(moved)?.length, 3)
  member.register.step({ kind: 'votes', batch: batches[2] as VoteBatch }, 0)
  assert.is(member.register.recognizes(here), true)
  assert.is(member.register.recognizes(moved), false)
})

turning('votes that were read for other seats are not counted', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.order(payer.pay(to, 1))
  const next = following(member.committee)
  const batches = [1, 2, 3].flatMap((seat) => (member.others[seat] as Forger).votesFor(one))
  const read = batches.map((bytes) => readVoteBatch(decodeEnvelope(bytes), member.committee))
  member.register.enterEpoch(next, 0, [])
  member.register.step({ kind: 'order', order: one, verified: true }, 0)
  for (const batch of read) member.register.step({ kind: 'votes', batch }, 0)
  assert.is(member.register.object(payer.oid)?.certified ?? 0, 0)
})

turning('a store from before there were epochs opens; what it does not tell is refused until it is known', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.order(payer.pay(to, 300))
  certify(member, one)
  for (const { key, value } of [...member.disk.scan('object')]) {
    member.disk.write([{ space: 'object', key, value: encode((decode(value) as readonly never[]).slice(0, 7)) }])
  }
  member.disk.sync()
  member.restart()
  assert.equal([holds(member, payer), member.register.object(payer.oid)?.certified], [700, 1])
  assert.is(decodeObject(member.disk.get('object', payer.oid) as Uint8Array).baseKind, BASE.unknown)
  assert.is(
    codeOf(() => member.register.stateRoot()),
    'not-settled',
  )
  assert.is(
    codeOf(() => member.register.close([])),
    'not-settled',
  )
  member.adopt(member.proof(VOTE.confirm, one))
  member.turn()
  member.restart()
  assert.is(member.register.stateRoot().length, 32)
  const two = payer.order(payer.pay(to, 100))
  certify(member, two)
  member.register.close([])
  assert.is(holds(member, payer), 700)
})

turning('a closed lane certifies nothing more, in the next life neither', () => {
  const member = new Member(four)
  const payer = alice(member)
  const one = payer.order(payer.pay(to, 1))
  certify(member, one)
  member.register.freezeAll()
  member.register.close([])
  const root = member.register.stateRoot()
  for (let life = 0; life < 2; life++) {
    member.turn()
    member.order(one)
    member.adopt(member.proof(VOTE.lock, one))
    member.adopt(member.proof(VOTE.confirm, one))
    member.votes(VOTE.confirm, one, [1, 2, 3])
    assert.is(member.register.object(payer.oid)?.certified, 0)
    assert.equal(member.register.stateRoot(), root)
    member.restart()
  }
})
turning.run()

const strength = suite('register: settlements for strangers')

strength('a settlement of 21 seats can be had of what was settled lately', () => {
  const member = new Member(twentyFive)
  const payer = alice(member)
  const one = payer.order(payer.pay(to, 1))
  certify(member, one)
  member.votes(
    VOTE.confirm,
    one,
    Array.from({ length: 16 }, (_, i) => i + 1),
  )
  assert.is(member.register.strengthOf(payer.oid, 1), 17)
  assert.is(member.register.strongSettlementOf(payer.oid, 1), null)
  member.votes(VOTE.lock, one, [18, 19, 20, 21])
  assert.is(member.register.strengthOf(payer.oid, 1), 17, 'a LOCK is no CONFIRM')
  member.votes(VOTE.confirm, { ...one, od: bytesOf('other') }, [22])
  assert.is(of(member.votes(VOTE.confirm, one, [18, 19, 20, 21]), 'strong').length, 1)
  assert.is(member.register.strengthOf(payer.oid, 1), 21)
  const bytes = member.register.strongSettlementOf(payer.oid, 1) as Uint8Array
  const strong = readCertificate(decodeEnvelope(bytes), member.committee)
  assert.equal([strong.kind, strong.weight], [VOTE.confirm, 21])
  const checks = checksOf(strong, member.committee)
  assert.ok(checks.every(({ key, message, signature }) => verifySignature(key, message, signature)))
  member.restart()
  assert.is(member.register.strongSettlementOf(payer.oid, 1), null)
})

strength('what only a settlement tells counts as many seats as it shows', () => {
  const member = new Member(four)
  const payer = alice(member)
  member.settle(payer.order(payer.pay(to, 1)))
  member.turn()
  member.restart()
  assert.is(member.register.strengthOf(payer.oid, 1), 3)
  assert.is(member.register.strengthOf(payer.oid, 2), 0)
})
strength.run()

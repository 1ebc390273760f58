/** Batches, refunds, holds: every payment is one of its own, nothing goes back twice, nobody takes more than was set aside, whatever members learn first. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/core/limits.ts'
import '../kit/wasm.ts'
import type { Order } from '../../src/consensus/order.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { encodeEnvelope, signedBytes, TYPE } from '../../src/core/envelope.ts'
import { decodeState, encodeState, type ObjectState } from '../../src/ledger/account.ts'
import { voucherBody, workReceiptBody } from '../../src/ledger/claim.ts'
import { creditsOf } from '../../src/ledger/credit.ts'
import { decodeOperation, encodeOperation, type OwnOperation } from '../../src/ledger/payment.ts'
import { accountId } from '../../src/ledger/terms.ts'
import type { Capture, PayMany, PlaceHold, Refund } from '../../src/ledger/transfer.ts'
import { bytesOf, issuerWallet, keyPair, mint, person, type World, world } from '../consensus/people.ts'
import { codeOf, Member, Purser } from './stage.ts'

const w: World = world(4)
const { netId } = w.genesis
const NOTHING = new Uint8Array(0)

function stage(...balances: number[]): { member: Member; people: Purser[] } {
  const member = new Member(w)
  const issuer = issuerWallet(w)
  const people = balances.map((_, i) => new Purser(w, person(`person ${i}`)))
  let issued = 0
  for (const [i, balance] of balances.entries()) {
    issued += balance
    if (balance > 0) member.both(issuer.order(mint(w, issued, (people[i] as Purser).oid)))
  }
  return { member, people }
}

function many(...payments: readonly (readonly [to: Purser, amount: number])[]): PayMany {
  const listed = payments.map(([to, amount], i) => {
    return { amount, to: to.oid, reference: bytesOf(`reference ${i}`), memo: NOTHING }
  })
  return { kind: 'pay-many', assetId: w.asset, payments: listed }
}

function back(original: Order, amount: number, index = 0): Refund {
  const reference = bytesOf(`refund ${toHex(original.od)} ${index} ${amount}`)
  return { kind: 'refund', original: original.envelope.body, index, amount, reference, number: 0, memo: NOTHING }
}

const batches = suite('batches')

batches('each payment has a name, a payee and a reference of its own; all are paid or none', () => {
  const { member, people } = stage(100, 0, 0)
  const [alice, bob, carol] = people as [Purser, Purser, Purser]
  assert.is(member.judge(alice.peek(many([bob, 60], [carol, 41]))), 'insufficient-funds, later')
  const order = alice.order(many([bob, 60], [carol, 30], [bob, 5]))
  const checked = member.rules.check(order, member)
  assert.equal(checked, { ok: true, touches: [bob.oid, carol.oid] })
  member.certify(order)
  assert.equal([member.supply().held, member.supply().inFlight], [5, 95])
  member.settle(order)
  assert.equal(
    [alice, bob, carol].map(({ oid }) => member.balance(oid)),
    [5, 65, 30],
  )
  member.supply()
  const credits = creditsOf(order, netId)
  assert.equal(
    credits.map(({ index, amount }) => [index, amount]),
    [
      [0, 60],
      [1, 30],
      [2, 5],
    ],
  )
  assert.is(new Set([order.od, ...credits.map(({ payment }) => payment)].map(toHex)).size, 4)
  const single = alice.order(alice.pay(bob.oid, 1))
  assert.equal(creditsOf(single, netId)[0]?.payment, single.od)
  assert.equal(creditsOf(issuerWallet(w).peek(mint(w, 1, bob.oid)), netId), [])
})

batches('256 payments fit one order, and a refund of one of them fits another', () => {
  const { member, people } = stage(10_000, 0)
  const [alice, bob] = people as [Purser, Purser]
  const order = member.both(alice.order(many(...Array.from({ length: 256 }, () => [bob, 3] as const))))
  assert.ok(order.envelope.body.length < 21_000, String(order.envelope.body.length))
  member.both(bob.order(back(order, 3, 255)))
  assert.is(member.balance(bob.oid), 255 * 3)
  const payments = Array.from({ length: 257 }, () => ({
    amount: 1,
    to: bob.oid,
    reference: bytesOf('r'),
    memo: NOTHING,
  }))
  const read = (operation: OwnOperation) => codeOf(() => decodeOperation(encodeOperation(operation)))
  assert.is(read({ kind: 'pay-many', assetId: w.asset, payments }), 'bad-shape')
  assert.is(read({ kind: 'pay-many', assetId: w.asset, payments: [] }), 'bad-shape')
  const long = payments.slice(1).map((payment) => ({ ...payment, memo: new Uint8Array(64) }))
  assert.is(read({ kind: 'pay-many', assetId: w.asset, payments: long }), 'too-long')
})
batches.run()

const refunds = suite('refunds')

refunds('in parts, up to what came, to whoever paid it', () => {
  const { member, people } = stage(100, 50)
  const [alice, shop] = people as [Purser, Purser]
  const paid = member.both(alice.order(alice.pay(shop.oid, 40)))
  member.both(shop.order(back(paid, 15)))
  assert.is(member.judge(shop.peek(back(paid, 26))), 'over-refund')
  const rest = member.both(shop.order(back(paid, 25)))
  assert.equal([member.balance(alice.oid), member.balance(shop.oid)], [100, 50])
  assert.is(member.judge(shop.peek(back(paid, 1))), 'over-refund')
  assert.equal(
    creditsOf(rest, netId).map(({ to, refundOf }) => [to, refundOf]),
    [[alice.oid, paid.od]],
  )
  assert.is(member.judge(alice.peek(back(paid, 1))), 'not-allowed', 'the payer was not paid')
  assert.is(member.judge(alice.peek(back(rest, 1))), 'bad-shape', 'a refund is not paid back')
  assert.is(member.judge(shop.peek(back(paid, 1, 1))), 'bad-shape', 'there is no second payment in it')
  assert.is(member.judge(shop.peek({ ...back(paid, 1), number: 1 })), 'over-refund')
  const pay = { ...shop.pay(alice.oid, 1), refundOf: paid.od }
  assert.is(member.judge(shop.peek(pay)), 'not-allowed', 'the old way knows no cap')
  member.supply()
})

refunds('payments of a batch have a cap each', () => {
  const { member, people } = stage(100, 50)
  const [alice, shop] = people as [Purser, Purser]
  const paid = member.both(alice.order(many([shop, 10], [shop, 20])))
  member.both(shop.order(back(paid, 10, 0)))
  assert.is(member.judge(shop.peek(back(paid, 1, 0))), 'over-refund')
  member.both(shop.order(back(paid, 20, 1)))
  assert.is(member.judge(shop.peek(back(paid, 1, 1))), 'over-refund')
})

refunds('a full list drops its oldest payment and closes what is older: nothing is paid back twice', () => {
  const { member, people } = stage(5_000, 5_000)
  const [alice, shop] = people as [Purser, Purser]
  const paid = Array.from({ length: LIMITS.refundsOpenMax + 40 }, (_, i) => {
    alice.maxEpoch = 1 + Math.floor(i / 100)
    return member.both(alice.order(alice.pay(shop.oid, 2)))
  })
  shop.maxEpoch = 20
  for (const order of paid) {
    // an account that pays back in the order in which it was paid is never refused
    member.both(shop.order(back(order, 1)))
  }
  const state = member.stateOf(shop.oid) as ObjectState
  assert.is(state.refunds.parts.length, LIMITS.refundsOpenMax)
  assert.equal(decodeState(encodeState(state)), state)
  const again = paid.map((order) => member.judge(shop.peek(back(order, 2))))
  assert.ok(
    again.every((said) => said === 'over-refund' || said === 'expired'),
    'two of two after one of two',
  )
  assert.is(again.filter((said) => said === 'expired').length, 40)
  alice.maxEpoch = 21 + LIMITS.refundEpochsMax
  const far = member.both(alice.order(alice.pay(shop.oid, 2)))
  assert.is(member.judge(shop.peek(back(far, 1))), 'out-of-range', 'payers do not choose whose entries are dropped')
  shop.maxEpoch++
  assert.is(member.judge(shop.peek(back(far, 1))), 'ok')
})
refunds.run()

const holds = suite('holds')
const device = keyPair('device')

function hold(to: Uint8Array, amount: number, more: Partial<PlaceHold> = {}): PlaceHold {
  const fixed = { kind: 'hold', assetId: w.asset, reference: bytesOf('hold'), key: NOTHING, expiresEpoch: 3 } as const
  return { ...fixed, to, amount, ...more }
}

function capture(held: Order, amount: number, released = 0, claim: Uint8Array = NOTHING): Capture {
  const named = { payer: held.oid, hold: held.od, assetId: w.asset, reference: bytesOf('capture') }
  return { kind: 'capture', ...named, amount, released, claim }
}

function release(held: Order, amount: number) {
  return { kind: 'release', hold: held.od, assetId: w.asset, amount } as const
}

holds('authorize, capture in parts, release', () => {
  const { member, people } = stage(100, 0, 0)
  const [alice, till, other] = people as [Purser, Purser, Purser]
  const held = alice.order(hold(till.oid, 60))
  member.certify(held)
  assert.is(member.balance(alice.oid), 40)
  assert.is(member.judge(till.peek(capture(held, 10))), 'not-settled, later')
  member.settle(held)
  assert.equal([member.supply().held, member.supply().inFlight], [100, 0], 'a hold is held')
  assert.is(member.judge(other.peek(capture(held, 10))), 'not-allowed')
  assert.is(member.judge(alice.peek(capture(held, 10))), 'not-settled, later', 'nobody captures from itself')
  assert.is(member.judge(till.peek(capture(held, 61))), 'insufficient-funds')
  assert.is(member.judge(till.peek(capture(held, 60, 1))), 'insufficient-funds')
  const first = till.order(capture(held, 25))
  assert.is(member.judge(first), 'ok')
  member.certify(first)
  assert.is(member.supply().inFlight, 25)
  assert.is(member.judge(till.peek(capture(held, 36))), 'insufficient-funds', 'what is under way is counted')
  const last = till.order(capture(held, 30, 5))
  assert.is(member.judge(last), 'ok')
  member.certify(last)
  member.settle(first)
  member.settle(last)
  assert.equal([member.balance(alice.oid), member.balance(till.oid)], [45, 55])
  assert.equal(member.stateOf(alice.oid)?.holds, [], 'nothing is left of it')
  assert.equal(member.stateOf(till.oid)?.holds, [])
  assert.is(member.judge(till.peek(capture(held, 1))), 'not-settled, later')
  const paidBack = member.both(till.order(back(last, 30)))
  assert.equal([member.balance(alice.oid), creditsOf(paidBack, netId)[0]?.to], [75, alice.oid])
  member.supply()
})

holds('the payer takes the rest back once nobody can capture any more, and not before', () => {
  const { member, people } = stage(100, 0)
  const [alice, till] = people as [Purser, Purser]
  const held = member.both(alice.order(hold(till.oid, 60)))
  member.both(till.order(capture(held, 20)))
  assert.is(member.judge(alice.peek(release(held, 40))), 'not-yet-valid, later')
  till.maxEpoch = 4
  assert.is(member.judge(till.peek(capture(held, 1))), 'expired', 'it could be voted for too late')
  member.epochsClosed = 3
  assert.is(member.judge(alice.peek(release(held, 40))), 'not-yet-valid, later', 'the last epoch is not over')
  member.epochsClosed = 4
  assert.is(member.judge(alice.peek(release(held, 41))), 'insufficient-funds')
  assert.is(member.judge(till.peek(release(held, 40))), 'not-allowed')
  member.both(alice.order(release(held, 40)))
  assert.equal([member.balance(alice.oid), member.balance(till.oid)], [80, 20])
  assert.is(member.judge(alice.peek(release(held, 1))), 'not-allowed')
})

holds('an account has so many and no more', () => {
  const { member, people } = stage(100, 0)
  const [alice, till] = people as [Purser, Purser]
  const first = member.both(alice.order(hold(till.oid, 1)))
  for (let i = 1; i < LIMITS.holdsPerAccountMax; i++) member.both(alice.order(hold(till.oid, 1)))
  assert.is(member.judge(alice.peek(hold(till.oid, 1))), 'limit, later')
  assert.is(member.judge(till.peek(hold(till.oid, 1))), 'not-allowed')
  member.both(till.order(capture(first, 0, 1)))
  assert.is(member.judge(alice.peek(hold(till.oid, 1))), 'ok')
  const state = member.stateOf(alice.oid) as ObjectState
  assert.equal(decodeState(encodeState(state)), state)
})

/** A signed claim of the key of a hold. */
function claim(type: number, body: Uint8Array, by = device): Uint8Array {
  const signature = by.sign(signedBytes(type, netId, body))
  return encodeEnvelope({ type, scope: netId, body, signature, attachment: NOTHING })
}

holds('where a hold names a key, that key says how much may be captured: the newest claim is enough', () => {
  const { member, people } = stage(100, 0)
  const [alice, shop] = people as [Purser, Purser]
  const held = member.both(alice.order(hold(shop.oid, 60, { key: device.publicKey })))
  const voucher = (cumulative: number, change: object = {}, by = device): Uint8Array => {
    const terms = { hold: held.od, counter: 1, cumulative, amount: 1, merchant: shop.oid, nonce: bytesOf('nonce') }
    return claim(TYPE.purseVoucher, voucherBody({ ...terms, ...change }), by)
  }
  const judge = (amount: number, shown: Uint8Array) => member.judge(shop.peek(capture(held, amount, 0, shown)))
  assert.is(judge(1, NOTHING), 'too-few-signatures')
  assert.is(judge(20, voucher(19)), 'insufficient-funds')
  assert.is(judge(20, voucher(20, {}, keyPair('thief'))), 'bad-signature')
  assert.is(judge(20, voucher(20, { merchant: alice.oid })), 'not-allowed')
  assert.is(judge(20, voucher(20, { hold: bytesOf('other') })), 'not-allowed')
  assert.is(judge(61, voucher(61)), 'insufficient-funds')
  member.both(shop.order(capture(held, 20, 0, voucher(20))))
  assert.is(judge(1, voucher(20)), 'insufficient-funds', 'a claim is captured once')
  assert.is(judge(11, voucher(30)), 'insufficient-funds')
  member.both(shop.order(capture(held, 10, 0, voucher(30))))
  const terms = { payer: alice.oid, payee: shop.oid, channel: held.od, kind: 'relay', units: 9, epoch: 0 } as const
  const receipt = (cumulative: number, change: object = {}): Uint8Array =>
    claim(TYPE.workReceipt, workReceiptBody({ ...terms, cumulative, ...change }))
  assert.is(judge(5, receipt(34)), 'insufficient-funds')
  assert.is(judge(5, receipt(35, { payer: shop.oid })), 'not-allowed')
  member.both(shop.order(capture(held, 5, 0, receipt(35))))
  member.both(shop.order(capture(held, 0, 25)))
  assert.equal([member.balance(alice.oid), member.balance(shop.oid)], [65, 35])
  member.supply()
})
holds.run()

const agreement = suite('money: members that learn of things in different orders')

agreement('end with the same states, and at each of them money is conserved at every step', () => {
  const step = fc.record({ who: fc.nat(2), what: fc.nat(6), whom: fc.nat(2), amount: fc.integer({ min: 1, max: 40 }) })
  fc.assert(
    fc.property(fc.array(step, { minLength: 8, maxLength: 24 }), fc.infiniteStream(fc.nat(1_000)), (steps, chance) => {
      const { member, people } = stage(100, 80, 60)
      const start = new Map(member.states)
      const orders: Order[] = []
      for (const { who, what, whom, amount } of steps) {
        const payer = people[who] as Purser
        const operation = wish(payer, people[whom] as Purser, { what, amount, orders, member })
        if (!operation || member.judge(payer.peek(operation)) !== 'ok') continue
        orders.push(member.both(payer.order(operation)))
        assert.is(member.supply().held, 240)
        for (const { balances, holds } of member.states.values()) {
          assert.ok(balances.every((balance) => balance.amount >= 0) && holds.every(({ left }) => left >= 0))
        }
      }
      // a member that catches up: chains in their order, each settled after it is certified, all else as chance has it
      const late = new Member(w)
      for (const [oid, state] of start) late.states.set(oid, state)
      const chains = people.map(({ oid }) => orders.filter((order) => equal(order.oid, oid)))
      const certified = chains.map(() => 0)
      const settled = chains.map(() => 0)
      while (settled.some((count, i) => count < (chains[i] as Order[]).length)) {
        const i = (chance.next().value as number) % chains.length
        const chain = chains[i] as Order[]
        const canSettle = (settled[i] as number) < (certified[i] as number)
        const canCertify = (certified[i] as number) < chain.length
        if (canSettle && (!canCertify || (chance.next().value as number) % 2 === 0)) {
          late.settle(chain[settled[i] as number] as Order)
          settled[i] = (settled[i] as number) + 1
        } else if (canCertify) {
          late.certify(chain[certified[i] as number] as Order)
          certified[i] = (certified[i] as number) + 1
        }
        late.supply()
      }
      assert.is(late.fingerprint(), member.fingerprint())
    }),
    { numRuns: 60 },
  )
})

function wish(
  payer: Purser,
  payee: Purser,
  { what, amount, orders, member }: { what: number; amount: number; orders: readonly Order[]; member: Member },
): OwnOperation | null {
  const last = (kind: OwnOperation['kind'], of: Purser) =>
    orders.findLast((order) => decodeOperation(order.op).kind === kind && equal(order.oid, of.oid))
  if (what === 0) return payer.pay(payee.oid, amount)
  if (what === 1) return many([payee, amount], [payer, 1], [payee, 2])
  if (what === 2) return hold(payee.oid, amount)
  if (what === 3 || what === 4) {
    const held = last('hold', payee)
    return held ? capture(held, amount, what === 4 ? Math.max(0, leftOf(member, held) - amount) : 0) : null
  }
  if (what === 5) {
    const paid = last('pay', payee)
    return paid ? back(paid, amount) : null
  }
  const held = last('hold', payer)
  member.epochsClosed = 9
  const left = held ? leftOf(member, held) : 0
  return held && left > 0 ? release(held, left) : null
}

function leftOf(member: Member, held: Order): number {
  return member.stateOf(held.oid)?.holds.find(({ id }) => equal(id, held.od))?.left ?? 0
}

agreement('the account of a purser is that of the first account of its owner', () => {
  const { people } = stage(1)
  const [alice] = people as [Purser]
  assert.equal(alice.oid, accountId(netId, w.genesis.neighborhood, alice.owner.id))
})
agreement.run()

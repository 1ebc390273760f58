/** The offline purse: what a till takes, what a merchant redeems, and how a device convicts itself. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeEnvelope, signedBytes, TYPE } from '../../src/core/envelope.ts'
import '../kit/wasm.ts'
import { type VoucherTerms, voucherBody } from '../../src/ledger/claim.ts'
import { findOverspend, verifyOverspend } from '../../src/ledger/overspend.ts'
import { judgeVoucher, NO_MARK, type PurseQuestion, readPurse, redemption } from '../../src/ledger/purse.ts'
import { bytesOf, issuerWallet, type KeyPair, keyPair, mint, person, world } from '../consensus/people.ts'
import { codeOf, Member, Purser } from './stage.ts'

const w = world(4)
const { netId } = w.genesis
const NOTHING = new Uint8Array(0)
const device = keyPair('device')
const shop = new Purser(w, person('shop'))
const alice = new Purser(w, person('alice'))

const funding = alice.peek({
  ...{ kind: 'hold', assetId: w.asset, amount: 100, to: shop.oid, expiresEpoch: 9 },
  ...{ reference: bytesOf('purse'), key: device.publicKey },
})
const body = funding.envelope.body
const purse = readPurse(netId, body)
const policy = { floorAmount: 30, openAmountMax: 70, lowerInARow: 3, upperInARow: 5, epochsLeftMin: 2 }

function sign(change: Partial<VoucherTerms>, by: KeyPair = device, scope = netId): Uint8Array {
  const terms = {
    hold: funding.od,
    counter: 1,
    cumulative: 10,
    amount: 10,
    merchant: shop.oid,
    nonce: bytesOf('n'),
    ...change,
  }
  const body = voucherBody(terms)
  const signature = by.sign(signedBytes(TYPE.purseVoucher, scope, body))
  return encodeEnvelope({ type: TYPE.purseVoucher, scope, body, signature, attachment: NOTHING })
}

function judge(voucher: Uint8Array, change: Partial<PurseQuestion> = {}): string {
  const question = { amount: 10, nonce: bytesOf('n'), seen: NO_MARK, redeemed: NO_MARK, epoch: 0, ...change }
  const verdict = judgeVoucher(voucher, { netId, purse, policy, question })
  return verdict.kind === 'refuse' ? verdict.code : verdict.kind
}

const till = suite('purse: at a till')

till('takes what the device signs for this payment, and nothing else', () => {
  assert.is(judge(sign({})), 'accept')
  assert.is(judge(sign({}, keyPair('thief'))), 'bad-signature')
  assert.is(judge(sign({}, device, bytesOf('other net'))), 'wrong-net')
  for (const change of [{ hold: bytesOf('x') }, { merchant: bytesOf('x') }, { nonce: bytesOf('x') }, { amount: 9 }]) {
    assert.is(judge(sign(change)), 'wrong-audience')
  }
  assert.is(
    codeOf(() => judge(sign({ amount: 11 }))),
    'bad-amount',
  )
  assert.is(
    codeOf(() => judge(sign({ counter: 0 }))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readPurse(netId, alice.peek(alice.pay(shop.oid, 1)).envelope.body)),
    'bad-shape',
  )
})

till('what it has seen is not shown to it again, and sums do not shrink', () => {
  const seen = { counter: 2, cumulative: 30 }
  assert.is(judge(sign({ counter: 3, cumulative: 40 }), { seen }), 'accept')
  assert.is(judge(sign({ counter: 2, cumulative: 40 }), { seen }), 'replayed')
  assert.is(judge(sign({ counter: 3, cumulative: 39 }), { seen }), 'replayed')
  assert.is(judge(sign({ counter: 3, cumulative: 39 }), { redeemed: seen }), 'replayed')
  assert.is(judge(sign({ counter: 4, cumulative: 60 }), { seen }), 'ask-online', 'another till was paid meanwhile')
})

till('risks so much and no more while it is offline', () => {
  assert.is(judge(sign({ amount: 31, cumulative: 31 }), { amount: 31 }), 'used-up')
  assert.is(judge(sign({ cumulative: 71 })), 'used-up')
  assert.is(judge(sign({ counter: 3 })), 'accept')
  assert.is(judge(sign({ counter: 4 })), 'ask-online')
  assert.is(judge(sign({ counter: 6 })), 'used-up')
  assert.is(judge(sign({ counter: 6, cumulative: 90 }), { redeemed: { counter: 5, cumulative: 80 } }), 'accept')
  assert.is(judge(sign({ cumulative: 101 }), { redeemed: { counter: 0, cumulative: 91 } }), 'insufficient-funds')
  assert.is(judge(sign({}), { epoch: 7 }), 'accept')
  assert.is(judge(sign({}), { epoch: 8 }), 'expired')
})
till.run()

const redeeming = suite('purse: redeeming')

redeeming('the newest voucher is worth all of them, once', () => {
  const member = new Member(w)
  member.both(issuerWallet(w).order(mint(w, 100, alice.oid)))
  const payer = new Purser(w, person('alice'))
  const merchant = new Purser(w, person('shop'))
  assert.equal(member.both(payer.order(holdOperation())).od, funding.od)
  const redeem = (claim: Uint8Array, used: number, release = false) =>
    redemption(purse, { claim, used, release }, bytesOf('r'))
  const third = sign({ counter: 3, cumulative: 45 })
  const capture = redeem(third, 0)
  assert.is(capture?.amount, 45)
  member.both(merchant.order(capture as NonNullable<typeof capture>))
  assert.is(redeem(third, 45), null)
  const last = redeem(sign({ counter: 4, cumulative: 60 }), 45, true)
  member.both(merchant.order(last as NonNullable<typeof last>))
  assert.equal([member.balance(payer.oid), member.balance(merchant.oid)], [40, 60])
  member.supply()
})

function holdOperation() {
  const terms = { kind: 'hold', assetId: w.asset, amount: 100, to: shop.oid, expiresEpoch: 9 } as const
  return { ...terms, reference: bytesOf('purse'), key: device.publicKey }
}
redeeming.run()

const evidence = suite('purse: evidence')

evidence('two vouchers that no honest device signs, or one beyond the purse, convict before anyone', () => {
  const cases: [string, Uint8Array[]][] = [
    [
      'one counter twice',
      [sign({ counter: 2, cumulative: 20 }), sign({ counter: 2, cumulative: 20, nonce: bytesOf('m') })],
    ],
    ['a sum that leaves out a part', [sign({ counter: 3, cumulative: 19 }), sign({ counter: 2, cumulative: 10 })]],
    ['more than there is', [sign({ counter: 2, cumulative: 101 }), sign({})]],
  ]
  for (const [name, vouchers] of cases) {
    const bytes = findOverspend(netId, body, vouchers) as Uint8Array
    assert.ok(bytes, name)
    assert.equal(findOverspend(netId, body, vouchers.toReversed()), bytes, 'whoever finds it makes the same bytes')
    const { purse: shown } = verifyOverspend(bytes, netId)
    assert.equal([shown.key, shown.hold, shown.payer], [device.publicKey, funding.od, alice.oid])
    const forged = bytes.slice()
    forged[forged.length - 2] = (forged[forged.length - 2] as number) ^ 1
    assert.is.not(
      codeOf(() => verifyOverspend(forged, netId)),
      'nothing was thrown',
    )
    assert.is(
      codeOf(() => verifyOverspend(bytes, bytesOf('other net'))),
      'bad-shape',
    )
  }
  const honest = [sign({}), sign({ counter: 2, cumulative: 25 }), sign({ counter: 5, cumulative: 100 })]
  assert.is(findOverspend(netId, body, honest), null)
  const byThief = [sign({ counter: 2, cumulative: 101 }, keyPair('thief'))]
  const nothing = findOverspend(netId, body, byThief) as Uint8Array
  assert.is(
    codeOf(() => verifyOverspend(nothing, netId)),
    'bad-signature',
  )
})

evidence('whenever payments come to more than the purse holds, there is some; of an honest device never', () => {
  const payment = fc.record({ at: fc.nat(2), amount: fc.integer({ min: 1, max: 40 }), lie: fc.nat(3) })
  fc.assert(
    fc.property(fc.array(payment, { minLength: 1, maxLength: 9 }), (payments) => {
      // three tills; a lying device shows each of them a line of its own now and then
      const marks = [0, 1, 2].map(() => ({ counter: 0, cumulative: 0 }))
      let [newest, total, isHonest] = [{ counter: 0, cumulative: 0 }, 0, true]
      const vouchers: Uint8Array[] = []
      for (const { at, amount, lie } of payments) {
        const before = lie === 0 ? (marks[at] as typeof newest) : newest
        const mark = { counter: before.counter + 1, cumulative: before.cumulative + amount }
        if (mark.cumulative > 100) continue
        if (before.counter !== newest.counter) isHonest = false
        marks[at] = mark
        if (mark.counter > newest.counter) newest = mark
        total += amount
        vouchers.push(sign({ ...mark, amount, nonce: bytesOf(`nonce ${vouchers.length}`) }))
      }
      const found = findOverspend(netId, body, vouchers)
      if (total > 100) assert.ok(found, 'overspent')
      if (isHonest) assert.is(found, null)
      if (found) verifyOverspend(found, netId)
    }),
    { numRuns: 60 },
  )
})
evidence.run()

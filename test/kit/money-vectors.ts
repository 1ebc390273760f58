/**
 * Golden bytes of money between neighborhoods and at tills, and of rewards: what `test/vectors/money.json` holds and `src/PROTOCOL.md` §30 and §31 describe.
 *
 * Made anew by hand, and looked at, where the protocol changes on purpose:
 *
 *     node test/kit/money-vectors.ts > test/vectors/money.json
 */

import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'
import { merklePath } from '../../src/consensus/merkle.ts'
import { type Order, orderBody, orderBytes, provingOrderEnvelope, readOrder } from '../../src/consensus/order.ts'
import { settledStateBytes } from '../../src/consensus/state-proof.ts'
import {
  bucketMark,
  bucketParts,
  bucketTree,
  EMPTY_BUCKET,
  partTree,
  stateBucketOf,
} from '../../src/consensus/statetree.ts'
import { toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { encodeEnvelope, signedBytes, TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import './wasm.ts'
import { adjust, EMPTY_STATE, encodeState } from '../../src/ledger/account.ts'
import { attendanceDigest, countAttendance } from '../../src/ledger/attendance.ts'
import { voucherBody, workReceiptBody } from '../../src/ledger/claim.ts'
import { creditsOf } from '../../src/ledger/credit.ts'
import { moveHold } from '../../src/ledger/hold.ts'
import { importLane, importOrder, importProof } from '../../src/ledger/import.ts'
import { findOverspend } from '../../src/ledger/overspend.ts'
import { withRefund } from '../../src/ledger/refund.ts'
import { REWARD_POLICY, rewardLines } from '../../src/ledger/reward.ts'
import { emptyBook, encodeBook } from '../../src/ledger/reward-book.ts'
import { proveLine, rewardsOf } from '../../src/ledger/reward-root.ts'
import { NO_HEAD } from '../../src/ledger/terms.ts'
import { arrivalBytes } from '../../src/services/abroad.ts'
import { bytesOf, keyPair, person, Wallet, world } from '../consensus/people.ts'

/** The rule of the document that each must fit. */
export const MONEY_RULES: Readonly<Record<string, string>> = {
  orderPayMany: 'order-message',
  orderRefund: 'order-message',
  orderHold: 'order-message',
  orderCapture: 'order-message',
  orderRelease: 'order-message',
  orderPayAbroad: 'order-message',
  orderImport: 'proving-order-message',
  arrival: 'arrival-message',
  settledState: 'settled-state-message',
  arrivalLater: 'arrival-message',
  voucher: 'purse-voucher-message',
  workReceipt: 'work-receipt-message',
  overspend: 'overspend',
  rewardHead: 'reward-head',
  rewardLine: 'reward-line',
  rewardBook: 'reward-book',
}

/** All vectors: bytes by name, and digests, in hexadecimal. */
export interface MoneyVectors {
  readonly about: string
  readonly golden: Readonly<Record<string, string>>
  readonly digests: Readonly<Record<string, string>>
}

/** Makes them. */
export function moneyVectors(): MoneyVectors {
  const w = world(4)
  const { netId, neighborhood } = w.genesis
  const device = keyPair('device')
  const alice = new Wallet(w, person('alice'))
  const shop = new Wallet(w, person('shop'))
  const fixed = { assetId: w.asset, memo: bytesOf('memo', 5) }
  const many = alice.order({
    ...{ kind: 'pay-many', assetId: w.asset },
    payments: [7, 70_000].map((amount, i) => {
      return { amount, to: shop.oid, reference: bytesOf(`reference ${i}`), memo: bytesOf('memo', 3 * i) }
    }),
  })
  const refund = shop.order({
    ...{ ...fixed, kind: 'refund', original: many.envelope.body, index: 1, amount: 69_999 },
    ...{ reference: bytesOf('refund'), number: 0 },
  })
  const hold = alice.order({
    ...{ kind: 'hold', assetId: w.asset, amount: 500, to: shop.oid, expiresEpoch: 9 },
    ...{ reference: bytesOf('hold'), key: device.publicKey },
  })
  const sign = (type: number, body: Uint8Array): Uint8Array => {
    const signature = device.sign(signedBytes(type, netId, body))
    return encodeEnvelope({ type, scope: netId, body, signature, attachment: new Uint8Array(0) })
  }
  const paying = { hold: hold.od, merchant: shop.oid, nonce: bytesOf('nonce') }
  const voucher = sign(TYPE.purseVoucher, voucherBody({ ...paying, counter: 2, cumulative: 120, amount: 20 }))
  const twice = sign(TYPE.purseVoucher, voucherBody({ ...paying, counter: 2, cumulative: 130, amount: 30 }))
  const work = { payer: alice.oid, payee: shop.oid, channel: hold.od, kind: 'storage', units: 9_000 } as const
  const workReceipt = sign(TYPE.workReceipt, workReceiptBody({ ...work, cumulative: 130, epoch: 4 }))
  const named = { payer: alice.oid, hold: hold.od, assetId: w.asset }
  const capture = shop.order({
    ...{ ...named, kind: 'capture', amount: 120, released: 0, reference: bytesOf('capture'), claim: voucher },
  })
  const release = alice.order({ kind: 'release', hold: hold.od, assetId: w.asset, amount: 380 })
  const far = { home: bytesOf('far', 16), to: bytesOf('to') }
  const abroad = alice.order({
    ...{ ...fixed, ...far, kind: 'pay-abroad', amount: 40, reference: bytesOf('abroad'), number: 1 },
  })
  const after = alice.order(alice.pay(shop.oid, 1))
  const lane = importLane(neighborhood, alice.oid)
  const arriving = importOrder({ home: far.home, lane, version: 0, head: NO_HEAD }, abroad.od)
  // what a settlement is stands in `protocol.json`; here any bytes are one
  const proof = importProof(orderBytes(abroad), bytesOf('settlement'))
  const imported = readOrder(provingOrderEnvelope(netId, orderBody(arriving), proof))
  const slots = [3, 4, 6].map((slot, i) => ({ slot, leader: i, voters: 0b1111 ^ (i === 2 ? 2 : 0) }))
  const holders = [0, 1, 2, 3].map((i) => {
    return { id: bytesOf(`m${i}`), organization: bytesOf('o'), tree: bytesOf(`t${i >> 1}`), since: 10 * i }
  })
  const policy = { ...REWARD_POLICY, organizationSeats: 1 }
  const from = { epoch: 30, budget: 1_000_000, blocks: 3, holders, convicted: [], policy }
  const lines = rewardLines({ ...from, work: countAttendance(slots, 4) })
  const evidence = attendanceDigest(30, slots)
  const rewards = rewardsOf({ assetId: w.asset, epoch: 30, budget: 1_000_000, blocks: 3, seats: 4, evidence }, lines)
  const escrow = [{ id: bytesOf('m0'), epoch: 29, amount: 77, dueEpoch: 31 }]
  const book = { ...emptyBook(w.asset, 31), pool: 5, burned: 6, escrow }
  const credits = creditsOf(many, netId)
  const state = {
    ...adjust(EMPTY_STATE, w.asset, 12),
    holds: moveHold([], { id: hold.od, assetId: w.asset }, -120),
    refunds: withRefund(EMPTY_STATE.refunds, { payment: credits[1]?.payment as Uint8Array, maxEpoch: 1_000 }, 69_999),
    sent: [{ home: far.home, count: 1 }],
    flows: [{ home: far.home, assetId: w.asset, exported: 40, imported: 0 }],
  }
  const orders: Readonly<Record<string, Order>> = {
    ...{ orderPayMany: many, orderRefund: refund, orderHold: hold, orderCapture: capture, orderRelease: release },
    ...{ orderPayAbroad: abroad, orderImport: imported },
  }
  const { head, line, path } = proveLine(rewards, 1)
  return {
    about:
      'Names are hashed to keys, ids and references by test/consensus/people.ts; state, proofs and trees are of the fields shown.',
    golden: {
      ...hexOf(Object.fromEntries(Object.entries(orders).map(([name, order]) => [name, orderBytes(order)]))),
      ...hexOf({ arrival: arrivalBytes(netId, abroad, bytesOf('settlement')), settledState: shownByState(abroad) }),
      ...hexOf({ arrivalLater: arrivalBytes(netId, abroad, bytesOf('settlement'), [after.envelope.body]) }),
      ...hexOf({ voucher, workReceipt, overspend: findOverspend(netId, hold.envelope.body, [twice, voucher]) }),
      ...hexOf({ rewardHead: head, rewardLine: line, rewardBook: encodeBook(book) }),
    },
    digests: hexOf({
      ...{ firstPayment: credits[0]?.payment, secondPayment: credits[1]?.payment, importLane: lane, evidence },
      ...{ rewardsRoot: rewards.root, rewardPath: encode([...path]), state: encodeState(state) },
    }),
  }
}

/** An order as the state shows it in which nobody else has any. */
function shownByState({ oid, version, od }: Order): Uint8Array | null {
  const parts = bucketParts([{ oid, settled: version, head: od, state: null }])
  const marks = Array.from({ length: LIMITS.stateBuckets }, () => EMPTY_BUCKET)
  const bucket = stateBucketOf(oid)
  const mark = bucketMark(parts)
  marks[bucket] = mark
  const bucketPath = merklePath(bucketTree(marks), bucket)
  const first = { ...mark, path: merklePath(partTree(parts), 0), part: parts[0] as Uint8Array, bucketPath }
  return settledStateBytes(bytesOf('cid'), first, { oid, version })
}

function hexOf(bytes: Readonly<Record<string, Uint8Array | null | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(bytes).map(([name, each]) => [name, toHex(each as Uint8Array)]))
}

if (argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(moneyVectors(), null, 2))

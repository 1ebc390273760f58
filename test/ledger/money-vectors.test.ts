/** The formats of money and rewards, byte by byte, and every one of them read back; digests by an implementation that shares nothing with ours. */

import { readFileSync } from 'node:fs'
import { blake3 } from '@noble/hashes/blake3.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, fromText } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import '../kit/wasm.ts'
import { readOrder } from '../../src/consensus/order.ts'
import { decodeState, encodeState } from '../../src/ledger/account.ts'
import { readVoucher, readWorkReceipt } from '../../src/ledger/claim.ts'
import { verifyOverspend } from '../../src/ledger/overspend.ts'
import { decodeOperation, encodeOperation } from '../../src/ledger/payment.ts'
import { decodeBook, encodeBook } from '../../src/ledger/reward-book.ts'
import { decodeHead, decodeLine, encodeHead, encodeLine } from '../../src/ledger/reward-root.ts'
import { Cddl, readCbor } from '../kit/cddl.ts'
import { MONEY_RULES, type MoneyVectors, moneyVectors } from '../kit/money-vectors.ts'

const stored = JSON.parse(readFileSync(new URL('../vectors/money.json', import.meta.url), 'utf8')) as MoneyVectors
const text = readFileSync(new URL('../../src/PROTOCOL.md', import.meta.url), 'utf8')
const test = suite('money: golden bytes')

function bytesOf(name: string): Uint8Array {
  return fromHex(stored.golden[name] as string)
}

test('today’s code makes them, byte for byte', () => assert.equal(moneyVectors(), stored))

test('they fit the CDDL of the document', () => {
  const cddl = new Cddl(text)
  assert.equal(Object.keys(MONEY_RULES), Object.keys(stored.golden))
  for (const [name, rule] of Object.entries(MONEY_RULES)) {
    assert.is(cddl.complaint(rule, readCbor(bytesOf(name))), '', name)
  }
})

test('what is read is written again as it was', () => {
  for (const name of Object.keys(MONEY_RULES).filter((each) => each.startsWith('order'))) {
    const { op } = readOrder(decodeEnvelope(bytesOf(name)))
    assert.equal(encodeOperation(decodeOperation(op)), op, name)
  }
  assert.is(readVoucher(decodeEnvelope(bytesOf('voucher'))).cumulative, 120)
  assert.is(readWorkReceipt(decodeEnvelope(bytesOf('workReceipt'))).kind, 'storage')
  const netId = decodeEnvelope(bytesOf('voucher')).scope
  assert.is(verifyOverspend(bytesOf('overspend'), netId).vouchers.length, 2)
  assert.equal(encodeHead(decodeHead(bytesOf('rewardHead'))), bytesOf('rewardHead'))
  assert.equal(encodeLine(decodeLine(bytesOf('rewardLine'))), bytesOf('rewardLine'))
  assert.equal(encodeBook(decodeBook(bytesOf('rewardBook'))), bytesOf('rewardBook'))
  const state = fromHex(stored.digests['state'] as string)
  assert.equal(encodeState(decodeState(state)), state)
})

test('digests are what the document says', () => {
  const H = (context: string, bytes: Uint8Array) => blake3(bytes, { context: fromText(context) })
  const { od, oid, home } = readOrder(decodeEnvelope(bytesOf('orderPayMany')))
  const digest = (name: string) => fromHex(stored.digests[name] as string)
  assert.equal(digest('firstPayment'), H('webx v1 batched payment', concat(fromHex('825820'), od, fromHex('00'))))
  assert.equal(digest('secondPayment'), H('webx v1 batched payment', concat(fromHex('825820'), od, fromHex('01'))))
  assert.equal(digest('importLane'), H('webx v1 import lane', concat(fromHex('8250'), home, fromHex('5820'), oid)))
  // line 1 of four: its neighbor, then the pair behind
  const [beside, pair] = readCbor(digest('rewardPath')) as [Uint8Array, Uint8Array]
  const leaf = H('webx v1 reward line', bytesOf('rewardLine'))
  const node = (left: Uint8Array, right: Uint8Array) =>
    H('webx v1 reward node', concat(fromHex('825820'), left, fromHex('5820'), right))
  const top = node(node(beside, leaf), pair)
  const head = bytesOf('rewardHead')
  const wrapped = concat(fromHex('8358'), Uint8Array.of(head.length), head, fromHex('045820'), top)
  assert.equal(digest('rewardsRoot'), H('webx v1 rewards', wrapped))
})
test.run()

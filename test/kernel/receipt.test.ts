import { createPublicKey } from 'node:crypto'
import { Sign1 } from '@auth0/cose'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { committeeOf } from '../../src/consensus/committee.ts'
import { type Order, orderBytes } from '../../src/consensus/order.ts'
import { VOTE } from '../../src/consensus/statement.ts'
import { encode } from '../../src/core/codec.ts'
import { decodeSign1, encodeSign1, sign1Message } from '../../src/core/cose.ts'
import { WebxError } from '../../src/core/errors.ts'
import type { SettledPayment } from '../../src/kernel/ports.ts'
import { signReceipt, verifyReceipt } from '../../src/kernel/receipt.ts'
import { assetTable } from '../../src/ledger/asset.ts'
import { accountId } from '../../src/ledger/terms.ts'
import { LogOwner, pairOf } from '../kit/keylog.ts'
import { keysOf, randomReference } from '../kit/node.ts'
import { makeNet, makePerson, type Net, type Pair, type Person } from '../kit/people.ts'
import { codeOf, codeOfAsync } from '../kit/refusal.ts'
import { payOrder, Seats } from '../kit/wire.ts'
import '../kit/wasm.ts'

const test = suite('receipt')
const NOW = 1_795_000_000_000
const net = makeNet(4)
const payee = makePerson()
const payer = makePerson()
const receipt = await receiptOf(settledPayment(net, payee))

/** What the payee's wallet holds of a payment of 12.50. */
function settledPayment(of: Net, to: Person, kind: 0 | 1 = VOTE.confirm, change?: (order: Order) => Order) {
  const { genesis } = of
  const [asset] = assetTable(genesis.assets).values()
  if (!asset) throw new Error('the net has no asset')
  const reference = randomReference()
  const account = accountId(genesis.netId, genesis.neighborhood, to.id)
  const order = payOrder(of, payer, { asset: asset.id, amount: 1_250, to: account, reference })
  const { oid, version, od } = change?.(order) ?? order
  const settlement = new Seats(of, committeeOf(genesis)).proof({ kind, oid, version, od })
  const payment: SettledPayment = {
    reference,
    asset: asset.id,
    amount: 1_250,
    from: order.oid,
    to: account,
    orderDigest: order.od,
    order: orderBytes(order),
    settlement,
    locks: 3,
    confirms: 3,
  }
  return payment
}

function receiptOf(payment: SettledPayment, signer: Person = payee, of: Net = net): Promise<Uint8Array> {
  return signReceipt(of.genesis, keysOf(signer), payment, NOW)
}

test('@auth0/cose verifies it by the key of the payee, and no other', async () => {
  const keyOf = ({ publicKey }: Person) => {
    const x = Buffer.from(publicKey).toString('base64url')
    return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } })
  }
  const read = Sign1.decode(receipt)
  await read.verify(keyOf(payee))
  assert.equal(new Uint8Array(read.payload), decodeSign1(receipt).payload)
  const changed = receipt.slice()
  changed[receipt.length - 70] = (changed[receipt.length - 70] as number) ^ 1
  const verdicts = [Sign1.decode(receipt).verify(keyOf(payer)), Sign1.decode(changed).verify(keyOf(payee))]
  assert.equal(
    (await Promise.allSettled(verdicts)).map(({ status }) => status),
    ['rejected', 'rejected'],
  )
})

test('proves who paid whom what, with the genesis alone', async () => {
  const payment = settledPayment(net, payee)
  const proven = verifyReceipt(await receiptOf(payment), net.genesis)
  assert.equal(proven.payer, payer.id)
  assert.equal(proven.payee, payee.id)
  assert.is(proven.code, 'EUR')
  assert.is(proven.amount, 1_250)
  assert.is(proven.decimals, 2)
  assert.equal(proven.reference, payment.reference)
  assert.equal(proven.orderDigest, payment.orderDigest)
  assert.is(proven.confirms, 3)
  assert.is(proven.signedMs, NOW)
})

test('every byte of it matters', () => {
  for (let at = 0; at < receipt.length; at++) {
    const flipped = receipt.map((byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte))
    const fails = codeOfAny(() => verifyReceipt(flipped, net.genesis))
    assert.ok(fails, `byte ${at} of ${receipt.length}`)
  }
})

test('every truncation and every addition is refused', () => {
  for (let length = 0; length < receipt.length; length += 7) {
    assert.ok(
      codeOfAny(() => verifyReceipt(receipt.subarray(0, length), net.genesis)),
      `${length} bytes`,
    )
  }
  assert.ok(codeOfAny(() => verifyReceipt(Uint8Array.of(...receipt, 0), net.genesis)))
})

test('what would be too long for every reader is not signed', async () => {
  const long = { ...keysOf(payee), position: 400, log: Array.from({ length: 401 }, () => payee.inception) }
  const payment = settledPayment(net, payee)
  assert.is(await codeOfAsync(() => signReceipt(net.genesis, long, payment, NOW)), 'too-long')
})

test('a payee who has rotated shows its key log', async () => {
  const owner = new LogOwner({ recovery: false })
  const [inception] = owner.events as [Uint8Array]
  const [first] = owner.keys as [Pair]
  const person = { ...first, id: owner.link().id, inception, state: owner.state() }
  const payment = settledPayment(net, person)
  owner.append(owner.rotation()).append(owner.delegation(pairOf(3).publicKey))
  const [young] = owner.keys as [Pair]
  const keys = (pair: Pair) => ({
    ...{ ...keysOf(person), publicKey: pair.publicKey, position: 1, log: owner.events },
    sign: async (message: Uint8Array) => pair.sign(message),
  })
  const signed = await signReceipt(net.genesis, keys(young), payment, NOW)
  assert.equal(verifyReceipt(signed, net.genesis).payee, person.id)
  assert.is(codeOf(verify(await signReceipt(net.genesis, keys(first), payment, NOW))), 'bad-signature')
  const behind = { ...keys(young), position: 2 }
  assert.is(codeOf(verify(await signReceipt(net.genesis, behind, payment, NOW))), 'bad-shape')
})

test('another net, and the same net founded again', async () => {
  const other = makeNet(4)
  assert.is(
    codeOf(() => verifyReceipt(receipt, other.genesis)),
    'wrong-net',
  )
  // a net that claims this one's id in its receipts still has other seats
  const forged = await receiptOf(settledPayment(other, payee))
  assert.is(
    codeOf(() => verifyReceipt(forged, net.genesis)),
    'wrong-epoch',
  )
})

test('a payee who was not paid', async () => {
  const thief = makePerson()
  assert.is(codeOf(verify(await receiptOf(settledPayment(net, payee), thief))), 'bad-shape')
})

test('a certificate of locks, and a settlement of another order', async () => {
  assert.is(codeOf(verify(await receiptOf(settledPayment(net, payee, VOTE.lock)))), 'bad-certificate')
  const foreign = { ...settledPayment(net, payee), settlement: settledPayment(net, payee).settlement }
  assert.is(codeOf(verify(await receiptOf(foreign))), 'bad-certificate')
})

test('confirmations that nobody signed', async () => {
  const seats = new Seats({ ...net, members: makeNet(4).members }, committeeOf(net.genesis))
  const payment = settledPayment(net, payee)
  const entry = { kind: VOTE.confirm, oid: payment.from, version: 1, od: payment.orderDigest }
  assert.is(codeOf(verify(await receiptOf({ ...payment, settlement: seats.proof(entry) }))), 'bad-signature')
})

test('a signature of somebody else, and a document that is no receipt', async () => {
  const payment = settledPayment(net, payee)
  const payload = encode([
    'webx receipt v1',
    net.genesis.netId,
    payee.inception,
    payment.order,
    payment.settlement,
    NOW,
  ])
  assert.is(codeOf(verify(encodeSign1(payload, payer.sign(sign1Message(payload))))), 'bad-signature')
  assert.not.ok(codeOfAny(verify(encodeSign1(payload, payee.sign(sign1Message(payload))))))
  const ping = encode(['webx ping v1', net.genesis.netId])
  assert.is(codeOf(verify(encodeSign1(ping, payee.sign(sign1Message(ping))))), 'bad-shape')
})

function verify(bytes: Uint8Array): () => unknown {
  return () => verifyReceipt(bytes, net.genesis)
}

/** The code of a refusal, '' for none; anything but a WebxError fails the test. */
function codeOfAny(action: () => unknown): string {
  try {
    action()
    return ''
  } catch (error) {
    if (error instanceof WebxError && error.fault !== 'ours') return error.code
    throw error
  }
}

test.run()

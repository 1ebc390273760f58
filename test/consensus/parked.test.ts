/** Orders put aside: what anybody can claim takes no room from what somebody has signed. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { type Order, orderBody, orderEnvelope, readOrder } from '../../src/consensus/order.ts'
import { Parked } from '../../src/consensus/parked.ts'
import { LIMITS } from '../../src/core/limits.ts'

const ZEROS = new Uint8Array(32)
const terms = {
  home: ZEROS.slice(16),
  owner: ZEROS,
  keyPosition: 0,
  nonce: ZEROS.slice(16),
  version: 2,
  previous: ZEROS,
}
const body = orderBody({ ...terms, maxEpoch: 1, idem: ZEROS.slice(16), op: Uint8Array.of(0) })
const any = readOrder(orderEnvelope(ZEROS, body, new Uint8Array(64)))

/** Number `number` of an owner; only the names of both matter here. */
function orderOf(owner: number, number = 0): Order {
  const od = new Uint8Array(32)
  new DataView(od.buffer).setUint32(0, owner)
  const id = od.slice()
  new DataView(od.buffer).setUint32(4, number)
  return { ...any, owner: id, od }
}

const test = suite('parked orders')

test('a flood of orders that nobody is known to have signed evicts none that somebody has signed', () => {
  const parked = new Parked()
  const signed = [orderOf(1), orderOf(2)]
  for (const order of signed) assert.equal(parked.add(order, true, 'money'), [])
  const flood = Array.from({ length: LIMITS.parkedOrdersMax }, (_, i) => orderOf(1_000 + i))
  const evicted = flood.flatMap((order) => parked.add(order, false, 'a key'))
  assert.is(parked.size, LIMITS.parkedOrdersMax)
  assert.equal(evicted, flood.slice(0, 2), 'the oldest of the flood made room')
  for (const { od } of signed) assert.ok(parked.find(od))
  assert.equal(parked.add(orderOf(3), true, 'money'), [flood[2]], 'and makes room for what is signed')
  assert.is(parked.take('money').length, 3)
})

test('where all is taken by what is signed, a claim finds no room and the oldest that is signed makes some for the newest', () => {
  const parked = new Parked()
  const signed = Array.from({ length: LIMITS.parkedOrdersMax }, (_, i) => orderOf(i))
  for (const order of signed) parked.add(order, true, 'money')
  const claim = orderOf(99_999)
  assert.equal(parked.add(claim, false, 'a key'), [claim])
  assert.not.ok(parked.has(claim.od))
  const newest = orderOf(88_888)
  assert.equal(parked.add(newest, true, 'money'), [signed[0]])
  assert.ok(parked.find(newest.od))
})

test('an owner has so many of its own, and as many that are only said to be its', () => {
  const parked = new Parked()
  const own = Array.from({ length: LIMITS.parkedOrdersPerOwnerMax }, (_, i) => orderOf(7, i))
  for (const order of own) assert.equal(parked.add(order, true, 'money'), [])
  const said = Array.from({ length: LIMITS.parkedOrdersPerOwnerMax + 1 }, (_, i) => orderOf(7, 100 + i))
  assert.equal(
    said.flatMap((order) => parked.add(order, false, 'a key')),
    said.slice(0, 1),
  )
  assert.equal(parked.add(orderOf(7, 50), true, 'money'), own.slice(0, 1))
  // an order that turns out to be signed changes its table
  assert.equal(parked.add(said[1] as Order, true, 'money'), own.slice(1, 2))
  assert.equal(parked.add(said[0] as Order, false, 'a key'), [])
})

test('large ones are bounded by their bytes, and what is signed comes before what is claimed here, too', () => {
  const parked = new Parked()
  const attachment = new Uint8Array(LIMITS.importProofBytesMax)
  const large = (owner: number): Order => ({ ...orderOf(owner), envelope: { ...any.envelope, attachment } })
  const fits = Math.floor(LIMITS.parkedBytesMax / (attachment.length + body.length))
  assert.ok(fits < LIMITS.parkedOrdersMax)
  const claims = Array.from({ length: fits + 1 }, (_, i) => large(i))
  assert.equal(
    claims.flatMap((order) => parked.add(order, false, 'a key')).map(({ od }) => od),
    [claims[0]?.od],
  )
  assert.is(parked.size, fits)
  for (let i = 0; i < fits; i++) parked.add(large(10_000 + i), true, 'money')
  assert.is(parked.size, fits)
  const claim = large(99_999)
  assert.equal(parked.add(claim, false, 'a key'), [claim], 'all is taken by what is signed')
  assert.is(parked.takeAll().length, fits)
  for (const order of claims.slice(1))
    assert.equal(parked.add(order, false, 'a key'), [], 'what was taken out takes no room')
})

test.run()

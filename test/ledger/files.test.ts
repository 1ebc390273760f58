/** Versions of files: they only go on, what is gone stays gone, and no money is held up by them. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import type { Order } from '../../src/consensus/order.ts'
import { toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { decodeState, encodeState, type ObjectState } from '../../src/ledger/account.ts'
import { assetNonce } from '../../src/ledger/asset.ts'
import { type CertifyVersion, decodeOperation, encodeOperation } from '../../src/ledger/payment.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import { accountNonce, KEY_LOG_NONCE } from '../../src/ledger/terms.ts'
import { bytesOf, issuerWallet, mint, person, Wallet, world } from '../consensus/people.ts'
import { codeOf } from '../kit/refusal.ts'

const w = world(4)
const rules = createLedgerRules(w.genesis)
const alice = person('alice')
const SALT = bytesOf('salt', 16)

function version(fileVersion: number, gone = false): CertifyVersion {
  return { kind: 'version', fileVersion, digest: bytesOf(`manifest ${fileVersion}`), gone }
}

class Shelf {
  readonly states = new Map<string, ObjectState>()
  stateOf = (oid: Uint8Array): ObjectState | null => this.states.get(toHex(oid)) ?? null

  judge(order: Order): string {
    const verdict = rules.check(order, this)
    return verdict.ok ? 'ok' : verdict.code
  }

  certify(order: Order): void {
    this.states.set(toHex(order.oid), rules.certified(order, this.stateOf(order.oid)))
  }

  settle(order: Order): void {
    for (const { oid, state } of rules.settled(order, this)) this.states.set(toHex(oid), state)
  }
}

const test = suite('versions of files')

test('a version counts once it is settled, and the next one is higher', () => {
  const shelf = new Shelf()
  const file = new Wallet(w, alice, SALT)
  const first = file.order(version(1))
  assert.equal(rules.check(first, shelf), { ok: true, touches: [first.oid] })
  shelf.certify(first)
  assert.is(shelf.stateOf(first.oid)?.file, null, 'a certificate is not final')
  assert.is(shelf.judge(file.peek(version(1))), 'wrong-version', 'but the next order goes on from it')
  shelf.settle(first)
  assert.equal(shelf.stateOf(first.oid)?.file, { version: 1, digest: bytesOf('manifest 1'), gone: false })
  assert.is(shelf.judge(file.peek(version(1))), 'wrong-version')
  const third = file.order(version(3))
  assert.is(shelf.judge(third), 'ok', 'versions may be left out: not all are made known')
  shelf.certify(third)
  shelf.settle(third)
  assert.is(shelf.judge(file.peek(version(2))), 'wrong-version')
  const state = shelf.stateOf(first.oid) as ObjectState
  assert.equal(decodeState(encodeState(state)), state)
})

test('after a tombstone nothing comes', () => {
  const shelf = new Shelf()
  const file = new Wallet(w, alice, SALT)
  for (const operation of [version(1), version(2, true)]) {
    const order = file.order(operation)
    assert.is(shelf.judge(order), 'ok')
    shelf.certify(order)
    shelf.settle(order)
  }
  assert.is(shelf.judge(file.peek(version(3))), 'shredded')
  assert.is(shelf.judge(file.peek(version(3, true))), 'shredded')
  assert.is(shelf.stateOf(file.peek(version(3)).oid)?.file?.gone, true)
})

test('a file never pays, even where somebody paid it', () => {
  const shelf = new Shelf()
  const file = new Wallet(w, alice, SALT)
  const first = file.order(version(1))
  const gift = issuerWallet(w).order(mint(w, 5, first.oid))
  shelf.certify(gift)
  shelf.settle(gift)
  assert.is(shelf.judge(first), 'ok', 'a gift stops no file')
  shelf.certify(first)
  assert.is(shelf.judge(file.peek(file.pay(bytesOf('to'), 1))), 'not-allowed')
})

test('what is an account, a key log or an asset never becomes a file', () => {
  const shelf = new Shelf()
  const judged = (nonce: Uint8Array, owner = alice): string => shelf.judge(new Wallet(w, owner, nonce).peek(version(1)))
  assert.is(judged(accountNonce()), 'not-allowed', 'the account that everybody pays to')
  assert.is(judged(KEY_LOG_NONCE), 'not-allowed')
  assert.is(judged(assetNonce(w.asset), w.organization), 'not-allowed')
  const second = new Wallet(w, alice, accountNonce(1))
  const funded = issuerWallet(w).order(mint(w, 5, second.peek(second.pay(bytesOf('to'), 1)).oid))
  shelf.certify(funded)
  shelf.settle(funded)
  shelf.certify(second.order(second.pay(bytesOf('to'), 1)))
  assert.is(shelf.judge(second.peek(version(1))), 'not-allowed', 'it has paid before')
})

test('operations that make no sense are refused', () => {
  assert.is(
    codeOf(() => decodeOperation(encodeOperation(version(0)))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => decodeOperation(encode([4, 1, bytesOf('d'), 0]))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => decodeOperation(encode([4, 1, bytesOf('d', 31), false]))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => decodeOperation(encode([4, 1, bytesOf('d'), false, 0]))),
    'bad-shape',
  )
})

test.run()

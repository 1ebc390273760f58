/** Money: operations, states, the meaning of orders, and that nothing is made or lost but by minting. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS } from '../../src/core/limits.ts'
import '../kit/wasm.ts'
import type { ObjectRules } from '../../src/consensus/object.ts'
import type { Order } from '../../src/consensus/order.ts'
import { toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { WebxError } from '../../src/core/errors.ts'
import { adjust, balanceOf, decodeState, EMPTY_STATE, encodeState, type ObjectState } from '../../src/ledger/account.ts'
import { assetId, assetNonce } from '../../src/ledger/asset.ts'
import { assertConserved, supplies } from '../../src/ledger/conservation.ts'
import { decodeOperation, encodeOperation, type Operation } from '../../src/ledger/payment.ts'
import { createLedgerRules, type LedgerVerdict } from '../../src/ledger/rules.ts'
import { accountNonce, KEY_LOG_NONCE, keyLogId, keyLogOrder, type OrderView } from '../../src/ledger/terms.ts'
import { bytesOf, CAP, issuerWallet, mint, person, signOrder, Wallet, world } from '../consensus/people.ts'

const w = world(4)
/** That the two shapes are one is checked by the compiler. */
const rules: ObjectRules<ObjectState> & ReturnType<typeof createLedgerRules> = createLedgerRules(w.genesis)

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    return error instanceof WebxError ? error.code : String(error)
  }
  return 'nothing was thrown'
}

function verdict(result: LedgerVerdict): string {
  if (result.ok) return 'ok'
  return result.retry ? `${result.code}, later` : result.code
}

/** States of objects, and the way of an order through the rules. */
class Books {
  readonly states = new Map<string, ObjectState>()
  readonly open: Order[] = []

  stateOf = (oid: Uint8Array): ObjectState | null => this.states.get(toHex(oid)) ?? null

  certify(order: Order): void {
    this.states.set(toHex(order.oid), rules.certified(order, this.stateOf(order.oid)))
    this.open.push(order)
  }

  settle(order: Order): void {
    for (const { oid, state } of rules.settled(order, this)) this.states.set(toHex(oid), state)
    this.open.splice(this.open.indexOf(order), 1)
  }

  both(order: Order): void {
    this.certify(order)
    this.settle(order)
  }

  supply() {
    const objects = [...this.states].map(([oid, state]) => ({ oid: Buffer.from(oid, 'hex'), state }))
    const list = supplies({ objects, inFlight: this.open }, w.genesis)
    assertConserved(list)
    return list[0] as (typeof list)[number]
  }
}

const operations = suite('operations')
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const arbitraryOperation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('incept' as const), inception: fc.uint8Array({ minLength: 1, maxLength: 200 }) }),
  fc.record({
    kind: fc.constant('mint' as const),
    assetId: bytes32,
    cumulative: fc.nat(LIMITS.amountMax),
    to: bytes32,
  }),
  fc.record({
    kind: fc.constant('pay' as const),
    assetId: bytes32,
    amount: fc.integer({ min: 1, max: LIMITS.amountMax }),
    to: bytes32,
    reference: bytes32,
    refundOf: fc.oneof(bytes32, fc.constant(new Uint8Array(0))),
    memo: fc.uint8Array({ maxLength: 64 }),
  }),
  fc.record({ kind: fc.constant('key-event' as const), digest: bytes32 }),
  fc.record({ kind: fc.constant('enforce' as const), identity: bytes32, recovery: bytes32 }),
  fc.record({
    kind: fc.constant('version' as const),
    fileVersion: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    digest: bytes32,
    gone: fc.boolean(),
  }),
)

operations('round trip', () => {
  fc.assert(
    fc.property(arbitraryOperation, (operation) =>
      assert.equal(decodeOperation(encodeOperation(operation)), { ...operation }),
    ),
    { numRuns: 200 },
  )
})

operations('what makes no sense is refused', () => {
  const pay = new Wallet(w, person('alice')).pay(bytesOf('to'), 1)
  assert.is(
    codeOf(() => decodeOperation(encodeOperation({ ...pay, amount: 0 }))),
    'bad-amount',
  )
  assert.is(
    codeOf(() => decodeOperation(encodeOperation({ ...pay, memo: new Uint8Array(65) }))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => decodeOperation(encodeOperation({ ...pay, refundOf: new Uint8Array(5) }))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => decodeOperation(encode([5]))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => decodeOperation(encode([1, bytesOf('a'), 5, bytesOf('b'), 1]))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => decodeOperation(new Uint8Array([0xff]))),
    'not-canonical',
  )
})
operations.run()

const states = suite('states')

states('round trip, below zero too', () => {
  let state: ObjectState = { ...EMPTY_STATE, issued: 7, delivered: 3 }
  state = adjust(adjust(state, bytesOf('b'), -5), bytesOf('a'), 9)
  state = { ...state, keys: { key: bytesOf('k'), position: 0, contested: false, inception: bytesOf('i') } }
  assert.equal(decodeState(encodeState(state)), state)
  assert.equal(decodeState(encodeState(EMPTY_STATE)), EMPTY_STATE)
})

states('balances are sorted, a zero is none, and nothing leaves the range of amounts', () => {
  const state = adjust(adjust(null, bytesOf('x'), 5), bytesOf('y'), 6)
  const other = adjust(adjust(null, bytesOf('y'), 6), bytesOf('x'), 5)
  assert.equal(state, other)
  assert.equal(adjust(state, bytesOf('x'), -5).balances.length, 1)
  assert.is(balanceOf(state, bytesOf('y')), 6)
  assert.is(balanceOf(null, bytesOf('y')), 0)
  const rich = adjust(null, bytesOf('x'), Number.MAX_SAFE_INTEGER)
  assert.is(
    codeOf(() => adjust(rich, bytesOf('x'), 1)),
    'internal',
  )
})
states.run()

const assets = suite('assets')

assets('the id covers issuer, code, decimals and cap', () => {
  const terms = { issuer: bytesOf('i'), code: 'EUR', decimals: 2, cap: 10 }
  const ids = [
    terms,
    { ...terms, issuer: bytesOf('j') },
    { ...terms, code: 'USD' },
    { ...terms, decimals: 3 },
    { ...terms, cap: 11 },
  ].map((each) => toHex(assetId(each)))
  assert.is(new Set(ids).size, 5)
  assert.ok(rules.assets.has(toHex(w.asset)))
})

assets('only the issuer mints, through the asset’s object, ever more, up to the cap', () => {
  const books = new Books()
  const issuer = issuerWallet(w)
  const to = bytesOf('to')
  const judge = (order: Order): string => verdict(rules.check(order, books))
  assert.is(judge(issuer.peek(mint(w, CAP, to))), 'ok')
  assert.is(judge(issuer.peek(mint(w, CAP + 1, to))), 'over-cap')
  assert.is(judge(issuer.peek(mint(w, 0, to))), 'bad-amount')
  assert.is(judge(issuer.peek({ ...mint(w, 5, to), assetId: bytesOf('other') })), 'unknown-asset')
  assert.is(judge(new Wallet(w, person('thief'), assetNonce(w.asset)).peek(mint(w, 5, to))), 'not-allowed')
  assert.is(judge(new Wallet(w, w.organization).peek(mint(w, 5, to))), 'not-allowed')
  books.both(issuer.order(mint(w, 100, to)))
  assert.is(balanceOf(books.stateOf(to), w.asset), 100)
  assert.is(judge(issuer.peek(mint(w, 100, to))), 'bad-amount')
  assert.is(judge(issuer.peek(mint(w, 99, to))), 'bad-amount')
  books.both(issuer.order(mint(w, 150, to)))
  assert.is(balanceOf(books.stateOf(to), w.asset), 150, 'only the difference arrives')
  const self = issuerWallet(w)
  const own = new Books()
  const order = self.order(mint(w, 10, self.peek(mint(w, 1, to)).oid))
  own.both(order)
  assert.is(balanceOf(own.stateOf(order.oid), w.asset), 10, 'the asset’s own object can hold some')
  assert.is(own.supply().held, 10)
})
assets.run()

const payments = suite('payments')

payments('money leaves when certified and arrives when settled', () => {
  const books = new Books()
  const alice = new Wallet(w, person('alice'))
  const bob = new Wallet(w, person('bob'))
  const minted = issuerWallet(w).order(mint(w, 100, alice.oid))
  books.certify(minted)
  assert.equal([books.supply().issued, books.supply().held, books.supply().inFlight], [100, 0, 100])
  books.settle(minted)
  const order = alice.order(alice.pay(bob.oid, 60))
  assert.equal(rules.check(order, books), { ok: true, touches: [bob.oid] })
  books.certify(order)
  assert.equal([books.supply().held, books.supply().inFlight], [40, 60])
  assert.is(verdict(rules.check(alice.peek(alice.pay(bob.oid, 41)), books)), 'insufficient-funds, later')
  books.settle(order)
  assert.equal([balanceOf(books.stateOf(alice.oid), w.asset), balanceOf(books.stateOf(bob.oid), w.asset)], [40, 60])
  const toSelf = alice.order(alice.pay(alice.oid, 40))
  books.both(toSelf)
  assert.is(balanceOf(books.stateOf(alice.oid), w.asset), 40)
  assert.is(books.supply().held, 100)
})

payments('only accounts pay', () => {
  const books = new Books()
  const organization = issuerWallet(w)
  assert.is(verdict(rules.check(organization.peek(organization.pay(bytesOf('x'), 1)), books)), 'not-allowed')
  const stranger = new Wallet(w, person('stranger'), assetNonce(w.asset))
  assert.is(verdict(rules.check(stranger.peek(stranger.pay(bytesOf('x'), 1)), books)), 'insufficient-funds, later')
  const alice = new Wallet(w, person('alice'))
  const unknown = { ...alice.pay(bytesOf('x'), 1), assetId: bytesOf('other') }
  assert.is(verdict(rules.check(alice.peek(unknown), books)), 'unknown-asset')
  const garbage = { ...alice.peek(unknown), op: new Uint8Array([0xff]) }
  assert.is(verdict(rules.check(garbage, books)), 'not-canonical')
})

payments('what is lost or made out of nothing is noticed', () => {
  const books = new Books()
  const alice = new Wallet(w, person('alice'))
  books.both(issuerWallet(w).order(mint(w, 100, alice.oid)))
  books.supply()
  books.states.set(toHex(alice.oid), adjust(books.stateOf(alice.oid), w.asset, 1))
  assert.is(
    codeOf(() => books.supply()),
    'internal',
  )
})

payments('random payments, settled in any order that versions allow, conserve money', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.integer({ min: 1, max: 50 }), fc.boolean()), { maxLength: 25 }),
      (moves) => {
        const books = new Books()
        const wallets = ['a', 'b', 'c', 'd'].map((name) => new Wallet(w, person(name)))
        const issuer = issuerWallet(w)
        for (const [i, wallet] of wallets.entries()) books.both(issuer.order(mint(w, 100 * (i + 1), wallet.oid)))
        for (const [from, to, amount, now] of moves) {
          const payer = wallets[from] as Wallet
          const order = payer.peek(payer.pay((wallets[to] as Wallet).oid, amount))
          if (!rules.check(order, books).ok) continue
          payer.order(payer.pay((wallets[to] as Wallet).oid, amount))
          books.certify(order)
          if (now) books.settle(books.open[0] as Order)
          assert.is(books.supply().issued, 400)
          for (const state of books.states.values()) for (const { amount } of state.balances) assert.ok(amount >= 0)
        }
      },
    ),
    { numRuns: 30 },
  )
})
payments.run()

const keyLogs = suite('key logs')

keyLogs('an owner is known once its key log is settled; identities of the genesis are from the start', () => {
  const books = new Books()
  const alice = new Wallet(w, person('alice'))
  const order = alice.peek(alice.pay(bytesOf('x'), 1))
  assert.is(rules.ownerKey(order, books), null)
  assert.is(rules.ownerProof(order, books), null)
  assert.equal(rules.ownerObject(order), keyLogId(w.genesis.netId, w.genesis.neighborhood, alice.owner.id))
  const incept = alice.incept()
  assert.equal(rules.ownerKey(incept, books)?.key, alice.owner.publicKey, 'the opening order proves itself')
  assert.is(verdict(rules.check(incept, books)), 'ok')
  books.certify(incept)
  assert.is(rules.ownerKey(order, books), null, 'not when it is merely certified')
  books.settle(incept)
  assert.equal(rules.ownerKey(order, books)?.key, alice.owner.publicKey)
  assert.equal(rules.ownerProof(order, books), [alice.owner.inception])
  const state = books.stateOf(incept.oid) as ObjectState
  assert.equal(decodeState(encodeState(state)), state)
  for (const known of [w.organization, w.terminal, w.members[3]]) {
    const wallet = new Wallet(w, known as Wallet['owner'])
    assert.equal(rules.ownerKey(wallet.peek(wallet.pay(bytesOf('x'), 1)), books)?.key, known?.publicKey)
  }
})

keyLogs('there is exactly one valid order that opens a key log', () => {
  const books = new Books()
  const alice = person('alice')
  const fields = keyLogOrder(w.genesis.neighborhood, alice.id, alice.inception)
  const judge = (changes: object): string =>
    verdict(rules.check(signOrder(w.genesis, alice, { ...fields, ...changes }), books))
  assert.is(judge({}), 'ok')
  assert.is(judge({ idem: bytesOf('free', 16) }), 'not-allowed')
  assert.is(judge({ maxEpoch: 5 }), 'not-allowed')
  assert.is(judge({ nonce: accountNonce(1) }), 'not-allowed')
  assert.is(judge({ version: 2, previous: bytesOf('p') }), 'not-allowed')
  const bob = person('bob')
  const foreign: OrderView = signOrder(w.genesis, alice, keyLogOrder(w.genesis.neighborhood, alice.id, bob.inception))
  assert.is(
    codeOf(() => rules.ownerKey(foreign, books)),
    'bad-identity',
  )
  assert.is(verdict(rules.check(foreign, books)), 'not-allowed')
  const pay = new Wallet(w, alice, KEY_LOG_NONCE)
  assert.is(
    codeOf(() => rules.ownerKey(pay.peek(pay.pay(bytesOf('x'), 1)), books)),
    'not-allowed',
  )
})
keyLogs.run()

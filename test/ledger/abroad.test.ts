/** Money between homes: it leaves once, arrives once, and no home sends more than it has. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Order, orderBody, orderBytes, provingOrderEnvelope, readOrder } from '../../src/consensus/order.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { LIMITS } from '../../src/core/limits.ts'
import '../kit/wasm.ts'
import { assertFlows, booksId, FLOW_RING, type Flow } from '../../src/ledger/abroad.ts'
import { decodeState, EMPTY_STATE, encodeState, type ObjectState } from '../../src/ledger/account.ts'
import { creditsOf } from '../../src/ledger/credit.ts'
import { importLane, importOrder, importProof, type SettlementFact, type Settlements } from '../../src/ledger/import.ts'
import { operationOf } from '../../src/ledger/payment.ts'
import { accountId, NO_HEAD, type OrderFields } from '../../src/ledger/terms.ts'
import type { PayAbroad } from '../../src/ledger/transfer.ts'
import { bytesOf, issuerWallet, mint, person, world } from '../consensus/people.ts'
import { codeOf, Member, Purser } from './stage.ts'

const w = world(4)
const { netId, neighborhood } = w.genesis
const HOMES = [neighborhood, bytesOf('second home', 16), bytesOf('third home', 16)] as const
const NOTHING = new Uint8Array(0)

/** Consensus of other homes, as tests have it: a settlement is the digest of the order that it is of. */
class Told implements Settlements {
  readonly facts = new Map<string, SettlementFact | null>()

  verify(settlement: Uint8Array): SettlementFact | null {
    return this.facts.get(toHex(settlement)) ?? null
  }

  isHome(home: Uint8Array): boolean {
    return HOMES.some((each) => equal(each, home))
  }

  settled({ home, oid, version, od }: Order, isStrong = true): void {
    this.facts.set(toHex(od), { home, oid, version, od, isStrong })
  }
}

interface Home {
  readonly nid: Uint8Array
  readonly member: Member
  /** One account. */
  readonly purser: Purser
  readonly lanes: Map<string, { version: number; head: Uint8Array }>
}

function stage(): { told: Told; homes: [Home, Home, Home] } {
  const told = new Told()
  const homes = HOMES.map((nid, i): Home => {
    const member = new Member(w, told)
    return { nid, member, purser: new Purser(w, person(`owner ${i}`), nid), lanes: new Map() }
  })
  const [first] = homes as [Home, Home, Home]
  first.member.both(issuerWallet(w).order(mint(w, 50_000, accountOf(first))))
  return { told, homes: homes as [Home, Home, Home] }
}

function accountOf({ nid, purser }: Home): Uint8Array {
  return accountId(netId, nid, purser.owner.id)
}

function abroad(to: Home, amount: number, number: number): PayAbroad {
  const fixed = { kind: 'pay-abroad', assetId: w.asset, reference: bytesOf(`ref ${amount}`), memo: NOTHING } as const
  return { ...fixed, home: to.nid, to: accountOf(to), amount, number }
}

/** The order that lets a payment arrive, next in its lane. */
function arriving(to: Home, order: Order, change: Partial<OrderFields> = {}, settlement: Uint8Array = order.od): Order {
  const lane = importLane(order.home, order.oid)
  const { version, head } = to.lanes.get(toHex(lane)) ?? { version: 0, head: NO_HEAD }
  const terms = { ...importOrder({ home: to.nid, lane, version, head }, order.od), ...change }
  return readOrder(provingOrderEnvelope(netId, orderBody(terms), importProof(orderBytes(order), settlement)))
}

function arrive(to: Home, order: Order): void {
  const imported = to.member.both(arriving(to, order))
  to.lanes.set(toHex(imported.owner), { version: imported.version, head: imported.od })
}

function check(homes: readonly Home[]): void {
  let issued = 0
  let inside = 0
  for (const { member } of homes) {
    const { issued: made, held, inFlight, exported, imported } = member.supply()
    assert.ok(exported <= made + imported, 'no home sends more than it has')
    issued += made
    inside += held + inFlight
  }
  assert.ok(inside <= issued)
  assertFlows(homes.map(({ nid: home, member }) => ({ home, flows: flowsOf(member, home) })))
}

function flowsOf(member: Member, home: Uint8Array): readonly Flow[] {
  return member.stateOf(booksId(netId, home))?.flows ?? []
}

/** A payment that a home has settled, and that no account there paid for. */
function forgedBy(home: Home, to: Home, amount: number, told: Told): Order {
  const order = new Purser(w, person('liar'), home.nid).peek(abroad(to, amount, 1))
  told.settled(order)
  return order
}

const test = suite('payments between homes')

test('settled at one home, imported at the other, exactly once', () => {
  const { told, homes } = stage()
  const [a, b] = homes
  assert.is(a.member.judge(a.purser.peek(abroad(b, 60_000, 1))), 'insufficient-funds, later')
  assert.is(a.member.judge(a.purser.peek(abroad(b, 60, 2))), 'wrong-version')
  assert.is(a.member.judge(a.purser.peek(abroad(a, 60, 1))), 'wrong-home')
  const nowhere = { ...abroad(b, 60, 1), home: bytesOf('nowhere', 16) }
  assert.is(a.member.judge(a.purser.peek(nowhere)), 'wrong-home, later')
  const order = a.member.both(a.purser.order(abroad(b, 600, 1)))
  assert.equal([a.member.balance(accountOf(a)), a.member.supply().exported], [49_400, 600])
  assert.is(a.member.balance(accountOf(b)), 0, 'nothing arrives where nobody decides about it')
  check(homes)
  const early = arriving(b, order)
  assert.is(b.member.rules.ownerKey(early, b.member), null, 'the other committee is not known here')
  assert.is(b.member.judge(early), 'not-allowed')
  told.settled(order)
  assert.equal(b.member.rules.ownerKey(early, b.member), { key: null, position: 0, contested: false })
  arrive(b, order)
  assert.equal([b.member.balance(accountOf(b)), b.member.supply().imported], [600, 600])
  check(homes)
  assert.is(b.member.judge(arriving(b, order)), 'not-allowed', 'it has one place, and that is taken')
  const second = a.member.both(a.purser.order(abroad(b, 5, 2)))
  told.settled(second)
  arrive(b, second)
  assert.is(b.member.balance(accountOf(b)), 605)
  const books = b.member.stateOf(booksId(netId, b.nid)) as ObjectState
  assert.equal(decodeState(encodeState(books)), books)
  assert.equal(creditsOf(order, netId)[0]?.home, b.nid)
})

test('every field of an import follows from the payment; its proof must be of it', () => {
  const { told, homes } = stage()
  const [a, b, c] = homes
  const order = a.member.both(a.purser.order(abroad(b, 600, 1)))
  const local = a.member.both(a.purser.order(a.purser.pay(accountOf(b), 1)))
  for (const each of [order, local]) told.settled(each)
  const judge = (change: Partial<OrderFields>) =>
    codeOf(() => b.member.rules.ownerKey(arriving(b, order, change), b.member))
  assert.is(judge({}), 'nothing was thrown')
  for (const change of [
    { owner: bytesOf('another lane') },
    { nonce: bytesOf('nonce', 16) },
    { keyPosition: 1 },
    { version: 2, previous: bytesOf('before') },
    { maxEpoch: 7 },
    { idem: bytesOf('idem', 16) },
    { op: importOrder({ home: b.nid, lane: order.oid, version: 0, head: NO_HEAD }, local.od).op },
  ]) {
    assert.is(judge(change), 'not-allowed', Object.keys(change).join())
  }
  assert.is(
    codeOf(() => c.member.rules.ownerKey(arriving(c, order), c.member)),
    'wrong-home',
  )
  assert.is(
    codeOf(() => b.member.rules.ownerKey(arriving(b, local), b.member)),
    'bad-shape',
    'it pays nobody abroad',
  )
  assert.is(
    codeOf(() => b.member.rules.ownerKey(arriving(b, order, {}, local.od), b.member)),
    'bad-certificate',
  )
})

test('a settlement of a later order of the account proves what came before, by all orders in between and no others', () => {
  const { told, homes } = stage()
  const [a, b] = homes
  const order = a.member.both(a.purser.order(abroad(b, LIMITS.importPlainAmountMax + 1, 1)))
  const [next, last] = [1, 2].map((amount) => a.member.both(a.purser.order(a.purser.pay(accountOf(b), amount)))) as [
    Order,
    Order,
  ]
  told.settled(order, false)
  told.settled(last)
  const shown = (later: readonly Order[], settled = last): Order => {
    const lane = importLane(order.home, order.oid)
    const bodies = later.map(({ envelope }) => envelope.body)
    const proof = importProof(orderBytes(order), settled.od, bodies)
    const terms = importOrder({ home: b.nid, lane, version: 0, head: NO_HEAD }, order.od)
    return readOrder(provingOrderEnvelope(netId, orderBody(terms), proof))
  }
  for (const lie of [
    shown([]),
    shown([], order),
    shown([last]),
    shown([next]),
    shown([last, next]),
    shown([next, last], order),
  ])
    assert.is(b.member.judge(lie), 'bad-certificate')
  b.member.both(shown([next, last]))
  assert.is(b.member.balance(accountOf(b)), LIMITS.importPlainAmountMax + 1)
})

test('above a limit a strong quorum must have confirmed', () => {
  const { told, homes } = stage()
  const [a, b] = homes
  const small = a.member.both(a.purser.order(abroad(b, LIMITS.importPlainAmountMax, 1)))
  told.settled(small, false)
  arrive(b, small)
  const large = a.member.both(a.purser.order(abroad(b, LIMITS.importPlainAmountMax + 1, 2)))
  told.settled(large, false)
  assert.is(b.member.judge(arriving(b, large)), 'bad-certificate')
  told.settled(large)
  arrive(b, large)
  check(homes)
})

test('what comes home was out: a home that lies about its own books cannot make money here', () => {
  const { told, homes } = stage()
  const [a, b] = homes
  const order = a.member.both(a.purser.order(abroad(b, 600, 1)))
  told.settled(order)
  arrive(b, order)
  const forged = b.purser.peek(abroad(a, 601, 1))
  told.settled(forged)
  assert.is(a.member.judge(arriving(a, forged)), 'over-cap, later')
  const honest = b.member.both(b.purser.order(abroad(a, 600, 1)))
  told.settled(honest)
  arrive(a, honest)
  check(homes)
  const beyond = b.purser.peek({ ...abroad(homes[2], 2_000_000, 1) })
  told.settled(beyond)
  assert.is(homes[2].member.judge(arriving(homes[2], beyond)), 'over-cap, later', 'more than there can be')
})

test('what a home that lies shows at once is counted together', () => {
  const { told, homes } = stage()
  const [a, b, c] = homes
  told.settled(a.member.both(a.purser.order(abroad(b, 600, 1))))
  const liars = ['one', 'two', 'three'].map((name) => new Purser(w, person(name), b.nid))
  const [first, second, third] = liars.map((liar, i) => {
    const forged = liar.peek({ ...abroad(a, [400, 300, 200][i] as number, 1) })
    told.settled(forged)
    return arriving(a, forged)
  }) as [Order, Order, Order]
  a.member.certify(first)
  assert.is(a.member.judge(first), 'ok', 'it is not counted against itself')
  assert.is(a.member.judge(second), 'over-cap, later')
  a.member.certify(third)
  a.member.settle(first)
  assert.is(a.member.judge(second), 'over-cap, later')
  a.member.settle(third)
  assert.equal([a.member.supply().exported, a.member.supply().imported], [600, 600])
  const much = liars.map((liar) => {
    const forged = liar.peek({ ...abroad(c, 400_000, 1) })
    told.settled(forged)
    return arriving(c, forged)
  }) as [Order, Order, Order]
  for (const each of much.slice(0, 2)) c.member.certify(each)
  assert.is(c.member.judge(much[2]), 'over-cap, later', 'more than there can be')
})

test('money that goes to and fro for ever leaves no range of numbers', () => {
  const { told, homes } = stage()
  const [a, b] = homes
  const much = { exported: FLOW_RING - 300, imported: FLOW_RING - 300 }
  for (const [home, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const flows = [{ home: other.nid, assetId: w.asset, ...much }]
    home.member.states.set(toHex(booksId(netId, home.nid)), { ...EMPTY_STATE, flows })
  }
  for (const number of [1, 2]) {
    const there = a.member.both(a.purser.order(abroad(b, 200, number)))
    told.settled(there)
    check(homes)
    arrive(b, there)
    if (number === 1) assert.is(a.member.judge(arriving(a, forgedBy(b, a, 201, told))), 'over-cap, later')
    const back = b.member.both(b.purser.order(abroad(a, 200, number)))
    told.settled(back)
    arrive(a, back)
    check(homes)
  }
  const [flow] = flowsOf(a.member, a.nid)
  assert.equal([flow?.exported, flow?.imported], [100, 100])
  const books = a.member.stateOf(booksId(netId, a.nid)) as ObjectState
  assert.equal(decodeState(encodeState(books)), books)
  const more = { home: b.nid, flows: [{ home: a.nid, assetId: w.asset, exported: 0, imported: 101 }] }
  assert.is(
    codeOf(() => assertFlows([{ home: a.nid, flows: flowsOf(a.member, a.nid) }, more])),
    'internal',
    'more came than was sent',
  )
})

test('a refund goes back across homes; assets are issued at one home only', () => {
  const { told, homes } = stage()
  const [a, b] = homes
  const order = a.member.both(a.purser.order(abroad(b, 600, 1)))
  told.settled(order)
  arrive(b, order)
  const terms = {
    kind: 'refund',
    original: order.envelope.body,
    index: 0,
    reference: bytesOf('r'),
    memo: NOTHING,
  } as const
  assert.is(b.member.judge(b.purser.peek({ ...terms, amount: 200, number: 0 })), 'wrong-version')
  assert.is(b.member.judge(b.purser.peek({ ...terms, amount: 601, number: 1 })), 'over-refund')
  const back = b.member.both(b.purser.order({ ...terms, amount: 200, number: 1 }))
  told.settled(back)
  arrive(a, back)
  assert.equal([a.member.balance(accountOf(a)), b.member.balance(accountOf(b))], [49_600, 400])
  check(homes)
  const issuing = new Purser(w, w.organization, b.nid)
  const nonce = issuerWallet(w).nonce
  const elsewhere = { ...issuing.peek(mint(w, 5, accountOf(b))), nonce }
  assert.is(b.member.judge(elsewhere), 'wrong-home')
})

test('random payments among three homes, imported late and in any order of lanes', () => {
  const move = fc.record({
    from: fc.nat(2),
    to: fc.nat(2),
    amount: fc.integer({ min: 1, max: 9_000 }),
    wait: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(move, { maxLength: 20 }), (moves) => {
      const { told, homes } = stage()
      const waiting: { readonly to: Home; readonly order: Order }[] = []
      const numbers = new Map<string, number>()
      for (const { from, to, amount, wait } of moves) {
        const [payer, payee] = [homes[from] as Home, homes[to] as Home]
        const pair = `${from} ${to}`
        const number = (numbers.get(pair) ?? 0) + 1
        const operation = abroad(payee, amount, number)
        if (payer.member.judge(payer.purser.peek(operation)) === 'ok') {
          numbers.set(pair, number)
          const order = payer.member.both(payer.purser.order(operation))
          told.settled(order)
          waiting.push({ to: payee, order })
        }
        if (!wait) {
          const next = waiting.shift()
          if (next) arrive(next.to, next.order)
        }
        check(homes)
      }
      for (const { to, order } of waiting) arrive(to, order)
      check(homes)
      const held = homes.map(({ member }) => member.supply().held).reduce((sum, each) => sum + each, 0)
      assert.is(held, 50_000, 'all that was issued has arrived')
    }),
    { numRuns: 25 },
  )
})

test('an import is the order of a payment and of no other', () => {
  const { homes } = stage()
  const [a, b] = homes
  const order = a.member.both(a.purser.order(abroad(b, 1, 1)))
  const imported = arriving(b, order)
  assert.equal(operationOf(imported), { kind: 'import', payment: order.od })
  assert.is(b.member.judge({ ...imported, attached: NOTHING }), 'not-allowed')
})
test.run()

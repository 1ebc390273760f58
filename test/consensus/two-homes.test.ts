/** Two neighborhoods of one net, each run by the production engine: money goes from one to the other and back, arrives once, and is nowhere twice. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { certificateEnvelope } from '../../src/consensus/certificate.ts'
import { committeeOfOpening, encodeOpening, type Opening } from '../../src/consensus/epoch/opening.ts'
import { type Order, orderBody, orderBytes, provingOrderEnvelope, readOrder } from '../../src/consensus/order.ts'
import { batchKey, SPACE } from '../../src/consensus/records.ts'
import { composeBatch, headerSignedBytes, VOTE } from '../../src/consensus/statement.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { KnownHomes } from '../../src/kernel/homes.ts'
import { assertFlows, booksId } from '../../src/ledger/abroad.ts'
import { balanceOf } from '../../src/ledger/account.ts'
import { assertConserved, supplies } from '../../src/ledger/conservation.ts'
import { importLane, importOrder, importProof } from '../../src/ledger/import.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import { accountId, keyEventOrder, keyLogOrder, NO_HEAD, type OrderFields } from '../../src/ledger/terms.ts'
import type { PayAbroad } from '../../src/ledger/transfer.ts'
import { openHomes } from '../../src/services/homes.ts'
import { codeOf, Purser } from '../ledger/stage.ts'
import { anchorOf, cheapSignature, Hoods } from './hoods.ts'
import { bytesOf, issuerWallet, keyPair, mint, person, signOrder, world } from './people.ts'

const FUNDS = 50_000
const LARGE = LIMITS.importPlainAmountMax + 1
const NOTHING = new Uint8Array(0)
const w = world(4)
const { netId } = w.genesis
const others = [0, 1, 2, 3].map((i) => person(`other member ${i}`, 'device'))
const test = suite('neighborhoods: payments between two')

/** The opening of another home, with seats of its own. */
function otherAnchor(nid: Uint8Array): Opening {
  const seats = others.map(({ id: memberId }, i) => {
    return { memberId, epochKey: keyPair(`epoch 0 member ${i}`).publicKey, weight: 1 }
  })
  return { ...anchorOf({ ...w, members: others }), nid, seats }
}

/** One home: its nodes, and an account in it. */
interface Side {
  readonly nid: Uint8Array
  readonly anchor: Opening
  readonly known: KnownHomes
  readonly net: Hoods
  readonly purser: Purser
  readonly account: Uint8Array
}

function stage(): [Side, Side] {
  const anchors = [anchorOf(w), otherAnchor(bytesOf('second home', 16))] as const
  const sides = anchors.map((anchor, i): Side => {
    const known = new KnownHomes(netId, (checks) =>
      checks.every(({ key, message, signature }) => equal(cheapSignature(key, message), signature)),
    )
    known.add(anchors[1 - i] as Opening)
    const members = i === 0 ? w.members : others
    const net = new Hoods({ world: { ...w, members }, anchor, homes: known, seed: i + 1 })
    const purser = new Purser(w, person(`owner ${i}`), anchor.nid)
    purser.maxEpoch = 1_000
    return { nid: anchor.nid, anchor, known, net, purser, account: accountId(netId, anchor.nid, purser.owner.id) }
  }) as [Side, Side]
  for (const { nid, net, purser } of sides) {
    net.send(signOrder(w.genesis, purser.owner, keyLogOrder(nid, purser.owner.id, purser.owner.inception)))
    net.run(200)
  }
  const [home] = sides
  home.net.send(issuerWallet(w).order(mint(w, FUNDS, home.account)))
  home.net.run(300)
  return sides
}

function balances({ net, account }: Side): number[] {
  return net.nodes.map(({ hood }) => balanceOf(hood.register.object(account)?.state ?? null, w.asset))
}

function all(amount: number): number[] {
  return Array(4).fill(amount)
}

function abroad(to: Side, amount: number, number: number): PayAbroad {
  const fixed = { kind: 'pay-abroad', assetId: w.asset, reference: bytesOf(`ref ${number}`), memo: NOTHING } as const
  return { ...fixed, home: to.nid, to: to.account, amount, number }
}

function settlementOf({ net }: Side, { oid, version }: Order, strong: boolean): Uint8Array {
  const [{ hood }] = net.nodes as [(typeof net.nodes)[number]]
  const found = strong ? hood.register.strongSettlementOf(oid, version) : hood.register.settlementOf(oid, version)
  assert.ok(found, `settled${strong ? ', strongly' : ''}`)
  return found as Uint8Array
}

/** The order that lets a payment arrive, as anybody could hand it in. */
function arriving(to: Side, order: Order, settlement: Uint8Array, change: Partial<OrderFields> = {}): Order {
  const lane = importLane(order.home, order.oid)
  const empty = importOrder({ home: to.nid, lane, version: 0, head: NO_HEAD }, order.od)
  const first = readOrder(provingOrderEnvelope(netId, orderBody(empty), importProof(orderBytes(order), settlement)))
  const view = to.net.nodes[0]?.hood.register.object(first.oid)
  const terms = {
    ...importOrder({ home: to.nid, lane, version: view?.certified ?? 0, head: view?.head ?? NO_HEAD }, order.od),
    ...change,
  }
  return readOrder(provingOrderEnvelope(netId, orderBody(terms), importProof(orderBytes(order), settlement)))
}

/** Nothing was made and nothing was lost, at any member of either home and over both. */
function check(sides: readonly Side[]): void {
  for (const member of [0, 1, 2, 3]) {
    const lists = sides.map(({ net }) => {
      const { register } = (net.nodes[member] as (typeof net.nodes)[number]).hood
      const objects = [...register.objects()]
      const list = supplies({ objects, inFlight: register.inFlight() }, w.genesis)
      assertConserved(list)
      return { objects, supply: list[0] }
    })
    assertFlows(
      sides.map(({ nid: home }, i) => {
        const books = lists[i]?.objects.find(({ oid }) => equal(oid, booksId(netId, home)))
        return { home, flows: books?.state?.flows ?? [] }
      }),
    )
    const sum = (of: 'held' | 'inFlight' | 'exported' | 'imported'): number =>
      lists.reduce((all, { supply }) => all + (supply?.[of] ?? 0), 0)
    assert.is(sum('held') + sum('inFlight') + sum('exported') - sum('imported'), FUNDS)
  }
}

test('a payment settled at one home arrives at the other, exactly once, and a refund goes back', () => {
  const sides = stage()
  const [a, b] = sides
  assert.equal(balances(a), all(FUNDS))
  const paid = a.purser.order(abroad(b, 600, 1))
  a.net.send(paid)
  a.net.run(300)
  assert.equal(balances(a), all(FUNDS - 600))
  check(sides)
  const settlement = settlementOf(a, paid, false)
  // anybody may hand it in, several may, and with other confirmations shown
  const once = arriving(b, paid, settlement)
  const strong = arriving(b, paid, settlementOf(a, paid, true))
  assert.equal(once.od, strong.od)
  assert.not.equal(once.attached, strong.attached)
  b.net.send(once)
  b.net.send(strong)
  b.net.run(500)
  b.net.send(strong)
  b.net.send(arriving(b, paid, settlement, { version: 2, previous: once.od }))
  b.net.run(500)
  assert.equal(balances(b), all(600))
  check(sides)
  const terms = { original: paid.envelope.body, index: 0, reference: bytesOf('back'), memo: NOTHING } as const
  const back = b.purser.order({ kind: 'refund', amount: 200, number: 1, ...terms })
  b.net.send(back)
  b.net.run(300)
  assert.equal(balances(b), all(400))
  check(sides)
  a.net.send(arriving(a, back, settlementOf(b, back, false)))
  a.net.run(500)
  assert.equal(balances(a), all(FUNDS - 400))
  b.net.send(b.purser.peek({ kind: 'refund', amount: 401, number: 2, ...terms }))
  b.net.run(500)
  assert.equal(balances(b), all(400), 'no more goes back than came')
  check(sides)
})

/** A settlement that the seats of a home sign whatever its register says. */
function forgedSettlement({ anchor }: Side, { oid, version, od }: Order): Uint8Array {
  const committee = committeeOfOpening(anchor)
  const entry = { kind: VOTE.confirm, oid, version, od }
  const votes = committee.seats.map(({ epochKey }, seat) => {
    const unsigned = composeBatch(seat, version, new Uint8Array(32), [entry])
    const signature = cheapSignature(epochKey, headerSignedBytes(committee, unsigned))
    return { batch: { ...unsigned, signature }, index: 0 }
  })
  return encodeEnvelope(certificateEnvelope(committee, entry, votes))
}

test('a home that lies gets no more than is out, however much of it is shown at once', () => {
  const [a, b] = stage()
  a.net.send(a.purser.order(abroad(b, 600, 1)))
  a.net.run(300)
  for (const name of ['one', 'two', 'three']) {
    const lie = new Purser(w, person(name), b.nid).peek(abroad(a, 500, 1))
    a.net.send(arriving(a, lie, forgedSettlement(b, lie)))
  }
  a.net.run(1_000)
  assert.equal(balances(a), all(FUNDS - 600 + 500))
})

test('above the limit a plain settlement does not do, a strong one does', () => {
  const sides = stage()
  const [a, b] = sides
  const paid = a.purser.order(abroad(b, LARGE, 1))
  a.net.send(paid)
  a.net.run(300)
  b.net.send(arriving(b, paid, settlementOf(a, paid, false)))
  b.net.run(300)
  assert.equal(balances(b), all(0))
  assert.ok(
    b.net.refused.some((line) => line.includes('bad-certificate')),
    b.net.refused.join(),
  )
  b.net.send(arriving(b, paid, settlementOf(a, paid, true)))
  b.net.run(500)
  assert.equal(balances(b), all(LARGE))
  check(sides)
})

test('a payment of a later epoch arrives once the hand-over to it is known, and not before', () => {
  const sides = stage()
  const [a, b] = sides
  for (const i of a.net.nodes.keys()) a.net.act(i, (hood) => hood.wantTurn())
  a.net.run(4_000)
  assert.is(a.net.nodes[0]?.hood.term.opening.epoch, 1)
  const paid = a.purser.order(abroad(b, 70, 1))
  a.net.send(paid)
  a.net.run(500)
  const settlement = settlementOf(a, paid, false)
  b.net.send(arriving(b, paid, settlement))
  b.net.run(500)
  assert.equal(balances(b), all(0))
  const handOver = a.net.nodes[0]?.disk.get(SPACE.handOver, batchKey(0)) as Uint8Array
  assert.is(
    codeOf(() => new KnownHomes(netId).follow(handOver)),
    'nothing was thrown',
  )
  const honest = new KnownHomes(netId)
  honest.add(a.anchor)
  assert.is(
    codeOf(() => honest.follow(handOver)),
    'bad-hand-over',
    'signatures of a test are none',
  )
  assert.equal([b.known.follow(handOver), b.known.follow(handOver), b.known.epochOf(a.nid)], [true, false, 1])
  b.net.send(arriving(b, paid, settlement))
  b.net.run(500)
  assert.equal(balances(b), all(70))
  check(sides)
})

test('an import may have much attached to it, other orders may not', () => {
  const attach = (body: Uint8Array, bytes: number): Order =>
    readOrder(provingOrderEnvelope(netId, body, new Uint8Array(bytes)))
  const rules = createLedgerRules(w.genesis)
  const said = (order: Order): string => codeOf(() => rules.ownerKey(order, { stateOf: () => null }))
  const { owner } = new Purser(w, person('owner'))
  const event = orderBody(
    keyEventOrder({ home: w.genesis.neighborhood, lane: owner.id, version: 0, head: NO_HEAD }, 1, bytesOf('event')),
  )
  assert.is(said(attach(event, LIMITS.keyEventBytesMax + 1)), 'too-long')
  assert.is(said(attach(event, LIMITS.keyEventBytesMax)), 'not-canonical')
  const arrival = orderBody(
    importOrder({ home: w.genesis.neighborhood, lane: owner.id, version: 0, head: NO_HEAD }, bytesOf('payment')),
  )
  assert.is(said(attach(arrival, LIMITS.importProofBytesMax)), 'not-canonical')
  assert.is(
    codeOf(() => attach(arrival, LIMITS.importProofBytesMax + 1)),
    'too-long',
  )
})

test('homes are of this net, bounded, and let nothing in that their seats have not signed', () => {
  const [a, b] = stage()
  const paid = a.purser.order(abroad(b, 5, 1))
  a.net.send(paid)
  a.net.run(300)
  const settlement = settlementOf(a, paid, false)
  const known = new KnownHomes(netId)
  assert.is(known.verify(settlement), null, 'nobody is known')
  known.add(a.anchor)
  assert.is(
    codeOf(() => known.verify(settlement)),
    'bad-signature',
  )
  assert.is(
    codeOf(() => known.verify(orderBytes(paid))),
    'bad-certificate',
  )
  assert.is(
    codeOf(() => known.verify(encodeEnvelope({ ...decodeEnvelope(settlement), body: Uint8Array.of(0x80) }))),
    'bad-shape',
  )
  assert.equal([known.isHome(a.nid), known.isHome(b.nid)], [true, false])
  assert.is(
    codeOf(() => known.add({ ...b.anchor, netId: bytesOf('another net') })),
    'wrong-net',
  )
  for (let i = 1; i < LIMITS.homesKnownMax; i++) known.add({ ...a.anchor, nid: bytesOf(`home ${i}`, 16) })
  assert.is(
    codeOf(() => known.add(b.anchor)),
    'limit',
  )
  known.goOn({ ...b.anchor, epoch: 1 })
  assert.is(known.isHome(b.nid), false, 'a sprout too many stays unknown')
  const [stored] = known.openings
  const values = Array.from({ length: LIMITS.homesKnownMax + 1 }, (_, i) =>
    encodeOpening({ ...(stored as Opening), epoch: 1, nid: bytesOf(`sprout ${i}`, 16) }),
  )
  const store = { get: () => null, scan: () => values.map((value) => ({ key: NOTHING, value })) }
  assert.is(openHomes(netId, [a.anchor], store).openings.length, LIMITS.homesKnownMax, 'and stops no node at its start')
  known.add(a.anchor)
  const fact = b.known.verify(settlement)
  assert.equal([fact?.home, fact?.oid, fact?.version, fact?.isStrong], [a.nid, paid.oid, 1, false])
  assert.ok(toHex(committeeOfOpening(a.anchor).cid) !== toHex(committeeOfOpening(b.anchor).cid))
})

test.run()

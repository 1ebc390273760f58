/** Seeded campaigns over whole networks: loss, disorder, crashes, double spenders and lying members, judged by oracles outside the registers. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { verifyEvidence } from '../../src/consensus/evidence.ts'
import type { Order } from '../../src/consensus/order.ts'
import type { Register } from '../../src/consensus/register.ts'
import { toHex } from '../../src/core/bytes.ts'
import { balanceOf, type ObjectState } from '../../src/ledger/account.ts'
import { assertConserved, supplies } from '../../src/ledger/conservation.ts'
import { forger } from './forger.ts'
import { cheapSigning, Network, realSigning } from './network.ts'
import { issuerWallet, mint, person, Wallet, type World, world } from './people.ts'

const FUNDS = 10_000
/** The simulator has thousands more (`npm run sim`). More seeds for a long night: `WEBX_CAMPAIGN=20 npm test`. */
const LONGER = Number(process.env['WEBX_CAMPAIGN'] ?? 1)
const four = world(4)
const owners = Array.from({ length: 6 }, (_, i) => person(`owner ${i}`))

/** Wallets that hold FUNDS each; their owners repeat their orders until they are settled everywhere, as owners do. */
function funded(net: Network): Wallet[] {
  const wallets = owners.map((owner) => new Wallet(net.world, owner))
  const issuer = issuerWallet(net.world)
  const orders = [
    ...wallets.map((wallet) => wallet.incept()),
    ...wallets.map((wallet, i) => issuer.order(mint(net.world, FUNDS * (i + 1), wallet.oid))),
  ]
  for (let round = 0; round < 20; round++) {
    const open = orders.filter(({ oid, version }) =>
      net.peers.some(({ register }) => (register.object(oid)?.settled ?? 0) < version),
    )
    if (open.length === 0) break
    for (const order of open) net.send(order)
    net.run()
    net.settleDown(1)
  }
  return wallets
}

function assertConservedAt(register: Register<ObjectState>, world: World, issued: number): void {
  const list = supplies({ objects: register.objects(), inFlight: register.inFlight() }, world.genesis)
  assertConserved(list)
  assert.is(list[0]?.issued, issued)
}

/** Every order settled at most once for each slot at each member, and all members agree. */
function assertAgreement(net: Network): void {
  const decided = new Map<string, string>()
  for (const { seat, register } of net.peers) {
    const seen = new Set<string>()
    for (const effect of net.effects[seat] ?? []) {
      if (effect.kind !== 'settled') continue
      const { oid, version, od } = effect.order
      const slot = `${toHex(oid)}/${version}`
      const before = decided.get(slot)
      assert.ok(before === undefined || before === toHex(od), `two settlements of ${slot}`)
      decided.set(slot, toHex(od))
      seen.add(slot)
    }
    for (const { oid, certified, settled } of register.objects()) assert.ok(settled <= certified, toHex(oid))
  }
}

function balances(net: Network, seat: number, wallets: readonly Wallet[]): number[] {
  return wallets.map((wallet) => balanceOf(net.register(seat).object(wallet.oid)?.state ?? null, net.world.asset))
}

/** Ten payments in a circle of owners; returns what each should hold in the end. */
function payAround(net: Network, wallets: readonly Wallet[], orders: Order[]): number[] {
  const expected = wallets.map(() => FUNDS)
  for (let i = 0; i < 10; i++) {
    const from = Math.floor(net.random() * wallets.length)
    const to = Math.floor(net.random() * wallets.length)
    const amount = 1 + Math.floor(net.random() * 500)
    const wallet = wallets[from] as Wallet
    orders.push(wallet.order(wallet.pay((wallets[to] as Wallet).oid, amount)))
    expected[from] = (expected[from] as number) - amount
    expected[to] = (expected[to] as number) + amount
  }
  return expected
}

const honest = suite('campaign: honest members on a bad network')

for (const [w, seeds, loss] of [[four, 2 * LONGER, 0.3]] as const) {
  honest(`${w.members.length} members, ${seeds} seeds: everything settles once, everywhere`, () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const net = new Network({ world: w, seed, signing: cheapSigning(w), loss, duplication: 0.1 })
      const wallets = funded(net)
      const orders: Order[] = []
      const expected = payAround(net, wallets, orders)
      for (const order of orders) net.send(order)
      net.run()
      for (const order of orders) net.send(order)
      net.settleDown(12)
      assert.equal(net.wire.faults, [], `seed ${seed}`)
      assertAgreement(net)
      for (const { seat, register } of net.peers) {
        assert.equal(balances(net, seat, wallets), expected, `seed ${seed} seat ${seat}`)
        assertConservedAt(register, w, FUNDS * wallets.length)
        assert.is(register.inFlight().length, 0)
      }
    }
  })
}
honest.run()

const crashes = suite('campaign: power cuts that lose every unsynced turn')

/** Members crash in the middle of turns while payments run; returns the faults seen on the wire. */
function crashCampaign(w: World, seed: number, publishesTooEarly: boolean): string[] {
  const net = new Network({ world: w, seed, signing: cheapSigning(w), loss: 0.05, publishesTooEarly })
  const wallets = funded(net)
  const orders: Order[] = []
  const expected = payAround(net, wallets, orders)
  const rivals = wallets
    .slice(0, 2)
    .map((wallet) => wallet.peek(wallet.pay(wallet.oid, 1, 'rival'), new Uint8Array(16)))
  for (const order of [...orders, ...rivals]) net.send(order)
  let down = 0
  for (let step = 0; step < 600 && net.pending > 0; step++) {
    if (net.random() < 0.04) {
      const delivery = net.take()
      const seat = delivery?.to ?? 0
      if (delivery && net.peer(seat).up) {
        net.crash(seat, delivery.event)
        down++
      }
    }
    if (net.random() < 0.1) for (const { seat } of net.peers) if (net.random() < 0.5) net.restart(seat)
    net.deliverOne()
    if (step % 100 === 50) for (const order of net.random() < 0.5 ? orders : rivals) net.send(order)
  }
  for (const { seat } of net.peers) net.restart(seat)
  for (const order of orders) net.send(order)
  net.settleDown(12)
  if (publishesTooEarly) return net.wire.faults
  assert.ok(down > 0)
  assertAgreement(net)
  for (const { seat, register } of net.peers) {
    assert.is(register.abstaining, false, 'a log that was synced is never missed')
    assert.equal(balances(net, seat, wallets), expected, `seed ${seed} seat ${seat}`)
    assertConservedAt(register, w, FUNDS * wallets.length)
  }
  return net.wire.faults
}

crashes('4 members: nobody votes two ways, everything settles, balances add up', () => {
  for (let seed = 1; seed <= 3 * LONGER; seed++) assert.equal(crashCampaign(four, seed, false), [], `seed ${seed}`)
})

crashes('4 members, another seed', () => {
  assert.equal(crashCampaign(four, 7, false), [])
})

crashes('a member that publishes before it syncs is caught by the same campaign', () => {
  let caught = 0
  for (let seed = 1; seed <= 10 && caught === 0; seed++) caught += crashCampaign(four, seed, true).length
  assert.ok(caught > 0)
})
crashes.run()

const doubles = suite('campaign: double orders')

doubles('an owner who signs two orders gets at most one settlement, and evidence that verifies alone', () => {
  let settled = 0
  for (let seed = 1; seed <= 6 * LONGER; seed++) {
    const net = new Network({ world: four, seed, signing: realSigning(four), loss: 0.1 })
    const wallets = funded(net)
    const [thief, one, other] = wallets as [Wallet, Wallet, Wallet]
    const first = thief.peek(thief.pay(one.oid, FUNDS, 'first'))
    const second = thief.peek(thief.pay(other.oid, FUNDS, 'second'))
    net.send(
      first,
      [0, 1, 2, 3].filter(() => net.random() < 0.6),
    )
    net.send(
      second,
      [0, 1, 2, 3].filter(() => net.random() < 0.6),
    )
    net.run()
    net.send(second)
    net.send(first)
    net.settleDown(8)
    assert.equal(net.wire.faults, [], `seed ${seed}`)
    assertAgreement(net)
    const holds = balances(net, 0, wallets).slice(0, 3)
    assert.ok(
      [`${FUNDS},${FUNDS},${FUNDS}`, `0,${2 * FUNDS},${FUNDS}`, `0,${FUNDS},${2 * FUNDS}`].includes(holds.join()),
      holds.join(),
    )
    if (holds[0] === 0) settled++
    for (const { register } of net.peers) assertConservedAt(register, four, FUNDS * wallets.length)
    assert.ok(net.evidence.length > 0, `seed ${seed}`)
    for (const bytes of net.evidence) {
      const evidence = verifyEvidence(bytes, net.committee)
      assert.is(evidence.kind, 'double-order')
      assert.equal(evidence.guilty, thief.owner.id)
    }
  }
  assert.ok(settled > 0 && settled < 6 * LONGER, 'some pairs settle one, some split the members')
})
doubles.run()

const liars = suite('campaign: a third of the members lies')

liars(
  'one of four, eight of twenty-five: votes for everything, confirms everything; still at most one settlement',
  () => {
    for (const [w, liarSeats, seeds] of [[four, [3], 2 * LONGER]] as const) {
      for (let seed = 1; seed <= seeds; seed++) {
        const net = new Network({ world: w, seed, signing: realSigning(w), loss: 0 })
        const wallets = funded(net)
        for (const seat of liarSeats) net.liars.add(seat)
        const [thief, one, other] = wallets as [Wallet, Wallet, Wallet]
        const pair = [thief.peek(thief.pay(one.oid, FUNDS, 'a')), thief.peek(thief.pay(other.oid, FUNDS, 'b'))] as const
        const seats = net.peers.map(({ seat }) => seat)
        for (const order of pair) {
          net.send(
            order,
            seats.filter(() => net.random() < 0.5),
          )
        }
        for (const seat of liarSeats) {
          const lies = forger(net, seat)
          for (const order of pair) {
            for (const bytes of lies.votesFor(order)) {
              net.publish(
                bytes,
                seats.filter((other) => other !== seat && net.random() < 0.8),
              )
            }
          }
        }
        net.run()
        net.settleDown(6)
        assert.equal(net.wire.faults, [], `seed ${seed}`)
        assertAgreement(net)
        const guilty = net.evidence.map((bytes) => verifyEvidence(bytes, net.committee))
        const accused = new Set(
          [thief.owner.id, ...liarSeats.map((seat) => (w.members[seat] as { id: Uint8Array }).id)].map(toHex),
        )
        for (const evidence of guilty) assert.ok(accused.has(toHex(evidence.guilty)), 'only liars are accused')
        assert.ok(
          guilty.some(({ kind }) => kind === 'double-vote'),
          `seed ${seed}`,
        )
        for (const { register } of net.peers) assertConservedAt(register, w, FUNDS * wallets.length)
        const honest = wallets[3] as Wallet
        net.send(honest.order(honest.pay(one.oid, 5)))
        net.settleDown(3)
        for (const { seat, register } of net.peers) {
          assert.is(register.object(honest.oid)?.settled, 1, `seed ${seed} seat ${seat}: others' payments go on`)
        }
      }
    }
  },
)
liars.run()

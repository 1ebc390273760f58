/** Seeded campaigns over epochs: payments, double orders, unlocks and checkpoints while members crash at every point of the hand-over. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { type Order, orderBytes } from '../../src/consensus/order.ts'
import { balanceOf } from '../../src/ledger/account.ts'
import { assertConserved, supplies } from '../../src/ledger/conservation.ts'
import { Lanes, type LanesOptions, type Peer } from './lanes.ts'
import { issuerWallet, mint, person, Wallet, world } from './people.ts'

const FUNDS = 1_000
const EPOCHS = 2
/** More seeds for a long night: `WEBX_CAMPAIGN=20 npm test`. */
const LONGER = Number(process.env['WEBX_CAMPAIGN'] ?? 1)
const four = world(4)
const seven = world(7)
const owners = Array.from({ length: 4 }, (_, i) => person(`owner ${i}`))

function funded(lanes: Lanes): Wallet[] {
  const wallets = owners.map((owner) => new Wallet(lanes.world, owner))
  const issuer = issuerWallet(lanes.world)
  const orders = [
    ...wallets.map((wallet) => wallet.incept()),
    ...wallets.map((wallet, i) => issuer.order(mint(lanes.world, FUNDS * (i + 1), wallet.oid))),
  ]
  for (let round = 0; round < 2; round++) {
    for (const order of orders) lanes.send(orderBytes(order))
    lanes.settleDown(1)
  }
  for (const { register } of lanes.peers)
    assert.is(register.object(issuer.order(mint(lanes.world, 1, issuer.oid)).oid)?.settled, 4)
  return wallets
}

/** Things happen, power fails, decisions are made as soon as a quorum has reported. */
function live(lanes: Lanes, steps: number, crash: number, done: () => boolean = () => false): void {
  for (let i = 0; i < steps && !done(); i++) {
    lanes.happen(crash)
    if (lanes.random() < 0.05) for (const peer of lanes.peers) if (lanes.random() < 0.5) lanes.restart(peer)
    lanes.decideByReports()
  }
}

function assertSound(lanes: Lanes, about: string): void {
  assert.equal(lanes.faults, [], about)
  for (const peer of lanes.peers) assertBooks(lanes, peer, about)
  for (const [epoch, roots] of lanes.roots) assert.is(roots.size, 1, `${about}: roots of epoch ${epoch}`)
}

function assertBooks({ world: { genesis } }: Lanes, { register }: Peer, about: string): void {
  const list = supplies({ objects: register.objects(), inFlight: register.inFlight() }, genesis)
  assertConserved(list)
  assert.is(list[0]?.issued, FUNDS * owners.length, about)
}

/** Orders until their owners give up: what is not settled in one epoch is sent again in the next, the same bytes. */
function campaign(options: LanesOptions, crash: number): { readonly lanes: Lanes; readonly voided: boolean } {
  const lanes = new Lanes(options)
  const wallets = funded(lanes)
  const [thief, ...honest] = wallets as [Wallet, ...Wallet[]]
  const about = `seed ${options.seed}`
  const orders: Order[] = []
  const expected = honest.map(() => FUNDS)
  const pair = [
    thief.peek(thief.pay((honest[0] as Wallet).oid, FUNDS, 'a')),
    thief.peek(thief.pay((honest[1] as Wallet).oid, FUNDS, 'b')),
  ]
  // where the second order comes too late, the first one is what the unlock finds
  const doubles = options.seed % 2 === 0 ? pair : pair.slice(0, 1)
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (let i = 0; i < 4; i++) {
      const from = Math.floor(lanes.random() * honest.length)
      const to = (from + 1 + Math.floor(lanes.random() * (honest.length - 1))) % honest.length
      const payer = honest[from] as Wallet
      orders.push(payer.order(payer.pay((honest[to] as Wallet).oid, 10)))
      expected[from] = (expected[from] as number) - 10
      expected[to] = (expected[to] as number) + 10
    }
    for (const order of [...orders, ...(epoch === 0 ? doubles : [])]) lanes.send(orderBytes(order))
    live(lanes, 150, crash)
    if (epoch === 0) {
      lanes.say({ kind: 'freeze', oid: thief.oid, version: 1 })
      decided(lanes, crash, 'resolve')
      live(lanes, 40, crash)
    }
    lanes.checkpoint()
    live(lanes, 40, crash)
    // some orders are under way when the epoch closes
    for (const order of orders) lanes.send(orderBytes(order))
    live(lanes, Math.floor(lanes.random() * 80), crash)
    lanes.say({ kind: 'freeze-all' })
    // and some come while it does
    const payer = honest[0] as Wallet
    orders.push(payer.order(payer.pay((honest[1] as Wallet).oid, 10)))
    expected[0] = (expected[0] as number) - 10
    expected[1] = (expected[1] as number) + 10
    lanes.send(orderBytes(orders.at(-1) as Order))
    decided(lanes, crash, 'close')
    live(lanes, 60, crash)
    lanes.say({ kind: 'enter' })
    live(lanes, 60, crash)
    assertSoundSoFar(lanes, about)
  }
  for (let round = 0; round < 4; round++) {
    for (const order of orders) lanes.send(orderBytes(order))
    lanes.settleDown(1)
  }
  assertSound(lanes, about)
  const resolved = lanes.chain.find((said) => said.kind === 'resolve')
  const voided = resolved?.kind === 'resolve' && resolved.od === null
  const credit = voided
    ? [0, 0]
    : pair.map(({ od }) => (resolved?.kind === 'resolve' && sameOd(od, resolved.od) ? FUNDS : 0))
  const wanted = honest.map((_, i) => (expected[i] as number) + (credit[i] ?? 0))
  for (const { register, seat } of lanes.peers) {
    const held = honest.map(({ oid }) => balanceOf(register.object(oid)?.state ?? null, lanes.world.asset))
    assert.equal(held, wanted, `${about} seat ${seat}`)
    assert.equal([register.lacking(), register.inFlight()], [[], []], about)
  }
  const roots = new Set(lanes.peers.map(({ register }) => register.stateRoot().toString()))
  assert.is(roots.size, 1, about)
  assert.is(lanes.roots.size, EPOCHS)
  return { lanes, voided }
}

function decided(lanes: Lanes, crash: number, kind: 'resolve' | 'close'): void {
  const isThere = (): boolean => lanes.chain.at(-1)?.kind === kind
  live(lanes, 400, crash, isThere)
  if (isThere()) return
  // the network heals: a quorum reports at last
  for (const peer of lanes.peers) {
    lanes.restart(peer)
    while (peer.obeyed < lanes.chain.length) lanes.obey(peer)
  }
  lanes.decideByReports()
  assert.ok(isThere())
}

function assertSoundSoFar(lanes: Lanes, about: string): void {
  if (lanes.faults.length > 0) return
  for (const peer of lanes.peers) if (peer.up) assertBooks(lanes, peer, about)
}

function sameOd(a: Uint8Array, b: Uint8Array | null): boolean {
  return b !== null && Buffer.from(a).equals(b)
}

const campaigns = suite('campaign: epochs')

campaigns('4 members, crashes at every point: nothing final is ever void, money is conserved, roots are equal', () => {
  let voids = 0
  for (let seed = 1; seed <= 2 * LONGER; seed++) {
    voids += campaign({ world: four, seed, loss: 0.2 }, 0.02).voided ? 1 : 0
  }
  assert.ok(voids > 0 && voids < 2 * LONGER, `${voids} voided`)
})

campaigns('one of four reports nothing of what it knows', () => {
  for (let seed = 101; seed <= 100 + LONGER; seed++) {
    campaign({ world: four, seed, loss: 0.2, liars: [seed % 4] }, 0.02)
  }
})

campaigns('7 members, two of them lie', () => {
  for (let seed = 1; seed <= LONGER; seed++) campaign({ world: seven, seed, loss: 0.1, liars: [2, 5] }, 0.02)
})

campaigns('members that report and go on voting are caught by the same campaign', () => {
  const options = { world: four, loss: 0, liars: [0], obeys: 0.02 }
  let caught = 0
  for (let seed = 1; seed <= 10 && caught === 0; seed++) {
    try {
      campaign({ ...options, seed, neverFreezes: true }, 0)
    } catch {
      caught++
    }
    if (caught > 0) campaign({ ...options, seed }, 0)
  }
  assert.ok(caught > 0)
})
campaigns.run()

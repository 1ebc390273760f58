/** Recoveries in the register lane: veto or enforcement is settled, never both, whatever is lost, repeated or cut off. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import type { Order } from '../../src/consensus/order.ts'
import { VOTE } from '../../src/consensus/statement.ts'
import { equal } from '../../src/core/bytes.ts'
import { encodeState } from '../../src/ledger/account.ts'
import { NO_HEAD, nextOrder } from '../../src/ledger/terms.ts'
import { DELAY_SECONDS, LogOwner } from '../kit/keylog.ts'
import type { Pair } from '../kit/people.ts'
import { carrying, digestOf, inceptOf, witnesses } from './keylogs.ts'
import { Member, of } from './member.ts'
import { cheapSigning, Network, type NetworkOptions } from './network.ts'
import { bytesOf, signOrder, world } from './people.ts'

const w = world(4)
const DELAY_MS = DELAY_SECONDS * 1000

interface Waiting {
  network: Network
  owner: LogOwner
  recovery: Uint8Array
  /** The order that settled it. */
  settling: Order
  recovered: Pick<LogOwner, 'keys' | 'next' | 'recovery'>
}

/** A net in which an owner's recovery is settled. */
function waiting(seed: number, options: Partial<NetworkOptions> = {}): Waiting {
  const owner = new LogOwner({ from: 90_000 })
  const network = new Network({ world: w, seed, signing: cheapSigning(w), ...options })
  until(network, () => inceptOf(w, owner))
  const { bytes: recovery, recovered } = owner.recoveryEvent()
  const settling = eventOrder(network, recovery)
  until(network, () => settling)
  owner.append(recovery)
  return { network, owner, recovery, settling, recovered }
}

/** Sends an order again and again until all have settled it. */
function until(network: Network, make: () => Order): void {
  const order = make()
  const isSettled = (): boolean =>
    network.peers.every(({ register }) => (register.object(order.oid)?.settled ?? 0) >= order.version)
  for (let i = 0; i < 30 && !isSettled(); i++) {
    network.send(order)
    network.run()
    network.settleDown(1)
  }
  assert.ok(isSettled())
}

function eventOrder(network: Network, event: Uint8Array, seat = 0): Order {
  const register = network.register(seat)
  const objects = { stateOf: (oid: Uint8Array) => register.object(oid)?.state ?? null }
  const proposal = network.rules.keyLogs.propose(event, objects, (oid) => {
    const view = register.object(oid)
    return { version: view?.settled ?? 0, head: view?.settledHead ?? NO_HEAD }
  })
  if (!proposal) throw new Error('what the event follows is not settled here')
  return carrying(w, proposal.order, event)
}

function enforcing({ network, owner, recovery }: Waiting, seats = [0, 1, 2], afterMs = DELAY_MS): Order {
  const terms = { identity: owner.link().id, recovery: digestOf(recovery) }
  const objects = { stateOf: (oid: Uint8Array) => network.register(0).object(oid)?.state ?? null }
  const fields = network.rules.recoveries.enforcing(terms, objects)
  return carrying(w, fields as never, witnesses(w, terms.recovery, afterMs, seats))
}

function acting({ network, owner }: Waiting): (Uint8Array | null | undefined)[] {
  const root = network.rules.keyLogs.rootOf(owner.link().id)
  return network.peers.map(({ register }) => register.object(root)?.state?.keys?.key)
}

function assertOneState({ network, owner }: Waiting): void {
  const root = network.rules.keyLogs.rootOf(owner.link().id)
  const [first, ...others] = network.peers.map(({ register }) => encodeState(register.object(root)?.state as never))
  for (const other of others) assert.equal(other, first)
  assert.equal(network.wire.faults, [])
  assert.is(network.evidence.length, 0, 'nobody is guilty of anything')
}

const test = suite('recoveries in the register lane')

test('a quorum of witnesses puts one in force, and its keys order', () => {
  const scene = waiting(1)
  const { network, owner, recovered } = scene
  until(network, () => enforcing(scene))
  const [young] = recovered.keys as [Pair]
  assert.equal(acting(scene), Array(4).fill(young.publicKey))
  const file = (pair: Pair, keyPosition: number): Order => {
    const standing = { home: w.genesis.neighborhood, owner: owner.link().id, keyPosition, version: 0, head: NO_HEAD }
    const operation = { kind: 'version', fileVersion: 1, digest: bytesOf('d'), gone: false } as const
    const terms = nextOrder({ ...standing, nonce: bytesOf('salt', 16) }, operation, bytesOf('i', 16), 9)
    return signOrder(w.genesis, pair, terms)
  }
  const old = file(owner.keys[0] as Pair, 0)
  network.send(old)
  network.run()
  assert.ok(network.effects.every((list) => of(list, 'refused').some(({ code }) => code === 'retired-key')))
  until(network, () => file(young, 1))
  assertOneState(scene)
})

test('members vote for the veto or for the enforcement, whichever comes first, and never for both', () => {
  for (const first of ['veto', 'enforcement'] as const) {
    const scene = waiting(2)
    const { network, owner, recovered } = scene
    const orders = { veto: eventOrder(network, owner.veto()), enforcement: enforcing(scene) }
    const other = first === 'veto' ? orders.enforcement : orders.veto
    until(network, () => orders[first])
    network.send(other)
    network.run()
    network.settleDown(2)
    const key = first === 'veto' ? owner.keys[0] : recovered.keys[0]
    assert.equal(acting(scene), Array(4).fill(key?.publicKey))
    assertOneState(scene)
  }
})

test('a race of the two leaves at most one settled; where it splits, next and recovery keys together go on', () => {
  let splits = 0
  for (let seed = 30; seed < 38; seed++) {
    const scene = waiting(seed)
    const { network, owner, recovered } = scene
    const veto = eventOrder(network, owner.veto())
    const early = seed % 2 === 0 ? [0, 1] : [0]
    network.send(veto, early)
    network.send(
      enforcing(scene),
      [0, 1, 2, 3].filter((seat) => !early.includes(seat)),
    )
    network.run()
    network.settleDown(4)
    const settled = network.peers.map(({ register }) => register.object(veto.oid)?.settled ?? 0)
    if (settled.every((version) => version === 0)) splits++
    const keys = acting(scene).map((key) =>
      equal(key as Uint8Array, recovered.keys[0]?.publicKey as Uint8Array) ? 1 : 0,
    )
    assert.is(new Set(keys).size, 1)
    const renewal = owner.renewal()
    until(network, () => eventOrder(network, renewal))
    owner.append(renewal)
    assert.equal(acting(scene), Array(4).fill(owner.keys[0]?.publicKey))
    assertOneState(scene)
  }
  assert.ok(splits > 0, 'two against two is for ever')
})

test('witnesses that are too few or too early get no vote', () => {
  const scene = waiting(3)
  const { network, owner } = scene
  for (const order of [enforcing(scene, [0, 1]), enforcing(scene, [0, 1, 2, 3], DELAY_MS - 1)]) {
    const member = new Member(w)
    member.settle(inceptOf(w, owner))
    assert.throws(() => network.register(0).keyOf(order))
    assert.is(member.register.keyOf(order), null, 'where the recovery is not settled it is not looked into')
    assert.equal(
      of(member.order(order), 'refused').map(({ code }) => code),
      ['wrong-previous'],
    )
    assert.is(member.register.sizes.parkedOrders, 0)
  }
})

test('who adopts by settlement asks nobody for the time; what comes before may come after', () => {
  const scene = waiting(4)
  const { owner, settling, recovered, network } = scene
  const order = enforcing(scene)
  const member = new Member(w, null)
  member.settle(inceptOf(w, owner))
  member.adopt(member.proof(VOTE.confirm, order))
  member.order(order)
  assert.is(member.register.object(order.oid)?.settled ?? 0, 0)
  for (const { order: again } of of(member.settle(settling), 'verify')) member.order(again)
  assert.is(member.register.object(order.oid)?.settled, 1)
  const root = network.rules.keyLogs.rootOf(owner.link().id)
  assert.equal(member.register.object(root)?.state?.keys?.key, recovered.keys[0]?.publicKey)
})

test('with loss, repetition and power cuts members come to one state', () => {
  for (const seed of [41, 42, 43, 44]) {
    const scene = waiting(seed, { loss: 0.1, duplication: 0.1 })
    const { network, owner, recovered } = scene
    const down = Math.floor(network.random() * 4)
    const order = enforcing(scene)
    network.send(order, [0, 1, 2, 3].slice(seed % 2))
    for (let i = 0; i < 3; i++) network.deliverOne()
    network.crash(down)
    network.run()
    network.settleDown(2)
    network.restart(down)
    until(network, () => order)
    Object.assign(owner, recovered)
    const rotation = owner.rotation()
    until(network, () => eventOrder(network, rotation))
    owner.append(rotation)
    network.settleDown(6)
    assert.equal(acting(scene), Array(4).fill(owner.keys[0]?.publicKey))
    network.crash(down)
    network.restart(down)
    assertOneState(scene)
  }
})

test.run()

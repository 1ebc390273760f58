/** Key logs in the register lane: a rotation goes through whatever a thief of lower keys signs, and members that were away follow it. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { verifyEvidence } from '../../src/consensus/evidence.ts'
import { type Order, orderBytes, readOrder } from '../../src/consensus/order.ts'
import { VOTE } from '../../src/consensus/statement.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, statementDigest } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { balanceOf, encodeState } from '../../src/ledger/account.ts'
import type { Pay } from '../../src/ledger/payment.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import { accountId, accountNonce, keyEventOrder, NO_HEAD, nextOrder, type OrderFields } from '../../src/ledger/terms.ts'
import { type LogOwner, pairOf } from '../kit/keylog.ts'
import type { Pair } from '../kit/people.ts'
import { carrying, inceptOf, simpleOwner } from './keylogs.ts'
import { Member, of } from './member.ts'
import { cheapSigning, Network } from './network.ts'
import { bytesOf, issuerWallet, mint, signOrder, world } from './people.ts'

const w = world(4)
const key = (number: number): Uint8Array => pairOf(number).publicKey

/** A net in which an owner is known and has money. */
function started(seed: number, owner: LogOwner, options: { loss?: number; duplication?: number } = {}): Network {
  const network = new Network({ world: w, seed, signing: cheapSigning(w), ...options })
  network.send(inceptOf(w, owner))
  network.send(issuerWallet(w).order(mint(w, 100, accountOf(owner))))
  network.run()
  network.settleDown(options.loss ? 10 : 3)
  return network
}

function accountOf(owner: LogOwner): Uint8Array {
  return accountId(w.genesis.netId, w.genesis.neighborhood, owner.link().id)
}

/** The order of an event, as a seat sees its lane. */
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

function settleEvent(network: Network, owner: LogOwner, event: Uint8Array): void {
  network.send(eventOrder(network, event))
  network.run()
  network.settleDown(2)
  owner.append(event)
}

function pay(owner: LogOwner, pair: Pair, keyPosition: number, amount: number, network: Network): Order {
  const view = network.register(0).object(accountOf(owner))
  const standing = {
    ...{ home: w.genesis.neighborhood, owner: owner.link().id, keyPosition, nonce: accountNonce() },
    ...{ version: view?.certified ?? 0, head: view?.certified ? view.head : NO_HEAD },
  }
  const operation: Pay = {
    ...{ kind: 'pay', assetId: w.asset, amount, to: bytesOf('shop'), reference: bytesOf(`pay ${amount}`) },
    ...{ refundOf: new Uint8Array(0), memo: new Uint8Array(0) },
  }
  return signOrder(w.genesis, pair, nextOrder(standing, operation, bytesOf(`idem ${amount}`, 16), 1000))
}

/** Position that acts, by seat. */
function acting(network: Network, owner: LogOwner): (number | undefined)[] {
  const root = network.rules.keyLogs.rootOf(owner.link().id)
  return network.peers.map(({ register }) => register.object(root)?.state?.keys?.position)
}

function spent(network: Network): number[] {
  return network.peers.map(({ register }) => balanceOf(register.object(bytesOf('shop'))?.state ?? null, w.asset))
}

const test = suite('key logs in the register lane')

test('a rotation settles, the new key pays and the old one does not', () => {
  const owner = simpleOwner()
  const network = started(1, owner)
  const [old] = owner.keys as [Pair]
  const early = pay(owner, old, 0, 5, network)
  settleEvent(network, owner, owner.rotation())
  assert.equal(acting(network, owner), [1, 1, 1, 1])
  network.send(early)
  network.run()
  assert.equal(spent(network), [0, 0, 0, 0], 'signed in time, but not certified in time')
  assert.ok(network.effects.every((list) => of(list, 'refused').some(({ code }) => code === 'retired-key')))
  network.send(pay(owner, owner.keys[0] as Pair, 1, 7, network))
  network.run()
  network.settleDown(1)
  assert.equal(spent(network), [7, 7, 7, 7])
  assert.equal(network.wire.faults, [])
})

test('an order that waited for money while its key was retired is refused when the money comes', () => {
  const owner = simpleOwner()
  const network = started(13, owner)
  network.send(pay(owner, owner.keys[0] as Pair, 0, 150, network))
  network.run()
  assert.ok(network.register(0).sizes.parkedOrders > 0)
  settleEvent(network, owner, owner.rotation())
  const issuer = issuerWallet(w)
  issuer.order(mint(w, 100, accountOf(owner)))
  network.send(issuer.order(mint(w, 300, accountOf(owner))))
  network.run()
  network.settleDown(1)
  assert.equal(spent(network), [0, 0, 0, 0])
  assert.ok(network.effects.every((list) => of(list, 'refused').some(({ code }) => code === 'retired-key')))
  assert.is(network.register(0).sizes.parkedOrders, 0)
})

test('an order by a key that is not settled everywhere yet waits for it', () => {
  const owner = simpleOwner()
  const network = started(2, owner)
  const rotation = owner.rotation()
  const order = eventOrder(network, rotation)
  owner.append(rotation)
  network.send(pay(owner, owner.keys[0] as Pair, 1, 9, network))
  network.run()
  assert.equal(spent(network), [0, 0, 0, 0])
  assert.ok(network.register(1).sizes.parkedOrders > 0)
  network.send(order)
  network.run()
  network.settleDown(2)
  assert.equal(spent(network), [9, 9, 9, 9])
})

test('a thief of the current key who signs two delegations for one place stops that lane, and not the rotation', () => {
  const owner = simpleOwner()
  const network = started(3, owner)
  const thief = owner.copy()
  const [one, other] = [thief.delegation(key(900)), thief.delegation(key(901))]
  network.send(eventOrder(network, one), [0, 1])
  network.send(eventOrder(network, other), [2, 3])
  network.run()
  network.settleDown(3)
  const root = network.rules.keyLogs.rootOf(owner.link().id)
  assert.is(network.register(0).object(root)?.state?.events.length, 0, 'nothing settles in that lane any more')
  assert.ok(
    network.effects.some((list) => of(list, 'duplicity').length > 0),
    'and everybody knows why',
  )
  assert.is(network.evidence.length, 0, 'it convicts nobody of a double order')
  settleEvent(network, owner, owner.rotation())
  assert.equal(acting(network, owner), [1, 1, 1, 1])
  settleEvent(network, owner, owner.delegation(key(902)))
  assert.is(network.register(3).object(root)?.state?.events.length, 2, 'the next generation has a lane of its own')
  assert.equal(network.wire.faults, [])
})

test('a thief who fills all slots of the owner with double orders stops neither the rotation nor the key after it', () => {
  const owner = simpleOwner()
  const network = started(4, owner)
  const [stolen] = owner.keys as [Pair]
  for (let i = 0; i <= LIMITS.openSlotsPerOwnerMax; i++) {
    const standing = { home: w.genesis.neighborhood, owner: owner.link().id, keyPosition: 0, version: 0, head: NO_HEAD }
    const double = [0, 1].map((gone) => {
      const operation = { kind: 'version', fileVersion: 1, digest: bytesOf(`file ${gone}`), gone: false } as const
      const terms = nextOrder({ ...standing, nonce: bytesOf(`salt ${i}`, 16) }, operation, bytesOf('i', 16), 9)
      return signOrder(w.genesis, stolen, terms)
    })
    network.send(double[0] as Order, [0, 1])
    network.send(double[1] as Order, [2, 3])
  }
  network.run()
  assert.ok(network.register(0).sizes.openSlots >= LIMITS.openSlotsPerOwnerMax)
  settleEvent(network, owner, owner.rotation())
  assert.equal(acting(network, owner), [1, 1, 1, 1])
  network.send(pay(owner, owner.keys[0] as Pair, 1, 6, network))
  network.run()
  network.settleDown(1)
  assert.equal(spent(network), [6, 6, 6, 6], 'what the old key began counts against the old key')
})

test('a delegation that comes after the rotation, in the old lane, is refused by everybody', () => {
  const owner = simpleOwner()
  const network = started(5, owner)
  const thief = owner.copy()
  const late = eventOrder(network, thief.delegation(key(903)))
  settleEvent(network, owner, owner.rotation())
  network.send(late)
  network.run()
  assert.ok(network.effects.every((list) => of(list, 'refused').some(({ code }) => code === 'outranked')))
  const root = network.rules.keyLogs.rootOf(owner.link().id)
  assert.is(network.register(0).object(root)?.state?.events.length, 1)
})

test('whoever hands in an event under a number that is taken hears how far the lane has come', () => {
  const owner = simpleOwner()
  const network = started(6, owner)
  const stale = eventOrder(network, owner.delegation(key(904)))
  settleEvent(network, owner, owner.delegation(key(905)))
  network.nowMs += 10_000
  let heard = false
  for (const { register } of network.peers) {
    const effects = register.step({ kind: 'order', order: stale, verified: true }, network.nowMs)
    heard ||= of(effects, 'publish').some(({ what }) => what === 'order')
    assert.equal(
      of(effects, 'refused').map(({ code }) => code),
      ['wrong-version'],
    )
  }
  assert.ok(heard)
})

test('a member that was away follows the log, whatever comes first', () => {
  for (const seed of [7, 8, 9]) {
    const owner = simpleOwner()
    const network = started(seed, owner)
    network.crash(3)
    for (let i = 0; i < 3; i++) {
      const position = Math.max(0, 2 * i - 1)
      network.send(pay(owner, owner.keys[0] as Pair, position, 1 + i, network))
      network.run()
      settleEvent(network, owner, owner.rotation())
      settleEvent(network, owner, owner.delegation(key(910 + i)))
    }
    network.restart(3)
    network.settleDown(8)
    assert.equal(acting(network, owner), [5, 5, 5, 5])
    assert.equal(spent(network), [6, 6, 6, 6], 'what retired keys paid in their time is paid')
    const root = network.rules.keyLogs.rootOf(owner.link().id)
    const [first, ...others] = network.peers.map(({ register }) => register.object(root)?.state)
    for (const state of others) assert.equal(encodeState(state as never), encodeState(first as never))
    network.crash(3)
    network.restart(3)
    assert.equal(acting(network, owner)[3], 5, 'and finds it again on its disk')
  }
})

test('a member that was away follows what a thief of next keys paid before he was cut off', () => {
  for (const seed of [12, 13, 14, 15]) cutOff(seed)
})

function cutOff(seed: number): void {
  const owner = simpleOwner({ recovery: true })
  const network = started(seed, owner)
  network.crash(3)
  const thief = owner.copy()
  settleEvent(network, thief, thief.rotation())
  settleEvent(network, thief, thief.rotation())
  network.send(pay(thief, thief.keys[0] as Pair, 2, 8, network))
  network.run()
  settleEvent(network, owner, owner.renewal())
  settleEvent(network, owner, owner.rotation())
  network.send(pay(owner, owner.keys[0] as Pair, 2, 2, network))
  network.run()
  network.restart(3)
  network.settleDown(8)
  assert.equal(acting(network, owner), [2, 2, 2, 2])
  const root = network.rules.keyLogs.rootOf(owner.link().id)
  for (const { register } of network.peers)
    assert.equal(register.object(root)?.state?.keys?.key, (owner.keys[0] as Pair).publicKey)
  assert.equal(spent(network), [10, 10, 10, 10])
  assert.equal(network.wire.faults, [])
}

test('of two keys of one position the one that was cut off counts in what a quorum has decided, and nowhere else', () => {
  const owner = simpleOwner({ recovery: true })
  const thief = owner.copy()
  const member = new Member(w)
  member.settle(inceptOf(w, owner))
  const { keyLogs } = createLedgerRules(w.genesis)
  const settleAt = (log: LogOwner, event: Uint8Array): void => {
    const objects = { stateOf: (oid: Uint8Array) => member.register.object(oid)?.state ?? null }
    const proposal = keyLogs.propose(event, objects, (oid) => {
      const view = member.register.object(oid)
      return { version: view?.settled ?? 0, head: view?.settledHead ?? NO_HEAD }
    })
    member.settle(carrying(w, proposal?.order as never, event))
    log.append(event)
  }
  settleAt(thief, thief.rotation())
  settleAt(thief, thief.rotation())
  const network = new Network({ world: w, seed: 1, signing: cheapSigning(w) })
  const paid = pay(owner, thief.keys[0] as Pair, 2, 8, network)
  settleAt(owner, owner.renewal())
  settleAt(owner, owner.rotation())
  assert.not.equal((owner.keys[0] as Pair).publicKey, (thief.keys[0] as Pair).publicKey)
  assert.equal(member.register.keyOf(paid)?.key, (owner.keys[0] as Pair).publicKey, 'so its signature does not hold')
  member.adopt(member.proof(VOTE.confirm, paid))
  assert.is(member.register.keyOf(paid)?.key, null)
  member.order(paid)
  assert.is(member.register.object(paid.oid)?.settled, 1)
})

test('an event that nobody signed takes no place, also where its order is well made', () => {
  const owner = simpleOwner()
  const network = started(10, owner)
  const rotation = owner.rotation()
  const order = eventOrder(network, rotation)
  const moved = readOrder(decodeEnvelope(orderBytes({ ...order })))
  const member = new Member(w)
  member.settle(inceptOf(w, owner))
  member.turn()
  // another predecessor, another number: the register looks before it opens or fills a slot
  const shifted = carrying(w, { ...moved, version: 3, previous: bytesOf('before') }, rotation)
  const astrayEffects = member.order(shifted)
  assert.equal(
    of(astrayEffects, 'refused').map(({ code }) => code),
    ['wrong-version'],
  )
  assert.is(of(astrayEffects, 'need').length, 0, 'it costs nobody a question')
  assert.is(member.register.sizes.parkedOrders, 0)
  assert.is(member.register.sizes.openSlots, 0)
  const unknown = { ...owner.link(), position: 2, previous: bytesOf('nowhere') }
  const event = owner.copy().rotation([], [pairOf(5)], unknown)
  const standing = { home: w.genesis.neighborhood, lane: bytesOf('lane'), version: 0, head: NO_HEAD }
  const astray = carrying(w, keyEventOrder(standing, 2, statementDigest(decodeEnvelope(event))), event)
  const refused = of(member.order(astray), 'refused')
  assert.equal(
    refused.map(({ code }) => code),
    ['wrong-previous'],
  )
  assert.is(member.register.sizes.parkedOrders, 0, 'what follows the unknown fills no table')
})

test('with loss, repetition and power cuts members come to one log, and the owner to his newest key', () => {
  for (const seed of [21, 22, 23, 24]) {
    const owner = simpleOwner({ recovery: true })
    const network = started(seed, owner, { loss: 0.1, duplication: 0.1 })
    const thief = owner.copy()
    for (let round = 0; round < 4; round++) {
      const down = Math.floor(network.random() * 4)
      const theirs = thief.delegation(key(940 + round))
      network.send(eventOrder(network, theirs), [0, 1, 2, 3].slice(round % 3))
      const event = round === 2 ? owner.renewal() : owner.rotation()
      for (let tries = 0; tries < 20 && (acting(network, owner)[(down + 1) % 4] ?? 0) < round + 1; tries++) {
        if (tries === 1) network.crash(down)
        if (tries === 3) network.restart(down)
        const seat = network.peers.findIndex(({ up }) => up)
        network.send(eventOrder(network, event, seat))
        network.run()
        network.settleDown(1)
      }
      network.restart(down)
      network.settleDown(4)
      owner.append(event)
    }
    network.settleDown(10)
    const root = network.rules.keyLogs.rootOf(owner.link().id)
    assert.equal(acting(network, owner), [4, 4, 4, 4], `seed ${seed}`)
    const states = network.peers.map(({ register }) => register.object(root)?.state)
    for (const state of states) assert.equal(encodeState(state as never), encodeState(states[0] as never))
    assert.equal(states[0]?.keys?.key, (owner.keys[0] as Pair).publicKey)
    assert.equal(network.wire.faults, [])
  }
})

test('whoever changes the predecessor in the order of an event takes no place in its slot', () => {
  const owner = simpleOwner()
  const member = new Member(w)
  member.settle(inceptOf(w, owner))
  const { keyLogs } = createLedgerRules(w.genesis)
  const next = (event: Uint8Array) => {
    const objects = { stateOf: (oid: Uint8Array) => member.register.object(oid)?.state ?? null }
    const proposal = keyLogs.propose(event, objects, (oid) => {
      const view = member.register.object(oid)
      return { version: view?.settled ?? 0, head: view?.settledHead ?? NO_HEAD }
    })
    return proposal?.order as OrderFields
  }
  const first = owner.rotation()
  member.settle(carrying(w, next(first), first))
  owner.append(first)
  const second = owner.rotation()
  const fields = next(second)
  member.order(carrying(w, fields, second))
  const effects = member.order(carrying(w, { ...fields, previous: bytesOf('another') }, second))
  assert.equal(
    of(effects, 'refused').map(({ code }) => code),
    ['wrong-version'],
  )
  assert.is(of(effects, 'duplicity').length, 0, 'nobody has signed twice')
})

test('an order of a stranger that says nothing is put aside like any other, and breaks no step', () => {
  const owner = simpleOwner()
  const member = new Member(w)
  const standing = { home: w.genesis.neighborhood, owner: owner.link().id, keyPosition: 0, nonce: accountNonce() }
  const operation = { kind: 'version', fileVersion: 1, digest: bytesOf('d'), gone: false } as const
  const fields = nextOrder({ ...standing, version: 0, head: NO_HEAD }, operation, bytesOf('i', 16), 9)
  const effects = member.order(signOrder(w.genesis, owner.keys[0] as Pair, { ...fields, op: Uint8Array.of(0xff) }))
  assert.equal(
    of(effects, 'parked').map(({ code }) => code),
    ['unknown-owner'],
  )
})

test('evidence of two orders by a later key shows the log up to it, and convicts alone', () => {
  const owner = simpleOwner()
  const network = started(11, owner)
  settleEvent(network, owner, owner.rotation())
  settleEvent(network, owner, owner.delegation(key(920)))
  const pair = owner.keys[0] as Pair
  network.send(pay(owner, pair, 1, 3, network), [0, 1])
  network.send(pay(owner, pair, 1, 4, network), [2, 3])
  network.run()
  network.settleDown(2)
  assert.ok(network.evidence.length > 0)
  for (const bytes of network.evidence) {
    const found = verifyEvidence(bytes, network.committee)
    assert.is(found.kind, 'double-order')
    assert.ok(equal(found.guilty, owner.link().id))
  }
  assert.is(new Set(network.evidence.map(toHex)).size, 1, 'everybody makes the same bytes')
})

test.run()

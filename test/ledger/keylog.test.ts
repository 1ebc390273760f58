/** Settled key logs: lanes, what stands of what was settled, and what no thief can do with the keys that he has. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { readInception } from '../../src/identity/keylog.ts'
import { keyEventBody } from '../../src/identity/keylog-event.ts'
import { decodeState, encodeState, type ObjectState } from '../../src/ledger/account.ts'
import { growTree } from '../../src/ledger/keylog-tree.ts'
import { encodeOperation } from '../../src/ledger/payment.ts'
import { accountNonce, keyLogOrder, NO_HEAD, nextOrder } from '../../src/ledger/terms.ts'
import { carrying, Logs, simpleOwner } from '../consensus/keylogs.ts'
import { bytesOf, keyPair, signOrder, world } from '../consensus/people.ts'
import { LogOwner, pairOf, promise, publicKeys, signedEvent } from '../kit/keylog.ts'
import { codeOf } from '../kit/refusal.ts'

const w = world(4)
const key = (number: number): Uint8Array => pairOf(number).publicKey

const lanes = suite('lanes of key events')

lanes('a rotation is settled by an order that nobody signs, and the new key acts', () => {
  const owner = simpleOwner()
  const logs = new Logs(w, owner)
  const before = owner.keys[0]?.publicKey
  assert.equal(logs.acting(owner), { position: 0, key: before })
  const rotation = owner.rotation()
  assert.is(logs.judge(rotation), 'ok')
  const order = logs.settle(rotation)
  assert.is(order.envelope.signature.length, 0)
  assert.equal(logs.rules.ownerKey(order, logs), { key: null, position: 1, contested: false })
  owner.append(rotation)
  assert.equal(logs.acting(owner), { position: 1, key: owner.keys[0]?.publicKey })
  assert.equal(logs.rules.keyLogs.proofOf(owner.link().id, logs), owner.events)
  const state = logs.stateOf(logs.rules.keyLogs.rootOf(owner.link().id)) as ObjectState
  assert.equal(decodeState(encodeState(state)), state)
})

lanes('orders name the key that shows at their position', () => {
  const owner = simpleOwner()
  const logs = new Logs(w, owner)
  const [old] = owner.keys as [LogOwner['keys'][number]]
  const standing = {
    home: w.genesis.neighborhood,
    owner: owner.link().id,
    nonce: accountNonce(),
    version: 0,
    head: NO_HEAD,
  }
  const pay = { kind: 'pay', assetId: w.asset, amount: 1, to: bytesOf('to'), reference: bytesOf('r') } as const
  const operation = { ...pay, refundOf: new Uint8Array(0), memo: new Uint8Array(0) }
  const order = (keyPosition: number, pair = old) =>
    signOrder(w.genesis, pair, nextOrder({ ...standing, keyPosition }, operation, bytesOf('i', 16), 9))
  assert.equal(logs.rules.ownerKey(order(0), logs)?.key, old.publicKey)
  assert.is(logs.rules.ownerKey(order(1), logs)?.position, 0, 'the key of position 1 is not settled here yet')
  const rotation = owner.rotation()
  logs.settle(rotation)
  owner.append(rotation)
  const [young] = owner.keys as [LogOwner['keys'][number]]
  assert.equal(logs.rules.ownerKey(order(1, young), logs)?.key, young.publicKey)
  logs.settle(owner.delegation(key(7)))
  assert.equal(logs.acting(owner), { position: 1, key: young.publicKey }, 'delegations change no acting key')
})

lanes('an identity that acts by several keys signs no orders', () => {
  const owner = simpleOwner()
  const logs = new Logs(w, owner)
  const many = [pairOf(1), pairOf(2), pairOf(3)]
  Object.assign(owner, { threshold: 3 })
  const promised = owner.rotation([], many)
  logs.settle(promised)
  owner.append(promised)
  owner.next = many
  const link = owner.link()
  const commitment = { digests: [bytesOf('next')], threshold: 1 }
  const event = {
    event: 'rotation',
    ...link,
    keys: publicKeys(many),
    next: commitment,
    kept: [],
    renewal: null,
  } as const
  const shared = signedEvent(event, many, [0, 1, 2])
  assert.is(logs.judge(shared), 'ok')
  const fewer = signedEvent(event, many, [0, 2])
  assert.is(
    codeOf(() => logs.judge(fewer)),
    'too-few-signatures',
    'all three were promised',
  )
  logs.settle(shared)
  assert.equal(logs.acting(owner), { position: 2, key: null })
})

lanes('which keyholders signed changes no order', () => {
  const owner = simpleOwner()
  const logs = new Logs(w, owner)
  const group = [pairOf(11), pairOf(12), pairOf(13)]
  // the first rotation promises two of three
  Object.assign(owner, { threshold: 2 })
  const first = owner.rotation([], group)
  logs.settle(first)
  owner.append(first)
  const next = { digests: [bytesOf('next')], threshold: 1 }
  const body = { event: 'rotation', ...owner.link(), keys: publicKeys(group), next, kept: [], renewal: null } as const
  const orders = [
    [0, 1],
    [1, 2],
    [0, 1, 2],
  ].map((signing) => logs.propose(signedEvent(body, group, signing)))
  assert.is(new Set(orders.map((each) => toHex(each?.carried.od as Uint8Array))).size, 1, 'one event is one order')
})

lanes('nothing in such an order is free', () => {
  const owner = simpleOwner()
  const logs = new Logs(w, owner)
  const rotation = owner.rotation()
  const { order, carried } = logs.propose(rotation) as NonNullable<ReturnType<Logs['propose']>>
  const judged = (change: object, event = rotation): string =>
    codeOf(() => logs.rules.ownerKey(carrying(w, { ...order, ...change }, event), logs))
  assert.equal(logs.rules.ownerKey(carried, logs), { key: null, position: 1, contested: false })
  assert.is(judged({ idem: bytesOf('free', 16) }), 'not-allowed')
  assert.is(judged({ maxEpoch: 7 }), 'not-allowed')
  assert.is(judged({ keyPosition: 0 }), 'not-allowed')
  assert.is(judged({ nonce: accountNonce() }), 'not-allowed')
  assert.is(judged({ owner: owner.link().id }), 'not-allowed')
  assert.is(judged({ op: encodeOperation({ kind: 'key-event', digest: bytesOf('other') }) }), 'tampered')
  const version = { kind: 'version', fileVersion: 1, digest: bytesOf('d'), gone: false } as const
  assert.is(judged({ op: encodeOperation(version) }), 'not-allowed')
  const { body } = decodeEnvelope(rotation)
  const forged = encodeEnvelope({ ...decodeEnvelope(rotation), signature: pairOf(99).sign(body) })
  assert.is(judged({}, forged), 'bad-signature')
  const [first] = owner.events as [Uint8Array]
  assert.is(judged({}, first), 'unsupported-key-event')
})

lanes('an inception that is shown instead of a signature opens one log, by one order', () => {
  const [owner, other] = [simpleOwner(), simpleOwner({ from: 30_000 })]
  const logs = new Logs(w)
  const [inception] = owner.events as [Uint8Array]
  const fields = keyLogOrder(w.genesis.neighborhood, owner.link().id, inception)
  const shown = carrying(w, fields, inception)
  assert.equal(logs.rules.ownerKey(shown, logs), { key: null, position: 0, contested: false })
  const [pair] = owner.keys as [LogOwner['keys'][number]]
  assert.equal(shown.od, signOrder(w.genesis, pair, fields).od, 'the same order as the signed one')
  const refused = (change: object, event = inception): string =>
    codeOf(() => logs.rules.ownerKey(carrying(w, { ...fields, ...change }, event), logs))
  assert.is(refused({ idem: bytesOf('free', 16) }), 'not-allowed')
  assert.is(refused({ maxEpoch: 7 }), 'not-allowed')
  assert.is(refused({ nonce: accountNonce() }), 'not-allowed')
  assert.is(refused({ owner: other.link().id }), 'not-allowed')
  assert.is(refused({}, other.events[0]), 'not-allowed')
})

lanes('a key event that is signed like an order is refused', () => {
  const owner = simpleOwner()
  const logs = new Logs(w, owner)
  const [pair] = owner.keys as [LogOwner['keys'][number]]
  const { order } = logs.propose(owner.rotation()) as NonNullable<ReturnType<Logs['propose']>>
  const signed = (change: object) => signOrder(w.genesis, pair, { ...order, ...change })
  assert.is(
    codeOf(() => logs.rules.ownerKey(signed({}), logs)),
    'not-allowed',
  )
  const account = signed({ owner: owner.link().id, nonce: accountNonce(), keyPosition: 0 })
  const verdict = logs.rules.check(account, logs)
  assert.is(verdict.ok ? 'ok' : verdict.code, 'not-allowed')
})

lanes('an account order finds no way into a lane', () => {
  const owner = simpleOwner()
  const logs = new Logs(w, owner)
  const [pair] = owner.keys as [LogOwner['keys'][number]]
  const { order } = logs.propose(owner.rotation()) as NonNullable<ReturnType<Logs['propose']>>
  const op = encodeOperation({ kind: 'version', fileVersion: 1, digest: bytesOf('d'), gone: false })
  const intruder = signOrder(w.genesis, pair, { ...order, nonce: accountNonce(), op })
  assert.is(logs.rules.ownerKey(intruder, logs), null, 'nobody has the lane for an identity')
})

lanes('what follows the unknown is not settled', () => {
  const owner = simpleOwner({ from: 9_000 })
  const logs = new Logs(w, owner)
  const link = { ...owner.link(), previous: bytesOf('nothing') }
  assert.is(logs.judge(owner.copy().rotation([], undefined, link)), 'unknown')
  const stranger = simpleOwner({ from: 12_000 })
  assert.is(logs.judge(stranger.rotation()), 'unknown')
})
lanes.run()

const thieves = suite('thieves of settled key logs')

thieves('of the current key: what he delegates does not stand in the way of a rotation', () => {
  const owner = simpleOwner()
  const logs = new Logs(w, owner)
  const thief = owner.copy()
  for (let i = 0; i < 3; i++) {
    const delegation = thief.delegation(key(800 + i))
    assert.is(logs.judge(delegation), 'ok')
    logs.settle(delegation)
    thief.append(delegation)
  }
  const rotation = owner.rotation()
  assert.is(logs.judge(rotation), 'ok', 'from where the owner had come')
  logs.settle(rotation)
  owner.append(rotation)
  assert.equal(logs.standing(owner), owner.events)
  assert.is(logs.rules.keyLogs.treeOf(owner.link().id, logs)?.standing.at(-1)?.state.delegations.size, 0)
  assert.is(logs.judge(thief.delegation(key(900))), 'outranked', 'in the old lane')
  assert.is(
    codeOf(() => logs.judge(signedEvent(delegationBehind(owner), thief.keys))),
    'retired-key',
  )
})

thieves('of a key that rotated once: another rotation of that generation is outranked', () => {
  const owner = simpleOwner()
  const logs = new Logs(w, owner)
  const thief = owner.copy()
  for (let i = 0; i < 2; i++) {
    const rotation = owner.rotation()
    logs.settle(rotation)
    owner.append(rotation)
  }
  assert.is(logs.judge(thief.rotation([], [pairOf(321)])), 'outranked')
})

thieves('who fills the log of his generation leaves room for the next one', () => {
  const owner = simpleOwner()
  const logs = new Logs(w, owner)
  const thief = owner.copy()
  for (let i = 0; i < LIMITS.settledEventsPerGenerationMax; i++) {
    const event = i % 2 === 0 ? thief.delegation(key(2_000 + i)) : thief.revocation(key(1_999 + i))
    logs.settle(event)
    thief.append(event)
  }
  assert.is(logs.judge(thief.delegation(key(3_000))), 'limit')
  const rotation = owner.rotation()
  assert.is(logs.judge(rotation), 'ok')
  logs.settle(rotation)
  owner.append(rotation)
  assert.is(logs.judge(owner.delegation(key(3_001))), 'ok')
})

thieves('an event is settled once', () => {
  const owner = simpleOwner()
  const logs = new Logs(w, owner)
  const delegation = owner.delegation(key(7))
  logs.settle(delegation)
  assert.is(logs.judge(delegation), 'replayed')
})
thieves.run()

const sets = suite('what stands of a set')

/** Events that outrank one another in every way that there is; the last one of each line cuts off what stands beside it. */
function contested(): { owner: LogOwner; events: Uint8Array[]; standing: Uint8Array[] } {
  const owner = new LogOwner({ from: 20_000, recovery: true })
  const standing = [...owner.events]
  const events: Uint8Array[] = []
  const stand = (event: Uint8Array): void => {
    events.push(event)
    standing.push(event)
    owner.append(event)
  }
  const aside = (make: (thief: LogOwner) => Uint8Array, from = owner.copy()): LogOwner => {
    const event = make(from)
    events.push(event)
    return from.append(event)
  }
  stand(owner.delegation(key(100)))
  const thief = aside((each) => each.delegation(key(101)))
  aside((each) => each.delegation(key(102)), thief)
  stand(owner.rotation())
  const second = aside((each) => each.delegation(key(103)))
  aside((each) => each.rotation(), second)
  stand(owner.renewal())
  aside((each) => each.delegation(key(104)))
  stand(owner.rotation())
  stand(owner.delegation(key(105)))
  return { owner, events, standing }
}

sets('members that settle lanes in different orders come to one state', () => {
  const { owner, events, standing } = contested()
  const direct = new Logs(w, owner)
  for (const event of events) direct.settle(event)
  assert.equal(direct.standing(owner), standing)
  const root = direct.rules.keyLogs.rootOf(owner.link().id)
  const expected = encodeState(direct.stateOf(root) as ObjectState)
  fc.assert(
    fc.property(fc.array(fc.nat(1_000), { minLength: events.length, maxLength: events.length }), (dice) => {
      const logs = new Logs(w, owner)
      const left = [...events]
      // any event whose parent is settled, but within a lane the order that the register keeps
      for (const die of dice) {
        const ready = left.filter((event) => isReady(logs, direct, event))
        const event = ready[die % ready.length] as Uint8Array
        logs.settle(event)
        left.splice(left.indexOf(event), 1)
      }
      assert.is(left.length, 0)
      assert.equal(logs.standing(owner), standing)
      assert.equal(encodeState(logs.stateOf(root) as ObjectState), expected)
    }),
    { numRuns: 60 },
  )
})

sets('a set is replayed to the same tree, in whatever order it is listed', () => {
  const { owner, events, standing } = contested()
  const logs = new Logs(w, owner)
  for (const event of events) logs.settle(event)
  const state = logs.stateOf(logs.rules.keyLogs.rootOf(owner.link().id)) as ObjectState
  const [inception] = owner.events as [Uint8Array]
  const bytesIn = (tree: ReturnType<typeof growTree>) => tree.standing.map(({ bytes }) => bytes)
  assert.equal(bytesIn(growTree(inception, state)), standing)
  assert.equal(bytesIn(growTree(inception, decodeState(encodeState(state)))), standing)
  const garbage = { version: 1, bytes: Uint8Array.of(1, 2, 3) }
  assert.equal(bytesIn(growTree(inception, { ...state, events: [...state.events, garbage] })), standing)
})

sets('whom the genesis names rotates without having opened a key log, and may open it later', () => {
  const [member] = w.members as [(typeof w.members)[number]]
  const logs = new Logs(w)
  const [young, later] = [keyPair('member 0 next'), keyPair('member 0 later')]
  const { digest, id } = readInception(member.inception)
  const place = { event: 'rotation', id, position: 1, previous: digest, keys: [young.publicKey] } as const
  const rotation = signedEvent({ ...place, next: promise([later]), kept: [], renewal: null }, [young])
  assert.is(logs.judge(rotation), 'ok')
  logs.settle(rotation)
  assert.equal(logs.rules.keyLogs.keysOf(id, logs)?.key, young.publicKey)
  logs.apply(signOrder(w.genesis, member, keyLogOrder(w.genesis.neighborhood, id, member.inception)))
  assert.equal(logs.rules.keyLogs.keysOf(id, logs)?.key, young.publicKey, 'opening the log late forgets nothing')
  assert.equal(logs.rules.keyLogs.proofOf(id, logs), [member.inception, rotation])
})

function isReady(logs: Logs, direct: Logs, event: Uint8Array): boolean {
  const proposal = logs.propose(event)
  if (!proposal || proposal.refusal?.code === 'replayed') return false
  return proposal.order.version === versionOf(direct, event)
}

function versionOf(logs: Logs, event: Uint8Array): number | undefined {
  for (const { events } of logs.states.values())
    for (const settled of events) if (toHex(settled.bytes) === toHex(event)) return settled.version
  return undefined
}

function delegationBehind(owner: LogOwner) {
  const delegation = { delegate: new Uint8Array(32), key: key(901), scopes: ['pay'], amountPerDayMax: null }
  const event = {
    event: 'delegation',
    ...owner.link(),
    delegation: { ...delegation, usesMax: null, expiresMs: 9e12 },
  } as const
  assert.ok(keyEventBody(event).length > 0)
  return event
}

sets.run()

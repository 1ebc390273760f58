/** Recoveries among members: they wait, are vetoed or put in force once for ever, and who has lower keys cannot stop them. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import type { Order } from '../../src/consensus/order.ts'
import { toHex } from '../../src/core/bytes.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { decodeState, encodeState, type ObjectState } from '../../src/ledger/account.ts'
import { type KeyNode, nodeBehind, readSettling } from '../../src/ledger/keylog-node.ts'
import { refusalOf } from '../../src/ledger/keylog-rules.ts'
import type { KeyTree } from '../../src/ledger/keylog-tree.ts'
import { encodeWitnesses } from '../../src/ledger/keylog-witness.ts'
import { decodeOperation, encodeOperation } from '../../src/ledger/payment.ts'
import { accountNonce } from '../../src/ledger/terms.ts'
import { carrying, digestOf, Logs, SEEN_MS, witnesses, witnessOf } from '../consensus/keylogs.ts'
import { bytesOf, signOrder, world } from '../consensus/people.ts'
import { DELAY_SECONDS, LogOwner, pairOf } from '../kit/keylog.ts'
import { codeOf } from '../kit/refusal.ts'

const w = world(4)
const DELAY_MS = DELAY_SECONDS * 1000
const key = (number: number): Uint8Array => pairOf(number).publicKey

interface Scene {
  owner: LogOwner
  logs: Logs
  recovery: Uint8Array
  recovered: Pick<LogOwner, 'keys' | 'next' | 'recovery'>
}

/** An owner whose recovery is settled and waits. */
function waiting(from = 40_000): Scene {
  const owner = new LogOwner({ from })
  const logs = new Logs(w, owner)
  const { bytes: recovery, recovered } = owner.recoveryEvent()
  assert.is(logs.judge(recovery), 'ok')
  logs.settle(recovery)
  owner.append(recovery)
  return { owner, logs, recovery, recovered }
}

const rules = suite('recoveries among members')

rules('one that is settled waits: the keys before it act, and nothing but a veto or a renewal is taken', () => {
  const { owner, logs } = waiting()
  const id = owner.link().id
  assert.equal(logs.acting(owner), { position: 0, key: owner.keys[0]?.publicKey })
  const [open, ...others] = logs.rules.recoveries.openOf(id, logs)
  assert.equal([open?.delayMs, open?.isFinal, others.length], [DELAY_MS, false, 0])
  assert.is(
    codeOf(() => logs.judge(owner.delegation(key(1)))),
    'recovery-pending',
  )
  assert.is(
    codeOf(() => logs.judge(owner.copy().rotation())),
    'recovery-pending',
  )
  assert.is(logs.judge(owner.veto()), 'ok')
  assert.is(logs.judge(owner.copy().renewal()), 'ok')
})

rules('a quorum of witnesses puts it in force: its keys act from its position on, older ones do not', () => {
  const { owner, logs, recovery, recovered } = waiting()
  const id = owner.link().id
  const order = logs.enforcing(owner, recovery)
  assert.equal(logs.rules.ownerKey(order, logs), { key: null, position: 1, contested: false })
  assert.is(logs.judgeEnforcing(order), 'ok')
  const veto = owner.veto()
  const thief = owner.copy()
  logs.apply(order)
  assert.equal(logs.acting(owner), { position: 1, key: recovered.keys[0]?.publicKey })
  assert.equal(logs.rules.recoveries.openOf(id, logs), [])
  assert.is(logs.judgeEnforcing(order), 'replayed')
  assert.is(
    codeOf(() => logs.judge(veto)),
    'nothing-to-veto',
  )
  assert.is(
    codeOf(() => logs.judge(thief.delegation(key(2)))),
    'retired-key',
  )
  assert.is(
    codeOf(() => logs.judge(thief.rotation())),
    'key-not-committed',
  )
  assert.is(logs.rules.keyLogs.proofOf(id, logs), null, 'to strangers that proves nothing')
  const state = logs.stateOf(logs.rules.keyLogs.rootOf(id)) as ObjectState
  assert.equal(decodeState(encodeState(state)), state)
})

rules('later events of current keys go on in its lane from version 2, rotations begin a new one', () => {
  const { owner, logs, recovery, recovered } = waiting()
  logs.enforce(owner, recovery)
  Object.assign(owner, recovered)
  const delegation = owner.delegation(key(3))
  assert.is(logs.judge(delegation), 'ok')
  const order = logs.settle(delegation)
  assert.is(order.version, 2)
  assert.is(logs.judge(delegation), 'replayed')
  owner.append(delegation)
  const rotation = owner.rotation()
  assert.is(logs.settle(rotation).version, 1)
  owner.append(rotation)
  assert.equal(logs.acting(owner), { position: 3, key: owner.keys[0]?.publicKey })
  assert.equal(logs.standing(owner), owner.events)
})

rules('whatever is wrong with its order or its witnesses is refused by name', () => {
  const { owner, logs, recovery } = waiting()
  const digest = digestOf(recovery)
  const good = logs.enforcing(owner, recovery)
  const judged = (attached: Uint8Array): string =>
    codeOf(() => logs.rules.ownerKey(logs.enforcing(owner, recovery, attached), logs))
  const at = (seat: number, nowMs = SEEN_MS + DELAY_MS) => witnessOf(w, seat, digest, nowMs)
  const list = (...all: ReturnType<typeof at>[]): Uint8Array => encodeWitnesses(all)
  assert.is(judged(list(at(0), at(1))), 'too-few-signatures')
  assert.is(judged(list(at(0), at(1), at(2, SEEN_MS + DELAY_MS - 1))), 'not-yet-valid')
  assert.is(judged(list(at(0), at(1), at(1))), 'bad-shape')
  assert.is(judged(list(at(0), at(1), { ...at(2), seat: 3 })), 'bad-signature')
  assert.is(judged(list(at(0), at(1), { ...at(2), seat: 4 })), 'unknown-sender')
  assert.is(judged(list(at(0), at(1), { ...at(2), firstSeenMs: SEEN_MS - 1 })), 'bad-signature')
  assert.is(judged(list(at(0), at(1), witnessOf(w, 2, bytesOf('other'), SEEN_MS + DELAY_MS))), 'bad-signature')
  assert.is(judged(Uint8Array.of(1)), 'bad-shape')
  assert.is(judged(recovery), 'bad-shape')
  const changed = (change: object): string =>
    codeOf(() => logs.rules.ownerKey(carrying(w, { ...good, ...change }, good.attached), logs))
  assert.equal(logs.rules.ownerKey(good, logs)?.position, 1)
  assert.is(changed({ idem: bytesOf('free', 16) }), 'not-allowed')
  assert.is(changed({ maxEpoch: 7 }), 'not-allowed')
  assert.is(changed({ keyPosition: 0 }), 'not-allowed')
  assert.is(changed({ version: 2 }), 'not-allowed')
  assert.is(changed({ nonce: accountNonce() }), 'not-allowed')
  assert.is(changed({ owner: owner.link().id }), 'not-allowed')
  const terms = { kind: 'enforce', identity: bytesOf('another'), recovery: digest } as const
  assert.is(changed({ op: encodeOperation(terms) }), 'not-allowed')
  assert.equal(decodeOperation(encodeOperation(terms)), terms)
  const signed = signOrder(w.genesis, owner.keys[0] as LogOwner['keys'][number], good)
  assert.is(
    codeOf(() => logs.rules.ownerKey(signed, logs)),
    'not-allowed',
  )
  const account = signOrder(w.genesis, owner.keys[0] as LogOwner['keys'][number], {
    ...{ ...good, owner: owner.link().id, nonce: accountNonce() },
  })
  const verdict = logs.rules.check(account, logs)
  assert.is(verdict.ok ? 'ok' : verdict.code, 'not-allowed')
  assert.is(new Logs(w, owner.copy()).rules.ownerKey(good, new Logs(w)), null, 'of one that is not settled here')
})

rules('no third shortens the delay: early witnesses do nothing, and lies about other seats neither', () => {
  const { owner, logs, recovery } = waiting()
  const digest = digestOf(recovery)
  // one of four lies as it likes; two honest ones say how long they have waited
  const lie = witnessOf(w, 3, digest, SEEN_MS + 10 * DELAY_MS, 0)
  const honest = [0, 1].map((seat) => witnessOf(w, seat, digest, SEEN_MS + 1_000))
  const judged = (all: typeof honest): string =>
    codeOf(() => logs.rules.ownerKey(logs.enforcing(owner, recovery, encodeWitnesses(all)), logs))
  assert.is(judged([...honest, lie]), 'not-yet-valid')
  assert.is(judged([lie]), 'too-few-signatures')
})

rules('veto and enforcement are two orders for one place', () => {
  const { owner, logs, recovery } = waiting()
  const veto = logs.propose(owner.veto())?.carried as Order
  const order = logs.enforcing(owner, recovery)
  assert.equal([veto.oid, veto.version], [order.oid, order.version])
  assert.is.not(toHex(veto.od), toHex(order.od))
  const others = witnesses(w, digestOf(recovery), DELAY_MS, [1, 2, 3])
  assert.equal(logs.enforcing(owner, recovery, others).od, order.od, 'who witnessed changes no order')
})

rules('a vetoed one never comes into force; the second cannot be vetoed, and waits three times as long', () => {
  const { owner, logs, recovery } = waiting()
  const veto = owner.veto()
  const order = logs.enforcing(owner, recovery)
  logs.settle(veto)
  owner.append(veto)
  assert.is(logs.judgeEnforcing(order), 'outranked')
  assert.equal(logs.acting(owner), { position: 0, key: owner.keys[0]?.publicKey })
  const thief = owner.copy()
  const { bytes: second, recovered } = owner.recoveryEvent()
  assert.is(logs.settle(second).version, 2, 'next in the lane of recovery keys')
  owner.append(second)
  assert.is(
    codeOf(() => logs.judge(owner.veto())),
    'recovery-final',
  )
  const early = logs.enforcing(owner, second, witnesses(w, digestOf(second), 3 * DELAY_MS - 1))
  assert.is(
    codeOf(() => logs.judgeEnforcing(early)),
    'not-yet-valid',
  )
  logs.enforce(owner, second)
  assert.equal(logs.acting(owner), { position: 3, key: recovered.keys[0]?.publicKey })
  assert.is(
    codeOf(() => logs.judge(thief.rotation([], undefined, owner.link()))),
    'key-not-committed',
  )
})

rules('a thief of current and next keys who rotates beside it keeps no recovery out, before and after', () => {
  const owner = new LogOwner({ from: 50_000 })
  const logs = new Logs(w, owner)
  const thief = owner.copy()
  const { bytes: recovery, recovered } = owner.recoveryEvent()
  for (let i = 0; i < 3; i++) {
    const rotation = thief.rotation()
    logs.settle(rotation)
    thief.append(rotation)
  }
  assert.is(logs.judge(recovery), 'ok')
  logs.settle(recovery)
  assert.equal(logs.acting(owner), { position: 3, key: thief.keys[0]?.publicKey }, 'it undoes nothing while it waits')
  assert.equal(logs.standing(owner), thief.events)
  const further = thief.rotation()
  assert.is(logs.judge(further), 'ok')
  logs.settle(further)
  thief.append(further)
  assert.is(logs.judgeEnforcing(logs.enforcing(owner, recovery)), 'ok')
  logs.enforce(owner, recovery)
  assert.equal(logs.acting(owner), { position: 1, key: recovered.keys[0]?.publicKey })
  assert.equal(logs.standing(owner), [...owner.events, recovery])
  assert.is(logs.judge(thief.rotation()), 'outranked')
})

rules('a thief of recovery keys cannot bring retired keys back: what waits does not stand before a rotation', () => {
  const owner = new LogOwner({ from: 60_000 })
  const logs = new Logs(w, owner)
  const thief = owner.copy()
  const rotation = owner.rotation()
  logs.settle(rotation)
  owner.append(rotation)
  const { bytes: recovery } = thief.recoveryEvent()
  logs.settle(recovery)
  const acting = { position: 1, key: owner.keys[0]?.publicKey }
  assert.equal(logs.acting(owner), acting)
  assert.is(logs.rules.recoveries.openOf(owner.link().id, logs).length, 1, 'but everybody sees it')
  // it does not keep current keys from their work
  assert.is(logs.judge(owner.delegation(key(4))), 'ok')
  // the keys that stood where it hangs object to it
  thief.append(recovery)
  const veto = thief.veto()
  assert.is(logs.judge(veto), 'ok')
  logs.settle(veto)
  assert.equal(logs.acting(owner), acting)
  assert.equal(logs.rules.recoveries.openOf(owner.link().id, logs), [])
  assert.is(logs.judge(thief.append(veto).delegation(key(5))), 'outranked', 'nothing of theirs goes on from there')
})

rules('nor can he undo what current keys have said since', () => {
  const owner = new LogOwner({ from: 65_000 })
  const logs = new Logs(w, owner)
  const say = (event: Uint8Array): void => {
    assert.is(logs.judge(event), 'ok')
    logs.settle(event)
    owner.append(event)
  }
  say(owner.delegation(key(6)))
  const thief = owner.copy()
  say(owner.revocation(key(6)))
  const { bytes: recovery } = thief.recoveryEvent()
  logs.settle(recovery)
  assert.equal(logs.standing(owner), owner.events)
  logs.settle(thief.append(recovery).veto())
  assert.equal(logs.standing(owner), owner.events)
})

rules('one recovery waits at a time; one that was vetoed is in nobody’s way', () => {
  const { owner, logs } = waiting()
  const beside = new LogOwner({ from: 40_000 })
  beside.number += 1_000
  const { bytes: other } = beside.recoveryEvent()
  const rotation = beside.rotation()
  assert.is(logs.judge(other), 'outranked')
  assert.is(logs.judge(rotation), 'outranked')
  assert.is(
    codeOf(() => logs.judge(owner.copy().recoveryEvent().bytes)),
    'recovery-pending',
  )
  logs.settle(owner.veto())
  assert.is(logs.judge(other), 'ok')
  assert.is(logs.judge(rotation), 'ok')
})

rules('next and recovery keys together end it at once; it cannot be put in force after', () => {
  const { owner, logs, recovery } = waiting()
  const order = logs.enforcing(owner, recovery)
  const renewal = owner.renewal()
  logs.settle(renewal)
  owner.append(renewal)
  assert.equal(logs.acting(owner), { position: 2, key: owner.keys[0]?.publicKey })
  assert.is(logs.judgeEnforcing(order), 'outranked')
  assert.equal(logs.rules.recoveries.openOf(owner.link().id, logs), [])
})

rules('vetoes find room, whatever current keys have filled', () => {
  const owner = new LogOwner({ from: 75_000 })
  const logs = new Logs(w, owner)
  const root = logs.rules.keyLogs.rootOf(owner.link().id)
  const filling: { version: number; bytes: Uint8Array }[] = []
  for (let i = 0; i < LIMITS.settledEventsMax; i++) {
    const delegation = owner.delegation(key(7))
    filling.push({ version: i + 1, bytes: delegation })
    owner.append(delegation)
  }
  const before = logs.stateOf(root) as ObjectState
  const { bytes: recovery } = owner.recoveryEvent()
  const events = [...filling, { version: 1, bytes: recovery }]
  logs.states.set(toHex(root), { ...before, events })
  const tree = logs.rules.keyLogs.treeOf(owner.link().id, logs) as KeyTree
  const another = readSettling(owner.delegation(key(8)))
  const parent = tree.standing.at(-2) as KeyNode
  assert.is(
    refusalOf({ ...tree, standing: tree.standing.slice(0, -1) }, nodeBehind(parent, another, 513, false))?.code,
    'limit',
  )
  assert.is(logs.judge(owner.append(recovery).veto()), 'ok')
})

rules('recoveries find room, whatever next keys have filled', () => {
  const owner = new LogOwner({ from: 70_000 })
  const logs = new Logs(w, owner)
  const root = logs.rules.keyLogs.rootOf(owner.link().id)
  const before = logs.stateOf(root) as ObjectState
  const thief = owner.copy()
  const filling: { version: number; bytes: Uint8Array }[] = []
  for (let i = 0; i < LIMITS.settledEventsMax; i++) {
    const rotation = thief.rotation()
    filling.push({ version: i + 1, bytes: rotation })
    thief.append(rotation)
  }
  logs.states.set(toHex(root), { ...before, events: filling })
  const tree = logs.rules.keyLogs.treeOf(owner.link().id, logs) as KeyTree
  const next = readSettling(thief.rotation())
  const full = nodeBehind(tree.standing.at(-1) as KeyNode, next, LIMITS.settledEventsMax + 1, false)
  assert.is(refusalOf(tree, full)?.code, 'limit')
  const { bytes: recovery } = owner.recoveryEvent()
  assert.is(logs.judge(recovery), 'ok')
  logs.settle(recovery)
  assert.is(logs.judge(owner.append(recovery).veto()), 'ok')
})
rules.run()

/** Two histories of one identity: which is believed, what freezes, and what heals. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compare } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { mayAct } from '../../src/identity/delegation.ts'
import { applyKeyEvent, readKeyLog } from '../../src/identity/keylog.ts'
import { readKeyEvent } from '../../src/identity/keylog-event.ts'
import { type Duplicity, duplicityBytes, findDuplicity, frozenBy } from '../../src/identity/keylog-fork.ts'
import { DELAY_SECONDS, LogOwner, pairOf, signedEvent, witnessed } from '../kit/keylog.ts'
import { codeOf } from '../kit/refusal.ts'
import '../kit/wasm.ts'

const START_MS = 1_790_000_000_000
const fork = suite('duplicity')
const [a, b, c] = [pairOf(1).publicKey, pairOf(2).publicKey, pairOf(3).publicKey]

/** Two machines that hold the same keys, after a common delegation. */
function twins(): [LogOwner, LogOwner] {
  const owner = new LogOwner()
  owner.append(owner.delegation(a))
  return [owner, owner.copy()]
}

function found(one: LogOwner, other: LogOwner): Duplicity {
  const duplicity = findDuplicity(one.events, other.events)
  assert.ok(duplicity)
  return duplicity as Duplicity
}

fork('logs of which one continues the other are no fork, nor are other signatures of the same events', () => {
  const [one, other] = twins()
  one.append(one.rotation())
  assert.is(findDuplicity(one.events, other.events), null)
  assert.is(findDuplicity(other.events, one.events), null)
  assert.is(findDuplicity(one.events, one.events), null)
  const many = new LogOwner({ from: 8000, keys: 3, threshold: 2 })
  const [first] = many.events as [Uint8Array]
  const again = signedEvent(readKeyEvent(decodeEnvelope(first)), many.keys, [0, 2])
  assert.not.equal(again, first)
  assert.is(findDuplicity([first], [again]), null)
  const some = new LogOwner({ from: 7000 })
  assert.is(
    codeOf(() => findDuplicity(one.events, some.events)),
    'wrong-identity',
  )
})

fork('two delegations at one position: neither is believed, both orders give the same evidence', () => {
  const [one, other] = twins()
  one.append(one.delegation(b))
  other.append(other.delegation(c))
  const duplicity = found(one, other)
  assert.is(duplicity.standing, null)
  assert.is(duplicity.position, 2)
  assert.is(duplicity.rank, 0)
  const evidence = duplicityBytes(duplicity)
  assert.equal(duplicityBytes(found(other, one)), evidence)
  const [version, first, second] = decode(evidence) as [number, Uint8Array[], Uint8Array[]]
  assert.is(version, 1)
  assert.ok(compare(encode(first), encode(second)) < 0)
  for (const { events } of [one, other]) {
    const state = frozenBy(events, evidence)
    assert.equal(state.frozen, { position: 2, rank: 0 })
    assert.is(
      codeOf(() => mayAct(state, a, 'pay', 0)),
      'frozen',
    )
  }
  assert.equal(frozenBy(one.events.slice(0, 2), evidence).frozen, { position: 2, rank: 0 })
})

fork('a frozen identity takes nothing from the keys that forked it, and is healed by those that outrank them', () => {
  const [one, other] = twins()
  one.append(one.delegation(b))
  other.append(other.delegation(c))
  const evidence = duplicityBytes(found(one, other))
  const state = frozenBy(one.events, evidence)
  assert.is(
    codeOf(() => applyKeyEvent(state, one.delegation(c))),
    'frozen',
  )
  assert.is(
    codeOf(() => applyKeyEvent(state, one.revocation(a))),
    'frozen',
  )
  const recovery = applyKeyEvent(state, one.copy().recoveryEvent().bytes, { nowMs: 0, witnessedMs: START_MS })
  assert.is(recovery.frozen, state.frozen)
  const healed = applyKeyEvent(state, one.rotation())
  assert.is(healed.frozen, null)
})

fork('a thief of the current key who forks at an old position is outranked by the rotation', () => {
  const [owner, thief] = twins()
  owner.append(owner.delegation(b)).append(owner.rotation())
  thief.append(thief.delegation(c)).append(thief.delegation(b))
  const duplicity = found(owner, thief)
  assert.is(duplicity.standing, 'one')
  assert.is(found(thief, owner).standing, 'other')
  const evidence = duplicityBytes(duplicity)
  assert.is(
    codeOf(() => frozenBy(owner.events, evidence)),
    'outranked',
  )
  assert.is(
    codeOf(() => frozenBy(thief.events, evidence)),
    'forked-log',
  )
  assert.is(
    codeOf(() => frozenBy(owner.events.slice(0, 2), evidence)),
    'outranked',
  )
  // evidence that hides the rotation
  const partial = evidenceOf(owner.events.slice(2, 3), thief.events.slice(2, 3))
  assert.is(
    codeOf(() => frozenBy(owner.events, partial)),
    'outranked',
  )
})

fork('two rotations of the same keys freeze until a recovery is in force', () => {
  const [one, other] = twins()
  one.append(one.delegation(b)).append(one.rotation())
  other.append(other.rotation()).append(other.delegation(c))
  const duplicity = found(one, other)
  assert.is(duplicity.standing, null)
  assert.is(duplicity.rank, 1)
  assert.is(duplicity.position, 2)
  assert.equal(duplicity.branches.map(({ length }) => length).sort(), [1, 2])
  const state = frozenBy(one.events, duplicityBytes(duplicity))
  assert.is(
    codeOf(() => applyKeyEvent(state, one.copy().rotation())),
    'frozen',
  )
  assert.is(applyKeyEvent(state, one.copy().renewal()).frozen, null)
  const { bytes, recovered } = one.recoveryEvent()
  const pending = applyKeyEvent(state, bytes, { nowMs: START_MS, witnessedMs: START_MS })
  assert.ok(pending.frozen)
  one.append(bytes)
  assert.is(
    codeOf(() => applyKeyEvent(pending, one.veto())),
    'frozen',
  )
  Object.assign(one, recovered)
  const after = { nowMs: START_MS + DELAY_SECONDS * 1000, witnessedMs: null }
  assert.is(applyKeyEvent(pending, one.rotation(), after).frozen, null)
})

fork('giving itself recovery keys does not heal an identity that had none', () => {
  const one = new LogOwner({ recovery: false })
  const other = one.copy()
  one.append(one.rotation())
  other.append(other.rotation())
  const state = frozenBy(one.events, duplicityBytes(found(one, other)))
  assert.is(
    codeOf(() => applyKeyEvent(state, one.renewal())),
    'frozen',
  )
})

fork('what witnesses saw stands against what they did not see', () => {
  const [owner, thief] = twins()
  owner.append(owner.rotation())
  const witnessedMs = witnessed(owner.events, START_MS)
  // the thief of the keys of a generation writes that generation's rotation anew
  thief.append(thief.rotation()).append(thief.rotation())
  assert.is(findDuplicity(owner.events, thief.events)?.standing, null)
  assert.is(findDuplicity(owner.events, thief.events, { witnessedMs })?.standing, 'one')
  const evidence = duplicityBytes(found(owner, thief))
  assert.is(
    codeOf(() => frozenBy(owner.events, evidence, { witnessedMs })),
    'outranked',
  )
  assert.is(
    codeOf(() => frozenBy(thief.events, evidence, { witnessedMs })),
    'forked-log',
  )
})

fork('evidence that is none is refused', () => {
  const [one, other] = twins()
  one.append(one.delegation(b))
  other.append(other.delegation(c))
  const { branches } = found(one, other)
  const [first, second] = branches as unknown as [Uint8Array[], Uint8Array[]]
  const refused = (evidence: Cbor, code: string, log = one.events): void => {
    assert.is(
      codeOf(() => frozenBy(log, encode(evidence))),
      code,
    )
  }
  refused([2, first, second], 'bad-version')
  refused([1, second, first], 'bad-shape')
  refused([1, first, first], 'bad-shape')
  refused([1, [], second], 'bad-shape')
  refused([1, first, second, []], 'bad-shape')
  refused([1, first, second], 'wrong-position', one.events.slice(0, 1))
  const inceptions = evidenceOf(one.events.slice(0, 1), new LogOwner({ from: 9000 }).events)
  refused(decode(inceptions), 'wrong-position')
  refused([1, first, second], 'wrong-identity', [...new LogOwner({ from: 9000 }).events, ...one.events.slice(1)])
  const forged = Object.assign(other.copy(), { events: other.events.slice(0, 2), keys: [pairOf(77)] })
  refused(decode(evidenceOf(one.events.slice(2), [forged.delegation(c)])), 'bad-signature')
  assert.is(readKeyLog(one.events).frozen, null)
})

/** Evidence of two branches, whatever they are worth. */
function evidenceOf(...branches: [Uint8Array[], Uint8Array[]]): Uint8Array {
  return encode([1, ...branches.sort((x, y) => compare(encode(x), encode(y)))])
}

fork.run()

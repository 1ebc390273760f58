/** Logs as they should be: what each event changes, who may act, and how old a view is. */

import { blake3 } from '@noble/hashes/blake3.js'
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal, toHex } from '../../src/core/bytes.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { keyDigest, mayAct } from '../../src/identity/delegation.ts'
import { applyKeyEvent, readInception, readKeyLog } from '../../src/identity/keylog.ts'
import { type KeyEvent, keyEventBody } from '../../src/identity/keylog-event.ts'
import { laterKeyDigest } from '../../src/identity/keylog-promises.ts'
import { nextLink, stateAt } from '../../src/identity/keylog-state.ts'
import { DELAY_SECONDS, HOUR_MS, LogOwner, pairOf, promise, publicKeys, signedEvent, witnessed } from '../kit/keylog.ts'
import { codeOf } from '../kit/refusal.ts'
import '../kit/wasm.ts'

const emptyDelegation = {
  ...{ delegate: new Uint8Array(32), scopes: ['pay'], amountPerDayMax: null, usesMax: null, expiresMs: 1 },
}
const START_MS = 1_790_000_000_000
const DELAY_MS = DELAY_SECONDS * 1000
const log = suite('key log')

log('a rotation shows the promised key, and the identity stays', () => {
  const owner = new LogOwner()
  const before = owner.state()
  owner.append(owner.rotation())
  const after = owner.state()
  assert.equal(after.id, before.id)
  assert.is(after.position, 1)
  assert.equal(after.keys, publicKeys(owner.keys))
  assert.equal(after.nextKeyDigests, promise(owner.next).digests)
  assert.equal(after.retiredKeys, before.keys)
  assert.equal(keyDigest(after.keys[0] as Uint8Array), before.nextKeyDigests[0])
})

log('event by event gives the state of the whole log', () => {
  const owner = new LogOwner()
  owner.append(owner.delegation(pairOf(1).publicKey)).append(owner.rotation([pairOf(1).publicKey]))
  owner.append(owner.revocation(pairOf(1).publicKey))
  const [first, ...rest] = owner.events as [Uint8Array, ...Uint8Array[]]
  const stepwise = rest.reduce((state, bytes) => applyKeyEvent(state, bytes), readKeyLog([first]))
  assert.equal(stepwise, owner.state())
  assert.equal(nextLink(stepwise), owner.link())
})

log('an identity of one key with recovery can take part as any other', () => {
  const owner = new LogOwner({ kind: 'agent' })
  const state = readInception(owner.events[0] as Uint8Array)
  assert.equal(state.keys, publicKeys(owner.keys))
  assert.is(state.recovery?.delaySeconds, DELAY_SECONDS)
})

log('an organization signs with m of n, and goes on when n − m next keys are lost', () => {
  const owner = new LogOwner({ kind: 'organization', keys: 5, threshold: 3 })
  const next = owner.fresh()
  const shown = [owner.next[0], owner.next[2], owner.next[4]] as typeof next
  const event: KeyEvent = {
    ...{ event: 'rotation', ...owner.link(), keys: publicKeys(shown), next: promise(next, 2), kept: [], renewal: null },
  }
  owner.append(signedEvent(event, shown))
  const state = owner.state()
  assert.equal(state.keys, publicKeys(shown))
  assert.is(state.threshold, 3)
  assert.is(state.nextThreshold, 2)
  const code = codeOf(() => readInception(owner.events[0] as Uint8Array))
  assert.is(code, 'unsupported-key-event')
})

log('which of the keyholders signed does not make another event', () => {
  const owner = new LogOwner({ keys: 3, threshold: 2 })
  const event: KeyEvent = { event: 'revocation', ...owner.link(), key: pairOf(1).publicKey, reason: 'lost' }
  owner.append(owner.delegation(pairOf(1).publicKey))
  const later = { ...event, ...owner.link() }
  const [some, others] = [signedEvent(later, owner.keys, [0, 1]), signedEvent(later, owner.keys, [1, 2])]
  assert.equal(applyKeyEvent(owner.state(), some).digest, applyKeyEvent(owner.state(), others).digest)
})

log('what an inception does not say is not written, what it says is read', () => {
  const keys = publicKeys([pairOf(5)])
  const plain = { event: 'inception', position: 0, kind: 'device', keys, threshold: 1 } as const
  const rest = { next: promise([pairOf(6)]), salt: new Uint8Array(16), recovery: null }
  const device: KeyEvent = {
    ...{ ...plain, ...rest, delegator: new Uint8Array(32).fill(3), laterKeyDigest: new Uint8Array(32).fill(4) },
  }
  const state = readInception(signedEvent(device, [pairOf(5)]))
  assert.equal(state.delegator, device.delegator)
  assert.equal(state.laterKeyDigest, device.laterKeyDigest)
  assert.is(state.recovery, null)
  const short = keyEventBody({ ...device, delegator: null, laterKeyDigest: null })
  assert.is(short.length, keyEventBody(device).length - 1 - 1 - 2 * 34)
})

log('a commitment to an ML-DSA-65 key is one of its own kind', () => {
  const { publicKey } = ml_dsa65.keygen(new Uint8Array(32).fill(1))
  const digest = laterKeyDigest(publicKey)
  assert.equal(digest, blake3(publicKey, { context: new TextEncoder().encode('webx v1 later key') }))
  assert.is(
    codeOf(() => laterKeyDigest(publicKey.subarray(1))),
    'bad-argument',
  )
})

log(
  'a log that a thief of current keys has filled takes rotations and recoveries, and is open again after them',
  () => {
    const owner = new LogOwner()
    const full = { ...owner.state(), position: LIMITS.keyEventsPerRotationMax }
    const link = nextLink(full)
    const delegation = { ...emptyDelegation, key: pairOf(1).publicKey }
    const event: KeyEvent = { event: 'delegation', ...link, delegation }
    const refused = signedEvent(event, owner.keys)
    assert.is(
      codeOf(() => applyKeyEvent(full, refused)),
      'limit',
    )
    assert.is(applyKeyEvent({ ...full, position: full.position - 1 }, atOnce(event, owner)).position, full.position)
    const rotated = applyKeyEvent(full, owner.copy().rotation([], undefined, link))
    assert.is(rotated.position, full.position + 1)
    assert.is(Math.max(...rotated.spoken), rotated.position)
    const { bytes, recovered } = owner.recoveryEvent(link)
    const waiting = applyKeyEvent(full, bytes, { nowMs: 0, witnessedMs: START_MS })
    const vetoed = applyKeyEvent(waiting, owner.veto(nextLink(waiting)), { nowMs: 0, witnessedMs: START_MS })
    assert.is(vetoed.pending, null)
    const open = stateAt(waiting, START_MS + DELAY_MS)
    const next: KeyEvent = { event: 'delegation', ...nextLink(open), delegation }
    const after = applyKeyEvent(open, signedEvent(next, recovered.keys), {
      nowMs: START_MS + DELAY_MS,
      witnessedMs: null,
    })
    assert.is(after.delegations.size, 1)
    const last = { ...full, position: LIMITS.keyEventsPerLogMax }
    assert.is(
      codeOf(() => applyKeyEvent(last, owner.recoveryEvent(nextLink(last)).bytes)),
      'limit',
    )
  },
)

/** The event one position earlier. */
function atOnce(event: KeyEvent, owner: LogOwner): Uint8Array {
  return signedEvent({ ...event, position: event.position - 1 } as KeyEvent, owner.keys)
}

log('a verifier can tell an old view from a new one', () => {
  const owner = new LogOwner()
  owner.append(owner.rotation()).append(owner.rotation())
  const { position, digest } = owner.state()
  assert.is(position, 2)
  assert.equal(owner.state({ known: { position, digest } }).digest, digest)
  const older = owner.state({ known: { position: 1, digest: readKeyLog(owner.events.slice(0, 2)).digest } })
  assert.equal(older.digest, digest)
})

const delegating = suite('key log: delegation')

delegating('a delegated key acts within scope and time, and its limits are told', () => {
  const device = pairOf(1).publicKey
  const owner = new LogOwner()
  owner.append(owner.delegation(device, { scopes: ['face.check-in', 'pay'], usesMax: 3, expiresMs: 10 }))
  const state = owner.state()
  const delegation = mayAct(state, device, 'pay', 9)
  assert.is(delegation.amountPerDayMax, 500)
  assert.is(delegation.usesMax, 3)
  assert.is(
    codeOf(() => mayAct(state, device, 'pay', 10)),
    'expired',
  )
  assert.is(
    codeOf(() => mayAct(state, device, 'qnt.open', 9)),
    'not-in-scope',
  )
  assert.is(
    codeOf(() => mayAct(state, pairOf(2).publicKey, 'pay', 9)),
    'not-delegated',
  )
})

delegating('a recovery ends every delegation at the moment from which it is in force', () => {
  const device = pairOf(1).publicKey
  const owner = new LogOwner()
  owner.append(owner.delegation(device, { expiresMs: START_MS + 2 * DELAY_MS }))
  const { bytes } = owner.recoveryEvent(owner.link())
  const waiting = applyKeyEvent(owner.state(), bytes, { nowMs: START_MS, witnessedMs: START_MS })
  assert.ok(mayAct(waiting, device, 'pay', START_MS + DELAY_MS - 1))
  assert.is(
    codeOf(() => mayAct(waiting, device, 'pay', START_MS + DELAY_MS)),
    'not-delegated',
  )
})

delegating('a second delegation of a key replaces the first: that is how it is renewed', () => {
  const device = pairOf(1).publicKey
  const owner = new LogOwner()
  owner.append(owner.delegation(device, { expiresMs: 10 })).append(owner.delegation(device, { expiresMs: 20 }))
  assert.is(mayAct(owner.state(), device, 'pay', 15).expiresMs, 20)
})

delegating('a rotation keeps the delegations that it names and ends the others', () => {
  const [kept, ended] = [pairOf(1).publicKey, pairOf(2).publicKey]
  const owner = new LogOwner()
  owner
    .append(owner.delegation(kept))
    .append(owner.delegation(ended))
    .append(owner.rotation([kept]))
  const state = owner.state()
  assert.ok(mayAct(state, kept, 'pay', 0))
  assert.is(
    codeOf(() => mayAct(state, ended, 'pay', 0)),
    'not-delegated',
  )
  assert.ok(mayAct(applyKeyEvent(state, owner.delegation(ended)), ended, 'pay', 0))
})

delegating('there is room for so many delegated keys', () => {
  const owner = new LogOwner()
  let state = owner.state()
  for (let i = 0; i < LIMITS.delegationsPerIdentityMax; i++) {
    owner.append(owner.delegation(pairOf(10 + i).publicKey))
    state = applyKeyEvent(state, owner.events.at(-1) as Uint8Array)
  }
  assert.is(
    codeOf(() => applyKeyEvent(state, owner.delegation(pairOf(9).publicKey))),
    'limit',
  )
})

const recovering = suite('key log: recovery')

recovering('takes effect a delay after witnesses saw it, not before, and never without them', () => {
  const owner = new LogOwner()
  const device = pairOf(1).publicKey
  owner.append(owner.delegation(device))
  const { bytes, recovered } = owner.recoveryEvent()
  owner.append(bytes)
  const witnessedMs = witnessed(owner.events, START_MS)
  const effectiveMs = START_MS + 2 * HOUR_MS + DELAY_MS
  const waiting = owner.state({ witnessedMs, nowMs: effectiveMs - 1 })
  assert.is(waiting.pending?.effectiveMs, effectiveMs)
  assert.equal(waiting.keys, publicKeys(owner.keys))
  const done = owner.state({ witnessedMs, nowMs: effectiveMs })
  assert.is(done.pending, null)
  assert.equal(done.keys, publicKeys(recovered.keys))
  assert.equal(done.recovery?.digests, promise(recovered.recovery).digests)
  assert.is(done.delegations.size, 0)
  assert.equal(stateAt(waiting, effectiveMs), done)
  const unseen = owner.state({ nowMs: effectiveMs * 2 })
  assert.equal(unseen.keys, publicKeys(owner.keys))
})

recovering('the new keys write on once it is in force', () => {
  const owner = new LogOwner()
  const { bytes, recovered } = owner.recoveryEvent()
  owner.append(bytes)
  const witnessedMs = witnessed(owner.events, START_MS)
  Object.assign(owner, recovered)
  owner.append(owner.rotation())
  const after = owner.state({ witnessedMs, nowMs: START_MS + 2 * HOUR_MS + DELAY_MS })
  assert.is(after.position, 2)
  assert.equal(after.keys, publicKeys(recovered.next))
})

recovering('one veto by the current keys ends it', () => {
  const owner = new LogOwner()
  owner.append(owner.recoveryEvent().bytes).append(owner.veto())
  const witnessedMs = witnessed(owner.events, START_MS)
  const state = owner.state({ witnessedMs, nowMs: START_MS + 1000 * DELAY_MS })
  assert.is(state.pending, null)
  assert.is(state.vetoed, true)
  assert.equal(state.keys, publicKeys(owner.keys))
  owner.append(owner.rotation())
  assert.is(owner.state({ witnessedMs }).vetoed, true)
})

recovering('a second one waits longer and cannot be vetoed: so ends a war of vetoes', () => {
  const owner = new LogOwner()
  owner.append(owner.recoveryEvent().bytes).append(owner.veto())
  const { bytes, recovered } = owner.recoveryEvent()
  owner.append(bytes)
  const witnessedMs = witnessed(owner.events, START_MS)
  const effectiveMs = START_MS + 3 * HOUR_MS + LIMITS.recoveryAfterVetoDelays * DELAY_MS
  assert.equal(owner.state({ witnessedMs, nowMs: effectiveMs - 1 }).keys, publicKeys(owner.keys))
  const done = owner.state({ witnessedMs, nowMs: effectiveMs })
  assert.equal(done.keys, publicKeys(recovered.keys))
  assert.is(done.vetoed, false)
})

recovering('next and recovery keys together stop even that one, at once', () => {
  const owner = new LogOwner()
  owner.append(owner.recoveryEvent().bytes).append(owner.veto()).append(owner.recoveryEvent().bytes)
  owner.append(owner.renewal())
  const witnessedMs = witnessed(owner.events, START_MS)
  const state = owner.state({ witnessedMs, nowMs: START_MS + 1000 * DELAY_MS })
  assert.is(state.pending, null)
  assert.is(state.vetoed, false)
  assert.equal(state.keys, publicKeys(owner.keys))
  assert.equal(state.recovery?.digests, promise(owner.recovery).digests)
})

recovering('an identity without recovery keys gives itself some by a rotation', () => {
  const owner = new LogOwner({ recovery: false })
  owner.append(owner.renewal())
  assert.ok(
    equal(owner.state().recovery?.digests[0] as Uint8Array, keyDigest(owner.recovery[0]?.publicKey as Uint8Array)),
  )
  assert.is(toHex(owner.state().id), toHex(readKeyLog(owner.events.slice(0, 1)).id))
})

log.run()
delegating.run()
recovering.run()

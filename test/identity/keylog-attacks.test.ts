/** Thieves with some of the keys, and what becomes of each attempt: a refusal with its own code. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encode } from '../../src/core/codec.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/core/envelope.ts'
import { mayAct } from '../../src/identity/delegation.ts'
import { applyKeyEvent, readKeyLog } from '../../src/identity/keylog.ts'
import { type KeyEvent, keyEventBody, keyEventMessage } from '../../src/identity/keylog-event.ts'
import { ORDER, PRIME, torsion } from '../kit/ed25519.ts'
import {
  DELAY_SECONDS,
  HOUR_MS,
  LogOwner,
  pairOf,
  promise,
  publicKeys,
  signedEvent,
  taken,
  witnessed,
} from '../kit/keylog.ts'
import type { Pair } from '../kit/people.ts'
import { codeOf } from '../kit/refusal.ts'
import { toBytes32 } from '../kit/scalars.ts'
import '../kit/wasm.ts'

const START_MS = 1_790_000_000_000
const DELAY_MS = DELAY_SECONDS * 1000
const thief = Array.from({ length: 8 }, (_, i) => pairOf(900_000 + i)) as [Pair, Pair, Pair, Pair]
const phone = pairOf(800_000)
const attack = suite('attacks on a key log')

/** An owner with a phone that is delegated. */
function ownerWithPhone(): LogOwner {
  const owner = new LogOwner()
  return owner.append(owner.delegation(phone.publicKey))
}

/** A rotation to keys of somebody's choice. */
function rotationTo(owner: LogOwner, to: Pair, signer: Pair, next = pairOf(900_100)): Uint8Array {
  const keys = publicKeys([to])
  const event: KeyEvent = { event: 'rotation', ...owner.link(), keys, next: promise([next]), kept: [], renewal: null }
  return signedEvent(event, [signer])
}

function refused(owner: LogOwner, bytes: Uint8Array, code: string): void {
  const before = owner.state()
  assert.is(
    codeOf(() => applyKeyEvent(before, bytes)),
    code,
  )
  assert.is(
    codeOf(() => readKeyLog([...owner.events, bytes])),
    code,
  )
}

attack('1: a thief of the current key rotates to his own', () => {
  const owner = ownerWithPhone()
  refused(owner, rotationTo(owner, thief[0], thief[0]), 'key-not-committed')
  refused(owner, rotationTo(owner, thief[0], owner.keys[0] as Pair), 'key-not-committed')
  refused(owner, rotationTo(owner, owner.keys[0] as Pair, owner.keys[0] as Pair), 'key-not-committed')
})

attack('2: he knows the next public key and signs with the current one, or with all delegated ones', () => {
  const owner = ownerWithPhone()
  const [next] = owner.next as [Pair]
  refused(owner, rotationTo(owner, next, owner.keys[0] as Pair), 'bad-signature')
  refused(owner, rotationTo(owner, next, phone), 'delegated-key')
})

attack('3: a thief of all delegated keys writes into the log', () => {
  const owner = ownerWithPhone()
  const asThief = Object.assign(owner.copy(), { keys: [phone] })
  refused(owner, asThief.delegation(thief[0].publicKey), 'delegated-key')
  refused(owner, asThief.revocation(phone.publicKey), 'delegated-key')
  refused(owner, rotationTo(owner, phone, phone), 'key-not-committed')
  for (const word of ['rotate', 'recover', 'delegate', 'revoke', 'veto']) {
    assert.is(
      codeOf(() => owner.delegation(phone.publicKey, { scopes: [word] })),
      'bad-scope',
    )
    assert.is(
      codeOf(() => mayAct(owner.state(), phone.publicKey, word, 0)),
      'not-in-scope',
    )
  }
})

attack('4: he rolls the log back to before his key was retired', () => {
  const owner = ownerWithPhone()
  const before = [...owner.events]
  owner.append(owner.rotation())
  const { position, digest } = owner.state()
  assert.is(
    codeOf(() => readKeyLog(before, { known: { position, digest } })),
    'stale-log',
  )
})

attack('5: he forks the log at a position that is known', () => {
  const owner = ownerWithPhone()
  const asThief = owner.copy()
  const { position, digest } = owner.append(owner.rotation()).state()
  asThief.append(asThief.delegation(thief[0].publicKey)).append(asThief.delegation(thief[1].publicKey))
  assert.is(
    codeOf(() => readKeyLog(asThief.events, { known: { position, digest } })),
    'forked-log',
  )
  assert.is(
    codeOf(() => applyKeyEvent(owner.state(), asThief.events.at(-1) as Uint8Array)),
    'wrong-previous',
  )
})

attack('6: keys that served once are promised again', () => {
  const owner = ownerWithPhone()
  const retired = owner.keys
  owner.append(owner.rotation())
  for (const again of [retired, owner.keys, owner.next, owner.recovery, [phone]]) {
    refused(owner, owner.copy().rotation([], again), 'key-reused')
  }
  const start: KeyEvent = {
    ...{ event: 'inception', position: 0, kind: 'human', keys: publicKeys([thief[0]]), threshold: 1 },
    ...{ next: promise([thief[0]]), salt: new Uint8Array(16), recovery: null, delegator: null, laterKeyDigest: null },
  }
  assert.is(
    codeOf(() => readKeyLog([signedEvent(start, [thief[0]])])),
    'key-reused',
  )
})

attack('7: he recovers without the recovery keys', () => {
  const owner = ownerWithPhone()
  for (const stolen of [owner.keys, owner.next, [phone], [thief[0]]]) {
    const asThief = Object.assign(owner.copy(), { recovery: stolen })
    refused(owner, asThief.recoveryEvent().bytes, 'key-not-committed')
  }
  const { bytes } = owner.copy().recoveryEvent()
  const { body, ...rest } = decodeEnvelope(bytes)
  const message = keyEventMessage(body)
  const forged = [thief[0], thief[1]].map((pair, i) => [i, pair.sign(message)])
  refused(owner, encodeEnvelope({ ...rest, body, attachment: encode(forged) }), 'bad-signature')
  const bare = new LogOwner({ recovery: false })
  refused(bare, Object.assign(bare.copy(), { recovery: [thief[0]] }).recoveryEvent().bytes, 'no-recovery')
})

attack('8: who recovers does not wait for the delay', () => {
  const owner = ownerWithPhone()
  const { bytes, recovered } = owner.recoveryEvent()
  owner.append(bytes)
  const witnessedMs = witnessed(owner.events, START_MS)
  const early = Object.assign(owner.copy(), recovered)
  early.append(early.rotation())
  const due = START_MS + 2 * HOUR_MS + DELAY_MS
  assert.is(
    codeOf(() => early.state({ witnessedMs, nowMs: due - 1 })),
    'recovery-pending',
  )
  assert.is(
    codeOf(() => early.state({ nowMs: due * 2 })),
    'recovery-pending',
  )
  assert.is(early.state({ witnessedMs, nowMs: due }).position, 3)
})

attack('9: a retired key wants to outlive the rotation', () => {
  const owner = ownerWithPhone()
  const asThief = owner.copy()
  const back = asThief.delegation(thief[0].publicKey)
  owner.append(back).append(owner.rotation())
  const state = owner.state()
  assert.is(
    codeOf(() => mayAct(state, thief[0].publicKey, 'pay', 0)),
    'not-delegated',
  )
  const late = Object.assign(owner.copy(), { keys: asThief.keys })
  refused(owner, late.delegation(thief[0].publicKey), 'retired-key')
  refused(owner, late.revocation(phone.publicKey), 'retired-key')
})

attack('10: a revoked key is delegated again, or acts on', () => {
  const owner = ownerWithPhone()
  owner.append(owner.revocation(phone.publicKey))
  assert.is(
    codeOf(() => mayAct(owner.state(), phone.publicKey, 'pay', 0)),
    'revoked-key',
  )
  refused(owner, owner.delegation(phone.publicKey), 'revoked-key')
  refused(owner, owner.revocation(phone.publicKey), 'revoked-key')
  refused(owner, owner.revocation(thief[0].publicKey), 'not-delegated')
  owner.append(owner.rotation())
  refused(owner, owner.delegation(phone.publicKey), 'revoked-key')
  refused(owner, owner.copy().rotation([phone.publicKey]), 'not-delegated')
})

attack('11: one signature less than the threshold', () => {
  const owner = new LogOwner({ kind: 'organization', keys: 5, threshold: 3 })
  const event: KeyEvent = { event: 'delegation', ...owner.link(), delegation: delegationTo(phone) }
  assert.ok(taken(owner, signedEvent(event, owner.keys, [0, 2, 4])))
  refused(owner, signedEvent(event, owner.keys, [0, 2]), 'too-few-signatures')
  refused(owner, signedEvent(event, owner.keys, []), 'too-few-signatures')
  const rotation = {
    event: 'rotation',
    ...owner.link(),
    kept: [],
    renewal: null,
    next: promise(owner.fresh(), 3),
  } as const
  const shown = owner.next.slice(0, 2)
  refused(owner, signedEvent({ ...rotation, keys: publicKeys(shown) }, shown), 'too-few-signatures')
  refused(owner, signedEvent({ ...rotation, keys: publicKeys(owner.next) }, owner.next, [1, 3]), 'too-few-signatures')
})

attack('12: the same signature twice for a threshold', () => {
  const owner = new LogOwner({ kind: 'organization', keys: 3, threshold: 2 })
  const event: KeyEvent = { event: 'delegation', ...owner.link(), delegation: delegationTo(phone) }
  const body = keyEventBody(event)
  const [a, b] = owner.keys.map((pair) => pair.sign(keyEventMessage(body))) as [Uint8Array, Uint8Array]
  const good = decodeEnvelope(signedEvent(event, owner.keys, [0, 1]))
  const attached = (pairs: (number | Uint8Array)[][]): Uint8Array =>
    encodeEnvelope({ ...good, attachment: encode(pairs) })
  assert.ok(
    taken(
      owner,
      attached([
        [0, a],
        [1, b],
      ]),
    ),
  )
  refused(
    owner,
    attached([
      [0, a],
      [0, a],
    ]),
    'repeated-signer',
  )
  refused(
    owner,
    attached([
      [0, a],
      [1, a],
    ]),
    'bad-signature',
  )
  refused(
    owner,
    attached([
      [1, b],
      [0, a],
    ]),
    'bad-shape',
  )
  refused(
    owner,
    attached([
      [0, a],
      [3, b],
    ]),
    'too-few-signatures',
  )
  refused(
    owner,
    attached([
      [0, a],
      [1, b],
      [3, b],
    ]),
    'bad-shape',
  )
  refused(
    owner,
    attached([
      [0, a],
      [1, b],
      [2, b],
    ]),
    'bad-signature',
  )
  refused(owner, encodeEnvelope({ ...good, signature: a }), 'bad-shape')
  const twice = [owner.next[0], owner.next[0]] as Pair[]
  const rotation = {
    event: 'rotation',
    ...owner.link(),
    kept: [],
    renewal: null,
    next: promise(owner.fresh(), 2),
  } as const
  refused(owner, signedEvent({ ...rotation, keys: publicKeys(twice) }, twice), 'bad-shape')
})

attack('13: an event of another history, position or identity', () => {
  const [owner, other] = [ownerWithPhone(), new LogOwner({ from: 5000 })]
  const link = owner.link()
  const event = (changed: object): Uint8Array =>
    signedEvent(
      { event: 'revocation', ...link, key: phone.publicKey, reason: 'lost', ...changed } as KeyEvent,
      owner.keys,
    )
  refused(owner, event({ previous: new Uint8Array(32) }), 'wrong-previous')
  refused(owner, event({ position: 1 }), 'wrong-position')
  refused(owner, event({ position: 3 }), 'wrong-position')
  refused(owner, event({ id: other.state().id }), 'wrong-identity')
  refused(owner, other.rotation(), 'wrong-identity')
  refused(owner, other.events[0] as Uint8Array, 'wrong-position')
  assert.is(
    codeOf(() => readKeyLog(owner.events.slice(1))),
    'bad-identity',
  )
  assert.is(
    codeOf(() => readKeyLog([])),
    'bad-identity',
  )
})

attack('14: a promised key is shown early', () => {
  const owner = ownerWithPhone()
  refused(owner, owner.delegation((owner.next[0] as Pair).publicKey), 'key-shown-early')
  refused(owner, owner.delegation((owner.recovery[0] as Pair).publicKey), 'key-shown-early')
  refused(owner, owner.delegation((owner.keys[0] as Pair).publicKey), 'key-reused')
})

attack('15: keys for which everything is signed', () => {
  const owner = ownerWithPhone()
  const bad = Array.from({ length: 8 }, (_, i) => torsion(i).toBytes())
  bad.push(toBytes32(PRIME), toBytes32(2n), new Uint8Array(32).fill(0xff))
  const anything = { sign: () => Uint8Array.of(1, ...new Uint8Array(31), ...toBytes32(ORDER - 1n)) }
  for (const publicKey of bad) {
    const weak = { publicKey, ...anything }
    assert.is(
      codeOf(() => owner.delegation(publicKey)),
      'bad-key',
    )
    refused(owner, rotationTo(owner, weak, weak), 'bad-key')
    const start: KeyEvent = {
      ...{ event: 'inception', position: 0, kind: 'human', keys: [publicKey], threshold: 1, next: promise([thief[0]]) },
      ...{ salt: new Uint8Array(16), recovery: null, delegator: null, laterKeyDigest: null },
    }
    assert.is(
      codeOf(() => readKeyLog([signedEvent(start, [weak])])),
      'bad-key',
    )
  }
})

attack('16: vetoes where there is nothing to veto, too late, a second time, or by others', () => {
  const owner = ownerWithPhone()
  refused(owner, owner.veto(), 'nothing-to-veto')
  const { bytes } = owner.recoveryEvent()
  owner.append(bytes)
  refused(owner, Object.assign(owner.copy(), { keys: [phone] }).veto(), 'delegated-key')
  refused(owner, Object.assign(owner.copy(), { keys: [thief[0]] }).veto(), 'bad-signature')
  const witnessedMs = witnessed(owner.events, START_MS)
  const due = START_MS + 2 * HOUR_MS + DELAY_MS
  const late = owner.copy().append(owner.veto())
  assert.is(
    codeOf(() => late.state({ witnessedMs, nowMs: due })),
    'nothing-to-veto',
  )
  owner.append(owner.veto()).append(owner.recoveryEvent().bytes)
  refused(owner, owner.veto(), 'recovery-final')
})

attack('17: while a recovery waits, the thief of the key file rotates, or delegates to himself', () => {
  const owner = ownerWithPhone()
  owner.append(owner.recoveryEvent().bytes)
  refused(owner, owner.copy().rotation(), 'recovery-pending')
  refused(owner, owner.delegation(thief[0].publicKey), 'recovery-pending')
  refused(owner, owner.copy().recoveryEvent().bytes, 'recovery-pending')
})

attack('18: a thief of current and next keys changes the recovery keys', () => {
  const owner = ownerWithPhone()
  const asThief = Object.assign(owner.copy(), { recovery: [thief[0]] })
  refused(owner, asThief.renewal(), 'key-not-committed')
  const none: KeyEvent = {
    ...{ event: 'rotation', ...owner.link(), keys: publicKeys(owner.next), next: promise([thief[1]]), kept: [] },
    renewal: { recoveryKeys: [], recovery: { ...promise([thief[2]]), delaySeconds: DELAY_SECONDS } },
  }
  refused(owner, signedEvent(none, owner.next), 'too-few-signatures')
})

attack('19: too few recovery keys recover, or agree to their replacement', () => {
  const owner = new LogOwner({ kind: 'organization', keys: 3, threshold: 2 })
  const attached = (bytes: Uint8Array, signers: readonly number[], pairs: readonly Pair[]): Uint8Array => {
    const { body, ...rest } = decodeEnvelope(bytes)
    const signatures = signers.map((i) => [i, (pairs[i] as Pair).sign(keyEventMessage(body))])
    return encodeEnvelope({ ...rest, body, attachment: encode(signatures) })
  }
  const { bytes, recovered } = owner.copy().recoveryEvent()
  const recoverers = [...recovered.keys, ...owner.recovery]
  assert.ok(taken(owner, attached(bytes, [0, 1, 3, 4], recoverers)).pending)
  refused(owner, attached(bytes, [0, 1, 2, 3], recoverers), 'too-few-signatures')
  refused(owner, attached(bytes, [0, 3, 4, 5], recoverers), 'too-few-signatures')
  const renewers = [...owner.next, ...owner.recovery]
  const renewal = owner.copy().renewal()
  assert.ok(taken(owner, attached(renewal, [1, 2, 3, 5], renewers)))
  refused(owner, attached(renewal, [0, 1, 2, 3], renewers), 'too-few-signatures')
  refused(owner, attached(renewal, [0, 3, 4, 5], renewers), 'too-few-signatures')
})

attack('20: a recovery to keys that were seen or are promised, a rotation out of order', () => {
  const owner = ownerWithPhone()
  const retired = owner.keys
  owner.append(owner.rotation())
  for (const again of [retired, owner.keys, owner.next, [phone], owner.recovery]) {
    const copy = owner.copy()
    const fresh = copy.fresh.bind(copy)
    const made = [again]
    copy.fresh = () => made.pop() ?? fresh()
    refused(owner, copy.recoveryEvent().bytes, 'key-reused')
  }
  const many = new LogOwner({ keys: 3, threshold: 2 })
  const shown = [...many.next].reverse()
  const more = { keys: publicKeys(shown), next: promise(many.fresh(), 2), kept: [], renewal: null }
  refused(many, signedEvent({ event: 'rotation', ...many.link(), ...more }, shown), 'key-not-committed')
})

attack('21: keys that a recovery showed, or retired, are promised or delegated afterwards', () => {
  const owner = ownerWithPhone()
  const { bytes, recovered } = owner.recoveryEvent()
  owner.append(bytes)
  const inForce = Object.assign(owner.copy(), recovered)
  const nowMs = START_MS + 2 * HOUR_MS + DELAY_MS
  const context = { witnessedMs: witnessed(owner.events, START_MS), nowMs }
  for (const again of [owner.keys, recovered.keys, owner.recovery]) {
    const copy = inForce.copy()
    copy.append(copy.rotation([], again))
    assert.is(
      codeOf(() => copy.state(context)),
      'key-reused',
    )
  }
  owner.append(owner.veto())
  for (const again of [recovered.keys, owner.recovery]) {
    refused(owner, owner.copy().rotation([], again), 'key-reused')
    refused(owner, owner.delegation((again[0] as Pair).publicKey), 'key-reused')
  }
})

attack('22: another identity under a name that is known, a recovery to a key for which everything is signed', () => {
  const [owner, other] = [new LogOwner(), new LogOwner({ from: 5000 })]
  const { digest } = owner.state()
  assert.is(
    codeOf(() => readKeyLog(other.events, { known: { position: 0, digest } })),
    'forked-log',
  )
  const anything = Uint8Array.of(1, ...new Uint8Array(63))
  const weak = { publicKey: torsion(1).toBytes(), sign: () => anything }
  const copy = owner.copy()
  const made = [[weak]]
  const fresh = copy.fresh.bind(copy)
  copy.fresh = () => made.pop() ?? fresh()
  refused(owner, copy.recoveryEvent().bytes, 'bad-key')
})

attack('23: a thief of the whole key file rotates, delegates and vetoes; the owner of the words wins', () => {
  const owner = ownerWithPhone()
  const asThief = owner.copy()
  asThief.append(asThief.rotation()).append(asThief.delegation(thief[0].publicKey))
  owner.events = [...asThief.events]
  owner.append(owner.recoveryEvent().bytes)
  asThief.events = [...owner.events]
  owner.append(asThief.veto())
  asThief.events = [...owner.events]
  refused(owner, Object.assign(asThief.copy(), { recovery: [thief[2]] }).renewal(), 'key-not-committed')
  const { bytes, recovered } = owner.recoveryEvent()
  owner.append(bytes)
  refused(owner, Object.assign(asThief.copy(), { events: [...owner.events] }).veto(), 'recovery-final')
  refused(owner, Object.assign(asThief.copy(), { events: [...owner.events] }).rotation(), 'recovery-pending')
  const witnessedMs = witnessed(owner.events, START_MS)
  const nowMs = START_MS + owner.events.length * HOUR_MS + 3 * DELAY_MS
  const state = owner.state({ witnessedMs, nowMs })
  assert.equal(state.keys, publicKeys(recovered.keys))
  assert.is(
    codeOf(() => mayAct(state, thief[0].publicKey, 'pay', 0)),
    'not-delegated',
  )
  const late = Object.assign(asThief.copy(), { events: [...owner.events] })
  for (const bytes of [late.delegation(thief[1].publicKey), late.revocation(phone.publicKey)]) {
    assert.is(
      codeOf(() => applyKeyEvent(state, bytes)),
      'retired-key',
    )
  }
  assert.is(
    codeOf(() => applyKeyEvent(state, late.rotation())),
    'key-not-committed',
  )
})

function delegationTo(pair: Pair) {
  return {
    ...{ delegate: new Uint8Array(32), key: pair.publicKey, scopes: ['pay'], amountPerDayMax: null, usesMax: null },
    expiresMs: HOUR_MS,
  }
}

attack.run()

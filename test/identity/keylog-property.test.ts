/** Any history that an owner may write is read, and says what another reader says; no bit of it can be changed. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, statementDigest } from '../../src/core/envelope.ts'
import { applyKeyEvent, readKeyLog } from '../../src/identity/keylog.ts'
import { findDuplicity } from '../../src/identity/keylog-fork.ts'
import type { KeyState } from '../../src/identity/keylog-state.ts'
import { DELAY_SECONDS, HOUR_MS, LogOwner, pairOf, publicKeys } from '../kit/keylog.ts'
import { oracleState } from '../kit/keylog-oracle.ts'
import type { Pair } from '../kit/people.ts'
import { codeOf } from '../kit/refusal.ts'
import '../kit/wasm.ts'

const DEEDS = ['rotate', 'rotate and keep', 'delegate', 'revoke', 'renew', 'recover', 'recover and veto'] as const
type Deed = (typeof DEEDS)[number]
const START_MS = 1_790_000_000_000
const property = suite('key log: any history')

/** An owner, the log, and the times at which its events were witnessed. */
class History {
  readonly owner: LogOwner
  readonly devices: Pair[] = []
  readonly seenMs = new Map<string, number>()
  nowMs = START_MS
  #vetoed = false
  #device = 700_000

  constructor(shared: boolean) {
    this.owner = new LogOwner(shared ? { keys: 3, threshold: 2, kind: 'organization' } : {})
    this.#see()
  }

  do(deed: Deed): void {
    for (const bytes of this.#events(deed)) {
      this.owner.append(bytes)
      this.#see()
    }
    if (deed === 'recover') this.nowMs += 3 * DELAY_SECONDS * 1000
  }

  /** The next event is made when the one before is in the log. */
  *#events(deed: Deed): Generator<Uint8Array> {
    const { owner, devices } = this
    if (deed === 'rotate and keep') yield owner.rotation(publicKeys(devices).sort(Buffer.compare))
    if (deed === 'rotate') yield owner.rotation()
    if (deed === 'renew') yield owner.renewal()
    if (deed === 'delegate') {
      const device = pairOf(this.#device++)
      devices.push(device)
      yield owner.delegation(device.publicKey)
    }
    const last = deed === 'revoke' ? devices.pop() : undefined
    if (last) yield owner.revocation(last.publicKey)
    if (deed === 'recover') {
      const { bytes, recovered } = owner.recoveryEvent()
      yield bytes
      Object.assign(owner, recovered)
    }
    if (deed === 'recover and veto' && !this.#vetoed) {
      yield owner.recoveryEvent().bytes
      yield owner.veto()
      this.#vetoed = true
    }
    if (deed === 'recover' || deed === 'renew') this.#vetoed = false
    if (deed === 'recover' || deed === 'renew' || deed === 'rotate') devices.length = 0
  }

  witnessedMs = (digest: Uint8Array): number | null => this.seenMs.get(toHex(digest)) ?? null

  read(): KeyState {
    return readKeyLog(this.owner.events, this)
  }

  #see(): void {
    this.nowMs += HOUR_MS
    this.seenMs.set(toHex(this.owner.digest()), this.nowMs)
  }
}

const history = fc
  .tuple(fc.boolean(), fc.array(fc.constantFrom(...DEEDS), { maxLength: 14 }))
  .map(([shared, deeds]) => {
    const made = new History(shared)
    for (const deed of deeds) made.do(deed)
    return made
  })

property('is read, and a reader made of other parts agrees', () => {
  fc.assert(
    fc.property(history, (made) => {
      const { owner, nowMs, witnessedMs } = made
      const state = made.read()
      const oracle = oracleState(owner.events, nowMs, witnessedMs)
      assert.equal(state.keys, publicKeys(owner.keys))
      assert.equal(state.keys.map(toHex), oracle.keys)
      assert.equal(state.nextKeyDigests.map(toHex), oracle.next)
      assert.equal(state.recovery?.digests.map(toHex), oracle.recovery)
      assert.equal([...state.delegations.keys()].sort(), oracle.delegated)
      assert.equal(oracle.delegated, publicKeys(made.devices).map(toHex).sort())
      assert.is(toHex(state.digest), oracle.digest)
      assert.is(findDuplicity(owner.events, owner.events.slice(0, 1), made), null)
    }),
    { numRuns: 40, seed: 4 },
  )
})

property('with one byte of one event changed is refused', () => {
  fc.assert(
    fc.property(history, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (made, which, where, mask) => {
      const events = [...made.owner.events]
      const at = which % events.length
      const damaged = (events[at] as Uint8Array).slice()
      const byte = where % damaged.length
      damaged[byte] = (damaged[byte] as number) ^ mask
      events[at] = damaged
      assert.type(
        codeOf(() => readKeyLog(events, made)),
        'string',
      )
    }),
    { numRuns: 150, seed: 5 },
  )
})

property('with events left out, swapped or repeated is refused, or is an older log', () => {
  fc.assert(
    fc.property(history, fc.nat(), fc.nat(), (made, i, j) => {
      const { events } = made.owner
      const [first, second] = [i % events.length, j % events.length].sort((a, b) => a - b) as [number, number]
      const { position, digest } = made.read()
      const known = { position, digest }
      const swapped = [...events]
      ;[swapped[first], swapped[second]] = [swapped[second] as Uint8Array, swapped[first] as Uint8Array]
      if (first !== second) codeOf(() => readKeyLog(swapped, made))
      codeOf(() => readKeyLog(events.toSpliced(first, 0, events[first] as Uint8Array), made))
      codeOf(() => readKeyLog(events.toSpliced(first, 1), { ...made, witnessedMs: made.witnessedMs, known }))
    }),
    { numRuns: 30, seed: 6 },
  )
})

for (const shared of [false, true]) {
  property(`each bit of each kind of event counts, ${shared ? 'several keys' : 'one key'}`, () => {
    const made = new History(shared)
    for (const deed of ['delegate', 'rotate and keep', 'revoke', 'recover and veto', 'renew'] as const) made.do(deed)
    let state: KeyState | null = null
    for (const event of made.owner.events) {
      const seen = { nowMs: made.nowMs, witnessedMs: made.witnessedMs(statementDigest(decodeEnvelope(event))) }
      const before: KeyState | null = state
      for (let at = 0; at < event.length; at++) {
        const damaged = event.slice()
        damaged[at] = (damaged[at] as number) ^ (1 << (at % 8))
        codeOf(() => (before ? applyKeyEvent(before, damaged, seen) : readKeyLog([damaged])))
      }
      state = before ? applyKeyEvent(before, event, seen) : readKeyLog([event])
    }
    assert.equal(state?.keys, publicKeys(made.owner.keys))
  })
}

property.run()

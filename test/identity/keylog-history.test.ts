/** Generations of keys: which key acted at which position, with witnesses and without. */

import '../kit/wasm.ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { believing, generationAt, readKeyHistory } from '../../src/identity/keylog-history.ts'
import { DELAY_SECONDS, HOUR_MS, LogOwner, pairOf, publicKeys, witnessed } from '../kit/keylog.ts'
import { codeOf } from '../kit/refusal.ts'

const history = suite('identity/keylog: history')

history('every position has the keys that acted there, and none behind the end', () => {
  const owner = new LogOwner()
  const keys = [publicKeys(owner.keys)]
  owner.append(owner.delegation(pairOf(1).publicKey))
  owner.append(owner.rotation())
  keys.push(publicKeys(owner.keys))
  owner.append(owner.delegation(pairOf(2).publicKey))
  owner.append(owner.renewal())
  keys.push(publicKeys(owner.keys))
  const read = readKeyHistory(owner.events)
  assert.equal(read.state, owner.state())
  assert.equal(
    read.generations.map(({ event, position }) => [event, position]),
    [
      ['inception', 0],
      ['rotation', 2],
      ['rotation', 4],
    ],
  )
  const at = (position: number) => generationAt(read, position)?.keys ?? null
  assert.equal([0, 1, 2, 3, 4, 5].map(at), [keys[0], keys[0], keys[1], keys[1], keys[2], null])
})

history('a recovery is a generation once witnesses say so, from its own position on', () => {
  const owner = new LogOwner()
  const { bytes, recovered } = owner.recoveryEvent()
  owner.append(bytes)
  const sees = witnessed(owner.events, 0)
  const effectiveMs = HOUR_MS + DELAY_SECONDS * 1000
  const generations = (nowMs: number) => readKeyHistory(owner.events, { nowMs, witnessedMs: sees }).generations.length
  assert.is(readKeyHistory(owner.events).generations.length, 1)
  assert.is(generations(effectiveMs - 1), 1)
  assert.is(generations(effectiveMs), 2)
  Object.assign(owner, recovered)
  owner.append(owner.rotation())
  assert.is(
    codeOf(() => readKeyHistory(owner.events)),
    'recovery-pending',
  )
  const context = { nowMs: effectiveMs + 2, witnessedMs: witnessed(owner.events, effectiveMs) }
  const late = (digest: Uint8Array) => sees(digest) ?? context.witnessedMs(digest)
  const read = readKeyHistory(owner.events, { ...context, witnessedMs: late })
  assert.equal(
    read.generations.map(({ event, position }) => [event, position]),
    [
      ['inception', 0],
      ['recovery', 1],
      ['rotation', 2],
    ],
  )
  assert.equal(generationAt(read, 1)?.keys, publicKeys(recovered.keys))
})

history('who believes a log takes its recoveries for what the log makes of them', () => {
  const owner = new LogOwner()
  const first = owner.recoveryEvent()
  owner.append(first.bytes)
  const believed = (isLastInForce: boolean) => readKeyHistory(owner.events, believing(owner.events, isLastInForce))
  assert.is(believed(false).state.pending?.event.position, 1)
  assert.is(believed(true).state.pending, null)
  owner.append(owner.veto())
  assert.is(believed(true).generations.length, 1)
  owner.append(owner.renewal())
  const second = owner.recoveryEvent()
  owner.append(second.bytes)
  Object.assign(owner, second.recovered)
  owner.append(owner.delegation(pairOf(1).publicKey))
  const third = owner.recoveryEvent()
  owner.append(third.bytes)
  Object.assign(owner, third.recovered)
  owner.append(owner.rotation())
  assert.equal(
    believed(false).generations.map(({ event }) => event),
    ['inception', 'rotation', 'recovery', 'recovery', 'rotation'],
  )
})

history('a renewal behind a recovery says by its keys whether that was in force', () => {
  const owner = new LogOwner()
  const { bytes, recovered } = owner.recoveryEvent()
  owner.append(bytes)
  const objecting = owner.copy()
  objecting.append(objecting.renewal())
  const renewing = Object.assign(owner.copy(), recovered)
  renewing.append(renewing.renewal())
  const kinds = ({ events }: LogOwner) =>
    readKeyHistory(events, believing(events, false)).generations.map(({ event }) => event)
  assert.equal(kinds(objecting), ['inception', 'rotation'])
  assert.equal(kinds(renewing), ['inception', 'recovery', 'rotation'])
})

history('known events and the length of a log are held against it as ever', () => {
  const owner = new LogOwner()
  const known = { position: 3, digest: owner.digest() }
  assert.is(
    codeOf(() => readKeyHistory(owner.events, { known })),
    'stale-log',
  )
  const tooLong = new Array(4_098).fill(owner.events[0])
  assert.is(
    codeOf(() => readKeyHistory(tooLong)),
    'limit',
  )
  assert.is(
    codeOf(() => readKeyHistory([])),
    'bad-identity',
  )
})

history.run()

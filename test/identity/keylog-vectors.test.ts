/** Golden key logs: what this code reads, what another reader says of them, and what is refused. */

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { readKeyLog } from '../../src/identity/keylog.ts'
import type { KeyState } from '../../src/identity/keylog-state.ts'
import { witnessed } from '../kit/keylog.ts'
import { type OracleState, oracleState } from '../kit/keylog-oracle.ts'
import { type KeyLogVectors, keyLogVectors } from '../kit/keylog-vectors.ts'
import { codeOf } from '../kit/refusal.ts'
import '../kit/wasm.ts'

const FILE = new URL('../vectors/keylog.json', import.meta.url)
const golden = JSON.parse(readFileSync(FILE, 'utf8')) as KeyLogVectors
const vectors = suite('key log: golden vectors')

vectors('the code of today writes the same bytes', () => {
  assert.equal(keyLogVectors(), golden)
})

for (const { name, events, nowMs, witnessedFromMs, state } of golden.logs) {
  vectors(`read: ${name}`, () => {
    const bytes = events.map(fromHex)
    const witnessedMs = witnessedFromMs === null ? () => null : witnessed(bytes, witnessedFromMs)
    assert.equal(summary(readKeyLog(bytes, { nowMs, witnessedMs })), state)
    assert.equal(oracleState(bytes, nowMs, witnessedMs), state)
  })
}

for (const { name, code, events, event } of golden.refused) {
  vectors(`refused: ${name}`, () => {
    const log = events.map(fromHex)
    if (log.length > 0) readKeyLog(log)
    assert.is(
      codeOf(() => readKeyLog([...log, fromHex(event)])),
      code,
    )
  })
}

function summary(state: KeyState): OracleState {
  const { id, position, digest, keys, threshold, nextKeyDigests, recovery, delegations, pending } = state
  return {
    ...{ id: toHex(id), keys: keys.map(toHex), threshold, next: nextKeyDigests.map(toHex) },
    recovery: recovery?.digests.map(toHex) ?? [],
    ...{ position, digest: toHex(digest), delegated: [...delegations.keys()].sort(), pending: pending !== null },
  }
}

vectors.run()

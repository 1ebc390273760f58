/** Two key events for one place: who is not believed, until when, and what takes the warning back. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { SettledLogs } from '../../src/services/directory-logs.ts'
import { Logs, simpleOwner } from '../consensus/keylogs.ts'
import { world } from '../consensus/people.ts'
import { type LogOwner, pairOf } from '../kit/keylog.ts'

const w = world(4)

/** A log that begins to be settled, and what a directory says of it. */
function begun(owner: LogOwner): { logs: Logs; settled: SettledLogs; frozen: () => boolean } {
  const logs = new Logs(w, owner)
  const settled = new SettledLogs(w.genesis, logs)
  const { id } = owner.link()
  return { logs, settled, frozen: () => settled.frozen(id) }
}

const delegations = (owner: LogOwner, from: number): [Uint8Array, Uint8Array] => [
  owner.delegation(pairOf(from).publicKey),
  owner.delegation(pairOf(from + 1).publicKey),
]

const test = suite('directory of settled logs')

test('two events for one place freeze, until one is settled or a higher rank has spoken', () => {
  const owner = simpleOwner()
  const { logs, settled, frozen } = begun(owner)
  assert.is(frozen(), false)
  const [one, other] = delegations(owner, 600)
  settled.noteDouble(one, other)
  assert.is(frozen(), true)
  logs.settle(one)
  assert.is(frozen(), false, 'the other one was for a place that is taken')
  owner.append(one)
  settled.noteDouble(...delegations(owner, 602))
  assert.is(frozen(), true)
  logs.settle(owner.rotation())
  assert.is(frozen(), false)
})

test('what is no pair for one place says nothing', () => {
  const owner = simpleOwner()
  const { settled, frozen } = begun(owner)
  const [one, other] = delegations(owner, 610)
  const behind = owner.copy().append(one).delegation(pairOf(612).publicKey)
  settled.noteDouble(one, one)
  settled.noteDouble(one, behind)
  settled.noteDouble(one, owner.copy().rotation())
  settled.noteDouble(one, simpleOwner({ from: 2_000 }).delegation(pairOf(613).publicKey))
  settled.noteDouble(one, Uint8Array.of(1))
  assert.is(frozen(), false)
  settled.noteDouble(one, other)
  assert.is(frozen(), true)
})

test('a thief of current keys takes back no warning about next keys', () => {
  const owner = simpleOwner()
  const { logs, settled, frozen } = begun(owner)
  // both show the one key that was promised; what they promise in turn differs
  settled.noteDouble(simpleOwner().rotation(), owner.copy().rotation())
  assert.is(frozen(), true)
  const [mine, yours] = delegations(owner, 620)
  settled.noteDouble(mine, yours)
  logs.settle(mine)
  assert.is(frozen(), true, 'the pair of the higher rank is still undecided')
})

test.run()

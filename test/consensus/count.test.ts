/** The count of an epoch begins with nothing, whosever memory it took over. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { type Committee, committeeOf, createCommittee } from '../../src/consensus/committee.ts'
import { createQuestion, VoteCount } from '../../src/consensus/count.ts'
import { composeBatch, VOTE } from '../../src/consensus/statement.ts'
import { bytesOf, world } from './people.ts'

const counts = suite('count: epochs')
const oid = bytesOf('object')
const od = bytesOf('order')
const question = createQuestion(VOTE.lock, oid, 1)

function vote(count: VoteCount, seat: number): string[] {
  const batch = composeBatch(seat, 1, new Uint8Array(32), [{ kind: VOTE.lock, oid, version: 1, od }])
  return count.add({ ...batch, signature: new Uint8Array(64) }, () => question.key).map(({ kind }) => kind)
}

function next(committee: Committee, seats = committee.seats): Committee {
  return createCommittee({ ...committee, epoch: committee.epoch + 1, seats })
}

counts('nothing of an epoch counts in the next one, though its memory does', () => {
  const first = committeeOf(world(4).genesis)
  const before = new VoteCount(first)
  assert.equal(
    [0, 1, 2].flatMap((seat) => vote(before, seat)),
    ['quorum'],
  )
  const after = new VoteCount(next(first), undefined, before)
  assert.is(after.size, 0)
  assert.is(after.weight(question, od), 0)
  assert.equal(
    [3, 2].flatMap((seat) => vote(after, seat)),
    [],
  )
  assert.is(after.voters(question, od), 2)
  assert.equal(vote(after, 0), ['quorum'])
})

counts('seats that weigh otherwise are counted as they weigh then', () => {
  const first = committeeOf(world(4).genesis)
  const seats = first.seats.map((seat, i) => ({ ...seat, weight: i === 0 ? 7 : 1 }))
  const after = new VoteCount(next(first, seats), undefined, new VoteCount(first))
  assert.equal(vote(after, 0), ['quorum'])
})

counts('more seats than before are counted, too', () => {
  const before = new VoteCount(committeeOf(world(4).genesis))
  vote(before, 0)
  const after = new VoteCount(next(committeeOf(world(25).genesis)), undefined, before)
  assert.equal(Array.from({ length: 16 }, (_, seat) => vote(after, 24 - seat)).flat(), [])
  assert.equal(vote(after, 0), ['quorum'])
})
counts.run()

/** An epoch has room for so many transactions: what waits when it is full is left for the next one, and what ends it goes on. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { Blocks } from '../../src/consensus/epoch/blocks.ts'
import { type Ordered, openOrdered } from '../../src/consensus/epoch/ordered.ts'
import { Pool } from '../../src/consensus/epoch/pool.ts'
import { EpochState } from '../../src/consensus/epoch/state.ts'
import {
  type Candidature,
  candidacyBody,
  candidacyBytes,
  transactionBody,
  transactionBytes,
} from '../../src/consensus/epoch/transaction.ts'
import type { Block } from '../../src/consensus/simplex/rules.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { anchorOf, plainSeating } from './hoods.ts'
import { bytesOf, type Person, world as worldOf } from './people.ts'

const SIGNATURE = new Uint8Array(64)
const test = suite('epoch: full')
const world = worldOf(4)
const opening = anchorOf(world)
const { netId, nid } = opening

/** The blocks of an epoch in which so many transactions have been ordered. */
function after(count: number) {
  const state = new EpochState(opening, plainSeating(4))
  const pool = new Pool()
  const { committee } = state
  const context = { committee, opening, organizationKey: null, ownerAtOpening: () => null }
  const known = {
    checkpoint: () => null,
    holdsSettled: () => true,
    nextOpening: () => null,
    kin: null,
    attendance: () => null,
    executed: () => {},
  }
  const filler = Array.from({ length: count }, (_, i): Ordered => {
    const digest = new Uint8Array(32)
    new DataView(digest.buffer).setUint32(0, i)
    return { kind: 'attendance', digest, slot: 9, hash: digest, seats: [] }
  })
  state.execute({ slot: 1, hash: bytesOf('block'), leader: 0 }, filler)
  assert.is(state.transactions, count)
  const offer = (bytes: Uint8Array) => pool.add({ bytes, ordered: openOrdered(bytes, context).ordered }, 0)
  const accuse = transactionBytes(
    committee,
    transactionBody({ seat: 0, proposal: { kind: 'accuse', id: bytesOf('somebody') } }),
    SIGNATURE,
  )
  return { blocks: new Blocks({ state, pool, context, seat: 0, known }), offer, accuse }
}

function wish(who: Person | undefined, candidature: Candidature): Uint8Array {
  const { id } = who as Person
  return candidacyBytes(netId, candidacyBody({ nid, epoch: 0, id, candidature }), SIGNATURE)
}

const leave = wish(world.members[1], { kind: 'leave' })
const alive = wish(world.members[2], { kind: 'alive', answers: 0 })

function blockOf(...transactions: Uint8Array[]): Block {
  const hash = bytesOf(`block of ${transactions.map((bytes) => bytes.join()).join(' ')}`)
  return { slot: 3, parentSlot: 2, parentHash: bytesOf('parent'), hash, leader: 1, transactions }
}

test('a full epoch orders what ends it, and nothing that can wait: neither composed nor voted for', () => {
  const { blocks, offer, accuse } = after(LIMITS.transactionsPerEpochMax)
  offer(leave)
  assert.is(blocks.wantsAtMs(), null, 'no clock runs for what is left')
  assert.is(blocks.compose([]), null)
  offer(accuse)
  offer(alive)
  assert.is.not(blocks.wantsAtMs(), null)
  assert.equal(blocks.compose([]), [accuse, alive])
  assert.is(blocks.opinion(blockOf(accuse, alive), []), 'yes')
  assert.is(blocks.opinion(blockOf(accuse, leave), []), 'no')
})

test('what the blocks below would order counts, each transaction once', () => {
  const { blocks, offer, accuse } = after(LIMITS.transactionsPerEpochMax - 2)
  offer(leave)
  const [one, twice, two] = [blockOf(accuse), blockOf(accuse, accuse), blockOf(accuse, alive)]
  for (const ancestor of [one, twice]) {
    assert.is(blocks.opinion(blockOf(leave), [ancestor]), 'yes')
    assert.equal(blocks.compose([ancestor]), [leave])
  }
  assert.is(blocks.opinion(blockOf(leave), [two]), 'no')
  assert.is(blocks.compose([two]), null)
})

test.run()

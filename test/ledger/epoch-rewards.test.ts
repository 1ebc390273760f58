/** Rewards out of openings alone: who shares with whom, who is not paid, and that a record that contradicts itself is no record. */

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Opening } from '../../src/consensus/epoch/opening.ts'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { readRewardProof, rewardProofFile } from '../../src/epoch-reward-proof.ts'
import { POINT, RewardReplay, type RewardTerms, rewardTermsOf, sumOf } from '../../src/epoch-rewards.ts'
import { REWARD_POLICY } from '../../src/ledger/reward.ts'
import { stockOf } from '../../src/ledger/reward-book.ts'
import { rewardsOf, verifyLine } from '../../src/ledger/reward-root.ts'
import { bytesOf, world } from '../consensus/people.ts'
import { Cddl, readCbor } from '../kit/cddl.ts'
import '../kit/wasm.ts'
import { codeOf } from './stage.ts'

const VECTORS = JSON.parse(readFileSync(new URL('../vectors/rewards.json', import.meta.url), 'utf8')) as {
  readonly proof: string
}
const NOBODY = new Uint8Array(32)
const SEATS = 12
const TERMS: RewardTerms = {
  assetId: bytesOf('asset'),
  grant: 1_300,
  policy: { ...REWARD_POLICY, probationEpochs: 0, organizationSeats: SEATS },
}
const test = suite('rewards of epochs')

/** Founders in seats 0 and 1; whoever sits in seats 2 to 10 came by the first of them; nobody sits in seat 11. */
function opening(
  epoch: number,
  did: (seat: number) => [attended: number, led: number],
  convicted: number[] = [],
): Opening {
  const ids = Array.from({ length: SEATS - 1 }, (_, seat) => bytesOf(`seat ${seat}`))
  const [founder] = ids as [Uint8Array]
  const roster = ids.map((id, seat) => ({
    ...{
      id,
      key: bytesOf(`key ${seat}`),
      vrfKey: bytesOf(`vrf ${seat}`),
      organization: bytesOf(`organization ${seat}`),
    },
    ...{ voucher: seat < 2 ? NOBODY : founder, since: 0, capabilities: 0, weight: 1 },
  }))
  const seats = [...ids, NOBODY].map((memberId, seat) => {
    return { memberId, epochKey: seat < ids.length ? bytesOf(`epoch key ${epoch} ${seat}`) : NOBODY, weight: 1 }
  })
  return {
    ...{ netId: bytesOf('net'), nid: bytesOf('home', 16), epoch, seed: bytesOf(`seed ${epoch}`), stateRoot: NOBODY },
    ...{ roster, seats, shares: [], blocks: 10, version: 1 },
    attendance: seats.map(({ memberId: id }, seat) => {
      const [attended, led] = did(seat)
      return { id, attended, led }
    }),
    convicted: convicted.map((seat) => ids[seat] as Uint8Array),
  }
}

const all = (seat: number): [number, number] => [seat < SEATS - 1 ? 10 : 0, 0]

test('nine who came by one founder earn together what one of them alone would; founders earn in full; a vacant seat nothing', () => {
  const { points, rewards } = new RewardReplay(opening(0, all), TERMS).next(opening(1, all))
  const of = (from: number, to: number): number => sumOf(points.lines.slice(from, to))
  assert.equal([of(0, 1), of(1, 2)], [10 * POINT, 10 * POINT])
  assert.ok(of(2, 11) <= 10 * POINT && of(2, 11) > 10 * POINT - 9, String(of(2, 11)))
  assert.is(points.lines.length, 11)
  // a grant of 1,300 over 10 blocks and 13 shares makes 10 a point
  assert.equal(
    rewards.lines.slice(0, 3).map(({ amount }) => amount),
    [100, 100, 11],
  )
})

test('who is convicted earns nothing and loses what waits; nothing is lost from the books', () => {
  const replay = new RewardReplay(opening(0, all), TERMS)
  replay.next(opening(1, all))
  const { points, forfeits, payouts, book } = replay.next(opening(2, all, [1]))
  assert.is(points.lines[1]?.amount, 0)
  assert.equal(
    forfeits.map(({ amount, epoch }) => [amount, epoch]),
    [[100, 0]],
  )
  assert.equal(payouts, [], 'hand-overs name no reporter')
  assert.is(book.burned, 100)
  const third = replay.next(opening(3, all))
  assert.is(sumOf(third.payouts), 100 + 9 * 11, 'what was earned in epoch 0 is due at the end of epoch 2')
  assert.is(stockOf(third.book).amount + sumOf(third.payouts), 3 * TERMS.grant)
})

test('openings that do not follow, or whose attendance is of other seats or more than there were blocks, are refused', () => {
  const next = (after: Opening): string => codeOf(() => new RewardReplay(opening(0, all), TERMS).next(after))
  const good = opening(1, all)
  assert.is(next(good), 'nothing was thrown')
  assert.is(next(opening(2, all)), 'wrong-epoch')
  assert.is(next({ ...good, attendance: good.attendance.slice(1) }), 'bad-argument')
  assert.is(next({ ...good, attendance: good.attendance.toReversed() }), 'bad-argument')
  assert.is(next(opening(1, () => [11, 0])), 'bad-argument')
})

test('a genesis grants nothing, and its organizations are bounded as their seats are', () => {
  const { genesis } = world(4)
  const policy = { seats: 25, probationEpochs: 24, perTreeMax: 5, perOrganizationMax: 5 }
  assert.equal([rewardTermsOf(genesis).grant, rewardTermsOf(genesis).policy.organizationSeats], [0, 25])
  assert.is(rewardTermsOf({ ...genesis, policy }).policy.organizationSeats, 5)
})

test('the proof file is that of the vectors, and fits the document', () => {
  const { rewards } = new RewardReplay(opening(0, all), TERMS).next(
    opening(1, (seat) => (seat === 1 ? [7, 3] : all(seat)), [2]),
  )
  const shown = { rewards: rewardsOf({ ...rewards.head, evidence: bytesOf('evidence') }, rewards.lines) }
  const handOvers = [Uint8Array.of(1), Uint8Array.of(2, 2)]
  const file = rewardProofFile(bytesOf('net'), shown, 1, handOvers)
  assert.is(toHex(file), VECTORS.proof)
  const read = readRewardProof(fromHex(VECTORS.proof))
  assert.equal(read.handOvers.map(toHex), ['01', '0202'])
  const { line } = verifyLine(read.proof, shown.rewards.root, TERMS.policy)
  assert.equal([line.seat, line.attended, line.led, line.amount], [1, 7, 3, 100])
  const text = readFileSync(new URL('../../src/PROTOCOL.md', import.meta.url), 'utf8')
  assert.is(new Cddl(text).complaint('reward-proof', readCbor(file)), '')
  const many = Array.from({ length: LIMITS.rewardHandOversMax + 1 }, () => Uint8Array.of(1))
  assert.is(
    codeOf(() => rewardProofFile(bytesOf('net'), shown, 0, many)),
    'limit',
  )
})

test.run()

/** Who stands behind a checkpoint of a log that several homes witness: neither the home of the log alone, nor many others without it. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { type Committee, createCommittee } from '../../src/consensus/committee.ts'
import { type Bundle, checkpointSubject } from '../../src/consensus/publiclog/cosignature.ts'
import { HomesCount, type LogHome } from '../../src/consensus/publiclog/homes-count.ts'
import { usualPolicy } from '../../src/consensus/publiclog/network.ts'
import { bytesOf, keyPair } from './people.ts'
import { group, NET } from './publiclog.ts'

const test = suite('public log: several homes')
const SUBJECT = checkpointSubject('whatever is signed')

function home(name: string, epoch = 0, seats = 4): LogHome {
  const { committee } = group(name, seats, epoch)
  return counted(committee)
}

function counted(committee: Committee): LogHome {
  return { committee, nodes: committee.seats.map(({ memberId, weight }) => ({ id: memberId, weight })) }
}

/** Cosignatures of these seats, whose signatures have held. */
function by({ committee }: LogHome, ...seats: number[]): [Bundle, Committee] {
  const cosignatures = seats.map((seat) => ({ seat, seconds: 9, signature: new Uint8Array(64) }))
  return [{ ...SUBJECT, cid: committee.cid, cosignatures, weight: seats.length }, committee]
}

function counting(seat: LogHome, ...others: LogHome[]): HomesCount {
  const count = new HomesCount({ seat, others })
  count.open(SUBJECT)
  return count
}

const [seat, other] = [home('seat'), home('other')]

test('neither a quorum where the log is seated nor two thirds of all weight suffice alone', () => {
  const alone = counting(seat, other)
  assert.equal(alone.add(...by(seat, 0, 1, 2, 3)), { weight: 4, carried: true, reached: false })
  assert.equal(alone.add(...by(other, 0)), { weight: 5, carried: true, reached: false })
  assert.equal(alone.add(...by(other, 3)), { weight: 6, carried: true, reached: true })
  const without = counting(seat, other, home('third'))
  without.add(...by(other, 0, 1, 2, 3))
  without.add(...by(home('third'), 0, 1, 2, 3))
  assert.equal(without.add(...by(seat, 0, 1)), { weight: 10, carried: false, reached: false })
  assert.equal(without.add(...by(seat, 2)), { weight: 11, carried: true, reached: true })
})

test('with one home, what is carried is what the network has cosigned', () => {
  const count = counting(seat)
  assert.equal(count.add(...by(seat, 0, 1)), { weight: 2, carried: false, reached: false })
  assert.equal(count.add(...by(seat, 2)), { weight: 3, carried: true, reached: true })
})

test('who is seated in two homes counts once, and carries nothing by the seat elsewhere', () => {
  const [guest] = seat.committee.seats
  const seats = [{ memberId: guest?.memberId as Uint8Array, epochKey: keyPair('guest').publicKey, weight: 1 }]
  const visited = counted(createCommittee({ netId: NET, nid: bytesOf('visited', 16), epoch: 0, seats }))
  const count = counting(seat, visited)
  assert.is(count.total, 4)
  count.add(...by(visited, 0))
  assert.equal(count.add(...by(seat, 1, 2)), { weight: 3, carried: false, reached: false })
  assert.equal(count.add(...by(seat, 0)), { weight: 3, carried: true, reached: true })
})

test('what was signed in another epoch of a home counts for nothing', () => {
  const count = counting(seat, home('other', 1))
  assert.is(count.add(...by(other, 0, 1, 2, 3)), null)
  assert.is(count.add(...by(home('seat', 1), 0, 1, 2, 3)), null)
  assert.is(count.standing(SUBJECT)?.weight, 0)
  assert.is(count.add(...by(home('other', 1), 0, 1))?.weight, 2)
})

test('WITNESSED asks for as many neighborhoods as there are, and no more than three', () => {
  assert.equal(
    [1, 2, 3, 9].map((homes) => usualPolicy(homes).neighborhoods),
    [1, 2, 3, 3],
  )
})

test.run()

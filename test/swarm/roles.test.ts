/** Draws of roles: everyone who has the shares of the beacon repeats them, and nobody can do more than take himself out. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { compare, toHex } from '../../src/core/bytes.ts'
import { blake3Of } from '../../src/core/digest.ts'
import { vrfKeyOf, vrfProve, vrfVerify } from '../../src/proof/vrf.ts'
import { CAPABILITY, type Drawable, drawOf, rolesOf } from '../../src/swarm/roles.ts'
import { deriveKey } from '../../src/wasm/hash.ts'
import { codeOf } from '../kit/refusal.ts'
import { idOf } from './nodes.ts'

const ALL = CAPABILITY.broker | CAPABILITY.masterNode | CAPABILITY.operator | CAPABILITY.natConsistent

function seatsFor(draw: string, capabilities: (seat: number) => number = () => ALL): Drawable[] {
  return Array.from({ length: 25 }, (_, i) => {
    return { id: idOf(i), capabilities: capabilities(i), output: deriveKey('webx v1 test', idOf(`${draw} ${i}`), 64) }
  })
}

const roles = suite('swarm/roles')

roles('three MasterNodes, two Brokers, and it does not matter in which order the seats are told', () => {
  const seats = seatsFor('a')
  const drawn = rolesOf(seats, [])
  assert.equal([drawn.masterNodes.length, drawn.brokers.length, drawn.operators.length], [3, 2, 0])
  assert.equal(rolesOf(seats.toReversed(), []), drawn)
  const tickets = drawOf('master-node', seats).map(({ ticket }) => ticket as Uint8Array)
  for (let i = 1; i < 25; i++) assert.ok(compare(tickets[i - 1] as Uint8Array, tickets[i] as Uint8Array) < 0)
})

roles('only the capable, only who gave a share; everyone is told why', () => {
  const seats = seatsFor('b', (i) =>
    i < 2 ? CAPABILITY.masterNode : i === 2 ? CAPABILITY.broker : i === 3 ? CAPABILITY.broker | CAPABILITY.natOpen : 0,
  )
  const silent = seats.map((seat, i) => (i === 1 ? { ...seat, output: null } : seat))
  assert.equal(rolesOf(silent, []), { masterNodes: [idOf(0)], brokers: [idOf(3)], operators: [] })
  const why = (role: 'master-node' | 'broker', i: number) =>
    drawOf(role, silent).find(({ id }) => compare(id, idOf(i)) === 0)?.why
  assert.equal(
    [why('master-node', 0), why('master-node', 1), why('master-node', 2)],
    ['drawn', 'no-output', 'not-capable'],
  )
  assert.equal([why('broker', 2), why('broker', 3)], ['nat-closed', 'drawn'])
})

roles('operators are who is certified and says so, whatever the lot', () => {
  const seats = seatsFor('c', (i) => (i < 3 ? CAPABILITY.operator : 0))
  assert.equal(rolesOf(seats, [idOf(1), idOf(7), idOf('stranger')]).operators, [idOf(1)])
})

roles('who withholds its share takes itself out, and all others keep their order', () => {
  const seats = seatsFor('d')
  const line = drawOf('master-node', seats).map(({ id }) => toHex(id))
  for (const place of [0, 2, 10]) {
    const silent = seats.map((seat) => (toHex(seat.id) === line[place] ? { ...seat, output: null } : seat))
    const rest = drawOf('master-node', silent).slice(0, 24)
    assert.equal(
      rest.map(({ id }) => toHex(id)),
      line.filter((_, i) => i !== place),
    )
    assert.equal(
      rest.map(({ place: at }) => at),
      Array.from({ length: 24 }, (_, i) => i),
    )
  }
})

roles('every seat leads as often as any other, and who leads has no better chance to be a Broker', () => {
  const draws = 1_000
  const led = new Array<number>(25).fill(0)
  let both = 0
  for (let i = 0; i < draws; i++) {
    const { masterNodes, brokers } = rolesOf(seatsFor(`fair ${i}`), [])
    const leader = toHex(masterNodes[0] as Uint8Array)
    const seat = Array.from({ length: 25 }, (_, s) => toHex(idOf(s))).indexOf(leader)
    led[seat] = (led[seat] as number) + 1
    if (brokers.some((id) => toHex(id) === leader)) both++
  }
  // 40 expected with a deviation of 6; 80 expected with 9.
  for (const count of led) assert.ok(count > 12 && count < 72, `${count} of ${draws}`)
  assert.ok(both > 40 && both < 125, `${both} of ${draws}`)
})

roles(
  'from secrets to roles: another repeats the draw from the proofs alone, and a share of somebody else is none',
  () => {
    const input = blake3Of('webx v1 test', Uint8Array.of(9))
    const people = Array.from({ length: 4 }, (_, i) => {
      const secret = idOf(`secret ${i}`)
      return { id: idOf(i), key: vrfKeyOf(secret), proof: vrfProve(secret, input) }
    })
    const seats = people.map(({ id, key, proof }) => ({ id, capabilities: ALL, output: vrfVerify(key, input, proof) }))
    const { masterNodes } = rolesOf(seats, [])
    assert.is(masterNodes.length, 3)
    const [first, second] = people as [(typeof people)[0], (typeof people)[0]]
    assert.is(vrfVerify(first.key, input, second.proof), null)
  },
)

roles('an output of another length is our own mistake', () => {
  const [seat] = seatsFor('e') as [Drawable]
  assert.is(
    codeOf(() => rolesOf([{ ...seat, output: new Uint8Array(32) }], [])),
    'bad-argument',
  )
})

roles.run()

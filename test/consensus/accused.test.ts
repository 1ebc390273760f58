/** Members that are accused of not answering, and answer. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { Pool } from '../../src/consensus/epoch/pool.ts'
import { equal } from '../../src/core/bytes.ts'
import { Hoods, type Node, sparePeople } from './hoods.ts'
import { bytesOf, world } from './people.ts'

const four = world(4)
const test = suite('neighborhood: the accused')

function isAccused(net: Hoods, about: Node): boolean[] {
  return net.nodes.map(({ hood }) => hood.term.state.membership.isAccused(about.person.id))
}

function answers(net: Hoods, about: Node): number[] {
  return net.nodes.map(({ hood }) => hood.term.state.membership.answersOf(about.person.id))
}

test('who is there answers, seat or spare, as often as it is accused, and keeps its place', () => {
  const net = new Hoods({ world: four, spares: sparePeople(1) })
  const [victim, spare] = [net.nodes[2] as Node, net.nodes[4] as Node]
  for (const { person } of [victim, spare]) for (const i of [0, 1]) net.act(i, (hood) => hood.suspect(person.id, true))
  net.run(2_000)
  assert.equal(isAccused(net, victim), Array(5).fill(false))
  assert.equal(isAccused(net, spare), Array(5).fill(false))
  assert.ok((answers(net, spare)[0] as number) >= 1)
  const first = answers(net, victim)[0] as number
  assert.ok(first >= 1)
  net.act(3, (hood) => hood.suspect(victim.person.id, true))
  net.run(2_000)
  assert.equal(isAccused(net, victim), Array(5).fill(false))
  assert.equal(answers(net, victim), Array(5).fill(first + 1))
  for (const i of net.nodes.keys()) net.act(i, (hood) => hood.wantTurn())
  net.run(3_000)
  const { opening } = (net.nodes[0] as Node).hood.term
  assert.is(opening.epoch, 1)
  assert.ok(opening.seats.some(({ memberId }) => equal(memberId, victim.person.id)))
  assert.ok(opening.roster.some(({ id }) => equal(id, spare.person.id)))
})

test('who is not there stays accused, and one accuser takes nobody away', () => {
  const net = new Hoods({ world: four, spares: sparePeople(1) })
  const gone = net.nodes[2] as Node
  gone.isUp = false
  net.act(0, (hood) => hood.suspect(gone.person.id, true))
  net.run(2_500)
  assert.ok(isAccused(net, gone)[0])
  assert.not.ok(net.nodes[0]?.hood.term.state.membership.hasChanged)
  net.act(1, (hood) => hood.suspect(gone.person.id, true))
  net.run(2_500)
  assert.ok(net.nodes[0]?.hood.term.state.membership.hasChanged)
})

test('evidence takes the room of the guilty, who alone can make any, and only once', () => {
  const pool = new Pool()
  const against = (guilty: string, name: string) => {
    const digest = bytesOf(name)
    return pool.add({ bytes: digest, ordered: { digest, kind: 'evidence', guilty: bytesOf(guilty) } }, 0)
  }
  assert.ok(against('one', 'a'))
  for (let i = 0; i < 100; i++) assert.not(against('one', `more ${i}`))
  assert.ok(against('other', 'b'))
})

test.run()

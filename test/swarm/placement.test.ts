/**
 * Neighborhoods: whoever comes and goes, each of them has 25 to 67 members and a name of its own, and hardly anybody else is moved.
 */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { compare, toHex } from '../../src/core/bytes.ts'
import {
  MEMBERS_MAX,
  MEMBERS_MIN,
  type Member,
  neighborhoodId,
  Placement,
  positionOf,
} from '../../src/swarm/placement.ts'
import { codeOf } from '../kit/refusal.ts'
import { dice, idOf, memberOf } from './nodes.ts'

const NET = idOf('net')
const placement = suite('swarm/placement')

placement('a net that begins: neighborhoods of about 40, everyone in the one of its position', () => {
  for (const count of [0, 1, 24, 25, 62, 63, 67, 68, 127, 1_000]) {
    const members = Array.from({ length: count }, (_, i) => memberOf(i))
    const tree = Placement.of(members)
    assertSound(tree, count)
    for (const { id, position } of members) assert.is(tree.leafOf(id), tree.leafAt(position))
    assert.is(tree.leafOf(idOf('stranger')), null)
  }
})

placement(
  'whatever comes and goes: sizes, names and borders hold, and `moved` counts whose neighborhood is another one',
  () => {
    const run = fc.record({
      start: fc.integer({ min: 0, max: 200 }),
      seed: fc.nat(),
      bias: fc.constantFrom(0.3, 0.5, 0.7),
    })
    fc.assert(
      fc.property(run, ({ start, seed, bias }) => {
        const roll = dice(seed)
        const members = Array.from({ length: start }, (_, i) => memberOf(`${seed} ${i}`))
        const tree = Placement.of(members)
        for (let event = 0; event < 120; event++) {
          const before = homesOf(tree)
          const isComing = members.length === 0 || roll(1_000) < 1_000 * bias
          const index = roll(members.length)
          const changes = isComing
            ? tree.join(memberOf(`${seed} late ${event}`))
            : tree.leave((members[index] as Member).id)
          if (isComing) members.push(memberOf(`${seed} late ${event}`))
          else members.splice(index, 1)
          const after = homesOf(tree)
          let moved = 0
          for (const [name, home] of before) if (after.has(name) && after.get(name) !== home) moved++
          const counted = sum(changes.map((change) => change.moved))
          // A newcomer itself may stand in the half that was founded; a node may be lent and merged in one go.
          if (isComing) assert.ok(counted === moved || counted === moved + 1)
          else if (changes.length === 1) assert.is(counted, moved)
          else assert.ok(counted >= moved)
          assertSound(tree, members.length)
        }
      }),
      { numRuns: 12 },
    )
  },
)

placement('the next tree follows from the last one and the new set, in whatever order that is told', () => {
  const roll = dice(3)
  const start = Array.from({ length: 400 }, (_, i) => memberOf(i))
  const next = [...start.filter(() => roll(10) > 2), ...Array.from({ length: 90 }, (_, i) => memberOf(`new ${i}`))]
  const [one, other] = [Placement.of(start), Placement.of(start.toReversed())]
  assert.equal(one.update(next), other.update(next.toSorted((a, b) => compare(a.id, b.id))))
  assert.equal(one.leaves, other.leaves)
  assertSound(one, next.length)
  assert.equal(one.update(next), [])
})

placement(
  '2,000 nodes, 4,000 comings and goings: at most 0.05 moved by a pair of them, all seats filled at every step',
  () => {
    const roll = dice(1)
    const members = Array.from({ length: 2_000 }, (_, i) => memberOf(i))
    const tree = Placement.of(members)
    let moved = 0
    for (let event = 0; event < 4_000; event++) {
      const index = roll(members.length)
      const newcomer = memberOf(`late ${event}`)
      for (const change of tree.leave((members[index] as Member).id)) moved += change.moved
      for (const leaf of tree.leaves) assert.ok(leaf.members.length >= MEMBERS_MIN)
      for (const change of tree.join(newcomer)) moved += change.moved
      members[index] = newcomer
    }
    assertSound(tree, members.length)
    assert.ok(moved > 0 && moved / 4_000 <= 0.05, `moved ${moved / 4_000}`)
  },
)

placement('who lends its last member to spare turns to its own sibling, or becomes one with it', () => {
  for (const [left, last] of [
    [42, { kind: 'lend', from: '11', to: '10', moved: 6 }],
    [25, { kind: 'merge', from: '11', to: '1', moved: 25 }],
  ] as const) {
    const tree = Placement.of(Array.from({ length: 126 }, (_, i) => memberOf(i)))
    assert.equal(
      tree.leaves.map(({ prefix, members }) => [prefix, members.length]),
      [
        ['0', 42],
        ['10', 42],
        ['11', 42],
      ],
    )
    const shrink = (leaf: number, size: number) => {
      const members = tree.leaves[leaf]?.members as readonly Member[]
      return [...members].slice(0, members.length - size).flatMap(({ id }) => tree.leave(id))
    }
    assert.equal([...shrink(2, left), ...shrink(1, 25), ...shrink(0, 25)], [])
    assert.equal(shrink(0, 24), [{ kind: 'lend', from: '10', to: '0', moved: 1 }, last])
    assertSound(tree, 25 + 25 + left - 1)
  }
})

placement('a net that shrinks to nothing and grows again', () => {
  const members = Array.from({ length: 300 }, (_, i) => memberOf(i))
  const tree = Placement.of(members)
  for (let left = 299; left >= 0; left--) {
    tree.leave((members[left] as Member).id)
    assertSound(tree, left)
  }
  members.forEach((member, i) => {
    tree.join(member)
    assertSound(tree, i + 1)
  })
})

placement('who is there cannot come, who is not cannot go', () => {
  const tree = Placement.of([memberOf(1)])
  assert.is(
    codeOf(() => tree.join(memberOf(1))),
    'bad-argument',
  )
  assert.is(
    codeOf(() => tree.leave(idOf(2))),
    'bad-argument',
  )
  assert.is(
    codeOf(() => tree.join({ id: idOf(2), position: new Uint8Array(31) })),
    'bad-argument',
  )
})

placement('a lower half keeps the name of the whole, no two neighborhoods share one', () => {
  assert.equal(neighborhoodId(NET, '01'), neighborhoodId(NET, '0100'))
  assert.equal(neighborhoodId(NET, ''), neighborhoodId(NET, '000'))
  assert.not.equal(neighborhoodId(NET, '01'), neighborhoodId(NET, '011'))
  assert.not.equal(neighborhoodId(NET, '01'), neighborhoodId(idOf('other net'), '01'))
})

placement('positions: each node moves once a day, at an hour of its own', () => {
  const saltOf = (day: number) => idOf(`salt ${day}`)
  const ids = Array.from({ length: 500 }, (_, i) => idOf(i))
  const moves = Array.from({ length: 24 }, (_, i) => 24 * 20_000 + i).map((hour) => {
    return ids.filter((id) => compare(positionOf(id, hour, saltOf), positionOf(id, hour - 1, saltOf)) !== 0).length
  })
  assert.is(sum(moves), 500)
  for (const count of moves) assert.ok(count > 3 && count < 45, `${count} of 500 in one hour`)
})

/** All that must hold of a tree at any time. */
function assertSound(tree: Placement, count: number): void {
  const { leaves } = tree
  const all = leaves.flatMap((leaf) => leaf.members)
  assert.is(all.length, count)
  for (let i = 1; i < count; i++) assert.ok(compare((all[i - 1] as Member).position, (all[i] as Member).position) < 0)
  for (const leaf of leaves) {
    assert.ok(leaf.members.length <= MEMBERS_MAX && (leaf.members.length >= MEMBERS_MIN || leaves.length === 1))
    const [first, last] = [leaf.members[0], leaf.members.at(-1)]
    if (first && last) assert.ok(tree.leafAt(first.position) === leaf && tree.leafAt(last.position) === leaf)
  }
  // The prefixes are a complete code, and ascend.
  assert.is(sum(leaves.map(({ prefix }) => 2 ** -prefix.length)), 1)
  for (let i = 1; i < leaves.length; i++) assert.ok((leaves[i - 1]?.prefix as string) < (leaves[i]?.prefix as string))
  assert.is(new Set(leaves.map(({ prefix }) => toHex(neighborhoodId(NET, prefix)))).size, leaves.length)
}

/** Name of the neighborhood of each member, by identity. */
function homesOf(tree: Placement): Map<string, string> {
  const homes = new Map<string, string>()
  for (const { prefix, members } of tree.leaves) {
    const name = toHex(neighborhoodId(NET, prefix))
    for (const { id } of members) homes.set(toHex(id), name)
  }
  return homes
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

placement.run()

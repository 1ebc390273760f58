/** A neighborhood becomes two: who is where, what each owns, and that nobody and nothing is in both. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { isSprouts } from '../../src/consensus/epoch/division.ts'
import { readHandOver } from '../../src/consensus/epoch/handover.ts'
import { committeeOfOpening } from '../../src/consensus/epoch/opening.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { batchKey, SPACE } from '../../src/consensus/records.ts'
import { emptyStateRoot } from '../../src/consensus/statetree.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { balanceOf } from '../../src/ledger/account.ts'
import { keyLogOrder } from '../../src/ledger/terms.ts'
import { anchorOf, Hoods, type HoodsOptions, type Node, sparePeople } from './hoods.ts'
import { issuerWallet, mint, person, signOrder, Wallet, world } from './people.ts'

const FUNDS = 1_000
const four = world(4)
const spares = sparePeople(4)
const test = suite('neighborhood: division')

/** Four seats and four spares, which may be divided into four and four. */
function grown(options: Partial<HoodsOptions> = {}): { net: Hoods; one: Wallet; other: Wallet } {
  const net = new Hoods({ world: four, spares, halfMin: 4, ...options })
  const [one, other] = [0, 1].map((i) => new Wallet(four, person(`owner ${i}`))) as [Wallet, Wallet]
  for (const wallet of [one, other]) net.send(wallet.incept())
  net.run(200)
  net.send(issuerWallet(four).order(mint(four, FUNDS, one.oid)))
  net.run(300)
  net.send(one.order(one.pay(other.oid, 10)))
  net.run(300)
  return { net, one, other }
}

function turn(net: Hoods): void {
  for (const [i, { isUp }] of net.nodes.entries()) if (isUp) net.act(i, (hood) => hood.wantTurn())
}

const of = (net: Hoods, isIn: (node: Node) => boolean): Node[] => net.nodes.filter(isIn)
const isInSprout = ({ hood }: Node): boolean => !equal(hood.term.opening.nid, four.genesis.neighborhood)
const holds = (nodes: readonly Node[], { oid }: Wallet): number[] =>
  nodes.map(({ hood }) => balanceOf(hood.register.object(oid)?.state ?? null, four.asset))

test('one becomes two: everybody is in one of them, all objects stay in one, and both go on', () => {
  const { net, one, other } = grown()
  turn(net)
  net.run(6_000)
  const stem = of(net, (node) => !isInSprout(node))
  const sprout = of(net, isInSprout)
  assert.equal([stem.length, sprout.length], [4, 4], net.refused.join('\n'))
  for (const part of [stem, sprout]) {
    assert.is(new Set(part.map(({ hood }) => toHex(hood.term.committee.cid))).size, 1)
    for (const { hood, person: who } of part) {
      const { opening } = hood.term
      assert.is(opening.epoch, 1)
      assert.is(opening.roster.length, 4)
      assert.ok(opening.roster.some(({ id }) => equal(id, who.id)))
      assert.ok(hood.term.seat !== null)
    }
  }
  assert.equal(holds(stem, other), Array(4).fill(10))
  for (const { hood } of sprout) {
    assert.is([...hood.register.objects()].length, 0)
    assert.equal(hood.register.stateRoot(), emptyStateRoot())
  }
  const [{ hood: here }, { hood: there }] = [stem[0] as Node, sprout[0] as Node]
  const { nid } = there.term.opening
  net.send(one.order(one.pay(other.oid, 5)))
  const resident = person('resident', 'human')
  net.send(signOrder(four.genesis, resident, keyLogOrder(nid, resident.id, resident.inception)))
  net.run(600)
  assert.equal(holds(stem, other), Array(4).fill(15))
  for (const { hood } of sprout)
    assert.equal(
      [...hood.register.objects()].map(({ settled }) => settled),
      [1],
    )
  turn(net)
  net.run(6_000)
  assert.equal(
    net.nodes.map(({ hood }) => hood.term.opening.epoch),
    Array(8).fill(2),
  )
  assert.not.equal(here.term.opening.seed, there.term.opening.seed)
  assert.equal(holds(stem, other), Array(4).fill(15))
})

test.run()

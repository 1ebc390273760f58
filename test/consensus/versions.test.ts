/** Nodes of several versions in one neighborhood, and stores of the program before: what an epoch speaks, who cannot follow, and that nothing settled is lost. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { decodeObject, SPACE } from '../../src/consensus/records.ts'
import { SIMPLEX_SPACE } from '../../src/consensus/simplex/records.ts'
import { toHex } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import type { VersionRange } from '../../src/core/versions.ts'
import { balanceOf } from '../../src/ledger/account.ts'
import { Hoods, type Node, sparePeople } from './hoods.ts'
import { issuerWallet, mint, person, Wallet, world } from './people.ts'

const OLD: VersionRange = { min: 1, max: 1 }
const BOTH: VersionRange = { min: 1, max: 2 }
const NEW: VersionRange = { min: 2, max: 2 }
const four = world(4)
const test = suite('neighborhood: versions')

/** Turns the epoch; returns the number and the version of the one that every node is in then. */
function turned(net: Hoods, forMs = 3_000): string[] {
  for (const [i, { isUp }] of net.nodes.entries()) if (isUp) net.act(i, (hood) => hood.wantTurn())
  net.run(forMs)
  return net.nodes.map(({ hood }) => `${hood.term.opening.epoch} in ${hood.term.opening.version}`)
}

test('one member that speaks the old version only keeps all in it; one that does not speak it is not ready', () => {
  const net = new Hoods({ world: four, versions: (i) => [OLD, BOTH, BOTH, NEW][i] as VersionRange })
  assert.equal(turned(net, 5_000), Array(4).fill('1 in 1'), 'nobody is held up')
  const { committee } = (net.nodes[0] as Node).hood.term
  const silent = committee.seats.filter(({ epochKey }) => epochKey.every((byte) => byte === 0))
  assert.equal(
    silent.map(({ memberId }) => toHex(memberId)),
    [toHex((net.nodes[3] as Node).person.id)],
  )
})

test('a spare that speaks the old version only keeps nobody back, and takes no seat in an epoch of the new one', () => {
  const net = new Hoods({ world: four, spares: sparePeople(1), versions: (i) => (i === 4 ? OLD : BOTH) })
  assert.equal(turned(net), Array(5).fill('1 in 2'))
  const gone = net.nodes[1] as Node
  gone.isUp = false
  for (const i of [0, 2, 3]) net.act(i, (hood) => hood.suspect(gone.person.id, true))
  turned(net, 13_500)
  const { opening } = (net.nodes[0] as Node).hood.term
  assert.is(opening.epoch, 2)
  const spare = toHex((net.nodes[4] as Node).person.id)
  assert.ok(
    opening.seats.every(({ memberId, epochKey }) => toHex(memberId) !== spare || epochKey.every((b) => b === 0)),
  )
  assert.is(net.nodes[4]?.hood.term.seat, null)
})

test('where all speak the new version the next epoch does; a member that was put back to an old program follows, and says nothing', () => {
  let isPutBack = false
  const net = new Hoods({ world: four, versions: (i) => (i === 2 && isPutBack ? OLD : BOTH) })
  assert.equal(turned(net), Array(4).fill('1 in 2'))
  const node = net.nodes[2] as Node
  assert.is.not(node.hood.term.seat, null)
  isPutBack = true
  node.restart()
  assert.is(node.hood.term.seat, null)
  const said: string[] = []
  const finish = node.finish.bind(node)
  node.finish = (effects, sign) => {
    const all = finish(effects, sign)
    for (const effect of all) {
      if (effect.kind === 'say') said.push(effect.what)
      else if (effect.kind !== 'epoch' && effect.kind !== 'block') said.push(effect.kind)
      else if (effect.kind === 'block' && effect.effect.kind === 'publish') said.push(effect.effect.what)
    }
    return all
  }
  assert.equal(turned(net, 5_000), Array(4).fill('2 in 2'), 'there is no way back')
  assert.equal(said, [])
  assert.is(node.hood.term.seat, null)
})

test('a store of the time before there were epochs opens, and goes on into the next one', () => {
  const net = new Hoods({ world: four })
  const wallets = [0, 1].map((i) => new Wallet(four, person(`owner ${i}`)))
  const [one, other] = wallets as [Wallet, Wallet]
  for (const wallet of wallets) net.send(wallet.incept())
  net.run(200)
  net.send(issuerWallet(four).order(mint(four, 100, one.oid)))
  net.run(300)
  net.send(one.order(one.pay(other.oid, 10)))
  net.run(500)
  for (const node of net.nodes) {
    const objects = [...node.disk.scan(SPACE.object)]
    assert.ok(objects.length >= 3)
    const old = objects.map(({ key, value }) => {
      const fields = decode(value) as readonly Cbor[]
      return { space: SPACE.object, key, value: encode(fields.slice(0, 7)) }
    })
    const { epochOpening, said, handOver, frozen, decided, opening } = SPACE
    const later = [epochOpening, said, handOver, frozen, decided, opening, ...Object.values(SIMPLEX_SPACE)]
    const gone = later.flatMap((space) => [...node.disk.scan(space)].map(({ key }) => ({ space, key, value: null })))
    node.disk.write([...old, ...gone])
    node.disk.sync()
    node.restart()
    assert.is(decodeObject(old[0]?.value as Uint8Array).covered, 0)
  }
  net.run(500)
  assert.equal(turned(net), Array(4).fill('1 in 1'))
  assert.is(new Set(net.nodes.map(({ hood }) => toHex(hood.term.opening.stateRoot))).size, 1)
  net.send(one.order(one.pay(other.oid, 5)))
  net.run(800)
  const balances = net.nodes.map(({ hood }) => balanceOf(hood.register.object(other.oid)?.state ?? null, four.asset))
  assert.equal(balances, Array(4).fill(15))
})

test.run()

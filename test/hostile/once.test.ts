import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Effect } from '../../src/consensus/effects.ts'
import { orderBody, orderBytes, orderEnvelope, orderSignedBytes, readOrder } from '../../src/consensus/order.ts'
import { readVoteBatch, VOTE, type VoteEntry } from '../../src/consensus/statement.ts'
import { equal } from '../../src/core/bytes.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { keyLogOrder, type OrderFields } from '../../src/ledger/terms.ts'
import { Member, of } from '../consensus/member.ts'
import { bytesOf, person, Wallet, world } from '../consensus/people.ts'
import { MemoryNet } from '../kit/node.ts'
import { makePerson } from '../kit/people.ts'
import '../kit/wasm.ts'

const test = suite('attacks that worked once')

/** A lying seat fills its quota of votes about nothing, so that a slot is closed under the feet of those who still point at it. */
test('no pressure on the table of slots brings a second vote for one version', () => {
  const net = world(25)
  const member = new Member(net, 0)
  const cheat = member.fund(new Wallet(net, person('cheat')), 100)
  const liar = member.others[24] as (typeof member.others)[number]
  const slot = { oid: cheat.oid, version: 1 }
  let number = 0
  const nothing = (count: number): VoteEntry[] =>
    Array.from({ length: count }, () => ({
      kind: VOTE.lock,
      oid: bytesOf(`nothing ${number++}`),
      version: 1,
      od: bytesOf('x'),
    }))
  const say = (entries: VoteEntry[]): void => {
    member.register.step({ kind: 'votes', batch: liar.batch(entries) }, member.nowMs)
  }
  const one = cheat.peek(cheat.pay(bytesOf('bob'), 100), bytesOf('a', 16))
  const other = cheat.peek(cheat.pay(bytesOf('eve'), 100), bytesOf('b', 16))
  const voted = (effects: readonly Effect[]): Uint8Array[] =>
    of(effects as Effect[], 'publish')
      .filter(({ what }) => what === 'batch')
      .flatMap(({ bytes }) => readVoteBatch(decodeEnvelope(bytes), member.committee).entries)
      .filter((entry) => equal(entry.oid, slot.oid))
      .map(({ od }) => od)

  say([{ kind: VOTE.lock, ...slot, od: bytesOf('y') }])
  say(nothing(255))
  say([...nothing(255), { kind: VOTE.confirm, ...slot, od: bytesOf('y') }])
  const first = voted([...member.order(one), ...member.turn()])
  say(nothing(256))
  const second = voted([...member.order(other), ...member.turn()])
  const distinct = [...first, ...second].filter((od, i, all) => all.findIndex((each) => equal(each, od)) === i)
  assert.is(distinct.length, 1)
})

test('a guest cannot halt a node by what he signs about himself', async () => {
  const net = new MemoryNet(4)
  const members = await net.members()
  try {
    const guest = makePerson()
    const { netId, neighborhood } = net.net.genesis
    const signed = (terms: OrderFields): Uint8Array => {
      const body = orderBody(terms)
      return orderBytes(readOrder(orderEnvelope(netId, body, guest.sign(orderSignedBytes(netId, body)))))
    }
    const terms = keyLogOrder(neighborhood, guest.id, guest.inception)
    const link = net.bus.connect('guest')
    const topic = members[0]?.context.topics.order as string
    let halted = 0
    for (const member of members) void member.failed.then(() => halted++)
    await link.publish(topic, signed(terms))
    await net.pass(3_000)
    await link.publish(topic, signed({ ...terms, keyPosition: 7 }))
    await net.pass(3_000)
    assert.is(halted, 0)
    assert.is(members[0]?.context.counters.read()['broken.apply'], undefined)
    assert.is(net.said(TYPE.evidence).length, 0, 'and nobody is convicted by it')
  } finally {
    for (const member of members) await member.stop()
  }
})

test.run()

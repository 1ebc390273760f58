/**
 * Messages along rows and columns: how far they get, at what price, and what a liar can make of it.
 */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { fromText } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { Gossip, type News, type Send } from '../../src/swarm/gossip.ts'
import { decodeGossip, encodeGossip, type GossipMessage, gossipId, summaryOf } from '../../src/swarm/gossip-message.ts'
import { peersOf, placeOf } from '../../src/swarm/matrix.ts'
import { type Measured, relayOrder } from '../../src/swarm/measured.ts'
import { CAPABILITY } from '../../src/swarm/roles.ts'
import { codeOf } from '../kit/refusal.ts'
import { idOf } from './nodes.ts'
import { reachAll } from './spread.ts'

const HELLO = fromText('hello')
const rumor = (text: string, hops = 3): GossipMessage => ({ kind: 'rumor', hops, bytes: fromText(text) })
const seatOf = (seat: number) => new Gossip(seat, 25, 0)

const matrix = suite('swarm/matrix')

matrix('eight peers each, mutual, and any two seats at most two hops apart', () => {
  for (let seat = 0; seat < 25; seat++) {
    const peers = peersOf(seat, 25)
    assert.is(peers.length, 8)
    for (const peer of peers) {
      assert.ok(peersOf(peer, 25).includes(seat))
      assert.ok(placeOf(peer).row === placeOf(seat).row || placeOf(peer).column === placeOf(seat).column)
    }
    const near = new Set([seat, ...peers, ...peers.flatMap((peer) => peersOf(peer, 25))])
    assert.is(near.size, 25)
  }
})

matrix('a small neighborhood is one row, a place that is none is refused', () => {
  assert.equal(peersOf(1, 4), [0, 2, 3])
  assert.equal(peersOf(0, 1), [])
  for (const [seat, seats] of [
    [4, 4],
    [-1, 4],
    [0, 33],
    [Number.NaN, 4],
  ] as const) {
    assert.is(
      codeOf(() => peersOf(seat, seats)),
      'bad-argument',
    )
  }
})

const gossip = suite('swarm/gossip')

gossip(
  'what is published goes to all peers; what is news goes on to all but the one it came from; what is known goes nowhere',
  () => {
    const [publisher, relay] = [seatOf(0), seatOf(1)]
    const sends = publisher.publish(HELLO, 0)
    assert.equal(
      sends.map(({ to }) => to),
      peersOf(0, 25),
    )
    const { news } = relay.receive(0, rumor('hello'), 0)
    assert.equal(news, { id: gossipId(HELLO), bytes: HELLO, from: 0, hops: 3 })
    const onward = relay.accept(news as News, 0)
    assert.equal(
      onward.map(({ to }) => to),
      peersOf(1, 25).filter((peer) => peer !== 0),
    )
    assert.ok(onward.every(({ message }) => message.kind === 'rumor' && message.hops === 2))
    assert.equal(relay.receive(2, rumor('hello'), 0), { news: null, sends: [] })
    assert.equal(publisher.receive(1, rumor('hello', 2), 0), { news: null, sends: [] })
  },
)

gossip('the last hop goes no further, and what was found false is neither passed on nor looked at again', () => {
  const seat = seatOf(0)
  assert.equal(seat.accept(seat.receive(1, rumor('last', 1), 0).news as News, 0), [])
  assert.ok(seat.receive(1, rumor('false'), 0).news)
  assert.is(seat.receive(2, rumor('false'), 0).news, null)
  assert.is(seat.sizes.held, 1)
})

gossip('two seats find out what each lacks, and have it after one exchange', () => {
  const [one, other] = [seatOf(0), seatOf(24)]
  one.publish(fromText('a'), 0)
  one.heard(fromText('both'), 0)
  other.heard(fromText('both'), 0)
  other.heard(fromText('b'), 0)
  const got = exchange(one, other, 5_000)
  assert.equal(got, ['24 has a', '0 has b'])
  assert.equal(exchange(one, other, 10_000), [])
})

gossip('what was passed on a minute ago is let go, but not taken for news', () => {
  const seat = seatOf(0)
  seat.publish(HELLO, 0)
  seat.tick(LIMITS.gossipHeldMs - 1, 0)
  assert.is(seat.sizes.held, 1)
  seat.tick(LIMITS.gossipHeldMs + 5_000, 0)
  assert.equal(seat.sizes, { held: 0, heldBytes: 0, seen: 1 })
  assert.is(seat.receive(3, rumor('hello'), 70_000).news, null)
})

gossip('lists and wishes that nobody asked for, and summaries without end, get nothing', () => {
  const seat = seatOf(0)
  seat.publish(HELLO, 0)
  const id = gossipId(HELLO)
  assert.equal(seat.receive(7, { kind: 'list', ids: [] }, 0).sends, [])
  assert.equal(seat.receive(7, { kind: 'want', ids: [id] }, 0).sends, [])
  const other = summaryOf([])
  assert.is(seat.receive(7, other, 0).sends.length, 1)
  assert.equal(seat.receive(7, other, 100).sends, [])
  assert.is(seat.receive(7, { kind: 'want', ids: [id] }, 100).sends.length, 1)
  assert.equal(seat.receive(7, { kind: 'want', ids: [id] }, 100).sends, [])
  assert.is(seat.receive(7, other, 2_500).sends.length, 1)
  assert.equal(seat.receive(0, other, 9_000).sends, [])
  assert.equal(seat.receive(25, other, 9_000).sends, [])
})

gossip('a flood fills what it may and no more, and one answer is not all that is held', () => {
  const seat = seatOf(0)
  const large = (i: number) => new Uint8Array(60 * 1_024).fill(i)
  for (let i = 0; i < 200; i++) seat.heard(large(i), 0)
  assert.ok(seat.sizes.heldBytes <= LIMITS.gossipHeldBytesMax && seat.sizes.held > 100)
  const [summary] = seat.tick(5_000, 0) as [Send]
  const { sends } = seat.receive(summary.to, { kind: 'list', ids: [] }, 5_000)
  assert.is(sends.length, Math.floor(LIMITS.gossipAnswerBytesMax / (60 * 1_024)))
  for (let i = 0; i < 2_000; i++) seat.heard(fromText(`small ${i}`), 6_000)
  assert.is(seat.sizes.held, LIMITS.gossipHeldMax)
  for (let i = 0; i < LIMITS.gossipSeenMax; i++) seat.receive(1, rumor(`flood ${i}`), 6_000)
  assert.is(seat.sizes.seen, LIMITS.gossipSeenMax)
  assert.is(seat.receive(1, rumor('small 1999'), 6_000).news, null)
})

gossip('messages have one encoding, and what is none is refused', () => {
  const ids = ['00'.repeat(16), 'ff'.repeat(16)]
  const messages: GossipMessage[] = [rumor('x'), summaryOf(ids), { kind: 'list', ids }, { kind: 'want', ids: [] }]
  for (const message of messages) assert.equal(decodeGossip(encodeGossip(message)), message)
  const refused = [
    [0, 0, HELLO],
    [0, 4, HELLO],
    [0, 1, new Uint8Array(0)],
    [1, LIMITS.gossipHeldMax + 1, new Uint8Array(32)],
    [2, new Uint8Array(15)],
    [2, new Uint8Array(32)],
    [3, new Uint8Array(16 * (LIMITS.gossipWantedMax + 1))],
    [4, HELLO],
    [3, HELLO.subarray(0, 0), 1],
  ]
  for (const fields of refused)
    assert.is(
      codeOf(() => decodeGossip(encode(fields))),
      'bad-shape',
    )
  assert.is(
    codeOf(() => decodeGossip(new Uint8Array(70_000))),
    'too-long',
  )
})

gossip('reach: four dead and one in ten messages lost, the rumor alone and with what is found out afterwards', () => {
  const calm = reachAll({ dead: 0, loss: 0, reconcileMs: 0 }, 20)
  assert.equal([calm.all, calm.mean], [1, 1])
  assert.ok(calm.messagesMax <= 8 + 24 * 7)
  const rough = { dead: 4, loss: 0.1 }
  assert.ok(reachAll({ ...rough, reconcileMs: 0 }, 200).all >= 0.97)
  assert.is(reachAll({ ...rough, reconcileMs: 30_000 }, 200).all, 1)
})

const measured = suite('swarm/measured')

measured('relays: who has time, offers itself and is near; noise in a measurement changes nothing', () => {
  const node = (name: string, roundTripMs: number | null, load = 10, relay = true): Measured => {
    return { id: idOf(name), capabilities: relay ? CAPABILITY.relay : 0, roundTripMs, load }
  }
  const order = [
    node('near', 3),
    node('mid', 9, 5),
    node('far', 90),
    node('unknown', null),
    node('no relay', 1, 0, false),
    node('busy', 1, 95),
  ]
  assert.equal(relayOrder(order.toReversed()), order)
  const [a, b] = [node('a', 8.1), node('b', 15.9)]
  assert.equal(
    relayOrder([a, b]),
    relayOrder(
      [
        { ...a, roundTripMs: 15.9 },
        { ...b, roundTripMs: 8.1 },
      ].reverse(),
    ).map(({ id }) => (id === a.id ? a : b)),
  )
})

/** One summary from the first to the second and all that follows: who has what now. */
function exchange(one: Gossip, other: Gossip, nowMs: number): string[] {
  const parties = new Map([
    [0, one],
    [24, other],
  ])
  const found: string[] = []
  const queue = one.tick(nowMs, 0.999).map((send) => ({ from: 0, ...send }))
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { from, to, message } = next
    const { news, sends } = (parties.get(to) as Gossip).receive(from, message, nowMs)
    const onward = news ? (parties.get(to) as Gossip).accept(news, nowMs) : []
    if (news) found.push(`${to} has ${new TextDecoder().decode(news.bytes)}`)
    queue.push(...[...sends, ...onward].map((send) => ({ from: to, ...send })))
  }
  return found
}

matrix.run()
gossip.run()
measured.run()

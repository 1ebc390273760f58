import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/core/bytes.ts'
import { TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import type { Identified } from '../../src/kernel/ports.ts'
import { mayPublish, maySubscribe, Topics } from '../../src/kernel/topics.ts'
import { filterMatches } from '../kit/memory.ts'
import { codeOf } from '../kit/refusal.ts'
import { NOTHING } from '../kit/wire.ts'

const test = suite('topics')
const NET = Uint8Array.from({ length: 32 }, (_, i) => i + 1)
const CID = new Uint8Array(32).fill(0xc1)
const ME = new Uint8Array(32).fill(0xaa)
const OTHER = new Uint8Array(32).fill(0xbb)
const NID = new Uint8Array(16).fill(0xd1)
const topics = new Topics(NET, NID)
const P = 'webx/0102030405060708'

const me = (rank: Identified['rank']): Identified => ({ id: ME, rank })
const statement = (type: number, scope: Uint8Array) => ({
  type,
  scope,
  body: NOTHING,
  signature: NOTHING,
  attachment: NOTHING,
})

test('names follow from net, committee and identity', () => {
  assert.is(topics.prefix, P)
  const home = `${P}/neighborhood/${toHex(NID)}`
  assert.is(topics.neighborhood(NID), home)
  assert.is(topics.order, `${home}/order`)
  assert.is(topics.sync, `${home}/sync`)
  assert.is(topics.candidacy, `${home}/candidacy`)
  assert.is(topics.handOver, `${home}/hand-over`)
  assert.is(topics.log('leaf'), `${P}/log/leaf`)
  assert.is(topics.at(OTHER.subarray(0, 16)).order, `${P}/neighborhood/${toHex(OTHER.subarray(0, 16))}/order`)
  assert.is(topics.identity(ME), `${P}/id/${toHex(ME)}`)
  assert.is(topics.health(ME), `${home}/health/${toHex(ME)}`)
  assert.is(topics.at(OTHER.subarray(0, 16)).health('+'), `${P}/neighborhood/${toHex(OTHER.subarray(0, 16))}/health/+`)
  assert.is(topics.to(ME), `${P}/to/${toHex(ME)}`)
  assert.is(topics.checkin(ME), `${P}/checkin/${toHex(ME)}`)
  assert.is(topics.tag(ME), `${P}/tag/${toHex(ME)}`)
  assert.is(topics.ring(ME), `${P}/ring/${toHex(ME)}`)
  assert.is(topics.committee(CID), `${P}/c1c1c1c1c1c1c1c1/+`)
  assert.ok(topics.checkin(ME).length <= LIMITS.topicCharactersMax)
})

test('whose health it is follows from the topic, in every neighborhood', () => {
  assert.is(topics.nodeOfHealth(topics.health(ME)), toHex(ME))
  assert.is(topics.nodeOfHealth(topics.at(OTHER.subarray(0, 16)).health(ME)), toHex(ME))
  for (const topic of [topics.sync, topics.to(ME), `${P}/health/${toHex(ME)}`, `${topics.health(ME)}/x`])
    assert.is(topics.nodeOfHealth(topic), null, topic)
})

test('a statement has one topic', () => {
  const kinds = {
    voteBatch: 'vote',
    certificate: 'certificate',
    settlement: 'settlement',
    evidence: 'evidence',
    witness: 'witness',
  } as const
  for (const [name, kind] of Object.entries(kinds)) {
    const topic = topics.ofStatement(statement(TYPE[name as keyof typeof kinds], CID))
    assert.is(topic, `${P}/c1c1c1c1c1c1c1c1/${kind}`)
    assert.ok(filterMatches(topics.committee(CID), topic))
  }
  assert.is(topics.ofStatement(statement(TYPE.order, NET)), topics.order)
  assert.is(topics.ofStatement(statement(TYPE.keyEvent, NET), ME), topics.identity(ME))
  assert.is(topics.ofStatement(statement(TYPE.tagEvent, NET), ME), topics.tag(ME))
  assert.is(topics.ofStatement(statement(TYPE.ring, NET), ME), topics.ring(ME))
})

test('an order of another net, and types that do not travel by topic', () => {
  assert.is(
    codeOf(() => topics.ofStatement(statement(TYPE.order, CID))),
    'wrong-net',
  )
  const unknown = [TYPE.genesis, TYPE.workReceipt, 63]
  for (const type of unknown) {
    assert.is(
      codeOf(() => topics.ofStatement(statement(type, NET), ME)),
      'unknown-type',
    )
  }
  assert.is(
    codeOf(() => topics.ofStatement(statement(TYPE.keyEvent, NET))),
    'unknown-type',
  )
})

test('who may publish what', () => {
  const committee = `${P}/c1c1c1c1c1c1c1c1/vote`
  const everyone = [topics.order, topics.sync, topics.to(OTHER), topics.checkin(OTHER), topics.log('leaf')]
  const own = [topics.identity(ME), topics.health(ME), topics.at(CID.subarray(0, 16)).health(ME), topics.tag(ME)]
  for (const rank of ['guest', 'terminal', 'member'] as const) {
    for (const topic of [...everyone, ...own]) assert.ok(mayPublish(topics, me(rank), topic, false), `${rank} ${topic}`)
    for (const topic of [topics.identity(OTHER), topics.health(OTHER), topics.at(CID.subarray(0, 16)).health(OTHER)]) {
      assert.not.ok(mayPublish(topics, me(rank), topic, false), `${rank} ${topic}`)
      assert.not.ok(mayPublish(topics, me(rank), topic, true))
    }
    assert.is(mayPublish(topics, me(rank), committee, false), rank === 'member', `${rank} votes`)
    assert.is(mayPublish(topics, me(rank), topics.log('cosignature'), false), rank === 'member')
    assert.not.ok(mayPublish(topics, me(rank), 'webx/0000000000000000/order', false))
    assert.not.ok(mayPublish(topics, me(rank), '$SYS/broker', false))
  }
})

test("only one's own introduction and health are retained", () => {
  for (const rank of ['guest', 'terminal', 'member'] as const) {
    assert.ok(mayPublish(topics, me(rank), topics.identity(ME), true))
    assert.ok(mayPublish(topics, me(rank), topics.health(ME), true))
    assert.ok(mayPublish(topics, me(rank), topics.ring(ME), true))
    assert.not.ok(mayPublish(topics, me(rank), topics.ring(OTHER), true))
    const others = [topics.order, topics.sync, topics.to(OTHER), topics.tag(ME), `${P}/c1c1c1c1c1c1c1c1/vote`]
    for (const topic of others) assert.not.ok(mayPublish(topics, me(rank), topic, true), topic)
  }
})

test('everything may be heard but the inboxes of others', () => {
  const guest = me('guest')
  const mine = [
    topics.order,
    topics.sync,
    topics.committee(CID),
    `${P}/id/+`,
    topics.at(NID).health('+'),
    topics.to(ME),
    topics.ring(OTHER),
  ]
  for (const filter of mine) assert.ok(maySubscribe(topics, guest, filter), filter)
  const foreign = [topics.to(OTHER), `${P}/to/+`, `${P}/to/#`, `${P}/+/${toHex(OTHER)}`, `${P}/#`, `${P}/+`]
  const outside = ['#', '+/+/to/#', 'webx/#', 'webx/+/order', 'webx/0000000000000000/order', '$SYS/#', P]
  for (const filter of [...foreign, ...outside]) assert.not.ok(maySubscribe(topics, guest, filter), filter)
})

test('no filter that may be subscribed takes in the inbox of another', () => {
  const parts = [P, 'webx', '0102030405060708', 'to', '+', '#', toHex(OTHER), toHex(ME), 'id']
  const inbox = topics.to(OTHER)
  for (const a of parts)
    for (const b of parts)
      for (const c of parts)
        for (const filter of [`${a}/${b}/${c}`, `${a}/${b}/${c}/${toHex(OTHER)}`, `webx/${a}/${b}/${c}`, `${a}/${b}`]) {
          if (filterMatches(filter, inbox)) assert.not.ok(maySubscribe(topics, me('guest'), filter), filter)
        }
})

test.run()

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { VOTE } from '../../src/consensus/statement.ts'
import { fromText } from '../../src/core/bytes.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { decodeFrame } from '../../src/core/frame.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { genesisBody, genesisFile, genesisSignedBytes, readGenesis } from '../../src/identity/genesis.ts'
import { judged, MemoryNet, type MemoryNode, quiet, randomReference, vrfOf } from '../kit/node.ts'
import { makeNet, makePair, type Net } from '../kit/people.ts'
import { Seats, Speaker } from '../kit/wire.ts'

const test = suite<{ net: MemoryNet }>('recovery: may this member vote?')
test.before.each((context) => {
  context.net = new MemoryNet(4)
})
test.after.each(({ net }) => net.close())

/** A net that has settled a payment; who pays whom again later. */
async function livelyNet(net: MemoryNet) {
  const members = await net.members()
  const organization = await net.node(net.net.organization)
  const payer = await net.node()
  await net.fund(organization, payer, 1_000)
  const pay = () => net.pay(payer, organization, 1)
  await pay()
  await net.pass(1_000)
  return { members, pay }
}

/** A net whose epochs turn. */
function turning(): Net {
  const made = makeNet(4)
  const seats = made.genesis.seats.map((seat, i) => {
    const { person } = made.members[i] as Net['members'][number]
    return { ...seat, vrfKey: vrfOf(fromText('vrf'), person).publicKey }
  })
  const body = genesisBody({ ...made.genesis, seats })
  return { ...made, genesis: readGenesis(genesisFile(body, made.organization.sign(genesisSignedBytes(body)))) }
}

function votesOf(net: MemoryNet, node: MemoryNode): number {
  return net.said(TYPE.voteBatch, node).length
}

test('after a clean stop too: the disk may be an old copy', async ({ net }) => {
  const { members } = await livelyNet(net)
  const [first] = members as [MemoryNode]
  for (const member of members) await member.stop()
  net.nodes.length = 0
  const again = await net.member(0, first.store)
  await net.pass(2_000)
  assert.not.ok(again.recovered(), 'nobody else is there')
  assert.not.ok(again.agreed.voting)
})

test('after any other stop it waits until a quorum, itself included, has answered', async ({ net }) => {
  const { members } = await livelyNet(net)
  const stores = members.map((member) => member.crash())
  const first = await net.member(0, stores[0])
  await net.member(1, stores[1])
  await net.pass(6_000)
  assert.not.ok(first.recovered(), 'two of four')
  assert.not.ok(first.agreed.voting)
  await net.member(2, stores[2])
  await net.until(() => first.recovered())
  assert.ok(first.agreed.voting)
  assert.not.ok(first.agreed.register.abstaining)
})

test('a power cut of the whole building does not end the neighborhood', async ({ net }) => {
  const { members, pay } = await livelyNet(net)
  const stores = members.map((member) => member.crash())
  const again = await Promise.all(stores.map((store, seat) => net.member(seat, store)))
  await net.until(() => again.every((member) => member.recovered()))
  assert.ok(again.every(({ agreed }) => agreed.voting))
  const { confirms } = await pay()
  assert.is(confirms, 3)
})

test('a member whose log lacks what the others have seen abstains, and the others go on', async ({ net }) => {
  const { members, pay } = await livelyNet(net)
  const [first] = members as [MemoryNode]
  const early = first.store.afterPowerCut()
  await pay()
  await net.pass(1_000)
  first.crash()
  const sent = votesOf(net, first)
  const again = await net.member(0, early)
  await net.until(() => again.recovered())
  assert.ok(again.agreed.register.abstaining)
  assert.not.ok(again.agreed.voting)
  assert.is(again.context.counters.read()['abstaining'], 1)
  await pay()
  await net.pass(2_000)
  assert.is(votesOf(net, again), sent, 'it has not voted since')
  again.log.errors.length = 0
  // and it stays so over a further restart, clean or not
  const third = await net.member(0, again.crash())
  await net.until(() => third.recovered())
  assert.ok(third.agreed.register.abstaining)
  third.log.errors.length = 0
})

const alone = suite<{ net: MemoryNet; member: MemoryNode; seats: Seats }>('recovery: what the others say')
alone.before.each(async (context) => {
  context.net = new MemoryNet(4)
  context.member = await context.net.member(0)
  context.seats = new Seats(context.net.net, context.member.agreed.committee)
})
alone.after.each(({ net }) => net.close())

function spareOf(query: Uint8Array): number {
  return (decodeFrame(decodeEnvelope(query)).payload as [Uint8Array, number])[1]
}

function bitsOf(bitmap: number): number {
  return [...bitmap.toString(2)].filter((bit) => bit === '1').length
}

/** The question that a member has asked. */
function nonceOf(net: MemoryNet, member: MemoryNode): Uint8Array {
  const query = net.said(TYPE.batchQuery, member).at(-1)
  if (!query) throw new Error('the member has not asked')
  return (decodeFrame(decodeEnvelope(query.bytes)).payload as [Uint8Array])[0]
}

function answer(net: MemoryNet, member: MemoryNode, seat: number, payload: Cbor, topic?: string): Promise<void> {
  const person = net.net.members[seat]?.person
  if (!person) throw new Error('no such seat')
  const to = topic ?? member.context.topics.to(member.person.id)
  const speaker = new Speaker(net.net.genesis.netId, net.clock, person)
  // a new number each time
  speaker.sequence = Math.floor(performance.now() * 1_000)
  member.context.road.receive(to, speaker.frame({ type: TYPE.batchAnswer, topic: to, payload }))
  return judged(member)
}

function count(node: MemoryNode, name: string): number {
  return node.context.counters.read()[name] ?? 0
}

/** The header of a batch as an answer shows it. */
function header(batch: ReturnType<Seats['batch']>): Cbor {
  const { seat, sequence, previousRoot, count, root, signature } = batch
  return [seat, sequence, previousRoot, count, root, signature]
}

const entry = () => ({ kind: VOTE.lock, oid: randomReference(), version: 1, od: randomReference() })

alone('nobody silences it by a forged batch, and who tries has not answered', async ({ net, member, seats }) => {
  const nonce = nonceOf(net, member)
  const honest = seats.batch(0, [entry()], 7)
  const forged = { ...honest, signature: makePair().sign(honest.root) }
  await answer(net, member, 1, [nonce, [header(forged)]])
  await answer(net, member, 1, [nonce, [header(seats.batch(1, [entry()]))]])
  assert.is(count(member, 'refused.bad-signature'), 2)
  await answer(net, member, 2, [nonce, []])
  assert.not.ok(member.recovered())
  await answer(net, member, 3, [nonce, []])
  assert.ok(member.recovered() && member.agreed.voting)
})

alone('its own signature on a batch that it does not have silences it', async ({ net, member, seats }) => {
  const nonce = nonceOf(net, member)
  await answer(net, member, 1, [nonce, [header(seats.batch(0, [entry()], 7))]])
  await answer(net, member, 2, [nonce, []])
  assert.ok(member.recovered() && !member.agreed.voting)
  assert.is(count(member, 'abstaining'), 1)
  member.log.errors.length = 0
})

alone(
  'answers to an earlier start, to others, of guests and of one member twice do not count',
  async ({ net, member }) => {
    const nonce = nonceOf(net, member)
    await answer(net, member, 1, [new Uint8Array(16), []])
    assert.is(count(member, 'refused.replayed'), 1)
    const other = member.context.topics.to(net.net.members[1]?.person.id as Uint8Array)
    await answer(net, member, 1, [nonce, []], other)
    assert.is(count(member, 'refused.wrong-topic'), 1)
    const { terminal } = net.net
    const topic = member.context.topics.to(member.person.id)
    const guest = new Speaker(net.net.genesis.netId, net.clock, terminal)
    member.context.road.receive(topic, guest.frame({ type: TYPE.batchAnswer, topic, payload: [nonce, []] }))
    await judged(member)
    assert.is(count(member, 'refused.not-allowed'), 1)
    for (let i = 0; i < 3; i++) await answer(net, member, 1, [nonce, []])
    assert.not.ok(member.recovered())
    await answer(net, member, 2, [nonce, []])
    assert.ok(member.recovered())
  },
)

alone(
  'it answers others with the highest batch that it has seen of them, also after a restart',
  async ({ net, member, seats }) => {
    const { topics } = member.context
    const vote = (sequence: number): void => {
      const batch = seats.batch(2, [entry()], sequence)
      sequences.set(sequence, batch.root)
      member.context.road.receive(topics.committee(seats.committee.cid, 'vote'), seats.encode(batch))
    }
    const sequences = new Map<number, Uint8Array>()
    for (const sequence of [3, 5, 4]) vote(sequence)
    await judged(member)
    // what nobody was told of waits that long for a commit
    await net.pass(LIMITS.writesWaitMsMax)
    const again = await net.member(0, member.crash())
    await ask(net, again, 2)
    const shown = net.said(TYPE.batchAnswer, again).at(-1)
    assert.ok(shown)
    const [, [head]] = decodeFrame(decodeEnvelope(shown.bytes)).payload as [Uint8Array, [Cbor[]]]
    assert.is(head[1], 5)
    assert.equal(head[4], sequences.get(5))
  },
)

test('a first question goes to a quorum and two more; a further one to whoever has not answered', async ({ net }) => {
  const large = new MemoryNet(10)
  const members = await large.members()
  const asker = members[0] as MemoryNode
  const again = await large.member(0, asker.crash())
  const sparedBy = () => large.said(TYPE.batchQuery, again).map(({ bytes }) => spareOf(bytes))
  assert.is(bitsOf(sparedBy().at(-1) as number), 10 - (7 - 1 + 2))
  await large.until(() => again.recovered())
  await large.close()
  const lonely = await net.member(1)
  await net.pass(600, 50)
  const [first, second] = net.said(TYPE.batchQuery, lonely).map(({ bytes }) => spareOf(bytes))
  assert.ok(first !== undefined && second !== undefined)
  assert.is(second, 0b10, 'nobody has answered, and itself it does not ask')
})

async function ask(net: MemoryNet, member: MemoryNode, seat: number, spared = 0): Promise<void> {
  const person = net.net.members[seat]?.person
  if (!person) throw new Error('no such seat')
  const topic = member.context.topics.sync
  const frame = { type: TYPE.batchQuery, topic, payload: [new Uint8Array(16).fill(9), spared] }
  member.context.road.receive(topic, new Speaker(net.net.genesis.netId, net.clock, person).frame(frame))
  await judged(member)
  await quiet(2)
}

test('who comes late into an epoch for which it named no key has nothing to ask for, and votes in the next', async () => {
  const net = new MemoryNet(4, turning())
  try {
    const early = await Promise.all([0, 1, 2].map((seat) => net.member(seat)))
    await net.until(() => early.every((node) => node.recovered()))
    const epochIs = (epoch: number) => (node: MemoryNode) => node.agreed.committee.epoch === epoch
    for (const node of early) node.turning.wish()
    await net.until(() => early.every(epochIs(1)))
    const late = await net.member(3)
    await net.until(() => epochIs(1)(late) && late.recovered())
    assert.is(late.agreed.seat, null)
    for (const node of [...early, late]) node.turning.wish()
    await net.until(() => [...early, late].every(epochIs(2)))
    assert.is.not(late.agreed.seat, null)
    assert.ok(late.agreed.voting)
  } finally {
    await net.close()
  }
})

test.run()
alone.run()

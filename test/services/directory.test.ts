import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeEnvelope, encodeEnvelope } from '../../src/core/envelope.ts'
import { KnownIdentities } from '../../src/services/directory.ts'
import { judged, MemoryNet, type MemoryNode } from '../kit/node.ts'
import { makeNet, makePerson } from '../kit/people.ts'

const known = suite('directory')

known('knows whom the genesis names, by rank', () => {
  const { genesis, members, terminal, organization } = makeNet(4)
  const directory = new KnownIdentities(genesis)
  for (const { person } of members) {
    assert.equal(directory.keyOf(person.id), person.publicKey)
    assert.is(directory.rankOf(person.id), 'member')
  }
  assert.is(directory.rankOf(terminal.id), 'terminal')
  assert.equal(directory.keyOf(organization.id), organization.publicKey)
  assert.is(directory.rankOf(organization.id), 'guest')
  const stranger = makePerson()
  assert.is(directory.keyOf(stranger.id), null)
  assert.is(directory.stateOf(stranger.id), null)
  assert.is(directory.rankOf(stranger.id), 'guest')
})

known('an introduction gives a key and no rank, and changes nobody that the genesis names', () => {
  const { genesis, members } = makeNet(4)
  const directory = new KnownIdentities(genesis)
  const guest = makePerson()
  directory.introduce(guest.state)
  assert.equal(directory.keyOf(guest.id), guest.publicKey)
  assert.is(directory.rankOf(guest.id), 'guest')
  const member = members[0]?.person
  assert.ok(member)
  directory.introduce({ ...member.state, keys: [guest.publicKey] })
  assert.equal(directory.keyOf(member.id), member.publicKey)
})

const test = suite<{ net: MemoryNet; node: MemoryNode; member: MemoryNode }>('introductions')
test.before.each(async (context) => {
  context.net = new MemoryNet(4)
  context.member = await context.net.member(0)
  context.node = await context.net.node()
})
test.after.each(({ net }) => net.close())

test('who comes is introduced to who is there, and the other way round', async ({ net, node, member }) => {
  await net.until(() => member.context.directory.keyOf(node.person.id) !== null)
  const late = await net.node()
  await net.until(() => late.context.directory.keyOf(node.person.id) !== null, 2_000)
  await net.until(() => node.context.directory.keyOf(late.person.id) !== null, 2_000)
})

test('again at every connection', async ({ net, node }) => {
  const topic = node.context.topics.identity(node.person.id)
  const count = () => net.bus.published.filter((message) => message.topic === topic && message.retain).length
  const before = count()
  node.context.events.emit('link', { up: false })
  await judged(node)
  assert.is(count(), before)
  node.context.events.emit('link', { up: true })
  await judged(node)
  assert.is(count(), before + 1)
})

test('under another name, with another key or changed it is no introduction', async ({ node }) => {
  const { context } = node
  const { topics, counters, directory } = context
  const [guest, other] = [makePerson(), makePerson()]
  context.road.receive(topics.identity(other.id), guest.inception)
  await judged(node)
  assert.is(counters.read()['refused.wrong-topic'], 1)
  const envelope = decodeEnvelope(guest.inception)
  const forged = encodeEnvelope({ ...envelope, signature: other.sign(envelope.body) })
  context.road.receive(topics.identity(guest.id), forged)
  await judged(node)
  assert.is(counters.read()['refused.bad-signature'], 1)
  const padded = encodeEnvelope({ ...envelope, attachment: Uint8Array.of(1) })
  context.road.receive(topics.identity(guest.id), padded)
  await judged(node)
  assert.is(counters.read()['refused.bad-shape'], 1)
  assert.is(directory.keyOf(guest.id), null)
  context.road.receive(topics.identity(guest.id), guest.inception)
  await judged(node)
  assert.equal(directory.keyOf(guest.id), guest.publicKey)
})

known.run()
test.run()

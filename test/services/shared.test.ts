/** Shared objects as their owners use them: whole nodes on a broker, disks and a clock in memory. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readShared, sharedRule } from '../../src/consensus/shared/change.ts'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import type { WebxError } from '../../src/core/errors.ts'
import { MemoryNet, type MemoryNode } from '../kit/node.ts'
import { codeOfAsync } from '../kit/refusal.ts'

interface Four {
  net: MemoryNet
  members: MemoryNode[]
}

const test = suite<Four>('services/shared')
test.before.each(async (context) => {
  context.net = new MemoryNet(4)
  context.members = await context.net.members()
})
test.after.each(({ net }) => net.close())

const ids = (...nodes: MemoryNode[]): Uint8Array[] => nodes.map(({ person }) => person.id)
const valueAt = ({ shared }: MemoryNode, oid: Uint8Array): string => new TextDecoder().decode(shared.get(oid)?.value)

test('a member begins an object, a device without a seat writes it, a lost race is told, and then it is quiet', async ({
  net,
  members,
}) => {
  const [anna, ben] = members as [MemoryNode, MemoryNode]
  const device = await net.node()
  const stranger = await net.node()
  const { oid, sequence } = await net.during(anna.shared.create(sharedRule(ids(anna, device), 1), fromText('first')))
  assert.is(sequence, 1)
  await net.until(() => [device, stranger].every(({ shared }) => shared.get(oid) !== null))
  const heard: number[] = []
  device.context.events.on('shared', (event) => heard.push(event.sequence))
  const races = [anna.shared.write(oid, fromText('a'), 1), device.shared.write(oid, fromText('d'), 1)]
  const ends = await Promise.all(races.map((race) => net.during(race).then(String, ({ code }: WebxError) => code)))
  assert.is(ends.filter((end) => end === 'wrong-sequence').length, 1, ends.join())
  const done = await net.during(device.shared.write(oid, fromText('whatever')))
  assert.is(done.sequence, 3)
  assert.equal(heard, [2, 3])
  await net.until(() => [...members, stranger].every((node) => valueAt(node, oid) === 'whatever'))
  const writers = ben.shared.history(oid).map(({ bytes }) => toHex(readShared(decodeEnvelope(bytes)).writer))
  assert.is(writers[0], toHex(anna.person.id))
  assert.is(writers[2], toHex(device.person.id))
  const refusals: [Promise<unknown>, string][] = [
    [stranger.shared.write(oid, fromText('mine')), 'not-allowed'],
    [device.shared.create(sharedRule(ids(device), 1), fromText('')), 'unknown-owner'],
    [anna.shared.write(new Uint8Array(32), fromText('')), 'unknown-object'],
    [anna.shared.write(oid, new Uint8Array(1_025)), 'too-long'],
  ]
  for (const [refused, code] of refusals) assert.is(await codeOfAsync(() => refused), code)
  assert.is(device.shared.underWay + anna.shared.underWay, 0)
  await net.pass(5_000)
  const said = net.said(TYPE.sharedChange).length + net.said(TYPE.candidate).length
  await net.pass(20_000)
  assert.is(net.said(TYPE.sharedChange).length + net.said(TYPE.candidate).length, said)
})

test('a wish outlives its node, and is applied once', async ({ net, members }) => {
  const [anna] = members as [MemoryNode]
  const { oid } = await net.during(anna.shared.create(sharedRule(ids(anna), 1), fromText('first')))
  net.bus.loses = (message) => message.client === anna.person.state.label
  anna.shared.write(oid, fromText('kept')).catch(() => undefined)
  await net.pass(1_000)
  net.bus.loses = () => false
  const again = await net.member(0, anna.crash())
  await net.until(() => members.slice(1).every((node) => valueAt(node, oid) === 'kept'))
  await net.until(() => again.shared.underWay === 0)
  assert.equal(again.shared.get(oid), members[1]?.shared.get(oid))
  assert.is(again.shared.get(oid)?.sequence, 2)
})

test('a rule changes by the words of enough writers', async ({ net, members }) => {
  const [anna, ben, cleo] = members as [MemoryNode, MemoryNode, MemoryNode]
  const { oid } = await net.during(anna.shared.create(sharedRule(ids(anna, ben), 2), fromText('')))
  const next = sharedRule(ids(anna, ben, cleo), 1)
  assert.is((await net.during(anna.shared.wantRule(oid, next))).isWord, true)
  const done = await net.during(ben.shared.wantRule(oid, next))
  assert.equal([done.isWord, done.sequence], [false, 2])
  // her node may execute the block later than theirs
  await net.until(() => cleo.shared.get(oid)?.sequence === 2)
  assert.is((await net.during(cleo.shared.write(oid, fromText('in'), 2))).sequence, 3)
})

test.run()

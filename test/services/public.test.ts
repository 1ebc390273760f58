/** The public tier on whole nodes: documents are ordered, cosigned and proven, through restarts and lies. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { seatOf } from '../../src/consensus/committee.ts'
import { readCharge } from '../../src/consensus/epoch/charge.ts'
import { committeeOfOpening } from '../../src/consensus/epoch/opening.ts'
import { LogBook } from '../../src/consensus/publiclog/book.ts'
import { checkpointEnvelope, checkpointText, readCheckpointText } from '../../src/consensus/publiclog/checkpoint.ts'
import { readBundle, textOf } from '../../src/consensus/publiclog/cosignature.ts'
import { documentEnvelope, leafBytes } from '../../src/consensus/publiclog/leaf.ts'
import { verifyPortable } from '../../src/consensus/publiclog/portable.ts'
import { leafHash } from '../../src/consensus/publiclog/proof.ts'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { verifyGroups } from '../../src/core/crypto.ts'
import { decodeEnvelope, encodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { anchorOf, anchorsOf } from '../../src/epochs.ts'
import { genesisBody, genesisFile, genesisSignedBytes, readGenesis } from '../../src/identity/genesis.ts'
import { Chains } from '../../src/kernel/chains.ts'
import { PublicHomes } from '../../src/services/public-homes.ts'
import { PublicRecords } from '../../src/services/public-records.ts'
import { PublicState } from '../../src/services/public-state.ts'
import { bytesOf } from '../consensus/people.ts'
import { MemoryNet, type MemoryNode, typeOf, vrfOf } from '../kit/node.ts'
import { makeNet, type Net } from '../kit/people.ts'

const POLICY = { neighborhoods: 1, cosigners: 0, known: [] }

interface Four {
  net: MemoryNet
  members: MemoryNode[]
}

const test = suite<Four>('public: four members')
test.before.each(async (context) => {
  context.net = new MemoryNet(4)
  context.members = await context.net.members()
})
test.after.each(({ net }) => net.close())

function appended(net: MemoryNet, node: MemoryNode, name: string) {
  return net.during(node.publicLog.documents.append(bytesOf(name), `note of ${name}`))
}

test('a document is ordered, cosigned by a quorum, and proven to whoever has the genesis', async ({ net, members }) => {
  const device = await net.node()
  await net.until(() => members.every(({ context }) => context.directory.keyOf(device.person.id) !== null))
  const proven = await appended(net, device, 'a document')
  const verified = verifyPortable(proven.document, anchorsOf(net.net.genesis), POLICY)
  assert.ok(verified.grade !== 'logged')
  assert.is(verified.index, proven.index)
  assert.equal(verified.leaf.kind === 'document' && verified.leaf.digest, bytesOf('a document'))
  assert.ok(verified.weight >= 3 && verified.weightMax === 4, `${verified.weight}`)
  // two thirds in the knowledge of two thirds
  const grade = (node: MemoryNode) => {
    const again = node.publicLog.documents.prove(bytesOf('a document'))
    return again && verifyPortable(again.document, anchorsOf(net.net.genesis), POLICY).grade
  }
  await net.until(() => members.every((node) => grade(node) === 'network'))
  assert.equal(
    [device, ...members].flatMap(({ log }) => log.errors),
    [],
  )
})

test('many documents of many at once are all logged, each once', async ({ net, members }) => {
  const names = Array.from({ length: 24 }, (_, i) => `document ${i}`)
  const all = Promise.all(names.map((name, i) => appended(net, members[i % 4] as MemoryNode, name)))
  const places = (await all).map(({ index }) => index)
  assert.equal(
    [...places].sort((a, b) => a - b),
    names.map((_, i) => i),
  )
})

test('no cosignature leaves before what it promises is on the disk of its witness', async ({ net, members }) => {
  const early: string[] = []
  let checked = 0
  net.bus.loses = (message) => {
    const member = members.find(({ person }) => person.state.label === message.client)
    if (!member || typeOf(message) !== TYPE.cosignature) return false
    checked++
    if (member.store.values('log-witness').length !== 1) early.push(message.topic)
    return false
  }
  const [member] = members as [MemoryNode]
  await appended(net, member, 'one')
  assert.ok(checked >= 3, `${checked}`)
  assert.equal(early, [])
})

test('a member that a power cut ends goes on cosigning, and keeps its log', async ({ net, members }) => {
  const [first, , , last] = members as [MemoryNode, MemoryNode, MemoryNode, MemoryNode]
  await appended(net, first, 'before')
  const disk = last.crash()
  await appended(net, first, 'meanwhile')
  const again = await net.member(3, disk)
  await net.until(() => again.recovered())
  await net.until(() => again.publicLog.generation?.sequencer.book.tree.size === 2)
  await appended(net, first, 'after')
  await net.until(() => (again.publicLog.witness.witness?.state.head.size ?? 0) === 3)
  assert.ok(net.said(TYPE.cosignature, again).length > 0)
  assert.equal(again.log.errors, [])
})

test('a member whose disk was lost abstains until the epoch ends, and the others go on', async ({ net, members }) => {
  const [first, , , last] = members as [MemoryNode, MemoryNode, MemoryNode, MemoryNode]
  await appended(net, first, 'before')
  last.crash()
  const blank = await net.member(3)
  await net.until(() => blank.recovered())
  await appended(net, first, 'after')
  await net.pass(2_000)
  assert.is(blank.context.counters.read()['public.abstaining'], 1)
  const { committee } = first.publicLog.witness.place
  const bundles = net.said(TYPE.cosignature).map(({ bytes }) => readBundle(decodeEnvelope(bytes), committee))
  const cosigners = bundles.flatMap((bundle) => {
    const { size } = readCheckpointText(textOf(bundle), committee.netId)
    return size === 2 ? bundle.cosignatures.map(({ seat }) => seat) : []
  })
  assert.equal([...new Set(cosigners)].sort(), [0, 1, 2])
})

test('who signs two views is convicted by everybody, and MasterNodes are drawn anew on what was cosigned', async (four) => {
  const { net, members } = four
  const [first] = members as [MemoryNode]
  await appended(net, first, 'before')
  await net.until(() => members.every(({ publicLog }) => publicLog.witness.witness?.state.network.size === 1))
  const liar = net.net.members[1] as (typeof net.net.members)[number]
  const show = async (generation: typeof first.publicLog.generation, names: readonly string[]) => {
    const { masterNodes, ...term } = (generation as NonNullable<typeof generation>).term
    const at = seatOf(masterNodes, liar.person.id) as number
    for (const name of names) {
      const text = checkpointText({ ...term, netId: masterNodes.netId, size: 9, root: bytesOf(name), network: 0 })
      const signed = [{ seat: at, signature: liar.epoch.sign(fromText(text)) }]
      const bytes = encodeEnvelope(checkpointEnvelope(masterNodes, text, signed))
      await net.bus.connect('liar').publish(first.context.topics.log('checkpoint'), bytes)
    }
  }
  const alarms: string[] = []
  first.publicLog.watch((news) => news.kind === 'fork' && alarms.push(`${news.offence} ${toHex(news.guilty)}`))
  await show(first.publicLog.generation, ['one', 'other'])
  await net.until(() => members.every(({ publicLog }) => publicLog.generation?.term.generation === 1))
  assert.equal(alarms, [`double-checkpoint ${toHex(liar.person.id)}`])
  // it costs them one generation, and not all that follow
  await show(first.publicLog.generation, ['one again', 'other again'])
  await net.pass(3_000)
  for (const { publicLog } of members) assert.is(publicLog.generation?.term.generation, 1)
  assert.is((await appended(net, first, 'after')).index, 1)
  assert.is(
    verifyPortable((await appended(net, first, 'before')).document, anchorsOf(net.net.genesis), POLICY).index,
    0,
  )
})

test('MasterNodes that sign for another generation than theirs are not heard, however many they are', async ({
  net,
  members,
}) => {
  const [first] = members as [MemoryNode]
  await appended(net, first, 'before')
  const { term } = first.publicLog.generation as NonNullable<typeof first.publicLog.generation>
  const { masterNodes } = term
  const text = checkpointText({
    ...term,
    netId: masterNodes.netId,
    generation: 99,
    size: 2,
    root: bytesOf('x'),
    network: 0,
  })
  const signatures = net.net.members.map(({ person, epoch }) => {
    return { seat: seatOf(masterNodes, person.id) as number, signature: epoch.sign(fromText(text)) }
  })
  const bytes = encodeEnvelope(checkpointEnvelope(masterNodes, text, signatures))
  await net.bus.connect('liars').publish(first.context.topics.log('checkpoint'), bytes)
  assert.is((await appended(net, first, 'after')).index, 1)
  assert.is(first.publicLog.witness.standings.newest?.generation, 0)
})

test('the same document twice at once is logged once, and both hear of it', async ({ net, members }) => {
  const [first] = members as [MemoryNode]
  const both = await Promise.all([appended(net, first, 'twice'), appended(net, first, 'twice')])
  assert.equal(
    both.map(({ index }) => index),
    [0, 0],
  )
})

test('what was indexed is not indexed again after a restart, and what proved final leaves is forgotten', async ({
  net,
  members,
}) => {
  const [first, , , last] = members as [MemoryNode, MemoryNode, MemoryNode, MemoryNode]
  await appended(net, first, 'one')
  await appended(net, first, 'two')
  const isFinal = () => last.store.values('log-statement').length === 0
  await net.until(() => last.publicLog.generation?.sequencer.book.tree.size === 2 && isFinal())
  const disk = last.crash()
  const records = new PublicRecords(disk)
  assert.equal(records.index(new LogBook(disk)), [])
  assert.equal(records.placesOf(bytesOf('two'), new LogBook(disk)), [1])
})

test('a leaf that is refused when it is handed in again takes none of those behind it along', async ({
  net,
  members,
}) => {
  const [first] = members as [MemoryNode]
  for (const name of ['base', 'refused', 'behind', 'last']) await appended(net, first, name)
  await first.stop()
  const { context, agreed } = first
  const alone = {
    homes: first.homes,
    chains: new Chains(context.store, net.net.genesis.neighborhood, anchorsOf(net.net.genesis)),
    ask: () => {},
  }
  const state = new PublicState(context, agreed, new PublicHomes(context, agreed, alone))
  state.begin()
  const { book } = (state.generation as NonNullable<typeof state.generation>).sequencer
  const hashes = [0, 1, 2, 3].map((index) => leafHash(book.entry(index) as Uint8Array))
  const leafOf = (owner: Uint8Array, name: string): Uint8Array => {
    const leaf = { kind: 'document', owner, keyPosition: 0, digest: bytesOf(name), note: `note of ${name}` } as const
    return leafBytes(documentEnvelope(net.net.genesis.netId, leaf, new Uint8Array(64)))
  }
  const owners = [bytesOf('nobody'), first.person.id, first.person.id]
  for (const [i, name] of ['refused', 'behind', 'last'].entries())
    state.records.keepStatement(i + 1, leafOf(owners[i] as Uint8Array, name))
  state.decided({ generation: 1, epoch: 0, base: book.tree.headAt(1), votes: [] })
  state.enter()
  const { sequencer } = state.generation as NonNullable<typeof state.generation>
  assert.equal(
    hashes.map((hash) => sequencer.knows(hash)),
    [true, false, true, true],
  )
  assert.is(context.counters.read()['public.refused-again.unknown-sender'], 1)
  assert.not.ok(state.isDue)
})

test.run()

const turning = suite('public: epochs')

/** A net whose members can draw lots, so that its epochs turn. */
function turningNet(seatCount: number): Net {
  const net = makeNet(seatCount)
  const seats = net.members.map(({ person, epoch }) => {
    const vrfKey = vrfOf(fromText('vrf'), person).publicKey
    return { inception: person.inception, epochKey: epoch.publicKey, weight: 1, vrfKey }
  })
  const policy = { seats: seatCount, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0 }
  const body = genesisBody({ ...net.genesis, seats, policy })
  const genesis = readGenesis(genesisFile(body, net.organization.sign(genesisSignedBytes(body))))
  return { ...net, genesis }
}

turning('a new epoch goes on with the log, and its receipts lead back to the genesis', async () => {
  const net = new MemoryNet(4, turningNet(4))
  const members = await net.members()
  const [first] = members as [MemoryNode]
  await appended(net, first, 'in epoch 0')
  for (const { turning } of members) turning.wish()
  await net.until(() => members.every(({ agreed }) => agreed.committee.epoch === 1))
  await net.until(() => members.every(({ publicLog }) => publicLog.generation?.term.epoch === 1))
  const { index, document } = await appended(net, first, 'in epoch 1')
  assert.is(index, 1)
  const anchor = anchorsOf(net.net.genesis)
  const verified = verifyPortable(document, anchor, POLICY)
  assert.equal([verified.grade, verified.checkpoint.epoch, verified.checkpoint.generation], ['witnessed', 1, 1])
  const old = first.publicLog.documents.prove(bytesOf('in epoch 0'))
  assert.is(old && verifyPortable(old.document, anchor, POLICY).index, 0)
  assert.equal(
    members.flatMap(({ log }) => log.errors),
    [],
  )
  await net.close()
})

turning(
  'who signs views of two sizes is convicted in blocks once the log outgrows them, and has no seat in the next epoch',
  async () => {
    const net = new MemoryNet(4, turningNet(4))
    const members = await net.members()
    const [first] = members as [MemoryNode]
    const liar = net.net.members[1] as (typeof net.net.members)[number]
    const alarms: Uint8Array[] = []
    first.publicLog.watch((news) => news.kind === 'fork' && alarms.push(news.bytes))
    await appended(net, first, 'before')
    const { term } = first.publicLog.generation as NonNullable<typeof first.publicLog.generation>
    const seat = seatOf(term.masterNodes, liar.person.id) as number
    // one view of a size that the log will only come to, its tree withheld
    const text = checkpointText({ ...term, netId: term.masterNodes.netId, size: 2, root: bytesOf('lie'), network: 0 })
    const share = checkpointEnvelope(term.masterNodes, text, [{ seat, signature: liar.epoch.sign(fromText(text)) }])
    await net.bus.connect('liar').publish(first.context.topics.log('checkpoint'), encodeEnvelope(share))
    await net.pass(1_000)
    assert.equal(alarms, [], 'as far as anybody can tell it has grown')
    await appended(net, first, 'second')
    await appended(net, first, 'third')
    const convicted = ({ agreed }: MemoryNode) => agreed.hood.term.state.membership.convicted.map(toHex)
    await net.until(() => members.every((node) => convicted(node).length > 0))
    for (const node of members) assert.equal(convicted(node), [toHex(liar.person.id)])
    // a stranger with the genesis judges alike
    const opening = anchorOf(net.net.genesis)
    const charge = readCharge(decodeEnvelope(alarms[0] as Uint8Array), {
      opening,
      committee: committeeOfOpening(opening),
    })
    assert.equal(charge.guilty, liar.person.id)
    assert.equal(verifyGroups([charge.checks]), [true])
    for (const { turning } of members) turning.wish()
    await net.until(() => members.every(({ agreed }) => agreed.committee.epoch === 1))
    const { seats, roster, convicted: named } = first.agreed.hood.term.opening
    assert.equal(named.map(toHex), [toHex(liar.person.id)])
    const present = [...seats.map(({ memberId }) => memberId), ...roster.map(({ id }) => id)].map(toHex)
    assert.not(present.includes(toHex(liar.person.id)))
    assert.is((await appended(net, first, 'without the liar')).index, 3)
    await net.close()
  },
)

turning.run()

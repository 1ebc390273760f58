/** One public log for a net of two neighborhoods, on whole nodes: seated in the first, witnessed by both, and proven to whoever has the genesis. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { homeOfHandOver } from '../../src/consensus/epoch/handover.ts'
import { usualPolicy } from '../../src/consensus/publiclog/network.ts'
import { verifyPortable } from '../../src/consensus/publiclog/portable.ts'
import { decodeReceipt, encodeReceipt } from '../../src/consensus/publiclog/receipt.ts'
import { equal } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { anchorsOf } from '../../src/epochs.ts'
import { bytesOf } from '../consensus/people.ts'
import { MemoryNet, type MemoryNode, typeOf } from '../kit/node.ts'
import { codeOf } from '../kit/refusal.ts'
import { twoNeighborhoods } from '../kit/two-homes.ts'

const SEATS = 2
const test = suite('public: two neighborhoods')
const net = new MemoryNet(2 * SEATS, twoNeighborhoods(SEATS))
const anchors = anchorsOf(net.net.genesis)
let members: MemoryNode[]

const here = (): MemoryNode[] => members.slice(0, SEATS)
const there = (): MemoryNode[] => members.slice(SEATS)
const verified = (document: Uint8Array) => verifyPortable(document, anchors, usualPolicy(2))

function appended(node: MemoryNode | undefined, name: string) {
  return net.during((node as MemoryNode).publicLog.documents.append(bytesOf(name), name))
}

/** How far a document has come, as each of these nodes can show. */
function grades(name: string, nodes = members): string {
  const receipts = nodes.map(({ publicLog }) => publicLog.documents.prove(bytesOf(name)))
  return receipts.map((proven) => (proven ? verified(proven.document).grade : 'none')).join()
}

async function turn(nodes: readonly MemoryNode[]): Promise<void> {
  const epoch = (nodes[0] as MemoryNode).agreed.committee.epoch + 1
  for (const { turning } of nodes) turning.wish()
  await net.until(() => nodes.every(({ agreed }) => agreed.committee.epoch === epoch))
}

/** A receipt without the cosignatures of one neighborhood. */
function without(nid: Uint8Array, document: Uint8Array): Uint8Array {
  const [version, receipt, ...chains] = decode(document) as [number, Uint8Array, ...Cbor[]]
  const parts = decodeReceipt(receipt)
  const cids = members
    .filter(({ agreed }) => equal(agreed.committee.nid, nid))
    .map(({ agreed }) => agreed.committee.cid)
  const bundles = parts.bundles.filter((bytes) => !cids.some((cid) => equal(decodeEnvelope(bytes).scope, cid)))
  assert.is(bundles.length, parts.bundles.length - 1)
  return encode([version, encodeReceipt({ ...parts, bundles }), ...chains])
}

test.before(async () => {
  members = await net.members()
})
test.after(() => net.close())

test('a document of the second neighborhood is ordered in the first, cosigned in both, and final for both', async () => {
  const { index, document } = await appended(there()[0], 'there')
  const receipt = verified(document)
  assert.equal([receipt.index, receipt.weightMax], [index, 4])
  assert.is((await appended(here()[0], 'here')).index, 1)
  await net.until(() => grades('there') === 'network,network,network,network')
  await net.until(() => grades('here') === 'network,network,network,network')
  for (const { publicLog } of members) assert.is(publicLog.generation?.sequencer.book.tree.size, 2)
  assert.ok(there().every(({ publicLog }) => publicLog.generation?.seat === null))
})

test('a receipt is worth less without the cosignatures of either neighborhood', async () => {
  const { document } = (there()[0] as MemoryNode).publicLog.documents.prove(bytesOf('there')) as {
    document: Uint8Array
  }
  assert.is(verified(document).grade, 'network')
  for (const nid of anchors.map((opening) => opening.nid)) assert.is(verified(without(nid, document)).grade, 'logged')
})

test('the second neighborhood begins an epoch: its cosignatures go on, and receipts lead to its seats', async () => {
  await turn(there())
  await appended(there()[1], 'in its epoch 1')
  await net.until(() => grades('in its epoch 1') === 'network,network,network,network')
  for (const node of members) {
    const { document } = node.publicLog.documents.prove(bytesOf('in its epoch 1')) as { document: Uint8Array }
    const [version, receipt, seat, others] = decode(document) as [number, Uint8Array, Uint8Array[], Cbor[][]]
    assert.equal(seat, [])
    const [[nid, chain]] = others as [[Uint8Array, Uint8Array[]]]
    assert.equal(nid, anchors[1]?.nid as Uint8Array)
    assert.equal(homeOfHandOver(decodeEnvelope(chain[0] as Uint8Array)), nid)
    assert.is(verified(encode([version, receipt, seat])).grade, 'logged', 'its keys of epoch 0 have not signed this')
    const forged = [[anchors[0]?.nid as Uint8Array, chain]]
    assert.is(
      codeOf(() => verified(encode([version, receipt, seat, forged]))),
      'broken-chain',
    )
  }
  const long = [
    [anchors[1]?.nid as Uint8Array, Array.from({ length: LIMITS.logHandOversMax + 1 }, () => new Uint8Array(1))],
  ]
  assert.is(
    codeOf(() => verified(encode([1, new Uint8Array(1), [], long]))),
    'bad-shape',
  )
})

test('the first neighborhood begins an epoch: the log goes on in a new generation, for both', async () => {
  await turn(here())
  await net.until(() => members.every(({ publicLog }) => publicLog.generation?.term.generation === 1))
  await appended(there()[0], 'in generation 1')
  await net.until(() => grades('in generation 1') === 'network,network,network,network')
  assert.is(grades('there'), 'network,network,network,network')
})

test('while the second neighborhood is away leaves are ordered and generations go on, and all is final when it comes back', async () => {
  const disks = there().map((node) => node.crash())
  const [one, other] = here() as [MemoryNode, MemoryNode]
  const stages: string[] = []
  const late = one.publicLog.documents.append(bytesOf('alone'), 'alone', { onStage: (stage) => stages.push(stage) })
  late.catch(() => {}) // its node is cut off before anybody is told
  await net.until(() => here().every(({ publicLog }) => publicLog.witness.standings.carried?.network === 5))
  assert.is(one.publicLog.witness.standings.reached?.network, 4)
  assert.equal(stages, ['sent', 'logged', 'carried'], 'what is known is told')
  // only one of the two knows that the next head is carried, and it knows from its disk alone
  const deliver = other.link.deliver.bind(other.link)
  other.link.deliver = (topic, bytes) => void (typeOf({ bytes }) === TYPE.cosignature || deliver(topic, bytes))
  const later = other.publicLog.documents.append(bytesOf('unheard of'), 'unheard of')
  await net.until(() => one.publicLog.witness.standings.carried?.size === 6)
  await net.pass(1_000)
  assert.is(other.publicLog.witness.witness?.state.network.size, 5)
  members[0] = await net.member(0, one.crash())
  await net.until(() => here().every((node) => node.recovered()))
  await turn(here())
  other.link.deliver = deliver
  await net.until(() => here().every(({ publicLog }) => publicLog.generation?.term.generation === 2))
  for (const { publicLog } of here()) assert.is(publicLog.generation?.base.size, 6)

  members = [...here(), ...(await Promise.all(disks.map((disk, i) => net.member(SEATS + i, disk))))]
  await net.during(later)
  await net.until(() => grades('alone') === 'network,network,network,network')
  assert.equal(
    members.flatMap(({ log }) => log.errors),
    [],
  )
})

test('two thirds of the net without a quorum of each neighborhood: what is handed out is what a reader believes', async () => {
  const wide = new MemoryNet(8, twoNeighborhoods(4))
  try {
    const nodes = await wide.members()
    // weight 6 of 8 is left, and 2 of the 4 of the second neighborhood
    for (const node of nodes.slice(6)) node.crash()
    const first = anchorsOf(wide.net.genesis)
    const { publicLog } = nodes[0] as MemoryNode
    const { document } = await wide.during(publicLog.documents.append(bytesOf('wide'), 'wide'))
    assert.is(verifyPortable(document, first, usualPolicy(2)).grade, 'network')
  } finally {
    await wide.close()
  }
})

test.run()

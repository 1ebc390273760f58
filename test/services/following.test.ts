/** Nodes that were not there: who starts in a quiet net finds the newest epoch, whatever it has slept through. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromText } from '../../src/core/bytes.ts'
import { TYPE } from '../../src/core/envelope.ts'
import { genesisBody, genesisFile, genesisSignedBytes, readGenesis } from '../../src/identity/genesis.ts'
import { MemoryNet, type MemoryNode, vrfOf } from '../kit/node.ts'
import { makeNet, makePerson, type Net } from '../kit/people.ts'

const test = suite('following')

/** The net of `makeNet`, founded with keys for epochs. */
function netWithEpochs(seatCount: number): Net {
  const made = makeNet(seatCount)
  const seats = made.genesis.seats.map((seat, i) => {
    const { person } = made.members[i] as Net['members'][number]
    return { ...seat, vrfKey: vrfOf(fromText('vrf'), person).publicKey }
  })
  const body = genesisBody({ ...made.genesis, seats })
  return { ...made, genesis: readGenesis(genesisFile(body, made.organization.sign(genesisSignedBytes(body)))) }
}

async function turn(net: MemoryNet, members: readonly MemoryNode[]): Promise<void> {
  const next = (members[0]?.agreed.committee.epoch ?? 0) + 1
  for (const { turning } of members) turning.wish()
  await net.until(() => members.every(({ agreed }) => agreed.committee.epoch === next))
}

test('who starts where nothing happens finds the newest epoch, and does not go on listening to what members ask', async () => {
  const net = new MemoryNet(4, netWithEpochs(4))
  try {
    const members = await net.members()
    for (let epoch = 0; epoch < 2; epoch++) await turn(net, members)
    await net.pass(3_000)
    const late = await net.node(makePerson('device'))
    await net.pass(2_000, 20)
    assert.is(late.agreed.committee.epoch, 2)
    assert.not.ok(late.link.wants(late.context.topics.sync))
    const answers = net.said(TYPE.handOver).length
    await net.pass(2_000)
    assert.is(net.said(TYPE.handOver).length, answers, 'nobody answers who is asked for what has not come yet')
  } finally {
    await net.close()
  }
})

test('each block has one certificate of each kind published, by one member for all', async () => {
  const net = new MemoryNet(7, netWithEpochs(7))
  try {
    const members = await net.members()
    await turn(net, members)
    // longer than it would take the last of them to speak in its turn; the last blocks of an epoch some say twice
    await net.pass(5_000)
    const blocks = new Set(net.said(TYPE.candidate)).size
    const proofs = net.said(TYPE.blockCertificate).length
    assert.ok(blocks > 0 && proofs < 3 * blocks, `${proofs} certificates of ${blocks} blocks`)
  } finally {
    await net.close()
  }
})

test.run()

/** Members that look after each other: what it costs an idle neighborhood of 25, and a seat that changes hands because its holder is gone. */

import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal } from '../../src/core/bytes.ts'
import { createKeyFile } from '../../src/drivers/key-file.ts'
import { admit, offerSeat } from '../../src/net.ts'
import { createTestnet } from '../../src/testnet.ts'
import { MemoryNet, typeOf } from '../kit/node.ts'

const test = suite('neighbors')
const SECONDS = 20
const POLICY = { seats: 4, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0 }

async function until(what: string, holds: () => boolean, ms = 40_000): Promise<void> {
  const end = Date.now() + ms
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`)
    await new Promise((resume) => setTimeout(resume, 25))
  }
}

test('an idle neighborhood of 25 sends at most 4 messages per node and second, and at most 0.5 to agree', async () => {
  const net = new MemoryNet(25)
  try {
    const members = await net.members()
    await net.pass(10_000)
    const before = net.bus.published.length
    await net.pass(SECONDS * 1_000)
    const said = net.bus.published.slice(before)
    const rate = (types: (type: number) => boolean): number =>
      said.filter((message) => types(typeOf(message))).length / SECONDS / 25
    const [all, toAgree] = [rate(() => true), rate((type) => (type >= 2 && type <= 6) || (type >= 12 && type <= 17))]
    assert.ok(all >= 1.5 && all <= 4, `${all} messages per node and second`)
    assert.ok(toAgree <= 0.5, `${toAgree} messages to agree`)
    const ids = members.map(({ person }) => person.id)
    for (const { neighbors, person } of members) {
      const others = ids.filter((id) => !equal(id, person.id))
      assert.equal(new Set(others.map((id) => neighbors.statusOf(id))), new Set(['alive']))
      assert.ok(others.every((id) => neighbors.helloOf(id)))
    }
  } finally {
    await net.close()
  }
})

test('a member that stops is missed, accused, and its seat taken by a spare; votes go on', async () => {
  const net = await createTestnet(4, { epochs: { epochMs: 600_000, changeMs: 300 }, policy: POLICY })
  try {
    const keys = await createKeyFile(join(net.directory, 'spare', 'node.key'), 'device')
    const admission = await admit(await offerSeat(keys), net.organization.context.keys, net.genesis.netId)
    const spare = await net.addNode('spare', { keys, admission })
    const nodes = () => net.members.flatMap(({ node }) => node ?? [])
    await until(
      'a place',
      () => nodes().every(({ agreed }) => agreed.committee.epoch === 1) && spare.agreed.hood.isMember,
    )
    assert.is(spare.agreed.seat, null)
    const founders = nodes().map(({ context }) => context.keys.id)
    await until('words of all', () => founders.every((id) => spare.neighbors.helloOf(id)))
    const gone = founders[3] as Uint8Array
    const staying = nodes().slice(0, 3)
    const stoppedMs = Date.now()
    await net.members[3]?.stop()
    await until('its death', () => staying.every(({ neighbors }) => neighbors.statusOf(gone) !== 'alive'))
    await until('its seat', () => spare.agreed.seat !== null)
    const tookMs = Date.now() - stoppedMs
    assert.ok(tookMs < 30_000, `${tookMs} ms`)
    await until('its votes', () => spare.agreed.voting)
    const { opening } = spare.agreed.hood.term
    assert.not.ok(opening.seats.some(({ memberId }) => equal(memberId, gone)))
    assert.is(opening.version, 1)
    assert.equal(
      staying.map(({ neighbors }) => neighbors.statusOf(gone)),
      [null, null, null],
    )
  } finally {
    await net.close()
  }
})

test.run()

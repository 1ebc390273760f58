/** Shared objects between real processes: two writers, a race, a member that is killed and comes back in a later epoch, and all read the same. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from '../../src/cli/main.ts'
import { toHex } from '../../src/core/bytes.ts'
import { createTestnet, type TestMember } from '../../src/testnet.ts'
import { recordingIo } from '../kit/io.ts'

const test = suite('system: shared objects')
const POLICY = { seats: 4, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0 }
const WRITES = 5

interface Read {
  readonly sequence: number
  readonly head: string
  readonly history: readonly { readonly sequence: number; readonly writer: string }[]
}

async function until(ms: number, holds: () => Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + ms
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise((resume) => setTimeout(resume, 100))
  }
}

/** One command at a member; its exit code and what it printed as JSON. */
async function webx<T>(at: TestMember, ...args: string[]): Promise<{ code: number; said: T }> {
  const io = recordingIo({ workingDirectory: at.directory })
  const code = await runCommandLine([...args, '--data', at.directory, '--json'], io)
  return { code, said: JSON.parse(io.out()) as T }
}

async function write(at: TestMember, oid: string, value: string, ...more: string[]): Promise<number> {
  const { code } = await webx(at, 'shared', 'write', oid, value, ...more)
  return code
}

async function read(at: TestMember, oid: string): Promise<Read | null> {
  const { code, said } = await webx<Read>(at, 'shared', 'read', oid, '--last', '32')
  return code === 0 ? said : null
}

test('two writers, a race, a kill -9 and the turn of an epoch: everybody has one history', async () => {
  const net = await createTestnet(4, { processes: true, policy: POLICY })
  try {
    const [anna, ben, cleo, dora] = net.members as [TestMember, TestMember, TestMember, TestMember]
    const writers = net.genesis.memberStates.slice(0, 2).map(({ id }) => toHex(id))
    const made = await webx<{ oid: string }>(anna, 'shared', 'create', 'begun', '--writers', writers[1] as string)
    assert.is(made.code, 0)
    const { oid } = made.said
    await until(10_000, async () => (await read(ben, oid)) !== null, 'the object at the other writer')
    const both = await Promise.all(
      [anna, ben].flatMap((who, i) => Array.from({ length: WRITES }, (_, n) => write(who, oid, `${i} writes ${n}`))),
    )
    assert.equal(both, Array(2 * WRITES).fill(0))
    const after = String(1 + 2 * WRITES)
    const race = await Promise.all([anna, ben].map((who) => write(who, oid, 'mine', '--after', after)))
    assert.equal(race.sort(), [0, 3], 'one of them is told that it has lost')
    assert.is(await write(cleo, oid, 'not mine'), 3)

    await dora.kill()
    assert.is(await write(ben, oid, 'without dora'), 0)
    for (const who of [anna, ben, cleo]) assert.is((await webx(who, 'swarm', 'turn')).code, 0)
    const epochOf = async (at: TestMember) => (await webx<{ epoch: number }>(at, 'swarm', 'status')).said.epoch
    await until(30_000, async () => (await epochOf(anna)) === 1 && (await epochOf(ben)) === 1, 'epoch 1')
    assert.is(await write(anna, oid, 'another epoch'), 0)
    await dora.start()
    // nobody writes meanwhile: it asks for what it has missed
    await until(20_000, async () => (await read(dora, oid))?.sequence === 4 + 2 * WRITES, 'dora has caught up')
    assert.is(await write(ben, oid, 'seen by all', '--after', String(4 + 2 * WRITES)), 0)
    const last = 5 + 2 * WRITES
    const members = [anna, ben, cleo, dora]
    const isThere = async (at: TestMember): Promise<boolean> => (await read(at, oid))?.sequence === last
    await until(10_000, async () => (await Promise.all(members.map(isThere))).every(Boolean), 'the last write')
    const reads = await Promise.all(members.map((at) => read(at, oid)))
    assert.is(new Set(reads.map((one) => one?.head)).size, 1)
    const history = reads[0]?.history ?? []
    assert.equal(
      history.map(({ sequence }) => sequence),
      Array.from({ length: last }, (_, i) => i + 1),
    )
    for (const one of reads.slice(1, 3)) assert.equal(one?.history, history)
    assert.equal([...new Set(history.map(({ writer }) => writer))].sort(), [...writers].sort())
  } finally {
    await net.close()
  }
})

test.run()

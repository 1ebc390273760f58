/** A neighborhood of processes on a real broker grows until it divides: both parts go on, members die in it and come back, money goes both ways, nobody votes twice. */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import type { PlannedPart } from '../../src/consensus/epoch/turning.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { callControl } from '../../src/drivers/control-socket.ts'
import { hostClock } from '../../src/drivers/host.ts'
import { openKeyFile } from '../../src/drivers/key-file.ts'
import { accountId } from '../../src/ledger/terms.ts'
import type { SwarmStatus } from '../../src/station-swarm.ts'
import { createTestnet, type Testnet } from '../../src/testnet.ts'
import { Recruit } from '../kit/recruit.ts'
import { VotesHeard } from '../kit/votes-heard.ts'
import { until } from '../kit/within.ts'

const test = suite('division')
const SEATS = 4
const POLICY = { seats: SEATS, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0, halfMin: SEATS }
const PAY_MS = 20_000
const FUNDS = 1_000

/** Somebody who votes, as a process. */
interface Citizen {
  readonly name: string
  readonly id: Uint8Array
  readonly directory: string
  start(): Promise<void>
  stop(): Promise<void>
  kill(): Promise<void>
}

test('a neighborhood becomes two, and every node has its account in the one and its vote in the other', async () => {
  const program = [process.execPath, fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))]
  const level = `WEBX_LOG_LEVEL=${process.env['TEST_LOG'] ?? 'error'}`
  const settings = ['WEBX_EPOCHS_SECONDS=600', 'WEBX_EPOCHS_CHANGE_SECONDS=1', level]
  const memberCommand = ['/usr/bin/env', ...settings, ...program]
  const net = await createTestnet(SEATS, { processes: true, memberCommand, policy: POLICY })
  const votes = new VotesHeard()
  const recruits: Recruit[] = []
  try {
    const stem = net.genesis.neighborhood
    const onWire = (_: string, bytes: Uint8Array): void => votes.hear(bytes)
    const anna = await net.addNode('anna', { hearsVotes: true, onWire })
    votes.know(anna.agreed.committee)
    const sproutOf = (): Uint8Array | null => anna.homes.openings[0]?.nid ?? null
    hearAll(anna, votes)
    const eur = anna.assets.byCode('EUR')
    assert.ok(eur)
    await net.organization.wallet.issue(eur, FUNDS, anna.wallet.account)
    for (let i = 0; i < SEATS; i++) recruits.push(await Recruit.make(net, `newcomer-${i}`, memberCommand))
    await Promise.all(recruits.map((recruit) => recruit.start()))
    const citizens = [...foundersOf(net), ...recruits]

    // one of each part dies while the next seats get ready: of four seats one may
    const planned = (): PlannedPart | null => anna.agreed.hood.term.state.turning.plan?.sprout ?? null
    await until(40_000, () => planned() !== null, 'a division is planned')
    const inSprout = ({ id }: Citizen, part = planned()): boolean =>
      part?.roster.some((one) => equal(one.id, id)) ?? false
    const [leaving, staying] = [citizens.findLast((one) => inSprout(one)), citizens.findLast((one) => !inSprout(one))]
    await Promise.all([leaving?.kill(), staying?.kill()])
    await Promise.all([leaving?.start(), staying?.start()])
    await until(30_000, () => sproutOf() !== null, 'the sprout')
    const sprout = sproutOf() as Uint8Array
    const [opening] = anna.homes.openings
    const members = citizens.filter(({ id }) => opening?.roster.some((one) => equal(one.id, id)))
    assert.is(members.length, SEATS)

    // who was there all the time has a seat in its part, and says where it is
    const awake = citizens.filter((one) => one !== leaving && one !== staying)
    for (const one of awake) await seated(one, members.includes(one) ? sprout : stem, stem)

    // another epoch in each part; an epoch may begin without one of four having named its key
    const before = [anna.agreed.committee.epoch, anna.homes.epochOf(sprout) ?? 0]
    await Promise.all(awake.map((one) => ask(one, 'turn', 30_000)))
    const turned = (): boolean =>
      anna.agreed.committee.epoch > (before[0] as number) && (anna.homes.epochOf(sprout) ?? 0) > (before[1] as number)
    await until(30_000, turned, 'an epoch in each part')
    for (const one of citizens) await seated(one, members.includes(one) ? sprout : stem, stem, false)

    // money of a member of the sprout: out of its account at the stem, into and out of the one at the sprout
    const [name, ben] = await reopened(net, members.at(-1) as Citizen)
    assert.is(toHex(ben.posts.home.anchor.nid), toHex(stem))
    assert.is(toHex(ben.posts.post.anchor.nid), toHex(sprout))
    await net.organization.wallet.issue(eur, FUNDS, ben.wallet.account)
    await until(PAY_MS, () => ben.wallet.balance(eur.id) === FUNDS, `money for ${name}`)
    const reference = (number: number): Uint8Array => new Uint8Array(32).fill(number)
    await ben.wallet.pay({ reference: reference(1), asset: eur.id, amount: 100, to: anna.wallet.account }, PAY_MS)
    const there = accountId(net.genesis.netId, sprout, ben.context.keys.id)
    const way = { asset: eur.id, to: there, home: sprout }
    await anna.wallet.pay({ reference: reference(2), amount: 70, ...way }, PAY_MS)
    const { post } = ben.posts
    await until(PAY_MS, () => post.wallet.balance(eur.id) === 70, 'money at the sprout')
    await post.wallet.introduce()
    const back = { asset: eur.id, to: anna.wallet.account, home: stem }
    await post.wallet.pay({ reference: reference(3), amount: 30, ...back }, PAY_MS)
    await until(PAY_MS, () => anna.wallet.balance(eur.id) === FUNDS + 100 - 70 + 30, 'money back at the stem')
    assert.is(post.wallet.balance(eur.id), 40)
    assert.is(ben.wallet.balance(eur.id), FUNDS - 100)

    assert.is(votes.read(), 0, 'votes of committees that nobody handed over to')
    assert.equal(votes.violations, [])
    for (const nid of [stem, sprout]) assert.ok((votes.counts.get(toHex(nid)) ?? 0) > 0)
  } finally {
    await Promise.all(recruits.map((recruit) => recruit.kill()))
    await net.close()
  }
})

/** Listens to the votes of all committees that come, in either part. */
function hearAll({ context, agreed, homes }: WebxNode, votes: VotesHeard): void {
  context.events.on('epoch', () => votes.know(agreed.committee))
  context.events.on('home', ({ nid }) => {
    const committee = homes.committeeOf(nid)
    if (!committee) return
    votes.know(committee)
    for (const kind of ['vote', 'ballot'])
      context.link.subscribe(context.topics.committee(committee.cid, kind)).catch(() => undefined)
  })
}

function foundersOf({ members, genesis }: Testnet): Citizen[] {
  return members.map((member) => {
    const state = genesis.memberStates[member.seat]
    assert.ok(state)
    const { directory } = member
    const [start, stop, kill] = [() => member.start(), () => member.stop(), () => member.kill()]
    return { name: `member-0${member.seat}`, id: state.id, directory, start, stop, kill }
  })
}

function ask<T>({ directory }: Citizen, method: string, timeoutMs = 10_000): Promise<T> {
  const path = join(directory, 'control.sock')
  return callControl({ path, method, params: {}, timeoutMs, clock: hostClock() }) as Promise<T>
}

/** A member says that it belongs there, with a voice unless that may be lacking, and is at home where it was. */
async function seated(one: Citizen, there: Uint8Array, home: Uint8Array, votes = true): Promise<void> {
  const endMs = performance.now() + 20_000
  for (;;) {
    const status = await ask<SwarmStatus>(one, 'swarm')
    const belongs = status.own.isMember && (!votes || status.own.seat !== null)
    if (belongs && status.nid === toHex(there) && status.home === toHex(home)) return
    if (performance.now() > endMs) throw new Error(`${one.name}: ${JSON.stringify(status)}`)
    await new Promise((resume) => setTimeout(resume, 100))
  }
}

/** The same member with the same disk, in this process. */
async function reopened(net: Testnet, citizen: Citizen): Promise<[string, WebxNode]> {
  await citizen.stop()
  const keys = await openKeyFile(join(citizen.directory, 'node.key'), {})
  const node = await net.addNode(citizen.name, { keys })
  await until(20_000, () => node.recovered(), 'it knows whether it may vote')
  return [citizen.name, node]
}

test.run()

/**
 * Members as processes that are killed: what is lost (nothing), what is delayed, and that no vote ever contradicts another.
 *
 * 25 processes of `webx run` with their stores on disk, eight and nine of them dead; rounds of `kill -9` during the voting, on real stores and on stores that lose
 * whatever was not synced; and a mutant that publishes before it syncs, which these very checks must catch. Chance is seeded: set `WEBX_TEST_SEED` to what a
 * failure prints.
 */

import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createDevice } from '../../src/apps/facepay/device.ts'
import { createTerminal, type Terminal } from '../../src/apps/facepay/terminal.ts'
import type { WebxNode } from '../../src/boot.ts'
import { type Order, readOrder } from '../../src/consensus/order.ts'
import { toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import type { PaymentRequest, SettledPayment } from '../../src/kernel/ports.ts'
import { balanceOf } from '../../src/ledger/account.ts'
import type { Asset } from '../../src/ledger/asset.ts'
import type { TestMember } from '../../src/testnet.ts'
import { face, photograph, vectorModel } from '../apps/shop.ts'
import {
  type CrashNet,
  campaign,
  closeCrashNet,
  closeCrashNets,
  judge,
  openCrashNet,
  type Story,
  seeded,
  seedOfRun,
} from '../kit/crash.ts'
import type { Owner } from '../kit/owners.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { until, within } from '../kit/within.ts'

const SEATS = 25
const ROUNDS = 30
/** So many of them with all 25, the others with fewer members, which restart sooner; with `WEBX_TEST_SEATS=25` all of them, in half an hour. */
const ROUNDS_OF_ALL = 4
const FEW_SEATS = Number(process.env['WEBX_TEST_SEATS'] ?? 7)
const KILLS_MAX = 6
const AMOUNT = 250
const FUNDS = 1_000

const seed = seedOfRun()
const chance = seeded(seed)
const replay = `seed ${seed}; again: WEBX_TEST_SEED=${seed} node test/kit/run.ts 'crash\\.system\\.ts$' 15`
process.stderr.write(`crash tests: ${replay}\n`)

const test = suite('system: crash')
// a net that a failed test leaves open would slow down all that follow
test.before.each(async () => {
  if (!town) await closeCrashNets()
})
test.after(closeCrashNets)

/** The net of the first two tests, and who lives in it. */
interface Town {
  readonly net: CrashNet
  readonly owners: readonly Owner[]
  payer: WebxNode
  readonly shopper: WebxNode
  readonly till: WebxNode
  readonly terminal: Terminal
  /** Everybody's money before the first payment. */
  readonly funds: Story['funds']
  /** All orders that were given. */
  readonly orders: Order[]
  close(): Promise<void>
}
let town: Town | null = null

test('8 of 25 killed: payments still settle', async () => {
  const net = await openCrashNet(SEATS)
  town = await settleIn(net)
  const { members } = net.testnet
  await Promise.all(chance.some(members, 8).map((member) => member.kill()))
  const seen = (): number => net.watcher.presence.seatsUp()
  await until(10_000, () => seen() === 17, 'the absence of eight').catch(() => assert.is(seen(), 17))
  const [first] = town.owners as [Owner]
  for (const [i, owner] of town.owners.entries()) {
    const order = net.owners.pay(owner, first.account, 1 + i)
    town.orders.push(order)
    const { locks, confirms } = await net.owners.settle(order, 20_000)
    assert.ok(locks >= 17 && confirms >= 17, `${locks} locks, ${confirms} confirms`)
  }
  const paid = await town.payer.wallet.pay(wishOf(town), 20_000)
  assert.ok(paid.confirms >= 17, `${paid.confirms} confirms`)
  town.orders.push(orderOf(paid))
  const atTill = await town.terminal.takePayment(faceOf(town))
  assert.ok(atTill.confirms >= 17, `${atTill.confirms} confirms`)
  town.orders.push(orderOf(await town.terminal.whenSettled(atTill.reference, 1_000)))
  assert.equal(net.witness.violations, [], replay)
})

test('9 of 25 killed: nothing settles and "no quorum" is said; all of it settles once, when one returns', async () => {
  if (!town) throw new Error('the first test has left no net')
  const here = town
  town = null
  const { net, owners, terminal, till, orders } = here
  const { members } = net.testnet
  await until(10_000, () => orders.every((given) => isSettled(net, given)), 'what was ordered before')
  await (chance.some(members.filter(isUp), 1)[0] as TestMember).kill()
  const settledBefore = settlements(net)
  const wish = wishOf(here)
  const order = net.owners.pay(owners[1] as Owner, till.wallet.account, 3)
  const settling = net.owners.settle(order, 60_000)
  // looked at below, unless something else fails first
  settling.catch(() => {})
  let reference: Uint8Array = new Uint8Array(0)
  const progress = (_: string, of: Uint8Array): void => {
    reference = of
  }
  const [wallet, counter] = await Promise.all([
    timed(() => here.payer.wallet.pay(wish, 4_500)),
    timed(() => terminal.takePayment({ ...faceOf(here), progress })),
  ])
  assert.is(wallet.code, 'no-quorum')
  assert.is(counter.code, 'no-quorum')
  assert.ok(wallet.ms < 5_000 && counter.ms < 5_000, `said after ${wallet.ms} and ${counter.ms} ms`)

  // the payer's own node goes off and on again meanwhile: what was ordered is on its disk
  await here.payer.stop()
  here.payer = await net.testnet.addNode('payer', { keys: here.payer.context.keys })
  const { payer } = here
  assert.is((await timed(() => payer.wallet.pay(wish, 1_500))).code, 'no-quorum')
  assert.is(settlements(net), settledBefore, 'nothing settled while nine were dead')

  await (
    chance.some(
      members.filter((member) => !isUp(member)),
      1,
    )[0] as TestMember
  ).start()
  const paid = await payer.wallet.pay(wish, 30_000)
  const again = await payer.wallet.pay(wish, 30_000)
  assert.equal([again.order, again.settlement], [paid.order, paid.settlement], 'one receipt')
  const late = await terminal.whenSettled(reference, 30_000)
  await within(30_000, settling)
  assert.is(members.filter(isUp).length, 17)
  orders.push(order, orderOf(paid), orderOf(late))
  await until(10_000, () => orders.every((given) => isSettled(net, given)), 'what was ordered meanwhile')
  assert.is(settlements(net), settledBefore + 3, 'the order, the payment and the till’s, each once')

  await Promise.all(members.map((member) => member.start()))
  await Promise.all(members.map((member) => member.recovered()))
  const story = { honest: orders, doubles: [], kills: 9, funds: here.funds, violations: [] }
  assert.equal(await judge(net, story), [], replay)
  await here.close()
  await closeCrashNet(net.testnet)
})

for (const [seats, rounds] of [
  [SEATS, ROUNDS_OF_ALL],
  [FEW_SEATS, ROUNDS - ROUNDS_OF_ALL],
] as const) {
  test(`kill -9 during the voting, ${seats} members, ${rounds} rounds on the real store`, async () => {
    await survives(await openCrashNet(seats), rounds)
  })
}

test(`kill -9 during the voting, ${ROUNDS} rounds on a store that loses every unsynced write`, async () => {
  await survives(await openCrashNet(FEW_SEATS, []), ROUNDS)
})

test('a mutant that publishes before it syncs is caught by the same checks', async () => {
  const net = await openCrashNet(FEW_SEATS, ['--lie'])
  const story = await campaign(net, { rounds: ROUNDS, chance, killsMax: 1, enough: (found) => found.length > 0 })
  const lost = story.violations.filter((found) => /its log lacks batch \d+, which was on the wire/.test(found))
  assert.ok(lost.length > 0, `nothing was found in ${story.kills} kills; ${replay}`)
  const verdict = await judge(net, story)
  assert.ok(verdict.some((found) => lost.includes(found)))
  const abstains = verdict.filter((found) => /abstains: its log is not whole/.test(found))
  assert.ok(abstains.length > 0, `the network showed the liar its lost batch; found: ${verdict.join('; ')}`)
  await closeCrashNet(net.testnet)
})

test.run()

/** All checks after a campaign, and that it was one. */
async function survives(net: CrashNet, rounds: number): Promise<void> {
  const story = await campaign(net, { rounds, chance, killsMax: KILLS_MAX })
  const verdict = await judge(net, story)
  const { witness, testnet } = net
  const decided = story.doubles.filter(([{ oid, version }]) => witness.settled(oid, version) !== null).length
  const said = [
    `${testnet.members.length} members, ${rounds} rounds, ${story.kills} kills, ${witness.batches} batches`,
    `${story.honest.length} honest orders, ${decided} of ${story.doubles.length} double orders settled once`,
    `${witness.doubleOrders} proven`,
  ].join(', ')
  process.stderr.write(`crash tests: ${said}\n`)
  assert.equal(verdict, [], replay)
  assert.is(story.doubles.length, rounds)
  assert.ok(story.honest.length >= rounds, said)
  assert.ok(story.kills >= rounds, said)
  assert.ok(witness.doubleOrders > 0, said)
  await closeCrashNet(testnet)
}

async function settleIn(net: CrashNet): Promise<Town> {
  const { testnet, owners, watcher } = net
  const { organization } = testnet
  const [asset] = organization.assets.all
  const terminalKeys = testnet.terminalKeys[0]
  if (!asset || !terminalKeys) throw new Error('the net has no asset, or no terminal')
  const residents = await owners.funded(organization, 4, FUNDS)
  const payer = await testnet.addNode('payer')
  const shopper = await testnet.addNode('shopper')
  const till = await testnet.addNode('till', { keys: terminalKeys, hearsVotes: true })
  for (const { wallet } of [payer, shopper]) await organization.wallet.issue(asset, FUNDS, wallet.account)
  const model = vectorModel()
  const presence = () => ({ seatsUp: till.presence.seatsUp(), quorum: till.agreed.committee.quorum })
  const terminal = createTerminal(till.context, { wallet: till.wallet, assets: till.assets, presence, model })
  const consent = { ask: async () => false }
  const { wallet, assets } = shopper
  const device = createDevice(shopper.context, { wallet, assets, consent, floorLimit: FUNDS })
  await terminal.start()
  await device.start()
  await device.enrol([photograph(1, 0)], model)
  await device.checkIn(till.context.keys.id)
  await until(60_000, () => terminal.checkins().length === 1, 'the check-in')
  for (const node of [payer, shopper]) {
    await until(60_000, () => node.wallet.balance(asset.id) === FUNDS, 'the first money')
  }
  const accounts = [...residents, payer.wallet, shopper.wallet].map(({ account }) => account)
  const funds = [...accounts, till.wallet.account].map(
    (oid, i) => [toHex(oid), { oid, amount: i < accounts.length ? FUNDS : 0 }] as const,
  )
  const held = (oid: Uint8Array): number => balanceOf(watcher.agreed.register.object(oid)?.state ?? null, asset.id)
  await until(60_000, () => funds.every(([, { oid, amount }]) => held(oid) === amount), 'the first money of all')
  const close = async (): Promise<void> => {
    await device.stop()
    await terminal.stop()
  }
  return { net, owners: residents, payer, shopper, till, terminal, funds: new Map(funds), orders: [], close }
}

/** A payment of the payer to the till's account, with a reference of its own. */
function wishOf({ payer, till }: Town): PaymentRequest {
  const [asset] = payer.assets.all
  const reference = new Uint8Array(randomBytes(32))
  return { reference, asset: (asset as Asset).id, amount: AMOUNT, to: till.wallet.account }
}

/** A payment of whoever looks like the shopper. */
function faceOf({ payer }: Town): { amount: number; asset: Uint8Array; embedding: Float32Array } {
  return { amount: AMOUNT, asset: (payer.assets.all[0] as Asset).id, embedding: face(1, 2) }
}

function orderOf({ order }: SettledPayment): Order {
  return readOrder(decodeEnvelope(order))
}

/** How many versions of objects the watching node has seen settle, by votes or by the chain of blocks. */
function settlements({ watcher }: CrashNet): number {
  const { settled = 0, 'settled-by-chain': byChain = 0 } = watcher.context.counters.read()
  return settled + byChain
}

function isSettled({ watcher }: CrashNet, { oid, version }: Order): boolean {
  return (watcher.agreed.register.object(oid)?.settled ?? 0) >= version
}

function isUp({ running }: TestMember): boolean {
  return running
}

/** The code that something is refused with, and after how long. */
async function timed(action: () => Promise<unknown>): Promise<{ code: string | null; ms: number }> {
  const startMs = performance.now()
  const code = await codeOfAsync(action)
  return { code, ms: Math.round(performance.now() - startMs) }
}

/**
 * Nets of real processes that are killed while they vote, with a witness on the wire, and the judgement of everybody's books afterwards.
 *
 * Chance comes from a printed seed. It fixes who pays, who cheats, who is killed and when; how the machine schedules the processes it cannot fix.
 */

import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { WebxNode } from '../../src/boot.ts'
import type { Order } from '../../src/consensus/order.ts'
import { toHex } from '../../src/core/bytes.ts'
import type { Pay } from '../../src/ledger/payment.ts'
import { operationOf } from '../../src/ledger/rules.ts'
import { createTestnet, type TestMember, type Testnet } from '../../src/testnet.ts'
import { type Books, readBooks } from './books.ts'
import { type Owner, Owners } from './owners.ts'
import { until, within } from './within.ts'
import { Witness } from './witness.ts'

const SETTLE_MS_MAX = 120_000
const AGREE_MS_MAX = 60_000
const STOP_MS_MAX = 20_000
const SHARP_MS_MAX = 400
const FUNDS_EACH = 1_000
const HONEST = 6
/** When members are killed: before the orders are sent, some time after, or in the moment in which a vote of one of them is on the wire. */
const MOMENTS = ['before', 'later', 'sharp', 'sharp'] as const

/** A net of processes, and a node without a seat in this process that sees all of it. */
export interface CrashNet {
  readonly testnet: Testnet
  readonly watcher: WebxNode
  readonly owners: Owners
  readonly witness: Witness
}

/** Chance out of a seed (mulberry32). */
export interface Chance {
  /** A whole number from 0 to `below` − 1. */
  below(below: number): number
  /** `count` different items. */
  some<T>(items: readonly T[], count: number): T[]
}

/** What a campaign brought about, beside what the wire has seen. */
export interface Story {
  /** Orders of owners who sign one for each version; all must settle. */
  readonly honest: readonly Order[]
  /** Pairs of which at most one may settle. */
  readonly doubles: readonly (readonly [Order, Order])[]
  readonly kills: number
  /** Every account with its money before the first round. */
  readonly funds: ReadonlyMap<string, { readonly oid: Uint8Array; readonly amount: number }>
  /** What was found wrong with the books of the killed, and orders that did not settle. */
  readonly violations: readonly string[]
}

/**
 * The votes of one epoch: witness and books know one committee, and who enters another epoch by its state keeps no settlements of the epochs before.
 * Many dead members, on a busy machine also slow ones, would end it after half a minute.
 */
const ONE_EPOCH = ['WEBX_EPOCHS_SECONDS=2592000', 'WEBX_EPOCHS_CHANGE_SECONDS=86400']

const opened = new Set<Testnet>()

/** Starts `seats` processes: of `webx run`, or of the lossy member with these arguments. */
export async function openCrashNet(seats: number, lossy?: readonly string[]): Promise<CrashNet> {
  const entry = lossy ? '../system/lossy-member.ts' : '../../src/cli/main.ts'
  const program = [process.execPath, fileURLToPath(new URL(entry, import.meta.url)), ...(lossy ?? [])]
  // the level comes through the environment, since a member's command line is the test network's business; a member refuses settings that it does not know
  const without = ['WEBX_TEST_SEED', 'WEBX_TEST_SEATS'].flatMap((name) => ['-u', name])
  const memberCommand = ['/usr/bin/env', ...without, 'WEBX_LOG_LEVEL=error', ...ONE_EPOCH, ...program]
  const testnet = await createTestnet(seats, { processes: true, memberCommand })
  opened.add(testnet)
  const witnesses: Witness[] = []
  const onWire = (_: string, bytes: Uint8Array): void => witnesses[0]?.hear(bytes)
  const watcher = await testnet.addNode('watcher', { hearsVotes: true, onWire })
  const witness = new Witness(watcher.agreed.committee)
  witnesses.push(witness)
  await watcher.context.link.subscribe(watcher.context.topics.sync)
  return { testnet, watcher, owners: new Owners(watcher), witness }
}

/** Ends every net that was opened and not closed, whatever happened to it. */
export async function closeCrashNets(): Promise<void> {
  for (const testnet of [...opened]) await closeCrashNet(testnet)
}

/** Kills what still runs, and removes all files. */
export async function closeCrashNet(testnet: Testnet): Promise<void> {
  opened.delete(testnet)
  await Promise.all(testnet.members.map((member) => member.kill()))
  await within(STOP_MS_MAX, testnet.close(), 'closing a test network')
}

export function seeded(seed: number): Chance {
  let state = seed >>> 0
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * limit)
  }
  const some = <T>(items: readonly T[], count: number): T[] => {
    const left = [...items]
    return Array.from({ length: Math.min(count, left.length) }, () => left.splice(below(left.length), 1)[0] as T)
  }
  return { below, some }
}

/** The seed of this run: of `WEBX_TEST_SEED`, or a new one. */
export function seedOfRun(): number {
  const given = Number(process.env['WEBX_TEST_SEED'] ?? '')
  return given > 0 ? given : randomBytes(4).readUInt32LE() || 1
}

/** How a campaign goes. */
export interface CampaignOptions {
  readonly rounds: number
  readonly chance: Chance
  readonly killsMax: number
  /** Ends the campaign early, asked after every round. */
  readonly enough?: (violations: readonly string[]) => boolean
}

/** Rounds of payments, double orders, kills during the voting, and restarts. Every member is up at the end, and every honest order has had its time. */
export async function campaign(net: CrashNet, options: CampaignOptions): Promise<Story> {
  const { owners, testnet } = net
  const funded = await owners.funded(testnet.organization, HONEST + options.rounds, FUNDS_EACH)
  const run = new Campaign(net, options, funded)
  for (let round = 0; round < options.rounds; round++) {
    await run.round(round)
    if (options.enough?.(run.violations)) break
  }
  await run.end()
  return run
}

class Campaign implements Story {
  readonly honest: Order[] = []
  readonly doubles: [Order, Order][] = []
  readonly violations: string[] = []
  readonly funds: Map<string, { oid: Uint8Array; amount: number }>
  kills = 0
  readonly #net: CrashNet
  readonly #options: CampaignOptions
  readonly #payers: readonly Owner[]
  readonly #cheaters: readonly Owner[]
  readonly #underWay = new Map<Owner, Promise<void>>()

  constructor(net: CrashNet, options: CampaignOptions, funded: readonly Owner[]) {
    this.#net = net
    this.#options = options
    this.#payers = funded.slice(0, HONEST)
    this.#cheaters = funded.slice(HONEST)
    this.funds = new Map(funded.map(({ account: oid }) => [toHex(oid), { oid, amount: FUNDS_EACH }]))
  }

  async round(number: number): Promise<void> {
    const { chance, killsMax } = this.#options
    const { owners, testnet } = this.#net
    const victims = chance.some(testnet.members, 1 + chance.below(killsMax))
    const cheater = this.#cheaters[number] as Owner
    const [one, other] = chance.some(
      [0, 1].map((i) => owners.draft(cheater, (this.#payers[i] as Owner).account, 10 + i)),
      2,
    ) as [Order, Order]
    this.doubles.push([one, other])
    const moment = MOMENTS[chance.below(MOMENTS.length)]
    const delayMs = chance.below(120)
    const downMs = chance.below(150)
    const secondEarly = chance.below(2) === 0
    const last = chance.below(2) === 0 ? one : other

    if (moment === 'before') await this.#kill(victims)
    const killed = moment === 'sharp' ? this.#killWhenItVotes(victims) : this.#killAfter(delayMs, victims)
    for (const payer of this.#payers) this.#pay(payer)
    await owners.send(one)
    if (secondEarly) await owners.send(other)
    await killed
    await this.#audit(victims)
    await pause(downMs)
    // those that never saw the first of the two may lock the second
    const started = victims.map((member) => member.start().then(() => owners.send(other)))
    await within(60_000, Promise.all(started), 'starting members again')
    await owners.send(last)
  }

  async end(): Promise<void> {
    const { members } = this.#net.testnet
    await within(90_000, Promise.all(members.map((member) => member.recovered())), 'the recovery of all members')
    await Promise.all(this.#underWay.values())
    for (const { seat, running } of members) if (!running) this.violations.push(`seat ${seat} has ended by itself`)
  }

  /** The next payment of an owner whose last one is settled. */
  #pay(payer: Owner): void {
    if (this.#underWay.has(payer)) return
    const { chance } = this.#options
    const { owners } = this.#net
    const [to] = chance.some(
      this.#payers.filter((other) => other !== payer),
      1,
    ) as [Owner]
    const order = owners.pay(payer, to.account, 1 + chance.below(9))
    this.honest.push(order)
    const settled = owners.settle(order, SETTLE_MS_MAX).then(
      () => void this.#underWay.delete(payer),
      () => void this.violations.push(`the order ${toHex(order.od)} of an honest owner has not settled`),
    )
    this.#underWay.set(payer, settled)
  }

  async #killAfter(delayMs: number, victims: readonly TestMember[]): Promise<void> {
    await pause(delayMs)
    await this.#kill(victims)
  }

  /** Kills at the moment in which a vote of the first victim is on the wire. */
  async #killWhenItVotes(victims: readonly TestMember[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(() => resolve(), SHARP_MS_MAX)
    const unhear = this.#net.witness.onBatch(({ seat }) => {
      if (seat === victims[0]?.seat) resolve(this.#kill(victims))
    })
    await promise
    clearTimeout(timer)
    unhear()
    await this.#kill(victims)
  }

  async #kill(victims: readonly TestMember[]): Promise<void> {
    this.kills += victims.filter(({ running }) => running).length
    await Promise.all(victims.map((member) => member.kill()))
  }

  /** What a killed member had told the world must be on its disk, now. */
  async #audit(victims: readonly TestMember[]): Promise<void> {
    for (const member of victims) {
      const books = await booksOf(this.#net, member)
      this.violations.push(...books.violations)
    }
  }
}

/** Stops everybody, reads all books, and returns what is wrong: nothing, if all is well. */
export async function judge(net: CrashNet, story: Story): Promise<string[]> {
  const { testnet, watcher, witness } = net
  const violations = [...story.violations]
  const agreed = (): boolean => witness.agreeing(watcher.agreed.register.summary()) === testnet.members.length
  await until(AGREE_MS_MAX, agreed, 'the agreement of all members').catch((error: Error) => {
    const { register } = watcher.agreed
    violations.push(`${error.message}: ${witness.agreeing(register.summary())} of ${testnet.members.length} agree`)
  })
  await within(STOP_MS_MAX, Promise.all(testnet.members.map((member) => member.stop())), 'stopping all members')
  const books: Books[] = []
  for (const member of testnet.members) books.push(await booksOf(net, member))
  const first = books[0] as Books
  for (const book of books) {
    violations.push(...book.violations)
    if (book.abstains) violations.push(`seat ${book.seat} abstains: its log is not whole`)
    violations.push(...differences(first, book))
    violations.push(...judgeMoney(net, story, book), ...judgeOrders(net, story, book))
  }
  return [...new Set([...witness.violations, ...violations])]
}

/** The books of a member that does not run. Money that does not add up throws. */
export function booksOf({ testnet, watcher, witness }: CrashNet, member: TestMember): Promise<Books> {
  return readBooks(testnet.genesis, watcher.agreed.committee, member, witness)
}

function differences(one: Books, other: Books): string[] {
  const lines = new Set(one.lines)
  const strange = other.lines.filter((line) => !lines.has(line))
  if (strange.length === 0 && one.lines.length === other.lines.length) return []
  return [`seats ${one.seat} and ${other.seat} have different books: ${strange[0] ?? 'a line is missing'}`]
}

function judgeOrders({ witness }: CrashNet, { honest, doubles }: Story, books: Books): string[] {
  const found: string[] = []
  for (const { oid, version, od } of honest) {
    const settled = books.settled(oid, version)
    if (settled !== toHex(od)) found.push(`seat ${books.seat} settled ${settled} for the honest order ${toHex(od)}`)
  }
  for (const [{ oid, version, od }, other] of doubles) {
    const settled = books.settled(oid, version)
    if (settled !== null && settled !== toHex(od) && settled !== toHex(other.od)) {
      found.push(`seat ${books.seat} settled ${settled}, which nobody ordered`)
    }
    const onWire = witness.settled(oid, version)
    if (onWire !== null && settled !== onWire) found.push(`seat ${books.seat} settled ${settled}, the wire ${onWire}`)
  }
  return found
}

/** The money of every account, reckoned from the orders alone. Which of two double orders counts is the same in all books, since all heads are. */
function judgeMoney({ watcher }: CrashNet, { honest, doubles, funds }: Story, books: Books): string[] {
  const expected = new Map([...funds].map(([name, { amount }]) => [name, amount]))
  const add = (oid: Uint8Array, amount: number): void => {
    expected.set(toHex(oid), (expected.get(toHex(oid)) ?? 0) + amount)
  }
  const settled = doubles.flat().filter(({ oid, version, od }) => books.settled(oid, version) === toHex(od))
  for (const order of [...honest, ...settled]) {
    const { amount, to } = operationOf(order) as Pay
    add(order.oid, -amount)
    add(to, amount)
  }
  const asset = watcher.assets.all[0]?.id as Uint8Array
  const found: string[] = []
  for (const [name, { oid }] of funds) {
    const has = books.balance(oid, asset)
    if (has !== expected.get(name)) found.push(`seat ${books.seat}: ${name} has ${has}, not ${expected.get(name)}`)
  }
  const total = [...funds.values()].reduce((sum, { amount }) => sum + amount, 0)
  for (const { issued, held, inFlight } of books.supplies) {
    if (issued !== total || held !== total || inFlight !== 0) {
      found.push(`seat ${books.seat}: issued ${issued}, held ${held}, in flight ${inFlight}, of ${total}`)
    }
  }
  return found
}

function pause(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms))
}

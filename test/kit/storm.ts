/**
 * A storm over a net of processes: payments all the while, newcomers and leavers, seats that are killed, epochs that turn, a broker that dies – and the judgement of everybody's books afterwards.
 *
 * Chance comes from a printed seed, as in `crash.ts`. Every process is honest; what is looked for is what a swarm loses, pays twice or takes back while it changes.
 */

import { fileURLToPath } from 'node:url'
import type { WebxNode } from '../../src/boot.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { callControl } from '../../src/drivers/control-socket.ts'
import { hostClock } from '../../src/drivers/host.ts'
import { CONTROL_SOCKET } from '../../src/station.ts'
import { replacedMaxOf } from '../../src/swarm/seating.ts'
import { createTestnet, type Testnet } from '../../src/testnet.ts'
import type { Chance } from './crash.ts'
import { Mosquitto } from './mosquitto.ts'
import { type Owner, Owners } from './owners.ts'
import { Recruit } from './recruit.ts'
import { readStormBooks } from './storm-books.ts'
import { type Given, type Latencies, latenciesOf, pause, StormLoad } from './storm-load.ts'
import { StormWire } from './storm-wire.ts'
import { until, within } from './within.ts'

/** After a restart of the broker and after a hand-over an order may take longer. */
const SHADOW_MS = 5_000
const ORDER_MS_MAX = 15_000
const PLACE_MS_MAX = 180_000
const AGREE_MS_MAX = 90_000
const FUNDS_EACH = 1_000

/** How big a storm is. */
export interface StormPlan {
  /** Founders, each with a seat. */
  readonly seats: number
  /** Newcomers that stand by before it begins. */
  readonly spares: number
  readonly payers: number
  readonly pauseMs: number
  readonly epochSeconds: number
  readonly calmMs: number
  readonly stormMs: number
  /** Newcomers in the storm, and as many who leave. */
  readonly changes: number
  readonly killed: number
  readonly restarts: number
  readonly chance: Chance
  /** Called with one line for each thing worth knowing. */
  readonly report: (line: object) => void
}

/** What came of it. */
export interface StormStory {
  readonly calm: Latencies
  /** Outside of the shadows of restarts and hand-overs. */
  readonly storm: Latencies
  readonly longestMs: number
  readonly epochs: number
  readonly joined: number
  readonly left: number
  readonly killed: number
  readonly restarts: number
  readonly violations: readonly string[]
}

/** Somebody who takes part: a founder, or a newcomer. */
interface Citizen {
  readonly name: string
  readonly id: Uint8Array
  readonly directory: string
  readonly running: boolean
  start(): Promise<void>
  stop(): Promise<void>
  kill(): Promise<void>
}

export class Storm {
  readonly testnet: Testnet
  readonly watcher: WebxNode
  readonly wire: StormWire
  readonly owners: Owners
  readonly broker: Mosquitto
  readonly violations: string[] = []
  readonly #plan: StormPlan
  readonly #command: readonly string[]
  readonly #citizens: Citizen[]
  readonly #dead = new Set<Citizen>()
  readonly #leaving = new Set<Citizen>()
  /** When a shadow began, by `performance.now`. */
  readonly #shadows: number[] = []
  #recruits = 0
  #joined = 0
  #left = 0
  #epochs = 0

  private constructor(
    plan: StormPlan,
    parts: Pick<Storm, 'testnet' | 'watcher' | 'wire' | 'broker'> & { command: readonly string[] },
  ) {
    this.testnet = parts.testnet
    this.watcher = parts.watcher
    this.wire = parts.wire
    this.broker = parts.broker
    this.owners = new Owners(parts.watcher)
    this.#plan = plan
    this.#command = parts.command
    const { memberStates } = parts.testnet.genesis
    this.#citizens = parts.testnet.members.map((member) => {
      const { id } = memberStates[member.seat] as { id: Uint8Array }
      return {
        ...{ name: `member ${member.seat}`, id, directory: member.directory },
        get running() {
          return member.running
        },
        start: () => member.start(),
        stop: () => member.stop(),
        kill: () => member.kill(),
      }
    })
    this.#follow()
  }

  /** A net of processes around a Mosquitto, in peace. */
  static async open(plan: StormPlan): Promise<Storm> {
    const broker = await Mosquitto.open()
    const command = memberCommand(plan.epochSeconds)
    const policy = { seats: plan.seats, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0 }
    const options = { processes: true, memberCommand: command, policy, openBroker: async () => broker }
    const testnet = await createTestnet(plan.seats, options)
    const wire = new StormWire()
    const watcher = await testnet.addNode('watcher', { hearsVotes: true, onWire: (_, bytes) => wire.hear(bytes) })
    wire.readWith(watcher.agreed.hood.book)
    await watcher.context.link.subscribe(watcher.context.topics.sync)
    const storm = new Storm(plan, { testnet, watcher, wire, broker, command })
    await Promise.all(Array.from({ length: plan.spares }, () => storm.join()))
    return storm
  }

  /** Ends every process, and removes all files. */
  async close(): Promise<void> {
    await Promise.all(this.#citizens.map((citizen) => citizen.kill()))
    await within(60_000, this.testnet.close(), 'closing the net')
  }

  /** Calm, storm, calm again, judgement. */
  async run(): Promise<StormStory> {
    const { payers: count, pauseMs, calmMs, chance, report, killed, restarts } = this.#plan
    const payers = await this.owners.funded(this.testnet.organization, count, FUNDS_EACH)
    const load = new StormLoad(this.watcher, this.owners, payers, chance, pauseMs)
    load.start()
    await pause(calmMs)
    const calmEndMs = performance.now()
    const calm = latenciesOf(this.#outside(load.given.filter(({ settledMs }) => settledMs < calmEndMs)))
    report({ what: 'calm', ...calm })
    await Promise.all([this.#changes(), this.#killings(), this.#brokerRestarts()])
    report({ what: 'the storm is over', ms: Math.round(performance.now() - calmEndMs), open: load.open.length })
    await within(60_000, load.stop(), 'the last orders').catch((error: Error) => {
      const open = load.open.map(({ order }) => `${toHex(order.oid).slice(0, 8)}/${order.version}`)
      this.violations.push(`${error.message}: ${open.join(' ')} not settled`)
    })
    const inStorm = load.given.filter(({ settledMs }) => settledMs >= calmEndMs)
    const outside = this.#outside(inStorm)
    const all = latenciesOf(inStorm)
    for (const { order, sentMs, settledMs } of inStorm) {
      if (settledMs - sentMs > ORDER_MS_MAX)
        this.violations.push(`an order took ${Math.round(settledMs - sentMs)} ms: ${toHex(order.od)}`)
    }
    await this.#judge(load.given, payers)
    const story: StormStory = {
      ...{ calm, storm: latenciesOf(outside), longestMs: all.longestMs, epochs: this.#epochs },
      ...{ joined: this.#joined, left: this.#left, killed, restarts },
      violations: [...this.wire.violations, ...this.violations],
    }
    report({ what: 'story', ...story, inShadow: all.orders - outside.length })
    return story
  }

  /** A newcomer, from an empty disk until it is on the roster: a spare, or seated. */
  async join(): Promise<Recruit> {
    const recruit = await Recruit.make(this.testnet, `recruit-${this.#recruits++}`, this.#command)
    this.#citizens.push(recruit)
    await recruit.start()
    await until(PLACE_MS_MAX, () => this.#isMember(recruit.id), `a place for ${recruit.name}`)
    return recruit
  }

  #isMember(id: Uint8Array): boolean {
    return this.watcher.agreed.hood.term.opening.roster.some((entry) => equal(entry.id, id))
  }

  #isSeated(id: Uint8Array): boolean {
    return this.watcher.agreed.hood.term.opening.seats.some(({ memberId }) => equal(memberId, id))
  }

  /** Those who live, belong to the neighborhood and mean to stay. */
  #staying(): Citizen[] {
    return this.#citizens.filter(
      (citizen) =>
        citizen.running && !this.#dead.has(citizen) && !this.#leaving.has(citizen) && this.#isMember(citizen.id),
    )
  }

  /** Watches the hand-overs: no more than an eighth of the seats get another holder at once. */
  #follow(): void {
    const { watcher } = this
    const { report, seats } = this.#plan
    const holders = (): string[] =>
      watcher.agreed.hood.term.opening.seats.flatMap(({ memberId, weight }) => (weight > 0 ? [toHex(memberId)] : []))
    let before = holders()
    let epoch = watcher.agreed.committee.epoch
    watcher.context.events.on('epoch', (entered) => {
      const now = holders()
      const came = now.filter((id) => !before.includes(id)).length
      const steps = entered.epoch - epoch
      this.#shadows.push(performance.now())
      this.#epochs += steps
      if (came > steps * replacedMaxOf(seats)) this.violations.push(`${came} seats got another holder at once`)
      report({ what: 'epoch', epoch: entered.epoch, seats: now.length, came, members: entered.members.length })
      before = now
      epoch = entered.epoch
      this.wire.read()
    })
  }

  /** Newcomers and leavers, spread over the storm. */
  async #changes(): Promise<void> {
    const { changes, stormMs, chance } = this.#plan
    const everyMs = stormMs / Math.max(1, changes)
    const underWay: Promise<unknown>[] = []
    for (let change = 0; change < changes; change++) {
      underWay.push(this.#noted(this.join().then(() => void this.#joined++)))
      await pause(everyMs / 2)
      const [leaver] = chance.some(this.#staying(), 1)
      if (leaver) underWay.push(this.#noted(this.#leave(leaver)))
      await pause(everyMs / 2)
    }
    await Promise.all(underWay)
  }

  async #leave(citizen: Citizen): Promise<void> {
    this.#leaving.add(citizen)
    const path = `${citizen.directory}/${CONTROL_SOCKET}`
    await callControl({ path, method: 'leave', params: {}, timeoutMs: PLACE_MS_MAX, clock: hostClock() })
    await citizen.stop()
    this.#left++
  }

  /** All of them at once, as far into the storm as a quarter. */
  async #killings(): Promise<void> {
    const { killed, stormMs, chance, report } = this.#plan
    await pause(stormMs / 4)
    const seated = this.#staying().filter(({ id }) => this.#isSeated(id))
    const victims = chance.some(seated, killed)
    for (const victim of victims) this.#dead.add(victim)
    report({ what: 'killing', names: victims.map(({ name }) => name) })
    await Promise.all(victims.map((victim) => victim.kill()))
    const beganMs = performance.now()
    const gone = until(
      PLACE_MS_MAX,
      () => !victims.some(({ id }) => this.#isSeated(id)),
      'spares in the seats of the killed',
    )
    await this.#noted(gone)
    report({ what: 'the seats of the killed are filled', ms: Math.round(performance.now() - beganMs) })
  }

  async #brokerRestarts(): Promise<void> {
    const { restarts, stormMs, report } = this.#plan
    for (let restart = 0; restart < restarts; restart++) {
      await pause(stormMs / (restarts + 1))
      report({ what: 'broker restart' })
      this.#shadows.push(performance.now())
      await this.broker.kill()
      await pause(500)
      await this.broker.start()
      this.#shadows.push(performance.now())
    }
  }

  /** Orders that no shadow fell on. */
  #outside(given: readonly Given[]): Given[] {
    return given.filter(
      ({ sentMs, settledMs }) => !this.#shadows.some((ms) => sentMs < ms + SHADOW_MS && settledMs > ms),
    )
  }

  #noted(work: Promise<unknown>): Promise<void> {
    return work.then(
      () => undefined,
      (error: Error) => void this.violations.push(error.message),
    )
  }

  /** Everybody who stayed has the same books, in which every order that was given is settled, and every settlement that was on the wire. */
  async #judge(given: readonly Given[], payers: readonly Owner[]): Promise<void> {
    const { watcher, wire, testnet } = this
    const staying = this.#staying()
    const { register } = watcher.agreed
    const ids = staying.map(({ id }) => id)
    const agreed = (): boolean => wire.disagreeing(ids, register.summary()).length === 0
    await until(AGREE_MS_MAX, agreed, 'the agreement of all who stayed').catch((error: Error) => {
      const names = new Set(wire.disagreeing(ids, register.summary()))
      const others = staying.filter(({ id }) => names.has(toHex(id))).map(({ name }) => name)
      this.violations.push(`${error.message}: not with ${others.join(', ')}`)
    })
    wire.read()
    if (wire.unread > 0) this.violations.push(`${wire.unread} settlements are of committees that nobody knows`)
    await within(60_000, Promise.all(staying.map((citizen) => citizen.stop())), 'stopping everybody')
    const asset = watcher.assets.all[0]?.id as Uint8Array
    const expected = new Map(payers.map((payer) => [payer, FUNDS_EACH]))
    for (const { from, to, amount } of given) {
      expected.set(from, (expected.get(from) as number) - amount)
      expected.set(to, (expected.get(to) as number) + amount)
    }
    const orders = new Map(given.map(({ order }) => [`${toHex(order.oid)}/${order.version}`, toHex(order.od)]))
    for (const [slot, od] of wire.settled) {
      const order = orders.get(slot)
      if (order !== undefined && order !== od) this.violations.push(`${od} settled at ${slot}, which nobody ordered`)
    }
    for (const citizen of staying) {
      const found = (what: string): void => void this.violations.push(`${citizen.name}: ${what}`)
      const books = await readStormBooks(testnet.genesis, citizen)
      if (books.abstains) found('it abstains')
      for (const slot of wire.settled.keys()) {
        const [oid, version] = slot.split('/') as [string, string]
        if ((books.heads.get(oid)?.version ?? 0) < Number(version)) found(`${slot} was settled, and is not here`)
      }
      for (const payer of payers) {
        const head = books.heads.get(toHex(payer.account))
        if (head?.version !== payer.version || head.head !== toHex(payer.head))
          found(`an account stands at version ${head?.version}, not ${payer.version}`)
        const has = books.balance(payer.account, asset)
        if (has !== expected.get(payer)) found(`an account has ${has}, not ${expected.get(payer)}`)
      }
      for (const { issued, held, inFlight } of books.supplies) {
        const total = payers.length * FUNDS_EACH
        if (issued !== total || held !== total || inFlight !== 0)
          found(`issued ${issued}, held ${held}, in flight ${inFlight}, of ${total}`)
      }
    }
  }
}

/** What a member is started with: the times of its epochs come through the environment, since its command line is the test network's business. */
export function memberCommand(epochSeconds: number, changeSeconds = epochSeconds): string[] {
  const without = Object.keys(process.env).filter((name) => name.startsWith('WEBX_TEST_'))
  const settings = [`WEBX_EPOCHS_SECONDS=${epochSeconds}`, `WEBX_EPOCHS_CHANGE_SECONDS=${changeSeconds}`]
  const level = `WEBX_LOG_LEVEL=${process.env['WEBX_TEST_LOG'] ?? 'error'}`
  const program = [process.execPath, fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))]
  return ['/usr/bin/env', ...without.flatMap((name) => ['-u', name]), ...settings, level, ...program]
}

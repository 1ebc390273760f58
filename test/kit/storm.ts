/**
 * A storm over a net of processes: payments all the while, newcomers and leavers, seats that are killed, epochs that turn, a broker that dies – and the judgement of everybody's books afterwards.
 *
 * Chance comes from a printed seed, as in `crash.ts`. Every process is honest; what is looked for is what a swarm loses, pays twice or takes back while it changes.
 */

import { fileURLToPath } from 'node:url'
import { equal, toHex } from '../../src/core/bytes.ts'
import { callControl } from '../../src/drivers/control-socket.ts'
import { hostClock } from '../../src/drivers/host.ts'
import { homeOf } from '../../src/identity/home.ts'
import { CONTROL_SOCKET } from '../../src/station.ts'
import { createTestnet, type Testnet } from '../../src/testnet.ts'
import { Mosquitto } from './mosquitto.ts'
import { Recruit } from './recruit.ts'
import { type Citizen, District, type DistrictPlan } from './storm-district.ts'
import { type Given, type Latencies, latenciesOf, pause } from './storm-load.ts'
import { until, within } from './within.ts'

const ORDER_MS_MAX = 15_000
const PLACE_MS_MAX = 300_000
/** Many processes share a machine: small heaps, and no threads of their own for what is left of it. */
const NODE_FLAGS = ['--max-semi-space-size=2', '--single-threaded-gc']

/** How big a storm is. All but the last lines are of each neighborhood. */
export interface StormPlan extends DistrictPlan {
  /** Newcomers that stand by before it begins, over all neighborhoods. */
  readonly spares: number
  /** Seats that no founder has. */
  readonly vacant: number
  readonly epochSeconds: number
  /** How long an epoch lasts at least where somebody came, left or died. */
  readonly changeSeconds: number
  readonly neighborhoods: number
  readonly calmMs: number
  readonly stormMs: number
  /** Newcomers in the storm, and as many who leave. */
  readonly changes: number
  /** Seats of the first neighborhood. */
  readonly killed: number
  readonly restarts: number
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
  readonly violations: readonly string[]
}

export class Storm {
  readonly testnet: Testnet
  readonly districts: readonly District[]
  readonly violations: string[] = []
  readonly #plan: StormPlan
  readonly #broker: Mosquitto
  readonly #citizens: Citizen[]
  readonly #dead = new Set<Citizen>()
  readonly #leaving = new Set<Citizen>()
  #recruits = 0
  #joined = 0
  #left = 0

  private constructor(plan: StormPlan, testnet: Testnet, broker: Mosquitto, districts: readonly District[]) {
    this.#plan = plan
    this.testnet = testnet
    this.#broker = broker
    this.districts = districts
    this.#citizens = testnet.members.map((member) => {
      const { homes } = testnet.genesis
      const id = homes[member.neighborhood]?.memberStates[member.seat]?.id ?? new Uint8Array(0)
      return {
        ...{ name: `member ${member.neighborhood}-${member.seat}`, id, directory: member.directory },
        get running() {
          return member.running
        },
        start: () => member.start(),
        stop: () => member.stop(),
        kill: () => member.kill(),
      }
    })
  }

  /** A net of processes around a Mosquitto, in peace. */
  static async open(plan: StormPlan): Promise<Storm> {
    const { seats, vacant, neighborhoods, spares } = plan
    const broker = await Mosquitto.open()
    const memberCommand = commandOf(plan)
    const policy = { seats: seats + vacant, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0, halfMin: 0 }
    const options = { processes: true, memberCommand, policy, neighborhoods, openBroker: async () => broker }
    const testnet = await createTestnet(seats, options)
    plan.report({ what: 'the founders are ready' })
    const districts = await Promise.all(
      Array.from({ length: neighborhoods }, (_, number) => District.open(testnet, number, plan)),
    )
    const storm = new Storm(plan, testnet, broker, districts)
    const standingBy: Promise<Recruit>[] = []
    for (let spare = 0; spare < spares; spare++) {
      const recruit = await storm.#recruit()
      await recruit.start()
      standingBy.push(storm.#placed(recruit))
    }
    await Promise.all(standingBy)
    plan.report({ what: 'the spares have their places' })
    return storm
  }

  /** Ends every process, and removes all files. */
  async close(): Promise<void> {
    await Promise.all(this.#citizens.map((citizen) => citizen.kill()))
    await within(60_000, this.testnet.close(), 'closing the net')
  }

  /** Calm, storm, calm again, judgement. */
  async run(): Promise<StormStory> {
    const { calmMs, report } = this.#plan
    for (const district of this.districts) await district.begin()
    await pause(calmMs)
    const calmEndMs = performance.now()
    const calm = latenciesOf(this.#outside(({ settledMs }) => settledMs < calmEndMs))
    report({ what: 'calm', ...calm })
    await Promise.all([this.#changes(), this.#killings(), this.#brokerRestarts()])
    report({ what: 'the storm is over', ms: Math.round(performance.now() - calmEndMs) })
    await Promise.all(this.districts.map((district) => district.end()))
    const inStorm = this.districts.flatMap(({ given }) => given.filter(({ settledMs }) => settledMs >= calmEndMs))
    const outside = this.#outside(({ settledMs }) => settledMs >= calmEndMs)
    for (const { order, sentMs, settledMs } of inStorm) {
      const ms = Math.round(settledMs - sentMs)
      if (ms > ORDER_MS_MAX) this.violations.push(`an order took ${ms} ms: ${toHex(order.od)}`)
    }
    await this.#judge()
    const story: StormStory = {
      ...{ calm, storm: latenciesOf(outside), longestMs: latenciesOf(inStorm).longestMs },
      epochs: Math.min(...this.districts.map(({ epochs }) => epochs)),
      ...{ joined: this.#joined, left: this.#left },
      violations: [...this.violations, ...this.districts.flatMap((one) => [...one.wire.violations, ...one.violations])],
    }
    report({ what: 'story', ...story, inShadow: inStorm.length - outside.length })
    return story
  }

  /** A newcomer, from an empty disk until it is on the roster: a spare, or seated. */
  async join(): Promise<Recruit> {
    const recruit = await this.#recruit()
    await recruit.start()
    return this.#placed(recruit)
  }

  /** How long it takes a newcomer, while payments go on: from the start of its process until it is connected, has taken in the state with which an epoch began, and votes in a seat. */
  async voteMs(): Promise<{ readonly connectedMs: number; readonly syncedMs: number; readonly voteMs: number }> {
    const recruit = await this.#recruit()
    const first = this.#districtOf(recruit).wire.firstVoteOf(recruit.id)
    await recruit.start()
    const connectedMs = performance.now() - recruit.startedMs
    const votedMs = await within(PLACE_MS_MAX, first, `the first vote of ${recruit.name}`)
    const [syncedMs, voteMs] = [recruit.syncedMs ?? votedMs, votedMs].map((ms) => Math.round(ms - recruit.startedMs))
    return { connectedMs: Math.round(connectedMs), syncedMs: syncedMs as number, voteMs: voteMs as number }
  }

  async #placed(recruit: Recruit): Promise<Recruit> {
    const district = this.#districtOf(recruit)
    await until(PLACE_MS_MAX, () => district.isMember(recruit.id), `a place for ${recruit.name}`)
    return recruit
  }

  async #recruit(): Promise<Recruit> {
    const recruit = await Recruit.make(this.testnet, `recruit-${this.#recruits++}`, commandOf(this.#plan))
    this.#citizens.push(recruit)
    return recruit
  }

  #districtOf({ id }: Pick<Citizen, 'id'>): District {
    const { genesis } = this.testnet
    const { neighborhood } = homeOf(genesis, id)
    const number = genesis.homes.findIndex((home) => equal(home.neighborhood, neighborhood))
    return this.districts[number] as District
  }

  /** Those who live, belong to their neighborhood and mean to stay. */
  #staying(): Citizen[] {
    return this.#citizens.filter(
      (citizen) =>
        citizen.running &&
        !this.#dead.has(citizen) &&
        !this.#leaving.has(citizen) &&
        this.#districtOf(citizen).isMember(citizen.id),
    )
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
    const [district] = this.districts as [District]
    const victims = chance.some(
      this.#staying().filter((citizen) => this.#districtOf(citizen) === district && district.isSeated(citizen.id)),
      killed,
    )
    for (const victim of victims) this.#dead.add(victim)
    report({ what: 'killing', names: victims.map(({ name }) => name) })
    await Promise.all(victims.map((victim) => victim.kill()))
    const beganMs = performance.now()
    const isFilled = (): boolean => !victims.some(({ id }) => district.isSeated(id))
    await this.#noted(until(PLACE_MS_MAX, isFilled, 'spares in the seats of the killed'))
    report({ what: 'the seats of the killed are filled', ms: Math.round(performance.now() - beganMs) })
  }

  async #brokerRestarts(): Promise<void> {
    const { restarts, stormMs, report } = this.#plan
    const shadow = (): void => {
      for (const district of this.districts) district.shadow()
    }
    for (let restart = 0; restart < restarts; restart++) {
      await pause(stormMs / (restarts + 1))
      report({ what: 'broker restart' })
      shadow()
      await this.#broker.kill()
      await pause(500)
      await this.#broker.start()
      shadow()
    }
  }

  #outside(wanted: (given: Given) => boolean): Given[] {
    return this.districts.flatMap((district) => district.outside(district.given.filter(wanted)))
  }

  #noted(work: Promise<unknown>): Promise<void> {
    return work.then(
      () => undefined,
      (error: Error) => void this.violations.push(error.message),
    )
  }

  async #judge(): Promise<void> {
    const staying = this.#staying()
    const books = this.districts.map(({ watcher }) => watcher.agreed.hood.book)
    for (const district of this.districts) {
      await district.judge(staying.filter((citizen) => this.#districtOf(citizen) === district))
      const unknown = district.wire.unknownTo(books)
      if (unknown > 0) this.violations.push(`${unknown} settlements are of committees that nobody knows`)
    }
  }
}

/** What a member is started with: the times of its epochs come through the environment, since its command line is the test network's business. */
function commandOf({ epochSeconds, changeSeconds }: StormPlan): string[] {
  const without = Object.keys(process.env).filter((name) => name.startsWith('WEBX_TEST_'))
  const settings = [`WEBX_EPOCHS_SECONDS=${epochSeconds}`, `WEBX_EPOCHS_CHANGE_SECONDS=${changeSeconds}`]
  const level = `WEBX_LOG_LEVEL=${process.env['WEBX_TEST_LOG'] ?? 'error'}`
  const program = [process.execPath, ...NODE_FLAGS, fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))]
  return ['/usr/bin/env', ...without.flatMap((name) => ['-u', name]), ...settings, level, ...program]
}

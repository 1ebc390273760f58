/**
 * A whole net on one machine, for demonstrations, tests and authors of apps: a real broker, real stores, real keys, real votes.
 *
 * Members run in this process, or each in a process of its own that can be killed. Brokers listen on port 0 of the loopback address.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createNode, type WebxNode } from './boot.ts'
import { followMembers, openNetBroker } from './broker.ts'
import { WebxError } from './core/errors.ts'
import { hostClock } from './drivers/host.ts'
import type { MqttBroker } from './drivers/mqtt-broker.ts'
import { provideFromFiles } from './drivers/wasm-files.ts'
import type { Genesis, SeatingPolicy } from './identity/genesis.ts'
import { createLog } from './kernel/observe.ts'
import type { Keys, Log, Store } from './kernel/ports.ts'
import type { NetAsset } from './net.ts'
import { KnownIdentities } from './services/directory.ts'
import type { Admission, EpochTimes } from './services/turning.ts'
import { type Founders, foundTestnet, keysAtHome, memberName, type Place, placeOf } from './testnet-founding.ts'

const READY_MS_MAX = 60_000
/** Of processes that start at the same time each has less of the machine. */
const READY_MS_PER_PROCESS = 4_000
const STARTS_AT_ONCE = 8

/** How a test network is set up. */
export interface TestnetOptions {
  /** True: every member is a process of its own. */
  readonly processes?: boolean
  /** Folder for keys and stores; a temporary one that `close` removes unless given. */
  readonly directory?: string
  readonly assets?: readonly NetAsset[]
  readonly terminals?: number
  /** Neighborhoods that the net begins with, each with as many seats; 1 unless given. */
  readonly neighborhoods?: number
  readonly log?: Log
  /** Program and first arguments of a member's process; the arguments of `webx run` follow. */
  readonly memberCommand?: readonly string[]
  /** How long epochs last, where members run in this process. */
  readonly epochs?: EpochTimes
  /** Seats of the neighborhood and probation; that of `USUAL_POLICY` unless given. */
  readonly policy?: SeatingPolicy
  /** Called as members come up. */
  readonly onProgress?: (up: number, all: number) => void
  /** Replaces the broker in this process; closing the net closes it. */
  readonly openBroker?: () => Promise<MqttBroker>
  /** Replaces the members' stores, in this process only. */
  readonly openStore?: (path: string) => Promise<Store>
}

/** One member of a test network. */
export interface TestMember extends Place {
  readonly directory: string
  /** The running node, where members run in this process. */
  readonly node: WebxNode | null
  readonly running: boolean
  /** Starts the member again with what its disk holds. Resolves when it is connected. */
  start(): Promise<void>
  /** Resolves when the running member knows whether it may vote. Throws `timeout` after a minute, of processes after four seconds more for each. */
  recovered(): Promise<void>
  /** Stops it cleanly. */
  stop(): Promise<void>
  /** Ends a member's process at once, as a power cut would. Throws `bad-argument` for one without a process. */
  kill(): Promise<void>
}

/** A node beside the members. */
export interface AddNodeOptions {
  /** New ones, of a device, unless given. */
  readonly keys?: Keys
  /** Number of the neighborhood that new keys are to be at home in; whichever it is, unless given. */
  readonly neighborhood?: number
  readonly hearsVotes?: boolean
  /** What lets it apply for a place in the neighborhood. */
  readonly admission?: Admission
  /** Sees every message that comes in, before it is judged. */
  readonly onWire?: (topic: string, bytes: Uint8Array) => void
}

export interface Testnet {
  readonly genesis: Genesis
  readonly directory: string
  readonly brokerUrl: string
  readonly broker: MqttBroker
  /** Of all neighborhoods, those of the first one first. */
  readonly members: readonly TestMember[]
  /** The node of the organization, which issues the assets. */
  readonly organization: WebxNode
  /** Terminals that the genesis names; they are not started. */
  readonly terminalKeys: readonly Keys[]
  /** Starts a node that has no seat: a device, or a terminal with its keys. */
  addNode(name: string, options?: AddNodeOptions): Promise<WebxNode>
  close(): Promise<void>
}

/** Founds a net of `seatCount` members in each neighborhood and starts all of it. Resolves when every member knows that it may vote. */
export async function createTestnet(seatCount: number, options: TestnetOptions = {}): Promise<Testnet> {
  provideFromFiles()
  const log = options.log ?? createLog('silent')
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'webx-testnet-')))
  const found = await foundTestnet(seatCount, directory, options)
  const known = new KnownIdentities(found.genesis)
  const openOwn = () => openNetBroker(found.genesis, { host: '127.0.0.1', port: 0 }, log, known)
  const broker = await (options.openBroker ?? openOwn)()
  const world: World = { ...found, options, directory, log, brokerUrl: broker.url }
  await writeFile(join(directory, 'genesis.webx'), found.genesis.bytes)

  const members = found.memberKeys.map((keys, number) => {
    const place = placeOf(number, seatCount)
    return options.processes ? new ProcessMember(world, place) : new LocalMember(world, place, keys)
  })
  const nodes: WebxNode[] = []
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()))
    await Promise.all(members.map((member) => member.stop()))
    await broker.close()
    if (!options.directory) await rm(directory, { recursive: true, force: true })
  }
  const addNode: Testnet['addNode'] = async (name, { keys, neighborhood, ...given } = {}) => {
    const dataDir = join(directory, name)
    const own = keys ?? (await keysAtHome(join(dataDir, 'node.key'), found.genesis, neighborhood))
    const node = await createNode({ ...nodeOptions(world, dataDir, own), ...given })
    nodes.push(node)
    await node.link.up(READY_MS_MAX)
    return node
  }
  try {
    let up = 0
    // some at a time: a machine that starts all at once has no time left for those that run
    const waiting = [...members]
    const startNext = async (): Promise<void> => {
      for (let member = waiting.shift(); member; member = waiting.shift()) {
        await member.start()
        options.onProgress?.(++up, members.length)
      }
    }
    await Promise.all(Array.from({ length: STARTS_AT_ONCE }, startNext)).finally(() => waiting.splice(0))
    await Promise.all(members.map((member) => member.recovered()))
    const organization = await addNode('organization', { keys: found.organizationKeys })
    followMembers(known, organization)
    const { genesis, terminalKeys } = found
    return { genesis, directory, brokerUrl: broker.url, broker, members, organization, terminalKeys, addNode, close }
  } catch (error) {
    await close()
    throw error
  }
}

interface World extends Founders {
  readonly options: TestnetOptions
  readonly directory: string
  readonly log: Log
  readonly brokerUrl: string
}

function nodeOptions(world: World, dataDir: string, keys: Keys): Parameters<typeof createNode>[0] {
  const { genesis, brokerUrl, log, options } = world
  return { genesis, brokerUrl, log, keys, dataDir, ...(options.epochs && { epochs: options.epochs }) }
}

/** A member in this process. */
class LocalMember implements TestMember {
  readonly neighborhood: number
  readonly seat: number
  readonly directory: string
  node: WebxNode | null = null
  readonly #world: World
  readonly #keys: Keys

  constructor(world: World, place: Place, keys: Keys) {
    this.neighborhood = place.neighborhood
    this.seat = place.seat
    this.directory = join(world.directory, memberName(place))
    this.#world = world
    this.#keys = keys
  }

  get running(): boolean {
    return this.node !== null
  }

  async start(): Promise<void> {
    if (this.node) return
    const { openStore } = this.#world.options
    const options = nodeOptions(this.#world, this.directory, this.#keys)
    this.node = await createNode(openStore ? { ...options, openStore } : options)
    await this.node.link.up(READY_MS_MAX)
  }

  async recovered(): Promise<void> {
    await until(() => this.node?.recovered() === true)
  }

  async stop(): Promise<void> {
    const node = this.node
    this.node = null
    await node?.stop()
  }

  async kill(): Promise<void> {
    throw new WebxError('bad-argument', 'a member in this process cannot be killed alone')
  }
}

/** A member that is a process of its own: `webx run`. */
class ProcessMember implements TestMember {
  readonly neighborhood: number
  readonly seat: number
  readonly directory: string
  readonly node = null
  readonly #world: World
  #child: ChildProcess | null = null
  #voting = false

  constructor(world: World, place: Place) {
    this.neighborhood = place.neighborhood
    this.seat = place.seat
    this.directory = join(world.directory, memberName(place))
    this.#world = world
  }

  get running(): boolean {
    return this.#child !== null
  }

  async start(): Promise<void> {
    if (this.#child) return
    const [program, ...first] = this.#world.options.memberCommand ?? defaultCommand()
    const { directory, brokerUrl } = this.#world
    const net = join(directory, 'genesis.webx')
    const args = [...first, 'run', '--net', net, '--data', this.directory, '--broker', brokerUrl, '--json']
    const child = spawn(program as string, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child = child
    this.#voting = false
    endsWithThisProcess(child)
    child.once('exit', () => {
      if (this.#child === child) this.#child = null
    })
    const { promise: connected, resolve, reject } = Promise.withResolvers<void>()
    child.once('error', reject)
    child.once('exit', (code) =>
      reject(new WebxError('unreachable', `member ${this.seat} ended with ${code} before it was connected`)),
    )
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const { event } = JSON.parse(line) as { event: string }
      if (event === 'connected') resolve()
      if (event === 'voting') this.#voting = true
    })
    await connected
  }

  async recovered(): Promise<void> {
    const { genesis } = this.#world
    const processes = genesis.homes.length * genesis.seats.length
    await until(() => this.#voting, READY_MS_MAX + READY_MS_PER_PROCESS * processes)
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child) return
    this.#child = null
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}

/** Members that live now. */
const living = new Set<ChildProcess>()

/** No member outlives the process that started it, however that one ends, unless it is killed itself. */
function endsWithThisProcess(child: ChildProcess): void {
  if (living.size === 0) process.once('exit', endAll)
  living.add(child)
  child.once('exit', () => {
    living.delete(child)
    if (living.size === 0) process.off('exit', endAll)
  })
}

function endAll(): void {
  for (const child of living) child.kill('SIGKILL')
}

/** This very package's command line, from source or as built. */
function defaultCommand(): string[] {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return [process.execPath, fileURLToPath(new URL(`./cli/main.${extension}`, import.meta.url))]
}

async function until(condition: () => boolean, msMax = READY_MS_MAX): Promise<void> {
  const clock = hostClock()
  const deadline = clock.monotonicMs() + msMax
  while (!condition()) {
    if (clock.monotonicMs() > deadline) throw new WebxError('timeout', `a member was not ready within ${msMax} ms`)
    await new Promise<void>((resume) => void clock.after(20, resume))
  }
}

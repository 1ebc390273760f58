/** A message bus, stores and a clock that live in memory: real semantics, no sockets, no disks, no waiting. */

import { compare, toHex } from '../../src/core/bytes.ts'
import { WebxError } from '../../src/core/errors.ts'
import type { Clock, Link, LinkState, Receive, Store, Write } from '../../src/kernel/ports.ts'

/** One message as it was published. */
export interface Published {
  readonly client: string
  readonly topic: string
  readonly bytes: Uint8Array
  readonly retain: boolean
  readonly atMs: number
}

/** Whether an MQTT 3.1.1 topic filter (§4.7) takes in a topic. */
export function filterMatches(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const given = topic.split('/')
  if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false
  for (const [i, part] of wanted.entries()) {
    if (part === '#') return true
    if (given[i] === undefined || (part !== '+' && part !== given[i])) return false
  }
  return wanted.length === given.length
}

/** A broker in this process: every client gets what it subscribed to, in order, in a later turn of the event loop. */
export class MemoryBus {
  /** Everything that was published, oldest first. */
  readonly published: Published[] = []
  /** Swallows what it returns true for; the message still counts as published. */
  loses: (message: Published) => boolean = () => false
  readonly #clock: Clock
  readonly #retained = new Map<string, Uint8Array>()
  readonly #links = new Set<MemoryLink>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A new client. Its name shows in `published`. */
  connect(client: string): MemoryLink {
    const link: MemoryLink = new MemoryLink(
      (topic, bytes, retain) =>
        this.#publish({ client, topic, bytes: bytes.slice(), retain, atMs: this.#clock.nowMs() }),
      (filter) => this.#sendRetained(link, filter),
      () => this.#links.delete(link),
    )
    this.#links.add(link)
    return link
  }

  #publish(message: Published): void {
    this.published.push(message)
    if (this.loses(message)) return
    const { topic, bytes, retain } = message
    if (retain && bytes.length === 0) this.#retained.delete(topic)
    else if (retain) this.#retained.set(topic, bytes)
    for (const link of this.#links) if (link.wants(topic)) link.deliver(topic, bytes)
  }

  #sendRetained(link: MemoryLink, filter: string): void {
    for (const [topic, bytes] of this.#retained) if (filterMatches(filter, topic)) link.deliver(topic, bytes)
  }
}

/** One client of a `MemoryBus`. */
export class MemoryLink implements Link {
  state: LinkState = 'up'
  readonly #filters = new Set<string>()
  readonly #send: (topic: string, bytes: Uint8Array, retain: boolean) => void
  readonly #subscribed: (filter: string) => void
  readonly #closed: () => void
  #receive: Receive = () => {}
  #changed: (state: LinkState) => void = () => {}

  constructor(
    send: (topic: string, bytes: Uint8Array, retain: boolean) => void,
    subscribed: (filter: string) => void,
    closed: () => void,
  ) {
    this.#send = send
    this.#subscribed = subscribed
    this.#closed = closed
  }

  async publish(topic: string, bytes: Uint8Array, options: { retain?: boolean } = {}): Promise<void> {
    if (this.state === 'closed') throw new WebxError('stopped', 'this link is closed')
    if (/[+#]/.test(topic) || topic === '') throw new WebxError('bad-argument', `"${topic}" is no topic`)
    this.#send(topic, bytes, options.retain ?? false)
  }

  async subscribe(filter: string): Promise<void> {
    if (this.state === 'closed') throw new WebxError('stopped', 'this link is closed')
    this.#filters.add(filter)
    this.#subscribed(filter)
  }

  async unsubscribe(filter: string): Promise<void> {
    this.#filters.delete(filter)
  }

  onMessage(receive: Receive): void {
    this.#receive = receive
  }

  onState(changed: (state: LinkState) => void): void {
    this.#changed = changed
    changed(this.state)
  }

  async close(): Promise<void> {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.#closed()
    this.#changed('closed')
  }

  wants(topic: string): boolean {
    return [...this.#filters].some((filter) => filterMatches(filter, topic))
  }

  deliver(topic: string, bytes: Uint8Array): void {
    setImmediate(() => {
      if (this.state === 'up') this.#receive(topic, bytes.slice())
    })
  }
}

type Space = Map<string, { key: Uint8Array; value: Uint8Array }>

/** A store that keeps what was synced and loses what was not, when told to. */
export class MemoryStore implements Store {
  /** Called before each sync becomes durable; may throw, as a full disk does. */
  beforeSync: () => void = () => {}
  readonly #durable: Map<string, Space>
  #seen: Map<string, Space>

  constructor(durable: Map<string, Space> = new Map()) {
    this.#durable = durable
    this.#seen = copyOf(durable)
  }

  get(space: string, key: Uint8Array): Uint8Array | null {
    return this.#seen.get(space)?.get(toHex(key))?.value.slice() ?? null
  }

  *scan(space: string): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    const entries = [...(this.#seen.get(space)?.values() ?? [])].sort((a, b) => compare(a.key, b.key))
    for (const { key, value } of entries) yield { key: key.slice(), value: value.slice() }
  }

  write(writes: readonly Write[]): void {
    for (const { space, key, value } of writes) {
      const entries = this.#seen.get(space) ?? new Map()
      this.#seen.set(space, entries)
      if (value) entries.set(toHex(key), { key: key.slice(), value: value.slice() })
      else entries.delete(toHex(key))
    }
  }

  async sync(): Promise<void> {
    this.beforeSync()
    this.#durable.clear()
    for (const [space, entries] of copyOf(this.#seen)) this.#durable.set(space, entries)
  }

  async close(): Promise<void> {
    await this.sync()
  }

  /** What a node finds after the power failed: everything synced and nothing else. */
  afterPowerCut(): MemoryStore {
    return new MemoryStore(copyOf(this.#durable))
  }

  /** All durable values of a space, or of all spaces. */
  values(space?: string): Uint8Array[] {
    return valuesOf(this.#durable, space)
  }

  /** The same of what is written, whether it is durable yet or waits for the next sync. */
  written(space?: string): Uint8Array[] {
    return valuesOf(this.#seen, space)
  }
}

function valuesOf(all: ReadonlyMap<string, Space>, space?: string): Uint8Array[] {
  const spaces = space === undefined ? [...all.values()] : [all.get(space) ?? new Map()]
  return spaces.flatMap((entries) => [...entries.values()].map(({ value }) => value))
}

function copyOf(spaces: Map<string, Space>): Map<string, Space> {
  return new Map([...spaces].map(([space, entries]) => [space, new Map(entries)]))
}

/** A clock that stands still until it is told to go on. */
export class TestClock implements Clock {
  #nowMs: number
  #elapsedMs = 0
  readonly #timers = new Set<{ readonly dueMs: number; readonly action: () => void }>()

  constructor(nowMs = 1_795_000_000_000) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), action }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Lets time pass; timers that fall due run in their order, each at its own moment. */
  advance(ms: number): void {
    const endMs = this.#elapsedMs + ms
    for (;;) {
      const [next] = [...this.#timers].filter(({ dueMs }) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)
      if (!next) break
      this.#timers.delete(next)
      this.#pass(Math.max(0, next.dueMs - this.#elapsedMs))
      next.action()
    }
    this.#pass(endMs - this.#elapsedMs)
  }

  #pass(ms: number): void {
    this.#elapsedMs += ms
    this.#nowMs += ms
  }
}

/** The promise's outcome while time passes: a few milliseconds of the clock for each of the machine's. Fails after `limitMs` of the machine. */
export async function whileTimePasses<T>(
  clock: TestClock,
  promise: Promise<T>,
  limitMs = 10_000,
  stepMs = 2,
): Promise<T> {
  let done = false
  const finish = (): void => {
    done = true
  }
  promise.then(finish, finish)
  const endMs = performance.now() + limitMs
  while (!done) {
    if (performance.now() > endMs) throw new Error(`nothing came of it within ${limitMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 1))
    if (!done) clock.advance(stepMs)
  }
  return promise
}

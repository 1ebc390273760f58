/**
 * Port Link on MQTT 3.1.1 (mqtt.js), for the embedded broker, Mosquitto and others alike.
 *
 * Publishes at QoS 1: an acknowledgement is the only thing that bounds what is under way, and what was not acknowledged when a connection broke goes out
 * again. Subscribes at QoS 0: a lost connection loses messages at any QoS of a clean session, and acknowledging every delivery would double the traffic of
 * a neighborhood. Every connection is a new client with fresh credentials; queue, subscriptions and backoff are kept here, where they are bounded.
 * TCP_NODELAY is set on each, without it an exchange takes 40 ms instead of 2.
 */

import type { Socket } from 'node:net'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { writeToStream } from 'mqtt-packet'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Link, LinkState, Receive } from '../kernel/ports.ts'
import type { Credentials } from './broker-token.ts'
import { StoredCopies } from './mqtt-copies.ts'
import type { MqttLinkOptions } from './mqtt-options.ts'

// the codec would make a buffer for each of the 65,536 numbers that it may write: 18 MB and a tenth of the time that a node takes to start
writeToStream.cacheNumbers = false

export interface MqttLink extends Link {
  /** Resolves when the link is up; throws `broker-unreachable` or `broker-refused`, with the last reason, after `timeoutMs`, and `stopped` once closed. */
  up(timeoutMs: number): Promise<void>
}

/** A link that connects in the background and keeps at it until it is closed. Throws `bad-config` for a URL that is none. */
export function openMqttLink(options: MqttLinkOptions): MqttLink {
  const link = new ReconnectingLink(options)
  link.start()
  return link
}

interface Outbound {
  readonly topic: string
  readonly bytes: Uint8Array
  readonly retain: boolean
  readonly resolve: () => void
  readonly reject: (error: WebxError) => void
}

class ReconnectingLink implements MqttLink {
  #state: LinkState = 'connecting'
  readonly #options: MqttLinkOptions
  readonly #address: Address
  readonly #clientId: string
  readonly #filters = new Set<string>()
  readonly #listeners: ((state: LinkState) => void)[] = []
  #receive: Receive = () => undefined
  #client: MqttClient | null = null
  readonly #waiting: Outbound[] = []
  readonly #inFlight = new Set<Outbound>()
  #queuedBytes = 0
  #attempts = 0
  #cancelRetry: (() => void) | null = null
  #problem: WebxError | null = null

  constructor(options: MqttLinkOptions) {
    this.#options = options
    this.#address = readAddress(options.url)
    const random = Buffer.from(options.random.bytes(8)).toString('hex')
    this.#clientId = !this.#address.username && options.signIn ? options.signIn.clientId() : `webx-${random}`
  }

  get state(): LinkState {
    return this.#state
  }

  start(): void {
    void this.#connect()
  }

  async up(timeoutMs: number): Promise<void> {
    if (this.#state === 'up') return
    if (this.#state === 'closed') throw stopped()
    await new Promise<void>((resolve, reject) => {
      const cancel = this.#options.clock.after(timeoutMs, () => {
        this.#forget(changed)
        reject(this.#problem ?? unreachable(this.#address.shown, 'no answer in time'))
      })
      const changed = (state: LinkState): void => {
        if (state !== 'up' && state !== 'closed') return
        cancel()
        this.#forget(changed)
        if (state === 'up') resolve()
        else reject(stopped())
      }
      this.#listeners.push(changed)
    })
  }

  publish(topic: string, bytes: Uint8Array, options: { retain?: boolean } = {}): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(stopped())
    const count = this.#waiting.length + this.#inFlight.size
    if (count >= LIMITS.linkQueuedMessagesMax || this.#queuedBytes + bytes.length > LIMITS.linkQueuedBytesMax) {
      this.#options.counters.count('link.queueFull')
      return Promise.reject(new WebxError('limit', `outbound queue is full (${count} messages)`))
    }
    return new Promise((resolve, reject) => {
      this.#queuedBytes += bytes.length
      this.#waiting.push({ topic, bytes, retain: options.retain ?? false, resolve, reject })
      this.#pump()
    })
  }

  /** Resolves when the broker has agreed, or at once while there is no connection. Throws `not-allowed` where it refuses. */
  async subscribe(filter: string): Promise<void> {
    if (this.#state === 'closed') throw stopped()
    this.#filters.add(filter)
    if (this.#state === 'up' && this.#client) await this.#subscribeNow(this.#client, [filter])
  }

  async unsubscribe(filter: string): Promise<void> {
    if (!this.#filters.delete(filter) || this.#state !== 'up') return
    this.#client?.unsubscribe(filter, () => {})
  }

  onMessage(receive: Receive): void {
    this.#receive = receive
  }

  onState(changed: (state: LinkState) => void): void {
    this.#listeners.push(changed)
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    const client = this.#client
    if (client && this.#state === 'up') await this.#drained()
    this.#enter('closed')
    this.#cancelRetry?.()
    for (const outbound of [...this.#inFlight, ...this.#waiting]) outbound.reject(stopped())
    this.#inFlight.clear()
    this.#waiting.length = 0
    if (client) await this.#end(client)
  }

  async #connect(): Promise<void> {
    this.#cancelRetry = null
    try {
      const options = await this.#clientOptions()
      if (this.#state === 'closed') return
      this.#attach(mqtt.connect(this.#address.url, options))
    } catch (cause) {
      this.#problem = unreachable(this.#address.shown, (cause as Error).message, cause)
      this.#retry()
    }
  }

  async #clientOptions(): Promise<IClientOptions> {
    const { signIn, will } = this.#options
    const { username, password } = this.#address
    const credentials = username
      ? { username, password }
      : ((await signIn?.credentials(this.#clientId)) ?? ({} as Partial<Credentials>))
    const last = typeof will === 'function' ? await will() : will
    return {
      ...credentials,
      clientId: this.#clientId,
      protocolVersion: 4,
      clean: true,
      keepalive: 30,
      connectTimeout: LIMITS.linkConnectMsMax,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      ...(last && {
        will: { topic: last.topic, payload: Buffer.from(last.bytes), qos: 1 as const, retain: last.retain },
      }),
    }
  }

  #attach(client: MqttClient): void {
    this.#client = client
    client.on('connect', () => {
      ;(client.stream as unknown as Partial<Socket>).setNoDelay?.(true)
      void this.#enterUp(client)
    })
    const copies = new StoredCopies()
    client.on('message', (topic, payload, { retain }) => {
      const isStale = copies.isStale(topic, payload.length === 0, retain)
      this.#options.counters.count(isStale ? 'link.staleCopy' : 'link.received')
      if (!isStale) this.#receive(topic, new Uint8Array(payload.buffer, payload.byteOffset, payload.length))
    })
    client.on('error', (error) => {
      const refused = typeof (error as { code?: unknown }).code === 'number'
      this.#problem = refused
        ? new WebxError('broker-refused', `${this.#address.shown}: ${error.message}`, { cause: error })
        : unreachable(this.#address.shown, error.message || String(error), error)
      client.end(true)
    })
    client.once('close', () => this.#lost(client))
  }

  async #enterUp(client: MqttClient): Promise<void> {
    try {
      if (this.#filters.size > 0) await this.#subscribeNow(client, [...this.#filters])
    } catch (error) {
      this.#options.counters.count('link.resubscribeFailed')
      this.#problem = error as WebxError
    }
    if (this.#client !== client || this.#state === 'closed' || !client.connected) return
    this.#attempts = 0
    this.#problem = null
    this.#enter('up')
    this.#pump()
  }

  async #subscribeNow(client: MqttClient, filters: readonly string[]): Promise<void> {
    const granted = await new Promise<readonly { topic: string; qos: number }[]>((resolve, reject) => {
      client.subscribe([...filters], { qos: 0 }, (error, grants, packet) => {
        const codes = packet?.granted as readonly number[] | undefined
        if (codes) resolve(filters.map((topic, i) => ({ topic, qos: codes[i] ?? 128 })))
        else if (error) reject(unreachable(this.#address.shown, error.message, error))
        else resolve(grants ?? [])
      })
    })
    const refused = granted.filter(({ qos }) => qos > 2).map(({ topic }) => topic)
    for (const topic of refused) this.#filters.delete(topic)
    if (refused.length > 0) throw new WebxError('not-allowed', `broker refuses to subscribe to ${refused.join(', ')}`)
  }

  /** Hands on what waits, as far as the broker keeps acknowledging. */
  #pump(): void {
    const client = this.#client
    if (this.#state !== 'up' || !client) return
    while (this.#inFlight.size < LIMITS.linkInFlightMax) {
      const outbound = this.#waiting.shift()
      if (!outbound) return
      this.#inFlight.add(outbound)
      const { topic, bytes, retain } = outbound
      const payload = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      client.publish(topic, payload, { qos: 1, retain }, (error) => {
        if (error || !this.#inFlight.delete(outbound)) return
        this.#queuedBytes -= bytes.length
        outbound.resolve()
        this.#pump()
      })
    }
  }

  #lost(client: MqttClient): void {
    client.removeAllListeners()
    client.on('error', () => undefined)
    if (this.#client !== client) return
    this.#client = null
    this.#waiting.unshift(...this.#inFlight)
    this.#inFlight.clear()
    if (this.#state === 'closed') return
    if (this.#state === 'up') this.#options.counters.count('link.lost')
    this.#problem ??= unreachable(this.#address.shown, 'connection was closed')
    this.#enter('down')
    this.#retry()
  }

  /** Waits twice as long after every failure, shortened at random so that not everybody returns at the same moment. */
  #retry(): void {
    if (this.#state === 'closed') return
    const { clock, random } = this.#options
    const longestMs = Math.min(
      LIMITS.linkReconnectMsMax,
      LIMITS.linkReconnectMsMin * 2 ** Math.min(this.#attempts++, 16),
    )
    const share = (random.bytes(1)[0] as number) / 255
    this.#cancelRetry = clock.after(longestMs * (0.5 + share / 2), () => void this.#connect())
  }

  /** Gives what is under way a second to be acknowledged. */
  async #drained(): Promise<void> {
    const { clock } = this.#options
    const endMs = clock.monotonicMs() + LIMITS.linkCloseMsMax
    while (this.#inFlight.size + this.#waiting.length > 0 && this.#state === 'up' && clock.monotonicMs() < endMs) {
      await new Promise<void>((resolve) => clock.after(2, resolve))
    }
  }

  /** Says goodbye, so that the will stays unsaid; not for longer than a second. */
  async #end(client: MqttClient): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(LIMITS.linkCloseMsMax, () => {
        client.stream.destroy()
        resolve()
      })
      client.end(!client.connected, () => {
        cancel()
        resolve()
      })
    })
  }

  #enter(state: LinkState): void {
    if (this.#state === state) return
    this.#state = state
    for (const listener of [...this.#listeners]) listener(state)
  }

  #forget(listener: (state: LinkState) => void): void {
    const at = this.#listeners.indexOf(listener)
    if (at >= 0) this.#listeners.splice(at, 1)
  }
}

interface Address {
  /** Without user and password. */
  readonly url: string
  readonly shown: string
  readonly username: string
  readonly password: string
}

function readAddress(text: string): Address {
  const url = URL.parse(text)
  if (!url || !['mqtt:', 'mqtts:'].includes(url.protocol) || url.hostname === '') {
    throw new WebxError('bad-config', `"${text.replace(/\/\/.*@/, '//…@')}" is no broker URL`, {
      hint: 'Write mqtt://host:1883 or mqtts://host:8883.',
    })
  }
  const username = decodeURIComponent(url.username)
  const password = decodeURIComponent(url.password)
  url.username = ''
  url.password = ''
  return { url: url.href, shown: url.href, username, password }
}

function unreachable(shown: string, why: string, cause?: unknown): WebxError {
  return new WebxError('broker-unreachable', `${shown}: ${why}`, {
    hint: 'Is the broker running, and does the address fit? webx doctor looks.',
    cause,
  })
}

function stopped(): WebxError {
  return new WebxError('stopped', 'the link is closed')
}

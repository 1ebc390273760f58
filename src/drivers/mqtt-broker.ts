/**
 * The embedded MQTT 3.1.1 broker: aedes, with everything bounded that it leaves open.
 *
 * Clients sign in with a token (`broker-token.ts`) and are slowed to the rate of their rank; who may publish and subscribe where is
 * handed in. A publish that is not allowed is acknowledged and dropped (MQTT 3.1.1 §3.3.5 allows that or a disconnect, and a disconnect would have
 * honest clients repeat it for ever). A subscriber that does not keep up is disconnected: whoever comes back catches up by itself.
 */

import { createServer, type Server, type Socket } from 'node:net'
import { Aedes, type AedesPublishPacket, type Client } from 'aedes'
import { toHex } from '../core/bytes.ts'
import { asWebxError, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Clock, Counters, Identified, Log } from '../kernel/ports.ts'
import { type SignInPlace, TokenVerifier } from './broker-token.ts'
import { guardSocket, Throttle } from './mqtt-guard.ts'

/** Who may do what; see `kernel/topics.ts`. */
export interface BrokerPolicy {
  rankOf(id: Uint8Array): Identified['rank']
  mayPublish(client: Identified, topic: string, retain: boolean): boolean
  maySubscribe(client: Identified, filter: string): boolean
}

export interface MqttBrokerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** The broker's name and net, which tokens are for. */
  readonly place: SignInPlace
  readonly policy: BrokerPolicy
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
}

export interface MqttBroker {
  /** The port that is listened on. */
  readonly port: number
  /** `mqtt://host:port` for a client on this machine. */
  readonly url: string
  /** Clients signed in now. */
  readonly clients: number
  /** Ends every connection and frees the port. */
  close(): Promise<void>
}

/** A topic that nobody can subscribe to; what is dropped goes there. */
const NOWHERE = '$SYS/dropped'
/** Headers of a PUBLISH around the longest message: topic, its length, message id. */
const PACKET_BYTES_MAX = LIMITS.envelopeBytesMax + 4 * LIMITS.topicCharactersMax + 16
const NOT_AUTHORIZED = 5

/** Starts a broker. Throws `bad-config` where the address cannot be listened on. */
export async function openMqttBroker(options: MqttBrokerOptions): Promise<MqttBroker> {
  const gate = new Gate(options)
  const aedes = await Aedes.createBroker({
    concurrency: 0,
    connectTimeout: LIMITS.brokerSignInMsMax,
    keepaliveLimit: LIMITS.brokerKeepaliveSecondsMax,
    queueLimit: LIMITS.brokerQueuedMessagesMax,
    maxInflightInbound: 16,
    maxTopicLevels: 16,
    authenticate: (client, username, password, done) => {
      gate.signIn(client, username, password).then(
        () => done(null, true),
        (error) => done(Object.assign(new Error(asWebxError(error).code), { returnCode: NOT_AUTHORIZED }), false),
      )
    },
    authorizePublish: (client, packet, done) => gate.publish(client, packet as AedesPublishPacket, done),
    authorizeSubscribe: (client, subscription, done) => {
      done(null, gate.maySubscribe(client, subscription.topic) ? subscription : null)
    },
  })
  aedes.on('unsubscribe', (filters, client) => gate.unsubscribed(client, filters))
  aedes.on('clientError', (_, error) => gate.failed('clientError', error))
  aedes.on('connectionError', (_, error) => gate.failed('connectionError', error))
  const onError = aedes as unknown as NodeJS.EventEmitter
  onError.on('error', (error: Error) => gate.failed('error', error))

  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    aedes.handle(guardSocket(socket, gate.bounds))
  })
  server.maxConnections = LIMITS.brokerClientsMax
  server.on('drop', () => options.counters.count('broker.full'))
  try {
    await listen(server, options)
  } catch (error) {
    await new Promise<void>((resolve) => aedes.close(resolve))
    throw error
  }
  const { port } = server.address() as { port: number }
  const closed = (): Promise<void> => closeAll(aedes, server, sockets)
  return {
    port,
    url: `mqtt://${hostForUrl(options.host)}:${port}`,
    get clients() {
      return aedes.connectedClients
    },
    close: once(closed),
  }
}

interface Session {
  identity: Identified
  throttle: Throttle
  readonly filters: Set<string>
}

/** Every decision about clients, apart from the library that asks for them. */
class Gate {
  readonly bounds
  readonly #options: MqttBrokerOptions
  readonly #verifier: TokenVerifier
  readonly #sessions = new WeakMap<Client, Session>()
  /** Bytes of the retained message by topic, and how many topics there are of each identity. */
  readonly #retained = new Map<string, number>()
  readonly #retainedBy = new Map<string, number>()
  #retainedBytes = 0
  readonly #failures = new Map<string, { second: number; count: number }>()

  constructor(options: MqttBrokerOptions) {
    this.#options = options
    this.#verifier = new TokenVerifier(options)
    const { counters } = options
    this.bounds = {
      packetBytesMax: PACKET_BYTES_MAX,
      queuedBytesMax: LIMITS.brokerQueuedBytesMax,
      onOversized: () => counters.count('broker.oversized'),
      onSlow: () => counters.count('broker.slow'),
    }
  }

  /** Throws the reason of a refusal, which is counted; the client hears "not authorized". */
  async signIn(client: Client, username: string | undefined, password: Buffer | undefined): Promise<void> {
    const { policy, clock, counters, log } = this.#options
    const address = (client.conn as Socket).remoteAddress ?? ''
    try {
      this.#assertPatience(address)
      if (!client.clean) throw new WebxError('not-allowed', 'sessions are not kept: connect with clean session')
      if (!username || !password) throw new WebxError('not-allowed', 'a sign-in token is required')
      const id = await this.#verifier.verify(client.id, username, password.toString('latin1'))
      const rank = policy.rankOf(id)
      const session = { identity: { id, rank }, throttle: throttleOf(rank, clock), filters: new Set<string>() }
      client.conn.once('close', () => session.throttle.stop())
      this.#sessions.set(client, session)
      counters.count('broker.signedIn')
    } catch (error) {
      const { code, message } = asWebxError(error)
      counters.count(`broker.refused.${code}`)
      log.debug({ code, address }, message)
      if (code !== 'flooding') this.#noteFailure(address)
      throw error
    }
  }

  /** Lets through, delays to the rate of the client, or turns the packet into one that reaches nobody. */
  publish(client: Client | null, packet: AedesPublishPacket, done: (error?: Error | null) => void): void {
    const session = client && this.#sessions.get(client)
    if (!client || !session) {
      done(new Error('not signed in'))
      return
    }
    this.#rankAgain(session)
    const drop = this.#reasonToDrop(session, packet)
    if (drop) {
      this.#options.counters.count(`broker.dropped.${drop}`)
      packet.topic = NOWHERE
      packet.payload = Buffer.alloc(0)
      packet.retain = false
    }
    if (client.closed) done(null)
    else if (!session.throttle.pass(() => done(null))) this.#options.counters.count('broker.throttled')
  }

  maySubscribe(client: Client, filter: string): boolean {
    const session = this.#sessions.get(client)
    const allowed =
      session !== undefined &&
      (session.filters.has(filter) || session.filters.size < LIMITS.brokerSubscriptionsPerClientMax) &&
      filter.length <= LIMITS.topicCharactersMax &&
      !filter.startsWith('$') &&
      this.#options.policy.maySubscribe(session.identity, filter)
    if (allowed) session.filters.add(filter)
    else this.#options.counters.count('broker.refused.subscription')
    return allowed
  }

  unsubscribed(client: Client, filters: readonly string[]): void {
    const session = this.#sessions.get(client)
    for (const filter of filters) session?.filters.delete(filter)
  }

  failed(kind: string, error: Error): void {
    this.#options.counters.count(`broker.${kind}`)
    this.#options.log.debug({ kind }, error.message)
  }

  /** Who belongs to the neighborhood changes with the epochs, while connections last. */
  #rankAgain(session: Session): void {
    const { id, rank: before } = session.identity
    const rank = this.#options.policy.rankOf(id)
    if (rank === before) return
    session.identity = { id, rank }
    session.throttle = throttleOf(rank, this.#options.clock)
  }

  #reasonToDrop(session: Session, packet: AedesPublishPacket): string | null {
    const { topic, retain, payload } = packet
    const wellFormed = topic.length <= LIMITS.topicCharactersMax && !/^\$|[+#\0]/.test(topic)
    if (!wellFormed || !this.#options.policy.mayPublish(session.identity, topic, retain)) return 'topic'
    return retain && !this.#retain(session.identity, topic, payload.length) ? 'retained' : null
  }

  /**
   * Whether there is room for it; only who a topic is of may have it retained (`policy`), so nobody takes another's room. Guests, of whom one person can make as many as he likes,
   * fill half of all room at most.
   */
  #retain({ id, rank }: Identified, topic: string, bytes: number): boolean {
    const by = toHex(id)
    const share = rank === 'guest' ? 0.5 : 1
    const before = this.#retained.get(topic)
    const total = this.#retainedBytes - (before ?? 0) + bytes
    const topics = this.#retainedBy.get(by) ?? 0
    if (bytes > 0) {
      if (before === undefined && this.#retained.size >= share * LIMITS.brokerRetainedMax) return false
      if (before === undefined && topics >= LIMITS.brokerRetainedPerClientMax) return false
      if (bytes > (before ?? 0) && total > share * LIMITS.brokerRetainedBytesMax) return false
      this.#retained.set(topic, bytes)
      if (before === undefined) this.#retainedBy.set(by, topics + 1)
    } else if (this.#retained.delete(topic)) {
      if (topics > 1) this.#retainedBy.set(by, topics - 1)
      else this.#retainedBy.delete(by)
    }
    this.#retainedBytes = total
    return true
  }

  /** Checking a bad token costs milliseconds; an address that shows too many is not listened to for the rest of the second. */
  #assertPatience(address: string): void {
    const failures = this.#failures.get(address)
    if (failures?.second === this.#second() && failures.count >= LIMITS.brokerFailedSignInsPerSecondMax) {
      throw new WebxError('flooding', 'too many failed sign-ins from this address')
    }
  }

  #noteFailure(address: string): void {
    const second = this.#second()
    const known = this.#failures.get(address)
    if (known?.second === second) known.count++
    else {
      if (this.#failures.size >= LIMITS.brokerClientsMax) this.#failures.clear()
      this.#failures.set(address, { second, count: 1 })
    }
  }

  #second(): number {
    return Math.floor(this.#options.clock.monotonicMs() / 1000)
  }
}

function listen(server: Server, { host, port }: MqttBrokerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const hint = cause.code === 'EADDRINUSE' ? 'Is another broker running? Choose another port.' : ''
      reject(new WebxError('bad-config', `cannot listen on ${host}:${port}: ${cause.message}`, { hint, cause }))
    })
    server.listen({ host, port }, resolve)
  })
}

async function closeAll(aedes: Aedes, server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  await new Promise<void>((resolve) => aedes.close(resolve))
  for (const socket of sockets) socket.destroy()
  await closed
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= run()
    return running
  }
}

/** Where a client on this machine reaches a server bound to `host`. */
function hostForUrl(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

function throttleOf(rank: Identified['rank'], clock: Clock): Throttle {
  return new Throttle(rank === 'guest' ? LIMITS.guestPublishPerSecondMax : LIMITS.memberPublishPerSecondMax, clock)
}

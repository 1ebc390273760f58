/** A real embedded broker and real links to it, for tests. */

import { join } from 'node:path'
import { SignIn, type SignInPlace } from '../../src/drivers/broker-token.ts'
import { hostClock, hostRandom } from '../../src/drivers/host.ts'
import { createKeyFile } from '../../src/drivers/key-file.ts'
import { type BrokerPolicy, type MqttBroker, openMqttBroker } from '../../src/drivers/mqtt-broker.ts'
import { type MqttLink, openMqttLink } from '../../src/drivers/mqtt-link.ts'
import type { MqttLinkOptions } from '../../src/drivers/mqtt-options.ts'
import { createCounters, createLog } from '../../src/kernel/observe.ts'
import type { Clock, Counters, Keys } from '../../src/kernel/ports.ts'

export const PLACE: SignInPlace = { broker: 'test', netId: new Uint8Array(32).fill(9) }

/** Everybody may do everything as a member, except below `forbidden/`. */
export const OPEN_POLICY: BrokerPolicy = {
  rankOf: () => 'member',
  mayPublish: (_, topic) => !topic.startsWith('forbidden/'),
  maySubscribe: (_, filter) => !filter.startsWith('forbidden/'),
}

/** Brokers and links that `close` ends, whatever the test did with them. */
export class BrokerKit {
  readonly counters: Counters = createCounters()
  readonly clock: Clock = hostClock()
  readonly #directory: string
  readonly #ends: (() => Promise<void>)[] = []
  #keys = 0

  constructor(directory: string) {
    this.#directory = directory
  }

  async broker(options: { port?: number; policy?: BrokerPolicy; clock?: Clock } = {}): Promise<MqttBroker> {
    const broker = await openMqttBroker({
      host: '127.0.0.1',
      port: options.port ?? 0,
      place: PLACE,
      policy: options.policy ?? OPEN_POLICY,
      clock: options.clock ?? this.clock,
      counters: this.counters,
      log: createLog('silent'),
    })
    this.#ends.push(() => broker.close())
    return broker
  }

  keys(): Promise<Keys> {
    return createKeyFile(join(this.#directory, `${this.#keys++}.key`), 'device')
  }

  signIn(keys: Keys, place: SignInPlace = PLACE, clock: Clock = this.clock): SignIn {
    return new SignIn({ keys, place, clock, random: hostRandom() })
  }

  /** A link with an identity of its own; not yet up. */
  async link(url: string, options: Partial<MqttLinkOptions> = {}): Promise<MqttLink> {
    const link = openMqttLink({
      url,
      clock: this.clock,
      random: hostRandom(),
      counters: createCounters(),
      signIn: this.signIn(await this.keys()),
      ...options,
    })
    this.#ends.push(() => link.close())
    return link
  }

  async close(): Promise<void> {
    for (const end of this.#ends.reverse()) await end()
  }
}

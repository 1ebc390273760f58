/** What a link by MQTT is told: where the broker is, who signs in, and what is said when the connection dies. */

import type { Clock, Counters, Random } from '../kernel/ports.ts'
import type { Credentials } from './broker-token.ts'

/** What the broker publishes when the connection dies. */
export interface Will {
  readonly topic: string
  readonly bytes: Uint8Array
  readonly retain: boolean
}

/** Who signs in; `broker-token.ts` has one for the embedded broker. */
export interface LinkSignIn {
  clientId(): string
  credentials(clientId: string): Promise<Credentials>
}

export interface MqttLinkOptions {
  /** `mqtt://` or `mqtts://`, with `user:password@` for brokers that use passwords. */
  readonly url: string
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** Used where the URL names no user. */
  readonly signIn?: LinkSignIn
  /** Asked for anew at every connection. */
  readonly will?: Will | (() => Will | Promise<Will>)
}

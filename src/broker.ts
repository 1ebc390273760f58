/**
 * The embedded broker of one net: who may sign in, publish and subscribe follows from the genesis, and from who belongs to the neighborhood now.
 */

import { BROKER_NAME } from './boot.ts'
import type { ComposedNode } from './compose.ts'
import { hostClock } from './drivers/host.ts'
import { type MqttBroker, openMqttBroker } from './drivers/mqtt-broker.ts'
import type { Genesis } from './identity/genesis.ts'
import { createCounters } from './kernel/observe.ts'
import type { Log } from './kernel/ports.ts'
import { mayPublish, maySubscribe, Topics } from './kernel/topics.ts'
import { KnownIdentities } from './services/directory.ts'

/** Opens the broker of a net. Port 0 takes a free one. `directory`: whoever has a node beside the broker keeps it up with the epochs (`followMembers`). */
export function openNetBroker(
  genesis: Genesis,
  address: { readonly host: string; readonly port: number },
  log: Log,
  directory = new KnownIdentities(genesis),
): Promise<MqttBroker> {
  const topics = new Topics(genesis.netId, genesis.neighborhood)
  return openMqttBroker({
    host: address.host,
    port: address.port,
    place: { broker: BROKER_NAME, netId: genesis.netId },
    policy: {
      rankOf: (id) => directory.rankOf(id),
      mayPublish: (client, topic, retain) => mayPublish(topics, client, topic, retain),
      maySubscribe: (client, filter) => maySubscribe(topics, client, filter),
    },
    clock: hostClock(),
    counters: createCounters(),
    log: log.child({ part: 'broker' }),
  })
}

/** From now on a broker's directory knows who belongs to each neighborhood, as the node beside it hears. */
export function followMembers(directory: KnownIdentities, { context, agreed, homes }: ComposedNode): void {
  for (const { roster, nid } of [agreed.hood.term.opening, ...homes.openings])
    directory.setMembers(
      roster.map(({ id }) => id),
      nid,
    )
  context.events.on('epoch', ({ members }) => directory.setMembers(members, agreed.committee.nid))
  context.events.on('home', ({ nid, members }) => directory.setMembers(members, nid))
}

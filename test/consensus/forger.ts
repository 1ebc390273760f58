/** What a lying member can publish: it has its own key, and no scruples. */

import type { Order } from '../../src/consensus/order.ts'
import {
  batchEnvelope,
  composeBatch,
  headerSignedBytes,
  VOTE,
  type VoteBatch,
  type VoteEntry,
} from '../../src/consensus/statement.ts'
import { encodeEnvelope } from '../../src/core/envelope.ts'
import type { Network } from './network.ts'
import type { KeyPair } from './people.ts'

export interface Forger {
  /** A signed batch of these votes under a number far from the honest ones. */
  batch(entries: readonly VoteEntry[], sequence?: number): VoteBatch
  /** LOCK and CONFIRM for an order, each in a batch of its own. */
  votesFor(order: Order): Uint8Array[]
}

export function forger(net: Pick<Network, 'committee' | 'world'>, seat: number): Forger {
  let next = 1_000_000
  const key = net.world.epochKeys[seat] as KeyPair
  function batch(entries: readonly VoteEntry[], sequence = next++): VoteBatch {
    const unsigned = composeBatch(seat, sequence, new Uint8Array(32), entries)
    return { ...unsigned, signature: key.sign(headerSignedBytes(net.committee, unsigned)) }
  }
  return {
    batch,
    votesFor: ({ oid, version, od }) =>
      [VOTE.lock, VOTE.confirm].map((kind) =>
        encodeEnvelope(batchEnvelope(net.committee, batch([{ kind, oid, version, od }]))),
      ),
  }
}

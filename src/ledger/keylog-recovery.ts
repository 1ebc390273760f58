/**
 * Putting a recovery in force: an order that nobody signs, at the place where its veto would be settled. The register settles one order for a place, once for ever,
 * so it decides between the two, and members need no clock for it: witnesses (`keylog-witness.ts`) are attached and prove that the delay is over.
 */

import { equal, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import type { Genesis } from '../identity/genesis.ts'
import type { KeyLogs } from './keylog.ts'
import { type KeyNode, laneName } from './keylog-node.ts'
import { isOpen, type KeyRefusal, openRecoveries } from './keylog-rules.ts'
import { assertWitnessed, type Jury, juryOf } from './keylog-witness.ts'
import type { EnforceRecovery } from './payment.ts'
import { enforcementOrder, KEY_LOG_NONCE, type OrderFields, type OrderView, type StateReader } from './terms.ts'

/** A recovery that waits. */
export interface OpenRecovery {
  /** 32-byte digest of its event. */
  readonly digest: Uint8Array
  readonly delayMs: number
  /** True where it cannot be vetoed. */
  readonly isFinal: boolean
  /** Raw Ed25519 keys that act once it is in force. */
  readonly keys: readonly Uint8Array[]
}

/** The recoveries of one net. */
export class Recoveries {
  readonly jury: Jury
  readonly #home: Uint8Array
  readonly #keyLogs: KeyLogs
  readonly #witnessed = new WeakSet<Uint8Array>()

  constructor(genesis: Genesis, keyLogs: KeyLogs) {
    this.jury = juryOf(genesis)
    this.#home = genesis.neighborhood
    this.#keyLogs = keyLogs
  }

  /** All recoveries of an identity that wait; whether they stand in its log or not. */
  openOf(id: Uint8Array, objects: StateReader): OpenRecovery[] {
    const tree = this.#keyLogs.treeOf(id, objects)
    return tree ? openRecoveries(tree).map(described) : []
  }

  /**
   * The settled log of an identity as encoded events, the inception first: what stands, or, where a recovery waits, the branch up to it, which whoever objects
   * goes on from. Null where its key log is not settled here.
   */
  logOf(id: Uint8Array, objects: StateReader): Uint8Array[] | null {
    const tree = this.#keyLogs.treeOf(id, objects)
    if (!tree) return null
    const [waiting] = openRecoveries(tree)
    const log: Uint8Array[] = []
    for (let at = waiting ?? tree.standing.at(-1) ?? null; at; at = at.parent) log.unshift(at.bytes)
    return log
  }

  /** The order that puts a recovery in force; null where it is not settled here. */
  enforcing(terms: Pick<EnforceRecovery, 'identity' | 'recovery'>, objects: StateReader): OrderFields | null {
    const node = this.#nodeOf(terms, objects)
    return node && this.#orderOf(terms, node)
  }

  /**
   * Position that such an order names; null where the recovery is not settled here. Throws where the order disproves itself: `not-allowed` for anything free in it,
   * and as `assertWitnessed`.
   */
  place(order: OrderView, operation: EnforceRecovery, objects: StateReader): number | null {
    const { identity, recovery } = operation
    const isPlaced =
      equal(order.owner, laneName(identity, 0, recovery)) &&
      equal(order.nonce, KEY_LOG_NONCE) &&
      equal(order.idem, recovery.subarray(0, 16)) &&
      order.version === 1 &&
      order.maxEpoch === Number.MAX_SAFE_INTEGER
    if (!isPlaced)
      throw new WebxError('not-allowed', 'the order that puts a recovery in force says something of its own')
    const node = this.#nodeOf(operation, objects)
    if (!node?.recovery) return null
    const { position } = node.state
    if (order.keyPosition !== position) throw new WebxError('not-allowed', 'the order names another position')
    if (!this.#witnessed.has(order.attached)) {
      assertWitnessed(this.jury, order.attached, recovery, node.recovery.delayMs)
      this.#witnessed.add(order.attached)
    }
    return position
  }

  /** Null where a recovery that is settled here may be put in force. */
  refusalOf(
    operation: EnforceRecovery,
    objects: StateReader,
  ): (Pick<KeyRefusal, 'retry'> & { code: KeyRefusal['code'] | 'wrong-previous' }) | null {
    const tree = this.#keyLogs.treeOf(operation.identity, objects)
    const node = tree?.nodes.get(toHex(operation.recovery))
    if (!tree || !node?.recovery) return { code: 'wrong-previous', retry: false }
    if (node.recovery.inForce) return { code: 'replayed', retry: false }
    return isOpen(tree, node) ? null : { code: 'outranked', retry: false }
  }

  #nodeOf(
    { identity, recovery }: Pick<EnforceRecovery, 'identity' | 'recovery'>,
    objects: StateReader,
  ): KeyNode | null {
    const node = this.#keyLogs.treeOf(identity, objects)?.nodes.get(toHex(recovery))
    return node?.recovery ? node : null
  }

  #orderOf(terms: Pick<EnforceRecovery, 'identity' | 'recovery'>, { state }: KeyNode): OrderFields {
    const lane = laneName(terms.identity, 0, terms.recovery)
    return enforcementOrder({ home: this.#home, lane }, state.position, terms)
  }
}

function described({ digest, recovery }: KeyNode): OpenRecovery {
  const { delayMs, waiting } = recovery as NonNullable<KeyNode['recovery']>
  const { event, final } = waiting.pending as NonNullable<typeof waiting.pending>
  return { digest, delayMs, isFinal: final, keys: event.keys }
}

/**
 * Hands in the key log of this node's identity, event after event, until the neighborhood has settled all of it.
 *
 * The orders are not signed here: a key event proves itself. Until a rotation is settled the others know this node by the key before it and take no frame of its, so
 * nothing here asks a question: whoever hands in an event under a number that is taken is answered with what took it.
 */

import {
  type Order,
  orderBody,
  orderBytes,
  orderEnvelope,
  orderSignedBytes,
  provingOrderEnvelope,
  readOrder,
} from '../consensus/order.ts'
import { equal, toHex } from '../core/bytes.ts'
import { asWebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Agreed } from '../kernel/agreed.ts'
import type { Context } from '../kernel/context.ts'
import { KeyLogs } from '../ledger/keylog.ts'
import { readSettling } from '../ledger/keylog-node.ts'
import { Recoveries } from '../ledger/keylog-recovery.ts'
import { operationOf } from '../ledger/rules.ts'
import { keyLogOrder, NO_HEAD, type StateReader } from '../ledger/terms.ts'

/** Orders that the key before had signed get so long to settle before the rotation ends that key. */
const PATIENCE_MS = 10_000

export class OwnKeyLog {
  readonly #context: Context
  readonly #agreed: Agreed
  readonly #keyLogs: KeyLogs
  readonly #recoveries: Recoveries
  /** Recoveries that were spoken of, by digest in hexadecimal. */
  readonly #announced = new Set<string>()
  readonly #objects: StateReader
  readonly #ordersAreOpen: () => boolean
  /** What is not known to be settled yet. */
  #events: readonly Uint8Array[] = []
  #patientUntilMs = 0
  #retryMs: number = LIMITS.orderRetryMsMin
  #complaint = ''
  #cancelRetry = (): void => {}

  /** @param ordersAreOpen true while orders by an earlier key are under way */
  constructor(context: Context, agreed: Agreed, ordersAreOpen: () => boolean) {
    this.#context = context
    this.#agreed = agreed
    this.#keyLogs = new KeyLogs(context.genesis)
    this.#recoveries = new Recoveries(context.genesis, this.#keyLogs)
    this.#objects = { stateOf: (oid) => agreed.register.object(oid)?.state ?? null }
    this.#ordersAreOpen = ordersAreOpen
  }

  /** True once the neighborhood knows this identity, by whichever key. */
  get isOpened(): boolean {
    return this.#keyLogs.keysOf(this.#context.keys.id, this.#objects) !== null
  }

  /** True once the key that this node signs with is the one that acts. */
  get isActing(): boolean {
    const { keys } = this.#context
    const settled = this.#keyLogs.keysOf(keys.id, this.#objects)
    return settled?.key ? settled.position === keys.position && equal(settled.key, keys.publicKey) : false
  }

  /** True for an order that settled one of this identity's own key events, or put its recovery in force. */
  isOwn(order: Order): boolean {
    const { id } = this.#context.keys
    const operation = operationOf(order)
    if (operation.kind === 'enforce') return equal(operation.identity, id)
    return operation.kind === 'key-event' && equal(readSettling(order.attached).event.id, id)
  }

  /** The order that opens the key log. Only the first key signs it; whoever has rotated since shows the inception instead. */
  async opening(): Promise<Order> {
    const { netId, genesis, keys } = this.#context
    const body = orderBody(keyLogOrder(genesis.neighborhood, keys.id, keys.inception))
    if (keys.position > 0) return readOrder(provingOrderEnvelope(netId, body, keys.inception))
    return readOrder(orderEnvelope(netId, body, await keys.sign(orderSignedBytes(netId, body))))
  }

  /** From now on these are the events to be settled; the inception comes first. */
  publish(events: readonly Uint8Array[]): void {
    this.#events = events.slice(1)
    this.#patientUntilMs = this.#context.clock.monotonicMs() + PATIENCE_MS
    this.#retryMs = LIMITS.orderRetryMsMin
    // whoever has only its inception is handed in nothing, and hears of it here
    if (this.#events.length === 0) this.#complainIfRetired()
    this.#announceRecoveries()
  }

  /** Hands in the first event that is not settled here, and comes back to it until it is. */
  async advance(): Promise<void> {
    this.#cancelRetry()
    const order = this.isOpened ? this.#next() : null
    if (!order) return
    const { schedule, road, topics } = this.#context
    this.#cancelRetry = schedule.after(this.#retryMs, 'send key event again', () => this.advance())
    this.#retryMs = Math.min(this.#retryMs * 2, LIMITS.orderRetryMsMax)
    if (order === 'later') return
    await road.run(() => {
      this.#agreed.submit(order)
      return { emit: [{ topic: topics.order, bytes: orderBytes(order) }] }
    })
  }

  /** An event of this identity was settled: the next one follows at once. */
  onSettled(): Promise<void> {
    this.#retryMs = LIMITS.orderRetryMsMin
    this.#announceRecoveries()
    return this.advance()
  }

  stop(): void {
    this.#cancelRetry()
  }

  #next(): Order | 'later' | null {
    for (let [event] = this.#events; event; [event] = this.#events) {
      try {
        const proposal = this.#keyLogs.propose(event, this.#objects, (oid) => this.#headOf(oid))
        if (proposal?.refusal?.code === 'replayed') {
          this.#events = this.#events.slice(1)
          continue
        }
        if (!proposal || (proposal.refusal && !proposal.refusal.retry)) {
          this.#complain(proposal?.refusal?.code ?? 'wrong-previous')
          return 'later'
        }
        if (proposal.refusal || this.#waitsForOrders(event)) return 'later'
        return readOrder(provingOrderEnvelope(this.#context.netId, orderBody(proposal.order), event))
      } catch (error) {
        const { code } = asWebxError(error)
        // what comes after a recovery is judged once that is in force
        if (code === 'recovery-pending') return 'later'
        this.#complain(code)
        return null
      }
    }
    this.#complainIfRetired()
    return null
  }

  /** True while this node's key is that of a recovery that waits. */
  get #isRecovering(): boolean {
    const { id, publicKey } = this.#context.keys
    return this.#recoveries.openOf(id, this.#objects).some(({ keys }) => keys.some((key) => equal(key, publicKey)))
  }

  /** Says once of each recovery of this identity that it waits: to whom it brings the keys back, and to whom it takes them away. */
  #announceRecoveries(): void {
    const { keys, log } = this.#context
    for (const { digest, delayMs, isFinal, keys: next } of this.#recoveries.openOf(keys.id, this.#objects)) {
      const name = toHex(digest)
      if (this.#announced.has(name)) continue
      this.#announced.add(name)
      const fields = { recovery: name, delaySeconds: delayMs / 1000 }
      if (next.some((key) => equal(key, keys.publicKey))) {
        log.info(fields, 'the recovery of this identity waits for its delay: orders wait with it')
      } else if (isFinal) {
        log.warn(fields, 'a second recovery of this identity waits: only next and recovery keys together end it')
      } else {
        log.warn(
          fields,
          'a recovery of this identity waits: unless it is yours, end it (webx id settled --out, webx id veto --log)',
        )
      }
    }
  }

  #waitsForOrders(event: Uint8Array): boolean {
    const { clock } = this.#context
    return readSettling(event).rank > 0 && clock.monotonicMs() < this.#patientUntilMs && this.#ordersAreOpen()
  }

  #headOf(oid: Uint8Array): { version: number; head: Uint8Array } {
    const view = this.#agreed.register.object(oid)
    return view && view.settled > 0 ? { version: view.settled, head: view.settledHead } : { version: 0, head: NO_HEAD }
  }

  /** All of this log is settled, and yet another key acts: this node runs by an old key file, or somebody else has rotated. */
  #complainIfRetired(): void {
    if (this.isOpened && !this.isActing && !this.#isRecovering) this.#complain('retired-key')
  }

  /** Once for each reason: the neighborhood settles no event of this log any more, and no order of the keys behind it. */
  #complain(code: string): void {
    if (this.#complaint === code) return
    this.#complaint = code
    this.#context.counters.count(`keylog.refused.${code}`)
    this.#context.log.error({ code }, 'the neighborhood does not take the key log of this identity')
  }
}

/**
 * Orders of this node's own, from the wish to the settlement.
 *
 * A wish is stored before anything is signed, the signed order before it is first sent, and it is sent again, byte for byte, until it is settled: by later runs of
 * the node too. Nothing is ever signed twice for one version: an order that was signed stays at the head of its object's queue until the neighborhood has decided,
 * or the last epoch is over in which it could.
 */

import { type Order, orderBody, orderBytes, orderEnvelope, orderSignedBytes, readOrder } from '../consensus/order.ts'
import { equal, toHex } from '../core/bytes.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { objectId } from '../identity/objectid.ts'
import type { Agreed, Orders, Settling, Standings, Wish } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Write } from '../kernel/ports.ts'
import { sentTo } from '../ledger/abroad.ts'
import { outlayOf, paysAbroad } from '../ledger/credit.ts'
import { holdOf } from '../ledger/hold.ts'
import type { OwnOperation } from '../ledger/payment.ts'
import { KEY_LOG_NONCE, NO_HEAD, nextOrder, type OrderFields } from '../ledger/terms.ts'
import { decodeEntry, type Entry, OUTBOX, sameWish, writeOf } from './outbox-entry.ts'
import { OwnKeyLog } from './outbox-keys.ts'

/** One object's queue; its first entry is under way. */
interface Queue {
  readonly oid: Uint8Array
  readonly entries: Entry[]
  /** True once this node knows the newest version that the members know. */
  upToDate: boolean
  working: boolean
  /** Something has changed while it was worked on. */
  again: boolean
  retryMs: number
  cancelRetry: () => void
}

export class Outbox implements Orders, Service {
  readonly #context: Context
  readonly #agreed: Agreed
  readonly #standings: Standings
  readonly #queues = new Map<string, Queue>()
  readonly #byReference = new Map<string, Entry>()
  readonly #ownKeys: OwnKeyLog
  #keyLog: Order | null = null
  #number = 0
  #stopped = false
  #cancelIntroduction = (): void => {}
  #unhear = (): void => {}

  constructor(context: Context, agreed: Agreed, standings: Standings) {
    this.#context = context
    this.#agreed = agreed
    this.#standings = standings
    this.#ownKeys = new OwnKeyLog(context, agreed, () => this.#hasOpenOrdersOfEarlierKeys())
    agreed.onSettling((settling) => this.#remove(settling))
  }

  async start(): Promise<void> {
    const entries = [...this.#context.store.scan(OUTBOX)].map(({ key, value }) => decodeEntry(key, value))
    for (const entry of entries.sort((a, b) => a.number - b.number)) this.#enqueue(entry)
    this.#unhear = this.#context.events.on('settled', ({ order }) => this.#onSettled(order))
    this.publishKeyLog(this.#context.keys.log)
    this.#advanceAll()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelIntroduction()
    this.#ownKeys.stop()
    this.#unhear()
    for (const queue of this.#queues.values()) queue.cancelRetry()
  }

  async place(wish: Wish): Promise<void> {
    const known = this.#byReference.get(toHex(wish.reference))
    if (known) {
      if (sameWish(known, wish)) return
      throw new WebxError('bad-argument', 'this reference already names another wish')
    }
    if (this.#byReference.size >= LIMITS.outboxOrdersMax) throw new WebxError('limit', 'the outbox is full')
    const entry: Entry = { ...wish, number: this.#number, idem: this.#context.random.bytes(16), order: null }
    this.#enqueue(entry)
    await this.#context.road.run(() => ({ writes: [writeOf(entry)] }))
    this.#advanceAll()
  }

  async introduce(): Promise<void> {
    this.#cancelIntroduction()
    if (this.#stopped || (await this.#ownerIsKnown())) return
    const { schedule } = this.#context
    this.#cancelIntroduction = schedule.after(LIMITS.orderRetryMsMax, 'introduce again', () => this.introduce())
  }

  publishKeyLog(events: readonly Uint8Array[]): void {
    this.#ownKeys.publish(events)
    // whoever has no more to say than an inception says it with its first order
    if (events.length > 1) void this.introduce().catch((error: unknown) => this.#complain(error))
  }

  has(reference: Uint8Array): boolean {
    return this.#byReference.has(toHex(reference))
  }

  find(reference: Uint8Array): Wish | null {
    return this.#byReference.get(toHex(reference)) ?? null
  }

  newest(nonce: Uint8Array): Wish | null {
    return this.#queues.get(toHex(nonce))?.entries.at(-1) ?? null
  }

  reserved(asset: Uint8Array): number {
    let sum = 0
    for (const operation of this.#unshown()) {
      const outlay = outlayOf(operation, this.#context.netId)
      if (outlay && equal(outlay.assetId, asset)) sum += outlay.amount
    }
    return sum
  }

  leaving(home: Uint8Array): number {
    let count = 0
    for (const operation of this.#unshown()) {
      const to = paysAbroad(operation, this.#context.netId)
      if (to && equal(to, home)) count++
    }
    return count
  }

  /** What is ordered and not certified, so that no object shows it. */
  *#unshown(): Iterable<OwnOperation> {
    for (const { oid, entries } of this.#queues.values()) {
      const certified = this.#agreed.register.object(oid)?.certified ?? 0
      for (const { operation, order } of entries) {
        if (order === null || order.version > certified) yield operation
      }
    }
  }

  #enqueue(entry: Entry): void {
    const { netId, genesis, keys } = this.#context
    const name = toHex(entry.nonce)
    let queue = this.#queues.get(name)
    if (!queue) {
      const oid = objectId(netId, genesis.neighborhood, keys.id, entry.nonce)
      queue = {
        oid,
        entries: [],
        upToDate: false,
        working: false,
        again: false,
        retryMs: LIMITS.orderRetryMsMin,
        cancelRetry: () => {},
      }
      this.#queues.set(name, queue)
    }
    queue.entries.push(entry)
    this.#byReference.set(toHex(entry.reference), entry)
    this.#number = Math.max(this.#number, entry.number + 1)
  }

  /** An order of ours is settled in this turn: its wish leaves the disk with the same commit. */
  #remove({ order }: Settling): readonly Write[] {
    const queue = this.#queues.get(toHex(order.nonce))
    if (!queue || !equal(order.owner, this.#context.keys.id)) return []
    // by the number of the wish: a disk that was put back may hold it unsigned, or behind others, although it was signed and settled since
    const at = queue.entries.findIndex(({ idem }) => equal(idem, order.idem))
    const entry = queue.entries[at]
    if (entry === undefined) return []
    queue.entries.splice(at, 1)
    queue.cancelRetry()
    queue.retryMs = LIMITS.orderRetryMsMin
    this.#byReference.delete(toHex(entry.reference))
    return [{ space: OUTBOX, key: entry.reference, value: null }]
  }

  /** Only what was waiting for this order goes on; what is under way has its own timer. */
  #onSettled(bytes: Uint8Array): void {
    const order = readOrder(decodeEnvelope(bytes))
    const opensLog = equal(order.owner, this.#context.keys.id) && equal(order.nonce, KEY_LOG_NONCE)
    if (opensLog || this.#ownKeys.isOwn(order)) {
      this.#ownKeys.onSettled().catch((error: unknown) => this.#complain(error))
      this.#advanceAll()
    }
    if (!equal(order.owner, this.#context.keys.id)) return
    const queue = this.#queues.get(toHex(order.nonce))
    if (queue) this.#work(queue)
  }

  #advanceAll(): void {
    for (const queue of this.#queues.values()) this.#work(queue)
  }

  /** One at a time for each queue; what changes meanwhile is looked at right after, or a wish could wait for ever. */
  #work(queue: Queue): void {
    queue.again = queue.working
    if (queue.entries.length === 0 || queue.working || this.#stopped) return
    queue.working = true
    this.#advance(queue)
      .catch((error: unknown) => this.#complain(error))
      .finally(() => {
        queue.working = false
        if (queue.again) this.#work(queue)
      })
  }

  /** Signs the first wish of a queue if it is not, sends it, and comes back later unless it is settled by then. */
  async #advance(queue: Queue): Promise<void> {
    queue.cancelRetry()
    if (this.#context.keys.position > 0 && !(await this.#ownerIsKnown())) {
      // nobody takes a question of ours before the rotation is settled; what the key before has signed still goes its way
      this.#retryLater(queue)
      const [head] = queue.entries
      if (head?.order && this.#isOfEarlierKey(head.order)) await this.#send(head.order)
      return
    }
    if (!queue.upToDate) {
      await this.#standings.upToDate(queue.oid)
      queue.upToDate = true
    }
    const [entry] = queue.entries
    if (!entry) return
    // it may settle meanwhile, by an order of which only a lost disk knew: then it must neither come back to this one nor be sent
    const isOpen = (): boolean => queue.entries.includes(entry)
    this.#retryLater(queue)
    if (!(await this.#ownerIsKnown())) return
    if (!entry.order || this.#isLost(queue, entry.order)) {
      if (this.#lastEpochOf(entry.operation) < this.#agreed.committee.epoch) return this.#giveUp(queue, entry)
      const order = await this.#sign(this.#terms(queue, entry))
      await this.#context.road.run(() => {
        if (!isOpen()) return null
        entry.order = order
        return { writes: [writeOf(entry)] }
      })
    }
    if (entry.order) await this.#send(entry.order, isOpen)
  }

  #terms(queue: Queue, entry: Entry): OrderFields {
    const { keys, genesis } = this.#context
    const view = this.#agreed.register.object(queue.oid)
    const standing = {
      home: genesis.neighborhood,
      owner: keys.id,
      keyPosition: keys.position,
      nonce: entry.nonce,
      version: view?.certified ?? 0,
      head: view?.head ?? NO_HEAD,
    }
    return nextOrder(standing, this.#numbered(queue, entry.operation), entry.idem, this.#lastEpochOf(entry.operation))
  }

  /** A payment to another home has the number that is next when it is signed: that of the wish may be taken, by another life of a disk that was put back, or count another account's payments. */
  #numbered({ oid }: Queue, operation: OwnOperation): OwnOperation {
    const home = paysAbroad(operation, this.#context.netId)
    if (!home || !('number' in operation)) return operation
    return { ...operation, number: sentTo(this.#agreed.register.object(oid)?.state?.sent ?? [], home) + 1 }
  }

  /** Last epoch in which an operation may be voted for: a capture, while its hold is there to be captured. */
  #lastEpochOf(operation: OwnOperation): number {
    const usual = this.#agreed.committee.epoch + LIMITS.orderEpochsMax
    if (operation.kind !== 'capture') return usual
    const hold = holdOf(this.#agreed.register.object(operation.payer)?.state?.holds ?? [], operation.hold)
    return Math.min(usual, hold?.terms?.expiresEpoch ?? 0)
  }

  /** Gives up a wish that came too late; those behind it go on. */
  async #giveUp(queue: Queue, entry: Entry): Promise<void> {
    queue.entries.splice(queue.entries.indexOf(entry), 1)
    this.#byReference.delete(toHex(entry.reference))
    queue.again = true
    await this.#context.road.run(() => ({ writes: [{ space: OUTBOX, key: entry.reference, value: null }] }))
  }

  #isOfEarlierKey(order: Order): boolean {
    return order.keyPosition < this.#context.keys.position
  }

  /**
   * An order of a key that has been rotated away, or of an epoch that is over, and that no quorum has certified: nobody votes for it any more. Or one whose version is settled as something
   * else, such as nothing.
   */
  #isLost({ oid }: Queue, order: Order): boolean {
    const { certified = 0, settled = 0, settledHead } = this.#agreed.register.object(oid) ?? {}
    if (order.version === settled && settledHead && !equal(settledHead, order.od)) return true
    const isOver = this.#isOfEarlierKey(order) || order.maxEpoch < this.#agreed.committee.epoch
    return isOver && order.version > certified
  }

  #hasOpenOrdersOfEarlierKeys(): boolean {
    return [...this.#queues.values()].some((queue) => {
      const [head] = queue.entries
      return head?.order ? this.#isLost(queue, head.order) : false
    })
  }

  #complain(error: unknown): void {
    if (!this.#stopped) this.#context.log.warn({ error }, 'an order could not be sent')
  }

  #retryLater(queue: Queue): void {
    queue.cancelRetry = this.#context.schedule.after(queue.retryMs, 'send order again', () => this.#advanceAll())
    queue.retryMs = Math.min(queue.retryMs * 2, LIMITS.orderRetryMsMax)
  }

  /** Members vote only for owners whose key log is settled, up to the key that signs here; opens the log where it is not, and hands in what came after. */
  async #ownerIsKnown(): Promise<boolean> {
    this.#keyLog ??= await this.#ownKeys.opening()
    if (this.#ownKeys.isOpened) await this.#ownKeys.advance()
    else await this.#send(this.#keyLog)
    return this.#ownKeys.isActing
  }

  async #sign(terms: OrderFields): Promise<Order> {
    const { netId, keys } = this.#context
    const body = orderBody(terms)
    return readOrder(orderEnvelope(netId, body, await keys.sign(orderSignedBytes(netId, body))))
  }

  /** @param isWanted asked in the turn in which it would be sent */
  #send(order: Order, isWanted = (): boolean => true): Promise<void> {
    const { road, topics } = this.#context
    return road.run(() => {
      if (!isWanted()) return null
      this.#agreed.submit(order)
      return { emit: [{ topic: topics.order, bytes: orderBytes(order) }] }
    })
  }
}

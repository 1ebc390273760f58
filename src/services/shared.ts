/**
 * Shared objects for the owner of this node: begins them, writes them, changes who may, and reads what the neighborhood has agreed on.
 *
 * What is wished for is on the disk before it is sent, and is sent until it is final: applied, or refused for good. A change counts in one epoch; where that ends first it is signed anew for the next
 * one under the same idempotence id, by later runs of this node too, so that it is applied once at most.
 */

import { openStatement } from '../consensus/neighborhood-open.ts'
import type { SharedEntry, SharedOutcome } from '../consensus/shared/book.ts'
import {
  markOf,
  objectOf,
  readSharedBody,
  type SharedChange,
  type SharedRule,
  type SharedWish,
  sharedBody,
  sharedBytes,
  sharedSignedBytes,
} from '../consensus/shared/change.ts'
import type { SharedObject } from '../consensus/shared/object.ts'
import { encodeSharedReceipt } from '../consensus/shared/receipt.ts'
import { equal, toHex } from '../core/bytes.ts'
import { verifySignature } from '../core/crypto.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { asWebxError, type Code, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Conducted } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Write } from '../kernel/ports.ts'

const WISHES = 'shared-wish'
const CHECK_MS = 500
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 8_000
const WAIT_MS = 30_000
const NOTHING = new Uint8Array(0)

/** What has become of a wish. */
export interface SharedDone {
  readonly oid: Uint8Array
  /** Where the object was right after it; null where it is only known to have been applied. */
  readonly sequence: number | null
  /** A word for a rule was taken down, and more are needed. */
  readonly isWord: boolean
}

interface Waiting {
  /** As it was first signed for. */
  readonly change: SharedChange
  readonly done: PromiseWithResolvers<SharedDone>
  isSent: boolean
  retryMs: number
  dueMs: number
}

export class Shared implements Service {
  readonly #context: Context
  readonly #agreement: Conducted
  /** By mark in hexadecimal. */
  readonly #waiting = new Map<string, Waiting>()
  #isSending = false
  #ends: (() => void)[] = []

  constructor(context: Context, agreement: Conducted) {
    this.#context = context
    this.#agreement = agreement
    agreement.onEffect((effect) => {
      if (effect.kind === 'shared') this.#hear(effect.outcome)
    })
  }

  async start(): Promise<void> {
    const { store, schedule, events } = this.#context
    for (const { value } of store.scan(WISHES)) this.#wait(readSharedBody(value))
    this.#ends = [
      schedule.every(CHECK_MS, 'changes of shared objects', () => this.#sendDue()),
      events.on('epoch', () => {
        for (const waiting of this.#waiting.values()) waiting.dueMs = 0
      }),
    ]
  }

  async stop(): Promise<void> {
    for (const end of this.#ends) end()
    for (const { done } of this.#waiting.values()) done.reject(new WebxError('stopped', 'this node is stopped'))
  }

  /** A shared object as final blocks have left it, or null. */
  get(oid: Uint8Array): SharedObject | null {
    return this.#book.get(oid)
  }

  /** All shared objects of this home. */
  list(): SharedObject[] {
    return [...this.#book.kept()].map(({ object }) => object)
  }

  /** The newest applied changes of an object, the oldest first: those that this node has seen, `LIMITS.sharedHistoryMax` at most. */
  history(oid: Uint8Array): readonly SharedEntry[] {
    return this.#book.history(oid)
  }

  /**
   * A receipt for the change that was applied to an object at a sequence number, as `verifySharedReceipt` reads it. Throws `unknown-object`; `not-settled` while no epoch has begun since, or where this node
   * has not seen all that was written after it.
   */
  receipt(oid: Uint8Array, sequence: number): Uint8Array {
    const newest = this.#book.openedAt(oid)
    if (!this.get(oid)) throw refused('unknown-object')
    const settledState = sequence <= newest ? this.#agreement.register.settledStateOf(oid, newest) : null
    if (settledState) return encodeSharedReceipt(this.history(oid), { sequence, newest, settledState })
    throw new WebxError('not-settled', 'no epoch has begun since that shows this change', {
      hint: 'The state with which the next one begins does. Wait for it, or have seats wish for it (webx swarm turn).',
    })
  }

  /** How many wishes are not final yet. */
  get underWay(): number {
    return this.#waiting.size
  }

  /** Begins an object; resolves once it is final. This identity's key log must have been settled when the epoch began. Throws as `place`. */
  create(rule: SharedRule, value: Uint8Array): Promise<SharedDone> {
    return this.place({ kind: 'create', nonce: this.#context.random.bytes(16), rule, value })
  }

  /** Writes an object: `follows` it at a sequence number, or comes after whatever is there (0). Throws as `place`. */
  write(oid: Uint8Array, value: Uint8Array, follows = 0): Promise<SharedDone> {
    return this.place({ kind: 'write', oid, follows, value })
  }

  /** This writer's word that another rule should come. Throws as `place`. */
  wantRule(oid: Uint8Array, rule: SharedRule): Promise<SharedDone> {
    return this.place({ kind: 'rule', oid, rule })
  }

  /**
   * Has something done to a shared object; resolves once that is final.
   *
   * Throws the code of the refusal (`wrong-sequence`, `not-allowed`, `unknown-object`, `unknown-owner`, `limit`), `too-long` for a long value; `not-settled` after 30 s, though it stays under way;
   * `expired` where two epochs have gone by meanwhile.
   *
   * @param idem 16 bytes: the same again is the same wish
   */
  async place(wish: SharedWish, idem: Uint8Array = this.#context.random.bytes(16)): Promise<SharedDone> {
    if (wish.kind !== 'rule' && wish.value.length > LIMITS.sharedValueBytesMax)
      throw new WebxError('too-long', `a value has up to ${LIMITS.sharedValueBytesMax} bytes`)
    const { term } = this.#agreement.hood
    const { nid, epoch } = term.opening
    const change = { nid, epoch, writer: this.#context.keys.id, idem, inception: NOTHING, wish }
    const known = this.#waiting.get(nameOf(change))
    if (known) return known.done.promise
    const past = this.#pastOf(change)
    if (past) return past
    const code = term.refusalOf({ change, isKnown: this.#isKnown })
    if (code !== null && code !== 'frozen') throw refused(code)
    if (this.#waiting.size >= LIMITS.sharedWishesMax)
      throw new WebxError('limit', `${LIMITS.sharedWishesMax} changes of this node wait already`)
    await this.#context.road.run(() => ({ writes: [writeOf(change)] }))
    const { done } = this.#wait(change)
    await this.#sendDue()
    const late = Promise.withResolvers<never>()
    const cancel = this.#context.schedule.after(WAIT_MS, 'wait for a shared object', () => late.reject(notYet()))
    return Promise.race([done.promise, late.promise]).finally(cancel)
  }

  get #book() {
    return this.#agreement.hood.term.state.shared
  }

  get #isKnown(): boolean {
    return this.#agreement.register.ownerAtOpening(this.#context.keys.id) !== null
  }

  #wait(change: SharedChange): Waiting {
    const done = Promise.withResolvers<SharedDone>()
    // nobody may be waiting any more, or not yet
    done.promise.catch(() => undefined)
    const waiting = { change, done, isSent: false, retryMs: RETRY_MS_MIN, dueMs: 0 }
    this.#waiting.set(nameOf(change), waiting)
    return waiting
  }

  /** What this node knows to have become of a change before it was asked. Throws the code of its refusal. */
  #pastOf(change: SharedChange): SharedDone | null {
    const outcome = this.#book.outcomeOf(markOf(change))
    if (outcome?.code) throw refused(outcome.code)
    if (outcome) return outcome
    if (!this.#book.wasApplied(change)) return null
    return { oid: objectOf(change, this.#context.netId), sequence: null, isWord: false }
  }

  #hear(outcome: SharedOutcome): void {
    if (!equal(outcome.writer, this.#context.keys.id)) return
    const waiting = this.#waiting.get(toHex(outcome.mark))
    if (waiting) this.#end(waiting, outcome.code === null ? outcome : refused(outcome.code))
  }

  #end(waiting: Waiting, result: SharedDone | WebxError): void {
    this.#waiting.delete(nameOf(waiting.change))
    const key = waiting.change.idem
    this.#context.road
      .run(() => ({ writes: [{ space: WISHES, key, value: null }], mayWait: true }))
      .catch((error: unknown) => this.#context.counters.count(`shared.${asWebxError(error).code}`))
    if (result instanceof WebxError) waiting.done.reject(result)
    else waiting.done.resolve({ oid: result.oid, sequence: result.sequence, isWord: result.isWord })
  }

  async #sendDue(): Promise<void> {
    if (this.#isSending) return
    this.#isSending = true
    try {
      for (const waiting of [...this.#waiting.values()]) {
        if (waiting.dueMs > this.#context.clock.monotonicMs()) continue
        await this.#send(waiting)
      }
    } finally {
      this.#isSending = false
    }
  }

  async #send(waiting: Waiting): Promise<void> {
    const { hood } = this.#agreement
    const { clock, keys, netId, topics, road } = this.#context
    if (this.#isOver(waiting)) return
    waiting.dueMs = clock.monotonicMs() + waiting.retryMs
    waiting.retryMs = Math.min(2 * waiting.retryMs, RETRY_MS_MAX)
    const { epoch } = hood.term.opening
    const body = sharedBody({ ...waiting.change, epoch, inception: this.#isKnown ? NOTHING : keys.inception })
    const bytes = sharedBytes(netId, body, await keys.sign(sharedSignedBytes(netId, body)))
    try {
      await road.run(() => {
        const opened = openStatement(hood, decodeEnvelope(bytes), bytes)
        // where the key of this node does not act yet in this epoch, it waits for the next
        if (opened?.checks.every(({ key, message, signature }) => verifySignature(key, message, signature)) === false)
          throw new WebxError('retired-key', 'the key of this node does not act in this epoch')
        waiting.isSent = true
        if (opened) this.#agreement.act((neighborhood, nowMs) => neighborhood.step(opened.event, nowMs))
        return { emit: [{ topic: topics.shared, bytes }] }
      })
    } catch (error) {
      const { code } = asWebxError(error)
      this.#context.counters.count(`shared.unsent.${code}`)
      // a sequence that was overtaken never comes again; everything else may be different when it is ordered
      if (code === 'wrong-sequence' || (!waiting.isSent && REFUSALS.has(code))) this.#end(waiting, refused(code))
    }
  }

  /** True where nothing is left to be sent: it is known what has become of it, or it is too old to be signed anew. */
  #isOver(waiting: Waiting): boolean {
    try {
      const past = this.#pastOf(waiting.change)
      if (past) this.#end(waiting, past)
      else if (this.#agreement.hood.term.opening.epoch <= waiting.change.epoch + 1) return false
      else this.#end(waiting, new WebxError('expired', 'two epochs have gone by', { hint: LOOK }))
    } catch (error) {
      this.#end(waiting, asWebxError(error))
    }
    return true
  }
}

const LOOK = 'Look at the object: it may have been applied, as far as this node can tell.'

/** Why a change was refused that was never sent. */
const REFUSALS: ReadonlySet<Code> = new Set(['not-allowed', 'unknown-object', 'unknown-owner', 'limit'])

const REASONS: Readonly<Partial<Record<Code, readonly [message: string, hint: string]>>> = {
  'wrong-sequence': ['somebody else has written the object first', 'Read it again, and write what follows it now.'],
  'not-allowed': ['this identity does not write this object', 'Its rule names who does: webx shared read.'],
  'unknown-object': ['there is no such shared object at this home', 'webx shared list shows all of them.'],
  'unknown-owner': [
    'this identity was not known to the neighborhood when the epoch began',
    'Only who was may begin an object; others write it once a rule names them.',
  ],
  limit: ['this home takes no more of this in this epoch', 'Wait for the next epoch, or use an object that is there.'],
}

function refused(code: Code): WebxError {
  const [message, hint] = REASONS[code] ?? ['the neighborhood has refused this change', '']
  return new WebxError(code, message, { hint })
}

function notYet(): WebxError {
  return new WebxError('not-settled', 'the change is not final yet', {
    hint: 'It is kept and sent until it is: do not ask again, look at the object later.',
  })
}

function nameOf(change: SharedChange): string {
  return toHex(markOf(change))
}

function writeOf(change: SharedChange): Write {
  return { space: WISHES, key: change.idem, value: sharedBody(change) }
}

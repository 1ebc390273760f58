/**
 * Witnesses recoveries: notes when this member saw one settled, says so when the delay is over, and hands in the order that puts it in force once a quorum has said so.
 *
 * Here, and nowhere in a vote, a clock is read. When a recovery was first seen is stored by the commit that settles it, and is never told anew: whatever the clock of
 * this member does later, it says of itself only what it stored then and what it reads now. What it says it repeats every minute until the recovery is decided, since
 * messages are lost and nobody stores what others say.
 */

import { orderBody, orderBytes, provingOrderEnvelope, readOrder } from '../consensus/order.ts'
import { equal, toHex } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import { decodeEnvelope, type Envelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Agreed } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Decision, Lane, Message } from '../kernel/lane.ts'
import type { Signer, Write } from '../kernel/ports.ts'
import { type ReadEvent, readSettling } from '../ledger/keylog-node.ts'
import type { OpenRecovery, Recoveries } from '../ledger/keylog-recovery.ts'
import {
  encodeWitnesses,
  isDue,
  type Witness,
  weightOfWitnesses,
  witnessCheck,
  witnessMessage,
} from '../ledger/keylog-witness.ts'
import { operationOf } from '../ledger/rules.ts'
import type { StateReader } from '../ledger/terms.ts'
import { readWitnessStatement, type WitnessStatement, witnessStatement } from './witness-statement.ts'

const SPACE = 'witness'
/** How long a member waits for each seat before its own to hand in what all of them have. */
const RANK_STEP_MS = 250
const TURN_MS_MIN = 100

/** What witnessing needs. */
export interface WitnessingParts {
  readonly agreed: Agreed
  readonly recoveries: Recoveries
  readonly seat: number
  /** Signs with the key that the genesis names for the seat: recoveries are witnessed by the founders. */
  readonly signer: Signer
}

/** A recovery that waits, as this member watches it. */
interface Watched {
  readonly identity: Uint8Array
  readonly digest: Uint8Array
  readonly firstSeenMs: number
  /** 0 until what the recovery hangs on is settled here too. */
  delayMs: number
  /** By seat: all of them say that the delay is over. */
  readonly witnesses: Map<number, Witness>
  /** By the clock that never jumps. */
  sayAgainMs: number
  handInAgainMs: number
}

export class Witnessing implements Service, Lane {
  readonly types: readonly number[] = [TYPE.witness]
  readonly #context: Context
  readonly #parts: WitnessingParts
  readonly #objects: StateReader
  /** By digest in hexadecimal; as many as there are objects to settle them in. */
  readonly #watched = new Map<string, Watched>()
  #cancelTurn = (): void => {}
  #unhear = (): void => {}
  #stopped = false

  constructor(context: Context, parts: WitnessingParts) {
    this.#context = context
    this.#parts = parts
    this.#objects = { stateOf: (oid) => parts.agreed.register.object(oid)?.state ?? null }
    context.road.lay(this)
    parts.agreed.onSettling(({ order }) => this.#note(order))
  }

  async start(): Promise<void> {
    const { store, events, link, topics } = this.#context
    for (const { key, value } of store.scan(SPACE)) this.#watch(key, value)
    this.#unhear = events.on('settled', ({ order }) => this.#onSettled(readOrder(decodeEnvelope(order))))
    await link.subscribe(topics.committee(this.#parts.recoveries.jury.cid, 'witness'))
    this.#arm()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#unhear()
    this.#cancelTurn()
  }

  topicOf(envelope: Envelope): string {
    return this.#context.topics.ofStatement(envelope)
  }

  checks({ envelope }: Message): readonly SignatureCheck[] | null {
    const statement = readWitnessStatement(envelope, this.#parts.recoveries.jury.cid)
    const watched = this.#watchedOf(statement)
    if (!watched || watched.delayMs === 0 || watched.witnesses.has(statement.witness.seat)) return null
    if (!isDue(statement.witness, watched.delayMs)) {
      throw new WebxError('not-yet-valid', 'a witness signed before the delay of the recovery was over')
    }
    return [witnessCheck(this.#parts.recoveries.jury, statement.recovery, statement.witness)]
  }

  decide({ envelope }: Message): Decision | null {
    const statement = readWitnessStatement(envelope, this.#parts.recoveries.jury.cid)
    const watched = this.#watchedOf(statement)
    if (!watched) return null
    const { seat, firstSeenMs, nowMs, signature } = statement.witness
    watched.witnesses.set(seat, { seat, firstSeenMs, nowMs, signature: signature.slice() })
    this.#handInSoon(watched)
    return null
  }

  #watchedOf({ identity, recovery }: Pick<WitnessStatement, 'identity' | 'recovery'>): Watched | null {
    const watched = this.#watched.get(toHex(recovery))
    return watched && equal(watched.identity, identity) ? watched : null
  }

  /** An order is settled in this turn: a recovery that begins to wait is noted, one that is decided is forgotten, by the same commit. */
  #note(order: Parameters<typeof decided>[0]): readonly Write[] {
    const ended = decided(order)
    if (ended) return [{ space: SPACE, key: ended, value: null }]
    const begun = recoveryIn(order)
    if (!begun) return []
    const { id } = begun.event
    const delayMs = this.#openOf(id, begun.digest)?.delayMs ?? 0
    const value = encode([id, this.#context.clock.nowMs(), delayMs])
    return [{ space: SPACE, key: begun.digest, value }]
  }

  #onSettled(order: Parameters<typeof decided>[0]): void {
    const ended = decided(order)
    if (ended) this.#watched.delete(toHex(ended))
    const begun = recoveryIn(order)
    const value = begun && this.#context.store.get(SPACE, begun.digest)
    if (!value) return
    this.#watch(begun.digest, value)
    this.#context.counters.count('recovery.seen')
    this.#arm()
  }

  #watch(digest: Uint8Array, value: Uint8Array): void {
    const fields = Fields.of('recovery seen', value)
    const watched = {
      ...{ identity: fields.bytes('identity', 32), digest: digest.slice() },
      ...{ firstSeenMs: fields.uint('firstSeenMs'), delayMs: fields.uint('delayMs') },
      ...{ witnesses: new Map<number, Witness>(), sayAgainMs: 0, handInAgainMs: 0 },
    }
    fields.end()
    this.#watched.set(toHex(digest), watched)
  }

  #openOf(identity: Uint8Array, digest: Uint8Array): OpenRecovery | null {
    const open = this.#parts.recoveries.openOf(identity, this.#objects)
    return open.find((each) => equal(each.digest, digest)) ?? null
  }

  /** Next turn when the first delay ends or the first word is due again; within a minute, since the clock may be set meanwhile. */
  #arm(): void {
    this.#cancelTurn()
    if (this.#watched.size === 0 || this.#stopped) return
    let waitMs: number = LIMITS.witnessIntervalMs
    for (const watched of this.#watched.values()) waitMs = Math.min(waitMs, this.#waitOf(watched))
    const run = (): Promise<void> => this.#turn().finally(() => this.#arm())
    this.#cancelTurn = this.#context.schedule.after(Math.max(waitMs, TURN_MS_MIN), 'witness recoveries', run)
  }

  #waitOf({ firstSeenMs, delayMs, sayAgainMs }: Watched): number {
    const { clock } = this.#context
    return Math.max(firstSeenMs + delayMs - clock.nowMs(), sayAgainMs - clock.monotonicMs())
  }

  async #turn(): Promise<void> {
    const due = [...this.#watched.values()].filter((watched) => this.#waitOf(watched) <= 0)
    for (const watched of due.slice(0, LIMITS.witnessesPerTurnMax)) await this.#say(watched)
  }

  async #say(watched: Watched): Promise<void> {
    const { clock, road, topics, counters } = this.#context
    const { recoveries, seat, signer } = this.#parts
    const { identity, digest: recovery, firstSeenMs } = watched
    watched.sayAgainMs = clock.monotonicMs() + LIMITS.witnessIntervalMs
    const open = this.#openOf(identity, recovery)
    if (!open) return this.#forgetEnded(watched)
    if (watched.delayMs === 0) {
      watched.delayMs = open.delayMs
      watched.sayAgainMs = 0
      return
    }
    const times = { firstSeenMs, nowMs: Math.max(firstSeenMs, clock.nowMs()) }
    const signature = await signer.sign(witnessMessage(recoveries.jury.cid, recovery, times))
    const witness = { seat, ...times, signature }
    watched.witnesses.set(seat, witness)
    counters.count('recovery.witnessed')
    const bytes = witnessStatement(recoveries.jury.cid, { identity, recovery, witness })
    await road.run(() => ({ emit: [{ topic: topics.committee(recoveries.jury.cid, 'witness'), bytes }] }))
    this.#handInSoon(watched)
  }

  /** Keys of a higher rank have ended it, unless what it hangs on is not settled here yet. */
  async #forgetEnded({ identity, digest }: Watched): Promise<void> {
    if (!this.#parts.recoveries.enforcing({ identity, recovery: digest }, this.#objects)) return
    this.#watched.delete(toHex(digest))
    await this.#context.road.run(() => ({ writes: [{ space: SPACE, key: digest, value: null }] }))
  }

  /** The lowest seat first: what a quorum has witnessed need not be handed in by all of it. */
  #handInSoon(watched: Watched): void {
    const { clock, schedule } = this.#context
    const { recoveries, seat } = this.#parts
    const { jury } = recoveries
    if (weightOfWitnesses(jury, watched.witnesses.values()) < jury.quorum) return
    if (clock.monotonicMs() < watched.handInAgainMs) return
    watched.handInAgainMs = clock.monotonicMs() + LIMITS.witnessIntervalMs
    schedule.after(seat * RANK_STEP_MS, 'put a recovery in force', () => this.#handIn(watched))
  }

  #handIn({ identity, digest, witnesses }: Watched): Promise<void> {
    const { road, topics, netId, counters } = this.#context
    const { agreed, recoveries } = this.#parts
    return road.run(() => {
      const terms = { identity, recovery: digest }
      const fields = this.#openOf(identity, digest) && recoveries.enforcing(terms, this.#objects)
      if (!fields) return null
      const shown = encodeWitnesses([...witnesses.values()])
      const order = readOrder(provingOrderEnvelope(netId, orderBody(fields), shown))
      counters.count('recovery.handed-in')
      agreed.submit(order)
      return { emit: [{ topic: topics.order, bytes: orderBytes(order) }] }
    })
  }
}

/** The recovery that an order settles, or null. */
function recoveryIn(order: Pick<ReturnType<typeof readOrder>, 'op' | 'attached'>): ReadEvent | null {
  if (operationOf(order).kind !== 'key-event') return null
  const read = readSettling(order.attached)
  return read.event.event === 'recovery' ? read : null
}

/** Digest of the recovery that an order decides about, or null. */
function decided(order: Pick<ReturnType<typeof readOrder>, 'op' | 'attached'>): Uint8Array | null {
  const operation = operationOf(order)
  if (operation.kind === 'enforce') return operation.recovery
  if (operation.kind !== 'key-event') return null
  const { event } = readSettling(order.attached)
  return event.event === 'veto' ? event.previous : null
}

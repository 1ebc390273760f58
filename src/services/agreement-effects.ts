/**
 * What becomes of the effects of a neighborhood at this node: statements that are sent now, or later unless somebody else does, events, counters and log lines.
 */

import type { Effect } from '../consensus/effects.ts'
import type { NeighborhoodEffect } from '../consensus/neighborhood-effects.ts'
import { type Order, orderBytes } from '../consensus/order.ts'
import type { SharedOutcome } from '../consensus/shared/book.ts'
import type { SimplexEffect } from '../consensus/simplex/effects.ts'
import { toHex } from '../core/bytes.ts'
import { decodeEnvelope, TYPE } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import type { Settling } from '../kernel/agreed.ts'
import type { Context } from '../kernel/context.ts'
import { Later } from '../kernel/later.ts'
import type { Outgoing } from '../kernel/road.ts'
import { bytesName, handOverName, proofName, slotName } from './agreement-names.ts'

/** How long a member waits for each member before it to publish what all of them hold. */
const RANK_STEP_MS = 250
/** Certificates are needed only where no settlement follows soon. */
const CERTIFICATE_PATIENCE_MS = 1_000
const NEED_PATIENCE_MS = 2_000

/** What a reporter asks of the agreement that it serves. */
export interface Hooks {
  /** The owner of this order became known: its signature can be checked. */
  readonly verify: (order: Order) => void
  /** Whether versions of an object are still lacking. */
  readonly lacks: (oid: Uint8Array, fromVersion: number) => boolean
  readonly need: (oid: Uint8Array, fromVersion: number) => Outgoing | null
}

export class Reporter {
  readonly later: Later
  readonly #context: Context
  readonly #hooks: Hooks
  readonly #lacking = new Set<string>()

  constructor(context: Context, hooks: Hooks) {
    this.#context = context
    this.#hooks = hooks
    this.later = new Later(context)
  }

  /** What is sent as soon as the turn is stored. */
  outgoing(effect: NeighborhoodEffect): Outgoing[] {
    const statement = statementOf(effect)
    return statement && statement.delayMs === 0 ? [this.#statement(statement.bytes)] : []
  }

  /** Everything else, once the turn is stored. */
  apply(effect: NeighborhoodEffect): void {
    const statement = statementOf(effect)
    if (statement) {
      const { name, delayMs, bytes } = statement
      if (delayMs > 0) this.later.publish(name, delayMs, () => this.#statement(bytes))
      return
    }
    const { counters, events, log } = this.#context
    switch (effect.kind) {
      case 'register':
        this.#applyRegister(effect.effect)
        return
      case 'block':
        this.#applyBlocks(effect.effect)
        return
      case 'epoch': {
        const { opening, committee } = effect
        log.info({ epoch: opening.epoch, seats: committee.seats.length }, 'another epoch has begun')
        counters.count('epochs')
        const members = opening.roster.map(({ id }) => id)
        events.emit('epoch', { epoch: opening.epoch, members, seats: committee.seats.map(({ memberId }) => memberId) })
        return
      }
      case 'convicted':
        log.warn({ guilty: toHex(effect.id) }, 'a member was convicted and leaves with this epoch')
        counters.count('convicted')
        events.emit('convicted', { guilty: effect.id })
        return
      case 'shared':
        this.#applyShared(effect.outcome)
    }
  }

  #statement(bytes: Uint8Array): Outgoing {
    return { topic: this.#context.topics.ofStatement(decodeEnvelope(bytes)), bytes }
  }

  #applyRegister(effect: Effect): void {
    const { events, counters } = this.#context
    switch (effect.kind) {
      case 'certified':
        counters.count('certified')
        events.emit('certified', { orderDigest: effect.order.od })
        return
      case 'settled': {
        counters.count('settled')
        const { order, settlement, locks, confirms } = effect
        events.emit('settled', { order: orderBytes(order), settlement, orderDigest: order.od, locks, confirms })
        return
      }
      case 'settled-by-chain': {
        counters.count('settled-by-chain')
        const { order } = effect
        if (!order) return
        const settlement = new Uint8Array(0)
        events.emit('settled', { order: orderBytes(order), settlement, orderDigest: order.od, locks: 0, confirms: 0 })
        return
      }
      case 'evidence':
        this.#applyEvidence(effect)
        return
      case 'refused':
      case 'parked':
        counters.count(`order.${effect.kind}.${effect.code}`)
        events.emit(effect.kind, { orderDigest: effect.od, code: effect.code })
        return
      case 'duplicity':
        counters.count('duplicity')
        events.emit('duplicity', { one: effect.one.attached, other: effect.other.attached })
        return
      case 'need':
        this.#needLater(effect.oid, effect.fromVersion)
        return
      case 'verify':
        this.#hooks.verify(effect.order)
        return
      case 'log-lost':
        this.#logLost({ sequence: effect.sequence })
        return
      default:
        counters.count(`register.${effect.kind}`)
    }
  }

  #applyShared({ oid, writer, code, sequence, isWord, bytes }: SharedOutcome): void {
    const { events, counters } = this.#context
    counters.count(code === null ? 'shared.applied' : `shared.refused.${code}`)
    if (code === null) events.emit('shared', { oid, writer, sequence, isWord, bytes })
    else events.emit('shared-refused', { oid, writer, code })
  }

  #applyBlocks(effect: SimplexEffect): void {
    if (effect.kind === 'final') this.#context.counters.count('blocks')
    if (effect.kind === 'evidence') this.#applyEvidence(effect)
    if (effect.kind === 'log-lost') this.#logLost({ slot: effect.slot })
  }

  #applyEvidence({ guilty, of, bytes }: Extract<Effect | SimplexEffect, { kind: 'evidence' }>): void {
    const { counters, log, events } = this.#context
    counters.count('evidence')
    log.warn({ guilty: toHex(guilty), kind: of }, 'somebody signed what the rules forbid')
    events.emit('evidence', { guilty, kind: of, bytes })
  }

  #logLost(place: Record<string, unknown>): void {
    const { log, counters } = this.#context
    log.error(place, 'the network shows a vote of ours that our log lacks: abstaining for this epoch')
    counters.count('abstaining')
  }

  /** What is lacking is mostly on its way: asks only for what has not come a little later. */
  #needLater(oid: Uint8Array, fromVersion: number): void {
    const { schedule, road } = this.#context
    const name = toHex(oid)
    if (this.#lacking.has(name) || this.#lacking.size >= LIMITS.openSlotsMax) return
    this.#lacking.add(name)
    schedule.after(NEED_PATIENCE_MS, 'need', async () => {
      this.#lacking.delete(name)
      if (!this.#hooks.lacks(oid, fromVersion)) return
      const outgoing = this.#hooks.need(oid, fromVersion)
      if (outgoing) await road.run(() => ({ emit: [outgoing] }))
    })
  }
}

interface Statement {
  readonly bytes: Uint8Array
  /** 0: now. */
  readonly delayMs: number
  /** What others may say in its place goes by the same name. */
  readonly name: string
}

/** What an effect wants sent; null where it wants something else. */
function statementOf(effect: NeighborhoodEffect): Statement | null {
  if (effect.kind === 'say') {
    const { bytes, rank, what } = effect
    const name = what === 'hand-over' ? handOverName(decodeEnvelope(bytes).scope) : bytesName(bytes)
    return { bytes, delayMs: rank * RANK_STEP_MS, name }
  }
  if (effect.kind === 'block' && effect.effect.kind === 'publish') {
    const { bytes, rank, what } = effect.effect
    const name = what === 'certificate' ? proofName(bytes) : bytesName(bytes)
    return { bytes, delayMs: rank * RANK_STEP_MS, name }
  }
  if (effect.kind !== 'register' || effect.effect.kind !== 'publish') return null
  const { bytes, rank, what, oid, version } = effect.effect
  const patienceMs = what === 'certificate' ? CERTIFICATE_PATIENCE_MS : 0
  const isProof = what === 'certificate' || what === 'settlement'
  const name = isProof && oid ? slotName(TYPE[what], oid, version) : bytesName(bytes)
  return { bytes, delayMs: patienceMs + rank * RANK_STEP_MS, name }
}

/** What is applied without a promise that it is kept here: it follows from other members' words, and they have those on their disks. */
const UNPROMISED: readonly Effect['kind'][] = ['certified', 'settled', 'strong', 'refused', 'parked', 'need']

/** True where nothing of an effect promises that what it comes of is on this node's disk. */
export function promisesNothing(effect: NeighborhoodEffect): boolean {
  if (effect.kind !== 'register') return false
  const { effect: inner } = effect
  if (inner.kind === 'publish') return inner.what === 'certificate' || inner.what === 'settlement'
  return UNPROMISED.includes(inner.kind)
}

/** An order that is settled with this effect. */
export function settlingOf(effect: NeighborhoodEffect): Settling | null {
  if (effect.kind !== 'register') return null
  if (effect.effect.kind === 'settled') return effect.effect
  if (effect.effect.kind !== 'settled-by-chain' || !effect.effect.order) return null
  return { order: effect.effect.order, settlement: new Uint8Array(0), locks: 0, confirms: 0 }
}

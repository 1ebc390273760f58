/**
 * A member whose engine is the register lane alone, in one epoch: with signatures first, and no vote before a quorum has said that the own vote log is whole
 * (`services/recovery.ts`). Frames carry no signatures here: who lies about them is scripted (`liars.ts`).
 */

import type { Effect, Event, Records, Write } from '../../src/consensus/effects.ts'
import { type Order, orderMessage } from '../../src/consensus/order.ts'
import { createRegister, type Register } from '../../src/consensus/register.ts'
import { headerCheck, readHeader, type SignedHeader, type VoteBatch } from '../../src/consensus/statement.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { TYPE } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import { Fields } from '../../src/core/shape.ts'
import type { ObjectState } from '../../src/ledger/account.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import { Around, proofName } from './around.ts'
import type { Machine, MachineOptions, Notice, Turn } from './machine.ts'
import { frame, saidBy, saidName } from './said.ts'
import type { Stage } from './stage.ts'

const RANK_STEP_MS = 250
const CERTIFICATE_PATIENCE_MS = 1_000
const TICK_MS = 500
const ASK_MS = 500
const SEEN_BATCH = 'seen-batch'

export class RegisterMachine implements Machine {
  readonly home: string
  readonly register: Register<ObjectState>
  readonly #stage: Stage
  readonly #seat: number
  readonly #life: number
  readonly #around: Around
  readonly #highest = new Map<number, SignedHeader>()
  readonly #unsaved = new Set<number>()
  readonly #answered = new Set<number>()
  #notices: Notice[] = []
  #voting: boolean
  #tickAtMs = 0
  #askAtMs = 0

  constructor(stage: Stage, seat: number, records: Records, { recovers, life }: MachineOptions) {
    const { committee, world } = stage
    this.#stage = stage
    this.#seat = seat
    this.#life = life
    this.home = toHex(committee.nid)
    this.register = createRegister({ committee, seat, rules: createLedgerRules(world.genesis), records })
    this.#around = new Around(seat, committee.seats.length, () => this.register)
    this.#voting = !recovers
    this.#answered.add(seat)
    for (const { key, value } of records.scan(SEEN_BATCH)) {
      this.#highest.set(key[0] as number, this.#readHeader(decode(value)))
    }
  }

  receive(bytes: Uint8Array, nowMs: number): void {
    const said = saidBy(bytes, this.#stage)
    switch (said.kind) {
      case 'rubbish':
        throw said.error
      case 'frame':
        this.#onFrame(said.fields, nowMs)
        return
      case 'order':
        this.#around.heard(saidName(bytes))
        this.#onOrder(said.order, nowMs)
        return
      case 'votes':
        if (!said.signed) throw new WebxError('bad-signature', 'a batch that its seat never signed')
        this.#noteHeader(said.batch)
        this.#step({ kind: 'votes', batch: said.batch }, nowMs)
        return
      case 'certificate': {
        const { certificate, type } = said
        const checks = this.register.checksFor(certificate)
        if (checks && !checks.every((check) => this.#stage.holds(check))) {
          throw new WebxError('bad-signature', 'a proof with a vote that its seat never signed')
        }
        this.#around.heardProof(type, certificate.oid, certificate.version)
        if (checks) this.#step({ kind: 'certificate', certificate, bytes }, nowMs)
        return
      }
      case 'evidence':
        this.#around.heard(saidName(bytes))
    }
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#tickAtMs) {
      this.#tickAtMs = nowMs + TICK_MS
      this.#step({ kind: 'tick' }, nowMs)
    }
    if (!this.#voting && nowMs >= this.#askAtMs) {
      this.#askAtMs = nowMs + ASK_MS
      this.#around.say(frame(TYPE.batchQuery, this.#seat, this.#life))
      this.#enough()
    }
    this.#around.tick(nowMs)
  }

  wakeAtMs(): number {
    const wakeMs = Math.min(this.#tickAtMs, this.#around.wakeAtMs())
    return this.#voting ? wakeMs : Math.min(wakeMs, this.#askAtMs)
  }

  end(nowMs: number): Turn {
    const batch = this.#voting ? this.register.nextBatch() : null
    if (batch) this.#apply(this.register.sealBatch(this.#stage.sign(this.#seat, batch.message)), nowMs)
    const writes: Write[] = this.register.flush()
    for (const seat of this.#unsaved) {
      const value = encode(headerFields(this.#highest.get(seat) as SignedHeader))
      writes.push({ space: SEEN_BATCH, key: Uint8Array.of(seat), value })
    }
    this.#unsaved.clear()
    const turn = { writes, publish: this.#around.take(), notices: this.#notices }
    this.#notices = []
    return turn
  }

  #onOrder(order: Order, nowMs: number): void {
    const owner = this.register.keyOf(order)
    if (owner?.key) {
      const check = { key: owner.key, message: orderMessage(order), signature: order.envelope.signature }
      if (!this.#stage.holds(check)) throw new WebxError('bad-signature', 'an order that its owner never signed')
    }
    this.#step({ kind: 'order', order, verified: owner !== null }, nowMs)
  }

  #onFrame(fields: readonly Cbor[], nowMs: number): void {
    const [kind, from, ...rest] = fields as [number, number, ...Cbor[]]
    switch (kind) {
      case TYPE.need:
        this.#step({ kind: 'need', oid: rest[0] as Uint8Array, fromVersion: rest[1] as number }, nowMs)
        return
      case TYPE.batchQuery: {
        const header = this.#highest.get(from)
        const shown = header ? headerFields(header) : []
        this.#around.say(frame(TYPE.batchAnswer, this.#seat, rest[0] as number, shown), from)
        return
      }
      case TYPE.batchAnswer:
        if (!this.#voting && rest[0] === this.#life) this.#onAnswer(from, rest[1] as Cbor[])
        return
      default:
        this.#around.onFrame(kind, from, rest, nowMs)
    }
  }

  /** Somebody shows the newest batch that it has seen of this seat. */
  #onAnswer(from: number, shown: readonly Cbor[]): void {
    if (shown.length > 0) {
      const header = this.#readHeader(shown as Cbor)
      if (header.seat !== this.#seat || !this.#stage.holds(headerCheck(this.#stage.committee, header))) {
        throw new WebxError('bad-signature', 'a batch was shown that this node never signed')
      }
      const own = this.register.highestBatch()
      const isOwn = header.sequence < own.sequence || (header.sequence === own.sequence && equal(header.root, own.root))
      if (!isOwn && !this.register.abstaining) {
        this.register.abstain()
        this.#notices.push({ kind: 'abstains' })
      }
    }
    this.#answered.add(from)
    this.#enough()
  }

  #enough(): void {
    if (this.#answered.size >= this.#stage.quorum) this.#voting = true
  }

  #noteHeader(batch: VoteBatch): void {
    const known = this.#highest.get(batch.seat)
    if (batch.seat === this.#seat || (known && known.sequence >= batch.sequence)) return
    this.#highest.set(batch.seat, batch)
    this.#unsaved.add(batch.seat)
  }

  #readHeader(value: Cbor): SignedHeader {
    const fields = new Fields('header', value)
    return { ...readHeader(fields, this.#stage.committee), signature: fields.bytes('signature', 64) }
  }

  #step(event: Event, nowMs: number): void {
    this.#apply(this.register.step(event, nowMs), nowMs)
  }

  #apply(effects: readonly Effect[], nowMs: number): void {
    for (const effect of effects) {
      if (effect.kind === 'verify') this.#verify(effect.order, nowMs)
      else if (effect.kind === 'log-lost') this.#notices.push({ kind: 'abstains' })
      else applyAround(effect, this.#around, this.#notices, nowMs, this.register)
    }
  }

  /** An order that waited for its owner's key: refused without a word where the signature does not hold. */
  #verify(order: Order, nowMs: number): void {
    try {
      this.#onOrder(order, nowMs)
    } catch (error) {
      if (!(error instanceof WebxError) || error.fault === 'ours') throw error
    }
  }
}

/** What becomes of a register's effect, whoever drives it. */
export function applyAround(
  effect: Effect,
  around: Around,
  notices: Notice[],
  nowMs: number,
  register: Pick<Register<ObjectState>, 'proofOf'>,
): void {
  switch (effect.kind) {
    case 'publish': {
      const delayMs = effect.rank * RANK_STEP_MS + (effect.what === 'certificate' ? CERTIFICATE_PATIENCE_MS : 0)
      if (delayMs === 0) around.say(effect.bytes)
      else around.sayLater(laterName(effect), nowMs + delayMs, effect.bytes)
      return
    }
    case 'need':
      around.lacks(effect.oid, effect.fromVersion, nowMs)
      return
    case 'settled':
      around.heardProof(TYPE.certificate, effect.order.oid, effect.order.version)
      notices.push(effect)
      return
    case 'certified': {
      const { oid, version } = effect.order
      notices.push({ ...effect, proof: register.proofOf(oid, version)?.bytes ?? null })
      return
    }
    case 'strong':
    case 'evidence':
      notices.push(effect)
  }
}

/** What is said later, and what others may say before, have one name. */
function laterName({ what, bytes, oid, version }: Extract<Effect, { kind: 'publish' }>): string {
  if (what === 'certificate') return proofName(TYPE.certificate, oid as Uint8Array, version)
  if (what === 'settlement') return proofName(TYPE.settlement, oid as Uint8Array, version)
  return saidName(bytes)
}

function headerFields({ seat, sequence, previousRoot, count, root, signature }: SignedHeader): Cbor[] {
  return [seat, sequence, previousRoot, count, root, signature]
}

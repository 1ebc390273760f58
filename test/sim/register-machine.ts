/**
 * A member whose engine is the register lane, with what `services/agreement`, `catchup` and `recovery` do around it.
 *
 * Kept from them: signatures first; ranks and who stays silent; patience before asking; summaries of settled heads; no vote before a quorum has said that the own vote
 * log is whole. Frames carry no signatures here: who lies about them is scripted (`liars.ts`).
 */

import type { Effect, Event, Records, Write } from '../../src/consensus/effects.ts'
import { keyOf, slotName } from '../../src/consensus/key.ts'
import { type Order, orderMessage } from '../../src/consensus/order.ts'
import { createRegister, type Register } from '../../src/consensus/register.ts'
import { headerCheck, readHeader, type SignedHeader, type VoteBatch } from '../../src/consensus/statement.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { decode, encode } from '../../src/core/codec.ts'
import { TYPE } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { Fields } from '../../src/core/shape.ts'
import type { ObjectState } from '../../src/ledger/account.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import type { Machine, MachineOptions, Notice, Publication, Turn } from './machine.ts'
import { frame, saidBy } from './said.ts'
import type { Stage } from './stage.ts'

const RANK_STEP_MS = 250
const CERTIFICATE_PATIENCE_MS = 1_000
const NEED_PATIENCE_MS = 2_000
const TICK_MS = 500
const ASK_MS = 500
const SUMMARY_MS_MIN = 1_000
const SUMMARY_MS_MAX = 15_000
const RESPONDERS = 4
const SEEN_BATCH = 'seen-batch'

interface Later {
  readonly atMs: number
  readonly bytes: Uint8Array
}

export class RegisterMachine implements Machine {
  readonly register: Register<ObjectState>
  readonly #stage: Stage
  readonly #seat: number
  readonly #life: number
  readonly #later = new Map<string, Later>()
  readonly #lacking = new Map<string, { readonly atMs: number; readonly oid: Uint8Array; readonly from: number }>()
  readonly #askedMs = new Map<string, number>()
  readonly #highest = new Map<number, SignedHeader>()
  readonly #unsaved = new Set<number>()
  readonly #answered = new Set<number>()
  #publish: Publication[] = []
  #notices: Notice[] = []
  #voting: boolean
  #tickAtMs = 0
  #askAtMs = 0
  #summaryAtMs = 0
  #summaryMs = SUMMARY_MS_MIN
  #round = 0

  constructor(stage: Stage, seat: number, records: Records, { recovers, life }: MachineOptions) {
    this.#stage = stage
    this.#seat = seat
    this.#life = life
    this.register = createRegister({
      committee: stage.committee,
      seat,
      rules: createLedgerRules(stage.world.genesis),
      records,
    })
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
        this.#later.delete(`order ${keyOf(said.order.od)}`)
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
        this.#heardProof(type, certificate.oid, certificate.version)
        if (checks) this.#step({ kind: 'certificate', certificate, bytes }, nowMs)
        return
      }
      case 'evidence':
        this.#later.delete(`evidence ${keyOf(bytes)}`)
    }
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#tickAtMs) {
      this.#tickAtMs = nowMs + TICK_MS
      this.#step({ kind: 'tick' }, nowMs)
    }
    if (!this.#voting && nowMs >= this.#askAtMs) {
      this.#askAtMs = nowMs + ASK_MS
      this.#say(frame(TYPE.batchQuery, this.#seat, this.#life))
      this.#enough()
    }
    if (nowMs >= this.#summaryAtMs) {
      this.#summaryAtMs = nowMs + this.#summaryMs * (0.75 + (0.5 * ((this.#seat * 7) % 25)) / 25)
      this.#summaryMs = Math.min(2 * this.#summaryMs, SUMMARY_MS_MAX)
      this.#say(frame(TYPE.summary, this.#seat, this.#round++, this.register.summary()))
    }
    for (const [name, { atMs, bytes }] of this.#later) {
      if (atMs > nowMs) continue
      this.#later.delete(name)
      this.#say(bytes)
    }
    for (const [name, { atMs, oid, from }] of this.#lacking) {
      if (atMs > nowMs) continue
      this.#lacking.delete(name)
      if ((this.register.object(oid)?.settled ?? 0) < from) this.#need(oid, from, nowMs)
    }
  }

  wakeAtMs(): number {
    let wakeMs = Math.min(this.#tickAtMs, this.#summaryAtMs)
    if (!this.#voting) wakeMs = Math.min(wakeMs, this.#askAtMs)
    for (const { atMs } of this.#later.values()) if (atMs < wakeMs) wakeMs = atMs
    for (const { atMs } of this.#lacking.values()) if (atMs < wakeMs) wakeMs = atMs
    return wakeMs
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
    const turn = { writes, publish: this.#publish, notices: this.#notices }
    this.#publish = []
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
      case TYPE.summary:
        this.#onSummary(from, rest[0] as number, rest[1] as Uint8Array[])
        return
      case TYPE.heads: {
        const heads = (rest[0] as [Uint8Array, number][]).map(([oid, version]) => ({ oid, version }))
        const missing = this.register.missing(heads).slice(0, LIMITS.needsPerHeadsMax)
        if (missing.length > 0) this.#hasten(nowMs)
        for (const { oid, fromVersion } of missing) this.#need(oid, fromVersion, nowMs)
        return
      }
      case TYPE.batchQuery: {
        const header = this.#highest.get(from)
        this.#say(frame(TYPE.batchAnswer, this.#seat, rest[0] as number, header ? headerFields(header) : []), from)
        return
      }
      case TYPE.batchAnswer:
        if (!this.#voting && rest[0] === this.#life) this.#onAnswer(from, rest[1] as Cbor[])
    }
  }

  #onSummary(from: number, round: number, digests: readonly Uint8Array[]): void {
    const seats = this.#stage.committee.seats.length
    const distance = (this.#seat - ((from + round * RESPONDERS) % seats) + seats) % seats
    if (distance >= RESPONDERS) return
    const differing = [...this.register.summary().entries()].filter(
      ([i, mine]) => !equal(mine, digests[i] as Uint8Array),
    )
    const start = (2 * round) % Math.max(1, differing.length)
    for (const [bucket] of [...differing.slice(start), ...differing.slice(0, start)].slice(0, 2)) {
      const heads = this.register.heads(bucket, null, LIMITS.headsPerReplyMax)
      this.#say(
        frame(
          TYPE.heads,
          this.#seat,
          heads.map(({ oid, version }): Cbor => [oid, version]),
        ),
        from,
      )
    }
  }

  #hasten(nowMs: number): void {
    if (this.#summaryMs === SUMMARY_MS_MIN) return
    this.#summaryMs = SUMMARY_MS_MIN
    this.#summaryAtMs = Math.min(this.#summaryAtMs, nowMs + SUMMARY_MS_MIN)
  }

  /** Somebody shows the newest batch that it has seen of this seat. */
  #onAnswer(from: number, shown: readonly Cbor[]): void {
    if (shown.length > 0) {
      const header = this.#readHeader(shown as Cbor)
      if (header.seat !== this.#seat || !this.#stage.holds(headerCheck(this.#stage.committee, header))) {
        throw new WebxError('bad-signature', 'a batch was shown that this node never signed')
      }
      const own = this.register.highestBatch()
      const isKnown =
        header.sequence < own.sequence || (header.sequence === own.sequence && equal(header.root, own.root))
      if (!isKnown && !this.register.abstaining) {
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

  #need(oid: Uint8Array, fromVersion: number, nowMs: number): void {
    const name = keyOf(oid)
    if (nowMs - (this.#askedMs.get(name) ?? Number.NEGATIVE_INFINITY) < LIMITS.needIntervalMs) return
    this.#askedMs.set(name, nowMs)
    this.#say(frame(TYPE.need, this.#seat, oid, fromVersion))
  }

  #heardProof(type: number, oid: Uint8Array, version: number): void {
    const slot = slotName(keyOf(oid), version)
    this.#later.delete(`${type} ${slot}`)
    if (type === TYPE.settlement) this.#later.delete(`${TYPE.certificate} ${slot}`)
  }

  #step(event: Event, nowMs: number): void {
    this.#apply(this.register.step(event, nowMs), nowMs)
  }

  #apply(effects: readonly Effect[], nowMs: number): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'publish':
          this.#publishInTurn(effect, nowMs)
          break
        case 'need': {
          const name = toHex(effect.oid)
          const lack = { atMs: nowMs + NEED_PATIENCE_MS, oid: effect.oid, from: effect.fromVersion }
          if (!this.#lacking.has(name)) this.#lacking.set(name, lack)
          break
        }
        case 'verify':
          this.#verify(effect.order, nowMs)
          break
        case 'log-lost':
          this.#notices.push({ kind: 'abstains' })
          break
        case 'settled':
          this.#heardProof(TYPE.certificate, effect.order.oid, effect.order.version)
          this.#notices.push(effect)
          break
        case 'certified':
        case 'strong':
        case 'evidence':
          this.#notices.push(effect)
      }
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

  #publishInTurn(effect: Extract<Effect, { kind: 'publish' }>, nowMs: number): void {
    const { what, bytes, rank, oid, version } = effect
    const delayMs = rank * RANK_STEP_MS + (what === 'certificate' ? CERTIFICATE_PATIENCE_MS : 0)
    if (delayMs === 0) {
      this.#say(bytes)
      return
    }
    const name = laterName(effect, this.#stage, oid, version)
    if (!this.#later.has(name)) this.#later.set(name, { atMs: nowMs + delayMs, bytes })
  }

  #say(bytes: Uint8Array, to: number | null = null): void {
    this.#publish.push({ bytes, to })
  }
}

function laterName(
  { what, bytes }: Extract<Effect, { kind: 'publish' }>,
  stage: Stage,
  oid: Uint8Array | null,
  version: number,
): string {
  if (what === 'certificate' || what === 'settlement') {
    return `${what === 'certificate' ? TYPE.certificate : TYPE.settlement} ${slotName(keyOf(oid as Uint8Array), version)}`
  }
  const said = saidBy(bytes, stage)
  return said.kind === 'order' ? `order ${keyOf(said.order.od)}` : `${what} ${keyOf(bytes)}`
}

function headerFields({ seat, sequence, previousRoot, count, root, signature }: SignedHeader): Cbor[] {
  return [seat, sequence, previousRoot, count, root, signature]
}

/**
 * A node whose engine is the whole neighborhood: register lane, Simplex lane and the way from epoch to epoch. It holds the keys and answers what the engine asks.
 */

import { peekCertificate } from '../../src/consensus/certificate.ts'
import type { Records } from '../../src/consensus/effects.ts'
import type { Opening } from '../../src/consensus/epoch/opening.ts'
import type { Asked } from '../../src/consensus/epoch/voice.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { createNeighborhood, type Neighborhood } from '../../src/consensus/neighborhood.ts'
import type { NeighborhoodEffect, NeighborhoodEvent } from '../../src/consensus/neighborhood-effects.ts'
import { openStatement } from '../../src/consensus/neighborhood-open.ts'
import { type Order, orderBytes } from '../../src/consensus/order.ts'
import type { SimplexEffect } from '../../src/consensus/simplex/effects.ts'
import { toHex } from '../../src/core/bytes.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { TYPE } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import type { ObjectState } from '../../src/ledger/account.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import { vrfProve } from '../../src/proof/vrf.ts'
import { plainSeating } from '../consensus/hoods.ts'
import { bytesOf, type Person } from '../consensus/people.ts'
import { Around } from './around.ts'
import type { Machine, MachineOptions, Notice, Turn, Wish } from './machine.ts'
import { applyAround } from './register-machine.ts'
import { envelopeOf, frame, frameFields, saidName } from './said.ts'
import type { Stage } from './stage.ts'

const RANK_STEP_MS = 250
const TICK_MS = 500
/** What asks for a tick that changes nothing gets no other one before this. */
const TICK_MS_MIN = 10
/** Kinds of frames beside those of the register. */
const FRAME = { askBlock: 200, askEpoch: 201, chunk: 202 } as const

const proofs = new Map<string, Uint8Array>()
const PROOFS_MAX = 4_096

export class HoodMachine implements Machine {
  readonly hood: Neighborhood<ObjectState>
  readonly #stage: Stage
  readonly #number: number
  readonly #around: Around
  readonly #isTwin: boolean
  #notices: Notice[] = []
  #tickAtMs = 0
  /** Committee of the epoch that the effects under way belong to. */
  #cid: Uint8Array

  /** @param joined how the neighborhood began that this node takes part in beside the one that it belongs to; null for a node that goes where it belongs */
  constructor(
    stage: Stage,
    number: number,
    records: Records,
    { recovers, skipMs }: MachineOptions,
    joined: Opening | null = null,
  ) {
    this.#stage = stage
    this.#number = number
    this.#isTwin = !recovers
    this.hood = createNeighborhood({
      anchor: joined ?? stage.anchor,
      staysHome: joined !== null,
      kin: (nid) => (this.#isTwin ? stage.forgedKinOf(nid) : stage.kinOf(nid)),
      memberId: (stage.people[number] as Person).id,
      rules: (nid) => createLedgerRules(stage.world.genesis, stage.settlements, nid),
      epochRules: plainSeating(stage.world.members.length, stage.halfMin, stage.lending),
      records,
      timing: { skipMs },
    })
    this.#cid = this.hood.term.committee.cid
    this.#around = new Around(number, stage.people.length, () => this.hood.register)
    this.#around.home = this.home
  }

  get home(): string {
    return toHex(this.hood.term.opening.nid)
  }

  hears(home: string): boolean {
    return home === this.home || home === toHex(this.hood.standing.nid)
  }

  receive(bytes: Uint8Array, nowMs: number): void {
    const fields = frameFields(bytes)
    if (fields) {
      this.#onFrame(fields, nowMs)
      return
    }
    const envelope = envelopeOf(bytes)
    this.#around.heard(saidName(bytes))
    if (envelope.type === TYPE.certificate || envelope.type === TYPE.settlement) {
      const { oid, version } = peekCertificate(envelope)
      this.#around.heardProof(envelope.type, oid, version)
    }
    let opened: ReturnType<typeof openStatement>
    try {
      opened = openStatement(this.hood, envelope, bytes)
    } catch (error) {
      if (error instanceof WebxError && error.code === 'wrong-epoch')
        this.#apply(this.hood.hearUnknownEpoch(nowMs), nowMs)
      throw error
    }
    if (!opened || (this.#isTwin && this.#isOfTwin(opened.event))) return
    if (!opened.checks.every((check) => this.#stage.holds(check))) {
      throw new WebxError('bad-signature', 'a statement that nobody signed')
    }
    this.#apply(this.hood.step(opened.event, nowMs), nowMs)
  }

  tick(nowMs: number): void {
    this.#tickAtMs = nowMs + TICK_MS
    this.#apply(this.hood.tick(nowMs), nowMs)
    this.#around.tick(nowMs)
  }

  wish(wish: Wish): void {
    const nowMs = this.#tickAtMs - TICK_MS
    if (wish.kind === 'turn') this.#apply(this.hood.wantTurn(), nowMs)
    else if (wish.kind === 'leave' && this.hood.isMember) this.#apply(this.hood.declare({ kind: 'leave' }), nowMs)
    else if (wish.kind === 'suspect')
      this.#apply(this.hood.suspect((this.#stage.people[wish.of] as Person).id, true), nowMs)
  }

  wakeAtMs(): number {
    const soonestMs = this.#tickAtMs - TICK_MS + TICK_MS_MIN
    const hoodMs = Math.max(soonestMs, this.hood.wakeAtMs() ?? Number.POSITIVE_INFINITY)
    return Math.min(this.#tickAtMs, this.#around.wakeAtMs(), hoodMs)
  }

  end(nowMs: number): Turn {
    for (let asked = this.hood.nextSigning(); asked; asked = this.hood.nextSigning()) {
      this.#apply(this.hood.seal(this.#answer(asked)), nowMs)
    }
    const turn = { writes: this.hood.flush(), publish: this.#around.take(), notices: this.#notices }
    this.#notices = []
    return turn
  }

  #answer(asked: Asked): Uint8Array {
    const { people } = this.#stage
    const { id, publicKey } = people[this.#number] as Person
    switch (asked.with) {
      case 'epoch-key':
        return this.#stage.signWith(this.#stage.epochKeyOf(this.#number, asked.epoch), asked.message)
      case 'identity-key':
        return this.#stage.signWith(publicKey, asked.message)
      case 'nothing':
        return this.#stage.epochKeyOf(this.#number, asked.epoch)
      case 'vrf-key':
        return provenOnce(id, asked.message)
    }
  }

  #onFrame(fields: readonly Cbor[], nowMs: number): void {
    const [kind, from, ...rest] = fields as [number, number, ...Cbor[]]
    switch (kind) {
      case TYPE.need:
        this.#step(
          { kind: 'register', event: { kind: 'need', oid: rest[0] as Uint8Array, fromVersion: rest[1] as number } },
          nowMs,
        )
        return
      case FRAME.askBlock: {
        const [slot, hash, fromSlot] = rest as [number, Uint8Array, number]
        this.#step(
          { kind: 'block', cid: this.hood.term.committee.cid, event: { kind: 'ask', slot, hash, fromSlot } },
          nowMs,
        )
        return
      }
      case FRAME.askEpoch: {
        const [epoch, chunks, attempt] = rest as [number, number[], number]
        this.#step({ kind: 'asked', epoch, chunks, attempt }, nowMs)
        return
      }
      case FRAME.chunk: {
        const [epoch, index, bytes] = rest as [number, number, Uint8Array]
        this.#step({ kind: 'chunk', epoch, index, bytes }, nowMs)
        return
      }
      default:
        this.#around.onFrame(kind, from, rest, nowMs)
    }
  }

  #step(event: NeighborhoodEvent, nowMs: number): void {
    this.#apply(this.hood.step(event, nowMs), nowMs)
  }

  #apply(effects: readonly NeighborhoodEffect[], nowMs: number): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'register':
          this.#applyRegister(effect.effect, nowMs)
          break
        case 'block':
          this.#applyBlock(effect.effect, nowMs)
          break
        case 'say':
          this.#sayRanked(effect.bytes, effect.rank, nowMs)
          break
        case 'epoch':
          this.#cid = effect.committee.cid
          this.#around.home = toHex(effect.opening.nid)
          this.#notices.push({ kind: 'epoch', committee: effect.committee, opening: effect.opening })
          break
        case 'ask':
          this.#around.say(
            frame(FRAME.askEpoch, this.#number, effect.epoch, [...effect.chunks], effect.attempt),
            null,
            toHex(effect.nid),
          )
          break
        case 'chunk':
          this.#around.say(frame(FRAME.chunk, this.#number, effect.epoch, effect.index, effect.bytes))
          break
        case 'convicted':
        case 'shared':
          this.#notices.push(effect)
      }
    }
  }

  #applyRegister(effect: Extract<NeighborhoodEffect, { kind: 'register' }>['effect'], nowMs: number): void {
    if (effect.kind === 'verify') this.#verify(effect.order, nowMs)
    else if (effect.kind === 'settled-by-chain') this.#notices.push({ ...effect, kind: 'decided' })
    else if (effect.kind === 'log-lost') this.#notices.push({ kind: 'abstains' })
    else applyAround(effect, this.#around, this.#notices, nowMs, this.hood.register)
  }

  #applyBlock(effect: SimplexEffect, nowMs: number): void {
    switch (effect.kind) {
      case 'publish':
        this.#sayRanked(effect.bytes, effect.rank, nowMs)
        return
      case 'ask':
        this.#around.say(frame(FRAME.askBlock, this.#number, effect.slot, effect.hash, effect.fromSlot))
        return
      case 'final':
        this.#notices.push({ kind: 'final', block: effect.block, cid: this.#cid })
        return
      case 'evidence':
        this.#notices.push(effect)
        return
      case 'log-lost':
        this.#notices.push({ kind: 'abstains' })
    }
  }

  #verify(order: Order, nowMs: number): void {
    try {
      const opened = openStatement(this.hood, order.envelope, orderBytes(order))
      if (opened?.checks.every((check) => this.#stage.holds(check))) this.#step(opened.event, nowMs)
    } catch (error) {
      if (!(error instanceof WebxError) || error.fault === 'ours') throw error
    }
  }

  #sayRanked(bytes: Uint8Array, rank: number, nowMs: number): void {
    if (rank === 0) this.#around.say(bytes)
    else this.#around.sayLater(saidName(bytes), nowMs + rank * RANK_STEP_MS, bytes)
  }

  /** A twin must not hear what the other one has said, or it would know that it is not alone. */
  #isOfTwin(event: NeighborhoodEvent): boolean {
    const { seat } = this.hood.term
    if (event.kind === 'register' && event.event.kind === 'votes') return event.event.batch.seat === seat
    if (event.kind !== 'block') return false
    if (event.event.kind === 'ballot') return event.event.ballot.seat === seat
    if (event.event.kind === 'candidate') return event.event.candidate.leader === seat
    return false
  }
}

/** A proof of somebody's verifiable random function: dear, and the same each time. */
function provenOnce(id: Uint8Array, message: Uint8Array): Uint8Array {
  const name = keyOf(id) + keyOf(message)
  let proof = proofs.get(name)
  if (!proof) {
    proof = vrfProve(bytesOf(`vrf ${toHex(id)}`), message)
    if (proofs.size >= PROOFS_MAX) proofs.clear()
    proofs.set(name, proof)
  }
  return proof
}

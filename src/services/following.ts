/**
 * Helps nodes that are behind: hand-overs, chunks of the state with which an epoch began, blocks. What is sent proves itself, so anybody may ask, and be answered by anybody.
 *
 * Questions go to all members on the topic of questions; so do chunks, since after an outage many are behind at once. Nobody is answered more often than an honest node asks.
 * Whoever starts or comes back cannot know what it has missed, and in a quiet net would hear nothing of it: it asks, and so does everybody once in a while.
 */

import type { NeighborhoodEffect } from '../consensus/neighborhood-effects.ts'
import { toHex } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Conducted } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Decision, Lane, Message, Outgoing } from '../kernel/road.ts'

const LIFETIME_MS = 10_000
/** How often a node looks whether it has missed the end of an epoch. */
const LOOK_MS = 30_000

export class Following implements Service, Lane {
  readonly types: readonly number[] = [TYPE.epochQuery, TYPE.blockQuery, TYPE.stateChunk]
  readonly #context: Context
  readonly #agreement: Conducted
  /** When each sender was answered last. */
  readonly #answeredMs = new Map<string, number>()
  #outgoing: Outgoing[] = []
  #ends: (() => void)[] = []

  constructor(context: Context, agreement: Conducted) {
    this.#context = context
    this.#agreement = agreement
    context.road.lay(this)
    agreement.onEffect((effect) => this.#follow(effect))
    context.road.atEndOfTurn(async () => this.#send())
  }

  async start(): Promise<void> {
    const { events, schedule } = this.#context
    if (this.#answers) await this.#listen()
    this.#ends = [
      events.on('epoch', () => {
        if (this.#answers) this.#listen().catch(() => {})
        else this.#context.link.unsubscribe(this.#context.topics.sync).catch(() => {})
      }),
      events.on('link', ({ up }) => {
        if (!up) return
        this.#look()
        this.#askForBlocks()
      }),
      schedule.every(LOOK_MS, 'look for epochs', () => this.#look()),
    ]
    this.#look()
    this.#askForBlocks()
  }

  async stop(): Promise<void> {
    for (const end of this.#ends) end()
  }

  #look(): void {
    this.#agreement.act((hood, nowMs) => hood.hearUnknownEpoch(nowMs))
    this.#context.road.poke()
  }

  /** Who comes into an epoch that is under way may have missed blocks, and while nobody has anything to order hears of none. */
  #askForBlocks(): void {
    const { term } = this.#agreement.hood
    const { slot } = term.simplex.lastFinal
    const fromSlot = (slot ?? -1) + 1
    this.#ask(TYPE.blockQuery, [term.opening.epoch, fromSlot, NO_BLOCK, fromSlot])
  }

  authorize(message: Message): void {
    if (message.topic !== this.#context.topics.sync) throw new WebxError('wrong-topic', 'asked and answered for all')
  }

  decide(message: Message): Decision | null {
    const { sender, payload } = message.frame as NonNullable<Message['frame']>
    const { type } = message.envelope
    if (type === TYPE.stateChunk) return this.#takeChunk(payload)
    this.#assertPatience(sender, type)
    return type === TYPE.epochQuery ? this.#answerEpoch(payload) : this.#answerBlock(payload)
  }

  #takeChunk(payload: Cbor): null {
    const fields = new Fields('state chunk', payload)
    const chunk = {
      kind: 'chunk',
      epoch: fields.uint('epoch'),
      index: fields.uint('index'),
      bytes: fields.bytesBetween('bytes', 1, LIMITS.stateChunkBytesMax),
    } as const
    fields.end()
    this.#agreement.act((hood, nowMs) => hood.step(chunk, nowMs))
    return null
  }

  #answerEpoch(payload: Cbor): null {
    const fields = new Fields('epoch query', payload)
    const asked = {
      kind: 'asked',
      epoch: fields.uint('epoch'),
      chunks: fields.list('chunks', LIMITS.stateChunksPerAskMax, readUint),
      attempt: fields.uint('attempt'),
    } as const
    fields.end()
    this.#agreement.act((hood, nowMs) => hood.step(asked, nowMs))
    return null
  }

  #answerBlock(payload: Cbor): null {
    const fields = new Fields('block query', payload)
    const epoch = fields.uint('epoch')
    const event = {
      kind: 'ask',
      slot: fields.uint('slot'),
      hash: fields.bytes('hash', 32),
      fromSlot: fields.uint('fromSlot'),
    } as const
    fields.end()
    if (epoch !== this.#agreement.hood.term.opening.epoch) return null
    this.#agreement.act((hood, nowMs) => hood.step({ kind: 'block', cid: hood.term.committee.cid, event }, nowMs))
    return null
  }

  /** Whoever belongs to the neighborhood is asked; others listen only while they fetch a state. */
  get #answers(): boolean {
    return this.#agreement.hood.isMember
  }

  #listen(): Promise<void> {
    return this.#context.link.subscribe(this.#context.topics.sync)
  }

  /** What the neighborhood wants asked or told. */
  #follow(effect: NeighborhoodEffect): void {
    const send = (type: number, payload: Cbor): void => this.#ask(type, payload)
    if (effect.kind === 'epoch') this.#askForBlocks()
    if (effect.kind === 'ask' && effect.chunks.length > 0 && !this.#answers) this.#listen().catch(() => {})
    if (effect.kind === 'ask') send(TYPE.epochQuery, [effect.epoch, [...effect.chunks], effect.attempt])
    else if (effect.kind === 'chunk') send(TYPE.stateChunk, [effect.epoch, effect.index, effect.bytes])
    else if (effect.kind === 'block' && effect.effect.kind === 'ask') {
      const { slot, hash, fromSlot } = effect.effect
      send(TYPE.blockQuery, [this.#agreement.hood.term.opening.epoch, slot, hash, fromSlot])
    }
  }

  #ask(type: number, payload: Cbor): void {
    const { topics, road } = this.#context
    this.#outgoing.push({ topic: topics.sync, type, payload, lifetimeMs: LIFETIME_MS })
    road.poke()
  }

  #send(): Decision | null {
    if (this.#outgoing.length === 0) return null
    const emit = this.#outgoing
    this.#outgoing = []
    return { emit }
  }

  /** Throws `flooding`. */
  #assertPatience(sender: Uint8Array, type: number): void {
    const name = `${type} ${toHex(sender)}`
    const nowMs = this.#context.clock.monotonicMs()
    const before = this.#answeredMs.get(name) ?? Number.NEGATIVE_INFINITY
    if (nowMs - before < LIMITS.followingIntervalMsMin) throw new WebxError('flooding', 'questions come too fast')
    if (this.#answeredMs.size >= LIMITS.replaySendersMax) this.#answeredMs.clear()
    this.#answeredMs.set(name, nowMs)
  }
}

/** No block is asked for, only the certificates that tell of newer ones. */
const NO_BLOCK = new Uint8Array(32)

function readUint(value: Cbor): number {
  if (typeof value === 'number') return value
  throw new WebxError('bad-shape', 'epoch query: chunks are numbers')
}

/**
 * Helps nodes whose public log is behind: blocks of the generation, entries from before it, and what began it. Answers prove themselves, whoever gives them.
 *
 * LOGQUERY [0, generation, slot, hash, fromSlot] goes to all members of the home in which the log is seated and asks for blocks; [1, from] to one member there or at home for entries, answered by LOGENTRIES [from, [entry …]];
 * [2, epoch] to one member for the votes that began the generation, answered by statements for all to hear. Who asks for blocks of a generation that is over is told what began the next one.
 */

import type { Ask, SimplexEffect } from '../consensus/simplex/effects.ts'
import { equal, toHex } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { decodeEnvelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Conducted } from '../kernel/agreed.ts'
import type { Context } from '../kernel/context.ts'
import type { Decision, Message, Outgoing } from '../kernel/road.ts'
import type { Generation } from './public-generation.ts'
import type { Now } from './public-intake.ts'
import type { Beginning } from './public-records.ts'

const LIFETIME_MS = 10_000
const ANSWER_BYTES = 128 * 1024
/** Ticks between two questions for the beginning of a generation. */
const PATIENCE_TICKS = 6
/** Ticks between two questions for newer blocks: where there are some, and where none are known of. */
const BEHIND_TICKS = 4
const LOOK_TICKS = 60
const NO_BLOCK = new Uint8Array(32)

/** What following asks of the log. */
export interface FollowingParts {
  readonly now: () => Now
  /** Somebody asks for blocks. */
  readonly ask: (event: Ask) => void
  readonly beginning: () => Beginning | null
  /** Entries came: the log may be whole. */
  readonly filled: () => void
}

export class PublicFollowing {
  readonly #context: Context
  readonly #agreement: Conducted
  readonly #parts: FollowingParts
  readonly #answeredMs = new Map<string, number>()
  #outgoing: Outgoing[] = []
  #attempts = 0
  /** The generation whose newest blocks were asked for last. */
  #lookedAt: number | null = null

  constructor(context: Context, agreement: Conducted, parts: FollowingParts) {
    this.#context = context
    this.#agreement = agreement
    this.#parts = parts
  }

  /** Throws `wrong-topic`. */
  authorize({ topic }: Message): void {
    const { topics, keys } = this.#context
    if (topic !== topics.sync && topic !== topics.to(keys.id))
      throw new WebxError('wrong-topic', 'asked of all members or of one, and answered to the asker')
  }

  decide({ frame, envelope }: Message): Decision | null {
    const { sender, payload } = frame as NonNullable<Message['frame']>
    if (envelope.type === TYPE.logEntries) {
      this.#takeEntries(payload)
      return null
    }
    const fields = new Fields('log query', payload)
    const kind = fields.uint('kind', 2)
    this.#assertPatience(sender, kind)
    if (kind === 0) return this.#askedForBlocks(fields)
    return kind === 1 ? this.#entries(sender, fields) : this.#askedForBeginning(fields)
  }

  /** Asks for what is lacking. */
  tick(): void {
    const { generation, witness } = this.#parts.now()
    this.#attempts++
    if (generation && generation.sequencer.lacks > 0) this.#askOne([1, generation.sequencer.book.tree.size])
    else if (generation) this.#look(generation)
    if (!generation && this.#attempts % PATIENCE_TICKS === 0) this.#askOne([2, witness.place.opening.epoch])
  }

  /** What is to be sent: questions for blocks that the lane wants, and all others. */
  take(effects: readonly SimplexEffect[]): Outgoing[] {
    const generation = this.#parts.now().generation?.term.generation
    for (const effect of effects) {
      if (effect.kind !== 'ask' || generation === undefined) continue
      this.#askAll([0, generation, effect.slot, effect.hash, effect.fromSlot])
    }
    return this.#outgoing.splice(0)
  }

  /** Whoever was away, and does not vote in the lane, hears nothing of what it has missed while the log is at rest. */
  #look({ term, sequencer, simplex }: Generation): void {
    const { newest } = this.#parts.now().witness.standings
    const isBehind = newest?.generation === term.generation && newest.size > sequencer.book.tree.size
    const isDue = this.#attempts % (isBehind ? BEHIND_TICKS : LOOK_TICKS) === 0
    if (!simplex || (!isDue && this.#lookedAt === term.generation)) return
    this.#lookedAt = term.generation
    const slot = (simplex.lastFinal.slot ?? -1) + 1
    this.#askAll([0, term.generation, slot, NO_BLOCK, slot])
  }

  #askAll(payload: Cbor): void {
    // whoever is seated where the log is has its blocks
    const { sync } = this.#context.topics.at(this.#parts.now().witness.place.opening.nid)
    this.#outgoing.push({ topic: sync, type: TYPE.logQuery, payload, lifetimeMs: LIFETIME_MS })
  }

  #askOne(payload: Cbor): void {
    const { topics, keys } = this.#context
    const own = toHex(keys.id)
    const { opening, committee } = this.#parts.now().witness.place
    // of one's own home, too: it may know keys that no other home knows
    const seats = equal(opening.nid, committee.nid) ? opening.seats : [...opening.seats, ...committee.seats]
    const others = seats.filter(({ memberId }) => toHex(memberId) !== own)
    const one = others[this.#attempts % others.length]
    if (one)
      this.#outgoing.push({ topic: topics.to(one.memberId), type: TYPE.logQuery, payload, lifetimeMs: LIFETIME_MS })
  }

  #askedForBlocks(fields: Fields): Decision | null {
    const generation = fields.uint('generation')
    const slot = fields.uint('slot')
    const event = { kind: 'ask', slot, hash: fields.bytes('hash', 32), fromSlot: fields.uint('fromSlot') } as const
    fields.end()
    const { term } = this.#parts.now().generation ?? {}
    if (!term || this.#agreement.seat === null) return null
    if (term.generation > generation) return this.#tellBeginning(term.epoch)
    if (term.generation === generation) this.#parts.ask(event)
    return null
  }

  #entries(asker: Uint8Array, fields: Fields): Decision | null {
    const from = fields.uint('from', LIMITS.logLeavesMax)
    fields.end()
    const book = this.#parts.now().generation?.sequencer.book
    const entries: Uint8Array[] = []
    let bytes = 0
    for (let index = from; index < (book?.tree.size ?? 0) && entries.length < LIMITS.logEntriesPerAnswerMax; index++) {
      const entry = book?.entry(index)
      bytes += entry?.length ?? 0
      if (!entry || bytes > ANSWER_BYTES) break
      entries.push(entry)
    }
    if (entries.length === 0) return null
    const topic = this.#context.topics.to(asker)
    return { emit: [{ topic, type: TYPE.logEntries, payload: [from, entries], lifetimeMs: LIFETIME_MS }] }
  }

  #takeEntries(payload: Cbor): void {
    const fields = new Fields('log entries', payload)
    const from = fields.uint('from', LIMITS.logLeavesMax)
    const entries = fields.list('entries', LIMITS.logEntriesPerAnswerMax, (item) => {
      if (item instanceof Uint8Array && item.length <= LIMITS.logLeafBytesMax) return item
      throw new WebxError('bad-shape', 'log entries: an entry is bytes')
    })
    fields.end()
    const sequencer = this.#parts.now().generation?.sequencer
    if (!sequencer || sequencer.lacks === 0 || sequencer.book.tree.size !== from) return
    sequencer.fill(entries)
    this.#parts.filled()
  }

  #askedForBeginning(fields: Fields): Decision | null {
    const epoch = fields.uint('epoch')
    fields.end()
    return this.#tellBeginning(epoch)
  }

  #tellBeginning(epoch: number): Decision | null {
    const beginning = this.#parts.beginning()
    if (beginning?.epoch !== epoch) return null
    const { topics } = this.#context
    return { emit: beginning.votes.map((bytes) => ({ topic: topics.ofStatement(decodeEnvelope(bytes)), bytes })) }
  }

  /** Throws `flooding`. */
  #assertPatience(sender: Uint8Array, kind: number): void {
    const name = `${kind} ${toHex(sender)}`
    const nowMs = this.#context.clock.monotonicMs()
    const before = this.#answeredMs.get(name) ?? Number.NEGATIVE_INFINITY
    if (nowMs - before < LIMITS.followingIntervalMsMin) throw new WebxError('flooding', 'questions come too fast')
    if (this.#answeredMs.size >= LIMITS.replaySendersMax) this.#answeredMs.clear()
    this.#answeredMs.set(name, nowMs)
  }
}

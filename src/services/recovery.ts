/**
 * Before a member votes again: is its vote log whole?
 *
 * At every start (a disk that was stopped cleanly may still be an old copy) the member asks the others for the highest batch of votes that they have seen of it, and
 * votes only once a quorum, itself included, has answered. Where somebody shows a batch that carries its own signature and that its log lacks, it abstains for the epoch. A power cut of
 * the whole building does not end the neighborhood: everybody asks, and everybody answers before voting.
 */

import { type CommitteeSeat as Seat, seatOf } from '../consensus/committee.ts'
import { headerCheck, readHeader, type SignedHeader } from '../consensus/statement.ts'
import { equal, toHex } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { verifySignature } from '../core/crypto.ts'
import { decodeEnvelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Conducted } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Random, Write } from '../kernel/ports.ts'
import type { Decision, Lane, Message } from '../kernel/road.ts'

/**
 * The first question goes to a drawn few that are enough, and to so many more in case some are not there. Further ones go to all that have not answered, after this pause and then after
 * pauses that double: where a whole neighborhood starts, each is asked by all.
 */
const MORE_SEATS = 2
const ASK_PAUSE_MS = 500
const ASK_PAUSE_MS_MAX = 4_000
const LIFETIME_MS = 10_000
const NONCE_BYTES = 16
const SPACE = 'seen-batch'
const BALLOTS_MAX = 16
const SEATS_ALL = 0xffff_ffff

/** Holds a member's votes back until its log is known to be whole, and answers others who ask the same. */
export class Recovery implements Service, Lane {
  readonly types: readonly number[] = [TYPE.batchQuery, TYPE.batchAnswer]
  readonly #context: Context
  readonly #agreement: Conducted
  /** Names the questions of this start, so that an answer to an earlier one, or to somebody else, answers nothing. */
  readonly #nonce: Uint8Array
  /** Highest signed header seen of each other seat. */
  #highest = new Map<number, SignedHeader>()
  readonly #unsaved = new Set<number>()
  /** Keys of what is stored of epochs that are over. */
  readonly #stale: Uint8Array[] = []
  readonly #answered = new Set<string>()
  #hasAsked = false
  #settled = false
  #cancelAsk = (): void => {}

  constructor(context: Context, agreement: Conducted) {
    this.#context = context
    this.#agreement = agreement
    this.#nonce = context.random.bytes(NONCE_BYTES)
    context.road.lay(this)
    context.road.atEndOfTurn(async () => this.#save())
    agreement.onBatch((header) => this.#note(header))
    agreement.onEffect((effect) => {
      if (effect.kind === 'epoch') this.#onEpoch(effect.skipped)
    })
    for (const { key, value } of context.store.scan(SPACE)) {
      if (key.length === KEY_BYTES && epochOf(key) === agreement.committee.epoch)
        this.#highest.set(key[EPOCH_BYTES] as number, decodeHeader(value, agreement))
      else this.#stale.push(key)
    }
  }

  /** True once this node knows whether it may vote. */
  get settled(): boolean {
    return this.#settled
  }

  async start(): Promise<void> {
    this.#answered.clear()
    this.#hasAsked = false
    this.#answered.add(toHex(this.#context.keys.id))
    // who has no seat has given no votes that it could have forgotten
    if (this.#agreement.seat === null || this.#enough()) return this.#settle()
    await this.#ask()
    this.#askAfter(ASK_PAUSE_MS)
  }

  async stop(): Promise<void> {
    this.#cancelAsk()
  }

  authorize(message: Message): void {
    const { directory, topics, keys } = this.#context
    const { sender } = message.frame as NonNullable<Message['frame']>
    if (directory.rankOf(sender) !== 'member') throw new WebxError('not-allowed', 'batches are asked for among members')
    const topic = message.envelope.type === TYPE.batchQuery ? topics.sync : topics.to(keys.id)
    if (message.topic !== topic) throw new WebxError('wrong-topic', 'queries go to all members, answers to the asker')
  }

  decide(message: Message): Decision | null {
    const frame = message.frame as NonNullable<Message['frame']>
    if (message.envelope.type === TYPE.batchQuery) return this.#answer(frame.sender, frame.payload)
    if (!this.#settled) this.#take(frame.sender, frame.payload)
    return null
  }

  /** An epoch that this node saw begin it begins without a vote; into one that it came later it may have come before, with a disk that was lost. */
  #onEpoch(skipped: boolean): void {
    const stored = [...this.#highest.keys()].map((seat) => keyOf(this.#agreement.committee.epoch - 1, seat))
    this.#stale.push(...stored)
    this.#highest = new Map()
    this.#unsaved.clear()
    if (this.#agreement.seat === null) {
      // no vote in this epoch, and in a later one that it sees begin none before that: nobody would answer either
      if (!this.#settled) this.#settle()
      return
    }
    if (!skipped) return
    this.#cancelAsk()
    this.#settled = false
    this.#agreement.holdVotes()
    this.start().catch(() => {})
  }

  #askAfter(pauseMs: number): void {
    // the answers may have come while the question was being sent
    if (this.#settled) return
    this.#cancelAsk = this.#context.schedule.after(pauseMs, 'ask for own batches', async () => {
      this.#askAfter(Math.min(ASK_PAUSE_MS_MAX, 2 * pauseMs))
      await this.#ask()
    })
  }

  #ask(): Promise<void> {
    const { road, topics } = this.#context
    return road.run(() => {
      const payload = [this.#nonce, this.#spared()]
      return { emit: [{ topic: topics.sync, type: TYPE.batchQuery, payload, lifetimeMs: LIFETIME_MS }] }
    })
  }

  /** Seats that need not answer the next question, as bits: those that have, and at first all that are not needed. */
  #spared(): number {
    const { seats, quorum } = this.#agreement.committee
    const left = [...seats.keys()].filter((seat) => !this.#answered.has(toHex((seats[seat] as Seat).memberId)))
    const own = this.#agreement.seat
    let weight = own === null ? 0 : (seats[own] as Seat).weight
    let more = this.#hasAsked ? seats.length : MORE_SEATS
    let spared = (2 ** seats.length - 1) >>> 0
    for (const seat of drawn(left, this.#context.random)) {
      if (weight >= quorum && more-- <= 0) break
      weight += (seats[seat] as Seat).weight
      spared &= ~(1 << seat)
    }
    this.#hasAsked = true
    return spared >>> 0
  }

  #answer(asker: Uint8Array, query: Cbor): Decision | null {
    const fields = new Fields('batch query', query)
    const nonce = fields.bytes('nonce', NONCE_BYTES)
    const spared = fields.uint('spared', SEATS_ALL)
    fields.end()
    const own = this.#agreement.seat
    if (own === null || (spared >>> own) & 1) return null
    const seat = seatOf(this.#agreement.committee, asker)
    if (seat === null) return null
    // what was put aside comes first: the asker asks again
    if (this.#agreement.takeUpVotesOf(seat)) return null
    const header = this.#highest.get(seat)
    const payload: Cbor[] = [nonce, header ? [encodeHeader(header)] : []]
    const ballots = this.#agreement.ballotsOf(seat)
    if (ballots.length > 0) payload.push(ballots)
    return {
      emit: [{ topic: this.#context.topics.to(asker), type: TYPE.batchAnswer, payload, lifetimeMs: LIFETIME_MS }],
    }
  }

  #take(sender: Uint8Array, payload: Cbor): void {
    const fields = new Fields('batch answer', payload)
    const nonce = fields.bytes('nonce', NONCE_BYTES)
    const [shown] = fields.list('header', 1, (item) => item)
    const ballots = fields.isEmpty
      ? []
      : fields.list('ballots', BALLOTS_MAX, (item) => {
          if (item instanceof Uint8Array) return item
          throw new WebxError('bad-shape', 'batch answer: ballots are byte strings')
        })
    fields.end()
    if (!equal(nonce, this.#nonce))
      throw new WebxError('replayed', 'an answer to a question that this start did not ask')
    if (shown !== undefined) this.#compare(shown)
    // they walk the road like all others: the lane notices one of its own that it does not know
    const { road, topics } = this.#context
    for (const bytes of ballots) road.receive(topics.ofStatement(decodeEnvelope(bytes)), bytes)
    this.#answered.add(toHex(sender))
    if (this.#enough()) this.#settleAfterThis()
  }

  /** What was shown is looked at before anything is signed. */
  #settleAfterThis(): void {
    const settled = this.#context.road.run(() => {
      if (!this.#settled) this.#settle()
      return null
    })
    settled.catch(() => {})
  }

  /** A header that a member shows counts only with this node's own signature: nobody can silence it by a lie. */
  #compare(shown: Cbor): void {
    const { committee, register } = this.#agreement
    const header = readSignedHeader(new Fields('header', shown), this.#agreement)
    const { key, message, signature } = headerCheck(committee, header)
    if (header.seat !== this.#agreement.seat || !verifySignature(key, message, signature)) {
      throw new WebxError('bad-signature', 'a batch was shown that this node never signed')
    }
    const own = register.highestBatch()
    if (header.sequence < own.sequence || (header.sequence === own.sequence && equal(header.root, own.root))) return
    if (register.abstaining) return
    this.#context.log.error(
      { sequence: header.sequence },
      'the vote log lacks a batch that was sent: abstaining for this epoch',
    )
    this.#context.counters.count('abstaining')
    register.abstain()
  }

  #enough(): boolean {
    const { committee } = this.#agreement
    let weight = 0
    for (const seat of committee.seats) if (this.#answered.has(toHex(seat.memberId))) weight += seat.weight
    return weight >= committee.quorum
  }

  #settle(): void {
    this.#settled = true
    this.#cancelAsk()
    this.#agreement.beginVoting()
  }

  #note(header: SignedHeader): void {
    if (header.seat === this.#agreement.seat) return
    const known = this.#highest.get(header.seat)
    if (known && known.sequence >= header.sequence) return
    const { seat, sequence, previousRoot, count, root, signature } = header
    this.#highest.set(seat, { seat, sequence, previousRoot, count, root, signature })
    this.#unsaved.add(seat)
  }

  /** Rides on commits that happen anyway: what others have seen of us matters more than what we have seen of them. */
  #save(): Decision | null {
    if (this.#unsaved.size === 0 && this.#stale.length === 0) return null
    const { epoch } = this.#agreement.committee
    const writes: Write[] = this.#stale.splice(0).map((key) => ({ space: SPACE, key, value: null }))
    for (const seat of this.#unsaved) {
      const value = encode(encodeHeader(this.#highest.get(seat) as SignedHeader))
      writes.push({ space: SPACE, key: keyOf(epoch, seat), value })
    }
    this.#unsaved.clear()
    return { writes, mayWait: true }
  }
}

/** In an order that chance gives. */
function drawn(seats: readonly number[], random: Random): number[] {
  const lots = random.bytes(seats.length)
  return seats
    .map((seat, i) => ({ seat, lot: lots[i] as number }))
    .sort((one, other) => one.lot - other.lot)
    .map(({ seat }) => seat)
}

function encodeHeader(header: SignedHeader): Cbor {
  const { seat, sequence, previousRoot, count, root, signature } = header
  return [seat, sequence, previousRoot, count, root, signature]
}

function decodeHeader(bytes: Uint8Array, agreement: Conducted): SignedHeader {
  return readSignedHeader(Fields.of('header', bytes, LIMITS.orderBytesMax), agreement)
}

function readSignedHeader(fields: Fields, agreement: Conducted): SignedHeader {
  const header = readHeader(fields, agreement.committee)
  const signature = fields.bytes('signature', 64)
  fields.end()
  return { ...header, signature }
}

const EPOCH_BYTES = 8
const KEY_BYTES = EPOCH_BYTES + 1

function keyOf(epoch: number, seat: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES)
  new DataView(key.buffer).setBigUint64(0, BigInt(epoch))
  key[EPOCH_BYTES] = seat
  return key
}

function epochOf(key: Uint8Array): number {
  return Number(new DataView(key.buffer, key.byteOffset, key.byteLength).getBigUint64(0))
}

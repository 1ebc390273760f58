/**
 * Anti-entropy: whoever missed a settlement learns of it, whatever the broker lost.
 *
 * Now and then a node publishes digests of all that it holds as settled, in 16 buckets. Four members, others each time, answer a node whose digests differ
 * from their own with the heads of those buckets; it then asks for the versions that it lacks, and members publish them. A silent, equal network sends
 * one small frame per node and interval.
 */

import type { Head } from '../consensus/register.ts'
import { concat, equal, toHex } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Agreed, Standings } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Decision, Lane, Message, Outgoing } from '../kernel/road.ts'

const INTERVAL_MS_MIN = 1_000
const INTERVAL_MS_MAX = 15_000
const LIFETIME_MS = 10_000
const RESPONDERS = 4
const BUCKETS_PER_ANSWER = 2
const DIGEST_BYTES = 32
const UNPROVEN_ROUNDS_MAX = 5

/** Compares this node's settled heads with those of the members. */
export class CatchUp implements Standings, Service, Lane {
  readonly types: readonly number[] = [TYPE.need, TYPE.summary, TYPE.heads, TYPE.headQuery]
  readonly #context: Context
  readonly #agreement: Agreed
  readonly #questions = new Map<string, Question>()
  /** When a summary of each sender was answered last. */
  readonly #answeredMs = new Map<string, number>()
  #round = 0
  /** Rounds since the start, or since something was found missing. */
  #quietRounds = 0
  #stopped = false
  #cancelAsk = (): void => {}
  #unhear = (): void => {}

  constructor(context: Context, agreement: Agreed) {
    this.#context = context
    this.#agreement = agreement
    context.road.lay(this)
  }

  async start(): Promise<void> {
    const { link, topics, keys, events } = this.#context
    await link.subscribe(topics.to(keys.id))
    this.#unhear = events.on('link', ({ up }) => {
      if (up) this.#hasten()
    })
    await this.#ask()
    this.#again()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelAsk()
    this.#unhear()
  }

  async upToDate(oid: Uint8Array): Promise<void> {
    const { road, topics, schedule } = this.#context
    const name = toHex(oid)
    const question = this.#questions.get(name) ?? newQuestion(oid)
    this.#questions.set(name, question)
    const ask = (): Promise<void> =>
      road.run(() => ({
        emit: [{ topic: topics.sync, type: TYPE.headQuery, payload: [oid], lifetimeMs: LIFETIME_MS }],
      }))
    await ask()
    this.#weigh(question)
    const cancel = schedule.every(INTERVAL_MS_MIN, 'ask for a head', async () => {
      question.rounds++
      this.#weigh(question)
      if (!question.done) await ask()
    })
    await question.answered
    cancel()
    this.#questions.delete(name)
  }

  authorize(message: Message): void {
    const { topics, keys } = this.#context
    const isAnswer = message.envelope.type === TYPE.heads
    if (message.topic !== (isAnswer ? topics.to(keys.id) : topics.sync)) {
      throw new WebxError('wrong-topic', 'questions go to all members, answers to the asker')
    }
  }

  decide(message: Message): Decision | null {
    const frame = message.frame as NonNullable<Message['frame']>
    const { type } = message.envelope
    if (type === TYPE.need) return this.#answerNeed(new Fields('need', frame.payload))
    if (type === TYPE.summary) return this.#answerSummary(frame.sender, new Fields('summary', frame.payload))
    if (type === TYPE.headQuery) return this.#answerHeadQuery(frame.sender, new Fields('head query', frame.payload))
    return this.#takeHeads(frame.sender, new Fields('heads', frame.payload))
  }

  /** Changes with the epochs. */
  get #seat(): number | null {
    return this.#agreement.seat
  }

  /** Something may be missing: asks again soon, and then ever more seldom while nothing is. Silence may also mean that those who were asked are dead. */
  #hasten(): void {
    const wasHasty = this.#quietRounds === 0
    this.#quietRounds = 0
    if (!wasHasty) this.#again()
  }

  #again(): void {
    this.#cancelAsk()
    const { schedule } = this.#context
    // spread over the interval, so that 25 nodes that started together do not speak together
    const spread = 0.75 + ((this.#context.keys.id[0] as number) / 255) * 0.5
    const intervalMs = Math.min(INTERVAL_MS_MIN * 2 ** this.#quietRounds, INTERVAL_MS_MAX) * spread
    this.#cancelAsk = schedule.after(intervalMs, 'catch up', async () => {
      if (this.#stopped) return
      this.#quietRounds++
      await this.#ask()
      this.#again()
    })
  }

  #ask(): Promise<void> {
    const { road, topics } = this.#context
    const digests = concat(...this.#agreement.register.summary())
    const payload: Cbor = [this.#round++, digests]
    return road.run(() => ({ emit: [{ topic: topics.sync, type: TYPE.summary, payload, lifetimeMs: LIFETIME_MS }] }))
  }

  #answerNeed(fields: Fields): null {
    const oid = fields.bytes('oid', 32)
    const fromVersion = fields.uint('fromVersion')
    fields.end()
    if (this.#seat !== null) this.#agreement.answerNeed(oid, fromVersion)
    return null
  }

  #answerSummary(sender: Uint8Array, fields: Fields): Decision | null {
    const round = fields.uint('round')
    const digests = fields.bytes('digests', LIMITS.summaryBuckets * DIGEST_BYTES)
    fields.end()
    if (this.#seat === null || !this.#responds(sender, round)) return null
    this.#assertPatience(sender)
    const differing = this.#agreement.register.summary().flatMap((digest, bucket) => {
      const theirs = digests.subarray(bucket * DIGEST_BYTES, (bucket + 1) * DIGEST_BYTES)
      return equal(digest, theirs) ? [] : [bucket]
    })
    // two buckets an answer, others each round: a small question must not buy a large answer
    const start = (round * BUCKETS_PER_ANSWER) % Math.max(1, differing.length)
    const chosen = [...differing.slice(start), ...differing.slice(0, start)].slice(0, BUCKETS_PER_ANSWER)
    return chosen.length > 0 ? { emit: chosen.map((bucket) => this.#heads(sender, bucket, round)) } : null
  }

  #answerHeadQuery(asker: Uint8Array, fields: Fields): Decision | null {
    const oid = fields.bytes('oid', 32)
    fields.end()
    if (this.#seat === null) return null
    const version = this.#agreement.register.object(oid)?.settled ?? 0
    const payload: Cbor = [0, [[oid, version]]]
    return { emit: [{ topic: this.#context.topics.to(asker), type: TYPE.heads, payload, lifetimeMs: LIFETIME_MS }] }
  }

  /** Answered where a quorum has spoken and this node holds the newest version that any of them named. */
  #weigh(question: Question): void {
    const { committee, register } = this.#agreement
    // a member whose vote log is judged whole has a disk that forgot nothing: it hears itself
    const heardOwn = this.#seat !== null && this.#agreement.voting
    let weight = 0
    for (const [i, seat] of committee.seats.entries()) {
      if (question.heard.has(toHex(seat.memberId)) || (heardOwn && i === this.#seat)) weight += seat.weight
    }
    const newest = Math.max(0, ...question.heard.values())
    const settled = register.object(question.oid)?.settled ?? 0
    // a version that nobody can prove within several rounds is a lie
    const proven = settled >= newest || question.rounds > UNPROVEN_ROUNDS_MAX
    if (weight < committee.quorum || !proven) return
    question.done = true
    question.resolve()
  }

  /** Four members answer each summary, a different four in the next round. */
  #responds(sender: Uint8Array, round: number): boolean {
    const seats = this.#agreement.committee.seats.length
    const first = (sender[0] as number) + round * RESPONDERS
    const distance = ((this.#seat as number) - (first % seats) + seats) % seats
    return distance < RESPONDERS
  }

  /** One small question is answered by large frames: nobody gets that more often than an honest node asks. Throws `flooding`. */
  #assertPatience(sender: Uint8Array): void {
    const name = toHex(sender)
    const nowMs = this.#context.clock.monotonicMs()
    const before = this.#answeredMs.get(name) ?? Number.NEGATIVE_INFINITY
    if (nowMs - before < LIMITS.summaryIntervalMsMin) throw new WebxError('flooding', 'summaries come too fast')
    if (this.#answeredMs.size >= LIMITS.replaySendersMax) this.#answeredMs.clear()
    this.#answeredMs.set(name, nowMs)
  }

  #heads(asker: Uint8Array, bucket: number, round: number): Outgoing {
    const heads = this.#agreement.register.heads(bucket, pageStart(bucket, round), LIMITS.headsPerReplyMax)
    const payload: Cbor = [bucket, heads.map((head) => [head.oid, head.version])]
    return { topic: this.#context.topics.to(asker), type: TYPE.heads, payload, lifetimeMs: LIFETIME_MS }
  }

  #hearStandings(sender: Uint8Array, heads: readonly Head[]): void {
    for (const { oid, version } of heads) {
      const question = this.#questions.get(toHex(oid))
      if (!question) continue
      question.heard.set(toHex(sender), version)
      this.#weigh(question)
    }
  }

  #takeHeads(sender: Uint8Array, fields: Fields): Decision | null {
    const { directory, counters } = this.#context
    if (directory.rankOf(sender) !== 'member') throw new WebxError('not-allowed', 'heads come from members')
    fields.uint('bucket', LIMITS.summaryBuckets - 1)
    const heads: Head[] = fields.list('heads', LIMITS.headsPerReplyMax, (item) => {
      const head = new Fields('head', item)
      const read = { oid: head.bytes('oid', 32), version: head.uint('version') }
      head.end()
      return read
    })
    fields.end()
    this.#hearStandings(sender, heads)
    const missing = this.#agreement.register.missing(heads)
    if (missing.length === 0) return null
    this.#hasten()
    counters.count('catch-up.missing', missing.length)
    const wanted = missing.slice(0, LIMITS.needsPerHeadsMax)
    return { emit: wanted.flatMap(({ oid, fromVersion }) => this.#agreement.need(oid, fromVersion) ?? []) }
  }
}

/** A question after one object's newest version, and who has answered what. */
interface Question {
  readonly oid: Uint8Array
  readonly heard: Map<string, number>
  readonly answered: Promise<void>
  readonly resolve: () => void
  rounds: number
  done: boolean
}

function newQuestion(oid: Uint8Array): Question {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { oid, heard: new Map(), answered: promise, resolve, rounds: 0, done: false }
}

/** Where a page of heads begins: at the bucket's start every other round, else at another place each time, so that buckets of many pages are covered too. */
function pageStart(bucket: number, round: number): Uint8Array | null {
  if (round % 2 === 0) return null
  const place = Math.imul(round, 0x9e37_79b1) >>> 0
  const start = new Uint8Array(DIGEST_BYTES)
  start[0] = (bucket << 4) | (place >>> 28)
  start[1] = (place >>> 20) & 0xff
  return start
}

/**
 * Who of the neighborhood is there: SWIM with Lifeguard, as a state machine without a clock, a link or a key.
 *
 * After SWIM (Das, Gupta, Motivala 2002: probes of chance, indirect probes, suspicion refuted by incarnation) and Lifeguard (Dadgar, Phillips, Currey 2017: whoever
 * notices that it is slow itself is slower to accuse). Different here: members may lie. Words are their speaker's own (`liveness-message.ts`), and nobody
 * is held for dead whom one hears oneself (`liveness-suspects.ts`). The broker's will is a hint: it starts a probe, nothing more.
 *
 * The caller signs and sends what `send` says, hands in what came signed and fresh, and calls with `tick` at `wakeAtMs`.
 */

import { LIMITS } from '../core/limits.ts'
import type { SwimMessage, Word } from './liveness-message.ts'
import { type Probe, Probes } from './liveness-probes.ts'
import { type Change, type Status, Suspects } from './liveness-suspects.ts'
import { Words } from './liveness-words.ts'
import type { Surroundings } from './surroundings.ts'

export type LivenessEvent =
  /** A message whose frame is signed by `from` and was not seen before. */
  | { readonly kind: 'message'; readonly from: string; readonly message: SwimMessage }
  /** Somebody who need not be believed says that he is gone. */
  | { readonly kind: 'hint'; readonly about: string }
  | { readonly kind: 'tick' }

export type LivenessEffect =
  /** `to` null: to everybody in the neighborhood. */
  | { readonly kind: 'send'; readonly to: string | null; readonly message: SwimMessage }
  | ({ readonly kind: 'changed' } & Change)
  /** How long a ping and its ack took. */
  | { readonly kind: 'roundTrip'; readonly peer: string; readonly ms: number }

export interface LivenessOptions {
  /** Identity in 64 hexadecimal digits, as are all names of members. */
  readonly self: string
  /** Higher than in all lives before: the count of starts. */
  readonly incarnation: number
  /** Unsigned 32-bit integer of chance. */
  readonly seed: number
  readonly surroundings: Surroundings
  /** Monotonic, as every `nowMs` after it. */
  readonly nowMs: number
}

export class Liveness {
  readonly #self: string
  readonly #suspects: Suspects
  readonly #probes: Probes
  readonly #words: Words
  #surroundings: Surroundings
  #incarnation: number
  #isAccused = false
  #refutedMs = Number.NEGATIVE_INFINITY
  #probeMs: number
  #nowMs: number
  /** How long this node was late in all: time in which it heard nobody does not count against them. */
  #absentMs = 0
  #localHealth = 0
  #effects: LivenessEffect[] = []

  constructor({ self, incarnation, seed, surroundings, nowMs }: LivenessOptions) {
    this.#self = self
    this.#incarnation = incarnation
    this.#surroundings = surroundings
    this.#suspects = new Suspects(self)
    this.#suspects.surround(surroundings)
    this.#probes = new Probes(seed)
    this.#words = new Words(self)
    this.#nowMs = nowMs
    // nodes that start together shall not probe together
    this.#probeMs = nowMs + (seed % LIMITS.swimProbeIntervalMs)
    this.#speakOfMyself()
  }

  /** What follows from an event. */
  step(event: LivenessEvent, nowMs: number): LivenessEffect[] {
    this.#advance(nowMs)
    if (event.kind === 'message') this.#receive(event.from, event.message)
    if (event.kind === 'hint') this.#hint(event.about)
    this.#work()
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** When to call with `tick` at the latest; another time after each step. */
  wakeAtMs(): number {
    return this.#dueMs() + this.#absentMs
  }

  /** Takes over other members or seats; what is known of those who stay is kept. */
  surround(surroundings: Surroundings): void {
    this.#surroundings = surroundings
    this.#suspects.surround(surroundings)
    this.#words.keep((name) => name === this.#self || this.#suspects.has(name))
    this.#speakOfMyself()
  }

  /** Null for somebody who is no other member. */
  statusOf(member: string): Status | null {
    return this.#suspects.statusOf(member)
  }

  /** 0 to `LIMITS.localHealthMax`: how slow this node takes itself to be; its times are 1 + that as long. */
  get localHealth(): number {
    return this.#localHealth
  }

  #receive(from: string, message: SwimMessage): void {
    if (!this.#suspects.has(from)) return
    this.#suspects.hear(from, message.incarnation, this.#nowMs)
    if (this.#words.accuses(from)) this.#say({ about: from, accuses: false, incarnation: message.incarnation })
    for (const word of message.words) this.#heed(from, word)
    if (message.kind === 'ping') this.#tell('ack', from, message.number)
    if (message.kind === 'ack') this.#answered(from, message.number)
    if (message.kind === 'nack') this.#probes.nacked(from, message.number)
    if (message.kind === 'request') this.#relay(from, message.number, message.target)
  }

  #heed(from: string, { about, accuses, incarnation }: Word): void {
    if (about === this.#self) this.#isAccused ||= accuses && incarnation <= this.#incarnation
    else if (!accuses) this.#suspects.withdraw(from, about)
    else {
      this.#suspects.accuse(from, about, incarnation, this.#nowMs)
      if (this.#isDoubtful(about)) this.#probes.doubt(about)
    }
  }

  #hint(about: string): void {
    if (this.#isDoubtful(about) && !this.#probes.isAnyOpen) this.#probe(about)
    else if (this.#suspects.has(about)) this.#probes.doubt(about)
  }

  /** What others say of him is worth a look of one's own. */
  #isDoubtful(member: string): boolean {
    const status = this.#suspects.statusOf(member)
    if (status === null || status === 'dead') return false
    return this.#nowMs - this.#suspects.heardMsOf(member) >= LIMITS.swimProbeIntervalMs
  }

  #answered(from: string, number: number): void {
    const answered = this.#probes.answered(from, number)
    if (answered?.kind === 'relay') this.#tell('ack', answered.asker, answered.number)
    if (answered?.kind !== 'probe' || !answered.isDirect) return
    const { probe } = answered
    if (!probe.isQuiet) this.#localHealth = Math.max(0, this.#localHealth - 1)
    this.#effects.push({ kind: 'roundTrip', peer: from, ms: this.#nowMs - probe.startedMs })
  }

  #relay(asker: string, theirs: number, target: string): void {
    if (!this.#suspects.has(target)) return
    const number = this.#probes.relay(asker, theirs, target, this.#nowMs, LIMITS.swimRelayMsMax)
    if (number !== null) this.#tell('ping', target, number)
  }

  /** Everything that has become due. */
  #work(): void {
    const silent = this.#probes.unanswered(this.#nowMs, this.#patienceMs(), ({ target, number }) => {
      const helpers = this.#helpersFor(target)
      for (const to of helpers) {
        const words = this.#words.wordsFor(to)
        this.#send(to, { kind: 'request', incarnation: this.#incarnation, number, target, words })
      }
      return helpers
    })
    for (const probe of silent) this.#failed(probe)
    for (const { asker, number } of this.#probes.endedRelays(this.#nowMs)) this.#tell('nack', asker, number)
    if (this.#probeMs <= this.#nowMs) {
      this.#probeMs = this.#nowMs + LIMITS.swimProbeIntervalMs * (1 + this.#localHealth)
      const isMember = (name: string): boolean => this.#suspects.has(name)
      this.#probe(this.#probes.next(this.#surroundings.peers(this.#self), isMember))
      this.#probe(this.#probes.nextDoubted(isMember, (name) => this.#doubtfulSinceMs(name)))
    }
    for (const change of this.#suspects.review(this.#nowMs, this.#suspicionMs())) {
      this.#effects.push({ kind: 'changed', ...change })
    }
    if (this.#refuteMs() <= this.#nowMs) this.#refute()
    if (this.#words.dueMs(this.#localHealth) <= this.#nowMs) {
      const times = Math.ceil(Math.log2(this.#surroundings.members.length + 1))
      const words = this.#words.takeNews(this.#nowMs, times)
      this.#send(null, { kind: 'news', incarnation: this.#incarnation, words })
    }
  }

  #probe(target: string | null): void {
    if (target === null) return
    const isQuiet = this.#suspects.accuses(target)
    const probe = this.#probes.start(target, isQuiet, this.#nowMs, this.#patienceMs())
    if (probe) this.#tell('ping', target, probe.number)
  }

  /** Those who were silent for longest first, so that doubts for no reason hide nobody; whom one accuses oneself after all others. */
  #doubtfulSinceMs(member: string): number {
    return this.#suspects.accuses(member) ? Number.POSITIVE_INFINITY : this.#suspects.heardMsOf(member)
  }

  #tell(kind: 'ping' | 'ack' | 'nack', to: string, number: number): void {
    this.#send(to, { kind, incarnation: this.#incarnation, number, words: this.#words.wordsFor(to) })
  }

  #helpersFor(target: string): string[] {
    const peers = this.#surroundings.peers(this.#self)
    // by one's own eyes: whom others accuse may well be the only honest helper
    const able = peers.filter((name) => name !== target && this.#suspects.has(name) && !this.#suspects.accuses(name))
    return this.#probes.shuffled(able).slice(0, LIMITS.swimHelpers)
  }

  /** Nobody has reached him. Where the helpers are silent, too, the fault may be one's own. */
  #failed({ target, startedMs, isQuiet, isNacked }: Probe): void {
    if (!isQuiet && !isNacked) this.#localHealth = Math.min(LIMITS.localHealthMax, this.#localHealth + 1)
    if (!this.#suspects.has(target) || this.#suspects.heardMsOf(target) >= startedMs) return
    const incarnation = this.#suspects.incarnationOf(target)
    this.#suspects.accuse(this.#self, target, incarnation, this.#nowMs)
    // where others say it in enough rows, everybody can go by them
    if (!this.#suspects.isProven(target) && !this.#words.accuses(target)) {
      this.#say({ about: target, accuses: true, incarnation })
    }
  }

  #refuteMs(): number {
    return this.#isAccused ? this.#refutedMs + LIMITS.swimRefuteMsMin : Number.POSITIVE_INFINITY
  }

  #refute(): void {
    this.#isAccused = false
    this.#refutedMs = this.#nowMs
    this.#incarnation++
    this.#speakOfMyself()
  }

  #speakOfMyself(): void {
    this.#say({ about: this.#self, accuses: false, incarnation: this.#incarnation })
  }

  #say(word: Word): void {
    this.#words.say(word, this.#nowMs)
  }

  #send(to: string | null, message: SwimMessage): void {
    this.#effects.push({ kind: 'send', to, message })
  }

  #patienceMs(): number {
    return LIMITS.swimProbeTimeoutMs * (1 + this.#localHealth)
  }

  #suspicionMs(): number {
    const spread = LIMITS.swimSuspicionMsMax - LIMITS.swimSuspicionMsMin
    return LIMITS.swimSuspicionMsMin + (spread * this.#localHealth) / LIMITS.localHealthMax
  }

  #dueMs(): number {
    const verdictMs = this.#suspects.dueMs(this.#suspicionMs())
    return Math.min(
      this.#probeMs,
      this.#probes.dueMs,
      this.#words.dueMs(this.#localHealth),
      this.#refuteMs(),
      verdictMs,
    )
  }

  /** Goes on to `nowMs`. Where that is far beyond what was due, this node was away: its time stood still meanwhile. */
  #advance(nowMs: number): void {
    const now = Math.max(this.#nowMs, nowMs - this.#absentMs)
    const lateMs = now - this.#dueMs()
    if (lateMs > LIMITS.swimLatenessMsMax) {
      this.#absentMs += lateMs
      this.#localHealth = Math.min(LIMITS.localHealthMax, this.#localHealth + 1)
    }
    this.#nowMs = lateMs > LIMITS.swimLatenessMsMax ? now - lateMs : now
  }
}

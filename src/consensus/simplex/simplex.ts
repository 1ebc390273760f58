/**
 * The Simplex lane: one order of blocks for what many write, with a leader for each slot; two delays from block to block, three to finality.
 *
 * After Chan and Pass (eprint 2023/463), in the form of `research/consensus.md` §3.2: a leader proposes, a quorum notarizes or skips, a quorum finalizes. This is a state machine without
 * input or output of its own: events go in, effects come out, and `flush` says what must be on the disk before any of them is published. What a member signs it has written down with it.
 */

import { assertBytes } from '../../core/bytes.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Committee } from '../committee.ts'
import type { Records, Write } from '../effects.ts'
import { BALLOT, type BallotKind, ballotBytes } from './ballot.ts'
import { candidateBytes } from './candidate.ts'
import { attendanceBytes, type BlockCertificate } from './certificate.ts'
import { Chain, numberOf } from './chain.ts'
import { Desk, type Wish } from './desk.ts'
import { type SimplexEffect, type SimplexEvent, TIMING, type Timing } from './effects.ts'
import { Executor } from './executor.ts'
import { Fetcher } from './fetcher.ts'
import type { BlockMark } from './finality.ts'
import { Intake } from './intake.ts'
import { finalSlot, isUnfinished, type Lane, signingDesk, wantsNow } from './lane.ts'
import { Leaders } from './leaders.ts'
import { Outbox } from './outbox.ts'
import { Pace } from './pace.ts'
import { decodeExecuted, kindKey, LaneLog, SIMPLEX_META, SIMPLEX_SPACE } from './records.ts'
import { Repeater } from './repeater.ts'
import { restore } from './restore.ts'
import type { Block, BlockRules } from './rules.ts'
import { type Slot, Slots } from './slots.ts'
import { Voter } from './voter.ts'
import { Watch } from './watch.ts'

/** What a lane is made of. */
export interface SimplexOptions {
  readonly committee: Committee
  /** The seat that this member votes for; null for an observer, who counts and executes but neither votes nor publishes. */
  readonly seat: number | null
  /** 32-byte hash that the first block stands on. */
  readonly beginning: Uint8Array
  /** 32 bytes that nobody could choose: they draw the leaders. */
  readonly seed: Uint8Array
  /** What earlier lives of this lane have stored; empty for a new one. */
  readonly records: Records
  /** What `execute` changes must be stored together with what `flush` then returns, or the two disagree after a restart. */
  readonly rules: BlockRules
  readonly timing?: Partial<Timing>
}

/** How much a lane holds, for metrics. */
export interface SimplexSizes {
  readonly slots: number
  /** Slots since the newest final one. */
  readonly openSlots: number
  readonly blocks: number
  readonly wanted: number
  readonly queued: number
  /** How long a leader is waited for just after a final block, in ms. */
  readonly skipMs: number
}

/** Own highest slot and what was said in it. */
export interface OwnHighest {
  readonly slot: number
  readonly kinds: readonly BallotKind[]
}

/** A lane, restored from its records. Throws `store-damaged` where they contradict themselves, and what decoding them throws. */
export function createSimplex(options: SimplexOptions): Simplex {
  return new Simplex(options)
}

export class Simplex {
  readonly #lane: Lane
  readonly #executor: Executor
  readonly #fetcher: Fetcher
  readonly #repeater: Repeater
  readonly #intake: Intake
  readonly #voter: Voter
  #isResuming: boolean
  #hasBacklog = false

  /** See `createSimplex`. */
  constructor({ committee, seat, beginning, seed, records, rules, timing = {} }: SimplexOptions) {
    assertBytes('beginning', beginning, 32)
    assertBytes('seed', seed, 32)
    const log = new LaneLog(records, committee.cid)
    const stored = log.get(SIMPLEX_SPACE.meta, SIMPLEX_META.executed)
    const executed = stored ? decodeExecuted(stored) : { slot: null, hash: beginning, ended: false }
    const times = { ...TIMING, ...timing }
    this.#lane = {
      committee,
      seat,
      rules,
      timing: times,
      leaders: new Leaders(committee, seed),
      log,
      slots: new Slots(committee),
      chain: new Chain(committee, log, executed),
      outbox: new Outbox(committee, seat),
      pace: new Pace(times),
      desk: seat === null ? null : new Desk(committee, seat),
      notarized: new Set(),
      undecided: new Set(),
      final: null,
      current: numberOf(executed) + 1,
      highest: -1,
      abstaining: log.get(SIMPLEX_SPACE.meta, SIMPLEX_META.abstain) !== null,
      changed: true,
      nowMs: 0,
    }
    this.#executor = new Executor(this.#lane)
    this.#fetcher = new Fetcher(this.#lane, this.#executor)
    this.#repeater = new Repeater(this.#lane, this.#fetcher)
    this.#intake = new Intake(this.#lane, this.#fetcher, new Watch(this.#lane), () => this.abstain())
    this.#voter = new Voter(this.#lane)
    this.#isResuming = restore(this.#lane)
  }

  /** Signatures to check before an event is stepped; null where it is of no use here: then drop it. Throws `bad-block` for a candidate of a seat that does not lead its slot. */
  checksFor(event: SimplexEvent): SignatureCheck[] | null {
    return this.#intake.checksFor(event)
  }

  /** Signatures to check before a certificate is believed, of use here or not: one that others have published need not be published again. */
  proofChecks(certificate: BlockCertificate): SignatureCheck[] {
    return this.#intake.proofChecks(certificate)
  }

  /** Takes in one event. `nowMs` paces the lane; which votes are allowed does not depend on it. */
  step(event: SimplexEvent, nowMs: number): SimplexEffect[] {
    this.#lane.nowMs = nowMs
    if (this.#intake.isUseful(event)) this.#take(event)
    this.#hasBacklog = false
    this.#settle()
    return this.#lane.outbox.take()
  }

  /** The message to be signed next with the epoch key; null where there is none, or one is being signed. There may be another one after each `seal`. */
  nextSigning(): { readonly message: Uint8Array } | null {
    return signingDesk(this.#lane)?.next((wish) => this.#isUseful(wish)) ?? null
  }

  /** Ends what `nextSigning` began. What comes out may be published once what `flush` then returns is on the disk. */
  seal(signature: Uint8Array): SimplexEffect[] {
    const { committee } = this.#lane
    const said = signingDesk(this.#lane)?.seal(signature)
    if (!said) return []
    if (said.kind === 'ballot') this.#intake.ownBallot(said.ballot)
    else this.#intake.ownCandidate(said.candidate, candidateBytes(committee, said.candidate))
    this.#settle()
    return this.#lane.outbox.take()
  }

  /** All changes since the last call, to be stored together before anything that came out meanwhile is published. */
  flush(): Write[] {
    return this.#lane.log.flush()
  }

  /** When to step a tick at the latest; null while there is nothing to wait for. */
  wakeAtMs(): number | null {
    const { pace, nowMs, slots, current, rules } = this.#lane
    if (this.#hasBacklog || this.#isResuming) return nowMs
    const wantsMs = this.ended ? null : rules.wantsAtMs()
    const times = [pace.repeatAtMs, this.#fetcher.askAtMs, wantsMs !== null && wantsMs > nowMs ? wantsMs : null]
    if (pace.waitingMs !== null && signingDesk(this.#lane)) {
      const skipMs = this.#skipMs
      const impatientMs = pace.waitingMs + skipMs / 2
      const mine = slots.get(current)?.mine
      if (!mine?.skip && !mine?.finalize) times.push(pace.waitingMs + skipMs)
      if (this.#voter.leads() && isUnfinished(this.#lane) && impatientMs > nowMs) times.push(impatientMs)
    }
    const known = times.filter((time) => time !== null)
    return known.length === 0 ? null : Math.min(...known)
  }

  /** The newest executed block; its slot is null at the beginning. */
  get lastFinal(): BlockMark {
    const { slot, hash } = this.#lane.chain.executed
    return { slot, hash }
  }

  /** The epoch has ended: nothing is signed here any more. Questions are still answered. */
  get ended(): boolean {
    return this.#lane.chain.executed.ended
  }

  /** The FINALIZE certificate of the highest slot that is known here; null before the first. */
  finalCertificate(): Uint8Array | null {
    return this.#lane.final?.bytes ?? null
  }

  /** A block that is held, final or not; null where it is not. */
  blockOf(slot: number, hash: Uint8Array): Block | null {
    return this.#lane.chain.blockOf(slot, hash)
  }

  /** A certificate of a final block with every ballot that is known here: puts on record who voted for it. Null where too few are known any more. */
  attendanceOf(slot: number, hash: Uint8Array): Uint8Array | null {
    const { slots, committee } = this.#lane
    const ballots = slots.get(slot)
    const [most] = [BALLOT.finalize, BALLOT.notarize]
      .map((kind) => ballots?.ballotsFor({ kind, slot, hash }) ?? [])
      .sort((one, other) => other.length - one.length)
    const [first] = most ?? []
    return most && first ? attendanceBytes(committee, { kind: first.kind, slot, hash }, most) : null
  }

  /** Own newest ballots; null where there are none. */
  highest(): OwnHighest | null {
    const { seat, slots } = this.#lane
    let highest: OwnHighest | null = null
    for (const slot of slots.all()) {
      const kinds = seat === null ? [] : slot.ballotsOf(seat).map(({ kind }) => kind)
      if (kinds.length > 0 && slot.number > (highest?.slot ?? -1)) highest = { slot: slot.number, kinds }
    }
    return highest
  }

  /** What this seat was seen to sign in its highest slot: what to answer to a member that asks after a restart. It checks and steps that. */
  newestOf(seat: number): Uint8Array[] {
    const { committee, slots, chain } = this.#lane
    let newest: Slot | null = null
    for (const slot of slots.all()) if (slot.hasHeard(seat) && slot.number > (newest?.number ?? -1)) newest = slot
    if (!newest) return []
    const { number, proposals } = newest
    const proposed = proposals.map(({ leader, hash }) => (leader === seat ? chain.bytesOf(number, hash) : null))
    const ballots = newest.ballotsOf(seat).map((ballot) => ballotBytes(committee, ballot))
    return [...proposed.filter((bytes) => bytes !== null), ...ballots]
  }

  /** Stops voting for the rest of the epoch, after restarts too. Counting and executing go on. */
  abstain(): void {
    this.#lane.abstaining = true
    this.#lane.desk?.clear()
    this.#lane.log.put(SIMPLEX_SPACE.meta, SIMPLEX_META.abstain, Uint8Array.of(0x80))
  }

  get abstaining(): boolean {
    return this.#lane.abstaining
  }

  get sizes(): SimplexSizes {
    const { slots, current, chain, desk, pace } = this.#lane
    return {
      slots: slots.size,
      openSlots: current - finalSlot(this.#lane) - 1,
      blocks: chain.size,
      wanted: this.#fetcher.size,
      queued: desk?.size ?? 0,
      skipMs: pace.skipMs(0),
    }
  }

  #take(event: SimplexEvent): void {
    switch (event.kind) {
      case 'candidate':
        this.#intake.candidate(event.candidate, event.bytes)
        break
      case 'ballot':
        this.#intake.ballot(event.ballot)
        break
      case 'certificate':
        this.#intake.certificate(event.certificate, event.bytes)
        break
      case 'ask':
        this.#repeater.answer(event)
        break
      case 'tick':
        this.#lane.changed = true
        break
    }
  }

  /** Does everything that the rules now allow, then looks at the clock. */
  #settle(): void {
    const lane = this.#lane
    const hasChanged = lane.changed
    while (lane.changed) {
      lane.changed = false
      this.#advance()
      if (!this.#hasBacklog) this.#hasBacklog = this.#executor.run()
      this.#voter.notarize()
      this.#voter.finalize()
      this.#voter.propose(this.#isImpatient)
    }
    if (hasChanged) {
      this.#forget()
      this.#fetcher.look()
    }
    this.#watchClock()
  }

  #advance(): void {
    const lane = this.#lane
    while (lane.slots.get(lane.current)?.resolved && lane.current - finalSlot(lane) <= LIMITS.openSlotsOfLaneMax) {
      lane.current++
      lane.pace.nextSlot()
    }
  }

  #watchClock(): void {
    const { pace, slots, current, nowMs } = this.#lane
    const isOpen = !this.ended
    const isStuck =
      isOpen && (isUnfinished(this.#lane) || this.#executor.isBehind || slots.get(current)?.touched === true)
    pace.observe(nowMs, isOpen && (isStuck || wantsNow(this.#lane)), isStuck)
    if (pace.waitingMs !== null && nowMs >= pace.waitingMs + this.#skipMs) this.#voter.skip()
    if (this.#isResuming || (pace.repeatAtMs !== null && nowMs >= pace.repeatAtMs)) {
      this.#repeater.standstill()
      pace.repeated(nowMs)
    }
    this.#isResuming = false
    this.#fetcher.tick()
  }

  get #skipMs(): number {
    return this.#lane.pace.skipMs(this.#lane.current - 1 - finalSlot(this.#lane))
  }

  get #isImpatient(): boolean {
    const { pace, nowMs } = this.#lane
    return pace.waitingMs !== null && nowMs >= pace.waitingMs + this.#skipMs / 2
  }

  /** A statement about a slot that is decided, or a candidate for one that was passed by, is not signed. */
  #isUseful(wish: Wish): boolean {
    if (wish.kind === 'candidate') return wish.candidate.slot === this.#lane.current
    return wish.verdict.slot > finalSlot(this.#lane)
  }

  /** Lets go of what no rule can need any more. Slots above the executed block keep their certificates. */
  #forget(): void {
    const { slots, chain, current, log } = this.#lane
    const old = current - LIMITS.slotsBehindMax
    for (const slot of slots.all()) {
      if (slot.number >= old) continue
      if (slot.number > numberOf(chain.executed)) {
        if (!slot.certificate(BALLOT.notarize) && slot.certificate(BALLOT.skip)) slot.compact()
        continue
      }
      slots.delete(slot.number)
      if (slot.mine.notarize) log.put(SIMPLEX_SPACE.ballot, kindKey(slot.number, BALLOT.notarize), null)
      if (slot.mine.finalize) log.put(SIMPLEX_SPACE.ballot, kindKey(slot.number, BALLOT.finalize), null)
      if (slot.mine.skip) log.put(SIMPLEX_SPACE.ballot, kindKey(slot.number, BALLOT.skip), null)
    }
  }
}

/**
 * What is taken in from others, and what it brings about: candidates are held, ballots counted, certificates formed, or adopted from whoever formed them first (S5).
 *
 * What lies far ahead, or says nothing new, is turned away before a signature of it is checked. A seat that is shown a statement of its own which its log lacks stops voting:
 * the log is an old copy, or there are two of it.
 */

import { equal } from '../../core/bytes.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { BALLOT, type Ballot, ballotCheck, type Verdict } from './ballot.ts'
import { type Candidate, candidateCheck, headerAlone } from './candidate.ts'
import { type BlockCertificate, blockCertificateBytes, blockCertificateChecks } from './certificate.ts'
import { numberOf } from './chain.ts'
import type { SimplexEvent } from './effects.ts'
import type { Fetcher } from './fetcher.ts'
import { type FinalMark, finalSlot, type Lane } from './lane.ts'
import { encodeBallot, kindKey, SIMPLEX_SPACE } from './records.ts'
import type { Slot } from './slots.ts'
import type { Watch } from './watch.ts'

export class Intake {
  readonly #lane: Lane
  readonly #fetcher: Fetcher
  readonly #watch: Watch
  readonly #abstain: () => void

  /** `abstain` is called where the log turns out to be incomplete. */
  constructor(lane: Lane, fetcher: Fetcher, watch: Watch, abstain: () => void) {
    this.#lane = lane
    this.#fetcher = fetcher
    this.#watch = watch
    this.#abstain = abstain
  }

  /** Signatures to check before an event is taken in; null where it is of no use here. Throws `bad-block` for a candidate of a seat that does not lead its slot. */
  checksFor(event: SimplexEvent): SignatureCheck[] | null {
    const { committee } = this.#lane
    if (event.kind === 'ask' || event.kind === 'tick') return []
    if (!this.isUseful(event)) return null
    if (event.kind === 'candidate') return [candidateCheck(committee, event.candidate)]
    if (event.kind === 'ballot') return [ballotCheck(committee, event.ballot)]
    return this.proofChecks(event.certificate)
  }

  /** Signatures of a certificate that were not checked here before. */
  proofChecks(certificate: BlockCertificate): SignatureCheck[] {
    const { committee, slots } = this.#lane
    return blockCertificateChecks(committee, certificate, (ballot) => {
      const known = slots.get(ballot.slot)?.ballot(ballot.kind, ballot.seat)
      return known != null && equal(known.hash, ballot.hash) && equal(known.signature, ballot.signature)
    })
  }

  /** True where an event may change something. */
  isUseful(event: SimplexEvent): boolean {
    if (event.kind === 'ask' || event.kind === 'tick') return true
    if (this.#lane.chain.executed.ended) return false
    if (event.kind === 'candidate') return this.#needsCandidate(event.candidate)
    return event.kind === 'ballot' ? this.#needsBallot(event.ballot) : this.#needsCertificate(event.certificate)
  }

  candidate(candidate: Candidate, bytes: Uint8Array): void {
    const { chain, slots, undecided, nowMs } = this.#lane
    const { slot: number, hash } = candidate
    if (this.#isLost(candidate.leader, number, chain.has(number, hash))) this.#lose(number)
    if (this.#isNear(number)) {
      const slot = slots.ensure(number)
      const [first] = slot.proposals
      if (!first) slot.proposals.push(headerAlone(candidate))
      else if (slot.proposals.length === 1 && !equal(first.hash, hash)) {
        slot.proposals.push(headerAlone(candidate))
        this.#watch.candidates(first, candidate)
      }
      slot.candidateMs ??= nowMs
    }
    if (number <= numberOf(chain.executed)) return
    chain.add(candidate, bytes)
    if (number > finalSlot(this.#lane)) undecided.add(number)
    this.#lane.changed = true
  }

  ballot(ballot: Ballot): void {
    const { slots } = this.#lane
    if (this.#isLost(ballot.seat, ballot.slot, this.#hasSaid(ballot))) this.#lose(ballot.slot)
    if (!this.#isNear(ballot.slot)) return
    const slot = slots.ensure(ballot.slot)
    const rival = slot.conflict(ballot)
    if (rival) this.#watch.ballots(slot, rival, ballot)
    if (slots.count(copyOf(ballot))) this.#form(slot, ballot)
  }

  certificate(certificate: BlockCertificate, bytes: Uint8Array): void {
    const { kind, slot, hash } = certificate
    this.#lane.highest = Math.max(this.#lane.highest, slot)
    this.#lane.changed = true
    if (kind === BALLOT.finalize || slot <= this.#lane.current + LIMITS.slotsAheadMax) {
      this.#adopt({ kind, slot, hash: hash.slice() }, bytes)
    }
    for (const ballot of certificate.ballots) this.ballot(ballot)
  }

  /** An own candidate is signed: it is held before it is published. */
  ownCandidate(candidate: Candidate, bytes: Uint8Array): void {
    this.#lane.outbox.own('candidate', bytes, candidate.slot)
    const { slots, chain, undecided, nowMs } = this.#lane
    const slot = slots.ensure(candidate.slot)
    slot.proposals.push(headerAlone(candidate))
    slot.candidateMs ??= nowMs
    chain.add(candidate, bytes)
    undecided.add(candidate.slot)
    this.#lane.changed = true
  }

  /** An own ballot is signed: its record and the ballot leave together. */
  ownBallot(ballot: Ballot): void {
    const { slots, log, outbox } = this.#lane
    const slot = slots.ensure(ballot.slot)
    slots.count(ballot)
    log.put(SIMPLEX_SPACE.ballot, kindKey(ballot.slot, ballot.kind), encodeBallot(ballot))
    outbox.ballot(ballot)
    this.#form(slot, ballot)
  }

  #needsCandidate({ slot: number, hash, leader }: Candidate): boolean {
    const { chain, slots, leaders, seat } = this.#lane
    const isWanted = this.#fetcher.isWanted(number, hash)
    if (!isWanted && !this.#isNear(number) && leader !== seat) return false
    if (leaders.of(number) !== leader) throw new WebxError('bad-block', `seat ${leader} does not lead slot ${number}`)
    if (chain.has(number, hash)) return false
    if (isWanted || this.#isLost(leader, number, false)) return true
    const proposals = slots.get(number)?.proposals ?? []
    if (proposals.some((proposal) => equal(proposal.hash, hash))) return false
    // of what is decided only a second block is of interest: it convicts
    return number > numberOf(chain.executed) ? proposals.length < 2 : proposals.length === 1
  }

  #needsBallot(ballot: Ballot): boolean {
    const { slots, chain } = this.#lane
    const slot = slots.get(ballot.slot)
    const known = slot?.ballot(ballot.kind, ballot.seat)
    if (known && equal(known.hash, ballot.hash)) return false
    if (this.#isLost(ballot.seat, ballot.slot, this.#hasSaid(ballot))) return true
    if (!this.#isNear(ballot.slot)) return false
    const isAccused = slot !== null && (slot.accused & (1 << ballot.seat)) !== 0
    const convicts = slot?.conflict(ballot) != null && !isAccused
    return convicts || (ballot.slot > numberOf(chain.executed) && !known)
  }

  #needsCertificate({ kind, slot }: BlockCertificate): boolean {
    const { slots, current, highest } = this.#lane
    if (slot <= finalSlot(this.#lane)) return false
    if (kind === BALLOT.finalize) return true
    if (slot > current + LIMITS.slotsAheadMax) return slot > highest
    return slots.get(slot)?.certificate(kind) == null
  }

  /** True for a slot that votes are counted in. */
  #isNear(slot: number): boolean {
    const { current } = this.#lane
    return slot >= current - LIMITS.slotsBehindMax && slot <= current + LIMITS.slotsAheadMax
  }

  /** True where this member has signed what its log lacks, and what may still count. */
  #isLost(seat: number, slot: number, isKnown: boolean): boolean {
    return !isKnown && seat === this.#lane.seat && !this.#lane.abstaining && slot > finalSlot(this.#lane)
  }

  #hasSaid({ slot, kind, hash }: Verdict): boolean {
    const mine = this.#lane.slots.get(slot)?.mine
    if (kind === BALLOT.skip) return mine?.skip === true
    const named = kind === BALLOT.notarize ? mine?.notarize : mine?.finalize
    return named != null && equal(named, hash)
  }

  #lose(slot: number): void {
    this.#abstain()
    this.#lane.outbox.add({ kind: 'log-lost', slot })
  }

  #form(slot: Slot, verdict: Verdict): void {
    const { committee, outbox, pace, nowMs } = this.#lane
    const { kind, hash } = verdict
    if (slot.weight(verdict) < committee.quorum || slot.certificate(kind) || slot.number <= finalSlot(this.#lane))
      return
    const bytes = blockCertificateBytes(committee, verdict, slot.ballotsFor(verdict))
    this.#adopt({ kind, slot: slot.number, hash }, bytes)
    if (kind === BALLOT.notarize && slot.candidateMs !== null) pace.sample(nowMs - slot.candidateMs)
    outbox.ranked('certificate', bytes, slot.number, slot.number)
  }

  #adopt({ kind, slot, hash }: Verdict, bytes: Uint8Array): void {
    if (slot <= finalSlot(this.#lane)) return
    const { log, slots, notarized } = this.#lane
    this.#lane.highest = Math.max(this.#lane.highest, slot)
    this.#lane.changed = true
    log.put(SIMPLEX_SPACE.certificate, kindKey(slot, kind), bytes)
    slots.ensure(slot).hold(kind, { hash, bytes })
    if (kind === BALLOT.notarize) notarized.add(slot)
    if (kind === BALLOT.finalize) this.#finalize({ slot, hash, bytes })
  }

  #finalize(mark: FinalMark): void {
    const { final, log, slots, notarized, undecided } = this.#lane
    const rival = slots.notarized(mark.slot)
    if (rival && !equal(rival, mark.hash)) {
      throw new WebxError('internal', `two blocks of slot ${mark.slot} have a quorum: a third of the weight lies`)
    }
    if (final) log.put(SIMPLEX_SPACE.certificate, kindKey(final.slot, BALLOT.finalize), null)
    for (const slot of slots.all()) {
      if (slot.number > mark.slot) continue
      notarized.delete(slot.number)
      undecided.delete(slot.number)
      for (const kind of [BALLOT.notarize, BALLOT.skip]) {
        if (slot.certificate(kind)) log.put(SIMPLEX_SPACE.certificate, kindKey(slot.number, kind), null)
      }
    }
    this.#lane.final = mark
    if (this.#lane.current <= mark.slot) {
      this.#lane.current = mark.slot + 1
      this.#lane.pace.nextSlot()
    }
  }
}

/** What is kept of a ballot must not keep the message alive that it came in. */
function copyOf(ballot: Ballot): Ballot {
  return { ...ballot, hash: ballot.hash.slice(), signature: ballot.signature.slice() }
}

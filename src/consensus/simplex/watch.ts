/**
 * Notices what the rules of the Simplex lane forbid and turns it into evidence: two blocks in one slot, by a leader or by a voter; FINALIZE and SKIP of one seat.
 */

import { blake3Of } from '../../core/digest.ts'
import { LIMITS } from '../../core/limits.ts'
import { doubleBallotEvidence, doubleCandidateEvidence, type EvidenceKind } from '../evidence.ts'
import { SPACE } from '../records.ts'
import type { Ballot } from './ballot.ts'
import { BALLOT } from './ballot.ts'
import type { SignedCandidateHeader } from './candidate.ts'
import type { Lane } from './lane.ts'
import type { Slot } from './slots.ts'

export class Watch {
  readonly #lane: Lane
  /** How often each seat was accused. */
  readonly #accusations: number[] = []

  constructor(lane: Lane) {
    this.#lane = lane
  }

  /** A seat has cast two ballots that the rules forbid together. It is accused once for each slot. */
  ballots(slot: Slot, one: Ballot, other: Ballot): void {
    const bit = 1 << one.seat
    if ((slot.accused & bit) !== 0) return
    slot.accused |= bit
    const isSkip = one.kind === BALLOT.skip || other.kind === BALLOT.skip
    const bytes = doubleBallotEvidence(this.#lane.committee, one, other)
    this.#accuse(one.seat, isSkip ? 'final-and-skip' : 'double-ballot', bytes, slot.number)
  }

  /** A leader has proposed two blocks. */
  candidates(one: SignedCandidateHeader, other: SignedCandidateHeader): void {
    const bytes = doubleCandidateEvidence(this.#lane.committee, one, other)
    this.#accuse(one.leader, 'double-candidate', bytes, one.slot)
  }

  #accuse(seat: number, of: EvidenceKind, bytes: Uint8Array, turn: number): void {
    const { committee, log, outbox } = this.#lane
    const guilty = committee.seats[seat]?.memberId
    const digest = blake3Of('webx v1 evidence', bytes)
    const count = this.#accusations[seat] ?? 0
    if (!guilty || count >= LIMITS.evidencePerGuiltyMax || log.getShared(SPACE.evidence, digest)) return
    this.#accusations[seat] = count + 1
    log.putShared(SPACE.evidence, digest, bytes)
    outbox.add({ kind: 'evidence', guilty, of, bytes })
    outbox.ranked('evidence', bytes, null, turn)
  }
}

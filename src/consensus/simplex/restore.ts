/**
 * Brings a lane back to what it has stored.
 *
 * Everything of a turn is stored together, so what is found is the state after some turn: every ballot that was ever given is there, with the block that it was for. Ballots of others
 * are not kept; the members repeat theirs when a slot does not get on.
 */

import { decodeEnvelope } from '../../core/envelope.ts'
import { BALLOT } from './ballot.ts'
import { headerAlone, readCandidate } from './candidate.ts'
import { readBlockCertificate } from './certificate.ts'
import { finalSlot, type Lane } from './lane.ts'
import { decodeBallot, SIMPLEX_SPACE } from './records.ts'

/** Reads all that is above the executed block; true where this member has said something that the others may not have heard. */
export function restore(lane: Lane): boolean {
  restoreCertificates(lane)
  restoreCandidates(lane)
  return restoreBallots(lane)
}

function restoreCertificates(lane: Lane): void {
  const { log, committee, slots, notarized } = lane
  for (const { value } of log.scan(SIMPLEX_SPACE.certificate)) {
    const { kind, slot, hash } = readBlockCertificate(decodeEnvelope(value), committee)
    slots.ensure(slot).hold(kind, { hash, bytes: value })
    lane.highest = Math.max(lane.highest, slot)
    if (kind === BALLOT.notarize) notarized.add(slot)
    if (kind === BALLOT.finalize && slot > (lane.final?.slot ?? -1)) lane.final = { slot, hash, bytes: value }
  }
  for (const slot of notarized) if (slot <= finalSlot(lane)) notarized.delete(slot)
  lane.current = finalSlot(lane) + 1
}

function restoreCandidates(lane: Lane): void {
  const { log, committee, slots, chain, undecided, seat } = lane
  for (const { value } of log.scan(SIMPLEX_SPACE.candidate)) {
    const candidate = readCandidate(decodeEnvelope(value), committee)
    const slot = slots.ensure(candidate.slot)
    if (slot.proposals.length < 2) slot.proposals.push(headerAlone(candidate))
    if (candidate.leader === seat) slot.mine.proposed = true
    chain.add(candidate, null)
    if (candidate.slot > finalSlot(lane)) undecided.add(candidate.slot)
  }
}

function restoreBallots(lane: Lane): boolean {
  const { log, slots, seat } = lane
  if (seat === null) return false
  let mayRepeat = false
  for (const { key, value } of log.scan(SIMPLEX_SPACE.ballot)) {
    const ballot = decodeBallot(key, value, seat)
    slots.count(ballot)
    const { mine } = slots.ensure(ballot.slot)
    if (ballot.kind === BALLOT.skip) mine.skip = true
    if (ballot.kind === BALLOT.notarize) mine.notarize = ballot.hash
    if (ballot.kind === BALLOT.finalize) mine.finalize = ballot.hash
    mayRepeat ||= ballot.slot > finalSlot(lane)
  }
  return mayRepeat
}

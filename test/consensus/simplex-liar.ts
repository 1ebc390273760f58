/**
 * A scripted liar among Simplex lanes: as a leader it proposes two blocks, on any parent it likes, each to a part of the members; as a voter it says everything about everything, to some.
 */

import type { Committee, CommitteeSeat } from '../../src/consensus/committee.ts'
import {
  BALLOT,
  type Ballot,
  ballotBytes,
  ballotMessage,
  NO_BLOCK,
  type Verdict,
} from '../../src/consensus/simplex/ballot.ts'
import {
  type Candidate,
  candidateBytes,
  candidateMessage,
  composeHeader,
  payloadDigestOf,
  payloadOf,
} from '../../src/consensus/simplex/candidate.ts'
import type { BlockMark } from '../../src/consensus/simplex/finality.ts'
import { Leaders } from '../../src/consensus/simplex/leaders.ts'
import { fromText } from '../../src/core/bytes.ts'
import { BEGINNING, cheapSignature, SEED, type SimplexNet } from './simplex-net.ts'

/** A signed ballot, whatever it says. */
export function castBallot(committee: Committee, seat: number, verdict: Verdict): Ballot {
  const { epochKey } = committee.seats[seat] as CommitteeSeat
  return { ...verdict, seat, signature: cheapSignature(epochKey, ballotMessage(committee, seat, verdict)) }
}

/** A signed candidate, whatever it stands on. */
export function castCandidate(
  committee: Committee,
  leader: number,
  slot: number,
  parent: BlockMark,
  texts: readonly string[],
): Candidate {
  const { epochKey } = committee.seats[leader] as CommitteeSeat
  const transactions = texts.map(fromText)
  const payloadDigest = payloadDigestOf(payloadOf(transactions))
  const fields = { leader, slot, parentSlot: parent.slot, parentHash: parent.hash, payloadDigest }
  const header = composeHeader(committee, fields)
  const signature = cheapSignature(epochKey, candidateMessage(committee, header))
  return { ...header, signature, transactions }
}

/** Makes these seats lie for as long as `untilMs`; their lanes are silent. */
export function lie(net: SimplexNet, seats: readonly number[], untilMs: number): void {
  const { committee } = net
  const leaders = new Leaders(committee, SEED)
  const parents: BlockMark[] = [{ slot: null, hash: BEGINNING }]
  const lied = new Set<string>()
  for (const seat of seats) {
    net.liars.add(seat)
    net.peer(seat).up = false
  }
  const some = (): number[] => [...net.peers.keys()].filter((number) => !seats.includes(number) && net.random() < 0.6)
  const soon = (run: () => void): void => net.at(net.nowMs + 1 + 20 * net.random(), run)

  function propose(seat: number, slot: number): void {
    for (const text of ['one', 'other']) {
      const recent = parents.slice(-3)
      const parent = recent[Math.floor(net.random() * recent.length)] as BlockMark
      if ((parent.slot ?? -1) >= slot) continue
      const candidate = castCandidate(committee, seat, slot, parent, [`${text} ${slot}`])
      net.broadcast(seat, candidateBytes(committee, candidate), some())
    }
  }

  function vote(seat: number, slot: number, hash: Uint8Array): void {
    const verdicts: Verdict[] = [
      { kind: BALLOT.notarize, slot, hash },
      { kind: BALLOT.finalize, slot, hash },
      { kind: BALLOT.skip, slot, hash: NO_BLOCK },
    ]
    for (const verdict of verdicts) {
      net.broadcast(seat, ballotBytes(committee, castBallot(committee, seat, verdict)), some())
    }
  }

  function once(name: string, run: () => void): void {
    if (lied.has(name)) return
    lied.add(name)
    soon(run)
  }

  net.onPublished = (_, event) => {
    if (net.nowMs > untilMs) return
    if (event.kind === 'candidate') {
      const { slot, hash } = event.candidate
      parents.push({ slot, hash })
      for (const seat of seats) once(`${seat} votes ${slot} ${hash}`, () => vote(seat, slot, hash))
    }
    if (event.kind !== 'ballot' && event.kind !== 'certificate') return
    const said = event.kind === 'ballot' ? event.ballot : event.certificate
    for (const slot of [said.slot, said.slot + 1]) {
      const leader = leaders.of(slot)
      if (seats.includes(leader)) once(`${leader} leads ${slot}`, () => propose(leader, slot))
    }
  }
}

/** Oracles about votes and proofs: they know the protocol by the book and count for themselves. */

import type { Certificate } from '../../src/consensus/certificate.ts'
import type { Committee } from '../../src/consensus/committee.ts'
import { readEvidence } from '../../src/consensus/evidence.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { merkleVerify } from '../../src/consensus/merkle.ts'
import { BALLOT } from '../../src/consensus/simplex/ballot.ts'
import { entryLeaf, headerCheck, VOTE, type VoteEntry } from '../../src/consensus/statement.ts'
import { toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import type { Notice } from './machine.ts'
import type { Accuse, Oracle, Speaker } from './oracle.ts'
import { type Named, nameOf, type Said } from './said.ts'
import type { Stage } from './stage.ts'

/** `oid/version`. */
export function slotOf({ oid, version }: Pick<VoteEntry, 'oid' | 'version'>): string {
  return `${toHex(oid)}/${version}`
}

/** All votes that were ever shown with a signature that holds: by kind, slot and order, the seats as bits. Not an oracle itself: what others count with. */
export class Votes implements Oracle {
  readonly name = 'votes'
  readonly #stage: Stage
  readonly #seats = new Map<string, number>()

  constructor(stage: Stage) {
    this.#stage = stage
  }

  published(_by: Speaker, said: Said): void {
    if (said.kind === 'votes' && said.signed) {
      for (const name of said.names) this.#add(said.committee, name, said.batch.seat)
    }
    if (said.kind === 'certificate') {
      for (const seat of validSeats(said.certificate, said.committee, this.#stage)) {
        this.#add(said.committee, said.name, seat)
      }
    }
  }

  /** The most votes that it has in any epoch. */
  count(name: Named): number {
    let most = 0
    for (const { epoch } of this.#stage.committees.values()) most = Math.max(most, this.countIn(epoch, name))
    return most
  }

  countIn(epoch: number, { slot, od }: Named): number {
    let count = 0
    for (let bits = this.#seats.get(epoch + slot + od) ?? 0; bits !== 0; bits &= bits - 1) count++
    return count
  }

  #add({ epoch }: Committee, { slot, od }: Named, seat: number): void {
    const name = epoch + slot + od
    this.#seats.set(name, (this.#seats.get(name) ?? 0) | (1 << seat))
  }
}

const valid = new WeakMap<Certificate, Set<number>>()

/** Distinct seats whose vote a proof really shows. */
function validSeats(certificate: Certificate, committee: Committee, stage: Stage): Set<number> {
  const known = valid.get(certificate)
  if (known) return known
  const leaf = entryLeaf(certificate)
  const seats = new Set<number>()
  for (const proof of certificate.proofs) {
    const { root, count, index, path } = proof
    if (!merkleVerify(root, count, index, leaf, path)) continue
    if (stage.holds(headerCheck(committee, proof))) seats.add(proof.seat)
  }
  valid.set(certificate, seats)
  return seats
}

/** Nobody honest signs two things that exclude each other: in this life or a later one, whoever passes them on. */
export class NoDoubleVote implements Oracle {
  readonly name = 'no double vote'
  readonly #accuse: Accuse
  readonly #isHonest: (committee: Committee, seat: number) => boolean
  readonly #said = new Map<string, string>()

  constructor(accuse: Accuse, isHonest: (committee: Committee, seat: number) => boolean) {
    this.#accuse = accuse
    this.#isHonest = isHonest
  }

  published(_by: Speaker, said: Said): void {
    if (said.kind === 'votes' && said.signed && this.#isHonest(said.committee, said.batch.seat)) {
      const who = `${said.committee.epoch}/${said.batch.seat}`
      this.#once(`${who} batch ${said.batch.sequence}`, keyOf(said.batch.root))
      for (const { slot, od } of said.names) this.#once(`${who} vote ${slot}`, od)
    }
    if (said.kind === 'candidate' && said.signed && this.#isHonest(said.committee, said.candidate.leader)) {
      const { leader, slot, hash } = said.candidate
      this.#once(`${said.committee.epoch}/${leader} candidate ${slot}`, keyOf(hash))
    }
    if (said.kind === 'ballot' && said.signed && this.#isHonest(said.committee, said.ballot.seat)) {
      const { seat, kind, slot, hash } = said.ballot
      const who = `${said.committee.epoch}/${seat}`
      if (kind !== BALLOT.skip) this.#once(`${who} block ${slot}`, keyOf(hash))
      if (kind !== BALLOT.notarize) this.#once(`${who} end ${slot}`, kind === BALLOT.skip ? 'SKIP' : 'FINALIZE')
    }
  }

  #once(name: string, value: string): void {
    const before = this.#said.get(name)
    if (before !== undefined && before !== value) {
      this.#accuse(this, `epoch/seat ${name.split(' ', 2).join(': second ')}`)
    }
    this.#said.set(name, value)
  }
}

/** Nobody honest votes for what must never be voted for, and what a vote rests on is there: a CONFIRM stands on a quorum of LOCKs, a second version on the first. */
export class FoundedVotes implements Oracle {
  readonly name = 'founded votes'
  readonly #accuse: Accuse
  readonly #votes: Votes
  readonly #stage: Stage
  readonly #forbidden: ReadonlyMap<string, string>

  constructor(accuse: Accuse, votes: Votes, stage: Stage, forbidden: ReadonlyMap<string, string>) {
    this.#accuse = accuse
    this.#votes = votes
    this.#stage = stage
    this.#forbidden = forbidden
  }

  published(by: Speaker, said: Said): void {
    if (!by.honest || said.kind !== 'votes') return
    for (const entry of said.batch.entries) {
      const why = this.#forbidden.size > 0 ? this.#forbidden.get(toHex(entry.od)) : undefined
      if (why) this.#accuse(this, `seat ${by.seat} voted for an order that ${why}`)
      if (entry.kind !== VOTE.confirm) continue
      const locks = this.#votes.countIn(said.committee.epoch, nameOf({ ...entry, kind: VOTE.lock }))
      if (locks < this.#stage.quorum) this.#accuse(this, `seat ${by.seat} confirmed on ${locks} locks`)
    }
  }
}

/** What an honest node publishes as a proof is one, and no version has two. */
export class OneCertificate implements Oracle {
  readonly name = 'one certificate'
  readonly #accuse: Accuse
  readonly #stage: Stage
  readonly #decided = new Map<string, string>()

  constructor(accuse: Accuse, stage: Stage) {
    this.#accuse = accuse
    this.#stage = stage
  }

  published(by: Speaker, said: Said): void {
    if (by.honest && said.kind === 'rubbish')
      this.#accuse(this, `seat ${by.seat} published rubbish: ${said.error.message}`)
    if (said.kind !== 'certificate') return
    const { certificate, committee } = said
    const seats = validSeats(certificate, committee, this.#stage).size
    if (seats < this.#stage.quorum) {
      if (by.honest) this.#accuse(this, `seat ${by.seat} published a proof with ${seats} votes`)
      return
    }
    const slot = slotOf(certificate)
    // what was certified in one epoch and not settled may give way in the next
    this.#once(`${committee.epoch} ${slot}`, toHex(certificate.od))
    if (certificate.kind === VOTE.confirm) this.#once(`settled ${slot}`, toHex(certificate.od))
  }

  #once(slot: string, od: string): void {
    const before = this.#decided.get(slot)
    if (before !== undefined && before !== od) this.#accuse(this, `two orders have proofs at ${slot}`)
    this.#decided.set(slot, od)
  }
}

/** SETTLED and STRONG are said only where so many have confirmed, and of one order for each version. */
export class FoundedSettlement implements Oracle {
  readonly name = 'founded settlement'
  readonly #accuse: Accuse
  readonly #votes: Votes
  readonly #stage: Stage
  readonly #settled = new Map<string, string>()
  readonly #chain = new Map<string, Uint8Array>()

  constructor(accuse: Accuse, votes: Votes, stage: Stage) {
    this.#accuse = accuse
    this.#votes = votes
    this.#stage = stage
  }

  reported({ seat }: Speaker, notice: Notice): void {
    if (notice.kind === 'strong') {
      const confirms = this.#votes.count(nameOf({ ...notice, kind: VOTE.confirm }))
      if (confirms < this.#stage.strong) this.#accuse(this, `seat ${seat} says STRONG on ${confirms} confirmations`)
    }
    if (notice.kind === 'certified') {
      const { order } = notice
      const locks = this.#votes.count(nameOf({ ...order, kind: VOTE.lock }))
      const confirms = this.#votes.count(nameOf({ ...order, kind: VOTE.confirm }))
      if (Math.max(locks, confirms) < this.#stage.quorum) this.#accuse(this, `seat ${seat} certified on ${locks} locks`)
    }
    if (notice.kind !== 'settled') return
    const { order } = notice
    const slot = slotOf(order)
    const confirms = this.#votes.count(nameOf({ ...order, kind: VOTE.confirm }))
    if (confirms < this.#stage.quorum) this.#accuse(this, `seat ${seat} settled on ${confirms} confirmations`)
    const before = this.#settled.get(slot)
    if (before !== undefined && before !== toHex(order.od)) this.#accuse(this, `two orders are settled at ${slot}`)
    this.#settled.set(slot, toHex(order.od))
    this.#chain.set(slot, order.od)
    const previous = this.#chain.get(slotOf({ oid: order.oid, version: order.version - 1 }))
    if (previous && toHex(previous) !== toHex(order.previous))
      this.#accuse(this, `${slot} does not follow what is settled before it`)
  }
}

/** Evidence holds, and names nobody but those who broke a rule. */
export class OnlyTheGuilty implements Oracle {
  readonly name = 'evidence names only the guilty'
  readonly #accuse: Accuse
  readonly #stage: Stage
  readonly #guilty: ReadonlySet<string>
  readonly #thieves: ReadonlySet<string>

  /** `guilty`: identities of lying members; `thieves`: of owners who signed twice. */
  constructor(accuse: Accuse, stage: Stage, guilty: ReadonlySet<string>, thieves: ReadonlySet<string>) {
    this.#accuse = accuse
    this.#stage = stage
    this.#guilty = guilty
    this.#thieves = thieves
  }

  published(by: Speaker, said: Said, bytes: Uint8Array): void {
    if (!by.honest || said.kind !== 'evidence') return
    try {
      const envelope = decodeEnvelope(bytes)
      const { guilty, checks } = readEvidence(envelope, this.#stage.committeeOf(envelope))
      const name = toHex(guilty)
      if (!checks.every((check) => this.#stage.holds(check)))
        this.#accuse(this, `seat ${by.seat}: a signature in it does not hold`)
      if (!this.#guilty.has(name) && !this.#thieves.has(name)) this.#accuse(this, `seat ${by.seat} accuses ${name}`)
    } catch (error) {
      this.#accuse(this, `seat ${by.seat} published what proves nothing: ${(error as Error).message}`)
    }
  }
}

/** Oracles about votes and proofs: they know the protocol by the book and count for themselves. */

import type { Certificate } from '../../src/consensus/certificate.ts'
import type { Committee } from '../../src/consensus/committee.ts'
import { readEvidence } from '../../src/consensus/evidence.ts'
import { keyOf, slotName } from '../../src/consensus/key.ts'
import { merkleVerify } from '../../src/consensus/merkle.ts'
import type { Order } from '../../src/consensus/order.ts'
import { decodeObject, SPACE } from '../../src/consensus/records.ts'
import { BALLOT } from '../../src/consensus/simplex/ballot.ts'
import { entryLeaf, headerCheck, VOTE, type VoteEntry } from '../../src/consensus/statement.ts'
import { toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import type { Notice } from './machine.ts'
import type { Accuse, Oracle, Speaker, Survivor } from './oracle.ts'
import { type Named, nameOf, type Said, saidBy } from './said.ts'
import { quorumIn, type Stage, strongIn } from './stage.ts'

/** `oid/version`. */
export function slotOf({ oid, version }: Pick<VoteEntry, 'oid' | 'version'>): string {
  return `${toHex(oid)}/${version}`
}

/** Epoch and home: two neighborhoods may have epochs of one number. */
export function epochName({ epoch, nid }: Pick<Committee, 'epoch' | 'nid'>): string {
  return `${epoch}@${toHex(nid).slice(0, 8)}`
}

/** All votes that were ever shown with a signature that holds: by kind, slot and order, the seats as bits. Not an oracle itself: what others count with. */
export class Votes implements Oracle {
  readonly name = 'votes'
  readonly #stage: Stage
  readonly #seats = new Map<string, number>()
  /** `epoch oid version` of versions for one of whose orders a quorum has voted. */
  readonly #decided = new Set<string>()

  constructor(stage: Stage) {
    this.#stage = stage
  }

  published(_by: Speaker, said: Said): void {
    if (said.kind === 'votes' && said.signed) {
      for (const [index, name] of said.names.entries())
        this.#add(said.committee, name, said.batch.seat, said.batch.entries[index] as VoteEntry)
    }
    if (said.kind === 'certificate') {
      for (const seat of validSeats(said.certificate, said.committee, this.#stage)) {
        this.#add(said.committee, said.name, seat, said.certificate)
      }
    }
  }

  /** What somebody holds as a proof, sent or not: an own vote that a power cut kept from leaving is in it, and signed. */
  shown(by: Speaker, bytes: Uint8Array): void {
    this.published(by, saidBy(bytes, this.#stage))
  }

  /** Votes that it has in the epoch in which it comes closest to so many; and whether it has them. */
  reach(name: Named, needed: (committee: Committee) => number): { readonly count: number; readonly isEnough: boolean } {
    let most = 0
    for (const committee of this.#stage.committees.values()) {
      const count = this.countIn(committee.epoch, name)
      if (count >= needed(committee)) return { count, isEnough: true }
      most = Math.max(most, count)
    }
    return { count: most, isEnough: false }
  }

  /** A quorum of an epoch has voted for some order at this version. */
  isDecidedIn(epoch: number, oid: Uint8Array, version: number): boolean {
    return this.#decided.has(`${epoch} ${slotName(keyOf(oid), version)}`)
  }

  countIn(epoch: number, { slot, od }: Named): number {
    let count = 0
    for (let bits = this.#seats.get(epoch + slot + od) ?? 0; bits !== 0; bits &= bits - 1) count++
    return count
  }

  #add(committee: Committee, named: Named, seat: number, { oid, version }: VoteEntry): void {
    const { epoch } = committee
    const name = epoch + named.slot + named.od
    const before = this.#seats.get(name) ?? 0
    if (before & (1 << seat)) return
    this.#seats.set(name, before | (1 << seat))
    if (this.countIn(epoch, named) >= quorumIn(committee))
      this.#decided.add(`${epoch} ${slotName(keyOf(oid), version)}`)
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
      const who = `${epochName(said.committee)}/${said.batch.seat}`
      this.#once(`${who} batch ${said.batch.sequence}`, keyOf(said.batch.root))
      for (const { slot, od } of said.names) this.#once(`${who} vote ${slot}`, od)
    }
    if (said.kind === 'candidate' && said.signed && this.#isHonest(said.committee, said.candidate.leader)) {
      const { leader, slot, hash } = said.candidate
      this.#once(`${epochName(said.committee)}/${leader} candidate ${slot}`, keyOf(hash))
    }
    if (said.kind === 'ballot' && said.signed && this.#isHonest(said.committee, said.ballot.seat)) {
      const { seat, kind, slot, hash } = said.ballot
      const who = `${epochName(said.committee)}/${seat}`
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
  readonly #forbidden: ReadonlyMap<string, string>
  /** LOCKs of the turn under way for versions that follow others. */
  #followers: { readonly epoch: number; readonly oid: Uint8Array; readonly version: number }[] = []

  constructor(accuse: Accuse, votes: Votes, forbidden: ReadonlyMap<string, string>) {
    this.#accuse = accuse
    this.#votes = votes
    this.#forbidden = forbidden
  }

  published(by: Speaker, said: Said): void {
    if (!by.honest || said.kind !== 'votes') return
    for (const entry of said.batch.entries) {
      const why = this.#forbidden.size > 0 ? this.#forbidden.get(toHex(entry.od)) : undefined
      if (why) this.#accuse(this, `seat ${by.seat} voted for an order that ${why}`)
      const { epoch } = said.committee
      if (entry.kind === VOTE.lock) {
        if (entry.version > 1) this.#followers.push({ epoch, oid: entry.oid, version: entry.version })
        continue
      }
      const locks = this.#votes.countIn(epoch, nameOf({ ...entry, kind: VOTE.lock }))
      if (locks < quorumIn(said.committee)) this.#accuse(this, `seat ${by.seat} confirmed on ${locks} locks`)
    }
  }

  turned({ seat, disk }: Survivor): void {
    const followers = this.#followers
    if (followers.length === 0) return
    this.#followers = []
    for (const { epoch, oid, version } of followers) {
      if (disk.isDamaged || this.#votes.isDecidedIn(epoch, oid, version - 1)) continue
      const stored = disk.get(SPACE.object, oid)
      if (stored && decodeObject(stored).settled >= version - 1) continue
      this.#accuse(this, `seat ${seat} locked version ${version} in epoch ${epoch} on one that nobody has decided`)
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
    if (seats < quorumIn(committee)) {
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
  readonly #settled = new Map<string, string>()
  readonly #chain = new Map<string, Uint8Array>()

  constructor(accuse: Accuse, votes: Votes) {
    this.#accuse = accuse
    this.#votes = votes
  }

  reported(by: Speaker, notice: Notice): void {
    const { seat } = by
    if (notice.kind === 'strong') {
      const confirms = this.#votes.reach(nameOf({ ...notice, kind: VOTE.confirm }), strongIn)
      if (!confirms.isEnough) this.#accuse(this, `seat ${seat} says STRONG on ${confirms.count} confirmations`)
    }
    // what the chain of blocks decides was certified before
    if (notice.kind === 'certified' || (notice.kind === 'decided' && notice.order)) {
      const order = notice.order as Order
      if (notice.kind === 'certified' && notice.proof) this.#votes.shown(by, notice.proof)
      const locks = this.#votes.reach(nameOf({ ...order, kind: VOTE.lock }), quorumIn)
      const confirms = this.#votes.reach(nameOf({ ...order, kind: VOTE.confirm }), quorumIn)
      if (!locks.isEnough && !confirms.isEnough)
        this.#accuse(this, `seat ${seat} ${notice.kind} on ${locks.count} locks`)
    }
    if (notice.kind !== 'settled') return
    const { order } = notice
    const slot = slotOf(order)
    this.#votes.shown(by, notice.settlement)
    const confirms = this.#votes.reach(nameOf({ ...order, kind: VOTE.confirm }), quorumIn)
    if (!confirms.isEnough) this.#accuse(this, `seat ${seat} settled on ${confirms.count} confirmations`)
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

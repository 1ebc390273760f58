/**
 * The other neighborhoods of a net, as far as this node knows them: whose settlements it believes, and to whom money may go. Joins consensus, which knows what a
 * committee is, to the ledger, which lets money arrive.
 *
 * Each begins with an opening that somebody vouches for (the genesis, for those that the net began with) and goes on by hand-overs, so that whoever was told of a home once can follow it through
 * all its epochs. The newest committees are kept in memory; whoever has a disk hands in the older ones as they are asked for.
 */

import { checksOf, readCertificate } from '../consensus/certificate.ts'
import type { Committee } from '../consensus/committee.ts'
import { isSprouts } from '../consensus/epoch/division.ts'
import { type HandOver, readHandOver } from '../consensus/epoch/handover.ts'
import { assertLent } from '../consensus/epoch/kin.ts'
import { committeeOfOpening, type Opening } from '../consensus/epoch/opening.ts'
import { readSettledState } from '../consensus/state-proof.ts'
import { equal, toHex } from '../core/bytes.ts'
import { type SignatureCheck, verifyGroups } from '../core/crypto.ts'
import { decodeEnvelope, type Envelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { SettlementFact, Settlements } from '../ledger/import.ts'

/** What of an epoch of a home is kept: who votes in it, and the root of the state with which it began. */
export interface HomeEpoch {
  readonly committee: Committee
  /** 32 bytes; null where it is not known. */
  readonly stateRoot: Uint8Array | null
}

interface Home {
  /** By digest of the committee, the oldest first. */
  readonly epochs: Map<string, HomeEpoch>
  newest: Committee
  opening: Opening
}

export class KnownHomes implements Settlements {
  readonly #netId: Uint8Array
  readonly #hold: (checks: readonly SignatureCheck[]) => boolean
  readonly #older: (cid: Uint8Array) => HomeEpoch | null
  /** By id in hexadecimal. */
  readonly #homes = new Map<string, Home>()

  /**
   * @param hold whether all signatures hold; simulations have signatures of their own
   * @param older an epoch of a known home that is not in memory any more, by the digest of its committee
   */
  constructor(
    netId: Uint8Array,
    hold: (checks: readonly SignatureCheck[]) => boolean = verified,
    older: (cid: Uint8Array) => HomeEpoch | null = () => null,
  ) {
    this.#netId = netId
    this.#hold = hold
    this.#older = older
  }

  /**
   * Takes in a home by how an epoch of it began; one that is known stays as it is. Only for openings that this net has agreed on: who is let in here may settle what others pay.
   *
   * Throws `wrong-net`, `limit`.
   */
  add(opening: Opening): void {
    if (!equal(opening.netId, this.#netId)) throw new WebxError('wrong-net', 'a home of another net')
    const name = toHex(opening.nid)
    if (this.#homes.has(name)) return
    if (this.#homes.size >= LIMITS.homesKnownMax) throw new WebxError('limit', 'too many homes are known here')
    const committee = committeeOfOpening(opening)
    const { stateRoot } = opening
    const epochs = new Map([[toHex(committee.cid), { committee, stateRoot }]])
    this.#homes.set(name, { epochs, newest: committee, opening })
  }

  /** Goes on by an encoded hand-over of the newest epoch known of a home; false for any other. Throws `bad-hand-over`, and what reading one does. */
  follow(handOver: Uint8Array): boolean {
    const read = this.read(decodeEnvelope(handOver))
    if (!read) return false
    if (!this.#hold(read.checks))
      throw new WebxError('bad-hand-over', 'the hand-over is not signed by the seats of its epoch')
    for (const opening of openingsOf(read)) this.goOn(opening)
    return true
  }

  /** The hand-over of the newest epoch known of a home, which holds only if all its checks do; null for any other. Throws `bad-hand-over`, and what reading one does. */
  read(envelope: Envelope): HandOver | null {
    const home = [...this.#homes.values()].find(({ newest }) => equal(newest.cid, envelope.scope))
    if (!home) return null
    const read = readHandOver(envelope, home.newest)
    this.#assertLoan(read.opening)
    return read
  }

  /** Whoever knows the opening that a loan names sees for himself whom it had; a hand-over that is older or newer than what is known of the lender is not kept waiting for that. */
  #assertLoan(opening: Opening): void {
    const { loan } = opening
    const lender = loan && this.#homes.get(toHex(loan.lender))?.opening
    if (loan && lender?.epoch === loan.epoch) assertLent({ ...opening, loan }, lender)
  }

  /**
   * A home is in the epoch of this opening: whoever says so has checked the hand-over, or had stored that it did. What is older than what is known changes nothing; a home that is not known here
   * is a sprout, on which the net has agreed by the same signatures. One too many stays unknown: whoever signs hand-overs can have as many sprouts as it likes, and must not stop anybody by that.
   */
  goOn(opening: Opening): void {
    const home = this.#homes.get(toHex(opening.nid))
    if (!home && this.hasRoomFor(opening.nid)) this.add(opening)
    if (!home || opening.epoch <= home.newest.epoch) return
    home.newest = committeeOfOpening(opening)
    home.opening = opening
    home.epochs.set(toHex(home.newest.cid), { committee: home.newest, stateRoot: opening.stateRoot })
    for (const oldest of home.epochs.keys()) {
      if (home.epochs.size <= LIMITS.committeesKnownMax) break
      home.epochs.delete(oldest)
    }
  }

  /** The newest epoch that is known of a home; null for a home that is not known. */
  epochOf(home: Uint8Array): number | null {
    return this.#homes.get(toHex(home))?.newest.epoch ?? null
  }

  /** The newest committee that is known of a home; null for a home that is not known. */
  committeeOf(home: Uint8Array): Committee | null {
    return this.#homes.get(toHex(home))?.newest ?? null
  }

  /** The committee of this digest, of any epoch of a home that is known; null for any other. */
  committee(cid: Uint8Array): Committee | null {
    return this.#epochNamed(cid)?.committee ?? null
  }

  /** How the newest epoch that is known of each home began. */
  get openings(): readonly Opening[] {
    return [...this.#homes.values()].map(({ opening }) => opening)
  }

  verify(settlement: Uint8Array): SettlementFact | null {
    const envelope = decodeEnvelope(settlement)
    if (!isShown(envelope)) throw new WebxError('bad-certificate', 'an import shows a settlement')
    const epoch = this.#epochNamed(envelope.scope)
    return epoch && settlementFact(envelope, epoch, this.#hold)
  }

  isHome(home: Uint8Array): boolean {
    return this.#homes.has(toHex(home))
  }

  /** True for a home that is known here or still may be. */
  hasRoomFor(home: Uint8Array): boolean {
    return this.isHome(home) || this.#homes.size < LIMITS.homesKnownMax
  }

  #epochNamed(cid: Uint8Array): HomeEpoch | null {
    for (const { epochs } of this.#homes.values()) {
      const epoch = epochs.get(toHex(cid))
      if (epoch) return epoch
    }
    return this.#older(cid)
  }
}

/** A home that is followed by an agreement of its own, with each of its epochs that is known here by the digest of its committee. */
export interface FollowedHome {
  /** Of the epoch under way. */
  readonly committee: Committee
  epochNamed(cid: Uint8Array): HomeEpoch | null
}

/** What of the homes of a net a service asks that pays or is paid abroad. */
export type OtherHomes = Settlements & Pick<KnownHomes, 'committeeOf'>

/** The homes of a net as they are seen from a sprout: its stem is one of them, and it is not. */
export function homesSeenFrom(sprout: Uint8Array, stem: FollowedHome, homes: OtherHomes): OtherHomes {
  const isStem = (home: Uint8Array): boolean => equal(home, stem.committee.nid)
  return {
    verify(settlement) {
      const envelope = decodeEnvelope(settlement)
      const epoch = isShown(envelope) ? stem.epochNamed(envelope.scope) : null
      return epoch ? settlementFact(envelope, epoch) : homes.verify(settlement)
    },
    isHome: (home) => !equal(home, sprout) && (isStem(home) || homes.isHome(home)),
    committeeOf: (home) => (isStem(home) ? stem.committee : homes.committeeOf(home)),
  }
}

/** Where a hand-over leads: on with the home, and into its sprout where it was divided. */
export function openingsOf({ opening, other }: HandOver): Opening[] {
  if (!other) return [opening]
  return isSprouts(opening) ? [other.opening, opening] : [opening, other.opening]
}

/**
 * What a SETTLEMENT of an epoch says, or a SETTLED STATE with which it began: that one is named by a hand-over, and who can forge one needs no strong quorum for anything. Throws `bad-certificate`,
 * `bad-signature`, and what reading one does.
 */
export function settlementFact(
  envelope: Envelope,
  { committee, stateRoot }: HomeEpoch,
  hold: (checks: readonly SignatureCheck[]) => boolean = verified,
): SettlementFact {
  if (envelope.type === TYPE.settledState && stateRoot)
    return { home: committee.nid, isStrong: true, ...readSettledState(envelope, stateRoot) }
  if (envelope.type !== TYPE.settlement)
    throw new WebxError('bad-certificate', 'this shows no settlement that is known here')
  const certificate = readCertificate(envelope, committee)
  if (!hold(checksOf(certificate, committee)))
    throw new WebxError('bad-signature', 'the settlement is not signed by the seats of its home')
  const { oid, version, od, weight } = certificate
  return { home: committee.nid, oid, version, od, isStrong: weight >= committee.strong }
}

function isShown({ type }: Envelope): boolean {
  return type === TYPE.settlement || type === TYPE.settledState
}

function verified(checks: readonly SignatureCheck[]): boolean {
  return verifyGroups([checks])[0] === true
}

/**
 * The other neighborhoods of a net, as far as this node knows them: whose settlements it believes, and to whom money may go. Joins consensus, which knows what a
 * committee is, to the ledger, which lets money arrive.
 *
 * Each begins with an opening that somebody vouches for and goes on by hand-overs, so that whoever was told of a home once can follow it through all its epochs.
 */

import { checksOf, readCertificate } from './consensus/certificate.ts'
import type { Committee } from './consensus/committee.ts'
import { CommitteeBook } from './consensus/committee-book.ts'
import { isSprouts } from './consensus/epoch/division.ts'
import { readHandOver } from './consensus/epoch/handover.ts'
import { committeeOfOpening, type Opening } from './consensus/epoch/opening.ts'
import { equal, toHex } from './core/bytes.ts'
import { type SignatureCheck, verifyGroups } from './core/crypto.ts'
import { decodeEnvelope, TYPE } from './core/envelope.ts'
import { WebxError } from './core/errors.ts'
import { LIMITS } from './core/limits.ts'
import type { SettlementFact, Settlements } from './ledger/import.ts'

interface Home {
  readonly book: CommitteeBook
  newest: Committee
}

export class KnownHomes implements Settlements {
  readonly #netId: Uint8Array
  readonly #hold: (checks: readonly SignatureCheck[]) => boolean
  /** By id in hexadecimal. */
  readonly #homes = new Map<string, Home>()

  /** @param hold whether all signatures hold; simulations have signatures of their own */
  constructor(
    netId: Uint8Array,
    hold = (checks: readonly SignatureCheck[]): boolean => verifyGroups([checks])[0] === true,
  ) {
    this.#netId = netId
    this.#hold = hold
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
    const newest = committeeOfOpening(opening)
    this.#homes.set(name, { book: new CommitteeBook(newest), newest })
  }

  /**
   * Goes on by an encoded hand-over of the newest epoch known of a home; false for any other. Where the home was divided, its sprout is a home from now on: the net
   * has agreed on it by the same signatures. Throws `bad-hand-over`, `limit`, and what reading one does.
   */
  follow(handOver: Uint8Array): boolean {
    const envelope = decodeEnvelope(handOver)
    const home = [...this.#homes.values()].find(({ newest }) => equal(newest.cid, envelope.scope))
    if (!home) return false
    const { opening, other, checks } = readHandOver(envelope, home.newest)
    if (!this.#hold(checks))
      throw new WebxError('bad-hand-over', 'the hand-over is not signed by the seats of its epoch')
    const [own, sprout] = other && isSprouts(opening) ? [other.opening, opening] : [opening, other?.opening]
    home.newest = committeeOfOpening(own)
    home.book.add(home.newest)
    if (sprout) this.add(sprout)
    return true
  }

  /** The newest epoch that is known of a home; null for a home that is not known. */
  epochOf(home: Uint8Array): number | null {
    return this.#homes.get(toHex(home))?.newest.epoch ?? null
  }

  verify(settlement: Uint8Array): SettlementFact | null {
    const envelope = decodeEnvelope(settlement)
    if (envelope.type !== TYPE.settlement) throw new WebxError('bad-certificate', 'an import shows a settlement')
    const committee = this.#committeeOf(envelope.scope)
    if (!committee) return null
    const certificate = readCertificate(envelope, committee)
    if (!this.#hold(checksOf(certificate, committee)))
      throw new WebxError('bad-signature', 'the settlement is not signed by the seats of its home')
    const { oid, version, od, weight } = certificate
    return { home: committee.nid, oid, version, od, isStrong: weight >= committee.strong }
  }

  isHome(home: Uint8Array): boolean {
    return this.#homes.has(toHex(home))
  }

  #committeeOf(cid: Uint8Array): Committee | null {
    for (const { book } of this.#homes.values()) {
      const committee = book.find(cid)
      if (committee) return committee
    }
    return null
  }
}

/**
 * The kin of a neighborhood: the other part of the division that it came from, from which people come when it has become too small.
 *
 * Only those may come whom both parts had in common: who was on the roster of the whole when it was divided, by the same keys, and belongs to the kin still. So not even a quorum of liars in one
 * part can seat strangers in the other: whom it has admitted since belongs to it alone.
 */

import { equal } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { WebxError } from '../../core/errors.ts'
import { keyOf } from '../key.ts'
import type { Opinion } from '../simplex/rules.ts'
import type { Lender, Loan } from './loan.ts'
import { encodeOpening, type Opening, openingDigest, rosterFields } from './opening.ts'
import type { RosterEntry } from './rules.ts'

/** Whom a kin could lend. */
export interface Offer extends Lender {
  /** By identity, ascending. */
  readonly entries: readonly RosterEntry[]
}

/** What a node knows of the kin of its neighborhood. */
export interface Kin {
  /** Whom the kin could lend by the newest of its openings that is known here; null where none is. */
  offer(): Offer | null
  /** What is to be thought of an offer that somebody else names: `later` where it is of an opening that has not come here. */
  opinion(offer: Offer): Opinion
}

/** Whom a neighborhood could lend in this epoch. `founders`: the roster of both parts as of the division. */
export function offerOf(opening: Opening, founders: readonly RosterEntry[]): Offer {
  const known = new Map(founders.map((entry) => [keyOf(entry.id), entry]))
  const entries = opening.roster.filter((entry) => {
    const founder = known.get(keyOf(entry.id))
    return founder && isSameEntry(entry, founder)
  })
  const { nid: lender, epoch } = opening
  return { lender, epoch, opening: openingDigest(encodeOpening(opening)), entries }
}

/** @param openings the newest of the kin's openings that are known here, the newest one last: two or more, so that whoever is an epoch ahead or behind is understood */
export function kinOf(openings: () => readonly Opening[], founders: readonly RosterEntry[]): Kin {
  return {
    offer() {
      const newest = openings().at(-1)
      return newest ? offerOf(newest, founders) : null
    },
    opinion(offer) {
      const known = openings()
      const named = known.find(({ epoch }) => epoch === offer.epoch)
      if (named) return isSameOffer(offerOf(named, founders), offer) ? 'yes' : 'no'
      const newest = known.at(-1)
      if (!newest) return 'later'
      return offer.epoch > newest.epoch && equal(newest.nid, offer.lender) ? 'later' : 'no'
    },
  }
}

/** Throws `bad-hand-over` unless the people of a loan are those whom the opening that it names has by the same keys. For strangers, who follow both neighborhoods. */
export function assertLent({ roster, loan }: Opening & { readonly loan: Loan }, lender: Opening): void {
  if (!equal(openingDigest(encodeOpening(lender)), loan.opening))
    throw new WebxError('bad-hand-over', 'a loan names another opening of its lender')
  const [here, there] = [roster, lender.roster].map((list) => new Map(list.map((entry) => [keyOf(entry.id), entry])))
  for (const id of loan.lent) {
    const [lent, own] = [here?.get(keyOf(id)), there?.get(keyOf(id))]
    if (!lent || !own || !isSameEntry(lent, own))
      throw new WebxError('bad-hand-over', 'somebody is lent who does not belong to the lender')
  }
}

function isSameEntry(one: RosterEntry, other: RosterEntry): boolean {
  return equal(encode(rosterFields(one)), encode(rosterFields(other)))
}

function isSameOffer(one: Offer, other: Offer): boolean {
  const bytes = ({ lender, epoch, opening, entries }: Offer): Uint8Array =>
    encode([lender, epoch, opening, entries.map(rosterFields)])
  return equal(bytes(one), bytes(other))
}

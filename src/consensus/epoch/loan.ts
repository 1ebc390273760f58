/**
 * Loan: a neighborhood that has become too small is joined by people of its kin, the other part of the division that it came from. They belong to both from then on.
 *
 * Ids of objects and signed orders name a home, so neither of the two can end: what is merged is the people. An *offer* says which people of the kin may come, a *loan* is what an epoch began with.
 * The kin gives nobody away and need not agree: nothing of it changes, so no hand-over of one waits for one of the other, and a crash of either leaves nothing half done.
 */

import { compare } from '../../core/bytes.ts'
import type { Cbor } from '../../core/codec.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'

/** The epoch of the neighborhood that lends, as its opening says who belongs to it. */
export interface Lender {
  /** 16-byte id of the neighborhood that lends. */
  readonly lender: Uint8Array
  readonly epoch: number
  /** 32-byte digest of the opening of that epoch. */
  readonly opening: Uint8Array
}

/** With which people of its kin an epoch began that did not belong to the neighborhood before. */
export interface Loan extends Lender {
  /** Identities, ascending. */
  readonly lent: readonly Uint8Array[]
}

export function loanFields({ lender, epoch, opening, lent }: Loan): Cbor[] {
  return [lender, epoch, opening, [...lent]]
}

export function readLoan(fields: Fields): Loan {
  const lent = (item: Cbor): Uint8Array => new Fields('lent', [item]).bytes('id', 32)
  return { ...readLender(fields), lent: fields.list('lent', LIMITS.rosterMax, lent) }
}

export function readLender(fields: Fields): Lender {
  return { lender: fields.bytes('lender', 16), epoch: fields.uint('epoch'), opening: fields.bytes('opening', 32) }
}

/** True where somebody is lent, everyone once and in order. */
export function isListed(lent: readonly Uint8Array[]): boolean {
  return lent.length > 0 && lent.every((id, i) => i === 0 || compare(lent[i - 1] as Uint8Array, id) < 0)
}

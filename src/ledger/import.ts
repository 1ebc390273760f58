/**
 * Imports: a payment from another home arrives, once, because its order and that home's settlement of it are shown.
 *
 * Anybody may hand it in, and nobody signs it: an import is an order whose every field follows from the payment. Its object is a *lane*, one for each foreign account
 * that ever paid here; the payment's own number is its version there. So one payment is one order at one place, which the register settles once, and no list of
 * what has arrived is kept.
 *
 * Whose signatures make a settlement, and whether they hold, is the business of consensus: it is handed in as `Settlements`.
 */

import { equal } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { decodeEnvelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { type Credit, creditsOf } from './credit.ts'
import { encodeOperation, operationOf } from './payment.ts'
import { readShownOrder, type ShownOrder } from './shown.ts'
import {
  KEY_LOG_NONCE,
  type LaneStanding,
  NO_HEAD,
  type OrderFields,
  type OrderView,
  type StateReader,
} from './terms.ts'
import type { ImportPayment } from './transfer.ts'

/** What a verified settlement says. */
export interface SettlementFact {
  /** 16-byte id of the neighborhood that settled. */
  readonly home: Uint8Array
  readonly oid: Uint8Array
  readonly version: number
  readonly od: Uint8Array
  /** True where the confirmations shown have the weight of a strong quorum. */
  readonly isStrong: boolean
}

/** Who knows committees. */
export interface Settlements {
  /**
   * Reads an encoded SETTLEMENT and verifies every signature in it. Null where its committee is not known here (yet). Throws `bad-certificate`,
   * `bad-signature`, and what decoding throws.
   */
  verify(settlement: Uint8Array): SettlementFact | null
  /** True for the neighborhoods of this net that are known here: whoever could pay anywhere could pay nowhere, and fill the books. */
  isHome(home: Uint8Array): boolean
}

/** Nobody knows of other homes: nothing leaves and nothing is imported. */
export const NO_SETTLEMENTS: Settlements = { verify: () => null, isHome: () => false }

/** A payment that has been proved to come from another home. */
export interface Arrival {
  readonly credit: Credit
  /** Home of the payer. */
  readonly from: Uint8Array
  /** Its place in the payer's lane. */
  readonly number: number
}

/** What proves an import. */
export interface ImportProof {
  /** Encoded ORDER of the other home. */
  readonly order: Uint8Array
  /** Encoded SETTLEMENT of it, or of the last of the later ones. */
  readonly settlement: Uint8Array
  /** Bodies of orders of the same account that follow it, one after the other. */
  readonly later: readonly Uint8Array[]
}

export function importProof(order: Uint8Array, settlement: Uint8Array, later: readonly Uint8Array[] = []): Uint8Array {
  return encode(later.length > 0 ? [order, settlement, later] : [order, settlement])
}

/** What `importProof` was made of. Throws `bad-shape`, `too-long`, `not-canonical`. */
export function shownByImport(attached: Uint8Array): ImportProof {
  const fields = Fields.of('import proof', attached, LIMITS.importProofBytesMax)
  const order = fields.bytesBetween('order', 1, 2 * LIMITS.orderBytesMax)
  const settlement = fields.bytesBetween('settlement', 1, LIMITS.importProofBytesMax)
  const later = fields.isEmpty ? [] : fields.list('later', LIMITS.importLaterOrdersMax, readLater)
  fields.end()
  return { order, settlement, later }
}

function readLater(body: Cbor): Uint8Array {
  if (body instanceof Uint8Array) return body
  throw new WebxError('bad-shape', 'import proof: orders are shown by their bodies')
}

/** 32-byte name of the lane of what an account of another home has paid here. */
export function importLane(home: Uint8Array, payer: Uint8Array): Uint8Array {
  return blake3Of('webx v1 import lane', encode([home, payer]))
}

/** The one valid order that lets a payment arrive next in its lane; it is sent with `importProof` attached, in place of a signature. */
export function importOrder(standing: LaneStanding, payment: Uint8Array): OrderFields {
  return {
    home: standing.home,
    owner: standing.lane,
    keyPosition: 0,
    nonce: KEY_LOG_NONCE,
    version: standing.version + 1,
    previous: standing.head,
    maxEpoch: Number.MAX_SAFE_INTEGER,
    idem: payment.slice(0, 16),
    op: encodeOperation({ kind: 'import', payment }),
  }
}

/** The imports of a net. */
export class Imports {
  readonly #netId: Uint8Array
  readonly #settlements: Settlements
  /** By what is attached: whatever was shown well is read and judged once. */
  readonly #shown = new WeakMap<Uint8Array, Shown>()
  readonly #proved = new WeakSet<Uint8Array>()

  constructor(netId: Uint8Array, settlements: Settlements) {
    this.#netId = netId
    this.#settlements = settlements
  }

  /**
   * What an import lets arrive, whether or not it is proved: of an order that this home has settled that was asked before. Throws `not-allowed` where a field of
   * it is free, `wrong-home`, and what reading its parts throws.
   */
  arrivalOf(order: OrderView, operation: ImportPayment): Arrival {
    const { arrival } = this.#read(order.attached)
    const { credit, from, number } = arrival
    // the register judges what comes before in the lane
    const standing = { home: order.home, lane: importLane(from, credit.from), version: number - 1, head: NO_HEAD }
    const only = importOrder(standing, credit.payment)
    const isOnly =
      equal(only.owner, order.owner) &&
      equal(only.nonce, order.nonce) &&
      equal(only.idem, order.idem) &&
      equal(operation.payment, credit.payment) &&
      order.keyPosition === only.keyPosition &&
      order.version === only.version &&
      order.maxEpoch === only.maxEpoch
    if (!isOnly) throw new WebxError('not-allowed', 'the order that lets a payment arrive says something of its own')
    if (equal(from, order.home) || !equal(credit.home, order.home)) {
      throw new WebxError('wrong-home', 'the payment goes to another home')
    }
    return arrival
  }

  /**
   * True where the other home has settled what arrives, by enough of its weight; false where its committee is not known here (yet). Throws `bad-certificate` where
   * the settlement is another order's or too weak for the amount, and what `arrivalOf` and verifying throw.
   */
  isProved(order: OrderView, operation: ImportPayment): boolean {
    const { credit } = this.arrivalOf(order, operation)
    const { attached } = order
    if (this.#proved.has(attached)) return true
    const { last, settlement } = this.#read(attached)
    const fact = this.#settlements.verify(settlement)
    if (!fact) return false
    const { home, oid, version, od, isStrong } = fact
    const same = equal(home, last.home) && equal(oid, last.oid) && version === last.version && equal(od, last.od)
    if (!same) throw new WebxError('bad-certificate', 'import: the settlement is of another order')
    if (!isStrong && credit.amount > LIMITS.importPlainAmountMax) {
      throw new WebxError('bad-certificate', 'import: this amount needs a strong quorum of confirmations')
    }
    this.#proved.add(attached)
    return true
  }

  /** What imports under way would bring of an asset, but for this one, as far as a member has had a hand in them. */
  coming({ underWay }: StateReader, assetId: Uint8Array, but: OrderView): number {
    let sum = 0
    for (const order of underWay?.() ?? []) {
      const operation = order.attached.length > 0 && !equal(order.od, but.od) ? operationOf(order) : null
      if (operation?.kind !== 'import') continue
      const { credit } = this.arrivalOf(order, operation)
      if (equal(credit.assetId, assetId)) sum += credit.amount
    }
    return sum
  }

  /** True for a home that payments may go to. */
  isHome(home: Uint8Array): boolean {
    return this.#settlements.isHome(home)
  }

  #read(attached: Uint8Array): Shown {
    const known = this.#shown.get(attached)
    if (known) return known
    const { order: bytes, settlement, later } = shownByImport(attached)
    const envelope = decodeEnvelope(bytes)
    if (envelope.type !== TYPE.order || !equal(envelope.scope, this.#netId)) {
      throw new WebxError('bad-shape', 'import: shows no order of this net')
    }
    const order = readShownOrder(this.#netId, envelope.body)
    const [credit] = creditsOf(order, this.#netId)
    const operation = operationOf(order)
    if (!credit || !('number' in operation) || operation.number === 0) {
      throw new WebxError('bad-shape', 'import: the order shown pays nobody abroad')
    }
    const last = later.reduce((before, body) => following(before, readShownOrder(this.#netId, body)), order)
    const shown = { arrival: { credit, from: order.home, number: operation.number }, last, settlement }
    this.#shown.set(attached, shown)
    return shown
  }
}

/** What is attached to an import. */
interface Shown {
  readonly arrival: Arrival
  /** The order that the settlement must be of: what it settles settles all that it follows. */
  readonly last: ShownOrder
  readonly settlement: Uint8Array
}

/** An order that names the one before it. Throws `bad-certificate` for any other. */
function following(before: ShownOrder, order: ShownOrder): ShownOrder {
  const { oid, version, previous } = order
  if (equal(oid, before.oid) && version === before.version + 1 && equal(previous, before.od)) return order
  throw new WebxError('bad-certificate', 'import: an order shown does not follow the one before it')
}

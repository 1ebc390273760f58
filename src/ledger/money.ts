/**
 * What money orders mean: who may pay what, what leaves an account when its order is certified, and what arrives when it is settled.
 *
 * Everything that an order changes in an account is an addition, or follows from the account's own orders, which come in one order everywhere. So members that
 * learn of settlements in different orders end with the same states.
 */

import { equal, toHex } from '../core/bytes.ts'
import type { Code } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Genesis } from '../identity/genesis.ts'
import { homeOf } from '../identity/home.ts'
import { abroad, booksId, type Flow, isFlowOf, sentTo, withFlow, withSent } from './abroad.ts'
import { adjust, balanceOf, EMPTY_STATE, type ObjectState } from './account.ts'
import type { Asset } from './asset.ts'
import { isSignedBy, readClaim } from './claim.ts'
import { type Credit, creditsOf, refundedBy } from './credit.ts'
import { type HoldTerms, holdOf, moveHold, openHolds, settleHold } from './hold.ts'
import type { Imports } from './import.ts'
import type { Mint, Operation, Pay } from './payment.ts'
import { refundRefusal, withRefund } from './refund.ts'
import type { OrderView, StateReader } from './terms.ts'
import {
  type Capture,
  type ImportPayment,
  isTransfer,
  type PlaceHold,
  type ReleaseHold,
  type Transfer,
} from './transfer.ts'

/** May an order be voted for? */
export type LedgerVerdict =
  | { readonly ok: true; readonly touches: readonly Uint8Array[] }
  | { readonly ok: false; readonly code: Code; readonly retry: boolean }

/** A new state of an object. */
export interface StateChange {
  readonly oid: Uint8Array
  readonly state: ObjectState
}

export type MoneyOperation = Mint | Pay | Transfer

/** True for the operations that this file gives a meaning. */
export function isMoney(operation: Operation): operation is MoneyOperation {
  return operation.kind === 'mint' || operation.kind === 'pay' || isTransfer(operation)
}

/** What takes money out of a balance. */
type Outlay = Exclude<MoneyOperation, { kind: 'mint' | 'capture' | 'release' | 'import' }>

/** What an order meets. */
interface Met {
  readonly own: ObjectState
  readonly objects: StateReader
}

/** An order's operation of one kind, with the order and what it meets. */
interface Asked<K extends MoneyOperation['kind']> extends Met {
  readonly order: OrderView
  readonly operation: Extract<MoneyOperation, { kind: K }>
}

/** The meaning of money orders in the net that a genesis begins. */
export class Money {
  readonly #genesis: Genesis
  readonly #assets: ReadonlyMap<string, Asset>
  readonly #imports: Imports

  constructor(genesis: Genesis, assets: ReadonlyMap<string, Asset>, imports: Imports) {
    this.#genesis = genesis
    this.#assets = assets
    this.#imports = imports
  }

  /** True for the object through which an asset is issued. */
  issues({ owner, nonce }: OrderView): boolean {
    for (const asset of this.#assets.values()) {
      if (equal(asset.nonce, nonce) && equal(asset.issuer, owner)) return true
    }
    return false
  }

  /** Judges an order on an object that is no key log. Throws what reading its parts throws. */
  check(order: OrderView, operation: MoneyOperation, objects: StateReader): LedgerVerdict {
    const own = objects.stateOf(order.oid) ?? EMPTY_STATE
    if (operation.kind === 'mint') return this.#checkMint({ order, operation, own, objects })
    if (operation.kind === 'import') return this.#checkImport({ order, operation, own, objects })
    if (this.issues(order) || own.fileCertified) return refusal('not-allowed')
    if (operation.kind === 'capture') return this.#checkCapture({ order, operation, own, objects })
    if (operation.kind === 'release') return checkRelease({ order, operation, own, objects })
    if (operation.kind === 'refund') {
      const refused = this.#refundRefusal({ order, operation, own, objects })
      if (refused) return refusal(refused)
    }
    // what pays back shows what it pays back
    if (operation.kind === 'pay' && operation.refundOf.length > 0) return refusal('not-allowed')
    if (operation.kind === 'hold') {
      if (equal(operation.to, order.oid)) return refusal('not-allowed')
      if (openHolds(own.holds) >= LIMITS.holdsPerAccountMax) return later('limit')
    }
    return this.#checkOutlay(order, operation, { own, objects })
  }

  /** The state of an order's own object once the order is certified. */
  certified(order: OrderView, operation: MoneyOperation, state: ObjectState | null): ObjectState {
    const own = state ?? EMPTY_STATE
    switch (operation.kind) {
      case 'mint':
        return { ...own, issued: operation.cumulative }
      case 'import':
        return own
      case 'capture': {
        const { hold: id, assetId, amount, released } = operation
        return { ...own, holds: moveHold(own.holds, { id, assetId }, -amount - released) }
      }
      case 'release': {
        const { hold: id, assetId, amount } = operation
        return { ...adjust(own, assetId, amount), holds: moveHold(own.holds, { id, assetId }, -amount) }
      }
      case 'hold': {
        const { assetId, amount, to, expiresEpoch, key } = operation
        const terms = { amount, to: to.slice(), expiresEpoch, key: key.slice(), settled: false }
        const holds = moveHold(own.holds, { id: order.od, assetId, terms }, amount)
        return { ...adjust(own, assetId, -amount), holds }
      }
      default: {
        const credits = creditsOf(order, this.#genesis.netId)
        const paid = credits.reduce((state, { assetId, amount }) => adjust(state, assetId, -amount), own)
        const [{ home }] = credits as [Credit]
        const sent = equal(home, order.home) ? own.sent : withSent(own.sent, home)
        if (operation.kind !== 'refund') return { ...paid, sent }
        const original = refundedBy(operation, this.#genesis.netId)
        return { ...paid, sent, refunds: withRefund(own.refunds, original, operation.amount) }
      }
    }
  }

  /** All states that change once an order is settled. */
  settled(order: OrderView, operation: MoneyOperation, objects: StateReader): StateChange[] {
    const changes = new Changes(objects)
    switch (operation.kind) {
      case 'mint': {
        const { assetId, cumulative, to } = operation
        const minted = cumulative - (objects.stateOf(order.oid)?.delivered ?? 0)
        changes.change(order.oid, (issuer) => ({ ...issuer, delivered: cumulative }))
        changes.pay(to, assetId, minted)
        break
      }
      case 'hold':
        changes.change(order.oid, (own) => ({ ...own, holds: settleHold(own.holds, order.od) }))
        break
      case 'release':
        break
      case 'capture':
        captureSettled(order, operation, changes)
        break
      case 'import': {
        const { credit, from: home } = this.#imports.arrivalOf(order, operation)
        const { to, assetId, amount } = credit
        changes.pay(to, assetId, amount)
        this.#enter(changes, order, { home, assetId, exported: 0, imported: amount })
        break
      }
      default:
        for (const { home, to, assetId, amount } of creditsOf(order, this.#genesis.netId)) {
          if (equal(home, order.home)) changes.pay(to, assetId, amount)
          else this.#enter(changes, order, { home, assetId, exported: amount, imported: 0 })
        }
    }
    return changes.list()
  }

  #issuingHome({ issuer }: Asset): Uint8Array {
    return homeOf(this.#genesis, issuer).neighborhood
  }

  #enter(changes: Changes, order: OrderView, flow: Flow): void {
    changes.change(booksId(this.#genesis.netId, order.home), (books) => {
      return { ...books, flows: withFlow(books.flows, flow) }
    })
  }

  /** An asset is issued where its issuer is at home and nowhere else, or every home would have a cap of its own. */
  #checkMint({ order, operation, own }: Asked<'mint'>): LedgerVerdict {
    const asset = this.#assets.get(toHex(operation.assetId))
    if (!asset) return refusal('unknown-asset')
    if (!equal(order.owner, asset.issuer) || !equal(order.nonce, asset.nonce)) return refusal('not-allowed')
    if (!equal(order.home, this.#issuingHome(asset))) return refusal('wrong-home')
    if (operation.cumulative > asset.cap) return refusal('over-cap')
    if (operation.cumulative <= own.issued) return refusal('bad-amount')
    return touching(order.oid, operation.to)
  }

  /** Whoever pays must have it. */
  #checkOutlay(order: OrderView, operation: Outlay, met: Met): LedgerVerdict {
    const { own } = met
    const credits = operation.kind === 'hold' ? [] : creditsOf(order, this.#genesis.netId)
    const [first] = credits
    const { assetId, amount } = first ? { ...first, amount: sumOf(credits) } : (operation as PlaceHold)
    if (!this.#assets.has(toHex(assetId))) return refusal('unknown-asset')
    if (balanceOf(own, assetId) < amount) return later('insufficient-funds')
    if (!first) return touching(order.oid)
    const number = 'number' in operation ? operation.number : 0
    if (equal(first.home, order.home)) return number === 0 ? touching(...payeesOf(credits)) : refusal('wrong-home')
    return this.#checkSent(order, first, number, met)
  }

  /** A payment abroad is the next one to its home, or it would have no place in the lane there. */
  #checkSent(order: OrderView, first: Credit, number: number, { own, objects }: Met): LedgerVerdict {
    const { home, assetId } = first
    if (!this.#imports.isHome(home)) return later('wrong-home')
    const before = sentTo(own.sent, home)
    if (number !== before + 1) return refusal('wrong-version')
    if (before === 0 && own.sent.length >= LIMITS.homesPaidPerAccountMax) return refusal('limit')
    const books = booksId(this.#genesis.netId, order.home)
    return hasRoom(objects.stateOf(books), home, assetId) ? touching(books) : refusal('limit')
  }

  #refundRefusal({ order, operation, own }: Asked<'refund'>): Code | null {
    const original = refundedBy(operation, this.#genesis.netId)
    const terms = { account: order.oid, amount: operation.amount, maxEpoch: order.maxEpoch }
    return refundRefusal(own.refunds, original, terms)
  }

  #checkCapture({ order, operation, own, objects }: Asked<'capture'>): LedgerVerdict {
    const { payer, hold: id, assetId, amount, released } = operation
    const hold = equal(payer, order.oid) ? null : holdOf(objects.stateOf(payer)?.holds ?? [], id)
    if (!hold?.terms?.settled) return later('not-settled')
    const { terms } = hold
    if (!equal(terms.to, order.oid) || !equal(hold.assetId, assetId)) return refusal('not-allowed')
    if (order.maxEpoch > terms.expiresEpoch) return refusal('expired')
    const left = hold.left + (holdOf(own.holds, id)?.left ?? 0)
    if (amount + released > left) return refusal('insufficient-funds')
    const refused = this.#claimRefusal(operation, terms, { payee: order.oid, used: terms.amount - left })
    return refused ? refusal(refused) : touching(order.oid, payer)
  }

  /** Where a hold names a key, no more is captured than that key has signed; what was released before counts as used. */
  #claimRefusal(
    capture: Capture,
    terms: HoldTerms,
    by: { readonly payee: Uint8Array; readonly used: number },
  ): Code | null {
    const { claim: bytes, amount, hold, payer } = capture
    const isOpen = terms.key.length === 0
    if (isOpen || amount === 0) return bytes.length === 0 ? null : 'not-allowed'
    if (bytes.length === 0) return 'too-few-signatures'
    const claim = readClaim(bytes, this.#genesis.netId)
    const isMeant = equal(claim.hold, hold) && equal(claim.payee, by.payee) && equal(claim.payer ?? payer, payer)
    if (!isMeant) return 'not-allowed'
    if (by.used + amount > claim.cumulative) return 'insufficient-funds'
    return isSignedBy(claim.envelope, terms.key) ? null : 'bad-signature'
  }

  /**
   * What comes home was out; what is issued elsewhere is at most all there can be. Each member counts what is settled here and what it has itself let come: so a home that lies gets less than twice as
   * much out of a quorum, however much it shows at once.
   */
  #checkImport({ order, operation, objects }: Asked<'import'>): LedgerVerdict {
    if (!this.proves(order, operation)) return refusal('not-allowed')
    const { credit, from } = this.#imports.arrivalOf(order, operation)
    const { assetId, amount, to } = credit
    const asset = this.#assets.get(toHex(assetId))
    if (!asset) return refusal('unknown-asset')
    const books = booksId(this.#genesis.netId, order.home)
    const state = objects.stateOf(books)
    const flows = state?.flows ?? []
    const isIssuedHere = equal(order.home, this.#issuingHome(asset))
    const out = abroad(flows, assetId)
    const coming = amount + this.#imports.coming(objects, assetId, order)
    if (isIssuedHere ? coming > out : coming - out > asset.cap) return later('over-cap')
    return hasRoom(state, from, assetId) ? touching(order.oid, to, books) : refusal('limit')
  }

  /** Whether an import is proved by what is attached to it; false where the other home's committee is not known here. Throws where it disproves itself. */
  proves(order: OrderView, operation: ImportPayment): boolean {
    return order.attached.length > 0 && this.#imports.isProved(order, operation)
  }
}

/** States of several objects as they change together. */
class Changes {
  readonly #objects: StateReader
  readonly #changed = new Map<string, StateChange>()

  constructor(objects: StateReader) {
    this.#objects = objects
  }

  change(oid: Uint8Array, change: (state: ObjectState) => ObjectState): void {
    const name = toHex(oid)
    const before = this.#changed.get(name)?.state ?? this.#objects.stateOf(oid) ?? EMPTY_STATE
    this.#changed.set(name, { oid, state: change(before) })
  }

  pay(to: Uint8Array, assetId: Uint8Array, amount: number): void {
    this.change(to, (state) => adjust(state, assetId, amount))
  }

  list(): StateChange[] {
    return [...this.#changed.values()]
  }
}

function captureSettled(order: OrderView, capture: Capture, changes: Changes): void {
  const { payer, hold: id, assetId, amount, released } = capture
  const taken = amount + released
  changes.change(order.oid, (own) => ({ ...own, holds: moveHold(own.holds, { id, assetId }, taken) }))
  changes.change(payer, (theirs) => ({ ...theirs, holds: moveHold(theirs.holds, { id, assetId }, -taken) }))
  changes.pay(order.oid, assetId, amount)
  if (released > 0) changes.pay(payer, assetId, released)
}

/** A payer takes back what nobody can capture any more. */
function checkRelease({ order, operation, own, objects }: Asked<'release'>): LedgerVerdict {
  const { hold: id, assetId, amount }: ReleaseHold = operation
  const hold = holdOf(own.holds, id)
  if (!hold?.terms || !equal(hold.assetId, assetId)) return refusal('not-allowed')
  if (hold.terms.expiresEpoch >= (objects.epochsClosed ?? 0)) return later('not-yet-valid')
  return amount > hold.left ? refusal('insufficient-funds') : touching(order.oid)
}

/** Whether books have a line for this home and asset, or room for one more. */
function hasRoom(books: ObjectState | null, home: Uint8Array, assetId: Uint8Array): boolean {
  const { flows } = books ?? EMPTY_STATE
  return flows.length < LIMITS.flowsPerHomeMax || flows.some((flow) => isFlowOf(flow, home, assetId))
}

function sumOf(credits: readonly Credit[]): number {
  return credits.reduce((sum, { amount }) => sum + amount, 0)
}

function payeesOf(credits: readonly Credit[]): Uint8Array[] {
  return [...new Map(credits.map(({ to }) => [toHex(to), to])).values()]
}

function touching(...touches: Uint8Array[]): LedgerVerdict {
  return { ok: true, touches }
}

function refusal(code: Code): LedgerVerdict {
  return { ok: false, code, retry: false }
}

/** What time can cure. */
function later(code: Code): LedgerVerdict {
  return { ok: false, code, retry: true }
}

/**
 * What goes into a register and what comes out of it: plain data, so that production, simulation and tests drive the same code.
 *
 * Nothing that comes out may be published before everything that `flush` returned with it, or before it, is on the disk.
 */

import type { Code } from '../core/errors.ts'
import type { Certificate } from './certificate.ts'
import type { EvidenceKind } from './evidence.ts'
import type { Order } from './order.ts'
import type { VoteBatch } from './statement.ts'

/** One change of a stored value; a null value deletes. Same shape as the Store port's. */
export interface Write {
  readonly space: string
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** Stored values as a register reads them; it must see every write that `flush` has returned. */
export interface Records {
  get(space: string, key: Uint8Array): Uint8Array | null
  /** All entries of a space in the order of their keys. */
  scan(space: string): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>
}

/** What happened. Statements are decoded and, unless said otherwise, their signatures have been verified by the caller. */
export type Event =
  /** `verified` is false only where `keyOf(order)` is null: the owner is not known here yet. */
  | { readonly kind: 'order'; readonly order: Order; readonly verified: boolean }
  | { readonly kind: 'votes'; readonly batch: VoteBatch }
  /** A certificate or a settlement, from anyone. */
  | { readonly kind: 'certificate'; readonly certificate: Certificate; readonly bytes: Uint8Array }
  /** Somebody lacks the versions of an object from `fromVersion` on. */
  | { readonly kind: 'need'; readonly oid: Uint8Array; readonly fromVersion: number }
  /** Time has passed; paces repetition and nothing else. */
  | { readonly kind: 'tick' }

export type Statement = 'order' | 'batch' | 'certificate' | 'settlement' | 'evidence'

/** What is to be done. */
export type Effect =
  /**
   * Publish a statement. `rank` 0: now. Otherwise wait that many steps, and let it be if another member's copy, or the settlement of the same slot, was seen
   * meanwhile. `oid` and `version` name the slot; a batch concerns many, so its slot is that of the order that was repeated, or null; evidence has a
   * digest of its own in place of an object.
   */
  | {
      readonly kind: 'publish'
      readonly what: Statement
      readonly bytes: Uint8Array
      readonly rank: number
      readonly oid: Uint8Array | null
      readonly version: number
    }
  /** An order has its certificate here: its owner's object has moved on, nobody is credited yet. */
  | { readonly kind: 'certified'; readonly order: Order }
  /** Final here, and applied. `locks` and `confirms` are the seats known so far; without a certificate or votes of its own a node knows of no locks. */
  | {
      readonly kind: 'settled'
      readonly order: Order
      readonly settlement: Uint8Array
      readonly locks: number
      readonly confirms: number
    }
  /** Final here, and applied, as the chain of blocks decided it: there may be no settlement that proves it to strangers. `order` is null for a version that was consumed by nothing. */
  | {
      readonly kind: 'settled-by-chain'
      readonly oid: Uint8Array
      readonly version: number
      /** Digest of the order, or `voidHead`. */
      readonly od: Uint8Array
      readonly order: Order | null
    }
  /** Was certified here, and will not be settled: its epoch has ended without it, or its version was given an end. */
  | { readonly kind: 'rolled-back'; readonly order: Order }
  /** A slot does not get on by itself: its owner signed these two orders for it, or the key of the one that it has was retired. */
  | { readonly kind: 'stuck'; readonly oid: Uint8Array; readonly version: number; readonly orders: readonly Order[] }
  /** The confirmations have reached the strong quorum. */
  | {
      readonly kind: 'strong'
      readonly oid: Uint8Array
      readonly version: number
      readonly od: Uint8Array
      readonly confirms: number
    }
  /** Somebody signed what the rules forbid; also published. */
  | { readonly kind: 'evidence'; readonly guilty: Uint8Array; readonly of: EvidenceKind; readonly bytes: Uint8Array }
  /** Two orders that prove themselves by key events, both for one place. */
  | { readonly kind: 'duplicity'; readonly one: Order; readonly other: Order }
  /** Ask the others for the versions of an object from `fromVersion` on. */
  | { readonly kind: 'need'; readonly oid: Uint8Array; readonly fromVersion: number }
  | {
      readonly kind: 'refused'
      readonly oid: Uint8Array
      readonly version: number
      readonly od: Uint8Array
      readonly code: Code
    }
  /** Put aside until what it lacks is here; `code` says what. */
  | {
      readonly kind: 'parked'
      readonly oid: Uint8Array
      readonly version: number
      readonly od: Uint8Array
      readonly code: Code
    }
  /** The owner of an unverified order became known: check its signature and hand it in again. */
  | { readonly kind: 'verify'; readonly order: Order }
  /** The network shows a batch of ours that our log lacks: the register has stopped voting for this epoch. */
  | { readonly kind: 'log-lost'; readonly sequence: number }

/** What goes into a neighborhood and what comes out of it: that of its two lanes, and what is about epochs. */

import type { Committee } from './committee.ts'
import type { Effect, Event } from './effects.ts'
import type { HandOver } from './epoch/handover.ts'
import type { Opening } from './epoch/opening.ts'
import type { Wanted } from './epoch/succession.ts'
import type { SharedOutcome } from './shared/book.ts'
import type { SimplexEffect, SimplexEvent } from './simplex/effects.ts'

/** What happened. Statements are decoded and their signatures have been verified. */
export type NeighborhoodEvent =
  | { readonly kind: 'register'; readonly event: Event }
  /** `cid`: the committee that it is of. An epoch may have ended since it was read: then it is nothing to the next one. */
  | { readonly kind: 'block'; readonly cid: Uint8Array; readonly event: SimplexEvent }
  /** A transaction, candidacy, proof or piece of evidence that a block may hold. */
  | { readonly kind: 'transaction'; readonly cid: Uint8Array; readonly bytes: Uint8Array; readonly also: Event | null }
  | { readonly kind: 'hand-over'; readonly cid: Uint8Array; readonly handOver: HandOver; readonly bytes: Uint8Array }
  /** Somebody asks for the hand-over that ended an epoch, and for chunks of the state with which it began. */
  | ({ readonly kind: 'asked' } & Wanted)
  /** A chunk of the state with which an epoch began. It proves itself. */
  | { readonly kind: 'chunk'; readonly epoch: number; readonly index: number; readonly bytes: Uint8Array }

/** What is to be done. */
export type NeighborhoodEffect =
  | { readonly kind: 'register'; readonly effect: Effect }
  | { readonly kind: 'block'; readonly effect: SimplexEffect }
  /** Send to all: a transaction of this node's own, or what ended an epoch (`rank` 0: now, else wait that many steps and let it be if it was seen). */
  | {
      readonly kind: 'say'
      readonly what: 'transaction' | 'hand-over'
      readonly bytes: Uint8Array
      readonly rank: number
    }
  /**
   * Another epoch has begun: erase the keys of the one that `ended`, listen to the new committee. `skipped`: this node was not there when it began. Where the opening is of another
   * neighborhood than the committee that ended, this node has moved with it, and the register holds objects of the new home only.
   */
  | {
      readonly kind: 'epoch'
      readonly opening: Opening
      readonly committee: Committee
      readonly ended: Committee
      readonly skipped: boolean
    }
  | { readonly kind: 'convicted'; readonly id: Uint8Array }
  /** A change of a shared object is final: applied, or refused. */
  | { readonly kind: 'shared'; readonly outcome: SharedOutcome }
  /** This node is behind: ask the others of this neighborhood. */
  | ({ readonly kind: 'ask'; readonly nid: Uint8Array } & Wanted)
  /** Send a chunk to all who are behind. */
  | { readonly kind: 'chunk'; readonly epoch: number; readonly index: number; readonly bytes: Uint8Array }

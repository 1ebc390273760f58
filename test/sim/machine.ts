/**
 * What the simulator drives: a production engine in an adapter that does what the services around it do, without their clocks and sockets.
 *
 * A machine is told what arrives and what time its own clock shows; at the end of a turn it says what must be on the disk, and what may leave once it is.
 */

import type { Committee } from '../../src/consensus/committee.ts'
import type { Records, Write } from '../../src/consensus/effects.ts'
import type { Opening } from '../../src/consensus/epoch/opening.ts'
import type { EvidenceKind } from '../../src/consensus/evidence.ts'
import type { Order } from '../../src/consensus/order.ts'
import type { SharedOutcome } from '../../src/consensus/shared/book.ts'
import type { FinalBlock } from '../../src/consensus/simplex/rules.ts'

/** Bytes for everybody, or for one member. */
export interface Publication {
  readonly bytes: Uint8Array
  /** Seat; null for all. */
  readonly to: number | null
  /** The home whose topics it is said on; left out where there is but one. */
  readonly home?: string
}

/** What a node tells its user: promises, to be held to them. */
export type Notice =
  /** `proof`: what its node holds for it, with an own vote that a power cut may have kept from leaving. */
  | { readonly kind: 'certified'; readonly order: Order; readonly proof: Uint8Array | null }
  | { readonly kind: 'settled'; readonly order: Order; readonly settlement: Uint8Array }
  | { readonly kind: 'strong'; readonly oid: Uint8Array; readonly version: number; readonly od: Uint8Array }
  | { readonly kind: 'evidence'; readonly guilty: Uint8Array; readonly of: EvidenceKind; readonly bytes: Uint8Array }
  /** The chain of blocks has decided a version; `order` is null where nothing took its place. */
  | { readonly kind: 'decided'; readonly oid: Uint8Array; readonly version: number; readonly order: Order | null }
  /** `cid`: digest of the committee whose block it is. */
  | { readonly kind: 'final'; readonly block: FinalBlock; readonly cid: Uint8Array }
  | { readonly kind: 'epoch'; readonly committee: Committee; readonly opening: Opening }
  | { readonly kind: 'convicted'; readonly id: Uint8Array }
  | { readonly kind: 'shared'; readonly outcome: SharedOutcome }
  | { readonly kind: 'abstains' }

/** All that a turn brought about. Nothing of it leaves before the writes are on the disk. */
export interface Turn {
  readonly writes: readonly Write[]
  readonly publish: readonly Publication[]
  readonly notices: readonly Notice[]
}

/** What a node is told to wish for: the end of the epoch, to leave, or that a member who does not answer be replaced. */
export type Wish =
  | { readonly kind: 'turn' }
  | { readonly kind: 'leave' }
  | { readonly kind: 'suspect'; readonly of: number }

/** A member under simulation. */
export interface Machine {
  /** The home that it is of, in hexadecimal. */
  readonly home: string
  /** Whether it listens to the topics of a home. */
  hears?(home: string): boolean
  /** Takes in a message. Throws a WebxError where it is refused. */
  receive(bytes: Uint8Array, nowMs: number): void
  /** Time has come to the moment that `wakeAtMs` named, or beyond. */
  tick(nowMs: number): void
  /** When `tick` is wanted, by the member's own clock. */
  wakeAtMs(): number
  wish?(wish: Wish): void
  /** Signs what is to be signed and ends the turn. */
  end(nowMs: number): Turn
}

/** Makes a member, new or from what its disk holds. */
export type MachineMaker = (seat: number, records: Records, options: MachineOptions) => Machine

export interface MachineOptions {
  /** False for one that never asks whether its log is whole: a liar's. */
  readonly recovers: boolean
  /** A number that no other life of this member has. */
  readonly life: number
  /** First skip timer of the Simplex lane: short ones bring about races between SKIP and FINALIZE. */
  readonly skipMs: number
}

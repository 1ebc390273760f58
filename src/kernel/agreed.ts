/**
 * What the neighborhood has agreed on, as one node knows it: the port through which services meet the register lane.
 */

import type { Committee } from '../consensus/committee.ts'
import type { Neighborhood } from '../consensus/neighborhood.ts'
import type { NeighborhoodEffect } from '../consensus/neighborhood-effects.ts'
import type { Order } from '../consensus/order.ts'
import type { Register } from '../consensus/register.ts'
import type { SignedHeader } from '../consensus/statement.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import type { Envelope } from '../core/envelope.ts'
import type { ObjectState } from '../ledger/account.ts'
import type { OwnOperation } from '../ledger/payment.ts'
import type { Decision, Message, Outgoing } from './lane.ts'
import type { Write } from './ports.ts'

/** An order that is settled in the turn under way. */
export interface Settling {
  readonly order: Order
  /** Encoded SETTLEMENT envelope; empty where the chain of blocks settled it and no settlement is known. */
  readonly settlement: Uint8Array
  /** Seats counted so far. */
  readonly locks: number
  readonly confirms: number
}

export interface Agreed {
  /** Of the epoch under way. */
  readonly committee: Committee
  /** This node's seat in it, or null. */
  readonly seat: number | null
  /** For reading; what changes it goes through the methods below. */
  readonly register: Register<ObjectState>
  /** Whether this node votes: it has a seat, its vote log is known to be whole, and it does not abstain. */
  readonly voting: boolean
  /** Lets the register vote: this node's vote log is known to be whole. */
  beginVoting(): void
  /** Hands in a signed order of this node's own; call within a decision. */
  submit(order: Order): void
  /** A question to the members for the versions of an object from `fromVersion` on; null where it was asked a moment ago. */
  need(oid: Uint8Array, fromVersion: number): Outgoing | null
  /** Answers such a question at the end of this turn. */
  answerNeed(oid: Uint8Array, fromVersion: number): void
  /** Looks now at votes of a seat that were put aside for idle times; true where there were any. */
  takeUpVotesOf(seat: number): boolean
  /** Calls `listen` with the signed header of every valid batch of votes that arrives. */
  onBatch(listen: (header: SignedHeader) => void): void
  /** Calls `join` for every order that becomes settled; its writes are stored in the same commit. */
  onSettling(join: (settling: Settling) => readonly Write[]): void
}

/** Hears statements of types that neighborhoods have, too, where they are about something else: the lane of another committee, and evidence about it. */
export interface SideLane {
  /** Whether a statement is its own. May throw what decoding throws. */
  owns(envelope: Envelope): boolean
  checks(message: Message): readonly SignatureCheck[] | null
  decide(message: Message): Decision | null
  /** Newest statements that were seen of an identity, encoded: for a member that asks what it has signed. */
  shownOf(id: Uint8Array): Uint8Array[]
}

/** What a neighborhood does, for the services that help it along. */
export interface Conducted extends Agreed {
  /** For reading; what changes it goes through `act`. */
  readonly hood: Neighborhood<ObjectState>
  /** Has the neighborhood do something; what follows is sent at the end of this turn. Call within a decision, or poke the road. */
  act(action: (hood: Neighborhood<ObjectState>, nowMs: number) => NeighborhoodEffect[]): void
  /** Calls `follow` with every effect of the neighborhood once it is stored. */
  onEffect(follow: (effect: NeighborhoodEffect) => void): void
  /** From now on statements that `lane` owns go to it and not to the neighborhood. */
  alsoHear(lane: SideLane): void
  /** Signs nothing until `beginVoting` is called again. */
  holdVotes(): void
  /** Newest ballots that were seen of a seat, encoded, and what side lanes have seen of its member: for a member that asks what it has signed. */
  ballotsOf(seat: number): Uint8Array[]
}

/** Asks the members how far an object has come. */
export interface Standings {
  /**
   * Resolves once this node has adopted every settled version of the object that a quorum of members knows of. An owner that signs without having asked
   * might sign a second order for a version that it forgot.
   */
  upToDate(oid: Uint8Array): Promise<void>
}

/** Something that this node's identity wants done to one of its objects. */
export interface Wish {
  /** 32 bytes, fixed before the first attempt: the same reference again is the same wish. */
  readonly reference: Uint8Array
  /** 16-byte nonce of the object. */
  readonly nonce: Uint8Array
  readonly operation: OwnOperation
}

/** Turns wishes into orders, each signed once, and sends them until they are settled. */
export interface Orders {
  /** Resolves when the wish is stored: from then on it is sent until it settles, by later runs of the node too. */
  place(wish: Wish): Promise<void>
  /** Makes this identity known to the neighborhood where it is not; comes back to it until it is. */
  introduce(): Promise<void>
  /** Hands in every event of this identity's key log (the inception first) that is not settled, in order, until it is. Orders wait for the key that they are signed with. */
  publishKeyLog(events: readonly Uint8Array[]): void
  /** True while the wish of this reference waits to be settled. */
  has(reference: Uint8Array): boolean
  /** The wish of this reference while it waits to be settled, or null. */
  find(reference: Uint8Array): Wish | null
  /** The wish that was placed last for an object of ours and is not settled yet. */
  newest(nonce: Uint8Array): Wish | null
  /** How much of an asset is spoken for by orders that the account does not show yet, in smallest units. */
  reserved(asset: Uint8Array): number
  /** How many payments to another home are ordered that the account does not show yet. */
  leaving(home: Uint8Array): number
}

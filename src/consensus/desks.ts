/**
 * Lays out a register: the lane of one epoch, and the desks at which events are dealt with.
 *
 * Objects and orders that wait outlive an epoch; votes, slots and everything that counts seats begin anew with it.
 */

import { Fields } from '../core/shape.ts'
import { Ballot } from './ballot.ts'
import type { Committee } from './committee.ts'
import { VoteCount } from './count.ts'
import { Frozen } from './frozen.ts'
import type { Journal } from './journal.ts'
import type { Lane } from './lane.ts'
import { OrderDesk } from './orders.ts'
import { Outbox } from './outbox.ts'
import { META, SPACE } from './records.ts'
import { Repeater } from './repeat.ts'
import { Slots } from './slots.ts'
import { VoteDesk } from './votes.ts'
import { Watch } from './watch.ts'

/** Who deals with what. */
export interface Desks<S> {
  readonly watch: Watch<S>
  readonly repeater: Repeater<S>
  readonly votes: VoteDesk<S>
  readonly orders: OrderDesk<S>
}

export function openDesks<S>(lane: Lane<S>): Desks<S> {
  const watch = new Watch(lane)
  const repeater = new Repeater(lane)
  const votes = new VoteDesk(lane, watch)
  return { watch, repeater, votes, orders: new OrderDesk(lane, votes, watch, repeater) }
}

type Outliving<S> = Pick<Lane<S>, 'rules' | 'journal' | 'objects' | 'parked'> & Partial<Pick<Lane<S>, 'count'>>

/** The parts that outlive an epoch, and those that begin with it. The count of the epoch before lends its memory. */
export function layLane<S>(
  { rules, journal, objects, parked, count: before }: Outliving<S>,
  committee: Committee,
  seat: number | null,
  tallySeed?: Uint8Array,
): Lane<S> {
  const count = new VoteCount(committee, tallySeed, before)
  objects.beginEpoch(committee.epoch)
  return {
    committee,
    seat,
    rules,
    journal,
    objects,
    count,
    slots: new Slots(committee, count),
    parked,
    frozen: new Frozen(journal, committee.epoch),
    outbox: new Outbox(committee, seat),
    ballot: seat === null ? null : new Ballot(committee, seat, journal),
    wake: [],
    abstaining: abstainsFrom(journal, committee.epoch),
    nowMs: 0,
  }
}

function abstainsFrom(journal: Journal, epoch: number): boolean {
  const stored = journal.get(SPACE.meta, META.abstain)
  if (!stored) return false
  const fields = Fields.of('abstention', stored)
  const abstained = fields.uint('epoch')
  fields.end()
  return abstained === epoch
}

/** A neighborhood of gossiping seats on a net that loses messages, for tests of how far a message gets. */

import { fromText } from '../../src/core/bytes.ts'
import { Gossip, type Send } from '../../src/swarm/gossip.ts'
import { decodeGossip, encodeGossip, gossipId } from '../../src/swarm/gossip-message.ts'
import { uniform } from '../kit/vectors.ts'

/** What is wrong with the net. */
export interface Weather {
  /** Seats that hear and say nothing, of 25; never the publisher. */
  readonly dead: number
  /** 0 to 1: how many messages are lost. */
  readonly loss: number
  /** How long everybody reconciles after the rumor has run out. */
  readonly reconcileMs: number
}

/** What came of one message. */
export interface Reach {
  /** Living seats that have it. */
  readonly reached: number
  readonly living: number
  /** Messages sent until the rumor had run out. */
  readonly messages: number
  /** Time until the last living seat had it, where all have it; 0 where the rumor did it. */
  readonly completeMs: number
}

const SEATS = 25

/** One message in a neighborhood of its own. */
export function spread({ dead, loss, reconcileMs }: Weather, seed: number): Reach {
  const chance = uniform(seed)
  const seats = Array.from({ length: SEATS }, (_, seat) => new Gossip(seat, SEATS, -Math.floor(chance() * 5_000)))
  const publisher = Math.floor(chance() * SEATS)
  const gone = new Set<number>()
  while (gone.size < dead) {
    const seat = Math.floor(chance() * SEATS)
    if (seat !== publisher) gone.add(seat)
  }
  const bytes = fromText(`message ${seed}`)
  const id = gossipId(bytes)
  const has = new Set([publisher])
  let messages = 0
  const deliver = (from: number, sends: readonly Send[], nowMs: number): void => {
    const queue = sends.map((send) => ({ from, send }))
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { to, message } = next.send
      messages++
      if (gone.has(to) || chance() < loss) continue
      const seat = seats[to] as Gossip
      const { news, sends: answers } = seat.receive(next.from, decodeGossip(encodeGossip(message)), nowMs)
      if (news?.id === id) has.add(to)
      const onward = news ? seat.accept(news, nowMs) : []
      queue.push(...[...answers, ...onward].map((send) => ({ from: to, send })))
    }
  }
  deliver(publisher, (seats[publisher] as Gossip).publish(bytes, 0), 0)
  const spent = messages
  const living = SEATS - gone.size
  let completeMs = 0
  for (let nowMs = 0; nowMs <= reconcileMs && has.size < living; nowMs += 250) {
    completeMs = nowMs
    for (const [number, seat] of seats.entries())
      if (!gone.has(number)) deliver(number, seat.tick(nowMs, chance()), nowMs)
  }
  return { reached: has.size, living, messages: spent, completeMs }
}

/** Share of the messages of so many neighborhoods that reach all who live. */
export function reachAll(weather: Weather, trials: number): { all: number; mean: number; messagesMax: number } {
  let [all, reached, messagesMax] = [0, 0, 0]
  for (let trial = 0; trial < trials; trial++) {
    const reach = spread(weather, trial)
    if (reach.reached === reach.living) all++
    reached += reach.reached / reach.living
    messagesMax = Math.max(messagesMax, reach.messages)
  }
  return { all: all / trials, mean: reached / trials, messagesMax }
}

/** What tests of anonymous check-in do again and again: a till that takes proofs, shoppers who are enrolled there, and time that passes. */

import type { Guest } from '../../src/kernel/guest.ts'
import { whileTimePasses } from '../kit/memory.ts'
import { until } from '../kit/within.ts'
import { photograph, type Shop, type Shopper, type Till } from './shop.ts'

/** A till that takes proofs, and shoppers with faces 1, 2, … who are enrolled there. */
export async function opened(
  shop: Shop,
  count: number,
  mode: 'anonymous' | 'both' = 'anonymous',
): Promise<{ till: Till; shoppers: Shopper[] }> {
  const till = await shop.till(undefined, undefined, undefined, mode)
  const shoppers: Shopper[] = []
  for (let number = 1; number <= count; number++) {
    const shopper = await shop.shopper()
    await shopper.device.enrol([photograph(number, 0)], shop.model)
    await till.terminal.enrolled.add(await shopper.device.proofKeyText(), `number ${number}`)
    shoppers.push(shopper)
  }
  return { till, shoppers }
}

export function enter(shop: Shop, till: Till, shopper: Shopper, lifetimeMs?: number): Promise<number | null> {
  return during(shop, shopper.device.checkIn(till.person.id, lifetimeMs, 'anonymous'))
}

/** Lets time pass until so many are checked in. */
export function present(shop: Shop, till: Till, count: number): Promise<void> {
  return during(
    shop,
    until(5_000, () => till.terminal.checkins().length === count, `${count} check-ins`),
  )
}

/** The outcome of something that is a matter of seconds, while they pass. */
export function during<T>(shop: Shop, promise: Promise<T>, stepMs = 20): Promise<T> {
  return whileTimePasses(shop.clock, promise, 10_000, stepMs)
}

export function counted(till: Till, name: string): number {
  return till.context.counters.read()[name] ?? 0
}

/** The guests that are made from now on. */
export function guestsMade(shop: Shop): Guest[] {
  const guests: Guest[] = []
  const { guest } = shop
  shop.guest = (store) => {
    const made = guest.call(shop, store)
    guests.push(made)
    return made
  }
  return guests
}

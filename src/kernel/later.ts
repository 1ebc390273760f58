/**
 * Things to be published later unless somebody else does it first: what every member holds need not be sent by all of them.
 */

import { LIMITS } from '../core/limits.ts'
import type { Counters } from './ports.ts'
import type { Outgoing, Road } from './road.ts'
import type { Schedule } from './schedule.ts'

/** Publications that wait, by name; bounded. */
export class Later {
  readonly #cancels = new Map<string, () => void>()
  readonly #ports: { readonly schedule: Schedule; readonly road: Road; readonly counters: Counters }

  constructor(ports: { readonly schedule: Schedule; readonly road: Road; readonly counters: Counters }) {
    this.#ports = ports
  }

  /** Whether something of that name waits. */
  has(name: string): boolean {
    return this.#cancels.has(name)
  }

  /** Publishes after `delayMs`, unless `cancel` is called with that name before. A name that waits already is left as it is. */
  publish(name: string, delayMs: number, make: () => Outgoing): void {
    if (this.#cancels.has(name)) return
    const { schedule, road, counters } = this.#ports
    if (this.#cancels.size >= LIMITS.openSlotsMax) {
      counters.count('later.full')
      return
    }
    const cancel = schedule.after(delayMs, 'publish later', () =>
      // a turn begins with what came in meanwhile: perhaps with the same, by somebody else
      road.run(() => (this.#cancels.delete(name) ? { emit: [make()] } : null)),
    )
    this.#cancels.set(name, cancel)
  }

  /** Somebody else did it. */
  cancel(name: string): void {
    this.#cancels.get(name)?.()
    this.#cancels.delete(name)
  }

  cancelAll(): void {
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }
}

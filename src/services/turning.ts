/**
 * Lets this node have its say about when an epoch ends, and about its own place: it asks to be taken in, and says when it leaves.
 *
 * An epoch ends when more seats than may lie wish for it. An honest seat does when the epoch has lasted as long as the profile says, or sooner where somebody came, left or died.
 */

import { toHex } from '../core/bytes.ts'
import type { Conducted } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'

const CHECK_MS = 500

/** How long epochs last here. */
export interface EpochTimes {
  /** As long as nothing changes. */
  readonly epochMs: number
  /** Where somebody came, left or died. */
  readonly changeMs: number
}

export const EPOCH_TIMES: EpochTimes = { epochMs: 3_600_000, changeMs: 30_000 }

/** What a newcomer shows. */
export interface Admission {
  /** 32-byte identity of the organization that it belongs to. */
  readonly organization: Uint8Array
  /** 64-byte signature of the net's organization: see `admissionBytes`. */
  readonly signature: Uint8Array
  /** Bits of `CAPABILITY`. */
  readonly capabilities: number
}

export class Turning implements Service {
  readonly #context: Context
  readonly #agreement: Conducted
  readonly #times: EpochTimes
  readonly #admission: () => Admission | null
  #beganMs: number
  #leaving = false
  #cancel = (): void => {}
  #unhear = (): void => {}

  /** @param admission what lets this node apply for a place here; null where it wants none, or has one elsewhere */
  constructor(context: Context, agreement: Conducted, times: EpochTimes, admission: () => Admission | null) {
    this.#context = context
    this.#agreement = agreement
    this.#times = times
    this.#admission = admission
    this.#beganMs = context.clock.monotonicMs()
  }

  async start(): Promise<void> {
    const { schedule, events, clock } = this.#context
    this.#unhear = events.on('epoch', () => {
      this.#beganMs = clock.monotonicMs()
      this.#check()
    })
    this.#cancel = schedule.every(CHECK_MS, 'turn of the epoch', () => this.#check())
  }

  async stop(): Promise<void> {
    this.#cancel()
    this.#unhear()
  }

  /** Gives up this node's place with the end of the epoch, or of the next where that is too late. It does not apply again before it is started again. */
  leave(): void {
    this.#leaving = true
    this.#check()
  }

  /** This node's wish for the end of the epoch, whatever the time. */
  wish(): void {
    this.#agreement.act((hood) => hood.wantTurn())
    this.#context.road.poke()
  }

  #check(): void {
    const { hood, seat } = this.#agreement
    const { keys, clock, road } = this.#context
    if (this.#leaving && hood.isMember) {
      this.#agreement.act((neighborhood) => neighborhood.declare({ kind: 'leave' }))
      road.poke()
    }
    const admitted = hood.isMember || this.#leaving ? null : this.#admission()
    if (admitted) {
      const { organization, capabilities, signature: admission } = admitted
      const { inception, vrf } = keys
      const join = { kind: 'join', inception, vrfKey: vrf.publicKey, organization, capabilities, admission } as const
      this.#agreement.act((neighborhood) => neighborhood.declare(join))
      road.poke()
    }
    if (seat === null || !this.#mayTurn) return
    const lastedMs = clock.monotonicMs() - this.#beganMs
    const hasChanged = hood.term.state.phase === 'open' && hood.term.state.membership.hasChanged
    // an epoch takes so many transactions, and so many changes of shared objects, and no more
    const isDue = hasChanged || hood.term.state.isFull || hood.term.state.shared.isFull
    if (lastedMs >= this.#times.epochMs || (isDue && lastedMs >= this.#times.changeMs)) this.wish()
  }

  /** A net that was founded before there were epochs stays in its first. */
  get #mayTurn(): boolean {
    const own = toHex(this.#context.keys.id)
    const entry = this.#agreement.hood.term.opening.roster.find(({ id }) => toHex(id) === own)
    return entry?.vrfKey.some((byte) => byte !== 0) ?? false
  }
}

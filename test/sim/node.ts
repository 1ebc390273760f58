/**
 * A node under simulation: an inbox, a disk, a clock of its own, and the order of a turn. All that came is stepped, then stored, and only then does anything leave.
 *
 * While the disk syncs the node waits and its inbox fills, as a node's does. Power may fail at any moment; then the open transaction survives or not, and nothing of the
 * turn has left.
 */

import { WebxError } from '../../src/core/errors.ts'
import type { Chance } from './chance.ts'
import { Disk } from './disk.ts'
import type { Machine, MachineMaker, Notice, Publication, Turn, Wish } from './machine.ts'
import type { Timeline } from './timeline.ts'

const NEXT_TURN_MS = 1
/** Never longer asleep than this by the simulation's clock, so that no rounding of a skewed clock matters. */
const ASLEEP_MS_MAX = 5_000

/** What a node does to the world outside. */
export interface Outside {
  publish(node: SimNode, publication: Publication): void
  report(node: SimNode, notice: Notice): void
  /** A turn has ended. */
  turned(node: SimNode): void
  /** Somebody has entered an epoch, and may speak in it. */
  reached(notice: Extract<Notice, { kind: 'epoch' }>): void
  /** The engine threw what it must not throw, or refuses to come back without a fault of its disk. */
  broke(node: SimNode, error: Error): void
}

export interface NodeOptions {
  readonly id: number
  readonly seat: number
  readonly honest: boolean
  /** The home that it has joined beside that of its person's first node; left out for that one. */
  readonly joined?: string | null
  readonly make: MachineMaker
  readonly timeline: Timeline
  readonly chance: Chance
  readonly outside: Outside
  /** How fast its clock runs; 1 is right. */
  readonly clockRate: number
  /** How long a sync takes. */
  readonly syncMs: readonly [number, number]
  readonly skipMs: number
}

export class SimNode {
  readonly id: number
  readonly seat: number
  readonly honest: boolean
  readonly joined: string | null
  readonly disk = new Disk()
  machine: Machine | null = null
  /** It came to know that its log is not whole, or its disk is damaged for good: no more votes are to be expected of it. */
  lost = false
  syncMs: readonly [number, number]
  readonly #options: NodeOptions
  #inbox: Uint8Array[] = []
  #wishes: Wish[] = []
  #life = 0
  #busy = false
  #turnIsDue = false
  #wakeAtMs = Number.POSITIVE_INFINITY
  #clockJumpMs = 0

  constructor(options: NodeOptions) {
    this.#options = options
    this.id = options.id
    this.seat = options.seat
    this.honest = options.honest
    this.joined = options.joined ?? null
    this.syncMs = options.syncMs
    this.start()
  }

  get up(): boolean {
    return this.machine !== null
  }

  /** The home that it is of; empty while it is down. */
  get home(): string {
    return this.machine?.home ?? ''
  }

  /** Comes back with what its disk holds. */
  start(): void {
    if (this.up || this.lost) return
    const { make, seat, honest, skipMs } = this.#options
    this.#life++
    this.#inbox = []
    this.#busy = false
    this.#turnIsDue = false
    this.#wakeAtMs = Number.POSITIVE_INFINITY
    try {
      this.machine = make(seat, this.disk, { recovers: honest, life: this.id * 1000 + this.#life, skipMs })
    } catch (error) {
      this.#failed(error)
      return
    }
    this.#sleep()
  }

  crash(): void {
    this.machine = null
    this.disk.crash(this.#options.chance.hits(0.5))
  }

  /** Its clock makes a leap; monotonic clocks leap forward only. */
  leap(byMs: number): void {
    this.#clockJumpMs += byMs
    this.#sleep()
  }

  receive(bytes: Uint8Array): void {
    if (!this.up) return
    this.#inbox.push(bytes)
    this.#plan(NEXT_TURN_MS)
  }

  /** Its user wishes for something. */
  wish(wish: Wish): void {
    if (!this.up) return
    this.#wishes.push(wish)
    this.#plan(NEXT_TURN_MS)
  }

  get #nowMs(): number {
    return Math.floor(this.#options.timeline.nowMs * this.#options.clockRate) + this.#clockJumpMs
  }

  #plan(delayMs: number): void {
    if (this.#busy || this.#turnIsDue) return
    this.#turnIsDue = true
    const life = this.#life
    this.#options.timeline.after(delayMs, () => {
      if (this.#life !== life || !this.up) return
      this.#turnIsDue = false
      this.#turn()
    })
  }

  #turn(): void {
    const nowMs = this.#nowMs
    const machine = this.machine as Machine
    const inbox = this.#inbox
    this.#inbox = []
    try {
      for (const bytes of inbox) this.#take(machine, bytes, nowMs)
      if (machine.wakeAtMs() <= nowMs) machine.tick(nowMs)
      for (const wish of this.#wishes.splice(0)) machine.wish?.(wish)
      const turn = machine.end(nowMs)
      this.disk.begin(turn.writes)
      this.#leave(turn)
    } catch (error) {
      this.#failed(error)
    }
  }

  #take(machine: Machine, bytes: Uint8Array, nowMs: number): void {
    try {
      machine.receive(bytes, nowMs)
    } catch (error) {
      // what others get wrong is refused; what is our own fault, or the disk's, is not
      if (!(error instanceof WebxError) || error.fault === 'ours' || error.code.startsWith('store-')) throw error
    }
  }

  /** What was decided leaves once it is stored. */
  #leave(turn: Turn): void {
    if (turn.writes.length === 0) {
      this.#emit(turn)
      this.#sleep()
      return
    }
    this.#busy = true
    const life = this.#life
    const { chance, timeline } = this.#options
    timeline.after(chance.between(...this.syncMs), () => {
      if (this.#life !== life || !this.up) return
      this.disk.sync()
      this.#busy = false
      this.#emit(turn)
      if (this.#inbox.length > 0) this.#plan(0)
      else this.#sleep()
    })
  }

  #emit({ publish, notices }: Turn): void {
    const { outside } = this.#options
    for (const notice of notices) if (notice.kind === 'epoch') outside.reached(notice)
    // a CONFIRM that is published stands on the certificate that its node holds
    for (const notice of notices) if (notice.kind === 'certified') outside.report(this, notice)
    for (const publication of publish) outside.publish(this, publication)
    for (const notice of notices) {
      if (notice.kind === 'certified') continue
      if (notice.kind === 'abstains') this.lost = true
      outside.report(this, notice)
    }
    outside.turned(this)
  }

  #sleep(): void {
    if (!this.machine || this.#busy) return
    const { clockRate, timeline } = this.#options
    const delayMs = (this.machine.wakeAtMs() - this.#clockJumpMs) / clockRate - timeline.nowMs
    const wakeAtMs = timeline.nowMs + Math.min(Math.max(delayMs, 0) + 1, ASLEEP_MS_MAX)
    if (this.#wakeAtMs > timeline.nowMs && this.#wakeAtMs <= wakeAtMs) return
    this.#wakeAtMs = wakeAtMs
    const life = this.#life
    timeline.at(wakeAtMs, () => {
      if (this.#life !== life || !this.up || this.#wakeAtMs !== wakeAtMs) return
      this.#plan(0)
    })
  }

  #failed(error: unknown): void {
    this.machine = null
    this.disk.crash(false)
    const code = error instanceof WebxError ? error.code : ''
    if (code === 'store-failed') return
    if (code === 'store-damaged' && this.disk.isDamaged) {
      this.lost = true
      return
    }
    this.#options.outside.broke(this, error as Error)
  }
}

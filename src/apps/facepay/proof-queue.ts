/**
 * Proofs that wait to be checked, at a bounded pace, so that garbage can delay check-ins but neither payments nor the node.
 *
 * A check takes a few milliseconds and is never made in a turn of the road. One proof waits for each guest; where too many wait, one that is drawn by lot makes room,
 * so that whoever floods has no better chance than his share. A guest whose proof or key is no good, or who was replaced, is not listened to again; a tag that was proven is
 * not proven again for some seconds, or one enrolled shopper alone could keep the till reckoning.
 */

import { toHex } from '../../core/bytes.ts'
import { asWebxError, WebxError } from '../../core/errors.ts'
import type { Frame } from '../../core/frame.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import type { Checkin } from './checkin.ts'
import type { RingProof } from './ring-proof.ts'

/** A check-in that waits. */
export interface Waiting {
  readonly frame: Frame
  readonly checkin: Checkin
  readonly ring: RingProof
  /** 32 bytes, not proven yet. */
  readonly tag: Uint8Array
}

/** Checks one and takes it in. Throws the reason of a refusal. */
export type Take = (waiting: Waiting) => void

/** Least time between two checks. */
const PACE_MS = 1_000 / LIMITS.checkinProofsPerSecondMax
/** A slow machine pauses so many times as long as the last check took. */
const PAUSE_FACTOR = 8

export class ProofQueue {
  readonly #context: Context
  readonly #take: Take
  readonly #waiting = new Map<string, Waiting>()
  readonly #barred = new Set<string>()
  /** When each tag was last proven, by the clock that never jumps; oldest first. */
  readonly #proven = new Map<string, number>()
  #nextMs = 0
  #cancel: (() => void) | null = null

  constructor(context: Context, take: Take) {
    this.#context = context
    this.#take = take
  }

  /** Has a proof checked soon; a guest's newest takes the place of what waits of it. Throws `not-allowed` for a barred guest, `flooding` for a tag that was proven just now. */
  offer(waiting: Waiting): void {
    const guest = toHex(waiting.frame.sender)
    if (this.#barred.has(guest)) throw new WebxError('not-allowed', 'this guest proved nothing, or was replaced')
    this.#assertPause(waiting)
    if (!this.#waiting.has(guest) && this.#waiting.size >= LIMITS.checkinProofsWaitingMax) this.#drop()
    this.#waiting.set(guest, waiting)
    this.#wake()
  }

  /** Forgets what waits of a guest. */
  withdraw(guestId: Uint8Array): void {
    this.#waiting.delete(toHex(guestId))
  }

  /** Nothing more is heard of this guest. */
  bar(guestId: Uint8Array): void {
    this.withdraw(guestId)
    remember(this.#barred, toHex(guestId), LIMITS.checkinGuestsBarredMax)
  }

  stop(): void {
    this.#cancel?.()
    this.#waiting.clear()
  }

  #assertPause({ tag }: Waiting): void {
    const provenMs = this.#proven.get(toHex(tag))
    if (provenMs === undefined) return
    if (this.#context.clock.monotonicMs() - provenMs < LIMITS.checkinReplaceMsMin) {
      throw new WebxError('flooding', 'this tag was proven a moment ago')
    }
  }

  #drop(): void {
    const names = [...this.#waiting.keys()]
    const [a = 0, b = 0] = this.#context.random.bytes(2)
    this.#waiting.delete(names[(256 * a + b) % names.length] as string)
    this.#context.counters.count('facepay.proofsDropped')
  }

  #wake(): void {
    const { clock, schedule } = this.#context
    if (this.#cancel || this.#waiting.size === 0) return
    this.#cancel = schedule.after(Math.max(0, this.#nextMs - clock.monotonicMs()), 'facepay proofs', () => {
      this.#cancel = null
      this.#next()
      this.#wake()
    })
  }

  #next(): void {
    const [entry] = this.#waiting
    if (!entry) return
    const [guest, waiting] = entry
    const { clock, counters, log } = this.#context
    this.#waiting.delete(guest)
    const beganMs = clock.monotonicMs()
    try {
      this.#assertPause(waiting)
      this.#take(waiting)
      remember(this.#proven, toHex(waiting.tag), LIMITS.checkinGuestsBarredMax, clock.monotonicMs())
    } catch (thrown) {
      const error = asWebxError(thrown)
      if (error.code === 'bad-proof' || error.code === 'bad-key') this.bar(waiting.frame.sender)
      counters.count(`refused.${error.code}`)
      log.debug({ error }, 'a check-in was refused')
    }
    const endedMs = clock.monotonicMs()
    this.#nextMs = Math.max(beganMs + PACE_MS, endedMs + PAUSE_FACTOR * (endedMs - beganMs))
  }
}

/** Adds to a bounded set or map; what was added first makes room. */
function remember(known: Set<string> | Map<string, number>, name: string, most: number, value = 0): void {
  known.delete(name)
  if (known instanceof Map) known.set(name, value)
  else known.add(name)
  if (known.size <= most) return
  for (const first of known.keys()) {
    known.delete(first)
    break
  }
}

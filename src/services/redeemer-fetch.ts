/**
 * Fetches what a ticket stands for, block by block, over a broker that loses and reorders: a few requests under way, each asked again until its block is here.
 */

import { toHex } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type Block, fetchPayload } from '../data/redeem-frames.ts'
import { openBlock } from '../data/redeem-seal.ts'
import type { FetchTarget } from '../kernel/redeeming.ts'
import type { Schedule } from '../kernel/schedule.ts'

/** What is fetched, and how. */
export interface FetchParts {
  readonly ticket: Uint8Array
  /** 32 secret bytes under which the blocks travel. */
  readonly blockKey: Uint8Array
  readonly bytes: number
  readonly target: FetchTarget
  readonly schedule: Schedule
  /** Sends one request; loses it where it cannot. */
  readonly send: (payload: Cbor) => void
  readonly onProgress: (bytes: number, of: number) => void
}

/** One fetch. `done` settles once all is put into the target, or nothing more comes. */
export class Fetch {
  /** Names the ticket, so that blocks find their fetch. */
  readonly name: string
  readonly done: Promise<void>
  readonly #parts: FetchParts
  readonly #resolve: () => void
  readonly #reject: (error: unknown) => void
  /** Requests under way, by the place of their block. */
  readonly #waiting = new Map<number, () => void>()
  #next = 0
  #bytes = 0
  #cancelSilence: () => void = () => {}
  #isOver = false

  constructor(parts: FetchParts) {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#parts = parts
    this.name = toHex(parts.ticket)
    this.done = promise
    this.#resolve = resolve
    this.#reject = reject
    promise.catch(() => {})
  }

  start(): void {
    this.#heard()
    if (this.#parts.bytes === 0) this.#end(null)
    else this.#ask()
  }

  /** Takes a block of this ticket from the server. Throws `tampered`, `bad-shape`; what does not belong here is passed over. */
  take({ at, sealed }: Block): void {
    const cancel = this.#waiting.get(at)
    if (!cancel || this.#isOver) return
    if (sealed.length === 0) {
      this.#end(new WebxError('expired', 'the server does not hold any more what was granted; redeem again'))
      return
    }
    const { bytes, blockKey, target, onProgress } = this.#parts
    const block = openBlock(sealed, blockKey, at)
    if (block.length !== Math.min(LIMITS.vaultBlockBytesMax, bytes - at)) {
      throw new WebxError('bad-shape', `block at ${at}: ${block.length} bytes`)
    }
    cancel()
    this.#waiting.delete(at)
    this.#heard()
    target.put(at, block).then(
      () => {
        this.#bytes += block.length
        onProgress(this.#bytes, bytes)
        if (this.#bytes === bytes) this.#end(null)
        else this.#ask()
      },
      (error: unknown) => this.#end(error),
    )
  }

  /** Gives up. */
  abandon(error: unknown): void {
    this.#end(error)
  }

  /** Fills the window. */
  #ask(): void {
    while (!this.#isOver && this.#waiting.size < LIMITS.vaultBlocksInFlight && this.#next < this.#parts.bytes) {
      this.#request(this.#next)
      this.#next += LIMITS.vaultBlockBytesMax
    }
  }

  #request(at: number): void {
    const { schedule, send, ticket } = this.#parts
    send(fetchPayload({ ticket, at }))
    this.#waiting.set(
      at,
      schedule.after(LIMITS.vaultBlockRetryMs, 'fetch block', () => this.#request(at)),
    )
  }

  /** The server lives: it may be silent for so long again. */
  #heard(): void {
    this.#cancelSilence()
    this.#cancelSilence = this.#parts.schedule.after(LIMITS.vaultFetchSilenceMsMax, 'fetch', () =>
      this.#end(new WebxError('unreachable', 'the server sends nothing more of what it has granted')),
    )
  }

  #end(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelSilence()
    for (const cancel of this.#waiting.values()) cancel()
    this.#waiting.clear()
    if (error === null) this.#resolve()
    else this.#reject(error)
  }
}

/**
 * Questions to servers: sent again after growing pauses until the one that was asked has answered, by the kind of answer that is due.
 */

import { equal, toHex } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { RedeemAnswer, RedeemChallenge } from '../data/redeem-frames.ts'
import type { Context } from '../kernel/context.ts'

/** A question. */
export interface Asking {
  /** 32-byte identity of who is asked. */
  readonly server: Uint8Array
  /** The answer names it. */
  readonly nonce: Uint8Array
  /** Types of the message and of its answer. */
  readonly type: number
  readonly answer: number
  /** The same bytes each time. */
  readonly payload: Cbor
}

type Answer = RedeemChallenge | RedeemAnswer

/** Questions under way. */
export class Exchanges {
  readonly #context: Pick<Context, 'clock' | 'schedule'>
  readonly #send: (server: Uint8Array, type: number, payload: Cbor) => void
  /** By nonce. */
  readonly #waiting = new Map<
    string,
    { readonly asking: Asking; readonly resolve: (answer: Answer) => void; readonly reject: (error: unknown) => void }
  >()

  #ended: unknown = null

  /** @param send sends one message; loses it where it cannot */
  constructor(
    context: Pick<Context, 'clock' | 'schedule'>,
    send: (server: Uint8Array, type: number, payload: Cbor) => void,
  ) {
    this.#context = context
    this.#send = send
  }

  /** Resolves with the answer. Rejects with `unreachable` where none came by `endMs` of the monotonic clock, `stopped` once the signal aborts. */
  ask(asking: Asking, endMs: number, signal?: AbortSignal): Promise<Answer> {
    const { schedule, clock } = this.#context
    const { server, nonce, type, payload } = asking
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    let pauseMs: number = LIMITS.vaultRetryMsMin
    let cancel = (): void => {}
    const send = (): void => {
      const leftMs = endMs - clock.monotonicMs()
      if (leftMs <= 0) {
        reject(new WebxError('unreachable', 'the server of this ping does not answer', { hint: UNREACHABLE_HINT }))
        return
      }
      this.#send(server, type, payload)
      cancel = schedule.after(Math.min(pauseMs, leftMs), 'redeem', send)
      pauseMs = Math.min(2 * pauseMs, LIMITS.vaultRetryMsMax)
    }
    const name = toHex(nonce)
    const abandon = (): void => reject(gaveUp())
    this.#waiting.set(name, { asking, resolve, reject })
    signal?.addEventListener('abort', abandon, { once: true })
    if (this.#ended !== null) reject(this.#ended)
    else if (signal?.aborted) abandon()
    else send()
    return promise.finally(() => {
      cancel()
      signal?.removeEventListener('abort', abandon)
      this.#waiting.delete(name)
    })
  }

  /** Takes an answer of that type by `sender`; one that nobody waits for is passed over. */
  answered(sender: Uint8Array, type: number, answer: Answer): void {
    const waiting = this.#waiting.get(toHex(answer.nonce))
    if (!waiting) return
    const { asking, resolve } = waiting
    if (asking.answer === type && equal(asking.server, sender)) resolve(answer)
  }

  /** Gives up on all, also on what is asked later. */
  abandon(error: unknown): void {
    this.#ended = error
    for (const { reject } of this.#waiting.values()) reject(error)
  }
}

const UNREACHABLE_HINT = 'Is its node running, and on the same net? Ask again.'

/** What a redemption ends with that nobody waits for. */
export function gaveUp(): WebxError {
  return new WebxError('stopped', 'nobody waits for this redemption any more')
}

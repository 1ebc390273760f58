/**
 * Frames: signed messages of one sender, at one time, to one topic.
 *
 * Expiry, sequence, sender and topic are under the signature, so that a broker can neither move, delay beyond use, nor repeat a frame
 * unnoticed. Replay: (boot, sequence) of the sender against a sliding window; `boot` is a durable counter, so that a
 * restart never repeats a number. Layout and CDDL: `src/PROTOCOL.md`.
 */

import { toHex } from './bytes.ts'
import { type Cbor, encode } from './codec.ts'
import type { Envelope } from './envelope.ts'
import { WebxError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { Fields } from './shape.ts'

/** What the body of a frame's envelope holds. */
export interface Frame {
  /** 32-byte id of the sending identity. */
  readonly sender: Uint8Array
  /** How many times the sender had started when it sent this. */
  readonly boot: number
  /** Counts up from 1 within a boot. */
  readonly sequence: number
  /** Milliseconds since 1970, by the sender's clock. */
  readonly sentMs: number
  readonly expiresMs: number
  readonly topic: string
  /** The payload, a decoded value of the frame's type. */
  readonly payload: Cbor
}

/** Canonical body bytes of a frame, ready to be signed. */
export function encodeFrame(frame: Frame): Uint8Array {
  const { sender, boot, sequence, sentMs, expiresMs, topic, payload } = frame
  return encode([sender, boot, sequence, sentMs, expiresMs, topic, payload])
}

/** The frame in an envelope's body. Throws `bad-shape`, `not-canonical`. */
export function decodeFrame(envelope: Envelope): Frame {
  const fields = Fields.of('frame', envelope.body)
  const frame = {
    sender: fields.bytes('sender', 32),
    boot: fields.uint('boot'),
    sequence: fields.uint('sequence'),
    sentMs: fields.uint('sentMs'),
    expiresMs: fields.uint('expiresMs'),
    topic: fields.text('topic', LIMITS.topicCharactersMax),
    payload: fields.any('payload'),
  }
  fields.end()
  return frame
}

/** Throws `wrong-topic`, `expired`, `from-the-future` or `bad-shape`. */
export function assertTimely(frame: Frame, topic: string, nowMs: number): void {
  if (frame.topic !== topic) throw new WebxError('wrong-topic', `frame for "${frame.topic}" arrived on "${topic}"`)
  if (frame.expiresMs <= nowMs) throw new WebxError('expired', `frame expired ${nowMs - frame.expiresMs} ms ago`)
  if (frame.sentMs > nowMs + LIMITS.clockSkewMsMax) {
    throw new WebxError('from-the-future', `frame was sent ${frame.sentMs - nowMs} ms ahead of this clock`)
  }
  if (frame.expiresMs < frame.sentMs || frame.expiresMs - frame.sentMs > LIMITS.frameLifetimeMsMax) {
    throw new WebxError('bad-shape', 'frame lives longer than allowed')
  }
}

/** Remembers which (boot, sequence) numbers were seen, in a bounded number of senders and a window of 64 numbers each. */
export class ReplayGuard {
  readonly #senders = new Map<string, { boot: number; highest: number; window: bigint }>()

  /** Throws `replayed` where the number was seen, or is too old to know. */
  check(frame: Frame): void {
    const key = toHex(frame.sender)
    const seen = this.#senders.get(key)
    if (!seen) return
    if (frame.boot < seen.boot) throw new WebxError('replayed', 'frame of an earlier boot of its sender')
    if (frame.boot > seen.boot || frame.sequence > seen.highest) return
    const age = seen.highest - frame.sequence
    if (age >= LIMITS.replayWindowFrames || ((seen.window >> BigInt(age)) & 1n) === 1n) {
      throw new WebxError('replayed', `frame ${frame.sequence} of its sender was seen before`)
    }
  }

  /** Notes a frame whose signature holds; call after `check`. The sender seen least recently makes room. */
  accept(frame: Frame): void {
    const key = toHex(frame.sender)
    let seen = this.#senders.get(key)
    this.#senders.delete(key)
    if (!seen || frame.boot > seen.boot) seen = { boot: frame.boot, highest: frame.sequence, window: 1n }
    else if (frame.sequence > seen.highest) {
      const shift = BigInt(Math.min(frame.sequence - seen.highest, LIMITS.replayWindowFrames))
      seen.window = ((seen.window << shift) | 1n) & WINDOW_MASK
      seen.highest = frame.sequence
    } else seen.window |= 1n << BigInt(seen.highest - frame.sequence)
    this.#senders.set(key, seen)
    if (this.#senders.size > LIMITS.replaySendersMax) {
      for (const oldest of this.#senders.keys()) {
        this.#senders.delete(oldest)
        break
      }
    }
  }
}

const WINDOW_MASK = (1n << BigInt(LIMITS.replayWindowFrames)) - 1n

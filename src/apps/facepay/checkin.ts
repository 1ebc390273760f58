/**
 * Check-in: a shopper's device tells one terminal that it is in the shop and under which key and pseudonym it can be asked.
 *
 * By name in this version: the frame is signed by the shopper's identity, so the terminal, and whoever listens at the broker, learns who is there. Key and
 * pseudonym are new for every check-in. A lifetime of zero checks out.
 */

import { toHex } from '../../core/bytes.ts'
import type { Cbor } from '../../core/codec.ts'
import { WebxError } from '../../core/errors.ts'
import type { Frame } from '../../core/frame.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'

/** What a device says of itself to a terminal. */
export interface Checkin {
  /** 16 random bytes. */
  readonly pseudonym: Uint8Array
  /** 32-byte X25519 key that probes are sealed to. */
  readonly key: Uint8Array
  readonly lifetimeMs: number
  /** Name of the face model that its templates are of; templates of different models cannot be compared. */
  readonly model: string
}

/** A device at the till. */
export interface Candidate extends Checkin {
  /** 32-byte identity of the device. */
  readonly id: Uint8Array
  readonly expiresMs: number
}

/** Longest name of a face model. */
export const MODEL_CHARACTERS_MAX = 64

/** Payload of a CHECKIN frame. */
export function checkinPayload(checkin: Checkin): Cbor {
  return [checkin.pseudonym, checkin.key, checkin.lifetimeMs, checkin.model]
}

/** Throws `bad-shape`. */
export function readCheckin(payload: Cbor): Checkin {
  const fields = new Fields('check-in', payload)
  const checkin = {
    pseudonym: fields.bytes('pseudonym', 16).slice(),
    key: fields.bytes('key', 32).slice(),
    lifetimeMs: fields.uint('lifetimeMs', LIMITS.checkinMsMax),
    model: fields.text('model', MODEL_CHARACTERS_MAX),
  }
  fields.end()
  return checkin
}

/** Who is checked in at one terminal: one entry for each identity, bounded, in memory only. */
export class CheckinRegister {
  readonly #entries = new Map<string, Candidate & { boot: number; sequence: number }>()

  /**
   * Takes in a check-in; a repeated one of an identity replaces its predecessor. Throws `bad-version` for templates of another model than `model`, `replayed` for a
   * check-in that is older than what is known, `limit` where the register is full.
   */
  accept(frame: Frame, model: string, nowMs: number): void {
    const checkin = readCheckin(frame.payload)
    if (checkin.model !== model) {
      throw new WebxError('bad-version', `templates of face model "${checkin.model}", this terminal uses "${model}"`)
    }
    const name = toHex(frame.sender)
    const known = this.#entries.get(name)
    const { boot, sequence } = frame
    if (known && (boot < known.boot || (boot === known.boot && sequence < known.sequence))) {
      throw new WebxError('replayed', 'a later check-in of this device is known')
    }
    if (checkin.lifetimeMs === 0) {
      this.#entries.delete(name)
      return
    }
    this.#expire(nowMs)
    if (!this.#entries.has(name) && this.#entries.size >= LIMITS.checkinsPerTerminalMax) {
      throw new WebxError('limit', `${LIMITS.checkinsPerTerminalMax} devices are checked in, there is no room for more`)
    }
    const expiresMs = nowMs + checkin.lifetimeMs
    this.#entries.set(name, { ...checkin, id: frame.sender.slice(), expiresMs, boot, sequence })
  }

  /** Everyone who can be asked now. */
  candidates(nowMs: number): readonly Candidate[] {
    this.#expire(nowMs)
    return [...this.#entries.values()]
  }

  #expire(nowMs: number): void {
    for (const [name, entry] of this.#entries) if (entry.expiresMs <= nowMs) this.#entries.delete(name)
  }
}

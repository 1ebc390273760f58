/**
 * Who is checked in at one terminal: one place for each identity that came by name, one for each tag that was proven; bounded, in memory only.
 *
 * Identities cost nothing, tags only one shopper each a day: where the register is full, a proven tag takes the place of the name that has been there longest.
 */

import { equal, toHex } from '../../core/bytes.ts'
import { WebxError } from '../../core/errors.ts'
import type { Frame } from '../../core/frame.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Candidate, Checkin } from './checkin.ts'
import type { RingProof } from './ring-proof.ts'

interface Entry extends Candidate {
  readonly boot: number
  readonly sequence: number
  /** Renewals do not last beyond. */
  readonly endsMs: number
}

/** What was proven along with a check-in. */
export interface Proven {
  /** 32 bytes. */
  readonly tag: Uint8Array
  /** When the place ends at the latest. */
  readonly endsMs: number
}

export class CheckinRegister {
  /** By name or tag, oldest first. */
  readonly #places = new Map<string, Entry>()
  /** The place of each identity. */
  readonly #placeOf = new Map<string, string>()

  /**
   * Takes in a check-in; a repeated one of the same identity, or of the same tag, replaces its predecessor. Answers the guest that was replaced, if any.
   *
   * Throws `replayed` for a check-in that is older than what is known of its sender, `limit` where the register is full.
   */
  accept(frame: Frame, checkin: Checkin, nowMs: number, proven?: Proven): Uint8Array | null {
    const sender = toHex(frame.sender)
    const place = proven ? `tag ${toHex(proven.tag)}` : `name ${sender}`
    this.#assertNewer(frame)
    this.#expire(nowMs)
    // one identity has one place, also where it proves another tag
    if (this.#placeOf.get(sender) !== place) this.leave(frame.sender)
    const before = this.#places.get(place)
    if (!before) this.#makeRoom(proven !== undefined)
    const replaced = before && !equal(before.id, frame.sender) ? before.id : null
    if (replaced) this.leave(replaced)
    const endsMs = proven?.endsMs ?? Number.MAX_SAFE_INTEGER
    const expiresMs = Math.min(nowMs + checkin.lifetimeMs, endsMs)
    const { boot, sequence } = frame
    this.#places.set(place, { ...checkin, id: frame.sender.slice(), expiresMs, boot, sequence, endsMs })
    this.#placeOf.set(sender, place)
    return replaced
  }

  /** Takes in the repetition of a check-in that was proven before, word for word; false where it is none. Throws `replayed` as `accept`. */
  renew(frame: Frame, checkin: Checkin, nowMs: number): boolean {
    this.#expire(nowMs)
    const place = this.#placeOf.get(toHex(frame.sender))
    const known = place === undefined ? undefined : this.#places.get(place)
    if (place === undefined || !known || !isSame(known, checkin)) return false
    this.#assertNewer(frame)
    const expiresMs = Math.min(nowMs + checkin.lifetimeMs, known.endsMs)
    this.#places.set(place, { ...known, expiresMs, boot: frame.boot, sequence: frame.sequence })
    return true
  }

  /** Takes in a check-out. Throws `replayed` for one that is older than what is known of its sender. */
  checkOut(frame: Frame): void {
    this.#assertNewer(frame)
    this.leave(frame.sender)
  }

  /** Frees the place of an identity. */
  leave(id: Uint8Array): void {
    const name = toHex(id)
    const place = this.#placeOf.get(name)
    this.#placeOf.delete(name)
    if (place !== undefined) this.#places.delete(place)
  }

  /** Places that were proven for another list of rings end soon, unless they are proven anew. */
  ringsChanged(number: number, endsMs: number): void {
    for (const [place, entry] of this.#places) {
      if (!entry.ring || entry.ring.number === number) continue
      const shortened = Math.min(entry.endsMs, endsMs)
      this.#places.set(place, { ...entry, endsMs: shortened, expiresMs: Math.min(entry.expiresMs, shortened) })
    }
  }

  /** Everyone who can be asked now. */
  candidates(nowMs: number): readonly Candidate[] {
    this.#expire(nowMs)
    return [...this.#places.values()]
  }

  #assertNewer({ sender, boot, sequence }: Frame): void {
    const place = this.#placeOf.get(toHex(sender))
    const known = place === undefined ? undefined : this.#places.get(place)
    if (known && (boot < known.boot || (boot === known.boot && sequence < known.sequence))) {
      throw new WebxError('replayed', 'a later check-in of this device is known')
    }
  }

  #makeRoom(isProven: boolean): void {
    if (this.#places.size < LIMITS.checkinsPerTerminalMax) return
    const displaced = isProven ? [...this.#places.values()].find(({ ring }) => ring === null) : undefined
    if (!displaced) {
      throw new WebxError('limit', `${this.#places.size} devices are checked in, there is no room for more`)
    }
    this.leave(displaced.id)
  }

  #expire(nowMs: number): void {
    for (const entry of this.#places.values()) if (entry.expiresMs <= nowMs) this.leave(entry.id)
  }
}

/** All but the lifetime. */
function isSame(known: Checkin, { pseudonym, key, model, ring }: Checkin): boolean {
  return (
    known.model === model && equal(known.pseudonym, pseudonym) && equal(known.key, key) && isSameProof(known.ring, ring)
  )
}

function isSameProof(a: RingProof | null, b: RingProof | null): boolean {
  return a !== null && b !== null && a.number === b.number && a.index === b.index && equal(a.proof, b.proof)
}

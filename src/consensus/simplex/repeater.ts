/**
 * S7: says again what was said, byte for byte: to whoever asks, and unasked where a member does not get on. Nothing new is ever signed for it. Answers are for all to hear, so each
 * statement is given at most once in `LIMITS.republishPerSlotMsMin`, and no more than `LIMITS.answerBytesMax` in all.
 */

import { decodeEnvelope } from '../../core/envelope.ts'
import { LIMITS } from '../../core/limits.ts'
import { keyOf } from '../key.ts'
import { BALLOT, NO_BLOCK } from './ballot.ts'
import { readCandidate } from './candidate.ts'
import type { Ask } from './effects.ts'
import type { Fetcher } from './fetcher.ts'
import { finalSlot, type Lane } from './lane.ts'
import type { Slot } from './slots.ts'

export class Repeater {
  readonly #lane: Lane
  readonly #fetcher: Fetcher
  /** What was said again since then. */
  readonly #said = new Set<string>()
  #sinceMs = Number.NEGATIVE_INFINITY
  #saidBytes = 0
  /** Who is first to answer: one member for all of an answer. */
  #turn = 0

  constructor(lane: Lane, fetcher: Fetcher) {
    this.#lane = lane
    this.#fetcher = fetcher
  }

  /** This member does not get on: repeats its own statements that may be lacking elsewhere, and asks for what it may lack itself. */
  standstill(): void {
    const { seat, slots, notarized, current, outbox, desk } = this.#lane
    if (desk && seat !== null) {
      for (const number of new Set([...notarized, current])) {
        const slot = slots.get(number)
        if (!slot) continue
        if (number === current) this.#ownCandidate(slot)
        for (const ballot of slot.ballotsOf(seat)) outbox.ballot(ballot)
      }
    }
    this.#fetcher.ask(current, NO_BLOCK)
  }

  /** Answers a question: with the newest final certificate, those of the slots that follow, and the block with what it stands on. */
  answer({ slot, hash, fromSlot }: Ask): void {
    const { final, nowMs } = this.#lane
    if (nowMs - this.#sinceMs >= LIMITS.republishPerSlotMsMin) {
      this.#sinceMs = nowMs
      this.#saidBytes = 0
      this.#said.clear()
    }
    this.#turn = slot
    if (final && final.slot >= fromSlot) this.#again('certificate', final.bytes, final.slot, `final ${final.slot}`)
    this.#certificates(Math.max(slot, finalSlot(this.#lane) + 1))
    if (hash.some((byte) => byte !== 0)) this.#blocks(slot, hash, fromSlot)
  }

  #certificates(fromSlot: number): void {
    const { slots } = this.#lane
    for (let number = fromSlot; number < fromSlot + LIMITS.certificatesPerAnswerMax; number++) {
      for (const kind of [BALLOT.notarize, BALLOT.skip]) {
        const held = slots.get(number)?.certificate(kind)
        if (held) this.#again('certificate', held.bytes, number, `${kind} ${number}`)
      }
    }
  }

  #blocks(slot: number, hash: Uint8Array, fromSlot: number): void {
    const { chain, committee } = this.#lane
    let next: { readonly slot: number; readonly hash: Uint8Array } | null = { slot, hash }
    // after what was said lately came all that it stands on
    while (next && !this.#said.has(keyOf(next.hash))) {
      const bytes = chain.bytesOf(next.slot, next.hash)
      if (!bytes || !this.#again('candidate', bytes, next.slot, keyOf(next.hash))) return
      const { parentSlot, parentHash } = readCandidate(decodeEnvelope(bytes), committee)
      next = parentSlot === null || parentSlot < fromSlot ? null : { slot: parentSlot, hash: parentHash }
    }
  }

  #ownCandidate({ number, mine }: Slot): void {
    const { seat, chain, outbox } = this.#lane
    if (!mine.proposed) return
    for (const { header } of chain.at(number)) {
      const bytes = header.leader === seat ? chain.bytesOf(number, header.hash) : null
      if (bytes) outbox.own('candidate', bytes, number)
    }
  }

  /** Publishes a statement again, unless that was done lately; false where enough was said for now. */
  #again(what: 'certificate' | 'candidate', bytes: Uint8Array, slot: number, name: string): boolean {
    if (this.#said.has(name)) return true
    if (this.#saidBytes + bytes.length > LIMITS.answerBytesMax) return false
    this.#saidBytes += bytes.length
    this.#said.add(name)
    this.#lane.outbox.ranked(what, bytes, slot, this.#turn)
    return true
  }
}

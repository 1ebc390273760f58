/**
 * The rules by which a member speaks: S1 propose, S2 NOTARIZE, S3 FINALIZE, S4 SKIP (`src/PROTOCOL.md`).
 *
 * Why they are safe: a block that a quorum FINALIZEd was not skipped by a quorum, for nobody honest says both; and no second block is notarized in its slot. So every later block
 * that is notarized stands on it.
 */

import { equal } from '../../core/bytes.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { BALLOT, NO_BLOCK, type Verdict } from './ballot.ts'
import { composeHeader, payloadDigestOf, payloadOf } from './candidate.ts'
import { type Entry, numberOf, sameBlock, type Walk } from './chain.ts'
import type { BlockMark } from './finality.ts'
import { finalMark, finalSlot, isUnfinished, type Lane, signingDesk, wantsNow } from './lane.ts'
import type { Block } from './rules.ts'

export class Voter {
  readonly #lane: Lane

  constructor(lane: Lane) {
    this.#lane = lane
  }

  /** S2: NOTARIZE at most one block in a slot, one whose parent is certified, with nothing but skipped slots between, and that the rules approve of. */
  notarize(): void {
    const { slots, chain, undecided } = this.#lane
    if (!signingDesk(this.#lane)) return
    for (const number of undecided) {
      const slot = slots.ensure(number)
      if (number <= finalSlot(this.#lane) || slot.mine.notarize) {
        undecided.delete(number)
        continue
      }
      const certified = slots.notarized(number)
      // nobody needs a block in a slot that is skipped, unless a quorum has it
      if (!certified && slots.isSkipped(number)) continue
      const entries = chain.at(number).filter(({ header }) => !certified || equal(header.hash, certified))
      const chosen = entries.find((entry) => this.#approves(entry))
      if (!chosen) continue
      slot.mine.notarize = chosen.header.hash
      undecided.delete(number)
      this.#say({ kind: BALLOT.notarize, slot: number, hash: chosen.header.hash })
    }
  }

  /** S3: FINALIZE a notarized block that this member has NOTARIZEd, in a slot that it has not skipped. */
  finalize(): void {
    const { slots, notarized } = this.#lane
    if (!signingDesk(this.#lane)) return
    for (const number of notarized) {
      const { mine } = slots.ensure(number)
      const hash = slots.notarized(number)
      if (mine.skip || mine.finalize || !mine.notarize || !hash || !equal(mine.notarize, hash)) continue
      mine.finalize = hash
      this.#say({ kind: BALLOT.finalize, slot: number, hash })
    }
  }

  /** S4: SKIP the current slot, unless this member has FINALIZEd in it. */
  skip(): void {
    const { slots, current } = this.#lane
    const { mine } = slots.ensure(current)
    if (!signingDesk(this.#lane) || mine.skip || mine.finalize) return
    mine.skip = true
    this.#say({ kind: BALLOT.skip, slot: current, hash: NO_BLOCK })
  }

  /** S1: the leader of the current slot proposes, once, on the highest block that it may build on. `impatient`: an empty block, too, if that brings an earlier one to its end. */
  propose(impatient: boolean): void {
    const { committee, seat, current, slots, rules } = this.#lane
    const desk = signingDesk(this.#lane)
    if (!desk || seat === null || !this.leads() || slots.get(current)?.mine.proposed) return
    const parent = this.#parent()
    const ancestors = this.#ancestors(parent)
    if (!ancestors) return
    const isDue = impatient || wantsNow(this.#lane)
    const composed = isDue && ancestors.length < LIMITS.unfinishedBlocksMax ? rules.compose(ancestors) : null
    const transactions = composed ?? (impatient && isUnfinished(this.#lane) ? [] : null)
    if (!transactions) return
    slots.ensure(current).mine.proposed = true
    const payloadDigest = payloadDigestOf(payloadOf(transactions))
    const place = { leader: seat, slot: current, parentSlot: parent.slot, parentHash: parent.hash }
    desk.add({
      kind: 'candidate',
      candidate: { ...composeHeader(committee, { ...place, payloadDigest }), transactions },
    })
  }

  /** True where the current slot is this member's to lead. */
  leads(): boolean {
    const { seat, leaders, current } = this.#lane
    return seat !== null && leaders.of(current) === seat
  }

  #approves(entry: Entry): boolean {
    if (entry.refused) return false
    const { slot, parentSlot, parentHash } = entry.header
    const parent: BlockMark = { slot: parentSlot, hash: parentHash }
    const final = finalMark(this.#lane)
    if (numberOf(parent) < numberOf(final) || (parentSlot === final.slot && !sameBlock(parent, final))) {
      entry.refused = true
      return false
    }
    if (!this.#mayFollow(parent, slot)) return false
    const ancestors = this.#ancestors(parent)
    if (!ancestors) return false
    const opinion = this.#lane.rules.opinion(this.#lane.chain.load(entry), ancestors)
    entry.refused = opinion === 'no'
    return opinion === 'yes'
  }

  /** True where a certificate says that the parent may be built on, and that nothing can be final between. */
  #mayFollow(parent: BlockMark, slot: number): boolean {
    const { slots } = this.#lane
    if (!sameBlock(parent, finalMark(this.#lane))) {
      const notarized = parent.slot === null ? null : slots.notarized(parent.slot)
      if (!notarized || !equal(notarized, parent.hash)) return false
    }
    for (let between = slot - 1; between > numberOf(parent); between--) if (!slots.isSkipped(between)) return false
    return true
  }

  /** The highest block below the current slot that a certificate allows to build on. */
  #parent(): BlockMark {
    const { slots, current } = this.#lane
    const final = finalMark(this.#lane)
    for (let slot = current - 1; slot > numberOf(final); slot--) {
      const hash = slots.notarized(slot)
      if (hash) return { slot, hash }
    }
    return final
  }

  /** The blocks above the executed one up to this, the newest last; null where one of them is missing here. */
  #ancestors(mark: BlockMark): Block[] | null {
    const { chain } = this.#lane
    const walk: Walk = chain.walk(mark)
    return chain.isComplete(walk) ? walk.path.map((entry) => chain.load(entry)).reverse() : null
  }

  #say(verdict: Verdict): void {
    const { mine } = this.#lane.slots.ensure(verdict.slot)
    if (mine.skip && mine.finalize) throw new WebxError('internal', `SKIP and FINALIZE in slot ${verdict.slot}`)
    signingDesk(this.#lane)?.add({ kind: 'ballot', verdict })
  }
}

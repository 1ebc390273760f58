/**
 * The till's side of check-ins: which are taken, by name, by proof, or both, and in which order they are judged: shape, policy, what is cheap, and the proof last.
 */

import { toHex } from '../../core/bytes.ts'
import { WebxError } from '../../core/errors.ts'
import type { Frame } from '../../core/frame.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import type { AgreementKey } from '../../kernel/ports.ts'
import { group } from '../../wasm/group.ts'
import { type Candidate, type Checkin, readCheckin } from './checkin.ts'
import type { EnrolledShoppers } from './enrolled.ts'
import { ProofQueue, type Waiting } from './proof-queue.ts'
import { CheckinRegister } from './register.ts'
import { checkCheckin, claimedTag, type RingProof, tagEndsMs } from './ring-proof.ts'

/** Which check-ins a till takes: signed by the shopper's identity, by an unknown one of those who are enrolled, or either. */
export const CHECKIN_MODES = ['named', 'anonymous', 'both'] as const
export type CheckinMode = (typeof CHECKIN_MODES)[number]

export class CheckinDesk {
  readonly #context: Context
  readonly #mode: CheckinMode
  readonly #model: string
  readonly #enrolled: EnrolledShoppers
  readonly #register = new CheckinRegister()
  readonly #queue: ProofQueue

  /** @param model name of the face model of this till */
  constructor(context: Context, mode: CheckinMode, model: string, enrolled: EnrolledShoppers) {
    this.#context = context
    this.#mode = mode
    this.#model = model
    this.#enrolled = enrolled
    this.#queue = new ProofQueue(context, (waiting) => this.#admit(waiting))
  }

  /** Everyone who can be asked now. */
  candidates(): readonly Candidate[] {
    return this.#register.candidates(this.#context.clock.nowMs())
  }

  /**
   * Judges a CHECKIN that came to this till. What needs a proof is only queued: whether it holds shows in the candidates, and in the counters.
   *
   * Throws `bad-shape`, `bad-version` for templates of another model, `not-allowed` for a way of checking in that this till does not take, `replayed`, by name
   * `bad-key` and `limit`, and for proofs what `claimedTag` and the queue throw.
   */
  take(frame: Frame): void {
    const checkin = readCheckin(frame.payload)
    const { model, ring, lifetimeMs } = checkin
    if (model !== this.#model) {
      throw new WebxError('bad-version', `templates of face model "${model}", this terminal uses "${this.#model}"`)
    }
    if (lifetimeMs === 0) {
      this.#queue.withdraw(frame.sender)
      this.#register.checkOut(frame)
      return
    }
    if (ring) this.#takeProof(frame, checkin, ring)
    else this.#takeName(frame, checkin)
  }

  /** Places that were proven for an older list of rings have a while to be proven anew. */
  ringsChanged(): void {
    const { rings } = this.#enrolled
    if (rings) this.#register.ringsChanged(rings.number, this.#context.clock.nowMs() + LIMITS.checkinRingGraceMs)
  }

  stop(): void {
    this.#queue.stop()
  }

  #takeName(frame: Frame, checkin: Checkin): void {
    if (this.#mode === 'anonymous') throw new WebxError('not-allowed', 'this till takes no check-in without a proof')
    assertAgrees(this.#context.keys.ephemeral(), checkin.key)
    this.#register.accept(frame, checkin, this.#context.clock.nowMs())
  }

  #takeProof(frame: Frame, checkin: Checkin, ring: RingProof): void {
    const { clock } = this.#context
    if (this.#mode === 'named') throw new WebxError('not-allowed', 'this till takes check-ins by name only')
    if (this.#register.renew(frame, checkin, clock.nowMs())) return
    const { rings } = this.#enrolled
    if (!rings) throw new WebxError('not-allowed', 'nobody is enrolled at this till')
    if (ring.number < rings.number) this.#enrolled.sayAgain()
    const tag = claimedTag(rings, ring, clock.nowMs())
    this.#queue.offer({ frame, checkin, ring, tag })
  }

  /** Again from the beginning: rings and days may have changed meanwhile. */
  #admit({ frame, checkin, ring }: Waiting): void {
    const { clock, genesis, keys, log } = this.#context
    const nowMs = clock.nowMs()
    const { rings } = this.#enrolled
    if (!rings) throw new WebxError('not-allowed', 'nobody is enrolled at this till')
    claimedTag(rings, ring, nowMs)
    assertAgrees(keys.ephemeral(), checkin.key)
    const place = { rings, shop: genesis.organizationState.id }
    const { pseudonym, key, model } = checkin
    const tag = checkCheckin(group(), place, { guestId: frame.sender, pseudonym, key, model }, ring)
    const replaced = this.#register.accept(frame, checkin, nowMs, { tag, endsMs: tagEndsMs(ring.day) })
    if (!replaced) return
    this.#queue.bar(replaced)
    log.debug({ guest: toHex(replaced) }, 'a later check-in of the same shopper replaced this one')
  }
}

/** Throws `bad-key` for a key that nothing can be sealed to: it would spoil every payment while its device is checked in. */
function assertAgrees(ephemeral: AgreementKey, key: Uint8Array): void {
  try {
    ephemeral.agree(key).fill(0)
  } finally {
    ephemeral.wipe()
  }
}

/**
 * What agreement statements must pass before the register hears of them: decoding, and a list of the signatures that must hold.
 *
 * What is known, or can tell nothing new, is dropped before a signature is checked: of 25 votes for one order, the last eight are looked at in idle times only.
 */

import { type Certificate, checksOf, peekCertificate, readCertificate } from '../consensus/certificate.ts'
import type { Committee } from '../consensus/committee.ts'
import { readEvidence } from '../consensus/evidence.ts'
import { type Order, orderMessage, readOrder } from '../consensus/order.ts'
import type { Register } from '../consensus/register.ts'
import { headerCheck, readVoteBatch, VOTE, type VoteBatch, type VoteEntry } from '../consensus/statement.ts'
import { toHex } from '../core/bytes.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import { blake3Of } from '../core/digest.ts'
import { TYPE } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import type { Context } from '../kernel/context.ts'
import type { Later } from '../kernel/later.ts'
import type { Message } from '../kernel/road.ts'
import { Seen } from '../kernel/seen.ts'
import type { ObjectState } from '../ledger/account.ts'

/** A statement whose shape holds; its signatures are the road's business. */
export type Decoded =
  /** `verified` is false where nobody here knows the owner's key yet. */
  | { readonly kind: 'order'; readonly order: Order; readonly verified: boolean }
  | { readonly kind: 'votes'; readonly batch: VoteBatch }
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  | { readonly kind: 'evidence' }

export class Intake {
  readonly #context: Context
  readonly #committee: Committee
  readonly #register: Register<ObjectState>
  readonly #later: Later
  readonly #decoded = new WeakMap<Message, Decoded>()
  readonly #seen = new Seen()
  /** Votes that would tell nothing new, for idle times. */
  #leftover: { readonly message: Message; readonly seat: number }[] = []
  readonly #takenUp = new WeakSet<Uint8Array>()

  constructor(
    context: Context,
    parts: { readonly committee: Committee; readonly register: Register<ObjectState> },
    later: Later,
  ) {
    this.#context = context
    this.#committee = parts.committee
    this.#register = parts.register
    this.#later = later
  }

  /** Signatures that must hold; null for what is dropped. Throws what decoding throws. */
  checks(message: Message): readonly SignatureCheck[] | null {
    switch (message.envelope.type) {
      case TYPE.order:
        return this.#checksOfOrder(message)
      case TYPE.voteBatch:
        return this.#checksOfVotes(message)
      case TYPE.evidence:
        return this.#checksOfEvidence(message)
      default:
        return this.#checksOfCertificate(message)
    }
  }

  /** What `checks` has read. */
  decoded(message: Message): Decoded | undefined {
    return this.#decoded.get(message)
  }

  /** These bytes need not be looked at again. */
  taken(bytes: Uint8Array): void {
    this.#seen.add(bytes)
  }

  /** Somebody published this proof of a slot, and it holds: ours need not be. A settlement stands for the certificate too. */
  heardProof(type: number, oid: Uint8Array, version: number): void {
    this.#later.cancel(slotName(type, oid, version))
    if (type === TYPE.settlement) this.#later.cancel(slotName(TYPE.certificate, oid, version))
  }

  /**
   * Somebody published these very bytes: ours need not be. Of a slot there may be two orders, and whoever lacks the one is not helped by the other:
   * orders go by their bytes, not by their slot.
   */
  heardBytes(bytes: Uint8Array): void {
    this.#later.cancel(bytesName(bytes))
  }

  /** Hands late votes to the road, if it has nothing better to do. */
  takeLeftover(): void {
    const { road } = this.#context
    if (!road.busy) this.#takeUp(this.#leftover.splice(0))
  }

  /** Hands all late votes of a seat to the road; true where there were any. */
  takeUpVotesOf(seat: number): boolean {
    const late = this.#leftover.filter((each) => each.seat === seat)
    this.#leftover = this.#leftover.filter((each) => each.seat !== seat)
    this.#takeUp(late)
    return late.length > 0
  }

  #takeUp(late: readonly { readonly message: Message }[]): void {
    for (const { message } of late) {
      this.#takenUp.add(message.bytes)
      this.#context.road.receive(message.topic, message.bytes)
    }
  }

  #checksOfOrder(message: Message): readonly SignatureCheck[] {
    const order = readOrder(message.envelope)
    const owner = this.#register.keyOf(order)
    this.#decoded.set(message, { kind: 'order', order, verified: owner !== null })
    if (!owner?.key) return []
    return [{ key: owner.key, message: orderMessage(order), signature: order.envelope.signature }]
  }

  #checksOfVotes(message: Message): readonly SignatureCheck[] | null {
    if (this.#seen.has(message.bytes)) return null
    const batch = readVoteBatch(message.envelope, this.#committee)
    if (batch.entries.every((entry) => this.#isDecided(entry)) && !this.#takenUp.has(message.bytes)) {
      this.#leave(message, batch.seat)
      return null
    }
    this.#decoded.set(message, { kind: 'votes', batch })
    return [headerCheck(this.#committee, batch)]
  }

  /** True where a vote comes after its quorum: it can still count towards a strong one, or convict somebody. */
  #isDecided({ kind, oid, version }: VoteEntry): boolean {
    const object = this.#register.object(oid)
    return version > 0 && ((kind === VOTE.lock ? object?.certified : object?.settled) ?? 0) >= version
  }

  #leave(message: Message, seat: number): void {
    this.#leftover.push({ message, seat })
    if (this.#leftover.length <= LIMITS.turnMessagesMax) return
    // never a seat's newest: it may have to be shown to a member that lost its log
    const at = this.#leftover.findIndex(
      (late, i) => this.#leftover.findLastIndex((other) => other.seat === late.seat) > i,
    )
    this.#leftover.splice(Math.max(0, at), 1)
    this.#context.counters.count('votes.late-dropped')
  }

  #checksOfCertificate(message: Message): readonly SignatureCheck[] | null {
    const { type } = message.envelope
    const entry = peekCertificate(message.envelope)
    // nobody is asked to prove what is decided here, unless we are about to publish the same
    if (this.#isDecided(entry) && !this.#later.has(slotName(type, entry.oid, entry.version))) return null
    const certificate = readCertificate(message.envelope, this.#committee)
    const news = this.#register.checksFor(certificate)
    if (news === null && this.#register.recognizes(certificate)) {
      this.heardProof(type, certificate.oid, certificate.version)
      return null
    }
    this.#decoded.set(message, { kind: 'certificate', certificate })
    return news ?? checksOf(certificate, this.#committee)
  }

  #checksOfEvidence(message: Message): readonly SignatureCheck[] | null {
    if (this.#seen.has(message.bytes)) {
      this.heardBytes(message.bytes)
      return null
    }
    const { checks } = readEvidence(message.envelope, this.#committee)
    this.#decoded.set(message, { kind: 'evidence' })
    return checks
  }
}

/** Name of a slot's proof that may be published later; every member's is as good. */
export function slotName(type: number, oid: Uint8Array, version: number): string {
  return `${type}/${toHex(oid)}/${version}`
}

/** Name of a statement of which everybody has the same bytes: an order, a piece of evidence. */
export function bytesName(bytes: Uint8Array): string {
  return `bytes/${toHex(blake3Of('webx v1 seen', bytes))}`
}

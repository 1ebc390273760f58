/**
 * What agreement statements must pass before the register hears of them: decoding, and a list of the signatures that must hold.
 *
 * What is known, or can tell nothing new, is dropped before a signature is checked: of 25 votes for one order, the last eight are looked at in idle times only.
 */

import { checksOf, peekCertificate, readCertificate } from '../consensus/certificate.ts'
import { readHandOver } from '../consensus/epoch/handover.ts'
import type { Neighborhood } from '../consensus/neighborhood.ts'
import type { NeighborhoodEvent } from '../consensus/neighborhood-effects.ts'
import { openStatement } from '../consensus/neighborhood-open.ts'
import { readBlockCertificate } from '../consensus/simplex/certificate.ts'
import { headerCheck, readVoteBatch, VOTE, type VoteEntry } from '../consensus/statement.ts'
import { equal } from '../core/bytes.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import { TYPE } from '../core/envelope.ts'
import { LIMITS } from '../core/limits.ts'
import type { Context } from '../kernel/context.ts'
import type { Later } from '../kernel/later.ts'
import type { Message } from '../kernel/road.ts'
import { Seen } from '../kernel/seen.ts'
import type { ObjectState } from '../ledger/account.ts'
import { bytesName, handOverName, proofName, slotName } from './agreement-names.ts'

/** What waits for a block: its bytes need not be looked at twice. */
const HEARD_ONCE: ReadonlySet<number> = new Set([TYPE.evidence, TYPE.transaction, TYPE.candidacy, TYPE.sharedChange])

export class Intake {
  readonly #context: Context
  readonly #hood: Neighborhood<ObjectState>
  readonly #later: Later
  readonly #decoded = new WeakMap<Message, NeighborhoodEvent>()
  readonly #seen = new Seen()
  /** Votes that would tell nothing new, for idle times. */
  #leftover: { readonly message: Message; readonly seat: number }[] = []
  readonly #takenUp = new WeakSet<Uint8Array>()

  constructor(context: Context, hood: Neighborhood<ObjectState>, later: Later) {
    this.#context = context
    this.#hood = hood
    this.#later = later
  }

  /** Signatures that must hold before the neighborhood hears of a statement; null where it is not to be handled. Throws what decoding throws. */
  checks(message: Message): readonly SignatureCheck[] | null {
    switch (message.envelope.type) {
      case TYPE.voteBatch:
        return this.#checksOfVotes(message)
      case TYPE.certificate:
      case TYPE.settlement:
        return this.#checksOfCertificate(message)
      case TYPE.blockCertificate:
        return this.#open(message) ?? this.#checksOfAwaited(message)
      case TYPE.handOver:
        return this.#open(message) ?? this.#checksOfAwaitedEnd(message)
      case TYPE.evidence:
      case TYPE.transaction:
      case TYPE.candidacy:
      case TYPE.sharedChange:
        if (!this.#seen.has(message.bytes)) return this.#open(message)
        this.heardBytes(message.bytes)
        return null
      default:
        return this.#open(message)
    }
  }

  /** What `checks` has read. */
  decoded(message: Message): NeighborhoodEvent | undefined {
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

  /** A statement holds: what others were about to say in its place need not be said. */
  heard(message: Message, event: NeighborhoodEvent): void {
    const { type } = message.envelope
    if (type === TYPE.certificate || type === TYPE.settlement) {
      const { oid, version } = peekCertificate(message.envelope)
      this.heardProof(type, oid, version)
    } else if (type === TYPE.blockCertificate) this.#later.cancel(proofName(message.bytes))
    else if (type === TYPE.handOver) this.#later.cancel(handOverName(message.envelope.scope))
    else if (!(event.kind === 'register' && event.event.kind === 'order' && !event.event.verified))
      this.heardBytes(message.bytes)
    if (HEARD_ONCE.has(type)) this.taken(message.bytes)
  }

  #open(message: Message): readonly SignatureCheck[] | null {
    const opened = openStatement(this.#hood, message.envelope, message.bytes)
    if (!opened) return null
    this.#decoded.set(message, opened.event)
    return opened.checks
  }

  #checksOfVotes(message: Message): readonly SignatureCheck[] | null {
    if (this.#seen.has(message.bytes)) return null
    const { committee } = this.#hood.term
    if (!equal(message.envelope.scope, committee.cid) && this.#hood.book.find(message.envelope.scope)) return null
    const batch = readVoteBatch(message.envelope, committee)
    if (batch.entries.every((entry) => this.#isDecided(entry)) && !this.#takenUp.has(message.bytes)) {
      this.#leave(message, batch.seat)
      return null
    }
    this.#decoded.set(message, { kind: 'register', event: { kind: 'votes', batch } })
    return [headerCheck(committee, batch)]
  }

  /** True where a vote comes after its quorum: it can still count towards a strong one, or convict somebody. */
  #isDecided({ kind, oid, version }: VoteEntry): boolean {
    const object = this.#hood.register.object(oid)
    return version > 0 && ((kind === VOTE.lock ? object?.certified : object?.settled) ?? 0) >= version
  }

  /** A certificate of a block that tells nothing new: where it holds, ours need not be published. */
  #checksOfAwaited(message: Message): readonly SignatureCheck[] | null {
    const { envelope, bytes } = message
    const { committee, simplex } = this.#hood.term
    if (!equal(envelope.scope, committee.cid) || !this.#later.has(proofName(bytes))) return null
    const certificate = readBlockCertificate(envelope, committee)
    const event = { kind: 'certificate', certificate, bytes } as const
    this.#decoded.set(message, { kind: 'block', cid: committee.cid, event })
    return simplex.proofChecks(certificate)
  }

  /** The hand-over of an epoch that has ended here: where it holds, ours need not be published. */
  #checksOfAwaitedEnd(message: Message): readonly SignatureCheck[] | null {
    const { envelope, bytes } = message
    const ended = this.#hood.book.find(envelope.scope)
    if (!ended || !this.#later.has(handOverName(envelope.scope))) return null
    const handOver = readHandOver(envelope, ended)
    this.#decoded.set(message, { kind: 'hand-over', cid: envelope.scope, handOver, bytes })
    return handOver.checks
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
    const certificate = readCertificate(message.envelope, this.#hood.book.of(message.envelope))
    if (this.#hood.term.wantsProof(certificate)) return this.#open(message)
    const news = this.#hood.register.checksFor(certificate)
    if (news === null && this.#hood.register.recognizes(certificate)) {
      this.heardProof(type, certificate.oid, certificate.version)
      return null
    }
    const event = { kind: 'certificate', certificate, bytes: message.bytes } as const
    this.#decoded.set(message, { kind: 'register', event })
    return news ?? checksOf(certificate, certificate.committee)
  }
}

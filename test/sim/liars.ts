/**
 * A member that lies in every way a script can: it votes for everything, twice and to different people, floods, replays, and makes up proofs.
 *
 * It has its own key and no other. (A liar that does what an honest node does, but as two nodes, is a twin: `run.ts`.)
 */

import { certificateBody, proofOf, type VoteProof } from '../../src/consensus/certificate.ts'
import type { Order } from '../../src/consensus/order.ts'
import {
  batchEnvelope,
  composeBatch,
  headerSignedBytes,
  VOTE,
  type VoteBatch,
  type VoteEntry,
} from '../../src/consensus/statement.ts'
import { encodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import type { Chance } from './chance.ts'
import { lieAboutBlock, lieAboutClosing, lieAboutEpoch, type Standpoint } from './liars-blocks.ts'
import type { Endpoint } from './network.ts'
import { frame, saidBy } from './said.ts'
import type { Stage } from './stage.ts'
import type { Timeline } from './timeline.ts'

const NOTHING = new Uint8Array(0)
const LIE_MS: readonly [number, number] = [100, 600]
const REMEMBERED_MAX = 64

export interface LiarOptions {
  readonly stage: Stage
  readonly seat: number
  readonly chance: Chance
  readonly timeline: Timeline
  /** Orders that it would like to see settled. */
  readonly pets: readonly Order[]
  /** Where it stands now; null in epochs in which it has no seat. */
  readonly standpoint: () => Standpoint | null
  /** Whole neighborhoods have more to lie about than registers. */
  readonly liesAboutEpochs: boolean
  /** Says something to each of the others with this probability. */
  readonly send: (bytes: Uint8Array, share: number) => void
}

export class Liar implements Endpoint {
  readonly #options: LiarOptions
  readonly #remembered: Uint8Array[] = []
  /** Newest batches of others: their headers are what it makes up proofs with. */
  readonly #batches = new Map<number, VoteBatch>()
  readonly #seen = new Set<Uint8Array>()
  /** Where it stood when it last had a seat: in later epochs it speaks for that one still. */
  #last: Standpoint
  readonly #orders: Order[] = []
  #next = 1

  constructor(options: LiarOptions) {
    this.#options = options
    this.#last = options.standpoint() as Standpoint
    this.#again()
  }

  receive(bytes: Uint8Array): void {
    const { stage, chance } = this.#options
    if (this.#seen.has(bytes)) return
    this.#seen.add(bytes)
    if (this.#remembered.length < REMEMBERED_MAX) this.#remembered.push(bytes)
    else this.#remembered[chance.below(REMEMBERED_MAX)] = bytes
    const said = saidBy(bytes, stage)
    if (said.kind === 'votes' && said.signed) this.#batches.set(said.batch.seat, said.batch)
    if (said.kind === 'candidate' && said.signed) {
      const at = this.#options.standpoint()
      if (at && at.committee === said.committee) {
        lieAboutBlock(at, said.candidate, chance, this.#options.send)
        if (this.#orders.length > 0) lieAboutEpoch(at, chance.pick(this.#orders), chance, this.#options.send)
        lieAboutClosing(at, said.candidate, this.#wished(), chance, this.#options.send)
      }
    }
    if (said.kind !== 'order') return
    this.#orders.push(said.order)
    this.#voteFor(said.order)
    if (chance.hits(0.2)) this.#makeUpProof(said.order)
  }

  /** Orders that nobody has certified, or not everybody has. */
  #wished(): readonly Order[] {
    const { pets, chance } = this.#options
    return pets.length > 0 && chance.hits(0.7) ? pets : this.#orders.slice(-8)
  }

  /** Whatever comes is voted for, both ways, and not told to everybody. */
  #voteFor({ oid, version, od }: Order): void {
    const { chance } = this.#options
    for (const kind of [VOTE.lock, VOTE.confirm]) {
      if (chance.hits(0.9)) this.#say(this.#batch([{ kind, oid, version, od }]), chance.pick([1, 0.6]))
    }
  }

  #again(): void {
    const { timeline, chance } = this.#options
    timeline.after(chance.between(...LIE_MS), () => {
      this.#lie()
      this.#again()
    })
  }

  #lie(): void {
    const { chance, send, pets } = this.#options
    if (this.#options.liesAboutEpochs && chance.hits(0.4)) {
      const at = this.#options.standpoint()
      if (at && this.#orders.length > 0) lieAboutEpoch(at, chance.pick(this.#orders), chance, send)
      return
    }
    switch (chance.below(7)) {
      case 0:
        this.#say(this.#batch(this.#nonsense(1 + chance.below(40))), 1)
        return
      case 1:
        this.#voteTwiceUnderOneNumber()
        return
      case 2:
        if (this.#remembered.length > 0) send(chance.pick(this.#remembered), 1)
        return
      case 3:
        this.#impersonate()
        return
      case 4:
        send(
          frame(
            TYPE.heads,
            this.#options.seat,
            this.#nonsense(8).map(({ oid, version }) => [oid, version]),
          ),
          0.5,
        )
        return
      default:
        if (pets.length > 0) this.#makeUpProof(chance.pick(pets))
    }
  }

  #voteTwiceUnderOneNumber(): void {
    const sequence = this.#next++
    this.#say(this.#batch(this.#nonsense(1), sequence), 0.5)
    this.#say(this.#batch(this.#nonsense(2), sequence), 0.5)
  }

  /** A batch in the name of another seat, signed with the own key. */
  #impersonate(): void {
    const { stage, chance, seat, send } = this.#options
    const other = chance.below(stage.committee.seats.length)
    if (other === seat) return
    const unsigned = composeBatch(other, 1 + chance.below(50), chance.bytes(32), this.#nonsense(1))
    const signature = stage.sign(seat, headerSignedBytes(stage.committee, unsigned))
    send(encodeEnvelope(batchEnvelope(stage.committee, { ...unsigned, signature })), 1)
  }

  /** A proof that is none: too few votes, one seat many times, headers of others that say something else, signatures out of thin air. */
  #makeUpProof(order: Order): void {
    const { chance, send, stage } = this.#options
    const { quorum } = stage
    const kind = chance.pick([VOTE.lock, VOTE.confirm])
    const entry = { kind, oid: order.oid, version: order.version, od: order.od }
    const own = proofOf(this.#batch([entry]), 0)
    const { committee } = this.#last
    const make = [
      (): VoteProof[] => [own],
      (): VoteProof[] => Array.from({ length: quorum }, () => own),
      (): VoteProof[] => Array.from({ length: quorum - 1 }, (_, seat) => this.#invented(seat, entry)),
      (): VoteProof[] => Array.from({ length: quorum }, (_, seat) => this.#invented(seat, entry)),
      (): VoteProof[] =>
        [...this.#batches.values()]
          .sort((a, b) => a.seat - b.seat)
          .slice(0, quorum)
          .map((batch) => proofOf(batch, 0)),
    ]
    const body = certificateBody(entry, chance.pick(make)())
    const type = kind === VOTE.lock ? TYPE.certificate : TYPE.settlement
    send(encodeEnvelope({ type, scope: committee.cid, body, signature: NOTHING, attachment: NOTHING }), 1)
  }

  /** A vote of a seat that never gave it. */
  #invented(seat: number, entry: VoteEntry): VoteProof {
    const unsigned = composeBatch(seat, 1, new Uint8Array(32), [entry])
    return proofOf({ ...unsigned, signature: this.#options.chance.bytes(64) }, 0)
  }

  #nonsense(count: number): VoteEntry[] {
    const { chance } = this.#options
    return Array.from({ length: count }, () => ({
      kind: chance.pick([VOTE.lock, VOTE.confirm]),
      oid: chance.bytes(32),
      version: 1 + chance.below(4),
      od: chance.bytes(32),
    }))
  }

  #batch(entries: readonly VoteEntry[], sequence = this.#next++): VoteBatch {
    const at = this.#options.standpoint() ?? this.#last
    this.#last = at
    const unsigned = composeBatch(at.seat, sequence, new Uint8Array(32), entries)
    return { ...unsigned, signature: at.sign(headerSignedBytes(at.committee, unsigned)) }
  }

  #say(batch: VoteBatch, share: number): void {
    this.#options.send(encodeEnvelope(batchEnvelope(this.#last.committee, batch)), share)
  }
}

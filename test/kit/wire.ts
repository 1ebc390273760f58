/** Messages made by hand, byte by byte if need be: what an honest node would say, and what nobody should. */

import { ed25519 } from '@noble/curves/ed25519.js'
import { certificateEnvelope } from '../../src/consensus/certificate.ts'
import type { Committee } from '../../src/consensus/committee.ts'
import { doubleOrderEvidence } from '../../src/consensus/evidence.ts'
import { type Order, orderBody, orderEnvelope, orderSignedBytes, readOrder } from '../../src/consensus/order.ts'
import {
  batchEnvelope,
  composeBatch,
  headerSignedBytes,
  type VoteBatch,
  type VoteEntry,
} from '../../src/consensus/statement.ts'
import { concat } from '../../src/core/bytes.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { type Envelope, encodeEnvelope, signedBytes } from '../../src/core/envelope.ts'
import { encodeFrame, type Frame } from '../../src/core/frame.ts'
import type { Clock } from '../../src/kernel/ports.ts'
import { accountNonce, NO_HEAD, nextOrder, type OrderFields } from '../../src/ledger/terms.ts'
import type { Net, Pair, Person } from './people.ts'

/** A frame's terms; what is left out is as an honest sender would have it. */
export interface FrameTerms extends Partial<Omit<Frame, 'topic' | 'payload'>> {
  readonly type: number
  readonly topic: string
  readonly payload: Cbor
  /** Another net, or nothing sensible. */
  readonly scope?: Uint8Array
  /** Signs in the sender's place. */
  readonly signer?: Pick<Pair, 'sign'>
  /** Replaces the encoded body; signed as it is. */
  readonly body?: (honest: Uint8Array) => Uint8Array
}

const BOOT = 10_000_000_000
export const NOTHING: Uint8Array = new Uint8Array(0)

/** Speaks in frames, with a counter as an honest node has. */
export class Speaker {
  readonly person: Person
  sequence = 0
  readonly #netId: Uint8Array
  readonly #clock: Pick<Clock, 'nowMs'>

  constructor(netId: Uint8Array, clock: Pick<Clock, 'nowMs'>, person: Person) {
    this.#netId = netId
    this.#clock = clock
    this.person = person
  }

  frame(terms: FrameTerms): Uint8Array {
    return encodeEnvelope(this.envelope(terms))
  }

  envelope(terms: FrameTerms): Envelope {
    const { type, topic, payload, sender = this.person.id, boot = BOOT, sentMs = this.#clock.nowMs() } = terms
    const { scope = this.#netId, signer = this.person, body: changed = (honest) => honest } = terms
    const { sequence = ++this.sequence, expiresMs = sentMs + 60_000 } = terms
    const body = changed(encodeFrame({ sender, boot, sequence, sentMs, expiresMs, topic, payload }))
    return { type, scope, body, signature: signer.sign(signedBytes(type, scope, body)), attachment: NOTHING }
  }
}

/** An owner's signed order. */
export function signOrder(netId: Uint8Array, owner: Pick<Pair, 'sign'>, fields: OrderFields): Order {
  const body = orderBody(fields)
  return readOrder(orderEnvelope(netId, body, owner.sign(orderSignedBytes(netId, body))))
}

/** A payment, version 1 of the owner's account unless told otherwise. */
export function payOrder(net: Net, owner: Person, pay: PayTerms, changes: Partial<OrderFields> = {}): Order {
  const { genesis } = net
  const { asset, amount, to, version = 0, head = NO_HEAD, idem = pay.reference.slice(0, 16) } = pay
  const standing = {
    home: genesis.neighborhood,
    owner: owner.id,
    keyPosition: 0,
    nonce: accountNonce(),
    version,
    head,
  }
  const operation = {
    kind: 'pay' as const,
    assetId: asset,
    amount,
    to,
    reference: pay.reference,
    refundOf: NOTHING,
    memo: NOTHING,
  }
  const fields = nextOrder(standing, operation, idem, 1_000)
  return signOrder(genesis.netId, owner, { ...fields, ...changes })
}

export interface PayTerms {
  readonly asset: Uint8Array
  readonly amount: number
  readonly to: Uint8Array
  readonly reference: Uint8Array
  /** Version and head that the order follows. */
  readonly version?: number
  readonly head?: Uint8Array
  readonly idem?: Uint8Array
}

/** Seats whose keys a test holds: they say what the test wants. */
export class Seats {
  readonly committee: Committee
  readonly #net: Net
  #sequence = 0

  constructor(net: Net, committee: Committee) {
    this.#net = net
    this.committee = committee
  }

  /** A signed batch of a seat; its number is higher than any before. */
  batch(seat: number, entries: readonly VoteEntry[], sequence = ++this.#sequence): VoteBatch {
    const unsigned = composeBatch(seat, sequence, new Uint8Array(32), entries)
    return { ...unsigned, signature: this.key(seat).sign(headerSignedBytes(this.committee, unsigned)) }
  }

  votes(seat: number, entries: readonly VoteEntry[]): Uint8Array {
    return this.encode(this.batch(seat, entries))
  }

  encode(batch: VoteBatch): Uint8Array {
    return encodeEnvelope(batchEnvelope(this.committee, batch))
  }

  /** The CERT or SETTLEMENT of a quorum that does not need seat 0. */
  proof(entry: VoteEntry): Uint8Array {
    return encodeEnvelope(certificateEnvelope(this.committee, entry, this.ballots(entry)))
  }

  /** A vote of each of seats 1, 2, …, as many as make a quorum. */
  ballots(entry: VoteEntry): { batch: VoteBatch; index: number }[] {
    const { quorum, seats } = this.committee
    const first = quorum < seats.length ? 1 : 0
    return Array.from({ length: quorum }, (_, i) => ({ batch: this.batch(first + i, [entry]), index: 0 }))
  }

  key(seat: number): Pair {
    const member = this.#net.members[seat]
    if (!member) throw new Error(`the net has no seat ${seat}`)
    return member.epoch
  }
}

/** Evidence against an owner. */
export function convict(committee: Committee, owner: Person, one: Order, other: Order): Uint8Array {
  return doubleOrderEvidence(committee, one, other, [owner.inception])
}

/** The same signature with s + L in place of s: the same point, and not canonical. */
export function malleated(signature: Uint8Array): Uint8Array {
  const s = signature.subarray(32).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) + ed25519.Point.Fn.ORDER
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => Number((s >> BigInt(8 * i)) & 255n))
  return concat(signature.subarray(0, 32), bytes)
}

/**
 * Members hand out settlements of their home: to payers whose payments go abroad, and who need one that shows more confirmations than they heard, or never heard of one. Where nobody has one any more, or
 * the chain of blocks did without, the state with which the next epoch began shows the same (`consensus/state-proof.ts`).
 */

import { turnOf } from '../consensus/committee.ts'
import { toHex } from '../core/bytes.ts'
import { TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Agreed } from '../kernel/agreed.ts'
import type { Context } from '../kernel/context.ts'
import type { Decision, Lane, Message } from '../kernel/road.ts'

const LIFETIME_MS = 10_000
/** So many seats answer, others at each attempt. */
const SPEAKERS = 2

export class Proofs implements Lane {
  readonly types: readonly number[] = [TYPE.settlementQuery]
  readonly #context: Context
  readonly #agreed: Agreed
  /** When each sender was answered last. */
  readonly #answeredMs = new Map<string, number>()

  constructor(context: Context, agreed: Agreed) {
    this.#context = context
    this.#agreed = agreed
    context.road.lay(this)
  }

  authorize({ topic }: Message): void {
    if (topic !== this.#context.topics.sync) throw new WebxError('wrong-topic', 'members are asked where all are')
  }

  decide({ frame }: Message): Decision | null {
    const { sender, payload } = frame as NonNullable<Message['frame']>
    const fields = new Fields('settlement query', payload)
    const [oid, version, attempt] = [fields.bytes('oid', 32), fields.uint('version'), fields.uint('attempt')]
    fields.end()
    const { committee, seat, register } = this.#agreed
    const rank = turnOf(committee, seat, version + attempt)
    if (rank === null || rank >= SPEAKERS) return null
    this.#assertPatience(sender)
    // to look for it in the state costs as much as a bucket of that
    if ((register.object(oid)?.settled ?? 0) < version) return null
    const settlement =
      register.strongSettlementOf(oid, version) ??
      register.settledStateOf(oid, version) ??
      register.settlementOf(oid, version)
    if (!settlement) return null
    const topic = this.#context.topics.to(sender)
    return { emit: [{ topic, type: TYPE.settlementAnswer, payload: [settlement], lifetimeMs: LIFETIME_MS }] }
  }

  /** Throws `flooding`. */
  #assertPatience(sender: Uint8Array): void {
    const name = toHex(sender)
    const nowMs = this.#context.clock.monotonicMs()
    const before = this.#answeredMs.get(name) ?? Number.NEGATIVE_INFINITY
    if (nowMs - before < LIMITS.followingIntervalMsMin) throw new WebxError('flooding', 'questions come too fast')
    if (this.#answeredMs.size >= LIMITS.replaySendersMax) this.#answeredMs.clear()
    this.#answeredMs.set(name, nowMs)
  }
}

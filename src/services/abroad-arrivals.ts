/**
 * Lets payments from other homes arrive here: whoever holds a seat is shown an order and the settlement of its home, makes of it the one order that lets the payment arrive, and votes for it.
 *
 * Nobody needs to be asked for that, and the payee need not be there. The settlement is verified by the committees that the hand-overs of the other home lead to; where its epoch is not known here yet, the home is
 * asked for what is missing and the payment waits until it is shown again. What has arrived is told to the payer.
 */

import { turnOf } from '../consensus/committee.ts'
import { orderBytes } from '../consensus/order.ts'
import { toHex } from '../core/bytes.ts'
import { TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Agreed } from '../kernel/agreed.ts'
import { arrivingOrder, readShown, type Shown } from '../kernel/arriving.ts'
import type { Context } from '../kernel/context.ts'
import type { Decision, Lane, Message } from '../kernel/road.ts'

const LIFETIME_MS = 10_000
const ANSWER_MS_MIN = 250
/** So many seats say the order aloud, for those who have no seat. */
const SPEAKERS = 2

export class Arrivals implements Lane {
  readonly types: readonly number[] = [TYPE.arrival]
  readonly #context: Context
  readonly #agreed: Agreed
  readonly #askHome: (nid: Uint8Array) => void
  readonly #read = new WeakMap<Message, Shown>()
  /** When the payer of each lane was told last. */
  readonly #toldMs = new Map<string, number>()

  /** @param askHome asks a home for hand-overs that are missing here */
  constructor(context: Context, agreed: Agreed, askHome: (nid: Uint8Array) => void) {
    this.#context = context
    this.#agreed = agreed
    this.#askHome = askHome
    context.road.lay(this)
  }

  topicOf(): string {
    return this.#context.topics.sync
  }

  /** The settlement inside is verified where the order is judged: its home says whose signatures these must be. Throws `bad-shape`, `wrong-home`, `wrong-version`, `wrong-epoch` where the settlement's is not known here. */
  checks(message: Message): [] | null {
    const { netId, genesis } = this.#context
    const { scope, body, signature, attachment } = message.envelope
    if (this.#agreed.seat === null) return null
    if (toHex(scope) !== toHex(netId)) throw new WebxError('wrong-net', 'arrival in another net')
    if (signature.length + attachment.length > 0) throw new WebxError('bad-shape', 'an arrival proves itself')
    const shown = readShown(genesis, body)
    const arriving = arrivingOrder(netId, shown, this.#agreed.register)
    if (arriving && this.#agreed.register.keyOf(arriving) === null) {
      this.#askHome(shown.order.home)
      throw new WebxError('wrong-epoch', 'this was settled in an epoch of its home that is not known here')
    }
    this.#read.set(message, shown)
    return []
  }

  decide(message: Message): Decision | null {
    const shown = this.#read.get(message) as Shown
    const { topics, netId } = this.#context
    const arriving = arrivingOrder(netId, shown, this.#agreed.register)
    if (!arriving) return this.#tell(shown)
    this.#agreed.submit(arriving)
    const rank = turnOf(this.#agreed.committee, this.#agreed.seat, shown.number)
    return rank !== null && rank < SPEAKERS ? { emit: [{ topic: topics.order, bytes: orderBytes(arriving) }] } : null
  }

  /** Tells the payer that it has arrived, now and then. */
  #tell({ lane, order }: Shown): Decision | null {
    const { clock, topics } = this.#context
    const name = toHex(lane)
    const nowMs = clock.monotonicMs()
    if (nowMs - (this.#toldMs.get(name) ?? Number.NEGATIVE_INFINITY) < ANSWER_MS_MIN) return null
    if (this.#toldMs.size >= LIMITS.replaySendersMax) this.#toldMs.clear()
    this.#toldMs.set(name, nowMs)
    const payload = [lane, this.#agreed.register.object(lane)?.settled ?? 0]
    return { emit: [{ topic: topics.to(order.owner), type: TYPE.arrived, payload, lifetimeMs: LIFETIME_MS }] }
  }
}

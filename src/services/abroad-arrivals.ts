/**
 * Lets payments from other homes arrive here: whoever holds a seat is shown an order and the settlement of its home, makes of it the one order that lets the payment arrive, and votes for it.
 *
 * Nobody needs to be asked for that, and the payee need not be there. The settlement is verified by the committees that the hand-overs of the other home lead to; where its epoch is not known here yet, the home is
 * asked for what is missing and the payment waits until it is shown again. What has arrived is told to the payer.
 */

import { turnOf } from '../consensus/committee.ts'
import { type Order, orderBytes } from '../consensus/order.ts'
import { concat, toHex } from '../core/bytes.ts'
import { TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Agreed } from '../kernel/agreed.ts'
import { Allowance } from '../kernel/allowance.ts'
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
  /** Looks at settlements that do not hold, or hold once more: of a payer from whom something has arrived here before, and of all payers of a home. */
  readonly #ofLane: Allowance
  readonly #ofHome: Allowance
  /** The newest number of each lane whose settlement has held here. */
  readonly #held = new Map<string, number>()

  /** @param askHome asks a home for hand-overs that are missing here */
  constructor(context: Context, agreed: Agreed, askHome: (nid: Uint8Array) => void) {
    this.#context = context
    this.#agreed = agreed
    this.#askHome = askHome
    this.#ofLane = allowance(context, LIMITS.arrivalFailuresPerLanePerSecondMax)
    this.#ofHome = allowance(context, LIMITS.arrivalFailuresPerHomePerSecondMax)
    context.road.lay(this)
  }

  topicOf(): string {
    return this.#context.topics.sync
  }

  /** The settlement inside is verified where the order is judged: its home says whose signatures these must be. Throws `bad-shape`, `wrong-home`, `wrong-version`, `wrong-epoch` where the settlement's is not known here, `flooding`, and what verifying it throws. */
  checks(message: Message): [] | null {
    const { netId, genesis } = this.#context
    const { scope, body, signature, attachment } = message.envelope
    if (this.#agreed.seat === null) return null
    if (toHex(scope) !== toHex(netId)) throw new WebxError('wrong-net', 'arrival in another net')
    if (signature.length + attachment.length > 0) throw new WebxError('bad-shape', 'an arrival proves itself')
    const shown = readShown(genesis, body)
    const arriving = arrivingOrder(netId, shown, this.#agreed.register)
    if (arriving && !this.#holds(shown, arriving)) {
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

  /**
   * Whether the settlement holds; false where its epoch is not known here. To look at it costs as many signature checks as there are seats, and nobody signs an ARRIVAL: so what fails is charged to those in
   * whose name it was shown. Payers from whom something has arrived are not charged for those from whom nothing has. Throws `flooding`, and what verifying throws.
   */
  #holds({ lane, number, order }: Shown, arriving: Order): boolean {
    const { register } = this.#agreed
    const isKnown = (register.object(lane)?.settled ?? 0) > 0
    const home = concat(order.home, Uint8Array.of(isKnown ? 1 : 0))
    if (isKnown) this.#ofLane.take(lane)
    this.#ofHome.take(home)
    const holds = register.keyOf(arriving) !== null
    const name = toHex(lane)
    if (holds && (this.#held.get(name) ?? 0) >= number) return true
    if (isKnown) this.#ofLane.giveBack(lane)
    this.#ofHome.giveBack(home)
    if (!holds) return false
    if (this.#held.size >= LIMITS.replaySendersMax) this.#held.clear()
    this.#held.set(name, number)
    return true
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

function allowance({ clock }: Context, perSecond: number): Allowance {
  return new Allowance(clock, { perSecond, burst: 4 * perSecond, sendersMax: LIMITS.replaySendersMax })
}

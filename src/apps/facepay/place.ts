/**
 * From where a device speaks to a terminal: as itself, by name, or as a guest that proves to be one of the enrolled shoppers.
 */

import { toHex } from '../../core/bytes.ts'
import { type Envelope, signedBytes, statementDigest, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import type { Guest } from '../../kernel/guest.ts'
import type { LinkState } from '../../kernel/ports.ts'
import type { Message, Outgoing } from '../../kernel/road.ts'
import type { ProofKey } from '../../proof/secret.ts'
import { group } from '../../wasm/group.ts'
import type { Checkin } from './checkin.ts'
import { drawn } from './drawn.ts'
import { dayEndsMs, notEnrolled, proveCheckin, type RingProof, type SignedRings } from './ring-proof.ts'
import { readRingStatement, ringOf, terminalOfRings } from './rings.ts'

/** One way to be at a terminal, for the length of a stay. */
export interface Place {
  /** The world that check-ins, answers and probes of this stay go through. */
  readonly context: Context
  /** How many shoppers this one hides among; null by name. */
  readonly ringSize: number | null
  /** Begins the stay, before anything is proven; answers when it ends at the latest. */
  begin(nowMs: number): number
  /** The proof for what is checked in; null by name. Throws `not-enrolled`. */
  prove(checkin: Pick<Checkin, 'pseudonym' | 'key' | 'model'>): RingProof | null
  /** What goes out with each check-in, so that its signature can be checked. */
  introduction(): readonly Outgoing[]
  /** Called when an earlier proof counts no more, until the place is closed. */
  onChange(changed: () => void): void
  close(): Promise<void>
}

/** By name. */
export function namedPlace(context: Context): Place {
  return {
    context,
    ringSize: null,
    begin: () => Number.MAX_SAFE_INTEGER,
    prove: () => null,
    introduction: () => [],
    onChange: () => {},
    close: async () => {},
  }
}

/**
 * As a guest, once the list of rings of that terminal is here. The guest belongs to the place, and is closed where this throws.
 *
 * Throws `not-enrolled` where no ring holds the key, `timeout` where no list comes, `broker-unreachable`, and `stopped` as soon as `signal` aborts.
 */
export async function guestPlace(
  guest: Guest,
  terminalId: Uint8Array,
  key: ProofKey,
  signal: AbortSignal,
): Promise<Place> {
  const place = new GuestPlace(guest, terminalId, key)
  try {
    await place.open(signal)
    return place
  } catch (error) {
    await place.close()
    throw error
  }
}

class GuestPlace implements Place {
  readonly context: Context
  readonly #guest: Guest
  readonly #terminalId: Uint8Array
  readonly #key: ProofKey
  readonly #first = Promise.withResolvers<void>()
  #rings: SignedRings | null = null
  #made: RingProof | null = null
  /** What day it is for as long as the stay lasts. */
  #beganMs = 0
  #changed = (): void => {}

  constructor(guest: Guest, terminalId: Uint8Array, key: ProofKey) {
    this.context = guest.context
    this.#guest = guest
    this.#terminalId = terminalId
    this.#key = key
  }

  get ringSize(): number {
    const rings = this.#rings?.rings ?? []
    return rings[ringOf(rings, this.#key.publicKey)]?.length ?? 0
  }

  async open(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw calledOff()
    const { road, link, topics, schedule } = this.context
    road.lay({
      types: [TYPE.ring],
      topicOf: (envelope) => topics.ofStatement(envelope, terminalOfRings(envelope)),
      checks: (message) => this.#checks(message.envelope),
      decide: (message) => this.#adopt(message),
    })
    const { promise, reject } = this.#first
    const callOff = (): void => reject(calledOff())
    signal.addEventListener('abort', callOff, { once: true })
    const cancel = schedule.after(LIMITS.ringWaitMsMax, 'facepay rings', () => reject(noRings(link.state)))
    this.#hear().catch(reject)
    try {
      await promise
    } finally {
      cancel()
      signal.removeEventListener('abort', callOff)
    }
    if (this.ringSize === 0) throw notEnrolled()
  }

  /** A tag is of one day, so a stay ends with it; at a moment of its own, or all who stay on would be known by the one they share. */
  begin(nowMs: number): number {
    this.#beganMs = nowMs
    return dayEndsMs(nowMs) + drawn(this.context.random, LIMITS.checkinNightMsMax)
  }

  prove({ pseudonym, key, model }: Pick<Checkin, 'pseudonym' | 'key' | 'model'>): RingProof {
    const rings = this.#rings as SignedRings
    if (this.#made?.number === rings.number) return this.#made
    const { genesis, keys, random } = this.context
    const place = { rings, shop: genesis.organizationState.id }
    const bound = { guestId: keys.id, pseudonym, key, model }
    const chance = (length: number): Uint8Array => random.bytes(length)
    this.#made = proveCheckin(group(), place, bound, this.#key, this.#beganMs, chance)
    return this.#made
  }

  /** Again with each check-in: the terminal, or the broker, may have started anew. Not retained, since nobody needs it after the stay. */
  introduction(): readonly Outgoing[] {
    const { topics, keys } = this.context
    return [{ topic: topics.identity(keys.id), bytes: keys.inception }]
  }

  onChange(changed: () => void): void {
    this.#changed = changed
  }

  close(): Promise<void> {
    this.#changed = () => {}
    return this.#guest.close()
  }

  /** The inbox first: whoever has the list checks in. */
  async #hear(): Promise<void> {
    const { road, link, topics, keys } = this.context
    await road.run(() => ({ emit: this.introduction() }))
    await link.subscribe(topics.to(keys.id))
    await link.subscribe(topics.ring(this.#terminalId))
  }

  /** Only the list of the terminal that the guest is made for, under that terminal's signature; null where it is no later one. */
  #checks(envelope: Envelope) {
    const { directory, netId } = this.context
    const statement = readRingStatement(envelope)
    if (toHex(envelope.scope) !== toHex(netId)) throw new WebxError('wrong-net', 'rings of another net')
    if (envelope.attachment.length > 0) throw new WebxError('bad-shape', 'rings: nothing is attached to them')
    if (toHex(statement.terminalId) !== toHex(this.#terminalId)) {
      throw new WebxError('not-allowed', 'rings of another terminal')
    }
    if (this.#rings && statement.number <= this.#rings.number) return null
    const key = directory.keyOf(this.#terminalId)
    if (!key) throw new WebxError('unknown-sender', 'rings of a terminal that nobody has introduced')
    const message = signedBytes(envelope.type, envelope.scope, envelope.body)
    return [{ key, message, signature: envelope.signature }]
  }

  #adopt({ envelope }: Message): null {
    const statement = readRingStatement(envelope)
    if (this.#rings && statement.number <= this.#rings.number) return null
    this.#rings = { ...statement, digest: statementDigest(envelope) }
    this.#first.resolve()
    this.#changed()
    return null
  }
}

/** The refusal of a check-in that is not wanted any more. */
export function calledOff(): WebxError {
  return new WebxError('stopped', 'this check-in was called off')
}

function noRings(state: LinkState): WebxError {
  if (state !== 'up') {
    return new WebxError('broker-unreachable', 'the connection of the guest did not come up in time', {
      hint: 'Is the broker running? webx doctor looks.',
    })
  }
  return new WebxError('timeout', 'that terminal has not said who is enrolled there', {
    hint: 'Is it running, and does its setting terminal.checkin let people in anonymously?',
  })
}

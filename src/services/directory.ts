/**
 * Who is who: the keys of every identity this node was introduced to.
 *
 * Members, terminals and the organization come from the genesis; everyone else introduces himself by his inception event, which proves itself. Being known
 * gives no right but that of having one's signatures checked. Which key acts after a rotation is what the neighborhood has settled (`directory-logs.ts`).
 */

import { toHex } from '../core/bytes.ts'
import { TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Genesis } from '../identity/genesis.ts'
import { type KeyState, verifyInception } from '../identity/keylog.ts'
import { identityOf } from '../identity/xqident.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Directory, Identified } from '../kernel/ports.ts'
import type { Decision, Lane, Message } from '../kernel/road.ts'
import type { SettledLogs } from './directory-logs.ts'

/** The directory of one net; guests are bounded, the one that was introduced first makes room. */
export class KnownIdentities implements Directory {
  readonly #named = new Map<string, { state: KeyState; rank: Identified['rank'] }>()
  readonly #guests = new Map<string, KeyState>()
  /** By neighborhood. */
  readonly #members = new Map<string, ReadonlySet<string>>()
  #settled: SettledLogs | null = null

  constructor(genesis: Genesis) {
    this.#named.set(toHex(genesis.organizationState.id), { state: genesis.organizationState, rank: 'guest' })
    for (const state of genesis.terminalStates) this.#named.set(toHex(state.id), { state, rank: 'terminal' })
    for (const { memberStates } of genesis.homes)
      for (const state of memberStates) this.#named.set(toHex(state.id), { state, rank: 'member' })
  }

  /** From now on what is settled goes before what people introduced themselves with. */
  follow(settled: SettledLogs): void {
    this.#settled = settled
  }

  /** Who belongs to a neighborhood in the epoch under way. A node knows the members of its own; a broker serves all, and is told of each. */
  setMembers(ids: readonly Uint8Array[], nid: Uint8Array): void {
    this.#members.set(toHex(nid), new Set(ids.map(toHex)))
  }

  keyOf(id: Uint8Array): Uint8Array | null {
    const settled = this.#settled?.keysOf(id)
    return settled ? settled.key : (this.#introducedState(id)?.keys[0] ?? null)
  }

  keyAt(id: Uint8Array, position: number): Uint8Array | null {
    if (position === 0) return this.#settled?.keyAt(id, 0) ?? this.#introducedState(id)?.keys[0] ?? null
    return this.#settled?.keyAt(id, position) ?? null
  }

  frozen(id: Uint8Array): boolean {
    return this.#settled?.frozen(id) ?? false
  }

  rankOf(id: Uint8Array): Identified['rank'] {
    const name = toHex(id)
    for (const members of this.#members.values()) if (members.has(name)) return 'member'
    const rank = this.#named.get(name)?.rank ?? 'guest'
    return rank === 'member' && this.#members.size > 0 ? 'guest' : rank
  }

  /** The verified key state of an identity, or null where nobody introduced it. */
  stateOf(id: Uint8Array): KeyState | null {
    return this.#settled?.stateOf(id) ?? this.#introducedState(id)
  }

  #introducedState(id: Uint8Array): KeyState | null {
    const name = toHex(id)
    return this.#named.get(name)?.state ?? this.#guests.get(name) ?? null
  }

  /** Remembers a verified guest. */
  introduce(state: KeyState): void {
    const name = toHex(state.id)
    if (this.#named.has(name)) return
    this.#guests.set(name, state)
    if (this.#guests.size <= LIMITS.directoryIdentitiesMax) return
    for (const first of this.#guests.keys()) {
      this.#guests.delete(first)
      break
    }
  }
}

/** Introduces this node to the others, and listens to whoever introduces himself. */
export class Introductions implements Service, Lane {
  readonly types: readonly number[] = [TYPE.keyEvent]
  readonly #context: Context
  readonly #known: KnownIdentities
  #unhear = (): void => {}

  constructor(context: Context, known: KnownIdentities) {
    this.#context = context
    this.#known = known
    context.road.lay(this)
  }

  async start(): Promise<void> {
    const { link, topics, events } = this.#context
    await link.subscribe(`${topics.prefix}/id/+`)
    this.#unhear = events.on('link', ({ up }) => void (up && this.#introduce()))
    await this.#introduce()
  }

  async stop(): Promise<void> {
    this.#unhear()
  }

  topicOf(envelope: Message['envelope']): string {
    return this.#context.topics.ofStatement(envelope, identityOf(envelope.body))
  }

  checks(message: Message): [] | null {
    if (message.envelope.attachment.length > 0) throw new WebxError('bad-shape', 'key event: nothing is attached to it')
    return this.#known.keyOf(identityOf(message.envelope.body)) ? null : []
  }

  decide(message: Message): Decision | null {
    this.#known.introduce(verifyInception(message.envelope))
    return null
  }

  /** Again at every connection: a broker that restarted has forgotten what it retained. */
  async #introduce(): Promise<void> {
    const { road, topics, keys } = this.#context
    await road.run(() => ({ emit: [{ topic: topics.identity(keys.id), bytes: keys.inception, retain: true }] }))
  }
}

/**
 * What services and apps tell each other: typed events, delivered in order, in the same turn, after what they speak of is on the disk.
 */

import type { Log } from './ports.ts'

/** A version of an object that ≥ quorum members durably hold the certificate of. */
export interface Settled {
  /** Encoded ORDER envelope. */
  readonly order: Uint8Array
  /** Encoded SETTLEMENT envelope. */
  readonly settlement: Uint8Array
  /** 32-byte digest of the order. */
  readonly orderDigest: Uint8Array
  /** Numbers of votes behind it, as this node counted them. */
  readonly locks: number
  readonly confirms: number
}

export interface EventMap {
  settled: Settled
  /** Enough members locked the order; not final. */
  certified: { readonly orderDigest: Uint8Array }
  /** Proof that an identity signed what the rules forbid. `bytes` is an encoded EVIDENCE envelope. */
  evidence: { readonly guilty: Uint8Array; readonly kind: string; readonly bytes: Uint8Array }
  /**
   * Two key events of one identity for one place, encoded and both properly signed: somebody else has its keys, or it lies. Or a veto and the witnesses by whom
   * the same recovery would be put in force, which is nobody's lie.
   */
  duplicity: { readonly one: Uint8Array; readonly other: Uint8Array }
  /** An order was turned down by this node. */
  refused: { readonly orderDigest: Uint8Array; readonly code: string }
  /** An order was put aside until what it lacks is here. */
  parked: { readonly orderDigest: Uint8Array; readonly code: string }
  /** How many seats are heard of, this node's own included. */
  presence: { readonly seatsUp: number; readonly quorum: number }
  /** The connection to the broker came up, or went. */
  link: { readonly up: boolean }
  /** Another epoch has begun: who belongs to the neighborhood and who votes. */
  epoch: { readonly epoch: number; readonly members: readonly Uint8Array[]; readonly seats: readonly Uint8Array[] }
  /** Another neighborhood of the net has begun an epoch, as far as this node has heard. */
  home: { readonly nid: Uint8Array; readonly epoch: number; readonly members: readonly Uint8Array[] }
  /** Who was drawn for what in the epoch that has begun. */
  roles: {
    readonly epoch: number
    readonly masterNodes: readonly Uint8Array[]
    readonly brokers: readonly Uint8Array[]
  }
  /** What this node holds of another member has changed: whether it is there. */
  neighbor: { readonly id: Uint8Array; readonly status: 'alive' | 'suspect' | 'dead' }
  /** Evidence against a member is final: it leaves with the epoch. */
  convicted: { readonly guilty: Uint8Array }
  /** A change was applied to a shared object; `isWord`: no more than a word for another rule was taken down. */
  shared: {
    readonly oid: Uint8Array
    readonly writer: Uint8Array
    /** Where the object is now. */
    readonly sequence: number
    readonly isWord: boolean
    /** Encoded SHARED CHANGE envelope. */
    readonly bytes: Uint8Array
  }
  /** A change of a shared object was ordered and refused, by everybody and for good. */
  'shared-refused': { readonly oid: Uint8Array; readonly writer: Uint8Array; readonly code: string }
  /** A tag passed a reader and its event is stored. */
  tag: { readonly tag: string; readonly atMs: number }
}

type Handler<K extends keyof EventMap> = (event: EventMap[K]) => void

/** The bus of one node. A handler that throws is logged; the others still hear the event. */
export class Events {
  readonly #handlers = new Map<keyof EventMap, Set<Handler<never>>>()
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  /** Calls `handler` on every event of that name, until the returned function is called. */
  on<K extends keyof EventMap>(name: K, handler: Handler<K>): () => void {
    const handlers = this.#handlers.get(name) ?? new Set()
    this.#handlers.set(name, handlers)
    handlers.add(handler as Handler<never>)
    return () => handlers.delete(handler as Handler<never>)
  }

  emit<K extends keyof EventMap>(name: K, event: EventMap[K]): void {
    for (const handler of this.#handlers.get(name) ?? []) {
      try {
        ;(handler as Handler<K>)(event)
      } catch (error) {
        this.#log.error({ event: name, error }, 'a handler of an event failed')
      }
    }
  }
}

/**
 * Ports: all that the runtime asks of the world outside it, as interfaces.
 *
 * Drivers implement one port each; services and apps are written against ports only; `boot.ts` joins them. Whatever is not deterministic
 * (time, chance, disks, keys, networks, cameras, people) is on this page.
 */

import type { KeyState } from '../identity/keylog.ts'
import type { Asset } from '../ledger/asset.ts'

export type { Camera, FaceModel } from '../face/model.ts'

/** Time. Pure code is handed numbers; only services see this. */
export interface Clock {
  /** Milliseconds since 1970; may jump. */
  nowMs(): number
  /** Milliseconds since some start; never jumps. */
  monotonicMs(): number
  /** Calls `action` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, action: () => void): () => void
}

/** Chance, for keys, nonces and jitter. */
export interface Random {
  bytes(length: number): Uint8Array
}

/** A private key that signs and is never seen. */
export interface Signer {
  /** Raw 32-byte Ed25519 public key. */
  readonly publicKey: Uint8Array
  /** 64-byte Ed25519 signature. */
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** One half of an X25519 agreement, made for one purpose and thrown away. */
export interface AgreementKey {
  /** Raw 32-byte X25519 public key. */
  readonly publicKey: Uint8Array
  /** 32-byte shared secret with a peer's public key. Throws `bad-key` for a point of small order. */
  agree(peerPublicKey: Uint8Array): Uint8Array
  /** Forgets the private half. */
  wipe(): void
}

/** A verifiable random function: see `proof/vrf.ts`. */
export interface RandomFunction {
  /** Raw 32-byte Ed25519 public key that checks its proofs. */
  readonly publicKey: Uint8Array
  /** The 80-byte proof of the one output for this input. */
  prove(input: Uint8Array): Promise<Uint8Array>
}

/** The keys of the identity that this node acts for. */
export interface Keys extends Signer {
  /** 32-byte identity. */
  readonly id: Uint8Array
  /** Encoded, signed inception event. */
  readonly inception: Uint8Array
  /** Position in the identity's key log of the event that showed the key that signs here. */
  readonly position: number
  /** The key log as far as this node has it: encoded events, the inception first. Later events (of delegations, say) may stand behind `position`. */
  readonly log: readonly Uint8Array[]
  /**
   * The key that votes in an epoch. `secret`: 32 random bytes that were made for that epoch and are forgotten after it, so that nobody can vote in it any more, whatever files he
   * steals later; none for epoch 0, whose keys the genesis names.
   */
  epochSigner(epoch: number, secret?: Uint8Array): Promise<Signer>
  /** Draws lots for this identity; the same all its life. */
  readonly vrf: RandomFunction
  /** 32 bytes that only this identity's device can derive, for sealing at rest. */
  deriveSecret(context: string): Promise<Uint8Array>
  /** A new ephemeral agreement key. */
  ephemeral(): AgreementKey
}

/** One change of a stored value; a null value deletes. */
export interface Write {
  /** Name of the space, such as `order` or `lock`. */
  readonly space: string
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/**
 * Durable key-value storage: the system of record and the only vote log.
 *
 * `write` holds changes back in memory; they are on the disk only once the promise of `sync` resolves, all of them or none. Reads see held-back
 * changes. Every value carries a checksum; a damaged one throws `store-damaged`.
 */
export interface Store {
  get(space: string, key: Uint8Array): Uint8Array | null
  /** All entries of a space in the order of their keys. */
  scan(space: string): Iterable<{ key: Uint8Array; value: Uint8Array }>
  write(writes: readonly Write[]): void
  /** Resolves when everything written before the call is on the disk. Throws `store-failed`; nothing may leave the node after that. */
  sync(): Promise<void>
  /** Copies what is durable, as of one moment, into a new file while work goes on; absent where there is no disk below. Throws `store-failed`. */
  snapshot?(path: string): Promise<void>
  close(): Promise<void>
}

/** How the connection to the broker stands. */
export type LinkState = 'connecting' | 'up' | 'down' | 'closed'

/** What a link hands up. The bytes belong to the receiver. */
export type Receive = (topic: string, bytes: Uint8Array) => void

/** Publish/subscribe by topics. Honest about nothing: messages may be lost, repeated, late, forged; everything above is ready for that. */
export interface Link {
  readonly state: LinkState
  /** Resolves when handed to the connection. Throws `limit` where the outbound queue is full, `stopped` after `close`. */
  publish(topic: string, bytes: Uint8Array, options?: { retain?: boolean }): Promise<void>
  /** Subscribes to an MQTT topic filter; survives reconnection. */
  subscribe(filter: string): Promise<void>
  /** Ends a subscription; one that there was none of is no fault. */
  unsubscribe(filter: string): Promise<void>
  /** The one receiver of all messages. */
  onMessage(receive: Receive): void
  onState(changed: (state: LinkState) => void): void
  close(): Promise<void>
}

/** One tag seen by a reader. */
export interface TagSighting {
  readonly tag: string
  readonly atMs: number
}

export interface TagReader {
  /** Sightings until the signal aborts. Throws `reader-failed`. */
  sightings(signal: AbortSignal): AsyncIterable<TagSighting>
}

/** A reading of an environment sensor. */
export interface Reading {
  /** Degrees Celsius. */
  readonly temperature: number
  /** Relative, percent. */
  readonly humidity: number
  readonly atMs: number
  readonly quality: 'ok' | 'stale' | 'failed'
}

export interface Sensor {
  /** One reading; throws `sensor-missing`, `timeout`. */
  read(): Promise<Reading>
}

/** Asks the person who holds the device. */
export interface Consent {
  /** True only where the person said yes to exactly this. */
  ask(question: { readonly text: string; readonly timeoutMs: number }): Promise<boolean>
}

/** Where log lines go. `fields` never hold a secret, a probe or a template. */
export interface Log {
  debug(fields: Record<string, unknown>, message: string): void
  info(fields: Record<string, unknown>, message: string): void
  warn(fields: Record<string, unknown>, message: string): void
  error(fields: Record<string, unknown>, message: string): void
  /** The same log with fixed fields added. */
  child(fields: Record<string, unknown>): Log
}

/** Counts of what happened and what was refused. */
export interface Counters {
  /** Adds to a named count, such as `refused.expired`. */
  count(name: string, by?: number): void
  read(): Readonly<Record<string, number>>
}

/** Someone whose inception event is known. */
export interface Identified {
  /** 32 bytes. */
  readonly id: Uint8Array
  /** Members and terminals are named by the genesis; everyone else is a guest. */
  readonly rank: 'member' | 'terminal' | 'guest'
}

/** Who is who, as far as this node was told. */
export interface Directory {
  /** The key that speaks for an identity: after a rotation was settled or a recovery put in force, the new one. Null where nobody introduced it, or several keys speak together. */
  keyOf(id: Uint8Array): Uint8Array | null
  /** The key that spoke at a position of an identity's key log, for what was signed earlier; null where this node knows of no such position. */
  keyAt(id: Uint8Array, position: number): Uint8Array | null
  /** The verified key log of an identity as of its newest settled event, or null where nobody introduced it. */
  stateOf(id: Uint8Array): KeyState | null
  /** True where somebody signed two key events for one place and keys of a higher rank have not spoken since: nobody should be believed in its name. */
  frozen(id: Uint8Array): boolean
  rankOf(id: Uint8Array): Identified['rank']
}

/** A payment of one's own, named before its first attempt. */
export interface PaymentRequest {
  /** 32 bytes; the same reference again is the same payment and returns the same receipt. */
  readonly reference: Uint8Array
  readonly asset: Uint8Array
  /** Smallest units, > 0. */
  readonly amount: number
  /** 32-byte account of the payee. */
  readonly to: Uint8Array
  /** 16-byte home of that account; this node's own unless given. What pays back goes to the home that the money came from. */
  readonly home?: Uint8Array
  /** Digest of the order that this pays back, if it does. */
  readonly refundOf?: Uint8Array
}

/** A payment that is final. */
export interface SettledPayment {
  readonly reference: Uint8Array
  readonly asset: Uint8Array
  readonly amount: number
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly orderDigest: Uint8Array
  /** Encoded ORDER and SETTLEMENT envelopes: all that a stranger needs, beside the genesis, to verify it. */
  readonly order: Uint8Array
  readonly settlement: Uint8Array
  readonly locks: number
  readonly confirms: number
}

/** The money of this node's identity. */
export interface Wallet {
  /** 32-byte id of the account. */
  readonly account: Uint8Array
  /** Smallest units of an asset that can be spent, as far as this node has seen settlements. */
  balance(asset: Uint8Array): number
  /** Makes this identity known to the neighborhood, so that its first payment need not wait for that. */
  introduce(): Promise<void>
  /**
   * Pays, and resolves when SETTLED: at this account's home. The order is stored before it is sent and sent again until it settles, also after a restart; what goes to another home is carried there until it
   * has arrived. Rejects with `wrong-home` for one that this net does not have, with `no-quorum` where it is not settled after `timeoutMs` (it stays in the outbox and may still settle), `insufficient-funds`,
   * or the refusal of the neighborhood.
   */
  pay(request: PaymentRequest, timeoutMs: number): Promise<SettledPayment>
  /** Called for every settled payment to this account, once each. */
  onCredit(credited: (payment: SettledPayment) => void): () => void
  /** Every settled payment to this account that is stored, whether or not somebody listened when it came. */
  credits(): Iterable<SettledPayment>
  /** A settled payment to or from this account by its reference, or null. */
  settled(reference: Uint8Array): SettledPayment | null
}

/** The assets of the net by id. */
export interface Assets {
  readonly all: readonly Asset[]
  byCode(code: string): Asset | null
}

/**
 * Lanes: how a service or an app takes part in the road. What it is handed, what it is asked, and what it answers.
 */

import type { Cbor } from '../core/codec.ts'
import type { SignatureCheck } from '../core/crypto.ts'
import type { Envelope } from '../core/envelope.ts'
import type { Frame } from '../core/frame.ts'
import type { Write } from './ports.ts'

/** A message that was decoded. `frame` is null for statements. */
export interface Message {
  readonly topic: string
  readonly envelope: Envelope
  readonly frame: Frame | null
  /** The envelope as received. */
  readonly bytes: Uint8Array
}

/** Something to send once the turn is stored: a statement as it is, or the payload of a frame that the road signs. */
export type Outgoing =
  | { readonly topic: string; readonly bytes: Uint8Array; readonly retain?: boolean }
  | {
      readonly topic: string
      readonly type: number
      readonly payload: Cbor
      readonly lifetimeMs: number
      readonly retain?: boolean
    }

/** What a lane decides: what to store, what to do when it is stored, what to send then. */
export interface Decision {
  readonly writes?: readonly Write[]
  readonly apply?: () => void
  readonly emit?: readonly Outgoing[]
  /**
   * True where nothing that is applied with these writes promises that they are kept: lost, they were as good as never heard. They may wait for the next commit, for
   * a quarter of a second at most; whatever leaves before that, with them or after them, takes them to the disk first.
   */
  readonly mayWait?: boolean
}

/** A service's handling of some message types. Called in this order; each may throw a WebxError to refuse. */
export interface Lane {
  readonly types: readonly number[]
  /** The topic a statement of this type must have come on. Frames carry theirs. */
  topicOf?(envelope: Envelope): string
  /** Signatures to check on a statement; null where it is known already and nothing is to be done. Frames: the road checks the sender's. */
  checks?(message: Message): readonly SignatureCheck[] | null
  /** Policy: may this sender say this here and now? */
  authorize?(message: Message): void
  decide(message: Message): Decision | null
}

/**
 * Ports of redeeming: where a holder puts what it fetches, and what comes of a redemption.
 */

import { WebxError } from '../core/errors.ts'
import type { RedeemRefusal, Rule, VersionNotice } from '../data/redeem-answer.ts'
import type { RedemptionRequest } from '../data/redemption.ts'
import type { Operation } from '../data/rights.ts'
import type { PayloadKeys } from '../data/stream.ts'

/** What opening takes, once a manifest was checked and its key unwrapped. */
export interface OpenedManifest {
  readonly keys: PayloadKeys
  /** What the manifest committed to, and the root of the sealed chunks; 32 bytes each. */
  readonly commitment: Uint8Array
  readonly root: Uint8Array
  readonly contentBytes: number
  readonly chunkLog2: number
}

/** A file that does not exist yet: sealed bytes are put into a draft of it in any order, and it appears, opened, when all of them were verified. */
export interface FetchTarget {
  /** Throws `store-failed`. */
  put(at: number, bytes: Uint8Array): Promise<void>
  /**
   * What was put is a whole .qnt: opens it. Answers the bytes of the content.
   *
   * @param unlock checks the manifest and unwraps the key
   * @throws WebxError `tampered`, `bad-shape`, `bad-key`, `store-failed`, and what `unlock` throws; the file is not there then
   */
  openFile(unlock: (manifest: Uint8Array) => Promise<OpenedManifest>): Promise<number>
  /** What was put are sealed chunks: opens them. Throws as `openFile`. */
  openChunks(opened: OpenedManifest): Promise<number>
  /** Forgets the draft; also after it was opened. */
  discard(): Promise<void>
}

/** What a holder wants. */
export interface RedeemOrder {
  /** Bytes of a presentation. */
  readonly presentation: Uint8Array
  readonly request: RedemptionRequest
  /** For `verify`: bytes of a question. */
  readonly question?: Uint8Array
  /** An owner's override document. */
  readonly override?: Uint8Array
  /** For `read`: where the content goes; opened once the server has granted it, and not before. */
  readonly target?: () => Promise<FetchTarget>
  /** Gives up when it aborts: `stopped`. What the server has counted by then stays counted. */
  readonly signal?: AbortSignal
  /** Hears how many of how many sealed bytes are here. */
  readonly onProgress?: (bytes: number, of: number) => void
}

/** What a server has granted and this node has received. */
export interface Redeemed {
  readonly operation: Operation
  readonly fileVersion: number
  /** 32-byte digest of the version's manifest. */
  readonly digest: Uint8Array
  /** How old the server's status list was; null where the ping names none. */
  readonly statusAgeMs: number | null
  /** Places of the fields that a runnable left out. */
  readonly hidden: readonly number[]
  /** Bytes of content in the target, and where in the content they begin; with `read`. */
  readonly content?: { readonly from: number; readonly bytes: number; readonly isWhole: boolean }
  /** What a runnable made of the content; with `derive` and `aggregate`. */
  readonly payload?: Uint8Array
  /** Bytes of the answer to the question; with `verify`. */
  readonly answer?: Uint8Array
  /** Until when notices come; with `notify`. */
  readonly untilMs?: number
}

/** A notice of a new version that came, and is kept for the owner of this node. */
export interface KeptNotice extends VersionNotice {
  /** Counts up. */
  readonly number: number
  /** When it came, in milliseconds since 1970. */
  readonly heardMs: number
  /** 32-byte identity of who sent it. */
  readonly server: Uint8Array
}

/** Redeems pings at other nodes. */
export interface Redeeming {
  /**
   * Redeems once. Throws `RedeemRefused` with the server's code; `unreachable` where the server does not answer in time, `bad-argument`, `tampered`, `wrong-version`,
   * `wrong-file`, `unknown-owner`, and what the
   * target throws.
   */
  redeem(order: RedeemOrder, timeoutMs: number): Promise<Redeemed>
  /** The last notices that came, oldest first; they outlive a restart. */
  notices(): Iterable<KeptNotice>
  /** Called for every new version of a file that this node watches, once each. */
  onNotice(listen: (notice: VersionNotice & { readonly server: Uint8Array }) => void): () => void
}

/** A server said no: the code is its own. */
export class RedeemRefused extends WebxError {
  readonly rule: Rule
  /** The runnable's own reason; 0 where there is none. */
  readonly number: number

  constructor({ code, reason, rule, number }: Omit<RedeemRefusal, 'isGranted'>) {
    super(code, number > 0 ? `${reason} (rule: ${rule}, reason ${number})` : `${reason} (rule: ${rule})`)
    this.rule = rule
    this.number = number
  }
}

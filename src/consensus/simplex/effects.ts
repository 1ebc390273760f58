/**
 * What goes into the Simplex lane and what comes out of it: plain data, so that production, simulation and tests drive the same code.
 *
 * Nothing that comes out may be published before everything that `flush` returned with it, or before it, is on the disk.
 */

import type { EvidenceKind } from '../evidence.ts'
import type { Ballot } from './ballot.ts'
import type { Candidate } from './candidate.ts'
import type { BlockCertificate } from './certificate.ts'
import type { FinalBlock } from './rules.ts'

/** What happened. Statements are decoded and their signatures have been verified: those that `checksFor` named. */
export type SimplexEvent =
  | { readonly kind: 'candidate'; readonly candidate: Candidate; readonly bytes: Uint8Array }
  | { readonly kind: 'ballot'; readonly ballot: Ballot }
  | { readonly kind: 'certificate'; readonly certificate: BlockCertificate; readonly bytes: Uint8Array }
  | Ask
  /** Time has passed, or something was given to the rules to be ordered. */
  | { readonly kind: 'tick' }

/** Somebody lacks a block, or does not get on. */
export interface Ask {
  readonly kind: 'ask'
  readonly slot: number
  /** 32-byte hash of the block that is wanted; zeros where only certificates are. */
  readonly hash: Uint8Array
  /** First slot in which whoever asks knows of no final block. */
  readonly fromSlot: number
}

/** What is to be done. */
export type SimplexEffect =
  /**
   * Publish a statement. `rank` 0: now. Otherwise wait that many steps, and let it be if another member's copy was seen meanwhile. `slot` is null for
   * evidence.
   */
  | {
      readonly kind: 'publish'
      readonly what: 'candidate' | 'ballot' | 'certificate' | 'evidence'
      readonly bytes: Uint8Array
      readonly rank: number
      readonly slot: number | null
    }
  /** Ask the others; they answer for all to hear. */
  | Ask
  /** Final here, and executed. `finality`: a proof for strangers (`finality.ts`); null where it would be too long, for a block far below the one that was voted for. */
  | { readonly kind: 'final'; readonly block: FinalBlock; readonly finality: Uint8Array | null }
  /** Somebody signed what the rules forbid; also published. */
  | { readonly kind: 'evidence'; readonly guilty: Uint8Array; readonly of: EvidenceKind; readonly bytes: Uint8Array }
  /** The network shows a statement of ours that our log lacks: the lane has stopped voting for this epoch. */
  | { readonly kind: 'log-lost'; readonly slot: number }

/** Times of the lane, in milliseconds. */
export interface Timing {
  /** The first skip timer, until votes have been seen to come and go. */
  readonly skipMs: number
  readonly skipMsMin: number
  readonly skipMsMax: number
  /** Without progress for so long, a member repeats itself and asks; ever more seldom. */
  readonly standstillMs: number
  readonly standstillMsMax: number
  /** First and longest pause between two questions for one block. */
  readonly askMs: number
  readonly askMsMax: number
}

export const TIMING: Timing = {
  skipMs: 1_000,
  skipMsMin: 100,
  skipMsMax: 8_000,
  standstillMs: 3_000,
  standstillMsMax: 24_000,
  askMs: 100,
  askMsMax: 5_000,
}

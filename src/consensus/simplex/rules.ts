/**
 * What the Simplex lane asks of those who give blocks a meaning, and what it tells them.
 *
 * Blocks order; execution filters: a transaction that makes no sense in the state it meets is skipped, the same way at every member. So a vote for a
 * block needs no state, only that its transactions are well formed, signed, and that what they promise is held here.
 */

/** A block and where it stands. */
export interface Block {
  readonly slot: number
  /** Slot of the block that it extends; null for one that extends the beginning of the epoch. */
  readonly parentSlot: number | null
  /** 32-byte hash of that block, or of the beginning. */
  readonly parentHash: Uint8Array
  /** 32 bytes: what members vote for. */
  readonly hash: Uint8Array
  /** Number of the seat that composed it. */
  readonly leader: number
  /** Statements in their order, encoded. */
  readonly transactions: readonly Uint8Array[]
}

/** A block that no honest member will ever contradict. */
export interface FinalBlock extends Block {
  /**
   * Bit i is set where seat i's vote for this block (NOTARIZE or FINALIZE) was counted here before the block was executed. Members differ in it: nothing
   * that they must agree on may follow from it.
   */
  readonly voters: number
}

/** What a member thinks of a block: vote for it, never vote for it, or ask again when something has changed. */
export type Opinion = 'yes' | 'no' | 'later'

/** The meaning of blocks. Pure and deterministic: the same final blocks in the same order give the same answers everywhere. */
export interface BlockRules {
  /** From when on, on the lane's clock, something is to be ordered here: from then on a member waits for a leader with a clock running, and leads itself. Null while nothing is. */
  wantsAtMs(): number | null
  /** Transactions for a block on top of `ancestors` (not final yet, the newest last); null where there is nothing to order. */
  compose(ancestors: readonly Block[]): readonly Uint8Array[] | null
  /** Whether this member may vote for a block that extends `ancestors` (not final yet, the newest last). Signatures in it have been checked. */
  opinion(block: Block, ancestors: readonly Block[]): Opinion
  /** Called once for each final block, in order. True: the epoch has ended with this block, and no later one is ever voted for. */
  execute(block: FinalBlock): boolean
}

/**
 * Reward proof: one line of an epoch's rewards in a file that a stranger checks with the genesis and nothing else. Layout and CDDL: `src/PROTOCOL.md`.
 *
 * It holds every hand-over from the genesis to the end of that epoch. Whoever checks it walks them, each signed by a quorum of the seats that the one before
 * named, computes all rewards anew, and finds the line among them.
 */

import { homeOfHandOver } from './consensus/epoch/handover.ts'
import { batchKey } from './consensus/records.ts'
import { equal, toHex } from './core/bytes.ts'
import { encode } from './core/codec.ts'
import { decodeEnvelope } from './core/envelope.ts'
import { WebxError } from './core/errors.ts'
import { LIMITS } from './core/limits.ts'
import { Fields } from './core/shape.ts'
import { EpochHistory } from './epoch-history.ts'
import { type EpochRewards, RewardReplay, rewardTermsOf } from './epoch-rewards.ts'
import { anchorOf } from './epochs.ts'
import type { Genesis } from './identity/genesis.ts'
import { seenFrom } from './identity/home.ts'
import type { RewardLine } from './ledger/reward.ts'
import { proveLine, type RewardHead, type RewardProof, verifyLine } from './ledger/reward-root.ts'

/** What a proof file holds. */
export interface RewardProofFile {
  readonly netId: Uint8Array
  readonly proof: RewardProof
  /** Encoded HAND-OVERs, of epoch 0 and on. */
  readonly handOvers: readonly Uint8Array[]
}

/** What a proof that holds says. */
export interface ProvenReward {
  readonly head: RewardHead
  readonly line: RewardLine
  /** All of the epoch, computed anew. */
  readonly rewards: EpochRewards
}

/** The file that proves the line of a seat. Throws `bad-argument` where the seat has none, `limit` where there were more epochs than a file may hold. */
export function rewardProofFile(
  netId: Uint8Array,
  { rewards }: Pick<EpochRewards, 'rewards'>,
  seat: number,
  handOvers: readonly Uint8Array[],
): Uint8Array {
  if (handOvers.length > LIMITS.rewardHandOversMax)
    throw new WebxError('limit', `a proof holds at most ${LIMITS.rewardHandOversMax} hand-overs`)
  const { head, line, index, count, path } = proveLine(rewards, seat)
  return encode([VERSION, netId, [head, line, index, count, [...path]], [...handOvers]])
}

/** Reads a proof file; whether it holds is for `verifyRewardProof`. Throws `bad-shape`, `too-long`, `not-canonical`, `bad-version`. */
export function readRewardProof(bytes: Uint8Array): RewardProofFile {
  const fields = Fields.of('reward proof', bytes, LIMITS.rewardProofBytesMax)
  if (fields.uint('version') !== VERSION) throw new WebxError('bad-version', 'a reward proof of another version')
  const netId = fields.bytes('netId', 32)
  const proof = fields.tuple('proof', (shown): RewardProof => {
    return {
      head: shown.bytesBetween('head', 1, LIMITS.rewardLineBytesMax),
      line: shown.bytesBetween('line', 1, LIMITS.rewardLineBytesMax),
      index: shown.uint('index', LIMITS.seatsMax - 1),
      count: shown.uint('count', LIMITS.seatsMax),
      path: shown.list('path', LIMITS.seatsMax, (item) => new Fields('path', [item]).bytes('hash', 32)),
    }
  })
  const handOvers = fields.list('handOvers', LIMITS.rewardHandOversMax, (item) =>
    new Fields('hand-overs', [item]).bytesBetween('handOver', 1, LIMITS.envelopeBytesMax),
  )
  fields.end()
  return { netId, proof, handOvers }
}

/**
 * Checks a proof against the genesis of its net. Throws `wrong-net`, `wrong-epoch` where a hand-over is out of its place, `bad-hand-over` where one is not signed by its seats, or there is none, `bad-proof` where
 * the line is not one of that epoch, and what reading the parts throws.
 */
export function verifyRewardProof({ netId, proof, handOvers }: RewardProofFile, genesis: Genesis): ProvenReward {
  if (!equal(netId, genesis.netId)) throw new WebxError('wrong-net', 'this proof is of another net')
  const byEpoch = new Map(handOvers.map((bytes, epoch) => [toHex(batchKey(epoch)), bytes]))
  const [first] = handOvers
  const seen = first ? seenFrom(genesis, homeOfHandOver(decodeEnvelope(first))) : genesis
  const history = new EpochHistory(anchorOf(seen), { get: (_, key) => byEpoch.get(toHex(key)) ?? null })
  const replay = new RewardReplay(anchorOf(seen), rewardTermsOf(seen))
  let rewards: EpochRewards | null = null
  for (const epoch of history.verify()) {
    const after = history.opening(epoch)
    if (after) rewards = replay.next(after)
  }
  if (!rewards)
    throw new WebxError('bad-hand-over', 'a reward proof holds the hand-overs of its epoch and of all before it')
  const { head, line } = verifyLine(proof, rewards.rewards.root, rewardTermsOf(seen).policy)
  return { head, line, rewards }
}

const VERSION = 1

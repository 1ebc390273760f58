/**
 * The rewards of an epoch as bytes: a head, a line for each seat, one root over them all, and a proof of one line that a stranger verifies.
 *
 * A committee agrees on the root. Whoever is shown a line, its path and the head can check that it is part of what was agreed, and most of its arithmetic. Caps depend on
 * other lines, so for them all are needed: lines are few, and whoever has the attendance computes them anew.
 */

import { equal } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { CAUSES, type Cause, percentOf, pointsWorth, type RewardLine, type RewardPolicy } from './reward.ts'

/** What the lines of an epoch have in common. */
export interface RewardHead {
  /** 32-byte asset that is paid. */
  readonly assetId: Uint8Array
  readonly epoch: number
  readonly budget: number
  readonly blocks: number
  /** Seats of the committee, vacant ones too. */
  readonly seats: number
  /** 32-byte digest of the attendance that all follows from. */
  readonly evidence: Uint8Array
}

/** All rewards of an epoch. */
export interface Rewards {
  readonly head: RewardHead
  readonly lines: readonly RewardLine[]
  /** 32 bytes. */
  readonly root: Uint8Array
}

/** One line, shown alone. */
export interface RewardProof {
  readonly head: Uint8Array
  readonly line: Uint8Array
  readonly index: number
  readonly count: number
  /** 32-byte hashes beside the way from the line to the root, from the line up. */
  readonly path: readonly Uint8Array[]
}

/** Rewards with their root. */
export function rewardsOf(head: RewardHead, lines: readonly RewardLine[]): Rewards {
  return { head, lines, root: rootOf(encodeHead(head), lines.length, treeOf(lines).at(-1)?.[0] ?? EMPTY) }
}

/** The proof of the line of a seat. Throws `bad-argument` where it has none. */
export function proveLine({ head, lines }: Rewards, seat: number): RewardProof {
  const index = lines.findIndex((line) => line.seat === seat)
  if (index < 0) throw new WebxError('bad-argument', `seat ${seat} has no line`)
  const path: Uint8Array[] = []
  let at = index
  for (const level of treeOf(lines)) {
    const beside = level[at ^ 1]
    if (beside) path.push(beside)
    at >>= 1
  }
  return { head: encodeHead(head), line: encodeLine(lines[index] as RewardLine), index, count: lines.length, path }
}

/**
 * The line that is proved under an agreed root, and its head. Throws `bad-proof` where it is not under that root or its arithmetic does not hold, `bad-shape`, and
 * what decoding throws.
 */
export function verifyLine(
  proof: RewardProof,
  root: Uint8Array,
  policy: RewardPolicy,
): { readonly head: RewardHead; readonly line: RewardLine } {
  let hash = lineHash(proof.line)
  let used = 0
  for (let at = proof.index, width = proof.count; width > 1; at >>= 1, width = (width + 1) >> 1) {
    if ((at ^ 1) >= width) continue
    const beside = proof.path[used++] ?? EMPTY
    hash = (at & 1) === 0 ? nodeHash(hash, beside) : nodeHash(beside, hash)
  }
  const isUnder = proof.index < proof.count && proof.count <= LIMITS.seatsMax && used === proof.path.length
  if (!isUnder || !equal(rootOf(proof.head, proof.count, hash), root)) {
    throw new WebxError('bad-proof', 'the line is not part of these rewards')
  }
  const head = decodeHead(proof.head)
  const line = decodeLine(proof.line)
  if (!addsUp(head, line, policy)) throw new WebxError('bad-proof', 'the line does not add up')
  return { head, line }
}

/** All of a line's arithmetic that needs no other line. */
function addsUp(head: RewardHead, line: RewardLine, policy: RewardPolicy): boolean {
  const worth = (points: number): number => pointsWorth({ ...head, holders: { length: head.seats } }, points)
  const taken = new Map(line.reductions.map(({ cause, amount }): [Cause, number] => [cause, amount]))
  const off = (cause: Cause): number => taken.get(cause) ?? 0
  const earned = line.most - off('absent') - off('voucher tree') - off('organization')
  const isNew = head.epoch - line.since < policy.probationEpochs
  const left = isNew ? percentOf(earned, policy.probationPercent) : earned
  return (
    line.attended <= head.blocks &&
    line.most === worth(head.blocks + line.led) &&
    off('absent') === line.most - worth(line.attended + line.led) &&
    off('probation') === earned - left &&
    (off('convicted') === 0 || off('convicted') === left) &&
    line.amount === left - off('convicted') &&
    line.dueEpoch === head.epoch + policy.escrowEpochs
  )
}

/** Bytes of a head. */
export function encodeHead({ assetId, epoch, budget, blocks, seats, evidence }: RewardHead): Uint8Array {
  return encode([assetId, epoch, budget, blocks, seats, evidence])
}

/** Reads a head. Throws `bad-shape`, `not-canonical`. */
export function decodeHead(bytes: Uint8Array): RewardHead {
  const fields = Fields.of('reward head', bytes, LIMITS.rewardLineBytesMax)
  const head = {
    assetId: fields.bytes('assetId', 32),
    epoch: fields.uint('epoch'),
    budget: fields.uint('budget'),
    blocks: fields.uint('blocks', LIMITS.rewardSlotsMax),
    seats: fields.uint('seats', LIMITS.seatsMax),
    evidence: fields.bytes('evidence', 32),
  }
  fields.end()
  return head
}

/** Bytes of a line. */
export function encodeLine(line: RewardLine): Uint8Array {
  const { seat, id, organization, tree, since, attended, led, most, reductions, amount, dueEpoch } = line
  const taken = reductions.map(({ cause, amount }): Cbor => [CAUSES.indexOf(cause), amount])
  return encode([seat, id, organization, tree, since, attended, led, most, taken, amount, dueEpoch])
}

/** Reads a line. Throws `bad-shape` also where causes are out of order or repeated, `not-canonical`. */
export function decodeLine(bytes: Uint8Array): RewardLine {
  const fields = Fields.of('reward line', bytes, LIMITS.rewardLineBytesMax)
  let before = -1
  const line = {
    seat: fields.uint('seat', LIMITS.seatsMax - 1),
    id: fields.bytes('id', 32),
    organization: fields.bytes('organization', 32),
    tree: fields.bytes('tree', 32),
    since: fields.uint('since'),
    attended: fields.uint('attended', LIMITS.rewardSlotsMax),
    led: fields.uint('led', LIMITS.rewardSlotsMax),
    most: fields.uint('most'),
    reductions: fields.list('reductions', CAUSES.length, (item) => {
      const reduction = new Fields('reduction', item)
      const at = reduction.uint('cause', CAUSES.length - 1)
      const amount = reduction.uint('amount')
      reduction.end()
      if (at <= before || amount === 0)
        throw new WebxError('bad-shape', 'reward line: causes ascend, and take something')
      before = at
      return { cause: CAUSES[at] as Cause, amount }
    }),
    amount: fields.uint('amount'),
    dueEpoch: fields.uint('dueEpoch'),
  }
  fields.end()
  return line
}

/** Level by level from the hashes of the lines up; a last node without a partner moves up unchanged. */
function treeOf(lines: readonly RewardLine[]): Uint8Array[][] {
  const levels = [lines.map((line) => lineHash(encodeLine(line)))]
  for (let level = levels[0] as Uint8Array[]; level.length > 1; ) {
    const above: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i] as Uint8Array, level[i + 1]]
      above.push(right ? nodeHash(left, right) : left)
    }
    levels.push(above)
    level = above
  }
  return levels
}

function lineHash(bytes: Uint8Array): Uint8Array {
  return blake3Of('webx v1 reward line', bytes)
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return blake3Of('webx v1 reward node', encode([left, right]))
}

/** The number of lines is part of the root, so that no tree can be read as another. */
function rootOf(head: Uint8Array, count: number, top: Uint8Array): Uint8Array {
  return blake3Of('webx v1 rewards', encode([head, count, top]))
}

const EMPTY = new Uint8Array(32)

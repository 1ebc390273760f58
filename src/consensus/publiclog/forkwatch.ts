/**
 * Looks at every signature under a text of the public log, and finds who signed two that contradict each other.
 *
 * Shares count like whole checkpoints: what convicts is a name under both. Equal sizes show it at once; where the sizes differ, whoever holds both trees looks for the
 * first leaf in which they do.
 */

import { equal, toHex } from '../../core/bytes.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Committee } from '../committee.ts'
import { type Checkpoint, mergeSignatures, readCheckpointText, sameHead } from './checkpoint.ts'
import { type Bundle, mergeBundles, SUBJECT, textOf } from './cosignature.ts'
import { type Contradiction, checkpointEvidence, cosignatureEvidence } from './fork.ts'
import { HASH_BYTES } from './proof.ts'
import { TILE_WIDTH } from './tile.ts'
import type { LogTree } from './tree.ts'

/** Texts with other roots that are kept for one size: two convict, more only repeat it. */
const TEXTS_PER_SIZE = 4

export class ForkWatch {
  readonly #checkpoints = new Map<string, Checkpoint[]>()
  readonly #bundles = new Map<string, Bundle[]>()
  readonly #told = new Set<string>()

  /** Takes a checkpoint or a share, whose checks have held; answers new EVIDENCE, encoded. */
  checkpoint(committee: Committee, seen: Checkpoint): Uint8Array[] {
    const list = listOf(this.#checkpoints, `${toHex(committee.cid)} ${seen.generation} ${seen.size}`)
    const at = list.findIndex(({ text }) => text === seen.text)
    const known = list[at]
    const whole = known ? { ...known, signatures: mergeSignatures(known.signatures, seen.signatures) } : seen
    keep(list, at, whole)
    const others = list.filter((other) => !sameHead(other, whole))
    return this.#news(others.flatMap((other) => checkpointEvidence(committee, whole, other)))
  }

  /** Takes a bundle whose checks have held; answers new EVIDENCE, encoded. */
  cosignatures(committee: Committee, seen: Bundle): Uint8Array[] {
    if (seen.kind !== SUBJECT.checkpoint) return []
    const { generation, size } = readCheckpointText(textOf(seen), committee.netId)
    const list = listOf(this.#bundles, `${toHex(committee.cid)} ${generation} ${size}`)
    const at = list.findIndex(({ content }) => equal(content, seen.content))
    const known = list[at]
    const whole = known ? mergeBundles(committee, known, seen) : seen
    keep(list, at, whole)
    return this.#news(list.flatMap((other) => cosignatureEvidence(committee, whole, other)))
  }

  #news(evidence: readonly Uint8Array[]): Uint8Array[] {
    return evidence.filter((bytes) => {
      const name = toHex(bytes)
      if (this.#told.has(name)) return false
      this.#told.add(name)
      forgetOldest(this.#told)
      return true
    })
  }
}

/** The first leaf in which two trees differ, below the smaller of the two sizes; null where the one extends the other. */
export function contradictionOf(
  one: LogTree,
  oneSize: number,
  other: LogTree,
  otherSize: number,
): Contradiction | null {
  const shared = Math.min(oneSize, otherSize)
  if (sameHead(one.headAt(shared), other.headAt(shared))) return null
  // the largest prefix that both have in common ends before the leaf
  let [same, differ] = [0, shared]
  while (differ - same > 1) {
    const middle = Math.floor((same + differ) / 2)
    if (sameHead(one.headAt(middle), other.headAt(middle))) same = middle
    else differ = middle
  }
  return {
    index: same,
    one: { hash: leafOf(one, same), path: one.inclusion(same, oneSize) },
    other: { hash: leafOf(other, same), path: other.inclusion(same, otherSize) },
  }
}

function leafOf(tree: LogTree, index: number): Uint8Array {
  const tile = tree.tile(0, Math.floor(index / TILE_WIDTH)) ?? new Uint8Array(0)
  const at = (index % TILE_WIDTH) * HASH_BYTES
  return tile.slice(at, at + HASH_BYTES)
}

function listOf<T>(table: Map<string, T[]>, name: string): T[] {
  const known = table.get(name)
  if (known) return known
  const list: T[] = []
  table.set(name, list)
  forgetOldest(table)
  return list
}

function keep<T>(list: T[], at: number, item: T): void {
  if (at >= 0) list[at] = item
  else if (list.length < TEXTS_PER_SIZE) list.push(item)
}

function forgetOldest(table: { readonly size: number; keys(): Iterable<string>; delete(name: string): boolean }): void {
  if (table.size <= LIMITS.logSubjectsMax) return
  for (const oldest of table.keys()) {
    table.delete(oldest)
    return
  }
}

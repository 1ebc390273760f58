/**
 * Who writes the public log in an epoch, and whose weight counts: both follow from openings of epochs, so whoever walks the hand-overs from the genesis knows them.
 *
 * Every epoch begins a generation of the log, and so does a re-draw within it. A generation's MasterNodes vote as a committee of their own, under a digest that no other
 * generation has, with the keys that their seats have in the epoch anyway.
 */

import { concat, equal } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { blake3Of } from '../../core/digest.ts'
import { createCommittee } from '../committee.ts'
import { committeeOfOpening, type Opening, VACANT } from '../epoch/opening.ts'
import type { LogTerm } from './checkpoint.ts'
import type { LogHome, LogHomes } from './homes-count.ts'
import type { NetworkNode } from './network.ts'
import type { TreeHead } from './proof.ts'
import { drawMasterNodes, redrawSeed } from './redraw.ts'

/** The term of a generation in the epoch of an opening, of the home in which the log is seated. */
export function logTermOf(opening: Opening, generation: number): LogTerm {
  const { netId, epoch } = opening
  const seed = generation === 0 ? opening.seed : redrawSeed(opening.seed, generation)
  const taken = takenSeats(opening)
  const drawn = drawMasterNodes(
    seed,
    taken.map(({ memberId }) => memberId),
  )
  const seats = drawn.flatMap((id) => taken.filter(({ memberId }) => equal(memberId, id)))
  const nid = blake3Of('webx v1 masternodes', concat(netId, encode(generation))).slice(0, 16)
  return { masterNodes: createCommittee({ netId, nid, epoch, seats }), generation, epoch, seed }
}

/** A home as its weight counts in the epoch of an opening. */
export function logHomeOf(opening: Opening): LogHome {
  return { committee: committeeOfOpening(opening), nodes: networkNodesOf(opening) }
}

/** All homes of a net: that in which the log is seated, by its opening of the public epoch, and the others. */
export function logHomesOf(seat: Opening, others: readonly Opening[]): LogHomes {
  return { seat: logHomeOf(seat), others: others.map(logHomeOf) }
}

/** Everybody whose cosignature counts in a home in that epoch. */
export function networkNodesOf(opening: Opening): NetworkNode[] {
  return takenSeats(opening).map(({ memberId, weight }) => ({ id: memberId, weight }))
}

/** What the first block of a generation stands on: members that went on from different heads never vote for one another's blocks. */
export function logBeginning({ masterNodes, seed }: LogTerm, base: TreeHead): Uint8Array {
  return blake3Of('webx v1 log beginning', encode([masterNodes.cid, seed, base.size, base.root]))
}

function takenSeats({ seats }: Opening): Opening['seats'] {
  return seats.filter(({ memberId, weight }) => weight > 0 && !equal(memberId, VACANT.id))
}

/**
 * What one checkpoint of the public log costs in a net of so many neighborhoods: leaves that a witness validates, cosignatures that everybody hears and counts.
 *
 * The production sequencer, witnesses and count, on real keys. MasterNodes execute the same blocks, so one of them runs; members of a neighborhood validate the same
 * leaves, so one witness of each runs. Votes and leaves are counted instead of verified; the cosignatures, which grow with the net, are verified for real and timed.
 */

import { createCommittee } from '../../src/consensus/committee.ts'
import { assignedLeaves } from '../../src/consensus/publiclog/assignment.ts'
import type { Checkpoint, LogTerm } from '../../src/consensus/publiclog/checkpoint.ts'
import {
  type Bundle,
  bundleChecks,
  bundleEnvelope,
  checkpointSubject,
  readBundle,
  type Subject,
  subjectSignedBytes,
} from '../../src/consensus/publiclog/cosignature.ts'
import { type LeafJudge, leafBytes, readLeaf } from '../../src/consensus/publiclog/leaf.ts'
import { NetworkCount } from '../../src/consensus/publiclog/network.ts'
import { EMPTY_TREE } from '../../src/consensus/publiclog/proof.ts'
import { drawMasterNodes } from '../../src/consensus/publiclog/redraw.ts'
import { Sequencer } from '../../src/consensus/publiclog/sequencer.ts'
import { type OfferedLeaf, Witness } from '../../src/consensus/publiclog/witness.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { type SignatureCheck, verifyGroups } from '../../src/core/crypto.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../../src/core/envelope.ts'
import type { KeyPair } from '../../test/consensus/people.ts'
import { blockOf, type Group, group, judgeOf, MemoryLog, NET, SEED, settledOf } from '../../test/consensus/publiclog.ts'
import { LEAVES_PER_NODE } from './network-plan.ts'

const SEATS = 25
const EPOCH = 3
const SECONDS = 1_790_000_000
/** Of so many counts the quickest is told: the others were disturbed. */
const COUNTS = 7

/** What a net has to do for one checkpoint. */
export interface LogFigures {
  readonly nodes: number
  readonly neighborhoods: number
  /** Seats of all neighborhoods. */
  readonly cosigners: number
  readonly leaves: number
  readonly blocks: number
  /** Leaves that a witness validates, on average, and signatures under them. */
  readonly validated: number
  readonly validatedChecks: number
  /** Bytes of the statement of a leaf. */
  readonly leafBytes: number
  /** What a leaf adds to the log that every node keeps: rows, and bytes of keys and values; its statement is kept beside it. */
  readonly rowsPerLeaf: number
  readonly bytesPerLeaf: number
  /** Cosignatures as members send them, and as a neighborhood's bundle. */
  readonly singleBytes: number
  readonly bundledBytes: number
  /** Processor time of a node that takes in and counts all bundles of a checkpoint. */
  readonly countMs: number
}

/** A log that grows. */
interface Log {
  readonly term: LogTerm
  readonly masters: Group
  readonly sequencer: Sequencer
  readonly disk: MemoryLog
  /** By index. */
  readonly statements: Envelope[]
}

/** Measures the second of two checkpoints. `members`: of each neighborhood. */
export function runLog(members: readonly number[]): LogFigures {
  const groups = members.map((_, i) => group(`bench ${i}`, SEATS, EPOCH))
  const judge = cached(judgeOf(groups), groups)
  const log = begin(groups, judge)
  let checks = 0
  const verify = (of: readonly (readonly SignatureCheck[])[]): boolean[] => {
    checks += of.reduce((sum, { length }) => sum + length, 0)
    return of.map(() => true)
  }
  const witnesses = groups.map(
    ({ committee }) => new Witness({ committee, seat: 0, judge, records: new MemoryLog(), verify }),
  )
  const everybodyCosigns = (checkpoint: Checkpoint): number =>
    witnesses.reduce((sum, witness, i) => sum + cosign(log, witness, checkpoint, groups, i), 0)
  order(log, leavesOf('first', groups, members), judge)
  const first = checkpointOf(log)
  everybodyCosigns(first)
  for (const witness of witnesses) witness.cosigned(first.generation, first)
  const before = log.statements.length
  const ordered = order(log, leavesOf('second', groups, members), judge)
  const checkpoint = checkpointOf(log)
  checks = 0
  const validated = everybodyCosigns(checkpoint)
  const leaves = log.statements.length - before
  const own = log.statements.slice(before).map((statement) => leafBytes(statement).length)
  return {
    nodes: members.reduce((sum, count) => sum + count, 0),
    ...{ neighborhoods: groups.length, cosigners: groups.length * SEATS, leaves, blocks: ordered.blocks },
    validated: validated / groups.length,
    validatedChecks: checks / groups.length,
    leafBytes: own.reduce((sum, bytes) => sum + bytes, 0) / leaves,
    rowsPerLeaf: ordered.rows / leaves,
    bytesPerLeaf: ordered.bytes / leaves,
    ...cosignatures(groups, checkpointSubject(checkpoint.text)),
  }
}

/** Committees by digest: a judge that walks a list would be what is measured. */
function cached(judge: LeafJudge, groups: readonly Group[]): LeafJudge {
  const known = new Map(groups.map(({ committee }) => [toHex(committee.cid), { committee, drawn: false }]))
  return { ...judge, committee: (cid) => known.get(toHex(cid)) ?? null }
}

function begin(groups: readonly Group[], judge: LeafJudge): Log {
  const seats = groups.flatMap(({ committee, keys }) => {
    return committee.seats.map((seat, i) => ({ seat, key: keys[i] as KeyPair }))
  })
  const ids = seats.map(({ seat }) => seat.memberId)
  const drawn = drawMasterNodes(SEED, ids).flatMap((id) => seats.filter(({ seat }) => equal(seat.memberId, id)))
  const nid = NET.slice(0, 16)
  const committee = createCommittee({ netId: NET, nid, epoch: EPOCH, seats: drawn.map(({ seat }) => seat) })
  const masters = { committee, keys: drawn.map(({ key }) => key) }
  const disk = new MemoryLog()
  const term = { masterNodes: committee, generation: 0, epoch: EPOCH, seed: SEED }
  const verify = (of: readonly unknown[]): boolean[] => of.map(() => true)
  const sequencer = new Sequencer({ ...term, seat: 0, base: EMPTY_TREE, network: 0, judge, records: disk, verify })
  return { term, masters, sequencer, disk, statements: [] }
}

function leavesOf(name: string, groups: readonly Group[], members: readonly number[]): Envelope[] {
  return groups.flatMap((of, i) => {
    const count = Math.round((members[i] as number) * LEAVES_PER_NODE)
    return Array.from({ length: count }, (_, leaf) => settledOf(of, `${name} ${i} ${leaf}`))
  })
}

/** Has leaves ordered in as many blocks as they take; what that writes. */
function order(
  log: Log,
  leaves: readonly Envelope[],
  judge: LeafJudge,
): { blocks: number; rows: number; bytes: number } {
  const { sequencer, disk, statements } = log
  for (const leaf of leaves) sequencer.submit(readLeaf(leaf, judge), leafBytes(leaf))
  let blocks = 0
  for (let block = sequencer.compose([]); block; block = sequencer.compose([])) {
    statements.push(...block.map((bytes) => decodeEnvelope(bytes)))
    sequencer.execute(blockOf(block))
    blocks++
  }
  const { writes } = sequencer.flush()
  disk.write(writes)
  const bytes = writes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0)
  return { blocks, rows: writes.length, bytes }
}

/** The newest checkpoint, signed by the first quorum of the MasterNodes. */
function checkpointOf({ sequencer, masters, disk }: Log): Checkpoint {
  let text = ''
  for (let draft = sequencer.next(); draft; draft = sequencer.next()) {
    text = draft.text
    sequencer.seal(draft, (masters.keys[0] as KeyPair).sign(draft.message))
  }
  const share = { text, message: new TextEncoder().encode(text) }
  for (const [seat, key] of masters.keys.entries()) {
    const signatures = [{ seat, signature: key.sign(share.message) }]
    sequencer.share({ text, signatures } as Pick<Checkpoint, 'text' | 'signatures'> as Checkpoint)
  }
  const { complete, writes } = sequencer.flush()
  disk.write(writes)
  const whole = complete.at(-1)
  if (!whole) throw new Error('no checkpoint is whole')
  return whole.checkpoint
}

/** Shows a witness a checkpoint with what is assigned to it, and has it cosign; how many leaves that are. */
function cosign(log: Log, witness: Witness, checkpoint: Checkpoint, groups: readonly Group[], own: number): number {
  const { sequencer, term, statements } = log
  const { tree } = sequencer.book
  const { head, network } = witness.state
  const { nid } = (groups[own] as Group).committee
  const place = { nid, neighborhoods: groups.length, all: false }
  const mine = assignedLeaves({ ...place, seed: checkpoint.seed }, head.size, checkpoint.size)
  const leaves = mine.map((index): OfferedLeaf => {
    const statement = statements[index] as Envelope
    return { index, statement, path: tree.inclusion(index, checkpoint.size) }
  })
  const since = (size: number): Uint8Array[] => tree.consistency(size, checkpoint.size)
  const proofs = { consistency: since(head.size), networkConsistency: since(network.size) }
  const verdict = witness.offer({ checkpoint, term, ...proofs, leaves }, place)
  const signable = verdict.kind === 'cosign' ? witness.next(SECONDS) : null
  if (!signable) throw new Error(`a witness says ${JSON.stringify(verdict)}`)
  witness.seal(signable, new Uint8Array(64))
  witness.flush()
  return leaves.length
}

/** What all cosignatures of a checkpoint weigh on the wire, and what it takes to count them. */
function cosignatures(
  groups: readonly Group[],
  subject: Subject,
): Pick<LogFigures, 'singleBytes' | 'bundledBytes' | 'countMs'> {
  const nodes = groups.flatMap(({ committee }) => committee.seats.map(({ memberId }) => ({ id: memberId, weight: 1 })))
  let singleBytes = 0
  const bundles = groups.map(({ committee, keys }) => {
    const message = subjectSignedBytes(committee.cid, subject, SECONDS)
    const signed = keys.map((key, seat) => ({ seat, seconds: SECONDS, signature: key.sign(message) }))
    for (const one of signed) singleBytes += encodeEnvelope(bundleEnvelope(committee.cid, subject, [one])).length
    return { committee, bytes: encodeEnvelope(bundleEnvelope(committee.cid, subject, signed)) }
  })
  const bundledBytes = bundles.reduce((sum, { bytes }) => sum + bytes.length, 0)
  let countMs = Number.POSITIVE_INFINITY
  for (let round = 0; round < COUNTS; round++) {
    const since = process.cpuUsage()
    const count = new NetworkCount(nodes)
    count.open(subject)
    let weight = 0
    for (const { committee, bytes } of bundles) {
      const bundle: Bundle = readBundle(decodeEnvelope(bytes), committee)
      if (verifyGroups([bundleChecks(committee, bundle)])[0] !== true) throw new Error('a cosignature does not hold')
      weight = count.add(bundle, committee)?.weight ?? 0
    }
    if (weight !== nodes.length) throw new Error(`${weight} of ${nodes.length} cosignatures count`)
    const { user, system } = process.cpuUsage(since)
    countMs = Math.min(countMs, (user + system) / 1000)
  }
  return { singleBytes, bundledBytes, countMs }
}

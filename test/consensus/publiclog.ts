/** A public log in one process for tests: neighborhoods that settle, MasterNodes that order, witnesses that cosign. */

import { certificateEnvelope } from '../../src/consensus/certificate.ts'
import { type Committee, createCommittee } from '../../src/consensus/committee.ts'
import type { Write } from '../../src/consensus/effects.ts'
import {
  type Checkpoint,
  checkpointChecks,
  type LogTerm,
  readCheckpoint,
} from '../../src/consensus/publiclog/checkpoint.ts'
import { type Bundle, bundleChecks, readBundle } from '../../src/consensus/publiclog/cosignature.ts'
import {
  type DocumentLeaf,
  documentEnvelope,
  documentSignedBytes,
  type LeafJudge,
  leafBytes,
  readLeaf,
  type SettledLeaf,
  settledEnvelope,
} from '../../src/consensus/publiclog/leaf.ts'
import { EMPTY_TREE, leafHash, type TreeHead } from '../../src/consensus/publiclog/proof.ts'
import { type CompleteCheckpoint, Sequencer } from '../../src/consensus/publiclog/sequencer.ts'
import { LogStore } from '../../src/consensus/publiclog/store.ts'
import { LogTree } from '../../src/consensus/publiclog/tree.ts'
import type { Offer, Verdict, Witness } from '../../src/consensus/publiclog/witness.ts'
import type { FinalBlock } from '../../src/consensus/simplex/rules.ts'
import { composeBatch, headerSignedBytes, VOTE } from '../../src/consensus/statement.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { verifyGroups } from '../../src/core/crypto.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../../src/core/envelope.ts'
import { bytesOf, type KeyPair, keyPair } from './people.ts'

export const NET = bytesOf('net of the public log')
export const SEED = bytesOf('public seed')

/** What is on the disk. */
export class MemoryLog {
  readonly #values = new Map<string, Uint8Array>()

  get(space: string, key: Uint8Array): Uint8Array | null {
    return this.#values.get(`${space} ${toHex(key)}`) ?? null
  }

  write(writes: readonly Write[]): void {
    for (const { space, key, value } of writes) {
      if (value) this.#values.set(`${space} ${toHex(key)}`, value)
      else this.#values.delete(`${space} ${toHex(key)}`)
    }
  }

  /** Forgets the first `count` values of a space. */
  lose(space: string, count: number): void {
    const names = [...this.#values.keys()].filter((name) => name.startsWith(`${space} `))
    for (const name of names.slice(0, count)) this.#values.delete(name)
  }
}

/** A tree over entries. */
export function treeOf(entries: readonly Uint8Array[]): LogTree {
  const tree = new LogTree(new LogStore(new MemoryLog()))
  for (const entry of entries) tree.append(leafHash(entry))
  return tree
}

/** Seats with their keys. */
export interface Group {
  readonly committee: Committee
  readonly keys: readonly KeyPair[]
}

export function group(name: string, seats: number, epoch = 0): Group {
  const keys = Array.from({ length: seats }, (_, i) => keyPair(`${name} ${epoch} ${i}`))
  const listed = keys.map(({ publicKey }, i) => ({ memberId: bytesOf(`${name} ${i}`), epochKey: publicKey, weight: 1 }))
  return { committee: createCommittee({ netId: NET, nid: bytesOf(name, 16), epoch, seats: listed }), keys }
}

/** Knows these groups; those whose names are in `drawn` were drawn at random. */
export function judgeOf(groups: readonly Group[], drawn = false): LeafJudge {
  return {
    netId: NET,
    committee: (cid) => {
      const found = groups.find(({ committee }) => equal(committee.cid, cid))
      return found ? { committee: found.committee, drawn } : null
    },
    keyAt: (owner, position) => (equal(owner, OWNER_ID) && position === 0 ? OWNER.publicKey : null),
  }
}

export const OWNER = keyPair('owner of documents')
export const OWNER_ID = bytesOf('owner of documents')

/** A document that `OWNER` makes known. */
export function documentOf(note: string): Envelope {
  const leaf: DocumentLeaf = { kind: 'document', owner: OWNER_ID, keyPosition: 0, digest: bytesOf(note), note }
  return documentEnvelope(NET, leaf, OWNER.sign(documentSignedBytes(NET, leaf)))
}

/** An order that a group has settled, with so many of its votes. */
export function settledOf({ committee, keys }: Group, name: string, votes = committee.quorum): Envelope {
  const entry = { kind: VOTE.confirm, oid: bytesOf(`oid ${name}`), version: 2, od: bytesOf(`od ${name}`) }
  const batches = keys.slice(0, votes).map((key, seat) => {
    const unsigned = composeBatch(seat, 1, new Uint8Array(32), [entry])
    return { batch: { ...unsigned, signature: key.sign(headerSignedBytes(committee, unsigned)) }, index: 0 }
  })
  const settlement = encodeEnvelope(certificateEnvelope(committee, entry, batches, votes))
  const { oid, version, od } = entry
  const leaf: SettledLeaf = { kind: 'settled', home: committee.nid, epoch: committee.epoch, oid, version, od }
  return settledEnvelope(NET, leaf, settlement)
}

/** A drawn committee that runs the log, each member on a disk of its own. */
export class Masters {
  readonly group: Group
  readonly term: LogTerm
  readonly disks: MemoryLog[]
  readonly members: Sequencer[]
  readonly judge: LeafJudge
  readonly base: TreeHead

  constructor(
    group: Group,
    judge: LeafJudge,
    { generation = 0, base = EMPTY_TREE, disks = group.keys.map(() => new MemoryLog()) } = {},
  ) {
    this.group = group
    this.judge = judge
    this.base = base
    this.term = { masterNodes: group.committee, generation, epoch: 3, seed: SEED }
    this.disks = disks
    this.members = group.keys.map((_, seat) => this.start(seat))
  }

  /** A member as it begins, or begins again. */
  start(seat: number): Sequencer {
    const records = this.disks[seat] as MemoryLog
    const { term, judge, base } = this
    const member = new Sequencer({ ...term, seat, base, network: base.size, judge, records })
    if (this.members) this.members[seat] = member
    return member
  }

  /** One final block with these leaves, put together by the member of seat 0; everyone signs. The checkpoint that came of it, if one did. */
  order(statements: readonly Envelope[] = []): CompleteCheckpoint | null {
    const leader = this.members[0] as Sequencer
    for (const statement of statements) leader.submit(readLeaf(statement, this.judge), leafBytes(statement))
    const transactions = leader.compose([])
    if (!transactions) return null
    const block = blockOf(transactions)
    for (const member of this.members) {
      if (member.opinion(block) !== 'yes') throw new Error(`a member thinks "${member.opinion(block)}"`)
    }
    for (const member of this.members) member.execute(block)
    return this.sign()
  }

  /** Everyone signs what is due and hears of all shares. */
  sign(seats = this.members.length): CompleteCheckpoint | null {
    const shares = this.members.slice(0, seats).flatMap((_, seat) => this.sharesOf(seat))
    let complete: CompleteCheckpoint | null = null
    for (const [seat, member] of this.members.entries()) {
      for (const share of shares) member.share(share)
      const flushed = member.flush()
      this.disks[seat]?.write(flushed.writes)
      complete = flushed.complete.at(-1) ?? complete
    }
    return complete
  }

  sharesOf(seat: number): Checkpoint[] {
    const member = this.members[seat] as Sequencer
    for (let draft = member.next(); draft; draft = member.next()) {
      member.seal(draft, (this.group.keys[seat] as KeyPair).sign(draft.message))
    }
    const flushed = member.flush()
    this.disks[seat]?.write(flushed.writes)
    return flushed.publish.map((bytes) => checkedCheckpoint(bytes, this.group.committee))
  }

  /** What a witness is shown of a checkpoint, all that anybody could ask for. */
  offerTo(witness: Witness, checkpoint: Checkpoint, statements: readonly Envelope[]): Offer {
    const { book } = this.members[0] as Sequencer
    const { head, network } = witness.state
    const leaves = statements.flatMap((statement) => {
      const index = book.indexOf(leafHash(statement.body))
      if (index === null || index >= checkpoint.size) return []
      return [{ index, statement, path: book.tree.inclusion(index, checkpoint.size) }]
    })
    const since = (size: number) => book.tree.consistency(Math.min(size, checkpoint.size), checkpoint.size)
    return {
      checkpoint,
      term: this.term,
      consistency: since(head.size),
      networkConsistency: since(network.size),
      leaves,
    }
  }
}

export function blockOf(transactions: readonly Uint8Array[]): FinalBlock {
  const hash = bytesOf('block')
  return { slot: 1, parentSlot: null, parentHash: hash, hash, leader: 0, transactions, voters: 0 }
}

/** A checkpoint off the wire, its signatures checked. */
export function checkedCheckpoint(bytes: Uint8Array, committee: Committee): Checkpoint {
  const checkpoint = readCheckpoint(decodeEnvelope(bytes), committee)
  if (verifyGroups([checkpointChecks(committee, checkpoint)])[0] !== true) throw new Error('a bad signature')
  return checkpoint
}

/** A bundle off the wire, its signatures checked. */
export function checkedBundle(bytes: Uint8Array, committee: Committee): Bundle {
  const bundle = readBundle(decodeEnvelope(bytes), committee)
  if (verifyGroups([bundleChecks(committee, bundle)])[0] !== true) throw new Error('a bad signature')
  return bundle
}

/** Signs what is pending and stores it; the published bundle, or null where there was nothing. */
export function cosign(witness: Witness, key: KeyPair, disk: MemoryLog, seconds = 1_790_000_000): Uint8Array | null {
  const signable = witness.next(seconds)
  if (!signable) return null
  witness.seal(signable, key.sign(signable.message))
  const { writes, publish } = witness.flush()
  disk.write(writes)
  return publish[0] ?? null
}

/** A verdict in short. */
export function short(verdict: Verdict): string {
  return verdict.kind === 'cosign' ? 'cosign' : `${verdict.kind} ${verdict.code}`
}

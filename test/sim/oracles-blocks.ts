/** Oracles about blocks and epochs: one chain, one committee for each epoch, and silence after its end. */

import type { Committee } from '../../src/consensus/committee.ts'
import type { Opening } from '../../src/consensus/epoch/opening.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { BALLOT, ballotCheck } from '../../src/consensus/simplex/ballot.ts'
import { toHex } from '../../src/core/bytes.ts'
import type { Notice } from './machine.ts'
import type { Accuse, Ending, Oracle, Speaker } from './oracle.ts'
import { epochName } from './oracles-votes.ts'
import type { Said } from './said.ts'
import { quorumIn, type Stage } from './stage.ts'

/**
 * What members have executed are prefixes of one chain.
 *
 * Each final block names the one before it. Where no two of them follow the same block, and none executes a block twice, the sequences are prefixes of each other.
 */
export class OneChain implements Oracle {
  readonly name = 'chain-prefix agreement'
  readonly #accuse: Accuse
  /** By epoch and block, the one that follows it. */
  readonly #next = new Map<string, string>()
  /** By seat, the newest block of each epoch. */
  readonly #newest = new Map<string, { readonly slot: number; readonly hash: string }>()
  count = 0

  constructor(accuse: Accuse) {
    this.#accuse = accuse
  }

  reported({ seat }: Speaker, notice: Notice): void {
    if (notice.kind !== 'final') return
    const { slot, hash, parentHash } = notice.block
    const cid = toHex(notice.cid)
    const name = `${cid} ${toHex(parentHash)}`
    const before = this.#next.get(name)
    if (before === undefined) this.count++
    if (before !== undefined && before !== toHex(hash)) this.#accuse(this, `two final blocks follow one, slot ${slot}`)
    this.#next.set(name, toHex(hash))
    const newest = this.#newest.get(`${seat} ${cid}`)
    if (newest && newest.slot >= slot) this.#accuse(this, `seat ${seat} executed slot ${slot} after ${newest.slot}`)
    if (newest && newest.hash !== toHex(parentHash))
      this.#accuse(this, `seat ${seat} executed a block that does not follow`)
    this.#newest.set(`${seat} ${cid}`, { slot, hash: toHex(hash) })
  }

  /** A node that starts anew may have executed more than it could tell. */
  restarted(seat: number): void {
    for (const name of this.#newest.keys()) if (name.startsWith(`${seat} `)) this.#newest.delete(name)
  }
}

/** A quorum of ballots is one, and no quorum contradicts a final block. */
export class OneBlock implements Oracle {
  readonly name = 'one block for each slot'
  readonly #accuse: Accuse
  readonly #stage: Stage
  readonly #said = new Map<string, string>()

  constructor(accuse: Accuse, stage: Stage) {
    this.#accuse = accuse
    this.#stage = stage
  }

  published(by: Speaker, said: Said): void {
    if (said.kind !== 'block-certificate') return
    const { certificate, committee } = said
    const valid = certificate.ballots.filter((ballot) => this.#stage.holds(ballotCheck(committee, ballot)))
    if (new Set(valid.map(({ seat }) => seat)).size < quorumIn(committee)) {
      if (by.honest) this.#accuse(this, `seat ${by.seat} published a block certificate of ${valid.length} ballots`)
      return
    }
    const { kind, slot, hash } = certificate
    const name = `${epochName(committee)}/${slot}`
    if (kind !== BALLOT.skip) this.#once(`block ${name}`, keyOf(hash))
    if (kind !== BALLOT.notarize) this.#once(`end ${name}`, kind === BALLOT.skip ? 'SKIP' : 'FINALIZE')
  }

  #once(name: string, value: string): void {
    const before = this.#said.get(name)
    if (before !== undefined && before !== value) this.#accuse(this, `two quorums at ${name}`)
    this.#said.set(name, value)
  }
}

/** All nodes of a home come to the same committees, and whoever has entered an epoch signs nothing new for one before it, of whatever home. */
export class OneEpoch implements Oracle {
  readonly name = 'no signature of an old epoch'
  readonly #accuse: Accuse
  readonly #cids = new Map<string, string>()
  readonly #epochs = new Map<string, number>()
  /** Home of each node that has entered an epoch. */
  readonly #homes = new Map<string, string>()
  readonly #said = new Set<string>()
  /** Where everybody is who has entered no epoch yet. */
  readonly #first: string

  /** `first`: the committee of epoch 0. */
  constructor(accuse: Accuse, first: Committee) {
    this.#accuse = accuse
    this.#first = toHex(first.nid)
  }

  get newest(): number {
    return Math.max(0, ...this.#epochs.values())
  }

  /** The newest epoch of each home that anybody has entered. */
  get newestOf(): Map<string, number> {
    const newest = new Map([[this.#first, 0]])
    for (const [node, home] of this.#homes)
      newest.set(home, Math.max(newest.get(home) ?? 0, this.#epochs.get(node) ?? 0))
    return newest
  }

  /** True where all these nodes have come to the newest epoch of their home, and all of `before` are over. */
  isReachedBy(nodes: readonly Speaker[], before: ReadonlyMap<string, number>): boolean {
    const newest = this.newestOf
    return nodes.every((node) => {
      const home = this.#homes.get(nodeName(node)) ?? node.joined ?? this.#first
      const epoch = this.#epochs.get(nodeName(node)) ?? 0
      return epoch === newest.get(home) && epoch > (before.get(home) ?? -1)
    })
  }

  reported(by: Speaker, notice: Notice): void {
    if (notice.kind !== 'epoch') return
    const { epoch, cid, nid } = notice.committee
    const name = epochName(notice.committee)
    const before = this.#cids.get(name)
    if (before !== undefined && before !== toHex(cid)) this.#accuse(this, `epoch ${name} has two committees`)
    this.#cids.set(name, toHex(cid))
    this.#epochs.set(nodeName(by), epoch)
    this.#homes.set(nodeName(by), toHex(nid))
  }

  published(by: Speaker, said: Said): void {
    const signed = signedBy(said)
    if (!signed) return
    const name = `${epochName(signed.committee)} ${signed.name}`
    const isNew = !this.#said.has(name)
    this.#said.add(name)
    if (isNew && by.honest && signed.committee.epoch < (this.#epochs.get(nodeName(by)) ?? 0)) {
      this.#accuse(this, `seat ${by.seat} says something new for epoch ${signed.committee.epoch}`)
    }
  }
}

/** Of those who have seats no more than an eighth leave with an epoch, beside the convicted: who could empty many seats at once would rule the rest. */
export class FewLeave implements Oracle {
  readonly name = 'few leave at once'
  readonly #accuse: Accuse
  readonly #committees: Map<string, Committee>
  /** How epochs began that were begun by a division, until both openings are known. */
  readonly #parts = new Map<number, Opening>()

  /** `first`: the committee of epoch 0. */
  constructor(accuse: Accuse, first: Committee) {
    this.#accuse = accuse
    this.#committees = new Map([[epochName(first), first]])
  }

  reported(_by: Speaker, notice: Notice): void {
    if (notice.kind !== 'epoch') return
    const { committee, opening } = notice
    if (this.#committees.has(epochName(committee))) return
    this.#committees.set(epochName(committee), committee)
    const other = this.#parts.get(opening.epoch)
    if (opening.division && !other) {
      this.#parts.set(opening.epoch, opening)
      return
    }
    const openings = opening.division && other ? [opening, other] : [opening]
    const { epoch, nid } = opening.division ? { epoch: opening.epoch, nid: opening.division.stem } : opening
    const before = this.#committees.get(epochName({ epoch: epoch - 1, nid }))?.seats ?? []
    const seated = before.filter(({ weight }) => weight > 0)
    const staying = new Set(
      openings.flatMap(({ roster, convicted }) => [...roster.map(({ id }) => id), ...convicted].map(keyOf)),
    )
    const gone = seated.filter(({ memberId }) => !staying.has(keyOf(memberId))).length
    if (gone > Math.max(1, seated.length / 8))
      this.#accuse(this, `${gone} of ${seated.length} left with epoch ${epoch - 1}`)
  }
}

/** A division parts everybody: nobody is on both rosters, and each ends where its roster says. */
export class OneRoof implements Oracle {
  readonly name = 'everybody is in one neighborhood'
  readonly #accuse: Accuse
  readonly #stage: Stage
  /** By epoch and home, who was on its roster. */
  readonly #rosters = new Map<string, readonly number[]>()
  #division: { readonly epoch: number; readonly homes: readonly [string, string] } | null = null

  constructor(accuse: Accuse, stage: Stage) {
    this.#accuse = accuse
    this.#stage = stage
  }

  reported(_by: Speaker, notice: Notice): void {
    if (notice.kind !== 'epoch' || !notice.opening.division) return
    const { epoch, nid, roster, division } = notice.opening
    const homes = [toHex(division.stem), toHex(division.sprout)] as const
    const numbers = roster.map(({ id }) => this.#stage.numberOf(id) as number)
    this.#rosters.set(toHex(nid), numbers)
    this.#division ??= { epoch, homes: [...homes] }
    const both = homes.map((home) => this.#rosters.get(home) ?? [])
    const [stem, sprout] = both as [readonly number[], readonly number[]]
    const doubled = sprout.filter((number) => stem.includes(number))
    if (doubled.length > 0) this.#accuse(this, `${doubled.join()} in both parts of epoch ${epoch}`)
  }

  ended({ correct, healedMs }: Ending): void {
    if (!this.#division || healedMs === null) return
    const [stem, sprout] = this.#division.homes
    const going = this.#rosters.get(sprout)
    if (!going) this.#accuse(this, 'a division of which nobody has seen the sprout')
    for (const { seat, home, joined } of correct) {
      if (joined) continue
      const due = going?.includes(seat) ? sprout : stem
      if (home !== due) this.#accuse(this, `seat ${seat} is in ${home.slice(0, 8)}, its roster says ${due.slice(0, 8)}`)
    }
  }
}

function nodeName({ seat, joined }: Speaker): string {
  return `${seat} ${joined ?? ''}`
}

function signedBy(said: Said): { readonly committee: Committee; readonly name: string } | null {
  switch (said.kind) {
    case 'votes':
      return { committee: said.committee, name: `${said.batch.seat} batch ${said.batch.sequence}` }
    case 'candidate':
      return { committee: said.committee, name: `candidate ${keyOf(said.candidate.hash)}` }
    case 'ballot': {
      const { seat, kind, slot, hash } = said.ballot
      return { committee: said.committee, name: `${seat} ballot ${kind} ${slot} ${keyOf(hash)}` }
    }
    default:
      return null
  }
}

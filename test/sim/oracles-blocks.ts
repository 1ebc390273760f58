/** Oracles about blocks and epochs: one chain, one committee for each epoch, and silence after its end. */

import type { Committee } from '../../src/consensus/committee.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { BALLOT, ballotCheck } from '../../src/consensus/simplex/ballot.ts'
import { toHex } from '../../src/core/bytes.ts'
import type { Notice } from './machine.ts'
import type { Accuse, Oracle, Speaker } from './oracle.ts'
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
    const name = `${committee.epoch}/${slot}`
    if (kind !== BALLOT.skip) this.#once(`block ${name}`, keyOf(hash))
    if (kind !== BALLOT.notarize) this.#once(`end ${name}`, kind === BALLOT.skip ? 'SKIP' : 'FINALIZE')
  }

  #once(name: string, value: string): void {
    const before = this.#said.get(name)
    if (before !== undefined && before !== value) this.#accuse(this, `two quorums at ${name}`)
    this.#said.set(name, value)
  }
}

/** All nodes come to the same committees, and whoever has entered an epoch signs nothing new for one before it. */
export class OneEpoch implements Oracle {
  readonly name = 'no signature of an old epoch'
  readonly #accuse: Accuse
  readonly #cids = new Map<number, string>()
  readonly #epochs = new Map<number, number>()
  readonly #said = new Set<string>()

  constructor(accuse: Accuse) {
    this.#accuse = accuse
  }

  get newest(): number {
    return Math.max(0, ...this.#epochs.values())
  }

  /** True where all these seats have come to one epoch, and to that one at least. */
  isReachedBy(seats: readonly number[], epoch: number): boolean {
    const due = Math.max(epoch, this.newest)
    return seats.every((seat) => (this.#epochs.get(seat) ?? 0) === due)
  }

  reported({ seat }: Speaker, notice: Notice): void {
    if (notice.kind !== 'epoch') return
    const { epoch, cid } = notice.committee
    const before = this.#cids.get(epoch)
    if (before !== undefined && before !== toHex(cid)) this.#accuse(this, `epoch ${epoch} has two committees`)
    this.#cids.set(epoch, toHex(cid))
    this.#epochs.set(seat, epoch)
  }

  published(by: Speaker, said: Said): void {
    const signed = signedBy(said)
    if (!signed) return
    const name = `${signed.committee.epoch} ${signed.name}`
    const isNew = !this.#said.has(name)
    this.#said.add(name)
    if (isNew && by.honest && signed.committee.epoch < (this.#epochs.get(by.seat) ?? 0)) {
      this.#accuse(this, `seat ${by.seat} says something new for epoch ${signed.committee.epoch}`)
    }
  }
}

/** Of those who have seats no more than an eighth leave with an epoch, beside the convicted: who could empty many seats at once would rule the rest. */
export class FewLeave implements Oracle {
  readonly name = 'few leave at once'
  readonly #accuse: Accuse
  readonly #committees: Map<number, Committee>

  /** `first`: the committee of epoch 0. */
  constructor(accuse: Accuse, first: Committee) {
    this.#accuse = accuse
    this.#committees = new Map([[0, first]])
  }

  reported(_by: Speaker, notice: Notice): void {
    if (notice.kind !== 'epoch') return
    const { committee, opening } = notice
    if (this.#committees.has(committee.epoch)) return
    this.#committees.set(committee.epoch, committee)
    const before = this.#committees.get(committee.epoch - 1)?.seats.filter(({ weight }) => weight > 0) ?? []
    const staying = new Set([...opening.roster.map(({ id }) => keyOf(id)), ...opening.convicted.map(keyOf)])
    const gone = before.filter(({ memberId }) => !staying.has(keyOf(memberId))).length
    if (gone > Math.max(1, before.length / 8))
      this.#accuse(this, `${gone} of ${before.length} left with epoch ${committee.epoch - 1}`)
  }
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

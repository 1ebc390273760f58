/**
 * What follows from what this node hears of the public log: leaves wait for blocks, shares become checkpoints, cosignatures are counted, and who shows two views is told of.
 */

import type { Committee } from '../consensus/committee.ts'
import { type Checkpoint, readCheckpoint } from '../consensus/publiclog/checkpoint.ts'
import { checkpointSubject, readBundle } from '../consensus/publiclog/cosignature.ts'
import { badEntryEvidence } from '../consensus/publiclog/fork.ts'
import type { ForkWatch, OwnLog } from '../consensus/publiclog/forkwatch.ts'
import { equal, toHex } from '../core/bytes.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import type { Context } from '../kernel/context.ts'
import type { Message } from '../kernel/road.ts'
import type { PublicCharges } from './public-charges.ts'
import type { PublicHomes } from './public-homes.ts'
import type { Heard, PublicIntake } from './public-intake.ts'
import type { StoredProof } from './public-records.ts'
import type { PublicState } from './public-state.ts'
import type { Cosigned } from './public-witness.ts'

/** What is known of those who lie. */
export interface HearingParts {
  readonly forks: ForkWatch
  readonly charges: PublicCharges
}

export class PublicHearing {
  readonly #context: Context
  readonly #homes: PublicHomes
  readonly #state: PublicState
  readonly #intake: PublicIntake
  readonly #forks: ForkWatch
  readonly #charges: PublicCharges
  #evidence: Uint8Array[] = []
  /** Leaves of the log when it was last compared with what is signed. */
  #lookedAt = 0

  constructor(context: Context, homes: PublicHomes, state: PublicState, intake: PublicIntake, parts: HearingParts) {
    this.#context = context
    this.#homes = homes
    this.#state = state
    this.#intake = intake
    this.#forks = parts.forks
    this.#charges = parts.charges
  }

  /** Evidence to be sent. */
  takeEvidence(): Uint8Array[] {
    return this.#evidence.splice(0)
  }

  /** Takes in a statement whose checks have held. */
  hear(heard: Heard, message: Message): void {
    this.#intake.heard(heard, message.bytes)
    switch (heard.kind) {
      case 'leaf':
        this.#state.generation?.sequencer.submit(heard.leaf, message.bytes)
        this.#state.step({ kind: 'tick' })
        break
      case 'checkpoint':
        this.#hearCheckpoint(heard.checkpoint, heard.masterNodes)
        break
      case 'cosignatures': {
        const { bundle, committee } = heard
        this.#convict(this.#forks.cosignatures(committee, bundle, this.#own))
        this.#cosigned(this.#state.witness.cosignatures(bundle, committee))
        break
      }
      case 'votes': {
        const { decided, evidence } = this.#state.witness.votes(heard.bundle, heard.committee)
        this.#convict(evidence)
        this.#state.decided(decided)
        const { generation, witness } = this.#state
        if (generation && witness.standings.votes.wanted > generation.term.generation) this.#state.giveUp()
        break
      }
      case 'own':
        this.#state.lose()
        break
      case 'block':
        if (this.#isCurrent(heard.cid)) this.#state.step(heard.event)
        break
      case 'evidence':
        this.convictOne(heard.guilty, heard.offence, message.bytes)
    }
  }

  /** The log as it is kept here; null while it lacks leaves. */
  get #own(): OwnLog | null {
    const { generation } = this.#state
    if (!generation || generation.sequencer.lacks > 0) return null
    return { generation: generation.term.generation, tree: generation.sequencer.book.tree }
  }

  #isCurrent(cid: Uint8Array): boolean {
    const masterNodes = this.#state.generation?.term.masterNodes
    return masterNodes !== undefined && equal(masterNodes.cid, cid)
  }

  #hearCheckpoint(checkpoint: Checkpoint, masterNodes: Committee): void {
    this.#convict(this.#forks.checkpoint(masterNodes, checkpoint, this.#own))
    const { generation } = this.#state
    const isCurrent = generation !== null && masterNodes === generation.term.masterNodes
    if (isCurrent) generation.sequencer.share(checkpoint)
    if (checkpoint.weight >= masterNodes.quorum) this.whole(checkpoint, masterNodes)
  }

  /** A checkpoint has a quorum. */
  whole(checkpoint: Checkpoint, masterNodes: Committee): void {
    if (!this.#state.witness.whole(checkpoint, masterNodes)) return
    this.#intake.early(checkpoint)
    this.#state.news.push({ kind: 'checkpoint', checkpoint })
  }

  /** A checkpoint is carried, or the network has cosigned it. */
  #cosigned({ carried, reached }: Cosigned): void {
    if (carried) {
      this.#state.patience.relieved()
      this.#state.generation?.sequencer.cosigned(carried)
      this.#state.step({ kind: 'tick' })
    }
    if (!reached) return
    const standings = this.#state.witness.standingsOf(reached.epoch)
    const weight = standings.standing(checkpointSubject(reached.text))?.weight ?? 0
    this.#state.news.push({ kind: 'cosigned', checkpoint: reached, weight, total: standings.total })
  }

  /** Looks at what the log here has come to: at what was beyond it, and at the newest whole checkpoint as a witness. */
  consider(): void {
    const { generation } = this.#state
    const own = this.#own
    if (own && own.tree.size !== this.#lookedAt) {
      this.#lookedAt = own.tree.size
      this.#convict(this.#forks.grown(own))
    }
    const verdict = generation && this.#state.maySign ? this.#state.witness.consider(generation) : null
    if (!generation || !verdict || verdict.kind === 'cosign') return
    this.#context.counters.count(`public.${verdict.kind}.${verdict.code}`)
    if (verdict.kind !== 'fraud') return
    const { newest } = this.#state.witness.standings
    const { tree } = generation.sequencer.book
    const entry = generation.sequencer.book.entry(verdict.index)
    if (!newest || !entry) return
    const bad = { index: verdict.index, entry, path: tree.inclusion(verdict.index, newest.size) }
    this.#convict(badEntryEvidence(generation.term.masterNodes, newest, bad))
  }

  #convict(evidence: readonly Uint8Array[]): void {
    for (const bytes of evidence) {
      this.#evidence.push(bytes)
      const { guilty, offence } = this.#intake.readEvidence(bytes)
      this.convictOne(guilty, offence, bytes)
    }
  }

  /** Somebody has signed what the rules forbid. */
  convictOne(guilty: Uint8Array, offence: string, bytes: Uint8Array): void {
    const { log, counters, events } = this.#context
    log.error({ guilty: toHex(guilty), offence }, 'somebody has signed what the rules of the public log forbid')
    counters.count('public.evidence')
    this.#charges.add(guilty, bytes)
    const isOfMasterNode = offence === 'double-checkpoint' || offence === 'bad-entry'
    if (isOfMasterNode && this.#charges.endsGeneration(guilty)) this.#state.giveUp()
    this.#state.news.push({ kind: 'fork', guilty, offence, bytes })
    events.emit('evidence', { guilty, kind: offence, bytes })
  }

  /** What earlier lives knew of the newest checkpoint; it was checked then. */
  recall(): void {
    const { proof, carried, share } = this.#state.records
    if (share && this.#state.generation) this.#recallCheckpoint(share)
    if (proof) {
      this.#recallCheckpoint(proof.checkpoint)
      this.#state.witness.recall(this.#intake.textOf(proof.checkpoint), proof)
      this.#recallProof(proof)
    }
    if (carried) this.#recallProof(carried)
  }

  #recallProof(proof: StoredProof): void {
    this.#recallCheckpoint(proof.checkpoint)
    for (const bytes of proof.bundles) {
      const envelope = decodeEnvelope(bytes)
      const committee = this.#homes.committee(envelope.scope)
      if (committee)
        this.#attempt(() =>
          this.#cosigned(this.#state.witness.cosignatures(readBundle(envelope, committee), committee)),
        )
    }
  }

  #recallCheckpoint(bytes: Uint8Array): void {
    const envelope = decodeEnvelope(bytes)
    const masterNodes = this.#state.termOf(envelope.scope)?.masterNodes
    if (masterNodes) this.#attempt(() => this.#hearCheckpoint(readCheckpoint(envelope, masterNodes), masterNodes))
  }

  /** What is of an epoch long ago is not recalled. */
  #attempt(recall: () => void): void {
    try {
      recall()
    } catch (error) {
      this.#context.log.debug({ error }, 'not recalled')
    }
  }
}

/**
 * What this node does of its own accord in an epoch: gives its words when they are due, gets ready for a seat, and proposes checkpoints.
 *
 * Which words are due is said by `duties.ts`; this knows what is known here alone, and hands in the certificates of what it reports.
 */

import { equal } from '../../core/bytes.ts'
import { LIMITS } from '../../core/limits.ts'
import { speaks, type VersionRange } from '../../core/versions.ts'
import { keyOf, slotName } from '../key.ts'
import type { Register } from '../register.ts'
import { beaconInput } from './beacon.ts'
import { dutiesOf, owesReadiness } from './duties.ts'
import type { Term } from './term.ts'
import type { Decided } from './transaction.ts'
import type { Place } from './unlocks.ts'

/** A checkpoint is due with so many settled objects that none covers, or after so long. */
const CHECKPOINT_OBJECTS = 256
const CHECKPOINT_MS = 10_000
/** What a checkpoint lists was settled so long ago that the others hold it by now. */
const CHECKPOINT_AGE_MS = 500

/** How often certificates of what was reported are looked for. */
const PROVE_MS = 100

/** Who this node is. */
export interface Self {
  readonly memberId: Uint8Array
  /** Encoded inception event of its identity, shown where it is on no roster yet; founders need none. */
  readonly inception: Uint8Array
  /** Wire versions that it speaks; `SPOKEN` unless given. */
  readonly versions: VersionRange
}

export class Conduct<S> {
  readonly #register: Register<S>
  readonly #memberId: Uint8Array
  readonly #inception: Uint8Array
  readonly #versions: VersionRange
  readonly #suspects = new Map<string, Uint8Array>()
  readonly #stuck = new Map<string, Place>()
  /** The applicant that is the first in line, and since when, in this node's time. */
  #first: { readonly name: string; readonly sinceMs: number } | null = null
  #wantsTurn = false
  #checkpoint: { readonly entries: readonly Decided[]; readonly fromMs: number } | null = null
  #checkpointMs = 0
  #provedMs = Number.NEGATIVE_INFINITY

  constructor(register: Register<S>, { memberId, inception, versions }: Self) {
    this.#register = register
    this.#memberId = memberId
    this.#inception = inception
    this.#versions = versions
  }

  /** Another epoch has begun. */
  begin(): void {
    this.#wantsTurn = false
    this.#checkpoint = null
    this.#stuck.clear()
    this.#first = null
    this.#provedMs = Number.NEGATIVE_INFINITY
  }

  wantTurn(): void {
    this.#wantsTurn = true
  }

  suspect(id: Uint8Array, isDead: boolean): void {
    if (!isDead) this.#suspects.delete(keyOf(id))
    else if (this.#suspects.size < LIMITS.rosterMax) this.#suspects.set(keyOf(id), id)
  }

  /** A slot that does not get on. */
  stuck({ oid, version }: Place): void {
    if (this.#stuck.size < LIMITS.openUnlocksMax) this.#stuck.set(slotName(keyOf(oid), version), { oid, version })
  }

  unlocked({ oid, version }: Place): void {
    this.#stuck.delete(slotName(keyOf(oid), version))
  }

  /** Has the words said that are due. A node that lost its logs says nothing: its reports might lack what it confirmed. */
  speak(term: Term): void {
    const { seat, simplex, voice } = term
    if (seat !== null && !simplex.abstaining && !this.#register.abstaining) {
      for (const { name, say } of this.#duties(term, seat)) {
        if (say === 'turn') this.#prepareTurn(term, seat)
        else voice.propose(name, seat, say)
      }
      this.#prove(term)
    }
    this.#answer(term)
    this.#getReady(term)
  }

  /** Settled versions that a checkpoint should list now. */
  checkpoint(nowMs: number): readonly Decided[] | null {
    return this.#checkpoint && nowMs >= this.#checkpoint.fromMs ? this.#checkpoint.entries : null
  }

  /** When the next checkpoint may be proposed; null where none is in sight, or it may be already. */
  nextCheckpointMs(nowMs: number): number | null {
    return this.#checkpoint && this.#checkpoint.fromMs > nowMs ? this.#checkpoint.fromMs : null
  }

  /** A checkpoint is final. */
  covered(nowMs: number): void {
    this.#checkpoint = null
    this.#checkpointMs = nowMs
  }

  /** Sees whether a checkpoint is due: before an epoch closes all that can be, so that reports are short. */
  considerCheckpoint({ state: { phase } }: Term, nowMs: number): void {
    if (phase !== 'open' && phase !== 'planned') this.#checkpoint = null
    if (this.#checkpoint || (phase !== 'open' && phase !== 'planned')) return
    const isHurried = phase === 'planned'
    const entries = this.#register.uncovered(isHurried ? LIMITS.decidedPerTransactionMax : CHECKPOINT_OBJECTS)
    if (entries.length === 0) this.#checkpointMs = nowMs
    const isDue = isHurried || entries.length >= CHECKPOINT_OBJECTS || nowMs - this.#checkpointMs >= CHECKPOINT_MS
    if (entries.length > 0 && isDue) this.#checkpoint = { entries, fromMs: nowMs + CHECKPOINT_AGE_MS }
  }

  #duties(term: Term, seat: number): ReturnType<typeof dutiesOf> {
    const [applicant] = term.state.membership.waiting()
    const name = applicant ? keyOf(applicant.entry.id) : null
    if (this.#first?.name !== name) this.#first = name === null ? null : { name, sinceMs: term.nowMs }
    return dutiesOf(term.state, {
      seat,
      nowMs: term.nowMs,
      wantsTurn: this.#wantsTurn,
      plannedMs: term.plannedMs,
      suspects: [...this.#suspects.values()],
      // only what stands on a decided version: a version above one that nobody can supply any more could never be given an end
      stuck: [...this.#stuck.values()].filter(({ oid, version }) => this.#register.covered(oid) >= version - 1),
      waitedMs: term.nowMs - (this.#first?.sinceMs ?? term.nowMs),
      hasSaid: (name) => term.voice.has(name),
      certifiedAt: ({ oid, version }) => this.#register.proofOf(oid, version)?.od ?? null,
      openProofs: () => this.#register.openProofs(),
    })
  }

  #prepareTurn({ voice, opening, committee }: Term, seat: number): void {
    const ask = { with: 'vrf-key', message: beaconInput(opening.seed, committee) } as const
    voice.prepare('turn', ask, (proof) => voice.propose('turn', seat, { kind: 'turn', proof }))
  }

  /** Hands in certificates of what this seat reports, for as long as they are not ordered. */
  #prove(term: Term): void {
    const { phase, unlocks } = term.state
    if (term.nowMs - this.#provedMs < PROVE_MS) return
    this.#provedMs = term.nowMs
    const places: readonly Place[] = phase === 'closing' ? this.#register.openProofs() : unlocks.frozen()
    for (const { oid, version } of places) {
      const proof = this.#register.proofOf(oid, version)
      if (proof && !term.state.isProven({ oid, version, od: proof.od })) term.offer(proof.bytes)
    }
  }

  /** Whoever is accused and can say so is there. */
  #answer({ state: { membership }, voice, opening: { nid, epoch } }: Term): void {
    const id = this.#memberId
    if (!membership.isAccused(id)) return
    const answers = membership.answersOf(id)
    voice.candidate(`alive ${answers}`, { nid, epoch, id, candidature: { kind: 'alive', answers } })
  }

  #getReady({ state, voice, opening }: Term): void {
    const id = this.#memberId
    if (!owesReadiness(state, id)) return
    const isKnown = opening.roster.some((entry) => equal(entry.id, id))
    const inception = isKnown ? new Uint8Array(0) : this.#inception
    const { nid, epoch, version } = opening
    const versions = this.#versions
    // who cannot follow this epoch has no place in the next
    if (!speaks(versions, version)) return
    voice.prepare('ready', { with: 'nothing', epoch: epoch + 1 }, (epochKey) => {
      voice.candidate('ready', { nid, epoch, id, candidature: { kind: 'ready', epochKey, inception, versions } })
    })
  }
}

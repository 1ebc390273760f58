/**
 * What services do around a register, as both machines need it: publish in turn unless another was faster, ask for what is lacking, compare settled heads.
 *
 * After `services/agreement.ts` and `services/catchup.ts`, with their times.
 */

import { keyOf, slotName } from '../../src/consensus/key.ts'
import type { Register } from '../../src/consensus/register.ts'
import { equal } from '../../src/core/bytes.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import type { ObjectState } from '../../src/ledger/account.ts'
import type { Publication } from './machine.ts'
import { frame } from './said.ts'

const NEED_PATIENCE_MS = 2_000
const SUMMARY_MS_MIN = 1_000
const SUMMARY_MS_MAX = 15_000
const RESPONDERS = 4

interface Lack {
  readonly atMs: number
  readonly oid: Uint8Array
  readonly from: number
}

/** The name under which copies of a proof are one thing. */
export function proofName(type: number, oid: Uint8Array, version: number): string {
  return `${type} ${slotName(keyOf(oid), version)}`
}

export class Around {
  readonly #member: number
  readonly #members: number
  readonly #register: () => Register<ObjectState>
  readonly #later = new Map<string, { readonly atMs: number; readonly bytes: Uint8Array; readonly home?: string }>()
  readonly #lacking = new Map<string, Lack>()
  readonly #askedMs = new Map<string, number>()
  #publish: Publication[] = []
  /** The home whose topics are spoken on. */
  home: string | undefined
  #summaryAtMs = 0
  #summaryMs = SUMMARY_MS_MIN
  #round = 0

  constructor(member: number, members: number, register: () => Register<ObjectState>) {
    this.#member = member
    this.#members = members
    this.#register = register
  }

  say(bytes: Uint8Array, to: number | null = null, home = this.home): void {
    this.#publish.push({ bytes, to, ...(home !== undefined && { home }) })
  }

  /** Says it at that time, unless `heard` is called with its name before. */
  sayLater(name: string, atMs: number, bytes: Uint8Array): void {
    if (!this.#later.has(name))
      this.#later.set(name, { atMs, bytes, ...(this.home !== undefined && { home: this.home }) })
  }

  /** Somebody else was faster. */
  heard(name: string): void {
    this.#later.delete(name)
  }

  /** A proof was heard: nobody needs a certificate of what is settled. */
  heardProof(type: number, oid: Uint8Array, version: number): void {
    this.heard(proofName(type, oid, version))
    if (type === TYPE.settlement) this.heard(proofName(TYPE.certificate, oid, version))
  }

  /** Something is missing: it is asked for if it has not come a little later. */
  lacks(oid: Uint8Array, from: number, nowMs: number): void {
    const name = keyOf(oid)
    if (!this.#lacking.has(name)) this.#lacking.set(name, { atMs: nowMs + NEED_PATIENCE_MS, oid, from })
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#summaryAtMs) {
      this.#summaryAtMs = nowMs + this.#summaryMs * (0.75 + (0.5 * ((this.#member * 7) % 25)) / 25)
      this.#summaryMs = Math.min(2 * this.#summaryMs, SUMMARY_MS_MAX)
      this.say(frame(TYPE.summary, this.#member, this.#round++, this.#register().summary()))
    }
    for (const [name, { atMs, bytes, home }] of this.#later) {
      if (atMs > nowMs) continue
      this.#later.delete(name)
      this.say(bytes, null, home)
    }
    for (const [name, { atMs, oid, from }] of this.#lacking) {
      if (atMs > nowMs) continue
      this.#lacking.delete(name)
      if ((this.#register().object(oid)?.settled ?? 0) < from) this.#need(oid, from, nowMs)
    }
  }

  wakeAtMs(): number {
    let wakeMs = this.#summaryAtMs
    for (const { atMs } of this.#later.values()) if (atMs < wakeMs) wakeMs = atMs
    for (const { atMs } of this.#lacking.values()) if (atMs < wakeMs) wakeMs = atMs
    return wakeMs
  }

  /** Summaries and their answers. */
  onFrame(kind: number, from: number, rest: readonly Cbor[], nowMs: number): void {
    if (kind === TYPE.summary) this.#onSummary(from, rest[0] as number, rest[1] as Uint8Array[])
    if (kind !== TYPE.heads) return
    const heads = (rest[0] as [Uint8Array, number][]).map(([oid, version]) => ({ oid, version }))
    const missing = this.#register().missing(heads).slice(0, LIMITS.needsPerHeadsMax)
    if (missing.length > 0) this.#hasten(nowMs)
    for (const { oid, fromVersion } of missing) this.#need(oid, fromVersion, nowMs)
  }

  /** All that is to be said, since the last call. */
  take(): Publication[] {
    const publish = this.#publish
    this.#publish = []
    return publish
  }

  #onSummary(from: number, round: number, digests: readonly Uint8Array[]): void {
    const distance = (this.#member - ((from + round * RESPONDERS) % this.#members) + this.#members) % this.#members
    if (distance >= RESPONDERS) return
    const mine = [...this.#register().summary().entries()]
    const differing = mine.filter(([i, digest]) => !equal(digest, digests[i] as Uint8Array))
    const start = (2 * round) % Math.max(1, differing.length)
    for (const [bucket] of [...differing.slice(start), ...differing.slice(0, start)].slice(0, 2)) {
      const heads = this.#register().heads(bucket, null, LIMITS.headsPerReplyMax)
      const listed = heads.map(({ oid, version }): Cbor => [oid, version])
      this.say(frame(TYPE.heads, this.#member, listed), from)
    }
  }

  #hasten(nowMs: number): void {
    if (this.#summaryMs === SUMMARY_MS_MIN) return
    this.#summaryMs = SUMMARY_MS_MIN
    this.#summaryAtMs = Math.min(this.#summaryAtMs, nowMs + SUMMARY_MS_MIN)
  }

  #need(oid: Uint8Array, fromVersion: number, nowMs: number): void {
    const name = keyOf(oid)
    if (nowMs - (this.#askedMs.get(name) ?? Number.NEGATIVE_INFINITY) < LIMITS.needIntervalMs) return
    this.#askedMs.set(name, nowMs)
    this.say(frame(TYPE.need, this.#member, oid, fromVersion))
  }
}

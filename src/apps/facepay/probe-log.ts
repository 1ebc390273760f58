/**
 * The shopper's own log: who looked at me, for which payment, when, and what came of it. Never the probe.
 *
 * It is durable, and it is also what refuses a probe that was seen before, across restarts. The oldest entries make room; what they could replay has long expired then.
 */

import { toHex } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Store, Write } from '../../kernel/ports.ts'

/** `unknown`: not me; `claimed`: me; `selected`: I was told to pay; `declined`: I would not, or could not. */
export const OUTCOMES = ['unknown', 'claimed', 'selected', 'declined'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** One probe that this device received. */
export interface ProbeEntry {
  /** 32-byte identity of the terminal. */
  readonly terminalId: Uint8Array
  /** 32-byte reference of the payment. */
  readonly reference: Uint8Array
  readonly atMs: number
  readonly outcome: Outcome
}

const SPACE = 'facepay-probe'

/** The log, mirrored in memory: what was decided earlier in a turn counts though it is not stored yet. */
export class ProbeLog {
  readonly #entries = new Map<string, ProbeEntry>()
  readonly #recent = new Map<string, number[]>()

  /** Reads what is stored. */
  load(store: Store): void {
    const entries = [...store.scan(SPACE)].map(({ key, value }) => readEntry(key, value))
    entries.sort((a, b) => a.atMs - b.atMs)
    for (const entry of entries) this.#entries.set(toHex(entry.reference), entry)
  }

  /** Oldest first. */
  entries(): readonly ProbeEntry[] {
    return [...this.#entries.values()]
  }

  /** Throws `replayed-probe` where this payment was probed for before. */
  assertUnseen(reference: Uint8Array): void {
    if (this.#entries.has(toHex(reference))) {
      throw new WebxError('replayed-probe', 'this device was asked about this payment before')
    }
  }

  /** Counts a probe of a terminal. Throws `flooding` where it sends more in a minute than allowed. */
  assertRate(terminalId: Uint8Array, monotonicMs: number): void {
    const name = toHex(terminalId)
    const times = (this.#recent.get(name) ?? []).filter((timeMs) => timeMs > monotonicMs - 60_000)
    if (times.length >= LIMITS.probesPerTerminalPerMinuteMax) {
      throw new WebxError('flooding', `more than ${LIMITS.probesPerTerminalPerMinuteMax} probes a minute`)
    }
    if (!this.#recent.has(name) && this.#recent.size >= LIMITS.genesisTerminalsMax) this.#recent.clear()
    this.#recent.set(name, [...times, monotonicMs])
  }

  /** What became of a noted probe; returns what is to be stored. */
  became(reference: Uint8Array, outcome: Outcome): Write[] {
    const entry = this.#entries.get(toHex(reference))
    return entry ? this.note({ ...entry, outcome }) : []
  }

  /** Notes a probe; returns what is to be stored. */
  note(entry: ProbeEntry): Write[] {
    const writes: Write[] = [{ space: SPACE, key: entry.reference, value: encodeEntry(entry) }]
    this.#entries.set(toHex(entry.reference), entry)
    for (const oldest of this.#entries.values()) {
      if (this.#entries.size <= LIMITS.probeLogMax) break
      this.#entries.delete(toHex(oldest.reference))
      writes.push({ space: SPACE, key: oldest.reference, value: null })
    }
    return writes
  }
}

function encodeEntry(entry: ProbeEntry): Uint8Array {
  return encode([entry.terminalId, entry.atMs, OUTCOMES.indexOf(entry.outcome)])
}

function readEntry(key: Uint8Array, value: Uint8Array): ProbeEntry {
  const fields = Fields.of('probe log entry', value)
  const terminalId = fields.bytes('terminalId', 32).slice()
  const atMs = fields.uint('atMs')
  const outcome = OUTCOMES[fields.uint('outcome', OUTCOMES.length - 1)] as Outcome
  fields.end()
  return { terminalId, reference: key.slice(), atMs, outcome }
}

/**
 * What a server must not forget of redemptions: challenges that were answered, and how often each ping and narrowing was used.
 *
 * All of it is in memory and on the disk; memory changes at the moment of the decision, so that two redemptions of one turn see each other. Challenges are good under a secret of
 * this start only: those of earlier starts are forgotten. Uses are forgotten when the ping has expired by then.
 */

import { toHex } from '../core/bytes.ts'
import { decode, encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Spending } from '../data/redemption.ts'
import type { Store, Write } from '../kernel/ports.ts'

const CHALLENGES = 'vault-challenge'
const USES = 'vault-use'
const VERSION = 1

interface Uses {
  readonly key: Uint8Array
  readonly count: number
  readonly expiresMs: number
}

/** Spent challenges and counted uses of one server. */
export class Spent {
  readonly #salts = new Map<string, { readonly salt: Uint8Array; readonly untilMs: number }>()
  readonly #uses = new Map<string, Uses>()

  /** Reads what the disk has; what it gives back is to be stored. */
  restore(store: Pick<Store, 'scan'>): Write[] {
    for (const { key, value } of store.scan(USES)) this.#uses.set(toHex(key), readUses(key, value))
    return [...store.scan(CHALLENGES)].map(({ key }) => ({ space: CHALLENGES, key, value: null }))
  }

  /** Whether the challenge with this salt was answered. */
  isSpent(salt: Uint8Array): boolean {
    return this.#salts.has(toHex(salt))
  }

  usesOf(key: Uint8Array): number {
    return this.#uses.get(toHex(key))?.count ?? 0
  }

  /**
   * Spends a challenge and counts the uses; what it gives back must be on the disk before anything is handed out.
   *
   * @param expiresMs when the ping ends, and its uses may be forgotten
   * @throws WebxError `replayed`, `used-up` where another redemption was first; `limit` where no more can be remembered
   */
  spend(spending: Spending, expiresMs: number): Write[] {
    const { untilMs, counters } = spending
    // a copy: what it is a view of gets wiped
    const salt = spending.salt.slice()
    if (this.isSpent(salt)) throw new WebxError('replayed', 'this challenge was answered before')
    if (counters.some(({ key, uses }) => this.usesOf(key) >= uses)) {
      throw new WebxError('used-up', 'this ping has no uses left')
    }
    const added = counters.filter(({ key }) => !this.#uses.has(toHex(key))).length
    if (this.#salts.size >= LIMITS.vaultChallengesMax || this.#uses.size + added > LIMITS.vaultUsesMax) {
      throw new WebxError('limit', 'this server can remember no more redemptions for now')
    }
    this.#salts.set(toHex(salt), { salt, untilMs })
    const writes: Write[] = [{ space: CHALLENGES, key: salt, value: encode([VERSION, untilMs]) }]
    for (const { key } of counters) {
      const uses = { key, count: this.usesOf(key) + 1, expiresMs }
      this.#uses.set(toHex(key), uses)
      writes.push({ space: USES, key, value: encode([VERSION, uses.count, expiresMs]) })
    }
    return writes
  }

  /** Forgets what no ping or challenge can ask for any more; what it gives back is to be stored. */
  sweep(nowMs: number): Write[] {
    const writes: Write[] = []
    for (const [name, { salt, untilMs }] of this.#salts) {
      if (nowMs < untilMs) continue
      this.#salts.delete(name)
      writes.push({ space: CHALLENGES, key: salt, value: null })
    }
    for (const [name, { key, expiresMs }] of this.#uses) {
      if (nowMs < expiresMs) continue
      this.#uses.delete(name)
      writes.push({ space: USES, key, value: null })
    }
    return writes
  }
}

function readUses(key: Uint8Array, value: Uint8Array): Uses {
  const fields = new Fields('uses', decode(value))
  fields.uint('version', VERSION)
  const uses = { key, count: fields.uint('count'), expiresMs: fields.uint('expiresMs') }
  fields.end()
  return uses
}

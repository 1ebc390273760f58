/**
 * What a server must not forget of redemptions: challenges that were answered, and how often each ping, narrowing and delegated minting key was used.
 *
 * All of it is in memory and on the disk; memory changes at the moment of the decision, so that two redemptions of one turn see each other. Challenges are good under a secret of
 * this start only: those of earlier starts are forgotten. Uses are forgotten when
 * what they bound has expired by then.
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
  /** Issuer and id of the ping that it was first counted for. */
  readonly ping: Uint8Array
  readonly count: number
  readonly expiresMs: number
}

/** Spent challenges and counted uses of one server. */
export class Spent {
  readonly #salts = new Map<string, { readonly salt: Uint8Array; readonly untilMs: number }>()
  readonly #uses = new Map<string, Uses>()
  /** How many counts each ping has. */
  readonly #perPing = new Map<string, number>()

  /** Reads what the disk has; what it gives back is to be stored. */
  restore(store: Pick<Store, 'scan'>): Write[] {
    for (const { key, value } of store.scan(USES)) this.#count(readUses(key, value))
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
   * Spends a challenge and counts the uses; what it gives back must be on the disk before anything is handed out. Whether it may is for the caller to judge, in the same turn.
   *
   * @throws WebxError `limit` where no more can be remembered, of this ping or at all: whoever passes a ping on to himself, over and over, uses up the room of that ping alone
   */
  spend({ salt, untilMs, ping, counters }: Spending): Write[] {
    const added = counters.filter(({ key }) => !this.#uses.has(toHex(key))).length
    if (added > 0 && (this.#perPing.get(toHex(ping)) ?? 0) + added > LIMITS.vaultUsesPerPingMax) {
      throw new WebxError('limit', 'too many counted parts of this ping are in use; ask its owner for another one')
    }
    if (this.#salts.size >= LIMITS.vaultChallengesMax || this.#uses.size + added > LIMITS.vaultUsesMax) {
      throw new WebxError('limit', 'this server can remember no more redemptions for now')
    }
    // a copy: what it is a view of gets wiped
    const kept = salt.slice()
    this.#salts.set(toHex(kept), { salt: kept, untilMs })
    const writes: Write[] = [{ space: CHALLENGES, key: kept, value: encode([VERSION, untilMs]) }]
    for (const { key, expiresMs } of counters) {
      const known = this.#uses.get(toHex(key)) ?? { key, ping, count: 0, expiresMs }
      const uses = { ...known, count: known.count + 1, expiresMs: Math.max(known.expiresMs, expiresMs) }
      this.#count(uses)
      writes.push({ space: USES, key, value: encode([VERSION, uses.ping, uses.count, uses.expiresMs]) })
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
    for (const [name, { key, ping, expiresMs }] of this.#uses) {
      if (nowMs < expiresMs) continue
      this.#uses.delete(name)
      this.#addTo(ping, -1)
      writes.push({ space: USES, key, value: null })
    }
    return writes
  }

  #count(uses: Uses): void {
    const name = toHex(uses.key)
    if (!this.#uses.has(name)) this.#addTo(uses.ping, 1)
    this.#uses.set(name, uses)
  }

  #addTo(ping: Uint8Array, difference: number): void {
    const name = toHex(ping)
    const count = (this.#perPing.get(name) ?? 0) + difference
    if (count > 0) this.#perPing.set(name, count)
    else this.#perPing.delete(name)
  }
}

function readUses(key: Uint8Array, value: Uint8Array): Uses {
  const fields = new Fields('uses', decode(value))
  fields.uint('version', VERSION)
  const uses = {
    key,
    ping: fields.bytes('ping', 48),
    count: fields.uint('count'),
    expiresMs: fields.uint('expiresMs'),
  }
  fields.end()
  return uses
}

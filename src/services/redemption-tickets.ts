/**
 * Tickets: what was granted and waits to be fetched, block by block, by the one node it was granted to.
 *
 * A ticket stands for a sealed file on the disk, or for a sealed range in memory. It ends by its time; the holder's oldest one makes room for its next.
 */

import { equal, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'

/** What a ticket stands for. */
export interface TicketSource {
  readonly bytes: number
  /** Bytes that are held in memory for it. */
  readonly heldBytes: number
  /** Sealed bytes [at, at + length). Throws where they are gone. */
  read(at: number, length: number): Promise<Uint8Array>
}

/** An issued ticket. */
export interface Ticket {
  readonly source: TicketSource
  /** 32-byte identity that may fetch. */
  readonly holder: Uint8Array
  /** 32 secret bytes under which blocks travel. */
  readonly blockKey: Uint8Array
  readonly untilMs: number
}

/** All tickets of one server. */
export class Tickets {
  readonly #tickets = new Map<string, Ticket>()
  #heldBytes = 0

  /** Remembers a ticket of 16 random bytes. Throws `limit` where there is no room. */
  issue(id: Uint8Array, ticket: Ticket): void {
    this.#makeRoom(ticket.holder)
    const { heldBytes } = ticket.source
    if (this.#tickets.size >= LIMITS.vaultTicketsMax || this.#heldBytes + heldBytes > LIMITS.vaultRangesBytesMax) {
      throw noRoom()
    }
    this.#heldBytes += heldBytes
    this.#tickets.set(toHex(id), ticket)
  }

  /** Takes room for bytes that are about to be held, until what it gives back is called. Throws `limit` where there is none. */
  reserve(bytes: number): () => void {
    if (this.#heldBytes + bytes > LIMITS.vaultRangesBytesMax) throw noRoom()
    this.#heldBytes += bytes
    return () => {
      this.#heldBytes -= bytes
    }
  }

  /** The ticket, where it is good and this holder's; else null. */
  find(id: Uint8Array, holder: Uint8Array, nowMs: number): Ticket | null {
    const ticket = this.#tickets.get(toHex(id))
    return ticket && nowMs < ticket.untilMs && equal(ticket.holder, holder) ? ticket : null
  }

  drop(id: Uint8Array): void {
    this.#dropNamed(toHex(id))
  }

  /** Drops what has ended. */
  sweep(nowMs: number): void {
    for (const [name, { untilMs }] of this.#tickets) if (nowMs >= untilMs) this.#dropNamed(name)
  }

  clear(): void {
    for (const name of this.#tickets.keys()) this.#dropNamed(name)
  }

  #makeRoom(holder: Uint8Array): void {
    const own = [...this.#tickets].filter(([, ticket]) => equal(ticket.holder, holder))
    for (const [name] of own.slice(0, Math.max(0, own.length - LIMITS.vaultTicketsPerHolderMax + 1))) {
      this.#dropNamed(name)
    }
  }

  #dropNamed(name: string): void {
    const ticket = this.#tickets.get(name)
    if (!ticket) return
    this.#tickets.delete(name)
    this.#heldBytes -= ticket.source.heldBytes
    ticket.blockKey.fill(0)
  }
}

function noRoom(): WebxError {
  return new WebxError('limit', 'too much waits to be fetched at this server; ask again later')
}

/**
 * Bounds that an MQTT broker library leaves open, put around one socket or one client.
 *
 * `guardSocket` watches the framing of MQTT 3.1.1 (§2.2.3, remaining length) before the parser does, so that no packet above the bound is ever
 * buffered, and ends a connection whose receiver lets more than a bounded number of bytes pile up. It also reports every write
 * as flushed: the library would otherwise hold back all publishers until the slowest subscriber has drained.
 * `Throttle` slows a publisher down to its rate by leaving its socket unread, which loses nothing.
 */

import type { Socket } from 'node:net'
import type { Clock } from '../kernel/ports.ts'

/** Watches packet lengths in a stream of MQTT bytes, however it is cut into chunks. */
export class PacketGauge {
  readonly #bytesMax: number
  /** Bytes of the present packet still to come; -1 while its length is being read, -2 before its first byte. */
  #left = -2
  #length = 0
  #shift = 0

  /** @param bytesMax longest remaining length (MQTT §2.2.3) that is let through */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** False where a packet in this chunk is longer than allowed, or its length is not written as MQTT says. */
  accepts(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length; ) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, chunk.length - at)
        this.#left -= skipped
        at += skipped
        if (this.#left === 0) this.#left = -2
      } else if (this.#left === -2) {
        this.#left = -1
        this.#length = 0
        this.#shift = 0
        at++
      } else if (!this.#readLength(chunk[at++] as number)) return false
    }
    return true
  }

  #readLength(byte: number): boolean {
    if (this.#shift > 21) return false
    this.#length += (byte & 0x7f) * 2 ** this.#shift
    this.#shift += 7
    if (this.#length > this.#bytesMax) return false
    if (byte < 0x80) this.#left = this.#length === 0 ? -2 : this.#length
    return true
  }
}

/** What `guardSocket` bounds, and what it calls before it ends a connection. */
export interface SocketBounds {
  readonly packetBytesMax: number
  readonly queuedBytesMax: number
  onOversized(): void
  onSlow(): void
}

/** Puts the bounds around a socket, in place. */
export function guardSocket(socket: Socket, bounds: SocketBounds): Socket {
  const gauge = new PacketGauge(bounds.packetBytesMax)
  const read = socket.read.bind(socket)
  const write = socket.write.bind(socket) as (...values: unknown[]) => boolean
  socket.read = (size) => {
    const chunk = read(size)
    if (chunk === null || gauge.accepts(chunk)) return chunk
    bounds.onOversized()
    socket.destroy()
    return null
  }
  socket.write = (...values: unknown[]) => {
    write(...values)
    if (socket.writableLength > bounds.queuedBytesMax && !socket.destroyed) {
      bounds.onSlow()
      socket.destroy()
    }
    return true
  }
  return socket
}

/** A token bucket that makes callers wait their turn; a second's worth may be spent at once. */
export class Throttle {
  readonly #perSecond: number
  readonly #clock: Clock
  readonly #waiting: (() => void)[] = []
  #tokens: number
  #filledMs: number
  #cancel: (() => void) | null = null
  #stopped = false

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond
    this.#clock = clock
    this.#tokens = perSecond
    this.#filledMs = clock.monotonicMs()
  }

  /** Calls `proceed` at once where the rate allows it and returns true, else later and in order, and returns false. */
  pass(proceed: () => void): boolean {
    this.#fill()
    if (this.#stopped || (this.#waiting.length === 0 && this.#tokens >= 1)) {
      this.#tokens--
      proceed()
      return true
    }
    this.#waiting.push(proceed)
    this.#cancel ??= this.#clock.after(this.#delayMs(), () => this.#release())
    return false
  }

  /** Forgets whoever waits; from now on everyone passes. */
  stop(): void {
    this.#stopped = true
    this.#cancel?.()
    this.#cancel = null
    this.#waiting.length = 0
  }

  #release(): void {
    this.#cancel = null
    this.#fill()
    const count = Math.min(Math.floor(this.#tokens), this.#waiting.length)
    this.#tokens -= count
    for (const proceed of this.#waiting.splice(0, count)) proceed()
    if (this.#waiting.length > 0) this.#cancel ??= this.#clock.after(this.#delayMs(), () => this.#release())
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs()
    const gained = ((nowMs - this.#filledMs) * this.#perSecond) / 1000
    this.#filledMs = nowMs
    this.#tokens = Math.min(this.#perSecond, this.#tokens + gained)
  }

  #delayMs(): number {
    return Math.max(1, Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond))
  }
}

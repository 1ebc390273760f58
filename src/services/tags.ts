/**
 * What a tag reader sees, as signed events in a chain: stored first, then published.
 *
 * A tag event is a statement [reader, number, atMs, tag, previous] of the reader's identity; each names the digest of the one before, so that none can be left out or added
 * afterwards without notice.
 */

import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, signedBytes, statementDigest, TYPE } from '../core/envelope.ts'
import { asWebxError, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { TagReader, TagSighting } from '../kernel/ports.ts'

const SPACE = 'tag-event'
const NO_EVENT: Uint8Array = new Uint8Array(32)

/** One event as it was read. */
export interface TagEvent {
  /** 32-byte identity of the reader. */
  readonly reader: Uint8Array
  /** Counts up from 1. */
  readonly number: number
  readonly atMs: number
  readonly tag: string
  /** 32-byte digest of the event before; zeros for the first. */
  readonly previous: Uint8Array
}

/** Turns the sightings of a reader into events, until it is stopped. */
export class TagEvents implements Service {
  readonly #context: Context
  readonly #reader: TagReader
  readonly #stopping = new AbortController()
  #number = 0
  #previous: Uint8Array = NO_EVENT
  #reading: Promise<void> = Promise.resolve()

  constructor(context: Context, reader: TagReader) {
    this.#context = context
    this.#reader = reader
  }

  async start(): Promise<void> {
    for (const { value } of this.#context.store.scan(SPACE)) {
      const envelope = decodeEnvelope(value)
      this.#number = readTagEvent(envelope).number
      this.#previous = statementDigest(envelope)
    }
    this.#reading = this.#read()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#reading
  }

  /** A reader that gave up may be plugged in again: it is asked anew, after a long pause. */
  async #read(): Promise<void> {
    const { log, counters } = this.#context
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        for await (const sighting of this.#reader.sightings(signal)) await this.#record(sighting)
        if (!signal.aborted) throw new WebxError('reader-failed', 'the tag reader ended')
      } catch (error) {
        counters.count(`tags.failed.${asWebxError(error).code}`)
        log.error({ error, againInMs: LIMITS.tagReaderRetryMs }, 'the tag reader has failed')
        await this.#pause()
      }
    }
  }

  /** Ends early when the service stops. */
  #pause(): Promise<void> {
    const { signal } = this.#stopping
    return new Promise((resume) => {
      if (signal.aborted) {
        resume()
        return
      }
      const end = (): void => {
        cancel()
        signal.removeEventListener('abort', end)
        resume()
      }
      const cancel = this.#context.clock.after(LIMITS.tagReaderRetryMs, end)
      signal.addEventListener('abort', end)
    })
  }

  async #record({ tag, atMs }: TagSighting): Promise<void> {
    const { keys, netId, topics, road, events } = this.#context
    const number = this.#number + 1
    const body = encode([keys.id, number, Math.round(atMs), tag, this.#previous])
    const signature = await keys.sign(signedBytes(TYPE.tagEvent, netId, body))
    const envelope = { type: TYPE.tagEvent, scope: netId, body, signature, attachment: new Uint8Array(0) }
    const bytes = encodeEnvelope(envelope)
    await road.run(() => ({
      writes: [{ space: SPACE, key: bigEndian(number), value: bytes }],
      apply: () => events.emit('tag', { tag, atMs }),
      emit: [{ topic: topics.tag(keys.id), bytes }],
    }))
    this.#number = number
    this.#previous = statementDigest(envelope)
  }
}

/** Reads a tag event; whether its signature holds is another matter. Throws `bad-shape`, `not-canonical`. */
export function readTagEvent(envelope: Envelope): TagEvent {
  if (envelope.type !== TYPE.tagEvent) throw new WebxError('bad-shape', 'not a tag event')
  const fields = Fields.of('tag event', envelope.body)
  const event = {
    reader: fields.bytes('reader', 32),
    number: fields.uint('number'),
    atMs: fields.uint('atMs'),
    tag: fields.text('tag', LIMITS.tagCharactersMax),
    previous: fields.bytes('previous', 32),
  }
  fields.end()
  return event
}

/** Whether `next` follows `envelope` in the chain of one reader. */
export function follows(envelope: Envelope, next: TagEvent): boolean {
  const event = readTagEvent(envelope)
  return (
    equal(event.reader, next.reader) &&
    next.number === event.number + 1 &&
    equal(next.previous, statementDigest(envelope))
  )
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}

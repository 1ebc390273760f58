/**
 * Who is enrolled at this till for anonymous check-in: proof keys with a note of the owner's, in rings that the till signs and publishes.
 *
 * Keys, rings and the signed list change together, durably, before the list is sent. The list goes out again at every connection: a broker that
 * restarted has forgotten what it retained, and once more where somebody proves for an earlier one: it was lost on its way.
 */

import { equal } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { verifySignature } from '../../core/crypto.ts'
import { decodeEnvelope, encodeEnvelope, signedBytes, statementDigest, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Context } from '../../kernel/context.ts'
import type { Write } from '../../kernel/ports.ts'
import type { Outgoing } from '../../kernel/road.ts'
import { group } from '../../wasm/group.ts'
import { readProofKeyText } from './proof-key-text.ts'
import type { SignedRings } from './ring-proof.ts'
import { type Ring, readRingStatement, ringBody, ringOf, withKey, withoutKey } from './rings.ts'

/** One enrolled shopper. */
export interface EnrolledShopper {
  /** 32-byte proof key. */
  readonly key: Uint8Array
  readonly atMs: number
  /** What the owner wrote beside it; never sent. */
  readonly note: string
  /** How many are in the same ring, this one included: among so many it hides. */
  readonly ringSize: number
}

const SPACE = 'facepay-ring'
const STATEMENT_KEY = Uint8Array.of(0)
const VERSION = 1

interface Kept {
  readonly key: Uint8Array
  readonly atMs: number
  readonly note: string
}

export class EnrolledShoppers {
  readonly #context: Context
  readonly #changed: () => void
  #kept: readonly Kept[] = []
  #groups: readonly Ring[] = []
  #statement: Uint8Array | null = null
  #rings: SignedRings | null = null
  #isPublic = false
  #saidAgainMs = Number.NEGATIVE_INFINITY
  #unhear = (): void => {}
  /** Changes one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  /** @param changed called after each new list */
  constructor(context: Context, changed: () => void) {
    this.#context = context
    this.#changed = changed
  }

  /** The list in force, or null where none was ever signed. */
  get rings(): SignedRings | null {
    return this.#rings
  }

  /** Restores what is stored. With `isPublic` the list is published from now on, a first one without rings if need be; else it is taken back. */
  async start(isPublic: boolean): Promise<void> {
    const { store, events } = this.#context
    const groups: Uint8Array[][] = []
    const kept: Kept[] = []
    for (const { key, value } of store.scan(SPACE)) {
      if (equal(key, STATEMENT_KEY)) this.#adopt(value.slice())
      else {
        const { group: at, ...shopper } = readKept(key.slice(), value.slice())
        kept.push(shopper)
        groups[at] = [...(groups[at] ?? []), shopper.key]
      }
    }
    this.#kept = kept
    this.#groups = groups.filter((each) => each !== undefined)
    this.#isPublic = isPublic
    if (isPublic && !this.#isOfToday()) await this.#change(this.#kept, this.#groups)
    this.#unhear = events.on('link', ({ up }) => {
      if (up) void this.#publish()
    })
    if (isPublic || this.#statement) await this.#publish()
  }

  stop(): void {
    this.#unhear()
  }

  /** Oldest first. */
  list(): readonly EnrolledShopper[] {
    const sizeOf = (key: Uint8Array): number => this.#groups[ringOf(this.#groups, key)]?.length ?? 0
    return this.#kept
      .map((shopper) => ({ ...shopper, ringSize: sizeOf(shopper.key) }))
      .toSorted((a, b) => a.atMs - b.atMs)
  }

  /**
   * Enrols the proof key of a text by `proofKeyText`; resolves when the new list is stored. Throws `bad-argument` for another text, a key that is enrolled already
   * or too long a note, `bad-proof`, `limit`.
   */
  add(text: string, note = ''): Promise<EnrolledShopper> {
    return this.#inTurn(async () => {
      if (note.length > LIMITS.enrolledNoteCharactersMax) {
        throw new WebxError('bad-argument', `a note has at most ${LIMITS.enrolledNoteCharactersMax} characters`)
      }
      const { clock, genesis } = this.#context
      const key = readProofKeyText(group(), text, genesis)
      const groups = withKey(this.#groups, key)
      await this.#change([...this.#kept, { key, atMs: clock.nowMs(), note }], groups)
      return this.list().find((shopper) => equal(shopper.key, key)) as EnrolledShopper
    })
  }

  /** Takes a proof key off the list; whoever is checked in must prove himself anew. Throws `bad-argument` where it is not enrolled. */
  remove(key: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      const groups = withoutKey(this.#groups, key)
      await this.#change(
        this.#kept.filter((shopper) => !equal(shopper.key, key)),
        groups,
        key,
      )
    })
  }

  /** Publishes the list once more, unless that was done a moment ago. */
  sayAgain(): void {
    const nowMs = this.#context.clock.monotonicMs()
    if (nowMs - this.#saidAgainMs < LIMITS.checkinRingAgainMsMin) return
    this.#saidAgainMs = nowMs
    void this.#publish()
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change)
    this.#last = done.catch(() => undefined)
    return done
  }

  /** Signs the list of these groups; stores, adopts and publishes it. */
  async #change(kept: readonly Kept[], groups: readonly Ring[], gone?: Uint8Array): Promise<void> {
    const { clock, keys, netId, road } = this.#context
    // at least the time in seconds, so that a till whose disk was lost does not sign numbers that devices have seen
    const number = Math.max((this.#rings?.number ?? 0) + 1, Math.floor(clock.nowMs() / 1_000))
    const body = ringBody(keys.id, number, groups)
    const signature = await keys.sign(signedBytes(TYPE.ring, netId, body))
    const statement = encodeEnvelope({ type: TYPE.ring, scope: netId, body, signature, attachment: NOTHING })
    const writes: Write[] = kept.map((shopper) => ({
      space: SPACE,
      key: shopper.key,
      value: encode([VERSION, ringOf(groups, shopper.key), shopper.atMs, shopper.note]),
    }))
    if (gone) writes.push({ space: SPACE, key: gone, value: null })
    writes.push({ space: SPACE, key: STATEMENT_KEY, value: statement })
    await road.run(() => ({
      writes,
      apply: () => {
        this.#kept = kept
        this.#groups = groups
        this.#adopt(statement)
        this.#changed()
      },
      emit: this.#isPublic ? [this.#outgoing(statement)] : [],
    }))
  }

  /** Whether there is a list under the key that signs here today: devices take none of a retired key. */
  #isOfToday(): boolean {
    if (!this.#statement) return false
    const { type, scope, body, signature } = decodeEnvelope(this.#statement)
    return verifySignature(this.#context.keys.publicKey, signedBytes(type, scope, body), signature)
  }

  #adopt(statement: Uint8Array): void {
    const envelope = decodeEnvelope(statement)
    this.#statement = statement
    this.#rings = { ...readRingStatement(envelope), digest: statementDigest(envelope) }
  }

  /** The list, or nothing in its place where this till takes no proofs (any more). */
  async #publish(): Promise<void> {
    const outgoing = this.#outgoing(this.#isPublic && this.#statement ? this.#statement : NOTHING)
    await this.#context.road.run(() => ({ emit: [outgoing] })).catch(() => undefined)
  }

  #outgoing(bytes: Uint8Array): Outgoing {
    const { keys, topics } = this.#context
    return { topic: topics.ring(keys.id), bytes, retain: true }
  }
}

const NOTHING = new Uint8Array(0)

function readKept(key: Uint8Array, value: Uint8Array): Kept & { readonly group: number } {
  const fields = Fields.of('enrolled shopper', value)
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('store-damaged', `enrolled shopper: version ${version} is unknown`)
  const kept = {
    key,
    group: fields.uint('group', LIMITS.checkinRingsMax - 1),
    atMs: fields.uint('atMs'),
    note: fields.text('note', LIMITS.enrolledNoteCharactersMax),
  }
  fields.end()
  return kept
}

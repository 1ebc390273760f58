/**
 * The owner's desk on its own node: pings are minted and revoked here, and the status lists that say which ones still count are signed and published.
 *
 * A ping leaves only when its place in a list is on the disk, so no two share one; a revocation counts from when its edition is on the disk. Editions are published at
 * every connection and change, and signed anew every few hours, so that a list that grows old shows that its issuer is silent, or is kept from being heard.
 */

import { compare, equal, toHex } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { verifySignature } from '../core/crypto.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { encodePing, type Ping, type PingTerms, pingMessage, readPing } from '../data/ping.ts'
import {
  encodeStatusList,
  readStatusList,
  revoke,
  type StatusList,
  statusMessage,
  statusStatement,
} from '../data/statuslist.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Outgoing } from '../kernel/lane.ts'
import type { Write } from '../kernel/ports.ts'
import type { OwnStatusLists } from '../kernel/vault.ts'

/** What an owner says of a ping; the desk adds who signs, its id and its place in a status list. */
export type MintTerms = Omit<PingTerms, 'id' | 'issuer' | 'issuerPosition' | 'status'>

/** A ping that was minted here. */
export interface Minted {
  readonly ping: Ping
  /** The signed ping. */
  readonly document: Uint8Array
  readonly mintedMs: number
  /** When it was revoked, in milliseconds since 1970; null where it was not. */
  readonly revokedMs: number | null
}

/** A list as it stands. */
interface OwnList {
  readonly edition: StatusList
  readonly document: Uint8Array
  /** The first index that no ping has. */
  readonly next: number
}

const MINTED = 'ping-minted'
const LISTS = 'ping-status'
const VERSION = 1

/** Mints and revokes, one after the other. */
export class Issuer implements Service, OwnStatusLists {
  readonly #context: Context
  readonly #lists = new Map<string, OwnList>()
  /** What comes before the lists are read waits for them: the net may know more than they do. */
  readonly #opened = Promise.withResolvers<void>()
  #working: Promise<unknown> = this.#opened.promise
  #cancel = (): void => {}
  #unhear: (() => void)[] = []
  /** Whether others can know the key that signs here. */
  #isKeySettled: boolean

  constructor(context: Context) {
    this.#context = context
    this.#isKeySettled = this.#keyIsSettled()
  }

  async start(): Promise<void> {
    const { store, events, schedule } = this.#context
    for (const { value } of store.scan(LISTS)) {
      const list = readList(value)
      this.#lists.set(toHex(list.edition.listId), list)
    }
    this.#opened.resolve()
    this.#unhear = [
      events.on('link', ({ up }) => void (up && this.#soon(() => this.#publish()))),
      events.on('settled', () => this.#onSettled()),
    ]
    this.#cancel = schedule.every(LIMITS.statusRefreshMs, 'status lists', () => this.#inTurn(() => this.#refresh()))
    this.#soon(() => this.#publish())
  }

  async stop(): Promise<void> {
    for (const unhear of this.#unhear) unhear()
    this.#cancel()
    this.#opened.resolve()
    await this.#working.catch(() => undefined)
  }

  /**
   * A signed ping, once its place in a status list is on the disk. Its issuer is this node's identity, which must own the file.
   *
   * Throws `bad-argument` for terms that no reader would accept, `limit` where all lists are full, `store-failed`.
   */
  mint(terms: MintTerms): Promise<Minted> {
    return this.#inTurn(async () => {
      const { keys, random, clock } = this.#context
      const { list, isNew } = await this.#listWithRoom()
      const status = { listId: list.edition.listId, index: list.next }
      const own = { id: random.bytes(16), issuer: keys.id, issuerPosition: keys.position, status }
      const whole: PingTerms = { ...terms, ...own }
      const document = encodePing(whole, await keys.sign(pingMessage(whole)))
      const minted = { ping: readPing(document), document, mintedMs: clock.nowMs(), revokedMs: null }
      await this.#keep({ ...list, next: list.next + 1 }, isNew, [mintedWrite(minted)])
      return minted
    })
  }

  /** Revokes a ping for good; again is no error. Resolves once that is on the disk. Throws `bad-argument` for a ping that was not minted here, `store-failed`. */
  revoke(pingId: Uint8Array): Promise<Minted> {
    return this.#inTurn(async () => {
      const minted = this.#mintedOf(pingId)
      const list = this.#listOf(minted.ping)
      if (minted.revokedMs !== null) return minted
      const bits = revoke(list.edition.bits, minted.ping.status?.index ?? 0)
      const revoked = { ...minted, revokedMs: this.#context.clock.nowMs() }
      await this.#keep(await this.#nextEdition(list, bits), true, [mintedWrite(revoked)])
      return revoked
    })
  }

  /** Everything that was minted here, in the order of ids; behind an id, where one is given. */
  *minted(after: Uint8Array | null = null): Iterable<Minted> {
    for (const { key, value } of this.#context.store.scan(MINTED)) {
      if (after === null || compare(key, after) > 0) yield readMinted(value)
    }
  }

  own(listId: Uint8Array): StatusList | null {
    return this.#lists.get(toHex(listId))?.edition ?? null
  }

  /** The newest edition of the list that a ping of one's own names, as a document. Throws `store-damaged` where it is not on the disk. */
  ownDocument(ping: Pick<Ping, 'status'>): Uint8Array {
    return this.#listOf(ping).document
  }

  /** The net remembers a later edition than this disk, which then is an older copy: what was revoked stays so, and none of the places that the edition has is given away any more. */
  heard(edition: StatusList): void {
    this.#soon(async () => {
      const { keys } = this.#context
      const list = this.#lists.get(toHex(edition.listId))
      const isOwn = edition.issuerPosition === keys.position && equal(edition.issuer, keys.id)
      if (!list || !isOwn || !isAfter(edition, list.edition)) return
      if (!verifySignature(keys.publicKey, edition.message, edition.signature)) return
      this.#context.log.warn({ list: toHex(edition.listId) }, 'the net knows a later status list than this disk')
      const bits = union(list.edition.bits, edition.bits)
      await this.#keep(await this.#nextEdition({ edition, next: 8 * bits.length }, bits), true, [])
    })
  }

  /** A list with a free place, grown or begun where there is none; whether its edition is a new one. */
  async #listWithRoom(): Promise<{ list: OwnList; isNew: boolean }> {
    for (const list of this.#lists.values()) {
      if (list.next < 8 * list.edition.bits.length) return { list, isNew: false }
    }
    for (const list of this.#lists.values()) {
      const { bits } = list.edition
      if (16 * bits.length > LIMITS.statusListBitsMax) continue
      return { list: await this.#nextEdition(list, union(bits, new Uint8Array(2 * bits.length))), isNew: true }
    }
    if (this.#lists.size >= LIMITS.statusListsOwnMax) throw new WebxError('limit', 'all status lists are full')
    const listId = this.#context.random.bytes(16)
    const bits = new Uint8Array(LIMITS.statusListBitsFirst / 8)
    const begun = { edition: { listId, issuerPosition: 0, sequence: 0, issuedMs: 0 }, next: 0 }
    return { list: await this.#nextEdition(begun, bits), isNew: true }
  }

  /**
   * Signed with the key of today, which counts its editions anew. At the end of the numbers, where only a thief of the key can have led, it stays: what is signed there
   * counts with the next key. What is dated ahead nobody else has taken, so the next one is of now.
   */
  async #nextEdition(
    {
      edition,
      next,
    }: { edition: Pick<StatusList, 'listId' | 'issuerPosition' | 'sequence' | 'issuedMs'>; next: number },
    bits: Uint8Array,
  ): Promise<OwnList> {
    const { keys, clock } = this.#context
    const nowMs = clock.nowMs()
    const isOfThisKey = edition.issuerPosition === keys.position
    const isAhead = edition.issuedMs > nowMs + LIMITS.clockSkewMsMax
    const terms = {
      ...{ issuer: keys.id, issuerPosition: keys.position, listId: edition.listId, bits },
      sequence: isOfThisKey ? Math.min(edition.sequence + 1, Number.MAX_SAFE_INTEGER) : 1,
      issuedMs: isOfThisKey && !isAhead ? Math.max(nowMs, edition.issuedMs) : nowMs,
    }
    const document = encodeStatusList(terms, await keys.sign(statusMessage(terms)))
    return { edition: readStatusList(document), document, next }
  }

  /** On the disk first, then known here, then said to the net where the edition is a new one. */
  #keep(list: OwnList, isNew: boolean, writes: readonly Write[]): Promise<void> {
    const value = encode([VERSION, list.next, list.document])
    return this.#context.road.run(() => ({
      writes: [...writes, { space: LISTS, key: list.edition.listId, value }],
      apply: () => this.#lists.set(toHex(list.edition.listId), list),
      emit: isNew ? [this.#outgoing(list)] : [],
    }))
  }

  /** Signs editions anew: all of them, or those that another key than today's has signed. */
  async #refresh(onlyOld = false): Promise<void> {
    const { keys } = this.#context
    for (const list of [...this.#lists.values()]) {
      if (onlyOld && list.edition.issuerPosition === keys.position) continue
      await this.#keep(await this.#nextEdition(list, list.edition.bits), true, [])
    }
  }

  /** What is signed after a rotation others wait for but a while: once the rotation is settled it is said again. */
  #onSettled(): void {
    if (this.#isKeySettled || !this.#keyIsSettled()) return
    this.#isKeySettled = true
    this.#soon(() => this.#publish())
  }

  #keyIsSettled(): boolean {
    const { keys, directory } = this.#context
    return keys.position === 0 || directory.keyAt(keys.id, keys.position) !== null
  }

  async #publish(): Promise<void> {
    await this.#refresh(true)
    await this.#context.road.run(() => ({ emit: [...this.#lists.values()].map((list) => this.#outgoing(list)) }))
  }

  #outgoing({ edition, document }: OwnList): Outgoing {
    const { topics, keys, netId } = this.#context
    return { topic: topics.status(keys.id, edition.listId), bytes: statusStatement(netId, document), retain: true }
  }

  #listOf({ status }: Pick<Ping, 'status'>): OwnList {
    const list = status && this.#lists.get(toHex(status.listId))
    if (list) return list
    throw new WebxError('store-damaged', 'the status list of this ping is not on the disk')
  }

  #mintedOf(pingId: Uint8Array): Minted {
    const value = this.#context.store.get(MINTED, pingId)
    if (value) return readMinted(value)
    throw new WebxError('bad-argument', 'no such ping was minted here', {
      hint: 'webx ping list shows those that were.',
    })
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#working.then(action, action)
    this.#working = done.catch(() => undefined)
    return done
  }

  /** The same for what nobody waits for. */
  #soon(action: () => Promise<void>): void {
    this.#inTurn(action).catch((error: unknown) => {
      if ((error as WebxError).code !== 'stopped') this.#context.log.warn({ error }, 'status lists were not published')
    })
  }
}

function mintedWrite({ ping, document, mintedMs, revokedMs }: Minted): Write {
  return { space: MINTED, key: ping.id, value: encode([VERSION, mintedMs, revokedMs ?? 0, document]) }
}

function readMinted(value: Uint8Array): Minted {
  const fields = Fields.of('minted ping', value)
  assertVersion(fields.uint('version'))
  const mintedMs = fields.uint('mintedMs')
  const revokedMs = fields.uint('revokedMs')
  const document = fields.bytesBetween('document', 1, LIMITS.pingBytesMax)
  fields.end()
  return { ping: readPing(document), document, mintedMs, revokedMs: revokedMs === 0 ? null : revokedMs }
}

function readList(value: Uint8Array): OwnList {
  const fields = Fields.of('own status list', value, LIMITS.statusListFileBytesMax + 64)
  assertVersion(fields.uint('version'))
  const next = fields.uint('next', LIMITS.statusListBitsMax)
  const document = fields.bytesBetween('document', 1, LIMITS.statusListFileBytesMax)
  fields.end()
  return { edition: readStatusList(document), document, next }
}

function assertVersion(version: number): void {
  if (version !== VERSION)
    throw new WebxError('bad-version', `kept by version ${version}, this runtime reads ${VERSION}`)
}

/** Whether an edition by the key of today counts more than one that is held: any does, where that is by a key before. */
function isAfter(edition: StatusList, held: StatusList): boolean {
  return edition.issuerPosition > held.issuerPosition || edition.sequence > held.sequence
}

/** The bits that are set in either, as long as the longer one. */
function union(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: Math.max(a.length, b.length) }, (_, i) => (a[i] ?? 0) | (b[i] ?? 0))
}

/**
 * Watches: who is to be told of new versions of a file, by which ping, until when.
 *
 * Each version is told once: that it was is on the disk before the notice leaves, and there is no receipt, so a notice that the broker loses is lost. A watch ends with its
 * ping: by time or by revocation. A file's `notify` runnable says what is told, and may say that nothing is.
 */

import { concat, equal, toHex } from '../core/bytes.ts'
import { type Cbor, decode, encode } from '../core/codec.ts'
import { TYPE } from '../core/envelope.ts'
import { asWebxError, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { evaluatePolicy } from '../data/policy.ts'
import { encodeNotice } from '../data/redeem-answer.ts'
import { noticePayload } from '../data/redeem-frames.ts'
import { sealNotice } from '../data/redeem-seal.ts'
import { OPERATION } from '../data/rights.ts'
import { isRevoked } from '../data/statuslist.ts'
import type { Write } from '../kernel/ports.ts'
import type { KeptVersion } from '../kernel/vault.ts'
import { ask, type Judged, type JudgeParts } from './redemption-judge.ts'

/** One watch of one holder by one ping. */
interface Watch {
  readonly dataId: Uint8Array
  /** 32-byte identity that is told, and the key that notices are sealed to. */
  readonly holder: Uint8Array
  readonly agreementKey: Uint8Array
  readonly issuer: Uint8Array
  /** 16 bytes. */
  readonly pingId: Uint8Array
  readonly status: { readonly listId: Uint8Array; readonly index: number } | null
  readonly purpose: string
  readonly untilMs: number
  /** The newest version that was told or seen. */
  readonly told: number
}

const SPACE = 'vault-watch'
const VERSION = 1
const LIFETIME_MS = 60_000
const NOTHING = new Uint8Array(0)

/** The watches of one server. */
export class Watches {
  readonly #parts: JudgeParts
  readonly #watches = new Map<string, Watch>()
  #telling: Promise<void> = Promise.resolve()

  constructor(parts: JudgeParts) {
    this.#parts = parts
  }

  restore(): void {
    for (const { value } of this.#parts.context.store.scan(SPACE)) this.#put(readWatch(value))
  }

  /** A watch that begins with `apply`, once the writes are on the disk; the holder's earlier one by this ping is replaced. Throws `limit`. */
  watch({ requester, presented, redemption, version }: Judged): {
    readonly untilMs: number
    readonly writes: readonly Write[]
    apply(): void
  } {
    const { ping, rights } = presented
    const { status } = ping
    // copies: what they are views of gets wiped
    const watch: Watch = {
      ...{ dataId: ping.dataId.slice(), holder: requester.slice(), agreementKey: rights.agreementKey.slice() },
      ...{ issuer: ping.issuer.slice(), pingId: ping.id.slice(), purpose: redemption.request.purpose },
      ...{ status: status && { listId: status.listId.slice(), index: status.index } },
      ...{ untilMs: rights.expiresMs, told: version.manifest.fileVersion },
    }
    if (this.#watches.size >= LIMITS.vaultWatchersMax && !this.#watches.has(nameOf(watch))) {
      throw new WebxError('limit', 'this server can tell no more holders of new versions')
    }
    return { untilMs: watch.untilMs, writes: [writeOf(watch)], apply: () => this.#put(watch) }
  }

  /** Tells whoever watches the file of a version, one after the other. Never throws. */
  tell(version: KeptVersion): void {
    this.#telling = this.#telling.then(() => this.#tellAll(version))
  }

  /** Tells of versions that were kept and not told of when this node ended. */
  catchUp(): void {
    const { vault, context } = this.#parts
    for (const { dataId, told } of [...this.#watches.values()]) {
      try {
        const version = vault.newest(dataId)
        if (version && version.manifest.fileVersion > told) this.tell(version)
      } catch (error) {
        context.counters.count(`vault.untold.${asWebxError(error).code}`)
      }
    }
  }

  /** Resolves when all are told. */
  settled(): Promise<void> {
    return this.#telling
  }

  /** Ends what has expired; what it gives back is to be stored. */
  sweep(nowMs: number): Write[] {
    return [...this.#watches.values()].filter(({ untilMs }) => nowMs >= untilMs).map((watch) => this.#end(watch))
  }

  async #tellAll(version: KeptVersion): Promise<void> {
    const { context } = this.#parts
    const { dataId, fileVersion } = version.manifest
    for (const watch of [...this.#watches.values()]) {
      if (!equal(watch.dataId, dataId) || watch.told >= fileVersion) continue
      try {
        await this.#tellOne(watch, version)
      } catch (error) {
        context.counters.count(`vault.untold.${asWebxError(error).code}`)
      }
    }
  }

  async #tellOne(watch: Watch, version: KeptVersion): Promise<void> {
    const { context } = this.#parts
    if (this.#isOver(watch)) {
      await context.road.run(() => (this.#stands(watch) ? { writes: [this.#end(watch)] } : null))
      return
    }
    const payload = await this.#message(watch, version)
    const told = { ...watch, told: version.manifest.fileVersion }
    const emit = payload === null ? [] : [this.#notice(watch, version, payload)]
    await context.road.run(() => {
      if (!this.#stands(watch)) return null
      // at once, so that nothing else of this turn takes the place of it
      this.#put(told)
      return { writes: [writeOf(told)], emit }
    })
  }

  /** False where the watch ended, or another one took its place, while its runnable was asked. */
  #stands(watch: Watch): boolean {
    return this.#watches.get(nameOf(watch)) === watch
  }

  #isOver({ issuer, status, untilMs }: Watch): boolean {
    const { context, statuses } = this.#parts
    if (context.clock.nowMs() >= untilMs) return true
    const list = status && statuses.list(issuer, status.listId)
    return list !== null && isRevoked(list, status?.index ?? 0)
  }

  /** What is said of the version; null where nothing is. */
  async #message(watch: Watch, { manifest }: KeptVersion): Promise<Uint8Array | null> {
    const { context, jurisdictions } = this.#parts
    const { purpose, holder } = watch
    if (evaluatePolicy(manifest.policy, { purpose, jurisdictions, nowMs: context.clock.nowMs() }) !== 'allow')
      return null
    const entry = manifest.runnables.find(({ hook }) => hook === 'notify')
    if (!entry) return NOTHING
    const { verdict } = await ask(this.#parts, entry, {
      ...{ hook: 'notify', requester: holder, purpose, operation: OPERATION.notify },
      ...{ from: 0, to: manifest.contentBytes, fields: [] },
    })
    return verdict.kind === 'notify' ? verdict.payload : null
  }

  #notice({ holder, agreementKey }: Watch, { manifest, digest }: KeptVersion, payload: Uint8Array) {
    const { keys, netId, topics } = this.#parts.context
    const { dataId, fileVersion } = manifest
    const plaintext = encodeNotice({ dataId, fileVersion, digest, payload })
    const ephemeral = keys.ephemeral()
    try {
      const sealed = sealNotice(plaintext, agreementKey, ephemeral, { netId, server: keys.id, holder })
      return {
        topic: topics.to(holder),
        type: TYPE.vaultNotice,
        payload: noticePayload(sealed),
        lifetimeMs: LIFETIME_MS,
      }
    } finally {
      ephemeral.wipe()
    }
  }

  #put(watch: Watch): void {
    this.#watches.set(nameOf(watch), watch)
  }

  #end(watch: Watch): Write {
    this.#watches.delete(nameOf(watch))
    return { space: SPACE, key: keyOf(watch), value: null }
  }
}

function keyOf({ dataId, holder, pingId }: Watch): Uint8Array {
  return concat(dataId, holder, pingId)
}

function nameOf(watch: Watch): string {
  return toHex(keyOf(watch))
}

function writeOf(watch: Watch): Write {
  const { dataId, holder, agreementKey, issuer, pingId, status, purpose, untilMs, told } = watch
  const entry: Cbor = status === null ? [] : [status.listId, status.index]
  const value = encode([VERSION, dataId, holder, agreementKey, issuer, pingId, entry, purpose, untilMs, told])
  return { space: SPACE, key: keyOf(watch), value }
}

function readWatch(value: Uint8Array): Watch {
  const fields = new Fields('watch', decode(value))
  fields.uint('version', VERSION)
  const watch = {
    dataId: fields.bytes('dataId', 32),
    holder: fields.bytes('holder', 32),
    agreementKey: fields.bytes('agreementKey', 32),
    issuer: fields.bytes('issuer', 32),
    pingId: fields.bytes('pingId', 16),
    status: readStatus(fields.any('status')),
    purpose: fields.text('purpose', LIMITS.pingPurposeCharactersMax),
    untilMs: fields.uint('untilMs'),
    told: fields.uint('told'),
  }
  fields.end()
  return watch
}

function readStatus(value: Cbor): Watch['status'] {
  if (Array.isArray(value) && value.length === 0) return null
  const fields = new Fields('watch.status', value)
  const status = { listId: fields.bytes('listId', 16), index: fields.uint('index') }
  fields.end()
  return status
}

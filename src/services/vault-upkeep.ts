/**
 * What a vault does by itself: removes what a crash left over, lets go of content whose time is over, and reads its copies again from time to time, before a failing disk is
 * noticed by somebody who needs the file.
 */

import { equal, fromHex, toHex } from '../core/bytes.ts'
import { asWebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { encodeRequest } from '../data/dsr-abi.ts'
import { readManifestDocument } from '../data/manifest.ts'
import type { Context } from '../kernel/context.ts'
import type { KeptVersion, QntStore, Runnables } from '../kernel/vault.ts'
import { type Catalogue, endedWrites, type FileRecord, fileWrite, heldContent } from './vault-catalogue.ts'

/** What upkeep works with. */
export interface UpkeepParts {
  readonly copies: QntStore
  readonly runnables: Runnables
  readonly catalogue: Catalogue
  /** Runs one thing after the other for each file. */
  readonly alone: <T>(dataId: Uint8Array, action: () => Promise<T>) => Promise<T>
}

export class Upkeep {
  readonly #context: Context
  readonly #parts: UpkeepParts
  /** When a file is to be looked at next, by its id: only those that are not kept for ever. */
  readonly #dueMs = new Map<string, number>()
  /** The file whose copy was read again last. */
  #scrubbed: Uint8Array | null = null
  #cancels: (() => void)[] = []
  readonly #ending = new AbortController()

  constructor(context: Context, parts: UpkeepParts) {
    this.#context = context
    this.#parts = parts
  }

  /** Brings disk and catalogue together and starts the timers; shows every file to `see`. Resolves with their number. */
  async begin(see: (file: FileRecord) => void): Promise<number> {
    const { catalogue, copies } = this.#parts
    const { schedule } = this.#context
    const onDisk = new Set((await copies.digests()).map(toHex))
    const lost: FileRecord[] = []
    let count = 0
    for (const known of catalogue.files()) {
      count++
      const file = known.held || known.buried ? known : await this.#foundAgain(known, onDisk)
      if (file.held && !onDisk.delete(toHex(file.held.digest))) lost.push(file)
      else this.remember(file)
      see(file)
    }
    for (const file of lost) await this.letGo(file, 'vault.lost')
    for (const digest of onDisk) await this.#clear(fromHex(digest))
    this.#cancels = [
      schedule.every(LIMITS.vaultSweepMs, 'vault sweep', async () => void (await this.sweep())),
      schedule.every(LIMITS.vaultScrubMs, 'vault scrub', () => this.scrubNext()),
    ]
    return count
  }

  end(): void {
    for (const cancel of this.#cancels) cancel()
    this.#ending.abort()
  }

  /** Takes note of when the content of a file may have to go. */
  remember({ dataId, held }: FileRecord): void {
    this.forget(dataId)
    if (held === null || (held.retainUntilMs === 0 && !held.asks)) return
    this.#dueMs.set(toHex(dataId), held.retainUntilMs)
  }

  forget(dataId: Uint8Array): void {
    this.#dueMs.delete(toHex(dataId))
  }

  /** Lets go of content whose time is over, of so many files at most; the others are due again a minute later. Answers how many were looked at. */
  async sweep(filesMax: number = LIMITS.vaultSweepFilesMax): Promise<number> {
    const { alone, catalogue } = this.#parts
    const nowMs = this.#context.clock.nowMs()
    const due = [...this.#dueMs].filter(([, atMs]) => atMs <= nowMs).sort(([, a], [, b]) => a - b)
    const looked = due.slice(0, filesMax)
    for (const [name] of looked) {
      if (this.#ending.signal.aborted) break
      const dataId = fromHex(name)
      await alone(dataId, async () => {
        const file = catalogue.file(dataId)
        const version = file?.held ? catalogue.version(file, file.held.version) : null
        if (!file?.held || !version) return this.forget(dataId)
        if (await this.#isOver(version, nowMs)) await this.letGo(file, 'vault.expired')
        else this.#dueMs.set(name, Math.max(file.held.retainUntilMs, nowMs + LIMITS.vaultScrubMs))
      })
    }
    return looked.length
  }

  /** Reads the copy of the next file again. A damaged one is told of and kept: most of it may still be of use; keeping the file again replaces it. */
  async scrubNext(): Promise<void> {
    const { alone, catalogue, copies } = this.#parts
    const file = this.#nextToScrub()
    this.#scrubbed = file?.dataId ?? null
    if (!file) return
    await alone(file.dataId, async () => {
      const now = catalogue.file(file.dataId)
      const version = now?.held ? catalogue.version(now, now.held.version) : null
      if (!version) return
      try {
        await copies.scrub(version, this.#ending.signal)
      } catch (error) {
        if (this.#ending.signal.aborted) return
        this.#context.counters.count('vault.damaged')
        this.#context.log.error(
          { dataId: toHex(file.dataId), error },
          'a copy in the vault is damaged: keep the file again',
        )
      }
    })
  }

  #nextToScrub(): FileRecord | null {
    let isPast = this.#scrubbed === null
    for (const file of this.#parts.catalogue.files()) {
      if (isPast && file.held) return file
      if (this.#scrubbed && equal(file.dataId, this.#scrubbed)) isPast = true
    }
    return null
  }

  /**
   * Whether the time of a version is over: its policy says so, and no runnable that it may stay; or a runnable says so where the policy names no end. A runnable that fails
   * deletes nothing by that.
   */
  async #isOver({ manifest }: KeptVersion, nowMs: number): Promise<boolean> {
    const { retainUntilMs } = manifest.policy
    const byPolicy = retainUntilMs !== 0 && nowMs >= retainUntilMs
    const runnable = manifest.runnables.find(({ hook }) => hook === 'expire')
    if (!runnable?.module || (retainUntilMs !== 0 && !byPolicy)) return byPolicy
    const { params, fuel, module } = runnable
    const whole = { purpose: '', operation: 0, from: 0, to: manifest.contentBytes, fields: [] }
    const request = encodeRequest({ hook: 'expire', nowMs, requester: this.#context.keys.id, params, ...whole })
    try {
      const { verdict, failure } = await this.#parts.runnables.run(module, request, fuel)
      return verdict.kind === 'deny' && (failure === 'none' || byPolicy)
    } catch (error) {
      this.#context.counters.count(`vault.unasked.${asWebxError(error).code}`)
      return byPolicy
    }
  }

  /** The content of a newest version that was lost lies there again, as when its disk was not there at the last start: it must not go for having been away. */
  async #foundAgain(file: FileRecord, onDisk: ReadonlySet<string>): Promise<FileRecord> {
    const { catalogue, copies } = this.#parts
    const newest = catalogue.version(file, file.newest)
    if (newest === null || !onDisk.has(toHex(newest.digest))) return file
    const fileBytes = await copies.fileBytes(newest.digest)
    if (fileBytes === null) return file
    const found = { ...file, held: heldContent(newest, fileBytes) }
    await this.#context.road.run(() => ({ writes: [fileWrite(found)] }))
    this.#context.counters.count('vault.found-again')
    return found
  }

  /**
   * Removes a copy that the catalogue does not name and does not need: of a version whose time is past, or that was on its way in when the power went. Of a file that the
   * catalogue does not know at all it stays, and so does a later version where the one that is known is lost: a catalogue that is lost or old must not take the files with it.
   */
  async #clear(digest: Uint8Array): Promise<void> {
    const { copies } = this.#parts
    const { counters, log } = this.#context
    const isNeedless = await copies.manifestOf(digest).then(
      (document) => this.#isNeedless(readManifestDocument(document).manifest),
      () => false,
    )
    if (!isNeedless) {
      counters.count('vault.unknown-copy')
      log.warn({ digest: toHex(digest) }, 'the vault has a copy that it does not know: webx qnt keep takes it in')
      return
    }
    await copies.remove(digest)
    counters.count('vault.left-over-removed')
  }

  #isNeedless({ dataId, fileVersion }: KeptVersion['manifest']): boolean {
    const file = this.#parts.catalogue.file(dataId)
    return file !== null && (file.buried || file.held !== null || fileVersion < file.newest)
  }

  /** Lets the content of a file go: the catalogue first, then the disk; where the file has ended, the wrapped keys too. Within `alone`. */
  async letGo(file: FileRecord, why: 'vault.ended' | 'vault.lost' | 'vault.expired'): Promise<void> {
    const { counters, log, road } = this.#context
    const versions = why === 'vault.ended' ? this.#parts.catalogue.versions(file) : []
    const writes = [...endedWrites(versions), fileWrite({ ...file, held: null })]
    await road.run(() => ({ writes }))
    this.forget(file.dataId)
    if (file.held) await this.#parts.copies.remove(file.held.digest)
    counters.count(why)
    log.info({ dataId: toHex(file.dataId), why }, 'content has gone from the vault')
  }
}

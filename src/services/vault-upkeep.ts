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
import { type Catalogue, type FileRecord, fileWrite } from './vault-catalogue.ts'

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
  /** Digests of copies that were found damaged. */
  readonly #damaged = new Set<string>()
  /** The file whose copy was read again last. */
  #scrubbed: Uint8Array | null = null
  #cancels: (() => void)[] = []

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
    for (const file of catalogue.files()) {
      count++
      if (file.held && !onDisk.delete(toHex(file.held.digest))) lost.push(file)
      else this.remember(file)
      see(file)
    }
    for (const digest of onDisk) await this.#clear(fromHex(digest))
    for (const file of lost) await this.letGo(file, 'vault.lost')
    this.#cancels = [
      schedule.every(LIMITS.vaultSweepMs, 'vault sweep', async () => void (await this.sweep())),
      schedule.every(LIMITS.vaultScrubMs, 'vault scrub', () => this.scrubNext()),
    ]
    return count
  }

  end(): void {
    for (const cancel of this.#cancels) cancel()
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

  /** A damaged copy was replaced. */
  mended(digest: Uint8Array): void {
    this.#damaged.delete(toHex(digest))
  }

  /** True where a copy was found damaged since this node started. */
  isDamaged(digest: Uint8Array): boolean {
    return this.#damaged.has(toHex(digest))
  }

  /** Lets go of content whose time is over, of so many files at most; the others are due again a minute later. Answers how many were looked at. */
  async sweep(filesMax: number = LIMITS.vaultSweepFilesMax): Promise<number> {
    const { alone, catalogue } = this.#parts
    const nowMs = this.#context.clock.nowMs()
    const due = [...this.#dueMs].filter(([, atMs]) => atMs <= nowMs).sort(([, a], [, b]) => a - b)
    const looked = due.slice(0, filesMax)
    for (const [name] of looked) {
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
        await copies.scrub(version)
      } catch (error) {
        this.#damaged.add(toHex(version.digest))
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

  /**
   * Removes a copy that the catalogue does not name: of a version whose time is past, or that was on its way in when the power went. Of a file that the catalogue does not know
   * at all it stays: should the catalogue be lost, it must not take the files with it.
   */
  async #clear(digest: Uint8Array): Promise<void> {
    const { catalogue, copies } = this.#parts
    const { counters, log } = this.#context
    const known = await copies.manifestOf(digest).then(
      (document) => catalogue.file(readManifestDocument(document).manifest.dataId) !== null,
      () => false,
    )
    if (!known) {
      counters.count('vault.unknown-copy')
      log.warn(
        { digest: toHex(digest) },
        'the vault has a copy of a file that it does not know: webx qnt keep takes it in',
      )
      return
    }
    await copies.remove(digest)
    counters.count('vault.left-over-removed')
  }

  /** Lets the content of a file go: the catalogue first, then the disk. Within `alone`. */
  async letGo(file: FileRecord, why: string): Promise<void> {
    const { counters, log, road } = this.#context
    await road.run(() => ({ writes: [fileWrite({ ...file, held: null })] }))
    this.forget(file.dataId)
    if (file.held) await this.#parts.copies.remove(file.held.digest)
    counters.count(why)
    log.info({ dataId: toHex(file.dataId), why }, 'content has gone from the vault')
  }
}

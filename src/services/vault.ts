/**
 * The vault: the .qnt files that this node keeps, its own and others', version after version.
 *
 * A copy is on the disk before the catalogue names it, and the catalogue has let go of it before it is unlinked: a crash leaves a file too many, never one too few, and
 * the next start removes it. What a version must prove before it is taken in: that its owner signed it with the current key, every chunk, and that it
 * follows what is kept. Versions of tier protected and public are put before the neighborhood by their owner's node.
 */

import { equal, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { assertSucceeds, readManifestDocument, verifyManifest } from '../data/manifest.ts'
import { type Holder, unwrapKey } from '../data/recipients.ts'
import { assertCommitted, type PayloadKeys } from '../data/stream.ts'
import { assertBuries, readTombstoneDocument, type SignedTombstone, verifyTombstone } from '../data/tombstone.ts'
import type { Agreed, Orders } from '../kernel/agreed.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { KeptVersion, QntStore, Runnables, Vault } from '../kernel/vault.ts'
import {
  Catalogue,
  endedWrites,
  type FileRecord,
  fileWrite,
  heldContent,
  tombstoneWrite,
  versionWrite,
} from './vault-catalogue.ts'
import { Witnesses } from './vault-register.ts'
import { Upkeep } from './vault-upkeep.ts'

/** What the vault stands on. */
export interface VaultParts {
  readonly agreed: Agreed
  readonly orders: Orders
  readonly copies: QntStore
  /** Who this node is to those who seal files to it: one holder for each suite. */
  readonly holders: readonly Holder[]
  readonly runnables: Runnables
}

export class NodeVault implements Vault, Service {
  readonly #context: Context
  readonly #copies: QntStore
  readonly #holders: readonly Holder[]
  readonly #catalogue: Catalogue
  readonly #witnesses: Witnesses
  readonly #upkeep: Upkeep
  readonly #listeners = new Set<(version: KeptVersion) => void>()
  /** What is under way with a file, by its id: one thing after the other. */
  readonly #busy = new Map<string, Promise<unknown>>()
  readonly #ending = new AbortController()
  #fileCount = 0
  #unhear = (): void => {}

  constructor(context: Context, { agreed, orders, copies, holders, runnables }: VaultParts) {
    this.#context = context
    this.#copies = copies
    this.#holders = holders
    this.#catalogue = new Catalogue(context.store)
    const parts = {
      catalogue: this.#catalogue,
      alone: <T>(id: Uint8Array, act: () => Promise<T>) => this.#alone(id, act),
    }
    this.#upkeep = new Upkeep(context, { ...parts, copies, runnables })
    const letGo = (file: FileRecord) => this.#upkeep.letGo(file, 'vault.ended')
    this.#witnesses = new Witnesses(context, { ...parts, agreed, orders, letGo })
  }

  /** Removes what a crash left over, and asks again for what is not settled, later where the outbox is full. Throws `store-failed`. */
  async start(): Promise<void> {
    const [waiting, ended]: [FileRecord[], FileRecord[]] = [[], []]
    this.#fileCount = await this.#upkeep.begin((file) => {
      if (file.waits) waiting.push(file)
      if (this.#witnesses.mustEnd(file)) ended.push(file)
    })
    for (const { dataId } of ended) await this.#alone(dataId, () => this.#witnesses.obeyEnd(dataId))
    this.#unhear = this.#context.events.on('settled', ({ order }) => this.#witnesses.onSettled(order))
    await this.#witnesses.begin(waiting)
  }

  async stop(): Promise<void> {
    this.#unhear()
    this.#witnesses.end()
    this.#upkeep.end()
    this.#ending.abort()
    await this.idle()
  }

  async keep(path: string): Promise<KeptVersion> {
    const document = await this.#copies.manifestAt(path)
    const read = readManifestDocument(document)
    return this.#alone(read.manifest.dataId, async () => {
      const file = this.#catalogue.file(read.manifest.dataId)
      const known = file && this.#catalogue.version(file, read.manifest.fileVersion)
      if (file && known && equal(known.digest, read.digest)) return this.#keepAgain(path, document, file, known)
      return this.#keepNew(path, document, file, known)
    })
  }

  async bury(document: Uint8Array): Promise<void> {
    const { tombstone, digest } = readTombstoneDocument(document)
    const { dataId } = tombstone
    await this.#alone(dataId, async () => {
      const file = this.#catalogue.file(dataId)
      if (file?.buried) {
        if (!equal(this.#catalogue.tombstone(dataId)?.digest ?? new Uint8Array(0), digest)) throw shredded()
        // what a full outbox or a failing disk left undone
        await this.#copies.remove(this.#catalogue.newest(file).digest)
        return this.#witnesses.askAgain(dataId)
      }
      verifyTombstone(document, (ownerId, position) => this.#witnesses.keyOf(ownerId, position))
      if (!file) throw new WebxError('wrong-file', 'this vault keeps no file of that name, so there is nothing to bury')
      const newest = this.#catalogue.newest(file)
      assertBuries(newest, tombstone)
      const isPublic = newest.manifest.tier !== 'private' || this.#witnesses.settled(file) !== null
      const waits = this.#witnesses.isOwn(file) && isPublic
      const end = [tombstoneWrite(dataId, document), fileWrite({ ...file, held: null, waits, buried: true })]
      const writes = [...endedWrites(this.#catalogue.versions(file)), ...end]
      await this.#context.road.run(() => ({ writes }))
      this.#upkeep.forget(dataId)
      if (file.held) await this.#copies.remove(file.held.digest)
      await this.#witnesses.askAgain(dataId)
    })
  }

  newest(dataId: Uint8Array): KeptVersion | null {
    const file = this.#catalogue.file(dataId)
    if (file && this.#witnesses.isGone(file)) throw shredded()
    if (!file || file.held?.version !== file.newest) return null
    return this.#witnesses.shown(this.#catalogue.newest(file))
  }

  versions(dataId: Uint8Array): readonly KeptVersion[] {
    const file = this.#catalogue.file(dataId)
    return file ? [...this.#catalogue.versions(file)].map((version) => this.#witnesses.shown(version)) : []
  }

  *files(): Iterable<KeptVersion> {
    for (const file of this.#catalogue.files())
      if (!this.#witnesses.isGone(file)) yield this.#witnesses.shown(this.#catalogue.newest(file))
  }

  ended(dataId: Uint8Array): SignedTombstone | null {
    return this.#catalogue.tombstone(dataId)
  }

  async unlock({ manifest }: KeptVersion): Promise<PayloadKeys> {
    const { dataId, keyEpoch, recipients, keyCommitment } = manifest
    let contentKey: Uint8Array | null = null
    for (const holder of this.#holders) contentKey ??= unwrapKey(recipients, holder, { dataId, keyEpoch })
    if (contentKey === null) {
      const hint = 'Its owner seals a new version to this node: webx qnt recipient shows what for.'
      throw new WebxError('not-allowed', 'this file is not sealed to this node', { hint })
    }
    const keys = { contentKey, dataId, keyEpoch }
    try {
      assertCommitted(keys, keyCommitment)
    } catch (error) {
      contentKey.fill(0)
      throw error
    }
    return keys
  }

  async readContent(version: KeptVersion, from: number, to: number): Promise<Uint8Array> {
    const { contentBytes } = version.manifest
    const isRange = Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from <= to
    if (!isRange || to > contentBytes || to - from > LIMITS.qntRangeBytesMax) {
      throw new WebxError('out-of-range', `bytes ${from} to ${to} cannot be read at once of ${contentBytes}`)
    }
    this.#assertHere(version)
    const keys = await this.unlock(version)
    try {
      return await this.#copies.readRange(version, { at: from, length: to - from }, keys)
    } finally {
      keys.contentKey.fill(0)
    }
  }

  async readSealed(version: KeptVersion, at: number, length: number): Promise<Uint8Array> {
    this.#assertHere(version)
    return this.#copies.readSealed(version.digest, at, length)
  }

  onVersion(listen: (version: KeptVersion) => void): () => void {
    this.#listeners.add(listen)
    return () => this.#listeners.delete(listen)
  }

  /** Lets go now of what is over, of so many files at most; answers how many were looked at. Done by itself every minute. */
  sweep(filesMax?: number): Promise<number> {
    return this.#upkeep.sweep(filesMax)
  }

  /** Reads the next copy again now. Done by itself every hour. */
  scrub(): Promise<void> {
    return this.#upkeep.scrubNext()
  }

  /** Resolves when nothing is under way with any file. */
  async idle(): Promise<void> {
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy.values())
  }

  /** A version that is known: its content is taken in where it is lost or damaged, its order where the outbox was full. */
  async #keepAgain(path: string, document: Uint8Array, file: FileRecord, known: KeptVersion): Promise<KeptVersion> {
    if (this.#witnesses.isGone(file)) throw shredded()
    if (known.manifest.fileVersion < file.newest) return this.#witnesses.shown(known)
    if (!equal(document, known.document)) {
      throw new WebxError('bad-signature', 'this manifest is signed otherwise than the one that was kept')
    }
    if (!file.held) this.#assertRetained(known)
    const fileBytes = await this.#copies.take(path, known, this.#ending.signal)
    if (file.held?.fileBytes !== fileBytes) await this.#commit(known, fileBytes, file)
    await this.#witnesses.askAgain(file.dataId)
    return this.#current(file.dataId)
  }

  async #keepNew(
    path: string,
    document: Uint8Array,
    file: FileRecord | null,
    known: KeptVersion | null,
  ): Promise<KeptVersion> {
    const signed = verifyManifest(document, (ownerId, position) => this.#witnesses.keyOf(ownerId, position))
    const { manifest, digest } = signed
    const settled = this.#witnesses.settled(manifest)
    if (file?.buried || settled?.gone) throw shredded()
    if (known || (settled?.version === manifest.fileVersion && !equal(settled.digest, digest))) {
      throw new WebxError('broken-history', `there is another version ${manifest.fileVersion} of this file`, {
        hint: 'Its owner signed two of them, or somebody who has the owner’s key.',
      })
    }
    if (file) assertSucceeds(this.#catalogue.newest(file), manifest)
    this.#assertRoom(file)
    this.#assertRetained(signed)
    const checked = { ...signed, document }
    const fileBytes = await this.#copies.take(path, checked, this.#ending.signal)
    const before = file ?? { dataId: manifest.dataId, ownerId: manifest.ownerId, salt: manifest.salt, first: 0 }
    await this.#commit({ ...checked, keptMs: this.#context.clock.nowMs(), certified: false }, fileBytes, before)
    if (!file) this.#fileCount++
    if (file?.held) await this.#copies.remove(file.held.digest)
    await this.#witnesses.askAgain(manifest.dataId)
    const version = this.#current(manifest.dataId)
    this.#announce(version)
    return version
  }

  /** Puts a copy that is on the disk into the catalogue. Where that fails the copy stays, for nobody knows what the disk holds by then: the next start sees to it. */
  async #commit(
    version: Omit<KeptVersion, 'fileBytes'>,
    fileBytes: number,
    file: Pick<FileRecord, 'dataId' | 'ownerId' | 'salt' | 'first'>,
  ): Promise<void> {
    const { manifest, keptMs } = version
    const { fileVersion, tier } = manifest
    const { certified } = this.#witnesses.shown({ ...version, fileBytes })
    const { dataId, ownerId, salt } = file
    const record: FileRecord = {
      ...{ dataId, ownerId, salt, first: file.first || fileVersion, newest: fileVersion, buried: false },
      held: heldContent(version, fileBytes),
      waits: tier !== 'private' && !certified && this.#witnesses.isOwn(manifest),
    }
    const writes = [versionWrite(version, keptMs, certified), fileWrite(record)]
    await this.#context.road.run(() => ({ writes }))
    this.#upkeep.remember(record)
  }

  #current(dataId: Uint8Array): KeptVersion {
    return this.#witnesses.shown(this.#catalogue.newest(this.#catalogue.file(dataId) as FileRecord))
  }

  #announce(version: KeptVersion): void {
    for (const listen of [...this.#listeners]) {
      try {
        listen(version)
      } catch (error) {
        this.#context.log.error({ error }, 'a listener for versions of files failed')
      }
    }
  }

  #assertRoom(file: FileRecord | null): void {
    if (!file && this.#fileCount >= LIMITS.vaultFilesMax) throw new WebxError('limit', 'the vault is full of files')
    if (file && file.newest - file.first + 1 >= LIMITS.vaultVersionsPerFileMax) {
      throw new WebxError('limit', `a vault knows ${LIMITS.vaultVersionsPerFileMax} versions of a file at most`)
    }
  }

  #assertRetained({ manifest }: Pick<KeptVersion, 'manifest'>): void {
    const { retainUntilMs } = manifest.policy
    if (retainUntilMs === 0 || this.#context.clock.nowMs() < retainUntilMs) return
    throw new WebxError('retention-over', 'the time is over for which this file may be kept')
  }

  #assertHere({ manifest, digest }: KeptVersion): void {
    const held = this.#catalogue.file(manifest.dataId)?.held ?? null
    if (held === null || !equal(held.digest, digest)) throw shredded()
  }

  /** Runs one thing after the other for each file. */
  #alone<T>(dataId: Uint8Array, action: () => Promise<T>): Promise<T> {
    const name = toHex(dataId)
    const done = (this.#busy.get(name) ?? Promise.resolve()).then(action, action)
    const settled = done.then(
      () => {},
      () => {},
    )
    this.#busy.set(name, settled)
    void settled.then(() => this.#busy.get(name) === settled && this.#busy.delete(name))
    return done
  }
}

function shredded(): WebxError {
  return new WebxError('shredded', 'the content of this version is not kept any more')
}

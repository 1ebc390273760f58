/**
 * The vault and the neighborhood: which key an owner signs with now, and what the register lane has settled of a file.
 */

import { readOrder } from '../consensus/order.ts'
import { equal } from '../core/bytes.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { dataIdOf, type Manifest } from '../data/manifest.ts'
import { objectId } from '../identity/objectid.ts'
import type { Agreed, Orders } from '../kernel/agreed.ts'
import type { Context } from '../kernel/context.ts'
import type { KeptVersion } from '../kernel/vault.ts'
import type { ObjectState } from '../ledger/account.ts'
import { operationOf } from '../ledger/rules.ts'
import { type Catalogue, type FileRecord, fileWrite, versionWrite } from './vault-catalogue.ts'

/** A file as the register calls it: 32 bytes of its owner, 16 of its salt. */
type FileName = Pick<Manifest, 'ownerId' | 'salt'>

/** What is to be settled of a file of this node's own: a version by its manifest's digest, or the end by its tombstone's. */
interface Ask extends FileName {
  readonly fileVersion: number
  readonly digest: Uint8Array
  readonly gone: boolean
}

/** What they are asked through. */
export interface WitnessesParts {
  readonly agreed: Agreed
  readonly orders: Orders
  readonly catalogue: Catalogue
  /** Runs one thing after the other for each file. */
  readonly alone: <T>(dataId: Uint8Array, action: () => Promise<T>) => Promise<T>
  /** Lets the content of a file go. */
  readonly letGo: (file: FileRecord) => Promise<void>
}

/** What the vault asks of everybody else. */
export class Witnesses {
  readonly #context: Context
  readonly #parts: WitnessesParts
  /** Files that were to be asked for at the start and found the outbox full. */
  #unasked: FileRecord[] = []
  #cancel = (): void => {}

  constructor(context: Context, parts: WitnessesParts) {
    this.#context = context
    this.#parts = parts
  }

  /** Asks again for what waits to be settled; what finds no room in the outbox is asked for later: a full one must not keep a node from starting, which alone empties it. */
  async begin(waiting: readonly FileRecord[]): Promise<void> {
    this.#unasked = [...waiting]
    await this.#askUnasked()
    this.#cancel = this.#context.schedule.every(LIMITS.vaultSweepMs, 'vault asks again', () => this.#askUnasked())
  }

  end(): void {
    this.#cancel()
  }

  isOwn({ ownerId }: Pick<FileName, 'ownerId'>): boolean {
    return equal(ownerId, this.#context.keys.id)
  }

  /**
   * The key with which an owner signs now, which must be the one that acted at `position` of its key log. A key that a rotation retired signs nothing new, whoever holds it by
   * then.
   *
   * Throws `unknown-owner`, `retired-key`; `frozen` where two histories of the owner are signed and nobody knows which is its own.
   */
  keyOf(ownerId: Uint8Array, position: number): Uint8Array {
    const { keys, directory } = this.#context
    const own = this.isOwn({ ownerId })
    const now = own ? keys.publicKey : directory.keyOf(ownerId)
    const then = own && position === keys.position ? keys.publicKey : directory.keyAt(ownerId, position)
    if (now === null || then === null) {
      throw new WebxError('unknown-owner', `the key of this owner at position ${position} is not known here`, {
        hint: 'Owners introduce themselves when their node is connected to the same broker: try again then.',
      })
    }
    if (directory.frozen(ownerId)) {
      throw new WebxError(
        'frozen',
        'two key events for one place are signed in this owner’s name: nothing new is taken',
        {
          hint: 'Keys of a higher rank, the next ones or those for recovery, end it.',
        },
      )
    }
    if (equal(now, then)) return now
    throw new WebxError('retired-key', 'signed with a key that its owner does not use any more', {
      hint: 'Its owner signs it again with the current key.',
    })
  }

  /** What is settled of a file; null where nothing is. */
  settled({ ownerId, salt }: FileName): ObjectState['file'] {
    const { netId, genesis } = this.#context
    const oid = objectId(netId, genesis.neighborhood, ownerId, salt)
    return this.#parts.agreed.register.object(oid)?.state?.file ?? null
  }

  /** True where exactly this is settled and nothing after it. */
  has(name: FileName, { fileVersion, digest, gone }: Omit<Ask, keyof FileName>): boolean {
    const file = this.settled(name)
    return file !== null && file.version === fileVersion && file.gone === gone && equal(file.digest, digest)
  }

  /** True for a file with a tombstone, here or in the register: its owner ordered the end, and a quorum holds that order. */
  isGone(file: FileRecord): boolean {
    return file.buried || this.settled(file)?.gone === true
  }

  /** True for a file that has ended, and of which content or wrapped keys are here yet. */
  mustEnd(file: FileRecord): boolean {
    if (!this.isGone(file)) return false
    return file.held !== null || this.#parts.catalogue.newest(file).document.length > 0
  }

  /** Lets go of what the register says has ended; within `alone`. */
  async obeyEnd(dataId: Uint8Array): Promise<void> {
    const file = this.#parts.catalogue.file(dataId)
    if (file && this.mustEnd(file)) await this.#parts.letGo(file)
  }

  /** A version with what the register says of it by now. */
  shown(version: KeptVersion): KeptVersion {
    const { manifest, digest, certified } = version
    if (certified || manifest.tier === 'private') return version
    const { fileVersion } = manifest
    return { ...version, certified: this.has(manifest, { fileVersion, digest, gone: false }) }
  }

  /**
   * Puts the newest version, or the end, of a file of this node's own before the neighborhood where that is still to be done; within `alone`. Resolves when the wish is
   * stored. Throws `limit`.
   */
  async askAgain(dataId: Uint8Array): Promise<void> {
    const file = this.#parts.catalogue.file(dataId)
    if (!file?.waits) return
    const ask = this.#askOf(file)
    if (this.has(file, ask)) return this.#markSettled(ask)
    const { salt, fileVersion, digest, gone } = ask
    const settled = this.settled(file)
    // what the register has passed by would be refused for ever
    if (settled !== null && (settled.gone || settled.version >= fileVersion)) return
    const operation = { kind: 'version', fileVersion, digest, gone } as const
    await this.#parts.orders.place({ reference: digest, nonce: salt, operation })
  }

  /** An order, as encoded, has settled: notes what it says of a file that is kept here. */
  onSettled(bytes: Uint8Array): void {
    const { owner, nonce, op } = readOrder(decodeEnvelope(bytes))
    const operation = operationOf({ op })
    if (operation.kind !== 'version') return
    const { fileVersion, digest, gone } = operation
    const ask = { ownerId: owner, salt: nonce, fileVersion, digest, gone }
    this.#parts
      .alone(dataIdOf(owner, nonce), () => this.#markSettled(ask))
      .catch((error: unknown) => {
        this.#context.log.warn({ error }, 'a settled version of a file could not be noted')
      })
  }

  /** So that it is known when the register has come to later versions. */
  async #markSettled(ask: Ask): Promise<void> {
    const { catalogue } = this.#parts
    const file = catalogue.file(dataIdOf(ask.ownerId, ask.salt))
    if (!file) return
    const version = ask.gone ? null : catalogue.version(file, ask.fileVersion)
    const isOurs = version !== null && equal(version.digest, ask.digest)
    const isLast = equal(this.#askOf(file).digest, ask.digest)
    const writes = [
      ...(isOurs && !version.certified ? [versionWrite(version, version.keptMs, true)] : []),
      ...(isLast && file.waits ? [fileWrite({ ...file, waits: false })] : []),
    ]
    if (writes.length > 0) await this.#context.road.run(() => ({ writes }))
    if (ask.gone) await this.obeyEnd(file.dataId)
  }

  async #askUnasked(): Promise<void> {
    for (let next = this.#unasked[0]; next !== undefined; next = this.#unasked[0]) {
      const { dataId } = next
      try {
        await this.#parts.alone(dataId, () => this.askAgain(dataId))
      } catch (error) {
        if ((error as WebxError).code !== 'limit') throw error
        this.#context.counters.count('vault.outbox-full')
        return
      }
      this.#unasked.shift()
    }
  }

  #askOf(file: FileRecord): Ask {
    const { ownerId, salt, dataId } = file
    const end = file.buried ? this.#parts.catalogue.tombstone(dataId) : null
    if (end) return { ownerId, salt, fileVersion: end.tombstone.fileVersion, digest: end.digest, gone: true }
    const { digest } = this.#parts.catalogue.newest(file)
    return { ownerId, salt, fileVersion: file.newest, digest, gone: false }
  }
}

/**
 * The last notices of new versions, on the disk, so that the owner of a holder's node can read them when he looks: a bounded number, and of each file by each server
 * fewer, so that who is told much of one file does not lose sight of the others.
 */

import { equal } from '../core/bytes.ts'
import { decode, encode } from '../core/codec.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Store, Write } from '../kernel/ports.ts'
import type { KeptNotice } from '../kernel/redeeming.ts'

const SPACE = 'vault-notice'
const VERSION = 1

/** Kept notices of one node, oldest first. */
export class KeptNotices {
  readonly #kept = new Map<number, KeptNotice>()
  #last = 0

  restore(store: Pick<Store, 'scan'>): void {
    const kept = [...store.scan(SPACE)].map(({ value }) => readKept(value))
    for (const notice of kept.sort((a, b) => a.number - b.number)) this.#put(notice)
  }

  all(): Iterable<KeptNotice> {
    return this.#kept.values()
  }

  /** Keeps one, in the place of the oldest of its file or of all where there is no room; what it gives back is to be stored. */
  keep(notice: Omit<KeptNotice, 'number'>): Write[] {
    const kept = [...this.#kept.values()]
    const ofFile = kept.filter(({ server, dataId }) => equal(server, notice.server) && equal(dataId, notice.dataId))
    const [old] = ofFile.length >= LIMITS.vaultNoticesPerFileMax ? ofFile : kept
    const next = { ...notice, number: this.#last + 1 }
    this.#put(next)
    const write = { space: SPACE, key: keyOf(next.number), value: bytesOf(next) }
    if (!old || (ofFile.length < LIMITS.vaultNoticesPerFileMax && kept.length < LIMITS.vaultNoticesMax)) return [write]
    this.#kept.delete(old.number)
    return [write, { space: SPACE, key: keyOf(old.number), value: null }]
  }

  #put(notice: KeptNotice): void {
    this.#kept.set(notice.number, notice)
    this.#last = notice.number
  }
}

function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(8)
  new DataView(key.buffer).setBigUint64(0, BigInt(number))
  return key
}

function bytesOf({ number, heardMs, server, dataId, fileVersion, digest, payload }: KeptNotice): Uint8Array {
  return encode([VERSION, number, heardMs, server, dataId, fileVersion, digest, payload])
}

function readKept(value: Uint8Array): KeptNotice {
  const fields = new Fields('kept notice', decode(value))
  fields.uint('version', VERSION)
  const notice = {
    number: fields.uint('number'),
    heardMs: fields.uint('heardMs'),
    server: fields.bytes('server', 32),
    dataId: fields.bytes('dataId', 32),
    fileVersion: fields.uint('fileVersion'),
    digest: fields.bytes('digest', 32),
    payload: fields.bytesBetween('payload', 0, LIMITS.runnablePayloadBytesMax),
  }
  fields.end()
  return notice
}

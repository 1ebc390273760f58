/**
 * What a holder watches: of which servers and files it takes notices, so that nobody else who knows its agreement key can tell it of versions; each version once.
 */

import { concat, equal, toHex } from '../core/bytes.ts'
import { decode, encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import type { AgreementHalf } from '../core/hpke.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { readNotice, type VersionNotice } from '../data/redeem-answer.ts'
import type { Notice } from '../data/redeem-frames.ts'
import { openNotice } from '../data/redeem-seal.ts'
import type { Context } from '../kernel/context.ts'
import type { Decision } from '../kernel/lane.ts'
import type { Write } from '../kernel/ports.ts'
import type { KeptNotice } from '../kernel/redeeming.ts'
import { KeptNotices } from './redeemer-notices.ts'

/** A notice with the identity of the server that sent it. */
export type HeardNotice = VersionNotice & { readonly server: Uint8Array }

interface Watched {
  readonly key: Uint8Array
  readonly untilMs: number
  /** The newest version that is known. */
  readonly version: number
}

const SPACE = 'vault-watching'
const VERSION = 1

/** The watches that this node holds at servers. */
export class Watching {
  readonly #context: Context
  readonly #agreement: AgreementHalf
  readonly #watched = new Map<string, Watched>()
  readonly #notices = new KeptNotices()
  readonly #listeners = new Set<(notice: HeardNotice) => void>()

  constructor(context: Context, agreement: AgreementHalf) {
    this.#context = context
    this.#agreement = agreement
  }

  restore(): void {
    this.#notices.restore(this.#context.store)
    for (const { key, value } of this.#context.store.scan(SPACE)) {
      const fields = new Fields('watched', decode(value))
      fields.uint('version', VERSION)
      this.#watched.set(toHex(key), { key, untilMs: fields.uint('untilMs'), version: fields.uint('known') })
      fields.end()
    }
  }

  notices(): Iterable<KeptNotice> {
    return this.#notices.all()
  }

  onNotice(listen: (notice: HeardNotice) => void): () => void {
    this.#listeners.add(listen)
    return () => this.#listeners.delete(listen)
  }

  /** From now on notices of that file by that server are taken. Throws `limit`. */
  begin(server: Uint8Array, dataId: Uint8Array, untilMs: number, version: number): Promise<void> {
    return this.#context.road.run(() => {
      const key = concat(server, dataId)
      const ended = this.#ended()
      if (this.#watched.size - ended.length >= LIMITS.vaultWatchersMax && !this.#watched.has(toHex(key))) {
        throw new WebxError('limit', 'this node watches too many files')
      }
      const known = this.#watched.get(toHex(key))
      const watched = {
        key,
        untilMs: Math.max(untilMs, known?.untilMs ?? 0),
        version: Math.max(version, known?.version ?? 0),
      }
      return {
        writes: [...ended.map((each) => ({ space: SPACE, key: each.key, value: null })), writeOf(watched)],
        apply: () => {
          for (const each of ended) this.#watched.delete(toHex(each.key))
          this.#watched.set(toHex(key), watched)
        },
      }
    })
  }

  /** A notice that came from `sender`. Throws `not-allowed` for what is not watched, `replayed` for a version that is known, `tampered`. */
  take(sender: Uint8Array, notice: Notice): Decision {
    const { keys, netId, clock } = this.#context
    // before anything is opened, which costs
    if (![...this.#watched.values()].some(({ key }) => equal(key.subarray(0, 32), sender))) {
      throw new WebxError('not-allowed', 'a notice by somebody with whom this node watches nothing')
    }
    const place = { netId, server: sender, holder: keys.id }
    const said = readNotice(openNotice(notice, this.#agreement, place))
    const watched = this.#watched.get(toHex(concat(sender, said.dataId)))
    if (!watched || clock.nowMs() >= watched.untilMs) {
      throw new WebxError('not-allowed', 'a notice of a file that this node does not watch there')
    }
    if (said.fileVersion <= watched.version) throw new WebxError('replayed', 'a notice of a version that is known')
    const heard = {
      ...{ heardMs: clock.nowMs(), server: sender.slice(), dataId: said.dataId.slice(), fileVersion: said.fileVersion },
      ...{ digest: said.digest.slice(), payload: said.payload.slice() },
    }
    const next = { ...watched, version: said.fileVersion }
    // another notice of the same turn must not pass for newer than this one
    this.#watched.set(toHex(watched.key), next)
    return {
      writes: [writeOf(next), ...this.#notices.keep(heard)],
      apply: () => {
        for (const listen of this.#listeners) listen(heard)
      },
    }
  }

  #ended(): Watched[] {
    const nowMs = this.#context.clock.nowMs()
    return [...this.#watched.values()].filter(({ untilMs }) => nowMs >= untilMs)
  }
}

function writeOf({ key, untilMs, version }: Watched): Write {
  return { space: SPACE, key, value: encode([VERSION, untilMs, version]) }
}

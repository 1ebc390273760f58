/**
 * Who has revoked what: the status lists of other identities that this node was asked to follow, as they come over the net.
 *
 * Anybody may hand an edition on; it counts by its issuer's key of today, and an older one never takes the place of a later one, also after a restart. An edition whose
 * issuer is not known here yet, or has rotated and not said so, waits for a while.
 */

import { concat, equal, toHex } from '../core/bytes.ts'
import type { Envelope } from '../core/envelope.ts'
import { TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { acceptStatusList, readStatusList, readStatusStatement, type StatusList } from '../data/statuslist.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Decision, Lane, Message } from '../kernel/lane.ts'
import type { OwnStatusLists, StatusLists } from '../kernel/vault.ts'

/** One list that is followed. */
interface Followed {
  readonly issuer: string
  /** The newest edition that is on the disk. */
  list: StatusList | null
  /** The newest one that was accepted, on its way to the disk. */
  staged: StatusList | null
  /** One that could not be judged yet. */
  waiting: Uint8Array | null
  /** Called when an edition is there. */
  readonly listeners: Set<() => void>
}

const SPACE = 'status-list'

/** Follows status lists, durably. */
export class Statuses implements StatusLists, Service, Lane {
  readonly types: readonly number[] = [TYPE.status]
  readonly #context: Context
  readonly #own: OwnStatusLists
  readonly #followed = new Map<string, Followed>()
  readonly #issuers = new Set<string>()
  #retries = 0
  #cancelRetry: (() => void) | null = null

  constructor(context: Context, own: OwnStatusLists) {
    this.#context = context
    this.#own = own
    context.road.lay(this)
  }

  async start(): Promise<void> {
    const { store, keys } = this.#context
    for (const { value } of store.scan(SPACE)) {
      const list = readStatusList(value)
      this.#place(list.issuer, list.listId, list)
    }
    for (const issuer of new Set([toHex(keys.id), ...[...this.#followed.values()].map((each) => each.issuer)])) {
      await this.#subscribe(issuer)
    }
  }

  async stop(): Promise<void> {
    this.#cancelRetry?.()
    for (const { listeners } of this.#followed.values()) for (const listener of listeners) listener()
  }

  list(issuer: Uint8Array, listId: Uint8Array): StatusList | null {
    if (equal(issuer, this.#context.keys.id)) return this.#own.own(listId)
    return this.#followed.get(nameOf(issuer, listId))?.list ?? null
  }

  async follow(issuer: Uint8Array, listId: Uint8Array): Promise<void> {
    if (equal(issuer, this.#context.keys.id)) return
    const known = this.#followed.get(nameOf(issuer, listId))
    if (known?.list) return
    if (!known) this.#makeRoom(toHex(issuer))
    const followed = known ?? this.#place(issuer, listId, null)
    await this.#subscribe(toHex(issuer))
    await this.#arrival(followed)
  }

  topicOf(envelope: Envelope): string {
    const { topics, netId } = this.#context
    if (!equal(envelope.scope, netId)) throw new WebxError('wrong-net', 'status list of another net')
    const { issuer, listId } = readStatusStatement(envelope)
    return topics.status(issuer, listId)
  }

  decide({ envelope }: Message): Decision | null {
    const next = readStatusStatement(envelope)
    if (equal(next.issuer, this.#context.keys.id)) {
      this.#own.heard(next)
      return null
    }
    const followed = this.#followed.get(nameOf(next.issuer, next.listId))
    if (!followed || (followed.staged && equal(followed.staged.message, next.message))) return null
    try {
      return this.#accept(followed, next, envelope.body)
    } catch (error) {
      if (!mayComeTrue(error)) throw error
      this.#wait(followed, envelope.body)
      return null
    }
  }

  /** Throws `from-the-future`, and as `#keyOf` and `acceptStatusList`. */
  #accept(followed: Followed, next: StatusList, document: Uint8Array): Decision {
    const accepted = acceptStatusList(followed.staged, next, this.#keyOf(next))
    if (accepted.issuedMs > this.#context.clock.nowMs() + LIMITS.clockSkewMsMax) {
      throw new WebxError('from-the-future', 'this status list is of a time that has not come')
    }
    followed.staged = accepted
    followed.waiting = null
    return {
      writes: [{ space: SPACE, key: concat(accepted.issuer, accepted.listId), value: document.slice() }],
      apply: () => {
        followed.list = accepted
        for (const listener of followed.listeners) listener()
      },
    }
  }

  /**
   * The key that acts for the issuer today, which must be the one at the place that the edition names: one beyond the log would stay ahead of every later key.
   *
   * Throws `unknown-sender` for an issuer that nobody introduced, `stale-log` for a place that its log does not have yet, `retired-key`.
   */
  #keyOf({ issuer, issuerPosition }: StatusList): Uint8Array {
    const { directory } = this.#context
    const now = directory.keyOf(issuer)
    if (!now) throw new WebxError('unknown-sender', 'nobody has introduced the issuer of this status list')
    const then = directory.keyAt(issuer, issuerPosition)
    if (!then) throw new WebxError('stale-log', `no key of the issuer is known here at position ${issuerPosition}`)
    if (!equal(now, then)) throw new WebxError('retired-key', 'the issuer of this status list has another key by now')
    return now
  }

  /** Keeps one edition of each list for later, and looks again every now and then for a minute. */
  #wait(followed: Followed, document: Uint8Array): void {
    followed.waiting = document.slice()
    this.#context.counters.count('status.waiting')
    this.#retries = 0
    this.#cancelRetry ??= this.#retryLater()
  }

  #retryLater(): () => void {
    const { schedule, road } = this.#context
    return schedule.after(LIMITS.statusRetryMs, 'status lists', async () => {
      this.#cancelRetry = null
      const waiting = [...this.#followed.values()].filter((each) => each.waiting !== null)
      const isLast = ++this.#retries >= LIMITS.statusRetriesMax
      for (const followed of waiting) {
        await road.run(() => this.#judgeAgain(followed))
        if (isLast) followed.waiting = null
      }
      if (!isLast && waiting.some((each) => each.waiting !== null)) this.#cancelRetry ??= this.#retryLater()
    })
  }

  #judgeAgain(followed: Followed): Decision | null {
    const document = followed.waiting
    if (document === null) return null
    const next = readStatusList(document)
    try {
      return this.#accept(followed, next, document)
    } catch (error) {
      if (!mayComeTrue(error)) followed.waiting = null
      return null
    }
  }

  #place(issuer: Uint8Array, listId: Uint8Array, list: StatusList | null): Followed {
    const followed = { issuer: toHex(issuer), list, staged: list, waiting: null, listeners: new Set<() => void>() }
    this.#followed.set(nameOf(issuer, listId), followed)
    return followed
  }

  /** Lists that never came make room for others. Throws `limit`. */
  #makeRoom(issuer: string): void {
    const all = [...this.#followed]
    const ofIssuer = all.filter(([, each]) => each.issuer === issuer)
    const isFull = ofIssuer.length >= LIMITS.statusListsPerIssuerMax
    if (!isFull && all.length < LIMITS.statusListsFollowedMax) return
    const [oldest] = (isFull ? ofIssuer : all).filter(([, each]) => each.staged === null && each.listeners.size === 0)
    if (!oldest) throw new WebxError('limit', 'this node follows as many status lists as it can')
    this.#followed.delete(oldest[0])
  }

  /** Again for a list that came and was not wanted yet: brokers then repeat what they retain. Beyond some issuers, all lists of the net are asked for. */
  async #subscribe(issuer: string): Promise<void> {
    const { link, topics } = this.#context
    if (this.#issuers.size < LIMITS.statusIssuersSubscribedMax) this.#issuers.add(issuer)
    await link.subscribe(`${topics.prefix}/status/${this.#issuers.has(issuer) ? issuer : '+'}/+`)
  }

  /** Resolves when an edition is there, or the time is over, or the node stops. */
  #arrival({ list, listeners }: Followed): Promise<void> {
    if (list) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        cancel()
        listeners.delete(end)
        resolve()
      }
      const cancel = this.#context.schedule.after(LIMITS.statusWaitMs, 'status list', end)
      listeners.add(end)
    })
  }
}

/** Whether what was refused may hold once the issuer, or the rotation after which it signed, is known here. */
function mayComeTrue(error: unknown): boolean {
  const { code } = error as WebxError
  return code === 'unknown-sender' || code === 'stale-log'
}

function nameOf(issuer: Uint8Array, listId: Uint8Array): string {
  return `${toHex(issuer)}/${toHex(listId)}`
}

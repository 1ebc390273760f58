/**
 * Three people who write one shared object: they append, and they compare-and-set what they have read, all at once.
 *
 * A writer says a write again until it is final, signed anew where another epoch has begun. A compare-and-set that was overtaken ends: its writer has lost, and knows it.
 */

import type { SharedOutcome } from '../../src/consensus/shared/book.ts'
import { markOf, type SharedWish } from '../../src/consensus/shared/change.ts'
import { fromText, toHex } from '../../src/core/bytes.ts'
import type { Person } from '../consensus/people.ts'
import { changeOf, NONCE, oidOf, ruleOf, statementOf } from '../kit/shared.ts'
import type { Chance } from './chance.ts'
import type { Stage } from './stage.ts'
import type { Timeline } from './timeline.ts'

const WRITERS = 3
const ROUNDS = 4
const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 4_000

export interface WritersOptions {
  readonly stage: Stage
  readonly timeline: Timeline
  readonly chance: Chance
  readonly restMs: number
  readonly send: (bytes: Uint8Array) => void
}

interface Task {
  readonly who: Person
  readonly wish: SharedWish
  readonly name: string
  readonly ended: () => void
  tries: number
}

export class Writers {
  readonly oid: Uint8Array
  /** Marks of what has been asked for. */
  readonly asked = new Set<string>()
  readonly #options: WritersOptions
  readonly #people: readonly Person[]
  /** By mark. */
  readonly #tasks = new Map<string, Task>()
  #sequence = 0
  #left = 0

  constructor(options: WritersOptions) {
    this.#options = options
    this.#people = options.stage.people.slice(0, WRITERS)
    this.oid = oidOf({ ...options.stage.committee, epoch: 0 }, this.#people[0] as Person)
  }

  start(): void {
    this.#left = 1 + WRITERS * ROUNDS
    const [first] = this.#people as [Person]
    const wish: SharedWish = { kind: 'create', nonce: NONCE, rule: ruleOf(this.#people), value: fromText('0') }
    this.#ask(first, wish, 'create', () => {
      for (const [i, who] of this.#people.entries()) this.#write(who, `writer ${i}`, ROUNDS)
    })
  }

  /** True while somebody has something left to write. */
  get isBusy(): boolean {
    return this.#left > 0
  }

  /** A change is final somewhere. */
  heard({ sequence, mark }: SharedOutcome): void {
    this.#sequence = Math.max(this.#sequence, sequence)
    this.#end(toHex(mark))
  }

  #write(who: Person, name: string, left: number): void {
    if (left === 0) return
    const { chance, timeline, restMs } = this.#options
    const follows = chance.hits(0.6) ? this.#sequence : 0
    const wish: SharedWish = { kind: 'write', oid: this.oid, follows, value: fromText(`${name} ${left}`) }
    this.#ask(who, wish, `${name} ${left}`, () =>
      timeline.after(chance.between(1, restMs), () => this.#write(who, name, left - 1)),
    )
  }

  #ask(who: Person, wish: SharedWish, name: string, ended: () => void): void {
    const mark = toHex(markOf(changeOf({ ...this.#options.stage.committee, epoch: 0 }, who, wish, name)))
    this.asked.add(mark)
    this.#tasks.set(mark, { who, wish, name, ended, tries: 0 })
    this.#try(mark)
  }

  #try(mark: string): void {
    const task = this.#tasks.get(mark)
    if (!task) return
    const { stage, chance, timeline, send } = this.#options
    const { who, wish, name } = task
    if (wish.kind === 'write' && wish.follows > 0 && wish.follows < this.#sequence && task.tries > 0) {
      this.#end(mark)
      return
    }
    const newest = stage.newest.get(toHex(stage.committee.nid))?.committee ?? stage.committee
    const sign = (message: Uint8Array): Uint8Array => stage.signWith(who.publicKey, message)
    send(statementOf(newest, changeOf(newest, who, wish, name), sign))
    const delayMs = Math.min(RETRY_MS_MIN * 2 ** task.tries++, RETRY_MS_MAX)
    timeline.after(delayMs * chance.between(0.8, 1.2), () => this.#try(mark))
  }

  #end(mark: string): void {
    const task = this.#tasks.get(mark)
    if (!task) return
    this.#tasks.delete(mark)
    this.#left--
    task.ended()
  }
}

/**
 * Port TagReader on a command that prints one tag id per line: whatever reader a machine has, some program can do that.
 *
 * Lines are bounded in length and rate before anything is made of them. A command that ends is started again, later and later; when it keeps
 * ending without ever printing a tag, the reader has failed, with what the command said last.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Clock, Counters, TagReader, TagSighting } from '../kernel/ports.ts'

export interface TagReaderCommandOptions {
  /** Program and arguments; no shell reads them. */
  readonly command: readonly string[]
  readonly clock: Clock
  readonly counters: Counters
}

type Reader = ChildProcessByStdio<null, Readable, Readable>

const SAID_CHARACTERS_MAX = 500
const KILL_AFTER_MS = 1_000
/** Lines that wait for a slow consumer; the oldest goes first. */
const WAITING_MAX = LIMITS.tagsPerSecondMax

/** A reader that runs its command while somebody iterates. Throws `bad-config` for an empty command. */
export function openTagReaderCommand(options: TagReaderCommandOptions): TagReader {
  if (options.command.length === 0 || options.command[0] === '') {
    throw new WebxError('bad-config', 'the tag reader has no command', { hint: 'Set tags.command.' })
  }
  return { sightings: (signal) => sightings(options, signal) }
}

/** Splits text into lines; what is longer than a tag may be is dropped and counted. */
export class TagLines {
  readonly #counters: Counters
  readonly #decoder = new StringDecoder('utf8')
  #partial = ''
  #skipping = false

  constructor(counters: Counters) {
    this.#counters = counters
  }

  /** Tags that end within this chunk. */
  push(chunk: Buffer): string[] {
    const parts = this.#decoder.write(chunk).split('\n')
    const tags: string[] = []
    for (const [at, part] of parts.entries()) {
      const isWhole = at < parts.length - 1
      if (!this.#skipping) this.#partial += part
      if (this.#partial.length > LIMITS.tagCharactersMax + 1) this.#skipping = true
      if (this.#skipping) this.#partial = ''
      if (!isWhole) break
      if (this.#skipping) this.#counters.count('tags.tooLong')
      else this.#finish(tags)
      this.#skipping = false
      this.#partial = ''
    }
    return tags
  }

  #finish(tags: string[]): void {
    const tag = this.#partial.trim()
    if (tag === '') return
    if (tag.length <= LIMITS.tagCharactersMax && !/\p{C}/u.test(tag)) tags.push(tag)
    else this.#counters.count('tags.unreadable')
  }
}

async function* sightings(options: TagReaderCommandOptions, signal: AbortSignal): AsyncGenerator<TagSighting> {
  const { clock, counters } = options
  const waiting: TagSighting[] = []
  const rate = { second: -1, count: 0 }
  let failures = 0
  while (!signal.aborted) {
    const run = new Run(options.command, clock, signal)
    const lines = new TagLines(counters)
    run.onOutput = (chunk) => {
      for (const tag of lines.push(chunk)) {
        if (!withinRate(rate, clock.monotonicMs())) counters.count('tags.tooFast')
        else if (waiting.push({ tag, atMs: clock.nowMs() }) > WAITING_MAX) {
          waiting.shift()
          counters.count('tags.dropped')
        }
      }
    }
    try {
      for (;;) {
        const sighting = waiting.shift()
        if (sighting) {
          failures = 0
          yield sighting
        } else if (run.ended) break
        else await run.next()
        if (signal.aborted) return
      }
    } finally {
      await run.stop()
    }
    counters.count('tags.restarts')
    if (run.unstartable || ++failures > LIMITS.tagReaderRestartsMax) throw run.failure()
    await pause(
      clock,
      Math.min(LIMITS.tagReaderRestartMsMax, LIMITS.tagReaderRestartMsMin * 2 ** (failures - 1)),
      signal,
    )
  }
}

/** One life of the command. Its children die with it: it leads a process group of its own. */
class Run {
  onOutput: (chunk: Buffer) => void = () => undefined
  ended = false
  unstartable = false
  readonly #command: readonly string[]
  readonly #clock: Clock
  readonly #child: Reader
  readonly #closed: Promise<void>
  readonly #onAbort: () => void
  readonly #signal: AbortSignal
  #said = ''
  #outcome = ''
  #wake: () => void = () => undefined

  constructor(command: readonly string[], clock: Clock, signal: AbortSignal) {
    this.#command = command
    this.#clock = clock
    this.#signal = signal
    const [program, ...rest] = command as [string, ...string[]]
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    this.#child = child
    child.stdout.on('data', (chunk: Buffer) => {
      this.onOutput(chunk)
      this.#wake()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString('utf8')).slice(-SAID_CHARACTERS_MAX)
    })
    this.#closed = new Promise((resolve) => {
      const end = (outcome: string): void => {
        this.#outcome ||= outcome
        this.ended = true
        this.#wake()
        resolve()
      }
      child.once('error', (error) => {
        this.unstartable = child.pid === undefined
        if (this.unstartable) end(error.message)
      })
      child.once('close', (code, killer) => end(killer ? `was ended by ${killer}` : `ended with code ${code}`))
    })
    this.#onAbort = () => this.#wake()
    signal.addEventListener('abort', this.#onAbort)
  }

  /** Resolves when there may be something new. */
  next(): Promise<void> {
    if (this.#signal.aborted || this.ended) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  async stop(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort)
    if (this.ended) return
    this.#kill('SIGTERM')
    const cancel = this.#clock.after(KILL_AFTER_MS, () => this.#kill('SIGKILL'))
    await this.#closed
    cancel()
  }

  failure(): WebxError {
    const said = this.#said.trim().replace(/\s+/g, ' ')
    return new WebxError('reader-failed', `${this.#command[0]} ${this.#outcome}${said ? `: ${said}` : ''}`, {
      hint: 'Try the command of tags.command by hand: it must print one tag id per line and keep running.',
    })
  }

  #kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

function withinRate(rate: { second: number; count: number }, nowMs: number): boolean {
  const second = Math.floor(nowMs / 1000)
  if (rate.second !== second) {
    rate.second = second
    rate.count = 0
  }
  return ++rate.count <= LIMITS.tagsPerSecondMax
}

function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(delayMs, end)
    signal.addEventListener('abort', end)
  })
}

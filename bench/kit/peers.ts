/**
 * Loads the peers of a suite, each under its name and version, and keeps account of those that cannot be had.
 *
 * They are not imported but asked for by name, because they are not part of the main install: without them everything else type-checks, runs
 * and is tested.
 */

import { WebxError } from '../../src/core/errors.ts'
import { compileFailure, ensurePeers, installedVersion, pinned } from './install.ts'

/** A library as it was loaded. `T` names what a suite calls of it. */
export interface Loaded<T> {
  /** `name@version`. */
  readonly name: string
  readonly api: T
}

/** The peers of one run of a suite. */
export class Peers {
  /** Peers that could not be loaded, by `name@version`, with the reason. */
  readonly unavailable: Record<string, string> = {}
  readonly #pinned: Readonly<Record<string, string>>

  private constructor(versions: Readonly<Record<string, string>>) {
    this.#pinned = versions
  }

  /** Installs the peers if need be. */
  static async open(): Promise<Peers> {
    await ensurePeers((line) => process.stderr.write(`${line}\n`))
    return new Peers(await pinned())
  }

  /**
   * A peer; null, and its reason in `unavailable`, where it does not load.
   *
   * @param entry what is imported, where that is not the package's own name
   */
  async load<T>(name: string, entry: string = name): Promise<Loaded<T> | null> {
    const version = await installedVersion(name)
    if (version === null) {
      this.unavailable[`${name}@${this.#pinned[name] ?? '?'}`] = 'not installed'
      return null
    }
    try {
      const loaded = (await import(entry)) as { default?: T }
      // Where there is an object as `default`, it is the whole: CommonJS modules, and those that fill themselves later.
      const { default: whole } = loaded
      return { name: `${name}@${version}`, api: typeof whole === 'object' ? whole : (loaded as T) }
    } catch (error) {
      this.unavailable[`${name}@${version}`] = (await this.#reason(name)) || firstLine(error)
      return null
    }
  }

  /** A peer without which there is nothing to measure. Throws `bad-config` where it does not load. */
  async needed<T>(name: string): Promise<Loaded<T>> {
    const loaded = await this.load<T>(name)
    if (loaded) return loaded
    const reason = Object.entries(this.unavailable).find(([of]) => of.startsWith(`${name}@`))?.[1]
    throw new WebxError('bad-config', `${name} is missing: ${reason}`, { hint: 'Run npm install in bench/.' })
  }

  async #reason(name: string): Promise<string> {
    return name === 'hnswlib-node' ? compileFailure() : ''
  }
}

/** The name of what Node itself brings. */
export function builtIn(what: string): string {
  return `${what}@${process.versions.node}`
}

function firstLine(error: unknown): string {
  return `does not load: ${error instanceof Error ? error.message : String(error)}`.split('\n')[0]!
}

/**
 * A member on a disk at its worst, as a process of its own: started with the arguments of `webx run`, and telling the same lines of JSON.
 *
 * Its store holds every write back in memory and takes a random while to make it durable, so that a kill loses all that was not synced. With `--lie` before the other
 * arguments `sync` resolves at once and the disk follows later: the mutant that publishes before it syncs, which the crash tests must catch.
 */

import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createNode } from '../../src/boot.ts'
import { compare, toHex } from '../../src/core/bytes.ts'
import { openKeyFile } from '../../src/drivers/key-file.ts'
import { openSqliteStore } from '../../src/drivers/sqlite-store.ts'
import { readGenesis } from '../../src/identity/genesis.ts'
import { createLog } from '../../src/kernel/observe.ts'
import type { Store, Write } from '../../src/kernel/ports.ts'

const SYNC_MS_MAX = 20

/** Writes that no disk has seen yet, over a store on a real disk. */
export class LossyStore implements Store {
  readonly #disk: Store
  readonly #lie: boolean
  /** The newest change of each entry that is not on the disk, by space and key. */
  readonly #held = new Map<string, Map<string, Write>>()
  #unsynced: Write[] = []
  #syncing: Promise<void> = Promise.resolve()

  constructor(disk: Store, lie: boolean) {
    this.#disk = disk
    this.#lie = lie
  }

  get(space: string, key: Uint8Array): Uint8Array | null {
    const held = this.#held.get(space)?.get(toHex(key))
    return held ? (held.value?.slice() ?? null) : this.#disk.get(space, key)
  }

  *scan(space: string): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    const entries = new Map([...this.#disk.scan(space)].map((entry) => [toHex(entry.key), entry]))
    for (const [name, { key, value }] of this.#held.get(space) ?? []) {
      if (value) entries.set(name, { key: key.slice(), value: value.slice() })
      else entries.delete(name)
    }
    yield* [...entries.values()].sort((a, b) => compare(a.key, b.key))
  }

  write(writes: readonly Write[]): void {
    for (const { space, key, value } of writes) {
      const write = { space, key: key.slice(), value: value?.slice() ?? null }
      const held = this.#held.get(space) ?? new Map<string, Write>()
      this.#held.set(space, held.set(toHex(key), write))
      this.#unsynced.push(write)
    }
  }

  sync(): Promise<void> {
    const durable = this.#commit()
    if (!this.#lie) return durable
    durable.catch(failed)
    return Promise.resolve()
  }

  async close(): Promise<void> {
    await this.#commit()
    await this.#disk.close()
  }

  /** What was written before the call, and nothing that is written after it, after a while, and after what was synced earlier. */
  #commit(): Promise<void> {
    const writes = this.#unsynced
    this.#unsynced = []
    this.#syncing = this.#syncing.then(async () => {
      await new Promise((resume) => setTimeout(resume, randomInt(SYNC_MS_MAX + 1)))
      this.#disk.write(writes)
      await this.#disk.sync()
      for (const write of writes) {
        const held = this.#held.get(write.space)
        if (held?.get(toHex(write.key)) === write) held.delete(toHex(write.key))
      }
    })
    return this.#syncing
  }
}

if (import.meta.main) await main()

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      lie: { type: 'boolean', default: false },
      json: { type: 'boolean' },
      net: { type: 'string', default: '' },
      data: { type: 'string', default: '' },
      broker: { type: 'string', default: '' },
    },
  })
  const node = await createNode({
    genesis: readGenesis(new Uint8Array(await readFile(values.net))),
    keys: await openKeyFile(join(values.data, 'node.key')),
    dataDir: values.data,
    brokerUrl: values.broker,
    log: createLog(values.lie ? 'silent' : 'error'),
    openStore: async (path) => new LossyStore(await openSqliteStore({ path }), values.lie),
  })
  const { events, schedule } = node.context
  events.on('link', ({ up }) => {
    if (up) tell({ event: 'connected' })
  })
  if (node.link.state === 'up') tell({ event: 'connected' })
  const cancel = schedule.every(20, 'voting check', () => {
    if (!node.recovered()) return
    cancel()
    tell({ event: 'voting', voting: node.agreed.voting })
  })
  process.once('SIGTERM', () => {
    node.stop().then(() => process.exit(0), failed)
  })
  node.failed.then(failed, failed)
}

function tell(event: object): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

/** A member that cannot store what it promised ends at once, and loudly. */
function failed(error: unknown): void {
  process.stderr.write(`lossy member: ${error instanceof Error ? error.stack : error}\n`)
  process.exit(1)
}

/**
 * The vault of a station and what stands on it: opened together, closed together, and what their owner may ask of them through the control socket.
 */

import { isAbsolute, join } from 'node:path'
import type { WebxNode } from './boot.ts'
import { fromBase64url, fromHex, toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import type { ControlMethod } from './drivers/control-socket.ts'
import { createRunnableHost } from './drivers/dsr-worker.ts'
import { holdersOf } from './drivers/qnt-holder.ts'
import { openQntStore } from './drivers/qnt-store.ts'
import { labelOf } from './identity/xqident.ts'
import type { Service } from './kernel/context.ts'
import type { Redeeming } from './kernel/redeeming.ts'
import type { KeptVersion, Runnables, Vault } from './kernel/vault.ts'
import { NodeVault } from './services/vault.ts'
import { type OpenRedeeming, openRedeeming } from './station-redeem.ts'

/** Folder of the copies in a node's data folder. */
export const COPIES_FOLDER = 'qnt'

/** What this machine lends to the vault. */
export interface VaultOptions {
  readonly dataDir: string
  /** Codes of where the station stands, for files whose rules name jurisdictions; none by default. */
  readonly jurisdictions?: readonly string[]
}

/** A vault that runs. */
export interface OpenVault {
  readonly vault: Vault
  readonly runnables: Runnables
  readonly redeeming: Redeeming
  /** What the owner may ask, by name. */
  readonly methods: Readonly<Record<string, ControlMethod>>
  close(): Promise<void>
}

/** Opens the vault of a node and everything that stands on it. Throws `store-failed`; what was opened by then is closed. */
export async function openVault(node: WebxNode, options: VaultOptions): Promise<OpenVault> {
  const closers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  const opening: Opening = { node, options, closers }
  try {
    const runnables = openRunnables(opening)
    const vault = await openFiles(opening, runnables)
    const { redeeming, methods } = await openPings(opening, vault, runnables)
    return { vault, runnables, redeeming, close, methods: { ...fileMethods(vault), ...methods } }
  } catch (error) {
    await close()
    throw error
  }
}

/** What each part is opened with; `closers` run in the reverse order. */
interface Opening {
  readonly node: WebxNode
  readonly options: VaultOptions
  readonly closers: (() => Promise<void>)[]
}

function openRunnables({ closers }: Opening): Runnables {
  const host = createRunnableHost()
  closers.push(() => host.close())
  return host
}

async function openFiles(opening: Opening, runnables: Runnables): Promise<Vault> {
  const { context, agreed, orders } = opening.node
  const copies = await openQntStore(join(opening.options.dataDir, COPIES_FOLDER))
  const holders = Object.values(await holdersOf(context.keys))
  const vault = new NodeVault(context, { agreed, orders, copies, holders, runnables })
  await begin(opening, vault)
  return vault
}

/** The server of pings that name this node, and the holder of its owner's. */
async function openPings(
  { node, options, closers }: Opening,
  vault: Vault,
  runnables: Runnables,
): Promise<OpenRedeeming> {
  const { jurisdictions = [] } = options
  const opened = await openRedeeming(node, { vault, runnables, statuses: node.statuses, jurisdictions })
  closers.push(() => opened.close())
  return opened
}

async function begin({ closers }: Opening, service: Service): Promise<void> {
  closers.push(() => service.stop())
  await service.start()
}

/** Most versions of a file, and most files, in one answer: what fits a line. */
const ANSWER_ROWS_MAX = 100

/** `keep`, `bury`, `files` and `versions`; paths are absolute, for caller and node have folders of their own. */
function fileMethods(vault: Vault): Readonly<Record<string, ControlMethod>> {
  return {
    keep: async ({ params }) => rowOf(await vault.keep(pathOf(params))),
    bury: async ({ params }) => {
      await vault.bury(fromBase64url(textOf(params, 'tombstone')))
      return {}
    },
    files: async ({ params }) => page(vault.files(), params),
    versions: async ({ params }) => {
      const dataId = fromHex(textOf(params, 'dataId'))
      const ended = vault.ended(dataId)
      const end = ended && {
        ...{ version: ended.tombstone.fileVersion, digest: toHex(ended.digest), atMs: ended.tombstone.atMs },
      }
      return { ...page(vault.versions(dataId), params), end }
    },
  }
}

/** One version as it is told. */
export interface VersionRow {
  readonly dataId: string
  readonly owner: string
  readonly version: number
  readonly digest: string
  readonly keptMs: number
  readonly contentBytes: number
  /** 0 where the content is not here. */
  readonly fileBytes: number
  readonly keyEpoch: number
  readonly tier: string
  readonly certified: boolean
}

function rowOf({ manifest, digest, fileBytes, keptMs, certified }: KeptVersion): VersionRow {
  const { dataId, ownerId, fileVersion, contentBytes, keyEpoch, tier } = manifest
  return {
    ...{ dataId: toHex(dataId), owner: labelOf(ownerId), version: fileVersion, digest: toHex(digest), keptMs },
    ...{ contentBytes, fileBytes, keyEpoch, tier, certified },
  }
}

/** So many rows (`max`, or what fits a line) from `from` on (0 for the first), and where the next page begins; null at the end. */
function page(versions: Iterable<KeptVersion>, params: unknown): { rows: VersionRow[]; next: number | null } {
  const { from = 0, max = ANSWER_ROWS_MAX } = (params ?? {}) as { from?: unknown; max?: unknown }
  if (!Number.isSafeInteger(from) || (from as number) < 0) throw new WebxError('bad-argument', 'from which row on?')
  if (!Number.isSafeInteger(max) || (max as number) < 1 || (max as number) > ANSWER_ROWS_MAX) {
    throw new WebxError('bad-argument', `expected 1 to ${ANSWER_ROWS_MAX} rows`)
  }
  const rows: VersionRow[] = []
  let at = 0
  for (const version of versions) {
    if (at++ < (from as number)) continue
    if (rows.length === max) return { rows, next: at - 1 }
    rows.push(rowOf(version))
  }
  return { rows, next: null }
}

function pathOf(params: unknown): string {
  const path = textOf(params, 'path')
  if (isAbsolute(path)) return path
  throw new WebxError('bad-argument', `${path} is no absolute path`)
}

function textOf(params: unknown, name: string): string {
  const value = (params as Record<string, unknown> | null)?.[name]
  if (typeof value === 'string' && value !== '') return value
  throw new WebxError('bad-argument', `"${name}" is missing`)
}

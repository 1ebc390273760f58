/**
 * `webx qnt keep`, `list` and `log`: the files that the node on this machine keeps.
 */

import { resolve } from 'node:path'
import { toBase64url, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { readManifestDocument } from '../data/manifest.ts'
import { manifestBytes } from '../data/qnt.ts'
import { readTombstoneDocument, type Tombstone } from '../data/tombstone.ts'
import { withFile } from '../drivers/qnt-blocks.ts'
import { piece, withQnt } from '../drivers/qnt-file.ts'
import '../drivers/wasm-files.ts'
import type { VersionRow } from '../station-vault.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'

/** A copy of a terabyte to a slow disk takes its time. */
const KEEP_TIMEOUT_MS = 24 * 3_600_000
const DATA_ID = /^[0-9a-f]{64}$/

interface Page {
  readonly rows: readonly VersionRow[]
  readonly next: number | null
}

interface History extends Page {
  readonly end: { readonly version: number; readonly digest: string; readonly atMs: number } | null
}

/** Has a file kept, or a tombstone obeyed. Throws `usage`, `unreachable`, and what `Vault.keep` and `Vault.bury` do. */
export async function keep(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt keep', args)
  const path = resolve(io.workingDirectory, given.operands['FILE'] ?? '')
  const named = await whatIsAt(path)
  if ('document' in named) {
    await askStation(given, io, { method: 'bury', params: { tombstone: toBase64url(named.document) } })
    const { dataId, fileVersion } = named.tombstone
    report(given, io, { ok: true, dataId: toHex(dataId), version: fileVersion, gone: true })
    return EXIT.done
  }
  const question = { method: 'keep', params: { path }, timeoutMs: KEEP_TIMEOUT_MS, waiting: `keeping ${path}` }
  const { keptMs, ...row } = await askStation<VersionRow>(given, io, question)
  report(given, io, { ok: true, ...row, kept: timeOf(keptMs), gone: false })
  return EXIT.done
}

/** Lists the newest versions. Throws `unreachable`. */
export async function list(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt list', args)
  const rows: VersionRow[] = []
  for (let from: number | null = 0; from !== null; ) {
    const page: Page = await askStation<Page>(given, io, { method: 'files', params: { from } })
    rows.push(...page.rows)
    from = page.next
  }
  if (given.flag('json')) {
    printJson(io, { ok: true, files: rows.map(withTime) })
    return EXIT.done
  }
  for (const row of rows) io.stdout(`${row.dataId}  ${lineOf(row)}\n`)
  if (rows.length === 0) io.stderr('This node keeps no files.\n')
  return EXIT.done
}

/** Shows all versions of a file, oldest first. Throws `unreachable`, `wrong-file` for a file that is not kept. */
export async function log(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt log', args)
  const dataId = await dataIdOf(given, io)
  const rows: VersionRow[] = []
  let end: History['end'] = null
  for (let from: number | null = 0; from !== null; ) {
    const page: History = await askStation<History>(given, io, { method: 'versions', params: { dataId, from } })
    rows.push(...page.rows)
    from = page.next
    end = page.end
  }
  if (rows.length === 0) {
    throw new WebxError('wrong-file', 'this node keeps no file of that name', {
      hint: 'webx qnt list shows what it keeps.',
    })
  }
  const gone = end && { version: end.version, digest: end.digest, at: timeOf(end.atMs) }
  if (given.flag('json')) {
    printJson(io, { ok: true, dataId, versions: rows.map(withTime), gone })
    return EXIT.done
  }
  io.stdout(`data id ${dataId}\n`)
  for (const row of rows) io.stdout(`${lineOf(row)}  ${row.digest}\n`)
  if (gone) io.stdout(`${`v${gone.version}`.padEnd(6)}${gone.at}  gone: nothing follows  ${gone.digest}\n`)
  return EXIT.done
}

/** What a path leads to. Throws `file-unreadable`, `bad-argument` where it is neither. */
async function whatIsAt(path: string): Promise<{ isQnt: true } | { tombstone: Tombstone; document: Uint8Array }> {
  return withFile(path, async (file, bytes) => {
    const start = await piece(file, 0, Math.min(bytes, LIMITS.tombstoneBytesMax + 1))
    if (manifestBytes(start) !== null) return { isQnt: true }
    try {
      const { tombstone } = readTombstoneDocument(start)
      return { tombstone, document: start }
    } catch (cause) {
      throw new WebxError('bad-argument', `${path} is neither a .qnt nor a tombstone`, { cause })
    }
  })
}

async function dataIdOf(given: Arguments, io: Io): Promise<string> {
  const name = given.operands['FILE'] ?? ''
  if (DATA_ID.test(name)) return name
  const path = resolve(io.workingDirectory, name)
  const named = await whatIsAt(path)
  if ('tombstone' in named) return toHex(named.tombstone.dataId)
  return withQnt(path, async ({ manifest }) => toHex(readManifestDocument(manifest).manifest.dataId))
}

/** One version in a line. */
function lineOf({ version, keptMs, contentBytes, fileBytes, keyEpoch, tier, certified }: VersionRow): string {
  const where = fileBytes > 0 ? 'here' : 'manifest only'
  const agreed = tier === 'private' ? tier : `${tier}, ${certified ? 'certified' : 'not certified'}`
  return `${`v${version}`.padEnd(6)}${timeOf(keptMs)}  ${contentBytes} bytes  epoch ${keyEpoch}  ${agreed}  ${where}`
}

function withTime({ keptMs, ...row }: VersionRow): object {
  return { ...row, kept: timeOf(keptMs) }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}

function report(given: Arguments, io: Io, values: Readonly<Record<string, string | number | boolean>>): void {
  if (given.flag('json')) printJson(io, values)
  else for (const [name, value] of Object.entries(values)) if (name !== 'ok') io.stdout(`${name.padEnd(14)}${value}\n`)
}

/**
 * `webx ping holder`, `mint`, `revoke`, `list` and `redeem`: pings through a running node, which alone signs for its owner and redeems for its holder.
 */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { compare, equal, fromBase64url, fromHex, toBase64url, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { holderText, readHolderText } from '../data/holder-text.ts'
import { readManifestDocument } from '../data/manifest.ts'
import { fieldDigest } from '../data/metadata.ts'
import { encodePresentation, readPresentation } from '../data/presentation.ts'
import { operationNames } from '../data/rights.ts'
import { hostClock } from '../drivers/host.ts'
import { withQnt } from '../drivers/qnt-file.ts'
import { agreementHalfOf } from '../drivers/qnt-holder.ts'
import '../drivers/wasm-files.ts'
import { labelOf } from '../identity/xqident.ts'
import type { MintWish, PingAnswer, PingEntry } from '../station-pings.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import { disclosuresOf, readDisclosures } from './disclosures.ts'
import { documentBytes, newPath, ownKeys, required, writeNew } from './handed.ts'
import type { Io } from './io.ts'
import { namedId } from './named.ts'
import { EXIT, printJson } from './output.ts'
import { textFile } from './passphrase.ts'
import { dateText, freshDefaults, grantTerms } from './ping-terms.ts'
import { printable } from './printable.ts'

const HEX_32 = /^[0-9a-f]{64}$/
const HEX_16 = /^[0-9a-f]{32}$/

/** Shows the text that owners need to mint pings for these keys. Throws what the key file does. */
export async function holder(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('ping holder', args)
  const keys = await ownKeys(given, io)
  const { publicKey: agreementKey } = await agreementHalfOf(keys)
  const text = holderText({ id: keys.id, holderKey: keys.publicKey, agreementKey })
  if (given.flag('json')) printJson(io, { ok: true, holder: labelOf(keys.id), text })
  else io.stdout(`${text}\n`)
  return EXIT.done
}

/** Mints a ping. Throws `usage`, `bad-argument`, `wrong-owner`, and what asking the node does. */
export async function mint(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('ping mint', args)
  const out = newPath(given.text('out'), io)
  const nowMs = hostClock().nowMs()
  const { operations, purposes, from, to, notBeforeMs, expiresMs, uses } = grantTerms(
    given,
    freshDefaults(nowMs),
    nowMs,
  )
  const file = await fileOf(given, io)
  const shown = await fieldsOf(given, io, file)
  const server = given.text('server')
  const wish: MintWish = {
    ...{ dataId: toHex(file.dataId), owner: file.owner, versionFrom: file.version },
    ...{ to: await holderOf(required(given, 'to', 'for whom?'), io) },
    ...{ server: server === undefined ? '' : toHex(await namedId(server, io, 'server')) },
    ...{ operations, from, until: to, purposes, notBeforeMs, expiresMs, uses },
    ...{ fieldDigests: shown.digests.map(toHex), locators: [] },
  }
  const minted = await askStation<PingAnswer>(given, io, { method: 'mint', params: wish })
  const disclosures = shown.disclosures.toSorted((a, b) => compare(fieldDigest(a), fieldDigest(b)))
  const bytes = encodePresentation({ ping: fromBase64url(minted.ping), narrowings: [], disclosures })
  const presentation = toBase64url(bytes)
  if (out !== null) await writeNew(out, `${presentation}\n`)
  if (given.flag('json')) {
    const { id, statusList } = minted
    printJson(io, { ok: true, id, bytes: bytes.length, expiresMs, presentation, statusList, ...(out && { file: out }) })
  } else io.stdout(out === null ? `${presentation}\n` : `ping ${minted.id} written to ${out} (${bytes.length} bytes)\n`)
  return EXIT.done
}

/** Revokes a ping for good. Throws `bad-argument` for one that was not minted at the node, and what asking it does. */
export async function revoke(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('ping revoke', args)
  const named = given.operands['PING'] ?? ''
  const id = HEX_16.test(named) ? named : toHex((await presentationOf(named, io)).read.ping.id)
  const { revokedMs, statusList } = await askStation<PingAnswer>(given, io, { method: 'revokePing', params: { id } })
  if (given.flag('json')) printJson(io, { ok: true, id, revokedMs, statusList })
  else io.stdout(`ping ${id} is revoked since ${dateText(revokedMs ?? 0)}\n`)
  return EXIT.done
}

/** Lists what was minted at the node. Throws what asking it does. */
export async function list(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('ping list', args)
  const pings: PingEntry[] = []
  let more = true
  while (more) {
    const params = { after: pings.at(-1)?.id ?? '' }
    const answer = await askStation<{ pings: PingEntry[]; more: boolean }>(given, io, { method: 'pings', params })
    pings.push(...answer.pings)
    more = answer.more && answer.pings.length > 0
  }
  pings.sort((a, b) => a.mintedMs - b.mintedMs)
  if (given.flag('json')) {
    const entries = pings.map((ping) => ({ ...ping, operations: operationNames(ping.operations) }))
    printJson(io, { ok: true, pings: entries })
    return EXIT.done
  }
  const nowMs = hostClock().nowMs()
  for (const { id, dataId, operations, purposes, expiresMs, revokedMs } of pings) {
    const state = revokedMs !== null ? 'revoked' : nowMs >= expiresMs ? 'expired' : 'valid'
    const what = `${operationNames(operations).join(',')} for ${purposes.join(',')}`
    io.stdout(`${id}  ${state.padEnd(8)}${dateText(expiresMs)}  ${dataId.slice(0, 16)}  ${printable(what)}\n`)
  }
  return EXIT.done
}

/** A presentation that a person named, read and as bytes. Throws as `readPresentation`, and `bad-argument`. */
export async function presentationOf(named: string, io: Io) {
  const bytes = await documentBytes(named, io, 'a ping', LIMITS.pingPresentationBytesMax)
  return { bytes, read: readPresentation(bytes) }
}

/** The text of a holder: as it stands, or out of a file. Throws as `readHolderText`. */
export async function holderOf(named: string, io: Io): Promise<string> {
  const isFile = existsSync(resolve(io.workingDirectory, named))
  const text = isFile ? (await textFile(named, io)).trim() : named
  readHolderText(text)
  return text
}

interface NamedFile {
  readonly dataId: Uint8Array
  /** In hexadecimal; empty where only the id of the file was named. */
  readonly owner: string
  readonly version: number
  /** Null where only the id was named. */
  readonly digests: readonly Uint8Array[] | null
}

async function fileOf(given: Arguments, io: Io): Promise<NamedFile> {
  const named = given.operands['FILE'] ?? ''
  const from = given.text('version-from')
  if (from !== undefined && !/^[1-9]\d{0,14}$/.test(from)) {
    throw new WebxError('bad-argument', `--version-from: "${from}" is no version`)
  }
  if (HEX_32.test(named)) return { dataId: fromHex(named), owner: '', version: Number(from ?? 1), digests: null }
  const path = resolve(io.workingDirectory, named)
  const { manifest } = await withQnt(path, async (qnt) => readManifestDocument(qnt.manifest))
  const { dataId, ownerId, fileVersion, fieldDigests } = manifest
  return { dataId, owner: toHex(ownerId), version: Number(from ?? fileVersion), digests: fieldDigests }
}

/** The fields that the ping holds: what opens them goes with it. */
async function fieldsOf(
  given: Arguments,
  io: Io,
  file: NamedFile,
): Promise<{ digests: readonly Uint8Array[]; disclosures: readonly Uint8Array[] }> {
  const names = given.text('fields')
  if (names === undefined) return { digests: [], disclosures: [] }
  const path = required(given, 'disclosures', 'which file opens the fields?')
  const disclosures = await readDisclosures(path, io)
  if (!equal(disclosures.dataId, file.dataId)) {
    throw new WebxError('bad-argument', `${path} is of another .qnt`, { hint: 'Each has disclosures of its own.' })
  }
  const chosen = disclosuresOf(disclosures, names)
  const digests = chosen.map(fieldDigest)
  if (file.digests && !digests.every((digest) => file.digests?.some((one) => equal(one, digest)))) {
    throw new WebxError('bad-argument', `${path} has a field that this version of the file does not have`)
  }
  // with all fields, the decoys of the manifest go along, so that their number does not show
  const all = names === 'all' && file.digests && file.digests.length <= LIMITS.pingFieldsMax ? file.digests : digests
  return { digests: all, disclosures: chosen }
}

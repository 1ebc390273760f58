/**
 * `webx ping narrow`, `show` and `verify`: what holders and servers do with a ping without a network.
 */

import { equal, toBase64url, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { readHolderText } from '../data/holder-text.ts'
import { type Field, fieldDigest, readDisclosure } from '../data/metadata.ts'
import { encodeNarrowing, narrowingMessage } from '../data/narrowing.ts'
import { encodePresentation, type Presentation, rightsOf } from '../data/presentation.ts'
import { operationNames, type Rights } from '../data/rights.ts'
import { acceptStatusList, isRevoked, readStatusList } from '../data/statuslist.ts'
import { hostClock } from '../drivers/host.ts'
import '../drivers/wasm-files.ts'
import { decode } from '../core/codec.ts'
import { labelOf } from '../identity/xqident.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { documentBytes, newPath, ownKeys, required, writeNew } from './handed.ts'
import type { Io } from './io.ts'
import { keyOf, type NamedIdentity, namedIdentity } from './named.ts'
import { EXIT, printJson } from './output.ts'
import { holderOf, presentationOf } from './ping.ts'
import { dateText, grantRows, grantTerms } from './ping-terms.ts'
import { printable } from './printable.ts'

/** Passes on part of what a ping grants. Throws `wrong-holder`, `narrowing-widens`, `limit`, `usage`, and what files and key files do. */
export async function narrow(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('ping narrow', args)
  const out = newPath(given.text('out'), io)
  const keys = await ownKeys(given, io)
  const { bytes, read } = await presentationOf(given.operands['PRESENTATION'] ?? '', io)
  const held = heldOf(read)
  if (!equal(held.rights.holderKey, keys.publicKey)) {
    throw new WebxError('wrong-holder', 'this ping is not held by these keys, which alone can pass it on')
  }
  if (read.narrowings.length >= LIMITS.pingNarrowingsMax) {
    throw new WebxError('limit', `a ping is passed on at most ${LIMITS.pingNarrowingsMax} times`)
  }
  const { holderKey, agreementKey } = readHolderText(await holderOf(required(given, 'to', 'to whom?'), io))
  const terms = grantTerms(given, held.rights, hostClock().nowMs())
  const { visible, disclosures } = shownOf(read, held.rights.visible, given.text('fields'))
  const next: Rights = { ...terms, holderKey, agreementKey, visible }
  const narrowing = encodeNarrowing(held, next, await keys.sign(narrowingMessage(held, next)))
  const [, ping, narrowings] = decode(bytes) as [number, Uint8Array, Uint8Array[]]
  const made = encodePresentation({ ping, narrowings: [...narrowings, narrowing], disclosures })
  const presentation = toBase64url(made)
  if (out !== null) await writeNew(out, `${presentation}\n`)
  if (given.flag('json')) printJson(io, { ok: true, bytes: made.length, presentation, ...(out && { file: out }) })
  else io.stdout(out === null ? `${presentation}\n` : `written to ${out} (${made.length} bytes)\n`)
  return EXIT.done
}

/** Shows what a ping says, verified only where its issuer is named. Throws as `verify` then. */
export async function show(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('ping show', args)
  const { bytes, read } = await presentationOf(given.operands['PRESENTATION'] ?? '', io)
  const named = given.text('issuer')
  const issuer = named === undefined ? null : await namedIdentity(named, io, 'issuer')
  if (issuer !== null) verified(read, issuer)
  report(given, io, {
    ...described(read, bytes),
    signatures: issuer === null ? 'not checked' : heldBy(issuer),
  })
  return EXIT.done
}

/**
 * Verifies a ping without a network: signatures, chain and time; revocation by a status list, where there is one.
 *
 * Throws `usage`, `unknown-owner`, `stale-log`, `retired-key`, `status-unknown`, `from-the-future`, `revoked`, `expired`, `not-yet-valid`, and as `rightsOf` and `acceptStatusList`.
 */
export async function verify(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('ping verify', args)
  const { bytes, read } = await presentationOf(given.operands['PRESENTATION'] ?? '', io)
  const issuer = await namedIdentity(required(given, 'issuer', 'by whom?'), io, 'issuer')
  const { rights } = verified(read, issuer)
  const nowMs = hostClock().nowMs()
  const status = await statusOf(given, io, read, issuer, nowMs)
  if (nowMs < rights.notBeforeMs) throw new WebxError('not-yet-valid', `it begins at ${dateText(rights.notBeforeMs)}`)
  if (nowMs >= rights.expiresMs) throw new WebxError('expired', `it ended at ${dateText(rights.expiresMs)}`)
  report(given, io, {
    ...{ ok: true, ...described(read, bytes), ...status },
    signatures: heldBy(issuer),
  })
  return EXIT.done
}

function verified(read: Presentation, issuer: NamedIdentity) {
  const presented = rightsOf(read, { issuerKey: keyOf(issuer, read.ping.issuer, read.ping.issuerPosition) })
  assertActing(issuer, read.ping.issuerPosition)
  return presented
}

/** As servers do: whoever holds a key that was retired could sign with it what he likes. Throws `retired-key`. */
function assertActing(issuer: NamedIdentity, position: number): void {
  if (equal(keyOf(issuer, issuer.id, position), issuer.key)) return
  throw new WebxError('retired-key', 'it is signed by a key that the issuer does not use any more', {
    hint: 'Ask the issuer for a newer one.',
  })
}

/** By what the signatures hold, and how old that is. */
function heldBy({ position, age }: NamedIdentity): string {
  return `hold, by the issuer’s key log up to position ${position}, ${age}`
}

/** What is known of revocations, and how old that is. */
async function statusOf(given: Arguments, io: Io, { ping }: Presentation, issuer: NamedIdentity, nowMs: number) {
  const named = given.text('status')
  if (ping.status === null) return { revocation: 'never: it ends by its time only' }
  if (named === undefined) return { revocation: 'not asked: no status list was given' }
  const next = readStatusList(await documentBytes(named, io, 'a status list', LIMITS.statusListFileBytesMax))
  const list = acceptStatusList(null, next, keyOf(issuer, next.issuer, next.issuerPosition))
  assertActing(issuer, next.issuerPosition)
  if (list.issuedMs > nowMs + LIMITS.clockSkewMsMax) {
    throw new WebxError('from-the-future', 'this status list is of a time that has not come')
  }
  if (!equal(list.listId, ping.status.listId)) {
    throw new WebxError('status-unknown', 'this is another list than the one that the ping names')
  }
  if (isRevoked(list, ping.status.index)) {
    throw new WebxError(
      'revoked',
      `the owner has revoked it, by edition ${list.sequence} of ${dateText(list.issuedMs)}`,
    )
  }
  const statusAgeMs = Math.max(0, nowMs - list.issuedMs)
  return { revocation: `none as of ${dateText(list.issuedMs)}, edition ${list.sequence}`, statusAgeMs }
}

function heldOf({ ping, narrowings }: Presentation): { tip: Uint8Array; rights: Rights } {
  const last = narrowings.at(-1)
  return { tip: last?.digest ?? ping.digest, rights: last?.rights ?? ping.rights }
}

/** The fields that the next holder may show: all that are shown now, or those of them that are named. */
function shownOf({ ping, disclosures }: Presentation, held: number, names: string | undefined) {
  if (names === undefined) return { visible: held, disclosures }
  const wanted = new Set(names.split(',').map((name) => name.trim()))
  if (names === 'none') wanted.clear()
  const kept = disclosures.filter((each) => wanted.delete(readDisclosure(each).name))
  const [unknown] = wanted
  if (unknown !== undefined) throw new WebxError('bad-argument', `this ping shows no field called "${unknown}"`)
  const places = kept.map((each) => ping.fieldDigests.findIndex((digest) => equal(digest, fieldDigest(each))))
  return { visible: places.reduce((bits, place) => bits + 2 ** place, 0), disclosures: kept }
}

function described(read: Presentation, bytes: Uint8Array): Record<string, unknown> {
  const { ping, narrowings } = read
  const { rights } = heldOf(read)
  return {
    ...{ id: toHex(ping.id), issuer: labelOf(ping.issuer), issuerPosition: ping.issuerPosition },
    ...{ dataId: toHex(ping.dataId), versionFrom: ping.fileVersionFrom },
    ...{ server: labelOf(ping.audience), serverId: toHex(ping.audience) },
    ...{ holderKey: toHex(rights.holderKey), narrowings: narrowings.length },
    ...grantRows(rights),
    operationBits: rights.operations,
    statusList: ping.status === null ? 'none' : `${toHex(ping.status.listId)} ${ping.status.index}`,
    fields: read.disclosures.map(readDisclosure),
    bytes: bytes.length,
  }
}

function report(given: Arguments, io: Io, values: Record<string, unknown>): void {
  const { fields, operationBits, ...rows } = values as { fields: readonly Field[]; operationBits: number }
  const shown = fields.map(({ name, value }) => ({
    name,
    value: value instanceof Uint8Array ? { hex: toHex(value) } : value,
  }))
  if (given.flag('json')) {
    printJson(io, { ...rows, operations: operationNames(operationBits), fields: shown })
    return
  }
  const say = (name: string, text: string): void => io.stdout(`${name.padEnd(16)}${printable(text)}\n`)
  for (const [name, value] of Object.entries(rows)) if (name !== 'ok') say(name, String(value))
  for (const { name, value } of fields) say('field', `${name} = ${value instanceof Uint8Array ? toHex(value) : value}`)
}

/**
 * `webx net found` and `webx net show`: the genesis file that a net begins with, and the only thing that a joiner needs; `webx net admit`: what one needs who
 * wants a place in its neighborhood, too.
 */

import { open, readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { equal, fromBase64url, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { hostClock, hostRandom } from '../drivers/host.ts'
import { openKeyFile } from '../drivers/key-file.ts'
import '../drivers/wasm-files.ts'
import { type FoundedHome, type Genesis, readGenesis } from '../identity/genesis.ts'
import type { KeyState } from '../identity/keylog.ts'
import { admissionText, admit, foundNet, type NetAsset } from '../net.ts'
import { CAPABILITY } from '../swarm/roles.ts'
import { type Arguments, didYouMean, readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { keyFileOptions } from './passphrase.ts'

/** Signs a genesis with the organization's keys. Throws `usage`, `bad-argument`, `store-failed`, and what key files do. */
export async function found(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('net found', args)
  const path = resolve(io.workingDirectory, given.operands['FILE'] ?? '')
  const [seats = [], ...further] = await Promise.all(
    needed(given, 'seats')
      .split(',')
      .map((file) => linesOf(file, io)),
  )
  const terminals = given.text('terminals') === undefined ? [] : await linesOf(needed(given, 'terminals'), io)
  const terms = {
    name: given.text('name') ?? 'net',
    seats,
    further,
    terminals: terminals.map((line) => inceptionOf(line)),
    assets: (given.text('assets') ?? '').split(',').filter(Boolean).map(assetOf),
  }
  const keys = await openKeyFile(resolve(io.workingDirectory, needed(given, 'keys')), await keyFileOptions(given, io))
  const genesis = await foundNet(terms, keys, { clock: hostClock(), random: hostRandom() })
  await writeNew(path, genesis.bytes)
  report(path, genesis, given, io)
  return EXIT.done
}

/** Shows what a genesis says, once its signature holds. */
export async function show(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('net show', args)
  const path = resolve(io.workingDirectory, given.operands['FILE'] ?? '')
  report(path, readGenesis(await readBounded(path)), given, io)
  return EXIT.done
}

/** Signs that a device may apply for a place. Throws `usage`, `bad-argument`, `not-allowed` for keys that are not those which the genesis names, and what key files do. */
export async function admitDevice(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('net admit', args)
  const genesis = readGenesis(await readBounded(resolve(io.workingDirectory, given.operands['FILE'] ?? '')))
  const [offer, keyPath] = [needed(given, 'offer', 'net admit'), needed(given, 'keys', 'net admit')]
  const capabilities = capabilitiesOf(given.text('can') ?? '')
  const keys = await openKeyFile(resolve(io.workingDirectory, keyPath), await keyFileOptions(given, io))
  if (!equal(keys.publicKey, genesis.organizationState.keys[0] ?? new Uint8Array(0))) {
    throw new WebxError('not-allowed', `these are not the keys by which ${genesis.name} knows its organization`, {
      hint: 'The members go by the first key of the identity that founded the net.',
    })
  }
  const admission = admissionText({ ...(await admit(offer, keys, genesis.netId)), capabilities })
  if (given.flag('json')) printJson(io, { ok: true, admission })
  else io.stdout(`${admission}\n`)
  return EXIT.done
}

/** Bits of the capabilities in a list such as `masterNode,relay`. */
function capabilitiesOf(list: string): number {
  const bits = new Map<string, number>(Object.entries(CAPABILITY))
  return list
    .split(',')
    .filter(Boolean)
    .reduce((sum, name) => {
      const bit = bits.get(name)
      if (bit !== undefined) return sum | bit
      const hint = didYouMean(name, [...bits.keys()]) ?? `There are ${[...bits.keys()].join(', ')}.`
      throw new WebxError('bad-argument', `a device cannot be "${name}" to others`, { hint })
    }, 0)
}

function report(path: string, genesis: Genesis, given: Arguments, io: Io): void {
  const shown = {
    name: genesis.name,
    id: toHex(genesis.netId),
    createdMs: genesis.createdMs,
    organization: genesis.organizationState.label,
    seats: seatsOf(genesis),
    neighborhoods: genesis.homes.map((home) => ({ nid: toHex(home.neighborhood), seats: seatsOf(home) })),
    terminals: genesis.terminalStates.map(({ label }) => label),
    assets: genesis.assets.map(({ issuer, code, decimals, cap }) => ({ code, decimals, cap, issuer: toHex(issuer) })),
  }
  if (given.flag('json')) {
    printJson(io, { file: path, ...shown })
    return
  }
  io.stdout(
    `net           ${shown.name}\nid            ${shown.id}\ncreated       ${new Date(shown.createdMs).toISOString()}\n`,
  )
  io.stdout(`organization  ${shown.organization}\n`)
  for (const { nid, seats } of shown.neighborhoods) {
    io.stdout(`neighborhood  ${nid}\nseats         ${seats.length}\n`)
    for (const { member, weight } of seats) io.stdout(`  ${member}  weight ${weight}\n`)
  }
  for (const label of shown.terminals) io.stdout(`terminal      ${label}\n`)
  for (const { code, decimals, cap } of shown.assets) {
    io.stdout(`asset         ${code}, at most ${(cap / 10 ** decimals).toFixed(decimals)}\n`)
  }
}

function seatsOf({ seats, memberStates }: FoundedHome): { readonly member: string; readonly weight: number }[] {
  return seats.map(({ weight }, i) => ({ member: (memberStates[i] as KeyState).label, weight }))
}

/** `EUR:2:100000000` = code, decimals, most that may ever exist in smallest units. */
function assetOf(text: string): NetAsset {
  const [, code = '', decimals, cap] = /^([A-Za-z0-9]+):(\d{1,2}):(\d{1,16})$/.exec(text) ?? []
  const asset = { code, decimals: Number(decimals), cap: Number(cap) }
  const right =
    code !== '' &&
    code.length <= LIMITS.assetCodeCharactersMax &&
    asset.decimals <= LIMITS.assetDecimalsMax &&
    asset.cap > 0 &&
    asset.cap <= LIMITS.amountMax
  if (right) return asset
  throw new WebxError('bad-argument', `"${text}" does not describe an asset`, {
    hint: 'Write CODE:DECIMALS:CAP with the cap in smallest units, such as EUR:2:100000000.',
  })
}

function inceptionOf(line: string): Uint8Array {
  try {
    return fromBase64url(line)
  } catch (cause) {
    throw new WebxError('bad-argument', 'a terminal cannot be read', {
      cause,
      hint: 'Use what "webx id show" prints as inception.',
    })
  }
}

function needed(given: Arguments, option: string, command = 'net found'): string {
  const value = given.text(option)
  if (value !== undefined) return value
  throw new WebxError('usage', `webx ${command} needs --${option}`, { hint: `See webx ${command} --help.` })
}

/** Lines of a file, without empty ones and without what follows a `#`. */
async function linesOf(file: string, io: Io): Promise<string[]> {
  const bytes = await readBounded(resolve(io.workingDirectory, file))
  const lines = new TextDecoder().decode(bytes).split('\n')
  return lines.map((line) => line.replace(/#.*/, '').trim()).filter((line) => line !== '')
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path)
    if (size > LIMITS.genesisBytesMax) throw new WebxError('too-long', `${path} is too long for what it should be`)
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    if (cause instanceof WebxError) throw cause
    throw new WebxError('bad-argument', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}

/** A genesis is never written over: another one is another net. */
async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o644)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw new WebxError('store-failed', `cannot write ${path}: ${(cause as Error).message}`, {
      cause,
      hint: 'A genesis is never written over: choose another name.',
    })
  }
}

/**
 * `webx public verify`: whether a receipt proves that a document is on the public record, by the genesis alone and without a network.
 */

import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { usualPolicy } from '../consensus/publiclog/network.ts'
import { type PortablePolicy, verifyPortable } from '../consensus/publiclog/portable.ts'
import { toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import '../drivers/wasm-files.ts'
import { anchorsOf } from '../epochs.ts'
import { type Genesis, readGenesis } from '../identity/genesis.ts'
import { labelOf } from '../identity/xqident.ts'
import { createBlake3 } from '../wasm/hash.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { readBounded } from './handed.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { settingsOf } from './settings.ts'

/** What is WITNESSED in a net: a quorum in each of its neighborhoods, or in three of them. */
export function policyOf({ homes }: Genesis): PortablePolicy {
  return usualPolicy(homes.length)
}

const DIGEST = /^[0-9a-f]{64}$/

/** Verifies a receipt. Throws `bad-proof`, `no-quorum`, `bad-signature`, `broken-chain`, `wrong-file` where it is for another document, and what reading files throws. */
export async function verify(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('public verify', args)
  const genesis = await genesisGiven(given, io, 'public verify')
  const path = resolve(io.workingDirectory, given.operands['RECEIPT'] ?? '')
  const document = await readBounded(path, LIMITS.logDocumentBytesMax)
  const verified = verifyPortable(document, anchorsOf(genesis), policyOf(genesis))
  const { leaf, index, checkpoint, grade, weight, weightMax } = verified
  if (grade === 'logged')
    throw new WebxError('no-quorum', 'MasterNodes say that it is logged, and too few witnesses have cosigned')
  const digest = leaf.kind === 'document' ? leaf.digest : leaf.od
  const wanted = given.text('file') ?? given.text('digest')
  if (wanted !== undefined && (await digestGiven(given, io, given.text('file'), 'public verify')) !== toHex(digest))
    throw new WebxError('wrong-file', 'this receipt is for another document')
  const by = leaf.kind === 'document' ? labelOf(leaf.owner) : toHex(leaf.home)
  const note = leaf.kind === 'document' ? leaf.note : ''
  if (given.flag('json')) {
    const place = { index, size: checkpoint.size, epoch: checkpoint.epoch, generation: checkpoint.generation }
    const who = { net: toHex(genesis.netId), by, ...(leaf.kind === 'document' && { byId: toHex(leaf.owner) }) }
    const said = { class: leaf.kind, digest: toHex(digest), note, ...place, weight, weightMax }
    printJson(io, { ok: true, grade: grade.toUpperCase(), ...who, ...said })
    return EXIT.done
  }
  const rows = [
    ['digest', toHex(digest)],
    [leaf.kind === 'document' ? 'by' : 'home', by],
    ['note', JSON.stringify(note)],
    ['net', `${genesis.name} (${toHex(genesis.netId)})`],
    ['grade', `${grade.toUpperCase()}: weight ${weight} of ${weightMax} has cosigned`],
    ['place', `#${index} of ${checkpoint.size} leaves, epoch ${checkpoint.epoch}`],
  ]
  for (const [name = '', value] of rows) io.stdout(`${name.padEnd(12)}${value}\n`)
  return EXIT.done
}

/** Digest of the file that was named, or the one given, in hexadecimal. Throws `usage` unless it is just one of them. */
export async function digestGiven(
  given: Arguments,
  io: Io,
  file: string | undefined,
  command: string,
): Promise<string> {
  const digest = given.text('digest')
  if ((digest === undefined) === (file === undefined)) {
    throw new WebxError('usage', 'name a FILE or say --digest', { hint: `See webx ${command} --help.` })
  }
  if (file !== undefined) return toHex(await digestOfFile(resolve(io.workingDirectory, file)))
  if (DIGEST.test(digest as string)) return digest as string
  throw new WebxError('usage', '--digest: expected 64 hexadecimal digits')
}

/** Throws `usage` where none is named. */
export async function genesisGiven(given: Arguments, io: Io, command: string): Promise<Genesis> {
  const path = settingsOf(given, io).profile.net.genesis
  if (path === '') throw new WebxError('usage', `webx ${command} needs --net`, { hint: `See webx ${command} --help.` })
  return readGenesis(await readBounded(resolve(io.workingDirectory, path), LIMITS.genesisBytesMax))
}

/** Whole files are hashed piece by piece, as long as they may be. */
async function digestOfFile(path: string): Promise<Uint8Array> {
  const hash = createBlake3()
  try {
    for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array)
  } catch (cause) {
    throw new WebxError('bad-argument', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
  return hash.digest()
}

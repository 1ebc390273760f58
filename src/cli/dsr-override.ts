/**
 * `webx dsr override`: an owner's signed way around the `access` runnable of a file of his own, for when a mistake in it would lock him out.
 */

import { existsSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { equal, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { encodeOverride, overrideMessage } from '../data/dsr-override.ts'
import { readManifestDocument } from '../data/manifest.ts'
import { hostClock } from '../drivers/host.ts'
import { openKeyFile } from '../drivers/key-file.ts'
import { withQnt } from '../drivers/qnt-file.ts'
import '../drivers/wasm-files.ts'
import { labelOf } from '../identity/xqident.ts'
import { readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { keyFileOptions } from './passphrase.ts'
import { whenMs } from './when.ts'

const UNTIL = '1d'

/** Signs an override. Throws `usage`, `wrong-owner`, `bad-argument` where the file has no such runnable, and what files and key files do. */
export async function override(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('dsr override', args)
  const out = resolve(io.workingDirectory, given.operands['TARGET'] ?? '')
  if (existsSync(out)) throw new WebxError('bad-argument', `${out} exists already`, { hint: 'Choose another name.' })
  const file = given.text('keys')
  if (file === undefined) throw new WebxError('usage', 'whose file? --keys FILE is missing')
  const untilMs = whenMs(given.text('until') ?? UNTIL, '--until', hostClock().nowMs())
  const keys = await openKeyFile(resolve(io.workingDirectory, file), await keyFileOptions(given, io))
  const path = resolve(io.workingDirectory, given.operands['FILE'] ?? '')
  const { manifest } = await withQnt(path, async (qnt) => readManifestDocument(qnt.manifest))
  if (!equal(manifest.ownerId, keys.id)) {
    throw new WebxError('wrong-owner', `this file is of ${labelOf(manifest.ownerId)}, who alone can override its rules`)
  }
  const runnable = manifest.runnables.find(({ hook }) => hook === 'access')
  if (runnable === undefined) throw new WebxError('bad-argument', `${path} has no "access" runnable to override`)
  const terms = { dataId: manifest.dataId, moduleDigest: runnable.moduleDigest, untilMs }
  const document = encodeOverride(terms, keys.id, await keys.sign(overrideMessage(terms, keys.id)))
  writeFileSync(out, document, { flag: 'wx', mode: 0o600 })
  const until = new Date(untilMs).toISOString()
  const shown = { file: out, dataId: toHex(manifest.dataId), module: toHex(runnable.moduleDigest), until }
  if (given.flag('json')) printJson(io, { ok: true, ...shown })
  else for (const [name, value] of Object.entries(shown)) io.stdout(`${name.padEnd(10)}${value}\n`)
  return EXIT.done
}

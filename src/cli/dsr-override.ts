/**
 * `webx dsr override`: an owner's signed way around the `access` runnable of a file of his own, for when a mistake in it would lock him out.
 *
 * The signature of the file's manifest is not looked at: an override counts for its owner alone, and only where the file that is served has this very module.
 */

import { equal, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { encodeOverride, overrideMessage } from '../data/dsr-override.ts'
import { readManifestDocument } from '../data/manifest.ts'
import { hostClock } from '../drivers/host.ts'
import { writeAll, writeDraft } from '../drivers/qnt-blocks.ts'
import { withQnt } from '../drivers/qnt-file.ts'
import '../drivers/wasm-files.ts'
import { labelOf } from '../identity/xqident.ts'
import { readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { EXIT } from './output.ts'
import { keysOf, newFile, pathOf, report } from './qnt-common.ts'
import { whenMs } from './when.ts'

const UNTIL = '1d'

/** Signs an override. Throws `usage`, `wrong-owner`, `bad-argument` where the file has no such runnable or the time is over, and what files and key files do. */
export async function override(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('dsr override', args)
  const target = newFile(given, io)
  const nowMs = hostClock().nowMs()
  const untilMs = whenMs(given.text('until') ?? UNTIL, '--until', nowMs)
  if (untilMs <= nowMs) throw new WebxError('bad-argument', '--until is over already')
  const keys = await keysOf(given, io)
  const path = pathOf(given, io)
  const { manifest } = await withQnt(path, async (qnt) => readManifestDocument(qnt.manifest))
  if (!equal(manifest.ownerId, keys.id)) {
    throw new WebxError('wrong-owner', `this file is of ${labelOf(manifest.ownerId)}, who alone can override its rules`)
  }
  const runnable = manifest.runnables.find(({ hook }) => hook === 'access')
  if (runnable === undefined) throw new WebxError('bad-argument', `${path} has no "access" runnable to override`)
  const terms = { dataId: manifest.dataId, moduleDigest: runnable.moduleDigest, untilMs }
  const document = encodeOverride(terms, keys.id, await keys.sign(overrideMessage(terms, keys.id)))
  await writeDraft(target, (draft) => writeAll(draft, document, 0))
  report(given, io, {
    ...{ ok: true, file: target, dataId: toHex(manifest.dataId), module: toHex(runnable.moduleDigest) },
    until: new Date(untilMs).toISOString(),
  })
  return EXIT.done
}

/**
 * `webx shared prove` and `webx shared verify`: a receipt for a write, and whether it holds, by the genesis and the epochs of its net alone.
 */

import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { verifySharedReceipt } from '../consensus/shared/receipt.ts'
import { concat, fromBase64url, toBase64url, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import '../drivers/wasm-files.ts'
import { stateRootIn } from '../epochs-file.ts'
import { labelOf } from '../identity/xqident.ts'
import { readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import { readBounded } from './handed.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { genesisGiven } from './public-verify.ts'
import { shown } from './shared.ts'

/** Years of epochs. */
const EPOCHS_BYTES_MAX = 256 * 1024 * 1024

/** Writes a receipt. Throws `unknown-object`, `not-settled`, `unreachable`; `bad-argument` where the file is there already. */
export async function prove(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('shared prove', args)
  const out = given.text('out')
  if (out === undefined) throw new WebxError('usage', 'webx shared prove needs --out', { hint: 'Name a new file.' })
  const { OBJECT: oid, NUMBER: number } = given.operands
  const pieces: Uint8Array[] = []
  for (let from = 0, bytes = 1; from < bytes; ) {
    const params = { oid, sequence: Number(number), from }
    const answer = await askStation<{ bytes: number; piece: string }>(given, io, { method: 'sharedProve', params })
    const piece = fromBase64url(answer.piece)
    if (piece.length === 0)
      throw new WebxError('not-settled', 'another epoch has begun meanwhile', { hint: 'Try again.' })
    pieces.push(piece)
    from += piece.length
    bytes = answer.bytes
  }
  const receipt = concat(...pieces)
  const path = resolve(io.workingDirectory, out)
  await writeFile(path, receipt, { flag: 'wx' }).catch((cause: Error) => {
    throw new WebxError('bad-argument', `cannot write ${path}: ${cause.message}`, { cause })
  })
  if (given.flag('json')) printJson(io, { ok: true, oid, sequence: Number(number), bytes: receipt.length, out: path })
  else io.stdout(`${path}: ${receipt.length} bytes\n`)
  return EXIT.done
}

/** Verifies one. Throws `bad-certificate`, `wrong-net`, `wrong-epoch` where the epochs do not go so far, and what reading files throws. */
export async function verify(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('shared verify', args)
  const genesis = await genesisGiven(given, io, 'shared verify')
  const epochsPath = given.text('epochs')
  if (epochsPath === undefined)
    throw new WebxError('usage', 'webx shared verify needs --epochs', {
      hint: 'Any node of the net writes them: webx swarm epochs --out FILE.',
    })
  const epochs = await readBounded(resolve(io.workingDirectory, epochsPath), EPOCHS_BYTES_MAX)
  const path = resolve(io.workingDirectory, given.operands['FILE'] ?? '')
  const receipt = await readBounded(path, LIMITS.sharedReceiptBytesMax)
  const verified = verifySharedReceipt(receipt, genesis.netId, (cid) => stateRootIn(genesis, cid, epochs))
  const { oid, change, sequence, newest } = verified
  const { wish, writer } = change
  const value = wish.kind === 'rule' ? null : toBase64url(wish.value)
  if (given.flag('json')) {
    const place = { oid: toHex(oid), sequence, newest, epoch: change.epoch }
    printJson(io, { ok: true, ...place, writer: labelOf(writer), writerId: toHex(writer), value })
    return EXIT.done
  }
  const rows = [
    ['object', toHex(oid)],
    ['place', `#${sequence}, in epoch ${change.epoch}; #${newest} was the newest when the state was signed for`],
    ['writer', labelOf(writer)],
    ['value', value === null ? '(another rule)' : shown(value)],
    ['net', `${genesis.name} (${toHex(genesis.netId)})`],
  ]
  for (const [name = '', text] of rows) io.stdout(`${name.padEnd(12)}${text}\n`)
  return EXIT.done
}

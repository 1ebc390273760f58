/**
 * `webx receipt verify`: whether a receipt proves a settled payment, by the genesis alone and without a network.
 */

import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { committeeOf } from '../consensus/committee.ts'
import { fromBase64url, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import '../drivers/wasm-files.ts'
import { committeeIn } from '../epochs-file.ts'
import { readGenesis } from '../identity/genesis.ts'
import { labelOf } from '../identity/xqident.ts'
import { verifyReceipt } from '../kernel/receipt.ts'
import { decimal } from '../station-control.ts'
import { type Arguments, readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { settingsOf } from './settings.ts'

/** The document's base64url text, a blank line's worth of white space included. */
const TEXT_BYTES_MAX = Math.ceil((LIMITS.envelopeBytesMax * 4) / 3) + 16
/** Years of epochs. */
const EPOCHS_BYTES_MAX = 256 * 1024 * 1024
/** Tag 18 of CBOR, with which every document begins; no base64url text does. */
const COSE_SIGN1_TAG = 0xd2

/** Verifies a receipt. Throws `bad-shape`, `wrong-net`, `bad-signature`, `bad-certificate`, and what reading files throws. */
export async function verify(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('receipt verify', args)
  const path = resolve(io.workingDirectory, given.operands['FILE'] ?? '')
  const genesis = readGenesis(await readBounded(genesisPath(given, io), LIMITS.genesisBytesMax))
  const epochsPath = given.text('epochs')
  const epochs = epochsPath ? await readBounded(resolve(io.workingDirectory, epochsPath), EPOCHS_BYTES_MAX) : undefined
  let { quorum } = committeeOf(genesis)
  const receipt = verifyReceipt(documentOf(await readBounded(path, TEXT_BYTES_MAX)), genesis, (cid) => {
    const committee = committeeIn(genesis, cid, epochs)
    quorum = committee.quorum
    return committee
  })
  const { payer, payee, code, confirms, signedMs } = receipt
  const amount = decimal(receipt.amount, receipt)
  if (given.flag('json')) {
    printJson(io, {
      ok: true,
      grade: 'SETTLED',
      net: toHex(genesis.netId),
      payer: labelOf(payer),
      payerId: toHex(payer),
      payee: labelOf(payee),
      payeeId: toHex(payee),
      amount,
      asset: code,
      confirms,
      quorum,
      reference: toHex(receipt.reference),
      order: toHex(receipt.orderDigest),
      signedMs,
    })
    return EXIT.done
  }
  const rows = [
    ['paid', `${amount} ${code}`],
    ['payer', labelOf(payer)],
    ['payee', labelOf(payee)],
    ['net', `${genesis.name} (${toHex(genesis.netId)})`],
    ['grade', `SETTLED: ${confirms} confirmations shown, ${quorum} make it final`],
    ['reference', toHex(receipt.reference)],
    ['signed', `${new Date(signedMs).toISOString()}, by the payee’s clock`],
  ]
  for (const [name = '', value] of rows) io.stdout(`${name.padEnd(12)}${value}\n`)
  return EXIT.done
}

function genesisPath(given: Arguments, io: Io): string {
  const path = settingsOf(given, io).profile.net.genesis
  if (path !== '') return resolve(io.workingDirectory, path)
  throw new WebxError('usage', 'webx receipt verify needs --net', { hint: 'See webx receipt verify --help.' })
}

function documentOf(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === COSE_SIGN1_TAG) return bytes
  try {
    return fromBase64url(new TextDecoder().decode(bytes).trim())
  } catch (cause) {
    throw new WebxError('bad-shape', 'this file is neither a COSE document nor its base64url text', { cause })
  }
}

/** A file of at most so many bytes, and never more of it, whatever it claims to be. */
async function readBounded(path: string, bytesMax: number): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r')
    try {
      const buffer = new Uint8Array(bytesMax + 1)
      let length = 0
      for (;;) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length)
        length += bytesRead
        if (length > bytesMax) throw new WebxError('too-long', `${path} is too long for what it should be`)
        if (bytesRead === 0) return buffer.slice(0, length)
      }
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (cause instanceof WebxError) throw cause
    throw new WebxError('bad-argument', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}

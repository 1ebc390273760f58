/**
 * `webx pay AMOUNT [ASSET]`: asks the terminal that runs on this machine to take a payment. Ends well only when it is SETTLED; Ctrl-C calls it off.
 */

import { type FileHandle, open, unlink } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fromBase64url } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, painter, printJson } from './output.ts'

const TIMEOUT_MS = 120_000
const STAGES: Readonly<Record<string, string>> = {
  looking: 'looking at who stands there',
  asking: 'asking the devices that are checked in',
  confirming: 'waiting for the shopper to confirm',
  settling: 'waiting for the neighborhood',
}

interface Paid {
  readonly grade: string
  readonly shopper: string
  readonly amount: string
  readonly asset: string
  readonly locks: number
  readonly confirms: number
  /** Base64url of the document. */
  readonly receipt: string | null
}

export async function command(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('pay', args)
  const { AMOUNT: amount, ASSET: asset } = given.operands
  const out = given.text('out')
  let known = ''
  const ask = async (): Promise<Paid> => {
    try {
      return await askStation<Paid>(given, io, {
        method: 'pay',
        params: { amount, asset },
        timeoutMs: TIMEOUT_MS,
        signal: io.signal,
        progressOf: (value) => {
          const { stage, reference = '' } = value as { stage: string; reference?: string }
          known = reference
          return STAGES[stage] ?? stage
        },
      })
    } catch (thrown) {
      throw io.signal.aborted ? calledOff(known, thrown) : thrown
    }
  }
  const paid = out === undefined ? await ask() : await keepingReceipt(resolve(io.workingDirectory, out), ask)
  if (given.flag('json')) printJson(io, { ok: true, ...paid })
  else {
    const grade = painter(io, 'stdout')('green', paid.grade)
    io.stdout(
      `${paid.shopper} paid ${paid.amount} ${paid.asset}  ${grade}  ${paid.locks} locks, ${paid.confirms} confirms\n`,
    )
  }
  return EXIT.done
}

/** The file is made before anybody is asked to pay: what cannot be kept is known then. */
async function keepingReceipt(path: string, ask: () => Promise<Paid>): Promise<Paid> {
  const file = await openNew(path)
  let kept = false
  try {
    const paid = await ask()
    if (paid.receipt !== null) {
      await file.writeFile(fromBase64url(paid.receipt))
      await file.sync()
      kept = true
    }
    return paid
  } finally {
    await file.close()
    if (!kept) await unlink(path)
  }
}

/** Once a device is selected, its money may come all the same: the till knows what became of it. */
function calledOff(reference: string, cause: unknown): WebxError {
  const hint = reference === '' ? '' : `webx payment show ${reference} says what became of it.`
  return new WebxError('stopped', 'the payment was called off', { hint, cause })
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o644)
  } catch (cause) {
    throw new WebxError('bad-argument', `cannot make ${path}: ${(cause as Error).message}`, {
      hint: 'A receipt is never written over another file, and nobody was asked to pay.',
      cause,
    })
  }
}

/**
 * `webx id recovery|reclaim`: the key file that is put away to bring an identity back after everything else was stolen, and its use.
 */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fromHex, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { RotationChange } from '../drivers/key-file-events.ts'
import {
  freshRecoveryDigest,
  promisedRecoveryKey,
  type RecoveryFile,
  reclaimKeyFile,
} from '../drivers/key-file-reclaim.ts'
import '../drivers/wasm-files.ts'
import type { RecoveryTerms } from '../identity/keylog-event.ts'
import type { KeyState } from '../identity/keylog-state.ts'
import { labelOf } from '../identity/xqident.ts'
import { type Arguments, readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { timeSpan } from './key-event-text.ts'
import { givenLog, keyLogText } from './key-log.ts'
import { EXIT, printJson } from './output.ts'
import { keyFileOptions } from './passphrase.ts'
import { whenMs } from './when.ts'

const DELAY_SECONDS = 3 * 86_400

/** Shows the digest that promises a key of this file to another identity. Throws `usage`, `no-root`, and what key files and key logs do. */
export async function recovery(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id recovery', args)
  const owner = given.text('for')
  if (owner === undefined) throw new WebxError('usage', '--for is missing')
  const { history } = await givenLog(owner, io, '--for', true)
  const path = resolve(io.workingDirectory, given.operands['FILE'] ?? '')
  const digest = toHex(await freshRecoveryDigest({ path, ...(await keyFileOptions(given, io)) }, history.state))
  if (given.flag('json')) printJson(io, { file: path, for: history.state.label, digest })
  else io.stdout(`${digest}\n`)
  return EXIT.done
}

/** Makes a new key file for an identity with its recovery keys. Throws `usage`, `no-recovery`, `key-not-committed`, and what key files and key logs do. */
export async function reclaim(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id reclaim', args)
  const path = resolve(io.workingDirectory, given.operands['FILE'] ?? '')
  const [named, withFile] = [given.text('log'), given.text('with')]
  if (named === undefined) throw new WebxError('usage', 'whose identity? --log LOG is missing')
  if (withFile === undefined) throw new WebxError('usage', 'with which recovery keys? --with FILE is missing')
  const { events, history } = await givenLog(named, io, '--log', true)
  const terms = await termsOf(given, io, history.state)
  const recoveryFile = await recoveryFileOf(given, io, withFile, 'with-passphrase-file')
  const keys = await reclaimKeyFile(
    path,
    { log: events, recoveryFile, ...(terms && { recovery: terms }) },
    await keyFileOptions(given, io),
  )
  const delaySeconds = history.state.recovery?.delaySeconds ?? 0
  const said = { label: labelOf(keys.id), position: keys.position, publicKey: toHex(keys.publicKey), delaySeconds }
  if (given.flag('json')) printJson(io, { ok: true, file: path, ...said, log: keyLogText(keys.log) })
  else {
    io.stdout(
      `${said.label} goes on with ${path}: its key acts ${timeSpan(delaySeconds)} after witnesses saw position ${said.position} of its log\n`,
    )
    io.stderr(
      `Hand that log in now: run a node with ${path}, or give others what webx id log --out writes. Old delegations end.\n`,
    )
  }
  return EXIT.done
}

/** What a rotation is to say of recovery keys; undefined where nothing is asked. Throws `usage`, `bad-argument`; what it gives throws what key files do. */
export function renewalOf(given: Arguments, io: Io): RotationChange['renewal'] {
  if (given.text('recovery') === undefined) {
    for (const option of ['delay', 'with']) {
      if (given.text(option) !== undefined)
        throw new WebxError('usage', `--${option} is for --recovery, which is missing`)
    }
    return undefined
  }
  return async (state) => {
    const withFile = given.text('with')
    if (state.recovery !== null && withFile === undefined) {
      throw new WebxError('usage', 'the old recovery key must agree to a new one: --with FILE is missing')
    }
    const recoveryTerms = (await termsOf(given, io, state)) as RecoveryTerms
    if (state.recovery === null || withFile === undefined) return { recovery: recoveryTerms, oldKey: null }
    const file = await recoveryFileOf(given, io, withFile, 'with-passphrase-file')
    return { recovery: recoveryTerms, oldKey: await promisedRecoveryKey(file, state) }
  }
}

/** The recovery keys that are asked for: a digest, or a key file of which the next one is taken; null where nothing is asked. */
async function termsOf(given: Arguments, io: Io, state: KeyState): Promise<RecoveryTerms | null> {
  const named = given.text('recovery')
  if (named === undefined) return null
  const delay = given.text('delay')
  const seconds =
    delay === undefined
      ? (state.recovery?.delaySeconds ?? DELAY_SECONDS)
      : Math.floor(whenMs(delay, '--delay', 0) / 1000)
  const { recoveryDelaySecondsMin: min, recoveryDelaySecondsMax: max } = LIMITS
  if (seconds < min || seconds > max) {
    throw new WebxError('bad-argument', `--delay is from ${timeSpan(min)} to ${timeSpan(max)}`, {
      hint: 'Write 3d or 12h.',
    })
  }
  const isFile = existsSync(resolve(io.workingDirectory, named))
  if (!isFile && !/^[0-9a-fA-F]{64}$/.test(named)) {
    throw new WebxError('bad-argument', `--recovery ${named} is no key file and no digest`, {
      hint: 'webx id recovery prints the digest where that key file is.',
    })
  }
  const digest = isFile
    ? await freshRecoveryDigest(await recoveryFileOf(given, io, named, 'recovery-passphrase-file'), state)
    : fromHex(named)
  return { digests: [digest], threshold: 1, delaySeconds: seconds }
}

async function recoveryFileOf(given: Arguments, io: Io, named: string, option: string): Promise<RecoveryFile> {
  return { path: resolve(io.workingDirectory, named), ...(await keyFileOptions(given, io, option)) }
}

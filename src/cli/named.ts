/**
 * Who is meant: identities that commands are told of, by an inception, a whole key log, a holder's text or an id.
 *
 * Ids follow from inceptions, so nobody passes for another. A log says which key acts now and which acted before; what it does not say is whether it is the newest one,
 * so what is checked against it says up to where it goes and how old it is.
 */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { equal, fromHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { readHolderText } from '../data/holder-text.ts'
import { hostClock } from '../drivers/host.ts'
import { generationAt } from '../identity/keylog-history.ts'
import { labelOf } from '../identity/xqident.ts'
import type { Io } from './io.ts'
import { ageOf, givenLog } from './key-log.ts'
import { textFile } from './passphrase.ts'

/** An identity whose keys are known. */
export interface NamedIdentity {
  /** 32 bytes. */
  readonly id: Uint8Array
  /** The key that acts at the end of the log. */
  readonly key: Uint8Array
  /** The key that acted at a position; null where the log does not go so far, or several keys act together. */
  readonly keyAt: (position: number) => Uint8Array | null
  /** Position of the newest event that is known. */
  readonly position: number
  /** `3 days old`, `of unknown age`. */
  readonly age: string
}

const HEX_ID = /^[0-9a-f]{64}$/
/** Bytes of a holder's text, with white space around it. */
const HOLDER_TEXT_BYTES_MAX = 256

/** The identity of an inception, a key log, or a file with either. Throws as `givenLog`; `unsupported-key-event` where several keys act together. */
export async function namedIdentity(named: string, io: Io, option: string): Promise<NamedIdentity> {
  const { history, fileMs } = await givenLog(named, io, `--${option}`)
  const keyAt = (position: number): Uint8Array | null => {
    const { keys = [] } = generationAt(history, position) ?? {}
    return keys.length === 1 ? (keys[0] as Uint8Array) : null
  }
  const { id, position } = history.state
  const key = keyAt(position)
  if (key === null) throw new WebxError('unsupported-key-event', 'several keys act together for this identity')
  return { id, key, keyAt, position, age: ageOf(fileMs, hostClock().nowMs()) }
}

/** The key with which an identity signed at a position. Throws `unknown-owner` where it is another one, `stale-log` where its log does not go so far. */
export function keyOf(named: NamedIdentity, id: Uint8Array, position: number): Uint8Array {
  if (!equal(named.id, id)) {
    throw new WebxError('unknown-owner', `this is by ${labelOf(id)}, not by ${labelOf(named.id)}`)
  }
  const key = named.keyAt(position)
  if (key !== null) return key
  const known = `signed at position ${position} of a key log that is known up to ${named.position}`
  throw new WebxError('stale-log', `it is ${known}`, {
    hint: 'Get the newer log: webx id log prints it where the issuer is.',
  })
}

/** 32-byte id of whoever is named: by it, by a holder's text, an inception or a log. Throws as `namedIdentity`. */
export async function namedId(named: string, io: Io, option: string): Promise<Uint8Array> {
  if (HEX_ID.test(named)) return fromHex(named)
  const holder = await holderIn(named, io)
  return holder ?? (await namedIdentity(named, io, option)).id
}

async function holderIn(named: string, io: Io): Promise<Uint8Array | null> {
  try {
    const isFile = existsSync(resolve(io.workingDirectory, named))
    return readHolderText(isFile ? (await textFile(named, io, HOLDER_TEXT_BYTES_MAX)).trim() : named).id
  } catch {
    return null
  }
}

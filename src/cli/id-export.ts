/**
 * `webx id export`: an identity in the words of other systems.
 */

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { WebxError } from '../core/errors.ts'
import { describeKeyFile, keyOfKeyFile, openKeyFile } from '../drivers/key-file.ts'
import type { KeyFileOptions } from '../drivers/key-file-sealed.ts'
import '../drivers/wasm-files.ts'
import { didKey } from '../identity/did.ts'
import { firstLine, identityUrn, nextLine, readWebvhLog, type UnsignedLine, type WebvhLog } from '../identity/webvh.ts'
import { type Arguments, didYouMean, readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { keyFileOptions } from './passphrase.ts'

const METHODS = ['did:key', 'did:webvh']

/** Prints a did:key, or writes the log of a did:webvh. Throws `usage`, `bad-argument`, `no-root`, `wrong-identity`, and what key files and DID logs do. */
export async function command(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id export', args)
  const path = resolve(io.workingDirectory, given.operands['FILE'] ?? '')
  const method = given.text('as')
  if (method === undefined)
    throw new WebxError('usage', '--as is missing', { hint: 'Write --as did:key or --as did:webvh.' })
  if (method === 'did:webvh') return exportWebvh(given, io, path)
  if (method !== 'did:key') {
    throw new WebxError('bad-argument', `there is no export as "${method}"`, {
      hint: didYouMean(method, METHODS) ?? `Choose one of ${METHODS.join(', ')}.`,
    })
  }
  const { publicKey, position, label } = await describeKeyFile(path)
  const did = didKey(publicKey)
  if (given.flag('json')) printJson(io, { did, label, position })
  else io.stdout(`${did}\n`)
  io.stderr('It names the key of today and knows no rotation: after the next one it is over.\n')
  return EXIT.done
}

async function exportWebvh(given: Arguments, io: Io, path: string): Promise<number> {
  const [domain, out] = [given.text('domain'), given.text('out')]
  if (out === undefined)
    throw new WebxError('usage', '--out is missing', { hint: 'It names the did.jsonl that is made or goes on.' })
  const target = resolve(io.workingDirectory, out)
  const options = await keyFileOptions(given, io)
  const { id, rotation } = await openKeyFile(path, options)
  const before = existsSync(target) ? await readFile(target, 'utf8') : ''
  let log = before === '' ? null : readWebvhLog(before)
  if (log === null && domain === undefined)
    throw new WebxError('usage', 'where will did.jsonl lie? --domain is missing')
  if (log !== null && !log.alsoKnownAs.includes(identityUrn(id))) {
    throw new WebxError('wrong-identity', `${out} is the DID log of another identity`)
  }
  let text = before
  const from = log === null ? rotation : (await rotationOf(log, path, rotation, options)) + 1
  for (let number = from; number <= rotation; number++) {
    const { key, line } = await lineOf(path, number, options, { id, log, domain: domain ?? '' })
    text += `${line.line(await key.sign(line.message))}\n`
    log = readWebvhLog(text)
  }
  const added = rotation + 1 - from
  if (added > 0) await put(target, text)
  const { did, versionId, versions } = log as WebvhLog
  if (given.flag('json')) printJson(io, { ok: true, file: target, did, versionId, versions, added })
  else
    io.stdout(
      `${did}\n${out}: ${versions} version${versions === 1 ? '' : 's'}, ${added} of them new; serve it at ${urlOf(did)}\n`,
    )
  return EXIT.done
}

async function lineOf(
  path: string,
  number: number,
  options: KeyFileOptions,
  { id, log, domain }: { id: Uint8Array; log: WebvhLog | null; domain: string },
): Promise<{ key: Awaited<ReturnType<typeof keyOfKeyFile>>; line: UnsignedLine }> {
  const key = await keyOfKeyFile(path, number, options)
  const { publicKey: nextKey } = await keyOfKeyFile(path, number + 1, options)
  const afterMs = log === null ? 0 : Date.parse(log.time) + 1_000
  const time = new Date(Math.max(Date.now(), afterMs)).toISOString().replace(/\.\d+Z$/, 'Z')
  const step = { id, key: key.publicKey, nextKey, time }
  return { key, line: log === null ? firstLine(domain, step) : nextLine(log, step) }
}

/** The rotation that the newest line of a DID log shows. Throws `key-not-committed`. */
async function rotationOf(log: WebvhLog, path: string, newest: number, options: KeyFileOptions): Promise<number> {
  for (let number = newest; number >= 0; number--) {
    const { publicKey } = await keyOfKeyFile(path, number, options).catch(() => ({ publicKey: null }))
    if (publicKey === null) break
    if (didKey(publicKey) === `did:key:${log.updateKey}`) return number
  }
  throw new WebxError('key-not-committed', 'the DID log ends with a key that is not of this key file', {
    hint: 'After a recovery a did:webvh begins anew: export it to another file.',
  })
}

/** Where the specification looks for the log of a DID. */
function urlOf(did: string): string {
  const [host = '', ...path] = did.split(':').slice(3)
  return `https://${decodeURIComponent(host)}/${path.length === 0 ? '.well-known' : path.join('/')}/did.jsonl`
}

async function put(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.draft`
  try {
    await writeFile(draft, text, { flag: 'wx', flush: true })
    await rename(draft, path)
  } catch (cause) {
    await rm(draft, { force: true })
    throw new WebxError('store-failed', `cannot write ${path}: ${(cause as Error).message}`, { cause })
  }
}

/**
 * `webx id settled`: a key log as the neighborhood has settled it. It is how an owner learns of a recovery that somebody else has signed, and gets what to object to.
 */

import { resolve } from 'node:path'
import { fromBase64url, toHex } from '../core/bytes.ts'
import '../drivers/wasm-files.ts'
import type { KeyLogPage } from '../station-keylogs.ts'
import { readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import { writeText } from './id-log.ts'
import type { Io } from './io.ts'
import { keyLogText } from './key-log.ts'
import { namedId } from './named.ts'
import { EXIT, printJson } from './output.ts'

/** Asks the running node. Throws `unreachable`, `unknown-owner`, and what naming an identity throws. */
export async function settled(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('id settled', args)
  const named = given.operands['IDENTITY']
  const id = named === undefined ? '' : toHex(await namedId(named, io, 'IDENTITY'))
  const events: Uint8Array[] = []
  let page: KeyLogPage
  let from: number | null = 0
  do {
    page = await askStation<KeyLogPage>(given, io, { method: 'keyLog', params: { id, from } })
    events.push(...page.events.map(fromBase64url))
    from = page.next
  } while (from !== null)
  const out = given.text('out')
  if (out !== undefined) await writeText(resolve(io.workingDirectory, out), keyLogText(events))
  const { position, key, recoveries } = page
  if (given.flag('json')) {
    const log = out === undefined ? { log: keyLogText(events) } : { out }
    printJson(io, { ok: true, id: page.id, position, publicKey: key, recoveries, ...log })
    return EXIT.done
  }
  io.stdout(`${page.id}\nacting key ${key ?? 'none alone'}, of position ${position}\n`)
  for (const { delaySeconds, isFinal } of recoveries) {
    const end = isFinal ? 'only next and recovery keys together end it' : 'webx id veto ends it'
    io.stdout(`a recovery waits for ${delaySeconds} s from when it was seen: unless it is yours, ${end}\n`)
  }
  if (out !== undefined) io.stdout(`written to ${out}\n`)
  return EXIT.done
}

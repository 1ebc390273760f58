/**
 * Golden bytes of what an owner keeps beside the root: a key log file that ends with a recovery, the key file that it was made for, and a did:webvh.
 *
 * To write the file anew after a change on purpose: `node test/kit/key-log-vectors.ts > test/vectors/key-log-file.json`. The DID log was verified with
 * didwebvh-ts 2.8.0 when it was made.
 */

import './wasm.ts'
import { readFileSync } from 'node:fs'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { signed } from '../../src/drivers/key-file-events.ts'
import { rootFileBytes } from '../../src/drivers/key-file-format.ts'
import { keyLogFileBytes } from '../../src/drivers/key-file-log.ts'
import {
  inceptionOfRoot,
  keyOfRoot,
  publicKeyOf,
  recoveryKeyOfRoot,
  signWith,
} from '../../src/drivers/key-file-root.ts'
import { keyDigest } from '../../src/identity/delegation.ts'
import { readKeyLog } from '../../src/identity/keylog.ts'
import type { KeyEvent } from '../../src/identity/keylog-event.ts'
import { nextLink } from '../../src/identity/keylog-state.ts'
import { firstLine, nextLine, readWebvhLog, type UnsignedLine } from '../../src/identity/webvh.ts'

/** What `test/vectors/key-log-file.json` holds; bytes are in hexadecimal. */
export interface KeyLogVectors {
  readonly comment: string
  readonly root: string
  readonly recoveryRoot: string
  /** Of the first three recovery keys of `recoveryRoot` for the identity of `root`. */
  readonly recoveryKeys: readonly string[]
  readonly reclaimingRoot: string
  readonly events: readonly string[]
  readonly logFile: string
  readonly reclaimedFile: string
  /** Two lines. */
  readonly webvh: string
}

/** Today's vectors. */
export async function keyLogVectors(): Promise<KeyLogVectors> {
  const { root: words } = JSON.parse(readFileSync(new URL('../vectors/recovery.json', import.meta.url), 'utf8'))
  const root = fromHex(words.root)
  const recoveryRoot = fromHex(`4${'1'.repeat(63)}`)
  const reclaimingRoot = fromHex(`8${'2'.repeat(63)}`)
  const log = [inceptionOfRoot(root)]
  const { id } = readKeyLog(log)
  const recoveryKeys = [0, 1, 2].map((number) => recoveryKeyOfRoot(recoveryRoot, id, number))
  const digestOf = (key: Parameters<typeof publicKeyOf>[0]): Uint8Array => keyDigest(publicKeyOf(key))
  const terms = (number: number) => ({
    digests: [digestOf(recoveryKeys[number] as Parameters<typeof publicKeyOf>[0])],
    threshold: 1,
    delaySeconds: 86_400,
  })
  const rotation: KeyEvent = {
    ...{ event: 'rotation', ...nextLink(readKeyLog(log)), keys: [publicKeyOf(keyOfRoot(root, 1))], kept: [] },
    next: { digests: [digestOf(keyOfRoot(root, 2))], threshold: 1 },
    renewal: { recoveryKeys: [], recovery: terms(0) },
  }
  log.push(await signed(rotation, keyOfRoot(root, 1), null))
  const shown = recoveryKeys[0] as Parameters<typeof publicKeyOf>[0]
  const recovery: KeyEvent = {
    ...{ event: 'recovery', ...nextLink(readKeyLog(log)), recoveryKeys: [publicKeyOf(shown)] },
    ...{ keys: [publicKeyOf(keyOfRoot(reclaimingRoot, 0))], threshold: 1 },
    next: { digests: [digestOf(keyOfRoot(reclaimingRoot, 1))], threshold: 1 },
    recovery: terms(1),
  }
  const signer = { publicKey: publicKeyOf(shown), sign: async (message: Uint8Array) => signWith(shown, message) }
  log.push(await signed(recovery, keyOfRoot(reclaimingRoot, 0), signer))
  const inception = log[0] as Uint8Array
  return {
    comment: 'Frozen on the day of the format: what was written then must be read for ever. The keys belong to nobody.',
    ...{ root: words.root, recoveryRoot: toHex(recoveryRoot), reclaimingRoot: toHex(reclaimingRoot) },
    recoveryKeys: recoveryKeys.map((key) => toHex(publicKeyOf(key))),
    events: log.map(toHex),
    logFile: toHex(keyLogFileBytes(log)),
    reclaimedFile: toHex(rootFileBytes({ root: reclaimingRoot, since: 2, rotation: 2, position: 2, inception })),
    webvh: webvhOf(root, id),
  }
}

function webvhOf(root: Uint8Array, id: Uint8Array): string {
  const step = (number: number, time: string) => {
    const [key, nextKey] = [publicKeyOf(keyOfRoot(root, number)), publicKeyOf(keyOfRoot(root, number + 1))]
    return { id, key, nextKey, time }
  }
  const lineOf = (line: UnsignedLine, number: number): string =>
    `${line.line(signWith(keyOfRoot(root, number), line.message))}\n`
  const first = lineOf(firstLine('example.org:ids:ada', step(0, '2026-11-30T12:00:00Z')), 0)
  return first + lineOf(nextLine(readWebvhLog(first), step(1, '2026-11-30T12:00:01Z')), 1)
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(await keyLogVectors(), null, 2)}\n`)

/**
 * A process to be killed, or to race with another: changes the key file named by its arguments.
 *
 *     node key-file-child.ts PATH seal|unseal|rotate|delegate [NUMBER]
 *
 * With a number it stops before that rename (from 1), which would make the change valid, prints `held`, and waits. `delegate` waits for a line on stdin first.
 */

import '../kit/wasm.ts'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { pairOf } from '../kit/keylog.ts'

const [path, how, number] = process.argv.slice(2) as [string, string, string?]
if (number !== undefined && how !== 'delegate') holdAt(Number(number))
const { sealKeyFile, unsealKeyFile } = await import('../../src/drivers/key-file-change.ts')
const { delegateByKeyFile, rotateKeyFile } = await import('../../src/drivers/key-file-events.ts')
if (how === 'unseal') await unsealKeyFile(path, 'one')
if (how === 'seal') await sealKeyFile(path, 'two', { cost: { log2N: 14, parallel: 1 } })
if (how === 'rotate') await rotateKeyFile(path)
if (how === 'delegate') {
  process.stdout.write('ready\n')
  await new Promise<void>((resolve) => process.stdin.once('data', () => resolve()))
  const key = pairOf(Number(number)).publicKey
  const limits = { amountPerDayMax: null, usesMax: null, expiresMs: 2 ** 45 }
  await delegateByKeyFile(path, { delegate: new Uint8Array(32).fill(1), key, scopes: ['pay'], ...limits })
  process.exit(0)
}

function holdAt(number: number): void {
  const { rename } = fs
  let count = 0
  fs.rename = async (from, to) => {
    if (++count < number) return rename(from, to)
    process.stdout.write('held\n')
    return new Promise<void>(() => setInterval(() => {}, 1000))
  }
  syncBuiltinESMExports()
}

/**
 * A process to be killed: seals or unseals the key file named by its arguments, but stops before the rename that would make the change valid, prints `held`, and waits.
 */

import '../kit/wasm.ts'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const [path, how] = process.argv.slice(2) as [string, string]
fs.rename = () => {
  process.stdout.write('held\n')
  return new Promise<void>(() => setInterval(() => {}, 1000))
}
syncBuiltinESMExports()
const { sealKeyFile, unsealKeyFile } = await import('../../src/drivers/key-file-change.ts')
if (how === 'unseal') await unsealKeyFile(path, 'one')
else await sealKeyFile(path, 'two', { cost: { log2N: 14, parallel: 1 } })

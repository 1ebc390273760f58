/**
 * A process to be killed: writes turn after turn of 8 entries into the store named by its argument and prints each number once its sync has resolved.
 * After the number of turns in its second argument it writes one more turn without a sync, prints `held`, and waits.
 */

import '../kit/wasm.ts'
import { fromText } from '../../src/core/bytes.ts'
import { openSqliteStore } from '../../src/drivers/sqlite-store.ts'

const [path, turns] = process.argv.slice(2) as [string, string]

function turn(number: number) {
  return Array.from({ length: 8 }, (_, i) => ({
    space: 'turn',
    key: fromText(`${String(number).padStart(8, '0')}-${i}`),
    value: new Uint8Array(900).fill(number % 251),
  }))
}

try {
  const store = await openSqliteStore({ path })
  for (let number = 1; number <= Number(turns); number++) {
    store.write(turn(number))
    await store.sync()
    process.stdout.write(`${number}\n`)
  }
  store.write(turn(99_999_999))
  process.stdout.write('held\n')
  setInterval(() => {}, 1000)
} catch (error) {
  const { code, message } = error as { code: string; message: string }
  process.stdout.write(`error ${code} ${message}\n`)
}

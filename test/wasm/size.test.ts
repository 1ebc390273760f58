/** What is shipped of WebAssembly stays small: all builds of all kernels together. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { KERNELS } from '../../src/wasm/load.ts'
import { ROOT } from '../kit/source.ts'

const test = suite('wasm/size')
const FOLDER = join(ROOT, 'build')
const RAW_BYTES_MAX = 200_000
const GZIP_BYTES_MAX = 80_000

test('200 kB of modules at most, 80 kB compressed', () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.wasm'))
  const files = names.map((name) => readFileSync(join(FOLDER, name)))
  assert.ok(names.length >= 2 * KERNELS.length, names.join())
  assert.ok(files.every((bytes) => WebAssembly.validate(bytes)))
  const raw = sum(files.map((bytes) => bytes.length))
  const compressed = sum(files.map((bytes) => gzipSync(bytes, { level: 9 }).length))
  const all = files.map((bytes, i) => `${names[i]} ${bytes.length}`).join(', ')
  assert.ok(raw <= RAW_BYTES_MAX, `${raw} bytes: ${all}`)
  assert.ok(compressed <= GZIP_BYTES_MAX, `${compressed} bytes compressed: ${all}`)
})

test.run()

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

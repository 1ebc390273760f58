/**
 * Reads the compiled kernels from `build/` and hands them to `wasm/load.ts`, and chance to `wasm/verify.ts`, once, when it is imported.
 * Works from `src/drivers` and from `dist/drivers` alike, since both lie equally deep beside `build/`.
 */

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { WebxError } from '../core/errors.ts'
import { type Build, isProvided, isValid, KERNELS, type Kernel, provide } from '../wasm/load.ts'
import { provideRandom } from '../wasm/verify.ts'

const FOLDER = new URL('../../build/', import.meta.url)

/** Provides every kernel not yet provided. Throws `wasm-missing` or `wasm-damaged`. */
export function provideFromFiles(): void {
  for (const name of KERNELS) {
    if (!isProvided(name)) provide({ [name]: readKernel(name) })
  }
}

/**
 * Both builds of a kernel from the files in `folder`. Throws `wasm-missing` where one is absent and `wasm-damaged`
 * where the scalar one, which every engine accepts, is not a WebAssembly module.
 */
export function readKernel(name: Kernel, folder: URL = FOLDER): Record<Build, Uint8Array> {
  const files = { scalar: read(name, 'scalar', folder), simd: read(name, 'simd', folder) }
  if (isValid(files.scalar)) return files
  throw new WebxError('wasm-damaged', `kernel ${name} is not a WebAssembly module`, { hint: HINT })
}

const HINT = 'Run npm run build:wasm.'

function read(name: Kernel, build: Build, folder: URL): Uint8Array {
  const url = new URL(`${name}.${build}.wasm`, folder)
  try {
    return readFileSync(url)
  } catch (cause) {
    throw new WebxError('wasm-missing', `cannot read ${url.pathname}`, { hint: HINT, cause })
  }
}

provideFromFiles()
provideRandom(randomBytes)

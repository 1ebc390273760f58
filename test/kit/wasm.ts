/** Provides the WASM kernels to the tests: import it for its effect. */

import '../../src/drivers/wasm-files.ts'
import type { Build, KernelExports } from '../../src/wasm/load.ts'

/** Every kernel test runs its one body on each of these. */
export const BUILDS: readonly Build[] = ['scalar', 'simd']

/** A copy of all the memory of a kernel. */
export function memoryOf(kernel: KernelExports): Uint8Array {
  return new Uint8Array(kernel.memory.buffer).slice()
}

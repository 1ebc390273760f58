/** What a target runs: the way in to the vectors, bundled once and the same for every engine. */

import type { HashThreads } from '../../../src/drivers/hash-pool.ts'
import { KERNELS, type KernelFiles, provide, provideShared, SHARED_KERNEL } from '../../../src/wasm/load.ts'
import { runVectors, type TargetReport } from './run.ts'

/** For the threads that a target starts. */
export { createShare } from '../../../src/wasm/hash-shared.ts'

/** Takes the kernels by their files' names from where the target can read them, and asks both builds everything. */
export async function answers(
  read: (file: string) => Promise<Uint8Array>,
  lent: HashThreads,
): Promise<readonly TargetReport[]> {
  for (const kernel of KERNELS) {
    const [scalar, simd] = await Promise.all([read(`${kernel}.scalar.wasm`), read(`${kernel}.simd.wasm`)])
    const files: KernelFiles = { scalar, simd }
    provide({ [kernel]: files })
  }
  provideShared(await read(`${SHARED_KERNEL}.threads.wasm`))
  return [await runVectors('scalar', 'all', lent), await runVectors('simd', 'all', lent)]
}

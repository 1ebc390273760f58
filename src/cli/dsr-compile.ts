/**
 * Compiles an author's AssemblyScript to a module that keeps the profile DSR-1.
 *
 * The compiler is needed by authors only, so it is not among what webx installs: it is loaded where it is found.
 */

import { dirname, resolve } from 'node:path'
import { WebxError } from '../core/errors.ts'
import { checkModule } from '../data/dsr-module.ts'

/** What keeps AssemblyScript inside the profile: no imports, no heap, no bulk memory, a memory that cannot grow. */
export const COMPILER_FLAGS: readonly string[] = [
  ...['--runtime', 'stub', '--use', 'abort=', '--disable', 'bulk-memory', '--noAssert'],
  ...['--optimizeLevel', '3', '--shrinkLevel', '2', '--converge'],
]

/**
 * The module of a source file, checked against the profile.
 *
 * @param pages of memory, each of 64 KiB
 * @throws WebxError `usage` where the compiler is not installed, `runnable-refused` with what it says, or with what the profile forbids
 */
export async function compileRunnable(path: string, pages = 1): Promise<Uint8Array> {
  const { default: asc } = await import('assemblyscript/asc').catch((cause: unknown) => {
    const hint = 'npm install assemblyscript'
    throw new WebxError('usage', 'the AssemblyScript compiler is not installed', { hint, cause })
  })
  const [stdout, stderr] = [asc.createMemoryStream(), asc.createMemoryStream()]
  let module: Uint8Array | null = null
  const entry = resolve(path)
  const memory = ['--initialMemory', String(pages), '--maximumMemory', String(pages)]
  const where = ['--baseDir', dirname(entry), '--outFile', 'runnable.wasm']
  const { error } = await asc.main([entry, ...where, ...COMPILER_FLAGS, ...memory], {
    stdout,
    stderr,
    writeFile: (name, contents) => {
      if (name === 'runnable.wasm' && typeof contents !== 'string') module = new Uint8Array(contents)
    },
  })
  if (error !== null || module === null) {
    const said = stderr.toString().trim() || error?.message || 'nothing was compiled'
    throw new WebxError('runnable-refused', `AssemblyScript refuses ${path}:\n${said}`, { hint: 'Correct the source.' })
  }
  checkModule(module)
  return module
}

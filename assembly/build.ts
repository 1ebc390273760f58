/**
 * Compiles every kernel of this folder twice, scalar and SIMD, to `build/<kernel>.<build>.wasm`.
 *
 * Skips what is newer than all sources, the configuration and the compiler. Each module is written beside its place
 * and renamed, so that a process that loads kernels at the same moment never sees half a file.
 * Run it with Node 24 from anywhere: `node assembly/build.ts [--force]`.
 */

import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const KERNELS = ['hash', 'seal', 'tally', 'match']
const BUILDS = ['scalar', 'simd']

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
mkdirSync('build', { recursive: true })

const sources = readdirSync('assembly', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join('assembly', file))
const changedMs = Math.max(
  ...[...sources, 'asconfig.json', 'node_modules/assemblyscript/package.json'].map((file) => statSync(file).mtimeMs),
)

for (const kernel of KERNELS) {
  for (const build of BUILDS) {
    const file = join('build', `${kernel}.${build}.wasm`)
    const builtMs = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (builtMs > changedMs && !process.argv.includes('--force')) continue
    const draft = `${file}.${process.pid}`
    const { error, stderr } = await asc.main([
      join('assembly', `${kernel}.ts`),
      ...['--config', 'asconfig.json', '--target', build, '--outFile', draft],
    ])
    if (error) {
      rmSync(draft, { force: true })
      process.stderr.write(`${stderr.toString()}${error.message}\n`)
      process.exit(1)
    }
    renameSync(draft, file)
    process.stderr.write(`${file} ${statSync(file).size} bytes\n`)
  }
}

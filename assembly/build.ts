/**
 * Compiles every kernel of this folder twice, scalar and SIMD, to `build/<kernel>.<build>.wasm`, and what threads share once.
 *
 * Skips what is newer than all sources, the configuration and the compiler. Each module is written beside its place
 * and renamed, so that a process that loads kernels at the same moment never sees half a file.
 * Run it with Node 24 from anywhere: `node assembly/build.ts [--force]`.
 */

import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const KERNELS = ['hash', 'seal', 'tally', 'match', 'verify', 'group']
const BUILDS = ['scalar', 'simd']
const SHARED = ['hash-shared']
const TARGETS = [
  ...KERNELS.flatMap((kernel) => BUILDS.map((build) => ({ kernel, build }))),
  ...SHARED.map((kernel) => ({ kernel, build: 'threads' })),
]

/**
 * Level 3 keeps BLAKE3's message words in locals from round to round, which V8 then spills; level 2 loads them anew
 * and is by 3 % faster. Scalar builds and the other kernels gain from level 3.
 */
const LEVEL_2 = ['hash.simd', 'hash-shared.threads']

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
mkdirSync('build', { recursive: true })

const sources = readdirSync('assembly', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join('assembly', file))
const changedMs = Math.max(
  ...[...sources, 'asconfig.json', 'node_modules/assemblyscript/package.json'].map((file) => statSync(file).mtimeMs),
)

for (const { kernel, build } of TARGETS) {
  const file = join('build', `${kernel}.${build}.wasm`)
  const builtMs = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (builtMs > changedMs && !process.argv.includes('--force')) continue
  const draft = `${file}.${process.pid}`
  const { error, stderr } = await asc.main([
    join('assembly', `${kernel}.ts`),
    ...['--config', 'asconfig.json', '--target', build, '--outFile', draft],
    ...(LEVEL_2.includes(`${kernel}.${build}`) ? ['--optimizeLevel', '2'] : []),
  ])
  if (error) {
    rmSync(draft, { force: true })
    process.stderr.write(`${stderr.toString()}${error.message}\n`)
    process.exit(1)
  }
  renameSync(draft, file)
  process.stderr.write(`${file} ${statSync(file).size} bytes\n`)
}

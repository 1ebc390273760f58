/** Loading the kernels: both builds stand, the self-test asks both, instances share nothing. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { provideFromFiles, readKernel } from '../../src/drivers/wasm-files.ts'
import { instantiate, isProvided, KERNELS, kernelBuild, provide } from '../../src/wasm/load.ts'
import { selfTest } from '../../src/wasm/self-test.ts'
import { BUILDS, memoryOf } from '../kit/wasm.ts'

const test = suite('wasm/load')

test('this engine takes the SIMD build of every kernel', () => {
  assert.equal(
    KERNELS.map((name) => kernelBuild(name)),
    KERNELS.map(() => 'simd'),
  )
})

test('the self-test passes on both builds and by default', () => {
  for (const build of BUILDS) {
    assert.equal(
      selfTest(build),
      KERNELS.map((kernel) => ({ kernel, build, ok: true })),
    )
  }
  assert.is(selfTest().length, KERNELS.length)
})

test('providing again changes nothing', () => {
  provideFromFiles()
  provide({ hash: { scalar: new Uint8Array(1), simd: new Uint8Array(1) } })
  assert.ok(isProvided('hash'))
  assert.is(selfTest('scalar').length, KERNELS.length)
})

test('each instance has a memory of its own', () => {
  const [first, second] = [instantiate('seal'), instantiate('seal')]
  const before = memoryOf(second)
  new Uint8Array(first.memory.buffer).fill(1)
  assert.ok(Buffer.from(memoryOf(second)).equals(before))
  assert.ok(Buffer.from(memoryOf(instantiate('seal'))).equals(before))
})

test('absent and damaged files are told apart, with what to do', () => {
  const folder = mkdtempSync(join(tmpdir(), 'webx-wasm-'))
  const url = pathToFileURL(`${folder}/`)
  const refusal = (code: string) => (error: { code: string; hint: string }) => {
    return error.code === code && error.hint === 'Run npm run build:wasm.'
  }
  try {
    assert.throws(() => readKernel('hash', url), refusal('wasm-missing'))
    for (const build of BUILDS) writeFileSync(join(folder, `hash.${build}.wasm`), 'not a module')
    assert.throws(() => readKernel('hash', url), refusal('wasm-damaged'))
    for (const build of BUILDS) writeFileSync(join(folder, `hash.${build}.wasm`), readKernel('hash')[build])
    assert.is(readKernel('hash', url).simd.length, readKernel('hash').simd.length)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('an unknown kernel is refused', () => {
  assert.throws(() => instantiate('nothing' as never), /kernel nothing: not provided/)
})

test.run()

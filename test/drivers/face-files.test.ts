/** Installing files out of a package: once, checked, repaired, and never anything but what the manifest names. */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { filesState, installModel, readInstalled } from '../../src/drivers/face-files.ts'
import { openFaceModel } from '../../src/drivers/face-model.ts'
import { openRuntime } from '../../src/drivers/face-runtime.ts'
import { type PackageManifest, packageManifest } from '../../src/face/manifest.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'

const test = suite('drivers/face-files')
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const ONE = new TextEncoder().encode('the first network')
const TWO = new TextEncoder().encode('the second network')

/** A package of two files, its manifest, and an empty cache. */
function prepare(directory: string): { manifest: PackageManifest; source: string; cacheDir: string } {
  mkdirSync(join(directory, 'package'))
  writeFileSync(join(directory, 'package', 'one.onnx'), ONE)
  writeFileSync(join(directory, 'package', 'two.onnx'), TWO)
  const source = join(directory, 'trial-1.0.0.tgz')
  execFileSync('tar', ['-czf', source, '-C', directory, 'package'])
  const manifest = packageManifest({
    name: 'trial',
    summary: 'two small files',
    source: {
      package: 'webx-trial',
      version: '1.0.0',
      bytes: statSync(source).size,
      sha256: sha256(readFileSync(source)),
    },
    license: { text: 'none needed', caveats: [] },
    files: {
      one: { path: 'package/one.onnx', bytes: ONE.length, sha256: sha256(ONE) },
      two: { path: 'package/two.onnx', bytes: TWO.length, sha256: sha256(TWO) },
    },
  })
  return { manifest, source, cacheDir: join(directory, 'cache') }
}

/** Runs `use` with this shell script standing in for the npm client. */
async function withNpm<T>(directory: string, script: string, use: () => Promise<T>): Promise<T> {
  const bin = join(directory, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'npm'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(bin, 'npm'), 0o755)
  const { PATH: before = '' } = process.env
  Object.assign(process.env, { PATH: `${bin}:${before}` })
  try {
    return await use()
  } finally {
    Object.assign(process.env, { PATH: before })
  }
}

test('installs once; the second time nothing is fetched or written', () =>
  withTemp(async (directory) => {
    const { manifest, source, cacheDir } = prepare(directory)
    assert.is(await filesState(manifest, cacheDir), 'missing')
    assert.is(await codeOfAsync(() => readInstalled(manifest, 'one', cacheDir)), 'model-missing')
    const stages: string[] = []
    const { paths, directory: place } = await installModel(manifest, {
      cacheDir,
      source,
      onProgress: (p) => stages.push(p.stage),
    })
    assert.equal(stages, ['download', 'extract', 'store', 'done'])
    assert.equal(readdirSync(place).sort(), ['one.onnx', 'two.onnx'])
    assert.equal(new Uint8Array(readFileSync(paths['two']!)), TWO)
    assert.equal(await readInstalled(manifest, 'one', cacheDir), ONE)
    assert.is(await filesState(manifest, cacheDir), 'installed')
    stages.length = 0
    const absent = join(directory, 'no-such.tgz')
    await installModel(manifest, { cacheDir, source: absent, onProgress: (p) => stages.push(p.stage) })
    assert.equal(stages, ['done'])
  }))

test('a damaged file is noticed, refused, and replaced by the next installation', () =>
  withTemp(async (directory) => {
    const { manifest, source, cacheDir } = prepare(directory)
    const { paths } = await installModel(manifest, { cacheDir, source })
    for (const damage of [ONE.with(3, 0), new Uint8Array(0), new Uint8Array(10_000)]) {
      writeFileSync(paths['one']!, damage)
      assert.is(await filesState(manifest, cacheDir), 'damaged')
      assert.is(await codeOfAsync(() => readInstalled(manifest, 'one', cacheDir)), 'model-damaged')
      await installModel(manifest, { cacheDir, source })
      assert.equal(await readInstalled(manifest, 'one', cacheDir), ONE)
    }
  }))

test('another package, other files, or missing ones are not taken', () =>
  withTemp(async (directory) => {
    const { manifest, source, cacheDir } = prepare(directory)
    const other = { ...manifest, source: { ...manifest.source, sha256: '0'.repeat(64) } }
    assert.is(await codeOfAsync(() => installModel(other, { cacheDir, source })), 'model-damaged')
    const tampered = { ...manifest, files: { one: { ...manifest.files['one']!, sha256: sha256(TWO) } } }
    assert.is(await codeOfAsync(() => installModel(tampered, { cacheDir, source })), 'model-damaged')
    const absent = { ...manifest, files: { one: { ...manifest.files['one']!, path: 'package/three.onnx' } } }
    assert.is(await codeOfAsync(() => installModel(absent, { cacheDir, source })), 'model-damaged')
    assert.is(await filesState(manifest, cacheDir), 'missing')
    assert.is(await codeOfAsync(() => installModel(manifest, { cacheDir, source: `${source}x` })), 'download-failed')
  }))

test('two at once do not disturb each other', () =>
  withTemp(async (directory) => {
    const { manifest, source, cacheDir } = prepare(directory)
    const both = await Promise.all([1, 2, 3].map(() => installModel(manifest, { cacheDir, source })))
    assert.is(both.length, 3)
    assert.is(await filesState(manifest, cacheDir), 'installed')
    assert.is(readdirSync(both[0]!.directory).length, 2)
  }))

test('fetches by npm pack, running no scripts, in a directory of its own', () =>
  withTemp(async (directory) => {
    const { manifest, source, cacheDir } = prepare(directory)
    const script = `echo "$@" > ${directory}/arguments; pwd > ${directory}/where; cp ${source} "$6"`
    await withNpm(directory, script, () => installModel(manifest, { cacheDir }))
    assert.match(readFileSync(join(directory, 'arguments'), 'utf8'), /^pack webx-trial@1\.0\.0 --ignore-scripts /)
    const where = readFileSync(join(directory, 'where'), 'utf8').trim()
    assert.throws(() => statSync(where), /ENOENT/)
    assert.is(await filesState(manifest, cacheDir), 'installed')
  }))

test('a failing npm is quoted, and says what to try', () =>
  withTemp(async (directory) => {
    const { manifest, cacheDir } = prepare(directory)
    const script = 'echo "npm error code E404" >&2; echo "npm error A complete log of this run" >&2; exit 1'
    const failure = await withNpm(directory, script, () => installModel(manifest, { cacheDir }).catch((error) => error))
    assert.is(failure.code, 'download-failed')
    assert.is(failure.message, 'npm could not fetch webx-trial@1.0.0: code E404')
    assert.match(failure.hint, /npm view webx-trial@1\.0\.0/)
    const nothing = await withNpm(directory, 'exit 0', () =>
      installModel(manifest, { cacheDir }).catch((error) => error),
    )
    assert.match(nothing.message, /left no file/)
  }))

test('a model that is not installed says how to install it', () =>
  withTemp(async (cacheDir) => {
    const failure = await openFaceModel({ cacheDir }).catch((error) => error)
    assert.is(failure.code, 'model-missing')
    assert.is(failure.hint, 'Run webx models install.')
  }))

for (const backend of ['onnxruntime-node', 'onnxruntime-web'] as const) {
  test(`${backend} refuses what is no network`, async () => {
    const runtime = await openRuntime(backend)
    assert.is(runtime.backend, backend)
    assert.is(await codeOfAsync(() => runtime.load(new TextEncoder().encode('no network at all'))), 'model-damaged')
  })
}

test.run()

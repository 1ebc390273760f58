/** The tar reader against archives that the system's tar has written, and against damaged ones. */

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { extract } from '../../src/drivers/face-tarball.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'

const test = suite('drivers/face-tarball')
const LONG = `package/${'deep-folder-name/'.repeat(12)}net.onnx`

/** Files in a folder, packed by tar in the given format; answers the archive's path. */
function pack(directory: string, files: Readonly<Record<string, Uint8Array>>, format = 'ustar'): string {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(join(directory, path, '..'), { recursive: true })
    writeFileSync(join(directory, path), bytes)
  }
  const archive = join(directory, 'it.tgz')
  execFileSync('tar', [`--format=${format}`, '-czf', archive, '-C', directory, 'package'])
  return archive
}

const content = (length: number, seed: number): Uint8Array =>
  new Uint8Array(length).map((_, i) => (i * 31 + seed) & 255)

for (const format of ['ustar', 'pax', 'gnu']) {
  test(`finds files in a ${format} archive, at the edges of blocks and under long names`, () =>
    withTemp(async (directory) => {
      const files = {
        'package/empty': content(0, 1),
        'package/one': content(1, 2),
        'package/block': content(512, 3),
        'package/more': content(200_001, 4),
        [LONG]: content(513, 5),
        'package/unasked': content(5_000, 6),
      }
      const archive = pack(directory, files, format)
      const asked = Object.keys(files).filter((path) => path !== 'package/unasked')
      const found = await extract(archive, new Map([...asked, 'package/absent'].map((path) => [path, 300_000])))
      assert.equal([...found.keys()].sort(), asked.sort())
      for (const path of asked) assert.equal(found.get(path), files[path as keyof typeof files], path)
    }))
}

test('a file that is larger than its manifest says is not read', () =>
  withTemp(async (directory) => {
    const archive = pack(directory, { 'package/big': content(1_000, 1) })
    assert.is(await codeOfAsync(() => extract(archive, new Map([['package/big', 999]]))), 'limit')
    assert.is((await extract(archive, new Map([['package/big', 1_000]]))).size, 1)
  }))

test('a link in the place of a file is not followed', () =>
  withTemp(async (directory) => {
    mkdirSync(join(directory, 'package'))
    execFileSync('ln', ['-s', '/etc/hostname', join(directory, 'package', 'net')])
    const archive = pack(directory, {})
    assert.is((await extract(archive, new Map([['package/net', 1_000]]))).size, 0)
  }))

test('damaged archives are refused', () =>
  withTemp(async (directory) => {
    const whole = readFileSync(pack(directory, { 'package/a': content(3_000, 1), 'package/b': content(3_000, 2) }))
    const wanted = new Map([['package/b', 3_000]])
    const tar = gunzipSync(whole)
    const flipped = Uint8Array.from(tar)
    flipped[tar.indexOf('package/b')] = 'q'.charCodeAt(0)
    const badSize = Uint8Array.from(tar)
    badSize.set(new TextEncoder().encode('zzzzzzzzzzz'), 124)
    const cases: Readonly<Record<string, Uint8Array>> = {
      'cut off in the gzip stream': whole.subarray(0, whole.length - 200),
      'cut off in a file': gzipSync(tar.subarray(0, tar.indexOf('package/b') + 1_000)),
      'a changed name': gzipSync(flipped),
      'no number for a size': gzipSync(badSize),
      'no gzip': content(2_000, 7),
    }
    for (const [what, bytes] of Object.entries(cases)) {
      const path = join(directory, 'damaged.tgz')
      writeFileSync(path, bytes)
      assert.is(await codeOfAsync(() => extract(path, wanted)), 'download-failed', what)
    }
    assert.is(await codeOfAsync(() => extract(join(directory, 'absent.tgz'), wanted)), 'download-failed')
  }))

test.run()

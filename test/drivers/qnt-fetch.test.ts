/** Where fetched content goes: nothing gets its name before it is verified, nothing is replaced, nothing is left behind. */

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal } from '../../src/core/bytes.ts'
import { chunkLayout, keyCommitment, PayloadWriter } from '../../src/data/stream.ts'
import { CHUNK_LOG2 } from '../../src/data/tree.ts'
import { openFetchTarget } from '../../src/drivers/qnt-fetch.ts'
import '../../src/drivers/wasm-files.ts'
import type { OpenedManifest } from '../../src/kernel/redeeming.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'
import { sealed } from '../kit/vault.ts'

const test = suite('drivers/qnt-fetch')
const BLOCK = 32_768
const KEYS = { contentKey: pattern(32), dataId: pattern(64).subarray(32), keyEpoch: 3 }
const AUTHOR = {
  ...{ id: pattern(32), position: 0 },
  sign: async () => new Uint8Array(64),
  deriveSecret: async () => pattern(32).slice(),
}

/** Sealed chunks of a content, and what opens them. */
function chunks(content: Uint8Array): { readonly bytes: Uint8Array; readonly opened: OpenedManifest } {
  const bytes = new Uint8Array(chunkLayout(content.length).sealedBytes)
  let at = 0
  const room = (length: number) => {
    at += length
    return bytes.subarray(at - length, at)
  }
  const writer = new PayloadWriter(KEYS, { room, value: () => {} })
  writer.write(content)
  const { root, contentBytes } = writer.end()
  const commitment = keyCommitment(KEYS.contentKey, KEYS.dataId)
  return { bytes, opened: { keys: KEYS, commitment, root, contentBytes, chunkLog2: CHUNK_LOG2 } }
}

/** Puts bytes into a target block by block, the last one first. */
async function filled(path: string, bytes: Uint8Array) {
  const target = await openFetchTarget(path)
  const places = Array.from({ length: Math.ceil(bytes.length / BLOCK) }, (_, i) => i * BLOCK).reverse()
  for (const at of places) await target.put(at, bytes.subarray(at, at + BLOCK))
  return target
}

test('chunks in any order become the content, and only that is left', async () => {
  await withTemp(async (folder) => {
    for (const length of [0, 1, 65_520, 200_000]) {
      const { bytes, opened } = chunks(pattern(length))
      const path = join(folder, `out-${length}`)
      const target = await filled(path, bytes)
      assert.is(await target.openChunks(opened), length)
      await target.discard()
      assert.ok(equal(new Uint8Array(await readFile(path)), pattern(length)))
    }
    assert.is((await readdir(folder)).length, 4)
  })
})

test('a changed, missing or foreign byte is found, and nothing is written', async () => {
  await withTemp(async (folder) => {
    const { bytes, opened } = chunks(pattern(100_000))
    const other = pattern(32).reverse()
    const cases: [string, Uint8Array, OpenedManifest][] = [
      ['tampered', bytes.with(50_000, (bytes[50_000] as number) ^ 1), opened],
      ['tampered', bytes.subarray(0, -1), opened],
      ['tampered', bytes, { ...opened, root: other }],
      ['bad-key', bytes, { ...opened, keys: { ...KEYS, contentKey: other } }],
    ]
    for (const [code, put, by] of cases) {
      const target = await filled(join(folder, 'out'), put)
      assert.is(await codeOfAsync(() => target.openChunks(by)), code)
      await target.discard()
    }
    assert.equal(await readdir(folder), [])
  })
})

test('a whole .qnt opens by its manifest, and not where the manifest is refused', async () => {
  await withTemp(async (folder) => {
    const file = await sealed(folder, AUTHOR, { content: pattern(150_000) })
    const bytes = new Uint8Array(await readFile(file.path))
    const { dataId, keyEpoch, keyCommitment: commitment, root, contentBytes, chunkLog2 } = file.manifest
    const keys = { contentKey: file.contentKey, dataId, keyEpoch }
    const target = await filled(join(folder, 'out'), bytes)
    assert.is(await codeOfAsync(() => target.openFile(() => codeThrown())), 'bad-key')
    const unlock = async (document: Uint8Array) => {
      assert.ok(equal(document, file.document))
      return { keys, commitment, root, contentBytes, chunkLog2 }
    }
    assert.is(await target.openFile(unlock), 150_000)
    await target.discard()
    assert.ok(equal(new Uint8Array(await readFile(join(folder, 'out'))), file.content))
  })
})

test('what is there already is never replaced', async () => {
  await withTemp(async (folder) => {
    const path = join(folder, 'out')
    const { bytes, opened } = chunks(pattern(10))
    const target = await filled(path, bytes)
    await writeFile(path, 'somebody was faster')
    assert.is(await codeOfAsync(() => target.openChunks(opened)), 'store-failed')
    await target.discard()
    assert.is(await codeOfAsync(() => openFetchTarget(path)), 'store-failed')
    assert.is(await codeOfAsync(() => openFetchTarget(join(folder, 'no such', 'out'))), 'store-failed')
    assert.equal(await readdir(folder), ['out'])
    assert.is(await readFile(path, 'utf8'), 'somebody was faster')
  })
})

async function codeThrown(): Promise<never> {
  const { WebxError } = await import('../../src/core/errors.ts')
  throw new WebxError('bad-key', 'not for this one')
}

test.run()

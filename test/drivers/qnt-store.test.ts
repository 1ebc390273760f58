/** Copies of .qnt files on a real disk: whole or not there, verified while they are taken, freed, read in part, and found out where they are damaged. */

import { mkdir, open, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal, toHex } from '../../src/core/bytes.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { openQntStore } from '../../src/drivers/qnt-store.ts'
import type { QntStore } from '../../src/kernel/vault.ts'
import { keysOf } from '../kit/node.ts'
import { makePerson } from '../kit/people.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'
import { type Sealed, sealed } from '../kit/vault.ts'

const author = keysOf(makePerson())
const MIB = 2 ** 20

const test = suite('drivers/qnt-store')

async function stage(use: (stage: { folder: string; copies: QntStore; file: Sealed; at: string }) => Promise<void>) {
  await withTemp(async (folder) => {
    const file = await sealed(folder, author, { content: pattern(MIB + 77) })
    const copies = await openQntStore(join(folder, 'copies'))
    await use({ folder, copies, file, at: join(folder, 'copies', `${toHex(file.digest)}.qnt`) })
  })
}

test('a copy is the file, byte for byte, under the digest of its manifest, and nothing beside it', async () => {
  await stage(async ({ folder, copies, file, at }) => {
    assert.equal(await copies.manifestAt(file.path), file.document)
    assert.is(await copies.fileBytes(file.digest), null)
    const bytes = await copies.take(file.path, file)
    const original = await readFile(file.path)
    assert.is(bytes, original.length)
    assert.ok(original.equals(await readFile(at)))
    assert.equal(await readdir(join(folder, 'copies')), [`${toHex(file.digest)}.qnt`])
    assert.is(await copies.fileBytes(file.digest), bytes)
    assert.equal((await copies.digests()).map(toHex), [toHex(file.digest)])
    assert.is(await copies.take(file.path, file), bytes, 'once more is no error')
    await copies.scrub(file)
  })
})

test('any flipped, missing or added byte of a source leaves no copy', async () => {
  await stage(async ({ folder, copies, file }) => {
    const original = new Uint8Array(await readFile(file.path))
    const bad = join(folder, 'bad.qnt')
    const body = 8 + file.document.length
    const places = [body, body + 65_536, body + MIB, original.length - 600, original.length - 1]
    for (const at of places) {
      const changed = original.slice()
      changed[at] = (changed[at] as number) ^ 4
      await writeFile(bad, changed)
      assert.is(await codeOfAsync(() => copies.take(bad, file)), 'tampered', `${at}`)
    }
    for (const changed of [original.slice(0, -1), original.slice(0, body + 5), new Uint8Array([...original, 0])]) {
      await writeFile(bad, changed)
      assert.is(await codeOfAsync(() => copies.take(bad, file)), 'tampered', `${changed.length}`)
    }
    const other = original.slice()
    other[8 + file.document.length - 1] = (other[8 + file.document.length - 1] as number) ^ 1
    await writeFile(bad, other)
    assert.is(await codeOfAsync(() => copies.take(bad, file)), 'tampered', 'a manifest that was changed meanwhile')
    assert.equal(await readdir(join(folder, 'copies')), [])
  })
})

test('what is no file, or no .qnt, is refused without waiting', async () => {
  await stage(async ({ folder, copies, file }) => {
    await mkdir(join(folder, 'd'))
    await writeFile(join(folder, 'text'), 'hello, hello')
    for (const name of ['none', 'd']) {
      assert.is(await codeOfAsync(() => copies.manifestAt(join(folder, name))), 'file-unreadable')
      assert.is(await codeOfAsync(() => copies.take(join(folder, name), file)), 'file-unreadable')
    }
    assert.is(await codeOfAsync(() => copies.manifestAt('/dev/zero')), 'file-unreadable')
    assert.is(await codeOfAsync(() => copies.manifestAt(join(folder, 'text'))), 'bad-shape')
  })
})

test('what is called off is neither taken nor damaged, and a copy that was there stays', async () => {
  await stage(async ({ folder, copies, file, at }) => {
    const signal = AbortSignal.abort()
    assert.is(await codeOfAsync(() => copies.take(file.path, file, signal)), 'stopped')
    assert.equal(await readdir(join(folder, 'copies')), [])
    await copies.take(file.path, file)
    assert.is(await codeOfAsync(() => copies.take(file.path, file, signal)), 'stopped')
    assert.is(await codeOfAsync(() => copies.scrub(file, signal)), 'stopped')
    assert.ok((await readFile(file.path)).equals(await readFile(at)))
  })
})

test('a damaged copy is replaced by a file that is whole, and by no other', async () => {
  await stage(async ({ folder, copies, file, at }) => {
    await copies.take(file.path, file)
    await truncate(at, 100_000)
    assert.is(await codeOfAsync(() => copies.take(at, file)), 'tampered')
    assert.equal(await readdir(join(folder, 'copies')), [`${toHex(file.digest)}.qnt`], 'most of it may be of use')
    await copies.take(file.path, file)
    assert.ok((await readFile(file.path)).equals(await readFile(at)))
  })
})

test('digests that are none name no file', async () => {
  await stage(async ({ folder, copies }) => {
    await writeFile(join(folder, 'victim'), 'x')
    await symlink(join(folder, 'victim'), join(folder, 'copies', 'link'))
    for (const digest of [new Uint8Array(31), new Uint8Array(0), '../victim' as unknown as Uint8Array]) {
      assert.is(await codeOfAsync(() => copies.remove(digest)), 'bad-argument')
      assert.is(await codeOfAsync(() => copies.readSealed(digest, 0, 1)), 'bad-argument')
    }
    assert.equal(await copies.digests(), [], 'other names are not copies')
  })
})

test('a removed copy is gone from the disk; once more is no error', async () => {
  await stage(async ({ folder, copies, file }) => {
    await copies.take(file.path, file)
    await copies.remove(file.digest)
    await copies.remove(file.digest)
    assert.equal(await readdir(join(folder, 'copies')), [])
    assert.is(await codeOfAsync(() => copies.readSealed(file.digest, 0, 1)), 'file-unreadable')
  })
})

test('unfinished copies of an earlier run are removed at start, and nothing else', async () => {
  await stage(async ({ folder, copies, file }) => {
    await copies.take(file.path, file)
    const inside = join(folder, 'copies')
    const name = `${toHex(file.digest)}.qnt`
    const others = ['notes.txt', `${name}.old`, 'x.draft']
    for (const each of [`${name}.0123456789ab.draft`, `${name}.0123456789ab.spill`, ...others]) {
      await writeFile(join(inside, each), 'half')
    }
    await openQntStore(inside)
    assert.equal((await readdir(inside)).sort(), [name, ...others].sort())
  })
})

test('reads the sealed file in part, and not beyond it', async () => {
  await stage(async ({ copies, file }) => {
    const bytes = await copies.take(file.path, file)
    const original = new Uint8Array(await readFile(file.path))
    assert.equal(await copies.readSealed(file.digest, 0, 40), original.slice(0, 40))
    assert.equal(await copies.readSealed(file.digest, bytes - 9, 9), original.slice(-9))
    assert.equal(await copies.readSealed(file.digest, bytes, 0), new Uint8Array(0))
    const beyond: [number, number][] = [
      [bytes - 9, 10],
      [bytes + 1, 0],
      [-1, 2],
      [0.5, 1],
      [0, -1],
      [0, LIMITS.qntRangeBytesMax + 1],
    ]
    for (const [at, length] of beyond) {
      assert.is(await codeOfAsync(() => copies.readSealed(file.digest, at, length)), 'out-of-range', `${at} ${length}`)
    }
  })
})

test('opens a range with the key, proves it, and notices damage there and in a scrub', async () => {
  await stage(async ({ copies, file, at }) => {
    await copies.take(file.path, file)
    const { dataId, keyEpoch } = file.manifest
    const keys = { contentKey: file.contentKey, dataId, keyEpoch }
    const read = (from: number, length: number) => copies.readRange(file, { at: from, length }, keys)
    assert.ok(equal(await read(70_000, 1_000), file.content.subarray(70_000, 71_000)))
    await copies.scrub(file)
    const disk = await open(at, 'r+')
    await disk.write(Uint8Array.of(255, 254), 0, 2, 8 + file.document.length + 70_500).finally(() => disk.close())
    assert.is(await codeOfAsync(() => read(70_000, 1_000)), 'tampered')
    assert.ok(equal(await read(600_000, 9), file.content.subarray(600_000, 600_009)), 'the rest is still proved')
    assert.is(await codeOfAsync(() => copies.scrub(file)), 'tampered')
    await truncate(at, 100_000)
    assert.is(await codeOfAsync(() => copies.scrub(file)), 'tampered')
    assert.is(await codeOfAsync(() => read(600_000, 9)), 'tampered')
  })
})

test('a folder that cannot be written says so', async () => {
  await withTemp(async (folder) => {
    await writeFile(join(folder, 'file'), '')
    assert.is(await codeOfAsync(() => openQntStore(join(folder, 'file', 'copies'))), 'store-failed')
  })
})

test.run()

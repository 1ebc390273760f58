/** .qnt files on a disk: sealed, opened, verified and read in part with real manifests and keys; damaged in every part; nothing left behind. */

import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, equal, toHex } from '../../src/core/bytes.ts'
import { WebxError } from '../../src/core/errors.ts'
import { dataIdOf } from '../../src/data/manifest.ts'
import { FREE_POLICY } from '../../src/data/policy.ts'
import { type Holder, publicKeyOf, wrapKeyToAll } from '../../src/data/recipients.ts'
import { keyCommitment } from '../../src/data/stream.ts'
import { ephemeralAgreement } from '../../src/drivers/host.ts'
import { descriptorReader } from '../../src/drivers/qnt-blocks.ts'
import { openQnt, type SealedFile, sealQnt, verifyQnt, withQnt } from '../../src/drivers/qnt-file.ts'
import { claimsOf, type KeyOf, manifestMaker, unlockedBy } from '../../src/drivers/qnt-manifest.ts'
import { readQntRange } from '../../src/drivers/qnt-range.ts'
import '../../src/drivers/wasm-files.ts'
import { oracleOpen, oracleRoot, oracleTree, pattern, takeApart } from '../kit/qnt.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'
import { uniform } from '../kit/vectors.ts'

const MIB = 2 ** 20
const owner = generateKeyPairSync('ed25519')
const OWNER_KEY = new Uint8Array(owner.publicKey.export({ format: 'der', type: 'spki' }).subarray(12))
const OWNER_ID = pattern(32)
const SALT = pattern(48).subarray(32)
const KEYS = { contentKey: pattern(132).subarray(100), dataId: dataIdOf(OWNER_ID, SALT), keyEpoch: 1 }
const HOLDER: Holder = { suite: 'x25519', half: ephemeralAgreement() }
const random = uniform(7)
const chance = {
  random: (length: number) => Uint8Array.from({ length }, () => 256 * random()),
  ephemeral: ephemeralAgreement,
}
const keyOf: KeyOf = (ownerId) => (equal(ownerId, OWNER_ID) ? OWNER_KEY : null)
const maker = manifestMaker(
  {
    dataId: KEYS.dataId,
    ownerId: OWNER_ID,
    salt: SALT,
    ownerPosition: 0,
    fileVersion: 1,
    previous: null,
    suite: 'chacha20-poly1305-blake3',
    keyEpoch: 1,
    keyCommitment: keyCommitment(KEYS.contentKey, KEYS.dataId),
    tier: 'private',
    recipients: wrapKeyToAll(KEYS.contentKey, [publicKeyOf(HOLDER)], ['x25519'], KEYS, chance),
    fieldDigests: [],
    policy: FREE_POLICY,
    runnables: [],
    parents: [],
  },
  async (message) => new Uint8Array(sign(null, message, owner.privateKey)),
)
const unlock = async (document: Uint8Array) => unlockedBy(HOLDER, document, keyOf)
const claims = async (document: Uint8Array) => claimsOf(document, keyOf)

const files = suite('drivers/qnt-file: files')

files('what is sealed opens to the same, about every edge, and the oracle reads it', async () => {
  await withTemp(async (folder) => {
    for (const length of [0, 1, 65_519, 65_520, 65_521, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 777]) {
      await emptied(folder)
      const { path, result } = await sealed(folder, pattern(length))
      const { body, manifest, tree } = takeApart(await bytesOf(path), length)
      assert.is((await stat(path)).size, result.fileBytes)
      assert.is(toHex(manifest), toHex(result.manifest))
      if (length <= MIB) {
        assert.ok(equal(oracleOpen(KEYS, body), pattern(length)), `${length}`)
        assert.is(toHex(oracleRoot(body)), toHex(result.root))
        assert.is(toHex(oracleTree(body)), toHex(tree))
      }
      await openQnt(path, join(folder, 'out'), unlock)
      assert.ok(equal(await bytesOf(join(folder, 'out')), pattern(length)), `${length}`)
      await verifyQnt(path, claims)
    }
    assert.equal((await readdir(folder)).sort(), ['in', 'out', 'x.qnt'])
  })
})

files('a stream of pieces gives the same bytes as a file; without the tree they are fewer', async () => {
  await withTemp(async (folder) => {
    for (const length of [0, 10, MIB, 2 * MIB + 5]) {
      await emptied(folder)
      const fromFile = await bytesOf((await sealed(folder, pattern(length))).path)
      await sealQnt(pieces(pattern(length)), join(folder, 's.qnt'), KEYS, maker)
      assert.ok(equal(await bytesOf(join(folder, 's.qnt')), fromFile), `${length}`)
      const file = await open(join(folder, 'in'), 'r')
      await sealQnt(descriptorReader(file.fd), join(folder, 'd.qnt'), KEYS, maker).finally(() => file.close())
      assert.ok(equal(await bytesOf(join(folder, 'd.qnt')), fromFile), `${length}`)
      const layout = await openQnt(join(folder, 's.qnt'), join(folder, 'out'), unlock)
      await sealQnt(pieces(pattern(length)), join(folder, 't.qnt'), KEYS, maker, { hasTree: false })
      assert.ok(equal(await bytesOf(join(folder, 't.qnt')), fromFile.subarray(0, layout.treeAt)))
      await verifyQnt(join(folder, 't.qnt'), claims)
    }
  })
})

files('chunks are moved where the manifest is longer or shorter than was expected', async () => {
  await withTemp(async (folder) => {
    const content = pattern(2 * MIB + 333)
    const expected = await bytesOf((await sealed(folder, content)).path)
    for (const guess of [-300, -1, 1, 900]) {
      await rm(join(folder, 'm.qnt'), { force: true })
      const wrong = { ...maker, bytesFor: (content: never) => maker.bytesFor(content) + guess }
      await sealQnt(join(folder, 'in'), join(folder, 'm.qnt'), KEYS, wrong)
      const { body, tree } = takeApart(await bytesOf(join(folder, 'm.qnt')), content.length)
      assert.ok(equal(body, takeApart(expected, content.length).body), `${guess}`)
      assert.ok(equal(tree, takeApart(expected, content.length).tree), `${guess}`)
    }
  })
})

files('chunks of another size work the same way', async () => {
  await withTemp(async (folder) => {
    await writeFile(join(folder, 'in'), pattern(MIB + 99))
    await sealQnt(join(folder, 'in'), join(folder, 'x.qnt'), KEYS, maker, { chunkLog2: 10 })
    await verifyQnt(join(folder, 'x.qnt'), claims)
    await openQnt(join(folder, 'x.qnt'), join(folder, 'out'), unlock)
    assert.ok(equal(await bytesOf(join(folder, 'out')), pattern(MIB + 99)))
    const { content } = await readQntRange(join(folder, 'x.qnt'), { at: 777_777, length: 5000 }, unlock)
    assert.ok(equal(content, pattern(MIB + 99).subarray(777_777, 782_777)))
  })
})

const ranges = suite('drivers/qnt-file: ranges')

ranges('any range is what lies there, and a megabyte out of the middle takes less than 1.2', async () => {
  await withTemp(async (folder) => {
    const content = pattern(20 * MIB + 5)
    const { path } = await sealed(folder, content)
    const middle = await readQntRange(path, { at: 10 * MIB + 4711, length: MIB }, unlock)
    assert.ok(equal(middle.content, content.subarray(10 * MIB + 4711, 11 * MIB + 4711)))
    assert.ok(middle.bytesRead <= 1.2 * MIB, `${middle.bytesRead}`)
    for (const [at, length] of [
      [0, 1],
      [0, 0],
      [65_519, 2],
      [65_520, 65_520],
      [256 * 65_520 - 10, 20],
      [content.length - 3, 3],
      [content.length - 3, 1000],
      [content.length, 5],
    ] as const) {
      const range = await readQntRange(path, { at, length }, unlock)
      assert.ok(equal(range.content, content.subarray(at, at + length)), `${length} from ${at} on`)
    }
    for (const [at, length] of [[-1, 1] as const, [content.length + 1, 1] as const, [0.5, 1] as const]) {
      assert.is(await codeOfAsync(() => readQntRange(path, { at, length }, unlock)), 'bad-argument')
    }
    assert.is(await codeOfAsync(() => readQntRange(path, { at: 0, length: 17 * MIB }, unlock)), 'too-long')
  })
})

ranges('of one chunk needs no tree, of several it does', async () => {
  await withTemp(async (folder) => {
    const path = join(folder, 'x.qnt')
    await sealQnt(pieces(pattern(500)), path, KEYS, maker, { hasTree: false })
    const { content } = await readQntRange(path, { at: 100, length: 50 }, unlock)
    assert.ok(equal(content, pattern(500).subarray(100, 150)))
    assert.is(await codeOfAsync(() => sealQnt(pieces(pattern(9)), path, KEYS, maker)), 'store-failed', 'taken')
    await rm(path)
    await sealQnt(pieces(pattern(70_000)), path, KEYS, maker, { hasTree: false })
    assert.is(await codeOfAsync(() => readQntRange(path, { at: 0, length: 1 }, unlock)), 'bad-argument')
  })
})

ranges('read a damaged chunk or page as damaged, and others all the same', async () => {
  await withTemp(async (folder) => {
    const { path, result } = await sealed(folder, pattern(300_000))
    const bytes = await bytesOf(path)
    const bodyAt = 8 + result.manifest.length
    const broken = join(folder, 'b.qnt')
    await writeFile(broken, flipped(bytes, bodyAt + 2 * 65_536 + 5))
    await readQntRange(broken, { at: 0, length: 100_000 }, unlock)
    assert.is(await codeOfAsync(() => readQntRange(broken, { at: 140_000, length: 1 }, unlock)), 'tampered')
    await writeFile(broken, flipped(bytes, bytes.length - 1))
    assert.is(await codeOfAsync(() => readQntRange(broken, { at: 0, length: 1 }, unlock)), 'tampered')
  })
})

const damage = suite('drivers/qnt-file: damage')

damage('of 300 damaged files none opens, none verifies, and nothing is left behind', async () => {
  await withTemp(async (folder) => {
    const { path, result } = await sealed(folder, pattern(200_000))
    const whole = await bytesOf(path)
    const parts = [0, 4, 8, 8 + result.manifest.length, whole.length - 4 * 32, whole.length]
    const kept = join(folder, 'kept')
    await writeFile(kept, 'as it was')
    assert.is(await codeOfAsync(() => openQnt(path, kept, unlock)), 'store-failed')
    const target = join(folder, 'out')
    const broken = join(folder, 'b.qnt')
    const codes = new Set<string>()
    for (let i = 0; i < 300; i++) {
      await writeFile(broken, damaged(whole, parts, i))
      codes.add(await codeOfAsync(() => openQnt(broken, target, unlock)))
      if (i % 3 === 0) codes.add(await codeOfAsync(() => verifyQnt(broken, claims)))
    }
    for (const code of ['tampered', 'bad-shape', 'bad-signature']) assert.ok(codes.has(code), `${[...codes]}`)
    assert.not(codes.has('store-failed'), 'every one was refused for what it is')
    assert.is(await readFile(kept, 'utf8'), 'as it was')
    assert.equal((await readdir(folder)).sort(), ['b.qnt', 'in', 'kept', 'x.qnt'])
  })
})

damage('another holder, an unknown owner and another content key are refused', async () => {
  await withTemp(async (folder) => {
    const { path } = await sealed(folder, pattern(1000))
    const out = join(folder, 'out')
    const stranger: Holder = { suite: 'x25519', half: ephemeralAgreement() }
    const codeFor = (how: typeof unlock): Promise<string> => codeOfAsync(() => openQnt(path, out, how))
    assert.is(await codeFor(async (document) => unlockedBy(stranger, document, keyOf)), 'not-allowed')
    assert.is(await codeFor(async (document) => unlockedBy(HOLDER, document, () => null)), 'unknown-owner')
    assert.is(await codeFor(async (document) => unlockedBy(HOLDER, document, () => pattern(32))), 'bad-signature')
    const otherKey = async (document: Uint8Array) => {
      const unlocked = await unlock(document)
      return { ...unlocked, keys: { ...unlocked.keys, contentKey: pattern(32) } }
    }
    assert.is(await codeFor(otherKey), 'bad-key')
    assert.equal((await readdir(folder)).sort(), ['in', 'x.qnt'])
  })
})

damage('a source that breaks off, a signer that refuses and a folder in the way leave nothing behind', async () => {
  await withTemp(async (folder) => {
    const target = join(folder, 'x.qnt')
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield pattern(3 * MIB)
      throw new WebxError('unreachable', 'the line is dead')
    }
    assert.is(await codeOfAsync(() => sealQnt(broken(), target, KEYS, maker)), 'unreachable')
    const refusing = { ...maker, make: () => Promise.reject(new WebxError('declined', 'no')) }
    assert.is(await codeOfAsync(() => sealQnt(pieces(pattern(10)), target, KEYS, refusing)), 'declined')
    assert.is(await codeOfAsync(() => sealQnt(join(folder, 'none'), target, KEYS, maker)), 'file-unreadable')
    assert.is(await codeOfAsync(() => sealQnt(folder, target, KEYS, maker)), 'file-unreadable')
    await mkdir(join(folder, 'taken', 'inside'), { recursive: true })
    assert.is(await codeOfAsync(() => sealQnt(pieces(pattern(10)), join(folder, 'taken'), KEYS, maker)), 'store-failed')
    const nowhere = join(folder, 'no', 'where')
    assert.is(await codeOfAsync(() => sealQnt(pieces(pattern(10)), nowhere, KEYS, maker)), 'store-failed')
    await writeFile(join(folder, 'text'), 'hello world')
    assert.is(await codeOfAsync(() => withQnt(join(folder, 'text'), async () => 1)), 'bad-shape')
    assert.equal((await readdir(folder)).sort(), ['taken', 'text'])
  })
})

files.run()
ranges.run()
damage.run()

/** Nothing is ever written over, so what the round before made must go. */
async function emptied(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await rm(join(folder, name))
}

async function sealed(folder: string, content: Uint8Array): Promise<{ path: string; result: SealedFile }> {
  const path = join(folder, 'x.qnt')
  await writeFile(join(folder, 'in'), content)
  return { path, result: await sealQnt(join(folder, 'in'), path, KEYS, maker) }
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0, length = 1; at < bytes.length; at += length, length = (length * 7) % 100_003) {
    yield bytes.subarray(at, at + length)
  }
}

async function bytesOf(path: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(path))
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = new Uint8Array(bytes)
  copy[at]! ^= 1 << Math.floor(8 * random())
  return copy
}

/** One damage: a flipped bit in each part of the file in turn, a cut, or bytes more. */
function damaged(whole: Uint8Array, parts: readonly number[], turn: number): Uint8Array {
  const kind = turn % (parts.length + 1)
  if (kind === parts.length) return whole.subarray(0, Math.floor(random() * whole.length))
  if (kind === parts.length - 1) return concat(whole.subarray(0, 1000), whole)
  const [start, end] = [parts[kind] as number, parts[kind + 1] as number]
  return flipped(whole, start + Math.floor(random() * (end - start)))
}

/** Files of an owner in a real neighborhood: brokers, SQLite, key files and disks as they are. Certified version after version, kept by a second node, and freed there when shredded. */

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { createKeyFile } from '../../src/drivers/key-file.ts'
import { COPIES_FOLDER, type OpenVault, openVault } from '../../src/station-vault.ts'
import { createTestnet, type Testnet } from '../../src/testnet.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOf, codeOfAsync } from '../kit/refusal.ts'
import { sealed, tombstoneAfter } from '../kit/vault.ts'
import { until } from '../kit/within.ts'

const test = suite<{ net: Testnet }>('vault: files in a neighborhood')
test.before(async (context) => {
  context.net = await createTestnet(4)
})
test.after(({ net }) => net.close())

async function opened(net: Testnet, name: string): Promise<{ node: WebxNode; kept: OpenVault; folder: string }> {
  const node = await net.addNode(name)
  const dataDir = join(net.directory, name)
  return { node, kept: await openVault(node, { dataDir }), folder: join(dataDir, COPIES_FOLDER) }
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

test('versions 1 and 2 are certified, and a shredded file frees the space at whoever keeps it', async ({ net }) => {
  const owner = await opened(net, 'owner')
  const neighbor = await opened(net, 'neighbor')
  const { vault } = owner.kept
  const { keys } = owner.node.context
  await until(10_000, () => neighbor.node.context.directory.keyOf(keys.id) !== null, 'the introduction')
  const first = await sealed(net.directory, keys, { tier: 'protected', content: pattern(3_000_000) })
  const second = await sealed(net.directory, keys, { content: pattern(2_500_000) }, first)
  const { dataId } = first.manifest
  const isCertified = (kept: OpenVault, version: number) => () => {
    const newest = kept.vault.newest(dataId)
    return newest?.manifest.fileVersion === version && newest.certified
  }
  for (const [i, file] of [first, second].entries()) {
    await vault.keep(file.path)
    await until(10_000, isCertified(owner.kept, i + 1), `version ${i + 1} at its owner`)
    await neighbor.kept.vault.keep(file.path)
    await until(10_000, isCertified(neighbor.kept, i + 1), `version ${i + 1} at the neighbor`)
  }
  assert.equal(
    vault.versions(dataId).map(({ certified }) => certified),
    [true, true],
  )
  const newest = vault.newest(dataId)
  assert.ok(newest && equal(await vault.readContent(newest, 2_000_000, 2_500_000), second.content.subarray(2_000_000)))
  const theirs = neighbor.kept.vault.newest(dataId)
  assert.ok(theirs)
  assert.is(await codeOfAsync(() => neighbor.kept.vault.readContent(theirs, 0, 1)), 'not-allowed')
  assert.is(await bytesIn(neighbor.folder), theirs.fileBytes)

  const end = await tombstoneAfter(keys, second)
  await vault.bury(end)
  await neighbor.kept.vault.bury(end)
  assert.equal([await bytesIn(owner.folder), await bytesIn(neighbor.folder)], [0, 0])
  const digest = vault.ended(dataId)?.digest as Uint8Array
  await until(10_000, () => !owner.node.orders.has(digest), 'the end in the register')
  const member = net.members[0]?.node as WebxNode
  assert.is(await codeOfAsync(() => neighbor.kept.vault.keep(second.path)), 'shredded')
  assert.is(
    codeOf(() => neighbor.kept.vault.newest(dataId)),
    'shredded',
  )
  // a member that never saw the tombstone knows of the end by its register
  const memberVault = await openVault(member, { dataDir: join(net.directory, 'member-vault') })
  assert.is(await codeOfAsync(() => memberVault.vault.keep(second.path)), 'shredded')
  for (const { close } of [owner.kept, neighbor.kept, memberVault]) await close()
})

test('a vault finds everything again after a restart, of which SQLite and the disk are all it has', async ({ net }) => {
  const keyFile = join(net.directory, 'restarted', 'node.key')
  const keys = await createKeyFile(keyFile, 'device')
  const dataDir = join(net.directory, 'restarted')
  const node = await net.addNode('restarted', { keys })
  const before = await openVault(node, { dataDir })
  const files = []
  for (let i = 0; i < 3; i++) files.push(await sealed(net.directory, keys, { content: pattern(10_000 * i + 1) }))
  for (const { path } of files) await before.vault.keep(path)
  const known = [...before.vault.files()]
  await before.close()
  await node.stop()
  const again = await net.addNode('restarted', { keys })
  const after = await openVault(again, { dataDir })
  assert.equal([...after.vault.files()], known)
  assert.equal(known.map(({ digest }) => toHex(digest)).sort(), files.map(({ digest }) => toHex(digest)).sort())
  for (const version of known) {
    const { contentBytes } = version.manifest
    assert.is((await after.vault.readContent(version, 0, contentBytes)).length, contentBytes)
  }
  await after.close()
})

test.run()

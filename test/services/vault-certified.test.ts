/** Versions of files before a neighborhood in memory: certified by its votes at the owner's node and at others', asked for again after cuts, and ended. */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WebxError } from '../../src/core/errors.ts'
import { objectId } from '../../src/identity/objectid.ts'
import type { NodeVault } from '../../src/services/vault.ts'
import { MemoryNet, type MemoryNode } from '../kit/node.ts'
import { codeOf, codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'
import { type Change, type Sealed, sealed, tombstoneAfter, vaultOf } from '../kit/vault.ts'

interface Stage {
  readonly net: MemoryNet
  readonly owner: MemoryNode
  readonly vault: NodeVault
  readonly neighbor: MemoryNode
  /** The neighbor's. */
  readonly replica: NodeVault
  readonly folder: string
  seal(change?: Change, before?: Sealed): Promise<Sealed>
}

/** Four members, an owner and a neighbor, each of the two with a vault. */
async function stage(use: (stage: Stage) => Promise<void>): Promise<void> {
  await withTemp(async (folder) => {
    const net = new MemoryNet(4)
    await net.members()
    const [owner, neighbor] = [await net.node(), await net.node()]
    const [vault, replica] = [await vaultOf(owner, join(folder, 'own')), await vaultOf(neighbor, join(folder, 'other'))]
    await vault.start()
    await replica.start()
    await net.until(() => neighbor.context.directory.keyOf(owner.person.id) !== null)
    const seal = (change?: Change, before?: Sealed) => sealed(folder, owner.context.keys, change, before)
    try {
      await use({ net, owner, vault, neighbor, replica, folder, seal })
      for (const { log } of net.nodes) assert.equal(log.errors, [])
    } finally {
      await vault.stop()
      await replica.stop()
      await net.close()
    }
  })
}

const certifiedIn = (vault: NodeVault, { manifest }: Sealed) =>
  vault.versions(manifest.dataId).map(({ certified }) => certified)

const test = suite('vault: certified versions')

test('protected versions are certified here and there, private ones are not put before anybody', async () => {
  await stage(async ({ net, owner, vault, replica, seal }) => {
    const own = await seal()
    await vault.keep(own.path)
    assert.is(owner.orders.has(own.digest), false)
    const first = await seal({ tier: 'protected' })
    const second = await seal({}, first)
    const third = await seal({ tier: 'public' }, second)
    assert.is((await vault.keep(first.path)).certified, false)
    assert.is(owner.orders.has(first.digest), true, 'the order is in the outbox by then')
    await replica.keep(first.path)
    await net.until(() => vault.newest(first.manifest.dataId)?.certified === true)
    await net.until(() => replica.newest(first.manifest.dataId)?.certified === true)
    assert.is(owner.orders.has(first.digest), false)
    await vault.keep(second.path)
    await vault.keep(third.path)
    await net.until(() => certifiedIn(vault, first).join() === 'true,true,true')
    assert.is((await replica.keep(second.path)).certified, false, 'the register has come to a later version')
    assert.is((await replica.keep(third.path)).certified, true)
    assert.equal(certifiedIn(replica, first), [true, false, true])
    assert.equal(certifiedIn(vault, own), [false])
  })
})

test('a second document of a settled version is refused where the first was never seen', async () => {
  await stage(async ({ net, vault, replica, seal }) => {
    const first = await seal({ tier: 'protected' })
    await vault.keep(first.path)
    await net.until(() => vault.newest(first.manifest.dataId)?.certified === true)
    await net.pass(500)
    const fork = await seal({ tier: 'protected', salt: first.manifest.salt })
    assert.is(await codeOfAsync(() => replica.keep(fork.path)), 'broken-history')
    assert.is((await replica.keep(first.path)).certified, true)
  })
})

test('an end is settled, too: no vault takes the file in any more, whether or not it has the tombstone', async () => {
  await stage(async ({ net, owner, vault, replica, seal, folder }) => {
    const first = await seal({ tier: 'protected' })
    const second = await seal({}, first)
    const { dataId } = first.manifest
    await vault.keep(first.path)
    await net.until(() => vault.newest(dataId)?.certified === true)
    const end = await tombstoneAfter(owner.context.keys, first)
    await replica.keep(first.path)
    await vault.bury(end)
    const ended = vault.ended(dataId)
    assert.ok(ended)
    await net.until(() => !owner.orders.has(ended.digest))
    await net.pass(500)
    await replica.bury(end)
    assert.equal(await readdir(join(folder, 'other')), [])
    const late = await net.node()
    await net.until(() => late.context.directory.keyOf(owner.person.id) !== null)
    await net.during(late.catchUp.upToDate(objectOf(first, owner)))
    const empty = await vaultOf(late, join(folder, 'late'))
    await empty.start()
    for (const { path } of [first, second]) assert.is(await codeOfAsync(() => empty.keep(path)), 'shredded')
    await empty.stop()
    assert.is(
      codeOf(() => replica.newest(dataId)),
      'shredded',
    )
  })
})

test('a replica that never gets the tombstone lets go of what the register says has ended, at once or at its next start', async () => {
  await stage(async ({ net, owner, vault, replica, neighbor, seal, folder }) => {
    const [one, two] = [await seal({ tier: 'protected' }), await seal({ tier: 'protected' })]
    for (const file of [one, two]) {
      await vault.keep(file.path)
      await replica.keep(file.path)
      await net.until(() => replica.newest(file.manifest.dataId)?.certified === true)
    }
    await vault.bury(await tombstoneAfter(owner.context.keys, one))
    await net.until(() => neighbor.context.counters.read()['vault.ended'] === 1)
    assert.is((await readdir(join(folder, 'other'))).length, 1)
    assert.is(
      codeOf(() => replica.newest(one.manifest.dataId)),
      'shredded',
    )
    assert.is([...replica.files()].length, 1)
    await replica.stop()
    await vault.bury(await tombstoneAfter(owner.context.keys, two))
    await net.until(() => !owner.orders.has(vault.ended(two.manifest.dataId)?.digest as Uint8Array))
    await net.pass(500)
    const again = await vaultOf(neighbor, join(folder, 'other'))
    await again.start()
    assert.equal(await readdir(join(folder, 'other')), [])
    assert.is(await codeOfAsync(() => again.keep(two.path)), 'shredded')
    await again.stop()
  })
})

test('what was not asked for when the power went is asked for at the next start', async () => {
  await stage(async ({ net, owner, vault, seal, folder }) => {
    const first = await seal({ tier: 'protected' })
    const placed: string[] = []
    const { orders } = owner
    const place = orders.place.bind(orders)
    orders.place = () => Promise.reject(new Error('the power went'))
    await vault.keep(first.path).catch((error: Error) => placed.push(error.message))
    assert.equal(placed, ['the power went'])
    orders.place = place
    await vault.stop()
    const store = owner.crash()
    const again = await net.node(owner.person, { store })
    const found = await vaultOf(again, join(folder, 'own'))
    await found.start()
    assert.is(again.orders.has(first.digest), true)
    await net.until(() => found.newest(first.manifest.dataId)?.certified === true)
    await found.stop()
    // and a third start asks nobody any more
    await net.pass(200)
    const last = await net.node(owner.person, { store: again.crash() })
    const known = await vaultOf(last, join(folder, 'own'))
    await known.start()
    assert.is(last.orders.has(first.digest), false)
    assert.is(known.newest(first.manifest.dataId)?.certified, true)
    await known.stop()
  })
})

test('a full outbox says so; keeping the file again asks for it', async () => {
  await stage(async ({ net, owner, vault, seal }) => {
    const { orders } = owner
    const place = orders.place.bind(orders)
    orders.place = () => Promise.reject(new WebxError('limit', 'the outbox is full'))
    const first = await seal({ tier: 'protected' })
    assert.is(await codeOfAsync(() => vault.keep(first.path)), 'limit')
    assert.is(await codeOfAsync(() => vault.keep(first.path)), 'limit')
    assert.is(vault.newest(first.manifest.dataId)?.certified, false, 'it is kept')
    orders.place = place
    await vault.keep(first.path)
    await net.until(() => vault.newest(first.manifest.dataId)?.certified === true)
  })
})

function objectOf({ manifest }: Sealed, owner: MemoryNode): Uint8Array {
  const { netId, genesis } = owner.context
  return objectId(netId, genesis.neighborhood, owner.person.id, manifest.salt)
}

test.run()

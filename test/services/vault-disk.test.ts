/** What disks do to a vault: a folder that is not mounted, a catalogue that is older than its copies, damage that nobody has noticed yet, a commit of which nobody knows whether it arrived. */

import { copyFile, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal, toHex } from '../../src/core/bytes.ts'
import { WebxError } from '../../src/core/errors.ts'
import { FREE_POLICY } from '../../src/data/policy.ts'
import type { KeptVersion, QntStore } from '../../src/kernel/vault.ts'
import type { NodeVault } from '../../src/services/vault.ts'
import { MemoryNet, type MemoryNode, quiet } from '../kit/node.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOf, codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'
import { type Change, type Sealed, sealed, tombstoneAfter, vaultOf } from '../kit/vault.ts'
import { within } from '../kit/within.ts'

interface Stage {
  readonly net: MemoryNet
  readonly node: MemoryNode
  readonly folder: string
  readonly copies: string
  readonly vault: NodeVault
  seal(change?: Change, before?: Sealed): Promise<Sealed>
  /** Lets a vault run on what lies in the folder. */
  withVault(use: (vault: NodeVault) => Promise<void>, node?: MemoryNode): Promise<void>
}

async function stage(use: (stage: Stage) => Promise<void>): Promise<void> {
  await withTemp(async (folder) => {
    const net = new MemoryNet(1)
    const node = await net.node()
    const copies = join(folder, 'copies')
    const vault = await vaultOf(node, copies)
    await vault.start()
    const seal = (change?: Change, before?: Sealed) => sealed(folder, node.context.keys, change, before)
    const withVault: Stage['withVault'] = async (act, on = node) => {
      const again = await vaultOf(on, copies)
      await again.start()
      await act(again).finally(() => again.stop())
    }
    try {
      await use({ net, node, folder, copies, vault, seal, withVault })
    } finally {
      await vault.stop()
      await net.close()
    }
  })
}

const nameOf = ({ digest }: { digest: Uint8Array }) => `${toHex(digest)}.qnt`
const names = async (folder: string) => (await readdir(folder)).sort()

async function damage(path: string): Promise<void> {
  const disk = await open(path, 'r+')
  await disk.write(Uint8Array.of(1, 2, 3), 0, 3, 50_000).finally(() => disk.close())
}

const test = suite('vault: what disks do')

test('a start without its folder takes nothing from the copies that are there at the next one', async () => {
  await stage(async ({ vault, seal, copies, folder, net, node, withVault }) => {
    const ever = await seal({ content: pattern(90_000) })
    const gone = await seal()
    const short = await seal({ policy: { ...FREE_POLICY, retainUntilMs: net.clock.nowMs() + 1_000 } })
    for (const { path } of [ever, gone, short]) await vault.keep(path)
    const known = vault.newest(ever.manifest.dataId)
    await vault.stop()
    await rename(copies, join(folder, 'unmounted'))
    await withVault(async (empty) => {
      assert.is(empty.newest(ever.manifest.dataId), null)
      await empty.bury(await tombstoneAfter(node.context.keys, gone))
    })
    await rm(copies, { recursive: true })
    await rename(join(folder, 'unmounted'), copies)
    net.clock.advance(2_000)
    await withVault(async (back) => {
      assert.equal(back.newest(ever.manifest.dataId), known)
      assert.ok(equal(await back.readContent(known as KeptVersion, 0, 90_000), ever.content))
      assert.is(
        codeOf(() => back.newest(gone.manifest.dataId)),
        'shredded',
      )
      await back.sweep()
      assert.equal(await names(copies), [nameOf(ever)], 'what was ended or is over goes all the same')
    })
  })
})

test('a catalogue that is older than its copies does not take the newer ones with it', async () => {
  await stage(async ({ vault, seal, copies, net, node, withVault }) => {
    const first = await seal()
    const second = await seal({ content: pattern(5_000) }, first)
    await vault.keep(first.path)
    const before = node.store.afterPowerCut()
    await vault.keep(second.path)
    await vault.stop()
    const restored = await net.node(node.person, { store: before })
    await withVault(async (found) => {
      assert.equal(await names(copies), [nameOf(second)])
      assert.is(found.newest(first.manifest.dataId), null)
      await found.keep(join(copies, nameOf(second)))
      assert.equal(found.newest(first.manifest.dataId)?.digest, second.digest)
    }, restored)
  })
})

test('a copy that lies there is read before a file counts as kept, and replaced where it is damaged', async () => {
  await stage(async ({ vault, seal, copies, net, withVault }) => {
    const file = await seal({ content: pattern(100_000) })
    await vault.keep(file.path)
    await vault.stop()
    const place = join(copies, nameOf(file))
    await damage(place)
    await withVault(
      async (bare) => {
        assert.is(await codeOfAsync(() => bare.keep(place)), 'tampered')
        const kept = await bare.keep(file.path)
        assert.ok(equal(await bare.readContent(kept, 0, 100_000), file.content))
      },
      await net.node(net.nodes[0]?.person),
    )
    await damage(place)
    // nobody has found it yet, and its owner has the file
    await withVault(async (again) => {
      assert.is(await codeOfAsync(() => again.keep(place)), 'tampered')
      const kept = await again.keep(file.path)
      assert.ok(equal(await again.readContent(kept, 0, 100_000), file.content))
    })
  })
})

test('a commit that failed may have arrived: the copy that it names stays', async () => {
  await stage(async ({ vault, seal, copies, net, node, withVault }) => {
    const first = await seal()
    const second = await seal({}, first)
    await vault.keep(first.path)
    const { store } = node
    const sync = store.sync.bind(store)
    store.sync = async () => {
      await sync()
      throw new WebxError('store-failed', 'the disk says nothing any more')
    }
    assert.is(await codeOfAsync(() => vault.keep(second.path)), 'store-failed')
    await vault.stop()
    store.sync = sync
    await withVault(
      async (found) => {
        const kept = found.newest(first.manifest.dataId) as KeptVersion
        assert.equal(kept.digest, second.digest)
        assert.ok(equal(await found.readContent(kept, 0, 1_000), second.content))
        assert.equal(await names(copies), [nameOf(second)])
      },
      await net.node(node.person, { store: node.crash() }),
    )
  })
})

test('a vault starts with a full outbox, and asks once there is room', async () => {
  await stage(async ({ vault, seal, node, net, withVault }) => {
    const { orders } = node
    const place = orders.place.bind(orders)
    orders.place = () => Promise.reject(new WebxError('limit', 'the outbox is full'))
    const files = [await seal({ tier: 'protected' }), await seal({ tier: 'protected' })]
    for (const { path } of files) assert.is(await codeOfAsync(() => vault.keep(path)), 'limit')
    await vault.stop()
    await withVault(async () => {
      await net.pass(61_000)
      assert.is(
        files.some(({ digest }) => orders.has(digest)),
        false,
      )
      orders.place = place
      await net.pass(61_000)
      assert.ok(files.every(({ digest }) => orders.has(digest)))
    })
  })
})

test('a stop calls off a copy that is being read again; it does not count as damaged', async () => {
  await stage(async ({ vault, seal, node, copies }) => {
    await vault.keep((await seal()).path)
    await vault.stop()
    const slow = await vaultOf(node, copies, {
      copies: (disk) => {
        const scrub: QntStore['scrub'] = (_, signal) =>
          new Promise((_, reject) =>
            signal?.addEventListener('abort', () => reject(new WebxError('stopped', 'called off'))),
          )
        return Object.assign(Object.create(disk) as QntStore, { scrub, digests: () => disk.digests() })
      },
    })
    await slow.start()
    const scrubbed = slow.scrub()
    await quiet(1)
    await within(2_000, slow.stop(), 'the stop')
    await scrubbed
    assert.is(node.context.counters.read()['vault.damaged'], undefined)
  })
})

test('a version of which only the signature is another is not the one that is kept', async () => {
  await stage(async ({ vault, seal, folder }) => {
    const file = await seal()
    await vault.keep(file.path)
    const other = join(folder, 'other.qnt')
    await copyFile(file.path, other)
    const disk = await open(other, 'r+')
    const at = 8 + file.document.length - 1
    const last = (file.document.at(-1) as number) ^ 1
    await disk.write(Uint8Array.of(last), 0, 1, at).finally(() => disk.close())
    assert.is(await codeOfAsync(() => vault.keep(other)), 'bad-signature')
  })
})

test.run()

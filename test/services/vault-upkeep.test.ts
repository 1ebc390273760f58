/** What a vault does by itself: content goes when its time is over and no runnable says otherwise; damaged copies are found and replaced. */

import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/core/bytes.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { encodeVerdict, type Verdict } from '../../src/data/dsr-abi.ts'
import { runnableDigest } from '../../src/data/dsr-run.ts'
import type { Manifest } from '../../src/data/manifest.ts'
import { FREE_POLICY } from '../../src/data/policy.ts'
import { createRunnableHost } from '../../src/drivers/dsr-worker.ts'
import type { NodeVault } from '../../src/services/vault.ts'
import { assemble, i64 } from '../kit/dsr-assembler.ts'
import { MemoryNet, type MemoryNode } from '../kit/node.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'
import { type Change, type Sealed, sealed, vaultOf } from '../kit/vault.ts'

interface Stage {
  readonly net: MemoryNet
  readonly node: MemoryNode
  readonly vault: NodeVault
  readonly folder: string
  readonly copies: string
  seal(change?: Change, before?: Sealed): Promise<Sealed>
  /** Lets so much time pass and what is due be done. */
  pass(ms: number): Promise<void>
}

const DAY = 86_400_000

async function stage(use: (stage: Stage) => Promise<void>): Promise<void> {
  await withTemp(async (folder) => {
    const net = new MemoryNet(1)
    const node = await net.node()
    const copies = join(folder, 'copies')
    const host = createRunnableHost()
    const vault = await vaultOf(node, copies, { runnables: host })
    await vault.start()
    const seal = (change?: Change, before?: Sealed) => sealed(folder, node.context.keys, change, before)
    const pass = async (ms: number): Promise<void> => {
      net.clock.advance(ms)
      for (let i = 0; i < 3; i++) {
        await net.pass(10)
        net.clock.advance(LIMITS.vaultSweepMs)
      }
      await vault.idle()
    }
    try {
      await use({ net, node, vault, folder, copies, seal, pass })
    } finally {
      await vault.stop()
      await host.close()
      await net.close()
    }
  })
}

/** A module that answers every request with one verdict, or traps. */
function says(verdict: Partial<Verdict> | null): Manifest['runnables'][0] {
  const bytes =
    verdict && encodeVerdict({ kind: 'allow', reason: 0, fields: [], payload: new Uint8Array(0), ...verdict })
  const address = 2_048n
  const code = bytes ? i64((address << 32n) | BigInt(bytes.length)) : [0x00]
  const module = assemble({
    functions: [{ parameters: [0x7f], results: [0x7e], code }],
    ...(bytes && { data: [[Number(address), [...bytes]] as const] }),
  })
  return {
    hook: 'expire',
    moduleDigest: runnableDigest(module),
    fuel: 10_000,
    pages: 1,
    params: new Uint8Array(0),
    module,
  }
}

const until = (atMs: number) => ({ policy: { ...FREE_POLICY, retainUntilMs: atMs } })

const test = suite('vault: upkeep')

test('content goes when its time is over, and what has no end stays', async () => {
  await stage(async ({ net, node, vault, seal, copies, pass }) => {
    const now = net.clock.nowMs()
    const [short, long, ever] = [await seal(until(now + DAY)), await seal(until(now + 9 * DAY)), await seal()]
    for (const { path } of [short, long, ever]) await vault.keep(path)
    await pass(DAY / 2)
    assert.is((await readdir(copies)).length, 3)
    await pass(DAY / 2)
    assert.is((await readdir(copies)).length, 2)
    assert.is(vault.newest(short.manifest.dataId), null)
    assert.is(node.context.counters.read()['vault.expired'], 1)
    assert.is(vault.versions(short.manifest.dataId)[0]?.fileBytes, 0, 'its manifest stays')
    assert.is([...vault.files()].length, 3)
    assert.is(await codeOfAsync(() => vault.keep(short.path)), 'retention-over')
    // a later version with another end is another matter
    const renewed = await seal(until(net.clock.nowMs() + DAY), short)
    await vault.keep(renewed.path)
    assert.ok(vault.newest(short.manifest.dataId))
  })
})

test('a version’s time ends with the version; the newest one counts', async () => {
  await stage(async ({ net, vault, seal, copies, pass }) => {
    const first = await seal(until(net.clock.nowMs() + DAY))
    await vault.keep(first.path)
    const second = await seal({}, first)
    await vault.keep(second.path)
    await pass(3 * DAY)
    assert.equal(await readdir(copies), [`${toHex(second.digest)}.qnt`])
  })
})

test('after a restart it goes as well', async () => {
  await stage(async ({ net, node, vault, seal, copies, folder, pass }) => {
    const file = await seal(until(net.clock.nowMs() + DAY))
    await vault.keep(file.path)
    await vault.stop()
    net.clock.advance(2 * DAY)
    const again = await vaultOf(node, join(folder, 'copies'))
    await again.start()
    await pass(0)
    await again.idle()
    assert.equal(await readdir(copies), [])
    await again.stop()
  })
})

test('a runnable is asked: deny ends, allow lets it stay, and a broken one deletes nothing by itself', async () => {
  await stage(async ({ net, node, vault, seal, pass }) => {
    const end = until(net.clock.nowMs() + DAY)
    const allow = says({ kind: 'allow' })
    const deny = says({ kind: 'deny', reason: 7 })
    const broken = says(null)
    const away = { ...deny, module: null }
    const cases: [name: string, stays: boolean, change: Change][] = [
      ['allowed after its time', true, { ...end, runnables: [allow] }],
      ['denied after its time', false, { ...end, runnables: [deny] }],
      ['broken after its time', false, { ...end, runnables: [broken] }],
      ['denied, module elsewhere, after its time', false, { ...end, runnables: [away] }],
      ['denied, module elsewhere, without an end', true, { runnables: [away] }],
      ['allowed without an end', true, { runnables: [allow] }],
      ['denied without an end', false, { runnables: [deny] }],
      ['broken without an end', true, { runnables: [broken] }],
      ['denied before its time', true, { ...until(net.clock.nowMs() + 9 * DAY), runnables: [deny] }],
    ]
    const kept = []
    for (const [name, stays, change] of cases) {
      kept.push({ name, stays, dataId: (await vault.keep((await seal(change)).path)).manifest.dataId })
    }
    await pass(2 * DAY)
    for (const { name, stays, dataId } of kept) assert.is(vault.newest(dataId) !== null, stays, name)
    assert.equal(node.log.errors, [])
  })
})

test('so many files at a time', async () => {
  await stage(async ({ net, vault, seal, copies }) => {
    const end = until(net.clock.nowMs() + 1_000)
    for (let i = 0; i < 5; i++) await vault.keep((await seal({ ...end, content: pattern(9) })).path)
    net.clock.advance(2_000)
    assert.is(await vault.sweep(2), 2)
    assert.is((await readdir(copies)).length, 3)
    assert.is(await vault.sweep(), 3)
    assert.is(await vault.sweep(), 0)
    assert.equal(await readdir(copies), [])
  })
})

test('a damaged copy is found, told of, and replaced by keeping the file again', async () => {
  await stage(async ({ node, vault, seal, copies, net }) => {
    const files = []
    for (let i = 0; i < 3; i++) files.push(await seal({ content: pattern(100_000 + i) }))
    for (const { path } of files) await vault.keep(path)
    const hurt = files[1] as Sealed
    const place = join(copies, `${toHex(hurt.digest)}.qnt`)
    const disk = await open(place, 'r+')
    await disk.write(Uint8Array.of(1, 2, 3), 0, 3, 50_000).finally(() => disk.close())
    for (let i = 0; i < 4; i++) await vault.scrub()
    assert.is(node.context.counters.read()['vault.damaged'], 1)
    assert.is(node.log.errors.length, 1)
    assert.ok((await readdir(copies)).includes(`${toHex(hurt.digest)}.qnt`), 'the rest of it may be of use')
    assert.is(await codeOfAsync(() => vault.keep(place)), 'tampered', 'not by itself')
    assert.ok((await readdir(copies)).includes(`${toHex(hurt.digest)}.qnt`))
    const back = await vault.keep(hurt.path)
    assert.ok(await vault.readContent(back, 0, 100_000))
    for (let i = 0; i < 4; i++) await vault.scrub()
    assert.is(node.context.counters.read()['vault.damaged'], 1)
    assert.is(net.nodes.length, 1)
  })
})

test.run()

/** The vault on real .qnt files and disks: what it takes in and refuses, what it frees, what it opens, and that no cut of power leaves it half done. */

import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal, toHex } from '../../src/core/bytes.ts'
import { WebxError } from '../../src/core/errors.ts'
import { runnableDigest } from '../../src/data/dsr-run.ts'
import { dataIdOf } from '../../src/data/manifest.ts'
import { FREE_POLICY } from '../../src/data/policy.ts'
import { publicKeyOf, wrapKeyToAll } from '../../src/data/recipients.ts'
import { HOST_CHANCE, holderOf } from '../../src/drivers/qnt-holder.ts'
import type { KeptVersion, QntStore } from '../../src/kernel/vault.ts'
import type { NodeVault } from '../../src/services/vault.ts'
import { keysOf, MemoryNet, type MemoryNode, quiet } from '../kit/node.ts'
import { makePerson, type Person } from '../kit/people.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOf, codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'
import { type Change, type Sealed, sealed, tombstoneAfter, vaultOf } from '../kit/vault.ts'

interface Stage {
  readonly net: MemoryNet
  readonly node: MemoryNode
  readonly vault: NodeVault
  readonly folder: string
  readonly copies: string
  /** Seals a version of this node's own. */
  seal(change?: Change, before?: Sealed): Promise<Sealed>
}

/** A node on its own with a vault; nobody votes here. */
async function stage(use: (stage: Stage) => Promise<void>): Promise<void> {
  await withTemp(async (folder) => {
    const net = new MemoryNet(1)
    const node = await net.node()
    const copies = join(folder, 'copies')
    const vault = await vaultOf(node, copies)
    await vault.start()
    const seal = (change?: Change, before?: Sealed) => sealed(folder, node.context.keys, change, before)
    try {
      await use({ net, node, vault, folder, copies, seal })
      assert.equal(node.log.errors, [])
    } finally {
      await vault.stop()
      await net.close()
    }
  })
}

const names = async (folder: string) => (await readdir(folder)).sort()
const nameOf = ({ digest }: { digest: Uint8Array }) => `${toHex(digest)}.qnt`

const test = suite('vault')

test('keeps a file: on the disk, in the catalogue, told of, and once more is no error', async () => {
  await stage(async ({ vault, seal, copies, node, net }) => {
    const heard: KeptVersion[] = []
    const unhear = vault.onVersion((version) => heard.push(version))
    const file = await seal()
    const kept = await vault.keep(file.path)
    assert.equal(kept.manifest, file.manifest)
    assert.equal(kept.document, file.document)
    assert.is(kept.fileBytes, (await stat(file.path)).size)
    assert.is(kept.keptMs, net.clock.nowMs())
    assert.is(kept.certified, false)
    assert.equal(await names(copies), [nameOf(file)])
    assert.equal(await vault.keep(file.path), kept)
    assert.equal(vault.newest(file.manifest.dataId), kept)
    assert.equal([...vault.files()], [kept])
    assert.equal(heard, [kept])
    unhear()
    await vault.keep((await seal()).path)
    assert.is(heard.length, 1)
    assert.is(vault.newest(new Uint8Array(32)), null)
    assert.equal(vault.versions(new Uint8Array(32)), [])
    assert.is(node.store.values('vault-file').length, 2)
  })
})

test('a next version takes the place of the one before, whose manifest stays', async () => {
  await stage(async ({ vault, seal, copies }) => {
    const first = await seal({ content: pattern(200_000) })
    const second = await seal({ content: pattern(5_000) }, first)
    const { dataId } = first.manifest
    const before = await vault.keep(first.path)
    const after = await vault.keep(second.path)
    assert.equal(await names(copies), [nameOf(second)])
    assert.equal(
      vault.versions(dataId).map(({ manifest, fileBytes }) => [manifest.fileVersion, fileBytes]),
      [
        [1, 0],
        [2, after.fileBytes],
      ],
    )
    assert.equal(vault.versions(dataId)[0]?.document, first.document)
    assert.is(await codeOfAsync(() => vault.readSealed(before, 0, 1)), 'shredded')
    assert.is(await codeOfAsync(() => vault.readContent(before, 0, 1)), 'shredded')
    assert.is((await vault.keep(first.path)).fileBytes, 0, 'an old version brings no content back')
    assert.equal(await names(copies), [nameOf(second)])
  })
})

test('what does not follow is refused by its code, and nothing has changed', async () => {
  await stage(async ({ vault, seal, copies, node }) => {
    const first = await seal()
    const other = await seal()
    await vault.keep(first.path)
    const held = { digest: first.digest, manifest: first.manifest } as Sealed
    const refused: [string, Promise<Sealed>][] = [
      ['wrong-version', seal({ fileVersion: 3 }, first)],
      ['broken-history', seal({ previous: other.digest }, first)],
      ['empty-replica', seal({ content: new Uint8Array(0) }, first)],
      ['broken-history', seal({ keyEpoch: 4 }, first)],
      ['broken-history', seal({ salt: first.manifest.salt, content: pattern(9) })],
    ]
    for (const [code, file] of refused) {
      const { path } = await file
      assert.is(await codeOfAsync(() => vault.keep(path)), code)
    }
    const late = await seal({ policy: { ...FREE_POLICY, retainUntilMs: node.context.clock.nowMs() } })
    assert.is(await codeOfAsync(() => vault.keep(late.path)), 'retention-over')
    assert.equal(await names(copies), [nameOf(first)])
    assert.equal(vault.newest(held.manifest.dataId)?.digest, first.digest)
    assert.is(vault.versions(held.manifest.dataId).length, 1)
  })
})

test('only what its owner signed with the current key, and who is introduced, is taken in', async () => {
  await stage(async ({ vault, folder, node, net, copies }) => {
    const stranger = makePerson()
    const theirs = await sealed(folder, keysOf(stranger))
    assert.is(await codeOfAsync(() => vault.keep(theirs.path)), 'unknown-owner')
    await introduced(net, node, stranger)
    assert.is((await vault.keep(theirs.path)).manifest.fileVersion, 1)
    const forger = { ...keysOf(makePerson()), id: stranger.id }
    const forged = await sealed(folder, forger, {}, theirs)
    assert.is(await codeOfAsync(() => vault.keep(forged.path)), 'bad-signature')
    const elsewhere = { ...keysOf(stranger), position: 1 }
    const ahead = await sealed(folder, elsewhere, {}, theirs)
    assert.is(await codeOfAsync(() => vault.keep(ahead.path)), 'unknown-owner')
    const fork = await sealed(folder, forger, { salt: theirs.manifest.salt })
    assert.is(await codeOfAsync(() => vault.keep(fork.path)), 'bad-signature', 'a fork that nobody signed is none')
    assert.equal(await names(copies), [nameOf(theirs)])
  })
})

test('what a retired key signs is not new, and nothing is while two key logs are signed', async () => {
  await stage(async ({ vault, folder, node, net, copies }) => {
    const [old, person] = [makePerson(), makePerson()]
    await introduced(net, node, person)
    const { directory } = node.context
    const { keyAt } = directory
    const now = { ...keysOf(person), position: 2 }
    const then = { ...keysOf(old), id: person.id, position: 0 }
    const isOwner = (id: Uint8Array) => equal(id, person.id)
    directory.keyAt = (id, position) => {
      if (!isOwner(id)) return keyAt.call(directory, id, position)
      return position === 0 ? old.publicKey : position <= 2 ? person.publicKey : null
    }
    const late = await sealed(folder, then)
    assert.is(await codeOfAsync(() => vault.keep(late.path)), 'retired-key')
    const file = await sealed(folder, now)
    await vault.keep(file.path)
    const next = await sealed(folder, then, {}, file)
    assert.is(await codeOfAsync(() => vault.keep(next.path)), 'retired-key')
    const end = await tombstoneAfter(then, file)
    assert.is(await codeOfAsync(() => vault.bury(end)), 'retired-key')
    directory.frozen = isOwner
    const more = await sealed(folder, now, {}, file)
    const last = await tombstoneAfter(now, file)
    assert.is(await codeOfAsync(() => vault.keep(more.path)), 'frozen')
    assert.is(await codeOfAsync(() => vault.bury(last)), 'frozen')
    directory.frozen = () => false
    assert.is((await vault.keep(more.path)).manifest.fileVersion, 2)
    assert.equal(await names(copies), [nameOf(more)])
  })
})

test('a file of which it knows nothing begins at any version; a gap is not bridged', async () => {
  await stage(async ({ vault, seal }) => {
    const first = await seal()
    const second = await seal({}, first)
    const third = await seal({}, second)
    const fourth = await seal({}, third)
    await vault.keep(second.path)
    assert.is(await codeOfAsync(() => vault.keep(first.path)), 'wrong-version')
    assert.is(await codeOfAsync(() => vault.keep(fourth.path)), 'wrong-version')
    await vault.keep(third.path)
    await vault.keep(fourth.path)
    const numbers = vault.versions(first.manifest.dataId).map(({ manifest }) => manifest.fileVersion)
    assert.equal(numbers, [2, 3, 4])
  })
})

test('opens what is sealed to this node, in ranges; else not', async () => {
  await stage(async ({ vault, seal, folder, net, node }) => {
    const content = pattern(300_000)
    const kept = await vault.keep((await seal({ content })).path)
    assert.ok(equal(await vault.readContent(kept, 0, 300_000), content))
    assert.ok(equal(await vault.readContent(kept, 65_000, 140_000), content.subarray(65_000, 140_000)))
    assert.equal(await vault.readContent(kept, 300_000, 300_000), new Uint8Array(0))
    const beyond: [number, number][] = [
      [0, 300_001],
      [2, 1],
      [-1, 1],
      [0.5, 1],
    ]
    for (const [from, to] of beyond) {
      assert.is(await codeOfAsync(() => vault.readContent(kept, from, to)), 'out-of-range', `${from} ${to}`)
    }
    const keys = await vault.unlock(kept)
    assert.is(keys.contentKey.length, 32)
    const small = await vault.keep((await seal({ suite: 'x25519' })).path)
    assert.is(small.manifest.recipients[0]?.suite, 'x25519')
    assert.is((await vault.readContent(small, 0, 10)).length, 10)
    const stranger = makePerson()
    await introduced(net, node, stranger)
    const theirs = await vault.keep((await sealed(folder, keysOf(stranger))).path)
    assert.is(await codeOfAsync(() => vault.readContent(theirs, 0, 1)), 'not-allowed')
    const bytes = await vault.readSealed(theirs, 8, theirs.document.length)
    assert.equal(bytes, theirs.document)
    const me = [publicKeyOf(await holderOf(node.context.keys))]
    const wrappedFor = (dataId: Uint8Array) =>
      wrapKeyToAll(new Uint8Array(32), me, [], { dataId, keyEpoch: 1 }, HOST_CHANCE)
    const salt = new Uint8Array(16)
    const uncommitted = await seal({ salt, recipients: wrappedFor(dataIdOf(node.person.id, salt)) })
    const lure = await vault.keep(uncommitted.path)
    assert.is(await codeOfAsync(() => vault.unlock(lure)), 'bad-key', 'another key than the one that was committed to')
    const strange = await vault.keep((await seal({ recipients: wrappedFor(kept.manifest.dataId) })).path)
    assert.is(await codeOfAsync(() => vault.readContent(strange, 0, 1)), 'not-allowed', 'wrapped for another file')
  })
})

test('a tombstone frees the room, ends the file, and stays', async () => {
  await stage(async ({ vault, seal, copies, node, folder }) => {
    const { keys } = node.context
    const first = await seal()
    const module = new Uint8Array(60_000).fill(7)
    const rule = { hook: 'access', moduleDigest: runnableDigest(module), fuel: 1, pages: 1, module } as const
    const second = await seal({ runnables: [{ ...rule, params: Uint8Array.of(1) }] }, first)
    const third = await seal({}, second)
    const { dataId } = first.manifest
    assert.is(await codeOfAsync(async () => vault.bury(await tombstoneAfter(keys, first))), 'wrong-file')
    await vault.keep(first.path)
    const kept = await vault.keep(second.path)
    const forger = keysOf(makePerson())
    const refused: [string, Uint8Array][] = [
      ['wrong-version', await tombstoneAfter(keys, first)],
      ['broken-history', await tombstoneAfter(keys, second, { previous: first.digest })],
      ['bad-signature', await tombstoneAfter(forger, second)],
      ['unknown-owner', await tombstoneAfter({ ...keys, position: 1 }, second)],
    ]
    for (const [code, document] of refused) assert.is(await codeOfAsync(() => vault.bury(document)), code)
    assert.equal(await names(copies), [nameOf(second)])
    assert.is(vault.ended(dataId), null)
    const end = await tombstoneAfter(keys, second)
    await vault.bury(end)
    await vault.bury(end)
    assert.equal(await names(copies), [])
    assert.is(vault.ended(dataId)?.tombstone.fileVersion, 3)
    for (const [i, version] of vault.versions(dataId).entries()) {
      const { digest, manifest } = [first, second][i] as typeof first
      assert.equal(version.digest, digest)
      const runnables = manifest.runnables.map((runnable) => ({ ...runnable, module: null }))
      assert.equal(version.manifest, { ...manifest, recipients: [], runnables }, 'what it said stays')
      for (const { ciphertext } of manifest.recipients) {
        const bytes = [...node.context.store.scan('vault-version')].map(({ value }) => toHex(value)).join()
        assert.not(bytes.includes(toHex(ciphertext)), 'a wrapped key outlives the file')
      }
    }
    assert.equal([...vault.files()], [])
    assert.is(
      codeOf(() => vault.newest(dataId)),
      'shredded',
    )
    assert.equal(
      vault.versions(dataId).map(({ fileBytes }) => fileBytes),
      [0, 0],
    )
    for (const { path } of [first, second, third]) assert.is(await codeOfAsync(() => vault.keep(path)), 'shredded')
    for (const action of [() => vault.readContent(kept, 0, 1), () => vault.readSealed(kept, 0, 1)]) {
      assert.is(await codeOfAsync(action), 'shredded')
    }
    const another = await tombstoneAfter(keys, second, { atMs: 5 })
    assert.is(await codeOfAsync(() => vault.bury(another)), 'shredded')
    assert.equal((await names(folder)).includes('copies'), true)
  })
})

test('a replica that missed the last versions obeys their tombstone', async () => {
  await stage(async ({ vault, seal, copies, node }) => {
    const first = await seal()
    const second = await seal({}, first)
    await vault.keep(first.path)
    await vault.bury(await tombstoneAfter(node.context.keys, second))
    assert.equal(await names(copies), [])
  })
})

test('what is asked of one file at once happens one after the other', async () => {
  await stage(async ({ vault, seal, copies, node }) => {
    const first = await seal()
    const second = await seal({}, first)
    const fork = await seal({ content: pattern(77) }, first)
    const keep = (file: Sealed) =>
      vault.keep(file.path).then(
        () => 'kept',
        (error: WebxError) => error.code,
      )
    assert.equal(await Promise.all([keep(first), keep(first)]), ['kept', 'kept'])
    assert.equal((await Promise.all([keep(second), keep(fork)])).sort(), ['broken-history', 'kept'])
    const last = vault.newest(first.manifest.dataId) as KeptVersion
    const end = await tombstoneAfter(node.context.keys, last)
    const ends = [vault.bury(end), vault.bury(end)]
    await Promise.all(ends)
    assert.equal(await names(copies), [])
  })
})

const cuts = suite('vault: cuts of power')

/** The steps of a disk at which the power may go, before or after they are done. */
const STEPS = ['take', 'remove', 'sync'] as const

/** A disk that does so many more of its steps and then nothing any more. */
class Cut {
  #left: number
  readonly #afterwards: boolean
  steps = 0

  constructor(left: number, afterwards: boolean) {
    this.#left = left
    this.#afterwards = afterwards
  }

  async step<T>(action: () => Promise<T> | T): Promise<T> {
    this.steps++
    if (this.#left-- > 0) return action()
    if (this.#left === -1 && this.#afterwards) await action()
    throw new WebxError('store-failed', 'the power is gone')
  }

  on(copies: QntStore): QntStore {
    const step = <A extends unknown[], T>(action: (...args: A) => Promise<T>) => {
      return (...args: A) => this.step(() => action(...args))
    }
    return Object.assign(Object.create(copies) as QntStore, {
      manifestAt: (path: string) => copies.manifestAt(path),
      fileBytes: (digest: Uint8Array) => copies.fileBytes(digest),
      digests: () => copies.digests(),
      manifestOf: (digest: Uint8Array) => copies.manifestOf(digest),
      readRange: (...args: Parameters<QntStore['readRange']>) => copies.readRange(...args),
      take: step((...args: Parameters<QntStore['take']>) => copies.take(...args)),
      remove: step((digest: Uint8Array) => copies.remove(digest)),
    })
  }
}

/** Does something until the power goes at a step; what a new node finds on the same disk afterwards. */
async function afterCut(
  at: number,
  afterwards: boolean,
  act: (vault: NodeVault, files: Files) => Promise<unknown>,
  check: (vault: NodeVault, files: Files, copies: string[]) => Promise<void>,
): Promise<boolean> {
  let isDone = false
  await withTemp(async (folder) => {
    const net = new MemoryNet(1)
    const node = await net.node()
    const { keys } = node.context
    const inside = join(folder, 'copies')
    await mkdir(inside)
    const first = await sealed(folder, keys, { content: pattern(70_000) })
    const second = await sealed(folder, keys, { content: pattern(80_000) }, first)
    const files = { first, second, end: await tombstoneAfter(keys, first), dataId: first.manifest.dataId }
    const before = await vaultOf(node, inside)
    await before.start()
    await before.keep(first.path)
    await before.stop()
    const cut = new Cut(at, afterwards)
    const { store } = node
    const vault = await vaultOf(node, inside, { copies: (copies) => cut.on(copies) })
    await vault.start()
    const write = store.sync.bind(store)
    store.sync = () => cut.step(write)
    isDone = await act(vault, files).then(
      () => true,
      (error: unknown) => {
        if (error instanceof WebxError && error.code === 'store-failed') return false
        throw error
      },
    )
    const disk = node.crash()
    const again = await net.node(node.person, { store: disk })
    const found = await vaultOf(again, inside)
    await found.start()
    await check(found, files, await names(inside))
    // whatever was cut can be done again
    await act(found, files)
    await found.stop()
    await net.close()
  })
  return isDone
}

interface Files {
  readonly first: Sealed
  readonly second: Sealed
  readonly end: Uint8Array
  readonly dataId: Uint8Array
}

/** Runs through all cuts until nothing is cut any more. */
async function everyCut(
  act: (vault: NodeVault, files: Files) => Promise<unknown>,
  check: (vault: NodeVault, files: Files, copies: string[]) => Promise<void>,
): Promise<number> {
  let count = 0
  for (let at = 0; ; at++) {
    assert.ok(at < 20, 'something is cut for ever')
    const done = await afterCut(at, false, act, check)
    if (done) return count
    await afterCut(at, true, act, check)
    count++
  }
}

cuts('while a next version is kept: the old one or the new one, whole, and nothing beside it', async () => {
  const seen = new Set<number>()
  const count = await everyCut(
    (vault, { second }) => vault.keep(second.path),
    async (vault, { first, second, dataId }, copies) => {
      const newest = vault.newest(dataId)
      const expected = newest?.manifest.fileVersion === 1 ? first : second
      seen.add(newest?.manifest.fileVersion ?? 0)
      assert.equal(copies, [nameOf(expected)])
      assert.ok(equal(await vault.readContent(newest as KeptVersion, 0, 70_000), expected.content.subarray(0, 70_000)))
    },
  )
  assert.is(count, STEPS.length)
  assert.equal([...seen].sort(), [1, 2])
})

cuts('while a file is buried: all of it is there, or none', async () => {
  const seen = new Set<boolean>()
  const count = await everyCut(
    (vault, { end }) => vault.bury(end),
    async (vault, { first, dataId }, copies) => {
      const isGone = vault.ended(dataId) !== null
      seen.add(isGone)
      assert.equal(copies, isGone ? [] : [nameOf(first)])
      if (!isGone) assert.is(vault.newest(dataId)?.manifest.fileVersion, 1)
    },
  )
  assert.is(count, STEPS.length - 1)
  assert.is(seen.size, 2)
})

cuts('a vault that is stopped calls off what it copies, and leaves nothing of it', async () => {
  await stage(async ({ vault, seal, copies }) => {
    const file = await seal({ content: pattern(8 * 2 ** 20) })
    const refused = codeOfAsync(() => vault.keep(file.path))
    while ((await readdir(copies)).length === 0) await quiet(1)
    await vault.stop()
    assert.is(await refused, 'stopped')
    assert.equal(await readdir(copies), [])
  })
})

cuts('a catalogue that is lost does not take the files with it', async () => {
  await stage(async ({ vault, seal, copies, net }) => {
    const file = await seal()
    await vault.keep(file.path)
    await vault.stop()
    const bare = await net.node(net.nodes[0]?.person)
    const again = await vaultOf(bare, copies)
    await again.start()
    assert.equal(await names(copies), [nameOf(file)])
    assert.is(bare.context.counters.read()['vault.unknown-copy'], 1)
    assert.is(again.newest(file.manifest.dataId), null)
    await again.keep(join(copies, nameOf(file)))
    assert.equal(again.newest(file.manifest.dataId)?.digest, file.digest)
    assert.equal(await names(copies), [nameOf(file)])
    await again.stop()
  })
})

cuts('a copy that is lost is known to be lost, and taken in again', async () => {
  await stage(async ({ vault, seal, copies, node, net }) => {
    const file = await seal()
    const kept = await vault.keep(file.path)
    await vault.stop()
    const { rm } = await import('node:fs/promises')
    await rm(join(copies, nameOf(file)))
    const again = await vaultOf(node, copies)
    await again.start()
    assert.is(again.newest(kept.manifest.dataId), null)
    assert.is([...again.files()][0]?.fileBytes, 0)
    assert.is(node.context.counters.read()['vault.lost'], 1)
    const back = await again.keep(file.path)
    assert.is(back.fileBytes, kept.fileBytes)
    assert.equal(new Uint8Array(await readFile(join(copies, nameOf(file)))), new Uint8Array(await readFile(file.path)))
    await again.stop()
    assert.is(net.nodes.length, 1)
  })
})

/** Has a person's inception known to a node. */
async function introduced(net: MemoryNet, node: MemoryNode, person: Person): Promise<void> {
  const link = net.bus.connect('stranger')
  await link.publish(node.context.topics.identity(person.id), person.inception, { retain: true })
  await quiet(3)
  assert.ok(node.context.directory.keyOf(person.id))
}

test.run()
cuts.run()

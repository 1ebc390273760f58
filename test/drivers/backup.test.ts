/** Backups of real folders: all comes back; a wrong passphrase, any damage, a full disk at any step and an occupied place change nothing. */

import { chmodSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type BackupOptions, backUpIdentity, backUpNode } from '../../src/backup.ts'
import { concat, equal, fromHex, toHex } from '../../src/core/bytes.ts'
import { type UnlockBackup, unlockWith } from '../../src/drivers/backup-seal.ts'
import { createKeyFile, openKeyFile } from '../../src/drivers/key-file.ts'
import { sealKeyFile } from '../../src/drivers/key-file-change.ts'
import { putKeyLog } from '../../src/drivers/key-file-log.ts'
import { checkStoreFile } from '../../src/drivers/sqlite-check.ts'
import { openSqliteStore } from '../../src/drivers/sqlite-store.ts'
import { restoreIdentity, restoreNode } from '../../src/restore.ts'
import { fileWrite } from '../../src/services/vault-catalogue.ts'
import { CHEAP, contentsOf, type NodeOnDisk, nodeOnDisk, PASSPHRASE, piecesOf, SETTINGS } from '../kit/backup-node.ts'
import { oracleChunks, oracleFile, oracleHead, oracleRecord } from '../kit/backup-oracle.ts'
import { VECTOR_SEAL } from '../kit/backup-vectors.ts'
import { onFullDisk } from '../kit/failing-disk.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOfAsync } from '../kit/refusal.ts'
import { tempForProcess, withTemp } from '../kit/temp.ts'

const TEMP = tempForProcess()
const at = (...names: string[]): string => join(TEMP, ...names)
const backups = suite('backup and restore')
const options: BackupOptions = { passphrase: PASSPHRASE, cost: CHEAP }
let node: NodeOnDisk
let whole: Uint8Array
let alone: Uint8Array

backups.before(async () => {
  node = await nodeOnDisk(TEMP, [0, 1_000, 150_000])
  await backUpNode(at('whole'), node, options)
  await backUpIdentity(at('alone'), node.keyFile, options)
  whole = new Uint8Array(await readFile(at('whole')))
  alone = new Uint8Array(await readFile(at('alone')))
})

backups('a node comes back to the byte, and its folder was left as it was', async () => {
  const before = await contentsOf(node.dataDir)
  const made = await backUpNode(at('again'), node, options)
  assert.equal([made.files, made.wasRunning, made.hasGenesis, made.damaged], [8, false, true, []])
  assert.is(made.backupBytes, (await stat(at('again'))).size)
  assert.is((await stat(at('again'))).mode & 0o777, 0o600)
  assert.equal(await contentsOf(node.dataDir), before)
  await withTemp(async (folder) => {
    const target = join(folder, 'deep', 'er', 'node')
    const restored = await restoreNode(fileOf('again'), target, { unlock })
    assert.equal([restored.files, restored.bytes], [made.files, made.bytes])
    assert.equal([restored.hasLog, restored.hasSettings, restored.isSeated], [true, true, false])
    const expected = { ...before, 'settings.toml': hex(SETTINGS), 'genesis.webx': toHex(await bytesOf(node.genesis)) }
    assert.equal(await contentsOf(target), expected)
    assert.equal(await readdir(join(folder, 'deep', 'er')), ['node'])
    for (const [name, mode] of Object.entries({ '': 0o700, qnt: 0o700, 'node.key': 0o600, 'webx.db': 0o600 })) {
      assert.is((await stat(join(target, name))).mode & 0o777, mode, name)
    }
    assert.ok(equal((await openKeyFile(join(target, 'node.key'))).id, node.keys.id))
  })
})

backups('an empty folder is taken, also behind a link; anything else is left alone', async () => {
  await withTemp(async (folder) => {
    await mkdir(join(folder, 'empty'))
    await symlink(join(folder, 'empty'), join(folder, 'link'))
    await restoreNode(fileOf('whole'), join(folder, 'link'), { unlock })
    assert.ok((await readdir(join(folder, 'empty'))).includes('node.key'))
    const before = await contentsOf(join(folder, 'empty'))
    assert.is(await refusal(whole, join(folder, 'link')), 'bad-argument')
    await writeFile(join(folder, 'file'), 'mine')
    assert.is(await refusal(whole, join(folder, 'file')), 'bad-argument')
    assert.equal(await contentsOf(join(folder, 'empty')), before)
    assert.equal((await readdir(folder)).sort(), ['empty', 'file', 'link'])
  })
})

backups('an identity alone comes back with its log, and never over anything', async () => {
  await withTemp(async (folder) => {
    const file = join(folder, 'new', 'a.key')
    const restored = await restoreIdentity(piecesOf(alone), file, { unlock })
    assert.ok(equal(restored.about.id, node.keys.id))
    assert.equal((await readdir(join(folder, 'new'))).sort(), ['a.key', 'a.key.log'])
    assert.ok(equal(await bytesOf(file), await bytesOf(node.keyFile)))
    assert.ok(equal(await bytesOf(`${file}.log`), await bytesOf(`${node.keyFile}.log`)))
    for (const gone of [file, `${file}.log`]) {
      assert.is(await codeOfAsync(() => restoreIdentity(piecesOf(alone), file, { unlock })), 'key-file-exists')
      await rm(gone)
    }
    await restoreIdentity(piecesOf(alone), file, { unlock })
  })
})

backups('a backup of the one kind is none of the other', async () => {
  assert.is(await refusal(alone, at('none')), 'bad-argument')
  assert.is(await codeOfAsync(() => restoreIdentity(piecesOf(whole), at('none'), { unlock })), 'bad-argument')
})

backups('a wrong passphrase changes nothing and says what is wrong', async () => {
  await unchanged(async (target) => {
    const wrong = { unlock: unlockWith('three words or five') }
    assert.is(await codeOfAsync(() => restoreNode(piecesOf(whole), target, wrong)), 'wrong-passphrase')
    const none = { unlock: unlockWith('') }
    assert.is(await codeOfAsync(() => restoreNode(piecesOf(whole), target, none)), 'bad-argument')
  })
})

backups('2,000 backups with one flipped, missing or added byte: none accepted, nothing written', async () => {
  let refusals = 0
  await unchanged(async (target) => {
    const refused = async (bytes: Uint8Array, what: string): Promise<void> => {
      const code = await codeOfAsync(() => restoreIdentity(piecesOf(bytes), target, { unlock: remembered }))
      assert.ok(code === 'backup-broken' || code === 'bad-version', `${what}: ${code}`)
      refusals++
    }
    for (let byte = 0; byte < alone.length; byte++) {
      await refused(flipped(alone, byte), `byte ${byte}`)
      await refused(alone.subarray(0, byte), `cut at ${byte}`)
    }
    for (let length = 1; length <= 200; length++) await refused(concat(alone, pattern(length)), `${length} more`)
  })
  assert.ok(refusals >= 2_000, String(refusals))
})

backups('damage in any chunk of a longer one is found, however much was written by then', async () => {
  await unchanged(async (target) => {
    for (let byte = 200; byte < whole.length; byte += 6_007) {
      for (const bytes of [flipped(whole, byte), whole.subarray(0, byte)]) {
        const code = await codeOfAsync(() => restoreNode(piecesOf(bytes), target, { unlock: remembered }))
        assert.is(code, 'backup-broken', `byte ${byte}`)
      }
    }
    for (const chunks of [1, 2, 3]) {
      const cut = whole.subarray(0, whole.length - (whole.length % 65_536) - chunks)
      assert.is(await codeOfAsync(() => restoreNode(piecesOf(cut), target, { unlock: remembered })), 'backup-broken')
    }
  })
})

backups('a disk that is full at any step leaves nothing behind', async () => {
  const all = await onFullDisk(Number.POSITIVE_INFINITY, () =>
    restoreNode(piecesOf(whole), at('full'), { unlock: remembered }),
  )
  assert.ok(all > 25, String(all))
  await unchanged(async (target) => {
    for (let steps = 0; steps < all - 1; steps++) {
      const code = await codeOfAsync(() =>
        onFullDisk(steps, () => restoreNode(piecesOf(whole), target, { unlock: remembered })),
      )
      assert.is(code, 'store-failed', `step ${steps}`)
    }
  })
  const alones = await onFullDisk(Number.POSITIVE_INFINITY, () =>
    restoreIdentity(piecesOf(alone), at('full-alone'), { unlock: remembered }),
  )
  assert.ok(alones > 8, String(alones))
  await unchanged(async (target) => {
    const restore = () => restoreIdentity(piecesOf(alone), target, { unlock: remembered })
    for (let steps = 0; steps < alones; steps++) {
      assert.is(await codeOfAsync(() => onFullDisk(steps, restore)), 'store-failed', `step ${steps}`)
    }
  })
  await unchanged(async (target) => {
    for (let steps = 0; steps < 8; steps++) {
      const backUp = () => onFullDisk(steps, () => backUpIdentity(target, node.keyFile, options))
      assert.is(await codeOfAsync(backUp), 'store-failed', `step ${steps}`)
    }
  })
  await unchanged(async (target) => {
    for (const steps of [0, 1, 5]) {
      assert.is(await codeOfAsync(() => onFullDisk(steps, () => backUpNode(target, node, options))), 'store-failed')
    }
  })
  assert.not((await readdir(node.dataDir)).some((name) => name.startsWith('backup-')))
})

backups('what a cut left behind is removed by the next run', async () => {
  await withTemp(async (folder) => {
    await mkdir(join(folder, 'node.0123456789ab.draft'))
    await mkdir(join(folder, 'other.0123456789ab.draft'))
    await restoreNode(piecesOf(whole), join(folder, 'node'), { unlock: remembered })
    assert.equal((await readdir(folder)).sort(), ['node', 'other.0123456789ab.draft'])
  })
  await mkdir(join(node.dataDir, 'backup-999999999-0123456789ab.draft'))
  await mkdir(join(node.dataDir, `backup-${process.pid}-0123456789ab.draft`))
  await rm(at('again'))
  await backUpNode(at('again'), node, options)
  const left = (await readdir(node.dataDir)).filter((name) => name.startsWith('backup-'))
  assert.equal(left, [`backup-${process.pid}-0123456789ab.draft`])
  await rm(join(node.dataDir, left[0] as string), { recursive: true })
})

backups('a sealed key file stays sealed, and needs no second passphrase', async () => {
  await withTemp(async (folder) => {
    const sealed = await nodeOnDisk(folder, [])
    await sealKeyFile(sealed.keyFile, 'another', { cost: CHEAP })
    await backUpNode(join(folder, 'b'), sealed, options)
    await restoreNode(piecesOf(await bytesOf(join(folder, 'b'))), join(folder, 'r'), { unlock })
    const file = join(folder, 'r', 'node.key')
    assert.is(await codeOfAsync(() => openKeyFile(file)), 'passphrase-needed')
    assert.ok(equal((await openKeyFile(file, { passphrase: 'another' })).id, sealed.keys.id))
  })
})

backups('a damaged copy is left out and named, a damaged store is no backup, an open one neither', async () => {
  await withTemp(async (folder) => {
    const damaged = await nodeOnDisk(folder, [10, 2_000])
    const [first = '', second] = damaged.copies
    await truncate(join(damaged.dataDir, 'qnt', first), 300)
    const made = await backUpNode(join(folder, 'b'), damaged, options)
    assert.equal(made.damaged, [first])
    await restoreNode(piecesOf(await bytesOf(join(folder, 'b'))), join(folder, 'r'), { unlock })
    assert.equal(await readdir(join(folder, 'r', 'qnt')), [second])
    const path = join(damaged.dataDir, 'webx.db')
    const open = await openSqliteStore({ path })
    assert.is(await codeOfAsync(() => backUpNode(join(folder, 'c'), damaged, options)), 'store-failed')
    await open.close()
    const bytes = await bytesOf(path)
    const value = Buffer.from(bytes).indexOf(Buffer.from(pattern(49)))
    await writeFile(path, flipped(bytes, value))
    assert.is(await codeOfAsync(() => backUpNode(join(folder, 'c'), damaged, options)), 'store-damaged')
    assert.equal((await readdir(folder)).filter((name) => name.length === 1).sort(), ['b', 'r'])
  })
})

backups('a copy that the store speaks of and that is not there is named', async () => {
  await withTemp(async (folder) => {
    const bare = await nodeOnDisk(folder, [10])
    const [there = ''] = bare.copies
    const file = { ownerId: bare.keys.id, salt: new Uint8Array(16), first: 1, newest: 1, waits: false, buried: false }
    const held = { version: 1, fileBytes: 9, retainUntilMs: 0, asks: false }
    const store = await openSqliteStore({ path: join(bare.dataDir, 'webx.db') })
    store.write([
      fileWrite({ ...file, dataId: pattern(32), held: { ...held, digest: fromHex(there.slice(0, 64)) } }),
      fileWrite({ ...file, dataId: new Uint8Array(32), held: { ...held, digest: new Uint8Array(32) } }),
    ])
    await store.close()
    const made = await backUpNode(join(folder, 'b'), bare, options)
    assert.equal([made.missing, made.damaged], [[`${'00'.repeat(32)}.qnt`], []])
    await restoreNode(piecesOf(await bytesOf(join(folder, 'b'))), join(folder, 'r'), { unlock })
    assert.equal(await readdir(join(folder, 'r', 'qnt')), bare.copies)
  })
})

backups('a key file and a log that do not fit are no backup, and are not put back from one', async () => {
  await withTemp(async (folder) => {
    const other = await createKeyFile(join(folder, 'other.key'), 'device')
    await putKeyLog(join(folder, 'other.key'), [node.keys.inception])
    const code = await codeOfAsync(() => backUpIdentity(join(folder, 'b'), join(folder, 'other.key'), options))
    assert.is(code, 'key-file-broken')
    const about = [0, 1, other.id, 1_795_000_000_000, 'webx 0.1.0']
    const files = [await bytesOf(join(folder, 'other.key')), await bytesOf(`${node.keyFile}.log`)] as const
    const sum = files[0].length + files[1].length
    const content = concat(
      oracleRecord(about),
      oracleFile('node.key', files[0]),
      oracleFile('node.key.log', files[1]),
      oracleRecord([2, 2, sum]),
    )
    const head = oracleHead(VECTOR_SEAL)
    const bytes = concat(head, oracleChunks(VECTOR_SEAL.contentKey, head, content))
    const open = { unlock: unlockWith(VECTOR_SEAL.passphrase) }
    assert.is(await codeOfAsync(() => restoreIdentity(piecesOf(bytes), join(folder, 'k'), open)), 'backup-broken')
    assert.equal((await readdir(folder)).sort(), ['other.key', 'other.key.log'])
  })
})

backups('a well-sealed backup of another identity, or with a store that is none, is not put back', async () => {
  await withTemp(async (folder) => {
    const key = await bytesOf(node.keyFile)
    const open = { unlock: unlockWith(VECTOR_SEAL.passphrase) }
    const made = (id: Uint8Array, store: Uint8Array) => {
      const files = concat(oracleFile('node.key', key), oracleFile('webx.db', store))
      const about = oracleRecord([0, 0, id, 1_795_000_000_000, 'webx 0.1.0'])
      const head = oracleHead(VECTOR_SEAL)
      const content = concat(about, files, oracleRecord([2, 2, key.length + store.length]))
      return concat(head, oracleChunks(VECTOR_SEAL.contentKey, head, content))
    }
    const whole = await bytesOf(join(node.dataDir, 'webx.db'))
    const target = join(folder, 'r')
    const wrong = [made(new Uint8Array(32), whole), made(node.keys.id, pattern(5_000))]
    for (const bytes of wrong) {
      assert.is(await codeOfAsync(() => restoreNode(piecesOf(bytes), target, open)), 'backup-broken')
      assert.equal(await readdir(folder), [])
    }
    await restoreNode(piecesOf(made(node.keys.id, whole)), target, open)
  })
})

backups('a snapshot is of one moment, whatever is written meanwhile', async () => {
  await withTemp(async (folder) => {
    const store = await openSqliteStore({ path: join(folder, 'webx.db') })
    const write = (round: number) => {
      store.write([1, 2].map((i) => ({ space: 'pair', key: Uint8Array.of(i), value: Uint8Array.of(round) })))
      return store.sync()
    }
    store.write(
      Array.from({ length: 300 }, (_, i) => ({ space: 'much', key: Uint8Array.of(i >> 8, i), value: pattern(9_000) })),
    )
    await write(0)
    let isDone = false
    const copied = store.snapshot?.(join(folder, 'copy.db')).then(() => {
      isDone = true
    })
    for (let round = 1; !isDone && round < 250; round++) await write(round)
    await copied
    await store.close()
    assert.is(checkStoreFile(join(folder, 'copy.db')), 302)
    const copy = await openSqliteStore({ path: join(folder, 'copy.db') })
    const [one, other] = [...copy.scan('pair')].map(({ value }) => value[0])
    await copy.close()
    assert.is(one, other)
  })
})

backups('a store that is not whole is found out', async () => {
  await withTemp(async (folder) => {
    const { dataDir } = await nodeOnDisk(folder, [])
    const path = join(dataDir, 'webx.db')
    assert.is(checkStoreFile(path), 50)
    const bytes = await bytesOf(path)
    await writeFile(path, flipped(bytes, 16))
    assert.is(await codeOfAsync(async () => checkStoreFile(path)), 'store-damaged')
    await writeFile(path, bytes.subarray(0, 4_096))
    assert.is(await codeOfAsync(async () => checkStoreFile(path)), 'store-damaged')
    await writeFile(path, 'not a store')
    assert.is(await codeOfAsync(async () => checkStoreFile(path)), 'store-damaged')
    await rm(path)
    assert.is(await codeOfAsync(async () => checkStoreFile(path)), 'store-failed')
  })
})

backups('what was not meant for it is refused with its code', async () => {
  assert.is(await refusal(new Uint8Array(0), at('none')), 'backup-broken')
  assert.is(await refusal(pattern(5_000), at('none')), 'backup-broken')
  await appendFile(at('open.key'), await bytesOf(node.keyFile))
  chmodSync(at('open.key'), 0o644)
  const open = { ...node, keyFile: at('open.key') }
  assert.is(await codeOfAsync(() => backUpNode(at('none'), open, options)), 'key-file-open-to-others')
  const missing = { ...node, keyFile: at('none.key') }
  assert.is(await codeOfAsync(() => backUpNode(at('none'), missing, options)), 'key-file-missing')
  const foreign = { ...node, genesis: node.keyFile }
  assert.is(await codeOfAsync(() => backUpNode(at('none'), foreign, options)), 'bad-config')
  assert.is(await codeOfAsync(() => backUpNode(at('whole'), node, options)), 'store-failed')
  assert.ok(equal(await bytesOf(at('whole')), whole))
})

const unlock = unlockWith(PASSPHRASE)
const opened = new Map<string, Promise<Uint8Array>>()

/** The same, but one head costs the passphrase once. */
const remembered: UnlockBackup = async (head) => {
  const name = toHex(head.digest)
  const key = opened.get(name) ?? unlock(head)
  opened.set(name, key)
  return (await key).slice()
}

/** Runs `use` with a path in a folder of its own, and makes sure that nothing is there afterwards. */
async function unchanged(use: (target: string) => Promise<void>): Promise<void> {
  await withTemp(async (folder) => {
    // the folder above is made, and must be gone, too
    await use(join(folder, 'made', 'target'))
    assert.equal(await readdir(folder), [])
  })
}

async function refusal(bytes: Uint8Array, target: string): Promise<string> {
  return codeOfAsync(() => restoreNode(piecesOf(bytes), target, { unlock: remembered }))
}

async function* fileOf(name: string): AsyncGenerator<Uint8Array> {
  yield* piecesOf(await bytesOf(at(name)))
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = (copy[at] as number) ^ 4
  return copy
}

async function bytesOf(path: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(path))
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex')
}

backups.run()

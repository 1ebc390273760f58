/**
 * The next version of a .qnt: every chain of grants, new keys and other contents succeeds link by link, who was granted reads, and who was dropped never reads
 * a later epoch; what was damaged on the way is found, and whoever is not the owner is refused.
 */

import { generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal } from '../../src/core/bytes.ts'
import { assertSucceeds, dataIdOf, type SignedManifest, verifyManifest } from '../../src/data/manifest.ts'
import { FREE_POLICY } from '../../src/data/policy.ts'
import { type Holder, publicKeyOf, wrapKeyToAll } from '../../src/data/recipients.ts'
import { assertCommitted, keyCommitment } from '../../src/data/stream.ts'
import { assertBuries, verifyTombstone } from '../../src/data/tombstone.ts'
import { ephemeralAgreement } from '../../src/drivers/host.ts'
import { grantQnt, type Owner, rekeyQnt, tombstoneOf } from '../../src/drivers/qnt-change.ts'
import { openQnt, sealQnt, verifyQnt, withQnt } from '../../src/drivers/qnt-file.ts'
import { HOST_CHANCE } from '../../src/drivers/qnt-holder.ts'
import { claimsOf, type KeyOf, manifestMaker, unlockedBy } from '../../src/drivers/qnt-manifest.ts'
import '../../src/drivers/wasm-files.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOf, codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'

const test = suite('drivers/qnt-change')

const pair = generateKeyPairSync('ed25519')
const OWNER_KEY = new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(12))
const OWNER_ID = pattern(32)
const SALT = pattern(16)
const DATA_ID = dataIdOf(OWNER_ID, SALT)
const OWN: Holder = { suite: 'x25519', half: ephemeralAgreement() }
const PEOPLE: readonly Holder[] = Array.from({ length: 5 }, () => ({ suite: 'x25519', half: ephemeralAgreement() }))
const keyOf: KeyOf = (ownerId) => (equal(ownerId, OWNER_ID) ? OWNER_KEY : null)
const sign64 = async (message: Uint8Array) => new Uint8Array(sign(null, message, pair.privateKey))
const owner = (position: number): Owner => ({ keys: { id: OWNER_ID, position, sign: sign64 }, holders: [OWN], keyOf })
const keysOf = (who: readonly number[]) => who.map((i) => publicKeyOf(PEOPLE[i] as Holder))

test('any chain succeeds, whoever is named reads, and whoever was dropped reads nothing later', async () => {
  const who = fc.uniqueArray(fc.nat(PEOPLE.length - 1), { maxLength: PEOPLE.length })
  const step = fc.oneof(
    fc.record({ kind: fc.constant('grant' as const), who }),
    fc.record({ kind: fc.constant('rekey' as const), who }),
    fc.record({ kind: fc.constant('update' as const), who, bytes: fc.constantFrom(1, 1_007, 70_000) }),
  )
  const run = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) =>
    withTemp(async (folder) => {
      let { path, content } = await first(folder, pattern(66_000))
      let readers: number[] = []
      const former: { reader: number; key: Uint8Array }[] = []
      for (const [i, change] of steps.entries()) {
        const held = await manifestOf(path)
        const target = join(folder, `${i + 2}.qnt`)
        if (change.kind === 'grant') {
          const fresh = change.who.filter((one) => !readers.includes(one))
          const known = change.who.filter((one) => readers.includes(one))
          if (known.length > 0) assert.is(await codeOfAsync(() => grant(path, target, change.who)), 'bad-argument')
          await grantQnt(path, target, owner(i), keysOf(fresh))
          readers = [...readers, ...fresh]
        } else {
          for (const reader of readers) former.push({ reader, key: contentKeyOf(path, PEOPLE[reader] as Holder) })
          if (change.kind === 'update') {
            content = pattern(change.bytes)
            writeFileSync(join(folder, 'new'), content)
          }
          const source = change.kind === 'update' ? { source: join(folder, 'new') } : {}
          const made = await rekeyQnt(path, target, owner(i), {
            readers: { to: keysOf(change.who), decoys: ['x25519'] },
            ...source,
          })
          const before = held.manifest.recipients.length
          assert.is(made.dropped, before - 1 - change.who.filter((one) => readers.includes(one)).length)
          readers = [...change.who]
        }
        const next = await manifestOf(target)
        assertSucceeds(held, next.manifest)
        assert.is(next.manifest.ownerPosition, i)
        assert.is(next.manifest.keyEpoch, held.manifest.keyEpoch + (change.kind === 'grant' ? 0 : 1))
        await verifyQnt(target, async (document) => claimsOf(document, keyOf))
        assert.ok(equal(await opened(target, OWN, join(folder, `${i}`)), content))
        for (const [one, holder] of PEOPLE.entries()) {
          const unwrap = () => contentKeyOf(target, holder)
          if (readers.includes(one)) assert.equal(unwrap(), contentKeyOf(target, OWN))
          else assert.is(codeOf(unwrap), 'not-allowed')
        }
        // a key of an earlier epoch is no key of this one, whoever kept it
        for (const { reader, key } of former) {
          const isNow = readers.includes(reader) && equal(key, contentKeyOf(target, PEOPLE[reader] as Holder))
          assert.not(isNow)
          const keys = { contentKey: key, dataId: DATA_ID, keyEpoch: next.manifest.keyEpoch }
          assert.throws(() => assertCommitted(keys, next.manifest.keyCommitment))
        }
        path = target
      }
    }),
  )
  await fc.assert(run, { numRuns: 8 })
})

test('what is no longer what its owner signed is not carried over', async () => {
  await withTemp(async (folder) => {
    const { path } = await first(folder, pattern(200_000))
    const bytes = readFileSync(path)
    const bodyAt = 8 + bytes.readUInt32BE(4)
    // a chunk, the last byte of the last chunk, and a byte of the stored tree
    for (const at of [bodyAt + 70_000, bodyAt + 200_000 + 16 * 4 - 1, bytes.length - 5]) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 1
      const [from, target] = [join(folder, `damaged-${at}`), join(folder, `target-${at}`)]
      writeFileSync(from, damaged)
      assert.is(await codeOfAsync(() => grantQnt(from, target, owner(0), keysOf([0]))), 'tampered')
      const readers = { to: [], decoys: [] }
      assert.is(await codeOfAsync(() => rekeyQnt(from, target, owner(0), { readers })), 'tampered')
      assert.not(existsSync(target))
    }
  })
})

test('only its owner changes a file, with keys that are no older than it', async () => {
  await withTemp(async (folder) => {
    const { path } = await first(folder, pattern(10))
    const target = join(folder, 'target')
    const granted = join(folder, 'granted')
    await grantQnt(path, granted, owner(3), keysOf([1]))
    assert.is(await codeOfAsync(() => grantQnt(granted, target, owner(2), keysOf([0]))), 'broken-history')
    assert.is(await codeOfAsync(() => tombstoneOf(granted, owner(2), 1)), 'broken-history')
    const other: Owner = { ...owner(3), keys: { ...owner(3).keys, id: pattern(33).subarray(1) } }
    assert.is(await codeOfAsync(() => grantQnt(granted, target, other, keysOf([0]))), 'wrong-owner')
    assert.is(await codeOfAsync(() => tombstoneOf(granted, other, 1)), 'wrong-owner')
    const stranger: Owner = { ...owner(3), holders: [PEOPLE[4] as Holder] }
    assert.is(await codeOfAsync(() => grantQnt(granted, target, stranger, keysOf([0]))), 'not-allowed')
    const unknown: Owner = { ...owner(3), keyOf: () => null }
    assert.is(await codeOfAsync(() => grantQnt(granted, target, unknown, keysOf([0]))), 'unknown-owner')
    // a reader with all rights of a reader is no owner: its signature is not the owner's
    const forged: Owner = { ...owner(3), keyOf: () => pattern(32) }
    assert.is(await codeOfAsync(() => rekeyQnt(granted, target, forged, { readers: NOBODY })), 'bad-signature')
    assert.not(existsSync(target))
  })
})

test('nothing never takes the place of something, and what is there is never replaced', async () => {
  await withTemp(async (folder) => {
    const { path } = await first(folder, pattern(10))
    writeFileSync(join(folder, 'empty'), '')
    const change = { readers: NOBODY, source: join(folder, 'empty') }
    assert.is(await codeOfAsync(() => rekeyQnt(path, join(folder, 'target'), owner(0), change)), 'empty-replica')
    assert.not(existsSync(join(folder, 'target')))
    assert.is(await codeOfAsync(() => rekeyQnt(path, path, owner(0), { readers: NOBODY })), 'store-failed')
    assert.is(await codeOfAsync(() => grantQnt(path, path, owner(0), keysOf([0]))), 'store-failed')
  })
})

test('a tombstone ends the version that it was made of', async () => {
  await withTemp(async (folder) => {
    const { path } = await first(folder, pattern(10))
    const { tombstone } = verifyTombstone(await tombstoneOf(path, owner(2), 1_700_000_000_000), keyOf)
    assertBuries(await manifestOf(path), tombstone)
    assert.equal([tombstone.fileVersion, tombstone.ownerPosition, tombstone.atMs], [2, 2, 1_700_000_000_000])
  })
})

const NOBODY = { to: [], decoys: [] } as const

/** Version 1 of a file, for its owner alone. */
async function first(folder: string, content: Uint8Array): Promise<{ path: string; content: Uint8Array }> {
  const [plain, path] = [join(folder, 'plain'), join(folder, '1.qnt')]
  writeFileSync(plain, content)
  const keys = { contentKey: HOST_CHANCE.random(32), dataId: DATA_ID, keyEpoch: 1 }
  const maker = manifestMaker(
    {
      ...{ dataId: DATA_ID, ownerId: OWNER_ID, salt: SALT, ownerPosition: 0, fileVersion: 1, previous: null },
      ...{ suite: 'chacha20-poly1305-blake3', keyEpoch: 1, keyCommitment: keyCommitment(keys.contentKey, DATA_ID) },
      recipients: wrapKeyToAll(keys.contentKey, [publicKeyOf(OWN)], [], keys, HOST_CHANCE),
      ...{ tier: 'private', fieldDigests: [], policy: FREE_POLICY, runnables: [], parents: [] },
    },
    sign64,
  )
  await sealQnt(plain, path, keys, maker)
  return { path, content }
}

function grant(path: string, target: string, who: readonly number[]): Promise<unknown> {
  return grantQnt(path, target, owner(99), keysOf(who))
}

async function manifestOf(path: string): Promise<SignedManifest> {
  return withQnt(path, async (qnt) => verifyManifest(qnt.manifest, keyOf))
}

async function opened(path: string, holder: Holder, target: string): Promise<Uint8Array> {
  await openQnt(path, target, async (document) => unlockedBy(holder, document, keyOf))
  return new Uint8Array(readFileSync(target))
}

function contentKeyOf(path: string, holder: Holder): Uint8Array {
  const bytes = readFileSync(path)
  const document = new Uint8Array(bytes.subarray(8, 8 + bytes.readUInt32BE(4)))
  return unlockedBy(holder, document, keyOf).keys.contentKey
}

test.run()

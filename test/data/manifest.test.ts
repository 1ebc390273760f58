/**
 * The manifest of a .qnt: golden bytes, refusals, and the succession of versions.
 *
 * Oracles: a second reader written from the description with @noble, and @auth0/cose for the document.
 */

import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Sign1 } from '@auth0/cose'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { sign1Message } from '../../src/core/cose.ts'
import { WebxError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { HOOKS } from '../../src/data/dsr-abi.ts'
import { runnableDigest } from '../../src/data/dsr-run.ts'
import {
  assertSucceeds,
  MANIFEST_CONTENT_TYPE,
  type Manifest,
  manifestDigest,
  manifestMessage,
  manifestPayload,
  readManifest,
  readManifestDocument,
  TIERS,
  verifyManifest,
} from '../../src/data/manifest.ts'
import { seeContentKey, seeDigest, seeFieldDigest, seeManifest } from '../kit/manifest-oracle.ts'
import * as kit from '../kit/manifests.ts'
import { codeOf } from '../kit/refusal.ts'

const golden = suite('manifest: golden bytes')
const document = suite('manifest: the document')
const versions = suite('manifest: versions')

type Vectors = ReturnType<typeof kit.manifestVectors>
const vectors = JSON.parse(readFileSync(new URL('../vectors/manifest.json', import.meta.url), 'utf8')) as Vectors
/** Of RFC 8032 §7.1, test 1. */
const ANOTHER_KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
const keyOf = () => kit.OWNER_KEY

golden('today’s code makes them, byte for byte', () => {
  const made = kit.manifestVectors()
  for (const [name, hex] of Object.entries(made.golden)) assert.is(hex, vectors.golden[name], name)
  assert.equal(made, vectors)
})

golden('a second reader sees what was meant, down to the content keys', () => {
  const first = seeManifest(bytesOf('firstDocument'), kit.OWNER_KEY)
  assert.is(first.length, 19)
  assert.equal(first.slice(4, 14), [
    4,
    1,
    kit.fill(0, 0),
    100_000,
    16,
    1,
    kit.FIRST.root,
    1,
    kit.FIRST.keyCommitment,
    1,
  ])
  assert.equal(first[16], [['care', 'research'], 1_800_000_000_000, ['CH', 'EU'], 1])
  assert.is((first[14] as unknown[]).length, 3)
  assert.equal(seeContentKey(first, 1, kit.fill(32, 21)), kit.CONTENT_KEY)
  assert.equal(seeContentKey(first, 2, kit.fill(32, 22)), kit.CONTENT_KEY)
  assert.is(seeContentKey(first, 1, kit.fill(32, 23)), null)
  for (const name of ['disclosedTitle', 'disclosedRows']) {
    const digest = toHex(seeFieldDigest(bytesOf(name)))
    assert.ok((first[15] as Uint8Array[]).map(toHex).includes(digest), name)
  }
  const second = seeManifest(bytesOf('secondDocument'), kit.OWNER_KEY)
  assert.equal(second[6], seeDigest(bytesOf('firstPayload')))
  assert.equal(seeContentKey(second, 2, kit.fill(32, 22)), kit.NEW_CONTENT_KEY)
  assert.is(seeContentKey(second, 1, kit.fill(32, 21)), null)
})

golden('what is read is what was written', () => {
  assert.equal(readManifest(bytesOf('firstPayload')), kit.FIRST)
  assert.equal(readManifest(bytesOf('secondPayload')), kit.SECOND)
  assert.equal(manifestDigest(bytesOf('firstPayload')), seeDigest(bytesOf('firstPayload')))
})

for (const { name, code, bytes } of vectors.refused) {
  golden(`refused: ${name}`, () => {
    assert.is(
      codeOf(() => readManifest(fromHex(bytes))),
      code,
    )
  })
}

golden('the largest manifest that the limits allow can be written', () => {
  const recipients = Array.from({ length: LIMITS.qntRecipientsMax }, (_, i) => ({
    suite: 'x-wing' as const,
    hint: Uint8Array.of(i, 0, 0, 0, 0, 0, 0, 0),
    enc: kit.fill(1120, i),
    ciphertext: kit.fill(48, i),
  }))
  const digests = (length: number) => Array.from({ length }, (_, i) => kit.fill(32, i))
  const words = (length: number) => Array.from({ length }, (_, i) => `${i}`.padStart(64, '0'))
  const runnables = HOOKS.map((hook) => {
    const params = kit.fill(LIMITS.runnableParamsBytesMax, 1)
    const module = kit.fill(LIMITS.runnableBytesMax, 1)
    return { hook, moduleDigest: runnableDigest(module), fuel: LIMITS.runnableFuelMax, pages: 16, params, module }
  })
  const largest: Manifest = {
    ...kit.FIRST,
    contentBytes: LIMITS.qntContentBytesMax,
    recipients,
    fieldDigests: digests(LIMITS.qntFieldsMax),
    parents: digests(LIMITS.qntParentsMax),
    policy: { ...kit.FIRST.policy, purposes: words(LIMITS.policyPurposesMax) },
    runnables,
  }
  const bytes = kit.documentOf(largest)
  assert.equal(verifyManifest(bytes, keyOf).manifest, largest)
  assert.ok(bytes.length < LIMITS.manifestBytesMax)
  assert.is(
    codeOf(() => manifestPayload({ ...largest, parents: digests(LIMITS.qntParentsMax + 1) })),
    'bad-argument',
  )
})

golden('any manifest is read as it was written', () => {
  const number = fc.maxSafeNat()
  const digest = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const digests = fc
    .uniqueArray(digest, { maxLength: 5, selector: toHex })
    .map((list) => list.sort((a, b) => (toHex(a) < toHex(b) ? -1 : 1)))
  const change = fc.record({
    ownerPosition: number,
    fileVersion: fc.integer({ min: 2 }),
    previous: digest,
    contentBytes: fc.nat(LIMITS.qntContentBytesMax),
    chunkLog2: fc.integer({ min: 10, max: 16 }),
    root: digest,
    keyEpoch: number,
    keyCommitment: digest,
    tier: fc.constantFrom(...TIERS),
    fieldDigests: digests,
    parents: digests,
  })
  const check = fc.property(change, (changed) => {
    const manifest = { ...kit.SECOND, ...changed }
    assert.equal(readManifest(manifestPayload(manifest)), manifest)
  })
  fc.assert(check, { numRuns: 100, seed: 19 })
})

golden('one manifest has one encoding: whatever else can be read is another manifest', () => {
  const bytes = bytesOf('secondPayload')
  let read = 0
  const check = fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
    const changed = bytes.slice()
    changed[at] = (changed[at] as number) ^ change
    const manifest = readOrNull(changed)
    if (manifest === null) return
    read++
    assert.equal(manifestPayload(manifest), changed)
    assert.not.equal(manifest, kit.SECOND)
  })
  fc.assert(check, { numRuns: 1_000, seed: 8 })
  assert.ok(read > 100, String(read))
})

golden('what could not be read is not written', () => {
  const wrong: Partial<Manifest>[] = [
    { dataId: kit.fill(32, 1) },
    { fileVersion: 2 },
    { chunkLog2: 5 },
    { root: kit.fill(31, 1) },
    { tier: 'secret' as 'private' },
    { suite: 'rot13' as 'chacha20-poly1305-blake3' },
    { fieldDigests: [...kit.FIRST.fieldDigests].reverse() },
    { policy: { ...kit.FIRST.policy, purposes: ['two words'] } },
    { policy: { ...kit.FIRST.policy, retainUntilMs: -1 } },
    { contentBytes: -1 },
  ]
  for (const change of wrong) {
    assert.is(
      codeOf(() => manifestPayload({ ...kit.FIRST, ...change })),
      'bad-argument',
      JSON.stringify(Object.keys(change)),
    )
  }
})

document('@auth0/cose verifies it', async () => {
  const theirs = Sign1.decode(kit.documentOf(kit.FIRST))
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), kit.OWNER_KEY])
  await theirs.verify(createPublicKey({ key: spki, format: 'der', type: 'spki' }))
  assert.equal(new Uint8Array(theirs.payload), bytesOf('firstPayload'))
})

document('its owner’s key is asked for by id and position', () => {
  const asked: [string, number][] = []
  const { manifest, digest } = verifyManifest(bytesOf('firstDocument'), (ownerId, position) => {
    asked.push([toHex(ownerId), position])
    return kit.OWNER_KEY
  })
  assert.equal(asked, [[toHex(kit.OWNER_ID), 4]])
  assert.equal(manifest, kit.FIRST)
  assert.equal(digest, manifestDigest(bytesOf('firstPayload')))
  const { message } = readManifestDocument(bytesOf('firstDocument'))
  assert.equal(message, manifestMessage(bytesOf('firstPayload'), kit.OWNER_ID))
  assert.is(
    codeOf(() => verifyManifest(bytesOf('firstDocument'), () => null)),
    'unknown-owner',
  )
  assert.is(
    codeOf(() => verifyManifest(bytesOf('firstDocument'), () => fromHex(ANOTHER_KEY))),
    'bad-signature',
  )
})

document('other types, other names and no name are refused, though rightly signed', () => {
  const payload = bytesOf('firstPayload')
  const refused = [
    { header: { keyId: kit.OWNER_ID }, code: 'bad-shape' },
    { header: { contentType: MANIFEST_CONTENT_TYPE }, code: 'bad-shape' },
    { header: { contentType: 'application/webx-ping', keyId: kit.OWNER_ID }, code: 'bad-shape' },
    { header: { contentType: MANIFEST_CONTENT_TYPE, keyId: kit.fill(32, 9) }, code: 'wrong-owner' },
  ]
  for (const { header, code } of refused) {
    assert.is(
      codeOf(() => verifyManifest(kit.anyDocument(payload, header), keyOf)),
      code,
    )
  }
  assert.not.equal(sign1Message(payload), manifestMessage(payload, kit.OWNER_ID))
  assert.is(
    codeOf(() => verifyManifest(kit.fill(LIMITS.manifestBytesMax + 1, 0), keyOf)),
    'too-long',
  )
})

document('no changed byte goes unseen', () => {
  const bytes = bytesOf('firstDocument')
  const check = fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
    const changed = bytes.slice()
    changed[at] = (changed[at] as number) ^ change
    codeOf(() => verifyManifest(changed, keyOf))
  })
  fc.assert(check, { numRuns: 1_500, seed: 4 })
})

const held = { manifest: kit.FIRST, digest: manifestDigest(manifestPayload(kit.FIRST)) }

const NEXT: Manifest = { ...kit.SECOND, keyCommitment: kit.fill(32, 77) }

versions('the next version succeeds', () => {
  assert.not.throws(() => assertSucceeds(held, NEXT))
  assert.not.throws(() => assertSucceeds(held, { ...NEXT, keyEpoch: 1 }))
  assert.not.throws(() => assertSucceeds(held, { ...NEXT, ownerPosition: 5 }))
  const empty = { ...held, manifest: { ...kit.FIRST, contentBytes: 0 } }
  assert.not.throws(() => assertSucceeds(empty, { ...NEXT, contentBytes: 0 }))
  const { keyEpoch, keyCommitment, root } = kit.FIRST
  assert.not.throws(
    () => assertSucceeds(held, { ...NEXT, keyEpoch, keyCommitment, root }),
    'other rules, the same content',
  )
})

versions('what does not follow is refused by its own code', () => {
  const refused: [Partial<Manifest>, string][] = [
    [{ dataId: kit.fill(32, 1) }, 'wrong-file'],
    [{ ownerId: kit.fill(32, 1) }, 'wrong-file'],
    [{ fileVersion: 1 }, 'wrong-version'],
    [{ fileVersion: 3 }, 'wrong-version'],
    [{ previous: kit.fill(32, 1) }, 'broken-history'],
    [{ previous: null }, 'broken-history'],
    [{ ownerPosition: 3 }, 'broken-history'],
    [{ keyEpoch: 0 }, 'broken-history'],
    [{ keyEpoch: 3 }, 'broken-history'],
    [{ keyCommitment: kit.FIRST.keyCommitment }, 'broken-history'],
    [
      { keyCommitment: kit.FIRST.keyCommitment, root: kit.FIRST.root, keyEpoch: kit.FIRST.keyEpoch + 1 },
      'broken-history',
    ],
    [{ keyCommitment: kit.FIRST.keyCommitment, keyEpoch: kit.FIRST.keyEpoch, root: kit.fill(32, 5) }, 'broken-history'],
    [{ contentBytes: 0 }, 'empty-replica'],
  ]
  for (const [change, code] of refused) {
    assert.is(
      codeOf(() => assertSucceeds(held, { ...NEXT, ...change })),
      code,
      JSON.stringify(Object.keys(change)),
    )
  }
})

function readOrNull(payload: Uint8Array): Manifest | null {
  try {
    return readManifest(payload)
  } catch (error) {
    if (error instanceof WebxError) return null
    throw error
  }
}

function bytesOf(name: string): Uint8Array {
  return fromHex(vectors.golden[name] as string)
}

golden.run()
document.run()
versions.run()

/**
 * Tombstones: golden bytes, refusals, and what they may bury.
 *
 * Oracles: a CBOR reader of the tests' own with BLAKE3 and Ed25519 of @noble, and @auth0/cose for the document.
 */

import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Sign1 } from '@auth0/cose'
import { ed25519 } from '@noble/curves/ed25519.js'
import { blake3 } from '@noble/hashes/blake3.js'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, fromText, toHex } from '../../src/core/bytes.ts'
import { manifestDigest, manifestPayload } from '../../src/data/manifest.ts'
import {
  assertBuries,
  readTombstone,
  readTombstoneDocument,
  type Tombstone,
  tombstoneDigest,
  tombstoneMessage,
  tombstonePayload,
  verifyTombstone,
} from '../../src/data/tombstone.ts'
import { readCbor } from '../kit/cddl.ts'
import * as kit from '../kit/manifests.ts'
import { codeOf } from '../kit/refusal.ts'
import { documentOfEnd, END, tombstoneVectors } from '../kit/tombstones.ts'

const golden = suite('tombstone: golden bytes')
const document = suite('tombstone: the document')
const burial = suite('tombstone: what it buries')

type Vectors = ReturnType<typeof tombstoneVectors>
const vectors = JSON.parse(readFileSync(new URL('../vectors/tombstone.json', import.meta.url), 'utf8')) as Vectors
const DOCUMENT = fromHex(vectors.golden.document)
const PAYLOAD = fromHex(vectors.golden.payload)
const keyOf = () => kit.OWNER_KEY

golden('today’s code makes them, byte for byte', () => assert.equal(tombstoneVectors(), vectors))

golden('a second reader sees what was meant', () => {
  const { tag, of } = readCbor(DOCUMENT) as { tag: number; of: [Uint8Array, string, Uint8Array, Uint8Array] }
  const [header, empty, payload, signature] = of
  assert.equal([tag, empty], [18, 'map'])
  const type = fromText('application/webx-tombstone')
  const expected = Buffer.concat([
    Buffer.of(0xa3, 1, 0x27, 3, 0x78, type.length),
    type,
    Buffer.of(4, 0x58, 32),
    kit.OWNER_ID,
  ])
  assert.equal(toHex(header), expected.toString('hex'))
  assert.equal(readCbor(payload), [
    ...[1, kit.DATA_ID, kit.OWNER_ID, kit.SALT, 4, 3],
    ...[blake3(manifestPayload(kit.SECOND), { context: fromText('webx v1 qnt manifest') }), 1_790_000_000_000],
  ])
  const covered = Buffer.concat([
    Buffer.of(0x84, 0x6a),
    fromText('Signature1'),
    Buffer.of(0x58, header.length),
    header,
    Buffer.of(0x40, 0x58, payload.length),
    payload,
  ])
  assert.ok(ed25519.verify(signature, covered, kit.OWNER_KEY))
  assert.equal(tombstoneDigest(PAYLOAD), blake3(PAYLOAD, { context: fromText('webx v1 tombstone') }))
})

golden('what is read is what was written', () => {
  assert.equal(readTombstone(PAYLOAD), END)
  assert.equal(verifyTombstone(DOCUMENT, keyOf), { tombstone: END, digest: tombstoneDigest(PAYLOAD) })
})

for (const { name, code, bytes } of vectors.refused) {
  golden(`refused: ${name}`, () => {
    assert.is(
      codeOf(() => verifyTombstone(fromHex(bytes), keyOf)),
      code,
    )
  })
}

document('@auth0/cose verifies it', async () => {
  const theirs = Sign1.decode(DOCUMENT)
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), kit.OWNER_KEY])
  await theirs.verify(createPublicKey({ key: spki, format: 'der', type: 'spki' }))
  assert.equal(new Uint8Array(theirs.payload), PAYLOAD)
})

document('its owner’s key is asked for by id and position', () => {
  const asked: [string, number][] = []
  verifyTombstone(DOCUMENT, (ownerId, position) => {
    asked.push([toHex(ownerId), position])
    return kit.OWNER_KEY
  })
  assert.equal(asked, [[toHex(kit.OWNER_ID), 4]])
  assert.equal(readTombstoneDocument(DOCUMENT).message, tombstoneMessage(PAYLOAD, kit.OWNER_ID))
  assert.is(
    codeOf(() => verifyTombstone(DOCUMENT, () => null)),
    'unknown-owner',
  )
})

document('no changed byte goes unseen', () => {
  const check = fc.property(fc.nat(DOCUMENT.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
    const changed = DOCUMENT.slice()
    changed[at] = (changed[at] as number) ^ change
    codeOf(() => verifyTombstone(changed, keyOf))
  })
  fc.assert(check, { numRuns: 1_000, seed: 3 })
})

document('what could not be read is not written', () => {
  const wrong: Partial<Tombstone>[] = [{ dataId: kit.fill(32, 1) }, { fileVersion: 1 }, { previous: kit.fill(31, 1) }]
  for (const change of [...wrong, { atMs: -1 }, { ownerPosition: 0.5 }, { salt: kit.fill(15, 3) }]) {
    assert.is(
      codeOf(() => tombstonePayload({ ...END, ...change })),
      'bad-argument',
      JSON.stringify(Object.keys(change)),
    )
  }
})

const held = { manifest: kit.SECOND, digest: manifestDigest(manifestPayload(kit.SECOND)) }

burial('the very next version, or one that this replica missed the way to', () => {
  assert.not.throws(() => assertBuries(held, END))
  assert.not.throws(() => assertBuries(held, { ...END, ownerPosition: 5 }))
  const first = { manifest: kit.FIRST, digest: manifestDigest(manifestPayload(kit.FIRST)) }
  assert.not.throws(() => assertBuries(first, END))
})

burial('what does not end this file is refused by its own code', () => {
  const refused: [Partial<Tombstone>, string][] = [
    [{ dataId: kit.fill(32, 1) }, 'wrong-file'],
    [{ ownerId: kit.fill(32, 1) }, 'wrong-file'],
    [{ fileVersion: 2 }, 'wrong-version'],
    [{ fileVersion: 1 }, 'wrong-version'],
    [{ previous: kit.fill(32, 1) }, 'broken-history'],
    [{ ownerPosition: 3 }, 'broken-history'],
  ]
  for (const [change, code] of refused) {
    assert.is(
      codeOf(() => assertBuries(held, { ...END, ...change })),
      code,
      JSON.stringify(change),
    )
  }
  assert.equal(documentOfEnd(END), DOCUMENT)
})

golden.run()
document.run()
burial.run()

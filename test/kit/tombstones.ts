/**
 * The tombstone of the tests' manifests (`manifests.ts`) with keys of fixed seeds, and what is refused: what its tests and vectors start from.
 *
 * Written to `test/vectors/tombstone.json` by
 *
 *     node test/kit/tombstones.ts > test/vectors/tombstone.json
 *
 * only where the format was changed on purpose; `test/data/tombstone.test.ts` fails until then.
 */

import { toHex } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { manifestDigest, manifestPayload } from '../../src/data/manifest.ts'
import { TOMBSTONE_CONTENT_TYPE, type Tombstone, tombstonePayload } from '../../src/data/tombstone.ts'
import { anyDocument, DATA_ID, fill, OWNER_ID, OWNER_KEY, SALT, SECOND } from './manifests.ts'

/** The end of the file after its second version. */
export const END: Tombstone = {
  dataId: DATA_ID,
  ownerId: OWNER_ID,
  salt: SALT,
  ownerPosition: 4,
  fileVersion: 3,
  previous: manifestDigest(manifestPayload(SECOND)),
  atMs: 1_790_000_000_000,
}

/** The document of a tombstone, signed by the owner. */
export function documentOfEnd(tombstone: Tombstone): Uint8Array {
  return anyDocument(tombstonePayload(tombstone), {
    contentType: TOMBSTONE_CONTENT_TYPE,
    keyId: tombstone.ownerId,
  })
}

/** Documents with one thing wrong each, rightly signed but for the last. */
export function refusedDocuments(): { name: string; code: string; bytes: Uint8Array }[] {
  const payload = tombstonePayload(END)
  const good = decode(payload) as Cbor[]
  const header = { contentType: TOMBSTONE_CONTENT_TYPE, keyId: OWNER_ID }
  const signed = (bytes: Uint8Array, changed: object = {}) => anyDocument(bytes, { ...header, ...changed })
  const fields: [name: string, code: string, at: number, value: Cbor][] = [
    ['version 2 of the format', 'bad-version', 0, 2],
    ['the data id of another', 'wrong-owner', 1, fill(32, 1)],
    ['another owner', 'wrong-owner', 2, fill(32, 1)],
    ['a salt of 15 bytes', 'bad-shape', 3, fill(15, 3)],
    ['the place of version 0', 'bad-shape', 5, 0],
    ['the place of version 1', 'bad-shape', 5, 1],
    ['nothing before it', 'bad-shape', 6, fill(0, 0)],
    ['a digest of 31 bytes', 'bad-shape', 6, fill(31, 1)],
    ['a time that is text', 'bad-shape', 7, 'today'],
  ]
  const refused = fields.map(([name, code, at, value]) => ({ name, code, bytes: signed(encode(good.with(at, value))) }))
  const document = documentOfEnd(END)
  refused.push({ name: 'a field less', code: 'bad-shape', bytes: signed(encode(good.slice(0, -1))) })
  refused.push({ name: 'a field more', code: 'bad-shape', bytes: signed(encode([...good, 0])) })
  refused.push({ name: 'a byte more', code: 'not-canonical', bytes: signed(new Uint8Array([...payload, 0])) })
  refused.push({
    name: 'the type of a manifest',
    code: 'bad-shape',
    bytes: signed(payload, { contentType: 'application/webx-qnt' }),
  })
  refused.push({
    name: 'no key id',
    code: 'bad-shape',
    bytes: anyDocument(payload, { contentType: header.contentType }),
  })
  refused.push({ name: 'in the name of another', code: 'wrong-owner', bytes: signed(payload, { keyId: fill(32, 9) }) })
  refused.push({ name: 'a byte after the end', code: 'bad-shape', bytes: new Uint8Array([...document, 0]) })
  refused.push({ name: 'longer than a tombstone can be', code: 'too-long', bytes: fill(1_025, 0) })
  refused.push({
    name: 'one bit of the time flipped',
    code: 'bad-signature',
    bytes: flipped(document, document.length - 67),
  })
  return refused
}

/** The file's content: everything in hexadecimal. */
export function tombstoneVectors() {
  return {
    about:
      'The tombstone of the file of manifest.json after its version 2. The owner’s Ed25519 seed is 32 times 1. "refused" are documents with one thing wrong each.',
    ownerKey: toHex(OWNER_KEY),
    golden: { payload: toHex(tombstonePayload(END)), document: toHex(documentOfEnd(END)) },
    refused: refusedDocuments().map(({ name, code, bytes }) => ({ name, code, bytes: toHex(bytes) })),
  }
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice()
  changed[at] = (changed[at] as number) ^ 1
  return changed
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(tombstoneVectors(), null, 2)}\n`)

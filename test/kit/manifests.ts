/**
 * An owner, recipients and two versions of a .qnt's manifest with keys of fixed seeds: what the tests of manifests and their vectors start from.
 *
 * Written to `test/vectors/manifest.json` by
 *
 *     node test/kit/manifests.ts > test/vectors/manifest.json
 *
 * only where the format was changed on purpose; `test/data/manifest.test.ts` fails until then.
 */

import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { x25519 } from '@noble/curves/ed25519.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { encodeSign1, type Sign1Header, sign1Message } from '../../src/core/cose.ts'
import type { AgreementHalf } from '../../src/core/hpke.ts'
import { expandXWingSeed } from '../../src/core/xwing.ts'
import { runnableDigest } from '../../src/data/dsr-run.ts'
import {
  dataIdOf,
  type Manifest,
  manifestDigest,
  manifestDocument,
  manifestMessage,
  manifestPayload,
} from '../../src/data/manifest.ts'
import { blindFields } from '../../src/data/metadata.ts'
import { type Chance, type Holder, publicKeyOf, wrapKeyToAll } from '../../src/data/recipients.ts'

import './wasm.ts'

const KEY = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 1)]),
  format: 'der',
  type: 'pkcs8',
})

/** So many bytes of one value. */
export function fill(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value)
}

export const OWNER_KEY = new Uint8Array(createPublicKey(KEY).export({ format: 'der', type: 'spki' }).subarray(-32))
export const OWNER_ID = fill(32, 2)
export const SALT = fill(16, 3)
export const DATA_ID = dataIdOf(OWNER_ID, SALT)
export const CONTENT_KEY = fill(32, 5)
export const NEW_CONTENT_KEY = fill(32, 6)
export const MODULE = fromText('\0asm, as far as a manifest is concerned')
export const ANNA: Holder = { suite: 'x25519', half: curveHalf(fill(32, 21)) }
export const BERTA: Holder = xwingHolder(fill(32, 22))
export const CLARA: Holder = { suite: 'x25519', half: curveHalf(fill(32, 23)) }

/** Chance that is the same for the same name. */
export function chance(name: string): Chance {
  let drawn = 0
  const random = (length: number) => blake3(fromText(`${name} ${drawn++}`), { dkLen: length })
  return { random, ephemeral: () => curveHalf(random(32)) }
}

export function curveHalf(secret: Uint8Array): AgreementHalf {
  return { publicKey: x25519.getPublicKey(secret), agree: (peer) => x25519.getSharedSecret(secret, peer) }
}

export function xwingHolder(seed: Uint8Array): Holder {
  const { latticeSeed, curveSecret } = expandXWingSeed(seed)
  const { publicKey, secretKey } = ml_kem768.keygen(latticeSeed)
  const lattice = { publicKey, decapsulate: (ciphertext: Uint8Array) => ml_kem768.decapsulate(ciphertext, secretKey) }
  return { suite: 'x-wing', half: { lattice, curve: curveHalf(curveSecret) } }
}

export const BLINDED = blindFields(
  [
    { name: 'title', value: 'Blood pressure, 2026' },
    { name: 'rows', value: 17_280 },
    { name: 'calibrated', value: true },
  ],
  2,
  chance('fields').random,
)

/** Version 1: to Anna by X25519 and Berta by X-Wing, with a decoy, rules and a runnable. */
export const FIRST: Manifest = {
  dataId: DATA_ID,
  ownerId: OWNER_ID,
  salt: SALT,
  ownerPosition: 4,
  fileVersion: 1,
  previous: null,
  contentBytes: 100_000,
  chunkLog2: 16,
  suite: 'chacha20-poly1305-blake3',
  root: fill(32, 7),
  keyEpoch: 1,
  keyCommitment: fill(32, 8),
  tier: 'protected',
  recipients: wrapKeyToAll(
    CONTENT_KEY,
    [publicKeyOf(ANNA), publicKeyOf(BERTA)],
    ['x25519'],
    { dataId: DATA_ID, keyEpoch: 1 },
    chance('first'),
  ),
  fieldDigests: BLINDED.digests,
  policy: {
    purposes: ['care', 'research'],
    retainUntilMs: 1_800_000_000_000,
    jurisdictions: ['CH', 'EU'],
    legalBasis: 'consent',
  },
  runnables: [
    {
      hook: 'access',
      moduleDigest: runnableDigest(MODULE),
      fuel: 100_000,
      pages: 1,
      params: fill(3, 9),
      module: MODULE,
    },
    { hook: 'aggregate', moduleDigest: fill(32, 10), fuel: 1, pages: 16, params: fill(0, 0), module: null },
  ],
  parents: [fill(32, 11), fill(32, 12)],
}

/** Version 2: Anna's key was revoked, so a new key goes to Berta alone; nothing but what must be is in it. */
export const SECOND: Manifest = {
  ...FIRST,
  fileVersion: 2,
  previous: manifestDigest(manifestPayload(FIRST)),
  keyEpoch: 2,
  tier: 'private',
  recipients: wrapKeyToAll(
    NEW_CONTENT_KEY,
    [publicKeyOf(BERTA)],
    [],
    { dataId: DATA_ID, keyEpoch: 2 },
    chance('second'),
  ),
  fieldDigests: [],
  policy: { purposes: [], retainUntilMs: 0, jurisdictions: [], legalBasis: 'none' },
  runnables: [],
  parents: [],
}

/** The document of a manifest, signed by the owner. */
export function documentOf(manifest: Manifest): Uint8Array {
  const payload = manifestPayload(manifest)
  return manifestDocument(payload, manifest.ownerId, signed(manifestMessage(payload, manifest.ownerId)))
}

/** A document with any payload and header, rightly signed. */
export function anyDocument(payload: Uint8Array, header: Sign1Header): Uint8Array {
  return encodeSign1(payload, signed(sign1Message(payload, header)), header)
}

function signed(message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, KEY))
}

/** Payloads with one thing wrong each. */
export function refusedPayloads(): { name: string; code: string; bytes: Uint8Array }[] {
  const small = { ...FIRST, recipients: FIRST.recipients.filter((recipient) => recipient.suite === 'x25519') }
  const payload = manifestPayload(small)
  const good = decode(payload, payload.length) as Cbor[]
  const list = (at: number) => good[at] as Cbor[]
  const cases: [name: string, code: string, at: number, value: Cbor][] = [
    ['version 2 of the format', 'bad-version', 0, 2],
    ['the data id of another', 'wrong-owner', 1, fill(32, 1)],
    ['another owner', 'wrong-owner', 2, fill(32, 1)],
    ['a salt of 15 bytes', 'bad-shape', 3, fill(15, 3)],
    ['version 0', 'bad-shape', 5, 0],
    ['version 2 after nothing', 'bad-shape', 5, 2],
    ['version 1 after something', 'bad-shape', 6, fill(32, 1)],
    ['half a digest', 'bad-shape', 6, fill(16, 1)],
    ['content beyond the bound', 'bad-shape', 7, 2 ** 50],
    ['chunks of 512 bytes', 'bad-shape', 8, 9],
    ['chunks of 128 KiB', 'bad-shape', 8, 17],
    ['an unknown way of sealing', 'bad-version', 9, 2],
    ['no way of sealing', 'bad-version', 9, 0],
    ['a root of 31 bytes', 'bad-shape', 10, fill(31, 7)],
    ['a tier beyond public', 'bad-shape', 13, 3],
    ['recipients in another order', 'bad-shape', 14, [...list(14)].reverse()],
    ['a recipient twice', 'bad-shape', 14, [list(14)[0] as Cbor, list(14)[0] as Cbor]],
    ['a recipient of suite 0', 'bad-shape', 14, [[0, fill(8, 1), fill(32, 1), fill(48, 1)]]],
    ['a recipient of suite 3', 'bad-shape', 14, [[3, fill(8, 1), fill(32, 1), fill(48, 1)]]],
    ['X-Wing with the enc of X25519', 'bad-shape', 14, [[2, fill(8, 1), fill(32, 1), fill(48, 1)]]],
    ['a ciphertext of 47 bytes', 'bad-shape', 14, [[1, fill(8, 1), fill(32, 1), fill(47, 1)]]],
    ['a recipient with a fifth field', 'bad-shape', 14, [[1, fill(8, 1), fill(32, 1), fill(48, 1), 0]]],
    ['field digests in another order', 'bad-shape', 15, [...list(15)].reverse()],
    ['a field digest of 31 bytes', 'bad-shape', 15, [fill(31, 1)]],
    ['65 field digests', 'bad-shape', 15, Array.from({ length: 65 }, (_, i) => fill(32, i))],
    ['purposes in another order', 'bad-shape', 16, [['research', 'care'], 0, [], 0]],
    ['a purpose twice', 'bad-shape', 16, [['care', 'care'], 0, [], 0]],
    ['an empty purpose', 'bad-shape', 16, [[''], 0, [], 0]],
    ['a purpose with a space', 'bad-shape', 16, [['any thing'], 0, [], 0]],
    ['a purpose that is a number', 'bad-shape', 16, [[1], 0, [], 0]],
    ['a jurisdiction in small letters', 'bad-shape', 16, [[], 0, ['de'], 0]],
    ['a seventh legal basis', 'bad-shape', 16, [[], 0, [], 7]],
    ['a policy with a fifth field', 'bad-shape', 16, [[], 0, [], 0, 0]],
    ['runnables in another order', 'bad-shape', 17, [...list(17)].reverse()],
    ['two runnables for one hook', 'bad-shape', 17, [list(17)[1] as Cbor, list(17)[1] as Cbor]],
    ['hook 4', 'bad-shape', 17, [[4, fill(32, 1), 1, 1, fill(0, 0), fill(0, 0)]]],
    ['no fuel', 'bad-shape', 17, [[0, fill(32, 1), 0, 1, fill(0, 0), fill(0, 0)]]],
    ['no memory', 'bad-shape', 17, [[0, fill(32, 1), 1, 0, fill(0, 0), fill(0, 0)]]],
    ['17 pages', 'bad-shape', 17, [[0, fill(32, 1), 1, 17, fill(0, 0), fill(0, 0)]]],
    ['another module than the one named', 'tampered', 17, [[0, fill(32, 1), 1, 1, fill(0, 0), fill(9, 1)]]],
    ['a parent twice', 'bad-shape', 18, [fill(32, 1), fill(32, 1)]],
  ]
  const refused = cases.map(([name, code, at, value]) => ({ name, code, bytes: encode(good.with(at, value)) }))
  refused.push({ name: 'a field less', code: 'bad-shape', bytes: encode(good.slice(0, -1)) })
  refused.push({ name: 'a field more', code: 'bad-shape', bytes: encode([...good, 0]) })
  refused.push({ name: 'a byte more', code: 'not-canonical', bytes: new Uint8Array([...payload, 0]) })
  refused.push({ name: 'a byte less', code: 'not-canonical', bytes: payload.slice(0, -1) })
  return refused
}

/** The file's content: everything in hexadecimal. */
export function manifestVectors() {
  const golden = {
    firstPayload: manifestPayload(FIRST),
    firstDocument: documentOf(FIRST),
    secondPayload: manifestPayload(SECOND),
    secondDocument: documentOf(SECOND),
    disclosedTitle: BLINDED.disclosures[0] as Uint8Array,
    disclosedRows: BLINDED.disclosures[1] as Uint8Array,
  }
  return {
    about:
      'Manifests of webx, version 1. The owner’s Ed25519 seed is 32 times 1, Anna’s X25519 key 32 times 21, Berta’s X-Wing seed 32 times 22. The content key of version 1 is 32 times 5, of version 2 32 times 6. "refused" are payloads with one thing wrong each.',
    ownerKey: toHex(OWNER_KEY),
    golden: Object.fromEntries(Object.entries(golden).map(([name, bytes]) => [name, toHex(bytes)])),
    refused: refusedPayloads().map(({ name, code, bytes }) => ({ name, code, bytes: toHex(bytes) })),
  }
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(manifestVectors(), null, 2)}\n`)

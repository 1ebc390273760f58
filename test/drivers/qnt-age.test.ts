/**
 * .qnt to age and back: files that age-encryption made open, an independent reader opens ours about every edge of a chunk, and nothing that was changed passes.
 *
 * Beyond this, all vectors of C2SP’s CCTV without armor and passphrases come out as they should; they are not kept here.
 */

import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBech32, toBech32 } from '../../src/core/bech32.ts'
import { equal, fromHex, toHex } from '../../src/core/bytes.ts'
import { dataIdOf } from '../../src/data/manifest.ts'
import { FREE_POLICY } from '../../src/data/policy.ts'
import { type Holder, publicKeyOf, wrapKeyToAll } from '../../src/data/recipients.ts'
import { keyCommitment } from '../../src/data/stream.ts'
import { exportAge, withAge } from '../../src/drivers/qnt-age.ts'
import {
  ageHeader,
  fileKeyOf,
  hkdf,
  readAgeHeader,
  readAgeIdentity,
  readAgeRecipient,
} from '../../src/drivers/qnt-age-header.ts'
import { sealQnt } from '../../src/drivers/qnt-file.ts'
import { curveHalfOf, HOST_CHANCE, xwingHalfOf } from '../../src/drivers/qnt-holder.ts'
import { manifestMaker } from '../../src/drivers/qnt-manifest.ts'
import '../../src/drivers/wasm-files.ts'
import { oracleOpenAge } from '../kit/age-oracle.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOf, codeOfAsync } from '../kit/refusal.ts'
import { withTemp } from '../kit/temp.ts'

const test = suite('drivers/qnt-age')

interface Vectors {
  readonly files: readonly { name: string; identity: string; recipient: string; content: string; file: string }[]
  readonly passphrase: string
}
const vectors = JSON.parse(readFileSync(new URL('../vectors/age.json', import.meta.url), 'utf8')) as Vectors
const SECRET = pattern(33).subarray(1)
const READER: Holder = { suite: 'x25519', half: curveHalfOf(SECRET) }

test('files of age-encryption open, by X25519 and by X-Wing, and their keys are the ones we make', async () => {
  await withTemp(async (folder) => {
    for (const { name, identity, recipient, content, file } of vectors.files) {
      const path = join(folder, 'x.age')
      writeFileSync(path, fromHex(file))
      const holder = readAgeIdentity(identity)
      assert.is(toHex(await contentOf(path, [holder])), content, name)
      assert.is(toHex(publicKeyOf(holder).publicKey), toHex(readAgeRecipient(recipient).publicKey), name)
      assert.is(await codeOfAsync(() => contentOf(path, [READER])), 'not-allowed', name)
    }
    writeFileSync(join(folder, 'p.age'), fromHex(vectors.passphrase))
    assert.is(await codeOfAsync(() => contentOf(join(folder, 'p.age'), [READER])), 'not-allowed')
  })
})

test('what is exported opens to the same, about every edge, by us and by another reader', async () => {
  await withTemp(async (folder) => {
    for (const length of [0, 1, 65_520, 65_535, 65_536, 65_537, 524_288, 524_289]) {
      const { path, unlock } = await sealed(folder, length)
      const target = join(folder, `${length}.age`)
      assert.is(await exportAge(path, target, unlock, [publicKeyOf(READER)]), length)
      const file = new Uint8Array(readFileSync(target))
      assert.ok(equal(oracleOpenAge(file, SECRET), pattern(length)), `${length}`)
      assert.ok(equal(await contentOf(target, [READER]), pattern(length)), `${length}`)
    }
  })
})

test('a .qnt that was damaged leaves no age file', async () => {
  await withTemp(async (folder) => {
    const { path, unlock } = await sealed(folder, 200_000)
    const bytes = readFileSync(path)
    bytes[bytes.length - 3]! ^= 1
    writeFileSync(path, bytes)
    assert.is(await codeOfAsync(() => exportAge(path, join(folder, 'x'), unlock, [publicKeyOf(READER)])), 'tampered')
    assert.not(existsSync(join(folder, 'x')))
  })
})

test('chunks that were cut off, swapped, added or changed are refused', async () => {
  await withTemp(async (folder) => {
    const { path, unlock } = await sealed(folder, 3 * 65_536)
    const target = join(folder, 'whole.age')
    await exportAge(path, target, unlock, [publicKeyOf(READER)])
    const file = readFileSync(target)
    const at = readAgeHeader(file).bytes + 16
    const chunk = (i: number): Buffer => file.subarray(at + i * 65_552, at + (i + 1) * 65_552)
    const head = file.subarray(0, at)
    const flip = (place: number): Buffer => {
      const copy = Buffer.from(file)
      copy[place]! ^= 1
      return copy
    }
    const changed: Record<string, Buffer> = {
      'no payload': head.subarray(0, at - 16),
      'half a nonce': head.subarray(0, at - 8),
      'no chunk': head,
      'half a tag': file.subarray(0, at + 8),
      'without the last chunk': file.subarray(0, at + 2 * 65_552),
      'a byte less': file.subarray(0, -1),
      'a byte more': Buffer.concat([file, Buffer.alloc(1)]),
      'an empty chunk more': Buffer.concat([file, Buffer.alloc(16)]),
      'two chunks swapped': Buffer.concat([head, chunk(1), chunk(0), chunk(2)]),
      'a chunk twice': Buffer.concat([head, chunk(0), chunk(0), chunk(2)]),
      'another nonce': flip(at - 1),
      'a bit of a chunk': flip(at + 70_000),
      'a bit of the MAC': Buffer.concat([file.subarray(0, at - 19), Buffer.from('AAA'), file.subarray(at - 16)]),
    }
    for (const [name, bytes] of Object.entries(changed)) {
      writeFileSync(join(folder, 'changed.age'), bytes)
      const code = await codeOfAsync(() => contentOf(join(folder, 'changed.age'), [READER]))
      const expected = name === 'a bit of the MAC' ? ['tampered', 'bad-shape'] : ['tampered']
      assert.ok(expected.includes(code), `${name}: ${code}`)
    }
  })
})

test('an empty chunk at the end is refused, though its key made it, unless it is the only one', async () => {
  await withTemp(async (folder) => {
    const fileKey = randomBytes(16)
    const head = Buffer.concat([ageHeader(fileKey, [publicKeyOf(READER)]), Buffer.alloc(16)])
    const key = hkdf(fileKey, new Uint8Array(16), 'payload')
    const chunk = (number: number, isLast: boolean, bytes: number): Uint8Array => {
      const nonce = Uint8Array.from({ length: 12 }, (_, i) => (i === 10 ? number : i === 11 && isLast ? 1 : 0))
      return chacha20poly1305(key, nonce).encrypt(new Uint8Array(bytes))
    }
    for (const [chunks, said] of [
      [[chunk(0, true, 0)], 0],
      [[chunk(0, true, 65_536)], 65_536],
      [[chunk(0, false, 65_536), chunk(1, true, 1)], 65_537],
      [[chunk(0, false, 65_536), chunk(1, true, 0)], 'tampered'],
      [[chunk(0, false, 65_536)], 'tampered'],
    ] as const) {
      const path = join(folder, 'x.age')
      writeFileSync(path, Buffer.concat([head, ...chunks]))
      if (said === 'tampered') assert.is(await codeOfAsync(() => contentOf(path, [READER])), said)
      else assert.is((await contentOf(path, [READER])).length, said)
    }
  })
})

test('under another key than the manifest is committed to nothing is exported', async () => {
  await withTemp(async (folder) => {
    const { path, unlock } = await sealed(folder, 1_000)
    const other = async () => ({ ...(await unlock()), commitment: new Uint8Array(32) })
    assert.is(await codeOfAsync(() => exportAge(path, join(folder, 'x'), other, [publicKeyOf(READER)])), 'bad-key')
    assert.not(existsSync(join(folder, 'x')))
  })
})

test('heads that are not as the specification writes them are refused', () => {
  const fileKey = randomBytes(16)
  const good = Buffer.from(ageHeader(fileKey, [publicKeyOf(READER)])).toString('latin1')
  const [version, stanza = '', body = '', end = ''] = good.split('\n')
  const read = (...lines: readonly string[]) => {
    const header = readAgeHeader(Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1'))
    return toHex(fileKeyOf(header, [READER]))
  }
  assert.is(read(version as string, stanza, body, end), fileKey.toString('hex'))
  const other = Buffer.from(ageHeader(randomBytes(16), [publicKeyOf(READER)]))
    .toString('latin1')
    .split('\n')
  const cases: [name: string, code: string, lines: readonly string[]][] = [
    ['another version', 'bad-version', ['age-encryption.org/v2', stanza, body, end]],
    ['another file', 'bad-shape', ['age-decryption.org/v1', stanza, body, end]],
    ['armor', 'bad-shape', ['-----BEGIN AGE ENCRYPTED FILE-----', 'YQ==']],
    ['no recipient', 'bad-shape', [version as string, end]],
    ['no end', 'bad-shape', [version as string, stanza, body]],
    ['a space too many', 'bad-shape', [version as string, stanza.replace(' X', '  X'), body, end]],
    ['a carriage return', 'bad-shape', [version as string, `${stanza}\r`, body, end]],
    ['padding', 'bad-shape', [version as string, stanza, `${body}=`, end]],
    ['a body on two lines', 'bad-shape', [version as string, stanza, body.slice(0, 20), body.slice(20), end]],
    ['base64 that is not in its one form', 'bad-shape', [version as string, stanza, twisted(body), end]],
    ['a share in another form', 'bad-shape', [version as string, twisted(stanza), body, end]],
    ['a share too short', 'bad-shape', [version as string, stanza.slice(0, -3), body, end]],
    ['a third word', 'bad-shape', [version as string, `${stanza} x`, body, end]],
    ['a wrapped key too long', 'bad-shape', [version as string, stanza, `${body.slice(0, 42)}AAAA`, end]],
    ['a share of small order', 'bad-key', [version as string, `-> X25519 ${'A'.repeat(43)}`, body, end]],
    ['no recipient that we are', 'not-allowed', [version as string, stanza.replace('X25519', 'x25519'), body, end]],
    ['a MAC in another form', 'bad-shape', [version as string, stanza, body, twisted(end)]],
    ['the MAC of another', 'tampered', [version as string, stanza, body, other[3] as string]],
    ['a recipient more', 'tampered', [version as string, stanza, body, '-> other', '', end]],
    ['a passphrase', 'not-allowed', [version as string, `-> scrypt ${'A'.repeat(22)} 18`, body, end]],
  ]
  for (const [name, code, lines] of cases)
    assert.is(
      codeOf(() => read(...lines)),
      code,
      name,
    )
  assert.is(
    codeOf(() => readAgeHeader(new Uint8Array(600_000).fill(0x41))),
    'bad-shape',
  )
})

test('recipients: at least one, of one kind, and texts that are theirs', () => {
  const xwing = publicKeyOf({ suite: 'x-wing', half: xwingHalfOf(SECRET) })
  assert.is(
    codeOf(() => ageHeader(randomBytes(16), [])),
    'limit',
  )
  assert.is(
    codeOf(() => ageHeader(randomBytes(16), [publicKeyOf(READER), xwing])),
    'bad-argument',
  )
  assert.is(readAgeRecipient(toBech32('age1pq', xwing.publicKey)).suite, 'x-wing')
  for (const text of [toBech32('age', SECRET.subarray(1)), toBech32('age1pq', SECRET), toBech32('bc', SECRET)]) {
    assert.is(
      codeOf(() => readAgeRecipient(text)),
      'bad-argument',
    )
    assert.is(
      codeOf(() => readAgeIdentity(text)),
      'bad-argument',
    )
  }
  const { identity, recipient } = vectors.files[0] as Vectors['files'][number]
  assert.is(
    codeOf(() => readAgeIdentity(recipient)),
    'bad-argument',
  )
  assert.is(
    codeOf(() => readAgeRecipient(identity)),
    'bad-argument',
  )
  assert.is(fromBech32(identity).bytes.length, 32)
})

/** The same bytes in base64 whose last character says more than it may. */
function twisted(text: string): string {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  return text.slice(0, -1) + (ALPHABET[ALPHABET.indexOf(text.at(-1) as string) ^ 1] as string)
}

async function contentOf(path: string, holders: readonly Holder[]): Promise<Uint8Array> {
  return withAge(path, holders, async ({ blocks, contentBytes }) => {
    const parts: Uint8Array[] = []
    for await (const block of blocks) parts.push(block.slice())
    const content = Buffer.concat(parts)
    assert.is(content.length, contentBytes)
    return new Uint8Array(content)
  })
}

/** A .qnt of a pattern, and what opens it. */
async function sealed(folder: string, length: number) {
  const [plain, path] = [join(folder, 'plain'), join(folder, `${length}.qnt`)]
  writeFileSync(plain, pattern(length))
  const [ownerId, salt] = [pattern(32), pattern(16)]
  const dataId = dataIdOf(ownerId, salt)
  const keys = () => ({ contentKey: SECRET.slice(), dataId, keyEpoch: 1 })
  const commitment = keyCommitment(SECRET, dataId)
  const maker = manifestMaker(
    {
      ...{ dataId, ownerId, salt, ownerPosition: 0, fileVersion: 1, previous: null, keyEpoch: 1 },
      ...{ suite: 'chacha20-poly1305-blake3', keyCommitment: commitment, tier: 'private' },
      recipients: wrapKeyToAll(SECRET, [publicKeyOf(READER)], [], keys(), HOST_CHANCE),
      ...{ fieldDigests: [], policy: FREE_POLICY, runnables: [], parents: [] },
    },
    async () => new Uint8Array(64),
  )
  const { contentBytes, chunkLog2, root } = await sealQnt(plain, path, keys(), maker)
  const unlock = async () => ({ keys: keys(), commitment, contentBytes, chunkLog2, root })
  return { path, unlock }
}

test.run()

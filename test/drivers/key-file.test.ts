import '../kit/wasm.ts'
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { ed25519 } from '@noble/curves/ed25519.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, fromText, toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { createKeyFile, describeKeyFile, keyOfKeyFile, openKeyFile, rootOfKeyFile } from '../../src/drivers/key-file.ts'
import { createDailyKeyFile } from '../../src/drivers/key-file-change.ts'
import { rotateKeyFile } from '../../src/drivers/key-file-events.ts'
import { keyDigest, readInception } from '../../src/identity/keylog.ts'
import { rootDerived as derived, inceptionByHand, seedByHand } from '../kit/roots.ts'
import { withTemp } from '../kit/temp.ts'

const test = suite('drivers/key-file')
const vectors = JSON.parse(readFileSync(new URL('../vectors/recovery.json', import.meta.url), 'utf8'))

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'nothing was thrown',
    (error: { code?: string }) => error.code ?? String(error),
  )
}

test('a new identity is durable, private, and the same after it is opened again', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'deep', 'node.key')
    const made = await createKeyFile(path, 'device')
    assert.is(statSync(path).mode & 0o777, 0o600)
    assert.is(statSync(join(directory, 'deep')).mode & 0o777, 0o700)
    assert.equal(readdirSync(join(directory, 'deep')), ['node.key'])
    const opened = await openKeyFile(path)
    const state = readInception(opened.inception)
    assert.is(state.kind, 'device')
    assert.equal(opened.id, state.id)
    assert.equal(opened.publicKey, state.keys[0])
    assert.equal(made.id, opened.id)
    const shown = await describeKeyFile(path)
    assert.is(shown.label, state.label)
    assert.equal(shown.inception, opened.inception)
    assert.equal(shown.publicKey, opened.publicKey)
  }))

test('signatures hold under an independent implementation', () =>
  withTemp(async (directory) => {
    const keys = await createKeyFile(join(directory, 'k'), 'human')
    const message = fromText('a message')
    assert.ok(ed25519.verify(await keys.sign(message), message, keys.publicKey))
    const signer = await keys.epochSigner(3)
    assert.ok(ed25519.verify(await signer.sign(message), message, signer.publicKey))
    assert.not(ed25519.verify(await signer.sign(message), message, keys.publicKey))
  }))

test('epoch keys and secrets come again for the same question, and differ for every other', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const first = await createKeyFile(path, 'device')
    const again = await openKeyFile(path)
    const other = await createKeyFile(join(directory, 'other'), 'device')
    const epochKey = async (keys: typeof first, epoch: number): Promise<string> =>
      toHex((await keys.epochSigner(epoch)).publicKey)
    assert.is(await epochKey(first, 0), await epochKey(again, 0))
    const all = [
      await epochKey(first, 0),
      await epochKey(first, 1),
      await epochKey(first, 2 ** 40),
      await epochKey(other, 0),
      toHex(await first.deriveSecret('templates')),
      toHex(await first.deriveSecret('template')),
      toHex(await other.deriveSecret('templates')),
    ]
    assert.is(new Set(all).size, all.length)
    assert.equal(await first.deriveSecret('templates'), await again.deriveSecret('templates'))
    assert.is(await codeOf(first.epochSigner(-1)), 'bad-argument')
  }))

test('a file of the first day is read for ever, and gives the same keys', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const { keyFile: vector } = JSON.parse(readFileSync(new URL('../vectors/drivers.json', import.meta.url), 'utf8'))
    writeFileSync(path, Buffer.from(vector.file, 'base64url'), { mode: 0o600 })
    const keys = await openKeyFile(path)
    assert.is(toHex(keys.id), vector.id)
    assert.is(toHex(keys.publicKey), vector.publicKey)
    assert.is(toHex(await keys.sign(fromText('hello'))), vector.signatureOfHello)
    assert.is(toHex((await keys.epochSigner(3)).publicKey), vector.epoch3PublicKey)
    assert.is(toHex(await keys.deriveSecret('templates')), vector.secretOfTemplates)
  }))

test('no secret is shown, and none lies in the file under another name', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const keys = await createKeyFile(path, 'agent')
    const shown = JSON.stringify(await describeKeyFile(path), (_, value) =>
      value instanceof Uint8Array ? toHex(value) : value,
    )
    const root = await rootOfKeyFile(path)
    assert.ok(toHex(readFileSync(path)).includes(toHex(root)))
    assert.not(shown.includes(toHex(root)))
    const seed = seedByHand(root, 0)
    assert.equal(ed25519.getPublicKey(seed), keys.publicKey)
    assert.not(shown.includes(toHex(seed)))
    assert.not(inspect(keys, { depth: 9, showHidden: true }).includes('root'))
  }))

test('an existing file is never overwritten', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    writeFileSync(path, 'dear to somebody')
    assert.is(await codeOf(createKeyFile(path, 'device')), 'key-file-exists')
    assert.is(readFileSync(path, 'utf8'), 'dear to somebody')
    assert.equal(readdirSync(directory), ['k'])
  }))

test('a file that others can read or change is refused', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    await createKeyFile(path, 'device')
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o644]) {
      chmodSync(path, mode)
      const error = await openKeyFile(path).catch((thrown) => thrown)
      assert.is(error.code, 'key-file-open-to-others')
      assert.match(error.hint, 'chmod 600')
      assert.is(await codeOf(describeKeyFile(path)), 'key-file-open-to-others')
    }
    for (const mode of [0o600, 0o400]) {
      chmodSync(path, mode)
      await openKeyFile(path)
    }
  }))

test('a missing, foreign, truncated or damaged file is told apart from a good one at every byte', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    assert.is(await codeOf(openKeyFile(path)), 'key-file-missing')
    await createKeyFile(path, 'device')
    const good = readFileSync(path)
    const hurt = join(directory, 'hurt')
    const attempt = async (bytes: Uint8Array): Promise<string> => {
      writeFileSync(hurt, bytes, { mode: 0o600 })
      return codeOf(openKeyFile(hurt))
    }
    assert.is(await attempt(good), 'nothing was thrown')
    for (let at = 0; at < good.length; at++) {
      const flipped = Buffer.from(good)
      flipped[at] = (flipped[at] as number) ^ 0x10
      assert.is(await attempt(flipped), 'key-file-broken', `byte ${at}`)
    }
    for (const length of [0, 1, 31, 32, good.length - 1]) {
      assert.is(await attempt(good.subarray(0, length)), 'key-file-broken')
    }
    assert.is(await attempt(Buffer.alloc(100_000)), 'key-file-broken')
    assert.is(await attempt(fromText('{"seed":"…"}')), 'key-file-broken')
    assert.is(await codeOf(openKeyFile(directory)), 'key-file-broken')
  }))

test('a file with a root of the first day gives the same keys for ever, and they are what the document says', () =>
  withTemp(async (directory) => {
    const { root, keyFile } = vectors
    const path = join(directory, 'k')
    writeFileSync(path, Buffer.from(keyFile.file, 'base64url'), { mode: 0o600 })
    const keys = await openKeyFile(path)
    const secret = fromHex(root.root)
    assert.equal(await rootOfKeyFile(path), secret)
    assert.is(toHex(keys.id), root.id)
    assert.is(toHex(keys.inception), root.inception)
    assert.is(toHex(await keys.sign(fromText('hello'))), root.signatureOfHello)
    assert.is(toHex((await keys.epochSigner(3)).publicKey), root.epoch3PublicKey)
    assert.is(toHex(await keys.deriveSecret('templates')), root.secretOfTemplates)
    for (const [rotation, publicKey] of Object.entries(root.signingKeys)) {
      const signer = await keyOfKeyFile(path, Number(rotation))
      assert.is(toHex(signer.publicKey), publicKey)
      assert.is(toHex(ed25519.getPublicKey(seedByHand(secret, Number(rotation)))), publicKey)
      assert.ok(ed25519.verify(await signer.sign(secret), secret, signer.publicKey))
    }
    const epochSecret = derived('epoch secret of a root', secret)
    const epochKey = ed25519.getPublicKey(derived('epoch key', concat(epochSecret, encode(3))))
    assert.is(toHex(epochKey), root.epoch3PublicKey)
    const restSecret = derived('rest secret of a root', secret)
    const restOf = derived('secret of a device', concat(restSecret, fromText('templates')))
    assert.is(toHex(restOf), root.secretOfTemplates)
    const salt = toHex(derived('inception salt of a root', secret).slice(0, 16))
    assert.ok(root.inception.includes(salt))
  }))

test('the inception commits to the key after it, and a rotation goes on from there', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const before = await createKeyFile(path, 'organization')
    assert.equal(keyDigest((await keyOfKeyFile(path, 1)).publicKey), readInception(before.inception).nextKeyDigests[0])
    assert.equal((await keyOfKeyFile(path, 0)).publicKey, before.publicKey)
    const next = await keyOfKeyFile(path, 1)
    const after = await rotateKeyFile(path)
    assert.equal([after.rotation, after.position], [1, 1])
    assert.equal(after.publicKey, next.publicKey)
    assert.equal(after.id, before.id)
    assert.equal(after.inception, before.inception)
    assert.equal((await after.epochSigner(2)).publicKey, (await before.epochSigner(2)).publicKey)
    assert.equal((await openKeyFile(path)).publicKey, next.publicKey)
    const shown = await describeKeyFile(path)
    assert.equal([shown.position, toHex(shown.publicKey)], [1, toHex(next.publicKey)])
    assert.equal((await rotateKeyFile(path)).publicKey, (await keyOfKeyFile(path, 2)).publicKey)
    for (const number of [-1, 0.5, 2 ** 32]) assert.is(await codeOf(keyOfKeyFile(path, number)), 'bad-argument')
    assert.equal(readdirSync(directory).sort(), ['k', 'k.log'])
  }))

test('a file of the first version knows its two keys and has no root', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const { keyFile: vector } = JSON.parse(readFileSync(new URL('../vectors/drivers.json', import.meta.url), 'utf8'))
    writeFileSync(path, Buffer.from(vector.file, 'base64url'), { mode: 0o600 })
    const keys = await openKeyFile(path)
    assert.equal((await keyOfKeyFile(path, 0)).publicKey, keys.publicKey)
    assert.equal(keyDigest((await keyOfKeyFile(path, 1)).publicKey), readInception(keys.inception).nextKeyDigests[0])
    assert.is(await codeOf(keyOfKeyFile(path, 2)), 'no-root')
    assert.is(await codeOf(rootOfKeyFile(path)), 'no-root')
    assert.is(await codeOf(rotateKeyFile(path)), 'no-root')
    assert.is(readFileSync(path).toString('base64url'), vector.file)
  }))

test('a daily file signs as the whole one does and knows nothing of what comes next', () =>
  withTemp(async (directory) => {
    const home = join(directory, 'home')
    const path = join(directory, 'daily')
    await createKeyFile(home, 'human')
    const whole = await rotateKeyFile(home)
    const daily = await createDailyKeyFile(home, path)
    assert.equal([daily.id, daily.publicKey, daily.inception], [whole.id, whole.publicKey, whole.inception])
    assert.equal([daily.rotation, daily.position, daily.log.length], [1, 1, 2])
    assert.equal((await daily.epochSigner(5)).publicKey, (await whole.epochSigner(5)).publicKey)
    assert.equal(await daily.deriveSecret('x'), await whole.deriveSecret('x'))
    assert.equal((await keyOfKeyFile(path, 1)).publicKey, whole.publicKey)
    const root = await rootOfKeyFile(home)
    const stolen = toHex(readFileSync(path))
    assert.ok(stolen.includes(toHex(seedByHand(root, 1))))
    for (const secret of [root, seedByHand(root, 0), seedByHand(root, 2)]) assert.not(stolen.includes(toHex(secret)))
    for (const rotation of [0, 2, 3]) assert.is(await codeOf(keyOfKeyFile(path, rotation)), 'no-root')
    assert.is(await codeOf(rootOfKeyFile(path)), 'no-root')
    assert.is(await codeOf(rotateKeyFile(path)), 'no-root')
    assert.is(await codeOf(createDailyKeyFile(path, join(directory, 'third'))), 'no-root')
    assert.is(await codeOf(createDailyKeyFile(home, path)), 'key-file-exists')
    assert.equal(readdirSync(directory).sort(), ['daily', 'daily.log', 'home', 'home.log'])
    for (const name of ['daily.log', 'home.log']) rmSync(join(directory, name))
    writeFileSync(path, Buffer.from(vectors.keyFile.daily, 'base64url'))
    assert.is(toHex((await openKeyFile(path)).publicKey), vectors.root.signingKeys[0])
    writeFileSync(home, Buffer.from(vectors.keyFile.file, 'base64url'))
    await createDailyKeyFile(home, join(directory, 'again'))
    assert.is(readFileSync(join(directory, 'again')).toString('base64url'), vectors.keyFile.daily)
  }))

test('a daily file of another key is refused', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const inception = fromHex(vectors.root.inception)
    const root = fromHex(vectors.root.root)
    const other = new Uint8Array(32).fill(9)
    const attempt = async (seed: Uint8Array, rotation: number, position: number): Promise<string> => {
      const content = encode(['webx key file', 3, seed, other, other, rotation, position, inception])
      writeFileSync(path, concat(content, derived('key file', content)), { mode: 0o600 })
      return codeOf(openKeyFile(path))
    }
    assert.is(await attempt(seedByHand(root, 0), 0, 0), 'nothing was thrown')
    assert.is(await attempt(other, 0, 0), 'key-file-broken')
    assert.is(await attempt(seedByHand(root, 1), 1, 0), 'key-file-broken')
    assert.is(await attempt(seedByHand(root, 1), 1, 1), 'nothing was thrown')
  }))

test('a root that is not that of the inception beside it is refused', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const root = fromHex(vectors.root.root)
    const inception = fromHex(vectors.root.inception)
    const attempt = async (...fields: (number | string | Uint8Array)[]): Promise<string> => {
      const content = encode(fields)
      writeFileSync(path, concat(content, derived('key file', content)), { mode: 0o600 })
      return codeOf(openKeyFile(path))
    }
    const other = Uint8Array.from(root, (byte, i) => (i === 31 ? byte ^ 1 : byte))
    const otherKind = Uint8Array.from(root, (byte, i) => (i === 0 ? byte ^ 0x10 : byte))
    assert.is(await attempt('webx key file', 2, root, 0, 0, inception), 'nothing was thrown')
    assert.is(await attempt('webx key file', 2, root, 3, 7, inception), 'nothing was thrown')
    assert.is(await attempt('webx key file', 2, other, 0, 0, inception), 'key-file-broken')
    assert.is(await attempt('webx key file', 2, otherKind, 0, 0, inception), 'key-file-broken')
    assert.is(await attempt('webx key file', 2, root, 0, 0, inceptionByHand(root, 'human')), 'nothing was thrown')
    assert.is(await attempt('webx key file', 2, root, 0, 0, inceptionByHand(root, 'device')), 'key-file-broken')
    assert.is(await attempt('webx key file', 2, root, 1, 0, inception), 'key-file-broken')
    assert.is(await attempt('webx key file', 2, root, 2 ** 32, 2 ** 32, inception), 'key-file-broken')
    assert.is(await attempt('webx key file', 4, root, 0, 0, inception), 'key-file-broken')
    assert.is(await attempt('webx key file', 3, root, 0, 0, inception), 'key-file-broken')
    assert.is(await attempt('webx key file', 2, root, 0, 0, inception, 0), 'key-file-broken')
    assert.is(await attempt('webx key file', 2, root, 0, 0), 'key-file-broken')
  }))

test.run()

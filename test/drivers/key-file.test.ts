import '../kit/wasm.ts'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ed25519 } from '@noble/curves/ed25519.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { createKeyFile, describeKeyFile, openKeyFile } from '../../src/drivers/key-file.ts'
import { readInception } from '../../src/identity/keylog.ts'
import { withTemp } from '../kit/temp.ts'

const test = suite('drivers/key-file')

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
    const file = readFileSync(path)
    for (let at = 0; at + 32 <= file.length; at++) {
      const slice = file.subarray(at, at + 32)
      const isSeed = toHex(ed25519.getPublicKey(slice)) === toHex(keys.publicKey)
      if (isSeed) assert.not(shown.includes(toHex(slice)))
      if (isSeed) return
    }
    assert.unreachable('the seed of the public key was not found in the file: this test no longer tests anything')
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

test.run()

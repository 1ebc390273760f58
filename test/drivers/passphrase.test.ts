import '../kit/wasm.ts'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { scrypt } from '@noble/hashes/scrypt.js'
import { Decoder } from 'cbor-x'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromText } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { openWithPassphrase, PASSPHRASE_COST, sealWithPassphrase } from '../../src/drivers/passphrase.ts'
import { scryptApart } from '../../src/drivers/passphrase-apart.ts'
import { readPassphraseFile, readTextFile } from '../../src/drivers/passphrase-file.ts'
import { withTemp } from '../kit/temp.ts'

const test = suite('drivers/passphrase')
const CHEAP = { log2N: 14, parallel: 1 }
const CONTENT = fromText('what nobody else shall read')
const BOUND = fromText('whose it is')

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'nothing was thrown',
    (error: { code?: string }) => error.code ?? String(error),
  )
}

test('opens with the passphrase, and an independent implementation agrees', async () => {
  const sealed = await sealWithPassphrase(CONTENT, 'correct horse', BOUND, { log2N: 14, parallel: 2 })
  assert.equal(await openWithPassphrase(sealed, 'correct horse', BOUND), CONTENT)
  const [version, method, log2N, parallel, salt, nonce, text] = new Decoder({ useRecords: false }).decode(sealed)
  assert.equal([version, method, log2N, parallel, salt.length, nonce.length], [1, 1, 14, 2, 16, 24])
  const derived = scrypt(fromText('correct horse'), new Uint8Array(salt), { N: 2 ** 14, r: 8, p: 2, dkLen: 32 })
  const key = blake3(derived, { context: fromText('webx v1 passphrase seal') })
  const aad = encode([1, 1, 14, 2, new Uint8Array(salt), new Uint8Array(nonce), BOUND])
  const opened = xchacha20poly1305(key, new Uint8Array(nonce), aad).decrypt(new Uint8Array(text))
  assert.equal(opened, CONTENT)
})

test('a process of its own derives the same, and what cannot be derived there is null', async () => {
  const [text, salt] = [fromText('correct horse'), fromText('a salt of any length')]
  const cost = { log2N: 10, r: 8, p: 2 }
  assert.equal(await scryptApart(text, salt, cost), scrypt(text, salt, { N: 2 ** 10, r: 8, p: 2, dkLen: 32 }))
  assert.is(await scryptApart(text, salt, { ...cost, r: 0 }), null)
  const before = process.env['NODE_OPTIONS']
  process.env['NODE_OPTIONS'] = '--no-such-option'
  try {
    assert.ok(await scryptApart(text, salt, cost), 'nothing of the environment reaches it')
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS']
    else process.env['NODE_OPTIONS'] = before
  }
  // so dear that it is derived apart
  const sealed = await sealWithPassphrase(CONTENT, 'one', BOUND, { log2N: 15, parallel: 1 })
  assert.equal(await openWithPassphrase(sealed, 'one', BOUND), CONTENT)
})

test('one passphrase is one key, however its letters are composed', async () => {
  const sealed = await sealWithPassphrase(CONTENT, 'Caf\u00e9 \ufb01ve', BOUND, CHEAP)
  assert.equal(await openWithPassphrase(sealed, 'Cafe\u0301 five', BOUND), CONTENT)
  assert.is(await codeOf(openWithPassphrase(sealed, 'Cafe five', BOUND)), 'wrong-passphrase')
})

test('another passphrase, another purpose or another text do not open it', async () => {
  const sealed = await sealWithPassphrase(CONTENT, 'one', BOUND, CHEAP)
  assert.is(await codeOf(openWithPassphrase(sealed, 'One', BOUND)), 'wrong-passphrase')
  assert.is(await codeOf(openWithPassphrase(sealed, 'one', fromText('whose it was'))), 'wrong-passphrase')
  const fields = decode(sealed) as Cbor[]
  for (const at of [4, 5, 6]) {
    const bytes = (fields[at] as Uint8Array).slice()
    bytes[0] = (bytes[0] as number) ^ 1
    assert.is(await codeOf(openWithPassphrase(encode(fields.with(at, bytes)), 'one', BOUND)), 'wrong-passphrase')
  }
  assert.is(await codeOf(openWithPassphrase(encode(fields.with(3, 2)), 'one', BOUND)), 'wrong-passphrase')
})

test('the same content is never sealed to the same bytes', async () => {
  const one = await sealWithPassphrase(CONTENT, 'one', BOUND, CHEAP)
  const two = await sealWithPassphrase(CONTENT, 'one', BOUND, CHEAP)
  assert.not.equal(one, two)
})

test('numbers that would eat memory or time, or cost next to nothing, are refused before anything is derived', async () => {
  const fields = decode(await sealWithPassphrase(CONTENT, 'one', BOUND, CHEAP)) as Cbor[]
  const atMs = performance.now()
  for (const log2N of [0, 1, 13, 18, 23, 30, 2 ** 40]) {
    assert.is(await codeOf(openWithPassphrase(encode(fields.with(2, log2N)), 'one', BOUND)), 'bad-shape')
    assert.is(await codeOf(sealWithPassphrase(CONTENT, 'one', BOUND, { log2N, parallel: 1 })), 'bad-argument')
  }
  for (const parallel of [0, 9, 2 ** 30]) {
    assert.is(await codeOf(openWithPassphrase(encode(fields.with(3, parallel)), 'one', BOUND)), 'bad-shape')
    assert.is(await codeOf(sealWithPassphrase(CONTENT, 'one', BOUND, { log2N: 14, parallel })), 'bad-argument')
  }
  assert.is(await codeOf(sealWithPassphrase(CONTENT, 'one', BOUND, { log2N: 14.5, parallel: 1 })), 'bad-argument')
  assert.ok(performance.now() - atMs < 1000)
})

test('another version, method, shape or length is refused', async () => {
  const sealed = await sealWithPassphrase(CONTENT, 'one', BOUND, CHEAP)
  const fields = decode(sealed) as Cbor[]
  const attempt = (value: Cbor) => codeOf(openWithPassphrase(encode(value), 'one', BOUND))
  assert.is(await attempt(fields.with(0, 2)), 'bad-version')
  assert.is(await attempt(fields.with(1, 0)), 'bad-version')
  assert.is(await attempt([...fields, 0]), 'bad-shape')
  assert.is(await attempt(fields.slice(0, -1)), 'bad-shape')
  assert.is(await attempt(fields.with(4, new Uint8Array(15))), 'bad-shape')
  assert.is(await codeOf(openWithPassphrase(sealed.slice(0, -1), 'one', BOUND)), 'not-canonical')
})

test('a passphrase is text, neither empty nor endless', async () => {
  // U+FDFA is one letter of three bytes, and eighteen letters once it is composed
  for (const passphrase of ['', 'x'.repeat(1025), '\ufdfa'.repeat(40), 'lone \ud800 surrogate']) {
    assert.is(await codeOf(sealWithPassphrase(CONTENT, passphrase, BOUND, CHEAP)), 'bad-argument')
  }
})

test('a file of a passphrase or another text is read as far as it may be long, and not further', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'p')
    for (const [bytes, text] of [
      ['\ufeffone two\r\n', 'one two'],
      ['one\n\n', 'one\n'],
    ] as const) {
      writeFileSync(path, bytes)
      assert.is(await readPassphraseFile(path), text)
    }
    writeFileSync(path, '\n')
    assert.is(await codeOf(readPassphraseFile(path)), 'bad-argument')
    assert.is(await codeOf(readPassphraseFile(directory)), 'file-unreadable')
    assert.is(await codeOf(readPassphraseFile(join(directory, 'none'))), 'file-unreadable')
    writeFileSync(path, '12345')
    assert.is(await readTextFile(path, 5), '12345')
    assert.is(await codeOf(readTextFile(path, 4)), 'too-long')
    assert.is(await codeOf(readPassphraseFile('/dev/zero')), 'too-long', 'it has no end')
    writeFileSync(path, Uint8Array.of(0x61, 0xff))
    assert.is(await codeOf(readTextFile(path)), 'bad-argument')
    assert.is(await readTextFile(path, 5, false), 'a\ufffd')
  }))

test('what it costs by default is what was advised', () => {
  assert.equal(PASSPHRASE_COST, { log2N: 15, parallel: 3 })
})

test.run()

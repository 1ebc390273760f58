import '../kit/wasm.ts'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, realpathSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { scrypt } from '@noble/hashes/scrypt.js'
import { Decoder } from 'cbor-x'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, fromText, toHex } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { createKeyFile, createKeyFileFrom, describeKeyFile, openKeyFile } from '../../src/drivers/key-file.ts'
import { sealKeyFile, unsealKeyFile } from '../../src/drivers/key-file-change.ts'
import { rotateKeyFile } from '../../src/drivers/key-file-events.ts'
import { boundOf, type KeyContent, sealedFileBytes } from '../../src/drivers/key-file-format.ts'
import { guardKeyFile, recoverKeyFile, wordsOfKeyFile } from '../../src/drivers/key-file-recover.ts'
import { readClear } from '../../src/drivers/key-file-sealed.ts'
import { sealWithPassphrase } from '../../src/drivers/passphrase.ts'
import { shareBytes, shareText } from '../../src/identity/guardians.ts'
import { readInception } from '../../src/identity/keylog.ts'
import { wordsOf } from '../../src/identity/words.ts'
import { inceptionByHand } from '../kit/roots.ts'
import { withTemp } from '../kit/temp.ts'
import { within } from '../kit/within.ts'

const seals = suite('drivers/key-file: sealed')
const recovery = suite('drivers/key-file: recovery')
const CHILD = fileURLToPath(new URL('./key-file-child.ts', import.meta.url))
const cost = { log2N: 14, parallel: 1 }
const vectors = JSON.parse(readFileSync(new URL('../vectors/recovery.json', import.meta.url), 'utf8'))
const oldFile = Buffer.from(
  JSON.parse(readFileSync(new URL('../vectors/drivers.json', import.meta.url), 'utf8')).keyFile.file,
  'base64url',
)

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'nothing was thrown',
    (error: { code?: string }) => error.code ?? String(error),
  )
}

seals('a file made with a passphrase opens with it alone, and shows whose it is without', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const made = await createKeyFile(path, 'human', { passphrase: 'one', cost })
    assert.is(statSync(path).mode & 0o777, 0o600)
    assert.equal((await openKeyFile(path, { passphrase: 'one' })).publicKey, made.publicKey)
    assert.is(await codeOf(openKeyFile(path)), 'passphrase-needed')
    assert.is(await codeOf(openKeyFile(path, { passphrase: 'two' })), 'wrong-passphrase')
    assert.is(await codeOf(openKeyFile(path, { passphrase: '' })), 'bad-argument')
    const shown = await describeKeyFile(path)
    assert.equal([shown.id, shown.publicKey, shown.kind, shown.sealed], [made.id, made.publicKey, 'human', true])
    assert.is(await codeOf(createKeyFile(join(directory, 'empty'), 'human', { passphrase: '' })), 'bad-argument')
    assert.equal(readdirSync(directory), ['k'])
  }),
)

seals('no secret of it lies in a sealed file', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    await createKeyFile(path, 'device')
    const clear = readFileSync(path)
    await sealKeyFile(path, 'one', { cost })
    const sealed = toHex(readFileSync(path))
    const root = decode(new Uint8Array(clear.subarray(0, -32))) as Cbor[]
    assert.ok(toHex(clear).includes(toHex(root[2] as Uint8Array)))
    assert.not(sealed.includes(toHex(root[2] as Uint8Array).slice(0, 16)))
  }),
)

seals('sealing and unsealing give back the very same bytes, old files included', () =>
  withTemp(async (directory) => {
    for (const bytes of [oldFile, Buffer.from(vectors.keyFile.file, 'base64url')]) {
      const path = join(directory, `k${bytes.length}`)
      writeFileSync(path, bytes, { mode: 0o600 })
      const before = await openKeyFile(path)
      await sealKeyFile(path, 'one', { cost })
      assert.is(statSync(path).mode & 0o777, 0o600)
      assert.not.equal(readFileSync(path), bytes)
      const opened = await openKeyFile(path, { passphrase: 'one' })
      assert.equal([opened.id, opened.publicKey, opened.inception], [before.id, before.publicKey, before.inception])
      assert.equal(await opened.deriveSecret('x'), await before.deriveSecret('x'))
      assert.equal((await opened.epochSigner(1)).publicKey, (await before.epochSigner(1)).publicKey)
      await unsealKeyFile(path, 'one')
      assert.equal(readFileSync(path), bytes)
      assert.is(statSync(path).mode & 0o777, 0o600)
    }
    assert.is(readdirSync(directory).length, 2)
  }),
)

seals('a wrong or missing passphrase changes nothing', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    await createKeyFile(path, 'device', { passphrase: 'one', cost })
    const before = readFileSync(path)
    assert.is(await codeOf(unsealKeyFile(path, 'two')), 'wrong-passphrase')
    assert.is(await codeOf(sealKeyFile(path, 'new', { cost, now: 'two' })), 'wrong-passphrase')
    assert.is(await codeOf(sealKeyFile(path, 'new', { cost })), 'passphrase-needed')
    assert.is(await codeOf(sealKeyFile(path, '', { cost, now: 'one' })), 'bad-argument')
    assert.is(await codeOf(sealKeyFile(path, 'new', { cost: { log2N: 4, parallel: 1 }, now: 'one' })), 'bad-argument')
    assert.is(await codeOf(rotateKeyFile(path, {}, { passphrase: 'two', cost })), 'wrong-passphrase')
    assert.equal(readFileSync(path), before)
    assert.equal(readdirSync(directory), ['k'])
    await sealKeyFile(path, 'new', { cost, now: 'one' })
    assert.is(await codeOf(openKeyFile(path, { passphrase: 'one' })), 'wrong-passphrase')
    await openKeyFile(path, { passphrase: 'new' })
  }),
)

seals('a sealed file stays sealed when its key rotates', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const before = await createKeyFile(path, 'device', { passphrase: 'one', cost })
    const after = await rotateKeyFile(path, {}, { passphrase: 'one', cost })
    assert.not.equal(after.publicKey, before.publicKey)
    assert.is(await codeOf(openKeyFile(path)), 'passphrase-needed')
    const shown = await describeKeyFile(path)
    assert.equal([shown.sealed, shown.position, shown.publicKey], [true, 1, after.publicKey])
  }),
)

seals('damage is told from a wrong passphrase at every byte', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    await createKeyFile(path, 'device', { passphrase: 'one', cost })
    const good = readFileSync(path)
    for (let at = 0; at < good.length; at++) {
      const flipped = Buffer.from(good)
      flipped[at] = (flipped[at] as number) ^ 0x10
      writeFileSync(path, flipped)
      assert.is(await codeOf(openKeyFile(path, { passphrase: 'one' })), 'key-file-broken', `byte ${at}`)
    }
    for (const length of [0, 31, 200, good.length - 1]) {
      writeFileSync(path, good.subarray(0, length))
      assert.is(await codeOf(openKeyFile(path, { passphrase: 'one' })), 'key-file-broken')
    }
  }),
)

seals('whoever changes a sealed file and its digest is found out', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const otherPath = join(directory, 'other')
    await createKeyFile(path, 'device', { passphrase: 'one', cost })
    await createKeyFile(otherPath, 'device', { passphrase: 'one', cost })
    const [fields, other] = [path, otherPath].map((name) => {
      return decode(new Uint8Array(readFileSync(name)).subarray(0, -32)) as Cbor[]
    }) as [Cbor[], Cbor[]]
    const attempt = async (changed: Cbor[]): Promise<string> => {
      const content = encode(changed)
      writeFileSync(path, concat(content, blake3(content, { context: fromText('webx v1 key file') })))
      return codeOf(openKeyFile(path, { passphrase: 'one' }))
    }
    assert.is(await attempt(fields), 'nothing was thrown')
    assert.is(await attempt(fields.with(2, other[2] as Cbor)), 'wrong-passphrase')
    assert.is(await attempt(fields.with(3, 1)), 'wrong-passphrase')
    assert.is(await attempt(fields.with(4, other[4] as Cbor)), 'wrong-passphrase')
    assert.is(await attempt(fields.with(5, other[5] as Cbor)), 'wrong-passphrase')
    assert.is(await attempt(fields.with(1, 2)), 'key-file-broken')
    const box = decode(fields[5] as Uint8Array) as Cbor[]
    for (const log2N of [8, 24, 40]) {
      assert.is(await attempt(fields.with(5, encode(box.with(2, log2N)))), 'key-file-broken')
    }
  }),
)

seals('one that shows another identity than it holds is refused, though its passphrase made it', () =>
  withTemp(async (directory) => {
    const [path, other] = [join(directory, 'k'), join(directory, 'other')]
    for (const one of [path, other]) await createKeyFile(one, 'human')
    const [clear, shown] = [new Uint8Array(readFileSync(path)), readClear(other, new Uint8Array(readFileSync(other)))]
    const lie = async (content: KeyContent): Promise<string> => {
      const sealed = await sealWithPassphrase(clear, 'one', boundOf(content), cost)
      writeFileSync(join(directory, 'x'), sealedFileBytes(content, sealed), { mode: 0o600 })
      return codeOf(openKeyFile(join(directory, 'x'), { passphrase: 'one' }))
    }
    assert.is(await lie(readClear(path, clear)), 'nothing was thrown')
    assert.is(await lie(shown), 'key-file-broken')
    assert.is(await lie({ ...readClear(path, clear), publicKey: shown.publicKey }), 'key-file-broken')
    assert.is(await lie({ ...readClear(path, clear), position: 1 }), 'key-file-broken')
  }),
)

seals('a change that is cut off before its rename leaves the file as it was, and the next one cleans up', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    await createKeyFile(path, 'device')
    const clear = readFileSync(path)
    await killAtRename(path, 'seal')
    assert.equal(readFileSync(path), clear)
    const [draft, ...more] = readdirSync(directory).filter((name) => name !== 'k' && name !== 'k.lock')
    assert.equal(more, [])
    assert.is(statSync(join(directory, draft as string)).mode & 0o777, 0o600)
    const kept = ['k.draft', 'k2.0123456789ab.draft', 'k.0123456789ab.draft.txt']
    for (const name of kept) writeFileSync(join(directory, name), 'of somebody else')
    await sealKeyFile(path, 'one', { cost })
    assert.equal(readdirSync(directory).sort(), ['k', ...kept].sort())
    const sealed = readFileSync(path)
    await killAtRename(path, 'unseal')
    assert.equal(readFileSync(path), sealed)
    await unsealKeyFile(path, 'one')
    assert.equal(readFileSync(path), clear)
    assert.equal(readdirSync(directory).sort(), ['k', ...kept].sort())
  }),
)

seals('a symbolic link keeps pointing at the file that is changed', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'real')
    const link = join(directory, 'link')
    await createKeyFile(path, 'device')
    symlinkSync(path, link)
    await sealKeyFile(link, 'one', { cost })
    assert.is(realpathSync(link), realpathSync(path))
    assert.is((await describeKeyFile(path)).sealed, true)
  }),
)

seals('a sealed file of the first day opens for ever, and an independent reader finds the unsealed one in it', () =>
  withTemp(async (directory) => {
    const { file, sealed, passphrase } = vectors.keyFile
    const path = join(directory, 'k')
    writeFileSync(path, Buffer.from(sealed, 'base64url'), { mode: 0o600 })
    assert.is(toHex((await openKeyFile(path, { passphrase })).id), vectors.root.id)
    const bytes = new Uint8Array(Buffer.from(sealed, 'base64url'))
    const read = new Decoder({ useRecords: false })
    const [format, version, inception, position, publicKey, box] = read.decode(bytes.subarray(0, -32))
    assert.equal([format, version, toHex(inception), position], ['webx sealed key file', 1, vectors.root.inception, 0])
    const [, , log2N, p, salt, nonce, text] = read
      .decode(box)
      .map((v: unknown) => (v instanceof Buffer ? new Uint8Array(v) : v))
    const derived = scrypt(fromText(passphrase.normalize('NFKC')), salt, { N: 2 ** log2N, r: 8, p, dkLen: 32 })
    const key = blake3(derived, { context: fromText('webx v1 passphrase seal') })
    const bound = encode([format, version, new Uint8Array(inception), position, new Uint8Array(publicKey)])
    const aad = encode([1, 1, log2N, p, salt, nonce, bound])
    const clear = xchacha20poly1305(key, nonce, aad).decrypt(text)
    assert.is(Buffer.from(clear).toString('base64url'), file)
  }),
)

recovery('24 words make the very same identity on another machine', () =>
  withTemp(async (directory) => {
    for (const kind of ['human', 'organization', 'device', 'agent'] as const) {
      const path = join(directory, kind)
      const made = await createKeyFile(path, kind)
      const words = await wordsOfKeyFile(path)
      assert.is(words.split(' ').length, 24)
      const there = join(directory, 'another machine', kind)
      const { keys, problems } = await recoverKeyFile(there, { words: words.toUpperCase() })
      assert.equal(problems, [])
      assert.equal(readFileSync(there), readFileSync(path))
      assert.equal([keys.id, keys.inception, keys.publicKey], [made.id, made.inception, made.publicKey])
      assert.equal((await keys.epochSigner(7)).publicKey, (await made.epochSigner(7)).publicKey)
      assert.equal(await keys.deriveSecret('x'), await made.deriveSecret('x'))
      assert.is((await describeKeyFile(there)).kind, kind)
    }
  }),
)

recovery('the words of the first day give that identity for ever', () =>
  withTemp(async (directory) => {
    const { words, id } = vectors.root
    const { keys } = await recoverKeyFile(join(directory, 'k'), { words })
    assert.is(toHex(keys.id), id)
  }),
)

recovery('three of five guardians restore, with one share corrupted and named', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const options = { passphrase: 'one', cost }
    const made = await createKeyFile(path, 'human', options)
    const names = ['Ada', 'Bo', 'Chloë', 'Dee', 'Eve']
    const set = await guardKeyFile(path, names, 3, options)
    const hurt = shareBytes(set[2] as (typeof set)[0])
    hurt[20] = (hurt[20] as number) ^ 1
    const there = join(directory, 'there')
    const given = [shareText(set[0]!), hurt, shareText(set[4]!)]
    const refused = await recoverKeyFile(there, { shares: given }).catch((error) => error)
    assert.is(refused.code, 'shares-missing')
    assert.match(refused.message, 'share 2, of Chloë')
    assert.equal(readdirSync(directory), ['k'])
    const { keys, problems } = await recoverKeyFile(
      there,
      { shares: [...given, shareText(set[1]!)] },
      { passphrase: 'two', cost },
    )
    assert.equal(
      problems.map(({ guardian, code }) => [guardian, code]),
      [['Chloë', 'share-broken']],
    )
    assert.equal([keys.id, keys.publicKey, keys.inception], [made.id, made.publicKey, made.inception])
    assert.is(await codeOf(openKeyFile(there)), 'passphrase-needed')
    await openKeyFile(there, { passphrase: 'two' })
  }),
)

recovery('an identity that had rotated goes on where its log stands', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    await createKeyFile(path, 'human')
    await rotateKeyFile(path)
    const last = await rotateKeyFile(path)
    const words = await wordsOfKeyFile(path)
    const there = join(directory, 'there')
    const { keys } = await recoverKeyFile(there, { words }, { rotation: 2, position: 2 })
    assert.equal([keys.publicKey, keys.id, keys.position], [last.publicKey, last.id, 2])
    assert.is(
      await codeOf(recoverKeyFile(join(directory, 'x'), { words }, { rotation: 2, position: 1 })),
      'bad-argument',
    )
  }),
)

recovery('an identity that began with more than its root says comes back with its inception', () =>
  withTemp(async (directory) => {
    const { root, words } = vectors.root
    const inception = inceptionByHand(fromHex(root), 'human', new Uint8Array(16).fill(5))
    const { keys } = await recoverKeyFile(join(directory, 'k'), { words }, { inception })
    assert.equal(keys.id, readInception(inception).id)
    assert.is.not(toHex(keys.id), vectors.root.id)
    const other = inceptionByHand(fromHex('0a'.repeat(32)), 'human')
    const path = join(directory, 'other')
    assert.is(await codeOf(recoverKeyFile(path, { words }, { inception: other })), 'bad-identity')
    assert.is(
      await codeOf(recoverKeyFile(path, { words }, { inception: inceptionByHand(fromHex(root), 'agent') })),
      'key-file-broken',
    )
    const foreign = wordsOf(fromHex('f0'.repeat(32)))
    assert.is(await codeOf(recoverKeyFile(path, { words: foreign }, { inception })), 'bad-identity')
    assert.equal(readdirSync(directory), ['k'])
  }),
)

recovery('words of something else, and a path that is taken, make no file', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    const foreign = wordsOf(fromHex('f0'.repeat(32)))
    assert.is(await codeOf(recoverKeyFile(path, { words: foreign })), 'bad-identity')
    assert.is(await codeOf(recoverKeyFile(path, { words: `${foreign} zoo` })), 'word-count')
    assert.is(await codeOf(recoverKeyFile(path, { shares: [] })), 'shares-missing')
    assert.is(
      await codeOf(createKeyFileFrom(path, { root: new Uint8Array(31), rotation: 0, position: 0 })),
      'bad-argument',
    )
    assert.equal(readdirSync(directory), [])
    writeFileSync(path, 'dear to somebody')
    assert.is(await codeOf(recoverKeyFile(path, { words: vectors.root.words })), 'key-file-exists')
    assert.is(readFileSync(path, 'utf8'), 'dear to somebody')
  }),
)

recovery('an old file has no words', () =>
  withTemp(async (directory) => {
    const path = join(directory, 'k')
    writeFileSync(path, oldFile, { mode: 0o600 })
    assert.is(await codeOf(wordsOfKeyFile(path)), 'no-root')
    assert.is(await codeOf(guardKeyFile(path, ['Ada', 'Bo'], 2)), 'no-root')
  }),
)

seals.run()
recovery.run()

/** Runs a change in a process of its own and kills it when the new content is on the disk and has not got its name yet. */
async function killAtRename(path: string, how: 'seal' | 'unseal'): Promise<void> {
  const child = spawn(process.execPath, [CHILD, path, how, '1'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  try {
    const held = new Promise<string>((resolve) => child.stdout.once('data', (bytes) => resolve(String(bytes))))
    assert.is(await within(20_000, Promise.race([held, ended.then(() => 'ended')]), 'the child'), 'held\n')
  } finally {
    child.kill('SIGKILL')
    await within(20_000, ended, 'the end of the child')
  }
}

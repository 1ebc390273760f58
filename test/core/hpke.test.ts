import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { type AgreementHalf, setupReceiver, setupSender } from '../../src/core/hpke.ts'
import { codeOf } from '../kit/refusal.ts'
import '../kit/wasm.ts'

const test = suite('hpke')

interface Vectors {
  info: string
  skEm: string
  pkEm: string
  skRm: string
  pkRm: string
  enc: string
  plaintext: string
  encryptions: { sequence: number; aad: string; ciphertext: string }[]
  exports: { context: string; length: number; value: string }[]
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/hpke-rfc9180.json', import.meta.url), 'utf8'),
) as Readonly<Vectors>
const PKCS8 = '302e020100300506032b656e04220420'
const SPKI = '302a300506032b656e032100'
const INFO = fromHex(vectors.info)

/** A private half from its raw bytes, by OpenSSL. */
function half(secret: Uint8Array): AgreementHalf {
  const privateKey = createPrivateKey({
    key: Buffer.concat([Buffer.from(PKCS8, 'hex'), secret]),
    format: 'der',
    type: 'pkcs8',
  })
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32))
  return {
    publicKey,
    agree: (peer) => {
      const key = Buffer.concat([Buffer.from(SPKI, 'hex'), peer])
      const peerKey = createPublicKey({ key, format: 'der', type: 'spki' })
      return new Uint8Array(diffieHellman({ privateKey, publicKey: peerKey }))
    },
  }
}

function freshHalf(): AgreementHalf {
  const { privateKey } = generateKeyPairSync('x25519')
  return half(new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32)))
}

test('appendix A.2.1 of RFC 9180: every published ciphertext, from both sides', () => {
  const recipient = half(fromHex(vectors.skRm))
  const ephemeral = half(fromHex(vectors.skEm))
  assert.is(toHex(recipient.publicKey), vectors.pkRm)
  assert.is(toHex(ephemeral.publicKey), vectors.pkEm)
  const sender = setupSender(recipient.publicKey, ephemeral, INFO)
  assert.is(toHex(sender.enc), vectors.enc)
  const receiver = setupReceiver(sender.enc, recipient, INFO)
  const expected = new Map(vectors.encryptions.map((row) => [row.sequence, row]))
  for (let sequence = 0; sequence <= 256; sequence++) {
    const row = expected.get(sequence)
    const aad = row ? fromHex(row.aad) : new Uint8Array(0)
    const sealed = sender.seal(fromHex(vectors.plaintext), aad)
    if (row) assert.is(toHex(sealed), row.ciphertext, `sequence ${sequence}`)
    assert.is(toHex(receiver.open(sealed, aad)), vectors.plaintext)
  }
})

test('appendix A.2.1.2: exported values, from both sides', () => {
  const recipient = half(fromHex(vectors.skRm))
  const sender = setupSender(recipient.publicKey, half(fromHex(vectors.skEm)), INFO)
  const receiver = setupReceiver(fromHex(vectors.enc), recipient, INFO)
  for (const { context, length, value } of vectors.exports) {
    assert.is(toHex(sender.exportSecret(fromHex(context), length)), value)
    assert.is(toHex(receiver.exportSecret(fromHex(context), length)), value)
  }
})

test('what one seals the other opens, and nobody else', () => {
  const bytes = fc.uint8Array({ maxLength: 300 })
  const check = fc.property(bytes, bytes, bytes, (info, aad, plaintext) => {
    const recipient = freshHalf()
    const sender = setupSender(recipient.publicKey, freshHalf(), info)
    const sealed = sender.seal(plaintext, aad)
    assert.is(sealed.length, plaintext.length + 16)
    assert.equal(setupReceiver(sender.enc, recipient, info).open(sealed, aad), plaintext)
    assert.is(
      codeOf(() => setupReceiver(sender.enc, freshHalf(), info).open(sealed, aad)),
      'tampered',
    )
  })
  fc.assert(check, { numRuns: 25, seed: 9180 })
})

test('any changed bit, other info, other aad, other order: tampered, and the sequence stays', () => {
  const recipient = freshHalf()
  const sender = setupSender(recipient.publicKey, freshHalf(), INFO)
  const first = sender.seal(fromHex('01'))
  const second = sender.seal(fromHex('02'))
  const receiver = setupReceiver(sender.enc, recipient, INFO)
  for (let bit = 0; bit < first.length * 8; bit++) {
    const changed = first.slice()
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
    assert.is(
      codeOf(() => receiver.open(changed)),
      'tampered',
    )
  }
  assert.is(
    codeOf(() => receiver.open(second)),
    'tampered',
  )
  assert.is(
    codeOf(() => receiver.open(first, fromHex('00'))),
    'tampered',
  )
  assert.is(
    codeOf(() => receiver.open(first.subarray(0, 15))),
    'tampered',
  )
  assert.is(
    codeOf(() => setupReceiver(sender.enc, recipient, fromHex('00')).open(first)),
    'tampered',
  )
  assert.equal(receiver.open(first), fromHex('01'))
  assert.equal(receiver.open(second), fromHex('02'))
})

test('an agreement of zeros is refused on both sides, and wrong lengths too', () => {
  const zeros: AgreementHalf = { publicKey: new Uint8Array(32).fill(9), agree: () => new Uint8Array(32) }
  assert.is(
    codeOf(() => setupSender(new Uint8Array(32), zeros, INFO)),
    'bad-key',
  )
  assert.is(
    codeOf(() => setupReceiver(new Uint8Array(32), zeros, INFO)),
    'bad-key',
  )
  assert.is(
    codeOf(() => setupSender(new Uint8Array(31), freshHalf(), INFO)),
    'bad-argument',
  )
  assert.is(
    codeOf(() => setupReceiver(new Uint8Array(33), freshHalf(), INFO)),
    'bad-argument',
  )
  const sender = setupSender(freshHalf().publicKey, freshHalf(), INFO)
  for (const length of [0, 1.5, 255 * 32 + 1]) {
    assert.is(
      codeOf(() => sender.exportSecret(INFO, length)),
      'bad-argument',
    )
  }
  assert.is(sender.exportSecret(INFO, 255 * 32).length, 255 * 32)
})

test('a wiped context is of no more use', () => {
  const recipient = freshHalf()
  const sender = setupSender(recipient.publicKey, freshHalf(), INFO)
  const receiver = setupReceiver(sender.enc, recipient, INFO)
  const sealed = sender.seal(fromHex('01'))
  sender.wipe()
  receiver.wipe()
  assert.is(
    codeOf(() => sender.seal(fromHex('01'))),
    'stopped',
  )
  assert.is(
    codeOf(() => sender.exportSecret(INFO, 32)),
    'stopped',
  )
  assert.is(
    codeOf(() => receiver.open(sealed)),
    'stopped',
  )
})

test.run()

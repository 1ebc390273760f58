import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { Algorithms, Headers, Sign1 } from '@auth0/cose'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, fromText, toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { decodeSign1, encodeSign1, sign1Message } from '../../src/core/cose.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('cose: COSE_Sign1 of RFC 9052 with EdDSA')

/** RFC 8032 §7.1 test 1's key, in PKCS #8. */
const KEY = createPrivateKey({
  key: Buffer.from(
    `302e020100300506032b657004220420${'9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'}`,
    'hex',
  ),
  format: 'der',
  type: 'pkcs8',
})
const PAYLOAD = fromText('This is the content.')

test('Sig_structure, written by hand after §4.4', () => {
  // 84                                      array(4)
  //    6a 5369676e617475726531              "Signature1"
  //    43 a10127                            protected: << {1: -8} >>
  //    40                                   external_aad: empty
  //    54 546869732069732074686520636f6e74656e742e   payload
  const expected = '846a5369676e61747572653143a101274054546869732069732074686520636f6e74656e742e'
  assert.is(toHex(sign1Message(PAYLOAD)), expected)
})

test('the document, written by hand after §4.2', () => {
  const signature = new Uint8Array(sign(null, sign1Message(PAYLOAD), KEY))
  // d2 tag(18), 84 array(4), 43 a10127 protected, a0 unprotected, 54 payload, 58 40 signature
  const expected = `d28443a10127a054546869732069732074686520636f6e74656e742e5840${toHex(signature)}`
  assert.is(toHex(encodeSign1(PAYLOAD, signature)), expected)
  const read = decodeSign1(fromHex(expected))
  assert.equal(read.payload, PAYLOAD)
  assert.equal(read.signature, signature)
  assert.ok(verify(null, read.message, createPublicKey(KEY), read.signature))
})

test('the header, written by hand after §3.1: content type and key id, in this order', () => {
  const signature = new Uint8Array(64).fill(7)
  const tail = `a054${toHex(PAYLOAD)}5840${'07'.repeat(64)}`
  const cases = [
    { header: { contentType: 'text/plain' }, hex: 'd2844fa20127036a746578742f706c61696e' },
    { header: { keyId: fromHex('0b0c') }, hex: 'd28447a2012704420b0c' },
    { header: { contentType: 'a', keyId: fromHex('0b0c') }, hex: 'd2844aa3012703616104420b0c' },
  ]
  for (const { header, hex } of cases) {
    assert.is(toHex(encodeSign1(PAYLOAD, signature, header)), hex + tail)
    const read = decodeSign1(fromHex(hex + tail))
    assert.equal(read.header, header)
    assert.is(toHex(read.message), toHex(sign1Message(PAYLOAD, header)))
  }
  const longest = { contentType: 'a'.repeat(100), keyId: new Uint8Array(64).fill(1) }
  assert.equal(decodeSign1(encodeSign1(PAYLOAD, signature, longest)).header, longest)
})

test('a header beyond its bounds is neither written nor read', () => {
  const signature = new Uint8Array(64)
  const headers = [
    { contentType: '' },
    { contentType: 'a b' },
    { contentType: 'é' },
    { contentType: 'a'.repeat(101) },
    { keyId: new Uint8Array(0) },
    { keyId: new Uint8Array(65) },
  ]
  for (const header of headers) {
    assert.is(
      codeOf(() => encodeSign1(PAYLOAD, signature, header)),
      'bad-argument',
    )
    assert.is(
      codeOf(() => sign1Message(PAYLOAD, header)),
      'bad-argument',
    )
  }
  const refused: Record<string, string> = {
    'empty content type': 'a201270360',
    'content type with a space': 'a201270363612062',
    'content type beyond ASCII': 'a201270362c3a9',
    'content type of 101': `a20127037865${'61'.repeat(101)}`,
    'content type as a number': 'a201270300',
    'empty key id': 'a201270440',
    'key id as text': 'a20127046161',
    'key id of 65': `a20127045841${'00'.repeat(65)}`,
    'key id before content type': 'a3012704410b036161',
    'an entry less than said': 'a3012704410b',
    'an entry more than said': 'a1012704410b',
    'another label': 'a20127054100',
    'algorithm second': 'a204410b0127',
    'content type twice': 'a30127036161036161',
    'length in a longer form': 'a201270458010b',
    'map in a longer form': 'b8010127',
    'a byte too many': 'a1012700',
  }
  const documentOf = (hex: string) =>
    concat(fromHex('d284'), encode(fromHex(hex)), fromHex('a0'), encode(PAYLOAD), encode(signature))
  assert.not.throws(() => decodeSign1(documentOf('a3012703616104410b')))
  for (const [name, hex] of Object.entries(refused)) {
    assert.is(
      codeOf(() => decodeSign1(documentOf(hex))),
      'bad-shape',
      name,
    )
  }
  const longer = concat(fromHex('d2845803a10127a0'), encode(PAYLOAD), encode(signature))
  assert.is(
    codeOf(() => decodeSign1(longer)),
    'bad-shape',
  )
})

test('@auth0/cose verifies ours, and we read what it makes', async () => {
  const header = { contentType: 'application/webx-test', keyId: fromHex('0102030405060708') }
  const document = encodeSign1(PAYLOAD, new Uint8Array(sign(null, sign1Message(PAYLOAD, header), KEY)), header)
  const read = Sign1.decode(document)
  await read.verify(createPublicKey(KEY))
  assert.equal(new Uint8Array(read.payload), PAYLOAD)
  assert.equal(read.protectedHeaders.get(Headers.ContentType) as unknown, header.contentType)
  const changed = document.slice()
  changed[document.length - 70] = (changed[document.length - 70] as number) ^ 1
  assert.is(
    await Sign1.decode(changed)
      .verify(createPublicKey(KEY))
      .then(
        () => 'holds',
        () => 'refused',
      ),
    'refused',
  )

  const theirs = await Sign1.sign(
    [
      [Headers.Algorithm, Algorithms.EdDSA],
      [Headers.KeyID, header.keyId],
    ],
    [],
    PAYLOAD,
    KEY,
  )
  const ours = decodeSign1(new Uint8Array(theirs.encode()))
  assert.equal(ours.payload, PAYLOAD)
  assert.equal(ours.header, { keyId: header.keyId })
  assert.ok(verify(null, ours.message, createPublicKey(KEY), ours.signature))
})

test('payloads of every length of head', () => {
  const signature = new Uint8Array(64).fill(7)
  for (const length of [0, 1, 23, 24, 255, 256, 65_535, 65_536, 70_000]) {
    const payload = new Uint8Array(length).fill(length & 255)
    const read = decodeSign1(encodeSign1(payload, signature))
    assert.is(read.payload.length, length)
    assert.equal(read.payload, payload)
  }
})

test('other COSE structures, headers, algorithms and encodings are refused', () => {
  const tail = `54546869732069732074686520636f6e74656e742e5840${'07'.repeat(64)}`
  const cases: Record<string, string> = {
    'no tag': `8443a10127a0${tail}`,
    'tag 98: COSE_Sign': `d8628443a10127a0${tail}`,
    'tag in a longer form': `d8128443a10127a0${tail}`,
    ES256: `d28443a10126a0${tail}`,
    'empty protected header': `d28440a0${tail}`,
    'a key id in the unprotected header': `d28443a10127a10441aa${tail}`,
    'array of five': `d28543a10127a0${tail}`,
    'indefinite array': `d29f43a10127a0${tail}ff`,
    'detached payload': `d28443a10127a0f65840${'07'.repeat(64)}`,
    'payload as text': `d28443a10127a074546869732069732074686520636f6e74656e742e5840${'07'.repeat(64)}`,
    'payload length in a longer form': `d28443a10127a05814546869732069732074686520636f6e74656e742e5840${'07'.repeat(64)}`,
    'payload shorter than it says': `d28443a10127a055546869732069732074686520636f6e74656e742e5840${'07'.repeat(64)}`,
    'payload longer than it says': `d28443a10127a053546869732069732074686520636f6e74656e742e5840${'07'.repeat(64)}`,
    'a short signature': `d28443a10127a054546869732069732074686520636f6e74656e742e583f${'07'.repeat(63)}`,
    'a byte too many': `d28443a10127a0${tail}00`,
    'a byte too few': `d28443a10127a0${tail}`.slice(0, -2),
    nothing: '',
  }
  for (const [name, hex] of Object.entries(cases)) {
    assert.is(
      codeOf(() => decodeSign1(fromHex(hex))),
      'bad-shape',
      name,
    )
  }
  assert.not.throws(() => decodeSign1(fromHex(`d28443a10127a0${tail}`)))
})

test('reading is strict: what is read encodes to the same bytes', () => {
  const document = encodeSign1(PAYLOAD, new Uint8Array(64).fill(9))
  const { payload, signature } = decodeSign1(concat(document))
  assert.equal(encodeSign1(payload, signature), document)
})

test.run()

import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, fromText, toHex } from '../../src/core/bytes.ts'
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

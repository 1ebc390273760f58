/**
 * Documents of other people.
 *
 * Oracles: the COSE working group's examples, and documents made by @auth0/cose and by OpenSSL.
 */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Algorithms, Headers, Sign1 } from '@auth0/cose'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromBase64url, fromHex, fromText, toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { encodeSign1, sign1Message } from '../../src/core/cose.ts'
import { ForeignCbor } from '../../src/core/cose-cbor.ts'
import {
  type ForeignContext,
  type ForeignKey,
  readForeignSign1,
  verifyForeignSign1,
} from '../../src/core/cose-verify.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { codeOf } from '../kit/refusal.ts'
import '../kit/wasm.ts'

const test = suite('cose: documents of other people')

interface Example {
  file: string
  key: string
  cbor: string
  toBeSigned: string
  external?: string
  untagged?: boolean
  fail?: string
}

const group = JSON.parse(readFileSync(new URL('../vectors/cose-wg.json', import.meta.url), 'utf8')) as {
  keys: Record<string, { curve: string; x: string; y?: string }>
  examples: Example[]
}
const PAYLOAD = fromText('This is the content.')
const CONTENT = `54${toHex(PAYLOAD)}`
const SIGNATURE = `5840${'07'.repeat(64)}`

for (const example of group.examples) {
  test(`the working group’s ${example.file}`, () => {
    const key = keyOf(group.keys[example.key] as { curve: string; x: string; y?: string })
    const context: ForeignContext = {
      ...(example.external === undefined ? {} : { externalData: fromHex(example.external) }),
      ...(example.untagged ? { tag: 'absent' as const } : {}),
    }
    const check = () => verifyForeignSign1(fromHex(example.cbor), key, context)
    if (example.fail !== undefined) return assert.is(codeOf(check), example.fail)
    const document = check()
    assert.equal(document.payload, PAYLOAD)
    assert.is(toHex(document.message), example.toBeSigned)
    // what the place must tell is not guessed
    const other: ForeignContext = { ...context, tag: example.untagged ? 'demanded' : 'absent' }
    assert.is(
      codeOf(() => verifyForeignSign1(fromHex(example.cbor), key, other)),
      'bad-shape',
    )
    assert.is(
      codeOf(() => verifyForeignSign1(fromHex(example.cbor), key, { ...context, externalData: fromHex('00') })),
      'bad-signature',
    )
  })
}

test('every changed bit of the working group’s examples is refused', () => {
  const names = ['ecdsa-examples/ecdsa-sig-01.json', 'eddsa-examples/eddsa-sig-01.json']
  for (const example of group.examples.filter(({ file }) => names.includes(file))) {
    const key = keyOf(group.keys[example.key] as { curve: string; x: string; y?: string })
    const bytes = fromHex(example.cbor)
    // the unprotected key id is not signed: everything else is
    const keyIdAt = example.cbor.indexOf('a104423131') / 2
    for (let at = 0; at < bytes.length; at++) {
      if (at >= keyIdAt && at < keyIdAt + 5) continue
      const changed = bytes.slice()
      changed[at] = (changed[at] as number) ^ (1 << (at & 7))
      const code = codeOf(() => verifyForeignSign1(changed, key))
      assert.ok(['bad-shape', 'bad-signature', 'unknown-type', 'bad-key'].includes(code), `byte ${at}: ${code}`)
    }
  }
})

test('what @auth0/cose signs with each algorithm', async () => {
  const kinds = [
    { algorithm: Algorithms.EdDSA, number: -8, pair: generateKeyPairSync('ed25519') },
    { algorithm: Algorithms.ES256, number: -7, pair: generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
    { algorithm: Algorithms.ES384, number: -35, pair: generateKeyPairSync('ec', { namedCurve: 'P-384' }) },
    { algorithm: Algorithms.ES512, number: -36, pair: generateKeyPairSync('ec', { namedCurve: 'P-521' }) },
  ]
  for (const { algorithm, number, pair } of kinds) {
    const made = await Sign1.sign(
      [[Headers.Algorithm, algorithm]],
      [[Headers.KeyID, fromHex('0a0b')]],
      PAYLOAD,
      pair.privateKey,
    )
    const document = verifyForeignSign1(new Uint8Array(made.encode()), coordinates(pair.publicKey))
    assert.is(document.algorithm, number)
    assert.equal(document.payload, PAYLOAD)
    assert.equal(document.keyId, fromHex('0a0b'))
  }
})

test('our own documents are documents', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const header = { contentType: 'application/webx-test', keyId: fromHex('0102') }
  const signature = new Uint8Array(sign(null, sign1Message(PAYLOAD, header), privateKey))
  const document = verifyForeignSign1(encodeSign1(PAYLOAD, signature, header), coordinates(publicKey))
  assert.is(document.contentType, header.contentType)
  assert.equal(document.keyId, header.keyId)
})

test('algorithms that name their curve (RFC 9864), and no other curve', () => {
  const kinds = [
    { number: -19, head: '32', pair: generateKeyPairSync('ed25519'), hash: null },
    { number: -53, head: '3834', pair: generateKeyPairSync('ed448'), hash: null },
    { number: -9, head: '28', pair: generateKeyPairSync('ec', { namedCurve: 'P-256' }), hash: 'sha256' },
    { number: -51, head: '3832', pair: generateKeyPairSync('ec', { namedCurve: 'P-384' }), hash: 'sha384' },
    { number: -52, head: '3833', pair: generateKeyPairSync('ec', { namedCurve: 'P-521' }), hash: 'sha512' },
  ]
  for (const { number, head, pair, hash } of kinds) {
    const protectedBytes = fromHex(`a101${head}`)
    const message = encode(['Signature1', protectedBytes, new Uint8Array(0), PAYLOAD])
    const signature = sign(hash, message, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' })
    const parts = [encode(protectedBytes), fromHex('a0'), encode(PAYLOAD), encode(new Uint8Array(signature))]
    const bytes = concat(fromHex('d284'), ...parts)
    assert.is(verifyForeignSign1(bytes, coordinates(pair.publicKey)).algorithm, number)
    for (const other of kinds) {
      if (other === undefined || other.number === number) continue
      assert.is(
        codeOf(() => verifyForeignSign1(bytes, coordinates(other.pair.publicKey))),
        'bad-key',
      )
    }
  }
})

test('a detached payload: given once, at one place', () => {
  const key = createPrivateKey(generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const signature = new Uint8Array(sign(null, sign1Message(PAYLOAD), key))
  const detached = concat(fromHex('d28443a10127a0f6'), encode(signature))
  const publicKey = coordinates(createPublicKey(key))
  assert.equal(verifyForeignSign1(detached, publicKey, { detachedPayload: PAYLOAD }).payload, PAYLOAD)
  assert.is(
    codeOf(() => verifyForeignSign1(detached, publicKey)),
    'bad-shape',
  )
  assert.is(
    codeOf(() => verifyForeignSign1(detached, publicKey, { detachedPayload: fromText('another') })),
    'bad-signature',
  )
  assert.is(
    codeOf(() => verifyForeignSign1(encodeSign1(PAYLOAD, signature), publicKey, { detachedPayload: PAYLOAD })),
    'bad-shape',
  )
})

test('headers in any width and of any kind are read', () => {
  const cases: Record<string, string> = {
    'content type as a number': '43a10127a1031832',
    'labels and algorithm in longer forms': '4fa11a000000013b0000000000000007a0',
    'nested maps, floats, tags, text labels': '43a10127a36161f97e00183ca1018201f5183dc11a514b67b0',
  }
  for (const [name, headers] of Object.entries(cases)) {
    const document = readForeignSign1(fromHex(`d284${headers}${CONTENT}${SIGNATURE}`))
    assert.is(document.algorithm, -8, name)
  }
  const wide = readForeignSign1(fromHex(`d8129b000000000000000443a10127a0${CONTENT}${SIGNATURE}`))
  assert.equal(wide.payload, PAYLOAD)
  const typeOf = (headers: string) => readForeignSign1(fromHex(`d284${headers}${CONTENT}${SIGNATURE}`)).contentType
  assert.is(typeOf('46a20127031832a0'), 50)
  assert.is(typeOf('43a10127a1031832'), null, 'nobody signed it')
})

test('what two readers could take for different things is refused', () => {
  const cases: Record<string, string> = {
    'no tag': `8443a10127a0${CONTENT}${SIGNATURE}`,
    'tag 98: COSE_Sign': `d8628443a10127a0${CONTENT}${SIGNATURE}`,
    'two tags': `d2d28443a10127a0${CONTENT}${SIGNATURE}`,
    'a label twice in the protected header': `d28445a201270126a0${CONTENT}${SIGNATURE}`,
    'a label twice, in two widths': `d28446a20127180126a0${CONTENT}${SIGNATURE}`,
    'a label twice in the unprotected header': `d28443a10127a2044101044102${CONTENT}${SIGNATURE}`,
    'a label in both headers': `d28443a10127a10126${CONTENT}${SIGNATURE}`,
    'critical headers, protected': `d28446a20127028101a0${CONTENT}${SIGNATURE}`,
    'critical headers, unprotected': `d28443a10127a1028101${CONTENT}${SIGNATURE}`,
    'an indefinite array': `d29f43a10127a0${CONTENT}${SIGNATURE}ff`,
    'an indefinite map': `d28443a10127bfff${CONTENT}${SIGNATURE}`,
    'an indefinite payload': `d28443a10127a05f${CONTENT}ff${SIGNATURE}`,
    'a key that is bytes': `d28443a10127a1410100${CONTENT}${SIGNATURE}`,
    'a simple value without a meaning': `d28443a10127a105e0${CONTENT}${SIGNATURE}`,
    'text that is not UTF-8': `d28443a10127a10561ff${CONTENT}${SIGNATURE}`,
    'an integer beyond 2^53': `d28443a10127a1051b0020000000000000${CONTENT}${SIGNATURE}`,
    'a protected header that is a list': `d2844180a0${CONTENT}${SIGNATURE}`,
    'a protected header that is not wrapped': `d284a10127a0${CONTENT}${SIGNATURE}`,
    'a content type that is bytes': `d28443a10127a1034100${CONTENT}${SIGNATURE}`,
    'a key id that is text': `d28443a10127a1046161${CONTENT}${SIGNATURE}`,
    'a payload that is text': `d28443a10127a06161${SIGNATURE}`,
    'a signature that is text': `d28443a10127a0${CONTENT}6161`,
    'five parts': `d28543a10127a0${CONTENT}${SIGNATURE}00`,
    'three parts': `d28343a10127a0${CONTENT}`,
    'a byte too many': `d28443a10127a0${CONTENT}${SIGNATURE}00`,
    'a byte too few': `d28443a10127a0${CONTENT}${SIGNATURE}`.slice(0, -2),
    'nested too deep': `d28443a10127a105${'81'.repeat(LIMITS.cborDepthMax)}00${CONTENT}${SIGNATURE}`,
    'an array longer than what is there': `d28443a10127a1059affffffff${CONTENT}${SIGNATURE}`,
    nothing: '',
  }
  for (const [name, hex] of Object.entries(cases)) {
    assert.is(
      codeOf(() => readForeignSign1(fromHex(hex))),
      'bad-shape',
      name,
    )
  }
  assert.is(
    codeOf(() => readForeignSign1(fromHex(`d28440a0${CONTENT}${SIGNATURE}`))),
    'unknown-type',
  )
  assert.is(
    codeOf(() => readForeignSign1(new Uint8Array(LIMITS.foreignDocumentBytesMax + 1))),
    'too-long',
  )
})

test('keys that are none, and keys that do not fit', () => {
  const example = group.examples.find(({ file }) => file.endsWith('ecdsa-sig-01.json')) as Example
  const bytes = fromHex(example.cbor)
  const right = keyOf(group.keys['p256'] as { curve: string; x: string; y: string })
  const keys: ForeignKey[] = [
    { curve: 'P-256', x: right.x, y: right.x },
    { curve: 'P-256', x: right.x.subarray(1), y: right.x },
    { curve: 'P-256', x: new Uint8Array(32).fill(255), y: new Uint8Array(32) },
    { curve: 'Ed25519', x: right.x },
  ]
  for (const key of keys) {
    assert.is(
      codeOf(() => verifyForeignSign1(bytes, key)),
      'bad-key',
    )
  }
})

test('random bytes throw nothing but refusals', () => {
  const check = fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    try {
      ForeignCbor.read(bytes)
    } catch (error) {
      assert.is((error as { code?: string }).code, 'bad-shape')
    }
  })
  fc.assert(check, { numRuns: 2_000, seed: 9052 })
})

function keyOf({ curve, x, y }: { curve: string; x: string; y?: string }): ForeignKey {
  return { curve, x: fromHex(x), ...(y === undefined ? {} : { y: fromHex(y) }) } as ForeignKey
}

function coordinates(key: KeyObject): ForeignKey {
  const { crv, x, y } = key.export({ format: 'jwk' }) as { crv: string; x: string; y?: string }
  return { curve: crv, x: fromBase64url(x), ...(y === undefined ? {} : { y: fromBase64url(y) }) } as ForeignKey
}

test.run()

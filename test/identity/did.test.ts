/** did:key against the vectors of its specification and of RFC 8032's first key, and base58 against its draft. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, fromText } from '../../src/core/bytes.ts'
import { base58, didKey } from '../../src/identity/did.ts'
import { pairOf } from '../kit/keylog.ts'
import { codeOf } from '../kit/refusal.ts'
import '../kit/wasm.ts'

const did = suite('did:key')

did('vectors of the did:key specification', () => {
  const known = [
    [
      '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29',
      'z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp',
    ],
    [
      '2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6',
      'z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK',
    ],
  ] as const
  for (const [hex, name] of known) assert.is(didKey(fromHex(hex)), `did:key:${name}`)
})

did('base58 of draft-msporny-base58', () => {
  assert.is(base58(fromText('Hello World!')), '2NEpo7TZRRrLZSi2U')
  assert.is(
    base58(fromText('The quick brown fox jumps over the lazy dog.')),
    'USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z',
  )
  assert.is(base58(fromHex('0000287fb4cd')), '11233QC4')
  assert.is(base58(new Uint8Array(0)), '')
  assert.is(base58(new Uint8Array(3)), '111')
})

did('every key has a name of its own that can be read back', () => {
  for (let i = 0; i < 50; i++) {
    const { publicKey } = pairOf(i)
    const name = didKey(publicKey)
    assert.match(name, /^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$/)
    assert.equal(read(name), [0xed, 0x01, ...publicKey])
  }
})

did('no name for bytes that are no key', () => {
  assert.is(
    codeOf(() => didKey(new Uint8Array(31))),
    'bad-argument',
  )
  assert.is(
    codeOf(() => didKey(Uint8Array.of(1, ...new Uint8Array(31)))),
    'bad-key',
  )
})

/** The bytes of a did:key by big integers: another way than the one that wrote it. */
function read(name: string): number[] {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
  const digits = [...name.slice('did:key:z'.length)]
  let value = digits.reduce((sum, digit) => sum * 58n + BigInt(alphabet.indexOf(digit)), 0n)
  const bytes: number[] = []
  for (; value > 0n; value >>= 8n) bytes.unshift(Number(value & 255n))
  return bytes
}

did.run()

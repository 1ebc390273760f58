/** Whoever files are sealed to: node's X-Wing halves against the noble libraries, the same holder from the same keys. */

import { ml_kem768_x25519 } from '@noble/post-quantum/hybrid.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/core/bytes.ts'
import { xwingDecapsulate, xwingPublicKey } from '../../src/core/xwing.ts'
import { publicKeyOf, unwrapKey, wrapKey } from '../../src/data/recipients.ts'
import { HOST_CHANCE, holderOf, xwingHalfOf } from '../../src/drivers/qnt-holder.ts'
import '../../src/drivers/wasm-files.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOf } from '../kit/refusal.ts'

const holders = suite('drivers/qnt-holder')
const keysOf = (seed: Uint8Array) => ({ deriveSecret: async () => seed.slice() })

holders('a seed makes the key that another library makes, and both find the same secret', () => {
  for (const start of [0, 1, 100]) {
    const seed = pattern(start + 32).subarray(start)
    const theirs = ml_kem768_x25519.keygen(seed)
    const half = xwingHalfOf(seed)
    assert.is(toHex(xwingPublicKey(half)), toHex(theirs.publicKey))
    const { cipherText, sharedSecret } = ml_kem768_x25519.encapsulate(theirs.publicKey)
    assert.is(toHex(xwingDecapsulate(cipherText, half).shared), toHex(sharedSecret))
  }
})

holders('what is wrapped to a holder is found by the same keys again, and by no others', async () => {
  const binding = { dataId: pattern(32), keyEpoch: 1 }
  const holder = await holderOf(keysOf(pattern(32)))
  const wrapped = wrapKey(pattern(32), publicKeyOf(holder), binding, HOST_CHANCE)
  assert.is(wrapped.suite, 'x-wing')
  assert.equal(unwrapKey([wrapped], await holderOf(keysOf(pattern(32))), binding), pattern(32))
  assert.is(unwrapKey([wrapped], await holderOf(keysOf(pattern(33).subarray(1))), binding), null)
})

holders('a peer key of small order is refused', () => {
  const { curve } = xwingHalfOf(pattern(32))
  for (const key of [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31))]) {
    assert.is(
      codeOf(() => curve.agree(key)),
      'bad-key',
    )
  }
})

holders.run()

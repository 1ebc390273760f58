/** Keys of one stay: a proper identity, another one each time, that signs and does nothing else. */

import '../kit/wasm.ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal } from '../../src/core/bytes.ts'
import { verifySignature } from '../../src/core/crypto.ts'
import { guestKeys } from '../../src/drivers/guest-keys.ts'
import { hostRandom } from '../../src/drivers/host.ts'
import { readInception, readKeyLog } from '../../src/identity/keylog.ts'
import { codeOfAsync } from '../kit/refusal.ts'

const test = suite('keys of a guest')

test('an identity that proves itself and signs', async () => {
  const keys = guestKeys(hostRandom())
  const state = readInception(keys.inception)
  assert.equal([state.id, state.keys, state.kind], [keys.id, [keys.publicKey], 'device'])
  assert.equal(readKeyLog(keys.log).id, keys.id)
  const message = Uint8Array.of(1, 2, 3)
  assert.ok(verifySignature(keys.publicKey, message, await keys.sign(message)))
})

test('no two have anything in common', () => {
  const [one, other] = [guestKeys(hostRandom()), guestKeys(hostRandom())]
  assert.not.ok(equal(one.id, other.id))
  assert.not.ok(equal(one.publicKey, other.publicKey))
})

test('it neither votes nor keeps secrets', async () => {
  const keys = guestKeys(hostRandom())
  assert.is(await codeOfAsync(() => keys.epochSigner(0)), 'not-allowed')
  assert.is(await codeOfAsync(() => keys.deriveSecret('anything')), 'not-allowed')
  const [mine, peer] = [keys.ephemeral(), keys.ephemeral()]
  assert.equal(mine.agree(peer.publicKey), peer.agree(mine.publicKey))
})

test.run()

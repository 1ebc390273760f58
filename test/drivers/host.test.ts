import { x25519 } from '@noble/curves/ed25519.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { ephemeralAgreement, hostClock, hostRandom } from '../../src/drivers/host.ts'
import { within } from '../kit/within.ts'

const test = suite('drivers/host')

test('agreements are X25519 as another implementation has it', () => {
  const ours = ephemeralAgreement()
  const theirs = x25519.keygen()
  assert.is(toHex(ours.agree(theirs.publicKey)), toHex(x25519.getSharedSecret(theirs.secretKey, ours.publicKey)))
  const other = ephemeralAgreement()
  assert.equal(ours.agree(other.publicKey), other.agree(ours.publicKey))
  assert.not.equal(ours.publicKey, other.publicKey)
})

test('points of small order are refused', () => {
  const ours = ephemeralAgreement()
  const small = [
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    `ec${'ff'.repeat(30)}7f`,
    `ed${'ff'.repeat(30)}7f`,
    `ee${'ff'.repeat(30)}7f`,
  ]
  for (const point of small) {
    try {
      ours.agree(fromHex(point))
      assert.unreachable(point)
    } catch (error) {
      assert.is((error as { code: string }).code, 'bad-key', point)
    }
  }
})

test('a wiped key agrees no more, and a key of another length is refused', () => {
  const ours = ephemeralAgreement()
  const code = (attempt: () => unknown): string => {
    try {
      attempt()
    } catch (error) {
      return (error as { code: string }).code
    }
    return ''
  }
  assert.is(
    code(() => ours.agree(new Uint8Array(31))),
    'bad-argument',
  )
  ours.wipe()
  assert.is(
    code(() => ours.agree(ephemeralAgreement().publicKey)),
    'stopped',
  )
})

test('the clock calls once, not after it was cancelled, and never too early for long delays', async () => {
  const clock = hostClock()
  const before = clock.monotonicMs()
  let calls = 0
  const never = clock.after(1, () => calls++)
  never()
  const far = clock.after(2 ** 40, () => calls++)
  await within(1000, new Promise<void>((resolve) => clock.after(20, resolve)))
  far()
  assert.is(calls, 0)
  assert.ok(clock.monotonicMs() - before >= 19)
  assert.ok(Math.abs(clock.nowMs() - Date.now()) < 1000)
})

test('random bytes have the length asked for and do not repeat', () => {
  const random = hostRandom()
  assert.is(random.bytes(0).length, 0)
  assert.is(new Set(Array.from({ length: 50 }, () => toHex(random.bytes(16)))).size, 50)
})

test.run()

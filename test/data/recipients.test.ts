import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { Fields } from '../../src/core/shape.ts'
import {
  decoyRecipient,
  type Holder,
  publicKeyOf,
  type Recipient,
  readRecipients,
  recipientCbor,
  unwrapKey,
  wrapKey,
  wrapKeyToAll,
} from '../../src/data/recipients.ts'
import { ANNA, BERTA, CLARA, chance, curveHalf, fill, xwingHolder } from '../kit/manifests.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('recipients of a content key')
const CONTENT_KEY = fill(32, 5)
const BINDING = { dataId: fill(32, 1), keyEpoch: 3 }

test('each recipient opens its own, and nobody else does', () => {
  const keys = [ANNA, BERTA].map(publicKeyOf)
  const recipients = wrapKeyToAll(CONTENT_KEY, keys, ['x25519', 'x-wing'], BINDING, chance('all'))
  assert.is(recipients.length, 4)
  assert.equal(unwrapKey(recipients, ANNA, BINDING), CONTENT_KEY)
  assert.equal(unwrapKey(recipients, BERTA, BINDING), CONTENT_KEY)
  assert.is(unwrapKey(recipients, CLARA, BINDING), null)
  assert.is(unwrapKey(recipients, xwingHolder(fill(32, 24)), BINDING), null)
  assert.is(unwrapKey([], ANNA, BINDING), null)
})

test('another file, another epoch: not found, and not openable where the hint is forged', () => {
  for (const holder of [ANNA, BERTA]) {
    const recipient = wrapKey(CONTENT_KEY, publicKeyOf(holder), BINDING, chance('bound'))
    for (const other of [
      { ...BINDING, keyEpoch: 4 },
      { ...BINDING, dataId: fill(32, 2) },
    ]) {
      assert.is(unwrapKey([recipient], holder, other), null)
      const { hint } = wrapKey(CONTENT_KEY, publicKeyOf(holder), other, chance('other'))
      assert.is(
        codeOf(() => unwrapKey([{ ...recipient, hint }], holder, other)),
        'tampered',
      )
    }
  }
})

test('any changed byte of what is mine: tampered', () => {
  const check = fc.property(fc.constantFrom(ANNA, BERTA), fc.nat(), fc.integer({ min: 1, max: 255 }), (...drawn) => {
    const [holder, where, change] = drawn
    const recipient = wrapKey(CONTENT_KEY, publicKeyOf(holder), BINDING, chance('changed'))
    const part = where % 2 === 0 ? 'ciphertext' : 'enc'
    const changed = recipient[part].slice()
    const at = where % changed.length
    changed[at] = (changed[at] as number) ^ change
    assert.is(
      codeOf(() => unwrapKey([{ ...recipient, [part]: changed }], holder, BINDING)),
      'tampered',
    )
  })
  fc.assert(check, { numRuns: 60, seed: 9180 })
})

test('hints do not link files or epochs, and a suite has hints of its own', () => {
  const hints = new Set<string>()
  for (let keyEpoch = 0; keyEpoch < 4; keyEpoch++) {
    for (let file = 0; file < 4; file++) {
      const binding = { dataId: fill(32, file), keyEpoch }
      hints.add(toHex(wrapKey(CONTENT_KEY, publicKeyOf(ANNA), binding, chance('same')).hint))
    }
  }
  assert.is(hints.size, 16)
})

test('a decoy has all that a recipient has: form, order, and keys that are points of the curve', () => {
  for (const suiteName of ['x25519', 'x-wing'] as const) {
    const holder: Holder = suiteName === 'x25519' ? ANNA : BERTA
    for (let i = 0; i < 12; i++) {
      const decoy = decoyRecipient(suiteName, BINDING, chance(`decoy ${i}`))
      const real = wrapKey(CONTENT_KEY, publicKeyOf(holder), BINDING, chance(`real ${i}`))
      const form = (recipient: Recipient) => Object.entries(recipient).map(([name, value]) => [name, value.length])
      assert.equal(form(decoy), form(real))
      // random bytes lie on the twist in every second case
      for (const { enc } of [decoy, real]) assert.ok(isOnCurve(enc.slice(-32)), `${suiteName} ${i}`)
    }
  }
})

test('what is written is read; other orders and repetitions are refused', () => {
  const keys = [ANNA, BERTA, CLARA].map(publicKeyOf)
  const recipients = wrapKeyToAll(CONTENT_KEY, keys, [], BINDING, chance('read'))
  const read = (list: readonly Recipient[]) => readRecipients(Fields.of('test', encode([list.map(recipientCbor)])))
  assert.equal(read(recipients), recipients)
  assert.is(
    codeOf(() => read([...recipients].reverse())),
    'bad-shape',
  )
  assert.is(
    codeOf(() => wrapKeyToAll(CONTENT_KEY, [...keys, keys[0] as (typeof keys)[0]], [], BINDING, chance('twice'))),
    'bad-argument',
  )
  const many = Array.from({ length: LIMITS.qntRecipientsMax }, () => 'x25519' as const)
  assert.is(
    codeOf(() => wrapKeyToAll(CONTENT_KEY, keys, many, BINDING, chance('many'))),
    'limit',
  )
})

test('keys and lengths that are refused', () => {
  const [anna, berta] = [publicKeyOf(ANNA), publicKeyOf(BERTA)]
  const wrong = [
    () => wrapKey(fill(31, 5), anna, BINDING, chance('')),
    () => wrapKey(CONTENT_KEY, { ...anna, publicKey: fill(33, 9) }, BINDING, chance('')),
    () => wrapKey(CONTENT_KEY, { ...berta, publicKey: anna.publicKey }, BINDING, chance('')),
    () => wrapKey(CONTENT_KEY, anna, { dataId: fill(16, 1), keyEpoch: 0 }, chance('')),
  ]
  for (const action of wrong) assert.is(codeOf(action), 'bad-argument')
  const zeros = { ...chance(''), ephemeral: () => ({ ...curveHalf(fill(32, 1)), agree: () => new Uint8Array(32) }) }
  assert.is(
    codeOf(() => wrapKey(CONTENT_KEY, anna, BINDING, zeros)),
    'bad-key',
  )
  const beyond = berta.publicKey.slice()
  beyond.fill(255, 0, 2)
  assert.is(
    codeOf(() => wrapKey(CONTENT_KEY, { ...berta, publicKey: beyond }, BINDING, chance(''))),
    'bad-key',
  )
})

/** Whether u is the coordinate of a point of Curve25519 and not of its twist (RFC 7748): v² = u³ + 486662u² + u. */
function isOnCurve(bytes: Uint8Array): boolean {
  const prime = 2n ** 255n - 19n
  const u = BigInt(`0x${toHex(bytes.slice().reverse())}`)
  let [power, base, exponent] = [1n, (u ** 3n + 486662n * u * u + u) % prime, (prime - 1n) / 2n]
  for (; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) power = (power * base) % prime
    base = (base * base) % prime
  }
  return u < prime && power === 1n
}

test.run()

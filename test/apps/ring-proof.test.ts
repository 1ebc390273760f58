/** The proof of an anonymous check-in: one tag for each shopper, shop and day; whatever else is claimed with it is refused. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { proofKeyOfDevice, proofKeyText, readProofKeyText } from '../../src/apps/facepay/proof-key-text.ts'
import {
  type Bound,
  checkCheckin,
  claimedTag,
  dayEndsMs,
  proveCheckin,
  type RingProof,
  readRingProof,
  ringProofField,
  type SignedRings,
  tagEndsMs,
} from '../../src/apps/facepay/ring-proof.ts'
import { compare, fromBase64url, toBase64url, toHex } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import type { WebxError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { dayNumberAt } from '../../src/proof/day.ts'
import type { ProofKey } from '../../src/proof/secret.ts'
import { group as defaultGroup } from '../../src/wasm/group.ts'
import { flip } from '../kit/ed25519.ts'
import { makeNet } from '../kit/people.ts'
import { chanceOf, mutations, proofKeys } from '../kit/proof-stage.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('anonymous check-in: the proof')
const group = defaultGroup()
const random = chanceOf('check-in')
const keys = proofKeys(group, 27)
const listed = keys.slice(0, 25).map(({ publicKey }) => publicKey)
const NOW_MS = 1_795_000_000_000
const rings: SignedRings = {
  terminalId: new Uint8Array(32).fill(4),
  number: 12,
  rings: [listed.toSorted(compare)],
  digest: new Uint8Array(32).fill(5),
}
const shop = new Uint8Array(32).fill(6)
const place = { rings, shop }
const bound: Bound = {
  guestId: new Uint8Array(32).fill(1),
  pseudonym: new Uint8Array(16).fill(2),
  key: new Uint8Array(32).fill(3),
  model: 'vectors 1',
}
const anna = keys[3] as ProofKey
const ben = keys[4] as ProofKey

function prove(key = anna, where = place, what = bound, nowMs = NOW_MS): RingProof {
  return proveCheckin(group, where, what, key, nowMs, random)
}

/** '' where it holds, else the code. */
function verdict(proof: RingProof, where = place, what = bound): string {
  try {
    checkCheckin(group, where, what, proof)
    return ''
  } catch (error) {
    return (error as WebxError).code
  }
}

test('one tag for a shopper, a shop and a day, whoever the guest is; another for any other', () => {
  const tagOf = (key: ProofKey, where = place, what = bound, nowMs = NOW_MS): string =>
    toHex(checkCheckin(group, where, what, prove(key, where, what, nowMs)))
  const tag = tagOf(anna)
  assert.is(tagOf(anna, place, { ...bound, guestId: new Uint8Array(32).fill(8) }), tag)
  assert.is(tagOf(anna, { ...place, rings: { ...rings, terminalId: shop } }), tag, 'another till of the shop')
  assert.is(tagOf(anna, place, bound, dayEndsMs(NOW_MS) - 1), tag)
  const others = [
    tagOf(ben),
    tagOf(anna, { ...place, shop: new Uint8Array(32).fill(7) }),
    tagOf(anna, place, bound, dayEndsMs(NOW_MS)),
    tagOf(anna, place, bound, NOW_MS - 86_400_000),
  ]
  assert.is(new Set([tag, ...others]).size, 5)
})

test('it holds for what was said, and for nothing else', () => {
  const proof = prove()
  assert.is(verdict(proof), '')
  assert.is(toHex(claimedTag(rings, proof, NOW_MS)), toHex(checkCheckin(group, place, bound, proof)))
  const other = (changes: Partial<SignedRings>) => ({ ...place, rings: { ...rings, ...changes } })
  const elsewhere = [
    other({ terminalId: shop }),
    other({ digest: shop }),
    other({ rings: [[...listed.slice(1), (keys[26] as ProofKey).publicKey].toSorted(compare)] }),
    { ...place, shop: new Uint8Array(32) },
  ]
  for (const [i, where] of elsewhere.entries()) assert.is(verdict(proof, where), 'bad-proof', `place ${i}`)
  const said = [
    { ...bound, guestId: flip(bound.guestId, 3) },
    { ...bound, pseudonym: flip(bound.pseudonym, 3) },
    { ...bound, key: flip(bound.key, 3) },
    { ...bound, model: 'vectors 2' },
  ]
  for (const [i, what] of said.entries()) assert.is(verdict(proof, place, what), 'bad-proof', `said ${i}`)
  assert.is(verdict({ ...proof, day: proof.day + 1 }), 'bad-proof')
  assert.is(verdict({ ...proof, index: 1 }), 'bad-shape')
})

test('no altered proof passes', () => {
  const proof = prove()
  let count = 0
  for (const { name, bytes } of mutations(proof.proof)) {
    // every byte of the first parts, and of the rest a sample: each costs a verification
    if (count++ % 13 !== 0 && count > 40 && !/more|less|nothing|zeros/.test(name)) continue
    assert.is.not(verdict({ ...proof, proof: bytes }), '', name)
  }
})

test('before anything is reckoned: the list, the day, the size', () => {
  const proof = prove()
  const code = (changes: Partial<RingProof>, nowMs = NOW_MS, list = rings): string =>
    codeOf(() => claimedTag(list, { ...proof, ...changes }, nowMs))
  assert.is(code({ number: 11 }), 'wrong-version')
  assert.is(code({ number: 13 }), 'wrong-version')
  assert.is(code({ index: 1 }), 'bad-shape')
  assert.is(code({ proof: proof.proof.slice(1) }), 'not-canonical')
  assert.is(code({ day: proof.day + 1 }), 'from-the-future')
  assert.is(code({ day: proof.day - 1 }), 'expired')
  const end = dayEndsMs(NOW_MS)
  const { checkinDayGraceMs: grace } = LIMITS
  claimedTag(rings, { ...proof, day: proof.day + 1 }, end - grace)
  assert.is(code({ day: proof.day + 1 }, end - grace - 1), 'from-the-future')
  claimedTag(rings, proof, end + grace - 1)
  assert.is(code({}, end + grace), 'expired')
  assert.is(tagEndsMs(proof.day), end + grace)
  assert.is(dayNumberAt(end), proof.day + 1)
})

test('an outsider proves nothing, nor does he who says that he is somebody', () => {
  const outsider = keys[26] as ProofKey
  assert.is(
    codeOf(() => prove(outsider)),
    'not-enrolled',
  )
  assert.is(verdict(prove({ ...outsider, publicKey: anna.publicKey })), 'bad-proof')
})

test('it travels as four fields, or as none', () => {
  const proof = prove()
  assert.equal(readRingProof(decode(encode(ringProofField(proof)))), proof)
  assert.is(readRingProof(decode(encode(ringProofField(null)))), null)
  const field = ringProofField(proof) as Cbor[]
  const wrong: Cbor[] = [field.slice(0, 3), [...field, 0], field.with(1, LIMITS.checkinRingsMax), field.with(3, '')]
  for (const each of [...wrong, 0]) {
    assert.is(
      codeOf(() => readRingProof(each)),
      'bad-shape',
    )
  }
})

test('the text by which a shop enrols: the same key every time, for one net, from who holds the key', async () => {
  const { genesis } = makeNet(1)
  const keysOf = (seed: number) => ({ deriveSecret: async (): Promise<Uint8Array> => new Uint8Array(32).fill(seed) })
  const key = await proofKeyOfDevice(group, keysOf(1))
  assert.equal(key.publicKey, (await proofKeyOfDevice(group, keysOf(1))).publicKey)
  const text = proofKeyText(group, key, genesis, random)
  assert.equal(readProofKeyText(group, `${text}\n`, genesis), key.publicKey)
  const code = (changed: string, net = genesis): string => codeOf(() => readProofKeyText(group, changed, net))
  assert.is(code(text, makeNet(1).genesis), 'bad-proof')
  const [version, , proof] = decode(fromBase64url(text)) as Cbor[]
  const changed = (fields: Cbor[]): string => toBase64url(encode(fields))
  assert.is(code(changed([version as Cbor, ben.publicKey, proof as Cbor])), 'bad-proof')
  assert.is(code(changed([version as Cbor, key.publicKey, flip(proof as Uint8Array, 99)])), 'bad-proof')
  for (const wrong of ['', 'x', 'a'.repeat(2_000), changed([2, key.publicKey, proof as Cbor]), changed([1])]) {
    assert.is(code(wrong), 'bad-argument', wrong)
  }
})

test.run()

/** Who enrols a proof key shows that he holds it: for this key and context, to both verifiers, and nobody else can. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeProof } from '../../src/proof/format.ts'
import { checkPossession, provePossession } from '../../src/proof/possession.ts'
import { mod, scalarBytes } from '../../src/proof/scalar.ts'
import { freshScalar } from '../../src/proof/secret.ts'
import { proveOpening } from '../../src/proof/sigma.ts'
import { createGroup, group as defaultGroup, ORDER } from '../../src/wasm/group.ts'
import { nobleGroup } from '../kit/noble-group.ts'
import * as oracle from '../kit/proof-oracle.ts'
import { CONTEXT, chanceOf, mutations, OTHER_CONTEXTS, partOf, proofKeys, replaced } from '../kit/proof-stage.ts'
import { codeOf } from '../kit/refusal.ts'
import { toNumber } from '../kit/scalars.ts'
import { BUILDS } from '../kit/wasm.ts'

const test = suite('proof/possession')
const group = defaultGroup()
const random = chanceOf('possession')
const [key, other] = proofKeys(group, 2) as [ReturnType<typeof proofKeys>[0], ReturnType<typeof proofKeys>[0]]

function refused(publicKey: Uint8Array, proof: Uint8Array, context = CONTEXT): string {
  return codeOf(() => checkPossession(group, publicKey, proof, context))
}

test('a holder is believed, on every engine and by the second verifier', () => {
  const proof = provePossession(group, key, CONTEXT, random)
  assert.is(proof.length, 68)
  for (const door of [...BUILDS.map((build) => createGroup(build)), nobleGroup()]) {
    checkPossession(door, key.publicKey, proof, CONTEXT)
    checkPossession(group, key.publicKey, provePossession(door, key, CONTEXT, random), CONTEXT)
  }
  assert.ok(oracle.possession(key.publicKey, proof, CONTEXT))
})

test('every changed byte, other context and other key is refused', () => {
  const proof = provePossession(group, key, CONTEXT, random)
  for (const { name, bytes } of mutations(proof)) {
    assert.is.not(refused(key.publicKey, bytes), '', name)
    assert.not(oracle.possession(key.publicKey, bytes, CONTEXT), name)
  }
  for (const context of OTHER_CONTEXTS) {
    assert.is(refused(key.publicKey, proof, context), 'bad-proof')
    assert.not(oracle.possession(key.publicKey, proof, context))
  }
  assert.is(refused(other.publicKey, proof), 'bad-proof')
  for (const none of [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(31)]) {
    assert.is(refused(none, proof), 'bad-proof')
  }
  for (const part of [0, 1]) {
    const same = replaced(proof, part, scalarBytes(toNumber(partOf(proof, part)) + ORDER))
    assert.is(refused(key.publicKey, same), 'bad-proof', `a scalar beyond the order, part ${part}`)
  }
})

test('who does not hold a key cannot make one up, not even for a sum of keys', () => {
  const parts = [freshScalar(group, random), freshScalar(group, random)]
  assert.is(refused(key.publicKey, encodeProof(parts)), 'bad-proof')
  assert.is(refused(key.publicKey, encodeProof(parts.map(() => new Uint8Array(32)))), 'bad-proof')
  // a rogue key: the attacker's own minus another's, of which he knows no secret
  const rogue = group.scope(() => {
    const [own, theirs] = group.decodeAll([key.publicKey, other.publicKey]) as [never, never]
    return group.encode(group.subtract(own, theirs))
  })
  assert.is(refused(rogue, provePossession(group, key, CONTEXT, random)), 'bad-proof')
  assert.is(refused(rogue, provePossession(group, { ...key, publicKey: rogue }, CONTEXT, random)), 'bad-proof')
})

test('a proof of another kind is none of this', () => {
  const opening = { value: 5n, blinding: freshScalar(group, random) }
  assert.is(refused(key.publicKey, proveOpening(group, opening, CONTEXT, random)), 'bad-shape')
})

test('chance that repeats itself gives other nonces for other contexts', () => {
  const zeros = (length: number): Uint8Array => new Uint8Array(length)
  const responses = [CONTEXT, ...OTHER_CONTEXTS].map((context) => provePossession(group, key, context, zeros))
  // with one nonce, the differences of two responses and of two challenges would show the secret
  const secrets = responses.slice(1).map((proof) => {
    const first = responses[0] as Uint8Array
    const [c, r] = [0, 1].map((part) => mod(toNumber(partOf(first, part)) - toNumber(partOf(proof, part))))
    return { c: c as bigint, r: r as bigint }
  })
  const shown = secrets.map(({ c, r }) => scalarBytes(mod(-r * inverse(c))))
  for (const x of shown) {
    const guess = group.scope(() => group.encode(group.mulSecret(x, group.base)))
    assert.not.equal(guess, key.publicKey)
  }
})

/** By Fermat. */
function inverse(value: bigint): bigint {
  let [result, square] = [1n, value]
  for (let rest = ORDER - 2n; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square)
    square = mod(square * square)
  }
  return result
}

test.run()

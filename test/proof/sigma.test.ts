/** Commitments add up and give nothing away; their openings and equal values are proven, and nothing else is. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal } from '../../src/core/bytes.ts'
import type { WebxError } from '../../src/core/errors.ts'
import {
  commit,
  difference,
  differenceOpening,
  minusNumber,
  numberMinus,
  numberMinusOpening,
  type Opening,
  openingOf,
} from '../../src/proof/commitment.ts'
import { encodeProof } from '../../src/proof/format.ts'
import { invert, invertAll, mod, readScalar, reduce, scalarBytes } from '../../src/proof/scalar.ts'
import { freshScalar } from '../../src/proof/secret.ts'
import { checkEqual, checkOpening, proveEqual, proveOpening } from '../../src/proof/sigma.ts'
import { createGroup, group as defaultGroup, ORDER } from '../../src/wasm/group.ts'
import { nobleGroup } from '../kit/noble-group.ts'
import * as oracle from '../kit/proof-oracle.ts'
import { CONTEXT, chanceOf, mutations, OTHER_CONTEXTS, partOf, replaced } from '../kit/proof-stage.ts'
import { codeOf } from '../kit/refusal.ts'
import { toNumber } from '../kit/scalars.ts'
import { BUILDS } from '../kit/wasm.ts'

const scalars = suite('proof/scalar')
const commitments = suite('proof/commitment')
const test = suite('proof/sigma')
const group = defaultGroup()
const random = chanceOf('sigma')
const VALUES = [0n, 1n, 18n, 2n ** 46n, 2n ** 64n, ORDER - 1n]

scalars('inverses, reduction and the one encoding of a scalar', () => {
  for (const value of [1n, 2n, ORDER - 1n, 2n ** 200n + 7n]) assert.is(mod(value * invert(value)), 1n)
  assert.equal(invertAll([5n, 7n, ORDER - 3n]), [invert(5n), invert(7n), invert(ORDER - 3n)])
  assert.is(
    codeOf(() => invert(ORDER)),
    'bad-argument',
  )
  assert.is(
    codeOf(() => invertAll([3n, 0n])),
    'bad-argument',
  )
  for (const value of [0n, 1n, 2n ** 130n + 5n, ORDER - 1n]) assert.is(readScalar(scalarBytes(value)), value)
  for (const value of [ORDER, ORDER + 1n, 2n ** 256n - 1n]) assert.is(readScalar(scalarBytes(value)), null)
  const wide = random(64)
  assert.is(reduce(wide), toNumber(wide) % ORDER)
  assert.equal(scalarBytes(reduce(wide)), group.reduceWide(wide))
})

commitments('they are what the formula says, on every engine', () => {
  for (const value of VALUES) {
    const opening = openingOf(group, value, random)
    const expected = oracle.commitment(value, toNumber(opening.blinding))
    for (const door of [...BUILDS.map((build) => createGroup(build)), nobleGroup()]) {
      assert.equal(commit(door, opening), expected)
    }
  }
  for (const value of [-1n, ORDER]) {
    assert.is(
      codeOf(() => openingOf(group, value, random)),
      'bad-argument',
    )
  }
  assert.is(
    codeOf(() => commit(group, { value: 1n, blinding: new Uint8Array(31) })),
    'bad-argument',
  )
})

commitments('differences commit to differences', () => {
  const [a, b] = [openingOf(group, 500n, random), openingOf(group, 120n, random)]
  const [A, B] = [commit(group, a), commit(group, b)]
  assert.equal(difference(group, A, B), commit(group, differenceOpening(group, a, b)))
  assert.is(differenceOpening(group, a, b).value, 380n)
  assert.equal(minusNumber(group, A, 120n), commit(group, { ...a, value: 380n }))
  assert.equal(numberMinus(group, 620n, B), commit(group, numberMinusOpening(group, 620n, b)))
  assert.is(numberMinusOpening(group, 620n, b).value, 500n)
  assert.is(
    codeOf(() => difference(group, A, A)),
    'bad-proof',
  )
  for (const broken of [new Uint8Array(32), new Uint8Array(32).fill(255), scalarBytes(1n)]) {
    assert.is(
      codeOf(() => minusNumber(group, broken, 1n)),
      'bad-proof',
    )
    assert.is(
      codeOf(() => difference(group, A, broken)),
      'bad-proof',
    )
  }
})

commitments('the same value twice looks like two values', () => {
  const value = 7n
  assert.not.equal(commit(group, openingOf(group, value, random)), commit(group, openingOf(group, value, random)))
})

/** What the proof is of, how it is checked, and what the oracle says. */
const PROOFS = {
  opening: {
    bytes: 100,
    make: (opening: Opening) => ({
      encodings: [commit(group, opening)],
      proof: proveOpening(group, opening, CONTEXT, random),
    }),
    check: ([a]: Uint8Array[], proof: Uint8Array, context = CONTEXT) =>
      checkOpening(group, a as Uint8Array, proof, context),
  },
  'equal values': {
    bytes: 132,
    make: (opening: Opening) => {
      const other = { value: opening.value, blinding: freshScalar(group, random) }
      return {
        encodings: [opening, other].map((each) => commit(group, each)),
        proof: proveEqual(group, opening, other, CONTEXT, random),
      }
    },
    check: ([a, b]: Uint8Array[], proof: Uint8Array, context = CONTEXT) =>
      checkEqual(group, a as Uint8Array, b as Uint8Array, proof, context),
  },
}

for (const [name, { bytes, make, check }] of Object.entries(PROOFS)) {
  const refused = (encodings: Uint8Array[], proof: Uint8Array, context = CONTEXT): string => {
    try {
      check(encodings, proof, context)
      return ''
    } catch (error) {
      return (error as WebxError).code
    }
  }

  test(`${name}: whatever is true holds, for both verifiers`, () => {
    for (const value of VALUES) {
      const { encodings, proof } = make(openingOf(group, value, random))
      assert.is(proof.length, bytes)
      assert.is(refused(encodings, proof), '')
      assert.ok(oracle.knowledge(encodings, proof, CONTEXT))
    }
  })

  test(`${name}: every changed byte, other context and other commitment is refused`, () => {
    const { encodings, proof } = make(openingOf(group, 18n, random))
    for (const mutation of mutations(proof)) {
      assert.is.not(refused(encodings, mutation.bytes), '', mutation.name)
      assert.not(oracle.knowledge(encodings, mutation.bytes, CONTEXT), mutation.name)
    }
    for (const context of OTHER_CONTEXTS) {
      assert.is(refused(encodings, proof, context), 'bad-proof')
      assert.not(oracle.knowledge(encodings, proof, context))
    }
    for (let i = 0; i < encodings.length; i++) {
      const other = commit(group, openingOf(group, 18n, random))
      assert.is(refused(encodings.with(i, other), proof), 'bad-proof')
      assert.is(refused(encodings.with(i, new Uint8Array(32)), proof), 'bad-proof')
    }
    for (let part = 0; part < Math.floor(bytes / 32); part++) {
      const same = replaced(proof, part, scalarBytes(toNumber(partOf(proof, part)) + ORDER))
      assert.is(refused(encodings, same), 'bad-proof', `a scalar beyond the order, part ${part}`)
    }
  })

  test(`${name}: knowing nothing, one cannot make one up`, () => {
    const { encodings } = make(openingOf(group, 18n, random))
    const parts = Array.from({ length: Math.floor(bytes / 32) }, () => freshScalar(group, random))
    assert.is(refused(encodings, encodeProof(parts)), 'bad-proof')
    assert.is(refused(encodings, encodeProof(parts.map(() => new Uint8Array(32)))), 'bad-proof')
  })
}

test('different values are not equal: not through the API, and not with the true blindings', () => {
  const [a, b] = [openingOf(group, 18n, random), openingOf(group, 19n, random)]
  assert.is(
    codeOf(() => proveEqual(group, a, b, CONTEXT, random)),
    'bad-argument',
  )
  const proof = proveEqual(group, a, { ...b, value: 18n }, CONTEXT, random)
  assert.is(
    codeOf(() => checkEqual(group, commit(group, a), commit(group, b), proof, CONTEXT)),
    'bad-proof',
  )
})

test('a proof of one kind is none of another', () => {
  const opening = openingOf(group, 18n, random)
  const encoding = commit(group, opening)
  const proof = proveOpening(group, opening, CONTEXT, random)
  assert.is(
    codeOf(() => checkEqual(group, encoding, encoding, proof, CONTEXT)),
    'bad-shape',
  )
})

test('chance that repeats itself gives other nonces for other statements', () => {
  const opening = openingOf(group, 18n, random)
  const zeros = (length: number): Uint8Array => new Uint8Array(length)
  const proofs = [CONTEXT, ...OTHER_CONTEXTS].map((context) => {
    const proof = proveOpening(group, opening, context, zeros)
    // the nonce on H: response − challenge · blinding
    const [challenge, , response] = [0, 1, 2].map((part) => toNumber(partOf(proof, part))) as [bigint, bigint, bigint]
    return mod(response - challenge * toNumber(opening.blinding))
  })
  assert.is(new Set(proofs).size, proofs.length)
  assert.ok(
    equal(proveOpening(group, opening, CONTEXT, zeros), proveOpening(group, opening, CONTEXT, zeros)),
    'the same words again give nothing away',
  )
  assert.is(
    codeOf(() => proveOpening(group, opening, CONTEXT, () => new Uint8Array(3))),
    'bad-argument',
  )
})

test('a context out of its bounds is the caller’s mistake', () => {
  const opening = openingOf(group, 18n, random)
  for (const context of [
    { ...CONTEXT, audience: new Uint8Array(31) },
    { ...CONTEXT, nonce: new Uint8Array(15) },
    { ...CONTEXT, nonce: new Uint8Array(65) },
    { ...CONTEXT, purpose: 'x'.repeat(65) },
    { ...CONTEXT, ping: new Uint8Array(33) },
  ]) {
    assert.is(
      codeOf(() => proveOpening(group, opening, context, random)),
      'bad-argument',
    )
  }
})

scalars.run()
commitments.run()
test.run()

/**
 * Range proofs: what is true can be proven, what is not cannot, and a second verifier on other people's arithmetic comes to the same verdicts.
 */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal } from '../../src/core/bytes.ts'
import type { WebxError } from '../../src/core/errors.ts'
import { commit, type Opening, openingOf } from '../../src/proof/commitment.ts'
import { checkRange } from '../../src/proof/range.ts'
import { proveRange } from '../../src/proof/range-prove.ts'
import { scalarBytes } from '../../src/proof/scalar.ts'
import { createGroup, group as defaultGroup, ORDER } from '../../src/wasm/group.ts'
import { nobleGroup } from '../kit/noble-group.ts'
import * as oracle from '../kit/proof-oracle.ts'
import { CONTEXT, chanceOf, mutations, OTHER_CONTEXTS, partOf, replaced } from '../kit/proof-stage.ts'
import { forgeRange } from '../kit/range-forger.ts'
import { codeOf } from '../kit/refusal.ts'
import { toNumber } from '../kit/scalars.ts'
import { BUILDS } from '../kit/wasm.ts'

const test = suite('proof/range')
const group = defaultGroup()
const random = chanceOf('range')
const IN_64 = 12_345_678_901_234_567_890n

function openings(...values: readonly bigint[]): Opening[] {
  return values.map((value) => openingOf(group, value, random))
}

function commitments(all: readonly Opening[]): Uint8Array[] {
  return all.map((opening) => commit(group, opening))
}

/** The code with which the proof is refused, or '' where it holds. */
function verdict(all: readonly Uint8Array[], bits: number, proof: Uint8Array, context = CONTEXT, about = ''): string {
  try {
    checkRange(group, { commitments: all, bits, about }, proof, context)
    return ''
  } catch (error) {
    return (error as WebxError).code
  }
}

function prove(all: readonly Opening[], bits: number, about = ''): Uint8Array {
  return proveRange(group, { openings: all, bits, about }, CONTEXT, random)
}

for (const bits of [8, 16, 32, 64]) {
  test(`the ends of a range of ${bits} bits, and what lies between, can be proven`, () => {
    const end = 2n ** BigInt(bits)
    for (const value of [0n, 1n, end / 2n, end - 2n, end - 1n]) {
      const all = openings(value)
      const proof = prove(all, bits)
      assert.is(proof.length, 32 * (9 + 2 * Math.log2(bits)) + 5)
      assert.is(verdict(commitments(all), bits, proof), '', `${value}`)
    }
    for (const value of [end, end + 1n, 2n * end, ORDER - 1n, ORDER - end]) {
      assert.is(
        codeOf(() => prove(openings(value), bits)),
        'bad-argument',
        `${value}`,
      )
    }
  })
}

test('a proof of 64 bits has 677 bytes', () => {
  assert.is(prove(openings(IN_64), 64).length, 677)
})

test('several values share one proof, of up to 256 bits', () => {
  for (const [count, bits] of [
    [2, 8],
    [4, 16],
    [2, 64],
    [32, 8],
    [4, 64],
  ] as const) {
    const all = openings(...Array.from({ length: count }, (_, i) => BigInt(7 * i)))
    const proof = prove(all, bits)
    const encodings = commitments(all)
    assert.is(proof.length, 32 * (9 + 2 * Math.log2(count * bits)) + 5)
    assert.is(verdict(encodings, bits, proof), '', `${count} of ${bits}`)
    assert.is(verdict(encodings.toReversed(), bits, proof), 'bad-proof')
  }
  for (const [count, bits] of [
    [3, 64],
    [8, 64],
    [1, 7],
    [0, 8],
  ] as const) {
    assert.is(
      codeOf(() => prove(openings(...new Array<bigint>(count).fill(1n)), bits)),
      'bad-argument',
    )
    assert.is(
      verdict(commitments(openings(...new Array<bigint>(count).fill(1n))), bits, new Uint8Array(9)),
      'bad-argument',
    )
  }
})

test('both builds of the kernel and @noble make the same proof, byte for byte', () => {
  const made = [...BUILDS.map((build) => createGroup(build)), nobleGroup()].map((door) => {
    const chance = chanceOf('twins')
    const all = [200n, 3n].map((value) => openingOf(door, value, chance))
    const proof = proveRange(door, { openings: all, bits: 8, about: '' }, CONTEXT, chance)
    const encodings = all.map((opening) => commit(door, opening))
    checkRange(door, { commitments: encodings, bits: 8, about: '' }, proof, CONTEXT)
    return proof
  })
  assert.ok(made.every((proof) => equal(proof, made[0] as Uint8Array)))
})

test('the second verifier agrees', () => {
  const single = openings(IN_64)
  const singleProof = prove(single, 64, 'a statement')
  const [encoding] = commitments(single) as [Uint8Array]
  const { value, blinding } = single[0] as Opening
  assert.equal(oracle.commitment(value, toNumber(blinding)), encoding)
  assert.ok(oracle.range([encoding], 64, 'a statement', singleProof, CONTEXT))
  const several = openings(255n, 0n)
  const proof = prove(several, 8)
  assert.ok(oracle.range(commitments(several), 8, '', proof, CONTEXT))
  for (const context of OTHER_CONTEXTS.slice(0, 2))
    assert.not(oracle.range(commitments(several), 8, '', proof, context))
  for (const part of [0, 2, 4, 5, 6, 7, 15, 16]) {
    const other = replaced(proof, part, part < 4 || (part > 6 && part < 15) ? encoding : scalarBytes(5n))
    assert.not(oracle.range(commitments(several), 8, '', other, CONTEXT), `part ${part}`)
    assert.is(verdict(commitments(several), 8, other), 'bad-proof', `part ${part}`)
  }
})

test('every changed byte is refused', () => {
  const all = openings(IN_64)
  const encodings = commitments(all)
  const proof = prove(all, 64)
  const codes = new Set<string>()
  for (const { name, bytes } of mutations(proof)) {
    const code = verdict(encodings, 64, bytes)
    assert.is.not(code, '', name)
    codes.add(code)
  }
  for (const code of ['bad-proof', 'bad-version', 'not-canonical']) assert.ok(codes.has(code), code)
  assert.is(verdict(encodings, 64, new Uint8Array(3000)), 'too-long')
})

test('scalars beyond the order, neutral and foreign points are refused', () => {
  const all = openings(77n)
  const encodings = commitments(all)
  const proof = prove(all, 8)
  for (const part of [4, 5, 6, 13, 14]) {
    const same = replaced(proof, part, scalarBytes(toNumber(partOf(proof, part)) + ORDER))
    assert.is(verdict(encodings, 8, same), 'bad-proof', `scalar ${part}`)
  }
  for (const part of [0, 1, 2, 3, 7, 12]) {
    assert.is(verdict(encodings, 8, replaced(proof, part, new Uint8Array(32))), 'bad-proof', `neutral ${part}`)
    assert.is(
      verdict(encodings, 8, replaced(proof, part, new Uint8Array(32).fill(255))),
      'bad-proof',
      `no point ${part}`,
    )
  }
  assert.is(verdict([new Uint8Array(32)], 8, proof), 'bad-proof')
})

test('nothing holds in another context or of another statement', () => {
  const all = openings(77n)
  const encodings = commitments(all)
  const proof = prove(all, 16, 'this')
  assert.is(verdict(encodings, 16, proof, CONTEXT, 'this'), '')
  for (const context of OTHER_CONTEXTS) assert.is(verdict(encodings, 16, proof, context, 'this'), 'bad-proof')
  assert.is(verdict(encodings, 16, proof, CONTEXT, 'that'), 'bad-proof')
  assert.is(verdict(commitments(openings(77n)), 16, proof, CONTEXT, 'this'), 'bad-proof')
  assert.is(verdict(encodings, 8, proof, CONTEXT, 'this'), 'bad-shape')
})

test('who lies about the digits is found out, by both verifiers', () => {
  const bits = Array.from({ length: 8 }, (_, i) => (201n >> BigInt(i)) & 1n)
  const [honest, over, below] = openings(201n, 201n + 256n, ORDER - 1n) as [Opening, Opening, Opening]
  const { blinding } = honest
  const commitment = commit(group, honest)
  const truth = forgeRange(group, { commitment, blinding, left: bits }, CONTEXT, random)
  assert.is(verdict([commitment], 8, truth, CONTEXT), 'bad-proof', 'the forger says [] about it, not a text')
  const lies = {
    'low bits only': { commitment: commit(group, over), blinding: over.blinding, left: bits },
    'a digit that is no bit': {
      commitment: commit(group, over),
      blinding: over.blinding,
      left: bits.map((bit, i) => (i === 0 ? bit + 256n : bit)),
    },
    'a digit of both signs': {
      commitment: commit(group, below),
      blinding: below.blinding,
      left: bits.map((_, i) => (i === 0 ? -1n : 0n)),
    },
    'digits whose other half does not fit': { commitment, blinding, left: bits, right: bits },
    'another product': { commitment, blinding, left: bits, productPlus: 1n },
    'another polynomial': { commitment, blinding, left: bits, linearPlus: 1n },
    'another blinding': { commitment, blinding: over.blinding, left: bits },
  }
  const holds = (encoding: Uint8Array, proof: Uint8Array): boolean => {
    try {
      checkRange(group, { commitments: [encoding], bits: 8, about: [] }, proof, CONTEXT)
      return true
    } catch (error) {
      assert.is((error as WebxError).code, 'bad-proof')
      return false
    }
  }
  assert.ok(holds(commitment, truth))
  assert.ok(oracle.range([commitment], 8, [], truth, CONTEXT))
  for (const [name, lie] of Object.entries(lies)) {
    const proof = forgeRange(group, lie, CONTEXT, random)
    assert.not(holds(lie.commitment, proof), name)
    assert.not(oracle.range([lie.commitment], 8, [], proof, CONTEXT), name)
  }
})

test('two proofs of one statement share nothing, even where chance repeats itself for another statement', () => {
  const [opening] = openings(9n) as [Opening]
  const once = prove([opening], 8)
  const again = prove([opening], 8)
  const same = (length: number): Uint8Array => new Uint8Array(length)
  const broken = ['a', 'b'].map((about) => proveRange(group, { openings: [opening], bits: 8, about }, CONTEXT, same))
  for (let part = 0; part < 15; part++) {
    assert.not(equal(partOf(once, part), partOf(again, part)), `part ${part}`)
    assert.not(equal(partOf(broken[0] as Uint8Array, part), partOf(broken[1] as Uint8Array, part)), `part ${part}`)
  }
})

test.run()

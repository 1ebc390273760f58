/** The golden proofs of `test/vectors/proofs.json`: made again byte for byte, accepted and refused by the code and by a second verifier. */

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import type { WebxError } from '../../src/core/errors.ts'
import { checkAtLeast, checkAtMost } from '../../src/proof/bound.ts'
import { commit, minusNumber, numberMinus } from '../../src/proof/commitment.ts'
import { checkLinkable } from '../../src/proof/linkable.ts'
import { checkMember } from '../../src/proof/member.ts'
import { checkPossession } from '../../src/proof/possession.ts'
import { checkRange } from '../../src/proof/range.ts'
import { scalarBytes } from '../../src/proof/scalar.ts'
import { checkEqual, checkOpening } from '../../src/proof/sigma.ts'
import { createGroup, group as defaultGroup } from '../../src/wasm/group.ts'
import * as oracle from '../kit/proof-oracle.ts'
import { type ProofVector, type ProofVectors, proofVectors } from '../kit/proof-vectors.ts'
import { toNumber } from '../kit/scalars.ts'
import { BUILDS } from '../kit/wasm.ts'

const test = suite('proof/vectors')
const group = defaultGroup()
const vectors = JSON.parse(readFileSync(new URL('../vectors/proofs.json', import.meta.url), 'utf8')) as ProofVectors
const context = {
  audience: fromHex(vectors.context.audience),
  nonce: fromHex(vectors.context.nonce),
  purpose: vectors.context.purpose,
  ping: fromHex(vectors.context.ping),
}

/** Throws unless the proof holds. */
function check(vector: ProofVector, proof: Uint8Array): void {
  const { kind, bits = 0 } = vector
  const of = vector.of.map(fromHex) as [Uint8Array, ...Uint8Array[]]
  const bound = { bound: BigInt(vector.bound ?? 0), bits }
  const ring = { keys: of, about: fromHex(vector.about ?? '') }
  if (kind === 'opening') checkOpening(group, of[0], proof, context)
  else if (kind === 'equal') checkEqual(group, of[0], of[1] as Uint8Array, proof, context)
  else if (kind === 'range') checkRange(group, { commitments: of, bits, about: [] }, proof, context)
  else if (kind === 'at least') checkAtLeast(group, of[0], bound, proof, context)
  else if (kind === 'at most') checkAtMost(group, of[0], bound, proof, context)
  else if (kind === 'member') checkMember(group, ring, proof, context)
  else if (kind === 'possession') checkPossession(group, of[0], proof, context)
  else {
    const where = { shop: fromHex(vector.shop ?? ''), day: vector.day ?? 0 }
    assert.is(toHex(checkLinkable(group, ring, where, proof, context)), vector.tag)
  }
}

/** What the second verifier says. */
function holds(vector: ProofVector, proof: Uint8Array): boolean {
  const { kind, bits = 0 } = vector
  const of = vector.of.map(fromHex) as [Uint8Array, ...Uint8Array[]]
  const about = fromHex(vector.about ?? '')
  const bound = BigInt(vector.bound ?? 0)
  if (kind === 'opening' || kind === 'equal') return oracle.knowledge(of, proof, context)
  if (kind === 'range') return oracle.range(of, bits, [], proof, context)
  if (kind === 'member') return oracle.member(of, about, proof, context)
  if (kind === 'possession') return oracle.possession(of[0], proof, context)
  if (kind === 'linkable') {
    return oracle.linkable(of, about, fromHex(vector.shop ?? ''), vector.day ?? 0, proof, context)
  }
  const shifted = kind === 'at least' ? minusNumber(group, of[0], bound) : numberMinus(group, bound, of[0])
  return oracle.range([shifted], bits, [kind, of[0], scalarBytes(bound)], proof, context)
}

function codeOf(action: () => void): string {
  try {
    action()
    return ''
  } catch (error) {
    return (error as WebxError).code
  }
}

test('they are made again byte for byte, on both builds of the kernel', () => {
  for (const build of BUILDS) assert.equal(proofVectors(createGroup(build)), vectors)
})

test('commitments are what the formula says', () => {
  for (const { value, blinding, commitment } of vectors.commitments) {
    assert.is(toHex(commit(group, { value: BigInt(value), blinding: fromHex(blinding) })), commitment)
    assert.is(toHex(oracle.commitment(BigInt(value), toNumber(fromHex(blinding)))), commitment)
  }
})

for (const vector of vectors.proofs) {
  test(`${vector.name}: accepted, and refused with the code`, () => {
    check(vector, fromHex(vector.proof))
    for (const { name, code, proof } of vector.refused)
      assert.is(
        codeOf(() => check(vector, fromHex(proof))),
        code,
        name,
      )
  })

  test(`${vector.name}: the second verifier agrees`, () => {
    assert.ok(holds(vector, fromHex(vector.proof)))
    // 64 bits take it long: there it is only asked what it can tell at a glance
    const { refused } = vector
    for (const { name, proof } of vector.bits === 64 ? refused.filter(({ code }) => code !== 'bad-proof') : refused) {
      assert.not(holds(vector, fromHex(proof)), name)
    }
  })
}

test.run()

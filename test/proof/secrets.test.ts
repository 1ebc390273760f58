/** Provers reckon with secrets in the kernel's constant-time sums only: the sums whose time shows their scalars see none of them. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { commit, openingOf } from '../../src/proof/commitment.ts'
import { proveLinkable } from '../../src/proof/linkable.ts'
import { proveMember } from '../../src/proof/member.ts'
import { proveRange } from '../../src/proof/range-prove.ts'
import { mod, readScalar } from '../../src/proof/scalar.ts'
import { proveEqual, proveOpening } from '../../src/proof/sigma.ts'
import { type GroupDoor, group as kernelGroup } from '../../src/wasm/group.ts'
import { deriveKey } from '../../src/wasm/hash.ts'
import { CONTEXT, chanceOf, partOf, proofKeys } from '../kit/proof-stage.ts'
import { toNumber } from '../kit/scalars.ts'

const test = suite('proof/secrets')
const random = chanceOf('secrets')

/** The kernel's door, and all scalars that its variable-time sums were given. */
function watched(): { group: GroupDoor; sums: bigint[][] } {
  const sums: bigint[][] = []
  const kernel = kernelGroup()
  const group: GroupDoor = {
    ...kernel,
    msm: (scalars, points) => {
      sums.push([...scalars])
      return kernel.msm(scalars, points)
    },
  }
  return { group, sums }
}

test('proofs about openings use none', () => {
  const { group, sums } = watched()
  const opening = openingOf(group, 18n, random)
  proveOpening(group, opening, CONTEXT, random)
  proveEqual(group, opening, openingOf(group, 18n, random), CONTEXT, random)
  commit(group, opening)
  assert.is(sums.length, 0)
})

test('rings use one for each other member and base, never for one’s own', () => {
  const { group, sums } = watched()
  const keys = proofKeys(group, 25)
  const ring = { keys: keys.map((key) => key.publicKey), about: new Uint8Array(0) }
  const me = keys[3] as (typeof keys)[number]
  const x = readScalar(group.reduceWide(deriveKey('webx v1 proof key', new Uint8Array(32).fill(4), 64))) as bigint
  proveMember(group, ring, me, CONTEXT, random)
  assert.is(sums.length, 24)
  proveLinkable(group, ring, { shop: new Uint8Array(32), day: 1 }, me, CONTEXT, random)
  assert.is(sums.length, 24 + 48)
  assert.not(sums.flat().includes(x))
  assert.not(sums.flat().includes(mod(-x)))
})

test('ranges use two for each round of the inner product, which hides what it is about', () => {
  const { group, sums } = watched()
  const opening = openingOf(group, 200n, random)
  const proof = proveRange(group, { openings: [opening], bits: 8, about: [] }, CONTEXT, random)
  assert.is(sums.length, 2 * 3)
  const used = new Set(sums.flat())
  for (const secret of [opening.value, toNumber(opening.blinding), 0n, 1n]) assert.not(used.has(secret))
  for (const shown of [4, 5]) assert.not(used.has(toNumber(partOf(proof, shown))))
})

test.run()

/**
 * One of many: members prove that they are one of 25 without saying which, outsiders cannot, and where it must be told apart, one member is one tag
 * for each shop and day. A second verifier on @noble comes to the same verdicts.
 */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compare, equal, toHex } from '../../src/core/bytes.ts'
import type { WebxError } from '../../src/core/errors.ts'
import { encodeProof } from '../../src/proof/format.ts'
import { checkLinkable, proveLinkable, type ShopDay, sameTag } from '../../src/proof/linkable.ts'
import { checkMember, type Membership, proveMember } from '../../src/proof/member.ts'
import { scalarBytes } from '../../src/proof/scalar.ts'
import { freshScalar, type ProofKey, proofKeyOf } from '../../src/proof/secret.ts'
import { createGroup, group as defaultGroup, ORDER } from '../../src/wasm/group.ts'
import { flip } from '../kit/ed25519.ts'
import { nobleGroup } from '../kit/noble-group.ts'
import * as oracle from '../kit/proof-oracle.ts'
import { CONTEXT, chanceOf, mutations, OTHER_CONTEXTS, partOf, proofKeys, replaced } from '../kit/proof-stage.ts'
import { codeOf } from '../kit/refusal.ts'
import { toNumber } from '../kit/scalars.ts'
import { BUILDS } from '../kit/wasm.ts'

const keyTests = suite('proof/secret')
const memberTests = suite('proof/member')
const linkableTests = suite('proof/linkable')
const group = defaultGroup()
const random = chanceOf('ring')
const people = proofKeys(group, 33)
const neighborhood: Membership = {
  keys: people.slice(0, 25).map((key) => key.publicKey),
  about: Uint8Array.of(1, 2, 3),
}
const ordered = neighborhood.keys.toSorted(compare)
const here: ShopDay = { shop: new Uint8Array(32).fill(7), day: 740_000 }
const member = people[3] as ProofKey
const outsider = people[30] as ProofKey

/** A key that says it is another one. */
function impostor(key: ProofKey, victim: ProofKey): ProofKey {
  return { ...key, publicKey: victim.publicKey }
}

function refusal(check: () => unknown): string {
  try {
    check()
    return ''
  } catch (error) {
    return (error as WebxError).code
  }
}

function memberVerdict(proof: Uint8Array, context = CONTEXT, ring = neighborhood): string {
  return refusal(() => checkMember(group, ring, proof, context))
}

function linkableVerdict(proof: Uint8Array, context = CONTEXT, ring = neighborhood, where = here): string {
  return refusal(() => checkLinkable(group, ring, where, proof, context))
}

/** Rings in which a proof made for `neighborhood` must not hold. */
const OTHER_RINGS: readonly Membership[] = [
  { ...neighborhood, about: new Uint8Array(0) },
  { ...neighborhood, keys: neighborhood.keys.with(20, outsider.publicKey) },
  { ...neighborhood, keys: neighborhood.keys.with(3, outsider.publicKey) },
]

keyTests('a public key is the secret times the base, whoever reckons', () => {
  for (const door of [...BUILDS.map((build) => createGroup(build)), nobleGroup()]) {
    assert.equal(proofKeyOf(door, new Uint8Array(32).fill(4)).publicKey, member.publicKey)
  }
  assert.is(new Set(people.map((key) => toHex(key.publicKey))).size, people.length)
  assert.is(
    codeOf(() => proofKeyOf(group, new Uint8Array(31))),
    'bad-argument',
  )
})

keyTests('a nonce answers one challenge', () => {
  group.scope(() => {
    const move = member.begin(group, [group.base], random(32), random(32))
    move.respond(5n)
    assert.is(
      codeOf(() => move.respond(6n)),
      'bad-argument',
    )
  })
})

memberTests('each of 25 can prove to be one of them, in 837 bytes, in whatever order they are named', () => {
  for (const key of people.slice(0, 25)) {
    const proof = proveMember(group, neighborhood, key, CONTEXT, random)
    assert.is(proof.length, 837)
    assert.is(memberVerdict(proof), '')
    assert.is(memberVerdict(proof, CONTEXT, { ...neighborhood, keys: neighborhood.keys.toReversed() }), '')
  }
})

memberTests('rings have 2 to 32 keys, each once', () => {
  for (const count of [2, 3, 32]) {
    const keys = people.slice(0, count).map((key) => key.publicKey)
    for (const key of [people[0], people[count - 1]] as ProofKey[]) {
      const proof = proveMember(group, { keys, about: new Uint8Array(0) }, key, CONTEXT, random)
      assert.is(memberVerdict(proof, CONTEXT, { keys, about: new Uint8Array(0) }), '')
    }
  }
  for (const keys of [
    [],
    [member.publicKey],
    people.map((key) => key.publicKey),
    [...neighborhood.keys, member.publicKey],
  ]) {
    assert.is(
      codeOf(() => proveMember(group, { ...neighborhood, keys }, member, CONTEXT, random)),
      'bad-argument',
    )
    assert.is(memberVerdict(new Uint8Array(9), CONTEXT, { ...neighborhood, keys }), 'bad-argument')
  }
  for (const broken of [new Uint8Array(32), new Uint8Array(32).fill(255)]) {
    const ring = { ...neighborhood, keys: neighborhood.keys.with(9, broken) }
    assert.is(
      codeOf(() => proveMember(group, ring, member, CONTEXT, random)),
      'bad-proof',
    )
  }
})

memberTests('no outsider can, nor one who says to be somebody else', () => {
  assert.is(
    codeOf(() => proveMember(group, neighborhood, outsider, CONTEXT, random)),
    'bad-argument',
  )
  for (const victim of people.slice(0, 3)) {
    assert.is(memberVerdict(proveMember(group, neighborhood, impostor(outsider, victim), CONTEXT, random)), 'bad-proof')
  }
  const madeUp = encodeProof(Array.from({ length: 26 }, () => freshScalar(group, random)))
  assert.is(memberVerdict(madeUp), 'bad-proof')
})

memberTests('every changed byte, other context and other ring is refused', () => {
  const proof = proveMember(group, neighborhood, member, CONTEXT, random)
  for (let part = 0; part < 26; part++) {
    const changed = replaced(proof, part, flip(partOf(proof, part), 9 * part))
    assert.is(memberVerdict(changed), 'bad-proof', `part ${part}`)
  }
  const small = { ...neighborhood, keys: neighborhood.keys.slice(0, 5) }
  const smallProof = proveMember(group, small, member, CONTEXT, random)
  assert.is(memberVerdict(smallProof, CONTEXT, small), '')
  for (const { name, bytes } of mutations(smallProof)) assert.is.not(memberVerdict(bytes, CONTEXT, small), '', name)
  for (const context of OTHER_CONTEXTS) assert.is(memberVerdict(proof, context), 'bad-proof')
  for (const ring of OTHER_RINGS) assert.is(memberVerdict(proof, CONTEXT, ring), 'bad-proof')
  assert.is(memberVerdict(proof, CONTEXT, { ...neighborhood, keys: neighborhood.keys.slice(1) }), 'bad-shape')
  for (let part = 0; part < 26; part++) {
    const same = replaced(proof, part, scalarBytes(toNumber(partOf(proof, part)) + ORDER))
    assert.is(memberVerdict(same), 'bad-proof', `a scalar beyond the order, part ${part}`)
  }
})

memberTests('the second verifier agrees', () => {
  const proof = proveMember(group, neighborhood, member, CONTEXT, random)
  assert.ok(oracle.member(ordered, neighborhood.about, proof, CONTEXT))
  assert.not(oracle.member(ordered, neighborhood.about, proof, OTHER_CONTEXTS[1] as typeof CONTEXT))
  assert.not(oracle.member(ordered, new Uint8Array(0), proof, CONTEXT))
  assert.not(oracle.member(ordered, neighborhood.about, replaced(proof, 9, scalarBytes(9n)), CONTEXT))
})

memberTests('both builds of the kernel and @noble make the same proof, byte for byte', () => {
  const ring = { ...neighborhood, keys: neighborhood.keys.slice(0, 5) }
  const made = [...BUILDS.map((build) => createGroup(build)), nobleGroup()].map((door) =>
    proveMember(door, ring, proofKeyOf(door, new Uint8Array(32).fill(4)), CONTEXT, chanceOf('twins')),
  )
  assert.ok(made.every((proof) => equal(proof, made[0] as Uint8Array)))
})

memberTests('two proofs of one member share no part, so that nothing links them', () => {
  const proofs = [1, 2].map(() => proveMember(group, neighborhood, member, CONTEXT, random))
  const parts = proofs.flatMap((proof) => Array.from({ length: 26 }, (_, part) => toHex(partOf(proof, part))))
  assert.is(new Set(parts).size, 52)
})

linkableTests('one member is one tag for each shop and day; others, elsewhere and tomorrow are other tags', () => {
  const tagOf = (key: ProofKey, where: ShopDay, context = CONTEXT): Uint8Array => {
    const proof = proveLinkable(group, neighborhood, where, key, context, random)
    assert.is(proof.length, 869)
    return checkLinkable(group, neighborhood, where, proof, context)
  }
  const tag = tagOf(member, here)
  for (const context of OTHER_CONTEXTS) assert.ok(sameTag(tagOf(member, here, context), tag))
  const tags = [
    tag,
    ...people.slice(4, 12).map((key) => tagOf(key, here)),
    tagOf(member, { ...here, day: here.day + 1 }),
    tagOf(member, { ...here, shop: new Uint8Array(32).fill(8) }),
  ]
  assert.is(new Set(tags.map(toHex)).size, tags.length)
})

linkableTests('no member can choose a tag', () => {
  const other: ProofKey = {
    ...member,
    image: (door, base) => door.add(member.image(door, base), base),
  }
  assert.is(linkableVerdict(proveLinkable(group, neighborhood, here, other, CONTEXT, random)), 'bad-proof')
  const stolen: ProofKey = { ...member, image: (door, base) => (people[5] as ProofKey).image(door, base) }
  assert.is(linkableVerdict(proveLinkable(group, neighborhood, here, stolen, CONTEXT, random)), 'bad-proof')
  const proof = proveLinkable(group, neighborhood, here, member, CONTEXT, random)
  const foreign = proveLinkable(group, neighborhood, here, people[5] as ProofKey, CONTEXT, random)
  assert.is(linkableVerdict(replaced(proof, 0, partOf(foreign, 0))), 'bad-proof')
  assert.is(linkableVerdict(replaced(proof, 0, new Uint8Array(32))), 'bad-proof')
  assert.is(linkableVerdict(replaced(proof, 0, member.publicKey)), 'bad-proof')
})

linkableTests('no outsider has a tag', () => {
  assert.is(
    codeOf(() => proveLinkable(group, neighborhood, here, outsider, CONTEXT, random)),
    'bad-argument',
  )
  const proof = proveLinkable(group, neighborhood, here, impostor(outsider, member), CONTEXT, random)
  assert.is(linkableVerdict(proof), 'bad-proof')
})

linkableTests('every changed byte, other context, ring, shop and day is refused', () => {
  const proof = proveLinkable(group, neighborhood, here, member, CONTEXT, random)
  assert.is(linkableVerdict(proof), '')
  for (let part = 0; part < 27; part++) {
    const changed = replaced(proof, part, flip(partOf(proof, part), 9 * part))
    assert.is(linkableVerdict(changed), 'bad-proof', `part ${part}`)
  }
  const small = { ...neighborhood, keys: neighborhood.keys.slice(0, 5) }
  const smallProof = proveLinkable(group, small, here, member, CONTEXT, random)
  assert.is(linkableVerdict(smallProof, CONTEXT, small), '')
  for (const { name, bytes } of mutations(smallProof)) assert.is.not(linkableVerdict(bytes, CONTEXT, small), '', name)
  for (const context of OTHER_CONTEXTS) assert.is(linkableVerdict(proof, context), 'bad-proof')
  for (const ring of OTHER_RINGS) assert.is(linkableVerdict(proof, CONTEXT, ring), 'bad-proof')
  for (const where of [
    { ...here, day: 740_001 },
    { ...here, shop: new Uint8Array(32).fill(8) },
  ]) {
    assert.is(linkableVerdict(proof, CONTEXT, neighborhood, where), 'bad-proof')
  }
  const membership = proveMember(group, neighborhood, member, CONTEXT, random)
  assert.is(linkableVerdict(membership), 'bad-shape')
  assert.is(memberVerdict(proof), 'bad-shape')
})

linkableTests('the second verifier agrees', () => {
  const proof = proveLinkable(group, neighborhood, here, member, CONTEXT, random)
  const { about } = neighborhood
  assert.ok(oracle.linkable(ordered, about, here.shop, here.day, proof, CONTEXT))
  assert.not(oracle.linkable(ordered, about, here.shop, here.day + 1, proof, CONTEXT))
  assert.not(oracle.linkable(ordered, about, here.shop, here.day, replaced(proof, 0, member.publicKey), CONTEXT))
})

keyTests.run()
memberTests.run()
linkableTests.run()

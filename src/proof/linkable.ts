/**
 * "I am one of these, and this is my tag here today": a ring proof that counts each member once per shop and day.
 *
 * The tag is x · E for the member's secret x and a base E that is a digest of shop and day. The same member has the same tag all day, so a repeated
 * check-in replaces its predecessor and nobody floods a till with pseudonyms; tags of other shops or days cannot be linked to it (by the decisional
 * Diffie–Hellman assumption), nor to a member. That holds while x is secret: who learns x later can recognize all tags it ever made.
 */

import { assertBytes, equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import type { GroupDoor, Point } from '../wasm/group.ts'
import { hashToGroup, readPoints } from './bases.ts'
import { decodeProof, encodeProof, readScalars } from './format.ts'
import type { Membership } from './member.ts'
import { closeRing, isClosed, orderedRing } from './ring.ts'
import { chanceFrom, nonces, type ProofKey, type Random } from './secret.ts'
import { type ProofContext, Transcript } from './transcript.ts'

/** Where and when a member counts once. */
export interface ShopDay {
  /** 32-byte identity of the shop. */
  readonly shop: Uint8Array
  /** Number of the day, as `day.ts` counts them. */
  readonly day: number
}

const WHAT = 'linkable proof'

/** Whether two tags are of the same member, shop and day. */
export function sameTag(a: Uint8Array, b: Uint8Array): boolean {
  return equal(a, b)
}

/** A proof by the holder of `key`, 32 · (keys + 2) + 5 bytes. Throws `bad-argument` where the key is not in the ring. */
export function proveLinkable(
  group: GroupDoor,
  membership: Membership,
  where: ShopDay,
  key: ProofKey,
  context: ProofContext,
  random: Random,
): Uint8Array {
  const keys = orderedRing(membership.keys)
  const position = keys.findIndex((member) => equal(member, key.publicKey))
  if (position < 0) throw new WebxError('bad-argument', 'the key is not one of the ring')
  return group.scope(() => {
    const base = baseOf(group, where)
    const image = key.image(group, base)
    const tag = group.encode(image)
    const sides = [
      { base: group.base, images: readPoints(group, WHAT, keys) },
      { base, images: keys.map(() => image) },
    ]
    const bases = [group.base, base]
    const state = open(group.encodeAll(bases), { keys, about: membership.about }, where, tag, context)
    const chance = chanceFrom(random)
    const move = key.begin(group, bases, chance, state)
    const nonce = nonces(group, chance, [], state)
    return encodeProof([tag, ...closeRing(group, state, sides, position, move, nonce)])
  })
}

/**
 * The tag, 32 bytes, of the member who made the proof.
 *
 * @throws WebxError `bad-proof` unless a holder of one of the keys made it; a decoder's code where the bytes are no proof of that size
 */
export function checkLinkable(
  group: GroupDoor,
  membership: Membership,
  where: ShopDay,
  proof: Uint8Array,
  context: ProofContext,
): Uint8Array {
  const keys = orderedRing(membership.keys)
  const [tag, ...parts] = decodeProof(WHAT, proof, keys.length + 2) as [Uint8Array, ...Uint8Array[]]
  const [first = 0n, ...responses] = readScalars(WHAT, parts)
  const holds = group.scope(() => {
    const base = baseOf(group, where)
    const [image, ...members] = readPoints(group, WHAT, [tag, ...keys]) as [Point, ...Point[]]
    const sides = [
      { base: group.base, images: members },
      { base, images: keys.map(() => image) },
    ]
    const bases = group.encodeAll([group.base, base])
    const state = open(bases, { keys, about: membership.about }, where, tag, context)
    return isClosed(group, state, sides, first, responses)
  })
  if (!holds) throw new WebxError('bad-proof', 'the proof does not hold for this ring, shop, day and context')
  return tag.slice()
}

function baseOf(group: GroupDoor, { shop, day }: ShopDay): Point {
  assertBytes('shop', shop, 32)
  return hashToGroup(group, 'webx v1 shop day', encode([shop, day]))
}

/** 32 bytes of the conversation before the ring. */
function open(
  bases: readonly Uint8Array[],
  { keys, about }: Membership,
  { shop, day }: ShopDay,
  tag: Uint8Array,
  context: ProofContext,
): Uint8Array {
  const transcript = new Transcript('webx v1 linkable', context, bases)
  transcript.say('ring', keys)
  transcript.say('about', about)
  transcript.say('shop day', [shop, day])
  transcript.say('tag', tag)
  return transcript.state('ring')
}

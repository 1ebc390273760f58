/**
 * Golden proofs: made with chance that repeats itself, so that their bytes are the same on every machine; `test/vectors/proofs.json` holds them,
 * and beside each what must be refused.
 */

import { compare, fromHex, toHex } from '../../src/core/bytes.ts'
import { proveAtLeast, proveAtMost } from '../../src/proof/bound.ts'
import { commit, type Opening, openingOf } from '../../src/proof/commitment.ts'
import { encodeCredential } from '../../src/proof/credential.ts'
import { encodeIssued, issuedMessage, issuedPayload } from '../../src/proof/issued.ts'
import { proveLinkable } from '../../src/proof/linkable.ts'
import { proveMember } from '../../src/proof/member.ts'
import { provePossession } from '../../src/proof/possession.ts'
import { proveRange } from '../../src/proof/range-prove.ts'
import { scalarBytes } from '../../src/proof/scalar.ts'
import { proveEqual, proveOpening } from '../../src/proof/sigma.ts'
import { type GroupDoor, ORDER } from '../../src/wasm/group.ts'
import { fill, HOUR_MS, holder, NOW_MS } from './pings.ts'
import { CONTEXT, chanceOf, partOf, proofKeys, replaced } from './proof-stage.ts'
import { toNumber } from './scalars.ts'

/** A golden proof; all bytes are hexadecimal. */
export interface ProofVector {
  readonly name: string
  /** What says whether it holds. */
  readonly kind: 'opening' | 'equal' | 'range' | 'at least' | 'at most' | 'member' | 'linkable' | 'possession'
  /** Commitments, or the keys of the ring. */
  readonly of: readonly string[]
  readonly bits?: number
  readonly bound?: string
  readonly about?: string
  readonly shop?: string
  readonly day?: number
  readonly tag?: string
  readonly proof: string
  /** Bytes that prove nothing, and the code with which they are refused. */
  readonly refused: readonly { readonly name: string; readonly code: string; readonly proof: string }[]
}

/** The file. */
export interface ProofVectors {
  readonly about: string
  readonly context: {
    readonly audience: string
    readonly nonce: string
    readonly purpose: string
    readonly ping: string
  }
  readonly commitments: readonly { readonly value: string; readonly blinding: string; readonly commitment: string }[]
  readonly proofs: readonly ProofVector[]
  /** What the subject keeps of the first commitment, vouched for with the Ed25519 key of the seed 32 times 51. */
  readonly credential: string
}

/** All of them, made anew. */
export function proofVectors(group: GroupDoor): ProofVectors {
  const random = chanceOf('golden')
  const [age, balance, other] = [739_000n, 2_500n, 2_500n].map((value) => openingOf(group, value, random)) as [
    ReturnType<typeof openingOf>,
    ReturnType<typeof openingOf>,
    ReturnType<typeof openingOf>,
  ]
  const openings = [age, balance, other]
  const [ageC, balanceC, otherC] = openings.map((opening) => toHex(commit(group, opening))) as [string, string, string]
  const keys = proofKeys(group, 25)
  const ring = { keys: keys.map((key) => key.publicKey), about: Uint8Array.of(1, 2, 3) }
  const of = ring.keys.toSorted(compare).map(toHex)
  const where = { shop: new Uint8Array(32).fill(7), day: 740_000 }
  const member = keys[3] as (typeof keys)[number]
  const linkable = proveLinkable(group, ring, where, member, CONTEXT, random)
  const made: Omit<ProofVector, 'refused'>[] = [
    {
      name: 'knowledge of an opening',
      kind: 'opening',
      of: [balanceC],
      proof: toHex(proveOpening(group, balance, CONTEXT, random)),
    },
    {
      name: 'equal values',
      kind: 'equal',
      of: [balanceC, otherC],
      proof: toHex(proveEqual(group, balance, other, CONTEXT, random)),
    },
    {
      name: 'two values of 64 bits',
      kind: 'range',
      of: [balanceC, ageC],
      bits: 64,
      proof: toHex(proveRange(group, { openings: [balance, age], bits: 64, about: [] }, CONTEXT, random)),
    },
    {
      name: 'balance ≥ price',
      kind: 'at least',
      of: [balanceC],
      bits: 64,
      bound: '1999',
      proof: toHex(proveAtLeast(group, balance, { bound: 1_999n, bits: 64 }, CONTEXT, random)),
    },
    {
      name: 'age ≥ 18',
      kind: 'at most',
      of: [ageC],
      bits: 16,
      bound: '739500',
      proof: toHex(proveAtMost(group, age, { bound: 739_500n, bits: 16 }, CONTEXT, random)),
    },
    {
      name: 'member of 25',
      kind: 'member',
      of,
      about: '010203',
      proof: toHex(proveMember(group, ring, member, CONTEXT, random)),
    },
    {
      name: 'tag of one of 25',
      kind: 'linkable',
      of,
      about: '010203',
      shop: toHex(where.shop),
      day: where.day,
      tag: toHex(partOf(linkable, 0)),
      proof: toHex(linkable),
    },
    {
      name: 'possession of a proof key',
      kind: 'possession',
      of: [toHex(member.publicKey)],
      proof: toHex(provePossession(group, member, CONTEXT, random)),
    },
  ]
  return {
    about:
      'Golden proofs of webx, version 1. Commitments and proofs are for the context; a ring is in ascending order of its keys, which are of the secrets 32 times 1 to 25. "refused" has one thing wrong each.',
    context: {
      audience: toHex(CONTEXT.audience),
      nonce: toHex(CONTEXT.nonce),
      purpose: CONTEXT.purpose,
      ping: toHex(CONTEXT.ping),
    },
    commitments: openings.map((opening) => ({
      value: `${opening.value}`,
      blinding: toHex(opening.blinding),
      commitment: toHex(commit(group, opening)),
    })),
    proofs: made.map((vector) => ({ ...vector, refused: refusedOf(fromHex(vector.proof)) })),
    credential: toHex(credentialOf(fromHex(ageC), age)),
  }
}

function credentialOf(commitment: Uint8Array, opening: Opening): Uint8Array {
  const who = { issuer: fill(32, 1), subject: fill(32, 2), what: 'birthday' }
  const payload = issuedPayload({ ...who, commitment, issuedAtMs: NOW_MS, expiresAtMs: NOW_MS + HOUR_MS })
  return encodeCredential(encodeIssued(payload, holder(51).sign(issuedMessage(payload))), opening)
}

/** What must be refused: each has one thing wrong. */
function refusedOf(proof: Uint8Array): ProofVector['refused'] {
  const last = Math.floor(proof.length / 32) - 1
  const version = proof.slice()
  version[1] = 2
  const changed = scalarBytes((toNumber(partOf(proof, last)) + 1n) % ORDER)
  const beyond = scalarBytes(toNumber(partOf(proof, last)) + ORDER)
  return [
    { name: 'another version', code: 'bad-version', proof: toHex(version) },
    { name: 'a byte at the end', code: 'not-canonical', proof: `${toHex(proof)}00` },
    { name: 'the last scalar plus one', code: 'bad-proof', proof: toHex(replaced(proof, last, changed)) },
    { name: 'the last scalar plus the order', code: 'bad-proof', proof: toHex(replaced(proof, last, beyond)) },
    { name: 'zeros first', code: 'bad-proof', proof: toHex(replaced(proof, 0, new Uint8Array(32))) },
  ]
}

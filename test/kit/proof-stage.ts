/** What tests of proofs begin with: chance that repeats itself, a context, contexts that differ in one thing, mutations. */

import '../kit/wasm.ts'
import { concat, fromText } from '../../src/core/bytes.ts'
import { type ProofKey, proofKeyOf } from '../../src/proof/secret.ts'
import type { ProofContext } from '../../src/proof/transcript.ts'
import type { GroupDoor } from '../../src/wasm/group.ts'
import { deriveKey } from '../../src/wasm/hash.ts'
import { flip } from './ed25519.ts'

/** Bytes that are the same for the same seed, and no two draws alike. */
export function chanceOf(seed: string): (length: number) => Uint8Array {
  let draws = 0
  return (length) => deriveKey('webx v1 test chance', fromText(`${seed} ${draws++}`), length)
}

/** A context of constants. */
export const CONTEXT: ProofContext = {
  audience: new Uint8Array(32).fill(1),
  nonce: new Uint8Array(16).fill(2),
  purpose: 'age',
  ping: new Uint8Array(16).fill(3),
}

/** Contexts in which a proof made for `CONTEXT` must not hold. */
export const OTHER_CONTEXTS: readonly ProofContext[] = [
  { ...CONTEXT, audience: new Uint8Array(32).fill(9) },
  { ...CONTEXT, nonce: new Uint8Array(16).fill(9) },
  { ...CONTEXT, nonce: new Uint8Array(17).fill(2) },
  { ...CONTEXT, purpose: 'balance' },
  { ...CONTEXT, purpose: '' },
  { ...CONTEXT, ping: new Uint8Array(16).fill(9) },
  { ...CONTEXT, ping: new Uint8Array(0) },
]

/** The proof keys of people with these numbers. */
export function proofKeys(group: GroupDoor, count: number): ProofKey[] {
  return Array.from({ length: count }, (_, i) => proofKeyOf(group, new Uint8Array(32).fill(i + 1)))
}

/** Every copy with one byte changed in one bit, and then every way in which the length is wrong. */
export function* mutations(proof: Uint8Array): Generator<{ readonly name: string; readonly bytes: Uint8Array }> {
  for (let i = 0; i < proof.length; i++) yield { name: `byte ${i}`, bytes: flip(proof, 8 * i + ((7 * i + 2) % 8)) }
  yield { name: 'one byte more', bytes: concat(proof, new Uint8Array(1)) }
  yield { name: 'one byte less', bytes: proof.subarray(0, -1) }
  yield { name: 'nothing', bytes: new Uint8Array(0) }
  yield { name: 'all zeros', bytes: new Uint8Array(proof.length) }
}

/** The proof with its 32-byte part at `index` replaced. */
export function replaced(proof: Uint8Array, index: number, part: Uint8Array): Uint8Array {
  const bytes = proof.slice()
  const count = Math.floor(proof.length / 32)
  bytes.set(part, proof.length - 32 * (count - index))
  return bytes
}

/** The 32-byte part at `index`. */
export function partOf(proof: Uint8Array, index: number): Uint8Array {
  const at = proof.length - 32 * (Math.floor(proof.length / 32) - index)
  return proof.slice(at, at + 32)
}

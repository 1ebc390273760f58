/**
 * What provers hide with: nonces and blindings as 32-byte scalars that never leave the kernel's constant-time arithmetic, and the holder of a proof key.
 *
 * A proof key is a key of its own on ristretto255, not the Ed25519 key of the identity. Proofs need the secret number itself, which a keystore that
 * only signs does not hand out; one number must not serve two protocols; and Ed25519 keys may carry a part of small order, by which two keys are one
 * under the cofactored rule but two in a ring. Whoever keeps a list of members (a neighborhood, a shop) enrols the key by a signed statement
 * (`issued.ts`) about the identity.
 */

import { assertBytes } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import type { GroupDoor, Point } from '../wasm/group.ts'
import { deriveKey } from '../wasm/hash.ts'
import { mod, SCALAR_BYTES, scalarBytes } from './scalar.ts'

/** That many unforeseeable bytes. */
export type Random = (length: number) => Uint8Array

/** 32 random bytes for one proof. Throws `bad-argument` where the source gives another number of them. */
export function chanceFrom(random: Random): Uint8Array {
  const chance = random(SCALAR_BYTES)
  assertBytes('random()', chance, SCALAR_BYTES)
  return chance
}

/**
 * A prover's nonces: random, and bound to the secrets and the statement, so that a source that repeats itself gives other nonces for other statements
 * and no secret away (as in RFC 8032 and RFC 6979).
 *
 * @param chance 32 random bytes, drawn once for all nonces of a proof
 * @param statement 32 bytes of the conversation so far
 * @returns the next uniform scalar, 32 secret bytes
 */
export function nonces(
  group: GroupDoor,
  chance: Uint8Array,
  secrets: readonly Uint8Array[],
  statement: Uint8Array,
): () => Uint8Array {
  const seed = blake3Of('webx v1 proof nonce seed', encode([chance, secrets, statement]))
  let count = 0
  return () => group.reduceWide(deriveKey('webx v1 proof nonce', encode([seed, count++]), 64))
}

/** A uniform secret scalar of 64 random bytes. */
export function freshScalar(group: GroupDoor, random: Random): Uint8Array {
  const chance = random(64)
  assertBytes('random()', chance, 64)
  return group.reduceWide(chance)
}

/** Response of a Schnorr proof: nonce + challenge · secret. */
export function respond(group: GroupDoor, nonce: Uint8Array, challenge: bigint, secret: Uint8Array): Uint8Array {
  return group.mulAdd(scalarBytes(challenge), secret, nonce)
}

/** Who can answer for a proof key x without handing it out. */
export interface ProofKey {
  /** x · G, 32 bytes. */
  readonly publicKey: Uint8Array
  /** x · base: what links the proofs of one key over one base. */
  image(group: GroupDoor, base: Point): Point
  /**
   * Begins one proof of knowledge of x over those bases.
   *
   * @param chance 32 random bytes, from which all else that is random in the proof must be drawn too: else a nonce could meet two challenges
   */
  begin(group: GroupDoor, bases: readonly Point[], chance: Uint8Array, statement: Uint8Array): KeyMove
}

/** One running proof of knowledge. */
export interface KeyMove {
  /** k · base for each base; inside the scope in which the move began. */
  readonly commitments: readonly Point[]
  /** k − challenge · x. Throws `bad-argument` if asked twice: two responses for one nonce give the key away. */
  respond(challenge: bigint): Uint8Array
}

/** The proof key of 32 secret bytes, which it keeps; for tests and for keystores that hold the secret anyway. */
export function proofKeyOf(group: GroupDoor, secret: Uint8Array): ProofKey {
  assertBytes('secret', secret, SCALAR_BYTES)
  const x = group.reduceWide(deriveKey('webx v1 proof key', secret, 64))
  return {
    publicKey: group.scope(() => group.encode(group.mulSecret(x, group.base))),
    image: (door, base) => door.mulSecret(x, base),
    begin: (door, bases, chance, statement) => {
      const nonce = nonces(door, chance, [x], statement)()
      let isSpent = false
      return {
        commitments: bases.map((base) => door.mulSecret(nonce, base)),
        respond: (challenge) => {
          if (isSpent) throw new WebxError('bad-argument', 'a nonce answers one challenge')
          isSpent = true
          const response = respond(door, nonce, mod(-challenge), x)
          nonce.fill(0)
          return response
        },
      }
    },
  }
}

/**
 * Two sigma protocols on Pedersen commitments (Schnorr 1991, Okamoto 1992, Chaum and Pedersen 1992), made non-interactive by `transcript.ts`:
 * that the prover can open a commitment, and that two commitments hide the same value.
 *
 * Secrets stay in the kernel's constant-time arithmetic; proofs carry the challenge instead of the first message, which the verifier recomputes.
 */

import { WebxError } from '../core/errors.ts'
import type { GroupDoor, Point } from '../wasm/group.ts'
import { basesOf, readPoints } from './bases.ts'
import { assertOpening, commit, type Opening } from './commitment.ts'
import { decodeProof, encodeProof, readScalars } from './format.ts'
import { mod, scalarBytes } from './scalar.ts'
import { chanceFrom, nonces, type Random, respond } from './secret.ts'
import { type ProofContext, Transcript } from './transcript.ts'

/** Proves that its maker can open the commitment of `opening`; 100 bytes. */
export function proveOpening(group: GroupDoor, opening: Opening, context: ProofContext, random: Random): Uint8Array {
  return proveKnowledge(group, 'webx v1 opening', [opening], context, random)
}

/** Throws `bad-proof` unless the prover could open the commitment (or a decoder's code where the bytes are no proof). */
export function checkOpening(group: GroupDoor, commitment: Uint8Array, proof: Uint8Array, context: ProofContext): void {
  checkKnowledge(group, 'webx v1 opening', [commitment], proof, context)
}

/** Proves that the commitments of two openings hide the same value; 132 bytes. Throws `bad-argument` where they do not. */
export function proveEqual(
  group: GroupDoor,
  a: Opening,
  b: Opening,
  context: ProofContext,
  random: Random,
): Uint8Array {
  if (a.value !== b.value) throw new WebxError('bad-argument', 'the two values differ')
  return proveKnowledge(group, 'webx v1 equal values', [a, b], context, random)
}

/** Throws `bad-proof` unless the prover could open both commitments to the same value. */
export function checkEqual(
  group: GroupDoor,
  a: Uint8Array,
  b: Uint8Array,
  proof: Uint8Array,
  context: ProofContext,
): void {
  checkKnowledge(group, 'webx v1 equal values', [a, b], proof, context)
}

/** Knowledge of one value and of the blindings with which the commitments hide it. */
function proveKnowledge(
  group: GroupDoor,
  protocol: string,
  openings: readonly Opening[],
  context: ProofContext,
  random: Random,
): Uint8Array {
  for (const opening of openings) assertOpening(opening)
  const { value, blinding, encodings } = basesOf(group)
  const transcript = new Transcript(protocol, context, encodings)
  const statement = openings.map((opening) => commit(group, opening))
  const secrets = [scalarBytes((openings[0] as Opening).value), ...openings.map((opening) => opening.blinding)]
  transcript.say('commitments', statement)
  const nonce = nonces(group, chanceFrom(random), secrets, transcript.state('nonces'))
  const hiding = secrets.map(() => nonce())
  group.scope(() => {
    const points = openings.map((_, i) =>
      group.sumSecret([hiding[0] as Uint8Array, hiding[i + 1] as Uint8Array], [value, blinding]),
    )
    transcript.say('nonces', group.encodeAll(points))
  })
  const challenge = transcript.challenge('challenge')
  const responses = secrets.map((secret, i) => respond(group, hiding[i] as Uint8Array, challenge, secret))
  for (const secret of hiding) secret.fill(0)
  return encodeProof([scalarBytes(challenge), ...responses])
}

function checkKnowledge(
  group: GroupDoor,
  protocol: string,
  commitments: readonly Uint8Array[],
  proof: Uint8Array,
  context: ProofContext,
): void {
  const { value, blinding, encodings } = basesOf(group)
  const parts = decodeProof(protocol, proof, commitments.length + 2)
  const [challenge = 0n, shared = 0n, ...blindings] = readScalars(protocol, parts)
  const transcript = new Transcript(protocol, context, encodings)
  transcript.say('commitments', commitments)
  transcript.state('nonces')
  group.scope(() => {
    const points = readPoints(group, 'commitment', commitments)
    const nonces = points.map((point: Point, i) =>
      group.msm([shared, blindings[i] as bigint, mod(-challenge)], [value, blinding, point]),
    )
    transcript.say('nonces', group.encodeAll(nonces))
  })
  if (transcript.challenge('challenge') !== challenge) {
    throw new WebxError('bad-proof', 'the proof does not hold for this statement and context')
  }
}

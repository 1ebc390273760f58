/**
 * That whoever hands in a proof key holds its secret (Schnorr 1991): asked for before a key is enrolled.
 *
 * A key that nobody holds, or that was copied or reckoned from other people's, would weaken every ring that it gets into. The proof is bound to its context like all
 * others, so that one that was overheard enrols nobody elsewhere or later.
 */

import { WebxError } from '../core/errors.ts'
import type { GroupDoor } from '../wasm/group.ts'
import { readPoints } from './bases.ts'
import { decodeProof, encodeProof, readScalars } from './format.ts'
import { scalarBytes } from './scalar.ts'
import { chanceFrom, type ProofKey, type Random } from './secret.ts'
import { type ProofContext, Transcript } from './transcript.ts'

const WHAT = 'proof of possession'

/** Proves that its maker holds the secret of `key`; 68 bytes. Throws `bad-argument` for a context out of its bounds. */
export function provePossession(group: GroupDoor, key: ProofKey, context: ProofContext, random: Random): Uint8Array {
  return group.scope(() => {
    const transcript = open(group, key.publicKey, context)
    const move = key.begin(group, [group.base], chanceFrom(random), transcript.state('nonces'))
    transcript.say('nonces', group.encodeAll(move.commitments))
    const challenge = transcript.challenge('challenge')
    return encodeProof([scalarBytes(challenge), move.respond(challenge)])
  })
}

/**
 * Passes where the prover held the secret of `publicKey` (32 bytes).
 *
 * @throws WebxError `bad-proof` where it did not, or the key is no element of the group; a decoder's code where the bytes are no such proof
 */
export function checkPossession(
  group: GroupDoor,
  publicKey: Uint8Array,
  proof: Uint8Array,
  context: ProofContext,
): void {
  const [challenge = 0n, response = 0n] = readScalars(WHAT, decodeProof(WHAT, proof, 2))
  const transcript = open(group, publicKey, context)
  transcript.state('nonces')
  group.scope(() => {
    const points = [group.base, ...readPoints(group, 'proof key', [publicKey])]
    transcript.say('nonces', [group.encode(group.msm([response, challenge], points))])
  })
  if (transcript.challenge('challenge') !== challenge) {
    throw new WebxError('bad-proof', 'the proof does not show that its maker holds this key, in this context')
  }
}

function open(group: GroupDoor, publicKey: Uint8Array, context: ProofContext): Transcript {
  const transcript = new Transcript('webx v1 possession', context, [group.encode(group.base)])
  transcript.say('key', publicKey)
  return transcript
}

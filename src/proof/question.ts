/**
 * The whole of "are you 18?": a question about a number that an issuer vouched for, and an answer that shows nothing but yes.
 *
 * The question carries the context and the bound; the answer carries the issuer's document and the proof. `checkAnswer` looks at both, so that a
 * proof about a commitment that nobody signed never passes for an answer.
 */

import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { GroupDoor } from '../wasm/group.ts'
import { checkAtLeast, checkAtMost, proveAtLeast, proveAtMost } from './bound.ts'
import { commit, type Opening } from './commitment.ts'
import { checkIssued, commitmentIn, type Expected, type IssuedCommitment } from './issued.ts'
import type { Random } from './secret.ts'
import type { ProofContext } from './transcript.ts'

/** How a number may lie to the bound; the index is what travels. */
export const RELATIONS = ['at least', 'at most'] as const
export type Relation = (typeof RELATIONS)[number]

/** What somebody wants to know, and why. */
export interface Question extends ProofContext {
  /** What was issued, such as `birthday`. */
  readonly what: string
  readonly relation: Relation
  /** 0 … 2^64 − 1. */
  readonly bound: bigint
  /** The number lies less than 2^bits off the bound: 8, 16, 32 or 64. */
  readonly bits: number
}

const VERSION = 1
const BOUND_BYTES = 8
const BITS_MAX = 64

/** Canonical bytes of a question. Throws `bad-argument` for a bound beyond 2^64 − 1. */
export function encodeQuestion({ audience, nonce, purpose, ping, what, relation, bound, bits }: Question): Uint8Array {
  if (bound < 0n || bound >= 2n ** 64n) throw new WebxError('bad-argument', 'a bound is 0 … 2^64 − 1')
  const boundBytes = new Uint8Array(BOUND_BYTES)
  new DataView(boundBytes.buffer).setBigUint64(0, bound)
  return encode([VERSION, audience, nonce, purpose, ping, what, RELATIONS.indexOf(relation), boundBytes, bits])
}

/** Reads a question. Throws `too-long`, `not-canonical`, `bad-version` or `bad-shape`. */
export function readQuestion(bytes: Uint8Array): Question {
  const fields = Fields.of('question', bytes, LIMITS.proofQuestionBytesMax)
  assertVersion('question', fields)
  const audience = fields.bytes('audience', 32)
  const nonce = fields.bytesBetween('nonce', LIMITS.proofNonceBytesMin, LIMITS.proofNonceBytesMax)
  const purpose = fields.text('purpose', LIMITS.proofPurposeCharactersMax)
  const ping = fields.bytesBetween('ping', 0, LIMITS.proofPingBytesMax)
  const what = fields.text('what', LIMITS.issuedWhatCharactersMax)
  const relation = RELATIONS[fields.uint('relation', RELATIONS.length - 1)] as Relation
  const boundBytes = fields.bytes('bound', BOUND_BYTES)
  const bound = new DataView(boundBytes.buffer, boundBytes.byteOffset).getBigUint64(0)
  const bits = fields.uint('bits', BITS_MAX)
  fields.end()
  if (![8, 16, 32, 64].includes(bits)) throw new WebxError('bad-shape', 'question: bits are 8, 16, 32 or 64')
  return { audience, nonce, purpose, ping, what, relation, bound, bits }
}

/**
 * The answer of whoever holds the opening of an issued commitment.
 *
 * @throws WebxError `bad-argument` where the truthful answer is no, or the opening is not of that document
 */
export function answerQuestion(
  group: GroupDoor,
  question: Question,
  document: Uint8Array,
  opening: Opening,
  random: Random,
): Uint8Array {
  const { what, commitment } = commitmentIn(document)
  const own = commit(group, opening)
  if (what !== question.what || !equal(own, commitment)) {
    throw new WebxError('bad-argument', 'the document is about something else than the question or the opening')
  }
  const prove = question.relation === 'at least' ? proveAtLeast : proveAtMost
  return encode([VERSION, document, prove(group, opening, question, question, random)])
}

/**
 * What the issuer said, after its signature, its subject and the proof have been checked: the answer is yes.
 *
 * @param expected who must have vouched for whom; `what` is the question's
 * @throws WebxError a decoder's code; what `checkIssued` throws; `bad-proof` where the proof does not answer this question
 */
export function checkAnswer(
  group: GroupDoor,
  question: Question,
  answer: Uint8Array,
  expected: Omit<Expected, 'what'>,
): IssuedCommitment {
  const fields = Fields.of('answer', answer, LIMITS.proofAnswerBytesMax)
  assertVersion('answer', fields)
  const document = fields.bytesBetween('document', 1, LIMITS.issuedBytesMax)
  const proof = fields.bytesBetween('proof', 1, LIMITS.proofBytesMax)
  fields.end()
  const issued = checkIssued(group, document, { ...expected, what: question.what })
  const check = question.relation === 'at least' ? checkAtLeast : checkAtMost
  check(group, issued.commitment, question, proof, question)
  return issued
}

function assertVersion(what: string, fields: Fields): void {
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `${what}: version ${version} is unknown`)
}

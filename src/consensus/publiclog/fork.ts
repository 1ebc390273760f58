/**
 * EVIDENCE about the public log: signatures that convict whoever made them, to anyone who knows the committee.
 *
 * Body: [16, seat, signed, signed, contradiction] a MasterNode that signed two checkpoints; [17, …] a witness that cosigned two; [18, seat, signed, index, entry, path] a
 * MasterNode that signed a tree with an entry that is no leaf; [19, seat, [vote, signature], [vote, signature]] a witness that voted for two bases of one generation. `signed`
 * is [text, time, signature]; the two sides are sorted by their texts, or votes. Two texts of one log contradict each other where sizes are equal and roots are not; for different sizes,
 * `contradiction` [root, path] shows with which root the larger tree begins, by a consistency proof (RFC 9162 §2.1.4): whoever holds the larger tree needs nothing of the
 * smaller. Scope: the digest of the committee, the same for both: in one epoch an honest seat keeps one line of growth, whoever else lies.
 */

import { compare, concat, equal, fromText } from '../../core/bytes.ts'
import { type Cbor, encode } from '../../core/codec.ts'
import { type SignatureCheck, verifyGroups } from '../../core/crypto.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Committee } from '../committee.ts'
import { assertScope } from '../statement.ts'
import { type Checkpoint, type CheckpointTerms, keyOfSeat, readCheckpointText } from './checkpoint.ts'
import { type Bundle, checkpointSubject, SUBJECT, type Subject, subjectSignedBytes, textOf } from './cosignature.ts'
import { readLeafBody } from './leaf.ts'
import { HASH_BYTES, leafHash, verifyConsistency, verifyInclusion } from './proof.ts'
import { type RedrawVote, readRedraw } from './redraw.ts'

/** What the larger of two trees begins with: what shows that it is no growth of the smaller one. */
export interface Contradiction {
  /** Root of its first leaves, so many as the smaller tree has. */
  readonly root: Uint8Array
  /** Consistency of that with the larger head. */
  readonly path: readonly Uint8Array[]
}

/** An entry of a tree that is no leaf. */
export interface BadEntry {
  readonly index: number
  readonly entry: Uint8Array
  readonly path: readonly Uint8Array[]
}

export type LogOffence = 'double-checkpoint' | 'double-cosignature' | 'bad-entry' | 'double-redraw'

/** What a piece of evidence says; true only if all checks hold. */
export interface LogEvidence {
  readonly kind: LogOffence
  /** 32-byte identity. */
  readonly guilty: Uint8Array
  readonly checks: readonly SignatureCheck[]
}

/** Whether evidence is about the public log. Throws `bad-shape`, `not-canonical`, `too-long`. */
export function isLogEvidence({ type, body }: Envelope): boolean {
  if (type !== TYPE.evidence) return false
  const kind = Fields.of('evidence', body, LIMITS.evidenceBytesMax).uint('kind')
  return kind >= FIRST_KIND && kind < FIRST_KIND + KINDS.length
}

/** Evidence against every MasterNode that signed both checkpoints; none where they do not contradict each other. For different sizes a contradiction is needed. */
export function checkpointEvidence(
  committee: Committee,
  one: Checkpoint,
  other: Checkpoint,
  contradiction: Contradiction | null = null,
): Uint8Array[] {
  const [left, right] = [one, other].map(({ text, signatures }): Side => {
    return { text, signatures: signatures.map((signed) => ({ ...signed, seconds: 0 })) }
  })
  return sidesEvidence('double-checkpoint', committee, left as Side, right as Side, contradiction)
}

/** Evidence against every member that cosigned both checkpoints; none where they do not contradict each other. */
export function cosignatureEvidence(
  committee: Committee,
  one: Bundle,
  other: Bundle,
  contradiction: Contradiction | null = null,
): Uint8Array[] {
  if (one.kind !== SUBJECT.checkpoint || other.kind !== SUBJECT.checkpoint) return []
  const [left, right] = [one, other].map((bundle): Side => ({ text: textOf(bundle), signatures: bundle.cosignatures }))
  return sidesEvidence('double-cosignature', committee, left as Side, right as Side, contradiction)
}

/**
 * Evidence against every MasterNode that signed a tree with this entry; none where the checkpoint says that the network has cosigned it: then the generation may have
 * begun with it, and its MasterNodes have not chosen what that is.
 */
export function badEntryEvidence(committee: Committee, checkpoint: Checkpoint, bad: BadEntry): Uint8Array[] {
  const { index, entry, path } = bad
  if (index < checkpoint.network) return []
  return checkpoint.signatures.map(({ seat, signature }) => {
    return evidenceBytes(committee, [18, seat, [checkpoint.text, 0, signature], index, entry, concat(...path)])
  })
}

/** Evidence against every member that cosigned both votes; none where they are not for different bases of one generation. */
export function redrawEvidence(committee: Committee, one: Bundle, other: Bundle): Uint8Array[] {
  if (one.kind !== SUBJECT.redraw || other.kind !== SUBJECT.redraw) return []
  const isOffence = readRedraw(one).generation === readRedraw(other).generation && !equal(one.content, other.content)
  if (!isOffence) return []
  const [first, second] = compare(one.content, other.content) < 0 ? [one, other] : [other, one]
  return first.cosignatures.flatMap(({ seat, signature }) => {
    const again = second.cosignatures.find((signed) => signed.seat === seat)
    if (!again) return []
    return [evidenceBytes(committee, [19, seat, [first.content, signature], [second.content, again.signature]])]
  })
}

/** Decodes evidence and verifies all but the signatures in `checks`. Throws `bad-shape` where nothing is proven, `wrong-epoch`, `unknown-sender`, `wrong-net`, and what decoding throws. */
export function readLogEvidence(envelope: Envelope, committee: Committee): LogEvidence {
  if (envelope.type !== TYPE.evidence || envelope.signature.length !== 0 || envelope.attachment.length !== 0) {
    refuse('has neither signature nor attachment of its own')
  }
  assertScope(envelope, committee)
  const fields = Fields.of('evidence', envelope.body, LIMITS.evidenceBytesMax)
  const kind = KINDS[fields.uint('kind', FIRST_KIND + KINDS.length - 1) - FIRST_KIND]
  if (!kind) return refuse('of something else')
  const seat = fields.uint('seat')
  const key = keyOfSeat(committee, seat)
  const signed = {
    'double-checkpoint': () => readDouble(fields, committee).map(asMasterNode),
    'double-cosignature': () => readDouble(fields, committee).map((each) => asWitness(each, committee)),
    'bad-entry': () => [asMasterNode(readBadEntry(fields, committee))],
    'double-redraw': () => readDoubleRedraw(fields, committee),
  }[kind]()
  fields.end()
  const checks = signed.map((each) => ({ key, ...each }))
  return { kind, guilty: committee.seats[seat]?.memberId as Uint8Array, checks }
}

/** The generation whose MasterNodes evidence is about; null where it is about witnesses, who are members of a neighborhood. Throws what decoding throws. */
export function accusedGeneration({ body }: Envelope, netId: Uint8Array): number | null {
  const fields = Fields.of('evidence', body, LIMITS.evidenceBytesMax)
  const kind = KINDS[fields.uint('kind', FIRST_KIND + KINDS.length - 1) - FIRST_KIND]
  fields.uint('seat')
  if (kind !== 'double-checkpoint' && kind !== 'bad-entry') return null
  const text = new Fields('signed text', fields.any('one')).text('text', LIMITS.logTextBytesMax)
  return readCheckpointText(text, netId).generation
}

/** Reads evidence and checks its signatures too. Throws `bad-signature`, and what `readLogEvidence` throws. */
export function verifyLogEvidence(bytes: Uint8Array, committee: Committee): LogEvidence {
  const evidence = readLogEvidence(decodeEnvelope(bytes), committee)
  if (verifyGroups([evidence.checks])[0] !== true) {
    throw new WebxError('bad-signature', 'evidence: a signature in it does not hold')
  }
  return evidence
}

/** A text and who signed it. */
export interface Side {
  readonly text: string
  readonly signatures: readonly { readonly seat: number; readonly seconds: number; readonly signature: Uint8Array }[]
}

interface Vote {
  readonly subject: Subject
  readonly vote: RedrawVote
  readonly signature: Uint8Array
}

interface Signed {
  readonly text: string
  readonly terms: CheckpointTerms
  readonly seconds: number
  readonly signature: Uint8Array
}

/** What was signed, and the signature. */
type Saying = Pick<SignatureCheck, 'message' | 'signature'>

const KINDS: readonly LogOffence[] = ['double-checkpoint', 'double-cosignature', 'bad-entry', 'double-redraw']
const FIRST_KIND = 16
const NOTHING = new Uint8Array(0)

/** Evidence against every seat that signed both sides; none where they do not contradict each other. */
export function sidesEvidence(
  kind: LogOffence,
  committee: Committee,
  left: Side,
  right: Side,
  contradiction: Contradiction | null,
): Uint8Array[] {
  const isSorted = compare(fromText(left.text), fromText(right.text)) < 0
  const [first, second] = isSorted ? [left, right] : [right, left]
  const [one, other] = [first, second].map(({ text }) => readCheckpointText(text, committee.netId))
  if (!one || !other || !contradicts(one, other, contradiction)) return []
  const proof = one.size === other.size || !contradiction ? [] : [contradiction.root, concat(...contradiction.path)]
  return first.signatures.flatMap(({ seat, seconds, signature }) => {
    const again = second.signatures.find((signed) => signed.seat === seat)
    if (!again) return []
    const signed = [first.text, seconds, signature]
    const code = FIRST_KIND + KINDS.indexOf(kind)
    return [evidenceBytes(committee, [code, seat, signed, [second.text, again.seconds, again.signature], proof])]
  })
}

/** Whether no tree has both heads. */
function contradicts(one: CheckpointTerms, other: CheckpointTerms, shown: Contradiction | null): boolean {
  if (one.generation !== other.generation) return false
  if (one.size === other.size) return !equal(one.root, other.root)
  const [smaller, larger] = one.size < other.size ? [one, other] : [other, one]
  if (!shown || equal(shown.root, smaller.root)) return false
  return verifyConsistency({ size: smaller.size, root: shown.root }, larger, shown.path)
}

function asMasterNode({ text, seconds, signature }: Signed): Saying {
  if (seconds !== 0) refuse('a checkpoint has no time')
  return { message: fromText(text), signature }
}

function asWitness({ text, seconds, signature }: Signed, { cid }: Committee): Saying {
  return { message: subjectSignedBytes(cid, checkpointSubject(text), seconds), signature }
}

function readDouble(fields: Fields, committee: Committee): Signed[] {
  const one = fields.tuple('one', (nested) => readSigned(nested, committee))
  const other = fields.tuple('other', (nested) => readSigned(nested, committee))
  if (compare(fromText(one.text), fromText(other.text)) >= 0) refuse('the two sides must differ and be sorted')
  const isSameSize = one.terms.size === other.terms.size
  const shown = isSameSize ? null : fields.tuple('contradiction', readContradiction)
  if (isSameSize) fields.tuple('contradiction', () => null)
  if (!contradicts(one.terms, other.terms, shown)) refuse('these two heads do not contradict each other')
  return [one, other]
}

function readBadEntry(fields: Fields, committee: Committee): Signed {
  const signed = fields.tuple('signed', (nested) => readSigned(nested, committee))
  const index = fields.uint('index')
  const entry = fields.bytesBetween('entry', 0, LIMITS.logLeafBytesMax)
  const path = readPath(fields, 'path')
  if (!verifyInclusion(signed.terms, index, leafHash(entry), path)) refuse('the entry is not in the tree')
  if (isLeaf(entry)) refuse('a leaf is no offence')
  if (index < signed.terms.network) refuse('the network has cosigned this entry')
  return signed
}

function readDoubleRedraw(fields: Fields, { cid }: Committee): Saying[] {
  const [one, other] = ['one', 'other'].map((name) => {
    return fields.tuple(name, (nested) => {
      const subject = { kind: SUBJECT.redraw, content: nested.bytesBetween('vote', 1, LIMITS.logTextBytesMax) }
      return { subject, vote: readRedraw(subject), signature: nested.bytes('signature', 64) }
    })
  }) as [Vote, Vote]
  if (compare(one.subject.content, other.subject.content) >= 0) refuse('the two sides must differ and be sorted')
  if (one.vote.generation !== other.vote.generation) refuse('votes for different generations are no offence')
  return [one, other].map(({ subject, signature }) => ({ message: subjectSignedBytes(cid, subject, 0), signature }))
}

function readSigned(fields: Fields, committee: Committee): Signed {
  const text = fields.text('text', LIMITS.logTextBytesMax)
  const terms = readCheckpointText(text, committee.netId)
  return { text, terms, seconds: fields.uint('time'), signature: fields.bytes('signature', 64) }
}

function readContradiction(fields: Fields): Contradiction {
  return { root: fields.bytes('root', HASH_BYTES), path: readPath(fields, 'path') }
}

/** Hashes that stand one after the other. Throws `bad-shape`. */
export function readPath(fields: Fields, name: string): Uint8Array[] {
  const bytes = fields.bytesBetween(name, 0, LIMITS.logPathMax * HASH_BYTES)
  if (bytes.length % HASH_BYTES !== 0) refuse('a path is whole hashes')
  const count = bytes.length / HASH_BYTES
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES))
}

function isLeaf(entry: Uint8Array): boolean {
  try {
    readLeafBody(entry)
    return true
  } catch {
    return false
  }
}

function evidenceBytes(committee: Committee, fields: Cbor): Uint8Array {
  const body = encode(fields)
  return encodeEnvelope({ type: TYPE.evidence, scope: committee.cid, body, signature: NOTHING, attachment: NOTHING })
}

function refuse(why: string): never {
  throw new WebxError('bad-shape', `evidence about the public log: ${why}`)
}

/**
 * HAND-OVER: the last block of an epoch with the proof that it is final, and the opening of the next epoch that it names.
 *
 * Whoever holds the opening of an epoch walks on from it by hand-overs, each signed by a quorum of the seats that the one before named. Body: [header, transaction, finality]: the body of the
 * block's candidate, its only transaction, and the proof; attachment: the next opening, bound by its digest in the transaction. Scope: the digest of the committee that ends.
 *
 * Where the neighborhood was divided, the transaction names two openings. One is attached, the other one follows in the body, so that whoever reads it knows both parts; which of the two is
 * attached says into which part it leads, and a node keeps the one that leads into its own.
 */

import { equal } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Committee } from '../committee.ts'
import { keyOf } from '../key.ts'
import { headerBody, payloadDigestOf, payloadOf, readCandidateBody } from '../simplex/candidate.ts'
import { readFinality } from '../simplex/finality.ts'
import type { Block } from '../simplex/rules.ts'
import { emptyStateRoot } from '../statetree.ts'
import { type Division, divisionOf, type EpochName, isSameEnd, isSprouts, type Openings } from './division.ts'
import { isListed } from './loan.ts'
import { decodeOpening, type Opening, openingDigest } from './opening.ts'
import { readTransaction } from './transaction.ts'

/** What an epoch begins with, and the HAND-OVER statement that leads there. */
export interface Passed {
  readonly opening: Opening
  readonly openingBytes: Uint8Array
  readonly handOver: Uint8Array
}

/** A hand-over whose shape holds; true only if all checks hold. */
export interface HandOver {
  readonly opening: Opening
  readonly openingBytes: Uint8Array
  /** The same hand-over as it leads into the other part of a neighborhood that was divided; null where it stays one. */
  readonly other: Passed | null
  readonly checks: readonly SignatureCheck[]
}

/** The statement. `block`: the last of the epoch; `finality`: the proof that it is final; `other`: opening of the other part. Throws `bad-hand-over` for a block that ends no epoch. */
export function handOverBytes(
  committee: Committee,
  block: Block,
  finality: Uint8Array,
  openingBytes: Uint8Array,
  other: Uint8Array | null = null,
): Uint8Array {
  const [transaction, another] = block.transactions
  if (!transaction || another) throw new WebxError('bad-hand-over', 'the last block of an epoch holds one transaction')
  const header = headerBody({ ...block, payloadDigest: payloadDigestOf(payloadOf(block.transactions)) })
  return statement(committee, [header, transaction, finality], openingBytes, other)
}

/** Reads the hand-over of a committee. Throws `bad-hand-over` where it does not hang together, `wrong-epoch`, and what decoding throws. */
export function readHandOver(envelope: Envelope, committee: Committee): HandOver {
  if (envelope.type !== TYPE.handOver || envelope.signature.length !== 0)
    throw new WebxError('bad-shape', 'not a hand-over')
  if (!equal(envelope.scope, committee.cid)) throw new WebxError('wrong-epoch', 'hand-over of another committee')
  const fields = Fields.of('hand-over', envelope.body, LIMITS.envelopeBytesMax)
  const headerBytes = fields.bytesBetween('header', 1, LIMITS.envelopeBytesMax)
  const transaction = fields.bytesBetween('transaction', 1, LIMITS.candidacyBytesMax)
  const finalityBytes = fields.bytesBetween('finality', 1, LIMITS.envelopeBytesMax)
  const otherBytes = fields.isEmpty ? null : fields.bytesBetween('other', 1, LIMITS.openingBytesMax)
  fields.end()
  const header = readCandidateBody(headerBytes, committee)
  const finality = readFinality(finalityBytes, committee)
  if (finality.slot !== header.slot || !equal(finality.hash, header.hash))
    throw new WebxError('bad-hand-over', 'hand-over: another block is final')
  if (!equal(payloadDigestOf(payloadOf([transaction])), header.payloadDigest))
    throw new WebxError('bad-hand-over', 'hand-over: the block holds something else')
  const { proposal } = readTransaction(decodeEnvelope(transaction), committee)
  const openingBytes = envelope.attachment
  const opening = decodeOpening(openingBytes)
  const named = { opening, digest: openingDigest(openingBytes) }
  const beside = otherBytes && { opening: decodeOpening(otherBytes), digest: openingDigest(otherBytes) }
  const [own, sprout] = beside && isSprouts(opening) ? [beside, named] : [named, beside]
  const digests = { own: own.digest, sprout: sprout?.digest ?? null }
  if (proposal.kind !== 'final' || !isSameEnd(proposal, digests))
    throw new WebxError('bad-hand-over', 'hand-over: the block does not name this opening')
  assertFollows(committee, { own: own.opening, sprout: sprout?.opening ?? null })
  const parts = [headerBytes, transaction, finalityBytes] as const
  const other = otherBytes &&
    beside && {
      opening: beside.opening,
      openingBytes: otherBytes,
      handOver: statement(committee, parts, otherBytes, openingBytes),
    }
  return { opening, openingBytes, other, checks: finality.checks }
}

/** Where a hand-over leads somebody: into the sprout whoever is on its roster, everyone else on with the stem, and so whoever is nobody (null). `handOver`: the statement that it was read from. */
export function wayOf(
  { opening, openingBytes, other }: HandOver,
  handOver: Uint8Array,
  memberId: Uint8Array | null,
): Passed {
  const here = { opening, openingBytes, handOver }
  if (!other) return here
  const [stem, sprout] = isSprouts(opening) ? [other, here] : [here, other]
  return memberId && sprout.opening.roster.some(({ id }) => equal(id, memberId)) ? sprout : stem
}

/** How the sprout began, by a hand-over that was checked when it was stored; null where nothing was divided. Throws what decoding throws. */
export function sproutIn(handOver: Uint8Array): Opening | null {
  const { body, attachment } = decodeEnvelope(handOver)
  const fields = Fields.of('hand-over', body, LIMITS.envelopeBytesMax)
  for (const part of ['header', 'transaction', 'finality']) fields.bytesBetween(part, 1, LIMITS.envelopeBytesMax)
  if (fields.isEmpty) return null
  const other = decodeOpening(fields.bytesBetween('other', 1, LIMITS.openingBytesMax))
  return isSprouts(other) ? other : decodeOpening(attachment)
}

/** Throws `bad-hand-over` unless these are what may follow on the epoch of a committee. */
function assertFollows({ netId, nid, epoch }: Committee, { own, sprout }: Openings<Opening>): void {
  const next = { netId, nid, epoch: epoch + 1 }
  const division = sprout && divisionOf(next)
  assertIs(own, next, division)
  assertLoan(own)
  if (!sprout || !division) return
  assertIs(sprout, { ...next, nid: division.sprout }, division)
  if (!equal(sprout.stateRoot, emptyStateRoot()))
    throw new WebxError('bad-hand-over', 'a sprout begins with no objects')
  const staying = new Set(own.roster.map(({ id }) => keyOf(id)))
  if (sprout.roster.some(({ id }) => staying.has(keyOf(id))))
    throw new WebxError('bad-hand-over', 'somebody belongs to both parts of a neighborhood')
}

function assertIs(opening: Opening, { netId, nid, epoch }: EpochName, division: Division | null): void {
  if (opening.epoch !== epoch || !equal(opening.netId, netId))
    throw new WebxError('bad-hand-over', 'hand-over: the opening is not that of the epoch after')
  if (!equal(opening.nid, nid)) throw new WebxError('bad-hand-over', 'hand-over: the opening of another neighborhood')
  const said = opening.division
  const isSame = said ? division && equal(said.stem, division.stem) && equal(said.sprout, division.sprout) : !division
  if (!isSame) throw new WebxError('bad-hand-over', 'hand-over: the opening names another division')
}

/** Throws `bad-hand-over` unless everyone who is lent is on the roster, has no seat yet, and comes from elsewhere; together with a division nobody is lent. */
function assertLoan({ nid, loan, roster, seats }: Opening): void {
  if (!loan) return
  const members = new Set(roster.map(({ id }) => keyOf(id)))
  const seated = new Set(seats.map(({ memberId }) => keyOf(memberId)))
  const isWhole = loan.lent.every((id) => members.has(keyOf(id)) && !seated.has(keyOf(id)))
  if (!isListed(loan.lent) || !isWhole || equal(loan.lender, nid))
    throw new WebxError('bad-hand-over', 'hand-over: a loan of people who have no place here')
}

function statement(
  { cid: scope }: Committee,
  parts: readonly Uint8Array[],
  attachment: Uint8Array,
  other: Uint8Array | null,
): Uint8Array {
  const body = encode(other ? [...parts, other] : [...parts])
  return encodeEnvelope({ type: TYPE.handOver, scope, body, signature: NOTHING, attachment })
}

/** 16-byte id of the neighborhood that a hand-over says to be of: that of its opening, which whoever believes it has checked. Throws what decoding throws. */
export function homeOfHandOver({ attachment }: Pick<Envelope, 'attachment'>): Uint8Array {
  return decodeOpening(attachment).nid
}

const NOTHING = new Uint8Array(0)

/**
 * A receipt that proves itself to whoever has nothing but the genesis: with the hand-overs that lead from it to the epoch of the checkpoint.
 *
 * [1, receipt, [hand-over …]]: hand-overs of epoch 0, 1, … up to the one before the checkpoint's epoch; none in epoch 0.
 */

import { equal } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { verifyGroups } from '../../core/crypto.ts'
import { decodeEnvelope } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Committee } from '../committee.ts'
import { readHandOver } from '../epoch/handover.ts'
import { committeeOfOpening, type Opening } from '../epoch/opening.ts'
import { type CheckpointTerms, isOfTerm, type LogTerm, readCheckpointText } from './checkpoint.ts'
import type { NoteKey } from './note.ts'
import { decodeReceipt, type ReceiptAnchor, tlogProof, type VerifiedReceipt, verifyReceipt } from './receipt.ts'
import { logTermOf, networkNodesOf } from './term.ts'

/** What a reader demands of a receipt that it believes to be WITNESSED. */
export interface PortablePolicy {
  /** Neighborhoods in each of which a quorum has cosigned. */
  readonly neighborhoods: number
  /** Cosigners from elsewhere that are known, and how many of them must have signed. */
  readonly known: readonly NoteKey[]
  readonly cosigners: number
}

/** The document. Throws `too-long`. */
export function encodePortable(receipt: Uint8Array, handOvers: readonly Uint8Array[]): Uint8Array {
  if (handOvers.length > LIMITS.logHandOversMax)
    throw new WebxError('too-long', `receipt: ${handOvers.length} hand-overs, at most ${LIMITS.logHandOversMax}`)
  const bytes = encode([1, receipt, [...handOvers]])
  if (bytes.length <= LIMITS.logDocumentBytesMax) return bytes
  throw new WebxError('too-long', `receipt: ${bytes.length} bytes with its hand-overs`)
}

/**
 * Checks a document against the opening of epoch 0.
 *
 * @throws WebxError `broken-chain` (a hand-over is missing or leads elsewhere), `bad-signature`, and what `verifyReceipt` throws
 */
export function verifyPortable(bytes: Uint8Array, first: Opening, policy: PortablePolicy): VerifiedReceipt {
  const { receipt, handOvers } = decodePortable(bytes)
  const { terms, anchor, term } = anchorOf(receipt, handOvers, first, policy)
  const verified = verifyReceipt(receipt, anchor)
  if (isOfTerm(terms, term)) return verified
  throw new WebxError('wrong-epoch', 'receipt: the checkpoint names another seed than its epoch has')
}

/** The same as a C2SP tlog-proof, for the tools of others. Throws what `verifyPortable` throws. */
export function portableText(bytes: Uint8Array, first: Opening, policy: PortablePolicy): string {
  verifyPortable(bytes, first, policy)
  const { receipt, handOvers } = decodePortable(bytes)
  return tlogProof(decodeReceipt(receipt), anchorOf(receipt, handOvers, first, policy).anchor)
}

function decodePortable(bytes: Uint8Array): { receipt: Uint8Array; handOvers: Uint8Array[] } {
  const fields = Fields.of('receipt', bytes, LIMITS.logDocumentBytesMax)
  const version = fields.uint('version')
  if (version !== 1) throw new WebxError('bad-version', `receipt: version ${version}, this reads 1`)
  const receipt = fields.bytesBetween('receipt', 1, LIMITS.logReceiptBytesMax)
  const handOvers = fields.list('hand-overs', LIMITS.logHandOversMax, (item) => {
    if (item instanceof Uint8Array) return item
    throw new WebxError('bad-shape', 'receipt: a hand-over is bytes')
  })
  fields.end()
  return { receipt, handOvers }
}

interface Anchored {
  readonly terms: CheckpointTerms
  readonly term: LogTerm
  readonly anchor: ReceiptAnchor
}

function anchorOf(
  receipt: Uint8Array,
  handOvers: readonly Uint8Array[],
  first: Opening,
  policy: PortablePolicy,
): Anchored {
  const { netId } = first
  const terms = termsOf(decodeReceipt(receipt).checkpoint, netId)
  const opening = walk(first, handOvers, terms.epoch)
  const term = logTermOf(opening, terms.generation)
  const committee = committeeOfOpening(opening)
  const known = (one: Committee) => (cid: Uint8Array) => (equal(cid, one.cid) ? one : null)
  const nodes = networkNodesOf(opening)
  return {
    terms,
    term,
    anchor: {
      netId,
      masterNodes: known(term.masterNodes),
      neighborhood: known(committee),
      nodes: (epoch) => (epoch === terms.epoch ? nodes : null),
      policy,
    },
  }
}

function termsOf(checkpoint: Uint8Array, netId: Uint8Array): CheckpointTerms {
  const text = Fields.of('checkpoint', decodeEnvelope(checkpoint).body).text('text', LIMITS.logTextBytesMax)
  return readCheckpointText(text, netId)
}

/** The opening of an epoch, each step signed by the seats that the one before named. */
function walk(first: Opening, handOvers: readonly Uint8Array[], epoch: number): Opening {
  if (handOvers.length !== epoch) {
    const has = `${handOvers.length} hand-overs lead to epoch ${handOvers.length}`
    throw new WebxError('broken-chain', `receipt: of epoch ${epoch}, and its ${has}`, {
      hint: 'Have the receipt made again by a node that knows all hand-overs since the genesis.',
    })
  }
  let opening = first
  for (const bytes of handOvers) {
    const handOver = readHandOver(decodeEnvelope(bytes), committeeOfOpening(opening))
    if (verifyGroups([handOver.checks])[0] !== true)
      throw new WebxError(
        'bad-signature',
        `receipt: the hand-over of epoch ${opening.epoch} is not signed by its seats`,
      )
    opening = handOver.opening
  }
  return opening
}

/**
 * A receipt that proves itself to whoever has nothing but the genesis: with the hand-overs that lead from it to the epoch of the checkpoint, and to those in which the other homes cosigned.
 *
 * [1, receipt, [hand-over …], [[nid, [hand-over …]] …]]: hand-overs of epoch 0, 1, … of the home in which the log is seated, up to the one before the checkpoint's epoch; none in
 * epoch 0. Then those of the other homes, in the order of the genesis; homes of which there are none are left out, and the last field where it would be empty. A home counts with the seats of the epoch that
 * its hand-overs lead to, all of them, whether they have cosigned or not.
 */

import { equal } from '../../core/bytes.ts'
import { type Cbor, encode } from '../../core/codec.ts'
import { verifyGroups } from '../../core/crypto.ts'
import { decodeEnvelope } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import { readHandOver } from '../epoch/handover.ts'
import { committeeOfOpening, type Opening } from '../epoch/opening.ts'
import { type CheckpointTerms, isOfTerm, type LogTerm, readCheckpointText } from './checkpoint.ts'
import type { NoteKey } from './note.ts'
import { decodeReceipt, type ReceiptAnchor, tlogProof, type VerifiedReceipt, verifyReceipt } from './receipt.ts'
import { logHomesOf, logTermOf } from './term.ts'

/** What a reader demands of a receipt that it believes to be WITNESSED. */
export interface PortablePolicy {
  /** Neighborhoods in each of which a quorum has cosigned. */
  readonly neighborhoods: number
  /** Cosigners from elsewhere that are known, and how many of them must have signed. */
  readonly known: readonly NoteKey[]
  readonly cosigners: number
}

/** How a home came to the epoch in which it is counted. */
export interface HomeChain {
  /** 16-byte id of the home. */
  readonly nid: Uint8Array
  /** Encoded hand-overs of its epochs 0, 1, … */
  readonly handOvers: readonly Uint8Array[]
}

/** The document. `others`: of the other homes, in the order of the genesis. Throws `too-long`. */
export function encodePortable(
  receipt: Uint8Array,
  handOvers: readonly Uint8Array[],
  others: readonly HomeChain[] = [],
): Uint8Array {
  const longest = Math.max(handOvers.length, ...others.map((chain) => chain.handOvers.length))
  if (longest > LIMITS.logHandOversMax)
    throw new WebxError('too-long', `receipt: ${longest} hand-overs, at most ${LIMITS.logHandOversMax}`)
  const gone = others.filter((chain) => chain.handOvers.length > 0)
  const listed = gone.map((chain) => [chain.nid, [...chain.handOvers]])
  const bytes = encode([1, receipt, [...handOvers], ...(listed.length > 0 ? [listed] : [])])
  if (bytes.length <= LIMITS.logDocumentBytesMax) return bytes
  throw new WebxError('too-long', `receipt: ${bytes.length} bytes with its hand-overs`)
}

/**
 * Checks a document against the openings of epoch 0 of all homes that the genesis names, in its order; the log is seated in the first.
 *
 * @throws WebxError `broken-chain` (a hand-over is missing or leads elsewhere), `bad-signature`, and what `verifyReceipt` throws
 */
export function verifyPortable(bytes: Uint8Array, first: readonly Opening[], policy: PortablePolicy): VerifiedReceipt {
  const document = decodePortable(bytes)
  const { terms, anchor, term } = anchorOf(document, first, policy)
  const verified = verifyReceipt(document.receipt, anchor)
  if (isOfTerm(terms, term)) return verified
  throw new WebxError('wrong-epoch', 'receipt: the checkpoint names another seed than its epoch has')
}

/** The same as a C2SP tlog-proof, for the tools of others. Throws what `verifyPortable` throws. */
export function portableText(bytes: Uint8Array, first: readonly Opening[], policy: PortablePolicy): string {
  verifyPortable(bytes, first, policy)
  const document = decodePortable(bytes)
  return tlogProof(decodeReceipt(document.receipt), anchorOf(document, first, policy).anchor)
}

interface Portable {
  readonly receipt: Uint8Array
  readonly handOvers: readonly Uint8Array[]
  readonly others: readonly HomeChain[]
}

function decodePortable(bytes: Uint8Array): Portable {
  const fields = Fields.of('receipt', bytes, LIMITS.logDocumentBytesMax)
  const version = fields.uint('version')
  if (version !== 1) throw new WebxError('bad-version', `receipt: version ${version}, this reads 1`)
  const receipt = fields.bytesBetween('receipt', 1, LIMITS.logReceiptBytesMax)
  const handOvers = readChain(fields)
  const others = fields.isEmpty ? [] : fields.list('other homes', LIMITS.homesKnownMax, readHome)
  fields.end()
  return { receipt, handOvers, others }
}

function readHome(item: Cbor): HomeChain {
  const fields = new Fields('home', item)
  const chain = { nid: fields.bytes('nid', 16), handOvers: readChain(fields) }
  fields.end()
  return chain
}

function readChain(fields: Fields): Uint8Array[] {
  return fields.list('hand-overs', LIMITS.logHandOversMax, (item) => {
    if (item instanceof Uint8Array) return item
    throw new WebxError('bad-shape', 'receipt: a hand-over is bytes')
  })
}

interface Anchored {
  readonly terms: CheckpointTerms
  readonly term: LogTerm
  readonly anchor: ReceiptAnchor
}

function anchorOf(
  { receipt, handOvers, others }: Portable,
  [seat, ...rest]: readonly Opening[],
  policy: PortablePolicy,
): Anchored {
  if (!seat) throw new WebxError('bad-argument', 'receipt: a net has at least one home')
  const { netId } = seat
  const terms = termsOf(decodeReceipt(receipt).checkpoint, netId)
  if (handOvers.length !== terms.epoch) refuseLength(handOvers.length, terms.epoch)
  const opening = walk(seat, handOvers)
  const term = logTermOf(opening, terms.generation)
  const homes = logHomesOf(opening, walkOthers(rest, others))
  const committees = [homes.seat, ...homes.others].map(({ committee }) => committee)
  return {
    terms,
    term,
    anchor: {
      netId,
      masterNodes: (cid) => (equal(cid, term.masterNodes.cid) ? term.masterNodes : null),
      neighborhood: (cid) => committees.find((committee) => equal(cid, committee.cid)) ?? null,
      homes: (epoch) => (epoch === terms.epoch ? homes : null),
      policy,
    },
  }
}

/** The openings that the other homes are counted with: as the genesis says where no hand-overs lead on. */
function walkOthers(first: readonly Opening[], chains: readonly HomeChain[]): Opening[] {
  const waiting = [...chains]
  const openings = first.map((opening) => {
    if (!waiting[0] || !equal(waiting[0].nid, opening.nid)) return opening
    return walk(opening, (waiting.shift() as HomeChain).handOvers)
  })
  if (waiting.length === 0) return openings
  throw new WebxError('broken-chain', 'receipt: its homes are not those of the genesis, in their order')
}

function termsOf(checkpoint: Uint8Array, netId: Uint8Array): CheckpointTerms {
  const text = Fields.of('checkpoint', decodeEnvelope(checkpoint).body).text('text', LIMITS.logTextBytesMax)
  return readCheckpointText(text, netId)
}

/** The opening that hand-overs lead to, each step signed by the seats that the one before named. */
function walk(first: Opening, handOvers: readonly Uint8Array[]): Opening {
  let opening = first
  for (const bytes of handOvers) {
    const handOver = readHandOver(decodeEnvelope(bytes), committeeOfOpening(opening))
    if (verifyGroups([handOver.checks])[0] !== true)
      throw new WebxError(
        'bad-signature',
        `receipt: the hand-over of epoch ${opening.epoch} is not signed by its seats`,
      )
    if (!equal(handOver.opening.nid, first.nid))
      throw new WebxError('broken-chain', 'receipt: a hand-over leads into another neighborhood')
    opening = handOver.opening
  }
  return opening
}

function refuseLength(handOvers: number, epoch: number): never {
  const has = `${handOvers} hand-overs lead to epoch ${handOvers}`
  throw new WebxError('broken-chain', `receipt: of epoch ${epoch}, and its ${has}`, {
    hint: 'Have the receipt made again by a node that knows all hand-overs since the genesis.',
  })
}

/**
 * CHECKPOINT: the head of the public log as its MasterNodes sign it, in the very bytes of a C2SP tlog-checkpoint.
 *
 * Body: [text, [[seat, signature] …]], sorted by seat; scope: the digest of the committee that orders leaves; no signature of its own. A share is a checkpoint with one
 * signature; shares merge, and a quorum of them is what a witness looks at. So a lone liar cannot show anybody a tree, and whoever shows two has at least f+1 names
 * under both.
 *
 * The text is `origin`, size and root, then the extension lines `epoch <n>`, `seed <base64>` and, once there is one, `network <size>`: so many leaves stood in a tree
 * that is carried (`homes-count.ts`). Who cosigns this text says that it holds the proof of that, which makes them final (`network.ts`).
 */

import { equal, fromText, toHex } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { type Envelope, TYPE } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Committee } from '../committee.ts'
import { assertScope } from '../statement.ts'
import { fromBase64, NOTE_SIGNATURE, type NoteKey, type NoteLine, noteLine, toBase64 } from './note.ts'
import { EMPTY_TREE, HASH_BYTES, type TreeHead } from './proof.ts'

/** What a checkpoint says. */
export interface CheckpointTerms extends TreeHead {
  readonly netId: Uint8Array
  /** Counts the re-draws of MasterNodes; each begins a log of its own name with what was final in the one before. */
  readonly generation: number
  /** Public epoch: the one in which the committee was drawn. */
  readonly epoch: number
  /** 32-byte seed of that epoch, which also says who validates which leaf. */
  readonly seed: Uint8Array
  /** Leaves under the newest head that was carried; 0 for none. */
  readonly network: number
}

/** Who writes the public log for a while. */
export interface LogTerm {
  readonly masterNodes: Committee
  readonly generation: number
  readonly epoch: number
  readonly seed: Uint8Array
}

/** Whether a checkpoint is one that these MasterNodes may sign. */
export function isOfTerm({ generation, epoch, seed }: CheckpointTerms, term: LogTerm): boolean {
  return generation === term.generation && epoch === term.epoch && equal(seed, term.seed)
}

/** One signature under a checkpoint. */
export interface SeatSignature {
  readonly seat: number
  /** 64 bytes over the text. */
  readonly signature: Uint8Array
}

/** A decoded checkpoint; whether its signatures hold is another matter. */
export interface Checkpoint extends CheckpointTerms {
  readonly text: string
  /** Sorted by seat. */
  readonly signatures: readonly SeatSignature[]
  /** Weight of the seats that signed. */
  readonly weight: number
}

/** Name of a log: `webx.<net>/log`, with the generation behind it from the second on. */
export function logOrigin(netId: Uint8Array, generation: number): string {
  return `${netName(netId)}/log${generation === 0 ? '' : `/${generation}`}`
}

/** `webx.` and the first 8 bytes of the net id. */
export function netName(netId: Uint8Array): string {
  return `webx.${toHex(netId.subarray(0, 8))}`
}

/** The text that is signed. */
export function checkpointText(terms: CheckpointTerms): string {
  const { netId, generation, size, root, epoch, seed, network } = terms
  const lines = [logOrigin(netId, generation), `${size}`, toBase64(root), `epoch ${epoch}`, `seed ${toBase64(seed)}`]
  if (network > 0) lines.push(`network ${network}`)
  return `${lines.join('\n')}\n`
}

/** What a text says. Throws `too-long`, `wrong-net`, and `bad-shape` for every text that `checkpointText` does not make. */
export function readCheckpointText(text: string, netId: Uint8Array): CheckpointTerms {
  if (text.length > LIMITS.logTextBytesMax) throw new WebxError('too-long', 'checkpoint: the text is too long')
  const match = TEXT.exec(text)
  if (!match) return refuse('this is not the text of a checkpoint')
  const [, net = '', generation = '0', size = '', root = '', epoch = '', seed = '', network = '0'] = match
  if (net !== netName(netId)) throw new WebxError('wrong-net', 'checkpoint of another net')
  const head = readHead(size, root)
  const numbers = { generation: Number(generation), epoch: Number(epoch), network: Number(network) }
  const terms = { netId, ...head, ...numbers, seed: readHash(seed) }
  if (checkpointText(terms) !== text) refuse('numbers have one form')
  if (terms.network > head.size) refuse('no more leaves are final than there are')
  return terms
}

/** The statement of a checkpoint with these signatures, in any order, one for each seat. */
export function checkpointEnvelope(committee: Committee, text: string, signatures: readonly SeatSignature[]): Envelope {
  const sorted = [...signatures].sort((a, b) => a.seat - b.seat)
  const body = encode([text, sorted.map(({ seat, signature }) => [seat, signature])])
  return { type: TYPE.checkpoint, scope: committee.cid, body, signature: NOTHING, attachment: NOTHING }
}

/** Decodes a checkpoint or a share of one; the signatures of `checkpointChecks` must hold too. Throws `wrong-epoch`, `wrong-net`, `unknown-sender`, `bad-shape`, `not-canonical`, `too-long`. */
export function readCheckpoint(envelope: Envelope, committee: Committee): Checkpoint {
  if (envelope.type !== TYPE.checkpoint) refuse('not a checkpoint')
  assertScope(envelope, committee)
  if (envelope.signature.length !== 0 || envelope.attachment.length !== 0) {
    refuse('has neither signature nor attachment of its own')
  }
  const fields = Fields.of('checkpoint', envelope.body)
  const text = fields.text('text', LIMITS.logTextBytesMax)
  const terms = readCheckpointText(text, committee.netId)
  const signatures = fields.list('signatures', LIMITS.seatsMax, (item) => {
    const one = new Fields('checkpoint signature', item)
    const read = { seat: one.uint('seat'), signature: one.bytes('signature', 64) }
    one.end()
    return read
  })
  fields.end()
  return { ...terms, text, signatures, weight: weightOfSeats(committee, signatures) }
}

/** The signatures that must hold. */
export function checkpointChecks(committee: Committee, { text, signatures }: Checkpoint): SignatureCheck[] {
  const message = fromText(text)
  return signatures.map(({ seat, signature }) => ({ key: keyOfSeat(committee, seat), message, signature }))
}

/** Signatures of both sides, whose checks have held; a seat keeps that of `one`. */
export function mergeSignatures(one: readonly SeatSignature[], other: readonly SeatSignature[]): SeatSignature[] {
  const bySeat = new Map([...other, ...one].map((signature) => [signature.seat, signature]))
  return [...bySeat.values()].sort((a, b) => a.seat - b.seat)
}

/** The signature lines of a checkpoint as a signed note. */
export function checkpointLines(committee: Committee, { netId, generation, signatures }: Checkpoint): NoteLine[] {
  const name = logOrigin(netId, generation)
  return signatures.map(({ seat, signature }) => noteLine(seatNoteKey(name, committee, seat), signature))
}

/** The keys of a committee as strangers' tools are configured with them. */
export function committeeNoteKeys(committee: Committee, generation: number): NoteKey[] {
  const name = logOrigin(committee.netId, generation)
  return committee.seats.map((_, seat) => seatNoteKey(name, committee, seat))
}

/** True where two heads stand in one tree as far as their sizes tell: equal sizes have equal roots. */
export function sameHead(one: TreeHead, other: TreeHead): boolean {
  return one.size === other.size && equal(one.root, other.root)
}

/** The key of a seat. Throws `unknown-sender`. */
export function keyOfSeat(committee: Committee, seat: number): Uint8Array {
  const found = committee.seats[seat]
  if (!found) throw new WebxError('unknown-sender', `the committee has no seat ${seat}`)
  return found.epochKey
}

/** Weight of the seats that are listed. Throws `bad-shape` unless they are one or more, sorted and different; `unknown-sender`. */
export function weightOfSeats(committee: Committee, listed: readonly { readonly seat: number }[]): number {
  let weight = 0
  let before = -1
  for (const { seat } of listed) {
    if (seat <= before) refuse('seats are not sorted, or repeated')
    keyOfSeat(committee, seat)
    weight += committee.seats[seat]?.weight ?? 0
    before = seat
  }
  if (listed.length === 0) refuse('nobody signed')
  return weight
}

const NOTHING = new Uint8Array(0)
const HASH = '([A-Za-z0-9+/]{43}=)'
const TEXT = new RegExp(
  `^(webx\\.[0-9a-f]{16})/log(?:/(\\d{1,15}))?\\n(\\d{1,15})\\n${HASH}\\nepoch (\\d{1,15})\\nseed ${HASH}\\n(?:network (\\d{1,15})\\n)?$`,
)

function seatNoteKey(name: string, committee: Committee, seat: number): NoteKey {
  return { name, type: NOTE_SIGNATURE.log, key: keyOfSeat(committee, seat) }
}

function readHead(size: string, root: string): TreeHead {
  const head = { size: Number(size), root: readHash(root) }
  if (head.size > LIMITS.logLeavesMax || (head.size === 0 && !equal(head.root, EMPTY_TREE.root)))
    refuse('no tree has this head')
  return head
}

function readHash(text: string): Uint8Array {
  const bytes = fromBase64(text)
  return bytes.length === HASH_BYTES ? bytes : refuse('a hash has 32 bytes')
}

function refuse(why: string): never {
  throw new WebxError('bad-shape', `checkpoint: ${why}`)
}

/**
 * The receipt of a leaf: checked offline, by anyone who knows the committees.
 *
 * [1, body, index, path, checkpoint, [bundle …], [[name, id, content] …]]: the leaf's body, where it stands, the hashes up to the root one after the other, the
 * CHECKPOINT and COSIGNATURE statements, and signature lines of cosigners from elsewhere. The same as text for the tools of others is a C2SP tlog-proof; as
 * a COSE document, `cose-receipt.ts`.
 */

import { concat, equal, toHex } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { type SignatureCheck, verifyGroups } from '../../core/crypto.ts'
import { decodeEnvelope } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import type { Committee } from '../committee.ts'
import { type Checkpoint, checkpointChecks, checkpointLines, readCheckpoint } from './checkpoint.ts'
import { type Bundle, bundleChecks, bundleLines, checkpointSubject, readBundle, sameSubject } from './cosignature.ts'
import { readPath } from './fork.ts'
import { HomesCount, type LogHomes } from './homes-count.ts'
import { type Leaf, readLeafBody } from './leaf.ts'
import { isWitnessed, type WitnessPolicy } from './network.ts'
import { type NoteLine, noteCheck, toBase64, writeNote } from './note.ts'
import { leafHash, verifyInclusion } from './proof.ts'

/** All that makes a receipt. */
export interface ReceiptParts {
  readonly body: Uint8Array
  readonly index: number
  readonly path: readonly Uint8Array[]
  /** Encoded CHECKPOINT. */
  readonly checkpoint: Uint8Array
  /** Encoded COSIGNATURE statements over its text, one for each committee. */
  readonly bundles: readonly Uint8Array[]
  /** Lines of cosigners from elsewhere. */
  readonly lines: readonly NoteLine[]
}

/** What a verifier knows beforehand, out of the chain of committees that begins with the genesis. */
export interface ReceiptAnchor {
  readonly netId: Uint8Array
  /** MasterNodes by the digest of their committee, null for a digest that was not drawn. */
  masterNodes(cid: Uint8Array): Committee | null
  /** A neighborhood's committee by its digest. */
  neighborhood(cid: Uint8Array): Committee | null
  /** Whose weight counts in that public epoch; null where it is not known. */
  homes(epoch: number): LogHomes | null
  readonly policy: WitnessPolicy
}

/** How far a leaf has come, as a receipt shows it. `logged`: a quorum of MasterNodes says so. */
export type LogGrade = 'logged' | 'witnessed' | 'network'

/** A receipt that holds. */
export interface VerifiedReceipt {
  readonly leaf: Leaf
  readonly index: number
  readonly checkpoint: Checkpoint
  readonly grade: LogGrade
  /** Weight of the network that has cosigned, and all of it; 0 of 0 where the verifier does not know the network. */
  readonly weight: number
  readonly weightMax: number
}

export function encodeReceipt({ body, index, path, checkpoint, bundles, lines }: ReceiptParts): Uint8Array {
  const listed = lines.map(({ name, id, content }) => [name, id, content])
  const bytes = encode([1, body, index, concat(...path), checkpoint, [...bundles], listed])
  if (bytes.length > LIMITS.logReceiptBytesMax) {
    throw new WebxError('too-long', `receipt: ${bytes.length} bytes, at most ${LIMITS.logReceiptBytesMax} allowed`)
  }
  return bytes
}

/** Throws `too-long`, `not-canonical`, `bad-shape`, `bad-version`; whether it holds is another matter. */
export function decodeReceipt(bytes: Uint8Array): ReceiptParts {
  const fields = Fields.of('receipt', bytes, LIMITS.logReceiptBytesMax)
  const version = fields.uint('version')
  if (version !== 1) throw new WebxError('bad-version', `receipt: version ${version}, this node reads 1`)
  const parts = {
    body: fields.bytesBetween('body', 1, LIMITS.logLeafBytesMax),
    index: fields.uint('index'),
    path: readPath(fields, 'path'),
    checkpoint: fields.bytesBetween('checkpoint', 1, LIMITS.envelopeBytesMax),
    bundles: fields.list('bundles', LIMITS.logBundlesMax, asBytes),
    lines: fields.list('lines', LIMITS.logCosignersMax, (item): NoteLine => {
      const line = new Fields('signature line', item)
      const read = { name: line.text('name', LIMITS.logNoteCharactersMax), id: line.bytes('id', 4) }
      const content = line.bytesBetween('content', 1, MAX_LINE_BYTES)
      line.end()
      return { ...read, content }
    }),
  }
  fields.end()
  return parts
}

/**
 * Checks a receipt and says how far its leaf has come.
 *
 * Bundles of committees that the verifier does not know, and lines of unknown cosigners, count for nothing. A signature of a known one that does not hold spoils the receipt.
 *
 * @throws WebxError `bad-proof` (not in the tree), `no-quorum` (of MasterNodes), `unknown-sender` (MasterNodes that are not known), `bad-signature`, and what decoding throws
 */
export function verifyReceipt(bytes: Uint8Array, anchor: ReceiptAnchor): VerifiedReceipt {
  const parts = decodeReceipt(bytes)
  const leaf = readLeafBody(parts.body)
  const envelope = decodeEnvelope(parts.checkpoint)
  const masterNodes = anchor.masterNodes(envelope.scope)
  if (!masterNodes || !equal(masterNodes.netId, anchor.netId)) {
    throw new WebxError('unknown-sender', 'receipt: signed by MasterNodes that are not known here')
  }
  const checkpoint = readCheckpoint(envelope, masterNodes)
  if (!verifyInclusion(checkpoint, parts.index, leafHash(parts.body), parts.path)) {
    throw new WebxError('bad-proof', 'receipt: the leaf is not in this tree')
  }
  if (checkpoint.weight < masterNodes.quorum) {
    throw new WebxError('no-quorum', `receipt: weight ${checkpoint.weight} of ${masterNodes.quorum} MasterNodes`)
  }
  const bundles = knownBundles(parts.bundles, checkpoint.text, anchor)
  const cosigners = cosignersOf(parts.lines, checkpoint.text, anchor.policy)
  const groups = [
    ...checkpointChecks(masterNodes, checkpoint),
    ...bundles.flatMap(({ bundle, committee }) => bundleChecks(committee, bundle)),
    ...cosigners.values(),
  ].map((check) => [check])
  if (verifyGroups(groups).includes(false)) throw new WebxError('bad-signature', 'receipt: a signature does not hold')
  const { weight, weightMax, reached } = standingOf(bundles, checkpoint, anchor)
  const isFinal = reached && parts.index < checkpoint.network
  const witnessed = isWitnessed(anchor.policy, bundles, cosigners.size) ? 'witnessed' : 'logged'
  return { leaf, index: parts.index, checkpoint, grade: isFinal ? 'network' : witnessed, weight, weightMax }
}

/** The receipt as a C2SP tlog-proof, the body of the leaf as its extra data; for committees that are known. Throws what decoding throws. */
export function tlogProof(parts: ReceiptParts, anchor: ReceiptAnchor): string {
  const envelope = decodeEnvelope(parts.checkpoint)
  const masterNodes = anchor.masterNodes(envelope.scope)
  if (!masterNodes) throw new WebxError('unknown-sender', 'receipt: signed by MasterNodes that are not known here')
  const checkpoint = readCheckpoint(envelope, masterNodes)
  const bundles = knownBundles(parts.bundles, checkpoint.text, anchor)
  const lines = [
    ...checkpointLines(masterNodes, checkpoint),
    ...bundles.flatMap(({ bundle, committee }) => bundleLines(committee, bundle)),
    ...parts.lines,
  ]
  const head = ['c2sp.org/tlog-proof@v1', `extra ${toBase64(parts.body)}`, `index ${parts.index}`]
  return `${[...head, ...parts.path.map(toBase64)].join('\n')}\n\n${writeNote(checkpoint.text, lines)}`
}

interface KnownBundle {
  readonly bundle: Bundle
  readonly committee: Committee
}

/** Name, id, and a time with a signature of up to some 5 kB. */
const MAX_LINE_BYTES = 5_120

function knownBundles(listed: readonly Uint8Array[], text: string, anchor: ReceiptAnchor): KnownBundle[] {
  const subject = checkpointSubject(text)
  return listed.flatMap((bytes) => {
    const envelope = decodeEnvelope(bytes)
    const committee = anchor.neighborhood(envelope.scope)
    if (!committee || !equal(committee.netId, anchor.netId)) return []
    const bundle = readBundle(envelope, committee)
    if (!sameSubject(bundle, subject)) throw new WebxError('bad-shape', 'receipt: cosignatures of another checkpoint')
    return [{ bundle, committee }]
  })
}

/** What must hold, by the known cosigner: one line each. */
function cosignersOf(lines: readonly NoteLine[], text: string, policy: WitnessPolicy): Map<string, SignatureCheck> {
  const checks = new Map<string, SignatureCheck>()
  for (const line of lines) {
    for (const known of policy.known) {
      const check = noteCheck(text, line, known)
      if (check) checks.set(toHex(known.key), check)
    }
  }
  return checks
}

function standingOf(bundles: readonly KnownBundle[], { text, epoch }: Checkpoint, anchor: ReceiptAnchor) {
  const homes = anchor.homes(epoch)
  if (!homes) return { weight: 0, weightMax: 0, reached: false }
  const count = new HomesCount(homes)
  const subject = checkpointSubject(text)
  count.open(subject)
  for (const { bundle, committee } of bundles) count.add(bundle, committee)
  return { weightMax: count.total, ...(count.standing(subject) ?? { weight: 0, reached: false }) }
}

function asBytes(item: unknown): Uint8Array {
  if (!(item instanceof Uint8Array)) throw new WebxError('bad-shape', 'receipt: a bundle is bytes')
  return item
}

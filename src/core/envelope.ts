/**
 * The envelope: everything on any wire, and what its signature covers.
 *
 * Two kinds travel in it. A *statement* (order, vote batch, certificate, …) signs itself, has no expiry and is the same
 * bytes whoever passes it on. A *frame* (`core/frame.ts`) is a message of one sender at one time to one topic.
 * Layout and CDDL: `src/PROTOCOL.md`.
 */

import { assertBytes, concat, fromText } from './bytes.ts'
import { encode } from './codec.ts'
import { blake3Of } from './digest.ts'
import { WebxError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { Fields } from './shape.ts'

/** The wire version that this runtime speaks. */
export const WIRE_VERSION = 1
/** Cipher suite 0: in clear. Sealed suites come with group encryption. */
export const SUITE_CLEAR = 0

/** Message types. Below 64: statements; from 64 on: frames. */
export const TYPE = {
  keyEvent: 1,
  order: 2,
  voteBatch: 3,
  certificate: 4,
  settlement: 5,
  evidence: 6,
  genesis: 7,
  witness: 8,
  tagEvent: 9,
  status: 10,
  ring: 11,
  candidate: 12,
  ballot: 13,
  blockCertificate: 14,
  transaction: 15,
  candidacy: 16,
  handOver: 17,
  leaf: 18,
  checkpoint: 19,
  cosignature: 20,
  workReceipt: 21,
  purseVoucher: 22,
  arrival: 24,
  settledState: 25,
  sharedChange: 26,
  health: 64,
  need: 65,
  summary: 66,
  heads: 67,
  batchQuery: 68,
  batchAnswer: 69,
  headQuery: 70,
  hello: 71,
  swim: 72,
  epochQuery: 73,
  blockQuery: 74,
  stateChunk: 75,
  logQuery: 76,
  logEntries: 77,
  checkin: 80,
  probe: 81,
  answer: 82,
  select: 83,
  arrived: 86,
  settlementQuery: 87,
  settlementAnswer: 88,
  vaultQuery: 96,
  vaultChallenge: 97,
  vaultRedeem: 98,
  vaultAnswer: 99,
  vaultFetch: 100,
  vaultBlock: 101,
  vaultNotice: 102,
} as const

const FIRST_FRAME_TYPE = 64
const SIGNATURE_PREFIX = fromText('webx\0v1')

/** One message as it travels. All byte fields may be views into the received bytes. */
export interface Envelope {
  readonly type: number
  /** 32 bytes: the committee digest for votes and what is made of them, the net id for orders and frames, zeros for what belongs to no net. */
  readonly scope: Uint8Array
  /** Canonical CBOR, covered by the signature. */
  readonly body: Uint8Array
  /** 64 bytes, or empty for what is made of other people's signatures (certificate, settlement, evidence). */
  readonly signature: Uint8Array
  /** Not signed, but bound by the body (the entries of a vote batch by their root); empty for most types. */
  readonly attachment: Uint8Array
}

/** True for types that sign themselves and travel without expiry. */
export function isStatement(type: number): boolean {
  return type < FIRST_FRAME_TYPE
}

/** What an Ed25519 signature of this message covers: `"webx\0v1" ‖ type ‖ scope ‖ body`. */
export function signedBytes(type: number, scope: Uint8Array, body: Uint8Array): Uint8Array {
  assertBytes('scope', scope, 32)
  return concat(SIGNATURE_PREFIX, Uint8Array.of(type), scope, body)
}

/** 32-byte identity of a statement: a hash of what is signed, so that two signatures over one body are one statement. */
export function statementDigest(envelope: Pick<Envelope, 'type' | 'scope' | 'body'>): Uint8Array {
  return blake3Of('webx v1 statement', signedBytes(envelope.type, envelope.scope, envelope.body))
}

/** Canonical bytes of a message. Throws `too-long` above the limit of an envelope. */
export function encodeEnvelope(envelope: Envelope, bytesMax: number = LIMITS.envelopeBytesMax): Uint8Array {
  const { type, scope, body, signature, attachment } = envelope
  const bytes = encode([WIRE_VERSION, SUITE_CLEAR, type, scope, body, signature, attachment])
  if (bytes.length > bytesMax) {
    throw new WebxError('too-long', `message of type ${type} has ${bytes.length} bytes, at most ${bytesMax} allowed`)
  }
  return bytes
}

/** Throws `too-long`, `not-canonical`, `bad-shape`, `bad-version`. Neither the body nor the signature is looked into. */
export function decodeEnvelope(bytes: Uint8Array, bytesMax: number = LIMITS.envelopeBytesMax): Envelope {
  const fields = Fields.of('envelope', bytes, bytesMax)
  const version = fields.uint('version', 255)
  if (version !== WIRE_VERSION) {
    throw new WebxError('bad-version', `wire version ${version}, this node speaks ${WIRE_VERSION}`)
  }
  const suite = fields.uint('suite', 255)
  if (suite !== SUITE_CLEAR) throw new WebxError('bad-version', `cipher suite ${suite} is unknown`)
  const envelope = {
    type: fields.uint('type', 255),
    scope: fields.bytes('scope', 32),
    body: fields.bytesBetween('body', 1, bytesMax),
    signature: fields.bytesBetween('signature', 0, 64),
    attachment: fields.bytesBetween('attachment', 0, bytesMax),
  }
  fields.end()
  if (envelope.signature.length !== 0 && envelope.signature.length !== 64) {
    throw new WebxError('bad-shape', 'envelope: a signature has 64 bytes or none')
  }
  return envelope
}

/**
 * What a message says, decoded once for all who get it.
 *
 * Decoding is a pure function of the bytes, and what it gives is never changed: so members may share it, and the simulator saves what would be most of its time.
 */

import { type Certificate, readCertificate } from '../../src/consensus/certificate.ts'
import type { Committee } from '../../src/consensus/committee.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { type Order, readOrder } from '../../src/consensus/order.ts'
import { headerCheck, readVoteBatch, type VoteBatch, type VoteEntry } from '../../src/consensus/statement.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import type { Stage } from './stage.ts'

/** What a vote is about, as texts that are cheap to compare: `kind oid version`, and the digest of the order. */
export interface Named {
  readonly slot: string
  readonly od: string
}

/** A decoded message. `frame` is what the services around the engines say to each other; `rubbish` is refused by everybody. */
export type Said =
  | { readonly kind: 'order'; readonly order: Order }
  /** `signed`: its signature holds. */
  | { readonly kind: 'votes'; readonly batch: VoteBatch; readonly signed: boolean; readonly names: readonly Named[] }
  | { readonly kind: 'certificate'; readonly certificate: Certificate; readonly type: number; readonly name: Named }
  | { readonly kind: 'evidence' }
  | { readonly kind: 'frame'; readonly fields: readonly Cbor[] }
  | { readonly kind: 'rubbish'; readonly error: WebxError }

/** First byte of an envelope: an array of seven. Frames of the simulation are shorter ones. */
const ENVELOPE = 0x87

const known = new WeakMap<Uint8Array, Said>()

/** What these very bytes say. */
export function saidBy(bytes: Uint8Array, stage: Stage): Said {
  const before = known.get(bytes)
  if (before) return before
  const said = tryRead(bytes, stage)
  known.set(bytes, said)
  return said
}

/** A frame: who is meant and what is asked is up to its kind. */
export function frame(...fields: readonly Cbor[]): Uint8Array {
  return encode([...fields])
}

/** The same for a vote at hand. */
export function nameOf({ kind, oid, version, od }: VoteEntry): Named {
  return { slot: `${kind}${keyOf(oid)}${version}`, od: keyOf(od) }
}

function tryRead(bytes: Uint8Array, stage: Stage): Said {
  if (bytes[0] !== ENVELOPE) return { kind: 'frame', fields: decode(bytes) as readonly Cbor[] }
  try {
    return read(bytes, stage.committee, stage)
  } catch (error) {
    if (error instanceof WebxError && error.code !== 'internal') return { kind: 'rubbish', error }
    throw error
  }
}

function read(bytes: Uint8Array, committee: Committee, stage: Stage): Said {
  const envelope = decodeEnvelope(bytes)
  switch (envelope.type) {
    case TYPE.order:
      return { kind: 'order', order: readOrder(envelope) }
    case TYPE.voteBatch: {
      const batch = readVoteBatch(envelope, committee)
      const names = batch.entries.map(nameOf)
      return { kind: 'votes', batch, signed: stage.holds(headerCheck(committee, batch)), names }
    }
    case TYPE.certificate:
    case TYPE.settlement: {
      const certificate = readCertificate(envelope, committee)
      return { kind: 'certificate', certificate, type: envelope.type, name: nameOf(certificate) }
    }
    default:
      return { kind: 'evidence' }
  }
}

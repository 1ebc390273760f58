/**
 * What a block may hold, decoded: a TRANSACTION of a seat, a CANDIDACY, a change of a shared object, a certificate or settlement that proves an entry of a report, evidence against a member, and the
 * certificate of an earlier block, which puts on record who voted for it.
 */

import { equal } from '../../core/bytes.ts'
import type { SignatureCheck } from '../../core/crypto.ts'
import { decodeEnvelope, type Envelope, TYPE } from '../../core/envelope.ts'
import { asWebxError, WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { readInception } from '../../identity/keylog.ts'
import { type Certificate, checksOf, readCertificate } from '../certificate.ts'
import type { Committee } from '../committee.ts'
import type { OwnerKey } from '../object.ts'
import type { OrderedChange } from '../shared/book.ts'
import { readShared, type SharedChange, sharedSignedBytes } from '../shared/change.ts'
import { blockCertificateChecks, readBlockCertificate } from '../simplex/certificate.ts'
import { readCharge } from './charge.ts'
import type { Applicant } from './membership.ts'
import type { Opening } from './opening.ts'
import {
  admissionBytes,
  type Candidature,
  candidacySignedBytes,
  type Decided,
  isLeaders,
  type Proposal,
  readCandidacy,
  readTransaction,
  transactionCheck,
  transactionDigest,
} from './transaction.ts'

/** One transaction of a block. `digest`: 32-byte name of it. */
export type Ordered = { readonly digest: Uint8Array } & (
  | { readonly kind: 'proposal'; readonly seat: number; readonly proposal: Proposal }
  | {
      readonly kind: 'candidacy'
      readonly id: Uint8Array
      readonly candidature: Candidature
      /** Of somebody who applies. */
      readonly entry: Applicant['entry'] | null
    }
  | { readonly kind: 'certificate'; readonly entry: Decided; readonly certificate: Certificate }
  | ({ readonly kind: 'shared' } & OrderedChange)
  | { readonly kind: 'evidence'; readonly guilty: Uint8Array }
  | { readonly kind: 'attendance'; readonly slot: number; readonly hash: Uint8Array; readonly seats: readonly number[] }
)

/** What does not help to end an epoch is not ordered in one that is full: who wants it says it again in the next. */
export function canWait(ordered: Ordered): boolean {
  if (ordered.kind === 'shared') return true
  return ordered.kind === 'candidacy' && (ordered.candidature.kind === 'join' || ordered.candidature.kind === 'leave')
}

/** A transaction and the signatures that must hold for it to count. */
export interface Opened {
  readonly ordered: Ordered
  readonly checks: readonly SignatureCheck[]
}

/** What a reader of transactions must know. */
export interface OrderedContext {
  readonly committee: Committee
  readonly opening: Opening
  /** Raw Ed25519 key of the organization that admits to this net; null where nobody does. */
  readonly organizationKey: Uint8Array | null
  /** The key that acted for an identity when the epoch began; null where its key log was not settled then. */
  ownerAtOpening(owner: Uint8Array): Pick<OwnerKey, 'key'> | null
}

/** Decodes a transaction. Throws `bad-transaction` for what no block may hold, and what decoding throws. */
export function openOrdered(bytes: Uint8Array, context: OrderedContext): Opened {
  const envelope = decodeEnvelope(bytes, LIMITS.blockBytesMax)
  const digest = transactionDigest(bytes)
  const { committee } = context
  switch (envelope.type) {
    case TYPE.transaction: {
      const transaction = readTransaction(envelope, committee)
      const checks = isLeaders(transaction.proposal) ? [] : [transactionCheck(envelope, transaction, committee)]
      return { ordered: { digest, kind: 'proposal', ...transaction }, checks }
    }
    case TYPE.candidacy:
      return openCandidacy(envelope, digest, context)
    case TYPE.sharedChange:
      return openShared(envelope, { digest, bytes }, context)
    case TYPE.certificate:
    case TYPE.settlement: {
      const certificate = readCertificate(envelope, committee)
      const { oid, version, od } = certificate
      const ordered: Ordered = { digest, kind: 'certificate', entry: { oid, version, od }, certificate }
      return { ordered, checks: checksOf(certificate, committee) }
    }
    case TYPE.evidence: {
      const { guilty, checks } = readCharge(envelope, context)
      return { ordered: { digest, kind: 'evidence', guilty }, checks }
    }
    case TYPE.blockCertificate: {
      const certificate = readBlockCertificate(envelope, committee)
      const { slot, hash } = certificate
      const seats = certificate.ballots.map(({ seat }) => seat)
      return {
        ordered: { digest, kind: 'attendance', slot, hash, seats },
        checks: blockCertificateChecks(committee, certificate),
      }
    }
    default:
      throw new WebxError('bad-transaction', `no block may hold a statement of type ${envelope.type}`)
  }
}

function openShared(
  envelope: Envelope,
  statement: Pick<OrderedChange, 'digest' | 'bytes'>,
  context: OrderedContext,
): Opened {
  const change = readShared(envelope)
  const { netId } = context.opening
  assertPlace('shared change', envelope.scope, change, context.opening)
  const owner = context.ownerAtOpening(change.writer)
  const key = owner ? owner.key : shownKey(change)
  if (!key)
    throw new WebxError('unknown-owner', 'shared change of somebody who is not known here, or whose keys act together')
  const ordered: Ordered = { ...statement, kind: 'shared', change, isKnown: owner !== null }
  return { ordered, checks: [{ key, message: sharedSignedBytes(netId, envelope.body), signature: envelope.signature }] }
}

/** The first key of a writer who shows its inception. */
function shownKey({ inception, writer }: SharedChange): Uint8Array | null {
  if (inception.length === 0) return null
  const state = inceptionOf(inception)
  return equal(state.id, writer) ? (state.keys[0] ?? null) : null
}

/** Throws `wrong-net`, `wrong-home`; whoever speaks of an epoch that is over is behind (`expired`), of one that has not come here yet, this node is (`wrong-epoch`). */
function assertPlace(
  what: string,
  scope: Uint8Array,
  { nid, epoch }: Pick<SharedChange, 'nid' | 'epoch'>,
  opening: Opening,
): void {
  if (!equal(scope, opening.netId)) throw new WebxError('wrong-net', `${what} in another net`)
  if (!equal(nid, opening.nid)) throw new WebxError('wrong-home', `${what} in another neighborhood`)
  if (epoch < opening.epoch) throw new WebxError('expired', `${what} in an epoch that is over`)
  if (epoch > opening.epoch) throw new WebxError('wrong-epoch', `${what} in an epoch that is unknown here`)
}

function openCandidacy(envelope: Envelope, digest: Uint8Array, context: OrderedContext): Opened {
  const { opening, organizationKey } = context
  const { nid, epoch, id, candidature } = readCandidacy(envelope)
  const { netId } = opening
  assertPlace('candidacy', envelope.scope, { nid, epoch }, opening)
  const message = candidacySignedBytes(netId, envelope.body)
  const signedBy = (key: Uint8Array): SignatureCheck => ({ key, message, signature: envelope.signature })
  if (candidature.kind !== 'join') {
    const key = opening.roster.find((member) => equal(member.id, id))?.key ?? newcomersKey(id, candidature)
    if (!key) throw new WebxError('unknown-sender', 'candidacy of somebody who does not belong to this neighborhood')
    return { ordered: { digest, kind: 'candidacy', id, candidature, entry: null }, checks: [signedBy(key)] }
  }
  const { inception, vrfKey, organization, capabilities, admission } = candidature
  const state = inceptionOf(inception)
  if (!equal(state.id, id)) throw new WebxError('wrong-identity', 'candidacy under another identity than its inception')
  const key = state.keys[0]
  if (!key || !organizationKey) throw new WebxError('not-allowed', 'nobody is admitted to this net')
  const admitted = { key: organizationKey, message: admissionBytes(netId, id, vrfKey), signature: admission }
  const entry = { id, key, vrfKey, organization, since: opening.epoch + 1, capabilities, weight: 1 }
  return { ordered: { digest, kind: 'candidacy', id, candidature, entry }, checks: [signedBy(key), admitted] }
}

function inceptionOf(bytes: Uint8Array): ReturnType<typeof readInception> {
  try {
    return readInception(bytes)
  } catch (error) {
    throw new WebxError('bad-transaction', `inception: ${asWebxError(error).message}`)
  }
}

/** Who was admitted in this epoch gets ready with the key that it applied with. */
function newcomersKey(id: Uint8Array, candidature: Candidature): Uint8Array | null {
  if (candidature.kind !== 'ready' || candidature.inception.length === 0) return null
  const state = inceptionOf(candidature.inception)
  return equal(state.id, id) ? (state.keys[0] ?? null) : null
}

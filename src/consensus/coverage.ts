/**
 * What checkpoints cover and reports must tell: the joint between the register lane and the chain of blocks.
 *
 * A final checkpoint that names a settled version covers it and all before it; nobody needs votes and certificates of those any more. What no checkpoint covers is what this
 * member has to report when a slot is unlocked or the epoch closes.
 */

import { equal } from '../core/bytes.ts'
import { decodeEnvelope } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { peekCertificate } from './certificate.ts'
import { decide, readDecision } from './decided.ts'
import { keyOf, slotName } from './key.ts'
import type { Lane } from './lane.ts'
import type { ObjectEntry } from './objects.ts'
import { readOrder } from './order.ts'
import { decodeVote, SPACE, slotKey, slotOfKey } from './records.ts'

/** A version of an object, and the order that it is, or its `voidHead`. */
export interface Decision {
  readonly oid: Uint8Array
  readonly version: number
  /** 32 bytes. */
  readonly od: Uint8Array
}

/** A version with the SETTLEMENT, or else the CERT, that proves it. */
export interface ProvenDecision extends Decision {
  readonly bytes: Uint8Array
}

/** The best proof that is held of a version: its settlement, else its certificate. */
export function proofOf<S>(lane: Lane<S>, oid: Uint8Array, version: number): ProvenDecision | null {
  const slot = lane.slots.get(oid, version)
  const held = slot?.settlement ?? slot?.certificate
  if (held) return { oid, version, od: held.od, bytes: held.bytes }
  const key = slotKey(oid, version)
  const bytes = lane.journal.get(SPACE.settlement, key) ?? lane.journal.get(SPACE.certificate, key)
  return bytes ? { oid, version, od: peekCertificate(decodeEnvelope(bytes)).od, bytes } : null
}

/**
 * Proofs of all certified versions that no checkpoint covers, but for those that the chain of blocks has decided itself.
 *
 * Throws `store-damaged` where this member has confirmed a version that it could not report: then it must not report at all.
 */
export function openProofs<S>(lane: Lane<S>): ProvenDecision[] {
  const proofs: ProvenDecision[] = []
  for (const { oid, certified, covered } of lane.objects.all()) {
    for (let version = covered + 1; version <= certified; version++) {
      const proof = proofOf(lane, oid, version)
      if (proof) proofs.push(proof)
    }
  }
  assertConfirmed(lane, proofs)
  return proofs
}

/** Newest settled versions that no checkpoint covers, at most one for each object, whose is open for longest first. */
export function uncovered<S>(lane: Lane<S>, countMax: number): Decision[] {
  const list: Decision[] = []
  for (const { oid, settled: version, settledHead: od } of lane.objects.uncovered()) {
    if (list.length === countMax) break
    list.push({ oid, version, od })
  }
  return list
}

/** True where exactly this is settled here: only then may this member vote for a checkpoint that names it. */
export function holdsSettled<S>(lane: Lane<S>, { oid, version, od }: Decision): boolean {
  const entry = lane.objects.get(oid)
  if (!entry || version === 0 || version > entry.settled) return false
  const settled = version === entry.settled ? entry.settledHead : settledOd(lane, oid, version)
  return settled !== null && equal(settled, od)
}

/** A final checkpoint covers this version. What lies below is pruned, as far as it is settled here; what is not is asked for. */
export function cover<S>(lane: Lane<S>, { oid, version, od }: Decision): void {
  const entry = lane.objects.ensure(oid)
  if (version <= entry.covered) return
  prune(lane, entry, Math.min(version, entry.settled))
  lane.objects.cover(entry, version)
  if (version <= entry.settled) return
  decide(lane, oid, version, od)
  lane.outbox.add({ kind: 'need', oid, fromVersion: entry.certified + 1 })
}

/** Votes and certificates up to this version are needed by nobody any more: a version that is settled is never voted for, whatever is known of it. */
function prune<S>({ journal }: Lane<S>, { oid, covered }: ObjectEntry<S>, version: number): void {
  for (let at = covered + 1; at <= version; at++) {
    const key = slotKey(oid, at)
    journal.put(SPACE.vote, key, null)
    journal.put(SPACE.certificate, key, null)
  }
}

function settledOd<S>({ journal }: Lane<S>, oid: Uint8Array, version: number): Uint8Array | null {
  const key = slotKey(oid, version)
  const order = journal.get(SPACE.order, key)
  if (order) return readOrder(decodeEnvelope(order)).od
  const decision = journal.get(SPACE.decided, key)
  return decision ? readDecision(decision) : null
}

/** Everything that this member ever confirmed, above what is covered, is among its proofs. */
function assertConfirmed<S>(lane: Lane<S>, proofs: readonly ProvenDecision[]): void {
  const proven = new Map(proofs.map(({ oid, version, od }) => [slotName(keyOf(oid), version), od]))
  for (const { key, value } of lane.journal.scan(SPACE.vote)) {
    const { confirm } = decodeVote(value)
    const { oid, version } = slotOfKey(key)
    const { covered = 0 } = lane.objects.get(oid) ?? {}
    if (!confirm || version <= covered || lane.journal.get(SPACE.decided, key)) continue
    const od = proven.get(slotName(keyOf(oid), version))
    if (!od || !equal(od, confirm)) {
      throw new WebxError('store-damaged', 'the certificate of a version that this member has confirmed is missing')
    }
  }
}

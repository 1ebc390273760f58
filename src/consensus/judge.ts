/**
 * Rule 1: what becomes of an order that is next in its object's chain. LOCK it, put it aside, or refuse it.
 *
 * Nothing here reads a clock: members that hold the same certificates and settlements judge alike.
 */

import { equal } from '../core/bytes.ts'
import { verifySignature } from '../core/crypto.ts'
import type { Code } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { keyOf, quotaName } from './key.ts'
import { type Lane, underWay } from './lane.ts'
import { type Order, orderMessage } from './order.ts'

export type Judgement =
  | { readonly kind: 'lock' }
  | { readonly kind: 'park'; readonly code: Code; readonly waitsFor: string }
  | { readonly kind: 'refuse'; readonly code: Code }

const LOCK: Judgement = { kind: 'lock' }

/** Judges a verified order at version `certified + 1` of its object. */
export function judge<S>(lane: Lane<S>, order: Order): Judgement {
  const { committee, objects, rules } = lane
  const head = objects.get(order.oid)?.head
  if (lane.frozen.has(order.oid, order.version)) return { kind: 'park', code: 'frozen', waitsFor: keyOf(order.oid) }
  if (order.maxEpoch < committee.epoch) return refusal('expired')
  if (head ? !equal(order.previous, head) : order.version !== 1) return refusal('wrong-version')
  const { epochsClosed } = objects
  const reader = { stateOf: (oid: Uint8Array) => objects.stateOf(oid), epochsClosed, underWay: () => underWay(lane) }
  return (
    judgeKey(lane, order) ?? judgeMeaning(lane, order, rules.check(order, reader)) ?? judgeRoom(lane, order) ?? LOCK
  )
}

function judgeKey<S>(lane: Lane<S>, order: Order): Judgement | null {
  const owner = lane.rules.ownerKey(order, lane.objects)
  if (owner && order.keyPosition === owner.position) {
    // its signature was checked when it came, perhaps with the other key of this position
    const holds =
      !owner.contested || !owner.key || verifySignature(owner.key, orderMessage(order), order.envelope.signature)
    return holds ? null : refusal('retired-key')
  }
  // a rotation refuses older keys for ever, but a newer one may only not be settled here yet
  if (owner && order.keyPosition < owner.position) return refusal('retired-key')
  return { kind: 'park', code: 'unknown-owner', waitsFor: keyOf(lane.rules.ownerObject(order)) }
}

function judgeMeaning<S>(
  lane: Lane<S>,
  order: Order,
  verdict: ReturnType<Lane<S>['rules']['check']>,
): Judgement | null {
  if (!verdict.ok) {
    if (!verdict.retry) return refusal(verdict.code)
    return { kind: 'park', code: verdict.code, waitsFor: keyOf(order.oid) }
  }
  const { objects } = lane
  let unknown = objects.get(order.oid) ? 0 : 1
  for (const oid of verdict.touches) if (!equal(oid, order.oid) && !objects.get(oid)) unknown++
  return objects.size + unknown > LIMITS.objectsMax && unknown > 0 ? refusal('limit') : null
}

function judgeRoom<S>(lane: Lane<S>, order: Order): Judgement | null {
  if (lane.slots.chargedTo(order) >= LIMITS.openSlotsPerOwnerMax) {
    return { kind: 'park', code: 'flooding', waitsFor: quotaName(order) }
  }
  return lane.slots.founded >= LIMITS.openSlotsMax ? refusal('limit') : null
}

function refusal(code: Code): Judgement {
  return { kind: 'refuse', code }
}

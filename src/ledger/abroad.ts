/**
 * Money between homes: how often an account has paid to another home, and the books of a home.
 *
 * A home's books are an object that nobody owns. They say, home by home and asset by asset, what was sent there and what came from there. Both only grow, by
 * settled orders, so that all members have the same books, and two homes' books can be held against each other: nobody has imported more than the other exported.
 * They are counted round a ring, since money that goes to and fro long enough leaves every range of numbers; how much is out at a time is a small part of it.
 */

import { compare, equal } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { Fields } from '../core/shape.ts'
import { objectId } from '../identity/objectid.ts'

/** How often an account has paid to a home. */
export interface Sent {
  /** 16 bytes. */
  readonly home: Uint8Array
  readonly count: number
}

/** What went to and came from another home, of one asset; each less all whole turns of `FLOW_RING`. */
export interface Flow {
  readonly home: Uint8Array
  readonly assetId: Uint8Array
  readonly exported: number
  readonly imported: number
}

/** Where flows begin anew: 64 times as much as there can be of an asset. */
export const FLOW_RING: number = 2 ** 52

/** The difference of two flows, or of sums of them, below half a ring either way. */
export function flowBetween(more: number, less: number): number {
  const steps = (((more - less) % FLOW_RING) + FLOW_RING) % FLOW_RING
  return steps < FLOW_RING / 2 ? steps : steps - FLOW_RING
}

/** 32-byte id of the books of a home. No inception has zeros as its digest, so nobody can order anything for them. */
export function booksId(netId: Uint8Array, home: Uint8Array): Uint8Array {
  return objectId(netId, home, new Uint8Array(32), new Uint8Array(16))
}

/** How often an account has paid to a home. */
export function sentTo(sent: readonly Sent[], home: Uint8Array): number {
  return sent.find((each) => equal(each.home, home))?.count ?? 0
}

/** With one payment more to a home. */
export function withSent(sent: readonly Sent[], home: Uint8Array): readonly Sent[] {
  const others = sent.filter((each) => !equal(each.home, home))
  const count = sentTo(sent, home) + 1
  return [...others, { home: home.slice(), count }].sort((a, b) => compare(a.home, b.home))
}

/** What went to and came from a home, of one asset. */
export function flowOf(flows: readonly Flow[], home: Uint8Array, assetId: Uint8Array): Omit<Flow, 'home' | 'assetId'> {
  return flows.find((flow) => isFlowOf(flow, home, assetId)) ?? { exported: 0, imported: 0 }
}

/** With more sent to, or come from, a home. */
export function withFlow(flows: readonly Flow[], change: Flow): readonly Flow[] {
  const { home, assetId } = change
  const before = flowOf(flows, home, assetId)
  const exported = (before.exported + change.exported) % FLOW_RING
  const imported = (before.imported + change.imported) % FLOW_RING
  const others = flows.filter((flow) => !isFlowOf(flow, home, assetId))
  const flow = { home: home.slice(), assetId: assetId.slice(), exported, imported }
  return [...others, flow].sort((a, b) => compare(a.home, b.home) || compare(a.assetId, b.assetId))
}

/** What is abroad of an asset: all that was sent anywhere, less all that came from anywhere. */
export function abroad(flows: readonly Flow[], assetId: Uint8Array): number {
  return flows.reduce((sum, { assetId: id, exported, imported }) => {
    return equal(id, assetId) ? flowBetween(sum + exported, imported) : sum
  }, 0)
}

/** A home's books, to be held against others'. */
export interface HomeBooks {
  readonly home: Uint8Array
  readonly flows: readonly Flow[]
}

/** Throws `internal` where a home has imported more from another one than that has exported to it. */
export function assertFlows(all: readonly HomeBooks[]): void {
  for (const { home, flows } of all) {
    for (const flow of flows) {
      const other = all.find((each) => equal(each.home, flow.home))
      if (other && flowBetween(flowOf(other.flows, home, flow.assetId).exported, flow.imported) < 0) {
        throw new WebxError('internal', 'a home has imported more than the other one has exported')
      }
    }
  }
}

/** The fields as they are stored. */
export function sentFields({ home, count }: Sent): Cbor {
  return [home, count]
}

/** Reads what `sentFields` wrote. */
export function readSent(value: Cbor): Sent {
  const fields = new Fields('sent', value)
  const sent = { home: fields.bytes('home', 16), count: fields.uint('count') }
  fields.end()
  return sent
}

/** The fields as they are stored. */
export function flowFields({ home, assetId, exported, imported }: Flow): Cbor {
  return [home, assetId, exported, imported]
}

/** Reads what `flowFields` wrote. */
export function readFlow(value: Cbor): Flow {
  const fields = new Fields('flow', value)
  const flow = {
    home: fields.bytes('home', 16),
    assetId: fields.bytes('assetId', 32),
    exported: fields.uint('exported'),
    imported: fields.uint('imported'),
  }
  fields.end()
  return flow
}

/** True for the line of this home and asset. */
export function isFlowOf(flow: Flow, home: Uint8Array, assetId: Uint8Array): boolean {
  return equal(flow.home, home) && equal(flow.assetId, assetId)
}

/**
 * Who does network-wide work in an epoch: MasterNodes and Brokers by lot among the capable, Operators by certificate.
 *
 * A lot is drawn from the share that a seat gave to the beacon before the epoch began, an output of its verifiable random function (`proof/vrf.ts`): nobody
 * can choose his own or change another's, who withholds his only takes himself out, and whoever has the shares repeats the draw. The losers in the order of
 * their tickets are the line of succession, so a role whose holder falls silent passes on without another draw.
 */

import { assertBytes, compare, equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { VRF_OUTPUT_BYTES } from '../proof/vrf.ts'

/** What a node can do for others, as bits; it says so when it asks to be taken in, so that all draw from the same list. */
export const CAPABILITY = {
  /** Joins segments that cannot reach each other. */
  broker: 1,
  /** Has the memory and the line to order the public log. */
  masterNode: 2,
  /** Is always on, at an address of its own. */
  operator: 4,
  /** Passes on streams of others. */
  relay: 8,
  /** Anybody reaches it: a public address, or a NAT that lets everyone in. */
  natOpen: 16,
  /** Behind a NAT that shows the same port to everyone, so that holes can be punched. */
  natConsistent: 32,
} as const

/** A MasterNode that leads and two that shadow it. */
export const MASTER_NODES = 3
/** Brokers of a neighborhood. */
export const BROKERS = 2

/** A seat that may be drawn. */
export interface Drawable {
  /** 32-byte identity. */
  readonly id: Uint8Array
  /** Bits of `CAPABILITY`. */
  readonly capabilities: number
  /** Its checked share of the beacon, 64 bytes; null where it gave none. */
  readonly output: Uint8Array | null
}

/** The roles that are drawn. */
export type DrawnRole = 'master-node' | 'broker'
/** Why a seat has a role, or has not. */
export type RoleReason = 'drawn' | 'in-line' | 'no-output' | 'not-capable' | 'nat-closed'

/** What became of a seat in one draw. */
export interface Drawn {
  readonly id: Uint8Array
  readonly why: RoleReason
  /** 32 bytes, the lowest wins; null where the seat takes no part. */
  readonly ticket: Uint8Array | null
  /** Place in line, 0 for the first; null where the seat takes no part. */
  readonly place: number | null
}

/** Who has which role in an epoch. */
export interface Roles {
  /** The leader first, then its shadows. */
  readonly masterNodes: readonly Uint8Array[]
  readonly brokers: readonly Uint8Array[]
  /** Sorted by identity. */
  readonly operators: readonly Uint8Array[]
}

const NUMBER_OF: Readonly<Record<DrawnRole, { code: number; holders: number }>> = {
  'master-node': { code: 1, holders: MASTER_NODES },
  broker: { code: 2, holders: BROKERS },
}

/**
 * Everyone's roles.
 *
 * @param certified identities whose operator's certificate the caller has verified
 */
export function rolesOf(seats: readonly Drawable[], certified: readonly Uint8Array[]): Roles {
  return {
    masterNodes: holders('master-node', seats),
    brokers: holders('broker', seats),
    operators: seats
      .filter(
        ({ id, capabilities }) => has(capabilities, CAPABILITY.operator) && certified.some((one) => equal(one, id)),
      )
      .map(({ id }) => id)
      .sort(compare),
  }
}

/** One draw with its reasons: who takes part in the order of their tickets, then those who do not, by identity. */
export function drawOf(role: DrawnRole, seats: readonly Drawable[]): Drawn[] {
  const { code, holders } = NUMBER_OF[role]
  const line: { id: Uint8Array; ticket: Uint8Array }[] = []
  const out: Drawn[] = []
  for (const { id, capabilities, output } of seats) {
    const why = refusal(role, capabilities, output)
    if (why === null) line.push({ id, ticket: ticketOf(code, id, output as Uint8Array) })
    else out.push({ id, why, ticket: null, place: null })
  }
  line.sort((a, b) => compare(a.ticket, b.ticket) || compare(a.id, b.id))
  const drawn = line.map(({ id, ticket }, place): Drawn => {
    return { id, why: place < holders ? 'drawn' : 'in-line', ticket, place }
  })
  return [...drawn, ...out.sort((a, b) => compare(a.id, b.id))]
}

function holders(role: DrawnRole, seats: readonly Drawable[]): Uint8Array[] {
  return drawOf(role, seats)
    .filter(({ why }) => why === 'drawn')
    .map(({ id }) => id)
}

function refusal(role: DrawnRole, capabilities: number, output: Uint8Array | null): RoleReason | null {
  const needed = role === 'broker' ? CAPABILITY.broker : CAPABILITY.masterNode
  if (!has(capabilities, needed)) return 'not-capable'
  if (role === 'broker' && !has(capabilities, CAPABILITY.natOpen) && !has(capabilities, CAPABILITY.natConsistent)) {
    return 'nat-closed'
  }
  return output === null ? 'no-output' : null
}

/** A ticket of its own for each role: who wins one draw has no better chance in the other. */
function ticketOf(code: number, id: Uint8Array, output: Uint8Array): Uint8Array {
  assertBytes('output', output, VRF_OUTPUT_BYTES)
  return blake3Of('webx v1 draw', encode([code, id, output]))
}

function has(capabilities: number, bit: number): boolean {
  return (capabilities & bit) !== 0
}

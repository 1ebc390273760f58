/**
 * Why somebody has its place in the neighborhood, as facts: what `webx swarm explain` puts into words.
 */

import { VOUCHERS_MIN } from './consensus/epoch/membership.ts'
import { equal, toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import type { Place, PlaceReason } from './epoch-places.ts'
import { rolesOfEpoch } from './epoch-roles.ts'
import { labelOf } from './identity/xqident.ts'
import { type Named, named, type RoleName, rolesHeld, type SwarmView } from './station-swarm-view.ts'
import { CAPABILITY } from './swarm/roles.ts'

/** How somebody belongs to the neighborhood. */
export type Standing = 'seat' | 'spare' | 'admitted' | 'applicant' | 'stranger'

export interface Explanation extends Named {
  readonly epoch: number
  readonly phase: string
  readonly standing: Standing
  readonly seat: number | null
  /** Whether it can vote in this epoch: a holder that did not say in time with which key cannot. */
  readonly ready: boolean
  /** Null for one who is neither on a seat nor a spare. */
  readonly why: PlaceReason | null
  /** Place among the spares in this epoch's order, 1 for the first, and how many there are. */
  readonly line: number | null
  readonly spares: number
  /** Epoch in which it was admitted, and the first in which it may have a seat. */
  readonly since: number | null
  readonly seatableFrom: number | null
  /** Founder at the root of its voucher tree; seats of that tree and how many it may have, null: as many as there are. The same of its organization. */
  readonly tree: Fill | null
  readonly organization: Fill | null
  readonly capabilities: readonly string[]
  readonly roles: readonly RoleName[]
  /** What it did in the epoch before, where it had a seat. */
  readonly attendance: { readonly attended: number; readonly led: number; readonly blocks: number } | null
  readonly up: boolean | null
  readonly accused: boolean
  readonly convicted: boolean
  /** It leaves with this epoch: it said so, too many say that it does not answer, or it was convicted. */
  readonly going: boolean
  /** Seats that answer for an applicant, and how many must. */
  readonly vouchers: { readonly given: number; readonly needed: number } | null
  /** Its seat in the next epoch, once the seats of that are planned. */
  readonly next: { readonly seat: number | null } | null
}

/** How many seats are taken of those that may be. */
export interface Fill {
  readonly label: string
  readonly seats: number
  readonly max: number | null
}

/** Fewest characters of a label or id that name somebody. */
const NAME_CHARACTERS_MIN = 4

/** Explains whoever `params.who` names: `me`, a label, an id, or the first characters of either. Throws `bad-argument`. */
export function explain(view: SwarmView, params: unknown): Explanation {
  const id = identityOf(view, (params as { who?: unknown } | null)?.who)
  const { opening, node, rules, places } = view
  const { state } = view.agreed.hood.term
  const { membership, turning } = state
  const place = places.find((one) => equal(one.id, id)) ?? null
  const entry = membership.entryOf(id)
  const applicant = membership.waiting().find((one) => equal(one.entry.id, id))
  const staysIn = (epoch: number) => membership.next(epoch).find((one) => equal(one.id, id)) ?? null
  const known = entry ?? applicant?.entry ?? staysIn(opening.epoch + 1)
  const spares = places.filter(({ seat }) => seat === null)
  const line = spares.findIndex((one) => equal(one.id, id)) + 1
  const seat = place?.seat ?? null
  const seated = places.filter((one) => one.seat !== null)
  const organizationOf = (one: Place): Uint8Array => membership.entryOf(one.id)?.organization ?? NOTHING
  const attendance = opening.attendance.find((one) => equal(one.id, id))
  const isFounder = entry?.voucher.every((byte) => byte === 0) ?? false
  return {
    ...named(id),
    ...{ epoch: opening.epoch, phase: state.phase, seat, why: place?.why ?? null },
    standing: standingOf(place, applicant !== undefined, known !== null),
    ready: seat !== null && (opening.seats[seat]?.epochKey.some((byte) => byte !== 0) ?? false),
    line: line > 0 ? line : null,
    spares: spares.length,
    since: entry?.since ?? null,
    seatableFrom: entry && (isFounder ? 0 : entry.since + rules.probationEpochs),
    tree: place && fill(place.tree, rules.perTreeMax, seated, ({ tree }) => tree),
    organization: entry && fill(entry.organization, rules.perOrganizationMax, seated, organizationOf),
    capabilities: known ? capabilitiesOf(known.capabilities) : [],
    roles: rolesHeld(rolesOfEpoch(opening), id),
    attendance: attendance ? { attended: attendance.attended, led: attendance.led, blocks: opening.blocks } : null,
    up: seat === null ? null : node.presence.isUp(id),
    accused: membership.isAccused(id),
    convicted: membership.convicted.some((one) => equal(one, id)),
    going: entry !== null && staysIn(opening.epoch + 1) === null,
    vouchers: applicant
      ? { given: applicant.vouchers.length, needed: Math.min(VOUCHERS_MIN, opening.seats.length) }
      : null,
    next: turning.plan && { seat: seatIn(turning.plan.seats, id) ?? seatIn(turning.plan.sprout?.seats ?? [], id) },
  }
}

const NOTHING = new Uint8Array(0)

function standingOf(place: Place | null, isApplicant: boolean, isKnown: boolean): Standing {
  if (place) return place.seat === null ? 'spare' : 'seat'
  if (isApplicant) return 'applicant'
  return isKnown ? 'admitted' : 'stranger'
}

function fill(
  name: Uint8Array,
  max: number | null,
  seated: readonly Place[],
  nameOf: (place: Place) => Uint8Array,
): Fill {
  return { label: labelOf(name), seats: seated.filter((place) => equal(nameOf(place), name)).length, max }
}

function seatIn(seats: readonly ({ readonly id: Uint8Array } | null)[], id: Uint8Array): number | null {
  const seat = seats.findIndex((entry) => entry !== null && equal(entry.id, id))
  return seat < 0 ? null : seat
}

function capabilitiesOf(bits: number): string[] {
  return Object.entries(CAPABILITY).flatMap(([name, bit]) => (bits & bit ? [name] : []))
}

/** Everyone who belongs to the neighborhood or wants to, and this node. */
function identityOf({ opening, agreed, node }: SwarmView, who: unknown): Uint8Array {
  const own = node.context.keys.id
  if (who === undefined || who === 'me') return own
  if (typeof who !== 'string' || who.length < NAME_CHARACTERS_MIN)
    throw new WebxError(
      'bad-argument',
      `expected me, a label, an id, or at least ${NAME_CHARACTERS_MIN} characters of one`,
    )
  const { membership } = agreed.hood.term.state
  const known = [own, ...opening.roster.map(({ id }) => id), ...membership.next(0).map(({ id }) => id)]
  known.push(...membership.waiting().map(({ entry }) => entry.id))
  const ids = new Map(known.map((id) => [toHex(id), id]))
  const found = [...ids.values()].filter((id) => labelOf(id).startsWith(who) || toHex(id).startsWith(who))
  const [id, another] = found
  if (id && !another) return id
  if (another) throw new WebxError('bad-argument', `${found.length} identities here begin with "${who}"`)
  throw new WebxError('bad-argument', `"${who}" neither belongs to this neighborhood nor applies for a place`, {
    hint: 'webx swarm matrix shows who does.',
  })
}

/**
 * What the owner of a running station may ask of it about the swarm: its neighborhood, the matrix, roles, epochs, and why somebody has its place. All of it is read from what was agreed on.
 */

import type { Opening } from './consensus/epoch/opening.ts'
import { equal, toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import type { ControlCall, ControlMethod } from './drivers/control-socket.ts'
import type { Passed } from './epoch-history.ts'
import type { PlaceReason } from './epoch-places.ts'
import { checkShares, isSeedOfShares, rolesOfEpoch } from './epoch-roles.ts'
import { labelOf } from './identity/xqident.ts'
import { explain } from './station-swarm-explain.ts'
import { placeMethods } from './station-swarm-place.ts'
import { type Named, named, type RoleName, rolesHeld, type SwarmNode, SwarmView } from './station-swarm-view.ts'
import type { DrawnRole, RoleReason } from './swarm/roles.ts'

/** How the neighborhood is. */
export interface SwarmStatus {
  readonly net: string
  readonly netId: string
  /** Id of the neighborhood, and of the one that the node's identity is at home in: another one after that was divided and the node went. */
  readonly nid: string
  readonly home: string
  /** The other neighborhoods of the net, and the newest epoch that is known here of each. */
  readonly others: readonly { readonly nid: string; readonly epoch: number }[]
  readonly epoch: number
  /** Wire version that the epoch speaks. */
  readonly version: number
  readonly phase: string
  readonly seats: number
  readonly filled: number
  readonly up: number
  readonly weight: number
  readonly quorum: number
  readonly spares: number
  readonly applicants: readonly Named[]
  readonly accused: readonly Named[]
  readonly convicted: readonly Named[]
  /** Final blocks of this epoch, and the newest of them. */
  readonly blocks: number
  readonly lastFinal: { readonly slot: number; readonly hash: string } | null
  readonly own: Named & { readonly seat: number | null; readonly isMember: boolean; readonly why: PlaceReason | null }
  readonly objects: number
  /** Objects that several identities write. */
  readonly shared: number
  /** Seats that wish for the end of the epoch, whether this node's is one of them, and what weight of them it takes. */
  readonly wishes: { readonly weight: number; readonly needed: number; readonly own: boolean }
}

/** One place in the matrix. */
export interface Cell extends Named {
  readonly seat: number
  readonly own: boolean
  readonly up: boolean
  /** False for a holder that did not say in time with which key it votes: it has weight and no vote in this epoch. */
  readonly ready: boolean
  readonly roles: readonly RoleName[]
}

export interface SwarmMatrix {
  readonly epoch: number
  /** By seat number; null for a vacant one. */
  readonly cells: readonly (Cell | null)[]
  /** In the order in which they were called for this epoch; every epoch draws a new one. */
  readonly spares: readonly (Named & { readonly own: boolean; readonly why: PlaceReason })[]
}

/** One seat in a draw. */
export interface Lot extends Named {
  readonly why: RoleReason
  /** Place in line, 0 for the first. */
  readonly place: number | null
  readonly ticket: string | null
}

export interface SwarmRoles {
  readonly epoch: number
  readonly seed: string
  readonly masterNodes: readonly Named[]
  readonly brokers: readonly Named[]
  readonly operators: readonly Named[]
  readonly draws: Readonly<Record<DrawnRole, readonly Lot[]>>
  /** Who orders the public log in its generation under way; null between two. */
  readonly publicLog: { readonly generation: number; readonly writers: readonly Named[] } | null
  /** How many shares made the seed, those that do not hold, and whether the seed is the hash of all; null where the epoch before is not kept here, or there is none. */
  readonly checked: { readonly shares: number; readonly bad: readonly Named[]; readonly seed: boolean } | null
}

/** The end of one epoch. */
export interface EpochRow {
  readonly epoch: number
  readonly blocks: number
  /** Seats that were filled, and the share of all their chances to vote for a final block that are on record, 0 to 1. */
  readonly seats: number
  readonly attended: number
  readonly convicted: readonly string[]
  /** Labels of whoever got a seat in the next epoch, or has none any more. */
  readonly came: readonly string[]
  readonly went: readonly string[]
  /** Root of the settled state that the next epoch begins with. */
  readonly stateRoot: string
  /** Whether an unbroken, checked chain of hand-overs leads here from the genesis. */
  readonly verified: boolean
}

export interface EpochPage {
  /** The epoch under way, and that of the neighborhood where the node is at home. */
  readonly epoch: number
  readonly homeEpoch: number
  readonly rows: readonly EpochRow[]
  /** Epoch to ask for next, or null. */
  readonly next: number | null
}

/** Characters of rows in one answer: what fits a line. */
const PAGE_CHARACTERS_MAX = 40 * 1024
const ROWS_MAX = 10_000

/** The methods; all answer at once, but for `leave` and `turn`, which wait for what they are about. */
export function swarmMethods(node: SwarmNode): Readonly<Record<string, ControlMethod>> {
  const view = new SwarmView(node)
  return {
    swarm: async () => status(view),
    matrix: async () => matrix(view),
    roles: async () => roles(view),
    epochs: (call) => epochs(view, call),
    handOver: async ({ params }) => handOver(view, params),
    explain: async ({ params }) => explain(view, params),
    ...placeMethods(node),
  }
}

/** Tells the node's events who was drawn, in every epoch that begins; until the returned function is called. */
export function announceRoles({ context: { events }, posts }: SwarmNode): () => void {
  const { agreed } = posts.home
  return events.on('epoch', () => {
    const { opening } = agreed.hood.term
    const { masterNodes, brokers } = rolesOfEpoch(opening)
    events.emit('roles', { epoch: opening.epoch, masterNodes, brokers })
  })
}

/** Holders of seats that sit there with weight; a vacant seat has none. */
function filledSeats({ seats }: Opening): Opening['seats'] {
  return seats.filter(({ weight }) => weight > 0)
}

function status({ node, agreed, opening, places }: SwarmView): SwarmStatus {
  const { context, presence, posts } = node
  const { genesis, keys } = context
  const { committee, hood, register } = agreed
  const { state, seat, simplex } = hood.term
  const { membership, turning } = state
  const wishing = committee.seats.filter((_, number) => turning.hasTurned(number))
  const filled = filledSeats(opening).length
  const own = places.find(({ id }) => equal(id, keys.id))
  const { slot, hash } = simplex.lastFinal
  return {
    ...{ net: genesis.name, netId: toHex(genesis.netId), nid: toHex(opening.nid) },
    home: toHex(posts.home.anchor.nid),
    others: othersOf(node, opening.nid).map(({ nid, epoch }) => ({ nid: toHex(nid), epoch })),
    ...{
      epoch: opening.epoch,
      version: opening.version,
      phase: state.phase,
      seats: opening.seats.length,
      filled,
      up: presence.seatsUp(committee),
    },
    ...{ weight: committee.weight, quorum: committee.quorum, spares: opening.roster.length - filled },
    applicants: membership.waiting().map(({ entry }) => named(entry.id)),
    accused: opening.roster.filter(({ id }) => membership.isAccused(id)).map(({ id }) => named(id)),
    convicted: membership.convicted.map(named),
    blocks: state.blocks,
    lastFinal: slot === null ? null : { slot, hash: toHex(hash) },
    own: { ...named(keys.id), seat, isMember: hood.isMember, why: own?.why ?? null },
    objects: register.sizes.objects,
    shared: state.shared.size,
    wishes: {
      weight: wishing.reduce((sum, { weight }) => sum + weight, 0),
      needed: committee.faultyMax + 1,
      own: seat !== null && turning.hasTurned(seat),
    },
  }
}

/** How all other neighborhoods stand: those that this node takes part in as it knows them itself. */
function othersOf({ posts, homes }: SwarmNode, nid: Uint8Array): Opening[] {
  const own = posts.way.map(({ agreed }) => agreed.hood.term.opening)
  const heard = homes.openings.filter((opening) => !own.some((one) => equal(one.nid, opening.nid)))
  return [...own, ...heard].filter((opening) => !equal(opening.nid, nid))
}

function matrix(view: SwarmView): SwarmMatrix {
  const { opening, places, node } = view
  const drawn = rolesOfEpoch(opening)
  const cells = opening.seats.map(({ memberId: id, epochKey, weight }, seat): Cell | null => {
    if (weight === 0) return null
    const ready = epochKey.some((byte) => byte !== 0)
    const up = node.presence.isUp(id)
    return { ...named(id), seat, own: view.isOwn(id), up, ready, roles: rolesHeld(drawn, id) }
  })
  const spares = places
    .filter(({ seat }) => seat === null)
    .map(({ id, why }) => ({ ...named(id), own: view.isOwn(id), why }))
  return { epoch: opening.epoch, cells, spares }
}

async function roles({ opening, before, node }: SwarmView): Promise<SwarmRoles> {
  const { posts, publicLog } = node
  // the one log that this node keeps is that of its home
  const term = posts.post === posts.home ? publicLog.generation?.term : null
  const { masterNodes, brokers, operators, draws } = rolesOfEpoch(opening)
  const lots = (role: DrawnRole): Lot[] =>
    draws[role].map(({ id, why, place, ticket }) => ({ ...named(id), why, place, ticket: ticket && toHex(ticket) }))
  return {
    ...{ epoch: opening.epoch, seed: toHex(opening.seed) },
    masterNodes: masterNodes.map(named),
    brokers: brokers.map(named),
    operators: operators.map(named),
    draws: { 'master-node': lots('master-node'), broker: lots('broker') },
    publicLog: term
      ? { generation: term.generation, writers: term.masterNodes.seats.map(({ memberId }) => named(memberId)) }
      : null,
    checked: before && (await checked(before, opening)),
  }
}

/** Checks with pauses: voting goes on meanwhile. */
async function checked(before: Opening, opening: Opening): Promise<NonNullable<SwarmRoles['checked']>> {
  const bad: Named[] = []
  for (const { id, holds } of checkShares(before, opening)) {
    if (!holds) bad.push(named(id))
    await pause()
  }
  return { shares: opening.shares.length, bad, seed: isSeedOfShares(before, opening) }
}

/** Newest hand-overs, oldest first; with `from`, on from that epoch. */
async function epochs(
  { history, opening, node }: SwarmView,
  { params, signal, progress }: ControlCall,
): Promise<EpochPage> {
  const { last = ROWS_MAX, from } = (params ?? {}) as { last?: unknown; from?: unknown }
  const isCount = Number.isSafeInteger(last) && (last as number) >= 1 && (last as number) <= ROWS_MAX
  if (!isCount || !(from === undefined || (Number.isSafeInteger(from) && (from as number) >= 0)))
    throw new WebxError('bad-argument', `expected 1 to ${ROWS_MAX} epochs`)
  for (const epoch of history.verify()) {
    if (signal.aborted) break
    progress({ epoch, of: opening.epoch })
    await pause()
  }
  const under = { epoch: opening.epoch, homeEpoch: node.posts.home.agreed.committee.epoch }
  const rows: EpochRow[] = []
  let characters = 0
  const first = (from as number | undefined) ?? Math.max(0, opening.epoch - (last as number))
  for (let epoch = first; epoch < opening.epoch; epoch++) {
    const passed = history.passed(epoch)
    if (!passed) continue
    await pause()
    const row = rowOf(passed, passed.opening.epoch <= history.verifiedTo)
    characters += JSON.stringify(row).length
    if (rows.length > 0 && characters > PAGE_CHARACTERS_MAX) return { ...under, rows, next: epoch }
    rows.push(row)
  }
  return { ...under, rows, next: null }
}

/** One hand-over of the home as it is kept, base64; null where it is not: documents are made at home. */
function handOver({ homeHistory }: SwarmView, params: unknown): string | null {
  const { epoch } = (params ?? {}) as { epoch?: unknown }
  if (!Number.isSafeInteger(epoch) || (epoch as number) < 0) throw new WebxError('bad-argument', 'which epoch?')
  const bytes = homeHistory.handOver(epoch as number)
  return bytes ? Buffer.from(bytes).toString('base64') : null
}

function rowOf({ before, opening }: Passed, verified: boolean): EpochRow {
  const { epoch, blocks, attendance, convicted, stateRoot } = opening
  const sitting = new Set(filledSeats(opening).map(({ memberId }) => labelOf(memberId)))
  const sat = new Set(before ? filledSeats(before).map(({ memberId }) => labelOf(memberId)) : sitting)
  const chances = blocks * sat.size
  const attended = attendance.reduce((sum, seat) => sum + seat.attended, 0)
  return {
    ...{ epoch: epoch - 1, blocks, seats: sat.size, attended: chances === 0 ? 0 : attended / chances },
    convicted: convicted.map(labelOf),
    came: [...sitting].filter((label) => !sat.has(label)),
    went: [...sat].filter((label) => !sitting.has(label)),
    stateRoot: toHex(stateRoot),
    verified,
  }
}

function pause(): Promise<void> {
  return new Promise((resume) => setImmediate(resume))
}

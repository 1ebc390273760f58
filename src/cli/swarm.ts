/**
 * `webx swarm status` and `webx swarm roles`: the neighborhood of the node on this machine, and who was drawn for what in it.
 */

import type { Lot, SwarmRoles, SwarmStatus } from '../station-swarm.ts'
import type { Named } from '../station-swarm-view.ts'
import type { DrawnRole, RoleReason } from '../swarm/roles.ts'
import { readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, painter, printJson } from './output.ts'
import { printable } from './printable.ts'

/** Checking 25 shares takes a small board some seconds. */
const ROLES_TIMEOUT_MS = 120_000
const SHORT_CHARACTERS = 8
const SHORT_HASH_CHARACTERS = 16

/** Says how the neighborhood is. Throws `unreachable`. */
export async function status(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('swarm status', args)
  const answer = await askStation<SwarmStatus>(given, io, { method: 'swarm' })
  if (given.flag('json')) printJson(io, { ok: true, ...answer })
  else for (const [name, value] of rowsOf(answer)) io.stdout(`${name.padEnd(14)}${value}\n`)
  return EXIT.done
}

/** Says who has which role and why. Throws `unreachable`. */
export async function roles(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('swarm roles', args)
  const question = { method: 'roles', timeoutMs: ROLES_TIMEOUT_MS, waiting: 'checking the shares of the seed' }
  const answer = await askStation<SwarmRoles>(given, io, question)
  if (given.flag('json')) {
    printJson(io, { ok: true, ...answer })
    return EXIT.done
  }
  const paint = painter(io, 'stdout')
  io.stdout(`epoch ${answer.epoch}  seed ${shortHash(answer.seed)}  ${checkedWords(answer.checked)}\n`)
  for (const [role, title] of Object.entries(TITLES) as [DrawnRole, string][]) {
    io.stdout(`\n${paint('bold', title)}\n`)
    const taking = answer.draws[role].filter(({ place }) => place !== null)
    for (const lot of taking) io.stdout(`${lotLine(role, lot, answer)}\n`)
    if (taking.length === 0) io.stdout('  nobody: no seat takes part in the draw\n')
    for (const [why, words] of Object.entries(OUT) as [RoleReason, string][]) {
      const out = answer.draws[role].filter((lot) => lot.why === why)
      if (out.length > 0)
        io.stdout(`  ${out.length} ${out.length === 1 ? 'seat does' : 'seats do'} not take part: ${words}\n`)
    }
  }
  io.stdout(`\n${paint('bold', 'Operators, by certificate')}\n`)
  for (const { label } of answer.operators) io.stdout(`  ${label}\n`)
  if (answer.operators.length === 0) io.stdout('  nobody\n')
  if (answer.publicLog) {
    const { generation, writers } = answer.publicLog
    io.stdout(`\n${paint('bold', `Public log, generation ${generation}`)}\n  ordered by ${people(writers)}\n`)
  }
  return EXIT.done
}

const TITLES: Readonly<Record<DrawnRole, string>> = {
  'master-node': 'MasterNodes, by lot',
  broker: 'Brokers, by lot',
}

/** Why a seat is not in a draw. */
const OUT: Readonly<Partial<Record<RoleReason, string>>> = {
  'no-output': 'they gave no share to the seed',
  'not-capable': 'they did not say that they can do it',
  'nat-closed': 'nobody could reach them',
}

/** The first characters of a label, by which people tell members apart. */
export function short(label: string): string {
  return label.slice(0, SHORT_CHARACTERS)
}

export function shortHash(hex: string): string {
  return hex.slice(0, SHORT_HASH_CHARACTERS)
}

function rowsOf(answer: SwarmStatus): [string, string][] {
  const { epoch, phase, seats, filled, up, quorum, weight, spares, blocks, lastFinal, objects, shared, wishes } = answer
  return [
    ['net', `${printable(answer.net)}  ${shortHash(answer.netId)}`],
    ['neighborhood', answer.nid],
    ...(answer.home === answer.nid
      ? []
      : [['at home', `${answer.home}: account and key log stay there`] as [string, string]]),
    ...answer.others.map(({ nid, epoch }): [string, string] => ['another', `${nid}, in epoch ${epoch}`]),
    ['epoch', `${epoch}, ${PHASES[phase] ?? phase}; wire version ${answer.version}`],
    ['seats', `${filled} of ${seats} filled, ${up} up; ${quorum} of weight ${weight} decide`],
    ['spares', String(spares)],
    ['applicants', people(answer.applicants)],
    ['accused', people(answer.accused)],
    ['convicted', people(answer.convicted)],
    [
      'blocks',
      lastFinal
        ? `${blocks} final, the last in slot ${lastFinal.slot}: ${shortHash(lastFinal.hash)}`
        : 'none final yet',
    ],
    ['own place', ownPlace(answer.own)],
    ['objects', `${objects} settled, and ${shared} shared`],
    [
      'wishes',
      `${wishes.weight} of ${wishes.needed} that it takes to end the epoch${wishes.own ? ', this seat’s among them' : ''}`,
    ],
  ]
}

/** Where an epoch stands, in words. */
const PHASES: Readonly<Record<string, string>> = {
  open: 'open',
  planned: 'its end is planned: the next seats get ready',
  closing: 'closing: every seat reports what it has certified',
  closed: 'closed: the last block is lacking',
  ended: 'ended',
}

function people(list: readonly Named[]): string {
  return list.map(({ label }) => short(label)).join(' ') || 'none'
}

function ownPlace({ label, seat, isMember, why }: SwarmStatus['own']): string {
  const place = seat !== null ? `seat ${seat}` : isMember ? 'spare' : 'none'
  return `${place}${why ? ` (${why})` : ''}  ${label}`
}

function checkedWords(checked: SwarmRoles['checked']): string {
  if (!checked) return 'not drawn by lot: no epoch before it is kept here'
  const { shares, bad, seed } = checked
  if (bad.length === 0 && seed) return `${shares} shares verified, and that the seed is made of them`
  const liars = bad.map(({ label }) => short(label)).join(' ')
  return bad.length > 0
    ? `NOT VERIFIED: the shares of ${liars} do not hold`
    : 'NOT VERIFIED: the seed is not made of the shares'
}

function lotLine(role: DrawnRole, { label, why, place, ticket }: Lot, { masterNodes }: SwarmRoles): string {
  const leads = role === 'master-node' && label === masterNodes[0]?.label
  const words =
    why === 'drawn' ? (leads ? 'drawn, leads' : role === 'master-node' ? 'drawn, shadows' : 'drawn') : 'in line'
  return `  ${String((place ?? 0) + 1).padStart(2)}  ${label}  ${words.padEnd(14)}  ticket ${shortHash(ticket ?? '')}`
}

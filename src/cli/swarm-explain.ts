/**
 * `webx swarm explain`: why somebody has its place in the neighborhood, in words, and what would have to happen for it to get a seat.
 */

import type { PlaceReason } from '../epoch-places.ts'
import type { Explanation, Fill } from '../station-swarm-explain.ts'
import { readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { short } from './swarm.ts'

/** Explains one place. Throws `unreachable`, and `bad-argument` for whom the node does not know. */
export async function explain(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('swarm explain', args)
  const facts = await askStation<Explanation>(given, io, {
    method: 'explain',
    params: { who: given.operands['WHO'] ?? 'me' },
  })
  const because = becauseOf(facts)
  if (given.flag('json')) {
    printJson(io, { ok: true, ...facts, because })
    return EXIT.done
  }
  io.stdout(`${facts.label}\n${facts.id}\n`)
  for (const [name, value] of rowsOf(facts)) io.stdout(`${name.padEnd(14)}${value}\n`)
  for (const sentence of because) io.stdout(`${sentence}\n`)
  return EXIT.done
}

/** The facts in sentences: why the place is what it is, and what would change it. */
export function becauseOf(facts: Explanation): string[] {
  return [...placeWords(facts), ...outlook(facts)]
}

function rowsOf(facts: Explanation): [string, string][] {
  const { standing, seat, line, spares, since, tree, organization, capabilities, roles, attendance } = facts
  const place = seat !== null ? `seat ${seat}` : line !== null ? `spare, ${line} of ${spares} in line` : standing
  const filled = ({ label, seats, max }: Fill): string =>
    `${short(label)} with ${max === null ? seats : `${seats} of ${max}`} ${(max ?? seats) === 1 ? 'seat' : 'seats'}`
  const rows: [string, string][] = [['place', `${place} in epoch ${facts.epoch}`]]
  if (since !== null) rows.push(['admitted', `in epoch ${since}`])
  if (tree) rows.push(['voucher tree', filled(tree)])
  if (organization) rows.push(['organization', filled(organization)])
  rows.push(['can', capabilities.join(', ') || 'nothing beside voting'])
  rows.push(['roles', roles.join(', ') || 'none'])
  if (attendance) {
    const { attended, led, blocks } = attendance
    rows.push(['last epoch', `voted for ${attended} of ${blocks} blocks on record, composed ${led}`])
  }
  if (facts.up !== null) rows.push(['heard of', facts.up ? 'lately' : 'not lately'])
  return rows
}

/** Why the place is what it is. */
function placeWords(facts: Explanation): string[] {
  const { standing, why, ready, seat, vouchers } = facts
  const words: string[] = []
  if (why) words.push(REASONS[why](facts))
  if (seat !== null && !ready)
    words.push('It did not say in time with which key it votes, and has no vote in this epoch.')
  if (standing === 'admitted')
    words.push('Enough seats answered for it: it belongs to the neighborhood from the next epoch on.')
  if (vouchers)
    words.push(`It applies for a place: ${vouchers.given} of ${vouchers.needed} seats that it takes answer for it.`)
  if (standing === 'stranger')
    words.push('It does not belong to this neighborhood and does not apply for a place here.')
  return words
}

const REASONS: Readonly<Record<PlaceReason, (facts: Explanation) => string>> = {
  founder: () => 'It is one of those whom the genesis seats.',
  incumbent: () => 'It had this seat in the epoch before, and who has one keeps it.',
  'first-by-rank': () => 'A seat was vacant, and the lot of this epoch put it first in line.',
  probation: ({ since, seatableFrom }) =>
    `It was admitted in epoch ${since} and is on probation: it may have a seat from epoch ${seatableFrom} on.`,
  'tree-full': ({ tree }) => `Its voucher tree has all ${tree?.max} seats that it may have.`,
  'organization-full': ({ organization }) => `Its organization has all ${organization?.max} seats that it may have.`,
  'enough-replaced': () => 'Before its turn came, as many seats had got new holders as one epoch allows.',
  'no-hole': () => 'No seat was vacant when its turn came.',
  lent: () =>
    'It has come with this epoch from the other part of a division, since there were too few here, and waits for a seat.',
  'not-ready': () => 'It was to have a seat and did not get ready for it in time.',
  'not-recorded': () => 'The epoch before is not kept on this node, so the reason cannot be told here.',
}

/** What comes next, or would have to. */
function outlook(facts: Explanation): string[] {
  const { standing, why, seat, going, accused, convicted, next, spares, seatableFrom, tree, organization } = facts
  if (convicted) return ['It was convicted of signing what the rules forbid, and leaves with this epoch.']
  const words: string[] = []
  if (accused)
    words.push(
      `Somebody says that it does not answer${going ? ', and is believed' : '; it stays unless more do, or it answers'}.`,
    )
  if (going) return [...words, 'It leaves with this epoch.']
  if (next)
    return [
      ...words,
      next.seat === null
        ? 'The next epoch is planned, without a seat for it.'
        : `The next epoch is planned, and it has seat ${next.seat}.`,
    ]
  if (seat !== null) return words
  if (standing === 'stranger') {
    return [
      ...words,
      'To get a place, it runs with an admission of the organization: webx net admit, then webx run --admission.',
    ]
  }
  if (standing === 'applicant') return [...words, 'Then it is a spare from the next epoch on, and waits for a seat.']
  const lot = `a seat must be vacant, and the lot of that epoch must put it first among ${spares > 1 ? `${spares} spares` : 'the spares'}`
  if (why === 'probation') return [...words, `To get a seat in epoch ${seatableFrom} or later, ${lot}.`]
  if (why === 'tree-full')
    return [...words, `To get a seat, one of the tree of ${short(tree?.label ?? '')} must leave, ${lot}.`]
  if (why === 'organization-full')
    return [...words, `To get a seat, one of ${short(organization?.label ?? '')} must leave, ${lot}.`]
  return [...words, `To get a seat in the next epoch, ${lot}.`]
}

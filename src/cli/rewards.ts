/**
 * `webx rewards list`, `explain` and `prove`: what seats earned, why, and a file that shows it to strangers, asked of the node on this machine.
 */

import { WebxError } from '../core/errors.ts'
import type {
  RewardEpoch,
  RewardExplanation,
  RewardPage,
  RewardProofPart,
  RewardRow,
  RewardStep,
} from '../station-rewards.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { askStation } from './ask.ts'
import { newPath, required, writeNew } from './handed.ts'
import type { Io } from './io.ts'
import { EXIT, printJson } from './output.ts'
import { shortHash } from './swarm.ts'

const LAST_DEFAULT = 10
const LAST_MAX = 10_000
/** Hand-overs are checked and epochs computed since the genesis. */
const TIMEOUT_MS = 600_000

/** Lists epochs, oldest first, or the seats of one. Throws `usage`, `unreachable`, `bad-argument` for an epoch that has not ended. */
export async function list(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('rewards list', args)
  const epoch = epochOf(given, 'rewards list')
  const last = numberOf(given, 'last', 'rewards list') ?? LAST_DEFAULT
  if (last < 1 || last > LAST_MAX) throw usage('rewards list', `--last takes a number from 1 to ${LAST_MAX}`)
  const epochs: RewardEpoch[] = []
  let next: number | null = null
  do {
    const params: object = epoch === undefined ? (next === null ? { last } : { from: next }) : { epoch }
    const page: RewardPage = await ask<RewardPage>(given, io, 'rewards', params)
    epochs.push(...page.epochs)
    next = page.next
  } while (next !== null)
  if (given.flag('json')) printJson(io, { ok: true, epochs })
  else for (const each of epochs) io.stdout(`${[lineOf(each), ...(each.seats ?? []).map(seatLine)].join('\n')}\n`)
  if (!given.flag('json') && epochs.length === 0) io.stdout('No epoch has ended yet.\n')
  return EXIT.done
}

/** Explains what somebody earned. Throws `usage`, `unreachable`, `bad-argument`. */
export async function explain(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('rewards explain', args)
  const facts = await ask<RewardExplanation>(given, io, 'reward', aboutOf(given, 'rewards explain'))
  const because = sentencesOf(facts)
  if (given.flag('json')) {
    printJson(io, { ok: true, ...facts, because })
    return EXIT.done
  }
  io.stdout(`${facts.label}\n${facts.id}\n`)
  io.stdout(
    `epoch ${facts.epoch}: ${amountOf(facts.points.earned)} points, ${facts.money.earned} ${facts.money.asset}\n`,
  )
  for (const sentence of because) io.stdout(`${sentence}\n`)
  return EXIT.done
}

/** Writes a proof. Throws `usage`, `unreachable`, `bad-argument`, and what writing does. */
export async function prove(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('rewards prove', args)
  const out = newPath(required(given, 'out', 'where to?'), io) as string
  let about = aboutOf(given, 'rewards prove')
  const parts: Uint8Array[] = []
  let part: RewardProofPart
  let from: number | null = 0
  do {
    part = await ask<RewardProofPart>(given, io, 'rewardProof', { ...about, from })
    parts.push(Buffer.from(part.bytes, 'base64'))
    // an epoch may end meanwhile
    about = { ...about, epoch: part.epoch }
    from = part.next
  } while (from !== null)
  const bytes = Buffer.concat(parts)
  await writeNew(out, bytes)
  if (given.flag('json')) printJson(io, { ok: true, epoch: part.epoch, file: out, bytes: bytes.length })
  else io.stdout(`${out}: epoch ${part.epoch}, ${bytes.length} bytes. Whoever has the genesis: webx rewards verify.\n`)
  return EXIT.done
}

function ask<Answer>(given: Arguments, io: Io, method: string, params: object): Promise<Answer> {
  return askStation<Answer>(given, io, { method, params, timeoutMs: TIMEOUT_MS, progressOf })
}

function progressOf(value: unknown): string {
  const { epoch, of } = value as { epoch: number; of: number }
  return `checking hand-overs: ${epoch} of ${of}`
}

function aboutOf(given: Arguments, command: string): object {
  const epoch = epochOf(given, command)
  return { who: given.operands['WHO'] ?? 'me', ...(epoch === undefined ? {} : { epoch }) }
}

function epochOf(given: Arguments, command: string): number | undefined {
  return numberOf(given, 'epoch', command)
}

function numberOf(given: Arguments, option: string, command: string): number | undefined {
  const text = given.text(option)
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw usage(command, `--${option} takes a whole number`)
  return Number(text)
}

function usage(command: string, sentence: string): WebxError {
  return new WebxError('usage', sentence, { hint: `See webx ${command} --help.` })
}

function lineOf({ epoch, blocks, points, pointsMax, budget, earned, own, root }: RewardEpoch): string {
  const mine = own === null ? 'this node had no seat' : `this node ${amountOf(own)}`
  const words = [
    `${blocks} blocks`,
    `${amountOf(points)} of ${pointsMax} points`,
    mine,
    `paid ${earned} of ${budget}`,
    `root ${shortHash(root)}`,
  ]
  return `${String(epoch).padStart(5)}  ${words.join('  ')}`
}

function seatLine({ seat, label, attended, led, points, amount }: RewardRow): string {
  return `${String(seat).padStart(9)}  ${label}  voted for ${attended}, composed ${led}: ${amountOf(points)} points, ${amount}`
}

/** What a file or a node says of a line, in words; the most first, then what was taken off, then what a point is worth. */
function sentencesOf(facts: RewardExplanation): string[] {
  const { points, money, seat, attended, led, blocks, seats, evidence, epoch, root } = facts
  const proofWords = `Evidence: the opening of epoch ${epoch + 1}, digest ${evidence}, which the hand-over of epoch ${epoch} names; root of all lines ${root}.`
  if (seat === null) return ['It had no seat in that epoch: only seats vote, and only votes earn.', proofWords]
  const taken = points.steps.filter(({ cause }) => cause !== 'seat')
  return [
    `It had seat ${seat}. A vote for each of the ${blocks} final blocks and ${led} that it composed make ${amountOf(points.most)} points at most.`,
    `It is on record for having voted for ${attended}.`,
    ...taken.map((step) => `${STEP_WORDS[step.cause]?.(step, facts) ?? step.cause}.`),
    ...worthOf(facts, seats),
    ...money.steps.filter(({ cause }) => !TAKEN.has(cause)).map((step) => `${STEP_WORDS[step.cause]?.(step, facts)}.`),
    proofWords,
  ]
}

const TAKEN: ReadonlySet<string> = new Set(['seat', 'absent', 'voucher tree', 'organization', 'probation', 'convicted'])

function worthOf({ money, blocks }: RewardExplanation, seats: number): string[] {
  if (money.budget === 0) {
    return [
      'A point is worth 0: the pool of the epoch is empty, for nothing is emitted in this net and nobody paid into it.',
    ]
  }
  return [
    `A point is worth ${money.budget} / (${blocks} × ${seats + 1}) of ${money.asset}, so it earned ${money.earned}.`,
  ]
}

type Words = (step: RewardStep, facts: RewardExplanation) => string

const STEP_WORDS: Readonly<Partial<Record<RewardStep['cause'], Words>>> = {
  absent: ({ amount }) => `${minus(amount)} points: blocks for which its vote is not on record`,
  'voucher tree': (step) =>
    `${minus(step.amount)} points: its voucher tree earns what its best seats alone would${others(step)}`,
  organization: (step) =>
    `${minus(step.amount)} points: its organization earns what its best seats alone would${others(step)}`,
  probation: ({ amount, until }, { probation }) =>
    `${minus(amount)} points: who was admitted less than ${probation.epochs} epochs ago earns ${probation.percent} %; in full from epoch ${until} on`,
  convicted: ({ amount }) => `${minus(amount)} points: it was convicted of signing what the rules forbid`,
  escrow: ({ amount, until }) => `${amount} waits in escrow, and is due at the end of epoch ${until}`,
  paid: ({ amount }) => `${amount} was due, and is paid`,
  forfeited: ({ amount }) => `${amount} was forfeited: it was convicted before it was due`,
}

function minus(amount: number | null): string {
  return `−${amountOf(amount ?? 0)}`
}

function others({ seats }: RewardStep): string {
  return seats && seats.length > 0
    ? `; it shares with ${seats.length === 1 ? 'seat' : 'seats'} ${seats.join(', ')}`
    : ''
}

/** Points, to the millionth. */
function amountOf(points: number): string {
  return String(Math.round(points * 1e6) / 1e6)
}

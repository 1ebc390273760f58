/**
 * What the owner of a running station may ask of it about rewards: what the seats of an epoch earned, why somebody earned that, and a proof of it for strangers.
 *
 * Nothing is stored for it: epochs are closed anew, by their hand-overs from the genesis on, when somebody asks.
 */

import type { ComposedNode } from './compose.ts'
import { equal, toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import type { ControlCall, ControlMethod } from './drivers/control-socket.ts'
import { EpochHistory } from './epoch-history.ts'
import { rewardProofFile } from './epoch-reward-proof.ts'
import { type EpochRewards, POINT, RewardReplay, type RewardTerms, rewardTermsOf, sumOf } from './epoch-rewards.ts'
import { anchorOf } from './epochs.ts'
import { labelOf } from './identity/xqident.ts'
import type { RewardLine } from './ledger/reward.ts'
import { explain, type Reason } from './ledger/reward-explain.ts'
import { type Named, named } from './station-swarm-view.ts'

/** Whatever of a node rewards follow from. */
export type RewardNode = Pick<ComposedNode, 'context' | 'agreed'>

/** What one seat earned. */
export interface RewardRow extends Named {
  readonly seat: number
  readonly attended: number
  readonly led: number
  readonly points: number
  readonly amount: number
}

/** What an epoch brought. Amounts are in the smallest units of the asset. */
export interface RewardEpoch {
  readonly epoch: number
  readonly blocks: number
  readonly budget: number
  readonly earned: number
  readonly points: number
  /** What all seats could have earned: a point for every final block each, and one for each block that was composed. */
  readonly pointsMax: number
  /** Root over all lines, and digest of the opening that they follow from, which the hand-over of the epoch names. */
  readonly root: string
  readonly evidence: string
  /** Points of the node that was asked; null where it had no seat. */
  readonly own: number | null
  /** Only where one epoch is asked for. */
  readonly seats?: readonly RewardRow[]
}

export interface RewardPage {
  readonly epochs: readonly RewardEpoch[]
  /** Epoch to ask for next, or null. */
  readonly next: number | null
}

/** One step on the way from the most that a seat could earn to what it has. */
export interface RewardStep {
  readonly cause: Reason['cause']
  /** In points or smallest units, by the list that it stands in; null where it takes and gives nothing. */
  readonly amount: number | null
  /** Seats with which a voucher tree or an organization shares. */
  readonly seats?: readonly number[]
  /** Epoch until which it lasts. */
  readonly until?: number
}

export interface RewardExplanation extends Named {
  readonly epoch: number
  readonly seat: number | null
  readonly attended: number
  readonly led: number
  readonly blocks: number
  /** Seats of the epoch, filled or not. */
  readonly seats: number
  /** Result and steps in points. */
  readonly points: { readonly most: number; readonly earned: number; readonly steps: readonly RewardStep[] }
  /** The same in money. */
  readonly money: {
    readonly asset: string
    readonly budget: number
    readonly grant: number
    readonly earned: number
    readonly steps: readonly RewardStep[]
  }
  readonly probation: { readonly epochs: number; readonly percent: number }
  readonly evidence: string
  readonly root: string
}

/** A part of a proof file. */
export interface RewardProofPart {
  readonly epoch: number
  /** Base64. */
  readonly bytes: string
  /** Offset to ask for next, or null. */
  readonly next: number | null
}

const PAGE_EPOCHS_MAX = 64
const PART_BYTES = 24 * 1024
const NAME_CHARACTERS_MIN = 4

/** The methods. */
export function rewardMethods(node: RewardNode): Readonly<Record<string, ControlMethod>> {
  const station = new RewardStation(node)
  return {
    rewards: (call) => station.list(call),
    reward: (call) => station.explain(call),
    rewardProof: (call) => station.prove(call),
  }
}

/** All that was earned in the epochs that this node can account for. */
class RewardStation {
  readonly #node: RewardNode
  readonly #terms: RewardTerms
  readonly #history: EpochHistory
  /** As far as the last list went, for the next part of it; taken by whoever is at work. */
  #replay: RewardReplay | null = null
  /** The proof that is being read part by part. */
  #proof: { readonly name: string; readonly epoch: number; readonly bytes: Uint8Array } | null = null

  constructor(node: RewardNode) {
    const { genesis, store } = node.context
    this.#node = node
    this.#terms = rewardTermsOf(genesis)
    this.#history = new EpochHistory(anchorOf(genesis), store)
  }

  /** Epochs from `params.from` on, or the one `params.epoch` with all its seats. */
  async list(call: ControlCall): Promise<RewardPage> {
    const { from, epoch, last } = numbersOf(call.params, ['from', 'epoch', 'last'])
    const ended = this.#ended
    if (epoch !== undefined) {
      const one = (await this.#closed(call, epoch)).at(-1) as EpochRewards
      return { epochs: [{ ...this.#epochOf(one), seats: rowsOf(one) }], next: null }
    }
    if (ended < 0) return { epochs: [], next: null }
    const first = from ?? Math.max(0, ended + 1 - (last ?? ended + 1))
    const to = Math.min(ended, first + PAGE_EPOCHS_MAX - 1)
    if (first > ended) return { epochs: [], next: null }
    const closed = await this.#closed(call, to, first)
    return { epochs: closed.map((one) => this.#epochOf(one)), next: to < ended ? to + 1 : null }
  }

  /** Why whoever `params.who` names earned what it did in `params.epoch`; the newest that has ended where none is given. */
  async explain(call: ControlCall): Promise<RewardExplanation> {
    const { rewards, later, id } = await this.#asked(call)
    const { before, after, points } = rewards
    const { head } = rewards.rewards
    const policy = this.#terms.policy
    const { genesis } = this.#node.context
    const line = lineOf(rewards.rewards.lines, id)
    const shared = { policy, slots: [] }
    const inPoints = explain(id, { ...shared, rewards: points, book: NO_BOOK, payouts: [], forfeits: [] })
    const inMoney = explain(id, { ...shared, rewards: rewards.rewards, ...later })
    return {
      ...named(id),
      ...{ epoch: before.epoch, seat: line?.seat ?? null, attended: line?.attended ?? 0, led: line?.led ?? 0 },
      ...{ blocks: after.blocks, seats: before.seats.length },
      points: {
        most: (lineOf(points.lines, id)?.most ?? 0) / POINT,
        earned: (lineOf(points.lines, id)?.amount ?? 0) / POINT,
        steps: inPoints.reasons.map((reason) => stepOf(reason, POINT)),
      },
      money: {
        ...{
          asset: genesis.assets[0]?.code ?? '',
          budget: head.budget,
          grant: this.#terms.grant,
          earned: line?.amount ?? 0,
        },
        steps: inMoney.reasons.map((reason) => stepOf(reason, 1)),
      },
      probation: { epochs: policy.probationEpochs, percent: policy.probationPercent },
      evidence: toHex(head.evidence),
      root: toHex(rewards.rewards.root),
    }
  }

  /** The proof of a line, from the byte `params.from` on. */
  async prove(call: ControlCall): Promise<RewardProofPart> {
    const { from = 0, epoch: asked } = numbersOf(call.params, ['from', 'epoch'])
    const { who = 'me' } = (call.params ?? {}) as { who?: unknown }
    const nameOf = (epoch?: number): string => JSON.stringify([who, epoch])
    if (from === 0 || this.#proof?.name !== nameOf(asked)) {
      const { rewards, id } = await this.#asked(call)
      const line = lineOf(rewards.rewards.lines, id)
      if (!line) throw new WebxError('bad-argument', `${labelOf(id)} had no seat in epoch ${rewards.before.epoch}`)
      const { epoch } = rewards.before
      const handOvers = Array.from({ length: epoch + 1 }, (_, each) => this.#history.handOver(each) ?? NOTHING)
      const bytes = rewardProofFile(this.#node.context.netId, rewards, line.seat, handOvers)
      this.#proof = { name: nameOf(epoch), epoch, bytes }
    }
    const { epoch, bytes } = this.#proof
    const end = from + PART_BYTES
    const part = Buffer.from(bytes.subarray(from, end)).toString('base64')
    if (end < bytes.length) return { epoch, bytes: part, next: end }
    this.#proof = null
    return { epoch, bytes: part, next: null }
  }

  /** The newest epoch that has ended; −1 where none has. */
  get #ended(): number {
    return this.#node.agreed.hood.term.opening.epoch - 1
  }

  /** The epoch and the identity that a call is about, and what has become of what was earned since. */
  async #asked(call: ControlCall): Promise<{ rewards: EpochRewards; later: Later; id: Uint8Array }> {
    const { epoch } = numbersOf(call.params, ['epoch'])
    const wanted = epoch ?? this.#ended
    const all = await this.#closed(call, this.#ended, wanted)
    const [rewards] = all as [EpochRewards]
    const { payouts, forfeits } = {
      payouts: all.flatMap((one) => one.payouts),
      forfeits: all.flatMap((one) => one.forfeits),
    }
    const id = identityOf(rewards, this.#node.context.keys.id, (call.params as { who?: unknown } | null)?.who)
    return { rewards, later: { book: (all.at(-1) as EpochRewards).book, payouts, forfeits }, id }
  }

  /** Epochs `from` to `to`, closed one after the other since the genesis. Throws `bad-argument` where an epoch has not ended or is not kept here. */
  async #closed({ signal, progress }: ControlCall, to: number, from = to): Promise<EpochRewards[]> {
    if (from > this.#ended || from < 0)
      throw new WebxError('bad-argument', from < 0 ? 'no epoch has ended yet' : `epoch ${from} has not ended`)
    for (const epoch of this.#history.verify()) {
      progress({ epoch, of: to + 1 })
      await pause(signal)
    }
    const kept = this.#replay
    this.#replay = null
    const replay =
      kept && kept.book.epoch <= from ? kept : new RewardReplay(anchorOf(this.#node.context.genesis), this.#terms)
    const closed: EpochRewards[] = []
    for (let { epoch } = replay.book; epoch <= to; epoch++) {
      const after = epoch < this.#history.verifiedTo ? this.#history.opening(epoch + 1) : null
      if (!after) throw new WebxError('bad-argument', `the hand-over of epoch ${epoch} is not kept on this node`)
      const rewards = replay.next(after)
      if (epoch >= from) closed.push(rewards)
      await pause(signal)
    }
    this.#replay = replay
    return closed
  }

  #epochOf({ before, after, rewards, points }: EpochRewards): RewardEpoch {
    const own = lineOf(points.lines, this.#node.context.keys.id)
    return {
      ...{ epoch: before.epoch, blocks: after.blocks, budget: rewards.head.budget, earned: sumOf(rewards.lines) },
      points: sumOf(points.lines) / POINT,
      pointsMax: points.lines.reduce((sum, { led }) => sum + after.blocks + led, 0),
      root: toHex(rewards.root),
      evidence: toHex(rewards.head.evidence),
      own: own ? own.amount / POINT : null,
    }
  }
}

type Later = Pick<EpochRewards, 'book' | 'payouts' | 'forfeits'>

function rowsOf({ rewards, points }: EpochRewards): RewardRow[] {
  return rewards.lines.map(({ id, seat, attended, led, amount }) => {
    return { ...named(id), seat, attended, led, points: (lineOf(points.lines, id)?.amount ?? 0) / POINT, amount }
  })
}

function stepOf(reason: Reason, unit: number): RewardStep {
  const amount = 'amount' in reason ? reason.amount / unit : null
  const seats = 'seats' in reason ? { seats: reason.seats } : {}
  return { cause: reason.cause, amount, ...seats, ...('until' in reason ? { until: reason.until } : {}) }
}

function lineOf(lines: readonly RewardLine[], id: Uint8Array): RewardLine | null {
  return lines.find((line) => equal(line.id, id)) ?? null
}

/** Everyone who belonged to the neighborhood in that epoch, and this node. Throws `bad-argument`. */
function identityOf({ before, after }: EpochRewards, own: Uint8Array, who: unknown): Uint8Array {
  if (who === undefined || who === 'me') return own
  if (typeof who !== 'string' || who.length < NAME_CHARACTERS_MIN)
    throw new WebxError(
      'bad-argument',
      `expected me, a label, an id, or at least ${NAME_CHARACTERS_MIN} characters of one`,
    )
  const ids = new Map([own, ...[...before.roster, ...after.roster].map(({ id }) => id)].map((id) => [toHex(id), id]))
  const [id, another] = [...ids.values()].filter((id) => labelOf(id).startsWith(who) || toHex(id).startsWith(who))
  if (id && !another) return id
  throw new WebxError(
    'bad-argument',
    another
      ? `several identities here begin with "${who}"`
      : `"${who}" did not belong to this neighborhood in epoch ${before.epoch}`,
  )
}

/** Whole numbers among the parameters. Throws `bad-argument` for anything else under their names. */
function numbersOf<K extends string>(params: unknown, names: readonly K[]): Partial<Record<K, number>> {
  const given = (params ?? {}) as Record<string, unknown>
  const found: Partial<Record<K, number>> = {}
  for (const name of names) {
    const value = given[name]
    if (value === undefined) continue
    if (!Number.isSafeInteger(value) || (value as number) < 0)
      throw new WebxError('bad-argument', `${name} is a whole number`)
    found[name] = value as number
  }
  return found
}

/** Voting goes on meanwhile. Throws `stopped` where nobody waits any more. */
async function pause(signal: AbortSignal): Promise<void> {
  await new Promise((resume) => setImmediate(resume))
  if (signal.aborted) throw new WebxError('stopped', 'nobody waits for it any more')
}

const NO_BOOK: Later['book'] = { assetId: new Uint8Array(32), epoch: 0, pool: 0, burned: 0, escrow: [] }
const NOTHING = new Uint8Array(0)

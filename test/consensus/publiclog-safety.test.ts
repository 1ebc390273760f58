/**
 * What is final stays: witnesses under MasterNodes that show two views, with a third of the network helping them, over re-draws at any moment.
 *
 * All-knowing oracle: it sees every cosignature, also those that nobody has put together. The production witness and count, signatures left out.
 */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import {
  type Checkpoint,
  checkpointText,
  type LogTerm,
  readCheckpointText,
} from '../../src/consensus/publiclog/checkpoint.ts'
import {
  type Bundle,
  checkpointSubject,
  readBundle,
  SUBJECT,
  type Subject,
  textOf,
} from '../../src/consensus/publiclog/cosignature.ts'
import { NetworkCount } from '../../src/consensus/publiclog/network.ts'
import type { TreeHead } from '../../src/consensus/publiclog/proof.ts'
import { readRedraw, redrawSeed } from '../../src/consensus/publiclog/redraw.ts'
import type { LogTree } from '../../src/consensus/publiclog/tree.ts'
import { Witness } from '../../src/consensus/publiclog/witness.ts'
import { toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { uniform } from '../kit/vectors.ts'
import { documentOf, group, judgeOf, MemoryLog, NET, SEED, treeOf } from './publiclog.ts'

const NODES = 7
const HONEST = 5
const network = group('safety', NODES)
const masterNodes = group('liars', 1).committee
const signature = new Uint8Array(64)
const seats = network.committee.seats.map(({ memberId }) => ({ id: memberId, weight: 1 }))
/** Entries of everything that may be logged, so that they are encoded once. */
const ENTRIES = Array.from({ length: 400 }, (_, i) => documentOf(`entry ${i}`))

interface View {
  readonly entries: number[]
  tree: LogTree
}

/** What is left out: the second round of cosignatures. What else votes must keep to is refuted by `test/models/redraw.pml`. */
type Mutant = 'none' | 'one-round'

interface Outcome {
  /** The first contradiction between two leaves that were final, or two bases of one generation; null without. */
  readonly contradiction: string | null
  /** Leaves that were final in the end. */
  readonly final: number
  /** Re-draws. */
  readonly generation: number
}

/** Runs a network for so many steps. */
function run(seed: number, steps: number, mutant: Mutant): Outcome {
  const random = uniform(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const witnesses = Array.from({ length: HONEST }, (_, seat) => {
    const disk = new MemoryLog()
    const verify = (groups: readonly unknown[]) => groups.map(() => true)
    return new Witness({ committee: network.committee, seat, judge: judgeOf([]), records: disk, verify })
  })
  /** The highest number that each has voted for. */
  const numbers = witnesses.map(() => 0)
  const count = new NetworkCount(seats)
  const seen: { readonly subject: Subject; readonly view: View; readonly generation: number }[] = []
  const heads: { readonly head: TreeHead; readonly generation: number }[] = []
  const decided = new Map<number, Subject>()
  let next = 0
  let generation = 0
  let views = beginning([])
  let final: number[] = []
  let contradiction: string | null = null

  function beginning(entries: readonly number[]): View[] {
    return [0, 1].map(() => ({ entries: [...entries], tree: treeOf(entries.map(bodyOf)) }))
  }

  /** The liars cosign everything. */
  function open(subject: Subject): void {
    count.open(subject)
    const cosignatures = [5, 6].map((seat) => ({ seat, seconds: 0, signature }))
    count.add({ ...subject, cid: network.committee.cid, cosignatures, weight: 2 } as Bundle, network.committee)
  }

  function grow(): void {
    const view = pick(views)
    view.entries.push(next++)
    view.tree = treeOf(view.entries.map(bodyOf))
    const own = heads.filter(({ head }) => head.size <= view.entries.length && isHeadOf(view, head))
    const claim = random() < 0.7 && own.length > 0 ? pick(own).head.size : 0
    const terms = { netId: NET, generation, ...view.tree.head, epoch: 3, seed: SEED, network: claim }
    const subject = checkpointSubject(checkpointText(terms))
    seen.push({ subject, view: { entries: [...view.entries], tree: view.tree }, generation })
    open(subject)
  }

  function show(): void {
    const { subject, view, generation: of } = pick(seen.slice(-12))
    const witness = pick(witnesses)
    const text = textOf(subject)
    const checkpoint: Checkpoint = { ...readCheckpointText(text, NET), text, signatures: [], weight: 1 }
    const term: LogTerm = { masterNodes, generation: of, epoch: 3, seed: SEED }
    const since = (size: number) => view.tree.consistency(Math.min(size, checkpoint.size))
    const { head, network: cosigned } = witness.state
    const leaves = view.entries.map((entry, index) => {
      return { index, statement: ENTRIES[entry] as (typeof ENTRIES)[number], path: view.tree.inclusion(index) }
    })
    const proofs = { consistency: since(head.size), networkConsistency: since(cosigned.size) }
    const place = { nid: network.committee.nid, neighborhoods: 1, all: false }
    if (witness.offer({ checkpoint, term, ...proofs, leaves }, place).kind === 'cosign') publish(witness)
  }

  function publish(witness: Witness): void {
    const signable = witness.next(1)
    if (!signable || !witness.seal(signable, signature)) return
    take(readBundle(decodeEnvelope(witness.flush().publish[0] as Uint8Array), network.committee))
  }

  function take(bundle: Bundle): void {
    if (bundle.kind === SUBJECT.redraw && !count.standing(bundle)) open(bundle)
    if (!count.add(bundle, network.committee)?.reached) return
    if (bundle.kind === SUBJECT.redraw) decide(bundle)
    else conclude(bundle)
  }

  /** Mostly for the next number, sometimes again for the last one. */
  function ballot(seat: number): void {
    const witness = witnesses[seat] as Witness
    const last = numbers[seat] as number
    const isAgain = last > witness.state.generation && random() < 0.3
    const number = isAgain ? last : Math.max(last, witness.state.generation) + 1
    witness.vote(number, redrawSeed(SEED, number))
    numbers[seat] = number
    publish(witness)
  }

  /** More than two thirds stand behind a checkpoint. */
  function conclude(subject: Subject): void {
    const { view, generation: of } = seen.find((one) => equalContent(one.subject, subject)) as (typeof seen)[number]
    const { size, root, network: confirmed } = readCheckpointText(textOf(subject), NET)
    heads.push({ head: { size, root }, generation: of })
    const certain = view.entries.slice(0, mutant === 'one-round' ? size : confirmed)
    const shared = Math.min(certain.length, final.length)
    for (let i = 0; i < shared; i++)
      if (certain[i] !== final[i]) contradiction ??= `${certain[i]} and ${final[i]} at ${i}`
    if (certain.length > final.length) final = certain
  }

  /** New MasterNodes, as dishonest as the old ones, on what was decided. */
  function decide(subject: Subject): void {
    const vote = readRedraw(subject)
    const known = decided.get(vote.generation)
    if (known && !equalContent(known, subject)) contradiction ??= `two bases of generation ${vote.generation}`
    decided.set(vote.generation, subject)
    if (vote.generation <= generation) return
    generation = vote.generation
    const origin = seen.find(({ view }) => isHeadOf(view, vote.base))
    views = beginning(origin ? origin.view.entries.slice(0, vote.base.size) : [])
    heads.push({ head: vote.base, generation })
    for (const witness of witnesses) if (random() < 0.3) witness.adopt(vote)
  }

  for (let step = 0; step < steps && !contradiction; step++) {
    const chance = random()
    if (chance < 0.2 || seen.length === 0) grow()
    else if (chance < 0.8) show()
    else if (chance < 0.97) {
      const known = heads.length > 0 ? pick(heads.slice(-4)) : null
      if (known && known.head.size > 0) pick(witnesses).cosigned(known.generation, known.head)
    } else {
      const seat = Math.floor(random() * HONEST)
      const late = random() < 0.5 ? [...decided.values()].at(-1) : null
      if (late) witnesses[seat]?.adopt(readRedraw(late))
      else ballot(seat)
    }
  }
  return { contradiction, final: final.length, generation }
}

const safety = suite('public log: safety')
/** Seeds that were seen to make leaves final and to draw anew. */
const SEEDS = [9, 41, 77, 78, 86, 90, 118, 125]
/** Seeds in which one round goes wrong. */
const MUTANT_SEEDS = [65]
const STEPS = 200

safety('no final leaf is ever contradicted, over re-draws, and no number has two decisions', () => {
  for (const seed of SEEDS) {
    const { contradiction, final, generation } = run(seed, STEPS, 'none')
    assert.is(contradiction, null, `seed ${seed}`)
    assert.ok(final > 0 && generation > 0, `seed ${seed} has something to contradict`)
  }
})

safety('the oracle sees what one round of cosignatures would allow', () => {
  for (const seed of MUTANT_SEEDS) {
    assert.is.not(run(seed, STEPS, 'one-round').contradiction, null, `seed ${seed}`)
    assert.is(run(seed, STEPS, 'none').contradiction, null, `seed ${seed}`)
  }
})

safety.run()

function bodyOf(entry: number): Uint8Array {
  return (ENTRIES[entry] as (typeof ENTRIES)[number]).body
}

function isHeadOf({ entries, tree }: View, { size, root }: TreeHead): boolean {
  return size <= entries.length && toHex(tree.headAt(size).root) === toHex(root)
}

function equalContent(one: Subject, other: Subject): boolean {
  return one.kind === other.kind && toHex(one.content) === toHex(other.content)
}

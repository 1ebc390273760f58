/** Rewards: fixed shares, caps, escrow; nothing is made or lost; every unit has a cause; a stranger verifies a line. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/core/bytes.ts'
import '../kit/wasm.ts'
import { EMPTY_STATE as EMPTY } from '../../src/ledger/account.ts'
import { type AttendedSlot, attendanceDigest, countAttendance } from '../../src/ledger/attendance.ts'
import { assertConserved, supplies } from '../../src/ledger/conservation.ts'
import {
  REWARD_POLICY,
  type RewardInput,
  type RewardLine,
  rewardLines,
  type SeatHolder,
  treesOf,
} from '../../src/ledger/reward.ts'
import {
  type Closing,
  closeEpoch,
  decodeBook,
  emptyBook,
  encodeBook,
  type RewardBook,
  stockOf,
} from '../../src/ledger/reward-book.ts'
import { explain, type Known } from '../../src/ledger/reward-explain.ts'
import { proveLine, rewardsOf, verifyLine } from '../../src/ledger/reward-root.ts'
import { bytesOf, issuerWallet, mint, world } from '../consensus/people.ts'
import { codeOf } from './stage.ts'

const ASSET = bytesOf('credits')
const FREE = { ...REWARD_POLICY, probationEpochs: 0, organizationSeats: 32, treeSeats: 32 }

function holder(name: string, more: Partial<SeatHolder> = {}): SeatHolder {
  return {
    id: bytesOf(name),
    organization: bytesOf(`org of ${name}`),
    tree: bytesOf(`tree of ${name}`),
    since: 0,
    ...more,
  }
}

/** Slots 1 … `blocks`, in which all but the absent vote; leaders take turns. */
function slotsOf(seats: number, blocks: number, absent: (slot: number, seat: number) => boolean = () => false) {
  return Array.from({ length: blocks }, (_, i): AttendedSlot => {
    let voters = 0
    for (let seat = 0; seat < seats; seat++) if (!absent(i + 1, seat)) voters |= 1 << seat
    return { slot: i + 1, leader: i % seats, voters: voters >>> 0 }
  })
}

function input(
  holders: readonly (SeatHolder | null)[],
  slots: readonly AttendedSlot[],
  more: Partial<RewardInput> = {},
): RewardInput {
  const work = countAttendance(slots, holders.length)
  return { epoch: 0, budget: 100_000, blocks: slots.length, holders, work, convicted: [], policy: FREE, ...more }
}

function sum(lines: readonly { readonly amount: number }[]): number {
  return lines.reduce((total, { amount }) => total + amount, 0)
}

const shares = suite('rewards: shares')
const four = ['a', 'b', 'c', 'd'].map((name) => holder(name))

shares('whoever is there for every block has the same; the pool keeps the rounding', () => {
  const lines = rewardLines(input(four, slotsOf(4, 8)))
  assert.equal(
    lines.map(({ amount }) => amount),
    [25_000, 25_000, 25_000, 25_000],
  )
  assert.equal(
    lines.map(({ reductions }) => reductions),
    [[], [], [], []],
  )
  assert.ok(sum(rewardLines(input(four, slotsOf(4, 7), { budget: 99_999 }))) <= 99_999)
  assert.equal(
    rewardLines(input(four, [])).map(({ amount }) => amount),
    [0, 0, 0, 0],
  )
})

shares('nobody earns more by another’s absence, or by an empty seat', () => {
  const all = rewardLines(input(four, slotsOf(4, 8)))
  const without = rewardLines(
    input(
      four,
      slotsOf(4, 8, (_, seat) => seat === 3),
    ),
  )
  assert.equal(without.slice(0, 3), all.slice(0, 3))
  assert.is(without[3]?.amount, 5_000, 'it led two blocks that it did not vote for')
  const vacant = rewardLines(input([...four.slice(0, 3), null], slotsOf(4, 8)))
  assert.equal(vacant, all.slice(0, 3))
})

shares('a larger committee of the same people’s identities shares the same budget', () => {
  const twenty = Array.from({ length: 20 }, (_, i) => holder(`one ${i}`))
  assert.ok(sum(rewardLines(input(twenty, slotsOf(20, 40)))) <= 100_000)
})

shares('what makes no sense is refused', () => {
  const bad = (slots: readonly AttendedSlot[]) => codeOf(() => countAttendance(slots, 4))
  assert.is(bad([{ slot: 1, leader: 4, voters: 1 }]), 'bad-argument')
  assert.is(bad([{ slot: 1, leader: 0, voters: 16 }]), 'bad-argument')
  assert.is(
    bad([
      { slot: 2, leader: 0, voters: 1 },
      { slot: 2, leader: 0, voters: 1 },
    ]),
    'bad-argument',
  )
  assert.is(
    codeOf(() => rewardLines(input(four, slotsOf(4, 2), { budget: -1 }))),
    'bad-argument',
  )
  assert.is(
    codeOf(() => rewardLines({ ...input(four, slotsOf(4, 2)), blocks: 1 })),
    'bad-argument',
  )
  assert.is(countAttendance(slotsOf(32, 3), 32)[31]?.attended, 3, 'the highest bit of 32 is no sign')
})
shares.run()

const caps = suite('rewards: caps')

caps('ten identities under one voucher earn no more than one', () => {
  const admitted = [
    ...[0, 1].map((i) => ({ id: bytesOf(`founder ${i}`), voucher: new Uint8Array(32) })),
    { id: bytesOf('honest'), voucher: bytesOf('founder 1') },
    // five at first hand, five through one another
    ...Array.from({ length: 5 }, (_, i) => ({ id: bytesOf(`sybil ${i}`), voucher: bytesOf('founder 0') })),
    ...Array.from({ length: 5 }, (_, i) => ({ id: bytesOf(`sybil ${i + 5}`), voucher: bytesOf(`sybil ${i + 4}`) })),
  ]
  const trees = treesOf(admitted)
  const holders = admitted.map(({ id }) => ({
    id,
    organization: id,
    tree: trees.get(toHex(id)) as Uint8Array,
    since: 0,
  }))
  const lines = rewardLines(input(holders, slotsOf(13, 26), { policy: { ...FREE, treeSeats: 1 } }))
  const [founder, , honest] = lines as [RewardLine, RewardLine, RewardLine]
  const sybils = lines.slice(3)
  assert.is(founder.amount, honest.amount, 'who answers for others loses nothing by it')
  assert.ok(sum(sybils) <= honest.amount, `${sum(sybils)} of ${honest.amount}`)
  assert.ok(sum(sybils) >= honest.amount - 10, 'and no less but for rounding')
  assert.ok(sybils.every(({ reductions }) => reductions.some(({ cause }) => cause === 'voucher tree')))
})

caps('a circle of vouchers is a tree, and one whose head has left, too', () => {
  const circle = [
    { id: bytesOf('x'), voucher: bytesOf('y') },
    { id: bytesOf('y'), voucher: bytesOf('x') },
    { id: bytesOf('p'), voucher: bytesOf('gone') },
    { id: bytesOf('q'), voucher: bytesOf('p') },
  ]
  const trees = treesOf(circle)
  assert.is(trees.size, 4)
  assert.equal(trees.get(toHex(bytesOf('p'))), trees.get(toHex(bytesOf('q'))))
})

caps('an organization earns what its best seats alone would, however it spreads its work', () => {
  const organization = bytesOf('one')
  const holders = [...Array.from({ length: 5 }, (_, i) => holder(`m${i}`, { organization })), holder('other')]
  const slots = slotsOf(6, 12, (slot, seat) => seat < 5 && slot % 2 === seat % 2)
  const policy = { ...FREE, organizationSeats: 2 }
  const lines = rewardLines(input(holders, slots, { policy }))
  const alone = rewardLines(input(holders, slots)).map(({ amount }) => amount)
  const best = alone.slice(0, 5).sort((a, b) => b - a)
  assert.ok(sum(lines.slice(0, 5)) <= (best[0] as number) + (best[1] as number))
  assert.is(lines[5]?.amount, alone[5])
})
caps.run()

const books = suite('rewards: the book')

function closing(book: RewardBook, more: Partial<Closing> = {}): Closing {
  const slots = slotsOf(4, 8)
  const evidence = attendanceDigest(book.epoch, slots)
  const { holders, work, blocks } = input(four, slots)
  return {
    epoch: book.epoch,
    fees: 0,
    grant: 0,
    holders,
    work,
    blocks,
    convictions: [],
    evidence,
    policy: REWARD_POLICY,
    ...more,
  }
}

books('without fees and grant nobody earns anything; of fees a part is burned', () => {
  const idle = closeEpoch(emptyBook(ASSET), closing(emptyBook(ASSET)))
  assert.equal([idle.book.pool, idle.book.burned, sum(idle.rewards.lines), idle.payouts.length], [0, 0, 0, 0])
  const { book, rewards } = closeEpoch(emptyBook(ASSET), closing(emptyBook(ASSET), { fees: 1_000, policy: FREE }))
  assert.equal([rewards.head.budget, book.burned, book.pool, sum(book.escrow)], [950, 50, 2, 948])
  assert.equal(decodeBook(encodeBook(book)), book)
  assert.is(
    codeOf(() => closeEpoch(book, closing(emptyBook(ASSET)))),
    'wrong-epoch',
  )
  assert.is(
    codeOf(() => closeEpoch(book, closing(book, { fees: -1 }))),
    'bad-amount',
  )
})

books('new members earn a tenth for 15 epochs; what is earned waits two epochs', () => {
  let book = emptyBook(ASSET)
  const paid: number[] = []
  for (let epoch = 0; epoch < 20; epoch++) {
    const closed = closeEpoch(book, closing(book, { grant: 1_000_000 - book.pool }))
    book = closed.book
    paid.push(sum(closed.payouts))
    const amounts = closed.rewards.lines.map(({ amount }) => amount)
    assert.equal(amounts, Array(4).fill(epoch < 15 ? 25_000 : 250_000))
  }
  assert.equal(paid.slice(0, 4), [0, 0, 100_000, 100_000])
  assert.equal(paid.slice(16), [100_000, 1_000_000, 1_000_000, 1_000_000])
})

books('whoever is convicted forfeits what waits for it: a tenth to the first reporter, the rest is burned', () => {
  const grant = 100_000
  const first = closeEpoch(emptyBook(ASSET), closing(emptyBook(ASSET), { grant, policy: FREE }))
  const [guilty, reporter, late] = four.map(({ id }) => id) as [Uint8Array, Uint8Array, Uint8Array]
  const convictions = [
    { guilty, reporter, evidence: bytesOf('evidence') },
    { guilty, reporter: late, evidence: bytesOf('the same again') },
  ]
  const second = closeEpoch(first.book, closing(first.book, { grant, policy: FREE, convictions }))
  assert.equal(second.payouts, [
    { id: reporter, amount: 2_500, cause: 'report', epoch: 1, evidence: bytesOf('evidence') },
  ])
  assert.is(second.book.burned, 22_500)
  assert.is(second.rewards.lines[0]?.amount, 0)
  assert.equal(second.rewards.lines[0]?.reductions, [{ cause: 'convicted', amount: 25_000 }])
  assert.ok(second.book.escrow.every(({ id }) => toHex(id) !== toHex(guilty)))
  const itself = [{ guilty, reporter: guilty, evidence: bytesOf('e') }]
  const own = closeEpoch(first.book, closing(first.book, { policy: FREE, convictions: itself }))
  assert.equal([own.payouts, own.book.burned], [[], 25_000])
  const why = explain(guilty, {
    ...known(first),
    book: second.book,
    payouts: second.payouts,
    forfeits: second.forfeits,
  })
  assert.equal(why.reasons.at(-1), { cause: 'forfeited', amount: 25_000, conviction: convictions[0] })
})

books('at every step: balances, pool, escrow and what was burned are the supply', () => {
  const w = world(4)
  const arbitraryEpoch = fc.record({
    fees: fc.nat(50_000),
    grant: fc.nat(1_000),
    absent: fc.array(fc.nat(255), { minLength: 6, maxLength: 6 }),
    guilty: fc.nat(12),
    reporter: fc.nat(7),
    seats: fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }),
  })
  fc.assert(
    fc.property(fc.array(arbitraryEpoch, { maxLength: 12 }), (epochs) => {
      let book = emptyBook(w.asset)
      const supply = 1_000_000
      const accounts = new Map([['users', supply]])
      const credit = (name: string, amount: number) => accounts.set(name, (accounts.get(name) ?? 0) + amount)
      for (const { fees, grant, absent, guilty, reporter, seats } of epochs) {
        const holders = seats.map((shared, i) =>
          holder(`seat ${i}`, { tree: bytesOf(`tree ${shared}`), organization: bytesOf(`org ${shared}`), since: i }),
        )
        const slots = absent.map((voters, i): AttendedSlot => ({ slot: i, leader: i, voters }))
        const policy = { ...REWARD_POLICY, organizationSeats: 2 }
        const convictions =
          guilty < 8
            ? [{ guilty: bytesOf(`seat ${guilty}`), reporter: bytesOf(`seat ${reporter}`), evidence: bytesOf('e') }]
            : []
        const { work, blocks } = input(holders, slots)
        const evidence = attendanceDigest(book.epoch, slots)
        const closed = closeEpoch(book, {
          epoch: book.epoch,
          fees,
          grant,
          holders,
          work,
          blocks,
          convictions,
          evidence,
          policy,
        })
        credit('users', -fees - grant)
        for (const { id, amount } of closed.payouts) credit(toHex(id), amount)
        book = closed.book
        for (const line of closed.rewards.lines) {
          assert.is(line.most - sum(line.reductions), line.amount)
          verifyLine(proveLine(closed.rewards, line.seat), closed.rewards.root, policy)
        }
        assert.ok(book.pool >= 0 && sum(closed.rewards.lines) <= closed.rewards.head.budget)
        const states = [...accounts].map(([name, amount]) => ({
          oid: bytesOf(name),
          state: { ...EMPTY, balances: [{ assetId: w.asset, amount }] },
        }))
        const issuing = {
          oid: issuerWallet(w).peek(mint(w, 1, w.asset)).oid,
          state: { ...EMPTY, issued: supply, delivered: supply },
        }
        const totals = supplies({ objects: [...states, issuing], inFlight: [], elsewhere: [stockOf(book)] }, w.genesis)
        assertConserved(totals)
        assert.is(totals[0]?.elsewhere, book.pool + book.burned + sum(book.escrow))
      }
    }),
    { numRuns: 40 },
  )
})
books.run()

const proofs = suite('rewards: proofs and reasons')

function known(closed: ReturnType<typeof closeEpoch>, slots: readonly AttendedSlot[] = []): Known {
  const { rewards, book, payouts, forfeits } = closed
  return { rewards, policy: REWARD_POLICY, slots, book, payouts, forfeits }
}

proofs('a stranger verifies one line under the root, for any number of lines', () => {
  for (let seats = 1; seats <= 9; seats++) {
    const holders = Array.from({ length: seats }, (_, i) => holder(`s${i}`))
    const lines = rewardLines(input(holders, slotsOf(seats, 5)))
    const head = { assetId: ASSET, epoch: 0, budget: 100_000, blocks: 5, seats, evidence: bytesOf('e') }
    const rewards = rewardsOf(head, lines)
    for (const line of lines) {
      const proof = proveLine(rewards, line.seat)
      assert.equal(verifyLine(proof, rewards.root, FREE), { head, line })
      const forged: (typeof proof)[] = [
        { ...proof, index: proof.index + 1 },
        { ...proof, count: proof.count + 1 },
        { ...proof, path: [...proof.path, bytesOf('more')] },
        { ...proof, path: proof.path.slice(1), ...(proof.path.length === 0 ? { line: bytesOf('l') } : {}) },
        { ...proof, head: proof.line },
        { ...proof, line: changed(proof.line) },
      ]
      for (const each of forged)
        assert.is(
          codeOf(() => verifyLine(each, rewards.root, FREE)),
          'bad-proof',
        )
    }
  }
  const dear = rewardLines(input(four, slotsOf(4, 5))).map((line, i) =>
    i === 1 ? { ...line, amount: line.amount + 1 } : line,
  )
  const head = { assetId: ASSET, epoch: 0, budget: 100_000, blocks: 5, seats: 4, evidence: bytesOf('e') }
  const agreed = rewardsOf(head, dear)
  assert.is(
    codeOf(() => verifyLine(proveLine(agreed, 1), agreed.root, FREE)),
    'bad-proof',
    'agreed on, but wrong',
  )
  assert.is(
    codeOf(() => proveLine(agreed, 9)),
    'bad-argument',
  )
})

proofs('every unit between the most and what is had has a cause, an amount and evidence', () => {
  const organization = bytesOf('one')
  const tree = bytesOf('tree')
  const holders = [
    holder('a', { tree }),
    holder('b', { tree, organization }),
    holder('c', { organization }),
    holder('d', { since: 0 }),
  ]
  const slots = slotsOf(4, 8, (slot, seat) => seat === 1 && slot === 3)
  const policy = { ...REWARD_POLICY, organizationSeats: 1 }
  const start = emptyBook(ASSET)
  const evidence = attendanceDigest(0, slots)
  const { work, blocks } = input(holders, slots)
  const closed = closeEpoch(start, {
    epoch: 0,
    fees: 0,
    grant: 100_000,
    holders,
    work,
    blocks,
    convictions: [],
    evidence,
    policy,
  })
  const why = explain(bytesOf('b'), { ...known(closed, slots), policy })
  assert.equal(
    why.reasons.map(({ cause }) => cause),
    ['seat', 'absent', 'voucher tree', 'organization', 'probation', 'escrow'],
  )
  assert.equal([why.root, why.evidence], [closed.rewards.root, evidence])
  const [most, absent, shared, capped, , escrow] = why.reasons as [never, never, never, never, never, never]
  assert.equal(most, { cause: 'seat', amount: 25_000, attended: 7, led: 2, blocks: 8 })
  assert.equal(absent, { cause: 'absent', amount: 2_500, slots: [3] })
  assert.equal({ ...(shared as object), amount: 0 }, { cause: 'voucher tree', amount: 0, name: tree, seats: [0] })
  assert.equal(
    { ...(capped as object), amount: 0 },
    { cause: 'organization', amount: 0, name: organization, seats: [2] },
  )
  const amounts = why.reasons.map((reason) => ('amount' in reason ? reason.amount : 0))
  assert.is((amounts[0] as number) - amounts.slice(1, -1).reduce((total, each) => total + each, 0), amounts.at(-1))
  assert.equal((escrow as { until: number }).until, 2)
  assert.equal(explain(bytesOf('nobody'), known(closed)).reasons, [{ cause: 'no seat' }])
  const whole = explain(bytesOf('d'), known(closed)).reasons.map(({ cause }) => cause)
  assert.equal(whole, ['seat', 'probation', 'escrow'])
})
proofs.run()

function changed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1
  return copy
}

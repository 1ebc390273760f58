/** The settled state as one root, and as chunks that a joiner checks one by one. */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { type Committee, createCommittee } from '../../src/consensus/committee.ts'
import type { Order } from '../../src/consensus/order.ts'
import { voidHead } from '../../src/consensus/records.ts'
import { createRegister, type Register } from '../../src/consensus/register.ts'
import { StateImport } from '../../src/consensus/state-import.ts'
import { VOTE } from '../../src/consensus/statement.ts'
import {
  bucketMark,
  bucketParts,
  EMPTY_BUCKET,
  type SettledObject,
  stateBucketOf,
  stateRootOf,
} from '../../src/consensus/statetree.ts'
import { toHex } from '../../src/core/bytes.ts'
import { decode, encode } from '../../src/core/codec.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { balanceOf, type ObjectState } from '../../src/ledger/account.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import { codeOf } from '../kit/refusal.ts'
import { Member } from './member.ts'
import { Disk } from './network.ts'
import { bytesOf, issuerWallet, mint, person, Wallet, world } from './people.ts'

const four = world(4)
const rules = createLedgerRules(four.genesis)

function following(committee: Committee): Committee {
  return createCommittee({ ...committee, epoch: committee.epoch + 1 })
}

/** Everything that a register hands out, taken in by a joiner. */
function imported(register: Register<ObjectState>, root: Uint8Array): StateImport {
  const state = new StateImport(root)
  state.take(0, register.chunk(0))
  assert.is(state.chunkCount, register.chunkCount)
  for (const index of state.missing(10_000).reverse()) state.take(index, register.chunk(index))
  assert.ok(state.isComplete)
  return state
}

/** Key logs, mints and payments of three people; orders of one object follow each other. */
function orders(): Order[][] {
  const wallets = ['a', 'b', 'c'].map((name) => new Wallet(four, person(name)))
  const issuer = issuerWallet(four)
  const payments = wallets.map((wallet, i) => [
    wallet.order(wallet.pay((wallets[(i + 1) % 3] as Wallet).oid, 10 + i)),
    wallet.order(wallet.pay((wallets[(i + 2) % 3] as Wallet).oid, 5)),
  ])
  const mints = wallets.map((wallet, i) => issuer.order(mint(four, 100 * (i + 1), wallet.oid)))
  return [...wallets.map((wallet) => [wallet.incept()]), mints, ...payments]
}

const roots = suite('register: the root of the settled state')

roots('is the same whatever came in which order, certified or settled, and however it was rolled back', () => {
  const chains = orders()
  const seen = new Set<string>()
  const property = fc.property(fc.array(fc.nat(1_000), { minLength: 24, maxLength: 24 }), fc.nat(5), (picks, open) => {
    const member = new Member(four)
    const left = chains.slice(0, 3).map((chain) => [...chain])
    for (const [order] of left) member.settle(order as Order)
    const rest = chains.slice(3).map((chain) => [...chain])
    for (const pick of picks) {
      const waiting = rest.filter((chain) => chain.length > 0)
      const chain = waiting[pick % Math.max(1, waiting.length)]
      const order = chain?.shift()
      if (!order) continue
      member.order(order)
      // certificates first, for some
      if (pick % 3 === 0) member.adopt(member.proof(VOTE.lock, order))
      member.adopt(member.proof(VOTE.confirm, order))
      member.order(order)
      if (pick % 7 === 0) member.register.stateRoot()
    }
    const extra = new Wallet(four, person('a'))
    extra.version = 2
    extra.head = chains[4]?.[1]?.od as Uint8Array
    for (let i = 0; i < open; i++) {
      const order = extra.order(extra.pay(bytesOf('x'), 1))
      member.order(order)
      member.adopt(member.proof(VOTE.lock, order))
    }
    const before = toHex(member.register.stateRoot())
    member.register.enterEpoch(following(member.committee), 0, [])
    assert.is(toHex(member.register.stateRoot()), before, 'what is only certified is not in it')
    seen.add(before)
  })
  fc.assert(property, { numRuns: 6, seed: 7 })
  assert.is(seen.size, 1)
})

roots('moves with every settled order and with nothing else', () => {
  const member = new Member(four)
  const payer = member.fund(new Wallet(four, person('a')), 100)
  const order = payer.order(payer.pay(bytesOf('x'), 1))
  const first = toHex(member.register.stateRoot())
  member.order(order)
  member.adopt(member.proof(VOTE.lock, order))
  assert.is(toHex(member.register.stateRoot()), first)
  member.adopt(member.proof(VOTE.confirm, order))
  assert.is.not(toHex(member.register.stateRoot()), first)
  member.turn()
  const second = toHex(member.register.stateRoot())
  member.restart()
  assert.is(toHex(member.register.stateRoot()), second)
})
roots.run()

const joining = suite('register: joining by chunks')

function settledMember(): { readonly member: Member; readonly payer: Wallet } {
  const member = new Member(four)
  const payer = member.fund(new Wallet(four, person('a')), 100)
  member.settle(payer.order(payer.pay(bytesOf('x'), 30)))
  member.register.freeze(payer.oid, 2)
  member.register.resolve(payer.oid, 2, 'void')
  return { member, payer }
}

joining('chunks tell what the epoch began with while payments go on, in the next life of the teller too', () => {
  const { member, payer } = settledMember()
  assert.is(member.register.chunkCount, 0, 'epoch 0 begins with nothing')
  const next = following(member.committee)
  member.register.enterEpoch(next, 0, [])
  const root = member.register.stateRoot()
  const earlier = imported(member.register, root)
  const { register } = member
  const following1 = new Wallet(four, payer.owner)
  following1.version = 2
  following1.head = voidHead(payer.oid, 2)
  const order = following1.order(following1.pay(bytesOf('x'), 7))
  register.step({ kind: 'order', order, verified: true }, 0)
  register.cover(payer.oid, 3, order.od)
  assert.is(register.object(payer.oid)?.settled, 3)
  assert.is.not(toHex(register.stateRoot()), toHex(root))
  member.disk.write(register.flush())
  const again = createRegister({ committee: next, seat: 0, rules, records: member.disk })
  for (const teller of [register, again]) {
    assert.equal([...imported(teller, root).objects()], [...earlier.objects()])
  }
  const records = new Disk()
  const joiner = createRegister({ committee: next, seat: 1, rules, records })
  joiner.enterEpochWith(next, 1, earlier.objects())
  assert.equal(joiner.stateRoot(), root)
  records.write(joiner.flush())
  for (const life of [joiner, createRegister({ committee: next, seat: 1, rules, records })]) {
    assert.equal([life.object(payer.oid)?.settled, life.covered(payer.oid)], [2, 2])
    assert.equal(life.stateRoot(), root)
    assert.equal([...imported(life, root).objects()], [...earlier.objects()], 'a joiner tells it on')
    life.step({ kind: 'order', order, verified: life.keyOf(order) !== null }, 0)
    assert.is(life.sizes.queuedVotes, 1, 'and votes')
    life.cover(payer.oid, 3, order.od)
    assert.equal(life.stateRoot(), register.stateRoot())
  }
})

joining('whoever was left behind takes the newest state and forgets what it believed', () => {
  const { member, payer } = settledMember()
  const late = new Member(four)
  const same = late.fund(new Wallet(four, person('a')), 100)
  const never = same.order(same.pay(bytesOf('x'), 99))
  late.order(never)
  late.turn()
  late.adopt(late.proof(VOTE.lock, never))
  late.turn()
  const next = following(following(member.committee))
  member.register.enterEpoch(next, 0, [])
  const root = member.register.stateRoot()
  late.register.enterEpochWith(next, 1, imported(member.register, root).objects())
  late.disk.write(late.register.flush())
  const again = createRegister({ committee: next, seat: 1, rules, records: late.disk })
  for (const life of [late.register, again]) {
    assert.equal(life.stateRoot(), root)
    assert.is(balanceOf(life.object(payer.oid)?.state ?? null, four.asset), 70)
    assert.equal([life.inFlight(), life.highestBatch().sequence], [[], 0])
  }
  assert.is(
    codeOf(() => again.enterEpochWith(next, 1, imported(member.register, root).objects())),
    'bad-argument',
  )
})

joining('orders that waited for their settlement hear of it by the state, once', () => {
  const [member, late] = [new Member(four), new Member(four)]
  const wallets = [member, late].map((each) => each.fund(new Wallet(four, person('a')), 100))
  const [payer, same] = wallets as [Wallet, Wallet]
  const [first, second, open] = [30, 20, 5].map((amount) => payer.order(payer.pay(bytesOf('x'), amount))) as Order[]
  for (const order of [first, second] as Order[]) member.settle(order)
  // the second waits for the first, of which only its LOCK is known; what is not settled anywhere is not told of
  for (const order of [first, second, open] as Order[]) late.order(order)
  late.turn()
  const next = following(member.committee)
  member.register.enterEpoch(next, 0, [])
  const effects = late.register.enterEpochWith(
    next,
    0,
    imported(member.register, member.register.stateRoot()).objects(),
  )
  const told = effects.flatMap((effect) => (effect.kind === 'settled-by-chain' ? [effect.order?.od] : []))
  assert.equal(told, [first?.od, second?.od])
  assert.is(late.register.object(same.oid)?.settled, 2)
  late.disk.write(late.register.flush())
  const again = createRegister({ committee: next, seat: 0, rules, records: late.disk })
  assert.equal(again.orderOf(same.oid, 1)?.od, first?.od)
  assert.ok(again.holdsSettled(same.oid, 1, first?.od as Uint8Array))

  // who knew of none of them hears of each when it comes again, the newest first; of one that was another at that place, nothing
  const joiner = createRegister({ committee: next, seat: null, rules, records: new Disk() })
  joiner.enterEpochWith(next, null, imported(member.register, member.register.stateRoot()).objects())
  const hears = (order: Order | undefined): number =>
    joiner
      .step({ kind: 'order', order: order as Order, verified: true }, 0)
      .filter(({ kind }) => kind === 'settled-by-chain').length
  const never = same.order(same.pay(bytesOf('x'), 99))
  assert.equal([first, never, second, second, first, first].map(hears), [0, 0, 1, 0, 1, 0])
})

joining('nothing that the root does not name is believed', () => {
  const { member } = settledMember()
  member.register.enterEpoch(following(member.committee), 0, [])
  const { register } = member
  const root = register.stateRoot()
  const state = new StateImport(root)
  assert.is(
    codeOf(() => state.take(1, register.chunk(1))),
    'not-settled',
  )
  assert.is(
    codeOf(() => [...state.objects()]),
    'not-settled',
  )
  const table = decode(register.chunk(0)) as (readonly [number, Uint8Array] | readonly [])[]
  const bent = table.map((mark) => (mark.length === 0 ? mark : [mark[0] + 1, mark[1]]))
  assert.is(
    codeOf(() => state.take(0, encode(bent as never))),
    'tampered',
  )
  assert.is(
    codeOf(() => state.take(0, encode(table.slice(1) as never))),
    'bad-shape',
  )
  state.take(0, register.chunk(0))
  const [path, part] = decode(register.chunk(1)) as [Uint8Array, Uint8Array]
  const flipped = part.slice()
  flipped[40] = (flipped[40] as number) ^ 1
  assert.is(
    codeOf(() => state.take(1, encode([path, flipped]))),
    'tampered',
  )
  assert.is(
    codeOf(() => state.take(2, register.chunk(1))),
    'tampered',
  )
  assert.is(
    codeOf(() => state.take(register.chunkCount, register.chunk(1))),
    'tampered',
  )
  assert.is(
    codeOf(() => register.chunk(register.chunkCount)),
    'bad-argument',
  )
  assert.equal(state.missing(2), [1, 2])
})

joining('an object that is larger than a chunk comes in parts, each of them small enough', () => {
  const state = new Uint8Array(120_000).map((_, i) => i)
  const objects: SettledObject[] = [
    { oid: bytesOf('big'), settled: 3, head: bytesOf('head'), state },
    { oid: bytesOf('big').map((byte, i) => (i === 31 ? byte ^ 1 : byte)), settled: 1, head: bytesOf('h'), state: null },
  ]
  const bucket = stateBucketOf(bytesOf('big'))
  const parts = bucketParts(objects)
  assert.is(parts.length, 3)
  for (const part of parts) assert.ok(encode([new Uint8Array(320), part]).length <= LIMITS.stateChunkBytesMax)
  assert.equal(bucketParts([...objects].reverse()), parts)
  assert.is(bucketParts([{ oid: bytesOf('none'), settled: 0, head: new Uint8Array(32), state: null }]).length, 0)
  const marks = Array.from({ length: LIMITS.stateBuckets }, (_, i) => (i === bucket ? bucketMark(parts) : EMPTY_BUCKET))
  assert.is(stateRootOf(marks).length, 32)
})
joining.run()

const vectors = suite('register: vectors of the state')

interface Vectors {
  readonly oid: string
  readonly head: string
  readonly state: string
  readonly part: string
  readonly chunk: string
  readonly bucket: number
  readonly bucketRoot: string
  readonly table: string
  readonly root: string
  readonly emptyRoot: string
  readonly voidHead: string
}

vectors('one object, its part, its bucket, the table, the root; the head of a void version', () => {
  const file = new URL('../vectors/register-state.json', import.meta.url)
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Vectors
  const oid = Buffer.from(golden.oid, 'hex')
  const object = { oid, settled: 7, head: Buffer.from(golden.head, 'hex'), state: Buffer.from(golden.state, 'hex') }
  const parts = bucketParts([object])
  const mark = bucketMark(parts)
  const empty = Array.from({ length: LIMITS.stateBuckets }, () => EMPTY_BUCKET)
  const marks = empty.map((none, i) => (i === stateBucketOf(oid) ? mark : none))
  const made = {
    ...golden,
    part: toHex(parts[0] as Uint8Array),
    chunk: toHex(encode([new Uint8Array(0), parts[0] as Uint8Array])),
    bucket: stateBucketOf(oid),
    bucketRoot: toHex(mark.root),
    table: toHex(encode(marks.map(({ parts: count, root }) => (count === 0 ? [] : [count, root])))),
    root: toHex(stateRootOf(marks)),
    emptyRoot: toHex(stateRootOf(empty)),
    voidHead: toHex(voidHead(oid, 7)),
  }
  assert.equal(made, golden)
  const state = new StateImport(Buffer.from(golden.root, 'hex'))
  state.take(0, Buffer.from(golden.table, 'hex'))
  state.take(1, Buffer.from(golden.chunk, 'hex'))
  assert.equal(
    [...state.objects()].map(({ settled }) => settled),
    [7],
  )
})
vectors.run()

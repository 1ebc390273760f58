/** The parts of an epoch one by one: who comes and goes, reports that end a slot or an epoch, words that are said once. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { type Committee, createCommittee } from '../../src/consensus/committee.ts'
import { dutiesOf } from '../../src/consensus/epoch/duties.ts'
import { Membership } from '../../src/consensus/epoch/membership.ts'
import type { Ordered } from '../../src/consensus/epoch/ordered.ts'
import { Pool } from '../../src/consensus/epoch/pool.ts'
import { entryName, Reports } from '../../src/consensus/epoch/reports.ts'
import type { RosterEntry } from '../../src/consensus/epoch/rules.ts'
import { SeatSet } from '../../src/consensus/epoch/seatset.ts'
import type { EpochState } from '../../src/consensus/epoch/state.ts'
import { Unlocks } from '../../src/consensus/epoch/unlocks.ts'
import { Voice } from '../../src/consensus/epoch/voice.ts'
import { Journal } from '../../src/consensus/journal.ts'
import { SPACE } from '../../src/consensus/records.ts'
import { toHex } from '../../src/core/bytes.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { Disk } from './network.ts'
import { bytesOf, keyPair } from './people.ts'

const NOBODY = new Uint8Array(32)
const idOf = (name: string): Uint8Array => bytesOf(`id ${name}`)

function committeeOf(seats: number) {
  const named = Array.from({ length: seats }, (_, i) => ({
    memberId: idOf(`seat ${i}`),
    epochKey: keyPair(`epoch rules ${i}`).publicKey,
    weight: 1,
  }))
  return createCommittee({ netId: bytesOf('net'), nid: bytesOf('nid', 16), epoch: 3, seats: named })
}

function entry(name: string, voucher: Uint8Array = NOBODY): RosterEntry {
  const fixed = { organization: NOBODY, since: 0, capabilities: 0, weight: 1, voucher }
  return { id: idOf(name), key: bytesOf(`key ${name}`), vrfKey: bytesOf(`vrf ${name}`), ...fixed }
}

function roster(seats: number, spares = 0): RosterEntry[] {
  const seated = Array.from({ length: seats }, (_, i) => entry(`seat ${i}`))
  return [...seated, ...Array.from({ length: spares }, (_, i) => entry(`spare ${i}`))]
}

const names = (entries: readonly { readonly id: Uint8Array }[]): string[] => entries.map(({ id }) => toHex(id))
const quarter = committeeOf(4)
const full = committeeOf(25)

const seats = suite('epoch: sets of seats')

seats('count a seat once, and know when the liars cannot be all of them', () => {
  const set = new SeatSet(full)
  for (let seat = 0; seat < 8; seat++) assert.ok(set.add(seat))
  assert.not.ok(set.add(3))
  assert.is(set.weight, 8)
  assert.not.ok(set.isBelieved)
  set.add(24)
  assert.ok(set.isBelieved && !set.isQuorum)
  for (let seat = 9; seat < 17; seat++) set.add(seat)
  assert.ok(set.isQuorum)
  assert.is(set.size, 17)
})

seats.run()

const members = suite('epoch: who comes and goes')

members('an applicant needs two seats that answer for it, each only once in an epoch', () => {
  const membership = new Membership(full, roster(25))
  assert.ok(membership.apply(entry('one')) && membership.apply(entry('two')))
  assert.not.ok(membership.apply(entry('one')), 'twice')
  assert.not.ok(membership.apply(entry('seat 3')), 'belongs already')
  assert.not.ok(
    membership.apply({ ...entry('other'), vrfKey: entry('seat 3').vrfKey }),
    'draws with the key of another',
  )
  membership.vouch(0, idOf('one'))
  membership.vouch(0, idOf('two'))
  membership.vouch(1, idOf('two'))
  assert.equal(names(membership.waiting().map((applicant) => applicant.entry)), names([entry('one'), entry('two')]))
  membership.vouch(2, idOf('one'))
  const next = membership.next(4)
  assert.is(next.length, 26)
  const admitted = next.find(({ id }) => toHex(id) === toHex(idOf('one')))
  assert.is(admitted?.since, 4)
  assert.is(toHex(admitted?.voucher as Uint8Array), toHex(idOf('seat 0')))
  assert.ok(membership.hasChanged)
})

members(
  'seats answer for applicants two by two, so that many who come one by one are taken in; where two are dead, the next ones step in',
  () => {
    const vouchedFor = (membership: Membership, committee: Committee, seat: number, waitedMs: number): Uint8Array[] => {
      const turning = { isWanted: false, hasTurned: () => true }
      const unlocks = { unreported: () => [] }
      const state = { phase: 'open', committee, turning, membership, unlocks } as unknown as EpochState
      const known = { seat, nowMs: 0, wantsTurn: false, plannedMs: 0, suspects: [], stuck: [], openProofs: () => [] }
      const duties = dutiesOf(state, { ...known, waitedMs, hasSaid: () => false, certifiedAt: () => null })
      return duties.flatMap(({ say }) => (say !== 'turn' && say.kind === 'vouch' ? [say.id] : []))
    }
    const speak = (membership: Membership, silent: readonly number[], waitedMs: number, committee = full): void => {
      const said = committee.seats.flatMap((_, seat) =>
        silent.includes(seat) ? [] : vouchedFor(membership, committee, seat, waitedMs).map((id) => ({ seat, id })),
      )
      for (const { seat, id } of said) membership.vouch(seat, id)
    }
    const many = new Membership(full, roster(25))
    for (let i = 0; i < 13; i++) {
      many.apply(entry(`one by one ${i}`))
      speak(many, [], 0)
    }
    assert.is(many.next(4).length, 25 + 12, 'every seat but one has answered')
    const few = new Membership(full, roster(25))
    few.apply(entry('one'))
    speak(few, [0, 1, 2], 999)
    assert.is(few.next(4).length, 25)
    speak(few, [0, 1, 2], 1_000)
    speak(few, [0, 1, 2], 2_000)
    assert.is(few.next(4).length, 26)
    assert.equal(
      full.seats.flatMap((_, seat) => (few.hasVouched(seat) ? [seat] : [])),
      [3, 4, 5],
    )
    const scarce = committeeOf(5)
    const crowd = new Membership(scarce, roster(5))
    for (const name of ['one', 'two', 'three']) crowd.apply(entry(name))
    for (const waitedMs of [0, 1_000, 2_000]) speak(crowd, [1, 3], waitedMs, scarce)
    assert.is(crowd.next(4).length, 6, 'three seats that answer take in one of three, not none')
  },
)

members('who was vouched for by somebody who was vouched for belongs to the same founder', () => {
  const people = [...roster(24), entry('grandchild', idOf('founder')), entry('founder')]
  const seated = createCommittee({
    ...full,
    seats: full.seats.map((seat, i) => (i === 24 ? { ...seat, memberId: idOf('grandchild') } : seat)),
  })
  const membership = new Membership(seated, people)
  membership.apply(entry('new'))
  membership.vouch(24, idOf('new'))
  membership.vouch(1, idOf('new'))
  const admitted = membership.next(4).find(({ id }) => toHex(id) === toHex(idOf('new')))
  assert.is(toHex(admitted?.voucher as Uint8Array), toHex(idOf('founder')))
})

members('the dead go where more than the liars accuse them and they do not answer', () => {
  const membership = new Membership(full, roster(25, 3))
  for (let seat = 0; seat < 8; seat++) membership.accuse(seat, idOf('seat 20'))
  assert.is(membership.next(4).length, 28, 'eight may lie')
  membership.accuse(9, idOf('seat 20'))
  assert.is(membership.next(4).length, 27)
  membership.answer(idOf('seat 20'))
  assert.is(membership.next(4).length, 28, 'it answered')
})

members(
  'no more than an eighth of the seats is given up at once, and the dead keep theirs where nobody could take them',
  () => {
    const accuse = (membership: Membership, name: string): void => {
      for (let seat = 0; seat < 9; seat++) membership.accuse(seat, idOf(name))
    }
    const alone = new Membership(full, roster(25))
    for (let i = 10; i < 18; i++) accuse(alone, `seat ${i}`)
    assert.is(alone.next(4).length, 25, 'no spares')
    const attended = new Membership(full, roster(25, 8))
    for (let i = 10; i < 18; i++) accuse(attended, `seat ${i}`)
    assert.is(attended.next(4).length, 30, 'three of eight')
    const leaving = new Membership(full, roster(25, 8))
    for (let i = 10; i < 18; i++) leaving.leave(idOf(`seat ${i}`))
    for (let i = 0; i < 8; i++) leaving.leave(idOf(`spare ${i}`))
    assert.is(leaving.next(4).length, 22, 'spares as they like, seats three at a time')
  },
)

members('who is convicted goes at once, whoever else does', () => {
  const membership = new Membership(full, roster(25, 8))
  for (let i = 0; i < 5; i++) assert.ok(membership.convict(idOf(`seat ${i}`)))
  assert.not.ok(membership.convict(idOf('seat 0')), 'twice')
  assert.not.ok(membership.convict(idOf('nobody')))
  for (let i = 10; i < 18; i++) membership.leave(idOf(`seat ${i}`))
  assert.is(membership.next(4).length, 33 - 5 - 3)
})

members.run()

const reports = suite('epoch: reports')
const decided = (name: string, version = 1) => ({
  oid: bytesOf(name),
  version,
  od: bytesOf(`order ${name} ${version}`),
})

reports('count when everything in them is proven, and end with the union of a quorum', () => {
  const proven = new Set<string>()
  const all = new Reports(quarter, (name) => proven.has(name))
  const [a, b, c] = [decided('a'), decided('b'), decided('c')]
  all.add(0, 0, 1, [a, b])
  all.add(1, 0, 1, [])
  all.add(2, 0, 1, [c])
  assert.not.ok(all.isQuorum)
  for (const entryOf of [a, b]) {
    proven.add(entryName(entryOf))
    all.prove(entryName(entryOf))
  }
  assert.not.ok(all.isQuorum, 'one claims what nobody proves')
  all.add(3, 0, 1, [a])
  assert.ok(all.isQuorum)
  assert.equal(new Set(all.union().map(entryName)), new Set([entryName(a), entryName(b)]))
})

reports('in parts are complete with the last, and the first word about a part stands', () => {
  const all = new Reports(committeeOf(1), () => true)
  all.add(0, 0, 2, [decided('a')])
  all.add(0, 0, 2, [decided('b')])
  all.add(0, 1, 3, [decided('b')])
  assert.not.ok(all.isQuorum)
  all.add(0, 1, 2, [decided('c')])
  assert.ok(all.isQuorum)
  assert.equal(new Set(all.union().map(entryName)), new Set([entryName(decided('a')), entryName(decided('c'))]))
})

reports.run()

const unlocks = suite('epoch: unlocks')
const place = { oid: bytesOf('stuck'), version: 2 }

unlocks('begin by more than the liars, and end with what was proven, or with nothing', () => {
  const proven = new Set<string>()
  const open = new Unlocks(full, (name) => proven.has(name))
  for (let seat = 0; seat < 8; seat++) assert.not.ok(open.wish(seat, place))
  assert.is(open.unreported(0).length, 0)
  assert.not.ok(open.wish(3, place), 'twice')
  assert.ok(open.wish(8, place))
  assert.ok(open.isFrozen(place))
  const od = bytesOf('order')
  assert.is(open.report(0, place, od), null)
  for (let seat = 1; seat < 17; seat++) assert.is(open.report(seat, place, null), null)
  const found = { ...place, od }
  proven.add(entryName(found))
  assert.equal(open.prove(found, entryName(found)), found)
  assert.not.ok(open.wish(20, place), 'it has an end')
  const other = { ...place, version: 3 }
  for (let seat = 0; seat < 9; seat++) open.wish(seat, other)
  for (let seat = 0; seat < 16; seat++) assert.is(open.report(seat, other, null), null)
  assert.equal(open.report(16, other, null), { ...other, od: null })
})

unlocks('a liar alone, wishing for everything, takes the room of nobody', () => {
  const open = new Unlocks(full, () => true)
  for (let version = 1; version <= 4 * LIMITS.openUnlocksMax; version++) open.wish(0, { oid: bytesOf('junk'), version })
  for (let seat = 1; seat < 9; seat++) open.wish(seat, place)
  assert.ok(open.wish(9, place))
})

unlocks.run()

const words = suite('epoch: words and what waits')

words('a word is said once, in this life and the next, and asked for one at a time', () => {
  const disk = new Disk()
  const journal = new Journal(disk)
  const voice = new Voice(quarter, journal, disk.scan(SPACE.said))
  voice.propose('close 1', 2, { kind: 'close' })
  voice.propose('close 1', 2, { kind: 'close' })
  voice.propose('vouch', 2, { kind: 'vouch', id: bytesOf('x') })
  assert.is(voice.next()?.with, 'epoch-key')
  assert.is(voice.next(), null, 'an answer is awaited')
  assert.is(voice.take().length, 0)
  voice.answer(new Uint8Array(64))
  assert.is(voice.take().length, 1)
  disk.write(journal.flush())
  const later = new Voice(quarter, new Journal(disk), disk.scan(SPACE.said))
  assert.ok(later.has('close 1') && !later.has('vouch'))
  assert.is([...later.said()].length, 1)
  assert.throws(() => later.answer(new Uint8Array(64)), /nothing/)
})

words('nobody takes more than a share of what may wait', () => {
  const pool = new Pool()
  const pending = (i: number, seat: number): { bytes: Uint8Array; ordered: Ordered } => ({
    bytes: new Uint8Array(1),
    ordered: { digest: bytesOf(`digest ${seat} ${i}`), kind: 'proposal', seat, proposal: { kind: 'close' } },
  })
  let taken = 0
  for (let i = 0; i < 2 * LIMITS.pendingTransactionsPerSenderMax; i++) if (pool.add(pending(i, 0), 0)) taken++
  assert.is(taken, LIMITS.pendingTransactionsPerSenderMax)
  assert.ok(pool.add(pending(0, 1), 0))
  assert.not.ok(pool.add(pending(0, 1), 0), 'twice')
  pool.delete(pending(0, 0).ordered.digest)
  assert.ok(pool.add(pending(taken, 0), 0))
})

words('words of members wait for those of the others, but not for ever', () => {
  const pool = new Pool()
  const word = (seat: number): { bytes: Uint8Array; ordered: Ordered } => ({
    bytes: new Uint8Array(1),
    ordered: { digest: bytesOf(`word ${seat}`), kind: 'proposal', seat, proposal: { kind: 'close' } },
  })
  assert.is(pool.dueAtMs(4), null)
  pool.add(word(0), 1_000)
  const dueMs = pool.dueAtMs(4) as number
  assert.ok(dueMs > 1_000)
  for (const seat of [1, 2]) pool.add(word(seat), 1_100)
  assert.is(pool.dueAtMs(4), dueMs, 'the oldest counts')
  pool.add(word(3), 1_100)
  assert.is(pool.dueAtMs(4), 0, 'all are here')
  for (const seat of [0, 3]) pool.delete(word(seat).ordered.digest)
  assert.is(pool.dueAtMs(4), dueMs + 100)
})

words.run()

/** One Simplex lane, or a few on a quiet network: delays, patience, restarts, limits, the end of an epoch. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { BALLOT, ballotBytes, NO_BLOCK, type Verdict } from '../../src/consensus/simplex/ballot.ts'
import { candidateBytes } from '../../src/consensus/simplex/candidate.ts'
import { blockCertificateBytes } from '../../src/consensus/simplex/certificate.ts'
import type { SimplexEffect, SimplexEvent } from '../../src/consensus/simplex/effects.ts'
import { readFinality } from '../../src/consensus/simplex/finality.ts'
import { Leaders } from '../../src/consensus/simplex/leaders.ts'
import { forgetLane, SIMPLEX_SPACE } from '../../src/consensus/simplex/records.ts'
import { createSimplex, type Simplex } from '../../src/consensus/simplex/simplex.ts'
import { decode } from '../../src/core/codec.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { codeOf } from '../kit/refusal.ts'
import { Disk } from './network.ts'
import { bytesOf } from './people.ts'
import { castBallot, castCandidate } from './simplex-liar.ts'
import { BEGINNING, cheapSignature, committeeFor, decodeEvent, SEED, SimplexNet, TextRules } from './simplex-net.ts'

const four = committeeFor(4)
const leaders = new Leaders(four, SEED)
const START = { slot: null, hash: BEGINNING }
const DELAY_MS = 10
const steady = [DELAY_MS, DELAY_MS] as const

/** When each member has executed a slot. */
function finalAt(net: SimplexNet, slot: number): number[] {
  return net.effects.flatMap(({ effect, atMs }) =>
    effect.kind === 'final' && effect.block.slot === slot ? [atMs] : [],
  )
}

/** Texts that were executed, without the marks of blocks. */
function texts(rules: TextRules): string[] {
  return rules.executed.filter((text) => !text.startsWith('#'))
}

const delays = suite('simplex: delays')

for (const seats of [4, 25]) {
  delays(`${seats} members: three to finality, two to the next block, two votes of each member for a block`, () => {
    const net = new SimplexNet({ committee: committeeFor(seats), seed: 1, delayMs: steady })
    net.submit('one')
    net.submit('two')
    net.runUntil(1_000)
    assert.equal(net.complaints(), [])
    assert.equal(finalAt(net, 0), Array(seats).fill(3 * DELAY_MS))
    assert.equal(finalAt(net, 1), Array(seats).fill(5 * DELAY_MS))
    for (const { rules } of net.peers) assert.equal(rules.executed, ['#0', 'one', '#1', 'two'])
    assert.equal(net.sent, { candidate: 2, ballot: 4 * seats, certificate: 4 })
  })
}

delays('an idle network is silent, and nobody waits for anything', () => {
  const net = new SimplexNet({ committee: committeeFor(25), seed: 1 })
  net.submit('one')
  net.runUntil(5_000)
  const sent = { ...net.sent }
  for (const { lane } of net.peers) assert.is(lane.wakeAtMs(), null)
  for (const peer of net.peers) net.turn(peer, { kind: 'tick' })
  net.runUntil(3_600_000)
  assert.equal(net.sent, sent)
})

delays('a silent leader costs one skip timer where all want something, and two where one member does', () => {
  const skipMs = 400
  for (const [to, timers] of [
    [[0, 1, 2, 3], 1],
    [[leaders.of(1)], 2],
  ] as const) {
    const net = new SimplexNet({ committee: four, seed: 1, delayMs: steady, timing: { skipMs } })
    net.peer(leaders.of(0)).up = false
    net.submit('one', to)
    net.runUntil(5_000)
    assert.equal(net.complaints(), [])
    assert.is(finalAt(net, 1).length, 3)
    const costMs = Math.max(...finalAt(net, 1)) - 3 * DELAY_MS
    assert.ok(costMs >= skipMs && costMs <= timers * skipMs + 2 * DELAY_MS, `${costMs} ms`)
  }
})

delays('the skip timer follows the votes', () => {
  const net = new SimplexNet({ committee: four, seed: 1, delayMs: steady, timing: { skipMs: 5_000, skipMsMin: 30 } })
  for (let i = 0; i < 4; i++) {
    net.submit(`text ${i}`)
    net.runUntil(net.nowMs + 100)
  }
  net.peer(leaders.of(4)).up = false
  const startMs = net.nowMs
  net.submit('last')
  net.runUntil(startMs + 5_000)
  const costMs = Math.max(...finalAt(net, 5)) - 3 * DELAY_MS - startMs
  assert.ok(costMs < 4 * 2 * DELAY_MS + 2 * DELAY_MS, `${costMs} ms`)
})

delays('a block that is notarized and not final is brought to its end by an empty one', () => {
  const net = new SimplexNet({ committee: four, seed: 1, delayMs: steady, timing: { skipMs: 400 } })
  const isLost = (event: SimplexEvent): boolean => {
    const said = event.kind === 'ballot' ? event.ballot : event.kind === 'certificate' ? event.certificate : null
    return said?.kind === BALLOT.finalize && said.slot === 0
  }
  net.reaches = (_, __, event) => !isLost(event)
  net.submit('one')
  net.runUntil(5_000)
  assert.equal(net.complaints(), [])
  for (const { rules } of net.peers) assert.equal(rules.executed, ['#0', 'one', '#1'])
  const proofs = net.effects.flatMap(({ effect }) => (effect.kind === 'final' ? [effect] : []))
  const [below, above] = [0, 1].map((slot) => proofs.find(({ block }) => block.slot === slot)?.finality as Uint8Array)
  assert.is((decode(below as Uint8Array) as unknown[][])[1]?.length, 1)
  assert.is((decode(above as Uint8Array) as unknown[][])[1]?.length, 0)
  assert.is(readFinality(below as Uint8Array, four).slot, 0)
})

delays('vacant seats count in the weight and are never waited for as leaders', () => {
  const net = new SimplexNet({ committee: committeeFor(9, [2, 5]), seed: 1, delayMs: steady })
  for (const seat of [2, 5]) net.peer(seat).up = false
  for (let i = 0; i < 14; i++) net.at(100 * i, () => net.submit(`text ${i}`))
  net.runUntil(3_000)
  assert.equal(net.complaints(), [])
  assert.is(texts(net.peer(0).rules).length, 14)
  assert.is(net.peer(0).lane.lastFinal.slot, 13)
})
delays.run()

/** A lane by itself, to which we say what the others say. */
class Alone {
  readonly disk = new Disk()
  readonly seat: number | null
  rules = new TextRules(this.disk)
  lane: Simplex
  nowMs = 0

  constructor(seat: number | null) {
    this.seat = seat
    this.lane = this.#create()
  }

  /** Hears a statement as a member would: what is of no use is not stepped. */
  hear(bytes: Uint8Array): SimplexEffect[] {
    const event = decodeEvent(bytes, four)
    return this.lane.checksFor(event) ? this.#turn(this.lane.step(event, this.nowMs)) : []
  }

  votes(seats: readonly number[], verdict: Verdict): SimplexEffect[] {
    return seats.flatMap((seat) => this.hear(ballotBytes(four, castBallot(four, seat, verdict))))
  }

  ask(slot: number, hash: Uint8Array, fromSlot: number): SimplexEffect[] {
    return this.#turn(this.lane.step({ kind: 'ask', slot, hash, fromSlot }, this.nowMs))
  }

  tick(afterMs = 0): SimplexEffect[] {
    this.nowMs += afterMs
    return this.#turn(this.lane.step({ kind: 'tick' }, this.nowMs))
  }

  restart(): void {
    const { rules } = this
    this.disk.crash()
    this.rules = Object.assign(new TextRules(this.disk), { opinionOf: rules.opinionOf, endsWith: rules.endsWith })
    this.lane = this.#create()
  }

  #create(): Simplex {
    const { rules, disk, seat } = this
    return createSimplex({ committee: four, seat, beginning: BEGINNING, seed: SEED, records: disk, rules })
  }

  #turn(effects: SimplexEffect[]): SimplexEffect[] {
    const { lane, disk, rules } = this
    for (let next = lane.nextSigning(); next; next = lane.nextSigning()) {
      effects.push(...lane.seal(cheapSignature(four.seats[this.seat ?? 0]?.epochKey as Uint8Array, next.message)))
    }
    disk.write([...lane.flush(), ...rules.flush()])
    disk.sync()
    return effects
  }
}

/** Own votes that came out, as `kind slot`. */
function said(effects: readonly SimplexEffect[]): string[] {
  return effects.flatMap((effect) => {
    if (effect.kind !== 'publish' || effect.what !== 'ballot') return []
    const event = decodeEvent(effect.bytes, four)
    return event.kind === 'ballot' ? [`${event.ballot.kind} ${event.ballot.slot}`] : []
  })
}

function kindsOf(effects: readonly SimplexEffect[]): string[] {
  return effects.map((effect) => (effect.kind === 'publish' ? effect.what : effect.kind))
}

const [leader, follower, third, fourth] = [0, 1, 2, 3].map((i) => (leaders.of(0) + i) % 4) as [
  number,
  number,
  number,
  number,
]
const block = castCandidate(four, leader, 0, START, ['block'])
const rival = castCandidate(four, leader, 0, START, ['rival'])
const blockBytes = candidateBytes(four, block)
const notarize = { kind: BALLOT.notarize, slot: 0, hash: block.hash }
const finalize = { kind: BALLOT.finalize, slot: 0, hash: block.hash }
const skip = { kind: BALLOT.skip, slot: 0, hash: NO_BLOCK }
const others = [leader, third, fourth]

function certificate(verdict: Verdict, seats: readonly number[] = others): Uint8Array {
  return blockCertificateBytes(
    four,
    verdict,
    seats.map((seat) => castBallot(four, seat, verdict)),
  )
}

const votes = suite('simplex: votes')

votes('one NOTARIZE in a slot, and evidence where its leader proposes two', () => {
  const member = new Alone(follower)
  assert.equal(said(member.hear(blockBytes)), ['0 0'])
  const effects = member.hear(candidateBytes(four, rival))
  assert.equal(kindsOf(effects), ['evidence', 'publish'].slice(0, 1).concat('evidence'))
  assert.equal(said(effects), [])
  assert.equal(said(member.votes([leader, third, fourth], { ...notarize, hash: rival.hash })), [])
})

votes('no FINALIZE after a SKIP, no SKIP after a FINALIZE, and a NOTARIZE beside either', () => {
  const late = new Alone(follower)
  late.rules.add('x')
  late.tick()
  assert.equal(said(late.tick(1_000)), ['1 0'])
  assert.equal(said(late.hear(blockBytes)), ['0 0'])
  assert.equal(said(late.votes(others, notarize)), [])
  const early = new Alone(follower)
  early.hear(blockBytes)
  assert.equal(said(early.votes(others, notarize)), ['2 0'])
  assert.equal(said(early.tick(60_000)).includes('1 0'), false)
})

votes('a restart forgets nothing that was said', () => {
  for (const saying of ['notarize', 'skip', 'finalize'] as const) {
    const member = new Alone(follower)
    member.rules.add('x')
    member.tick()
    if (saying === 'skip') member.tick(1_000)
    else member.hear(blockBytes)
    if (saying === 'finalize') member.votes([leader, third], notarize)
    member.restart()
    assert.equal(member.lane.highest(), {
      slot: 0,
      kinds: saying === 'finalize' ? [0, 2] : [saying === 'skip' ? 1 : 0],
    })
    const again = said(member.tick())
    assert.ok(again.length > 0, 'what may not have been heard is said again')
    member.rules.add('x')
    member.hear(candidateBytes(four, rival))
    const later = said([...member.votes(others, { ...notarize, hash: rival.hash }), ...member.tick(9_000)])
    const allowed = { notarize: ['0 0', '1 0'], skip: ['1 0', '0 0'], finalize: ['0 0', '2 0'] }[saying]
    for (const vote of [...again, ...later])
      assert.ok(allowed.includes(vote) || vote.endsWith(' 1'), `${saying}: ${vote}`)
  }
})

votes('nothing is published before it is signed, and what became useless is not signed', () => {
  const member = new Alone(follower)
  const effects = member.lane.step(decodeEvent(blockBytes, four), 0)
  assert.equal(kindsOf(effects), [])
  member.lane.step(decodeEvent(certificate(finalize), four), 0)
  assert.is(member.lane.lastFinal.slot, 0)
  assert.is(member.lane.nextSigning(), null)
})

votes('a block whose parent has no certificate, or that leaves out a slot nobody skipped, is not voted for', () => {
  const next = leaders.of(1)
  const member = new Alone([0, 1, 2, 3].find((seat) => seat !== next && seat !== leader) as number)
  member.hear(blockBytes)
  assert.equal(said(member.hear(candidateBytes(four, castCandidate(four, next, 1, START, ['over it'])))), [])
  const onIt = castCandidate(four, next, 1, block, ['on it'])
  const other = new Alone(member.seat)
  other.hear(blockBytes)
  assert.equal(said(other.hear(candidateBytes(four, onIt))), [])
  assert.equal(
    said(
      other.hear(
        certificate(
          notarize,
          [0, 1, 2, 3].filter((seat) => seat !== member.seat),
        ),
      ),
    ),
    ['0 1', '2 0'],
  )
})

votes('an opinion is asked again while it is "later", and never after a "no"', () => {
  const member = new Alone(follower)
  member.rules.opinionOf = () => 'later'
  assert.equal(said(member.hear(blockBytes)), [])
  member.rules.opinionOf = () => 'yes'
  assert.equal(said(member.tick()), ['0 0'])
  const stubborn = new Alone(follower)
  stubborn.rules.opinionOf = () => 'no'
  stubborn.hear(blockBytes)
  stubborn.rules.opinionOf = () => 'yes'
  assert.equal(said(stubborn.tick()), [])
})

votes('a member that is shown a vote of its own which its log lacks stops voting, for good', () => {
  for (const slot of [0, 5, 100_000]) {
    const member = new Alone(follower)
    const lost = member.votes([follower], { kind: BALLOT.skip, slot, hash: NO_BLOCK })
    assert.equal(kindsOf(lost), ['log-lost'])
    assert.is(member.lane.abstaining, true)
    member.restart()
    assert.is(member.lane.abstaining, true)
    assert.equal(said(member.hear(blockBytes)), [])
    member.votes(others, notarize)
    member.votes(others, finalize)
    assert.is(member.lane.lastFinal.slot, 0, 'it goes on counting')
  }
  const sound = new Alone(follower)
  sound.hear(blockBytes)
  assert.equal(
    sound.lane.newestOf(follower).flatMap((bytes) => kindsOf(sound.hear(bytes))),
    [],
  )
  assert.is(sound.lane.abstaining, false)
})

votes('what a member asks after a restart is answered with its newest ballots', () => {
  const member = new Alone(follower)
  member.votes([third], notarize)
  member.votes([third], { ...skip, slot: 2 })
  assert.equal(member.lane.newestOf(third), [ballotBytes(four, castBallot(four, third, { ...skip, slot: 2 }))])
  assert.equal(member.lane.newestOf(fourth), [])
})
votes.run()

const bounds = suite('simplex: bounds')

bounds('what lies far ahead, is known, or is of no leader costs no signature check and no memory', () => {
  const member = new Alone(follower)
  const far = LIMITS.slotsAheadMax + 1
  const check = (bytes: Uint8Array) => member.lane.checksFor(decodeEvent(bytes, four))
  assert.is(check(ballotBytes(four, castBallot(four, third, { ...skip, slot: far }))), null)
  assert.is(check(candidateBytes(four, castCandidate(four, leaders.of(far), far, START, ['far']))), null)
  assert.is(
    codeOf(() => check(candidateBytes(four, castCandidate(four, follower, 0, START, ['not my turn'])))),
    'bad-block',
  )
  member.hear(blockBytes)
  member.votes([third], notarize)
  const { sizes } = member.lane
  for (const bytes of [blockBytes, ballotBytes(four, castBallot(four, third, notarize))]) assert.is(check(bytes), null)
  member.hear(candidateBytes(four, rival))
  assert.is(check(candidateBytes(four, castCandidate(four, leader, 0, START, ['a third one']))), null)
  assert.equal(member.lane.sizes, { ...sizes, blocks: 2 })
})

bounds('a seat is accused once for a slot, however much it says', () => {
  const member = new Alone(follower)
  member.hear(blockBytes)
  const effects = [
    ...member.votes([third], notarize),
    ...member.votes([third], { ...notarize, hash: bytesOf('a') }),
    ...member.votes([third], { ...notarize, hash: bytesOf('b') }),
    ...member.votes([third], { ...finalize, hash: bytesOf('c') }),
    ...member.votes([third], skip),
  ]
  assert.is(effects.filter(({ kind }) => kind === 'evidence').length, 1)
  const silent = [...member.votes([fourth], notarize), ...member.votes([fourth], skip)]
  assert.equal(kindsOf(silent).includes('evidence'), false, 'NOTARIZE and SKIP may stand side by side')
})

bounds('memory and store do not grow with the length of the chain', () => {
  const net = new SimplexNet({ committee: four, seed: 1, delayMs: [1, 1] })
  for (let i = 0; i < 80; i++) net.at(10 * i, () => net.submit(`text ${i}`))
  net.runUntil(3_000)
  assert.equal(net.complaints(), [])
  const { lane, disk, rules } = net.peer(1)
  assert.is(texts(rules).length, 80)
  assert.ok(lane.sizes.slots <= LIMITS.slotsBehindMax + 1)
  assert.is(lane.sizes.blocks, 0)
  const count = (space: string): number => [...disk.scan(space)].length
  assert.ok(count(SIMPLEX_SPACE.ballot) <= 2 * (LIMITS.slotsBehindMax + 1))
  assert.is(count(SIMPLEX_SPACE.certificate), 1)
  assert.is(count(SIMPLEX_SPACE.candidate), 0)
  assert.is(count(SIMPLEX_SPACE.block), 80)
  assert.equal([...forgetLane(disk, bytesOf('another lane'))], [])
  disk.write([...forgetLane(disk, four.cid)])
  for (const space of Object.values(SIMPLEX_SPACE)) assert.is(count(space), 0)
})

bounds('hundreds of skipped slots, a restart among them, and the next block stands where it must', () => {
  const timing = { skipMs: 10, skipMsMax: 10 }
  const net = new SimplexNet({ committee: four, seed: 3, delayMs: [1, 2], timing })
  const composers = net.peers.map(({ rules }) => rules.compose.bind(rules))
  for (const { rules } of net.peers) rules.compose = () => null
  net.submit('stuck')
  net.runUntil(2_200)
  const { sizes } = net.peer(0).lane
  assert.ok(sizes.openSlots > 2 * LIMITS.slotsBehindMax, `${sizes.openSlots} slots`)
  const [peer] = net.peers as [(typeof net.peers)[number]]
  peer.up = false
  peer.disk.crash()
  net.restart(peer)
  for (const [i, other] of net.peers.entries()) if (i > 0) other.rules.compose = composers[i] as never
  net.submit('stuck')
  net.runUntil(4_000)
  assert.equal(net.complaints(), [])
  for (const { rules, lane } of net.peers) {
    assert.equal(texts(rules), ['stuck'])
    assert.is(lane.abstaining, false)
    assert.ok(lane.sizes.slots <= LIMITS.slotsBehindMax + 1)
  }
})
bounds.run()

const lagging = suite('simplex: who was away')

lagging('a member that missed a long chain walks it down and executes it in order', () => {
  const net = new SimplexNet({ committee: four, seed: 1, delayMs: [1, 1], timing: { skipMs: 20, skipMsMin: 5 } })
  const [away] = net.peers as [(typeof net.peers)[number]]
  away.up = false
  const count = LIMITS.blocksInMemoryMax + 5
  for (let i = 0; i < count; i++) net.at(20 * i, () => net.submit(`text ${i}`, [1, 2, 3]))
  net.runUntil(5_000)
  const expected = net.peer(1).rules.executed
  assert.is(expected.length, 2 * count)
  away.disk.crash()
  net.restart(away)
  const blocks = net.sent['candidate'] ?? 0
  net.turn(away, decodeEvent(net.peer(1).lane.finalCertificate() as Uint8Array, four))
  const startMs = net.nowMs
  while (away.rules.executed.length < expected.length && net.nowMs < startMs + 10_000) net.runUntil(net.nowMs + 10)
  assert.equal(net.complaints(), [])
  assert.equal(away.rules.executed, expected)
  assert.ok(net.nowMs - startMs < 200, `${net.nowMs - startMs} ms`)
  assert.is((net.sent['candidate'] ?? 0) - blocks, count, 'every block is sent once')
})

lagging('a question is answered once a second, by certificates and blocks, from where the asker stands', () => {
  const member = new Alone(follower)
  member.hear(blockBytes)
  member.votes(others, notarize)
  assert.equal(kindsOf(member.ask(0, NO_BLOCK, 0)), ['certificate'], 'notarized')
  member.votes(others, finalize)
  member.tick(1_000)
  assert.equal(kindsOf(member.ask(0, block.hash, 0)), ['certificate', 'candidate'], 'final')
  assert.equal(kindsOf(member.ask(0, block.hash, 0)), [])
  member.tick(1_000)
  assert.equal(kindsOf(member.ask(1, NO_BLOCK, 1)), [])
})

lagging('a block that was certified and never came is asked for, ever more seldom', () => {
  const member = new Alone(follower)
  member.hear(certificate(notarize))
  const asks: number[] = []
  while (member.nowMs < 2_000) {
    if (kindsOf(member.tick(10)).includes('ask')) asks.push(member.nowMs)
  }
  assert.equal(asks.slice(0, 5), [100, 200, 400, 800, 1_600])
  assert.equal(said(member.hear(blockBytes)), ['0 0', '2 0'])
})

lagging('an observer executes all and says nothing', () => {
  const observer = new Alone(null)
  const effects = [
    ...observer.hear(blockBytes),
    ...observer.votes([0, 1, 2, 3], notarize),
    ...observer.votes([0, 1, 2, 3], finalize),
    ...observer.ask(0, block.hash, 0),
  ]
  assert.equal(kindsOf(effects), ['final'])
  assert.equal(observer.rules.executed, ['#0', 'block'])
  const [final] = effects
  assert.is(final?.kind === 'final' && final.block.voters, 0b1111)
})
lagging.run()

const ends = suite('simplex: the end of an epoch')

ends('after the last block nothing is signed, and whoever missed it is helped', () => {
  const net = new SimplexNet({ committee: four, seed: 1, delayMs: [1, 20] })
  for (const { rules } of net.peers) rules.endsWith = 'end'
  const late = net.peer(leader)
  net.submit('first')
  net.runUntil(1_000)
  late.up = false
  net.submit('end')
  net.runUntil(4_000)
  const lasting = net.peers.filter(({ number }) => number !== leader)
  for (const { lane } of lasting) assert.is(lane.ended, true)
  const ballots = net.sent['ballot']
  for (const { number } of lasting) net.submit('too late', [number])
  net.runUntil(8_000)
  assert.is(net.sent['ballot'], ballots)
  late.disk.crash()
  net.restart(late)
  net.submit('too late', [leader])
  net.runUntil(30_000)
  assert.is(late.lane.ended, true)
  assert.is(late.lane.wakeAtMs(), null)
  for (const { rules } of net.peers) assert.equal(texts(rules), ['first', 'end'])
  net.restart(Object.assign(lasting[0] as (typeof net.peers)[number], { up: false }))
  assert.is(lasting[0]?.lane.ended, true)
  assert.equal(net.complaints(), [])
})
ends.run()

/** A neighborhood becomes two: who is where, what each owns, and that nobody and nothing is in both. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import type { Committee } from '../../src/consensus/committee.ts'
import { divisionOf, isSprouts } from '../../src/consensus/epoch/division.ts'
import { type HandOver, handOverBytes, readHandOver } from '../../src/consensus/epoch/handover.ts'
import { committeeOfOpening, encodeOpening, type Opening, openingDigest } from '../../src/consensus/epoch/opening.ts'
import { leadersBytes } from '../../src/consensus/epoch/transaction.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { batchKey, SPACE } from '../../src/consensus/records.ts'
import { BALLOT } from '../../src/consensus/simplex/ballot.ts'
import { composeHeader, payloadDigestOf, payloadOf } from '../../src/consensus/simplex/candidate.ts'
import { blockCertificateBytes } from '../../src/consensus/simplex/certificate.ts'
import { finalityBytes } from '../../src/consensus/simplex/finality.ts'
import { emptyStateRoot } from '../../src/consensus/statetree.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { decode, encode } from '../../src/core/codec.ts'
import type { SignatureCheck } from '../../src/core/crypto.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { RewardReplay, rewardTermsOf } from '../../src/epoch-rewards.ts'
import { KnownHomes } from '../../src/kernel/homes.ts'
import { balanceOf } from '../../src/ledger/account.ts'
import { emptyBook, type RewardBook } from '../../src/ledger/reward-book.ts'
import { keyLogOrder } from '../../src/ledger/terms.ts'
import { codeOf } from '../ledger/stage.ts'
import { anchorOf, cheapSignature, Hoods, type HoodsOptions, type Node, sparePeople } from './hoods.ts'
import { bytesOf, issuerWallet, mint, person, signOrder, Wallet, world } from './people.ts'

const FUNDS = 1_000
const four = world(4)
const spares = sparePeople(4)
const test = suite('neighborhood: division')

/** Four seats and four spares, which may be divided into four and four. */
function grown(options: Partial<HoodsOptions> = {}): { net: Hoods; one: Wallet; other: Wallet } {
  const net = new Hoods({ world: four, spares, halfMin: 4, ...options })
  const [one, other] = [0, 1].map((i) => new Wallet(four, person(`owner ${i}`))) as [Wallet, Wallet]
  for (const wallet of [one, other]) net.send(wallet.incept())
  net.run(200)
  net.send(issuerWallet(four).order(mint(four, FUNDS, one.oid)))
  net.run(300)
  net.send(one.order(one.pay(other.oid, 10)))
  net.run(300)
  return { net, one, other }
}

let once: Hoods | null = null

/** A net that was divided; for reading. */
function divided(): Hoods {
  if (once) return once
  const { net } = grown()
  turn(net)
  net.run(4_000)
  once = net
  return net
}

function turn(net: Hoods): void {
  for (const [i, { isUp }] of net.nodes.entries()) if (isUp) net.act(i, (hood) => hood.wantTurn())
}

const of = (net: Hoods, isIn: (node: Node) => boolean): Node[] => net.nodes.filter(isIn)
const isInSprout = ({ hood }: Node): boolean => !equal(hood.term.opening.nid, four.genesis.neighborhood)
const holds = (nodes: readonly Node[], { oid }: Wallet): number[] =>
  nodes.map(({ hood }) => balanceOf(hood.register.object(oid)?.state ?? null, four.asset))

/** Numbers of those without a seat who come into this part, where all are there: seeds follow from who they are. */
function sparesIn(part: 'stem' | 'sprout'): number[] {
  const net = divided()
  return [4, 5, 6, 7].filter((i) => isInSprout(net.nodes[i] as Node) === (part === 'sprout'))
}

/** A hand-over as the seats of an epoch could sign it together. */
function forged(committee: Committee, own: Opening, other: Opening | null): HandOver {
  const [ownBytes, otherBytes] = [encodeOpening(own), other && encodeOpening(other)]
  const ends = {
    kind: 'final',
    opening: openingDigest(ownBytes),
    sprout: otherBytes && openingDigest(otherBytes),
  } as const
  const transactions = [leadersBytes(committee, { seat: 2, proposal: ends })]
  const block = { leader: 2, slot: 9, parentSlot: 8, parentHash: bytesOf('parent') }
  const header = composeHeader(committee, { ...block, payloadDigest: payloadDigestOf(payloadOf(transactions)) })
  const verdict = { kind: BALLOT.finalize, slot: 9, hash: header.hash }
  const ballots = [0, 1, 2].map((seat) => ({ ...verdict, seat, signature: new Uint8Array(64) }))
  const finality = finalityBytes(blockCertificateBytes(committee, verdict, ballots), []) as Uint8Array
  const bytes = handOverBytes(committee, { ...header, transactions }, finality, ownBytes, otherBytes)
  return readHandOver(decodeEnvelope(bytes), committee)
}

test('one becomes two: everybody is in one of them, all objects stay in one, and both go on', () => {
  const { net, one, other } = grown()
  turn(net)
  net.run(4_000)
  const stem = of(net, (node) => !isInSprout(node))
  const sprout = of(net, isInSprout)
  assert.equal([stem.length, sprout.length], [4, 4], net.refused.join('\n'))
  for (const part of [stem, sprout]) {
    assert.is(new Set(part.map(({ hood }) => toHex(hood.term.committee.cid))).size, 1)
    for (const { hood, person: who } of part) {
      const { opening } = hood.term
      assert.is(opening.epoch, 1)
      assert.is(opening.roster.length, 4)
      assert.ok(opening.roster.some(({ id }) => equal(id, who.id)))
      assert.ok(hood.term.seat !== null)
    }
  }
  assert.equal(holds(stem, other), Array(4).fill(10))
  for (const { hood } of sprout) {
    assert.is([...hood.register.objects()].length, 0)
    assert.equal(hood.register.stateRoot(), emptyStateRoot())
  }
  const [{ hood: here }, { hood: there }] = [stem[0] as Node, sprout[0] as Node]
  const { nid } = there.term.opening
  net.send(one.order(one.pay(other.oid, 5)))
  const resident = person('resident', 'human')
  net.send(signOrder(four.genesis, resident, keyLogOrder(nid, resident.id, resident.inception)))
  net.run(600)
  assert.equal(holds(stem, other), Array(4).fill(15))
  for (const { hood } of sprout)
    assert.equal(
      [...hood.register.objects()].map(({ settled }) => settled),
      [1],
    )
  turn(net)
  net.run(4_000)
  assert.equal(
    net.nodes.map(({ hood }) => hood.term.opening.epoch),
    Array(8).fill(2),
  )
  assert.not.equal(here.term.opening.seed, there.term.opening.seed)
  assert.equal(holds(stem, other), Array(4).fill(15))
})

test('a hand-over of a division leads into either part, names the other one, and nobody can change what it says', () => {
  const net = divided()
  const committee = committeeOfOpening(anchorOf(four, spares))
  const kept = net.nodes.map(({ disk }) => disk.get(SPACE.handOver, batchKey(0)) as Uint8Array)
  for (const [i, bytes] of kept.entries()) {
    const { opening, other } = readHandOver(decodeEnvelope(bytes), committee)
    const { hood } = net.nodes[i] as Node
    assert.equal(opening.nid, hood.term.opening.nid)
    assert.is(isSprouts(opening), isInSprout(net.nodes[i] as Node))
    assert.is(isSprouts(other?.opening as Opening), !isSprouts(opening))
    const back = readHandOver(decodeEnvelope(other?.handOver as Uint8Array), committee)
    assert.equal(back.openingBytes, encodeOpening(other?.opening as Opening))
    assert.equal(back.other?.handOver, bytes)
    assert.equal(opening.division, divisionOf({ ...committee, epoch: 1 }))
    const ids = [opening, other?.opening as Opening].flatMap(({ roster }) => roster.map(({ id }) => keyOf(id)))
    assert.is(new Set(ids).size, 8)
    // each part with the other one left out, doubled, or in its place
    const envelope = decodeEnvelope(bytes)
    const [header, transaction, finality, beside] = decode(envelope.body) as Uint8Array[]
    const parts = [header, transaction, finality] as Uint8Array[]
    for (const changed of [
      { ...envelope, body: encode(parts) },
      { ...envelope, body: encode([...parts, envelope.attachment]) },
      { ...envelope, attachment: beside as Uint8Array },
    ])
      assert.is(
        codeOf(() => readHandOver(changed, committee)),
        'bad-hand-over',
      )
  }
})

test('whoever follows a home by its hand-overs knows its sprout, whichever side it hears of it from', () => {
  const net = divided()
  const [stem, sprout] = [false, true].map((isIn) => of(net, (node) => isInSprout(node) === isIn)[0] as Node)
  for (const { disk } of [stem, sprout] as Node[]) {
    const isCheap = ({ key, message, signature }: SignatureCheck): boolean =>
      equal(cheapSignature(key, message), signature)
    const known = new KnownHomes(four.genesis.netId, (checks) => checks.every(isCheap))
    known.add(anchorOf(four, spares))
    assert.ok(known.follow(disk.get(SPACE.handOver, batchKey(0)) as Uint8Array))
    for (const { hood } of [stem, sprout] as Node[]) assert.is(known.epochOf(hood.term.opening.nid), 1)
  }
})

test('the pool of rewards stays with the stem; both know what the epoch before did', () => {
  const net = divided()
  const [stem, sprout] = [false, true].map((isIn) => {
    return (of(net, (node) => isInSprout(node) === isIn)[0] as Node).hood.term.opening
  }) as [Opening, Opening]
  assert.equal(stem.attendance, sprout.attendance)
  assert.is(stem.blocks, sprout.blocks)
  const terms = { ...rewardTermsOf(four.genesis), grant: 1_000 }
  const replays = [stem, sprout].map((opening) => {
    const replay = new RewardReplay(anchorOf(four, spares), terms)
    const { lines } = replay.next(opening).rewards
    return { lines: lines.length, book: replay.book }
  }) as [{ lines: number; book: RewardBook }, { lines: number; book: RewardBook }]
  assert.is(replays[0].lines, replays[1].lines)
  assert.ok(replays[0].book.pool > 0)
  assert.equal(replays[1].book, emptyBook(terms.assetId, 1))
})

test('a quorum of liars can give a division no other shape than the rules', () => {
  const net = divided()
  const committee = committeeOfOpening(anchorOf(four, spares))
  const [stem, sprout] = [false, true].map((isIn) => {
    return (of(net, (node) => isInSprout(node) === isIn)[0] as Node).hood.term.opening
  }) as [Opening, Opening]
  const read = (own: Opening, other: Opening | null): string => codeOf(() => forged(committee, own, other))
  assert.is(read(stem, sprout), 'nothing was thrown')
  assert.is(read(stem, null), 'bad-hand-over', 'a stem without its sprout')
  assert.is(read(sprout, null), 'bad-hand-over', 'a sprout without its stem')
  assert.is(read(stem, { ...sprout, nid: bytesOf('some home', 16) }), 'bad-hand-over', 'a name of their choice')
  assert.is(read(stem, { ...sprout, stateRoot: bytesOf('objects') }), 'bad-hand-over', 'objects from nowhere')
  assert.is(read(stem, { ...sprout, roster: stem.roster }), 'bad-hand-over', 'members of both')
  assert.is(read(stem, { ...sprout, epoch: 2 }), 'bad-hand-over', 'another epoch')
  const { division, ...undivided } = stem
  assert.is(read(undivided, null), 'nothing was thrown')
  assert.is(read(undivided, sprout), 'bad-hand-over', 'a stem that keeps its division to itself')
  assert.is(read({ ...undivided, nid: sprout.nid }, null), 'bad-hand-over', 'another neighborhood')
})

test('who slept through the division finds its part, with all that happened there since', () => {
  const { net, one, other } = grown()
  const asleep = [sparesIn('stem')[0], sparesIn('sprout')[0]] as [number, number]
  net.run(50)
  turn(net)
  net.run(250)
  for (const i of asleep) (net.nodes[i] as Node).isUp = false
  net.run(5_000)
  const awake = net.nodes.filter(({ isUp }) => isUp)
  assert.equal(
    awake.map(({ hood }) => hood.term.opening.epoch),
    Array(6).fill(1),
  )
  const { nid } = (of(net, isInSprout)[0] as Node).hood.term.opening
  net.send(one.order(one.pay(other.oid, 5)))
  const resident = person('resident', 'human')
  net.send(signOrder(four.genesis, resident, keyLogOrder(nid, resident.id, resident.inception)))
  net.run(500)
  turn(net)
  net.run(5_000)
  for (const i of asleep) (net.nodes[i] as Node).restart()
  net.send(one.order(one.pay(other.oid, 5)))
  net.run(4_000)
  const [stays, goes] = asleep.map((i) => net.nodes[i] as Node) as [Node, Node]
  for (const { hood } of net.nodes) assert.is(hood.term.opening.epoch, 2)
  assert.not.ok(isInSprout(stays))
  assert.equal(goes.hood.term.opening.nid, nid)
  assert.equal(holds([stays], other), [15], 'what the epoch began with')
  assert.equal(
    [...goes.hood.register.objects()].map(({ settled }) => settled),
    [1],
  )
  // and a restart finds it where it was
  for (const node of net.nodes) node.restart()
  for (const { hood } of net.nodes) assert.is(hood.term.opening.epoch, 2)
  assert.equal(
    [...goes.hood.register.objects()].map(({ settled }) => settled),
    [1],
  )
  assert.is(of(net, isInSprout).length, 4)
})

test('no part begins that has no quorum: too few get ready, and the neighborhood stays one', () => {
  const { net, one, other } = grown()
  const two = (['stem', 'sprout'] as const).map(sparesIn).find(({ length }) => length >= 2) as number[]
  for (const i of two.slice(0, 2)) (net.nodes[i] as Node).isUp = false
  turn(net)
  net.run(16_000)
  const awake = net.nodes.filter(({ isUp }) => isUp)
  for (const { hood } of awake) {
    assert.is(hood.term.opening.epoch, 1)
    assert.is(hood.term.opening.roster.length, 8)
    assert.is(hood.term.opening.division, undefined)
  }
  net.send(one.order(one.pay(other.oid, 5)))
  net.run(600)
  assert.equal(holds(awake, other), Array(6).fill(15))
})

test.run()

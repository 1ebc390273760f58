/** Objects that several write: the rules, hostile changes, and whole neighborhoods that agree on one sequence of writes over the turn of epochs. */

import { readFileSync } from 'node:fs'
import { blake3 } from '@noble/hashes/blake3.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { openOrdered } from '../../src/consensus/epoch/ordered.ts'
import { Pool } from '../../src/consensus/epoch/pool.ts'
import { transactionDigest } from '../../src/consensus/epoch/transaction.ts'
import { SharedBook } from '../../src/consensus/shared/book.ts'
import { readShared, type SharedChange, type SharedWish } from '../../src/consensus/shared/change.ts'
import { isShared, readSharedObject, settledOf } from '../../src/consensus/shared/object.ts'
import { SharedQuota } from '../../src/consensus/shared/quota.ts'
import { encodeSharedReceipt, verifySharedReceipt } from '../../src/consensus/shared/receipt.ts'
import { concat, fromHex, fromText, toHex } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { decodeEnvelope, encodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import { NO_HEAD } from '../../src/ledger/terms.ts'
import type { Pair } from '../kit/people.ts'
import { codeOf } from '../kit/refusal.ts'
import { changeOf, NONCE, oidOf, type Place, ruleOf, settledStateOf, statementOf } from '../kit/shared.ts'
import { sharedVectors } from '../kit/shared-vectors.ts'
import { anchorOf, cheapSignature, Hoods, type Node } from './hoods.ts'
import { carrying, inceptOf, simpleOwner } from './keylogs.ts'
import { bytesOf, type Person, person, world } from './people.ts'

const four = world(4)
const [anna, ben, cleo, dora] = four.members as [Person, Person, Person, Person]
const anchor = anchorOf(four)
const oid = oidOf(anchor, anna)
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)

const create = (writers: readonly Person[], needed = 1): SharedWish => ({
  ...{ kind: 'create', nonce: NONCE, rule: ruleOf(writers, needed), value: fromText('first') },
})
const write = (value: string, follows = 0): SharedWish => ({ kind: 'write', oid, follows, value: fromText(value) })
const rule = (writers: readonly Person[], needed = 1): SharedWish => ({
  kind: 'rule',
  oid,
  rule: ruleOf(writers, needed),
})

/** A book and what it says to changes, epoch by epoch. */
class Reader {
  epoch = 0
  book = new SharedBook(anchor.netId, 0)
  #count = 0

  /** The code of the refusal; else the sequence number, or `word`. */
  say(who: Person, wish: SharedWish, name = `change ${this.#count++}`, isKnown = true): string | number {
    const change = changeOf({ ...anchor, epoch: this.epoch }, who, wish, name)
    const bytes = statementOf(anchor, change, who.sign)
    const outcome = this.book.apply({ change, digest: transactionDigest(bytes), bytes, isKnown })
    if (!outcome) return 'nothing'
    return outcome.code ?? (outcome.isWord ? 'word' : outcome.sequence)
  }

  /** The epoch turns, by way of the settled state. */
  turn(): void {
    const kept = [...this.book.settled()].map((object) => ({ object: readSharedObject(object), history: [] }))
    this.epoch++
    this.book = new SharedBook(anchor.netId, this.epoch, kept)
  }
}

/** A book in which an object was written so often. */
function recited(writes: number): Reader {
  const reader = new Reader()
  reader.say(anna, create([anna, ben]))
  for (let i = 0; i < writes; i++) reader.say(i % 2 ? anna : ben, write(`${i} of ${writes}`))
  return reader
}

const rules = suite('shared objects: rules')

rules('writers append and compare-and-set; nobody else does, and a lost race is told', () => {
  const reader = new Reader()
  assert.is(reader.say(ben, write('early')), 'unknown-object')
  assert.is(reader.say(anna, create([anna, ben])), 1)
  assert.is(reader.say(ben, write('second', 1)), 2)
  assert.is(reader.say(anna, write('late', 1)), 'wrong-sequence')
  assert.is(reader.say(anna, write('from tomorrow', 3)), 'wrong-sequence')
  assert.is(reader.say(anna, write('whatever comes')), 3)
  assert.is(reader.say(cleo, write('mine')), 'not-allowed')
  assert.is(text(reader.book.get(oid)?.value), 'whatever comes')
  assert.equal(
    reader.book.history(oid).map(({ sequence }) => sequence),
    [1, 2, 3],
  )
})

rules('what comes twice counts once, in the epoch after it too, and what was refused leaves nothing', () => {
  const reader = new Reader()
  reader.say(anna, create([anna, ben]), 'create')
  assert.is(reader.say(anna, write('a'), 'one'), 2)
  assert.is(reader.say(anna, write('a'), 'one'), 'nothing')
  assert.is(reader.say(anna, create([anna, ben]), 'create'), 'nothing')
  assert.is(reader.say(anna, create([anna]), 'other'), 'not-allowed', 'the nonce is taken')
  assert.is(reader.say(ben, write('b'), 'one'), 3, 'nobody uses up the ids of another')
  const before = [...reader.book.settled()].map(({ state, head }) => toHex(state as Uint8Array) + toHex(head))
  assert.is(reader.say(ben, write('c', 9)), 'wrong-sequence')
  assert.equal(
    [...reader.book.settled()].map(({ state, head }) => toHex(state as Uint8Array) + toHex(head)),
    before,
  )
  reader.turn()
  assert.is(reader.say(anna, write('a'), 'one'), 'nothing', 'signed anew by whoever did not see it applied')
  assert.is(reader.say(anna, write('d'), 'two'), 4)
  reader.turn()
  reader.turn()
  assert.is(reader.say(anna, write('a'), 'one'), 5, 'long ago: whoever asks again means it')
})

rules('a rule changes once enough of its writers want the same one', () => {
  const reader = new Reader()
  reader.say(anna, create([anna, ben, cleo], 2))
  const next = rule([anna, dora], 1)
  assert.is(reader.say(anna, next), 'word')
  assert.is(reader.say(anna, next), 'word', 'one writer is one word')
  assert.is(reader.say(dora, next), 'not-allowed')
  assert.is(reader.say(ben, rule([ben, dora], 1)), 'word', 'another rule is another matter')
  assert.is(reader.book.get(oid)?.sequence, 1)
  reader.turn()
  assert.is(reader.say(anna, rule([anna, ben, cleo], 2)), 'word', 'takes its word back')
  assert.is(reader.say(ben, next), 'word')
  assert.is(reader.say(cleo, next), 2)
  assert.is(reader.say(cleo, write('too late')), 'not-allowed')
  assert.is(reader.say(dora, write('mine now', 2)), 3)
  assert.equal(reader.book.get(oid)?.words, [])
})

rules('who creates is known, and has no more than a few; an object takes so many changes in an epoch', () => {
  const reader = new Reader()
  assert.is(reader.say(anna, create([anna]), 'unknown', false), 'unknown-owner')
  for (let i = 0; i < LIMITS.sharedPerCreatorMax; i++) {
    const nonce = bytesOf(`nonce ${i}`, 16)
    assert.is(reader.say(ben, { ...create([anna, ben]), nonce } as SharedWish), 1)
  }
  assert.is(reader.say(ben, create([ben])), 'limit')
  assert.is(reader.say(anna, create([anna])), 1)
  for (let i = 1; i < LIMITS.sharedChangesPerObjectMax; i++) assert.is(reader.say(anna, write('x')), i + 1)
  assert.is(reader.say(anna, write('x')), 'limit')
  assert.is(reader.book.history(oid).length, LIMITS.sharedHistoryMax)
  reader.turn()
  assert.is(reader.say(anna, write('x'), 'change 20'), 'nothing')
  assert.is(reader.say(anna, write('x')), LIMITS.sharedChangesPerObjectMax + 1)
})

rules('a shared object is told from those of the register, whatever its value says', () => {
  const reader = new Reader()
  reader.say(anna, create([anna, ben], 2))
  reader.say(anna, rule([anna], 1))
  const [settled] = [...reader.book.settled()]
  assert.ok(settled && isShared(settled))
  assert.equal(settledOf(readSharedObject(settled)), settled)
  assert.not.ok(isShared({ ...settled, state: null }))
  assert.not.ok(isShared({ ...settled, state: fromText('shared') }))
})

rules('a writer fills neither a block nor the room where changes wait', () => {
  const quota = new SharedQuota()
  const of = (who: Person, name: string, about = oid): SharedChange =>
    changeOf(anchor, who, { kind: 'write', oid: about, follows: 0, value: fromText('') }, name)
  const taken = (who: Person, about?: Uint8Array): number => {
    let count = 0
    while (count < 1_000 && quota.takes(of(who, 'x', about))) count++
    return count
  }
  const people = Array.from({ length: 20 }, (_, i) => person(`busy ${i}`))
  assert.is(taken(people[0] as Person), LIMITS.sharedPerWriterAndBlockMax)
  const sum = people.slice(1, 10).reduce<number>((all, who) => all + taken(who), LIMITS.sharedPerWriterAndBlockMax)
  assert.is(sum, LIMITS.sharedPerObjectAndBlockMax)
  const rest = people.slice(4).reduce<number>((all, who, i) => all + taken(who, bytesOf(`other ${i}`)), sum)
  assert.is(rest, LIMITS.sharedPerBlockMax)
  const pool = new Pool()
  const wait = (who: Person, name: string): boolean => {
    const digest = bytesOf(name)
    const ordered = { digest, bytes: digest, kind: 'shared', change: of(who, name), isKnown: true } as const
    return pool.add({ bytes: digest, ordered }, 0)
  }
  for (let i = 0; i < LIMITS.sharedPendingPerWriterMax; i++) assert.ok(wait(anna, `a${i}`))
  assert.not.ok(wait(anna, 'more'))
  assert.ok(wait(ben, 'b'))
  pool.delete(bytesOf('a0'))
  assert.ok(wait(anna, 'again'))
})

rules('bytes stand in the vectors as they are made, and an independent reader comes to the same head', () => {
  const vectors = JSON.parse(readFileSync(new URL('../vectors/shared.json', import.meta.url), 'utf8'))
  assert.equal(sharedVectors(), vectors)
  const H = (context: string, bytes: Uint8Array): Uint8Array => blake3(bytes, { context: fromText(context) })
  const head = ['create', 'write', 'writeByStranger'].reduce((before: Uint8Array, name) => {
    const digest = H('webx v1 transaction', fromHex(vectors.golden[name]))
    return H('webx v1 shared head', concat(before, digest))
  }, new Uint8Array(32))
  assert.is(toHex(head), vectors.head)
  assert.is(
    toHex(H('webx v1 shared object', Uint8Array.of(...anchor.netId, ...anchor.nid, ...anna.id, ...NONCE))),
    vectors.oid,
  )
})

rules('a receipt leads from a write to the state that a quorum has signed for, and no other one does', () => {
  const { book } = recited(4)
  const { bytes: settledState, root } = settledStateOf(book, oid)
  const receiptAt = (sequence: number): Uint8Array =>
    encodeSharedReceipt(book.history(oid), { sequence, newest: 5, settledState })
  const verify = (bytes: Uint8Array, netId = anchor.netId) => verifySharedReceipt(bytes, netId, () => root)
  for (const sequence of [1, 3, 5]) {
    const shown = verify(receiptAt(sequence))
    assert.equal([shown.sequence, shown.newest, shown.oid], [sequence, 5, oid])
  }
  assert.is(
    codeOf(() => receiptAt(6)),
    'not-settled',
  )
  assert.is(
    codeOf(() => verify(receiptAt(3), bytesOf('other net'))),
    'wrong-net',
  )
  const fields = decode(receiptAt(3)) as Cbor[]
  const [, , previous, later] = fields as [number, Uint8Array, Uint8Array, Uint8Array[]]
  const other = recited(5).book.history(oid)[2]?.bytes as Uint8Array
  const forged: [number, Cbor, string][] = [
    [1, other, 'bad-certificate'],
    [2, previous.map((byte) => byte ^ 1), 'bad-certificate'],
    [3, later.slice(1), 'bad-certificate'],
    [3, [...later, ...later, ...later], 'bad-certificate'],
    [0, 2, 'bad-version'],
  ]
  for (const [at, value, code] of forged)
    assert.is(
      codeOf(() => verify(encode(fields.with(at, value)))),
      code,
    )
  assert.is(
    codeOf(() => verifySharedReceipt(receiptAt(3), anchor.netId, () => bytesOf('other root'))),
    'bad-certificate',
  )
})

rules.run()

const hostile = suite('shared objects: hostile changes')
const stranger = person('stranger')
const known = (id: Uint8Array) => four.members.find((member) => toHex(member.id) === toHex(id))
const context = {
  committee: new Hoods({ world: four }).nodes[0]?.hood.term.committee as never,
  opening: anchor,
  organizationKey: null,
  ownerAtOpening: (id: Uint8Array) => {
    const member = known(id)
    return member ? { key: member.publicKey } : null
  },
}

function opened(place: Place, who: Person, inception?: Uint8Array): ReturnType<typeof openOrdered> {
  return openOrdered(statementOf(place, changeOf(place, who, write('x'), 'hostile', inception), who.sign), context)
}

hostile('another net, home or epoch, nobody known, or the inception of somebody else', () => {
  assert.is(
    codeOf(() => opened({ ...anchor, netId: bytesOf('other net') }, anna)),
    'wrong-net',
  )
  assert.is(
    codeOf(() => opened({ ...anchor, nid: bytesOf('other', 16) }, anna)),
    'wrong-home',
  )
  assert.is(
    codeOf(() => opened({ ...anchor, epoch: 1 }, anna)),
    'wrong-epoch',
  )
  assert.is(
    codeOf(() =>
      openOrdered(statementOf(anchor, changeOf(anchor, anna, write('x'), 'late'), anna.sign), {
        ...context,
        opening: { ...anchor, epoch: 1 },
      }),
    ),
    'expired',
  )
  assert.is(
    codeOf(() => opened(anchor, stranger)),
    'unknown-owner',
  )
  assert.is(
    codeOf(() => opened(anchor, stranger, anna.inception)),
    'unknown-owner',
  )
  assert.is(
    codeOf(() => opened(anchor, stranger, fromText('no event'))),
    'bad-transaction',
  )
  const { ordered, checks } = opened(anchor, stranger, stranger.inception)
  assert.ok(ordered.kind === 'shared' && !ordered.isKnown)
  assert.equal(checks[0]?.key, stranger.publicKey)
  assert.equal(opened(anchor, anna, stranger.inception).checks[0]?.key, anna.publicKey, 'what is settled counts')
})

hostile('too long, disordered, unsigned, or with something attached', () => {
  const made = (wish: SharedWish): Uint8Array => statementOf(anchor, changeOf(anchor, anna, wish, 'shape'), anna.sign)
  const read = (bytes: Uint8Array): string => codeOf(() => void readShared(decodeEnvelope(bytes)))
  const long = new Uint8Array(LIMITS.sharedValueBytesMax + 1)
  assert.is(read(made({ kind: 'write', oid, follows: 0, value: long })), 'bad-shape')
  const writers = ruleOf([anna, ben, cleo]).writers
  for (const [bad, needed] of [
    [[...writers].reverse(), 1],
    [[writers[0], writers[0]], 1],
    [[], 0],
    [writers, 4],
    [writers, 0],
  ] as const)
    assert.is(read(made({ kind: 'rule', oid, rule: { writers: bad as Uint8Array[], needed } })), 'bad-shape')
  const good = decodeEnvelope(made(write('x')))
  assert.is(read(encodeEnvelope({ ...good, signature: new Uint8Array(0) })), 'bad-shape')
  assert.is(read(encodeEnvelope({ ...good, attachment: fromText('x') })), 'bad-shape')
  assert.is(read(encodeEnvelope({ ...good, type: TYPE.candidacy })), 'bad-shape')
})

hostile.run()

const net = suite('shared objects: a neighborhood')

/** Hands in a change at all nodes, as its writer would say it in the epoch of node 0. */
function say(
  hoods: Hoods,
  who: Pick<Person, 'id' | 'publicKey'>,
  wish: SharedWish,
  name: string,
  inception?: Uint8Array,
): void {
  const place = hoods.nodes[0]?.hood.term.opening as Place
  const sign = (message: Uint8Array): Uint8Array => cheapSignature(who.publicKey, message)
  hoods.broadcast(statementOf(place, changeOf(place, who, wish, name, inception), sign), null)
}

const values = (hoods: Hoods): string[] =>
  hoods.nodes.map(({ hood }) =>
    hood.term.state.shared
      .history(oid)
      .map(({ bytes }) => readShared(decodeEnvelope(bytes)).wish)
      .map((wish) => (wish.kind === 'rule' ? 'rule' : text(wish.value)))
      .join(),
  )

const turn = (hoods: Hoods): void => {
  for (const [i, { isUp }] of hoods.nodes.entries()) if (isUp) hoods.act(i, (hood) => hood.wantTurn())
  hoods.run(6_000)
}

net(
  'agrees on one sequence of writes, over lives of nodes and the turn of epochs; whoever slept is given the state',
  () => {
    const hoods = new Hoods({ world: four, jitterMs: 15, seed: 5 })
    say(hoods, anna, create([anna, ben, cleo], 2), 'create')
    hoods.run(1_500)
    for (const [i, who] of [anna, ben, cleo, anna, ben, cleo].entries()) {
      say(hoods, who, write(`w${i}`), `w${i}`)
      hoods.run(40)
    }
    hoods.run(6_000)
    const first = values(hoods)
    assert.equal(new Set(first).size, 1, first.join(' '))
    assert.is(first[0]?.split(',').length, 7)
    hoods.nodes[1]?.restart()
    assert.is(values(hoods)[1], first[0], 'found again in the blocks')
    turn(hoods)
    assert.equal(
      hoods.nodes.map(({ hood }) => hood.term.opening.epoch),
      [1, 1, 1, 1],
    )
    assert.equal(values(hoods), first)
    ;(hoods.nodes[3] as { isUp: boolean }).isUp = false
    say(hoods, cleo, write('w5'), 'w5')
    say(hoods, ben, write('w6', 7), 'w6')
    hoods.run(3_000)
    const second = values(hoods)[0] as string
    assert.is(second, `${first[0]},w6`)
    turn(hoods)
    hoods.nodes[3]?.restart()
    say(hoods, anna, write('w7'), 'w7')
    hoods.run(6_000)
    // what was final before it came into the epoch it learns of with the next block, or by the question that its node asks (`services/following.ts`)
    say(hoods, ben, write('w8'), 'w8')
    hoods.run(6_000)
    const objects = hoods.nodes.map(({ hood }) => hood.term.state.shared.get(oid))
    assert.equal(objects[3], objects[0])
    assert.is(objects[3]?.sequence, 10)
    turn(hoods)
    const roots = hoods.nodes.map(({ hood }) => `${hood.term.opening.epoch} ${toHex(hood.term.opening.stateRoot)}`)
    assert.is(new Set(roots).size, 1)
    assert.is(roots[0]?.split(' ')[0], '3')
    const proof = hoods.nodes[3]?.hood.register.settledStateOf(oid, 10)
    assert.ok(proof, 'the state shows it to strangers')
  },
)

net('a change that one member alone has heard of is ordered: it says it again', () => {
  const hoods = new Hoods({ world: four })
  const place = hoods.nodes[0]?.hood.term.opening as Place
  const bytes = statementOf(place, changeOf(place, anna, create([anna]), 'once'), (message) =>
    cheapSignature(anna.publicKey, message),
  )
  const { cid } = (hoods.nodes[2] as Node).hood.term.committee
  hoods.act(2, (hood) => hood.step({ kind: 'transaction', cid, bytes, also: null }, hoods.nowMs))
  hoods.run(12_000)
  assert.equal(values(hoods), Array(4).fill('first'))
  const sent = [...hoods.sent.values()].reduce((sum, count) => sum + count, 0)
  hoods.run(20_000)
  assert.is(
    [...hoods.sent.values()].reduce((sum, count) => sum + count, 0),
    sent,
    'and then nobody says anything',
  )
})

net('who may not write is turned away at the door', () => {
  const hoods = new Hoods({ world: four })
  say(hoods, anna, create([anna, ben]), 'create')
  hoods.run(2_000)
  say(hoods, dora, write('mine'), 'foreign')
  say(hoods, ben, write('x', 5), 'ahead')
  hoods.run(500)
  assert.equal([...new Set(hoods.refused.map((line) => line.split(' ')[1]))].sort(), ['not-allowed', 'wrong-sequence'])
  assert.equal(
    hoods.nodes.map(({ hood }) => hood.term.pool.size),
    [0, 0, 0, 0],
  )
})

net('a key that was rotated away is let in nowhere, and the next one from the next epoch on', () => {
  const hoods = new Hoods({ world: four })
  const owner = simpleOwner()
  const { id } = owner.link()
  const [inception] = owner.events as [Uint8Array]
  const [before, after] = [owner.keys[0], owner.next[0]] as [Pair, Pair]
  hoods.send(inceptOf(four, owner))
  say(hoods, anna, create([anna, { ...anna, id }]), 'create')
  hoods.run(2_000)
  say(hoods, { ...before, id }, write('by inception'), 'one', inception)
  hoods.run(1_000)
  const { register } = (hoods.nodes[0] as Node).hood
  const objects = { stateOf: (of: Uint8Array) => register.object(of)?.state ?? null }
  const rotation = owner.rotation()
  const headOf = (of: Uint8Array) => {
    const view = register.object(of)
    return { version: view?.settled ?? 0, head: view?.settledHead ?? NO_HEAD }
  }
  const proposal = createLedgerRules(four.genesis).keyLogs.propose(rotation, objects, headOf)
  if (!proposal) throw new Error('the rotation follows nothing')
  hoods.send(carrying(four, proposal.order, rotation))
  hoods.run(1_000)
  assert.equal(hoods.refused, [])
  say(hoods, { ...before, id }, write('by the old key'), 'two', inception)
  hoods.run(500)
  assert.ok(hoods.refused.length === 4 && hoods.refused.every((line) => line.includes('retired-key')))
  turn(hoods)
  say(hoods, { ...before, id }, write('by the old key'), 'two')
  hoods.run(500)
  assert.is(hoods.refused.length, 8)
  say(hoods, { ...after, id }, write('by the new key'), 'three')
  hoods.run(2_000)
  assert.equal(values(hoods), Array(4).fill('first,by inception,by the new key'))
})

net.run()

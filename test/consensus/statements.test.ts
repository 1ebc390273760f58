/** What members and owners sign, and what is made of it: round trips, and everything that must be refused. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import {
  certificateEnvelope,
  checksOf,
  proofFields,
  proofOf,
  readCertificate,
} from '../../src/consensus/certificate.ts'
import { committeeOf, createCommittee, seatOf } from '../../src/consensus/committee.ts'
import { merklePath, merkleTree, merkleVerify } from '../../src/consensus/merkle.ts'
import { type OrderTerms, orderBody, orderBytes, orderMessage, readOrder } from '../../src/consensus/order.ts'
import { batchEnvelope, readVoteBatch, VOTE, type VoteBatch, type VoteEntry } from '../../src/consensus/statement.ts'
import { toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { verifySignature } from '../../src/core/crypto.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { forger } from './forger.ts'
import { bytesOf, person, Wallet, world } from './people.ts'

const w = world(4)
const committee = committeeOf(w.genesis)
const NOTHING = new Uint8Array(0)

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    return error instanceof WebxError ? error.code : String(error)
  }
  return 'nothing was thrown'
}

const committees = suite('committee')

committees('quorums of the sizes that are written down everywhere', () => {
  const expected = [
    [1, 0, 1, 1],
    [4, 1, 3, 4],
    [5, 1, 4, 5],
    [7, 2, 5, 6],
    [25, 8, 17, 21],
  ] as const
  for (const [seats, faultyMax, quorum, strong] of expected) {
    const made = createCommittee({
      netId: bytesOf('net'),
      nid: bytesOf('nid', 16),
      epoch: 0,
      seats: Array.from({ length: seats }, (_, i) => ({
        memberId: bytesOf(`m${i}`),
        epochKey: bytesOf(`k${i}`),
        weight: 1,
      })),
    })
    assert.equal([made.weight, made.faultyMax, made.quorum, made.strong], [seats, faultyMax, quorum, strong])
  }
})

committees('any two quorums share more weight than may lie', () => {
  for (let weight = 1; weight < 500; weight++) {
    const made = createCommittee({
      netId: bytesOf('net'),
      nid: bytesOf('nid', 16),
      epoch: 0,
      seats: [{ memberId: bytesOf('m'), epochKey: bytesOf('k'), weight }],
    })
    assert.ok(2 * made.quorum - weight > made.faultyMax)
    assert.ok(weight - made.faultyMax >= made.quorum)
    assert.ok(made.strong >= made.quorum)
  }
})

committees('the digest covers every part', () => {
  const { netId, nid, epoch, seats } = committee
  const others = [
    { netId: bytesOf('other'), nid, epoch, seats },
    { netId, nid: bytesOf('other', 16), epoch, seats },
    { netId, nid, epoch: 1, seats },
    { netId, nid, epoch, seats: [...seats].reverse() },
    { netId, nid, epoch, seats: seats.map((seat) => ({ ...seat, weight: 2 })) },
  ].map((terms) => toHex(createCommittee(terms).cid))
  assert.is(new Set([...others, toHex(committee.cid)]).size, 6)
})

committees('seats by member; no seats and too many are refused', () => {
  assert.is(seatOf(committee, (w.members[2] as { id: Uint8Array }).id), 2)
  assert.is(seatOf(committee, bytesOf('stranger')), null)
  const { netId, nid } = committee
  assert.is(
    codeOf(() => createCommittee({ netId, nid, epoch: 0, seats: [] })),
    'bad-argument',
  )
  const many = Array.from({ length: 33 }, () => committee.seats[0] as (typeof committee.seats)[number])
  assert.is(
    codeOf(() => createCommittee({ netId, nid, epoch: 0, seats: many })),
    'bad-argument',
  )
})
committees.run()

const orders = suite('order')
const length = (n: number) => fc.uint8Array({ minLength: n, maxLength: n })
const arbitraryTerms: fc.Arbitrary<OrderTerms> = fc.record({
  home: length(16),
  owner: length(32),
  keyPosition: fc.maxSafeNat(),
  nonce: length(16),
  version: fc.maxSafeNat().map((n) => Math.max(2, n)),
  previous: length(32),
  maxEpoch: fc.maxSafeNat(),
  idem: length(16),
  op: fc.uint8Array({ minLength: 1, maxLength: 300 }),
})

function orderOf(terms: OrderTerms, changes: Partial<Envelope> = {}): Envelope {
  const body = orderBody(terms)
  const envelope = {
    type: TYPE.order,
    scope: w.genesis.netId,
    body,
    signature: new Uint8Array(64),
    attachment: NOTHING,
  }
  return { ...envelope, ...changes }
}

orders('round trip', () => {
  fc.assert(
    fc.property(arbitraryTerms, (terms) => {
      const order = readOrder(decodeEnvelope(encodeEnvelope(orderOf(terms))))
      for (const [name, value] of Object.entries(terms)) assert.equal(order[name as keyof OrderTerms], value, name)
      assert.equal(orderBytes(order), encodeEnvelope(orderOf(terms)))
    }),
    { numRuns: 100 },
  )
})

orders('the digest covers every field, the object id only what names the object', () => {
  const alice = new Wallet(w, person('alice'))
  const base = alice.peek(alice.pay(bytesOf('to'), 1))
  const same = readOrder(orderOf({ ...base, op: encode([9]) }))
  assert.not.equal(same.od, base.od)
  assert.equal(same.oid, base.oid)
  for (const change of [{ home: bytesOf('x', 16) }, { owner: bytesOf('x') }, { nonce: bytesOf('x', 16) }]) {
    const other = readOrder(orderOf({ ...base, ...change }))
    assert.not.equal(other.oid, base.oid)
    assert.not.equal(other.od, base.od)
  }
  assert.not.equal(readOrder(orderOf(base, { scope: bytesOf('other net') })).oid, base.oid)
  const { key } = { key: alice.owner.publicKey }
  assert.ok(verifySignature(key, orderMessage(base), base.envelope.signature))
})

orders('what is no order is refused', () => {
  const alice = new Wallet(w, person('alice'))
  const base: OrderTerms = alice.peek(alice.pay(bytesOf('to'), 1))
  assert.is(
    codeOf(() => readOrder(orderOf({ ...base, version: 0 }))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readOrder(orderOf({ ...base, previous: bytesOf('x') }))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readOrder(orderOf({ ...base, op: NOTHING }))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readOrder(orderOf({ ...base, op: new Uint8Array(LIMITS.orderBytesMax + 1) }))),
    'too-long',
  )
  assert.is(
    codeOf(() => readOrder(orderOf(base, { signature: NOTHING }))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readOrder(orderOf(base, { attachment: new Uint8Array(1) }))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readOrder(orderOf(base, { type: TYPE.evidence }))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => readOrder(orderOf(base, { body: encode([1, 2]) }))),
    'bad-shape',
  )
})
orders.run()

const trees = suite('merkle')

trees('every leaf of every size proves itself, and nothing else', () => {
  for (let count = 1; count <= 20; count++) {
    const leaves = Array.from({ length: count }, (_, i) => bytesOf(`leaf ${i}`))
    const tree = merkleTree(leaves)
    for (let index = 0; index < count; index++) {
      const leaf = leaves[index] as Uint8Array
      const path = merklePath(tree, index)
      assert.ok(merkleVerify(tree.root, count, index, leaf, path))
      assert.not.ok(merkleVerify(tree.root, count, index, bytesOf('other'), path))
      assert.not.ok(merkleVerify(bytesOf('root'), count, index, leaf, path))
      assert.not.ok(merkleVerify(tree.root, count, count, leaf, path))
      assert.not.ok(merkleVerify(tree.root, count, index, leaf, new Uint8Array([...path, ...bytesOf('more')])))
      if (path.length > 0) {
        assert.not.ok(merkleVerify(tree.root, count, index, leaf, path.subarray(32)))
        const bent = path.slice()
        bent[0] = (bent[0] as number) ^ 1
        assert.not.ok(merkleVerify(tree.root, count, index, leaf, bent))
      }
    }
  }
})

trees('an inner node does not pass for a leaf', () => {
  const leaves = [0, 1, 2, 3].map((i) => bytesOf(`leaf ${i}`))
  const tree = merkleTree(leaves)
  const inner = (tree.levels[1] as Uint8Array).subarray(0, 32)
  const sibling = (tree.levels[1] as Uint8Array).subarray(32, 64)
  assert.not.ok(merkleVerify(tree.root, 4, 0, inner, sibling))
  assert.ok(merkleVerify(tree.root, 2, 0, inner, sibling), 'which is why the count is signed with the root')
})
trees.run()

const batches = suite('vote batch')
const entries: VoteEntry[] = Array.from({ length: 5 }, (_, i) => ({
  kind: i % 2 === 0 ? VOTE.lock : VOTE.confirm,
  oid: bytesOf(`o${i}`),
  version: 1 + i * 1000,
  od: bytesOf(`d${i}`),
}))

function batchOf(seat: number, list: readonly VoteEntry[] = entries): VoteBatch {
  return forger({ committee, world: w }, seat).batch(list, 7)
}

batches('round trip', () => {
  const batch = batchOf(2)
  const read = readVoteBatch(decodeEnvelope(encodeEnvelope(batchEnvelope(committee, batch))), committee)
  assert.equal(read.entries, entries)
  assert.equal(read.root, batch.root)
  assert.is(read.sequence, 7)
  const empty = { ...batchEnvelope(committee, batch), attachment: encode([]) }
  assert.is(
    codeOf(() => readVoteBatch(empty, committee)),
    'tampered',
  )
})

batches('entries that were not signed are refused', () => {
  const envelope = batchEnvelope(committee, batchOf(0))
  const list = entries.map((entry) => [entry.kind, entry.oid, entry.version, entry.od])
  const swapped = [list[1], list[0], ...list.slice(2)] as typeof list
  const fewer = list.slice(1)
  const other = [[0, bytesOf('o0'), 1, bytesOf('another')], ...list.slice(1)]
  for (const attachment of [swapped, fewer, other]) {
    assert.is(
      codeOf(() => readVoteBatch({ ...envelope, attachment: encode(attachment) }, committee)),
      'tampered',
    )
  }
})

batches('another committee, another seat, no signature, no votes', () => {
  const envelope = batchEnvelope(committee, batchOf(0))
  const next = createCommittee({ ...committee, epoch: 1 })
  assert.is(
    codeOf(() => readVoteBatch(envelope, next)),
    'wrong-epoch',
  )
  assert.is(
    codeOf(() => readVoteBatch({ ...envelope, signature: NOTHING }, committee)),
    'bad-shape',
  )
  const root = bytesOf('root')
  const bodies = [
    [[4, 1, root, 1, root], 'unknown-sender'],
    [[0, 0, root, 1, root], 'bad-shape'],
    [[0, 1, root, 0, root], 'bad-shape'],
    [[0, 1, root, 257, root], 'bad-shape'],
    [[0, 1, root, 1], 'bad-shape'],
  ] as const
  for (const [body, code] of bodies) {
    assert.is(
      codeOf(() => readVoteBatch({ ...envelope, body: encode(body) }, committee)),
      code,
    )
  }
})
batches.run()

const certificates = suite('certificate')
const entry: VoteEntry = { kind: VOTE.lock, oid: bytesOf('o'), version: 3, od: bytesOf('d') }
const around: VoteEntry[] = Array.from({ length: 6 }, (_, i) => ({ ...entry, oid: bytesOf(`around ${i}`) }))
const three = [3, 0, 2].map((seat) => {
  const list = [...around.slice(0, seat + 1), entry]
  return { batch: batchOf(seat, list), index: list.length - 1 }
})
const certificate = certificateEnvelope(committee, entry, three)

certificates('round trip: sorted by seat, no more than a quorum, every signature listed', () => {
  const all = [...three, { batch: batchOf(1, [entry]), index: 0 }]
  const read = readCertificate(decodeEnvelope(encodeEnvelope(certificateEnvelope(committee, entry, all))), committee)
  assert.equal(
    read.proofs.map(({ seat }) => seat),
    [0, 1, 2],
  )
  assert.is(read.weight, 3)
  const checks = checksOf(read, committee)
  assert.is(checks.length, 3)
  for (const { key, message, signature } of checks) assert.ok(verifySignature(key, message, signature))
  assert.is(checksOf(read, committee, ({ seat }) => seat === 1).length, 2)
  const settlement = certificateEnvelope(committee, { ...entry, kind: VOTE.confirm }, three)
  assert.is(settlement.type, TYPE.settlement)
})

certificates('too little weight is refused, when made and when read', () => {
  assert.is(
    codeOf(() => certificateEnvelope(committee, entry, three.slice(0, 2))),
    'no-quorum',
  )
  const proofs = three.slice(0, 2).map(({ batch, index }) => proofFields(proofOf(batch, index)))
  const body = encode([entry.oid, entry.version, entry.od, proofs.reverse()])
  assert.is(
    codeOf(() => readCertificate({ ...certificate, body }, committee)),
    'bad-certificate',
  )
})

certificates('a repeated seat, unsorted seats, a lock passed off as a confirmation, another committee', () => {
  const fields = three.map(({ batch, index }) => proofFields(proofOf(batch, index)))
  const [third, first, second] = fields as [(typeof fields)[0], (typeof fields)[0], (typeof fields)[0]]
  const read = (proofs: typeof fields, changes: Partial<Envelope> = {}): string =>
    codeOf(() =>
      readCertificate({ ...certificate, body: encode([entry.oid, 3, entry.od, proofs]), ...changes }, committee),
    )
  assert.is(read([first, second, third]), 'nothing was thrown')
  assert.is(read([first, first, second, third]), 'bad-certificate')
  assert.is(read([second, first, third]), 'bad-certificate')
  assert.is(read([first, second, third], { type: TYPE.settlement }), 'bad-certificate')
  assert.is(read([first, second, third], { type: TYPE.order }), 'bad-shape')
  assert.is(read([first, second, third], { scope: bytesOf('other') }), 'wrong-epoch')
  assert.is(read([first, second, third], { signature: new Uint8Array(64) }), 'bad-shape')
  assert.is(read([first, second, third], { attachment: new Uint8Array(1) }), 'bad-shape')
})

certificates('weights count, not heads', () => {
  const heavy = world(4, [5, 1, 1, 1])
  const weighted = committeeOf(heavy.genesis)
  assert.is(weighted.quorum, 6)
  const vote = (seat: number) => ({
    batch: forger({ committee: weighted, world: heavy }, seat).batch([entry]),
    index: 0,
  })
  assert.is(
    codeOf(() => certificateEnvelope(weighted, entry, [1, 2, 3].map(vote))),
    'no-quorum',
  )
  assert.is(readCertificate(certificateEnvelope(weighted, entry, [0, 1].map(vote)), weighted).weight, 6)
})

certificates('one changed bit anywhere: refused, or a signature no longer holds', () => {
  const bytes = encodeEnvelope(certificate)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
      const mutated = bytes.slice()
      mutated[at] = (mutated[at] as number) ^ (1 << bit)
      try {
        const read = readCertificate(decodeEnvelope(mutated), committee)
        assert.not.ok(
          checksOf(read, committee).every(({ key, message, signature }) => verifySignature(key, message, signature)),
        )
      } catch (error) {
        assert.instance(error, WebxError)
      }
    }),
    { numRuns: 400 },
  )
})

certificates('truncated anywhere: refused', () => {
  const bytes = encodeEnvelope(certificate)
  for (let end = 0; end < bytes.length; end += 7) {
    assert.not.equal(
      codeOf(() => readCertificate(decodeEnvelope(bytes.subarray(0, end)), committee)),
      'nothing was thrown',
    )
  }
})
certificates.run()

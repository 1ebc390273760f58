/** The public log: what its lines must prove, who signs its heads, what a witness cosigns, what the network's weight makes final, and who is convicted. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { assignedLeaves } from '../../src/consensus/publiclog/assignment.ts'
import {
  checkpointEnvelope,
  checkpointText,
  logOrigin,
  readCheckpointText,
} from '../../src/consensus/publiclog/checkpoint.ts'
import {
  bundleEnvelope,
  checkpointSubject,
  mergeBundles,
  sameSubject,
  subjectSignedBytes,
} from '../../src/consensus/publiclog/cosignature.ts'
import { verifyLogEvidence } from '../../src/consensus/publiclog/fork.ts'
import { documentEnvelope, leafBytes, readLeaf, readLeafBody } from '../../src/consensus/publiclog/leaf.ts'
import { isWitnessed, NetworkCount } from '../../src/consensus/publiclog/network.ts'
import { EMPTY_TREE, leafHash, type TreeHead } from '../../src/consensus/publiclog/proof.ts'
import {
  drawMasterNodes,
  Patience,
  readRedraw,
  redrawSeed,
  redrawSubject,
} from '../../src/consensus/publiclog/redraw.ts'
import { RedrawCount } from '../../src/consensus/publiclog/redraw-count.ts'
import type { Sequencer } from '../../src/consensus/publiclog/sequencer.ts'
import { Witness } from '../../src/consensus/publiclog/witness.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { verifyGroups } from '../../src/core/crypto.ts'
import { decodeEnvelope, type Envelope } from '../../src/core/envelope.ts'
import { codeOf } from '../kit/refusal.ts'
import { bytesOf, type KeyPair } from './people.ts'
import {
  blockOf,
  checkedBundle,
  checkedCheckpoint,
  cosign,
  documentOf,
  type Group,
  group,
  judgeOf,
  Masters,
  MemoryLog,
  NET,
  OWNER_ID,
  SEED,
  settledOf,
  short,
} from './publiclog.ts'

const home = group('home', 4)
const master = group('master', 4, 3)
const judge = judgeOf([home])
const PLACE = { nid: home.committee.nid, neighborhoods: 1, all: false }

/** A member of `home` as a witness, on a disk. */
function witnessOf(seat = 0, of: Group = home, disk = new MemoryLog()) {
  const witness = new Witness({ committee: of.committee, seat, judge, records: disk })
  return { witness, disk, key: of.keys[seat] as KeyPair, group: of, seat }
}

const leaves = suite('public log: leaves')

leaves('a settlement proves its order, a signature a document', () => {
  for (const statement of [settledOf(home, 'a'), documentOf('a deed')]) {
    const { hash, body, checks } = readLeaf(statement, judge)
    assert.equal(hash, leafHash(body))
    assert.equal(verifyGroups([checks]), [true])
    assert.equal(readLeaf(decodeEnvelope(leafBytes(statement)), judge).hash, hash)
  }
  assert.is(readLeaf(settledOf(home, 'a'), judge).checks.length, 3)
})

leaves('strangers believe a neighborhood drawn at random only with a strong quorum', () => {
  const drawn = judgeOf([home], true)
  assert.is(
    codeOf(() => readLeaf(settledOf(home, 'a', 3), drawn)),
    'bad-certificate',
  )
  assert.is(readLeaf(settledOf(home, 'a', 4), drawn).checks.length, 4)
})

leaves('what does not prove a leaf is refused', () => {
  const good = settledOf(home, 'a')
  const with_ = (change: Partial<Envelope>) => codeOf(() => readLeaf({ ...good, ...change }, judge))
  const [, nid, epoch, oid, version, od] = [0, home.committee.nid, 0, bytesOf('oid a'), 2, bytesOf('od a')]
  assert.is(with_({ scope: bytesOf('another net') }), 'wrong-net')
  assert.is(with_({ type: 6 }), 'bad-shape')
  assert.is(with_({ signature: new Uint8Array(64) }), 'bad-shape')
  assert.is(with_({ attachment: settledOf(home, 'b').attachment }), 'bad-certificate')
  assert.is(with_({ body: encode([0, bytesOf('elsewhere', 16), epoch, oid, version, od]) }), 'bad-certificate')
  assert.is(with_({ body: encode([0, nid, 1, oid, version, od]) }), 'bad-certificate')
  assert.is(with_({ body: encode([0, nid, epoch, oid, 3, od]) }), 'bad-certificate')
  assert.is(with_({ body: encode([2, nid, epoch, oid, version, od]) }), 'bad-shape')
  assert.is(with_({ attachment: settledOf(group('home', 4, 1), 'a').attachment }), 'unknown-sender')
  const deed = documentOf('deed')
  assert.is(
    codeOf(() => readLeaf({ ...deed, attachment: Uint8Array.of(1) }, judge)),
    'bad-shape',
  )
  const forged = readLeaf({ ...deed, signature: new Uint8Array(64) }, judge)
  assert.equal(verifyGroups([forged.checks]), [false])
  const stranger = { kind: 'document', owner: bytesOf('x'), keyPosition: 0, digest: bytesOf('d'), note: '' } as const
  assert.is(
    codeOf(() => readLeaf(documentEnvelope(NET, stranger, new Uint8Array(64)), judge)),
    'unknown-sender',
  )
  assert.is(
    codeOf(() => readLeafBody(encode([1, OWNER_ID, 0, bytesOf('d'), 'n'.repeat(201)]))),
    'bad-shape',
  )
})

const heads = suite('public log: checkpoints')
const terms = { netId: NET, generation: 0, size: 5, root: bytesOf('root'), epoch: 3, seed: SEED, network: 4 }

heads('a text has one form', () => {
  const text = checkpointText(terms)
  assert.equal(readCheckpointText(text, NET), terms)
  assert.is(text.split('\n')[0], logOrigin(NET, 0))
  const later = { ...terms, generation: 2, network: 0 }
  assert.equal(readCheckpointText(checkpointText(later), NET), later)
  const wrong: [string, string][] = [
    ['\n5\n', '\n05\n'],
    ['\n5\n', '\n-5\n'],
    ['\nepoch 3', '\nepoch 03'],
    ['/log\n', '/log/0\n'],
    ['/log\n', '/log\r\n'],
    ['\nnetwork 4', '\nnetwork 0'],
    ['\nnetwork 4', '\nnetwork 6'],
    ['\nnetwork 4\n', '\nnetwork 4\nmore\n'],
    ['\nnetwork 4\n', '\nnetwork 4'],
    ['\n5\n', '\n1099511627777\n'],
    ['\n5\n', '\n0\n'],
  ]
  for (const [from, to] of wrong) {
    const changed = text.replace(from, to)
    assert.is.not(changed, text)
    assert.is(
      codeOf(() => readCheckpointText(changed, NET)),
      'bad-shape',
      to,
    )
  }
  assert.is(
    codeOf(() => readCheckpointText(text, bytesOf('another net'))),
    'wrong-net',
  )
  assert.is(
    codeOf(() => readCheckpointText(`${text}${'x'.repeat(1_100)}`, NET)),
    'too-long',
  )
})

heads('MasterNodes sign the same text after the same blocks, and a quorum makes it whole', () => {
  const masters = new Masters(master, judge)
  const first = masters.order([settledOf(home, 'a'), documentOf('b')])
  assert.is(first?.checkpoint.size, 2)
  assert.ok((first?.checkpoint.weight ?? 0) >= 3)
  assert.is(masters.order([settledOf(home, 'a', 4)]), null, 'a leaf is logged once, however it is proven')
  assert.is(masters.order([settledOf(home, 'c')])?.checkpoint.size, 3)
  const leader = masters.members[0] as Sequencer
  assert.equal(leader.book.entry(0), settledOf(home, 'a').body)
  assert.is(leader.book.indexOf(leafHash(documentOf('b').body)), 1)
})

heads('two of four signatures are a share and no checkpoint', () => {
  const masters = new Masters(master, judge)
  for (const member of masters.members) member.execute(blockOf([leafBytes(settledOf(home, 'a'))]))
  assert.is(masters.sign(2), null)
  assert.is(masters.sign(3)?.checkpoint.weight, 3)
})

heads('a leaf twice in blocks that cross is appended once, a broken one by nobody', () => {
  const masters = new Masters(master, judge)
  const a = leafBytes(settledOf(home, 'a'))
  const member = masters.members[1] as Sequencer
  const broken = leafBytes({ ...settledOf(home, 'x'), attachment: settledOf(home, 'y').attachment })
  assert.is(member.opinion(blockOf([a])), 'yes')
  assert.is(member.opinion(blockOf([broken])), 'no')
  assert.is(member.opinion(blockOf([Uint8Array.of(1, 2, 3)])), 'no')
  const stranger = leafBytes(settledOf(group('stranger', 4), 'z'))
  assert.is(member.opinion(blockOf([stranger])), 'later')
  const forged = documentOf('forged')
  assert.is(member.opinion(blockOf([leafBytes({ ...forged, signature: new Uint8Array(64) })])), 'no')
  for (const block of [blockOf([a, a]), blockOf([a, Uint8Array.of(1)])]) member.execute(block)
  assert.is(member.book.tree.size, 1)
})

heads('a block holds what is not in its ancestors, up to its bounds', () => {
  const { members } = new Masters(master, judge)
  const leader = members[0] as Sequencer
  const statements = Array.from({ length: 300 }, (_, i) => documentOf(`${i}`))
  for (const statement of statements) assert.ok(leader.submit(readLeaf(statement, judge), leafBytes(statement)))
  assert.not(leader.submit(readLeaf(documentOf('7'), judge), leafBytes(documentOf('7'))))
  const first = leader.compose([]) as readonly Uint8Array[]
  assert.ok(first.length <= 256)
  assert.ok(first.reduce((sum, { length }) => sum + length, 0) < 48 * 1024)
  const second = leader.compose([blockOf(first)]) as readonly Uint8Array[]
  assert.is(first.length + second.length, 300)
  assert.is(leader.compose([blockOf(first), blockOf(second)]), null)
})

heads('one owner does not fill the queue', () => {
  const { members } = new Masters(master, judge)
  const leader = members[0] as Sequencer
  const proven = readLeaf(documentOf('x'), judge)
  const submit = (i: number, leaf = proven.leaf) => {
    return leader.submit({ ...proven, leaf, hash: bytesOf(`hash ${i}`) }, Uint8Array.of(i))
  }
  assert.is(Array.from({ length: 600 }, (_, i) => submit(i)).filter(Boolean).length, 512)
  assert.ok(submit(601, readLeaf(settledOf(home, 'a'), judge).leaf))
})

heads('a MasterNode that begins again signs nothing smaller, and what was not signed yet', () => {
  const masters = new Masters(master, judge)
  masters.order([settledOf(home, 'a')])
  assert.is(masters.start(0).next(), null)
  const unsigned = masters.members[1] as Sequencer
  unsigned.execute(blockOf([leafBytes(settledOf(home, 'b'))]))
  masters.disks[1]?.write(unsigned.flush().writes)
  assert.ok(masters.start(1).next()?.text.includes('\n2\n'))
  masters.disks[0]?.lose('log-entry', 9)
  masters.disks[0]?.lose('log-tile', 9)
  masters.disks[0]?.write([{ space: 'log-meta', key: new TextEncoder().encode('size'), value: null }])
  const lost = masters.start(0)
  lost.execute(blockOf([leafBytes(documentOf('other'))]))
  assert.is(lost.next(), null, 'size 1 was signed with another root')
})

const witnesses = suite('public log: witness')
const statements = ['a', 'b', 'c'].map((name) => settledOf(home, name))

witnesses('cosigns what grows, and what it promised is stored first', () => {
  const masters = new Masters(master, judge)
  const { witness, disk, key } = witnessOf()
  const first = masters.order(statements.slice(0, 1))?.checkpoint
  assert.ok(first)
  assert.is(short(witness.offer(masters.offerTo(witness, first, statements), PLACE)), 'cosign')
  const signable = witness.next(7)
  assert.ok(signable && witness.seal(signable, key.sign(signable.message)))
  assert.equal(new Witness({ committee: home.committee, seat: 0, judge, records: disk }).state.head, EMPTY_TREE)
  const { writes, publish } = witness.flush()
  disk.write(writes)
  assert.is(checkedBundle(publish[0] as Uint8Array, home.committee).cosignatures[0]?.seconds, 7)
  const again = new Witness({ committee: home.committee, seat: 0, judge, records: disk })
  assert.is(again.state.head.size, 1)
  const second = masters.order(statements.slice(1))?.checkpoint
  assert.ok(second)
  assert.is(short(again.offer(masters.offerTo(again, second, statements), PLACE)), 'cosign')
  assert.ok(cosign(again, key, disk))
  assert.is(short(again.offer(masters.offerTo(again, first, statements), PLACE)), 'refused inconsistent-log')
})

witnesses('refuses another root, a broken proof, a leaf that is not proven, and what is not of the term', () => {
  const masters = new Masters(master, judge)
  const { witness, disk, key } = witnessOf()
  const first = masters.order(statements.slice(0, 1))?.checkpoint
  assert.ok(first)
  const offer = masters.offerTo(witness, first, statements)
  const ask = (change: Partial<typeof offer>) => short(witness.offer({ ...offer, ...change }, PLACE))
  assert.is(ask({ checkpoint: { ...first, weight: 2 } }), 'later no-quorum')
  assert.is(ask({ checkpoint: { ...first, generation: 1 } }), 'later wrong-epoch')
  assert.is(ask({ term: { ...masters.term, seed: bytesOf('chosen') } }), 'refused wrong-epoch')
  assert.is(ask({ leaves: [] }), 'later bad-proof')
  const [leaf] = offer.leaves
  assert.ok(leaf)
  const bare = { ...leaf.statement, attachment: statements[1]?.attachment as Uint8Array }
  assert.is(ask({ leaves: [{ ...leaf, statement: bare }] }), 'unproven bad-certificate')
  assert.is(ask({ consistency: [bytesOf('x')] }), 'later bad-proof')
  assert.is(witness.next(1), null, 'nothing that was not good is signed')
  assert.is(ask({}), 'cosign')
  cosign(witness, key, disk)
  const fork = new Masters(master, judge)
  const other = fork.order([documentOf('other')])?.checkpoint
  const longer = fork.order([documentOf('longer')])?.checkpoint
  assert.ok(other && longer)
  assert.is(short(witness.offer(fork.offerTo(witness, other, []), PLACE)), 'refused inconsistent-log')
  assert.is(short(witness.offer(fork.offerTo(witness, longer, []), PLACE)), 'later bad-proof')
})

witnesses('a signature that comes late is not put under something else', () => {
  const masters = new Masters(master, judge)
  const { witness, key } = witnessOf()
  const first = masters.order(statements.slice(0, 1))?.checkpoint
  const second = masters.order(statements.slice(1))?.checkpoint
  assert.ok(first && second)
  witness.offer(masters.offerTo(witness, first, statements), PLACE)
  const early = witness.next(1)
  witness.offer(masters.offerTo(witness, second, statements), PLACE)
  assert.ok(early)
  assert.not(witness.seal(early, key.sign(early.message)))
  assert.equal(witness.flush().publish, [])
  assert.is(witness.state.head.size, 0)
})

witnesses('says fraud only where what stands in the tree is no leaf', () => {
  const { witness } = witnessOf()
  const entry = Uint8Array.of(0x80)
  const text = checkpointText({ ...terms, size: 1, root: leafHash(entry), network: 0 })
  const signatures = master.keys.map((key, seat) => ({ seat, signature: key.sign(new TextEncoder().encode(text)) }))
  const checkpoint = checkedCheckpoint(
    envelopeBytes(checkpointEnvelope(master.committee, text, signatures)),
    master.committee,
  )
  const term = { masterNodes: master.committee, generation: 0, epoch: 3, seed: SEED }
  const statement = { ...documentOf('x'), body: entry }
  const offer = {
    checkpoint,
    term,
    consistency: [],
    networkConsistency: [],
    leaves: [{ index: 0, statement, path: [] }],
  }
  assert.equal(witness.offer(offer, PLACE), { kind: 'fraud', index: 0, code: 'bad-shape' })
})

witnesses(
  'each leaf has about three neighborhoods to validate it; a node has as much to do in a small network as in a large one',
  () => {
    const perNeighborhood = 40
    const loads = [4, 20, 100].map((neighborhoods) => {
      const logged = perNeighborhood * neighborhoods
      const nids = Array.from({ length: neighborhoods }, (_, i) => bytesOf(`nid ${i}`, 16))
      const load = nids.map((nid) => assignedLeaves({ seed: SEED, nid, neighborhoods, all: false }, 0, logged).length)
      return load.reduce((sum, one) => sum + one, 0) / neighborhoods
    })
    for (const load of loads) assert.ok(Math.abs(load / (3 * perNeighborhood) - 1) < 0.2, `${loads}`)
    const everything = { seed: SEED, nid: PLACE.nid, neighborhoods: 100, all: true }
    assert.is(assignedLeaves(everything, 5, 25).length, 20)
  },
)

const networks = suite('public log: network')
const groups = ['n0', 'n1', 'n2'].map((name) => group(name, 4))
const nodes = groups.flatMap(({ committee }) => committee.seats.map(({ memberId }) => ({ id: memberId, weight: 1 })))
const subject = checkpointSubject(checkpointText(terms))

function bundleOf({ committee, keys }: Group, seats: readonly number[], seconds = 9) {
  const cosignatures = seats.map((seat) => {
    const message = new TextEncoder().encode(`cosignature/v1\ntime ${seconds}\n${checkpointText(terms)}`)
    return { seat, seconds, signature: (keys[seat] as KeyPair).sign(message) }
  })
  return checkedBundle(envelopeBytes(bundleEnvelope(committee.cid, subject, cosignatures)), committee)
}

networks('counts each node once, and reaches more than two thirds', () => {
  const count = new NetworkCount(nodes)
  assert.is(count.quorum, 9)
  const [a, b, c] = groups as [Group, Group, Group]
  assert.is(count.add(bundleOf(a, [0]), a.committee), null, 'nobody has opened this subject')
  count.open(subject)
  assert.equal(count.add(bundleOf(a, [0, 1, 2]), a.committee), { weight: 3, reached: false })
  assert.equal(count.add(bundleOf(a, [1, 3], 10), a.committee), { weight: 4, reached: false })
  assert.equal(count.add(bundleOf(b, [0, 1, 2, 3]), b.committee), { weight: 8, reached: false })
  const [, , moved] = [a, b, group('n2', 4, 1)]
  assert.equal(count.add(bundleOf(c, [2]), c.committee), { weight: 9, reached: true })
  assert.equal(
    count.add(bundleOf(moved, [2]), moved.committee),
    { weight: 9, reached: true },
    'the same node in the next epoch',
  )
  const stranger = group('stranger', 4)
  assert.is(count.add(bundleOf(stranger, [0, 1]), stranger.committee)?.weight, 9)
  assert.is(
    codeOf(() => new NetworkCount([...nodes, nodes[0] as (typeof nodes)[number]])),
    'bad-argument',
  )
  assert.is(
    codeOf(() => new NetworkCount([])),
    'bad-argument',
  )
})

networks('bundles merge by OR, and keep what they had', () => {
  const [a, b] = groups as [Group, Group]
  const merged = mergeBundles(a.committee, bundleOf(a, [0, 2]), bundleOf(a, [1, 2], 11))
  assert.equal(
    merged.cosignatures.map(({ seat, seconds }) => [seat, seconds]),
    [
      [0, 9],
      [1, 11],
      [2, 9],
    ],
  )
  assert.is(merged.weight, 3)
  assert.is(
    codeOf(() => mergeBundles(a.committee, bundleOf(a, [0]), bundleOf(b, [0]))),
    'bad-argument',
  )
})

networks('WITNESSED is a quorum in each of three neighborhoods', () => {
  const all = groups.map((of) => ({ bundle: bundleOf(of, [0, 1, 2]), committee: of.committee }))
  const policy = { neighborhoods: 3, cosigners: 0, known: [] }
  assert.ok(isWitnessed(policy, all, 0))
  assert.not(isWitnessed({ ...policy, cosigners: 1 }, all, 0))
  assert.not(isWitnessed(policy, all.slice(1), 0))
  const twice = all.slice(0, 2).concat(all.slice(0, 1))
  assert.not(isWitnessed(policy, twice, 0))
  const [a] = groups as [Group]
  assert.not(isWitnessed(policy, [...all.slice(1), { bundle: bundleOf(a, [0, 1]), committee: a.committee }], 0))
})

networks('final is what two thirds cosigned in the knowledge that two thirds had; a log at rest comes to rest', () => {
  const masters = new Masters(master, judge)
  const all = groups.flatMap((of) => of.keys.map((_, seat) => witnessOf(seat, of)))
  const run = (sent: readonly Envelope[]) => {
    const checkpoint = masters.order(sent)?.checkpoint
    if (!checkpoint) return null
    const count = new NetworkCount(nodes)
    count.open(checkpointSubject(checkpoint.text))
    for (const { witness, disk, key, group: of } of all) {
      const verdict = witness.offer(masters.offerTo(witness, checkpoint, statements), { ...PLACE, neighborhoods: 3 })
      assert.is(short(verdict), 'cosign')
      const bundle = checkedBundle(cosign(witness, key, disk) as Uint8Array, of.committee)
      count.add(bundle, of.committee)
    }
    assert.ok(count.standing(checkpointSubject(checkpoint.text))?.reached)
    for (const { witness } of all) witness.cosigned(0, checkpoint)
    for (const member of masters.members) member.cosigned(checkpoint)
    return checkpoint
  }
  assert.equal(pick(run(statements.slice(0, 2))), [2, 0])
  assert.equal(pick(run([])), [2, 2])
  assert.is(run([]), null)
  assert.equal(pick(run(statements.slice(2))), [3, 2])
  assert.equal(pick(run([])), [3, 3])
})

networks('a witness does not say that something is final which it has not seen to be', () => {
  const masters = new Masters(master, judge)
  const { witness } = witnessOf()
  const first = masters.order(statements)?.checkpoint
  assert.ok(first)
  for (const member of masters.members) member.cosigned(first)
  const second = masters.order()?.checkpoint
  assert.is(second?.network, 3)
  assert.ok(second)
  assert.is(short(witness.offer(masters.offerTo(witness, second, statements), PLACE)), 'later no-quorum')
  witness.cosigned(0, first)
  assert.is(short(witness.offer(masters.offerTo(witness, second, statements), PLACE)), 'cosign')
})

const redraws = suite('public log: redraw')

redraws('draws the same 25 everywhere, others for another seed', () => {
  const capable = Array.from({ length: 100 }, (_, i) => bytesOf(`node ${i}`))
  const drawn = drawMasterNodes(SEED, capable).map(toHex)
  assert.is(new Set(drawn).size, 25)
  assert.equal(drawMasterNodes(SEED, [...capable].reverse()).map(toHex), drawn)
  const next = drawMasterNodes(redrawSeed(SEED, 1), capable).map(toHex)
  assert.ok(next.filter((id) => drawn.includes(id)).length < 20)
  assert.is(drawMasterNodes(SEED, capable.slice(0, 3)).length, 3)
})

redraws('patience ends after missed checkpoints, not in idle times, and at once for a fork', () => {
  const patience = new Patience(3)
  assert.equal(
    [true, false, false, true].map((wanted) => patience.tick(wanted)),
    [false, false, false, false],
  )
  patience.relieved()
  assert.equal(
    [true, true, true].map((wanted) => patience.tick(wanted)),
    [false, false, true],
  )
  patience.relieved()
  patience.forked()
  assert.ok(patience.exhausted)
})

redraws('who votes ends the generation for itself, and goes on from what the network decided', () => {
  const masters = new Masters(master, judge)
  const first = masters.order(statements.slice(0, 1))?.checkpoint
  const second = masters.order(statements.slice(1, 2))?.checkpoint
  assert.ok(first && second)
  const seed = redrawSeed(SEED, 1)
  const count = new NetworkCount(nodes)
  const all = groups.flatMap((of) => of.keys.map((_, seat) => witnessOf(seat, of)))
  const base = { size: first.size, root: first.root }
  const vote = redrawSubject({ generation: 1, seed, base })
  assert.equal(readRedraw(vote), { generation: 1, seed, base })
  count.open(vote)
  let decided = 0
  for (const [i, { witness, disk, key, group: of }] of all.entries()) {
    witness.offer(masters.offerTo(witness, second, statements), PLACE)
    cosign(witness, key, disk)
    witness.cosigned(0, first)
    witness.vote(1, seed)
    const bundle = checkedBundle(cosign(witness, key, disk) as Uint8Array, of.committee)
    assert.ok(sameSubject(bundle, vote))
    if (count.add(bundle, of.committee)?.reached && decided === 0) decided = i + 1
    const again = new Witness({ committee: of.committee, seat: 0, judge, records: disk })
    assert.is(short(again.offer(masters.offerTo(again, second, statements), PLACE)), 'refused wrong-epoch')
  }
  assert.is(decided, 9)
  const { witness, disk, key } = all[0] as (typeof all)[number]
  assert.ok(witness.adopt(readRedraw(vote)))
  assert.not(witness.adopt(readRedraw(vote)))
  const fresh = group('fresh', 4, 3)
  const anew = new Masters(fresh, judge, { generation: 1, base, disks: masters.disks })
  const third = anew.order(statements.slice(2))?.checkpoint
  assert.ok(third)
  assert.equal([third.size, third.network, third.text.split('\n')[0]], [2, 1, logOrigin(NET, 1)])
  assert.is(short(witness.offer(anew.offerTo(witness, third, statements), PLACE)), 'cosign')
  assert.ok(cosign(witness, key, disk))
})

redraws('there is one vote for a number, before and after a restart, and a number above it for a newer head', () => {
  const masters = new Masters(master, judge)
  const [first, second] = statements.map((statement) => masters.order([statement])?.checkpoint)
  assert.ok(first && second)
  const { disk, key, ...made } = witnessOf()
  let { witness } = made
  const baseOf = (generation: number) => witness.vote(generation, redrawSeed(SEED, generation))?.base.size ?? null
  const sent = () => readRedraw(checkedBundle(cosign(witness, key, disk) as Uint8Array, home.committee))
  witness.cosigned(0, first)
  assert.is(baseOf(1), 1)
  // a checkpoint that comes between takes the place of no vote
  assert.is(short(witness.offer(masters.offerTo(witness, first, statements), PLACE)), 'refused wrong-epoch')
  const vote = sent()
  assert.equal([vote.generation, vote.base.size], [1, 1])
  witness.cosigned(0, second)
  assert.is(baseOf(1), 1, 'the head that was known then')
  assert.equal(sent(), vote)
  disk.write(witness.flush().writes)
  witness = new Witness({ committee: home.committee, seat: 0, judge, records: disk })
  assert.is(witness.voting, 1)
  assert.is(baseOf(1), 1)
  assert.equal(sent(), vote)
  assert.is(baseOf(2), 2)
  sent()
  assert.equal([baseOf(1), witness.voting], [null, 2])
  // 1 was decided after all: what is said of it is believed, and nothing of it cosigned, for 2 may be decided without it
  assert.ok(witness.adopt(vote))
  const anew = new Masters(group('anew', 4, 3), judge, { generation: 1, base: vote.base, disks: masters.disks })
  const third = anew.order(statements.slice(2))?.checkpoint
  assert.ok(third)
  assert.is(short(witness.offer(anew.offerTo(witness, third, statements), PLACE)), 'refused wrong-epoch')
  assert.not(witness.join(third, []))
  const next = { committee: group('home', 4, 1).committee, seat: 0, judge, records: disk }
  disk.write(witness.flush().writes)
  assert.is(new Witness(next).voting, null, 'in another epoch it is not under way')
  assert.is(new Witness(next).vote(2, SEED), null, 'and is not given for another base')
})

redraws('what older versions stored of a vote is read: there is none for the number that they had voted for', () => {
  const disk = new MemoryLog()
  const empty = EMPTY_TREE.root
  const key = new TextEncoder().encode('state')
  for (const closed of [false, true]) {
    disk.write([{ space: 'log-witness', key, value: encode([4, 0, empty, 0, empty, closed]) }])
    const { witness } = witnessOf(0, home, disk)
    assert.is(witness.vote(5, SEED)?.generation ?? null, closed ? null : 5)
    assert.is(witness.vote(6, SEED)?.generation, 6)
  }
})

/** Votes of nodes of `groups` by number. */
function voteOf(numbers: readonly number[], generation: number, base = EMPTY_TREE) {
  const subject = redrawSubject({ generation, seed: SEED, base })
  return numbers.map((number) => {
    const { committee, keys } = groups[Math.floor(number / 4)] as Group
    const seat = number % 4
    const message = subjectSignedBytes(committee.cid, subject, 0)
    const signed = [{ seat, seconds: 0, signature: (keys[seat] as KeyPair).sign(message) }]
    return {
      bundle: checkedBundle(envelopeBytes(bundleEnvelope(committee.cid, subject, signed)), committee),
      committee,
    }
  })
}

redraws('a number is decided, or split for sure; others may be ahead of it', () => {
  const count = new RedrawCount(nodes)
  const [a, b] = [1, 2].map((size) => ({ size, root: bytesOf(`base ${size}`) }))
  const add = (numbers: readonly number[], generation: number, base = a) =>
    voteOf(numbers, generation, base).map(({ bundle, committee }) => count.add(bundle, committee))
  assert.equal([count.isSplit(1), count.wanted, count.entered], [false, 0, 0])
  add([0, 1, 2], 1)
  assert.equal([count.isSplit(1), count.wanted], [false, 0])
  assert.is(add([3, 4], 1).at(-1)?.weight, 5)
  assert.equal([count.wanted, count.entered], [1, 0], 'more than may lie')
  add([5, 6], 1, b)
  assert.not(count.isSplit(1), 'those five might come to nine')
  add([7, 8], 1, b)
  assert.ok(count.isSplit(1))
  assert.equal([count.wanted, count.entered], [1, 1])
  const decided = add([0, 1, 2, 3, 4, 5, 6, 7, 8], 2, b)
  assert.equal(
    decided.map(({ reached }) => reached),
    [...Array(8).fill(false), true],
  )
  assert.equal(
    decided.flatMap(({ evidence }) => evidence),
    [],
    'a vote for another number is no offence',
  )
  const subject = redrawSubject({ generation: 2, seed: SEED, base: b as TreeHead })
  assert.is(count.statements(subject).length, 3)
})

redraws('who votes for two bases of one number is convicted once, and pushes out no votes but its own', () => {
  const count = new RedrawCount(nodes)
  const add = ([one]: ReturnType<typeof voteOf>) =>
    count.add((one as NonNullable<typeof one>).bundle, (one as NonNullable<typeof one>).committee)
  for (let i = 0; i < 8; i++) add(voteOf([i], 1))
  const guilty = Array.from({ length: 100 }, (_, i) => {
    return add(voteOf([11], 1 + (i % 10), { size: 1, root: bytesOf(`lie ${i}`) })).evidence
  }).flat()
  assert.is(guilty.length, 1)
  const { committee } = groups[2] as Group
  assert.equal(verifyLogEvidence(guilty[0] as Uint8Array, committee).guilty, committee.seats[3]?.memberId)
  assert.is(count.statements(redrawSubject({ generation: 1, seed: SEED, base: EMPTY_TREE })).length, 2)
  assert.ok(add(voteOf([8], 1)).reached)
})

redraws('new MasterNodes fetch the entries they lack, and believe nobody', () => {
  const masters = new Masters(master, judge)
  const head = masters.order(statements)?.checkpoint
  assert.ok(head)
  const book = (masters.members[0] as Sequencer).book
  const entries = [0, 1, 2].map((index) => book.entry(index) as Uint8Array)
  const late = new Masters(group('late', 4, 3), judge, { generation: 1, base: head })
  const member = late.members[0] as Sequencer
  assert.is(member.lacks, 3)
  assert.is(member.opinion(blockOf([])), 'later')
  member.fill(entries.slice(0, 1))
  assert.is(
    codeOf(() => member.fill([documentOf('lie').body, documentOf('lie 2').body])),
    'inconsistent-log',
  )
  assert.is(member.lacks, 3)
  member.fill(entries)
  assert.ok(member.lacks === 0 && equal(member.book.tree.head.root, head.root))
  // what an earlier life had of a liar before it was switched off does not stay for good
  const half = late.members[1] as Sequencer
  half.fill([documentOf('lie').body])
  late.disks[1]?.write(half.flush().writes)
  const again = late.start(1)
  for (let tries = 0; again.book.tree.size > 0; tries++) {
    assert.ok(tries < 3)
    codeOf(() => again.fill(entries.slice(again.book.tree.size)))
  }
  again.fill(entries)
  assert.is(again.lacks, 0)
  const branch = new Masters(master, judge)
  branch.order([documentOf('x'), documentOf('y'), documentOf('z')])
  const turned = new Masters(group('turned', 4, 3), judge, { generation: 1, base: head, disks: branch.disks })
  assert.is(turned.members[0]?.lacks, 3, 'a branch that the network left is dropped')
})

function pick(checkpoint: { readonly size: number; readonly network: number } | null): number[] | null {
  return checkpoint && [checkpoint.size, checkpoint.network]
}

function envelopeBytes(envelope: Envelope): Uint8Array {
  return encode([1, 0, envelope.type, envelope.scope, envelope.body, envelope.signature, envelope.attachment])
}

leaves.run()
heads.run()
witnesses.run()
networks.run()
redraws.run()

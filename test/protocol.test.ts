/**
 * `src/PROTOCOL.md`, the code and the golden messages agree: bytes, fields, digests, signatures, refusals.
 *
 * Oracles that share nothing with the code: a CBOR reader and a CDDL judge of the tests' own, BLAKE3 and Ed25519 of @noble.
 */

import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ed25519 } from '@noble/curves/ed25519.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openAnswer, readAnswer, readSelect } from '../src/apps/facepay/answer.ts'
import { readCheckin } from '../src/apps/facepay/checkin.ts'
import { matchProbe, readProbe } from '../src/apps/facepay/probe.ts'
import { readTerms, referenceOf } from '../src/apps/facepay/terms.ts'
import { readCertificate } from '../src/consensus/certificate.ts'
import { verifyEvidence } from '../src/consensus/evidence.ts'
import { readOrder } from '../src/consensus/order.ts'
import { readVoteBatch } from '../src/consensus/statement.ts'
import { concat, fromHex, fromText, toBase64url, toHex } from '../src/core/bytes.ts'
import { decodeEnvelope, TYPE } from '../src/core/envelope.ts'
import { assertTimely, decodeFrame, ReplayGuard } from '../src/core/frame.ts'
import { LIMITS } from '../src/core/limits.ts'
import { TokenVerifier } from '../src/drivers/broker-token.ts'
import { hostClock } from '../src/drivers/host.ts'
import { openKeyFile } from '../src/drivers/key-file.ts'
import { readGenesis } from '../src/identity/genesis.ts'
import { readInception } from '../src/identity/keylog.ts'
import { verifyReceipt } from '../src/kernel/receipt.ts'
import { Topics } from '../src/kernel/topics.ts'
import type { ObjectState } from '../src/ledger/account.ts'
import { decodeOperation } from '../src/ledger/payment.ts'
import { createLedgerRules } from '../src/ledger/rules.ts'
import { readTagEvent } from '../src/services/tags.ts'
import { readWitnessStatement } from '../src/services/witness-statement.ts'
import { Cddl, type Item, readCbor } from './kit/cddl.ts'
import { agreementOf, buildProtocol, NOW_MS, vectorEmbedding } from './kit/protocol.ts'
import { goldenDocuments } from './kit/protocol-documents.ts'
import type { Reader } from './kit/protocol-refused.ts'
import { type ProtocolVectors, protocolVectors } from './kit/protocol-vectors.ts'
import { codeOfAsync } from './kit/refusal.ts'
import { sourcesOf } from './kit/source.ts'
import { withTemp } from './kit/temp.ts'

const golden = suite('protocol: golden messages')
const document = suite('protocol: the document')
const refused = suite('protocol: refusals')

const text = readFileSync(new URL('../src/PROTOCOL.md', import.meta.url), 'utf8')
const vectors = JSON.parse(readFileSync(new URL('./vectors/protocol.json', import.meta.url), 'utf8')) as ProtocolVectors
const protocol = buildProtocol()
const { genesis, committee, people, asset, payer, payee } = protocol

/** The rule of the document that each golden message must fit, and for frames that of the payload. */
const RULES: Readonly<Record<string, string>> = {
  inception: 'key-event-message',
  genesis: 'genesis-file',
  genesisOfTwo: 'genesis-file',
  genesisDividing: 'genesis-file',
  genesisMerging: 'genesis-file',
  seatOffer: 'seat-offer',
  orderIncept: 'order-message',
  orderMint: 'order-message',
  orderPay: 'order-message',
  orderKeyEvent: 'proving-order-message',
  orderInceptUnsigned: 'proving-order-message',
  orderVersion: 'order-message',
  evidenceLaterKey: 'evidence-message',
  orderInceptRecoverable: 'proving-order-message',
  orderRecovery: 'proving-order-message',
  orderEnforce: 'proving-order-message',
  witness: 'witness-message',
  voteBatch: 'vote-message',
  certificate: 'certificate-message',
  settlement: 'settlement-message',
  evidenceDoubleOrder: 'evidence-message',
  evidenceDoubleVote: 'evidence-message',
  evidenceDoubleBatch: 'evidence-message',
  tagEvent: 'tag-message',
  frameHealth: 'health',
  frameNeed: 'need',
  frameSummary: 'summary',
  frameHeads: 'heads',
  frameBatchQuery: 'batch-query',
  frameBatchAnswer: 'batch-answer',
  frameHeadQuery: 'head-query',
  frameCheckin: 'checkin',
  frameProbe: 'probe',
  frameAnswer: 'answer',
  frameSelect: 'select',
  frameArrived: 'arrived',
  frameSettlementQuery: 'settlement-query',
  frameSettlementAnswer: 'settlement-answer',
  terms: 'terms',
  receipt: 'receipt-document',
  brokerCredentials: 'credentials',
  keyFile: 'key-file-content',
}

golden('today’s code makes them, byte for byte', () => {
  const made = protocolVectors()
  assert.equal(Object.keys(made.golden), Object.keys(vectors.golden))
  for (const [name, hex] of Object.entries(made.golden)) assert.is(hex, vectors.golden[name], name)
  assert.equal(made, vectors)
})

golden('fit the CDDL of the document, and every rule of it is needed', () => {
  const cddl = new Cddl(text)
  assert.equal(Object.keys(RULES), Object.keys(vectors.golden))
  for (const [name, rule] of Object.entries(RULES)) {
    const item = itemOf(name)
    if (rule.endsWith('-message') || rule === 'genesis-file') assert.is(cddl.complaint('envelope', item), '', name)
    if (!name.startsWith('frame')) assert.is(cddl.complaint(rule, item), '', name)
    else {
      assert.is(cddl.complaint('envelope', item), '', name)
      const frame = readCbor(fieldsOf(item)[4] as Uint8Array)
      assert.is(cddl.complaint('frame', frame), '', name)
      assert.is(cddl.complaint(rule, fieldsOf(frame)[6] as Item), '', name)
    }
  }
  for (const { name, rule, bytes } of goldenDocuments()) assert.is(cddl.complaint(rule, readCbor(bytes)), '', name)
  assert.equal(cddl.unused, [])
})

golden('the judge of CDDL sees what does not fit', () => {
  const cddl = new Cddl('```cddl\na = [x: 0..3, y: bstr .size 2, ? z: b, 1*2 tstr]\nb = #6.18({})\n```\n')
  const y = Uint8Array.of(1, 2)
  assert.is(cddl.complaint('a', [3, y, { tag: 18, of: 'map' }, 't']), '')
  assert.is(cddl.complaint('a', [3, y, 't', 'u']), '')
  const wrong: Item[] = [
    [4, y, 't'],
    [3, y.slice(1), 't'],
    [3, y],
    [3, y, 't', 'u', 'v'],
    [3, y, { tag: 17, of: 'map' }, 't'],
    3,
  ]
  for (const each of wrong) assert.is.not(cddl.complaint('a', each), '')
  assert.throws(() => readCbor(Uint8Array.of(0x41)))
  assert.throws(() => readCbor(Uint8Array.of(0, 0)))
})

golden('an order says what was meant, and its ids are what the document says', () => {
  const envelope = fieldsOf(itemOf('orderPay'))
  assert.equal(envelope.slice(0, 4), [1, 0, 2, genesis.netId])
  const home = new Uint8Array(16).fill(0xa1)
  const nonce = H('webx v1 account', fromText('account 0')).slice(0, 16)
  const body = fieldsOf(readCbor(envelope[4] as Uint8Array))
  const zeros = new Uint8Array(32)
  assert.equal(body.slice(0, 8), [home, people.shopper.id, 0, nonce, 1, zeros, 1, new Uint8Array(16).fill(0xc2)])
  const op = fieldsOf(readCbor(body[8] as Uint8Array))
  const reference = H('webx v1 payment terms', bytesOf('terms'))
  assert.equal(op, [2, asset.id, 420, payee, reference, new Uint8Array(0), new Uint8Array(0)])
  const { oid, od } = readOrder(decodeEnvelope(bytesOf('orderPay')))
  assert.equal(oid, H('webx v1 object', concat(genesis.netId, home, people.shopper.id, nonce)))
  assert.equal(od, H('webx v1 statement', signedPart(envelope)))
  assert.equal(oid, payer)
  const issuing = fieldsOf(readCbor(fieldsOf(itemOf('orderMint'))[4] as Uint8Array))
  assert.equal(issuing[3], H('webx v1 asset object', asset.id).slice(0, 16))
  assert.equal(fieldsOf(readCbor(issuing[8] as Uint8Array)), [1, asset.id, 5_000, payer])
  const incept = fieldsOf(readCbor(fieldsOf(itemOf('orderIncept'))[4] as Uint8Array))
  const free = [2, 3, 4, 6, 7].map((place) => incept[place])
  assert.equal(free, [0, new Uint8Array(16), 1, Number.MAX_SAFE_INTEGER, people.shopper.id.slice(0, 16)])
})

golden('the order of a key event is what the document says, and nobody signs it', () => {
  const [, , type, scope, body, signature, attachment] = fieldsOf(itemOf('orderKeyEvent'))
  assert.equal([type, scope, signature], [2, genesis.netId, new Uint8Array(0)])
  const home = new Uint8Array(16).fill(0xa1)
  const event = fieldsOf(readCbor(attachment as Uint8Array))
  const digest = H('webx v1 statement', signedPart(event))
  const inception = H('webx v1 statement', signedPart(fieldsOf(itemOf('inception'))))
  const lane = H('webx v1 key log lane', concat(h('83 5820'), people.shopper.id, h('01 5820'), inception))
  const [zeros, max] = [new Uint8Array(32), Number.MAX_SAFE_INTEGER]
  const fixed = [home, lane, 1, new Uint8Array(16), 1, zeros, max, digest.slice(0, 16), concat(h('82 03 5820'), digest)]
  assert.equal(fieldsOf(readCbor(body as Uint8Array)), fixed)
  const rotation = fieldsOf(readCbor(event[4] as Uint8Array))
  assert.equal(rotation.slice(0, 4), [1, 1, people.shopper.id, inception])
  const key = ed25519.getPublicKey(new Uint8Array(32).fill(107))
  assert.equal(rotation[4], [key])
  assert.ok(ed25519.verify(event[5] as Uint8Array, signedPart(event), key, { zip215: false }))
  const rules = createLedgerRules(genesis)
  const opened = new Map<string, ObjectState>()
  const objects = { stateOf: (oid: Uint8Array) => opened.get(toHex(oid)) ?? null }
  for (const name of ['orderInceptUnsigned', 'orderKeyEvent']) {
    const order = readOrder(decodeEnvelope(bytesOf(name)))
    assert.is(rules.ownerKey(order, objects)?.key, null, name)
    assert.is(rules.check(order, objects).ok, true, name)
    for (const { oid, state } of rules.settled(order, objects)) opened.set(toHex(oid), state)
  }
  assert.equal(rules.keyLogs.keysOf(people.shopper.id, objects)?.key, key)
  const [signed, unsigned] = ['orderIncept', 'orderInceptUnsigned'].map((name) =>
    readOrder(decodeEnvelope(bytesOf(name))),
  )
  assert.equal(signed?.od, unsigned?.od, 'one order')
})

/** Rules, and what is settled once the recovery of the vectors is. */
function settledUpTo(last: 'orderRecovery' | 'orderEnforce') {
  const rules = createLedgerRules(genesis)
  const states = new Map<string, ObjectState>()
  const objects = { stateOf: (oid: Uint8Array) => states.get(toHex(oid)) ?? null }
  for (const name of ['orderInceptRecoverable', 'orderRecovery', 'orderEnforce']) {
    const order = readOrder(decodeEnvelope(bytesOf(name)))
    assert.is(rules.ownerKey(order, objects)?.key, null, name)
    assert.is(rules.check(order, objects).ok, true, name)
    for (const { oid, state } of rules.settled(order, objects)) states.set(toHex(oid), state)
    if (name === last) break
  }
  return { rules, objects }
}

golden('a recovery is put in force at the place of its veto, by witnesses of a quorum', () => {
  const [, , type, scope, body, signature, attachment] = fieldsOf(itemOf('orderEnforce'))
  assert.equal([type, scope, signature], [2, genesis.netId, new Uint8Array(0)])
  const event = fieldsOf(readCbor(fieldsOf(itemOf('orderRecovery'))[6] as Uint8Array))
  const digest = H('webx v1 statement', signedPart(event))
  const identity = fieldsOf(readCbor(event[4] as Uint8Array))[2] as Uint8Array
  const lane = H('webx v1 key log lane', concat(h('83 5820'), identity, h('00 5820'), digest))
  const home = new Uint8Array(16).fill(0xa1)
  const op = concat(h('83 05 5820'), identity, h('5820'), digest)
  const [zeros, max] = [new Uint8Array(32), Number.MAX_SAFE_INTEGER]
  const fixed = [home, lane, 1, new Uint8Array(16), 1, zeros, max, digest.slice(0, 16), op]
  assert.equal(fieldsOf(readCbor(body as Uint8Array)), fixed)
  const signed = (firstSeen: number, now: number): Uint8Array => {
    const times = [firstSeen, now].map((ms) => concat(h('1b'), u64(ms)))
    return concat(h('85 6f'), fromText('webx v1 witness'), h('5820'), committee.cid, h('5820'), digest, ...times)
  }
  const witnesses = fieldsOf(readCbor(attachment as Uint8Array)).map(fieldsOf)
  assert.equal(
    witnesses.map(([seat]) => seat),
    [0, 1, 3],
  )
  for (const [seat, firstSeen, now, each] of witnesses) {
    assert.is((now as number) - (firstSeen as number), 86_400_000)
    const { epochKey } = committee.seats[seat as number] as (typeof committee.seats)[0]
    const message = signed(firstSeen as number, now as number)
    assert.ok(ed25519.verify(each as Uint8Array, message, epochKey, { zip215: false }), String(seat))
  }
  const statement = fieldsOf(itemOf('witness'))
  assert.equal([statement[2], statement[3]], [8, committee.cid])
  assert.equal(fieldsOf(readCbor(statement[4] as Uint8Array)), [identity, digest, ...(witnesses[2] as Item[])])
  const { rules, objects } = settledUpTo('orderEnforce')
  const young = ed25519.getPublicKey(new Uint8Array(32).fill(9))
  const { key, position } = rules.keyLogs.keysOf(identity, objects) as { key: Uint8Array; position: number }
  assert.equal([key, position], [young, 1])
})

golden('a version of a file is signed by its owner for the object of its salt', () => {
  const fields = fieldsOf(itemOf('orderVersion'))
  const body = fieldsOf(readCbor(fields[4] as Uint8Array))
  assert.equal(body[3], new Uint8Array(16).fill(0xf2))
  assert.equal(body[8], concat(h('84 04 01 5820'), new Uint8Array(32).fill(0xf1), h('f4')))
})

golden('identities, net, committee and asset are the digests that the document says', () => {
  const inception = fieldsOf(itemOf('inception'))
  assert.equal(H('webx v1 identity', inception[4] as Uint8Array), people.shopper.id)
  const [, , , , , next] = fieldsOf(readCbor(inception[4] as Uint8Array))
  assert.equal(next, [H('webx v1 next key', ed25519.getPublicKey(new Uint8Array(32).fill(107)))])
  assert.equal(H('webx v1 net', fieldsOf(itemOf('genesis'))[4] as Uint8Array), genesis.netId)
  assert.is(toHex(genesis.netId), vectors.digests['net'])
  const { name, createdMs, seats, assets, terminals } = readGenesis(bytesOf('genesis'))
  assert.equal([name, createdMs, seats.length, terminals.length], ['vectors', NOW_MS, 4, 1])
  assert.equal([assets[0]?.code, assets[0]?.decimals, assets[0]?.cap], ['EUR', 2, 100_000_000])
  assert.is(committee.quorum, 3)
  const listed = concat(
    ...committee.seats.map(({ memberId, epochKey, weight }) => cborSeat(memberId, epochKey, weight)),
  )
  const head = concat(h('84 5820'), genesis.netId, h('50'), committee.nid, h('00 84'))
  assert.equal(H('webx v1 committee', concat(head, listed)), committee.cid)
  const terms = concat(h('84 5820'), asset.issuer, h('63 455552 02 1a 05f5e100'))
  assert.equal(H('webx v1 asset', terms), asset.id)
  assert.equal(referenceOf(bytesOf('terms')), H('webx v1 payment terms', bytesOf('terms')))
})

golden('a batch’s root and a certificate’s paths are what BLAKE3 and the document make of the votes', () => {
  const [, , , , body, , attachment] = fieldsOf(itemOf('voteBatch'))
  const [seat, sequence, , count, root] = fieldsOf(readCbor(body as Uint8Array))
  assert.equal([seat, sequence, count], [0, 1, 3])
  const leaves = fieldsOf(readCbor(attachment as Uint8Array)).map((vote) => leafOf(vote))
  const [first, second, third] = leaves as [Uint8Array, Uint8Array, Uint8Array]
  const pair = H('webx v1 vote node', concat(first, second))
  assert.equal(root, H('webx v1 vote node', concat(pair, third)))
  const certificate = fieldsOf(readCbor(fieldsOf(itemOf('certificate'))[4] as Uint8Array))
  const proofs = fieldsOf(certificate[3] as Item).map(fieldsOf)
  assert.equal(
    proofs.map((proof) => [proof[0], proof[6]]),
    [
      [0, 2],
      [1, 2],
      [3, 2],
    ],
  )
  for (const proof of proofs) assert.equal(proof[7], pair)
  const settled = fieldsOf(readCbor(fieldsOf(itemOf('settlement'))[4] as Uint8Array))
  const leaf = leafOf([1, ...settled.slice(0, 3)])
  for (const proof of fieldsOf(settled[3] as Item).map(fieldsOf))
    assert.equal([proof[4], proof[7]], [leaf, new Uint8Array(0)])
})

golden('every signature holds over what the document says it covers', () => {
  const { organization, terminal, shopper, members } = people
  const reader = members[0] as typeof terminal
  const signers: Record<string, Uint8Array> = {
    inception: shopper.publicKey,
    genesis: organization.publicKey,
    orderIncept: shopper.publicKey,
    orderMint: organization.publicKey,
    orderPay: shopper.publicKey,
    orderVersion: shopper.publicKey,
    voteBatch: (committee.seats[0] as (typeof committee.seats)[0]).epochKey,
    tagEvent: reader.publicKey,
  }
  for (const name of Object.keys(vectors.golden)) if (name.startsWith('frame')) signers[name] = senderOf(name).publicKey
  for (const [name, key] of Object.entries(signers)) {
    const fields = fieldsOf(itemOf(name))
    assert.ok(ed25519.verify(fields[5] as Uint8Array, signedPart(fields), key, { zip215: false }), name)
  }
  for (const name of ['certificate', 'settlement']) {
    const body = fieldsOf(readCbor(fieldsOf(itemOf(name))[4] as Uint8Array))
    for (const proof of fieldsOf(body[3] as Item).map(fieldsOf)) {
      const key = committee.seats[proof[0] as number]?.epochKey as Uint8Array
      assert.ok(ed25519.verify(proof[5] as Uint8Array, headerPart(proof), key, { zip215: false }), name)
    }
  }
  const { of } = itemOf('receipt') as { of: Item }
  const [, , payload, signature] = fieldsOf(of) as [Item, Item, Uint8Array, Uint8Array]
  const covered = concat(h('84 6a'), fromText('Signature1'), h('43 a10127 40 59'), u16(payload.length), payload)
  assert.ok(ed25519.verify(signature, covered, terminal.publicKey, { zip215: false }))
})

golden('readers take them and find in them what was put in', async () => {
  assert.is(toHex(readInception(bytesOf('inception')).id), vectors.digests['identity'])
  const certificate = readCertificate(decodeEnvelope(bytesOf('certificate')), committee)
  assert.equal([certificate.kind, certificate.weight, certificate.od], [0, 3, protocol.pay.od])
  assert.is(readCertificate(decodeEnvelope(bytesOf('settlement')), committee).kind, 1)
  assert.is(readVoteBatch(decodeEnvelope(bytesOf('voteBatch')), committee).entries[1]?.version, 70_000)
  const guilty = ['DoubleOrder', 'DoubleVote', 'DoubleBatch', 'LaterKey'].map((kind) =>
    verifyEvidence(bytesOf(`evidence${kind}`), committee),
  )
  assert.equal(
    guilty.map(({ kind }) => kind),
    ['double-order', 'double-vote', 'double-batch', 'double-order'],
  )
  assert.equal(
    guilty.map((each) => each.guilty),
    [people.shopper.id, people.members[1]?.id, people.members[1]?.id, people.shopper.id],
  )
  assert.equal(readTagEvent(decodeEnvelope(bytesOf('tagEvent'))).tag, 'E2801160600002084C3A1B2C')
  const receipt = verifyReceipt(bytesOf('receipt'), genesis)
  const { code, amount, decimals, confirms, payer: paying, payee: paid } = receipt
  assert.equal(
    [code, amount, decimals, confirms, paying, paid],
    ['EUR', 420, 2, 3, people.shopper.id, people.terminal.id],
  )
  assert.is(await readCredentials(bytesOf('brokerCredentials')), toHex(people.shopper.id))
  await withTemp(async (directory) => {
    const keys = await openKeyFile(keyFileAt(directory, bytesOf('keyFile')))
    assert.equal(keys.id, people.shopper.id)
    const seed = H('webx v1 epoch key', concat(new Uint8Array(32).fill(61), Uint8Array.of(0)))
    assert.equal((await keys.epochSigner(0)).publicKey, ed25519.getPublicKey(seed))
    const secret = H('webx v1 secret of a device', concat(new Uint8Array(32).fill(62), fromText('facepay template')))
    assert.equal(await keys.deriveSecret('facepay template'), secret)
  })
})

golden('a face payment’s messages open for whom they are sealed to', () => {
  const payload = (name: string) => decodeFrame(decodeEnvelope(bytesOf(name))).payload
  const { pseudonym, key, lifetimeMs, model } = readCheckin(payload('frameCheckin'))
  assert.equal([key, lifetimeMs, model], [agreementOf(41).publicKey, 3_600_000, 'faceplugin'])
  const reference = referenceOf(bytesOf('terms'))
  const probe = readProbe(payload('frameProbe'))
  assert.equal(probe.terms, bytesOf('terms'))
  assert.is(readTerms(probe.terms).amount, 420)
  const length = Math.hypot(...vectorEmbedding())
  const same = vectorEmbedding().map((value) => value / length)
  const other = same.map((value, i) => (i % 2 === 0 ? value : -value))
  assert.is(matchProbe(probe, agreementOf(41), { reference, pseudonym }, [same], 0.99), true)
  assert.is(matchProbe(probe, agreementOf(41), { reference, pseudonym }, [other], 0.5), false)
  const said = openAnswer(readAnswer(payload('frameAnswer')), agreementOf(42))
  assert.equal(said, { verdict: 'claim', account: payer })
  assert.equal(readSelect(payload('frameSelect')), { reference, pseudonym })
})

golden('a frame is timely once', () => {
  const frame = decodeFrame(decodeEnvelope(bytesOf('frameNeed')))
  const topics = new Topics(genesis.netId, genesis.neighborhood)
  assertTimely(frame, topics.sync, NOW_MS)
  const guard = new ReplayGuard()
  guard.check(frame)
  guard.accept(frame)
  assert.throws(() => guard.check(frame), /seen before/)
  assert.throws(() => guard.check({ ...frame, boot: 2 }), /earlier boot/)
  guard.check({ ...frame, boot: 4 })
})

document('names every context and every type that the code uses', () => {
  const sources = sourcesOf('src', /\.ts$/)
  const contexts = sources.flatMap(({ code }) => [...code.matchAll(/'(webx v1 [^']+|webx [a-z ]+ v1)'/g)])
  const used = new Set(contexts.map((match) => match[1] as string))
  assert.ok(used.size > 20, String(used.size))
  const written = text.replaceAll(/\s+/g, ' ')
  for (const context of used) assert.ok(written.includes(context), `${context} is not in the document`)
  for (const context of written.matchAll(/`(webx v1 [a-z ]+)`/g))
    assert.ok(used.has(context[1] as string), `${context[1]} is not in the code`)
  const rows = [...text.matchAll(/^\| (\d+) \| /gm)].map((match) => Number(match[1]))
  assert.equal(rows, Object.values(TYPE))
})

document('lists every context once: digests with the digests, conversations with the conversations', () => {
  const namesIn = (words: string) => [...words.matchAll(/`(webx v1 [^`]+)`/g)].map(([, name]) => name as string)
  const firstColumn = (section: string) =>
    [...section.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) => namesIn(cell as string))
  const [digests, proofs] = [sectionOf(2), sectionOf(23)]
  const conversations = firstColumn(proofs)
  const own = namesIn(digests.slice(digests.indexOf('Private to a node')))
  const listed = [...firstColumn(digests), ...own, ...conversations]
  assert.equal(
    listed.filter((name, i) => listed.indexOf(name) !== i),
    [],
  )
  const code = sourcesOf('src/proof', /\.ts$/).flatMap((file) => file.code)
  const used = new Set(
    code.flatMap((each) => [...each.matchAll(/'(webx v1 [^']+)'/g)].map(([, name]) => name as string)),
  )
  assert.ok(conversations.length > 4 && used.size > 10, `${conversations.length} of ${used.size}`)
  for (const name of used) assert.ok(listed.includes(name), `${name} is in no table`)
  for (const name of conversations) assert.ok(used.has(name), `${name} is no conversation of the code`)
})

document('says the limits of the code', () => {
  const written = text.replaceAll(/\s+/g, ' ')
  const seconds = (ms: number) => `${ms / 1_000} s`
  const counts = (value: number) => value.toLocaleString('en-US')
  const L = LIMITS
  const sentences = [
    `inside more than ${L.cborDepthMax} arrays, or one of more than ${counts(L.cborItemsMax)} items`,
    `one envelope of at most ${L.envelopeBytesMax / 1024} KiB; so is the file of a genesis, of at most ${L.genesisBytesMax / 1024} KiB`,
    `more than ${seconds(L.clockSkewMsMax)} ahead of its own clock`,
    `longer than ${seconds(L.frameLifetimeMsMax)} or expires`,
    `more than ${L.replayWindowFrames} behind the highest`,
    `at most once a second for each version`,
    `up to ${counts(L.headsPerReplyMax)} a page`,
    `of up to ${L.needReplyMax} versions`,
    `open for at most ${seconds(L.paymentTermsMsMax)}`,
    `checked in, at most ${L.candidatesPerPaymentMax}`,
    `more than ${L.probesPerTerminalPerMinuteMax} probes a minute`,
    `${L.answerDelayMs} ms after the probe came`,
    `The terminal waits ${L.claimWindowMs} ms`,
    `for at most ${seconds(L.brokerTokenLifetimeMsMax)}; each token`,
    `| order, certificate, evidence body | ${[L.orderBytesMax, L.certificateBytesMax, L.evidenceBytesMax].map((bytes) => `${bytes / 1024} KiB`).join(', ')} |`,
    `| seats, assets, terminals of a net | ${L.seatsMax}, ${L.genesisAssetsMax}, ${counts(L.genesisTerminalsMax)} |`,
    `| votes of a batch | ${L.batchEntriesMax} |`,
    `| open versions, parked orders; of one owner | ${counts(L.openSlotsMax)} each; ${L.openSlotsPerOwnerMax} each |`,
    `| objects of a home | ${counts(L.objectsMax)} |`,
    `| check-in; devices at a till | ${L.checkinMsMax / 3_600_000} h; ${L.checkinsPerTerminalMax} |`,
    `| rings of a till, keys of a ring; note | ${L.checkinRingsMax}, ${L.checkinRingKeysMax}; ${L.enrolledNoteCharactersMax} characters |`,
    `remembered as refused, tags as proven | ${L.checkinProofsPerSecondMax}, ${L.checkinProofsWaitingMax}; ${counts(L.checkinGuestsBarredMax)} each |`,
    `which is not replaced for ${seconds(L.checkinReplaceMsMin)}`,
    `| ${L.guestPublishPerSecondMax}, ${counts(L.memberPublishPerSecondMax)} a second |`,
  ]
  for (const sentence of sentences) assert.ok(written.includes(sentence), sentence)
  assert.equal([L.republishPerSlotMsMin, L.needIntervalMs, L.brokerDelegationMsMax], [1_000, 1_000, 86_400_000])
})

document('says where to look, and what it names is there', () => {
  const files = sourcesOf('.', /\.(ts|json)$/).map(({ path }) => path)
  for (const [, path] of text.matchAll(/`([a-z]+(?:\/[a-z-]+)+\.(?:ts|json))`/g)) {
    assert.ok(files.includes(path as string) || files.includes(`src/${path}`), path)
  }
})

refused('every broken message is refused by its code', async () => {
  const seen = new Set<string>()
  for (const { name, reader, code, bytes } of vectors.refused) {
    seen.add(reader)
    assert.is(await codeOfAsync(async () => READERS[reader as Reader](fromHex(bytes))), code, `${reader}: ${name}`)
  }
  assert.equal([...seen].sort(), Object.keys(READERS).sort())
  assert.ok(vectors.refused.length >= 80, String(vectors.refused.length))
})

/** How each reader takes what is given to it; what passes them is not refused. */
const READERS: Readonly<Record<Reader, (bytes: Uint8Array) => unknown>> = {
  envelope: (bytes) => decodeEnvelope(bytes),
  inception: readInception,
  genesis: readGenesis,
  order: (bytes) => readOrder(decodeEnvelope(bytes)),
  operation: decodeOperation,
  votes: (bytes) => readVoteBatch(decodeEnvelope(bytes), committee),
  certificate: (bytes) => readCertificate(decodeEnvelope(bytes), committee),
  evidence: (bytes) => verifyEvidence(bytes, committee),
  frame: (bytes) =>
    assertTimely(decodeFrame(decodeEnvelope(bytes)), new Topics(genesis.netId, genesis.neighborhood).sync, NOW_MS),
  terms: readTerms,
  receipt: (bytes) => verifyReceipt(bytes, genesis),
  credentials: readCredentials,
  witness: (bytes) => readWitnessStatement(decodeEnvelope(bytes), committee.cid),
  enforcement: (bytes) => {
    const { rules, objects } = settledUpTo('orderRecovery')
    return rules.ownerKey(readOrder(decodeEnvelope(bytes)), objects)
  },
  keyFile: (bytes) => withTemp((directory) => openKeyFile(keyFileAt(directory, bytes))),
}

async function readCredentials(bytes: Uint8Array): Promise<string> {
  const place = { broker: 'webx', netId: genesis.netId }
  const verifier = new TokenVerifier({ place, clock: { ...hostClock(), nowMs: () => NOW_MS } })
  const { inception } = people.shopper
  const clientId = `${readInception(inception).label}.00000001`
  return toHex(await verifier.verify(clientId, toBase64url(inception), toBase64url(bytes)))
}

function keyFileAt(directory: string, bytes: Uint8Array): string {
  const path = join(directory, 'vector.key')
  writeFileSync(path, bytes)
  chmodSync(path, 0o600)
  return path
}

/** The sender of a frame, as the frame itself says. */
function senderOf(name: string): { readonly publicKey: Uint8Array } {
  const frame = fieldsOf(readCbor(fieldsOf(itemOf(name))[4] as Uint8Array))
  const everyone = [people.organization, ...people.members, people.terminal, people.shopper]
  const sender = everyone.find(({ id }) => toHex(id) === toHex(frame[0] as Uint8Array))
  if (!sender) throw new Error(`${name} is of nobody`)
  return sender
}

/** A section of the document, by its number. */
function sectionOf(number: number): string {
  const [, section] = text.split(new RegExp(`^## ${number} `, 'm'))
  if (section === undefined) throw new Error(`the document has no section ${number}`)
  return section.split(/^## /m)[0] as string
}

function bytesOf(name: string): Uint8Array {
  const hex = vectors.golden[name]
  if (hex === undefined) throw new Error(`no vector is called ${name}`)
  return fromHex(hex)
}

/** A golden message by the tests' own reader; of the key file what is before its digest. */
function itemOf(name: string): Item {
  const bytes = bytesOf(name)
  if (name !== 'keyFile') return readCbor(bytes)
  const content = bytes.subarray(0, -32)
  assert.equal(H('webx v1 key file', content), bytes.slice(-32))
  return readCbor(content)
}

function fieldsOf(item: Item): readonly Item[] {
  if (!Array.isArray(item)) throw new Error('not an array')
  return item
}

/** BLAKE3 of another library. */
function H(context: string, bytes: Uint8Array): Uint8Array {
  return blake3(bytes, { context: fromText(context) })
}

/** `"webx" 00 "v1" ‖ type ‖ scope ‖ body` of an envelope's fields. */
function signedPart(fields: readonly Item[]): Uint8Array {
  const [, , type, scope, body] = fields as [number, number, number, Uint8Array, Uint8Array]
  return concat(h('77656278 00 7631'), Uint8Array.of(type), scope, body)
}

/** What a seat signs for the batch of a proof: its first five fields. */
function headerPart(proof: readonly Item[]): Uint8Array {
  const [seat, sequence, previousRoot, count, root] = proof as [number, number, Uint8Array, number, Uint8Array]
  const body = concat(Uint8Array.of(0x85, seat, sequence, 0x58, 32), previousRoot, Uint8Array.of(count, 0x58, 32), root)
  return concat(h('77656278 00 7631 03'), committee.cid, body)
}

function leafOf(vote: Item): Uint8Array {
  const [kind, oid, version, od] = vote as readonly [number, Uint8Array, number, Uint8Array]
  return H('webx v1 vote leaf', concat(Uint8Array.of(kind), oid, h('00000000'), u32(version), od))
}

function cborSeat(memberId: Uint8Array, epochKey: Uint8Array, weight: number): Uint8Array {
  return concat(h('83 5820'), memberId, h('5820'), epochKey, Uint8Array.of(weight))
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff)
}

function u32(value: number): Uint8Array {
  return concat(u16(value >>> 16), u16(value & 0xffff))
}

function u64(value: number): Uint8Array {
  return concat(u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32))
}

function h(hex: string): Uint8Array {
  return fromHex(hex.replaceAll(' ', ''))
}

golden.run()
document.run()
refused.run()

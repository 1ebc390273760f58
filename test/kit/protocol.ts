/**
 * The golden bytes of the protocol, made of fixed seeds, salts and times: what `test/vectors/protocol.json` holds and `src/PROTOCOL.md` describes.
 *
 * Everything is signed with real keys; nothing depends on a clock or on chance. To write the file anew after the protocol has changed on purpose:
 *
 *     node test/kit/protocol-vectors.ts > test/vectors/protocol.json
 */

import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, sign } from 'node:crypto'
import { prepareAnswer } from '../../src/apps/facepay/answer.ts'
import { checkinPayload } from '../../src/apps/facepay/checkin.ts'
import { EMBEDDING_LENGTH, probePayload, sealProbe } from '../../src/apps/facepay/probe.ts'
import { encodeTerms, referenceOf } from '../../src/apps/facepay/terms.ts'
import { certificateEnvelope } from '../../src/consensus/certificate.ts'
import { type Committee, committeeOf } from '../../src/consensus/committee.ts'
import { doubleBatchEvidence, doubleOrderEvidence, doubleVoteEvidence } from '../../src/consensus/evidence.ts'
import {
  type Order,
  orderBody,
  orderBytes,
  orderEnvelope,
  orderSignedBytes,
  readOrder,
} from '../../src/consensus/order.ts'
import {
  batchEnvelope,
  composeBatch,
  headerSignedBytes,
  VOTE,
  type VoteBatch,
  type VoteEntry,
} from '../../src/consensus/statement.ts'
import { concat, fromText } from '../../src/core/bytes.ts'
import { type Cbor, encode } from '../../src/core/codec.ts'
import { encodeSign1, sign1Message } from '../../src/core/cose.ts'
import { blake3Of } from '../../src/core/digest.ts'
import { encodeEnvelope, signedBytes, TYPE } from '../../src/core/envelope.ts'
import { encodeFrame } from '../../src/core/frame.ts'
import '../../src/drivers/wasm-files.ts'
import {
  type Genesis,
  genesisBody,
  genesisFile,
  genesisSignedBytes,
  readGenesis,
  type SeatingPolicy,
  USUAL_POLICY,
} from '../../src/identity/genesis.ts'
import { inceptionBody, keyEventBytes, NO_SCOPE, readInception } from '../../src/identity/keylog.ts'
import type { Kind } from '../../src/identity/xqident.ts'
import type { AgreementKey } from '../../src/kernel/ports.ts'
import { Topics } from '../../src/kernel/topics.ts'
import { type Asset, assetTable } from '../../src/ledger/asset.ts'
import { accountId, accountNonce, keyLogOrder, NO_HEAD, nextOrder, type OrderFields } from '../../src/ledger/terms.ts'
import { keyLogsIn } from './protocol-keylogs.ts'
import { recoveryIn } from './protocol-recovery.ts'

const QUERY_NONCE = new Uint8Array(16).fill(7)
/** When everything happens. */
export const NOW_MS = 1_790_000_000_000
const NOTHING = new Uint8Array(0)
const ED25519_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const X25519_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex')
const X25519_SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex')

/** 32 bytes of one value: the private keys here, and nobody's anywhere else. */
export function seed(value: number): Uint8Array {
  return new Uint8Array(32).fill(value)
}

export interface Pair {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** The Ed25519 pair of a seed. */
export function pairOf(value: number): Pair {
  const key = privateKey(ED25519_PREFIX, seed(value))
  return { publicKey: rawPublic(key), sign: (message) => new Uint8Array(sign(null, message, key)) }
}

/** The X25519 pair of a seed. */
export function agreementOf(value: number): AgreementKey {
  const key = privateKey(X25519_PREFIX, seed(value))
  return {
    publicKey: rawPublic(key),
    agree: (peer) => {
      const publicKey = createPublicKey({ key: Buffer.concat([X25519_SPKI_PREFIX, peer]), format: 'der', type: 'spki' })
      return new Uint8Array(diffieHellman({ privateKey: key, publicKey }))
    },
    wipe: () => undefined,
  }
}

/** Somebody: current key from seed n, next key from n + 100, salt of n. */
export interface Person extends Pair {
  readonly id: Uint8Array
  readonly inception: Uint8Array
}

export function personOf(value: number, kind: Kind): Person {
  const pair = pairOf(value)
  const nextKey = pairOf(value + 100).publicKey
  const body = inceptionBody({ kind, key: pair.publicKey, nextKey, salt: new Uint8Array(16).fill(value) })
  const inception = keyEventBytes(body, pair.sign(signedBytes(TYPE.keyEvent, NO_SCOPE, body)))
  return { ...pair, inception, id: readInception(inception).id }
}

/** The people, the net and what they said: every vector, with what it is made of. */
export function buildProtocol() {
  const people = {
    organization: personOf(1, 'organization'),
    members: [2, 3, 4, 5].map((n) => personOf(n, 'device')),
    terminal: personOf(6, 'device'),
    shopper: personOf(7, 'human'),
  }
  const epochPairs = [12, 13, 14, 15].map(pairOf)
  const genesis = foundedBy(people, epochPairs)
  const committee = committeeOf(genesis)
  const [asset] = [...assetTable(genesis.assets).values()] as [Asset]
  const payee = accountId(genesis.netId, genesis.neighborhood, people.terminal.id)
  const payer = accountId(genesis.netId, genesis.neighborhood, people.shopper.id)
  const net = { people, epochPairs, genesis, committee, asset, payee, payer }
  const paying = paymentIn(net)
  const { pay, incept, mint, terms } = paying
  const decided = decisionIn(net, pay, incept)
  const keyLogs = keyLogsIn({ ...net, shopper: people.shopper, assetId: asset.id, pairOf, signOrder })
  const recovery = recoveryIn({ ...net, pairOf, nowMs: NOW_MS })
  const receiptPayload = encode([
    ...['webx receipt v1', genesis.netId, people.terminal.inception, orderBytes(pay)],
    ...[decided.settlement, NOW_MS + 900],
  ])
  const receipt = encodeSign1(receiptPayload, people.terminal.sign(sign1Message(receiptPayload)))
  const bytes: Record<string, Uint8Array> = {
    inception: people.shopper.inception,
    genesis: genesis.bytes,
    genesisOfTwo: foundedBy(people, epochPairs, true).bytes,
    genesisDividing: foundedBy(people, epochPairs, false, { ...USUAL_POLICY, halfMin: 40 }).bytes,
    genesisMerging: foundedBy(people, epochPairs, false, { ...USUAL_POLICY, halfMin: 40, mergeBelow: 20 }).bytes,
    seatOffer: encode([people.members[0]?.inception ?? NOTHING, epochPairs[0]?.publicKey ?? NOTHING]),
    orderIncept: orderBytes(incept),
    orderMint: orderBytes(mint),
    orderPay: orderBytes(pay),
    ...keyLogs.bytes,
    ...recovery.bytes,
    ...decided,
    ...evidenceIn(net, pay, incept),
    tagEvent: tagEventIn(net),
    ...framesIn(net, terms, decided.settlement),
    terms,
    receipt,
    brokerCredentials: credentialsIn(net),
    keyFile: keyFileOf(people.shopper, 7),
  }
  const digests = {
    identity: people.shopper.id,
    net: genesis.netId,
    committee: committee.cid,
    asset: asset.id,
    payerAccount: payer,
    payeeAccount: payee,
    payOrder: pay.od,
    reference: referenceOf(terms),
    voteRoot: decided.lockRoot,
  }
  const { lockRoot: _, ...named } = bytes
  return { ...net, ...paying, keyLogs, recovery, bytes: named, digests }
}

type People = {
  readonly organization: Person
  readonly members: readonly Person[]
  readonly terminal: Person
  readonly shopper: Person
}
interface Net {
  readonly people: People
  readonly epochPairs: readonly Pair[]
  readonly genesis: Genesis
  readonly committee: Committee
  readonly asset: Asset
  readonly payer: Uint8Array
  readonly payee: Uint8Array
}

/** @param asTwo the same members in two neighborhoods */
function foundedBy(
  { organization, members, terminal }: People,
  epochPairs: readonly Pair[],
  asTwo = false,
  policy: SeatingPolicy | null = null,
): Genesis {
  const seats = members.map(({ inception }, i) => ({
    inception,
    epochKey: epochPairs[i]?.publicKey ?? NOTHING,
    weight: 1,
  }))
  const further = asTwo ? [{ neighborhood: new Uint8Array(16).fill(0xa2), seats: seats.splice(2) }] : []
  const body = genesisBody({
    name: 'vectors',
    createdMs: NOW_MS,
    organization: organization.inception,
    neighborhood: new Uint8Array(16).fill(0xa1),
    seats,
    assets: [{ issuer: organization.id, code: 'EUR', decimals: 2, cap: 100_000_000 }],
    terminals: [terminal.inception],
    further,
    ...(policy && { policy }),
  })
  return readGenesis(genesisFile(body, organization.sign(genesisSignedBytes(body))))
}

/** An order of somebody's, signed. */
export function signOrder(netId: Uint8Array, owner: Pair, fields: OrderFields): Order {
  const body = orderBody(fields)
  return readOrder(orderEnvelope(netId, body, owner.sign(orderSignedBytes(netId, body))))
}

function paymentIn({ people, genesis, asset, payee, payer }: Net) {
  const { organization, terminal, shopper } = people
  const { netId, neighborhood: home } = genesis
  const start = { home, keyPosition: 0, version: 0, head: NO_HEAD }
  const terms = encodeTerms({
    terminalId: terminal.id,
    merchant: payee,
    asset: asset.id,
    amount: 420,
    nonce: new Uint8Array(16).fill(0x55),
    expiresMs: NOW_MS + 90_000,
  })
  const incept = signOrder(netId, shopper, keyLogOrder(home, shopper.id, shopper.inception))
  const minting = { ...start, owner: organization.id, nonce: asset.nonce }
  const issue = { kind: 'mint', assetId: asset.id, cumulative: 5_000, to: payer } as const
  const mint = signOrder(netId, organization, nextOrder(minting, issue, new Uint8Array(16).fill(0xc1), 1))
  const pay = payOrder(400 + 20)
  return { terms, incept, mint, pay, payOrder }

  /** The shopper's first payment, of so much. */
  function payOrder(amount: number): Order {
    const purse = { ...start, owner: shopper.id, nonce: accountNonce() }
    const rest = { reference: referenceOf(terms), refundOf: NOTHING, memo: NOTHING }
    const operation = { kind: 'pay', assetId: asset.id, amount, to: payee, ...rest } as const
    return signOrder(netId, shopper, nextOrder(purse, operation, new Uint8Array(16).fill(0xc2), 1))
  }
}

/** A signed batch of one seat. */
export function sealBatch(net: Net, seat: number, sequence: number, entries: readonly VoteEntry[]): VoteBatch {
  const batch = composeBatch(seat, sequence, new Uint8Array(32), entries)
  const pair = net.epochPairs[seat] as Pair
  return { ...batch, signature: pair.sign(headerSignedBytes(net.committee, batch)) }
}

/** Locks of three orders under one signature (so that a path leads past a node without a partner), then confirmations. */
function decisionIn(net: Net, pay: Order, incept: Order) {
  const entryOf = (kind: 0 | 1, { oid, version, od }: Order): VoteEntry => ({ kind, oid, version, od })
  const other = { kind: VOTE.lock, oid: seed(0xe1), version: 70_000, od: seed(0xe2) }
  const seats = [0, 1, 3]
  const locks = seats.map((seat) => sealBatch(net, seat, 1, [entryOf(0, incept), other, entryOf(0, pay)]))
  const confirms = seats.map((seat) => sealBatch(net, seat, 2, [entryOf(1, pay)]))
  const lockVotes = locks.map((batch) => ({ batch, index: 2 }))
  const confirmVotes = confirms.map((batch) => ({ batch, index: 0 }))
  return {
    voteBatch: encodeEnvelope(batchEnvelope(net.committee, locks[0] as VoteBatch)),
    certificate: encodeEnvelope(certificateEnvelope(net.committee, entryOf(0, pay), lockVotes)),
    settlement: encodeEnvelope(certificateEnvelope(net.committee, entryOf(1, pay), confirmVotes)),
    lockRoot: (locks[0] as VoteBatch).root,
  }
}

function evidenceIn(net: Net, pay: Order, incept: Order) {
  const { committee, people } = net
  const other = paymentIn(net).payOrder(421)
  const voteFor = (order: Order, sequence: number) => {
    const entry = { kind: VOTE.lock, oid: order.oid, version: order.version, od: order.od }
    const batch = sealBatch(net, 1, sequence, [entry])
    const { seat, previousRoot, count, root, signature } = batch
    return {
      entry,
      header: batch,
      proof: { seat, sequence, previousRoot, count, root, signature, index: 0, path: NOTHING },
    }
  }
  const [one, two] = [voteFor(pay, 1), voteFor(other, 2)]
  return {
    evidenceDoubleOrder: doubleOrderEvidence(committee, pay, other, [people.shopper.inception]),
    evidenceDoubleVote: doubleVoteEvidence(committee, one, two),
    evidenceDoubleBatch: doubleBatchEvidence(committee, one.header, voteFor(incept, 1).header),
  }
}

function tagEventIn({ people, genesis }: Net): Uint8Array {
  const [reader] = people.members as [Person]
  const body = encode([reader.id, 1, NOW_MS, 'E2801160600002084C3A1B2C', new Uint8Array(32)])
  const signature = reader.sign(signedBytes(TYPE.tagEvent, genesis.netId, body))
  return encodeEnvelope({ type: TYPE.tagEvent, scope: genesis.netId, body, signature, attachment: NOTHING })
}

/** One frame of every type. */
function framesIn(
  { people, genesis, payer, committee }: Net,
  terms: Uint8Array,
  settlement: Uint8Array,
): Record<string, Uint8Array> {
  const topics = new Topics(genesis.netId, genesis.neighborhood)
  const { terminal, shopper } = people
  const [member, asker] = people.members as [Person, Person]
  const frame = (type: number, from: Person, topic: string, payload: Cbor): Uint8Array => {
    const fields = { sender: from.id, boot: 3, sequence: 7, sentMs: NOW_MS, expiresMs: NOW_MS + 10_000, topic, payload }
    const body = encodeFrame(fields)
    const signature = from.sign(signedBytes(type, genesis.netId, body))
    return encodeEnvelope({ type, scope: genesis.netId, body, signature, attachment: NOTHING })
  }
  const reference = referenceOf(terms)
  const pseudonym = new Uint8Array(16).fill(0x33)
  const [device, answerKey] = [agreementOf(41), agreementOf(42)]
  const sealed = sealProbe(vectorEmbedding(), device.publicKey, agreementOf(43), { reference, pseudonym })
  const answer = prepareAnswer({ reference, pseudonym }, answerKey.publicKey, agreementOf(44))
  const header: Cbor = [0, 9, seed(0xf1), 2, seed(0xf2), new Uint8Array(64).fill(0xf3)]
  const inbox = topics.to(asker.id)
  const toShopper = topics.to(shopper.id)
  const { cid } = committee
  return {
    frameHealth: frame(TYPE.health, member, topics.health(member.id), [
      'webx 0.1.0',
      NOW_MS - 60_000,
      [2942, 455, NOW_MS, 0],
    ]),
    frameNeed: frame(TYPE.need, member, topics.sync, [payer, 1]),
    frameSummary: frame(TYPE.summary, member, topics.sync, [4, concat(...Array.from({ length: 16 }, () => cid))]),
    frameHeads: frame(TYPE.heads, member, inbox, [5, [[payer, 1]]]),
    frameBatchQuery: frame(TYPE.batchQuery, asker, topics.sync, [QUERY_NONCE, 0b1000]),
    frameBatchAnswer: frame(TYPE.batchAnswer, member, inbox, [QUERY_NONCE, [header]]),
    frameHeadQuery: frame(TYPE.headQuery, shopper, topics.sync, [payer]),
    frameCheckin: frame(
      TYPE.checkin,
      shopper,
      topics.checkin(terminal.id),
      checkinPayload({ pseudonym, key: device.publicKey, lifetimeMs: 3_600_000, model: 'faceplugin', ring: null }),
    ),
    frameProbe: frame(
      TYPE.probe,
      terminal,
      toShopper,
      probePayload({ terms, pseudonym, answerKey: answerKey.publicKey, ...sealed }),
    ),
    frameAnswer: frame(TYPE.answer, shopper, topics.to(terminal.id), answer({ verdict: 'claim', account: payer })),
    frameSelect: frame(TYPE.select, terminal, toShopper, [reference, pseudonym]),
    frameArrived: frame(TYPE.arrived, member, toShopper, [payer, 3]),
    frameSettlementQuery: frame(TYPE.settlementQuery, shopper, topics.sync, [payer, 2, 1]),
    frameSettlementAnswer: frame(TYPE.settlementAnswer, member, toShopper, [settlement]),
  }
}

/** An embedding of small whole numbers, which every float format holds exactly. */
export function vectorEmbedding(): Float32Array {
  return Float32Array.from({ length: EMBEDDING_LENGTH }, (_, i) => ((37 * i) % 101) - 50)
}

function credentialsIn({ people, genesis }: Net): Uint8Array {
  const transport = pairOf(51)
  const { shopper } = people
  const delegation: Cbor[] = [transport.publicKey, genesis.netId, NOW_MS + 86_400_000]
  const clientId = `${readInception(shopper.inception).label}.00000001`
  const token: Cbor = ['webx', clientId, genesis.netId, new Uint8Array(16).fill(0x44), NOW_MS + 60_000]
  const delegated = shopper.sign(concat(fromText('webx-broker-delegation\0v1\0'), encode(delegation)))
  const signature = transport.sign(concat(fromText('webx-broker-token\0v1\0'), encode(token)))
  return encode([[...delegation, delegated], token, signature])
}

function keyFileOf(person: Person, value: number): Uint8Array {
  const seeds = [seed(value), seed(value + 100), seed(61), seed(62)]
  const content = encode(['webx key file', 1, ...seeds, person.inception])
  return concat(content, blake3Of('webx v1 key file', content))
}

function privateKey(prefix: Buffer, raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'pkcs8' })
}

function rawPublic(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32))
}

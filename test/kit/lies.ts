/** Messages that are well formed and well signed, and say what is not so or what their sender has no right to say. */

import { encodeTerms, type Terms } from '../../src/apps/facepay/terms.ts'
import { certificateBody, proofOf, type VoteProof } from '../../src/consensus/certificate.ts'
import { doubleBatchEvidence, doubleVoteEvidence } from '../../src/consensus/evidence.ts'
import { type Order, orderBytes } from '../../src/consensus/order.ts'
import { VOTE, type VoteEntry } from '../../src/consensus/statement.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { decodeEnvelope, encodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { keyEventBytes } from '../../src/identity/keylog.ts'
import { identityOf } from '../../src/identity/xqident.ts'
import { assetNonce } from '../../src/ledger/asset.ts'
import { encodeOperation } from '../../src/ledger/payment.ts'
import { NO_HEAD, nextOrder, type OrderFields } from '../../src/ledger/terms.ts'
import type { Attack, Place, Scene } from './hostile.ts'
import { randomReference } from './node.ts'
import { makePerson, type Person } from './people.ts'
import { type FrameName, forgedBatch, frameOf, guestAccount, termsOf } from './specimens.ts'
import { convict, NOTHING, payOrder, signOrder } from './wire.ts'

type Lie = (scene: Scene, choice: { readonly n: number; readonly m: number }) => Attack

/** Most that the net's genesis allows, as `makeNet` founds it. */
const CAP = 1_000_000_00
const SILENCE: readonly string[] = []
/** What a seat signs is remembered, whatever it says. */
const SEEN = ['seen-batch']
/** Who waits may be made to make room by the next one who waits. */
const ROOM = ['order.refused.limit']

const LIES: Readonly<Record<string, Lie>> = {
  // votes and proofs
  'a certificate of too few': proofLie((proofs) => proofs.slice(1)),
  'one seat twice in a certificate': proofLie((proofs) => [proofs[0] as VoteProof, ...proofs.slice(0, -1)]),
  'seats out of order': proofLie((proofs) => proofs.toReversed()),
  'a path of another vote': proofLie((proofs) =>
    proofs.map((proof, i) => (i === 0 ? { ...proof, path: randomReference() } : proof)),
  ),
  'an index beyond the count': proofLie((proofs) => proofs.map((proof) => ({ ...proof, index: proof.count }))),
  'a proof under another root': proofLie((proofs) => proofs.map((proof) => ({ ...proof, root: randomReference() }))),
  'a certificate for another order than was voted for': proofLie((proofs) => proofs, { od: randomReference() }),
  'a certificate for version 0': proofLie((proofs) => proofs, { version: 0 }, ['bad-certificate']),
  'a seat that is none': proofLie((proofs) => proofs.map((proof) => ({ ...proof, seat: 31 })), {}, ['unknown-sender']),
  'a signature of another vote': proofLie(
    (proofs, scene) => {
      const other = scene.seats.batch(proofs[0]?.seat ?? 0, [vote()])
      return proofs.map((proof, i) => (i === 0 ? { ...proof, signature: other.signature } : proof))
    },
    {},
    ['bad-signature'],
  ),
  'locks called confirmations': (scene) => {
    const envelope = decodeEnvelope(scene.seats.proof(vote(VOTE.lock)))
    const bytes = encodeEnvelope({ ...envelope, type: TYPE.settlement })
    return { ...statement(scene, 'settlement', bytes), expect: ['refused.bad-certificate'] }
  },
  'a seat that signs for another': (scene) => ({
    ...statement(scene, 'vote', forgedBatch(scene, 1, { signer: 2 })),
    expect: ['refused.bad-signature'],
  }),
  'a batch that has more votes than it shows': (scene) => ({
    ...statement(scene, 'vote', forgedBatch(scene, 1, { count: 2 })),
    expect: ['refused.tampered'],
  }),
  'votes for what nobody ordered': (scene, { n }) => ({
    ...statement(scene, 'vote', scene.seats.votes(1 + (n % 3), [vote(), vote(VOTE.confirm)])),
    expect: SILENCE,
    leaves: SEEN,
  }),
  'two batches under one number': (scene) => {
    const [one, other] = [vote(), vote()].map((entry) => scene.seats.batch(2, [entry], 1_000_000_000))
    if (!one || !other) throw new Error('two batches')
    const bytes = doubleBatchEvidence(scene.committee, one, other)
    return { ...statement(scene, 'evidence', bytes), expect: SILENCE, convicts: true }
  },
  'a settlement that is known': (scene) => {
    const { oid, version, od } = scene.settledOrder
    const bytes = scene.seats.proof({ kind: VOTE.confirm, oid, version, od })
    return { ...statement(scene, 'settlement', bytes), expect: SILENCE }
  },

  // evidence that convicts nobody
  'evidence of one order': (scene) => {
    const crook = makePerson()
    const order = crookedOrder(scene, crook)
    return {
      ...statement(scene, 'evidence', convict(scene.committee, crook, order, order)),
      expect: ['refused.bad-shape'],
    }
  },
  'evidence of orders for two versions': (scene) => {
    const crook = makePerson()
    const other = crookedOrder(scene, crook, { version: 2, previous: randomReference() })
    const bytes = convict(scene.committee, crook, crookedOrder(scene, crook), other)
    return { ...statement(scene, 'evidence', bytes), expect: ['refused.bad-shape'] }
  },
  'evidence against somebody else': (scene) => {
    const [crook, victim] = [makePerson(), makePerson()]
    const bytes = convict(scene.committee, victim, crookedOrder(scene, crook), crookedOrder(scene, crook))
    return { ...statement(scene, 'evidence', bytes), expect: ['refused.bad-shape'] }
  },
  'evidence with orders that the victim never signed': (scene) => {
    const victim = makePerson()
    const forger = { ...victim, sign: makePerson().sign }
    const bytes = convict(scene.committee, victim, crookedOrder(scene, forger), crookedOrder(scene, forger))
    return { ...statement(scene, 'evidence', bytes), expect: ['refused.bad-signature'] }
  },
  'evidence of two votes in two slots': (scene) => {
    const [one, other] = [vote(), vote()].map((entry) => ({ entry, proof: proofOf(scene.seats.batch(1, [entry]), 0) }))
    if (!one || !other) throw new Error('two votes')
    return {
      ...statement(scene, 'evidence', doubleVoteEvidence(scene.committee, one, other)),
      expect: ['refused.bad-shape'],
    }
  },

  // orders
  'money that is not there': order({ amount: 1_000_000 }, ['order.parked.insufficient-funds']),
  'a version that leaves a gap': order({}, ['order.parked.wrong-version'], { version: 7, previous: randomReference() }),
  'an older key': order({}, ['order.parked.unknown-owner'], { keyPosition: 1 }),
  'an asset that is none': order({ asset: randomReference() }, ['order.refused.unknown-asset']),
  'another home': (scene) => {
    // the key log of an owner that is at home elsewhere is not known here, nor asked for
    const fields = { home: new Uint8Array(16) }
    return { ...guestOrderWith(scene, {}, fields), expect: ['order.refused.wrong-home'] }
  },
  'an operation that is none': order({}, ['order.refused.bad-shape'], { op: Uint8Array.of(0x81, 3) }),
  'an operation that is no code': order({}, ['order.refused.not-canonical'], { op: Uint8Array.of(0xff, 3) }),
  'the issue of money by a guest': (scene, { n }) => {
    const op = encodeOperation({ kind: 'mint', assetId: scene.asset, cumulative: 1 + n, to: guestAccount(scene) })
    return { ...guestOrderWith(scene, {}, { op }), expect: ['order.refused.not-allowed'] }
  },
  'more money than the cap': (scene) => {
    const { oid, version, od } = scene.settledOrder
    return { ...mintBy(scene, scene.net.organization, CAP + 1, version, od, oid), expect: ['order.refused.over-cap'] }
  },
  'money taken back by its issuer': (scene) => {
    const { oid, version, od } = scene.settledOrder
    return { ...mintBy(scene, scene.net.organization, 1, version, od, oid), expect: ['order.refused.bad-amount'] }
  },
  'an order of somebody nobody knows': (scene) => ({
    ...onOrders(scene, crookedOrder(scene, makePerson())),
    expect: ['order.parked.unknown-owner'],
    besides: ROOM,
  }),
  'a key log that is not its own': (scene) => {
    const [thief, victim] = [makePerson(), makePerson()]
    const op = encodeOperation({ kind: 'incept', inception: victim.inception })
    const fields = { nonce: new Uint8Array(16), op, maxEpoch: Number.MAX_SAFE_INTEGER }
    return { ...onOrders(scene, crookedOrder(scene, thief, fields)), expect: ['refused.bad-identity'] }
  },
  'an order that is settled': (scene) => ({ ...onOrders(scene, scene.settledOrder), expect: SILENCE }),

  // identities
  'a key of small order': (scene) => {
    const person = makePerson()
    const body = decodeEnvelope(person.inception).body.slice()
    const at = indexOf(body, person.publicKey)
    body.fill(0, at, at + 32)
    body[at] = 1
    const bytes = keyEventBytes(body, new Uint8Array(64))
    return { at: 'member', topic: scene.topics.identity(identityOf(body)), bytes, expect: ['refused.bad-key'] }
  },
  'a rotation before there are any': (scene, { n }) => {
    const [, ...rest] = decode(decodeEnvelope(makePerson().inception).body) as Cbor[]
    const body = encode([1 + (n % 200), ...rest])
    const bytes = keyEventBytes(body, new Uint8Array(64))
    const topic = scene.topics.identity(identityOf(body))
    return { at: 'member', topic, bytes, expect: ['refused.unsupported-key-event'] }
  },
  'an introduction that is known already': (scene) => {
    const { topics, guest } = scene
    return { at: 'member', topic: topics.identity(guest.id), bytes: guest.inception, expect: SILENCE }
  },

  // members and guests
  "a guest's heads": frameLie('heads', (scene) => ({ sender: scene.guest }), ['refused.not-allowed']),
  "a guest's question for batches": frameLie('batch-query', (scene) => ({ sender: scene.guest }), [
    'refused.not-allowed',
  ]),
  "a guest's answer about batches": frameLie('batch-answer', (scene) => ({ sender: scene.guest }), [
    'refused.not-allowed',
  ]),
  'heads for somebody else': frameLie('heads', (scene) => ({ topic: scene.topics.to(scene.guest.id) }), [
    'refused.wrong-topic',
  ]),
  'a batch answer for somebody else': frameLie(
    'batch-answer',
    (scene) => ({ topic: scene.topics.to(scene.guest.id) }),
    ['refused.wrong-topic'],
  ),
  'a question where orders go': frameLie('need', (scene) => ({ topic: scene.topics.order }), ['refused.wrong-topic']),
  "somebody else's health": frameLie('health', (scene) => ({ topic: scene.topics.health(scene.guest.id) }), [
    'refused.not-allowed',
  ]),
  'half a reading': frameLie('health', (_, n) => ({ payload: ['half', 1, [n, n]] }), ['refused.bad-shape']),
  'a need that nobody can have': frameLie(
    'need',
    (_, n) => ({ payload: [randomReference(), Number.MAX_SAFE_INTEGER - n] }),
    SILENCE,
  ),

  // faces
  'a check-in at another till': frameLie('checkin', (scene) => ({ topic: scene.topics.checkin(scene.guest.id) }), [
    'refused.wrong-topic',
  ]),
  'a check-in with another model': frameLie(
    'checkin',
    () => ({ payload: [new Uint8Array(16), randomReference(), 1_000, 'vectors 2', []] }),
    ['refused.bad-version'],
  ),
  'a check-in with a proof where names are taken': frameLie('checkin', () => {
    const proof = [1, 0, 740_000, new Uint8Array(869)]
    return { payload: [new Uint8Array(16), randomReference(), 1_000, 'vectors 1', proof] }
  }, ['refused.not-allowed']),
  'an answer that nobody asked for': frameLie('answer', () => ({}), ['refused.expired']),
  'an answer in the inbox of another': frameLie('answer', (scene) => ({ topic: scene.topics.to(scene.guest.id) }), [
    'refused.wrong-topic',
  ]),
  'a probe by a guest': frameLie('probe', (scene) => ({ sender: scene.guest }), ['refused.not-allowed']),
  'a probe by a member': frameLie('probe', (scene) => ({ sender: scene.seatPerson(1) }), ['refused.not-allowed']),
  'a probe in the inbox of another': frameLie('probe', (scene) => ({ topic: scene.topics.to(scene.guest.id) }), [
    'refused.wrong-topic',
  ]),
  'a probe under another pseudonym': frameLie('probe', () => ({}), ['refused.not-allowed']),
  "a probe on another till's terms": probe({ terminalId: new Uint8Array(32) }, ['refused.not-allowed']),
  'a probe for nothing': probe({ amount: 0 }, ['refused.bad-amount']),
  'a probe that is over': probe({ expiresMs: 1 }, ['refused.expired']),
  'a probe that stays open for years': probe({ expiresMs: Number.MAX_SAFE_INTEGER }, ['refused.from-the-future']),
  'a selection of nobody': frameLie('select', () => ({}), ['refused.not-allowed']),
  'a selection by a guest': frameLie('select', (scene) => ({ sender: scene.guest }), ['refused.not-allowed']),
}

export const LIE_NAMES: readonly string[] = Object.keys(LIES)

/** How a lie is made. */
export function liar(name: string): Lie {
  const lie = LIES[name]
  if (!lie) throw new Error(`no lie is called "${name}"`)
  return lie
}

function vote(kind: VoteEntry['kind'] = VOTE.lock): VoteEntry {
  return { kind, oid: randomReference(), version: 1, od: randomReference() }
}

function statement(scene: Scene, kind: string, bytes: Uint8Array): { at: Place; topic: string; bytes: Uint8Array } {
  return { at: 'member', topic: scene.topics.committee(scene.committee.cid, kind), bytes }
}

/** A certificate or settlement whose votes, or what they are said to be for, were changed. */
function proofLie(
  change: (proofs: readonly VoteProof[], scene: Scene) => readonly VoteProof[],
  entry: Partial<VoteEntry> = {},
  codes: readonly string[] = ['bad-certificate'],
): Lie {
  return (scene, { n }) => {
    const kind = n % 2 === 0 ? VOTE.lock : VOTE.confirm
    const honest = vote(kind)
    const proofs = scene.seats.ballots(honest).map(({ batch, index }) => proofOf(batch, index))
    const body = certificateBody({ ...honest, ...entry }, change(proofs, scene))
    const type = kind === VOTE.lock ? TYPE.certificate : TYPE.settlement
    const bytes = encodeEnvelope({ type, scope: scene.committee.cid, body, signature: NOTHING, attachment: NOTHING })
    const expect = codes.map((code) => `refused.${code}`)
    return { ...statement(scene, kind === VOTE.lock ? 'certificate' : 'settlement', bytes), expect }
  }
}

function onOrders(scene: Scene, order: Order): { at: Place; topic: string; bytes: Uint8Array } {
  return { at: 'member', topic: scene.topics.order, bytes: orderBytes(order) }
}

function crookedOrder(scene: Scene, owner: Person, changes: Partial<OrderFields> = {}): Order {
  const pay = { asset: scene.asset, amount: 1, to: randomReference(), reference: randomReference() }
  return payOrder(scene.net, owner, pay, changes)
}

function guestOrderWith(
  scene: Scene,
  pay: { amount?: number; asset?: Uint8Array },
  fields: Partial<OrderFields>,
): { at: Place; topic: string; bytes: Uint8Array } {
  const honest = { asset: scene.asset, amount: 1, to: randomReference(), reference: randomReference() }
  return onOrders(scene, payOrder(scene.net, scene.guest, { ...honest, ...pay }, fields))
}

function order(
  pay: { amount?: number; asset?: Uint8Array },
  expect: readonly string[],
  fields: Partial<OrderFields> = {},
): Lie {
  return (scene) => ({ ...guestOrderWith(scene, pay, fields), expect, besides: ROOM })
}

function mintBy(
  scene: Scene,
  owner: Person,
  cumulative: number,
  version: number,
  head: Uint8Array,
  to: Uint8Array,
): { at: Place; topic: string; bytes: Uint8Array } {
  const { netId, neighborhood } = scene.net.genesis
  const nonce = assetNonce(scene.asset)
  const standing = { home: neighborhood, owner: owner.id, keyPosition: 0, nonce, version, head: head ?? NO_HEAD }
  const idem = randomReference().slice(0, 16)
  const fields = nextOrder(standing, { kind: 'mint', assetId: scene.asset, cumulative, to }, idem, 1_000)
  return onOrders(scene, signOrder(netId, owner, fields))
}

function frameLie(
  name: FrameName,
  change: (scene: Scene, n: number) => { sender?: Person; topic?: string; payload?: Cbor },
  expect: readonly string[],
): Lie {
  return (scene, { n }) => {
    const { at, sender, terms } = frameOf(scene, name)
    const { sender: other = sender, ...changes } = change(scene, n)
    const frame = { ...terms, ...changes }
    return { at, topic: frame.topic, bytes: scene.speaker(other).frame(frame), expect }
  }
}

function probe(changes: Partial<Terms>, expect: readonly string[]): Lie {
  return (scene, choice) => {
    const payload = (frameOf(scene, 'probe').terms.payload as readonly Cbor[]).with(
      0,
      encodeTerms(termsOf(scene, changes)),
    )
    return frameLie('probe', () => ({ payload }), expect)(scene, choice)
  }
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  return Buffer.from(bytes).indexOf(Buffer.from(part))
}

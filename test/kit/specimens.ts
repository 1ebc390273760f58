/** One valid message of every type, fresh each time, and where it belongs: what attacks are made of. */

import { encodeTerms, type Terms } from '../../src/apps/facepay/terms.ts'
import { orderBytes } from '../../src/consensus/order.ts'
import { batchEnvelope, VOTE } from '../../src/consensus/statement.ts'
import { toHex } from '../../src/core/bytes.ts'
import type { Cbor } from '../../src/core/codec.ts'
import { decode, encode } from '../../src/core/codec.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, signedBytes, TYPE } from '../../src/core/envelope.ts'
import { identityOf } from '../../src/identity/xqident.ts'
import { accountId } from '../../src/ledger/terms.ts'
import type { Place, Scene } from './hostile.ts'
import { randomReference } from './node.ts'
import { makePerson, type Person } from './people.ts'
import { convict, type FrameTerms, payOrder } from './wire.ts'

/** A message that would be taken in as it is. */
export interface Specimen {
  readonly name: string
  readonly at: Place
  readonly topic: string
  readonly bytes: Uint8Array
  /** Who may speak so; null for a statement. */
  readonly sender: Person | null
  readonly terms: FrameTerms | null
}

const FRAMES = {
  need: TYPE.need,
  summary: TYPE.summary,
  heads: TYPE.heads,
  'head-query': TYPE.headQuery,
  'batch-query': TYPE.batchQuery,
  'batch-answer': TYPE.batchAnswer,
  health: TYPE.health,
  checkin: TYPE.checkin,
  answer: TYPE.answer,
  probe: TYPE.probe,
  select: TYPE.select,
} as const
export type FrameName = keyof typeof FRAMES
export const FRAME_NAMES = Object.keys(FRAMES) as FrameName[]

export const STATEMENT_NAMES = ['order', 'votes', 'certificate', 'settlement', 'evidence', 'key-event'] as const
export type StatementName = (typeof STATEMENT_NAMES)[number]
export type SpecimenName = FrameName | StatementName
export const SPECIMEN_NAMES: readonly SpecimenName[] = [...STATEMENT_NAMES, ...FRAME_NAMES]

export function specimen(scene: Scene, name: SpecimenName): Specimen {
  if (isStatement(name)) {
    const { topic, bytes } = statement(scene, name)
    return { name, at: 'member', topic, bytes, sender: null, terms: null }
  }
  const { at, sender, terms } = frameOf(scene, name)
  return { name, at, topic: terms.topic, bytes: scene.speaker(sender).frame(terms), sender, terms }
}

export function isStatement(name: SpecimenName): name is StatementName {
  return STATEMENT_NAMES.includes(name as StatementName)
}

/** Who says what to whom in a frame of that type. */
export function frameOf(scene: Scene, name: FrameName): { at: Place; sender: Person; terms: FrameTerms } {
  const { topics, net, guest, member, till, device } = scene
  const peer = scene.seatPerson(1)
  const oid = randomReference()
  const frame = (at: Place, sender: Person, topic: string, payload: Cbor) => ({
    at,
    sender,
    terms: { type: FRAMES[name], topic, payload },
  })
  const pseudonym = new Uint8Array(16)
  switch (name) {
    case 'need':
      return frame('member', guest, topics.sync, [oid, 1])
    case 'summary':
      return frame('member', guest, topics.sync, [0, new Uint8Array(512)])
    case 'heads':
      return frame('member', peer, topics.to(member.person.id), [0, [[oid, 0]]])
    case 'head-query':
      return frame('member', guest, topics.sync, [oid])
    case 'batch-query':
      return frame('member', peer, topics.sync, [new Uint8Array(16), 0])
    case 'batch-answer':
      return frame('member', peer, topics.to(member.person.id), [new Uint8Array(16), []])
    case 'health':
      return frame('member', peer, topics.health(peer.id), ['specimen', 1, []])
    case 'checkin':
      return frame('till', guest, topics.checkin(till.person.id), [pseudonym, randomReference(), 0, 'vectors 1', []])
    case 'answer':
      return frame('till', guest, topics.to(till.person.id), [oid, pseudonym, randomReference(), new Uint8Array(81)])
    case 'probe': {
      const payload = [
        encodeTerms(termsOf(scene)),
        pseudonym,
        randomReference(),
        randomReference(),
        new Uint8Array(528),
      ]
      return frame('device', net.terminal, topics.to(device.person.id), payload)
    }
    case 'select':
      return frame('device', net.terminal, topics.to(device.person.id), [oid, pseudonym])
  }
}

/** Terms that this net's terminal might set. */
export function termsOf(scene: Scene, changes: Partial<Terms> = {}): Terms {
  const { net, till, asset, world } = scene
  return {
    terminalId: net.terminal.id,
    merchant: till.wallet.account,
    asset,
    amount: 100,
    nonce: randomReference().slice(0, 16),
    expiresMs: world.clock.nowMs() + 60_000,
    ...changes,
  }
}

function statement(scene: Scene, name: StatementName): { topic: string; bytes: Uint8Array } {
  const { topics, committee, seats } = scene
  const vote = { kind: VOTE.lock, oid: randomReference(), version: 1, od: randomReference() }
  const of = (kind: string) => topics.committee(committee.cid, kind)
  switch (name) {
    case 'order':
      return { topic: topics.order, bytes: orderBytes(guestOrder(scene)) }
    case 'votes':
      return { topic: of('vote'), bytes: seats.votes(1, [vote, { ...vote, kind: VOTE.confirm }]) }
    case 'certificate':
      return { topic: of('certificate'), bytes: seats.proof(vote) }
    case 'settlement':
      return { topic: of('settlement'), bytes: seats.proof({ ...vote, kind: VOTE.confirm }) }
    case 'evidence':
      return { topic: of('evidence'), bytes: conviction(scene) }
    case 'key-event': {
      const { inception } = makePerson()
      return { topic: topics.identity(identityOf(decodeEnvelope(inception).body)), bytes: inception }
    }
  }
}

/** The next order of the guest's account. Whoever sends it as it is has it voted for. */
export function guestOrder(scene: Scene, amount = 1): ReturnType<typeof payOrder> {
  const { net, asset, guest } = scene
  return payOrder(net, guest, { asset, amount, to: randomReference(), reference: randomReference() })
}

export function guestAccount({ net, guest }: Scene): Uint8Array {
  return accountId(net.genesis.netId, net.genesis.neighborhood, guest.id)
}

function conviction({ net, committee, asset }: Scene): Uint8Array {
  const crook = makePerson()
  const terms = { asset, amount: 1, to: randomReference() }
  const [one, other] = [randomReference(), randomReference()].map((reference) =>
    payOrder(net, crook, { ...terms, reference }),
  )
  if (!one || !other) throw new Error('two orders')
  return convict(committee, crook, one, other)
}

/** The body, or the attachment, of a statement changed and signed again by whoever may. */
export function resigned(
  scene: Scene,
  name: StatementName,
  change: (value: Cbor) => Cbor,
  attachment = false,
): Specimen {
  const honest = specimen(scene, name)
  const envelope = decodeEnvelope(honest.bytes)
  const bytes = attachment
    ? { ...envelope, attachment: encode(change(decode(envelope.attachment))) }
    : sign(scene, name, { ...envelope, body: encode(change(decode(envelope.body))) })
  const topic = name === 'key-event' ? scene.topics.identity(identityOf(bytes.body)) : honest.topic
  return { ...honest, topic, bytes: encodeEnvelope(bytes) }
}

/** Signs an order as the guest, votes as seat 1, a key event as somebody new; what has no signature of its own stays so. */
export function sign(scene: Scene, name: StatementName, envelope: Envelope): Envelope {
  const message = signedBytes(envelope.type, envelope.scope, envelope.body)
  if (name === 'order') return { ...envelope, signature: scene.guest.sign(message) }
  if (name === 'votes') return { ...envelope, signature: scene.seats.key(1).sign(message) }
  if (name === 'key-event') return { ...envelope, signature: makePerson().sign(message) }
  return envelope
}

/** Bytes of a batch with another tally of entries, or under another seat's name. */
export function forgedBatch(scene: Scene, seat: number, changes: { signer?: number; count?: number }): Uint8Array {
  const entry = { kind: VOTE.lock, oid: randomReference(), version: 1, od: randomReference() }
  const batch = { ...scene.seats.batch(seat, [entry]), ...(changes.count !== undefined && { count: changes.count }) }
  const envelope = batchEnvelope(scene.committee, batch)
  const signer = scene.seats.key(changes.signer ?? seat)
  const signature = signer.sign(signedBytes(envelope.type, envelope.scope, envelope.body))
  return encodeEnvelope({ ...envelope, signature })
}

/** A name for a value in failure messages. */
export function shown(bytes: Uint8Array): string {
  return toHex(bytes.subarray(0, 48))
}

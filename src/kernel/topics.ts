/**
 * Names of topics, and who may use which. A statement's topic follows from its type and scope; a frame carries its topic under its signature.
 *
 *     webx/<net>/<committee>/<kind>                  what a committee says: vote, certificate, settlement, evidence, witness, block, ballot, proof, transaction
 *     webx/<net>/neighborhood/<nid>                  what its members tell each other: who they are, who is there
 *     webx/<net>/neighborhood/<nid>/order            orders of owners who are at home there
 *     webx/<net>/neighborhood/<nid>/sync             what its members are asked, by each other and by others
 *     webx/<net>/neighborhood/<nid>/candidacy        who wants to take part, and with which key
 *     webx/<net>/neighborhood/<nid>/shared           changes of the shared objects that are at home there
 *     webx/<net>/neighborhood/<nid>/hand-over        what ended an epoch, and opened the next
 *     webx/<net>/neighborhood/<nid>/health/<identity> retained  how a node is that takes part there; empty = gone (a hint by the broker, nothing more)
 *     webx/<net>/log/<kind>                          the public log: leaf, checkpoint, cosignature
 *     webx/<net>/id/<identity>           retained    key events, so that strangers' signatures can be checked
 *     webx/<net>/to/<identity>                       frames for one receiver
 *     webx/<net>/checkin/<terminal>                  shoppers' devices at a till
 *     webx/<net>/tag/<identity>                      tag events
 *     webx/<net>/status/<identity>/<list> retained   which of an issuer's pings are revoked
 *     webx/<net>/ring/<terminal>          retained   proof keys of the shoppers enrolled at a till
 *
 * `<net>` and `<committee>` are the first 8 bytes, `<nid>` is all 16, `<identity>` all 32, in hexadecimal. What one neighborhood says does not burden another: every node
 * listens to its own, of the others to hand-overs alone, and to the one public log.
 */

import { homeOfHandOver } from '../consensus/epoch/handover.ts'
import { equal, toHex } from '../core/bytes.ts'
import { type Envelope, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import type { Identified } from './ports.ts'

const COMMITTEE_KINDS: Readonly<Record<number, string>> = {
  [TYPE.voteBatch]: 'vote',
  [TYPE.certificate]: 'certificate',
  [TYPE.settlement]: 'settlement',
  [TYPE.evidence]: 'evidence',
  [TYPE.witness]: 'witness',
  [TYPE.candidate]: 'block',
  [TYPE.ballot]: 'ballot',
  [TYPE.blockCertificate]: 'proof',
  [TYPE.transaction]: 'transaction',
}

const LOG_KINDS: Readonly<Record<number, string>> = {
  [TYPE.leaf]: 'leaf',
  [TYPE.checkpoint]: 'checkpoint',
  [TYPE.cosignature]: 'cosignature',
}

/** What anybody may publish in any neighborhood. */
const OPEN = /^[0-9a-f]{32}\/(order|sync|candidacy|shared)$/

const HEALTH = /^[0-9a-f]{32}\/health\/([0-9a-f]{64})$/

/** Topic names of one neighborhood. */
export class HomeTopics {
  /** What its members tell each other. */
  readonly prefix: string

  constructor(net: string, nid: Uint8Array) {
    this.prefix = `${net}/neighborhood/${toHex(nid)}`
  }

  get order(): string {
    return `${this.prefix}/order`
  }

  get sync(): string {
    return `${this.prefix}/sync`
  }

  get candidacy(): string {
    return `${this.prefix}/candidacy`
  }

  get shared(): string {
    return `${this.prefix}/shared`
  }

  get handOver(): string {
    return `${this.prefix}/hand-over`
  }

  /** How one of its nodes is, or all of them. */
  health(id: Uint8Array | '+'): string {
    return `${this.prefix}/health/${id === '+' ? id : toHex(id)}`
  }
}

/** All topic names of one net, as a node of one of its neighborhoods uses them. */
export class Topics {
  readonly prefix: string
  readonly order: string
  readonly sync: string
  readonly candidacy: string
  readonly shared: string
  readonly handOver: string
  readonly #netId: Uint8Array
  readonly #own: HomeTopics

  /** @param nid 16-byte id of the neighborhood that is meant where none is named */
  constructor(netId: Uint8Array, nid: Uint8Array) {
    this.#netId = netId
    this.prefix = `webx/${toHex(netId.subarray(0, 8))}`
    const own = this.at(nid)
    this.#own = own
    this.order = own.order
    this.sync = own.sync
    this.candidacy = own.candidacy
    this.shared = own.shared
    this.handOver = own.handOver
  }

  /** Of the neighborhood with this 16-byte id. */
  at(nid: Uint8Array): HomeTopics {
    return new HomeTopics(this.prefix, nid)
  }

  /** Of the public log, one kind or all. */
  log(kind = '+'): string {
    return `${this.prefix}/log/${kind}`
  }

  identity(id: Uint8Array): string {
    return `${this.prefix}/id/${toHex(id)}`
  }

  health(id: Uint8Array): string {
    return this.#own.health(id)
  }

  /** Whose health a topic carries, in whatever neighborhood: the identity in hexadecimal; null for other topics. */
  nodeOfHealth(topic: string): string | null {
    const homes = `${this.prefix}/neighborhood/`
    return topic.startsWith(homes) ? (HEALTH.exec(topic.slice(homes.length))?.[1] ?? null) : null
  }

  /** What the members of the neighborhood with this 16-byte id tell each other. */
  neighborhood(nid: Uint8Array): string {
    return this.at(nid).prefix
  }

  to(id: Uint8Array): string {
    return `${this.prefix}/to/${toHex(id)}`
  }

  checkin(terminalId: Uint8Array): string {
    return `${this.prefix}/checkin/${toHex(terminalId)}`
  }

  tag(id: Uint8Array): string {
    return `${this.prefix}/tag/${toHex(id)}`
  }

  /** Of a status list of an issuer; `listId` has 16 bytes. */
  status(issuer: Uint8Array, listId: Uint8Array): string {
    return `${this.prefix}/status/${toHex(issuer)}/${toHex(listId)}`
  }

  ring(terminalId: Uint8Array): string {
    return `${this.prefix}/ring/${toHex(terminalId)}`
  }

  /** Filter of everything that one committee says, or one kind of it. */
  committee(committeeDigest: Uint8Array, kind = '+'): string {
    return `${this.prefix}/${toHex(committeeDigest.subarray(0, 8))}/${kind}`
  }

  /** The one topic that a statement may travel on; for key events, tag events and rings `owner` is the identity they are of. Throws `unknown-type`, `wrong-net`. */
  ofStatement(envelope: Envelope, owner?: Uint8Array): string {
    const kind = COMMITTEE_KINDS[envelope.type]
    if (kind) return this.committee(envelope.scope, kind)
    const logged = LOG_KINDS[envelope.type]
    if (logged) return this.log(logged)
    if (envelope.type === TYPE.order) {
      if (!equal(envelope.scope, this.#netId)) throw new WebxError('wrong-net', 'order of another net')
      return this.order
    }
    if (envelope.type === TYPE.candidacy) return this.candidacy
    if (envelope.type === TYPE.sharedChange) return this.shared
    if (envelope.type === TYPE.handOver) return this.at(homeOfHandOver(envelope)).handOver
    if (envelope.type === TYPE.keyEvent && owner) return this.identity(owner)
    if (envelope.type === TYPE.tagEvent && owner) return this.tag(owner)
    if (envelope.type === TYPE.ring && owner) return this.ring(owner)
    throw new WebxError('unknown-type', `statement type ${envelope.type} does not travel by topic`)
  }
}

/**
 * Whether a client of the embedded broker may publish on a topic. Members may speak for the committee; everyone may order, introduce himself,
 * answer, and check in. This is flood control: what is said is judged by its signature, not by the broker.
 */
export function mayPublish(topics: Topics, client: Identified, topic: string, retain: boolean): boolean {
  const own = isOwnRetained(topics, client.id, topic)
  if (retain && !own) return false
  if (own || topic === topics.tag(client.id) || isOpen(topics, topic)) return true
  if (topic.startsWith(`${topics.prefix}/to/`) || topic.startsWith(`${topics.prefix}/checkin/`)) return true
  return (
    client.rank === 'member' &&
    topic.startsWith(`${topics.prefix}/`) &&
    !topic.startsWith(`${topics.prefix}/id/`) &&
    topics.nodeOfHealth(topic) === null
  )
}

function isOpen(topics: Topics, topic: string): boolean {
  const homes = `${topics.prefix}/neighborhood/`
  if (topic === topics.log('leaf')) return true
  return topic.startsWith(homes) && OPEN.test(topic.slice(homes.length))
}

/** Topics on which an identity's newest word stays. */
function isOwnRetained(topics: Topics, id: Uint8Array, topic: string): boolean {
  if (topic === topics.identity(id) || topics.nodeOfHealth(topic) === toHex(id) || topic === topics.ring(id))
    return true
  return topic.startsWith(`${topics.prefix}/status/${toHex(id)}/`)
}

/** Whether a client may subscribe: anything in its net except other people's inboxes and who checks in with them. */
export function maySubscribe(topics: Topics, client: Identified, filter: string): boolean {
  if (!filter.startsWith(`${topics.prefix}/`)) return false
  const inbox = `${topics.prefix}/to/`
  const third = filter.split('/')[2]
  if (third === '+' || third === '#') return false
  if (filter.startsWith(`${topics.prefix}/checkin/`)) return filter === topics.checkin(client.id)
  return !filter.startsWith(inbox) || filter === topics.to(client.id)
}

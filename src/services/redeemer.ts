/**
 * The holder's side of redeeming: asks a server for a challenge, answers it with this node's key, and fetches what is granted.
 *
 * Over a broker that loses, repeats and reorders every step is asked again until it is answered; a request stays the same bytes, so that the server answers it once. What comes
 * is believed only where the server of the ping signed it, and content only where it is what the owner (a file) or the server (a range) put a root to.
 */

import { equal, toHex } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { readPresentation } from '../data/presentation.ts'
import { encodeAsk, type GrantBody, type RedeemGrant, type RedeemVerdict, readVerdict } from '../data/redeem-answer.ts'
import {
  queryPayload,
  type RedeemAnswer,
  type RedeemChallenge,
  readBlock,
  readNoticeFrame,
  readRedeemAnswer,
  readRedeemChallenge,
  redeemPayload,
} from '../data/redeem-frames.ts'
import { openAnswer, sealRequest, type WayBack } from '../data/redeem-seal.ts'
import { encodeRedemption, redemptionMessage } from '../data/redemption.ts'
import type { Operation } from '../data/rights.ts'
import type { Context, Service } from '../kernel/context.ts'
import type { Decision, Lane, Message } from '../kernel/lane.ts'
import { type KeptNotice, type Redeemed, type Redeeming, type RedeemOrder, RedeemRefused } from '../kernel/redeeming.ts'
import { Exchanges, gaveUp } from './redeemer-exchange.ts'
import { Fetch } from './redeemer-fetch.ts'
import { bytesToFetch, openFetched, type ReadGrant, type RedeemerParts } from './redeemer-receive.ts'
import { Watching } from './redeemer-watching.ts'

const LIFETIME_MS = 30_000
const NOTHING = new Uint8Array(0)

/** Redeems pings at other nodes. */
export class Redeemer implements Redeeming, Service, Lane {
  readonly types: readonly number[] = [TYPE.vaultChallenge, TYPE.vaultAnswer, TYPE.vaultBlock, TYPE.vaultNotice]
  readonly #context: Context
  readonly #parts: RedeemerParts
  readonly #exchanges: Exchanges
  readonly #fetches = new Map<string, { readonly server: Uint8Array; readonly fetch: Fetch }>()
  readonly #watching: Watching

  constructor(context: Context, parts: RedeemerParts) {
    this.#context = context
    this.#parts = parts
    this.#exchanges = new Exchanges(context, (server, type, payload) => this.#send(server, type, payload))
    this.#watching = new Watching(context, parts.agreement)
    context.road.lay(this)
  }

  async start(): Promise<void> {
    const { link, topics, keys } = this.#context
    this.#watching.restore()
    await link.subscribe(topics.to(keys.id))
  }

  async stop(): Promise<void> {
    const stopped = new WebxError('stopped', 'this node is stopped')
    this.#exchanges.abandon(stopped)
    for (const { fetch } of this.#fetches.values()) fetch.abandon(stopped)
  }

  notices(): Iterable<KeptNotice> {
    return this.#watching.notices()
  }

  onNotice(listen: Parameters<Redeeming['onNotice']>[0]): () => void {
    return this.#watching.onNotice(listen)
  }

  async redeem(order: RedeemOrder, timeoutMs: number): Promise<Redeemed> {
    const { ping } = readPresentation(order.presentation)
    const server = ping.audience
    if (equal(server, this.#context.keys.id)) {
      throw new WebxError('bad-argument', 'this ping is redeemed at this very node, which can read its files itself')
    }
    if (order.request.operation === 'read' && !order.target) {
      throw new WebxError('bad-argument', 'what is read needs a place to go to')
    }
    const endMs = this.#context.clock.monotonicMs() + Math.min(timeoutMs, LIMITS.vaultRequestMsMax)
    const { verdict, back } = await this.#askTwice(order, server, endMs)
    try {
      if (order.signal?.aborted) throw gaveUp()
      if (!verdict.isGranted) throw new RedeemRefused(verdict)
      if (verdict.operation !== order.request.operation) {
        throw new WebxError('tampered', 'the server has granted something else than was asked for')
      }
      if (verdict.fileVersion < ping.fileVersionFrom) {
        throw new WebxError('wrong-version', 'the server has granted an older version than the ping is for')
      }
      return await this.#receive(order, { server, dataId: ping.dataId }, verdict, back)
    } finally {
      back.wipe()
    }
  }

  authorize(message: Message): void {
    const { topics, keys } = this.#context
    if (message.topic !== topics.to(keys.id)) throw new WebxError('wrong-topic', 'answers come to one’s own inbox')
  }

  decide(message: Message): Decision | null {
    const { sender, payload } = message.frame as NonNullable<Message['frame']>
    const { type } = message.envelope
    if (type === TYPE.vaultNotice) return this.#watching.take(sender, readNoticeFrame(payload))
    if (type === TYPE.vaultBlock) this.#takeBlock(sender, payload)
    else {
      const read = type === TYPE.vaultChallenge ? readRedeemChallenge : readRedeemAnswer
      this.#exchanges.answered(sender, type, read(payload))
    }
    return null
  }

  /** An answer that was too late for its challenge, or to a server that started anew, is asked for once more. */
  async #askTwice(order: RedeemOrder, server: Uint8Array, endMs: number): Promise<Asked> {
    const first = await this.#ask(order, server, endMs)
    if (first && (first.verdict.isGranted || first.verdict.code !== 'stale-challenge')) return first
    first?.back.wipe()
    const second = await this.#ask(order, server, endMs)
    if (second) return second
    throw new WebxError('unreachable', 'the server forgets its keys as fast as it hands them out')
  }

  /** Null where the server could not open the request. */
  async #ask(order: RedeemOrder, server: Uint8Array, endMs: number): Promise<Asked | null> {
    const { keys, netId, random } = this.#context
    const question = random.bytes(16)
    const { challenge, sealKey } = (await this.#exchanges.ask(
      { server, nonce: question, type: TYPE.vaultQuery, payload: queryPayload(question), answer: TYPE.vaultChallenge },
      endMs,
      order.signal,
    )) as RedeemChallenge
    const nonce = random.bytes(16)
    const { enc, sealed, back } = await this.#sealed(
      order,
      challenge,
      sealKey,
      { netId, server, holder: keys.id },
      nonce,
    )
    const payload = redeemPayload({ nonce, enc, sealed })
    const sent = { server, nonce, type: TYPE.vaultRedeem, payload, answer: TYPE.vaultAnswer }
    let asked: Asked | null = null
    try {
      const answer = (await this.#exchanges.ask(sent, endMs, order.signal)) as RedeemAnswer
      if (answer.sealed.length > 0) {
        asked = { verdict: readVerdict(openAnswer(answer.sealed, back, answer.salt)), back }
      }
      return asked
    } finally {
      if (!asked) back.wipe()
    }
  }

  async #sealed(
    { presentation, request, question = NOTHING, override = NOTHING }: RedeemOrder,
    challenge: Uint8Array,
    sealKey: Uint8Array,
    place: Parameters<typeof sealRequest>[3],
    nonce: Uint8Array,
  ): Promise<ReturnType<typeof sealRequest>> {
    const { keys } = this.#context
    const { digest } = readPresentation(presentation)
    const signature = await keys.sign(redemptionMessage(challenge, digest, request))
    const redemption = encodeRedemption({ challenge, presentation, request, signature })
    const ephemeral = keys.ephemeral()
    try {
      return sealRequest(encodeAsk({ redemption, question, override }), sealKey, ephemeral, place, nonce)
    } finally {
      ephemeral.wipe()
    }
  }

  #send(server: Uint8Array, type: number, payload: Cbor): void {
    const { road, topics, log } = this.#context
    road
      .run(() => ({ emit: [{ topic: topics.to(server), type, payload, lifetimeMs: LIFETIME_MS }] }))
      .catch((error: unknown) => log.debug({ error }, 'a request could not be sent'))
  }

  #takeBlock(sender: Uint8Array, payload: Cbor): void {
    const block = readBlock(payload)
    const fetching = this.#fetches.get(toHex(block.ticket))
    if (fetching && equal(fetching.server, sender)) fetching.fetch.take(block)
  }

  async #receive(order: RedeemOrder, from: Source, granted: RedeemGrant, back: WayBack): Promise<Redeemed> {
    const { operation, fileVersion, digest, statusAgeMs, hidden, body } = granted
    const told = { operation, fileVersion, digest, statusAgeMs, hidden }
    if (!KINDS[operation].includes(body.kind)) {
      throw new WebxError('tampered', 'the server has granted something else than was asked for')
    }
    switch (body.kind) {
      case 'payload':
        return { ...told, payload: body.payload }
      case 'proof':
        return { ...told, answer: body.answer }
      case 'watch':
        await this.#watching.begin(from.server, from.dataId, body.untilMs, fileVersion)
        return { ...told, untilMs: body.untilMs }
      default:
        return {
          ...told,
          content: await this.#fetched(order, from.server, { dataId: from.dataId, granted, body }, back),
        }
    }
  }

  async #fetched(
    { target: open, onProgress = () => {}, signal }: RedeemOrder,
    server: Uint8Array,
    grant: ReadGrant,
    { blockKey }: WayBack,
  ): Promise<NonNullable<Redeemed['content']>> {
    if (!open) throw new WebxError('bad-argument', 'what is read needs a place to go to')
    const target = await open()
    const fetch = new Fetch({
      ...{ ticket: grant.body.ticket, bytes: bytesToFetch(grant), target, blockKey, onProgress },
      schedule: this.#context.schedule,
      send: (payload) => this.#send(server, TYPE.vaultFetch, payload),
    })
    this.#fetches.set(fetch.name, { server, fetch })
    const abandon = (): void => fetch.abandon(gaveUp())
    signal?.addEventListener('abort', abandon, { once: true })
    try {
      fetch.start()
      await fetch.done
      return await openFetched(this.#parts, grant, target)
    } finally {
      signal?.removeEventListener('abort', abandon)
      this.#fetches.delete(fetch.name)
      await target.discard()
    }
  }
}

/** What answers an operation. */
const KINDS: Readonly<Record<Operation, readonly GrantBody['kind'][]>> = {
  read: ['file', 'range'],
  derive: ['payload'],
  aggregate: ['payload'],
  verify: ['proof'],
  notify: ['watch'],
}

/** Where a grant comes from. */
interface Source {
  readonly server: Uint8Array
  readonly dataId: Uint8Array
}

/** An answer, and the secrets that came with its request. */
interface Asked {
  readonly verdict: RedeemVerdict
  readonly back: WayBack
}

/**
 * What a demonstration shows to be refused: real hostile messages on the real wire, and the code by which the node that they were meant for turned them down.
 */

import type { WebxNode } from '../boot.ts'
import { type Order, orderBody, orderBytes, orderEnvelope, orderSignedBytes, readOrder } from '../consensus/order.ts'
import type { Cbor } from '../core/codec.ts'
import { decodeEnvelope, encodeEnvelope, signedBytes, TYPE } from '../core/envelope.ts'
import { decodeFrame, encodeFrame } from '../core/frame.ts'
import type { Keys } from '../kernel/ports.ts'
import { encodeOperation } from '../ledger/payment.ts'
import { accountNonce, NO_HEAD, nextOrder } from '../ledger/terms.ts'

/** One attempt and what became of it; `code` is '' where nobody refused it, which fails the demonstration. */
export interface Refused {
  readonly case: 'replayed-probe' | 'double-order' | 'expired' | 'tampered' | 'unknown-sender'
  readonly code: string
}

/** Whom and with what the attacks are made. */
export interface AttackGround {
  /** A terminal that turned dishonest. */
  readonly terminal: WebxNode
  /** A shopper's device that answered a probe of that terminal. */
  readonly device: WebxNode
  /** The PROBE message that it answered, as it was on the wire. */
  readonly probe: Uint8Array
  /** A node whose keys sign what no honest wallet would; it has an account with `funds` of the first asset. */
  readonly cheat: WebxNode
  /** A connected node that never introduced itself. */
  readonly stranger: { readonly keys: Keys; publish(topic: string, bytes: Uint8Array): Promise<void> }
  /** Where a refused order shows. */
  readonly member: WebxNode
}

const WAIT_MS = 5_000
const FRAME_LIFETIME_MS = 10_000

/** Makes every attack once, one after the other. */
export async function attackAll(ground: AttackGround): Promise<Refused[]> {
  return [
    await replayProbe(ground),
    await doubleOrder(ground),
    await expired(ground),
    await tamper(ground),
    await unknownSender(ground),
  ]
}

/** The terminal shows a probe that it showed before, under a new signature: the shopper is not there any more. */
async function replayProbe({ terminal, device, probe }: AttackGround): Promise<Refused> {
  const { topic, payload } = decodeFrame(decodeEnvelope(probe))
  const code = await refusalOf(device, ['replayed-probe'], () => sendFrame(terminal, topic, payload))
  return { case: 'replayed-probe', code }
}

/** The terminal binds a probe that it saw to other terms. */
async function tamper({ terminal, device, probe }: AttackGround): Promise<Refused> {
  const { topic, payload } = decodeFrame(decodeEnvelope(probe))
  const [terms, ...rest] = payload as readonly Cbor[]
  const other = (terms as Uint8Array).slice()
  // the nonce lies before the nine bytes of the expiry
  const at = other.length - 10
  other[at] = (other[at] as number) ^ 1
  const code = await refusalOf(device, ['tampered'], () => sendFrame(terminal, topic, [other, ...rest]))
  return { case: 'tampered', code }
}

/** A frame whose time is over. */
async function expired({ terminal, device, probe }: AttackGround): Promise<Refused> {
  const { topic, payload } = decodeFrame(decodeEnvelope(probe))
  const { keys, clock, netId, link } = terminal.context
  const sentMs = clock.nowMs() - 2 * FRAME_LIFETIME_MS
  const bytes = await signFrame(keys, netId, { sentMs, boot: 1_000_000, sequence: 1, topic, payload })
  const code = await refusalOf(device, ['expired'], () => link.publish(topic, bytes))
  return { case: 'expired', code }
}

/** Somebody whom nobody knows. */
async function unknownSender({ stranger, device, probe }: AttackGround): Promise<Refused> {
  const { topic, payload } = decodeFrame(decodeEnvelope(probe))
  const { netId, clock } = device.context
  const frame = { sentMs: clock.nowMs(), boot: 1, sequence: 1, topic, payload }
  const bytes = await signFrame(stranger.keys, netId, frame)
  const code = await refusalOf(device, ['unknown-sender'], () => stranger.publish(topic, bytes))
  return { case: 'unknown-sender', code }
}

/** An owner signs two orders for one version of its account. */
async function doubleOrder({ cheat, member, terminal, device }: AttackGround): Promise<Refused> {
  const one = await payAll(cheat, terminal.wallet.account)
  const other = await payAll(cheat, device.wallet.account)
  const evidence = new Promise<void>((resolve) => {
    const unhear = member.context.events.on('evidence', ({ kind }) => {
      if (kind !== 'double-order') return
      unhear()
      resolve()
    })
  })
  const code = await refusalOf(member, ['order.refused.double-order'], async () => {
    for (const order of [one, other]) await cheat.context.link.publish(cheat.context.topics.order, orderBytes(order))
  })
  const convicted = await Promise.race([evidence.then(() => true), pause(cheat, WAIT_MS).then(() => false)])
  return { case: 'double-order', code: convicted ? code.replace('order.refused.', '') : '' }
}

async function payAll(cheat: WebxNode, to: Uint8Array): Promise<Order> {
  const { keys, genesis, netId, random } = cheat.context
  const [asset] = cheat.assets.all
  const view = cheat.agreed.register.object(cheat.wallet.account)
  const standing = {
    home: genesis.neighborhood,
    owner: keys.id,
    keyPosition: keys.position,
    nonce: accountNonce(),
    version: view?.certified ?? 0,
    head: view?.head ?? NO_HEAD,
  }
  const assetId = asset?.id ?? new Uint8Array(32)
  const nothing = new Uint8Array(0)
  const amount = cheat.wallet.balance(assetId)
  const operation = {
    kind: 'pay',
    assetId,
    amount,
    to,
    reference: random.bytes(32),
    refundOf: nothing,
    memo: nothing,
  } as const
  const terms = nextOrder(standing, operation, random.bytes(16), 1)
  const body = orderBody({ ...terms, op: encodeOperation(operation) })
  return readOrder(orderEnvelope(netId, body, await keys.sign(orderSignedBytes(netId, body))))
}

function sendFrame(node: WebxNode, topic: string, payload: Cbor): Promise<void> {
  return node.context.road.run(() => ({ emit: [{ topic, type: TYPE.probe, payload, lifetimeMs: FRAME_LIFETIME_MS }] }))
}

interface FrameParts {
  readonly sentMs: number
  readonly boot: number
  readonly sequence: number
  readonly topic: string
  readonly payload: Cbor
}

async function signFrame(keys: Keys, netId: Uint8Array, parts: FrameParts): Promise<Uint8Array> {
  const body = encodeFrame({ ...parts, sender: keys.id, expiresMs: parts.sentMs + FRAME_LIFETIME_MS })
  const signature = await keys.sign(signedBytes(TYPE.probe, netId, body))
  return encodeEnvelope({ type: TYPE.probe, scope: netId, body, signature, attachment: new Uint8Array(0) })
}

/** The first of `codes` whose count rises at the node after the attack; '' where none does in time. */
async function refusalOf(node: WebxNode, codes: readonly string[], attack: () => Promise<void>): Promise<string> {
  const names = codes.map((code) => (code.includes('.') ? code : `refused.${code}`))
  const before = node.context.counters.read()
  await attack()
  for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += 20) {
    const now = node.context.counters.read()
    const at = names.findIndex((name) => (now[name] ?? 0) > (before[name] ?? 0))
    if (at >= 0) return codes[at] as string
    await pause(node, 20)
  }
  return ''
}

function pause(node: WebxNode, delayMs: number): Promise<void> {
  return new Promise((resume) => void node.context.clock.after(delayMs, resume))
}

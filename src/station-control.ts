/**
 * What the owner of a running station may ask of it through its control socket, and the answers as JSON.
 */

import type { Device } from './apps/facepay/device.ts'
import type { Terminal } from './apps/facepay/terminal.ts'
import type { WebxNode } from './boot.ts'
import { fromHex, toBase64url, toHex } from './core/bytes.ts'
import { WebxError } from './core/errors.ts'
import type { ControlCall, ControlMethod } from './drivers/control-socket.ts'
import type { Profile } from './kernel/profile.ts'
import { signReceipt } from './kernel/receipt.ts'
import type { Asset } from './ledger/asset.ts'
import { openModel } from './station-drivers.ts'

/** The parts that answer. */
export interface ControlParts {
  readonly node: WebxNode
  readonly profile: Profile
  readonly terminal: Terminal | null
  readonly device: Device | null
}

/** All methods; each throws `not-allowed` on a station that lacks the part it is about. */
export function controlMethods(parts: ControlParts): Readonly<Record<string, ControlMethod>> {
  return {
    status: async () => status(parts),
    pay: (call) => pay(parts, call),
    payment: async ({ params }) => payment(parts, params),
    issue: ({ params }) => issue(parts, params),
    enrol: ({ params }) => enrol(parts, params),
    checkin: async ({ params }) => {
      await needed(parts.device, 'device').checkIn(fromHex(textOf(params, 'terminal')))
      return {}
    },
    checkout: async () => {
      await needed(parts.device, 'device').checkOut()
      return {}
    },
    probes: async () => needed(parts.device, 'device').probeLog().map(jsonOf),
  }
}

function status({ node, terminal, device }: ControlParts): unknown {
  const { context, wallet, assets, agreed, presence, link } = node
  return {
    id: toHex(context.keys.id),
    account: toHex(wallet.account),
    link: link.state,
    seatsUp: presence.seatsUp(),
    quorum: agreed.committee.quorum,
    voting: agreed.voting,
    balances: Object.fromEntries(assets.all.map((asset) => [asset.code, decimal(wallet.balance(asset.id), asset)])),
    ...(terminal && { checkins: terminal.checkins().length }),
    ...(device && { enrolled: device.hasTemplate, checkedIn: device.checkedInAt !== null }),
    counters: context.counters.read(),
  }
}

async function pay({ node, profile, terminal }: ControlParts, call: ControlCall): Promise<unknown> {
  const till = needed(terminal, 'terminal')
  const asset = assetOf(node, textOf(call.params, 'asset', profile.terminal.asset))
  const amount = smallestUnits(textOf(call.params, 'amount'), asset)
  const progress = (stage: string, reference: Uint8Array): void => call.progress({ stage, reference: toHex(reference) })
  const paid = await till.takePayment({ amount, asset: asset.id, signal: call.signal, progress })
  const { shopper, locks, confirms, msCapture, msMatch, msSettle, reference } = paid
  return {
    grade: 'SETTLED',
    shopper,
    amount: decimal(amount, asset),
    asset: asset.code,
    locks,
    confirms,
    msCapture: Math.round(msCapture),
    msMatch: Math.round(msMatch),
    msSettle: Math.round(msSettle),
    reference: toHex(reference),
    receipt: await receiptOf(node, reference),
  }
}

/** What became of a payment: it may have settled after its terminal stopped waiting. */
async function payment({ node, terminal }: ControlParts, params: unknown): Promise<unknown> {
  const reference = fromHex(textOf(params, 'reference'))
  const entry = needed(terminal, 'terminal').payment(reference)
  if (!entry) throw new WebxError('bad-argument', 'this terminal knows of no such payment')
  return { state: entry.state, receipt: await receiptOf(node, reference) }
}

async function receiptOf(node: WebxNode, reference: Uint8Array): Promise<string | null> {
  const { context, wallet } = node
  const settled = wallet.settled(reference)
  if (!settled) return null
  return toBase64url(await signReceipt(context.genesis, context.keys, settled, context.clock.nowMs()))
}

async function issue({ node }: ControlParts, params: unknown): Promise<unknown> {
  const asset = assetOf(node, textOf(params, 'asset'))
  const amount = smallestUnits(textOf(params, 'amount'), asset)
  await node.wallet.issue(asset, amount, fromHex(textOf(params, 'to')))
  return { amount: decimal(amount, asset), asset: asset.code }
}

async function enrol({ profile, device }: ControlParts, params: unknown): Promise<unknown> {
  const own = needed(device, 'device')
  const photos = (params as { photos?: unknown } | null)?.photos
  if (!Array.isArray(photos) || !photos.every((path) => typeof path === 'string')) {
    throw new WebxError('bad-argument', 'enrolling takes a list of photographs')
  }
  const { readImage } = await import('./drivers/camera-still.ts')
  const model = await openModel(profile)
  try {
    const images = []
    for (const path of photos) images.push(await readImage(path, { sideMax: 1_920 }))
    return { templates: await own.enrol(images, model) }
  } finally {
    await model.close()
  }
}

function needed<T>(part: T | null, role: string): T {
  if (part) return part
  throw new WebxError('not-allowed', `this node is no ${role}`, { hint: `Add "${role}" to roles in its profile.` })
}

function textOf(params: unknown, name: string, otherwise = ''): string {
  const value = (params as Record<string, unknown> | null)?.[name] ?? otherwise
  if (typeof value === 'string' && value !== '') return value
  throw new WebxError('bad-argument', `"${name}" is missing`)
}

function assetOf(node: WebxNode, code: string): Asset {
  const asset = node.assets.byCode(code)
  if (asset) return asset
  const known = node.assets.all.map((each) => each.code).join(', ')
  throw new WebxError('unknown-asset', `this net has no asset "${code}"`, { hint: `It has: ${known || 'none'}.` })
}

/** `4.20` of an asset with two decimals is 420. Throws `bad-amount`. */
function smallestUnits(text: string, asset: Asset): number {
  const [, whole = '', fraction = ''] = /^(\d{1,15})(?:\.(\d+))?$/.exec(text) ?? []
  const amount = Number(whole + fraction.padEnd(asset.decimals, '0'))
  if (whole === '' || fraction.length > asset.decimals || !Number.isSafeInteger(amount) || amount < 1) {
    throw new WebxError('bad-amount', `"${text}" is no amount of ${asset.code}`, {
      hint: `Write it with at most ${asset.decimals} decimals, such as ${decimal(1, asset)}.`,
    })
  }
  return amount
}

function decimal(amount: number, asset: Asset): string {
  if (asset.decimals === 0) return String(amount)
  const digits = String(amount).padStart(asset.decimals + 1, '0')
  return `${digits.slice(0, -asset.decimals)}.${digits.slice(-asset.decimals)}`
}

/** Byte strings as hexadecimal. */
function jsonOf(entry: object): unknown {
  return Object.fromEntries(
    Object.entries(entry).map(([name, value]) => [name, value instanceof Uint8Array ? toHex(value) : value]),
  )
}

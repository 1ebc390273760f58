/**
 * What the owner of a running station may ask of it through its control socket, and the answers as JSON.
 */

import type { Device } from './apps/facepay/device.ts'
import type { Terminal } from './apps/facepay/terminal.ts'
import type { TillEntry } from './apps/facepay/till.ts'
import type { WebxNode } from './boot.ts'
import { readOrder } from './consensus/order.ts'
import { equal, fromHex, toBase64url, toHex } from './core/bytes.ts'
import { decodeEnvelope } from './core/envelope.ts'
import { WebxError } from './core/errors.ts'
import type { ControlCall, ControlMethod } from './drivers/control-socket.ts'
import { labelOf } from './identity/xqident.ts'
import type { SettledPayment } from './kernel/ports.ts'
import type { Profile } from './kernel/profile.ts'
import { signReceipt } from './kernel/receipt.ts'
import type { Asset } from './ledger/asset.ts'
import { operationOf } from './ledger/rules.ts'
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
    awaitPayment: (call) => awaitPayment(parts, call),
    cancelPayment: async ({ params }) => cancelPayment(parts, params),
    issue: (call) => issue(parts, call),
    enrol: ({ params }) => enrol(parts, params),
    forget: async () => {
      await needed(parts.device, 'device').forget()
      return {}
    },
    checkin: async ({ params }) => {
      const device = needed(parts.device, 'device')
      const terminal = terminalOf(parts.node, textOf(params, 'terminal'))
      const isAnonymous = (params as { anonymous?: unknown } | null)?.anonymous === true
      const among = await device.checkIn(terminal.id, undefined, isAnonymous ? 'anonymous' : 'named')
      return { terminal: terminal.label, id: toHex(terminal.id), ...(among !== null && { among }) }
    },
    checkout: async () => {
      await needed(parts.device, 'device').checkOut()
      return {}
    },
    probes: async ({ params }) => probes(parts, params),
  }
}

/** Most entries of the probe log in one answer: what fits a line. */
const PROBES_MAX = 200
/** How long an issue may take to settle. */
const ISSUE_MS_MAX = 30_000
/** How long one question may wait for a payment. */
const AWAIT_MS_MAX = 3_600_000

function status({ node, terminal, device }: ControlParts): unknown {
  const { context, wallet, assets, agreed, presence, link, posts } = node
  const { keys, directory } = context
  const acting = directory.keyOf(keys.id)
  return {
    id: toHex(keys.id),
    keyLog: directory.stateOf(keys.id)?.position ?? 0,
    keyActs: acting === null || equal(acting, keys.publicKey),
    account: toHex(wallet.account),
    address: addressOf(node),
    link: link.state,
    seatsUp: presence.seatsUp(),
    quorum: agreed.committee.quorum,
    voting: posts.post.agreed.voting,
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
    receipt: await receiptOf(node, paid),
  }
}

/** What became of a payment: it may have settled after its terminal stopped waiting. */
async function payment({ node, terminal }: ControlParts, params: unknown): Promise<unknown> {
  const till = needed(terminal, 'terminal')
  const { reference, state, terms, startedMs, shopperId } = entryOf(till, params)
  const asset = node.assets.all.find(({ id }) => equal(id, terms.asset))
  return {
    reference: toHex(reference),
    state,
    amount: asset ? decimal(terms.amount, asset) : String(terms.amount),
    asset: asset?.code ?? toHex(terms.asset),
    startedMs,
    shopper: shopperId.length > 0 ? labelOf(shopperId) : null,
    receipt: state === 'settled' ? await receiptOf(node, await till.whenSettled(reference, 0)) : null,
  }
}

/** Answers like `payment` once it is settled. Throws `timeout`, `not-settled` for one that nobody may pay any more. */
async function awaitPayment(parts: ControlParts, { params, signal }: ControlCall): Promise<unknown> {
  const till = needed(parts.terminal, 'terminal')
  const timeoutMs = (params as { timeoutMs?: unknown } | null)?.timeoutMs
  if (!Number.isSafeInteger(timeoutMs) || (timeoutMs as number) < 0 || (timeoutMs as number) > AWAIT_MS_MAX) {
    throw new WebxError('bad-argument', `expected to wait for 0 to ${AWAIT_MS_MAX} ms`)
  }
  await till.whenSettled(entryOf(till, params).reference, timeoutMs as number, signal)
  return payment(parts, params)
}

/** Closes an open payment; once more is no error. Throws `not-allowed` for one that is settled. */
async function cancelPayment(parts: ControlParts, params: unknown): Promise<unknown> {
  const till = needed(parts.terminal, 'terminal')
  await till.giveUp(entryOf(till, params).reference)
  if (entryOf(till, params).state === 'settled') throw new WebxError('not-allowed', 'this payment is settled')
  return payment(parts, params)
}

function entryOf(till: Terminal, params: unknown): TillEntry {
  const entry = till.payment(fromHex(textOf(params, 'reference')))
  if (entry) return entry
  throw new WebxError('bad-argument', 'this terminal knows of no such payment', {
    hint: 'webx pay says the whole reference where a payment stays open.',
  })
}

async function receiptOf(
  { context }: WebxNode,
  paid: Pick<SettledPayment, 'order' | 'settlement' | 'orderDigest'>,
): Promise<string> {
  return toBase64url(await signReceipt(context.genesis, context.keys, paid, context.clock.nowMs()))
}

/** Answers when the money has arrived; for an account of another home, when it has left for there, by way of the issuer's own account. */
async function issue({ node }: ControlParts, { params, signal }: ControlCall): Promise<unknown> {
  const { wallet, context } = node
  const asset = assetOf(node, textOf(params, 'asset'))
  const amount = smallestUnits(textOf(params, 'amount'), asset)
  const text = textOf(params, 'to')
  const { account: to, home } = readAddress(node, text)
  const isAbroad = !equal(home, context.genesis.neighborhood)
  const first = isAbroad ? wallet.account : to
  const arrival = arrivalOf(node, asset, first, signal)
  try {
    await wallet.issue(asset, amount, first)
    await arrival.settled
  } finally {
    arrival.forget()
  }
  const reference = context.random.bytes(32)
  if (isAbroad) await wallet.pay({ reference, asset: asset.id, amount, to, home }, ISSUE_MS_MAX)
  return { grade: 'SETTLED', amount: decimal(amount, asset), asset: asset.code, to: text }
}

/** An account as people pass it on: with its home behind it where the net has several. */
function addressOf({ wallet, context, homes }: WebxNode): string {
  const { neighborhood } = context.genesis
  const account = toHex(wallet.account)
  return homes.openings.length > 0 ? `${account}@${toHex(neighborhood)}` : account
}

/** Throws `bad-argument` for what names no account of this net. Where no home is named it is this node's own. */
function readAddress(
  { context, homes }: WebxNode,
  text: string,
): { readonly account: Uint8Array; readonly home: Uint8Array } {
  const [, account = '', home] = /^([0-9a-f]+)(?:@([0-9a-f]+))?$/.exec(text) ?? []
  if (account.length !== 64) throw new WebxError('bad-argument', `an account has 64 hexadecimal digits: "${text}"`)
  const { neighborhood } = context.genesis
  if (home === undefined) return { account: fromHex(account), home: neighborhood }
  const known = [neighborhood, ...homes.openings.map(({ nid }) => nid)].find((nid) => toHex(nid) === home)
  if (known) return { account: fromHex(account), home: known }
  throw new WebxError('bad-argument', `this net has no neighborhood ${home}`, {
    hint: 'webx wallet show prints an account with its home.',
  })
}

/** Waits for the next settled issue of an asset to an account. `settled` rejects with `no-quorum`, `not-settled` or `stopped`. */
function arrivalOf(
  node: WebxNode,
  asset: Asset,
  to: Uint8Array,
  signal: AbortSignal,
): { readonly settled: Promise<void>; readonly forget: () => void } {
  const { events, schedule } = node.context
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // nobody waits for it where the order could not even be placed; who does hears of it
  promise.catch(() => undefined)
  const unhear = events.on('settled', ({ order }) => {
    const operation = operationOf(readOrder(decodeEnvelope(order)))
    if (operation.kind === 'mint' && equal(operation.assetId, asset.id) && equal(operation.to, to)) resolve()
  })
  const cancel = schedule.after(ISSUE_MS_MAX, 'issue', () => reject(unsettledIssue(node)))
  const leave = (): void => reject(new WebxError('stopped', 'nobody waits for this issue any more'))
  signal.addEventListener('abort', leave, { once: true })
  const forget = (): void => {
    unhear()
    cancel()
    signal.removeEventListener('abort', leave)
  }
  return { settled: promise, forget }
}

function unsettledIssue({ presence, agreed }: WebxNode): WebxError {
  const hint = 'The order is kept and sent until it settles: do not issue again, look at the account later.'
  const seatsUp = presence.seatsUp()
  const { quorum } = agreed.committee
  if (seatsUp >= quorum) return new WebxError('not-settled', 'the issue has not settled in time', { hint })
  return new WebxError('no-quorum', `${seatsUp} seats are heard of, ${quorum} are needed`, { hint })
}

/** The newest entries of the shopper's log, oldest first, and how many there are in all. */
function probes({ node, device }: ControlParts, params: unknown): unknown {
  const log = needed(device, 'device').probeLog()
  const last = (params as { last?: unknown } | null)?.last ?? PROBES_MAX
  if (!Number.isSafeInteger(last) || (last as number) < 1 || (last as number) > PROBES_MAX) {
    throw new WebxError('bad-argument', `expected 1 to ${PROBES_MAX} entries of the log`)
  }
  const labels = new Map(node.context.genesis.terminalStates.map(({ id, label }) => [toHex(id), label]))
  const entries = log.slice(-(last as number)).map(({ terminalId, reference, atMs, outcome }) => {
    const terminal = labels.get(toHex(terminalId)) ?? null
    return { atMs, terminal, terminalId: toHex(terminalId), reference: toHex(reference), outcome }
  })
  return { total: log.length, probes: entries }
}

/** A terminal of the net, by its label or its whole id. */
function terminalOf(node: WebxNode, name: string): { readonly id: Uint8Array; readonly label: string } {
  const { terminalStates } = node.context.genesis
  const found = terminalStates.find(({ id, label }) => label === name || toHex(id) === name)
  if (found) return found
  const labels = terminalStates.slice(0, 5).map(({ label }) => label)
  const others = terminalStates.length > labels.length ? ', …' : ''
  throw new WebxError('not-allowed', `this net has no terminal "${name}"`, {
    hint: labels.length > 0 ? `It has: ${labels.join(', ')}${others}.` : 'Its genesis names none.',
  })
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

/** 420 smallest units of an asset with two decimals are `4.20`. */
export function decimal(amount: number, { decimals }: Pick<Asset, 'decimals'>): string {
  if (decimals === 0) return String(amount)
  const digits = String(amount).padStart(decimals + 1, '0')
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
}

/**
 * The judgement on a redemption, in this order: the presentation, the challenge and the ping, the file, its policy, its `access` runnable. The first that refuses is named.
 *
 * Of the file nothing is told before the holder has proved its key and the ping counts. Nothing is stored here: what a grant costs is spent in `redemption.ts`, durably, before
 * anything is handed out.
 */

import { fromText } from '../core/bytes.ts'
import { asWebxError, type Code, WebxError } from '../core/errors.ts'
import { encodeRequest, type RequestField, type RunnableRequest } from '../data/dsr-abi.ts'
import { overriddenVerdict } from '../data/dsr-override.ts'
import type { Outcome } from '../data/dsr-run.ts'
import type { FieldValue } from '../data/metadata.ts'
import type { Ping } from '../data/ping.ts'
import { evaluatePolicy } from '../data/policy.ts'
import { type Presented, readPresentation, rightsOf } from '../data/presentation.ts'
import type { RedeemAsk, RedeemRefusal, Rule } from '../data/redeem-answer.ts'
import { judgeRedemption, type Redemption, type RedemptionVerdict, readRedemption } from '../data/redemption.ts'
import { OPERATION } from '../data/rights.ts'
import type { RunnableEntry } from '../data/runnable.ts'
import { mayAct } from '../identity/delegation.ts'
import type { KeyState } from '../identity/keylog.ts'
import type { Context } from '../kernel/context.ts'
import type { KeptVersion, Runnables, StatusLists, Vault } from '../kernel/vault.ts'
import type { Spent } from './redemption-spent.ts'

/** What a server judges with. */
export interface JudgeParts {
  readonly context: Context
  readonly vault: Vault
  readonly statuses: StatusLists
  readonly runnables: Runnables
  readonly spent: Spent
  /** 32 bytes that its challenges are made with. */
  readonly secret: Uint8Array
  /** Where the data is used, by all names of the place, for policies that name jurisdictions; none where that is not known. */
  readonly jurisdictions: readonly string[]
}

/** A redemption that may be granted. */
export interface Judged {
  /** 32-byte identity of who asks. */
  readonly requester: Uint8Array
  readonly presented: Presented
  readonly redemption: Redemption
  readonly verdict: Extract<RedemptionVerdict, { allowed: true }>
  readonly version: KeptVersion
  /** Places of the fields that the runnable leaves out; null where it did not redact. */
  readonly hidden: readonly number[] | null
  readonly question: Uint8Array
}

/** Thrown inside a server: what is answered. */
export class Refused extends Error {
  readonly refusal: RedeemRefusal

  constructor(rule: Rule, code: Code, reason: string, number = 0) {
    super(reason)
    this.refusal = { isGranted: false, code, reason, rule, number }
  }
}

/** What is answered where something throws: what a peer or caller did wrong in words, our own faults by their code alone. */
export function refusalOf(thrown: unknown, rule: Rule): RedeemRefusal {
  if (thrown instanceof Refused) return thrown.refusal
  const { code, fault, message } = asWebxError(thrown)
  const reason = fault === 'peer' || fault === 'caller' ? message : 'this server could not do it'
  return { isGranted: false, code, reason, rule, number: 0 }
}

/** Judges what `requester` (the signed sender of the request) asks. Throws `Refused`. */
export async function judge(parts: JudgeParts, requester: Uint8Array, ask: RedeemAsk): Promise<Judged> {
  const { redemption, presented } = attempt('ping', () => {
    const given = readRedemption(ask.redemption)
    return { redemption: given, presented: verified(parts, given) }
  })
  const found = newest(parts.vault, presented.ping)
  const verdict = await judged(parts, presented, redemption, found)
  if (!verdict.allowed) throw new Refused(ruleOf(verdict.code), verdict.code, verdict.reason)
  if (found instanceof Refused) throw found
  assertServed(parts, found, redemption.request.purpose)
  const hidden = await access(parts, { requester, presented, redemption, version: found, override: ask.override })
  return { requester, presented, redemption, verdict, version: found, hidden, question: ask.question }
}

/** The rights that a presentation gives, under a key that acts for the issuer today: its own, or one that may mint pings for it. */
function verified({ context }: JudgeParts, redemption: Redemption): Presented {
  const presentation = readPresentation(redemption.presentation)
  const { issuer, issuerPosition } = presentation.ping
  const { directory, clock } = context
  const state = directory.stateOf(issuer)
  if (!state) throw new WebxError('unknown-owner', 'nobody has introduced the issuer of this ping here')
  if (state.frozen || directory.frozen(issuer)) {
    throw new WebxError('frozen', 'two histories of the issuer are signed; nobody acts for it')
  }
  const under = (issuerKey: Uint8Array): Presented | null => {
    try {
      return rightsOf(presentation, { issuerKey })
    } catch (error) {
      if (asWebxError(error).code === 'bad-signature') return null
      throw error
    }
  }
  for (const key of mintingKeys(state, clock.nowMs())) {
    const presented = under(key)
    if (presented) return presented
  }
  const retired = directory.keyAt(issuer, issuerPosition)
  if (retired && under(retired)) {
    throw new WebxError('retired-key', 'the issuer has other keys by now; ask it for another ping')
  }
  throw new WebxError('bad-signature', 'the ping is not signed by its issuer')
}

function mintingKeys(state: KeyState, nowMs: number): Uint8Array[] {
  const own = state.threshold === 1 ? state.keys : []
  const delegated = [...state.delegations.values()].filter(({ key }) => {
    try {
      return mayAct(state, key, MINT_SCOPE, nowMs) !== null
    } catch {
      return false
    }
  })
  return [...own, ...delegated.map(({ key }) => key)]
}

/** The word by which a delegated key may sign pings. */
const MINT_SCOPE = 'ping.mint'

/** What the vault has of the file, or what to say of it once the holder has proved its key. */
function newest(vault: Vault, { dataId }: Ping): KeptVersion | Refused {
  try {
    return vault.newest(dataId) ?? new Refused('file', 'wrong-file', 'this server does not keep the file of the ping')
  } catch (error) {
    const { code, message } = asWebxError(error)
    if (code === 'shredded') return new Refused('file', code, message)
    throw error
  }
}

async function judged(
  parts: JudgeParts,
  presented: Presented,
  redemption: Redemption,
  found: KeptVersion | Refused,
): Promise<RedemptionVerdict> {
  const { context, statuses, spent, secret } = parts
  const { ping } = presented
  const file =
    found instanceof Refused
      ? { dataId: ping.dataId, owner: ping.issuer, version: Number.MAX_SAFE_INTEGER }
      : { dataId: found.manifest.dataId, owner: found.manifest.ownerId, version: found.manifest.fileVersion }
  const now = (): RedemptionVerdict =>
    judgeRedemption({
      presented,
      redemption,
      server: context.keys.id,
      secret,
      nowMs: context.clock.nowMs(),
      file,
      usesSpent: (key) => spent.usesOf(key),
      statusList: ping.status && statuses.list(ping.issuer, ping.status.listId),
      challengesSeen: (salt) => spent.isSpent(salt),
    })
  const verdict = attempt('ping', now)
  if (verdict.allowed || verdict.code !== 'status-unknown' || !ping.status || found instanceof Refused) return verdict
  try {
    await statuses.follow(ping.issuer, ping.status.listId)
  } catch (error) {
    const { code, reason } = refusalOf(error, 'ping')
    throw new Refused('ping', code, reason)
  }
  return attempt('ping', now)
}

/** May this version be handed out at all, for that purpose? */
function assertServed({ context, jurisdictions }: JudgeParts, { manifest, certified }: KeptVersion, purpose: string) {
  if (manifest.tier !== 'private' && !certified) {
    throw new Refused('file', 'not-certified', `version ${manifest.fileVersion} of the file is not settled yet`)
  }
  const verdict = evaluatePolicy(manifest.policy, { purpose, jurisdictions, nowMs: context.clock.nowMs() })
  if (verdict !== 'allow') throw new Refused('policy', verdict, POLICY_REASONS[verdict])
}

const POLICY_REASONS = {
  'retention-over': 'the time for which this file may be kept is over',
  'wrong-purpose': 'the rules of the file do not allow this purpose',
  'wrong-jurisdiction': 'the rules of the file do not allow its use here',
}

interface Asked {
  readonly requester: Uint8Array
  readonly presented: Presented
  readonly redemption: Redemption
  readonly version: KeptVersion
  readonly override: Uint8Array
}

/** What the `access` runnable leaves out; null where it allows all, or there is none. Throws `Refused`. */
async function access(parts: JudgeParts, asked: Asked): Promise<readonly number[] | null> {
  const { requester, presented, redemption, version, override } = asked
  const entry = version.manifest.runnables.find(({ hook }) => hook === 'access')
  if (!entry) return null
  if (override.length > 0) {
    assertOverridden(parts, asked, entry)
    return null
  }
  const { operation, from, to, purpose } = redemption.request
  const { failure, verdict } = await ask(parts, entry, {
    ...{ hook: 'access', requester, purpose, operation: OPERATION[operation], from, to },
    fields: presented.fields.map(({ name, value }) => ({ key: fromText(name), value: bytesOf(value) })),
  })
  if (failure !== 'none') throw new Refused('runnable', codeOf(failure), `the file’s access rule failed: ${failure}`)
  if (verdict.kind === 'deny') throw new Refused('runnable', 'denied', 'the file’s access rule denies', verdict.reason)
  if (verdict.kind !== 'redact') return null
  if (operation === 'read') return verdict.fields
  throw new Refused('runnable', 'denied', 'the file’s access rule leaves something out, which is for reading only')
}

/** Throws `Refused` unless the owner asks and has signed a way around that module. */
function assertOverridden(parts: JudgeParts, { requester, version, override }: Asked, entry: RunnableEntry): void {
  const { dataId, ownerId } = version.manifest
  const { moduleDigest } = entry
  attempt('runnable', () => {
    const ownerKey = parts.context.directory.keyOf(ownerId)
    if (!ownerKey) throw new WebxError('unknown-owner', 'nobody has introduced the owner of this file here')
    const nowMs = parts.context.clock.nowMs()
    overriddenVerdict(override, { dataId, moduleDigest, owner: ownerId, ownerKey, requester, nowMs })
  })
}

/** Asks a runnable of a file about something, by this server's clock. Throws `Refused`. */
export async function ask(
  { context, runnables }: Pick<JudgeParts, 'context' | 'runnables'>,
  { module, params, fuel }: RunnableEntry,
  question: Omit<RunnableRequest, 'nowMs' | 'params'>,
): Promise<Outcome> {
  if (!module) throw new Refused('runnable', 'denied', 'the module of this rule does not travel in the file')
  try {
    const request = encodeRequest({ ...question, nowMs: context.clock.nowMs(), params })
    return await runnables.run(module, request, fuel)
  } catch (error) {
    const { code, reason } = refusalOf(error, 'runnable')
    throw new Refused('runnable', code, reason)
  }
}

/** The code that stands for a failure of a runnable. */
export function codeOf(failure: Exclude<Outcome['failure'], 'none'>): Code {
  return failure === 'bad-verdict' ? 'runnable-failed' : failure
}

function bytesOf(value: FieldValue): RequestField['value'] {
  if (value instanceof Uint8Array) return value
  if (typeof value === 'string') return fromText(value)
  if (typeof value === 'boolean') return Uint8Array.of(Number(value))
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}

function ruleOf(code: Code): Rule {
  return code === 'wrong-file' || code === 'wrong-version' ? 'file' : 'ping'
}

function attempt<T>(rule: Rule, action: () => T): T {
  try {
    return action()
  } catch (error) {
    const { code, reason, number } = refusalOf(error, rule)
    throw new Refused(rule, code, reason, number)
  }
}

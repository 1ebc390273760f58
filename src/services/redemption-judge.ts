/**
 * The judgement on a redemption, in this order: the presentation, the challenge and the ping, the file, its policy, its `access` runnable. The first that refuses is named.
 *
 * Of the file nothing is told before the holder has proved its key and the ping counts. Nothing is stored here: what a grant costs is spent in `redemption.ts`, durably, before
 * anything is handed out.
 */

import { equal, fromText } from '../core/bytes.ts'
import { asWebxError, type Code, WebxError } from '../core/errors.ts'
import { encodeRequest, type RequestField, type RunnableRequest } from '../data/dsr-abi.ts'
import { overriddenVerdict } from '../data/dsr-override.ts'
import type { Outcome } from '../data/dsr-run.ts'
import type { FieldValue } from '../data/metadata.ts'
import type { Ping } from '../data/ping.ts'
import { evaluatePolicy } from '../data/policy.ts'
import type { Presented } from '../data/presentation.ts'
import type { RedeemAsk, RedeemRefusal, Rule } from '../data/redeem-answer.ts'
import {
  judgeRedemption,
  type Redemption,
  type RedemptionVerdict,
  readRedemption,
  type Spending,
} from '../data/redemption.ts'
import { OPERATION } from '../data/rights.ts'
import type { RunnableEntry } from '../data/runnable.ts'
import type { Context } from '../kernel/context.ts'
import type { KeptVersion, Runnables, StatusLists, Vault } from '../kernel/vault.ts'
import { verified } from './redemption-issuer.ts'
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
  const redemption = attempt('ping', () => readRedemption(ask.redemption))
  let standing = standingOf(parts, redemption)
  if (await isStatusAwaited(parts, standing)) standing = standingOf(parts, redemption)
  const { presented, verdict, version } = allowed(parts, redemption, standing)
  const hidden = await access(parts, { requester, presented, redemption, version, override: ask.override })
  return { requester, presented, redemption, verdict, version, hidden, question: ask.question }
}

/**
 * Judges once more, at the moment of spending: what was revoked, used, shredded, or kept anew since then counts. All but the runnables is asked again.
 * Answers what is to be spent. Throws `Refused`.
 */
export function judgeAgain(parts: JudgeParts, { redemption, version }: Judged): Spending {
  const now = allowed(parts, redemption, standingOf(parts, redemption))
  if (equal(now.version.digest, version.digest)) return now.verdict.spending
  throw new Refused('file', 'stale-challenge', 'the file has a new version since; ask for another challenge')
}

/** How a redemption stands at this moment. */
interface Standing {
  readonly presented: Presented
  readonly verdict: RedemptionVerdict
  readonly found: KeptVersion | Refused
}

function standingOf(parts: JudgeParts, redemption: Redemption): Standing {
  const presented = attempt('ping', () => verified(parts.context, redemption.presentation))
  const found = newest(parts.vault, presented.ping)
  return { presented, found, verdict: attempt('ping', () => judged(parts, presented, redemption, found)) }
}

/** What a standing allows. Throws `Refused`. */
function allowed(
  parts: JudgeParts,
  { request }: Redemption,
  { presented, verdict, found }: Standing,
): Pick<Judged, 'presented' | 'verdict' | 'version'> {
  if (!verdict.allowed) throw new Refused(ruleOf(verdict.code), verdict.code, verdict.reason)
  if (found instanceof Refused) throw found
  assertServed(parts, found, request.purpose)
  return { presented, verdict, version: found }
}

/** Waits a moment for a status list that only is not at hand; false where nothing of the kind is missing. Throws `Refused`. */
async function isStatusAwaited({ statuses }: JudgeParts, { presented, verdict, found }: Standing): Promise<boolean> {
  const { issuer, status } = presented.ping
  if (verdict.allowed || verdict.code !== 'status-unknown' || !status || found instanceof Refused) return false
  try {
    await statuses.follow(issuer, status.listId)
  } catch (error) {
    const { code, reason } = refusalOf(error, 'ping')
    throw new Refused('ping', code, reason)
  }
  return true
}

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

function judged(
  { context, statuses, spent, secret }: JudgeParts,
  presented: Presented,
  redemption: Redemption,
  found: KeptVersion | Refused,
): RedemptionVerdict {
  const { ping } = presented
  const file =
    found instanceof Refused
      ? { dataId: ping.dataId, owner: ping.issuer, version: Number.MAX_SAFE_INTEGER }
      : { dataId: found.manifest.dataId, owner: found.manifest.ownerId, version: found.manifest.fileVersion }
  return judgeRedemption({
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

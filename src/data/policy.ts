/**
 * The rules of a .qnt as data: what for, until when, where, and on which legal ground.
 *
 * A subset of ODRL 2.2 (W3C): one permission whose constraints are `purpose isAnyOf`, `dateTime lt` and `spatial isAnyOf`, with the legal basis of GDPR article 6(1). What
 * needs more than that is a runnable's business. A constraint that is left empty binds nobody.
 */

import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Fields } from '../core/shape.ts'

/** GDPR article 6(1), points a to f, in their order; `none` where nothing personal is in the file. */
export const LEGAL_BASES = [
  'none',
  'consent',
  'contract',
  'legal-obligation',
  'vital-interests',
  'public-task',
  'legitimate-interests',
] as const

/** On which ground personal data is processed. */
export type LegalBasis = (typeof LEGAL_BASES)[number]

/** The rules of one version of a file. Lists are sets: ascending, nothing twice. */
export interface Policy {
  /** What the content may be used for; none named: anything. */
  readonly purposes: readonly string[]
  /** First millisecond at which nothing is allowed any more; 0: never. */
  readonly retainUntilMs: number
  /** Where it may be used: upper-case codes such as `DE` or `EU`; none named: everywhere. */
  readonly jurisdictions: readonly string[]
  readonly legalBasis: LegalBasis
}

/** A use that somebody asks for. */
export interface Use {
  readonly purpose: string
  /** All names of the one place where it is used, such as `DE` and `EU`; none where it is not known. */
  readonly jurisdictions: readonly string[]
  readonly nowMs: number
}

/** `allow`, or the first rule that forbids the use. */
export type PolicyVerdict = 'allow' | 'retention-over' | 'wrong-purpose' | 'wrong-jurisdiction'

/** How a jurisdiction is written: `DE`, `EU`, `US-CA`. */
export const JURISDICTION = /^[A-Z0-9]{2,3}(?:-[A-Z0-9]{1,3})?$/

/** No rule at all. */
export const FREE_POLICY: Policy = { purposes: [], retainUntilMs: 0, jurisdictions: [], legalBasis: 'none' }

/** What the policy says to a use. */
export function evaluatePolicy(policy: Policy, use: Use): PolicyVerdict {
  if (policy.retainUntilMs !== 0 && use.nowMs >= policy.retainUntilMs) return 'retention-over'
  if (policy.purposes.length > 0 && !policy.purposes.includes(use.purpose)) return 'wrong-purpose'
  const isHere = use.jurisdictions.some((code) => policy.jurisdictions.includes(code))
  if (policy.jurisdictions.length > 0 && !isHere) return 'wrong-jurisdiction'
  return 'allow'
}

/** The policy as it stands in a manifest: `[purposes, retain until ms, jurisdictions, legal basis]`. Throws `bad-argument` where `readPolicy` would refuse it. */
export function policyCbor(policy: Policy): Cbor {
  const [purposes, jurisdictions] = [[...policy.purposes].sort(), [...policy.jurisdictions].sort()]
  assertPolicy({ ...policy, purposes, jurisdictions }, 'bad-argument')
  return [purposes, policy.retainUntilMs, jurisdictions, LEGAL_BASES.indexOf(policy.legalBasis)]
}

/** Reads a policy. Throws `bad-shape`. */
export function readPolicy(fields: Fields): Policy {
  const policy = {
    purposes: fields.list('purposes', LIMITS.policyPurposesMax, textOf),
    retainUntilMs: fields.uint('retainUntilMs'),
    jurisdictions: fields.list('jurisdictions', LIMITS.policyJurisdictionsMax, textOf),
    legalBasis: LEGAL_BASES[fields.uint('legalBasis', LEGAL_BASES.length - 1)] as LegalBasis,
  }
  assertPolicy(policy, 'bad-shape')
  return policy
}

const PURPOSE = /^[\x21-\x7e]+$/

function textOf(item: Cbor): string {
  if (typeof item !== 'string') throw new WebxError('bad-shape', 'policy: purposes and jurisdictions are text')
  return item
}

function assertPolicy(policy: Policy, code: 'bad-argument' | 'bad-shape'): void {
  const { purposes, jurisdictions, retainUntilMs } = policy
  const refuse = (why: string) => {
    throw new WebxError(code, `policy: ${why}`)
  }
  if (purposes.length > LIMITS.policyPurposesMax || !purposes.every(isPurpose) || !ascend(purposes)) {
    refuse(`up to ${LIMITS.policyPurposesMax} purposes of visible ASCII without spaces, ascending, none twice`)
  }
  const isCode = (text: string) => JURISDICTION.test(text)
  if (jurisdictions.length > LIMITS.policyJurisdictionsMax || !jurisdictions.every(isCode) || !ascend(jurisdictions)) {
    refuse(`up to ${LIMITS.policyJurisdictionsMax} jurisdictions such as DE, EU or US-CA, ascending, none twice`)
  }
  if (!LEGAL_BASES.includes(policy.legalBasis)) refuse('this legal basis')
  if (!Number.isSafeInteger(retainUntilMs) || retainUntilMs < 0) refuse('retention is a time in milliseconds')
}

function isPurpose(text: string): boolean {
  return text.length <= LIMITS.policyPurposeCharactersMax && PURPOSE.test(text)
}

function ascend(list: readonly string[]): boolean {
  return list.every((item, i) => i === 0 || (list[i - 1] as string) < item)
}

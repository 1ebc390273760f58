/**
 * What people say about a .qnt on the command line, as it stands in its manifest: tier, rules, blinded metadata, runnables and parents.
 */

import { resolve } from 'node:path'
import { compare, fromHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { HOOKS, type Hook } from '../data/dsr-abi.ts'
import { checkModule } from '../data/dsr-module.ts'
import { runnableDigest } from '../data/dsr-run.ts'
import { type Manifest, readManifestDocument, TIERS, type Tier } from '../data/manifest.ts'
import { blindFields, type Field, type FieldValue } from '../data/metadata.ts'
import { LEGAL_BASES, type LegalBasis, type Policy } from '../data/policy.ts'
import type { RunnableEntry } from '../data/runnable.ts'
import { withFile } from '../drivers/qnt-blocks.ts'
import { piece, withQnt } from '../drivers/qnt-file.ts'
import { HOST_CHANCE } from '../drivers/qnt-holder.ts'
import type { Arguments } from './arguments.ts'
import type { Io } from './io.ts'
import { textFile } from './passphrase.ts'
import { countOf, listOf } from './qnt-common.ts'
import { whenMs } from './when.ts'

/** What of a manifest the options speak of. */
export type GivenTerms = Pick<Manifest, 'tier' | 'policy' | 'fieldDigests' | 'runnables' | 'parents'>

/** What was said, and what must be kept of it. */
export interface ReadTerms {
  readonly terms: GivenTerms
  /** Of the fields that were blinded here; empty where none were given. */
  readonly disclosures: readonly Uint8Array[]
}

/** The options read over what holds without them. Throws `bad-argument`, `runnable-refused`, and what files do. */
export async function termsOf(given: Arguments, io: Io, before: GivenTerms): Promise<ReadTerms> {
  const fields = await fieldsOf(given, io)
  const decoys = countOf(given, 'decoys', LIMITS.qntFieldsMax)
  // beside the fields of the version before new decoys would be told from them
  const isNew = fields !== null || (decoys > 0 && before.fieldDigests.length === 0)
  const blinded = isNew ? blindFields(fields ?? [], decoys, HOST_CHANCE.random) : null
  const terms: GivenTerms = {
    tier: tierOf(given.text('tier'), before.tier),
    policy: policyOf(given, before.policy),
    fieldDigests: blinded?.digests ?? before.fieldDigests,
    runnables: (await runnablesOf(given.text('runnable'), io)) ?? before.runnables,
    parents: (await parentsOf(given.text('parents'), io)) ?? before.parents,
  }
  return { terms, disclosures: blinded?.disclosures ?? [] }
}

const HINT_JSON = 'Write {"title": "Report", "pages": 12, "draft": false, "seal": {"hex": "00ff"}}.'

function tierOf(text: string | undefined, before: Tier): Tier {
  if (text === undefined) return before
  const tier = TIERS.find((one) => one === text)
  if (tier !== undefined) return tier
  throw new WebxError('bad-argument', `--tier ${text} is none`, { hint: `There are ${TIERS.join(', ')}.` })
}

function policyOf(given: Arguments, before: Policy): Policy {
  const [purposes, jurisdictions] = [given.text('purposes'), given.text('jurisdictions')]
  const [until, ground] = [given.text('retain-until'), given.text('legal-basis')]
  return {
    purposes: purposes === undefined ? before.purposes : sorted(listOf(purposes)),
    retainUntilMs:
      until === undefined ? before.retainUntilMs : until === 'ever' ? 0 : whenMs(until, '--retain-until', Date.now()),
    jurisdictions: jurisdictions === undefined ? before.jurisdictions : sorted(listOf(jurisdictions)),
    legalBasis: ground === undefined ? before.legalBasis : legalBasisOf(ground),
  }
}

function sorted(words: readonly string[]): string[] {
  return [...new Set(words)].sort()
}

function legalBasisOf(text: string): LegalBasis {
  const found = LEGAL_BASES.find((basis) => basis === text)
  if (found !== undefined) return found
  throw new WebxError('bad-argument', `--legal-basis ${text} is none`, { hint: `There are ${LEGAL_BASES.join(', ')}.` })
}

/** Fields in the clear; null where none were given. */
async function fieldsOf(given: Arguments, io: Io): Promise<Field[] | null> {
  const [short, file] = [given.text('fields'), given.text('fields-file')]
  if (short !== undefined && file !== undefined) {
    throw new WebxError('usage', '--fields and --fields-file say the same thing twice')
  }
  if (file !== undefined) return jsonFields(file, await textFile(file, io))
  if (short === undefined) return null
  return listOf(short).map((part) => {
    const at = part.indexOf('=')
    if (at < 1) throw new WebxError('bad-argument', `--fields ${part}: expected NAME=VALUE`)
    return { name: part.slice(0, at), value: shortValue(part.slice(at + 1)) }
  })
}

/** Whole numbers as they are written shortest, `true` and `false` are what they look like; everything else is text. */
function shortValue(text: string): FieldValue {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^(?:0|[1-9]\d{0,14})$/.test(text) ? Number(text) : text
}

function jsonFields(path: string, text: string): Field[] {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch (cause) {
    throw new WebxError('bad-argument', `${path} is no JSON`, { hint: HINT_JSON, cause })
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) {
    throw new WebxError('bad-argument', `${path} is no object of fields`, { hint: HINT_JSON })
  }
  return Object.entries(read).map(([name, value]) => ({ name, value: jsonValue(path, name, value) }))
}

function jsonValue(path: string, name: string, value: unknown): FieldValue {
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value
  const { hex, ...others } = (value ?? {}) as { hex?: unknown }
  if (typeof hex === 'string' && Object.keys(others).length === 0) return fromHex(hex)
  throw new WebxError('bad-argument', `${path}: field "${name}" holds what no field can`, { hint: HINT_JSON })
}

/** `HOOK=MODULE.wasm[:FUEL[:PARAMS]]`, with commas between; null where none was given. */
async function runnablesOf(given: string | undefined, io: Io): Promise<RunnableEntry[] | null> {
  if (given === undefined) return null
  const entries: RunnableEntry[] = []
  for (const part of listOf(given)) {
    const [, hook = '', file = '', fuel, params = ''] = RUNNABLE.exec(part) ?? []
    if (!HOOKS.includes(hook as Hook)) {
      const hint = `Write HOOK=MODULE.wasm[:FUEL[:PARAMS]]; hooks are ${HOOKS.join(', ')}.`
      throw new WebxError('bad-argument', `--runnable ${part} is none`, { hint })
    }
    const path = resolve(io.workingDirectory, file)
    const module = await withFile(path, (open, bytes) => {
      if (bytes > LIMITS.runnableBytesMax) throw new WebxError('too-long', `${path} has ${bytes} bytes`)
      return piece(open, 0, bytes)
    })
    const { pages } = checkModule(module)
    entries.push({
      ...{ hook: hook as Hook, moduleDigest: runnableDigest(module), pages, module },
      ...{ fuel: fuel === undefined ? LIMITS.runnableFuelInThreadMax : Number(fuel), params: fromHex(params) },
    })
  }
  return entries.sort((a, b) => HOOKS.indexOf(a.hook) - HOOKS.indexOf(b.hook))
}

const RUNNABLE = /^([a-z]+)=(.+?)(?::(\d{1,10})(?::([0-9a-f]*))?)?$/

/** Digests of the manifests in these files, ascending; null where none was given. What the files hold is not verified: their owners' word is. */
async function parentsOf(given: string | undefined, io: Io): Promise<Uint8Array[] | null> {
  if (given === undefined) return null
  const digests: Uint8Array[] = []
  for (const file of listOf(given)) {
    const read = await withQnt(resolve(io.workingDirectory, file), async (qnt) => readManifestDocument(qnt.manifest))
    if (!digests.some((digest) => compare(digest, read.digest) === 0)) digests.push(read.digest)
  }
  return digests.sort(compare)
}

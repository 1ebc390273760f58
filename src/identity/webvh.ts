/**
 * did:webvh 1.0: an identity as a file that any web server can serve, with a history of its keys that other systems verify.
 *
 * The specification (https://identity.foundation/didwebvh/v1.0/) has a log of its own: JSON lines, each bound to the one before by SHA-256 over its canonical
 * form (RFC 8785) and signed by the Data Integrity suite `eddsa-jcs-2022`. Key pre-rotation is always on, so that a thief of today's key cannot write the
 * next line either; a line comes with each rotation. What a webx log knows beside that – delegations, recovery, witnesses – has no place there, and a recovery
 * shows a key that no line committed to: after one, a DID begins anew.
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { concat, fromText, toHex } from '../core/bytes.ts'
import { verifyGroups } from '../core/crypto.ts'
import { WebxError } from '../core/errors.ts'
import { base58, base58Bytes, didKey } from './did.ts'
import { labelOf } from './xqident.ts'

/** Any value of JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** What the next line of a log says. */
export interface WebvhStep {
  /** 32-byte identity. */
  readonly id: Uint8Array
  /** Raw 32-byte Ed25519 public key of this generation, which signs the line. */
  readonly key: Uint8Array
  /** That of the generation after it. */
  readonly nextKey: Uint8Array
  /** `2027-01-31T12:00:00Z`, later than that of the line before. */
  readonly time: string
}

/** A line but for its signature. */
export interface UnsignedLine {
  readonly did: string
  readonly versionId: string
  /** 64 bytes, to be signed by `key`. */
  readonly message: Uint8Array
  /** The whole line, given the 64-byte signature. */
  line(signature: Uint8Array): string
}

/** What a verified log says. */
export interface WebvhLog {
  readonly did: string
  readonly versions: number
  readonly versionId: string
  readonly time: string
  /** Multikey (`z6Mk…`) of the newest line. */
  readonly updateKey: string
  readonly nextKeyHash: string
  readonly alsoKnownAs: readonly string[]
}

interface Entry {
  readonly versionId: string
  readonly versionTime: string
  readonly parameters: { readonly [name: string]: Json }
  readonly state: { readonly [name: string]: Json }
}

const METHOD = 'did:webvh:1.0'
const PLACEHOLDER = '{SCID}'
const SHA2_256 = Uint8Array.of(0x12, 0x20)
const DOMAIN = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*(%3A[1-9]\d{1,4})?(:[A-Za-z0-9._~-]+)*$/
/** SHA-256 as a multihash. */
const SCID = /^Qm[1-9A-HJ-NP-Za-km-z]{44}$/
const LINES_MAX = 4_096
/** Several times what a line has; bounds how deep it can nest, too. */
const LINE_CHARACTERS_MAX = 8_192

/** `urn:webx:…` with all 64 digits of an identity: how a DID document names it. */
export function identityUrn(id: Uint8Array): string {
  return `urn:webx:${toHex(id)}`
}

/**
 * The first line of a log.
 *
 * @param domain where its file will lie: `example.org`, `example.org%3A8443`, `example.org:ids:ada`. Throws `bad-argument` for anything else.
 */
export function firstLine(domain: string, step: WebvhStep): UnsignedLine {
  if (!DOMAIN.test(domain)) {
    throw new WebxError('bad-argument', `"${domain}" is no domain of a did:webvh`, {
      hint: 'Write example.org, or example.org:ids:ada for a folder of it; a port as example.org%3A8443.',
    })
  }
  const parameters = { method: METHOD, scid: PLACEHOLDER, portable: false, ...keysOf(step) }
  const did = `did:webvh:${PLACEHOLDER}:${domain}`
  const draft = { versionId: PLACEHOLDER, versionTime: step.time, parameters, state: documentOf(did, step) }
  const scid = hashOf(draft)
  const entry = JSON.parse(JSON.stringify(draft).replaceAll(PLACEHOLDER, scid)) as Entry
  return unsigned(entry, 1, step)
}

/** The line after those of a log. Throws `key-not-committed` for a key that it did not commit to, `bad-argument` for a time that is not later. */
export function nextLine(log: WebvhLog, step: WebvhStep): UnsignedLine {
  const keys = keysOf(step)
  if (hashOfText(multikey(step.key)) !== log.nextKeyHash) {
    throw new WebxError('key-not-committed', 'the DID log does not commit to this key', {
      hint: 'After a recovery a did:webvh begins anew: export it to another file.',
    })
  }
  if (step.time <= log.time) throw new WebxError('bad-argument', `${step.time} is not later than ${log.time}`)
  const entry = { versionId: log.versionId, versionTime: step.time, parameters: keys, state: documentOf(log.did, step) }
  return unsigned(entry, log.versions + 1, step)
}

/** Reads and verifies a log as `firstLine` and `nextLine` write them. Throws `tampered`, `bad-signature`, `bad-shape`, `key-not-committed`, `limit`. */
export function readWebvhLog(text: string): WebvhLog {
  const lines = text.split('\n').filter((line) => line !== '')
  if (lines.length > LINES_MAX) throw new WebxError('limit', `a DID log of ${lines.length} lines`)
  let log: WebvhLog | null = null
  for (const line of lines) log = readLine(line, log)
  if (log === null) throw new WebxError('bad-shape', 'a DID log has at least one line')
  return log
}

/** The canonical form of RFC 8785; numbers are whole here. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const object = value as { readonly [name: string]: Json }
  const names = Object.keys(object).sort()
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalJson(object[name] as Json)}`).join(',')}}`
}

function readLine(line: string, before: WebvhLog | null): WebvhLog {
  const { proof, ...entry } = parsed(line)
  const { versionId, versionTime, parameters, state } = entry as unknown as Entry
  const versions = (before?.versions ?? 0) + 1
  const scid = before === null ? String(parameters?.['scid']) : ''
  const did = before?.did ?? String(state?.['id'])
  if (before === null) {
    if (!SCID.test(scid)) throw tampered(versions, 'its SCID is none')
    const draft = JSON.parse(JSON.stringify({ ...entry, versionId: PLACEHOLDER }).replaceAll(scid, PLACEHOLDER)) as Json
    if (hashOf(draft) !== scid || !did.startsWith(`did:webvh:${scid}:`)) throw tampered(versions, 'its SCID is another')
  }
  const hash = hashOf({ ...entry, versionId: before?.versionId ?? scid })
  if (versionId !== `${versions}-${hash}`) throw tampered(versions, 'its hash is another')
  const [updateKey = '', ...more] = listOf(parameters, 'updateKeys')
  const [nextKeyHash = '', ...others] = listOf(parameters, 'nextKeyHashes')
  const isOurs = more.length + others.length === 0 && nextKeyHash !== '' && typeof versionTime === 'string'
  if (!isOurs || state?.['id'] !== did) {
    throw new WebxError('bad-shape', `line ${versions} of the DID log is none of webx`)
  }
  if (before && hashOfText(updateKey) !== before.nextKeyHash) {
    throw new WebxError('key-not-committed', `line ${versions} of the DID log has a key that none committed to`)
  }
  if (before && versionTime <= before.time) throw tampered(versions, 'it is older than the one before')
  assertProof(entry, proof, updateKey, versions)
  return {
    did,
    versions,
    versionId,
    time: versionTime,
    updateKey,
    nextKeyHash,
    alsoKnownAs: listOf(state, 'alsoKnownAs'),
  }
}

function assertProof(entry: Json, proofs: Json | undefined, updateKey: string, version: number): void {
  const [proof] = Array.isArray(proofs) ? proofs : []
  const { proofValue, ...options } = (proof ?? {}) as { readonly [name: string]: Json }
  const isOurs =
    options['cryptosuite'] === 'eddsa-jcs-2022' && options['verificationMethod'] === `did:key:${updateKey}#${updateKey}`
  const message = proofMessage(entry, options)
  const key = base58Bytes(updateKey.slice(1)).subarray(2)
  const signature = base58Bytes(String(proofValue).slice(1))
  if (isOurs && key.length === 32 && signature.length === 64 && verifyGroups([[{ key, message, signature }]])[0]) return
  throw new WebxError('bad-signature', `line ${version} of the DID log is not signed by its key`)
}

function unsigned(draft: Entry, version: number, { key, time }: WebvhStep): UnsignedLine {
  const versionId = `${version}-${hashOf(draft as unknown as Json)}`
  const entry = { ...draft, versionId }
  const method = `${didKey(key)}#${multikey(key)}`
  const options = {
    ...{ type: 'DataIntegrityProof', cryptosuite: 'eddsa-jcs-2022', created: time },
    ...{ verificationMethod: method, proofPurpose: 'assertionMethod' },
  }
  return {
    did: entry.state['id'] as string,
    versionId,
    message: proofMessage(entry as unknown as Json, options),
    line: (signature) => JSON.stringify({ ...entry, proof: [{ ...options, proofValue: `z${base58(signature)}` }] }),
  }
}

function documentOf(did: string, { id, key }: WebvhStep): Entry['state'] {
  const method = `${did}#${multikey(key)}`
  return {
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
    id: did,
    alsoKnownAs: [`urn:uuid:${labelOf(id)}`, identityUrn(id), didKey(key)],
    verificationMethod: [{ id: method, type: 'Multikey', controller: did, publicKeyMultibase: multikey(key) }],
    authentication: [method],
    assertionMethod: [method],
  }
}

function keysOf({ key, nextKey }: WebvhStep): { updateKeys: string[]; nextKeyHashes: string[] } {
  return { updateKeys: [multikey(key)], nextKeyHashes: [hashOfText(multikey(nextKey))] }
}

/** What `eddsa-jcs-2022` signs (W3C vc-di-eddsa §3.3): both digests, that of the options first. */
function proofMessage(entry: Json, options: Json): Uint8Array {
  return concat(sha256(fromText(canonicalJson(options))), sha256(fromText(canonicalJson(entry))))
}

function multikey(key: Uint8Array): string {
  return didKey(key).slice('did:key:'.length)
}

function hashOf(value: Json): string {
  return hashOfText(canonicalJson(value))
}

/** A multihash in base58btc, without a prefix of its own. */
function hashOfText(text: string): string {
  return base58(concat(SHA2_256, sha256(fromText(text))))
}

function listOf(object: { readonly [name: string]: Json } | undefined, name: string): string[] {
  const list = object?.[name]
  return Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string') : []
}

function parsed(line: string): { readonly [name: string]: Json } {
  if (line.length > LINE_CHARACTERS_MAX)
    throw new WebxError('limit', `a line of a DID log of ${line.length} characters`)
  try {
    const value = JSON.parse(line) as Json
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      return value as { readonly [name: string]: Json }
  } catch {
    // said below
  }
  throw new WebxError('bad-shape', 'a line of the DID log is no JSON object')
}

function tampered(version: number, why: string): WebxError {
  return new WebxError('tampered', `line ${version} of the DID log is not what was signed: ${why}`)
}

/**
 * Documents, logs and files that have vectors of their own, each with the rule of `src/PROTOCOL.md` that it must fit.
 */

import { readFileSync } from 'node:fs'
import { fromHex } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { goldenMessages } from '../consensus/publiclog-golden.ts'
import { EPOCH_RULES } from './epoch-vectors.ts'
import { MONEY_RULES } from './money-vectors.ts'
import { REDEEM_RULES } from './redeem-vectors.ts'
import { SHARED_RULES } from './shared-vectors.ts'
import { SIMPLEX_RULES } from './simplex-vectors.ts'

/** One piece of golden bytes. */
export interface GoldenDocument {
  readonly name: string
  readonly rule: string
  readonly bytes: Uint8Array
}

const PING_RULES: Readonly<Record<string, string>> = {
  ping: 'ping-document',
  narrowingToBob: 'narrowing',
  narrowingToCarol: 'narrowing',
  presentationBlank: 'presentation',
  presentationOfCarol: 'presentation',
  challenge: 'challenge',
  redemption: 'redemption',
  statusList: 'status-document',
  statusStatement: 'status-message',
  holderText: 'holder-text',
}
const MANIFEST_RULES: Readonly<Record<string, string>> = {
  firstDocument: 'manifest-document',
  secondDocument: 'manifest-document',
  disclosedTitle: 'disclosure',
  disclosedRows: 'disclosure',
}
const TOMBSTONE_RULES: Readonly<Record<string, string>> = { document: 'tombstone-document' }
const CHECKIN_RULES: Readonly<Record<string, string>> = {
  rings: 'ring-message',
  checkin: 'checkin',
  proofKey: 'proof-key-text',
}
const OTHER_RULES: Readonly<Record<string, string>> = {
  keyEvidence: 'key-evidence',
  proofQuestion: 'proof-question',
  proofAnswer: 'proof-answer',
  override: 'override-document',
  recipientText: 'recipient-text',
}

/** All of them. */
export function goldenDocuments(): GoldenDocument[] {
  const pings = vectors<{ golden: Record<string, string> }>('ping').golden
  const manifests = vectors<{ golden: Record<string, string> }>('manifest').golden
  const redeem = vectors<{ golden: Record<string, string> }>('redeem').golden
  const epochs = vectors<{ golden: Record<string, string> }>('epochs').golden
  const shared = vectors<{ golden: Record<string, string> }>('shared').golden
  const money = vectors<{ golden: Record<string, string> }>('money').golden
  const rewards = vectors<{ proof: string }>('rewards')
  const { gossip } = vectors<{ gossip: readonly { what: string; bytes: string }[] }>('swarm')
  const simplex = vectors<{ golden: Record<string, string> }>('simplex').golden
  const liveness = vectors<{ golden: Record<string, string> }>('liveness').golden
  const settled = vectors<Record<'part' | 'chunk' | 'table', string>>('register-state')
  const tombstones = vectors<{ golden: Record<string, string> }>('tombstone').golden
  const checkins = vectors<{ golden: Record<string, string> }>('checkin').golden
  const { shares, keyFile } = vectors<{ shares: { bytes: readonly string[] }; keyFile: Record<string, string> }>(
    'recovery',
  )
  const { logFile, reclaimedFile } = vectors<Record<'logFile' | 'reclaimedFile', string>>('key-log-file')
  const { logs } = vectors<{ logs: readonly { name: string; events: readonly string[] }[] }>('keylog')
  const { proofs, credential } = vectors<{ proofs: readonly { name: string; proof: string }[]; credential: string }>(
    'proofs',
  )
  const others = vectors<Record<string, string>>('documents')
  const backup = vectors<{ head: string; records: readonly string[] }>('backup')
  const { requests, verdicts } = vectors<Record<'requests' | 'verdicts', Record<string, string>>>('dsr')
  return [
    ...Object.entries(requests).map(([name, hex]) => golden(name, 'runnable-request', hex)),
    ...Object.entries(verdicts).map(([name, hex]) => golden(name, 'runnable-verdict', hex)),
    ...Object.entries(OTHER_RULES).map(([name, rule]) => golden(name, rule, others[name])),
    ...['file', 'daily', 'sealed'].map((name) => keyFileContent(name, keyFile[name])),
    golden('key log file', 'key-log-content', logFile.slice(0, -64)),
    golden('key file of a reclaimed identity', 'key-file-content', reclaimedFile.slice(0, -64)),
    golden('backup head', 'backup-head', backup.head.slice(16, -64)),
    ...backup.records.map((hex, i) => golden(`backup record ${i}`, 'backup-record', hex)),
    ...Object.entries(PING_RULES).map(([name, rule]) => golden(name, rule, pings[name])),
    ...Object.entries(MANIFEST_RULES).map(([name, rule]) => golden(name, rule, manifests[name])),
    ...Object.entries(TOMBSTONE_RULES).map(([name, rule]) => golden(`tombstone ${name}`, rule, tombstones[name])),
    ...Object.entries(CHECKIN_RULES).map(([name, rule]) => golden(`check-in ${name}`, rule, checkins[name])),
    ...Object.entries(EPOCH_RULES).map(([name, rule]) => golden(`epoch ${name}`, rule, epochs[name])),
    ...Object.entries(SHARED_RULES).map(([name, rule]) => golden(`shared ${name}`, rule, shared[name])),
    ...Object.entries(MONEY_RULES).map(([name, rule]) => golden(`money ${name}`, rule, money[name])),
    golden('reward proof', 'reward-proof', rewards.proof),
    ...gossip.map(({ what, bytes }) => golden(`gossip ${what}`, 'gossip', bytes)),
    ...Object.entries(goldenMessages()).map(([name, { rule, bytes }]) => ({ name: `public log ${name}`, rule, bytes })),
    ...Object.entries(SIMPLEX_RULES).map(([name, rule]) => golden(`simplex ${name}`, rule, simplex[name])),
    golden('settled object', 'settled-object', settled.part.slice(8)),
    golden('state table', 'state-table', settled.table),
    golden('state part', 'state-part', settled.chunk),
    ...Object.entries(REDEEM_RULES).map(([name, rule]) => golden(`redeem ${name}`, rule, redeem[name])),
    ...Object.entries(liveness).map(([name, hex]) => golden(name, name === 'hello' ? 'hello' : 'swim', hex)),
    ...shares.bytes.map((hex, i) => golden(`share ${i}`, 'guardian-share', hex)),
    ...logs.flatMap(({ name, events }) => events.map((hex) => golden(name, logRule(hex), hex))),
    ...proofs.map(({ name, proof }) => golden(name, 'zk-proof', proof)),
    golden('credential', 'credential', credential),
  ]
}

function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as T
}

function golden(name: string, rule: string, hex: string | undefined): GoldenDocument {
  if (hex === undefined) throw new Error(`no vector is named ${name}`)
  return { name, rule, bytes: fromHex(hex) }
}

/** A key file without the digest at its end. */
function keyFileContent(name: string, base64: string | undefined): GoldenDocument {
  const file = new Uint8Array(Buffer.from(base64 ?? '', 'base64'))
  return { name, rule: 'key-file-content', bytes: file.slice(0, -32) }
}

/** Whoever signs alone signs in the envelope. */
function logRule(hex: string): string {
  return decodeEnvelope(fromHex(hex)).signature.length === 0 ? 'shared-key-log-message' : 'key-log-message'
}

/**
 * An owner, two holders and a server with keys of fixed seeds, and the ping that goes from one to the next: what the tests of pings, their vectors and their attacks start from.
 *
 * Everything is signed with real keys; nothing depends on a clock or on chance.
 */

import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { blindFields, type Field, fieldDigest } from '../../src/data/metadata.ts'
import { encodeNarrowing, narrowingMessage, readNarrowing } from '../../src/data/narrowing.ts'
import { encodePing, type PingTerms, pingMessage, readPing } from '../../src/data/ping.ts'
import { encodePresentation, type Presented, readPresentation, rightsOf } from '../../src/data/presentation.ts'
import {
  challengeFor,
  encodeRedemption,
  judgeRedemption,
  type RedemptionCase,
  type RedemptionRequest,
  type RedemptionVerdict,
  readRedemption,
  redemptionMessage,
} from '../../src/data/redemption.ts'
import { allFields, type Grant, OPERATION, type Rights } from '../../src/data/rights.ts'
import { encodeStatusList, readStatusList, revoke, type StatusTerms, statusMessage } from '../../src/data/statuslist.ts'
import './wasm.ts'

/** When everything happens. */
export const NOW_MS = 1_790_000_000_000
export const HOUR_MS = 3_600_000
const ED25519_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const X25519_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex')

/** Someone whose private keys are 32 times one byte. */
export interface Holder {
  readonly key: Uint8Array
  readonly agreementKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

export function holder(value: number): Holder {
  const privateKey = privateOf(ED25519_PREFIX, value)
  return {
    key: publicOf(ED25519_PREFIX, value),
    agreementKey: publicOf(X25519_PREFIX, value),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  }
}

export const OWNER = holder(1)
export const ALICE = holder(21)
export const BOB = holder(22)
export const CAROL = holder(23)

/** So many bytes of one value: ids and salts. */
export function fill(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value)
}

export const SERVER = fill(32, 9)
export const SECRET = fill(32, 77)
export const FILE = { dataId: fill(32, 4), owner: fill(32, 1), version: 3 }
export const FIELDS: readonly Field[] = [
  { name: 'title', value: 'Blood pressure, 2026' },
  { name: 'unit', value: 'mmHg' },
  { name: 'rows', value: 17_280 },
  { name: 'device', value: fill(16, 3) },
  { name: 'calibrated', value: true },
  { name: 'place', value: 'Hall 3' },
]

/** Six fields among four decoys, blinded with bytes that count up. */
export const BLINDED = blindFields(FIELDS, 4, counting())

/** Disclosures of the fields of these names, in the order that a presentation wants. */
export function disclosuresOf(...names: readonly string[]): Uint8Array[] {
  return FIELDS.flatMap(({ name }, i) => (names.includes(name) ? [BLINDED.disclosures[i] as Uint8Array] : [])).sort(
    (a, b) => indexOf(a) - indexOf(b),
  )
}

/** The bits of the fields of these names. */
export function visibleOf(...names: readonly string[]): number {
  return disclosuresOf(...names).reduce((bits, disclosure) => bits + 2 ** indexOf(disclosure), 0)
}

function indexOf(disclosure: Uint8Array): number {
  const digest = fieldDigest(disclosure)
  return BLINDED.digests.findIndex((each) => Buffer.compare(each, digest) === 0)
}

export const GRANT: Grant = {
  holderKey: ALICE.key,
  agreementKey: ALICE.agreementKey,
  operations: OPERATION.read | OPERATION.derive | OPERATION.verify,
  from: 0,
  to: 1_000_000,
  purposes: ['billing', 'research'],
  notBeforeMs: NOW_MS - HOUR_MS,
  expiresMs: NOW_MS + 24 * HOUR_MS,
  uses: 10,
}

export const TERMS: PingTerms = {
  id: fill(16, 5),
  issuer: FILE.owner,
  issuerPosition: 0,
  dataId: FILE.dataId,
  fileVersionFrom: 2,
  audience: SERVER,
  grant: GRANT,
  status: { listId: fill(16, 6), index: 42 },
  fieldDigests: BLINDED.digests,
  locators: ['webx:hall-3'],
}

export const ALL_VISIBLE: Rights = { ...GRANT, visible: allFields(BLINDED.digests.length) }

/** What Alice leaves to Bob, and Bob to Carol. */
export const TO_BOB: Rights = {
  ...ALL_VISIBLE,
  holderKey: BOB.key,
  agreementKey: BOB.agreementKey,
  operations: OPERATION.read | OPERATION.verify,
  from: 4_096,
  purposes: ['research'],
  uses: 3,
  visible: visibleOf('title', 'unit', 'rows', 'device'),
}
export const TO_CAROL: Rights = {
  ...TO_BOB,
  holderKey: CAROL.key,
  agreementKey: CAROL.agreementKey,
  operations: OPERATION.read,
  to: 65_536,
  expiresMs: NOW_MS + HOUR_MS,
  uses: 1,
  visible: visibleOf('title', 'rows'),
}

/** A signed ping. */
export function mint(terms: PingTerms = TERMS, by: Holder = OWNER): Uint8Array {
  return encodePing(terms, by.sign(pingMessage(terms)))
}

/** A signed narrowing of the ping or narrowing with that digest, whether or not its signer holds that much. */
export function pass(tip: Uint8Array, rights: Rights, by: Holder): Uint8Array {
  const held = { tip, rights }
  return encodeNarrowing(held, rights, by.sign(narrowingMessage(held, rights)))
}

/** The narrowings of a chain of rights, each signed by the holder before. */
export function chain(ping: Uint8Array, steps: readonly (readonly [Holder, Rights])[]): Uint8Array[] {
  let previous = readPing(ping).digest
  return steps.map(([by, rights]) => {
    const narrowing = pass(previous, rights, by)
    previous = readNarrowing(narrowing).digest
    return narrowing
  })
}

/** The presentation of Carol, two holders down from the issuer. */
export function carolsPresentation(disclosures: readonly Uint8Array[] = []): Uint8Array {
  const ping = mint()
  const narrowings = chain(ping, [
    [ALICE, TO_BOB],
    [BOB, TO_CAROL],
  ])
  return encodePresentation({ ping, narrowings, disclosures })
}

/** Verified against the owner's key. */
export function verified(presentation: Uint8Array): Presented {
  return rightsOf(readPresentation(presentation), { issuerKey: OWNER.key })
}

/** The ping at index 1 is revoked. */
export const REVOKED = revoke(fill(64, 0), 1)

export const STATUS: StatusTerms = {
  issuer: FILE.owner,
  issuerPosition: 0,
  listId: fill(16, 6),
  sequence: 7,
  issuedMs: NOW_MS - 5_000,
  bits: REVOKED,
}

export function statusList(terms: StatusTerms = STATUS, by: Holder = OWNER): Uint8Array {
  return encodeStatusList(terms, by.sign(statusMessage(terms)))
}

export const REQUEST: RedemptionRequest = { operation: 'read', from: 4_096, to: 8_192, purpose: 'research' }

/** What a holder sends to answer a challenge. */
export function answer(
  presentation: Uint8Array,
  by: Holder,
  request: RedemptionRequest = REQUEST,
  challenge: Uint8Array = challengeFor(SERVER, SECRET, fill(16, 8), NOW_MS),
): Uint8Array {
  const { digest } = readPresentation(presentation)
  return encodeRedemption({
    challenge,
    presentation,
    request,
    signature: by.sign(redemptionMessage(challenge, digest, request)),
  })
}

/** All that a server does with what it receives. */
export function serve(redemptionBytes: Uint8Array, given: Partial<RedemptionCase> = {}): RedemptionVerdict {
  const redemption = readRedemption(redemptionBytes)
  return judgeRedemption({
    presented: verified(redemption.presentation),
    redemption,
    server: SERVER,
    secret: SECRET,
    nowMs: NOW_MS + 1_000,
    file: FILE,
    usesSpent: () => 0,
    statusList: readStatusList(statusList()),
    challengesSeen: () => false,
    ...given,
  })
}

/** 'allowed', or the code of the refusal. */
export function outcome(verdict: RedemptionVerdict): string {
  return verdict.allowed ? 'allowed' : verdict.code
}

function privateOf(prefix: Buffer, value: number) {
  return createPrivateKey({ key: Buffer.concat([prefix, fill(32, value)]), format: 'der', type: 'pkcs8' })
}

function publicOf(prefix: Buffer, value: number): Uint8Array {
  const key = createPublicKey(privateOf(prefix, value))
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(-32))
}

function counting(): (length: number) => Uint8Array {
  let next = 0
  return (length) => Uint8Array.from({ length }, () => next++)
}

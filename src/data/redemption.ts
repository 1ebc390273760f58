/**
 * Redeeming a ping: the server challenges, the holder answers with the key that the chain ends in, the server judges.
 *
 * Challenges are authenticated by a secret of the server and not stored, so that asking for many costs it nothing; the secret is drawn at start-up, so a restart ends
 * all open ones. The verdict never holds a content key: what is granted gets wrapped to the agreement key of the last holder elsewhere. Layout and CDDL: `src/PROTOCOL.md`.
 */

import { equal, equalConstantTime } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { verifySignature } from '../core/crypto.ts'
import { blake3Of } from '../core/digest.ts'
import { type Code, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Field } from './metadata.ts'
import { type Presented, pingKey, type UseCounter } from './presentation.ts'
import { OPERATION, type Operation, operationNames } from './rights.ts'
import { isRevoked, type StatusList } from './statuslist.ts'

/** What a holder wants to do, all of it signed. */
export interface RedemptionRequest {
  readonly operation: Operation
  /** The bytes [from, to) of the file's content. */
  readonly from: number
  readonly to: number
  readonly purpose: string
}

/** A challenge as it was read; whether the server made it is another matter. */
export interface Challenge {
  /** 32-byte identity of the server. */
  readonly server: Uint8Array
  /** 16 bytes that no other challenge of the server has. */
  readonly salt: Uint8Array
  readonly issuedMs: number
  /** 16 bytes that only the server can compute. */
  readonly tag: Uint8Array
}

/** What a holder sends. */
export interface Redemption {
  /** Bytes as the server sent them. */
  readonly challenge: Uint8Array
  /** Bytes of the presentation. */
  readonly presentation: Uint8Array
  readonly request: RedemptionRequest
  /** 64 bytes over `redemptionMessage`. */
  readonly signature: Uint8Array
}

/** All that the verdict depends on. */
export interface RedemptionCase {
  /** What `rightsOf` made of `redemption.presentation`. */
  readonly presented: Presented
  readonly redemption: Redemption
  /** The server's own identity, and the secret that it makes challenges with. */
  readonly server: Uint8Array
  readonly secret: Uint8Array
  readonly nowMs: number
  /** The file as its signed manifest has it. */
  readonly file: { readonly dataId: Uint8Array; readonly owner: Uint8Array; readonly version: number }
  /** How often what counts against this key was redeemed before. */
  readonly usesSpent: (key: Uint8Array) => number
  /** The newest accepted list that the ping names, or null. */
  readonly statusList: StatusList | null
  /** Whether a challenge with this salt was answered before. */
  readonly challengesSeen: (salt: Uint8Array) => boolean
}

/** What the server must have on its disk before it hands out anything. */
export interface Spending {
  /** Remember this challenge until that time. */
  readonly salt: Uint8Array
  readonly untilMs: number
  /** The ping that it is of: issuer and id, 48 bytes. */
  readonly ping: Uint8Array
  /** Count one more use for each. */
  readonly counters: readonly UseCounter[]
}

/** The verdict on a redemption. */
export type RedemptionVerdict =
  | {
      readonly allowed: true
      readonly request: RedemptionRequest
      /**
       * To whom to seal, null for anything but reading: the content key where the request covers all of the content of the version at hand, else the range,
       * sealed anew. The file's policy and its `access` runnable have their say before that.
       */
      readonly agreementKey: Uint8Array | null
      readonly fields: readonly Field[]
      /** Age of the status list that was asked; null where the ping names none. */
      readonly statusAgeMs: number | null
      readonly spending: Spending
    }
  | { readonly allowed: false; readonly code: Code; readonly reason: string }

const VERSION = 1
const TITLE = 'webx v1 ping redemption'
const PRESENTATION_BYTES_MAX = LIMITS.pingPresentationBytesMax
const CHALLENGE_BYTES_MAX = 128

/**
 * A fresh challenge, good for `LIMITS.pingChallengeMsMax`.
 *
 * @param secret 32 bytes that nobody else knows
 * @param salt 16 random bytes
 */
export function challengeFor(server: Uint8Array, secret: Uint8Array, salt: Uint8Array, nowMs: number): Uint8Array {
  return encode([VERSION, server, salt, nowMs, tagOf(secret, server, salt, nowMs)])
}

/** Reads a challenge, so that a holder sees whose it is. Throws `too-long`, `not-canonical`, `bad-shape` or `bad-version`. */
export function readChallenge(bytes: Uint8Array): Challenge {
  const fields = Fields.of('challenge', bytes, CHALLENGE_BYTES_MAX)
  assertVersion('challenge', fields.uint('version'))
  const challenge = {
    server: fields.bytes('server', 32),
    salt: fields.bytes('salt', 16),
    issuedMs: fields.uint('issuedMs'),
    tag: fields.bytes('tag', 16),
  }
  fields.end()
  return challenge
}

/** What the last holder signs to answer a challenge. @param presentationDigest of `readPresentation` */
export function redemptionMessage(
  challenge: Uint8Array,
  presentationDigest: Uint8Array,
  request: RedemptionRequest,
): Uint8Array {
  return encode([TITLE, challenge, presentationDigest, requestCbor(request)])
}

/** The bytes that a holder sends. */
export function encodeRedemption({ challenge, presentation, request, signature }: Redemption): Uint8Array {
  return encode([VERSION, challenge, presentation, requestCbor(request), signature])
}

/** Reads what a holder sent. Throws `too-long`, `not-canonical`, `bad-shape` or `bad-version`. */
export function readRedemption(bytes: Uint8Array): Redemption {
  const fields = Fields.of('redemption', bytes, LIMITS.pingRedemptionBytesMax)
  assertVersion('redemption', fields.uint('version'))
  const redemption = {
    challenge: fields.bytesBetween('challenge', 1, CHALLENGE_BYTES_MAX),
    presentation: fields.bytesBetween('presentation', 1, PRESENTATION_BYTES_MAX),
    request: fields.tuple('request', readRequest),
    signature: fields.bytes('signature', 64),
  }
  fields.end()
  return redemption
}

/** Whether, and if not why not, a redemption is granted. Who does not hold the key learns nothing else about the ping. Throws only where the challenge cannot be read. */
export function judgeRedemption(given: RedemptionCase): RedemptionVerdict {
  const { presented, redemption, nowMs, statusList } = given
  const challenge = readChallenge(redemption.challenge)
  const refusal = judgeAnswer(given, challenge) ?? judgeState(given) ?? judgeRequest(given)
  if (refusal) return { allowed: false, code: refusal[0], reason: refusal[1] }
  return {
    allowed: true,
    request: redemption.request,
    agreementKey: redemption.request.operation === 'read' ? presented.rights.agreementKey : null,
    fields: presented.fields,
    statusAgeMs: presented.ping.status && statusList ? Math.max(0, nowMs - statusList.issuedMs) : null,
    spending: {
      salt: challenge.salt,
      untilMs: challenge.issuedMs + LIMITS.pingChallengeMsMax,
      ping: pingKey(presented.ping),
      counters: presented.counters,
    },
  }
}

type Refusal = readonly [Code, string]

/** Is this a fresh answer, by the holder, to a challenge of this server? */
function judgeAnswer(given: RedemptionCase, challenge: Challenge): Refusal | null {
  const { presented, redemption, server, secret, nowMs, challengesSeen } = given
  const { salt, issuedMs, tag } = challenge
  if (!equal(challenge.server, server) || !equal(presented.ping.audience, server)) {
    return ['wrong-audience', 'the ping is redeemed at another server']
  }
  if (!equalConstantTime(tag, tagOf(secret, server, salt, issuedMs))) {
    return ['stale-challenge', 'this server did not make that challenge since it started']
  }
  if (nowMs < issuedMs || nowMs >= issuedMs + LIMITS.pingChallengeMsMax) {
    return ['stale-challenge', 'the answer came too late; ask for another challenge']
  }
  const message = redemptionMessage(redemption.challenge, presented.digest, redemption.request)
  if (!verifySignature(presented.rights.holderKey, message, redemption.signature)) {
    return ['wrong-holder', 'the answer is not signed by the holder of the ping']
  }
  return challengesSeen(salt) ? ['replayed', 'this challenge was answered before'] : null
}

/** Does the ping still count, and for this file? */
function judgeState({ presented, file, statusList, nowMs, usesSpent }: RedemptionCase): Refusal | null {
  const { ping, rights, counters } = presented
  if (!equal(ping.dataId, file.dataId) || !equal(ping.issuer, file.owner)) {
    return ['wrong-file', 'the ping is of another file, or not by the owner of this one']
  }
  if (file.version < ping.fileVersionFrom) {
    return ['wrong-version', `the ping is for version ${ping.fileVersionFrom} of the file and later ones`]
  }
  const revoked = judgeStatus(presented, statusList)
  if (revoked) return revoked
  if (nowMs < rights.notBeforeMs) return ['not-yet-valid', 'the time of this ping has not begun']
  if (nowMs >= rights.expiresMs) return ['expired', 'the time of this ping is over']
  if (counters.some(({ key, uses }) => usesSpent(key) >= uses)) return ['used-up', 'this ping has no uses left']
  return null
}

function judgeStatus({ ping: { issuer, status } }: Presented, list: StatusList | null): Refusal | null {
  if (status === null) return null
  if (
    !list ||
    !equal(list.issuer, issuer) ||
    !equal(list.listId, status.listId) ||
    status.index >= 8 * list.bits.length
  ) {
    return ['status-unknown', 'the status list that this ping names is not at hand']
  }
  return isRevoked(list, status.index) ? ['revoked', 'the owner has revoked this ping'] : null
}

/** Is what is asked for within the rights? */
function judgeRequest({ presented: { rights }, redemption: { request } }: RedemptionCase): Refusal | null {
  if ((rights.operations & OPERATION[request.operation]) === 0) {
    return ['operation-not-granted', `this ping grants ${operationNames(rights.operations).join(', ')}`]
  }
  if (!rights.purposes.includes(request.purpose)) {
    return ['wrong-purpose', `this ping is for ${rights.purposes.join(', ')}`]
  }
  if (request.from > request.to || request.from < rights.from || request.to > rights.to) {
    return ['out-of-range', `this ping covers the bytes from ${rights.from} to ${rights.to}`]
  }
  return null
}

function tagOf(secret: Uint8Array, server: Uint8Array, salt: Uint8Array, issuedMs: number): Uint8Array {
  return blake3Of('webx v1 ping challenge', encode([secret, server, salt, issuedMs])).subarray(0, 16)
}

function requestCbor({ operation, from, to, purpose }: RedemptionRequest) {
  return [OPERATION[operation], from, to, purpose]
}

function readRequest(fields: Fields): RedemptionRequest {
  const [operation, ...others] = operationNames(fields.uint('operation', OPERATION.notify))
  const request = {
    from: fields.uint('from'),
    to: fields.uint('to'),
    purpose: fields.text('purpose', LIMITS.pingPurposeCharactersMax),
  }
  if (!operation || others.length > 0) throw new WebxError('bad-shape', 'redemption: a request is for one operation')
  return { operation, ...request }
}

function assertVersion(what: string, version: number): void {
  if (version !== VERSION)
    throw new WebxError('bad-version', `${what}: version ${version}, this runtime reads ${VERSION}`)
}

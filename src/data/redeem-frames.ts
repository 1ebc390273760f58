/**
 * What travels where a ping is redeemed at another node: question and challenge, sealed request and sealed answer, blocks of sealed bytes, notices.
 *
 * All are payloads of frames, so that sender, receiver and time are signed around them. Whoever passes them on sees who speaks to whom and how much, and nothing of the ping,
 * the file or the verdict: what is sealed is sealed in `redeem-seal.ts`. Layout and CDDL: `src/PROTOCOL.md`.
 */

import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { HPKE_TAG_LENGTH } from '../core/hpke.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'

/** Bytes of the nonces and tickets that tie messages together. */
export const REDEEM_NONCE_BYTES = 16

/** The server's word: a challenge to sign, and the key to which the answer is to be sealed. */
export interface RedeemChallenge {
  /** The question's. */
  readonly nonce: Uint8Array
  /** Bytes of `challengeFor`. */
  readonly challenge: Uint8Array
  /** X25519 key, 32 bytes, that the server has drawn at its start. */
  readonly sealKey: Uint8Array
}

/** A sealed request. */
export interface RedeemRequest {
  /** 16 random bytes; the same ones name the answer. */
  readonly nonce: Uint8Array
  /** Encapsulated key, 32 bytes. */
  readonly enc: Uint8Array
  readonly sealed: Uint8Array
}

/** A sealed answer. */
export interface RedeemAnswer {
  /** The request's. */
  readonly nonce: Uint8Array
  /** 16 bytes that make the answer's key differ from that of any other answer to the same request. */
  readonly salt: Uint8Array
  /** Empty where the request did not open: it was sealed to a key that the server has forgotten. */
  readonly sealed: Uint8Array
}

/** A wish for one block of what a ticket stands for. */
export interface BlockRequest {
  /** 16 bytes out of an answer. */
  readonly ticket: Uint8Array
  /** A multiple of `LIMITS.vaultBlockBytesMax`. */
  readonly at: number
}

/** One block; empty where the ticket is not, or no longer, good for it. */
export interface Block extends BlockRequest {
  readonly sealed: Uint8Array
}

/** A sealed notice. */
export interface Notice {
  /** Encapsulated key, 32 bytes. */
  readonly enc: Uint8Array
  readonly sealed: Uint8Array
}

/** `[nonce]` */
export function queryPayload(nonce: Uint8Array): Cbor {
  return [nonce]
}

/** The nonce of a question. Throws `bad-shape`. */
export function readQuery(payload: Cbor): Uint8Array {
  return read('vault query', payload, (fields) => fields.bytes('nonce', REDEEM_NONCE_BYTES))
}

/** `[nonce, challenge, seal key]` */
export function challengePayload({ nonce, challenge, sealKey }: RedeemChallenge): Cbor {
  return [nonce, challenge, sealKey]
}

/** Throws `bad-shape`. */
export function readRedeemChallenge(payload: Cbor): RedeemChallenge {
  return read('vault challenge', payload, (fields) => ({
    nonce: fields.bytes('nonce', REDEEM_NONCE_BYTES),
    challenge: fields.bytesBetween('challenge', 1, CHALLENGE_BYTES_MAX),
    sealKey: fields.bytes('sealKey', 32),
  }))
}

/** `[nonce, enc, sealed]` */
export function redeemPayload({ nonce, enc, sealed }: RedeemRequest): Cbor {
  return [nonce, enc, sealed]
}

/** Throws `bad-shape`. */
export function readRedeem(payload: Cbor): RedeemRequest {
  return read('vault redeem', payload, (fields) => ({
    nonce: fields.bytes('nonce', REDEEM_NONCE_BYTES),
    enc: fields.bytes('enc', 32),
    sealed: readSealed(fields, LIMITS.vaultRequestBytesMax),
  }))
}

/** `[nonce, salt, sealed]` */
export function answerPayload({ nonce, salt, sealed }: RedeemAnswer): Cbor {
  return [nonce, salt, sealed]
}

/** Throws `bad-shape`. */
export function readRedeemAnswer(payload: Cbor): RedeemAnswer {
  return read('vault answer', payload, (fields) => ({
    nonce: fields.bytes('nonce', REDEEM_NONCE_BYTES),
    salt: fields.bytes('salt', REDEEM_NONCE_BYTES),
    sealed: readSealed(fields, LIMITS.vaultAnswerBytesMax),
  }))
}

/** `[ticket, at]` */
export function fetchPayload({ ticket, at }: BlockRequest): Cbor {
  return [ticket, at]
}

/** Throws `bad-shape`. */
export function readFetch(payload: Cbor): BlockRequest {
  return read('vault fetch', payload, readBlockRequest)
}

/** `[ticket, at, sealed]` */
export function blockPayload({ ticket, at, sealed }: Block): Cbor {
  return [ticket, at, sealed]
}

/** Throws `bad-shape`. */
export function readBlock(payload: Cbor): Block {
  return read('vault block', payload, (fields) => {
    const request = readBlockRequest(fields)
    return { ...request, sealed: fields.bytesBetween('sealed', 0, LIMITS.vaultBlockBytesMax + HPKE_TAG_LENGTH) }
  })
}

/** `[enc, sealed]` */
export function noticePayload({ enc, sealed }: Notice): Cbor {
  return [enc, sealed]
}

/** Throws `bad-shape`. */
export function readNoticeFrame(payload: Cbor): Notice {
  return read('vault notice', payload, (fields) => ({
    enc: fields.bytes('enc', 32),
    sealed: readSealed(fields, LIMITS.vaultAnswerBytesMax),
  }))
}

const CHALLENGE_BYTES_MAX = 128

function read<T>(what: string, payload: Cbor, readFields: (fields: Fields) => T): T {
  const fields = new Fields(what, payload)
  const value = readFields(fields)
  fields.end()
  return value
}

function readSealed(fields: Fields, plaintextBytesMax: number): Uint8Array {
  return fields.bytesBetween('sealed', 0, plaintextBytesMax + HPKE_TAG_LENGTH)
}

function readBlockRequest(fields: Fields): BlockRequest {
  const request = { ticket: fields.bytes('ticket', REDEEM_NONCE_BYTES), at: fields.uint('at') }
  if (request.at % LIMITS.vaultBlockBytesMax === 0) return request
  throw new WebxError('bad-shape', `vault: a block begins at a multiple of ${LIMITS.vaultBlockBytesMax} bytes`)
}

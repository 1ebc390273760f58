/**
 * Sign-in token for the embedded broker: flood control, not security.
 *
 * It ties an MQTT connection to an identity, so that rates and topics can be limited by who one is; whoever runs or taps the broker still sees and forges
 * everything, which is why every message is judged by its own signature. User name: the signed inception event, of whoever has rotated the key log up to the event
 * that showed its key, as a list; the broker settles nothing and believes any log that holds, and that a recovery in it is in force. Password:
 * `[[transport key, net, not after, signature of the identity], [broker, client id, net, nonce, expires], signature of the transport key]`, both base64url.
 * The identity signs once a day for a transport key that lives in memory; the transport key signs each connection. Layout: `src/PROTOCOL.md`.
 */

import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { concat, equal, fromBase64url, fromText, toBase64url, toHex } from '../core/bytes.ts'
import { type Cbor, decode, encode } from '../core/codec.ts'
import { verifySignature } from '../core/crypto.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { introductionOf, readIntroduction } from '../identity/introduction.ts'
import type { KeyState } from '../identity/keylog.ts'
import { labelOf } from '../identity/xqident.ts'
import type { Clock, Keys, Random } from '../kernel/ports.ts'

/** What one side of a sign-in knows beforehand. */
export interface SignInPlace {
  /** Name of the broker, agreed upon by configuration. */
  readonly broker: string
  /** 32 bytes. */
  readonly netId: Uint8Array
}

/** User name and password of one CONNECT. */
export interface Credentials {
  readonly username: string
  readonly password: string
}

const DELEGATION = fromText('webx-broker-delegation\0v1\0')
const TOKEN = fromText('webx-broker-token\0v1\0')
const TEXT_CHARACTERS_MAX = 128
const TOKEN_BYTES_MAX = 1024
const NONCE_BYTES = 16
const SPKI_PREFIX_BYTES = 12

/** Client id of an identity: its label, a dot, and a part that tells apart its connections. */
export function clientIdOf(id: Uint8Array, connection: Uint8Array): string {
  return `${labelOf(id)}.${toHex(connection)}`
}

/** Makes the credentials of one identity at one broker, fresh for every connection. */
export class SignIn {
  readonly #keys: Keys
  readonly #place: SignInPlace
  readonly #clock: Clock
  readonly #random: Random
  #transport: { key: KeyObject; publicKey: Uint8Array; delegation: Cbor; notAfterMs: number } | null = null

  constructor(options: { keys: Keys; place: SignInPlace; clock: Clock; random: Random }) {
    this.#keys = options.keys
    this.#place = options.place
    this.#clock = options.clock
    this.#random = options.random
  }

  /** A client id of this identity that nobody else may take. */
  clientId(): string {
    return clientIdOf(this.#keys.id, this.#random.bytes(4))
  }

  /** Credentials for one CONNECT under that client id, good for a minute and for one use. */
  async credentials(clientId: string): Promise<Credentials> {
    const expiresMs = this.#clock.nowMs() + LIMITS.brokerTokenLifetimeMsMax
    const transport = await this.#transportFor(expiresMs)
    const { broker, netId } = this.#place
    const token: Cbor = [broker, clientId, netId, this.#random.bytes(NONCE_BYTES), expiresMs]
    const signature = new Uint8Array(sign(null, concat(TOKEN, encode(token)), transport.key))
    return {
      username: toBase64url(usernameOf(this.#keys)),
      password: toBase64url(encode([transport.delegation, token, signature])),
    }
  }

  async #transportFor(untilMs: number) {
    if (this.#transport && this.#transport.notAfterMs >= untilMs) return this.#transport
    const pair = generateKeyPairSync('ed25519')
    const publicKey = new Uint8Array(
      createPublicKey(pair.privateKey).export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX_BYTES),
    )
    const notAfterMs = this.#clock.nowMs() + LIMITS.brokerDelegationMsMax
    const terms: Cbor[] = [publicKey, this.#place.netId, notAfterMs]
    const signature = await this.#keys.sign(concat(DELEGATION, encode(terms)))
    this.#transport = { key: pair.privateKey, publicKey, delegation: [...terms, signature], notAfterMs }
    return this.#transport
  }
}

/** Judges credentials, each of which passes once. */
export class TokenVerifier {
  readonly #place: SignInPlace
  readonly #clock: Clock
  /** Used nonces with the time from which their tokens are expired anyway. */
  readonly #nonces = new Map<string, number>()

  constructor(options: { place: SignInPlace; clock: Clock }) {
    this.#place = options.place
    this.#clock = options.clock
  }

  /**
   * The 32-byte identity behind credentials shown under `clientId`.
   *
   * Throws `too-long`, `bad-shape`, `not-canonical`, `not-allowed` (another broker or client id), `wrong-net`, `expired`, `from-the-future`, `replayed`,
   * `bad-key`, `bad-signature`, `bad-identity`, `flooding` (no room to remember the nonce), and what reading a key log throws. The cheap questions come first.
   */
  async verify(clientId: string, username: string, password: string): Promise<Uint8Array> {
    const token = readToken(readBase64url(password, TOKEN_BYTES_MAX))
    this.#assertPlace(token, clientId)
    const nonce = this.#assertFresh(token)
    const state = readUsername(readBase64url(username, LIMITS.brokerKeyLogBytesMax))
    if (!clientId.startsWith(`${state.label}.`)) {
      throw new WebxError('not-allowed', 'a client id begins with the label of its identity')
    }
    const [key] = state.keys as [Uint8Array]
    const holds =
      verifySignature(key, token.delegationSigned, token.delegationSignature) &&
      verifySignature(token.transportKey, token.tokenSigned, token.signature)
    if (!holds) throw new WebxError('bad-signature', 'a signature of the sign-in token does not hold')
    if (this.#nonces.has(nonce)) throw new WebxError('replayed', 'sign-in token was used before')
    this.#nonces.set(nonce, token.expiresMs)
    return state.id
  }

  #assertPlace(token: Token, clientId: string): void {
    const { broker, netId } = this.#place
    if (token.broker !== broker) throw new WebxError('not-allowed', `sign-in token is for broker "${token.broker}"`)
    if (token.clientId !== clientId) throw new WebxError('not-allowed', 'sign-in token is for another client id')
    if (!equal(token.netId, netId) || !equal(token.delegatedNetId, netId)) {
      throw new WebxError('wrong-net', 'sign-in token is for another net')
    }
  }

  #assertFresh(token: Token): string {
    const nowMs = this.#clock.nowMs()
    if (token.expiresMs <= nowMs || token.notAfterMs <= nowMs) throw new WebxError('expired', 'sign-in token expired')
    const skewMs = LIMITS.clockSkewMsMax
    const tooLate =
      token.expiresMs > nowMs + LIMITS.brokerTokenLifetimeMsMax + skewMs ||
      token.notAfterMs > nowMs + LIMITS.brokerDelegationMsMax + skewMs
    if (tooLate) throw new WebxError('from-the-future', 'sign-in token lives longer than allowed')
    const nonce = toHex(token.nonce)
    if (this.#nonces.has(nonce)) throw new WebxError('replayed', 'sign-in token was used before')
    if (this.#nonces.size >= LIMITS.brokerNoncesMax) {
      for (const [used, expiresMs] of this.#nonces) if (expiresMs <= nowMs) this.#nonces.delete(used)
    }
    if (this.#nonces.size >= LIMITS.brokerNoncesMax) throw new WebxError('flooding', 'too many sign-ins in a minute')
    return nonce
  }
}

/** The key event of whoever never rotated is the user name as it is; a log is a list. */
function usernameOf({ inception, position, log }: Keys): Uint8Array {
  return position === 0 ? inception : encode(introductionOf(log, position))
}

function readUsername(bytes: Uint8Array): KeyState {
  const value = decode(bytes, LIMITS.brokerKeyLogBytesMax)
  const isLog = Array.isArray(value) && value[0] instanceof Uint8Array
  return readIntroduction(isLog ? value : bytes, true)
}

interface Token {
  readonly transportKey: Uint8Array
  readonly delegatedNetId: Uint8Array
  readonly notAfterMs: number
  readonly delegationSignature: Uint8Array
  readonly delegationSigned: Uint8Array
  readonly broker: string
  readonly clientId: string
  readonly netId: Uint8Array
  readonly nonce: Uint8Array
  readonly expiresMs: number
  readonly tokenSigned: Uint8Array
  readonly signature: Uint8Array
}

/** What was signed is encoded again: canonical bytes have one encoding, so these are the bytes received. */
function readToken(bytes: Uint8Array): Token {
  const fields = Fields.of('sign-in token', bytes, TOKEN_BYTES_MAX)
  const delegation = fields.tuple('delegation', (part) => ({
    transportKey: part.bytes('transportKey', 32),
    delegatedNetId: part.bytes('netId', 32),
    notAfterMs: part.uint('notAfterMs'),
    delegationSignature: part.bytes('signature', 64),
  }))
  const token = fields.tuple('token', (part) => ({
    broker: part.text('broker', TEXT_CHARACTERS_MAX),
    clientId: part.text('clientId', TEXT_CHARACTERS_MAX),
    netId: part.bytes('netId', 32),
    nonce: part.bytes('nonce', NONCE_BYTES),
    expiresMs: part.uint('expiresMs'),
  }))
  const signature = fields.bytes('signature', 64)
  fields.end()
  const { transportKey, delegatedNetId, notAfterMs } = delegation
  const { broker, clientId, netId, nonce, expiresMs } = token
  return {
    ...delegation,
    ...token,
    signature,
    delegationSigned: concat(DELEGATION, encode([transportKey, delegatedNetId, notAfterMs])),
    tokenSigned: concat(TOKEN, encode([broker, clientId, netId, nonce, expiresMs])),
  }
}

function readBase64url(text: string, bytesMax: number): Uint8Array {
  if (text.length > Math.ceil((bytesMax * 4) / 3)) throw new WebxError('too-long', 'sign-in credentials are too long')
  try {
    return fromBase64url(text)
  } catch (cause) {
    throw new WebxError('bad-shape', 'sign-in credentials are not base64url', { cause })
  }
}

/**
 * HPKE, base mode (RFC 9180): what is sealed to a public key only its holder opens, and both sides can draw further secrets from it.
 *
 * One key schedule and cipher, those of the runtime: HKDF-SHA256 and ChaCha20-Poly1305, over DHKEM(X25519, HKDF-SHA256) here or any other KEM whose result is
 * handed in (X-Wing of `xwing.ts`). The private halves never come here: callers hand in something that can agree (the Keys port makes such), also the sender's
 * ephemeral one, so that nothing in this file draws randomness.
 */

import { createHmac } from 'node:crypto'
import { open, seal } from '../wasm/seal.ts'
import { assertBytes, concat, fromText } from './bytes.ts'
import { WebxError } from './errors.ts'

/** The private half of an X25519 key pair, as far as HPKE needs it. */
export interface AgreementHalf {
  /** Raw 32-byte X25519 public key. */
  readonly publicKey: Uint8Array
  /** 32-byte shared secret with a peer's public key. */
  agree(peerPublicKey: Uint8Array): Uint8Array
}

/** What a KEM made of one encapsulation, or found in it. */
export interface Encapsulation {
  /** The KEM's number in IANA's HPKE registry. */
  readonly kemId: number
  /** What the receiver needs to find the same secret. */
  readonly enc: Uint8Array
  /** 32 secret bytes; whoever takes an encapsulation wipes them. */
  readonly shared: Uint8Array
}

/** The sending side of one encapsulation. */
export interface HpkeSender {
  /** What the receiver needs; with X25519 the 32 bytes of the ephemeral public key. */
  readonly enc: Uint8Array
  /** The next message: ciphertext and a tag of 16 bytes, bound to `aad` and to its place in the sequence. */
  seal(plaintext: Uint8Array, aad?: Uint8Array): Uint8Array
  /** `length` secret bytes that both sides can draw for one purpose. */
  exportSecret(context: Uint8Array, length: number): Uint8Array
  /** Forgets the secrets; every later call throws `stopped`. */
  wipe(): void
}

/** The receiving side. */
export interface HpkeReceiver {
  /** Opens the next message. Throws `tampered` where it is not authentic; the sequence then stays where it is. */
  open(sealed: Uint8Array, aad?: Uint8Array): Uint8Array
  exportSecret(context: Uint8Array, length: number): Uint8Array
  wipe(): void
}

/** Bytes that sealing adds to a plaintext. */
export const HPKE_TAG_LENGTH = 16

/**
 * SetupBaseS: seals to `recipientPublicKey` (32 bytes) for the purpose `info`.
 *
 * @param ephemeral a key made for this one call
 * @throws WebxError `bad-key` where the agreement yields nothing but zeros (a point of small order)
 */
export function setupSender(recipientPublicKey: Uint8Array, ephemeral: AgreementHalf, info: Uint8Array): HpkeSender {
  assertBytes('recipient public key', recipientPublicKey, 32)
  const enc = ephemeral.publicKey.slice()
  const shared = sharedSecret(ephemeral.agree(recipientPublicKey), enc, recipientPublicKey)
  return senderOf({ kemId: KEM_X25519, enc, shared }, info)
}

/** SetupBaseR: the other side of `setupSender`, from its `enc` and the recipient's private half. Throws `bad-key`. */
export function setupReceiver(enc: Uint8Array, recipient: AgreementHalf, info: Uint8Array): HpkeReceiver {
  assertBytes('enc', enc, 32)
  const shared = sharedSecret(recipient.agree(enc), enc, recipient.publicKey)
  return receiverOf({ kemId: KEM_X25519, enc, shared }, info)
}

/** The sending side over any KEM; takes over the shared secret and wipes it. */
export function senderOf(encapsulation: Encapsulation, info: Uint8Array): HpkeSender {
  const context = new HpkeContext(encapsulation, info)
  return {
    enc: encapsulation.enc,
    seal: (plaintext, aad = EMPTY) => context.seal(plaintext, aad),
    exportSecret: (exporterContext, length) => context.exportSecret(exporterContext, length),
    wipe: () => context.wipe(),
  }
}

/** The receiving side over any KEM; takes over the shared secret and wipes it. */
export function receiverOf(encapsulation: Encapsulation, info: Uint8Array): HpkeReceiver {
  const context = new HpkeContext(encapsulation, info)
  return {
    open: (sealed, aad = EMPTY) => context.open(sealed, aad),
    exportSecret: (exporterContext, length) => context.exportSecret(exporterContext, length),
    wipe: () => context.wipe(),
  }
}

const EMPTY = new Uint8Array(0)
const VERSION = fromText('HPKE-v1')
const KEM_X25519 = 0x0020
const KEM_SUITE = concat(fromText('KEM'), Uint8Array.of(0x00, 0x20))
const MODE_BASE = Uint8Array.of(0)
const HASH_LENGTH = 32
const NONCE_LENGTH = 12
const SEQUENCE_MAX = 0xffff_ffff

/** Key schedule, sequence and exporter (RFC 9180 §5.1 to §5.3), the same on both sides. */
class HpkeContext {
  readonly #suite: Uint8Array
  readonly #key: Uint8Array
  readonly #baseNonce: Uint8Array
  readonly #exporterSecret: Uint8Array
  #sequence = 0
  #wiped = false

  /** Takes over the shared secret and wipes it. */
  constructor({ kemId, shared }: Encapsulation, info: Uint8Array) {
    assertBytes('shared secret', shared, 32)
    const suite = concat(fromText('HPKE'), Uint8Array.of(kemId >> 8, kemId & 0xff, 0x00, 0x01, 0x00, 0x03))
    const idHash = labeledExtract(suite, EMPTY, 'psk_id_hash', EMPTY)
    const infoHash = labeledExtract(suite, EMPTY, 'info_hash', info)
    const scheduleContext = concat(MODE_BASE, idHash, infoHash)
    const secret = labeledExtract(suite, shared, 'secret', EMPTY)
    this.#key = labeledExpand(suite, secret, 'key', scheduleContext, 32)
    this.#baseNonce = labeledExpand(suite, secret, 'base_nonce', scheduleContext, NONCE_LENGTH)
    this.#exporterSecret = labeledExpand(suite, secret, 'exp', scheduleContext, HASH_LENGTH)
    this.#suite = suite
    secret.fill(0)
    shared.fill(0)
  }

  seal(plaintext: Uint8Array, aad: Uint8Array): Uint8Array {
    const sealed = seal(this.#key, this.#nonce(), plaintext, aad)
    this.#sequence++
    return sealed
  }

  open(sealed: Uint8Array, aad: Uint8Array): Uint8Array {
    const plaintext = open(this.#key, this.#nonce(), sealed, aad)
    if (!plaintext) throw new WebxError('tampered', 'a sealed message does not open')
    this.#sequence++
    return plaintext
  }

  exportSecret(exporterContext: Uint8Array, length: number): Uint8Array {
    this.#assertAlive()
    return labeledExpand(this.#suite, this.#exporterSecret, 'sec', exporterContext, length)
  }

  wipe(): void {
    this.#wiped = true
    for (const secret of [this.#key, this.#baseNonce, this.#exporterSecret]) secret.fill(0)
  }

  /** The base nonce with the sequence number, big-endian, XORed into its end. */
  #nonce(): Uint8Array {
    this.#assertAlive()
    if (this.#sequence >= SEQUENCE_MAX) throw new WebxError('limit', 'too many messages under one HPKE context')
    const nonce = this.#baseNonce.slice()
    for (let i = 0; i < 4; i++) {
      const at = NONCE_LENGTH - 1 - i
      nonce[at] = (nonce[at] as number) ^ ((this.#sequence >>> (8 * i)) & 0xff)
    }
    return nonce
  }

  #assertAlive(): void {
    if (this.#wiped) throw new WebxError('stopped', 'this HPKE context is wiped')
  }
}

/** ExtractAndExpand of the KEM (§4.1). Takes over `agreed` and wipes it. */
function sharedSecret(agreed: Uint8Array, enc: Uint8Array, recipientPublicKey: Uint8Array): Uint8Array {
  let anyBit = 0
  for (const byte of agreed) anyBit |= byte
  if (agreed.length !== 32 || anyBit === 0) throw new WebxError('bad-key', 'public key of small order')
  const prk = labeledExtract(KEM_SUITE, EMPTY, 'eae_prk', agreed)
  const shared = labeledExpand(KEM_SUITE, prk, 'shared_secret', concat(enc, recipientPublicKey), HASH_LENGTH)
  prk.fill(0)
  agreed.fill(0)
  return shared
}

function labeledExtract(suite: Uint8Array, salt: Uint8Array, label: string, material: Uint8Array): Uint8Array {
  const labeled = concat(VERSION, suite, fromText(label), material)
  const prk = hmac(salt, labeled)
  labeled.fill(0)
  return prk
}

function labeledExpand(
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  if (!Number.isInteger(length) || length < 1 || length > 255 * HASH_LENGTH) {
    throw new WebxError('bad-argument', `length: expected 1 … ${255 * HASH_LENGTH} bytes, got ${length}`)
  }
  const labeled = concat(Uint8Array.of(length >> 8, length & 0xff), VERSION, suite, fromText(label), info)
  return hkdfExpand(prk, labeled, length)
}

/** HKDF-Expand (RFC 5869 §2.3). */
function hkdfExpand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length)
  let block: Uint8Array = EMPTY
  for (let at = 0, count = 1; at < length; at += HASH_LENGTH, count++) {
    const next = hmac(prk, concat(block, info, Uint8Array.of(count)))
    block.fill(0)
    block = next
    out.set(block.subarray(0, Math.min(HASH_LENGTH, length - at)), at)
  }
  block.fill(0)
  return out
}

function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const digest = createHmac('sha256', key).update(message).digest()
  const bytes = new Uint8Array(digest)
  digest.fill(0)
  return bytes
}

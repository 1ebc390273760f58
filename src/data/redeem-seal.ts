/**
 * How requests, answers, blocks and notices are sealed while they travel: HPKE to a key of the receiver, and keys drawn from the same encapsulation for the way back.
 *
 * The sender's identity is in HPKE's `info`, so that nobody hands in another's request as his own. Each answer has a salt of its own in its key (after RFC 9458 §4.4), for
 * a request that comes again may be answered differently. What is sealed is padded, so that its length does not tell a refusal from a key.
 */

import { assertBytes, concat } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { type AgreementHalf, type HpkeReceiver, type HpkeSender, setupReceiver, setupSender } from '../core/hpke.ts'
import { LIMITS } from '../core/limits.ts'
import { deriveKey } from '../wasm/hash.ts'
import { open, seal } from '../wasm/seal.ts'

/** Who speaks to whom. */
export interface RedeemPlace {
  /** 32-byte ids of the net, of the serving node, and of the holder. */
  readonly netId: Uint8Array
  readonly server: Uint8Array
  readonly holder: Uint8Array
}

/** The way back of a request that was sealed or opened: what both sides draw from it. */
export interface WayBack {
  /** 32 secret bytes. */
  readonly answerSecret: Uint8Array
  /** 32 secret bytes. */
  readonly blockKey: Uint8Array
  wipe(): void
}

/** What is padded to a multiple of so many bytes. */
export const PAD_BYTES = 1_024

/** Seals a request. @param ephemeral a key made for this one call */
export function sealRequest(
  plaintext: Uint8Array,
  sealKey: Uint8Array,
  ephemeral: AgreementHalf,
  place: RedeemPlace,
  nonce: Uint8Array,
): { readonly enc: Uint8Array; readonly sealed: Uint8Array; readonly back: WayBack } {
  const sender = setupSender(sealKey, ephemeral, requestInfo(place, nonce))
  try {
    return { enc: sender.enc, sealed: sender.seal(padded(plaintext)), back: wayBack(sender) }
  } finally {
    sender.wipe()
  }
}

/** The other side of `sealRequest`. Throws `tampered` where it is not for this key, net, sender or nonce; `bad-key`, `bad-shape`. */
export function openRequest(
  request: { readonly nonce: Uint8Array; readonly enc: Uint8Array; readonly sealed: Uint8Array },
  sealKey: AgreementHalf,
  place: RedeemPlace,
): { readonly plaintext: Uint8Array; readonly back: WayBack } {
  const receiver = setupReceiver(request.enc, sealKey, requestInfo(place, request.nonce))
  try {
    return { plaintext: unpadded(receiver.open(request.sealed)), back: wayBack(receiver) }
  } finally {
    receiver.wipe()
  }
}

/** Seals an answer. @param salt 16 random bytes, never used twice */
export function sealAnswer(plaintext: Uint8Array, back: WayBack, salt: Uint8Array): Uint8Array {
  return withAnswerKey(back, salt, (key) => seal(key, NONCE_OF_ONE, padded(plaintext), NOTHING))
}

/** Throws `tampered`, `bad-shape`. */
export function openAnswer(sealed: Uint8Array, back: WayBack, salt: Uint8Array): Uint8Array {
  return withAnswerKey(back, salt, (key) => unpadded(opened(open(key, NONCE_OF_ONE, sealed, NOTHING))))
}

/** Seals the block of a ticket that begins at `at`: the same block is the same bytes each time, so a number is never used for two. */
export function sealBlock(block: Uint8Array, blockKey: Uint8Array, at: number): Uint8Array {
  return seal(blockKey, blockNonce(at), block, NOTHING)
}

/** Throws `tampered`. */
export function openBlock(sealed: Uint8Array, blockKey: Uint8Array, at: number): Uint8Array {
  return opened(open(blockKey, blockNonce(at), sealed, NOTHING))
}

/** Seals a notice to the agreement key of a holder. @param ephemeral a key made for this one call */
export function sealNotice(
  plaintext: Uint8Array,
  agreementKey: Uint8Array,
  ephemeral: AgreementHalf,
  place: RedeemPlace,
): { readonly enc: Uint8Array; readonly sealed: Uint8Array } {
  const sender = setupSender(agreementKey, ephemeral, noticeInfo(place))
  try {
    return { enc: sender.enc, sealed: sender.seal(padded(plaintext)) }
  } finally {
    sender.wipe()
  }
}

/** Throws `tampered`, `bad-key`, `bad-shape`. */
export function openNotice(
  notice: { readonly enc: Uint8Array; readonly sealed: Uint8Array },
  agreement: AgreementHalf,
  place: RedeemPlace,
): Uint8Array {
  const receiver = setupReceiver(notice.enc, agreement, noticeInfo(place))
  try {
    return unpadded(receiver.open(notice.sealed))
  } finally {
    receiver.wipe()
  }
}

const NOTHING = new Uint8Array(0)
/** Each answer has a key of its own. */
const NONCE_OF_ONE = new Uint8Array(12)
const MARK = 0x80

function requestInfo({ netId, server, holder }: RedeemPlace, nonce: Uint8Array): Uint8Array {
  return encode(['webx v1 redeem request', netId, server, holder, nonce])
}

function noticeInfo({ netId, server, holder }: RedeemPlace): Uint8Array {
  return encode(['webx v1 redeem notice', netId, server, holder])
}

function wayBack(side: HpkeSender | HpkeReceiver): WayBack {
  const answerSecret = side.exportSecret(encode(['webx v1 redeem answer']), 32)
  const blockKey = side.exportSecret(encode(['webx v1 redeem block']), 32)
  const wipe = (): void => {
    answerSecret.fill(0)
    blockKey.fill(0)
  }
  return { answerSecret, blockKey, wipe }
}

function withAnswerKey<T>({ answerSecret }: WayBack, salt: Uint8Array, use: (key: Uint8Array) => T): T {
  assertBytes('salt', salt, 16)
  const material = concat(answerSecret, salt)
  const key = deriveKey('webx v1 redeem answer key', material)
  material.fill(0)
  try {
    return use(key)
  } finally {
    key.fill(0)
  }
}

function blockNonce(at: number): Uint8Array {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setBigUint64(4, BigInt(at / LIMITS.vaultBlockBytesMax))
  return nonce
}

function opened(plaintext: Uint8Array | null): Uint8Array {
  if (plaintext === null) throw new WebxError('tampered', 'what came sealed does not open')
  return plaintext
}

/** A mark and zeros behind it, as ISO/IEC 7816-4 pads. */
function padded(plaintext: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil((plaintext.length + 1) / PAD_BYTES) * PAD_BYTES)
  out.set(plaintext)
  out[plaintext.length] = MARK
  return out
}

function unpadded(bytes: Uint8Array): Uint8Array {
  let end = bytes.length - 1
  while (end >= 0 && bytes[end] === 0) end--
  const isPadded = bytes.length % PAD_BYTES === 0 && bytes.length - end <= PAD_BYTES && bytes[end] === MARK
  if (!isPadded) throw new WebxError('bad-shape', 'what was sealed is not padded as it must be')
  return bytes.subarray(0, end)
}

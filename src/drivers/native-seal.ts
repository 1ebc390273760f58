/**
 * ChaCha20-Poly1305 of `node:crypto` (OpenSSL) for `wasm/seal.ts`: faster on large texts, slower on small ones, since
 * OpenSSL sets up a context for every message. Which are large is found by a calibration.
 *
 * `node:crypto` always answers in new buffers of its own, and what these cost (fresh pages, a late collection) can be
 * more than the cipher does. So texts go through in pieces, and each piece's buffer is given back as soon as it is
 * copied: the allocator hands out the same warm memory again. OpenSSL cleanses its key when the context is freed.
 */

import { type CipherGCM, createCipheriv, createDecipheriv } from 'node:crypto'
import type { NativeSeal } from '../wasm/seal.ts'
import { calibrateSeal, type SealCalibration } from '../wasm/seal-calibration.ts'

const ALGORITHM = 'chacha20-poly1305'
const OPTIONS = { authTagLength: 16 } as const
/** Fits a second-level cache with the text it comes from and goes to; smaller ones pay for their number. */
const PIECE_BYTES = 65_536

/** The native cipher. */
export const nodeSeal: NativeSeal = {
  sealInto(out, key, nonce, plaintext, aad) {
    const cipher = createCipheriv(ALGORITHM, key, nonce, OPTIONS)
    authenticate(cipher, aad)
    for (let at = 0; at < plaintext.length; at += PIECE_BYTES) {
      const piece = cipher.update(plaintext.subarray(at, at + PIECE_BYTES))
      out.set(piece, at)
      release(piece)
    }
    cipher.final()
    out.set(cipher.getAuthTag(), plaintext.length)
  },
  openInto(out, key, nonce, sealed, aad) {
    const decipher = createDecipheriv(ALGORITHM, key, nonce, OPTIONS)
    decipher.setAuthTag(sealed.subarray(out.length))
    authenticate(decipher, aad)
    for (let at = 0; at < out.length; at += PIECE_BYTES) {
      const piece = decipher.update(sealed.subarray(at, Math.min(at + PIECE_BYTES, out.length)))
      out.set(piece, at)
      piece.fill(0)
      release(piece)
    }
    return isAuthentic(decipher)
  },
}

/** Lets the doors of `wasm/seal.ts` use `node:crypto` where that is faster on this machine; see `calibrateSeal`. */
export function calibrateNodeSeal(): SealCalibration {
  return calibrateSeal(nodeSeal, () => performance.now())
}

/** The text's length, which its types ask for, is for CCM; given one beyond 31 bits, Node aborts. */
function authenticate(cipher: object, aad: Uint8Array): void {
  if (aad.length > 0) (cipher as CipherGCM).setAAD(aad)
}

/** `final` has one way to fail, and no code for it: the tag is not that of what was opened. */
function isAuthentic(decipher: { final(): Uint8Array }): boolean {
  try {
    decipher.final()
    return true
  } catch {
    return false
  }
}

/** Frees a piece's memory now and not at the next collection: a transfer to nothing leaves nothing behind. */
function release(piece: Buffer<ArrayBuffer>): void {
  if (piece.length === piece.buffer.byteLength) piece.buffer.transfer(0)
}

/**
 * Bytes sealed by a passphrase: scrypt (RFC 7914), then XChaCha20-Poly1305.
 *
 * scrypt is in every Node and every library, so what is sealed today can be opened in ten years; its numbers stand in the sealed bytes and are bounded both
 * ways, so that a hostile file can neither ask for gigabytes nor pretend that a passphrase was well kept. The default takes 32 MiB, in a process of its
 * own, and about a third of a second (more than one on a small board). Everything in front of the sealed text is bound to it, and so is what the caller adds.
 */

import { randomBytes, type ScryptOptions, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { fromText } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { openX, sealX } from '../wasm/seal.ts'
import { scryptApart } from './passphrase-apart.ts'

/** What deriving a key from a passphrase costs: 2^log2N blocks of 1 KiB of memory, gone through `parallel` times. */
export interface PassphraseCost {
  /** From 14 to 17: 16 to 128 MiB. */
  readonly log2N: number
  /** From 1 to 8. */
  readonly parallel: number
}

/** 32 MiB three times over, as OWASP advises for scrypt at this size. */
export const PASSPHRASE_COST: PassphraseCost = { log2N: 15, parallel: 3 }

const VERSION = 1
const SCRYPT = 1
const BLOCK = 8
const SALT_BYTES = 16
const NONCE_BYTES = 24
/** From 32 MiB on a process of its own is worth the tenth of a second that it takes to start. */
const APART_LOG2N = 15
const derive = promisify<string | Uint8Array, Uint8Array, number, ScryptOptions, Buffer>(scrypt)

/**
 * Seals bytes, which stay as they are; `bound` is not kept in the result and must be given again to open it.
 *
 * Throws `bad-argument` for an empty or overlong passphrase or a cost out of bounds.
 */
export async function sealWithPassphrase(
  content: Uint8Array,
  passphrase: string,
  bound: Uint8Array,
  cost: PassphraseCost = PASSPHRASE_COST,
): Promise<Uint8Array> {
  if (!isAffordable(cost)) throw new WebxError('bad-argument', 'the cost of a passphrase is out of bounds')
  const salt = new Uint8Array(randomBytes(SALT_BYTES))
  const nonce = new Uint8Array(randomBytes(NONCE_BYTES))
  const key = await keyOf(passphrase, salt, cost)
  try {
    const head = [VERSION, SCRYPT, cost.log2N, cost.parallel, salt, nonce]
    return encode([...head, sealX(key, nonce, content, encode([...head, bound]))])
  } finally {
    key.fill(0)
  }
}

/**
 * Opens what was sealed; the caller wipes the result.
 *
 * Throws `wrong-passphrase`, which damage looks like, too (so check what is sealed with a digest beforehand), `bad-shape`, `bad-version`, `not-canonical`.
 */
export async function openWithPassphrase(
  sealed: Uint8Array,
  passphrase: string,
  bound: Uint8Array,
): Promise<Uint8Array> {
  const fields = Fields.of('passphrase seal', sealed, sealed.length)
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `its seal has version ${version}, known is ${VERSION}`)
  const method = fields.uint('method')
  if (method !== SCRYPT) throw new WebxError('bad-version', `its seal has method ${method}, known is ${SCRYPT}`)
  const cost = { log2N: fields.uint('log2N'), parallel: fields.uint('parallel') }
  if (!isAffordable(cost)) throw new WebxError('bad-shape', 'passphrase seal: its cost is out of bounds')
  const salt = fields.bytes('salt', SALT_BYTES)
  const nonce = fields.bytes('nonce', NONCE_BYTES)
  const text = fields.bytesBetween('text', 0, sealed.length)
  fields.end()
  const key = await keyOf(passphrase, salt, cost)
  try {
    const head = [version, method, cost.log2N, cost.parallel, salt, nonce]
    const content = openX(key, nonce, text, encode([...head, bound]))
    if (content !== null) return content
    throw new WebxError('wrong-passphrase', 'this passphrase does not open it', {
      hint: 'Look at the keyboard layout and at capital letters, and try again.',
    })
  } finally {
    key.fill(0)
  }
}

/** Throws `bad-argument` unless this can be a passphrase; it is as long as its letters are once they are composed. */
export function assertPassphrase(passphrase: string): void {
  const bytes = fromText(passphrase.normalize('NFKC')).length
  if (bytes > 0 && bytes <= LIMITS.passphraseBytesMax && passphrase.isWellFormed()) return
  throw new WebxError('bad-argument', `a passphrase has 1 to ${LIMITS.passphraseBytesMax} bytes of text`)
}

/** One passphrase is one key, however a keyboard composes its letters (NFKC). */
async function keyOf(passphrase: string, salt: Uint8Array, cost: PassphraseCost): Promise<Uint8Array> {
  assertPassphrase(passphrase)
  const text = fromText(passphrase.normalize('NFKC'))
  const isDear = cost.log2N >= APART_LOG2N
  const apart = isDear ? await scryptApart(text, salt, { log2N: cost.log2N, r: BLOCK, p: cost.parallel }) : null
  const derived = apart ?? (await scryptHere(text, salt, cost))
  const key = blake3Of('webx v1 passphrase seal', derived)
  text.fill(0)
  derived.fill(0)
  return key
}

function scryptHere(text: Uint8Array, salt: Uint8Array, { log2N, parallel }: PassphraseCost): Promise<Uint8Array> {
  const N = 2 ** log2N
  // what OpenSSL counts beside the blocks stays below a mebibyte
  const maxmem = 128 * BLOCK * (N + parallel) + 2 ** 20
  return derive(text, salt, 32, { N, r: BLOCK, p: parallel, maxmem })
}

function isAffordable({ log2N, parallel }: PassphraseCost): boolean {
  const { passphraseLog2NMin, passphraseLog2NMax, passphraseParallelMax } = LIMITS
  const areWhole = Number.isInteger(log2N) && Number.isInteger(parallel)
  return (
    areWhole &&
    log2N >= passphraseLog2NMin &&
    log2N <= passphraseLog2NMax &&
    parallel >= 1 &&
    parallel <= passphraseParallelMax
  )
}

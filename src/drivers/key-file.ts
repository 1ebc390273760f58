/**
 * Port Keys from one file of its owner's: the private side of an xQIdent (`identity/keylog.ts`).
 *
 * The file is a canonical CBOR array with a digest at its end; only its owner may read it, and it is never overwritten. It holds the current key, the next key
 * of the pre-rotation (kept together for convenience: who steals the file has both), the secret that per-epoch voting keys come from, and one for sealing at
 * rest. Epoch keys are derived, so past ones can be derived again; erasing them comes with epochs that rotate the secret.
 */

import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import { link, mkdir, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { concat, equal, fromText } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { signedBytes, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { inceptionBody, type KeyState, keyDigest, keyEventBytes, NO_SCOPE, readInception } from '../identity/keylog.ts'
import type { Kind } from '../identity/xqident.ts'
import type { Keys, Signer } from '../kernel/ports.ts'
import { ephemeralAgreement } from './host.ts'

/** What may be shown of a key file. */
export interface KeyFileDescription {
  /** 32 bytes. */
  readonly id: Uint8Array
  readonly label: string
  readonly kind: Kind
  readonly position: number
  /** Raw 32-byte Ed25519 public key of today. */
  readonly publicKey: Uint8Array
  /** Encoded, signed inception event. */
  readonly inception: Uint8Array
}

const FORMAT = 'webx key file'
const VERSION = 1
const DIGEST_BYTES = 32
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX_BYTES = 12

/**
 * Makes a new identity and its file (mode 0600; missing folders with 0700), durable before this returns.
 *
 * Throws `key-file-exists` where there is a file already, `store-failed` where the disk refuses.
 */
export async function createKeyFile(path: string, kind: Kind): Promise<Keys> {
  const seed = randomBytes(32)
  const nextSeed = randomBytes(32)
  const epochSecret = randomBytes(32)
  const restSecret = randomBytes(32)
  const salt = randomBytes(16)
  const key = privateKeyOf(seed)
  const body = inceptionBody({ kind, key: publicKeyOf(key), nextKey: publicKeyOf(privateKeyOf(nextSeed)), salt })
  const signature = new Uint8Array(sign(null, signedBytes(TYPE.keyEvent, NO_SCOPE, body), key))
  const inception = keyEventBytes(body, signature)
  const content = encode([FORMAT, VERSION, seed, nextSeed, epochSecret, restSecret, inception])
  const file = concat(content, digestOf(content))
  try {
    await writeExclusive(path, file)
  } finally {
    for (const secret of [seed, nextSeed, epochSecret, restSecret, content, file]) secret.fill(0)
  }
  return openKeyFile(path)
}

/** Opens a key file. Throws `key-file-missing`, `key-file-open-to-others`, `key-file-broken`. */
export async function openKeyFile(path: string): Promise<Keys> {
  const bytes = await readPrivate(path)
  try {
    const content = parse(path, bytes)
    const key = privateKeyOf(content.seed)
    return new FileKeys(content, key, content.epochSecret.slice(), content.restSecret.slice())
  } finally {
    bytes.fill(0)
  }
}

/** What may be shown of a key file. Throws as `openKeyFile`. */
export async function describeKeyFile(path: string): Promise<KeyFileDescription> {
  const bytes = await readPrivate(path)
  try {
    const { state, inception } = parse(path, bytes)
    const { id, label, kind, position, keys } = state
    return { id, label, kind, position, publicKey: (keys[0] as Uint8Array).slice(), inception }
  } finally {
    bytes.fill(0)
  }
}

class FileKeys implements Keys {
  readonly id: Uint8Array
  readonly inception: Uint8Array
  readonly position: number
  readonly publicKey: Uint8Array
  readonly #key: KeyObject
  readonly #epochSecret: Uint8Array
  readonly #restSecret: Uint8Array

  constructor(content: Content, key: KeyObject, epochSecret: Uint8Array, restSecret: Uint8Array) {
    this.id = content.state.id
    this.inception = content.inception
    this.position = content.state.position
    this.publicKey = publicKeyOf(key)
    this.#key = key
    this.#epochSecret = epochSecret
    this.#restSecret = restSecret
  }

  /**
   * Signs on the calling thread: about 40 µs, less than a signature would wait in the thread pool behind
   * the verifications of a busy turn.
   */
  async sign(message: Uint8Array): Promise<Uint8Array> {
    return signWith(this.#key, message)
  }

  async epochSigner(epoch: number): Promise<Signer> {
    const material = concat(this.#epochSecret, encode(epoch))
    const seed = blake3Of('webx v1 epoch key', material)
    const key = privateKeyOf(seed)
    material.fill(0)
    seed.fill(0)
    return { publicKey: publicKeyOf(key), sign: async (message) => signWith(key, message) }
  }

  async deriveSecret(context: string): Promise<Uint8Array> {
    const material = concat(this.#restSecret, fromText(context))
    const secret = blake3Of('webx v1 secret of a device', material)
    material.fill(0)
    return secret
  }

  ephemeral() {
    return ephemeralAgreement()
  }
}

interface Content {
  readonly seed: Uint8Array
  readonly epochSecret: Uint8Array
  readonly restSecret: Uint8Array
  readonly inception: Uint8Array
  readonly state: KeyState
}

/** Views into `bytes` for the secrets; the inception is a copy. */
function parse(path: string, bytes: Uint8Array): Content {
  try {
    const content = bytes.subarray(0, Math.max(0, bytes.length - DIGEST_BYTES))
    if (!equal(digestOf(content), bytes.subarray(content.length))) throw broken('its digest does not match')
    const fields = Fields.of('key file', content, LIMITS.keyFileBytesMax)
    if (fields.text('format', 32) !== FORMAT) throw broken('it is something else')
    const version = fields.uint('version')
    if (version !== VERSION) throw new WebxError('bad-version', `its version is ${version}, known is ${VERSION}`)
    const seed = fields.bytes('seed', 32)
    const nextSeed = fields.bytes('nextSeed', 32)
    const epochSecret = fields.bytes('epochSecret', 32)
    const restSecret = fields.bytes('restSecret', 32)
    const inception = fields.bytesBetween('inception', 1, 1024).slice()
    fields.end()
    const state = readInception(inception)
    const fits =
      equal(publicKeyOf(privateKeyOf(seed)), state.keys[0] as Uint8Array) &&
      equal(keyDigest(publicKeyOf(privateKeyOf(nextSeed))), state.nextKeyDigests[0] as Uint8Array)
    if (!fits) throw broken('its keys are not those of its identity')
    return { seed, epochSecret, restSecret, inception, state }
  } catch (cause) {
    throw broken(`${path} is not a whole key file: ${(cause as Error).message}`, cause)
  }
}

/** The bytes of a file that nobody else may read; the question is put to the opened file, so it cannot change in between. */
async function readPrivate(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r').catch((cause) => {
    if (cause.code !== 'ENOENT')
      throw new WebxError('key-file-broken', `cannot open ${path}: ${cause.message}`, { cause })
    throw new WebxError('key-file-missing', `there is no key file at ${path}`, {
      hint: `Make one with: webx id create ${path}`,
      cause,
    })
  })
  try {
    const about = await file.stat()
    if (!about.isFile()) throw broken(`${path} is not a file`)
    const { mode, size } = about
    if ((mode & 0o077) !== 0) {
      throw new WebxError('key-file-open-to-others', `${path} can be read or changed by others (mode ${octal(mode)})`, {
        hint: `chmod 600 ${path} – and make a new identity if somebody may have read it.`,
      })
    }
    if (size > LIMITS.keyFileBytesMax) throw broken(`${path} is too long to be a key file`)
    const bytes = new Uint8Array(size)
    await file.read(bytes, 0, size, 0)
    return bytes
  } finally {
    await file.close()
  }
}

/** Write, fsync, give it its name only if that name is free, fsync the folder. */
async function writeExclusive(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path)
  const draft = `${path}.${randomBytes(6).toString('hex')}.draft`
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    try {
      await link(draft, path)
    } finally {
      await unlink(draft)
    }
    const directory = await open(folder, 'r')
    await directory.sync().finally(() => directory.close())
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      throw new WebxError('key-file-exists', `${path} exists already and was left as it is`, {
        hint: 'Choose another path; an identity is never overwritten.',
        cause,
      })
    }
    throw new WebxError('store-failed', `cannot write ${path}: ${message}`, { cause })
  }
}

function broken(message: string, cause?: unknown): WebxError {
  return new WebxError('key-file-broken', message, {
    hint: 'Restore it from a copy; a lost key cannot be made again.',
    cause,
  })
}

function digestOf(content: Uint8Array): Uint8Array {
  return blake3Of('webx v1 key file', content)
}

function privateKeyOf(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([PKCS8_PREFIX, seed])
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } finally {
    der.fill(0)
  }
}

function publicKeyOf(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX_BYTES))
}

function signWith(key: KeyObject, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, key))
}

function octal(mode: number): string {
  return `0${(mode & 0o777).toString(8)}`
}

/**
 * Port Keys from one file of its owner's: the private side of an xQIdent (`identity/keylog.ts`), sealed by a passphrase if its owner wants it so.
 *
 * A new file holds one root from which all keys and secrets come (`key-file-root.ts`), those of later rotations, too: who reads it has the identity for good,
 * which is what the passphrase is for. A daily file signs today and holds no key that comes next: who steals it cannot rotate a log that has not been rotated
 * further (a key that was once next can write its own rotation anew; witnesses stand against that). It also holds the secrets of votes and of sealing at rest,
 * which rotations do not change.
 * Files with seeds of their own, of the first version, are read for ever. Only its owner may read a file, a new identity never overwrites one, and a change
 * leaves the old file or the new one. The key of epoch 0 can be derived again; those of later epochs need a secret that the node forgets with the epoch.
 */

import type { KeyObject } from 'node:crypto'
import { concat, fromText } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import type { Generation, KeyHistory } from '../identity/keylog-history.ts'
import type { Kind } from '../identity/xqident.ts'
import type { Keys, RandomFunction, Signer } from '../kernel/ports.ts'
import { vrfKeyOf, vrfProve } from '../proof/vrf.ts'
import { ephemeralAgreement } from './host.ts'
import { readPrivate } from './key-file-disk.ts'
import { isSealed, type RootContent, readKeyFile, rootFileBytes } from './key-file-format.ts'
import { createWithLog, eventsBeside, historyOf, type PlacedContent, placed, placedIn } from './key-file-log.ts'
import { newRoot, privateKeyOf, publicKeyOf, signWith } from './key-file-root.ts'
import { type KeyFileOptions, readClear, readUnsealed, sealedOr } from './key-file-sealed.ts'

/** What may be shown of a key file and its log, without its passphrase. */
export interface KeyFileDescription {
  /** 32 bytes. */
  readonly id: Uint8Array
  readonly label: string
  readonly kind: Kind
  /** Position in the key log of the event that showed `publicKey`. */
  readonly position: number
  /** Raw 32-byte Ed25519 public key of today. */
  readonly publicKey: Uint8Array
  /** Encoded, signed inception event. */
  readonly inception: Uint8Array
  readonly sealed: boolean
  /** Encoded events of the log beside the file, the inception first. */
  readonly log: readonly Uint8Array[]
  /** What that log says. */
  readonly history: KeyHistory
  /** False where events are missing from the log, so that nothing can be added to it. */
  readonly isWhole: boolean
}

/** The keys of an identity as of today. What comes next stays in the file, so that who gets hold of a running node does not get that. */
export interface OwnerKeys extends Keys {
  /** How many rotations there were. */
  readonly rotation: number
}

/**
 * Makes a new identity and its file (mode 0600; missing folders with 0700), durable before this returns.
 *
 * Throws `key-file-exists` where there is a file already, `store-failed` where the disk refuses, `bad-argument` for an empty passphrase.
 */
export async function createKeyFile(path: string, kind: Kind, options: KeyFileOptions = {}): Promise<OwnerKeys> {
  const root = newRoot(kind)
  try {
    return await createKeyFileFrom(path, { root, rotation: 0, position: 0 }, options)
  } finally {
    root.fill(0)
  }
}

/** Makes the file of an identity whose root is known, and of its log where there is one. Throws as `createKeyFileOf`, and `bad-identity` for what is no root. */
export async function createKeyFileFrom(
  path: string,
  content: RootContent,
  options: KeyFileOptions = {},
  log: readonly Uint8Array[] = [],
): Promise<OwnerKeys> {
  const { rotation, position } = content
  if (position < rotation) {
    throw new WebxError('bad-argument', `after ${rotation} rotations a log does not stand at position ${position}`)
  }
  return createKeyFileOf(path, rootFileBytes(content), options, log)
}

/** Makes a file of the bytes of an unsealed one, which are wiped, and its log before it. Throws as `createKeyFile`, `key-file-broken`, `retired-key`. */
export async function createKeyFileOf(
  path: string,
  clear: Uint8Array,
  options: KeyFileOptions = {},
  log: readonly Uint8Array[] = [],
): Promise<OwnerKeys> {
  try {
    const content = readClear(path, clear)
    try {
      if (log.length > 0) placedIn(path, content, log)
    } finally {
      content.wipe()
    }
    const bytes = await sealedOr(path, clear, options)
    await createWithLog(path, bytes, log).finally(() => bytes.fill(0))
  } finally {
    clear.fill(0)
  }
  return openKeyFile(path, options)
}

/**
 * Opens a key file, with the key that its log says; a passphrase that an unsealed one does not need is not looked at.
 *
 * Throws `key-file-missing`, `key-file-open-to-others`, `key-file-broken`, `passphrase-needed`, `wrong-passphrase`, `retired-key` where the log went on to a
 * key that is not in the file.
 */
export async function openKeyFile(path: string, options: KeyFileOptions = {}): Promise<OwnerKeys> {
  const clear = await readUnsealed(path, options)
  const content = readClear(path, clear)
  try {
    return new FileKeys(await placed(path, content))
  } finally {
    content.wipe()
    clear.fill(0)
  }
}

/**
 * What may be shown of a key file and its log; what a sealed one says of itself is believed only once it is opened.
 *
 * Throws `key-file-missing`, `key-file-open-to-others`, `key-file-broken`.
 */
export async function describeKeyFile(path: string): Promise<KeyFileDescription> {
  const bytes = await readPrivate(path)
  try {
    const content = readKeyFile(path, bytes)
    const { state, inception, position, publicKey } = content
    if (!isSealed(content)) content.wipe()
    const { id, label, kind } = state
    const log = (await eventsBeside(path)) ?? [inception]
    const history = historyOf(path, log, inception)
    const newest = history.generations.at(-1) as Generation
    const isAhead = newest.position > position
    return {
      ...{ id, label, kind, inception, sealed: isSealed(content), log, history, isWhole: position < log.length },
      position: isAhead ? newest.position : position,
      publicKey: isAhead ? (newest.keys[0] as Uint8Array) : publicKey,
    }
  } finally {
    bytes.fill(0)
  }
}

/**
 * The 32 bytes from which all of an identity comes, for its 24 words or its guardians; the caller wipes them.
 *
 * Throws `no-root` for a daily file and one of version 1, and what `openKeyFile` throws.
 */
export async function rootOfKeyFile(path: string, options: KeyFileOptions = {}): Promise<Uint8Array> {
  const clear = await readUnsealed(path, options)
  const content = readClear(path, clear)
  const root = content.root?.slice()
  content.wipe()
  clear.fill(0)
  if (root !== undefined) return root
  throw noRoot(path)
}

/** The error for a key file that cannot say what comes next. */
export function noRoot(path: string): WebxError {
  return new WebxError('no-root', `${path} holds no root`, {
    hint: 'Its root is kept elsewhere; a file of the first version never had one, so keep a copy of that file.',
  })
}

/** Keys out of the content of a key file, of which they take copies. */
export function keysOfContent(here: PlacedContent): OwnerKeys {
  return new FileKeys(here)
}

/**
 * The signing key after so many rotations: the newest event of the log commits to the one after `rotation` of the file.
 *
 * Throws `no-root` for a key that the file does not hold (a daily file has one, a file of version 1 the first two), `bad-argument` for what is no number of rotations, and what `openKeyFile` throws.
 */
export async function keyOfKeyFile(path: string, rotation: number, options: KeyFileOptions = {}): Promise<Signer> {
  const clear = await readUnsealed(path, options)
  const content = readClear(path, clear)
  try {
    return signerOf(content.keyAt(rotation))
  } finally {
    content.wipe()
    clear.fill(0)
  }
}

class FileKeys implements OwnerKeys {
  readonly id: Uint8Array
  readonly inception: Uint8Array
  readonly position: number
  readonly log: readonly Uint8Array[]
  readonly rotation: number
  readonly publicKey: Uint8Array
  readonly #key: KeyObject
  readonly vrf: RandomFunction
  readonly #epochSecret: Uint8Array
  readonly #restSecret: Uint8Array

  /** Takes copies of what it needs. */
  constructor({ content, log }: PlacedContent) {
    this.id = content.state.id
    this.inception = content.inception
    this.position = content.position
    this.log = log
    this.rotation = content.rotation
    this.publicKey = content.publicKey
    this.#key = content.keyAt(content.rotation)
    this.#epochSecret = content.epochSecret.slice()
    this.#restSecret = content.restSecret.slice()
    this.vrf = randomFunctionOf(this.#epochSecret)
  }

  /**
   * Signs on the calling thread: about 40 µs, less than a signature would wait in the thread pool behind
   * the verifications of a busy turn.
   */
  async sign(message: Uint8Array): Promise<Uint8Array> {
    return signWith(this.#key, message)
  }

  async epochSigner(epoch: number, secret: Uint8Array = NOTHING): Promise<Signer> {
    const material = concat(this.#epochSecret, encode(epoch), secret)
    const seed = blake3Of('webx v1 epoch key', material)
    const key = privateKeyOf(seed)
    material.fill(0)
    seed.fill(0)
    return signerOf(key)
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

/** Its key is made of the secret of votes and of nothing that rotates. */
function randomFunctionOf(epochSecret: Uint8Array): RandomFunction {
  const secret = blake3Of('webx v1 verifiable random function', epochSecret)
  let publicKey: Uint8Array | null = null
  return {
    // made when it is asked for: only members draw lots
    get publicKey() {
      publicKey ??= vrfKeyOf(secret)
      return publicKey
    },
    prove: async (input) => vrfProve(secret, input),
  }
}

function signerOf(key: KeyObject): Signer {
  return { publicKey: publicKeyOf(key), sign: async (message) => signWith(key, message) }
}

const NOTHING = new Uint8Array(0)

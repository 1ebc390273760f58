/**
 * What stands in a key file: version 1 (seeds of their own), version 2 (one root), version 3 (the key of today alone), version 4 (a root that goes on with a
 * reclaimed identity), and any of them sealed by a passphrase.
 *
 * Each is a canonical array with a BLAKE3 digest behind it, so that damage is told apart from a wrong passphrase. A sealed file holds the whole unsealed one, byte
 * for byte, and in front of it what may be shown without the passphrase: whose it is and which key speaks for it.
 */

import type { KeyObject } from 'node:crypto'
import { concat, equal } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { type KeyState, keyDigest, readInception } from '../identity/keylog.ts'
import { broken } from './key-file-disk.ts'
import {
  epochSecretOfRoot,
  inceptionOfRoot,
  keyOfRoot,
  kindOfReclaimingRoot,
  kindOfRoot,
  privateKeyOf,
  publicKeyOf,
  restSecretOfRoot,
} from './key-file-root.ts'

/** The secrets of a key file. All but `inception` and `publicKey` are secret; `wipe` clears them. */
export interface KeyContent {
  readonly state: KeyState
  readonly inception: Uint8Array
  /** How many rotations there were, a recovery counting as one. */
  readonly rotation: number
  /** Position in the key log of the event that showed the current key. */
  readonly position: number
  readonly publicKey: Uint8Array
  /** 32 bytes, or null in files of versions 1 and 3. */
  readonly root: Uint8Array | null
  /** The rotation whose key is number 0 of the root: 0, or that of a recovery. */
  readonly since: number
  readonly epochSecret: Uint8Array
  readonly restSecret: Uint8Array
  /** The signing key after so many rotations. Throws `no-root` where this file cannot know it. */
  keyAt(rotation: number): KeyObject
  wipe(): void
}

/** A sealed file: what may be shown, and the sealed text with what it is bound to. */
export interface SealedContent {
  readonly state: KeyState
  readonly inception: Uint8Array
  readonly position: number
  readonly publicKey: Uint8Array
  readonly sealed: Uint8Array
  readonly bound: Uint8Array
}

/** What a file of version 2 or 4 is made of. */
export interface RootContent {
  /** 32 bytes. */
  readonly root: Uint8Array
  readonly rotation: number
  readonly position: number
  /** Encoded, signed inception event; where it is left out, the one that the root makes. */
  readonly inception?: Uint8Array
  /** The rotation whose key is number 0 of the root; 0 where it is left out. */
  readonly since?: number
}

const FORMAT = 'webx key file'
const SEALED_FORMAT = 'webx sealed key file'
const SEALED_VERSION = 1
const DIGEST_BYTES = 32
const INCEPTION_BYTES_MAX = 4096

/** The bytes of an unsealed file of version 2, or of version 4 where the root is not the first one. */
export function rootFileBytes({ root, rotation, position, inception, since = 0 }: RootContent): Uint8Array {
  if (since > 0)
    return digested(encode([FORMAT, 4, root, since, rotation, position, inception ?? inceptionOfRoot(root)]))
  return digested(encode([FORMAT, 2, root, rotation, position, inception ?? inceptionOfRoot(root)]))
}

/** The bytes of an unsealed file of version 3: what signs today, and nothing of what comes next. `seed` is that of its key. */
export function dailyFileBytes(
  { rotation, position, epochSecret, restSecret, inception }: KeyContent,
  seed: Uint8Array,
) {
  return digested(encode([FORMAT, 3, seed, epochSecret, restSecret, rotation, position, inception]))
}

/** What a sealed file of these secrets shows, to which its sealed text is bound. */
export function boundOf({ inception, position, publicKey }: Omit<SealedContent, 'sealed' | 'bound' | 'state'>) {
  return encode(shownBy(inception, position, publicKey))
}

/** The bytes of a sealed file. */
export function sealedFileBytes(content: KeyContent, sealed: Uint8Array): Uint8Array {
  return digested(encode([...shownBy(content.inception, content.position, content.publicKey), sealed]))
}

/** Reads a file of either form; secrets are copies. Throws `key-file-broken` with the path in its message. */
export function readKeyFile(path: string, bytes: Uint8Array): KeyContent | SealedContent {
  try {
    const content = bytes.subarray(0, Math.max(0, bytes.length - DIGEST_BYTES))
    if (!equal(digestOf(content), bytes.subarray(content.length))) throw broken('its digest does not match')
    const fields = Fields.of('key file', content, LIMITS.keyFileBytesMax)
    const format = fields.text('format', 32)
    const version = fields.uint('version')
    if (format === SEALED_FORMAT && version === SEALED_VERSION) return readSealed(fields)
    if (format === FORMAT && version === 1) return readSeeds(fields)
    if (format === FORMAT && version === 2) return readRoot(fields)
    if (format === FORMAT && version === 3) return readDaily(fields)
    if (format === FORMAT && version === 4) return readReclaimed(fields)
    if (format !== FORMAT && format !== SEALED_FORMAT) throw broken('it is something else')
    throw new WebxError('bad-version', `its version is ${version}, which is not known here`)
  } catch (cause) {
    throw broken(`${path} is not a whole key file: ${(cause as Error).message}`, cause)
  }
}

/** True for a file that needs its passphrase. */
export function isSealed(content: KeyContent | SealedContent): content is SealedContent {
  return 'sealed' in content
}

function readSealed(fields: Fields): SealedContent {
  const inception = fields.bytesBetween('inception', 1, INCEPTION_BYTES_MAX).slice()
  const position = fields.uint('position')
  const publicKey = fields.bytes('publicKey', 32).slice()
  const sealed = fields.bytesBetween('sealed', 1, LIMITS.keyFileBytesMax).slice()
  fields.end()
  const bound = encode(shownBy(inception, position, publicKey))
  return { state: readInception(inception), inception, position, publicKey, sealed, bound }
}

function readSeeds(fields: Fields): KeyContent {
  const seeds = [fields.bytes('seed', 32).slice(), fields.bytes('nextSeed', 32).slice()]
  const epochSecret = fields.bytes('epochSecret', 32).slice()
  const restSecret = fields.bytes('restSecret', 32).slice()
  const inception = fields.bytesBetween('inception', 1, INCEPTION_BYTES_MAX).slice()
  fields.end()
  const keyAt = (rotation: number): KeyObject => keyOf(seeds[rotation], rotation)
  const state = stateOf(inception, keyAt)
  const wipe = (): void => [...seeds, epochSecret, restSecret].forEach((secret) => void secret.fill(0))
  const publicKey = publicKeyOf(keyAt(0))
  const { position } = state
  return {
    state,
    inception,
    rotation: 0,
    position,
    publicKey,
    root: null,
    since: 0,
    epochSecret,
    restSecret,
    keyAt,
    wipe,
  }
}

function readRoot(fields: Fields): KeyContent {
  const root = fields.bytes('root', 32).slice()
  const rotation = fields.uint('rotation', LIMITS.rotationsMax - 1)
  const position = fields.uint('position')
  const inception = fields.bytesBetween('inception', 1, INCEPTION_BYTES_MAX).slice()
  fields.end()
  const state = stateOf(inception, (number) => keyOfRoot(root, number))
  if (state.kind !== kindOfRoot(root) || position < rotation) throw broken('its root is not that of its identity')
  return contentOfRoot({ state, inception, rotation, position, root, since: 0 })
}

/** That the root is that of the identity, only the log can say. */
function readReclaimed(fields: Fields): KeyContent {
  const root = fields.bytes('root', 32).slice()
  const since = fields.uint('since', LIMITS.rotationsMax - 1)
  const rotation = fields.uint('rotation', LIMITS.rotationsMax - 1)
  const position = fields.uint('position')
  const inception = fields.bytesBetween('inception', 1, INCEPTION_BYTES_MAX).slice()
  fields.end()
  const state = readInception(inception)
  const fits = state.kind === kindOfReclaimingRoot(root) && since > 0 && rotation >= since && position >= rotation
  if (!fits) throw broken('its root is not that of its identity')
  return contentOfRoot({ state, inception, rotation, position, root, since })
}

function contentOfRoot(
  known: Pick<KeyContent, 'state' | 'inception' | 'rotation' | 'position' | 'since'> & { readonly root: Uint8Array },
): KeyContent {
  const { root, rotation, since } = known
  const keyAt = (number: number): KeyObject =>
    number >= 0 && number < since ? keyOf(undefined, number) : keyOfRoot(root, number - since)
  const epochSecret = epochSecretOfRoot(root)
  const restSecret = restSecretOfRoot(root)
  const wipe = (): void => [root, epochSecret, restSecret].forEach((secret) => void secret.fill(0))
  return { ...known, publicKey: publicKeyOf(keyAt(rotation)), epochSecret, restSecret, keyAt, wipe }
}

function readDaily(fields: Fields): KeyContent {
  const seed = fields.bytes('seed', 32).slice()
  const epochSecret = fields.bytes('epochSecret', 32).slice()
  const restSecret = fields.bytes('restSecret', 32).slice()
  const rotation = fields.uint('rotation', LIMITS.rotationsMax - 1)
  const position = fields.uint('position')
  const inception = fields.bytesBetween('inception', 1, INCEPTION_BYTES_MAX).slice()
  fields.end()
  const state = readInception(inception)
  const publicKey = publicKeyOf(privateKeyOf(seed))
  // which key a later rotation showed, only the log knows
  const fits = rotation > 0 || equal(publicKey, state.keys[0] as Uint8Array)
  if (!fits || position < rotation) throw broken('its key is not that of its identity')
  const keyAt = (number: number): KeyObject => keyOf(number === rotation ? seed : undefined, number)
  const wipe = (): void => [seed, epochSecret, restSecret].forEach((secret) => void secret.fill(0))
  return { state, inception, rotation, position, publicKey, root: null, since: 0, epochSecret, restSecret, keyAt, wipe }
}

function keyOf(seed: Uint8Array | undefined, rotation: number): KeyObject {
  if (seed !== undefined) return privateKeyOf(seed)
  throw new WebxError('no-root', `this key file knows no key for rotation ${rotation}`, {
    hint: 'Use the file, the words or the guardians that hold the root of this identity.',
  })
}

function stateOf(inception: Uint8Array, keyAt: (rotation: number) => KeyObject): KeyState {
  const state = readInception(inception)
  const fits =
    equal(publicKeyOf(keyAt(0)), state.keys[0] as Uint8Array) &&
    equal(keyDigest(publicKeyOf(keyAt(1))), state.nextKeyDigests[0] as Uint8Array)
  if (!fits) throw broken('its keys are not those of its identity')
  return state
}

function shownBy(inception: Uint8Array, position: number, publicKey: Uint8Array): Cbor[] {
  return [SEALED_FORMAT, SEALED_VERSION, inception, position, publicKey]
}

/** Wipes the content, which holds secrets where it is not sealed. */
function digested(content: Uint8Array): Uint8Array {
  const bytes = concat(content, digestOf(content))
  content.fill(0)
  return bytes
}

function digestOf(content: Uint8Array): Uint8Array {
  return blake3Of('webx v1 key file', content)
}

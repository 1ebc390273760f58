/**
 * The key file of an identity made again on another machine, out of its 24 words or the shares of its guardians.
 *
 * Both hold the root and nothing else, so the file is that of the identity as it began. An identity that has rotated its key since then says so in its
 * key log: its rotation and position are handed in by whoever has read the log.
 */

import { randomFillSync } from 'node:crypto'
import { combineShares, type GuardianShare, type ShareProblem, splitForGuardians } from '../identity/guardians.ts'
import { entropyOf, wordsOf } from '../identity/words.ts'
import { createKeyFileFrom, type OwnerKeys, rootOfKeyFile } from './key-file.ts'
import { assertRootOf } from './key-file-root.ts'
import type { KeyFileOptions } from './key-file-sealed.ts'

/** What an identity is recovered from. */
export type RecoverFrom =
  | { readonly words: string }
  /** Texts from paper or bytes from files; more than needed may be given, and bad ones among them. */
  | { readonly shares: readonly (string | Uint8Array)[] }

/** Where the identity's key log stands; 0 and 0 where it never rotated. */
export interface RecoverOptions extends KeyFileOptions {
  /** Encoded, signed inception event, for an identity that began with more than its root says: with recovery keys or several signers. */
  readonly inception?: Uint8Array
  readonly rotation?: number
  readonly position?: number
}

/** A recovered identity, and which of the given shares were of no use. */
export interface Recovered {
  readonly keys: OwnerKeys
  readonly problems: readonly ShareProblem[]
}

/**
 * Makes the key file of the very same identity, durable before this returns.
 *
 * Throws `word-count`, `unknown-word`, `wrong-words`, `shares-missing`, `share-broken`, `bad-identity` for words or shares of something else,
 * `key-file-exists`, `store-failed`; no file is made then.
 */
export async function recoverKeyFile(
  path: string,
  from: RecoverFrom,
  { rotation = 0, position = 0, inception, ...options }: RecoverOptions = {},
): Promise<Recovered> {
  const { secret: root, problems } =
    'words' in from ? { secret: entropyOf(from.words), problems: [] } : combineShares(from.shares)
  try {
    if (inception !== undefined) assertRootOf(root, inception)
    const content = { root, rotation, position, ...(inception === undefined ? {} : { inception }) }
    const keys = await createKeyFileFrom(path, content, options)
    return { keys, problems }
  } finally {
    root.fill(0)
  }
}

/** The 24 words of a key file. Throws `no-root` for a file of version 1, and what `openKeyFile` throws. */
export async function wordsOfKeyFile(path: string, options: KeyFileOptions = {}): Promise<string> {
  const root = await rootOfKeyFile(path, options)
  try {
    return wordsOf(root)
  } finally {
    root.fill(0)
  }
}

/** A share of a key file for each of these guardians. Throws as `wordsOfKeyFile`, and `bad-argument`. */
export async function guardKeyFile(
  path: string,
  guardians: readonly string[],
  needed: number,
  options: KeyFileOptions = {},
): Promise<GuardianShare[]> {
  const root = await rootOfKeyFile(path, options)
  try {
    return splitForGuardians(root, guardians, needed, (length) => randomFillSync(new Uint8Array(length)))
  } finally {
    root.fill(0)
  }
}

/**
 * The key file of an identity made again on another machine, out of its 24 words or the shares of its guardians.
 *
 * Both hold the root and nothing else, so the file is that of the identity as it began. An identity that has rotated its key since then, or was reclaimed with
 * a new root, says so in its key log, which is handed in. Shares and words of several identities may lie in one drawer: who wants a certain one names it.
 */

import { randomFillSync } from 'node:crypto'
import { equal, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import {
  combineShares,
  type GuardianShare,
  readShare,
  type ShareProblem,
  splitForGuardians,
} from '../identity/guardians.ts'
import { readInception } from '../identity/keylog.ts'
import { believing, readKeyHistory } from '../identity/keylog-history.ts'
import { entropyOf, wordsOf } from '../identity/words.ts'
import { createKeyFileFrom, type OwnerKeys, rootOfKeyFile } from './key-file.ts'
import { type RootContent, rootFileBytes } from './key-file-format.ts'
import { placedIn } from './key-file-log.ts'
import { assertRootOf, inceptionOfRoot, isReclaimingRoot, keyOfRoot, publicKeyOf } from './key-file-root.ts'
import { type KeyFileOptions, readClear } from './key-file-sealed.ts'

/** What an identity is recovered from. */
export type RecoverFrom =
  | { readonly words: string }
  /** Texts from paper or bytes from files; more than needed may be given, and bad ones among them. */
  | { readonly shares: readonly (string | Uint8Array)[] }

/** What is known of the identity beside its root. */
export interface RecoverOptions extends KeyFileOptions {
  /** Whose identity is wanted: its label, or 64 hexadecimal digits; another one is refused. */
  readonly wanted?: string
  /** Its key log: encoded events, the inception first. */
  readonly log?: readonly Uint8Array[]
  /** Encoded, signed inception event, for an identity that began with more than its root says: with recovery keys or several signers. */
  readonly inception?: Uint8Array
  /** Where the key log stands, for who has it elsewhere; 0 and 0 where it never rotated. */
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
 * `wrong-identity` where another one is wanted or two are given, `retired-key` where the log says that this root is over, `key-file-exists`, `store-failed`; no
 * file is made then.
 */
export async function recoverKeyFile(
  path: string,
  from: RecoverFrom,
  { rotation = 0, position = 0, inception, log, wanted, ...options }: RecoverOptions = {},
): Promise<Recovered> {
  const known = log?.[0] ?? inception
  const found = rootsIn(from)
  try {
    const { secret: root, problems } = theOne(found, known, wanted)
    const content = log
      ? placeOfRoot(path, root, log)
      : { root, rotation, position, ...(inception === undefined ? {} : { inception }) }
    if (inception !== undefined && !isReclaimingRoot(root)) assertRootOf(root, inception)
    return { keys: await createKeyFileFrom(path, content, options, log), problems }
  } finally {
    for (const { secret } of found) secret.fill(0)
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

/** A root that was found, and what was of no use for it. */
interface FoundRoot {
  readonly secret: Uint8Array
  readonly problems: readonly ShareProblem[]
}

/** The root of the words, or of every set of shares that is complete; at least one. */
function rootsIn(from: RecoverFrom): FoundRoot[] {
  if ('words' in from) return [{ secret: entropyOf(from.words), problems: [] }]
  let rest = from.shares.map((share, at) => ({ share, at }))
  const used: ShareProblem[] = []
  const found: FoundRoot[] = []
  for (;;) {
    try {
      const { secret, problems } = combineShares(rest.map(({ share }) => share))
      const own = problems.map((problem) => ({ ...problem, at: rest[problem.at]?.at as number }))
      found.push({ secret, problems: [...used, ...own].sort((a, b) => a.at - b.at) })
      const foreign = own.filter(({ code }) => code === 'share-foreign').map(({ at }) => at)
      used.push(...own.filter(({ code }) => code !== 'share-foreign'))
      used.push(...rest.filter(({ at }) => !own.some((problem) => problem.at === at)).map(ofAnotherSet))
      rest = rest.filter(({ at }) => foreign.includes(at))
    } catch (error) {
      if (found.length === 0) throw error
      return found
    }
  }
}

function ofAnotherSet({ share, at }: { readonly share: string | Uint8Array; readonly at: number }): ShareProblem {
  const { guardian } = readShare(share)
  return { at, guardian, code: 'share-foreign', message: `share ${at + 1}, of ${guardian}: it belongs to another set` }
}

/** The root that is wanted. Throws `wrong-identity` for another one, and for two of which either may be meant. */
function theOne(found: readonly FoundRoot[], known: Uint8Array | undefined, wanted: string | undefined): FoundRoot {
  const fitting = found.filter(({ secret }) => isWanted(secret, known, wanted))
  const [one, ...more] = fitting
  if (one === undefined) {
    const names = found.map(({ secret }) => nameOf(secret, known)).join(' and ')
    throw new WebxError('wrong-identity', `these are of ${names}, not of ${wanted}`, {
      hint: 'Look for the words or shares of that identity, or leave --id out to have this one back.',
    })
  }
  if (more.every(({ secret }) => equal(secret, one.secret))) return one
  const names = fitting.map(({ secret }) => nameOf(secret, undefined)).join(' and ')
  throw new WebxError('wrong-identity', `these are shares of two identities: ${names}`, {
    hint: 'Say which one is wanted with --id, or leave out the shares of the other.',
  })
}

function isWanted(root: Uint8Array, known: Uint8Array | undefined, wanted: string | undefined): boolean {
  return wanted === undefined || namesOf(root, known).includes(wanted.toLowerCase())
}

/** The label and the id of a root; none for one that goes on with an identity that is not known. */
function namesOf(root: Uint8Array, known: Uint8Array | undefined): string[] {
  const inception = isReclaimingRoot(root) || isFirstKeyOf(root, known) ? known : inceptionOfRoot(root)
  if (inception === undefined) return []
  const { id, label } = readInception(inception)
  return [label, toHex(id)]
}

function isFirstKeyOf(root: Uint8Array, inception: Uint8Array | undefined): boolean {
  return (
    inception !== undefined && equal(publicKeyOf(keyOfRoot(root, 0)), readInception(inception).keys[0] as Uint8Array)
  )
}

function nameOf(root: Uint8Array, known: Uint8Array | undefined): string {
  return namesOf(root, known)[0] ?? 'a reclaimed identity'
}

/** What a key file of this root holds where its log stands. Throws `bad-identity`, `retired-key`, `key-file-broken`. */
function placeOfRoot(path: string, root: Uint8Array, log: readonly Uint8Array[]): RootContent {
  const inception = log[0] as Uint8Array
  const beginning = { root, inception, ...beginningOf(root, log) }
  const content = readClear(path, rootFileBytes(beginning))
  try {
    const { rotation, position } = placedIn(path, content, log).content
    return { ...beginning, rotation, position }
  } finally {
    content.wipe()
  }
}

/** Where a root comes in: with the inception, or with the recovery that showed its first key. */
function beginningOf(root: Uint8Array, log: readonly Uint8Array[]): Omit<RootContent, 'root' | 'inception'> {
  if (!isReclaimingRoot(root)) {
    assertRootOf(root, log[0] as Uint8Array)
    return { rotation: 0, position: 0 }
  }
  const { generations, state } = readKeyHistory(log, believing(log, false))
  const all = [...generations, ...(state.pending ? [state.pending.event] : [])]
  const firstKey = publicKeyOf(keyOfRoot(root, 0))
  const since = all.findIndex(({ event, keys }) => event === 'recovery' && equal(keys[0] as Uint8Array, firstKey))
  if (since < 0) throw new WebxError('bad-identity', 'these are the words or shares of another identity')
  return { since, rotation: since, position: (all[since] as { position: number }).position }
}

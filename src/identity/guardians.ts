/**
 * Guardians: a secret of 32 bytes in as many shares as there are people, some of whom together restore it, and fewer of whom know nothing.
 *
 * Shamir's scheme turns one wrong share into a wrong secret without a word. So every share carries what the whole set was committed to: a digest of each
 * share and of the secret. A share is checked against it alone, the shares against each other, the secret at the end; whatever is
 * mistyped, damaged, of another set or given twice is named by its guardian before anything is joined. Digests have 128 bits: nobody gains by two shares
 * of one digest except who made the set. The secret must be uniformly random, since its digest is in every share.
 */

import { equal } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { blake3Of } from '../core/digest.ts'
import { type Code, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { mistyped, readPaper, toPaper } from './paper.ts'
import { joinPoints, splitSecret } from './shamir.ts'

/** What one guardian keeps. */
export interface GuardianShare {
  /** 16 bytes, the same for all shares of a set. */
  readonly setId: Uint8Array
  /** How many shares restore the secret. */
  readonly needed: number
  /** From 1 to the number of guardians. */
  readonly index: number
  /** The guardian's name, as the owner wrote it. */
  readonly guardian: string
  /** 32 bytes. */
  readonly share: Uint8Array
  /** 16 bytes. */
  readonly secretDigest: Uint8Array
  /** 16 bytes for each guardian. */
  readonly shareDigests: readonly Uint8Array[]
}

/** A share that was given and is of no use. */
export interface ShareProblem {
  /** Its place among those given, from 0. */
  readonly at: number
  /** Whose it is, or '' where that cannot be read. */
  readonly guardian: string
  readonly code: Code
  /** One sentence that names the guardian. */
  readonly message: string
}

/** Good shares of one set, and what is wrong with the others. */
export interface GatheredShares {
  readonly shares: readonly GuardianShare[]
  readonly problems: readonly ShareProblem[]
}

const VERSION = 1
const SECRET_BYTES = 32
const DIGEST_BYTES = 16
const HEADING_CHARACTERS_MAX = 256
const NOBODY = 'an unnamed guardian'

/**
 * One share for each guardian.
 *
 * @param secret 32 uniformly random bytes
 * @param needed how many of them restore it, at least 2
 * @param random gives that many uniformly random bytes
 * @throws WebxError `bad-argument` for too few or too many guardians and for names that are empty, long, alike or not on one line
 */
export function splitForGuardians(
  secret: Uint8Array,
  guardians: readonly string[],
  needed: number,
  random: (length: number) => Uint8Array,
): GuardianShare[] {
  if (!(secret instanceof Uint8Array) || secret.length !== SECRET_BYTES) {
    throw new WebxError('bad-argument', `a guarded secret has ${SECRET_BYTES} bytes`)
  }
  assertGuardians(guardians)
  const points = splitSecret(secret, guardians.length, needed, random)
  const named = points.map(({ x, y }, i) => ({ index: x, share: y, guardian: guardians[i] as string, needed }))
  const shareDigests = named.map(shareDigestOf)
  const secretDigest = secretDigestOf(secret, shareDigests)
  const setId = setIdOf(needed, secretDigest, shareDigests)
  return named.map((share) => ({ setId, secretDigest, shareDigests, ...share }))
}

/** Bytes of a share: a canonical array, for a file or a QR code. */
export function shareBytes(share: GuardianShare): Uint8Array {
  const { needed, index, guardian, secretDigest, shareDigests } = share
  return encode([VERSION, needed, index, guardian, share.share, secretDigest, shareDigests])
}

/** A share as text for paper; its first line says for people what it is. */
export function shareText(share: GuardianShare): string {
  const { index, needed, guardian, shareDigests } = share
  const heading = `# webx guardian share ${index} of ${shareDigests.length}, any ${needed} restore – ${guardian}`
  return `${heading}\n${toPaper(shareBytes(share))}`
}

/** One share, from its bytes or its text. Throws `mistyped`, `share-broken`, `bad-version`, `too-long`. */
export function readShare(given: Uint8Array | string): GuardianShare {
  const { share, problem } = examine(given)
  if (share === null) throw problem
  return share
}

/**
 * Sorts what was given: the good shares of the one set that is complete, or that most of them belong to, and a problem for each of the others.
 *
 * Throws `limit` for more than could be meant.
 */
export function gatherShares(given: readonly (Uint8Array | string)[]): GatheredShares {
  if (given.length > LIMITS.sharesGivenMax) throw new WebxError('limit', `${given.length} shares are too many`)
  const problems: ShareProblem[] = []
  const whole: { share: GuardianShare; at: number }[] = []
  given.forEach((item, at) => {
    const { share, guardian, problem } = examine(item)
    if (share !== null) whole.push({ share, at })
    else problems.push({ at, guardian, code: problem.code, message: said(at, guardian, problem.message) })
  })
  const chosen = mostCommonSet(whole.map(({ share }) => share))
  const shares: GuardianShare[] = []
  for (const { share, at } of whole) {
    const { guardian } = share
    if (chosen === null || !equal(share.setId, chosen)) {
      problems.push({ at, guardian, code: 'share-foreign', message: said(at, guardian, 'it belongs to another set') })
    } else if (shares.some(({ index }) => index === share.index)) {
      problems.push({ at, guardian, code: 'share-repeated', message: said(at, guardian, 'it was given before') })
    } else shares.push(share)
  }
  return { shares, problems: problems.sort((a, b) => a.at - b.at) }
}

/**
 * The secret of enough good shares, and what is wrong with the others that were given.
 *
 * Throws `shares-missing`, which names every bad share; and `share-broken` where whoever made the set committed to another secret than it holds.
 */
export function combineShares(given: readonly (Uint8Array | string)[]): {
  secret: Uint8Array
  problems: readonly ShareProblem[]
} {
  const { shares, problems } = gatherShares(given)
  const [first] = shares
  if (first === undefined || shares.length < first.needed) {
    const wanted = first === undefined ? 'no good share was given' : `${shares.length} of ${first.needed} are good`
    throw new WebxError('shares-missing', [wanted, ...problems.map(({ message }) => message)].join('; '), {
      hint: 'Ask another guardian, or look at the shares that are named here.',
    })
  }
  const secret = joinPoints(shares.slice(0, first.needed).map(({ index, share }) => ({ x: index, y: share })))
  if (!equal(secretDigestOf(secret, first.shareDigests), first.secretDigest)) {
    secret.fill(0)
    throw new WebxError('share-broken', 'these shares are as they were made, but do not hold the secret they promise')
  }
  return { secret, problems }
}

type Examined =
  | { readonly share: GuardianShare; readonly guardian: string; readonly problem: null }
  | { readonly share: null; readonly guardian: string; readonly problem: WebxError }

/** The name in the heading of a text, which nobody vouches for: short, and nothing that a terminal would obey. */
function headingName(text: string): string {
  const [heading = ''] = text.trimStart().slice(0, HEADING_CHARACTERS_MAX).split('\n')
  const [, name = ''] = heading.startsWith('#') ? heading.split('–') : []
  return name
    .replaceAll(/\p{Cc}/gu, '')
    .trim()
    .slice(0, LIMITS.guardianLabelCharactersMax)
}

/** A mistyped share is decoded all the same, because a mistake in one place may leave the name readable. */
function examine(given: Uint8Array | string): Examined {
  let problem: WebxError | null = null
  let guardian = ''
  try {
    let bytes = given
    if (typeof bytes === 'string') {
      guardian = headingName(bytes)
      const typed = readPaper(bytes)
      if (typed.wrongLine > 0) problem = mistyped(typed.wrongLine)
      bytes = typed.bytes
    }
    const share = decodeShare(bytes)
    guardian = share.guardian
    const committed = share.shareDigests[share.index - 1] as Uint8Array
    if (problem === null && !equal(shareDigestOf(share), committed)) {
      problem = new WebxError('share-broken', 'it is not the share that the set was committed to')
    }
    return problem === null ? { share, guardian, problem } : { share: null, guardian, problem }
  } catch (cause) {
    if (!(cause instanceof WebxError)) throw cause
    const kept = cause.code === 'bad-version' || cause.code === 'too-long' ? cause : null
    const broken = new WebxError('share-broken', `it is not a whole share: ${cause.message}`, { cause })
    return { share: null, guardian, problem: problem ?? kept ?? broken }
  }
}

function decodeShare(bytes: Uint8Array): GuardianShare {
  const fields = Fields.of('guardian share', bytes, LIMITS.shareBytesMax)
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `its version is ${version}, known is ${VERSION}`)
  const needed = fields.uint('needed', LIMITS.guardiansMax)
  const index = fields.uint('index', LIMITS.guardiansMax)
  const guardian = fields.text('guardian', LIMITS.guardianLabelCharactersMax)
  const share = fields.bytes('share', SECRET_BYTES)
  const secretDigest = fields.bytes('secretDigest', DIGEST_BYTES)
  const shareDigests = fields.list('shareDigests', LIMITS.guardiansMax, (item) => {
    if (item instanceof Uint8Array && item.length === DIGEST_BYTES) return item
    throw new WebxError('bad-shape', `guardian share: digests have ${DIGEST_BYTES} bytes`)
  })
  fields.end()
  if (needed < 2 || needed > shareDigests.length || index < 1 || index > shareDigests.length) {
    throw new WebxError('bad-shape', 'guardian share: its numbers do not fit together')
  }
  assertGuardians([guardian])
  return {
    setId: setIdOf(needed, secretDigest, shareDigests),
    needed,
    index,
    guardian,
    share,
    secretDigest,
    shareDigests,
  }
}

function assertGuardians(names: readonly string[]): void {
  if (names.length > LIMITS.guardiansMax) {
    throw new WebxError('bad-argument', `at most ${LIMITS.guardiansMax} guardians, not ${names.length}`)
  }
  for (const name of names) {
    const isFit = name.trim() === name && name !== '' && name.length <= LIMITS.guardianLabelCharactersMax
    if (!isFit || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(name)) {
      const rule = `1 to ${LIMITS.guardianLabelCharactersMax} characters on one line`
      throw new WebxError('bad-argument', `a guardian's name has ${rule}, without spaces around it`)
    }
  }
  if (new Set(names).size !== names.length) throw new WebxError('bad-argument', 'guardians have different names')
}

/** A set that is complete goes before one that is not, then the larger; of equals the one given first. */
function mostCommonSet(shares: readonly GuardianShare[]): Uint8Array | null {
  const weight = ({ setId, needed }: GuardianShare): number => {
    const count = new Set(shares.filter((other) => equal(other.setId, setId)).map(({ index }) => index)).size
    return count >= needed ? count + LIMITS.guardiansMax : count
  }
  let best: GuardianShare | null = null
  for (const share of shares) if (best === null || weight(share) > weight(best)) best = share
  return best?.setId ?? null
}

function shareDigestOf(share: Pick<GuardianShare, 'needed' | 'index' | 'guardian' | 'share'>): Uint8Array {
  const { needed, index, guardian } = share
  return short(blake3Of('webx v1 guardian share', encode([needed, index, guardian, share.share])))
}

/** Over the digests of the shares, too: two sets of one secret have nothing in common that shows. */
function secretDigestOf(secret: Uint8Array, shareDigests: readonly Uint8Array[]): Uint8Array {
  return short(blake3Of('webx v1 guarded secret', encode([secret, shareDigests])))
}

function setIdOf(needed: number, secretDigest: Uint8Array, shareDigests: readonly Uint8Array[]): Uint8Array {
  return short(blake3Of('webx v1 guardian set', encode([needed, secretDigest, shareDigests])))
}

function short(digest: Uint8Array): Uint8Array {
  return digest.subarray(0, DIGEST_BYTES)
}

function said(at: number, guardian: string, what: string): string {
  return `share ${at + 1}, of ${guardian || NOBODY}: ${what}`
}

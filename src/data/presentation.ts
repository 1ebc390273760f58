/**
 * A presentation: a ping with the narrowings that led to its present holder and the fields that this one shows; what is handed over, drawn as a QR code, and redeemed.
 *
 * `rightsOf` is the one way from such bytes to rights: every signature, every link of the chain, every narrowing and every field is checked there.
 * Layout and CDDL: `src/PROTOCOL.md`.
 */

import { concat, equal } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { assertPublicKey, type SignatureCheck, verifyGroups } from '../core/crypto.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { type Field, fieldDigest, readDisclosure } from './metadata.ts'
import { type Held, type Narrowing, readNarrowing } from './narrowing.ts'
import { type Ping, readPing } from './ping.ts'
import { narrow } from './rights.ts'

/** The parts of a presentation, as bytes. */
export interface PresentationParts {
  readonly ping: Uint8Array
  /** From the issuer's first holder to the present one. */
  readonly narrowings: readonly Uint8Array[]
  /** What opens field digests, in the order of those in the ping. */
  readonly disclosures: readonly Uint8Array[]
}

/** A presentation as it was read; nothing in it is verified yet. */
export interface Presentation {
  readonly ping: Ping
  readonly narrowings: readonly Narrowing[]
  readonly disclosures: readonly Uint8Array[]
  /** 32 bytes that a redemption refers to. */
  readonly digest: Uint8Array
}

/** A bound on uses: what counts against it bears the key. */
export interface UseCounter {
  /** Issuer and ping id (48 bytes) for all uses of a ping, the digest (32 bytes) of a narrowing for those behind it. */
  readonly key: Uint8Array
  readonly uses: number
  /** From then on nothing is redeemed that counts against it. */
  readonly expiresMs: number
}

/** A verified presentation. */
export interface Presented extends Held {
  readonly ping: Ping
  readonly digest: Uint8Array
  readonly counters: readonly UseCounter[]
  /** What is shown, in the order of the ping's digests. */
  readonly fields: readonly Field[]
}

const VERSION = 1

/** Bytes of a presentation. */
export function encodePresentation({ ping, narrowings, disclosures }: PresentationParts): Uint8Array {
  return encode([VERSION, ping, narrowings, disclosures])
}

/** Reads a presentation, so that the issuer's key can be looked up. Throws `too-long`, `not-canonical`, `bad-shape` or `bad-version`. */
export function readPresentation(bytes: Uint8Array): Presentation {
  const fields = Fields.of('presentation', bytes, LIMITS.pingPresentationBytesMax)
  const version = fields.uint('version')
  if (version !== VERSION) {
    throw new WebxError('bad-version', `presentation: version ${version}, this runtime reads ${VERSION}`)
  }
  const ping = readPing(fields.bytesBetween('ping', 1, LIMITS.pingBytesMax))
  const narrowings = fields.list('narrowings', LIMITS.pingNarrowingsMax, (item) => readNarrowing(bytesOf(item)))
  const disclosures = fields.list('disclosures', LIMITS.pingFieldsMax, bytesOf)
  fields.end()
  return { ping, narrowings, disclosures, digest: blake3Of('webx v1 ping presentation', bytes) }
}

/**
 * Verifies a presentation. That the issuer owns the file is for the server to check, which knows the file.
 *
 * @param issuerKey the issuer's Ed25519 key at `ping.issuerPosition` of its key log, 32 bytes
 * @throws WebxError `bad-signature` (not by the issuer), `broken-chain` (a narrowing of something else, or not by its holder), `narrowing-widens`, `bad-key` (of a holder),
 * `tampered` (a field that the ping does not hold, or that is not visible any more)
 */
export function rightsOf(presentation: Presentation, { issuerKey }: { readonly issuerKey: Uint8Array }): Presented {
  const { ping, narrowings, digest } = presentation
  assertLinked(ping, narrowings)
  assertSigned(ping, narrowings, issuerKey)
  let { rights } = ping
  for (const narrowing of narrowings) rights = narrow(rights, narrowing.rights)
  const tip = narrowings.at(-1)?.digest ?? ping.digest
  const fields = openFields(presentation, rights.visible)
  return { ping, rights, tip, digest, counters: countersOf(ping, narrowings), fields }
}

function assertLinked(ping: Ping, narrowings: readonly Narrowing[]): void {
  for (const [i, { previous }] of narrowings.entries()) {
    if (!equal(previous, narrowings[i - 1]?.digest ?? ping.digest)) {
      throw new WebxError('broken-chain', `narrowing ${i + 1} is not of what stands before it`)
    }
  }
}

/** Each narrowing by the holder before, the ping by its issuer; all checked together. */
function assertSigned(ping: Ping, narrowings: readonly Narrowing[], issuerKey: Uint8Array): void {
  const holders = [ping.rights.holderKey, ...narrowings.map(({ rights }) => rights.holderKey)]
  for (const key of holders) assertPublicKey(key)
  const checks: SignatureCheck[] = [{ key: issuerKey, message: ping.message, signature: ping.signature }]
  for (const [i, { message, signature }] of narrowings.entries()) {
    checks.push({ key: holders[i] as Uint8Array, message, signature })
  }
  const failed = verifyGroups(checks.map((check) => [check])).indexOf(false)
  if (failed === 0) throw new WebxError('bad-signature', 'the ping is not signed by its issuer')
  if (failed > 0) throw new WebxError('broken-chain', `narrowing ${failed} is not signed by the holder before`)
}

/** What uses of a ping are counted under: issuer and id, 48 bytes. */
export function pingKey({ issuer, id }: Pick<Ping, 'issuer' | 'id'>): Uint8Array {
  return concat(issuer, id)
}

function countersOf(ping: Ping, narrowings: readonly Narrowing[]): UseCounter[] {
  const all = [
    { key: pingKey(ping), uses: ping.rights.uses, expiresMs: ping.rights.expiresMs },
    ...narrowings.map(({ digest, rights: { uses, expiresMs } }) => ({ key: digest, uses, expiresMs })),
  ]
  return all.filter(({ uses }) => uses > 0)
}

function openFields({ ping, disclosures }: Presentation, visible: number): Field[] {
  let next = 0
  return disclosures.map((disclosure) => {
    const digest = fieldDigest(disclosure)
    const index = ping.fieldDigests.findIndex((each, i) => i >= next && equal(each, digest))
    if (index < 0 || (visible & (1 << index)) === 0) {
      throw new WebxError('tampered', 'a field is shown that this ping does not let its holder show')
    }
    next = index + 1
    return readDisclosure(disclosure)
  })
}

function bytesOf(value: Cbor): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new WebxError('bad-shape', 'presentation: its parts are byte strings')
  return value
}

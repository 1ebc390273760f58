/**
 * What a ping grants: operations, a range of bytes, purposes, a time, a number of uses, the fields that may be shown, and to whose keys.
 *
 * Rights form a semilattice: a holder may pass on what is at most its own, in each dimension by itself. What would be more is refused, never clipped, so that
 * nobody believes to have given away what the next one does not hold. Layout and CDDL: `src/PROTOCOL.md`.
 */

import { compare, fromText } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Fields } from '../core/shape.ts'

/** What may be done with the data, as bits: see it, compute from it, let it enter a sum over many, have a statement on it proven, be told of changes. */
export const OPERATION = { read: 1, derive: 2, aggregate: 4, verify: 8, notify: 16 } as const
/** The name of an operation. */
export type Operation = keyof typeof OPERATION

/** Where a range ends that covers a file of any length. */
export const END_OF_ANY_FILE = Number.MAX_SAFE_INTEGER

/** What a ping grants to one holder, apart from the fields. */
export interface Grant {
  /** Ed25519 key that must answer the server's challenge, 32 bytes. */
  readonly holderKey: Uint8Array
  /** X25519 key to which content keys get wrapped, 32 bytes. */
  readonly agreementKey: Uint8Array
  /** Bits of `OPERATION`, at least one. */
  readonly operations: number
  /** The bytes [from, to) of the file's content. */
  readonly from: number
  readonly to: number
  /** What the data may be used for, at least one; compared letter by letter, none includes another. */
  readonly purposes: readonly string[]
  /** Valid from this time on, and until before the other one. */
  readonly notBeforeMs: number
  readonly expiresMs: number
  /** How often it may be redeemed; 0 is without end. */
  readonly uses: number
}

/** All that the present holder of a ping may do. */
export interface Rights extends Grant {
  /** Bit i: the field whose digest is the i-th of the ping may be shown. */
  readonly visible: number
}

const OPERATIONS_ALL = 31

/** The rights that result where the holder of `held` passes on `next`: their meet, which is `next`. Throws `narrowing-widens` where `next` is more in any dimension. */
export function narrow(held: Rights, next: Rights): Rights {
  const wider = widerIn(held, next)
  if (wider !== null)
    throw new WebxError('narrowing-widens', `the narrowing grants more than its signer holds: ${wider}`)
  return next
}

/** The bits of all of `count` fields. */
export function allFields(count: number): number {
  return 2 ** count - 1
}

/** The names of operations given as bits. */
export function operationNames(operations: number): Operation[] {
  return (Object.keys(OPERATION) as Operation[]).filter((name) => (operations & OPERATION[name]) !== 0)
}

/** A grant as the positional array that is signed; purposes are brought into their order. */
export function grantCbor(grant: Grant): Cbor {
  const { holderKey, agreementKey, operations, from, to, notBeforeMs, expiresMs, uses } = grant
  const purposes = [...grant.purposes].sort(comparePurposes)
  return [holderKey, agreementKey, operations, from, to, purposes, notBeforeMs, expiresMs, uses]
}

/** Reads what `grantCbor` wrote. Throws `bad-shape`. */
export function readGrant(fields: Fields): Grant {
  const grant: Grant = {
    holderKey: fields.bytes('holderKey', 32),
    agreementKey: fields.bytes('agreementKey', 32),
    operations: fields.uint('operations', OPERATIONS_ALL),
    from: fields.uint('from'),
    to: fields.uint('to'),
    purposes: fields.list('purposes', LIMITS.pingPurposesMax, readPurpose),
    notBeforeMs: fields.uint('notBeforeMs'),
    expiresMs: fields.uint('expiresMs'),
    uses: fields.uint('uses'),
  }
  if (grant.operations === 0) refuse('no operation')
  if (grant.from > grant.to) refuse('a range that ends before it begins')
  if (grant.notBeforeMs >= grant.expiresMs) refuse('a time that ends before it begins')
  if (grant.purposes.length === 0) refuse('no purpose')
  for (const [i, purpose] of grant.purposes.entries()) {
    if (i > 0 && comparePurposes(grant.purposes[i - 1] as string, purpose) >= 0)
      refuse('purposes out of order or twice')
  }
  return grant
}

/** The first dimension in which `next` is not within `held`; null where it is within in all. */
function widerIn(held: Rights, next: Rights): string | null {
  const outside: Record<string, boolean> = {
    operations: (next.operations & ~held.operations) !== 0,
    range: next.from < held.from || next.to > held.to,
    purposes: next.purposes.some((purpose) => !held.purposes.includes(purpose)),
    'begin of its time': next.notBeforeMs < held.notBeforeMs,
    'end of its time': next.expiresMs > held.expiresMs,
    uses: held.uses !== 0 && (next.uses === 0 || next.uses > held.uses),
    'visible fields': (next.visible & ~held.visible) !== 0,
  }
  return Object.keys(outside).find((dimension) => outside[dimension]) ?? null
}

function readPurpose(value: Cbor): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > LIMITS.pingPurposeCharactersMax) {
    refuse(`a purpose that is not a text of 1 to ${LIMITS.pingPurposeCharactersMax} characters`)
  }
  return value
}

function comparePurposes(a: string, b: string): number {
  return compare(fromText(a), fromText(b))
}

function refuse(what: string): never {
  throw new WebxError('bad-shape', `grant: ${what}`)
}

/**
 * Delegation: keys of devices and AI agents that act for an identity, within scopes, limits and a time.
 *
 * An identity's own keys stay at home; each device has a key of its own that the key log (`keylog.ts`) names. What a delegated key may do is a list of
 * words (`pay`, `qnt.open`, `face.check-in`) that the services give their meaning. No word lets a delegated key write into the log: it never rotates,
 * recovers, delegates, revokes or vetoes, and a rotation ends every delegation that it does not keep by name, so that a thief of the current key cannot
 * leave a back door. Limits are read here and counted by whoever serves the key, per delegation.
 */

import { toHex } from '../core/bytes.ts'
import type { Cbor } from '../core/codec.ts'
import { assertPublicKey } from '../core/crypto.ts'
import { blake3Of } from '../core/digest.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { Fields } from '../core/shape.ts'

/** What a delegated key may do. */
export interface Delegation {
  /** 32-byte identity of the device or agent: the digest of its own inception. */
  readonly delegate: Uint8Array
  /** Raw Ed25519 public key that acts. */
  readonly key: Uint8Array
  /** Words in ascending order, each once. */
  readonly scopes: readonly string[]
  /** Smallest units a day, of whatever the scope is counted in; null: no bound. */
  readonly amountPerDayMax: number | null
  /** How often in all; null: no bound. */
  readonly usesMax: number | null
  /** From this moment on it is void. Milliseconds since 1970. */
  readonly expiresMs: number
}

/** Why a delegation was revoked; the number is what travels. */
export const REVOCATION_REASONS = ['retired', 'replaced', 'lost', 'stolen'] as const
export type RevocationReason = (typeof REVOCATION_REASONS)[number]

/** What a key that was shown before was shown as. */
export type Shown = 'own' | 'delegate' | 'revoked'

/** The part of a key state that says who may act. */
export interface Delegating {
  /** By key in hexadecimal. */
  readonly delegations: ReadonlyMap<string, Delegation>
  /** By digest of the key in hexadecimal. */
  readonly shown: ReadonlyMap<string, Shown>
  readonly frozen: object | null
  readonly pending: { readonly effectiveMs: number | null } | null
}

const SCOPE = /^[a-z][a-z0-9-]*(?:[.:][a-z0-9-]+)*$/
const KEPT_AT_HOME = new Set(['rotate', 'recover', 'delegate', 'revoke', 'veto', 'incept'])

/** Commitment to a key that has not been shown yet, and the name of one that has. */
export function keyDigest(key: Uint8Array): Uint8Array {
  return blake3Of('webx v1 next key', key)
}

/**
 * The delegation under which this key may act now. Its limits are for the caller to count.
 *
 * Throws `frozen`, `revoked-key`, `not-delegated`, `expired`, `not-in-scope`.
 *
 * @param key the raw key that a signature was verified with
 * @param scope one word, as the service calls what is asked
 */
export function mayAct(state: Delegating, key: Uint8Array, scope: string, nowMs: number): Delegation {
  if (state.frozen) throw new WebxError('frozen', 'two histories of this identity are signed; nobody acts for it')
  const recoveredMs = state.pending?.effectiveMs ?? Number.POSITIVE_INFINITY
  if (nowMs >= recoveredMs) throw new WebxError('not-delegated', 'a recovery is in force, which ends every delegation')
  const delegation = state.delegations.get(toHex(key))
  if (!delegation) {
    if (state.shown.get(toHex(keyDigest(key))) === 'revoked') throw new WebxError('revoked-key', 'this key was revoked')
    throw new WebxError('not-delegated', 'this key does not act for the identity')
  }
  if (nowMs >= delegation.expiresMs) throw new WebxError('expired', 'the delegation of this key has expired')
  if (!delegation.scopes.includes(scope)) throw new WebxError('not-in-scope', `this key may not "${scope}"`)
  return delegation
}

/** The fields of a delegation as they travel. Throws `bad-scope`, `bad-key` for what no reader would accept. */
export function delegationFields(delegation: Delegation): Cbor[] {
  assertDelegation(delegation)
  const { delegate, key, scopes, amountPerDayMax, usesMax, expiresMs } = delegation
  return [delegate, key, scopes, optional(amountPerDayMax), optional(usesMax), expiresMs]
}

/** Reads what `delegationFields` wrote. Throws `bad-shape`, `bad-scope`, `bad-key`. */
export function readDelegation(fields: Fields): Delegation {
  const delegation = {
    delegate: fields.bytes('delegate', 32),
    key: fields.bytes('key', 32),
    scopes: fields.list('scopes', LIMITS.delegationScopesMax, (value) => asScope(value)),
    amountPerDayMax: readOptional(fields, 'amountPerDayMax'),
    usesMax: readOptional(fields, 'usesMax'),
    expiresMs: fields.uint('expiresMs'),
  }
  assertDelegation(delegation)
  return delegation
}

function assertDelegation({ key, scopes }: Delegation): void {
  assertPublicKey(key)
  if (scopes.length === 0 || scopes.length > LIMITS.delegationScopesMax) {
    throw new WebxError('bad-scope', `a delegation has 1 to ${LIMITS.delegationScopesMax} scopes`)
  }
  for (const [i, scope] of scopes.entries()) {
    if (scope.length > LIMITS.scopeCharactersMax || !SCOPE.test(scope)) {
      throw new WebxError('bad-scope', `scope ${i} is no word such as "pay" or "qnt.open"`)
    }
    if (KEPT_AT_HOME.has(scope)) throw new WebxError('bad-scope', `no delegated key may "${scope}"`)
    if (i > 0 && (scopes[i - 1] as string) >= scope) throw new WebxError('bad-scope', 'scopes are not in order')
  }
}

function asScope(value: Cbor): string {
  if (typeof value !== 'string') throw new WebxError('bad-shape', 'delegation: a scope is a text')
  return value
}

function optional(value: number | null): Cbor {
  return value === null ? [] : [value]
}

function readOptional(fields: Fields, name: string): number | null {
  const [value = null] = fields.list(name, 1, (item) => {
    if (typeof item !== 'number') throw new WebxError('bad-shape', `delegation: ${name} is a number`)
    return item
  })
  return value
}

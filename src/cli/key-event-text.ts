/**
 * Key events, delegations and what a log says now, as people and programs read them.
 */

import { toHex } from '../core/bytes.ts'
import type { Delegation } from '../identity/delegation.ts'
import type { KeyEvent, RecoveryTerms } from '../identity/keylog-event.ts'
import type { KeyState } from '../identity/keylog-state.ts'
import { labelOf } from '../identity/xqident.ts'

const SHORT = 12

/** A delegation as data. */
export function delegationData({ delegate, key, scopes, amountPerDayMax, usesMax, expiresMs }: Delegation): object {
  const limits = { amountPerDay: amountPerDayMax, uses: usesMax }
  return { key: toHex(key), delegate: labelOf(delegate), scopes, ...limits, expires: timeOf(expiresMs) }
}

/** A delegation in one line. */
export function delegationText({ delegate, key, scopes, amountPerDayMax, usesMax, expiresMs }: Delegation): string {
  const limits = [
    ...(amountPerDayMax === null ? [] : [`at most ${amountPerDayMax} a day`]),
    ...(usesMax === null ? [] : [`at most ${usesMax} times`]),
  ]
  return [
    `key ${toHex(key)} of ${labelOf(delegate)} may ${scopes.join(', ')}`,
    ...limits,
    `until ${timeOf(expiresMs)}`,
  ].join(', ')
}

/** An event as data. */
export function eventData(event: KeyEvent): object {
  const { event: kind, position } = event
  switch (event.event) {
    case 'inception':
      return {
        position,
        event: kind,
        kind: event.kind,
        keys: event.keys.map(toHex),
        recovery: termsData(event.recovery),
      }
    case 'rotation':
      return {
        ...{ position, event: kind, keys: event.keys.map(toHex), kept: event.kept.map(toHex) },
        renewal: termsData(event.renewal?.recovery ?? null),
      }
    case 'delegation':
      return { position, event: kind, ...delegationData(event.delegation) }
    case 'revocation':
      return { position, event: kind, key: toHex(event.key), reason: event.reason }
    case 'recovery':
      return { position, event: kind, keys: event.keys.map(toHex), recovery: termsData(event.recovery) }
    case 'veto':
      return { position, event: kind }
  }
}

/** An event in one line. */
export function eventText(event: KeyEvent): string {
  return `${String(event.position).padStart(4)}  ${event.event.padEnd(11)}${saidBy(event)}`.trimEnd()
}

/** What a log says of recovery: by how many keys, how long the others may object, and whether one is pending. */
export function recoveryText({ recovery, pending, vetoed }: KeyState): string {
  if (pending) {
    const veto = pending.final ? 'cannot be vetoed any more' : 'veto it with: webx id veto'
    return `pending since position ${pending.event.position}: in force ${timeSpan(recovery?.delaySeconds ?? 0)} after witnesses saw it; ${veto}`
  }
  return `${termsText(recovery)}${vetoed ? '; vetoed once' : ''}`
}

/** The same as data. */
export function recoveryData({ recovery, pending, vetoed }: KeyState): object {
  const waits = pending && {
    position: pending.event.position,
    keys: pending.event.keys.map(toHex),
    final: pending.final,
  }
  return { recovery: termsData(recovery), pendingRecovery: waits, vetoed }
}

/** Whole days where it is some, else hours, minutes or seconds. */
export function timeSpan(seconds: number): string {
  const units = [
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
  ] as const
  const [unit, size] =
    units.find(([, length]) => seconds >= length && seconds % length === 0) ?? (['second', 1] as const)
  return `${seconds / size} ${unit}${seconds === size ? '' : 's'}`
}

function saidBy(event: KeyEvent): string {
  switch (event.event) {
    case 'inception':
      return `${event.kind}, ${keysText(event.keys)}; recovery: ${termsText(event.recovery)}`
    case 'rotation': {
      const kept =
        event.kept.length === 0
          ? 'all delegations end'
          : `delegated keys that go on: ${event.kept.map(short).join(', ')}`
      const renewal = event.renewal ? `; recovery: ${termsText(event.renewal.recovery)}` : ''
      return `${keysText(event.keys)}; ${kept}${renewal}`
    }
    case 'delegation':
      return delegationText(event.delegation)
    case 'revocation':
      return `key ${toHex(event.key)}, ${event.reason}`
    case 'recovery':
      return `${keysText(event.keys)}; recovery: ${termsText(event.recovery)}`
    case 'veto':
      return 'the recovery before it is off'
  }
}

function keysText(keys: readonly Uint8Array[]): string {
  return `key ${keys.map(toHex).join(', ')}`
}

function termsText(terms: RecoveryTerms | null): string {
  if (terms === null) return 'none'
  const { digests, threshold, delaySeconds } = terms
  const keys = digests.length === 1 ? 'one key' : `${threshold} of ${digests.length} keys`
  return `${keys} (${digests.map(short).join(', ')}), ${timeSpan(delaySeconds)} to object`
}

function termsData(terms: RecoveryTerms | null): object | null {
  return terms && { digests: terms.digests.map(toHex), threshold: terms.threshold, delaySeconds: terms.delaySeconds }
}

function short(bytes: Uint8Array): string {
  return `${toHex(bytes).slice(0, SHORT)}…`
}

function timeOf(ms: number): string {
  // what is beyond the calendar of programs is as good as for ever
  return ms <= 8.64e15 ? new Date(ms).toISOString() : 'for ever'
}

/**
 * What an owner says in the key log of a key file: rotations, delegations, revocations, vetoes, and events that were said elsewhere.
 *
 * Every event is held against all rules (`identity/keylog-state.ts`) before anything is written. One change at a time; a rotation goes into the log first and
 * into the key file second, and counts from the first of the two on (`key-file-log.ts`).
 */

import type { KeyObject } from 'node:crypto'
import { compare, equal } from '../core/bytes.ts'
import { decodeEnvelope, statementDigest } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type Delegation, keyDigest, type RevocationReason } from '../identity/delegation.ts'
import { applyKeyEvent } from '../identity/keylog.ts'
import {
  type KeyEvent,
  keyEventBody,
  keyEventBytes,
  keyEventMessage,
  type RecoveryTerms,
  sharedKeyEventBytes,
} from '../identity/keylog-event.ts'
import { believing, type KeyHistory, readKeyHistory } from '../identity/keylog-history.ts'
import { type KeyState, nextLink } from '../identity/keylog-state.ts'
import type { Signer } from '../kernel/ports.ts'
import { keysOfContent, noRoot, type OwnerKeys } from './key-file.ts'
import { readPrivate, replacePrivate } from './key-file-disk.ts'
import { isSealed, readKeyFile, rootFileBytes } from './key-file-format.ts'
import { withKeyFileLock } from './key-file-lock.ts'
import { type PlacedContent, placed, placedIn, putKeyLog } from './key-file-log.ts'
import { publicKeyOf, signWith } from './key-file-root.ts'
import { type KeyFileOptions, readClear, readUnsealed, sealedOr } from './key-file-sealed.ts'

/** How a key file is opened to add to its log. */
export interface EventOptions extends KeyFileOptions {
  /** Says that the recovery at the end of the log is in force by now, which the log alone does not show. */
  readonly isRecovered?: boolean
}

/** New recovery keys, and the old one that must agree where there is one. */
export interface Renewal {
  readonly recovery: RecoveryTerms
  readonly oldKey: Signer | null
}

/** What a rotation says beside its keys. */
export interface RotationChange {
  /** Delegated keys that go on; all others end. */
  readonly kept?: readonly Uint8Array[]
  /** Makes the new recovery keys, given what the log says now. */
  readonly renewal?: (state: KeyState) => Promise<Renewal>
}

/**
 * Rotates to the next key of the root. A sealed file stays sealed.
 *
 * Throws what `openKeyFile` throws, `no-root` for a daily file and one of version 1, `key-file-busy`, `stale-log` where the log is not all there, and the code
 * of the rule that the event would break; then nothing has changed. After `store-failed` the log says whether the rotation counts.
 */
export async function rotateKeyFile(
  path: string,
  { kept = [], renewal }: RotationChange = {},
  options: EventOptions = {},
): Promise<OwnerKeys> {
  return withPlaced(path, options, async (file, here) => {
    const { content, history, log } = here
    const { root, since, inception } = content
    if (root === null) throw noRoot(file)
    const { state } = history
    const rotation = content.rotation + 1
    const key = content.keyAt(rotation)
    const renewed = (await renewal?.(state)) ?? null
    const event: KeyEvent = {
      ...{ event: 'rotation', ...nextLink(state), keys: [publicKeyOf(key)] },
      next: { digests: [keyDigest(publicKeyOf(content.keyAt(rotation + 1)))], threshold: 1 },
      kept: [...kept].sort(compare),
      renewal: renewed && {
        recoveryKeys: renewed.oldKey ? [renewed.oldKey.publicKey] : [],
        recovery: renewed.recovery,
      },
    }
    const next = extended(history, log, await signed(event, key, renewed?.oldKey ?? null))
    const { position } = event
    const clear = rootFileBytes({ root, since, rotation, position, inception })
    const wasSealed = isSealed(readKeyFile(file, await readPrivate(file)))
    const bytes = await sealedOr(file, clear, wasSealed ? options : {}).finally(() => clear.fill(0))
    await putKeyLog(file, next)
    await replacePrivate(file, bytes).finally(() => bytes.fill(0))
    return keysOfContent({
      ...here,
      content: { ...content, rotation, position, publicKey: publicKeyOf(key) },
      log: next,
    })
  })
}

/** Lets another key act for the identity. Answers the position of the event. Throws as `rotateKeyFile`, but needs no root. */
export async function delegateByKeyFile(
  path: string,
  delegation: Delegation,
  options: EventOptions = {},
): Promise<number> {
  return say(path, options, (state) => ({ event: 'delegation', ...nextLink(state), delegation }))
}

/**
 * Ends a delegation for good. Answers the position of the event. Throws as `delegateByKeyFile`.
 *
 * @param key gives the raw 32-byte key, given what the log says now
 */
export async function revokeByKeyFile(
  path: string,
  key: (state: KeyState) => Uint8Array,
  reason: RevocationReason,
  options: EventOptions = {},
): Promise<number> {
  return say(path, options, (state) => ({ event: 'revocation', ...nextLink(state), key: key(state), reason }))
}

/** Objects to the recovery that is pending. Answers the position of the event. Throws as `delegateByKeyFile`. */
export async function vetoByKeyFile(path: string, options: EventOptions = {}): Promise<number> {
  return say(path, options, (state) => ({ event: 'veto', ...nextLink(state) }))
}

/**
 * Takes over a log that goes on where the one of this file ends: what was said with another file of this identity, or what others said with its recovery keys.
 *
 * Throws as `delegateByKeyFile`, `wrong-identity`, `stale-log` where it ends before, `forked-log` where it differs, `retired-key` where this file has no key of it any more.
 *
 * @param isInstead takes a log that differs, too: for events that were said here and that nobody took
 */
export async function takeKeyLog(
  path: string,
  events: readonly Uint8Array[],
  options: EventOptions & { readonly isInstead?: boolean } = {},
): Promise<number> {
  return withContent(path, options, async (file, here) => {
    if (!isSameEvent(here.log[0] as Uint8Array, events[0])) {
      throw new WebxError('wrong-identity', `that log is not of the identity of ${path}`)
    }
    const shared = here.log.findIndex((event, i) => !isSameEvent(event, events[i]))
    if (shared >= 0 && !options.isInstead) {
      if (shared >= events.length) {
        throw new WebxError(
          'stale-log',
          `that log ends before position ${shared}, which is in the log of ${path} already`,
        )
      }
      throw new WebxError('forked-log', `that log says something else at position ${shared} than the log of ${path}`, {
        hint: 'If what stands here was never taken by the net, take the other one instead.',
      })
    }
    readKeyHistory(events, believing(events, false))
    placedIn(file, here.content, events, options.isRecovered)
    await putKeyLog(file, events)
    return events.length - 1
  })
}

/** An event as its one key signs it, with a recovery key where the event shows one. */
export async function signed(event: KeyEvent, key: KeyObject, recoveryKey: Signer | null): Promise<Uint8Array> {
  const body = keyEventBody(event)
  const message = keyEventMessage(body)
  const own = signWith(key, message)
  if (recoveryKey === null) return keyEventBytes(body, own)
  return sharedKeyEventBytes(body, new Map([own, await recoveryKey.sign(message)].entries()))
}

/** A log with one more event. Throws the code of the rule that the event breaks. */
export function extended({ state }: KeyHistory, log: readonly Uint8Array[], event: Uint8Array): readonly Uint8Array[] {
  applyKeyEvent(state, event)
  return [...log, event]
}

async function say(path: string, options: EventOptions, make: (state: KeyState) => KeyEvent): Promise<number> {
  return withPlaced(path, options, async (file, { content, history, log }) => {
    const event = make(history.state)
    await putKeyLog(file, extended(history, log, await signed(event, content.keyAt(content.rotation), null)))
    return event.position
  })
}

async function withPlaced<T>(
  path: string,
  options: EventOptions,
  use: (file: string, here: PlacedContent) => Promise<T>,
): Promise<T> {
  return withContent(path, options, async (file, here) => {
    if (here.history.state.pending?.event.position === here.content.position) {
      throw new WebxError(
        'recovery-pending',
        `the recovery that ${path} was made for is not in force, as far as its log shows`,
        {
          hint: 'If it is by now, say so with --recovered.',
        },
      )
    }
    if (here.isWhole) return use(file, here)
    throw new WebxError('stale-log', `the key log of ${path} ends before position ${here.content.position}`, {
      hint: `Bring it from where this file was: webx id log ${path} --take LOG.`,
    })
  })
}

async function withContent<T>(
  path: string,
  options: EventOptions,
  use: (file: string, here: PlacedContent) => Promise<T>,
): Promise<T> {
  return withKeyFileLock(path, async (file) => {
    const clear = await readUnsealed(file, options)
    const content = readClear(file, clear)
    try {
      return await use(file, await placed(file, content, options.isRecovered))
    } finally {
      content.wipe()
      clear.fill(0)
    }
  })
}

function isSameEvent(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && equal(digestOf(one), digestOf(other))
}

function digestOf(bytes: Uint8Array): Uint8Array {
  return statementDigest(decodeEnvelope(bytes, LIMITS.keyEventBytesMax))
}

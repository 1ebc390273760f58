/**
 * An identity brought back with its recovery keys, which lie in a key file of their own: put away, on paper as its 24 words, or with guardians.
 *
 * A recovery key is promised by its digest only. It shows itself when it is used, and then the next one of the same file takes its place. The identity goes on
 * with a new root: whatever a thief has of the old one is worth nothing once the recovery is in force.
 */

import { equal, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { keyDigest } from '../identity/delegation.ts'
import type { KeyEvent, RecoveryTerms } from '../identity/keylog-event.ts'
import { believing, readKeyHistory } from '../identity/keylog-history.ts'
import { includes } from '../identity/keylog-promises.ts'
import { type KeyState, nextLink } from '../identity/keylog-state.ts'
import type { Signer } from '../kernel/ports.ts'
import { createKeyFileFrom, describeKeyFile, type OwnerKeys, rootOfKeyFile } from './key-file.ts'
import { extended, signed } from './key-file-events.ts'
import { keyOfRoot, newReclaimingRoot, publicKeyOf, recoveryKeyOfRoot, signWith } from './key-file-root.ts'
import type { KeyFileOptions } from './key-file-sealed.ts'

/** A key file whose root has the recovery keys of other identities. */
export interface RecoveryFile extends KeyFileOptions {
  readonly path: string
}

/** With what an identity is reclaimed. */
export interface Reclaiming {
  /** Its key log as far as it is known: encoded events, the inception first. */
  readonly log: readonly Uint8Array[]
  readonly recoveryFile: RecoveryFile
  /** Recovery keys from now on; where they are left out, the next key of the same file with the same delay. */
  readonly recovery?: RecoveryTerms
}

/** How many recovery keys of one file are tried for one identity. */
const RECOVERY_KEYS_MAX = 64

/**
 * Digest of the next recovery key of this file for an identity: one that was neither shown nor promised.
 *
 * Throws `bad-argument` for a file of that identity itself, whose thief would have all its keys at once; `limit`, `no-root`, and what key files do.
 */
export async function freshRecoveryDigest(
  file: RecoveryFile,
  state: Pick<KeyState, 'id' | 'shown' | 'recovery'>,
): Promise<Uint8Array> {
  const { id, shown, recovery } = state
  if (equal((await describeKeyFile(file.path)).id, id)) {
    throw new WebxError('bad-argument', `${file.path} is of that identity itself`, {
      hint: 'Recovery keys lie in another file, which is put away: webx id create safe.keys.',
    })
  }
  return withRoot(file, (root) => {
    for (let number = 0; number < RECOVERY_KEYS_MAX; number++) {
      const digest = keyDigest(publicKeyOf(recoveryKeyOfRoot(root, id, number)))
      if (!shown.has(toHex(digest)) && !includes(recovery?.digests ?? [], digest)) return digest
    }
    throw new WebxError('limit', `${file.path} has no recovery key left for this identity`, {
      hint: 'Use another file.',
    })
  })
}

/** The recovery key that the log promises, out of this file. Throws `no-recovery`, `key-not-committed`, `no-root`, and what key files do. */
export async function promisedRecoveryKey(file: RecoveryFile, { id, recovery }: KeyState): Promise<Signer> {
  if (recovery === null) throw new WebxError('no-recovery', 'this identity has no recovery keys')
  return withRoot(file, (root) => {
    for (let number = 0; number < RECOVERY_KEYS_MAX; number++) {
      const key = recoveryKeyOfRoot(root, id, number)
      const publicKey = publicKeyOf(key)
      if (includes(recovery.digests, keyDigest(publicKey)))
        return { publicKey, sign: async (message) => signWith(key, message) }
    }
    throw new WebxError('key-not-committed', `the log promises no key of ${file.path}`, {
      hint: 'Give the key file, or its words, that the recovery keys of this identity come from.',
    })
  })
}

/**
 * Makes a key file with a new root for an identity whose keys are lost or stolen, and the recovery event that says so in its log. The keys act once the
 * recovery is in force: after its delay, unless somebody objects.
 *
 * Throws as `promisedRecoveryKey`, `key-file-exists`, `store-failed`, and the code of the rule that the event would break.
 */
export async function reclaimKeyFile(
  path: string,
  { log, recoveryFile, recovery }: Reclaiming,
  options: KeyFileOptions = {},
): Promise<OwnerKeys> {
  const history = readKeyHistory(log, believing(log, false))
  const { state, generations } = history
  const recoveryKey = await promisedRecoveryKey(recoveryFile, state)
  const next = recovery ?? {
    ...{ threshold: 1, delaySeconds: (state.recovery as RecoveryTerms).delaySeconds },
    digests: [await freshRecoveryDigest(recoveryFile, state)],
  }
  const root = newReclaimingRoot(state.kind)
  try {
    const key = keyOfRoot(root, 0)
    const event: KeyEvent = {
      ...{ event: 'recovery', ...nextLink(state), recoveryKeys: [recoveryKey.publicKey] },
      ...{ keys: [publicKeyOf(key)], threshold: 1 },
      next: { digests: [keyDigest(publicKeyOf(keyOfRoot(root, 1)))], threshold: 1 },
      recovery: next,
    }
    const longer = extended(history, log, await signed(event, key, recoveryKey))
    const since = generations.length
    const content = { root, since, rotation: since, position: event.position, inception: log[0] as Uint8Array }
    return await createKeyFileFrom(path, content, options, longer)
  } finally {
    root.fill(0)
  }
}

async function withRoot<T>({ path, ...options }: RecoveryFile, use: (root: Uint8Array) => T): Promise<T> {
  const root = await rootOfKeyFile(path, options)
  try {
    return use(root)
  } finally {
    root.fill(0)
  }
}

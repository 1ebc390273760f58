/**
 * Who signs, in a form that proves itself inside a document or a sign-in: the inception event, or, of whoever has rotated, the key log up to the event that showed
 * the key. A log does not show that there is no other one (`keylog.ts`): whoever reads it alone believes it.
 */

import type { Cbor } from '../core/codec.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { readInception, readKeyLog } from './keylog.ts'
import { believing } from './keylog-history.ts'
import type { KeyState } from './keylog-state.ts'

/**
 * What introduces an identity: a byte string, or a list of them.
 *
 * @param log encoded events, the inception first
 * @param position of the event that showed the key that signs
 */
export function introductionOf(log: readonly Uint8Array[], position: number): Cbor {
  return position === 0 ? (log[0] as Uint8Array) : log.slice(0, position + 1)
}

/**
 * The identity that is introduced, which acts by one key. Throws `bad-shape` for what is neither or goes on behind the key, and what reading logs throws.
 *
 * @param believesRecoveries whether a recovery counts as in force on the word of whoever shows it: the events do not say so
 */
export function readIntroduction(value: Cbor, believesRecoveries = false): KeyState {
  if (value instanceof Uint8Array) {
    if (value.length > LIMITS.orderBytesMax) throw new WebxError('too-long', 'an inception event is shorter')
    return readInception(value)
  }
  const isLog = Array.isArray(value) && value.length > 1 && value.every((event) => event instanceof Uint8Array)
  if (!isLog) throw new WebxError('bad-shape', 'an inception event or a key log introduces an identity')
  const log = value as readonly Uint8Array[]
  const state = readKeyLog(log, believesRecoveries ? believing(log, true) : {})
  if (state.keys.length !== 1) throw new WebxError('bad-shape', 'several keys act together for this identity')
  if (Math.max(...state.spoken) !== state.position) {
    throw new WebxError('bad-shape', 'a key log that introduces ends with the event that shows the key')
  }
  return state
}

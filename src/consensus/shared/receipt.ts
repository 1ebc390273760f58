/**
 * A receipt for a write: that it was applied, and where, to whoever has the genesis and the hand-overs of its home, without a network.
 *
 * The head of an object is a hash chain over all applied changes, and the state with which an epoch begins shows it (SETTLED STATE). So the statement, the head before it and the digests of what was applied
 * after it lead to a head that a quorum has signed for. [1, statement, previous, [digest …], settled state]
 */

import { equal } from '../../core/bytes.ts'
import { encode } from '../../core/codec.ts'
import { blake3Of } from '../../core/digest.ts'
import { decodeEnvelope } from '../../core/envelope.ts'
import { WebxError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import { readSettledState } from '../state-proof.ts'
import type { SharedEntry } from './book.ts'
import { objectOf, readShared, type SharedChange } from './change.ts'
import { nextHead } from './object.ts'

/** What a receipt shows. */
export interface SharedReceipt {
  readonly oid: Uint8Array
  readonly change: SharedChange
  /** Where the change was applied. */
  readonly sequence: number
  /** Where the object was when the epoch began whose state shows it. */
  readonly newest: number
}

/**
 * The receipt for the change at a sequence number. `settledState`: the statement that shows the object at the sequence number `newest`. Throws `not-settled` where the history does not reach from the
 * one to the other.
 */
export function encodeSharedReceipt(
  history: readonly SharedEntry[],
  {
    sequence,
    newest,
    settledState,
  }: { readonly sequence: number; readonly newest: number; readonly settledState: Uint8Array },
): Uint8Array {
  const [own, ...later] = history.filter((entry) => entry.sequence >= sequence && entry.sequence <= newest)
  if (own?.sequence !== sequence || later.length !== newest - sequence)
    throw new WebxError('not-settled', 'this node has not seen all that was written since', {
      hint: `Nodes keep the newest ${LIMITS.sharedHistoryMax} changes that they have seen.`,
    })
  return encode([1, own.bytes, own.previous, later.map(({ bytes }) => digestOf(bytes)), settledState])
}

/**
 * Reads a receipt and checks it.
 *
 * Throws `bad-certificate` where it does not lead to the state, `wrong-net`, `bad-shape`, `not-canonical`, `too-long`, and what `stateRootOf` throws.
 *
 * @param stateRootOf the root of the state with which the epoch of a committee began, by its 32-byte digest
 */
export function verifySharedReceipt(
  bytes: Uint8Array,
  netId: Uint8Array,
  stateRootOf: (cid: Uint8Array) => Uint8Array,
): SharedReceipt {
  const fields = Fields.of('shared receipt', bytes, LIMITS.sharedReceiptBytesMax)
  if (fields.uint('version') !== 1) throw new WebxError('bad-version', 'shared receipt: this reads version 1')
  const statement = fields.bytesBetween('statement', 1, LIMITS.envelopeBytesMax)
  const previous = fields.bytes('previous', 32)
  const later = fields.list('later', LIMITS.sharedHistoryMax, (item) =>
    new Fields('digest', [item]).bytes('digest', 32),
  )
  const state = decodeEnvelope(fields.bytesBetween('state', 1, LIMITS.envelopeBytesMax))
  fields.end()
  const envelope = decodeEnvelope(statement)
  if (!equal(envelope.scope, netId)) throw new WebxError('wrong-net', 'shared receipt: the change is of another net')
  const change = readShared(envelope)
  const oid = objectOf(change, netId)
  const shown = readSettledState(state, stateRootOf(state.scope))
  const head = [digestOf(statement), ...later].reduce(nextHead, previous)
  if (!equal(shown.oid, oid) || !equal(shown.od, head) || shown.version <= later.length)
    throw new WebxError('bad-certificate', 'shared receipt: the change does not lead to what the state shows')
  return { oid, change, sequence: shown.version - later.length, newest: shown.version }
}

function digestOf(statement: Uint8Array): Uint8Array {
  return blake3Of('webx v1 transaction', statement)
}

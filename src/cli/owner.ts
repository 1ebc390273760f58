/**
 * Whose files are believed: `--owner` names an identity by its inception or its key log, and one's own keys stand for one's own files.
 *
 * Ids follow from inceptions, so nobody passes for another. A file names the position of the log whose key signed it; that key is believed for that position,
 * also where later ones have retired it, for a file does not say when it was signed: so that is said on stderr.
 */

import { equal } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import type { KeyOf } from '../drivers/qnt-manifest.ts'
import {
  believing,
  type Generation,
  generationAt,
  type KeyHistory,
  readKeyHistory,
} from '../identity/keylog-history.ts'
import { labelOf } from '../identity/xqident.ts'
import type { Keys } from '../kernel/ports.ts'
import type { Arguments } from './arguments.ts'
import type { Io } from './io.ts'
import { ageOf, givenLog } from './key-log.ts'

/**
 * The owner's keys: those of the log that was named, which says on stderr where it ends and how old it is; else one's own for one's own files.
 *
 * Throws `bad-argument`, and the code of the rule that the log breaks; what it gives throws `unknown-owner`, and `unsupported-key-event` where several keys
 * act together, one of which alone does not speak for the owner.
 */
export async function ownerKeys(given: Arguments, io: Io, own: Keys | null): Promise<KeyOf> {
  const named = given.text('owner')
  const owners: KeyHistory[] = []
  if (named !== undefined) {
    const { history, fileMs } = await givenLog(named, io, '--owner')
    const { label, position } = history.state
    io.stderr(
      `owner ${label}: key log up to position ${position}, ${ageOf(fileMs, Date.now())}; what came later is not known here\n`,
    )
    owners.push(history)
  }
  if (own !== null) owners.push(readKeyHistory(own.log, believing(own.log, true)))
  return (ownerId, ownerPosition) => {
    if (own !== null && equal(own.id, ownerId) && own.position === ownerPosition) return own.publicKey
    const known = owners.filter(({ state }) => equal(state.id, ownerId))
    for (const history of known) {
      const found = generationAt(history, ownerPosition)
      if (found === null) continue
      const after = history.generations.find(({ position }) => position > found.position)
      if (after !== undefined && named !== undefined) {
        io.stderr(
          `signed by a key that was retired at position ${after.position}; whether before that, the file does not say\n`,
        )
      }
      return onlyKey(found)
    }
    const ends = known.map(({ state }) => state.position)
    throw new WebxError(
      'unknown-owner',
      `this file is of ${labelOf(ownerId)}, whose key at position ${ownerPosition} is not known here`,
      {
        hint:
          ends.length > 0
            ? `The key log that is known here ends at position ${Math.max(...ends)}: ask the owner for a newer one (webx id log).`
            : 'Name it with --owner: webx id log prints it where the owner is, webx id show its inception.',
      },
    )
  }
}

function onlyKey({ keys }: Generation): Uint8Array {
  if (keys.length === 1) return keys[0] as Uint8Array
  throw new WebxError('unsupported-key-event', 'several keys act together for the owner of this file, which one signed')
}

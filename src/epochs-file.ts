/**
 * The epochs of a net as a file: the hand-overs from its first epoch on, one after the other, each behind its length (4 bytes, big-endian).
 *
 * Any node can write it and nobody needs to be believed: whoever holds the genesis walks it and checks a quorum's signatures at every step. It is what documents of later epochs (receipts, say) are
 * verified with where there is no network.
 */

import { type Committee, committeeOf, foundingCommittee } from './consensus/committee.ts'
import { type HandOver, readHandOver } from './consensus/epoch/handover.ts'
import { committeeOfOpening, type Opening } from './consensus/epoch/opening.ts'
import { concat, equal } from './core/bytes.ts'
import { verifyGroups } from './core/crypto.ts'
import { decodeEnvelope } from './core/envelope.ts'
import { WebxError } from './core/errors.ts'
import { LIMITS } from './core/limits.ts'
import type { Genesis } from './identity/genesis.ts'

const LENGTH_BYTES = 4
const NOTHING = new Uint8Array(0)

/** The file of these hand-overs, the first epoch's first. */
export function epochsFile(handOvers: readonly Uint8Array[]): Uint8Array {
  return concat(
    ...handOvers.flatMap((handOver) => {
      const length = new Uint8Array(LENGTH_BYTES)
      new DataView(length.buffer).setUint32(0, handOver.length)
      return [length, handOver]
    }),
  )
}

/**
 * Every committee of a net, as far as a file tells: those of all neighborhoods in their first epoch, and then those of one, epoch by epoch. Throws `wrong-epoch`, `bad-hand-over`, `bad-signature` where a
 * step does not hold, and what decoding throws.
 */
export function* committeesIn(genesis: Genesis, file: Uint8Array = NOTHING): Iterable<Committee> {
  for (const home of genesis.homes) yield committeeOf({ ...genesis, ...home })
  for (const { committee } of epochsIn(genesis, file)) yield committee
}

/** The root of the settled state with which the epoch of a committee began. Throws `wrong-epoch` where the file does not tell of it. */
export function stateRootIn(genesis: Genesis, cid: Uint8Array, file: Uint8Array): Uint8Array {
  for (const { committee, opening } of epochsIn(genesis, file)) if (equal(committee.cid, cid)) return opening.stateRoot
  throw unknownEpoch()
}

/** Epochs after the first, each with what opened it. */
function* epochsIn(genesis: Genesis, file: Uint8Array): Iterable<{ committee: Committee; opening: Opening }> {
  let committee: Committee | null = null
  for (const bytes of statementsIn(file)) {
    const envelope = decodeEnvelope(bytes)
    committee ??= foundingCommittee(genesis, envelope.scope)
    const { opening, checks }: HandOver = readHandOver(envelope, committee)
    if (verifyGroups([checks])[0] !== true)
      throw new WebxError(
        'bad-signature',
        `the hand-over that ended epoch ${committee.epoch} is not signed by its quorum`,
      )
    committee = committeeOfOpening(opening)
    yield { committee, opening }
  }
}

/** The committee of that digest. Throws `wrong-epoch` where neither the genesis nor the file tells of it. */
export function committeeIn(genesis: Genesis, cid: Uint8Array, file?: Uint8Array): Committee {
  for (const committee of committeesIn(genesis, file)) if (equal(committee.cid, cid)) return committee
  throw unknownEpoch()
}

function unknownEpoch(): WebxError {
  return new WebxError('wrong-epoch', 'this was settled in an epoch that is not known here', {
    hint: 'Have any node of the net write its epochs ("webx swarm epochs --out FILE"), and say --epochs FILE.',
  })
}

function* statementsIn(file: Uint8Array): Iterable<Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  for (let at = 0; at < file.length; ) {
    const length = at + LENGTH_BYTES <= file.length ? view.getUint32(at) : 0
    at += LENGTH_BYTES
    if (length === 0 || length > LIMITS.envelopeBytesMax || at + length > file.length)
      throw new WebxError('bad-shape', 'epochs file: it is cut off, or is none')
    yield file.subarray(at, at + length)
    at += length
  }
}

/**
 * Who takes part in a run: one net of people made from numbers, whose seats sign with a cheap stand-in for Ed25519.
 *
 * The stand-in is as unforgeable as the simulation is honest: a liar that has no key cannot make it, since it never calls `sign` for others. Owners sign for real,
 * and every verdict is found once for all members.
 */

import { hash } from 'node:crypto'
import { type Committee, committeeOf } from '../../src/consensus/committee.ts'
import { keyOf } from '../../src/consensus/key.ts'
import { equal } from '../../src/core/bytes.ts'
import { type SignatureCheck, verifySignature } from '../../src/core/crypto.ts'
import { type World, world } from '../consensus/people.ts'

export interface Stage {
  readonly world: World
  readonly committee: Committee
  /** Quorum and strong quorum by the book (consensus.md §3.0), not by the code that is tested. */
  readonly quorum: number
  readonly strong: number
  sign(seat: number, message: Uint8Array): Uint8Array
  holds(check: SignatureCheck): boolean
}

const stages = new Map<number, Stage>()

/** The stage for so many members; the same one each time. */
export function stageOf(count: number): Stage {
  const known = stages.get(count)
  if (known) return known
  const w = world(count)
  const committee = committeeOf(w.genesis)
  const cheap = new Set(committee.seats.map(({ epochKey }) => keyOf(epochKey)))
  const stage: Stage = {
    world: w,
    committee,
    quorum: Math.floor((2 * count) / 3) + 1,
    strong: count - Math.floor(count / 6),
    sign: (seat, message) => cheapSignature((committee.seats[seat] as Committee['seats'][number]).epochKey, message),
    holds: ({ key, message, signature }) =>
      cheap.has(keyOf(key)) ? equal(cheapSignature(key, message), signature) : verifiedOnce(key, message, signature),
  }
  stages.set(count, stage)
  return stage
}

function cheapSignature(key: Uint8Array, message: Uint8Array): Uint8Array {
  const joined = new Uint8Array(key.length + message.length)
  joined.set(key)
  joined.set(message, key.length)
  const digest = hash('sha512', joined, 'buffer')
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.length).slice()
}

const VERDICTS_MAX = 65_536
const verdicts = new Map<string, boolean>()

function verifiedOnce(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const name = keyOf(signature) + keyOf(key) + keyOf(message)
  let verdict = verdicts.get(name)
  if (verdict === undefined) {
    verdict = verifySignature(key, message, signature)
    if (verdicts.size >= VERDICTS_MAX) verdicts.clear()
    verdicts.set(name, verdict)
  }
  return verdict
}

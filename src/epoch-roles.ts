/**
 * Who has which role in an epoch: the lots of `swarm/roles.ts`, drawn from what the opening of the epoch says.
 *
 * An opening holds the shares of the beacon that made its seed. Each was checked by a quorum of the epoch before, or else the hand-over would not name the opening, so nodes take
 * the outputs as they stand there; whoever trusts no quorum checks all of it again with `checkShares`.
 */

import { beaconInput, nextSeed } from './consensus/epoch/beacon.ts'
import { type Opening, VACANT } from './consensus/epoch/opening.ts'
import { equal, toHex } from './core/bytes.ts'
import { vrfOutput, vrfVerify } from './proof/vrf.ts'
import { type Drawable, type Drawn, type DrawnRole, drawOf, type Roles, rolesOf } from './swarm/roles.ts'

/** Who has which role, and how every seat came off in the draws. */
export interface EpochRoles extends Roles {
  readonly draws: Readonly<Record<DrawnRole, readonly Drawn[]>>
}

/** What a check of an opening's chance says. */
export interface CheckedShare {
  /** 32-byte identity that gave the share. */
  readonly id: Uint8Array
  /** Whether it is what its owner's function gives for the input that nobody could choose. */
  readonly holds: boolean
}

/**
 * The roles of the epoch that begins with this opening: the same at every node.
 *
 * @param certified identities whose operator's certificate the caller has verified
 */
export function rolesOfEpoch(opening: Opening, certified: readonly Uint8Array[] = []): EpochRoles {
  const seats = drawableSeats(opening)
  return {
    ...rolesOf(seats, certified),
    draws: { 'master-node': drawOf('master-node', seats), broker: drawOf('broker', seats) },
  }
}

/** Checks every share of an opening against the opening before it, one at a time, since each takes a machine many milliseconds. */
export function* checkShares(before: Opening, { shares }: Opening): Generator<CheckedShare> {
  const input = beaconInput(before.seed, before)
  const keys = new Map(before.roster.map(({ id, vrfKey }) => [toHex(id), vrfKey]))
  for (const { id, proof } of shares) {
    const key = keys.get(toHex(id))
    yield { id, holds: key !== undefined && vrfVerify(key, input, proof) !== null }
  }
}

/** Whether the seed of an opening is the hash of its shares, and so nobody's choice. */
export function isSeedOfShares(before: Opening, { seed, shares }: Opening): boolean {
  const outputs = shares.map(({ id, proof }) => {
    return [before.seats.findIndex(({ memberId }) => equal(memberId, id)), vrfOutput(proof)] as const
  })
  const known = outputs.flatMap(([seat, output]) => (seat >= 0 && output ? [[seat, output] as const] : []))
  return known.length === shares.length && equal(seed, nextSeed(before.seed, known))
}

/** Everyone who sits and has named a key to speak with: who has none could do no work. */
function drawableSeats({ seats, roster, shares }: Opening): Drawable[] {
  const capabilities = new Map(roster.map((entry) => [toHex(entry.id), entry.capabilities]))
  const proofs = new Map(shares.map(({ id, proof }) => [toHex(id), proof]))
  return seats
    .filter(({ epochKey }) => !equal(epochKey, VACANT.epochKey))
    .map(({ memberId: id }) => {
      const proof = proofs.get(toHex(id))
      return { id, capabilities: capabilities.get(toHex(id)) ?? 0, output: proof ? vrfOutput(proof) : null }
    })
}

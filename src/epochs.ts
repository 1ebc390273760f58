/**
 * How the epochs of a net begin, and who sits where in the next one: what consensus asks of those who know the genesis and the places of a swarm.
 */

import type { Opening } from './consensus/epoch/opening.ts'
import type { EpochRules } from './consensus/epoch/rules.ts'
import { compare } from './core/bytes.ts'
import { blake3Of } from './core/digest.ts'
import { type Genesis, USUAL_POLICY } from './identity/genesis.ts'
import { seatingOf as genesisSeating } from './identity/seats.ts'
import { type SeatingRules, seatsOf } from './swarm/seating.ts'

const NOBODY = new Uint8Array(32)

/** What opens epoch 0: the members that the genesis names, each with its seat. */
export function anchorOf(genesis: Genesis): Opening {
  const { netId, nid, epoch, seats } = genesisSeating(genesis)
  const organization = genesis.organizationState.id
  const roster = genesis.memberStates.map((state, i) => ({
    id: state.id,
    key: state.keys[0] as Uint8Array,
    vrfKey: genesis.seats[i]?.vrfKey ?? NOBODY,
    organization,
    voucher: NOBODY,
    since: 0,
    capabilities: 0,
    weight: genesis.seats[i]?.weight ?? 1,
  }))
  return {
    ...{ netId, nid, epoch, seats },
    seed: blake3Of('webx v1 first seed', netId),
    stateRoot: NOBODY,
    roster: roster.sort((a, b) => compare(a.id, b.id)),
    shares: [],
    blocks: 0,
    attendance: [],
    convicted: [],
  }
}

/** Who sits where, as the genesis would have it. */
export function seatingOf(genesis: Genesis): EpochRules {
  const rules = seatingRulesOf(genesis)
  return { seat: (input) => seatsOf(input, rules) }
}

/** What the net asks of those whom it seats. */
export function seatingRulesOf({ policy = USUAL_POLICY, memberStates }: Genesis): SeatingRules {
  const { seats, probationEpochs, perTreeMax, perOrganizationMax } = policy
  return {
    seats: Math.max(seats, memberStates.length),
    probationEpochs,
    perTreeMax: perTreeMax || null,
    perOrganizationMax: perOrganizationMax || null,
    replacedMax: null,
    reshuffleEpochs: null,
  }
}

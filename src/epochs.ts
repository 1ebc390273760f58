/**
 * How the epochs of a net begin, and who sits where in the next one: what consensus asks of those who know the genesis and the places of a swarm.
 */

import type { Records } from './consensus/effects.ts'
import { sproutIn } from './consensus/epoch/handover.ts'
import { decodeOpening, type Opening } from './consensus/epoch/opening.ts'
import type { EpochRules } from './consensus/epoch/rules.ts'
import { batchKey, SPACE } from './consensus/records.ts'
import { compare } from './core/bytes.ts'
import { blake3Of } from './core/digest.ts'
import { decodeEnvelope } from './core/envelope.ts'
import { LIMITS } from './core/limits.ts'
import { type Genesis, USUAL_POLICY } from './identity/genesis.ts'
import { seenFrom } from './identity/home.ts'
import { seatingOf as genesisSeating } from './identity/seats.ts'
import { dividedOf } from './swarm/division.ts'
import { versionOf } from './swarm/hello.ts'
import { lentOf } from './swarm/lending.ts'
import { type SeatingRules, seatsOf } from './swarm/seating.ts'

const NOBODY = new Uint8Array(32)
/** Wire version of the first epoch of every net. */
const FIRST_VERSION = 1

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
    version: FIRST_VERSION,
  }
}

/** What opens epoch 0 of each home that a genesis names, in its order: the public log is seated in the first. */
export function anchorsOf(genesis: Genesis): Opening[] {
  return genesis.homes.map(({ neighborhood }) => anchorOf(seenFrom(genesis, neighborhood)))
}

/** How each epoch began, as far as the hand-overs in the store tell; null for one that is not known here. */
export function openingsOf(genesis: Genesis, records: Pick<Records, 'get'>): (epoch: number) => Opening | null {
  return openingsFrom(anchorOf(genesis), records)
}

/** The same, of a neighborhood that began with this opening. */
export function openingsFrom(anchor: Opening, records: Pick<Records, 'get'>): (epoch: number) => Opening | null {
  return (epoch) => {
    if (epoch === anchor.epoch) return anchor
    const handOver = records.get(SPACE.handOver, batchKey(epoch - 1))
    return handOver && decodeOpening(decodeEnvelope(handOver).attachment)
  }
}

/** How the sprouts began that have left a neighborhood with these epochs, the oldest first, as far as its hand-overs are kept. */
export function* sproutsOf(records: Pick<Records, 'get'>, fromEpoch: number, toEpoch: number): Iterable<Opening> {
  for (let epoch = fromEpoch; epoch < toEpoch; epoch++) {
    const handOver = records.get(SPACE.handOver, batchKey(epoch))
    const sprout = handOver && sproutIn(handOver)
    if (sprout) yield sprout
  }
}

/** The same, of all epochs that are kept. */
export function* allSproutsOf(records: Pick<Records, 'scan'>): Iterable<Opening> {
  for (const { value } of records.scan(SPACE.handOver)) {
    const sprout = sproutIn(value)
    if (sprout) yield sprout
  }
}

/** Who sits where, as the genesis would have it, when a neighborhood that has grown becomes two, and when one of them that has become too small is joined by people of the other. With fewer seats than bear one liar none is divided. */
export function seatingOf(genesis: Genesis): EpochRules {
  const rules = seatingRulesOf(genesis)
  const divides = genesis.policy?.halfMin !== 0 && rules.seats >= LIMITS.dividedSeatsMin
  return {
    seat: (input) => seatsOf(input, rules),
    ...(divides && { divide: (input) => dividedOf(input, rules), lend: (input) => lentOf(input, rules) }),
    version: (candidates, today) => versionOf(candidates, today)?.version ?? null,
  }
}

/** What the net asks of those whom it seats. */
export function seatingRulesOf({ policy = USUAL_POLICY, memberStates }: Genesis): SeatingRules {
  const { seats, probationEpochs, perTreeMax, perOrganizationMax, halfMin = null, mergeBelow = null } = policy
  return {
    seats: Math.max(seats, memberStates.length),
    probationEpochs,
    perTreeMax: perTreeMax || null,
    perOrganizationMax: perOrganizationMax || null,
    replacedMax: null,
    reshuffleEpochs: null,
    halfMin,
    mergeBelow,
  }
}

/**
 * A net of any size, laid out by the production rules: identities, their places under the salt of a day, the tree of neighborhoods, seats by rank, a committee for each.
 *
 * All neighborhoods are of one net. Each issues the net's asset itself, so that people can pay wherever they live. Members sign with the simulator's cheap stand-in.
 */

import { compare, fromText } from '../../src/core/bytes.ts'
import type { SignatureCheck } from '../../src/core/crypto.ts'
import { blake3Of } from '../../src/core/digest.ts'
import { readInception } from '../../src/identity/keylog.ts'
import { MEMBERS_MIN, neighborhoodId, Placement, positionOf } from '../../src/swarm/placement.ts'
import { rankOf } from '../../src/swarm/seating.ts'
import { bytesOf, keyPair, type Person, person, type World, world } from '../../test/consensus/people.ts'
import { Stage } from '../../test/sim/stage.ts'

const HOUR = 500_000

/** A neighborhood before anything has happened. */
export interface Hood {
  readonly nid: Uint8Array
  readonly stage: CountedStage
}

/** A stage on which signatures are counted and believed: nobody lies here, and 2,500 members would take hours to verify them all. */
export class CountedStage extends Stage {
  onCheck = (): void => {}

  override holds(_: SignatureCheck): boolean {
    this.onCheck()
    return true
  }
}

/** The neighborhoods of a net with so many nodes (at least 25), in the order of their places. */
export function townOf(nodes: number): Hood[] {
  const base = world(1)
  const { netId } = base.genesis
  const saltOf = (day: number): Uint8Array => blake3Of('webx bench salt', fromText(String(day)))
  const people = new Map<Uint8Array, Person>()
  const members = Array.from({ length: nodes }, (_, i) => {
    const who = person(`node ${i}`, 'device')
    people.set(who.id, who)
    return { id: who.id, position: positionOf(who.id, HOUR, saltOf) }
  })
  return Placement.of(members).leaves.map((leaf) => {
    const nid = neighborhoodId(netId, leaf.prefix)
    const byRank = leaf.members
      .map(({ id }) => ({ who: people.get(id) as Person, rank: rankOf(bytesOf('seed 0'), id) }))
      .sort((a, b) => compare(a.rank, b.rank))
      .map(({ who }) => who)
    const [seated, spares] = [byRank.slice(0, MEMBERS_MIN), byRank.slice(MEMBERS_MIN)]
    return { nid, stage: new CountedStage(worldOf(base, nid, seated), spares) }
  })
}

function worldOf(base: World, nid: Uint8Array, members: readonly Person[]): World {
  const epochKeys = members.map(({ id }) => keyPair(`epoch 0 ${id.join()}`))
  const seats = members.map(({ inception }, i) => {
    return { inception, epochKey: (epochKeys[i] as (typeof epochKeys)[number]).publicKey, weight: 1 }
  })
  const memberStates = members.map(({ inception }) => readInception(inception))
  const own = { neighborhood: nid, seats, memberStates }
  // each issues the asset itself: seen from there it is the net's only home
  return { ...base, genesis: { ...base.genesis, ...own, homes: [own] }, members, epochKeys }
}

/** A net of two neighborhoods with as many seats in each, whose members can draw lots, so that its epochs turn. */

import { fromText } from '../../src/core/bytes.ts'
import { genesisBody, genesisFile, genesisSignedBytes, readGenesis } from '../../src/identity/genesis.ts'
import { vrfOf } from './node.ts'
import { makeNet, type Net } from './people.ts'

/** `members`: those of the first neighborhood, then those of the second. */
export function twoNeighborhoods(seatsEach: number): Net {
  const made = makeNet(2 * seatsEach)
  const { genesis, organization, members } = made
  const seats = genesis.seats.map((seat, i) => {
    return { ...seat, vrfKey: vrfOf(fromText('vrf'), (members[i] as Net['members'][number]).person).publicKey }
  })
  const further = [{ neighborhood: new Uint8Array(16).fill(7), seats: seats.splice(seatsEach) }]
  const policy = { seats: seatsEach, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0 }
  const body = genesisBody({ ...genesis, seats, policy, further })
  return { ...made, genesis: readGenesis(genesisFile(body, organization.sign(genesisSignedBytes(body)))) }
}

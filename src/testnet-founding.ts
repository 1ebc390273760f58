/**
 * What a test network begins with: keys for everybody, each in a folder of its own, and the genesis that seats its members.
 */

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hostClock, hostRandom } from './drivers/host.ts'
import { createKeyFile } from './drivers/key-file.ts'
import type { Genesis, SeatingPolicy } from './identity/genesis.ts'
import { homeOf } from './identity/home.ts'
import type { Keys } from './kernel/ports.ts'
import { foundNet, type NetAsset, offerSeat } from './net.ts'

/** What of a test network's options its founding depends on. */
export interface FoundingOptions {
  readonly assets?: readonly NetAsset[]
  readonly terminals?: number
  readonly neighborhoods?: number
  readonly policy?: SeatingPolicy
}

/** Where a member sits. */
export interface Place {
  /** Number of its neighborhood, 0 for the first. */
  readonly neighborhood: number
  readonly seat: number
}

export interface Founders {
  readonly genesis: Genesis
  readonly organizationKeys: Keys
  readonly memberKeys: readonly Keys[]
  readonly terminalKeys: readonly Keys[]
}

/** Makes all keys and signs the genesis. */
export async function foundTestnet(seatCount: number, directory: string, options: FoundingOptions): Promise<Founders> {
  const ports = { clock: hostClock(), random: hostRandom() }
  const keysOf = (name: string, kind: 'device' | 'organization'): Promise<Keys> =>
    createKeyFile(join(directory, name, 'node.key'), kind)
  await mkdir(directory, { recursive: true })
  const organizationKeys = await keysOf('organization', 'organization')
  const memberKeys = await Promise.all(
    Array.from({ length: seatCount * (options.neighborhoods ?? 1) }, (_, number) =>
      keysOf(memberName(placeOf(number, seatCount)), 'device'),
    ),
  )
  const terminalKeys = await Promise.all(
    Array.from({ length: options.terminals ?? 1 }, (_, i) => keysOf(`terminal-${i}`, 'device')),
  )
  const offers = await Promise.all(memberKeys.map(offerSeat))
  const genesis = await foundNet(
    {
      name: 'testnet',
      seats: offers.splice(0, seatCount),
      further: Array.from({ length: offers.length / seatCount }, () => offers.splice(0, seatCount)),
      terminals: terminalKeys.map((keys) => keys.inception),
      ...(options.policy && { policy: options.policy }),
      assets: options.assets ?? [{ code: 'EUR', decimals: 2, cap: 100_000_000 }],
    },
    organizationKeys,
    ports,
  )
  return { genesis, organizationKeys, memberKeys, terminalKeys }
}

export function placeOf(number: number, seatCount: number): Place {
  return { neighborhood: Math.floor(number / seatCount), seat: number % seatCount }
}

/** Name of a member's folder. */
export function memberName({ neighborhood, seat }: Place): string {
  const name = `member-${String(seat).padStart(2, '0')}`
  return neighborhood === 0 ? name : `${neighborhood}-${name}`
}

/** New keys of a device that is at home in a neighborhood: chance says where, so it is tried until it is the right one. */
export async function keysAtHome(path: string, genesis: Genesis, neighborhood?: number): Promise<Keys> {
  const wanted = neighborhood === undefined ? null : genesis.homes[neighborhood]
  for (;;) {
    const keys = await createKeyFile(path, 'device')
    if (!wanted || homeOf(genesis, keys.id) === wanted) return keys
    await rm(path)
  }
}

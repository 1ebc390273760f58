/** Identities with real keys, held in memory for the length of a test. */

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { signedBytes, TYPE } from '../../src/core/envelope.ts'
import {
  type AssetTerms,
  type Genesis,
  genesisBody,
  genesisFile,
  genesisSignedBytes,
  readGenesis,
} from '../../src/identity/genesis.ts'
import { inceptionBody, type KeyState, keyEventBytes, NO_SCOPE, readInception } from '../../src/identity/keylog.ts'
import type { Kind } from '../../src/identity/xqident.ts'

/** A key pair that signs at once. */
export interface Pair {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** Someone with an identity. */
export interface Person extends Pair {
  readonly id: Uint8Array
  readonly inception: Uint8Array
  readonly state: KeyState
}

export function makePair(): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return { publicKey: rawKey(publicKey), sign: (message) => new Uint8Array(sign(null, message, privateKey)) }
}

export function makePerson(kind: Kind = 'human'): Person {
  const pair = makePair()
  const body = inceptionBody({ kind, key: pair.publicKey, nextKey: makePair().publicKey, salt: bytes(16) })
  const inception = keyEventBytes(body, pair.sign(signedBytes(TYPE.keyEvent, NO_SCOPE, body)))
  const state = readInception(inception)
  return { ...pair, id: state.id, inception, state }
}

/** A net of `seatCount` members with everyone's keys at hand. */
export interface Net {
  readonly genesis: Genesis
  readonly organization: Person
  readonly members: readonly { readonly person: Person; readonly epoch: Pair }[]
  readonly terminal: Person
}

/** A signed genesis with one terminal and, unless told otherwise, one asset `EUR` issued by the organization. */
export function makeNet(seatCount: number, assets?: (organization: Person) => AssetTerms[]): Net {
  const organization = makePerson('organization')
  const members = Array.from({ length: seatCount }, () => ({ person: makePerson('device'), epoch: makePair() }))
  const terminal = makePerson('device')
  const body = genesisBody({
    name: 'test',
    createdMs: 1_790_000_000_000,
    organization: organization.inception,
    neighborhood: bytes(16),
    seats: members.map(({ person, epoch }) => ({ inception: person.inception, epochKey: epoch.publicKey, weight: 1 })),
    assets: assets?.(organization) ?? [{ issuer: organization.id, code: 'EUR', decimals: 2, cap: 1_000_000_00 }],
    terminals: [terminal.inception],
  })
  const genesis = readGenesis(genesisFile(body, organization.sign(genesisSignedBytes(body))))
  return { genesis, organization, members, terminal }
}

function rawKey(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(-32))
}

function bytes(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length))
}

/**
 * Genesis: the signed beginning of a net, and the only anchor anyone needs to join it.
 *
 * It names the organization, the members and seats of the first neighborhood with their epoch-0 voting keys, the assets with issuer and cap, the terminals that may take
 * payments, and further neighborhoods where the net begins with several. The net's id is the digest of its body.
 *
 * A verified genesis is seen from one of its neighborhoods: `neighborhood`, `seats` and `memberStates` are of that one (`home.ts`), all else is the same from everywhere.
 */

import { compare } from '../core/bytes.ts'
import { type Cbor, encode } from '../core/codec.ts'
import { assertPublicKey, verifySignature } from '../core/crypto.ts'
import { blake3Of } from '../core/digest.ts'
import { decodeEnvelope, encodeEnvelope, signedBytes, TYPE } from '../core/envelope.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { type KeyState, NO_SCOPE, readInception } from './keylog.ts'

/** One seat of the neighborhood. */
export interface Seat {
  /** Encoded, signed inception event of the member. */
  readonly inception: Uint8Array
  /** Raw Ed25519 key that votes in epoch 0. */
  readonly epochKey: Uint8Array
  readonly weight: number
  /** Raw Ed25519 key of the member's verifiable random function; null in nets from before there were epochs, which stay in epoch 0. */
  readonly vrfKey?: Uint8Array | null
}

/** An asset that may exist in the net. Amounts are integers of its smallest unit. */
export interface AssetTerms {
  /** 32-byte identity that may issue it. */
  readonly issuer: Uint8Array
  /** Such as `EUR`: for people; programs compare asset ids. */
  readonly code: string
  readonly decimals: number
  /** Most that may ever be issued, in smallest units. */
  readonly cap: number
}

/** How a net seats its members after the first epoch: the same for all of them, so it stands in the genesis. */
export interface SeatingPolicy {
  /** Seats of a neighborhood. */
  readonly seats: number
  /** For so many epochs a newcomer is a spare. */
  readonly probationEpochs: number
  /** Seats of all that one founder answers for, directly or through others; 0: no bound. */
  readonly perTreeMax: number
  /** Seats of one organization; 0: no bound. */
  readonly perOrganizationMax: number
  /** Members that either half has at least where a neighborhood is divided, never less than it has seats; 0: none ever is. Absent: its seats and a fifth more. */
  readonly halfMin?: number
  /** A neighborhood with fewer members is joined by people of its kin; 0: none ever is. Absent: an eighth less than it has seats. Not without `halfMin`. */
  readonly mergeBelow?: number
}

/** The policy of a genesis that names none. */
export const USUAL_POLICY: SeatingPolicy = { seats: 25, probationEpochs: 24, perTreeMax: 5, perOrganizationMax: 0 }

/** A neighborhood that a net begins with. */
export interface Founding {
  /** 16-byte id: home of the accounts opened here. */
  readonly neighborhood: Uint8Array
  readonly seats: readonly Seat[]
}

/** What a genesis says, before and after it is signed. */
export interface GenesisTerms extends Founding {
  readonly name: string
  readonly createdMs: number
  /** Encoded, signed inception event of the organization. */
  readonly organization: Uint8Array
  readonly assets: readonly AssetTerms[]
  /** Encoded, signed inception events of the terminals. */
  readonly terminals: readonly Uint8Array[]
  /** Absent: `USUAL_POLICY`. */
  readonly policy?: SeatingPolicy
  /** Neighborhoods beside the first, for a net that begins with several. */
  readonly further?: readonly Founding[]
}

/** A founding neighborhood with the verified key logs of its members, by seat. */
export interface FoundedHome extends Founding {
  readonly memberStates: readonly KeyState[]
}

/** A verified genesis. */
export interface Genesis extends GenesisTerms {
  /** 32-byte id of the net. */
  readonly netId: Uint8Array
  readonly organizationState: KeyState
  readonly memberStates: readonly KeyState[]
  /** All neighborhoods that the net begins with, the first one first, wherever this genesis is seen from. */
  readonly homes: readonly FoundedHome[]
  readonly terminalStates: readonly KeyState[]
  /** The signed file. */
  readonly bytes: Uint8Array
}

/** Body bytes, to be signed by the organization over `genesisSignedBytes(body)`. */
export function genesisBody(terms: GenesisTerms): Uint8Array {
  const assets: Cbor = terms.assets.map((asset) => [asset.issuer, asset.code, asset.decimals, asset.cap])
  const { name, createdMs, organization, neighborhood, terminals, further = [] } = terms
  const fields: Cbor[] = [name, createdMs, organization, neighborhood, seatFields(terms), assets, terminals]
  // what comes after the policy does not come without it
  const policy = terms.policy ?? (further.length > 0 ? USUAL_POLICY : null)
  if (policy) fields.push(policyFields(policy))
  if (further.length > 0) fields.push(further.map((home) => [home.neighborhood, seatFields(home)]))
  return encode(fields)
}

function policyFields(policy: SeatingPolicy): Cbor[] {
  const { seats, probationEpochs, perTreeMax, perOrganizationMax, halfMin, mergeBelow } = policy
  if (mergeBelow !== undefined && halfMin === undefined)
    throw new WebxError('bad-argument', 'policy: mergeBelow needs a halfMin beside it')
  const optional = [halfMin, mergeBelow].filter((field) => field !== undefined)
  return [seats, probationEpochs, perTreeMax, perOrganizationMax, ...optional]
}

function seatFields({ seats }: Founding): Cbor {
  return seats.map(({ inception, epochKey, weight, vrfKey }) =>
    vrfKey ? [inception, epochKey, weight, vrfKey] : [inception, epochKey, weight],
  )
}

/** What the organization signs. */
export function genesisSignedBytes(body: Uint8Array): Uint8Array {
  return signedBytes(TYPE.genesis, NO_SCOPE, body)
}

/** The file of a signed genesis. */
export function genesisFile(body: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeEnvelope(
    { type: TYPE.genesis, scope: NO_SCOPE, body, signature, attachment: new Uint8Array(0) },
    LIMITS.genesisBytesMax,
  )
}

/** Reads and verifies a genesis file. Throws `bad-shape`, `bad-signature`, `bad-key`, or what decoding throws. */
export function readGenesis(bytes: Uint8Array): Genesis {
  const envelope = decodeEnvelope(bytes, LIMITS.genesisBytesMax)
  if (envelope.type !== TYPE.genesis) throw new WebxError('bad-shape', 'this file is not a genesis')
  const terms = readTerms(envelope.body)
  const organizationState = readInception(terms.organization)
  const [key] = organizationState.keys as [Uint8Array]
  if (!verifySignature(key, genesisSignedBytes(envelope.body), envelope.signature)) {
    throw new WebxError('bad-signature', 'genesis is not signed by its organization')
  }
  const homes = [terms, ...(terms.further ?? [])].map(foundedHome)
  const terminalStates = terms.terminals.map(readInception)
  assertDistinct(
    'neighborhoods',
    homes.map(({ neighborhood }) => neighborhood),
  )
  assertDistinct(
    'members',
    homes.flatMap(({ memberStates }) => memberStates.map((state) => state.id)),
  )
  assertDistinct(
    'epoch keys',
    homes.flatMap(({ seats }) => seats.map((seat) => seat.epochKey)),
  )
  const netId = blake3Of('webx v1 net', envelope.body)
  const { memberStates } = homes[0] as FoundedHome
  return { ...terms, netId, organizationState, memberStates, homes, terminalStates, bytes }
}

function foundedHome({ neighborhood, seats }: Founding): FoundedHome {
  if (seats.length === 0) throw new WebxError('bad-shape', 'genesis: a neighborhood has at least one seat')
  for (const seat of seats) assertPublicKey(seat.epochKey)
  return { neighborhood, seats, memberStates: seats.map((seat) => readInception(seat.inception)) }
}

function readTerms(body: Uint8Array): GenesisTerms {
  const fields = Fields.of('genesis', body, LIMITS.genesisBytesMax)
  const terms: GenesisTerms = {
    name: fields.text('name', 64),
    createdMs: fields.uint('createdMs'),
    organization: fields.bytesBetween('organization', 1, 1024),
    neighborhood: fields.bytes('neighborhood', 16),
    seats: readSeats(fields),
    assets: fields.list('assets', LIMITS.genesisAssetsMax, (item) => readAsset(new Fields('asset', item))),
    terminals: fields.list('terminals', LIMITS.genesisTerminalsMax, readBytes),
    ...(fields.isEmpty ? {} : { policy: fields.tuple('policy', readPolicy) }),
    ...(fields.isEmpty ? {} : { further: fields.list('further', LIMITS.homesKnownMax, readFounding) }),
  }
  fields.end()
  // a net has one form
  if (terms.further?.length === 0) throw new WebxError('bad-shape', 'genesis: a list of no further neighborhoods')
  return terms
}

function readFounding(item: Cbor): Founding {
  const fields = new Fields('neighborhood', item)
  const founding = {
    neighborhood: fields.bytes('nid', 16),
    seats: readSeats(fields),
  }
  fields.end()
  return founding
}

function readSeats(fields: Fields): Seat[] {
  return fields.list('seats', LIMITS.seatsMax, (item) => readSeat(new Fields('seat', item)))
}

function readSeat(fields: Fields): Seat {
  const seat = {
    inception: fields.bytesBetween('inception', 1, 1024),
    epochKey: fields.bytes('epochKey', 32),
    weight: fields.uint('weight', 1_000_000),
    vrfKey: fields.isEmpty ? null : fields.bytes('vrfKey', 32),
  }
  fields.end()
  if (seat.vrfKey) assertPublicKey(seat.vrfKey)
  if (seat.weight === 0) throw new WebxError('bad-shape', 'seat: weight must be at least 1')
  return seat
}

function readPolicy(fields: Fields): SeatingPolicy {
  const policy = {
    seats: fields.uint('seats', LIMITS.seatsMax),
    probationEpochs: fields.uint('probationEpochs', 1_000_000),
    perTreeMax: fields.uint('perTreeMax', LIMITS.seatsMax),
    perOrganizationMax: fields.uint('perOrganizationMax', LIMITS.seatsMax),
    ...(fields.isEmpty ? {} : { halfMin: fields.uint('halfMin', LIMITS.halfMinMax) }),
    ...(fields.isEmpty ? {} : { mergeBelow: fields.uint('mergeBelow', LIMITS.mergeBelowMax) }),
  }
  if (policy.seats === 0) throw new WebxError('bad-shape', 'policy: a neighborhood has at least one seat')
  return policy
}

function readAsset(fields: Fields): AssetTerms {
  const asset = {
    issuer: fields.bytes('issuer', 32),
    code: fields.text('code', LIMITS.assetCodeCharactersMax),
    decimals: fields.uint('decimals', LIMITS.assetDecimalsMax),
    cap: fields.uint('cap', LIMITS.amountMax),
  }
  fields.end()
  return asset
}

function readBytes(value: Cbor): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new WebxError('bad-shape', 'genesis: terminals are byte strings')
  return value
}

function assertDistinct(what: string, values: readonly Uint8Array[]): void {
  const sorted = [...values].sort(compare)
  for (let i = 1; i < sorted.length; i++) {
    if (compare(sorted[i - 1] as Uint8Array, sorted[i] as Uint8Array) === 0) {
      throw new WebxError('bad-shape', `genesis: ${what} must differ`)
    }
  }
}

/**
 * Opening: all that an epoch begins with. Who belongs to the neighborhood, who sits where with which key, the seed of its draws, the root of the settled state,
 * and what the seats of the epoch before did.
 *
 * The FINAL transaction of an epoch names the digest of the next opening; the certificate of its block is the hand-over. Epoch 0 opens with the genesis.
 */

import { type Cbor, encode } from '../../core/codec.ts'
import { blake3Of } from '../../core/digest.ts'
import { LIMITS } from '../../core/limits.ts'
import { Fields } from '../../core/shape.ts'
import { readVersion } from '../../core/versions.ts'
import { type Committee, type CommitteeSeat, createCommittee } from '../committee.ts'
import { type Division, divisionFields, readDivision } from './division.ts'
import { type Loan, loanFields, readLoan } from './loan.ts'
import type { RosterEntry } from './rules.ts'

/** What one seat did in the epoch before. */
export interface Attendance {
  /** 32-byte identity that held the seat. */
  readonly id: Uint8Array
  /** Final blocks that it is on record for having voted for. */
  readonly attended: number
  /** Final blocks that it composed. */
  readonly led: number
}

/** One share of the seed: what proves the output of its owner's verifiable random function, from which roles are drawn. */
export interface Share {
  /** 32-byte identity that held a seat in the epoch before. */
  readonly id: Uint8Array
  /** 80-byte proof, for the input that `beacon.ts` names. */
  readonly proof: Uint8Array
}

export interface Opening {
  readonly netId: Uint8Array
  /** 16-byte id of the neighborhood. */
  readonly nid: Uint8Array
  readonly epoch: number
  /** 32 bytes that nobody chose. */
  readonly seed: Uint8Array
  /** 32-byte root of the settled state that the epoch begins with: see `Register.stateRoot`. */
  readonly stateRoot: Uint8Array
  /** Everyone who belongs to the neighborhood, sorted by identity. */
  readonly roster: readonly RosterEntry[]
  readonly seats: readonly CommitteeSeat[]
  /** Shares of the seed, by seat of the epoch before; none in epoch 0. */
  readonly shares: readonly Share[]
  /** Final blocks of the epoch before. */
  readonly blocks: number
  readonly attendance: readonly Attendance[]
  /** Identities that were convicted in the epoch before, sorted. */
  readonly convicted: readonly Uint8Array[]
  /** Wire version that the epoch speaks. */
  readonly version: number
  /** The neighborhood was divided with this epoch; left out where it was not. */
  readonly division?: Division
  /** People of its kin have come into the neighborhood with this epoch; left out where none have, and where it was divided. */
  readonly loan?: Loan
}

/** A seat that nobody sits on: it has weight, and no key that could sign. */
export const VACANT = { id: new Uint8Array(32), epochKey: new Uint8Array(32) } as const

const DIVISION_FIELDS = 2

/** Canonical bytes. */
export function encodeOpening(opening: Opening): Uint8Array {
  const {
    netId,
    nid,
    epoch,
    seed,
    stateRoot,
    roster,
    seats,
    shares,
    blocks,
    attendance,
    convicted,
    version,
    division,
    loan,
  } = opening
  return encode([
    netId,
    nid,
    epoch,
    seed,
    stateRoot,
    roster.map(rosterFields),
    seats.map(({ memberId, epochKey, weight }) => [memberId, epochKey, weight]),
    shares.map(({ id, proof }) => [id, proof]),
    blocks,
    attendance.map(({ id, attended, led }) => [id, attended, led]),
    [...convicted],
    version,
    ...(division ? [divisionFields(division)] : []),
    ...(loan ? [loanFields(loan)] : []),
  ])
}

/** What a FINAL transaction names. */
export function openingDigest(bytes: Uint8Array): Uint8Array {
  return blake3Of('webx v1 epoch opening', bytes)
}

/** Reads an opening. Throws `bad-shape`, `too-long`, `not-canonical`; whether a hand-over names it is for others to check. */
export function decodeOpening(bytes: Uint8Array): Opening {
  const fields = Fields.of('opening', bytes, LIMITS.openingBytesMax)
  const opening: Opening = {
    netId: fields.bytes('netId', 32),
    nid: fields.bytes('nid', 16),
    epoch: fields.uint('epoch'),
    seed: fields.bytes('seed', 32),
    stateRoot: fields.bytes('stateRoot', 32),
    roster: fields.list('roster', LIMITS.rosterMax, (item) => readRosterEntry(new Fields('roster entry', item))),
    seats: fields.list('seats', LIMITS.seatsMax, (item) => readSeat(new Fields('seat', item))),
    shares: fields.list('shares', LIMITS.seatsMax, (item) => readShare(new Fields('share', item))),
    blocks: fields.uint('blocks'),
    attendance: fields.list('attendance', LIMITS.seatsMax, (item) => readAttendance(new Fields('attendance', item))),
    convicted: fields.list('convicted', LIMITS.rosterMax, (item) => new Fields('convicted', [item]).bytes('id', 32)),
    version: readVersion(fields),
    ...(!fields.isEmpty && readOrigin(fields.any('origin'))),
  }
  fields.end()
  return opening
}

/** A division has two fields, a loan has four. */
function readOrigin(value: Cbor): Pick<Opening, 'division' | 'loan'> {
  const isDivision = Array.isArray(value) && value.length === DIVISION_FIELDS
  const fields = new Fields(isDivision ? 'division' : 'loan', value)
  const origin = isDivision ? { division: readDivision(fields) } : { loan: readLoan(fields) }
  fields.end()
  return origin
}

/** The committee that votes in the epoch. Throws `bad-argument` where nobody sits. */
export function committeeOfOpening({ netId, nid, epoch, seats }: Opening): Committee {
  return createCommittee({ netId, nid, epoch, seats })
}

/** What slot 0 of the epoch's blocks stands on. */
export function beginningOf(openingBytes: Uint8Array): Uint8Array {
  return blake3Of('webx v1 beginning', openingBytes)
}

export function rosterFields(entry: RosterEntry): Cbor {
  const { id, key, vrfKey, organization, voucher, since, capabilities, weight } = entry
  return [id, key, vrfKey, organization, voucher, since, capabilities, weight]
}

export function readRosterEntry(fields: Fields): RosterEntry {
  const entry = {
    id: fields.bytes('id', 32),
    key: fields.bytes('key', 32),
    vrfKey: fields.bytes('vrfKey', 32),
    organization: fields.bytes('organization', 32),
    voucher: fields.bytes('voucher', 32),
    since: fields.uint('since'),
    capabilities: fields.uint('capabilities', 0xff),
    weight: fields.uint('weight', 1_000_000),
  }
  fields.end()
  return entry
}

function readSeat(fields: Fields): CommitteeSeat {
  const seat = {
    memberId: fields.bytes('memberId', 32),
    epochKey: fields.bytes('epochKey', 32),
    weight: fields.uint('weight', 1_000_000),
  }
  fields.end()
  return seat
}

function readShare(fields: Fields): Share {
  const share = { id: fields.bytes('id', 32), proof: fields.bytes('proof', 80) }
  fields.end()
  return share
}

function readAttendance(fields: Fields): Attendance {
  const attendance = { id: fields.bytes('id', 32), attended: fields.uint('attended'), led: fields.uint('led') }
  fields.end()
  return attendance
}

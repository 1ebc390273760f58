/**
 * Founding a net: one organization's signature under who sits where, which assets exist, and which terminals take payments.
 */

import { admissionBytes } from './consensus/epoch/transaction.ts'
import { fromBase64url, toBase64url } from './core/bytes.ts'
import { encode } from './core/codec.ts'
import { WebxError } from './core/errors.ts'
import { Fields } from './core/shape.ts'
import {
  type Genesis,
  genesisBody,
  genesisFile,
  genesisSignedBytes,
  readGenesis,
  type Seat,
  type SeatingPolicy,
} from './identity/genesis.ts'
import { readInception } from './identity/keylog.ts'
import type { Clock, Keys, Random } from './kernel/ports.ts'
import type { Admission } from './services/turning.ts'

/** An asset that the organization will issue. */
export interface NetAsset {
  readonly code: string
  readonly decimals: number
  /** Most that may ever exist, in smallest units. */
  readonly cap: number
}

/** What a net is founded with. Seats and terminals are encoded as `offerSeat` and `Keys.inception` give them. */
export interface NetTerms {
  readonly name: string
  readonly seats: readonly string[]
  /** Seats of further neighborhoods, one list for each; none, unless given. */
  readonly further?: readonly (readonly string[])[]
  readonly terminals: readonly Uint8Array[]
  readonly assets: readonly NetAsset[]
  /** Absent: `USUAL_POLICY`. */
  readonly policy?: SeatingPolicy
}

/** What a device hands to the organization to be given a seat: its inception event, the key that it votes with and that of its verifiable random function, base64url. */
export async function offerSeat(keys: Keys): Promise<string> {
  const { publicKey } = await keys.epochSigner(0)
  return toBase64url(encode([keys.inception, publicKey, keys.vrf.publicKey]))
}

/** Signs a genesis. Throws `bad-argument` for a founder that has rotated and a seat offer that cannot be read, and what `readGenesis` throws for terms that make no net. */
export async function foundNet(
  terms: NetTerms,
  organization: Keys,
  ports: { readonly clock: Clock; readonly random: Random },
): Promise<Genesis> {
  if (organization.position > 0) {
    throw new WebxError('bad-argument', 'this identity has rotated, and a genesis names its founder by the first key', {
      hint: 'Found the net with a new organization.',
    })
  }
  const codes = terms.assets.map(({ code }) => code)
  if (new Set(codes).size < codes.length) {
    throw new WebxError('bad-argument', 'two assets have one code', {
      hint: 'People tell assets apart by their codes.',
    })
  }
  const further = (terms.further ?? []).map((seats) => {
    return { neighborhood: ports.random.bytes(16), seats: seats.map(readOffer) }
  })
  const body = genesisBody({
    name: terms.name,
    createdMs: ports.clock.nowMs(),
    organization: organization.inception,
    neighborhood: ports.random.bytes(16),
    seats: terms.seats.map(readOffer),
    assets: terms.assets.map((asset) => ({ issuer: organization.id, ...asset })),
    terminals: terms.terminals,
    ...(terms.policy && { policy: terms.policy }),
    ...(further.length > 0 && { further }),
  })
  return readGenesis(genesisFile(body, await organization.sign(genesisSignedBytes(body))))
}

/** The organization lets somebody apply for a place: its signature under a seat offer. Throws `bad-argument` for an offer that cannot be read or names no verifiable random function. */
export async function admit(offer: string, organization: Keys, netId: Uint8Array): Promise<Admission> {
  const { inception, vrfKey } = readOffer(offer)
  if (!vrfKey) {
    throw new WebxError('bad-argument', 'this offer is from before there were epochs', {
      hint: 'Make it anew with "webx id show".',
    })
  }
  const { id } = readInception(inception)
  const signature = await organization.sign(admissionBytes(netId, id, vrfKey))
  return { organization: organization.id, signature, capabilities: 0 }
}

/** An admission as people pass it on, base64url. */
export function admissionText({ organization, signature, capabilities }: Admission): string {
  return toBase64url(encode([organization, signature, capabilities]))
}

/** Throws `bad-argument` for what is none. */
export function readAdmission(text: string): Admission {
  try {
    const fields = Fields.of('admission', fromBase64url(text.trim()))
    const organization = fields.bytes('organization', 32)
    const signature = fields.bytes('signature', 64)
    const capabilities = fields.uint('capabilities', 0xff)
    fields.end()
    return { organization, signature, capabilities }
  } catch (cause) {
    throw new WebxError('bad-argument', 'an admission cannot be read', {
      cause,
      hint: 'Use what "webx net admit" prints.',
    })
  }
}

function readOffer(offer: string): Seat {
  try {
    const fields = Fields.of('seat offer', fromBase64url(offer.trim()))
    const seat = {
      inception: fields.bytesBetween('inception', 1, 1024),
      epochKey: fields.bytes('epochKey', 32),
      vrfKey: fields.isEmpty ? null : fields.bytes('vrfKey', 32),
      weight: 1,
    }
    fields.end()
    readInception(seat.inception)
    return seat
  } catch (cause) {
    throw new WebxError('bad-argument', 'a seat offer cannot be read', {
      cause,
      hint: 'Use what "webx id show" prints as seat.',
    })
  }
}

/**
 * Founding a net: one organization's signature under who sits where, which assets exist, and which terminals take payments.
 */

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
} from './identity/genesis.ts'
import { readInception } from './identity/keylog.ts'
import type { Clock, Keys, Random } from './kernel/ports.ts'

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
  readonly terminals: readonly Uint8Array[]
  readonly assets: readonly NetAsset[]
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
  const body = genesisBody({
    name: terms.name,
    createdMs: ports.clock.nowMs(),
    organization: organization.inception,
    neighborhood: ports.random.bytes(16),
    seats: terms.seats.map(readOffer),
    assets: terms.assets.map((asset) => ({ issuer: organization.id, ...asset })),
    terminals: terms.terminals,
  })
  return readGenesis(genesisFile(body, await organization.sign(genesisSignedBytes(body))))
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

/**
 * Golden bytes of anonymous check-in, and what must be refused of them: what `test/vectors/checkin.json` holds. To write the file anew after a change on purpose:
 *
 *     node test/kit/checkin-vectors.ts > test/vectors/checkin.json
 */

import './wasm.ts'
import { type Checkin, checkinPayload, readCheckin } from '../../src/apps/facepay/checkin.ts'
import { proofKeyText, readProofKeyText } from '../../src/apps/facepay/proof-key-text.ts'
import {
  type Bound,
  checkCheckin,
  claimedTag,
  proveCheckin,
  type SignedRings,
  tagEndsMs,
} from '../../src/apps/facepay/ring-proof.ts'
import { readRingStatement, ringBody } from '../../src/apps/facepay/rings.ts'
import { compare, fromBase64url, toBase64url, toHex } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { decodeEnvelope, encodeEnvelope, signedBytes, statementDigest, TYPE } from '../../src/core/envelope.ts'
import { dayNumberAt } from '../../src/proof/day.ts'
import type { ProofKey } from '../../src/proof/secret.ts'
import { group as defaultGroup, type GroupDoor } from '../../src/wasm/group.ts'
import { chanceOf, proofKeys } from './proof-stage.ts'
import { agreementOf, buildProtocol, NOW_MS, personOf } from './protocol.ts'

/** What reads the bytes. */
export type CheckinReader = 'rings' | 'checkin' | 'proofKey'

/** The file; all bytes are hexadecimal. */
export interface CheckinVectors {
  readonly about: string
  readonly nowMs: number
  readonly guest: string
  readonly shop: string
  /** The tag of the check-in, and its day. */
  readonly tag: string
  readonly day: number
  readonly golden: Readonly<Record<'rings' | 'checkin' | 'proofKey', string>>
  readonly refused: readonly {
    readonly name: string
    readonly reader: CheckinReader
    readonly code: string
    readonly bytes: string
  }[]
}

const ABOUT = [
  'A terminal, seed 6, lists the proof keys of 32 times 1 to 25 in one ring and those of 26 and 27 in another; the holder of number 4 checks in as the guest of seed 8',
  'with check-in key 41 and pseudonym 16 times 33. The text is of key 4 in the net of protocol.json.',
].join(' ')
const NUMBER = 1_790_000_000
const { genesis, people } = buildProtocol()
const terminal = people.terminal
const shop = genesis.organizationState.id
const guest = personOf(8, 'device')
const own = { pseudonym: new Uint8Array(16).fill(0x33), key: agreementOf(41).publicKey, model: 'faceplugin' }
const bound: Bound = { guestId: guest.id, ...own }

/** The vectors of today's code. */
export function checkinVectors(group: GroupDoor = defaultGroup()): CheckinVectors {
  const random = chanceOf('check-in vectors')
  const keys = proofKeys(group, 27)
  const publicKeys = keys.map(({ publicKey }) => publicKey)
  const holder = keys[3] as ProofKey
  const groups = [publicKeys.slice(0, 25), publicKeys.slice(25)]
  const rings = statement(encodeList(groups))
  const signed = signedRings(rings)
  const ring = proveCheckin(group, { rings: signed, shop }, bound, holder, NOW_MS, random)
  const checkin: Checkin = { ...own, lifetimeMs: 3_600_000, ring }
  const payload = encode(checkinPayload(checkin))
  const text = fromBase64url(proofKeyText(group, holder, genesis, random))
  const refused = [...refusedRings(groups), ...refusedCheckins(payload), ...refusedTexts(text, publicKeys)]
  return {
    about: ABOUT,
    nowMs: NOW_MS,
    guest: toHex(guest.id),
    shop: toHex(shop),
    tag: toHex(claimedTag(signed, ring, NOW_MS)),
    day: ring.day,
    golden: { rings: toHex(rings), checkin: toHex(payload), proofKey: toHex(text) },
    refused: refused.map(({ bytes, ...rest }) => ({ ...rest, bytes: toHex(bytes) })),
  }
}

/** The list in a signed statement. */
export function signedRings(bytes: Uint8Array): SignedRings {
  const envelope = decodeEnvelope(bytes)
  return { ...readRingStatement(envelope), digest: statementDigest(envelope) }
}

/** How each reader takes bytes; what passes is not refused. Check-ins are of the guest of the vectors, under the golden list. */
export function readerOf(golden: CheckinVectors['golden'], group: GroupDoor = defaultGroup()) {
  const rings = signedRings(Uint8Array.from(Buffer.from(golden.rings, 'hex')))
  return {
    rings: (bytes: Uint8Array): unknown => signedRings(bytes),
    checkin: (bytes: Uint8Array): Uint8Array => {
      const { ring, ...said } = readCheckin(decode(bytes))
      if (!ring) throw new Error('a check-in by name')
      claimedTag(rings, ring, NOW_MS)
      return checkCheckin(group, { rings, shop }, { ...bound, ...said }, ring)
    },
    proofKey: (bytes: Uint8Array): Uint8Array => readProofKeyText(group, toBase64url(bytes), genesis),
  } satisfies Record<CheckinReader, (bytes: Uint8Array) => unknown>
}

interface Refused {
  readonly name: string
  readonly reader: CheckinReader
  readonly code: string
  readonly bytes: Uint8Array
}

function encodeList(groups: readonly (readonly Uint8Array[])[]): Uint8Array {
  return ringBody(terminal.id, NUMBER, groups)
}

function statement(body: Uint8Array): Uint8Array {
  const signature = terminal.sign(signedBytes(TYPE.ring, genesis.netId, body))
  return encodeEnvelope({ type: TYPE.ring, scope: genesis.netId, body, signature, attachment: new Uint8Array(0) })
}

function refusedRings(groups: readonly (readonly Uint8Array[])[]): Refused[] {
  const [large = [], small = []] = groups.map((group) => group.toSorted(compare))
  const refused = (name: string, rings: Cbor, ...rest: Cbor[]): Refused => ({
    ...{ name, reader: 'rings', code: 'bad-shape' },
    bytes: statement(encode([terminal.id, NUMBER, rings, ...rest])),
  })
  return [
    refused('a key twice in a ring', [[small[0] as Uint8Array, ...small]]),
    refused('a key in two rings', [large, [large[0] as Uint8Array, small[1] as Uint8Array].toSorted(compare)]),
    refused('keys out of order', [small.toReversed()]),
    refused('a ring of one', [small.slice(1)]),
    refused('a ring of 26', [[...large, small[0] as Uint8Array].toSorted(compare)]),
    refused('a key of 31 bytes', [[small[0] as Uint8Array, (small[1] as Uint8Array).slice(1)]]),
    refused('a field too many', [small], 0),
  ]
}

function refusedCheckins(golden: Uint8Array): Refused[] {
  const fields = decode(golden) as Cbor[]
  const proof = fields[4] as Cbor[]
  const bytes = proof[3] as Uint8Array
  const changed = (name: string, code: string, at: number, value: Cbor): Refused => ({
    ...{ name, reader: 'checkin', code },
    bytes: encode(fields.with(at, value)),
  })
  const proven = (name: string, code: string, at: number, value: Cbor): Refused =>
    changed(name, code, 4, proof.with(at, value))
  const flipped = (at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
  const today = dayNumberAt(NOW_MS)
  if (tagEndsMs(today - 1) > NOW_MS) throw new Error('the vectors are of the first minute of a day')
  return [
    changed('another pseudonym', 'bad-proof', 0, new Uint8Array(16)),
    changed('another key', 'bad-proof', 1, agreementOf(42).publicKey),
    changed('another face model', 'bad-proof', 3, 'other'),
    proven('another list', 'wrong-version', 0, NUMBER - 1),
    proven('another ring', 'bad-shape', 1, 1),
    proven('no such ring', 'bad-shape', 1, 2),
    proven('yesterday', 'expired', 2, today - 1),
    proven('tomorrow', 'from-the-future', 2, today + 1),
    proven('another tag', 'bad-proof', 3, flipped(5)),
    proven('a changed response', 'bad-proof', 3, flipped(bytes.length - 40)),
    proven('a proof that is too short', 'not-canonical', 3, bytes.slice(0, -1)),
    { name: 'a field too few', reader: 'checkin', code: 'bad-shape', bytes: encode(fields.slice(0, 4)) },
  ]
}

function refusedTexts(golden: Uint8Array, keys: readonly Uint8Array[]): Refused[] {
  const [version, key, proof] = decode(golden) as [Cbor, Cbor, Uint8Array]
  const refused = (name: string, code: string, fields: Cbor): Refused => ({
    ...{ name, reader: 'proofKey', code },
    bytes: encode(fields),
  })
  return [
    refused('the key of another', 'bad-proof', [version, keys[4] as Uint8Array, proof]),
    refused('a changed proof', 'bad-proof', [version, key, proof.map((byte, i) => (i === 40 ? byte ^ 1 : byte))]),
    refused('another version', 'bad-argument', [2, key, proof]),
    refused('a field too many', 'bad-argument', [version, key, proof, 0]),
  ]
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(checkinVectors(), null, 2)}\n`)

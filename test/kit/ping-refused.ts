/** Pings, narrowings, presentations, redemptions and status lists with one thing wrong each, for `test/vectors/ping.json`. */

import { concat } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { decodeSign1, encodeSign1, sign1Message } from '../../src/core/cose.ts'
import { readPing } from '../../src/data/ping.ts'
import { encodePresentation, readPresentation } from '../../src/data/presentation.ts'
import { challengeFor, readRedemption } from '../../src/data/redemption.ts'
import { OPERATION, type Rights } from '../../src/data/rights.ts'
import * as kit from './pings.ts'

/** Bytes that must be refused, and how far they come: read, verified, redeemed, or taken in the place of the status list that is held. */
export interface RefusedPing {
  readonly name: string
  readonly reader: 'presentation' | 'rights' | 'redemption' | 'status' | 'statement' | 'holder'
  readonly code: string
  readonly bytes: Uint8Array
}

const ping = kit.mint()
const tip = readPing(ping).digest
const carol = kit.carolsPresentation()
const { ALICE, BOB, CAROL, OWNER } = kit

export function refusedPings(): RefusedPing[] {
  return [...malformed(), ...unverified(), ...unredeemed(), ...statusLists(), ...statements(), ...holders()]
}

function malformed(): RefusedPing[] {
  const refuse = (name: string, code: string, bytes: Uint8Array): RefusedPing => ({
    name,
    reader: 'presentation',
    code,
    bytes,
  })
  const alone = (document: Uint8Array) => encodePresentation({ ping: document, narrowings: [], disclosures: [] })
  const changed = (at: number, value: Cbor) => alone(resigned((terms) => terms.with(at, value)))
  const grant = (at: number, value: Cbor) =>
    alone(resigned((terms) => terms.with(7, (terms[7] as Cbor[]).with(at, value))))
  const { payload, signature } = decodeSign1(ping)
  const contentType = 'application/webx-ping'
  const [body] = decode(readParts(carol)[2][0] as Uint8Array) as [Uint8Array]
  const otherVersion = encode((decode(body) as Cbor[]).with(0, 2))
  return [
    refuse('presentation of version 2', 'bad-version', encode([2, ping, [], []])),
    refuse('presentation with a field too many', 'bad-shape', encode([1, ping, [], [], 0])),
    refuse('presentation cut off', 'not-canonical', alone(ping).slice(0, -1)),
    refuse('nine narrowings', 'bad-shape', encode([1, ping, new Array(9).fill(readParts(carol)[2][0]), []])),
    refuse('ping of version 2', 'bad-version', changed(0, 2)),
    refuse('ping with an unknown field', 'bad-shape', alone(resigned((terms) => [...terms, 1]))),
    refuse('ping without locators', 'bad-shape', alone(resigned((terms) => terms.slice(0, -1)))),
    refuse(
      'header of another issuer',
      'bad-shape',
      alone(encodeSign1(payload, signature, { contentType, keyId: tip })),
    ),
    refuse('header of a receipt', 'bad-shape', alone(encodeSign1(payload, signature))),
    refuse('no operation', 'bad-shape', grant(2, 0)),
    refuse('unknown operation', 'bad-shape', grant(2, 32)),
    refuse('range backwards', 'bad-shape', grant(3, 1_000_001)),
    refuse('no purpose', 'bad-shape', grant(5, [])),
    refuse('purposes out of order', 'bad-shape', grant(5, ['research', 'billing'])),
    refuse('a purpose twice', 'bad-shape', grant(5, ['billing', 'billing'])),
    refuse('time backwards', 'bad-shape', grant(6, kit.NOW_MS + 24 * kit.HOUR_MS)),
    refuse(
      'fields out of order',
      'bad-shape',
      alone(resigned((terms) => terms.with(9, [...digests(terms)].reverse()))),
    ),
    refuse(
      'too many fields',
      'bad-shape',
      changed(
        9,
        Array.from({ length: 33 }, (_, i) => kit.fill(32, i)),
      ),
    ),
    refuse('an empty locator', 'bad-shape', changed(10, [''])),
    refuse('a short digest', 'bad-shape', changed(9, [kit.fill(31, 0)])),
    refuse('narrowing of version 2', 'bad-version', encode([1, ping, [encode([otherVersion, signature])], []])),
    refuse('status of one part', 'bad-shape', changed(8, [kit.fill(16, 6)])),
  ]
}

function unverified(): RefusedPing[] {
  const refuse = (name: string, code: string, bytes: Uint8Array): RefusedPing => ({
    name,
    reader: 'rights',
    code,
    bytes,
  })
  const { ALL_VISIBLE: all, TO_BOB: toBob, TO_CAROL: toCarol } = kit
  const [bobs, carols] = readParts(carol)[2] as [Uint8Array, Uint8Array]
  const parts = (narrowings: Uint8Array[], disclosures: Uint8Array[] = []) =>
    encodePresentation({ ping, narrowings, disclosures })
  const bobHolds = (rights: Rights) => parts([kit.pass(tip, rights, ALICE)])
  const bob = { ...all, holderKey: BOB.key }
  return [
    refuse('ping signed by somebody else', 'bad-signature', encode([1, kit.mint(kit.TERMS, CAROL), [], []])),
    refuse('narrowed by one who does not hold it', 'broken-chain', parts([kit.pass(tip, toBob, BOB)])),
    refuse('a narrowing left out', 'broken-chain', parts([carols])),
    refuse('narrowings exchanged', 'broken-chain', parts([carols, bobs])),
    refuse('narrowing of another ping', 'broken-chain', parts([kit.pass(kit.fill(32, 0), toBob, ALICE)])),
    refuse(
      'second narrowing by the first holder',
      'broken-chain',
      parts(
        kit.chain(ping, [
          [ALICE, toBob],
          [ALICE, toCarol],
        ]),
      ),
    ),
    refuse('widens operations', 'narrowing-widens', bobHolds({ ...bob, operations: OPERATION.aggregate })),
    refuse('widens the range', 'narrowing-widens', bobHolds({ ...bob, to: 1_000_001 })),
    refuse('widens purposes', 'narrowing-widens', bobHolds({ ...bob, purposes: ['marketing', 'research'] })),
    refuse('begins earlier', 'narrowing-widens', bobHolds({ ...bob, notBeforeMs: all.notBeforeMs - 1 })),
    refuse('ends later', 'narrowing-widens', bobHolds({ ...bob, expiresMs: all.expiresMs + 1 })),
    refuse('one more use', 'narrowing-widens', bobHolds({ ...bob, uses: 11 })),
    refuse('uses without end', 'narrowing-widens', bobHolds({ ...bob, uses: 0 })),
    refuse('shows a field beyond the last', 'narrowing-widens', bobHolds({ ...bob, visible: 1024 })),
    refuse('holder key of small order', 'bad-key', bobHolds({ ...bob, holderKey: kit.fill(32, 0) })),
    refuse('field that is not visible any more', 'tampered', parts([bobs, carols], kit.disclosuresOf('unit'))),
    refuse('field that the ping does not hold', 'tampered', parts([], [encode([kit.fill(16, 0), 'title', 'forged'])])),
    refuse('a field twice', 'tampered', parts([], [...kit.disclosuresOf('title'), ...kit.disclosuresOf('title')])),
    refuse('fields in another order', 'tampered', parts([], kit.disclosuresOf('title', 'rows').reverse())),
  ]
}

function unredeemed(): RefusedPing[] {
  const refuse = (name: string, code: string, bytes: Uint8Array): RefusedPing => ({
    name,
    reader: 'redemption',
    code,
    bytes,
  })
  const asks = (request: Partial<typeof kit.REQUEST>) => kit.answer(carol, CAROL, { ...kit.REQUEST, ...request })
  const challenged = (challenge: Uint8Array) => kit.answer(carol, CAROL, kit.REQUEST, challenge)
  const good = readRedemption(kit.answer(carol, CAROL))
  const minted = (terms: Partial<typeof kit.TERMS>) =>
    kit.answer(
      encodePresentation({ ping: kit.mint({ ...kit.TERMS, ...terms }), narrowings: [], disclosures: [] }),
      ALICE,
    )
  const times = (notBeforeMs: number, expiresMs: number) => minted({ grant: { ...kit.GRANT, notBeforeMs, expiresMs } })
  const salt = kit.fill(16, 8)
  return [
    refuse('answered by the holder before', 'wrong-holder', kit.answer(carol, BOB)),
    refuse('answered by the issuer', 'wrong-holder', kit.answer(carol, OWNER)),
    refuse('operation passed over by Bob', 'operation-not-granted', asks({ operation: 'verify' })),
    refuse('operation never granted', 'operation-not-granted', asks({ operation: 'notify' })),
    refuse('another purpose', 'wrong-purpose', asks({ purpose: 'billing' })),
    refuse('before the range', 'out-of-range', asks({ from: 4_095 })),
    refuse('beyond the range', 'out-of-range', asks({ to: 65_537 })),
    refuse('range backwards', 'out-of-range', asks({ from: 8_193 })),
    refuse(
      'challenge by another server',
      'wrong-audience',
      challenged(challengeFor(kit.fill(32, 8), kit.SECRET, salt, kit.NOW_MS)),
    ),
    refuse('ping for another server', 'wrong-audience', minted({ audience: kit.fill(32, 8) })),
    refuse(
      'challenge made up',
      'stale-challenge',
      challenged(challengeFor(kit.SERVER, kit.fill(32, 0), salt, kit.NOW_MS)),
    ),
    refuse(
      'challenge of yesterday',
      'stale-challenge',
      challenged(challengeFor(kit.SERVER, kit.SECRET, salt, kit.NOW_MS - 86_400_000)),
    ),
    refuse(
      'challenge of tomorrow',
      'stale-challenge',
      challenged(challengeFor(kit.SERVER, kit.SECRET, salt, kit.NOW_MS + 86_400_000)),
    ),
    refuse('another file', 'wrong-file', minted({ dataId: kit.fill(32, 0) })),
    refuse('a later version of the file', 'wrong-version', minted({ fileVersionFrom: 4 })),
    refuse('revoked', 'revoked', minted({ status: { listId: kit.fill(16, 6), index: 1 } })),
    refuse('another status list', 'status-unknown', minted({ status: { listId: kit.fill(16, 7), index: 1 } })),
    refuse(
      'entry beyond the status list',
      'status-unknown',
      minted({ status: { listId: kit.fill(16, 6), index: 512 } }),
    ),
    refuse('not yet valid', 'not-yet-valid', times(kit.NOW_MS + 1_001, kit.NOW_MS + 2_000)),
    refuse('expired', 'expired', times(kit.NOW_MS, kit.NOW_MS + 1_000)),
    refuse(
      'two operations at once',
      'bad-shape',
      encode([1, good.challenge, carol, [3, 4_096, 8_192, 'research'], good.signature]),
    ),
    refuse(
      'redemption of version 2',
      'bad-version',
      encode([2, good.challenge, carol, [1, 4_096, 8_192, 'research'], good.signature]),
    ),
  ]
}

function statements(): RefusedPing[] {
  const refuse = (name: string, code: string, bytes: Uint8Array): RefusedPing => ({
    name,
    reader: 'statement',
    code,
    bytes,
  })
  const list = kit.statusList()
  const statement = (...fields: Cbor[]) => encode([1, 0, ...fields])
  const [scope, none] = [kit.fill(32, 11), new Uint8Array(0)]
  return [
    refuse('statement of another type', 'bad-shape', statement(9, scope, list, none, none)),
    refuse('statement with a signature', 'bad-shape', statement(10, scope, list, kit.fill(64, 1), none)),
    refuse('statement with an attachment', 'bad-shape', statement(10, scope, list, none, kit.fill(1, 1))),
    refuse('statement with a ping in it', 'bad-shape', statement(10, scope, ping, none, none)),
    refuse(
      'statement with a byte behind the list',
      'bad-shape',
      statement(10, scope, concat(list, kit.fill(1, 0)), none, none),
    ),
  ]
}

function holders(): RefusedPing[] {
  const refuse = (name: string, code: string, bytes: Uint8Array): RefusedPing => ({
    name,
    reader: 'holder',
    code,
    bytes,
  })
  const id = kit.fill(32, 12)
  return [
    refuse('holder of version 2', 'bad-version', encode([2, id, ALICE.key, ALICE.agreementKey])),
    refuse('holder without an agreement key', 'bad-shape', encode([1, id, ALICE.key])),
    refuse('holder with a field too many', 'bad-shape', encode([1, id, ALICE.key, ALICE.agreementKey, 0])),
    refuse('holder with a key of small order', 'bad-key', encode([1, id, kit.fill(32, 0), ALICE.agreementKey])),
    refuse('holder with a short id', 'bad-shape', encode([1, kit.fill(31, 12), ALICE.key, ALICE.agreementKey])),
  ]
}

function statusLists(): RefusedPing[] {
  const refuse = (name: string, code: string, bytes: Uint8Array): RefusedPing => ({
    name,
    reader: 'status',
    code,
    bytes,
  })
  const list = (terms: Partial<typeof kit.STATUS>, by = OWNER) =>
    kit.statusList({ ...kit.STATUS, sequence: 8, ...terms }, by)
  return [
    refuse('older edition', 'wrong-version', list({ sequence: 6 })),
    refuse('another edition of the same number', 'wrong-version', list({ sequence: 7, issuedMs: kit.NOW_MS })),
    refuse('issued before the one that is held', 'wrong-version', list({ issuedMs: kit.STATUS.issuedMs - 1 })),
    refuse('takes back a revocation', 'tampered', list({ bits: kit.fill(64, 0) })),
    refuse('became shorter', 'tampered', list({ bits: kit.REVOKED.slice(0, 63) })),
    refuse('another list', 'tampered', list({ listId: kit.fill(16, 7) })),
    refuse('signed by somebody else', 'bad-signature', list({}, ALICE)),
    refuse(
      'status list of version 2',
      'bad-version',
      resigned((terms) => terms.with(0, 2), kit.statusList()),
    ),
    refuse('a ping, not a status list', 'bad-shape', ping),
  ]
}

/** A document as the owner would sign it, with other terms. */
function resigned(change: (terms: Cbor[]) => Cbor[], document: Uint8Array = ping): Uint8Array {
  const { header, payload } = decodeSign1(document)
  const other = encode(change([...(decode(payload) as Cbor[])]))
  return encodeSign1(other, OWNER.sign(sign1Message(other, header)), header)
}

function digests(terms: readonly Cbor[]): readonly Cbor[] {
  return terms[9] as readonly Cbor[]
}

function readParts(presentation: Uint8Array): [number, Uint8Array, Uint8Array[], Uint8Array[]] {
  readPresentation(presentation)
  return decode(presentation) as unknown as [number, Uint8Array, Uint8Array[], Uint8Array[]]
}

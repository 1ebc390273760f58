/**
 * Bytes that every implementation must refuse, each with the code by which this one does: the negative half of `test/vectors/protocol.json`.
 *
 * Each is a golden message with one thing wrong, signed again where a signature would otherwise hide what is wrong.
 */

import { doubleOrderEvidence } from '../../src/consensus/evidence.ts'
import { orderBody, orderBytes, orderEnvelope, orderSignedBytes } from '../../src/consensus/order.ts'
import { concat } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { decodeSign1, encodeSign1, sign1Message } from '../../src/core/cose.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope, signedBytes, TYPE } from '../../src/core/envelope.ts'
import type { Code } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { genesisFile, genesisSignedBytes } from '../../src/identity/genesis.ts'
import { keyEventBytes, NO_SCOPE } from '../../src/identity/keylog.ts'
import { buildProtocol, NOW_MS, seed } from './protocol.ts'

/** What reads the bytes. */
export type Reader =
  | 'envelope'
  | 'inception'
  | 'genesis'
  | 'order'
  | 'operation'
  | 'votes'
  | 'certificate'
  | 'evidence'
  | 'frame'
  | 'terms'
  | 'receipt'
  | 'credentials'
  | 'keyFile'
  | 'witness'
  | 'enforcement'

/** One refusal. */
export interface Refused {
  readonly name: string
  readonly reader: Reader
  readonly bytes: Uint8Array
  readonly code: Code
}

type Protocol = ReturnType<typeof buildProtocol>
type List = Cbor[]

/** All of them. */
export function buildRefused(protocol: Protocol = buildProtocol()): Refused[] {
  const parts: [Reader, [string, Code, Uint8Array][]][] = [
    ['envelope', envelopes(protocol)],
    ['inception', inceptions(protocol)],
    ['genesis', geneses(protocol)],
    ['order', orders(protocol)],
    ['operation', operations(protocol)],
    ['votes', votes(protocol)],
    ['certificate', certificates(protocol)],
    ['evidence', evidence(protocol)],
    ['frame', frames(protocol)],
    ['terms', terms(protocol)],
    ['receipt', receipts(protocol)],
    ['credentials', credentials(protocol)],
    ['witness', witnesses(protocol)],
    ['enforcement', enforcements(protocol)],
    ['keyFile', [['one bit flipped', 'key-file-broken', flipped(bytesOf(protocol, 'keyFile'), 40)]]],
  ]
  return parts.flatMap(([reader, list]) => list.map(([name, code, bytes]) => ({ name, reader, bytes, code })))
}

function envelopes(protocol: Protocol): [string, Code, Uint8Array][] {
  const good = bytesOf(protocol, 'orderPay')
  const fields = decode(good) as List
  const rest = good.subarray(2)
  return [
    ['empty', 'not-canonical', new Uint8Array(0)],
    ['truncated', 'not-canonical', good.subarray(0, -1)],
    ['bytes after the end', 'not-canonical', concat(good, Uint8Array.of(0))],
    ['integer not in its shortest form', 'not-canonical', concat(good.subarray(0, 1), Uint8Array.of(0x18, 1), rest)],
    ['indefinite array', 'not-canonical', concat(Uint8Array.of(0x9f), good.subarray(1), Uint8Array.of(0xff))],
    ['map', 'not-canonical', Uint8Array.of(0xa1, 1, 2)],
    ['negative integer', 'not-canonical', Uint8Array.of(0x81, 0x20)],
    ['float', 'not-canonical', Uint8Array.of(0x81, 0xf9, 0x3c, 0)],
    ['null', 'not-canonical', Uint8Array.of(0x81, 0xf6)],
    ['tag', 'not-canonical', Uint8Array.of(0x81, 0xc1, 0)],
    ['integer beyond 2^53-1', 'not-canonical', Uint8Array.of(0x81, 0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0)],
    ['text that is not UTF-8', 'not-canonical', Uint8Array.of(0x81, 0x61, 0xff)],
    ['nested deeper than 8', 'not-canonical', concat(new Uint8Array(9).fill(0x81), Uint8Array.of(0x80))],
    ['not an array', 'bad-shape', Uint8Array.of(1)],
    ['six fields', 'bad-shape', encode(fields.slice(0, 6))],
    ['eight fields', 'bad-shape', encode([...fields, 0])],
    ['another version', 'bad-version', encode([2, ...fields.slice(1)])],
    ['another suite', 'bad-version', encode([1, 1, ...fields.slice(2)])],
    ['scope of 31 bytes', 'bad-shape', encode(replaced(fields, 3, new Uint8Array(31)))],
    ['signature of 63 bytes', 'bad-shape', encode(replaced(fields, 5, new Uint8Array(63)))],
  ]
}

function inceptions({ people, ...protocol }: Protocol): [string, Code, Uint8Array][] {
  const good = decodeEnvelope(bytesOf(protocol, 'inception'))
  const body = decode(good.body) as List
  const signed = (changed: List, signer = people.shopper): Uint8Array => {
    const bytes = encode(changed)
    return keyEventBytes(bytes, signer.sign(signedBytes(TYPE.keyEvent, NO_SCOPE, bytes)))
  }
  const smallOrder = Uint8Array.of(1, ...new Uint8Array(31))
  const notCanonical = new Uint8Array(32).fill(0xff)
  return [
    ['rotation', 'unsupported-key-event', signed(replaced(body, 0, 1))],
    ['two keys', 'unsupported-key-event', signed(replaced(body, 3, [seed(1), seed(2)]))],
    ['kind that is none', 'bad-shape', signed(replaced(body, 2, 4))],
    ['key of small order', 'bad-key', signed(replaced(body, 3, [smallOrder]))],
    ['key that is no canonical point', 'bad-key', signed(replaced(body, 3, [notCanonical]))],
    ['signed by another key', 'bad-signature', signed(body, people.terminal)],
    ['scope of a net', 'bad-identity', encodeEnvelope({ ...good, scope: seed(9) })],
  ]
}

function geneses({ people, ...protocol }: Protocol): [string, Code, Uint8Array][] {
  const good = bytesOf(protocol, 'genesis')
  const body = decode(decodeEnvelope(good).body) as List
  const signed = (changed: List, signer = people.organization): Uint8Array => {
    const bytes = encode(changed)
    return genesisFile(bytes, signer.sign(genesisSignedBytes(bytes)))
  }
  const seats = body[4] as List[]
  const [first, second] = seats as [List, List]
  const sameKey = [first, replaced(second, 1, first[1] as Cbor), ...seats.slice(2)]
  return [
    ['signed by somebody else', 'bad-signature', signed(body, people.terminal)],
    ['no seats', 'bad-shape', signed(replaced(body, 4, []))],
    ['a member twice', 'bad-shape', signed(replaced(body, 4, [first, ...seats]))],
    ['one epoch key for two seats', 'bad-shape', signed(replaced(body, 4, sameKey))],
    ['weight 0', 'bad-shape', signed(replaced(body, 4, [replaced(first, 2, 0), ...seats.slice(1)]))],
    ['not a genesis', 'bad-shape', bytesOf(protocol, 'inception')],
  ]
}

function orders({ people, genesis, pay, keyLogs }: Protocol): [string, Code, Uint8Array][] {
  const { netId } = genesis
  const keyEvent = keyLogs.keyEventOrder.envelope
  const changed = (change: object): Uint8Array => {
    const body = orderBody({ ...pay, ...change })
    return encodeEnvelope(orderEnvelope(netId, body, people.shopper.sign(orderSignedBytes(netId, body))))
  }
  return [
    ['version 0', 'bad-shape', changed({ version: 0 })],
    ['version 1 that follows something', 'bad-shape', changed({ previous: seed(1) })],
    ['no operation', 'bad-shape', changed({ op: new Uint8Array(0) })],
    [
      'longer than an order can be',
      'too-long',
      encodeEnvelope({ ...pay.envelope, body: orderBody({ ...pay, op: new Uint8Array(LIMITS.orderBytesMax) }) }),
    ],
    ['without a signature', 'bad-shape', encodeEnvelope({ ...pay.envelope, signature: new Uint8Array(0) })],
    ['with an attachment', 'bad-shape', encodeEnvelope({ ...pay.envelope, attachment: Uint8Array.of(1) })],
    ['signed, with a key event', 'bad-shape', encodeEnvelope({ ...keyEvent, signature: pay.envelope.signature })],
    [
      'neither signed nor with a key event',
      'bad-shape',
      encodeEnvelope({ ...keyEvent, attachment: new Uint8Array(0) }),
    ],
  ]
}

function operations({ pay }: Protocol): [string, Code, Uint8Array][] {
  const good = decode(pay.op) as List
  return [
    ['payment of nothing', 'bad-amount', encode(replaced(good, 2, 0))],
    ['refund of 31 bytes', 'bad-shape', encode(replaced(good, 5, new Uint8Array(31)))],
    ['memo of 65 bytes', 'bad-shape', encode(replaced(good, 6, new Uint8Array(65)))],
    ['operation that is none', 'bad-shape', encode([6, ...good.slice(1)])],
    ['enforcement of nobody’s recovery', 'bad-shape', encode([5, seed(1)])],
    ['enforcement of 31 bytes', 'bad-shape', encode([5, seed(1), new Uint8Array(31)])],
    ['version 0 of a file', 'bad-shape', encode([4, 0, seed(1), false])],
    ['file that is gone or not', 'bad-shape', encode([4, 1, seed(1), 1])],
    ['key event of 31 bytes', 'bad-shape', encode([3, new Uint8Array(31)])],
    ['field left over', 'bad-shape', encode([...good, 0])],
  ]
}

function votes(protocol: Protocol): [string, Code, Uint8Array][] {
  const envelope = decodeEnvelope(bytesOf(protocol, 'voteBatch'))
  const body = decode(envelope.body) as List
  const entries = decode(envelope.attachment) as List
  const changed = (change: Partial<Envelope>): Uint8Array => encodeEnvelope({ ...envelope, ...change })
  return [
    ['another committee', 'wrong-epoch', changed({ scope: seed(7) })],
    ['seat that the committee does not have', 'unknown-sender', changed({ body: encode(replaced(body, 0, 4)) })],
    ['sequence 0', 'bad-shape', changed({ body: encode(replaced(body, 1, 0)) })],
    ['votes in another order', 'tampered', changed({ attachment: encode([...entries].reverse()) })],
    ['a vote left out', 'tampered', changed({ attachment: encode(entries.slice(1)) })],
    [
      'vote of kind 2',
      'bad-shape',
      changed({ attachment: encode([replaced(entries[0] as List, 0, 2), ...entries.slice(1)]) }),
    ],
  ]
}

function certificates(protocol: Protocol): [string, Code, Uint8Array][] {
  const envelope = decodeEnvelope(bytesOf(protocol, 'certificate'))
  const body = decode(envelope.body) as List
  const proofs = body[3] as List[]
  const [first, second, third] = proofs as [List, List, List]
  const withProofs = (list: List[]): Uint8Array =>
    encodeEnvelope({ ...envelope, body: encode(replaced(body, 3, list)) })
  const bent = replaced(first, 7, flipped(first[7] as Uint8Array, 3))
  return [
    ['two seats of four', 'bad-certificate', withProofs([first, second])],
    ['one seat twice', 'bad-certificate', withProofs([first, first, second])],
    ['seats not sorted', 'bad-certificate', withProofs([second, first, third])],
    ['path that leads elsewhere', 'bad-certificate', withProofs([bent, second, third])],
    ['locks shown as confirmations', 'bad-certificate', encodeEnvelope({ ...envelope, type: TYPE.settlement })],
    ['another order', 'bad-certificate', encodeEnvelope({ ...envelope, body: encode(replaced(body, 2, seed(8))) })],
    ['another committee', 'wrong-epoch', encodeEnvelope({ ...envelope, scope: seed(7) })],
    ['with a signature', 'bad-shape', encodeEnvelope({ ...envelope, signature: new Uint8Array(64) })],
  ]
}

function evidence(protocol: Protocol): [string, Code, Uint8Array][] {
  const { committee, pay, incept, people } = protocol
  const envelope = decodeEnvelope(bytesOf(protocol, 'evidenceDoubleOrder'))
  const [kind, one, two, proof] = decode(envelope.body) as [Cbor, Uint8Array, Uint8Array, Cbor]
  const unsorted = encodeEnvelope({ ...envelope, body: encode([kind, two, one, proof]) })
  const later = decodeEnvelope(bytesOf(protocol, 'evidenceLaterKey'))
  const [, first, second, log] = decode(later.body) as [Cbor, Uint8Array, Uint8Array, Uint8Array[]]
  const withLog = (shown: Cbor): Uint8Array => encodeEnvelope({ ...later, body: encode([kind, first, second, shown]) })
  const other = decodeEnvelope(one)
  const forged = encodeEnvelope({ ...other, signature: flipped(other.signature, 5) })
  return [
    ['one order twice', 'bad-shape', doubleOrderEvidence(committee, pay, pay, [people.shopper.inception])],
    ['orders of two objects', 'bad-shape', doubleOrderEvidence(committee, pay, incept, [people.shopper.inception])],
    ['sides not sorted', 'bad-shape', unsorted],
    ['of a later key, with the inception alone', 'bad-shape', withLog(log[0] as Uint8Array)],
    ['of a later key, without the inception', 'bad-shape', withLog([log[1] as Uint8Array])],
    ['of a later key, with a log in another order', 'bad-identity', withLog([...log].reverse())],
    [
      'of somebody else',
      'bad-shape',
      encodeEnvelope({ ...envelope, body: encode([kind, one, two, people.terminal.inception]) }),
    ],
    [
      'a signature that does not hold',
      'bad-signature',
      encodeEnvelope({ ...envelope, body: encode([kind, forged, two, proof]) }),
    ],
  ]
}

function frames(protocol: Protocol): [string, Code, Uint8Array][] {
  const { people, genesis } = protocol
  const envelope = decodeEnvelope(bytesOf(protocol, 'frameNeed'))
  const fields = decode(envelope.body) as List
  const [member] = people.members as [Protocol['people']['terminal']]
  const changed = (place: number, value: Cbor): Uint8Array => {
    const body = encode(replaced(fields, place, value))
    return encodeEnvelope({ ...envelope, body, signature: member.sign(signedBytes(TYPE.need, genesis.netId, body)) })
  }
  return [
    ['on another topic', 'wrong-topic', changed(5, 'webx/0000000000000000/sync')],
    ['expired', 'expired', changed(4, NOW_MS)],
    ['sent 31 s ahead', 'from-the-future', changed(3, NOW_MS + 31_000)],
    ['lives 121 s', 'bad-shape', changed(4, NOW_MS + 121_000)],
    ['expires before it was sent', 'bad-shape', changed(3, NOW_MS + 11_000)],
    ['without a payload', 'bad-shape', encodeEnvelope({ ...envelope, body: encode(fields.slice(0, 6)) })],
  ]
}

function terms(protocol: Protocol): [string, Code, Uint8Array][] {
  const fields = decode(bytesOf(protocol, 'terms')) as List
  return [
    ['nothing to pay', 'bad-amount', encode(replaced(fields, 3, 0))],
    ['field left over', 'bad-shape', encode([...fields, 0])],
    ['longer than terms can be', 'too-long', encode([...fields, seed(0)])],
  ]
}

function receipts(protocol: Protocol): [string, Code, Uint8Array][] {
  const { people, payOrder } = protocol
  const good = bytesOf(protocol, 'receipt')
  const fields = decode(decodeSign1(good).payload) as List
  const signed = (changed: List, signer = people.terminal): Uint8Array => {
    const payload = encode(changed)
    return encodeSign1(payload, signer.sign(sign1Message(payload)))
  }
  const es256 = good.slice()
  es256[5] = 0x26
  const settlement = decodeEnvelope(fields[4] as Uint8Array)
  const [oid, version, od, proofs] = decode(settlement.body) as [Uint8Array, number, Uint8Array, List[]]
  const unsigned = proofs.map((proof) => replaced(proof, 5, flipped(proof[5] as Uint8Array, 1)))
  const thin = encodeEnvelope({ ...settlement, body: encode([oid, version, od, proofs.slice(0, 2)]) })
  const forged = encodeEnvelope({ ...settlement, body: encode([oid, version, od, unsigned]) })
  const elsewhere = encodeEnvelope({ ...settlement, scope: seed(7) })
  return [
    ['another algorithm', 'bad-shape', es256],
    ['another title', 'bad-shape', signed(replaced(fields, 0, 'webx receipt v2'))],
    ['another net', 'wrong-net', signed(replaced(fields, 1, seed(3)))],
    ['one bit of the time flipped', 'bad-signature', flipped(good, good.length - 67)],
    ['signed by the payer', 'bad-signature', signed(fields, people.shopper)],
    ['of the payer as payee', 'bad-shape', signed(replaced(fields, 2, people.shopper.inception), people.shopper)],
    [
      'a certificate in place of the settlement',
      'bad-certificate',
      signed(replaced(fields, 4, bytesOf(protocol, 'certificate'))),
    ],
    ['two confirmations of three', 'bad-certificate', signed(replaced(fields, 4, thin))],
    ['confirmations that nobody signed', 'bad-signature', signed(replaced(fields, 4, forged))],
    ['another order than was settled', 'bad-certificate', signed(replaced(fields, 3, orderBytes(payOrder(421))))],
    ['settlement of another committee', 'wrong-epoch', signed(replaced(fields, 4, elsewhere))],
  ]
}

function credentials(protocol: Protocol): [string, Code, Uint8Array][] {
  const [delegation, token, signature] = decode(bytesOf(protocol, 'brokerCredentials')) as [List, List, Uint8Array]
  const changed = (place: number, value: Cbor): Uint8Array =>
    encode([delegation, replaced(token, place, value), signature])
  return [
    ['another broker', 'not-allowed', changed(0, 'other')],
    ['another net', 'wrong-net', changed(2, seed(1))],
    ['expired', 'expired', changed(4, NOW_MS)],
    ['lives two minutes', 'from-the-future', changed(4, NOW_MS + 120_000)],
    ['a signature that does not hold', 'bad-signature', encode([delegation, token, flipped(signature, 2)])],
    ['without its delegation', 'bad-shape', encode([token, signature])],
  ]
}

function witnesses(protocol: Protocol): [string, Code, Uint8Array][] {
  const envelope = decodeEnvelope(bytesOf(protocol, 'witness'))
  const fields = decode(envelope.body) as List
  const changed = (change: Partial<Envelope>): Uint8Array => encodeEnvelope({ ...envelope, ...change })
  return [
    ['another committee', 'wrong-epoch', changed({ scope: seed(7) })],
    ['with a signature of its own', 'bad-shape', changed({ signature: new Uint8Array(64) })],
    ['with an attachment', 'bad-shape', changed({ attachment: Uint8Array.of(1) })],
    ['seat 32', 'bad-shape', changed({ body: encode(replaced(fields, 2, 32)) })],
    ['signature of 63 bytes', 'bad-shape', changed({ body: encode(replaced(fields, 5, new Uint8Array(63))) })],
    ['field left over', 'bad-shape', changed({ body: encode([...fields, 0]) })],
    ['longer than a witness can be', 'too-long', changed({ body: encode([...fields, new Uint8Array(128)]) })],
  ]
}

function enforcements(protocol: Protocol): [string, Code, Uint8Array][] {
  const envelope = decodeEnvelope(bytesOf(protocol, 'orderEnforce'))
  const fields = decode(envelope.body) as List
  const [one, two, three] = decode(envelope.attachment) as [List, List, List]
  const shown = (...all: List[]): Uint8Array => encodeEnvelope({ ...envelope, attachment: encode(all) })
  const ordered = (at: number, value: Cbor): Uint8Array =>
    encodeEnvelope({ ...envelope, body: encode(replaced(fields, at, value)) })
  return [
    ['witnesses of two seats of four', 'too-few-signatures', shown(one, two)],
    ['one seat twice', 'bad-shape', shown(one, two, two)],
    ['seats not sorted', 'bad-shape', shown(two, one, three)],
    ['a seat that the committee does not have', 'unknown-sender', shown(one, two, replaced(three, 0, 4))],
    ['a witness who was early', 'not-yet-valid', shown(one, two, replaced(three, 2, (three[2] as number) - 1))],
    ['another time than was signed', 'bad-signature', shown(one, two, replaced(three, 2, (three[2] as number) + 1))],
    ['the signature of another seat', 'bad-signature', shown(one, two, replaced(three, 3, two[3] as Cbor))],
    ['another lane', 'not-allowed', ordered(1, seed(1))],
    ['position of the veto', 'not-allowed', ordered(2, 2)],
    [
      'version 2',
      'not-allowed',
      encodeEnvelope({ ...envelope, body: encode(replaced(replaced(fields, 4, 2), 5, seed(1))) }),
    ],
    ['idem of its own', 'not-allowed', ordered(7, new Uint8Array(16))],
    ['max-epoch of its own', 'not-allowed', ordered(6, 1)],
  ]
}

function bytesOf({ bytes }: Pick<Protocol, 'bytes'>, name: string): Uint8Array {
  const found = bytes[name]
  if (!found) throw new RangeError(`no vector is called ${name}`)
  return found
}

function replaced(list: readonly Cbor[], at: number, value: Cbor): List {
  return list.map((item, i) => (i === at ? value : item))
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice()
  changed[at] = (changed[at] as number) ^ 1
  return changed
}

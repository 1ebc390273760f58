/**
 * One vote of 14 fields as webx sends it, a positional array in canonical CBOR, against the ways in which others send the same fields: a map by their
 * names in CBOR, MessagePack or JSON.
 *
 * Decoding includes each codec's own checks: ours refuses whatever is not canonical, cborg is set to be strict, the others believe. JSON is spared
 * the base64 of byte strings. Every run takes another one of a hundred votes.
 */

import { type Cbor, decode, encode } from '../src/core/codec.ts'
import {
  CBOR_X_PLAIN,
  CBORG_STRICT,
  fromJson,
  jsonOf,
  MSGPACKR_PLAIN,
  positionalOf,
  SAMPLE_BYTES,
  sampleVote,
  type Vote,
} from './codec-sample.ts'
import { type Contender, race } from './kit/measure.ts'
import { builtIn, Peers } from './kit/peers.ts'
import { OURS, type Report, reportOf, rowOf } from './kit/report.ts'
import type { BenchOptions } from './run.ts'

/** A way to send votes: what it takes and what it gives are prepared, so that only coding is timed. */
interface Wire {
  readonly name: string
  /** The vote in the form that `encode` takes. */
  prepare(vote: Vote): unknown
  encode(prepared: unknown): unknown
  decode(sent: unknown): unknown
  /** The fields of what `decode` gave. */
  fields(decoded: unknown): readonly unknown[]
}

interface Coder {
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array): unknown
}

interface Cborg {
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array, options: object): unknown
}

const VOTES = Array.from({ length: 100 }, (_, i) => sampleVote(i))

/** Measures both ways. */
export async function run({ quick }: BenchOptions): Promise<Report> {
  const peers = await Peers.open()
  const wires = [ours, ...(await rivals(peers)), json]
  const encoding = await race(wires.map(encoder), { quick })
  const decoding = await race(wires.map(decoder), { quick })
  const bytes = ours.encode(ours.prepare(VOTES[0]!)) as Uint8Array
  if (bytes.length !== SAMPLE_BYTES.positional) throw new Error(`the sample is ${bytes.length} bytes`)
  const rows = [rowOf('encode a vote', 'ops/s', encoding, 1), rowOf('decode a vote', 'ops/s', decoding, 1)]
  return reportOf('codec', rows, peers.unavailable)
}

const ours: Wire = {
  name: OURS,
  prepare: positionalOf,
  encode: (value) => encode(value as Cbor),
  decode: (sent) => decode(sent as Uint8Array),
  fields: (decoded) => decoded as readonly unknown[],
}

const json: Wire = {
  name: builtIn('JSON'),
  prepare: jsonOf,
  encode: (value) => JSON.stringify(value),
  decode: (sent) => JSON.parse(sent as string),
  fields: (decoded) => Object.values(fromJson(decoded as Parameters<typeof fromJson>[0])),
}

async function rivals(peers: Peers): Promise<Wire[]> {
  const cborX = await peers.load<{ Encoder: new (options: object) => Coder }>('cbor-x')
  const cborg = await peers.load<Cborg>('cborg')
  const msgpackr = await peers.load<{ Packr: new (options: object) => Coder }>('msgpackr')
  const strict = cborg && {
    encode: (value: unknown) => cborg.api.encode(value),
    decode: (bytes: Uint8Array) => cborg.api.decode(bytes, CBORG_STRICT),
  }
  return [
    cborX && mapWire(cborX.name, new cborX.api.Encoder(CBOR_X_PLAIN)),
    cborg && strict && mapWire(cborg.name, strict),
    msgpackr && mapWire(msgpackr.name, new msgpackr.api.Packr(MSGPACKR_PLAIN)),
  ].filter((wire) => wire !== null)
}

function mapWire(name: string, coder: Coder): Wire {
  return {
    name,
    prepare: (vote) => vote,
    encode: (value) => coder.encode(value),
    decode: (sent) => coder.decode(sent as Uint8Array),
    fields: (decoded) => Object.keys(VOTES[0]!).map((field) => (decoded as Record<string, unknown>)[field]),
  }
}

function encoder(wire: Wire): Contender {
  const prepared = VOTES.map((vote) => wire.prepare(vote))
  let turn = 0
  return {
    name: wire.name,
    run() {
      turn = turn === VOTES.length - 1 ? 0 : turn + 1
      return wire.encode(prepared[turn])
    },
    answer: () => prepared.map((value) => plain(wire.fields(wire.decode(wire.encode(value))))),
    expected: VOTES.map((vote) => plain(Object.values(vote))),
  }
}

function decoder(wire: Wire): Contender {
  // Codecs reuse their buffers: what was sent is a copy.
  const sent = VOTES.map((vote) => wire.encode(wire.prepare(vote))).map((made) =>
    made instanceof Uint8Array ? new Uint8Array(made) : made,
  )
  let turn = 0
  return {
    ...encoder(wire),
    run() {
      turn = turn === VOTES.length - 1 ? 0 : turn + 1
      return wire.decode(sent[turn])
    },
    answer: () => sent.map((bytes) => plain(wire.fields(wire.decode(bytes)))),
  }
}

/** Fields as comparable values: byte strings of any class as hexadecimal, big integers as numbers. */
function plain(fields: readonly unknown[]): unknown[] {
  return fields.map((value) => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
    return typeof value === 'bigint' ? Number(value) : value
  })
}

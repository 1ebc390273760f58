/**
 * A second opinion on pings that shares nothing with `src/data`: reads them with a CBOR reader of the tests' own, checks them with @noble, and sees rights as plain sets.
 */

import { ed25519 } from '@noble/curves/ed25519.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { type Item, readCbor } from './cddl.ts'

/** Rights as sets: whoever holds two chains of them holds their intersection. Bytes of a range, times and uses are enumerated, so test with small ones. */
export interface RightsAsSets {
  readonly operations: ReadonlySet<number>
  readonly bytes: ReadonlySet<number>
  readonly purposes: ReadonlySet<string>
  readonly times: ReadonlySet<number>
  readonly uses: ReadonlySet<number>
  readonly fields: ReadonlySet<number>
}

/** What a presentation says, read from its bytes. */
export interface SeenPresentation {
  readonly ping: readonly Item[]
  /** From the ping's own grant to that of the present holder. */
  readonly grants: readonly (readonly Item[])[]
  readonly visible: readonly number[]
  readonly disclosed: readonly (readonly Item[])[]
}

/** Reads and verifies a presentation, down to every signature and digest. Throws where anything is wrong, except that it does not compare rights. */
export function seePresentation(bytes: Uint8Array, issuerKey: Uint8Array): SeenPresentation {
  const [version, document, narrowings, disclosures] = readCbor(bytes) as [
    number,
    Uint8Array,
    Uint8Array[],
    Uint8Array[],
  ]
  assertThat(version === 1, 'version of the presentation')
  const payload = seeSign1(document, issuerKey)
  const ping = readCbor(payload) as Item[]
  assertThat(ping.length === 11 && ping[0] === 1, 'ping')
  const digests = ping[9] as Uint8Array[]
  const grants = [ping[7] as Item[]]
  const visible = [2 ** digests.length - 1]
  let previous = digestOf('webx v1 ping', payload)
  for (const narrowing of narrowings) {
    const [body, signature] = readCbor(narrowing) as [Uint8Array, Uint8Array]
    const [one, names, grant, bits] = readCbor(body) as [number, Uint8Array, Item[], number]
    assertThat(one === 1 && hex(names) === hex(previous), 'link of the chain')
    const title = Buffer.from('webx v1 ping narrowing')
    const message = Buffer.concat([Buffer.of(0x82, 0x60 + title.length), title, head(2, body.length), body])
    assertThat(ed25519.verify(signature, message, (grants.at(-1) as Item[])[0] as Uint8Array), 'signature of a holder')
    previous = digestOf('webx v1 ping narrowing', body)
    grants.push(grant)
    visible.push(bits)
  }
  for (const disclosure of disclosures) {
    const digest = hex(digestOf('webx v1 field', disclosure))
    const index = digests.findIndex((each) => hex(each) === digest)
    assertThat(index >= 0 && Math.floor((visible.at(-1) as number) / 2 ** index) % 2 === 1, 'a field that is visible')
  }
  return { ping, grants, visible, disclosed: disclosures.map((each) => readCbor(each) as Item[]) }
}

/** The payload of a COSE_Sign1 document whose signature holds over a Sig_structure made here. */
export function seeSign1(document: Uint8Array, key: Uint8Array): Uint8Array {
  const { tag, of } = readCbor(document) as { tag: number; of: [Uint8Array, 'map', Uint8Array, Uint8Array] }
  const [protectedHeader, unprotected, payload, signature] = of
  assertThat(tag === 18 && unprotected === 'map', 'COSE_Sign1')
  const message = Buffer.concat([
    Buffer.from('846a5369676e617475726531', 'hex'),
    head(2, protectedHeader.length),
    protectedHeader,
    Buffer.of(0x40),
    head(2, payload.length),
    payload,
  ])
  assertThat(ed25519.verify(signature, message, key), 'signature of the issuer')
  return payload
}

/** BLAKE3 in derive_key mode. */
export function digestOf(context: string, bytes: Uint8Array): Uint8Array {
  return blake3(bytes, { context: new TextEncoder().encode(context) })
}

/** One grant as sets; unlimited uses are as many as `usesMax`. */
export function setsOf(grant: readonly Item[], visible: number, usesMax: number): RightsAsSets {
  const [, , operations, from, to, purposes, notBefore, expires, uses] = grant as [
    Uint8Array,
    Uint8Array,
    number,
    number,
    number,
    string[],
    number,
    number,
    number,
  ]
  return {
    operations: bitsOf(operations),
    bytes: between(from, to),
    purposes: new Set(purposes),
    times: between(notBefore, expires),
    uses: between(1, (uses === 0 ? usesMax : uses) + 1),
    fields: bitsOf(visible),
  }
}

export function isWithin(inner: RightsAsSets, outer: RightsAsSets): boolean {
  return dimensions.every((dimension) => {
    const all: ReadonlySet<unknown> = outer[dimension]
    return [...inner[dimension]].every((each) => all.has(each))
  })
}

export function intersection(all: readonly RightsAsSets[]): RightsAsSets {
  return all.reduce((a, b) => ({
    operations: common(a.operations, b.operations),
    bytes: common(a.bytes, b.bytes),
    purposes: common(a.purposes, b.purposes),
    times: common(a.times, b.times),
    uses: common(a.uses, b.uses),
    fields: common(a.fields, b.fields),
  }))
}

function common<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): Set<T> {
  return new Set([...a].filter((each) => b.has(each)))
}

const dimensions = ['operations', 'bytes', 'purposes', 'times', 'uses', 'fields'] as const

function bitsOf(value: number): Set<number> {
  return new Set([...value.toString(2)].reverse().flatMap((digit, i) => (digit === '1' ? [i] : [])))
}

function between(from: number, to: number): Set<number> {
  return new Set(Array.from({ length: to - from }, (_, i) => from + i))
}

function head(major: number, length: number): Buffer {
  if (length < 24) return Buffer.of(major * 32 + length)
  if (length < 256) return Buffer.of(major * 32 + 24, length)
  return Buffer.of(major * 32 + 25, length >> 8, length & 255)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function assertThat(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`not right: ${what}`)
}

/**
 * The group ristretto255 on any target: RFC 9496's elements, bad encodings and maps, and chance, against @noble/curves:
 * encodings, sums of public and of secret scalars, and numbers modulo the order.
 */

import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js'
import { fromHex } from '../../../src/core/bytes.ts'
import { createGroup, type GroupDoor, ORDER, type Point } from '../../../src/wasm/group.ts'
import type { Build } from '../../../src/wasm/load.ts'
import rfc from '../../vectors/ristretto255.json' with { type: 'json' }
import { toBytes32, toNumber } from '../scalars.ts'
import { Chance } from './chance.ts'
import type { Extent, Ledger } from './ledger.ts'

const Oracle = ristretto255.Point
type Oracle = InstanceType<typeof Oracle>

/** Scalars at which something else happens within: digits at their ends, carries to the top. */
const EDGES: readonly bigint[] = [
  ...[0n, 1n, 2n, 7n, 8n, 9n, 15n, 16n, 63n, 64n, 65n, 127n, 128n],
  ...[ORDER - 1n, ORDER - 2n, ORDER >> 1n, (ORDER >> 1n) + 1n, 1n << 252n, (1n << 252n) - 1n, 1n << 128n, 1n << 127n],
  ...[0x77n, 0x88n, 0x99n, 0xf8n].map(
    (byte) => (BigInt(`0x${byte.toString(16).repeat(32)}`) & ((1n << 252n) - 1n)) % ORDER,
  ),
]

/** Asks one build everything about the group. */
export function groupVectors(ledger: Ledger, build: Build, extent: Extent): void {
  const door = createGroup(build)
  published(ledger, door)
  door.scope(() => {
    edges(ledger, door)
    const pinned = Array.from({ length: 3 }, (_, i) => door.pin(door.fromUniform(new Chance(600 + i).bytes(64))))
    for (let i = 0; i < (extent === 'all' ? 150 : 25); i++) door.scope(() => byChance(ledger, door, pinned, i))
  })
}

/** A scalar below the order: now and then at an edge, now and then short. */
export function anyScalar(chance: Chance): bigint {
  const kind = chance.integer(0, 9)
  if (kind < 3) return chance.one(EDGES)
  if (kind === 3) return toNumber(chance.bytes(16))
  return toNumber(chance.bytes(64)) % ORDER
}

/** Σ scalar · element as @noble/curves has it. */
export function sumByOracle(scalars: readonly bigint[], encodings: readonly Uint8Array[]): Uint8Array {
  return scalars
    .reduce((sum: Oracle, scalar, i) => {
      return sum.add(Oracle.fromBytes(encodings[i] as Uint8Array).multiplyUnsafe(scalar % ORDER))
    }, Oracle.ZERO)
    .toBytes()
}

function published(ledger: Ledger, door: GroupDoor): void {
  rfc.multiples.forEach((encoding, i) => {
    door.scope(() => {
      const point = door.decode(fromHex(encoding))
      ledger.answer(`multiple ${i}`, point === null ? null : door.isIdentity(point), i === 0)
      ledger.bytes(`multiple ${i}, again`, point === null ? null : door.encode(point), fromHex(encoding))
      ledger.bytes(`multiple ${i}, summed`, door.encode(door.msm([BigInt(i)], [door.base])), fromHex(encoding))
      const secret = door.mulSecret(toBytes32(BigInt(i)), door.base)
      ledger.bytes(`multiple ${i}, in secret`, door.encode(secret), fromHex(encoding))
    })
  })
  for (const { why, encoding } of rfc.bad) {
    ledger.answer(
      `${why}: ${encoding}`,
      door.scope(() => door.decode(fromHex(encoding)) === null),
      true,
    )
  }
  for (const { bytes, encoding } of rfc.uniform) {
    ledger.bytes(
      `uniform ${bytes}`,
      door.scope(() => door.encode(door.fromUniform(fromHex(bytes)))),
      fromHex(encoding),
    )
  }
}

/** Each edge as a scalar, of a pinned and of a fresh element, in both kinds of sum. */
function edges(ledger: Ledger, door: GroupDoor): void {
  const fresh = door.fromUniform(new Chance(610).bytes(64))
  for (const scalar of EDGES) {
    for (const point of [door.base, fresh]) {
      const expected = sumByOracle([scalar], [door.encode(point)])
      ledger.bytes(`${scalar} times`, door.encode(door.msm([scalar], [point])), expected)
      ledger.bytes(`${scalar} times, in secret`, door.encode(door.mulSecret(toBytes32(scalar), point)), expected)
    }
  }
}

function byChance(ledger: Ledger, door: GroupDoor, pinned: readonly Point[], number: number): void {
  const chance = new Chance(620 + number)
  const uniform = Array.from({ length: chance.integer(1, 5) }, () => chance.bytes(64))
  const fresh = uniform.map((bytes) => door.fromUniform(bytes))
  const encodings = door.encodeAll(fresh)
  uniform.forEach((bytes, i) => {
    const right = ristretto255_hasher.deriveToCurve?.(bytes).toBytes() ?? null
    ledger.bytes(`${number}, uniform ${i}`, encodings[i] as Uint8Array, right)
  })
  const again = door.decodeAll(encodings) as Point[]
  ledger.answer(
    `${number}, decoded`,
    again?.every((point, i) => door.equal(point, fresh[i] as Point)),
    true,
  )

  const points = [
    ...again,
    ...pinned.slice(0, chance.integer(0, 3)),
    ...(chance.integer(0, 1) === 0 ? [door.base] : []),
  ]
  const scalars = points.map(() => anyScalar(chance))
  const right = sumByOracle(scalars, door.encodeAll(points))
  const sum = door.msm(scalars, points)
  const secret = door.sumSecret(scalars.map(toBytes32), points)
  ledger.bytes(`${number}, sum`, door.encode(sum), right)
  ledger.bytes(`${number}, secret sum`, door.encode(secret), right)
  ledger.answer(`${number}, the same`, door.equal(sum, secret), true)
  ledger.answer(`${number}, no difference`, door.isIdentity(door.subtract(sum, secret)), true)

  const [a, b, c] = [chance.bytes(32), chance.bytes(32), chance.bytes(32)]
  const response = toBytes32((toNumber(a) * toNumber(b) + toNumber(c)) % ORDER)
  ledger.bytes(`${number}, a b + c`, door.mulAdd(a, b, c), response)
  const wide = chance.bytes(64)
  ledger.bytes(`${number}, modulo the order`, door.reduceWide(wide), toBytes32(toNumber(wide) % ORDER))
}

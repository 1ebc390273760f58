/**
 * The group of proofs on @noble/curves' ristretto255 behind the kernel's door: a second engine under the same proofs, much slower, for tests that
 * the two agree byte for byte.
 */

import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js'
import { type GroupDoor, ORDER, type Point } from '../../src/wasm/group.ts'
import { toBytes32, toNumber } from './scalars.ts'

const { Point: Noble } = ristretto255
type Element = InstanceType<typeof Noble>

/** A door that keeps every element it ever made, so make one for each test. */
export function nobleGroup(): GroupDoor {
  const elements: Element[] = []
  const keep = (element: Element): Point => (elements.push(element) - 1) as Point
  const at = (point: Point): Element => elements[point] as Element
  const decode = (encoding: Uint8Array): Point | null => {
    try {
      return keep(Noble.fromBytes(encoding))
    } catch {
      return null
    }
  }
  const sum = (scalars: readonly bigint[], points: readonly Point[]): Point => {
    let total = Noble.ZERO
    scalars.forEach((scalar, i) => {
      if (scalar !== 0n) total = total.add(at(points[i] as Point).multiplyUnsafe(scalar))
    })
    return keep(total)
  }
  const secretSum = (scalars: readonly Uint8Array[], points: readonly Point[]): Point =>
    sum(
      scalars.map((scalar) => toNumber(scalar) % ORDER),
      points,
    )
  return {
    build: 'scalar',
    base: keep(Noble.BASE),
    identity: keep(Noble.ZERO),
    scope: (work) => work(),
    pin: (point) => point,
    decode,
    decodeAll: (encodings) => {
      const points = encodings.map(decode)
      return points.includes(null) ? null : (points as Point[])
    },
    encode: (point) => at(point).toBytes(),
    encodeAll: (points) => points.map((point) => at(point).toBytes()),
    fromUniform: (bytes) => {
      const map = ristretto255_hasher.deriveToCurve
      if (map === undefined) throw new Error('this noble has no map to the curve')
      return keep(map(bytes) as Element)
    },
    add: (a, b) => keep(at(a).add(at(b))),
    subtract: (a, b) => keep(at(a).subtract(at(b))),
    negate: (a) => keep(at(a).negate()),
    equal: (a, b) => at(a).equals(at(b)),
    isIdentity: (a) => at(a).equals(Noble.ZERO),
    msm: sum,
    sumSecret: secretSum,
    mulSecret: (scalar, point) => secretSum([scalar], [point]),
    reduceWide: (bytes) => toBytes32(toNumber(bytes) % ORDER),
    mulAdd: (a, b, c) => toBytes32((toNumber(a) * toNumber(b) + toNumber(c)) % ORDER),
  }
}

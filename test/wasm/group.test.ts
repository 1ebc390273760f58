/**
 * The group ristretto255 against @noble/curves: elements in all their forms, sums of every length, and misuse.
 * RFC 9496's own vectors, and more by chance, are asked by `test/kit/targets/group.ts`.
 */

import '../kit/wasm.ts'
import { ed25519, ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { createGroup, type GroupDoor, group, ORDER, type Point } from '../../src/wasm/group.ts'
import { edgeCases, PRIME, torsion } from '../kit/ed25519.ts'
import { toBytes32, toNumber } from '../kit/scalars.ts'
import { Chance } from '../kit/targets/chance.ts'
import { anyScalar, groupVectors } from '../kit/targets/group.ts'
import { Ledger } from '../kit/targets/ledger.ts'
import { BUILDS } from '../kit/wasm.ts'

const Oracle = ristretto255.Point
const CASES = 500
const TERMS_MAX = 640
const POINTS_MAX = 2048
const PINS_MAX = 544

/** Elements of known logarithm, and what the oracle says of sums and differences of neighbors: made once for both builds. */
const chance = new Chance(700)
const known = Array.from({ length: CASES }, () => {
  const logarithm = anyScalar(chance)
  return { logarithm, encoding: Oracle.BASE.multiplyUnsafe(logarithm).toBytes() }
})
const uniform = Array.from({ length: CASES }, () => {
  const bytes = chance.bytes(64)
  return { bytes, encoding: (ristretto255_hasher.deriveToCurve?.(bytes) ?? Oracle.ZERO).toBytes() }
})
const neighbors = uniform.map(({ encoding }, i) => {
  const [a, b] = [Oracle.fromBytes(encoding), Oracle.fromBytes((known[i] as { encoding: Uint8Array }).encoding)]
  return { a: encoding, b: b.toBytes(), sum: a.add(b), difference: a.subtract(b), negative: a.negate() }
})

function decoded(door: GroupDoor, encodings: readonly Uint8Array[]): Point[] {
  const points = door.decodeAll(encodings)
  if (points === null) throw new Error('not decoded')
  return points
}

for (const build of BUILDS) {
  const test = suite(`wasm/group ${build}`)
  const door = createGroup(build)

  test('the vectors of RFC 9496 and those by chance', () => {
    const ledger = new Ledger('group')
    groupVectors(ledger, build, 'quick')
    assert.equal(ledger.failed, [])
    assert.ok(ledger.passed > 300, String(ledger.passed))
  })

  test('points of the curve, with parts of small order, are read, summed and written as RFC 8032 has them', () => {
    const Curve = ed25519.Point
    const points = known
      .slice(0, 24)
      .map(({ logarithm }, i) => Curve.BASE.multiplyUnsafe(logarithm).add(torsion(i % 8)))
    points.push(Curve.ZERO, torsion(1), torsion(4))
    door.scope(() => {
      const made = points.map((point) => door.decodeOfCurve(point.toBytes()) as Point)
      assert.equal(
        door.encodeOfCurve(made).map(toHex),
        points.map((point) => point.toHex()),
      )
      const scalars = made.map((_, i) => known[i + 30]?.logarithm ?? 0n)
      const expected = points.map((point, i) => point.multiplyUnsafe(scalars[i] as bigint))
      assert.equal(
        door.encodeOfCurve(made.map((point, i) => door.msm([scalars[i] as bigint], [point]))).map(toHex),
        expected.map((point) => point.toHex()),
      )
      const negatives = door.encodeOfCurve(made.map((point) => door.negate(point))).map(toHex)
      assert.equal(
        negatives,
        points.map((point) => point.negate().toHex()),
      )
    })
    const strange = [...edgeCases().map(({ key }) => key), toBytes32(PRIME), toBytes32(PRIME + 1n), toBytes32(2n)]
    for (const encoding of strange) {
      const isPoint = ((): boolean => {
        try {
          return Curve.fromBytes(encoding) !== null
        } catch {
          return false
        }
      })()
      assert.is(door.scope(() => door.decodeOfCurve(encoding)) !== null, isPoint, toHex(encoding))
    }
  })

  test('elements of uniform bytes, read and written four at a time and alone', () => {
    door.scope(() => {
      const made = uniform.map(({ bytes }) => door.fromUniform(bytes))
      const encodings = uniform.map(({ encoding }) => toHex(encoding))
      assert.equal(door.encodeAll(made).map(toHex), encodings)
      const read = decoded(
        door,
        uniform.map(({ encoding }) => encoding),
      )
      assert.equal(door.encodeAll(read).map(toHex), encodings)
      // made and read elements are different points of the curve, and the same elements
      for (let i = 0; i < CASES; i++) {
        assert.ok(door.equal(made[i] as Point, read[i] as Point))
        assert.not.ok(door.equal(made[i] as Point, read[(i + 1) % CASES] as Point))
      }
      assert.is(toHex(door.encode(made[7] as Point)), encodings[7])
    })
  })

  test('sums, differences and negatives of two', () => {
    for (const { a, b, sum, difference, negative } of neighbors) {
      door.scope(() => {
        const [p, q] = decoded(door, [a, b]) as [Point, Point]
        const results = [door.add(p, q), door.subtract(p, q), door.negate(p), door.add(q, p)]
        const expected = [sum, difference, negative, sum].map((point) => point.toHex())
        assert.equal(door.encodeAll(results).map(toHex), expected)
        assert.ok(door.isIdentity(door.add(p, door.negate(p))))
        assert.ok(door.equal(door.add(p, p), door.msm([2n], [p])))
      })
    }
  })

  test('sums of public and of secret scalars, of every length', () => {
    const lengths = [...Array.from({ length: 40 }, (_, i) => i), 63, 64, 65, 255, 256, 257, TERMS_MAX]
    const pinned = door.scope(() =>
      decoded(
        door,
        known.slice(0, 70).map(({ encoding }) => encoding),
      ).map(door.pin),
    )
    const dice = new Chance(701)
    for (const length of lengths) {
      door.scope(() => {
        const chosen = Array.from({ length }, () => dice.integer(0, CASES - 1))
        const terms = chosen.map((i) => known[i] as (typeof known)[number])
        const fresh = decoded(
          door,
          terms.map(({ encoding }) => encoding),
        )
        const points = fresh.map((point, i) => pinned[chosen[i] as number] ?? point)
        const scalars = terms.map(() => anyScalar(dice))
        const total = terms.reduce((sum, { logarithm }, i) => sum + logarithm * (scalars[i] as bigint), 0n) % ORDER
        const expected = Oracle.BASE.multiplyUnsafe(total).toHex()
        assert.is(toHex(door.encode(door.msm(scalars, points))), expected, `${length}`)
        assert.is(toHex(door.encode(door.sumSecret(scalars.map(toBytes32), points))), expected, `${length}, secret`)
      })
    }
  })

  test('secret scalars that are not reduced, and all forms of the neutral element', () => {
    door.scope(() => {
      const other = door.fromUniform(uniform[0]?.bytes as Uint8Array)
      const top = (1n << 255n) - 1n
      for (const scalar of [ORDER, 2n * ORDER, 7n * ORDER, ORDER + 1n, top, 1n << 254n, top - 8n, top ^ 0xffffn]) {
        for (const point of [door.base, other]) {
          const product = door.mulSecret(toBytes32(scalar), point)
          const right = Oracle.fromBytes(door.encode(point))
            .multiplyUnsafe(scalar % ORDER)
            .toHex()
          assert.is(toHex(door.encode(product)), right, `${scalar}`)
          assert.is(door.isIdentity(product), scalar % ORDER === 0n)
          assert.is(door.equal(product, door.identity), scalar % ORDER === 0n)
        }
      }
      for (const empty of [door.msm([], []), door.sumSecret([], []), door.msm([0n, 0n], [door.base, other])]) {
        assert.ok(door.isIdentity(empty))
        assert.is(toHex(door.encode(empty)), '00'.repeat(32))
      }
    })
  })

  test('an element has one encoding: no other of its kin is read', () => {
    door.scope(() => {
      for (const { encoding } of known.slice(0, 60)) {
        const s = toNumber(encoding)
        for (const kin of [PRIME - s, s + PRIME, s + (1n << 255n), PRIME - s + (1n << 255n)]) {
          if (kin >> 256n === 0n && kin !== s) assert.is(door.decode(toBytes32(kin)), null, `${kin}`)
        }
      }
      // all numbers of 255 bits that are p or more, with and without the top bit
      for (let s = PRIME; s < 1n << 255n; s++) {
        assert.is(door.decode(toBytes32(s)), null)
        assert.is(door.decode(toBytes32(s + (1n << 255n))), null)
      }
    })
  })

  test('whatever the bytes are, they are read as the oracle reads them', () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(bytes, (any) => {
        const encoding = any.map((byte, i) => (i === 0 ? byte & 254 : i === 31 ? byte & 127 : byte))
        let right: string | null = null
        try {
          right = Oracle.fromBytes(encoding).toHex()
        } catch {
          // the oracle throws where the door says null
        }
        const got = door.scope(() => {
          const point = door.decode(encoding)
          return point === null ? null : toHex(door.encode(point))
        })
        assert.is(got, right)
      }),
      { numRuns: 300 },
    )
  })

  test('one bad encoding among many', () => {
    const encodings = known.slice(0, 9).map(({ encoding }) => encoding)
    const bad = fromHex(`01${'00'.repeat(31)}`)
    for (let at = 0; at < 9; at++) {
      assert.is(
        door.scope(() => door.decodeAll(encodings.map((one, i) => (i === at ? bad : one)))),
        null,
      )
    }
    assert.is(door.scope(() => door.decodeAll(encodings))?.length, 9)
    assert.equal(
      door.scope(() => door.decodeAll([])),
      [],
    )
  })

  test('scalars modulo the order, at their edges', () => {
    const wide = (value: bigint) => Uint8Array.from({ length: 64 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
    const top = 1n << 512n
    for (const value of [
      0n,
      1n,
      ORDER - 1n,
      ORDER,
      ORDER + 1n,
      top - 1n,
      (top / ORDER) * ORDER,
      (top / ORDER) * ORDER - 1n,
    ]) {
      assert.is(toNumber(door.reduceWide(wide(value))), value % ORDER)
    }
    const edge = fc.constantFrom(0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, (1n << 256n) - 1n, 1n << 255n)
    const scalar = fc.oneof(edge, fc.bigInt(0n, (1n << 256n) - 1n))
    fc.assert(
      fc.property(scalar, scalar, scalar, (a, b, c) => {
        assert.is(toNumber(door.mulAdd(toBytes32(a), toBytes32(b), toBytes32(c))), (a * b + c) % ORDER)
      }),
      { numRuns: 300 },
    )
  })

  test('a scope forgets what was made in it, and pinned elements stay', () => {
    const own = createGroup(build)
    const [inner, pin, again] = own.scope(() => {
      const one = own.fromUniform(uniform[1]?.bytes as Uint8Array)
      return [one, own.pin(one), own.pin(own.add(one, own.identity))] as const
    })
    assert.is(pin, again)
    assert.is(
      own.scope(() => own.pin(own.msm([1n], [own.base]))),
      own.base,
    )
    assert.is(own.pin(own.identity), own.identity)
    assert.throws(() => own.encode(inner), RangeError)
    assert.is(toHex(own.encode(pin)), toHex(uniform[1]?.encoding as Uint8Array))
    assert.throws(
      () =>
        own.scope(() => {
          throw new RangeError('given up')
        }),
      /given up/,
    )
    assert.throws(() => own.decode(new Uint8Array(32)), /within a scope/)
    assert.is(
      own.scope(() => own.scope(() => 5)),
      5,
    )
  })

  test('room for elements and for pinned ones has an end', () => {
    const own = createGroup(build)
    own.scope(() => {
      for (let i = 0; i < POINTS_MAX; i++) own.negate(own.base)
      assert.throws(() => own.negate(own.base), /more than 2048/)
      assert.throws(() => own.decode(new Uint8Array(32)), RangeError)
    })
    own.scope(() => {
      let point = own.base
      for (let i = 2; i < PINS_MAX; i++) point = own.pin(own.add(point, own.base))
      assert.is(toHex(own.encode(point)), Oracle.BASE.multiplyUnsafe(BigInt(PINS_MAX - 1)).toHex())
      const total = own.msm([5n, 7n], [(PINS_MAX - 1) as Point, 300 as Point])
      assert.is(toHex(own.encode(total)), Oracle.BASE.multiplyUnsafe(5n * 543n + 7n * 300n).toHex())
      assert.throws(() => own.pin(own.add(point, own.base)), /no room/)
      assert.is(own.pin(own.add(own.base, own.base)), 2)
    })
  })

  test('what cannot be is refused', () => {
    const bytes = (length: number) => new Uint8Array(length)
    door.scope(() => {
      const point = door.negate(door.base)
      const stranger = (point + 1) as Point
      for (const length of [0, 31, 33]) {
        assert.throws(() => door.decode(bytes(length)), RangeError)
        assert.throws(() => door.mulSecret(bytes(length), point), RangeError)
        assert.throws(() => door.mulAdd(bytes(32), bytes(length), bytes(32)), RangeError)
      }
      assert.throws(() => door.decode('00' as never), TypeError)
      assert.throws(() => door.fromUniform(bytes(63)), RangeError)
      assert.throws(() => door.reduceWide(bytes(32)), RangeError)
      assert.throws(() => door.mulSecret(bytes(32).fill(0x80), point), /below 2\^255/)
      for (const scalar of [-1n, ORDER, 1n << 256n]) assert.throws(() => door.msm([scalar], [point]), RangeError)
      assert.throws(() => door.msm([1n], []), /as many as points/)
      assert.throws(() => door.sumSecret([], [point]), /as many as points/)
      const many = Array.from({ length: TERMS_MAX + 1 }, () => point)
      assert.throws(
        () =>
          door.msm(
            many.map(() => 1n),
            many,
          ),
        RangeError,
      )
      for (const wrong of [stranger, -1 as Point, 500 as Point, 0.5 as Point, Number.NaN as Point, '1' as never]) {
        assert.throws(() => door.encode(wrong), RangeError)
        assert.throws(() => door.msm([1n], [wrong]), RangeError)
        assert.throws(() => door.add(point, wrong), RangeError)
        assert.throws(() => door.equal(wrong, point), RangeError)
        assert.throws(() => door.pin(wrong), RangeError)
      }
    })
  })

  test.run()
}

const shared = suite('wasm/group')

shared('there is one door that all share', () => {
  assert.is(group(), group())
  assert.is(group().build, 'simd')
})

shared.run()

/**
 * The group ristretto255 (RFC 9496) in WebAssembly: what commitments and zero-knowledge proofs reckon with.
 *
 * It has prime order, so there is no cofactor and no torsion to think of, and each element has one encoding of 32 bytes.
 * Elements live in the kernel's memory and are handled by number, so that a proof's points are decoded once and only what
 * is sent is encoded. `pin` keeps an element for good, with tables that make sums over it faster: generators.
 *
 * Secrets: `sumSecret`, `mulSecret`, `reduceWide`, `mulAdd` and `encode` go the same way over the same addresses
 * whatever the numbers are. All else is for what the verifier may know: `msm` most of all depends on its scalars.
 */

import { assertBytes, assertInteger } from './check.ts'
import { type Build, instantiate, type KernelExports, kernelBuild } from './load.ts'

interface GroupExports extends KernelExports {
  readonly data: WebAssembly.Global
  readonly terms: WebAssembly.Global
  readonly pinsMax: WebAssembly.Global
  readonly pointsMax: WebAssembly.Global
  readonly termsMax: WebAssembly.Global
  reserve(): number
  pin(from: number): number
  decode(count: number): number
  encode(count: number): void
  decodeOfCurve(count: number): number
  encodeOfCurve(count: number): void
  fromUniform(to: number): void
  add(to: number, a: number, b: number): void
  subtract(to: number, a: number, b: number): void
  equal(a: number, b: number): number
  isIdentity(a: number): number
  sum(to: number, count: number): void
  sumSecret(to: number, count: number): void
  reduceWide(): void
  multiplyAdd(): void
}

declare const element: unique symbol
/** An element in the memory of the one door that made it: until the `scope` in which it was made ends, a pinned one for good. */
export type Point = number & { readonly [element]: true }

/** The group's order L: scalars are 0 … L − 1. */
export const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

/** The group on one build of the kernel. A handle that this door does not know is a RangeError. */
export interface GroupDoor {
  readonly build: Build
  /** The base point of RFC 9496, pinned: the same element as Ed25519's. */
  readonly base: Point
  /** The neutral element, pinned. */
  readonly identity: Point
  /**
   * Calls `work`, and forgets the elements made in it, whether it returns or throws. May be nested; what is made in an
   * inner scope does not outlive it, so hand on encodings. Elements can only be made in one (else a TypeError), at most
   * 2,048 at once (else a RangeError). `work` is synchronous.
   */
  scope<T>(work: () => T): T
  /** Keeps an element for good, with its tables (6,400 bytes); the same one again costs nothing. At most 544, else a RangeError. */
  pin(point: Point): Point
  /** The element of an encoding of 32 bytes (else a RangeError), or null where they are not the one encoding of any. */
  decode(encoding: Uint8Array): Point | null
  /** The elements of many encodings, in less than half the time, or null if any is none. */
  decodeAll(encodings: readonly Uint8Array[]): Point[] | null
  /** The encoding, 32 bytes. */
  encode(point: Point): Uint8Array
  /** The encodings of many, in less than half the time. */
  encodeAll(points: readonly Point[]): Uint8Array[]
  /** The element that 64 uniform bytes (a hash) are mapped to (RFC 9496, section 4.3.4): nobody knows its logarithm. */
  fromUniform(bytes: Uint8Array): Point
  /** a + b */
  add(a: Point, b: Point): Point
  /** a − b */
  subtract(a: Point, b: Point): Point
  /** −a */
  negate(a: Point): Point
  /** Whether the two are the same element. */
  equal(a: Point, b: Point): boolean
  /** Whether it is the neutral element. */
  isIdentity(a: Point): boolean
  /**
   * Σ scalars[i] · points[i] of public numbers in 0 … L − 1 (else a RangeError), as many as there are points, 0 … 640;
   * fastest over pinned points.
   */
  msm(scalars: readonly bigint[], points: readonly Point[]): Point
  /**
   * Σ scalars[i] · points[i] of secret numbers: 32 bytes each, little-endian, below 2^255 (else a RangeError). Shows
   * nothing of them in time or addresses, and wipes them from the kernel.
   */
  sumSecret(scalars: readonly Uint8Array[], points: readonly Point[]): Point
  /** scalar · point of a secret number, as `sumSecret`. */
  mulSecret(scalar: Uint8Array, point: Point): Point
  /** 64 secret little-endian bytes modulo L, 32 bytes: uniform bytes make a uniform scalar. */
  reduceWide(bytes: Uint8Array): Uint8Array
  /** a · b + c modulo L of secret numbers, 32 little-endian bytes each, of any value: the response of a Schnorr proof. */
  mulAdd(a: Uint8Array, b: Uint8Array, c: Uint8Array): Uint8Array
}

/** The same group, and the curve that it is made of: for proofs that tell apart points which are one element. */
export interface CurveDoor extends GroupDoor {
  /**
   * The point of the curve edwards25519 with this canonical encoding of RFC 8032, 32 bytes (else a RangeError), or null where they are none. What is reckoned from it is exact on
   * the curve and comes out by `encodeOfCurve`; `equal`, `isIdentity`, `encode` and `pin` take it for the element of ristretto255 that it belongs to.
   */
  decodeOfCurve(encoding: Uint8Array): Point | null
  /** The encodings of RFC 8032 of public points that were made from `decodeOfCurve`: 32 bytes each. */
  encodeOfCurve(points: readonly Point[]): Uint8Array[]
}

/** Elements that the kernel reads or writes at once. */
const AT_ONCE = 4
const WORD = (1n << 64n) - 1n

/** A door onto a new instance of the kernel. Throws a RangeError where there is no memory for it. */
export function createGroup(build: Build = kernelBuild('group')): CurveDoor {
  const kernel = instantiate<GroupExports>('group', build)
  if (kernel.reserve() !== 1) throw new RangeError('group: no memory')
  const data = kernel.data.value
  const pinsMax = kernel.pinsMax.value
  const termsMax = kernel.termsMax.value
  const end = pinsMax + kernel.pointsMax.value
  const pinned = new Map<string, Point>()
  const base = 1 as Point
  const identity = 0 as Point
  let bytes = new Uint8Array(0)
  let slots = new Uint32Array(0)
  let words = new BigUint64Array(0)
  let pins = 2
  let next = pinsMax
  let depth = 0
  look()

  /** Views of the memory, which pinning makes grow. */
  function look(): void {
    bytes = new Uint8Array(kernel.memory.buffer)
    slots = new Uint32Array(kernel.memory.buffer, kernel.terms.value, termsMax)
    words = new BigUint64Array(kernel.memory.buffer, data, 4 * termsMax)
  }

  function make(count = 1): Point {
    if (depth === 0) throw new TypeError('points: elements are made within a scope')
    if (next + count > end) throw new RangeError(`points: more than ${end - pinsMax} in a scope`)
    next += count
    return (next - count) as Point
  }

  function assertPoint(name: string, point: Point): void {
    const isKnown = Number.isInteger(point) && point >= 0 && (point < pins || (point >= pinsMax && point < next))
    if (!isKnown) throw new RangeError(`${name}: no element of this door and scope: ${String(point)}`)
  }

  function setTerms(scalars: readonly unknown[], points: readonly Point[]): void {
    if (scalars.length !== points.length) {
      throw new RangeError(`scalars: expected ${points.length}, as many as points, got ${scalars.length}`)
    }
    assertInteger('points.length', points.length, 0, termsMax)
    for (const point of points) assertPoint('points', point)
    slots.set(points)
  }

  function decodeAll(encodings: readonly Uint8Array[]): Point[] | null {
    for (const encoding of encodings) assertBytes('encoding', encoding, 32)
    const first = make(encodings.length)
    for (let at = 0; at < encodings.length; at += AT_ONCE) {
      const some = encodings.slice(at, at + AT_ONCE)
      some.forEach((encoding, i) => {
        bytes.set(encoding, data + 32 * i)
        slots[i] = first + at + i
      })
      if (kernel.decode(some.length) !== 2 ** some.length - 1) {
        next = first
        return null
      }
    }
    return encodings.map((_, i) => (first + i) as Point)
  }

  function encodeAll(points: readonly Point[], how: 'encode' | 'encodeOfCurve' = 'encode'): Uint8Array[] {
    for (const point of points) assertPoint('points', point)
    const encodings: Uint8Array[] = []
    for (let at = 0; at < points.length; at += AT_ONCE) {
      const some = points.slice(at, at + AT_ONCE)
      slots.set(some)
      kernel[how](some.length)
      some.forEach((_, i) => {
        encodings.push(bytes.slice(data + 32 * i, data + 32 * i + 32))
      })
    }
    return encodings
  }

  function pin(point: Point): Point {
    assertPoint('point', point)
    const name = String(encodeAll([point]))
    const known = pinned.get(name)
    if (known !== undefined) return known
    const made = kernel.pin(point)
    if (made < 0) throw new RangeError(`pin: no room for more than ${pins} elements`)
    look()
    pins++
    pinned.set(name, made as Point)
    return made as Point
  }

  function sumSecret(scalars: readonly Uint8Array[], points: readonly Point[]): Point {
    for (const scalar of scalars) {
      assertBytes('scalar', scalar, 32)
      if ((scalar[31] as number) > 127) throw new RangeError('scalar: expected a number below 2^255')
    }
    setTerms(scalars, points)
    const made = make()
    scalars.forEach((scalar, i) => {
      bytes.set(scalar, data + 32 * i)
    })
    kernel.sumSecret(made, scalars.length)
    return made
  }

  /** The first 32 bytes of `data`, which are cleared. */
  function takeScalar(): Uint8Array {
    const scalar = bytes.slice(data, data + 32)
    bytes.fill(0, data, data + 32)
    return scalar
  }

  function combine(how: 'add' | 'subtract', a: Point, b: Point): Point {
    assertPoint('a', a)
    assertPoint('b', b)
    const made = make()
    kernel[how](made, a, b)
    return made
  }

  for (const point of [identity, base]) pinned.set(String(encodeAll([point])), point)

  return {
    build,
    base,
    identity,
    scope(work) {
      const before = next
      depth++
      try {
        return work()
      } finally {
        depth--
        next = before
      }
    },
    pin,
    decode: (encoding) => decodeAll([encoding])?.[0] ?? null,
    decodeAll,
    encode: (point) => encodeAll([point])[0] as Uint8Array,
    encodeAll: (points) => encodeAll(points),
    decodeOfCurve(encoding) {
      assertBytes('encoding', encoding, 32)
      const made = make()
      bytes.set(encoding, data)
      slots[0] = made
      if (kernel.decodeOfCurve(1) === 1) return made
      next = made
      return null
    },
    encodeOfCurve: (points) => encodeAll(points, 'encodeOfCurve'),
    fromUniform(uniform) {
      assertBytes('bytes', uniform, 64)
      const made = make()
      bytes.set(uniform, data)
      kernel.fromUniform(made)
      return made
    },
    add: (a, b) => combine('add', a, b),
    subtract: (a, b) => combine('subtract', a, b),
    negate: (a) => combine('subtract', identity, a),
    equal(a, b) {
      assertPoint('a', a)
      assertPoint('b', b)
      return kernel.equal(a, b) === 1
    },
    isIdentity(a) {
      assertPoint('a', a)
      return kernel.isIdentity(a) === 1
    },
    msm(scalars, points) {
      setTerms(scalars, points)
      for (const scalar of scalars) {
        if (scalar < 0n || scalar >= ORDER) throw new RangeError('scalar: expected a number in 0 … L − 1')
      }
      const made = make()
      scalars.forEach((scalar, i) => {
        for (let word = 0; word < 4; word++) words[4 * i + word] = (scalar >> BigInt(64 * word)) & WORD
      })
      kernel.sum(made, scalars.length)
      return made
    },
    sumSecret,
    mulSecret: (scalar, point) => sumSecret([scalar], [point]),
    reduceWide(wide) {
      assertBytes('bytes', wide, 64)
      bytes.set(wide, data)
      kernel.reduceWide()
      return takeScalar()
    },
    mulAdd(a, b, c) {
      for (const [name, scalar] of Object.entries({ a, b, c })) assertBytes(name, scalar, 32)
      bytes.set(a, data)
      bytes.set(b, data + 32)
      bytes.set(c, data + 64)
      kernel.multiplyAdd()
      return takeScalar()
    },
  }
}

let shared: CurveDoor | undefined

/** The door that all share, made at the first call. */
export function group(): CurveDoor {
  shared ??= createGroup()
  return shared
}

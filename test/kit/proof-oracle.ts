/**
 * A second verifier of proofs, on @noble's ristretto255 and BLAKE3, written from the formulas: equation by equation, folding the bases round by round.
 *
 * It shares no code with `src`. Every function answers whether the proof holds; what cannot be read does not.
 */

import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { toNumber } from './scalars.ts'

const { Point } = ristretto255
type Element = InstanceType<typeof Point>
const L = 2n ** 252n + 27742317777372353535851937790883648493n
const mod = (value: bigint): bigint => ((value % L) + L) % L
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** What CBOR is needed here. */
export type Item = number | string | Uint8Array | readonly Item[]

/** Who checks, what for. */
export interface OracleContext {
  readonly audience: Uint8Array
  readonly nonce: Uint8Array
  readonly purpose: string
  readonly ping: Uint8Array
}

/** value · G + blinding · H */
export function commitment(value: bigint, blinding: bigint): Uint8Array {
  return times(Point.BASE, value).add(times(pedersenH(), blinding)).toBytes()
}

/** The bases of a range proof. */
export function rangeBases(count: number): [Element[], Element[]] {
  const side = (name: string): Element[] => Array.from({ length: count }, (_, i) => toGroup(name, cbor([i])))
  return [side('webx v1 range left'), side('webx v1 range right')]
}

/** Knowledge of the openings of one commitment, or of two to the same value. */
export function knowledge(commitments: readonly Uint8Array[], proof: Uint8Array, context: OracleContext): boolean {
  return attempt(() => {
    const [c, s, ...r] = numbers(parts(proof, commitments.length + 2)) as [bigint, bigint, ...bigint[]]
    const talk = conversation(commitments.length === 1 ? 'webx v1 opening' : 'webx v1 equal values', context, [
      Point.BASE.toBytes(),
      pedersenH().toBytes(),
    ])
    talk.say('commitments', commitments)
    talk.step('nonces')
    const nonces = points(commitments).map((point, i) =>
      times(Point.BASE, s)
        .add(times(pedersenH(), r[i] as bigint))
        .subtract(times(point, c)),
    )
    talk.say('nonces', bytesOf(nonces))
    return talk.challenge('challenge') === c
  })
}

/** Bulletproofs (Bünz et al. 2018, §4.1 and §4.2): the two equations, then the inner-product argument with folded bases. */
export function range(
  commitments: readonly Uint8Array[],
  bits: number,
  about: Item,
  proof: Uint8Array,
  context: OracleContext,
): boolean {
  return attempt(() => {
    const count = commitments.length * bits
    const rounds = Math.log2(count)
    const all = parts(proof, 9 + 2 * rounds)
    const [A, S, T1, T2] = points(all.slice(0, 4)) as [Element, Element, Element, Element]
    const [tau, mu, t] = numbers(all.slice(4, 7)) as [bigint, bigint, bigint]
    const folds = points(all.slice(7, 7 + 2 * rounds))
    const [a, b] = numbers(all.slice(-2)) as [bigint, bigint]
    const V = points(commitments)
    let [left, right] = rangeBases(count)
    const digest = derive(
      'webx v1 range bases',
      Uint8Array.from(bytesOf([...left, ...right]).flatMap((p) => [...p])),
      32,
    )
    const H = pedersenH()
    const talk = conversation('webx v1 range', context, [Point.BASE.toBytes(), H.toBytes(), digest])
    talk.say('statement', [commitments, bits, about])
    talk.step('nonces')
    talk.say('bits', all.slice(0, 2))
    const [y, z] = [talk.challenge('y'), talk.challenge('z')]
    talk.say('polynomial', all.slice(2, 4))
    const x = talk.challenge('x')
    talk.say('openings', all.slice(4, 7))
    const w = talk.challenge('product')
    // t is the polynomial's value at x
    let delta = 0n
    for (let i = 0; i < count; i++) delta += (z - z * z) * power(y, i)
    commitments.forEach((_, j) => {
      delta -= power(z, j + 3) * (2n ** BigInt(bits) - 1n)
    })
    let expected = times(Point.BASE, delta)
      .add(times(T1, x))
      .add(times(T2, x * x))
    V.forEach((point, j) => {
      expected = expected.add(times(point, power(z, j + 2)))
    })
    if (!times(Point.BASE, t).add(times(H, tau)).equals(expected)) return false
    // P opens to l and r at x
    const inverseY = power(y, L - 2n)
    right = right.map((point, i) => times(point, power(inverseY, i)))
    let P = A.add(times(S, x))
      .subtract(times(H, mu))
      .add(times(Point.BASE, w * t))
    for (let i = 0; i < count; i++) {
      const two = power(z, Math.floor(i / bits) + 2) * 2n ** BigInt(i % bits)
      P = P.subtract(times(left[i] as Element, z)).add(times(right[i] as Element, z * power(y, i) + two))
    }
    for (let round = 0; round < rounds; round++) {
      talk.say('round', all.slice(7 + 2 * round, 9 + 2 * round))
      const u = talk.challenge('fold')
      const v = power(u, L - 2n)
      P = P.add(times(folds[2 * round] as Element, u * u)).add(times(folds[2 * round + 1] as Element, v * v))
      left = fold(left, v, u)
      right = fold(right, u, v)
    }
    return times(left[0] as Element, a)
      .add(times(right[0] as Element, b))
      .add(times(Point.BASE, w * a * b))
      .equals(P)
  })
}

/** Knowledge of the secret of a key (Schnorr): s·G + c·X is the nonce. */
export function possession(publicKey: Uint8Array, proof: Uint8Array, context: OracleContext): boolean {
  return attempt(() => {
    const [c, s] = numbers(parts(proof, 2)) as [bigint, bigint]
    const [key] = points([publicKey]) as [Element]
    const talk = conversation('webx v1 possession', context, [Point.BASE.toBytes()])
    talk.say('key', publicKey)
    talk.step('nonces')
    talk.say('nonces', bytesOf([times(Point.BASE, s).add(times(key, c))]))
    return talk.challenge('challenge') === c
  })
}

/** A ring in the given order of encodings (ascending). */
export function member(
  keys: readonly Uint8Array[],
  about: Uint8Array,
  proof: Uint8Array,
  context: OracleContext,
): boolean {
  return attempt(() => {
    const [first, ...responses] = numbers(parts(proof, keys.length + 1)) as [bigint, ...bigint[]]
    const talk = conversation('webx v1 member', context, [Point.BASE.toBytes()])
    talk.say('ring', keys)
    talk.say('about', about)
    return closes(talk.step('ring'), [[Point.BASE, points(keys)]], first, responses)
  })
}

/** The same with a tag. */
export function linkable(
  keys: readonly Uint8Array[],
  about: Uint8Array,
  shop: Uint8Array,
  day: number,
  proof: Uint8Array,
  context: OracleContext,
): boolean {
  return attempt(() => {
    const [tag, ...rest] = parts(proof, keys.length + 2) as [Uint8Array, ...Uint8Array[]]
    const [first, ...responses] = numbers(rest) as [bigint, ...bigint[]]
    const base = toGroup('webx v1 shop day', cbor([shop, day]))
    const talk = conversation('webx v1 linkable', context, bytesOf([Point.BASE, base]))
    talk.say('ring', keys)
    talk.say('about', about)
    talk.say('shop day', [shop, day])
    talk.say('tag', tag)
    const [image] = points([tag]) as [Element]
    const sides: Side[] = [
      [Point.BASE, points(keys)],
      [base, keys.map(() => image)],
    ]
    return closes(talk.step('ring'), sides, first, responses)
  })
}

type Side = [base: Element, images: Element[]]

function closes(state: Uint8Array, sides: readonly Side[], first: bigint, responses: readonly bigint[]): boolean {
  let challenge = first
  responses.forEach((response, at) => {
    const nonces = sides.map(([base, images]) => times(base, response).add(times(images[at] as Element, challenge)))
    challenge = mod(toNumber(derive('webx v1 ring challenge', cbor([state, at, bytesOf(nonces)]), 64)))
  })
  return challenge === first
}

/** CBOR of unsigned integers below 2^32, texts, bytes and arrays. */
export function cbor(item: Item): Uint8Array {
  const head = (major: number, n: number): number[] => {
    if (n < 24) return [(major << 5) | n]
    if (n < 256) return [(major << 5) | 24, n]
    if (n < 65536) return [(major << 5) | 25, n >> 8, n & 255]
    return [(major << 5) | 26, n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255]
  }
  if (typeof item === 'number') return Uint8Array.from(head(0, item))
  if (item instanceof Uint8Array) return Uint8Array.from([...head(2, item.length), ...item])
  if (typeof item === 'string') return Uint8Array.from([...head(3, text(item).length), ...text(item)])
  return Uint8Array.from([...head(4, item.length), ...item.flatMap((each) => [...cbor(each)])])
}

function conversation(protocol: string, { audience, nonce, purpose, ping }: OracleContext, generators: Uint8Array[]) {
  let state: Uint8Array = new Uint8Array(32)
  let said: Item[] = []
  const say = (label: string, item: Item): void => {
    said.push([label, item])
  }
  const step = (label: string): Uint8Array => {
    state = derive('webx v1 proof transcript', cbor([state, said, label]), 32)
    said = []
    return state
  }
  const challenge = (label: string): bigint => mod(toNumber(derive('webx v1 proof challenge', step(label), 64)))
  say('protocol', protocol)
  say('context', [audience, nonce, purpose, ping])
  say('generators', generators)
  return { say, step, challenge }
}

/** `[1, body]`, and the body in parts of 32 bytes. */
function parts(proof: Uint8Array, count: number): Uint8Array[] {
  const body = proof.subarray(proof.length - 32 * count)
  if (body.length !== 32 * count || !same(cbor([1, body]), proof)) throw new Error('not a proof of that size')
  return Array.from({ length: count }, (_, i) => body.subarray(32 * i, 32 * i + 32))
}

function numbers(encodings: readonly Uint8Array[]): bigint[] {
  return encodings.map((bytes) => {
    if (toNumber(bytes) >= L) throw new Error('not below the order')
    return toNumber(bytes)
  })
}

function points(encodings: readonly Uint8Array[]): Element[] {
  return encodings.map((bytes) => {
    const point = Point.fromBytes(bytes)
    if (point.equals(Point.ZERO)) throw new Error('neutral')
    return point
  })
}

function fold(bases: readonly Element[], low: bigint, high: bigint): Element[] {
  const half = bases.length / 2
  return bases.slice(0, half).map((base, i) => times(base, low).add(times(bases[half + i] as Element, high)))
}

function bytesOf(elements: readonly Element[]): Uint8Array[] {
  return elements.map((element) => element.toBytes())
}

function times(point: Element, scalar: bigint): Element {
  return mod(scalar) === 0n ? Point.ZERO : point.multiplyUnsafe(mod(scalar))
}

function power(base: bigint, exponent: bigint | number): bigint {
  let result = 1n
  let square = mod(base)
  for (let rest = BigInt(exponent); rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % L
    square = (square * square) % L
  }
  return result
}

function pedersenH(): Element {
  return toGroup('webx v1 pedersen H', new Uint8Array(0))
}

function toGroup(context: string, bytes: Uint8Array): Element {
  const map = ristretto255_hasher.deriveToCurve
  if (map === undefined) throw new Error('this noble has no map to the curve')
  return map(derive(context, bytes, 64)) as Element
}

function derive(context: string, bytes: Uint8Array, length: number): Uint8Array {
  return blake3(bytes, { context: text(context), dkLen: length })
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return toHex(a) === toHex(b)
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function attempt(work: () => boolean): boolean {
  try {
    return work()
  } catch {
    return false
  }
}

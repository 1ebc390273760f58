/**
 * The verifiable random function against the vectors of RFC 9381 B.3, and against provers who would like to have a second output, or none.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { concat, fromHex, toHex } from '../../src/core/bytes.ts'
import { VRF_PROOF_BYTES, vrfKeyOf, vrfOutput, vrfProve, vrfVerify } from '../../src/proof/vrf.ts'
import { ORDER, PRIME, torsion } from '../kit/ed25519.ts'
import { toBytes32, toNumber } from '../kit/scalars.ts'

interface Vector {
  readonly secret: string
  readonly key: string
  readonly input: string
  readonly proof: string
  readonly output: string
}

const { Point } = ed25519
const vectors = JSON.parse(readFileSync(new URL('../vectors/vrf.json', import.meta.url), 'utf8')) as readonly Vector[]
const secret = new Uint8Array(32).fill(7)
const key = vrfKeyOf(secret)
const input = Uint8Array.of(1, 2, 3)
const proof = vrfProve(secret, input)
const output = vrfVerify(key, input, proof) as Uint8Array

function sha512(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(
    createHash('sha512')
      .update(concat(...parts))
      .digest(),
  )
}

const vrf = suite('proof/vrf')

vrf('RFC 9381 B.3, examples 16 to 18', () => {
  assert.is(vectors.length, 3)
  for (const vector of vectors) {
    const made = vrfProve(fromHex(vector.secret), fromHex(vector.input))
    assert.is(toHex(vrfKeyOf(fromHex(vector.secret))), vector.key)
    assert.is(toHex(made), vector.proof)
    const checked = vrfVerify(fromHex(vector.key), fromHex(vector.input), fromHex(vector.proof))
    assert.is(toHex(checked as Uint8Array), vector.output)
    assert.equal(vrfOutput(made), checked)
  }
})

vrf('another key, another input, any flipped bit: no output', () => {
  assert.is(vrfVerify(vrfKeyOf(new Uint8Array(32).fill(8)), input, proof), null)
  assert.is(vrfVerify(key, Uint8Array.of(1, 2), proof), null)
  fc.assert(
    fc.property(fc.nat(8 * VRF_PROOF_BYTES - 1), (bit) => {
      const bent = proof.slice()
      bent[bit >> 3] = (bent[bit >> 3] as number) ^ (1 << (bit & 7))
      return vrfVerify(key, input, bent) === null
    }),
    { numRuns: 40 },
  )
})

vrf('a proof has one encoding', () => {
  const response = toNumber(proof.slice(48))
  const longer = concat(proof.slice(0, 48), toBytes32(response + ORDER))
  assert.is(vrfVerify(key, input, longer), null)
  assert.is(vrfOutput(longer), null)
  assert.is(vrfVerify(key, input, concat(proof.slice(0, 32), new Uint8Array(48))), null)
  assert.is(vrfVerify(key, input, proof.slice(0, 79)), null)
  assert.is(vrfVerify(key, input, concat(proof, Uint8Array.of(0))), null)
  // y = p + 1 is the neutral element in a second spelling.
  assert.is(vrfOutput(concat(toBytes32(PRIME + 1n), proof.slice(32))), null)
})

vrf('a key of small order, with which anybody could prove the same output for every input, is none', () => {
  for (const times of [0, 1, 4]) {
    const small = torsion(times).toBytes()
    for (let k = 1n; ; k++) {
      // Gamma is the neutral element, and the equations hold where the challenge takes the key away.
      const points = [Point.BASE.multiply(k), hashToCurve(small, input).multiply(k)].map((point) => point.toBytes())
      const hashed = hashToCurve(small, input).toBytes()
      const said = [small, hashed, Point.ZERO.toBytes(), ...points]
      const challenge = sha512(Uint8Array.of(3, 2), ...said, Uint8Array.of(0)).slice(0, 16)
      if ((challenge[0] as number) % 8 !== 0) continue
      const forged = concat(Point.ZERO.toBytes(), challenge, toBytes32(k))
      assert.ok(vrfOutput(forged))
      assert.is(vrfVerify(small, input, forged), null)
      break
    }
  }
  assert.is(vrfVerify(toBytes32(PRIME + 1n), input, proof), null)
  assert.is(vrfVerify(key.slice(1), input, proof), null)
})

vrf('a prover who bends gamma by a point of small order has no second output', () => {
  const hash = sha512(secret)
  hash[0] = (hash[0] as number) & 248
  hash[31] = ((hash[31] as number) & 127) | 64
  const x = toNumber(hash.slice(0, 32)) % ORDER
  const gamma = Point.fromBytes(proof.slice(0, 32))
  const hashed = gamma.multiply(modularInverse(x))
  const bent = gamma.add(torsion(1))
  let accepted = 0
  for (let k = 1n; accepted === 0; k++) {
    const [u, v] = [Point.BASE.multiply(k), hashed.multiply(k)]
    const said = [Point.fromBytes(key), hashed, bent, u, v].map((point) => point.toBytes())
    const challenge = sha512(Uint8Array.of(3, 2), ...said, Uint8Array.of(0)).slice(0, 16)
    const c = toNumber(concat(challenge, new Uint8Array(16)))
    const made = concat(bent.toBytes(), challenge, toBytes32((k + c * x) % ORDER))
    const answer = vrfVerify(key, input, made)
    // It holds only where the challenge takes the bend away; and then the output is the one that it was.
    assert.is(answer !== null, c % 8n === 0n)
    if (answer === null) continue
    assert.equal(answer, output)
    accepted++
  }
})

/** Try and increment, RFC 9381 §5.4.1.1. */
function hashToCurve(salt: Uint8Array, text: Uint8Array): InstanceType<typeof Point> {
  for (let count = 0; ; count++) {
    try {
      const bytes = sha512(Uint8Array.of(3, 1), salt, text, Uint8Array.of(count, 0)).slice(0, 32)
      return Point.fromBytes(bytes).clearCofactor()
    } catch {}
  }
}

function modularInverse(value: bigint): bigint {
  return Point.Fn.inv(value)
}

vrf.run()

/**
 * A prover of ranges who lies: it goes through the whole protocol with digits of its own choice, whatever the commitment hides. With the true bits
 * its proofs hold, or its failures would prove nothing.
 */

import { concat } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { basesOf, rangeBasesOf } from '../../src/proof/bases.ts'
import { argue } from '../../src/proof/inner-product.ts'
import { openRange } from '../../src/proof/range.ts'
import { inner, invert, mod, powers, readScalar, scalarBytes } from '../../src/proof/scalar.ts'
import type { ProofContext } from '../../src/proof/transcript.ts'
import type { GroupDoor } from '../../src/wasm/group.ts'

/** What the liar says. */
export interface Lie {
  readonly commitment: Uint8Array
  readonly blinding: Uint8Array
  /** What stands for the bits: one number for each. */
  readonly left: readonly bigint[]
  /** What stands for the bits minus 1; default is just that. */
  readonly right?: readonly bigint[]
  /** Added to the product that is claimed. */
  readonly productPlus?: bigint
  /** Added to the coefficients of the polynomial that are committed to. */
  readonly linearPlus?: bigint
}

/** A proof about one commitment. */
export function forgeRange(
  group: GroupDoor,
  lie: Lie,
  context: ProofContext,
  random: (length: number) => Uint8Array,
): Uint8Array {
  return group.scope(() => {
    const bits = lie.left.length
    const number = (): bigint => readScalar(group.reduceWide(random(64))) as bigint
    const bases = basesOf(group)
    const sides = rangeBasesOf(group, bits)
    const points = [bases.blinding, ...sides.left, ...sides.right]
    const transcript = openRange(group, { commitments: [lie.commitment], bits, about: [] }, context)
    transcript.state('nonces')
    const [alpha, rho, tau1, tau2] = [number(), number(), number(), number()]
    const aL = lie.left.map(mod)
    const aR = (lie.right ?? lie.left.map((bit) => bit - 1n)).map(mod)
    const [sL, sR] = [aL.map(number), aL.map(number)]
    const first = group.encodeAll([
      group.msm([alpha, ...aL, ...aR].map(mod), points),
      group.msm([rho, ...sL, ...sR].map(mod), points),
    ])
    transcript.say('bits', first)
    const [y, z] = [transcript.challenge('y'), transcript.challenge('z')]
    const yPowers = powers(y, bits)
    const at = (i: number): bigint => yPowers[i] as bigint
    const l0 = aL.map((bit) => mod(bit - z))
    const r0 = aR.map((bit, i) => mod(at(i) * (bit + z) + z * z * 2n ** BigInt(i)))
    const r1 = sR.map((mask, i) => mod(mask * at(i)))
    const t1 = inner(l0, r1) + inner(sL, r0) + (lie.linearPlus ?? 0n)
    const second = group.encodeAll([
      group.msm([mod(t1), tau1], [bases.value, bases.blinding]),
      group.msm([inner(sL, r1), tau2], [bases.value, bases.blinding]),
    ])
    transcript.say('polynomial', second)
    const x = transcript.challenge('x')
    const l = l0.map((value, i) => mod(value + (sL[i] as bigint) * x))
    const r = r0.map((value, i) => mod(value + (r1[i] as bigint) * x))
    const gamma = readScalar(lie.blinding) as bigint
    const product = mod(inner(l, r) + (lie.productPlus ?? 0n))
    const shown = [tau2 * x * x + tau1 * x + z * z * gamma, alpha + rho * x, product].map((n) => scalarBytes(mod(n)))
    transcript.say('openings', shown)
    const argument = argue(group, transcript, {
      leftBases: sides.left,
      rightBases: sides.right,
      rightWeights: powers(invert(y), bits),
      left: l,
      right: r,
      productBase: bases.value,
      productWeight: transcript.challenge('product'),
    })
    const rest = [argument.left, argument.right].map(scalarBytes)
    return encode([1, concat(...first, ...second, ...shown, ...argument.rounds.flat(), ...rest)])
  })
}

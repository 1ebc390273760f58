/** Random chains of narrowings over domains so small that rights can be written out as sets. */

import fc from 'fast-check'
import { disclose, fieldDigest } from '../../src/data/metadata.ts'
import { encodePresentation, type Presented } from '../../src/data/presentation.ts'
import { allFields, grantCbor, type Rights } from '../../src/data/rights.ts'
import type { Item } from './cddl.ts'
import { type RightsAsSets, setsOf } from './ping-oracle.ts'
import * as kit from './pings.ts'

export const PURPOSES = ['audit', 'billing', 'care', 'research'] as const
export const BYTES = 12
export const TIMES = 12
const USES_MAX = 30

/** Six fields in the order of their digests. */
export const SIX = Array.from({ length: 6 }, (_, i) =>
  disclose(kit.fill(16, i), { name: `field ${i}`, value: i }),
).sort((a, b) => Buffer.compare(fieldDigest(a), fieldDigest(b)))

const HOLDERS = Array.from({ length: 7 }, (_, i) => kit.holder(30 + i))

/** Rights without keys, over the small domains; times count from `kit.NOW_MS`. */
export interface Drawn {
  readonly operations: number
  readonly from: number
  readonly to: number
  readonly purposes: readonly string[]
  readonly begin: number
  readonly end: number
  readonly uses: number
  readonly visible: number
}

/** Any rights. */
export const anyRights: fc.Arbitrary<Drawn> = fc
  .record({
    operations: fc.integer({ min: 1, max: 31 }),
    range: fc.uniqueArray(fc.nat(BYTES), { minLength: 2, maxLength: 2 }),
    purposes: fc.subarray([...PURPOSES], { minLength: 1 }),
    times: fc.uniqueArray(fc.nat(TIMES), { minLength: 2, maxLength: 2 }),
    uses: fc.nat(6),
    visible: fc.nat(63),
  })
  .map(({ range, times, ...rest }) => ({
    ...rest,
    from: Math.min(...range),
    to: Math.max(...range),
    begin: Math.min(...times),
    end: Math.max(...times),
  }))

/** Rights bent so that they lie within others, in every dimension where that leaves anything. */
export function bent(raw: Drawn, held: Drawn): Drawn {
  const both = raw.operations & held.operations
  const purposes = raw.purposes.filter((purpose) => held.purposes.includes(purpose))
  const [from, to] = within(raw.from, raw.to, held.from, held.to)
  const [begin, end] = within(raw.begin, raw.end, held.begin, held.end)
  return {
    operations: both === 0 ? held.operations : both,
    from,
    to,
    purposes: purposes.length === 0 ? held.purposes : purposes,
    begin,
    end,
    uses: held.uses === 0 ? raw.uses : 1 + (raw.uses % held.uses),
    visible: raw.visible & held.visible,
  }
}

/** The rights of a root and of each holder after it; a `bend` says whether that one stays within the one before. */
export const chains: fc.Arbitrary<readonly Drawn[]> = fc
  .tuple(anyRights, fc.array(fc.tuple(anyRights, fc.integer({ min: 0, max: 4 })), { maxLength: 5 }))
  .map(([root, steps]) => {
    // a ping shows all its fields to its first holder
    const drawn: Drawn[] = [{ ...root, visible: allFields(SIX.length) }]
    for (const [raw, bend] of steps) drawn.push(bend === 0 ? raw : bent(raw, drawn.at(-1) as Drawn))
    return drawn
  })

/** The signed presentation of a chain. The ping is for the first holder, each narrowing for the next. */
export function presentationOf(drawn: readonly Drawn[], disclosures: readonly Uint8Array[] = []): Uint8Array {
  const rights = drawn.map(rightsOfDrawn)
  const fieldDigests = SIX.map(fieldDigest)
  const ping = kit.mint({ ...kit.TERMS, status: null, grant: rights[0] as Rights, fieldDigests })
  const steps = rights.slice(1).map((each, i) => [holderAt(i), each] as const)
  return encodePresentation({ ping, narrowings: kit.chain(ping, steps), disclosures })
}

export function holderAt(depth: number): kit.Holder {
  return HOLDERS[depth] as kit.Holder
}

export function setsOfDrawn(drawn: Drawn): RightsAsSets {
  const { operations, from, to, purposes, begin, end, uses, visible } = drawn
  return setsOf(['', '', operations, from, to, [...purposes], begin, end, uses], visible, USES_MAX)
}

/** What the code under test says that remains. */
export function setsOfPresented({ rights }: Presented): RightsAsSets {
  const shifted = { ...rights, notBeforeMs: rights.notBeforeMs - kit.NOW_MS, expiresMs: rights.expiresMs - kit.NOW_MS }
  return setsOf(grantCbor(shifted) as Item[], rights.visible, USES_MAX)
}

function rightsOfDrawn({ begin, end, ...rest }: Drawn, depth: number): Rights {
  const { key, agreementKey } = holderAt(depth)
  return { ...rest, holderKey: key, agreementKey, notBeforeMs: kit.NOW_MS + begin, expiresMs: kit.NOW_MS + end }
}

/** The part of [a, b) in [from, to); all of [from, to) where they have nothing in common. */
function within(a: number, b: number, from: number, to: number): [number, number] {
  const [low, high] = [Math.max(a, from), Math.min(b, to)]
  return low < high ? [low, high] : [from, to]
}

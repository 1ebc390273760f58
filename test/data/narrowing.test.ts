/**
 * Random chains of narrowings against plain sets: what is left at the end is exactly what all of them have in common, and a block that grants anything more is refused.
 */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fieldDigest, readDisclosure } from '../../src/data/metadata.ts'
import { encodeNarrowing, narrowingMessage } from '../../src/data/narrowing.ts'
import { encodePresentation, readPresentation } from '../../src/data/presentation.ts'
import { challengeFor } from '../../src/data/redemption.ts'
import { narrow, OPERATION, type Operation, type Rights } from '../../src/data/rights.ts'
import {
  anyRights,
  BYTES,
  bent,
  chains,
  type Drawn,
  holderAt,
  PURPOSES,
  presentationOf,
  SIX,
  setsOfDrawn,
  setsOfPresented,
  TIMES,
} from '../kit/ping-chains.ts'
import { intersection, isWithin, seePresentation } from '../kit/ping-oracle.ts'
import * as kit from '../kit/pings.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('ping: narrowing')
const CHAINS = 10_000
const SEEN_BY_ORACLE = 100

test('10,000 random chains: what holds is the intersection, what widens anywhere is refused', () => {
  const count = { held: 0, refused: 0, seen: 0, longest: 0 }
  fc.assert(
    fc.property(chains, (drawn) => {
      const sets = drawn.map(setsOfDrawn)
      const narrows = sets.every((each, i) => i === 0 || isWithin(each, sets[i - 1] as (typeof sets)[0]))
      const bytes = presentationOf(drawn)
      if (!narrows) {
        count.refused++
        assert.is(
          codeOf(() => kit.verified(bytes)),
          'narrowing-widens',
        )
        return
      }
      const presented = kit.verified(bytes)
      assert.equal(setsOfPresented(presented), intersection(sets))
      const bounds = drawn.map(({ uses }) => uses).filter((uses) => uses > 0)
      assert.equal(
        presented.counters.map(({ uses }) => uses),
        bounds,
      )
      if (++count.held % (CHAINS / SEEN_BY_ORACLE) === 0) {
        const { grants } = seePresentation(bytes, kit.OWNER.key)
        assert.equal(grants.at(-1)?.[0], presented.rights.holderKey)
        count.seen++
      }
      count.longest = Math.max(count.longest, drawn.length)
    }),
    { numRuns: CHAINS, seed: 4 },
  )
  // both kinds came often, and the long ones too
  assert.ok(count.held > 2_500 && count.refused > 2_500, JSON.stringify(count))
  assert.ok(count.seen > 20 && count.longest === 6, JSON.stringify(count))
})

/** Ways to grant a little more than is held; null where there is no more. */
const WIDER: Readonly<Record<string, (held: Drawn, by: number) => Partial<Drawn> | null>> = {
  operations: ({ operations }, by) => {
    const missing = [1, 2, 4, 8, 16].filter((bit) => (operations & bit) === 0)
    return missing.length === 0 ? null : { operations: operations | (missing[by % missing.length] as number) }
  },
  from: ({ from }) => (from === 0 ? null : { from: from - 1 }),
  to: ({ to }) => ({ to: to + 1 }),
  purposes: ({ purposes }, by) => {
    const missing = [...PURPOSES, 'care ', 'Care'].filter((purpose) => !purposes.includes(purpose))
    return { purposes: [...purposes, missing[by % missing.length] as string] }
  },
  begin: ({ begin }) => (begin === 0 ? null : { begin: begin - 1 }),
  end: ({ end }) => ({ end: end + 1 }),
  uses: ({ uses }) => (uses === 0 ? null : { uses: uses + 1 }),
  'uses without end': ({ uses }) => (uses === 0 ? null : { uses: 0 }),
  visible: ({ visible }, by) => {
    const missing = [1, 2, 4, 8, 16, 32, 64, 2 ** 31].filter((bit) => (visible & bit) === 0)
    return { visible: visible + (missing[by % missing.length] as number) }
  },
}

test('one step too far in one dimension is refused, wherever in the chain', () => {
  const seen = new Map<string, number>()
  const steps = fc.array(anyRights, { minLength: 2, maxLength: 4 })
  const dimension = fc.constantFrom(...Object.keys(WIDER))
  fc.assert(
    fc.property(steps, dimension, fc.nat(7), (raw, name, by) => {
      const drawn: Drawn[] = [{ ...(raw[0] as Drawn), visible: 63 }]
      for (const each of raw.slice(1)) drawn.push(bent(each, drawn.at(-1) as Drawn))
      const at = 1 + (by % (drawn.length - 1))
      const wider = WIDER[name]?.(drawn[at - 1] as Drawn, by) ?? null
      if (wider === null) return
      seen.set(name, (seen.get(name) ?? 0) + 1)
      assert.not.throws(() => kit.verified(presentationOf(drawn)))
      const widened = presentationOf(drawn.with(at, { ...(drawn[at - 1] as Drawn), ...wider }))
      assert.is(
        codeOf(() => kit.verified(widened)),
        'narrowing-widens',
        name,
      )
    }),
    { numRuns: 2_000, seed: 4 },
  )
  for (const name of Object.keys(WIDER)) assert.ok((seen.get(name) ?? 0) > 50, `${name}: ${seen.get(name)}`)
})

test('narrowed twice by two holders, it opens the intersection and nothing more', () => {
  const names = Object.keys(OPERATION) as Operation[]
  const count = { allowed: 0, refused: 0 }
  // three of four choices fall into what is left, so that all of them often do together
  const choice = fc.tuple(fc.nat(3), fc.nat(1_000))
  const wishes = fc.array(fc.tuple(choice, choice, choice, choice, fc.nat(2)), { minLength: 40, maxLength: 40 })
  fc.assert(
    fc.property(fc.tuple(anyRights, anyRights, anyRights), wishes, ([root, second, third], drawnWishes) => {
      const first = { ...root, visible: 63 }
      const toBob = bent(second, first)
      const drawn = [first, toBob, bent(third, toBob)]
      const left = intersection(drawn.map(setsOfDrawn))
      const presentation = presentationOf(drawn)
      const presented = kit.verified(presentation)
      for (const [byOperation, byFrom, byPurpose, byTime, more] of drawnWishes) {
        const operation = names[pick(byOperation, left.operations, names.keys())] as Operation
        const from = pick(byFrom, left.bytes, numbers(BYTES))
        const purpose = pick(byPurpose, left.purposes, [...PURPOSES, 'marketing'])
        const time = pick(byTime, left.times, numbers(TIMES + 1))
        const nowMs = kit.NOW_MS + time
        const bytes = numbers(1 + more).map((i) => from + i)
        const expected =
          left.operations.has(names.indexOf(operation)) &&
          bytes.every((each) => left.bytes.has(each)) &&
          left.purposes.has(purpose) &&
          left.times.has(time)
        const challenge = challengeFor(kit.SERVER, kit.SECRET, kit.fill(16, 8), nowMs)
        const asked = { operation, from, to: from + bytes.length, purpose }
        const sent = kit.answer(presentation, holderAt(2), asked, challenge)
        assert.is(kit.serve(sent, { nowMs, presented }).allowed, expected, JSON.stringify({ drawn, asked, time }))
        count[expected ? 'allowed' : 'refused']++
      }
      for (const [i, disclosure] of SIX.entries()) {
        const shows = presentationOf(drawn, [disclosure])
        if (left.fields.has(i)) assert.equal(kit.verified(shows).fields, [readDisclosure(disclosure)])
        else
          assert.is(
            codeOf(() => kit.verified(shows)),
            'tampered',
          )
      }
    }),
    { numRuns: 60, seed: 4 },
  )
  assert.ok(count.allowed > 200 && count.refused > 1_000, JSON.stringify(count))
})

test('eight narrowings, not nine', () => {
  const ping = kit.mint()
  const same: Rights = { ...kit.ALL_VISIBLE }
  const steps = Array.from({ length: 9 }, () => [kit.ALICE, same] as const)
  const narrowings = kit.chain(ping, steps)
  const eight = encodePresentation({ ping, narrowings: narrowings.slice(0, 8), disclosures: [] })
  assert.is(kit.verified(eight).counters.length, 9)
  const nine = encodePresentation({ ping, narrowings, disclosures: [] })
  assert.is(
    codeOf(() => readPresentation(nine)),
    'bad-shape',
  )
})

test('what no reader would accept is not made, and what widens is refused before it is signed', () => {
  const { tip } = kit.verified(kit.carolsPresentation())
  const held = { tip, rights: kit.TO_BOB }
  const wrong: Record<string, Partial<Rights>> = {
    'bad-argument': { purposes: [] },
    'narrowing-widens': { operations: 31 },
  }
  for (const [code, change] of Object.entries(wrong)) {
    const next = { ...kit.TO_CAROL, ...change }
    assert.is(
      codeOf(() => narrowingMessage(held, next)),
      code,
    )
    assert.is(
      codeOf(() => encodeNarrowing(held, next, kit.fill(64, 0))),
      code,
    )
  }
  for (const change of [
    { operations: 0 },
    { to: 0 },
    { visible: 2 ** 32 },
    { holderKey: tip.slice(1) },
    { uses: 0.5 },
  ]) {
    const rights = { ...kit.TO_CAROL, ...change }
    assert.is(
      codeOf(() => narrowingMessage({ tip, rights }, rights)),
      'bad-argument',
    )
  }
  assert.is(narrow(kit.TO_BOB, kit.TO_CAROL), kit.TO_CAROL)
})

test('the domains are what the oracle thinks they are', () => {
  assert.is(new Set(SIX.map((each) => Buffer.from(fieldDigest(each)).toString('hex'))).size, 6)
  const [a, b] = [setsOfDrawn(drawnOf(0, 4, 2)), setsOfDrawn(drawnOf(1, 4, 1))]
  assert.ok(isWithin(b, a) && !isWithin(a, b))
  assert.ok(!isWithin(setsOfDrawn(drawnOf(1, 4, 0)), a), 'uses without end are more than two')
  assert.equal([...intersection([a, setsOfDrawn(drawnOf(3, 9, 5))]).bytes], [3])
})

function pick<T>([kind, by]: readonly [number, number], inside: ReadonlySet<T>, all: Iterable<T>): T {
  const from = kind > 0 ? [...inside] : [...all]
  return from[by % from.length] as T
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

function drawnOf(from: number, to: number, uses: number): Drawn {
  return { operations: 1, from, to, purposes: ['care'], begin: 0, end: 1, uses, visible: 0 }
}

test.run()

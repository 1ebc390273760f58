/** Redeeming: who may, when, how often, and what every refusal is called. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, toHex } from '../../src/core/bytes.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { encodePresentation } from '../../src/data/presentation.ts'
import { challengeFor, type RedemptionVerdict, readChallenge, readRedemption } from '../../src/data/redemption.ts'
import { readStatusList, type StatusTerms } from '../../src/data/statuslist.ts'
import { readCbor } from '../kit/cddl.ts'
import { digestOf } from '../kit/ping-oracle.ts'
import * as kit from '../kit/pings.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('ping: redemption')
const carol = kit.carolsPresentation(kit.disclosuresOf('title', 'rows'))

test('the last holder gets what is left, wrapped to its own key', () => {
  const verdict = kit.serve(kit.answer(carol, kit.CAROL))
  assert.ok(verdict.allowed)
  assert.equal(verdict.request, kit.REQUEST)
  assert.equal(verdict.agreementKey, kit.CAROL.agreementKey)
  assert.equal(verdict.fields.map(({ name }) => name).sort(), ['rows', 'title'])
  assert.is(verdict.statusAgeMs, 6_000)
  assert.equal(verdict.spending.salt, kit.fill(16, 8))
  assert.is(verdict.spending.untilMs, kit.NOW_MS + LIMITS.pingChallengeMsMax)
  assert.equal(
    verdict.spending.counters.map(({ uses }) => uses),
    [10, 3, 1],
  )
  assert.equal(verdict.spending.counters[0]?.key, concat(kit.TERMS.issuer, kit.TERMS.id))
})

test('nothing but reading is handed a key', () => {
  const blank = encodePresentation({ ping: kit.mint(), narrowings: [], disclosures: [] })
  const keys = (['read', 'derive', 'verify'] as const).map((operation) => {
    const verdict = kit.serve(kit.answer(blank, kit.ALICE, { ...kit.REQUEST, operation }))
    return verdict.allowed ? verdict.agreementKey : verdict.code
  })
  assert.equal(keys, [kit.ALICE.agreementKey, null, null])
})

test('each reason has its own code', () => {
  const allowed = kit.answer(carol, kit.CAROL)
  const revokedList = kit.statusList({ ...kit.STATUS, bits: kit.fill(64, 0xff) })
  const cases: Record<string, RedemptionVerdict> = {
    allowed: kit.serve(allowed),
    revoked: kit.serve(allowed, { statusList: readStatusList(revokedList) }),
    'status-unknown': kit.serve(allowed, { statusList: null }),
    expired: redeemAt(kit.NOW_MS + kit.HOUR_MS),
    'not-yet-valid': redeemAt(kit.GRANT.notBeforeMs - 1),
    'wrong-audience': kit.serve(allowed, { server: kit.fill(32, 8) }),
    'wrong-purpose': kit.serve(kit.answer(carol, kit.CAROL, { ...kit.REQUEST, purpose: 'Research' })),
    'wrong-holder': kit.serve(kit.answer(carol, kit.ALICE)),
    replayed: kit.serve(allowed, { challengesSeen: (salt) => toHex(salt) === toHex(kit.fill(16, 8)) }),
    'stale-challenge': kit.serve(allowed, { nowMs: kit.NOW_MS + LIMITS.pingChallengeMsMax }),
    'used-up': kit.serve(allowed, { usesSpent: () => 1 }),
    'out-of-range': kit.serve(kit.answer(carol, kit.CAROL, { ...kit.REQUEST, to: 65_537 })),
    'operation-not-granted': kit.serve(kit.answer(carol, kit.CAROL, { ...kit.REQUEST, operation: 'derive' })),
    'wrong-file': kit.serve(allowed, { file: { ...kit.FILE, owner: kit.fill(32, 0) } }),
    'wrong-version': kit.serve(allowed, { file: { ...kit.FILE, version: 1 } }),
  }
  for (const [code, verdict] of Object.entries(cases)) {
    assert.is(kit.outcome(verdict), code)
    if (!verdict.allowed) assert.ok(verdict.reason.length > 10 && !verdict.reason.endsWith('.'), code)
  }
})

test('a ping for another server is refused by one that made the challenge itself', () => {
  const ping = kit.mint({ ...kit.TERMS, audience: kit.fill(32, 8) })
  const sent = kit.answer(encodePresentation({ ping, narrowings: [], disclosures: [] }), kit.ALICE)
  assert.is(kit.outcome(kit.serve(sent)), 'wrong-audience')
})

test('only the list that the ping names says anything of it, and only of places that it has', () => {
  const others: Partial<StatusTerms>[] = [
    { issuer: kit.fill(32, 2) },
    { listId: kit.fill(16, 7) },
    { bits: kit.fill(5, 0) },
  ]
  const sent = kit.answer(carol, kit.CAROL)
  for (const terms of others) {
    const statusList = readStatusList(kit.statusList({ ...kit.STATUS, ...terms }))
    assert.is(kit.outcome(kit.serve(sent, { statusList })), 'status-unknown', Object.keys(terms)[0])
  }
})

test('times and ranges are half open', () => {
  assert.is(kit.outcome(redeemAt(kit.GRANT.notBeforeMs)), 'allowed')
  assert.is(kit.outcome(redeemAt(kit.TO_CAROL.expiresMs - 1)), 'allowed')
  assert.is(kit.outcome(redeemAt(kit.TO_CAROL.expiresMs)), 'expired')
  const all = { ...kit.REQUEST, from: kit.TO_CAROL.from, to: kit.TO_CAROL.to }
  assert.is(kit.outcome(kit.serve(kit.answer(carol, kit.CAROL, all))), 'allowed')
  const sent = kit.answer(carol, kit.CAROL)
  assert.is(kit.outcome(kit.serve(sent, { nowMs: kit.NOW_MS })), 'allowed')
  assert.is(kit.outcome(kit.serve(sent, { nowMs: kit.NOW_MS - 1 })), 'stale-challenge')
  assert.is(kit.outcome(kit.serve(sent, { nowMs: kit.NOW_MS + LIMITS.pingChallengeMsMax - 1 })), 'allowed')
})

test('who does not hold the key learns nothing about the state of the ping', () => {
  const stolen = kit.answer(carol, kit.BOB)
  const statusList = readStatusList(kit.statusList({ ...kit.STATUS, bits: kit.fill(64, 0xff) }))
  const given = { statusList, usesSpent: () => 99, challengesSeen: () => true, file: { ...kit.FILE, version: 0 } }
  assert.is(kit.outcome(kit.serve(stolen, given)), 'wrong-holder')
})

test('what was signed for one request, presentation or challenge serves no other', () => {
  const { signature, challenge, presentation, request } = readRedemption(kit.answer(carol, kit.CAROL))
  const ping = kit.mint()
  const narrowings = kit.chain(ping, [
    [kit.ALICE, kit.TO_BOB],
    [kit.BOB, { ...kit.TO_CAROL, uses: 2 }],
  ])
  const others = {
    request: { ...request, to: request.to + 1 },
    challenge: challengeFor(kit.SERVER, kit.SECRET, kit.fill(16, 7), kit.NOW_MS),
    presentation: encodePresentation({ ping, narrowings, disclosures: [] }),
  }
  for (const [name, value] of Object.entries(others)) {
    const redemption = { signature, challenge, presentation, request, [name]: value }
    const presented = kit.verified(redemption.presentation)
    assert.is(kit.outcome(kit.serve(kit.answer(carol, kit.CAROL), { redemption, presented })), 'wrong-holder', name)
  }
})

test('uses are counted for the whole ping and for each part that was passed on', () => {
  const { spend, redeem } = counting()
  const ping = kit.mint()
  const toBob = kit.chain(ping, [[kit.ALICE, kit.TO_BOB]])
  const toBobAgain = kit.chain(ping, [[kit.ALICE, { ...kit.TO_BOB, uses: 9 }]])
  const present = (narrowings: Uint8Array[]) => encodePresentation({ ping, narrowings, disclosures: [] })
  // Bob has three of Alice's ten
  assert.equal(spend(5, present(toBob), kit.BOB), ['allowed', 'allowed', 'allowed', 'used-up', 'used-up'])
  // another part has nine of its own, yet all together have ten; Alice herself shares them
  assert.equal(spend(1, present([]), kit.ALICE), ['allowed'])
  assert.is(spend(9, present(toBobAgain), kit.BOB).filter((code) => code === 'allowed').length, 6)
  assert.is(redeem(present([]), kit.ALICE), 'used-up')
})

test('a part of a part counts against both, whoever redeems it', () => {
  const { redeem } = counting()
  const ping = kit.mint()
  const bobs = kit.chain(ping, [[kit.ALICE, kit.TO_BOB]])
  const carols = (uses: number) => [
    ...bobs,
    ...[kit.pass(kit.verified(presentation(bobs)).tip, { ...kit.TO_CAROL, uses }, kit.BOB)],
  ]
  assert.is(redeem(presentation(carols(2)), kit.CAROL), 'allowed')
  assert.is(redeem(presentation(carols(2)), kit.CAROL), 'allowed')
  assert.is(redeem(presentation(carols(2)), kit.CAROL), 'used-up')
  // Bob passes it on once more under another count, but only one of his three is left
  assert.is(redeem(presentation(carols(3)), kit.CAROL), 'allowed')
  assert.is(redeem(presentation(carols(3)), kit.CAROL), 'used-up')
  assert.is(redeem(presentation(bobs), kit.BOB), 'used-up')

  function presentation(narrowings: Uint8Array[]): Uint8Array {
    return encodePresentation({ ping, narrowings, disclosures: [] })
  }
})

test('a ping without a status list and without a count ends by its time alone', () => {
  const grant = { ...kit.GRANT, uses: 0 }
  const ping = kit.mint({ ...kit.TERMS, status: null, grant })
  const sent = kit.answer(encodePresentation({ ping, narrowings: [], disclosures: [] }), kit.ALICE)
  const verdict = kit.serve(sent, { statusList: null, usesSpent: () => 1e9 })
  assert.ok(verdict.allowed)
  assert.is(verdict.statusAgeMs, null)
  assert.equal(verdict.spending.counters, [])
})

test('a challenge is what the document says, its tag one that only the server makes', () => {
  const bytes = challengeFor(kit.SERVER, kit.SECRET, kit.fill(16, 8), kit.NOW_MS)
  const [version, server, salt, issuedMs, tag] = readCbor(bytes) as [number, Uint8Array, Uint8Array, number, Uint8Array]
  assert.equal([version, server, salt, issuedMs], [1, kit.SERVER, kit.fill(16, 8), kit.NOW_MS])
  const head = (length: number) => (length < 24 ? [0x40 + length] : [0x58, length])
  const time = Buffer.alloc(9)
  time.writeUInt8(0x1b)
  time.writeBigUInt64BE(BigInt(kit.NOW_MS), 1)
  const content = [0x84, ...head(32), ...kit.SECRET, ...head(32), ...kit.SERVER, ...head(16), ...salt, ...time]
  assert.equal(tag, digestOf('webx v1 ping challenge', Uint8Array.from(content)).subarray(0, 16))
  assert.equal(readChallenge(bytes), { server, salt, issuedMs, tag })
})

test('every mutated byte of a redemption is refused', () => {
  const sent = kit.answer(carol, kit.CAROL)
  for (let at = 0; at < sent.length; at++) {
    const mutated = sent.slice()
    mutated[at] = (mutated[at] as number) ^ (1 << (at % 8))
    assert.is.not(outcomeOf(mutated), 'allowed', `byte ${at}`)
  }
  for (let length = 0; length < sent.length; length += 7) assert.is.not(outcomeOf(sent.slice(0, length)), 'allowed')
  assert.is(outcomeOf(concat(sent, kit.fill(1, 0))), 'not-canonical')
  assert.is(outcomeOf(sent), 'allowed')
})

/** 'allowed', or the code of whatever refuses the bytes; anything but a WebxError fails the test. */
function outcomeOf(bytes: Uint8Array): string {
  let outcome = ''
  const code = () => {
    outcome = kit.outcome(kit.serve(bytes))
  }
  try {
    code()
  } catch {
    return codeOf(code)
  }
  return outcome
}

/** Carol redeems at a time, with a challenge of then. */
function redeemAt(nowMs: number): RedemptionVerdict {
  const challenge = challengeFor(kit.SERVER, kit.SECRET, kit.fill(16, 8), nowMs)
  return kit.serve(kit.answer(carol, kit.CAROL, kit.REQUEST, challenge), { nowMs })
}

/** A server that remembers what it must. */
function counting() {
  const spent = new Map<string, number>()
  const seen = new Set<string>()
  let next = 0
  const redeem = (presentation: Uint8Array, by: kit.Holder): string => {
    const challenge = challengeFor(kit.SERVER, kit.SECRET, kit.fill(16, next++), kit.NOW_MS)
    const sent = kit.answer(presentation, by, kit.REQUEST, challenge)
    const given = {
      usesSpent: (key: Uint8Array) => spent.get(toHex(key)) ?? 0,
      challengesSeen: (salt: Uint8Array) => seen.has(toHex(salt)),
    }
    const verdict = kit.serve(sent, given)
    if (!verdict.allowed) return verdict.code
    seen.add(toHex(verdict.spending.salt))
    for (const { key } of verdict.spending.counters) spent.set(toHex(key), (spent.get(toHex(key)) ?? 0) + 1)
    assert.is(kit.outcome(kit.serve(sent, { ...given, usesSpent: () => 0 })), 'replayed')
    return 'allowed'
  }
  const spend = (times: number, presentation: Uint8Array, by: kit.Holder) =>
    Array.from({ length: times }, () => redeem(presentation, by))
  return { spend, redeem }
}

test.run()

/** Status lists: which edition counts, and that a revocation is never taken back. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex } from '../../src/core/bytes.ts'
import { decodeSign1, encodeSign1 } from '../../src/core/cose.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { PING_CONTENT_TYPE } from '../../src/data/ping.ts'
import {
  acceptStatusList,
  encodeStatusList,
  isRevoked,
  readStatusList,
  revoke,
  STATUS_CONTENT_TYPE,
  type StatusTerms,
  statusMessage,
} from '../../src/data/statuslist.ts'
import { readCbor } from '../kit/cddl.ts'
import { seeSign1 } from '../kit/ping-oracle.ts'
import * as kit from '../kit/pings.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('ping: status list')
const held = readStatusList(kit.statusList())

test('an independent reader sees what was meant', () => {
  const { issuer, listId, issuedMs } = kit.STATUS
  const seen = readCbor(seeSign1(kit.statusList(), kit.OWNER.key))
  assert.equal(seen, [1, issuer, 0, listId, 7, issuedMs, fromHex(`02${'00'.repeat(63)}`)])
})

test('bits count from the least significant one, and stay set', () => {
  let bits = kit.fill(4, 0)
  for (const index of [0, 9, 31, 9]) bits = revoke(bits, index)
  assert.equal(bits, fromHex('01020080'))
  const revoked = Array.from({ length: 32 }, (_, index) => isRevoked({ bits }, index))
  assert.equal(
    revoked.flatMap((each, index) => (each ? [index] : [])),
    [0, 9, 31],
  )
  for (const index of [32, -1, 1.5, Number.NaN]) {
    assert.is(
      codeOf(() => revoke(bits, index)),
      'bad-argument',
    )
  }
  assert.is(
    codeOf(() => isRevoked({ bits }, 32)),
    'status-unknown',
  )
})

test('a later edition takes the place of an earlier one, and a copy of it too', () => {
  const next = readStatusList(kit.statusList({ ...kit.STATUS, sequence: 9, bits: revoke(kit.fill(65, 2), 64) }))
  assert.is(acceptStatusList(null, held, kit.OWNER.key), held)
  assert.is(acceptStatusList(held, next, kit.OWNER.key), next)
  assert.equal(acceptStatusList(held, readStatusList(kit.statusList()), kit.OWNER.key), held)
  assert.is(
    codeOf(() => acceptStatusList(next, held, kit.OWNER.key)),
    'wrong-version',
  )
})

test('a later number is not enough: not for a shorter list, an older time, or the list of another header', () => {
  const taken = (terms: Partial<StatusTerms>) => {
    const next = readStatusList(kit.statusList({ ...kit.STATUS, sequence: 9, ...terms }))
    return codeOf(() => acceptStatusList(held, next, kit.OWNER.key))
  }
  assert.is(taken({ bits: held.bits.slice(0, -1) }), 'tampered', 'shorter by what is not revoked')
  assert.is(taken({ issuedMs: held.issuedMs - 1 }), 'wrong-version')
  const { payload, signature } = decodeSign1(kit.statusList())
  for (const header of [{ keyId: kit.fill(32, 2) }, { contentType: PING_CONTENT_TYPE }, { keyId: undefined }]) {
    const { keyId, contentType } = { contentType: STATUS_CONTENT_TYPE, keyId: held.issuer, ...header }
    const document = encodeSign1(payload, signature, { contentType, ...(keyId && { keyId }) })
    assert.is(
      codeOf(() => readStatusList(document)),
      'bad-shape',
    )
  }
})

test('no edition is signed at an older place of the key log than the one before it', () => {
  const edition = (sequence: number, issuerPosition: number) =>
    readStatusList(kit.statusList({ ...kit.STATUS, sequence, issuerPosition }))
  const atFive = acceptStatusList(held, edition(9, 5), kit.OWNER.key)
  assert.is(
    codeOf(() => acceptStatusList(atFive, edition(10, 4), kit.OWNER.key)),
    'wrong-version',
  )
  assert.is(acceptStatusList(atFive, edition(10, 5), kit.OWNER.key).sequence, 10)
})

test('a thief of the key of today has the last word no longer than until the next rotation', () => {
  const edition = (terms: Partial<StatusTerms>) => readStatusList(kit.statusList({ ...kit.STATUS, ...terms }))
  const thiefs = edition({ sequence: Number.MAX_SAFE_INTEGER, issuedMs: kit.NOW_MS + 1e12 })
  const stolen = acceptStatusList(held, thiefs, kit.OWNER.key)
  assert.is(
    codeOf(() => acceptStatusList(stolen, edition({ sequence: 9 }), kit.OWNER.key)),
    'wrong-version',
  )
  const rotated = acceptStatusList(stolen, edition({ sequence: 1, issuerPosition: 1 }), kit.OWNER.key)
  assert.is(rotated.sequence, 1)
  assert.is(
    codeOf(() => acceptStatusList(rotated, thiefs, kit.OWNER.key)),
    'wrong-version',
  )
  assert.is(
    codeOf(() => acceptStatusList(rotated, edition({ issuerPosition: 2, bits: kit.fill(64, 0) }), kit.OWNER.key)),
    'tampered',
  )
})

test('of any two lists at most one way is open', () => {
  const editions = [held, { sequence: 8 }, { sequence: 8, bits: kit.fill(64, 3) }, { bits: kit.fill(64, 0xff) }].map(
    (terms) => readStatusList(kit.statusList({ ...kit.STATUS, ...(terms as Partial<StatusTerms>) })),
  )
  const goes = (a: number, b: number) => {
    try {
      return acceptStatusList(editions[a] as typeof held, editions[b] as typeof held, kit.OWNER.key) !== null
    } catch (error) {
      assert.ok(
        ['wrong-version', 'tampered'].includes(
          codeOf(() => {
            throw error
          }),
        ),
      )
      return false
    }
  }
  for (let a = 0; a < 4; a++) for (let b = 0; b < a; b++) assert.not.ok(goes(a, b) && goes(b, a), `${a}, ${b}`)
  assert.ok(goes(0, 1) && goes(0, 2) && !goes(1, 2) && !goes(0, 3))
})

test('what no reader would accept is not made; what is too long is not read', () => {
  const wrong: Partial<StatusTerms>[] = [
    { listId: kit.fill(15, 6) },
    { bits: kit.fill(0, 0) },
    { bits: kit.fill(LIMITS.statusListBitsMax / 8 + 1, 0) },
    { sequence: -1 },
  ]
  for (const terms of wrong) {
    assert.is(
      codeOf(() => statusMessage({ ...kit.STATUS, ...terms })),
      'bad-argument',
    )
    assert.is(
      codeOf(() => encodeStatusList({ ...kit.STATUS, ...terms }, kit.fill(64, 0))),
      'bad-argument',
    )
  }
  const longest = { ...kit.STATUS, bits: kit.fill(LIMITS.statusListBitsMax / 8, 0) }
  assert.is(readStatusList(kit.statusList(longest)).bits.length, 16_384)
  assert.is(
    codeOf(() => readStatusList(kit.fill(LIMITS.statusListFileBytesMax + 1, 0))),
    'too-long',
  )
})

test('every mutated byte is refused', () => {
  const bytes = kit.statusList()
  for (let at = 0; at < bytes.length; at++) {
    const mutated = bytes.slice()
    mutated[at] = (mutated[at] as number) ^ (1 << (at % 8))
    assert.ok(
      codeOf(() => acceptStatusList(null, readStatusList(mutated), kit.OWNER.key)),
      `byte ${at}`,
    )
  }
})

test.run()

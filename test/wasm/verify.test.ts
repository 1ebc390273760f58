/** Ed25519: vectors, every way round the rule, batches with every pattern of invalid ones, keys that come and go. */

import { generateKeyPairSync, sign as nodeSign, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex } from '../../src/core/bytes.ts'
import {
  createVerifyDoor,
  isKey,
  pinKeys,
  type Signed,
  type VerifyDoor,
  verify,
  verifyBatch,
} from '../../src/wasm/verify.ts'
import { craft, type EdgeCase, edgeCases, flip, ORDER, PRIME, torsion } from '../kit/ed25519.ts'
import { toBytes32, toNumber } from '../kit/scalars.ts'
import { BUILDS } from '../kit/wasm.ts'

interface Vector {
  name: string
  key: string
  message: string
  signature: string
  valid: boolean
}

const FILE = new URL('../vectors/ed25519.json', import.meta.url)
const CASES: EdgeCase[] = (JSON.parse(readFileSync(FILE, 'utf8')) as { cases: Vector[] }).cases.map((vector) => ({
  name: vector.name,
  key: fromHex(vector.key),
  message: fromHex(vector.message),
  signature: fromHex(vector.signature),
  valid: vector.valid,
}))

/** RFC 8032, section 7.1, tests 1 to 3. */
const RFC8032 = [
  ['9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', ''],
  ['4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', '72'],
  ['c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7', 'af82'],
].map(([secret, message]) => ({ secret: fromHex(secret as string), message: fromHex(message as string) }))

const PAIRS = Array.from({ length: 12 }, () => generateKeyPairSync('ed25519'))
const PUBLIC = PAIRS.map(({ publicKey }) => {
  return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
})

/** What the owner of key number `who` signed. */
function signed(who: number, message: Uint8Array): Signed {
  const pair = PAIRS[who % PAIRS.length] as (typeof PAIRS)[number]
  const key = PUBLIC[who % PAIRS.length] as Uint8Array
  return { key, message, signature: new Uint8Array(nodeSign(null, message, pair.privateKey)) }
}

function many(count: number, keys = PAIRS.length): Signed[] {
  return Array.from({ length: count }, (_, i) => signed(i % keys, new Uint8Array(i % 300).fill(i)))
}

function spoil(item: Signed, way: number): Signed {
  const bit = [3, 100, 255, 260, 400, 500][way % 6] as number
  return { ...item, signature: flip(item.signature, bit) }
}

function withBad(items: readonly Signed[], bad: readonly number[]): Signed[] {
  return items.map((item, i) => (bad.includes(i) ? spoil(item, i) : item))
}

function assertVerdicts(door: VerifyDoor, items: readonly Signed[], bad: readonly number[], name: string): void {
  const expected = items.map((_, i) => !bad.includes(i))
  assert.equal(door.verifyBatch(withBad(items, bad)), expected, name)
}

function addToResponse(item: Signed, delta: bigint): Signed {
  const s = (toNumber(item.signature.subarray(32)) + delta + ORDER) % ORDER
  return { ...item, signature: Uint8Array.of(...item.signature.subarray(0, 32), ...toBytes32(s)) }
}

const vectors = suite('vectors/ed25519')

vectors('are what they are named, and judged by @noble/curves as they say', () => {
  const made = edgeCases()
  assert.equal(
    made.map(({ name }) => name),
    CASES.map(({ name }) => name),
  )
  for (const [i, { name, key, message, signature, valid }] of CASES.entries()) {
    assert.equal(made[i], CASES[i], name)
    assert.is(ed25519.verify(signature, message, key, { zip215: false }), valid, name)
  }
})

vectors('the door that all share', () => {
  const [good, other] = many(2) as [Signed, Signed]
  assert.ok(isKey(good.key))
  assert.not.ok(isKey(torsion(1).toBytes()))
  assert.ok(verify(...parts(good)))
  assert.equal(verifyBatch([spoil(good, 0), other]), [false, true])
  assert.is(pinKeys([good.key]), 1)
  assert.is(pinKeys([]), 0)
})

vectors.run()

for (const build of BUILDS) {
  const test = suite(`wasm/verify ${build}`)
  const shared = createVerifyDoor({ build, random: randomBytes })

  test('RFC 8032, tests 1 to 3', () => {
    for (const { secret, message } of RFC8032) {
      const [key, signature] = [ed25519.getPublicKey(secret), ed25519.sign(message, secret)]
      assert.ok(shared.isKey(key))
      assert.ok(shared.verify(key, message, signature))
      assert.not.ok(shared.verify(key, Uint8Array.of(...message, 0), signature))
    }
  })

  test('every edge case: alone, key unknown or kept, and in a batch of all', () => {
    for (const { name, key, message, signature, valid } of CASES) {
      assert.is(shared.verify(key, message, signature), valid, name)
    }
    const expected = CASES.map(({ valid }) => valid)
    for (let round = 0; round < 4; round++) assert.equal(shared.verifyBatch(CASES), expected)
    for (const { name, key, message, signature, valid } of CASES) {
      assert.is(shared.verify(key, message, signature), valid, `${name}, kept`)
    }
    const valid = CASES.filter((item) => item.valid)
    assert.ok(shared.verifyBatch([...valid].reverse()).every(Boolean))
  })

  test('what is a key: against the oracle at encodings at the edges of limbs', () => {
    // bit lengths of the ten limbs add up to 255; each is empty, 1, one less than full, or full
    const limb = fc.constantFrom(0n, 1n, -2n, -1n)
    const encodings = fc.tuple(fc.array(limb, { minLength: 10, maxLength: 10 }), fc.boolean()).map(([limbs, sign]) => {
      let bit = 0n
      let value = sign ? 1n << 255n : 0n
      limbs.forEach((chosen, i) => {
        const bits = BigInt(26 - (i & 1))
        value |= BigInt.asUintN(Number(bits), chosen) << bit
        bit += bits
      })
      return toBytes32(value)
    })
    fc.assert(
      fc.property(encodings, (bytes) => {
        assert.is(shared.isKey(bytes), isKeyForOracle(bytes), Buffer.from(bytes).toString('hex'))
      }),
      { numRuns: 300 },
    )
  })

  test('what is a key: small order, no point, not canonical', () => {
    for (let i = 0; i < 8; i++) assert.not.ok(shared.isKey(torsion(i).toBytes()), `torsion ${i}`)
    for (let y = PRIME; y < 1n << 255n; y++) {
      for (const bytes of [toBytes32(y), toBytes32(y | (1n << 255n))])
        assert.not.ok(shared.isKey(bytes), `p + ${y - PRIME}`)
    }
    for (let y = 0n; y < 40n; y++) assert.is(shared.isKey(toBytes32(y)), isKeyForOracle(toBytes32(y)), `y = ${y}`)
    for (const key of PUBLIC) assert.ok(shared.isKey(key))
    assert.is(shared.pin(PUBLIC), PUBLIC.length)
    for (const [i, key] of PUBLIC.entries()) {
      assert.ok(shared.isKey(key))
      const other = flip(key, 64 + 15 * i)
      assert.is(shared.isKey(other), isKeyForOracle(other), 'alike in the first bytes')
    }
    shared.pin([])
  })

  test('every length of message around the blocks of SHA-512, and long ones', () => {
    for (const length of [0, 1, 46, 47, 48, 63, 64, 65, 127, 128, 175, 176, 191, 192, 4095, 4096, 4097, 8192, 70_001]) {
      const item = signed(
        length,
        Uint8Array.from({ length }, (_, i) => i * 7),
      )
      assert.ok(shared.verify(item.key, item.message, item.signature), `${length}`)
      if (length === 0) continue
      const message = flip(item.message, 8 * length - 1)
      assert.not.ok(shared.verify(item.key, message, item.signature), `${length}, last bit`)
    }
  })

  test('batches of every size, with every pattern of invalid ones', () => {
    for (const count of [1, 2, 3, 4, 5, 24, 25, 63, 64, 65, 200]) {
      const items = many(count)
      const patterns = [[], [0], [count - 1], [0, count - 1], [count >> 1, (count >> 1) + 1], [...items.keys()]]
      for (const bad of patterns) assertVerdicts(shared, items, bad, `${count}: ${bad}`)
    }
    assert.equal(shared.verifyBatch([]), [])
    const items = many(25)
    for (let i = 0; i < 25; i++) assertVerdicts(shared, items, [i], `25: ${i}`)
  })

  test('one key many times, one item many times', () => {
    const items = many(40, 1)
    assertVerdicts(shared, items, [], 'one key')
    assertVerdicts(shared, items, [7, 8, 39], 'one key, three bad')
    const same = Array.from({ length: 70 }, () => items[5] as Signed)
    assertVerdicts(shared, same, [], 'one item')
    assertVerdicts(shared, same, [64], 'one item, one of them bad')
  })

  test('two invalid ones that would cancel are refused, but for coefficients that are known', () => {
    const delta = 0x123456789abcdefn
    const [one, two, ...others] = many(5) as [Signed, Signed, ...Signed[]]
    const cancelling = [addToResponse(one, delta), addToResponse(two, -delta), ...others]
    for (let i = 0; i < 20; i++) {
      assert.equal(shared.verifyBatch(cancelling), [false, false, true, true, true])
    }
    const equal = createVerifyDoor({ build, random: (length) => new Uint8Array(length).fill(9) })
    assert.equal(equal.verifyBatch(cancelling), [true, true, true, true, true], 'the case is a sharp one')
    const none = createVerifyDoor({ build, random: null })
    assert.equal(none.verifyBatch(cancelling), [false, false, true, true, true], 'without chance, one by one')
    const weighted = [addToResponse(one, 2n * delta), addToResponse(two, -delta)]
    const random = (length: number) =>
      Uint8Array.from({ length }, (_, i) => ([1, 2][i >> 4] as number) * Number(i % 16 === 0))
    assert.equal(
      createVerifyDoor({ build, random }).verifyBatch(weighted),
      [true, true],
      'coefficients are bytes in order',
    )
    const zero = createVerifyDoor({ build, random: (length) => new Uint8Array(length) })
    assert.equal(zero.verifyBatch(withBad([one, two], [1])), [true, false], 'a coefficient of 0 counts as 1')
  })

  test('keys that come and go, more than there is room for', () => {
    const batches = fc.array(fc.array(fc.tuple(fc.nat(11), fc.nat(5)), { minLength: 1, maxLength: 9 }), {
      maxLength: 30,
    })
    const pins = fc.array(fc.nat(11), { maxLength: 4 })
    const items = PAIRS.map((_, who) => signed(who, Uint8Array.of(who)))
    fc.assert(
      fc.property(batches, pins, fc.integer({ min: 1, max: 4 }), (calls, pinned, keys) => {
        const door = createVerifyDoor({ build, random: randomBytes, keys })
        assert.is(door.pin(pinned.map((who) => PUBLIC[who] as Uint8Array)) > 0, pinned.length > 0)
        for (const call of calls) {
          const bad = call.flatMap(([, way], i) => (way === 0 ? [i] : []))
          const batch = call.map(([who]) => items[who] as Signed)
          if (batch.length > 1) assertVerdicts(door, batch, bad, 'batch')
          else assert.is(door.verify(...parts(withBad(batch, bad)[0] as Signed)), bad.length === 0)
        }
      }),
      { numRuns: 25 },
    )
  })

  test('pinned keys: as many as there is room, and no longer than until others are', () => {
    const door = createVerifyDoor({ build, random: randomBytes, keys: 3 })
    assert.is(door.pin(PUBLIC.slice(0, 5)), 3)
    assert.is(door.pin(PUBLIC.slice(2, 4)), 2)
    assert.is(door.pin([torsion(3).toBytes(), toBytes32(2n), PUBLIC[7] as Uint8Array]), 1)
    assert.is(door.pin([]), 0)
    assert.is(door.pin([PUBLIC[1] as Uint8Array, PUBLIC[1] as Uint8Array]), 2)
    for (let round = 0; round < 4; round++) assertVerdicts(door, many(30), [4], 'with pinned keys')
  })

  test('arbitrary signatures and changes, the same verdict as the oracle', () => {
    const fewBytes = fc.uint8Array({ maxLength: 80 })
    const change = fc.option(fc.nat(8 * 64 - 1), { freq: 2 })
    const twist = fc.tuple(fc.nat(7), fc.nat(7), fc.bigInt(1n, ORDER - 1n), fc.bigInt(0n, ORDER - 1n))
    fc.assert(
      fc.property(fewBytes, twist, change, (message, [keyTorsion, nonceTorsion, a, r], bit) => {
        const made = craft({ message, keyTorsion, nonceTorsion, a, r })
        const signature = bit === null ? made.signature : flip(made.signature, bit)
        const expected = ed25519.verify(signature, message, made.key, { zip215: false })
        assert.is(shared.verify(made.key, message, signature), expected)
        assert.equal(shared.verifyBatch([made, { ...made, signature }]), [true, expected])
      }),
      { numRuns: 40 },
    )
  })

  test('what is no signature is false, what is no key or message is refused', () => {
    const { key, message, signature } = signed(0, Uint8Array.of(1))
    for (const length of [0, 32, 63]) assert.not.ok(shared.verify(key, message, signature.subarray(0, length)))
    assert.not.ok(shared.verify(key, message, Uint8Array.of(...signature, 0)))
    const short = { key, message, signature: signature.subarray(1) }
    assert.equal(shared.verifyBatch([short, { key, message, signature }, short]), [false, true, false])
    assert.equal(shared.verifyBatch([short]), [false])
    assert.throws(() => shared.verify(key.subarray(1), message, signature), /key: expected 32 bytes, got 31/)
    assert.throws(() => shared.isKey(new Uint8Array(33)), RangeError)
    assert.throws(() => shared.isKey('key' as never), TypeError)
    assert.throws(() => shared.verify(key, 'text' as never, signature), /message: expected a Uint8Array, got string/)
    assert.throws(() => shared.verify(key, message, null as never), /signature: expected a Uint8Array, got null/)
    assert.throws(() => shared.verifyBatch([{ key: signature, message, signature }]), RangeError)
    assert.throws(() => shared.pin([message]), RangeError)
    for (const keys of [0, 1025, 1.5])
      assert.throws(() => createVerifyDoor({ build, keys }), /keys: expected an integer/)
    const door = createVerifyDoor({ build, random: () => new Uint8Array(3) })
    assert.throws(() => door.verifyBatch(many(2)), /random\(\): expected 32 bytes, got 3/)
  })

  test.run()
}

function isKeyForOracle(bytes: Uint8Array): boolean {
  try {
    return !ed25519.Point.fromBytes(bytes, false).isSmallOrder()
  } catch {
    // noble throws where the bytes are no point
    return false
  }
}

function parts({ key, message, signature }: Signed): [Uint8Array, Uint8Array, Uint8Array] {
  return [key, message, signature]
}

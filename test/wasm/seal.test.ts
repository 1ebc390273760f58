/** The AEADs: the RFC's and the draft's vectors, arbitrary inputs against @noble/ciphers, tampering, wiping. */

import { chacha20, chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, fromText, toHex } from '../../src/core/bytes.ts'
import { instantiate } from '../../src/wasm/load.ts'
import { createSealDoor, open, openInto, openX, type SealDoor, seal, sealInto, sealX } from '../../src/wasm/seal.ts'
import { BUILDS, memoryOf } from '../kit/wasm.ts'

const pattern = (length: number, from = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => (from + i) % 256)
const LADIES = fromText(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
)
const DRAFTS = fromText(
  'Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, or obsoleted ' +
    'by other documents at any time. It is inappropriate to use Internet-Drafts as reference material or to cite them ' +
    'other than as /“work in progress./”',
)
/**
 * About the edges of blocks of 16, of keystream of 64 and 256 (the first 64 are the one-time key), and of both slices.
 */
const EDGES = [
  0, 1, 15, 16, 17, 63, 64, 65, 191, 192, 193, 255, 256, 257, 447, 448, 449, 511, 512, 513, 8191, 8192, 8193,
]
const LONG = [16_383, 16_384, 16_385, 24_576, 32_768, 50_001]

interface Vector {
  name: string
  key: Uint8Array
  nonce: Uint8Array
  aad: Uint8Array
  plaintext: Uint8Array
  sealed: string
}

const VECTORS: Vector[] = [
  {
    name: 'RFC 8439, 2.8.2',
    key: pattern(32, 0x80),
    nonce: fromHex('070000004041424344454647'),
    aad: fromHex('50515253c0c1c2c3c4c5c6c7'),
    plaintext: LADIES,
    sealed:
      'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b29' +
      '05d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b' +
      '61161ae10b594f09e26a7e902ecbd0600691',
  },
  {
    name: 'RFC 8439, A.5',
    key: fromHex('1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0'),
    nonce: fromHex('000000000102030405060708'),
    aad: fromHex('f33388860000000000004e91'),
    plaintext: DRAFTS,
    sealed:
      '64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100' +
      'd4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c8559797a06ef4f0ef61c186324e2b350638' +
      '3606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa115' +
      '5b0047718cbc546a0d072b04b3564eea1b422273f548271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10' +
      '49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709beead9d67890cbb22392336fea1851f' +
      '38',
  },
  {
    name: 'draft-irtf-cfrg-xchacha-03, A.3.1',
    key: pattern(32, 0x80),
    nonce: pattern(24, 0x40),
    aad: fromHex('50515253c0c1c2c3c4c5c6c7'),
    plaintext: LADIES,
    sealed:
      'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216' +
      'cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13' +
      'b52ec0875924c1c7987947deafd8780acf49',
  },
]

for (const build of BUILDS) {
  const test = suite(`wasm/seal ${build}`)
  const door = createSealDoor(build)

  for (const { name, key, nonce, aad, plaintext, sealed } of VECTORS) {
    test(name, () => {
      assert.is(toHex(sealWith(door, key, nonce, plaintext, aad)), sealed)
      assert.equal(openWith(door, key, nonce, fromHex(sealed), aad), plaintext)
    })
  }

  test('HChaCha20, draft-irtf-cfrg-xchacha-03, 2.2.1: the subkey seals the same under ChaCha20', () => {
    const nonce = fromHex('000000090000004a0000000031415927')
    const subkey = fromHex('82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc')
    const tail = pattern(8, 1)
    const extended = sealWith(door, pattern(32), Uint8Array.of(...nonce, ...tail), LADIES)
    assert.equal(extended, sealWith(door, subkey, Uint8Array.of(0, 0, 0, 0, ...tail), LADIES))
  })

  test('every edge of length, with and without associated data, both nonces', () => {
    for (const length of [...EDGES, ...LONG]) {
      for (const nonce of [pattern(12, 3), pattern(24, 5)]) {
        for (const aad of [new Uint8Array(0), pattern(length % 77), pattern(length < 600 ? 20_000 : 17)]) {
          const plaintext = pattern(length, 9)
          const sealed = oracle(nonce)(pattern(32), nonce, aad).encrypt(plaintext)
          const name = `${length} bytes, ${aad.length} of associated data, nonce of ${nonce.length}`
          assert.ok(Buffer.from(sealWith(door, pattern(32), nonce, plaintext, aad)).equals(sealed), name)
          assert.ok(Buffer.from(openWith(door, pattern(32), nonce, sealed, aad) ?? []).equals(plaintext), name)
        }
      }
    }
  })

  test('arbitrary content against the oracle', () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
    const nonces = fc.oneof(bytes(12), bytes(24))
    const texts = fc.uint8Array({ maxLength: 1500 })
    fc.assert(
      fc.property(bytes(32), nonces, texts, fc.uint8Array({ maxLength: 100 }), (key, nonce, plaintext, aad) => {
        const sealed = sealWith(door, key, nonce, plaintext, aad)
        assert.equal(sealed, oracle(nonce)(key, nonce, aad).encrypt(plaintext))
        assert.equal(openWith(door, key, nonce, sealed, aad), plaintext)
      }),
      { numRuns: 100 },
    )
  })

  test('accumulators at the edges of 2^130 − 5', () => {
    // solves for the associated data after which, with the block of lengths, the accumulator is exactly `wanted`
    let tried = 0
    for (const blocks of [1, 2, 17, 20]) {
      for (const wanted of [0n, 1n, 4n, 5n, P - 1n, P - 2n, P - 5n, 1n << 128n, (1n << 128n) - 1n]) {
        for (let salt = 0; salt < 40; salt++) {
          const nonce = pattern(12, salt)
          const aad = aadFor(pattern(32), nonce, blocks, wanted)
          if (aad === null) continue
          tried++
          const sealed = chacha20poly1305(pattern(32), nonce, aad).encrypt(new Uint8Array(0))
          assert.equal(sealWith(door, pattern(32), nonce, new Uint8Array(0), aad), sealed, `${blocks}, ${wanted}`)
          break
        }
      }
    }
    assert.is(tried, 36)
  })

  test('any changed bit is refused, and nothing comes out', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.constantFrom(12, 24),
        fc.nat(),
        fc.constantFrom('key', 'nonce', 'sealed', 'aad'),
        (plaintext, aad, nonceLength, place, part) => {
          const parts: Record<typeof part, Uint8Array> = {
            key: pattern(32),
            nonce: pattern(nonceLength),
            sealed: new Uint8Array(0),
            aad,
          }
          parts.sealed = sealWith(door, parts.key, parts.nonce, plaintext, aad)
          parts[part] = flip(parts[part], place)
          const out = new Uint8Array(plaintext.length).fill(0xaa)
          assert.is(door.openInto(out, parts.key, parts.nonce, parts.sealed, parts.aad), false)
          assert.ok(out.every((byte) => byte === 0))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('a cut or lengthened message is refused, also across slices', () => {
    for (const length of [0, 1, 64, 40_000]) {
      const sealed = sealWith(door, pattern(32), pattern(12), pattern(length))
      assert.is(openWith(door, pattern(32), pattern(12), sealed.subarray(0, -1)), null)
      assert.is(openWith(door, pattern(32), pattern(12), sealed.subarray(1)), null)
      assert.is(openWith(door, pattern(32), pattern(12), Uint8Array.of(...sealed, 0)), null)
      assert.is(openWith(door, pattern(32), pattern(12), sealed.subarray(0, 15)), null)
      assert.is(openWith(door, pattern(32), pattern(12), new Uint8Array(0)), null)
    }
  })

  test('in place, from the same start only', () => {
    const buffer = new Uint8Array(40_016)
    buffer.set(pattern(40_000))
    door.sealInto(buffer, pattern(32), pattern(24), buffer.subarray(0, 40_000))
    assert.ok(Buffer.from(buffer).equals(sealWith(door, pattern(32), pattern(24), pattern(40_000))))
    assert.throws(() => door.sealInto(buffer, pattern(32), pattern(24), buffer.subarray(16)), /overlaps/)
    assert.ok(door.openInto(buffer.subarray(0, 40_000), pattern(32), pattern(24), buffer))
    assert.ok(Buffer.from(buffer.subarray(0, 40_000)).equals(pattern(40_000)))
  })

  test('the kernel keeps nothing', () => {
    const clean = memoryOf(instantiate('seal', build))
    const kernel = instantiate<Kernel>('seal', build)
    const memory = new Uint8Array(kernel.memory.buffer)
    const start = (nonceLength: number): void => {
      memory.set(pattern(32, 1), kernel.key.value)
      memory.set(pattern(nonceLength, 1), nonceLength === 12 ? kernel.nonce.value : kernel.nonceX.value)
    }
    const isClean = (name: string): void => assert.ok(Buffer.from(memoryOf(kernel)).equals(clean), name)
    for (const nonceLength of [12, 24]) {
      for (const [aadLength, length] of [0, 1, 333, 1024].flatMap((a) =>
        [0, 1, 65, 10_001, 16_384].map((l) => [a, l]),
      )) {
        const lengths = [nonceLength, aadLength as number, length as number] as const
        start(nonceLength)
        memory.set(pattern(lengths[1], 1), kernel.aad.value)
        memory.set(pattern(lengths[2], 1), kernel.data.value)
        kernel.sealShort(...lengths)
        const sealed = memory.slice(kernel.data.value, kernel.data.value + lengths[2] + 16)
        kernel.wipe(lengths[2], lengths[1])
        isClean(`sealed ${lengths}`)
        for (const authentic of [1, 0]) {
          start(nonceLength)
          memory.set(pattern(lengths[1], 1), kernel.aad.value)
          memory.set(authentic === 1 ? sealed : flip(sealed, 0), kernel.data.value)
          assert.is(kernel.openShort(...lengths), authentic)
          kernel.wipe(lengths[2], lengths[1])
          isClean(`opened ${lengths}: ${authentic}`)
        }
      }
      start(nonceLength)
      kernel.begin(nonceLength)
      memory.set(pattern(333), kernel.data.value)
      kernel.associate(333)
      memory.set(pattern(16_384), kernel.data.value)
      kernel.seal(16_384)
      kernel.open(10_001)
      kernel.finish()
      kernel.wipe(16_384, 0)
      isClean(`a long message, nonce of ${nonceLength}`)
    }
    start(24)
    kernel.subkey()
    kernel.wipe(0, 0)
    isClean('the subkey')
  })

  test('misuse is refused', () => {
    const [key, nonce, text] = [pattern(32), pattern(12), pattern(10)]
    assert.throws(() => sealWith(door, key.subarray(1), nonce, text), /key: expected 32 bytes, got 31/)
    assert.throws(() => sealWith(door, key, pattern(16), text), /nonce: expected 12 or 24 bytes, got 16/)
    assert.throws(() => sealWith(door, key, nonce, text, 'aad' as never), /aad: expected a Uint8Array/)
    assert.throws(() => door.sealInto(new Uint8Array(25), key, nonce, text), /out: expected 26 bytes, got 25/)
    assert.throws(() => door.openInto(new Uint8Array(5), key, nonce, pattern(20)), /out: expected 4 bytes, got 5/)
    assert.throws(() => door.openInto(new Uint8Array(4), key, nonce, null as never), /sealed: .* got null/)
  })

  test.run()
}

const conveniences = suite('wasm/seal conveniences')

conveniences('use the default build, and each its own length of nonce', () => {
  const [key, text, aad] = [pattern(32), pattern(100), pattern(7)]
  const sealed = seal(key, pattern(12), text, aad)
  assert.equal(sealed, chacha20poly1305(key, pattern(12), aad).encrypt(text))
  assert.equal(open(key, pattern(12), sealed, aad), text)
  assert.is(open(key, pattern(12), sealed), null)
  assert.is(open(key, pattern(12), pattern(3)), null)
  const sealedX = sealX(key, pattern(24), text, aad)
  assert.equal(sealedX, xchacha20poly1305(key, pattern(24), aad).encrypt(text))
  assert.equal(openX(key, pattern(24), sealedX, aad), text)
  assert.throws(() => seal(key, pattern(24), text), /nonce: expected 12 bytes, got 24/)
  assert.throws(() => openX(key, pattern(12), sealedX), /nonce: expected 24 bytes, got 12/)
  const out = new Uint8Array(116)
  sealInto(out, key, pattern(24), text, aad)
  assert.equal(out, sealedX)
  assert.ok(openInto(out.subarray(0, 100), key, pattern(24), sealedX, aad))
  assert.equal(out.slice(0, 100), text)
})

conveniences.run()

interface Kernel {
  readonly memory: WebAssembly.Memory
  readonly key: WebAssembly.Global
  readonly nonce: WebAssembly.Global
  readonly nonceX: WebAssembly.Global
  readonly aad: WebAssembly.Global
  readonly data: WebAssembly.Global
  sealShort(nonceLength: number, aadLength: number, textLength: number): void
  openShort(nonceLength: number, aadLength: number, textLength: number): number
  begin(nonceLength: number): void
  associate(length: number): void
  seal(length: number): void
  open(length: number): void
  finish(): void
  subkey(): void
  wipe(textLength: number, aadLength: number): void
}

function sealWith(
  door: SealDoor,
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  aad?: Uint8Array,
): Uint8Array {
  const out = new Uint8Array(plaintext.length + 16)
  door.sealInto(out, key, nonce, plaintext, aad)
  return out
}

function openWith(
  door: SealDoor,
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  aad?: Uint8Array,
): Uint8Array | null {
  const out = new Uint8Array(Math.max(0, sealed.length - 16))
  return door.openInto(out, key, nonce, sealed, aad) ? out : null
}

function oracle(nonce: Uint8Array): typeof chacha20poly1305 {
  return nonce.length === 12 ? chacha20poly1305 : xchacha20poly1305
}

function flip(bytes: Uint8Array, place: number): Uint8Array {
  const changed = bytes.slice()
  const at = (place >> 3) % changed.length
  changed[at] = (changed[at] as number) ^ (1 << (place & 7))
  return changed
}

const P = (1n << 130n) - 5n
const BIT = 1n << 128n

/**
 * `blocks` blocks of associated data for which Poly1305's accumulator, after the block of lengths (and no text), is
 * `wanted` modulo P; null if this nonce's key has no such last block.
 */
function aadFor(key: Uint8Array, nonce: Uint8Array, blocks: number, wanted: bigint): Uint8Array | null {
  const r = number(chacha20(key, nonce, new Uint8Array(16))) & 0x0ffffffc0ffffffc0ffffffc0fffffffn
  const inverse = power(r, P - 2n)
  const aad = pattern(16 * blocks, 77)
  let sum = 0n
  for (let i = 0; i < blocks - 1; i++) sum = ((sum + BIT + number(aad.subarray(16 * i, 16 * i + 16))) * r) % P
  const lengths = BIT + BigInt(aad.length)
  const last = ((wanted * inverse - lengths) * inverse - sum) % P
  const block = (last < 0n ? last + P : last) - BIT
  if (block < 0n || block >= BIT) return null
  for (let i = 0; i < 16; i++) aad[16 * (blocks - 1) + i] = Number((block >> BigInt(8 * i)) & 255n)
  return aad
}

function number(littleEndian: Uint8Array): bigint {
  return littleEndian.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % P) {
    if (rest & 1n) result = (result * square) % P
  }
  return result
}

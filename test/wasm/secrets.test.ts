/**
 * Sealing, opening, and the match of one to a few go the same way over the same addresses whatever the key, the text,
 * the probe and the templates are. What is not so is seen, or these tests would prove nothing.
 */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readKernel } from '../../src/drivers/wasm-files.ts'
import { parting, type Traced, traced } from '../kit/trace.ts'
import { BUILDS } from '../kit/wasm.ts'

type Functions = Record<string, (...numbers: number[]) => number>

/** Bytes that differ in every way that matters: all clear, all set, one bit, and two of no pattern. */
const CONTENTS: ((length: number, salt: number) => Uint8Array)[] = [
  (length) => new Uint8Array(length),
  (length) => new Uint8Array(length).fill(0xff),
  (length) => new Uint8Array(length).fill(0x80, length - 1),
  (length, salt) => noise(length, salt + 1),
  (length, salt) => noise(length, salt + 77),
]
const TEXTS = [0, 1, 15, 16, 64, 191, 192, 193, 255, 256, 257, 300, 1000, 5000]
const AADS = [0, 13, 300]

for (const build of BUILDS) {
  const test = suite(`wasm/secrets ${build}`)
  const seal = traced(readKernel('seal')[build])
  const match = traced(readKernel('match')[build])
  const sealing = seal.exports as Functions
  const matching = match.exports as Functions

  test('sealing and opening a short message show its lengths alone', () => {
    for (const nonceLength of [12, 24]) {
      for (const aadLength of AADS) {
        for (const textLength of TEXTS) {
          const lengths = [nonceLength, aadLength, textLength] as const
          const sealed = CONTENTS.map((content) => {
            write(seal, content, nonceLength)
            put(seal, 'aad', content(aadLength, 3))
            put(seal, 'data', content(textLength, 4))
            const shows = seal.run(() => sealing['sealShort']?.(...lengths))
            const text = read(seal, 'data', textLength + 16)
            sealing['wipe']?.(textLength, aadLength)
            return { content, text, shows }
          })
          same(seal, sealed, `sealing ${lengths}`)
          const opened = sealed.map(({ content, text }) => ({ shows: opening(content, text, lengths, 1) }))
          same(seal, opened, `opening ${lengths}`)
          const forged = sealed.flatMap(({ content, text }) =>
            [0, 63, 127].map((bit) => ({ shows: opening(content, flipped(text, 8 * textLength + bit), lengths, 0) })),
          )
          same(seal, forged, `refusing ${lengths}`)
          const verdict = parting(seal, one(forged), one(opened)) ?? 'no difference'
          assert.match(verdict, /\(if .* saw [01], \(if .* saw [01]$/s, 'the verdict is all that differs')
        }
      }
    }
  })

  test('a long message, too', () => {
    for (const nonceLength of [12, 24]) {
      const runs = CONTENTS.map((content) => {
        const shows: Float64Array[] = []
        const step = (action: () => void) => shows.push(seal.run(action))
        write(seal, content, nonceLength)
        step(() => sealing['begin']?.(nonceLength))
        for (const length of [16_384, 100]) {
          put(seal, 'data', content(length, 5))
          step(() => sealing['associate']?.(length))
        }
        for (const length of [16_384, 777]) {
          put(seal, 'data', content(length, 6))
          step(() => sealing['seal']?.(length))
          step(() => sealing['open']?.(length))
        }
        step(() => sealing['finish']?.())
        step(() => sealing['verify']?.())
        write(seal, content, 24)
        step(() => sealing['subkey']?.())
        step(() => sealing['wipe']?.(16_384, 0))
        return { shows: Float64Array.from(shows.flatMap((part) => Array.from(part))) }
      })
      assert.ok(one(runs).length > 10_000)
      same(seal, runs, `nonce of ${nonceLength}`)
    }
  })

  test('the sealing kernel has no instruction that takes longer for some numbers', () => {
    assert.ok(seal.places.length > 100)
    assert.equal(
      seal.places.filter((place) => /^\([a-z0-9]+\.(div|rem|sqrt)/.test(place)),
      [],
    )
  })

  test('the match of one to a few shows the dimensions alone', () => {
    for (const dimensions of [16, 128, 512]) {
      const pairs = CONTENTS.flatMap((probe) => CONTENTS.map((few) => [probe, few] as const))
      const verdicts = new Set<number | undefined>()
      const any = pairs.map(([probe, few]) => {
        put(match, 'probe', probe(dimensions, 1))
        put(match, 'few', few(16 * dimensions, 1))
        return { shows: match.run(() => verdicts.add(matching['anyOfFew']?.(dimensions, 0.25))) }
      })
      same(match, any, `matchesAny, ${dimensions} dimensions`)
      assert.is(verdicts.size, 2, 'both verdicts were among them')
      const best = pairs.flatMap(([probe, few]) =>
        [1, 7, 16].map((count) => {
          put(match, 'probe', probe(dimensions, 1))
          put(match, 'few', few(count * dimensions, 1))
          return { shows: match.run(() => matching['bestOfFew']?.(count, dimensions)) }
        }),
      )
      same(match, best, `bestDot, ${dimensions} dimensions`)
    }
  })

  test('what depends on content is seen to: lengths, and the quantization of templates', () => {
    const shows = [64, 65, 80].map((length) => {
      write(seal, CONTENTS[0] as (typeof CONTENTS)[0], 24)
      return seal.run(() => sealing['sealShort']?.(24, 0, length))
    })
    assert.match(parting(seal, shows[0] as Float64Array, shows[1] as Float64Array) ?? '', /step/)
    assert.match(parting(seal, shows[1] as Float64Array, shows[2] as Float64Array) ?? '', /step/)
    const quantized = [1, 2].map((value) => {
      put(match, 'probe', new Uint8Array(Float32Array.from({ length: 64 }, (_, i) => value + i).buffer))
      return match.run(() => matching['quantize']?.(64, 100))
    })
    assert.match(parting(match, quantized[0] as Float64Array, quantized[1] as Float64Array) ?? '', /sqrt|div/)
  })

  function opening(
    content: (typeof CONTENTS)[0],
    sealed: Uint8Array,
    lengths: readonly [number, number, number],
    verdict: number,
  ): Float64Array {
    write(seal, content, lengths[0])
    put(seal, 'aad', content(lengths[1], 3))
    put(seal, 'data', sealed)
    let answer: number | undefined
    const shows = seal.run(() => {
      answer = sealing['openShort']?.(...lengths)
    })
    sealing['wipe']?.(lengths[2], lengths[1])
    assert.is(answer, verdict)
    return shows
  }

  test.run()
}

const controls = suite('wasm/secrets: leaks that must be seen')

const LEAKS: Record<string, string> = {
  'a comparison that stops early': `
    (block $done (result i32)
      (loop $next
        (drop (br_if $done (local.get $i)
          (i32.ne (i32.load8_u (local.get $i)) (i32.load8_u offset=16 (local.get $i)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 16))))
      (i32.const -1))`,
  'a look-up in a table': '(i32.load8_u offset=64 (i32.load8_u (i32.const 0)))',
  'a store at a secret place': '(i32.store8 offset=64 (i32.load8_u (i32.const 0)) (i32.const 1)) (i32.const 0)',
  'a vector from a table': '(i32x4.extract_lane 0 (v128.load32_splat offset=64 (i32.load8_u (i32.const 0))))',
  'a choice': '(select (i32.const 1) (i32.const 2) (i32.load8_u (i32.const 0)))',
  'a branch': '(if (result i32) (i32.load8_u (i32.const 0)) (then (i32.const 1)) (else (i32.const 2)))',
  'a jump': '(block $b (block $a (br_table $a $b (i32.load8_u (i32.const 0))))) (i32.const 0)',
  'a remainder': '(i32.rem_u (i32.load (i32.const 0)) (i32.const 7))',
  'a division of longs': '(i32.wrap_i64 (i64.div_s (i64.load (i32.const 0)) (i64.const 7)))',
  'a root': '(i32.trunc_sat_f64_s (f64.sqrt (f64.load (i32.const 0))))',
  'a vector of roots': '(i32x4.extract_lane 0 (f32x4.sqrt (v128.load (i32.const 0))))',
  'a secret length': '(memory.fill (i32.const 64) (i32.const 0) (i32.load8_u (i32.const 0))) (i32.const 0)',
}

for (const [name, body] of Object.entries(LEAKS)) {
  controls(name, () => {
    const module = traced(
      `(module (memory (export "memory") 1) (func (export "leak") (result i32) (local $i i32) ${body}))`,
    )
    const shows = [1, 2].map((secret) => {
      new Uint8Array(module.memory.buffer).set([secret, secret === 1 ? 3 : 2, 5, 7, 11, 13, 17, 64])
      new Uint8Array(module.memory.buffer).set([secret, 2, 5, 7, 11, 13, 17, 64], 16)
      if (secret === 2) new Uint8Array(module.memory.buffer)[0] = 0
      return module.run(() => (module.exports as Functions)['leak']?.())
    })
    assert.match(parting(module, shows[0] as Float64Array, shows[1] as Float64Array) ?? '', /^step/)
  })
}

controls('arithmetic alone shows nothing', () => {
  const module = traced(
    `(module (memory (export "memory") 1) (func (export "mix") (result i32)
      (i32.mul (i32.rotl (i32.load (i32.const 0)) (i32.const 7)) (i32.load (i32.const 4)))))`,
  )
  const shows = [1, 2].map((secret) => {
    new Uint8Array(module.memory.buffer).fill(secret, 0, 8)
    return module.run(() => (module.exports as Functions)['mix']?.())
  })
  assert.is(parting(module, shows[0] as Float64Array, shows[1] as Float64Array), null)
  assert.is(shows[0]?.length, 4)
})

controls.run()

function write(module: Traced, content: (typeof CONTENTS)[0], nonceLength: number): void {
  put(module, 'key', content(32, 1))
  put(module, nonceLength === 24 ? 'nonceX' : 'nonce', content(nonceLength, 2))
}

function put(module: Traced, at: string, bytes: Uint8Array): void {
  new Uint8Array(module.memory.buffer).set(bytes, (module.exports[at] as WebAssembly.Global).value)
}

function read(module: Traced, at: string, length: number): Uint8Array {
  const from = (module.exports[at] as WebAssembly.Global).value
  return new Uint8Array(module.memory.buffer).slice(from, from + length)
}

function same(module: Traced, runs: readonly { shows: Float64Array }[], name: string): void {
  const first = one(runs)
  assert.ok(first.length > 20, `${name}: something was reported`)
  for (const { shows } of runs) assert.is(parting(module, first, shows), null, name)
}

function one(runs: readonly { shows: Float64Array }[]): Float64Array {
  return runs[0]?.shows ?? new Float64Array(0)
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = bytes.slice()
  changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
  return changed
}

/** Bytes of no pattern that are the same in every run (Marsaglia's xorshift). */
function noise(length: number, seed: number): Uint8Array {
  let x = (seed * 0x9e3779b9) | 1
  return Uint8Array.from({ length }, () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return x & 255
  })
}

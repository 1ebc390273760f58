/** Content as sealed chunks: against an oracle of other libraries, in pieces of any length, and thousands of mutations of which none is accepted. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal, toHex } from '../../src/core/bytes.ts'
import { WebxError } from '../../src/core/errors.ts'
import {
  assertCommitted,
  ChunkCipher,
  chunkLayout,
  keyCommitment,
  type PayloadKeys,
  PayloadReader,
  PayloadWriter,
  SealedReader,
  sealedChunkBytes,
} from '../../src/data/stream.ts'
import '../../src/drivers/wasm-files.ts'
import { blake3 } from '../../src/wasm/hash.ts'
import { oracleCommitment, oracleOpen, oracleRoot, oracleTree, pattern } from '../kit/qnt.ts'
import { codeOf } from '../kit/refusal.ts'
import { uniform } from '../kit/vectors.ts'

const KEYS: PayloadKeys = { contentKey: pattern(32), dataId: pattern(64).subarray(32), keyEpoch: 3 }
const SMALL = 10
/** Ways to damage what was sealed. */
const MUTATIONS = 9
/** Content of a small chunk. */
const CONTENT = 2 ** SMALL - 16

interface Sealed {
  readonly contentBytes: number
  readonly body: Uint8Array
  readonly root: Uint8Array
  readonly tree: Uint8Array
}

const sealing = suite('data/stream: sealing')

sealing('is what the oracle opens, with its root, tree and commitment, about every edge', () => {
  const edges: [number, number][] = [CONTENT, 2 * CONTENT, 7 * CONTENT].flatMap((length) => {
    return [length - 1, length, length + 1].map((edge): [number, number] => [edge, SMALL])
  })
  const large = [65_519, 65_520, 65_521, 131_040, 131_041].map((edge): [number, number] => [edge, 16])
  for (const [length, log2] of [[0, SMALL] as const, [1, SMALL] as const, [0, 16] as const, ...edges, ...large]) {
    const content = pattern(length)
    const { body, root, tree } = sealed(content, { log2 })
    assert.is(body.length, chunkLayout(length, log2).sealedBytes)
    assert.is(toHex(blake3(oracleOpen(KEYS, body, log2))), toHex(blake3(content)), `${length}`)
    assert.is(toHex(root), toHex(oracleRoot(body)))
    assert.is(toHex(tree), toHex(oracleTree(body, log2)))
    assert.is(toHex(blake3(opened(body, { contentBytes: length, root }, { log2 }))), toHex(blake3(content)))
  }
  assert.is(toHex(keyCommitment(KEYS.contentKey, KEYS.dataId)), toHex(oracleCommitment(KEYS)))
})

sealing('does not depend on the pieces', () => {
  const content = pattern(9 * CONTENT + 17)
  const { body, root } = sealed(content)
  const random = uniform(1)
  for (const most of [1, 7, CONTENT - 1, CONTENT, CONTENT + 1, 3 * CONTENT, 2 ** SMALL]) {
    const cut = (bytes: Uint8Array): Uint8Array[] => pieces(bytes, () => 1 + Math.floor(most * random()))
    assert.ok(equal(sealed(content, { cut }).body, body), `pieces of up to ${most}`)
    const back = opened(body, { contentBytes: content.length, root }, { cut })
    assert.ok(equal(back, content), `pieces of up to ${most}`)
  }
})

sealing('empty content is one empty chunk; full chunks are not followed by an empty one', () => {
  assert.is(sealed(new Uint8Array(0)).body.length, 16)
  assert.is(chunkLayout(2 * CONTENT, SMALL).chunks, 2)
  assert.is(sealedChunkBytes(chunkLayout(2 * CONTENT, SMALL), 1), 1024)
  assert.is(sealedChunkBytes(chunkLayout(2 * CONTENT + 1, SMALL), 2), 17)
  assert.is(
    codeOf(() => chunkLayout(2 ** 40 + 1)),
    'too-long',
  )
  for (const [length, log2] of [[-1, 16] as const, [0.5, 16] as const, [1, 9] as const, [1, 17] as const]) {
    assert.is(
      codeOf(() => chunkLayout(length, log2)),
      'bad-argument',
    )
  }
})

sealing('costs 0.025 %', () => {
  assert.ok(chunkLayout(2 ** 30).sealedBytes / 2 ** 30 - 1 < 0.00025)
})

sealing('another key, data id or epoch gives other bytes, and opens nothing', () => {
  const content = pattern(100)
  const { body, root } = sealed(content)
  const others: PayloadKeys[] = [
    { ...KEYS, contentKey: pattern(33).subarray(1) },
    { ...KEYS, dataId: pattern(32) },
    { ...KEYS, keyEpoch: 4 },
    { ...KEYS, keyEpoch: 3 + 2 ** 32 },
  ]
  for (const keys of others) {
    assert.not.equal(toHex(sealed(content, { keys }).body), toHex(body))
    assert.is(
      codeOf(() => opened(body, { contentBytes: 100, root }, { keys })),
      'tampered',
    )
  }
})

sealing('the commitment tells the key', () => {
  const commitment = keyCommitment(KEYS.contentKey, KEYS.dataId)
  assertCommitted(KEYS, commitment)
  for (const keys of [
    { ...KEYS, contentKey: pattern(33).subarray(1) },
    { ...KEYS, dataId: pattern(32) },
  ]) {
    assert.is(
      codeOf(() => assertCommitted(keys, commitment)),
      'bad-key',
    )
  }
})

const mutations = suite('data/stream: mutations')

mutations('of 10,000 flips, swaps, cuts and additions none is accepted', () => {
  const random = uniform(20)
  const draw = (below: number): number => Math.floor(random() * below)
  const originals = [0, 1, CONTENT, 3 * CONTENT, 5 * CONTENT + 100].map((length) => sealed(pattern(length)))
  const kinds = new Map<string, number>()
  let tried = 0
  while (tried < 10_000) {
    const original = originals[draw(originals.length)]!
    const [kind, mutated] = mutation(original.body, draw)
    if (equal(mutated, original.body)) continue
    tried++
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    const cut = (bytes: Uint8Array): Uint8Array[] => pieces(bytes, () => 1 + draw(3000))
    assert.is(
      codeOf(() => opened(mutated, original, { cut })),
      'tampered',
      `${kind} of ${original.contentBytes}`,
    )
    if (tried % 10 === 0) {
      assert.is(
        codeOf(() => verified(mutated, original)),
        'tampered',
        `${kind} without a key`,
      )
    }
  }
  assert.is(kinds.size, MUTATIONS)
  for (const [kind, count] of kinds) assert.ok(count > 100, `${kind}: ${count}`)
})

mutations('a length that the manifest does not say is refused, either way', () => {
  const content = pattern(3 * CONTENT)
  const { body, root } = sealed(content)
  for (const contentBytes of [0, 1, content.length - 1, content.length + 1, 2 * CONTENT, 4 * CONTENT]) {
    assert.is(
      codeOf(() => opened(body, { contentBytes, root })),
      'tampered',
      `${contentBytes}`,
    )
  }
})

mutations('chunks sealed by another who has the key are authentic, but not the owner’s', () => {
  const content = pattern(3 * CONTENT)
  const { root } = sealed(content)
  const forged = sealed(content.map((byte) => byte ^ 1)).body
  assert.is(
    codeOf(() => opened(forged, { contentBytes: content.length, root })),
    'tampered',
  )
})

mutations('the single chunk opens at its place only, as what it is', () => {
  const cipher = new ChunkCipher(KEYS)
  const chunk = new Uint8Array(26)
  const out = new Uint8Array(10)
  cipher.seal(chunk, 5, false, pattern(10))
  cipher.open(out, 5, false, chunk)
  assert.equal(out, pattern(10))
  for (const [place, isLast] of [
    [4, false] as const,
    [6, false] as const,
    [5, true] as const,
    [2 ** 32 + 5, false] as const,
  ]) {
    assert.is(
      codeOf(() => cipher.open(out, place, isLast, chunk)),
      'tampered',
    )
    assert.equal(out, new Uint8Array(10))
  }
  cipher.wipe()
  assert.is(
    codeOf(() => cipher.open(out, 5, false, chunk)),
    'tampered',
  )
})

sealing.run()
mutations.run()

/** A body that differs, unless what was exchanged was the same. */
function mutation(body: Uint8Array, draw: (below: number) => number): [string, Uint8Array] {
  const copy = body.slice()
  const chunks = Array.from({ length: Math.ceil(body.length / 1024) }, (_, i) => body.slice(i * 1024, i * 1024 + 1024))
  const [a, b] = [draw(chunks.length), draw(chunks.length)]
  switch (draw(MUTATIONS)) {
    case 0:
      copy[draw(copy.length)]! ^= 1 << draw(8)
      return ['flip', copy]
    case 1: {
      const [x, y] = [draw(copy.length), draw(copy.length)]
      ;[copy[x], copy[y]] = [copy[y]!, copy[x]!]
      return ['swap bytes', copy]
    }
    case 2:
      ;[chunks[a], chunks[b]] = [chunks[b]!, chunks[a]!]
      return ['swap chunks', Buffer.concat(chunks)]
    case 3:
      return ['truncate', copy.subarray(0, draw(copy.length))]
    case 4:
      return ['cut off chunks', Buffer.concat(chunks.slice(0, a))]
    case 5:
      return ['append', Buffer.concat([copy, pattern(1 + draw(2000))])]
    case 6:
      return ['repeat a chunk', Buffer.concat([...chunks.slice(0, a + 1), ...chunks.slice(a)])]
    case 7:
      return ['leave a chunk out', Buffer.concat(chunks.filter((_, i) => i !== a))]
    default:
      chunks[a] = chunks[b]!
      return ['overwrite a chunk', Buffer.concat(chunks).subarray(0, draw(2) === 0 ? body.length : undefined)]
  }
}

interface Options {
  readonly keys?: PayloadKeys
  readonly log2?: number
  readonly cut?: (bytes: Uint8Array) => Uint8Array[]
}

function sealed(content: Uint8Array, { keys = KEYS, log2 = SMALL, cut = (bytes) => [bytes] }: Options = {}): Sealed {
  const parts: Uint8Array[] = []
  const values: Uint8Array[] = []
  const room = (bytes: number): Uint8Array => {
    parts.push(new Uint8Array(bytes))
    return parts.at(-1) as Uint8Array
  }
  const writer = new PayloadWriter(keys, { room, value: (value) => values.push(value.slice()) }, log2)
  for (const piece of cut(content)) writer.write(piece)
  const { contentBytes, root, upper } = writer.end()
  assert.is(contentBytes, content.length)
  const tree = values.length === 1 ? upper : Buffer.concat([...values, upper])
  return { contentBytes, body: new Uint8Array(Buffer.concat(parts)), root, tree }
}

/** The content, or what the reader throws. */
function opened(
  body: Uint8Array,
  { contentBytes, root }: { contentBytes: number; root: Uint8Array },
  { keys = KEYS, log2 = SMALL, cut = (bytes) => [bytes] }: Options = {},
): Uint8Array {
  const parts: Uint8Array[] = []
  const room = (bytes: number): Uint8Array => {
    parts.push(new Uint8Array(bytes))
    return parts.at(-1) as Uint8Array
  }
  const content = { layout: chunkLayout(contentBytes, log2), root }
  const reader = new PayloadReader(keys, content, { room, value: () => undefined })
  try {
    for (const piece of cut(body)) reader.write(piece)
    reader.end()
    return Buffer.concat(parts)
  } catch (error) {
    if (error instanceof WebxError && /not what was sealed/.test(error.message)) {
      assert.ok((parts.at(-1) as Uint8Array).every((byte) => byte === 0))
    }
    throw error
  }
}

function verified(body: Uint8Array, { contentBytes, root }: Sealed): void {
  const reader = new SealedReader({ layout: chunkLayout(contentBytes, SMALL), root }, () => undefined)
  reader.write(body)
  reader.end()
}

function pieces(bytes: Uint8Array, length: () => number): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const part = bytes.subarray(at, at + length())
    parts.push(part)
    at += part.length
  }
  return parts
}

/** The tree over sealed chunks: root and values against plain BLAKE3 and a recursive oracle, proofs of single chunks, and every way to break them. */

import { blake3 as noble } from '@noble/hashes/blake3.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/core/bytes.ts'
import { mergeAll, partValueInto } from '../../src/data/subtree.ts'
import { checkPages, isChunkOf, pagesOf, siblingsOf, TreeBuilder, treeLayout } from '../../src/data/tree.ts'
import '../../src/drivers/wasm-files.ts'
import { blake3, blake3SegmentInto, createBlake3 } from '../../src/wasm/hash.ts'
import { oracleTree, pattern } from '../kit/qnt.ts'
import { codeOf } from '../kit/refusal.ts'
import { uniform } from '../kit/vectors.ts'

/** A message cut into chunks of 2^log2 bytes, and its tree. */
interface Built {
  readonly body: Uint8Array
  readonly chunks: Uint8Array[]
  readonly root: Uint8Array
  readonly stored: Uint8Array
}

const values = suite('data/tree: values')

values('a whole segment has the kernel’s value, in the middle of a message, too', () => {
  const segment = pattern(65_536)
  const expected = new Uint8Array(32)
  for (const index of [0, 1, 5, 2 ** 20]) {
    const short = new Uint8Array(32)
    const halves = new Uint8Array(64)
    blake3SegmentInto(expected, segment, index)
    partValueInto(halves, segment.subarray(0, 32_768), index * 64)
    partValueInto(halves.subarray(32), segment.subarray(32_768), index * 64 + 32)
    mergeAll(halves, 2, false)
    partValueInto(short, segment, index * 64)
    assert.is(toHex(short), toHex(expected))
    assert.is(toHex(halves.subarray(0, 32)), toHex(expected))
  }
})

values('merging values to the root is what the kernel does with adopted ones', () => {
  const random = uniform(3)
  for (const count of [2, 3, 4, 5, 7, 8, 9, 31, 100, 255, 256]) {
    const all = Uint8Array.from({ length: 32 * count }, () => 256 * random())
    const expected = createBlake3().adopt(all, 6).digest()
    mergeAll(all, count, true)
    assert.is(toHex(all.subarray(0, 32)), toHex(expected), `${count}`)
  }
})

const trees = suite('data/tree: trees')

trees('the root is the BLAKE3 of the message, and the stored tree that of the oracle', () => {
  const lengths = [1, 16, 1023, 1024, 1025, 2048, 2049, 3000, 5 * 1024, 255 * 1024, 256 * 1024, 256 * 1024 + 1]
  for (const length of [...lengths, 257 * 1024, 512 * 1024, 513 * 1024 + 7, 600_000]) {
    const { body, root, stored } = built(length, 10)
    assert.is(toHex(root), toHex(noble(body)), `${length}`)
    assert.is(toHex(blake3(stored)), toHex(blake3(oracleTree(body, 10))), `tree of ${length}`)
    assert.is(stored.length, treeLayout(Math.ceil(length / 1024)).bytes)
  }
  for (const length of [65_536, 65_537, 131_072, 300_000]) {
    const { body, root, stored } = built(length, 16)
    assert.is(toHex(root), toHex(noble(body)), `${length}`)
    assert.is(toHex(stored), toHex(oracleTree(body)), `tree of ${length}`)
  }
})

trees('of three levels', () => {
  const { body, chunks, root, stored } = built(66_000 * 1024 + 5, 10)
  assert.is(toHex(root), toHex(blake3(body)))
  const layout = treeLayout(chunks.length)
  assert.equal(
    layout.levels.map(({ count }) => count),
    [66_001, 258, 2],
  )
  for (const chunk of [0, 255, 256, 65_535, 65_536, 66_000]) {
    const pages = readPages(stored, chunk, chunks.length)
    checkPages(layout, root, chunk, pages)
    const siblings = siblingsOf(chunk, pages)
    assert.ok(siblings.length <= 17)
    assert.ok(isChunkOf(root, { chunks: chunks.length, chunk, chunkLog2: 10 }, chunks[chunk]!, siblings))
  }
})

trees('a stored tree costs 32 bytes a chunk and a little, and pages are of 8 KiB at most', () => {
  const gigabyte = treeLayout(2 ** 30 / 65_520 + 1)
  assert.ok((gigabyte.bytes + 16 * gigabyte.chunks) / 2 ** 30 < 0.0013)
  for (const chunk of [0, 777, 16_383]) {
    assert.ok(pagesOf(gigabyte, chunk).reduce((sum, { bytes }) => sum + bytes, 0) <= 3 * 8192)
  }
  assert.equal(treeLayout(1), { chunks: 1, levels: [], bytes: 0 })
})

const proofs = suite('data/tree: proofs')

proofs('every chunk is proved, at its place and at no other', () => {
  for (const count of [1, 2, 3, 5, 8, 13]) {
    const { chunks, root, stored } = built(count * 1024 - 100, 10)
    for (let chunk = 0; chunk < count; chunk++) {
      const siblings = siblingsOf(chunk, readPages(stored, chunk, count))
      for (let place = 0; place < count; place++) {
        const where = { chunks: count, chunk: place, chunkLog2: 10 }
        assert.is(isChunkOf(root, where, chunks[chunk]!, siblings), place === chunk, `${chunk} at ${place} of ${count}`)
      }
      assert.not(isChunkOf(root, { chunks: count, chunk: count, chunkLog2: 10 }, chunks[chunk]!, siblings))
      assert.not(isChunkOf(root, { chunks: count, chunk, chunkLog2: 10 }, chunks[chunk]!, [...siblings, root]))
      if (siblings.length > 0) {
        assert.not(isChunkOf(root, { chunks: count, chunk, chunkLog2: 10 }, chunks[chunk]!, siblings.slice(1)))
      }
    }
  }
})

proofs('no flipped bit in chunk, sibling or root passes', () => {
  const { chunks, root, stored } = built(7000, 10)
  const where = { chunks: chunks.length, chunk: 4, chunkLog2: 10 }
  const siblings = siblingsOf(4, readPages(stored, 4, chunks.length))
  const random = uniform(5)
  for (const bytes of [root, chunks[4]!, ...siblings]) {
    for (let i = 0; i < 40; i++) {
      const at = Math.floor(random() * bytes.length)
      const bit = 1 << Math.floor(8 * random())
      bytes[at]! ^= bit
      assert.not(isChunkOf(root, where, chunks[4]!, siblings))
      bytes[at]! ^= bit
    }
  }
  assert.ok(isChunkOf(root, where, chunks[4]!, siblings))
})

proofs('no flipped bit, missing page or page of another length passes', () => {
  const { chunks, root, stored } = built(300 * 1024, 10)
  const layout = treeLayout(chunks.length)
  const pages = readPages(stored, 299, chunks.length)
  checkPages(layout, root, 299, pages)
  const random = uniform(6)
  for (const page of pages) {
    for (let i = 0; i < 50; i++) {
      const at = Math.floor(random() * page.length)
      page[at]! ^= 1
      assert.is(
        codeOf(() => checkPages(layout, root, 299, pages)),
        'tampered',
      )
      page[at]! ^= 1
    }
  }
  const [low, high] = pages as [Uint8Array, Uint8Array]
  for (const wrong of [[low], [low, high.subarray(32)], [low.subarray(32), high], [high, low]]) {
    assert.is(
      codeOf(() => checkPages(layout, root, 299, wrong)),
      'tampered',
    )
  }
  assert.is(
    codeOf(() => checkPages(layout, root, 0, pages)),
    'tampered',
  )
})

values.run()
trees.run()
proofs.run()

function built(length: number, chunkLog2: number): Built {
  const body = pattern(length)
  const builder = new TreeBuilder(chunkLog2)
  const chunks: Uint8Array[] = []
  const lowest: Uint8Array[] = []
  for (let at = 0; at < length; at += 2 ** chunkLog2) {
    const chunk = body.slice(at, at + 2 ** chunkLog2)
    chunks.push(chunk)
    lowest.push(builder.add(chunk).slice())
  }
  const { root, upper } = builder.finish()
  return { body, chunks, root, stored: chunks.length === 1 ? upper : Buffer.concat([...lowest, upper]) }
}

function readPages(stored: Uint8Array, chunk: number, chunks: number): Uint8Array[] {
  return pagesOf(treeLayout(chunks), chunk).map(({ at, bytes }) => stored.slice(at, at + bytes))
}

/** The tree of the public log: the vectors of Certificate Transparency, an independent verifier, tiles, what is stored, and speed. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { LogBook } from '../../src/consensus/publiclog/book.ts'
import { leafHash, verifyConsistency, verifyInclusion } from '../../src/consensus/publiclog/proof.ts'
import { LogStore } from '../../src/consensus/publiclog/store.ts'
import { decodeEntries, decodeTile, edgeWidth, readTilePath, tilePath } from '../../src/consensus/publiclog/tile.ts'
import { LogTree } from '../../src/consensus/publiclog/tree.ts'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { codeOf } from '../kit/refusal.ts'
import { leafHash9162, rootHash9162, verifyConsistency9162, verifyInclusion9162 } from '../kit/rfc9162.ts'
import { MemoryLog, treeOf } from './publiclog.ts'

/** The eight leaves with which Certificate Transparency's implementations have tested each other since RFC 6962, and the roots over the first n. */
const CT_LEAVES = [
  ...['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'],
].map(fromHex)
const CT_ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

const trees = suite('public log: tree')

trees('roots of the vectors of Certificate Transparency', () => {
  const tree = new LogTree(new LogStore(new MemoryLog()))
  assert.is(toHex(tree.head.root), CT_ROOTS[0])
  for (const [i, leaf] of CT_LEAVES.entries()) {
    tree.append(leafHash(leaf))
    assert.is(toHex(tree.head.root), CT_ROOTS[i + 1])
    assert.is(rootHash9162(CT_LEAVES.slice(0, i + 1)).toString('hex'), CT_ROOTS[i + 1])
  }
  for (const [size, root] of CT_ROOTS.entries()) assert.is(toHex(tree.headAt(size).root), root)
})

trees('every proof of small trees convinces both verifiers, and nothing but its own', () => {
  const entries = Array.from({ length: 17 }, (_, i) => Uint8Array.of(i))
  const tree = treeOf(entries)
  for (let size = 1; size <= entries.length; size++) {
    const head = tree.headAt(size)
    assert.equal(Buffer.from(head.root), rootHash9162(entries.slice(0, size)))
    for (let index = 0; index < size; index++) {
      const hash = leafHash(entries[index] as Uint8Array)
      const path = tree.inclusion(index, size)
      assert.ok(verifyInclusion(head, index, hash, path))
      assert.ok(verifyInclusion9162(hash, index, size, path, head.root))
      assert.not(verifyInclusion(head, index, leafHash(Uint8Array.of(99)), path))
      if (size > 1) assert.not(verifyInclusion(head, index === 0 ? 1 : index - 1, hash, path))
      assert.not(verifyInclusion(head, index, hash, [...path, hash]))
      assert.not(verifyInclusion(head, index, hash, path.slice(0, -1)) && path.length > 0)
    }
    for (let old = 0; old <= size; old++) {
      const before = tree.headAt(old)
      const proof = tree.consistency(old, size)
      assert.ok(verifyConsistency(before, head, proof), `${old} → ${size}`)
      if (old > 0) assert.ok(verifyConsistency9162(old, before.root, size, head.root, proof))
      assert.not(verifyConsistency({ size: old, root: leafHash(Uint8Array.of(7)) }, head, proof))
      assert.not(verifyConsistency(before, head, [...proof, head.root]))
    }
  }
})

trees('verdicts on mutilated proofs are those of the RFC', () => {
  const sizes = fc.integer({ min: 1, max: 700 })
  const tree = treeOf(Array.from({ length: 700 }, (_, i) => Uint8Array.of(i >> 8, i)))
  const property = fc.property(sizes, sizes, fc.nat(), fc.nat(), fc.nat({ max: 4 }), (a, b, at, spot, how) => {
    const [old, size] = [Math.min(a, b), Math.max(a, b)]
    const [before, head] = [tree.headAt(old), tree.headAt(size)]
    const index = at % size
    const hash = leafHash(Uint8Array.of(index >> 8, index))
    const path = mutilate(tree.inclusion(index, size), spot, how)
    assert.is(verifyInclusion(head, index, hash, path), verifyInclusion9162(hash, index, size, path, head.root))
    const proof = mutilate(tree.consistency(old, size), spot, how)
    const expected = verifyConsistency9162(old, before.root, size, head.root, proof)
    assert.is(verifyConsistency(before, head, proof), expected)
    assert.ok(how !== 0 || expected)
  })
  fc.assert(property, { numRuns: 100, seed: 42 })
})

trees('what is asked beyond the tree is refused', () => {
  const tree = treeOf([Uint8Array.of(1), Uint8Array.of(2)])
  assert.is(
    codeOf(() => tree.headAt(3)),
    'bad-argument',
  )
  assert.is(
    codeOf(() => tree.inclusion(2, 2)),
    'bad-argument',
  )
  assert.is(
    codeOf(() => tree.inclusion(0, 0)),
    'bad-argument',
  )
  assert.is(
    codeOf(() => tree.consistency(3, 2)),
    'bad-argument',
  )
  assert.is(
    codeOf(() => tree.truncate(-1)),
    'bad-argument',
  )
})

trees('goes on after a restart, and back to a prefix, as if nothing had been', () => {
  const disk = new MemoryLog()
  const bodies = Array.from({ length: 1_300 }, (_, i) => Uint8Array.of(i >> 8, i))
  const whole = treeOf(bodies)
  let book = new LogBook(disk)
  for (const [i, body] of bodies.entries()) {
    book.append(body)
    if (i % 97 !== 0) continue
    disk.write(book.take())
    book = new LogBook(disk)
  }
  assert.equal(book.tree.head, whole.head)
  for (const size of [1_024, 700, 256, 255, 1, 0]) {
    book.truncate(size)
    assert.equal(book.tree.head, whole.headAt(size))
    assert.is(book.indexOf(leafHash(bodies[size] as Uint8Array)), null)
    disk.write(book.take())
    book = new LogBook(disk)
    assert.is(book.tree.size, size)
  }
  for (const body of bodies) book.append(body)
  assert.equal(book.tree.head, whole.head)
  assert.is(book.indexOf(leafHash(bodies[777] as Uint8Array)), 777)
  assert.equal(book.entry(777), bodies[777])
})

trees('a store that lost a tile says so', () => {
  const disk = new MemoryLog()
  const book = new LogBook(disk)
  for (let i = 0; i < 600; i++) book.append(Uint8Array.of(i >> 8, i))
  disk.write(book.take())
  disk.lose('log-tile', 1)
  assert.is(
    codeOf(() => new LogBook(disk).tree.inclusion(3, 600)),
    'store-damaged',
  )
})

/** 100,000 leaves, and the CPU time that they took. */
const large = new LogTree(new LogStore(new MemoryLog()))
const started = process.cpuUsage()
for (let i = 0; i < 100_000; i++) large.append(leafHash(entryOf(i)))
const { user, system } = process.cpuUsage(started)

trees('100,000 leaves in two seconds', () => {
  assert.ok(user + system < 2_000_000, `${(user + system) / 1000} ms`)
  const path = large.inclusion(77_777)
  assert.is(path.length, 17)
  assert.ok(verifyInclusion9162(leafHash9162(entryOf(77_777)), 77_777, 100_000, path, large.head.root))
})

const tiles = suite('public log: tiles')

tiles('paths of the specification, both ways', () => {
  const examples = [
    [{ level: 0, index: 1_234_067, width: 256 }, 'tile/0/x001/x234/067'],
    [{ level: 0, index: 273, width: 112 }, 'tile/0/273.p/112'],
    [{ level: 'entries', index: 5, width: 1 }, 'tile/entries/005.p/1'],
    [{ level: 63, index: 1_000, width: 256 }, 'tile/63/x001/000'],
  ] as const
  for (const [place, path] of examples) {
    assert.is(tilePath(place), path)
    assert.equal(readTilePath(path), place)
  }
  const others = ['tile/0/67', 'tile/00/067', 'tile/64/000', 'tile/0/x000/067', 'tile/0/001/067', 'tile/0/067.p/0']
  for (const path of [...others, 'tile/0/067.p/256', 'tile/0/067.p/08', 'tile/0/067/', 'tile/-1/067', '']) {
    assert.is(readTilePath(path), null, path)
  }
  assert.is(
    codeOf(() => tilePath({ level: 64, index: 0, width: 1 })),
    'bad-argument',
  )
  assert.is(
    codeOf(() => tilePath({ level: 0, index: 0, width: 257 })),
    'bad-argument',
  )
})

tiles('a tree of 70,000 leaves has the tiles that the specification counts', () => {
  assert.equal(
    [0, 1, 2, 3].map((level) => edgeWidth(70_000, level)),
    [112, 17, 1, 0],
  )
  large.truncate(70_000)
  const widths = [
    [0, 272, 256],
    [0, 273, 112],
    [1, 0, 256],
    [1, 1, 17],
    [2, 0, 1],
  ] as const
  for (const [level, index, width] of widths) assert.is(large.tile(level, index)?.length, 32 * width)
  assert.is(large.tile(0, 274), null)
  assert.is(large.tile(3, 0), null)
  const above = decodeTile(large.tile(1, 0) as Uint8Array, 256)
  const below = Array.from({ length: 256 }, (_, i) => entryOf(5 * 256 + i))
  assert.equal(Buffer.from(above[5] as Uint8Array), rootHash9162(below))
})

tiles('bundles of entries hash to their tile', () => {
  const book = new LogBook(new MemoryLog())
  for (let i = 0; i < 300; i++) book.append(new Uint8Array(1 + (i % 90)).fill(i))
  for (const [index, width] of [
    [0, 256],
    [1, 44],
  ] as const) {
    const hashes = decodeTile(book.tree.tile(0, index) as Uint8Array, width)
    const entries = decodeEntries(book.bundle(index) as Uint8Array, width)
    assert.equal(entries.map(leafHash9162).map(toHex), hashes.map(toHex))
  }
  assert.is(book.bundle(2), null)
  const bundle = book.bundle(1) as Uint8Array
  assert.is(
    codeOf(() => decodeEntries(bundle, 43)),
    'bad-shape',
  )
  assert.is(
    codeOf(() => decodeEntries(bundle.subarray(0, -1), 44)),
    'bad-shape',
  )
  assert.is(
    codeOf(() => decodeTile(new Uint8Array(33), 1)),
    'bad-shape',
  )
})

function entryOf(i: number): Uint8Array {
  const entry = new Uint8Array(100)
  entry.set([i, i >> 8, i >> 16])
  return entry
}

/** A proof as it is, or with one hash changed, doubled, left out, or all turned round. */
function mutilate(proof: Uint8Array[], spot: number, how: number): Uint8Array[] {
  const at = proof.length === 0 ? 0 : spot % proof.length
  if (how === 1) return proof.map((hash, i) => (i === at ? leafHash(hash) : hash))
  if (how === 2) return [...proof.slice(0, at), leafHash(Uint8Array.of(at)), ...proof.slice(at)]
  if (how === 3) return proof.filter((_, i) => i !== at)
  return how === 4 ? proof.reverse() : proof
}

trees.run()
tiles.run()

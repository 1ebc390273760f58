/** Where things lie in a .qnt: the head, the offsets, what is refused, and the golden vectors of the whole. */

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, equal, fromHex, fromText, toHex } from '../../src/core/bytes.ts'
import { layoutOfFile, manifestBytes, qntHead, qntLayout } from '../../src/data/qnt.ts'
import { assertCommitted, PayloadReader, PayloadWriter } from '../../src/data/stream.ts'
import '../../src/drivers/wasm-files.ts'
import { oracleCommitment, oracleOpen, oracleRoot, oracleTree, pattern, takeApart } from '../kit/qnt.ts'
import { codeOf } from '../kit/refusal.ts'

interface Vectors {
  readonly keys: { readonly contentKey: string; readonly dataId: string; readonly keyEpoch: number }
  readonly manifest: string
  readonly commitment: string
  readonly accepted: readonly {
    readonly contentBytes: number
    readonly root: string
    readonly fileBytes: number
    readonly fileDigest: string
    /** The file, where it is short. */
    readonly file?: string
  }[]
  readonly refused: readonly {
    readonly why: string
    readonly contentBytes: number
    readonly root: string
    readonly file: string
    readonly code: string
  }[]
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/qnt.json', import.meta.url), 'utf8')) as Vectors
const keys = {
  contentKey: fromHex(vectors.keys.contentKey),
  dataId: fromHex(vectors.keys.dataId),
  keyEpoch: vectors.keys.keyEpoch,
}

const layout = suite('data/qnt: layout')

layout('the head is magic, length, manifest', () => {
  const head = qntHead(fromText('manifest'))
  assert.is(toHex(head), `514e543100000008${toHex(fromText('manifest'))}`)
  assert.is(manifestBytes(head), 8)
  assert.is(manifestBytes(concat(Uint8Array.of(9), head).subarray(1)), 8)
})

layout('what is something else is none; what is too long or empty is refused', () => {
  for (const other of ['', 'QNT', 'QNT1\0\0\0', 'QNT2\0\0\0\x08', 'qnt1\0\0\0\x08', '%PDF-1.7']) {
    assert.is(manifestBytes(fromText(other)), null)
  }
  assert.is(
    codeOf(() => manifestBytes(fromText('QNT1\0\0\0\0'))),
    'bad-shape',
  )
  assert.is(
    codeOf(() => manifestBytes(fromText('QNT1\x7f\x7f\x7f\x7f'))),
    'too-long',
  )
  assert.is(
    codeOf(() => qntHead(new Uint8Array(2 ** 20))),
    'too-long',
  )
})

layout('every byte is accounted for', () => {
  const { bodyAt, treeAt, fileBytes } = qntLayout(100, 200_000)
  assert.equal([bodyAt, treeAt, fileBytes], [108, 108 + 200_000 + 4 * 16, 108 + 200_000 + 4 * 16 + 4 * 32])
  assert.is(layoutOfFile(fileBytes, 100, 200_000).hasTree, true)
  assert.is(layoutOfFile(treeAt, 100, 200_000).hasTree, false)
  for (const wrong of [0, treeAt - 1, treeAt + 1, fileBytes - 32, fileBytes - 1, fileBytes + 1]) {
    assert.is(
      codeOf(() => layoutOfFile(wrong, 100, 200_000)),
      'tampered',
    )
  }
})

layout('costs of a gigabyte: less than 0.06 %, with the tree less than 0.13 %', () => {
  const gigabyte = 2 ** 30
  const head = 4000
  assert.ok(qntLayout(head, gigabyte, { hasTree: false }).fileBytes / gigabyte - 1 < 0.0006)
  assert.ok(qntLayout(head, gigabyte).fileBytes / gigabyte - 1 < 0.0013)
})

const golden = suite('data/qnt: golden vectors')

golden('are what we write, and what the oracle reads', () => {
  const manifest = fromHex(vectors.manifest)
  assert.is(toHex(oracleCommitment(keys)), vectors.commitment)
  assertCommitted(keys, fromHex(vectors.commitment))
  for (const { contentBytes, root, fileBytes, fileDigest, file: hex } of vectors.accepted) {
    const content = pattern(contentBytes)
    const file = fileOf(content, manifest)
    assert.is(file.root, root, `${contentBytes}`)
    assert.is(file.bytes.length, fileBytes)
    assert.is(toHex(oracleRoot(file.bytes)), fileDigest)
    if (hex !== undefined) assert.is(toHex(file.bytes), hex)
    const parts = takeApart(file.bytes, contentBytes)
    assert.is(toHex(parts.manifest), vectors.manifest)
    assert.ok(equal(oracleOpen(keys, parts.body), content))
    assert.is(toHex(oracleRoot(parts.body)), root)
    assert.is(toHex(oracleTree(parts.body)), toHex(parts.tree))
    assert.ok(equal(readFile(file.bytes, contentBytes, fromHex(root)), content))
  }
})

golden('what they refuse is refused', () => {
  assert.ok(vectors.refused.length >= 10)
  for (const { why, contentBytes, root, file, code } of vectors.refused) {
    assert.is(
      codeOf(() => readFile(fromHex(file), contentBytes, fromHex(root))),
      code,
      why,
    )
  }
})

layout.run()
golden.run()

function fileOf(content: Uint8Array, manifest: Uint8Array): { bytes: Uint8Array; root: string } {
  const parts = [qntHead(manifest)]
  const values: Uint8Array[] = []
  const room = (bytes: number): Uint8Array => {
    parts.push(new Uint8Array(bytes))
    return parts.at(-1) as Uint8Array
  }
  const writer = new PayloadWriter(keys, { room, value: (value) => values.push(value.slice()) })
  writer.write(content)
  const { root, upper } = writer.end()
  const tree = values.length === 1 ? [] : [...values, upper]
  return { bytes: concat(...parts, ...tree), root: toHex(root) }
}

/** The content of a file in memory; throws what a reader throws. */
function readFile(file: Uint8Array, contentBytes: number, root: Uint8Array): Uint8Array {
  const length = manifestBytes(file)
  if (length === null) throw new Error('not a .qnt')
  const { chunks, bodyAt, treeAt } = layoutOfFile(file.length, length, contentBytes)
  const parts: Uint8Array[] = []
  const room = (bytes: number): Uint8Array => {
    parts.push(new Uint8Array(bytes))
    return parts.at(-1) as Uint8Array
  }
  const reader = new PayloadReader(keys, { layout: chunks, root }, { room, value: () => undefined })
  reader.write(file.subarray(bodyAt, treeAt))
  reader.end()
  return concat(...parts)
}

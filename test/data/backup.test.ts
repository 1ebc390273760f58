/** The format of backups: golden and refused vectors, a second writer and reader, every flipped, cut, moved and added byte. */

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, equal, fromHex, toHex } from '../../src/core/bytes.ts'
import { WebxError } from '../../src/core/errors.ts'
import { backupHeadBytes, readBackupHead, readRecord, recordBytes } from '../../src/data/backup.ts'
import { type BackupKeys, type BackupPart, BackupReader, BackupWriter } from '../../src/data/backup-stream.ts'
import '../../src/drivers/wasm-files.ts'
import { oracleChunks, oracleOpenBackup } from '../kit/backup-oracle.ts'
import { type BackupVectors, backupVectors, VECTOR_ABOUT, VECTOR_FILES } from '../kit/backup-vectors.ts'
import { pattern } from '../kit/qnt.ts'
import { codeOf } from '../kit/refusal.ts'

const vectors = JSON.parse(readFileSync(new URL('../vectors/backup.json', import.meta.url), 'utf8')) as BackupVectors
const HEAD = fromHex(vectors.head)
const BACKUP = fromHex(vectors.backup)
const KEYS: BackupKeys = { contentKey: fromHex(vectors.contentKey), headDigest: HEAD.slice(-32) }
const CHUNK = 65_536
const CONTENT = CHUNK - 16
const format = suite('data/backup')

format('the vectors are those that the oracle makes', () => assert.equal(backupVectors(), vectors))

format('heads and records are read and written as the vectors have them', () => {
  assert.is(backupHeadBytes(BACKUP.subarray(0, 8)), HEAD.length)
  assert.is(toHex(readBackupHead(HEAD).digest), toHex(KEYS.headDigest))
  for (const record of vectors.records) {
    assert.is(toHex(recordBytes(readRecord(fromHex(record))).subarray(2)), record)
  }
})

format('our writer makes the golden backup, our reader and the oracle open it', () => {
  const written = writtenBy(VECTOR_FILES)
  assert.is(toHex(concat(HEAD, written)), vectors.backup)
  const { files, end } = collected(read(BACKUP.subarray(HEAD.length)))
  assert.equal(files, VECTOR_FILES)
  assert.equal(end, { files: 4, bytes: 403 })
  const content = oracleOpenBackup(BACKUP, vectors.passphrase)
  assert.is(toHex(oracleChunks(KEYS.contentKey, HEAD, content)), toHex(written))
})

format('every refused content and head has its code', () => {
  for (const { name, code, content } of vectors.refusedContents) {
    const chunks = oracleChunks(KEYS.contentKey, HEAD, fromHex(content))
    assert.is(
      codeOf(() => collected(read(chunks))),
      code,
      name,
    )
  }
  for (const { name, code, head } of vectors.refusedHeads) {
    assert.is(
      codeOf(() => readBackupHead(fromHex(head))),
      code,
      name,
    )
  }
  assert.ok(vectors.refusedContents.length + vectors.refusedHeads.length > 35)
})

format('contents about every edge of a chunk come back, in pieces of any length', () => {
  const overhead = writtenBy([['node.key', new Uint8Array(1)]]).length - 16 - 1
  for (const total of [CONTENT - 1, CONTENT, CONTENT + 1, 2 * CONTENT - 1, 2 * CONTENT, 2 * CONTENT + 1]) {
    const last = pattern(total - overhead - 200)
    const files = [...VECTOR_FILES.slice(0, 1), ['webx.db', last]] as const
    const sealed = writtenBy(files)
    for (const pieceBytes of [1_000, CHUNK - 1, CHUNK, CHUNK + 1, 400_000]) {
      assert.ok(sameFiles(collected(read(sealed, pieceBytes)).files, files), `${total} ${pieceBytes}`)
    }
    assert.is(sealed.length, oracleChunks(KEYS.contentKey, HEAD, new Uint8Array(contentOf(sealed))).length)
  }
})

format('no flipped, cut or added byte of a backup is accepted', () => {
  const sealed = BACKUP.subarray(HEAD.length)
  let refusals = 0
  const refused = (bytes: Uint8Array, what: string): void => {
    assert.ok(['tampered', 'bad-shape'].includes(codeOf(() => collected(read(bytes)))), what)
    refusals++
  }
  for (let at = 0; at < sealed.length; at++) {
    for (const bit of [1, 0x80]) {
      const flipped = sealed.slice()
      flipped[at] = (flipped[at] as number) ^ bit
      refused(flipped, `byte ${at}`)
    }
    refused(sealed.subarray(0, at), `cut at ${at}`)
  }
  for (let length = 1; length <= 64; length++) refused(concat(sealed, new Uint8Array(length)), `${length} more`)
  for (let at = 0; at < HEAD.length; at++) {
    const flipped = HEAD.slice()
    flipped[at] = (flipped[at] as number) ^ 1
    assert.throws(() => readBackupHead(flipped))
    refusals++
  }
  assert.ok(refusals >= 2_000, String(refusals))
})

format('no moved, doubled, dropped or foreign chunk is accepted', () => {
  const sealed = writtenBy([...VECTOR_FILES.slice(0, 1), ['webx.db', pattern(3 * CONTENT)]])
  const chunks = Array.from({ length: 4 }, (_, i) => sealed.subarray(i * CHUNK, (i + 1) * CHUNK))
  const [a, b, c, d] = chunks as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  assert.is(collected(read(concat(a, b, c, d))).files.length, 2)
  const wrong = [[b, a, c, d], [a, c, b, d], [a, b, b, c, d], [a, b, d], [b, c, d], [a, b, c], [a, b, c, d, d], [d]]
  for (const each of wrong)
    assert.is(
      codeOf(() => collected(read(concat(...each)))),
      'tampered',
    )
  const other = { ...KEYS, headDigest: KEYS.headDigest.map((byte) => byte ^ 1) }
  assert.is(
    codeOf(() => collected(read(sealed, CHUNK, other))),
    'tampered',
  )
  // the last chunk as one that is not, and the other way round
  assert.is(
    codeOf(() => collected(read(concat(a, b, c, d, new Uint8Array(16))))),
    'tampered',
  )
})

format('a writer holds its caller to the list and to the lengths', () => {
  const writer = () => new BackupWriter(KEYS, VECTOR_ABOUT, (bytes) => new Uint8Array(bytes))
  assert.is(
    codeOf(() => writer().end()),
    'bad-argument',
  )
  assert.is(
    codeOf(() => writer().file({ path: 'webx.db', bytes: 1 })),
    'bad-shape',
  )
  assert.is(
    codeOf(() => writer().file({ path: '../x', bytes: 1 })),
    'bad-shape',
  )
  const begun = writer()
  begun.file({ path: 'node.key', bytes: 2 })
  assert.is(
    codeOf(() => begun.write(new Uint8Array(3))),
    'file-changed',
  )
  assert.is(
    codeOf(() => begun.file({ path: 'webx.db', bytes: 1 })),
    'file-changed',
  )
  assert.is(
    codeOf(() => begun.end()),
    'file-changed',
  )
})

type Files = readonly (readonly [path: string, bytes: Uint8Array])[]

function writtenBy(files: Files): Uint8Array {
  const rooms: Uint8Array[] = []
  const writer = new BackupWriter(KEYS, VECTOR_ABOUT, (bytes) => {
    rooms.push(new Uint8Array(bytes))
    return rooms.at(-1) as Uint8Array
  })
  for (const [path, bytes] of files) {
    writer.file({ path, bytes: bytes.length })
    for (let at = 0; at < bytes.length; at += 100_000) writer.write(bytes.subarray(at, at + 100_000))
  }
  writer.end()
  return concat(...rooms)
}

function* read(sealed: Uint8Array, pieceBytes = 1_000_000, keys = KEYS): Generator<BackupPart> {
  const reader = new BackupReader(keys)
  for (let at = 0; at < sealed.length; at += pieceBytes) yield* reader.write(sealed.subarray(at, at + pieceBytes))
  yield* reader.end()
}

function collected(parts: Iterable<BackupPart>) {
  const files: [string, Uint8Array][] = []
  let end: unknown = null
  let pieces: Uint8Array[] = []
  for (const part of parts) {
    if (part.is === 'about') assert.equal(part.about.software, VECTOR_ABOUT.software)
    else if (part.is === 'file') pieces = []
    else if (part.is === 'piece') pieces.push(part.piece.slice())
    else if (part.is === 'file-end') files.push([part.entry.path, concat(...pieces)])
    else end = part.size
  }
  if (end === null) throw new WebxError('internal', 'accepted without an end')
  return { files, end }
}

function sameFiles(found: Files, expected: Files): boolean {
  return (
    found.length === expected.length &&
    found.every(([path, bytes], i) => path === expected[i]?.[0] && equal(bytes, expected[i]?.[1] as Uint8Array))
  )
}

/** Bytes of content in so many sealed ones. */
function contentOf(sealed: Uint8Array): number {
  return sealed.length - 16 * Math.ceil(sealed.length / CHUNK)
}

format.run()

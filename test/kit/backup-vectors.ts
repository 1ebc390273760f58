/**
 * The vectors of backups: one that must open, and contents and heads that must be refused, each by its code; made by the oracle from fixed keys.
 */

import { blake3 } from '@noble/hashes/blake3.js'
import {
  join,
  type OracleSeal,
  oracleCbor,
  oracleChunks,
  oracleFile,
  oracleHead,
  oracleHeadAround,
  oracleRecord,
} from './backup-oracle.ts'

/** What `test/vectors/backup.json` holds; bytes are in hexadecimal. */
export interface BackupVectors {
  readonly passphrase: string
  readonly contentKey: string
  readonly head: string
  readonly records: readonly string[]
  /** A whole backup. */
  readonly backup: string
  /** Contents of the stream, before they are sealed. */
  readonly refusedContents: readonly { readonly name: string; readonly code: string; readonly content: string }[]
  readonly refusedHeads: readonly { readonly name: string; readonly code: string; readonly head: string }[]
}

export const VECTOR_SEAL: OracleSeal = {
  passphrase: 'correct horse battery staple',
  log2N: 14,
  parallel: 1,
  salt: new Uint8Array(16).fill(0x51),
  nonce: new Uint8Array(24).fill(0x52),
  contentKey: new Uint8Array(32).fill(0x53),
}
/** What the golden backup is about. */
export const VECTOR_ABOUT = {
  kind: 'node',
  id: new Uint8Array(32).fill(0x54),
  createdMs: 1_795_000_000_000,
  software: 'webx 0.1.0',
} as const
/** Its files. */
export const VECTOR_FILES: readonly (readonly [path: string, bytes: Uint8Array])[] = [
  ['node.key', new Uint8Array(70).fill(1)],
  ['genesis.webx', new Uint8Array(0)],
  ['webx.db', new Uint8Array(300).fill(2)],
  [`qnt/${'ab'.repeat(32)}.qnt`, new Uint8Array(33).fill(3)],
]

const ABOUT = [0, 0, VECTOR_ABOUT.id, VECTOR_ABOUT.createdMs, VECTOR_ABOUT.software]
const IDENTITY = [0, 1, ...ABOUT.slice(2)]
const KEY = oracleFile('node.key', Uint8Array.of(1, 2, 3))

/** Today's vectors. */
export function backupVectors(): BackupVectors {
  const head = oracleHead(VECTOR_SEAL)
  const sum = VECTOR_FILES.reduce((bytes, [, file]) => bytes + file.length, 0)
  const end = [2, VECTOR_FILES.length, sum]
  const content = join(
    oracleRecord(ABOUT),
    ...VECTOR_FILES.map(([path, bytes]) => oracleFile(path, bytes)),
    oracleRecord(end),
  )
  const records = [ABOUT, ...VECTOR_FILES.map(([path, bytes]) => [1, path, bytes.length]), end]
  return {
    passphrase: VECTOR_SEAL.passphrase,
    contentKey: hex(VECTOR_SEAL.contentKey),
    head: hex(head),
    records: records.map((record) => hex(oracleCbor(record))),
    backup: hex(join(head, oracleChunks(VECTOR_SEAL.contentKey, head, content))),
    refusedContents: refusedContents().map(([name, code, bytes]) => ({ name, code, content: hex(bytes) })),
    refusedHeads: refusedHeads().map(([name, code, bytes]) => ({ name, code, head: hex(bytes) })),
  }
}

type NamedFile = readonly [path: string, content: Uint8Array]

function refusedContents(): [name: string, code: string, content: Uint8Array][] {
  const about = oracleRecord(ABOUT)
  const end = oracleRecord([2, 1, 3])
  // all else is as it must be, so that nothing but the one thing can be what is refused
  const filled = (head: Uint8Array, files: readonly NamedFile[]): Uint8Array => {
    const sum = files.reduce((bytes, [, content]) => bytes + content.length, 0)
    return join(
      head,
      ...files.map(([path, content]) => oracleFile(path, content)),
      oracleRecord([2, files.length, sum]),
    )
  }
  const node = (...files: NamedFile[]): Uint8Array => filled(about, files)
  const key: NamedFile = ['node.key', Uint8Array.of(1, 2, 3)]
  const wrongDigest = join(oracleRecord([1, 'node.key', 3]), Uint8Array.of(1, 2, 3), blake3(Uint8Array.of(1, 2, 4)))
  const qnt = (digit: string): NamedFile => [`qnt/${digit.repeat(64)}.qnt`, new Uint8Array(0)]
  const named = (path: string): Uint8Array => node(key, [path, new Uint8Array(0)])
  return [
    ['says not what it is about', 'bad-shape', join(KEY, end)],
    ['says twice what it is about', 'bad-shape', join(about, about, KEY, end)],
    ['has no end', 'bad-shape', join(about, KEY)],
    ['has only an end', 'bad-shape', join(about, oracleRecord([2, 0, 0]))],
    ['ends with other files', 'bad-shape', join(about, KEY, oracleRecord([2, 2, 3]))],
    ['ends with other bytes', 'bad-shape', join(about, KEY, oracleRecord([2, 1, 4]))],
    ['goes on after its end', 'bad-shape', join(about, KEY, end, Uint8Array.of(0))],
    ['has a record of nothing', 'too-long', join(about, Uint8Array.of(0, 0))],
    ['has a record that is too long', 'too-long', join(about, Uint8Array.of(2, 1))],
    ['has a record of another kind', 'bad-shape', join(about, oracleRecord([3, 1]))],
    ['has a record with a field too many', 'bad-shape', join(about, oracleRecord([1, 'node.key', 3, 0]))],
    ['has a record that is not canonical', 'not-canonical', join(about, Uint8Array.of(0, 3, 0x81, 0x18, 1))],
    ['is of another kind', 'bad-shape', join(oracleRecord([0, 2, ...ABOUT.slice(2)]), KEY, end)],
    ['has a file with another digest', 'tampered', join(about, wrongDigest, end)],
    ['begins with another file', 'bad-shape', node(['webx.db', Uint8Array.of(1)])],
    ['has the key file twice', 'bad-shape', node(key, key)],
    ['has files in another order', 'bad-shape', node(key, ['webx.db', KEY], ['genesis.webx', KEY])],
    ['has copies in another order', 'bad-shape', node(key, qnt('b'), qnt('a'))],
    ['has a copy twice', 'bad-shape', node(key, qnt('b'), qnt('b'))],
    ['has a file behind the copies', 'bad-shape', node(key, qnt('b'), ['webx.db', KEY])],
    ['has a key file that is too long', 'too-long', node(['node.key', new Uint8Array(16_385)])],
    ['goes up', 'bad-shape', named('../node.key')],
    ['goes up out of the vault', 'bad-shape', named(`qnt/../${'a'.repeat(61)}.qnt`)],
    ['goes to the root', 'bad-shape', named('/etc/passwd')],
    ['has a copy with a name in capitals', 'bad-shape', named(`qnt/${'A'.repeat(64)}.qnt`)],
    ['has a copy with an ending of its own', 'bad-shape', named(`qnt/${'a'.repeat(64)}.sh`)],
    ['has a path that is too long', 'bad-shape', named('n'.repeat(73))],
    ['has a socket', 'bad-shape', named('control.sock')],
    ['is an identity with a store', 'bad-shape', filled(oracleRecord(IDENTITY), [key, ['webx.db', KEY]])],
    ['is an identity with copies', 'bad-shape', filled(oracleRecord(IDENTITY), [key, qnt('a')])],
  ]
}

function refusedHeads(): [name: string, code: string, head: Uint8Array][] {
  const head = oracleHead(VECTOR_SEAL)
  const long = oracleHeadAround(oracleCbor([1, new Uint8Array(600)]))
  return [
    ['of another format', 'bad-shape', join(Uint8Array.of(0), head.slice(1))],
    ['of another format with the same length', 'bad-shape', join(Buffer.from('WBK2'), head.slice(4))],
    ['of another version', 'bad-version', oracleHead(VECTOR_SEAL, 2)],
    ['that is too long', 'too-long', long],
    ['without a seal', 'bad-shape', oracleHeadAround(oracleCbor([1]))],
    ['with a field too many', 'bad-shape', oracleHeadAround(oracleCbor([1, new Uint8Array(9), 0]))],
    ['with another digest', 'tampered', join(head.slice(0, -1), Uint8Array.of((head.at(-1) as number) ^ 1))],
    ['that is damaged', 'tampered', join(head.slice(0, 20), Uint8Array.of((head[20] as number) ^ 1), head.slice(21))],
    ['that is cut off', 'tampered', head.slice(0, -1)],
  ]
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

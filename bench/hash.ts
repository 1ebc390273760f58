/**
 * BLAKE3 against every library that a user could take instead, from 64 bytes to 1 MiB, and 64 MiB with two threads.
 *
 * Each is called as its users call it for one message: bytes in, 32 new bytes out; where a library has several ways, its fastest. SHA-256 of
 * `node:crypto` computes something else and is there because it is what people have.
 */

import { createHash, hash as nodeHash } from 'node:crypto'
import { createParallelHasher } from '../src/drivers/hash-workers.ts'
import '../src/drivers/wasm-files.ts'
import { blake3 } from '../src/wasm/hash.ts'
import { type Contender, ownCall, race } from './kit/measure.ts'
import { builtIn, Peers } from './kit/peers.ts'
import { OURS, type Report, type Row, reportOf, rowOf } from './kit/report.ts'
import type { BenchOptions } from './run.ts'

/** A way to hash: the bytes of the digest. */
type Hash = (message: Uint8Array) => Uint8Array

interface HashWasm {
  createBLAKE3(): Promise<{ init(): void; update(message: Uint8Array): void; digest(form: 'binary'): Uint8Array }>
}

/** Who is left out at 64 MiB, and why. */
const LARGE_UNABLE: readonly (readonly [RegExp, string])[] = [
  [/^@noble\/hashes@/, 'takes seconds a message'],
  [/^blake3-wasm@/, 'aborts from 16 MiB on: its memory is fixed'],
]
const SIZES: readonly (readonly [string, number])[] = [
  ['64 B', 64],
  ['1 KiB', 1024],
  ['64 KiB', 65_536],
  ['1 MiB', 1_048_576],
]

/** Measures every size. */
export async function run({ quick }: BenchOptions): Promise<Report> {
  const peers = await Peers.open()
  const rivals = await blake3Peers(peers)
  const rows: Row[] = []
  for (const [name, size] of SIZES) {
    process.stderr.write(`hash: ${name}\n`)
    const message = sample(size)
    const rates = await race([...contenders(rivals, message), sha256(message)], { quick })
    rows.push(rowOf(name, 'MB/s', rates, size / 1e6))
  }
  rows.push(await large(rivals, peers, quick))
  return reportOf('hash', rows, peers.unavailable)
}

/** 64 MiB by two threads of ours, against one of everybody's: timed by the clock. */
async function large(rivals: ReadonlyMap<string, Hash>, peers: Peers, quick: boolean): Promise<Row> {
  process.stderr.write('hash: 64 MiB\n')
  const message = sample(64 * 2 ** 20)
  const able = new Map(rivals)
  for (const name of rivals.keys()) {
    const reason = LARGE_UNABLE.find(([pattern]) => pattern.test(name))?.[1]
    if (reason === undefined) continue
    able.delete(name)
    peers.unavailable[`${name} at 64 MiB`] = reason
  }
  const [ours, ...others] = contenders(able, message)
  const hasher = createParallelHasher({ threads: 1 })
  try {
    const two = { name: OURS, run: () => hasher.hash(message), answer: async () => hex(await hasher.hash(message)) }
    const rates = await race([two, { ...ours!, name: `${OURS} one thread` }, ...others], { quick, parallel: true })
    return rowOf('64 MiB, two threads', 'MB/s', rates, message.length / 1e6, {
      note: 'two threads of ours, the calling one and a worker, one of every peer; by the clock, the message in ordinary memory',
    })
  } finally {
    await hasher.close()
  }
}

/** Every other BLAKE3, by name. */
async function blake3Peers(peers: Peers): Promise<Map<string, Hash>> {
  const found = new Map<string, Hash>()
  const hashWasm = await peers.load<HashWasm>('hash-wasm')
  if (hashWasm !== null) {
    const hasher = await hashWasm.api.createBLAKE3()
    found.set(hashWasm.name, (message) => {
      hasher.init()
      hasher.update(message)
      return hasher.digest('binary')
    })
  }
  const jit = await peers.load<{ hash: Hash }>('blake3-jit')
  if (jit !== null) found.set(jit.name, jit.api.hash)
  const wasm = await peers.load<{ hash: Hash; load(): Promise<void> }>('blake3-wasm')
  if (wasm !== null) {
    await wasm.api.load()
    found.set(wasm.name, wasm.api.hash)
  }
  const noble = await peers.load<{ blake3: Hash }>('@noble/hashes', '@noble/hashes/blake3.js')
  if (noble !== null) found.set(noble.name, noble.api.blake3)
  const native = await peers.load<{ blake3: Hash }>('@napi-rs/blake-hash')
  if (native !== null) found.set(native.name, native.api.blake3)
  return found
}

function contenders(rivals: ReadonlyMap<string, Hash>, message: Uint8Array): Contender[] {
  const all: [string, Hash][] = [[OURS, blake3], ...rivals]
  return all.map(([name, hash]) => ({ name, run: ownCall(hash, message), answer: () => hex(hash(message)) }))
}

function sha256(message: Uint8Array): Contender {
  return {
    name: builtIn('node:crypto SHA-256'),
    run: () => nodeHash('sha256', message, 'buffer'),
    answer: () => nodeHash('sha256', message, 'hex'),
    expected: createHash('sha256').update(message).digest('hex'),
  }
}

/** Any bytes: the first 64 KiB over and over. */
function sample(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < Math.min(length, 65_536); i++) bytes[i] = (i * 131 + (i >> 8)) & 255
  for (let at = 65_536; at < length; at *= 2) bytes.copyWithin(at, 0, Math.min(at, length - at))
  return bytes
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

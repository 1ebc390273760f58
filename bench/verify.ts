/**
 * Ed25519 signatures verified a second: one by a key never seen before, one by a known key (pinned, as those of a
 * neighborhood are), and the 25 votes of one tick, which is what a neighborhood lives on.
 *
 * `node:crypto` gets key objects made beforehand. The libraries do not agree on forged signatures (ours and @noble/curves take the network's one rule);
 * what is timed here is honest ones, and that a changed one is refused is checked before.
 */

import { createPublicKey, generateKeyPairSync, type KeyObject, verify as nodeVerify, sign } from 'node:crypto'
import '../src/drivers/wasm-files.ts'
import { pinKeys, type Signed, verify, verifyBatch } from '../src/wasm/verify.ts'
import { type Contender, race } from './kit/measure.ts'
import { builtIn, Peers } from './kit/peers.ts'
import { OURS, type Report, reportOf, rowOf } from './kit/report.ts'
import type { BenchOptions } from './run.ts'

/** A vote, and its key as an object of `node:crypto`. */
interface Vote extends Signed {
  readonly keyObject: KeyObject
}

/** A library's verification of one vote. */
type Verify = (vote: Vote) => boolean

interface Sodium {
  readonly ready: Promise<void>
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean
}

interface Noble {
  readonly ed25519: {
    verify(signature: Uint8Array, message: Uint8Array, key: Uint8Array, options: { zip215: boolean }): boolean
  }
}

/** More keys than are kept, taken in turn, so that none is known any more when its turn comes again. */
const STRANGERS = 600
const SEATS = 25
const MESSAGE_BYTES = 128

/** Measures. */
export async function run({ quick }: BenchOptions): Promise<Report> {
  const peers = await Peers.open()
  const others = await rivals(peers)
  const strangers = votes(STRANGERS)
  const neighbors = votes(SEATS)
  const singly = (all: readonly Vote[]): Contender[] => [
    single(OURS, ours, all),
    ...[...others].map(([name, check]) => single(name, check, all)),
  ]
  const together = [batched(neighbors), ...[...others].map(([name, check]) => oneByOne(name, check, neighbors))]
  process.stderr.write('verify: single\n')
  const unknown = await race(singly(strangers), { quick })
  pinKeys(neighbors.map(({ key }) => key))
  const known = await race(singly(neighbors), { quick })
  process.stderr.write('verify: 25 votes\n')
  const tick = await race(together, { quick })
  const note = `messages of ${MESSAGE_BYTES} bytes; an operation is a signature`
  const rows = [
    rowOf('single, a key never seen', 'ops/s', unknown, 1, { note }),
    rowOf('single, a known key', 'ops/s', known, 1, { note }),
    rowOf(`${SEATS} votes of one tick, known keys`, 'ops/s', tick, SEATS, { note }),
  ]
  return reportOf('verify', rows, peers.unavailable)
}

const ours: Verify = ({ key, message, signature }) => verify(key, message, signature)

async function rivals(peers: Peers): Promise<Map<string, Verify>> {
  const found = new Map<string, Verify>()
  found.set(builtIn('node:crypto'), ({ keyObject, message, signature }) =>
    nodeVerify(null, message, keyObject, signature),
  )
  for (const library of ['libsodium-wrappers', 'sodium-native']) {
    const sodium = await peers.load<Sodium>(library)
    if (sodium === null) continue
    await sodium.api.ready
    const { api } = sodium
    found.set(sodium.name, ({ key, message, signature }) => api.crypto_sign_verify_detached(signature, message, key))
  }
  const noble = await peers.load<Noble>('@noble/curves', '@noble/curves/ed25519.js')
  if (noble !== null) {
    const { ed25519 } = noble.api
    found.set(noble.name, ({ key, message, signature }) => ed25519.verify(signature, message, key, { zip215: false }))
  }
  return found
}

/** One vote a run, the next one every time. */
function single(name: string, check: Verify, all: readonly Vote[]): Contender {
  let turn = 0
  return {
    name,
    run() {
      turn = turn === all.length - 1 ? 0 : turn + 1
      return check(all[turn]!)
    },
    answer: () => [...all.slice(0, SEATS), forged(all[0]!)].map(check),
    expected: [...Array.from({ length: SEATS }, () => true), false],
  }
}

/** All votes in one batch. */
function batched(all: readonly Vote[]): Contender {
  const spoilt = all.map((vote, i) => (i === 7 ? forged(vote) : vote))
  return {
    name: OURS,
    run: () => verifyBatch(all),
    answer: () => [verifyBatch(all), verifyBatch(spoilt)],
    expected: [all.map(() => true), all.map((_, i) => i !== 7)],
  }
}

/** All votes one after the other, as a library without batches does it. */
function oneByOne(name: string, check: Verify, all: readonly Vote[]): Contender {
  const spoilt = all.map((vote, i) => (i === 7 ? forged(vote) : vote))
  return {
    name,
    run() {
      for (const vote of all) check(vote)
    },
    answer: () => [all.map(check), spoilt.map(check)],
    expected: [all.map(() => true), all.map((_, i) => i !== 7)],
  }
}

function votes(count: number): Vote[] {
  return Array.from({ length: count }, (_, number) => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const message = Uint8Array.from({ length: MESSAGE_BYTES }, (_, i) => (number * 31 + i * 7) & 255)
    const spki = publicKey.export({ format: 'der', type: 'spki' })
    return {
      key: new Uint8Array(spki.subarray(-32)),
      message,
      signature: new Uint8Array(sign(null, message, privateKey)),
      keyObject: createPublicKey({ key: spki, format: 'der', type: 'spki' }),
    }
  })
}

function forged(vote: Vote): Vote {
  return { ...vote, message: vote.message.map((byte, i) => (i === 9 ? byte ^ 1 : byte)) }
}

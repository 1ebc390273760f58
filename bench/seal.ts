/**
 * XChaCha20-Poly1305 against the libraries that a user could take instead, from 64 bytes to 1 MiB: sealing into a new array, sealing into one that is
 * there, and opening.
 *
 * Our door is calibrated first, as a node does it when it starts. `node:crypto` has no XChaCha20: it seals with ChaCha20-Poly1305, one cipher object a message as its interface demands, and is spared the copy
 * that would bring text and tag together. Where a library cannot write into a given array, it is timed as it is.
 */

import { createCipheriv, createDecipheriv } from 'node:crypto'
import { calibrateNodeSeal } from '../src/drivers/native-seal.ts'
import '../src/drivers/wasm-files.ts'
import { openX, seal, sealInto, sealX, TAG_LENGTH } from '../src/wasm/seal.ts'
import { type Contender, ownCall, race } from './kit/measure.ts'
import { builtIn, type Loaded, Peers } from './kit/peers.ts'
import { OURS, type Report, type Row, reportOf, rowOf } from './kit/report.ts'
import type { BenchOptions } from './run.ts'

interface Sodium {
  readonly ready: Promise<void>
  crypto_aead_xchacha20poly1305_ietf_encrypt(
    text: Uint8Array,
    aad: null,
    secretNonce: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): Uint8Array
  crypto_aead_xchacha20poly1305_ietf_decrypt(
    secretNonce: null,
    sealed: Uint8Array,
    aad: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): Uint8Array
}

interface SodiumNative {
  crypto_aead_xchacha20poly1305_ietf_encrypt(
    out: Uint8Array,
    text: Uint8Array,
    aad: null,
    secretNonce: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number
  crypto_aead_xchacha20poly1305_ietf_decrypt(
    out: Uint8Array,
    secretNonce: null,
    sealed: Uint8Array,
    aad: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number
}

interface Noble {
  xchacha20poly1305(
    key: Uint8Array,
    nonce: Uint8Array,
  ): {
    encrypt(text: Uint8Array, out?: Uint8Array): Uint8Array
    decrypt(sealed: Uint8Array, out?: Uint8Array): Uint8Array
  }
}

/** The ways of one library. Each answers the bytes that it wrote. */
interface Ways {
  readonly name: string
  seal(text: Uint8Array): Uint8Array
  sealInto(out: Uint8Array, text: Uint8Array): Uint8Array
  open(sealed: Uint8Array): Uint8Array
}

const SIZES: readonly (readonly [string, number])[] = [
  ['64 B', 64],
  ['1 KiB', 1024],
  ['64 KiB', 65_536],
  ['1 MiB', 1_048_576],
]

const key = Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1)
const nonce = Uint8Array.from({ length: 24 }, (_, i) => i * 11 + 3)
const shortNonce = nonce.subarray(0, 12)

/** Measures every size. */
export async function run({ quick }: BenchOptions): Promise<Report> {
  const peers = await Peers.open()
  const all = [ours, ...(await rivals(peers))]
  const { nativeFromBytes } = calibrateNodeSeal()
  const note =
    nativeFromBytes === null ? 'calibrated: never native' : `calibrated: native from ${nativeFromBytes} bytes on`
  const rows: Row[] = []
  for (const [name, size] of SIZES) {
    process.stderr.write(`seal: ${name}\n`)
    const text = Uint8Array.from({ length: size }, (_, i) => (i * 131 + (i >> 8)) & 255)
    const out = new Uint8Array(size + TAG_LENGTH)
    const sealed = sealX(key, nonce, text)
    const row = async (way: string, contenders: Contender[]): Promise<void> => {
      rows.push(rowOf(`${way} ${name}`, 'MB/s', await race(contenders, { quick }), size / 1e6, { note }))
    }
    const turn = (run: (ways: Ways) => Uint8Array): Contender[] =>
      all.map((ways) => ({ name: ways.name, run: ownCall(run, ways), answer: () => hex(run(ways)) }))
    await row('seal', [...turn((ways) => ways.seal(text)), nodeSeal(text)])
    await row('sealInto', [...turn((ways) => ways.sealInto(out, text)), nodeSeal(text)])
    await row('open', [...turn((ways) => ways.open(sealed)), nodeOpen(text)])
  }
  return reportOf('seal', rows, peers.unavailable)
}

const ours: Ways = {
  name: OURS,
  seal: (text) => sealX(key, nonce, text),
  sealInto(out, text) {
    sealInto(out, key, nonce, text)
    return out
  },
  open: (sealed) => openX(key, nonce, sealed) ?? new Uint8Array(0),
}

async function rivals(peers: Peers): Promise<Ways[]> {
  const sodium = await peers.load<Sodium>('libsodium-wrappers')
  const native = await peers.load<SodiumNative>('sodium-native')
  const noble = await peers.load<Noble>('@noble/ciphers', '@noble/ciphers/chacha.js')
  await sodium?.api.ready
  return [sodium && sodiumWays(sodium), native && nativeWays(native), noble && nobleWays(noble)].filter(
    (ways) => ways !== null,
  )
}

function sodiumWays({ name, api }: Loaded<Sodium>): Ways {
  const encrypt = (text: Uint8Array) => api.crypto_aead_xchacha20poly1305_ietf_encrypt(text, null, null, nonce, key)
  return {
    name,
    seal: encrypt,
    sealInto: (_, text) => encrypt(text),
    open: (sealed) => api.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, null, nonce, key),
  }
}

function nativeWays({ name, api }: Loaded<SodiumNative>): Ways {
  const encryptInto = (out: Uint8Array, text: Uint8Array): Uint8Array => {
    api.crypto_aead_xchacha20poly1305_ietf_encrypt(out, text, null, null, nonce, key)
    return out
  }
  return {
    name,
    seal: (text) => encryptInto(new Uint8Array(text.length + TAG_LENGTH), text),
    sealInto: encryptInto,
    open(sealed) {
      const out = new Uint8Array(sealed.length - TAG_LENGTH)
      api.crypto_aead_xchacha20poly1305_ietf_decrypt(out, null, sealed, null, nonce, key)
      return out
    },
  }
}

function nobleWays({ name, api }: Loaded<Noble>): Ways {
  return {
    name,
    seal: (text) => api.xchacha20poly1305(key, nonce).encrypt(text),
    sealInto: (out, text) => api.xchacha20poly1305(key, nonce).encrypt(text, out),
    open: (sealed) => api.xchacha20poly1305(key, nonce).decrypt(sealed),
  }
}

function nodeSeal(text: Uint8Array): Contender {
  const encrypt = (): readonly [Uint8Array, Uint8Array] => {
    const cipher = createCipheriv('chacha20-poly1305', key, shortNonce, { authTagLength: TAG_LENGTH })
    const sealed = cipher.update(text)
    cipher.final()
    return [sealed, cipher.getAuthTag()]
  }
  return {
    name: builtIn('node:crypto ChaCha20-Poly1305'),
    run: encrypt,
    answer: () => hex(Buffer.concat(encrypt())),
    expected: hex(seal(key, shortNonce, text)),
  }
}

function nodeOpen(text: Uint8Array): Contender {
  const whole = seal(key, shortNonce, text)
  const sealed = whole.subarray(0, text.length)
  const tag = whole.subarray(text.length)
  const decrypt = (): Uint8Array => {
    const cipher = createDecipheriv('chacha20-poly1305', key, shortNonce, { authTagLength: TAG_LENGTH })
    cipher.setAuthTag(tag)
    const opened = cipher.update(sealed)
    cipher.final()
    return opened
  }
  return {
    name: builtIn('node:crypto ChaCha20-Poly1305'),
    run: decrypt,
    answer: () => hex(decrypt()),
    expected: hex(text),
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

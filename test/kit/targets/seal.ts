/** Sealing on any target: the RFC's and the draft's vectors, every edge of length, forgeries, chance against @noble. */

import { chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { concat, fromHex, fromText } from '../../../src/core/bytes.ts'
import type { Build } from '../../../src/wasm/load.ts'
import { createSealDoor, type SealDoor } from '../../../src/wasm/seal.ts'
import published from '../../vectors/seal.json' with { type: 'json' }
import { Chance } from './chance.ts'
import type { Extent, Ledger } from './ledger.ts'

/** About the edges of blocks of 16, of keystream of 64 and 256 (the first 64 are the one-time key), and of slices. */
const EDGES = [0, 1, 15, 16, 17, 63, 64, 65, 191, 192, 193, 255, 256, 257, 447, 448, 449, 511, 512, 513]
const SLICES = [8191, 8192, 8193, 16_383, 16_384, 16_385, 24_577, 65_535, 65_536, 65_537]
const NONCES = [12, 24]

/** Asks one build everything about sealing. */
export function sealVectors(ledger: Ledger, build: Build, extent: Extent): void {
  const door = createSealDoor(build)
  asPublished(ledger, door)
  atTheEdges(ledger, door, extent)
  everyLength(ledger, door, extent)
  byChance(ledger, door, extent)
  forged(ledger, door, extent)
}

function asPublished(ledger: Ledger, door: SealDoor): void {
  for (const vector of published.aead) {
    const [key, nonce, aad, sealed] = [vector.key, vector.nonce, vector.aad, vector.sealed].map(fromHex) as Four
    const plaintext = fromText(vector.plaintext)
    ledger.bytes(`${vector.name}: sealed`, seal(door, key, nonce, plaintext, aad), sealed)
    ledger.bytes(`${vector.name}: opened`, open(door, key, nonce, sealed, aad), plaintext)
  }
  const { name, key, nonce, subkey } = published.hchacha20
  const tail = fromHex('0102030405060708')
  const text = fromText('sealed the same under the subkey')
  const extended = seal(door, fromHex(key), concat(fromHex(nonce), tail), text, NONE)
  ledger.bytes(name, extended, chacha20poly1305(fromHex(subkey), concat(new Uint8Array(4), tail)).encrypt(text))
}

function atTheEdges(ledger: Ledger, door: SealDoor, extent: Extent): void {
  const chance = new Chance(21)
  for (const length of extent === 'all' ? [...EDGES, ...SLICES] : EDGES) {
    for (const nonceLength of NONCES) {
      const key = chance.bytes(32)
      const nonce = chance.bytes(nonceLength)
      const aads = length < 600 ? EDGES.slice(0, 8) : [0, 17, 8193]
      for (const aad of aads.map((size) => chance.bytes(size))) {
        against(ledger, door, `${length} bytes, ${aad.length} beside`, key, nonce, chance.bytes(length), aad)
      }
    }
  }
}

/** Without an oracle: the digest that all targets share tells. */
function everyLength(ledger: Ledger, door: SealDoor, extent: Extent): void {
  const chance = new Chance(22)
  const [key, whole] = [chance.bytes(32), chance.bytes(1300)]
  for (let length = 0; length <= whole.length; length += extent === 'all' ? 1 : 53) {
    for (const nonceLength of NONCES) {
      const nonce = whole.subarray(length % 1000, (length % 1000) + nonceLength)
      const sealed = seal(door, key, nonce, whole.subarray(0, length), whole.subarray(0, length % 50))
      const opened = open(door, key, nonce, sealed, whole.subarray(0, length % 50))
      ledger.sound(`${length} bytes: sealed`, sealed)
      ledger.bytes(`${length} bytes: opened`, opened, whole.subarray(0, length))
    }
  }
}

function byChance(ledger: Ledger, door: SealDoor, extent: Extent): void {
  const chance = new Chance(23)
  for (let i = 0; i < (extent === 'all' ? 300 : 30); i++) {
    const [key, nonce] = [chance.bytes(32), chance.bytes(chance.one(NONCES))]
    const plaintext = chance.bytes(chance.integer(0, chance.one([70, 600, 3000])))
    against(ledger, door, `by chance ${i}`, key, nonce, plaintext, chance.bytes(chance.integer(0, 90)))
  }
}

/** Every bit of a tag, and a bit of anything else: refused, and nothing comes out. */
function forged(ledger: Ledger, door: SealDoor, extent: Extent): void {
  const chance = new Chance(24)
  for (const nonceLength of NONCES) {
    const parts = { key: chance.bytes(32), nonce: chance.bytes(nonceLength), aad: chance.bytes(20) }
    for (const length of [0, 40, 700]) {
      const sealed = seal(door, parts.key, parts.nonce, chance.bytes(length), parts.aad)
      for (let bit = 0; bit < 128; bit++) {
        const changed = sealed.slice()
        changed[length + (bit >> 3)] = (changed[length + (bit >> 3)] as number) ^ (1 << (bit & 7))
        refused(ledger, door, `bit ${bit} of the tag`, { ...parts, sealed: changed })
      }
      for (let i = 0; i < (extent === 'all' ? 40 : 4); i++) {
        for (const part of ['key', 'nonce', 'aad'] as const) {
          refused(ledger, door, `a bit of ${part}`, { ...parts, [part]: chance.flip(parts[part]), sealed })
        }
        refused(ledger, door, 'a bit of the whole', { ...parts, sealed: chance.flip(sealed) })
        refused(ledger, door, 'cut short', { ...parts, sealed: sealed.subarray(0, chance.integer(0, length + 15)) })
      }
    }
  }
}

type Four = [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
const NONE = new Uint8Array(0)

interface Letter {
  readonly key: Uint8Array
  readonly nonce: Uint8Array
  readonly aad: Uint8Array
  readonly sealed: Uint8Array
}

function refused(ledger: Ledger, door: SealDoor, name: string, { key, nonce, aad, sealed }: Letter): void {
  const out = new Uint8Array(Math.max(0, sealed.length - 16)).fill(0xaa)
  const accepted = door.openInto(out, key, nonce, sealed, aad)
  ledger.answer(name, accepted || out.some((byte) => byte !== 0), false)
}

function against(
  ledger: Ledger,
  door: SealDoor,
  name: string,
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  aad: Uint8Array,
): void {
  const oracle = nonce.length === 12 ? chacha20poly1305 : xchacha20poly1305
  const sealed = oracle(key, nonce, aad).encrypt(plaintext)
  ledger.bytes(`${name}: sealed`, seal(door, key, nonce, plaintext, aad), sealed)
  ledger.bytes(`${name}: opened`, open(door, key, nonce, sealed, aad), plaintext)
}

function seal(door: SealDoor, key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Uint8Array {
  const out = new Uint8Array(plaintext.length + 16)
  door.sealInto(out, key, nonce, plaintext, aad)
  return out
}

function open(
  door: SealDoor,
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  aad: Uint8Array,
): Uint8Array | null {
  const out = new Uint8Array(sealed.length - 16)
  return door.openInto(out, key, nonce, sealed, aad) ? out : null
}

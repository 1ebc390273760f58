/**
 * Known answers of every kernel, asked at start: a wrong engine, a damaged file or a faulty processor shows here and
 * not in a signature or a vote. Takes a few milliseconds, most of them compilation, which is needed anyway.
 */

import { createGroup } from './group.ts'
import { createHashDoor } from './hash.ts'
import { type Build, KERNELS, type Kernel, kernelBuild } from './load.ts'
import { createMatchDoor } from './match.ts'
import { createSealDoor } from './seal.ts'
import { createTally } from './tally.ts'
import { createVerifyDoor, type Signed } from './verify.ts'

/** A kernel, the build that was tested, and that it answered right. */
export interface SelfTestResult {
  readonly kernel: Kernel
  readonly build: Build
  readonly ok: true
}

/**
 * Tests one build of every kernel: the given one, or that which this engine uses. Throws an Error on a wrong answer.
 */
export function selfTest(build?: Build): SelfTestResult[] {
  return KERNELS.map((kernel) => {
    const tested = build ?? kernelBuild(kernel)
    if (!ANSWERS[kernel](tested)) throw new Error(`kernel ${kernel} (${tested}): a known answer came out wrong`)
    return { kernel, build: tested, ok: true }
  })
}

const ANSWERS: Record<Kernel, (build: Build) => boolean> = {
  /** BLAKE3's test_vectors.json: 102,400 bytes of 0, 1 … 250, 0 …; hash, keyed hash, derived key. */
  hash(build) {
    const door = createHashDoor(build)
    const message = Uint8Array.from({ length: 102_400 }, (_, i) => i % 251)
    const key = new TextEncoder().encode('whats the Elvish word for friend')
    return (
      hex(door.hash(message)) === 'bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085' &&
      hex(door.keyed(key, message)) === '1c35d1a5811083fd7119f5d5d1ba027b4d01c0c6c49fb6ff2cf75393ea5db4a7' &&
      hex(door.deriveKey('BLAKE3 2019-12-27 16:29:52 test vectors context', message)) ===
        '4652cff7a3f385a6103b5c260fc1593e13c778dbe608efb092fe7ee69df6e9c6'
    )
  },
  /** draft-irtf-cfrg-xchacha-03, A.3.1, and that a changed tag is refused. */
  seal(build) {
    const door = createSealDoor(build)
    const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i)
    const nonce = Uint8Array.from({ length: 24 }, (_, i) => 0x40 + i)
    const aad = Uint8Array.of(0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7)
    const plaintext = new TextEncoder().encode(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
        'sunscreen would be it.',
    )
    const sealed = new Uint8Array(plaintext.length + 16)
    const opened = new Uint8Array(plaintext.length)
    door.sealInto(sealed, key, nonce, plaintext, aad)
    const right = hex(sealed.subarray(plaintext.length)) === 'c0875924c1c7987947deafd8780acf49'
    const accepted = door.openInto(opened, key, nonce, sealed, aad) && hex(opened) === hex(plaintext)
    sealed[sealed.length - 1] = (sealed[sealed.length - 1] as number) ^ 1
    return right && accepted && !door.openInto(opened, key, nonce, sealed, aad)
  },
  /** Four members, quorum three: the third vote certifies, a second vote of one member is equivocation. */
  tally(build) {
    const tally = createTally({ weights: [1, 1, 1, 1], quorum: 3, strong: 4, capacity: 4, build })
    const key = new Uint8Array(32).fill(1)
    const candidate = new Uint8Array(32).fill(2)
    const kinds = [0, 1, 1, 2, 3].map((member) =>
      tally
        .add(member, key, candidate)
        .map((event) => event.kind)
        .join(),
    )
    const second = tally.add(0, key, key)
    return (
      kinds.join() === ',,,QUORUM,STRONG' && second[0]?.kind === 'EQUIVOCATION' && tally.mask(key, candidate) === 15
    )
  },
  /** A rotated and quantized vector is itself, and is not what is orthogonal to it. */
  match(build) {
    const door = createMatchDoor(build)
    const signs = Uint8Array.from({ length: 192 }, (_, i) => (i * 89 + 41) & 255)
    const templates = [0, 1].map((shift) => {
      const vector = Float32Array.from({ length: 512 }, (_, i) => (((i * 7) >> shift) & 1 ? 1 : -1))
      door.rotateInto(vector, vector, signs)
      const template = new Int8Array(512)
      door.quantizeInto(template, vector)
      return template
    })
    const [one, other] = templates as [Int8Array, Int8Array]
    return door.matchesAny(one, [other, one], 1) && !door.matchesAny(one, [other], 0.01)
  },
  /** RFC 8032, section 7.1, tests 1 to 3, one by one and as a batch, and that a changed one is found. */
  verify(build) {
    // a known answer needs no chance
    const random = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 37 + 1) & 255)
    const door = createVerifyDoor({ build, random, keys: 1 })
    const items = SIGNED.map(([key, message, signature]) => {
      return { key: bytesOf(key), message: bytesOf(message), signature: bytesOf(signature) }
    })
    const [first, second, third] = items as [Signed, Signed, Signed]
    const changed = { ...second, message: third.message }
    return (
      items.every(({ key, message, signature }) => door.verify(key, message, signature)) &&
      door.verifyBatch([first, changed, third]).join() === 'true,false,true'
    )
  },
  /** RFC 9496, A.1, A.2 and A.3: twice the base point by both kinds of sum, a bad encoding, and a map of a hash. */
  group(build) {
    const door = createGroup(build)
    const double = '6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919'
    const two = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 2 : 0))
    const uniform = bytesOf(
      '5d1be09e3d0c82fc538112490e35701979d99e06ca3e2b5b54bffe8b4dc772c14d98b696a1bbfb5ca32c436cc61c16563790306c79eaca7705668b47dffe5bb6',
    )
    return door.scope(
      () =>
        hex(door.encode(door.msm([2n, 5n], [door.base, door.identity]))) === double &&
        hex(door.encode(door.mulSecret(two, door.base))) === double &&
        door.decode(bytesOf(double)) !== null &&
        door.decode(bytesOf(double).reverse()) === null &&
        hex(door.encode(door.fromUniform(uniform))) ===
          '3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46',
    )
  },
}

const SIGNED = [
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16))
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

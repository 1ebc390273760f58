/**
 * One round of one contender of the qnt suite in a process of its own: seals a file, opens what came out, and prints as JSON how long each took and
 * how much memory the process took at most.
 *
 * Arguments: `webx` or `age`, the folder, and the name of the file in it. Leaves `<who>.sealed` and `<who>.opened` there.
 */

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'

/** What a round answers. */
export interface Round {
  readonly sealMs: number
  readonly openMs: number
  readonly peakBytes: number
  /** Of webx: bytes of the file that a megabyte out of its middle takes. */
  readonly rangeBytes?: number
}

/** What a contender does with files. */
interface Contender {
  seal(source: string, target: string): Promise<unknown>
  open(source: string, target: string): Promise<unknown>
  range?(source: string): Promise<number>
}

interface Age {
  generateX25519Identity?(): Promise<string>
  generateIdentity(): Promise<string>
  identityToRecipient(identity: string): Promise<string>
  Encrypter: new () => { addRecipient(to: string): void; encrypt(file: ReadableStream): Promise<ReadableStream> }
  Decrypter: new () => { addIdentity(of: string): void; decrypt(file: ReadableStream): Promise<ReadableStream> }
}

/** Bytes that streams hand on at once: more than by default, which serves them. */
const STREAM_BYTES = 262_144

const [who = '', folder = '', name = ''] = process.argv.slice(2)
const contender = who === 'age' ? await age() : await webx()
const sealed = join(folder, `${who}.sealed`)
const startMs = performance.now()
await contender.seal(join(folder, name), sealed)
const sealedMs = performance.now()
await contender.open(sealed, join(folder, `${who}.opened`))
const openedMs = performance.now()
const round: Round = {
  sealMs: sealedMs - startMs,
  openMs: openedMs - sealedMs,
  peakBytes: process.resourceUsage().maxRSS * 1024,
  ...(contender.range === undefined ? {} : { rangeBytes: await contender.range(sealed) }),
}
process.stdout.write(JSON.stringify(round))

/** A file with one recipient, signed by its owner. */
async function webx(): Promise<Contender> {
  await import('../../src/drivers/wasm-files.ts')
  const { dataIdOf } = await import('../../src/data/manifest.ts')
  const { FREE_POLICY } = await import('../../src/data/policy.ts')
  const { publicKeyOf, wrapKeyToAll } = await import('../../src/data/recipients.ts')
  const { keyCommitment } = await import('../../src/data/stream.ts')
  const { ephemeralAgreement } = await import('../../src/drivers/host.ts')
  const { openQnt, sealQnt } = await import('../../src/drivers/qnt-file.ts')
  const { manifestMaker, unlockedBy } = await import('../../src/drivers/qnt-manifest.ts')
  const { readQntRange } = await import('../../src/drivers/qnt-range.ts')
  const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))
  const owner = generateKeyPairSync('ed25519')
  const ownerKey = new Uint8Array(owner.publicKey.export({ format: 'der', type: 'spki' }).subarray(12))
  const [ownerId, salt, contentKey] = [random(32), random(16), random(32)]
  const dataId = dataIdOf(ownerId, salt)
  const keys = { contentKey, dataId, keyEpoch: 1 }
  const holder = { suite: 'x25519', half: ephemeralAgreement() } as const
  const maker = manifestMaker(
    {
      ...{ dataId, ownerId, salt, ownerPosition: 0, fileVersion: 1, previous: null, suite: 'chacha20-poly1305-blake3' },
      ...{ keyEpoch: 1, keyCommitment: keyCommitment(contentKey, dataId), tier: 'private' },
      recipients: wrapKeyToAll(contentKey, [publicKeyOf(holder)], [], keys, { random, ephemeral: ephemeralAgreement }),
      ...{ fieldDigests: [], policy: FREE_POLICY, runnables: [], parents: [] },
    },
    async (message) => new Uint8Array(sign(null, message, owner.privateKey)),
  )
  const unlock = async (document: Uint8Array) => unlockedBy(holder, document, () => ownerKey)
  return {
    seal: (source, target) => sealQnt(source, target, keys, maker),
    open: (source, target) => openQnt(source, target, unlock),
    range: async (source) => (await readQntRange(source, { at: 12_345_678, length: 2 ** 20 }, unlock)).bytesRead,
  }
}

async function age(): Promise<Contender> {
  const library: string = 'age-encryption'
  const { generateIdentity, generateX25519Identity, identityToRecipient, Encrypter, Decrypter } = (await import(
    library
  )) as Age
  const identity = await (generateX25519Identity ?? generateIdentity)()
  const recipient = await identityToRecipient(identity)
  const through = async (source: string, target: string, make: (file: ReadableStream) => Promise<ReadableStream>) => {
    const out = await make(Readable.toWeb(createReadStream(source, { highWaterMark: STREAM_BYTES })))
    await pipeline(Readable.fromWeb(out), createWriteStream(target, { highWaterMark: STREAM_BYTES }))
  }
  return {
    seal: (source, target) => {
      const encrypter = new Encrypter()
      encrypter.addRecipient(recipient)
      return through(source, target, (file) => encrypter.encrypt(file))
    },
    open: (source, target) => {
      const decrypter = new Decrypter()
      decrypter.addIdentity(identity)
      return through(source, target, (file) => decrypter.decrypt(file))
    },
  }
}

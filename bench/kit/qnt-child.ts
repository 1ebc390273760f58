/**
 * One step of one contender of the qnt suite in a process of its own: seals a file, or opens what came out, and prints as JSON how long it took and how
 * much memory the process took at most.
 *
 * Arguments: `webx`, `age` or `command`, `seal` or `open`, the folder, and the name of the file in it. Leaves `<who>.sealed`, `<who>.opened` and what keys it takes
 * there. `command` is `webx qnt seal|open` as people call it, with a key file that is sealed by a passphrase.
 */

import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import type { Io } from '../../src/cli/io.ts'
import { peakOfThisProcess } from '../../test/kit/peak.ts'

/** What a step answers. */
export interface Step {
  readonly ms: number
  readonly peakBytes: number
  /** Of webx that opens: bytes of the file that a megabyte out of its middle takes. */
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

const [who = '', what = '', folder = '', name = ''] = process.argv.slice(2)
const makers: Readonly<Record<string, () => Promise<Contender>>> = { webx, age, command }
const contender = await (makers[who] as () => Promise<Contender>)()
const sealed = join(folder, `${who}.sealed`)
const startMs = performance.now()
if (what === 'seal') await contender.seal(join(folder, name), sealed)
else await contender.open(sealed, join(folder, `${who}.opened`))
const step: Step = {
  ms: performance.now() - startMs,
  peakBytes: peakOfThisProcess(),
  ...(contender.range === undefined || what === 'seal' ? {} : { rangeBytes: await contender.range(sealed) }),
}
process.stdout.write(JSON.stringify(step))

/** A file with one recipient, signed by its owner; both by keys from seeds in `webx.seeds`. */
async function webx(): Promise<Contender> {
  await import('../../src/drivers/wasm-files.ts')
  const { dataIdOf } = await import('../../src/data/manifest.ts')
  const { FREE_POLICY } = await import('../../src/data/policy.ts')
  const { publicKeyOf, wrapKeyToAll } = await import('../../src/data/recipients.ts')
  const { keyCommitment } = await import('../../src/data/stream.ts')
  const { openQnt, sealQnt } = await import('../../src/drivers/qnt-file.ts')
  const { curveHalfOf, HOST_CHANCE } = await import('../../src/drivers/qnt-holder.ts')
  const { manifestMaker, unlockedBy } = await import('../../src/drivers/qnt-manifest.ts')
  const { readQntRange } = await import('../../src/drivers/qnt-range.ts')
  const seeds = kept('webx.seeds', () => randomBytes(64))
  const owner = ed25519Of(seeds.subarray(0, 32))
  const ownerKey = new Uint8Array(createPublicKey(owner).export({ format: 'der', type: 'spki' }).subarray(12))
  const holder = { suite: 'x25519', half: curveHalfOf(seeds.subarray(32)) } as const
  const [ownerId, salt, contentKey] = [HOST_CHANCE.random(32), HOST_CHANCE.random(16), HOST_CHANCE.random(32)]
  const dataId = dataIdOf(ownerId, salt)
  const keys = { contentKey, dataId, keyEpoch: 1 }
  const maker = manifestMaker(
    {
      ...{ dataId, ownerId, salt, ownerPosition: 0, fileVersion: 1, previous: null, suite: 'chacha20-poly1305-blake3' },
      ...{ keyEpoch: 1, keyCommitment: keyCommitment(contentKey, dataId), tier: 'private' },
      recipients: wrapKeyToAll(contentKey, [publicKeyOf(holder)], [], keys, HOST_CHANCE),
      ...{ fieldDigests: [], policy: FREE_POLICY, runnables: [], parents: [] },
    },
    async (message) => new Uint8Array(sign(null, message, owner)),
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
  const made = await (generateX25519Identity ?? generateIdentity)()
  const identity = kept('age.identity', () => Buffer.from(made)).toString()
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

/** The command line with `command.key`, which was sealed before. */
async function command(): Promise<Contender> {
  const { runCommandLine } = await import('../../src/cli/main.ts')
  const io: Io = {
    ...{ stdout: () => undefined, stderr: (text) => process.stderr.write(text), env: {}, workingDirectory: folder },
    ...{
      stdoutIsTerminal: false,
      stderrIsTerminal: false,
      stdinIsTerminal: false,
      signal: new AbortController().signal,
    },
  }
  const run = async (...args: string[]) => {
    if ((await runCommandLine(args, io)) !== 0) throw new Error(`webx ${args.join(' ')} failed`)
  }
  const keys = ['--keys', 'command.key', '--passphrase-file', 'passphrase']
  return {
    seal: (source, target) => run('qnt', 'seal', source, target, ...keys),
    open: (source, target) => run('qnt', 'open', source, target, ...keys),
  }
}

/** What a file in the folder holds; made and kept there the first time. */
function kept(file: string, make: () => Buffer): Buffer {
  const path = join(folder, file)
  if (!existsSync(path)) writeFileSync(path, make())
  return readFileSync(path)
}

function ed25519Of(seed: Uint8Array): KeyObject {
  const key = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

/**
 * `webx qnt seal`, `open`, `verify`, `info` and `recipient`: files that only those can read to whom they are sealed, and that everybody can verify.
 */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { equal, fromBase64url, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { dataIdOf, type Manifest, readManifestDocument } from '../data/manifest.ts'
import { FREE_POLICY } from '../data/policy.ts'
import { readRecipientText, recipientText } from '../data/recipient-text.ts'
import { publicKeyOf, type RecipientKey, wrapKeyToAll } from '../data/recipients.ts'
import { keyCommitment } from '../data/stream.ts'
import { openKeyFile } from '../drivers/key-file.ts'
import { descriptorReader } from '../drivers/qnt-blocks.ts'
import { layoutOf, openQnt, sealQnt, verifyQnt, withQnt } from '../drivers/qnt-file.ts'
import { HOST_CHANCE, holderOf } from '../drivers/qnt-holder.ts'
import { claimsOf, type KeyOf, manifestMaker, unlockedBy } from '../drivers/qnt-manifest.ts'
import '../drivers/wasm-files.ts'
import { type KeyState, readInception } from '../identity/keylog.ts'
import { labelOf } from '../identity/xqident.ts'
import type { Keys } from '../kernel/ports.ts'
import { type Arguments, readArguments } from './arguments.ts'
import type { Io } from './io.ts'
import { createProgress, EXIT, printJson } from './output.ts'
import { keyFileOptions, textFile } from './passphrase.ts'

/** Seals a file, or stdin, to its owner and to others. Throws `usage`, `bad-argument`, and what key files and disks do. */
export async function seal(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt seal', args)
  const target = newFile(given, io)
  const keys = await keysOf(given, io)
  const ownRecipient = publicKeyOf(await holderOf(keys))
  const others = (await Promise.all((given.text('to') ?? '').split(',').map((text) => recipientOf(text, io)))).flat()
  const recipients = [ownRecipient, ...others.filter(({ publicKey }) => !equal(publicKey, ownRecipient.publicKey))]
  const salt = HOST_CHANCE.random(16)
  const dataId = dataIdOf(keys.id, salt)
  const contentKey = HOST_CHANCE.random(32)
  const payload = { contentKey, dataId, keyEpoch: 1 }
  const maker = manifestMaker(
    {
      ...{ dataId, ownerId: keys.id, salt, ownerPosition: keys.position, fileVersion: 1, previous: null },
      ...{ suite: 'chacha20-poly1305-blake3', keyEpoch: 1, keyCommitment: keyCommitment(contentKey, dataId) },
      recipients: wrapKeyToAll(contentKey, recipients, [], payload, HOST_CHANCE),
      ...{ tier: 'private', fieldDigests: [], policy: FREE_POLICY, runnables: [], parents: [] },
    },
    (message) => keys.sign(message),
  )
  const name = given.operands['FILE'] ?? ''
  const source = name === '-' ? descriptorReader(0) : resolve(io.workingDirectory, name)
  try {
    const hasTree = !given.flag('no-tree')
    const sealed = await shown(io, `sealing ${name}`, () => sealQnt(source, target, payload, maker, { hasTree }))
    const { contentBytes, fileBytes, root } = sealed
    report(given, io, {
      ...{ ok: true, file: target, dataId: toHex(dataId), owner: labelOf(keys.id), recipients: recipients.length },
      ...{ contentBytes, fileBytes, root: toHex(root) },
    })
    return EXIT.done
  } finally {
    contentKey.fill(0)
  }
}

/** Opens a file that is sealed to these keys. Throws as `seal`; `not-allowed`, `tampered`, `bad-signature`, `unknown-owner`. */
export async function open(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt open', args)
  const target = newFile(given, io)
  const keys = await keysOf(given, io)
  const holder = await holderOf(keys)
  const keyOf = await ownerKeys(given, io, keys)
  const path = pathOf(given, io)
  const layout = await shown(io, `opening ${path}`, () =>
    openQnt(path, target, async (document) => unlockedBy(holder, document, keyOf)),
  )
  report(given, io, { ok: true, file: target, contentBytes: layout.chunks.contentBytes })
  return EXIT.done
}

/** Verifies the signature and every chunk; needs no key of a recipient. Throws as `open`. */
export async function verify(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt verify', args)
  const keyOf = await ownerKeys(given, io, null)
  const path = pathOf(given, io)
  const layout = await shown(io, `verifying ${path}`, () =>
    verifyQnt(path, async (document) => claimsOf(document, keyOf)),
  )
  const { contentBytes, chunks } = layout.chunks
  report(given, io, { ok: true, file: path, contentBytes, chunks, fileBytes: layout.fileBytes })
  return EXIT.done
}

/** Shows what a file says of itself. Throws `bad-shape`, `tampered`, `file-unreadable`. */
export async function info(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt info', args)
  const path = pathOf(given, io)
  await withQnt(path, async (qnt) => {
    const { manifest } = readManifestDocument(qnt.manifest)
    const layout = layoutOf(qnt, manifest)
    const hasTree = layout.fileBytes > layout.treeAt
    report(given, io, {
      file: path,
      ...described(manifest),
      fileBytes: qnt.fileBytes,
      hasTree,
      signature: 'not checked',
    })
  })
  return EXIT.done
}

/** Shows the text that others need to seal a file to these keys. Throws what the key file does. */
export async function recipient(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments('qnt recipient', args)
  const keys = await keysOf(given, io)
  const text = recipientText(publicKeyOf(await holderOf(keys)))
  if (given.flag('json')) printJson(io, { owner: labelOf(keys.id), recipient: text })
  else io.stdout(`${text}\n`)
  return EXIT.done
}

function described(manifest: Manifest): Record<string, string | number> {
  const { dataId, ownerId, ownerPosition, fileVersion, contentBytes, root, keyEpoch, tier, recipients } = manifest
  return {
    ...{ dataId: toHex(dataId), owner: labelOf(ownerId), ownerPosition, version: fileVersion, tier, contentBytes },
    ...{ root: toHex(root), keyEpoch, recipients: recipients.length, purposes: manifest.policy.purposes.join(', ') },
  }
}

function pathOf(given: Arguments, io: Io): string {
  return resolve(io.workingDirectory, given.operands['FILE'] ?? '')
}

/** Where the result goes; nothing that is there is overwritten. */
function newFile(given: Arguments, io: Io): string {
  const path = resolve(io.workingDirectory, given.operands['TARGET'] ?? '')
  if (!existsSync(path)) return path
  throw new WebxError('bad-argument', `${path} exists already and was left as it is`, { hint: 'Choose another name.' })
}

async function keysOf(given: Arguments, io: Io): Promise<Keys> {
  const file = given.text('keys')
  if (file === undefined) throw new WebxError('usage', 'whose file? --keys FILE is missing')
  return openKeyFile(resolve(io.workingDirectory, file), await keyFileOptions(given, io))
}

/** A recipient's text, or a file that holds it; none for ''. */
async function recipientOf(given: string, io: Io): Promise<RecipientKey[]> {
  const text = given.trim()
  if (text === '') return []
  const isFile = existsSync(resolve(io.workingDirectory, text))
  return [readRecipientText(isFile ? (await textFile(text, io)).trim() : text)]
}

/** The owner's key: that of the inception that was named; else one's own for one's own files. Ids follow from inceptions, so nobody passes for another. */
async function ownerKeys(given: Arguments, io: Io, own: Keys | null): Promise<KeyOf> {
  const named = given.text('owner')
  const owners = named === undefined ? [] : [await inceptionOf(named, io)]
  if (own !== null) owners.push({ id: own.id, position: own.position, keys: [own.publicKey] })
  return (ownerId, ownerPosition) => {
    const owner = owners.find(({ id, position }) => equal(id, ownerId) && position === ownerPosition)
    if (owner) return owner.keys[0] as Uint8Array
    throw new WebxError('unknown-owner', `this file is of ${labelOf(ownerId)}, whose key is not known here`, {
      hint: 'Name it with --owner: webx id show prints it as "inception" where the owner is.',
    })
  }
}

/** Whose inception it is: its text, or a file that holds it. */
async function inceptionOf(named: string, io: Io): Promise<Pick<KeyState, 'id' | 'position' | 'keys'>> {
  const isFile = existsSync(resolve(io.workingDirectory, named))
  const text = isFile ? (await textFile(named, io)).trim() : named
  try {
    return readInception(fromBase64url(text))
  } catch (cause) {
    throw new WebxError('bad-argument', `--owner ${named} is no inception`, { hint: 'webx id show prints it.', cause })
  }
}

async function shown<T>(io: Io, text: string, work: () => Promise<T>): Promise<T> {
  const progress = createProgress(io)
  progress.show(text)
  try {
    return await work()
  } finally {
    progress.end()
  }
}

function report(given: Arguments, io: Io, values: Readonly<Record<string, string | number | boolean>>): void {
  if (given.flag('json')) {
    printJson(io, values)
    return
  }
  for (const [name, value] of Object.entries(values)) if (name !== 'ok') io.stdout(`${name.padEnd(14)}${value}\n`)
}

/**
 * The file in which an owner keeps the disclosures of a .qnt's blinded metadata, to hand some of them out with a ping later.
 *
 * A line `webx-disclosures 1 DATA-ID`, then one disclosure a line in base64url: salt, name and value in canonical CBOR (`data/metadata.ts`). Who has the
 * file knows all fields; so it is written for its owner's eyes only, and what is there already is never replaced.
 */

import { fromBase64url, fromHex, toBase64url, toHex } from '../core/bytes.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type Field, readDisclosure } from '../data/metadata.ts'
import { writeAll, writeDraft } from '../drivers/qnt-blocks.ts'
import type { Io } from './io.ts'
import { textFile } from './passphrase.ts'

/** What a file of disclosures holds. */
export interface Disclosures {
  /** 32 bytes: the .qnt that they are of. */
  readonly dataId: Uint8Array
  /** Each with the field that it shows; no two of one name. */
  readonly list: readonly { readonly disclosure: Uint8Array; readonly field: Field }[]
}

/** Writes the file (mode 0600), durable when this resolves. Throws `store-failed`, also where there is a file already. */
export async function writeDisclosures(
  path: string,
  dataId: Uint8Array,
  disclosures: readonly Uint8Array[],
): Promise<void> {
  const lines = [`${HEAD} ${toHex(dataId)}`, ...disclosures.map(toBase64url)]
  await writeDraft(path, (draft) => writeAll(draft, Buffer.from(`${lines.join('\n')}\n`), 0))
}

/** Reads the file. Throws `file-unreadable`, `too-long`, and `bad-argument` for what is no such file. */
export async function readDisclosures(path: string, io: Io): Promise<Disclosures> {
  const [head = '', ...lines] = (await textFile(path, io, TEXT_BYTES_MAX)).trimEnd().split(/\r?\n/)
  const dataId = new RegExp(`^${HEAD} ([0-9a-f]{64})$`).exec(head)?.[1]
  if (dataId === undefined || lines.length > LIMITS.qntFieldsMax) throw noDisclosures(path)
  const list = lines.map((line) => {
    try {
      const disclosure = fromBase64url(line)
      return { disclosure, field: readDisclosure(disclosure) }
    } catch (cause) {
      throw noDisclosures(path, cause)
    }
  })
  if (new Set(list.map(({ field }) => field.name)).size !== list.length) throw noDisclosures(path)
  return { dataId: fromHex(dataId), list }
}

/**
 * The disclosures of the fields that are named: names with commas between, or `all`.
 *
 * @throws WebxError `bad-argument` for a name that the file does not have
 */
export function disclosuresOf({ list }: Disclosures, names: string): Uint8Array[] {
  if (names === 'all') return list.map(({ disclosure }) => disclosure)
  return names.split(',').map((given) => {
    const found = list.find(({ field }) => field.name === given.trim())
    if (found !== undefined) return found.disclosure
    const known = list.map(({ field }) => field.name).join(', ')
    throw new WebxError('bad-argument', `no field is called "${given.trim()}"`, { hint: `There are: ${known}.` })
  })
}

const HEAD = 'webx-disclosures 1'
/** All fields a file can have, each as long as it can be. */
const TEXT_BYTES_MAX = 2 * LIMITS.qntFieldsMax * LIMITS.qntDisclosureBytesMax

function noDisclosures(path: string, cause?: unknown): WebxError {
  const hint = 'webx qnt seal --disclosures writes one.'
  return new WebxError('bad-argument', `${path} is no file of disclosures`, { hint, cause })
}

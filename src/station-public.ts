/**
 * What the owner of a running station may ask of the public log: to have a document logged, for its receipt, and to be told what is new.
 */

import type { WebxNode } from './boot.ts'
import { readLeafBody } from './consensus/publiclog/leaf.ts'
import { fromHex, toBase64url, toHex } from './core/bytes.ts'
import { blake3Of } from './core/digest.ts'
import { WebxError } from './core/errors.ts'
import { LIMITS } from './core/limits.ts'
import type { ControlCall, ControlMethod } from './drivers/control-socket.ts'
import { labelOf } from './identity/xqident.ts'
import type { Proven } from './services/public-documents.ts'
import type { LogNews } from './services/public-news.ts'

/** A receipt that waits to be fetched piece by piece: it may be longer than a line. */
export interface HeldReceipt {
  /** Digest in hexadecimal, for `publicPiece`. */
  readonly id: string
  readonly bytes: number
  readonly index: number
  readonly size: number
}

/** Something new in the log, as it is told. */
export type ToldNews =
  | {
      readonly kind: 'leaf'
      readonly index: number
      readonly digest: string
      readonly by: string
      readonly note: string
    }
  | {
      readonly kind: 'checkpoint'
      readonly size: number
      readonly final: number
      readonly epoch: number
      readonly generation: number
      readonly root: string
    }
  | { readonly kind: 'cosigned'; readonly size: number; readonly weight: number; readonly total: number }
  | { readonly kind: 'generation'; readonly generation: number; readonly epoch: number; readonly size: number }
  | { readonly kind: 'fork'; readonly guilty: string; readonly offence: string }

/** Bytes of a receipt in one answer: what fits a line as base64url. */
const PIECE_BYTES = 32 * 1024
const DIGEST = /^[0-9a-f]{64}$/

/** `publicAppend`, `publicProve`, `publicPiece` and `publicWatch`. */
export function publicMethods({ publicLog }: WebxNode): Readonly<Record<string, ControlMethod>> {
  const held = new Map<string, Uint8Array>()
  const hold = ({ document, index, size }: Proven): HeldReceipt => {
    const id = toHex(blake3Of('webx v1 held receipt', document))
    held.delete(id)
    held.set(id, document)
    for (const oldest of held.keys()) {
      if (held.size <= LIMITS.logDocumentsHeldMax) break
      held.delete(oldest)
    }
    return { id, bytes: document.length, index, size }
  }
  return {
    publicAppend: async ({ params, progress, signal }) => {
      const note = noteOf(params)
      const onStage = (stage: string): void => progress({ stage })
      return hold(await publicLog.documents.append(digestOf(params), note, { onStage, signal }))
    },
    publicProve: async ({ params }) => {
      const proven = publicLog.documents.prove(digestOf(params))
      if (proven) return hold(proven)
      throw new WebxError('not-settled', 'this document is not witnessed, as far as this node knows', {
        hint: 'Have it logged with webx public append.',
      })
    },
    publicPiece: async ({ params }) => {
      const { id, from } = (params ?? {}) as { id?: unknown; from?: unknown }
      const document = typeof id === 'string' ? held.get(id) : undefined
      if (!document || !Number.isSafeInteger(from))
        throw new WebxError('bad-argument', 'no receipt is held by that name')
      return { piece: toBase64url(document.subarray(from as number, (from as number) + PIECE_BYTES)) }
    },
    publicWatch: (call) => watch(publicLog, call),
  }
}

/** Tells news until the asker hangs up; first of all, where the log stands. */
function watch(publicLog: WebxNode['publicLog'], { progress, signal }: ControlCall): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const unwatch = publicLog.watch((news) => progress(told(news)))
  const { newest } = publicLog.witness.standings
  if (newest) progress(told({ kind: 'checkpoint', checkpoint: newest }))
  const end = (): void => {
    unwatch()
    resolve({})
  }
  if (signal.aborted) end()
  else signal.addEventListener('abort', end, { once: true })
  return promise
}

function told(news: LogNews): ToldNews {
  switch (news.kind) {
    case 'leaf':
      return { kind: 'leaf', index: news.index, ...toldLeaf(news.body) }
    case 'checkpoint': {
      const { size, network, epoch, generation, root } = news.checkpoint
      return { kind: 'checkpoint', size, final: network, epoch, generation, root: toHex(root) }
    }
    case 'cosigned':
      return { kind: 'cosigned', size: news.checkpoint.size, weight: news.weight, total: news.total }
    case 'fork':
      return { kind: 'fork', guilty: toHex(news.guilty), offence: news.offence }
    default:
      return news
  }
}

function toldLeaf(body: Uint8Array): { readonly digest: string; readonly by: string; readonly note: string } {
  const leaf = readLeafBody(body)
  if (leaf.kind === 'document') return { digest: toHex(leaf.digest), by: labelOf(leaf.owner), note: leaf.note }
  return { digest: toHex(leaf.od), by: toHex(leaf.home), note: `version ${leaf.version} of ${toHex(leaf.oid)}` }
}

function digestOf(params: unknown): Uint8Array {
  const { digest } = (params ?? {}) as { digest?: unknown }
  if (typeof digest === 'string' && DIGEST.test(digest)) return fromHex(digest)
  throw new WebxError('bad-argument', 'expected the digest of a document, 64 hexadecimal digits')
}

function noteOf(params: unknown): string {
  const { note = '' } = (params ?? {}) as { note?: unknown }
  if (typeof note === 'string' && note.length <= LIMITS.logNoteCharactersMax) return note
  throw new WebxError('bad-argument', `a note has up to ${LIMITS.logNoteCharactersMax} characters`)
}

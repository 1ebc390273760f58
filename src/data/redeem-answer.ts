/**
 * What is inside the sealed messages of a redemption: the request with what belongs to it, the verdict with what it grants, the notice of a new version.
 *
 * A refusal says its code and by which rule: the challenge or ping itself, the file, its policy, or its runnable with that one's reason number. A grant never holds a content
 * key but wrapped to the last holder of the ping. Layout and CDDL: `src/PROTOCOL.md`.
 */

import { type Cbor, encode } from '../core/codec.ts'
import { CODES, type Code, WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import { type Recipient, readRecipients, recipientCbor } from './recipients.ts'
import { OPERATION, type Operation, operationNames } from './rights.ts'

/** What a holder seals to the server. */
export interface RedeemAsk {
  /** Bytes of `encodeRedemption`. */
  readonly redemption: Uint8Array
  /** Bytes of `encodeQuestion`, for `verify`; empty for all else. */
  readonly question: Uint8Array
  /** An owner's override document, or empty. */
  readonly override: Uint8Array
}

/** What refuses: the challenge, ping and rights; what the server has of the file; the rules in its manifest; its runnable. The index is what travels. */
export const RULES = ['ping', 'file', 'policy', 'runnable'] as const
export type Rule = (typeof RULES)[number]

/** Why nothing is granted. */
export interface RedeemRefusal {
  readonly isGranted: false
  readonly code: Code
  /** One sentence. */
  readonly reason: string
  readonly rule: Rule
  /** The runnable's own reason, from 1; 0 where there is none. */
  readonly number: number
}

/** What is granted. */
export interface RedeemGrant {
  readonly isGranted: true
  readonly operation: Operation
  readonly fileVersion: number
  /** 32-byte digest of that version's manifest. */
  readonly digest: Uint8Array
  /** How old the status list was that was asked; null where the ping names none. */
  readonly statusAgeMs: number | null
  /** Which of the fields shown are left out, by their place, ascending: what a runnable redacted. */
  readonly hidden: readonly number[]
  readonly body: GrantBody
}

/** What comes with a grant, by its kind. */
export type GrantBody =
  | {
      readonly kind: 'file'
      /** The content key, wrapped to the holder. */
      readonly recipient: Recipient
      /** 16 bytes: stands for the .qnt, sealed as it is. */
      readonly ticket: Uint8Array
      readonly fileBytes: number
    }
  | {
      readonly kind: 'range'
      /** A key for these bytes alone, wrapped to the holder. */
      readonly recipient: Recipient
      /** 16 bytes: stands for the sealed chunks, of 64 KiB. */
      readonly ticket: Uint8Array
      /** Where in the content they begin, and how many bytes they hold. */
      readonly from: number
      readonly contentBytes: number
      /** Of the sealed chunks, and of their key; 32 bytes each. */
      readonly root: Uint8Array
      readonly commitment: Uint8Array
    }
  /** What a runnable made of the content. */
  | { readonly kind: 'payload'; readonly payload: Uint8Array }
  /** Bytes of an answer to the question. */
  | { readonly kind: 'proof'; readonly answer: Uint8Array }
  /** Notices will come until then. */
  | { readonly kind: 'watch'; readonly untilMs: number }

export type RedeemVerdict = RedeemRefusal | RedeemGrant

/** What a server tells whoever watches a file. */
export interface VersionNotice {
  /** 32-byte id of the file. */
  readonly dataId: Uint8Array
  readonly fileVersion: number
  readonly digest: Uint8Array
  /** What the file's `notify` runnable says of it; may be empty. */
  readonly payload: Uint8Array
}

/** `[1, redemption, question, override]` */
export function encodeAsk({ redemption, question, override }: RedeemAsk): Uint8Array {
  return encode([VERSION, redemption, question, override])
}

/** Throws `too-long`, `not-canonical`, `bad-shape`, `bad-version`. */
export function readAsk(bytes: Uint8Array): RedeemAsk {
  const fields = Fields.of('vault request', bytes, LIMITS.vaultRequestBytesMax)
  assertVersion('vault request', fields)
  const ask = {
    redemption: fields.bytesBetween('redemption', 1, LIMITS.pingRedemptionBytesMax),
    question: fields.bytesBetween('question', 0, LIMITS.proofQuestionBytesMax),
    override: fields.bytesBetween('override', 0, LIMITS.overrideBytesMax),
  }
  fields.end()
  return ask
}

/** `[1, 0, code, reason, rule, number]` or `[1, 1, operation, version, digest, status age, hidden, kind, …body]` */
export function encodeVerdict(verdict: RedeemVerdict): Uint8Array {
  if (!verdict.isGranted) {
    const { code, reason, rule, number } = verdict
    const said = reason.slice(0, REASON_CHARACTERS_MAX).toWellFormed()
    return encode([VERSION, 0, code, said, RULES.indexOf(rule), number])
  }
  const { operation, fileVersion, digest, statusAgeMs, hidden, body } = verdict
  const age = statusAgeMs === null ? [] : [statusAgeMs]
  return encode([VERSION, 1, OPERATION[operation], fileVersion, digest, age, hidden, bodyCbor(body)])
}

/** Throws `too-long`, `not-canonical`, `bad-shape`, `bad-version`. */
export function readVerdict(bytes: Uint8Array): RedeemVerdict {
  const fields = Fields.of('vault answer', bytes, LIMITS.vaultAnswerBytesMax)
  assertVersion('vault answer', fields)
  const verdict = fields.uint('isGranted', 1) === 1 ? readGrant(fields) : readRefusal(fields)
  fields.end()
  return verdict
}

/** `[1, data id, version, digest, payload]` */
export function encodeNotice({ dataId, fileVersion, digest, payload }: VersionNotice): Uint8Array {
  return encode([VERSION, dataId, fileVersion, digest, payload])
}

/** Throws `too-long`, `not-canonical`, `bad-shape`, `bad-version`. */
export function readNotice(bytes: Uint8Array): VersionNotice {
  const fields = Fields.of('vault notice', bytes, LIMITS.vaultAnswerBytesMax)
  assertVersion('vault notice', fields)
  const notice = {
    dataId: fields.bytes('dataId', 32),
    fileVersion: fields.uint('fileVersion'),
    digest: fields.bytes('digest', 32),
    payload: fields.bytesBetween('payload', 0, LIMITS.runnablePayloadBytesMax),
  }
  fields.end()
  return notice
}

const VERSION = 1
const REASON_CHARACTERS_MAX = 400
const KINDS = ['file', 'range', 'payload', 'proof', 'watch'] as const

function assertVersion(what: string, fields: Fields): void {
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `${what}: version ${version}, known is ${VERSION}`)
}

function readRefusal(fields: Fields): RedeemRefusal {
  const code = fields.text('code', CODE_CHARACTERS_MAX)
  if (!Object.hasOwn(CODES, code)) throw new WebxError('bad-shape', 'vault answer: refused by a code that is none')
  return {
    isGranted: false,
    code: code as Code,
    reason: fields.text('reason', REASON_CHARACTERS_MAX),
    rule: RULES[fields.uint('rule', RULES.length - 1)] as Rule,
    number: fields.uint('number', LIMITS.runnableReasonMax),
  }
}

const CODE_CHARACTERS_MAX = 40

function readGrant(fields: Fields): RedeemGrant {
  const [operation, ...others] = operationNames(fields.uint('operation', OPERATION.notify))
  if (!operation || others.length > 0) throw new WebxError('bad-shape', 'vault answer: a grant is of one operation')
  return {
    isGranted: true,
    operation,
    fileVersion: fields.uint('fileVersion'),
    digest: fields.bytes('digest', 32),
    statusAgeMs: fields.list('statusAge', 1, uintOf)[0] ?? null,
    hidden: fields.list('hidden', LIMITS.pingFieldsMax, uintOf),
    body: fields.tuple('body', readBody),
  }
}

function bodyCbor(body: GrantBody): Cbor {
  const kind = KINDS.indexOf(body.kind)
  switch (body.kind) {
    case 'file':
      return [kind, [recipientCbor(body.recipient)], body.ticket, body.fileBytes]
    case 'range': {
      const { recipient, ticket, from, contentBytes, root, commitment } = body
      return [kind, [recipientCbor(recipient)], ticket, from, contentBytes, root, commitment]
    }
    case 'payload':
      return [kind, body.payload]
    case 'proof':
      return [kind, body.answer]
    case 'watch':
      return [kind, body.untilMs]
  }
}

function readBody(fields: Fields): GrantBody {
  const kind = KINDS[fields.uint('kind', KINDS.length - 1)] as (typeof KINDS)[number]
  switch (kind) {
    case 'file':
      return { kind, ...readWrapped(fields), fileBytes: fields.uint('fileBytes') }
    case 'range':
      return {
        kind,
        ...readWrapped(fields),
        from: fields.uint('from'),
        contentBytes: fields.uint('contentBytes', LIMITS.qntRangeBytesMax),
        root: fields.bytes('root', 32),
        commitment: fields.bytes('commitment', 32),
      }
    case 'payload':
      return { kind, payload: fields.bytesBetween('payload', 0, LIMITS.runnablePayloadBytesMax) }
    case 'proof':
      return { kind, answer: fields.bytesBetween('answer', 1, LIMITS.proofAnswerBytesMax) }
    case 'watch':
      return { kind, untilMs: fields.uint('untilMs') }
  }
}

function readWrapped(fields: Fields): { readonly recipient: Recipient; readonly ticket: Uint8Array } {
  const [recipient] = readRecipients(fields)
  if (!recipient) throw new WebxError('bad-shape', 'vault answer: a content key is wrapped to nobody')
  return { recipient, ticket: fields.bytes('ticket', 16) }
}

function uintOf(value: Cbor): number {
  if (typeof value === 'number') return value
  throw new WebxError('bad-shape', 'vault answer: expected an unsigned integer')
}

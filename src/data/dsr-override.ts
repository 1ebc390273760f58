/**
 * The owner's way around a broken runnable: a signed statement that lets the owner, and nobody else, read one file in spite of one module until a certain time.
 *
 * Without it a mistake in a policy could lock its own author out. It names the module by its digest, so that it does not outlive a repair, and is a COSE_Sign1
 * document of content type `application/webx-override` whose key id is the owner's identity.
 */

import { assertBytes, equal, toHex } from '../core/bytes.ts'
import { encode } from '../core/codec.ts'
import { decodeSign1, encodeSign1, type Sign1Header, sign1Message } from '../core/cose.ts'
import { verifySignature } from '../core/crypto.ts'
import { WebxError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { Fields } from '../core/shape.ts'
import type { Verdict } from './dsr-abi.ts'

/** What an owner overrides. */
export interface Override {
  /** 32-byte data id of the file. */
  readonly dataId: Uint8Array
  /** `runnableDigest` of the module. */
  readonly moduleDigest: Uint8Array
  /** From this time on it does not hold any more. */
  readonly untilMs: number
}

/** Who asks for what, to be held against an override. */
export interface OverrideQuestion {
  readonly dataId: Uint8Array
  readonly moduleDigest: Uint8Array
  /** Identity of the file's owner, and the key that speaks for it now. */
  readonly owner: Uint8Array
  readonly ownerKey: Uint8Array
  /** Identity of who asks; proven by the caller. */
  readonly requester: Uint8Array
  readonly nowMs: number
}

const VERSION = 1
const CONTENT_TYPE = 'application/webx-override'

/** What the owner signs. */
export function overrideMessage(override: Override, owner: Uint8Array): Uint8Array {
  return sign1Message(payloadOf(override), headerOf(owner))
}

/** The document, from the owner's signature over `overrideMessage`. */
export function encodeOverride(override: Override, owner: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeSign1(payloadOf(override), signature, headerOf(owner))
}

/**
 * The verdict of the `access` hook under an override: allow.
 *
 * @throws WebxError `too-long`, `not-canonical`, `bad-version`, `bad-shape`; `wrong-file` for another file or module; `not-allowed` where it is not the owner's or not the owner
 *   asks; `bad-signature`; `expired`
 */
export function overriddenVerdict(document: Uint8Array, question: OverrideQuestion): Verdict {
  if (document.length > LIMITS.overrideBytesMax) {
    throw new WebxError(
      'too-long',
      `an override of ${document.length} bytes, at most ${LIMITS.overrideBytesMax} allowed`,
    )
  }
  const { header, payload, signature, message } = decodeSign1(document)
  if (header.contentType !== CONTENT_TYPE || header.keyId === undefined) {
    throw new WebxError('bad-shape', `not a document of type ${CONTENT_TYPE}`)
  }
  const { dataId, moduleDigest, untilMs } = readOverride(payload)
  if (!equal(dataId, question.dataId)) throw new WebxError('wrong-file', `overrides for ${toHex(dataId)}`)
  if (!equal(moduleDigest, question.moduleDigest)) {
    throw new WebxError('wrong-file', `overrides the module ${toHex(moduleDigest)}, which is not the file's`)
  }
  if (!equal(header.keyId, question.owner)) throw new WebxError('not-allowed', 'the override is not by the owner')
  if (!equal(question.requester, question.owner)) {
    throw new WebxError('not-allowed', 'an override is for the owner alone')
  }
  if (!verifySignature(question.ownerKey, message, signature)) {
    throw new WebxError('bad-signature', 'the override is not signed by the key of the owner')
  }
  if (question.nowMs >= untilMs) throw new WebxError('expired', `the override ended at ${untilMs}`)
  return { kind: 'allow', reason: 0, fields: [], payload: new Uint8Array(0) }
}

function payloadOf({ dataId, moduleDigest, untilMs }: Override): Uint8Array {
  assertBytes('data id', dataId, 32)
  assertBytes('module digest', moduleDigest, 32)
  return encode([VERSION, dataId, moduleDigest, untilMs])
}

function headerOf(owner: Uint8Array): Sign1Header {
  assertBytes('owner', owner, 32)
  return { contentType: CONTENT_TYPE, keyId: owner }
}

function readOverride(payload: Uint8Array): Override {
  const fields = Fields.of('override', payload)
  const version = fields.uint('version')
  if (version !== VERSION) throw new WebxError('bad-version', `override: version ${version}, only ${VERSION} is known`)
  const override = {
    dataId: fields.bytes('data id', 32),
    moduleDigest: fields.bytes('module digest', 32),
    untilMs: fields.uint('until'),
  }
  fields.end()
  return override
}

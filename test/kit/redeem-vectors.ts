/**
 * The messages of a redemption over the net, made of fixed keys. Written to `test/vectors/redeem.json` by
 *
 *     node test/kit/redeem-vectors.ts > test/vectors/redeem.json
 *
 * only where the format was changed on purpose; `test/data/redeem.test.ts` fails until then.
 */

import './wasm.ts'
import { toHex } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { wrapKey } from '../../src/data/recipients.ts'
import {
  encodeAsk,
  encodeNotice,
  encodeVerdict,
  type GrantBody,
  type RedeemGrant,
} from '../../src/data/redeem-answer.ts'
import {
  answerPayload,
  blockPayload,
  challengePayload,
  fetchPayload,
  noticePayload,
  queryPayload,
  redeemPayload,
} from '../../src/data/redeem-frames.ts'
import { sealAnswer, sealBlock, sealNotice, sealRequest } from '../../src/data/redeem-seal.ts'
import { challengeFor } from '../../src/data/redemption.ts'
import { chance, curveHalf } from './manifests.ts'
import * as pings from './pings.ts'

const { fill } = pings

/** Private X25519 keys: the server's seal key, the holder's agreement key, and two that are used once. */
export const SECRETS = { seal: fill(32, 31), agreement: fill(32, 21), once: fill(32, 33), onceMore: fill(32, 34) }
export const PLACE = { netId: fill(32, 11), server: pings.SERVER, holder: fill(32, 12) }
export const NONCE = fill(16, 41)
export const ANSWER_SALT = fill(16, 42)
export const TICKET = fill(16, 43)
export const BLOCK = Uint8Array.from({ length: 1_000 }, (_, i) => i & 255)
const CONTENT_KEY = fill(32, 5)
const NOTHING = new Uint8Array(0)

/** The rule of the document that each fits. */
export const REDEEM_RULES: Readonly<Record<string, string>> = {
  query: 'vault-query',
  challenge: 'vault-challenge',
  redeem: 'vault-redeem',
  answer: 'vault-answer',
  fetch: 'vault-fetch',
  block: 'vault-block',
  blockGone: 'vault-block',
  notice: 'vault-notice',
  ask: 'vault-request',
  refused: 'vault-verdict',
  grantedFile: 'vault-verdict',
  grantedRange: 'vault-verdict',
  grantedPayload: 'vault-verdict',
  grantedProof: 'vault-verdict',
  grantedWatch: 'vault-verdict',
  told: 'vault-notice-content',
}

/** Golden bytes by name. */
export function goldenRedeem(): Record<string, Uint8Array> {
  const presentation = pings.carolsPresentation(pings.disclosuresOf('title'))
  const ask = encodeAsk({ redemption: pings.answer(presentation, pings.CAROL), question: NOTHING, override: NOTHING })
  const sealKey = curveHalf(SECRETS.seal).publicKey
  const { enc, sealed, back } = sealRequest(ask, sealKey, curveHalf(SECRETS.once), PLACE, NONCE)
  const { dataId } = pings.FILE
  const agreement = curveHalf(SECRETS.agreement).publicKey
  const recipient = wrapKey(
    CONTENT_KEY,
    { suite: 'x25519', publicKey: agreement },
    { dataId, keyEpoch: 3 },
    chance('redeem'),
  )
  const granted = (operation: RedeemGrant['operation'], body: GrantBody, hidden: number[] = []): Uint8Array =>
    encodeVerdict({
      ...{ isGranted: true, operation, fileVersion: 3, digest: fill(32, 44), statusAgeMs: 5_000, hidden, body },
    })
  const grantedFile = granted('read', { kind: 'file', recipient, ticket: TICKET, fileBytes: 70_000 })
  const range = { from: 4_096, contentBytes: 1_000, root: fill(32, 45), commitment: fill(32, 46) }
  const told = encodeNotice({ dataId, fileVersion: 4, digest: fill(32, 47), payload: fill(3, 7) })
  const refusal = { isGranted: false, code: 'denied', rule: 'runnable', number: 7 } as const
  return {
    query: encode(queryPayload(NONCE)),
    challenge: encode(
      challengePayload({
        ...{ nonce: NONCE, sealKey },
        challenge: challengeFor(pings.SERVER, pings.SECRET, fill(16, 8), pings.NOW_MS),
      }),
    ),
    redeem: encode(redeemPayload({ nonce: NONCE, enc, sealed })),
    answer: encode(
      answerPayload({ nonce: NONCE, salt: ANSWER_SALT, sealed: sealAnswer(grantedFile, back, ANSWER_SALT) }),
    ),
    fetch: encode(fetchPayload({ ticket: TICKET, at: 65_536 })),
    block: encode(blockPayload({ ticket: TICKET, at: 65_536, sealed: sealBlock(BLOCK, back.blockKey, 65_536) })),
    blockGone: encode(blockPayload({ ticket: TICKET, at: 65_536, sealed: NOTHING })),
    notice: encode(noticePayload(sealNotice(told, agreement, curveHalf(SECRETS.onceMore), PLACE))),
    ask,
    refused: encodeVerdict({ ...refusal, reason: 'the file’s access rule denies' }),
    grantedFile,
    grantedRange: granted('read', { kind: 'range', recipient, ticket: TICKET, ...range }, [0, 2]),
    grantedPayload: granted('aggregate', { kind: 'payload', payload: fill(4, 9) }),
    grantedProof: granted('verify', { kind: 'proof', answer: fill(8, 10) }),
    grantedWatch: granted('notify', { kind: 'watch', untilMs: pings.NOW_MS + 1_000 }),
    told,
  }
}

/** Bytes with one thing wrong, the golden ones that they are made of, and the code of the refusal. */
export interface RefusedRedeem {
  readonly name: string
  readonly reader: string
  readonly code: string
  readonly bytes: Uint8Array
}

export function refusedRedeem(): RefusedRedeem[] {
  const golden = goldenRedeem()
  const fieldsOf = (name: string) => decode(golden[name] as Uint8Array, 65_536) as Cbor[]
  const body = (name: string) => fieldsOf(name)[7] as Cbor[]
  const cases: [reader: string, name: string, code: string, fields: Cbor][] = [
    ['query', 'a nonce of 15 bytes', 'bad-shape', [fill(15, 1)]],
    ['query', 'a second field', 'bad-shape', [...fieldsOf('query'), 0]],
    ['challenge', 'a challenge of nothing', 'bad-shape', fieldsOf('challenge').with(1, NOTHING)],
    ['challenge', 'a key of 31 bytes', 'bad-shape', fieldsOf('challenge').with(2, fill(31, 1))],
    ['redeem', 'an encapsulation of 33 bytes', 'bad-shape', fieldsOf('redeem').with(1, fill(33, 1))],
    ['answer', 'a salt of 15 bytes', 'bad-shape', fieldsOf('answer').with(1, fill(15, 1))],
    ['fetch', 'a block that begins elsewhere', 'bad-shape', fieldsOf('fetch').with(1, 65_537)],
    ['notice', 'a field less', 'bad-shape', fieldsOf('notice').slice(0, 1)],
    ['ask', 'version 2', 'bad-version', fieldsOf('ask').with(0, 2)],
    ['ask', 'no redemption', 'bad-shape', fieldsOf('ask').with(1, NOTHING)],
    ['ask', 'a question of 513 bytes', 'bad-shape', fieldsOf('ask').with(2, fill(513, 1))],
    ['verdict', 'version 2', 'bad-version', fieldsOf('refused').with(0, 2)],
    ['verdict', 'neither granted nor refused', 'bad-shape', fieldsOf('refused').with(1, 2)],
    ['verdict', 'a code that is none', 'bad-shape', fieldsOf('refused').with(2, 'no-such-code')],
    ['verdict', 'a rule that is none', 'bad-shape', fieldsOf('refused').with(4, 4)],
    ['verdict', 'two operations', 'bad-shape', fieldsOf('grantedFile').with(2, 3)],
    ['verdict', 'a kind that is none', 'bad-shape', fieldsOf('grantedFile').with(7, [5])],
    ['verdict', 'a key for nobody', 'bad-shape', fieldsOf('grantedFile').with(7, body('grantedFile').with(1, []))],
    ['verdict', 'a field too many', 'bad-shape', [...fieldsOf('grantedFile'), 0]],
    [
      'verdict',
      'a body with a field too many',
      'bad-shape',
      fieldsOf('grantedFile').with(7, [...body('grantedFile'), 0]),
    ],
    ['told', 'version 2', 'bad-version', fieldsOf('told').with(0, 2)],
    ['told', 'a payload of 4,097 bytes', 'bad-shape', fieldsOf('told').with(4, fill(4_097, 1))],
  ]
  return cases.map(([reader, name, code, fields]) => ({ reader, name, code, bytes: encode(fields) }))
}

/** The file's content. */
export function redeemVectors() {
  return {
    about:
      'Redeeming over the net, version 1. Private X25519 keys of the server’s start, the holder’s agreement, the request and the notice are 32 times 31, 21, 33, 34; net, server and holder 32 times 11, 9, 12. "refused" are payloads and contents with one thing wrong each.',
    golden: Object.fromEntries(Object.entries(goldenRedeem()).map(([name, bytes]) => [name, toHex(bytes)])),
    refused: refusedRedeem().map(({ bytes, ...rest }) => ({ ...rest, bytes: toHex(bytes) })),
  }
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(redeemVectors(), null, 2)}\n`)

/** The messages of a redemption over the net: golden bytes, refusals, an independent reader, and what sealing binds. */

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { equal, fromHex, toHex } from '../../src/core/bytes.ts'
import { type Cbor, decode } from '../../src/core/codec.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { encodeVerdict, readAsk, readNotice, readVerdict } from '../../src/data/redeem-answer.ts'
import {
  readBlock,
  readFetch,
  readNoticeFrame,
  readQuery,
  readRedeem,
  readRedeemAnswer,
  readRedeemChallenge,
} from '../../src/data/redeem-frames.ts'
import {
  openAnswer,
  openBlock,
  openNotice,
  openRequest,
  PAD_BYTES,
  sealAnswer,
  sealRequest,
} from '../../src/data/redeem-seal.ts'
import { curveHalf } from '../kit/manifests.ts'
import { fill } from '../kit/pings.ts'
import { seeAnswer, seeBlock, seeNotice, seeRequest } from '../kit/redeem-oracle.ts'
import { BLOCK, goldenRedeem, NONCE, PLACE, REDEEM_RULES, redeemVectors, SECRETS } from '../kit/redeem-vectors.ts'
import { codeOf } from '../kit/refusal.ts'

const test = suite('data/redeem')
const vectors = JSON.parse(readFileSync(new URL('../vectors/redeem.json', import.meta.url), 'utf8')) as ReturnType<
  typeof redeemVectors
>
const golden = goldenRedeem()
const place = [PLACE.netId, PLACE.server, PLACE.holder] as const
const value = (bytes: Uint8Array): Cbor => decode(bytes, 65_536)
const bytesOf = (name: string): Uint8Array => golden[name] as Uint8Array
const seal = curveHalf(SECRETS.seal)

const READERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  query: (bytes) => readQuery(value(bytes)),
  challenge: (bytes) => readRedeemChallenge(value(bytes)),
  redeem: (bytes) => readRedeem(value(bytes)),
  answer: (bytes) => readRedeemAnswer(value(bytes)),
  fetch: (bytes) => readFetch(value(bytes)),
  block: (bytes) => readBlock(value(bytes)),
  notice: (bytes) => readNoticeFrame(value(bytes)),
  ask: readAsk,
  verdict: readVerdict,
  told: readNotice,
}

test('today’s code makes the golden bytes', () => {
  assert.equal(redeemVectors(), vectors)
  assert.equal(Object.keys(vectors.golden), Object.keys(REDEEM_RULES))
})

test('readers take them, and what they read is written as it was', () => {
  for (const name of ['query', 'challenge', 'redeem', 'answer', 'fetch', 'block', 'notice', 'ask', 'told']) {
    assert.ok(READERS[name]?.(bytesOf(name)), name)
  }
  for (const name of Object.keys(golden).filter((each) => /^granted|refused/.test(each))) {
    assert.is(toHex(encodeVerdict(readVerdict(bytesOf(name)))), toHex(bytesOf(name)), name)
  }
})

test('what is broken is refused by its code', () => {
  for (const { name, reader, code, bytes } of vectors.refused) {
    assert.is(
      codeOf(() => READERS[reader]?.(fromHex(bytes))),
      code,
      `${reader}: ${name}`,
    )
  }
})

test('what is longer than it can be is refused', () => {
  const { vaultRequestBytesMax, vaultAnswerBytesMax, vaultBlockBytesMax } = LIMITS
  const longer = (bytes: number) => fill(bytes + 17, 1)
  const refused: Record<string, () => unknown> = {
    redeem: () => readRedeem([NONCE, fill(32, 1), longer(vaultRequestBytesMax)]),
    answer: () => readRedeemAnswer([NONCE, NONCE, longer(vaultAnswerBytesMax)]),
    block: () => readBlock([NONCE, 0, longer(vaultBlockBytesMax)]),
    notice: () => readNoticeFrame([fill(32, 1), longer(vaultAnswerBytesMax)]),
  }
  for (const [name, read] of Object.entries(refused)) assert.is(codeOf(read), 'bad-shape', name)
})

test('an independent reader opens the same out of what is sealed', () => {
  const { ask, answerSecret, blockKey } = seeRequest(bytesOf('redeem'), SECRETS.seal, place)
  assert.is(toHex(ask), toHex(bytesOf('ask')))
  assert.is(toHex(seeAnswer(bytesOf('answer'), answerSecret)), toHex(bytesOf('grantedFile')))
  assert.ok(equal(seeBlock(bytesOf('block'), blockKey), BLOCK))
  assert.is(toHex(seeNotice(bytesOf('notice'), SECRETS.agreement, place)), toHex(bytesOf('told')))
})

test('ours opens them, for whom and by whom they are and for nobody else', () => {
  const request = readRedeem(value(bytesOf('redeem')))
  const { plaintext, back } = openRequest(request, seal, PLACE)
  assert.ok(equal(plaintext, bytesOf('ask')))
  const answer = readRedeemAnswer(value(bytesOf('answer')))
  assert.ok(equal(openAnswer(answer.sealed, back, answer.salt), bytesOf('grantedFile')))
  const block = readBlock(value(bytesOf('block')))
  assert.ok(equal(openBlock(block.sealed, back.blockKey, block.at), BLOCK))
  const notice = readNoticeFrame(value(bytesOf('notice')))
  const agreement = curveHalf(SECRETS.agreement)
  assert.ok(equal(openNotice(notice, agreement, PLACE), bytesOf('told')))

  const other = fill(32, 99)
  const refused: Record<string, () => unknown> = {
    'another net': () => openRequest(request, seal, { ...PLACE, netId: other }),
    'another server': () => openRequest(request, seal, { ...PLACE, server: other }),
    'another sender': () => openRequest(request, seal, { ...PLACE, holder: other }),
    'another nonce': () => openRequest({ ...request, nonce: fill(16, 1) }, seal, PLACE),
    'another key': () => openRequest(request, curveHalf(other), PLACE),
    'another salt': () => openAnswer(answer.sealed, back, fill(16, 1)),
    'another block': () => openBlock(block.sealed, back.blockKey, 0),
    'a notice for another': () => openNotice(notice, agreement, { ...PLACE, holder: other }),
    'a notice of another': () => openNotice(notice, agreement, { ...PLACE, server: other }),
  }
  for (const [name, open] of Object.entries(refused)) assert.is(codeOf(open), 'tampered', name)
})

test('no flipped bit opens', () => {
  const request = readRedeem(value(bytesOf('redeem')))
  const { back } = openRequest(request, seal, PLACE)
  const answer = readRedeemAnswer(value(bytesOf('answer')))
  for (let at = 0; at < answer.sealed.length; at += 37) {
    assert.is(
      codeOf(() => openAnswer(flipped(answer.sealed, at), back, answer.salt)),
      'tampered',
    )
    const sealed = flipped(request.sealed, at)
    assert.is(
      codeOf(() => openRequest({ ...request, sealed }, seal, PLACE)),
      'tampered',
    )
  }
})

test('a refusal is as long as a grant, and two answers to one request are sealed under two keys', () => {
  const { back } = openRequest(readRedeem(value(bytesOf('redeem'))), seal, PLACE)
  const [granted, refusal] = [bytesOf('grantedFile'), bytesOf('refused')]
  assert.is(sealAnswer(granted, back, fill(16, 1)).length, sealAnswer(refusal, back, fill(16, 2)).length)
  const one = sealAnswer(granted, back, fill(16, 1))
  const two = sealAnswer(granted, back, fill(16, 2))
  const apart = one.filter((byte, i) => byte !== two[i]).length
  assert.ok(apart > one.length * 0.9, `${apart}`)
})

test('padding: every length comes back, and what is not padded is refused', () => {
  for (const length of [0, 1, PAD_BYTES - 2, PAD_BYTES - 1, PAD_BYTES, PAD_BYTES + 1]) {
    const plaintext = fill(length, 0)
    const { enc, sealed } = sealRequest(plaintext, seal.publicKey, curveHalf(SECRETS.once), PLACE, NONCE)
    assert.is((sealed.length - 16) % PAD_BYTES, 0)
    assert.ok(equal(openRequest({ nonce: NONCE, enc, sealed }, seal, PLACE).plaintext, plaintext))
  }
})

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = (copy[at] as number) ^ 4
  return copy
}

test.run()

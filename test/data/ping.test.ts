/**
 * Ping documents and their vectors.
 *
 * Oracles that share nothing with the code: a CBOR reader of the tests' own with BLAKE3 and Ed25519 of @noble, and @auth0/cose for the documents.
 */

import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Sign1 } from '@auth0/cose'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, fromHex, toBase64url, toHex } from '../../src/core/bytes.ts'
import { decodeSign1, encodeSign1, sign1Message } from '../../src/core/cose.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { readHolderText } from '../../src/data/holder-text.ts'
import { encodePing, type PingTerms, pingMessage, readPing } from '../../src/data/ping.ts'
import { encodePresentation, readPresentation } from '../../src/data/presentation.ts'
import { acceptStatusList, readStatusList, readStatusStatement } from '../../src/data/statuslist.ts'
import { readCbor } from '../kit/cddl.ts'
import { digestOf, seePresentation, seeSign1 } from '../kit/ping-oracle.ts'
import { type PingVectors, pingVectors } from '../kit/ping-vectors.ts'
import * as kit from '../kit/pings.ts'
import { codeOf } from '../kit/refusal.ts'

const golden = suite('ping: golden bytes')
const document = suite('ping: the document')
const refused = suite('ping: refusals')
const vectors = JSON.parse(readFileSync(new URL('../vectors/ping.json', import.meta.url), 'utf8')) as PingVectors

golden('today’s code makes them, byte for byte', () => {
  const made = pingVectors()
  for (const [name, hex] of Object.entries(made.golden)) assert.is(hex, vectors.golden[name], name)
  assert.equal(made, vectors)
})

golden('an independent reader sees what was meant, and every signature holds', () => {
  const { ping, grants, visible, disclosed } = seePresentation(bytesOf('presentationOfCarol'), kit.OWNER.key)
  const { TERMS, GRANT } = kit
  assert.equal(ping.slice(0, 7), [1, TERMS.id, TERMS.issuer, 0, TERMS.dataId, 2, TERMS.audience])
  const { holderKey, agreementKey, operations, from, to, purposes, notBeforeMs, expiresMs, uses } = GRANT
  assert.equal(ping[7], [holderKey, agreementKey, operations, from, to, purposes, notBeforeMs, expiresMs, uses])
  assert.equal(ping.slice(8), [[kit.fill(16, 6), 42], kit.BLINDED.digests, ['webx:hall-3']])
  const narrowed = [
    [kit.BOB.key, kit.BOB.agreementKey, 9, 4_096, to, ['research'], notBeforeMs, expiresMs, 3],
    [kit.CAROL.key, kit.CAROL.agreementKey, 1, 4_096, 65_536, ['research'], notBeforeMs, kit.NOW_MS + 3_600_000, 1],
  ]
  assert.equal(grants.slice(1), narrowed)
  assert.is(visible[1], kit.visibleOf('title', 'unit', 'rows', 'device'))
  assert.is(visible[2], kit.visibleOf('title', 'rows'))
  const shown = disclosed.map(([, name, value]) => [name, value]).sort()
  assert.equal(shown, [
    ['rows', 17_280],
    ['title', 'Blood pressure, 2026'],
  ])
})

golden('the statement of a status list is the document and nothing else; a holder’s text names it and its keys', () => {
  const nothing = new Uint8Array(0)
  assert.equal(readCbor(bytesOf('statusStatement')), [
    1,
    0,
    10,
    kit.fill(32, 11),
    bytesOf('statusList'),
    nothing,
    nothing,
  ])
  assert.equal(readCbor(bytesOf('holderText')), [1, kit.fill(32, 12), kit.ALICE.key, kit.ALICE.agreementKey])
})

golden('digests are BLAKE3 under their contexts', () => {
  const { ping, narrowings, digest } = readPresentation(bytesOf('presentationOfCarol'))
  assert.equal(ping.digest, digestOf('webx v1 ping', seeSign1(bytesOf('ping'), kit.OWNER.key)))
  const [body] = readCbor(bytesOf('narrowingToBob')) as [Uint8Array]
  assert.equal(narrowings[0]?.digest, digestOf('webx v1 ping narrowing', body))
  assert.equal(digest, digestOf('webx v1 ping presentation', bytesOf('presentationOfCarol')))
})

golden('@auth0/cose verifies ping and status list, and no other key', async () => {
  for (const name of ['ping', 'statusList']) {
    const foreign = Sign1.decode(bytesOf(name))
    await foreign.verify(publicKey(kit.OWNER.key))
    assert.equal(new Uint8Array(foreign.payload), seeSign1(bytesOf(name), kit.OWNER.key))
    const failed = await foreign.verify(publicKey(kit.ALICE.key)).then(
      () => false,
      () => true,
    )
    assert.ok(failed, name)
  }
})

golden('a ping with ten fields fits a QR code', () => {
  assert.is(readPing(bytesOf('ping')).fieldDigests.length, 10)
  const blank = bytesOf('presentationBlank').length
  assert.ok(blank <= 1_100, `${blank} bytes`)
})

document('reads what was written, purposes and digests in their order', () => {
  const shuffled: PingTerms = {
    ...kit.TERMS,
    grant: { ...kit.GRANT, purposes: ['research', 'billing'] },
    fieldDigests: [...kit.TERMS.fieldDigests].reverse(),
    status: null,
  }
  const read = readPing(kit.mint(shuffled))
  assert.equal(read.grant, kit.GRANT)
  assert.equal(read.fieldDigests, kit.BLINDED.digests)
  assert.is(read.status, null)
  assert.is(read.rights.visible, 1_023)
  assert.equal(read.message, pingMessage(shuffled))
})

document('takes 32 fields, none at all, and ranges to the end of any file', () => {
  const fieldDigests = Array.from({ length: 32 }, (_, i) => kit.fill(32, i))
  const grant = { ...kit.GRANT, from: 0, to: Number.MAX_SAFE_INTEGER, uses: 0 }
  assert.is(readPing(kit.mint({ ...kit.TERMS, fieldDigests, grant })).rights.visible, 2 ** 32 - 1)
  assert.is(readPing(kit.mint({ ...kit.TERMS, fieldDigests: [] })).rights.visible, 0)
})

document('what no reader would accept is not made', () => {
  const wrong: Record<string, Partial<PingTerms>> = {
    'a short id': { id: kit.fill(15, 5) },
    'one field twice': { fieldDigests: [kit.fill(32, 1), kit.fill(32, 1)] },
    'a status beyond any list': { status: { listId: kit.fill(16, 6), index: LIMITS.statusListBitsMax } },
    'five locators': { locators: ['a', 'b', 'c', 'd', 'e'] },
    'an empty locator': { locators: [''] },
    'an empty purpose': { grant: { ...kit.GRANT, purposes: [''] } },
    'a negative time': { grant: { ...kit.GRANT, notBeforeMs: -1 } },
    'more bytes than a ping has': {
      grant: { ...kit.GRANT, purposes: Array.from({ length: 16 }, (_, i) => `${'€'.repeat(63)}${i.toString(36)}`) },
      fieldDigests: Array.from({ length: 32 }, (_, i) => kit.fill(32, i)),
    },
  }
  for (const [name, terms] of Object.entries(wrong)) {
    const all = { ...kit.TERMS, ...terms }
    assert.is(
      codeOf(() => pingMessage(all)),
      'bad-argument',
      name,
    )
    assert.is(
      codeOf(() => encodePing(all, kit.fill(64, 0))),
      'bad-argument',
      name,
    )
  }
})

document('a file far too long is refused before it is read', () => {
  assert.is(
    codeOf(() => readPing(kit.fill(LIMITS.pingBytesMax + 1, 0))),
    'too-long',
  )
  assert.is(
    codeOf(() => readPresentation(kit.fill(LIMITS.pingPresentationBytesMax + 1, 0))),
    'too-long',
  )
})

refused('each vector, with its code', () => {
  assert.ok(vectors.refused.length >= 60)
  for (const { name, reader, code, bytes } of vectors.refused) assert.is(refusalOf(reader, fromHex(bytes)), code, name)
})

refused('a document with the header of another kind, whoever signed it', () => {
  const { payload } = decodeSign1(kit.mint())
  for (const contentType of ['application/webx-status', 'application/webx-pin']) {
    const header = { contentType, keyId: kit.TERMS.issuer }
    const document = encodeSign1(payload, kit.OWNER.sign(sign1Message(payload, header)), header)
    assert.is(
      codeOf(() => readPing(document)),
      'bad-shape',
    )
  }
})

refused('every mutated byte, every cut and every byte too many', () => {
  const presentation = bytesOf('presentationOfCarol')
  const changes = [...presentation].flatMap((_, at) =>
    [1 << (at % 8), 0xff, 0x80 >> (at % 7)].map((mask) => [at, mask]),
  )
  for (const [at, mask] of changes as [number, number][]) {
    const mutated = presentation.slice()
    mutated[at] = (mutated[at] as number) ^ mask
    // one that throws anything but a WebxError fails the test
    assert.ok(
      codeOf(() => kit.verified(mutated)),
      `byte ${at} ^ ${mask}`,
    )
  }
  for (let length = 0; length < presentation.length; length++) {
    assert.ok(
      codeOf(() => kit.verified(presentation.slice(0, length))),
      `${length} bytes`,
    )
  }
  assert.is(
    codeOf(() => kit.verified(concat(presentation, kit.fill(1, 0)))),
    'not-canonical',
  )
  assert.not.throws(() => kit.verified(presentation))
})

refused('a presentation without its narrowings is one of the holder before', () => {
  const ping = bytesOf('ping')
  const bobs = encodePresentation({ ping, narrowings: [bytesOf('narrowingToBob')], disclosures: [] })
  assert.is(kit.outcome(kit.serve(kit.answer(bobs, kit.CAROL))), 'wrong-holder')
  assert.is(kit.outcome(kit.serve(kit.answer(bobs, kit.BOB))), 'allowed')
})

function bytesOf(name: string): Uint8Array {
  return fromHex(vectors.golden[name] as string)
}

function publicKey(raw: Uint8Array) {
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw])
  assert.is(toHex(spki.subarray(-32)), toHex(raw))
  return createPublicKey({ key: spki, format: 'der', type: 'spki' })
}

function refusalOf(reader: string, bytes: Uint8Array): string {
  switch (reader) {
    case 'presentation':
      return codeOf(() => readPresentation(bytes))
    case 'rights':
      readPresentation(bytes)
      return codeOf(() => kit.verified(bytes))
    case 'redemption':
      return verdictOf(bytes)
    case 'status': {
      const held = readStatusList(bytesOf('statusList'))
      return codeOf(() => acceptStatusList(held, readStatusList(bytes), kit.OWNER.key))
    }
    case 'statement':
      return codeOf(() => readStatusStatement(decodeEnvelope(bytes)))
    case 'holder':
      return codeOf(() => readHolderText(toBase64url(bytes)))
  }
  throw new Error(`no reader is called ${reader}`)
}

/** The code of the verdict; of the error where the bytes could not even be read. */
function verdictOf(bytes: Uint8Array): string {
  let outcome = ''
  try {
    outcome = kit.outcome(kit.serve(bytes))
  } catch (error) {
    return codeOf(() => {
      throw error
    })
  }
  return outcome
}

golden.run()
document.run()
refused.run()

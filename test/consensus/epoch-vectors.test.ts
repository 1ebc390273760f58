/** Bytes of the statements of an epoch: what stands in the vectors is what is made, and is read back as it was. */

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type HandOver, readHandOver } from '../../src/consensus/epoch/handover.ts'
import { committeeOfOpening, decodeOpening, encodeOpening } from '../../src/consensus/epoch/opening.ts'
import { openOrdered } from '../../src/consensus/epoch/ordered.ts'
import { readCandidacy, readTransaction, transactionBody } from '../../src/consensus/epoch/transaction.ts'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { verifyGroups } from '../../src/core/crypto.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/core/envelope.ts'
import { EPOCH_RULES, epochVectors } from '../kit/epoch-vectors.ts'
import { codeOf } from '../kit/refusal.ts'
import { anchorOf } from './hoods.ts'
import { world } from './people.ts'

const test = suite('epochs: bytes')
const { golden } = JSON.parse(readFileSync(new URL('../vectors/epochs.json', import.meta.url), 'utf8')) as {
  golden: Record<string, string>
}
const four = world(4)
const opening = anchorOf(four)
const committee = committeeOfOpening(opening)
const organizationKey = four.organization.publicKey
const bytesOf = (name: string): Uint8Array => fromHex(golden[name] as string)

test('what is made is what stands in the vectors', () => assert.equal(epochVectors(), golden))

test('transactions and candidacies are read back, and their signatures hold', () => {
  for (const [name, hex] of Object.entries(golden)) {
    if (!/^(transaction|candidacy)-message$/.test(EPOCH_RULES[name] ?? '')) continue
    const envelope = decodeEnvelope(fromHex(hex))
    const { checks } = openOrdered(fromHex(hex), {
      committee,
      opening: openingOf(name),
      organizationKey,
      ownerAtOpening: () => null,
    })
    assert.equal(verifyGroups([checks]), [true], name)
    if (envelope.type === 15)
      assert.is(toHex(transactionBody(readTransaction(envelope, committee))), toHex(envelope.body), name)
    else assert.is(readCandidacy(envelope).epoch, 0, name)
  }
})

test('a hand-over holds, and one that was altered does not', () => {
  const envelope = decodeEnvelope(bytesOf('handOver'))
  const { opening: next, openingBytes, checks } = readHandOver(envelope, committee)
  assert.is(next.epoch, 1)
  assert.equal(verifyGroups([checks]), [true])
  assert.is(toHex(encodeOpening(decodeOpening(openingBytes))), toHex(openingBytes))
  const other = encodeOpening({ ...next, seed: new Uint8Array(32) })
  assert.is(
    codeOf(() => readHandOver({ ...envelope, attachment: other }, committee)),
    'bad-hand-over',
  )
  const foreign = committeeOfOpening({ ...opening, epoch: 5 })
  assert.is(
    codeOf(() => readHandOver(envelope, foreign)),
    'wrong-epoch',
  )
})

test('a hand-over of a division is read from either side, and holds', () => {
  const [stem, sprout] = ['handOverToStem', 'handOverToSprout'].map((name) => {
    return readHandOver(decodeEnvelope(bytesOf(name)), committee)
  }) as [HandOver, HandOver]
  assert.equal(verifyGroups([stem.checks, sprout.checks]), [true, true])
  assert.is(toHex(stem.other?.handOver ?? bytesOf('close')), golden['handOverToSprout'])
  assert.is(toHex(sprout.other?.handOver ?? bytesOf('close')), golden['handOverToStem'])
  assert.equal(stem.opening.nid, committee.nid)
  assert.equal(stem.opening.division, sprout.opening.division)
})

test('people of its kin come into a neighborhood with a hand-over, by one loan that hangs together', () => {
  const { opening: next, checks } = readHandOver(decodeEnvelope(bytesOf('handOverWithLoan')), committee)
  assert.equal(verifyGroups([checks]), [true])
  assert.is(next.loan?.lent.length, 1)
  assert.is(toHex(encodeOpening(next)), toHex(decodeEnvelope(bytesOf('handOverWithLoan')).attachment))
})

test('a transaction of another committee, with a strange signature or for no seat is refused', () => {
  const envelope = decodeEnvelope(bytesOf('close'))
  const foreign = committeeOfOpening({ ...opening, epoch: 5 })
  assert.is(
    codeOf(() => readTransaction(envelope, foreign)),
    'wrong-epoch',
  )
  assert.is(
    codeOf(() => readTransaction({ ...envelope, signature: new Uint8Array(0) }, committee)),
    'bad-shape',
  )
  const leaders = decodeEnvelope(bytesOf('checkpoint'))
  assert.is(
    codeOf(() => readTransaction({ ...leaders, signature: new Uint8Array(64) }, committee)),
    'bad-shape',
  )
  const context = { committee, opening, organizationKey: null, ownerAtOpening: () => null }
  assert.is(
    codeOf(() => openOrdered(bytesOf('join'), context)),
    'not-allowed',
  )
  assert.is(
    codeOf(() => openOrdered(encodeEnvelope({ ...envelope, type: 2 }), context)),
    'bad-transaction',
  )
})

/** Candidacies of members are read by a roster that has them. */
function openingOf(name: string): typeof opening {
  if (!['leave', 'ready', 'alive'].includes(name)) return opening
  const { id } = readCandidacy(decodeEnvelope(bytesOf(name)))
  const applicant = readCandidacy(decodeEnvelope(bytesOf('join')))
  const [entry] = opening.roster
  const { candidature } = applicant
  if (!entry || candidature.kind !== 'join') return opening
  const opened = openOrdered(bytesOf('join'), {
    committee,
    opening,
    organizationKey,
    ownerAtOpening: () => null,
  }).ordered
  const key = opened.kind === 'candidacy' ? opened.entry?.key : undefined
  return { ...opening, roster: [...opening.roster, { ...entry, id, key: key ?? entry.key }] }
}

test.run()

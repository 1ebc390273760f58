/** Evidence convicts whoever broke a rule, and nobody else. */

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { proofOf } from '../../src/consensus/certificate.ts'
import { committeeOf } from '../../src/consensus/committee.ts'
import {
  doubleBatchEvidence,
  doubleOrderEvidence,
  doubleVoteEvidence,
  verifyEvidence,
} from '../../src/consensus/evidence.ts'
import { VOTE, type VoteBatch, type VoteEntry } from '../../src/consensus/statement.ts'
import { encode } from '../../src/core/codec.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/core/envelope.ts'
import { WebxError } from '../../src/core/errors.ts'
import { forger } from './forger.ts'
import { bytesOf, type Person, person, Wallet, world } from './people.ts'

const w = world(4)
const committee = committeeOf(w.genesis)
const thief = new Wallet(w, person('thief'))
const one = thief.peek(thief.pay(bytesOf('a'), 1))
const other = thief.peek(thief.pay(bytesOf('b'), 1))
const vote: VoteEntry = { kind: VOTE.lock, oid: bytesOf('o'), version: 1, od: bytesOf('d') }
const rival: VoteEntry = { ...vote, od: bytesOf('e') }

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    return error instanceof WebxError ? error.code : String(error)
  }
  return 'nothing was thrown'
}

function proven(batch: VoteBatch, index = 0): Parameters<typeof doubleVoteEvidence>[1] {
  return { entry: batch.entries[index] as VoteEntry, proof: proofOf(batch, index) }
}

const evidence = suite('evidence')

evidence('double order: the owner is guilty; both ways of telling it are the same bytes', () => {
  const bytes = doubleOrderEvidence(committee, one, other, [thief.owner.inception])
  assert.equal(bytes, doubleOrderEvidence(committee, other, one, [thief.owner.inception]))
  const read = verifyEvidence(bytes, committee)
  assert.is(read.kind, 'double-order')
  assert.equal(read.guilty, thief.owner.id)
})

evidence('double vote, in two batches and in one', () => {
  const lies = forger({ committee, world: w }, 2)
  const bytes = doubleVoteEvidence(
    committee,
    proven(lies.batch([vote])),
    proven(lies.batch([{ ...vote, oid: bytesOf('x') }, rival]), 1),
  )
  const read = verifyEvidence(bytes, committee)
  assert.is(read.kind, 'double-vote')
  assert.equal(read.guilty, (w.members[2] as Person).id)
  const both = lies.batch([vote, rival])
  assert.equal(
    verifyEvidence(doubleVoteEvidence(committee, proven(both, 0), proven(both, 1)), committee).guilty,
    (w.members[2] as Person).id,
  )
})

evidence('double batch', () => {
  const lies = forger({ committee, world: w }, 1)
  const bytes = doubleBatchEvidence(committee, lies.batch([vote], 5), lies.batch([rival], 5))
  const read = verifyEvidence(bytes, committee)
  assert.is(read.kind, 'double-batch')
  assert.equal(read.guilty, (w.members[1] as Person).id)
})

evidence('what is allowed is no evidence', () => {
  const next = new Wallet(w, thief.owner)
  const first = next.order(next.pay(bytesOf('a'), 1))
  const second = next.order(next.pay(bytesOf('a'), 1))
  const a = forger({ committee, world: w }, 1)
  const b = forger({ committee, world: w }, 2)
  const nothing = [
    doubleOrderEvidence(committee, first, second, [thief.owner.inception]),
    doubleOrderEvidence(committee, first, first, [thief.owner.inception]),
    doubleVoteEvidence(committee, proven(a.batch([vote])), proven(b.batch([rival]))),
    doubleVoteEvidence(committee, proven(a.batch([vote])), proven(a.batch([vote]))),
    doubleVoteEvidence(committee, proven(a.batch([vote])), proven(a.batch([{ ...rival, kind: VOTE.confirm }]))),
    doubleVoteEvidence(committee, proven(a.batch([vote])), proven(a.batch([{ ...rival, version: 2 }]))),
    doubleBatchEvidence(committee, a.batch([vote], 5), a.batch([rival], 6)),
    doubleBatchEvidence(committee, a.batch([vote], 5), b.batch([rival], 5)),
    doubleBatchEvidence(committee, a.batch([vote], 5), a.batch([vote], 5)),
  ]
  for (const bytes of nothing)
    assert.is(
      codeOf(() => verifyEvidence(bytes, committee)),
      'bad-shape',
    )
})

evidence('nobody is convicted by what another signed', () => {
  const forged = { ...other, envelope: { ...other.envelope, signature: one.envelope.signature } }
  const batch = forger({ committee, world: w }, 1).batch([rival])
  const framed = { ...batch, signature: forger({ committee, world: w }, 2).batch([rival]).signature }
  const honest = forger({ committee, world: w }, 1).batch([vote])
  assert.is(
    codeOf(() => verifyEvidence(doubleOrderEvidence(committee, one, forged, [thief.owner.inception]), committee)),
    'bad-signature',
  )
  assert.is(
    codeOf(() => verifyEvidence(doubleVoteEvidence(committee, proven(honest), proven(framed)), committee)),
    'bad-signature',
  )
  assert.is(
    codeOf(() =>
      verifyEvidence(doubleBatchEvidence(committee, honest, { ...framed, sequence: honest.sequence }), committee),
    ),
    'bad-signature',
  )
  const stranger = [person('stranger').inception]
  assert.is(
    codeOf(() => verifyEvidence(doubleOrderEvidence(committee, one, other, stranger), committee)),
    'bad-shape',
  )
})

evidence('a vote that its path does not prove', () => {
  const batch = forger({ committee, world: w }, 1).batch([vote, rival])
  const wrong = { entry: rival, proof: proofOf(batch, 0) }
  assert.is(
    codeOf(() => verifyEvidence(doubleVoteEvidence(committee, proven(batch), wrong), committee)),
    'bad-shape',
  )
})

evidence('one changed bit anywhere is refused', () => {
  const lies = forger({ committee, world: w }, 1)
  const samples = [
    doubleOrderEvidence(committee, one, other, [thief.owner.inception]),
    doubleVoteEvidence(committee, proven(lies.batch([vote])), proven(lies.batch([rival]))),
    doubleBatchEvidence(committee, lies.batch([vote], 5), lies.batch([rival], 5)),
  ]
  for (const bytes of samples) {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const mutated = bytes.slice()
        mutated[at] = (mutated[at] as number) ^ (1 << bit)
        assert.not.equal(
          codeOf(() => verifyEvidence(mutated, committee)),
          'nothing was thrown',
        )
      }),
      { numRuns: 150 },
    )
  }
})

evidence('other envelopes', () => {
  const envelope = decodeEnvelope(doubleOrderEvidence(committee, one, other, [thief.owner.inception]))
  const read = (changes: object): string =>
    codeOf(() => verifyEvidence(encodeEnvelope({ ...envelope, ...changes }), committee))
  assert.is(read({ type: 5 }), 'bad-shape')
  assert.is(read({ scope: bytesOf('x') }), 'wrong-epoch')
  assert.is(read({ signature: new Uint8Array(64) }), 'bad-shape')
  assert.is(read({ body: encode([3]) }), 'bad-shape')
})
evidence.run()

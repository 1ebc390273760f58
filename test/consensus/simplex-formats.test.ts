/** The statements of the Simplex lane: golden bytes, refusals, what strangers can verify, what convicts whom. */

import { readFileSync } from 'node:fs'
import { ed25519 } from '@noble/curves/ed25519.js'
import { blake3 } from '@noble/hashes/blake3.js'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { readEvidence, verifyEvidence } from '../../src/consensus/evidence.ts'
import { BALLOT, ballotBytes, ballotCheck, NO_BLOCK, readBallot } from '../../src/consensus/simplex/ballot.ts'
import { candidateBytes, candidateCheck, payloadOf, readCandidate } from '../../src/consensus/simplex/candidate.ts'
import {
  blockCertificateBytes,
  blockCertificateChecks,
  readBlockCertificate,
  seatsOf,
} from '../../src/consensus/simplex/certificate.ts'
import { finalityBytes, verifyFinality } from '../../src/consensus/simplex/finality.ts'
import { Leaders } from '../../src/consensus/simplex/leaders.ts'
import { concat, fromHex, fromText } from '../../src/core/bytes.ts'
import { verifySignature } from '../../src/core/crypto.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { codeOf } from '../kit/refusal.ts'
import {
  goldenSimplex,
  signedBallot,
  signedCandidate,
  simplexVectors,
  vectorCommittee,
} from '../kit/simplex-vectors.ts'
import { bytesOf } from './people.ts'
import { committeeFor } from './simplex-net.ts'

const committee = vectorCommittee()
const golden = goldenSimplex()
const vectors = JSON.parse(readFileSync(new URL('../vectors/simplex.json', import.meta.url), 'utf8')) as ReturnType<
  typeof simplexVectors
>

/** Reads any of the four statements, as far as can be done without checking signatures. */
function read(bytes: Uint8Array): unknown {
  const envelope = decodeEnvelope(bytes)
  if (envelope.type === TYPE.candidate) return readCandidate(envelope, committee)
  if (envelope.type === TYPE.ballot) return readBallot(envelope, committee)
  if (envelope.type === TYPE.evidence) return readEvidence(envelope, committee)
  return readBlockCertificate(envelope, committee)
}

function envelopeOf(name: string) {
  return decodeEnvelope(golden[name] as Uint8Array)
}

const formats = suite('simplex: formats')

formats('today’s code makes the golden messages, byte for byte', () => {
  assert.equal(simplexVectors(), vectors)
})

formats('what is read is written again as it was', () => {
  assert.equal(candidateBytes(committee, readCandidate(envelopeOf('candidate'), committee)), golden['candidate'])
  assert.equal(ballotBytes(committee, readBallot(envelopeOf('skip'), committee)), golden['skip'])
  const certificate = readBlockCertificate(envelopeOf('finalized'), committee)
  assert.equal(blockCertificateBytes(committee, certificate, certificate.ballots), golden['finalized'])
})

formats('a block’s hash, and what is signed, by another library', () => {
  const { body, signature } = envelopeOf('candidate')
  const message = concat(fromText('webx\0v1'), Uint8Array.of(12), committee.cid, body)
  const { hash, leader } = readCandidate(envelopeOf('candidate'), committee)
  assert.equal(hash, blake3(message, { context: fromText('webx v1 statement') }))
  assert.ok(ed25519.verify(signature, message, fromHex(vectors.epochKeys[leader] as string), { zip215: false }))
})

formats('every signature check of the golden messages holds', () => {
  const checks = [
    candidateCheck(committee, readCandidate(envelopeOf('candidate'), committee)),
    ballotCheck(committee, readBallot(envelopeOf('finalize'), committee)),
    ...blockCertificateChecks(committee, readBlockCertificate(envelopeOf('notarized'), committee)),
  ]
  assert.is(checks.length, 6)
  for (const { key, message, signature } of checks) assert.ok(verifySignature(key, message, signature))
})

formats('what is wrong is refused by name', () => {
  for (const { name, code, bytes } of vectors.refused) {
    assert.is(
      codeOf(() => read(fromHex(bytes))),
      code,
      name,
    )
  }
})

formats('a block holds so many transactions, and so many bytes', () => {
  const many = Array.from({ length: LIMITS.blockTransactionsMax + 1 }, () => Uint8Array.of(1))
  assert.is(
    codeOf(() => payloadOf(many)),
    'limit',
  )
  assert.is(
    codeOf(() => payloadOf([new Uint8Array(LIMITS.blockBytesMax)])),
    'too-long',
  )
  payloadOf(many.slice(1))
  const full = signedCandidate(0, 0, { slot: null, hash: NO_BLOCK }, ['x'.repeat(LIMITS.blockBytesMax - 4)])
  assert.equal(readCandidate(decodeEnvelope(candidateBytes(committee, full)), committee).hash, full.hash)
})

formats('a certificate takes what a quorum needs, by weight, up to seat 31', () => {
  const weighted = committeeFor(32, [], [5, ...Array.from({ length: 31 }, () => 1)])
  const verdict = { kind: BALLOT.skip, slot: 9, hash: NO_BLOCK }
  const ballots = [...weighted.seats.keys()].map((seat) => ({ ...verdict, seat, signature: bytesOf(`${seat}`, 32) }))
  const signed = ballots.map((ballot) => ({ ...ballot, signature: concat(ballot.signature, ballot.signature) }))
  const last = signed.slice(32 - weighted.quorum)
  const certificate = readBlockCertificate(decodeEnvelope(blockCertificateBytes(weighted, verdict, last)), weighted)
  assert.is(certificate.weight, weighted.quorum)
  assert.is(certificate.ballots.at(-1)?.seat, 31)
  const lean = readBlockCertificate(decodeEnvelope(blockCertificateBytes(weighted, verdict, signed)), weighted)
  assert.is(lean.ballots.length, weighted.quorum - 4)
  assert.is(
    codeOf(() => blockCertificateBytes(weighted, verdict, last.slice(1))),
    'no-quorum',
  )
  assert.equal(seatsOf(2 ** 31 + 1), [0, 31])
})
formats.run()

const strangers = suite('simplex: what strangers verify')

strangers('a block is final by its own certificate, or by that of a block that stands on it', () => {
  const second = readCandidate(envelopeOf('emptyCandidate'), committee)
  const first = readCandidate(envelopeOf('candidate'), committee)
  assert.equal(verifyFinality(golden['finality'] as Uint8Array, committee), { slot: 3, hash: second.hash })
  assert.equal(verifyFinality(golden['finalityBelow'] as Uint8Array, committee), { slot: 0, hash: first.hash })
})

strangers('what proves less proves nothing', () => {
  const second = readCandidate(envelopeOf('emptyCandidate'), committee)
  const rival = signedCandidate(1, 3, { slot: null, hash: NO_BLOCK }, ['elsewhere'])
  const proofs = [
    finalityBytes(golden['notarized'] as Uint8Array, []),
    finalityBytes(golden['finalized'] as Uint8Array, [rival]),
    finalityBytes(golden['finalized'] as Uint8Array, [second, second]),
  ]
  for (const proof of proofs) {
    assert.is(
      codeOf(() => verifyFinality(proof as Uint8Array, committee)),
      'bad-certificate',
    )
  }
  assert.is(finalityBytes(golden['finalized'] as Uint8Array, Array(LIMITS.finalityPathMax + 1).fill(second)), null)
})

strangers('one changed bit anywhere in a proof or in evidence is refused', () => {
  const samples = ['finalityBelow', 'doubleBallot', 'doubleCandidate', 'finalAndSkip'].map((name) => ({
    bytes: golden[name] as Uint8Array,
    verify: name === 'finalityBelow' ? verifyFinality : verifyEvidence,
  }))
  for (const { bytes, verify } of samples) {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const mutated = bytes.slice()
        mutated[at] = (mutated[at] as number) ^ (1 << bit)
        codeOf(() => verify(mutated, committee))
      }),
      { numRuns: 40 },
    )
  }
})
strangers.run()

const evidence = suite('simplex: evidence')

evidence('convicts the seat that signed both, whichever way it is told', () => {
  const kinds = { doubleBallot: 'double-ballot', doubleCandidate: 'double-candidate', finalAndSkip: 'final-and-skip' }
  for (const [name, kind] of Object.entries(kinds)) {
    const found = verifyEvidence(golden[name] as Uint8Array, committee)
    assert.is(found.kind, kind)
    assert.equal(found.guilty, committee.seats[name === 'doubleCandidate' ? 1 : 3]?.memberId)
  }
})

evidence('nobody is convicted by what another signed', () => {
  const { hash } = readCandidate(envelopeOf('emptyCandidate'), committee)
  const verdict = { kind: BALLOT.finalize, slot: 3, hash }
  const [original, framed] = [3, 2].map((seat) => signedBallot(seat, verdict).signature) as [Uint8Array, Uint8Array]
  const whole = (golden['finalAndSkip'] as Uint8Array).slice()
  whole.set(framed, Buffer.from(whole).indexOf(original))
  assert.is(
    codeOf(() => verifyEvidence(whole, committee)),
    'bad-signature',
  )
})
evidence.run()

const order = suite('simplex: leaders')

order('everybody who can sign leads once in a round, in an order that changes', () => {
  const many = committeeFor(25, [3, 11], [1, 1, 0])
  const leaders = new Leaders(many, bytesOf('seed'))
  const able = [...many.seats.keys()].filter((seat) => ![2, 3, 11].includes(seat))
  const rounds = [0, 1, 7].map((round) => Array.from({ length: 22 }, (_, i) => leaders.of(22 * round + i)))
  for (const round of rounds) {
    assert.equal(
      [...round].sort((a, b) => a - b),
      able,
    )
  }
  assert.is.not(rounds[0]?.join(), rounds[1]?.join())
  const others = new Leaders(many, bytesOf('another seed'))
  assert.is.not(rounds[0]?.join(), Array.from({ length: 22 }, (_, i) => others.of(i)).join())
  assert.throws(() => new Leaders(committeeFor(4, [0, 1, 2, 3]), bytesOf('seed')), /nobody can lead/)
})
order.run()

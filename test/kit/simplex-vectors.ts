/**
 * The statements of the Simplex lane, made of fixed keys. Written to `test/vectors/simplex.json` by
 *
 *     node test/kit/simplex-vectors.ts > test/vectors/simplex.json
 */

import './wasm.ts'
import { type Committee, type CommitteeSeat, createCommittee } from '../../src/consensus/committee.ts'
import { doubleBallotEvidence, doubleCandidateEvidence } from '../../src/consensus/evidence.ts'
import {
  BALLOT,
  type Ballot,
  ballotBytes,
  ballotMessage,
  NO_BLOCK,
  type Verdict,
} from '../../src/consensus/simplex/ballot.ts'
import {
  type Candidate,
  candidateBytes,
  candidateMessage,
  composeHeader,
  payloadDigestOf,
  payloadOf,
} from '../../src/consensus/simplex/candidate.ts'
import { blockCertificateBytes } from '../../src/consensus/simplex/certificate.ts'
import { type BlockMark, finalityBytes } from '../../src/consensus/simplex/finality.ts'
import { Leaders } from '../../src/consensus/simplex/leaders.ts'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { type Cbor, decode, encode } from '../../src/core/codec.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/core/envelope.ts'
import { bytesOf, type KeyPair, keyPair } from '../consensus/people.ts'

/** The rule of `src/PROTOCOL.md` that each golden message must fit. */
export const SIMPLEX_RULES: Readonly<Record<string, string>> = {
  candidate: 'candidate-message',
  emptyCandidate: 'candidate-message',
  notarize: 'ballot-message',
  skip: 'ballot-message',
  finalize: 'ballot-message',
  notarized: 'block-certificate-message',
  skipped: 'block-certificate-message',
  finalized: 'block-certificate-message',
  finality: 'finality',
  finalityBelow: 'finality',
  doubleBallot: 'evidence-message',
  doubleCandidate: 'evidence-message',
  finalAndSkip: 'evidence-message',
}

const BEGINNING = new Uint8Array(32).fill(0xb0)
const VACANT = 4

const keys: readonly KeyPair[] = [0, 1, 2, 3].map((seat) => keyPair(`simplex vector ${seat}`))

/** Four seats with keys and one that is vacant. */
export function vectorCommittee(): Committee {
  const seats = Array.from({ length: 5 }, (_, i): CommitteeSeat => {
    const epochKey = i === VACANT ? new Uint8Array(32) : (keys[i] as KeyPair).publicKey
    return { memberId: bytesOf(`simplex vector member ${i}`), epochKey, weight: 1 }
  })
  return createCommittee({ netId: bytesOf('vector net'), nid: bytesOf('vector home', 16), epoch: 7, seats })
}

const committee = vectorCommittee()

export function signedBallot(seat: number, verdict: Verdict): Ballot {
  return { ...verdict, seat, signature: (keys[seat] as KeyPair).sign(ballotMessage(committee, seat, verdict)) }
}

export function signedCandidate(leader: number, slot: number, parent: BlockMark, texts: readonly string[]): Candidate {
  const transactions = texts.map(fromText)
  const payloadDigest = payloadDigestOf(payloadOf(transactions))
  const fields = { leader, slot, parentSlot: parent.slot, parentHash: parent.hash, payloadDigest }
  const header = composeHeader(committee, fields)
  const signature = (keys[leader] as KeyPair).sign(candidateMessage(committee, header))
  return { ...header, signature, transactions }
}

function certificateOf(verdict: Verdict): Uint8Array {
  const ballots = [3, 1, 0, 2].map((seat) => signedBallot(seat, verdict))
  return blockCertificateBytes(committee, verdict, ballots)
}

export function goldenSimplex(): Record<string, Uint8Array> {
  const first = signedCandidate(2, 0, { slot: null, hash: BEGINNING }, ['one', 'two'])
  const second = signedCandidate(1, 3, first, [])
  const rival = signedCandidate(1, 3, first, ['three'])
  const notarize = { kind: BALLOT.notarize, slot: 0, hash: first.hash }
  const finalize = { kind: BALLOT.finalize, slot: 3, hash: second.hash }
  const skip = { kind: BALLOT.skip, slot: 3, hash: NO_BLOCK }
  const finalized = certificateOf(finalize)
  return {
    candidate: candidateBytes(committee, first),
    emptyCandidate: candidateBytes(committee, second),
    notarize: ballotBytes(committee, signedBallot(0, notarize)),
    skip: ballotBytes(committee, signedBallot(1, skip)),
    finalize: ballotBytes(committee, signedBallot(2, finalize)),
    notarized: certificateOf(notarize),
    skipped: certificateOf(skip),
    finalized,
    finality: finalityBytes(finalized, []) as Uint8Array,
    finalityBelow: finalityBytes(finalized, [second]) as Uint8Array,
    doubleBallot: doubleBallotEvidence(
      committee,
      signedBallot(3, finalize),
      signedBallot(3, { ...finalize, kind: BALLOT.notarize, hash: rival.hash }),
    ),
    doubleCandidate: doubleCandidateEvidence(committee, second, rival),
    finalAndSkip: doubleBallotEvidence(committee, signedBallot(3, finalize), signedBallot(3, skip)),
  }
}

/** Golden messages with one thing wrong each. */
function refused(): { readonly name: string; readonly code: string; readonly bytes: Uint8Array }[] {
  const golden = goldenSimplex()
  const bodyOf = (name: string): Cbor[] => [...(decode(decodeEnvelope(golden[name] as Uint8Array).body) as Cbor[])]
  const changed = (name: string, changes: object): Uint8Array =>
    encodeEnvelope({ ...decodeEnvelope(golden[name] as Uint8Array), ...changes })
  const body = (name: string, at: number, value: Cbor): Uint8Array =>
    changed(name, { body: encode(bodyOf(name).with(at, value)) })
  return [
    {
      name: 'a candidate of another committee',
      code: 'wrong-epoch',
      bytes: changed('candidate', { scope: BEGINNING }),
    },
    { name: 'a candidate of nobody', code: 'unknown-sender', bytes: body('candidate', 0, VACANT) },
    { name: 'a candidate that stands on itself', code: 'bad-shape', bytes: body('candidate', 2, 1) },
    {
      name: 'a candidate with other transactions',
      code: 'tampered',
      bytes: changed('candidate', { attachment: encode([fromText('one')]) }),
    },
    {
      name: 'a candidate with a field too many',
      code: 'bad-shape',
      bytes: changed('candidate', { body: encode([...bodyOf('candidate'), 0]) }),
    },
    { name: 'a ballot of kind 3', code: 'bad-shape', bytes: body('notarize', 1, 3) },
    { name: 'a ballot of a seat that is not there', code: 'unknown-sender', bytes: body('notarize', 0, 5) },
    { name: 'a SKIP that names a block', code: 'bad-shape', bytes: body('skip', 3, BEGINNING) },
    {
      name: 'a ballot without a signature',
      code: 'bad-shape',
      bytes: changed('skip', { signature: new Uint8Array(0) }),
    },
    { name: 'a certificate of three seats', code: 'bad-certificate', bytes: body('finalized', 3, 7) },
    { name: 'a certificate with a vacant seat', code: 'unknown-sender', bytes: body('finalized', 3, 0b11101) },
    {
      name: 'a certificate without a quorum',
      code: 'bad-certificate',
      bytes: changed('finalized', {
        body: encode(
          bodyOf('finalized')
            .with(3, 7)
            .with(4, (bodyOf('finalized')[4] as Cbor[]).slice(0, 3)),
        ),
      }),
    },
    {
      name: 'a certificate with a signature',
      code: 'bad-shape',
      bytes: changed('skipped', { signature: new Uint8Array(64) }),
    },
    {
      name: 'evidence of one ballot twice',
      code: 'bad-shape',
      bytes: body('doubleBallot', 2, bodyOf('doubleBallot')[1] as Cbor),
    },
    {
      name: 'evidence the wrong way round',
      code: 'bad-shape',
      bytes: body('finalAndSkip', 1, bodyOf('finalAndSkip')[2] as Cbor),
    },
    {
      name: 'evidence of a SKIP beside a NOTARIZE',
      code: 'bad-shape',
      bytes: body('finalAndSkip', 2, bodyOf('doubleBallot')[1] as Cbor),
    },
    { name: 'evidence under the wrong kind', code: 'bad-shape', bytes: body('finalAndSkip', 0, 3) },
  ]
}

/** The file's content. */
export function simplexVectors() {
  const leaders = new Leaders(committee, new Uint8Array(32).fill(0x5e))
  return {
    about:
      'Statements of the Simplex lane, version 1. Five seats of weight 1, the last one vacant; epoch keys by seat. "leaders" are those of slots 0 to 11 under a seed of 32 times 0x5e. "refused" are messages with one thing wrong each.',
    cid: toHex(committee.cid),
    epochKeys: committee.seats.map(({ epochKey }) => toHex(epochKey)),
    leaders: Array.from({ length: 12 }, (_, slot) => leaders.of(slot)),
    golden: Object.fromEntries(Object.entries(goldenSimplex()).map(([name, bytes]) => [name, toHex(bytes)])),
    refused: refused().map(({ bytes, ...rest }) => ({ ...rest, bytes: toHex(bytes) })),
  }
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(simplexVectors(), null, 2)}\n`)

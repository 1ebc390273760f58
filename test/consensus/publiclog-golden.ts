/** One of everything that the public log puts on a wire or gives away, made from numbers, for the golden vectors. */

import { checkpointLines, checkpointText } from '../../src/consensus/publiclog/checkpoint.ts'
import { coseReceiptMessage, encodeCoseReceipt } from '../../src/consensus/publiclog/cose-receipt.ts'
import {
  type Bundle,
  bundleEnvelope,
  bundleLines,
  checkpointSubject,
  subjectSignedBytes,
} from '../../src/consensus/publiclog/cosignature.ts'
import {
  badEntryEvidence,
  checkpointEvidence,
  cosignatureEvidence,
  redrawEvidence,
} from '../../src/consensus/publiclog/fork.ts'
import type { LogHome } from '../../src/consensus/publiclog/homes-count.ts'
import { leafBytes } from '../../src/consensus/publiclog/leaf.ts'
import { NOTE_SIGNATURE, noteLine, verifierKey, writeNote } from '../../src/consensus/publiclog/note.ts'
import { leafHash } from '../../src/consensus/publiclog/proof.ts'
import {
  encodeReceipt,
  type ReceiptAnchor,
  type ReceiptParts,
  tlogProof,
} from '../../src/consensus/publiclog/receipt.ts'
import { redrawSeed, redrawSubject } from '../../src/consensus/publiclog/redraw.ts'
import type { CompleteCheckpoint, Sequencer } from '../../src/consensus/publiclog/sequencer.ts'
import { fromText, toHex } from '../../src/core/bytes.ts'
import { encodeEnvelope } from '../../src/core/envelope.ts'
import { keyPair } from './people.ts'
import {
  checkedBundle,
  checkedCheckpoint,
  documentOf,
  type Group,
  group,
  judgeOf,
  Masters,
  NET,
  SEED,
  settledOf,
} from './publiclog.ts'

export const HOMES = ['golden home 0', 'golden home 1', 'golden home 2'].map((name) => group(name, 4))
export const MASTER = group('golden master', 4, 3)
export const ELSEWHERE = {
  name: 'witness.example.org/w1',
  type: NOTE_SIGNATURE.cosigner,
  key: keyPair('elsewhere').publicKey,
} as const

function countedAs({ committee }: Group): LogHome {
  return { committee, nodes: committee.seats.map(({ memberId: id, weight }) => ({ id, weight })) }
}

/** What a verifier of the golden receipt knows. */
export const ANCHOR: ReceiptAnchor = {
  netId: NET,
  masterNodes: (cid) => (toHex(cid) === toHex(MASTER.committee.cid) ? MASTER.committee : null),
  neighborhood: (cid) => HOMES.find(({ committee }) => toHex(committee.cid) === toHex(cid))?.committee ?? null,
  homes: (epoch) =>
    epoch === 3 ? { seat: countedAs(HOMES[0] as Group), others: HOMES.slice(1).map(countedAs) } : null,
  policy: { neighborhoods: 3, cosigners: 1, known: [ELSEWHERE] },
}

const home = HOMES[0] as (typeof HOMES)[number]
export const STATEMENTS = [settledOf(home, 'golden a'), documentOf('golden deed'), settledOf(home, 'golden c')]

/** A log with three leaves, of which two are final. */
export function goldenLog(): { masters: Masters; last: CompleteCheckpoint; first: CompleteCheckpoint } {
  const masters = new Masters(MASTER, judgeOf(HOMES))
  const first = masters.order(STATEMENTS.slice(0, 2))
  for (const member of masters.members) if (first) member.cosigned(first.checkpoint)
  const last = masters.order(STATEMENTS.slice(2))
  if (!first || !last) throw new Error('the log does not move')
  return { masters, last, first }
}

/** Cosignatures over a text, of so many seats of a home. */
export function goldenBundle({ committee, keys }: (typeof HOMES)[number], text: string, seats: number): Uint8Array {
  const subject = checkpointSubject(text)
  const cosignatures = keys.slice(0, seats).map((key, seat) => {
    const seconds = 1_790_000_000 + seat
    return { seat, seconds, signature: key.sign(subjectSignedBytes(committee.cid, subject, seconds)) }
  })
  return encodeEnvelope(bundleEnvelope(committee.cid, subject, cosignatures))
}

export function goldenParts(index: number, seats = 3): ReceiptParts {
  const { masters, last } = goldenLog()
  const { book } = masters.members[0] as Sequencer
  const { text, size } = last.checkpoint
  const signed = keyPair('elsewhere').sign(fromText(`cosignature/v1\ntime 1790000099\n${text}`))
  return {
    body: book.entry(index) as Uint8Array,
    index,
    path: book.tree.inclusion(index, size),
    checkpoint: last.bytes,
    bundles: HOMES.map((of) => goldenBundle(of, text, seats)),
    lines: [noteLine(ELSEWHERE, signed, 1_790_000_099)],
  }
}

/** The rule of the document for each message, and its bytes. */
export function goldenMessages(): Record<string, { readonly rule: string; readonly bytes: Uint8Array }> {
  const { masters, last, first } = goldenLog()
  const tree = (masters.members[0] as Sequencer).book.tree
  const fork = new Masters(MASTER, judgeOf(HOMES))
  const other = fork.order([documentOf('golden lie')])?.checkpoint
  const same = fork.order([documentOf('golden lie 2')])?.checkpoint
  if (!other || !same) throw new Error('the fork does not move')
  const contradiction = { root: tree.headAt(1).root, path: tree.consistency(1, 3) }
  const bundles = [first.checkpoint.text, same.text].map((text) =>
    checkedBundle(goldenBundle(home, text, 1), home.committee),
  )
  const [one, two] = bundles
  const vote = redrawSubject({ generation: 1, seed: redrawSeed(SEED, 1), base: first.checkpoint })
  const voted = home.keys.map((key, seat) => {
    return { seat, seconds: 0, signature: key.sign(subjectSignedBytes(home.committee.cid, vote, 0)) }
  })
  const ballots = [first.checkpoint, same].map((base) => {
    const ballot = redrawSubject({ generation: 1, seed: redrawSeed(SEED, 1), base })
    const key = home.keys[1] as (typeof home.keys)[number]
    const signature = key.sign(subjectSignedBytes(home.committee.cid, ballot, 0))
    const bytes = encodeEnvelope(bundleEnvelope(home.committee.cid, ballot, [{ seat: 1, seconds: 0, signature }]))
    return checkedBundle(bytes, home.committee)
  }) as [Bundle, Bundle]
  const bad = Uint8Array.of(0x80)
  const badText = checkpointText({
    netId: NET,
    generation: 0,
    size: 1,
    root: leafHash(bad),
    epoch: 3,
    seed: SEED,
    network: 0,
  })
  const badSigned = [{ seat: 2, signature: (MASTER.keys[2] as (typeof MASTER.keys)[number]).sign(fromText(badText)) }]
  const badCheckpoint = { ...first.checkpoint, text: badText, signatures: badSigned }
  const evidence = (list: readonly Uint8Array[]) => ({ rule: 'log-evidence-message', bytes: list[0] as Uint8Array })
  return {
    settledLeaf: { rule: 'leaf-message', bytes: leafBytes(STATEMENTS[0] as (typeof STATEMENTS)[number]) },
    documentLeaf: { rule: 'leaf-message', bytes: leafBytes(STATEMENTS[1] as (typeof STATEMENTS)[number]) },
    checkpoint: { rule: 'checkpoint-message', bytes: last.bytes },
    cosignature: { rule: 'cosignature-message', bytes: goldenBundle(home, last.checkpoint.text, 3) },
    redrawVotes: {
      rule: 'cosignature-message',
      bytes: encodeEnvelope(bundleEnvelope(home.committee.cid, vote, voted)),
    },
    redraw: { rule: 'redraw', bytes: vote.content },
    doubleCheckpoint: evidence(checkpointEvidence(MASTER.committee, first.checkpoint, same)),
    doubleCheckpointOfSizes: evidence(checkpointEvidence(MASTER.committee, last.checkpoint, other, contradiction)),
    doubleCosignature: evidence(one && two ? cosignatureEvidence(home.committee, one, two) : []),
    doubleRedraw: evidence(redrawEvidence(home.committee, ...ballots)),
    badEntry: evidence(badEntryEvidence(MASTER.committee, badCheckpoint, { index: 0, entry: bad, path: [] })),
    receipt: { rule: 'log-receipt', bytes: encodeReceipt(goldenParts(1)) },
  }
}

/** What others read, as text. */
export function goldenTexts(): Record<string, string> {
  const { last } = goldenLog()
  const { checkpoint } = last
  const lines = checkpointLines(MASTER.committee, checkpoint)
  const bundle = checkedBundle(goldenBundle(home, checkpoint.text, 3), home.committee)
  return {
    checkpointNote: writeNote(checkpoint.text, [...lines, ...bundleLines(home.committee, bundle)]),
    tlogProof: tlogProof(goldenParts(1), ANCHOR),
    verifierKey: verifierKey(ELSEWHERE),
    coseReceipt: toHex(goldenCose(1)),
  }
}

/** A COSE receipt of a leaf, by the MasterNode of seat 0. */
export function goldenCose(index: number): Uint8Array {
  const { last } = goldenLog()
  const { path } = goldenParts(index)
  const key = MASTER.keys[0] as (typeof MASTER.keys)[number]
  const signature = key.sign(coseReceiptMessage(last.checkpoint.root, key.publicKey))
  return encodeCoseReceipt({ size: 3, index, path }, key.publicKey, signature)
}

/** A checkpoint out of its bytes. */
export function masterCheckpoint(bytes: Uint8Array) {
  return checkedCheckpoint(bytes, MASTER.committee)
}

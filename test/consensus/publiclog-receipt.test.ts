/** What leaves the public log: golden bytes, receipts in three forms read by strangers' rules, and evidence that convicts the guilty alone. */

import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Decoder } from 'cbor-x'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import {
  type Checkpoint,
  checkpointText,
  mergeSignatures,
  readCheckpointText,
} from '../../src/consensus/publiclog/checkpoint.ts'
import { verifyCoseReceipt } from '../../src/consensus/publiclog/cose-receipt.ts'
import {
  badEntryEvidence,
  checkpointEvidence,
  isLogEvidence,
  readLogEvidence,
  verifyLogEvidence,
} from '../../src/consensus/publiclog/fork.ts'
import { ForkWatch } from '../../src/consensus/publiclog/forkwatch.ts'
import { NOTE_SIGNATURE, noteCheck, readNote, verifierKey, writeNote } from '../../src/consensus/publiclog/note.ts'
import { leafHash } from '../../src/consensus/publiclog/proof.ts'
import { encodeReceipt, type ReceiptParts, verifyReceipt } from '../../src/consensus/publiclog/receipt.ts'
import type { Sequencer } from '../../src/consensus/publiclog/sequencer.ts'
import type { LogTree } from '../../src/consensus/publiclog/tree.ts'
import { Witness } from '../../src/consensus/publiclog/witness.ts'
import { equal, fromText, toHex } from '../../src/core/bytes.ts'
import { encode } from '../../src/core/codec.ts'
import { verifySignature } from '../../src/core/crypto.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/core/envelope.ts'
import { Cddl, readCbor } from '../kit/cddl.ts'
import { codeOf } from '../kit/refusal.ts'
import { leafHash9162, verifyInclusion9162 } from '../kit/rfc9162.ts'
import { bytesOf, type KeyPair } from './people.ts'
import {
  checkedBundle,
  checkedCheckpoint,
  cosign,
  documentOf,
  type Group,
  judgeOf,
  Masters,
  MemoryLog,
  NET,
  SEED,
  short,
} from './publiclog.ts'
import {
  ANCHOR,
  ELSEWHERE,
  goldenBundle,
  goldenCose,
  goldenLog,
  goldenMessages,
  goldenParts,
  goldenTexts,
  HOMES,
  MASTER,
  STATEMENTS,
} from './publiclog-golden.ts'

const home = HOMES[0] as Group
const parts = goldenParts(1)
const messages = goldenMessages()

const golden = suite('public log: golden bytes')
const vectors = JSON.parse(readFileSync(new URL('../vectors/publiclog.json', import.meta.url), 'utf8'))

golden('today’s code makes them, byte for byte', () => {
  const made = Object.entries(messages).map(([name, { bytes }]) => [name, toHex(bytes)])
  assert.equal(Object.fromEntries(made), vectors.messages)
  assert.equal(goldenTexts(), vectors.texts)
})

golden('fit the CDDL of the document', () => {
  const cddl = new Cddl(readFileSync(new URL('../../src/PROTOCOL.md', import.meta.url), 'utf8'))
  for (const [name, { rule, bytes }] of Object.entries(messages)) {
    assert.is(cddl.complaint(rule, readCbor(bytes)), '', name)
  }
  const own = [
    'leaf',
    'settled-leaf',
    'document-leaf',
    'checkpoint',
    'seat-signature',
    'cosignatures',
    'cosignature',
    'redraw',
  ]
  const more = [
    'double-checkpoint',
    'double-cosignature',
    'bad-entry',
    'signed-text',
    'contradiction',
    'log-path',
    'note-line',
  ]
  for (const rule of [...own, ...more]) assert.not(cddl.unused.includes(rule), rule)
})
golden.run()

const notes = suite('public log: notes')

notes('the note of Go’s package holds', () => {
  const text =
    'If you think cryptography is the answer to your problem,\nthen you don’t know what your problem is.\n'.replace(
      '’',
      "'",
    )
  const line =
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM='
  const { text: read, lines } = readNote(`${text}\n${line}\n`, 16)
  const key = Uint8Array.from(Buffer.from('ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW', 'base64')).slice(1)
  const peter = { name: 'PeterNeumann', type: NOTE_SIGNATURE.log, key }
  assert.is(verifierKey(peter), 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW')
  const check = lines[0] && noteCheck(read, lines[0], peter)
  assert.ok(check && verifySignature(check.key, check.message, check.signature))
  assert.is(lines[0] && noteCheck(read, lines[0], { ...peter, name: 'Peter' }), null)
  assert.is(writeNote(read, lines), `${text}\n${line}\n`)
})

notes('what is no note is refused', () => {
  const good = vectors.texts.checkpointNote as string
  assert.is(writeNote(readNote(good, 16).text, readNote(good, 16).lines), good)
  const bad = [
    good.slice(0, -1),
    good.replaceAll('— ', '- '),
    good.replace('— webx', '—  webx'),
    good.replace('\n\n', '\n'),
    good.replace('epoch', '\tepoch'),
    `${good}\n`,
    good.replace(/=\n$/, '\n'),
    '',
  ]
  for (const text of bad)
    assert.is(
      codeOf(() => readNote(text, 16)),
      'bad-shape',
      JSON.stringify(text),
    )
  assert.is(
    codeOf(() => readNote(good, 2)),
    'bad-shape',
  )
})
notes.run()

const receipts = suite('public log: receipts')
const graded = (change: Partial<ReceiptParts>, anchor = ANCHOR) =>
  verifyReceipt(encodeReceipt({ ...parts, ...change }), anchor).grade

receipts('say how far a leaf has come', () => {
  const verified = verifyReceipt(encodeReceipt(parts), ANCHOR)
  assert.equal([verified.grade, verified.weight, verified.weightMax, verified.index], ['network', 9, 12, 1])
  assert.is(verified.leaf.kind === 'document' && verified.leaf.note, 'golden deed')
  assert.is(verifyReceipt(encodeReceipt(goldenParts(2)), ANCHOR).grade, 'witnessed', 'two of three leaves are final')
  assert.is(graded({ bundles: parts.bundles.slice(1) }), 'logged')
  assert.is(graded({ lines: [] }), 'network')
  const [first, , third] = parts.bundles
  const text = goldenLog().last.checkpoint.text
  const short = goldenBundle(HOMES[1] as Group, text, 2)
  assert.is(graded({ bundles: [first, short, third] as Uint8Array[] }), 'logged')
  assert.is(graded({}, { ...ANCHOR, homes: () => null }), 'witnessed')
  assert.is(graded({ lines: [] }, { ...ANCHOR, homes: () => null }), 'logged')
  assert.is(graded({}, { ...ANCHOR, neighborhood: () => null }), 'logged')
})

receipts('that do not hold are refused', () => {
  const code = (change: Partial<ReceiptParts>, anchor = ANCHOR) => codeOf(() => graded(change, anchor))
  assert.is(code({ index: 0 }), 'bad-proof')
  assert.is(code({ body: documentOf('another').body }), 'bad-proof')
  assert.is(code({ path: parts.path.slice(1) }), 'bad-proof')
  assert.is(code({}, { ...ANCHOR, masterNodes: () => null }), 'unknown-sender')
  const shares = decodeEnvelope(parts.checkpoint)
  const { text, signatures } = checkedCheckpoint(parts.checkpoint, MASTER.committee)
  const few = encode([text, signatures.slice(0, 2).map(({ seat, signature }) => [seat, signature])])
  assert.is(code({ checkpoint: encodeEnvelope({ ...shares, body: few }) }), 'no-quorum')
  const swapped = signatures.map(({ seat }, i) => [
    seat,
    signatures[(i + 1) % signatures.length]?.signature as Uint8Array,
  ])
  assert.is(code({ checkpoint: encodeEnvelope({ ...shares, body: encode([text, swapped]) }) }), 'bad-signature')
  const other = goldenBundle(HOMES[0] as Group, goldenLog().first.checkpoint.text, 3)
  assert.is(code({ bundles: [other] }), 'bad-shape')
  const line = parts.lines[0] as (typeof parts.lines)[number]
  const broken = { ...line, content: Uint8Array.from(line.content, (byte, i) => (i === 20 ? byte ^ 1 : byte)) }
  assert.is(code({ lines: [broken] }), 'bad-signature')
  assert.is(
    codeOf(() => verifyReceipt(encode([2]), ANCHOR)),
    'bad-version',
  )
})

receipts('as a tlog-proof, held against the rules of C2SP and the RFC by node:crypto alone', () => {
  const [proof = '', text = '', signed = ''] = (vectors.texts.tlogProof as string).split('\n\n')
  const [head, extra = '', index = '', ...hashes] = proof.split('\n')
  assert.is(head, 'c2sp.org/tlog-proof@v1')
  const entry = Buffer.from(extra.replace('extra ', ''), 'base64')
  const [origin, size, root = ''] = text.split('\n')
  const path = hashes.map((hash) => Buffer.from(hash, 'base64'))
  const at = Number(index.replace('index ', ''))
  assert.ok(verifyInclusion9162(leafHash9162(entry), at, Number(size), path, Buffer.from(root, 'base64')))
  const lines = signed
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' '))
  const own = lines.filter(([, name]) => name === origin)
  assert.ok(own.length >= 3)
  for (const [, , base64 = ''] of own) {
    const signature = Buffer.from(base64, 'base64').subarray(4)
    assert.ok(MASTER.keys.some((key) => holds(key, `${text}\n`, signature)))
  }
  const [, , base64 = ''] = lines.find(([, name]) => name === ELSEWHERE.name) ?? []
  const line = Buffer.from(base64, 'base64')
  const message = `cosignature/v1\ntime ${line.readBigUInt64BE(4)}\n${text}\n`
  assert.ok(holds({ publicKey: ELSEWHERE.key }, message, line.subarray(12)))
})

receipts('as a COSE receipt, read by another CBOR library and by the rules of RFC 9942', () => {
  const bytes = goldenCose(1)
  const root = goldenLog().last.checkpoint.root
  const decoder = new Decoder({ mapsAsObjects: false })
  // tag 18 is one byte; other tests teach cbor-x to make something else of it
  assert.is(bytes[0], 0xd2)
  const decoded = decoder.decode(bytes.subarray(1)) as [
    Uint8Array,
    Map<number, Map<number, Uint8Array[]>>,
    null,
    Uint8Array,
  ]
  const [head, unprotected, payload, signature] = decoded
  const protectedHeader = decoder.decode(head) as Map<number, unknown>
  assert.equal([protectedHeader.get(1), protectedHeader.get(395), payload], [-8, 1, null])
  const proofs = unprotected.get(396)?.get(-1)
  const [size, index, path] = decoder.decode(proofs?.[0] as Uint8Array) as [number, number, Uint8Array[]]
  assert.ok(verifyInclusion9162(leafHash9162(parts.body), index, size, path, root))
  const key = MASTER.keys[0] as KeyPair
  const structure = encode(['Signature1', Uint8Array.from(head), new Uint8Array(0), root])
  assert.ok(holds(key, structure, signature))
  assert.equal(verifyCoseReceipt(bytes, parts.body, key.publicKey), { size: 3, index: 1, path: parts.path })
  assert.is(
    codeOf(() => verifyCoseReceipt(bytes, documentOf('x').body, key.publicKey)),
    'bad-signature',
  )
  assert.is(
    codeOf(() => verifyCoseReceipt(bytes.subarray(0, -1), parts.body, key.publicKey)),
    'bad-shape',
  )
})
receipts.run()

const evidence = suite('public log: evidence')

evidence('a sequencer that shows two views is convicted by the first exchange of checkpoints', () => {
  const views = [new Masters(MASTER, judgeOf(HOMES)), new Masters(MASTER, judgeOf(HOMES))]
  const seen = views.map((view, i) => {
    const checkpoint = view.order([documentOf(`view ${i}`)])?.checkpoint
    assert.ok(checkpoint)
    const of = HOMES[i] as Group
    const disk = new MemoryLog()
    const witness = new Witness({ committee: of.committee, seat: 0, judge: judgeOf(HOMES), records: disk })
    const place = { nid: of.committee.nid, neighborhoods: 3, all: false }
    assert.is(short(witness.offer(view.offerTo(witness, checkpoint, [documentOf(`view ${i}`)]), place)), 'cosign')
    assert.ok(cosign(witness, of.keys[0] as KeyPair, disk))
    const watch = new ForkWatch()
    assert.equal(watch.checkpoint(MASTER.committee, checkpoint, null), [])
    return { watch, checkpoint }
  })
  const [one, other] = seen as [(typeof seen)[number], (typeof seen)[number]]
  const found = one.watch.checkpoint(MASTER.committee, other.checkpoint, null)
  const guilty = found.map((bytes) => toHex(verifyLogEvidence(bytes, MASTER.committee).guilty))
  const both = one.checkpoint.signatures.filter(({ seat }) =>
    other.checkpoint.signatures.some((its) => its.seat === seat),
  )
  assert.equal(
    guilty,
    both.map(({ seat }) => toHex(MASTER.committee.seats[seat]?.memberId as Uint8Array)),
  )
  assert.ok(guilty.length >= 2, 'more than f of four')
  assert.equal(one.watch.checkpoint(MASTER.committee, other.checkpoint, null), [], 'said once')
  assert.equal(
    other.watch.checkpoint(MASTER.committee, one.checkpoint, null).map(toHex),
    found.map(toHex),
    'the same bytes',
  )
})

evidence('shares convict like whole checkpoints, and only who signed both', () => {
  const [a, b] = forks()
  const watch = new ForkWatch()
  const share = (of: typeof a, seats: readonly number[]) => {
    return { ...of, signatures: of.signatures.filter(({ seat }) => seats.includes(seat)) }
  }
  assert.equal(watch.checkpoint(MASTER.committee, share(a, [0]), null), [])
  assert.equal(watch.checkpoint(MASTER.committee, share(b, [1]), null), [])
  const [found, ...more] = watch.checkpoint(MASTER.committee, share(a, [1, 2]), null)
  assert.is(more.length, 0)
  assert.equal(verifyLogEvidence(found as Uint8Array, MASTER.committee).guilty, MASTER.committee.seats[1]?.memberId)
  assert.is(mergeSignatures(a.signatures.slice(0, 2), a.signatures.slice(1)).length, 3)
})

evidence('growth is no offence, whatever is shown with it', () => {
  const { masters, last, first } = goldenLog()
  const { tree } = (masters.members[0] as Sequencer).book
  const paths = [tree.consistency(2, 3), tree.consistency(1, 3), [], [bytesOf('x')]]
  for (const root of [first.checkpoint.root, tree.headAt(1).root, last.checkpoint.root]) {
    for (const path of paths) {
      assert.equal(checkpointEvidence(MASTER.committee, first.checkpoint, last.checkpoint, { root, path }), [])
    }
  }
  const watch = new ForkWatch()
  const own = { generation: 0, tree }
  for (const { checkpoint } of [first, last, first]) {
    assert.equal(watch.checkpoint(MASTER.committee, checkpoint, own), [])
  }
})

evidence('a view of another size convicts at once by the tree of the larger one, and only who signed both', () => {
  const { tree, checkpoints } = viewOf('here', 5)
  const small = viewOf('there', 2).checkpoints[1] as Checkpoint
  const large = checkpoints[4] as Checkpoint
  for (const seen of [
    [large, small],
    [small, large],
  ]) {
    const watch = new ForkWatch()
    const found = seen.flatMap((one) => watch.checkpoint(MASTER.committee, one, { generation: 0, tree }))
    const both = small.signatures.filter(({ seat }) => large.signatures.some((its) => its.seat === seat))
    assert.ok(both.length >= 2)
    assert.equal(
      found.map((bytes) => toHex(verifyLogEvidence(bytes, MASTER.committee).guilty)),
      both.map(({ seat }) => toHex(MASTER.committee.seats[seat]?.memberId as Uint8Array)),
    )
  }
  // whoever holds only the smaller tree cannot tell growth from a fork
  const blind = new ForkWatch()
  const own = { generation: 0, tree: viewOf('there', 2).tree }
  for (const one of [small, large]) {
    assert.equal(blind.checkpoint(MASTER.committee, one, own), [])
  }
})

evidence('a larger view whose tree is withheld convicts once the log here has outgrown it', () => {
  const { tree, checkpoints } = viewOf('here', 5)
  const withheld = viewOf('there', 4).checkpoints[3] as Checkpoint
  const watch = new ForkWatch()
  const early = { generation: 0, tree: viewOf('here', 2).tree }
  assert.equal(watch.checkpoint(MASTER.committee, checkpoints[1] as Checkpoint, early), [])
  assert.equal(watch.checkpoint(MASTER.committee, withheld, early), [])
  assert.equal(watch.grown(early), [])
  // the newest text came before the log here held its leaves
  assert.equal(watch.checkpoint(MASTER.committee, checkpoints[4] as Checkpoint, early), [])
  const found = watch.grown({ generation: 0, tree })
  assert.ok(found.length >= 2, `${found.length}`)
  for (const bytes of found) assert.is(verifyLogEvidence(bytes, MASTER.committee).kind, 'double-checkpoint')
  assert.equal(watch.grown({ generation: 0, tree }), [], 'said once')
})

evidence('nobody pushes out what another one has signed', () => {
  const [a, b] = forks()
  const watch = new ForkWatch()
  const only = (of: Checkpoint, seat: number, size = of.size): Checkpoint => {
    const { text } = of
    return {
      ...of,
      text: text.replace(`\n${of.size}\n`, `\n${size}\n`),
      signatures: of.signatures.filter((one) => one.seat === seat),
    }
  }
  watch.checkpoint(MASTER.committee, only(a, 1), null)
  for (let i = 0; i < 2_000; i++) watch.checkpoint(MASTER.committee, only(a, 0, 1_000 + i), null)
  assert.is(watch.checkpoint(MASTER.committee, only(b, 1), null).length, 1)
})

evidence('an entry that the network had cosigned convicts no MasterNode that went on from it', () => {
  const entry = Uint8Array.of(0x80)
  const head = { size: 1, root: leafHash(entry) }
  const text = checkpointText({ netId: NET, generation: 1, ...head, epoch: 3, seed: SEED, network: 1 })
  const signatures = [{ seat: 0, signature: (MASTER.keys[0] as KeyPair).sign(fromText(text)) }]
  const checkpoint = { ...readCheckpointText(text, NET), text, signatures, weight: 1 }
  assert.equal(badEntryEvidence(MASTER.committee, checkpoint, { index: 0, entry, path: [] }), [])
  const nothing = new Uint8Array(0)
  const body = encode([18, 0, [text, 0, signatures[0]?.signature as Uint8Array], 0, entry, nothing])
  const made = { type: 6, scope: MASTER.committee.cid, body, signature: nothing, attachment: nothing }
  assert.is(
    codeOf(() => readLogEvidence(made, MASTER.committee)),
    'bad-shape',
  )
})

evidence('of every kind is verified, and no bit of it can be changed', () => {
  const cases = [
    ['doubleCheckpoint', MASTER, 'double-checkpoint', 0],
    ['doubleCheckpointOfSizes', MASTER, 'double-checkpoint', 0],
    ['doubleCosignature', home, 'double-cosignature', 0],
    ['doubleRedraw', home, 'double-redraw', 1],
    ['badEntry', MASTER, 'bad-entry', 2],
  ] as const
  for (const [name, of, kind, seat] of cases) {
    const { bytes } = messages[name] as (typeof messages)[string]
    const read = verifyLogEvidence(bytes, of.committee)
    assert.ok(isLogEvidence(decodeEnvelope(bytes)))
    assert.equal([read.kind, toHex(read.guilty)], [kind, toHex(of.committee.seats[seat]?.memberId as Uint8Array)])
    for (let at = 0; at < bytes.length; at += 41) {
      const changed = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 1 : byte))
      assert.ok(codeOf(() => verifyLogEvidence(changed, of.committee)).length > 0, `${name} ${at}`)
    }
  }
})

evidence('of what is no offence is refused', () => {
  const [a] = forks()
  const { last } = goldenLog()
  const signed = ({ text, signatures }: typeof a) => [text, 0, signatures[0]?.signature as Uint8Array]
  const make = (fields: Parameters<typeof encode>[0]) => {
    const nothing = new Uint8Array(0)
    const body = encode(fields)
    return codeOf(() =>
      readLogEvidence(
        { type: 6, scope: MASTER.committee.cid, body, signature: nothing, attachment: nothing },
        MASTER.committee,
      ),
    )
  }
  const sides = [a, last.checkpoint].sort((x, y) => (x.text < y.text ? -1 : 1)).map(signed)
  assert.is(make([16, 0, ...sides, []]), 'bad-shape', 'sizes differ and nothing is shown')
  assert.is(make([16, 0, signed(a), signed(a), []]), 'bad-shape', 'twice the same')
  const { bytes } = messages['doubleCheckpoint'] as (typeof messages)[string]
  const fields = readCbor(decodeEnvelope(bytes).body) as [
    number,
    number,
    [string, number, Uint8Array],
    [string, number, Uint8Array],
  ]
  assert.is(make([16, 0, fields[3], fields[2], []]), 'bad-shape', 'not sorted')
  assert.is(make([16, 9, fields[2], fields[3], []]), 'unknown-sender')
  assert.is(make([19, 0, fields[2], fields[3]]), 'bad-shape')
  assert.is(make([20, 0, fields[2], fields[3]]), 'bad-shape')
  assert.is(
    make([18, 0, signed(last.checkpoint), 1, STATEMENTS[1]?.body as Uint8Array, path(1)]),
    'bad-shape',
    'a leaf',
  )
  assert.is(
    codeOf(() => verifyLogEvidence(bytes, home.committee)),
    'wrong-epoch',
  )
})

evidence('a witness that cosigns two views is convicted like a MasterNode', () => {
  const [a, b] = forks()
  const watch = new ForkWatch()
  const bundles = [a, b].map(({ text }) => checkedBundle(goldenBundle(home, text, 2), home.committee))
  const found = bundles.flatMap((bundle) => watch.cosignatures(home.committee, bundle, null))
  assert.equal(
    found.map((bytes) => verifyLogEvidence(bytes, home.committee).kind),
    ['double-cosignature', 'double-cosignature'],
  )
})
evidence.run()

/** A log of so many leaves, and its checkpoints. */
function viewOf(name: string, size: number): { readonly tree: LogTree; readonly checkpoints: readonly Checkpoint[] } {
  const masters = new Masters(MASTER, judgeOf(HOMES))
  const checkpoints = Array.from({ length: size }, (_, i) => masters.order([documentOf(`${name} ${i}`)])?.checkpoint)
  return { tree: (masters.members[0] as Sequencer).book.tree, checkpoints: checkpoints as Checkpoint[] }
}

/** Two checkpoints of one size, signed by the same. */
function forks() {
  const made = ['fork a', 'fork b'].map(
    (name) => new Masters(MASTER, judgeOf(HOMES)).order([documentOf(name)])?.checkpoint,
  )
  const [a, b] = made
  if (!a || !b || equal(a.root, b.root)) throw new Error('no fork')
  return [a, b] as const
}

function path(index: number): Uint8Array {
  return Buffer.concat(goldenParts(index).path)
}

function holds(
  { publicKey }: Pick<KeyPair, 'publicKey'>,
  message: string | Uint8Array,
  signature: Uint8Array,
): boolean {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey])
  const bytes = typeof message === 'string' ? fromText(message) : message
  return verify(null, bytes, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)
}

/**
 * Proofs at a till: ranges of 64 bits against the library that a user could take instead, and rings of 25, for which there is none.
 *
 * Each range row begins with a fresh commitment, because the rival's commitments and openings are spent by the proof that they are in.
 */

import { randomBytes } from 'node:crypto'
import '../src/drivers/wasm-files.ts'
import { commit, openingOf } from '../src/proof/commitment.ts'
import { checkLinkable, proveLinkable } from '../src/proof/linkable.ts'
import { checkMember, proveMember } from '../src/proof/member.ts'
import { checkRange } from '../src/proof/range.ts'
import { proveRange } from '../src/proof/range-prove.ts'
import { proofKeyOf } from '../src/proof/secret.ts'
import { group as defaultGroup } from '../src/wasm/group.ts'
import { type Contender, race } from './kit/measure.ts'
import { Peers } from './kit/peers.ts'
import { OURS, type Report, type Row, reportOf, rowOf } from './kit/report.ts'
import type { BenchOptions } from './run.ts'

interface Solana {
  readonly PedersenOpening: new () => object
  readonly PedersenCommitment: { from(value: bigint, opening: object): object }
  readonly BatchedRangeProofU64Data: new (
    commitments: object[],
    values: BigUint64Array,
    bits: Uint8Array,
    openings: object[],
  ) => { verify(): void; free(): void }
}

const VALUE = 12_345_678_901_234n
const BITS = 64
const MEMBERS = 25
const context = { audience: random(32), nonce: random(16), purpose: 'price', ping: random(16) }

/** Measures. */
export async function run({ quick }: BenchOptions): Promise<Report> {
  const peers = await Peers.open()
  const solana = await peers.load<Solana>('@solana/zk-sdk', '@solana/zk-sdk/node')
  const rows: Row[] = []
  const row = async (name: string, contenders: Contender[], note: string): Promise<void> => {
    process.stderr.write(`proof: ${name}\n`)
    rows.push(rowOf(name, 'ops/s', await race(contenders, { quick }), 1, note === '' ? {} : { note }))
  }
  const theirs = solana === null ? [] : [rival(solana.name, solana.api)]
  const range = [ours(), ...theirs]
  await row(
    'prove 64 bits',
    range.map((each) => each.prove),
    'commitment and proof',
  )
  await row(
    'check 64 bits',
    range.map((each) => each.check),
    '',
  )
  for (const { name, prove, check } of rings()) {
    await row(`prove ${name}`, [prove], '')
    await row(`check ${name}`, [check], '')
  }
  return reportOf('proof', rows, peers.unavailable)
}

function ours(): { prove: Contender; check: Contender } {
  const group = defaultGroup()
  const prove = () => {
    const opening = openingOf(group, VALUE, random)
    const proof = proveRange(group, { openings: [opening], bits: BITS, about: [] }, context, random)
    return { statement: { commitments: [commit(group, opening)], bits: BITS, about: [] }, proof }
  }
  const made = prove()
  const check = () => checkRange(group, made.statement, made.proof, context)
  return contenders(OURS, prove, check)
}

function rival(name: string, api: Solana): { prove: Contender; check: Contender } {
  const make = () => {
    const opening = new api.PedersenOpening()
    const commitment = api.PedersenCommitment.from(VALUE, opening)
    return new api.BatchedRangeProofU64Data([commitment], BigUint64Array.of(VALUE), Uint8Array.of(BITS), [opening])
  }
  const made = make()
  return contenders(
    name,
    () => make().free(),
    () => made.verify(),
  )
}

function rings(): { name: string; prove: Contender; check: Contender }[] {
  const group = defaultGroup()
  const keys = Array.from({ length: MEMBERS }, () => proofKeyOf(group, random(32)))
  const ring = { keys: keys.map((key) => key.publicKey), about: random(32) }
  const where = { shop: random(32), day: 740_000 }
  const me = keys[7] as (typeof keys)[number]
  const prove = () => proveMember(group, ring, me, context, random)
  const proveTag = () => proveLinkable(group, ring, where, me, context, random)
  const [proof, tagProof] = [prove(), proveTag()]
  return [
    { name: `member of ${MEMBERS}`, ...contenders(OURS, prove, () => checkMember(group, ring, proof, context)) },
    {
      name: `tag of one of ${MEMBERS}`,
      ...contenders(OURS, proveTag, () => checkLinkable(group, ring, where, tagProof, context)),
    },
  ]
}

/** Both throw where a proof cannot be made or does not hold, so their answer is that they do not. */
function contenders(name: string, prove: () => unknown, check: () => unknown): { prove: Contender; check: Contender } {
  const holds = (work: () => unknown) => () => {
    work()
    return true
  }
  return { prove: { name, run: prove, answer: holds(prove) }, check: { name, run: check, answer: holds(check) } }
}

function random(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length))
}

/**
 * What a stopped member's disk says: its log of votes, its register and its money, read back by nothing but its store.
 */

import { existsSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readCertificate } from '../../src/consensus/certificate.ts'
import type { Committee } from '../../src/consensus/committee.ts'
import { readOrder } from '../../src/consensus/order.ts'
import { META, SPACE, slotOfKey, voidHead } from '../../src/consensus/records.ts'
import { createRegister } from '../../src/consensus/register.ts'
import { readVoteBatch } from '../../src/consensus/statement.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { openSqliteStore } from '../../src/drivers/sqlite-store.ts'
import type { Genesis } from '../../src/identity/genesis.ts'
import type { Store } from '../../src/kernel/ports.ts'
import { type ObjectState, balanceOf as stateBalance } from '../../src/ledger/account.ts'
import { assertConserved, type Supply, supplies } from '../../src/ledger/conservation.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import { withTemp } from './temp.ts'
import type { Witness } from './witness.ts'

/** One member's books, after it was stopped. */
export interface Books {
  readonly seat: number
  /** What is wrong with its log, in itself and beside what was heard on the wire. */
  readonly violations: readonly string[]
  /** It has stopped voting for the epoch. */
  readonly abstains: boolean
  /** Number of its batches. */
  readonly batches: number
  /** Totals; they are conserved, or reading throws. */
  readonly supplies: readonly Supply[]
  /** All settled objects, one line each: id, version, digest of its head, state. Equal lines mean equal books. */
  readonly lines: readonly string[]
  /** The order that is settled for a version, by a settlement or by the chain of blocks, hexadecimal; null where none is, or none at all was to be. */
  settled(oid: Uint8Array, version: number): string | null
  balance(oid: Uint8Array, asset: Uint8Array): number
}

/**
 * Reads all of the store of a member that does not run, in a copy, so that the member itself finds its disk as it left it.
 *
 * Throws `internal` where its money does not add up, `store-damaged`.
 */
export function readBooks(
  genesis: Genesis,
  committee: Committee,
  member: { readonly seat: number; readonly directory: string },
  witness: Witness,
): Promise<Books> {
  return withTemp(async (copy) => {
    for (const name of ['webx.db', 'webx.db-wal']) await copyIfThere(join(member.directory, name), join(copy, name))
    return readStore(genesis, committee, { seat: member.seat, directory: copy }, witness)
  })
}

async function copyIfThere(from: string, to: string): Promise<void> {
  if (existsSync(from)) await copyFile(from, to)
}

async function readStore(
  genesis: Genesis,
  committee: Committee,
  member: { readonly seat: number; readonly directory: string },
  witness: Witness,
): Promise<Books> {
  const { seat, directory } = member
  const store = await openSqliteStore({ path: join(directory, 'webx.db'), quickCheck: true })
  try {
    const log = readLog(store, committee, seat)
    const rules = createLedgerRules(genesis)
    const register = createRegister<ObjectState>({ committee, seat, rules, records: store })
    const totals = supplies({ objects: register.objects(), inFlight: register.inFlight() }, genesis)
    assertConserved(totals)
    const objects = [...register.objects()]
    const settled = new Map<string, string>()
    for (const { key, value } of store.scan(SPACE.settlement)) {
      const { oid, version, od } = readCertificate(decodeEnvelope(value), committee)
      settled.set(`${toHex(oid)}/${version}`, toHex(od))
      if (key.length !== 40) log.violations.push(`seat ${seat}: a settlement is stored under a strange key`)
    }
    const states = new Map(objects.map(({ oid, state }) => [toHex(oid), state]))
    for (const { oid, settled: version, settledHead } of objects) {
      if (!equal(settledHead, voidHead(oid, version))) settled.set(`${toHex(oid)}/${version}`, toHex(settledHead))
    }
    for (const { key, value } of store.scan(SPACE.order)) {
      const { oid, version } = slotOfKey(key)
      const name = `${toHex(oid)}/${version}`
      const isSettled = version < (register.object(oid)?.settled ?? 0)
      if (isSettled && !settled.has(name)) settled.set(name, toHex(readOrder(decodeEnvelope(value)).od))
    }
    return {
      seat,
      violations: [...log.violations, ...unlogged(seat, log.roots, witness)],
      abstains: store.get(SPACE.meta, META.abstain) !== null,
      batches: log.roots.size,
      supplies: totals,
      lines: objects.flatMap((object) => {
        const state = object.state ? toHex(rules.encodeState(object.state)) : '-'
        return object.settled === 0 && !object.state
          ? []
          : [`${toHex(object.oid)} ${object.settled} ${toHex(object.settledHead)} ${state}`]
      }),
      settled: (oid, version) => settled.get(`${toHex(oid)}/${version}`) ?? null,
      balance: (oid, asset) => stateBalance(states.get(toHex(oid)) ?? null, asset),
    }
  } finally {
    await store.close()
  }
}

interface VoteLog {
  readonly roots: ReadonlyMap<number, Uint8Array>
  readonly violations: string[]
}

/** The own batches: a chain from 1 on, with one order for each question. */
function readLog(store: Store, committee: Committee, seat: number): VoteLog {
  const roots = new Map<number, Uint8Array>()
  const violations: string[] = []
  const votes = new Map<string, string>()
  for (const { value } of store.scan(SPACE.batch)) {
    const batch = readVoteBatch(decodeEnvelope(value), committee)
    const before = roots.get(batch.sequence - 1) ?? new Uint8Array(32)
    if (batch.seat !== seat || batch.sequence !== roots.size + 1 || !equal(batch.previousRoot, before)) {
      violations.push(`seat ${seat}: the log breaks at batch ${batch.sequence}`)
    }
    roots.set(batch.sequence, batch.root)
    for (const { kind, oid, version, od } of batch.entries) {
      const name = `${kind}/${toHex(oid)}/${version}`
      const known = votes.get(name)
      if (known !== undefined && known !== toHex(od)) violations.push(`seat ${seat}: the log votes two ways at ${name}`)
      votes.set(name, toHex(od))
    }
  }
  return { roots, violations }
}

/** No vote leaves before its record is on the disk: whatever was heard is here. */
function unlogged(seat: number, roots: ReadonlyMap<number, Uint8Array>, witness: Witness): string[] {
  return witness.rootsOf(seat).flatMap(({ sequence, root }) => {
    const own = roots.get(sequence)
    if (!own) return [`seat ${seat}: its log lacks batch ${sequence}, which was on the wire`]
    return equal(own, root) ? [] : [`seat ${seat}: batch ${sequence} was another one on the wire`]
  })
}

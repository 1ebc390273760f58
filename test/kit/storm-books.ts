/** The books of a member that has stopped, in whatever epoch it did: its money, which must be conserved, and where each object stands. */

import { join } from 'node:path'
import { createNeighborhood } from '../../src/consensus/neighborhood.ts'
import { toHex } from '../../src/core/bytes.ts'
import { openSqliteStore } from '../../src/drivers/sqlite-store.ts'
import { anchorOf, seatingOf } from '../../src/epochs.ts'
import type { Genesis } from '../../src/identity/genesis.ts'
import { balanceOf, type ObjectState } from '../../src/ledger/account.ts'
import { assertConserved, type Supply, supplies } from '../../src/ledger/conservation.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'

export interface StormBooks {
  readonly epoch: number
  readonly supplies: readonly Supply[]
  /** Settled objects by id in hexadecimal: version, and the order at its head, which names all before it. */
  readonly heads: ReadonlyMap<string, { readonly version: number; readonly head: string }>
  /** It has stopped voting: its log was not whole. */
  readonly abstains: boolean
  balance(oid: Uint8Array, asset: Uint8Array): number
}

/** Reads a store as a node would that starts on it. Throws `internal` where money does not add up, and `store-damaged`. */
export async function readStormBooks(
  genesis: Genesis,
  member: { readonly id: Uint8Array; readonly directory: string },
): Promise<StormBooks> {
  const store = await openSqliteStore({ path: join(member.directory, 'webx.db'), quickCheck: true })
  try {
    const rules = createLedgerRules(genesis)
    const { register, term } = createNeighborhood<ObjectState>({
      anchor: anchorOf(genesis),
      memberId: member.id,
      rules,
      epochRules: seatingOf(genesis),
      records: store,
      organizationKey: genesis.organizationState.keys[0] ?? null,
    })
    const totals = supplies({ objects: register.objects(), inFlight: register.inFlight() }, genesis)
    assertConserved(totals)
    const objects = [...register.objects()].filter(({ settled }) => settled > 0)
    const states = new Map([...register.objects()].map(({ oid, state }) => [toHex(oid), state]))
    return {
      epoch: term.opening.epoch,
      supplies: totals,
      heads: new Map(
        objects.map(({ oid, settled, settledHead }) => [toHex(oid), { version: settled, head: toHex(settledHead) }]),
      ),
      abstains: register.abstaining,
      balance: (oid, asset) => balanceOf(states.get(toHex(oid)) ?? null, asset),
    }
  } finally {
    await store.close()
  }
}

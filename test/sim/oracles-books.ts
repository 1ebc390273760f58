/** Oracles about what was promised and what the disks say: nothing settled is lost, no money is made or credited twice, and everything ends well. */

import { decodeOpening } from '../../src/consensus/epoch/opening.ts'
import type { Order } from '../../src/consensus/order.ts'
import { readOrder } from '../../src/consensus/order.ts'
import { decodeObject, type ObjectRecord, SPACE, slotKey } from '../../src/consensus/records.ts'
import { fromHex, toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { assertFlows } from '../../src/ledger/abroad.ts'
import { balanceOf, decodeState, type ObjectState } from '../../src/ledger/account.ts'
import { assertConserved, supplies } from '../../src/ledger/conservation.ts'
import { shownByImport } from '../../src/ledger/import.ts'
import { operationOf } from '../../src/ledger/rules.ts'
import type { Disk } from './disk.ts'
import type { Notice } from './machine.ts'
import { type Accuse, byHome, type Ending, type Oracle, type Speaker, type Survivor } from './oracle.ts'
import { slotOf } from './oracles-votes.ts'
import type { Stage } from './stage.ts'

interface Book {
  readonly oid: Uint8Array
  readonly record: ObjectRecord
  readonly state: ObjectState | null
}

/** All objects on a disk. */
function booksOf(disk: Disk): Book[] {
  return [...disk.scan(SPACE.object)].map(({ key, value }) => {
    const record = decodeObject(value)
    return { oid: key, record, state: record.state ? decodeState(record.state) : null }
  })
}

interface Promised {
  readonly seat: number
  readonly oid: Uint8Array
  readonly version: number
  readonly od: Uint8Array | null
  /** It was shown a settlement, and must keep it. */
  readonly proven: boolean
}

/** What a node has called settled stays so: its disk names it at every later moment, whatever epochs come. */
export class NeverVoided implements Oracle {
  readonly name = 'settled is never voided'
  readonly #accuse: Accuse
  readonly #settled = new Map<string, string>()
  /** By seat and object, the highest version that was called settled. */
  readonly #promised = new Map<string, Promised>()
  /** By object, its home. */
  readonly #homes = new Map<string, string>()

  constructor(accuse: Accuse) {
    this.#accuse = accuse
  }

  reported({ seat }: Speaker, notice: Notice): void {
    if ((notice.kind === 'settled' || notice.kind === 'decided') && notice.order)
      this.#homes.set(toHex(notice.order.oid), toHex(notice.order.home))
    if (notice.kind === 'settled') {
      const { oid, version, od } = notice.order
      this.#promise({ seat, oid, version, od, proven: true })
    }
    if (notice.kind === 'decided') {
      this.#promise({ seat, ...notice, od: notice.order?.od ?? null, proven: false })
    }
  }

  inspected({ seat, joined = null }: Speaker, disk: Disk): void {
    const home = homeOf(disk) ?? joined
    for (const { seat: who, oid, version, od, proven } of this.#promised.values()) {
      // who has come into another home keeps nothing of the one before: that is for those who stayed
      if (who !== seat || (home !== null && this.#homes.get(toHex(oid)) !== home)) continue
      const stored = disk.get(SPACE.object, oid)
      const record = stored ? decodeObject(stored) : null
      const slot = slotOf({ oid, version })
      if (!record || record.settled < version) this.#accuse(this, `seat ${seat} has forgotten ${slot}`)
      else if (od && record.settled === version && toHex(record.settledHead) !== toHex(od)) {
        this.#accuse(this, `seat ${seat} has another order at ${slot}`)
      }
      if (proven && !disk.get(SPACE.settlement, slotKey(oid, version))) {
        this.#accuse(this, `seat ${seat} lacks the settlement of ${slot}`)
      }
    }
  }

  ended({ correct }: Ending): void {
    for (const node of correct) this.inspected(node, node.disk)
  }

  #promise(promised: Promised): void {
    const { seat, oid, version, od } = promised
    const name = `${seat} ${toHex(oid)}`
    const before = this.#promised.get(name)
    if (before && before.version >= version)
      this.#accuse(this, `seat ${seat} settled version ${version} after ${before.version}`)
    this.#promised.set(name, promised)
    const slot = slotOf({ oid, version })
    const what = od ? toHex(od) : 'nothing'
    const known = this.#settled.get(slot)
    if (known !== undefined && known !== what) this.#accuse(this, `two things are settled at ${slot}`)
    this.#settled.set(slot, what)
  }
}

/** The home of a node, by its disk; null where it has entered no epoch. */
function homeOf(disk: Disk): string | null {
  let home: string | null = null
  for (const { value } of disk.scan(SPACE.epochOpening)) home = toHex(decodeOpening(value).nid)
  return home
}

/** Every object is where its home is, and nowhere else; what was ever settled is there in the end. */
export class OneOwner implements Oracle {
  readonly name = 'one owner for each object'
  readonly #accuse: Accuse
  /** By object, its home, and the highest version that anybody has called settled. */
  readonly #settled = new Map<string, { readonly home: string; readonly version: number }>()

  constructor(accuse: Accuse) {
    this.#accuse = accuse
  }

  reported(_by: Speaker, notice: Notice): void {
    if (!(notice.kind === 'settled' || notice.kind === 'decided') || !notice.order) return
    const { oid, home, version } = notice.order
    const before = this.#settled.get(toHex(oid))?.version ?? 0
    this.#settled.set(toHex(oid), { home: toHex(home), version: Math.max(version, before) })
  }

  ended({ correct, healedMs }: Ending): void {
    if (healedMs === null) return
    const homes = byHome(correct)
    const owners = new Map<string, string>()
    for (const [home, survivors] of homes) {
      for (const { oid } of survivors.flatMap(({ disk }) => booksOf(disk))) {
        const other = owners.get(toHex(oid))
        if (other !== undefined && other !== home) this.#accuse(this, `an object is in two homes: ${toHex(oid)}`)
        owners.set(toHex(oid), home)
      }
    }
    for (const [oid, { home, version }] of this.#settled) {
      for (const { seat, disk } of homes.get(home) ?? []) {
        const book = booksOf(disk).find((one) => toHex(one.oid) === oid)
        if ((book?.record.settled ?? 0) < version)
          this.#accuse(this, `seat ${seat} lacks ${oid.slice(0, 8)}…/${version}`)
      }
    }
  }
}

/** Issued = held + in flight, on every disk at every moment. */
export class Conservation implements Oracle {
  readonly name = 'conservation'
  readonly #accuse: Accuse
  readonly #stage: Stage

  constructor(accuse: Accuse, stage: Stage) {
    this.#accuse = accuse
    this.#stage = stage
  }

  inspected({ seat }: Speaker, disk: Disk): void {
    const books = booksOf(disk)
    const inFlight = books.flatMap(({ oid, record }) => openOrders(disk, oid, record))
    try {
      assertConserved(supplies({ objects: books, inFlight }, this.#stage.world.genesis))
    } catch (error) {
      this.#accuse(this, `seat ${seat}: ${(error as Error).message}`)
    }
  }

  ended({ correct, healedMs }: Ending): void {
    for (const node of correct) this.inspected(node, node.disk)
    if (healedMs !== null) this.#overHomes([...byHome(correct).values()].map(([first]) => first as Survivor))
  }

  /** What one home has exported and no other has imported is on its way; nothing was imported that was not exported. */
  #overHomes(homes: readonly Survivor[]): void {
    const lists = homes.map(({ disk, home }) => {
      const books = booksOf(disk)
      const inFlight = books.flatMap(({ oid, record }) => openOrders(disk, oid, record))
      const flows = books.flatMap(({ state }) => state?.flows ?? [])
      return {
        home: fromHex(home),
        flows,
        supply: supplies({ objects: books, inFlight }, this.#stage.world.genesis)[0],
      }
    })
    const sum = (of: 'issued' | 'held' | 'inFlight' | 'exported' | 'imported'): number =>
      lists.reduce((all, { supply }) => all + (supply?.[of] ?? 0), 0)
    try {
      assertFlows(lists)
    } catch (error) {
      this.#accuse(this, `over homes: ${(error as Error).message}`)
    }
    const due = sum('held') + sum('inFlight') + sum('exported') - sum('imported')
    if (sum('issued') !== due) this.#accuse(this, `over homes: issued ${sum('issued')}, there are ${due}`)
  }
}

function openOrders(disk: Disk, oid: Uint8Array, { certified, settled }: ObjectRecord): Order[] {
  const orders: Order[] = []
  for (let version = settled + 1; version <= certified; version++) {
    const bytes = disk.get(SPACE.order, slotKey(oid, version))
    if (bytes) orders.push(readOrder(decodeEnvelope(bytes)))
  }
  return orders
}

/** In the end every balance is what the settled orders make it, each counted once; and nobody owes. */
export class ExactlyOnce implements Oracle {
  readonly name = 'exactly-once credit'
  readonly #accuse: Accuse
  readonly #stage: Stage
  /** By slot, what was called settled; null for nothing. */
  readonly #orders = new Map<string, Order | null>()

  constructor(accuse: Accuse, stage: Stage) {
    this.#accuse = accuse
    this.#stage = stage
  }

  reported(_by: Speaker, notice: Notice): void {
    if (notice.kind === 'settled') this.#orders.set(slotOf(notice.order), notice.order)
    if (notice.kind === 'decided') this.#orders.set(slotOf(notice), notice.order)
  }

  ended({ correct, healedMs }: Ending): void {
    if (healedMs === null) return
    for (const survivors of byHome(correct).values()) this.#check(survivors)
  }

  /** All of one home. */
  #check(survivors: readonly Survivor[]): void {
    const expected = this.#balances(survivors)
    for (const { seat, disk } of survivors) {
      for (const { oid, record, state } of booksOf(disk)) {
        const holds = balanceOf(state, this.#stage.world.asset)
        if (holds < 0) this.#accuse(this, `seat ${seat}: an account owes ${-holds}`)
        if (record.certified > record.settled) continue
        const due = expected.get(toHex(oid)) ?? 0
        if (holds !== due) this.#accuse(this, `seat ${seat}: an account holds ${holds}, settled orders make ${due}`)
      }
    }
  }

  /** What all settled orders make, by a ledger of four lines. */
  #balances(correct: readonly Survivor[]): Map<string, number> {
    const balances = new Map<string, number>()
    const add = (oid: Uint8Array, amount: number) => balances.set(toHex(oid), (balances.get(toHex(oid)) ?? 0) + amount)
    for (const { oid, record } of booksOf((correct[0] as Survivor).disk)) {
      let minted = 0
      for (let version = 1; version <= record.settled; version++) {
        const order = this.#orderAt(oid, version, correct)
        if (!order) continue
        const operation = operationOf(order)
        if (operation.kind === 'pay') add(oid, -operation.amount)
        if (operation.kind === 'pay') add(operation.to, operation.amount)
        if (operation.kind === 'pay-abroad') add(oid, -operation.amount)
        if (operation.kind === 'import') {
          const { order: paid } = shownByImport(order.attached)
          const shown = operationOf(readOrder(decodeEnvelope(paid)))
          if (shown.kind === 'pay-abroad') add(shown.to, shown.amount)
        }
        if (operation.kind === 'mint') add(operation.to, operation.cumulative - minted)
        if (operation.kind === 'mint') minted = operation.cumulative
      }
    }
    return balances
  }

  /** The settled order; where power failed before anybody could tell of it, the one that the disks agree on. */
  #orderAt(oid: Uint8Array, version: number, correct: readonly Survivor[]): Order | null {
    const told = this.#orders.get(slotOf({ oid, version }))
    if (told !== undefined) return told
    for (const { disk } of correct) {
      const bytes = disk.get(SPACE.order, slotKey(oid, version))
      if (bytes) return readOrder(decodeEnvelope(bytes))
    }
    this.#accuse(this, `nobody has the order that is settled at ${slotOf({ oid, version })}`)
    return null
  }
}

/** Once the faults have ended every order of an honest owner settles, at every correct node, within a bound; and what one has settled, all have. */
export class Finality implements Oracle {
  readonly name = 'finality after healing'
  readonly #accuse: Accuse
  readonly #expected: ReadonlyMap<string, string>
  readonly #homes: ReadonlyMap<string, string>

  /** `expected`: order by slot; `homes`: home by object. */
  constructor(accuse: Accuse, expected: ReadonlyMap<string, string>, homes: ReadonlyMap<string, string>) {
    this.#accuse = accuse
    this.#expected = expected
    this.#homes = homes
  }

  reported(_by: Speaker, notice: Notice): void {
    if (notice.kind !== 'settled') return
    const slot = slotOf(notice.order)
    const due = this.#expected.get(slot)
    if (due !== undefined && due !== toHex(notice.order.od)) this.#accuse(this, `not the order of its owner at ${slot}`)
  }

  /** The first version that is not settled with all survivors of its home though it must be, or is with another; null for none. */
  open(correct: readonly Survivor[]): string | null {
    const homes = byHome(correct)
    for (const [home, survivors] of homes) {
      const open = this.#openAt(
        home,
        survivors.map(({ disk }) => disk),
      )
      if (open) return open
    }
    return null
  }

  #openAt(home: string, disks: readonly Disk[]): string | null {
    const settled = disks.map((disk) => {
      const records = [...disk.scan(SPACE.object)]
      return new Map(records.map(({ key, value }) => [toHex(key), decodeObject(value).settled]))
    })
    const due = new Map<string, number>()
    const raise = (oid: string, version: number) => due.set(oid, Math.max(due.get(oid) ?? 0, version))
    for (const slot of this.#expected.keys()) {
      if (this.#homes.get(slot.slice(0, 64)) === home) raise(slot.slice(0, 64), Number(slot.slice(65)))
    }
    for (const one of settled) for (const [oid, version] of one) raise(oid, version)
    for (const [oid, version] of due) {
      if (settled.some((one) => (one.get(oid) ?? 0) < version)) return `${oid.slice(0, 8)}…/${version}`
    }
    return null
  }

  ended({ correct, healedMs }: Ending): void {
    if (healedMs !== null) return
    this.#accuse(this, `not settled everywhere, such as ${this.open(correct)}`)
  }
}

/** No engine stops, or stops voting, without a fault of its disk. */
export class StaysUp implements Oracle {
  readonly name = 'stays up'
  readonly #accuse: Accuse

  constructor(accuse: Accuse) {
    this.#accuse = accuse
  }

  reported({ seat }: Speaker, notice: Notice): void {
    if (notice.kind === 'abstains') this.#accuse(this, `seat ${seat} abstains though its log is whole`)
  }

  broke({ seat }: Speaker, error: Error): void {
    this.#accuse(this, `seat ${seat}: ${error.stack ?? error.message}`)
  }
}

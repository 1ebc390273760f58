/** Oracle about people who come from the kin of a neighborhood: nobody strange, nobody from nowhere, nobody with a seat at once, and in the end whoever came is there. */

import type { Opening } from '../../src/consensus/epoch/opening.ts'
import { equal, toHex } from '../../src/core/bytes.ts'
import type { Notice } from './machine.ts'
import type { Accuse, Ending, Oracle, Speaker } from './oracle.ts'
import type { Stage } from './stage.ts'

export class OnlyKin implements Oracle {
  readonly name = 'only kin come, to where they are needed'
  readonly #accuse: Accuse
  readonly #stage: Stage
  /** By home, how its newest epoch began. */
  readonly #newest = new Map<string, Opening>()

  constructor(accuse: Accuse, stage: Stage) {
    this.#accuse = accuse
    this.#stage = stage
  }

  reported(_by: Speaker, { kind, ...notice }: Notice): void {
    if (kind !== 'epoch' || !('opening' in notice)) return
    const { opening } = notice
    const home = toHex(opening.nid)
    const before = this.#newest.get(home)
    if (before && before.epoch >= opening.epoch) return
    this.#newest.set(home, opening)
    // whoever follows by hand-overs may have passed over epochs
    if (before?.epoch === opening.epoch - 1) this.#compare(before, opening)
  }

  /** Everybody whose home has been joined takes part there. */
  ended({ correct, healedMs }: Ending): void {
    if (healedMs === null) return
    for (const [home, { roster }] of this.#newest) {
      const there = new Set(correct.filter((node) => node.home === home).map(({ seat }) => seat))
      const absent = correct.filter(({ seat }) => {
        const person = this.#stage.people[seat]
        return !there.has(seat) && person && roster.some(({ id }) => equal(id, person.id))
      })
      for (const { seat } of absent) this.#accuse(this, `${seat} is on the roster of ${home.slice(0, 8)} and not there`)
    }
  }

  #compare(before: Opening, { nid, epoch, roster, loan, seats }: Opening): void {
    const where = `${toHex(nid).slice(0, 8)}, epoch ${epoch}`
    const were = new Set(before.roster.map(({ id }) => toHex(id)))
    const came = roster.map(({ id }) => toHex(id)).filter((id) => !were.has(id))
    const lent = (loan?.lent ?? []).map(toHex)
    if (came.join() !== lent.join()) this.#accuse(this, `${where}: ${came.length} came, ${lent.length} were lent`)
    const stay = roster.length - lent.length
    if (lent.length > 0 && stay >= (this.#stage.lending?.below ?? 0))
      this.#accuse(this, `${where}: ${stay} were enough`)
    for (const entry of roster) {
      if (this.#stage.numberOf(entry.id) === null) this.#accuse(this, `${where}: a stranger is on the roster`)
      if (lent.includes(toHex(entry.id)) && seats.some(({ memberId }) => equal(memberId, entry.id)))
        this.#accuse(this, `${where}: a seat for somebody who cannot be ready`)
    }
  }
}

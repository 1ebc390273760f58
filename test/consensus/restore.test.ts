/** A register that comes back from its records is the one that wrote them, at every point in time. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import type { Effect } from '../../src/consensus/effects.ts'
import type { Order } from '../../src/consensus/order.ts'
import { readVoteBatch, VOTE } from '../../src/consensus/statement.ts'
import { toHex } from '../../src/core/bytes.ts'
import { decodeEnvelope } from '../../src/core/envelope.ts'
import { encodeState } from '../../src/ledger/account.ts'
import { assertConserved, supplies } from '../../src/ledger/conservation.ts'
import { Member, of } from './member.ts'
import { prng } from './network.ts'
import { person, Wallet, world } from './people.ts'

const four = world(4)

/** All that can be seen of a register from outside. */
function portrait({ register }: Member): unknown {
  const objects = [...register.objects()]
    .filter(({ certified, state }) => certified > 0 || state !== null)
    .map(({ oid, certified, head, settled, settledHead, state }) => {
      const shown = state ? toHex(encodeState(state)) : ''
      return [toHex(oid), certified, toHex(head), settled, toHex(settledHead), shown].join(' ')
    })
  return {
    objects: objects.sort(),
    summary: register.summary().map(toHex),
    inFlight: register
      .inFlight()
      .map(({ od }) => toHex(od))
      .sort(),
    highest: register.highestBatch(),
    abstaining: register.abstaining,
  }
}

/** Own votes on the wire by slot; fails where one is given twice differently. */
class Wire {
  readonly #votes = new Map<string, string>()

  watch(member: Member, effects: readonly Effect[]): void {
    for (const { what, bytes } of of(effects, 'publish')) {
      if (what !== 'batch') continue
      for (const { kind, oid, version, od } of readVoteBatch(decodeEnvelope(bytes), member.committee).entries) {
        const slot = `${kind} ${toHex(oid)} ${version}`
        assert.ok((this.#votes.get(slot) ?? toHex(od)) === toHex(od), `two votes for ${slot}`)
        this.#votes.set(slot, toHex(od))
      }
    }
  }
}

const restoring = suite('restore')

restoring('40 random lives: restored after every third turn, unsynced turns lost, replayed to the same end', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = prng(seed)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
    const member = new Member(four)
    const steady = new Member(four)
    const wallets = ['alice', 'bob'].map((name) => new Wallet(four, person(name)))
    for (const wallet of wallets) {
      member.fund(wallet, wallet === wallets[0] ? 100 : 300)
      steady.fund(wallet, wallet === wallets[0] ? 100 : 300)
      break
    }
    const [payer, payee] = wallets as [Wallet, Wallet]
    const orders: Order[] = []
    for (let i = 0; i < 4; i++) {
      if (i === 2) orders.push(payer.peek(payer.pay(payee.oid, 7, 'rival')))
      orders.push(payer.order(payer.pay(payee.oid, 10 + i)))
    }
    const main = orders.filter((_, i) => i !== 2)
    const events: ((target: Member) => Effect[])[] = []
    for (let i = 0; i < 60; i++) {
      const order = pick(orders)
      const certified = pick(main)
      const seat = pick([1, 2, 3])
      const kind = pick([VOTE.lock, VOTE.confirm])
      const proof = member.proof(kind, certified)
      events.push(
        pick([
          (target) => target.order(order),
          (target) => target.order(order),
          (target) => target.votes(kind, certified, [seat]),
          (target) => target.votes(kind, certified, [seat]),
          (target) => (random() < 0.3 ? target.adopt(proof) : []),
        ]),
      )
    }
    const wire = new Wire()
    for (const [i, event] of events.entries()) {
      const effects = event(member)
      const synced = random() < 0.7
      effects.push(...member.turn(synced))
      if (synced) wire.watch(member, effects)
      const before = portrait(member)
      if (!synced || i % 3 === 0) {
        member.restart()
        if (synced) assert.equal(portrait(member), before, `seed ${seed} event ${i}`)
      }
      assertConserved(
        supplies({ objects: member.register.objects(), inFlight: member.register.inFlight() }, four.genesis),
      )
    }
    for (const order of main) {
      for (const target of [member, steady]) {
        target.order(order)
        target.adopt(target.proof(VOTE.lock, order))
        target.adopt(target.proof(VOTE.confirm, order))
        wire.watch(member, target === member ? member.turn() : [])
      }
    }
    steady.turn()
    const { objects, summary } = portrait(member) as { objects: string[]; summary: string[] }
    const expected = portrait(steady) as { objects: string[]; summary: string[] }
    assert.equal({ objects, summary }, { objects: expected.objects, summary: expected.summary }, `seed ${seed}`)
  }
})

restoring.run()

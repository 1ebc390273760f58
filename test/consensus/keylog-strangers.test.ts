/** What strangers and thieves hand in beside the key log of somebody else: it takes no place, stops no step, silences no alarm and outlives no rotation. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { type Order, readOrder } from '../../src/consensus/order.ts'
import { VOTE } from '../../src/consensus/statement.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/core/envelope.ts'
import type { Pay } from '../../src/ledger/payment.ts'
import { createLedgerRules } from '../../src/ledger/rules.ts'
import { accountId, accountNonce, NO_HEAD, nextOrder, type OrderFields } from '../../src/ledger/terms.ts'
import { type LogOwner, pairOf } from '../kit/keylog.ts'
import type { Pair } from '../kit/people.ts'
import { carrying, inceptOf, simpleOwner } from './keylogs.ts'
import { Member, of } from './member.ts'
import { bytesOf, issuerWallet, mint, signOrder, world } from './people.ts'

const w = world(4)
const { keyLogs } = createLedgerRules(w.genesis)

/** A member that knows an owner. */
function knowing(owner: LogOwner): Member {
  const member = new Member(w)
  member.settle(inceptOf(w, owner))
  member.turn()
  return member
}

/** What settles an event next in its lane, as the member sees it. */
function fieldsFor(member: Member, event: Uint8Array): OrderFields {
  const objects = { stateOf: (oid: Uint8Array) => member.register.object(oid)?.state ?? null }
  const proposal = keyLogs.propose(event, objects, (oid) => {
    const view = member.register.object(oid)
    return { version: view?.settled ?? 0, head: view?.settledHead ?? NO_HEAD }
  })
  if (!proposal) throw new Error('what the event follows is not settled here')
  return proposal.order
}

function eventOrder(member: Member, event: Uint8Array): Order {
  return carrying(w, fieldsFor(member, event), event)
}

function pay(owner: LogOwner, pair: Pair, keyPosition: number, amount: number): Order {
  const standing = { home: w.genesis.neighborhood, owner: owner.link().id, keyPosition, nonce: accountNonce() }
  const operation: Pay = {
    ...{ kind: 'pay', assetId: w.asset, amount, to: bytesOf('shop'), reference: bytesOf(`pay ${amount}`) },
    ...{ refundOf: new Uint8Array(0), memo: new Uint8Array(0) },
  }
  const terms = nextOrder({ ...standing, version: 0, head: NO_HEAD }, operation, bytesOf(`idem ${amount}`, 16), 1000)
  return signOrder(w.genesis, pair, terms)
}

/** The same order, its event signed by nobody. */
function unsigned({ envelope }: Order): Order {
  const event = decodeEnvelope(envelope.attachment)
  return readOrder({ ...envelope, attachment: encodeEnvelope({ ...event, signature: new Uint8Array(64) }) })
}

const codes = (effects: ReturnType<Member['order']>): string[] => of(effects, 'refused').map(({ code }) => code)

const test = suite('strangers and thieves beside key logs')

test('what a thief of next keys had waiting for money is refused once a renewal has put another key in his place', () => {
  const owner = simpleOwner({ recovery: true })
  const thief = owner.copy()
  const member = knowing(owner)
  const follow = (log: LogOwner, event: Uint8Array): void => {
    member.settle(eventOrder(member, event))
    log.append(event)
  }
  follow(thief, thief.rotation())
  follow(thief, thief.rotation())
  const theft = pay(owner, thief.keys[0] as Pair, 2, 80)
  assert.equal(
    of(member.order(theft), 'parked').map(({ code }) => code),
    ['insufficient-funds'],
  )
  follow(owner, owner.renewal())
  follow(owner, owner.rotation())
  const account = accountId(w.genesis.netId, w.genesis.neighborhood, owner.link().id)
  member.settle(issuerWallet(w).order(mint(w, 100, account)))
  // a credit wakes what waits for it
  member.turn()
  assert.is(member.register.sizes.openSlots, 0, 'nobody locks it')
  assert.is(member.register.sizes.parkedOrders, 0)
  const honest = pay(owner, owner.keys[0] as Pair, 2, 60)
  member.order(honest)
  member.turn()
  assert.equal(member.register.orderOf(account, 1)?.od, honest.od, 'the key that acts pays')
})

test('a decided event that waits with a bad signature stops no step, and nobody else who waits', () => {
  const owner = simpleOwner()
  const member = knowing(owner)
  const first = owner.rotation()
  const firstOrder = eventOrder(member, first)
  const ahead = owner.copy().append(first)
  const second = ahead.rotation()
  const further = knowing(owner)
  further.settle(firstOrder)
  const secondOrder = eventOrder(further, second)
  member.adopt(member.proof(VOTE.confirm, secondOrder))
  const paid = pay(owner, ahead.keys[0] as Pair, 1, 5)
  member.order(unsigned(secondOrder))
  member.order(paid)
  assert.is(member.register.sizes.parkedOrders, 2)
  // the vote of this member itself settles what they wait for
  member.order(firstOrder)
  member.votes(VOTE.lock, firstOrder, [1, 2])
  member.turn()
  member.votes(VOTE.confirm, firstOrder, [1, 2])
  const effects = member.turn()
  assert.equal(codes(effects), ['bad-signature'])
  assert.is(of(effects, 'verify').length, 1, 'the order of the new key is looked at')
  assert.is(member.register.sizes.parkedOrders, 0)
  member.order(secondOrder)
  assert.is(member.register.object(secondOrder.oid)?.settled, 2, 'the event itself comes in any time')
})

test('an order that was taken without a look at its signature, since a quorum had decided, accuses nobody', () => {
  const owner = simpleOwner()
  const member = knowing(owner)
  const rotation = owner.rotation()
  const rotated = eventOrder(member, rotation)
  const [young] = owner.keys as [Pair]
  const account = accountId(w.genesis.netId, w.genesis.neighborhood, owner.link().id)
  member.settle(issuerWallet(w).order(mint(w, 100, account)))
  const paid = pay(owner, young, 1, 5)
  member.adopt(member.proof(VOTE.confirm, paid))
  // whoever handed it in left the signature out; the key was not known here yet
  member.order(readOrder({ ...paid.envelope, signature: new Uint8Array(64) }))
  assert.is(member.register.object(account)?.settled, 1)
  member.settle(rotated)
  const twice = member.order(pay(owner, young, 1, 6))
  assert.equal(codes(twice), ['double-order'])
  assert.is(of(twice, 'evidence').length, 0, 'it would convince nobody')
})

test('a settled event under the next number is no second event for that place, and hides none', () => {
  const owner = simpleOwner()
  const member = knowing(owner)
  const first = owner.delegation(pairOf(900).publicKey)
  member.settle(eventOrder(member, first))
  owner.append(first)
  const thief = owner.copy()
  const [one, other] = [owner.delegation(pairOf(901).publicKey), thief.delegation(pairOf(902).publicKey)]
  const fields = fieldsFor(member, one)
  member.order(carrying(w, fields, one))
  // the stranger: an event that everybody has, numbered as the one that is under way
  const { keyPosition, idem, op } = fieldsFor(knowing(owner), first)
  const again = member.order(carrying(w, { ...fields, keyPosition, idem, op }, first))
  assert.equal(codes(again), ['replayed'])
  assert.is(of(again, 'duplicity').length, 0)
  const twice = member.order(carrying(w, fieldsFor(member, other), other))
  assert.is(of(twice, 'duplicity').length, 1, 'whoever signs two for one place is seen')
})

test.run()

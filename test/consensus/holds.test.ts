/** Holds over epochs: a payee captures while it may, and the payer has the rest back once nobody can capture any more. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import '../kit/wasm.ts'
import { balanceOf } from '../../src/ledger/account.ts'
import { Purser } from '../ledger/stage.ts'
import { Hoods } from './hoods.ts'
import { bytesOf, issuerWallet, mint, person, world } from './people.ts'

const w = world(4)
const NOTHING = new Uint8Array(0)
const test = suite('neighborhood: holds')

test('a release is voted for once the last epoch in which the payee may capture is over, and not before', () => {
  const net = new Hoods({ world: w })
  const [payer, payee] = [0, 1].map((i) => new Purser(w, person(`owner ${i}`))) as [Purser, Purser]
  const issuer = issuerWallet(w)
  for (const purser of [payer, payee]) net.send(purser.incept())
  net.run(200)
  net.send(issuer.order(mint(w, 1_000, payer.oid)))
  net.run(300)
  const balances = (purser: Purser): number[] =>
    net.nodes.map(({ hood }) => balanceOf(hood.register.object(purser.oid)?.state ?? null, w.asset))
  const terms = { assetId: w.asset, reference: bytesOf('hold') } as const
  payer.maxEpoch = 100
  const hold = payer.order({ kind: 'hold', ...terms, amount: 400, to: payee.oid, expiresEpoch: 0, key: NOTHING })
  net.send(hold)
  net.run(300)
  assert.equal(balances(payer), Array(4).fill(600))
  payee.maxEpoch = 0
  const capture = { kind: 'capture', ...terms, payer: payer.oid, hold: hold.od, claim: NOTHING } as const
  net.send(payee.order({ ...capture, amount: 150, released: 50 }))
  net.run(300)
  assert.equal([balances(payer), balances(payee)], [Array(4).fill(650), Array(4).fill(150)])
  const release = payer.order({ kind: 'release', hold: hold.od, assetId: w.asset, amount: 200 })
  net.send(release)
  net.run(1_000)
  assert.equal(balances(payer), Array(4).fill(650), 'the payee may still capture')
  for (const i of net.nodes.keys()) net.act(i, (hood) => hood.wantTurn())
  net.run(4_000)
  assert.is(net.nodes[0]?.hood.term.opening.epoch, 1)
  net.send(release)
  net.run(500)
  assert.equal(balances(payer), Array(4).fill(850), 'what nobody can capture any more comes back')
  net.send(payee.order({ ...capture, amount: 1, released: 0 }))
  net.run(500)
  assert.equal(balances(payee), Array(4).fill(150), 'too late')
})

test.run()

/** Epochs of a real net: a broker, stores, keys and votes; payments go on while seats change hands. */

import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../src/core/bytes.ts'
import { createKeyFile } from '../../src/drivers/key-file.ts'
import { admit, offerSeat } from '../../src/net.ts'
import { createTestnet } from '../../src/testnet.ts'

const test = suite('turning')
const POLICY = { seats: 5, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0 }

async function until(what: string, holds: () => boolean, ms = 60_000): Promise<void> {
  const end = Date.now() + ms
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`)
    await new Promise((resume) => setTimeout(resume, 25))
  }
}

test('epochs turn, a newcomer gets a seat and votes, and payments settle all the while', async () => {
  const net = await createTestnet(4, { epochs: { epochMs: 1_500, changeMs: 300 }, policy: POLICY })
  try {
    const nodes = () => net.members.flatMap(({ node }) => node ?? [])
    const eur = net.organization.assets.byCode('EUR')
    const payer = await net.addNode('payer')
    const payee = await net.addNode('payee')
    await payer.wallet.introduce()
    await net.organization.orders.place({
      reference: new Uint8Array(32).fill(1),
      nonce: (eur as NonNullable<typeof eur>).nonce,
      operation: { kind: 'mint', assetId: eur?.id as Uint8Array, cumulative: 1_000, to: payer.wallet.account },
    })
    await until('money', () => payer.wallet.balance(eur?.id as Uint8Array) === 1_000)
    let paid = 0
    const pay = async (): Promise<void> => {
      const reference = new Uint8Array(32).fill(++paid + 10)
      await payer.wallet.pay({ reference, asset: eur?.id as Uint8Array, amount: 1, to: payee.wallet.account }, 10_000)
    }
    await pay()
    await until('three epochs', () => nodes().every(({ agreed }) => agreed.committee.epoch >= 3))
    await pay()
    const keys = await createKeyFile(join(net.directory, 'newcomer', 'node.key'), 'device')
    const admission = await admit(await offerSeat(keys), net.organization.context.keys, net.genesis.netId)
    const newcomer = await net.addNode('newcomer', { keys, admission })
    await until('a seat', () => newcomer.agreed.seat !== null)
    assert.is(newcomer.agreed.committee.seats.filter(({ weight }) => weight > 0).length, 5)
    await until('its votes', () => newcomer.agreed.voting)
    await pay()
    await until('credits', () => payee.wallet.balance(eur?.id as Uint8Array) === paid)
    const roots = nodes().map(({ agreed }) => toHex(agreed.register.summary()[0] as Uint8Array))
    assert.is(new Set(roots).size, 1)
  } finally {
    await net.close()
  }
})

test.run()

/** A net of two neighborhoods as processes on a real broker: payments both ways while epochs turn in each, and a payee that was away. */

import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebxNode } from '../../src/boot.ts'
import { createTestnet } from '../../src/testnet.ts'

const test = suite('homes')
const SEATS = 4
const POLICY = { seats: SEATS, probationEpochs: 0, perTreeMax: 0, perOrganizationMax: 0 }
const PAY_MS = 30_000
const FUNDS = 30_000

async function until(what: string, holds: () => boolean, ms = 60_000): Promise<void> {
  const end = Date.now() + ms
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`)
    await new Promise((resume) => setTimeout(resume, 25))
  }
}

test('money goes from one neighborhood to the other and back, over epochs and absences, once', async () => {
  const program = [process.execPath, fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))]
  const memberCommand = ['/usr/bin/env', 'WEBX_EPOCHS_SECONDS=10', 'WEBX_LOG_LEVEL=error', ...program]
  const net = await createTestnet(SEATS, { processes: true, neighborhoods: 2, memberCommand, policy: POLICY })
  try {
    const [anna, first] = [
      await net.addNode('anna', { neighborhood: 0 }),
      await net.addNode('ben', { neighborhood: 1 }),
    ]
    let ben = first
    const eur = anna.assets.byCode('EUR')?.id as Uint8Array
    const nid = (node: WebxNode): Uint8Array => node.context.genesis.neighborhood
    let number = 0
    const pay = (from: WebxNode, to: WebxNode, amount: number) => {
      const request = { reference: new Uint8Array(32).fill(++number), asset: eur, amount }
      return from.wallet.pay({ ...request, to: to.wallet.account, home: nid(to) }, PAY_MS)
    }
    const have = (annas: number, bens: number) => (): boolean =>
      anna.wallet.balance(eur) === annas && ben.wallet.balance(eur) === bens

    const [asset] = net.organization.assets.all
    await net.organization.wallet.issue(asset as NonNullable<typeof asset>, FUNDS, anna.wallet.account)
    await until('money', have(FUNDS, 0))
    await pay(anna, ben, 700)
    await until('a credit over there', have(FUNDS - 700, 700))
    await pay(ben, anna, 300)
    await until('a credit back', have(FUNDS - 400, 400))
    // more than a plain quorum vouches for
    await pay(anna, ben, 20_000)
    await until('a large credit', have(FUNDS - 20_400, 20_400))

    const turned = (): boolean => {
      const others = [anna.homes.epochOf(nid(ben)), ben.homes.epochOf(nid(anna))]
      return [anna, ben].every(({ agreed }) => agreed.committee.epoch > 0) && others.every((epoch) => (epoch ?? 0) > 0)
    }
    await until('an epoch in each', turned)
    const { keys } = ben.context
    await ben.stop()
    await pay(anna, ben, 5)
    await until('word of its arrival', () => anna.abroad.underWay === 0)
    ben = await net.addNode('ben', { keys })
    await until('a credit that came meanwhile', have(FUNDS - 20_405, 20_405))
    await pay(ben, anna, 405)
    await until('a credit of a later epoch', have(FUNDS - 20_000, 20_000))
    assert.is([...anna.wallet.credits()].length, 3)
  } finally {
    await net.close()
  }
})

test.run()

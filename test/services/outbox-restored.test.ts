/** An outbox on an older copy of its disk, as a backup puts it back: what was paid since is not paid again. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readOrder } from '../../src/consensus/order.ts'
import { decodeEnvelope, TYPE } from '../../src/core/envelope.ts'
import '../../src/drivers/wasm-files.ts'
import { accountNonce } from '../../src/ledger/terms.ts'
import { MemoryNet, type MemoryNode, randomReference, typeOf } from '../kit/node.ts'

interface Shop {
  net: MemoryNet
  shop: MemoryNode
  payer: MemoryNode
}

const restored = suite<Shop>('outbox on a restored disk')
restored.before.each(async (context) => {
  context.net = new MemoryNet(4)
  await context.net.members()
  context.shop = await context.net.node(context.net.net.organization)
  context.payer = await context.net.node()
  await context.net.fund(context.shop, context.payer, 1_000)
})
restored.after.each(({ net }) => net.close())

restored('a wish that was still unsigned in the copy is not signed a second time', async ({ net, payer, shop }) => {
  const { reference, before } = await payWhile(net, payer, shop, async () => {
    // the copy is of the moment between the wish and its signature
    await net.until(() => payer.store.values('outbox').length === 1)
    return payer.store.afterPowerCut()
  })
  const { person } = payer
  payer.crash()
  const again = await net.node(person, { store: before })
  await net.until(() => again.wallet.settled(reference) !== null)
  await net.pass(20_000)
  assert.is(again.wallet.balance(net.asset(again).id), 990)
  assert.is(again.store.values('outbox').length, 0)
  assert.is(ordersOf(net, payer), 1)
  await net.pay(again, shop, 5)
  assert.is(again.wallet.balance(net.asset(again).id), 985)
})

restored(
  'wishes behind it are paid once, too, and those that nobody has paid still are',
  async ({ net, payer, shop }) => {
    const behind = [randomReference(), randomReference()]
    const { before } = await payWhile(net, payer, shop, async () => {
      const pay = (reference: Uint8Array, amount: number) =>
        payer.wallet.pay({ reference, asset: net.asset(payer).id, amount, to: shop.wallet.account }, 600_000)
      for (const [i, reference] of behind.entries()) pay(reference, 100 * (i + 1)).catch(() => {})
      await net.until(() => payer.store.values('outbox').length === 3)
      return payer.store.afterPowerCut()
    })
    await net.until(() => behind.every((reference) => payer.wallet.settled(reference) !== null))
    const { person } = payer
    payer.crash()
    const again = await net.node(person, { store: before })
    await net.until(() => behind.every((reference) => again.wallet.settled(reference) !== null))
    await net.pass(20_000)
    assert.is(again.wallet.balance(net.asset(again).id), 690)
    assert.is(again.store.values('outbox').length, 0)
  },
)

for (const [turn, moment] of ['on the disk', 'sent'].entries()) {
  restored(
    `nor is there a second order where the first settles before that is ${moment}`,
    async ({ net, payer, shop }) => {
      const orderTopic = payer.context.topics.order
      const sent: Uint8Array[] = []
      net.bus.loses = ({ topic, bytes, client }) => {
        const isLost = topic === orderTopic && client === payer.person.state.label && !isKeyLog(bytes)
        if (isLost) sent.push(bytes)
        return isLost
      }
      const reference = randomReference()
      const wish = { reference, asset: net.asset(payer).id, amount: 10, to: shop.wallet.account }
      const { sign } = payer.context.keys
      const held = Promise.withResolvers<void>()
      const isOrder = (message: Uint8Array) =>
        message[7] === TYPE.order && Buffer.from(message).includes(Buffer.from(accountNonce()))
      Object.assign(payer.context.keys, {
        sign: async (message: Uint8Array) => {
          if (isOrder(message)) await held.promise
          return sign(message)
        },
      })
      payer.wallet.pay(wish, 600_000).catch(() => {})
      await net.until(() => payer.store.values('outbox').length === 1)
      const before = payer.store.afterPowerCut()
      held.resolve()
      await net.until(() => sent.length > 0)
      payer.crash()
      // nobody has heard of the order: so it is signed again, and settles before that has had its turn
      let signs = 0
      const again = await net.node(payer.person, {
        store: before,
        keys: {
          sign: async (message) => {
            if (isOrder(message)) signs++
            return payer.person.sign(message)
          },
        },
      })
      const { road } = again.context
      const run = road.run.bind(road)
      const settled = Promise.withResolvers<void>()
      let turns = 0
      road.run = async (decide) => {
        if (signs > 0 && turns++ === turn) await settled.promise
        return run(decide)
      }
      await net.until(() => turns > turn)
      net.bus.loses = () => false
      await net.bus.connect('a recorder').publish(orderTopic, sent[0] as Uint8Array)
      await net.until(() => again.wallet.settled(reference) !== null)
      const published = net.bus.published.length
      settled.resolve()
      await net.pass(20_000)
      const orders = net.bus.published.slice(published).filter((message) => typeOf(message) === TYPE.order)
      assert.is(orders.filter(({ bytes }) => !isKeyLog(bytes)).length, 0, 'a second order for one version')
      assert.is(again.store.values('outbox').length, 0)
      await net.pay(again, shop, 5)
      assert.is(again.wallet.balance(net.asset(again).id), 985)
    },
  )
}

function isKeyLog(bytes: Uint8Array): boolean {
  return readOrder(decodeEnvelope(bytes)).nonce.every((byte) => byte === 0)
}

/** Pays 10 while no order comes through until `copy` has been taken; resolves when it is settled. */
async function payWhile<T>(net: MemoryNet, payer: MemoryNode, shop: MemoryNode, copy: () => Promise<T>) {
  const reference = randomReference()
  const { keys } = payer.context
  const { sign } = keys
  const held = Promise.withResolvers<void>()
  Object.assign(keys, {
    sign: async (message: Uint8Array) => {
      if (message[7] === TYPE.order) await held.promise
      return sign(message)
    },
  })
  const paying = payer.wallet.pay(
    { reference, asset: net.asset(payer).id, amount: 10, to: shop.wallet.account },
    600_000,
  )
  const before = await copy()
  held.resolve()
  await net.during(paying)
  return { reference, before }
}

/** How many different orders a node has sent since its account has money. */
function ordersOf(net: MemoryNet, node: MemoryNode): number {
  const sent = net.bus.published.filter(
    (message) => message.client === node.person.state.label && typeOf(message) === TYPE.order,
  )
  const orders = sent.map(({ bytes }) => readOrder(decodeEnvelope(bytes)))
  return new Set(
    orders.filter(({ nonce }) => nonce.some((byte) => byte !== 0)).map(({ od }) => Buffer.from(od).toString('hex')),
  ).size
}

restored.run()
